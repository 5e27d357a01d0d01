# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Addresses of listeners, as multiprocessing.connection has them and as the library does."""

import os

# What the library writes before an address.
_UNIX, _ABSTRACT, _TCP = 'unix:', 'abstract:', 'tcp:'
_FAMILIES = {'AF_UNIX': (_UNIX, _ABSTRACT), 'AF_INET': (_TCP,)}


def to_text(address, family=None):
    """The library's form of an address of either form: (host, port), a path, '\\0name', or what the library writes."""
    if family is not None and family not in _FAMILIES:
        raise ValueError(f'there is no family {family!r} here; there are {", ".join(_FAMILIES)}')
    text = _to_any_text(address)
    if text is not None and family is not None and not text.startswith(_FAMILIES[family]):
        raise ValueError(f'the address {address!r} is not of the family {family}')
    if text is None and family == 'AF_INET':
        return _TCP + '127.0.0.1:0'
    return text


def _to_any_text(address):
    if address is None:
        return None
    if isinstance(address, tuple):
        if len(address) != 2 or not isinstance(address[0], str) or not hasattr(address[1], '__index__'):
            raise TypeError(f'an address of TCP is a pair of a host and a port, (str, int), not {address!r}')
        host, port = address
        _check_text(host)
        return f'{_TCP}[{host}]:{port}' if ':' in host else f'{_TCP}{host}:{port}'
    if not isinstance(address, (str, bytes, os.PathLike)):
        raise TypeError(f'an address is a path, or a pair of a host and a port, not {address!r}')
    path = os.fsdecode(address)
    if path.startswith('\0'):
        return _ABSTRACT + _check_text(path[1:])
    _check_text(path)
    if path.startswith((_UNIX, _ABSTRACT, _TCP)):
        return path
    if path.startswith('\\\\'):
        raise ValueError(f'{path} is an address of the family AF_PIPE, which belongs to another platform; '
                         f'there are {", ".join(_FAMILIES)}')
    return _UNIX + path


def _check_text(text):
    """The same; the library would be at another address than that."""
    if '\0' in text:
        raise ValueError(f'an address has no null character but before an abstract name: {text!r}')
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f'an address has to be UTF-8: {text!r} is not') from None
    return text


def from_text(text):
    """The form that multiprocessing has for it."""
    if text is None:
        return None
    if text.startswith(_UNIX):
        return text.removeprefix(_UNIX)
    if text.startswith(_ABSTRACT):
        return '\0' + text.removeprefix(_ABSTRACT)
    host, _, port = text.removeprefix(_TCP).rpartition(':')
    return host.strip('[]'), int(port)
