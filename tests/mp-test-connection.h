/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <mpglib.h>

G_BEGIN_DECLS

/* What the tests of connections share. */

typedef struct
{
  MpConnection *a;
  MpConnection *b;
} MpTestPair;

/* With MP_TEST_SOCKETS in the environment pairs have no rings. */
void          mp_test_connection_init      (void);
MpTestPair    mp_test_pair_new             (void);
void          mp_test_pair_free            (MpTestPair   *pair);
/* For mp_test_set_warm_up(): what all connections share stays, once it is there. */
void          mp_test_pair_warm_up         (void);

void          mp_test_send_int             (MpConnection *connection,
                                            gint32        number);
gint32        mp_test_receive_int          (MpConnection *connection);
void          mp_test_assert_receive_fails (MpConnection *connection,
                                            GQuark        domain,
                                            int           code);
void          mp_test_assert_send_fails    (MpConnection *connection,
                                            GQuark        domain,
                                            int           code);
void          mp_test_assert_nothing       (MpConnection *connection);

/* Sends until nothing more goes.  Returns how many went. */
gint32        mp_test_fill                 (MpConnection *connection);
/* A GThreadFunc that receives numbers until a negative one.  Returns how many there were. */
gpointer      mp_test_receive_all          (gpointer      connection);
GBytes       *mp_test_new_bytes            (gsize         size);

/* A thread that waits for a message. */
typedef struct
{
  MpConnection *connection;
  GCancellable *cancellable;
  int has_begun;
} MpTestWaiter;

gpointer      mp_test_wait_in_thread       (gpointer      waiter);
GThread      *mp_test_start_waiter         (MpTestWaiter *waiter);
void          mp_test_wait_until_asleep    (MpTestWaiter *waiter,
                                            guint         n_sleepers);
void          mp_test_finish_waiter        (GThread      *thread,
                                            GQuark        domain,
                                            int           code);

/* What completions append to, in order. */
typedef struct
{
  GArray *numbers;
  guint n_wanted;
} MpTestLog;

MpTestLog     mp_test_log_new              (guint         n_wanted);
gboolean      mp_test_log_is_complete      (gpointer      log);
void          mp_test_log_received         (GObject      *source,
                                            GAsyncResult *result,
                                            gpointer      log);
void          mp_test_log_sent             (GObject      *source,
                                            GAsyncResult *result,
                                            gpointer      log);

/* What a connection's signals append to. */
typedef struct
{
  GMainContext *context;
  GString *text;
  guint n_events;
  guint n_wanted;
  guint stop_after;
} MpTestEvents;

MpTestEvents  mp_test_watch                (MpConnection *connection,
                                            MpTestEvents *events);
gboolean      mp_test_events_are_there     (gpointer      events);

/* Another process. */
MpConnection *mp_test_start_peer           (const char   *mode,
                                            GPid         *pid);
void          mp_test_assert_greeted       (MpConnection *connection);

G_END_DECLS
