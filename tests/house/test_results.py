# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What is said of the results of many tests: nothing that failed is passed over."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

COUNT_RESULTS, = sys.argv[1:]

ROWS = (
    {'name': 'good', 'result': 'OK', 'returncode': 0, 'stdout': 'ok 1 /good\n'},
    {'name': 'left out', 'result': 'SKIP', 'returncode': 77},
    {'name': 'bad', 'result': 'ERROR', 'returncode': 1, 'stdout': 'ok 1 /a\nnot ok 2 /b\n', 'stderr': 'it broke\n'},
)


def run(*rows):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'log.json')
        with open(path, 'w', encoding='utf-8') as log:
            log.writelines(json.dumps(row) + '\n' for row in rows)
        command = [sys.executable, COUNT_RESULTS, f'some={path}', f'same={path}']
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, done.stdout.splitlines()


class Results(unittest.TestCase):
    def test_good(self):
        status, lines = run(*ROWS[:2])
        self.assertEqual((status, lines[-1]), (0, '2 passed, 0 failed'))
        self.assertIn('some: skipped: left out', lines)

    def test_bad(self):
        """Its last words stand before the rows, and only what did not pass."""
        status, lines = run(*ROWS)
        self.assertEqual((status, lines[-1]), (1, '2 passed, 2 failed'))
        self.assertEqual(lines[:3], ['== some: bad: exit status 1', 'stdout: not ok 2 /b', 'stderr: it broke'])
        self.assertIn('same: ERROR: bad', lines)

    def test_none(self):
        """A build that broke left no test behind."""
        status, lines = run()
        self.assertEqual((status, lines[-1]), (1, '0 passed, 2 failed'))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
