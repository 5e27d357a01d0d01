// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// A program that lacks the guard, so that its child cannot begin: it waits for what that would have put until its input
// ends, or for its start.

import Mp from 'gi://Mp?version=1.0';
import System from 'system';

export function work(queue) {
  queue.put('works');
}

const queue = new Mp.Queue();
const process = new Mp.Process({target: {module: import.meta.url, name: 'work'}, args: [queue]});
if (System.programArgs[0] === 'starting') {
  try {
    await process.start_async();
  } catch (error) {
    System.exit(error.matches(Mp.Error, Mp.Error.NO_TARGET) ? 0 : 1);
  }
}
process.start();
const STDIN = 0;
System.exit(Mp.wait_many([queue, STDIN])[0] === STDIN ? 0 : 1);
