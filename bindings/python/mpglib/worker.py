# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The program of Python's worker processes: python3 -m mpglib.worker, or python3 PATH/worker.py."""

import os
import sys

if __name__ == '__main__':
    if __spec__ is None:
        # Started by its path: Python has put this folder on the module path, where its parent belongs.
        folder = os.path.dirname(os.path.abspath(__file__))
        if sys.path[:1] == [folder]:
            del sys.path[0]
        sys.path.insert(0, os.path.dirname(folder))

    # This module is not the main module any more once the worker has that of the program.
    from mpglib import _worker
    _worker.main()
