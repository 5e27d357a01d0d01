// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Functions that the tests run in other processes.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';
import System from 'system';

export const number = 42;

export default function () {
  System.exit(9);
}

export function exitWith(first, second = 0) {
  System.exit(first + second);
}

// Writes what it was called with in GVariant's text form.
export function write(path, ...values) {
  GLib.file_set_contents(path, Mp.toVariant(values).print(true));
}

export async function writeLater(path, text) {
  await new Promise(resolve => GLib.idle_add(GLib.PRIORITY_LOW, () => {
    resolve();
    return GLib.SOURCE_REMOVE;
  }));
  GLib.file_set_contents(path, text);
}

// Fails if the process does not know who it is.
export function knowItself(name) {
  const current = Mp.Process.get_current();
  const child = new Mp.Process();
  if (current.name !== name || Mp.Worker.get_current().get_name() !== name)
    throw new Error(`the name is ${current.name}`);
  if (!/^Process-\d+:1$/.test(child.name))
    throw new Error(`the name of a child is ${child.name}`);
  if (current.pid !== getPid())
    throw new Error(`the process is ${current.pid}`);
}

// Fails if the process has another key.
export function knowKey(secret) {
  const own = Mp.AuthKey.new_own();
  if (!own.equal(Mp.AuthKey.new(secret)) || !own.equal(Mp.Process.get_current().ref_auth_key()))
    throw new Error('another key');
}

export function getPid() {
  return new Gio.Credentials().get_unix_pid();
}

// Runs a main loop of its own until a promise has settled.
export function runLoop() {
  const loop = new GLib.MainLoop(null, false);
  const finish = async () => {
    await null;
    loop.quit();
  };
  GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
    finish();
    return GLib.SOURCE_REMOVE;
  });
  loop.run();
}

export function importLegacy() {
  System.exit(imports.helloFromSearchPath.NUMBER);
}

export function fail(text) {
  throw new RangeError(text);
}

export async function failLater(text) {
  await null;
  throw new TypeError(text);
}

export function throwString() {
  throw 'only text'; // eslint-disable-line no-throw-literal
}

export function linger() {
  new GLib.MainLoop(null, false).run();
}

export function cube(x) {
  return x * x * x;
}

export async function cubeLater(x) {
  await null;
  return x * x * x;
}

// Runs until the caller of the task has cancelled it; says first that it has begun.
export function spin() {
  Mp.progress_report(0.25, 'spinning');
  while (!Mp.currentTask.is_cancelled())
    GLib.MainContext.default().iteration(false);
  Mp.currentTask.get_cancellable().set_error_if_cancelled();
}

export function echo(...values) {
  return values;
}

export function add(first, second) {
  return first + second;
}

export function nothing() {}

export function dieOf(number, deadly) {
  if (number === deadly)
    GLib.spawn_command_line_sync(`kill -KILL ${new Gio.Credentials().get_unix_pid()}`);
  return number;
}

export function returnDate() {
  return {when: new Date(0)};
}

export function throwFull() {
  throw new Mp.Error({code: Mp.Error.FULL, message: 'no room'});
}

export function throwNotFound() {
  throw new Gio.IOErrorEnum({code: Gio.IOErrorEnum.NOT_FOUND, message: 'not there'});
}

export function throwOdd(value) {
  if (value < 0)
    throw new RangeError(`${value} is negative`);
  return value;
}

// Sends into a connection that came as an argument.
export function sendInto({connection}, text) {
  connection.send(text);
  connection.close();
}

export function receiveOne(connection) {
  connection.receive();
}
