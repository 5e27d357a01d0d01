# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The task that this worker of a pool runs."""

from contextlib import contextmanager

_task = None


def current_task():
    """The task that this process runs for a pool, an Mp.WorkerTask; None in any other process.

    A function that takes its time asks its is_cancelled() now and then, or gives its get_cancellable(), which is
    also Gio.Cancellable.get_current(), to what it calls; Mp.progress_report() tells how far it is.
    """
    return _task


@contextmanager
def running(task):
    """In the worker, around the call of a function."""
    global _task
    cancellable = task.get_cancellable()
    cancellable.push_current()
    _task = task
    try:
        yield
    finally:
        _task = None
        cancellable.pop_current()
