# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The check of the feature list finds claims without a call or a test."""

import os
import unittest

from check_features import check

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
TESTS = ('`test-error.c:/error/domain`, `vala/namespace.vala:/namespace/error`, '
         '`python/test_namespace.py:test_error_domain`, '
         '`js/testNamespace.js:errors have the domain and the codes of mpglib`')
BUILT = f'| PROC-01 | start | built | `mp_process_start()` | `start` | `start` | `start` | {TESTS} |'
PARTLY = BUILT.replace('| built |', '| partly: no stop, issue 3/9 |')
PLANNED = '| PROC-02 | join | planned, issue 1/9 | | | | | |'


class Features(unittest.TestCase):
    def check(self, *rows):
        return check('\n'.join(('# Features', '| ID | …', '| --- |') + rows), {'mp_process_start'}, ROOT)

    def test_good_rows(self):
        self.assertEqual(self.check(BUILT, PLANNED), [])
        self.assertEqual(self.check(BUILT.replace('| `start` |', '| — |', 1)), [])
        self.assertEqual(self.check(PARTLY.replace('| `start` |', '| |', 1)), [])

    def test_breaches(self):
        for rows, wanted in [
            ((PLANNED,), 'PROC-02: follows PROC-00'),
            ((BUILT, BUILT), 'PROC-01: follows PROC-01'),
            ((BUILT.replace('| `start` |', '| |', 1),), 'how is it called in Vala'),
            ((BUILT.replace('`vala/namespace.vala:/namespace/error`, ', ''),), 'which test shows it in Vala?'),
            ((BUILT.replace(TESTS, TESTS + ', `test-nothing.c:/error/domain`'),), 'there is no tests/test-nothing.c'),
            ((BUILT.replace('/domain', '/main'),), "tests/test-error.c has no test '/error/main'"),
            ((BUILT.replace(':/error/domain', ''),), "tests/test-error.c has no test ''"),
            ((BUILT.replace('test_error_domain', 'test_error'),), "has no test 'test_error'"),
            ((BUILT.replace('process_start', 'process_stop'),), 'mp_process_stop is not exported'),
            ((BUILT.replace('built', 'done'),), 'is no state'),
            ((BUILT.replace('built', 'partly'),), 'is no state'),
            ((PARTLY.replace(', issue 3/9', ''),), 'is no state'),
            ((PARTLY.replace('`mp_process_start()`', '—').replace('| `start`', '| '),), 'in which language?'),
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
