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
    """The report on an exception; skip drops the outermost frames, those of the worker itself.

    It calls code of the exception's own, which may raise whatever it likes.  Somebody waits for the report, so
    there is one in any case.
    """
    return Report(_name(type(error)), _describe_message(error), _format(error, skip), _pickle(error))


def summarize(error):
    """The class and the message of any exception, in a line as at the end of a traceback."""
    return f'{_name(type(error))}: {_describe_message(error)}'


def rebuild(report, make_substitute):
    """The exception of a report, its traceback as the cause.

    Where its class cannot be had, make_substitute(report) gives an exception in its place.
    """
    error = _unpickle(report.pickle) or make_substitute(report)
    if report.traceback:
        # Past its own code, which may not have it.
        BaseException.__cause__.__set__(error, RemoteTraceback(report.traceback))
    return error


def name_class(cls):
    return cls.__qualname__ if cls.__module__ == 'builtins' else f'{cls.__module__}.{cls.__qualname__}'


def _name(cls):
    try:
        return _clean(name_class(cls))
    except BaseException:
        return 'an exception without a name'


def _describe_message(error):
    try:
        return _clean(str(error))
    except BaseException as failure:
        return f'(its str() failed with {_name(type(failure))})'


def _format(error, skip):
    frames = None
    try:
        frames = _skip_frames(error.__traceback__, skip)
        return _clean(''.join(traceback.format_exception(type(error), error, frames)))
    except BaseException as failure:        # of its notes, say
        last = f'{summarize(error)}\n(the rest of it cannot be told: {_name(type(failure))})\n'
    try:
        return format_traceback([*traceback.format_tb(frames), last])
    except BaseException:
        return last


def _skip_frames(frames, skip):
    for _ in range(skip):
        if frames is not None:
            frames = frames.tb_next
    return frames


def format_traceback(parts):
    """A traceback of formatted frames and a formatted exception, as describe() has it."""
    return _clean('Traceback (most recent call last):\n' + ''.join(parts))


def _clean(text):
    """Text without what C strings cannot hold: zeros and lone surrogates."""
    return str.encode(text, 'utf-8', 'backslashreplace').decode().replace('\0', '\\x00')


def _pickle(error):
    """The pickle of an exception, proved by rebuilding it.

    Many exceptions pickle well, but their class then refuses the arguments that the pickle calls it with.
    KeyboardInterrupt and SystemExit are the affair of the process that they are raised in.
    """
    if not issubclass(type(error), Exception):
        return b''
    try:
        data = pickle.dumps(error, 5)
        rebuilt = pickle.loads(data)
    except BaseException:
        return b''
    return data if type(rebuilt) is type(error) else b''


def _unpickle(data):
    try:
        error = pickle.loads(data) if data else None
    except KeyboardInterrupt:
        raise       # by who interrupts the program
    except BaseException:
        return None
    return error if issubclass(type(error), BaseException) else None
