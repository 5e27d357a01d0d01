# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What Python adds to the introspected namespace Mp: values, functions, exceptions, iteration."""

from gi.overrides import override
from mpglib import _context, _launcher, _process, errors
from mpglib._process import active_children, current_process, shutdown
from mpglib.errors import *  # noqa: F403

Context = override(_context.Context)
Process = override(_process.Process)

_launcher.register()

__all__ = [
    *errors.__all__,
    'Context',
    'Process',
    'active_children',
    'current_process',
    'shutdown',
]
