// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Locks, semaphores, events, conditions and barriers between processes, with promises.

import Gio from 'gi://Gio';
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
  checkThrows(() => lock.release(), GLib.Error, /does not have it; only the thread that acquired it can release it/);
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
  checkThrows(() => barrier.wait(), GLib.Error, /is broken: its action failed/);
  check(barrier.broken, 'for all');
  checkThrows(() => barrier.wait(), GLib.Error, /is broken: a party died, .* or its action failed/);
});

test('an action of a barrier need not return anything', async () => {
  const barrier = new Mp.Barrier({parties: 1});
  for (const returned of [undefined, null, 0, '', 'text']) {
    barrier.set_action(() => returned);
    checkSame([barrier.wait(), await barrier.wait_async()], [0, 0]); // eslint-disable-line no-await-in-loop
  }
  let given;
  barrier.set_action(object => {
    given = object;
  });
  barrier.wait();
  checkSame(given, barrier);
  for (const [action, type, pattern] of [
    [() => {
      throw new RangeError('mine');
    }, RangeError, /mine/],
    [async () => {}, TypeError, /returned a promise, but nobody can await it there/],
  ]) {
    barrier.set_action(action);
    checkThrows(() => barrier.wait(), type, pattern);
    check(barrier.broken, 'for all');
    barrier.reset();
    await checkRejects(barrier.wait_async(), type, pattern); // eslint-disable-line no-await-in-loop
    check(barrier.broken, 'for all');
    barrier.reset();
  }
  barrier.set_action(null);
  checkSame(barrier.wait(), 0);
  for (const action of [undefined, 5, {}])
    checkThrows(() => barrier.set_action(action), TypeError, /action is .*, but has to be a function or null/);
});

test('what goes to a constructor is looked at', () => {
  const lock = new Mp.Lock();
  for (const [make, pattern] of [
    [() => new Mp.Lock('x'), /new Mp\.Lock\(\)/],
    [() => new Mp.RLock(1), /new Mp\.RLock\(\)/],
    [() => new Mp.Event(true), /new Mp\.Event\(\)/],
    [() => new Mp.Condition(lock), /new Mp\.Condition\(\{lock\}\)/],
    [() => new Mp.Semaphore(3), /new Mp\.Semaphore\(\{value: 3\}\)/],
    [() => new Mp.BoundedSemaphore(3), /new Mp\.BoundedSemaphore\(\{value: 3\}\)/],
    [() => new Mp.Barrier(2), /new Mp\.Barrier\(\{parties: 2\}\)/],
    [() => new Mp.Barrier({parties: 2}, () => 1), /new Mp\.Barrier\(\{parties: 2\}\)/],
    [() => new Mp.Barrier(null), /new Mp\.Barrier\(\{parties: 2\}\)/],
    [() => new Mp.Connection(3), /comes from Mp\.Connection\.new_pair\(\), Mp\.Connection\.open\(address, key\)/],
    [() => new Mp.Descriptor(3), /comes from Mp\.Descriptor\.duplicate\(fd\)/],
    [() => new Mp.Pool(4), /new Mp\.Pool\(\{n_workers: 2\}\)/],
    [() => new Mp.Barrier(), /parties is missing: new Mp\.Barrier\(\{parties: 2\}\)/],
    [() => Mp.Barrier.new(), /parties is missing/],
    [() => new Mp.Semaphore({value: 'x'}), /value is "x", but has to be a whole number from 0/],
    [() => new Mp.Semaphore({value: '2'}), /value is "2"/],
    [() => new Mp.Semaphore({value: null}), /value is null/],
    [() => new Mp.BoundedSemaphore({value: {}}), /value is \[object Object\]/],
    [() => new Mp.Barrier({parties: 'x'}), /parties is "x"/],
    [() => new Mp.Condition({lock: new Mp.Semaphore()}), /lock is <Mp\.Semaphore .*, but has to be an Mp\.Lock/],
    [() => new Mp.Condition({lock: new Mp.Condition()}), /lock is <Mp\.Condition/],
    [() => new Mp.Condition({lock: true}), /lock is true/],
    [() => Mp.Condition.new(new Mp.Semaphore()), /lock is <Mp\.Semaphore/],
  ])
    checkThrows(make, TypeError, pattern);
  checkSame(Mp.Condition.new(lock).lock, lock);
  check(Mp.Condition.new().lock instanceof Mp.RLock, 'one of its own');
  checkSame([new Mp.Semaphore({value: undefined}).value, new Mp.Semaphore({}).value, new Mp.Semaphore().value],
    [1, 1, 1]);
  checkThrows(() => new Mp.Semaphore({valeu: 1}), TypeError, /no property 'valeu'; of properties it takes value/);
});

test('arguments of guards are looked at', () => {
  for (const guard of [new Mp.Lock(), new Mp.RLock(), new Mp.Semaphore(), new Mp.BoundedSemaphore({value: 1}),
    new Mp.Condition()]) {
    guard.acquire();
    checkThrows(() => guard.release(2), TypeError, /release\(\): it takes no arguments and not 1/);
    checkThrows(() => guard.run(5), TypeError, /func is 5, but has to be a function/);
    checkThrows(() => guard.run(() => 1, {timeout: 1}), TypeError, /timeout is an object/);
    guard.release();
  }
});

test('a lock that is run with is waited for as long as is said', async () => {
  const [lock, wanted] = [new Mp.Lock(), () => check(false, 'never')];
  const value = new Mp.Value({valueType: 'i', lock});
  const array = new Mp.Array({elementType: 'i', length: 1, lock});
  await lock.run(async () => {
    for (const object of [lock, new Mp.Condition({lock}), value, array]) {
      await checkRejects(object.run(wanted, 0.01), GLib.Error, /within the time given/);
      const cancellable = new Gio.Cancellable();
      const runs = object.run(wanted, -1, cancellable);
      cancellable.cancel();
      const error = await checkRejects(runs, GLib.Error);
      check(error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED), String(error));
    }
  }, 20, null);
  check(!lock.locked, 'given back');
});

test('a condition tells what its lock does', async () => {
  for (const lock of [new Mp.Lock(), new Mp.RLock()]) {
    const condition = new Mp.Condition({lock});
    checkSame([condition.locked, condition.is_locked(), condition.is_abandoned()], [false, false, false]);
    condition.acquire();
    checkSame([condition.locked, condition.is_locked()], [true, true]);
    condition.release();
    const child = await start('hold', lock); // eslint-disable-line no-await-in-loop
    await child.connection.receive_async(); // eslint-disable-line no-await-in-loop
    child.process.kill();
    await condition.acquire_async(); // eslint-disable-line no-await-in-loop
    checkSame([condition.locked, condition.is_abandoned()], [true, true]);
    condition.release();
    await finish(child); // eslint-disable-line no-await-in-loop
  }
});

test('numbers out of range are refused', () => {
  for (const make of [() => new Mp.Semaphore({value: -1}), () => new Mp.Semaphore({value: 2 ** 30}),
    () => Mp.Semaphore.new(-1), () => new Mp.BoundedSemaphore({value: -1}),
    () => new Mp.BoundedSemaphore({value: 16001}), () => new Mp.Barrier({parties: 0}),
    () => new Mp.Barrier({parties: 8001}), () => Mp.Barrier.new(-1)])
    checkThrows(make, RangeError, /has to be a whole number/);
  checkSame(Mp.BoundedSemaphore.new(16000).value, 16000);
  for (const count of [1.5, NaN, -1])
    checkThrows(() => new Mp.Barrier({parties: count}), RangeError, /parties is/);
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
