/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <limits.h>
#include <math.h>

#include <mpglib.h>

#include "mp-clock-private.h"

static void
test_never (void)
{
  const gdouble timeouts[] = { -1, -0.001, -INFINITY, INFINITY, G_MAXDOUBLE, 1e13 };

  g_test_summary ("A negative timeout and one beyond the end of the clock wait for ever.");

  for (gsize i = 0; i < G_N_ELEMENTS (timeouts); i++)
    g_assert_cmpint (mp_deadline_from_timeout (timeouts[i]), ==, MP_DEADLINE_NEVER);

  g_assert_false (mp_deadline_has_passed (MP_DEADLINE_NEVER));
  g_assert_cmpint (mp_deadline_get_remaining (MP_DEADLINE_NEVER), ==, -1);
  g_assert_cmpint (mp_deadline_to_poll_timeout (MP_DEADLINE_NEVER), ==, -1);
  g_assert_cmpfloat (mp_deadline_to_timeout (MP_DEADLINE_NEVER), ==, -1);
}

static void
test_now (void)
{
  struct timespec remaining;

  g_test_summary ("A timeout of nothing has passed when it begins.");

  g_assert_cmpint (mp_deadline_from_timeout (0), ==, MP_DEADLINE_NOW);
  g_assert_cmpint (mp_deadline_from_timeout (-0.0), ==, MP_DEADLINE_NOW);
  g_assert_true (mp_deadline_has_passed (MP_DEADLINE_NOW));
  g_assert_cmpint (mp_deadline_to_poll_timeout (MP_DEADLINE_NOW), ==, 0);
  g_assert_cmpfloat (mp_deadline_to_timeout (MP_DEADLINE_NOW), ==, 0);

  remaining = mp_deadline_to_timespec_remaining (MP_DEADLINE_NOW);
  g_assert_cmpint (remaining.tv_sec, ==, 0);
  g_assert_cmpint (remaining.tv_nsec, ==, 0);
}

static void
test_some_time (void)
{
  gint64 before = g_get_monotonic_time ();
  gint64 deadline = mp_deadline_from_timeout (100.25);
  gint64 after = g_get_monotonic_time ();
  struct timespec timespec;

  g_test_summary ("A deadline is the clock's time plus the timeout, in each of its forms.");

  g_assert_cmpint (deadline, >=, before + 100250000);
  g_assert_cmpint (deadline, <=, after + 100250000);
  g_assert_false (mp_deadline_has_passed (deadline));

  g_assert_cmpint (mp_deadline_get_remaining (deadline), <=, 100250000);
  g_assert_cmpint (mp_deadline_get_remaining (deadline), >, 0);
  g_assert_cmpfloat (mp_deadline_to_timeout (deadline), <=, 100.25);
  g_assert_cmpfloat (mp_deadline_to_timeout (deadline), >, 0);
  g_assert_cmpint (mp_deadline_to_poll_timeout (deadline), <=, 100250);
  g_assert_cmpint (mp_deadline_to_poll_timeout (deadline), >, 0);

  timespec = mp_deadline_to_timespec (deadline);
  g_assert_cmpint ((gint64) timespec.tv_sec * G_USEC_PER_SEC + timespec.tv_nsec / 1000, ==, deadline);
  g_assert_cmpint (timespec.tv_nsec, <, 1000000000);
}

static void
test_rounding (void)
{
  gint64 before;

  g_test_summary ("Nothing is rounded to less than was asked.");

  /* A tenth of a microsecond is still a wait.  Many times, since the clock often
   * moves on by itself between its two readings.
   */
  for (int i = 0; i < 10000; i++)
    {
      before = g_get_monotonic_time ();
      g_assert_cmpint (mp_deadline_from_timeout (1e-7), >, before);
    }

  /* A millisecond that has begun is slept; the deadline is far enough off that
   * a slow machine cannot pass it.
   */
  before = g_get_monotonic_time ();
  for (int i = 1; i < 1000; i++)
    {
      gint64 deadline = before + G_TIME_SPAN_HOUR + i;
      int milliseconds = mp_deadline_to_poll_timeout (deadline);

      g_assert_cmpint (milliseconds * G_GINT64_CONSTANT (1000), >=, mp_deadline_get_remaining (deadline));
    }

  g_assert_cmpint (mp_deadline_to_poll_timeout (before + G_TIME_SPAN_DAY * 1000), ==, INT_MAX);
}

static void
test_passed (void)
{
  gint64 deadline = g_get_monotonic_time () - 1;

  g_test_summary ("What is left never goes below zero, which would be for ever.");

  g_assert_true (mp_deadline_has_passed (deadline));
  g_assert_cmpint (mp_deadline_get_remaining (deadline), ==, 0);
  g_assert_cmpint (mp_deadline_to_poll_timeout (deadline), ==, 0);
  g_assert_cmpfloat (mp_deadline_to_timeout (deadline), ==, 0);
}

static void
test_not_a_number (void)
{
  g_test_summary ("Not a number is a mistake of the program.");

  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_CRITICAL, "*!isnan (timeout)*");
  g_assert_cmpint (mp_deadline_from_timeout (NAN), ==, MP_DEADLINE_NOW);
  g_test_assert_expected_messages ();
}

/* What is over while it is looked at is over, and not what never comes. */
static void
test_just_over (void)
{
  for (guint i = 0; i < 100000; i++)
    {
      gint64 deadline = g_get_monotonic_time () + 1, remaining;

      while ((remaining = mp_deadline_get_remaining (deadline)) != 0)
        g_assert_cmpint (remaining, >, 0);
    }
}

static gboolean
count (gpointer data)
{
  *(guint *) data += 1;
  return G_SOURCE_CONTINUE;
}

static void
test_source (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  guint n_calls = 0;
  g_autoptr (GSource) clock = mp_clock_source_new ("clock", count, &n_calls);

  g_test_summary ("A source goes off at its time, once each turn, and not without one.");

  g_source_attach (clock, context);
  g_assert_cmpint (g_source_get_ready_time (clock), ==, MP_DEADLINE_NEVER);
  g_assert_false (g_main_context_iteration (context, FALSE));
  g_source_set_ready_time (clock, mp_deadline_from_timeout (3600));
  g_assert_false (g_main_context_iteration (context, FALSE));
  g_assert_cmpuint (n_calls, ==, 0);

  g_source_set_ready_time (clock, MP_DEADLINE_NOW);
  g_assert_true (g_main_context_iteration (context, FALSE));
  g_assert_true (g_main_context_iteration (context, FALSE));
  g_assert_cmpuint (n_calls, ==, 2);
  g_source_set_ready_time (clock, MP_DEADLINE_NEVER);
  g_assert_false (g_main_context_iteration (context, FALSE));
  g_source_destroy (clock);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/clock/never", test_never);
  g_test_add_func ("/clock/now", test_now);
  g_test_add_func ("/clock/some-time", test_some_time);
  g_test_add_func ("/clock/rounding", test_rounding);
  g_test_add_func ("/clock/passed", test_passed);
  g_test_add_func ("/clock/not-a-number", test_not_a_number);
  g_test_add_func ("/clock/just-over", test_just_over);
  g_test_add_func ("/clock/source", test_source);
  return g_test_run ();
}
