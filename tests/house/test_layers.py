# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The check of the layers finds each way of breaking their order."""

import os
import tempfile
import unittest

from check_layers import check

GOOD = {
    'base/mp-error.h': '#include "mp-version.h"\n',
    'base/mp-error.c': '#include "config.h"\n#include "mp-error.h"\n#include <glib.h>\n',
    'memory/mp-ring-private.h': '#include "mp-error.h"\n',
    'memory/mpglib-worker.c': '#include <mpglib.h>\n',
}


class Layers(unittest.TestCase):
    def check(self, *, layers=('base', 'memory'), **changes):
        with tempfile.TemporaryDirectory() as folder:
            for path, text in {**GOOD, **changes}.items():
                os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
                with open(os.path.join(folder, path), 'w', encoding='utf-8') as file:
                    file.write(text)
            return check(folder, list(layers))

    def test_good_order(self):
        self.assertEqual(self.check(), [])

    def test_order_of_the_layers_themselves(self):
        self.assertIn('memory, base: is not the order of the design', self.check(layers=('memory', 'base')))

    def test_breaches(self):
        for path, text, wanted in [
            ('base/mp-log.c', '#include "mp-ring-private.h"\n', 'base comes before memory'),
            ('base/mp-log.c', '  #  include <mp-ring-private.h>\n', 'base comes before memory'),
            ('base/mp-log.c', '#include "mp-nothing.h"\n', 'which no layer has'),
            ('base/mp-log.c', '#include "mpglib.h"\n', 'which is for programs'),
            ('memory/mp-log.c', '#include "base/mp-error.h"\n', 'not the bare name'),
            ('memory/mp-error.c', '', 'has a file of that name too'),
            ('attic/mp-old.c', '', 'a folder that is no layer'),
        ]:
            with self.subTest(path=path, text=text):
                found = self.check(**{path: text})
                self.assertEqual(len(found), 1, found)
                self.assertIn(wanted, found[0])


if __name__ == '__main__':
    unittest.main()
