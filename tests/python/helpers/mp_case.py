# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What tests of running processes share: this tree's override, deadlines, and nothing left behind."""

import asyncio
import gc
import os
import select
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

import gi

gi.require_version('Mp', '1.0')
from gi.repository import GLib, Mp  # noqa: E402, F401
from mpglib import _awaiting  # noqa: E402

HELPERS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HELPERS)))
DEADLINE = 20


def list_children(pid='self'):
    """The process ids of a process's children; of none when it is gone."""
    children = []
    try:
        for thread in os.listdir(f'/proc/{pid}/task'):
            with open(f'/proc/{pid}/task/{thread}/children') as file:
                children += map(int, file.read().split())
    except FileNotFoundError:
        pass
    return children


def list_descriptors():
    found = {}
    for fd in os.listdir('/proc/self/fd'):
        try:
            found[int(fd)] = os.readlink(f'/proc/self/fd/{fd}')
        except FileNotFoundError:
            pass        # the one that lists them
    return found


def wait_until(condition, what):
    """For what no descriptor tells of; asks again and again until the deadline."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f'{what}: not within {DEADLINE} s')
        os.sched_yield()


def wait_for_death(pid):
    """Waits until a process that need not be a child of this one is gone."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([fd], [], [], DEADLINE)[0]:
            raise AssertionError(f'process {pid} still runs after {DEADLINE} s')
    finally:
        os.close(fd)


def run_loop(until):
    """Runs the main context until the condition holds."""
    context = GLib.MainContext.default()
    over = []
    source = GLib.timeout_source_new_seconds(DEADLINE)
    source.set_callback(lambda *_: over.append(True))
    source.attach(context)
    while not until() and not over:
        context.iteration(True)
    source.destroy()
    if over:
        raise AssertionError(f'nothing happened in the main context for {DEADLINE} s')


async def let_tasks_run():
    """Comes back when asyncio's tasks that were made have come to their first wait."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(future.set_result, None)
    await future


def find_operation(coroutine):
    """That which the coroutine waits for."""
    while hasattr(coroutine, 'cr_await'):
        coroutine = coroutine.cr_await
    while 'operation' not in coroutine.gi_frame.f_locals:
        coroutine = coroutine.gi_yieldfrom
    return coroutine.gi_frame.f_locals['operation']


class MpCase(unittest.TestCase):
    """Checks after each test that no child and no descriptor is left, and at the end that no template is."""

    @classmethod
    def setUpClass(cls):
        import gi.overrides.Mp as override
        wanted = os.path.join(ROOT, 'bindings', 'python', 'gi', 'overrides', 'Mp.py')
        if os.path.realpath(override.__file__) != os.path.realpath(wanted):
            raise AssertionError(f'{override.__file__} is not the override of this tree')
        cls.forkserver = Mp.Context('forkserver')
        cls.spawn = Mp.Context('spawn')
        cls.contexts = {'forkserver': cls.forkserver, 'spawn': cls.spawn}
        # What is made once, and stays: the template, and threads of the library and of GLib.
        started = []
        first = Mp.Process(context=cls.forkserver)
        first.start_async(None, lambda *_: started.append(True))
        run_loop(lambda: started)
        first.join(DEADLINE)
        # And what the thread sleeps on that waits for a connection, once it does not find anything at its first looks.
        ends = Mp.Pipe()
        ends[0].poll(0.1)
        for end in ends:
            end.close()
        _awaiting._watcher.call(int)
        cls.templates = list_children()

    @classmethod
    def tearDownClass(cls):
        del cls.forkserver, cls.spawn, cls.contexts
        gc.collect()
        for pid in cls.templates:
            wait_for_death(pid)

    def setUp(self):
        gc.collect()
        self.descriptors_before = list_descriptors()
        self.addCleanup(self.check_nothing_is_left)

    def check_nothing_is_left(self):
        def look():
            gc.collect()
            return (set(list_children()) <= set(self.templates)
                    and all(len(list_children(pid)) <= 1 for pid in self.templates)      # the spare
                    and len(list_descriptors()) <= len(self.descriptors_before))
        try:
            wait_until(look, 'nothing is left')
        except AssertionError:
            children = {pid: list_children(pid) for pid in list_children()}
            raise AssertionError(f'left: {children} where {self.templates} belong, and the descriptors '
                                 f'{list_descriptors()} where {self.descriptors_before} were') from None

    # --- programs of their own -------------------------------------------------------------------------------

    def make_folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    def start_program(self, text, *arguments, name='program.py', folder=None, before='', **options):
        folder = folder or self.make_folder()
        with open(os.path.join(folder, name), 'w') as file:
            file.write(before + PRELUDE + textwrap.dedent(text))
        program = subprocess.Popen([sys.executable, name, *arguments], cwd=folder, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.addCleanup(self.end_program, program)
        return program

    def end_program(self, program):
        program.kill()
        program.wait()
        program.stdout.close()
        program.stderr.close()

    def run_program(self, text, *arguments, **options):
        """Runs a script; gives its exit code, output and errors."""
        program = self.start_program(text, *arguments, **options)
        try:
            output, complaints = program.communicate(timeout=3 * DEADLINE)
        except subprocess.TimeoutExpired:
            program.kill()
            output, complaints = program.communicate()
            raise AssertionError(f'it hangs: {output}{complaints}') from None
        return program.returncode, output, complaints


PRELUDE = '''\
import os, signal, sys, threading, time
import gi
gi.require_version('Mp', '1.0')
from gi.repository import GLib, Mp

def announce(*words):
    """Prints the words, and that the main thread waits, when it does."""
    def is_asleep():
        frame = sys._current_frames()[threading.main_thread().ident]
        if frame.f_code.co_filename == threading.__file__:
            return False        # it starts this thread
        with open(f'/proc/self/task/{os.getpid()}/stat') as file:
            return file.read().rpartition(')')[2].split()[0] == 'S'

    def look():
        looks = 0       # at a thread that may only wait for its turn to run, which each look lets it have
        while looks < 50:
            looks = looks + 1 if is_asleep() else 0
        # Not by print(), whose lock it might have when the interpreter ends: that aborts the program.
        os.write(1, f'{" ".join(map(str, words))} waits\\n'.encode())

    threading.Thread(target=look, daemon=True).start()

'''
