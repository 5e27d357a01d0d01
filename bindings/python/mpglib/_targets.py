# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Names by which another process finds a function: python:MODULE:QUALIFIED.NAME."""

from functools import lru_cache
import importlib
import sys
import types

from . import _loading, _main_module, _reports

PREFIX = 'python:'
# What has no name of its own but can be pickled (a method of an object, a partial) goes as an argument.
CALL = f'{PREFIX}{__name__}:call'


class TargetError(LookupError):
    """There is no such function in the process that was to run it."""


class MissingModuleError(TargetError):
    """There is no such module either."""


def call(function, /, *args, **kwargs):
    return function(*args, **kwargs)


def name_call(function, args, forked=False):
    """The target and the arguments with which another Python process does function(*args).

    A str is taken for a target, of whatever language.  A forked child has what a session at the terminal
    has defined; any other child has not.
    """
    if isinstance(function, str):
        if not function:
            raise ValueError("'' names no function: give the function itself, or a name, such as "
                             "'python:MODULE:FUNCTION'")
        return function, args
    if not callable(function):
        raise TypeError(f'{function!r} cannot run in another process: it is not callable')
    if not _has_name(function):
        return CALL, (function, *args)
    return name_function(function, forked), args


def _has_name(function):
    owner = getattr(function, '__self__', None)
    return (isinstance(getattr(function, '__module__', None), str)
            and isinstance(getattr(function, '__qualname__', None), str)
            and (owner is None or isinstance(owner, (type, types.ModuleType))))


def name_function(function, forked=False):
    module, name = function.__module__, function.__qualname__
    if '<lambda>' in name:
        raise _refuse(function, 'a lambda has no name to find it by; define it with def at the top of a module')
    if '<locals>' in name:
        raise _refuse(function, 'it is defined inside a function; move it to the top of a module, and give it '
                                'what it needs as arguments')
    if module in ('__main__', _main_module.NAME):
        module = '__main__'     # which a child has, too
        if not forked and not _main_module.locate():
            raise _refuse(function, 'it was typed, piped or given with -c; put it into a file')
    target = f'{PREFIX}{module}:{name}'
    try:
        found = resolve(target)
    except TargetError as error:
        raise _refuse(function, str(error)) from error
    if found is not function and not (isinstance(found, types.MethodType) and found == function):
        raise _refuse(function, f'{module}.{name} is another object; does a decorator hide it?')
    return target


def _refuse(function, why):
    code = getattr(function, '__code__', None)
    where = f' ({code.co_filename}:{code.co_firstlineno})' if code else ''
    return TypeError(f'{function.__qualname__}{where} cannot run in another process: {why}')


def resolve(target):
    """The function that a target names; TargetError tells what is missing or wrong."""
    module_name, _, name = target.removeprefix(PREFIX).partition(':')
    if not (target.startswith(PREFIX) and module_name and name):
        raise TargetError(f'{target!r} names no Python function; say python:MODULE:FUNCTION')
    found = _import_module(module_name)
    for part in name.split('.'):
        found = _find_part(found, part, module_name, name)
    if not callable(found):
        raise TargetError(f'{name} of module {module_name} is not callable but {type(found).__name__}')
    return found


# Workers ask for the same few, call after call.
resolve_cached = lru_cache(maxsize=256)(resolve)


def _import_module(name):
    try:
        if name in sys.modules:
            return importlib.import_module(name)
        with _loading.loading(f'module {name}', _complain(name)):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f'{name}.'.startswith(f'{error.name}.'):
            raise MissingModuleError(f'there is no module {error.name!r} on the path of the process') from error
        raise _explain_import(name, error) from error
    except KeyboardInterrupt:
        raise       # by who interrupts the process
    except BaseException as error:
        raise _explain_import(name, error) from error


def _explain_import(name, error):
    return TargetError(f'{_complain(name)}: {_reports.summarize(error)}')


def _complain(name):
    return f'module {name} fails when it is imported'


def _find_part(owner, part, module_name, name):
    try:
        return getattr(owner, part)
    except (_main_module.MainModuleError, _main_module.MissingNameError) as error:
        raise TargetError(str(error)) from error
    except AttributeError as error:
        raise TargetError(f'module {module_name} has no {name}') from error
