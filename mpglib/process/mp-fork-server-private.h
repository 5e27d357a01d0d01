/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The template process's side of the fork server: takes requests, and tells of the children it made until they end.
 * One thread, no main loop; it watches the host by its pidfd, and when the host has gone it kills its children and
 * ends.  When only the channel is closed (the host needs no more children) it stays until its last child has ended,
 * for their sake: they are its own and would lose who reaps them. */
#pragma once

#include "mp-transport-private.h"

G_BEGIN_DECLS

typedef struct _MpForkServer MpForkServer;

MpForkServer *mp_fork_server_new      (MpTransport   *transport, /* borrowed */
                                       int            host_pid,
                                       GError       **error);
/* In the process that made it; children are left alone */
void          mp_fork_server_free     (MpForkServer  *self);
/* TRUE: fork now.  FALSE: end */
gboolean      mp_fork_server_wait     (MpForkServer  *self);
void          mp_fork_server_made     (MpForkServer  *self,
                                       int            pid); /* -1: fork failed, errno tells */
/* In the child: frees all that is the template's; returns the child's channel */
int           mp_fork_server_become_child (MpForkServer *self);

G_END_DECLS
