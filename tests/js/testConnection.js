// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Connections: promises, arguments left out, bytes, signals.

import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {check, checkRejects, checkSame, run, test} from './support.js';

test('values go and come', async () => {
  const [first, second] = Mp.Connection.new_pair(true);
  first.send(new GLib.Variant('(is)', [5, 'five']));
  checkSame(second.receive().deepUnpack(), [5, 'five']);

  const received = first.receive_async();
  await second.send_async(new GLib.Variant('i', 7));
  checkSame((await received).get_int32(), 7);
  check(/^<Mp\.Connection fd=\d+ readable writable>$/.test(`${first}`), 'it describes itself');
  first.close();
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

test('the end and the time running out are errors', async () => {
  const [first, second] = Mp.Connection.new_pair(true);
  const error = await checkRejects(first.receive_async(0.01), Mp.Error, /within the time/);
  check(error.matches(Mp.Error, Mp.Error.TIMED_OUT), 'of their kind');
  second.close();
  check(await first.wait_readable_async(), 'the end can be waited for');
  check((await checkRejects(first.receive_async(), Mp.Error, /closed/)).matches(Mp.Error, Mp.Error.CLOSED), 'CLOSED');
  first.close();
});

test('messages come as signals', async () => {
  const [first, second] = Mp.Connection.new_pair(true);
  const numbers = [];
  first.connect('message-received', (_, message) => numbers.push(message.get_value().get_int32()));
  const ended = new Promise(resolve => first.connect('peer-closed', (_, reason) => resolve(reason.code)));
  first.start_reading();
  for (const number of [1, 2, 3])
    second.send(new GLib.Variant('i', number));
  second.close();
  checkSame(await ended, Mp.Error.CLOSED);
  checkSame(numbers, [1, 2, 3]);
  first.close();
});

const [warm, other] = Mp.Connection.new_pair(true);
warm.poll(0.02);
await other.send_async(new GLib.Variant('i', 0));
warm.close();
other.close();
await run();
