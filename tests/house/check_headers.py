# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Compiles each public header alone, as C and as C++, the way its readers do.

    check_headers.py --c COMPILER --cxx COMPILER --include FOLDER... --packages PACKAGE... -- HEADER...

Each header must stand alone, in standard C and C++ with all warnings, must
refuse to be included by a program directly, and must be part of mpglib.h.
"""

import argparse
import concurrent.futures
import os
import re
import shlex
import subprocess
import sys
import tempfile

LANGUAGES = {
    'C': ['-xc', '-std=c99', '-Wstrict-prototypes'],
    'C++': ['-xc++', '-std=c++11'],
}
WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wundef', '-Werror']


class Compiler:
    """One language's compiler with what it needs to find the headers."""

    def __init__(self, command, language, folders, flags):
        self.language = language
        self.command = (command + LANGUAGES[language] + WARNINGS + ['-fdiagnostics-color=never']
                        + [f'-I{folder}' for folder in folders]
                        + [flag.replace('-I', '-isystem', 1) for flag in flags])

    def run(self, text, *options):
        with tempfile.NamedTemporaryFile('w', suffix='.txt') as file:
            file.write(text)
            file.flush()
            return subprocess.run(self.command + list(options) + [file.name], capture_output=True, text=True)

    def check(self, name):
        """Compiles the header as the library's own files see it, before any other."""
        # A unit of nothing but macros would be empty, which C forbids.
        done = self.run(f'#include "{name}"\nextern int mp_check_headers;\n', '-fsyntax-only', '-DMP_COMPILATION')
        if done.returncode != 0:
            yield f'{name}: cannot be compiled alone as {self.language}:\n{done.stderr.strip()}'

    def list_included(self, name):
        """Returns the names of all headers that the header includes, itself among them."""
        done = self.run(f'#include <{name}>\n', '-M')
        return {os.path.basename(path) for path in done.stdout.split()}


def check_text(name, text):
    code = re.sub(r'/\*.*?\*/', '', text, flags=re.DOTALL)
    if '#pragma once' not in code:
        yield f'{name}: has no #pragma once'
    if name != 'mpglib.h' and '# error "Only <mpglib.h> can be included directly."' not in code:
        yield f'{name}: lets a program include it directly'
    if re.search(r'^#\s*include\s+"(config\.h|[\w-]+-private\.h)"', code, re.MULTILINE):
        yield f'{name}: includes what is not installed'
    if re.search(r'\bG_GNUC_CONST\b', code):
        yield f'{name}: no function that registers a type is G_GNUC_CONST'


def check(headers, compilers):
    included = compilers[0].list_included('mpglib.h')
    for path in headers:
        name = os.path.basename(path)
        with open(path, encoding='utf-8') as file:
            yield from check_text(name, file.read())
        if name not in included:
            yield f'{name}: is no part of mpglib.h'
    jobs = [(compiler, os.path.basename(path)) for path in headers for compiler in compilers]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for said in pool.map(lambda job: list(job[0].check(job[1])), jobs):
            yield from said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--c', required=True)
    parser.add_argument('--cxx', required=True)
    parser.add_argument('--include', nargs='+', default=[])
    parser.add_argument('--packages', nargs='+', default=[])
    parser.add_argument('headers', nargs='+')
    options = parser.parse_args()
    flags = subprocess.run(['pkg-config', '--cflags', *options.packages], check=True, capture_output=True,
                           text=True).stdout.split()
    compilers = [Compiler(shlex.split(options.c), 'C', options.include, flags),
                 Compiler(shlex.split(options.cxx), 'C++', options.include, flags)]
    found = list(check(options.headers, compilers))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
