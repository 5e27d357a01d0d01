# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Whole programs with processes: their end, Ctrl-C, and mistakes that are made with main modules."""

import os
import re
import select
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from mp_case import DEADLINE, MpCase, PRELUDE, wait_for_death  # noqa: E402


class Ends(MpCase):
    def test_program_waits_for_its_children(self):
        code, output, complaints = self.run_program('''
            import atexit

            def work():
                open('end').read()
                print('done')

            if __name__ == '__main__':
                os.mkfifo('end')
                Mp.Process(target=work).start()
                atexit.register(lambda: open('end', 'w').close())
                print('last line', flush=True)
            ''')
        self.assertEqual((code, output, complaints), (0, 'last line\ndone\n', ''))

    def test_daemons_do_not_hold_up_the_end(self):
        code, output, complaints = self.run_program('''
            def work():
                signal.pause()

            if __name__ == '__main__':
                process = Mp.Process(target=work, daemon=True)
                process.start()
                print(process.daemon, process.pid)
            ''')
        self.assertEqual((code, complaints), (0, ''))
        self.assertEqual(output.split()[0], 'True')
        wait_for_death(int(output.split()[1]))

    def test_failed_start_that_nobody_asked_about(self):
        code, output, complaints = self.run_program('''
            if __name__ == '__main__':
                Mp.Process(target='python:nowhere:f', name='lost').start()
            ''')
        self.assertEqual(output, '')
        self.assertRegex(complaints, r"^Mp-Message: [\d:.]+: lost: .*no module 'nowhere'.*\n$")

    def test_failed_start_whose_wait_was_given_up(self):
        code, output, complaints = self.run_program('''
            if __name__ == '__main__':
                process = Mp.Process(target='python:nowhere:f', name='lost')
                process.start_async(None, lambda *_: None)      # in a main context that does not run
            ''')
        self.assertEqual(output, '')
        self.assertRegex(complaints, "^lost: .*no module 'nowhere'.*\n$")

    def test_exit_functions_run_in_children(self):
        code, output, complaints = self.run_program('''
            import atexit

            def work():
                atexit.register(print, 'exit function')
                threading.Thread(target=lambda: (threading.main_thread().join(), print('thread'))).start()
                sys.stdout.write('target ')

            if __name__ == '__main__':
                for method in ('spawn', 'forkserver'):
                    process = Mp.Process(target=work, context=Mp.Context(method))
                    process.start()
                    process.join()
            ''')
        self.assertEqual((code, output, complaints), (0, 2 * 'target thread\nexit function\n', ''))

    def test_closed_streams(self):
        for closed in (1, 2):
            for method in ('spawn', 'forkserver'):
                with self.subTest(closed=closed, method=method):
                    code, output, complaints = self.run_program(f'''
                        import atexit

                        def work(code):
                            atexit.register(int)
                            sys.exit(code)

                        if __name__ == '__main__':
                            context, codes = Mp.Context({method!r}), []
                            for target in (print, work):
                                process = Mp.Process(target=target, args=(7,), context=context)
                                process.start()
                                process.join()
                                codes.append(process.exitcode)
                            with Mp.Pool(1, context=context, maxtasksperchild=1) as pool:
                                print(codes, pool.map(abs, [-1, -2]), file=sys.stdout or sys.stderr)
                        ''', preexec_fn=lambda: os.close(closed))
                    self.assertEqual(code, 0)
                    told, silent = (output, complaints) if closed == 2 else (complaints, output)
                    self.assertEqual((told.split('\n')[-2], silent), ('[0, 7] [1, 2]', ''))

    def test_children_of_children(self):
        code, output, complaints = self.run_program('''
            def leaf(depth):
                print(depth, Mp.current_process().name, flush=True)
                if depth:
                    process = Mp.Process(target=leaf, args=(depth - 1,))
                    process.start()
                    process.join()
                    assert process.exitcode == 0

            if __name__ == '__main__':
                leaf(2)
            ''')
        self.assertEqual((code, complaints), (0, ''))
        self.assertRegex(output, r'^2 MainProcess\n1 Process-\d\n0 Process-\d:\d\n$')

    def test_killed_program_takes_its_children_with_it(self):
        program = self.start_program('''
            def work():
                os.write(1, f'{os.getpid()}\\n'.encode())     # in one piece
                signal.pause()

            if __name__ == '__main__':
                for method in ('spawn', 'forkserver'):
                    Mp.Process(target=work, context=Mp.Context(method)).start()
                signal.pause()
            ''')
        pids = [int(program.stdout.readline()) for _ in range(2)]
        program.kill()
        program.communicate()
        for pid in pids:
            wait_for_death(pid)


class Silence(MpCase):
    """Of a child that cannot begin a program hears that waits for what it would have done."""

    def wait_for_complaint(self, program, wanted):
        """What the program says up to the line that has it, while it waits."""
        fd, complaints = program.stderr.fileno(), b''
        while not re.search(wanted + r'.*\n', complaints.decode()):
            if not select.select([fd], [], [], DEADLINE)[0]:
                self.fail(f'it says nothing of {wanted} but {complaints}')
            chunk = os.read(fd, 4096)
            self.assertNotEqual(chunk, b'', complaints)
            complaints += chunk
        return complaints.decode()

    def check_is_told(self, text, wanted, folder=None):
        """That the program says so once: while it waits, as it does until its input ends."""
        program = self.start_program(text, folder=folder, stdin=subprocess.PIPE)
        self.addCleanup(program.stdin.close)
        complaints = self.wait_for_complaint(program, wanted)
        self.assertRegex(complaints, r"\AMp-Message: [\d:.]+: ('Process-1' |Process-1: )")
        output, rest = program.communicate(timeout=DEADLINE)
        self.assertEqual((program.returncode, output, rest.strip()), (0, 'over\n', ''))

    def test_missing_guard_and_a_wait(self):
        for method in ('spawn', 'forkserver'):
            with self.subTest(method):
                self.check_is_told(f'''
                    def work(queue):
                        queue.put('works')

                    queue = Mp.Queue()
                    Mp.Process(target=work, args=(queue,), context=Mp.Context({method!r})).start()
                    threading.Thread(target=lambda: (sys.stdin.read(), queue.put('over'))).start()
                    print(queue.get())
                    ''', "if __name__ == '__main__':")

    def test_missing_guard_and_a_listener(self):
        self.check_is_told('''
            def work(address):
                Mp.Client(address).send('works')

            listener = Mp.Listener()
            Mp.Process(target=work, args=(listener.address,)).start()
            threading.Thread(target=lambda: (sys.stdin.read(), Mp.Client(listener.address).send('over'))).start()
            print(listener.accept().recv())
            ''', "if __name__ == '__main__':")

    def test_what_cannot_be_imported(self):
        folder = self.make_folder()
        modules = {
            'ending': "import os; os._exit(7)",
            'failing': "raise ValueError('no luck')",
            # Its process does not end, since Python waits for the thread.
            'lingering': "import signal, threading; threading.Thread(target=signal.pause).start(); 1 / 0",
        }
        for name, text in modules.items():
            with open(os.path.join(folder, f'{name}.py'), 'w') as file:
                file.write(text)
        wanted = {
            'python:nowhere:work': "no module 'nowhere'",
            'python:os:nothing': "nothing",
            'python:failing:work': 'ValueError: no luck',
            'python:lingering:work': 'ZeroDivisionError',
            'python:ending:work': 'ended with exit code 7 before it was ready',
            '/nonesuch.so#work': '/nonesuch.so',
        }
        for target, words in wanted.items():
            for method in ('spawn', 'forkserver'):
                with self.subTest(target, method=method):
                    self.check_is_told(f'''
                        if __name__ == '__main__':
                            queue = Mp.Queue()
                            launcher = Mp.Launcher.lookup('python' if 'python' in {target!r} else 'native')
                            context = Mp.Context({method!r}, launcher=launcher)
                            Mp.Process(target={target!r}, context=context, daemon=True).start()
                            threading.Thread(target=lambda: (sys.stdin.read(), queue.put('over'))).start()
                            print(queue.get())
                        ''', words, folder)

    def test_target_that_began_tells_by_itself(self):
        code, output, complaints = self.run_program('''
            def work():
                raise ValueError('late')

            if __name__ == '__main__':
                for method in ('spawn', 'forkserver'):
                    Mp.Process(target=work, context=Mp.Context(method)).start()
            ''')
        self.assertEqual((code, output), (0, ''))
        self.assertEqual((complaints.count('ValueError: late'), complaints.count('Mp-Message')), (2, 0), complaints)

    def test_who_has_the_error_is_not_told(self):
        """Who waits for the start, has a pool, or ends the child."""
        code, output, complaints = self.run_program('''
            import asyncio

            async def start(method):
                try:
                    await Mp.Process(target='python:nowhere:work', context=Mp.Context(method)).start_async()
                except Mp.NoTarget:
                    print('told')

            if __name__ == '__main__':
                for method in ('spawn', 'forkserver'):
                    asyncio.run(start(method))
                    try:
                        Mp.Pool(1, context=Mp.Context(method)).map('python:nowhere:work', [1])
                    except Mp.NoTarget:
                        print('told')
                    process = Mp.Process(target='python:signal:pause', context=Mp.Context(method))
                    process.start()
                    process.interrupt()
                    try:
                        process.join()
                    except Mp.RemoteError as error:      # it had not begun
                        assert 'KeyboardInterrupt' in str(error), error
            ''')
        self.assertEqual((code, output, complaints), (0, 4 * 'told\n', ''))


class Interrupts(MpCase):
    """Ctrl-C goes to the program alone, whose children are in process groups of their own."""

    def interrupt(self, text, wanted_output='', wanted=-signal.SIGINT):
        """Sends SIGINT when the program prints that it waits; it must end within half a second."""
        program = self.start_program(text, start_new_session=True)
        lines = []
        while 'waits' not in (lines[-1:] or [''])[0]:
            lines.append(program.stdout.readline())
            self.assertTrue(lines[-1], program.stderr.read() if not lines[-1] else '')
        time_of_signal = time.monotonic()
        os.killpg(program.pid, signal.SIGINT)
        output, complaints = program.communicate(timeout=DEADLINE)
        took = time.monotonic() - time_of_signal
        self.assertEqual((program.returncode, output), (wanted, wanted_output), complaints)
        # Half a second on a free machine; whoever else wants the processors adds to it.
        self.assertLess(took, 0.5 + os.getloadavg()[0])
        for line in lines:
            for word in line.split():
                if word.isdigit():
                    wait_for_death(int(word))
        return complaints

    def test_join(self):
        complaints = self.interrupt('''
            if __name__ == '__main__':
                process = Mp.Process(target=signal.pause)
                process.start()
                announce(process.pid)
                process.join()
            ''')
        self.assertEqual(complaints.count('Traceback'), 1)
        self.assertRegex(complaints, 'KeyboardInterrupt\n$')

    def test_exceptions_of_handlers(self):
        self.interrupt('''
            class Over(Exception):
                pass

            def handle(number, frame):
                raise Over(number)

            if __name__ == '__main__':
                process = Mp.Process(target=signal.pause)
                process.start()
                signal.signal(signal.SIGINT, handle)
                announce(process.pid)
                try:
                    process.join()
                except Over as error:
                    print(error.args, error.__cause__, sys.excepthook is sys.__excepthook__, hasattr(sys, 'last_type'))
                process.kill()
            ''', '(2,) None True False\n', 0)

    def test_queue(self):
        for wait in 'items.get()', 'items.put(1)':
            self.interrupt(f'''
                items = Mp.Queue(1)
                if 'put' in {wait!r}:
                    items.put(0)
                announce()
                {wait}
                ''')

    def test_interrupt_before_the_child_is_ready(self):
        self.interrupt('''
            if __name__ == '__main__':
                for method in ('spawn', 'forkserver'):
                    context = Mp.Context(method)
                    for _ in range(5):
                        process = Mp.Process(target=signal.pause, context=context)
                        process.start()
                        process.interrupt()
                        try:
                            process.join()
                        except Mp.ProcessError as error:
                            pass        # it had not come to its target
                        assert process.exitcode in (1, -2), process
                print('waits', flush=True)
                signal.pause()
            ''')

    def test_handler_that_returns_lets_the_wait_go_on(self):
        self.interrupt('''
            if __name__ == '__main__':
                process = Mp.Process(target=signal.pause)
                process.start()
                signal.signal(signal.SIGINT, lambda *_: (print('handled', flush=True), process.kill()))
                announce(process.pid)
                process.join()
                print(process.exitcode)
            ''', 'handled\n-9\n', 0)

    def test_end_of_the_program(self):
        complaints = self.interrupt('''
            if __name__ == '__main__':
                process = Mp.Process(target=signal.pause)
                process.start()
                import atexit
                atexit.register(announce, process.pid)
            ''', wanted=0)
        self.assertNotIn('Traceback', complaints)

    def test_pool(self):
        for call in ('pool.map(work, range(4))', 'pool.apply(work, (1,))', 'pool.map_async(work, [1]).wait()',
                     'list(pool.imap(work, range(4)))', '(pool.apply_async(work, (1,)), pool.close(), pool.join())',
                     'Mp.run(wait(pool.apply_async(work, (1,))))', 'asyncio.run(wait(pool.apply_async(work, (1,))))'):
            with self.subTest(call):
                complaints = self.interrupt(f'''
                    import asyncio

                    def work(x):
                        while True:
                            signal.pause()

                    def get_pid(x):
                        return os.getpid()

                    async def wait(result):
                        await result

                    if __name__ == '__main__':
                        with Mp.Pool(2) as pool:
                            pids = set(pool.map(get_pid, range(20)))
                            announce(*pids)
                            {call}
                    ''')
                self.assertRegex(complaints, 'KeyboardInterrupt\n$')

    def test_program_that_catches_it_does_not_wait_for_its_children(self):
        for call in ('process.join()', 'pool.apply(signal.pause)', 'Mp.run(wait_soon(Mp.wait_async([process])))'):
            with self.subTest(call):
                complaints = self.interrupt(f'''
                    async def wait_soon(something):
                        await something

                    if __name__ == '__main__':
                        pool = Mp.Pool(1)
                        pool.apply(os.getpid)
                        process = Mp.Process(target=signal.pause)
                        process.start()
                        announce(process.pid)
                        try:
                            {call}
                        except KeyboardInterrupt:
                            print('caught')
                        later = Mp.Process(target=print, args=('later',))
                        later.start()
                    ''', 'caught\nlater\n', 0)
                self.assertEqual(complaints, '')

    def test_child_that_has_not_come_to_its_target_ends_in_silence(self):
        code, output, complaints = self.run_program('''
            if __name__ == '__main__':
                processes = [Mp.Process(target=signal.pause) for _ in range(4)]
                for process in processes:
                    process.start()
                raise KeyboardInterrupt
            ''')
        self.assertEqual((code, output), (-signal.SIGINT, ''))
        self.assertRegex(complaints, r'\ATraceback .*\n( .*\n)+KeyboardInterrupt\n\Z')

    def test_main_loop(self):
        complaints = self.interrupt('''
            if __name__ == '__main__':
                process = Mp.Process(target=signal.pause)
                process.start()
                announce(process.pid)
                GLib.MainLoop().run()
            ''')
        self.assertRegex(complaints, 'KeyboardInterrupt\n$')


class MainModules(MpCase):
    def test_missing_guard(self):
        """A script that starts processes when it is imported: one clear error, and no chain of processes."""
        for method in ('spawn', 'forkserver'):
            with self.subTest(method):
                code, output, complaints = self.run_program(f'''
                    def work():
                        print('works')

                    print('runs as', __name__, flush=True)
                    process = Mp.Process(target=work, context=Mp.Context({method!r}))
                    process.start()
                    process.join()
                    ''')
                self.assertEqual((code, output), (1, 'runs as __main__\nruns as __mp_main__\n'), complaints)
                self.assertEqual(complaints.count('Mp.NoTarget') + complaints.count('errors.NoTarget'), 1, complaints)
                self.assertIn("if __name__ == '__main__':", complaints)

    def test_missing_guard_and_a_queue(self):
        """Who waits for the process, too, does not wait in vain for what it would have put."""
        code, output, complaints = self.run_program('''
            def work(queue):
                queue.put('works')

            queue = Mp.Queue()
            process = Mp.Process(target=work, args=(queue,))
            process.start()
            print(Mp.wait([queue, process]) == [process], flush=True)
            process.join()
            ''')
        self.assertEqual((code, output), (1, 'True\n'), complaints)
        self.assertEqual(complaints.count('errors.NoTarget'), 1, complaints)

    def test_missing_guard_with_a_pool(self):
        code, output, complaints = self.run_program('''
            def work(x):
                print('works')

            print('runs as', __name__, flush=True)
            Mp.Pool(2).map(work, range(20))
            ''')
        self.assertEqual(code, 1)
        self.assertEqual(output.count('runs as __main__\n'), 1)
        self.assertLessEqual(output.count('\n'), 3)
        self.assertEqual(complaints.count('errors.NoTarget'), 1, complaints)
        self.assertIn("if __name__ == '__main__':", complaints)

    def test_missing_guard_in_a_main_loop(self):
        """What runs the program runs in each worker, too: there the first process that it makes tells on it."""
        makers = {
            'pool': 'Mp.Pool(2).map_async(work, range(100), callback=leave, error_callback=leave)',
            'iterator': 'try: leave(list(Mp.Pool(2).imap(work, range(100))))\n'
                        '    except Exception as error: leave(error)',
            'process': 'process = Mp.Process(target=work)\n    process.start_async(None, on_start)',
        }
        for maker, make in makers.items():
            with self.subTest(maker):
                code, output, complaints = self.run_program(f'''
def work(x):
    print('works')

def leave(outcome):
    print(f'{{type(outcome).__name__}}: {{outcome}}; {{outcome.__cause__}}')
    loop.quit()

def on_start(process, outcome):
    try:
        leave(process.start_finish(outcome))
    except Exception as error:
        leave(error)

def go():
    {make}

loop = GLib.MainLoop()
GLib.idle_add(go)
loop.run()
''')
                self.assertEqual((code, complaints), (0, ''))
                self.assertRegex(output, r'(?s)^NoTarget: .*cannot import the main module .*program\.py: .*'
                                         r"under\n\n    if __name__ == '__main__':\n.*"
                                         r'Traceback .*program\.py", line \d+, in go\n.*\nRuntimeError: it starts')
                self.assertEqual(output.count('NoTarget'), 1)

    def test_main_loop_when_the_main_module_is_imported(self):
        code, output, complaints = self.run_program('''
            def work(x):
                print('works')

            loop = GLib.MainLoop()
            if __name__ == '__main__':
                context = Mp.Context(hello_timeout=3)
                pool = Mp.Pool(2, context=context)
                pool.map_async(work, range(100), error_callback=lambda error: (print(error), loop.quit()))
            loop.run()
            ''')
        self.assertEqual((code, complaints), (0, ''))
        self.assertRegex(output, r'Item 0: the main module .*program\.py was not loaded within 3 s .*: something '
                                 r'hangs .*loop\.run\(\), app\.run\(\) .* under `if __name__ == ')

    def test_modules_of_functions(self):
        """Theirs is the same fate; and the pool works on."""
        folder = self.make_folder()
        for name, text in {'hanging': 'signal.pause()', 'starting': 'Mp.Pool(1).map(abs, [1])', 'fine': ''}.items():
            with open(os.path.join(folder, f'{name}.py'), 'w') as file:
                file.write(f'import signal\nfrom gi.repository import Mp\n{text}\ndef work(x):\n    return -x\n')
        code, output, complaints = self.run_program('''
            if __name__ == '__main__':
                with Mp.Pool(2, context=Mp.Context(hello_timeout=3)) as pool:
                    for module in ('hanging', 'starting', 'fine'):
                        try:
                            print(pool.map(f'python:{module}:work', range(3)))
                        except Mp.NoTarget as error:
                            print(error)
            ''', folder=folder)
        self.assertEqual((code, complaints), (0, ''))
        self.assertRegex(output, r'(?s)^Item 0: module hanging was not loaded within 3 s [^\n]*\n'
                                 r'Item 0: module starting fails when it is imported: RuntimeError: it starts .*\n'
                                 r'\[0, -1, -2\]\n$')

    def test_interactive_pool(self):
        text = PRELUDE + 'def work(x):\n    pass\n\nMp.Pool(1).map(work, [1])\n'
        program = subprocess.run([sys.executable, '-c', text], text=True, capture_output=True, timeout=DEADLINE)
        self.assertEqual(program.returncode, 1)
        self.assertRegex(program.stderr, r'TypeError: work .*typed, piped or given with -c; put it into a file')

    def test_interactive(self):
        text = PRELUDE + 'def work():\n    pass\n\nMp.Process(target=work)\n'
        for arguments in ([], ['-c', text]):
            with self.subTest(arguments):
                program = subprocess.run([sys.executable, *arguments], input=text, text=True, capture_output=True,
                                         timeout=DEADLINE)
                self.assertEqual(program.returncode, 1)
                self.assertRegex(program.stderr, r'TypeError: work .*typed, piped or given with -c; put it into a file')

    def test_functions_of_modules_need_no_guard(self):
        code, output, complaints = self.run_program('''
            import shutil
            process = Mp.Process(target=print, args=('one', 2))
            process.start()
            process.join()
            ''')
        self.assertEqual((code, output, complaints), (0, 'one 2\n', ''))

    def test_isolated_interpreter(self):
        folder = self.make_folder()
        with open(os.path.join(folder, 'program.py'), 'w') as file:
            file.write('import sys\nsys.path[:0] = ' + repr(os.environ['PYTHONPATH'].split(os.pathsep)) + '\n'
                       + PRELUDE + 'def work():\n    print(sys.flags.isolated, sys.flags.optimize, sys.argv)\n'
                       "if __name__ == '__main__':\n"
                       "    process = Mp.Process(target=work)\n    process.start()\n    process.join()\n")
        program = subprocess.run([sys.executable, '-I', '-O', 'program.py', 'x'], cwd=folder, text=True,
                                 capture_output=True, timeout=DEADLINE)
        self.assertEqual((program.stdout, program.stderr), ("1 1 ['program.py', 'x']\n", ''))


if __name__ == '__main__':
    unittest.main()
