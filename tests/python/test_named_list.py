# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Lists that are found by their name, by Python's own class too."""

import asyncio
import errno
import fcntl
import os
import struct
import subprocess
import sys
import time
import unittest
from multiprocessing import resource_tracker, shared_memory

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from mp_case import DEADLINE, Mp  # noqa: E402
from shared_case import SharedCase  # noqa: E402

ITEMS = ['text', 3, -2.5, True, None, b'bytes', 'ä€', '', b'', -2 ** 63]
OTHERS = ['TEXT', None, True, 'new', 7, b'\0b', 'x', 1.5, 'seven..', 2 ** 63 - 1]
FORMAT = '8sqdxxxxxxx?xxxxxx?x8s8s8s8sq'

# Another Python, without this library.  Its tracker would unlink at its end what it has only opened.
STRANGER = '''
import sys
from multiprocessing import resource_tracker, shared_memory

items = shared_memory.ShareableList(name=sys.argv[1])
resource_tracker.unregister(items.shm._name, 'shared_memory')
assert list(items) == eval(sys.argv[2]), list(items)
for i, item in enumerate(eval(sys.argv[3])):
    items[i] = item
items.shm.close()
'''


F_OFD_SETLK = 37        # fcntl does not have it in every Python


def set_lock(descriptor, kind):
    """A lock of the kernel's on the whole file, as a list's."""
    fcntl.fcntl(descriptor, F_OFD_SETLK, struct.pack('hhqqi4x', kind, os.SEEK_SET, 0, 0, 0))


def replace_all(items, others):
    for i, item in enumerate(others):
        items[i] = item


def replace_all_of(name, others):
    replace_all(Mp.ShareableList(name=name), others)


def run_stranger(name, items, others):
    subprocess.run([sys.executable, '-c', STRANGER, name, repr(items), repr(others)], check=True, timeout=DEADLINE)


class NamedList(SharedCase):
    def make(self, items=ITEMS):
        made = Mp.ShareableList(items, name='')
        self.addCleanup(lambda: os.path.exists(f'/dev/shm/{made.name}') and made.shm.unlink())
        return made

    # Python's own finds it, or makes it; its tracker is told to leave it alone.
    def open_python(self, *args, **kwargs):
        items = shared_memory.ShareableList(*args, **kwargs)
        resource_tracker.unregister(items.shm._name, 'shared_memory')
        self.addCleanup(resource_tracker._resource_tracker._stop)
        self.addCleanup(items.shm.close)
        return items

    def test_names(self):
        items = self.make()
        same = Mp.ShareableList(name=items.name)
        self.assertEqual((list(same), len(same), same.format), (ITEMS, len(ITEMS), FORMAT))
        self.assertEqual((same.count(3), same.index(b'bytes'), None in same, 'none' in same), (1, 5, True, False))
        self.assertEqual((items.name, items.shm.name, type(items.shm)), (same.name, same.shm.name, Mp.SharedMemory))
        same[0] = 'other'
        self.assertEqual(items[0], 'other')
        with self.assertRaises(FileExistsError) as caught:
            Mp.ShareableList([], name=items.name)
        self.assertEqual(caught.exception.errno, errno.EEXIST)
        self.assertIn(f"name='{items.name}')", repr(same))
        items.shm.close()
        with self.assertRaises(Mp.Closed):
            items[0]
        items.shm.unlink()
        with self.assertRaises(FileNotFoundError):
            Mp.ShareableList(name=items.name)
        with self.assertRaises(FileNotFoundError):
            same.shm.unlink()
        self.assertEqual(same[0], 'other')

    def test_without_a_name(self):
        items = Mp.ShareableList(['a', 1])
        self.assertIsNone(items.name)
        with self.assertRaises(Mp.InvalidState):
            items.shm.name
        items.shm.close()
        items.shm.unlink()
        self.assertEqual(list(items), ['a', 1])

    def test_refusals(self):
        items = self.make(['text', b'1234567'])
        for error, change in (
            (ValueError, lambda: items.__setitem__(0, '123456789')),
            (OverflowError, lambda: items.__setitem__(0, 2 ** 63)),
            (TypeError, lambda: items.__setitem__(0, [])),
            (IndexError, lambda: items[2]),
            (ValueError, lambda: Mp.ShareableList(name='')),
            (ValueError, lambda: Mp.ShareableList(name='a/b')),
            (ValueError, lambda: Mp.ShareableList([bytes(9999992)], name='')),
            (ValueError, lambda: items.index('nothing')),
        ):
            with self.assertRaises(error):
                change()
        # Zeros at the end get lost, as Python has it.
        items[1] = b'12\0\0'
        self.assertEqual(items[1], b'12')

    def test_other_processes(self):
        items = self.make()
        self.run_child(replace_all_of, items.name, OTHERS)
        self.assertEqual(list(items), OTHERS)
        self.run_child(replace_all, items, ITEMS)
        self.assertEqual(list(items), ITEMS)

    def test_python_finds_ours(self):
        items = self.make()
        theirs = self.open_python(name=items.name)
        self.assertEqual((list(theirs), len(theirs), theirs.format), (ITEMS, len(ITEMS), FORMAT))
        replace_all(theirs, OTHERS)
        self.assertEqual((list(items), items.format), (OTHERS, theirs.format))
        replace_all(items, ITEMS)
        self.assertEqual(list(theirs), ITEMS)
        run_stranger(items.name, ITEMS, OTHERS)
        self.assertEqual(list(items), OTHERS)

    def test_ours_finds_python_s(self):
        theirs = self.open_python([*ITEMS, 'end'])
        items = Mp.ShareableList(name=theirs.shm.name)
        self.addCleanup(items.shm.unlink)
        self.assertEqual((list(items), items.format), ([*ITEMS, 'end'], theirs.format))
        replace_all(items, OTHERS)
        self.assertEqual((list(theirs), theirs.format), ([*OTHERS, 'end'], items.format))
        replace_all(theirs, ITEMS)
        self.assertEqual(list(items), [*ITEMS, 'end'])
        run_stranger(items.name, [*ITEMS, 'end'], OTHERS)
        self.assertEqual(list(items), [*OTHERS, 'end'])

    def test_empty(self):
        for theirs in (self.open_python(), self.open_python([])):
            items = Mp.ShareableList(name=theirs.shm.name)
            self.assertEqual((list(items), items.format), ([], ''))
            items.shm.unlink()
        items = self.make([])
        self.assertEqual((list(self.open_python(name=items.name)), list(items)), ([], []))

    # Not as long as other threads wait, which is 10 seconds.
    async def expect_timeout(self, items):
        begun = time.monotonic()
        with self.assertRaises(Mp.TimeoutError):
            items[0]
        self.assertLess(time.monotonic() - begun, 5)
        self.assertTrue(Mp.thread_get_looping())

    def test_asyncio(self):
        items = self.make(['text', 7])
        holder = os.open(f'/dev/shm/{items.name}', os.O_RDWR)
        self.addCleanup(os.close, holder)
        set_lock(holder, fcntl.F_WRLCK)
        asyncio.run(self.expect_timeout(items))
        set_lock(holder, fcntl.F_UNLCK)
        self.assertEqual(items[0], 'text')
        self.assertFalse(Mp.thread_get_looping())


if __name__ == '__main__':
    unittest.main()
