/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Processes that are killed at any moment while they and a survivor send each other messages of all kinds.
 * The survivor gets whole messages in their order, then learns that the other process died, and nothing stays.
 *
 *   MP_TEST_LONG=1   10,000 kills
 */

#include "config.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-connection-private.h"
#include "mp-fd-private.h"
#include "mp-test-letter.h"
#include "mp-test-process.h"
#include "mp-test.h"

#define N_KILLS      80
#define N_KILLS_LONG 2500

/* The last moment of a victim, in microseconds after it was begun: later where so little time is over before anything
 * is received.
 */
#define FIRST_USEC 6000
#define MOST_USEC  G_USEC_PER_SEC

/* One end, which sends and receives until there is nobody at the other one. */
typedef struct
{
  MpConnection *connection;
  guint64 n_sent;
  guint64 n_received;
  gboolean has_sent_all;      /* since the other process is dead */
  gboolean has_received_all;
} Side;

static MpAuthKey *key;

/* Not over TCP. */
static gboolean carries_fds = TRUE;

/* Of all rounds. */
static guint64 n_messages, n_connections;

/* From FIRST_USEC to MOST_USEC. */
static int most_usec;

/* Of the survivor: ends that go on. */
static GPtrArray *sides;

/* --- Ends ----------------------------------------------------------------------------- */

static void
side_free (gpointer data)
{
  Side *self = data;

  g_object_unref (self->connection);
  g_free (self);
}

static void
look_whether_over (Side *self)
{
  if (!self->has_sent_all || !self->has_received_all)
    return;

  n_messages += self->n_received;
  n_connections++;
  if (sides != NULL)
    g_ptr_array_remove (sides, self);
}

static void send_next (Side *self);
static void receive_next (Side *self);

static void
on_sent (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  Side *self = data;
  g_autoptr (GError) error = NULL;

  if (mp_connection_send_message_finish (self->connection, result, &error))
    {
      self->n_sent++;
      send_next (self);
      return;
    }

  g_assert_error (error, MP_ERROR, MP_ERROR_PEER_DIED);
  self->has_sent_all = TRUE;
  look_whether_over (self);
}

static void
send_next (Side *self)
{
  g_autoptr (MpMessage) message = mp_test_letter_new (self->n_sent, carries_fds);

  mp_connection_send_message_async (self->connection, message, -1, NULL, on_sent, self);
}

static void
on_received (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  Side *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) message = mp_connection_receive_message_finish (self->connection, result, &error);

  if (message != NULL)
    {
      mp_test_letter_check (message, self->n_received, carries_fds);
      self->n_received++;
      receive_next (self);
      return;
    }

  g_assert_error (error, MP_ERROR, MP_ERROR_PEER_DIED);
  self->has_received_all = TRUE;
  look_whether_over (self);
}

static void
receive_next (Side *self)
{
  mp_connection_receive_message_async (self->connection, -1, NULL, on_received, self);
}

static Side *
side_begin (MpConnection *connection_taken)
{
  Side *self = g_new0 (Side, 1);

  self->connection = connection_taken;
  if (sides != NULL)
    g_ptr_array_add (sides, self);
  send_next (self);
  receive_next (self);
  return self;
}

/* --- Victims -------------------------------------------------------------------------- */

/* In a process of its own: until it is killed. */
static void
storm (MpConnection *connection_taken)
{
  sides = NULL;
  side_begin (connection_taken);
  for (;;)
    g_main_context_iteration (g_main_context_get_thread_default (), TRUE);
}

/* That of the parent wakes the parent, too. */
static void
have_own_context (void)
{
  g_main_context_push_thread_default (g_main_context_new ());
}

static void
be_at_end (gpointer fd)
{
  have_own_context ();
  storm (mp_connection_new_take (GPOINTER_TO_INT (fd), NULL, TRUE, TRUE, FALSE));
}

/* Over a connection that comes with a message. */
static void
be_at_passed_end (gpointer fd)
{
  g_autoptr (MpConnection) first = NULL;
  g_autoptr (MpMessage) message = NULL;
  MpShareable *passed;

  have_own_context ();
  first = mp_connection_new_take (GPOINTER_TO_INT (fd), NULL, TRUE, TRUE, FALSE);
  message = mp_connection_receive_message (first, -1, NULL, NULL);
  passed = mp_message_get_attachment (message, 0, NULL);
  g_assert_nonnull (passed);
  storm (MP_CONNECTION (passed));
}

static void
be_client (gpointer address)
{
  g_autoptr (GError) error = NULL;
  MpConnection *connection;

  have_own_context ();
  connection = mp_connection_open (address, key, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  storm (connection);
}

typedef struct
{
  pid_t pid;
  gboolean is_dead;
} Victim;

static gboolean
on_last_moment (gpointer data)
{
  Victim *victim = data;

  mp_test_kill (victim->pid);
  victim->is_dead = TRUE;
  return G_SOURCE_CONTINUE;
}

static gboolean
on_ready_time (GSource     *source,
               GSourceFunc  callback,
               gpointer     data)
{
  g_source_set_ready_time (source, -1);
  return callback (data);
}

static gboolean
is_over (gpointer data)
{
  const Victim *victim = data;

  return victim->is_dead && sides->len == 0;
}

/* Kills it in some microseconds, and waits until all is over that it has to do with. */
static void
kill_and_wait (Victim *victim)
{
  static GSourceFuncs funcs = { .dispatch = on_ready_time };
  g_autoptr (GSource) source = g_source_new (&funcs, sizeof (GSource));
  guint64 before = n_messages;

  g_source_set_callback (source, on_last_moment, victim, NULL);
  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_set_ready_time (source, g_get_monotonic_time () + g_test_rand_int_range (0, most_usec));
  g_source_attach (source, NULL);
  mp_test_run_until (is_over, victim);
  g_source_destroy (source);
  if (n_messages == before)
    most_usec = MIN (most_usec + most_usec / 8, MOST_USEC);
  else
    most_usec = MAX (most_usec - most_usec / 16, FIRST_USEC);
}

/* --- Tests ---------------------------------------------------------------------------- */

static void
make_pair (int fds[2])
{
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
}

static guint
begin_rounds (void)
{
  n_messages = n_connections = 0;
  most_usec = FIRST_USEC;
  return g_getenv ("MP_TEST_LONG") != NULL ? N_KILLS_LONG : N_KILLS;
}

static void
end_rounds (guint n)
{
  g_test_message ("%u kills: %" G_GUINT64_FORMAT " messages over %" G_GUINT64_FORMAT " connections", n, n_messages,
                  n_connections);
  g_assert_cmpuint (n_messages, >, n);
}

static void
test_ends (void)
{
  guint n = begin_rounds ();

  for (guint i = 0; i < n; i++)
    {
      Victim victim = { 0 };
      int fds[2];

      alarm (60);
      make_pair (fds);
      victim.pid = mp_test_fork (be_at_end, GINT_TO_POINTER (fds[1]));
      mp_fd_close (&fds[1]);
      side_begin (mp_connection_new_take (fds[0], NULL, TRUE, TRUE, FALSE));
      kill_and_wait (&victim);
    }
  end_rounds (n);
}

/* What it came over dies as well. */
static void
test_passed_ends (void)
{
  guint n = begin_rounds ();

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (MpMessage) message = mp_message_new (g_variant_new_handle (0));
      g_autoptr (MpConnection) first = NULL;
      g_autoptr (GError) error = NULL;
      MpConnection *own, *other;
      Victim victim = { 0 };
      int fds[2];

      alarm (60);
      make_pair (fds);
      victim.pid = mp_test_fork (be_at_passed_end, GINT_TO_POINTER (fds[1]));
      mp_fd_close (&fds[1]);
      first = mp_connection_new_take (fds[0], NULL, TRUE, TRUE, FALSE);
      g_assert_true (mp_connection_new_pair (TRUE, &own, &other, NULL));
      g_assert_cmpuint (mp_message_attach (message, MP_SHAREABLE (other)), ==, 0);
      g_assert_true (mp_connection_send_message (first, message, MP_TEST_DEADLINE, NULL, &error));
      mp_connection_close (other);
      g_object_unref (other);
      side_begin (own);
      kill_and_wait (&victim);

      g_assert_null (mp_connection_receive (first, MP_TEST_DEADLINE, NULL, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_PEER_DIED);
    }
  end_rounds (n);
}

static void
on_incoming (MpListener   *listener,
             MpConnection *connection)
{
  side_begin (g_object_ref (connection));
}

/* Some are killed before the ends know each other, or just when they do. */
static void
storm_at (const char *place)
{
  g_autoptr (MpListener) listener = mp_listener_new (place, key);
  g_autofree char *address = NULL;
  g_autoptr (GError) error = NULL;
  guint n = begin_rounds ();

  g_assert_true (mp_listener_open (listener, &error));
  address = mp_listener_get_address (listener);
  g_signal_connect (listener, "incoming", G_CALLBACK (on_incoming), NULL);
  mp_listener_start_accepting (listener);
  for (guint i = 0; i < n; i++)
    {
      Victim victim = { 0 };

      alarm (60);
      victim.pid = mp_test_fork (be_client, address);
      kill_and_wait (&victim);
    }
  mp_listener_close (listener);
  while (sides->len > 0)
    g_main_context_iteration (NULL, TRUE);
  end_rounds (n);
}

static void
test_clients (void)
{
  storm_at (NULL);
}

static void
test_tcp_clients (void)
{
  carries_fds = FALSE;
  storm_at ("tcp:127.0.0.1:0");
  carries_fds = TRUE;
}

/* The shared pump and the engine stay for the life of a process. */
static void
warm_up (void)
{
  g_autoptr (MpListener) listener = mp_listener_new (NULL, key);
  g_autofree char *address = NULL;
  g_autoptr (MpConnection) client = NULL;
  g_autoptr (MpConnection) server = NULL;

  g_assert_true (mp_listener_open (listener, NULL));
  address = mp_listener_get_address (listener);
  client = mp_connection_open (address, key, MP_TEST_DEADLINE, NULL, NULL);
  server = mp_listener_accept (listener, MP_TEST_DEADLINE, NULL, NULL);
  g_assert_true (client != NULL && server != NULL);
}

int
main (int    argc,
      char **argv)
{
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  key = mp_auth_key_new_random ();
  sides = g_ptr_array_new_with_free_func (side_free);

  mp_test_add ("/connection-storm/ends", test_ends);
  mp_test_add ("/connection-storm/passed-ends", test_passed_ends);
  mp_test_add ("/connection-storm/clients", test_clients);
  mp_test_add ("/connection-storm/tcp-clients", test_tcp_clients);

  return g_test_run ();
}
