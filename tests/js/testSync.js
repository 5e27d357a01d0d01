// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Locks, semaphores, events, conditions and barriers between processes, with promises.

import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {check, checkRejects, checkSame, checkThrows, run, test} from './support.js';

const base = import.meta.url;

// A process that runs a function of modules/syncing.js with a shared object and one end of a connection.
async function start(name, shared) {
  const [ours, theirs] = Mp.Connection.new_pair(true);
  const process = new Mp.Process({target: {module: './modules/syncing.js', name, base}, args: [shared, theirs]});
  await process.start_async();
  theirs.close();
  return {process, connection: ours};
}

async function finish({process, connection}) {
  connection.close();
  await process.join_async();
}


test('a lock is acquired and released', async () => {
  const lock = new Mp.Lock();
  check(lock.acquire(), 'acquired');
  checkSame(`${lock}`, '<Mp.Lock locked>');
  check(!lock.try_acquire(), 'only once');
  checkThrows(() => lock.acquire(0.01), GLib.Error, /within the time given/);
  await checkRejects(lock.acquire_async(0.01), GLib.Error, /within the time given/);
  lock.release();
  checkThrows(() => lock.release(), GLib.Error, /nobody has it; release it once/);
  checkThrows(() => lock.acquire({timeout: 1}), TypeError, /timeout is an object/);
  checkSame(await lock.run(() => lock.is_locked()), true);
  check(!lock.is_locked(), 'given back');
});

test('an RLock is acquired again', () => {
  const lock = new Mp.RLock();
  lock.acquire();
  lock.acquire();
  lock.release();
  check(lock.is_mine(), 'still');
  lock.release();
  checkThrows(() => lock.release(), GLib.Error, /does not have it; the thread that acquired it releases it/);
});

for (const make of [() => new Mp.Lock(), () => new Mp.RLock(), () => new Mp.BoundedSemaphore({value: 1})]) {
  test(`${make()} comes back from a process, alive or dead`, async () => {
    const guard = make();
    for (const dies of [false, true]) {
      const child = await start('hold', guard); // eslint-disable-line no-await-in-loop
      checkSame(await child.connection.receive_async(), 'holds'); // eslint-disable-line no-await-in-loop
      check(!guard.try_acquire(), 'held there');
      const acquired = guard.acquire_async();
      if (dies)
        child.process.kill();
      else
        child.connection.send('let go');
      await acquired; // eslint-disable-line no-await-in-loop
      checkSame(guard.is_abandoned?.() ?? dies, dies);
      checkSame(guard.try_acquire_intact?.() ?? false, guard instanceof Mp.RLock && !dies);
      if (guard instanceof Mp.RLock && !dies)
        guard.release();
      guard.release();
      await finish(child); // eslint-disable-line no-await-in-loop
    }
  });
}

test('semaphores count', () => {
  const semaphore = new Mp.Semaphore({value: 2});
  semaphore.acquire();
  checkSame(semaphore.value, 1);
  semaphore.release();
  semaphore.release();
  checkSame(`${semaphore}`, '<Mp.Semaphore value=3>');
  checkThrows(() => new Mp.BoundedSemaphore({value: 2}).release(), GLib.Error, /more often than it was acquired/);
});

test('an event of another process is awaited', async () => {
  const event = new Mp.Event();
  const child = await start('setWhenTold', event);
  const set = event.wait_async();
  child.connection.send('now');
  await set;
  check(event.is_set(), 'set');
  event.clear();
  await checkRejects(event.wait_async(0), GLib.Error, /was not set/);
  await finish(child);
});

test('a condition is notified by another process', async () => {
  const condition = new Mp.Condition();
  for (const count of [undefined, 1, 2])
    checkThrows(() => condition.notify(count), GLib.Error, /acquire its lock first/);
  checkThrows(() => condition.notify(-1), RangeError, /count is -1/);
  let isTold = false;
  condition.connect('notify::lock', () => (isTold = true));
  condition.notify('lock');
  check(isTold, 'of a property, as all objects do');
  checkThrows(() => condition.notify_one(), GLib.Error, /acquire its lock first/);
  condition.acquire();
  const notified = condition.wait_async();
  const child = await start('notifyOnce', condition);
  await notified;
  check(condition.get_lock().is_mine(), 'with the lock held');
  let n = 0;
  checkSame(await condition.wait_for_async(() => ++n), 1);
  condition.release();
  await finish(child);
});

test('parties meet at a barrier', async () => {
  const barrier = new Mp.Barrier({parties: 2});
  const child = await start('arrive', barrier);
  const index = await barrier.wait_async();
  checkSame([index, await child.connection.receive_async()].sort(), [0, 1]);
  barrier.abort();
  await checkRejects(barrier.wait_async(), GLib.Error, /is broken/);
  barrier.reset();
  checkSame(barrier.broken, false);
  await finish(child);
});

test('a condition with a given lock is waited for until something is true', async () => {
  const lock = new Mp.Lock();
  const condition = new Mp.Condition({lock});
  checkSame(condition.get_lock(), lock);
  condition.acquire();
  check(lock.is_locked(), 'by its condition');
  await checkRejects(condition.wait_for_async(() => false, 0.01), GLib.Error, /was not notified within/);
  check(lock.is_locked(), 'again');
  checkThrows(() => condition.wait_for_async(null), TypeError, /predicate is null/);
  let isThere = false;
  const child = await start('notifyOnce', condition);
  checkSame(await condition.wait_for_async(() => isThere || (isThere = true) && false, 20), true);
  condition.release();
  await finish(child);
});

test('some of those that wait are notified', async () => {
  const condition = new Mp.Condition();
  const children = [];
  for (let i = 0; i < 3; i++)
    children.push(await start('waitOnce', condition)); // eslint-disable-line no-await-in-loop
  for (const {connection} of children)
    await connection.receive_async(); // eslint-disable-line no-await-in-loop
  const told = [];
  const all = children.map(async child => {
    await child.connection.receive_async();
    told.push(child);
    if (told.length === 2)
      condition.run(() => condition.notify_many(told.length - 1));
  });
  await condition.run(() => condition.notify(2)); // all wait since they gave the lock up
  await Promise.all(all);
  checkSame(told.length, 3);
  for (const child of children)
    await finish(child); // eslint-disable-line no-await-in-loop
});

test('a lock keeps what processes write apart', async () => {
  const lock = new Mp.Lock();
  const [ours, theirs] = Mp.Connection.new_pair(true);
  const processes = [];
  for (let i = 0; i < 3; i++) {
    const target = {module: './modules/syncing.js', name: 'write', base};
    const process = new Mp.Process({target, args: [lock, theirs]});
    await process.start_async(); // eslint-disable-line no-await-in-loop
    processes.push(process);
  }
  for (let i = 0; i < 60; i++) {
    checkSame(await ours.receive_async(), 'begin'); // eslint-disable-line no-await-in-loop
    checkSame(await ours.receive_async(), 'end'); // eslint-disable-line no-await-in-loop
  }
  for (const process of processes)
    await process.join_async(); // eslint-disable-line no-await-in-loop
  ours.close();
  theirs.close();
});

test('the last party does what is to be done before any goes on', async () => {
  const barrier = new Mp.Barrier({parties: 1});
  let n = 0;
  barrier.set_action(() => {
    n++;
    return true;
  });
  checkSame([barrier.wait(), n], [0, 1]);
  checkSame([await barrier.wait_async(), n], [0, 2]);
  barrier.set_action(() => false);
  checkThrows(() => barrier.wait(), GLib.Error, /is broken/);
  check(barrier.broken, 'for all');
});

test('numbers out of range are refused', () => {
  for (const make of [() => new Mp.Semaphore({value: -1}), () => new Mp.Semaphore({value: 2 ** 30}),
    () => Mp.Semaphore.new(-1), () => new Mp.BoundedSemaphore({value: -1}),
    () => new Mp.BoundedSemaphore({value: 16001}), () => new Mp.Barrier({parties: 0}),
    () => new Mp.Barrier({parties: 8001}), () => Mp.Barrier.new(-1)])
    checkThrows(make, RangeError, /has to be a whole number/);
  checkSame(Mp.BoundedSemaphore.new(16000).value, 16000);
  checkSame(new Mp.Barrier().parties, 1);
});

// What all of them share stays, once it is there.
const warm = new Mp.Lock();
const child = await start('hold', warm);
await child.connection.receive_async();
child.connection.send('let go');
await warm.acquire_async();
warm.release();
await finish(child);
await run();
