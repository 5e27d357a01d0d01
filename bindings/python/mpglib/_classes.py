# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""How the library's classes become those of Python: their errors, what waits, and what is awaited."""

import functools
import inspect
import types

from gi.repository import GObject

from . import _awaiting, errors
from ._calls import FOREVER, Mp, check_timeout, note_loop, taking_codec, translated, wait


def adopt(cls, never_waiting=(), explain=None):
    """Makes all methods of a class of the library raise the exceptions of mpglib.errors; gives the class.

    For explain see translated().
    """
    for info in cls.__info__.get_methods():
        name = info.get_name()
        if 'codec' in (names := _find_names(info)):
            method = taking_codec(getattr(cls, name), names.index('codec') + info.is_method())
            setattr(cls, name, method if info.is_method() else staticmethod(method))
        if info.can_throw_gerror():
            if (place := _find_timeout(info)) is not None:
                _blocking.setdefault(cls, {})[name] = place
            method = translated(getattr(cls, name), may_wait=name not in never_waiting,
                                explain=explain if info.is_method() else None)
            setattr(cls, name, method if info.is_method() else staticmethod(method))
        elif info.is_method() and name.endswith('_async'):
            _beginning.setdefault(cls, {})[name] = names
    return cls


def explain_closed(_thing, error):
    """For what has a descriptor, and whose only end is that it was closed here."""
    return errors.HandleClosed(error.message) if type(error) is errors.Closed else error


# The length of an array is told by the array.
_LENGTHS = 'length', 'n_items'


def _find_names(info):
    return [argument.get_name() for argument in info.get_arguments() if argument.get_name() not in _LENGTHS]


# The methods of a class that wait, and how many arguments there are before the timeout: see SameType.
_blocking = {}


def _find_timeout(info):
    """How many arguments Python gives before the timeout, if the method waits until that or a cancellable ends it."""
    if info.get_name().endswith('_async'):
        return None
    names = _find_names(info)
    return names.index('timeout') if 'timeout' in names and 'cancellable' in names else None


def interruptible(function, place):
    """A method of the library's, whose timeout has that place, as one that Ctrl-C ends."""
    @functools.wraps(function, assigned=('__name__', '__doc__'), updated=())
    def call(self, *args, **kwargs):
        if len(args) > place + 2:
            raise TypeError(f'{function.__name__}() takes at most {place + 2} arguments ({len(args)} given)')
        limits = dict(zip(('timeout', 'cancellable'), args[place:]))
        limits.update((name, kwargs.pop(name)) for name in ('timeout', 'cancellable') if name in kwargs)
        return wait(lambda left, cancellable: function(self, *args[:place], timeout=left, cancellable=cancellable,
                                                       **kwargs), **limits)
    return call


# The asynchronous methods of a class, and the names of their arguments: see SameType.
_beginning = {}

# Those of which nothing is lost, and nothing left held, if who awaits is cancelled when they have just ended.
_HARMLESS = 'join', 'put', 'send', 'wait'


def awaitable(function, names):
    """An asynchronous method of the library's that gives, without a callback, what can be awaited."""
    names = names[:names.index('callback')]
    finish = function.__name__[:-len('async')] + 'finish'

    @functools.wraps(function, assigned=('__name__', '__doc__'), updated=())
    def call(self, *args, **kwargs):
        if len(args) > len(names) or 'callback' in kwargs:
            return function(self, *args, **kwargs)
        given = {'timeout': None, 'cancellable': None, **dict(zip(names, args)), **kwargs}
        missing = [name for name in names if name not in given]
        unknown = [name for name in kwargs if name not in names or name in names[:len(args)]]
        if missing or unknown:
            raise TypeError(f'{function.__name__}() takes {", ".join(names)}, and a callback unless it is awaited')
        if check_timeout(given['timeout']) is None:
            given['timeout'] = FOREVER
        *values, cancellable = [given[name] for name in names]

        def begin(cancellable, callback):
            function(self, *values, cancellable, callback)

        return _awaiting.operate(begin, getattr(self, finish), cancellable=cancellable)
    call.__signature__ = _make_signature(names)
    return call


def naming(function, name):
    """The same; Python tells of a coroutine that nobody awaits by its name, which is that of what was called."""
    if isinstance(function, staticmethod):
        return staticmethod(naming(function.__func__, name))

    @functools.wraps(function)
    def call(*args, **kwargs):
        coroutine = function(*args, **kwargs)
        if type(coroutine) is types.CoroutineType:
            coroutine.__qualname__ = name
        return coroutine
    return call


def _make_signature(names):
    defaults = {'timeout': None, 'cancellable': None}
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD,
                                    default=defaults.get(name, inspect.Parameter.empty)) for name in ('self', *names)]
    callback = inspect.Parameter('callback', inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)
    return inspect.Signature([*parameters, callback, inspect.Parameter('user_data', inspect.Parameter.VAR_POSITIONAL)])


def settable(name, doc):
    """A property of the library's as one of the class, which PyGObject has in `props` alone."""
    def get(self):
        return getattr(self.props, name)

    def set(self, value):
        setattr(self.props, name, value)

    return property(get, set, doc=doc)


# What takes properties by their names, and says of other arguments only that there are some.
_OF_GOBJECT = GObject.Object.__init__


class SameType(type(Mp.Context)):
    """Makes subclasses written in Python plain Python classes over the library's type, which is final.

    The library's methods that wait, and have no other form in Python, are made interruptible, and what can be awaited
    without harm is made so.
    """

    def __new__(mcs, name, bases, namespace):
        for place, base in enumerate(bases):
            if '__gtype__' not in namespace and isinstance(base, SameType.__mro__[1]):
                namespace['__gtype__'] = base.__gtype__
            makers = ((interruptible, _blocking.get(base, {})), (awaitable, _beginning.get(base, {})))
            for method, make, about in ((name, make, about) for make, all in makers for name, about in all.items()):
                is_ours = method in namespace or any(hasattr(other, method) for other in bases[:place])
                if not is_ours and (make is not awaitable or method.startswith(_HARMLESS)):
                    namespace[method] = make(getattr(base, method), about)
        for method, function in namespace.items():
            if method.endswith('_async') and isinstance(function, (types.FunctionType, staticmethod)):
                namespace[method] = naming(function, f'{name}.{method}')
        return super().__new__(mcs, name, bases, namespace)

    def __call__(cls, *args, **kwargs):
        note_loop()
        if args and cls.__init__ is _OF_GOBJECT:
            raise TypeError(f'Mp.{cls.__name__}() takes no arguments by their places' + getattr(cls, '_made_by', ''))
        return super().__call__(*args, **kwargs)
