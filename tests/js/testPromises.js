// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// What the override adds to every class: no asynchronous function is without its promise, no class without its
// description.

import GIRepository from 'gi://GIRepository?version=2.0';
import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {check, checkRejects, checkSame, run, test} from './support.js';

const {isPromisified} = imports.mpglib.promises;

function listInfos() {
  const repository = GIRepository.Repository.get_default();
  return Array.from({length: repository.get_n_infos('Mp')}, (_, i) => repository.get_info('Mp', i));
}

function listMethods(info) {
  return Array.from({length: GIRepository.object_info_get_n_methods(info)},
    (_, i) => GIRepository.object_info_get_method(info, i).get_name());
}

const infos = listInfos();
const classes = infos.filter(info => info.get_type() === GIRepository.InfoType.OBJECT);
const functions = infos.filter(info => info.get_type() === GIRepository.InfoType.FUNCTION);

test('every asynchronous function returns a promise', () => {
  let count = 0;
  const checkPairs = (names, owner, place) => {
    for (const name of names.filter(name => name.endsWith('_async'))) {
      check(names.includes(name.replace(/_async$/, '_finish')), `${place}.${name} has its second half`);
      check(isPromisified(owner[name] ?? owner.constructor[name]), `${place}.${name} returns a promise`);
      count++;
    }
  };
  checkPairs(functions.map(info => info.get_name()), Mp, 'Mp');
  for (const info of classes)
    checkPairs(listMethods(info), Mp[info.get_name()].prototype, `Mp.${info.get_name()}`);
  check(count >= 3, 'some were found');
});

test('every class describes itself', () => {
  for (const info of classes) {
    if (listMethods(info).includes('to_string')) {
      const {prototype} = Mp[info.get_name()];
      check(Object.hasOwn(prototype, 'toString'), `Mp.${info.get_name()} describes itself`);
    }
  }
  checkSame(`${new Mp.Message({})}`, new Mp.Message({}).to_string());
});

test('a callback in place of the promise is called', async () => {
  const process = new Mp.Process();
  await new Promise(resolve => process.start_async(null, (source, result) => resolve(source.start_finish(result))));
  await new Promise(resolve => process.join_async(-1, null, (source, result) => resolve(source.join_finish(result))));
  checkSame(process.exit_code, 0);
});

test('an error of a promise names the caller', async () => {
  const error = await checkRejects(new Mp.Process().join_async(), Mp.Error, /was not started/);
  check(/promised here.*\n.*testPromises\.js/.test(error.stack), error.stack);
});

// Where incremental collections cannot be turned off, the promises themselves have to pace collections.
test('the promises pace the collections where nothing else helps', async () => {
  const [, out, , status] = GLib.spawn_sync(null, ['gjs', '-m', GLib.filename_from_uri(
    GLib.Uri.resolve_relative(import.meta.url, 'modules/pacing.js', 0))[0]],
  [...GLib.get_environ(), 'MPGLIB_GJS_GC=paced'], GLib.SpawnFlags.SEARCH_PATH, null);
  checkSame(status, 0);
  checkSame(new TextDecoder().decode(out), 'paced 3\n');
});

const warm = new Mp.Process();
await warm.start_async();
await warm.join_async();
await run();
