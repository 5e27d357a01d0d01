# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The task that this worker of a pool runs."""

from contextlib import contextmanager

from ._calls import Mp

_task = None


def current_task():
    """The task that this process runs for a pool, an Mp.WorkerTask; None in any other process.

    A function that takes its time asks its is_cancelled() now and then, or gives its get_cancellable(), which is
    also Gio.Cancellable.get_current(), to what it calls; Mp.progress_report() tells how far it is.
    """
    return _task


def progress_report(fraction, message=None):
    """Tells how far the function is that a worker of a pool runs, from 0 to 1, and what it does; see Mp.PoolResult."""
    if not 0 <= fraction <= 1:
        raise ValueError(f'the fraction that is done is {fraction}, but has to be from 0 to 1')
    Mp.progress_report(fraction, message)


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
