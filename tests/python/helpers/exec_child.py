# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Calls a function in a fresh Python that knows only what a worker is told; prints what came of it."""

import pickle
import subprocess
import sys

from mpglib import _main_module, _pickle5, _targets, _variant


def call(function, *args):
    """Prints the result of function(*args) in a child, or its error."""
    _main_module.guard()
    target, args = _targets.name_call(function, args)
    order = pickle.dumps((_variant.encode(_main_module.describe()), target, _pickle5.dumps(args)))
    child = subprocess.run([sys.executable, '-m', 'exec_child'],
                           input=order, stdout=subprocess.PIPE, check=True)
    sys.stdout.write(child.stdout.decode())
    sys.stdout.flush()


def serve():
    recipe, target, args = pickle.loads(sys.stdin.buffer.read())
    _main_module.prepare(_variant.decode(*recipe))
    try:
        print(_targets.resolve(target)(*_pickle5.loads(args)))
    except Exception as error:
        print(f'{type(error).__name__}: {error}')


if __name__ == '__main__':
    serve()
