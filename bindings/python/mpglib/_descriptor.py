# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.Descriptor: what has a file descriptor, and can be sent; and sockets, which are sent as such."""

from . import _shareables
from ._calls import Mp
from ._classes import SameType, adopt, explain_closed

_Base = adopt(Mp.Descriptor, explain=explain_closed)


class Descriptor(_Base, metaclass=SameType):
    """A file descriptor as an object, which closes it: Mp.Descriptor.duplicate(fd) makes one with a duplicate.

    It can be sent to other processes, and be waited for.  A socket.socket need not become one to be sent.
    """

    __module__ = 'gi.overrides.Mp'
    _made_by = ': Mp.Descriptor.duplicate(fd) gives one'

    def fileno(self):
        """The descriptor, which stays the object's; -1 if it was closed, as that of a socket."""
        return self.get_fd()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    __reduce__ = _shareables.reduce_shareable

    def __reduce_ex__(self, protocol):
        return self.__reduce__()

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__


_shareables.make_descriptor = Descriptor.duplicate
