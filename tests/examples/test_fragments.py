# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What a guide shows of the examples stands in them, so that it is tested with them.

    test_fragments.py DOCUMENT EXAMPLE...

A line with nothing but an ellipsis stands for what is left out.
"""

import os
import re
import sys
import unittest

DOCUMENT, *EXAMPLES = sys.argv[1:]
EXTENSIONS = {'c': '.c', 'vala': '.vala', 'python': '.py', 'js': '.js'}
BLOCK = re.compile(r'^```(\w+)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
ELLIPSIS = re.compile(r'^ *…$', re.MULTILINE)


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def squeeze(text):
    return ' '.join(text.split())


class Fragments(unittest.TestCase):
    def test_all_are_in_an_example(self):
        blocks = BLOCK.findall(read(DOCUMENT))
        self.assertEqual({language for language, _ in blocks}, set(EXTENSIONS))
        for language, text in blocks:
            examples = [squeeze(read(path)) for path in EXAMPLES
                        if os.path.splitext(path)[1] == EXTENSIONS[language]]
            for part in map(squeeze, ELLIPSIS.split(text)):
                with self.subTest(part):
                    self.assertTrue(any(part in example for example in examples))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
