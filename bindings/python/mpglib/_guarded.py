# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What shared values and arrays with a lock have in common."""

import warnings

from . import _sync
from ._calls import Mp


def make_lock(lock):
    """The lock that the argument of that name asks for: its own, one that is there, or none."""
    lock = check_lock(lock)
    if lock is True:
        return _sync.RLock()
    return lock or None


def check_lock(lock):
    """True, False, or the lock."""
    if lock is True or lock is None:
        return True
    if lock is False or isinstance(lock, Mp.Lockable):
        return lock
    raise AttributeError(f'{lock!r} cannot be acquired in another process: give lock=True for a lock of its own, '
                         'lock=False for none, or an Mp.Lock or Mp.RLock')


class Guarded:
    """What `with` takes; get_lock() is the library's or that of the class."""

    _kept_guard = None
    _kept_lock = False

    def get_lock(self):
        """The lock that goes along, or None."""
        lock = self._kept_lock
        if lock is False:       # it stays what it is
            lock = self._kept_lock = super().get_lock()
        return lock

    def _get_quick_guard(self):
        """What can be acquired at once as _sync's guards are, or None."""
        lock = self.get_lock()
        if lock is None:
            return NO_LOCK
        return lock if hasattr(type(lock), '_at_once') else None

    def _guard(self):
        """What to hold while reading or writing; it is found once, for the lock stays."""
        guard = self._kept_guard
        if guard is None:
            lock = self.get_lock()
            guard = self._kept_guard = NO_LOCK if lock is None else _Noticing(lock)
        return guard

    def _need_lock(self):
        lock = self.get_lock()
        if lock is None:
            raise TypeError(f'{self!r} has no lock: it was made with lock=False')
        return lock

    def acquire(self, block=True, timeout=None, **others):
        """Whether its lock was acquired."""
        return self._need_lock().acquire(block, timeout, **others)

    def release(self):
        """Gives its lock back."""
        self._need_lock().release()

    def __enter__(self):
        return self._need_lock().__enter__()

    def __exit__(self, *exception):
        return self._need_lock().__exit__(*exception)


class _Noticing:
    """What elements and values acquire by themselves: nobody looks whether it was abandoned, so they say it."""

    def __init__(self, lock):
        self._lock = lock
        self._can_be_abandoned = hasattr(lock, 'is_abandoned')

    def __enter__(self):
        self._lock.acquire()
        try:
            if self._can_be_abandoned and self._lock.is_abandoned():
                warnings.warn(f'a process died while it held {self._lock!r}: what that guards may be half changed',
                              RuntimeWarning, stacklevel=3)
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *_exception):
        self._lock.release()


class NoLock:
    """In the place of a lock that is not there."""

    _at_once = True

    def _leave(self):
        return None

    def __enter__(self):
        return True

    def __exit__(self, *_exception):
        return None


NO_LOCK = NoLock()
