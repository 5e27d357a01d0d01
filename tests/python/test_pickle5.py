# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What cannot be pickled is told to the sender, with its place; what cannot be unpickled to the receiver."""

import pickle
import sys
import unittest

from mpglib import _pickle5


class Thing:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other.value


class Stubborn:
    def __reduce__(self):
        raise RuntimeError('I stay here')

    def __repr__(self):
        raise ValueError('and do not say who I am')


class Bomb:
    def __reduce__(self):
        return divmod, (1, 0)


class Codec(unittest.TestCase):
    def test_objects_come_back(self):
        for value in (None, 2**100, {1, 2}, Thing([Thing(1)]), len, Thing, (1, 'a', b'b', 1j)):
            self.assertEqual(_pickle5.loads(_pickle5.dumps(value)), value)

    def refused(self, text, value):
        with self.assertRaises(pickle.PicklingError) as caught:
            _pickle5.dumps(value)
        self.assertIn(text, str(caught.exception))
        self.assertIsNotNone(caught.exception.__cause__)

    def test_the_part_that_cannot_be_sent_is_named(self):
        def local():
            pass
        self.refused('value: <function Codec.', local)
        self.refused('of type function cannot be sent to another process: ', local)
        self.refused('define it at the top of a module', local)
        self.refused('define it at the top of a module', lambda: 1)
        self.refused("value['a'][2]: <module 'sys' (built-in)> of type module cannot be", {'a': (1, 2, sys)})
        self.refused("cannot pickle 'generator' object; send what it is made of", [1, (x for x in ())])
        self.refused('value[1][0]: (an object without repr) of type Stubborn cannot be sent to another '
                     'process: I stay here', [1, [Stubborn()]])
        self.refused("value[0]: Thing", [type('Thing', (), {'__repr__': lambda self: 'Thing'})()])

    def test_loops_end(self):
        loop = [sys]
        loop.append(loop)
        self.refused('value[0]: <module', loop)
        nested = []
        for _ in range(100000):
            nested = [nested]
        self.refused('of type list cannot be sent to another process: maximum recursion depth', nested)

    def test_broken_pickles(self):
        for data in (b'', b'junk', pickle.dumps(1)[:-1], b'cno.such.module\nf\n.', pickle.dumps(Bomb()),
                     pickle.dumps(Thing(1)).replace(b'Thing', b'Think')):
            with self.subTest(data=data), self.assertRaises(pickle.UnpicklingError) as caught:
                _pickle5.loads(data)
            self.assertIn('what was received cannot be rebuilt here: ', str(caught.exception))


if __name__ == '__main__':
    unittest.main()
