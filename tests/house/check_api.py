# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Checks the public API, as the GIR describes it, against the rules for names and shapes.

    check_api.py Mp-1.0.gir FOLDER-OF-OTHER-GIRS allowed-in-api.txt
"""

import os
import sys

import naming_rules  # noqa: F401  registers its rules
import shape_rules  # noqa: F401
from gir import Gir, Library
from rules import complaints, read_allowed


def main(own, folder, allowed):
    included = {name: Gir.from_file(os.path.join(folder, f'{name}-2.0.gir')) for name in ('GObject', 'Gio')}
    library = Library(Gir.from_file(own), **included)
    with open(allowed, encoding='utf-8') as lines:
        found = list(complaints(library, read_allowed(lines)))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
