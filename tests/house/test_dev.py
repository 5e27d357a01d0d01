# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The script ./dev looks at its arguments before it builds anything."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

DEV, = sys.argv[1:]


class Dev(unittest.TestCase):
    def test_wrong_arguments(self):
        """It is alone in a folder: what it would build is not there."""
        for arguments in (['shell', '-c', 'true'], ['test', '--fast'], ['tset']):
            with self.subTest(arguments), tempfile.TemporaryDirectory() as folder:
                script = shutil.copy(DEV, folder)
                done = subprocess.run(['sh', script, *arguments], capture_output=True, text=True, timeout=20)
                self.assertEqual((done.returncode, done.stdout), (2, ''))
                self.assertIn('Usage: ./dev COMMAND', done.stderr)
                self.assertEqual(os.listdir(folder), ['dev'])


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
