# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Bytes in shared memory, in the form of multiprocessing.shared_memory."""

import ctypes
import errno

from gi.repository import Gio, GLib

from . import _shareables
from ._calls import Mp
from ._classes import SameType, adopt

_Base = adopt(Mp.SharedMemory)

_NUMBERS = {
    Gio.IOErrorEnum.NOT_FOUND: errno.ENOENT,
    Gio.IOErrorEnum.PERMISSION_DENIED: errno.EACCES,
    Gio.IOErrorEnum.TOO_MANY_OPEN_FILES: errno.EMFILE,
}

_OTHERS = {
    Gio.IOErrorEnum.INVALID_FILENAME: ValueError,
    Gio.IOErrorEnum.NO_SPACE: MemoryError,
}


def call(function, *args):
    """Calls it, with the exceptions that Python has for what is wrong with a file."""
    try:
        return function(*args)
    except GLib.Error as error:
        failure = _translate(error)
    raise failure


def _translate(error):
    if error.domain != GLib.quark_to_string(Gio.io_error_quark()):
        return error
    if error.code == Gio.IOErrorEnum.EXISTS:
        return OSError(errno.EEXIST, f'{error.message}; give nothing but the name to open that, '
                       "or name='', which finds one that nobody has")
    if error.code in _NUMBERS:          # OSError chooses FileExistsError and the like by the number
        return OSError(_NUMBERS[error.code], error.message)
    return _OTHERS.get(error.code, OSError)(error.message)


class SharedMemory(_Base, metaclass=SameType):
    """Bytes that processes share.

    Mp.SharedMemory(create=True, size=n) makes memory without a name: hand it over.  Nobody can take it away, and
    nothing is left of it.  With a name, or an empty one, which finds one that nobody has, it can be found as
    Mp.SharedMemory(name), and by multiprocessing.shared_memory too; it stays until somebody calls unlink().  Nobody
    tracks it, so track= changes nothing.
    """

    __module__ = 'gi.overrides.Mp'

    def __init__(self, name=None, create=False, size=0, *, track=True, **properties):
        if size < 0:
            raise ValueError(f'memory cannot have {size} bytes')
        if create and size == 0:
            raise ValueError("memory that is made needs a size: give size= how many bytes")
        if not create and name is None:
            raise ValueError('give the name of memory that is there, or create=True and a size')
        super().__init__(name=name, create=create, size=size if create else 0, **properties)
        call(_Base.open, self)

    @property
    def name(self):
        return self.get_name()

    @property
    def size(self):
        return self.get_size()

    @property
    def buf(self):
        """The memory itself, a memoryview; Mp.Closed once it was closed."""
        views = self.__dict__
        if '_view' not in views:
            # They keep the memory, whatever becomes of this object.
            kept = self.get_buffer()
            cells = (ctypes.c_ubyte * self.get_size()).from_address(self.get_address())
            cells._mp_owner = kept
            views['_view'] = memoryview(cells).cast('B')
        return views['_view']

    def write(self, offset, data):
        """Writes bytes there."""
        if isinstance(data, str):
            raise TypeError(f'memory takes bytes, not the text {data!r}: encode it')
        return _Base.write(self, offset, data)

    def close(self):
        """Gives this process's part back; what still has a part of buf keeps the memory."""
        view = self.__dict__.pop('_view', None)
        if view is not None:
            try:
                view.release()
            except BufferError:
                pass
        _Base.close(self)

    def unlink(self):
        """Takes the name away."""
        call(_Base.unlink, self)

    __reduce__ = _shareables.reduce_shareable

    def __reduce_ex__(self, protocol):
        return self.__reduce__()

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__
