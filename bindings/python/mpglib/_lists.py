# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Lists in shared memory, in the form of multiprocessing.shared_memory."""

import operator

from gi.repository import GLib

from . import _memory, _messages, _shareables, errors
from ._calls import Mp, check_array, taking_array
from ._classes import SameType, adopt

_Base = adopt(Mp.ShareableList)
_Base.new = staticmethod(taking_array(_Base.new, 0, 'items', is_tuple_too=True))
_Base.new_named = staticmethod(taking_array(_Base.new_named, 1, 'items', is_tuple_too=True))


def _make_variant(value):
    if value is None:
        return GLib.Variant('mv', None)
    if isinstance(value, bool):
        return GLib.Variant('b', value)
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 63:
            raise errors.OutOfRange(f'{value} does not fit into a shareable list: whole numbers have 64 bits')
        return GLib.Variant('x', value)
    if isinstance(value, float):
        return GLib.Variant('d', value)
    if isinstance(value, str):
        if '\0' in value:
            raise ValueError('a text in a shareable list cannot contain a zero character: use bytes')
        return GLib.Variant('s', value)
    if isinstance(value, (bytes, bytearray)):
        return GLib.Variant.new_from_bytes(GLib.VariantType('ay'), GLib.Bytes.new(bytes(value)), True)
    raise TypeError(f'{value!r} cannot be in a shareable list, which takes int, float, bool, str, bytes and None')


class _NoMemory:
    """What a list without a name has for `shm`.

    It goes with the last process that has it, so there is nothing to be closed or unlinked.
    """

    @property
    def name(self):
        raise errors.InvalidState('the list has no name by which others could find it: hand it over, or make it with '
                                  "name='', which finds one")

    def close(self):
        """Does nothing."""

    def unlink(self):
        """Does nothing."""


class ShareableList(_Base, metaclass=SameType):
    """A list of int, float, bool, str, bytes and None that processes share.

    Its length stays, and so does the room that a text or bytes have: what they were at first, rounded up to 8 bytes.

    Mp.ShareableList(sequence) has no name: hand it over.  Nobody can take it away, and nothing is left of it.  With a
    name, or an empty one, which finds one that nobody has, it can be found as Mp.ShareableList(name=name), and by
    multiprocessing.shared_memory too, as this finds the lists of that; it stays until somebody calls shm.unlink().  As
    there it loses zero bytes at the end of bytes then.
    """

    __module__ = 'gi.overrides.Mp'

    def __init__(self, sequence=None, *, name=None, **properties):
        if not isinstance(name, (str, type(None))):
            raise TypeError(f'the name of a list is a string, not {name!r}')
        if 'items' not in properties and (sequence is not None or name is None):
            items = [GLib.Variant('v', _make_variant(item)) for item in sequence or ()]
            properties['items'] = GLib.Variant.new_array(GLib.VariantType('v'), items)
        check_array('items', properties.get('items'), is_tuple_too=True)
        super().__init__(name=name, **properties)
        _memory.call(_Base.open, self)  # tells why there is no list

    def __len__(self):
        return self.get_length()

    def _check(self, index):
        place = operator.index(index)
        if place < 0:
            place += len(self)
        if not 0 <= place < len(self):
            raise IndexError(f'there is no item {index} in a list of {len(self)}')
        return place

    def __getitem__(self, index):
        return _messages.read_variant(_Base.get_item(self, self._check(index)))

    def __setitem__(self, index, value):
        place = self._check(index)
        _Base.set_item(self, place, _make_variant(value))

    def __iter__(self):
        # All at once: who waits for each anew may wait as often as there are items.
        return iter(_messages.read_variant(_Base.get_items(self)))

    def __contains__(self, value):
        return any(item == value for item in self)

    def count(self, value):
        """How many items are equal to the value."""
        return sum(item == value for item in self)

    def index(self, value):
        """Where the first item is that is equal to the value."""
        for index, item in enumerate(self):
            if item == value:
                return index
        raise ValueError(f'{value!r} is not in {self!r}')

    @property
    def name(self):
        return self.get_name()

    @property
    def shm(self):
        """The Mp.SharedMemory of a list with a name; of another one what can be closed and unlinked, for nothing."""
        return self.get_memory() or _NoMemory()

    @property
    def format(self):
        """What the items are, in the letters of the module struct."""
        return ''.join(self._describe(index, item) for index, item in enumerate(self))

    def _describe(self, index, item):
        if isinstance(item, (str, bytes)):
            return f'{self.get_item_size(index)}s'
        return {bool: 'xxxxxxx?', int: 'q', float: 'd'}.get(type(item), 'xxxxxx?x')

    __reduce__ = _shareables.reduce_shareable

    def __reduce_ex__(self, protocol):
        return self.__reduce__()

    def __repr__(self):
        name = '' if self.name is None else f', name={self.name!r}'
        return f'Mp.ShareableList({list(self)}{name})'

    __str__ = __repr__
