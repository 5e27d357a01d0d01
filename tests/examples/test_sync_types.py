# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The programs docs/examples/sync-types.* say the same, and leave no process behind.

    test_sync_types.py [-- COMMAND...]...
"""

import ctypes
import itertools
import os
import signal
import subprocess
import sys
import unittest

COMMANDS = [list(words) for is_mark, words in itertools.groupby(sys.argv[1:], lambda word: word == '--') if not is_mark]
DEADLINE = 60

PR_SET_CHILD_SUBREAPER = 36

REPORT = '''\
value: 0 at first
value: 10 behind the child
condition: 3 loaves are there
semaphore: 2 of 6 at once
join: the child runs
join: exit code 0
event: not set in a moment
event: set
values in the parent: 7, 2.5, 1 4 9, once
values in the child: 7, 2.5, 1 4 9, once
values in the parent: 14, 5.0, 2 8 18, twice
'''


def wait_for_orphans():
    """Whoever a program leaves behind is a child of ours, and ends by itself."""
    signal.alarm(DEADLINE)
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        signal.alarm(0)


class SyncTypes(unittest.TestCase):
    maxDiff = None

    def test_all_say_the_same(self):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.assertEqual(len(COMMANDS), 4)
        for command in COMMANDS:
            with self.subTest(command):
                done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
                self.assertEqual((done.stdout, done.stderr, done.returncode), (REPORT, '', 0))
                wait_for_orphans()


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
