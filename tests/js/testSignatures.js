// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Arguments at wrong places are refused with the places where they belong.

import Gio from 'gi://Gio';
import GIRepository from 'gi://GIRepository?version=2.0';
import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {check, checkSame, checkThrows, run, test} from './support.js';

const target = {module: './modules/tasks.js', name: 'cube', base: import.meta.url};
const [first, second] = Mp.Connection.new_pair();
const pool = new Mp.Pool({n_workers: 1});
const process = new Mp.Process();

test('what is given by name in place of a timeout is refused', () => {
  for (const [call, signature] of [
    [() => first.receive({timeout: 0.1}), 'Mp.Connection.receive(timeout = -1, cancellable = null)'],
    [() => first.receive_async({timeout: 0.1}), 'Mp.Connection.receive_async(timeout = -1, cancellable = null)'],
    [() => first.send_async(1, {timeout: 0.1}), 'Mp.Connection.send_async(value, timeout = -1, cancellable = null)'],
    [() => first.poll({}), 'Mp.Connection.poll(timeout = 0)'],
    [() => pool.apply_async(target, [1], {timeout: 0.1}),
      'Mp.Pool.apply_async(target, args = null, timeout = -1, cancellable = null)'],
    [() => pool.join_async({timeout: 1}), 'Mp.Pool.join_async(timeout = -1, cancellable = null)'],
    [() => process.join({timeout: 1}), 'Mp.Process.join(timeout = -1, cancellable = null)'],
    [() => Mp.shutdown_async({timeout: 1}), 'Mp.shutdown_async(timeout = -1, cancellable = null)'],
  ]) {
    const error = checkThrows(call, TypeError, /timeout is an object \(Object\), but has to be a number of seconds/);
    check(error.message.startsWith(signature), error.message);
  }
});

test('each kind of argument is looked at', () => {
  for (const [call, pattern] of [
    [() => pool.map_async(target, [1], {cancellable: null}), /chunkSize is an object \(Object\), but has/],
    [() => pool.map_async(target, [1], 0.5), /chunkSize is 0\.5/],
    [() => pool.map_async(target, [1], 0, -1, {}), /cancellable is an object \(Object\), but has to be a Gio\.Cancell/],
    [() => pool.apply_async(target, [1], () => 0), /timeout is a function/],
    [() => pool.apply_async(target, [1], null), /timeout is null/],
    [() => pool.apply_async(target, [1], NaN), /timeout is NaN/],
    [() => pool.apply_async(target, [1], '1'), /timeout is "1"/],
    [() => pool.apply_async(target, [1], new Gio.Cancellable()), /timeout is an object \(Gio_Cancellable\)/],
    [() => pool.submit(target, [1], 5), /options is 5, but has to be an Mp\.TaskOptions/],
    [() => pool.imap(target, [1], 1, 'no'), /ordered is "no", but has to be true or false/],
    [() => Mp.Connection.new_pair({duplex: false}), /duplex is an object/],
    [() => first.receive_data(-1), /maxLength is -1, but has to be a number of bytes/],
    [() => first.send_data(new Uint8Array(1), 7), /codec is 7, but has to be a string/],
    [() => Mp.progress_report('half'), /fraction is "half"/],
    [() => Mp.progress_report(1.1), /fraction is 1\.1, but has to be a number from 0 to 1/],
    [() => Mp.progress_report(-0.1, 'x'), /fraction is -0\.1/],
    [() => process.start_async(1), /cancellable is 1/],
    [() => process.join_async(1, null, 5), /the callback is 5, but has to be a function/],
    [() => process.join(1, null, 5), /it takes 2 arguments and not 3/],
    [() => Mp.Connection.open('tcp:127.0.0.1:1', 'secret'), /key is "secret", but has to be an Mp\.AuthKey/],
    [() => Mp.Connection.open(null), /address is null, but has to be a string/],
    [() => first.deliver_challenge(null), /key is null, but has to be an Mp\.AuthKey/],
    [() => Mp.AuthKey.new('secret'), /secret is "secret", but has to be bytes: a Uint8Array/],
    [() => Mp.Descriptor.duplicate('x'), /fd is "x", but has to be the number of a file descriptor/],
    [() => Mp.Descriptor.duplicate(2 ** 32), /fd is 4294967296, but has to be the number of a file descriptor/],
    [() => new Mp.Message().attach_fd(2 ** 32 + 1), /fd is 4294967297, but has to be the number of a file descriptor/],
    [() => first.send(), /Mp\.Connection\.send\(.*\): value is missing/],
    [() => pool.map_async(target), /items is missing/],
    [() => new Mp.Queue().try_get_frame(1n), /patience is 1, but has to be a number of seconds/],
    [() => new Mp.Queue().try_get_value_frame({}), /patience is an object/],
    [() => new Mp.Queue().get_payload_finish({}), /^result is an object \(Object\), but has to be what the callback/],
    [() => first.receive_data(0, 0, Object.create(Gio.Cancellable.prototype)), /cancellable is an object/],
    [() => Mp.wait_many_finish(first), /^result is an object \(Mp_Connection\)/],
    [() => Mp.fromMessage(3), /^message is 3, but has to be an Mp\.Message/],
    [() => Mp.fromMessage(new GLib.Variant('i', 3)), /^message is an object/],
    [() => Mp.fromVariant(3), /^variant is 3, but has to be a GLib\.Variant/],
  ])
    checkThrows(call, TypeError, pattern);
});

// GJS makes a whole number of anything, which is another value, or another element, than was meant.
test('no number is cut', () => {
  const [value, real] = [new Mp.Value({valueType: 'i', value: 3}), new Mp.Value({valueType: 'd', value: 3})];
  const [array, reals] = [new Mp.Array({elements: new Int32Array([3, 3])}), new Mp.Array({elements: [3, 3]})];
  const memory = new Mp.SharedMemory({size: 8}), list = new Mp.ShareableList({items: [1, 2]});
  const message = new Mp.Message(), condition = new Mp.Condition(), result = new Mp.PoolResult();
  message.attach_fd(0);
  condition.acquire();
  const whole = [it => value.set_int64(it), it => value.add_int64(it), it => value.add_whole(it),
    it => array.set_int64(0, it), it => array.set_int64(it, 1), it => array.get_int64(it), it => array.get_number(it),
    it => reals.set_double(it, 1), it => reals.get_double(it), it => memory.write_bytes(it, new GLib.Bytes([1])),
    it => list.get_item_size(it), it => message.get_attached_fd(it), it => message.get_attachment(it),
    it => condition.notify_many(it), it => result.get_item_message(it), it => result.get_item_report(it),
    it => pool.imap_message('x', message, it), it => pool.submit_map_message('x', message, it),
    it => pool.submit_map_messages('x', [message], it)];
  const numbers = [it => real.set_double(it), it => real.add_double(it), it => reals.set_double(0, it)];
  for (const call of whole) {
    for (const wrong of [0.5, NaN, Infinity])
      check(/ has to be /.test(checkThrows(() => call(wrong), Error).message), `${call} of ${wrong}`);
  }
  for (const call of [...whole, ...numbers]) {
    for (const wrong of ['1', null, true, {}])
      checkThrows(() => call(wrong), TypeError, / has to be /);
  }
  checkSame([value.value, real.value, [...array], [...reals]], [3, 3, [3, 3], [3, 3]]);
  checkSame([...memory.view()], new Array(8).fill(0));

  value.set_int64(4);
  value.add_int64(-1n);
  real.set_double(NaN);
  array.set_int64(1, 5n);
  reals.set_double(1, 0.5);
  checkSame([value.value, Number.isNaN(real.value), array.get_int64(1), reals.get_double(1)], [3, true, 5, 0.5]);
  checkThrows(() => array.get_int64(2), Mp.Error, /There is no element 2/);
  checkThrows(() => array.set_int64(0, 2 ** 40), Mp.Error, /does not fit/);
  condition.release();
});

// Who asked for TLS would talk in the clear, and hear nothing of it.
test('a wire that is none, and settings in its place, are refused', () => {
  const address = 'tcp:127.0.0.1:1', tls = new Mp.TlsSettings(), {TLS} = Mp.WireFlags;
  for (const [call, pattern] of [
    [() => Mp.Connection.open_with_tls_async(address, null, 'TLS', null), /wire is "TLS", .* sum of/],
    [() => Mp.Connection.open_with_tls_async(address, null, tls), /tls = null.*wire is an object/],
    [() => Mp.Connection.open_with_tls(address, null, 8), /wire is 8/],
    [() => Mp.Connection.open_with_tls(address, null, null), /wire is null/],
    [() => Mp.Connection.open_with_tls_async(address, null, TLS, 3), /tls is 3, but/],
    [() => Mp.Connection.open_with_wire(address, null, 'PYTHON'), /wire is "PYTHON"/],
    [() => Mp.Connection.open_with_wire_async(address, null, tls), /wire is an object/],
    [() => Mp.Listener.new_with_tls(address, null, 'TLS'), /wire is "TLS"/],
    [() => Mp.Listener.new_with_wire(address, null, 'TLS'), /wire is "TLS"/],
  ])
    checkThrows(call, TypeError, pattern);
  checkSame(Mp.Listener.new_with_tls(address, null, TLS, tls).wire, TLS);
});

test('undefined is what was left out', () => {
  check(!first.poll(undefined), 'nothing came');
  checkThrows(() => first.receive(0, undefined), Mp.Error, /within the time/);
});

// ---- No function is forgotten

const WAITING = ['timeout', 'cancellable'];

function listArguments(info) {
  return Array.from({length: GIRepository.callable_info_get_n_args(info)},
    (_, i) => GIRepository.callable_info_get_arg(info, i).get_name());
}

test('all functions that wait look at their arguments', () => {
  const repository = GIRepository.Repository.get_default();
  let count = 0;
  for (let i = 0; i < repository.get_n_infos('Mp'); i++) {
    const info = repository.get_info('Mp', i);
    if (info.get_type() !== GIRepository.InfoType.OBJECT)
      continue;
    for (let j = 0; j < GIRepository.object_info_get_n_methods(info); j++) {
      const method = GIRepository.object_info_get_method(info, j);
      const waits = listArguments(method).some(name => WAITING.includes(name));
      if (!waits)
        continue;
      const {prototype} = Mp[info.get_name()];
      const values = Array.from({length: 9}, () => ({odd: true}));
      const func = prototype[method.get_name()] ?? Mp[info.get_name()][method.get_name()];
      const error = checkThrows(() => func.apply(null, values), TypeError);
      check(error.message.startsWith(`Mp.${info.get_name()}.${method.get_name()}(`), error.message);
      count++;
    }
  }
  check(count > 30, `${count} were found`);
});

// What GJS cannot convert is an error, but the end of the process where an array is returned.
const ODD = [{}, [{}], null, true, 1n, 'x', Symbol('odd'), () => 0, NaN, new GLib.Bytes([1]), new Gio.Cancellable(),
  Object.create(Gio.Task.prototype), new Proxy(Gio.Task.new(null, null, null), {}), Mp.Queue.prototype];

const OBJECTS = {Connection: () => first, Context: () => new Mp.Context(), Launcher: () => Mp.Launcher.lookup('gjs'),
  Message: () => Mp.Message.new(new GLib.Variant('i', 1)), Queue: () => new Mp.Queue()};

function returnsArray(info) {
  const type = GIRepository.callable_info_get_return_type(info);
  return GIRepository.type_info_get_tag(type) === GIRepository.TypeTag.ARRAY;
}

function listFunctions() {
  const repository = GIRepository.Repository.get_default();
  return Array.from({length: repository.get_n_infos('Mp')}, (_, i) => repository.get_info('Mp', i)).flatMap(info => {
    if (info.get_type() === GIRepository.InfoType.FUNCTION)
      return [{owner: () => Mp, info}];
    if (info.get_type() !== GIRepository.InfoType.OBJECT)
      return [];
    return Array.from({length: GIRepository.object_info_get_n_methods(info)},
      (_, i) => ({owner: OBJECTS[info.get_name()], info: GIRepository.object_info_get_method(info, i)}));
  });
}

test('functions that return arrays outlive each argument', () => {
  const functions = listFunctions().filter(({info}) => returnsArray(info));
  check(functions.length > 10, `${functions.length} were found`);
  for (const {owner, info} of functions) {
    const name = info.get_name(), object = owner();
    const count = listArguments(info).filter(argument => !/^(length|n_ready|n_objects)$/.test(argument)).length;
    for (const odd of count > 0 ? ODD : []) {
      checkThrows(() => object[name](...new Array(count).fill(odd)), TypeError, /./);
      checkThrows(() => object[name](odd), TypeError, /./);
    }
  }
});

test('the connections are closed', () => {
  first.close();
  second.close();
  pool.terminate();
  checkSame(pool.join(), true);
});

await run();
