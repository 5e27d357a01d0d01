/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Children that run functions with shared objects. */

#include "mpglib.h"
#include "mp-test-started.h"
#include "mp-test.h"
#include "shared-targets.h"

MpProcess *
start_child (MpStartMethod  method,
             const char    *target,
             gpointer       shared)
{
  return mp_test_start (method, target, g_variant_new ("(h)", 0), &shared, 1);
}

void
run_child (MpStartMethod  method,
           const char    *target,
           gpointer       shared)
{
  mp_test_join_process (start_child (method, target, shared));
}

static GVariant *
count (MpMessage     *arguments,
       GCancellable  *cancellable,
       gpointer       data,
       GError       **error)
{
  g_autoptr (MpValue) value = mp_test_get_attachment (arguments, 0);

  for (guint i = 0; i < N_ROUNDS; i++)
    if (mp_value_add_int64 (value, 1, error) == 0)
      return NULL;

  return NULL;
}

void
count_with_children (void)
{
  for (guint method = 0; method < G_N_ELEMENTS (mp_test_methods); method++)
    {
      g_autoptr (MpValue) value = mp_value_new ("u", NULL, NULL);
      MpProcess *children[N_CHILDREN];

      for (guint i = 0; i < N_CHILDREN; i++)
        children[i] = start_child (mp_test_methods[method], "count", value);
      for (guint i = 0; i < N_CHILDREN; i++)
        mp_test_join_process (children[i]);
      g_assert_cmpint (mp_value_get_int64 (value, NULL), ==, N_CHILDREN * N_ROUNDS);
    }
}

void
shared_targets_init (void)
{
  mp_register_target ("count", count, NULL, NULL);
  mp_init ();
}
