/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Shared objects with the tasks and the results of a pool.  This program is its own child. */

#include <unistd.h>

#include "mpglib.h"
#include "mp-test-shared.h"
#include "mp-test-started.h"
#include "mp-test.h"
#include "shared-targets.h"

/* The amount is an argument; the lock and the value are attached. */
static GVariant *
add_amount (MpMessage     *arguments,
            GCancellable  *cancellable,
            gpointer       data,
            GError       **error)
{
  g_autoptr (MpLock) lock = mp_test_get_attachment (arguments, 0);
  g_autoptr (MpValue) value = mp_test_get_attachment (arguments, 1);
  g_autoptr (GVariant) amount = mp_message_get_value (arguments, error);

  if (!mp_lock_acquire (lock, -1, NULL, error))
    return NULL;
  mp_value_set_int64 (value, mp_value_get_int64 (value, NULL) + g_variant_get_int32 (amount), NULL);
  return mp_lock_release (lock, error) ? g_variant_new_boolean (TRUE) : NULL;
}

static void
test_pool (void)
{
  const gint32 amounts[] = { 1, 2, 3, 4 };
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (MpValue) value = mp_value_new ("x", NULL, NULL);
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  g_autoptr (MpPool) pool = mp_pool_new (2, context);
  g_autoptr (MpMessage) one = mp_message_new (g_variant_new_int32 (5));
  g_autoptr (MpMessage) many = mp_message_new (g_variant_new_fixed_array (G_VARIANT_TYPE_INT32, amounts,
                                                                         G_N_ELEMENTS (amounts), sizeof (gint32)));
  g_autoptr (MpPoolResult) added = NULL;
  g_autoptr (MpPoolResult) all_added = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GVariant) results = NULL;
  g_autoptr (GError) error = NULL;

  mp_message_attach (one, MP_SHAREABLE (lock));
  mp_message_attach (one, MP_SHAREABLE (value));
  mp_message_attach (many, MP_SHAREABLE (lock));
  mp_message_attach (many, MP_SHAREABLE (value));

  added = mp_pool_submit_message (pool, "add_amount", one, NULL);
  result = mp_pool_result_get (added, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  all_added = mp_pool_submit_map_message (pool, "add_amount", many, 1, NULL);
  results = mp_pool_result_get (all_added, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_value_get_int64 (value, NULL), ==, 15);

  mp_pool_close (pool);
  g_assert_true (mp_pool_join (pool, MP_TEST_DEADLINE, NULL, &error));
  g_assert_no_error (error);
}

/* A value, the lock that goes along, and a pipe's end in which there is a letter. */
static GVariant *
make_value (MpMessage     *arguments,
            GCancellable  *cancellable,
            gpointer       data,
            GError       **error)
{
  g_autoptr (GVariant) number = mp_message_get_value (arguments, error);
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (MpValue) value = mp_value_new ("i", number, MP_LOCKABLE (lock));
  int ends[2], first, second;

  g_assert_cmpint (pipe (ends), ==, 0);
  g_assert_cmpint (write (ends[1], "a", 1), ==, 1);
  first = mp_result_attach (MP_SHAREABLE (value), error);
  second = mp_result_attach_fd (ends[0], error);
  close (ends[0]);
  close (ends[1]);
  return g_variant_new ("(hh)", first, second);
}

static void
check_made (MpPoolResult *result,
            guint         item)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) message = mp_pool_result_get_item_message (result, item, &error);
  g_autoptr (MpValue) value = NULL;
  char letter = 0;
  int end;

  g_assert_no_error (error);
  g_assert_cmpuint (mp_message_get_n_attachments (message), ==, 2);
  value = mp_test_get_attachment (message, 0);
  g_assert_cmpint (mp_value_get_int64 (value, &error), ==, item);
  g_assert_true (mp_lockable_try_enter (mp_value_get_lock (value)));
  g_assert_true (mp_lockable_leave (mp_value_get_lock (value), &error));
  end = mp_message_get_attached_fd (message, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (read (end, &letter, 1), ==, 1);
  g_assert_cmpint (letter, ==, 'a');
  close (end);
}

static void
check_all_made (MpMessage *all,
                guint      n)
{
  g_autofree char *text = NULL;
  g_autoptr (GVariant) values = NULL;
  g_autoptr (GError) error = NULL;

  values = mp_message_get_value (all, &error);
  g_assert_no_error (error);
  text = g_variant_print (values, FALSE);
  g_assert_true (g_str_has_prefix (text, "[<(handle 0, handle 1)>, <(handle 2, handle 3)>,"));
  g_assert_cmpuint (mp_message_get_n_attachments (all), ==, 2 * n);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (MpValue) value = mp_test_get_attachment (all, 2 * i);
      int end = mp_message_get_attached_fd (all, 2 * i + 1, &error);

      g_assert_no_error (error);
      g_assert_cmpint (mp_value_get_int64 (value, &error), ==, i);
      g_assert_null (mp_message_get_attachment (all, 2 * i + 1, NULL));
      close (end);
    }
}

/* The message of a map's results is a message like others. */
static void
check_sent_on (MpMessage *all,
               guint      n)
{
  g_autoptr (MpConnection) ours = NULL;
  g_autoptr (MpConnection) theirs = NULL;
  g_autoptr (MpMessage) received = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_connection_new_pair (TRUE, &ours, &theirs, &error));
  g_assert_true (mp_connection_send_message (ours, all, MP_TEST_DEADLINE, NULL, &error));
  received = mp_connection_receive_message (theirs, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  check_all_made (received, n);
}

/* Taken only when the workers that made them have ended. */
static void
test_results (void)
{
  enum { N = 4 };
  const gint32 numbers[N] = { 0, 1, 2, 3 };
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  g_autoptr (MpPool) pool = g_object_new (MP_TYPE_POOL, "n-workers", 2, "context", context,
                                          "max-tasks-per-worker", 1, NULL);
  g_autoptr (MpPoolResult) results = NULL;
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (MpMessage) all = NULL;
  g_autoptr (GError) error = NULL;

  results = mp_pool_submit_map (pool, "make_value",
                                g_variant_new_fixed_array (G_VARIANT_TYPE_INT32, numbers, N, sizeof (gint32)), 1, NULL);
  mp_pool_close (pool);
  g_assert_true (mp_pool_join (pool, MP_TEST_DEADLINE, NULL, &error));
  g_assert_no_error (error);
  all = mp_pool_result_get_message (results, &error);
  g_assert_no_error (error);
  check_all_made (all, N);
  check_sent_on (all, N);
  for (guint i = 0; i < N; i++)
    check_made (results, i);

  g_assert_cmpint (mp_result_attach (MP_SHAREABLE (lock), &error), ==, -1);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_INVALID_STATE);
  mp_test_expect_error (mp_result_attach_fd (0, &error) == -1, &error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("add_amount", add_amount, NULL, NULL);
  mp_register_target ("make_value", make_value, NULL, NULL);
  shared_targets_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (count_with_children);
  mp_test_add ("/shared/pool", test_pool);
  mp_test_add ("/shared/results", test_results);
  return g_test_run ();
}
