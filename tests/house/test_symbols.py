# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The check of the symbols finds each that is not in all three places."""

import unittest

from check_symbols import compare, read_gir, read_list
from gir import Gir

GIR = '''<repository xmlns="http://www.gtk.org/introspection/core/1.0"
  xmlns:c="http://www.gtk.org/introspection/c/1.0" xmlns:glib="http://www.gtk.org/introspection/glib/1.0">
  <namespace name="Mp">
    <class name="Queue" glib:get-type="mp_queue_get_type">
      <constructor name="new" c:identifier="mp_queue_new"/>
      <method name="put" c:identifier="mp_queue_put"/>
      <method name="fill" c:identifier="mp_queue_fill" introspectable="0"/>
      <virtual-method name="run"/>
      <glib:signal name="lost"/>
    </class>
    <record name="QueueClass" glib:is-gtype-struct-for="Queue"/>
    <callback name="Func"/>
    <function name="init" c:identifier="mp_init"/>
    <function-macro name="CHECK_VERSION" c:identifier="MP_CHECK_VERSION" introspectable="0"/>
  </namespace>
</repository>'''

SYMBOLS = ['mp_init', 'mp_queue_fill', 'mp_queue_get_type', 'mp_queue_new', 'mp_queue_put']


class Symbols(unittest.TestCase):
    def compare(self, exported=SYMBOLS, introspected=SYMBOLS, listed=SYMBOLS):
        return list(compare(set(exported), set(introspected), list(listed)))

    def test_gir(self):
        self.assertEqual(sorted(read_gir(Gir.from_string(GIR))), SYMBOLS)

    def test_list(self):
        self.assertEqual(read_list(['# why\n', '\n', 'mp_init\n']), ['mp_init'])

    def test_all_alike(self):
        self.assertEqual(self.compare(), [])

    def test_differences(self):
        more = SYMBOLS + ['mp_thing']
        for arguments, wanted in [
            ({'exported': more, 'listed': more}, 'is exported and not in the GIR'),
            ({'introspected': more}, 'is in the GIR and not exported'),
            ({'exported': more, 'introspected': more}, 'is new'),
            ({'listed': more}, 'is in the list and not exported'),
            ({'exported': more[:-1] + ['thing'], 'introspected': more[:-1] + ['thing'],
              'listed': more[:-1] + ['thing']}, 'does not begin with mp_'),
            ({'listed': SYMBOLS[::-1]}, 'is not sorted'),
            ({'listed': SYMBOLS + SYMBOLS[-1:]}, 'names a symbol twice'),
        ]:
            with self.subTest(wanted=wanted):
                found = self.compare(**arguments)
                self.assertEqual(len(found), 1, found)
                self.assertIn(wanted, found[0])


if __name__ == '__main__':
    unittest.main()
