# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The names of multiprocessing.queues."""

import gi

gi.require_version('Mp', '1.0')
from gi.repository import Mp  # noqa: E402

from .errors import Empty, Full  # noqa: E402

Queue = Mp.Queue
JoinableQueue = Mp.JoinableQueue
SimpleQueue = Mp.SimpleQueue

__all__ = ['Empty', 'Full', 'JoinableQueue', 'Queue', 'SimpleQueue']
