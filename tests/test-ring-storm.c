/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Some processes have one end of a local pair, whose messages go by rings and by the socket beside them.  They send
 * messages of all kinds and receive those of the survivor at the other end, and are killed at any moment, while the
 * others go on.  Then there is an audit of every message.
 *
 *   MP_TEST_LONG=1   10,000 kills by fork, and more of children of mpglib
 */

#include "config.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-connection-private.h"
#include "mp-fd-private.h"
#include "mp-test-letter.h"
#include "mp-test-process.h"
#include "mp-test.h"

#define N_KILLS      100
#define N_KILLS_LONG 10000

/* At one end, at a time. */
#define N_AT_END 3

/* Who comes to one end, one after the other, and how many messages are sent to them at most. */
#define N_VICTIMS 20
#define N_NUMBERED (1 << 18)

/* A victim's last moment, in microseconds after the kill before. */
#define MOST_USEC 6000

/* Whose a message is, above its number. */
#define NUMBER_BITS 40
#define SURVIVOR    N_VICTIMS

/* What victims write down, in memory that they share with the survivor. */
typedef struct
{
  _Atomic guint64 n_sent[N_VICTIMS]; /* of which they know that they were sent */
  _Atomic guint8 n_got[N_NUMBERED];  /* how often each of the survivor's was received */
} Book;

typedef struct
{
  guint id;
  int channel;   /* a socket, over which the end comes */
} Victim;

/* The survivor's end, with what it has seen there. */
typedef struct
{
  MpConnection *connection;
  guint64 next[N_VICTIMS];    /* the number that comes next of each */
  gint64 seen[N_VICTIMS];     /* when something came of each */
  guint64 n_sent;
  gint64 sent;                /* when */
  gboolean has_sent_all;
  gboolean has_received_all;
} Survivor;

static Book *book;
static int book_fd;

/* What came of all of it. */
static guint n_kills, n_ends;
static guint64 n_messages, n_to_victims, n_in_hand;
static gint64 longest;

/* --- Victims -------------------------------------------------------------------------- */

/* One that sends and receives until it is killed. */
typedef struct
{
  MpConnection *connection;
  guint id;
  guint64 n_sent;
  guint64 next;
} Storm;

static void send_next (Storm *self);
static void receive_next (Storm *self);

static void
on_sent (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  Storm *self = data;
  g_autoptr (GError) error = NULL;

  mp_connection_send_message_finish (self->connection, result, &error);
  g_assert_no_error (error);
  atomic_store (&book->n_sent[self->id], ++self->n_sent);
  send_next (self);
}

static void
send_next (Storm *self)
{
  guint64 number = (guint64) self->id << NUMBER_BITS | self->n_sent;
  g_autoptr (MpMessage) message = mp_test_letter_new (number, TRUE);

  mp_connection_send_message_async (self->connection, message, -1, NULL, on_sent, self);
}

static void
on_received (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  Storm *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) message = mp_connection_receive_message_finish (self->connection, result, &error);
  guint64 number;

  g_assert_no_error (error);
  g_assert_true (mp_test_letter_get_number (message, &number));
  mp_test_letter_check (message, number, TRUE);
  g_assert_cmpuint (number >> NUMBER_BITS, ==, SURVIVOR);
  number &= (G_GUINT64_CONSTANT (1) << NUMBER_BITS) - 1;
  g_assert_cmpuint (number, >=, self->next);
  self->next = number + 1;
  g_assert_cmpuint (atomic_fetch_add (&book->n_got[number], 1), ==, 0);
  receive_next (self);
}

static void
receive_next (Storm *self)
{
  mp_connection_receive_message_async (self->connection, -1, NULL, on_received, self);
}

static void
storm (MpConnection *connection_taken,
       guint         id)
{
  Storm self = { connection_taken, id, 0, 0 };

  send_next (&self);
  receive_next (&self);
  for (;;)
    g_main_context_iteration (g_main_context_get_thread_default (), TRUE);
}

static void
be_victim (gpointer data)
{
  const Victim *self = data;
  g_autoptr (MpConnection) first = NULL;
  g_autoptr (MpMessage) message = NULL;

  /* That of the parent wakes the parent, too. */
  g_main_context_push_thread_default (g_main_context_new ());
  first = mp_connection_new_take (self->channel, NULL, TRUE, TRUE, FALSE);
  message = mp_connection_receive_message (first, -1, NULL, NULL);
  storm (MP_CONNECTION (mp_message_get_attachment (message, 0, NULL)), self->id);
}

/* With an end and the book as arguments. */
static GVariant *
be_child (MpMessage     *arguments,
          GCancellable  *cancellable,
          gpointer       data,
          GError       **error)
{
  g_autoptr (GVariant) id = mp_message_get_value (arguments, NULL);
  int fd = mp_message_get_attached_fd (arguments, 1, NULL);

  book = mmap (NULL, sizeof *book, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  g_assert_true (book != MAP_FAILED);
  mp_fd_close (&fd);
  storm (MP_CONNECTION (mp_message_get_attachment (arguments, 0, NULL)), g_variant_get_uint32 (id));
  return NULL;
}

/* --- The survivor --------------------------------------------------------------------- */

static void survivor_send (Survivor *self);
static void survivor_receive (Survivor *self);

static void
on_survivor_sent (GObject      *source,
                  GAsyncResult *result,
                  gpointer      data)
{
  Survivor *self = data;
  g_autoptr (GError) error = NULL;

  if (mp_connection_send_message_finish (self->connection, result, &error))
    {
      self->n_sent++;
      self->sent = g_get_monotonic_time ();
      g_assert_cmpuint (self->n_sent, <, N_NUMBERED);
      survivor_send (self);
      return;
    }

  g_assert_error (error, MP_ERROR, MP_ERROR_PEER_DIED);
  self->has_sent_all = TRUE;
}

static void
survivor_send (Survivor *self)
{
  guint64 number = (guint64) SURVIVOR << NUMBER_BITS | self->n_sent;
  g_autoptr (MpMessage) message = mp_test_letter_new (number, TRUE);

  mp_connection_send_message_async (self->connection, message, -1, NULL, on_survivor_sent, self);
}

/* Each one's messages come whole, once and in their order. */
static void
on_survivor_received (GObject      *source,
                      GAsyncResult *result,
                      gpointer      data)
{
  Survivor *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) message = mp_connection_receive_message_finish (self->connection, result, &error);
  guint64 number, id;

  if (message == NULL)
    {
      g_assert_error (error, MP_ERROR, MP_ERROR_PEER_DIED);
      self->has_received_all = TRUE;
      return;
    }

  g_assert_true (mp_test_letter_get_number (message, &number));
  mp_test_letter_check (message, number, TRUE);
  id = number >> NUMBER_BITS;
  g_assert_cmpuint (id, <, N_VICTIMS);
  g_assert_cmpuint (number & ((G_GUINT64_CONSTANT (1) << NUMBER_BITS) - 1), ==, self->next[id]++);
  self->seen[id] = g_get_monotonic_time ();
  survivor_receive (self);
}

static void
survivor_receive (Survivor *self)
{
  mp_connection_receive_message_async (self->connection, -1, NULL, on_survivor_received, self);
}

static gboolean
has_ended (gpointer data)
{
  const Survivor *self = data;

  return self->has_sent_all && self->has_received_all;
}

/* --- Audit ---------------------------------------------------------------------------- */

/* What somebody knew to be sent has come, and of what he did not know at most one message.  What was taken before the
 * last of the survivor's messages that came, and came nowhere, was in the hands of the dead.
 */
static void
audit (Survivor *self,
       guint     n_victims)
{
  guint64 end = self->n_sent, n_missing = 0;

  for (guint i = 0; i < n_victims; i++)
    {
      guint64 n_known = atomic_load (&book->n_sent[i]);

      g_assert_cmpuint (self->next[i], >=, n_known);
      g_assert_cmpuint (self->next[i], <=, n_known + 1);
      n_messages += self->next[i];
    }

  while (end > 0 && atomic_load (&book->n_got[end - 1]) == 0)
    end--;
  for (guint64 i = 0; i < end; i++)
    {
      n_missing += atomic_load (&book->n_got[i]) == 0;
      n_to_victims += atomic_load (&book->n_got[i]);
    }
  g_assert_cmpuint (n_missing, <=, n_victims);
  n_in_hand += n_missing;
}

/* --- Rounds --------------------------------------------------------------------------- */

typedef struct
{
  pid_t pid;           /* of fork */
  MpProcess *process;  /* of mpglib */
  guint id;
} Living;

/* Hands one end of a pair to one more process; and kills it. */
typedef struct
{
  void (*begin) (Living       *living,
                 MpConnection *end);
  void (*kill)  (Living       *living);
} Manner;

/* While the socket is full the end cannot be handed on: until the survivor has received something. */
static gboolean
has_to_wait (GError **error)
{
  if (!g_error_matches (*error, MP_ERROR, MP_ERROR_FULL))
    {
      g_assert_no_error (*error);
      return FALSE;
    }

  g_clear_error (error);
  g_main_context_iteration (NULL, TRUE);
  return TRUE;
}

static void
send_end (MpConnection *channel,
          MpConnection *end)
{
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_handle (0));
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (mp_message_attach (message, MP_SHAREABLE (end)), ==, 0);
  do
    mp_connection_send_message (channel, message, MP_TEST_DEADLINE, NULL, &error);
  while (has_to_wait (&error));
}

static void
begin_by_fork (Living       *living,
               MpConnection *end)
{
  g_autoptr (MpConnection) channel = NULL;
  Victim victim = { .id = living->id };
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
  victim.channel = fds[1];
  living->pid = mp_test_fork (be_victim, &victim);
  mp_fd_close (&fds[1]);
  channel = mp_connection_new_take (fds[0], NULL, TRUE, TRUE, FALSE);
  send_end (channel, end);
}

static void
kill_forked (Living *living)
{
  mp_test_kill (living->pid);
}

static const Manner by_fork = { begin_by_fork, kill_forked };

/* As an argument. */
static void
begin_process (Living        *living,
               MpConnection  *end,
               MpStartMethod  method)
{
  g_autoptr (MpContext) context = mp_context_new (method, NULL);
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_uint32 (living->id));
  g_autoptr (GError) error = NULL;

  mp_message_attach (message, MP_SHAREABLE (end));
  mp_message_attach_fd (message, book_fd, NULL);
  do
    {
      g_clear_object (&living->process);
      living->process = mp_process_new (context, "storm", NULL);
      mp_process_set_message (living->process, message);
      mp_process_start (living->process, &error);
    }
  while (has_to_wait (&error));
}

static void
begin_by_spawn (Living       *living,
                MpConnection *end)
{
  begin_process (living, end, MP_START_METHOD_SPAWN);
}

static void
begin_by_template (Living       *living,
                   MpConnection *end)
{
  begin_process (living, end, MP_START_METHOD_FORKSERVER);
}

static void
kill_process (Living *living)
{
  g_autoptr (GError) error = NULL;

  mp_process_kill (living->process, &error);
  g_assert_no_error (error);
  mp_process_join (living->process, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_process_get_exit_code (living->process), ==, -SIGKILL);
  g_clear_object (&living->process);
}

static const Manner by_spawn = { begin_by_spawn, kill_process };
static const Manner by_template = { begin_by_template, kill_process };

typedef struct
{
  Survivor *survivor;
  guint dead;
  gint64 since;
} Progress;

/* Another one was heard, and the survivor got rid of something. */
static gboolean
goes_on (gpointer data)
{
  const Progress *self = data;
  gint64 seen = 0;

  for (guint i = 0; i < N_VICTIMS; i++)
    if (i != self->dead)
      seen = MAX (seen, self->survivor->seen[i]);

  return seen > self->since && self->survivor->sent > self->since;
}

static gboolean
on_time (GSource     *source,
         GSourceFunc  callback,
         gpointer     data)
{
  g_source_set_ready_time (source, -1);
  return callback (data);
}

static gboolean
set_flag (gpointer flag)
{
  *(gboolean *) flag = TRUE;
  return G_SOURCE_CONTINUE;
}

static void
wait_for_last_moment (void)
{
  static GSourceFuncs funcs = { .dispatch = on_time };
  g_autoptr (GSource) source = g_source_new (&funcs, sizeof (GSource));
  gboolean is_time = FALSE;

  g_source_set_callback (source, set_flag, &is_time, NULL);
  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_set_ready_time (source, g_get_monotonic_time () + g_test_rand_int_range (0, MOST_USEC));
  g_source_attach (source, NULL);
  mp_test_run_until_set (&is_time);
  g_source_destroy (source);
}

/* Others at the same end do not notice, whatever the dead one was about. */
static void
kill_while_others_go_on (Survivor     *survivor,
                         const Manner *manner,
                         Living       *living)
{
  Progress progress = { survivor, living->id, 0 };
  gint64 now;

  wait_for_last_moment ();
  manner->kill (living);
  n_kills++;
  progress.since = g_get_monotonic_time ();
  mp_test_run_until (goes_on, &progress);
  now = g_get_monotonic_time ();
  longest = MAX (longest, now - progress.since);
}

/* One pair, until all are dead who had its other end. */
static void
storm_at_one_end (const Manner *manner)
{
  Survivor survivor = { 0 };
  Living living[N_AT_END] = { 0 };
  MpConnection *end;
  guint n = 0;

  alarm (60);
  memset (book, 0, sizeof *book);
  g_assert_true (mp_connection_new_pair (TRUE, &survivor.connection, &end, NULL));
  g_assert_nonnull (mp_exchange_get_link (survivor.connection->exchange));
  for (guint i = 0; i < N_AT_END; i++)
    {
      living[i].id = n++;
      manner->begin (&living[i], end);
    }
  survivor_send (&survivor);
  survivor_receive (&survivor);

  while (n < N_VICTIMS)
    {
      guint which = (guint) g_test_rand_int_range (0, N_AT_END);

      kill_while_others_go_on (&survivor, manner, &living[which]);
      living[which].id = n++;
      manner->begin (&living[which], end);
    }
  mp_connection_close (end);
  g_object_unref (end);
  for (guint i = 0; i < N_AT_END; i++)
    {
      wait_for_last_moment ();
      manner->kill (&living[i]);
      n_kills++;
    }
  mp_test_run_until (has_ended, &survivor);
  audit (&survivor, n);
  g_object_unref (survivor.connection);
  n_ends++;
}

static void
check_storm (const Manner *manner,
             guint         n,
             guint         n_long)
{
  n_kills = n_ends = 0;
  n_messages = n_to_victims = n_in_hand = 0;
  longest = 0;
  while (n_kills < (g_getenv ("MP_TEST_LONG") != NULL ? n_long : n))
    storm_at_one_end (manner);
  g_test_message ("%u kills at %u ends: %" G_GUINT64_FORMAT " messages from the victims, %" G_GUINT64_FORMAT
                  " to them, %" G_GUINT64_FORMAT " in the hands of the dead; at most %.1f ms until others were heard",
                  n_kills, n_ends, n_messages, n_to_victims, n_in_hand, (double) longest / 1000);
  g_assert_cmpuint (n_messages, >, n_kills);
  g_assert_cmpuint (n_to_victims, >, n_kills);
}

static void
test_forks (void)
{
  check_storm (&by_fork, N_KILLS, N_KILLS_LONG);
}

static void
test_templates (void)
{
  check_storm (&by_template, N_VICTIMS, N_KILLS_LONG / 4);
}

static void
test_spawn (void)
{
  check_storm (&by_spawn, N_VICTIMS, N_KILLS_LONG / 10);
}

/* What lasts for the life of a process. */
static void
warm_up (void)
{
  storm_at_one_end (&by_fork);
  storm_at_one_end (&by_template);
  storm_at_one_end (&by_spawn);
}

int
main (int    argc,
      char **argv)
{
  mp_register_target ("storm", be_child, NULL, NULL);
  mp_init ();
  book = mp_test_share_file (sizeof *book, sizeof *book, &book_fd);
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/ring-storm/forks", test_forks);
  mp_test_add ("/ring-storm/templates", test_templates);
  mp_test_add ("/ring-storm/spawn", test_spawn);

  return g_test_run ();
}
