# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What a program defines in its main module is found in its children, however the program was started."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
import zipfile

from mpglib import _main_module, _targets

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(os.path.dirname(_main_module.__file__))

# A program that hands a function and an object of its own to a child.
PROGRAM = '''
import sys
import exec_child
print('runs as', __name__)

class Point:
    def __init__(self, x):
        self.x = x

def double(point):
    return point.x * 2, __name__, sys.argv[1:]

if __name__ == '__main__':
    exec_child.call(double, Point(21))
'''
OUTPUT = "runs as __main__\nruns as __mp_main__\n(42, '__mp_main__', ['one', 'two'])\n"


class Programs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(os.fsencode(self.folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(textwrap.dedent(text))
        return path

    def run_python(self, *arguments, text=None):
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join([PACKAGE, os.path.join(HERE, 'helpers')]))
        program = subprocess.run([sys.executable, *arguments], cwd=self.folder, env=environment, timeout=60,
                                 input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return program.stdout, program.stderr

    def test_script(self):
        self.write('program.py', PROGRAM)
        self.assertEqual(self.run_python('program.py', 'one', 'two'), (OUTPUT, ''))
        self.assertEqual(os.listdir(self.folder), ['program.py'])      # no __pycache__ for it

    def test_script_with_a_name_that_is_not_utf8(self):
        path = self.write(b'pr\xf6gram.py', PROGRAM)
        self.assertEqual(self.run_python(path, 'one', 'two'), (OUTPUT, ''))

    def test_module(self):
        self.write('tool.py', PROGRAM)
        self.assertEqual(self.run_python('-m', 'tool', 'one', 'two'), (OUTPUT, ''))

    def test_package(self):
        self.write('package/__init__.py', '')
        self.write('package/part.py', 'FACTOR = 2\n')
        program = 'from .part import FACTOR\n' + PROGRAM.replace('* 2', '* FACTOR')
        self.write('package/__main__.py', program)
        self.write('package/inner.py', program)
        self.assertEqual(self.run_python('-m', 'package', 'one', 'two'), (OUTPUT, ''))
        self.assertEqual(self.run_python('-m', 'package.inner', 'one', 'two'), (OUTPUT, ''))

    def test_folder(self):
        self.write('app/part.py', 'FACTOR = 2\n')
        self.write('app/__main__.py', 'from part import FACTOR\n' + PROGRAM.replace('* 2', '* FACTOR'))
        self.assertEqual(self.run_python('app', 'one', 'two'), (OUTPUT, ''))

    def test_archive(self):
        with zipfile.ZipFile(os.path.join(self.folder, 'app.pyz'), 'w') as archive:
            archive.writestr('part.py', 'FACTOR = 2\n')
            archive.writestr('__main__.py', 'from part import FACTOR\n' + PROGRAM.replace('* 2', '* FACTOR'))
        self.assertEqual(self.run_python('app.pyz', 'one', 'two'), (OUTPUT, ''))

    def test_compiled_script(self):
        path = os.fsdecode(self.write('program.py', PROGRAM))
        self.run_python('-c', f'import py_compile; py_compile.compile({path!r}, {path + "c"!r})')
        os.unlink(path)
        self.assertEqual(self.run_python('program.pyc', 'one', 'two'), (OUTPUT, ''))

    def test_changed_directory_and_path(self):
        self.write('elsewhere/part.py', 'import os\ndef where():\n    return os.path.basename(os.getcwd())\n')
        self.write('program.py', '''
            import os, sys
            import exec_child
            os.chdir('elsewhere')
            sys.path.append('.')
            import part
            if __name__ == '__main__':
                exec_child.call(part.where)
            ''')
        self.assertEqual(self.run_python('program.py'), ('elsewhere\n', ''))

    def test_functions_of_modules_do_not_run_the_script(self):
        self.write('part.py', 'def answer():\n    return 42\n')
        self.write('program.py', '''
            import exec_child, part
            print('runs')
            exec_child.call(part.answer)
            ''')
        self.assertEqual(self.run_python('program.py'), ('runs\n42\n', ''))

    def test_script_without_guard(self):
        self.write('program.py', '''
            import exec_child
            print('runs as', __name__)
            def f():
                pass
            exec_child.call(f)
            ''')
        output, errors = self.run_python('program.py')
        self.assertEqual(errors, '')
        self.assertEqual(output.count('runs as'), 2)
        self.assertIn(f'TargetError: a child process cannot import the main module {self.folder}/program.py: '
                      'RuntimeError: it starts processes when it is imported', output)
        self.assertIn("if __name__ == '__main__':", output)

    def test_script_without_guard_under_the_standard_library(self):
        self.write('program.py', '''
            import multiprocessing
            import exec_child
            print('runs as', __name__, flush=True)
            def f():
                pass
            if __name__ == '__main__':
                child = multiprocessing.get_context('spawn').Process(target=f)
                child.start()
                child.join()
            else:
                exec_child.call(len, 'abc')
            ''')
        output, errors = self.run_python('program.py')
        self.assertEqual(output, 'runs as __main__\nruns as __mp_main__\n')
        self.assertIn('it starts processes when it is imported', errors)

    def test_script_that_ends_the_program(self):
        self.write('program.py', '''
            import sys
            import exec_child
            def f():
                pass
            if __name__ == '__main__':
                exec_child.call(f)
            sys.exit(3)
            ''')
        output, errors = self.run_python('program.py')
        self.assertEqual((output.count('\n'), errors), (1, ''))
        self.assertIn('it calls sys.exit(3) when it is imported', output)

    def test_script_that_fails_runs_once(self):
        self.write('program.py', '''
            import exec_child, part
            def g():
                pass
            if __name__ == '__main__':
                exec_child.call(part.try_twice)
            else:
                print('runs as', __name__)
                1 / 0
            ''')
        self.write('part.py', '''
            def try_twice():
                from mpglib._targets import TargetError, resolve
                for _ in range(2):
                    try:
                        resolve('python:__mp_main__:g')
                    except TargetError as error:
                        print(error, '/', repr(error.__cause__.__cause__))
            ''')
        output, errors = self.run_python('program.py')
        self.assertEqual(errors, '')
        self.assertEqual(output.count('runs as'), 1)
        self.assertEqual(output.count("division by zero / ZeroDivisionError('division by zero')"), 2, output)

    def test_function_that_children_do_not_see(self):
        self.write('program.py', '''
            import exec_child
            if __name__ == '__main__':
                def hidden():
                    pass
                exec_child.call(hidden)
            ''')
        output, errors = self.run_python('program.py')
        self.assertIn("TargetError: there is no 'hidden' in the main module ", output)
        self.assertIn("stands outside `if __name__ == '__main__':`", output)

    def test_programs_without_a_file(self):
        for arguments, text in ((['-c', PROGRAM], None), (['-'], PROGRAM), ([], PROGRAM)):
            with self.subTest(arguments=arguments[:1]):
                output, errors = self.run_python(*arguments, text=text)
                self.assertEqual(output, 'runs as __main__\n')
                self.assertIn('TypeError: double', errors)
                self.assertIn('it was typed, piped or given with -c; put it into a file', errors)

    def test_names_of_the_script_are_its_own(self):
        self.write('program.py', '''
            import exec_child
            origin = state = error = lock = module = 'mine'
            def f():
                import sys
                main = sys.modules['__main__']
                return main.origin, main.state, main.error, main.lock, main.module, hasattr(main, '__odd__')
            if __name__ == '__main__':
                exec_child.call(f)
            ''')
        self.assertEqual(self.run_python('program.py')[0], str(('mine',) * 5 + (False,)) + '\n')

    def test_grandchildren(self):
        self.write('program.py', '''
            import exec_child
            def outer():
                exec_child.call(inner)
                return 'outer'
            def inner():
                return 'inner'
            if __name__ == '__main__':
                exec_child.call(outer)
            ''')
        self.assertEqual(self.run_python('program.py'), ('inner\nouter\n', ''))


class Alias(unittest.TestCase):
    def test_results_of_children_are_of_our_classes(self):
        self.assertIs(sys.modules[_main_module.NAME], sys.modules['__main__'])

    def test_guard_lets_programs_start_processes(self):
        _main_module.guard()


if __name__ == '__main__':
    unittest.main()
