// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Throws and gives what throws itself when it is looked at.

import Mp from 'gi://Mp?version=1.0';

function refuse() {
  throw Object.create(null);
}

const errors = {
  alike: () => Object.create(Mp.Error.prototype),
  nameless: () => Object.create(null),
  place: () => Object.defineProperty(new Error('somewhere'), 'stack', {get: refuse}),
  proxy: () => new Proxy({}, {get: refuse, getPrototypeOf: refuse}),
  text: () => ({toString: refuse}),
};

const results = {
  constructed: () => Object.defineProperty(Promise.resolve(1), 'constructor', {get: refuse}),
  proxy: () => new Proxy({}, {get: refuse, ownKeys: refuse}),
  member: () => ({get member() {
    return refuse();
  }}),
  thenable: () => ({get then() {
    return refuse();
  }}),
};

export const errorKinds = Object.keys(errors);
export const resultKinds = Object.keys(results);

export function fail(kind) {
  throw errors[kind]();
}

export async function failLater(kind) {
  await null;
  throw errors[kind]();
}

export function give(kind) {
  return results[kind]();
}

// From now on the worker cannot tell what becomes of a call.
export function sabotage(number, deadly) {
  if (number === deadly) {
    for (const name of ['return_failure', 'return_message', 'return_value'])
      Mp.WorkerTask.prototype[name] = refuse;
  }
  return number;
}
