# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.Pool runs functions of Python, and of C for Python, in worker processes."""

import asyncio
import builtins
import contextlib
import functools
import io
import itertools
import os
import pickle
import signal
import sys
import threading
import time
import unittest
import unittest.mock
import warnings
import weakref

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from gi.repository import Gio  # noqa: E402
from mp_case import (DEADLINE, GLib, Mp, MpCase, find_operation, let_tasks_run, run_loop, wait_for_death,  # noqa: E402
                     wait_until)

NATIVE = os.environ['MP_TEST_TARGETS']


def square(x):
    return x * x


def subtract(a, b=0):
    return a - b


def get_pid(_=None):
    return os.getpid()


def fork_and_return():
    pid = os.fork()
    return 'copy' if pid == 0 else os.waitpid(pid, 0)[1]


def fail(number):
    if number % 2:
        raise FileNotFoundError(2, 'is odd', str(number))
    return number


def make_lock(_):
    return {'locks': [threading.Lock()]}


def die(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 5:
        os._exit(6)
    return number


class Reluctant(Exception):
    """Whose own code ends the process that describes or sends it."""

    def refuse(self, *_):
        raise SystemExit('not to be had')

    __str__ = __repr__ = __reduce__ = __reduce_ex__ = refuse
    __notes__ = property(refuse)


class ReluctantError(GLib.Error):
    """As who is cancelled gives it, but it says so to nobody."""

    matches = Reluctant.refuse


def raise_one(number, cls):
    if number % 3 == 0:
        raise cls()
    return number


def sabotage(number):
    """From the third one on the worker cannot tell what becomes of a call."""
    if number == 3:
        from mpglib import _worker
        _worker._do_task = _worker._fail = None
        raise ValueError(number)
    return number


def pass_gate(path):
    with open(path, 'rb', buffering=0) as gate:
        gate.read(1)
    return os.getpid()


def leave(code):
    sys.exit(code)


def report(*paths):
    for step, path in enumerate(paths, 1):
        Mp.progress_report(step / 4, f'step {step}')
        open(path).close()      # until the program has seen it
    return 'done'


def wait_for_cancellation(path, how):
    task = Mp.current_task()
    open(path, 'w').close()     # until the program knows that it runs
    if how == 'looks':
        while not task.is_cancelled():
            os.sched_yield()
        return 'looked'
    cancellable = task.get_cancellable() if how == 'of the task' else Gio.Cancellable.get_current()
    listener = Gio.SocketListener.new()
    listener.add_any_inet_port(None)
    return listener.accept(cancellable)


def describe_task():
    task = Mp.current_task()
    return task and (task.get_target(), task.is_cancelled(), Gio.Cancellable.get_current() == task.get_cancellable())


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def apply(self, x):
        return self.factor * x


class PoolCase(MpCase):
    def make_pool(self, *args, context=None, **kwargs):
        pool = Mp.Pool(*args, context=context or self.forkserver, **kwargs)
        self.addCleanup(pool.join, DEADLINE)
        self.addCleanup(pool.terminate)
        return pool


class Calls(PoolCase):
    def test_map(self):
        for name, context in self.contexts.items():
            with self.subTest(name), self.make_pool(2, context=context) as pool:
                self.assertEqual(pool.map(square, range(500)), [x * x for x in range(500)])
                self.assertEqual(pool.map(square, iter([1, 2, 3]), 2), [1, 4, 9])
                self.assertEqual(pool.map(square, []), [])
                self.assertEqual(pool.starmap(subtract, [(5, 3), [1]]), [2, 1])

    def test_apply(self):
        pool = self.make_pool(1)
        self.assertEqual(pool.apply(subtract, (5,), {'b': 7}), -2)
        self.assertEqual(pool.apply(pow, (2, 5)), 32)
        self.assertNotEqual(pool.apply(get_pid), os.getpid())
        self.assertIsNone(pool.apply(print, ('',), {'end': ''}))

    def test_functions_without_a_name(self):
        pool = self.make_pool(1)
        self.assertEqual(pool.map(Scale(3).apply, [1, 2]), [3, 6])
        self.assertEqual(pool.map(functools.partial(subtract, 10), [1, 2]), [9, 8])
        self.assertEqual(list(pool.imap(functools.partial(subtract, b=1), [1, 2])), [0, 1])
        self.assertEqual(pool.apply(functools.partial(subtract, 10), (4,)), 6)

    def test_values_of_all_kinds(self):
        values = [None, True, -1, 2**100, 1.5, 'ä', b'\0', (1, (2,)), {'a': [1]}, {1, 2}, Ellipsis, range(3), 1 + 2j]
        pool = self.make_pool(2)
        self.assertEqual(pool.map(functools.partial(max, key=id), [[value] for value in values]), values)

    def test_results(self):
        pool = self.make_pool(2)
        result = pool.apply_async(square, (7,), name='seven')
        self.assertIsInstance(result, Mp.AsyncResult)
        self.assertEqual(result.get(timeout=DEADLINE), 49)
        self.assertEqual((result.ready(), result.successful(), result.wait(), result.get()), (True, True, True, 49))
        self.assertEqual(result.get_name(), 'seven')
        self.assertRegex(repr(result), r'^<Mp\.PoolResult .*state=done')
        self.assertRegex(str(pool), r'^<Mp\.Pool state=running workers=2>$')
        stuck = pool.apply_async(signal.pause)
        self.assertFalse(stuck.wait(0))
        self.assertFalse(stuck.ready())
        with self.assertRaises(ValueError):
            stuck.successful()
        with self.assertRaises(builtins.TimeoutError):
            stuck.get(0.01)
        self.assertEqual(pool.map(square, [1, 2]), [1, 4])      # the other worker goes on
        pool.terminate()
        with self.assertRaises(GLib.Error) as caught:
            stuck.get(DEADLINE)
        self.assertTrue(caught.exception.matches(GLib.quark_from_string('g-io-error-quark'), 19))     # CANCELLED

    def test_imap(self):
        pool = self.make_pool(2)
        self.assertEqual(list(pool.imap(square, range(300))), [x * x for x in range(300)])
        self.assertEqual(sorted(pool.imap_unordered(square, range(300), 7)), [x * x for x in range(300)])
        self.assertEqual(list(pool.imap(square, [])), [])

    def test_order_with_one_worker(self):
        pool = self.make_pool(1)
        self.assertEqual(list(pool.imap_unordered(square, range(100), 3)), [x * x for x in range(100)])

    def test_starmap_async(self):
        pool = self.make_pool(2)
        told = []
        result = pool.starmap_async(subtract, [(5, 3), [1]], callback=told.append)
        self.assertEqual(result.get(DEADLINE), [2, 1])
        self.assertEqual(told, [[2, 1]])

    def test_names_of_workers(self):
        pool = self.make_pool(2)
        pool.map(square, range(10))
        names = {worker.get_name() for worker in pool.get_workers()}
        self.assertEqual(len(names), 2)
        for name in names:
            self.assertRegex(name, r'^PoolWorker-\d+$')

    def test_imap_takes_items_as_they_are_needed(self):
        pool = self.make_pool(2)
        taken = itertools.count()
        results = pool.imap(square, taken)
        self.assertEqual([next(results) for _ in range(100)], [x * x for x in range(100)])
        self.assertLess(next(taken), 100 + 2 * 20)

    def test_errors_of_imap(self):
        pool = self.make_pool(2)
        results = pool.imap(fail, range(3))
        self.assertEqual(next(results), 0)
        with self.assertRaisesRegex(FileNotFoundError, 'is odd'):
            next(results)
        self.assertEqual(next(results), 2)
        with self.assertRaises(StopIteration):
            next(results)

        def stop_short():
            yield 1
            raise LookupError('no more')
        with self.assertRaisesRegex(LookupError, 'no more'):
            list(pool.imap(square, stop_short()))
        with self.assertRaisesRegex(LookupError, 'no more'):
            pool.map(square, stop_short())
        with self.assertRaisesRegex(LookupError, 'no more'):
            pool.starmap_async(subtract, zip(stop_short()))
        self.assertEqual(pool.map(square, [3]), [9])
        stuck = pool.imap(signal.sigwait, [[signal.SIGUSR1]])
        with self.assertRaises(builtins.TimeoutError):
            stuck.next(timeout=0.01)

    def test_workers_are_replaced_after_their_share(self):
        pool = self.make_pool(1, maxtasksperchild=2)
        pids = [pool.apply(get_pid) for _ in range(6)]
        self.assertEqual(len(set(pids)), 3)

    def test_defaults(self):
        pool = self.make_pool()
        self.assertEqual(pool.get_n_workers(), Mp.get_cpu_count())
        with self.assertRaises(ValueError):
            Mp.Pool(0)


class Ends(PoolCase):
    def test_close_and_join(self):
        pool = self.make_pool(2)
        results = [pool.apply_async(square, (x,)) for x in range(10)]
        with self.assertRaises(Mp.InvalidState):
            pool.join()
        pool.close()
        self.assertTrue(pool.join(DEADLINE))
        self.assertEqual([result.get(0) for result in results], [x * x for x in range(10)])
        with self.assertRaises(Mp.Closed):
            pool.apply(square, (1,))
        with self.assertRaises(Mp.Closed):
            pool.imap(square, [1])

    def test_close_lets_imap_go_on(self):
        pool = self.make_pool(1)
        results = pool.imap(square, range(200))
        self.assertEqual(next(results), 0)
        pool.close()
        self.assertEqual(list(results), [x * x for x in range(1, 200)])

    def test_context_manager_ends_the_workers(self):
        with self.make_pool(2) as pool:
            pids = set(pool.map(get_pid, range(100)))
            pool.apply_async(signal.pause)
        for pid in pids:
            wait_for_death(pid)
        for ended in pool, self.make_closed_pool():
            with self.assertRaisesRegex(ValueError, 'closed or terminated'):
                ended.__enter__()

    def make_closed_pool(self):
        pool = self.make_pool(1)
        pool.close()
        return pool

    def test_dropped_pool_ends_the_workers(self):
        pool = Mp.Pool(1, context=self.forkserver)
        pid = pool.apply(get_pid)
        with self.assertWarnsRegex(ResourceWarning, r'^<Mp\.Pool state=running workers=1> was neither closed nor'):
            del pool
        wait_for_death(pid)

    def test_forked_copy_of_a_worker_is_none(self):
        with self.make_pool(1) as pool:
            pid = pool.apply(get_pid)
            self.assertEqual(pool.apply(fork_and_return), 0)
            self.assertEqual(pool.apply(get_pid), pid)

    def make_gate(self):
        """A path for pass_gate(), and what lets one pass."""
        path = os.path.join(self.make_folder(), 'gate')
        os.mkfifo(path)
        gate = os.open(path, os.O_RDWR)
        self.addCleanup(os.close, gate)
        return path, lambda: os.write(gate, b'1')

    def use_and_drop(self, use):
        """What becomes of a pool's work, and of the pool, that nobody holds."""
        refs = []

        def make_and_use():
            pool = Mp.Pool(1, context=self.forkserver)
            refs.append(weakref.ref(pool))
            return use(pool)

        with self.assertWarnsRegex(ResourceWarning, 'state=running workers=1> was neither closed nor'):
            result = make_and_use()
        return result, refs[0]

    def test_dropped_pool_does_what_it_was_given(self):
        async def wait_for(result):
            return await result

        def close(pool):
            with warnings.catch_warnings(record=True):
                result = pool.apply_async(pass_gate, (path,))
                pool.close()
            return result

        path, open_gate = self.make_gate()
        for get in (lambda result: result.get(DEADLINE), lambda result: asyncio.run(wait_for(result)),
                    lambda result: Mp.run(wait_for(result))):
            result, pool = self.use_and_drop(lambda pool: pool.map_async(pass_gate, [path, path]))
            open_gate()
            open_gate()
            for pid in get(result):
                wait_for_death(pid)
            wait_until(lambda: pool() is None, 'the pool is gone')

        result = close(Mp.Pool(1, context=self.forkserver))
        open_gate()
        wait_for_death(result.get(DEADLINE))

        # Nobody holds the result either.
        _, pool = self.use_and_drop(lambda pool: pool.apply_async(pass_gate, (path,)) and None)
        open_gate()
        wait_until(lambda: pool() is None, 'the pool is gone')

    def test_dropped_pool_calls_back(self):
        """And is gone when it has done its work, whether a main loop runs or not."""
        path, open_gate = self.make_gate()
        seen = []
        _, pool = self.use_and_drop(lambda pool: pool.apply_async(pass_gate, (path,), callback=seen.append) and None)
        open_gate()
        wait_until(lambda: pool() is None, 'the pool is gone')
        self.assertEqual(seen, [])
        run_loop(lambda: seen)
        wait_for_death(*seen)

    def test_pools_that_ended_are_dropped_without_a_word(self):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter('always')
            pool = Mp.Pool(1, context=self.forkserver)
            del pool                # which has had nothing to do
            with Mp.Pool(1, context=self.forkserver) as pool:
                pool.apply(get_pid)
            pool.join(DEADLINE)
            del pool
        self.assertEqual(told, [])


class Failures(PoolCase):
    def test_exceptions_keep_class_arguments_and_traceback(self):
        pool = self.make_pool(2)
        for get in (lambda: pool.apply(fail, (1,)), lambda: pool.map(fail, [0, 1, 2])):
            with self.assertRaises(FileNotFoundError) as caught:
                get()
            error = caught.exception
            self.assertEqual((error.errno, error.strerror, error.filename), (2, 'is odd', '1'))
            self.assertIn('in fail\n', str(error.__cause__))
            self.assertNotIn('_worker.py', str(error.__cause__))

    def test_exceptions_of_items(self):
        pool = self.make_pool(2)
        result = pool.map_async(fail, [0, 1, 2, 3])
        result.wait()
        self.assertEqual(result.get_item(2), 2)
        for index in (1, 3):
            with self.assertRaises(FileNotFoundError) as caught:
                result.get_item(index)
            self.assertEqual(caught.exception.filename, str(index))
            self.assertIn('in fail\n', str(caught.exception.__cause__))
        with self.assertRaises(Mp.InvalidState):
            result.get_item(4)

    def test_results_that_cannot_be_sent(self):
        pool = self.make_pool(1)
        with self.assertRaisesRegex(pickle.PicklingError, r"make_lock\(\) cannot be sent: value\['locks'\]\[0\].*lock"):
            pool.apply(make_lock, (1,))
        self.assertEqual(pool.apply(square, (2,)), 4)

    def test_arguments_that_cannot_be_sent(self):
        pool = self.make_pool(1)
        with self.assertRaisesRegex(pickle.PicklingError, 'lock'):
            pool.apply(square, (threading.Lock(),))
        with self.assertRaisesRegex(pickle.PicklingError, 'lock'):
            pool.map(square, [1, threading.Lock()])
        with self.assertRaisesRegex(TypeError, 'lambda'):
            pool.map(lambda x: x, [1])

    def test_functions_that_are_missing(self):
        folder = self.make_folder()
        with open(os.path.join(folder, 'broken.py'), 'w') as file:
            file.write('import nowhere\n')
        sys.path.append(folder)
        self.addCleanup(sys.path.remove, folder)
        pool = self.make_pool(1)
        for target, pattern in (('python:nowhere:f', "no module 'nowhere'"), ('python:os:nothing', 'has no nothing'),
                                ('python:os', 'names no Python function')):
            with self.subTest(target), self.assertRaisesRegex(Mp.NoTarget, pattern):
                pool.apply(target)
        with self.assertRaisesRegex(Mp.ProcessError, 'native'):
            pool.apply('square', (1,))
        for use in pool.apply_async, lambda name: pool.map_async(name, [1]), lambda name: pool.imap(name, [1]):
            with self.assertRaisesRegex(ValueError, "^'' names no function: give the function itself"):
                use('')
        with self.assertRaisesRegex(Mp.NoTarget, 'module broken fails when it is imported: Modul.*nowhere') as caught:
            pool.apply('python:broken:f')
        self.assertIn('broken.py", line 1', str(caught.exception.__cause__))
        self.assertEqual(pool.apply('python:math:hypot', (3, 4)), 5.0)

    def test_lost_worker_takes_one_item_with_it(self):
        pool = self.make_pool(2)
        lost = []
        pool.connect('worker-lost', lambda pool, pid, code, text: lost.append(code))
        result = pool.map_async(die, range(50), 10)
        with self.assertRaisesRegex(Mp.WorkerLost, r'item 3 .*SIGKILL'):
            result.get(DEADLINE)
        for index in range(50):
            if index == 5:
                with self.assertRaisesRegex(Mp.WorkerLost, 'exit code 6'):
                    result.get_item(index)
            elif index != 3:
                self.assertEqual(result.get_item(index), index)
        run_loop(lambda: len(lost) == 2)
        self.assertEqual(set(lost), {-9, 6})

    def test_exceptions_that_raise_when_they_are_described(self):
        pool = self.make_pool(1)
        pid = pool.apply(get_pid)
        for cls in (Reluctant, ReluctantError):
            result = pool.starmap_async(raise_one, [(number, cls) for number in range(8)])
            result.wait(DEADLINE)
            for index in range(8):
                if index % 3:
                    self.assertEqual(result.get_item(index), index)
                else:
                    with self.assertRaises((Mp.RemoteError, cls)) as caught:
                        result.get_item(index)
                    self.assertIn('in raise_one\n', str(caught.exception.__cause__))
        self.assertEqual(pool.apply(get_pid), pid)

    def test_worker_that_cannot_answer_takes_one_item_with_it(self):
        pool = self.make_pool(1)
        for chunk in (1, 4):
            result = pool.map_async(sabotage, range(8), chunk)
            result.wait(DEADLINE)
            for index in range(8):
                if index == 3:
                    with self.assertRaisesRegex(Mp.WorkerLost, 'exit code 1'):
                        result.get_item(index)
                else:
                    self.assertEqual(result.get_item(index), index)

    def test_function_does_not_end_the_worker(self):
        pool = self.make_pool(1)
        pid = pool.apply(get_pid)
        with self.assertRaisesRegex(Mp.RemoteError, 'SystemExit: 3') as caught:
            pool.apply(leave, (3,))
        self.assertEqual(caught.exception.remote_type, 'SystemExit')
        self.assertEqual(pool.apply(get_pid), pid)
        os.kill(pid, signal.SIGINT)                     # while it waits for work
        self.assertEqual(pool.apply(get_pid), pid)
        result = pool.apply_async(report_and_wait)
        run_loop(lambda: result.get_fraction() == 0.5)
        os.kill(pid, signal.SIGINT)
        with self.assertRaisesRegex(Mp.RemoteError, 'KeyboardInterrupt'):
            result.get(DEADLINE)
        self.assertEqual(pool.apply(get_pid), pid)

    def test_workers_that_cannot_be_started(self):
        launcher = Mp.Launcher(language='python', argv=['/nonexistent/python3'])
        for argv, pattern in ((['/nonexistent/python3'], '/nonexistent/python3'), (['/bin/false'], 'exit code 1')):
            with self.subTest(argv):
                launcher = Mp.Launcher(language='python', argv=argv)
                pool = self.make_pool(1, context=Mp.Context('spawn', launcher))
                with self.assertRaisesRegex(Mp.ProcessError, pattern):
                    pool.apply_async(square, (1,)).get(DEADLINE)


def report_and_wait():
    Mp.progress_report(0.5, 'waits')
    while True:
        signal.pause()


class MainLoops(PoolCase):
    def test_signals(self):
        pool = self.make_pool(1)
        paths = [os.path.join(self.make_folder(), 'fifo') for _ in range(3)]
        for path in paths:
            os.mkfifo(path)
        seen = []
        waiting = iter(paths)

        def on_progress(result, fraction, text):
            if fraction < 1:
                seen.append((fraction, text))
                open(next(waiting), 'w').close()

        result = pool.apply_async(report, paths)
        result.connect('progress-changed', on_progress)
        result.connect('finished', lambda result: seen.append(result.get()))
        run_loop(lambda: 'done' in seen)
        self.assertEqual(seen, [(0.25, 'step 1'), (0.5, 'step 2'), (0.75, 'step 3'), 'done'])

    def test_current_task(self):
        pool = self.make_pool(1)
        for _ in range(2):
            self.assertEqual(pool.apply(describe_task), (f'python:{__name__}:describe_task', False, True))
        self.assertIsNone(describe_task())
        self.assertIsNone(Gio.Cancellable.get_current())

    def test_functions_see_that_they_are_cancelled(self):
        pool = self.make_pool(1)
        path = os.path.join(self.make_folder(), 'fifo')
        os.mkfifo(path)
        for how in ('looks', 'of the task', 'current'):
            with self.subTest(how):
                result = pool.apply_async(wait_for_cancellation, (path, how))
                open(path).close()
                result.cancel()
                if how == 'looks':
                    self.assertEqual(result.get(DEADLINE), 'looked')
                    continue
                with self.assertRaises(GLib.Error) as caught:
                    result.get(DEADLINE)
                self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
                self.assertEqual(result.get_state(), Mp.TaskState.CANCELLED)
        self.assertEqual(pool.apply(square, (3,)), 9)

    def test_callbacks_in_the_main_loop(self):
        pool = self.make_pool(2)
        results, failures = [], []
        pool.apply_async(square, (2,), callback=results.append, error_callback=failures.append)
        pool.map_async(square, [1, 2], callback=results.append, error_callback=failures.append)
        pool.apply_async(fail, (1,), callback=results.append, error_callback=failures.append)
        run_loop(lambda: len(results) + len(failures) == 3)
        self.assertEqual(sorted(map(str, results)), ['4', '[1, 4]'])
        self.assertIsInstance(failures[0], FileNotFoundError)

    def test_callbacks_without_a_main_loop(self):
        pool = self.make_pool(2)
        results = []
        pool.apply_async(square, (3,), callback=results.append).get()
        self.assertEqual(results, [9])
        for x in range(5):
            pool.apply_async(square, (x,), callback=results.append)
        pool.close()
        pool.join()
        self.assertEqual(sorted(results), [0, 1, 4, 9, 9, 16])
        GLib.MainContext.default().iteration(False)
        self.assertEqual(len(results), 6)       # once each

    def test_callbacks_that_raise(self):
        """It is told, and neither the result's nor the other callbacks' business."""
        def call_back(value):
            seen.append(value)
            raise RuntimeError(f'callback {value}')

        def fail_to_tell(kind, error, traceback):
            told.append((str(error), traceback.tb_frame.f_code.co_name))
            raise error

        seen, told = [], []
        pool = self.make_pool(1)
        with unittest.mock.patch('sys.excepthook', fail_to_tell), contextlib.redirect_stderr(io.StringIO()) as errors:
            result = pool.apply_async(square, (2,), callback=call_back)
            self.assertEqual(result.get(), 4)
            self.assertEqual(asyncio.run(pool.apply_async(square, (2,), callback=call_back).get_async()), 4)
            with self.assertRaisesRegex(FileNotFoundError, 'is odd'):
                pool.apply_async(fail, (1,), error_callback=call_back).get()
            del seen[:], told[:]
            for x in range(3):
                pool.apply_async(square, (x,), callback=call_back)
            pool.close()
            self.assertTrue(pool.join(DEADLINE))
        self.assertEqual(sorted(seen), [0, 1, 4])
        self.assertEqual(sorted(told), [(f'callback {value}', '_call_aside') for value in (0, 1, 4)])
        self.assertEqual(result.get(), 4)
        self.assertIn('RuntimeError: callback 4', errors.getvalue())

    def test_get_async(self):
        pool = self.make_pool(1)
        seen = []

        def on_ready(result, outcome):
            seen.append(result.get_finish(outcome))

        pool.apply_async(square, (4,)).get_async(-1, None, on_ready)
        run_loop(lambda: seen)
        self.assertEqual(seen, [16])

    def test_await_under_asyncio(self):
        pool = self.make_pool(2)

        async def work():
            values = await asyncio.gather(*(awaited(pool.apply_async(square, (x,))) for x in range(20)))
            with self.assertRaisesRegex(FileNotFoundError, 'is odd'):
                await pool.apply_async(fail, (1,))
            return values

        async def awaited(result):
            return await result

        pool.apply(square, (1,))
        self.assertEqual(asyncio.run(asyncio.wait_for(work(), DEADLINE)), [x * x for x in range(20)])

    def test_await_in_a_main_loop(self):
        pool = self.make_pool(2)

        async def work():
            first = pool.map_async(square, [1, 2])
            second = pool.apply_async(square, (9,))
            try:
                await pool.apply_async(fail, (1,))
            except FileNotFoundError:
                return await first, await second

        self.assertEqual(Mp.run(work()), ([1, 4], 81))
        with self.assertRaises(TypeError):
            Mp.run(work)


    def test_results_that_are_awaited_with_a_limit(self):
        async def work():
            pool = self.make_pool(2)
            result = pool.apply_async(square, (9,))
            self.assertEqual(await result.get_async(DEADLINE), 81)
            self.assertTrue(await result.wait_async(DEADLINE))
            with self.assertRaisesRegex(FileNotFoundError, 'is odd'):
                await pool.apply_async(fail, (1,)).get_async()
            self.assertFalse(await pool.apply_async(time.sleep, (DEADLINE,)).wait_async(0.01))
            with self.assertRaises(TimeoutError):
                await pool.apply_async(time.sleep, (DEADLINE,)).get_async(0.01)
            pool.terminate()
            self.assertTrue(await pool.join_async())

        asyncio.run(work())
        Mp.run(work())

    def test_join_calls_back_and_leaves_nothing(self):
        """Also where no main loop of GLib's runs, which could be told of results."""
        seen = []

        async def work():
            pool = self.make_pool(1)
            pool.apply_async(square, (3,), callback=seen.append)
            pool.close()
            self.assertTrue(await pool.join_async(DEADLINE))

        asyncio.run(work())
        self.assertEqual(seen, [9])
        pool = self.make_pool(1)
        pool.apply_async(square, (4,), callback=seen.append)
        pool.close()
        self.assertTrue(pool.join(DEADLINE))
        self.assertEqual(seen, [9, 16])

    def test_items_that_are_awaited(self):
        async def take_all(items):
            return [item async for item in items]

        async def cancel(items):
            task = asyncio.create_task(items.__anext__())
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        pool = self.make_pool(2)
        for run in asyncio.run, Mp.run:
            self.assertEqual(run(take_all(pool.imap(square, range(100)))), [x * x for x in range(100)])
            self.assertEqual(run(take_all(pool.imap(square, []))), [])
            with self.assertRaisesRegex(FileNotFoundError, 'is odd'):
                run(take_all(pool.imap(fail, [1])))
        items = pool.imap(square, range(3))
        asyncio.run(cancel(items))
        self.assertEqual(next(items), 0)
        self.assertEqual(asyncio.run(take_all(items)), [1, 4])

    def test_cancelled_wait_for_an_item_loses_nothing(self):
        """Neither a result that came in that moment, nor an exception: who waits gets it, or who comes next."""
        async def give_up(items, how):
            next_item = items.__anext__()
            task = asyncio.create_task(next_item)
            await let_tasks_run()
            operation = find_operation(next_item)
            # This thread holds the loop, which so has not told the task.
            wait_until(lambda: operation.has_ended, 'the item came')
            how(next_item, task)
            return await task

        def cancel(_next_item, task):
            task.cancel()

        def collect(next_item, _task):
            next_item.close()

        pool = self.make_pool(1)
        items = pool.imap(square, range(3))
        self.assertEqual(asyncio.run(give_up(items, cancel)), 0)
        self.assertEqual(list(items), [1, 4])
        items = pool.imap(fail, [1])
        with self.assertRaisesRegex(FileNotFoundError, 'is odd'):
            asyncio.run(give_up(items, cancel))
        self.assertEqual(list(items), [])
        items = pool.imap(square, range(3))
        with contextlib.suppress(RuntimeError):
            asyncio.run(give_up(items, collect))
        self.assertEqual(list(items), [0, 1, 4])

    def test_who_awaits_has_the_callback_called(self):
        seen = []

        async def work(pool):
            await pool.apply_async(square, (3,), callback=seen.append)
            self.assertEqual(seen.pop(), 9)
            await pool.apply_async(square, (4,), callback=seen.append).get_async()
            self.assertEqual(seen.pop(), 16)
            self.assertTrue(await pool.apply_async(fail, (1,), error_callback=seen.append).wait_async())
            self.assertIsInstance(seen.pop(), FileNotFoundError)

        pool = self.make_pool(1)
        asyncio.run(work(pool))
        Mp.run(work(pool))
        self.assertEqual(pool._results, set())


class NativeWorkers(PoolCase):
    """A program in Python with workers in C."""

    def setUp(self):
        super().setUp()
        self.native = Mp.Context('spawn', 'native')
        self.addCleanup(delattr, self, 'native')

    def test_calls(self):
        pool = self.make_pool(2, context=self.native)
        words = ['a', 'bcd', '', 'ä' * 50]
        self.assertEqual(pool.map(f'{NATIVE}#measure', words), [1, 3, 0, 100])
        self.assertEqual(list(pool.imap(f'{NATIVE}#measure', words)), [1, 3, 0, 100])
        self.assertEqual(pool.apply(f'{NATIVE}#measure', ('four',)), 4)
        types = [pool.apply(f'{NATIVE}#describe', args)[0] for args in ((), (1,), (1, 'two'), ((1,),), ({'a': 1.0},))]
        self.assertEqual(types, ['()', 'x', '(xs)', '((x))', 'a{sv}'])
        self.assertEqual(pool.starmap(f'{NATIVE}#describe', [(1, 'a'), (2, 'b')])[0][0], '(xs)')

    def test_errors(self):
        pool = self.make_pool(1, context=self.native)
        with self.assertRaisesRegex(GLib.Error, 'x is not a string') as caught:
            pool.apply(f'{NATIVE}#measure', (1,))
        self.assertEqual(caught.exception.domain, 'g-io-error-quark')
        with self.assertRaisesRegex(Mp.NoTarget, 'nothing'):
            pool.apply(f'{NATIVE}#nothing')
        with self.assertRaisesRegex(TypeError, 'keyword'):
            pool.apply(f'{NATIVE}#measure', (), {'a': 1})
        with self.assertRaisesRegex(TypeError, 'set'):
            pool.apply(f'{NATIVE}#measure', ({1},))
        with self.assertRaises(Mp.ProcessError):
            pool.apply(square, (1,))

    def test_process(self):
        process = Mp.Process(target=f'{NATIVE}#measure', args=(1,), context=self.native)
        process.start()
        process.join(DEADLINE)
        with self.assertRaisesRegex(GLib.Error, 'x is not a string'):
            process.check()


if __name__ == '__main__':
    unittest.main()
