# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Structures that have a GVariant type and no class of ctypes: what is set in them, and how they lie in memory."""

import ctypes
import functools

from gi.repository import GLib

from . import _kinds, errors


def split(type_string):
    """The types of the members of a structure; None of other types."""
    if not GLib.VariantType.string_is_valid(type_string) or type_string[0] != '(':
        return None
    rest, members = type_string[1:-1], []
    while rest:
        end = next(i for i in range(1, len(rest) + 1) if GLib.VariantType.string_is_valid(rest[:i]))
        members.append(rest[:end])
        rest = rest[end:]
    return members


def make_variant(type_string, value):
    """The value as that type of fixed size; TypeError tells what would do."""
    problem = _find_problem(type_string, value, '')
    if problem is not None:
        raise TypeError(problem)
    try:
        return GLib.Variant(type_string, value)
    except OverflowError as error:
        raise errors.OutOfRange(f'{value!r} does not fit into the type {type_string!r}: {error}') from None
    except (TypeError, ValueError) as error:
        raise TypeError(f'{value!r} is nothing of the type {type_string!r}: {error}') from None


def make_array(type_string, values):
    """The values as an array of that type."""
    return GLib.Variant.new_array(GLib.VariantType(type_string),
                                  [make_variant(type_string, value) for value in values])


def _find_problem(type_string, value, place):
    members = split(type_string)
    if members is None:
        return None
    if not isinstance(value, (tuple, list)) or len(value) != len(members):
        number = '1 member' if len(members) == 1 else f'{len(members)} members'
        where = f', member {place} of it,' if place else ''
        example = f"({', '.join('…' for _ in members)}{',' if len(members) == 1 else ''})"
        return (f'{value!r}{where} is nothing of the type {type_string!r}, which has {number}: '
                f'give a tuple of as many, {example}')
    for index, (member, item) in enumerate(zip(members, value)):
        problem = _find_problem(member, item, f'{place}[{index}]')
        if problem is not None:
            return problem
    return None


@functools.lru_cache(maxsize=256)
def make_class(type_string):
    """A structure of ctypes that lies in memory as that type does, with the members f0, f1 and so on; or None."""
    members = split(type_string)
    if not members:
        return None
    fields = []
    for index, member in enumerate(members):
        kind = _kinds.get_kind(member, None)
        ctype = kind.ctype if kind is not None else make_class(member)
        if ctype is None:
            return None
        fields.append((f'f{index}', ctype))
    made = type(type_string, (ctypes.Structure,), {'_fields_': fields})
    return made if _kinds.describe_structure(made) == type_string else None
