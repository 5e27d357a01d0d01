/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <sys/types.h>

#include <glib.h>

#include "mp-participant-private.h"

G_BEGIN_DECLS

/* Children of a test: forked without exec, as by a library that knows nothing of
 * mpglib, so that each is a participant of its own.
 */

/* Longer than anything here takes, on a busy machine under a sanitizer. */
#define MP_TEST_PATIENCE (20 * G_TIME_SPAN_SECOND)

typedef void (*MpTestFunc) (gpointer data);

gint64   mp_test_deadline          (void);
pid_t    mp_test_fork              (MpTestFunc   func,
                                    gpointer     data);
pid_t    mp_test_fork_stopped      (MpTestFunc   func,
                                    gpointer     data);
void     mp_test_await_end         (pid_t        pid);
void     mp_test_join              (pid_t        pid);
void     mp_test_kill              (pid_t        pid);
gpointer mp_test_share             (gsize        size);
gpointer mp_test_share_file        (gsize        size,
                                    guint64      file_size,
                                    int         *fd);
void     mp_test_set_word          (MpAtomic32  *word,
                                    guint32      value);
void     mp_test_wait_word         (MpAtomic32  *word,
                                    guint32      value);
void     mp_test_wait_dead         (MpTable     *table,
                                    guint32      owner);
void     mp_test_wait_asleep       (pid_t        pid);
guint    mp_test_count_tables      (void);
void     mp_test_wait_tables       (guint        n);
gboolean mp_test_keeps_vigil       (MpTable     *table,
                                    guint32      watcher,
                                    guint32      watched);
void     mp_test_wait_vigil        (MpTable     *table,
                                    guint32      watcher,
                                    guint32      watched);

G_END_DECLS
