# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Listeners and clients in the form of multiprocessing.connection."""

import array
import asyncio
import multiprocessing.connection
import os
import pickle
import signal
import socket
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from gi.repository import Gio  # noqa: E402
from mp_case import GLib, Mp, find_operation, let_tasks_run, wait_until  # noqa: E402
from mpglib import _listener, connection  # noqa: E402

KEY = b'only for tests, and long enough'
DEADLINE = 20


def greet_at(address):
    with Mp.Client(address, timeout=DEADLINE) as client:
        client.send('hello')


def answer(client, key):
    client.answer_challenge(key, timeout=DEADLINE)
    client.deliver_challenge(key, timeout=DEADLINE)


async def accept_soon(listener):
    return await listener.accept_async(DEADLINE)


def read_certificate(name):
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'tls')
    return Gio.TlsCertificate.new_from_file(os.path.join(folder, f'{name}.pem'))


class Listener(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_objects_go_both_ways(self):
        with Mp.Listener(authkey=KEY) as listener, Mp.Client(listener.address, authkey=KEY, timeout=DEADLINE) as client:
            self.assertIs(type(client), Mp.Connection)
            with listener.accept(DEADLINE) as server:
                self.assertIs(type(server), Mp.Connection)
                server.send([2.25, None, 'junk', float])
                server.send_bytes(b'hello')
                self.assertEqual(client.recv(DEADLINE), [2.25, None, 'junk', float])
                self.assertEqual(client.recv_bytes(timeout=DEADLINE), b'hello')
                client.send({'a': 1})
                self.assertEqual(server.recv(DEADLINE), {'a': 1})
            self.assertIsNone(listener.last_accepted)
            self.assertRaises(EOFError, client.recv, DEADLINE)

    def test_private_place(self):
        with Mp.Listener() as listener:
            path = listener.address
            self.assertTrue(listener.is_open())
            self.assertEqual(os.stat(os.path.dirname(path)).st_mode & 0o777, 0o700)
            self.assertEqual(repr(listener), f'<Mp.Listener open at unix:{path}>')
        self.assertFalse(os.path.exists(os.path.dirname(path)))
        self.assertFalse(listener.is_open())
        self.assertRegex(repr(listener), '^<Mp.Listener closed')

    def test_close_at_collection(self):
        path = os.path.join(self.folder, 'socket')
        listener = Mp.Listener(path)
        self.assertEqual(listener.address, path)
        del listener
        self.assertFalse(os.path.exists(path))

    def test_keys(self):
        with Mp.Listener(authkey=Mp.AuthKey(KEY)) as listener:
            for key in b'another', None:
                with self.subTest(key), self.assertRaises(Mp.AuthenticationError):
                    Mp.Client(listener.address, authkey=key, timeout=DEADLINE)
            self.assertRaises(Mp.TimeoutError, listener.accept, 0)
            Mp.Client(listener.address, authkey=bytearray(KEY), timeout=DEADLINE).close()
            listener.accept(DEADLINE).close()
        for wrong in 'text', 7:
            with self.subTest(wrong), self.assertRaises(TypeError):
                Mp.Listener(authkey=wrong)
            with self.subTest(wrong), self.assertRaises(TypeError):
                Mp.Client('/nowhere', authkey=wrong)

    def test_addresses(self):
        for address, text, back in [
            ('/a/b', 'unix:/a/b', '/a/b'), (b'/a/b', 'unix:/a/b', '/a/b'), ('a', 'unix:a', 'a'),
            ('unix:/a', 'unix:/a', '/a'), ('\0name', 'abstract:name', '\0name'),
            (('localhost', 25000), 'tcp:localhost:25000', ('localhost', 25000)),
            (('::1', 1), 'tcp:[::1]:1', ('::1', 1)), (None, None, None),
        ]:
            with self.subTest(address):
                self.assertEqual(_listener.to_text(address), text)
                self.assertEqual(_listener.from_text(text), back)
        self.assertEqual(_listener.to_text('/a', 'AF_UNIX'), 'unix:/a')
        for address, family in ('/a', 'AF_INET'), (('localhost', 1), 'AF_UNIX'), (None, 'AF_PIPE'):
            with self.subTest(address), self.assertRaises(ValueError):
                Mp.Listener(address, family)
        for pipe in r'\\.\pipe\name', r'\\server\pipe\name':
            for use in Mp.Listener, Mp.Client:
                with self.subTest(pipe, use=use), self.assertRaisesRegex(ValueError, 'AF_PIPE'):
                    use(pipe)
        for wrong in 'a\0b', '\0name\0b', b'a\0b', ('local\0host', 1), 'unix:a\0', '\ud800', b'/\xff':
            for use in Mp.Listener, Mp.Client:
                with self.subTest(wrong, use=use), self.assertRaisesRegex(ValueError, 'null character|UTF-8'):
                    use(wrong)

    def test_tcp(self):
        for address, family in (('localhost', 0), None), (None, 'AF_INET'), (('::1', 0), 'AF_INET'):
            with self.subTest(address), Mp.Listener(address, family, authkey=KEY) as listener:
                host, port = listener.address
                self.assertEqual(host, address[0].replace('localhost', '127.0.0.1') if address else '127.0.0.1')
                self.assertGreater(port, 0)
                # For clients in other languages.
                name = f'[{host}]' if ':' in host else host
                self.assertEqual(listener.get_address(), f'tcp:{name}:{port}')
                with Mp.Client((host, port), authkey=KEY, timeout=DEADLINE) as client:
                    with listener.accept(DEADLINE) as server:
                        self.assertEqual(listener.last_accepted[0], host)
                        server.send([1, 'two', b'x' * 1000000])
                        self.assertEqual(client.recv(DEADLINE), [1, 'two', b'x' * 1000000])
                        self.assertRaises(Mp.NotShareable, client.send, server, DEADLINE)
                    self.assertRaises(EOFError, client.recv, DEADLINE)

    def test_example(self):
        """That of multiprocessing's manual: objects, bytes, and numbers into a larger array."""
        with Mp.Listener(('localhost', 0), authkey=b'secret password') as listener:
            with Mp.Client(listener.address, authkey=b'secret password', timeout=DEADLINE) as client:
                with listener.accept(DEADLINE) as server:
                    server.send([2.25, None, 'junk', float])
                    server.send_bytes(b'hello')
                    server.send_bytes(array.array('i', [42, 1729]))
                    self.assertEqual(client.recv(DEADLINE), [2.25, None, 'junk', float])
                    self.assertEqual(client.recv_bytes(timeout=DEADLINE), b'hello')
                    numbers = array.array('i', [0, 0, 0, 0, 0])
                    self.assertEqual(client.recv_bytes_into(numbers, timeout=DEADLINE), 8)
                    self.assertEqual(numbers, array.array('i', [42, 1729, 0, 0, 0]))

    def test_key_of_the_program(self):
        with Mp.Listener(('localhost', 0)) as listener:
            child = Mp.Process(target=greet_at, args=(listener.address,))
            child.start()
            self.assertEqual(listener.accept(DEADLINE).recv(DEADLINE), 'hello')
            child.join(DEADLINE)
            self.assertEqual(child.exitcode, 0)
            self.assertRaises(Mp.AuthenticationError, Mp.Client, listener.address, authkey=KEY, timeout=DEADLINE)
            Mp.Client(listener.address, authkey=bytes(Mp.AuthKey.new_own()), timeout=DEADLINE).close()

    def test_tcp_by_name(self):
        with Mp.Listener(('localhost', 0), authkey=KEY) as listener:
            Mp.Client(('localhost', listener.address[1]), authkey=KEY, timeout=DEADLINE).close()
            listener.accept(DEADLINE).close()

    def test_another_key_of_the_program(self):
        drawn = Mp.AuthKey.new_own()
        self.addCleanup(drawn.make_own)
        for key in b'short', b'x' * 64:
            with self.subTest(key):
                Mp.AuthKey(key).make_own()
                self.assertEqual(bytes(Mp.AuthKey.new_own()), key)
                with Mp.Listener(('localhost', 0)) as listener:
                    child = Mp.Process(target=greet_at, args=(listener.address,))
                    child.start()
                    self.assertEqual(listener.accept(DEADLINE).recv(DEADLINE), 'hello')
                    child.join(DEADLINE)
                    self.assertEqual(child.exitcode, 0)
                    with Mp.Client(listener.address, authkey=key, timeout=DEADLINE):
                        pass
                    with self.assertRaises(Mp.AuthenticationError):
                        Mp.Client(listener.address, authkey=drawn, timeout=DEADLINE)
        self.assertRaises(Mp.Refused, Mp.AuthKey(b'').make_own)

    def test_key_of_one_process(self):
        self.assertEqual(bytes(Mp.current_process().authkey), bytes(Mp.AuthKey.new_own()))
        self.assertEqual(bytes(Mp.Process().authkey), bytes(Mp.AuthKey.new_own()))
        with Mp.Listener(('localhost', 0), authkey=KEY) as listener:
            for context in Mp.Context('spawn'), Mp.Context('forkserver'):
                child = Mp.Process(target=greet_at, args=(listener.address,), context=context)
                child.authkey = KEY
                self.assertEqual(bytes(child.authkey), KEY)
                child.start()
                self.assertEqual(listener.accept(DEADLINE).recv(DEADLINE), 'hello')
                self.assertTrue(child.join(DEADLINE))
                self.assertEqual(child.exitcode, 0)
                with self.assertRaisesRegex(Mp.InvalidState, 'started already'):
                    child.authkey = KEY
        for wrong, error in ((None, TypeError), ('text', TypeError), (b'', Mp.Refused), (b'x' * 65, Mp.TooBig)):
            with self.assertRaises(error):
                Mp.Process().authkey = wrong

    def test_tcp_beyond_this_machine(self):
        self.assertRaisesRegex(Mp.Refused, '16 bytes', Mp.Listener, ('0.0.0.0', 0), authkey=b'short')
        insecure = Mp.WireFlags.INSECURE
        with Mp.Listener(('0.0.0.0', 0), authkey=KEY, wire=insecure) as listener:
            self.assertEqual(listener.get_wire(), insecure)
            for host in '127.0.0.1', '0.0.0.0':
                Mp.Client((host, listener.address[1]), authkey=KEY, timeout=DEADLINE, wire=insecure).close()
                listener.accept(DEADLINE).close()

    def test_tls(self):
        for address in ('localhost', 0), None:
            with Mp.Listener(address, authkey=KEY, wire=Mp.WireFlags.TLS) as listener:
                with Mp.Client(listener.address, authkey=KEY, timeout=DEADLINE, wire=Mp.WireFlags.TLS) as client:
                    with listener.accept(DEADLINE) as server:
                        server.send([1, 'two', b'x' * 30000])
                        self.assertEqual(client.recv(DEADLINE), [1, 'two', b'x' * 30000])
                    self.assertRaises(EOFError, client.recv, DEADLINE)
                self.assertRaises(Mp.Refused, Mp.Client, listener.address, authkey=KEY, timeout=DEADLINE)

    def test_certificates(self):
        ours = Mp.TlsSettings(certificate=read_certificate('localhost'), trusted=read_certificate('authority'))
        theirs = Mp.TlsSettings(certificate=read_certificate('client'), trusted=read_certificate('authority'))
        careless = Mp.TlsSettings(certificate=read_certificate('client'), trusted=read_certificate('stranger'))
        self.assertEqual(repr(theirs), '<Mp.TlsSettings with a certificate, trusts one>')
        with Mp.Listener(('localhost', 0), tls=ours) as listener:
            with Mp.Client(listener.address, tls=theirs, timeout=DEADLINE) as client:
                client.send('without a key')
                self.assertEqual(listener.accept(DEADLINE).recv(DEADLINE), 'without a key')
            with self.assertRaisesRegex(Mp.AuthenticationError, 'issued'):
                Mp.Client(listener.address, tls=careless, timeout=DEADLINE)
            self.assertRaises(Mp.TimeoutError, listener.accept, 0)

    def test_tls_awaiting(self):
        settings = Mp.TlsSettings(trusted=read_certificate('self-signed'))
        pinned = Mp.TlsSettings(certificate=read_certificate('self-signed'))

        async def check():
            key = Mp.AuthKey(KEY)
            with Mp.Listener(('localhost', 0), authkey=key, tls=pinned) as listener:
                client = await Mp.Connection.open_with_tls_async(listener.get_address(), key, 0, settings, DEADLINE)
                with client, await listener.accept_async() as server:
                    await client.send_async('here')
                    self.assertEqual(await server.recv_async(DEADLINE), 'here')
            with Mp.Listener(('localhost', 0), authkey=key) as listener:
                client = await Mp.Connection.open_with_wire_async(listener.get_address(), key, 0)
                with client, await listener.accept_async():
                    pass

        Mp.run(check())
        asyncio.run(check())

    def test_challenges(self):
        with Mp.Listener(authkey=KEY) as listener, Mp.Client(listener.address, authkey=KEY, timeout=DEADLINE) as client:
            server = listener.accept(DEADLINE)
            child = Mp.Process(target=answer, args=(client, b'right'))
            child.start()
            server.deliver_challenge(b'right', timeout=DEADLINE)
            server.answer_challenge(Mp.AuthKey(b'right'), timeout=DEADLINE)
            child.join(DEADLINE)
            self.assertEqual(child.exitcode, 0)
            for wrong in None, 'text':
                with self.subTest(wrong), self.assertRaises(TypeError):
                    server.answer_challenge(wrong)
            self.assertRaises(ValueError, connection.deliver_challenge, server, KEY, 'md5')
            self.assertRaises(Mp.TimeoutError, connection.answer_challenge, server, KEY, timeout=0.01)

    def test_challenge_with_another_key(self):
        ours, theirs = Mp.Pipe()
        thread = threading.Thread(target=self.assertRaises, args=(
            connection.AuthenticationError, theirs.answer_challenge, b'wrong', DEADLINE))
        thread.start()
        self.assertRaises(Mp.AuthenticationError, connection.deliver_challenge, ours, b'right', timeout=DEADLINE)
        thread.join(DEADLINE)
        theirs.close()
        self.assertRaises(EOFError, ours.answer_challenge, KEY, DEADLINE)

    def test_challenge_goes_on_after_a_signal(self):
        """What was said already is not said again."""
        ours, theirs = Mp.Pipe()
        signals = []

        def go_on(*_):
            signals.append(1)
            if len(signals) == 3:
                thread.start()

        thread = threading.Thread(target=theirs.answer_challenge, args=(KEY, DEADLINE))
        old = signal.signal(signal.SIGALRM, go_on)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        ours.deliver_challenge(KEY, timeout=DEADLINE)
        thread.join(DEADLINE)
        self.assertFalse(theirs.poll(0))

    def test_challenges_awaiting(self):
        ours, theirs = Mp.Pipe()

        async def check():
            await asyncio.gather(ours.deliver_challenge_async(KEY, DEADLINE),
                                 theirs.answer_challenge_async(KEY, DEADLINE))
            with self.assertRaises(Mp.AuthenticationError):
                await asyncio.gather(ours.deliver_challenge_async(KEY, DEADLINE),
                                     theirs.answer_challenge_async(b'wrong', DEADLINE))

        asyncio.run(check())

    def test_wire_of_multiprocessing(self):
        wire = Mp.WireFlags.PYTHON
        for address in None, ('localhost', 0):
            with self.subTest(address), Mp.Listener(address, authkey=KEY, wire=wire) as listener:
                with Mp.Client(listener.address, authkey=KEY, timeout=DEADLINE, wire=wire) as client:
                    with listener.accept(DEADLINE) as server:
                        client.send_bytes(b'x' * 100000)
                        self.assertEqual(server.recv_bytes(timeout=DEADLINE), b'x' * 100000)
                        server.send({'an': 'object'})           # which is bytes to the other end
                        self.assertEqual(pickle.loads(client.recv_bytes(timeout=DEADLINE)), {'an': 'object'})
                        self.assertRaises(Mp.WrongCodec, client.send, GLib.Variant('i', 1), DEADLINE)
                    self.assertRaises(EOFError, client.recv_bytes, timeout=DEADLINE)
                with self.assertRaises(Mp.AuthenticationError):
                    Mp.Client(listener.address, authkey=b'another', timeout=DEADLINE, wire=wire)

    def test_abstract(self):
        name = f'\0mp-test-python-{os.getpid()}'
        with Mp.Listener(name, 'AF_UNIX', authkey=KEY) as listener:
            self.assertEqual(listener.address, name)
            Mp.Client(name, 'AF_UNIX', KEY, DEADLINE).close()
            listener.accept(DEADLINE).close()
        self.assertRaises(Mp.Refused, Mp.Listener, name)

    def test_nobody_and_somebody(self):
        path = os.path.join(self.folder, 'socket')
        plain = os.path.join(self.folder, 'plain')
        with open(plain, 'w'):
            pass
        for there, error in ((path, FileNotFoundError), (os.path.join(path, 'none'), FileNotFoundError),
                             (os.path.join(plain, 'none'), NotADirectoryError), (plain, ConnectionRefusedError)):
            with self.subTest(there), self.assertRaises(error) as caught:
                multiprocessing.connection.Client(there)
            self.assertIs(type(caught.exception), error)
            with self.subTest(there), self.assertRaises(error) as caught:
                Mp.Client(there)
            self.assertIsInstance(caught.exception, Mp.ProcessError)
            self.assertIn(there, str(caught.exception))
        with self.assertRaisesRegex(Mp.NotFound, 'nobody listens'):
            Mp.Client(path)
        with self.assertRaisesRegex(Mp.ConnectionRefused, 'nobody listens') as caught:
            Mp.Client(plain)
        self.assertIsInstance(caught.exception, GLib.Error)
        with self.assertRaisesRegex(Mp.HostNotFound, 'looked up') as caught:
            Mp.Client(('nowhere.invalid', 1))
        self.assertIsInstance(caught.exception, socket.gaierror)
        with Mp.Listener(path), self.assertRaises(Mp.AddressInUse) as caught:
            Mp.Listener(path)
        self.assertIsInstance(caught.exception, OSError)
        nowhere = os.path.join(self.folder, 'nowhere', 'socket')
        for address, error in ((nowhere, FileNotFoundError), ('tcp:x', ValueError)):
            with self.assertRaises(error) as caught:
                Mp.Listener(address)
            self.assertIsInstance(caught.exception, Mp.ProcessError)

    def test_backlog(self):
        with Mp.Listener(backlog=2) as listener:
            self.assertEqual(listener.get_backlog(), 2)
        # Beyond what there may be it is the nearest number.
        for given, kept in (-1, 1), (0, 1), (2 ** 31, 2 ** 31 - 1), (2 ** 64, 2 ** 31 - 1):
            with Mp.Listener(backlog=given) as listener:
                self.assertEqual((listener.get_backlog(), listener.backlog), (kept, kept))
        for wrong in 1.5, '2':
            with self.assertRaisesRegex(TypeError, 'backlog has to be a whole number, not'):
                Mp.Listener(backlog=wrong)

    def test_closed_meanwhile(self):
        listener = Mp.Listener()
        closer = threading.Timer(0.05, listener.close)
        closer.start()
        for accept in (lambda: listener.accept(DEADLINE), listener.accept, listener.open,
                       lambda: Mp.run(accept_soon(listener))):
            with self.assertRaises(OSError) as caught:      # as with multiprocessing
                accept()
            self.assertIsInstance(caught.exception, Mp.Closed)
        closer.join()

    def test_handlers_of_signals_run_while_it_waits(self):
        class Enough(Exception):
            pass

        def stop(*_):
            raise Enough

        old = signal.signal(signal.SIGALRM, stop)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        with Mp.Listener() as listener:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            self.assertRaises(Enough, listener.accept, DEADLINE)

    def test_awaiting(self):
        async def check():
            with Mp.Listener() as listener:
                with self.assertRaises(TimeoutError):
                    await listener.accept_async(0.01)
                client = await Mp.Connection.open_async(listener.get_address())
                with client, await listener.accept_async() as server:
                    await client.send_async('here')
                    self.assertEqual(await server.recv_async(DEADLINE), 'here')

        async def check_cancelling():
            await check()
            with Mp.Listener() as listener:
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(listener.accept_async(), 0.01)
                with Mp.Client(listener.address), await listener.accept_async(DEADLINE):
                    pass

        Mp.run(check())
        asyncio.run(check_cancelling())

    def test_cancelled_accept_takes_nothing(self):
        async def run(listener):
            coroutine = listener.accept_async()
            task = asyncio.create_task(coroutine)
            await let_tasks_run()
            client = Mp.Client(listener.address)
            # This thread holds the loop, which so has not told the task.
            wait_until(lambda: find_operation(coroutine).has_ended, 'somebody has connected')
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            return client

        with Mp.Listener() as listener, asyncio.run(run(listener)) as client, listener.accept(DEADLINE) as server:
            client.send('here')
            self.assertEqual(server.recv(DEADLINE), 'here')

    def test_awaiting_what_is_wrong(self):
        async def check():
            with self.assertRaises(TypeError):
                await Mp.Connection.open_async(17)
            with self.assertRaises(TypeError):
                await Mp.Connection.open_async('/nowhere', None, cancellable='none')
            with Mp.Listener(('localhost', 0), authkey=KEY) as listener:
                with await Mp.Connection.open_async(listener.address, KEY, DEADLINE) as client:
                    await client.send_async('here')
                    with await listener.accept_async(DEADLINE) as server:
                        self.assertEqual(await server.recv_async(DEADLINE), 'here')

        Mp.run(check())
        asyncio.run(check())

    def test_signal(self):
        loop = GLib.MainLoop()
        received = []

        def on_incoming(_listener, connection):
            received.append(connection)
            loop.quit()

        with Mp.Listener() as listener:
            listener.connect('incoming', on_incoming)
            listener.start_accepting()
            with Mp.Client(listener.address, timeout=DEADLINE) as client:
                loop.run()
                client.send('here')
                self.assertEqual(received.pop().recv(DEADLINE), 'here')

    def test_who_was_refused(self):
        loop = GLib.MainLoop()
        told = []

        def on_refused(_listener, who, error):
            told.append((who, error))
            loop.quit()

        with Mp.Listener(authkey=KEY) as listener:
            listener.connect('refused', on_refused)
            listener.start_accepting()
            self.assertRaises(Mp.AuthenticationError, Mp.Client, listener.address, authkey=b'no', timeout=DEADLINE)
            loop.run()
        (who, error), = told
        self.assertEqual(who, f'a process of user {os.getuid()}')
        self.assertTrue(error.matches(Mp.error_quark(), Mp.Error.AUTHENTICATION))


if __name__ == '__main__':
    unittest.main()
