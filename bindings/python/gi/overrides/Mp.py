# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What Python adds to the introspected namespace Mp: values, functions, exceptions, iteration."""

from gi.overrides import override
from mpglib import _arrays, _auth_key, _awaiting, _connection, _context, _descriptor, _launcher, _listener, _lists
from mpglib import _memory, _messages, _pool, _process, _queue, _raw, _sync, _synchronized, _tasks, _values
from mpglib import _waiting, errors
from mpglib._process import active_children, current_process, shutdown, shutdown_async
from mpglib.errors import *  # noqa: F403

AuthKey = override(_auth_key.AuthKey)
Connection = override(_connection.Connection)
Descriptor = override(_descriptor.Descriptor)
Pipe = _connection.Pipe
Client = _listener.Client
Listener = override(_listener.Listener)
Message = override(_messages.Message)
TlsSettings = override(_listener.TlsSettings)

wait = wait_many = _waiting.wait
wait_async = wait_many_async = _waiting.wait_async

Queue = override(_queue.Queue)
JoinableQueue = override(_queue.JoinableQueue)
SimpleQueue = override(_queue.SimpleQueue)

Barrier = override(_sync.Barrier)
BoundedSemaphore = override(_sync.BoundedSemaphore)
Condition = override(_sync.Condition)
Event = override(_sync.Event)
Lock = override(_sync.Lock)
RLock = override(_sync.RLock)
Semaphore = override(_sync.Semaphore)

Array = override(_arrays.Array)
ShareableList = override(_lists.ShareableList)
SharedMemory = override(_memory.SharedMemory)
Value = override(_values.Value)
RawArray = _raw.RawArray
RawValue = _raw.RawValue
copy = _synchronized.copy
synchronized = _synchronized.synchronized

Context = override(_context.Context)
Pool = override(_pool.Pool)
PoolResult = AsyncResult = override(_pool.PoolResult)
Process = override(_process.Process)
ResultIterator = override(_pool.ResultIterator)

current_task = _tasks.current_task
from_message = _messages.read_value
progress_report = _tasks.progress_report
run = _awaiting.run

_launcher.register()

__all__ = [
    *errors.__all__,
    'Array',
    'AsyncResult',
    'AuthKey',
    'Barrier',
    'BoundedSemaphore',
    'Client',
    'Condition',
    'Connection',
    'Context',
    'Descriptor',
    'Event',
    'JoinableQueue',
    'Listener',
    'Lock',
    'Message',
    'Pipe',
    'Pool',
    'PoolResult',
    'Process',
    'Queue',
    'RLock',
    'RawArray',
    'RawValue',
    'ResultIterator',
    'Semaphore',
    'ShareableList',
    'SharedMemory',
    'SimpleQueue',
    'TlsSettings',
    'Value',
    'active_children',
    'copy',
    'current_process',
    'current_task',
    'from_message',
    'progress_report',
    'run',
    'shutdown',
    'shutdown_async',
    'synchronized',
    'wait',
    'wait_async',
    'wait_many',
    'wait_many_async',
]
