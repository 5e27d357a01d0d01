// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// What processes do with the queues that testQueue.js hands to them.

export async function double(questions, answers, count) {
  for (let i = 0; i < count; i++)
    answers.put(['js', 2 * await questions.get_async()]); // eslint-disable-line no-await-in-loop
}

export function putNumbers(items, count) {
  for (let number = 0; number < count; number++)
    items.put(number);
}

export function putText(items) {
  items.put('X'.repeat(1000000));
}

export function doTasks(tasks, answers, count) {
  for (let i = 0; i < count; i++) {
    answers.put(tasks.get().number);
    tasks.task_done();
  }
}

export function holdTask(tasks, connection) {
  tasks.get();
  connection.send('holds');
  connection.receive();
}

export function getForEver(items, connection) {
  connection.send('waits');
  items.get();
}
