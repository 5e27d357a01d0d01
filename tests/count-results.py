# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Sums the logs of several runs of `meson test`.

    count-results.py NAME=LOG.json...

Prints what failed and what was skipped, a line a run, and last the plain line
`N passed, N failed`. Exits with 1 when anything failed. A log that is missing
or holds no test is a failure too: its build broke.
"""

import json
import sys

PASSED = {'OK', 'EXPECTEDFAIL'}
SKIPPED = {'SKIP'}


def read_results(path):
    """Returns a list of (test, result), empty when there is no such log."""
    try:
        with open(path, encoding='utf-8') as log:
            rows = [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        return []
    return [(row['name'], row['result']) for row in rows]


def count(name, results):
    """Prints the row of one run; returns how many passed and failed."""
    passed = [test for test, result in results if result in PASSED]
    skipped = [test for test, result in results if result in SKIPPED]
    failed = [(test, result) for test, result in results if result not in PASSED | SKIPPED]
    if not results:
        failed = [('the build, or no test ran', 'FAIL')]
    for test, result in failed:
        print(f'{name}: {result}: {test}')
    for test in skipped:
        print(f'{name}: skipped: {test}')
    print(f'{name}: {len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped')
    return len(passed), len(failed)


def main(arguments):
    total_passed = total_failed = 0
    for argument in arguments:
        name, _, path = argument.partition('=')
        passed, failed = count(name, read_results(path))
        total_passed += passed
        total_failed += failed
    print(f'{total_passed} passed, {total_failed} failed')
    return 1 if total_failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
