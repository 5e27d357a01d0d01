// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Waiting for the first of many objects.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {check, checkRejects, checkSame, checkThrows, run, test} from './support.js';

function makePairs(count) {
  return Array.from({length: count}, () => Mp.Connection.new_pair());
}

function closeAll(pairs) {
  for (const connection of pairs.flat())
    connection.close();
}

// Objects themselves: checkSame() compares what they hold.
function checkThese(ready, wanted) {
  check(ready.length === wanted.length && ready.every((object, i) => object === wanted[i]), `${ready}`);
}

test('those are told that are ready, in their order', async () => {
  const pairs = makePairs(3);
  const ends = pairs.map(pair => pair[1]);
  checkSame(checkThrows(() => Mp.wait_many(ends, 0), Mp.Error).code, Mp.Error.TIMED_OUT);
  checkSame((await checkRejects(Mp.wait_many_async(ends, 0.01), Mp.Error, /in time/)).code, Mp.Error.TIMED_OUT);
  pairs[2][0].send('two');
  pairs[1][0].send('one');
  checkThese(Mp.wait_many(ends), [ends[1], ends[2]]);
  checkThese(await Mp.wait_many_async(new Set([ends[2], ends[1]])), [ends[2], ends[1]]);
  checkSame([ends[1].receive(0), ends[2].receive(0)], ['one', 'two']);
  const later = Mp.wait_many_async(ends);
  pairs[0][0].close();
  checkThese(await later, [ends[0]]);
  closeAll(pairs);
});

test('what is waited for may come one by one', async () => {
  const pairs = makePairs(2);
  pairs[1][0].send(1);
  const iterate = () => pairs.map(pair => pair[1]).values();
  checkThese(Mp.wait_many(iterate()), [pairs[1][1]]);
  checkThese(await Mp.wait_many_async(iterate()), [pairs[1][1]]);
  closeAll(pairs);
});

test('a callback in place of the promise is called', async () => {
  const pairs = makePairs(1);
  pairs[0][0].send(1);
  const ready = await new Promise(resolve => Mp.wait_many_async([pairs[0][1]], -1, null,
    (_, result) => resolve(Mp.wait_many_finish(result))));
  checkThese(ready, [pairs[0][1]]);
  closeAll(pairs);
});

test('a listener is ready when there is somebody to accept', async () => {
  const [pair] = makePairs(1);
  const listener = new Mp.Listener();
  listener.open();
  const objects = [pair[1], listener];
  checkThrows(() => Mp.wait_many(objects, 0.01), Mp.Error, /in time/);
  const waiting = Mp.wait_many_async(objects);
  const client = await Mp.Connection.open_async(listener.address, null);
  checkThese(await waiting, [listener]);
  const server = listener.accept(0);
  const later = Mp.wait_many_async(objects);
  listener.close();
  checkSame((await checkRejects(later, Mp.Error, /closed/)).code, Mp.Error.CLOSED);
  closeAll([pair, [client, server]]);
});

test('numbers are descriptors, and sockets and streams can be waited for', async () => {
  const pairs = makePairs(1);
  const subprocess = Gio.Subprocess.new(['cat'], Gio.SubprocessFlags.STDIN_PIPE | Gio.SubprocessFlags.STDOUT_PIPE);
  const stream = subprocess.get_stdout_pipe();
  const listener = Gio.Socket.new(Gio.SocketFamily.IPV4, Gio.SocketType.STREAM, Gio.SocketProtocol.TCP);
  listener.bind(new Gio.InetSocketAddress({address: Gio.InetAddress.new_loopback(Gio.SocketFamily.IPV4)}), false);
  listener.listen();
  const objects = [pairs[0][1], stream.get_fd(), stream, listener, Mp.Descriptor.duplicate_socket(listener)];
  checkThrows(() => Mp.wait_many(objects, 0.01), Mp.Error, /in time/);
  subprocess.get_stdin_pipe().write('here', null);
  checkThese(await Mp.wait_many_async(objects), [objects[1], stream]);
  // Who looks for a proxy keeps a descriptor.
  const client = new Gio.SocketClient({enableProxy: false}).connect(listener.get_local_address(), null);
  checkThese(Mp.wait_many(objects.slice(3)), objects.slice(3));
  client.close(null);
  listener.close();
  subprocess.get_stdin_pipe().close(null);
  subprocess.wait(null);
  stream.close(null);
  closeAll(pairs);
});

test('processes are ready when they have ended', async () => {
  const pairs = makePairs(1);
  const process = new Mp.Process({target: {module: './modules/tasks.js', name: 'receiveOne', base: import.meta.url},
    args: [pairs[0][1]]});
  await process.start_async();
  checkThrows(() => Mp.wait_many([process, process.get_sentinel()], 0.01), Mp.Error, /in time/);
  pairs[0][0].send('enough');
  checkThese(await Mp.wait_many_async([pairs[0][0], process]), [process]);
  checkSame(process.exit_code, 0);
  checkThese(Mp.wait_many([process.get_sentinel()]), [process.get_sentinel()]);
  await process.join_async();
  closeAll(pairs);
});

test('queues are ready when there is an item', async () => {
  const pairs = makePairs(1);
  const queue = new Mp.Queue();
  checkThrows(() => Mp.wait_many([queue, pairs[0][1]], 0.01), Mp.Error, /in time/);
  const later = Mp.wait_many_async([pairs[0][1], queue]);
  queue.put('item');
  checkThese(await later, [queue]);
  checkThese(Mp.wait_many([queue]), [queue]);
  checkSame(queue.get(0), 'item');
  queue.close();
  checkSame(checkThrows(() => Mp.wait_many([queue]), Mp.Error).code, Mp.Error.CLOSED);
  closeAll(pairs);
});

test('what cannot be waited for is refused', async () => {
  const pairs = makePairs(1);
  checkThrows(() => Mp.wait_many(pairs[0][1]), TypeError, /an Array, or another iterable/);
  checkThrows(() => Mp.wait_many(['text']), TypeError, /^objects\[0\] cannot be waited for: it is "text"/);
  // Of the last ones GJS would take the lowest bits, which are a descriptor.
  for (const number of [3.5, NaN, Infinity, 2 ** 40, 2 ** 32 + 1, 2 ** 31, -(2 ** 31) - 1])
    checkThrows(() => Mp.wait_many([number], 0), TypeError, /cannot be waited for: .*, or a descriptor's number$/);
  checkThrows(() => Mp.wait_many_async([3.5]), TypeError, /cannot be waited for: it is 3\.5/);
  // The process would die of what is no object of the library's.
  for (const object of [{}, null, [], new Gio.Cancellable(), new GLib.Bytes([1]), Mp.Queue, Mp.Queue.prototype,
    Object.create(pairs[0][1]), Object.create(Gio.Socket.prototype), new Proxy(pairs[0][1], {})]) {
    for (const wait of [Mp.wait_many, Mp.wait_many_async]) {
      checkThrows(() => wait([pairs[0][1], object], 0), TypeError,
        /^objects\[1\] cannot be waited for: .* has to be an Mp\.Connection, Mp\.Queue, .*, or a descriptor's number$/);
    }
  }
  checkThrows(() => Mp.wait_many([-1]), Mp.Error, /descriptor -1/);
  checkThrows(() => Mp.wait_many([], {timeout: 0}), TypeError, /timeout is an object/);
  const cancellable = new Gio.Cancellable();
  GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
    cancellable.cancel();
    return GLib.SOURCE_REMOVE;
  });
  const error = await checkRejects(Mp.wait_many_async([pairs[0][1]], -1, cancellable), Gio.IOErrorEnum, /./);
  check(error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED), 'cancelled');
  pairs[0][1].close();
  checkSame(checkThrows(() => Mp.wait_many([pairs[0][1]]), Mp.Error).code, Mp.Error.CLOSED);
  closeAll(pairs);
});

const [warm, other] = Mp.Connection.new_pair();
try {
  Mp.wait_many([warm], 0.001);
} catch {
  await Mp.wait_many_async([warm], 0.001).catch(() => 0);
}
warm.close();
other.close();
new Mp.Queue().put(1);
Gio.ProxyResolver.get_default(); // a client's, which may have the settings watched by a thread
const listener = new Mp.Listener();
listener.open();
const opened = await Mp.Connection.open_async(listener.address, null);
opened.poll(0.05);
opened.close();
listener.close();
const first = new Mp.Process();
await first.start_async();
await first.join_async();
await run();
