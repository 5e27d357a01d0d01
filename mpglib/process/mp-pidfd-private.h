/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What the kernel tells of a process that has been reaped, whoever did that, to whoever has its pidfd: Linux 6.15.
 * Before, only a parent learns how its child has ended. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* FALSE: it has not been reaped yet, or the kernel does not tell */
gboolean mp_pidfd_get_status   (int   pidfd,
                                int  *wait_status);
/* Finds out by a child of this process, so in one whose children nobody else waits for */
gboolean mp_pidfd_keeps_status (void);

G_END_DECLS
