# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""What processes in Python do with the queues of testQueue.js."""

from gi.repository import GLib


def double(questions, answers, count):
    for _ in range(int(count)):
        answers.put(GLib.Variant('(sx)', ('python', 2 * questions.get())))


def put_objects(items):
    items.put(b'bytes')
    items.put({'a', 'set'})
