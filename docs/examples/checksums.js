// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers
//
// Prints the SHA-256 of every file under some folders, as sha256sum does, computed by a pool of worker processes.
//
//     gjs -m checksums.js [--workers=N] [--worker-language=gjs|python] FOLDER...

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';
import System from 'system';

const HERE = GLib.path_get_dirname(GLib.filename_from_uri(import.meta.url)[0]);
const TARGETS = {
  gjs: {module: './checksums-worker.js', name: 'checksum', base: import.meta.url},
  python: 'python:checksums:checksum',
};

let failed = false;

// A path can be any bytes, which no JavaScript string holds. So here is a string of characters below 256, one a byte,
// what is read and written, and what is sorted as bytes are.
const unescapeUri = uri => uri.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
const fromText = text => String.fromCharCode(...new TextEncoder().encode(text));
const toBytes = string => Uint8Array.from(string, character => character.charCodeAt(0));

const output = new Gio.UnixOutputStream({fd: 1});
const errors = new Gio.UnixOutputStream({fd: 2});
const write = (stream, string) => stream.write_all(toBytes(string), null);

function complain(name, reason) {
  write(errors, `checksums: ${name}: ${fromText(reason)}\n`);
  failed = true;
}

// ---- Files

const stripSlash = path => path.replace(/\/$/, '');

// Calls back with the URI of every regular file; links are not followed.
function walk(file, type, found, lost) {
  if (type === Gio.FileType.REGULAR)
    found(file.get_uri());
  if (type !== Gio.FileType.DIRECTORY)
    return;
  try {
    const flags = Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS;
    const children = file.enumerate_children('standard::name,standard::type', flags, null);
    for (const info of children)
      walk(children.get_child(info), info.get_file_type(), found, lost);
  } catch (error) {
    lost(file.get_uri(), error.message);
  }
}

// Names are as find would print them: below the folder as it was given.
function findFiles(folders) {
  const files = [];
  for (const folder of folders) {
    const root = Gio.File.new_for_commandline_arg(folder);
    const base = stripSlash(root.get_uri());
    const toName = uri => fromText(stripSlash(folder)) + unescapeUri(uri.slice(base.length));
    const toPath = uri => toBytes(unescapeUri(uri.slice('file://'.length)));

    const type = root.query_file_type(Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, null);
    if (type === Gio.FileType.UNKNOWN)
      complain(fromText(folder), 'No such file or directory');
    walk(root, type,
      uri => files.push({name: toName(uri), path: toPath(uri)}),
      (uri, reason) => complain(toName(uri), reason));
  }
  return files.sort((a, b) => a.name < b.name ? -1 : 1);
}

// ---- Sums

// The line of a name that is more than a line begins with a backslash.
function formatLine(name, sum) {
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `${escaped === name ? '' : '\\'}${sum}  ${escaped}\n`;
}

function showProgress(fraction) {
  const bar = '#'.repeat(fraction * 40).padEnd(40);
  const percent = String(Math.floor(fraction * 100)).padStart(3);
  write(errors, `\r[${bar}] ${percent} %`);
}

async function compute(files, pool, target) {
  const hasTerminal = GLib.log_writer_supports_color(2);
  const result = pool.submit_map(target, files.map(({path}) => path));
  if (hasTerminal)
    result.connect('progress-changed', (_, fraction) => showProgress(fraction));
  await result.wait_async();
  if (hasTerminal)
    write(errors, '\r\x1b[K');

  const lines = [];
  files.forEach(({name}, i) => {
    try {
      lines.push(formatLine(name, result.get_item(i)));
    } catch (error) {
      complain(name, error.message);
    }
  });
  write(output, lines.join(''));
}

// ---- The program

// Python workers import checksums.py, which is beside this file.
function makeContext(language) {
  const path = [HERE, GLib.getenv('PYTHONPATH')].filter(Boolean).join(':');
  const environment = GLib.environ_setenv(GLib.get_environ(), 'PYTHONPATH', path, true);
  return new Mp.Context({launcher: Mp.Launcher.lookup(language), environment});
}

// Returns null if they make no sense.
function parseArguments(args) {
  const isOption = arg => arg.startsWith('--');
  const folders = args.filter(arg => !isOption(arg));
  const options = {workers: '0', 'worker-language': 'gjs'};
  Object.assign(options, Object.fromEntries(args.filter(isOption).map(arg => arg.slice(2).split('='))));

  const {workers, 'worker-language': language, ...others} = options;
  const isValid = /^\d+$/.test(workers) && language in TARGETS && Object.keys(others).length === 0;
  return isValid && folders.length > 0 ? {nWorkers: Number(workers), language, folders} : null;
}

async function main(args) {
  const parsed = parseArguments(args);
  if (parsed === null) {
    printerr('usage: checksums.js [--workers=N] [--worker-language=gjs|python] FOLDER...');
    return 2;
  }

  const {nWorkers, language, folders} = parsed;
  const pool = new Mp.Pool({n_workers: nWorkers, context: makeContext(language)});
  await compute(findFiles(folders), pool, TARGETS[language]);
  return failed ? 1 : 0;
}

System.exit(await main(System.programArgs));
