# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What a pool's workers in Python do with the shared state of testShared.js."""


def count(value, array, times):
    for _ in range(times):
        with value.get_lock():
            value.set_int64(value.get_int64() + 1)
            array.set_double(2, array.get_double(2) + 1)
