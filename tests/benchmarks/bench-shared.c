/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <mpglib.h>

#include "mp-bench.h"

/* An element of an array: through its memory, beside memory of the program's own, and by
 * calls; and values, which are read and replaced as a whole.
 */

#define LENGTH 1024

typedef struct
{
  volatile gdouble *plain;
  volatile gdouble *mapped;
  MpArray *array;
  MpValue *number;
  MpValue *count;
  MpValue *pair;
  GVariant *content;
} Bench;

/* Reads and writes one element, as the compiler has to for a volatile one. */
static void
change_elements (volatile gdouble *elements,
                 guint64           n)
{
  for (guint64 i = 0; i < n; i++)
    elements[i % LENGTH] += 1;
}

static void
change_plain (guint64  n,
              gpointer user_data)
{
  change_elements (((Bench *) user_data)->plain, n);
}

static void
change_mapped (guint64  n,
               gpointer user_data)
{
  change_elements (((Bench *) user_data)->mapped, n);
}

static void
get_elements (guint64  n,
              gpointer user_data)
{
  MpArray *array = ((Bench *) user_data)->array;

  for (guint64 i = 0; i < n; i++)
    mp_array_get_double (array, i % LENGTH, NULL);
}

static void
set_elements (guint64  n,
              gpointer user_data)
{
  MpArray *array = ((Bench *) user_data)->array;

  for (guint64 i = 0; i < n; i++)
    mp_array_set_double (array, i % LENGTH, 1, NULL);
}

static void
get_boxed_elements (guint64  n,
                    gpointer user_data)
{
  MpArray *array = ((Bench *) user_data)->array;

  for (guint64 i = 0; i < n; i++)
    g_variant_unref (mp_array_get_element (array, i % LENGTH, NULL));
}

static void
get_number (guint64  n,
            gpointer user_data)
{
  MpValue *number = ((Bench *) user_data)->number;

  for (guint64 i = 0; i < n; i++)
    mp_value_get_double (number, NULL);
}

static void
set_number (guint64  n,
            gpointer user_data)
{
  MpValue *number = ((Bench *) user_data)->number;

  for (guint64 i = 0; i < n; i++)
    mp_value_set_double (number, 1, NULL);
}

static void
add_to_count (guint64  n,
              gpointer user_data)
{
  MpValue *count = ((Bench *) user_data)->count;

  for (guint64 i = 0; i < n; i++)
    mp_value_add_int64 (count, 1, NULL);
}

static void
get_pair (guint64  n,
          gpointer user_data)
{
  MpValue *pair = ((Bench *) user_data)->pair;

  for (guint64 i = 0; i < n; i++)
    g_variant_unref (mp_value_get_value (pair, NULL));
}

static void
set_pair (guint64  n,
          gpointer user_data)
{
  Bench *bench = user_data;

  for (guint64 i = 0; i < n; i++)
    mp_value_set_value (bench->pair, bench->content, NULL);
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (MpArray) array = mp_array_new ("d", LENGTH, NULL);
  g_autoptr (MpValue) number = mp_value_new ("d", NULL, NULL);
  g_autoptr (MpValue) count = mp_value_new ("x", NULL, NULL);
  g_autoptr (MpValue) pair = mp_value_new ("(dd)", NULL, NULL);
  g_autoptr (GVariant) content = g_variant_ref_sink (g_variant_new ("(dd)", 1.0, 2.0));
  g_autofree gdouble *plain = g_new0 (gdouble, LENGTH);
  Bench bench = {
    .plain = plain,
    .mapped = (volatile gdouble *) mp_array_get_address (array, NULL),
    .array = array,
    .number = number,
    .count = count,
    .pair = pair,
    .content = content,
  };

  g_variant_get_data (content);
  mp_bench_init (argc, argv);
  mp_bench_run ("element.plain", MP_BENCH_NANOSECONDS, change_plain, &bench);
  mp_bench_run ("element.mapped", MP_BENCH_NANOSECONDS, change_mapped, &bench);
  mp_bench_run ("element.get", MP_BENCH_NANOSECONDS, get_elements, &bench);
  mp_bench_run ("element.set", MP_BENCH_NANOSECONDS, set_elements, &bench);
  mp_bench_run ("element.get-boxed", MP_BENCH_NANOSECONDS, get_boxed_elements, &bench);
  mp_bench_run ("value.get", MP_BENCH_NANOSECONDS, get_number, &bench);
  mp_bench_run ("value.set", MP_BENCH_NANOSECONDS, set_number, &bench);
  mp_bench_run ("value.add", MP_BENCH_NANOSECONDS, add_to_count, &bench);
  mp_bench_run ("value.pair.get-boxed", MP_BENCH_NANOSECONDS, get_pair, &bench);
  mp_bench_run ("value.pair.set-boxed", MP_BENCH_NANOSECONDS, set_pair, &bench);
  return 0;
}
