# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Installs the library into a prefix of its own and uses it there from every language.

    check_install.py SOURCE-ROOT MESON PYTHON HEADER... [unittest's arguments behind --]

Nothing of the build tree is in the environment of the programs, so that they
find the library, the overrides and the worker program as a user's would: by what
README.md says that is to be set.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))

# Where Debian's Meson puts libraries on the machine that README.md speaks of
LIBRARIES = 'lib/x86_64-linux-gnu'

# What a user's shell has, and what the compilers need.
KEPT_VARIABLES = ('CC', 'CXX', 'HOME', 'LANG', 'PATH', 'TMPDIR')


def clean_environment(**more):
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return {**kept, **more}


def run(*command, cwd=None, env=None):
    """Runs a command; returns what it prints, fails with what it says."""
    done = subprocess.run(command, cwd=cwd, env=env or clean_environment(), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise AssertionError(f'{" ".join(command)}: exit status {done.returncode}\n{done.stdout}')
    return done.stdout


def read_settings(readme, prefix):
    """The variables that README.md has set for a prefix, as the shell gets them."""
    with open(readme, encoding='utf-8') as file:
        lines = re.search(r'^```sh\nP=.*\n((?:.*\n)*?)```$', file.read(), re.MULTILINE)[1]
    names = re.findall(r'^export (\w+)=', lines, re.MULTILINE)
    script = f'set -eu\nP=$1\n{lines}\nprintf "%s\\n" ' + ' '.join(f'"${name}"' for name in names)
    return dict(zip(names, run('sh', '-c', script, 'sh', prefix).splitlines()))


class Installed(unittest.TestCase):
    source = meson = python = None
    headers = []

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix='mpglib-install-')
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = scratch.name
        cls.prefix = os.path.join(cls.scratch, 'prefix')
        build = os.path.join(cls.scratch, 'build')
        run(cls.meson, 'setup', build, cls.source, f'--prefix={cls.prefix}', f'--libdir={LIBRARIES}',
            '--buildtype=debug', '-Dtests=disabled', '-Dintrospection=enabled', '-Dvapi=enabled',
            f'-Dpython={cls.python}')
        run(cls.meson, 'install', '-C', build, '--quiet')
        # The build tree is gone before anything is run.
        shutil.rmtree(build)

        cls.settings = read_settings(os.path.join(cls.source, 'README.md'), cls.prefix)
        cls.environment = clean_environment(**cls.settings)

    @classmethod
    def path(cls, *parts):
        return os.path.join(cls.prefix, *parts)

    @classmethod
    def python_override(cls):
        """The folder of the installed override, which depends on the Python."""
        for folder, _, files in os.walk(cls.prefix):
            if folder.endswith(os.path.join('gi', 'overrides')) and 'Mp.py' in files:
                return folder
        raise AssertionError('no override for Python was installed')

    def run_program(self, *command):
        return run(*command, cwd=self.scratch, env=self.environment).splitlines()

    def test_headers(self):
        self.assertEqual(sorted(os.listdir(self.path('include', 'mpglib-1'))), sorted(self.headers))

    def test_files(self):
        for parts in [
            ('libexec', 'mpglib-worker'),
            (LIBRARIES, 'libmpglib-1.so'),
            (LIBRARIES, 'libmpglib-1.so.0'),
            (LIBRARIES, 'girepository-1.0', 'Mp-1.0.typelib'),
            (LIBRARIES, 'pkgconfig', 'mpglib-1.pc'),
            ('share', 'gir-1.0', 'Mp-1.0.gir'),
            ('share', 'gjs-1.0', 'overrides', 'Mp.js'),
            ('share', 'mpglib-1', 'valgrind', 'mpglib.supp'),
            ('share', 'vala', 'vapi', 'mpglib-1.deps'),
            ('share', 'vala', 'vapi', 'mpglib-1.vapi'),
        ]:
            self.assertTrue(os.path.exists(self.path(*parts)), parts)

    def test_nothing_names_the_build(self):
        """Text that was installed holds neither the source's nor the build's folder."""
        for folder, _, files in os.walk(self.prefix):
            for name in files:
                with open(os.path.join(folder, name), 'rb') as file:
                    data = file.read()
                if b'\0' in data:
                    continue
                for place in self.source, os.path.join(self.scratch, 'build'):
                    self.assertNotIn(place.encode(), data, os.path.join(folder, name))

    def compile(self, compiler, name, *options):
        flags = self.run_program('pkg-config', '--cflags', '--libs', 'mpglib-1')[0].split()
        output = os.path.join(self.scratch, f'{name}-{compiler}.so')
        self.run_program(compiler, *options, os.path.join(HERE, name + '.c'), '-Wall', '-Wextra', '-Werror',
                         '-o', output, *flags)
        return output

    def test_c(self):
        self.assertEqual(self.run_program(self.compile('cc', 'program')), ['exit code 42'])

    def test_cxx(self):
        self.assertEqual(self.run_program(self.compile('c++', 'program', '-xc++')), ['exit code 42'])

    def test_vala(self):
        program = os.path.join(self.scratch, 'program-vala')
        source = os.path.join(HERE, 'program.vala')
        self.run_program('valac', '--pkg', 'mpglib-1', '-X', '-w', '-o', program, source)
        self.assertEqual(self.run_program(program), ['exit code 42'])

    def test_python(self):
        module = self.compile('cc', 'module', '-shared', '-fPIC')
        override, answer = self.run_program(self.python, '-B', os.path.join(HERE, 'program.py'), module)
        self.assertEqual(override, os.path.join(self.python_override(), 'Mp.py'))
        self.assertEqual(answer, 'exit code 42')

    def test_gjs(self):
        module = self.compile('cc', 'module', '-shared', '-fPIC')
        override, answer = self.run_program('gjs', '-m', os.path.join(HERE, 'program.js'), module)
        self.assertEqual(override, self.path('share', 'gjs-1.0', 'overrides', 'Mp.js'))
        self.assertEqual(answer, 'exit code 42')


    def assertFailsAsReadmeSays(self, command, unset):
        settings = {name: value for name, value in self.settings.items() if name != unset}
        with self.assertRaises(AssertionError) as caught:
            run(*command, cwd=self.scratch, env=clean_environment(**settings))
        with open(os.path.join(self.source, 'README.md'), encoding='utf-8') as file:
            messages = re.findall(r'`(.* arguments.*)`', file.read())
        self.assertTrue(any(message in str(caught.exception) for message in messages), caught.exception)

    def test_missing_overrides(self):
        """What README.md says that happens without them."""
        python = "import gi; gi.require_version('Mp', '1.0'); from gi.repository import Mp; Mp.Pool(4)"
        self.assertFailsAsReadmeSays([self.python, '-c', python], 'PYTHONPATH')
        js = 'imports.gi.versions.Mp = "1.0"; new imports.gi.Mp.Pool({n_workers: 4}).map_async({}, [1])'
        self.assertFailsAsReadmeSays(['gjs', '-c', js], 'XDG_DATA_DIRS')


class Subproject(unittest.TestCase):
    def test_program(self):
        """A project that carries mpglib in its tree builds it, without its tests, and uses it."""
        with tempfile.TemporaryDirectory(prefix='mpglib-subproject-') as project:
            os.mkdir(os.path.join(project, 'subprojects'))
            os.symlink(Installed.source, os.path.join(project, 'subprojects', 'mpglib'))
            shutil.copy(os.path.join(HERE, 'program.c'), project)
            with open(os.path.join(project, 'meson.build'), 'w', encoding='utf-8') as file:
                file.write(textwrap.dedent('''
                    project('user', 'c')
                    mpglib_dep = dependency('mpglib-1', fallback: 'mpglib')
                    executable('program', 'program.c', dependencies: mpglib_dep)
                '''))
            build = os.path.join(project, 'build')
            run(Installed.meson, 'setup', build, project, '--force-fallback-for=mpglib', '--buildtype=debug',
                f'-Dmpglib:python={Installed.python}')
            run(Installed.meson, 'compile', '-C', build)
            self.assertEqual(run(os.path.join(build, 'program')).splitlines(), ['exit code 42'])
            tests = os.path.join(build, 'subprojects', 'mpglib', 'tests')
            self.assertFalse(os.path.exists(tests), 'the tests of a subproject are its own business')


if __name__ == '__main__':
    Installed.source, Installed.meson, Installed.python, *Installed.headers = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
