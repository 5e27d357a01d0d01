// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// What constructors are given has to be of the types, and by the names, that there are.

import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Mp from 'gi://Mp?version=1.0';

import {check, checkSame, checkThrows, run, test} from './support.js';

const target = 'gjs:file:///nowhere.js#work';

test('what would be taken for no TLS is refused', () => {
  for (const wire of ['TLS', 8, -1, 1.5, null, true, new Mp.TlsSettings()])
    checkThrows(() => new Mp.Listener({address: 'tcp:localhost:0', wire}), TypeError, /^wire is .*WireFlags\.TLS/);
  checkThrows(() => new Mp.Listener({tls: 3}), TypeError, /^tls is 3, but has to be an Mp\.TlsSettings or null/);
  const wire = Mp.WireFlags.TLS | Mp.WireFlags.INSECURE;
  checkSame(new Mp.Listener({address: 'tcp:localhost:0', wire}).wire, wire);
});

test('each property is of its type', () => {
  for (const [make, type, pattern] of [
    [() => new Mp.Listener({backlog: 'x'}), TypeError, /^backlog is "x", but has to be a whole number from 1/],
    [() => new Mp.Listener({backlog: 0}), RangeError, /^backlog is 0/],
    [() => new Mp.Listener({address: 3}), TypeError, /^address is 3, but has to be a string/],
    [() => new Mp.Listener({key: 'secret'}), TypeError, /^key is "secret", but has to be an Mp/],
    [() => new Mp.TlsSettings({certificate: 3}), TypeError, /^certificate is 3, but has to be a Gio\.Tls/],
    [() => new Mp.Pool({n_workers: 'x'}), TypeError, /^n_workers is "x", but has to be a whole number from 0/],
    [() => new Mp.Pool({nWorkers: 1.5}), RangeError, /^nWorkers is 1\.5/],
    [() => new Mp.Pool({n_workers: 1, context: 'python'}), TypeError, /^context is "python", but has to be an Mp/],
    [() => new Mp.Queue({live: 'x'}), TypeError, /^live is "x", but has to be true/],
    [() => new Mp.Queue({mainContext: 3}), TypeError, /^mainContext is 3, but has to be a GLib/],
    [() => new Mp.JoinableQueue({redelivery: 1}), TypeError, /^redelivery is 1/],
    [() => new Mp.Process({target, daemon: 'x'}), TypeError, /^daemon is "x"/],
    [() => new Mp.Process({target, name: 3}), TypeError, /^name is 3/],
    [() => new Mp.Process({target, context: 3}), TypeError, /^context is 3/],
    [() => new Mp.Context({start_method: 7}), TypeError, /^start_method is 7, but .*StartMethod\.SPAWN/],
    [() => new Mp.Context({hello_timeout: 'x'}), TypeError, /^hello_timeout is "x", but has to be a number/],
    [() => new Mp.Context({environment: 'A=B'}), TypeError, /^environment is "A=B", but .* Array of/],
    [() => new Mp.Context({launcher: 3}), TypeError, /^launcher is 3, but has to be an Mp\.Launcher/],
    [() => new Mp.TaskOptions({starmap: 1}), TypeError, /^starmap is 1/],
    [() => new Mp.SharedMemory({size: 100, create: 1}), TypeError, /^create is 1/],
    [() => new Mp.ShareableList({items: [1], name: 5}), TypeError, /^name is 5/],
    [() => new Mp.AuthKey({secret: 3}), TypeError, /^secret is 3, but has to be bytes/],
  ])
    checkThrows(make, type, pattern);
});

test('what is of its type is taken, and what is undefined is left out', () => {
  const pool = new Mp.Pool({nWorkers: 1, context: null, max_tasks_per_worker: 2, 'main-context': undefined});
  checkSame(pool.n_workers, 1);
  pool.terminate();
  checkSame(pool.join(), true);
  const mainContext = GLib.MainContext.default();
  check(new Mp.Queue({maxSize: 2, live: false, mainContext}).main_context !== null, 'the main context');
  const environment = ['A=B'];
  checkSame(new Mp.Context({environment, hello_timeout: 3, working_directory: '/'}).environment, environment);
  checkSame(new Mp.AuthKey({secret: Uint8Array.of(1, 2)}).length, 2);
  checkSame(new Mp.Listener({address: undefined, tls: null, key: null}).address, null);
  const process = new Mp.Process({target, args: [1], name: 'a', daemon: true});
  checkSame(`${process}`, "<Mp.Process name='a' initial daemon>");
  checkSame(`${new Mp.SimpleQueue({maxSize: undefined})}`, '<Mp.SimpleQueue 0 items>');
});

test('names that there are not are refused with those that were meant', () => {
  for (const [make, pattern] of [
    [() => new Mp.Queue({maxsize: 3}), /no property 'maxsize': did you mean 'maxSize'\? .* maxSize, byteLimit/],
    [() => new Mp.Queue({max_siz: 3}), /did you mean 'max_size'/],
    [() => new Mp.JoinableQueue({redeliver: true}), /did you mean 'redelivery'/],
    [() => new Mp.Listener({authkey: new Uint8Array(32)}), /did you mean 'key'/],
    [() => new Mp.TlsSettings({trust: null}), /did you mean 'trusted'/],
    [() => new Mp.Process({target, arg: [1]}), /did you mean 'args'/],
    [() => new Mp.Pool({processes: 3}), /did you mean 'n_workers'/],
    [() => new Mp.Array({elementtype: 'i', length: 3}), /did you mean 'elementType'/],
    [() => new Mp.Array({element: [1]}), /did you mean 'elements'/],
    [() => new Mp.Lock({locked: true}), /^an Mp\.Lock takes no property 'locked'; of properties it takes none/],
    // Which it has of Mp.Queue, and says nothing of it.
    [() => new Mp.SimpleQueue({maxSize: 3}), /^an Mp\.SimpleQueue takes no property 'maxSize'/],
    [() => new Mp.Connection({fd: 3}), /comes from Mp\.Connection\.new_pair/],
  ])
    checkThrows(make, TypeError, pattern);
});

test('a process and a context are made with properties', () => {
  checkThrows(() => new Mp.Process(() => 1), TypeError, /by their names: new Mp\.Process\(\{target/);
  checkThrows(() => new Mp.Context('python'), TypeError, /new Mp\.Context\(\{launcher: 'python'/);
  checkThrows(() => new Mp.TaskOptions('sums'), TypeError, /new Mp\.TaskOptions\(\{name/);
});

test('a message has a value, or bytes of a codec', () => {
  const value = new GLib.Variant('i', 1), bytes = new GLib.Bytes([1]);
  const [first, second] = Mp.Connection.new_pair(), items = new Mp.Queue();
  for (const codec of ['Json', 'a b', '', 'x'.repeat(33), 'gvariant', 'json\n']) {
    for (const call of [() => new Mp.Message({payloadBytes: bytes, codec}), () => new Mp.Message({codec}),
      () => Mp.Message.new_data([1], codec), () => Mp.Message.new_bytes(bytes, codec),
      () => first.send_data(Uint8Array.of(1), codec), () => first.send_bytes_async(bytes, codec),
      () => items.put_data(Uint8Array.of(1), codec), () => items.put_many_data(Uint8Array.of(1), [1], codec)])
      checkThrows(call, RangeError, /^codec is .*, but has to be a name of 1 to 32 characters/);
  }
  checkSame([items.get_length(), second.poll()], [0, false]);
  for (const others of [{codec: 'json'}, {codec: 'gvariant'}, {payload_bytes: bytes}, {'payload-bytes': bytes}])
    checkThrows(() => new Mp.Message({value, ...others}), TypeError, /either a value, or payloadBytes/);
  checkThrows(() => new Mp.Message(value, 'json'), TypeError, /new Mp\.Message\(\{value\}\) of a GLib\.Variant/);
  checkThrows(() => new Mp.Message(value), TypeError, /new Mp\.Message\(\{value\}\) of a GLib\.Variant/);
  checkThrows(() => new Mp.Message({payload: bytes}), TypeError, /did you mean 'payloadBytes'/);
  for (const message of [new Mp.Message({payloadBytes: bytes, codec: 'x.y-9'}), Mp.Message.new_data([1], 'x.y-9')])
    checkSame([message.get_codec(), message.get_payload_bytes().toArray()], ['x.y-9', Uint8Array.of(1)]);
  checkSame([Mp.fromMessage(new Mp.Message({value})), Mp.fromMessage(new Mp.Message())], [1, null]);
  checkSame(Mp.Message.new_bytes(bytes).get_codec(), 'raw');
  first.close();
  second.close();
});

test('what only others make is of nothing, and says so', () => {
  const worker = new Mp.Worker();
  checkSame([`${worker}`, worker.get_name(), worker.get_target()], ['<Mp.Worker of no process>', '', null]);
  const task = new Mp.WorkerTask();
  task.return_value(null);
  checkSame([`${task}`, task.get_target(), task.get_message()], ['<Mp.WorkerTask without a call>', '', null]);
  const [result, iterator] = [new Mp.PoolResult(), new Mp.ResultIterator()];
  checkSame([`${result}`, `${iterator}`], ['<Mp.PoolResult of no pool>', '<Mp.ResultIterator of no pool>']);
  for (const call of [() => worker.next_task(), () => worker.ready(), () => result.get(), () => result.wait(0),
    () => result.get_item(0), () => iterator.next(), () => iterator.push_item(1)]) {
    const error = checkThrows(call, Mp.Error);
    checkSame(error.code, Mp.Error.INVALID_STATE, `the code of ${error}`);
  }
});

const Shelf = GObject.registerClass({
  Properties: {height: GObject.ParamSpec.int('height', '', '', GObject.ParamFlags.READWRITE, 0, 5, 0)},
}, class Shelf extends Mp.Queue {});

test('a class of the program has properties of its own', () => {
  const shelf = new Shelf({height: 3, maxSize: 2});
  checkSame(shelf.height, 3);
  checkSame(shelf.max_size, 2);
  checkThrows(() => new Shelf({height: 9}), RangeError, /^height is 9, but has to be a whole number from 0 to 5/);
  checkThrows(() => new Shelf({heigh: 3}), TypeError, /did you mean 'height'/);
});

// What the library keeps for the life of a process.
new Mp.Queue().close();
await run();
