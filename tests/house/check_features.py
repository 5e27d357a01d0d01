# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Checks that docs/features.md claims nothing that is not there.

    check_features.py SOURCE-ROOT

A row that says built names a call in each language and a test; one that says
partly, at least one of each. C functions are exported symbols and tests are
files. No number is missing or there twice.
"""

import os
import re
import sys

LANGUAGES = ('C', 'Vala', 'Python', 'JavaScript')
PLANNED = re.compile(r'planned, issue [1-9]/9$')


def read_rows(text):
    """Yields the cells of each feature: ID, feature, state, four languages, test."""
    for line in text.splitlines():
        if re.match(r'\| [A-Z]+-\d+ \|', line):
            yield [cell.strip() for cell in line.strip('|').split('|')]


def check_numbers(numbers):
    seen = {}
    for number in numbers:
        prefix, _, digits = number.partition('-')
        last = seen.get(prefix, 0)
        if int(digits) != last + 1:
            yield f'{number}: follows {prefix}-{last:02}'
        seen[prefix] = int(digits)


def check_row(cells, symbols, root):
    if len(cells) != 8:
        yield f'{cells[0]}: has {len(cells)} cells and not 8'
        return
    number, feature, state, *calls, test = cells
    missing = [language for language, call in zip(LANGUAGES, calls) if not call]
    if not feature:
        yield f'{number}: does not say what it is'
    if PLANNED.match(state):
        if len(missing) < len(LANGUAGES) or test:
            yield f'{number}: is planned and names calls or a test'
        return
    if state not in ('built', 'partly'):
        yield f'{number}: {state!r} is no state'
    if state == 'built' and missing:
        yield f'{number}: is built, but how is it called in {", ".join(missing)}?'
    if state == 'partly' and len(missing) == len(LANGUAGES):
        yield f'{number}: is partly built, but in which language?'
    for symbol in re.findall(r'`(mp_\w+)', calls[0]):
        if symbol not in symbols:
            yield f'{number}: {symbol} is not exported'
    tests = re.findall(r'`([^`]+)`', test)
    if not tests:
        yield f'{number}: names no test'
    for name in tests:
        if not os.path.exists(os.path.join(root, 'tests', name)):
            yield f'{number}: there is no tests/{name}'


def check(text, symbols, root):
    rows = list(read_rows(text))
    found = list(check_numbers(cells[0] for cells in rows))
    for cells in rows:
        found += check_row(cells, symbols, root)
    return found


def main(root):
    with open(os.path.join(root, 'data', 'mpglib-1.symbols'), encoding='utf-8') as file:
        symbols = set(file.read().split())
    with open(os.path.join(root, 'docs', 'features.md'), encoding='utf-8') as file:
        found = check(file.read(), symbols, root)
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
