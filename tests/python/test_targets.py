# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Functions get names that another process resolves to the same function, or a reason why not, at once."""

import functools
import math
import operator
import os
import pathlib
import sys
import tempfile
import textwrap
import unittest

from mpglib import _targets
from mpglib._targets import TargetError, name_call, resolve


def double(x):
    return 2 * x


@functools.lru_cache
def cached(x):
    return x


def decorate(function):
    def wrapper(*args):
        return function(*args)
    return wrapper


def decorate_well(function):
    return functools.wraps(function)(decorate(function))


decorated = decorate(double)


@decorate_well
def well_decorated(x):
    return -x


def replaced(x):
    return 'first'


first_replaced = replaced


def replaced(x):  # noqa: F811
    return 'second'


class Shape:
    sides = 4

    def __call__(self):
        return 'called'

    def area(self, x):
        return self.sides * x

    @classmethod
    def make(cls):
        return cls

    @staticmethod
    def help(x):
        return x

    class Inner:
        pass


class Names(unittest.TestCase):
    def assertNamed(self, function, name):
        self.assertEqual(name_call(function, (1,)), (name, (1,)))
        self.assertEqual(resolve(name), function)

    def test_names(self):
        here = 'python:__main__:' if __name__ == '__main__' else f'python:{__name__}:'
        self.assertNamed(double, here + 'double')
        self.assertNamed(cached, here + 'cached')
        self.assertNamed(well_decorated, here + 'well_decorated')
        self.assertNamed(Shape, here + 'Shape')
        self.assertNamed(Shape.Inner, here + 'Shape.Inner')
        self.assertNamed(Shape.area, here + 'Shape.area')
        self.assertNamed(Shape.make, here + 'Shape.make')
        self.assertNamed(Shape.help, here + 'Shape.help')
        self.assertNamed(len, 'python:builtins:len')
        self.assertNamed(math.hypot, 'python:math:hypot')
        self.assertNamed(os.path.join, 'python:posixpath:join')

    def test_names_in_any_language_are_left_alone(self):
        for target in ('square', 'lib.so#square', 'python:math:hypot', 'gjs:file:///tasks.js#cube'):
            self.assertEqual(name_call(target, (1, 2)), (target, (1, 2)))

    def test_what_has_no_name_goes_as_an_argument(self):
        for function in (Shape(), Shape().area, 'a'.upper, operator.itemgetter(0), functools.partial(double, 3)):
            with self.subTest(function=function):
                self.assertEqual(name_call(function, (1, 2)), (_targets.CALL, (function, 1, 2)))
        self.assertEqual(resolve(_targets.CALL)(functools.partial(max, 3), 5, key=lambda x: -x), 3)

    def test_results_are_kept(self):
        self.assertIs(_targets.resolve_cached('python:math:hypot'), math.hypot)


class Refusals(unittest.TestCase):
    def refused(self, text, function, **options):
        with self.assertRaises(TypeError) as caught:
            name_call(function, (), **options)
        self.assertIn(text, str(caught.exception))

    def test_functions_that_have_no_place(self):
        def local():
            pass
        line = local.__code__.co_firstlineno
        self.refused(f'local ({__file__}:{line}) cannot run in another process: it is defined inside', local)
        self.refused('a lambda has no name to find it by; define it with def', lambda: 1)
        self.refused('decorate.<locals>.wrapper', decorated)
        self.refused('None cannot run in another process: it is not callable', None)

    def test_functions_whose_place_is_taken(self):
        self.refused('replaced is another object; does a decorator hide it?', first_replaced)

    def test_functions_that_vanished(self):
        def vanished():
            pass
        vanished.__qualname__ = 'vanished'
        self.refused('has no vanished', vanished)
        vanished.__module__ = 'no.such.module'
        self.refused("there is no module 'no'", vanished)


class Resolution(unittest.TestCase):
    def failed(self, text, target):
        with self.assertRaises(TargetError) as caught:
            resolve(target)
        self.assertIn(text, str(caught.exception))

    def test_what_is_no_target(self):
        for target in ('', 'square', 'python:', 'python:math', 'python::x', 'python:math:', 'gjs:a:b',
                       'Python:a:b'):
            with self.subTest(target=target):
                self.failed(f'{target!r} names no Python function; say python:MODULE:FUNCTION', target)

    def test_what_is_not_there(self):
        self.failed("there is no module 'nowhere'", 'python:nowhere:f')
        self.failed("there is no module 'email.nowhere'", 'python:email.nowhere:f')
        self.failed('module math has no nothing', 'python:math:nothing')
        self.failed('module os has no path.nothing.more', 'python:os:path.nothing.more')
        self.failed('pi of module math is not callable but float', 'python:math:pi')

    def test_modules_that_fail(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {
                'mp_wrong_syntax': 'def',
                'mp_divides': '1 / 0',
                'mp_exits': 'import sys\nsys.exit(3)',
                'mp_imports_nothing': 'import nowhere_at_all',
                'mp_ends': 'class End(BaseException): pass\nraise End(5)',
                'mp_says_nothing': 'class Silent(Exception): __str__ = None\nraise Silent',
            }.items():
                pathlib.Path(folder, name + '.py').write_text(textwrap.dedent(text))
            sys.path.insert(0, folder)
            self.addCleanup(sys.path.remove, folder)
            self.failed('module mp_wrong_syntax fails when it is imported: SyntaxError', 'python:mp_wrong_syntax:f')
            self.failed('module mp_divides fails when it is imported: ZeroDivisionError: ', 'python:mp_divides:f')
            self.failed('module mp_exits fails when it is imported: SystemExit: 3', 'python:mp_exits:f')
            self.failed('module mp_imports_nothing fails when it is imported: ModuleNotFoundError: '
                        "No module named 'nowhere_at_all'", 'python:mp_imports_nothing:f')
            self.failed('module mp_ends fails when it is imported: mp_ends.End: 5', 'python:mp_ends:f')
            self.failed('module mp_says_nothing fails when it is imported: mp_says_nothing.Silent: (its str() failed',
                        'python:mp_says_nothing:f')


if __name__ == '__main__':
    unittest.main()
