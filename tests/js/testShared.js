// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Values, arrays, lists and memory that processes share.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Mp from 'gi://Mp?version=1.0';
import System from 'system';

import {check, checkRejects, checkSame, checkThrows, makeContext, run, sourceDirectory, test} from './support.js';

function task(name) {
  return {module: './modules/sharing.js', name, base: import.meta.url};
}

async function runProcess(name, args) {
  const process = new Mp.Process({target: task(name), args});
  await process.start_async();
  await process.join_async();
  checkSame(process.exit_code, 0);
}

const BIG = 2n ** 60n;

// ---- Values

test('a value has the type that was wanted', () => {
  for (const [valueType, first, then] of [
    ['b', true, false], ['y', 7, 255], ['n', -7, 32767], ['q', 7, 65535], ['i', -7, 2147483647], ['u', 7, 4294967295],
    ['x', -7, BIG], ['t', 7, 2n ** 64n - 1n], ['d', -7.5, NaN],
    ['(dd)', [1, 2], [-3, 4.5]], ['(x(yq)i)', [1, [2, 3], 4], [-BIG, [5, 6], -7]], ['(yb)', [1, true], [2, false]],
  ]) {
    const value = new Mp.Value({valueType, value: first});
    checkSame(value.value, first, valueType);
    value.value = then;
    checkSame(value.value, then, valueType);
    checkSame(value.copy().value, then);
    checkSame(Mp.Value.new(valueType, first).get_value(), first);
    checkSame(value.value_type, valueType);
  }
  checkSame(new Mp.Value({value_type: 'i'}).value, 0); // eslint-disable-line camelcase
  checkSame(Mp.Value.new('u', new GLib.Variant('u', 5), null).value, 5);
  checkSame(new Mp.Value({format: 'b', value: -128}).value, -128);
  checkSame(new Mp.Value({format: 'f', value: 0.25}).value, 0.25);
  checkSame(new Mp.Value({format: 'c', value: 'A'.charCodeAt(0)}).value, 65);
  checkSame(Mp.Value.new_with_format('u', '☃'.codePointAt(0)).value, 9731);
  checkSame(`${new Mp.Value({valueType: 'd', value: 1.5, lock: new Mp.Lock()})}`,
    '<Mp.Value d 1.5 lock=<Mp.Lock unlocked>>');
});

test('what a value cannot be is refused', () => {
  const value = new Mp.Value({valueType: 'y', value: 1});
  const point = new Mp.Value({valueType: '(dd)'});
  for (const [call, type, pattern] of [
    [() => (value.value = 256), RangeError, /^value is 256, but has to be a whole number from 0 to 255/],
    [() => (value.value = 1.5), RangeError, /value is 1\.5, but has to be a whole number/],
    [() => (value.value = '1'), TypeError, /value is "1", but has to be a whole number/],
    [() => new Mp.Value({valueType: 'x', value: 2n ** 63n}), RangeError, /to 9223372036854775807/],
    [() => new Mp.Value({valueType: 'd', value: 1n}), TypeError, /has to be a number/],
    [() => new Mp.Value({valueType: 'b', value: 1}), TypeError, /has to be true or false/],
    [() => (point.value = [1]), TypeError, /value is an Array of 1, but has to be an Array of 2, for the type \(dd\)/],
    [() => (point.value = [1, 'two']), TypeError, /value\[1\] is "two"/],
    [() => point.add(1), TypeError, /is no number to add to/],
    [() => value.add(), TypeError, /amount is missing/],
    [() => value.add(0.5), RangeError, /amount is 0\.5/],
    [() => new Mp.Value({}), TypeError, /valueType is missing/],
    [() => new Mp.Value({valueType: 's'}), TypeError, /of fixed size/],
    [() => new Mp.Value({valueType: 'no'}), TypeError, /of fixed size/],
    [() => new Mp.Value({format: 'z'}), TypeError, /one of b, f, c, u/],
    [() => new Mp.Value({valueType: 'i', value: new GLib.Variant('u', 1)}), TypeError, /of type u, but has to be i/],
    [() => new Mp.Value({format: 'b', value: 128}), GLib.Error, /./],
    [() => new Mp.Value({valueType: 'i', lock: true}), TypeError, /lock is true, .*new Mp\.Lock\(\)/],
    [() => Mp.Value.new('i', 1, {}), TypeError, /lock is \[object Object\], .*new Mp\.Lock\(\)/],
    [() => value.run(() => 1), TypeError, /has no lock/],
    [() => value.run(1), TypeError, /func is 1/],
    [() => new Mp.Value('i'), TypeError, /new Mp\.Value\(\{valueType: 'i'\}\)/],
    [() => new Mp.Value('i', 5), TypeError, /new Mp\.Value\(\{valueType: 'i', value: 3\}\)/],
    [() => new Mp.Value({valueType: `(${'d'.repeat(600)})`}), GLib.Error, /./],
  ])
    checkThrows(call, type, pattern);
  checkSame(value.value, 1);
});

test('numbers are added up by processes that have no lock', async () => {
  const value = Mp.Value.new('i', 5);
  checkSame([value.add(2), value.add(-3)], [7, 4]);
  checkSame(Mp.Value.new('d', 0.5).add(0.25), 0.75);
  checkSame(Mp.Value.new('y', 255).add(1), 0);
  const long = Mp.Value.new('x', 2n ** 53n - 2n);
  checkSame([long.add(1), long.add(1), long.add(1), long.add(-3)],
    [2 ** 53 - 1, 2n ** 53n, 2n ** 53n + 1n, 2 ** 53 - 2]);
  checkSame([Mp.Value.new('x', BIG).add(1n), Mp.Value.new('t', 2n ** 64n - 2n).add(1)], [BIG + 1n, 2n ** 64n - 1n]);
  await Promise.all([runProcess('addUp', [value, 200]), runProcess('addUp', [value, 200])]);
  checkSame(value.value, 404);
});

test('processes count with the lock of a value', async () => {
  const value = new Mp.Value({valueType: 'x', value: 1000, lock: new Mp.RLock()});
  await Promise.all([runProcess('count', [value, 200]), runProcess('countAsync', [value, 200])]);
  checkSame(value.value, 1400);
  checkSame(await value.run(({value: number}) => value.lock.is_mine() && number), 1400);
  check(!value.lock.is_mine(), 'given back');
  const shared = value.synchronize(new Mp.Lock());
  shared.value = 1;
  checkSame(value.value, 1);
});

test('a main loop is told of what another process does', async () => {
  const value = Mp.Value.new('(id)', [1, 0.5]);
  const [ours, theirs] = Mp.Connection.new_pair();
  const seen = [];
  let changed;
  const isChanged = new Promise(resolve => (changed = resolve));
  const id = value.connect('notify::value', () => {
    seen.push(value.value);
    if (value.value[0] === 2)
      changed();
  });
  value.live = true;
  const process = new Mp.Process({target: task('setWhenTold'), args: [theirs, value, [2, 2.5]]});
  await process.start_async();
  theirs.close();
  ours.send('now');
  await isChanged;
  checkSame(seen.at(-1), [2, 2.5]);
  value.live = false;
  value.disconnect(id);
  await process.join_async();
  ours.close();
});

const Meter = GObject.registerClass({
  Properties: {
    fraction: GObject.ParamSpec.double('fraction', null, null, GObject.ParamFlags.READWRITE, 0, 1000, 0),
  },
}, class Meter extends GObject.Object {});

test('a number is shown by anything that has a double', async () => {
  const [value, meter] = [Mp.Value.new('i', 3), new Meter()];
  const flags = GObject.BindingFlags.SYNC_CREATE | GObject.BindingFlags.BIDIRECTIONAL;
  const binding = value.bind_property('number', meter, 'fraction', flags);
  checkSame(meter.fraction, 3);
  const isCounted = new Promise(resolve => {
    const id = meter.connect('notify::fraction', () => {
      if (meter.fraction !== 53)
        return;
      meter.disconnect(id);
      resolve();
    });
  });
  value.live = true;
  await Promise.all([runProcess('addUp', [value, 50]), isCounted]);
  meter.fraction = 8.7;
  checkSame([value.value, value.number], [9, 9]);
  binding.unbind();
  value.live = false;
  value.number = -1.4;
  checkSame([value.number, value.get_number()], [-1, -1]);
  checkThrows(() => value.set_number(1e10), GLib.Error, /does not fit/);
  checkSame(Mp.Value.new('(dd)').number, NaN);
  checkSame(Mp.Value.new('x', BIG).number, 2 ** 60);
});

// ---- Arrays

const VIEWS = [
  ['elementType', 'y', Uint8Array], ['elementType', 'n', Int16Array], ['elementType', 'q', Uint16Array],
  ['elementType', 'i', Int32Array], ['elementType', 'u', Uint32Array], ['elementType', 'x', BigInt64Array],
  ['elementType', 't', BigUint64Array], ['elementType', 'd', Float64Array], ['elementType', 'b', Uint8Array],
  ['format', 'b', Int8Array], ['format', 'f', Float32Array], ['format', 'c', Uint8Array], ['format', 'u', Uint32Array],
];

test('an array is seen by a typed array', () => {
  for (const [property, letter, type] of VIEWS) {
    const array = new Mp.Array({[property]: letter, length: 5});
    const view = array.view();
    checkSame(view, new type(5), letter);
    checkSame(array.view() === view, true, 'the view is made once');
    const isLong = type === BigInt64Array || type === BigUint64Array;
    view[4] = isLong ? 1n : 1;
    const one = letter === 'b' && property === 'elementType' ? true : 1;
    checkSame(array.at(4), one, letter);
    array.setAt(0, one);
    checkSame(view[0], isLong ? 1n : 1);
    checkSame([...array].length, 5);
    check(array.is_consistent(), 'as nobody died');
  }
});

test('an array is made of elements', () => {
  for (const type of [Uint8Array, Int8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array,
    Float64Array])
    checkSame(new Mp.Array({elements: type.of(1, 2, 100)}).view(), type.of(1, 2, 100), type.name);
  checkSame([...new Mp.Array({elements: BigInt64Array.of(-1n, BIG)})], [-1, BIG]);
  checkSame([...new Mp.Array({elementType: 'd', elements: [1, 2.5]})], [1, 2.5]);
  for (const [elements, type] of [[[1, 2], 'd'], [new Set([0.5]), 'd'], [[false, true], 'b'], [[7n, BIG], 'x']]) {
    const array = new Mp.Array({elements});
    checkSame(array.element_type, type);
    checkSame([...array], [...elements].map(element => (element === 7n ? 7 : element)));
  }
  checkSame([...new Mp.Array({elementType: 'i', elements: new Set([1, 2])})], [1, 2]);
  checkSame([...new Mp.Array({elementType: 'd', elements: Float32Array.of(0.5)})], [0.5]);
  checkSame([...Mp.Array.new_from_elements(new GLib.Variant('ai', [3, 4]), null)], [3, 4]);
  checkSame([...Mp.Array.new('b', 2)], [false, false]);
  checkSame(Mp.Array.new_with_format('f', 3).view(), new Float32Array(3));
  checkSame(new Mp.Array({elementType: 'd', length: 0}).view(), new Float64Array(0));
  const array = Mp.Array.new('i', 3);
  array.write(1, Int32Array.of(5, 6));
  checkSame([...array], [0, 5, 6]);
  checkThrows(() => array.write(1, Int16Array.of(5)), GLib.Error, /./);
  check([] instanceof Array && !([] instanceof Mp.Array), 'Array is still that of JavaScript');
});

test('an array has members as Arrays have', () => {
  const array = new Mp.Array({elementType: 'i', length: 3});
  array[0] = 5;
  array[2]--;
  checkSame([array[0], array[1], array[2]], [5, 0, -1]);
  checkSame(Array.prototype.map.call(array, element => 2 * element), [10, 0, -2]);
  checkSame([Array.prototype.indexOf.call(array, -1), Array.prototype.slice.call(array, 1), 'length' in array],
    [2, [0, -1], true]);
  checkSame([array['00'], array['1e0'], array['.'], array['1.0'], 'none' in array, '00' in array, -1 in array],
    [undefined, undefined, undefined, undefined, false, false, false]);
  checkSame([...array.view()], [5, 0, -1]);
  const flags = new Mp.Array({elements: [true, false]});
  flags[1] = true;
  checkSame([flags[0], flags.at(1)], [true, true]);
  const points = new Mp.Array({elementType: '(di)', length: 2});
  points[1] = [0.5, 7];
  checkSame([...points], [[0, 0], [0.5, 7]]);
  const list = new Mp.ShareableList({items: [1, 'two']});
  list[1] = 'ten';
  checkSame([list[0], list.at(1)], [1, 'ten']);
  checkThrows(() => list[2], RangeError, /position is 2/);
  // What is no position is a member as ever.
  array.note = 'mine';
  checkSame([array.note, array.other, array.length], ['mine', undefined, 3]);
  check(array instanceof Mp.Array && array instanceof GObject.Object, 'of its class');
  array.disconnect(array.connect('notify', () => 0));
});

test('positions of at() count from the end too', () => {
  const array = new Mp.Array({elementType: 'i', elements: [1, 2, 3]});
  const list = new Mp.ShareableList({items: [1, 2, 3]});
  for (const object of [array, list]) {
    checkSame([object.at(-1), object.at(-3), object.at(0)], [3, 1, 1]);
    object.set(0, 10);
    object.setAt(1, 20);
    object.set(-1, 30);
    checkSame([...object], [10, 20, 30]);
    object.setAt(-1, 31);
    checkSame(object.at(2), 31);
    for (const call of [() => object.at(-4), () => object.at(3), () => object.set(-4, 1), () => object.setAt(3, 1),
      () => object[-1], () => (object[-1] = 1)])
      checkThrows(call, RangeError, /position is/);
  }
});

test('an array of structures', () => {
  const points = new Mp.Array({elementType: '(dy)', elements: [[1, 2], [3.5, 4]]});
  checkSame(points.length, 2);
  checkSame(points.at(1), [3.5, 4]);
  points.setAt(0, [-1, 0]);
  checkSame([...points], [[-1, 0], [3.5, 4]]);
  checkSame(points.get_slice(1, 1), [[3.5, 4]]);
  points.set_slice(0, [[7, 8]]);
  checkSame(points.at(0), [7, 8]);
  checkSame(points.view().length, 32, 'bytes');
  checkSame(`${points}`, '<Mp.Array (dy) length=2>');
});

test('what an array cannot be is refused', () => {
  const array = Mp.Array.new('y', 2);
  for (const [call, type, pattern] of [
    [() => array.at(2), RangeError, /position is 2, but has to be a whole number from -2 on and below 2/],
    [() => array.at(-3), RangeError, /position is -3, but has to be a whole number from -2 on and below 2/],
    [() => array.at(0.5), RangeError, /position is 0\.5/],
    [() => array.get_element(-1), RangeError, /position is -1/],
    [() => array.set_element(-1, 1), RangeError, /position is -1/],
    [() => array.setAt('0', 1), TypeError, /position is 0, but has to be a number/],
    [() => array.setAt(0, 256), RangeError, /value is 256/],
    [() => array.set_slice(0, [1, 'x']), TypeError, /values\[1\] is "x"/],
    [() => array.set_slice(1, [1, 2]), GLib.Error, /./],
    [() => array.get_slice(1, -1), RangeError, /length is -1/],
    [() => new Mp.Array({length: 2}), TypeError, /elementType is missing/],
    [() => new Mp.Array({elements: ['a']}), TypeError, /elementType is missing, and the elements do not say it/],
    [() => new Mp.Array({elements: [1, true]}), TypeError, /elementType is missing, and the elements do not say it/],
    [() => new Mp.Array({elements: []}), TypeError, /elementType is missing/],
    [() => new Mp.Array({elementType: 'i', length: 1, lock: true}), TypeError, /lock is true, .*new Mp\.Lock\(\)/],
    [() => array[2], RangeError, /position is 2/],
    [() => array[-1], RangeError, /position is -1/],
    [() => array[0.5], RangeError, /position is 0\.5/],
    [() => (array[2] = 1), RangeError, /position is 2/],
    [() => (array[-1] = 1), RangeError, /position is -1/],
    [() => (array[0] = 256), RangeError, /value is 256/],
    [() => new Mp.Array({elementType: 'i', elements: 5}), TypeError, /not iterable/],
    [() => new Mp.Array({elements: new GLib.Variant('i', 5)}), TypeError, /of type 'i', which is no array/],
    [() => Mp.Array.new_from_elements(new GLib.Variant('(i)', [5])), TypeError, /type '\(i\)', which is no array/],
    [() => new Mp.Array({elementType: 'i', length: -1}), RangeError, /length is -1/],
    [() => new Mp.Array({elementType: 'i', length: 1.5}), RangeError, /length is 1\.5/],
    [() => new Mp.Array({elementType: 'ai', length: 1}), TypeError, /of fixed size/],
    [() => new Mp.Array({elementType: 'i', elements: [1, 2 ** 31]}), RangeError, /values\[1\] is 2147483648/],
    [() => Mp.Array.new('i'), TypeError, /length is missing/],
    [() => array.run(() => 1), TypeError, /has no lock/],
    [() => new Mp.Array([1, 2]), TypeError, /new Mp\.Array\(\{elements: \[1, 2\]\}\)/],
    [() => new Mp.Array('i', 3), TypeError, /new Mp\.Array\(\{elementType: 'i', length: 3\}\)/],
    [() => new Mp.Array(Float64Array.of(1)), TypeError, /new Mp\.Array\(\{elements: \[1, 2\]\}\)/],
    [() => new Mp.Array({elementType: 'i', length: '3'}), TypeError, /length is "3", but has to be a whole number/],
    [() => new Mp.Array({elementType: 'i', length: 1e15}), GLib.Error, /./],
  ])
    checkThrows(call, type, pattern);
});

test('an array is guarded by its lock', async () => {
  const array = new Mp.Array({elementType: 'i', length: 2, lock: new Mp.RLock()});
  checkSame(await array.run(() => array.lock.is_mine() && array.length), 2);
  check(!array.lock.is_mine(), 'given back');
  const other = new Mp.Lock();
  checkSame(Mp.Array.new('i', 2, other).lock, other);
});

for (const length of [10, 100000]) {
  test(`a view of ${length} elements is live between processes`, async () => {
    const array = new Mp.Array({elementType: 'd', length, lock: new Mp.Lock()});
    const view = array.view();
    view.forEach((_, i) => (view[i] = i));
    await array.run(() => check(array.lock.is_locked(), 'guarded'));
    await runProcess('doubleAll', [array]);
    checkSame([view[1], view[length - 1]], [2, 2 * (length - 1)]);
    checkSame(array.copy().at(3), 6);
  });
}

function countMappings() {
  const [, maps] = GLib.file_get_contents('/proc/self/maps');
  return new TextDecoder().decode(maps).split('\n').filter(line => line.includes('memfd:')).length;
}

function makeView(i, hasState) {
  const array = new Mp.Array({elementType: 'd', length: 100000});
  if (hasState)
    array.note = 'keeps the object that GJS made for it';
  const view = array.view();
  view[99999] = i;
  return view;
}

function useViews() {
  const views = Array.from({length: 40}, (_, i) => makeView(i, i % 2 === 0));
  System.gc();
  views.forEach(view => (view[0] = 1));
  checkSame(views.map(view => view[99999]), [...Array(40).keys()]);
  return countMappings();
}

test('views keep the memory, and nothing else does', async () => {
  System.gc();
  const before = countMappings();
  checkSame(useViews() - before, 40, 'the number of arrays mapped');
  await null;
  System.gc();
  // The engine looks for references on its stack, too, and may find one that is none.
  check(countMappings() < before + 5, `${countMappings() - before} mappings are left`);
});

// ---- Memory

test('memory is read, written and seen', async () => {
  const memory = new Mp.SharedMemory({size: 100});
  const view = memory.view();
  memory.write(10, Uint8Array.of(1, 2, 3));
  memory.write(20, Uint16Array.of(0x0101).buffer);
  checkSame([...view.subarray(10, 13)], [1, 2, 3]);
  view[11] = 9;
  const copy = memory.read(10, 3);
  checkSame(copy, Uint8Array.of(1, 9, 3));
  copy[0] = 7;
  checkSame([view[10], view[20], view[21]], [1, 1, 1]);
  checkSame([memory.read().length, memory.read(90).length], [100, 10]);
  checkSame(memory.view() === view, true);
  for (const [call, type, pattern] of [
    [() => memory.read(90, 20), GLib.Error, /./],
    [() => memory.write(99, Uint8Array.of(1, 2)), GLib.Error, /./],
    [() => memory.write(0, 'text'), TypeError, /are no bytes/],
    [() => memory.write(-1, Uint8Array.of(1)), RangeError, /offset is -1/],
    [() => new Mp.SharedMemory({size: 0}), RangeError, /size is 0/],
    [() => memory.unlink(), GLib.Error, /name/],
    [() => new Mp.SharedMemory(100), TypeError, /new Mp\.SharedMemory\(\{size: 100\}\)/],
    [() => new Mp.SharedMemory({size: '9'}), TypeError, /size is "9"/],
    [() => new Mp.SharedMemory({name: 'a\0b', create: true, size: 9}), RangeError,
      /^name is "a\\u0000b", .* the NUL at position 1/],
    [() => Mp.SharedMemory.new_named('a\ud800', 9), RangeError, /the lone surrogate/],
    [() => Mp.SharedMemory.new_existing('a\0'), RangeError, /the NUL/],
    [() => new Mp.ShareableList({name: 'a\0b'}), RangeError, /the NUL/],
    [() => new Mp.SharedMemory({size: 1.5}), RangeError, /size is 1\.5/],
    [() => new Mp.SharedMemory(), GLib.Error, /./],
  ])
    checkThrows(call, type, pattern);
  memory.close();
  checkThrows(() => memory.view(), GLib.Error, /closed/);
  checkSame(view[10], 1, 'what the view still has');
});

test('memory has a name for those who ask', async () => {
  const memory = Mp.SharedMemory.new_named(null, 10);
  check(memory.name.length > 0, 'one that nobody has');
  await runProcess('readNamed', [memory.name]);
  checkSame(memory.view()[0], 7);
  checkThrows(() => Mp.SharedMemory.new_named(memory.name, 10), GLib.Error, /./);
  checkThrows(() => new Mp.SharedMemory({name: memory.name, create: true, size: 10}), GLib.Error, /./);
  checkSame(new Mp.SharedMemory({name: memory.name}).size >= 10, true);
  memory.unlink();
  for (const make of [Mp.SharedMemory.new_existing, name => new Mp.SharedMemory({name})]) {
    const error = checkThrows(() => make(memory.name), GLib.Error);
    check(error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND), String(error));
  }
  memory.close();
});

// ---- Lists

const ITEMS = ['text', 1, 2.5, true, null, Uint8Array.of(1, 0), -5, 2n ** 60n, ''];

test('a list has items of several types', () => {
  const list = new Mp.ShareableList({items: ITEMS});
  checkSame([list.length, list.get_length()], [9, 9]);
  checkSame([...list], ITEMS);
  checkSame(list.get_items(), ITEMS);
  list.set(0, 'longer:8');
  list.set(1, 1.5);
  list.set_item(4, false);
  checkSame([list.at(0), list.at(1), list.get_item(4)], ['longer:8', 1.5, false]);
  checkSame(Mp.ShareableList.new([1, 2.5]).get_items(), [1, 2.5]);
  checkSame(new Mp.ShareableList().length, 0);
  checkSame(new Mp.ShareableList({items: new GLib.Variant('as', ['a'])}).at(0), 'a');
  check(/^<Mp\.ShareableList/.test(`${list}`), `${list}`);
  for (const [call, type, pattern] of [
    [() => list.set(0, 'much longer than it was'), GLib.Error, /Item 0 .* room for 8 bytes.* make the list with an/],
    [() => list.at(9), RangeError, /position is 9/],
    [() => list.set(0, {}), TypeError, /value is a Object, but lists hold/],
    [() => new Mp.ShareableList({items: [1, [2]]}), TypeError, /items\[1\] is a Array, but/],
    [() => new Mp.ShareableList({items: 5}), TypeError, /not iterable/],
    [() => new Mp.ShareableList({items: new GLib.Variant('s', 'a')}), TypeError, /type 's', which is no array or tup/],
    [() => Mp.ShareableList.new(new GLib.Variant('v', new GLib.Variant('i', 1))), TypeError, /type 'v', which is no/],
    [() => new Mp.ShareableList([1]), TypeError, /new Mp\.ShareableList\(\{items: \[1, 'two'\]\}\)/],
    [() => new Mp.ShareableList({items: [2n ** 64n - 1n]}), GLib.Error, /./],
  ])
    checkThrows(call, type, pattern);
});

test('a list has a name for those who ask', async () => {
  const list = new Mp.ShareableList({name: '', items: ITEMS});
  check(list.name.length > 0, 'one that nobody has');
  checkSame(list.memory.name, list.name);
  // Their zeros at the end get lost.
  const items = ITEMS.map(item => item instanceof Uint8Array ? Uint8Array.of(1) : item);
  checkSame([...new Mp.ShareableList({name: list.name})], items);
  await runProcess('editNamedList', [list.name]);
  checkSame([list.at(0), list.at(1)], ['other', 2]);
  await runProcess('editListOf', [list]);
  checkSame(list.at(0), 'handed');
  for (const [call, code] of [
    [() => new Mp.ShareableList({name: list.name, items: []}), Gio.IOErrorEnum.EXISTS],
    [() => Mp.ShareableList.new_named('a/b', []), Gio.IOErrorEnum.INVALID_FILENAME],
    [() => Mp.ShareableList.new_existing(''), Gio.IOErrorEnum.INVALID_FILENAME],
  ]) {
    const error = checkThrows(call, GLib.Error);
    check(error.matches(Gio.IOErrorEnum, code), String(error));
  }
  checkThrows(() => new Mp.ShareableList({name: '', items: [[]]}), TypeError, /items\[0\]/);
  const same = Mp.ShareableList.new_existing(list.name);
  list.memory.close();
  checkThrows(() => list.at(0), GLib.Error, /closed/);
  list.memory.unlink();
  const error = checkThrows(() => new Mp.ShareableList({name: list.name}), GLib.Error);
  check(error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND), String(error));
  checkSame(same.at(1), 2);
  checkSame(new Mp.ShareableList({items: [1]}).memory, null);
  checkSame(new Mp.ShareableList({items: [1]}).name, null);
});

test('a list, memory and structures are changed in another process', async () => {
  const list = new Mp.ShareableList({items: [1, 'second']});
  const memory = new Mp.SharedMemory({size: 10});
  const points = new Mp.Array({elementType: '(ii)', elements: [[1, 2], [0, 0]]});
  await runProcess('editAll', [list, memory, points]);
  checkSame([...list], [2, 'three']);
  checkSame([...memory.read(0, 3)], [42, 1, 2]);
  checkSame(points.at(1), [2, 3]);
});

// ---- Arguments of a pool

// Not dropped in the end: the engine may keep what a `for await` iterated over last, and with it its pool.
const pool = new Mp.Pool({n_workers: 2});

function checkMade({number, lock, value, rest: [array, list, memory]}, expected) {
  checkSame(number, expected);
  checkSame(value.value, expected);
  lock.acquire();
  checkSame(lock.locked, true);
  checkSame(value.lock.constructor, Mp.Lock);
  lock.release();
  checkSame([...array], [expected, 2]);
  checkSame([...list], ['item', expected]);
  checkSame(memory.size, expected);
}

// What a message brought goes with it, and the message with the result that JavaScript let go of.
async function collect() {
  for (let i = 0; i < 3; i++) {
    System.gc();
    await new Promise(resolve => {
      GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
        resolve();
        return GLib.SOURCE_REMOVE;
      });
    });
  }
}

async function makeAll() {
  checkMade(pool.apply(task('make'), [3]), 3);
  checkMade(await pool.apply_async(task('make'), [4]), 4);
  pool.map(task('make'), [5, 6]).forEach((made, index) => checkMade(made, 5 + index));
  (await pool.map_async(task('make'), [7, 8])).forEach((made, index) => checkMade(made, 7 + index));
  const result = pool.submit_map(task('make'), [9]);
  await result.wait_async();
  checkMade(result.get_item(0), 9);
  let expected = 10;
  for await (const made of pool.imap(task('make'), [10, 11]))
    checkMade(made, expected++);
  for (const made of pool.imap(task('make'), [12, 13]))
    checkMade(made, expected++);
  checkSame(expected, 14);
  const error = await new Promise(resolve => {
    pool.apply_async(task('make'), [14], -1, null, (source, answer) => {
      resolve(checkThrows(() => pool.apply_finish(answer), TypeError));
    });
  });
  check(/use submit\(\)/.test(error.message), error.message);
}

test('functions return what is shared', async () => {
  await makeAll();
  await collect();
});

test('items of a map bring shared objects of their own', async () => {
  // More than a message can carry, so they do not all go with each item.
  const values = Array.from({length: 1200}, (_, i) => new Mp.Value({valueType: 'i', value: i}));
  const lock = new Mp.Lock();
  const expected = values.map((_, i) => i + 1);
  checkSame(pool.map(task('increase'), values), expected);
  checkSame(await pool.map_async(task('increase'), new Set(values)), expected.map(n => n + 1));
  checkSame([...pool.imap(task('increase'), values)], expected.map(n => n + 2));
  const pairs = await pool.submit_map(task('addEach'), values.map(value => [lock, value, 1]), 0, {starmap: true})
    .get_async();
  checkSame(pairs.length, 1200);
  checkSame(values[1199].value, 1203);
});

test('shared state goes to the workers of a pool', async () => {
  const lock = new Mp.Lock();
  const value = new Mp.Value({valueType: 'd'});
  const calls = Array.from({length: 20}, (_, i) => [lock, value, i]);
  checkSame(await pool.apply_async(task('addEach'), [lock, value, 10]), 10);
  checkSame(pool.apply(task('addEach'), [lock, value, 10]), 10);
  checkSame((await pool.submit_map(task('addEach'), calls, 0, {starmap: true}).get_async()).length, 20);
  const results = [];
  for await (const result of pool.imap(task('addEach'), calls, 1, true, {starmap: true}))
    results.push(result);
  checkSame(results.length, 20);
  const numbers = new Mp.Array({elements: Float64Array.of(1, 2)});
  await pool.map_async(task('doubleAll'), [numbers, numbers], 1);
  check([...numbers][1] > 2, 'twice, or once by both at a time');
  const arrays = Array.from({length: 20}, (_, i) => new Mp.Array({elements: [i]}));
  for await (const _ of pool.imap(task('doubleAll'), arrays.values()))
    ;
  for await (const _ of pool.imap(task('doubleAll'), (async function* () {
    yield* arrays;
  })()))
    ;
  checkSame(arrays.map(array => array[0]), arrays.map((_, i) => 4 * i));
  await checkRejects((async () => {
    for await (const _ of pool.imap(task('doubleAll'), [numbers].values(), 2))
      check(false);
  })(), TypeError, /go one at a time: give imap\(\) a chunkSize of 1/);
  checkThrows(() => pool.apply_async(task('doubleAll'), [numbers], -1, null, () => 0), TypeError, /use submit\(\)/);
  checkSame(value.value, 400);
  pool.terminate();
  await pool.join_async();
});

test('Python counts with the lock of a value', async () => {
  const modules = GLib.canonicalize_filename('modules', sourceDirectory + '/js');
  GLib.setenv('PYTHONPATH', `${modules}:${GLib.getenv('PYTHONPATH')}`, true);
  const value = new Mp.Value({valueType: 'i', value: 5, lock: new Mp.RLock()});
  const array = new Mp.Array({elements: Float64Array.of(1, 2, 3)});
  const counts = Array.from({length: 10}, () => [value, array, 20]);
  const pythonPool = new Mp.Pool({n_workers: 2, context: makeContext('python')});
  await pythonPool.submit_map('python:sharing:count', counts, 1, {starmap: true}).get_async();
  pythonPool.terminate();
  await pythonPool.join_async();
  checkSame(value.value, 205);
  checkSame(array.view()[2], 203);
});

// What all of them share stays, once it is there; and what the first process makes, as long as it is not forgotten.
await pool.apply_async(task('count'), [new Mp.Value({valueType: 'i', lock: new Mp.RLock()}), 1]);
const warm = new Mp.Process({target: task('count'), args: [new Mp.Value({valueType: 'i'}), 0]});
await warm.start_async();
await warm.join_async();
await run();
