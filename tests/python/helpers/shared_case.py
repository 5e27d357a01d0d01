# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Tests of what is shared, and what their children do with it."""

import gc

from mp_case import DEADLINE, Mp, MpCase


def send_back(shared, connection):
    connection.send([type(shared).__name__, repr(shared)])
    connection.send(shared)


class SharedCase(MpCase):
    def setUp(self):
        ours, theirs = Mp.Pipe()        # what all of them share stays, once it is there
        child = self.start(send_back, Mp.Value('i'), theirs)
        theirs.close()
        ours.recv(), ours.recv()
        child.join(DEADLINE)
        ours.close()
        del child, ours, theirs
        gc.collect()
        super().setUp()

    def run_child(self, function, *args, context=None):
        process = Mp.Process(context=context or self.forkserver, target=function, args=args)
        process.start()
        process.join(DEADLINE)
        self.assertEqual(process.exitcode, 0)

    def start(self, function, *args):
        process = Mp.Process(context=self.forkserver, target=function, args=args)
        process.start()
        return process
