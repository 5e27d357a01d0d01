# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Waiting for the first of many objects: Mp.wait() in the form of multiprocessing.connection."""

import functools
import time

from gi.repository import Gio

from . import _awaiting, _descriptor, errors
from ._calls import FOREVER, Mp, check_timeout, translated
from ._calls import wait as _wait
from ._classes import naming

_wait_many = translated(Mp.wait_many)
_wait_many_async = Mp.wait_many_async
_wait_many_finish = translated(Mp.wait_many_finish)


def wait(object_list, timeout=None, cancellable=None):
    """A list of those of the objects that are ready, in their order; waits for the first, at most timeout seconds.

    They are connections, queues, listeners, processes, sockets, descriptors, or whatever else has a fileno().
    When the time is over the list is empty; None waits for ever.  OSError if one of them is closed; of a queue it is
    a ValueError.
    """
    objects = _list(object_list)
    waitables = [_to_waitable(thing) for thing in objects]
    try:
        ready = _wait(_wait_many, waitables, timeout=_as_library(timeout), cancellable=cancellable)
    except errors.TimeoutError:
        ready = []
    except errors.Closed as error:
        raise _explain(waitables, error) from None
    return _pick(objects, waitables, ready)


@functools.partial(naming, name='wait_async')
def wait_async(object_list, timeout=None, cancellable=None):
    """The same, to be awaited."""
    objects = _list(object_list)
    return _wait_soon(objects, [_to_waitable(thing) for thing in objects], _as_library(timeout), cancellable)


async def _wait_soon(objects, waitables, timeout, cancellable):
    def begin(cancellable, callback):
        _wait_many_async(waitables, timeout, cancellable, callback)

    try:
        ready = await _awaiting.operate(begin, _wait_many_finish, cancellable=cancellable)
    except errors.TimeoutError:
        ready = []
    except errors.Closed as error:
        raise _explain(waitables, error) from None
    return _pick(objects, waitables, ready)


async def take_soon(waitable, take, timeout, cancellable, take_quickly=None):
    """What take() gives once there is something to take; a TimeoutError of it says that there is not.

    It is taken by who awaits and not on its behalf, so that who is cancelled, or whose loop has been stopped, has
    taken nothing: it stays for all others.  take_quickly() gives what is there at once, or what is false.
    """
    end = None if timeout is None else time.monotonic() + timeout
    await _awaiting.turn()
    if take_quickly and not _is_cancelled(cancellable) and (taken := take_quickly()):
        return taken
    while True:
        left = None if end is None else max(0.0, end - time.monotonic())
        is_last = not await _wait_soon([waitable], [waitable], _as_library(left), cancellable)
        try:
            return take()
        except errors.TimeoutError:
            if is_last:
                raise


def _explain(waitables, error):
    """The library tells of the first that is closed: a queue, or what has a descriptor."""
    for thing in waitables:
        if isinstance(thing, Mp.Queue) and thing.is_closed():
            return errors.QueueClosed(error.message)
        if isinstance(thing, Mp.Connection) and thing.is_closed():
            return errors.ConnectionClosed(error.message)
    return errors.HandleClosed(error.message)


def _list(object_list):
    """A queue, over which one can iterate, is one of the objects and not a list of them."""
    if isinstance(object_list, Mp.Waitable) or hasattr(object_list, 'fileno'):
        raise TypeError(f'wait() takes a list of objects: wait([{object_list!r}])')
    return list(object_list)


def _is_cancelled(cancellable):
    """Or no cancellable at all, which is told elsewhere."""
    return cancellable is not None and (not isinstance(cancellable, Gio.Cancellable) or cancellable.is_cancelled())


def _pick(objects, waitables, ready):
    ready = set(map(id, ready))
    return [thing for thing, waitable in zip(objects, waitables) if id(waitable) in ready]


def _as_library(timeout):
    """A negative one does not wait."""
    return FOREVER if check_timeout(timeout) is None else max(0.0, timeout)


def _to_waitable(thing):
    if isinstance(thing, (Mp.Waitable, Gio.Socket, Gio.PollableInputStream)):
        return thing
    fd = thing if isinstance(thing, int) else _get_fileno(thing)
    if fd < 0:
        raise ValueError(f'{thing!r} has no descriptor that could be waited for')
    return _descriptor.Descriptor.duplicate(fd)


def _get_fileno(thing):
    try:
        return thing.fileno()
    except AttributeError:
        raise TypeError(f'{thing!r} cannot be waited for: it is no descriptor, and has no fileno()') from None
