# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Errors of the library are exceptions of Python, and those of another process keep class and traceback."""

import builtins
import pathlib
import pickle
import queue
import socket
import re
import threading
import traceback
import unittest

import gi

gi.require_version('Mp', '1.0')
from gi.repository import Gio, GLib, Mp  # noqa: E402

from mpglib import _reports, errors  # noqa: E402


class Plain(Exception):
    def __init__(self, first, second):
        super().__init__(first)
        self.second = second


class Odd(Exception):
    """Pickles, but not back: its class wants two arguments."""

    def __init__(self, first, second):
        super().__init__(first)


class Silent(Exception):
    def __str__(self):
        raise ValueError('no words')


def refuse(*_):
    raise SystemExit('not to be had')


class Reluctant(Exception):
    """Whose own code ends the process that asks it for anything."""

    __str__ = __repr__ = __reduce__ = __reduce_ex__ = refuse
    __notes__ = __cause__ = property(refuse)


class NamelessClass(type):
    def __getattribute__(cls, name):
        return refuse() if name == '__qualname__' else super().__getattribute__(name)


class Nameless(Exception, metaclass=NamelessClass):
    __traceback__ = __class__ = property(refuse)


class Uncaused(Exception):
    __cause__ = property(lambda self: None)


class Classes(unittest.TestCase):
    def test_each_code_has_its_class(self):
        codes = {code: errors._CLASSES[int(code)] for code in Mp.Error.__enum_values__.values()
                 if code != Mp.Error.FAILED}
        self.assertEqual(len(codes), len(errors._CLASSES))
        for code, cls in codes.items():
            with self.subTest(code=code.value_nick):
                error = cls('message')
                self.assertTrue(error.matches(Mp.error_quark(), code))
                self.assertIsInstance(error, errors.ProcessError)
                self.assertEqual(str(error), 'message')
        self.assertEqual(errors.ProcessError.code, Mp.Error.FAILED)

    def test_names_in_the_namespace(self):
        for name in errors.__all__:
            self.assertIs(getattr(Mp, name), getattr(errors, name))
        self.assertNotIn('Error', errors.__all__)

    def test_guide_has_each_with_what_it_is_also(self):
        guide = pathlib.Path(__file__).parents[2] / 'docs' / 'guides' / 'python.md'
        rows = dict(re.findall(r'^\| `Mp\.(\w+)` \| (.*?)\| ', guide.read_text(), re.MULTILINE))
        modules = {'queue': queue, 'socket': socket, 'threading': threading}
        for name in set(errors.__all__) - {'ProcessError'}:
            with self.subTest(name=name):
                bases = set()
                for base in re.findall(r'`([\w.]+)`', rows[name]):
                    module, _, plain = base.rpartition('.')
                    bases.add(getattr(modules.get(module, builtins), plain))
                self.assertEqual(bases, set(getattr(errors, name).__bases__) - {errors.ProcessError})

    def test_translation(self):
        for code, builtin in [
            (Mp.Error.TIMED_OUT, builtins.TimeoutError), (Mp.Error.CLOSED, EOFError),
            (Mp.Error.EMPTY, queue.Empty), (Mp.Error.FULL, queue.Full), (Mp.Error.PEER_DIED, ConnectionResetError),
            (Mp.Error.NO_TARGET, LookupError), (Mp.Error.FAILED, RuntimeError),
        ]:
            raised = GLib.Error.new_literal(Mp.error_quark(), 'what happened', code)
            error = errors.translate(raised)
            self.assertIsInstance(error, builtin)
            self.assertIsInstance(error, GLib.Error)
            self.assertTrue(error.matches(Mp.error_quark(), code))
            self.assertEqual((str(error), error.message), ('what happened', 'what happened'))

    def test_translation_leaves_others_alone(self):
        cancelled = GLib.Error.new_literal(Gio.io_error_quark(), 'cancelled', Gio.IOErrorEnum.CANCELLED)
        self.assertIs(type(errors.translate(cancelled)), errors.Cancelled)
        for code, cls, builtin in ((Gio.IOErrorEnum.NOT_FOUND, errors.NotFound, FileNotFoundError),
                                   (Gio.IOErrorEnum.NOT_DIRECTORY, errors.NotADirectory, NotADirectoryError),
                                   (Gio.IOErrorEnum.INVALID_ARGUMENT, errors.InvalidArgument, ValueError),
                                   (Gio.IOErrorEnum.PERMISSION_DENIED, errors.PermissionDenied, PermissionError),
                                   (Gio.IOErrorEnum.HOST_NOT_FOUND, errors.HostNotFound, socket.gaierror),
                                   (Gio.IOErrorEnum.HOST_UNREACHABLE, errors.Unreachable, OSError),
                                   (Gio.IOErrorEnum.NETWORK_UNREACHABLE, errors.Unreachable, OSError)):
            error = errors.translate(GLib.Error.new_literal(Gio.io_error_quark(), 'what happened', code))
            self.assertIs(type(error), cls)
            self.assertIsInstance(error, builtin)
            self.assertTrue(error.matches(Gio.io_error_quark(), code))
            self.assertEqual(error.message, 'what happened')
        busy = GLib.Error('busy', 'g-io-error-quark', 26)
        self.assertIs(errors.translate(busy), busy)
        empty = errors.Empty('nothing')
        self.assertIs(errors.translate(empty), empty)

    def test_a_code_of_a_newer_library(self):
        error = errors.translate(GLib.Error('what', errors.DOMAIN, 1000))
        self.assertIs(type(error), errors.ProcessError)
        self.assertEqual(error.code, 1000)

    def test_pickles(self):
        for error in (errors.Full('no room'), errors.TimeoutError('late'), errors.PeerDied('gone')):
            copy = pickle.loads(pickle.dumps(error))
            self.assertIs(type(copy), type(error))
            self.assertEqual((str(copy), copy.domain, copy.code), (str(error), error.domain, error.code))


class Remote(unittest.TestCase):
    def report(self, error, skip=0):
        def outer():
            inner()

        def inner():
            raise error
        try:
            outer()
        except BaseException as caught:
            return _reports.describe(caught, skip)

    def rebuild(self, report):
        return _reports.rebuild(report, errors.RemoteError.from_report)

    def test_what_ends_a_process_does_not_end_another(self):
        for error in (SystemExit(3), KeyboardInterrupt()):
            rebuilt = self.rebuild(self.report(error))
            self.assertIs(type(rebuilt), errors.RemoteError)
            self.assertEqual(rebuilt.remote_type, type(error).__name__)

    def test_class_attributes_and_traceback_are_kept(self):
        for error in (KeyError('missing'), GLib.Error('what', 'g-io-error-quark', 19),
                      FileNotFoundError(2, 'No such file', '/nowhere'), errors.Empty('nothing')):
            with self.subTest(error=error):
                rebuilt = self.rebuild(self.report(error))
                self.assertIs(type(rebuilt), type(error))
                self.assertEqual(rebuilt.args, error.args)
                self.assertEqual(vars(rebuilt), vars(error))
                self.assertIsInstance(rebuilt.__cause__, _reports.RemoteTraceback)
                shown = ''.join(traceback.format_exception(rebuilt))
                self.assertIn('in inner\n    raise error\n', shown)
                self.assertIn('The above exception was the direct cause', shown)

    def test_an_exception_that_does_not_survive_becomes_a_remote_error(self):
        for error, name, message in (
            (Odd('first', 'second'), f'{__name__}.Odd', 'first'),
            (Plain('first', 'second'), f'{__name__}.Plain', 'first'),
            (type('Local', (Exception,), {'__module__': 'm'})('x'), 'm.Local', 'x'),
        ):
            report = self.report(error)
            self.assertEqual(report[:2] + report[3:], (name, message, b''))
            rebuilt = self.rebuild(report)
            self.assertIs(type(rebuilt), errors.RemoteError)
            self.assertEqual((rebuilt.remote_type, str(rebuilt)), (name, f'{name}: {message}'))
            self.assertIn('in inner', str(rebuilt.__cause__))

    def test_an_exception_without_a_message(self):
        report = self.report(Silent())
        self.assertEqual(report.message, '(its str() failed with ValueError)')
        self.assertIs(type(self.rebuild(report)), Silent)

    def test_an_exception_that_raises_when_it_is_described(self):
        report = self.report(Reluctant('x'))
        self.assertEqual((report.type, report.message, report.pickle),
                         (f'{__name__}.Reluctant', '(its str() failed with SystemExit)', b''))
        self.assertIn('in inner\n', report.traceback)
        self.assertRegex(report.traceback, r'Reluctant: \(its .*\)\n\(the rest of it cannot be told: SystemExit\)\n$')
        report = self.report(Nameless('x'))
        self.assertEqual((report.type, report.message), ('an exception without a name', 'x'))
        self.assertRegex(report.traceback, 'without a name: x\n.*cannot be told: SystemExit')

    def test_the_receiver_may_not_know_the_class(self):
        report = self.report(KeyError('missing'))._replace(pickle=b'cnowhere\nError\n.')
        rebuilt = self.rebuild(report)
        self.assertIs(type(rebuilt), errors.RemoteError)
        self.assertEqual(str(rebuilt), "KeyError: 'missing'")
        for junk in (b'junk', pickle.dumps('no exception'), b'csys\nexit\n(I3\ntR.'):      # which is sys.exit(3)
            self.assertIs(type(self.rebuild(report._replace(pickle=junk))), errors.RemoteError)

    def test_the_class_may_take_no_cause(self):
        self.assertIs(type(self.rebuild(self.report(Uncaused()))), Uncaused)

    def test_frames_of_the_worker_are_left_out(self):
        report = self.report(KeyError('missing'), skip=1)
        self.assertNotIn('in report', report.traceback)
        self.assertIn('in outer', report.traceback)
        self.assertIn('KeyError', self.report(KeyError('missing'), skip=100).traceback)

    def test_causes_are_in_the_text(self):
        error = KeyError('late')
        error.__cause__ = ValueError('early')
        self.assertIn('ValueError: early', str(self.rebuild(self.report(error)).__cause__))

    def test_texts_that_c_could_not_hold(self):
        report = self.report(ValueError('a\0b\udcff'))
        self.assertEqual(report.message, 'a\\x00b\\udcff')
        self.assertNotIn('\0', report.traceback)
        self.assertEqual(self.rebuild(report).args, ('a\0b\udcff',))


class Refusals(unittest.TestCase):
    """What is wrong is told in words of who called."""

    def test_messages(self):
        lock, condition = Mp.Lock(), Mp.Condition()
        lock.acquire()
        value, array = Mp.Value('i', 3), Mp.Array('i', 2)
        memory = Mp.SharedMemory(create=True, size=4)
        for function, cls, text in (
                (lambda: Mp.Semaphore('x'), TypeError, "value has to be a whole number, not 'x'"),
                (lambda: Mp.Lock(1), TypeError, r'^Mp\.Lock\(\) takes no arguments by their places$'),
                (lambda: Mp.Connection(3), TypeError, r'places: Mp\.Pipe\(\), Mp\.Client\(\) and the accept\(\)'),
                (lambda: Mp.Descriptor(3), TypeError, r'places: Mp\.Descriptor\.duplicate\(fd\) gives one'),
                (lambda: Mp.TlsSettings(3), TypeError, r'places: Mp\.TlsSettings\(certificate=\.\.\.'),
                (lambda: Mp.Listener(('localhost',)), TypeError, r'a pair of a host and a port, \(str, int\), not'),
                (lambda: Mp.Listener(['localhost', 0]), TypeError, 'a path, or a pair of a host and a port, not'),
                (lambda: Mp.Listener('tcp:localhost:0', wire='tls'), TypeError, 'as Mp.WireFlags.TLS, not .tls'),
                (lambda: Mp.Listener('tcp:localhost:0', wire=77), TypeError, 'wire has to be of Mp.WireFlags'),
                (lambda: Mp.Client('tcp:localhost:1', wire='tls'), TypeError, 'wire has to be of Mp.WireFlags'),
                (lambda: Mp.Client(None), TypeError, 'takes the address of a listener'),
                (lambda: Mp.Pipe()[0].send_bytes('x'), TypeError, "takes bytes, or .* not of the type str; send"),
                (lambda: Mp.Pipe()[0].send_bytes(b'abc', 'x'), TypeError, "offset has to be a whole number, not 'x'"),
                (lambda: Mp.Pipe()[0].send_bytes(b'abc', 5), ValueError, 'offset is 5, but has to be from 0 to 3'),
                (lambda: Mp.Pool('x'), TypeError, "processes has to be a whole number, not 'x'"),
                (lambda: Mp.Pool(0), ValueError, 'processes is 0, but has to be from 1 on'),
                (lambda: Mp.Pipe()[0].recv_bytes('x'), TypeError, "maxlength has to be a whole number, not 'x'"),
                (lambda: Mp.AuthKey(3), TypeError, r"a key is made of bytes, as b'\.\.\.', not of int"),
                (lambda: Mp.Event().wait('x'), TypeError, "a timeout is a number of seconds, or None, not 'x'"),
                (lambda: lock.acquire(timeout='x'), TypeError, "a timeout is a number of seconds, or None, not 'x'"),
                (lambda: condition.wait_for(bool, 'x'), TypeError, "a timeout is a number"),
                (lambda: lock.acquire_async('x'), TypeError, "a timeout is a number"),
                (lambda: lock.acquire(blocking=False), TypeError, r"^acquire\(\) takes no argument 'blocking'.*block="),
                (lambda: value.acquire(blocking=False), TypeError, 'block='),
                (lambda: Mp.Array('i'), TypeError, 'how many elements it has, all zero, or which, not nothing'),
                (lambda: Mp.Array('i', 2.5), TypeError, 'or which, not 2.5'),
                (lambda: memory.write(0, 'x'), TypeError, "bytes, not the text 'x'"),
                (lambda: condition.notify(-1), ValueError, 'how many shall go on, not -1'),
                (lambda: Mp.Process(target=print, args=(value)), TypeError, r'a tuple of one is written args=\(x,\)'),
                (lambda: Mp.Process(target=print, args=(array)), TypeError, r'a tuple of one is written args=\(x,\)'),
                (lambda: Mp.Barrier(), TypeError, 'parties'),
                (lambda: Mp.ShareableList(name=5), TypeError, 'the name of a list is a string, not 5'),
                (lambda: Mp.progress_report(1.1), ValueError, 'done is 1.1, but has to be from 0 to 1'),
                (lambda: Mp.progress_report(float('nan'), 'x'), ValueError, 'done is nan'),
                (lambda: Mp.progress_report('half'), TypeError, 'half|str'),
                (lambda: Mp.RLock().release(), Mp.NotOwner, 'use an Mp.Lock if others are to')):
            with self.subTest(text=text), self.assertRaisesRegex(cls, text):
                function()
        lock.release()

    def test_variants_that_are_no_arrays(self):
        """The program would end by a critical: as G_DEBUG is, or in the dark."""
        pool, items = Mp.Pool(1), Mp.Queue()
        self.addCleanup(pool.terminate)
        text, pair = GLib.Variant('s', 'x'), GLib.Variant('(ii)', (1, 2))
        boxed = GLib.Variant('v', GLib.Variant('i', 1))
        for function, wanted, variants in (
                (lambda it: pool.submit_map('python:math:sqrt', it, 0, None), 'items .* an array, not', (text, pair)),
                (lambda it: items.put_many_async(it, 0, None, print), 'values .* an array, not', (text, pair)),
                (lambda it: Mp.Array.new_from_elements(it, None), 'elements .* an array, not', (text, pair)),
                (lambda it: Mp.ShareableList(items=it), 'items .* an array or a tuple, not', (text, boxed)),
                (Mp.ShareableList.new, 'items .* an array or a tuple, not', (text, boxed)),
                (lambda it: Mp.ShareableList.new_named('', it), 'items .* an array or a tuple, not', (text, boxed))):
            for variant in variants:
                with self.subTest(wanted=wanted, variant=variant), self.assertRaisesRegex(TypeError, wanted):
                    function(variant)
        self.assertEqual(items.qsize(), 0)
        self.assertEqual(list(Mp.ShareableList(items=pair)), [1, 2])
        self.assertEqual(list(Mp.ShareableList.new(items=GLib.Variant('ai', [3]))), [3])

    def test_codecs_that_are_none(self):
        """Which the library would take for a fault of C, and go on with another or with nothing."""
        first, second = Mp.Pipe()
        items, data, value = Mp.Queue(), GLib.Bytes.new(b'x'), GLib.Variant('i', 1)
        for function in (lambda it: Mp.Message(payload_bytes=data, codec=it),
                         lambda it: Mp.Message(codec=it),
                         lambda it: Mp.Message.new_data(b'x', it),
                         lambda it: Mp.Message.new_bytes(data, it),
                         lambda it: Mp.Message.new_bytes(data, codec=it),
                         lambda it: first.send_data(b'x', it, 0, None),
                         lambda it: first.send_data_async(b'x', it, 0, None, print),
                         lambda it: items.put_data(b'x', it, 0, None),
                         lambda it: items.put_bytes(data, it, 0, None),
                         lambda it: items.put_bytes_async(data, it, 0, None, print),
                         lambda it: items.put_many_data(b'x', [1], it, 0, None)):
            for codec in 'Json', 'a b', '', 'x' * 33, 'gvariant', 'json\n':
                with self.subTest(codec=codec), self.assertRaisesRegex(ValueError, '^codec is .* has to be a name'):
                    function(codec)
        self.assertEqual((items.qsize(), second.poll()), (0, False))
        for arguments in {'codec': 'json'}, {'codec': 'gvariant'}, {'payload_bytes': data}:
            with self.assertRaisesRegex(TypeError, 'either a value, or payload_bytes'):
                Mp.Message(value=value, **arguments)
        for arguments in (value,), (value, 'json'), (b'x', 'json'):
            with self.assertRaisesRegex(TypeError, r'Mp\.Message\.new\(variant\)'):
                Mp.Message(*arguments)
        for message in Mp.Message(payload_bytes=data, codec='x.y-9'), Mp.Message.new_data(b'x', 'x.y-9'):
            self.assertEqual((type(message), message.get_codec(), message.get_payload()), (Mp.Message, 'x.y-9', b'x'))
        self.assertEqual(Mp.from_message(Mp.Message(value=value)), 1)
        self.assertIsNone(Mp.from_message(Mp.Message()))
        first.close(), second.close()

    def test_name_that_is_taken(self):
        memory = Mp.SharedMemory('', create=True, size=4)
        self.addCleanup(memory.unlink)
        with self.assertRaisesRegex(Mp.Corrupted, f'the list "{memory.name}": There is no shareable list'):
            Mp.ShareableList(name=memory.name)
        for function in (lambda: Mp.SharedMemory(memory.name, create=True, size=4),
                         lambda: Mp.ShareableList([1], name=memory.name)):
            with self.assertRaisesRegex(FileExistsError, 'give nothing but the name to open that'):
                function()


if __name__ == '__main__':
    unittest.main()
