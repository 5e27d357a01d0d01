// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright 2026 The mpglib developers

// Mp.Pool runs exports of modules in its workers, and functions of other languages.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Mp from 'gi://Mp?version=1.0';
import System from 'system';

import {errorKinds, resultKinds} from './modules/odd.js';
import {
  check, checkRejects, checkSame, checkThrows, listChildren, listDescriptors, makeContext, run, test,
} from './support.js';

function task(name, module = 'tasks') {
  return {module: `./modules/${module}.js`, name, base: import.meta.url};
}

// A case with a pool, which it leaves without a worker.
function testPool(name, body, properties = {}) {
  test(name, async () => {
    const pool = new Mp.Pool({n_workers: 2, ...properties});
    try {
      await body(pool);
    } finally {
      pool.terminate();
      await pool.join_async();
    }
    checkSame(pool.state, Mp.PoolState.ENDED);
  }, {deadline: 60});
}

function checkCode(error, code) {
  check(error instanceof Mp.Error && error.code === code, `${error} has the code ${code}, not ${error.code}`);
}

const VALUES = [1, 'two', 0.5, -0, NaN, null, true, [1, 2], ['a', null], [], {}, {k: {deep: 2n ** 63n}},
  Uint8Array.of(1, 2, 3), new Map([[1, 'one']]), 'Grüße', 2n ** 60n];

testPool('values go there and come back', async pool => {
  checkSame(await pool.apply_async(task('echo'), VALUES), VALUES);
  checkSame(await pool.apply_async(task('echo'), 'one'), ['one']);
  checkSame(await pool.apply_async(task('echo')), []);
  checkSame(await pool.apply_async(task('nothing')), null);
  checkSame(await pool.apply_async(task('cube'), [3]), 27);
  checkSame(await pool.apply_async(task('cubeLater'), [3]), 27);
  // The first call imports the module and takes another way.
  checkSame(await pool.map_async(task('runLoop'), [1, 2]), [null, null], 'the results of a function with a main loop');
});

testPool('a connection is handed over', async pool => {
  const [ours, theirs] = Mp.Connection.new_pair();
  const result = pool.submit(task('sendInto'), [{connection: theirs}, 'through it']);
  checkSame(await ours.receive_async(), 'through it');
  await result.get_async();
  theirs.close();
  ours.close();
});

testPool('a map has its results in the order of its items', async pool => {
  const numbers = Array.from({length: 50}, (_, i) => i);
  const cubes = numbers.map(x => x ** 3);
  checkSame(await pool.map_async(task('cube'), numbers), cubes);
  checkSame(await pool.map_async(task('cubeLater'), numbers, 7), cubes);
  checkSame(await pool.map_async(task('cube'), Int32Array.from(numbers)), cubes);
  checkSame(await pool.map_async(task('cube'), new Set(numbers)), cubes);
  checkSame(await pool.map_async(task('cube'), []), []);
  checkSame(await pool.map_async(task('echo'), VALUES), VALUES.map(value => [value]));
});

testPool('blocking calls have the same results', pool => {
  checkSame(pool.apply(task('cubeLater'), [3]), 27);
  checkSame(pool.map(task('cube'), [1, 2, 3]), [1, 8, 27]);
  checkSame(pool.submit(task('cube'), [4]).get(), 64);
  checkSame([...pool.imap(task('cube'), [1, 2])], [1, 8]);
  const numbers = (function* () {
    for (let i = 0; i < 100; i++)
      yield i;
  })();
  checkSame([...pool.imap(task('cube'), numbers)].length, 100);
  checkThrows(() => pool.apply(task('fail'), ['no luck']), Mp.Error, /RangeError: no luck/);
  pool.close();
  pool.join();
});

testPool('options of a task', async pool => {
  const result = pool.submit_map(task('add'), [[1, 2], ['a', 'b']], 0, {starmap: true, name: 'sums'});
  checkSame(result.name, 'sums');
  checkSame(await result.get_async(), [3, 'ab']);
  const sums = [];
  for await (const sum of pool.imap(task('add'), [[1, 2], [3, 4]], 1, true, {starmap: true}))
    sums.push(sum);
  checkSame(sums, [3, 7]);
});

testPool('a result tells of its life by signals', async pool => {
  const result = pool.submit_map(task('cube'), [1, 2, 3], 1);
  const items = new Map();
  let ended = null;
  result.connect('item-finished', (_, index) => items.set(index, result.get_item(index)));
  pool.connect('task-finished', (_, finished) => {
    ended = finished;
  });
  await new Promise(resolve => result.connect('finished', resolve));
  checkSame(new Map([...items].sort()), new Map([[0, 1], [1, 8], [2, 27]]));
  checkSame(result.state, Mp.TaskState.DONE);
  checkSame(result.fraction, 1);
  check(result.is_ready() && result.is_successful());
  await pool.apply_async(task('nothing'));
  check(ended !== null, 'the pool tells of tasks');
});

testPool('progress is told, and a function sees that it is cancelled', async pool => {
  const result = pool.submit(task('spin'));
  check(!result.is_ready() && !result.is_successful());
  const [fraction, text] = await new Promise(resolve => {
    result.connect('progress-changed', (_, ...progress) => resolve(progress));
  });
  checkSame(fraction, 0.25);
  checkSame(text, 'spinning');
  result.cancel();
  await result.wait_async();
  checkSame(result.state, Mp.TaskState.CANCELLED);
  const error = await checkRejects(result.get_async(), GLib.Error);
  check(error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED));
});

testPool('who gives up waiting cancels the call', async pool => {
  checkCode(await checkRejects(pool.apply_async(task('spin'), null, 0), Mp.Error), Mp.Error.TIMED_OUT);
  const cancellable = new Gio.Cancellable();
  const promise = pool.apply_async(task('spin'), null, -1, cancellable);
  cancellable.cancel();
  const error = await checkRejects(promise, GLib.Error);
  check(error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED));
  // Both workers are free again.
  checkSame(await pool.map_async(task('cube'), [1, 2, 3, 4], 1), [1, 8, 27, 64]);
});

testPool('a callback in place of the promise gets the same', async pool => {
  const apply = new Promise(resolve => pool.apply_async(task('cube'), [3], -1, null,
    (_, result) => resolve(pool.apply_finish(result))));
  const map = new Promise(resolve => pool.map_async(task('cube'), [1, 2], 0, -1, null,
    (_, result) => resolve(pool.map_finish(result))));
  checkSame([await apply, await map], [27, [1, 8]]);
  const submitted = pool.submit(task('cube'), [4]);
  checkSame(await new Promise(resolve => submitted.get_async(-1, null,
    (_, result) => resolve(submitted.get_finish(result)))), 64);
  const results = pool.imap(task('cube'), [5]);
  checkSame(await new Promise(resolve => results.next_async(-1, null,
    (_, result) => resolve(results.next_finish(result)))), 125);
});

testPool('a pool that is terminated cancels its calls', async pool => {
  const [underWay, waiting] = [pool.submit(task('spin')), pool.submit(task('cube'), [1])];
  await new Promise(resolve => underWay.connect('progress-changed', resolve));
  pool.terminate();
  await pool.join_async();
  for (const result of [underWay, waiting]) {
    const error = await checkRejects(result.get_async(), GLib.Error);
    check(error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED), String(error));
  }
}, {n_workers: 1});

testPool('workers have names, and are replaced after their share', async pool => {
  const first = await pool.apply_async(task('getPid'));
  check(await pool.apply_async(task('getPid')) !== first, 'another worker');
  check(/^PoolWorker-\d+$/.test(pool.get_workers().get_item(0).name), pool.get_workers().get_item(0).name);
  checkSame(`${pool}`, '<Mp.Pool state=running workers=1>');
}, {n_workers: 1, max_tasks_per_worker: 1});

test('there are as many workers as processors', () => {
  checkSame(new Mp.Pool().n_workers, Mp.get_cpu_count());
});

// ---- Iteration

testPool('the wait for the next result may be given up', async pool => {
  const results = pool.imap(task('spin'), [1]);
  checkCode(checkThrows(() => results.next(0), Mp.Error), Mp.Error.TIMED_OUT);
  checkCode(await checkRejects(results.next_async(0), Mp.Error), Mp.Error.TIMED_OUT);
  results.cancel();
});

testPool('results are iterated over as they come', async pool => {
  const cubes = [];
  for await (const cube of pool.imap(task('cube'), [1, 2, 3], 1, false))
    cubes.push(cube);
  checkSame(cubes.sort((a, b) => a - b), [1, 8, 27]);
});

testPool('items are taken from a generator as they are needed', async pool => {
  let made = 0;
  let isClosed = false;
  const numbers = (function* () {
    try {
      for (;;)
        yield made++;
    } finally {
      isClosed = true;
    }
  })();
  let taken = 0;
  for await (const cube of pool.imap(task('cube'), numbers)) {
    checkSame(cube, taken ** 3);
    taken++;
    check(made <= taken + 8, `${made} made for ${taken} taken`);
    if (taken === 100)
      break;
  }
  check(isClosed, 'the generator was told');
});

testPool('items may come asynchronously', async pool => {
  const numbers = async function* () {
    for (let i = 1; i <= 30; i++) {
      await null;
      yield i;
    }
  };
  let sum = 0;
  for await (const cube of pool.imap(task('cube'), numbers()))
    sum += cube;
  checkSame(sum, 216225);
  checkThrows(() => [...pool.imap(task('cube'), numbers())], TypeError, /`for await`/);
});

testPool('an item that fails is an error in its place', async pool => {
  const results = pool.imap(task('throwOdd'), [1, -2, 3], 1)[Symbol.asyncIterator]();
  checkSame(await results.next(), {value: 1, done: false});
  const error = await checkRejects(results.next(), Mp.Error, /RangeError: -2 is negative/);
  checkSame(error.remoteName, 'RangeError');
  checkSame(await results.next(), {value: 3, done: false});
  checkSame(await results.next(), {value: undefined, done: true});
});

testPool('what is wrong with items is told to who iterates', async pool => {
  const iterate = async items => {
    for await (const result of pool.imap(task('cube'), items))
      check(Number.isInteger(result));
  };
  await checkRejects(iterate((function* () {
    yield 1;
    throw new EvalError('no more');
  })()), EvalError, /no more/);
  await checkRejects(iterate((function* () {
    yield 1;
    yield new Date(0);
  })()), TypeError, /value is a Date/);
  checkThrows(() => pool.imap(task('cube'), 7), TypeError, /items are not iterable/);
  for (const items of [new GLib.Variant('s', 'x'), new GLib.Variant('(ii)', [1, 2])]) {
    for (const give of [() => pool.imap(task('cube'), items), () => pool.submit_map(task('cube'), items),
      () => pool.map(task('cube'), items), () => pool.map_async(task('cube'), items),
      () => pool.map_async(task('cube'), items, 0, -1, null, () => {})])
      checkThrows(give, TypeError, /^items are a GLib\.Variant of type '.*', which is no array$/);
  }
  checkThrows(() => pool.submit_map(task('add'), [1], 0, {starmap: true}), TypeError, /items\[0\] is no Array/);
});

// ---- Errors

testPool('a function that throws is an error with its name, its message and its stack', async pool => {
  for (const call of [
    () => pool.apply_async(task('fail'), ['no luck']),
    () => pool.map_async(task('fail'), ['no luck']),
    () => pool.submit(task('fail'), ['no luck']).get_async(),
  ]) {
    const error = await checkRejects(call(), Mp.Error, /RangeError: no luck/);
    checkCode(error, Mp.Error.REMOTE);
    checkSame([error.remoteName, error.remoteMessage], ['RangeError', 'no luck']);
    check(/^fail@file:.*tasks\.js:/.test(error.remoteStack), error.remoteStack);
    check(error.stack.includes('testPool.js'), error.stack);
  }
  const map = pool.submit_map(task('fail'), ['one', 'two']);
  await map.wait_async();
  checkSame(checkThrows(() => map.get_item(1), Mp.Error).remoteMessage, 'two');
  await checkRejects(pool.apply_async(task('failLater'), ['later']), Mp.Error, /TypeError: later/);
  await checkRejects(pool.apply_async(task('throwString')), Mp.Error, /only text/);
});

testPool('an error of GLib keeps its domain and code', async pool => {
  const full = await checkRejects(pool.apply_async(task('throwFull')), Mp.Error, /no room/);
  checkCode(full, Mp.Error.FULL);
  check(/^throwFull@file:/.test(full.remoteStack), full.remoteStack);
  const missing = await checkRejects(pool.apply_async(task('throwNotFound')), GLib.Error, /not there/);
  check(missing.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND), String(missing));
});

testPool('a target that cannot be had says why', async pool => {
  const error = await checkRejects(pool.apply_async(task('wrote')), Mp.Error,
    /tasks\.js#wrote': its module exports no 'wrote' .*write `export function wrote`/);
  checkCode(error, Mp.Error.NO_TARGET);
  await checkRejects(pool.apply_async(task('work', 'nonesuch')), Mp.Error, /cannot be imported: .*nonesuch\.js/);
  await checkRejects(pool.apply_async(task('work', 'brokenSyntax')), Mp.Error,
    /cannot be imported: SyntaxError: .*brokenSyntax\.js:5/);
  const thrown = await checkRejects(pool.apply_async(task('work', 'throwing')), Mp.Error, /no such luck/);
  checkCode(thrown, Mp.Error.NO_TARGET);
  checkThrows(() => pool.apply_async('python:math:hypot'), TypeError,
    /is of language 'python', but the workers run 'gjs': .*new Mp\.Context\(\{launcher: 'python'\}\)/);
  checkThrows(() => pool.apply_async(x => x), TypeError, /export it from a module/);
  checkThrows(() => pool.map_async('cube', [1]), TypeError, /'cube' does not say of which module/);
  for (const context of [null, makeContext('native')]) {
    const other = new Mp.Pool({n_workers: 1, context});
    for (const use of ['apply_async', 'submit', 'submit_map', 'imap'])
      checkThrows(() => other[use]('', [1]), TypeError, /^'' names no function: give \{module: /);
  }
});

testPool('a result that cannot be sent is named', async pool => {
  const error = await checkRejects(pool.apply_async(task('returnDate')), Mp.Error,
    /The result of 'gjs:.*#returnDate' cannot be sent: value\.when is a Date.*send date\.getTime\(\)/);
  checkCode(error, Mp.Error.NOT_SHAREABLE);
});

testPool('a worker that dies takes the item with it that it had, and is replaced', async pool => {
  const lost = [];
  pool.connect('worker-lost', (_, pid, exitCode) => lost.push(exitCode));
  const numbers = [0, 1, 2, 3, 4, 5, 6, 7];
  const result = pool.submit_map(task('dieOf'), numbers.map(n => [n, 3]), 2, {starmap: true});
  await result.wait_async();
  for (const number of numbers.filter(n => n !== 3))
    checkSame(result.get_item(number), number);
  const error = checkThrows(() => result.get_item(3), Mp.Error, /SIGKILL|signal 9/);
  checkCode(error, Mp.Error.WORKER_LOST);
  checkSame(lost, [-9]);
});

testPool('what throws when it is looked at fails its call, and the worker goes on', async pool => {
  const pid = await pool.apply_async(task('getPid'));
  const unknown = '(it cannot be made a string)';
  for (const kind of errorKinds) {
    for (const name of ['fail', 'failLater']) {
      const error = await checkRejects(pool.apply_async(task(name, 'odd'), [kind]), Mp.Error);
      checkCode(error, Mp.Error.REMOTE);
      checkSame(error.remoteMessage, kind === 'place' ? 'somewhere' : unknown, `the message of ${kind}`);
    }
  }
  for (const kind of resultKinds) {
    const error = await checkRejects(pool.apply_async(task('give', 'odd'), [kind]), Mp.Error);
    check(error.message.includes(unknown), `${kind}: ${error}`);
  }
  checkSame(await pool.apply_async(task('getPid')), pid);
}, {n_workers: 1});

testPool('a worker that cannot answer takes only the item with it that it had', async pool => {
  const numbers = [0, 1, 2, 3, 4, 5, 6, 7];
  const result = pool.submit_map(task('sabotage', 'odd'), numbers.map(n => [n, 3]), 2, {starmap: true});
  await result.wait_async();
  for (const number of numbers.filter(n => n !== 3))
    checkSame(result.get_item(number), number);
  checkCode(checkThrows(() => result.get_item(3), Mp.Error, /exit code 1/), Mp.Error.WORKER_LOST);
}, {n_workers: 1});

testPool('a module that ends its worker fails the call', async pool => {
  for (const target of [task('exitWith'), task('work', 'exiting')])
    checkCode(await checkRejects(pool.apply_async(target, [5]), Mp.Error, /exit code 5/), Mp.Error.WORKER_LOST);
  checkSame(await pool.apply_async(task('cube'), [2]), 8);
});

testPool('a module that starts processes when it is imported does not start them for ever', async pool => {
  for (const name of ['starting', 'pooling', 'looping']) {
    const error = await checkRejects(pool.apply_async(task('work', name)), Mp.Error,
      /cannot start processes: put its functions into a module of their own/);
    checkCode(error, Mp.Error.NO_TARGET);
  }
  checkSame(await pool.apply_async(task('work', 'guarded')), 'done');
});

testPool('a module that hangs when it is imported ends its worker and fails the calls', async pool => {
  const error = await checkRejects(pool.map_async(task('work', 'hanging'), [1, 2, 3, 4, 5, 6, 7, 8]), Mp.Error,
    /hanging\.js#work': its module was not loaded within 3 s .*; loop\.run\(\).*Mp\.Worker\.get_current/);
  checkCode(error, Mp.Error.NO_TARGET);
  checkSame(await pool.apply_async(task('cube'), [2]), 8);
}, {context: new Mp.Context({launcher: Mp.Launcher.lookup('gjs'), hello_timeout: 3})});

testPool('workers that cannot be started fail the calls', async pool => {
  const error = await checkRejects(pool.apply_async(task('cube'), [2]), Mp.Error, /\/nonesuch\/gjs/);
  checkCode(error, Mp.Error.START_FAILED);
}, {context: new Mp.Context({launcher: new Mp.Launcher({language: 'gjs', argv: ['/nonesuch/gjs']})})});

testPool('a pool that was closed takes no calls', async pool => {
  pool.close();
  await pool.join_async();
  checkCode(await checkRejects(pool.apply_async(task('cube'), [2]), Mp.Error), Mp.Error.CLOSED);
});

// ---- Workers of other languages

const module = GLib.build_filenamev([GLib.getenv('G_TEST_BUILDDIR'), 'js', 'libjs-targets.so']);
const native = {context: makeContext('native')};

testPool('functions of C modules', async pool => {
  checkSame(await pool.apply_async(`${module}#js_hypotenuse`, [3, 4]), [25, 'squared']);
  checkSame(await pool.apply_async(`${module}#js_echo`, VALUES), VALUES);
  checkSame(await pool.map_async(`${module}#js_echo`, VALUES), VALUES);
  const error = await checkRejects(pool.apply_async(`${module}#js_hypotenuse`, ['a']), GLib.Error, /not \(s\)/);
  check(error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT));
  checkCode(await checkRejects(pool.apply_async(`${module}#nonesuch`), Mp.Error, /no function 'nonesuch'/),
    Mp.Error.NO_TARGET);
}, native);

testPool('functions of Python modules', async pool => {
  checkSame(await pool.apply_async('python:math:hypot', [3, 4]), 5);
  checkSame(await pool.map_async('python:math:sqrt', [1, 4, 9]), [1, 2, 3]);
  checkSame(await pool.apply_async('python:copy:copy', [VALUES]), VALUES);
  const result = pool.submit_map('python:operator:add', [[1, 2], ['a', 'b']], 0, {starmap: true});
  checkSame(await result.get_async(), [3, 'ab']);

  const error = await checkRejects(pool.apply_async('python:math:sqrt', [-1]), Mp.Error,
    /ValueError: math domain error/);
  checkCode(error, Mp.Error.REMOTE);
  checkSame(error.remoteName, 'ValueError');
  checkCode(await checkRejects(pool.apply_async('python:math:sqroot'), Mp.Error, /sqroot/), Mp.Error.NO_TARGET);
  checkCode(await checkRejects(pool.apply_async('python:nonesuch:work'), Mp.Error, /nonesuch/), Mp.Error.NO_TARGET);
}, {context: makeContext('python')});

testPool('no double of a peer is taken for anything else', async pool => {
  checkSame(await pool.apply_async(`${module}#js_forge`), [NaN, [NaN]]);
}, native);

// ---- Garbage

async function collectGarbage() {
  System.gc();
  await new Promise(resolve => GLib.idle_add(GLib.PRIORITY_LOW, () => {
    resolve();
    return GLib.SOURCE_REMOVE;
  }));
}

function makePool() {
  return new Mp.Pool({n_workers: 1});
}

// Of pools that only what is returned may hold. Their worker waits for somebody to send something.
const FORGETTING = {
  'apply_async': connection => makePool().apply_async(task('receiveOne'), [connection]),
  'map_async': connection => makePool().map_async(task('receiveOne'), [connection]),
  'get_async': connection => makePool().submit(task('receiveOne'), [connection]).get_async(),
  'close': connection => {
    const pool = makePool();
    const result = pool.submit_map(task('receiveOne'), [connection]);
    pool.close();
    return result.get_async();
  },
  'finished': connection => new Promise((resolve, reject) => {
    const result = makePool().submit(task('receiveOne'), [connection]);
    result.connect('finished', () => result.is_successful() ? resolve(null) : reject(new Error('it failed')));
  }),
  'for await': async connection => {
    for await (const value of makePool().imap(task('receiveOne'), [connection].values()))
      return value;
    return 'none';
  },
};

async function letResultsOutlivePools() {
  const results = [makePool().submit(task('nothing')), makePool().submit(task('nothing'))];
  await results[0].get_async();
  results[1].get();
  while (listChildren().length > 0)
    await collectGarbage();
  check(results.every(result => result.is_successful()));
}

test('a pool that nobody holds does what it was given, and ends', async () => {
  const descriptors = listDescriptors();
  for (const [how, use] of Object.entries(FORGETTING)) {
    const [ours, theirs] = Mp.Connection.new_pair();
    const promise = use(theirs);
    promise.catch(() => null);      // where it fails while garbage is collected
    await collectGarbage();
    await collectGarbage();
    ours.send('go on');
    const isMap = ['map_async', 'close'].includes(how);
    checkSame(await promise, isMap ? [null] : null, how);
    ours.close();
    theirs.close();
  }
  await letResultsOutlivePools();
  while (listDescriptors().length > descriptors.length)
    await collectGarbage();
}, {deadline: 60});

testPool('no promise is lost among garbage', async pool => {
  const recent = [];
  for (let round = 0; round < 3000; round++) {
    recent[round % 50] = Array.from({length: 300}, (_, i) => ({i, list: [i], text: `${round} ${i}`}));
    checkSame(await pool.apply_async(task('cube'), [round]), round ** 3);
  }
});

// The first pool makes the library keep some descriptors for good.
const warm = new Mp.Pool({n_workers: 1});
await warm.apply_async(task('nothing'));
checkSame(`${warm}`, warm.to_string());
// And so does the first connection that is handed over.
for (const end of Mp.Connection.new_pair()) {
  await warm.apply_async(task('nothing'), [end]).catch(() => null);
  end.close();
}
warm.close();
await warm.join_async();
await run();
