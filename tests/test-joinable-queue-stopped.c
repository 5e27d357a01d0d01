/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Joinable queues that are let go of while somebody is stopped who takes something.  This program is its own
 * child.
 */

#include <signal.h>

#include "mpglib.h"

#include "mp-patience-private.h"
#include "mp-queue-net-private.h"
#include "mp-queue-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-process.h"
#include "mp-test-queue.h"
#include "mp-test-shared.h"
#include "mp-test-started.h"
#include "mp-test-stopped.h"
#include "mp-test.h"

#define FOREVER -1.0

/* More than is read at once. */
#define LONG (4 * 1024 * 1024)

/* --- With others ---------------------------------------------------------- */

static void
go_on (pid_t pid)
{
  g_assert_cmpint (kill (pid, SIGCONT), ==, 0);
  mp_test_join (pid);
}

static int
get_int (MpQueue *queue)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_queue_get (queue, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  return g_variant_get_int32 (value);
}

/* Got by another object of this process. */
static MpQueue *
take_two (MpQueue *queue)
{
  g_autoptr (GError) error = NULL;
  MpQueue *other = mp_test_pass_on (queue, &error);

  g_assert_no_error (error);
  for (int i = 1; i <= 2; i++)
    {
      mp_test_put_int (queue, i);
      g_assert_cmpint (get_int (other), ==, i);
    }
  return other;
}

/* While somebody is stopped, for whom a call of another thread waits for so long. */
static void
drop (MpQueue *queue_taken,
      gint64   usec)
{
  gint64 patience = mp_short_lock_get_patience ();

  mp_short_lock_set_patience (usec);
  g_object_unref (queue_taken);
  mp_short_lock_set_patience (patience);
}

static MpQueue *
new_queue (gboolean redelivery)
{
  return g_object_new (MP_TYPE_JOINABLE_QUEUE, "redelivery", redelivery, NULL);
}

static void
assert_not_done (MpQueue *queue)
{
  g_autoptr (GError) error = NULL;

  mp_test_expect_error (!mp_joinable_queue_join (MP_JOINABLE_QUEUE (queue), 0, NULL, &error), &error,
                        MP_ERROR, MP_ERROR_TIMED_OUT);
}

/* All that there is: the last that was got. */
static void
finish (MpQueue *queue,
        guint    n)
{
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < n; i++)
    {
      mp_joinable_queue_task_done (MP_JOINABLE_QUEUE (queue), &error);
      g_assert_no_error (error);
    }
  g_assert_true (mp_joinable_queue_join (MP_JOINABLE_QUEUE (queue), 0, NULL, NULL));
}

/* What take_two() has taken, again. */
static void
work_off (MpQueue *queue)
{
  for (int i = 1; i <= 2; i++)
    g_assert_cmpint (get_int (queue), ==, i);
  finish (queue, 2);
}

static void
work_off_in_child (gpointer queue)
{
  work_off (queue);
}

/* --- Tests ---------------------------------------------------------------- */

static void
test_redelivery (void)
{
  g_autoptr (MpQueue) queue = new_queue (TRUE);
  MpQueue *other = take_two (queue);
  pid_t pid = mp_test_fork_stopped (mp_test_stop_while_getting, queue);

  drop (other, 20000);
  assert_not_done (queue);
  go_on (pid);
  work_off (queue);
}

/* Who waits in another process hears of it. */
static void
test_redelivery_to_another (void)
{
  g_autoptr (MpQueue) queue = new_queue (TRUE);
  MpQueue *other = take_two (queue);
  pid_t pid = mp_test_fork_stopped (mp_test_stop_while_getting, queue);
  pid_t worker;

  drop (other, 20000);
  worker = mp_test_fork (work_off_in_child, queue);
  go_on (pid);
  mp_test_join (worker);
  g_assert_true (mp_joinable_queue_join (MP_JOINABLE_QUEUE (queue), MP_TEST_DEADLINE, NULL, NULL));
}

static void
test_lost (void)
{
  g_autoptr (MpQueue) queue = new_queue (FALSE);
  MpJoinableQueue *joinable = MP_JOINABLE_QUEUE (queue);
  MpQueue *other = take_two (queue);
  pid_t pid = mp_test_fork_stopped (mp_test_stop_while_getting, queue);
  g_autoptr (GAsyncResult) joined = NULL;

  drop (other, 20000);
  mp_joinable_queue_join_async (joinable, FOREVER, NULL, mp_test_keep_result, &joined);
  mp_test_turn_loop ();
  g_assert_null (joined);
  go_on (pid);
  mp_test_await_result (&joined);
  g_assert_true (mp_joinable_queue_join_finish (joinable, joined, NULL));
  for (int i = 1; i <= 2; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MpMessage) item = mp_joinable_queue_take_lost (joinable, &error);
      g_autoptr (GVariant) value = NULL;

      g_assert_no_error (error);
      value = mp_message_get_value (item, NULL);
      g_assert_cmpint (g_variant_get_int32 (value), ==, i);
    }
}

/* However long others would wait for who is stopped, who drops a queue goes on, and so does the end of a program. */
static void
test_at_once (void)
{
  g_autoptr (MpQueue) queue = new_queue (TRUE);
  MpQueue *other = take_two (queue);
  pid_t pid = mp_test_fork_stopped (mp_test_stop_while_getting, queue);

  drop (other, G_MAXINT64 / 4);
  g_assert_true (mp_shutdown (MP_TEST_DEADLINE, NULL, NULL));
  assert_not_done (queue);
  go_on (pid);
  work_off (queue);
}

#define N_MANY 3

/* Of many one waits for a moment, and then it is known that somebody is stopped. */
static void
test_many (void)
{
  g_autoptr (MpQueue) queue = new_queue (TRUE);
  MpPatience seen = { 0 };
  MpQueue *others[N_MANY];
  pid_t pid;
  int sum = 0;

  for (guint i = 0; i < N_MANY; i++)
    others[i] = take_two (queue);
  pid = mp_test_fork_stopped (mp_test_stop_while_getting, queue);
  g_object_unref (others[0]);
  mp_patience_begin (&seen);
  for (guint i = 1; i < N_MANY; i++)
    g_object_unref (others[i]);
  mp_patience_end (&seen);
  g_assert_cmpint (seen.spent, ==, 0);
  go_on (pid);

  for (guint i = 0; i < 2 * N_MANY; i++)
    sum += get_int (queue);
  g_assert_cmpint (sum, ==, 3 * N_MANY);
  finish (queue, 2 * N_MANY);
}

/* The queue is kept for it, whoever else has dropped it. */
static void
test_last (void)
{
  g_autoptr (MpQueue) kept = NULL;
  MpQueue *queue = new_queue (TRUE);
  MpQueue *other = take_two (queue);
  pid_t pid = mp_test_fork_stopped (mp_test_stop_while_getting, queue);

  drop (other, 20000);
  g_object_unref (queue);
  go_on (pid);
}

typedef struct
{
  MpQueue *queue;
  guint    n_fds;
} Fork;

static void
check_forked (gpointer data)
{
  Fork *self = data;

  g_assert_cmpuint (mp_test_count_fds (), ==, self->n_fds);
  assert_not_done (self->queue);
}

/* A forked child keeps nothing for its parent, and gives nothing back for it. */
static void
test_forked (void)
{
  g_autoptr (MpQueue) queue = new_queue (TRUE);
  Fork self = { queue, mp_test_count_fds () };
  MpQueue *other = take_two (queue);
  pid_t pid = mp_test_fork_stopped (mp_test_stop_while_getting, queue);

  g_assert_cmpuint (mp_test_count_fds (), >, self.n_fds);
  drop (other, 20000);
  g_assert_cmpuint (mp_test_count_fds (), >, self.n_fds);
  mp_test_join (mp_test_fork (check_forked, &self));
  assert_not_done (queue);
  go_on (pid);
  work_off (queue);
}

static GVariant *
drop_and_end (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       data,
              GError       **error)
{
  g_autoptr (MpQueue) queue = (gpointer) mp_message_get_attachment (arguments, 0, NULL);
  g_autoptr (MpQueue) told = (gpointer) mp_message_get_attachment (arguments, 1, NULL);
  g_autoptr (MpQueue) orders = (gpointer) mp_message_get_attachment (arguments, 2, NULL);
  MpQueue *other = take_two (queue);

  mp_test_put_int (told, 1);
  get_int (orders);
  g_object_unref (other);
  return g_variant_new ("()");
}

/* Who ends before is as dead as any. */
static void
test_end (void)
{
  g_autoptr (MpQueue) queue = new_queue (TRUE), told = mp_queue_new (0), orders = mp_queue_new (0);
  MpProcess *process = mp_test_start (MP_START_METHOD_SPAWN, "drop-and-end", g_variant_new ("()"),
                                      (gpointer[]) { queue, told, orders }, 3);
  pid_t pid;

  get_int (told);
  pid = mp_test_fork_stopped (mp_test_stop_while_getting, queue);
  mp_test_put_int (orders, 1);
  mp_test_join_process (process);
  go_on (pid);
  work_off (queue);
}

/* As an asynchronous get does it whose wait fails after its first turn. */
static void
begin_to_get (MpGetting *getting,
              MpQueue   *queue)
{
  guint32 me = 0;
  MpRing *ring = mp_queue_enter (mp_queue_get_private (queue), &me, NULL);

  *getting = (MpGetting) { .n_read = 0 };
  mp_getting_init (getting, queue, MP_NET_BYTES, MP_NET_ANY_LENGTH);
  g_assert_cmpint (getting->errand.try_once (&getting->errand, mp_queue_get_private (queue), ring, me, NULL), ==,
                   MP_RING_AGAIN);
  g_assert_true (mp_queue_is_empty (queue));
}

/* Likewise what was taken, and not read to its end. */
static void
test_unread (void)
{
  g_autoptr (MpQueue) queue = new_queue (TRUE);
  g_autofree guint8 *data = g_malloc0 (LONG);
  gint64 patience = mp_short_lock_get_patience ();
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  MpGetting getting;
  pid_t pid;

  g_assert_true (mp_queue_put_data (queue, data, LONG, NULL, 0, NULL, NULL));
  begin_to_get (&getting, queue);
  pid = mp_test_fork_stopped (mp_test_stop_while_getting, queue);
  mp_short_lock_set_patience (20000);
  mp_getting_clear (&getting);
  mp_short_lock_set_patience (patience);
  assert_not_done (queue);
  go_on (pid);

  bytes = mp_queue_get_bytes (queue, 0, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, LONG);
}

static void
warm_up (void)
{
  mp_test_warm_up_queue ();
  test_end ();
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("drop-and-end", drop_and_end, NULL, NULL);
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/joinable-queue-stopped/redelivery", test_redelivery);
  mp_test_add ("/joinable-queue-stopped/redelivery-to-another", test_redelivery_to_another);
  mp_test_add ("/joinable-queue-stopped/lost", test_lost);
  mp_test_add ("/joinable-queue-stopped/at-once", test_at_once);
  mp_test_add ("/joinable-queue-stopped/many", test_many);
  mp_test_add ("/joinable-queue-stopped/last", test_last);
  mp_test_add ("/joinable-queue-stopped/forked", test_forked);
  mp_test_add ("/joinable-queue-stopped/end", test_end);
  mp_test_add ("/joinable-queue-stopped/unread", test_unread);
  return g_test_run ();
}
