/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "mp-kill-trace.h"

MpKillTrace *
mp_kill_trace_new (void)
{
  MpKillTrace *trace = g_new0 (MpKillTrace, 1);

  trace->addresses = g_array_new (FALSE, FALSE, sizeof (guint64));
  trace->keys = g_array_new (FALSE, FALSE, sizeof (guint64));
  trace->origins = g_array_new (FALSE, FALSE, sizeof (glong));
  trace->is_stepped = g_array_new (FALSE, FALSE, sizeof (gboolean));
  trace->sleep = -1;
  return trace;
}

void
mp_kill_trace_free (MpKillTrace *trace)
{
  g_array_unref (trace->addresses);
  g_array_unref (trace->keys);
  g_array_unref (trace->origins);
  g_array_unref (trace->is_stepped);
  g_free (trace);
}

void
mp_kill_trace_add (MpKillTrace *trace,
                   guint64      address)
{
  g_array_append_val (trace->addresses, address);
}

/* In the instruction that was added last. */
void
mp_kill_trace_slept (MpKillTrace *trace)
{
  trace->sleep = (glong) trace->addresses->len - 1;
}

/* So many instructions: the last address is the one at the end. */
glong
mp_kill_trace_get_length (const MpKillTrace *trace)
{
  return (glong) trace->addresses->len - 1;
}

guint64
mp_kill_trace_get_address (const MpKillTrace *trace,
                           glong              index)
{
  return g_array_index (trace->addresses, guint64, index);
}

guint64
mp_kill_trace_get_key (const MpKillTrace *trace,
                       glong              index)
{
  return g_array_index (trace->keys, guint64, index);
}

gboolean
mp_kill_trace_is_stepped (const MpKillTrace *trace,
                          glong              index)
{
  return g_array_index (trace->is_stepped, gboolean, index);
}

/* --- The ways ------------------------------------------------------------- */

/* The instructions from which a later one may be reached by the fewest stops: each costs less than all after it. */
typedef struct
{
  GArray *indices;
  GArray *costs;
} Origins;

static void
add_origin (Origins *origins,
            glong    index,
            glong    cost)
{
  while (origins->costs->len > 0 && g_array_index (origins->costs, glong, origins->costs->len - 1) >= cost)
    {
      g_array_set_size (origins->costs, origins->costs->len - 1);
      g_array_set_size (origins->indices, origins->indices->len - 1);
    }

  g_array_append_val (origins->indices, index);
  g_array_append_val (origins->costs, cost);
}

/* The cheapest of those that are not before `lowest`. */
static glong
find_origin (const Origins *origins,
             glong          lowest,
             glong         *cost)
{
  guint begin = 0, end = origins->indices->len;

  while (begin < end)
    {
      guint middle = begin + (end - begin) / 2;

      if (g_array_index (origins->indices, glong, middle) < lowest)
        begin = middle + 1;
      else
        end = middle;
    }

  *cost = g_array_index (origins->costs, glong, begin);
  return g_array_index (origins->indices, glong, begin);
}

/* The times that it has come to an address, and when it was there last. */
typedef struct
{
  guint64 n;
  glong   last;
} Visits;

static Visits *
visit (GHashTable *visits_of,
       guint64     address)
{
  Visits *visits = g_hash_table_lookup (visits_of, GSIZE_TO_POINTER (address));

  if (visits == NULL)
    {
      visits = g_new (Visits, 1);
      *visits = (Visits) { 0, -1 };
      g_hash_table_insert (visits_of, GSIZE_TO_POINTER (address), visits);
    }

  visits->n++;
  return visits;
}

static guint64
make_key (guint64 address,
          guint64 n)
{
  return address + n * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
}

/* A leap begins after the last time that it had come to that address, or it would end too early.  It may begin there
 * if a leap led there, but not a step, after which the processor would not leave it.  An instruction that repeats
 * itself, and the one that sleeps, are stepped.
 */
void
mp_kill_trace_plan (MpKillTrace *trace)
{
  g_autoptr (GHashTable) visits_of = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_autoptr (GArray) indices = g_array_new (FALSE, FALSE, sizeof (glong));
  g_autoptr (GArray) costs = g_array_new (FALSE, FALSE, sizeof (glong));
  Origins origins = { indices, costs };

  for (glong i = 0; i < (glong) trace->addresses->len; i++)
    {
      guint64 address = mp_kill_trace_get_address (trace, i);
      Visits *visits = visit (visits_of, address);
      guint64 key = make_key (address, visits->n);
      gboolean is_stepped = i == 0 || visits->last == i - 1 || i == trace->sleep + 1;
      glong lowest = is_stepped ? i - 1 : visits->last;
      glong origin = 0, cost = 0;

      if (!is_stepped && lowest >= 0 && mp_kill_trace_is_stepped (trace, lowest))
        lowest++;
      if (trace->sleep >= 0 && i > trace->sleep + 1)
        lowest = MAX (lowest, trace->sleep + 1);
      if (i > 0)
        origin = find_origin (&origins, lowest, &cost);

      visits->last = i;
      g_array_append_val (trace->keys, key);
      g_array_append_val (trace->origins, origin);
      g_array_append_val (trace->is_stepped, is_stepped);
      add_origin (&origins, i, i == 0 ? 0 : cost + 1);
    }
}

/* Returns: (transfer full) (element-type glong): where to stop, the last one first, without the beginning */
GArray *
mp_kill_trace_get_way (const MpKillTrace *trace,
                       glong              index)
{
  GArray *way = g_array_new (FALSE, FALSE, sizeof (glong));

  for (; index > 0; index = g_array_index (trace->origins, glong, index))
    g_array_append_val (way, index);

  return way;
}
