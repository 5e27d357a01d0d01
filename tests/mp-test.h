/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What the tests share.  A test added with mp_test_add() fails if it leaves
 * behind a child, a descriptor, a mapping of shared memory or a file, and is
 * aborted with its name on stderr if it hangs.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Seconds until an event that a test waits for counts as missing. */
#define MP_TEST_DEADLINE 20.0

typedef gboolean (*MpTestCondition) (gpointer data);

/* Like g_test_init(), but takes `--unprivileged=N` as the first argument: root becomes nobody, and there are N
 * descriptors.  Files that the library makes go into a directory of this
 * program's own, which must be empty after each test.
 */
void     mp_test_init        (int             *argc,
                              char          ***argv);

/* What the library keeps for the life of a process (a thread, its descriptors)
 * is no leak: `func` runs once before the first comparison and has it made.
 */
void     mp_test_set_warm_up (void           (*func) (void));
void     mp_test_add         (const char      *path,
                              void           (*func) (void));
void     mp_test_add_data    (const char      *path,
                              gconstpointer    data,
                              void           (*func) (gconstpointer data));

/* Runs the default main context until the condition holds; aborts the program
 * when it does not within the deadline.
 */
#define  mp_test_run_until(condition, data) \
  mp_test_run_until_at (G_STRLOC, #condition, (condition), (data))
/* Likewise until `flag` is TRUE. */
#define  mp_test_run_until_set(flag) \
  mp_test_run_until_at (G_STRLOC, #flag, mp_test_is_set, (flag))
/* All that the default main context has to do now. */
void     mp_test_turn_loop   (void);

/* A GAsyncReadyCallback that keeps the result in the GAsyncResult * it is given,
 * and waiting for that.
 */
void     mp_test_keep_result (GObject         *source,
                              GAsyncResult    *result,
                              gpointer         location);
#define  mp_test_await_result(location) \
  mp_test_run_until_at (G_STRLOC, #location, mp_test_has_pointer, (location))
/* Likewise; returns how many turns of the loop it took. */
guint    mp_test_count_turns (GAsyncResult   **location);

/* Starts a program from the folder of the tests.  It gets `fds` (-1 ends them)
 * as descriptors 3, 4, …; the caller's stay open.
 */
GPid     mp_test_spawn       (const char      *program,
                              const char      *mode,
                              const int       *fds);
/* Reaps it, and aborts the program when it does not end within the deadline.
 * Returns the wait status.
 */
int      mp_test_wait        (GPid             pid);
/* Waits until poll(2) reports one of `events` on the descriptor. */
void     mp_test_poll        (int              fd,
                              short            events);

guint    mp_test_count_fds   (void);
guint64  mp_test_count_sleeps (int             pid);

void     mp_test_run_until_at (const char     *where,
                               const char     *what,
                               MpTestCondition condition,
                               gpointer        data);
gboolean mp_test_is_set       (gpointer        flag);
gboolean mp_test_has_pointer  (gpointer        location);

G_END_DECLS
