// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Connections and descriptors between processes: several senders, and what deaths leave behind.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {getLength} from './modules/lengths.js';
import {check, checkSame, checkThrows, run, test} from './support.js';

const MODULE = './modules/connecting.js';
const DEADLINE = 20;

async function start(name, ...args) {
  const process = new Mp.Process({target: {module: MODULE, name, base: import.meta.url}, args});
  await process.start_async();
  return process;
}

async function startSenders(...senders) {
  const [ours, theirs] = Mp.Connection.new_pair();
  const processes = await Promise.all(senders.map(([name, ...args]) => start(name, theirs, ...args)));
  theirs.close();
  return [ours, processes];
}

// What a message is full of, and how many there are.
async function receiveMark(connection) {
  const bytes = await connection.receive_data_async(0, DEADLINE);
  check(bytes.every(byte => byte === bytes[0]), 'no parts of several messages are in one');
  return [bytes[0], bytes.length];
}

async function endOf(connection) {
  try {
    for (;;)
      await receiveMark(connection);
  } catch (error) {
    check(error instanceof Mp.Error, error.message);
    return error.code;
  }
}

test('the long messages of several senders do not mix', async () => {
  const [connection, processes] = await startSenders(['sendMarks', 1, 20], ['sendMarks', 2, 20]);
  const lengths = [[], []];
  for (let i = 0; i < 40; i++) {
    const [mark, length] = await receiveMark(connection);
    lengths[mark - 1].push(length);
  }
  const wanted = Array.from({length: 20}, (_, i) => getLength(i));
  checkSame(lengths, [wanted, wanted]);
  checkSame(await endOf(connection), Mp.Error.CLOSED);
  await Promise.all(processes.map(process => process.join_async()));
  connection.close();
});

test('a sender that is killed damages nothing', async () => {
  const [connection, processes] = await startSenders(['sendMarks', 1, 1e9], ['sendMarks', 2, 1e9]);
  for (let i = 0; i < 10; i++)
    await receiveMark(connection);
  processes[0].kill();
  await processes[0].join_async();
  for (let count = 0; count < 20;)
    count += (await receiveMark(connection))[0] === 2 ? 1 : 0;
  processes[1].kill();
  checkSame(await endOf(connection), Mp.Error.PEER_DIED);
  await processes[1].join_async();
  connection.close();
});

test('a peer that is gone is an error that says how', async () => {
  const [connection, [process]] = await startSenders(['sendAndWait', 'here']);
  checkSame(await connection.receive_async(DEADLINE), 'here');
  process.kill();
  await process.join_async();
  checkSame(checkThrows(() => connection.receive(), Mp.Error).code, Mp.Error.PEER_DIED);
  checkSame(checkThrows(() => connection.send(1), Mp.Error).code, Mp.Error.PEER_DIED);
  connection.close();
  const [first, second] = Mp.Connection.new_pair();
  second.close();
  checkSame(checkThrows(() => first.send(1), Mp.Error).code, Mp.Error.CLOSED);
  first.close();
});

test('sockets are handed over as descriptors', async () => {
  const listener = Gio.Socket.new(Gio.SocketFamily.IPV4, Gio.SocketType.STREAM, Gio.SocketProtocol.TCP);
  listener.bind(new Gio.InetSocketAddress({address: Gio.InetAddress.new_loopback(Gio.SocketFamily.IPV4)}), false);
  listener.listen();
  // Who looks for a proxy keeps a descriptor.
  const client = new Gio.SocketClient({enableProxy: false}).connect(listener.get_local_address(), null);
  const accepted = listener.accept(null);
  const descriptor = Mp.Descriptor.duplicate_socket(accepted);
  check(/^<Mp\.Descriptor fd=\d+>$/.test(`${descriptor}`), `${descriptor}`);
  const process = await start('writeTo', descriptor, 'from the child');
  await process.join_async();
  const bytes = client.get_input_stream().read_bytes(100, null).toArray();
  checkSame(new TextDecoder().decode(bytes), 'from the child');

  const [first, second] = Mp.Connection.new_pair();
  first.send({socket: descriptor});
  const received = second.receive().socket;
  check(received instanceof Mp.Descriptor && received !== descriptor, `${received}`);
  const socket = received.open_socket();
  socket.send(new TextEncoder().encode('again'), null);
  checkSame(new TextDecoder().decode(client.get_input_stream().read_bytes(100, null).toArray()), 'again');
  for (const open of [socket, accepted, listener, descriptor, received])
    open.close();
  // All that was handed over is closed, and not only when it is collected.
  checkSame(client.get_input_stream().read_bytes(100, null).get_size(), 0);
  checkSame(`${received}`, '<Mp.Descriptor closed>');
  checkSame(checkThrows(() => received.open_socket(), Mp.Error).code, Mp.Error.CLOSED);
  client.close(null);
  first.close();
  second.close();
});

// It takes 2 GiB of memory: only with MP_TEST_LONG. A file that was not written to takes none.
if (GLib.getenv('MP_TEST_LONG') !== null) {
  test('a message may have more than 2 GiB', async () => {
    const size = 2 ** 31 + 5;
    const [file, stream] = Gio.File.new_tmp('mpglib-huge-XXXXXX');
    stream.truncate(size, null);
    stream.seek(size - 1, GLib.SeekType.SET, null);
    stream.get_output_stream().write(Uint8Array.of(7), null);
    stream.close(null);
    const bytes = GLib.MappedFile.new(file.get_path(), false).get_bytes();
    file.delete(null);
    const [first, second] = Mp.Connection.new_pair();
    await first.send_bytes_async(bytes);
    const received = await second.receive_bytes_async();
    checkSame(received.get_size(), size);
    checkSame(received.new_from_bytes(size - 3, 3).toArray(), Uint8Array.of(0, 0, 7));
    first.close();
    second.close();
  });
}

const warm = await start('writeTo', null, '').catch(error => error);
await warm.join_async().catch(error => error);
const [one, other] = Mp.Connection.new_pair();
one.poll(0.02);
await other.send_async(0);
one.close();
other.close();
await run();
