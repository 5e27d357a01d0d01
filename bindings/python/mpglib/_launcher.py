# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""How Python's worker processes are started, and what they are told first."""

import os
import sys

from . import _main_module, _messages
from ._calls import Mp

LANGUAGE = 'python'

_FLAGS = {
    'bytes_warning': '-b',
    'debug': '-d',
    'dont_write_bytecode': '-B',
    'ignore_environment': '-E',
    'isolated': '-I',
    'no_site': '-S',
    'no_user_site': '-s',
    'optimize': '-O',
    'safe_path': '-P',
    'verbose': '-v',
}


def register():
    """Makes children of this program run this very interpreter, in the way it was started itself."""
    if not sys.executable:
        return      # Python is a part of another program; the one that the library was built with will do
    launcher = Mp.Launcher(language=LANGUAGE, argv=make_command(), has_template=True)
    Mp.register_launcher(launcher)
    Mp.Context.get_default().set_launcher(launcher)


def make_command():
    # By its file, so that the same mpglib is found whatever the module path of a fresh interpreter is.
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'worker.py')
    return [sys.executable, *_list_options(), program]


def _list_options():
    for flag, option in _FLAGS.items():
        yield from [option] * int(getattr(sys.flags, flag, 0))
    for warning in sys.warnoptions:
        yield f'-W{warning}'
    for name, value in sys._xoptions.items():
        yield f'-X{name}' if value is True else f'-X{name}={value}'



def prepare(context, target):
    """Tells the workers that this context starts from now on how to become like this process."""
    launcher = context.get_launcher() if context is not None else _find_launcher(target)
    if launcher.get_language() != LANGUAGE:
        return
    recipe = _main_module.describe()
    if getattr(launcher, '_told', None) != recipe:
        launcher.set_preparation(_messages.make_variant(recipe))
        launcher._told = recipe


def _find_launcher(target):
    if target is None or _messages.is_python(target):
        return Mp.Launcher.lookup(LANGUAGE)
    return Mp.Context.get_default().get_launcher()
