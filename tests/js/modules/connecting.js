// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// What runs at the other end of a connection.

import {getLength} from './lengths.js';

export function sendMarks(connection, mark, count) {
  for (let i = 0; i < count; i++)
    connection.send_data(new Uint8Array(getLength(i)).fill(mark));
}

export function sendAndWait(connection, value) {
  connection.send(value);
  connection.receive();
}

export function writeTo(descriptor, text) {
  descriptor.open_socket().send(new TextEncoder().encode(text), null);
}
