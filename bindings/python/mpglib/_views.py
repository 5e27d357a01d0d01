# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Objects of ctypes and views that lie in the memory of shared values and arrays, and what a fork makes of them.

In a process that is forked a shared object is the child's own only after its first call of the library.  What reads
the memory directly makes no call: so the child forgets what was kept, to make it anew by a call, and makes a call for
each object that programs have views of.
"""

import os
import warnings
import weakref

_KEPT = ('_cell', '_cells', '_near', '_state')

_keeping = weakref.WeakSet()
_viewed = weakref.WeakSet()


def keep(owner, name, made):
    """Keeps an object of ctypes as an attribute of its owner, one of _KEPT, until a fork."""
    _keeping.add(owner)
    owner.__dict__[name] = made
    return made


def get_address(owner):
    """The address of an object that a program gets a view of."""
    address = owner.get_address()
    _viewed.add(owner)
    return address


def _become_child():
    for owner in list(_keeping):
        for name in _KEPT:
            owner.__dict__.pop(name, None)
    gone = []
    for owner in list(_viewed):
        try:
            owner.get_address()
        except Exception as error:
            gone.append((type(owner).__name__, error))
    for name, error in gone:
        warnings.warn(f'this process was forked from one that gave {name} back at once: '
                      f'do not use what it has of its memory ({error})', RuntimeWarning, stacklevel=2)


os.register_at_fork(after_in_child=_become_child)
