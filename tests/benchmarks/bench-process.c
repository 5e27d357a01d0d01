/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <mpglib.h>

#include "mp-bench.h"

/* Start a process that does nothing, and wait for its end: own.process.<start method> beside spawn.* and
 * py*.process.* of the yardsticks.  The template is there already, as the yardsticks' is. */

static GVariant *
do_nothing (MpMessage     *arguments,
            GCancellable  *cancellable,
            gpointer       user_data,
            GError       **error)
{
  return NULL;
}

static void
start_and_join (guint64  n,
                gpointer user_data)
{
  for (guint64 i = 0; i < n; i++)
    {
      g_autoptr (MpProcess) process = mp_process_new (user_data, "nothing", NULL);
      g_autoptr (GError) error = NULL;

      if (!mp_process_start (process, &error) || !mp_process_join (process, -1, NULL, &error)
          || !mp_process_check (process, &error))
        g_error ("%s", error->message);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (MpContext) spawn = NULL, forkserver = NULL;

  mp_register_target ("nothing", do_nothing, NULL, NULL);
  mp_init ();
  mp_bench_init (argc, argv);

  spawn = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  forkserver = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  mp_bench_run ("process.spawn", MP_BENCH_MICROSECONDS, start_and_join, spawn);
  mp_bench_run ("process.forkserver", MP_BENCH_MICROSECONDS, start_and_join, forkserver);

  return 0;
}
