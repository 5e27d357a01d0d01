# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 The mpglib developers
"""The check of the sources finds each thing that no file may hold."""

import unittest

from check_sources import CALLS_TWICE, LINE_RULES, check_file

HEAD = '/* SPDX-License-Identifier: LGPL-2.1-or-later\n * Copyright 2026 The mpglib developers\n */\n'

# rule: (path, a line that breaks it)
BAD = {
    CALLS_TWICE: ('mpglib/base/mp-clock.c', 'left = MAX (0, end - g_get_monotonic_time ());'),
    'line-length': ('mpglib/base/mp-error.c', 'x' * 121),
    'machine-path': ('tests/test-error.c', 'open ("/' 'root/x");'),
    'no-glib-threads': ('mpglib/pool/mp-pool.c', 'g_task_run_in_thread (task, run);'),
    'no-global-reaping': ('mpglib/process/mp-process.c', 'waitpid (-1, &status, 0);'),
    'no-pthread-waits': ('mpglib/memory/mp-lock.c', 'pthread_cond_wait (&cond, &mutex);'),
    'no-sleep': ('tests/test-pool.c', 'g_usleep (1000);'),  # house: no-sleep: a breach to find
    'raw-memory': ('mpglib/queue/mp-queue.c', 'data = mmap (NULL, size, 0, 0, fd, 0);'),
    'unfinished': ('mpglib/base/mp-error.c', 'x (); /* TO' 'DO: more */'),
    'white-space': ('mpglib/base/mp-error.c', 'x (); '),
}

MORE = [
    (CALLS_TWICE, 'mpglib/memory/mp-spin.h', 'return MIN (most,\n            atomic_load (&now));'),
    (CALLS_TWICE, 'mpglib/memory/mp-spin.h', 'n = MAX (1, MIN ((gsize) (a + b), x)) + CLAMP (get (x), 1, 2);'),
    (CALLS_TWICE, 'mpglib/memory/mp-spin.h', 'n = ABS (self->get (self));'),
    (CALLS_TWICE, 'tests/test-clock.c', 'n = MIN (f (x), y);'),
    (CALLS_TWICE, 'tests/benchmarks/mp-bench.c', 'n = MAX (f (x), y);'),
    (CALLS_TWICE, 'docs/examples/sync-types.c', 'n = CLAMP (f (x), y, z);'),
    ('no-global-reaping', 'mpglib/process/mp-process.c', 'sigaction (SIGCHLD, &action, NULL);'),
    ('no-global-reaping', 'mpglib/process/mp-process.c', 'waitid (P_ALL, 0, &info, WEXITED);'),
    ('no-pthread-waits', 'mpglib/memory/mp-lock.h', 'sem_t semaphore;'),
    ('no-sleep', 'tests/python/test_pool.py', 'time.sleep(1)'),  # house: no-sleep: a breach to find
    ('raw-memory', 'mpglib/queue/mp-queue.c', 'atomic_load_explicit (&word, memory_order_acquire);'),
    ('raw-memory', 'mpglib/queue/mp-queue.c', '_Atomic guint32 word;'),
    ('white-space', 'mpglib/base/mp-error.c', '\tx ();'),
]

GOOD = [
    ('mpglib/base/mp-clock.c', 'n = MIN ((gsize) (a + b), sizeof (x)) + MAX (G_N_ELEMENTS (y), MIN (c, d)) + f (x);'),
    ('mpglib/base/mp-clock.c', 'n = MIN (a, /* what get (x) gave */ b);'),
    ('mpglib/base/mp-clock.c', 'n = MIN (strlen (a), b) + CPU_MAX (f (x));'),
    ('mpglib/base/mp-clock.c', 'n = MIN (f (x), y); /* house: call-twice: has no state */'),
    ('tests/vala/clock.vala', 'n = MIN (f (x), y);'),
    ('mpglib/memory/mp-segment.c', 'data = mmap (NULL, size, 0, 0, fd, 0);'),
    ('mpglib/base/mp-error.c', '/* pthread_cond_wait would hang here */'),
    ('mpglib/base/mp-error.c', '/* no\n * mmap ()\n */'),
    ('mpglib/pool/mp-pool.c', 'g_atomic_int_inc (&n); /* not SIGCHLD */'),
    ('mpglib/process/mp-process.c', 'sigaction (SIG_SETMASK, &action, NULL);'),
    ('tests/test-pool.c', 'usleep (1); /* house: no-sleep: the child that is killed while it sleeps */'),
    ('docs/architecture.md', 'TO' 'DO'),
]


class Sources(unittest.TestCase):
    def check(self, path, line):
        head = HEAD if path.endswith(('.c', '.h')) else HEAD.replace('/*', '#').replace(' */\n', '')
        return list(check_file(path, head + line + '\n'))

    def test_each_rule_has_a_breach_here(self):
        self.assertEqual(sorted(BAD), sorted([*LINE_RULES, CALLS_TWICE]))

    def test_each_breach_is_found(self):
        for rule, path, line in [(rule, *rest) for rule, rest in BAD.items()] + MORE:
            with self.subTest(rule=rule, line=line):
                found = self.check(path, line)
                self.assertEqual(len(found), 1, found)
                self.assertIn(f'{path}:', found[0])
                self.assertIn(f': {rule}: ', found[0])

    def test_good_lines(self):
        for path, line in GOOD:
            with self.subTest(path=path, line=line):
                self.assertEqual(self.check(path, line), [])

    def test_head(self):
        for path in 'a.c', 'meson.build', 'x/meson.build', 'dev', '.ci/run', 'a.py', 'a.supp', 'a.vala':
            with self.subTest(path=path):
                self.assertEqual(len(list(check_file(path, 'int x;\n'))), 2)
        self.assertEqual(list(check_file('README.md', 'words\n')), [])

    def test_end(self):
        self.assertEqual(len(list(check_file('a.c', HEAD + 'int x;'))), 1)
        self.assertEqual(len(list(check_file('a.c', HEAD + 'int x;\n\n'))), 1)


if __name__ == '__main__':
    unittest.main()
