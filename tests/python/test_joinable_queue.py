# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""Mp.JoinableQueue, in the form of multiprocessing."""

import gc
import os
import queue
import signal
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'helpers'))

from mp_case import DEADLINE, Mp, MpCase, run_loop  # noqa: E402


def work(tasks):
    for number in iter(tasks.get, 'STOP'):
        assert number >= 0
        tasks.task_done()
    tasks.task_done()


def hold(tasks, connection):
    connection.send([tasks.get(), os.getpid()])
    signal.pause()


class JoinableQueueTest(MpCase):
    is_warm = False

    def setUp(self):
        # What is made once, and stays: the memory of shared objects, and what processes, pipes and losses need.
        if not self.is_warm:
            type(self).is_warm = True
            self.lose()
            self.doCleanups()
        super().setUp()

    def lose(self):
        tasks = Mp.JoinableQueue()
        self.kill_holder(tasks)
        self.assertEqual(Mp.from_message(tasks.take_lost()), {'a': 1})

    def start(self, function, *args):
        process = Mp.Process(context=self.forkserver, target=function, args=args)
        process.start()
        return process

    def kill_holder(self, tasks):
        ours, theirs = Mp.Pipe()
        self.addCleanup(ours.close)
        holder = self.start(hold, tasks, theirs)
        theirs.close()
        tasks.put({'a': 1})
        item, pid = ours.recv(DEADLINE)
        self.assertEqual(item, {'a': 1})
        os.kill(pid, signal.SIGKILL)
        holder.join(DEADLINE)

    def test_join(self):
        tasks = Mp.JoinableQueue(10)
        self.assertEqual(repr(tasks), '<Mp.JoinableQueue 0 of 10 items>')
        self.assertIsInstance(tasks, Mp.Queue)
        tasks.join()
        for obj in b'bytes', [1, None], Mp.JoinableQueue:
            tasks.put(obj)
        self.assertEqual([tasks.get() for _ in range(3)], [b'bytes', [1, None], Mp.JoinableQueue])
        for _ in range(3):
            self.assertFalse(tasks.join(0))
            tasks.task_done()
        self.assertTrue(tasks.join())

    def test_too_often(self):
        tasks = Mp.JoinableQueue()
        with self.assertRaisesRegex(ValueError, 'task_done'):
            tasks.task_done()

    def test_workers(self):
        tasks = Mp.JoinableQueue()
        workers = [self.start(work, tasks) for _ in range(2)]
        for number in range(50):
            tasks.put(number)
        tasks.join()
        for _ in workers:
            tasks.put('STOP')
        for worker in workers:
            worker.join(DEADLINE)
            self.assertEqual(worker.exitcode, 0)
        tasks.join()

    def test_await(self):
        tasks = Mp.JoinableQueue()

        async def wait_and_get():
            tasks.put(5)
            self.assertFalse(await tasks.join_async(0.001))
            self.assertEqual(await tasks.get_async(), 5)
            tasks.task_done()
            self.assertTrue(await tasks.join_async())

        Mp.run(wait_and_get())

    def test_lost(self):
        tasks = Mp.JoinableQueue()
        self.kill_holder(tasks)
        tasks.join(DEADLINE)
        self.assertEqual(Mp.from_message(tasks.take_lost()), {'a': 1})
        with self.assertRaises(queue.Empty):
            tasks.take_lost()

    def test_item_lost(self):
        tasks = Mp.JoinableQueue()
        lost = []
        tasks.connect('item-lost', lambda source, item: lost.append((source, Mp.from_message(item))))
        tasks.set_live(True)
        self.kill_holder(tasks)
        run_loop(lambda: lost)
        self.assertEqual(lost, [(tasks, {'a': 1})])
        tasks.join(DEADLINE)
        with self.assertRaises(queue.Empty):
            tasks.take_lost()
        tasks.set_live(False)

    def test_dropped(self):
        tasks = Mp.JoinableQueue()
        ours, theirs = Mp.Pipe()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        ours.send(tasks)
        other = theirs.recv(DEADLINE)
        tasks.put('a')
        tasks.put('b')
        self.assertEqual((other.get(), other.get()), ('a', 'b'))
        other.task_done()
        self.assertFalse(tasks.join(0))
        del other
        gc.collect()
        self.assertTrue(tasks.join(DEADLINE))
        self.assertEqual(Mp.from_message(tasks.take_lost()), 'b')

    def test_redelivery_wakes_who_waits_for_many(self):
        """And signals, and those who ask whether there is something: nobody has to get to hear of it."""
        tasks = Mp.JoinableQueue(redelivery=True)
        told = []
        ours, theirs = Mp.Pipe()
        self.addCleanup(ours.close)
        holder = self.start(hold, tasks, theirs)
        theirs.close()
        tasks.put({'a': 1})
        ours.recv(DEADLINE)
        self.assertTrue(tasks.empty())
        threading.Timer(0.01, holder.kill).start()
        self.assertEqual(Mp.wait([tasks], DEADLINE), [tasks])
        self.assertFalse(tasks.empty())
        self.assertEqual(Mp.wait([tasks], 0), [tasks])
        tasks.connect('item-available', lambda tasks: told.append(tasks.get(False)))
        tasks.set_live(True)
        run_loop(lambda: told)
        self.assertEqual(told, [{'a': 1}])
        self.assertEqual((Mp.wait([tasks], 0), tasks.empty()), ([], True))
        tasks.set_live(False)
        tasks.task_done()
        holder.join(DEADLINE)

    def test_redelivery(self):
        tasks = Mp.JoinableQueue(redelivery=True)
        self.kill_holder(tasks)
        self.assertEqual(tasks.get(timeout=DEADLINE), {'a': 1})
        tasks.task_done()
        tasks.join(DEADLINE)


if __name__ == '__main__':
    unittest.main()
