# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The main module of a program, made again in its children.

What a script defines belongs to a module called __main__, which a child that was not forked from the
script does not have.  describe() tells, in values that a GVariant can hold, how to make it again; in the
child prepare() puts a module in its place that runs the code of the script on the first look at something
in it, under the name __mp_main__, so that what stands under `if __name__ == '__main__':` does not run.  A
child that only uses functions of other modules never runs the script.

A script without that line would start its processes in each child again, without end; guard() stops it.  One
that runs a main loop outside of it is stopped by the clock of _loading.
"""

import enum
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
import importlib.util
import os
import pkgutil
import sys
import threading
import types

from . import _loading, _reports

NAME = '__mp_main__'

# What children pickle says __mp_main__ where this process knows the same things as __main__.
sys.modules.setdefault(NAME, sys.modules['__main__'])


class MainModuleError(ImportError):
    """The main module could not be made again in this process; the cause is the error in it."""


class MissingNameError(AttributeError):
    """The main module of this child has no such name."""


def describe():
    """How a child gets the same main module, module path, arguments and working directory."""
    recipe = {
        'path': [os.fsencode(entry) for entry in sys.path if isinstance(entry, str)],
        'arguments': [os.fsencode(argument) for argument in sys.argv],
        **locate(),
    }
    try:
        recipe['directory'] = os.fsencode(os.getcwd())
    except FileNotFoundError:
        pass        # removed under our feet; the child stays where it starts
    return recipe


def locate():
    """The part of the recipe that tells where the main module comes from; empty when from nowhere.

    'module' is a name for the import system (python -m), 'file' a script, or a folder or archive with a
    __main__ in it.  A session at the terminal, -c and standard input leave nothing to find.
    """
    if _maker is not None:
        return _maker.origin
    main = sys.modules['__main__']
    spec = getattr(main, '__spec__', None)
    path = getattr(main, '__file__', None)
    if spec is not None and spec.name != '__main__':
        return {'module': spec.name}
    if path is None:
        return {}
    path = os.path.abspath(path if spec is None else os.path.dirname(path))
    return {'file': os.fsencode(path)} if os.path.exists(path) else {}


def prepare(recipe):
    """Makes a child like the process that described itself, but for running the main module's code."""
    global _maker
    if 'directory' in recipe:
        os.chdir(recipe['directory'])
    sys.path[:] = map(os.fsdecode, recipe['path'])
    sys.argv[:] = map(os.fsdecode, recipe['arguments'])
    _maker = _Maker({key: recipe[key] for key in ('module', 'file') if key in recipe})


def guard():
    """Refuses to go on while the main module, or another one, runs only to be imported by a child."""
    stdlib = sys.modules.get('multiprocessing.process')
    is_ours = _maker is not None and _maker.state is _State.RUNNING or _loading.is_here()
    if not is_ours and not (stdlib and getattr(stdlib.current_process(), '_inheriting', False)):
        return
    error = RuntimeError('it starts processes when it is imported, which each of its children does; put what '
                         "runs the program under\n\n    if __name__ == '__main__':\n")
    if is_ours:
        _loading.give_up(error)
    raise error


class _State(enum.Enum):
    NEW = enum.auto()
    RUNNING = enum.auto()
    READY = enum.auto()
    FAILED = enum.auto()


# For one that hangs.
_REMEDY = "loop.run(), app.run() and what else runs the program belong under `if __name__ == '__main__':`"


class _Maker:
    """Runs the main module's code in a module made for it, when something is first looked for there."""

    def __init__(self, origin):
        self.origin = origin
        self.state = _State.NEW
        self.error = None
        self.lock = threading.RLock()
        self._place_module()

    def __str__(self):
        if 'module' in self.origin:
            return f'the main module {self.origin["module"]}'
        if 'file' in self.origin:
            return f'the main module {os.fsdecode(self.origin["file"])}'
        return 'an interactive main module'

    def _place_module(self):
        self.module = types.ModuleType(NAME)
        self.module.__getattr__ = self._find_missing
        sys.modules['__main__'] = sys.modules[NAME] = self.module

    def _find_missing(self, name):
        # Python itself asks any main module for __file__ and the like: no reason to run this one.
        if not (name.startswith('__') and name.endswith('__')):
            self._make()
            if name in self.module.__dict__:
                return self.module.__dict__[name]
        raise MissingNameError(f'there is no {name!r} in {self} when a child process imports it; '
                               "what children use stands outside `if __name__ == '__main__':`",
                               name=name, obj=self.module)

    def _make(self):
        with self.lock:     # which lets the code itself look into its module
            if self.state is _State.NEW:
                with _loading.loading(str(self), f'a child process cannot import {self}', _REMEDY):
                    self.error = self._run()
                self.state = _State.FAILED if self.error else _State.READY
                if self.error:
                    self._place_module()    # nobody sees what a failed run has left
            if self.state is _State.FAILED:
                raise MainModuleError(f'a child process cannot import {self}: '
                                      f'{_reports.summarize(self.error)}') from self.error

    def _run(self):
        """Runs the code, once and for all; gives the exception that ended it."""
        self.state = _State.RUNNING
        try:
            code, attributes = _find_code(self.origin)
            self.module.__dict__.update(attributes)
            exec(code, self.module.__dict__)
        except SystemExit as error:
            return RuntimeError(f'it calls sys.exit({error.code!r}) when it is imported')
        except BaseException as error:
            return error
        return None


_maker = None


def _find_code(origin):
    """The code of the main module and the attributes that the import system gives it."""
    if 'module' in origin:
        return _find_module_code(importlib.util.find_spec(origin['module']), origin['module'])
    if 'file' not in origin:
        raise ImportError('the program was typed, piped or given with -c; put what children use into a file')
    path = os.fsdecode(origin['file'])
    importer = pkgutil.get_importer(path)
    if importer is not None:        # a folder or an archive
        return _find_module_code(importer.find_spec('__main__'), '__main__')
    if path.endswith('.pyc'):
        loader = SourcelessFileLoader(NAME, path)
        code = loader.get_code(NAME)
    else:
        loader = SourceFileLoader(NAME, path)
        code = loader.source_to_code(loader.get_data(path), path)      # leaves no __pycache__ beside a script
    return code, {'__file__': path, '__loader__': loader, '__package__': None, '__spec__': None}


def _find_module_code(spec, name):
    if spec is None:
        raise ModuleNotFoundError(f'there is no module {name!r} on the path of the child', name=name)
    return spec.loader.get_code(name), {
        '__file__': spec.origin,
        '__loader__': spec.loader,
        '__package__': spec.parent,
        '__spec__': spec,
    }
