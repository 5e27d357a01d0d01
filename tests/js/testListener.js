// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Programs meet at an address, with promises or without.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {check, checkRejects, checkSame, checkThrows, run, sourceDirectory, test} from './support.js';

const key = Mp.AuthKey.new_random();

function listen(properties) {
  const listener = new Mp.Listener(properties);
  listener.open();
  return listener;
}

test('values go both ways', async () => {
  const listener = listen({key});
  const accepting = listener.accept_async();
  const client = await Mp.Connection.open_async(listener.address, key);
  const server = await accepting;
  await client.send_async({a: [1, 'two']});
  checkSame(JSON.stringify(await server.receive_async()), '{"a":[1,"two"]}');
  await server.send_async(3);
  checkSame(await client.receive_async(), 3);
  checkSame(listener.last_accepted, null);
  server.close();
  await checkRejects(client.receive_async(), Mp.Error, /closed/);
  listener.close();
});

test('a listener blocks where there is no main loop', () => {
  const listener = listen({key, backlog: 2});
  const client = Mp.Connection.open(listener.address, key);
  const server = listener.accept();
  client.send('here');
  checkSame(server.receive(), 'here');
  checkThrows(() => listener.accept(0), Mp.Error, /Nobody has connected/);
  listener.close();
  checkThrows(() => listener.accept(), Mp.Error, /closed/);
});

// The example of multiprocessing's manual: objects, bytes, and numbers into a larger array.
test('objects, bytes and numbers go over TCP', async () => {
  const listener = listen({key, address: 'tcp:localhost:0', backlog: 1});
  const client = await Mp.Connection.open_async(listener.address, key);
  const server = await listener.accept_async();
  await server.send_async([2.25, null, 'junk', {of: 'more'}]);
  await server.send_data_async(new TextEncoder().encode('hello'));
  await server.send_data_async(new Uint8Array(new Int32Array([42, 1729]).buffer));
  checkSame(JSON.stringify(await client.receive_async()), '[2.25,null,"junk",{"of":"more"}]');
  checkSame(new TextDecoder().decode(await client.receive_data_async()), 'hello');
  const numbers = new Int32Array(5);
  checkSame(await client.receive_into_async(numbers), 8);
  checkSame(`${numbers}`, '42,1729,0,0,0');
  listener.close();
});

test('the wrong key is refused', async () => {
  const listener = listen({key});
  for (const wrong of [null, Mp.AuthKey.new_random()]) {
    const error = await checkRejects(Mp.Connection.open_async(listener.address, wrong), Mp.Error);
    check(error.matches(Mp.Error, Mp.Error.AUTHENTICATION), error.message);
  }
  listener.close();
});

test('addresses', () => {
  const listener = Mp.Listener.new();
  checkSame(listener.address, null);
  checkSame(`${listener}`, '<Mp.Listener not open>');
  listener.open();
  const path = listener.address.replace(/^unix:/, '');
  check(GLib.file_test(path, GLib.FileTest.EXISTS), path);
  const error = checkThrows(() => listen({address: path}), Gio.IOErrorEnum, /another process listens/);
  check(error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.ADDRESS_IN_USE), error.message);
  listener.close();
  check(!GLib.file_test(path, GLib.FileTest.EXISTS), path);
  const nobody = checkThrows(() => Mp.Connection.open(path), Gio.IOErrorEnum, /nobody listens/);
  check(nobody.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND), `${nobody} is that of a missing file`);
  checkThrows(() => Mp.Connection.open(7), TypeError, /address is 7/);
  checkThrows(() => new Mp.Listener('/somewhere'), TypeError, /new Mp.Listener\(\{address, key\}\)/);
});

// They would be cut off, or become other ones.
test('an address with what is no text is refused before anything is made', () => {
  const folder = GLib.dir_make_tmp('mp-test-js-XXXXXX');
  const path = `${folder}/socket`;
  for (const [address, pattern] of [
    [`unix:${path}\0.more`, /^address is "unix:.*\\u0000\.more", but has to be without the NUL at \w+ \d+$/],
    [`${path}\0`, /the NUL/],
    ['\0mp-test-js', /the NUL at position 0/],
    [`abstract:mp-test-js\0`, /the NUL/],
    [`unix:${path}\ud800.more`, /^address is "unix:.*\\ud800\.more", but has to be without the lone surrogate/],
    [`unix:${path}\udc00`, /the lone surrogate/],
  ]) {
    for (const call of [
      () => new Mp.Listener({address, key}),
      () => Mp.Listener.new(address, key),
      () => Mp.Listener.new_with_wire(address, key, 0),
      () => Mp.Listener.new_with_tls(address, key),
      () => Mp.Connection.open(address, key),
      () => Mp.Connection.open_async(address, key),
      () => Mp.Connection.open_with_wire(address, key),
      () => Mp.Connection.open_with_wire_async(address, key),
      () => Mp.Connection.open_with_tls(address, key),
      () => Mp.Connection.open_with_tls_async(address, key),
    ])
      checkThrows(call, RangeError, pattern);
  }
  const listener = listen({address: `${path}-\u{1f600}`, key});
  checkSame(listener.address, `unix:${path}-\u{1f600}`);
  listener.close();
  GLib.rmdir(folder);
});

test('a name without a file', async () => {
  const address = `abstract:mp-test-js-${new Gio.Credentials().get_unix_pid()}`;
  checkThrows(() => listen({address}), Mp.Error, /key/);
  const listener = listen({address, key});
  checkSame(listener.address, address);
  const client = await Mp.Connection.open_async(address, key);
  const server = await listener.accept_async();
  await server.send_async('here');
  checkSame(await client.receive_async(), 'here');
  listener.close();
});

test('a port of TCP', async () => {
  const listener = listen({address: 'tcp:localhost:0', key});
  check(/^tcp:127\.0\.0\.1:[1-9]\d*$/.test(listener.address), listener.address);
  const client = await Mp.Connection.open_async(listener.address.replace('127.0.0.1', 'localhost'), key);
  const server = await listener.accept_async();
  check(listener.last_accepted.startsWith('tcp:127.0.0.1:'), listener.last_accepted);
  client.send({text: 'x'.repeat(300000)});
  checkSame((await server.receive_async()).text.length, 300000);
  const error = await checkRejects(client.send_async(server), Mp.Error);
  check(error.matches(Mp.Error, Mp.Error.NOT_SHAREABLE), error.message);
  server.close();
  await checkRejects(client.receive_async(), Mp.Error, /closed/);
  listener.close();
});

test('the key of the program', async () => {
  const listener = listen({address: 'tcp:127.0.0.1:0'});
  const client = await Mp.Connection.open_async(listener.address);
  const server = await listener.accept_async();
  client.send(7);
  checkSame(server.receive(), 7);
  await checkRejects(Mp.Connection.open_async(listener.address, key), Mp.Error, /another one/);
  check(Mp.AuthKey.new_own().equal(Mp.AuthKey.new_own()), 'it is the same');

  const drawn = Mp.AuthKey.new_own();
  Mp.AuthKey.new_random().make_own();
  check(!Mp.AuthKey.new_own().equal(drawn), 'it is another one');
  await checkRejects(Mp.Connection.open_async(listener.address), Mp.Error, /another one/);
  drawn.make_own();
  (await Mp.Connection.open_async(listener.address)).close();
  listener.close();
});

test('TCP beyond this machine wants a long key, or TLS with certificates', async () => {
  const short = Mp.AuthKey.new(new Uint8Array([1, 2, 3]));
  checkThrows(() => listen({address: 'tcp:0.0.0.0:0', key: short}), Mp.Error, /16 bytes/);
  const wire = Mp.WireFlags.INSECURE;
  const listener = listen({address: 'tcp:0.0.0.0:0', key, wire});
  checkSame(listener.wire, wire);
  const client = await Mp.Connection.open_with_wire_async(listener.address.replace('0.0.0.0', '127.0.0.1'), key, wire);
  client.close();
  (await listener.accept_async()).close();
  listener.close();
});

test('a key may be given as its bytes', async () => {
  const secret = new Uint8Array(32).fill(7);
  const listener = listen({key: secret});
  check(listener.key.equal(Mp.AuthKey.new(secret)), 'the key of the listener');
  const client = await Mp.Connection.open_async(listener.address, new Float64Array(secret.buffer));
  const server = await listener.accept_async();
  const [first, second] = Mp.Connection.new_pair();
  const asked = first.deliver_challenge_async(secret);
  await second.answer_challenge_async(new DataView(secret.buffer));
  await asked;
  checkSame(Mp.Listener.new(null, secret.buffer).key.length, 32);
  checkThrows(() => first.deliver_challenge(new Uint8Array(0)), Mp.Error, /without any bytes/);
  for (const wrong of ['secret', [1, 2], 3])
    checkThrows(() => new Mp.Listener({key: wrong}), TypeError, /^key is .*, or the bytes of one: a Uint8Array/);
  checkThrows(() => Mp.Connection.open(listener.address, 'secret'), TypeError, /key is "secret".* the bytes of one/);
  for (const end of [server, client, first, second, listener])
    end.close();
});

function readCertificate(name) {
  return Gio.TlsCertificate.new_from_file(`${sourceDirectory}/tls/${name}.pem`);
}

test('TLS with a key', async () => {
  const wire = Mp.WireFlags.TLS;
  const listener = listen({address: 'tcp:127.0.0.1:0', key, wire});
  const client = await Mp.Connection.open_with_wire_async(listener.address, key, wire);
  const server = await listener.accept_async();
  client.send({text: 'x'.repeat(300000)});
  checkSame((await server.receive_async()).text.length, 300000);
  await checkRejects(Mp.Connection.open_async(listener.address, key), Mp.Error, /without/);
  server.close();
  await checkRejects(client.receive_async(), Mp.Error, /closed/);
  listener.close();
});

test('TLS with certificates', async () => {
  const trusted = readCertificate('authority');
  const tls = new Mp.TlsSettings({certificate: readCertificate('localhost'), trusted});
  const listener = listen({address: 'tcp:127.0.0.1:0', tls});
  checkSame(listener.tls, tls);
  checkSame(`${tls}`, '<Mp.TlsSettings with a certificate, trusts one>');

  const theirs = new Mp.TlsSettings({certificate: readCertificate('client'), trusted});
  const client = await Mp.Connection.open_with_tls_async(listener.address, null, Mp.WireFlags.DEFAULT, theirs);
  const server = await listener.accept_async();
  client.send('without a key');
  checkSame(server.receive(), 'without a key');

  const other = new Mp.TlsSettings({certificate: readCertificate('client'), trusted, peerName: 'other.example'});
  const error = checkThrows(() => Mp.Connection.open_with_tls(listener.address, null, 0, other), Mp.Error, /name/);
  check(error.matches(Mp.Error, Mp.Error.AUTHENTICATION), error.message);
  checkThrows(() => new Mp.TlsSettings(trusted), TypeError, /certificate, trusted/);
  listener.close();
});

test('ends ask each other for another key', async () => {
  const listener = listen({key});
  const client = await Mp.Connection.open_async(listener.address, key);
  const server = await listener.accept_async();
  const [first, second] = Mp.Connection.new_pair();
  await Promise.all([first.deliver_challenge_async(key), second.answer_challenge_async(key)]);
  await Promise.all([second.deliver_challenge_async(key), first.answer_challenge_async(key)]);
  for (const outcome of await Promise.allSettled([
    first.deliver_challenge_async(key), second.answer_challenge_async(Mp.AuthKey.new_random())])) {
    checkSame(outcome.status, 'rejected');
    check(outcome.reason.matches(Mp.Error, Mp.Error.AUTHENTICATION), outcome.reason.message);
  }
  checkThrows(() => first.answer_challenge(key, 0.01), Mp.Error, /has not asked/);
  checkThrows(() => first.deliver_challenge(), TypeError, /key/);
  first.close();
  second.close();

  // What this process has asked elsewhere is not answered to whom it met by an address.
  const asking = server.deliver_challenge_async(key);
  await checkRejects(client.answer_challenge_async(key), Mp.Error, /sends back/);
  client.close();
  await checkRejects(asking, Mp.Error, /closed/);
  listener.close();
});

test("the wire of Python's multiprocessing", async () => {
  const wire = Mp.WireFlags.PYTHON;
  const listener = listen({key, wire});
  const client = await Mp.Connection.open_with_wire_async(listener.address, key, wire);
  const server = await listener.accept_async();
  client.send_data(new Uint8Array([1, 2, 3]));
  checkSame([...server.receive_data()].join(), '1,2,3');
  const error = checkThrows(() => client.send('text'), Mp.Error, /bytes/);
  check(error.matches(Mp.Error, Mp.Error.WRONG_CODEC), error.message);
  server.close();
  await checkRejects(client.receive_async(), Mp.Error, /closed/);
  listener.close();
});

test('a signal tells of connections', async () => {
  const listener = listen();
  const incoming = new Promise(resolve => listener.connect('incoming', (_, connection) => resolve(connection)));
  listener.start_accepting();
  const client = await Mp.Connection.open_async(listener.address);
  const server = await incoming;
  client.send(5);
  checkSame(await server.receive_async(), 5);
  listener.close();
});

test('a signal tells of who was refused', async () => {
  const listener = listen({key});
  const told = new Promise(resolve => listener.connect('refused', (_, who, error) => resolve([who, error])));
  listener.start_accepting();
  await checkRejects(Mp.Connection.open_async(listener.address, Mp.AuthKey.new_random()), Mp.Error);
  const [who, error] = await told;
  check(who.startsWith('a process of user '), who);
  check(error.matches(Mp.Error, Mp.Error.AUTHENTICATION), error.message);
  listener.close();
});

// What the library keeps for the life of a process: its thread, the pump of connections that are opened, and what
// this thread waits with; and a thread of GLib's.
const warm = listen();
const opened = await Mp.Connection.open_async(warm.address);
opened.poll(0.05);
opened.close();
warm.close();
Mp.Connection.new_pair().forEach(end => end.close());
// And what GIO keeps for TLS.
const warmTls = listen({address: 'tcp:127.0.0.1:0', key, wire: Mp.WireFlags.TLS});
(await Mp.Connection.open_with_wire_async(warmTls.address, key, Mp.WireFlags.TLS)).close();
warmTls.close();
await run();
