// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// What processes do with the locks and the like that testSync.js hands to them.

export function hold(guard, connection) {
  guard.acquire();
  connection.send('holds');
  connection.receive();
  guard.release();
}

export function setWhenTold(event, connection) {
  connection.receive();
  event.set();
}

export function notifyOnce(condition, connection) {
  condition.acquire();
  connection.send('acquired');
  condition.notify_one();
  condition.release();
}

export function waitOnce(condition, connection) {
  condition.acquire();
  connection.send('acquired');
  condition.wait();
  condition.release();
  connection.send('notified');
}

// Writes two parts that belong together; others who write are kept away meanwhile.
export function write(lock, connection) {
  for (let i = 0; i < 20; i++) {
    lock.acquire();
    connection.send('begin');
    connection.send('end');
    lock.release();
  }
}

export function arrive(barrier, connection) {
  connection.send(barrier.wait());
}
