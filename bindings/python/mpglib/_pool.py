# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.Pool in the form of multiprocessing.Pool."""

import _thread
import collections
import contextlib
import sys
import warnings
import weakref

from gi.repository import GLib

from . import _awaiting, _launcher, _main_module, _messages, _pickle5, _shareables, _targets, errors
from ._calls import FOREVER, Mp, check_timeout, check_whole, taking_array, wait
from ._classes import SameType, adopt
from ._process import explain

_Pool = adopt(Mp.Pool)
_Pool.submit_map = taking_array(_Pool.submit_map, 2, 'items')
_PoolResult = adopt(Mp.PoolResult)
_ResultIterator = adopt(Mp.ResultIterator)


class Pool(_Pool, metaclass=SameType):
    """Worker processes that run functions: Mp.Pool(4).map(function, items).

    Functions may also be names of functions of the workers' language: Mp.Pool(4, context=Mp.Context(
    launcher='native')).map('./libwork.so#digest', paths); arguments and results are GVariants then.
    """

    __module__ = 'gi.overrides.Mp'

    _is_made = _has_work = False

    def __init__(self, processes=None, *, maxtasksperchild=None, context=None, **properties):
        _main_module.guard()
        if 'initializer' in properties or 'initargs' in properties:
            raise TypeError('a pool has no initializer yet: give what its functions need, shared values and arrays '
                            'too, among their arguments')
        if processes is not None:
            properties['n_workers'] = check_whole('processes', processes, 1)
        if maxtasksperchild is not None:
            properties['max_tasks_per_worker'] = check_whole('maxtasksperchild', maxtasksperchild, 0)
        self._results = set()       # those with callbacks that were not called yet
        self._iterators = weakref.WeakSet()     # those that may have items left to take
        _Pool.__init__(self, context=context or Mp.Context.get_default(), **properties)
        self._is_made = True

    # --- one call --------------------------------------------------------------------------------------------

    def apply(self, func, args=(), kwds=None):
        """The result of func(*args, **kwds) in a worker."""
        return self.apply_async(func, args, kwds).get()

    def apply_async(self, func, args=(), kwds=None, callback=None, error_callback=None, *, name=None):
        """Has a worker call func(*args, **kwds)."""
        self._prepare()
        target, args = _targets.name_call(func, tuple(args))
        message = _messages.make_call(target, args, dict(kwds or {}))
        result = self.submit_message(target, message, _make_options(name=name))
        return result._promise(self, callback, error_callback)

    # --- many ------------------------------------------------------------------------------------------------

    def map(self, func, iterable, chunksize=None):
        """The results of func(item) for each item, in their order."""
        return self.map_async(func, iterable, chunksize).get()

    def starmap(self, func, iterable, chunksize=None):
        """The results of func(*item) for each item, in their order."""
        return self.starmap_async(func, iterable, chunksize).get()

    def map_async(self, func, iterable, chunksize=None, callback=None, error_callback=None, *, name=None):
        """Has the workers call func(item) for each item."""
        return self._map(func, iterable, chunksize, callback, error_callback, name=name)

    def starmap_async(self, func, iterable, chunksize=None, callback=None, error_callback=None, *, name=None):
        """Has the workers call func(*item) for each item."""
        return self._map(func, iterable, chunksize, callback, error_callback, name=name, starmap=True)

    def _map(self, func, iterable, chunksize, callback, error_callback, **options):
        self._prepare()
        items = _Items(func, options.get('starmap', False))
        all_items = items.make_all(iterable)
        submit = self.submit_map_messages if isinstance(all_items, list) else self.submit_map_message
        result = submit(items.target, all_items, chunksize or 0, _make_options(**options))
        result._is_map = True
        return result._promise(self, callback, error_callback)

    def imap(self, func, iterable, chunksize=1):
        """An iterator over the results, in the order of the items, which are taken as they are needed."""
        return self._imap(func, iterable, chunksize, True)

    def imap_unordered(self, func, iterable, chunksize=1):
        """An iterator over the results as they come; items are taken as they are needed."""
        return self._imap(func, iterable, chunksize, False)

    def _imap(self, func, iterable, chunksize, ordered):
        if chunksize < 1:
            raise ValueError(f'a chunk of {chunksize} items')
        self._prepare()
        items = _Items(func, False)
        iterator = _Pool.imap(self, items.target, None, chunksize, ordered, None)
        iterator._pool = self       # which else would end its work if nobody else held it
        iterator._begin(items, iter(iterable), self.get_n_workers() * (16 + 2 * chunksize))
        self._iterators.add(iterator)
        return iterator

    def _prepare(self):
        if not self._has_work:      # the workers start with the first task
            _launcher.prepare(self.get_context(), None)
            self._has_work = True

    # --- its end ---------------------------------------------------------------------------------------------

    def close(self):
        """Takes no more work; what was given, all items of imap() included, will be done."""
        for iterator in list(self._iterators):
            iterator._push(sys.maxsize)
        _Pool.close(self)

    def join(self, timeout=None, cancellable=None):
        """Waits until all workers are gone, at most timeout seconds; tells whether they are.

        The pool must have been closed or terminated.
        """
        try:
            wait(_Pool.join, self, timeout=timeout, cancellable=cancellable)
        except errors.TimeoutError:
            return False
        self._call_back()
        return True

    def join_async(self, timeout=None, cancellable=None, callback=None, *user_data):
        """Tells whether all workers are gone within the time, to be awaited."""
        seconds = FOREVER if check_timeout(timeout) is None else timeout
        if callback is not None:
            return _Pool.join_async(self, seconds, cancellable, callback, *user_data)

        def begin(cancellable, callback):
            _Pool.join_async(self, seconds, cancellable, callback)

        return self._join_soon(begin, cancellable)

    async def _join_soon(self, begin, cancellable):
        try:
            await _awaiting.operate(begin, self.join_finish, cancellable=cancellable)
        except errors.TimeoutError:
            return False
        self._call_back()
        return True

    def _call_back(self):
        for result in list(self._results):
            result._call_back()

    def __enter__(self):
        if self.get_state() != Mp.PoolState.RUNNING:
            raise errors.InvalidState('the pool takes no more work: it was closed or terminated; make another one')
        return self

    def __exit__(self, *_exception):
        self.terminate()

    def __del__(self, _warn=warnings.warn, _is_finalizing=sys.is_finalizing):
        # At the end of the program its modules may be gone, and the workers go with it.
        if _is_finalizing() or not self._is_made:
            return
        state = self.get_state()
        try:
            if self._has_work and state == Mp.PoolState.RUNNING:
                _warn(f'{self!r} was neither closed nor terminated, nor used by `with`', ResourceWarning, 2, self)
        finally:
            if state in (Mp.PoolState.RUNNING, Mp.PoolState.CLOSING):
                self._outlive()

    def _outlive(self):
        """Has the pool do what it was given, though nobody holds it any more: somebody may wait for a result of that.

        Results do not hold it themselves: the pool holds those that nobody was told of yet, for ever where no main
        loop runs.
        """
        _Pool.close(self)
        if self.get_state() != Mp.PoolState.ENDED:
            try:
                # It may be the garbage collector that calls, within functions of the threading module, too.
                _thread.start_new_thread(_hold, (self,))
            except RuntimeError:
                pass            # there is no thread, or not any more as the program ends: its work is cancelled

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__


def _hold(pool):
    """Until its workers are gone."""
    with contextlib.suppress(GLib.Error):
        _Pool.join(pool, FOREVER, None)


def _make_options(**options):
    options = {name: value for name, value in options.items() if value}
    return Mp.TaskOptions(**options) if options else None


# Shared objects that go with every chunk of a map's items, so that there may be chunks of several.
_MOST_COMMON = 8


class _Items:
    """The items of a map, on their way to a function."""

    def __init__(self, func, starmap):
        self.target, self.first = _targets.name_call(func, ())
        self.starmap = starmap
        self.is_python = _messages.is_python(self.target)

    def _pickle(self, item):
        args = (*self.first, *item) if self.starmap else (*self.first, item)
        return _pickle5.dumps((args, {}))

    def _pickle_all(self, items):
        return _pickle5.join([self._pickle(item) for item in items])

    def make_all(self, iterable):
        """A message with all items; or a list of one each, if there is too much in them to send each time."""
        items = [tuple(item) for item in iterable] if self.starmap else list(iterable)
        message = self._make_array(items)
        if message.get_n_attachments() <= _MOST_COMMON:
            return message
        return [self.make_message(item) for item in items]

    def _make_array(self, items):
        if self.is_python:
            return _shareables.make_message(items, self._pickle_all)
        return _messages.make_plain(items)

    def make_message(self, item):
        if self.is_python:
            return _shareables.make_message(item, self._pickle)
        return _messages.make_plain(item)


class PoolResult(_PoolResult, metaclass=SameType):
    """What becomes of a call, or of a map.  It can be awaited."""

    __module__ = 'gi.overrides.Mp'

    _is_map = False
    _pool = None                # where it has callbacks that were not called: weakly, since the pool holds it
    _callback = None
    _error_callback = None

    def get(self, timeout=None, cancellable=None):
        """Waits for the result and gives it, or raises what the function has raised."""
        wait(_PoolResult.wait, self, timeout=timeout, cancellable=cancellable)
        self._call_back()
        return self._read()

    def get_finish(self, result):
        """The result that get_async() has waited for."""
        _PoolResult.wait_finish(self, result)
        return self._read()

    def get_async(self, timeout=None, cancellable=None, callback=None, *user_data):
        """The result, to be awaited: as `await` of this object, with a limit."""
        return self._wait_soon(self.get_finish, timeout, cancellable, callback, user_data)

    def _wait_soon(self, finish, timeout, cancellable, callback, user_data):
        seconds = FOREVER if check_timeout(timeout) is None else timeout
        if callback is not None:
            return _PoolResult.wait_async(self, seconds, cancellable, callback, *user_data)

        def begin(cancellable, callback):
            _PoolResult.wait_async(self, seconds, cancellable, callback)

        return self._call_back_after(begin, finish, cancellable)

    async def _call_back_after(self, begin, finish, cancellable):
        try:
            value = await _awaiting.operate(begin, finish, cancellable=cancellable)
        except Exception:
            if self.is_ready():
                self._call_back()
            raise
        if self.is_ready():
            self._call_back()
        return value

    def wait(self, timeout=None, cancellable=None):
        """Waits for the end of the task, at most timeout seconds; tells whether it has ended."""
        try:
            wait(_PoolResult.wait, self, timeout=timeout, cancellable=cancellable)
        except errors.TimeoutError:
            return False
        self._call_back()
        return True

    def wait_async(self, timeout=None, cancellable=None, callback=None, *user_data):
        """Tells whether the task has ended within the time, to be awaited."""
        return self._wait_soon(self._has_ended, timeout, cancellable, callback, user_data)

    def _has_ended(self, outcome):
        try:
            return _PoolResult.wait_finish(self, outcome)
        except errors.TimeoutError:
            return False

    def ready(self):
        return self.is_ready()

    def successful(self):
        """Whether the task ended without an error; ValueError if it has not ended."""
        if not self.is_ready():
            raise errors.InvalidState('the task has not ended')
        return self.is_successful()

    def get_item(self, index):
        """The result of one item of a map, which need not have ended as a whole."""
        try:
            message = self.get_item_message(index)
        except GLib.Error as error:
            report = self.get_item_report(index)
            failure = error if report is None else explain(error, report)
        else:
            return _messages.read_value(message)
        raise failure

    def _read(self):
        try:
            message = self.get_message()
        except GLib.Error as error:
            report = self.get_report()
            failure = error if report is None else explain(error, report)
        else:
            if self._is_map and message.get_codec() == _pickle5.CODEC:
                return [_shareables.read_pickle(data, _Item(self, index))
                        for index, data in enumerate(_pickle5.split(message.get_payload()))]
            return _messages.read_value(message)
        raise failure

    # --- callbacks -------------------------------------------------------------------------------------------

    def _promise(self, pool, callback, error_callback):
        """Has the callbacks called once: by the main loop, or by who waits for the result, or joins the pool."""
        if callback is not None or error_callback is not None:
            self._callback, self._error_callback = callback, error_callback
            self._pool = weakref.ref(pool)
            pool._results.add(self)
            self._listener = self.connect('finished', PoolResult._call_back)
        return self

    def _call_back(self):
        get_pool, self._pool = self._pool, None
        if get_pool is None:
            return
        pool = get_pool()
        if pool is not None:
            pool._results.discard(self)
            del pool            # which would else be there while the callback is called
        # Nobody listens any more.  Who has no main loop would else keep for ever what there is to tell in it.
        self.disconnect(self._listener)
        _PoolResult.wait(self, 0.0, None)
        callback, argument = self._callback, None
        try:
            argument = self._read()
        except Exception as error:
            callback, argument = self._error_callback, error
        self._callback = self._error_callback = None
        if callback is not None:
            _call_aside(callback, argument)

    def __await__(self):
        if not self.is_ready():
            yield from _awaiting.wait_for(self)
        self._call_back()
        return self._read()

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__


def _call_aside(callback, argument):
    """What a callback raises is told, as in a main loop: who waits has the result, and others are called, too."""
    try:
        callback(argument)
    except Exception:
        try:
            sys.excepthook(*sys.exc_info())
        except Exception:
            sys.__excepthook__(*sys.exc_info())


class _Item:
    """Where the pickle of one item's result finds what is attached to it."""

    __slots__ = ('result', 'index')

    def __init__(self, result, index):
        self.result = result
        self.index = index

    def get_attachment(self, index):
        return self.result.get_item_message(self.index).get_attachment(index)


# Errors of a wait for the next result, and not of that.
_OF_THE_WAIT = errors.TimeoutError, errors.Cancelled, errors.Forked


class ResultIterator(_ResultIterator, metaclass=SameType):
    """The results of imap(), one by one: by `for`, and where it is awaited by `async for`."""

    __module__ = 'gi.overrides.Mp'

    _items = _source = _pool = None
    _taken_back = ()

    def _begin(self, items, source, window):
        self._items, self._source = items, source
        self._push(window)

    def _push_more(self):
        """Gives the workers another item in place of one whose result was taken."""
        try:
            self._push(1)
        except errors.Closed:
            pass        # the pool was terminated, which the results tell

    def _push(self, count):
        try:
            while self._source is not None and count > 0:
                count -= 1
                self.push_message(self._items.make_message(next(self._source)))
        except StopIteration:
            self._stop()
        except BaseException as error:
            self._stop()
            if isinstance(error, errors.Closed) and self._pool.get_state() == Mp.PoolState.RUNNING:
                return      # no worker finds the function, which the results tell
            self.cancel()
            raise

    def _stop(self):
        self._source = None
        self.finish_items()

    def next(self, timeout=None, cancellable=None):
        """The next result, or the exception of the next item; TimeoutError if there is none in time."""
        if self._taken_back:
            return self._take(self._taken_back.popleft())
        try:
            message = wait(_ResultIterator.next_message, self, timeout=timeout, cancellable=cancellable)
        except GLib.Error as error:
            if isinstance(error, _OF_THE_WAIT):
                raise
            message = self._explain(error)
        return self._take(message)

    def _take(self, message):
        """The value of an item, or its exception."""
        if isinstance(message, StopIteration):
            self._pool = None
            raise message
        self._push_more()
        if isinstance(message, Exception):
            raise message
        return _messages.read_value(message)

    def _explain(self, error):
        """The exception of the next item, or that there is none."""
        if self.is_exhausted():
            return StopIteration()
        report = self.get_report()
        return error if report is None else explain(error, report)

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def __aiter__(self):
        return self

    async def __anext__(self):
        def begin(cancellable, callback):
            _ResultIterator.next_message_async(self, FOREVER, cancellable, callback)

        if self._taken_back:
            message = self._taken_back.popleft()
        else:
            message = await _awaiting.operate(begin, self._finish_next, self._take_back, lasts=True)
        try:
            return self._take(message)
        except StopIteration:
            pass
        raise StopAsyncIteration

    def _take_back(self, message):
        """Of who was collected while it waited: for who comes next."""
        if self._taken_back == ():
            self._taken_back = collections.deque()
        self._taken_back.append(message)

    def _finish_next(self, outcome):
        """What _take() takes: the message of the next item, or its exception."""
        try:
            return _ResultIterator.next_message_finish(self, outcome)
        except GLib.Error as error:
            if isinstance(error, _OF_THE_WAIT):
                raise
            return self._explain(error)

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__


for _class in (Mp.PoolWorker, Mp.TaskOptions, Mp.WorkerTask):
    adopt(_class)
    _class.__repr__ = _class.__str__ = _class.to_string
