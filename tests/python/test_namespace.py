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


if __name__ == '__main__':
    unittest.main()
