# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Locks, semaphores, events, conditions and barriers in the form of multiprocessing.

A timeout is in seconds; None waits for ever, and a negative one does not wait.

`await x_async(timeout)` gives what x(timeout=timeout) would: under asyncio, and in Mp.run().  It begins when it is
awaited, and if the task is cancelled, nothing is left acquired (an optional cancellable is cancelled with it).  With
a callback x_async() is the library's own: it begins at once, its negative timeouts wait for ever, and it ends with
x_finish().  An RLock, and a condition with one, belong to the thread that acquires: asyncio cannot await them.
"""

import functools
import itertools
import time

from gi.repository import GLib

from . import _awaiting, _shareables, errors
from ._calls import FOREVER, Mp, check_timeout, check_whole, outside_of_wait, translated, wait
from ._classes import SameType, adopt, naming

_MAX_PERMITS = 0x3fffffff
_MAX_BOUNDED_PERMITS = 16000
_MAX_PARTIES = 8000


def _seconds(timeout):
    return None if check_timeout(timeout) is None else max(0.0, timeout)


def _succeeds(function, *args, timeout, cancellable=None):
    """Whether the wait ended with what it was for, and not with its time."""
    try:
        wait(function, *args, timeout=_seconds(timeout), cancellable=cancellable)
    except errors.TimeoutError:
        return False
    return True


def refuse_names(function, names):
    hint = ': here that is block=, as in multiprocessing' if 'blocking' in names else ''
    raise TypeError(f'{function}() takes no argument {", ".join(map(repr, names))}{hint}')


def _begin(begin, finish, shared, timeout, cancellable, callback, user_data, undo=None, convert=None):
    """Either begins what calls back, or gives what can be awaited."""
    if callback is not None:
        begin(shared, FOREVER if timeout is None else timeout, cancellable, callback, *user_data)
        return None
    left = FOREVER if timeout is None else _seconds(timeout)

    def end(outcome):
        try:
            return finish(shared, outcome)
        except errors.TimeoutError as error:
            if convert is not None:
                raise convert(str(error)) from None
            return False

    return _awaiting.operate(lambda cancellable, callback: begin(shared, left, cancellable, callback),
                             end, undo, cancellable, shared._why_not_elsewhere())


def _take(taken, function, *args):
    """Notes what a function of the library returns.

    Between the two no code of Python's runs, and so no handler of a signal.
    """
    taken.extend(map(function, *((arg,) for arg in args)))


class _Shared:
    """What all of them are."""

    def _why_not_elsewhere(self):
        """Why no other thread can wait on behalf of this one, if so."""
        return None

    __reduce__ = _shareables.reduce_shareable

    def __reduce_ex__(self, protocol):
        return self.__reduce__()

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__


class _Guard(_Shared):
    """What `with` takes.

    _at_once is the library's function that acquires, if that can be done at once and nobody died with it.  It is a
    property and not a method because no code of Python's runs between what an attribute does and the look at it, and
    so no handler of a signal, whose exception would leave it acquired.  _leave() gives it back as the library does.
    """

    def acquire(self, block=True, timeout=None, cancellable=None, **others):
        """Whether it was acquired."""
        if others:
            refuse_names('acquire', others)
        if cancellable is None and self._at_once:
            return True
        taken = []
        try:
            if cancellable is None:     # at once, where that is possible: a wait prepares itself for signals
                _take(taken, self._base.try_acquire, self)
            if block and True not in taken:
                _succeeds(self._take, taken, timeout=timeout, cancellable=cancellable)
            elif not taken:
                _take(taken, self._base.try_acquire, self)
        except BaseException:           # of a signal's handler: who called would not know that it was acquired
            if True in taken:
                self.release()
            raise
        return True in taken

    @translated
    def _take(self, taken, left, cancellable):
        _take(taken, self._base.acquire.__wrapped__, self, left, cancellable)

    @functools.partial(naming, name='acquire_async')
    def acquire_async(self, timeout=None, cancellable=None, callback=None, *user_data):
        """Whether it was acquired, to be awaited."""
        return _begin(self._base.acquire_async, self._base.acquire_finish, self, timeout, cancellable, callback,
                      user_data, undo=self._undo)

    def _undo(self, is_taken):
        if is_taken:
            self.release()

    def release(self):
        """Gives it back."""
        try:
            self._leave()
            return
        except GLib.Error as error:
            failure = errors.translate(error)
        raise failure

    def __enter__(self):
        return True if self._at_once else self.acquire()

    def __exit__(self, *_exception):
        self.release()

    async def __aenter__(self):
        return await self.acquire_async()

    async def __aexit__(self, *_exception):
        self.release()


def _enter(self, timeout=None, cancellable=None):
    """Acquires it, as the library has it: a negative timeout waits for ever, TimeoutError when the time is over."""
    left = None if timeout is None or timeout < 0 else timeout
    if not self.acquire(timeout=left, cancellable=cancellable):
        raise errors.TimeoutError(f'{self!r} could not be acquired in time')
    return True


adopt(Mp.Lockable).enter = _enter


class _Owned(_Guard):
    """A guard that tells whether somebody has it."""

    def locked(self):
        return self.is_locked()

    @property
    def abandoned(self):
        """Whether this process has it from one that died with it."""
        return self.is_abandoned()


class Lock(_Owned, adopt(Mp.Lock), metaclass=SameType):
    """A lock that processes share; anybody may release it."""

    __module__ = 'gi.overrides.Mp'
    _base = Mp.Lock
    _at_once = property(Mp.Lock.try_acquire_intact)
    _leave = Mp.Lock.release.__wrapped__


class RLock(_Owned, adopt(Mp.RLock), metaclass=SameType):
    """A lock that processes share; the thread that has it may acquire it again, and nobody else releases it."""

    __module__ = 'gi.overrides.Mp'
    _base = Mp.RLock
    _at_once = property(Mp.RLock.try_acquire_intact)
    _leave = Mp.RLock.release.__wrapped__

    def _why_not_elsewhere(self):
        return 'an Mp.RLock belongs to a thread, and cannot be awaited under asyncio: use an Mp.Lock'


class Semaphore(_Guard, adopt(Mp.Semaphore), metaclass=SameType):
    """A number of permits, which belong to nobody."""

    __module__ = 'gi.overrides.Mp'
    _base = Mp.Semaphore
    _at_once = property(Mp.Semaphore.try_acquire)
    _leave = Mp.Semaphore.release.__wrapped__

    _most = _MAX_PERMITS

    def __init__(self, value=1, **properties):
        check_whole('value', value, 0, self._most)
        super().__init__(value=value, **properties)

    def locked(self):
        return self.get_value() == 0


class BoundedSemaphore(adopt(Mp.BoundedSemaphore), Semaphore, metaclass=SameType):
    """A number of permits that is never exceeded; those of a process that died can be had again."""

    __module__ = 'gi.overrides.Mp'
    _most = _MAX_BOUNDED_PERMITS


class Event(_Shared, adopt(Mp.Event), metaclass=SameType):
    """Something that is set or not, and can be waited for."""

    __module__ = 'gi.overrides.Mp'
    _base = Mp.Event

    def wait(self, timeout=None, cancellable=None):
        """Whether it is set, or was during the wait."""
        return _succeeds(self._base.wait, self, timeout=timeout, cancellable=cancellable)

    def wait_async(self, timeout=None, cancellable=None, callback=None, *user_data):
        """Whether it is set, or was during the wait, to be awaited."""
        return _begin(self._base.wait_async, self._base.wait_finish, self, timeout, cancellable, callback, user_data)


class Condition(_Guard, adopt(Mp.Condition), metaclass=SameType):
    """Lets processes wait for what others change under a lock."""

    __module__ = 'gi.overrides.Mp'
    _base = Mp.Condition
    _at_once = property(Mp.Condition.try_acquire)
    _leave = Mp.Condition.release.__wrapped__

    def __init__(self, lock=None, **properties):
        if not isinstance(lock, (Mp.Lock, Mp.RLock, type(None))):
            raise TypeError(f'the lock of a condition is an Mp.Lock or an Mp.RLock, not {lock!r}')
        super().__init__(lock=lock, **properties)

    def locked(self):
        return self.get_lock().is_locked()

    @property
    def abandoned(self):
        """Whether its lock came from a process that died with it."""
        return self.get_lock().is_abandoned()

    def _why_not_elsewhere(self):
        if isinstance(self.get_lock(), Mp.RLock):
            return ('the Mp.RLock of this condition belongs to a thread, and cannot be awaited under asyncio: use '
                    'Mp.Condition(Mp.Lock())')
        return None

    def wait(self, timeout=None, cancellable=None):
        """Whether it was notified; the lock is held again in any case."""
        return _succeeds(self._base.wait, self, timeout=timeout, cancellable=cancellable)

    def wait_async(self, timeout=None, cancellable=None, callback=None, *user_data):
        """Whether it was notified, to be awaited; the lock is held again in any case."""
        return _begin(self._base.wait_async, self._base.wait_finish, self, timeout, cancellable, callback, user_data,
                      undo=self._pass_on)

    def _pass_on(self, was_notified):
        if was_notified:        # another who waits is to hear of it
            self.notify()

    def wait_for(self, predicate, timeout=None, cancellable=None):
        """Waits until the predicate is true, and gives its last value."""
        end = None if check_timeout(timeout) is None else time.monotonic() + timeout
        while not (result := predicate()):
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            self.wait(left, cancellable)
        return result

    def notify(self, n=1):
        """Lets n of those that wait go on."""
        if not hasattr(n, '__index__') or n < 0:
            raise ValueError(f'notify() takes how many shall go on, not {n!r}')
        self.notify_many(n)


class _Action:
    """What the library calls for a barrier's action; what that raises waits here for who called wait()."""

    DOMAIN = 'mp-python-barrier-action'

    def __init__(self, function):
        self.function = function
        self.failures = {}
        self.keys = itertools.count()

    def __call__(self, _barrier):
        try:
            with outside_of_wait():
                self.function()
            return True
        except BaseException as error:
            key = next(self.keys)
            self.failures[key] = error
            raise GLib.Error('the action of a barrier failed', self.DOMAIN, key) from None

    def explain(self, error):
        """What the function raised, if that is the reason for the error of a wait."""
        return self.failures.pop(error.code) if error.domain == self.DOMAIN else error


class Barrier(_Shared, adopt(Mp.Barrier), metaclass=SameType):
    """Lets a number of parties wait until all have come.

    The action is called once in each round, by the last to come and before any goes on; if it raises an exception,
    that comes out of the wait there, and the barrier is broken.  Action and timeout travel with the barrier.
    """

    __module__ = 'gi.overrides.Mp'
    _base = Mp.Barrier
    _action = None
    _timeout = None

    def __init__(self, parties, action=None, timeout=None, **properties):
        check_whole('parties', parties, 1, _MAX_PARTIES)
        super().__init__(parties=parties, **properties)
        self.__setstate__((action, timeout))

    def __reduce__(self):
        state = (self._action.function if self._action else None, self._timeout)
        return (*super().__reduce__(), state)

    def __setstate__(self, state):
        action, self._timeout = state
        if action is not None:
            self._action = _Action(action)
            self.set_action(self._action)

    def wait(self, timeout=None, cancellable=None):
        """Which of the parties this was; BrokenBarrierError if not all came."""
        if timeout is None:
            timeout = self._timeout
        seconds = _seconds(timeout)
        taken = []
        try:
            wait(self._take, taken, timeout=seconds, cancellable=cancellable)
            return taken[0]
        except errors.TimeoutError as error:
            raise errors.BrokenBarrierError(str(error)) from None
        except GLib.Error as error:
            failure = self._explain(error)
        except BaseException:           # of a signal's handler
            if not taken:               # this party does not come back
                self.abort()
            raise
        raise failure

    def wait_async(self, timeout=None, cancellable=None, callback=None, *user_data):
        """Which of the parties this was, to be awaited; BrokenBarrierError if not all came."""
        if timeout is None:
            timeout = self._timeout
        return _begin(self._base.wait_async, type(self).wait_finish, self, timeout, cancellable, callback, user_data,
                      convert=errors.BrokenBarrierError)

    @translated
    def _take(self, taken, left, cancellable):
        _take(taken, self._base.wait.__wrapped__, self, left, cancellable)

    def wait_finish(self, outcome):
        """Which of the parties this was."""
        try:
            return self._base.wait_finish(self, outcome)
        except GLib.Error as error:
            failure = self._explain(error)
        raise failure

    def _explain(self, error):
        return self._action.explain(error) if self._action is not None else error

    @property
    def parties(self):
        return self.get_parties()

    @property
    def n_waiting(self):
        return self.get_n_waiting()

    @property
    def broken(self):
        return self.is_broken()
