/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Pools: results that are taken one by one, and items that are pushed so. */

#include <unistd.h>

#include "mp-test.h"
#include "pool-targets.h"

#define DEADLINE MP_TEST_DEADLINE

static void
test_imap (void)
{
  MpPool *pool = pool_new (2);
  MpResultIterator *iterator = mp_pool_imap (pool, "square", numbers_new (1000), 3, TRUE, NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("An ordered iteration gives the results in the order of the items, then the end.");

  for (gint64 i = 0; i < 1000; i++)
    {
      g_assert_cmpint (take_int64 (mp_result_iterator_next (iterator, DEADLINE, NULL, &error)), ==, i * i);
      g_assert_no_error (error);
      g_assert_false (mp_result_iterator_is_exhausted (iterator));
    }
  assert_exhausted (iterator);
  assert_exhausted (iterator);
  g_assert_finalize_object (iterator);
  pool_finish (pool);
}

static void
test_imap_unordered (void)
{
  MpPool *pool = pool_new (3);
  g_autoptr (MpResultIterator) iterator = mp_pool_imap (pool, "echo", numbers_new (1000), 0, FALSE, NULL);
  g_autofree guint *n_times = g_new0 (guint, 1000);
  g_autoptr (GError) error = NULL;

  g_test_summary ("An unordered iteration gives each result once.");

  for (guint i = 0; i < 1000; i++)
    n_times[take_int64 (mp_result_iterator_next (iterator, DEADLINE, NULL, &error))]++;
  g_assert_no_error (error);
  for (guint i = 0; i < 1000; i++)
    g_assert_cmpuint (n_times[i], ==, 1);
  assert_exhausted (iterator);
  pool_finish (pool);
}

static void
test_imap_failures (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (MpResultIterator) iterator = mp_pool_imap (pool, "halve", numbers_new (100), 0, TRUE, NULL);

  g_test_summary ("A failed item is an error in its place, and the iteration goes on.");

  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = mp_result_iterator_next (iterator, DEADLINE, NULL, &error);
      g_autoptr (GVariant) report = mp_result_iterator_get_report (iterator);

      if (i % 2 == 0)
        {
          g_assert_no_error (error);
          g_assert_cmpint (g_variant_get_int64 (value), ==, i / 2);
          g_assert_null (report);
        }
      else
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
          g_assert_nonnull (report);
        }
    }
  assert_exhausted (iterator);
  pool_finish (pool);
}

static void
test_imap_pushed (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (MpResultIterator) iterator = mp_pool_imap (pool, "square", NULL, 0, TRUE, NULL);
  g_autoptr (MpMessage) bytes = mp_message_new_data ((const guint8 *) "x", 1, "json");
  g_autoptr (GError) error = NULL;

  g_test_summary ("Items may be pushed while results are taken, as many as one likes.");

  g_assert_null (mp_result_iterator_next (iterator, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  for (gint64 i = 0; i < 3000; i++)
    {
      gint64 first = i - 8; /* so many are under way */

      g_assert_true (mp_result_iterator_push_item (iterator, g_variant_new_int64 (i), &error));
      if (first >= 0)
        g_assert_cmpint (take_int64 (mp_result_iterator_next (iterator, DEADLINE, NULL, &error)), ==, first * first);
      g_assert_no_error (error);
    }

  g_assert_false (mp_result_iterator_push_message (iterator, bytes, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC);
  g_clear_error (&error);
  mp_result_iterator_finish_items (iterator);
  g_assert_false (mp_result_iterator_push_item (iterator, g_variant_new_int64 (1), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);

  for (gint64 i = 2992; i < 3000; i++)
    g_assert_cmpint (take_int64 (mp_result_iterator_next (iterator, DEADLINE, NULL, &error)), ==, i * i);
  assert_exhausted (iterator);
  pool_finish (pool);
}

static void
test_imap_pushed_encoded (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (MpResultIterator) iterator = mp_pool_imap (pool, "measure", NULL, 2, FALSE, NULL);
  g_autoptr (MpMessage) bytes = mp_message_new_data ((const guint8 *) "xy", 2, "json");
  g_autoptr (MpMessage) with_fd = mp_message_new_data ((const guint8 *) "xy", 2, "json");
  g_autoptr (GError) error = NULL;

  g_test_summary ("Pushed items may have another codec, but in chunks nothing attached.");

  for (guint i = 0; i < 5; i++)
    g_assert_true (mp_result_iterator_push_message (iterator, bytes, &error));
  mp_message_attach_fd (with_fd, 0, &error);
  g_assert_no_error (error);
  g_assert_false (mp_result_iterator_push_message (iterator, with_fd, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE);
  g_clear_error (&error);
  mp_result_iterator_finish_items (iterator);

  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (GVariant) value = mp_result_iterator_next (iterator, DEADLINE, NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "json 2");
    }
  assert_exhausted (iterator);
  pool_finish (pool);
}

static void
test_imap_pushed_attached (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (MpResultIterator) iterator = mp_pool_imap (pool, "read-byte", NULL, 1, TRUE, NULL);
  g_autoptr (GError) error = NULL;
  const guint n_items = 600;

  g_test_summary ("What is attached to a pushed item goes with it alone.");

  for (guint i = 0; i < n_items; i++)
    {
      g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("()"));
      g_autoptr (GVariant) value = NULL;
      guint8 byte = (guint8) i;
      int ends[2];

      g_assert_cmpint (pipe (ends), ==, 0);
      g_assert_cmpint (write (ends[1], &byte, 1), ==, 1);
      g_assert_cmpint (mp_message_attach_fd (message, ends[0], &error), ==, 0);
      g_assert_no_error (error);
      close (ends[0]);
      close (ends[1]);
      g_assert_true (mp_result_iterator_push_message (iterator, message, &error));
      g_assert_no_error (error);

      /* Some wait in the pool. */
      if (i < 10)
        continue;

      value = mp_result_iterator_next (iterator, DEADLINE, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (g_variant_get_byte (value), ==, (guint8) (i - 10));
    }

  /* They can be given up as well. */
  mp_result_iterator_cancel (iterator);
  g_clear_object (&iterator);
  assert_works (pool);
  pool_finish (pool);
}

static void
test_imap_dropped (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  const char *items[] = { gate->path, gate->path, gate->path };
  MpResultIterator *iterator = mp_pool_imap (pool, "gate", g_variant_new_strv (items, 3), 1, TRUE, NULL);

  g_test_summary ("Dropping an iterator cancels what is left.");

  gate_await (gate);
  g_assert_finalize_object (iterator);
  assert_works (pool);
  gate_free (gate);
  pool_finish (pool);
}

int
main (int   argc,
      char *argv[])
{
  pool_targets_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (pool_warm_up);

  mp_test_add ("/pool/imap", test_imap);
  mp_test_add ("/pool/imap-unordered", test_imap_unordered);
  mp_test_add ("/pool/imap-failures", test_imap_failures);
  mp_test_add ("/pool/imap-pushed", test_imap_pushed);
  mp_test_add ("/pool/imap-pushed-encoded", test_imap_pushed_encoded);
  mp_test_add ("/pool/imap-pushed-attached", test_imap_pushed_attached);
  mp_test_add ("/pool/imap-dropped", test_imap_dropped);
  return g_test_run ();
}
