# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.Context and Mp.Launcher with Python's defaults."""

from ._calls import Mp
from ._classes import adopt
from ._launcher import LANGUAGE

adopt(Mp.Launcher)
_Base = adopt(Mp.Context)


class Context(_Base):
    """How children are made: Mp.Context('spawn'), or Mp.Context(launcher='native') for C workers."""

    __module__ = 'gi.overrides.Mp'

    def __init__(self, start_method=Mp.StartMethod.DEFAULT, launcher=LANGUAGE, **properties):
        if isinstance(start_method, str):
            start_method = _find_start_method(start_method)
        if isinstance(launcher, str):
            launcher = Mp.Launcher.lookup(launcher)
        super().__init__(start_method=start_method, launcher=launcher, **properties)

    def __repr__(self):
        return self.to_string()

    __str__ = __repr__


def _find_start_method(name):
    methods = {value.value_nick: value for value in Mp.StartMethod.__enum_values__.values()}
    if name not in methods:
        raise ValueError(f'there is no start method {name!r}: known are {", ".join(methods)}')
    return methods[name]


def _describe_launcher(self):
    return self.to_string()


Mp.Launcher.__repr__ = Mp.Launcher.__str__ = _describe_launcher
