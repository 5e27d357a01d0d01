#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers

"""Queues in Python, from one process to another: lines as those of the C benchmarks, messages of 256 bytes a second.

    own.python.queue.256    put() and get()
    own.python.queue.into   put() and get_into()
    own.python.queue.many   put_many() and get_many() of 16

In the environment of the build (`meson devenv`).  A sample is as the yardsticks' of Python's own queue.
"""

import os
import statistics
import sys
import time

import gi

gi.require_version('Mp', '1.0')
from gi.repository import Mp  # noqa: E402

SECONDS = int(os.environ.get('BENCH_MS', '150')) / 1000
SAMPLES = int(os.environ.get('BENCH_REPS', '5'))
GAP = int(os.environ.get('BENCH_GAP_MS', '0')) / 1000
MESSAGE = b'0' * 256
BATCH = 16
WARM = 100


def pin(side):
    place = os.environ.get('BENCH_PIN', 'split')
    if place != 'none':
        os.sched_setaffinity(0, {0 if place == 'same' else side % os.cpu_count()})


def put_all(queue):
    queue.put(MESSAGE)


def put_many(queue):
    queue.put_many([MESSAGE] * BATCH)


def get_all(queue):
    return 1 if queue.get() else 0


def get_into(queue, buffer=bytearray(256)):
    return 1 if queue.get_into(buffer) else 0


def get_many(queue):
    got = queue.get_many(BATCH)
    return len(got) if got[-1] else 0


CASES = {
    'python.queue.256': (put_all, get_all),
    'python.queue.into': (put_all, get_into),
    'python.queue.many': (put_many, get_many),
}


def feed(queue, put):
    pin(1)
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        for _ in range(32):
            put(queue)
    queue.put(b'')


def measure(put, get):
    queue = Mp.Queue()
    child = os.fork()
    if child == 0:
        feed(queue, put)
        os._exit(0)
    pin(0)
    n, begun = 0, None
    while got := get(queue):
        n += got
        if begun is None and n >= WARM:
            n, begun = 0, time.perf_counter()
    rate = n / (time.perf_counter() - begun)
    os.waitpid(child, 0)
    return rate


for name, case in CASES.items():
    if len(sys.argv) < 2 or any(part in name for part in sys.argv[1:]):
        samples = []
        for _ in range(SAMPLES):
            time.sleep(GAP)     # house: no-sleep: leaves the machine to others between two samples
            samples.append(measure(*case))
        print(f'own.{name} {statistics.median(samples):.6g} /s')
        print(f'own.{name}.lo {min(samples):.6g} /s')
        print(f'own.{name}.hi {max(samples):.6g} /s', flush=True)
