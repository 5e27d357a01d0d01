# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Checks every source file for its licence and for what no file may hold.

    check_sources.py SOURCE-ROOT

A line that breaks a rule with good reason ends with a comment that names the
rule and the reason: `house: RULE: why`.
"""

import os
import re
import sys

CODE = re.compile(r'\.(c|h|h\.in|py|js|vala|vapi|sh|pml)$|(^|/)(meson\.build|meson_options\.txt|dev|\.ci/run)$')
MARKED = re.compile(CODE.pattern + r'|\.(supp|metadata|toml\.in)$')
LIBRARY = re.compile(r'^mpglib/.*\.[ch]$')
ABOVE_MEMORY = re.compile(r'^mpglib/(?!memory/).*\.[ch]$')
ALL_C = re.compile(r'\.[ch]$')
TESTS = re.compile(r'^tests/.*\.(c|h|py|js|vala)$')

# rule: (files, what no line of them may hold, why)
LINE_RULES = {
    # 110 is what .editorconfig aims at.
    'line-length': (CODE, re.compile('.{121}'), 'is much longer than 110 characters'),
    'white-space': (CODE, re.compile(r'\t|\s$'), 'has a tab or ends with white space'),
    'unfinished': (MARKED, re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b'), 'is marked as unfinished'),
    'machine-path': (MARKED, re.compile(r'/(work|root|farm|home)/[a-z]|/tmp/' 'wt'), 'names a folder of one machine'),
    # A process that dies inside one of these leaves the others waiting for ever.
    'no-pthread-waits': (
        LIBRARY, re.compile(r'\b(pthread_(cond|rwlock|barrier)|sem_(t|init|open|wait|post)\b)'),
        'uses what does not survive a death; sleep on a futex word'),
    'raw-memory': (
        ABOVE_MEMORY, re.compile(r'\b(mmap|munmap|mremap|mprotect|madvise|memfd_create|_Atomic|atomic_(load|store'
                                 r'|fetch|exchange|compare)\w*|__atomic_\w+|__sync_\w+|SYS_futex\w*)\b'),
        'belongs into the layer memory'),
    # A process that has used one of these has GLib's threads, and its children
    # hang if it forks.
    'no-glib-threads': (
        LIBRARY, re.compile(r'\b(g_task_run_in_thread|(g_subprocess|g_unix_signal|g_spawn)_\w+|GSubprocess\w*)\b'),
        'makes GLib start threads'),
    # They belong to the program.
    'no-global-reaping': (
        LIBRARY, re.compile(r'\b(SIGCHLD|wait(pid)?\s*\(\s*-1|waitid\s*\(\s*P_ALL|sigaction\s*\(\s*SIG(?!\w*_))'),
        'takes children or signals of the program; use a pidfd'),
    'no-sleep': (
        TESTS, re.compile(r'\b(g_usleep|usleep|nanosleep|clock_nanosleep|sleep)\s*\('),
        'waits for time and not for an event'),
}

# These evaluate their arguments twice: a call in one may have two answers, of which the second counts, and a function
# that calls itself in one takes for ever.
CALLS_TWICE = 'call-twice'
TWICE = re.compile(r'\b(MIN|MAX|CLAMP|ABS) \(')
CALL = re.compile(r'\b(?!(sizeof|strlen)\b)[a-z_]\w* \(')

SKIPPED_FOLDERS = re.compile(r'^(_build|build.*|subprojects|__pycache__|\..*)$')
KEPT_FOLDERS = {'.ci'}


def list_files(root):
    """Yields the paths of the source tree, relative to it, without what builds leave in it."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name in KEPT_FOLDERS or not SKIPPED_FOLDERS.match(name))
        for name in sorted(files):
            yield os.path.relpath(os.path.join(folder, name), root)


def check_head(path, text):
    head = text.split('\n')[:4]
    if not any('SPDX-License-Identifier: LGPL-2.1-or-later' in line for line in head[:2]):
        yield f'{path}:1: spdx: does not name the licence in its first lines'
    if not any('Copyright 2026 The mpglib developers' in line for line in head):
        yield f'{path}:1: spdx: does not name the copyright holder in its first lines'


def strip_comments(path, lines):
    """Blanks out C comments, in which words may stand that code may not use."""
    if not path.endswith(('.c', '.h')):
        return lines
    blank = lambda match: re.sub(r'[^\n]', ' ', match.group())  # noqa: E731
    return re.sub(r'/\*.*?\*/', blank, '\n'.join(lines), flags=re.DOTALL).split('\n')


def check_lines(path, text):
    lines = text.removesuffix('\n').split('\n')
    stripped = strip_comments(path, lines)
    for rule, (files, pattern, message) in LINE_RULES.items():
        if not files.search(path):
            continue
        searched = stripped if files in (LIBRARY, ABOVE_MEMORY, TESTS) else lines
        for number, (line, whole) in enumerate(zip(searched, lines), start=1):
            if pattern.search(line) and f'house: {rule}: ' not in whole:
                yield f'{path}:{number}: {rule}: {message}'


def find_end(text, begin):
    """Where the parenthesis ends that begins there, or the text, if that is not complete."""
    depth = 0
    for place in range(begin, len(text)):
        depth += {'(': 1, ')': -1}.get(text[place], 0)
        if depth == 0:
            return place
    return len(text)


def check_calls(path, text):
    """Looks for calls in what is evaluated twice, which may go over several lines."""
    lines = text.split('\n')
    code = '\n'.join(strip_comments(path, lines))
    for macro in TWICE.finditer(code):
        number = code.count('\n', 0, macro.start())
        arguments = code[macro.end():find_end(code, macro.end() - 1)]
        if CALL.search(arguments) and f'house: {CALLS_TWICE}: ' not in lines[number]:
            yield f'{path}:{number + 1}: {CALLS_TWICE}: {macro.group(1)}() makes the call in its argument twice'


def check_file(path, text):
    if MARKED.search(path):
        yield from check_head(path, text)
        yield from check_lines(path, text)
        if ALL_C.search(path):
            yield from check_calls(path, text)
        if not text.endswith('\n') or text.endswith('\n\n'):
            yield f'{path}: white-space: does not end with one newline'


def check(root):
    for path in list_files(root):
        if MARKED.search(path):
            with open(os.path.join(root, path), encoding='utf-8') as file:
                yield from check_file(path, file.read())


def main(root):
    found = list(check(root))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
