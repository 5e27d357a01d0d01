/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Values that tell when they are changed.  This program is its own child. */

#include "mpglib.h"
#include "mp-test-shared.h"
#include "mp-test-started.h"
#include "mp-test.h"
#include "shared-targets.h"

static GVariant *
count_nothing (MpMessage     *arguments,
               GCancellable  *cancellable,
               gpointer       data,
               GError       **error)
{
  g_autoptr (MpValue) value = mp_test_get_attachment (arguments, 0);

  mp_value_add_int64 (value, 0, error);
  return NULL;
}

typedef struct
{
  MpValue *value;
  GThread *thread;
  guint    n;
  gint64   last;
} Heard;

static void
on_value (MpValue    *value,
          GParamSpec *pspec,
          Heard      *heard)
{
  g_assert_true (g_thread_self () == heard->thread);
  heard->n++;
  heard->last = mp_value_get_int64 (value, NULL);
}

static gboolean
is_told (gpointer data)
{
  return ((Heard *) data)->last == N_ROUNDS;
}

static gboolean
is_told_five (gpointer data)
{
  return ((Heard *) data)->last == 5;
}

static gboolean
was_heard (gpointer data)
{
  return ((Heard *) data)->n > 0;
}

static void
test_value_live (void)
{
  g_autoptr (MpValue) value = mp_value_new ("u", NULL, NULL);
  Heard heard = { value, g_thread_self (), 0 };
  MpProcess *child;
  guint n;

  g_signal_connect (value, "notify::value", G_CALLBACK (on_value), &heard);
  mp_value_set_live (value, TRUE);
  g_assert_true (mp_value_get_live (value));
  g_assert_cmpuint (heard.n, ==, 0);
  mp_test_run_until (was_heard, &heard);

  /* Of the last change too, and not of each. */
  child = start_child (MP_START_METHOD_FORKSERVER, "count", value);
  mp_test_run_until (is_told, &heard);
  mp_test_join_process (child);
  g_assert_cmpuint (heard.n, >, 1);

  /* The last of the child's may still be told: the handler has read it when it was told another one. */
  mp_value_set_int64 (value, 5, NULL);
  mp_test_run_until (is_told_five, &heard);

  /* Nothing changed, though it was written, and though the bell rings for a death. */
  n = heard.n;
  mp_value_set_int64 (value, 5, NULL);
  run_child (MP_START_METHOD_SPAWN, "count_nothing", value);
  while (g_main_context_iteration (NULL, FALSE));
  g_assert_cmpuint (heard.n, ==, n);

  /* Not any more. */
  mp_value_set_live (value, FALSE);
  n = heard.n;
  mp_value_set_int64 (value, 6, NULL);
  while (g_main_context_iteration (NULL, FALSE));
  g_assert_cmpuint (heard.n, ==, n);
}

static void
change_integer (MpValue *value)
{
  mp_value_set_int64 (value, 5, NULL);
}

static void
add_integer (MpValue *value)
{
  mp_value_add_int64 (value, 5, NULL);
}

static void
change_double (MpValue *value)
{
  mp_value_set_double (value, 5, NULL);
}

static void
add_double (MpValue *value)
{
  mp_value_add_double (value, 5, NULL);
}

static void
change_boolean (MpValue *value)
{
  mp_value_set_value (value, g_variant_new_boolean (TRUE), NULL);
}

static void
change_pair (MpValue *value)
{
  mp_value_set_value (value, g_variant_new ("(dd)", 1.5, 2.5), NULL);
}

/* Whatever it is that changes it. */
static void
test_value_live_kinds (void)
{
  static const struct
  {
    const char  *type;
    void       (*change) (MpValue *value);
  } rows[] = {
    { "i", change_integer }, { "t", add_integer }, { "d", change_double }, { "d", add_double },
    { "b", change_boolean }, { "(dd)", change_pair },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MpValue) value = mp_value_new (rows[i].type, NULL, NULL);
      Heard heard = { value, g_thread_self (), 0 };

      g_signal_connect (value, "notify::value", G_CALLBACK (on_value), &heard);
      mp_value_set_live (value, TRUE);
      mp_test_run_until (was_heard, &heard);
      while (g_main_context_iteration (NULL, FALSE));

      heard.n = 0;
      rows[i].change (value);
      mp_test_run_until (was_heard, &heard);
    }
}

/* It is live when it goes. */
static void
test_value_live_goes (void)
{
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (MpValue) value = g_object_new (MP_TYPE_VALUE, "value-type", "i", "live", TRUE, NULL);

      if (i > 0)
        while (g_main_context_iteration (NULL, FALSE));
      if (i > 1)
        mp_value_set_int64 (value, 1, NULL);
    }
  while (g_main_context_iteration (NULL, FALSE));
}

static void
on_warning (const char     *domain,
            GLogLevelFlags  level,
            const char     *message,
            gpointer        value)
{
  g_assert_false (mp_value_get_live (value));
  g_object_set_data (value, "warned", value);
}

/* Who hears that it cannot be may ask it. */
static void
test_value_live_refused (void)
{
  g_autoptr (MpValue) value = mp_value_new ("s", NULL, NULL);
  guint handler = g_log_set_handler ("Mp", G_LOG_LEVEL_WARNING | G_LOG_FLAG_FATAL, on_warning, value);
  GLogLevelFlags fatal = g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);

  mp_value_set_live (value, TRUE);
  g_log_set_always_fatal (fatal);
  g_log_remove_handler ("Mp", handler);
  g_assert_nonnull (g_object_get_data (G_OBJECT (value), "warned"));
  g_assert_false (mp_value_get_live (value));
}

static void
count_notification (GObject    *object,
                    GParamSpec *pspec,
                    guint      *n)
{
  ++*n;
}

static gboolean
is_seven (gpointer meter)
{
  return mp_value_get_double (meter, NULL) == 7;
}

static gboolean
is_counted (gpointer meter)
{
  return mp_value_get_double (meter, NULL) == N_ROUNDS;
}

/* Anything with a double shows what another process counts; a second value stands for the bar. */
static void
test_value_bound (void)
{
  g_autoptr (MpValue) value = mp_value_new ("u", NULL, NULL);
  g_autoptr (MpValue) meter = mp_value_new ("d", NULL, NULL);
  g_autoptr (MpValue) pair = mp_value_new ("(dd)", NULL, NULL);
  Heard heard = { pair, g_thread_self (), 0 };
  guint n = 0;

  mp_value_set_int64 (value, 7, NULL);
  g_object_bind_property (value, "number", meter, "number", G_BINDING_SYNC_CREATE);
  g_assert_true (is_seven (meter));
  mp_value_set_int64 (value, 0, NULL);
  mp_value_set_live (value, TRUE);
  run_child (MP_START_METHOD_FORKSERVER, "count", value);
  mp_test_run_until (is_counted, meter);
  g_object_set (value, "number", 6.5, NULL);
  mp_test_run_until (is_seven, meter);
  mp_value_set_live (value, FALSE);

  /* What is no number is not notified as one. */
  g_signal_connect (pair, "notify::number", G_CALLBACK (count_notification), &n);
  g_signal_connect (pair, "notify::value", G_CALLBACK (count_notification), &heard.n);
  mp_value_set_live (pair, TRUE);
  mp_test_run_until (was_heard, &heard);
  g_assert_cmpuint (n, ==, 0);
  mp_value_set_live (pair, FALSE);
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("count_nothing", count_nothing, NULL, NULL);
  shared_targets_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (count_with_children);
  mp_test_add ("/value/bound", test_value_bound);
  mp_test_add ("/value/live", test_value_live);
  mp_test_add ("/value/live-kinds", test_value_live_kinds);
  mp_test_add ("/value/live-goes", test_value_live_goes);
  mp_test_add ("/value/live-refused", test_value_live_refused);
  return g_test_run ();
}
