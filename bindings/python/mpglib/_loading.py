# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What a child imports because its parent wants something of it.

That runs code which may not be made for it: a module that runs its main loop hangs, one that starts processes
would be imported in each of them, and start more.  The worker watches it.
"""

from contextlib import contextmanager
import threading

_worker = None
_give_up = None
# What is being imported, the innermost last: who complains of a failure says so first.
_complaints = []


def watch(worker, give_up):
    """From now on the worker knows what is imported; give_up(message, error) is to end the process."""
    global _worker, _give_up
    _worker, _give_up = worker, give_up


@contextmanager
def loading(what, complaint, remedy=None):
    """Around the import of something; the remedy is for an import that hangs."""
    if _worker is None or threading.current_thread() is not threading.main_thread():
        yield       # the program's own affair
        return
    outer = _complaints[-1:]
    _complaints.append((what, complaint, remedy))
    _worker.begin_loading(what, remedy)
    try:
        yield
    finally:
        _complaints.pop()
        if outer:
            _worker.begin_loading(outer[0][0], outer[0][2])
        else:
            _worker.end_loading()


def is_here():
    """Whether the caller is part of what is being imported."""
    return bool(_complaints) and threading.current_thread() is threading.main_thread()


def give_up(error):
    """Ends a worker whose import does what it must not; where there is none, the error is to be raised.

    Raised in a callback of a main loop it would reach nobody, and the loop would go on.
    """
    if _complaints and _give_up is not None:
        _give_up(f'{_complaints[-1][1]}: {type(error).__name__}: {error}', error)
