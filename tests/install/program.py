# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""A user's program: a function of a module runs in a child. Also tells which override it got."""

import sys

import gi

gi.require_version('Mp', '1.0')
from gi.repository import Mp  # noqa: E402
import gi.overrides.Mp  # noqa: E402

if __name__ == '__main__':
    print(gi.overrides.Mp.__file__)
    process = Mp.Process.new(None, sys.argv[1] + '#answer', None)
    process.start()
    process.join(30, None)
    print('exit code', process.get_exit_code())
