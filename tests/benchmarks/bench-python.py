#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers

"""Python's own multiprocessing where the yardsticks do not measure it: lines as those of
the C benchmarks, `peer.py311.NAME value unit`.

Pairs of acquire and release stand as statements in a plain loop, since a call around
them would cost Python as much as they do.
"""

import multiprocessing
import os
import statistics
import sys
import timeit

SECONDS = int(os.environ.get('BENCH_MS', '150')) / 1000
SAMPLES = int(os.environ.get('BENCH_REPS', '5'))
PYTHON = 'peer.py%d%d' % sys.version_info[:2]


def held(lock):
    lock.acquire()
    return lock


PAIR = 'l.acquire(); l.release()'
CASES = {
    'rlock.nested': (PAIR, held(multiprocessing.RLock())),
    'semaphore': (PAIR, multiprocessing.Semaphore(1)),
    'bounded-semaphore': (PAIR, multiprocessing.BoundedSemaphore(1)),
    'event': ('l.set(); l.clear()', multiprocessing.Event()),
}


def measure(statement, name):
    timer = timeit.Timer(statement, globals={'l': name})
    n = max(1, int(1000 * SECONDS / timer.timeit(1000)))
    return [timer.timeit(n) / n * 1e9 for _ in range(SAMPLES)]


for name, case in CASES.items():
    if len(sys.argv) < 2 or any(part in name for part in sys.argv[1:]):
        samples = measure(*case)
        print(f'{PYTHON}.{name} {statistics.median(samples):.6g} ns')
        print(f'{PYTHON}.{name}.lo {min(samples):.6g} ns')
        print(f'{PYTHON}.{name}.hi {max(samples):.6g} ns', flush=True)
