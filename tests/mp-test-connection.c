/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <string.h>
#include <unistd.h>

#include "mp-connection-private.h"
#include "mp-ring-link-private.h"
#include "mp-test-connection.h"
#include "mp-test.h"
#include "mp-transport-private.h"

void
mp_test_connection_init (void)
{
  mp_ring_link_set_used (g_getenv ("MP_TEST_SOCKETS") == NULL);
}

MpTestPair
mp_test_pair_new (void)
{
  g_autoptr (GError) error = NULL;
  MpTestPair pair;

  g_assert_true (mp_connection_new_pair (TRUE, &pair.a, &pair.b, &error));
  g_assert_no_error (error);
  return pair;
}

void
mp_test_pair_free (MpTestPair *pair)
{
  if (pair->a != NULL)
    g_assert_finalize_object (g_steal_pointer (&pair->a));
  if (pair->b != NULL)
    g_assert_finalize_object (g_steal_pointer (&pair->b));
}

void
mp_test_pair_warm_up (void)
{
  MpTestPair pair = mp_test_pair_new ();

  mp_connection_poll (pair.a, 0.001);
  mp_test_pair_free (&pair);
}

void
mp_test_send_int (MpConnection *connection,
                  gint32        number)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_connection_send (connection, g_variant_new_int32 (number), -1, NULL, &error));
  g_assert_no_error (error);
}

gint32
mp_test_receive_int (MpConnection *connection)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_connection_receive (connection, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  return g_variant_get_int32 (value);
}

void
mp_test_assert_receive_fails (MpConnection *connection,
                              GQuark        domain,
                              int           code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_connection_receive (connection, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, domain, code);
}

void
mp_test_assert_send_fails (MpConnection *connection,
                           GQuark        domain,
                           int           code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_connection_send (connection, g_variant_new_int32 (0), MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, domain, code);
}

void
mp_test_assert_nothing (MpConnection *connection)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_connection_receive (connection, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
}

/* Sends until nothing more goes.  Returns how many went. */
gint32
mp_test_fill (MpConnection *connection)
{
  for (gint32 n = 0;; n++)
    {
      g_autoptr (GError) error = NULL;

      if (!mp_connection_send (connection, g_variant_new_int32 (n), 0, NULL, &error))
        {
          g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
          return n;
        }
    }
}

GBytes *
mp_test_new_bytes (gsize size)
{
  guint8 *data = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) ((i + (i >> 8) + (i >> 16)) & 0xff);
  return g_bytes_new_take (data, size);
}

gpointer
mp_test_receive_all (gpointer data)
{
  gint32 n = 0;

  while (mp_test_receive_int (data) >= 0)
    n++;
  return GINT_TO_POINTER (n);
}

/* Announces itself, then waits for a message; tells what came of it. */
gpointer
mp_test_wait_in_thread (gpointer data)
{
  MpTestWaiter *waiter = data;
  g_autoptr (GVariant) value = NULL;
  GError *error = NULL;

  g_atomic_int_set (&waiter->has_begun, TRUE);
  value = mp_connection_receive (waiter->connection, MP_TEST_DEADLINE, waiter->cancellable, &error);
  g_assert_true ((value == NULL) == (error != NULL));

  return error;
}

/* How many waiters sleep in a system call: no event tells, the kernel does. */
static guint
count_sleepers (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", name, "syscall", NULL);
      g_autofree char *comm_path = g_build_filename ("/proc/self/task", name, "comm", NULL);
      g_autofree char *text = NULL;
      g_autofree char *comm = NULL;

      if (g_file_get_contents (comm_path, &comm, NULL, NULL) && strcmp (comm, "waiter\n") == 0 &&
          g_file_get_contents (path, &text, NULL, NULL) && !g_str_has_prefix (text, "running"))
        n++;
    }

  return n;
}

void
mp_test_wait_until_asleep (MpTestWaiter *waiter,
                           guint         n_sleepers)
{
  while (!g_atomic_int_get (&waiter->has_begun) || count_sleepers () < n_sleepers)
    g_thread_yield ();
}

GThread *
mp_test_start_waiter (MpTestWaiter *waiter)
{
  GThread *thread = g_thread_new ("waiter", mp_test_wait_in_thread, waiter);

  mp_test_wait_until_asleep (waiter, 1);
  return thread;
}

void
mp_test_finish_waiter (GThread *thread,
                       GQuark   domain,
                       int      code)
{
  g_autoptr (GError) error = g_thread_join (thread);

  g_assert_error (error, domain, code);
}

gboolean
mp_test_log_is_complete (gpointer data)
{
  MpTestLog *log = data;

  return log->numbers->len >= log->n_wanted;
}

void
mp_test_log_received (GObject      *source,
                      GAsyncResult *result,
                      gpointer      data)
{
  MpTestLog *log = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_connection_receive_finish (MP_CONNECTION (source), result, &error);
  gint32 number = value != NULL ? g_variant_get_int32 (value) : -error->code;

  g_array_append_val (log->numbers, number);
}

void
mp_test_log_sent (GObject      *source,
                  GAsyncResult *result,
                  gpointer      data)
{
  MpTestLog *log = data;
  g_autoptr (GError) error = NULL;
  gint32 number = mp_connection_send_finish (MP_CONNECTION (source), result, &error) ? 0 : -error->code;

  g_array_append_val (log->numbers, number);
}

MpTestLog
mp_test_log_new (guint n_wanted)
{
  return (MpTestLog) { g_array_new (FALSE, FALSE, sizeof (gint32)), n_wanted };
}

gboolean
mp_test_events_are_there (gpointer data)
{
  MpTestEvents *events = data;

  return events->n_events >= events->n_wanted;
}

static void
on_message (MpConnection *connection,
            MpMessage    *message,
            gpointer      data)
{
  MpTestEvents *events = data;
  g_autoptr (GVariant) value = mp_message_get_value (message, NULL);

  g_assert_true (g_main_context_is_owner (events->context));
  g_string_append_printf (events->text, "%d ", g_variant_get_int32 (value));
  if (++events->n_events == events->stop_after)
    mp_connection_stop_reading (connection);
}

static void
on_closed (MpConnection *connection,
           GError       *reason,
           gpointer      data)
{
  MpTestEvents *events = data;

  g_assert_true (g_main_context_is_owner (events->context));
  g_string_append_printf (events->text, "end %d ", reason->code);
  events->n_events++;
}

static void
on_state (MpConnection *connection,
          GParamSpec   *pspec,
          gpointer      data)
{
  MpTestEvents *events = data;

  g_string_append_printf (events->text, "state %d ", mp_connection_get_state (connection));
  events->n_events++;
}

MpTestEvents
mp_test_watch (MpConnection *connection,
               MpTestEvents *events)
{
  g_signal_connect (connection, "message-received", G_CALLBACK (on_message), events);
  g_signal_connect (connection, "peer-closed", G_CALLBACK (on_closed), events);
  g_signal_connect (connection, "notify::state", G_CALLBACK (on_state), events);
  return (MpTestEvents) { mp_connection_get_main_context (connection), g_string_new (NULL), 0, 0, 0 };
}

MpConnection *
mp_test_start_peer (const char *mode,
                    GPid       *pid)
{
  int fds[2];
  int inherited[2];

  g_assert_true (mp_transport_new_pair (fds, NULL));
  inherited[0] = fds[1];
  inherited[1] = -1;
  *pid = mp_test_spawn ("connection-peer", mode, inherited);
  close (fds[1]);

  return mp_connection_new_take (fds[0], NULL, TRUE, TRUE, FALSE);
}

void
mp_test_assert_greeted (MpConnection *connection)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_connection_receive (connection, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "here");
}
