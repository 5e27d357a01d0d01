# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The check of the headers finds each way in which one can fail its readers.

    test_headers.py C-COMPILER C++-COMPILER
"""

import os
import shlex
import sys
import tempfile
import unittest

from check_headers import Compiler, check

HEAD = '''#pragma once
#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif
'''

FILES = {
    'mpglib.h': '#pragma once\n#define MP_INSIDE\n#include "mp-thing.h"\n#undef MP_INSIDE\n',
    'mp-thing.h': HEAD + 'int mp_thing_run (void);\n',
}


class Headers(unittest.TestCase):
    compilers = []

    def check(self, **changes):
        files = {**FILES, **changes}
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
                    file.write(text)
            compilers = [Compiler(shlex.split(command), language, [folder], [])
                         for command, language in zip(self.compilers, ('C', 'C++'))]
            return list(check([os.path.join(folder, name) for name in files], compilers))

    def test_good_headers(self):
        self.assertEqual(self.check(), [])

    def test_breaches(self):
        thing = FILES['mp-thing.h']
        for name, text, wanted in [
            ('mp-thing.h', thing + 'gsize mp_thing_get_size (void);\n', 'mp-thing.h: cannot be compiled alone as C:'),
            ('mp-thing.h', thing + 'int mp_thing_set (int class);\n', 'mp-thing.h: cannot be compiled alone as C++:'),
            ('mp-thing.h', thing + 'int mp_thing_get ();\n', 'mp-thing.h: cannot be compiled alone as C:'),
            ('mp-thing.h', '#pragma once\n', 'mp-thing.h: lets a program include it directly'),
            ('mp-thing.h', thing.replace('#pragma once\n', ''), 'mp-thing.h: has no #pragma once'),
            ('mp-thing.h', thing + '#include "mp-x-private.h"\n', 'mp-thing.h: includes what is not installed'),
            ('mp-thing.h', thing + 'int mp_x_get_type (void) G_GNUC_CONST;\n', 'mp-thing.h: no function that regis'),
            ('mp-other.h', HEAD, 'mp-other.h: is no part of mpglib.h'),
        ]:
            with self.subTest(wanted=wanted, text=text):
                found = self.check(**{name: text})
                self.assertTrue(any(line.startswith(wanted) for line in found), found)


if __name__ == '__main__':
    Headers.compilers = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
