/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "mp-test-wait-many.h"

/* Fails with whatever went wrong, or tells how many are ready, the first of them being `first`. */
guint
mp_test_wait_for_many (GObject  **objects,
                       guint      n_objects,
                       gdouble    timeout,
                       gpointer   first,
                       GError   **error)
{
  guint n_ready = 7;
  g_autofree GObject **ready = mp_wait_many (objects, n_objects, timeout, &n_ready, NULL, error);

  g_assert_cmpuint (n_ready == 0, ==, ready == NULL);
  if (ready != NULL)
    g_assert_true (ready[0] == first);
  return n_ready;
}

void
mp_test_assert_wait_fails (GObject **objects,
                           guint     n_objects,
                           gdouble   timeout,
                           GQuark    domain,
                           int       code)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (mp_test_wait_for_many (objects, n_objects, timeout, NULL, &error), ==, 0);
  g_assert_error (error, domain, code);
}

static gpointer
wait_in_thread (gpointer data)
{
  MpTestMany *many = data;
  GError *error = NULL;
  guint n_ready;

  many->thread = pthread_self ();
  mp_thread_set_interruptible (many->is_interruptible);
  g_atomic_int_set (&many->waiter.has_begun, TRUE);
  g_free (mp_wait_many (many->objects, 2, MP_TEST_DEADLINE, &n_ready, many->cancellable, &error));
  return error;
}

/* Returns when so many threads are asleep in waits. */
GThread *
mp_test_start_many (MpTestMany *many,
                    guint       n_asleep)
{
  GThread *thread = g_thread_new ("waiter", wait_in_thread, many);

  mp_test_wait_until_asleep (&many->waiter, n_asleep);
  return thread;
}

GObject **
mp_test_finish_wait (GAsyncResult **result,
                     guint         *n_ready,
                     GError       **error)
{
  GObject **ready;

  mp_test_await_result (result);
  ready = mp_wait_many_finish (*result, n_ready, error);
  g_clear_object (result);
  return ready;
}
