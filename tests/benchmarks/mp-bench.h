/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the number of a benchmark says about one operation. */
typedef enum
{
  MP_BENCH_NANOSECONDS,
  MP_BENCH_MICROSECONDS,
  MP_BENCH_PER_SECOND,
} MpBenchUnit;

/* Does the operation n times. */
typedef void   (*MpBenchFunc)     (guint64  n,
                                   gpointer user_data);

/* Does the operation once, and returns what of that counts, in nanoseconds. */
typedef gint64 (*MpBenchOnceFunc) (gpointer user_data);

/* Does it for so many nanoseconds, and returns how often a second. */
typedef gdouble (*MpBenchRateFunc) (gint64   nsec,
                                    gpointer user_data);

void   mp_bench_init     (int              argc,
                          char            *argv[]);
void   mp_bench_run      (const char      *name,
                          MpBenchUnit      unit,
                          MpBenchFunc      func,
                          gpointer         user_data);
void   mp_bench_run_once (const char      *name,
                          MpBenchUnit      unit,
                          MpBenchOnceFunc  func,
                          gpointer         user_data);
void   mp_bench_run_rate (const char      *name,
                          MpBenchRateFunc  func,
                          gpointer         user_data);
gint64 mp_bench_get_time (void);
void   mp_bench_pin      (guint            side);
void   mp_bench_unpin    (void);

G_END_DECLS
