/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

/* What /proc tells of a process, read without allocating, so that mp-watch may. */
typedef struct
{
  guint64  start_time;   /* clock ticks since boot */
  guint64  image;        /* address of the stack that exec made; 0 or 1: not told to us */
  gboolean is_exiting;   /* runs no user code any more */
} MpProcfsStat;

gboolean mp_procfs_read_stat       (pid_t         pid,
                                    pid_t         tid,
                                    MpProcfsStat *stat);
gboolean mp_procfs_all_are_exiting (pid_t         pid);

G_END_DECLS
