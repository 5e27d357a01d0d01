# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.Process runs functions of Python in processes of their own, by each start method."""

import asyncio
import ctypes
import functools
import gc
import os
import pickle
import queue
import select
import signal
import subprocess
import sys
import threading
import time
import unittest
import weakref

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from mpglib import _calls, _launcher  # noqa: E402
from mp_case import DEADLINE, GLib, Mp, MpCase, run_loop  # noqa: E402


def write(fd, *args, **kwargs):
    """Leaves in a file what arrived."""
    with open(fd, 'wb') as file:
        pickle.dump((args, kwargs), file)


def tell(path):
    process = Mp.current_process()
    write(path, process.name, os.getpid(), __name__, os.getcwd(), os.getpgid(0), sys.argv, process.pid)


def pass_environment_on(path):
    """Leaves in a file what a program gets that takes the variables of this process."""
    command = [sys.executable, '-c', 'import os; print("MPGLIB_CHILD" in os.environ)']
    write(path, 'MPGLIB_CHILD' in os.environ, subprocess.check_output(command, env=dict(os.environ), text=True))


def leave(code):
    sys.exit(code)


def fail(*args):
    raise LookupError(*args)


class Unsendable(Exception):
    def __init__(self, lock):
        super().__init__('holds a lock')
        self.lock = threading.Lock()


def fail_unsendably():
    raise Unsendable(1)


def die(number):
    os.kill(os.getpid(), number)


def hang():
    while True:
        signal.pause()


def report_interrupt(first_path, second_path):
    try:
        write(first_path, 'ready')
        hang()
    except KeyboardInterrupt:
        write(second_path, 'interrupted')
        raise


class Worker(Mp.Process):
    def __init__(self, path, **options):
        super().__init__(name='a worker', **options)
        self.path = path

    def run(self):
        write(self.path, self.name, self.pid, self.is_alive())


class Named(Mp.Process):
    """One that adds nothing that the child must know."""


class Extended(Mp.Process):
    def run(self):
        super().run()
        sys.exit(5)


class Refused(Exception):
    def __reduce__(self):
        raise TypeError('not me')


class ProcessCase(MpCase):
    def make_path(self):
        return os.path.join(self.make_folder(), 'output')

    def read(self, path):
        with open(path, 'rb') as file:
            return pickle.load(file)

    def make(self, *args, context=None, **kwargs):
        return Mp.Process(*args, context=context or self.forkserver, **kwargs)

    def run_process(self, *args, **kwargs):
        process = self.make(*args, **kwargs)
        process.start()
        self.assertTrue(process.join(DEADLINE))
        return process


class Running(ProcessCase):
    def test_arguments_arrive(self):
        for name, context in self.contexts.items():
            with self.subTest(name):
                path = self.make_path()
                args = (path, 1, 'two', [3.0, None], {'four': (5,)}, range(6))
                process = self.run_process(target=write, args=args, kwargs={'seven': {8}}, context=context)
                self.assertEqual(process.exitcode, 0)
                self.assertEqual(self.read(path), (args[1:], {'seven': {8}}))

    def test_child_knows_who_it_is(self):
        for name, context in self.contexts.items():
            with self.subTest(name):
                path = self.make_path()
                process = self.run_process(target=tell, args=(path,), name='teller', context=context)
                told = self.read(path)[0]
                module = '__mp_main__' if __name__ == '__main__' else __name__
                self.assertEqual(told, ('teller', process.pid, module, os.getcwd(), process.pid, sys.argv,
                                        process.pid))

    def test_programs_that_a_child_starts_are_no_children(self):
        for name, context in self.contexts.items():
            with self.subTest(name):
                path = self.make_path()
                self.run_process(target=pass_environment_on, args=(path,), context=context)
                self.assertEqual(self.read(path)[0], (False, 'False\n'))

    def test_children_by_fork_server_share_one_template(self):
        path = self.make_path()
        pids = set()
        for _ in range(5):
            self.run_process(target=tell, args=(path,))
            pids.add(self.read(path)[0][1])
        self.assertEqual(len(pids), 5)      # and the check at the end finds one template

    def test_callables_without_a_name(self):
        path = self.make_path()
        self.run_process(target=functools.partial(write, path, 1), args=(2,))
        self.assertEqual(self.read(path), ((1, 2), {}))

    def test_target_by_name(self):
        self.assertEqual(self.run_process(target='python:os:getpid').exitcode, 0)

    def test_defaults(self):
        self.assertEqual(Mp.Context.get_default().get_launcher().get_language(), 'python')
        self.assertEqual(Mp.Context().get_launcher().get_language(), 'python')
        self.assertEqual(Mp.Context(launcher='native').get_launcher().get_language(), 'native')
        with self.assertRaisesRegex(ValueError, 'spawn, forkserver'):
            Mp.Context('telepathy')
        with self.assertRaises(TypeError):
            Mp.Process(group=1)

    def test_subclass(self):
        for name, context in self.contexts.items():
            with self.subTest(name):
                path = self.make_path()
                worker = Worker(path, context=context)
                worker.start()
                self.assertTrue(worker.join(DEADLINE))
                self.assertEqual(worker.exitcode, 0)
                self.assertEqual(self.read(path)[0], ('a worker', worker.pid, True))

    def test_subclass_without_run(self):
        path = self.make_path()
        named = Named(target=write, args=(path, 1), context=self.forkserver)
        named.start()
        named.join(DEADLINE)
        self.assertEqual(self.read(path)[0], (1,))
        self.assertIsInstance(named, Named)

    def test_run_of_the_base_class(self):
        path = self.make_path()
        extended = Extended(target=write, args=(path, 1), context=self.forkserver)
        extended.start()
        extended.join(DEADLINE)
        self.assertEqual((self.read(path)[0], extended.exitcode), ((1,), 5))

    def test_local_subclass_is_refused(self):
        class Local(Mp.Process):
            def run(self):
                pass
        with self.assertRaisesRegex(TypeError, 'Local.*move it to the top of a module'):
            Local()


class Lives(ProcessCase):
    def test_states(self):
        process = self.make(target=hang, name='sleeper')
        self.assertEqual((process.pid, process.exitcode, process.is_alive()), (None, None, False))
        self.assertEqual(str(process), "<Mp.Process name='sleeper' initial>")
        with self.assertRaises(Mp.InvalidState):
            process.join()
        with self.assertRaises(ValueError):
            process.sentinel
        process.start()
        self.assertEqual(process.ident, process.pid)
        self.assertRegex(repr(process), f"^<Mp.Process name='sleeper' pid={process.pid} start(ing|ed)>$")
        self.assertIn(process, Mp.active_children())
        self.assertTrue(process.is_alive())
        self.assertIsNone(process.exitcode)
        with self.assertRaises(Mp.InvalidState):
            process.start()
        with self.assertRaises(ValueError):
            process.daemon = True
        with self.assertRaises(ValueError):
            process.close()
        self.assertFalse(process.join(0))
        self.assertFalse(process.join(timeout=0.01))
        process.kill()
        self.assertTrue(process.join(DEADLINE))
        self.assertEqual((process.exitcode, process.is_alive()), (-9, False))
        self.assertNotIn(process, Mp.active_children())
        process.close()
        with self.assertRaises(ValueError):
            process.join()

    def test_ends_of_a_daemon(self):
        process = self.make(target=hang, name='worker', daemon=True)
        self.assertEqual(repr(process), "<Mp.Process name='worker' initial daemon>")
        process.start()
        self.assertRegex(repr(process), f"^<Mp.Process name='worker' pid={process.pid} start(ing|ed) daemon>$")
        process.kill()
        for _ in range(2):
            self.assertTrue(process.join(DEADLINE))
        self.assertEqual(repr(process),
                         f"<Mp.Process name='worker' pid={process.pid} stopped (signal 9 (SIGKILL)) daemon>")

    def test_current_process_is_no_child(self):
        with self.assertRaises(Mp.InvalidState):
            Mp.current_process().join(0)
        self.assertEqual(Mp.current_process().pid, os.getpid())
        self.assertLessEqual(Mp.get_cpu_count(), os.cpu_count())

    def test_one_name_for_two(self):
        for _ in range(2):
            self.assertEqual(self.run_process(target=leave, args=(4,), name='twin').exitcode, 4)

    def test_named_interpreter(self):
        launcher = Mp.Launcher(language='python', argv=[sys.executable, '-m', 'mpglib.worker'])
        process = self.run_process(target=leave, args=(5,), context=Mp.Context('spawn', launcher))
        self.assertEqual(process.exitcode, 5)

    def test_forked_process_owns_nothing(self):
        process = self.make(target=hang)
        process.start()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                process.kill()
            except Mp.ProcessError as error:
                status = 0 if error.code == Mp.Error.FORKED else 2
            finally:
                os._exit(status)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        self.assertTrue(process.is_alive())
        process.kill()
        self.assertTrue(process.join(DEADLINE))

    def test_exit_codes(self):
        for code, wanted in ((None, 0), (0, 0), (7, 7), (-1, 255), ('text', 1)):
            with self.subTest(code):
                self.assertEqual(self.run_process(target=leave, args=(code,)).exitcode, wanted)

    def test_signals_of_the_system(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
            for name, context in self.contexts.items():
                with self.subTest(number=number, method=name):
                    process = self.run_process(target=die, args=(number,), context=context)
                    self.assertEqual(process.exitcode, -number)
                    with self.assertRaisesRegex(Mp.ProcessError, f'signal {int(number)} '):
                        process.check()

    def test_terminate_and_interrupt(self):
        process = self.make(target=hang)
        process.start()
        process.terminate()
        self.assertTrue(process.join(DEADLINE))
        self.assertEqual(process.exitcode, -signal.SIGTERM)
        paths = self.make_path(), self.make_path()
        for path in paths:
            os.mkfifo(path)
        process = self.make(target=report_interrupt, args=paths)
        process.start()
        self.assertEqual(self.read(paths[0])[0], ('ready',))
        process.interrupt()
        self.assertEqual(self.read(paths[1])[0], ('interrupted',))
        self.assertTrue(process.join(DEADLINE))
        self.assertEqual(process.exitcode, 1)
        with self.assertRaisesRegex(Mp.RemoteError, 'KeyboardInterrupt'):
            process.check()

    def test_signals_reach_a_start_that_hangs(self):
        first = self.make(target=hang)
        first.start()
        with open(f'/proc/{first.pid}/stat') as file:
            template = int(file.read().rpartition(')')[2].split()[1])
        self.assertNotEqual(template, os.getpid())
        calls = []

        def ring(number, frame):
            calls.append(number)
            if len(calls) == 3:         # until then the start goes on
                raise KeyboardInterrupt

        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, ring))
        process = self.make(target=hang)
        os.kill(template, signal.SIGSTOP)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
            with self.assertRaises(KeyboardInterrupt):
                process.start()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            os.kill(template, signal.SIGCONT)
        self.assertTrue(process.join(DEADLINE))
        self.assertEqual(process.exitcode, -signal.SIGKILL)
        first.kill()
        first.join(DEADLINE)

    def test_sentinel(self):
        process = self.make(target=hang)
        process.start()
        self.assertEqual(select.select([process.sentinel], [], [], 0)[0], [])
        process.kill()
        self.assertTrue(select.select([process.sentinel], [], [], DEADLINE)[0])
        process.join(DEADLINE)
        self.assertTrue(select.select([process.sentinel], [], [], 0)[0])
        process = self.run_process()
        self.assertTrue(select.select([process.sentinel], [], [], 0)[0])    # asked for only afterwards
        process.close()

    def test_signals_of_the_object(self):
        seen = []
        process = self.make(target=leave, args=(3,))
        process.connect('started', lambda process: seen.append('started'))
        process.connect('exited', lambda process, code: seen.append(code))
        process.start()
        run_loop(lambda: 3 in seen)
        self.assertEqual(seen, ['started', 3])

    def test_callbacks(self):
        seen = []

        def on_joined(process, result):
            seen.append(process.join_finish(result))

        def on_started(process, result):
            seen.append(process.start_finish(result))
            process.join_async(-1, None, on_joined)

        process = self.make(target=leave, args=(0,))
        process.start_async(None, on_started)
        run_loop(lambda: len(seen) == 2)
        self.assertEqual(seen, [True, True])

    def test_awaiting(self):
        async def run(process):
            self.assertFalse(process.is_alive())
            self.assertTrue(await process.start_async())
            self.assertFalse(await process.join_async(0.01))
            process.kill()
            self.assertTrue(await process.join_async(DEADLINE))
            self.assertEqual(process.exitcode, -signal.SIGKILL)

        async def fail(process):
            await process.start_async()

        for run_all in asyncio.run, Mp.run:
            run_all(run(self.make(target=hang)))
            with self.assertRaisesRegex(Mp.NoTarget, "no module 'nowhere'"):
                run_all(fail(self.make(target='python:nowhere:f')))

    def test_awaiting_shutdown(self):
        async def run():
            process = self.make(target=leave, args=(0,))
            process.start()
            await asyncio.create_task(Mp.shutdown_async(DEADLINE))
            self.assertEqual(process.exitcode, 0)

        asyncio.run(run())

    def test_object_lives_as_long_as_the_process(self):
        seen = []
        process = Extended(target=leave, args=(4,), context=self.forkserver)
        process.connect('exited', lambda process, code: seen.append((type(process), code)))
        process.start()
        del process
        run_loop(lambda: seen)
        self.assertEqual(seen, [(Extended, 4)])


class Launchers(ProcessCase):
    def test_launchers_that_were_dropped(self):
        launcher = Mp.Launcher(language='python', argv=_launcher.make_command())
        process = Mp.Process(target=abs, args=(1,), context=Mp.Context('spawn', launcher))
        process.start()
        process.join()
        reference = weakref.ref(launcher)
        del launcher, process
        gc.collect()
        self.assertIsNone(reference())


class Signals(ProcessCase):
    def test_signals_that_another_thread_gets(self):
        """The kernel gives a signal to any thread that lets it in, in the moment when the main thread does not."""
        process = Mp.Process(target=hang, context=self.forkserver)
        process.start()
        self.addCleanup(process.join)
        self.addCleanup(process.kill)
        is_over = threading.Event()
        bystander = threading.Thread(target=is_over.wait)
        bystander.start()
        self.addCleanup(bystander.join)
        self.addCleanup(is_over.set)
        kill = ctypes.CDLL(None).kill

        def interrupted_join(*args):
            kill(os.getpid(), signal.SIGUSR1)
            super(Mp.Process, process).join(*args)

        def handle(number, frame):
            handled.append(threading.current_thread())
            raise Handled

        class Handled(Exception):
            pass

        self.addCleanup(signal.signal, signal.SIGUSR1, signal.signal(signal.SIGUSR1, handle))
        for _ in range(200):
            handled = []
            with self.assertRaises(Handled):
                _calls.wait(interrupted_join, timeout=DEADLINE)
            self.assertEqual(handled, [threading.main_thread()])


class Failures(ProcessCase):
    def test_exception_of_the_target(self):
        for name, context in self.contexts.items():
            with self.subTest(name):
                process = self.run_process(target=fail, args=('lost', 2), context=context)
                self.assertEqual(process.exitcode, 1)
                with self.assertRaises(LookupError) as caught:
                    process.check()
                self.assertEqual(caught.exception.args, ('lost', 2))
                self.assertIn('in fail', str(caught.exception.__cause__))
                self.assertNotIn('_worker.py', str(caught.exception.__cause__))

    def test_exception_that_cannot_be_sent(self):
        process = self.run_process(target=fail_unsendably)
        with self.assertRaisesRegex(Mp.RemoteError, 'Unsendable: holds a lock') as caught:
            process.check()
        self.assertRegex(caught.exception.remote_type, 'Unsendable$')
        self.assertIn('in fail_unsendably', str(caught.exception.__cause__))

    def test_what_cannot_be_a_target(self):
        with self.assertRaisesRegex(TypeError, 'lambda'):
            Mp.Process(target=lambda: 1)
        with self.assertRaisesRegex(TypeError, 'not callable'):
            Mp.Process(target=3)
        with self.assertRaisesRegex(ValueError, "^'' names no function"):
            Mp.Process(target='')

    def test_arguments_that_cannot_be_sent(self):
        process = self.make(target=write, args=('x', [threading.Lock()]))
        with self.assertRaisesRegex(pickle.PicklingError, r'value\[0\]\[1\]\[0\].*lock'):
            process.start()
        self.assertEqual(process.get_state(), Mp.ProcessState.INITIAL)
        with self.assertRaisesRegex(TypeError, 'keyword'):
            Mp.Process(target='lib.so#function', kwargs={'a': 1}).start()

    def assertNotStarted(self, error, pattern, target, context=None, args=()):
        """join() and start_finish() tell what is wrong with a target, within a second or two."""
        process = self.make(target=target, args=args, context=context)
        began = time.monotonic()
        with self.assertRaisesRegex(error, pattern) as caught:
            process.start()
            process.join()
        self.assertLess(time.monotonic() - began, 5)
        failures = []

        def on_started(process, result):
            try:
                process.start_finish(result)
            except Exception as error:
                failures.append(error)

        self.make(target=target, args=args, context=context).start_async(None, on_started)
        run_loop(lambda: failures)
        with self.assertRaisesRegex(error, pattern):
            raise failures[0]
        return caught.exception

    def test_targets_that_are_missing(self):
        for name, context in self.contexts.items():
            with self.subTest(name):
                self.assertNotStarted(Mp.NoTarget, "no module 'nowhere'", 'python:nowhere:f', context)
                self.assertNotStarted(Mp.NoTarget, 'module os has no nothing', 'python:os:nothing', context)
                self.assertNotStarted(Mp.NoTarget, 'not callable', 'python:os:path', context)

    def make_module(self, text):
        folder = self.make_folder()
        with open(os.path.join(folder, 'damaged.py'), 'w') as file:
            file.write(text)
        sys.path.insert(0, folder)
        self.addCleanup(sys.path.remove, folder)

    def test_module_that_fails_when_it_is_imported(self):
        self.make_module('1 / 0')
        error = self.assertNotStarted(Mp.NoTarget, 'damaged fails when it is imported: ZeroDivisionError',
                                      'python:damaged:f')
        self.assertIn('1 / 0', str(error.__cause__))

    def test_module_that_leaves(self):
        self.make_module('import sys; sys.exit(3)')
        self.assertNotStarted(Mp.NoTarget, 'damaged fails when it is imported: SystemExit', 'python:damaged:f')

    def test_child_that_ends_before_it_is_ready(self):
        for text, pattern in (('import os; os._exit(3)', 'exit code 3'),
                              ('import os; os.kill(os.getpid(), 11)', 'signal 11')):
            self.make_module(text)
            for name, context in self.contexts.items():
                with self.subTest(pattern, method=name):
                    self.assertNotStarted(Mp.StartFailed, pattern, 'python:damaged:f', context)

    def test_child_that_hangs_before_it_is_ready(self):
        self.make_module('import signal\nwhile True: signal.pause()')
        for name, context in self.contexts.items():
            with self.subTest(name):
                context.set_hello_timeout(0.5)
                self.addCleanup(context.set_hello_timeout, 30)
                self.assertNotStarted(Mp.StartFailed, 'not ready|ready within|did not',
                                      'python:damaged:f', context)

    def test_missing_interpreter(self):
        launcher = Mp.Launcher(language='python', argv=['/nonexistent/python3', '-m', 'mpglib.worker'],
                               has_template=True)
        for method in self.contexts:
            with self.subTest(method):
                self.assertNotStarted(Mp.StartFailed, '/nonexistent/python3', hang, Mp.Context(method, launcher))

    def test_worker_program_that_is_none(self):
        launcher = Mp.Launcher(language='python', argv=['/bin/true'], has_template=True)
        for method in self.contexts:
            with self.subTest(method):
                self.assertNotStarted(Mp.StartFailed, 'exit code 0|template process died', hang,
                                      Mp.Context(method, launcher))

    def test_target_of_another_language(self):
        self.assertNotStarted(Mp.ProcessError, 'native', 'square', self.spawn)


if __name__ == '__main__':
    unittest.main()
