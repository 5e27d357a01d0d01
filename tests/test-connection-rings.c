/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The rings beside the sockets of local pairs.  This program is its own child. */

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-connection-private.h"
#include "mp-exchange-base-private.h"
#include "mp-item-private.h"
#include "mp-layout-private.h"
#include "mp-ring-link-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-connection.h"
#include "mp-test-process.h"
#include "mp-test-started.h"
#include "mp-test.h"

/* What goes by the socket, and what does not yet. */
#define LONG_LENGTH   (MP_RING_LINK_MAX_BODY + 1)
#define MIDDLE_LENGTH (100 * 1024)

static MpExchange *
get_exchange (MpConnection *connection)
{
  return connection->exchange;
}

static guint
count_records (MpConnection *connection)
{
  return mp_ring_link_count (mp_exchange_get_link (get_exchange (connection)));
}

/* --- One order of both ways ----------------------------------------------- */

#define N_MESSAGES 3000

/* One in five of them goes by the socket. */
static gsize
get_length (guint32 number)
{
  if (number % 7 != 3)
    return strlen ("short");

  return number % 35 == 3 ? LONG_LENGTH : MIDDLE_LENGTH;
}

static gboolean
has_fd (guint32 number)
{
  return number % 11 == 5;
}

/* By the ring, in a memfd by the socket, or with a descriptor. */
static void
send_number (MpConnection *connection,
             guint32       sender,
             guint32       number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) message = NULL;
  g_autofree char *padding = g_strnfill (get_length (number), 'x');

  message = mp_message_new (g_variant_new ("(uu^ay)", sender, number, padding));
  if (has_fd (number))
    mp_message_attach_fd (message, 0, NULL);
  mp_connection_send_message (connection, message, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
}

static void
check_message (MpMessage *message,
               guint32   *sender,
               guint32   *number)
{
  g_autoptr (GVariant) value = mp_message_get_value (message, NULL);
  g_autoptr (GVariant) padding = NULL;

  g_variant_get (value, "(uu@ay)", sender, number, &padding);
  g_assert_cmpuint (mp_message_get_n_attachments (message), ==, has_fd (*number) ? 1 : 0);
  g_assert_cmpuint (g_variant_get_size (padding), ==, get_length (*number) + 1);
}

static void
receive_in_order (MpConnection *connection,
                  guint         n_senders)
{
  guint32 next[4] = { 0 };

  for (guint i = 0; i < n_senders * N_MESSAGES; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MpMessage) message = mp_connection_receive_message (connection, MP_TEST_DEADLINE, NULL, &error);
      guint32 sender, number;

      g_assert_no_error (error);
      check_message (message, &sender, &number);
      g_assert_cmpuint (number, ==, next[sender]++);
    }
}

static gpointer
send_all (gpointer data)
{
  for (guint32 i = 0; i < N_MESSAGES; i++)
    send_number (data, 0, i);

  return NULL;
}

static void
test_order_of_threads (void)
{
  MpTestPair pair = mp_test_pair_new ();
  GThread *thread = g_thread_new ("sender", send_all, pair.a);

  receive_in_order (pair.b, 1);
  g_thread_join (thread);
  mp_test_assert_nothing (pair.b);
  mp_test_pair_free (&pair);
}

/* A long one and a short one in turn, to who looks all the time: each look may come between the two. */
#define N_PAIRS 10000

static gpointer
send_pairs (gpointer data)
{
  g_autofree guint32 *body = g_malloc0 (62000);

  for (guint32 i = 0; i < 2 * N_PAIRS; i++)
    {
      body[0] = i;
      mp_connection_send_data (data, (const guint8 *) body, i % 2 == 0 ? 62000 : 4, NULL, MP_TEST_DEADLINE, NULL, NULL);
    }

  return NULL;
}

static void
test_order_of_looks (void)
{
  MpTestPair pair = mp_test_pair_new ();
  GThread *thread = g_thread_new ("sender", send_pairs, pair.a);
  gint64 deadline = mp_test_deadline ();

  for (guint32 i = 0; i < 2 * N_PAIRS;)
    {
      gsize length;
      g_autofree guint8 *body = mp_connection_receive_data (pair.b, 0, 0, &length, NULL, NULL);

      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      if (body == NULL)
        continue;
      g_assert_cmpuint (*(guint32 *) (gpointer) body, ==, i);
      i++;
    }
  g_thread_join (thread);
  mp_test_pair_free (&pair);
}

/* --- Processes ------------------------------------------------------------ */

static MpProcess *
start_child (MpStartMethod  method,
             const char    *target,
             guint32        number,
             MpConnection  *connection)
{
  return mp_test_start (method, target, g_variant_new_uint32 (number), (gpointer[]) { connection }, 1);
}

/* Takes the process. */
static MpConnection *
get_connection (MpMessage *arguments,
                guint32   *number)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, NULL);

  *number = g_variant_get_uint32 (value);
  return mp_test_get_attachment (arguments, 0);
}

static GVariant *
send_numbers (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       data,
              GError       **error)
{
  guint32 sender;
  g_autoptr (MpConnection) connection = get_connection (arguments, &sender);

  for (guint32 i = 0; i < N_MESSAGES; i++)
    send_number (connection, sender, i);

  return g_variant_new ("()");
}

/* Several have one end: the messages of each come in its order. */
static void
test_order_of_processes (gconstpointer data)
{
  MpTestPair pair = mp_test_pair_new ();
  MpProcess *processes[3];

  for (guint32 i = 0; i < G_N_ELEMENTS (processes); i++)
    processes[i] = start_child (MP_TEST_METHOD (data), "send-numbers", i, pair.a);
  g_clear_object (&pair.a);
  receive_in_order (pair.b, G_N_ELEMENTS (processes));
  for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
    mp_test_join_process (processes[i]);
  mp_test_assert_receive_fails (pair.b, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_pair_free (&pair);
}

/* Answers how many it received, and their sum. */
static GVariant *
add_up (MpMessage     *arguments,
        GCancellable  *cancellable,
        gpointer       data,
        GError       **error)
{
  guint32 unused, sender, number;
  g_autoptr (MpConnection) connection = get_connection (arguments, &unused);
  guint64 sum = 0, n = 0;
  guint32 next = 0;

  for (;;)
    {
      g_autoptr (MpMessage) message = mp_connection_receive_message (connection, MP_TEST_DEADLINE, NULL, error);

      if (message == NULL)
        return NULL;

      check_message (message, &sender, &number);
      if (sender == 9)
        break;

      g_assert_cmpuint (number, >=, next);
      next = number + 1;
      n++;
      sum += number;
    }

  mp_connection_send (connection, g_variant_new ("(tt)", n, sum), MP_TEST_DEADLINE, NULL, error);
  return g_variant_new ("()");
}

/* Each message goes to one of those that receive at one end, whose order is that of all, and none is left over. */
static void
test_receivers (gconstpointer data)
{
  MpTestPair pair = mp_test_pair_new ();
  MpProcess *processes[3];
  guint64 sum = 0, n = 0;

  for (guint32 i = 0; i < G_N_ELEMENTS (processes); i++)
    processes[i] = start_child (MP_TEST_METHOD (data), "add-up", i, pair.b);
  g_clear_object (&pair.b);
  for (guint32 i = 0; i < N_MESSAGES; i++)
    send_number (pair.a, 0, i);
  for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
    send_number (pair.a, 9, 0);
  for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = mp_connection_receive (pair.a, MP_TEST_DEADLINE, NULL, &error);
      guint64 one_n, one_sum;

      g_assert_no_error (error);
      g_variant_get (value, "(tt)", &one_n, &one_sum);
      n += one_n;
      sum += one_sum;
    }
  g_assert_cmpuint (n, ==, N_MESSAGES);
  g_assert_cmpuint (sum, ==, (guint64) N_MESSAGES * (N_MESSAGES - 1) / 2);
  for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
    mp_test_join_process (processes[i]);
  mp_test_pair_free (&pair);
}

static GVariant *
send_and_die (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       data,
              GError       **error)
{
  guint32 n;
  g_autoptr (MpConnection) connection = get_connection (arguments, &n);

  for (guint32 i = 0; i < n; i++)
    send_number (connection, 0, i);

  raise (SIGKILL);
  return NULL;
}

/* What was sent is there, whoever is gone, then the reason; and who sends learns it. */
static void
test_death (gconstpointer data)
{
  MpTestPair pair = mp_test_pair_new ();
  MpProcess *process = start_child (MP_TEST_METHOD (data), "send-and-die", 40, pair.a);
  g_autoptr (GError) error = NULL;

  g_clear_object (&pair.a);
  for (guint32 i = 0; i < 40; i++)
    {
      g_autoptr (MpMessage) message = mp_connection_receive_message (pair.b, MP_TEST_DEADLINE, NULL, &error);
      guint32 sender, number;

      g_assert_no_error (error);
      check_message (message, &sender, &number);
      g_assert_cmpuint (number, ==, i);
    }
  mp_process_join (process, MP_TEST_DEADLINE, NULL, NULL);
  g_object_unref (process);
  mp_test_assert_receive_fails (pair.b, MP_ERROR, MP_ERROR_PEER_DIED);
  mp_test_assert_send_fails (pair.b, MP_ERROR, MP_ERROR_PEER_DIED);
  mp_test_pair_free (&pair);
}

/* Until it fails, as the second argument says. */
static GVariant *
receive_to_the_end (MpMessage     *arguments,
                    GCancellable  *cancellable,
                    gpointer       data,
                    GError       **error)
{
  g_autoptr (GError) end = NULL;
  guint32 reason;
  g_autoptr (MpConnection) connection = get_connection (arguments, &reason);

  while (end == NULL)
    {
      g_autoptr (MpMessage) message = mp_connection_receive_message (connection, MP_TEST_DEADLINE, NULL, &end);
    }
  g_assert_error (end, MP_ERROR, (int) reason);
  mp_test_assert_send_fails (connection, MP_ERROR, (int) reason);
  return g_variant_new ("()");
}

static void
start_receivers (MpTestPair *pair,
                 gint        method,
                 MpError     reason,
                 MpProcess  *processes[3])
{
  for (guint i = 0; i < 3; i++)
    processes[i] = start_child (method, "receive-to-the-end", reason, pair->b);
  g_clear_object (&pair->b);
}

/* All who receive at an end hear how the other one went, also if that had several holders. */
static void
test_last_word (gconstpointer data)
{
  MpTestPair pair = mp_test_pair_new ();
  MpProcess *receivers[3], *sender;

  start_receivers (&pair, MP_TEST_METHOD (data), MP_ERROR_CLOSED, receivers);
  sender = start_child (MP_TEST_METHOD (data), "send-numbers", 0, pair.a);
  mp_test_join_process (sender);
  for (guint32 i = 0; i < 40; i++)
    send_number (pair.a, 1, i);
  mp_connection_close (pair.a);
  for (guint i = 0; i < G_N_ELEMENTS (receivers); i++)
    mp_test_join_process (receivers[i]);
  mp_test_pair_free (&pair);
}

/* And that one of those died. */
static void
test_death_among_several (gconstpointer data)
{
  MpTestPair pair = mp_test_pair_new ();
  MpProcess *receivers[3], *sender;

  start_receivers (&pair, MP_TEST_METHOD (data), MP_ERROR_PEER_DIED, receivers);
  sender = start_child (MP_TEST_METHOD (data), "send-and-die", 40, pair.a);
  mp_process_join (sender, MP_TEST_DEADLINE, NULL, NULL);
  g_object_unref (sender);
  mp_connection_close (pair.a);
  for (guint i = 0; i < G_N_ELEMENTS (receivers); i++)
    mp_test_join_process (receivers[i]);
  mp_test_pair_free (&pair);
}

/* Nobody receives: the ring would take it. */
static void
test_sending_to_the_dead (gconstpointer data)
{
  MpTestPair pair = mp_test_pair_new ();
  MpProcess *process = start_child (MP_TEST_METHOD (data), "send-and-die", 0, pair.a);

  g_clear_object (&pair.a);
  mp_process_join (process, MP_TEST_DEADLINE, NULL, NULL);
  g_object_unref (process);
  mp_test_assert_send_fails (pair.b, MP_ERROR, MP_ERROR_PEER_DIED);
  mp_test_pair_free (&pair);
}

/* --- The ends of one process ---------------------------------------------- */

static void
test_small_ones_go_by_ring (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GBytes) bytes = mp_test_new_bytes (LONG_LENGTH);
  g_autoptr (GBytes) longest = mp_test_new_bytes (MP_RING_LINK_MAX_BODY);
  g_autoptr (GBytes) received = NULL;
  g_autoptr (GError) error = NULL;

  mp_test_send_int (pair.a, 1);
  g_assert_cmpuint (count_records (pair.b), ==, 1);
  mp_connection_send_bytes (pair.a, bytes, NULL, 0, NULL, &error);
  g_assert_no_error (error);
  mp_test_send_int (pair.a, 2);
  g_assert_cmpuint (count_records (pair.b), ==, 2);
  mp_connection_send_bytes (pair.a, longest, NULL, 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (count_records (pair.b), ==, 3);

  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 1);
  received = mp_connection_receive_bytes (pair.b, 0, 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (received, bytes));
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 2);
  g_clear_pointer (&received, g_bytes_unref);
  received = mp_connection_receive_bytes (pair.b, 0, 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (received, longest));
  mp_test_pair_free (&pair);
}

static gboolean
is_readable (int fd)
{
  struct pollfd poll_fd = { fd, POLLIN, 0 };

  return poll (&poll_fd, 1, 0) > 0;
}

/* Readable exactly while something waits, whichever way it came. */
static void
test_fd (void)
{
  MpTestPair pair = mp_test_pair_new ();
  int fd = mp_connection_get_fd (pair.b, NULL);

  for (guint i = 0; i < 3; i++)
    {
      g_assert_false (is_readable (fd));
      mp_test_send_int (pair.a, 1);
      mp_test_poll (fd, POLLIN);
      mp_test_send_int (pair.a, 2);
      g_assert_cmpint (mp_test_receive_int (pair.b), ==, 1);
      g_assert_true (is_readable (fd));
      g_assert_cmpint (mp_test_receive_int (pair.b), ==, 2);
      mp_test_assert_nothing (pair.b);
      g_assert_false (is_readable (fd));
      send_number (pair.a, 0, 3);
      mp_test_poll (fd, POLLIN);
      g_object_unref (mp_connection_receive_message (pair.b, 0, NULL, NULL));
      mp_test_assert_nothing (pair.b);
    }

  g_clear_object (&pair.a);
  mp_test_poll (fd, POLLIN);
  mp_test_pair_free (&pair);
}

/* One that does not fit waits until there is room, and then goes. */
static void
test_room (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestLog log = mp_test_log_new (1);
  gint32 n = mp_test_fill (pair.a);

  mp_connection_send_async (pair.a, g_variant_new_int32 (-1), -1, NULL, mp_test_log_sent, &log);
  g_main_context_iteration (NULL, FALSE);
  g_assert_cmpuint (log.numbers->len, ==, 0);
  for (gint32 i = 0; i < n; i++)
    g_assert_cmpint (mp_test_receive_int (pair.b), ==, i);
  mp_test_run_until (mp_test_log_is_complete, &log);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, -1);
  g_array_unref (log.numbers);
  mp_test_pair_free (&pair);
}

/* Who has to wait for room learns that nobody is left who makes it. */
static void
test_closed_while_full (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestLog log = mp_test_log_new (1);

  mp_test_fill (pair.a);
  mp_connection_send_async (pair.a, g_variant_new_int32 (-1), -1, NULL, mp_test_log_sent, &log);
  g_clear_object (&pair.b);
  mp_test_run_until (mp_test_log_is_complete, &log);
  g_array_unref (log.numbers);
  mp_test_assert_send_fails (pair.a, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_pair_free (&pair);
}

static void
count_message (MpConnection *connection,
               MpMessage    *message,
               gpointer      n)
{
  (*(guint *) n)++;
}

static gboolean
are_two (gpointer n)
{
  return *(guint *) n == 2;
}

/* The bell has rung, the loop is busy, and a stranger's fork closes its copy: it hears nothing of it. */
static void
test_forked (void)
{
  MpTestPair pair = mp_test_pair_new ();
  struct pollfd bell = { -1, POLLIN, 0 };
  guint n = 0;
  int status;
  pid_t pid;

  g_signal_connect (pair.b, "message-received", G_CALLBACK (count_message), &n);
  mp_connection_start_reading (pair.b);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  mp_test_send_int (pair.a, 1);
  bell.fd = mp_exchange_get_bell (get_exchange (pair.b));
  g_assert_cmpint (poll (&bell, 1, (int) (MP_TEST_DEADLINE * 1000)), ==, 1);

  pid = fork ();
  if (pid == 0)
    {
      mp_connection_close (pair.b);
      _exit (0);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);

  mp_test_send_int (pair.a, 2);
  mp_test_run_until (are_two, &n);
  mp_connection_close (pair.b);
  mp_test_pair_free (&pair);
}

/* --- What a peer can write ------------------------------------------------ */

#define N_LOOKS    (g_strcmp0 (g_getenv ("MP_TEST_LONG"), "1") == 0 ? 50000 : 1500)
#define SHORT_ROOM 16
#define LONG_ROOM  4096

typedef struct
{
  MpConduit *conduit;
  int        n_rounds;
  int        n_sent;     /* atomic; of rounds */
  int        n_received; /* atomic */
} TwoFaced;

/* What says of itself that it comes behind all records, and is the next one as long as there are none. */
static void
send_behind_all (MpConduit *conduit)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("tiny", 4);
  g_autoptr (MpFrame) frame = mp_frame_new_raw (MP_FRAME_MESSAGE, g_strdup ("raw"), g_bytes_ref (bytes));
  MpIoStatus status;

  frame->serial = G_MAXUINT64;
  mp_ring_aside_send (mp_ring_link_get_aside (conduit->link, MP_RING_LINK_OUT));
  status = mp_transport_send (conduit->transport, frame, NULL);
  g_assert_cmpint (status, ==, MP_IO_DONE);
}

static void
put_long (MpConduit *conduit)
{
  static guint8 bytes[LONG_ROOM];
  const MpTransportBody body = { "raw", 3, bytes, sizeof bytes };
  MpIoStatus status = mp_conduit_send_body (conduit, &body, NULL);

  g_assert_cmpint (status, ==, MP_IO_DONE);
}

/* The second one comes while the receiver looks at the first. */
static gpointer
be_two_faced (gpointer data)
{
  TwoFaced *self = data;

  for (int i = 1; i <= self->n_rounds; i++)
    {
      send_behind_all (self->conduit);
      for (int n = i % 400; n > 0; n--)
        mp_cpu_relax ();
      put_long (self->conduit);
      g_atomic_int_set (&self->n_sent, i);
      while (g_atomic_int_get (&self->n_received) != i)
        g_thread_yield ();
    }

  return NULL;
}

/* Looks all the time: who slept would see both. */
static void
assert_receives_into (MpConnection *connection)
{
  guint8 bytes[LONG_ROOM] = { 0 };
  g_autoptr (GError) error = NULL;
  gssize n;

  do
    {
      g_clear_error (&error);
      n = mp_connection_receive_into (connection, bytes, SHORT_ROOM, 0, NULL, &error);
    }
  while (g_error_matches (error, MP_ERROR, MP_ERROR_TIMED_OUT));

  if (n < 0)
    {
      g_assert_error (error, MP_ERROR, MP_ERROR_BUFFER_TOO_SHORT);
      n = mp_connection_receive_into (connection, bytes, sizeof bytes, MP_TEST_DEADLINE, NULL, NULL);
      g_assert_true (n == LONG_ROOM || n == 4);
    }
  else
    g_assert_cmpint (n, ==, 4);
}

/* What is looked at is what is taken, whatever has come meanwhile: else it could go beyond the caller's room. */
static void
test_two_faces (void)
{
  MpTestPair pair = mp_test_pair_new ();
  TwoFaced peer = { &get_exchange (pair.a)->conduit, N_LOOKS };
  GThread *thread = g_thread_new ("two-faced", be_two_faced, &peer);

  for (int i = 1; i <= peer.n_rounds; i++)
    {
      assert_receives_into (pair.b);
      assert_receives_into (pair.b);
      while (g_atomic_int_get (&peer.n_sent) != i)
        g_thread_yield ();
      g_atomic_int_set (&peer.n_received, i);
    }
  g_thread_join (thread);
  mp_test_pair_free (&pair);
}

/* And what was seen first is what is taken, though by now it would have to wait. */
static void
test_peeked (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpConduit *from = &get_exchange (pair.a)->conduit, *to = &get_exchange (pair.b)->conduit;
  MpFrame *peeked, *next;

  send_behind_all (from);
  g_assert_cmpint (mp_conduit_peek (to, &peeked, NULL), ==, MP_IO_DONE);
  put_long (from);
  mp_conduit_take_peeked (to, peeked);
  g_assert_cmpuint (g_bytes_get_size (mp_frame_get_body (peeked)), ==, 4);

  g_assert_cmpint (mp_conduit_receive (to, &next, NULL), ==, MP_IO_DONE);
  g_assert_cmpuint (g_bytes_get_size (mp_frame_get_body (next)), ==, LONG_ROOM);
  mp_frame_free (peeked);
  mp_frame_free (next);
  mp_test_pair_free (&pair);
}

/* A count too many, and records that are no items. */
static void
test_rubbish (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpRingLink *link = mp_exchange_get_link (get_exchange (pair.a));
  const MpRingRecord record = { .data = "none", .length = 4, .kind = MP_RING_MAX_KIND };

  mp_ring_aside_send (mp_ring_link_get_aside (link, MP_RING_LINK_OUT));
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (mp_ring_link_put (link, &record, NULL), ==, MP_RING_DONE);
  mp_test_send_int (pair.a, 3);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (mp_connection_wait_readable (pair.b, MP_TEST_DEADLINE, NULL, NULL));
      g_assert_true (mp_connection_wait_readable (pair.b, MP_TEST_DEADLINE, NULL, NULL));
      mp_test_assert_receive_fails (pair.b, MP_ERROR, MP_ERROR_CORRUPTED);
    }
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 3);
  mp_test_pair_free (&pair);
}

/* The longest body with the longest name goes by the ring. */
static void
test_longest (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autofree char *codec = g_strnfill (32, 'c');
  g_autofree guint8 *sent = g_malloc0 (MP_RING_LINK_MAX_BODY);
  g_autoptr (GBytes) received = NULL;

  sent[MP_RING_LINK_MAX_BODY - 1] = 7;
  g_assert_true (mp_connection_send_data (pair.a, sent, MP_RING_LINK_MAX_BODY, codec, 0, NULL, NULL));
  g_assert_cmpuint (count_records (pair.b), ==, 1);
  received = mp_connection_receive_bytes (pair.b, 0, 0, NULL, NULL);
  g_assert_cmpmem (g_bytes_get_data (received, NULL), g_bytes_get_size (received), sent, MP_RING_LINK_MAX_BODY);
  mp_test_pair_free (&pair);
}

/* A record may say that it has 4 GiB, in memory of a file that has none: nobody takes memory for that, or copies it
 * with a lock for which a main loop waits.
 */
static void
test_too_long (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpRingLink *link = mp_exchange_get_link (get_exchange (pair.a));
  const guint32 length = MP_RING_LINK_MAX_BODY + MP_ITEM_MAX_CODEC_LENGTH + 1;
  g_autofree guint8 *bytes = g_malloc0 (length), *room = g_malloc0 (length);
  const MpRingRecord record = { .data = bytes, .length = length, .kind = MP_ITEM_RAW };
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mp_ring_link_put (link, &record, NULL), ==, MP_RING_DONE);
  g_assert_cmpint (mp_connection_receive_into (pair.b, room, length, MP_TEST_DEADLINE, NULL, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
  mp_test_send_int (pair.a, 3);
  mp_test_assert_receive_fails (pair.b, MP_ERROR, MP_ERROR_CORRUPTED);
  mp_test_pair_free (&pair);
}

/* -------------------------------------------------------------------------- */

/* --- Stopped -------------------------------------------------------------- */

typedef struct
{
  MpConnection  *connection;
  MpRingLinkWay  way;
} Sharer;

static void
stop_with_lock (gpointer data)
{
  Sharer *self = data;
  guint32 me;
  MpRingLink *link = mp_exchange_get_link (get_exchange (self->connection));
  MpRing *ring = mp_queue_store_get_ring (&link->ways[self->way].store, &me, NULL);
  MpAtomic32 *lock = self->way == MP_RING_LINK_OUT ? &ring->layout->put.lock : &ring->layout->take.lock;

  g_assert_true (mp_short_lock_try (ring->table, lock, me));
  raise (SIGSTOP);
  mp_short_lock_release (lock);
}

/* A main loop looks again some time: whoever is stopped ends no call. */
static void
test_stopped (void)
{
  g_autoptr (MpConnection) near = NULL, far = NULL;
  g_autoptr (GBytes) sent = g_bytes_new_static ("sent", 4), received = NULL;
  GAsyncResult *sending = NULL, *receiving = NULL;
  pid_t pids[2];

  g_assert_true (mp_connection_new_pair (TRUE, &near, &far, NULL));
  g_assert_true (mp_connection_send_bytes (far, sent, NULL, MP_TEST_DEADLINE, NULL, NULL));
  pids[0] = mp_test_fork_stopped (stop_with_lock, &(Sharer) { near, MP_RING_LINK_OUT });
  pids[1] = mp_test_fork_stopped (stop_with_lock, &(Sharer) { near, MP_RING_LINK_IN });

  mp_connection_send_bytes_async (near, sent, NULL, -1, NULL, mp_test_keep_result, &sending);
  mp_connection_receive_bytes_async (near, 4, -1, NULL, mp_test_keep_result, &receiving);
  mp_test_turn_loop ();
  g_assert_null (sending);
  g_assert_null (receiving);

  kill (pids[0], SIGCONT);
  kill (pids[1], SIGCONT);
  mp_test_await_result (&sending);
  mp_test_await_result (&receiving);
  g_assert_true (mp_connection_send_bytes_finish (near, sending, NULL));
  received = mp_connection_receive_bytes_finish (near, receiving, NULL);
  g_assert_true (g_bytes_equal (received, sent));

  g_object_unref (sending);
  g_object_unref (receiving);
  mp_test_join (pids[0]);
  mp_test_join (pids[1]);
}

#define N_CALLS 3

/* All have waited as long when the first one gives up, and hear why. */
static void
test_stopped_for_all (void)
{
  g_autoptr (MpConnection) near = NULL, far = NULL;
  GAsyncResult *results[N_CALLS] = { NULL };
  gint64 patience = mp_short_lock_get_patience ();
  pid_t pid;

  g_assert_true (mp_connection_new_pair (TRUE, &near, &far, NULL));
  g_assert_true (mp_connection_send (far, g_variant_new_int32 (5), MP_TEST_DEADLINE, NULL, NULL));
  pid = mp_test_fork_stopped (stop_with_lock, &(Sharer) { near, MP_RING_LINK_IN });
  mp_short_lock_set_patience (G_TIME_SPAN_SECOND);
  for (int i = 0; i < N_CALLS; i++)
    mp_connection_receive_async (near, i < N_CALLS - 1 ? -1 : 0.4, NULL, mp_test_keep_result, &results[i]);
  mp_test_await_result (&results[0]);
  mp_test_turn_loop ();
  mp_short_lock_set_patience (patience);

  for (int i = 0; i < N_CALLS; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_nonnull (results[i]);
      g_assert_null (mp_connection_receive_finish (near, results[i], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
      g_assert_nonnull (strstr (error->message, "may be stopped"));
      g_object_unref (results[i]);
    }
  kill (pid, SIGCONT);
  mp_test_join (pid);
}

static void
on_message (MpConnection  *connection,
            MpMessage     *message,
            MpMessage    **told)
{
  g_set_object (told, message);
}

static gboolean
is_told (gpointer told)
{
  return *(MpMessage **) told != NULL;
}

/* Nor is the one that is told by a signal lost, or warned of, while somebody may just want a processor. */
static void
test_stopped_reader (void)
{
  g_autoptr (MpConnection) near = NULL, far = NULL;
  g_autoptr (MpMessage) told = NULL;
  pid_t pid;

  g_assert_true (mp_connection_new_pair (TRUE, &near, &far, NULL));
  g_assert_true (mp_connection_send (far, g_variant_new_int32 (5), MP_TEST_DEADLINE, NULL, NULL));
  pid = mp_test_fork_stopped (stop_with_lock, &(Sharer) { near, MP_RING_LINK_IN });
  g_signal_connect (near, "message-received", G_CALLBACK (on_message), &told);
  mp_connection_start_reading (near);
  mp_test_turn_loop ();
  g_assert_null (told);

  kill (pid, SIGCONT);
  mp_test_run_until (is_told, &told);
  mp_connection_stop_reading (near);
  mp_test_join (pid);
}

static void
warm_up (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (mp_test_methods); i++)
    test_sending_to_the_dead (&mp_test_methods[i]);
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("send-numbers", send_numbers, NULL, NULL);
  mp_register_target ("add-up", add_up, NULL, NULL);
  mp_register_target ("send-and-die", send_and_die, NULL, NULL);
  mp_register_target ("receive-to-the-end", receive_to_the_end, NULL, NULL);
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/connection-rings/small-ones", test_small_ones_go_by_ring);
  mp_test_add ("/connection-rings/fd", test_fd);
  mp_test_add ("/connection-rings/room", test_room);
  mp_test_add ("/connection-rings/closed-while-full", test_closed_while_full);
  mp_test_add ("/connection-rings/forked", test_forked);
  mp_test_add ("/connection-rings/two-faces", test_two_faces);
  mp_test_add ("/connection-rings/peeked", test_peeked);
  mp_test_add ("/connection-rings/rubbish", test_rubbish);
  mp_test_add ("/connection-rings/stopped", test_stopped);
  mp_test_add ("/connection-rings/stopped-for-all", test_stopped_for_all);
  mp_test_add ("/connection-rings/stopped-reader", test_stopped_reader);
  mp_test_add ("/connection-rings/longest", test_longest);
  mp_test_add ("/connection-rings/too-long", test_too_long);
  mp_test_add ("/connection-rings/order/looks", test_order_of_looks);
  mp_test_add ("/connection-rings/order/threads", test_order_of_threads);
  mp_test_add_methods ("/connection-rings/order/processes", test_order_of_processes);
  mp_test_add_methods ("/connection-rings/receivers", test_receivers);
  mp_test_add_methods ("/connection-rings/death", test_death);
  mp_test_add_methods ("/connection-rings/last-word", test_last_word);
  mp_test_add_methods ("/connection-rings/death-among-several", test_death_among_several);
  mp_test_add_methods ("/connection-rings/sending-to-the-dead", test_sending_to_the_dead);
  return g_test_run ();
}
