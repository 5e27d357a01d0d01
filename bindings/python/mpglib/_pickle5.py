# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The codec 'pickle5': any Python object, between Python processes that trust one another."""

from array import array
from itertools import accumulate
import pickle

from . import errors
from ._calls import is_of_handler
from ._variant import decode
from ._variant._types import OFFSET_CODES, offset_size

CODEC = 'pickle5'
_PROTOCOL = 5


def dumps(value):
    """The pickle of a value; PicklingError tells which part cannot be sent, and what to do."""
    try:
        return pickle.dumps(value, _PROTOCOL)
    except MemoryError:
        raise
    except Exception as error:
        if is_of_handler(error):
            raise
        raise _explain(value, error) from error


def loads(data):
    """The value of a pickle; UnpicklingError, whatever goes wrong in it, unless the library says it by an error.

    What the handler of a signal raises meanwhile is not of the pickle, and stays what it is.
    """
    try:
        return pickle.loads(data)
    except (MemoryError, errors.ProcessError):
        raise
    except Exception as error:
        if is_of_handler(error):
            raise
        raise pickle.UnpicklingError(
            f'what was received cannot be rebuilt here: {type(error).__name__}: {error}') from error


def join(pickles):
    """Many pickles in one: a serialised GVariant of the type aay."""
    body = b''.join(pickles)
    code = OFFSET_CODES[offset_size(len(body), len(pickles))]
    return body + array(code, accumulate(map(len, pickles))).tobytes()


def split(data):
    """The pickles that were joined."""
    return decode('aay', data)


def _explain(value, error):
    path, part = _find_culprit(value)
    if '<lambda>' in str(error) or '<locals>' in str(error):
        remedy = 'define it at the top of a module'
    else:
        remedy = 'send what it is made of, and make it again on the other side'
    return pickle.PicklingError(f'value{path}: {_describe(part)} cannot be sent to another process: '
                                f'{error}; {remedy}')


def _find_culprit(value, depth=20):
    """Where in lists, tuples and dicts the part sits that does not pickle, and that part."""
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, (list, tuple)):
        items = list(enumerate(value))
    else:
        return '', value
    for key, item in items if depth else ():
        if not _pickles(item):
            path, part = _find_culprit(item, depth - 1)
            return f'[{_shorten(key)}]{path}', part
    return '', value


def _pickles(value):
    try:
        pickle.dumps(value, _PROTOCOL)
    except Exception as error:
        if is_of_handler(error):
            raise
        return False
    return True


def _describe(value):
    return f'{_shorten(value)} of type {type(value).__qualname__}'


def _shorten(value):
    try:
        text = repr(value)
    except Exception:
        return '(an object without repr)'
    return text if len(text) <= 80 else f'{text[:60]}...{text[-17:]}'
