# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Waiting for the first of many objects: Mp.wait() in the form of multiprocessing.connection."""

from gi.repository import Gio

from . import _awaiting, _descriptor, errors
from ._calls import FOREVER, Mp, check_timeout, translated
from ._calls import wait as _wait

_wait_many = translated(Mp.wait_many)
_wait_many_async = Mp.wait_many_async
_wait_many_finish = translated(Mp.wait_many_finish)


def wait(object_list, timeout=None, cancellable=None):
    """A list of those of the objects that are ready, in their order; waits for the first, at most timeout seconds.

    They are connections, queues, listeners, processes, sockets, descriptors, or whatever else has a fileno().
    When the time is over the list is empty; None waits for ever.
    """
    objects = list(object_list)
    waitables = [_to_waitable(thing) for thing in objects]
    kept = _find_kept(waitables)
    try:
        ready = _wait(_wait_many, waitables, timeout=0.0 if kept else _as_library(timeout), cancellable=cancellable)
    except errors.TimeoutError:
        ready = []
    return _pick(objects, waitables, kept + ready)


def wait_async(object_list, timeout=None, cancellable=None):
    """The same, to be awaited."""
    objects = list(object_list)
    return _wait_soon(objects, [_to_waitable(thing) for thing in objects], _as_library(timeout), cancellable)


async def _wait_soon(objects, waitables, timeout, cancellable):
    kept = _find_kept(waitables)

    def begin(cancellable, callback):
        _wait_many_async(waitables, 0.0 if kept else timeout, cancellable, callback)

    try:
        ready = await _awaiting.operate(begin, _wait_many_finish, cancellable=cancellable)
    except errors.TimeoutError:
        ready = []
    return _pick(objects, waitables, kept + ready)


def _find_kept(waitables):
    """Queues with items that somebody got and did not want, which the library does not know of."""
    return [waitable for waitable in waitables if getattr(waitable, '_kept', ())]


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
