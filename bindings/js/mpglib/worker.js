// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// The worker program of JavaScript: `gjs -m worker.js`, started by programs that use mpglib, runs exports of modules
// for them.

import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';
import System from 'system';

import {findTarget} from './workerTargets.js';

const {describeError} = imports.mpglib.errors;
const {fromVariant} = imports.mpglib.values;

function prepare(preparation) {
  if (preparation === null)
    return;
  const {'search-path': searchPath = []} = fromVariant(preparation);
  imports.searchPath.push(...searchPath.filter(path => !imports.searchPath.includes(path)));
}

function getArguments(message, isSpread) {
  if (message === null)
    return [];
  const value = fromVariant(message.get_value());
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

// ---- All of them

const roles = {
  [Mp.WorkerRole.PROCESS]: runProcess,
};

async function main() {
  const worker = Mp.Worker.open();
  if (worker === null) {
    printerr('This program is started by programs that use mpglib, to run functions of JavaScript modules for them; ' +
             'there is nothing to be done with it by hand.');
    return 2;
  }
  prepare(worker.get_preparation());
  const exitCode = await roles[worker.get_role()](worker);
  worker.finish(exitCode);
  return exitCode;
}

System.exit(await main());
