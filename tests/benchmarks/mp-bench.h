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
typedef void (*MpBenchFunc) (guint64  n,
                             gpointer user_data);

void mp_bench_init (int           argc,
                    char         *argv[]);
void mp_bench_run  (const char   *name,
                    MpBenchUnit   unit,
                    MpBenchFunc   func,
                    gpointer      user_data);

G_END_DECLS
