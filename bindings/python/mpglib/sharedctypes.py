# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The names of multiprocessing.sharedctypes: objects of ctypes in shared memory."""

import gi

gi.require_version('Mp', '1.0')
from gi.repository import Mp  # noqa: E402

from ._raw import RawArray, RawValue  # noqa: E402
from ._synchronized import copy, synchronized  # noqa: E402

Value = Mp.Value
Array = Mp.Array

__all__ = ['Array', 'RawArray', 'RawValue', 'Value', 'copy', 'synchronized']
