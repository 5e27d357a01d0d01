# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.Queue, Mp.JoinableQueue and Mp.SimpleQueue in the form of multiprocessing.

Bytes go as bytes, and a GLib.Variant as what it is, for all languages; other objects go as pickles.  get() takes them
all.  What is shared does not go along: a lock or a connection is handed over by an Mp.Connection, or as an argument of
a process.

A timeout is in seconds; None waits for ever, and a negative one does not wait.

`await x_async(...)` gives what x(...) would: under asyncio, and in Mp.run().  It begins when it is awaited.  A task
that is cancelled has got nothing, and what it has put it knows of: if it is cancelled in that very moment, it is where
it awaits next.  With a callback x_async() begins at once, its negative timeouts wait for ever, and it ends with
x_finish().
"""

import pickle
import sys
import time
import types
import warnings

from gi.repository import GLib

from . import _awaiting, _pickle5, _shareables, _variant, _waiting, errors
from ._calls import FOREVER, Mp, check_timeout, check_whole, is_of_handler, note_loop, taking_array, wait
from ._classes import SameType, adopt, settable

# Without errors, whose exceptions take longer than all the rest.
_try_put, _try_get = Mp.Queue.try_put_data, Mp.Queue.try_get_frame
# As they are: their errors take as long, but only where nothing is to be done.
_quick_put_many, _quick_get = Mp.Queue.put_many_data, Mp.Queue.get_payload
_Base = adopt(Mp.Queue)
_Base.put_many_async = taking_array(_Base.put_many_async, 1, 'values')
_put_data = _Base.put_data
_put_many_data, _get_payload = _Base.put_many_data, _Base.get_payload

# Seconds to wait before one gets ready to be interrupted, which takes a tenth of that: signals come that much later.
_MOMENT = 50e-6

_RAW = 'raw'
_RAW_END = b'\0raw'
_RAW_PLACE = -len(_RAW_END)
_CODEC = _pickle5.CODEC
_PICKLE_END = b'\0' + _CODEC.encode()
_ANY_NUMBER = 0xffffffff
_MOST_AT_ONCE = 500
_MOST_BYTES_AT_ONCE = 1 << 20

_dumps = pickle.dumps
_loads = _pickle5.loads
_state = _shareables._state     # of a thread: `made` is None unless it makes a message
_Variant = GLib.Variant


class Queue(_Base, metaclass=SameType):
    """Items that processes put and get, in the order in which they were put.

    It has room for maxsize items, or for any number, which together have byte_limit bytes, or 1 GiB.
    """

    __module__ = 'gi.overrides.Mp'
    __class_getitem__ = classmethod(types.GenericAlias)

    # Of get_many(), which has got what came before: for who gets next.
    _failure = None

    # Those of multiprocessing.queues want a ctx, for their locks: here any process can have any queue.
    def __init__(self, maxsize=0, *, ctx=None, byte_limit=None, **properties):
        maxsize = check_whole('maxsize', maxsize)
        properties.setdefault('max_size', min(max(0, maxsize.__index__()), _ANY_NUMBER))
        if byte_limit is not None:
            properties['byte_limit'] = check_whole('byte_limit', byte_limit, 1, (1 << 64) - 1)
        super().__init__(**properties)

    @property
    def maxsize(self):
        return self.get_max_size()

    @property
    def byte_limit(self):
        return self.get_byte_limit()

    live = settable('live', 'Whether its signals are emitted: to be set once all of them have been connected.')

    def qsize(self):
        """How many items there are, just now."""
        return self.get_length()

    def empty(self):
        """Whether there is no item, just now."""
        return self.is_empty()

    def full(self):
        """Whether there is no room, just now."""
        return self.is_full()

    # --- Putting

    def put(self, obj, block=True, timeout=None, cancellable=None):
        """Puts an object; Full if there was no room for it in time."""
        if timeout is not None:
            check_timeout(timeout)
        if 'asyncio' in sys.modules:
            note_loop()
        if type(obj) is bytes:
            if cancellable is not None or not _try_put(self, obj, _RAW, 0.0):
                self._put_prepared((_put_data, obj, _RAW), _find_time(block, timeout), cancellable)
            return
        prepared = _prepare(obj)
        if cancellable is not None or len(prepared) < 3 or not _try_put(self, prepared[1], _CODEC, 0.0):
            self._put_prepared(prepared, _find_time(block, timeout), cancellable)

    def put_nowait(self, obj):
        """Puts an object; Full if there is no room for it."""
        self.put(obj, False)

    def _put_prepared(self, prepared, left, cancellable):
        put, *args = prepared
        # What is tried quickly knows of no cancellable, which may be cancelled already.
        if put is _put_data and cancellable is None and \
           _try_put(self, *args, _MOMENT if left is None else min(_MOMENT, left)):
            return
        if left == 0 and self.is_full() and not self.is_closed():
            raise errors.Full('The queue is full')
        with _closing:
            wait(put, self, *args, timeout=left, cancellable=cancellable)

    def put_many(self, objects, block=True, timeout=None, cancellable=None):
        """Puts objects, an item each; says for how many there was room in time, Full if there was none for the first.

        If one of them cannot be sent, none is put.
        """
        note_loop()
        left = _find_time(block, timeout)
        end = _find_end(left)
        objects = _list(objects)
        n = 0
        try:
            if len(objects) > 1 and set(map(type, objects)) == {bytes}:
                for n in self._put_all_bytes(objects, end, cancellable):
                    pass
                return n
            for prepared in self._prepare_all(objects):
                self._put_prepared(prepared, left, cancellable)
                left = _find_left(end)
                n += 1
        except _GIVEN_UP:
            if n == 0:
                raise
        return n

    def _put_all_bytes(self, objects, end, cancellable):
        """How many are put, again and again."""
        n = 0
        if cancellable is None:
            try:
                n = _quick_put_many(self, b''.join(objects), list(map(len, objects)), _RAW, _find_moment(end), None)
                yield n
            except GLib.Error:
                pass
        while n < len(objects):
            rest = objects[n:]
            with _closing:
                n += wait(_put_many_data, self, b''.join(rest), list(map(len, rest)), _RAW, timeout=_find_left(end),
                          cancellable=cancellable)
            yield n

    def _prepare_all(self, objects):
        limit = self.get_byte_limit()
        all_prepared = [_prepare(obj) for obj in objects]
        for put, what, *_codec in all_prepared:
            # An item takes its length and 8 to 15 bytes.
            if put is _Base.put_message or (len(what) if put is _put_data else what.get_size()) + 15 & ~7 > limit:
                put(self, what, *_codec, 0.0, None)     # which fails, and says why
        return all_prepared

    def put_async(self, obj, timeout=None, cancellable=None, callback=None, *user_data):
        """Puts an object, to be awaited."""
        message = _make_message(obj)
        if callback is None:
            return self._put_soon(message, _find_time(True, timeout), cancellable)
        return _Base.put_message_async(self, message, _as_library(timeout), cancellable, callback, *user_data)

    def _put_soon(self, message, left, cancellable):
        def begin(cancellable, callback):
            _Base.put_message_async(self, message, _as_library(left), cancellable, callback)

        return _awaiting.operate(begin, self.put_finish, cancellable=cancellable, lasts=True)

    def put_finish(self, outcome):
        """Ends put_async() with a callback."""
        with _closing:
            _Base.put_message_finish(self, outcome)

    def put_many_async(self, objects, timeout=None, cancellable=None, callback=None, *user_data):
        """Puts objects, to be awaited; with a callback it is the library's own, and takes a GLib.Variant."""
        if callback is None:
            all_prepared = self._prepare_all(_list(objects))
            return self._put_some(all_prepared, _find_time(True, timeout), cancellable)
        return _Base.put_many_async(self, objects, _as_library(timeout), cancellable, callback, *user_data)

    async def _put_some(self, all_prepared, left, cancellable):
        end = _find_end(left)
        n = 0
        try:
            for codec, group in _group(all_prepared):
                n_put = await self._put_group(codec, group, left, cancellable)
                n += n_put
                if n_put < len(group):
                    break
                left = _find_left(end)
        except _GIVEN_UP:
            if n == 0:
                raise
        except BaseException as error:
            if n == 0 or not _awaiting.is_cancellation(error):
                raise
            _awaiting.cancel_later()    # as of one that is put: who awaits knows first how many are
        return n

    def _put_group(self, codec, group, left, cancellable):
        def begin(cancellable, callback):
            if codec is None:
                _Base.put_many_async(self, _Variant('av', group), _as_library(left), cancellable, callback)
            else:
                _Base.put_many_data_async(self, b''.join(group), list(map(len, group)), codec, _as_library(left),
                                          cancellable, callback)

        def finish(outcome):
            with _closing:
                return _Base.put_many_finish(self, outcome) if codec is None else \
                       _Base.put_many_data_finish(self, outcome)

        return _awaiting.operate(begin, finish, cancellable=cancellable, lasts=True)

    # --- Getting

    def get(self, block=True, timeout=None, cancellable=None):
        """Gets the first item; Empty if there was none in time."""
        if 'asyncio' in sys.modules:
            note_loop()
        if self._failure is not None:
            self._fail()
        frame = _try_get(self, 0.0) if cancellable is None else None
        if not frame:
            frame = self._wait_for_frame(_find_time(block, timeout), cancellable)
        return frame[:_RAW_PLACE] if frame.endswith(_RAW_END) else self._read(frame)

    def _read(self, frame):
        """Of one that was got: it is not wanted if the handler of a signal raises meanwhile."""
        try:
            return _read(frame)
        except BaseException as error:
            if is_of_handler(error):
                self._give_back([frame])
            raise

    def get_nowait(self):
        """Gets the first item; Empty if there is none."""
        return self.get(False)

    get_no_wait = get_nowait

    def _wait_for_frame(self, left, cancellable):
        if cancellable is None and (left is None or left > _MOMENT):
            frame = _try_get(self, _MOMENT)
            if frame:
                return frame
        elif left == 0 and self.is_empty() and not self.is_closed():
            raise errors.Empty('The queue is empty')
        taken = []
        try:
            with _closing:
                wait(self._take, taken, timeout=left, cancellable=cancellable)
        except BaseException:       # of a signal's handler
            self._give_back(taken)
            raise
        return taken[0]

    def _take(self, taken, left, cancellable):
        taken.append(_Base.get_frame(self, left, cancellable))

    def get_into(self, buffer, offset=0, block=True, timeout=None, cancellable=None):
        """Gets the first item, which is bytes, into a buffer that can be written to, from the offset in bytes on.

        Gives how many there were.  If they do not fit, BufferTooShort; they stay in the queue.
        """
        with memoryview(buffer) as view, view.cast('B') as room:
            if room.readonly:
                raise TypeError(f'{type(buffer).__name__} is a buffer that cannot be written to')
            if not 0 <= check_whole('offset', offset) < len(room):
                raise ValueError(f'the offset {offset} is not in a buffer of {len(room)} bytes')
            note_loop()
            got = self._get_short(len(room) - offset, _find_time(block, timeout), cancellable)
            room[offset:offset + len(got)] = got
            return len(got)

    def _get_short(self, most, left, cancellable):
        if self._failure is not None:
            self._fail()
        if cancellable is None:
            try:
                return _quick_get(self, most, _MOMENT if left is None else min(_MOMENT, left), None)
            except GLib.Error as error:
                if (error.domain, error.code) == (errors.DOMAIN, errors.Corrupted.code):
                    raise errors.translate(error) from None     # what is no item is taken
        taken = []      # the other way knows what to do, and says why not
        try:
            with _closing:
                wait(lambda left, cancellable: taken.append(_get_payload(self, most, left, cancellable)),
                     timeout=left, cancellable=cancellable)
        except BaseException:       # of a signal's handler
            self._give_back([got + _RAW_END for got in taken])
            raise
        return taken[0]

    def get_many(self, max, block=True, timeout=None, cancellable=None):
        """Gets a list of the first items: waits for one, and gets with it those that are there, up to max of them."""
        note_loop()
        _check_number(max)
        if self._failure is not None:
            self._fail()
        frame = _try_get(self, 0.0) if cancellable is None else None
        return self._get_more(frame or self._wait_for_frame(_find_time(block, timeout), cancellable), max)

    def _get_more(self, frame, most):
        frames, values = [], []
        try:
            while frame:
                frames.append(frame)
                values.append(frame[:_RAW_PLACE] if frame.endswith(_RAW_END) else _read(frame))
                frame = _try_get(self, 0.0) if len(values) < most else b''
        except BaseException as error:
            if is_of_handler(error):
                self._give_back(frames)
                raise
            # The one that could not be read is nobody's; what came before it is got, or stays.
            if not isinstance(error, Exception):
                self._give_back(frames[:len(values)])
            if not values or not isinstance(error, Exception):
                raise
            self._failure = error
        return values

    def _fail(self):
        failure, self._failure = self._failure, None
        raise failure

    def get_async(self, timeout=None, cancellable=None, callback=None, *user_data):
        """Gets the first item, to be awaited."""
        if callback is None:
            return self._get_soon(_find_time(True, timeout), cancellable)
        return _Base.get_frame_async(self, _as_library(timeout), cancellable, callback, *user_data)

    async def _get_soon(self, left, cancellable):
        return self._read(await self._get_frame(left, cancellable))

    async def _get_frame(self, left, cancellable):
        """The next item as it came, to be awaited."""
        if self._failure is not None:
            self._fail()
        note_loop()
        with _closing:
            return await _waiting.take_soon(self, lambda: _Base.get_frame(self, 0.0, None), left, cancellable,
                                            lambda: _try_get(self, 0.0))

    def get_finish(self, outcome):
        """The item that get_async() with a callback got."""
        with _closing:
            return _read(_Base.get_frame_finish(self, outcome))

    def get_many_async(self, max, timeout=None, cancellable=None, callback=None, *user_data):
        """Gets a list of the first items, to be awaited; with a callback it is the library's own: GLib.Variants."""
        _check_number(max)
        if callback is None:
            return self._get_some(max, _find_time(True, timeout), cancellable)
        return _Base.get_many_async(self, max, _as_library(timeout), cancellable, callback, *user_data)

    async def _get_some(self, most, left, cancellable):
        return self._get_more(await self._get_frame(left, cancellable), most)

    def __iter__(self):
        """The items as they come, until the queue is closed in this process."""
        while True:
            if self._failure is not None:
                self._fail()
            note_loop()
            try:
                frame = _try_get(self, 0.0) or self._wait_for_frame(None, None)
            except errors.QueueClosed:
                return
            yield self._read(frame)

    async def __aiter__(self):
        while True:
            if self._failure is not None:
                self._fail()
            try:
                frame = await self._get_frame(None, None)
            except errors.QueueClosed:
                return
            yield self._read(frame)

    # --- The end

    def _give_back(self, frames):
        """Behind those that are there: an exception of a signal's handler came just when they had been got."""
        for frame in frames:
            if not self._put_back(*_split(frame)):
                warnings.warn(f'there is no room in {self!r} for an item that was got and not wanted: it is lost',
                              RuntimeWarning, stacklevel=3)

    def join_thread(self):
        """Does nothing, for there is no thread: what was put is put.  But the queue has to be closed first."""
        if not self.is_closed():
            raise AssertionError(f'{self!r} is not closed: join_thread() comes after close()')

    def cancel_join_thread(self):
        """Does nothing: there is no thread to be joined, and nothing is lost."""

    def _put_back(self, body, codec):
        if not codec.startswith('='):
            return _try_put(self, body, codec, 0.0)
        try:
            value = _Variant.new_from_bytes(GLib.VariantType(codec[1:]), GLib.Bytes.new(body), False)
            return _Base.put(self, value, 0.0, None)
        except errors.ProcessError:
            return False

    __reduce__ = _shareables.reduce_shareable

    def __reduce_ex__(self, protocol):
        return self.__reduce__()

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__


class JoinableQueue(adopt(Mp.JoinableQueue), Queue, metaclass=SameType):
    """A queue whose items are to be acknowledged by task_done() once each is done.

    What a process held that dies is lost, and take_lost() tells it; with redelivery=True others get it.
    """

    __module__ = 'gi.overrides.Mp'

    def join(self, timeout=None, cancellable=None):
        """Whether all that was put was got and is done; waits until then."""
        try:
            wait(_join, self, timeout=_find_time(True, timeout), cancellable=cancellable)
        except errors.TimeoutError:
            return False
        return True

    def join_async(self, timeout=None, cancellable=None, callback=None, *user_data):
        """Whether all that was put was got and is done, to be awaited."""
        if callback is not None:
            return _join_async(self, _as_library(timeout), cancellable, callback, *user_data)
        left = _as_library(_find_time(True, timeout))
        return _awaiting.operate(lambda cancellable, callback: _join_async(self, left, cancellable, callback),
                                 self._has_joined, cancellable=cancellable)

    def _has_joined(self, outcome):
        try:
            return self.join_finish(outcome)
        except errors.TimeoutError:
            return False

    def _give_back(self, frames):
        """They are held, as others that are not done: when this process ends, they are told as lost, or redelivered."""


_join, _join_async = Mp.JoinableQueue.join, Mp.JoinableQueue.join_async


class SimpleQueue(adopt(Mp.SimpleQueue), Queue, metaclass=SameType):
    """A queue for any number of items.  That of multiprocessing has put(), get(), empty() and close(), and no more."""

    __module__ = 'gi.overrides.Mp'

    def __init__(self, *, ctx=None, **properties):
        super().__init__(**properties)


# --- Items


def _prepare(obj):
    """The function that puts an object, and what it is called with."""
    if type(obj) is bytes:
        return _put_data, obj, _RAW
    if isinstance(obj, _Variant):
        return _Base.put, obj
    failure = None
    if _state.made is None:
        try:
            return _put_data, _dumps(obj, 5), _CODEC
        except Exception as error:
            if is_of_handler(error):
                raise
            failure = error
    message = _shareables.make_message(obj)     # its errors tell which part cannot be sent
    if message.get_n_attachments() > 0:
        return _Base.put_message, message       # whose error tells what to do
    if failure is not None:
        raise failure
    return _put_data, message.get_payload(), _CODEC


def _group(all_prepared):
    """Neighbours of one codec, or None for values: not so many that it takes a loop long to put them."""
    group, size, last = [], 0, None
    for put, what, *codec in all_prepared:
        its_size = len(what) if put is _put_data else what.get_size()
        if group and (codec != last or len(group) == _MOST_AT_ONCE or size + its_size > _MOST_BYTES_AT_ONCE):
            yield last[0] if last else None, group
            group, size = [], 0
        group.append(what)
        size += its_size
        last = codec
    if group:
        yield last[0] if last else None, group


def _list(objects):
    """To iterate over a queue takes its items out, and does not end."""
    if isinstance(objects, Mp.Queue):
        raise TypeError(f'put_many() takes a list of objects, and not {objects!r}; get_many() gives one')
    return list(objects)


def _make_message(obj):
    if type(obj) is bytes:
        return Mp.Message.new_data(obj, _RAW)
    return Mp.Message.new(obj) if isinstance(obj, _Variant) else _shareables.make_message(obj)


def _split(frame):
    body, _zero, codec = frame.rpartition(b'\0')
    return body, codec.decode()


def _read(frame):
    """The value of a frame; bytes of a codec that Python does not know stay bytes."""
    if frame.endswith(_PICKLE_END):
        return _loads(frame)        # what is behind the pickle does not matter
    body, codec = _split(frame)
    return _variant.decode(codec[1:], body) if codec.startswith('=') else body


# --- Times and errors

_GIVEN_UP = errors.Full, errors.TimeoutError, errors.Cancelled


def _find_time(block, timeout):
    """Seconds from 0 on, or None."""
    if not block:
        return 0.0
    return None if check_timeout(timeout) is None else max(0.0, timeout)


def _as_library(timeout):
    return FOREVER if timeout is None else timeout


def _find_end(left):
    return None if left is None else time.monotonic() + left


def _find_moment(end):
    return _MOMENT if end is None else max(0.0, min(_MOMENT, end - time.monotonic()))


def _find_left(end):
    return None if end is None else max(0.0, end - time.monotonic())


def _check_number(most):
    if not hasattr(most, '__index__') or most < 1:
        raise ValueError(f'get_many() takes how many items to get at most, from 1 on, not {most!r}')


class _Closing:
    """Makes the error of a queue that is closed what Python's programs expect."""

    def __enter__(self):
        return None

    def __exit__(self, _cls, error, _traceback):
        if type(error) is errors.Closed:
            raise errors.QueueClosed(error.message) from None


_closing = _Closing()
