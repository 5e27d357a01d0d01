// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// What processes do with the shared state that testShared.js hands to them.

import Mp from 'gi://Mp?version=1.0';

export function count(value, times) {
  for (let i = 0; i < times; i++) {
    value.lock.acquire();
    value.value += 1;
    value.lock.release();
  }
}

export async function countAsync(value, times) {
  for (let i = 0; i < times; i++)
    await value.run(() => value.value++);
}

export function addUp(value, times) {
  for (let i = 0; i < times; i++)
    value.add(1);
}

export function increase(value) {
  return value.add(1);
}

export function addEach(lock, value, amount) {
  lock.acquire();
  value.value += amount;
  lock.release();
  return amount;
}

// All of it new, and nobody else's.
export function make(number) {
  const lock = new Mp.Lock();
  return {
    number, lock, value: new Mp.Value({valueType: 'i', value: number, lock}),
    rest: [new Mp.Array({elements: Float64Array.of(number, 2)}), new Mp.ShareableList({items: ['item', number]}),
           new Mp.SharedMemory({size: number})],
  };
}

export function setWhenTold(connection, value, content) {
  connection.receive();
  value.value = content;
}

export function doubleAll(array) {
  const view = array.view();
  for (let i = 0; i < view.length; i++)
    view[i] *= 2;
}

export function editAll(list, memory, points) {
  list.set(0, list.at(0) + 1);
  list.set(1, 'three');
  memory.view()[0] = 42;
  memory.write(1, Uint8Array.of(1, 2));
  points.setAt(1, points.at(0).map(x => x + 1));
}

export function editNamedList(name) {
  const list = new Mp.ShareableList({name});
  list.set(0, 'other');
  list.set(1, list.at(1) + 1);
}

export function editListOf(list) {
  list.set(0, 'handed');
}

export function readNamed(name) {
  const memory = Mp.SharedMemory.new_existing(name);
  memory.write(0, Uint8Array.of(7));
  memory.close();
}
