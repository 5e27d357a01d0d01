# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Sums the logs of several runs of `meson test`.

    count-results.py NAME=LOG.json...

Prints the end of what each failed test said (what is read last is often all
that is kept of a long output), then what failed and what was skipped, a line a
run, and last the plain line `N passed, N failed`. Exits with 1 when anything failed. A log that is missing
or holds no test is a failure too: its build broke.
"""

import json
import sys

PASSED = {'OK', 'EXPECTEDFAIL'}
SKIPPED = {'SKIP'}

LAST_WORDS = 30  # lines of each stream of a failed test


def read_results(path):
    """Returns a list of dictionaries, a test each, empty when there is no such log."""
    try:
        with open(path, encoding='utf-8') as log:
            return [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        return []


def show_failed(name, rows):
    """Prints the end of what each failed test said, without the parts of it that passed."""
    for row in rows:
        if row['result'] in PASSED | SKIPPED:
            continue
        print(f'== {name}: {row["name"]}: exit status {row.get("returncode")}')
        for stream in ('stdout', 'stderr'):
            lines = [line for line in (row.get(stream) or '').splitlines() if not line.startswith('ok ')]
            for line in lines[-LAST_WORDS:]:
                print(f'{stream}: {line}')


def count(name, rows):
    """Prints the row of one run; returns how many passed and failed."""
    results = [(row['name'], row['result']) for row in rows]
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
    runs = []
    for argument in arguments:
        name, _, path = argument.partition('=')
        runs.append((name, read_results(path)))
    for name, rows in runs:
        show_failed(name, rows)

    total_passed = total_failed = 0
    for name, rows in runs:
        passed, failed = count(name, rows)
        total_passed += passed
        total_failed += failed
    print(f'{total_passed} passed, {total_failed} failed')
    return 1 if total_failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
