// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Connections: values, promises, arguments left out, bytes, signals.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {check, checkRejects, checkSame, checkThrows, run, test} from './support.js';

const VALUES = [1, 'two', 0.5, null, true, [1, 2], {x: 1, list: ['a', null]}, Uint8Array.of(1, 2),
  new Map([[1, 'one']])];

test('values go and come', async () => {
  const [first, second] = Mp.Connection.new_pair(true);
  for (const value of [...VALUES, VALUES]) {
    first.send(value);
    checkSame(second.receive(), value);
    const received = first.receive_async();
    await second.send_async(value);
    checkSame(await received, value);
  }
  first.send(undefined);
  checkSame(second.receive(), null);
  check(/^<Mp\.Connection fd=\d+ readable writable>$/.test(`${first}`), 'it describes itself');
  first.close();
  second.close();
});

test('a variant goes as it is, and can be had as it came', async () => {
  const [first, second] = Mp.Connection.new_pair(true);
  const variant = new GLib.Variant('(isq)', [5, 'five', 6]);
  first.send(variant);
  checkSame(second.receive(), [5, 'five', 6]);
  await first.send_async(variant);
  const message = await second.receive_message_async();
  check(message.get_value().equal(variant), 'the variant');
  checkSame(Mp.fromMessage(message), [5, 'five', 6]);
  first.close();
  second.close();
});

test('what cannot be sent is refused, and nothing is sent', () => {
  const [first, second] = Mp.Connection.new_pair(true);
  checkThrows(() => first.send(() => 1), TypeError, /value is the function/);
  checkThrows(() => first.send_async({when: new Date(0)}), TypeError, /value\.when is a Date/);
  checkThrows(() => first.send(new Gio.Cancellable()), TypeError, /Mp\.Shareable/);
  check(!second.poll(), 'nothing came');
  first.close();
  second.close();
});

test('a connection goes through a connection', () => {
  const [first, second] = Mp.Connection.new_pair(true);
  const [inner, other] = Mp.Connection.new_pair(true);
  first.send({name: 'inner', ends: [inner]});
  inner.close();
  const {name, ends: [received]} = second.receive();
  checkSame(name, 'inner');
  received.send('through it');
  checkSame(other.receive(), 'through it');
  for (const connection of [first, second, other, received])
    connection.close();
});

test('what was left behind goes on to another holder', () => {
  const [first, second] = Mp.Connection.new_pair(true);
  const [inner, other] = Mp.Connection.new_pair(true);
  inner.send('left behind');
  inner.close();
  first.send(other);
  const passed = second.receive();
  checkSame(passed.receive(), 'left behind');
  checkThrows(() => passed.receive(), Mp.Error, /./);
});

test('callbacks get the same values as promises', async () => {
  const [first, second] = Mp.Connection.new_pair(true);
  await new Promise(resolve => first.send_async({x: 1}, -1, null, (_, result) => resolve(first.send_finish(result))));
  checkSame(await new Promise(resolve => second.receive_async(-1, null,
    (_, result) => resolve(second.receive_finish(result)))), {x: 1});
  first.close();
  second.close();
});

test('bytes are bytes, but those of another language are refused by name', () => {
  const [first, second] = Mp.Connection.new_pair(true);
  first.send_data(Uint8Array.of(1, 2, 3));
  checkSame(second.receive(), Uint8Array.of(1, 2, 3));
  first.send_data(Uint8Array.of(1), 'pickle5');
  const error = checkThrows(() => second.receive(), Mp.Error, /codec 'pickle5'.*let its sender send a GLib\.Variant/);
  checkSame(error.code, Mp.Error.WRONG_CODEC);
  first.close();
  second.close();
});

// A pair whose second end has refused a message, and has another one behind it.
function makeRefused() {
  const [first, second] = Mp.Connection.new_pair();
  first.send_data(Uint8Array.of(1, 2, 3), 'pickle5');
  first.send('value');
  checkThrows(() => second.receive(), Mp.Error, /for which it waits/);
  return [first, second];
}

function checkCode(error, code) {
  check(error.matches(Mp.Error, code), `${error} has the code ${code}`);
}

test('what JavaScript does not read waits for who takes its bytes', async () => {
  const bytes = Uint8Array.of(1, 2, 3);
  for (const take of [
    end => end.receive_data(3, 0),
    end => end.receive_bytes(0).toArray(),
    async end => (await end.receive_bytes_async()).toArray(),
    end => end.receive_data_async(),
    end => end.receive_message().get_payload_bytes().toArray(),
    async end => (await end.receive_message_async(0)).get_payload_bytes().toArray(),
    end => {
      const room = new Uint8Array(3);
      checkSame(end.receive_into(room), 3);
      return room;
    },
    end => new Promise(resolve => end.receive_data_async(0, -1, null, (_, result) =>
      resolve(end.receive_data_finish(result)))),
  ]) {
    const [first, second] = makeRefused();
    checkCode(checkThrows(() => second.receive(), Mp.Error, /codec 'pickle5'/), Mp.Error.WRONG_CODEC);
    checkCode(await checkRejects(second.receive_async(), Mp.Error, /'pickle5'/), Mp.Error.WRONG_CODEC);
    checkCode(checkThrows(() => second.receive_bytes(2), Mp.Error, /3 bytes, not 2/), Mp.Error.BUFFER_TOO_SHORT);
    checkCode(await checkRejects(second.receive_data_async(1), Mp.Error), Mp.Error.BUFFER_TOO_SHORT);
    checkSame(await take(second), bytes); // eslint-disable-line no-await-in-loop
    checkSame(second.receive(0), 'value');
    checkCode(checkThrows(() => second.receive_bytes(0, 0), Mp.Error), Mp.Error.TIMED_OUT);
    first.close();
    second.close();
  }
});

test('what waits so is something to be received', async () => {
  const [first, second] = makeRefused();
  const [third, fourth] = Mp.Connection.new_pair();
  check(second.poll(), 'poll');
  check(second.wait_readable(0), 'wait_readable');
  check(await second.wait_readable_async(0), 'wait_readable_async');
  const isSecond = found => found.length === 1 && found[0] === second;
  check(isSecond(Mp.wait_many([fourth, second])), 'wait_many');
  check(isSecond(await Mp.wait_many_async([fourth, second])), 'wait_many_async');
  third.send(1);
  checkSame(Mp.wait_many([fourth, second]).length, 2);

  const cancelled = new Gio.Cancellable();
  cancelled.cancel();
  checkThrows(() => second.receive_bytes(0, -1, cancelled), Gio.IOErrorEnum, /cancelled/);
  check(second.poll(), 'a cancelled call takes nothing');

  second.close();
  checkCode(checkThrows(() => second.receive_bytes(), Mp.Error), Mp.Error.CLOSED);
  check(!Mp.Connection.new_pair()[0].poll(), 'others have nothing');
  for (const end of [first, third, fourth])
    end.close();
});

// Those that were asked for before find what others have refused, as they do where the library refuses it.
test('messages keep their order where several receive', async () => {
  const [first, second] = Mp.Connection.new_pair();
  const receiving = [second.receive_async(), second.receive_async(), second.receive_message_async()];
  first.send_data(Uint8Array.of(1), 'pickle5');
  first.send(2);
  first.send_data(Uint8Array.of(3), 'pickle5');
  const [one, two, three] = await Promise.allSettled(receiving);
  for (const {reason} of [one, two])
    checkCode(reason, Mp.Error.WRONG_CODEC);
  checkSame(three.value.get_payload_bytes().toArray(), Uint8Array.of(1));
  checkCode(checkThrows(() => second.receive_bytes(), Mp.Error, /is a value/), Mp.Error.WRONG_CODEC);
  checkSame(second.receive(), 2);
  checkSame(second.receive_data(), Uint8Array.of(3));
  check(!second.poll(), 'nothing is left');
  first.close();
  second.close();
});

test('what was refused comes as a signal, too', async () => {
  const [first, second] = makeRefused();
  const codecs = [];
  const ended = new Promise(resolve => second.connect('peer-closed', resolve));
  second.connect('message-received', (_, message) => codecs.push(message.get_codec()));
  second.start_reading();
  first.close();
  await ended;
  checkSame(codecs, ['pickle5', 'gvariant']);
  second.close();
});

test('bytes go and come', async () => {
  const [first, second] = Mp.Connection.new_pair(false);
  second.send_data(new Uint8Array([1, 2, 3]));
  checkSame(first.receive_data(), new Uint8Array([1, 2, 3]));
  second.send_bytes(new GLib.Bytes(new Uint8Array(3000000)), 'json');
  checkSame((await first.receive_bytes_async()).get_size(), 3000000);
  await second.send_data_async(new Uint8Array([4]));
  checkSame(await first.receive_data_async(), new Uint8Array([4]));
  check(!first.poll(), 'nothing is left');
  first.close();
  second.close();
});

test('bytes that were received can be changed, however many they are', async () => {
  const [first, second] = Mp.Connection.new_pair(true);
  for (const size of [10, 100000, 3000000]) {
    for (const take of [() => second.receive_async(), async () => (await second.receive_bytes_async()).toArray()]) {
      const sent = new Uint8Array(size).map((_, i) => i % 251);
      const ended = first.send_data_async(sent);
      const received = await take();
      await ended;
      received.reverse();
      received[0] = 7;
      checkSame([received.length, received[0], received[1], received[size - 1]], [size, 7, (size - 2) % 251, 0]);
    }
  }
  first.close();
  second.close();
});

test('bytes are received into arrays, from an offset on', async () => {
  const [first, second] = Mp.Connection.new_pair(true);
  const digits = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
  const buffer = new Uint8Array(8);
  first.send_data(digits.subarray(2, 7));
  checkSame(second.receive_into(buffer, 1), 5);
  checkSame(buffer, Uint8Array.of(0, 2, 3, 4, 5, 6, 0, 0));
  first.send_data(digits.subarray(0, 4));
  checkSame(checkThrows(() => second.receive_into(buffer, 5), Mp.Error).code, Mp.Error.BUFFER_TOO_SHORT);
  checkSame(buffer, Uint8Array.of(0, 2, 3, 4, 5, 6, 0, 0));
  const numbers = new Uint32Array(2);
  checkSame(await second.receive_into_async(numbers, 4), 4);
  checkSame(numbers, Uint32Array.of(0, 0x03020100));
  const both = new ArrayBuffer(16);
  const received = second.receive_into_async(new DataView(both, 8, 2));
  first.send_data(Uint8Array.of(1, 2));
  checkSame(await received, 2);
  checkSame(new Uint8Array(both, 7, 4), Uint8Array.of(0, 1, 2, 0));
  first.send_data(new Uint8Array(0));
  checkSame(second.receive_into(both), 0);
  first.close();
  second.close();
});

test('receiving into an array waits, and says what is wrong', async () => {
  const [first, second] = Mp.Connection.new_pair(true);
  const buffer = new Uint8Array(4);
  checkThrows(() => second.receive_into(buffer, 0, 0.01), Mp.Error, /within the time/);
  first.send_data(Uint8Array.of(7));
  for (const offset of [-1, 4, 0.5])
    checkThrows(() => second.receive_into(buffer, offset), RangeError, /offset/);
  checkThrows(() => second.receive_into([1, 2]), TypeError, /Uint8Array/);
  checkThrows(() => second.receive_into(buffer, '1'), TypeError, /offset is "1"/);
  await checkRejects(second.receive_into_async(buffer, 4), RangeError, /offset/);
  await checkRejects(second.receive_into_async('text'), TypeError, /Uint8Array/);
  checkSame(second.receive_into(buffer), 1);
  first.close();
  checkSame(checkThrows(() => second.receive_into(buffer), Mp.Error).code, Mp.Error.CLOSED);
  second.close();
});

// Of all of them the bytes that they show, not the numbers.
test('bytes are sent from buffers of any kind', async () => {
  const [first, second] = Mp.Connection.new_pair();
  const bytes = Uint8Array.of(9, 1, 2, 3, 4, 5, 6, 7, 8);
  const {buffer} = bytes;
  for (const [sent, got] of [
    [bytes, bytes], [bytes.subarray(1, 3), bytes.slice(1, 3)], [buffer, bytes],
    [new DataView(buffer, 2, 3), bytes.slice(2, 5)],
    [new Int8Array(buffer, 1), bytes.slice(1)], [new Float64Array(buffer, 0, 1), bytes.slice(0, 8)],
    [new GLib.Bytes(bytes), bytes], [new ArrayBuffer(0), new Uint8Array(0)],
  ]) {
    first.send_bytes(sent);
    checkSame(second.receive_bytes().toArray(), got);
    await first.send_bytes_async(sent);
    checkSame(second.receive(), got);
    first.send_data(sent);
    checkSame(second.receive_data(), got);
    await first.send_data_async(sent, 'other');
    checkSame(second.receive_message().get_codec(), 'other');
  }
  first.send_data('abc');
  first.send_data([1, 255]);
  checkSame(second.receive(), new TextEncoder().encode('abc'));
  checkSame(second.receive(), Uint8Array.of(1, 255));
  for (const wrong of ['text', 3, null, [1, 2, 3], {}])
    checkThrows(() => first.send_bytes(wrong), TypeError, /^bytes is .*, but has to be a Uint8Array, another typed/);
  checkThrows(() => first.send_bytes_async([1]), TypeError, /^bytes is an object \(Array\)/);
  for (const wrong of [[300], [1.5], ['x'], 3, {}])
    checkThrows(() => first.send_data(wrong), TypeError, /^data is .*, but has to be a Uint8Array, another typed/);
  first.close();
  second.close();
});

test('values are iterated until the end', async () => {
  const [first, second] = Mp.Connection.new_pair();
  const values = [];
  for (const value of [1, 'two', [3]])
    first.send(value);
  first.close();
  for await (const value of second)
    values.push(value);
  checkSame(values, [1, 'two', [3]]);

  const [third, fourth] = Mp.Connection.new_pair();
  third.send('one');
  for await (const value of fourth) {
    checkSame(value, 'one');
    fourth.close();
  }
  third.close();
});

test('a name that is none of a codec is refused, and the end goes on', async () => {
  const [first, second] = Mp.Connection.new_pair();
  const bytes = Uint8Array.of(1);
  for (const wrong of ['', 'Pickle', 'a codec', 'a\0b', 'gvariant', 'x'.repeat(33)]) {
    for (const send of ['send_bytes', 'send_bytes_async', 'send_data', 'send_data_async'])
      checkThrows(() => first[send](bytes, wrong), RangeError, /^codec is ".*", but has to be a name of 1 to 32/);
  }
  checkThrows(() => first.send_bytes(bytes, 5), TypeError, /codec is 5, but has to be a string or null/);
  await first.send_bytes_async(bytes, 'x'.repeat(32));
  checkSame(second.receive_message().get_codec(), 'x'.repeat(32));
  first.close();
  second.close();
});

test('ends know what they are for, and how long a message may be', async () => {
  const [reader, writer] = Mp.Connection.new_pair(false);
  check(reader.readable && !reader.writable && writer.writable && !writer.readable);
  checkSame(checkThrows(() => reader.send(1), Mp.Error).code, Mp.Error.NOT_SUPPORTED);
  writer.send_data(Uint8Array.of(1, 2, 3));
  checkSame(checkThrows(() => reader.receive_data(2), Mp.Error).code, Mp.Error.BUFFER_TOO_SHORT);
  checkSame(reader.receive_data(3), Uint8Array.of(1, 2, 3));
  check(!reader.poll(0.001));
  const readable = new Promise(resolve => GLib.io_add_watch(GLib.IOChannel.unix_new(reader.get_fd()),
    GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN, () => {
      resolve();
      return GLib.SOURCE_REMOVE;
    }));
  writer.send('now');
  await readable;
  check(reader.poll(20));
  checkSame(reader.receive(), 'now');
  reader.close();
  writer.close();
  check(reader.is_closed());
});

test('the end and the time running out are errors', async () => {
  const [first, second] = Mp.Connection.new_pair(true);
  const error = await checkRejects(first.receive_async(0.01), Mp.Error, /within the time/);
  check(error.matches(Mp.Error, Mp.Error.TIMED_OUT), 'of their kind');
  second.close();
  check(await first.wait_readable_async(), 'the end can be waited for');
  check((await checkRejects(first.receive_async(), Mp.Error, /closed/)).matches(Mp.Error, Mp.Error.CLOSED), 'CLOSED');
  check(first.poll(), 'the end is something to be received');
  const waiting = first.wait_readable_async();
  first.close();
  check(await waiting, 'it was there');
  check(!first.poll(), 'that of this side is none');
  checkCode(checkThrows(() => first.wait_readable(), Mp.Error), Mp.Error.CLOSED);
  checkCode(await checkRejects(first.wait_readable_async(), Mp.Error), Mp.Error.CLOSED);
});

test('messages come as signals', async () => {
  const [first, second] = Mp.Connection.new_pair(true);
  const numbers = [];
  first.connect('message-received', (_, message) => numbers.push(Mp.fromMessage(message)));
  const ended = new Promise(resolve => first.connect('peer-closed', (_, reason) => resolve(reason.code)));
  first.start_reading();
  for (const number of [1, 2, 3])
    second.send(number);
  second.close();
  checkSame(await ended, Mp.Error.CLOSED);
  checkSame(numbers, [1, 2, 3]);
  first.close();
});

const [warm, other] = Mp.Connection.new_pair(true);
warm.poll(0.02);
await other.send_async(0);
// The engine sees to objects on their way.
const [passed] = Mp.Connection.new_pair(true);
other.send(passed);
warm.receive();
warm.receive().close();
passed.close();
warm.close();
other.close();
await run();
