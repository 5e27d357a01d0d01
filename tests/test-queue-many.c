/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Many items with one call: it ends however fast others put, and leaves other sources of a main loop their turns. */

#include "mpglib.h"

#include "mp-queue-private.h"
#include "mp-test-queue.h"
#include "mp-test.h"

#define FOREVER -1.0

#define N_TURNS 10
#define N_MANY  (N_TURNS * MP_QUEUE_ITEMS_A_TURN)

/* --- Beside one who puts on ------------------------------------------------ */

/* Whoever puts is faster than who gets, with so much room; a call that goes on gets all that are put. */
#define N_ROOM     20000
#define N_PUT_MOST 400000

typedef struct
{
  MpQueue *queue;
  int      n_put;      /* atomic */
  int      has_ended;  /* atomic: the get */
} Producer;

static gpointer
put_on (gpointer data)
{
  Producer *self = data;
  guint8 bytes[64 * 8] = { 0 };
  gsize lengths[64];

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    lengths[i] = 8;
  while (!g_atomic_int_get (&self->has_ended) && g_atomic_int_get (&self->n_put) < N_PUT_MOST)
    {
      guint n = mp_queue_put_many_data (self->queue, bytes, sizeof bytes, lengths, 64, NULL, 0.1, NULL, NULL);

      g_atomic_int_add (&self->n_put, (int) n);
    }

  return NULL;
}

static gsize
get_values (Producer *producer)
{
  g_autoptr (GVariant) values = mp_queue_get_many (producer->queue, G_MAXUINT, FOREVER, NULL, NULL);

  return values != NULL ? g_variant_n_children (values) : 0;
}

static gsize
get_values_in_loop (Producer *producer)
{
  GAsyncResult *result = NULL;
  g_autoptr (GVariant) values = NULL;

  mp_queue_get_many_async (producer->queue, G_MAXUINT, FOREVER, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  values = mp_queue_get_many_finish (producer->queue, result, NULL);
  g_object_unref (result);
  return values != NULL ? g_variant_n_children (values) : 0;
}

static void
test_ends (gconstpointer data)
{
  gsize (*get) (Producer *) = data;
  g_autoptr (MpQueue) queue = mp_queue_new (N_ROOM);
  Producer producer = { queue, 0, FALSE };
  GThread *thread = g_thread_new ("producer", put_on, &producer);
  gsize n = get (&producer);
  int n_put = g_atomic_int_get (&producer.n_put);

  g_atomic_int_set (&producer.has_ended, TRUE);
  g_thread_join (thread);
  g_assert_cmpuint (n, >, 0);
  g_assert_cmpint (n_put, <=, 3 * N_ROOM);
}

/* --- In turns of the loop -------------------------------------------------- */

static GVariant *
new_numbers (void)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("ai"));
  for (int i = 0; i < N_MANY; i++)
    g_variant_builder_add (&builder, "i", i);
  return g_variant_builder_end (&builder);
}

static void
expect_numbers (MpQueue       *queue,
                GAsyncResult **result)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) values = mp_queue_get_many_finish (queue, *result, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_n_children (values), ==, N_MANY);
  for (int i = 0; i < N_MANY; i++)
    {
      g_autoptr (GVariant) boxed = g_variant_get_child_value (values, i);
      g_autoptr (GVariant) value = g_variant_get_variant (boxed);

      g_assert_cmpint (g_variant_get_int32 (value), ==, i);
    }
  g_clear_object (result);
}

/* In a turn it may look twice, when its time is over.  What is behind it stays there, whatever time there is. */
static void
test_turns (gconstpointer data)
{
  gdouble timeout = GPOINTER_TO_INT (data);
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  GAsyncResult *results[2] = { NULL };

  mp_queue_put_many_async (queue, new_numbers (), timeout, NULL, mp_test_keep_result, &results[0]);
  mp_queue_put_async (queue, g_variant_new_int32 (-1), timeout, NULL, mp_test_keep_result, &results[1]);
  g_assert_cmpuint (mp_test_count_turns (&results[0]), >=, N_TURNS / 2);
  mp_test_count_turns (&results[1]);
  g_assert_cmpuint (mp_queue_put_many_finish (queue, results[0], NULL), ==, N_MANY);
  g_assert_true (mp_queue_put_finish (queue, results[1], NULL));
  mp_test_clear_results (results, 2);

  mp_queue_get_many_async (queue, N_MANY, timeout, NULL, mp_test_keep_result, &results[0]);
  mp_queue_get_async (queue, timeout, NULL, mp_test_keep_result, &results[1]);
  g_assert_cmpuint (mp_test_count_turns (&results[0]), >=, N_TURNS / 2);
  mp_test_count_turns (&results[1]);
  expect_numbers (queue, &results[0]);
  g_assert_cmpint (mp_test_finish_int (queue, results[1]), ==, -1);
  g_object_unref (results[1]);
}

typedef enum
{
  BY_CANCELLING,
  BY_CLOSING,
} EndOfWait;

/* It has begun, and so is not for the wait to end. */
static void
test_ended (gconstpointer data)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;

  g_assert_cmpuint (mp_queue_put_many (queue, new_numbers (), 0, NULL, NULL), ==, N_MANY);
  mp_queue_get_many_async (queue, N_MANY, FOREVER, cancellable, mp_test_keep_result, &result);
  while (mp_queue_get_length (queue) == N_MANY)
    g_main_context_iteration (NULL, TRUE);
  g_assert_null (result);
  if (GPOINTER_TO_INT (data) == BY_CANCELLING)
    g_cancellable_cancel (cancellable);
  else
    mp_queue_close (queue);
  mp_test_count_turns (&result);
  expect_numbers (queue, &result);
}

/* Bytes into memory that is there. */
static void
test_into (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autofree guint8 *bytes = g_malloc0 (N_MANY), *got = g_malloc0 (N_MANY);
  g_autofree gsize *lengths = g_new (gsize, N_MANY);
  GAsyncResult *result = NULL;

  for (guint i = 0; i < N_MANY; i++)
    {
      bytes[i] = (guint8) (i * 31 + (i >> 8));
      lengths[i] = 1;
    }
  g_assert_cmpuint (mp_queue_put_many_data (queue, bytes, N_MANY, lengths, N_MANY, NULL, 0, NULL, NULL), ==, N_MANY);
  mp_queue_get_many_into_async (queue, got, N_MANY, lengths, N_MANY, 0, NULL, mp_test_keep_result, &result);
  g_assert_cmpuint (mp_test_count_turns (&result), >=, N_TURNS / 2);
  g_assert_cmpuint (mp_queue_get_many_into_finish (queue, result, NULL), ==, N_MANY);
  g_assert_cmpmem (got, N_MANY, bytes, N_MANY);
  g_object_unref (result);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);

  mp_test_add_data ("/queue/many/ends", get_values, test_ends);
  mp_test_add_data ("/queue/many/ends-in-loop", get_values_in_loop, test_ends);
  mp_test_add_data ("/queue/many/turns", GINT_TO_POINTER (-1), test_turns);
  mp_test_add_data ("/queue/many/turns-no-time", GINT_TO_POINTER (0), test_turns);
  mp_test_add_data ("/queue/many/cancelled", GINT_TO_POINTER (BY_CANCELLING), test_ended);
  mp_test_add_data ("/queue/many/closed", GINT_TO_POINTER (BY_CLOSING), test_ended);
  mp_test_add ("/queue/many/into", test_into);
  return g_test_run ();
}
