# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Compares the exported symbols, those of the GIR and the checked-in list: three that must be one.

    check_symbols.py LIBRARY Mp-1.0.gir LIST [--update]

The list is the ABI. A line that leaves it is a break; --update writes it anew
for somebody who knows what he does.
"""

import subprocess
import sys

from gir import C, GLIB, Gir


def read_library(path):
    """Returns the exported symbols."""
    rows = subprocess.run(['nm', '--dynamic', '--defined-only', '--format=posix', path], check=True,
                          capture_output=True, text=True).stdout.splitlines()
    return {row.split()[0] for row in rows}


def read_gir(gir):
    """Returns the symbols that the GIR names, among them the functions of types and those that only C sees."""
    symbols = {item.get(C + 'identifier') for item in gir.items
               if item.tag in ('function', 'method', 'constructor')}
    symbols |= {element.get(GLIB + 'get-type') for element in gir.namespace.iter()}
    return symbols - {None, 'intern'}


def read_list(lines):
    return [line.strip() for line in lines if line.strip() and not line.startswith('#')]


def compare(exported, introspected, listed):
    """Yields a line for each symbol that is not everywhere."""
    for symbol in sorted(exported - introspected):
        yield f'{symbol}: is exported and not in the GIR; hide it or declare it in a public header'
    for symbol in sorted(introspected - exported):
        yield f'{symbol}: is in the GIR and not exported; put MP_AVAILABLE_IN_… before it'
    for symbol in sorted(exported - set(listed)):
        yield f'{symbol}: is new; `meson compile update-symbols` puts it into the list'
    for symbol in sorted(set(listed) - exported):
        yield f'{symbol}: is in the list and not exported (any more)'
    for symbol in sorted(exported):
        if not symbol.startswith('mp_'):
            yield f'{symbol}: does not begin with mp_'
    if listed != sorted(set(listed)):
        yield 'the list is not sorted, or names a symbol twice'


def update(path, exported):
    with open(path, encoding='utf-8') as file:
        comments = [line for line in file if line.startswith('#')]
    with open(path, 'w', encoding='utf-8') as file:
        file.writelines(comments + [symbol + '\n' for symbol in sorted(exported)])


def main(library, gir, path, *options):
    exported = read_library(library)
    if '--update' in options:
        update(path, exported)
        return 0
    with open(path, encoding='utf-8') as lines:
        found = list(compare(exported, read_gir(Gir.from_file(gir)), read_list(lines)))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
