# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What the README and the guides say that their programs print is what they print.

    test_first_programs.py DOCUMENT BUILD-FOLDER HEADER...

A fenced block behind a line that ends with a file's name, as in "`squares.c`:", is that file; a block
```console has commands behind "$ ", and below each what it prints; a block ```sh is what other tests hold.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

DOCUMENT, BUILD, *HEADERS = sys.argv[1:]
DEADLINE = 60

BLOCK = re.compile(r'^(?P<above>[^\n]*)\n\n```(?P<language>\w+)\n(?P<text>.*?)(?=^```$)', re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r'`([\w.-]+)`:$')


def read_blocks():
    """Gives the files, by name, and the sessions at the terminal."""
    with open(DOCUMENT, encoding='utf-8') as file:
        blocks = [block for block in BLOCK.finditer(file.read()) if block['language'] != 'sh']
    files, sessions = {}, []
    for block in blocks:
        name = FILE_NAME.search(block['above'])
        if block['language'] == 'console':
            sessions.append(block['text'])
        elif name is None:
            raise AssertionError(f'of which file is this?\n{block["text"]}')
        else:
            files[name[1]] = block['text']
    return files, sessions


def link_files(paths, folder):
    os.makedirs(folder)
    for path in paths:
        os.symlink(path, os.path.join(folder, os.path.basename(path)))


def make_environment(folder):
    """The environment in which compilers find the build as they would find an installed library."""
    headers, vapi = os.path.join(folder, 'include'), os.path.join(folder, 'share', 'vala', 'vapi')
    link_files(HEADERS, headers)
    link_files([os.path.join(BUILD, 'mpglib', 'mpglib-1.vapi'), os.path.join(BUILD, 'meson-private', 'mpglib-1.deps')],
               vapi)
    return {
        **os.environ,
        'CPATH': headers,
        'PATH': os.pathsep.join([os.path.dirname(sys.executable), os.environ['PATH']]),
        'PKG_CONFIG_PATH': os.path.join(BUILD, 'meson-uninstalled'),
        'XDG_DATA_DIRS': os.pathsep.join([os.path.join(folder, 'share'), '/usr/local/share', '/usr/share']),
    }


class FirstPrograms(unittest.TestCase):
    maxDiff = None

    def test_sessions(self):
        files, sessions = read_blocks()
        self.assertGreater(len(sessions), 0)
        for name in files:
            self.assertTrue(any(name in text for text in [*sessions, *files.values()]), f'nobody uses {name}')
        for session in sessions:
            with self.subTest(session), tempfile.TemporaryDirectory(prefix='mpglib-document-') as folder:
                environment = make_environment(folder)
                for name, text in files.items():
                    with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
                        file.write(text)
                self.check_session(session, folder, environment)

    def check_session(self, session, folder, environment):
        said = ''
        for line in re.findall(r'^\$ (.*)$', session, re.MULTILINE):
            done = subprocess.run(['sh', '-c', line], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
            self.assertEqual(done.returncode, 0, done.stderr)
            said += f'$ {line}\n{done.stdout}'
        self.assertEqual(said, session)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
