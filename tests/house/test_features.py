# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The check of the feature list finds claims without a call or a test."""

import os
import unittest

from check_features import check

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
BUILT = '| PROC-01 | start | built | `mp_process_start()` | `start` | `start` | `start` | `test-error.c` |'
PLANNED = '| PROC-02 | join | planned, issue 1/9 | | | | | |'


class Features(unittest.TestCase):
    def check(self, *rows):
        return check('\n'.join(('# Features', '| ID | …', '| --- |') + rows), {'mp_process_start'}, ROOT)

    def test_good_rows(self):
        self.assertEqual(self.check(BUILT, PLANNED), [])
        self.assertEqual(self.check(BUILT.replace('| built |', '| partly |').replace('| `start` |', '| |', 1)), [])

    def test_breaches(self):
        for rows, wanted in [
            ((PLANNED,), 'PROC-02: follows PROC-00'),
            ((BUILT, BUILT), 'PROC-01: follows PROC-01'),
            ((BUILT.replace('| `start` |', '| |', 1),), 'how is it called in Vala'),
            ((BUILT.replace('`test-error.c`', ''),), 'names no test'),
            ((BUILT.replace('error.c', 'nothing.c'),), 'there is no tests/test-nothing.c'),
            ((BUILT.replace('process_start', 'process_stop'),), 'mp_process_stop is not exported'),
            ((BUILT.replace('built', 'done'),), 'is no state'),
            ((BUILT.replace('| start |', '| |', 1),), 'does not say what it is'),
            ((BUILT.replace('| start |', '| a | b |', 1),), 'cells and not 8'),
            ((BUILT, PLANNED.replace('| |', '| `mp_process_start()` |', 1)), 'is planned and names calls'),
        ]:
            with self.subTest(wanted=wanted):
                found = self.check(*rows)
                self.assertEqual(len(found), 1, found)
                self.assertIn(wanted, found[0])


if __name__ == '__main__':
    unittest.main()
