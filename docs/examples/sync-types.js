// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers
//
// Shares a value, a condition, a semaphore, events and more with child processes, and says what comes of it.
//
//     gjs -m sync-types.js

import Mp from 'gi://Mp?version=1.0';

const A_MOMENT = 0.05;
const N_CHILDREN = 6;

const isTimeout = error => error.matches?.(Mp.Error, Mp.Error.TIMED_OUT);

// ---- Children

export function countToTen(value) {
  for (let i = 0; i < 10; i++)
    value.add(1);
}

export async function waitForLoaves(condition, loaves, isWaiting) {
  await condition.run(async () => {
    isWaiting.set();
    await condition.wait_for_async(() => loaves.value > 0);
    print(`condition: ${loaves.value} loaves are there`);
  });
}

export async function bringLoaves(condition, loaves) {
  await condition.run(() => {
    loaves.value = 3;
    condition.notify_one();
  });
}

// All are at the door; two at a time are inside, and leave when both have met.
export async function enterAndLeave(semaphore, door, meeting, inside, most) {
  await door.wait_async();
  await semaphore.run(async () => {
    const number = inside.add(1);
    await most.run(() => {
      most.value = Math.max(most.value, number);
    });
    await meeting.wait_async();
    inside.add(-1);
  });
}

export async function waitForTheEnd(end) {
  await end.wait_async();
}

export async function waitTwice(event, isImpatient) {
  try {
    await event.wait_async(A_MOMENT);
  } catch (error) {
    print(isTimeout(error) ? 'event: not set in a moment' : `event: ${error.message}`);
  }
  isImpatient.set();
  await event.wait_async();
  print('event: set');
}

function printValues(who, number, ratio, squares, words) {
  print(`values in the ${who}: ${number.value}, ${ratio.value.toFixed(1)}, ${[...squares].join(' ')}, ${words.at(0)}`);
}

export function doubleValues(number, ratio, squares, words) {
  printValues('child', number, ratio, squares, words);
  number.value *= 2;
  ratio.value *= 2;
  const view = squares.view();
  view.forEach((square, i) => {
    view[i] = 2 * square;
  });
  words.set(0, 'twice');
}

// ---- The program

async function start(name, ...shared) {
  const child = new Mp.Process({target: {module: import.meta.url, name}, args: shared});
  await child.start_async();
  return child;
}

async function join(...children) {
  for (const child of children) {
    await child.join_async();
    child.check();
  }
}

async function tryValue() {
  const value = new Mp.Value({valueType: 'i'});
  print(`value: ${value.value} at first`);
  await join(await start('countToTen', value));
  print(`value: ${value.value} behind the child`);
}

async function tryCondition() {
  const [condition, loaves, isWaiting] = [new Mp.Condition(), new Mp.Value({valueType: 'i'}), new Mp.Event()];
  const waiter = await start('waitForLoaves', condition, loaves, isWaiting);
  await isWaiting.wait_async();
  await join(waiter, await start('bringLoaves', condition, loaves));
}

async function trySemaphore() {
  const semaphore = new Mp.Semaphore({value: 2});
  const [door, meeting] = [new Mp.Barrier({parties: N_CHILDREN}), new Mp.Barrier({parties: 2})];
  const inside = new Mp.Value({valueType: 'i'});
  const most = new Mp.Value({valueType: 'i', lock: new Mp.Lock()});
  const shared = [semaphore, door, meeting, inside, most];
  const starts = Array.from({length: N_CHILDREN}, () => start('enterAndLeave', ...shared));
  await join(...await Promise.all(starts));
  print(`semaphore: ${most.value} of ${N_CHILDREN} at once`);
}

async function tryJoin() {
  const end = new Mp.Event();
  const child = await start('waitForTheEnd', end);
  try {
    await child.join_async(A_MOMENT);
  } catch (error) {
    print(isTimeout(error) ? 'join: the child runs' : `join: ${error.message}`);
  }
  end.set();
  await child.join_async();
  print(`join: exit code ${child.exit_code}`);
}

async function tryEvent() {
  const [event, isImpatient] = [new Mp.Event(), new Mp.Event()];
  const child = await start('waitTwice', event, isImpatient);
  await isImpatient.wait_async();
  event.set();
  await join(child);
}

async function tryValues() {
  const values = [
    new Mp.Value({valueType: 'i', value: 7}),
    new Mp.Value({valueType: 'd', value: 2.5}),
    new Mp.Array({elements: Int32Array.of(1, 4, 9)}),
    new Mp.ShareableList({items: ['once']}),
  ];
  printValues('parent', ...values);
  await join(await start('doubleValues', ...values));
  printValues('parent', ...values);
}

if (Mp.Worker.get_current() === null) {
  await tryValue();
  await tryCondition();
  await trySemaphore();
  await tryJoin();
  await tryEvent();
  await tryValues();
}
