/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

/* Where a traced thread, which is stopped, is to stop next when it goes on.
 *
 * Breakpoints of the processor are of this thread alone, and change no code that others run.  There are hypervisors
 * which accept them and stop nobody: there, an instruction is replaced in the victim's own copy of the code.  If
 * another thread of the victim comes there it is the victim's death, of which others have to stand as much as of any.
 */
typedef struct
{
  guint64  address;     /* 0: nowhere */
  long     code;        /* that was there, where it was replaced */
  gboolean is_deadly;   /* code was replaced, now or before: the signal may be under way */
} MpKillAim;

gboolean mp_kill_can_leap    (void);
gboolean mp_kill_aim         (MpKillAim *aim,
                              pid_t      tid,
                              guint64    address);
void     mp_kill_land        (MpKillAim *aim,
                              pid_t      tid);
guint64  mp_kill_get_address (pid_t      tid);

G_END_DECLS
