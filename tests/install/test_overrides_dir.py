# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The folder that the build chooses for overrides is one that this Python searches.

    test_overrides_dir.py PROGRAM       the program that the build asks
"""

import os
import subprocess
import sys
import unittest

PROGRAM = sys.argv[1]


def ask(prefix):
    return subprocess.run([sys.executable, PROGRAM, prefix], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.strip()


class OverridesDir(unittest.TestCase):
    def test_prefixes_of_the_distribution(self):
        """Debian's Python searches other names below /usr and /usr/local."""
        for prefix in '/usr', '/usr/local', '/usr/':
            with self.subTest(prefix=prefix):
                folder = ask(prefix)
                searched, gi, overrides = folder.rsplit(os.sep, 2)
                self.assertEqual((gi, overrides), ('gi', 'overrides'))
                self.assertTrue(searched.startswith(os.path.normpath(prefix) + '/lib/'), folder)
                # sys.path names only folders that exist.
                if os.path.isdir(searched):
                    self.assertIn(searched, sys.path)

    def test_prefix_of_a_user(self):
        self.assertEqual(ask('/opt/mpglib'), '/opt/mpglib/lib/python3/dist-packages/gi/overrides')


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
