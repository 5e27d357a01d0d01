# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Authentication keys are made of bytes, and show them to nobody who does not ask."""

import pickle
import unittest

import gi

gi.require_version('Mp', '1.0')
from gi.repository import GLib, Mp  # noqa: E402


class AuthKey(unittest.TestCase):
    def test_made_of_bytes(self):
        key = Mp.AuthKey(b'secret\0password')
        self.assertEqual(bytes(key), b'secret\0password')
        for secret in bytearray(b'secret\0password'), memoryview(b'secret\0password'), GLib.Bytes.new(bytes(key)):
            with self.subTest(type(secret)):
                self.assertTrue(key.equal(Mp.AuthKey(secret)))
        self.assertTrue(key.equal(Mp.AuthKey.new_data(b'secret\0password')))
        self.assertFalse(key.equal(Mp.AuthKey(b'secret\0passwore')))
        self.assertEqual(bytes(Mp.AuthKey(b'')), b'')

    def test_not_made_of_others(self):
        for wrong in 'secret', 7, None, [1, 2]:
            with self.subTest(wrong), self.assertRaises(TypeError):
                Mp.AuthKey(wrong)
        with self.assertRaises(TypeError):
            Mp.AuthKey()

    def test_random(self):
        first, second = Mp.AuthKey.new_random(), Mp.AuthKey.new_random()
        self.assertIs(type(first), Mp.AuthKey)
        self.assertEqual(len(bytes(first)), 32)
        self.assertFalse(first.equal(second))

    def test_shown_nowhere(self):
        key = Mp.AuthKey(b'abracadabra')
        self.assertEqual((str(key), repr(key)), ('<Mp.AuthKey of 11 bytes>',) * 2)
        with self.assertRaises(TypeError):
            key.props.secret  # noqa: B018
        with self.assertRaisesRegex(TypeError, 'does not travel'):
            pickle.dumps(key)


if __name__ == '__main__':
    unittest.main()
