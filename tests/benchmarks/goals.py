#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers

"""Sets the figures of a run beside the goals: goals.py FILE, which has a line
`name median lowest highest unit` for each figure.

A goal is `ours` against the best of the peers that were measured in the same run: for a
rate how many times more, for a time how many times quicker, at least.
"""

import re
import sys

PYTHON_QUEUE = r'py31\d\.queue\.256'
ROBUST = r'stream\.256\.mpmc-robust(-op)?'

# what, ours, peers, at least
GOALS = [
    ('Lock, beside Python', 'own.lock', r'py31\d\.lock', 2.5),
    ('Lock, beside the yardstick', 'own.lock', r'lock\.own\.alone', 1 / 1.3),
    ('Lock, two processes', 'own.lock.two', r'py31\d\.lock\.two', 10),
    ('RLock', 'own.rlock', r'py31\d\.rlock', 2.5),
    ('RLock, nested', 'own.rlock.nested', r'peer\.py31\d\.rlock\.nested', 8),
    ('Semaphore', 'own.semaphore', r'peer\.py31\d\.semaphore', 2),
    ('BoundedSemaphore', 'own.bounded-semaphore', r'peer\.py31\d\.bounded-semaphore', 2),
    ('Condition, spinning', 'own.condition', r'py31\d\.condition', 50),
    ('Condition, sleeping', 'own.condition.sleeps', r'py31\d\.condition', 3),
    ('Element through the buffer, beside C', 'own.element.mapped', r'own\.element\.plain', 0.95),
    ('Release to main loop, beside a thread a wait', 'own.async.lock', r'own\.async\.thread', 1),
    ('Queue, beside Python', 'own.queue.1p1c.256', PYTHON_QUEUE, 60),
    ('Queue, beside the robust ring', 'own.queue.1p1c.256', ROBUST, 0.9),
    ('Queue, beside the ring for two', 'own.queue.1p1c.256', r'stream\.256\.spsc', 0.6),
    ('Queue, beside ZeroMQ', 'own.queue.1p1c.256', r'zmq\.stream\.256', 4),
    ('Queue, beside Boost', 'own.queue.1p1c.256', r'boost\.stream\.256', 3.5),
    ('Queue, 16 at a time, beside Python', 'own.queue.many.256', PYTHON_QUEUE, 150),
    ('Queue, 16 at a time, beside the ring for two', 'own.queue.many.256', r'stream\.256\.spsc', 1.2),
    ('Queue, GBytes, beside Python', 'own.queue.bytes.256', PYTHON_QUEUE, 30),
    ('Queue, GBytes, beside ZeroMQ', 'own.queue.bytes.256', r'zmq\.stream\.256', 2),
    ('Queue, 4 to 4, beside Python', 'own.queue.4p4c', r'py31\d\.queue\.4p4c', 70),
    ('Queue, 4 to 4, beside 1 to 1', 'own.queue.4p4c', r'own\.queue\.1p1c\.256', 0.85),
    ('Round trip by queues, beside Pipe', 'own.queue.pingpong', r'py31\d\.pipe\.pingpong', 40),
    ('Round trip by queues, beside a word', 'own.queue.pingpong', r'pingpong\.spin\.split', 1 / 5),
    ('Round trip by queues, sleeping', 'own.queue.pingpong-sleeps', r'pingpong\.futex\.split', 1 / 1.15),
    ('Ring, beside the robust ring', 'own.ring.256', ROBUST, 0.9),
    ('Ring, beside the ring for two', 'own.ring.256', r'stream\.256\.spsc', 0.6),
    ('Connection, beside send_bytes', 'own.connection.256', r'py31\d\.pipe_bytes\.256', 40),
    ('Connection, beside ZeroMQ', 'own.connection.256', r'zmq\.stream\.256', 5),
    ('Connection, beside the ring for two', 'own.connection.256', r'stream\.256\.spsc', 0.8),
    ('Connection by socket, beside send_bytes', 'own.connection.socket.256', r'py31\d\.pipe_bytes\.256', 2.5),
    ('Connection by socket, beside the socket', 'own.connection.socket.256', r'stream\.256\.seqpacket', 0.9),
    ('Connection, 1 MiB, beside a stream socket', 'own.connection.1m', r'stream\.1048576\.sock(-bufread)?', 2),
    ('Round trip by a connection, beside Pipe', 'own.connection.pingpong', r'py31\d\.pipe\.pingpong', 40),
    ('Queue in Python, beside Python', 'own.python.queue.256', PYTHON_QUEUE, 3.5),
    ('Queue in Python, 16 at a time', 'own.python.queue.many', PYTHON_QUEUE, 5),
    ('Queue in JavaScript, beside threads of Node', 'own.js.queue.256', r'node\.worker\.stream\.256', 1),
    ('Queue in JavaScript, beside processes of Node', 'own.js.queue.256', r'node\.child\.stream\.256', 2.5),
    ('Fork server, beside a raw one', 'own.process.forkserver', r'spawn\.forkserver\.small', 1 / 1.5),
    ('Fork server, beside one like it', 'own.process.forkserver', r'own\.process\.linked\.forkserver', 1 / 1.5),
    ('Fork server, beside Python', 'own.process.forkserver', r'py311\.process\.forkserver', 20),
    ('Spawn, beside a program with GLib', 'own.process.spawn', r'spawn\.posix_spawn-glib\.small', 1 / 1.3),
    ('Spawn, beside one like it', 'own.process.spawn', r'own\.process\.linked\.posix_spawn', 1 / 1.3),
]
# what, ours, at most
LIMITS = [
    ('Element of an array, got by call', 'own.element.get', 30),
    ('Element of an array, set by call', 'own.element.set', 30),
    ('SIGKILL of a holder to the next owner', 'own.death', 1000),
]


def read(path):
    figures = {}
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            name, median, _lowest, _highest, unit = line.split()
            figures[name] = (float(median), unit)
    return figures


def compare(figures, ours, pattern):
    """The ratio to the best peer, and its name; None where one of the two is missing."""
    if ours not in figures:
        return None
    mine, unit = figures[ours]
    ratios = {
        name: mine / value if unit.endswith('/s') else value / mine
        for name, (value, _unit) in figures.items() if re.fullmatch(pattern, name)
    }
    return min((ratio, name) for name, ratio in ratios.items()) if ratios else None


def main():
    figures = read(sys.argv[1])
    for what, ours, pattern, least in GOALS:
        if found := compare(figures, ours, pattern):
            ratio, peer = found
            verdict = 'met' if ratio >= least else 'MISSED'
            print(f'{what:<46}{ratio:8.2f} x {peer:<26} goal {least:5.2f}  {verdict}')
    for what, ours, most in LIMITS:
        if ours in figures:
            value, unit = figures[ours]
            print(f'{what:<46}{value:8.0f} {unit:<28} goal < {most}  {"met" if value < most else "MISSED"}')


main()
