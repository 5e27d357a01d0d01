# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The typelib and the override of the build tree load, and errors keep their domain."""

import os
import unittest

import gi

gi.require_version('Mp', '1.0')
from gi.repository import GLib, Mp  # noqa: E402


class Namespace(unittest.TestCase):
    def test_override_is_that_of_this_tree(self):
        import gi.overrides.Mp as override
        here = os.path.dirname(os.path.abspath(__file__))
        wanted = os.path.join(here, '..', '..', 'bindings', 'python', 'gi', 'overrides', 'Mp.py')
        self.assertEqual(os.path.realpath(override.__file__), os.path.realpath(wanted))

    def test_error_domain(self):
        self.assertEqual(GLib.quark_to_string(Mp.error_quark()), 'mp-error-quark')
        error = GLib.Error.new_literal(Mp.error_quark(), 'no room', Mp.Error.FULL)
        self.assertTrue(error.matches(Mp.error_quark(), Mp.Error.FULL))
        self.assertEqual(Mp.Error.FULL.value_nick, 'full')

    def test_all_that_waits_can_be_interrupted(self):
        """No method that waits is the library's own: that would neither end nor begin with a handler of a signal."""
        n = 0
        for name in dir(Mp):
            cls = getattr(Mp, name)
            for base in getattr(cls, '__mro__', ()):
                for method in get_waiting_methods(base):
                    n += 1
                    with self.subTest(cls=name, method=method):
                        self.assertNotIn(getattr(getattr(cls, method), '__qualname__', None),
                                         (None, 'translated.<locals>.call'))
        self.assertGreater(n, 20)


def get_waiting_methods(cls):
    info = vars(cls).get('__info__')
    for method in info.get_methods() if hasattr(info, 'get_methods') else ():
        names = {argument.get_name() for argument in method.get_arguments()}
        if {'timeout', 'cancellable'} <= names and not method.get_name().endswith('_async'):
            yield method.get_name()


if __name__ == '__main__':
    unittest.main()
