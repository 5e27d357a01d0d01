# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""One of the programs docs/examples/checksums.* prints what sha256sum prints, and leaves nothing behind.

    test_checksums.py PROGRAM [ARGUMENT...]     what begins every command
"""

import ctypes
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM, *OPTIONS = sys.argv[1:]
COMMAND = [os.path.abspath(PROGRAM), *OPTIONS]

# Seconds for what takes one or two, on a machine with much else to do.
DEADLINE = 60

PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
libc = ctypes.CDLL(None, use_errno=True)


def prctl(option, value):
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'prctl')


def obey_permissions():
    """Lets a program that root starts read no more than its modes allow."""
    if os.geteuid() == 0:
        prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)
        prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH)


def list_files(*folders):
    """The regular files below the folders, as find would print them, sorted as bytes."""
    found = []
    for folder in folders:
        if not os.path.isdir(folder):
            found.append(os.fsencode(folder))
        for path, _, names in os.walk(os.fsencode(folder)):
            found += [os.path.join(path, name) for name in names]
    return sorted(path for path in found if os.path.isfile(path) and not os.path.islink(path))


def sha256sum(*folders):
    paths = list_files(*folders)
    if not paths:
        return b''
    return subprocess.run(['sha256sum', '--', *paths], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


class Checksums(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Whatever the program leaves running becomes a child of this process.
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        scratch = tempfile.TemporaryDirectory(prefix='mpglib-checksums-')
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = scratch.name

    def setUp(self):
        folder = tempfile.mkdtemp(dir=self.scratch)
        self.addCleanup(os.chdir, os.getcwd())
        self.addCleanup(shutil.rmtree, folder)
        os.chdir(folder)

    def tearDown(self):
        """What was started has ended, or does so now, and not by anybody's mercy."""
        signal.signal(signal.SIGALRM, lambda *_: self.fail('processes are left behind'))
        signal.alarm(DEADLINE)
        try:
            while True:
                os.wait()
        except ChildProcessError:
            pass
        finally:
            signal.alarm(0)

    @staticmethod
    def write(name, content=b'', mode=0o644):
        path = os.fsencode(name)
        os.makedirs(os.path.dirname(path) or b'.', exist_ok=True)
        with open(path, 'wb') as file:
            file.write(content)
        os.chmod(path, mode)

    def run_program(self, *arguments, **options):
        return subprocess.run([*COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=DEADLINE, **options)

    def check(self, *folders, options=()):
        """Runs the program, which is to find no fault."""
        done = self.run_program(*options, *folders)
        self.assertEqual(done.stderr, b'')
        self.assertEqual(done.stdout, sha256sum(*folders))
        self.assertEqual(done.returncode, 0)
        return done.stdout

    def make_tree(self, root='tree'):
        for name, content in {
            'a': b'a',
            'empty': b'',
            'large': os.urandom(5_000_000),
            # Sorted by bytes of the whole path, these are not in the order of a walk.
            'b/c': b'1', 'b-c': b'2', 'b.c': b'3', 'B': b'4', 'b': None,
            'deep/er/and/deeper': b'deep',
            'two words': b' ',
            '-n': b'no option',
            'café': 'é'.encode(),
            '100%25 #?': b'%',
            'back\\slash': b'\\',
            'line\nbreak': b'\n',
            'return\rcarriage': b'\r',
            '\\': b'',
            'dir\nwith\\both/file': b'both',
        }.items():
            if content is not None:
                self.write(f'{root}/{name}', content)
        self.write(os.fsencode(root) + b'/not \xff utf-8 \xc3', b'bytes')
        for i in range(300):
            self.write(f'{root}/many/{i % 7}/{i}', b'%d' % i)
        os.mkdir(f'{root}/nothing')
        os.mkfifo(f'{root}/fifo')
        os.symlink('a', f'{root}/link')
        os.symlink('deep', f'{root}/link-to-folder')
        os.symlink('.', f'{root}/loop')
        os.symlink('nowhere', f'{root}/dangling')

    def test_tree(self):
        self.make_tree()
        lines = self.check('tree')
        for options in ['--workers=1'], ['--workers=3']:
            with self.subTest(options):
                self.check('tree', options=options)
        self.assertIn(b'tree/not \xff utf-8 \xc3\n', lines)
        self.assertRegex(lines, rb'(?m)^\\[0-9a-f]{64}  tree/line\\nbreak$')

    def test_folders(self):
        """Names are below the folder as it was given."""
        self.make_tree('one')
        self.write('two/file', b'2')
        self.write('single', b'1')
        os.symlink('one', 'link')
        for folders in ['two', 'one'], ['one/'], ['./two'], ['../' + os.path.basename(os.getcwd()) + '/two'], \
                [os.path.abspath('two')], ['two', 'two'], ['single', 'two'], ['one/nothing'], ['one/fifo']:
            with self.subTest(folders):
                self.check(*folders)
        # As find does, and not as os.walk() would.
        self.assertEqual(self.run_program('link').stdout, b'')

    def check_failure(self, done, path, reason):
        """The program goes on behind a fault, as sha256sum does, and says so."""
        lines = [line for line in done.stderr.decode().splitlines() if line.startswith(f'checksums: {path}: ')]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertIn(reason, lines[0])
        self.assertEqual(done.returncode, 1)

    def test_unreadable_file(self):
        for i in range(20):
            self.write(f'tree/{i}', b'%d' % i)
        expected = sha256sum('tree')
        self.write('tree/10a', b'secret', mode=0)
        self.write('tree/9a', b'secret', mode=0)
        done = self.run_program('tree', preexec_fn=obey_permissions)
        self.assertEqual(done.stdout, expected)
        self.check_failure(done, 'tree/10a', 'Permission denied')
        self.check_failure(done, 'tree/9a', 'Permission denied')
        self.assertEqual(len(done.stderr.splitlines()), 2, done.stderr)

    def test_unreadable_content(self):
        """Opening is not all that can fail: nobody can read memory at address 0."""
        self.write('tree/file', b'1')
        memory = f'/proc/{os.getpid()}/mem'
        done = self.run_program('tree', memory)
        self.assertEqual(done.stdout, sha256sum('tree'))
        self.check_failure(done, memory, 'Input/output error')

    def test_unreadable_folder(self):
        self.write('tree/file', b'1')
        expected = sha256sum('tree')
        self.write('tree/closed/file', b'2')
        os.chmod('tree/closed', 0)
        self.addCleanup(os.chmod, 'tree/closed', 0o755)
        done = self.run_program('tree', preexec_fn=obey_permissions)
        self.assertEqual(done.stdout, expected)
        self.check_failure(done, 'tree/closed', 'Permission denied')

    def test_missing_folder(self):
        self.write('tree/file', b'1')
        done = self.run_program('tree', 'nowhere')
        self.assertEqual(done.stdout, sha256sum('tree'))
        self.check_failure(done, 'nowhere', 'No such file or directory')

    def test_usage(self):
        for arguments in [], ['--workers=-1', '.'], ['--workers=many', '.'], ['--nonsense', '.']:
            with self.subTest(arguments):
                done = self.run_program(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, b''), done.stderr)
                self.assertIn(b'checksums', done.stderr)

    # --- on a terminal ---------------------------------------------------------------------------------------

    def start_on_terminal(self, *arguments):
        """Gives the process, whose controlling terminal it is, and the terminal's other end."""
        pid, terminal = pty.fork()
        if pid == 0:
            try:
                os.dup2(os.open('output', os.O_WRONLY | os.O_CREAT), 1)
                os.execvp(COMMAND[0], [*COMMAND, *arguments])
            finally:
                os._exit(127)
        self.addCleanup(os.close, terminal)
        return pid, terminal

    def read_terminal(self, terminal, until):
        """Reads up to what matches, or to the end."""
        deadline = time.monotonic() + DEADLINE
        text = b''
        while until is None or not re.search(until, text):
            if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                self.fail(f'not in time; read so far: {text}')
            try:
                text += os.read(terminal, 4096)
            except OSError:     # EIO: nobody has it open any more
                self.assertIsNone(until, text)
                break
        return text

    def test_progress_bar(self):
        self.make_tree()
        pid, terminal = self.start_on_terminal('tree')
        text = self.read_terminal(terminal, None)
        _, status = os.waitpid(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, text)
        bars, cleared, rest = text.rpartition(b'\r\x1b[K')
        self.assertEqual((cleared, rest), (b'\r\x1b[K', b''), text)
        self.assertRegex(bars, rb'^(\r\[#* *\] +\d+ %)*$')
        percents = [int(number) for number in re.findall(rb'\d+', bars)]
        self.assertEqual(percents, sorted(percents))
        with open('output', 'rb') as file:
            self.assertEqual(file.read(), sha256sum('tree'))

    def test_interrupt(self):
        """Ctrl-C ends the program and all of its workers, in the middle of their work."""
        for i in range(10):
            self.write(f'tree/a{i}', b'1')
        self.write('tree/z')
        # Nothing but zeros, but more than anybody reads in time.
        os.truncate('tree/z', 1 << 42)
        pid, terminal = self.start_on_terminal('--workers=2', 'tree')
        text = self.read_terminal(terminal, rb'[1-9]\d* %')
        os.write(terminal, b'\x03')
        text += self.read_terminal(terminal, None)
        _, status = os.waitpid(pid, 0)
        self.assertIn(os.waitstatus_to_exitcode(status), [-signal.SIGINT, 128 + signal.SIGINT], text)
        self.assertRegex(text, rb'^(\r\[#* *\] +\d+ %|\^C|\r\n|\r\x1b\[K)*$')
        self.assertEqual(os.stat('output').st_size, 0)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
