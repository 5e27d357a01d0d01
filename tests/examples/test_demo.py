# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""docs/examples/demo.sh runs all programs and fails if one of them prints something else than sha256sum.

    test_demo.py DEMO.SH
"""

import os
import subprocess
import sys
import tempfile
import unittest

DEMO = sys.argv[1]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(DEMO))))
WHICH_OVERRIDE = {
    'python': [sys.executable, '-c', 'import gi; gi.require_version("Mp", "1.0"); import gi.repository.Mp;'
                                     'import gi.overrides.Mp; print(gi.overrides.Mp.__file__)'],
    'js': ['gjs', '-c', 'imports.gi.versions.Mp = "1.0"; imports.gi.Mp; print(imports.overrides.Mp.__file__)'],
}
PROGRAMS = ['C', 'Vala', 'Python', 'JavaScript', 'Python with workers in C', 'JavaScript with Python workers']
DEADLINE = 240


class Demo(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='mpglib-demo-')
        self.addCleanup(folder.cleanup)
        self.tree = os.path.join(folder.name, 'some files')
        self.programs = os.path.join(folder.name, 'programs')
        os.mkdir(self.tree)
        for name in b'plain', b'two words', b'line\nbreak', b'back\\slash', b'not utf-8: \xff':
            with open(os.path.join(os.fsencode(self.tree), name), 'wb') as file:
                file.write(name)

    def run_demo(self, **environment):
        """Gives the exit status, and the verdicts on each program."""
        done = subprocess.run(['sh', DEMO, self.tree], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, 'MPGLIB_PYTHON': sys.executable, **environment}, timeout=DEADLINE)
        rows = [line.split('  ') for line in done.stdout.splitlines()]
        verdicts = {name: [row[-1].strip() for row in rows if row[0] == name] for name in PROGRAMS}
        return done.returncode, verdicts

    def test_overrides(self):
        """What the examples show is what is in this tree, not what may be installed."""
        for language, command in WHICH_OVERRIDE.items():
            path = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
            self.assertEqual(os.path.commonpath([path, ROOT]), ROOT, language)

    def test_all_agree(self):
        status, verdicts = self.run_demo()
        for name, told in verdicts.items():
            self.assertGreaterEqual(len(told), 1, name)
            self.assertEqual(set(told), {'same'}, name)
        self.assertEqual(status, 0)

    def test_difference(self):
        """A program that prints the right lines in the wrong order."""
        os.mkdir(self.programs)
        for name in 'checksums-vala', 'libchecksums-worker.so':
            os.symlink(os.path.join(os.environ['MPGLIB_EXAMPLES'], name), os.path.join(self.programs, name))
        wrong = os.path.join(self.programs, 'checksums-c')
        with open(wrong, 'w', encoding='utf-8') as file:
            file.write('#!/bin/sh\n"$MPGLIB_RIGHT/checksums-c" "$@" | sort -r\n')
        os.chmod(wrong, 0o755)
        status, verdicts = self.run_demo(MPGLIB_EXAMPLES=self.programs, MPGLIB_RIGHT=os.environ['MPGLIB_EXAMPLES'])
        self.assertEqual(set(verdicts['C']), {'DIFFERS (exit status 0)'})
        self.assertEqual(set(verdicts['Vala']), {'same'})
        self.assertEqual(status, 1)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
