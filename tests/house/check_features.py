# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Checks that docs/features.md claims nothing that is not there.

    check_features.py SOURCE-ROOT

A row that says built names a call in each language, or a dash where the language
has no such thing; one that says partly, a call in one, and what is missing. Each
language that is named has a test, which stands in its file. C functions are
exported symbols. No number is missing or there twice.
"""

import os
import re
import sys

# Where the tests of a language are
LANGUAGES = {'C': 'test-', 'Vala': 'vala/', 'Python': 'python/', 'JavaScript': 'js/'}
PLANNED = re.compile(r'planned, issue [1-9]/9$')
PARTLY = re.compile(r'partly: \S.*, issue [1-9]/9$')
NO_SUCH_THING = '—'


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


def has_test(path, name):
    """Whether a file has a test of that name: a function, or a string that a test runner is given."""
    with open(path, encoding='utf-8') as file:
        return re.search(rf"""(["']){re.escape(name)}\1|\bdef {re.escape(name)}\(""", file.read()) is not None


def check_tests(number, tests, languages, root):
    for test in tests:
        place, _, name = test.partition(':')
        path = os.path.join(root, 'tests', place)
        if not os.path.isfile(path):
            yield f'{number}: there is no tests/{place}'
        elif not name or not has_test(path, name):
            yield f'{number}: tests/{place} has no test {name!r}'
    for language in languages:
        if not any(test.startswith(LANGUAGES[language]) for test in tests):
            yield f'{number}: which test shows it in {language}?'


def check_row(cells, symbols, root):
    if len(cells) != 8:
        yield f'{cells[0]}: has {len(cells)} cells and not 8'
        return
    number, feature, state, *calls, test = cells
    missing = [language for language, call in zip(LANGUAGES, calls) if not call]
    named = [language for language, call in zip(LANGUAGES, calls) if call not in ('', NO_SUCH_THING)]
    if not feature:
        yield f'{number}: does not say what it is'
    if PLANNED.match(state):
        if len(missing) < len(LANGUAGES) or test:
            yield f'{number}: is planned and names calls or a test'
        return
    if state != 'built' and not PARTLY.match(state):
        yield f'{number}: {state!r} is no state'
    if state == 'built' and missing:
        yield f'{number}: is built, but how is it called in {", ".join(missing)}?'
    if not named:
        yield f'{number}: is there, but in which language?'
    for symbol in re.findall(r'\b(mp_\w+)', calls[0]):
        if symbol not in symbols:
            yield f'{number}: {symbol} is not exported'
    yield from check_tests(number, re.findall(r'`([^`]+)`', test), named, root)


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
