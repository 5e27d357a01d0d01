// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Mp.Queue between processes, with values and promises.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {check, checkRejects, checkSame, checkThrows, makeContext, run, sourceDirectory, test} from './support.js';

const base = import.meta.url;
const modules = GLib.canonicalize_filename('modules', sourceDirectory + '/js');
const library = GLib.build_filenamev([GLib.getenv('G_TEST_BUILDDIR'), 'js', 'libjs-targets.so']);
const N_ITEMS = 300;

const VALUES = [1, 'two', 0.5, null, true, [1, 2], {x: 1, list: ['a', null]}, Uint8Array.of(1, 2),
  new Map([[1, 'one']])];

// A process that runs a function of modules/queueing.js, or another target.
async function start(name, args, context = null) {
  const target = context === null ? {module: './modules/queueing.js', name, base} : name;
  const process = new Mp.Process({target, args, context});
  await process.start_async();
  return process;
}

async function finish(process) {
  await process.join_async();
  process.check();
  checkSame(process.exit_code, 0);
}

// Objects themselves: checkSame() compares what they hold.
function checkThese(ready, wanted) {
  check(ready.length === wanted.length && ready.every((object, i) => object === wanted[i]), `${ready}`);
}

function checkCode(error, code) {
  check(error.matches(Mp.Error, code), `${error} has the code ${code}`);
}

// ---- Items

test('values are put and got', async () => {
  const items = new Mp.Queue();
  for (const value of [...VALUES, VALUES]) {
    items.put(value);
    checkSame(items.get(), value);
    const got = items.get_async();
    await items.put_async(value); // eslint-disable-line no-await-in-loop
    checkSame(await got, value); // eslint-disable-line no-await-in-loop
  }
  items.put(undefined);
  checkSame(items.get_length(), 1);
  checkSame(`${items}`, '<Mp.Queue 1 item>');
  checkSame(items.get(), null);
});

test('who has cancelled gets and puts nothing', () => {
  const items = new Mp.Queue(), cancellable = new Gio.Cancellable();
  items.put('there');
  cancellable.cancel();
  for (const call of [() => items.get(-1, cancellable), () => items.get_many(9, 0, cancellable),
    () => items.get_into(new Uint8Array(9), 0, 0, cancellable), () => items.put('value', 0, cancellable),
    () => items.put(Uint8Array.of(1), -1, cancellable), () => items.put_many([1, 2], 0, cancellable)])
    check(checkThrows(call, GLib.Error).matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED));
  checkSame(items.get(), 'there');
  check(items.is_empty());
});

test('a variant goes as it is, and can be had as it came', async () => {
  const items = new Mp.Queue();
  const variant = new GLib.Variant('(isq)', [5, 'five', 6]);
  items.put(variant);
  checkSame(items.get(), [5, 'five', 6]);
  await items.put_async(variant);
  check((await items.get_message_async()).get_value().equal(variant), 'the variant');
});

test('bytes are bytes, but those of another language stay', async () => {
  const items = new Mp.Queue();
  items.put_data(Uint8Array.of(1, 2));
  await items.put_bytes_async(new GLib.Bytes(new Uint8Array(3000000)));
  checkSame(items.get(), Uint8Array.of(1, 2));
  checkSame((await items.get_bytes_async()).get_size(), 3000000);
  await items.put_data_async(Uint8Array.of(3), 'pickle5');
  for (const get of [() => items.get(), () => items.get_many(2)])
    checkCode(checkThrows(get, Mp.Error, /'pickle5' of Python.* let its sender put a GVariant/), Mp.Error.WRONG_CODEC);
  checkCode(await checkRejects(items.get_async(), Mp.Error, /'pickle5' of Python/), Mp.Error.WRONG_CODEC);
  checkSame(items.get_length(), 1);
  checkSame(items.get_payload(), Uint8Array.of(3));
  items.put_bytes(new Float32Array([1]));
  await items.put_bytes_async(new DataView(new ArrayBuffer(4), 2));
  items.put_data(new ArrayBuffer(3));
  checkSame(items.get_many(9), [Uint8Array.of(0, 0, 0x80, 0x3f), new Uint8Array(2), new Uint8Array(3)]);
  items.put('text');
  checkSame(items.get_frame(), Uint8Array.from('text\0\0=s', character => character.charCodeAt(0)));
});

test('what cannot be put is refused, and nothing is put', async () => {
  const items = new Mp.Queue();
  checkThrows(() => items.put(() => 1), TypeError, /value is the function/);
  checkThrows(() => items.put_async({when: new Date(0)}), TypeError, /value\.when is a Date/);
  checkThrows(() => items.put_many(7), TypeError, /not iterable/);
  checkThrows(() => items.put_many([1, {when: new Date(0)}]), TypeError, /^values\[1\]\.when is a Date/);
  checkThrows(() => items.put_bytes([1]), TypeError, /^bytes is an object \(Array\), but has to be a Uint8Array/);
  checkThrows(() => items.put_data([300]), TypeError, /^data is an object \(Array\), but has to be a Uint8Array/);
  for (const put of ['put_bytes', 'put_bytes_async', 'put_data', 'put_data_async'])
    checkThrows(() => items[put](Uint8Array.of(1), 'My Codec'), RangeError, /^codec is "My Codec"/);
  for (const put of ['put_many_data', 'put_many_data_async'])
    checkThrows(() => items[put](Uint8Array.of(1), [1], 'gvariant'), RangeError, /^codec is "gvariant", but has to be/);
  for (const put of [() => items.put(new Mp.Lock()), () => items.put_many([1, {lock: new Mp.Lock()}])]) {
    checkCode(checkThrows(put, Mp.Error, /send it by an Mp\.Connection, or as an argument/),
      Mp.Error.NOT_SHAREABLE);
  }
  checkCode(await checkRejects(items.put_async([items]), Mp.Error), Mp.Error.NOT_SHAREABLE);
  check(items.is_empty(), 'nothing was put');
});

test('many are put and got at once', async () => {
  const items = new Mp.Queue({maxSize: 3});
  checkSame(items.put_many([1, 'two', {three: 3}, 4], 0), 3);
  checkSame(items.get_many(2), [1, 'two']);
  checkSame(await items.put_many_async(new Set([5, 6])), 2);
  checkSame(await items.get_many_async(9), [{three: 3}, 5, 6]);
  checkSame(items.put_many([]), 0);
  checkThrows(() => items.get_many(0), TypeError, /from 1 on/);
});

test('many pieces of bytes are put at once', async () => {
  const items = new Mp.Queue({maxSize: 3});
  checkSame(items.put_many_data(Uint8Array.of(1, 2, 2, 3, 3, 3), [1, 2, 0, 3], null, 0), 3);
  checkSame(items.get_many(9), [Uint8Array.of(1), Uint8Array.of(2, 2), Uint8Array.of()]);
  checkSame(await items.put_many_data_async(Uint8Array.of(4, 5), [1, 1], 'my-own'), 2);
  checkSame(items.get_payload(), Uint8Array.of(4));
  checkSame(items.put_many_data(new Uint16Array(2), [4]), 1);
  checkCode(checkThrows(() => items.put_many_data(Uint8Array.of(1), [2]), Mp.Error), Mp.Error.OUT_OF_RANGE);
  for (const lengths of [[1.5], ['1'], [-1], [null], 1, null]) {
    checkThrows(() => items.put_many_data(Uint8Array.of(1), lengths), TypeError, /lengths is .*, but has/);
    checkThrows(() => items.put_many_data_async(Uint8Array.of(1), lengths), TypeError, /lengths is .*, but has to be/);
  }
  checkSame(items.get_length(), 2, 'what was put before');
});

test('bytes are got into an array of the caller', async () => {
  const items = new Mp.Queue();
  const room = new Uint8Array(4);
  items.put(Uint8Array.of(1, 2, 3));
  checkCode(checkThrows(() => items.get_into(room, 2), Mp.Error), Mp.Error.BUFFER_TOO_SHORT);
  checkSame(items.get_into(room, 1), 3);
  checkSame(room, Uint8Array.of(0, 1, 2, 3));
  items.put(Uint8Array.of(9));
  checkSame(await items.get_into_async(new DataView(room.buffer, 2)), 1);
  checkSame(room, Uint8Array.of(0, 1, 9, 3));
  checkThrows(() => items.get_into([1, 2]), TypeError, /Uint8Array/);
  checkThrows(() => items.get_into(new Uint8Array(0)), RangeError, /no room/);
  checkThrows(() => items.get_into(room, 4), RangeError, /the offset/);
  checkCode(checkThrows(() => items.get_into(room, 0, 0), Mp.Error), Mp.Error.EMPTY);
});

// ---- Rubbish

// Overwrites memory of a queue at a text, or so many bytes behind its beginning, as any process that has it can.
function scribble(text, offset, rubbish) {
  const folder = Gio.File.new_for_path('/proc/self/fd');
  for (const info of folder.enumerate_children('standard::name,standard::symlink-target', 0, null)) {
    if (!info.get_symlink_target()?.includes('memfd:'))
      continue;
    const stream = folder.get_child(info.get_name()).open_readwrite(null);
    const begin = new TextDecoder('latin1').decode(stream.input_stream.read_bytes(1 << 20, null).toArray());
    const place = begin.indexOf(text);
    if (place >= 0) {
      stream.seek(place + offset, GLib.SeekType.SET, null);
      stream.output_stream.write_all(new TextEncoder().encode(rubbish), null);
    }
    stream.close(null);
    if (place >= 0)
      return;
  }
  throw new Error(`no queue has ${text}`);
}

test('what is no item is an error of each form of getting it', async () => {
  const type = '(sqnybxtd)';
  const gets = [items => items.get(), items => items.get(0), items => items.get_async(), items => items.get_many(5),
    items => items.get_many_async(5), items => items.get_message(), items => items[Symbol.asyncIterator]().next()];
  for (const get of gets) {
    const items = new Mp.Queue();
    items.put(new GLib.Variant(type, ['text', 1, 2, 3, true, 4, 5, 6]));
    scribble(type, 5, '!!!');
    const error = await checkRejects((async () => get(items))(), Mp.Error); // eslint-disable-line no-await-in-loop
    checkCode(error, Mp.Error.CORRUPTED);
    check(/rubbish into the queue/.test(error.message), error.message);
    items.put('behind');
    checkSame([items.get(0), items.is_empty()], ['behind', true]);
  }

  const items = new Mp.Queue();
  items.put_data(Uint8Array.of(1), 'scribbled');
  scribble('scribbled', 0, 'SCRIBBLED');
  checkCode(checkThrows(() => items.get_into(new Uint8Array(9)), Mp.Error, /into the queue/), Mp.Error.CORRUPTED);

  // And what is none among others is one of the next call.
  items.put(1);
  items.put(new GLib.Variant(type, ['text', 1, 2, 3, true, 4, 5, 6]));
  scribble(type, 5, '!!!');
  items.put(2);
  checkSame(items.get_many(5), [1, 2]);
  checkCode(checkThrows(() => items.get(0), Mp.Error), Mp.Error.CORRUPTED);
  checkCode(checkThrows(() => items.get(0), Mp.Error), Mp.Error.EMPTY);
});

// ---- What JavaScript has no value for

test('each item may be nested as deeply as if it came alone', async () => {
  const items = new Mp.Queue();
  const deepest = Array.from({length: 21}).reduce(value => ({value}), 'deep');
  items.put_many([1, deepest, 2]);
  checkSame(items.get_many(9), [1, deepest, 2]);
  items.put_many([1, deepest, 2]);
  checkSame(await items.get_many_async(9), [1, deepest, 2]);
});

// A hundred thousand Arrays in two thousand bytes: in normal form, so that the library passes it on.
const makeMonster = () => GLib.Variant.new_from_bytes(new GLib.VariantType(`a(${'as'.repeat(120)})`),
  new Uint8Array(2000), false);

function checkUnreadable(error) {
  checkCode(error, Mp.Error.CORRUPTED);
  check(/rubbish into the queue: .* far more tuples and arrays/.test(error.message), error.message);
}

test('an item that cannot be read is an error of the next call, and the others are got', async () => {
  const many = [items => items.get_many(9), items => items.get_many_async(9),
    items => new Promise(resolve => items.get_many_async(9, -1, null,
      (_, result) => resolve(items.get_many_finish(result))))];
  const gets = [items => items.get(0), items => items.get_async(), items => items.get_many(5),
    items => items.get_many_async(5), items => items.get_message(), items => items.get_message_async(),
    items => items.get_bytes(), items => items.get_bytes_async(), items => items.get_payload(),
    items => items.get_payload_async(), items => items.get_frame(), items => items.get_frame_async(),
    items => items.get_into(new Uint8Array(1)), items => items.get_into_async(new Uint8Array(1)),
    items => items[Symbol.asyncIterator]().next()];
  for (const [i, get] of gets.entries()) {
    const items = new Mp.Queue();
    items.put_many([1, makeMonster(), 'two']);
    checkSame(await many[i % many.length](items), [1, 'two']); // eslint-disable-line no-await-in-loop
    checkThese(Mp.wait_many([items]), [items]);
    checkSame([items.try_get_frame(0).length, items.try_get_value_frame(0).length], [0, 0]);
    checkUnreadable(await checkRejects((async () => get(items))(), Mp.Error)); // eslint-disable-line no-await-in-loop
    checkCode(checkThrows(() => items.get(0), Mp.Error), Mp.Error.EMPTY);
    items.put('behind');
    checkSame(items.get(0), 'behind');
  }
});

test('items that cannot be read are as many errors', async () => {
  const items = new Mp.Queue();
  for (const get of [() => items.get(), () => items.get_async()]) {
    items.put(makeMonster());
    checkUnreadable(await checkRejects((async () => get())(), Mp.Error)); // eslint-disable-line no-await-in-loop
  }
  items.put_many([makeMonster(), makeMonster()]);
  checkUnreadable(checkThrows(() => items.get_many(9), Mp.Error));
  items.put('behind');
  checkUnreadable(checkThrows(() => items.get(), Mp.Error));
  checkSame(items.get(0), 'behind');

  items.put_many([makeMonster(), 1]);
  checkSame(items.get_many(9), [1]);
  items.close();
  checkCode(checkThrows(() => items.get(), Mp.Error), Mp.Error.CLOSED);
  checkThrows(() => Mp.wait_many([items]), Mp.Error, /closed/);
});

test('rubbish between the items has no end', async () => {
  const items = new Mp.Queue();
  items.put('scribble before this text');
  scribble('scribble before this text', -8, '\x7f\x7f\x7f\x7f'); // its length
  for (const get of [() => items.get(), () => items.get(0), () => items.get_async()]) {
    const error = await checkRejects((async () => get())(), Mp.Error); // eslint-disable-line no-await-in-loop
    checkCode(error, Mp.Error.CORRUPTED);
    check(/rubbish into a shared queue/.test(error.message), error.message);
  }
});

// ---- Bounds, and the end

test('there is no more room than was asked for', async () => {
  const items = new Mp.Queue({maxSize: 1, byteLimit: 4096});
  checkSame([items.maxSize, items.byte_limit], [1, 4096]);
  for (const get of [() => items.get(0), () => items.get(0.01)])
    checkCode(checkThrows(get, Mp.Error, /is empty/), Mp.Error.EMPTY);
  checkCode(await checkRejects(items.get_async(0.01), Mp.Error), Mp.Error.EMPTY);
  items.put(1);
  check(items.is_full() && !items.is_empty(), 'full');
  for (const put of [() => items.put(2, 0), () => items.put_many([2, 3], 0.01)])
    checkCode(checkThrows(put, Mp.Error, /is full/), Mp.Error.FULL);
  checkCode(await checkRejects(items.put_async(2, 0), Mp.Error), Mp.Error.FULL);
  checkCode(checkThrows(() => items.put(new Uint8Array(5000)), Mp.Error), Mp.Error.TOO_BIG);
  checkSame([items.get(), Mp.Queue.new(7).max_size], [1, 7]);
});

test('what a queue is made with is looked at', () => {
  checkThrows(() => new Mp.Queue(3), TypeError, /new Mp\.Queue\(\{maxSize: 10/);
  checkThrows(() => new Mp.Queue({maxSize: -1}), RangeError, /maxSize is -1/);
  checkThrows(() => new Mp.Queue({byte_limit: '1'}), TypeError, /byte_limit is "1"/);
  checkThrows(() => new Mp.Queue().get({timeout: 1}), TypeError, /timeout is an object/);
});

test('a cancelled get takes nothing', async () => {
  const items = new Mp.Queue();
  const cancellable = new Gio.Cancellable();
  const got = items.get_async(-1, cancellable);
  cancellable.cancel();
  await checkRejects(got, Gio.IOErrorEnum);
  items.put('stays');
  checkSame(items.get(0), 'stays');
});

test('an iteration ends when the queue is closed', async () => {
  const items = new Mp.Queue();
  const got = [];
  items.put_many([1, 2, 3]);
  for await (const value of items) {
    got.push(value);
    if (value === 3) {
      GLib.idle_add(GLib.PRIORITY_LOW, () => {
        items.close();
        return GLib.SOURCE_REMOVE;
      });
    }
  }
  checkSame(got, [1, 2, 3]);
  check(items.is_closed(), 'closed');
  checkSame(`${items}`, '<Mp.Queue closed>');
  checkCode(checkThrows(() => items.put(1), Mp.Error, /is closed/), Mp.Error.CLOSED);
  checkCode(await checkRejects(items.get_async(), Mp.Error), Mp.Error.CLOSED);
});

// ---- Main loops

test('callbacks get the same values as promises, in the order of the calls', async () => {
  const items = new Mp.Queue({maxSize: 1});
  const done = [];
  await new Promise(resolve => {
    for (const number of [1, 2, 3]) {
      items.put_async({number}, -1, null, (_, result) => done.push(items.put_finish(result)));
      items.get_async(-1, null, (_, result) => {
        done.push(items.get_finish(result).number);
        if (number === 3)
          resolve();
      });
    }
  });
  checkSame(done.filter(entry => typeof entry === 'number'), [1, 2, 3]);
});

test('signals tell of items and of room', async () => {
  const items = new Mp.Queue({maxSize: 5});
  const numbers = [];
  const all = new Promise(resolve => items.connect('item-available', queue => {
    numbers.push(queue.get(0));
    if (numbers.length === N_ITEMS)
      resolve();
  }));
  items.live = true;
  const process = await start('putNumbers', [items, N_ITEMS]);
  await all;
  items.set_live(false);
  await finish(process);
  checkSame(numbers, Array.from({length: N_ITEMS}, (_, i) => i));
});

test('no item is lost among garbage', async () => {
  const items = new Mp.Queue({maxSize: 10});
  const process = await start('putNumbers', [items, 20 * N_ITEMS]);
  const recent = [];
  for (let number = 0; number < 20 * N_ITEMS; number++) {
    recent[number % 50] = Array.from({length: 100}, (_, i) => ({i, list: [i], text: `${number} ${i}`}));
    checkSame(await items.get_async(), number); // eslint-disable-line no-await-in-loop
  }
  await finish(process);
}, {deadline: 60});

// ---- Processes

test('a process is joined before anybody gets what it has put', async () => {
  const items = new Mp.Queue();
  await finish(await start('putText', [items]));
  checkSame(items.get(0).length, 1000000);
});

test('a simple queue has nothing to set', async () => {
  const [asked, answered] = [new Mp.SimpleQueue(), Mp.SimpleQueue.new()];
  check(asked.is_empty(), 'nothing is there');
  checkSame(String(asked), '<Mp.SimpleQueue 0 items>');
  checkThrows(() => new Mp.SimpleQueue(5), TypeError, /new Mp\.SimpleQueue\(\)/);
  checkThrows(() => new Mp.SimpleQueue({maxSize: 5}), TypeError, /an Mp\.SimpleQueue takes no property 'maxSize'/);
  const [ours, theirs] = Mp.Connection.new_pair(true);
  ours.send(asked);
  const same = theirs.receive();
  check(same instanceof Mp.SimpleQueue && same instanceof Mp.Queue, 'it is of its kind');
  same.put({a: [1, 'two']});
  checkSame(asked.get(), {a: [1, 'two']});
  checkSame(await Promise.all([answered.get_async(), answered.put_async(7)]).then(([value]) => value), 7);
  ours.close();
  theirs.close();
});

test('a joinable queue is joined when its items are done', async () => {
  const tasks = new Mp.JoinableQueue({maxSize: 5});
  const answers = new Mp.Queue();
  checkThrows(() => tasks.task_done(), Mp.Error, /task_done/);
  checkThrows(() => new Mp.JoinableQueue(5), TypeError, /new Mp\.JoinableQueue\(/);
  const process = await start('doTasks', [tasks, answers, 10]);
  for (let number = 0; number < 10; number++)
    await tasks.put_async({number}); // eslint-disable-line no-await-in-loop
  check(await tasks.join_async(), 'joined');
  checkSame(answers.get_many(99).length, 10);
  await finish(process);
  tasks.put(1);
  checkCode(await checkRejects(tasks.join_async(0.01), Mp.Error), Mp.Error.TIMED_OUT);
  checkCode(checkThrows(() => tasks.join(0), Mp.Error), Mp.Error.TIMED_OUT);
  checkSame([Mp.JoinableQueue.new(3).max_size, new Mp.JoinableQueue({redelivery: true}).redelivery], [3, true]);
});

test('what a killed process held is told of, or comes to others', async () => {
  for (const redelivery of [false, true]) {
    const tasks = new Mp.JoinableQueue({redelivery});
    const lost = new Promise(resolve => tasks.connect('item-lost', (queue, item) => resolve(item.get_value())));
    const [ours, theirs] = Mp.Connection.new_pair(true);
    /* eslint-disable no-await-in-loop */
    const process = await start('holdTask', [tasks, theirs]);
    theirs.close();
    tasks.live = true;
    tasks.put('task');
    await ours.receive_async();
    process.kill();
    await process.join_async();
    if (redelivery) {
      checkSame(await tasks.get_async(), 'task');
      tasks.task_done();
    } else {
      checkSame(Mp.fromVariant(await lost), 'task');
      checkCode(checkThrows(() => tasks.take_lost(), Mp.Error), Mp.Error.EMPTY);
    }
    check(await tasks.join_async(), 'joined');
    /* eslint-enable no-await-in-loop */
    tasks.live = false;
    ours.close();
  }
});

test('who is killed while it waits takes nothing along', async () => {
  const items = new Mp.Queue();
  const [ours, theirs] = Mp.Connection.new_pair(true);
  const process = await start('getForEver', [items, theirs]);
  theirs.close();
  await ours.receive_async();
  process.kill();
  await process.join_async();
  items.put('stays');
  checkSame(items.get(0), 'stays');
  ours.close();
});

test('JavaScript, Python and C work on one queue', async () => {
  const [questions, answers] = [new Mp.Queue({maxSize: 20}), new Mp.Queue()];
  const args = [questions, answers, N_ITEMS];
  const processes = await Promise.all([
    start('double', args),
    start('python:queueing:double', args, makeContext('python')),
    start(`${library}#js_double`, args, makeContext('native')),
  ]);
  const results = [];
  const got = (async () => {
    for await (const result of answers) {
      results.push(result);
      if (results.length === 3 * N_ITEMS)
        break;
    }
  })();
  for (let number = 0; number < 3 * N_ITEMS; number++)
    await questions.put_async(new GLib.Variant('x', number)); // eslint-disable-line no-await-in-loop
  await got;
  for (const process of processes)
    await finish(process); // eslint-disable-line no-await-in-loop
  checkSame(results.map(([, number]) => number).sort((a, b) => a - b),
    Array.from({length: 3 * N_ITEMS}, (_, i) => 2 * i));
  for (const language of ['c', 'js', 'python'])
    checkSame(results.filter(([name]) => name === language).length, N_ITEMS, language);
  check(questions.is_empty() && answers.is_empty(), 'nothing is left');
});

test('objects of Python are told from its bytes', async () => {
  const items = new Mp.Queue();
  await finish(await start('python:queueing:put_objects', [items], makeContext('python')));
  checkSame(items.get(), Uint8Array.from('bytes', character => character.charCodeAt(0)));
  checkCode(checkThrows(() => items.get(), Mp.Error), Mp.Error.WRONG_CODEC);
});

GLib.setenv('PYTHONPATH', `${modules}:${GLib.getenv('PYTHONPATH')}`, true);
// What all of them share stays, once it is there; and what the first process makes, as long as it is not forgotten.
const warm = new Mp.Queue();
await finish(await start('putNumbers', [warm, 1]));
await warm.get_async();
await run();
