# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Prints where this Python looks for overrides of gi that are installed under a prefix.

Debian's Python searches /usr/lib/python3/dist-packages and
/usr/local/lib/python3.11/dist-packages, which no single rule of sysconfig
gives. For a prefix that it does not search at all the first form is used, and
whoever installs there sets PYTHONPATH.
"""

import os
import site
import sys


def overrides_dir(prefix, searched):
    for path in searched:
        if path.startswith(os.path.join(prefix, 'lib') + os.sep):
            return os.path.join(path, 'gi', 'overrides')
    return os.path.join(prefix, 'lib', 'python3', 'dist-packages', 'gi', 'overrides')


if __name__ == '__main__':
    print(overrides_dir(os.path.normpath(sys.argv[1]), site.getsitepackages()))
