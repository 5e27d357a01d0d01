// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Mp.Process runs exports of modules in other processes.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';

import {check, checkRejects, checkSame, checkThrows, makeContext, run, test} from './support.js';

const tasks = './modules/tasks.js';
const base = import.meta.url;
const folder = GLib.dir_make_tmp('mpglib-XXXXXX');
const file = GLib.build_filenamev([folder, 'written']);

const tasksUri = GLib.Uri.resolve_relative(base, tasks, GLib.UriFlags.NONE);

function makeProcess(name, args, more = {}) {
  return new Mp.Process({target: {module: tasks, name, base}, args, ...more});
}

async function runProcess(process) {
  await process.start_async();
  await process.join_async();
  return process.exit_code;
}

function readWritten() {
  const [, contents] = GLib.file_get_contents(file);
  GLib.unlink(file);
  return new TextDecoder().decode(contents);
}

test('a target is an export of a module, named in any way', async () => {
  for (const target of [
    {module: tasks, name: 'exitWith', base},
    {module: tasksUri, name: 'exitWith'},
    {module: GLib.filename_from_uri(tasksUri)[0], name: 'exitWith'},
    `gjs:${tasksUri}#exitWith`,
  ])
    checkSame(await runProcess(new Mp.Process({target, args: [3, 4]})), 7);
  checkSame(await runProcess(new Mp.Process({target: {module: tasks, base}})), 9, 'the default export’s exit code');
});

test('what cannot be named is refused with a remedy', () => {
  checkThrows(() => new Mp.Process({target: function work() {}}), TypeError,
    /the function work cannot be sent .*export it from a module.*import\.meta\.url/);
  checkThrows(() => new Mp.Process({target: {module: tasks, name: () => 0}}), TypeError,
    /the function name cannot be sent/);
  checkThrows(() => new Mp.Process({target: {module: tasks, name: 'write'}}), TypeError,
    /'\.\/modules\/tasks\.js' has no URI: say base: import\.meta\.url/);
  checkThrows(() => new Mp.Process({target: {}}), TypeError, /^\{\} is no target/);
  checkThrows(() => new Mp.Process({target: ''}), TypeError, /^'' names no function/);
  checkThrows(() => new Mp.Process({target: 'work'}), TypeError,
    /^'work' does not say of which module .*\{module: .*, name: 'work', base: .*\}, or 'gjs:URI#work'/);
  checkThrows(() => makeProcess('write', [() => 0]), TypeError, /^arguments\[0\] is the function/);
});

test('arguments arrive as they were', async () => {
  const values = [1, 'two', 0.5, null, true, [1, 2], ['a', null], {k: {deep: 2n ** 63n}}, Uint8Array.of(1, 2, 3),
    new Map([[1, 'one']])];
  checkSame(await runProcess(makeProcess('write', [file, ...values])), 0);
  checkSame(readWritten(), Mp.toVariant(values).print(true));
});

test('a connection is handed over', async () => {
  const [ours, theirs] = Mp.Connection.new_pair();
  checkSame(await runProcess(makeProcess('sendInto', [{connection: theirs}, 'through it'])), 0);
  theirs.close();
  checkSame(await ours.receive_async(), 'through it');
  ours.close();
  checkThrows(() => makeProcess('sendInto', [new Gio.Cancellable()]), TypeError, /arguments\[0\] is a .*Mp\.Shareable/);
});

test('what is no Array is one argument, and nothing is none', async () => {
  checkSame(await runProcess(makeProcess('exitWith', 6)), 6);
  checkSame(await runProcess(makeProcess('exitWith', new GLib.Variant('(ii)', [6, 7]))), 13);
  checkSame(await runProcess(makeProcess('runLoop')), 0);
  checkSame(await runProcess(new Mp.Process()), 0, 'the exit code without a target');
});

test('an async function is awaited', async () => {
  checkSame(await runProcess(makeProcess('writeLater', [file, 'afterwards'])), 0);
  checkSame(readWritten(), 'afterwards');
});

test('a function may run a main loop', async () => {
  checkSame(await runProcess(makeProcess('runLoop', [])), 0);
});

test('modules are searched for where the program has them searched for', async () => {
  imports.searchPath.push(GLib.filename_from_uri(GLib.Uri.resolve_relative(base, 'modules/legacy', 0))[0]);
  checkSame(await runProcess(makeProcess('importLegacy')), 23);
  imports.searchPath.pop();
});

test('signals and properties tell of its life', async () => {
  const process = makeProcess('linger', [], {name: 'sleeper'});
  const heard = [];
  process.connect('started', () => heard.push('started'));
  process.connect('exited', (_, code) => heard.push(code));
  checkSame(process.toString(), "<Mp.Process name='sleeper' initial>");
  await process.start_async();
  check(process.pid > 0);
  check(process.is_alive());
  process.terminate();
  await new Promise(resolve => process.connect('exited', resolve));
  checkSame(heard, ['started', -15]);
  checkSame(process.state, Mp.ProcessState.STOPPED);
  checkSame(process.exit_code, -15);
  checkSame(`${process}`, `<Mp.Process name='sleeper' pid=${process.pid} stopped (signal 15 (SIGTERM))>`);
});

function waitReadable(fd) {
  return new Promise(resolve => GLib.io_add_watch(GLib.IOChannel.unix_new(fd), GLib.PRIORITY_DEFAULT,
    GLib.IOCondition.IN, () => {
      resolve();
      return GLib.SOURCE_REMOVE;
    }));
}

function listChildProcesses() {
  const children = Mp.Process.get_children();
  return Array.from({length: children.get_n_items()}, (_, i) => children.get_item(i));
}

test('what can be asked for when, and how it prints', async () => {
  const process = makeProcess('linger', [], {name: 'worker', daemon: true});
  const isInvalid = error => checkSame(error.code, Mp.Error.INVALID_STATE);
  checkSame(`${process}`, "<Mp.Process name='worker' initial daemon>");
  checkSame(process.get_sentinel(), -1);
  isInvalid(checkThrows(() => process.join(0), Mp.Error, /was not started/));
  await process.start_async();
  checkSame(`${process}`, `<Mp.Process name='worker' pid=${process.pid} started daemon>`);
  checkSame(listChildProcesses(), [process]);
  isInvalid(checkThrows(() => process.start(), Mp.Error));
  isInvalid(checkThrows(() => process.close(), Mp.Error));
  const ended = waitReadable(process.get_sentinel());
  process.interrupt();
  await ended;
  process.join();
  process.join();
  checkSame(process.exit_code, -2);
  checkSame(`${process}`, `<Mp.Process name='worker' pid=${process.pid} stopped (signal 2 (SIGINT)) daemon>`);
  checkSame(listChildProcesses(), []);
  process.close();
  isInvalid(checkThrows(() => process.join(0), Mp.Error));
});

test('names are numbers of each generation, and two processes may have one', async () => {
  const [first, second] = [new Mp.Process(), new Mp.Process()];
  check(/^Process-\d+$/.test(first.name) && first.name !== second.name, `${first.name} and ${second.name}`);
  for (const process of [makeProcess('knowItself', ['twin']), makeProcess('knowItself', ['twin'])]) {
    process.name = 'twin';
    await runProcess(process);
    process.check();
  }
});

test('a process has the key that it was given, or that of who starts it', async () => {
  const given = Mp.AuthKey.new_random();
  for (const key of [Mp.AuthKey.new_own(), given]) {
    const process = makeProcess('knowKey', [key.get_bytes().toArray()]);
    if (key === given)
      process.set_auth_key(key);
    check(process.ref_auth_key().equal(key), 'it is told');
    await runProcess(process);
    process.check();
  }
  const late = makeProcess('exitWith', [0]);
  await runProcess(late);
  checkSame(checkThrows(() => late.set_auth_key(given), Mp.Error).code, Mp.Error.INVALID_STATE);
});

test('the program is a process, too', () => {
  const current = Mp.Process.get_current();
  checkSame(current.name, 'MainProcess');
  checkSame(current.pid, new Gio.Credentials().get_unix_pid());
  checkSame(Mp.Worker.get_current(), null);
  checkSame(checkThrows(() => current.join(), Mp.Error).code, Mp.Error.INVALID_STATE);
  check(Mp.get_cpu_count() > 0 && Mp.get_cpu_count() <= GLib.get_num_processors(), String(Mp.get_cpu_count()));
});

test('blocking calls do without a main loop, and their arguments may be left out', () => {
  const process = makeProcess('linger');
  process.start();
  const error = checkThrows(() => process.join(0), Mp.Error);
  check(error.matches(Mp.Error, Mp.Error.TIMED_OUT));
  process.kill();
  process.join();
  checkSame(process.exit_code, -9);
  checkThrows(() => process.check(), Mp.Error, /signal 9/);
});

test('shutting down ends all', async () => {
  const process = makeProcess('linger', [], {daemon: true});
  await process.start_async();
  await Mp.shutdown_async();
  checkSame(process.exit_code, -15);
  Mp.shutdown();
});

test('shutting down waits for who is no daemon', () => {
  const process = makeProcess('writeLater', [file, 'in the end']);
  process.start();
  Mp.shutdown();
  checkSame(process.exit_code, 0);
  checkSame(readWritten(), 'in the end');
});

test('a function that throws is an error with its name, its message and its stack', async () => {
  for (const [name, remoteName, line] of [['fail', 'RangeError', 'fail@'], ['failLater', 'TypeError', 'failLater@']]) {
    const process = makeProcess(name, ['out of it']);
    checkSame(await runProcess(process), 1);
    const error = checkThrows(() => process.check(), Mp.Error, new RegExp(`${remoteName}: out of it`));
    check(error.matches(Mp.Error, Mp.Error.REMOTE));
    checkSame(error.remoteName, remoteName);
    checkSame(error.remoteMessage, 'out of it');
    check(error.remoteStack.includes(`${line}${tasksUri}:`), error.remoteStack);
    check(!error.remoteStack.includes('worker.js'), error.remoteStack);
  }
  const process = makeProcess('throwString');
  checkSame(await runProcess(process), 1);
  checkThrows(() => process.check(), Mp.Error, /only text/);
});

test('a child tells how it ends, which is known where the system does not tell it', () => {
  const file = GLib.build_filenamev([GLib.path_get_dirname(GLib.filename_from_uri(base)[0]), 'modules', 'ending.js']);
  // SIGCHLD that is ignored has the system forget the exit codes of children.
  const program = Gio.Subprocess.new(['env', '--ignore-signal=CHLD', 'gjs', '-m', file],
    Gio.SubprocessFlags.STDOUT_PIPE);
  const [, output] = program.communicate_utf8(null, null);
  checkSame(output, '0\n7\n');
});

// ---- Other languages

test('a context takes the names of its language and of its start method', async () => {
  const context = new Mp.Context({launcher: 'python', start_method: 'spawn'});
  checkSame(context.launcher.language, 'python');
  checkSame(context.start_method, Mp.StartMethod.SPAWN);
  checkSame(await runProcess(new Mp.Process({target: 'python:os:_exit', args: [5], context})), 5);
  const error = checkThrows(() => new Mp.Context({launcher: 'cobol'}), Mp.Error, /the language 'cobol': known are/);
  checkSame(error.code, Mp.Error.NOT_SUPPORTED);
  checkThrows(() => new Mp.Context({start_method: 'fork'}), TypeError,
    /no start method 'fork': known are default, spawn/);
});

test('a process of Python', async () => {
  const context = makeContext('python');
  checkSame(await runProcess(new Mp.Process({target: 'python:os:_exit', args: [5], context})), 5);
  const process = new Mp.Process({target: 'python:math:sqrt', args: [-1], context});
  checkSame(await runProcess(process), 1);
  const error = checkThrows(() => process.check(), Mp.Error, /ValueError: math domain error/);
  check(error.matches(Mp.Error, Mp.Error.REMOTE));
  checkSame(error.remoteName, 'ValueError');
  const missing = new Mp.Process({target: 'python:math:sqroot', context});
  await checkRejects(missing.start_async(), Mp.Error, /sqroot/);
});

test('a process of C', async () => {
  const context = makeContext('native');
  const library = GLib.build_filenamev([GLib.getenv('G_TEST_BUILDDIR'), 'js', 'libjs-targets.so']);
  checkSame(await runProcess(new Mp.Process({target: `${library}#js_hypotenuse`, args: [3, 4], context})), 0);
  const process = new Mp.Process({target: `${library}#js_hypotenuse`, args: ['three'], context});
  checkSame(await runProcess(process), 1);
  const error = checkThrows(() => process.check(), GLib.Error, /two integers are wanted, not \(s\)/);
  check(error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT));
});

// ---- What keeps a target from running

async function checkFails(target, code, pattern, context = null) {
  const process = new Mp.Process({target, context});
  const error = await checkRejects(process.start_async(), Mp.Error, pattern);
  checkSame(error.code, code, `the code of ‘${error.message}’`);
  check(error.stack.includes('testProcess.js'), 'the stack names the caller');
  if (process.state !== Mp.ProcessState.INITIAL) {
    const again = await checkRejects(process.join_async(), Mp.Error, pattern);
    checkSame(again.code, code);
  }
  return error;
}

function module(name, exported = 'work') {
  return {module: `./modules/${name}.js`, name: exported, base};
}

test('a target that does not exist is named, with those that do', async () => {
  await checkFails(module('tasks', 'wrote'), Mp.Error.NO_TARGET,
    /tasks\.js#wrote': its module exports no 'wrote' \(.*exports: .*write.*\): write `export function wrote`/);
  await checkFails(module('tasks', 'number'), Mp.Error.NO_TARGET, /exports 'number', but as no function/);
  for (const uri of ['tasks.js', 'http://localhost/tasks.js', 'file:///tasks%zz.js']) {
    await checkFails(`gjs:${uri}#write`, Mp.Error.NO_TARGET, // eslint-disable-line no-await-in-loop
      /'gjs:.*tasks.*#write' is not named by a URI that GJS imports from: use .*import\.meta\.url/);
  }
  await checkFails('gjs:write', Mp.Error.NO_TARGET, /'gjs:write' is no target of JavaScript: those look like/);
  await checkFails('cobol:write', Mp.Error.NOT_SUPPORTED, /no launcher for the language 'cobol': known are/);
});

test('a module that cannot be imported says why and where', async () => {
  await checkFails(module('nonesuch'), Mp.Error.NO_TARGET, /cannot be imported: .*modules\/nonesuch\.js/);
  await checkFails(module('brokenSyntax'), Mp.Error.NO_TARGET,
    /cannot be imported: SyntaxError: .*\(file:.*brokenSyntax\.js:5\)/);
  await checkFails(module('brokenImport'), Mp.Error.NO_TARGET, /brokenImport\.js#work': .*modules\/nonesuch\.js/);
  const error = await checkFails(module('throwing'), Mp.Error.NO_TARGET,
    /cannot be imported: Error: no such luck \(file:.*throwing\.js:6\)/);
  check(error.remoteStack.includes('throwing.js:6'), error.remoteStack);
  await checkFails(module('throwingProxy'), Mp.Error.NO_TARGET,
    /throwingProxy\.js#work': its module cannot be imported: object: \(it cannot be made a string\)/);
});

test('a child that ends or dies before it is ready is an error that tells how', async () => {
  await checkFails(module('exiting'), Mp.Error.START_FAILED, /ended with exit code 5 before it was ready/);
  await checkFails(module('crashing'), Mp.Error.START_FAILED, /ended with signal 9 \(SIGKILL\) before it was ready/);
});

test('a module that starts processes when it is loaded does not start them for ever', async () => {
  await checkFails(module('starting'), Mp.Error.NO_TARGET,
    /starting\.js#work': .*cannot start processes: put its functions into a module of their own/);
});

function startWaiting(how) {
  const file = GLib.build_filenamev([GLib.path_get_dirname(GLib.filename_from_uri(base)[0]), 'modules', 'waiting.js']);
  const {STDIN_PIPE, STDERR_PIPE} = Gio.SubprocessFlags;
  return Gio.Subprocess.new(['gjs', '-m', file, how], STDIN_PIPE | STDERR_PIPE);
}

async function readLines(stream, until) {
  const reader = new Gio.DataInputStream({baseStream: stream});
  let text = '';
  for (;;) {
    const [line] = await read(reader); // eslint-disable-line no-await-in-loop
    if (line === null)
      return text;
    text += `${new TextDecoder().decode(line)}\n`;
    if (until?.test(text))
      return text;
  }
}

function read(reader) {
  return new Promise((resolve, reject) => {
    reader.read_line_async(GLib.PRIORITY_DEFAULT, null, (_, result) => {
      try {
        resolve(reader.read_line_finish(result));
      } catch (error) {
        reject(error);
      }
    });
  });
}

test('who waits for what a child was to do that cannot begin is told while it waits', async () => {
  const program = startWaiting('blocking');
  const text = await readLines(program.get_stderr_pipe(), /get_current/);
  check(/Process-1: .*waiting\.js#work': .*cannot start processes: .*Mp\.Worker\.get_current\(\) === null/.test(text),
    text);
  program.get_stdin_pipe().close(null);
  checkSame(await readLines(program.get_stderr_pipe(), null), '', 'what is said later');
  program.wait(null);
  checkSame(program.get_exit_status(), 0);
});

test('who waits for the start has the error, and nothing is said of it', async () => {
  const program = startWaiting('starting');
  program.get_stdin_pipe().close(null);
  checkSame(await readLines(program.get_stderr_pipe(), null), '', 'what is said');
  program.wait(null);
  checkSame(program.get_exit_status(), 0);
});

test('a program may be its own module', async () => {
  checkSame(await runProcess(new Mp.Process({target: module('guarded')})), 0);
});

test('a child that hangs before it is ready is killed in time', async () => {
  const context = new Mp.Context({launcher: Mp.Launcher.lookup('gjs'), hello_timeout: 0.5});
  await checkFails(module('hanging'), Mp.Error.START_FAILED,
    /did not become ready within 0\.5 s and was killed: .*hello-timeout/, context);
});

test('a program that is named runs the children', async () => {
  const launcher = new Mp.Launcher({language: 'gjs', argv: Mp.Launcher.lookup('gjs').argv});
  const context = new Mp.Context({launcher});
  checkSame(await runProcess(makeProcess('exitWith', [4], {context})), 4);
});

test('a missing executable is named', async () => {
  const launcher = new Mp.Launcher({language: 'gjs', argv: ['/nonesuch/gjs', '-m', 'worker.js']});
  await checkFails(module('tasks', 'write'), Mp.Error.START_FAILED, /\/nonesuch\/gjs/, new Mp.Context({launcher}));
});

test('the folder of the tests is empty', () => checkSame(GLib.rmdir(folder), 0));

// The first ones make the library keep some descriptors for good.
await runProcess(new Mp.Process());
Mp.Connection.new_pair().forEach(end => end.close());
await run();
