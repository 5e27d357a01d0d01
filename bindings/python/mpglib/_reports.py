# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""An exception on its way from one process to another.

It travels as text that every language can show, and between Python processes also as a pickle, which
keeps its class and its attributes.
"""

import pickle
import traceback
from typing import NamedTuple


class Report(NamedTuple):
    type: str
    message: str
    traceback: str
    pickle: bytes   # empty when the exception would not survive it


class RemoteTraceback(Exception):
    """The cause of an exception from another process: its traceback there."""

    def __init__(self, text):
        super().__init__(text)
        self.text = text

    def __str__(self):
        return f'\n"""\n{self.text}"""'


def describe(error, skip=0):
    """The report on an exception; skip drops the outermost frames, those of the worker itself."""
    return Report(name_class(type(error)), _describe_message(error), _format(error, skip), _pickle(error))


def rebuild(report, make_substitute):
    """The exception of a report, its traceback as the cause.

    Where its class cannot be had, make_substitute(report) gives an exception in its place.
    """
    error = _unpickle(report.pickle) or make_substitute(report)
    if report.traceback:
        error.__cause__ = RemoteTraceback(report.traceback)
    return error


def name_class(cls):
    return cls.__qualname__ if cls.__module__ == 'builtins' else f'{cls.__module__}.{cls.__qualname__}'


def _describe_message(error):
    try:
        return _clean(str(error))
    except Exception as failure:
        return f'(its str() failed with {type(failure).__name__})'


def _format(error, skip):
    frames = error.__traceback__
    for _ in range(skip):
        if frames is not None:
            frames = frames.tb_next
    return _clean(''.join(traceback.format_exception(type(error), error, frames)))


def format_traceback(parts):
    """A traceback of formatted frames and a formatted exception, as describe() has it."""
    return _clean('Traceback (most recent call last):\n' + ''.join(parts))


def _clean(text):
    """Text without what C strings cannot hold: zeros and lone surrogates."""
    return text.encode('utf-8', 'backslashreplace').decode().replace('\0', '\\x00')


def _pickle(error):
    """The pickle of an exception, proved by rebuilding it.

    Many exceptions pickle well, but their class then refuses the arguments that the pickle calls it with.
    KeyboardInterrupt and SystemExit are the affair of the process that they are raised in.
    """
    if not isinstance(error, Exception):
        return b''
    try:
        data = pickle.dumps(error, 5)
        rebuilt = pickle.loads(data)
    except Exception:
        return b''
    return data if type(rebuilt) is type(error) else b''


def _unpickle(data):
    try:
        error = pickle.loads(data) if data else None
    except Exception:
        return None
    return error if isinstance(error, BaseException) else None
