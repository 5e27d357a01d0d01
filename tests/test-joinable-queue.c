/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Joinable queues: what is done, by whom, and what the dead held.  This program is its own child. */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mpglib.h"

#include "mp-item-private.h"
#include "mp-queue-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-process.h"
#include "mp-test-shared.h"
#include "mp-test-stopped.h"
#include "mp-test.h"

#define LONG 200000

static void
put_int (MpJoinableQueue *queue,
         int              number)
{
  g_autoptr (GError) error = NULL;

  mp_queue_put (MP_QUEUE (queue), g_variant_new_int32 (number), 0, NULL, &error);
  g_assert_no_error (error);
}

static int
get_int (MpJoinableQueue *queue)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_queue_get (MP_QUEUE (queue), MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  return g_variant_get_int32 (value);
}

static void
done (MpJoinableQueue *queue)
{
  g_autoptr (GError) error = NULL;

  mp_joinable_queue_task_done (queue, &error);
  g_assert_no_error (error);
}

static void
assert_not_done (MpJoinableQueue *queue)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_joinable_queue_join (queue, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
}

static void
assert_done (MpJoinableQueue *queue)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_joinable_queue_join (queue, MP_TEST_DEADLINE, NULL, &error));
  g_assert_no_error (error);
}

/* --- In one process ------------------------------------------------------- */

static void
test_join (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autofree char *text = mp_shareable_to_string (MP_SHAREABLE (queue));

  g_assert_cmpstr (text, ==, "<Mp.JoinableQueue 0 items>");
  g_assert_false (mp_joinable_queue_get_redelivery (queue));
  assert_done (queue);
  for (int i = 0; i < 100; i++)
    put_int (queue, i);
  for (int i = 0; i < 100; i++)
    g_assert_cmpint (get_int (queue), ==, i);
  for (int i = 0; i < 100; i++)
    {
      assert_not_done (queue);
      done (queue);
    }
  assert_done (queue);
}

static void
test_too_often (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (GError) error = NULL;

  put_int (queue, 1);
  g_assert_false (mp_joinable_queue_task_done (queue, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  get_int (queue);
  done (queue);
  g_assert_false (mp_joinable_queue_task_done (queue, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

/* In each form, of each length. */
static void
test_forms (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  MpQueue *plain = MP_QUEUE (queue);
  g_autofree guint8 *bytes = g_malloc0 (LONG);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (MpMessage) message = NULL;
  g_autoptr (GVariant) values = NULL;
  g_autoptr (GBytes) got = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 4; i++)
    mp_queue_put_data (plain, bytes, i % 2 == 0 ? LONG : 3, NULL, 0, NULL, &error);
  for (int i = 0; i < 3; i++)
    put_int (queue, i);
  g_assert_no_error (error);

  got = mp_queue_get_bytes (plain, 0, 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (got, NULL), g_bytes_get_size (got), bytes, LONG);
  g_clear_pointer (&got, g_bytes_unref);
  message = mp_queue_get_message (plain, 0, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 2; i++)
    {
      got = mp_queue_get_bytes (plain, 0, 0, NULL, &error);
      g_assert_no_error (error);
      g_clear_pointer (&got, g_bytes_unref);
    }
  values = mp_queue_get_many (plain, 2, 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_n_children (values), ==, 2);
  mp_queue_get_async (plain, -1, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  g_variant_unref (mp_queue_get_finish (plain, result, &error));
  g_assert_no_error (error);

  for (guint i = 0; i < 7; i++)
    {
      assert_not_done (queue);
      done (queue);
    }
  assert_done (queue);
}

static void
put_raw (MpJoinableQueue *queue,
         guint32          kind,
         const char      *data,
         guint32          length)
{
  MpRingRecord record = { data, length, kind };
  guint32 me = 0;
  MpRing *ring = mp_queue_enter (mp_queue_get_private (MP_QUEUE (queue)), &me, NULL);
  guint n;

  g_assert_cmpint (mp_ring_try_put (ring, me, &record, 1, &n, NULL), ==, MP_RING_DONE);
}

/* Of no codec that there is; and a text without an end, which is found out when it is asked for. */
static void
put_rubbish (MpJoinableQueue *queue)
{
  put_raw (queue, 99, "rubbish", 7);
  put_raw (queue, MP_ITEM_VALUE | 9, "no end", 6);
}

/* Who gets an error has got nothing, and has nothing to acknowledge. */
static void
test_rubbish (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  MpQueue *plain = MP_QUEUE (queue);
  g_autoptr (GError) error = NULL;
  guint8 bytes[16];
  gsize length;

  put_rubbish (queue);
  for (guint i = 0; i < 2; i++)
    mp_test_expect_error (mp_queue_get (plain, 0, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  assert_done (queue);

  put_rubbish (queue);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GAsyncResult) result = NULL;

      mp_queue_get_async (plain, -1, NULL, mp_test_keep_result, &result);
      mp_test_await_result (&result);
      mp_test_expect_error (mp_queue_get_finish (plain, result, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
    }
  assert_done (queue);

  put_raw (queue, 99, "rubbish", 7);
  mp_test_expect_error (mp_queue_get_into (plain, bytes, sizeof bytes, 0, NULL, &error) < 0, &error,
                        MP_ERROR, MP_ERROR_CORRUPTED);
  put_raw (queue, 99, "rubbish", 7);
  g_assert_null (mp_queue_try_get_frame (plain, 0, &length));
  assert_done (queue);
  mp_test_expect_error (mp_queue_get (plain, 0, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
}

/* Those that come with it are, each. */
static void
test_rubbish_between (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (GVariant) values = NULL;

  put_int (queue, 1);
  put_rubbish (queue);
  put_int (queue, 2);
  values = mp_queue_get_many (MP_QUEUE (queue), 10, 0, NULL, NULL);
  g_assert_cmpuint (g_variant_n_children (values), ==, 2);
  for (guint i = 0; i < 2; i++)
    {
      assert_not_done (queue);
      done (queue);
    }
  assert_done (queue);
}

static void
put_long (MpQueue *queue)
{
  g_autofree guint8 *bytes = g_malloc0 (LONG);
  g_autoptr (GError) error = NULL;

  mp_queue_put_data (queue, bytes, LONG, NULL, 0, NULL, &error);
  g_assert_no_error (error);
}

/* Long ones are read from the file, and this is none of it.  Returns the one that was there. */
static int
swap_file (MpQueue *queue,
           int      fd)
{
  guint32 me = 0;
  MpRing *ring = mp_queue_enter (mp_queue_get_private (queue), &me, NULL);
  int before = ring->extents.fd;

  ring->extents.fd = fd >= 0 ? fd : open ("/dev/null", O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (ring->extents.fd, >=, 0);
  return before;
}

/* What could not be read is told of, and done. */
static void
test_rubbish_long (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (GError) error = NULL;
  int fd;

  put_long (MP_QUEUE (queue));
  fd = swap_file (MP_QUEUE (queue), -1);
  mp_test_expect_error (mp_queue_get (MP_QUEUE (queue), 0, NULL, &error) == NULL, &error, MP_ERROR,
                        MP_ERROR_CORRUPTED);
  close (swap_file (MP_QUEUE (queue), fd));
  assert_done (queue);
}

static void
put_two_with_long (MpQueue *queue)
{
  for (int i = 1; i <= 2; i++)
    {
      put_long (queue);
      g_assert_true (mp_queue_put (queue, g_variant_new_int32 (i), 0, NULL, NULL));
    }
}

/* Those that come with it are there, and it is told of once. */
static void
test_rubbish_long_beside (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autofree guint8 *bytes = g_malloc (2 * LONG + 1000);
  g_autoptr (GError) error = NULL;
  guint32 me = 0;
  MpRing *ring = mp_queue_enter (mp_queue_get_private (queue), &me, NULL);
  MpRingRecord records[4];
  MpRingHaul haul = { bytes, 2 * LONG + 1000, records, G_N_ELEMENTS (records) };
  int fd;

  put_two_with_long (queue);
  fd = swap_file (queue, -1);
  g_assert_cmpint (mp_ring_try_take (ring, me, &haul, &error), ==, MP_RING_DONE);
  g_assert_no_error (error);
  g_assert_cmpuint (haul.n_records, ==, 2);
  g_assert_cmpuint (haul.n_failed, ==, 2);
  close (swap_file (queue, fd));
}

/* As the ring does it, so do the queue's calls. */
static void
test_rubbish_long_told (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GVariant) values = NULL, last = NULL;
  g_autoptr (GError) error = NULL;
  int fd;

  g_assert_true (mp_queue_put (queue, g_variant_new_int32 (0), 0, NULL, NULL));
  put_two_with_long (queue);
  fd = swap_file (queue, -1);
  values = mp_queue_get_many (queue, 10, 0, NULL, &error);
  g_assert_no_error (error);
  close (swap_file (queue, fd));
  g_assert_cmpuint (g_variant_n_children (values), ==, 1);
  mp_test_expect_error (mp_queue_get (queue, 0, NULL, &error) == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  last = mp_queue_get (queue, 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int32 (last), ==, 1);
}

static void
test_join_async (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (GAsyncResult) too_early = NULL, joined = NULL;
  g_autoptr (GError) error = NULL;

  put_int (queue, 1);
  mp_joinable_queue_join_async (queue, 0.001, NULL, mp_test_keep_result, &too_early);
  mp_test_await_result (&too_early);
  g_assert_false (mp_joinable_queue_join_finish (queue, too_early, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  mp_joinable_queue_join_async (queue, -1, NULL, mp_test_keep_result, &joined);
  get_int (queue);
  g_assert_null (joined);
  done (queue);
  mp_test_await_result (&joined);
  g_assert_true (mp_joinable_queue_join_finish (queue, joined, &error));
  g_assert_no_error (error);
}

/* --- With others ---------------------------------------------------------- */

static GVariant *
work (MpMessage     *arguments,
      GCancellable  *cancellable,
      gpointer       data,
      GError       **error)
{
  g_autoptr (MpJoinableQueue) queue = (gpointer) mp_message_get_attachment (arguments, 0, NULL);

  while (get_int (queue) >= 0)
    done (queue);
  done (queue);
  return g_variant_new ("()");
}

/* Two items in the hand, of which one is long; then it waits to be killed. */
static GVariant *
hold (MpMessage     *arguments,
      GCancellable  *cancellable,
      gpointer       data,
      GError       **error)
{
  g_autoptr (MpJoinableQueue) queue = (gpointer) mp_message_get_attachment (arguments, 0, NULL);
  g_autoptr (MpQueue) answers = (gpointer) mp_message_get_attachment (arguments, 1, NULL);
  g_autoptr (GBytes) bytes = NULL;

  get_int (queue);
  bytes = mp_queue_get_bytes (MP_QUEUE (queue), 0, MP_TEST_DEADLINE, NULL, error);
  g_assert_nonnull (bytes);
  mp_queue_put (answers, g_variant_new_int32 (1), 0, NULL, error);
  while (pause () != 0)
    ;
  return NULL;
}

static MpProcess *
start (const char      *target,
       MpJoinableQueue *queue,
       MpQueue         *answers)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("()"));
  g_autoptr (GError) error = NULL;
  MpProcess *process = mp_process_new (context, target, NULL);

  mp_message_attach (message, MP_SHAREABLE (queue));
  if (answers != NULL)
    mp_message_attach (message, MP_SHAREABLE (answers));
  mp_process_set_message (process, message);
  mp_process_start (process, &error);
  g_assert_no_error (error);
  return process;
}

static void
join_process (MpProcess *process)
{
  g_autoptr (GError) error = NULL;

  mp_process_join (process, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_object_unref (process);
}

static void
test_workers (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  MpProcess *workers[2];

  for (guint i = 0; i < 2; i++)
    workers[i] = start ("work", queue, NULL);
  for (int i = 0; i < 200; i++)
    put_int (queue, i);
  assert_done (queue);
  for (guint i = 0; i < 2; i++)
    put_int (queue, -1);
  for (guint i = 0; i < 2; i++)
    join_process (workers[i]);
  assert_done (queue);
  g_assert_true (mp_queue_is_empty (MP_QUEUE (queue)));
}

/* Of what is put here the first two are in the hand of one that is killed. */
static void
kill_holder (MpJoinableQueue *queue)
{
  g_autoptr (MpQueue) answers = mp_queue_new (0);
  MpProcess *holder = start ("hold", queue, answers);
  g_autofree guint8 *bytes = g_malloc (LONG);
  g_autoptr (GVariant) ready = NULL;
  g_autoptr (GError) error = NULL;

  memset (bytes, 7, LONG);
  put_int (queue, 41);
  mp_queue_put_data (MP_QUEUE (queue), bytes, LONG, "json", 0, NULL, &error);
  g_assert_no_error (error);
  ready = mp_queue_get (answers, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  assert_not_done (queue);
  kill (mp_process_get_pid (holder), SIGKILL);
  join_process (holder);
}

static void
assert_long (MpMessage *message)
{
  gsize length;
  const guint8 *bytes = mp_message_get_payload (message, &length);

  g_assert_cmpstr (mp_message_get_codec (message), ==, "json");
  g_assert_cmpuint (length, ==, LONG);
  for (gsize i = 0; i < length; i++)
    g_assert_cmpuint (bytes[i], ==, 7);
}

static void
test_lost (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (MpMessage) first = NULL, second = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;

  kill_holder (queue);
  assert_done (queue);
  first = mp_joinable_queue_take_lost (queue, &error);
  g_assert_no_error (error);
  value = mp_message_get_value (first, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int32 (value), ==, 41);
  second = mp_joinable_queue_take_lost (queue, &error);
  g_assert_no_error (error);
  assert_long (second);
  g_assert_null (mp_joinable_queue_take_lost (queue, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_EMPTY);
}

/* A process may be known to its parent as dead before other threads have noticed it. */
static void
wait_until_noticed (MpJoinableQueue *queue)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) (MP_TEST_DEADLINE * G_USEC_PER_SEC);
  guint32 me;
  MpRing *ring = mp_queue_enter (mp_queue_get_private (MP_QUEUE (queue)), &me, NULL);

  while (!mp_ring_has_orphans (ring))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_thread_yield ();
    }
}

static void
test_redelivery (void)
{
  g_autoptr (MpJoinableQueue) queue = g_object_new (MP_TYPE_JOINABLE_QUEUE, "redelivery", TRUE, NULL);
  g_autoptr (MpMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_joinable_queue_get_redelivery (queue));
  kill_holder (queue);
  wait_until_noticed (queue);
  put_int (queue, 42);
  assert_not_done (queue);
  g_assert_cmpint (get_int (queue), ==, 41);
  message = mp_queue_get_message (MP_QUEUE (queue), MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  assert_long (message);
  g_assert_cmpint (get_int (queue), ==, 42);
  for (guint i = 0; i < 3; i++)
    done (queue);
  assert_done (queue);
}

/* Who waits in a main loop hears of a death as well. */
static void
test_redelivery_async (void)
{
  g_autoptr (MpJoinableQueue) queue = g_object_new (MP_TYPE_JOINABLE_QUEUE, "redelivery", TRUE, NULL);
  g_autoptr (MpQueue) answers = mp_queue_new (0);
  MpProcess *holder = start ("hold", queue, answers);
  g_autoptr (GAsyncResult) got = NULL;
  g_autoptr (GVariant) ready = NULL, value = NULL;
  g_autoptr (GError) error = NULL;

  put_int (queue, 41);
  mp_queue_put_data (MP_QUEUE (queue), (const guint8 *) "{}", 2, "json", 0, NULL, &error);
  ready = mp_queue_get (answers, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  mp_queue_get_async (MP_QUEUE (queue), -1, NULL, mp_test_keep_result, &got);
  kill (mp_process_get_pid (holder), SIGKILL);
  mp_test_await_result (&got);
  value = mp_queue_get_finish (MP_QUEUE (queue), got, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int32 (value), ==, 41);
  join_process (holder);
}

/* --- What is let go of ---------------------------------------------------- */

/* Got by another object of this process. */
static MpJoinableQueue *
take_two (MpJoinableQueue *queue)
{
  g_autoptr (GError) error = NULL;
  MpJoinableQueue *other = mp_test_pass_on (queue, &error);

  g_assert_no_error (error);
  put_int (queue, 41);
  put_int (queue, 42);
  g_assert_cmpint (get_int (other), ==, 41);
  g_assert_cmpint (get_int (other), ==, 42);
  return other;
}

static void
expect_lost (MpJoinableQueue *queue,
             int              number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) item = mp_joinable_queue_take_lost (queue, &error);
  g_autoptr (GVariant) value = NULL;

  g_assert_no_error (error);
  value = mp_message_get_value (item, NULL);
  g_assert_cmpint (g_variant_get_int32 (value), ==, number);
}

static void
test_dropped (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  MpJoinableQueue *other = take_two (queue);
  g_autoptr (GAsyncResult) joined = NULL;
  g_autoptr (GError) error = NULL;

  done (other);
  mp_queue_close (MP_QUEUE (other));
  g_assert_null (mp_joinable_queue_take_lost (queue, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_EMPTY);
  assert_not_done (queue);
  mp_joinable_queue_join_async (queue, -1, NULL, mp_test_keep_result, &joined);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (joined);

  g_object_unref (other);
  mp_test_await_result (&joined);
  assert_done (queue);
  expect_lost (queue, 42);
}

static gpointer
get_two (gpointer queue)
{
  int first = get_int (queue);

  return GINT_TO_POINTER (100 * first + get_int (queue));
}

static void
test_dropped_redelivery (void)
{
  g_autoptr (MpJoinableQueue) queue = g_object_new (MP_TYPE_JOINABLE_QUEUE, "redelivery", TRUE, NULL);
  g_autoptr (GAsyncResult) got = NULL;
  g_autoptr (GVariant) value = NULL;
  MpJoinableQueue *other;
  GThread *thread;

  for (guint i = 0; i < 50; i++)
    {
      other = take_two (queue);
      thread = g_thread_new (NULL, get_two, queue);
      for (guint j = 0; j < i * 100; j++)   /* it waits already, or not yet */
        g_thread_yield ();
      g_object_unref (other);
      g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, 4142);
      assert_not_done (queue);
      done (queue);
      done (queue);
      assert_done (queue);
    }

  other = take_two (queue);
  mp_queue_get_async (MP_QUEUE (queue), -1, NULL, mp_test_keep_result, &got);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (got);
  g_object_unref (other);
  mp_test_await_result (&got);
  value = mp_queue_get_finish (MP_QUEUE (queue), got, NULL);
  g_assert_cmpint (g_variant_get_int32 (value), ==, 41);
}

static void
on_item_lost (MpJoinableQueue *queue,
              MpMessage       *item,
              gpointer         items)
{
  g_ptr_array_add (items, g_object_ref (item));
}

static void
test_item_lost (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;

  g_signal_connect (queue, "item-lost", G_CALLBACK (on_item_lost), items);
  mp_queue_set_live (MP_QUEUE (queue), TRUE);
  kill_holder (queue);
  while (items->len < 2)
    g_main_context_iteration (NULL, TRUE);
  value = mp_message_get_value (items->pdata[0], &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int32 (value), ==, 41);
  assert_long (items->pdata[1]);
  assert_done (queue);
  g_assert_null (mp_joinable_queue_take_lost (queue, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_EMPTY);
  g_clear_error (&error);

  /* What was lost before somebody listens, or is dropped by another object. */
  mp_queue_set_live (MP_QUEUE (queue), FALSE);
  g_object_unref (take_two (queue));
  g_assert_cmpuint (items->len, ==, 2);
  mp_queue_set_live (MP_QUEUE (queue), TRUE);
  while (items->len < 4)
    g_main_context_iteration (NULL, TRUE);
  g_object_unref (take_two (queue));
  while (items->len < 6)
    g_main_context_iteration (NULL, TRUE);
  mp_queue_set_live (MP_QUEUE (queue), FALSE);
}

typedef struct
{
  guint n_turns;
  guint n_items;
  guint first;     /* turn in which one came */
  guint last;
} Turns;

/* More than the library does in one turn. */
static void
work_on_lost (MpJoinableQueue *queue,
              MpMessage       *item,
              gpointer         data)
{
  Turns *self = data;
  gint64 end = g_get_monotonic_time () + 2 * G_TIME_SPAN_MILLISECOND;

  while (g_get_monotonic_time () < end)
    ;
  if (self->n_items++ == 0)
    self->first = self->n_turns;
  self->last = self->n_turns;
}

/* However much is lost, a main loop has turns meanwhile. */
static void
test_item_lost_in_turns (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  Turns turns = { 0 };

  g_signal_connect (queue, "item-lost", G_CALLBACK (work_on_lost), &turns);
  for (guint i = 0; i < 5; i++)
    g_object_unref (take_two (queue));
  mp_queue_set_live (MP_QUEUE (queue), TRUE);
  for (; turns.n_items < 10; turns.n_turns++)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (turns.last - turns.first, >=, 9);
  mp_queue_set_live (MP_QUEUE (queue), FALSE);
}

/* By another object that is dropped. */
static void
lose_long (MpJoinableQueue *queue,
           gsize            length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpJoinableQueue) other = mp_test_pass_on (queue, &error);
  g_autofree guint8 *bytes = g_malloc0 (length);
  g_autoptr (GBytes) got = NULL;

  g_assert_true (mp_queue_put_data (MP_QUEUE (queue), bytes, length, NULL, 0, NULL, &error));
  got = mp_queue_get_bytes (MP_QUEUE (other), 0, 0, NULL, &error);
  g_assert_no_error (error);
}

/* It takes a millisecond at least to read them. */
#define VERY_LONG (64 * 1024 * 1024 + 5)

/* A long one is read in parts, and lost until it is there: who asks gets it, and nobody has to wait for the loop. */
static void
test_item_lost_in_parts (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (MpMessage) taken = NULL;
  g_autoptr (GError) error = NULL;
  guint n_turns = 0;
  gsize length;

  g_signal_connect (queue, "item-lost", G_CALLBACK (on_item_lost), items);
  lose_long (queue, VERY_LONG);
  mp_queue_set_live (MP_QUEUE (queue), TRUE);
  for (; items->len == 0; n_turns++)
    {
      assert_done (queue);
      g_main_context_iteration (NULL, TRUE);
    }
  g_assert_cmpuint (n_turns, >, 2);
  mp_message_get_payload (items->pdata[0], &length);
  g_assert_cmpuint (length, ==, VERY_LONG);
  assert_done (queue);

  lose_long (queue, VERY_LONG);
  g_main_context_iteration (NULL, TRUE);
  taken = mp_joinable_queue_take_lost (queue, &error);
  g_assert_no_error (error);
  lose_long (queue, LONG);
  while (items->len == 1)
    g_main_context_iteration (NULL, TRUE);
  mp_message_get_payload (items->pdata[1], &length);
  g_assert_cmpuint (length, ==, LONG);
  mp_queue_set_live (MP_QUEUE (queue), FALSE);
}

/* What somebody has written of it cannot be: that is told once, and the loop goes on. */
static void
test_item_lost_rubbish (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);
  guint32 me = 0;
  MpRing *ring = mp_queue_enter (mp_queue_get_private (MP_QUEUE (queue)), &me, NULL);

  lose_long (queue, LONG);
  for (guint i = 0; i < MP_RING_N_EXTENTS; i++)
    atomic_store (&ring->memory.extents[i].length, G_MAXUINT32);
  g_signal_connect (queue, "item-lost", G_CALLBACK (on_item_lost), items);
  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*lost item*");
  mp_queue_set_live (MP_QUEUE (queue), TRUE);
  for (guint i = 0; i < 20; i++)
    g_main_context_iteration (NULL, FALSE);
  g_test_assert_expected_messages ();
  g_assert_cmpuint (items->len, ==, 0);
  mp_queue_set_live (MP_QUEUE (queue), FALSE);
}

/* What cannot be read is told of, and gone: what is behind it need not wait for anything. */
static void
test_item_lost_unreadable (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GError) error = NULL;
  int fd;

  lose_long (queue, LONG);
  lose_long (queue, LONG);
  g_signal_connect (queue, "item-lost", G_CALLBACK (on_item_lost), items);
  fd = swap_file (MP_QUEUE (queue), -1);
  for (guint i = 0; i < 2; i++)
    g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*lost item*left out*");
  mp_queue_set_live (MP_QUEUE (queue), TRUE);
  mp_test_turn_loop ();
  g_test_assert_expected_messages ();
  close (swap_file (MP_QUEUE (queue), fd));
  g_assert_cmpuint (items->len, ==, 0);
  mp_test_expect_error (mp_joinable_queue_take_lost (queue, &error) == NULL, &error, MP_ERROR, MP_ERROR_EMPTY);
  mp_queue_set_live (MP_QUEUE (queue), FALSE);
}

/* --- Lost, beside somebody who is stopped --------------------------------- */

/* It lives on, so that no death tells of anything. */
static void
stop_and_live_on (gpointer queue)
{
  mp_test_stop_while_getting (queue);
  while (pause () != 0)
    ;
}

static gboolean
is_one (gpointer items)
{
  return ((GPtrArray *) items)->len == 1;
}

static gboolean
are_two (gpointer items)
{
  return ((GPtrArray *) items)->len == 2;
}

/* No loop waits for who is stopped, beyond a moment at first.  It is told when he goes on, of which nothing tells. */
static void
test_item_lost_stopped (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);
  MpPatience patience = { 0 };
  pid_t pid;

  g_object_unref (take_two (queue));
  pid = mp_test_fork_stopped (stop_and_live_on, queue);
  g_signal_connect (queue, "item-lost", G_CALLBACK (on_item_lost), items);
  mp_queue_set_live (MP_QUEUE (queue), TRUE);
  mp_test_turn_loop ();
  mp_queue_set_live (MP_QUEUE (queue), FALSE);
  mp_patience_begin (&patience);
  mp_queue_set_live (MP_QUEUE (queue), TRUE);
  mp_test_turn_loop ();
  mp_patience_end (&patience);
  g_assert_cmpint (patience.spent, ==, 0);
  g_assert_cmpuint (items->len, ==, 0);

  kill (pid, SIGCONT);
  mp_test_run_until (are_two, items);
  mp_queue_set_live (MP_QUEUE (queue), FALSE);
  mp_test_kill (pid);
}

/* That is warned of once, and it is looked for the end of it all the same. */
static void
test_item_lost_stopped_for_ever (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);
  gint64 patience = mp_short_lock_get_patience ();
  pid_t pid;

  g_object_unref (take_two (queue));
  pid = mp_test_fork_stopped (stop_and_live_on, queue);
  g_signal_connect (queue, "item-lost", G_CALLBACK (on_item_lost), items);
  mp_short_lock_set_patience (0);
  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*lost*may be stopped*");
  for (guint i = 0; i < 3; i++)
    {
      mp_queue_set_live (MP_QUEUE (queue), TRUE);
      mp_test_turn_loop ();
      mp_queue_set_live (MP_QUEUE (queue), FALSE);
    }
  g_test_assert_expected_messages ();
  mp_queue_set_live (MP_QUEUE (queue), TRUE);
  mp_test_turn_loop ();
  mp_short_lock_set_patience (patience);

  kill (pid, SIGCONT);
  mp_test_run_until (are_two, items);
  mp_queue_set_live (MP_QUEUE (queue), FALSE);
  mp_test_kill (pid);
}

/* Likewise of a long one, of which all has been read by then. */
static void
test_item_lost_stopped_long (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);
  pid_t pid;
  gsize length;

  lose_long (queue, VERY_LONG);
  g_signal_connect (queue, "item-lost", G_CALLBACK (on_item_lost), items);
  mp_queue_set_live (MP_QUEUE (queue), TRUE);
  g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (items->len, ==, 0);
  pid = mp_test_fork_stopped (stop_and_live_on, queue);
  mp_test_turn_loop ();
  g_assert_cmpuint (items->len, ==, 0);

  kill (pid, SIGCONT);
  mp_test_run_until (is_one, items);
  mp_message_get_payload (items->pdata[0], &length);
  g_assert_cmpuint (length, ==, VERY_LONG);
  mp_queue_set_live (MP_QUEUE (queue), FALSE);
  mp_test_kill (pid);
}

/* --- Lost, and no memory for it ------------------------------------------- */

#if !defined (__SANITIZE_ADDRESS__) && !defined (__SANITIZE_THREAD__)   /* which end a process that has none */

/* More than this process has now: enough for all but what is VERY_LONG. */
static void
limit_memory (rlim_t room)
{
  struct rlimit limit;
  g_autofree char *statm = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &statm, NULL, NULL));
  g_assert_cmpint (getrlimit (RLIMIT_AS, &limit), ==, 0);
  limit.rlim_cur = room == RLIM_INFINITY ? limit.rlim_max
                                         : g_ascii_strtoull (statm, NULL, 10) * (rlim_t) getpagesize () + room;
  g_assert_cmpint (setrlimit (RLIMIT_AS, &limit), ==, 0);
}

#define ROOM (VERY_LONG / 2)

static void
take_without_memory (gpointer queue)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) item = NULL;
  gsize length;

  lose_long (queue, VERY_LONG);
  limit_memory (ROOM);
  for (guint i = 0; i < 2; i++)
    mp_test_expect_error (mp_joinable_queue_take_lost (queue, &error) == NULL, &error, MP_ERROR, MP_ERROR_TOO_BIG);

  limit_memory (RLIM_INFINITY);
  item = mp_joinable_queue_take_lost (queue, &error);
  g_assert_no_error (error);
  mp_message_get_payload (item, &length);
  g_assert_cmpuint (length, ==, VERY_LONG);
}

/* It stays lost, and is there for who has memory. */
static void
test_lost_without_memory (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);

  mp_test_join (mp_test_fork (take_without_memory, queue));
}

static gboolean
are_three (gpointer items)
{
  return ((GPtrArray *) items)->len == 3;
}

static void
hear_without_memory (gpointer queue)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);
  gsize length;

  g_signal_connect (queue, "item-lost", G_CALLBACK (on_item_lost), items);
  mp_queue_set_live (queue, TRUE);
  mp_test_turn_loop ();
  lose_long (queue, VERY_LONG);
  g_object_unref (take_two (queue));
  limit_memory (ROOM);
  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*later*no memory*");
  mp_test_run_until (are_two, items);
  g_test_assert_expected_messages ();

  limit_memory (RLIM_INFINITY);
  mp_test_run_until (are_three, items);
  mp_message_get_payload (items->pdata[2], &length);
  g_assert_cmpuint (length, ==, VERY_LONG);
}

/* What is behind it is told of, and it is when there is memory: of which nothing tells. */
static void
test_item_lost_without_memory (void)
{
  g_autoptr (MpJoinableQueue) queue = mp_joinable_queue_new (0);

  mp_test_join (mp_test_fork (hear_without_memory, queue));
}

#endif

static void
warm_up (void)
{
  test_join_async ();
  test_workers ();
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("work", work, NULL, NULL);
  mp_register_target ("hold", hold, NULL, NULL);
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/joinable-queue/join", test_join);
  mp_test_add ("/joinable-queue/too-often", test_too_often);
  mp_test_add ("/joinable-queue/forms", test_forms);
  mp_test_add ("/joinable-queue/rubbish", test_rubbish);
  mp_test_add ("/joinable-queue/rubbish-between", test_rubbish_between);
  mp_test_add ("/joinable-queue/rubbish-long", test_rubbish_long);
  mp_test_add ("/joinable-queue/rubbish-long-beside", test_rubbish_long_beside);
  mp_test_add ("/joinable-queue/rubbish-long-told", test_rubbish_long_told);
  mp_test_add ("/joinable-queue/join-async", test_join_async);
  mp_test_add ("/joinable-queue/workers", test_workers);
  mp_test_add ("/joinable-queue/lost", test_lost);
  mp_test_add ("/joinable-queue/redelivery", test_redelivery);
  mp_test_add ("/joinable-queue/redelivery-async", test_redelivery_async);
  mp_test_add ("/joinable-queue/dropped", test_dropped);
  mp_test_add ("/joinable-queue/dropped-redelivery", test_dropped_redelivery);
  mp_test_add ("/joinable-queue/item-lost", test_item_lost);
  mp_test_add ("/joinable-queue/item-lost-in-turns", test_item_lost_in_turns);
  mp_test_add ("/joinable-queue/item-lost-in-parts", test_item_lost_in_parts);
  mp_test_add ("/joinable-queue/item-lost-rubbish", test_item_lost_rubbish);
  mp_test_add ("/joinable-queue/item-lost-unreadable", test_item_lost_unreadable);
  mp_test_add ("/joinable-queue/item-lost-stopped", test_item_lost_stopped);
  mp_test_add ("/joinable-queue/item-lost-stopped-for-ever", test_item_lost_stopped_for_ever);
  mp_test_add ("/joinable-queue/item-lost-stopped-long", test_item_lost_stopped_long);
#if !defined (__SANITIZE_ADDRESS__) && !defined (__SANITIZE_THREAD__)
  mp_test_add ("/joinable-queue/lost-without-memory", test_lost_without_memory);
  mp_test_add ("/joinable-queue/item-lost-without-memory", test_item_lost_without_memory);
#endif
  return g_test_run ();
}
