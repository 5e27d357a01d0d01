// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// The worker program of JavaScript: `gjs -m worker.js`, started by programs that use mpglib, runs exports of modules
// for them.

import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';
import System from 'system';

import {findTarget, TargetError} from './workerTargets.js';

const {describeError} = imports.mpglib.errors;
const {toMessage} = imports.mpglib.messages;
const {fromVariant, toVariant} = imports.mpglib.values;

function prepare(preparation) {
  if (preparation === null)
    return;
  const {'search-path': searchPath = []} = fromVariant(preparation);
  imports.searchPath.push(...searchPath.filter(path => !imports.searchPath.includes(path)));
}

// GJS looks how much memory native objects take when the main loop is idle, which that of a busy worker never is.
const BYTES_PER_COLLECTION = 64 * 1024 * 1024;
let bytesSinceCollection = 0;

function countBytes(variant) {
  bytesSinceCollection += variant.get_size();
  if (bytesSinceCollection > BYTES_PER_COLLECTION) {
    bytesSinceCollection = 0;
    System.gc();
  }
}

function getArguments(message, isSpread) {
  if (message === null)
    return [];
  const variant = message.get_value();
  countBytes(variant);
  const value = fromVariant(variant, index => message.get_attachment(index));
  return isSpread ? value : [value];
}

// Calls from the main loop. A main loop that the function runs could not go on with promises if it were called
// where one is settled, as everything after an await is.
function callFromLoop(func) {
  return new Promise((resolve, reject) => {
    GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
      try {
        resolve(func());
      } catch (error) {
        reject(error);
      }
      return GLib.SOURCE_REMOVE;
    });
  });
}

// ---- A process

async function find(worker, target) {
  try {
    return target === null ? () => {} : await findTarget(target);
  } catch (error) {
    const {message, stack} = describeError(error);
    worker.report(Mp.Error.NO_TARGET, null, message, stack, null, null);
    return null;
  }
}

async function runProcess(worker) {
  const target = worker.get_target();
  const func = await find(worker, target);
  if (func === null)
    return 1;

  worker.ready();
  try {
    const values = getArguments(worker.get_arguments(), worker.get_spread());
    await callFromLoop(() => func(...values));
    return 0;
  } catch (error) {
    const {name, message, stack} = describeError(error);
    printerr(`${worker.get_name()}: target '${target}' failed: ${name}: ${message}\n${stack}`);
    worker.report(Mp.Error.REMOTE, name, message, stack, null, null);
    return 1;
  }
}

// ---- A pool

// An error of GLib's keeps its domain and code, which others know; only mpglib's own have room for a stack too.
function fail(task, error) {
  const {name, message, stack} = describeError(error);
  try {
    if (error instanceof TargetError)
      return task.return_failure(Mp.Error.NO_TARGET, null, message, stack, null, null);
    if (error instanceof Mp.Error)
      return task.return_failure(error.code, null, message, stack, null, null);
    if (error instanceof GLib.Error)
      return task.return_error(error);
  } catch {
    // Thrown by the error, which only looks like one of those.
  }
  return task.return_failure(Mp.Error.REMOTE, name, message, stack, null, null);
}

function answer(task, value) {
  let result;
  try {
    result = toMessage(Mp, attach => toVariant(value, attach));
  } catch (error) {
    const problem = `The result of '${task.get_target()}' cannot be sent: ${describeError(error).message}`;
    task.return_failure(Mp.Error.NOT_SHAREABLE, null, problem, null, null, null);
    return;
  }
  countBytes(result.variant);
  if (result.message)
    task.return_message(result.message);
  else
    task.return_value(result.variant);
}

// Returns a promise, which does not reject, if the call is not over.
function runTask(task) {
  try {
    const func = findTarget(task.get_target());
    if (typeof func !== 'function')
      return func.then(() => callFromLoop(() => runTask(task))).catch(error => fail(task, error));

    const value = func(...getArguments(task.get_message(), task.get_spread()));
    if (typeof value?.then !== 'function')
      return answer(task, value);
    // Promise.resolve() throws what the value throws that is asked for its constructor.
    return new Promise(resolve => resolve(value))
      .then(result => answer(task, result))
      .catch(error => fail(task, error));
  } catch (error) {
    return fail(task, error);
  }
}

function takeTask(worker) {
  try {
    return worker.next_task();
  } catch (error) {
    if (error.matches(Mp.Error, Mp.Error.CLOSED))
      return null;
    throw error;
  }
}

// Runs tasks until one of them takes its time, of which it returns a promise; null if there are no more.
function runTasks(worker) {
  for (let task = takeTask(worker); task !== null; task = takeTask(worker)) {
    Mp.currentTask = task;
    const pending = runTask(task);
    if (pending)
      return pending;
    Mp.currentTask = null;
  }
  return null;
}

async function runPool(worker) {
  worker.ready();
  let more = true;
  while (more) {
    // Not the promise itself, which callFromLoop() would wait for.
    const {pending} = await callFromLoop(() => ({pending: runTasks(worker)}));
    more = pending !== null;
    await pending;
    Mp.currentTask = null;
  }
  return 0;
}

// ---- All of them

const roles = {
  [Mp.WorkerRole.POOL]: runPool,
  [Mp.WorkerRole.PROCESS]: runProcess,
};

// A function may end the process: that is an orderly end, too.
function replaceExit(worker) {
  const {exit} = System;
  System.exit = code => {
    worker.finish(code);
    exit(code);
  };
}

async function main() {
  const worker = Mp.Worker.open();
  if (worker === null) {
    printerr('This program is started by programs that use mpglib, to run functions of JavaScript modules for them; ' +
             'there is nothing to be done with it by hand.');
    return 2;
  }
  replaceExit(worker);
  prepare(worker.get_preparation());
  try {
    return await roles[worker.get_role()](worker);
  } catch (error) { // that nobody foresaw
    const {name, message, stack} = describeError(error);
    printerr(`${worker.get_name()}: ${name}: ${message}\n${stack}`);
    worker.report(Mp.Error.REMOTE, name, message, stack, null, null);
    // Before a task that is at hand is dropped: that is answered by it, and so the worker would get another one, and
    // take that with it.
    worker.finish(1);
    return 1;
  }
}

const code = await main();
System.exit(code); // not in one: exit is looked up first, before main() replaces it
