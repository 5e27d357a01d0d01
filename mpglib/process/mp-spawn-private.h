/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* A fresh process by exec.  All that happens between fork and exec is glibc's posix_spawn(), which does nothing there
 * that is not async-signal-safe.  The child starts with default signal handlers, nothing blocked, in a process group
 * of its own (Ctrl-C is the host's affair), with /dev/null as stdin and no descriptor of the host but stdout, stderr,
 * its channel and the lifeline. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  gatomicrefcount refs;
  char **argv;
  char **environment; /* the marker included */
  char *directory;    /* nullable: the host's */
} MpSpawnPlan;

MpSpawnPlan *mp_spawn_plan_new  (const char * const  *argv,
                                 const char * const  *environment, /* nullable: this process's */
                                 const char          *directory);
MpSpawnPlan *mp_spawn_plan_ref  (MpSpawnPlan         *self);
void         mp_spawn_plan_unref (MpSpawnPlan        *self);
/* The pid, or -1 and MP_ERROR_START_FAILED.  Blocks until the exec: only on the engine's thread */
int          mp_spawn           (MpSpawnPlan         *plan,
                                 int                  channel,
                                 int                  lifeline,
                                 GError             **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpSpawnPlan, mp_spawn_plan_unref)

G_END_DECLS
