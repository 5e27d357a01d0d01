// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Authentication keys are made of bytes, and show them to nobody who does not ask.

import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {check, checkSame, checkThrows, run, test} from './support.js';

const secret = new Uint8Array([0, 1, 2, 255]);

test('a key is made of bytes', () => {
  const key = Mp.AuthKey.new(secret);
  checkSame(key.length, 4);
  checkSame([...key.get_bytes().toArray()].join(), '0,1,2,255');
  check(key.equal(Mp.AuthKey.new_data(secret)), 'of an array');
  check(key.equal(new Mp.AuthKey({secret: new GLib.Bytes(secret)})), 'by a property');
  check(!key.equal(Mp.AuthKey.new(secret.slice(0, 3))), 'not of fewer');
});

test('a key is not made of something else', () => {
  checkThrows(() => new Mp.AuthKey('secret'), TypeError, /Mp.AuthKey.new/);
  checkThrows(() => new Mp.AuthKey(secret), TypeError, /Mp.AuthKey.new/);
});

test('random keys differ', () => {
  const key = Mp.AuthKey.new_random();
  checkSame(key.length, 32);
  check(!key.equal(Mp.AuthKey.new_random()));
});

test('a key is shown nowhere', () => {
  const key = Mp.AuthKey.new(secret);
  checkSame(`${key}`, '<Mp.AuthKey of 4 bytes>');
  checkSame(key.secret, undefined);
});

await run();
