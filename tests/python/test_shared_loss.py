# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Shared arrays and values of processes that die while they write, and of processes that are forked."""

import ctypes
import gc
import mmap
import os
import signal
import sys
import unittest
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from mp_case import DEADLINE, Mp  # noqa: E402
from shared_case import SharedCase  # noqa: E402

N = 100000


def forbid(shared, offset):
    """From there on a write ends this process, as a kill in the midst of it would."""
    libc = ctypes.CDLL(None, use_errno=True)
    page = (shared.get_address() + offset) & -mmap.PAGESIZE
    if libc.mprotect(ctypes.c_void_p(page), mmap.PAGESIZE, mmap.PROT_READ) != 0:
        raise OSError(ctypes.get_errno(), 'mprotect')


def die_in_slice(array):
    forbid(array, 8 * mmap.PAGESIZE)
    array[:] = [1] * len(array)


def die_in_raw(array):
    forbid(array, 8 * mmap.PAGESIZE)
    array.raw = b'x' * len(array)


def die_in_value(array):
    forbid(array, 8 * mmap.PAGESIZE)
    array.value = ('x' if array.get_format() == 'u' else b'x') * len(array)


class Loss(SharedCase):
    def kill(self, function, array):
        process = self.start(function, array)
        process.join(DEADLINE)
        self.assertLess(process.exitcode, 0)
        self.assertFalse(array.is_consistent())

    def test_torn_slice(self):
        for lock in (True, Mp.Lock()):
            array = Mp.Array('i', N, lock=lock)
            self.assertEqual(array[0], 0)       # what is kept of it does not hide the death
            self.kill(die_in_slice, array)
            for read in (lambda: array[0], lambda: array[-1], lambda: array[2:4], lambda: list(array), array.copy):
                with self.assertRaisesRegex(Mp.Abandoned, 'died while it wrote'):
                    read()
            self.assertIn('torn', repr(array))
            array[1] = 5                        # a part of it
            with self.assertRaises(Mp.Abandoned):
                array[1]
            self.assertEqual(array.view()[1], 5)
            array.mark_consistent()
            self.assertEqual(array[1], 5)
            self.kill(die_in_slice, array)
            array[:] = [7] * N
            self.assertEqual(array[N - 1], 7)

    def test_torn_characters(self):
        for letter, kill in (('c', die_in_raw), ('c', die_in_value), ('u', die_in_value)):
            text = Mp.Array(letter, N)
            self.kill(kill, text)
            for read in (lambda: text.value, lambda: text[0], lambda: text.raw if letter == 'c' else text.value):
                with self.assertRaises(Mp.Abandoned):
                    read()
            text[:] = (b'y' if letter == 'c' else 'y') * N
            self.assertEqual(len(text.value), N)


def die_with_lock(value):
    value.get_lock().acquire()
    os.kill(os.getpid(), signal.SIGKILL)


class Lock(SharedCase):
    def test_abandoned(self):
        """Who reads first is told, if only by a warning."""
        for lock in (True, Mp.Lock()):
            for shared, read in ((Mp.Value('i', 5, lock=lock), lambda: shared.value),
                                 (Mp.Array('i', [5], lock=lock), lambda: shared[0])):
                process = self.start(die_with_lock, shared)
                process.join(DEADLINE)
                with self.assertWarnsRegex(RuntimeWarning, 'a process died while it held <Mp'):
                    self.assertEqual(read(), 5)
                with warnings.catch_warnings():
                    warnings.simplefilter('error')
                    self.assertEqual(read(), 5)

                process = self.start(die_with_lock, shared)
                process.join(DEADLINE)
                with warnings.catch_warnings():
                    warnings.simplefilter('error')
                    self.assertRaises(RuntimeWarning, read)
                self.assertFalse(shared.get_lock().locked())


class Fork(SharedCase):
    def fork(self, look):
        """Forks; the child calls the function twice: before the parent has let everything go, and after."""
        ready, tell_ready = os.pipe()
        go, tell_go = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(tell_go)
                first = look()
                os.write(tell_ready, b'x')
                os.read(go, 1)
                status = 0 if look() == first else 2
            finally:
                os._exit(status)
        self.assertEqual(os.read(ready, 1), b'x')
        for fd in (ready, tell_ready, go):
            os.close(fd)
        return pid, tell_go

    def test_repr_of_what_is_gone(self):
        """A process that was forked has it no longer than the one that made it, and says so."""
        held = [Mp.Value('i', 4)]
        answer, tell = os.pipe()
        go, tell_go = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(tell_go)
                os.read(go, 1)
                os.write(tell, repr(held[0]).encode())
            finally:
                os._exit(0)
        held.clear()
        os.close(tell), os.close(go)
        self.finish(pid, tell_go)
        with os.fdopen(answer) as told:
            self.assertRegex(told.read(), '^<Mp.Value i .The shared object is gone')

    def finish(self, pid, tell_go):
        gc.collect()
        others = [Mp.Array('i', [42] * 100) for _ in range(40)] + [Mp.Value('i', 42) for _ in range(100)]
        os.close(tell_go)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        for other in others:
            self.assertEqual(other[0] if hasattr(other, '__len__') else other.value, 42)

    def test_elements(self):
        array, value = Mp.Array('i', [1] * 100), Mp.Value('i', 1)
        self.assertEqual((array[0], value.value), (1, 1))       # now they keep where that is

        def look():
            array[1] += 0
            return array[0], array[1], value.value

        pid, tell_go = self.fork(look)
        del array, value, look
        self.finish(pid, tell_go)

    def test_views(self):
        array, raw, number = Mp.Array('i', [1] * 100), Mp.RawArray('i', [1] * 100), Mp.RawValue('i', 1)
        view = array.view()

        def look():
            view[1] = view[1]
            raw[1] = raw[1]
            return view[0], raw[0], number.value, array.__array_interface__['data'][0]

        pid, tell_go = self.fork(look)
        del array, raw, number, view, look
        self.finish(pid, tell_go)

    def test_too_late(self):
        """Who has a view of what is gone is told."""
        program = self.start_program("""
            import gc
            import os
            import sys

            array = Mp.Array('i', [1] * 100)
            view = array.view()
            pid = os.fork()
            if pid == 0:
                try:
                    array[0]
                except Mp.Stale:
                    print('stale', flush=True)
                os._exit(0)
            del array, view
            gc.collect()
            os.close(tell)
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            """, before=LATE)
        output, errors = program.communicate(timeout=DEADLINE)
        self.assertEqual((output, program.returncode), ('stale\n', 0), errors)
        self.assertIn('RuntimeWarning: this process was forked from one that gave Array back', errors)


# The hook of a program that has the child of its fork wait before that of the library.
LATE = """
import os
gone, tell = os.pipe()


def wait_for_parent():
    os.close(tell)
    os.read(gone, 1)


os.register_at_fork(after_in_child=wait_for_parent)
"""

if __name__ == '__main__':
    unittest.main()
