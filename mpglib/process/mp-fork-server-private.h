/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The template process's side of the fork server: gives out children, and tells of them until they end.
 * One thread, no main loop; it watches the host by its pidfd, and when the host has gone it kills its children and
 * ends.  When only its requests are closed (the host needs no more children) it stays until its last child has ended,
 * for their sake: they are its own and would lose who reaps them.
 *
 * From the first request on there is a spare: a child that has been forked already and waits for its channel.
 * Forking costs the copying of page tables, and then a page fault for everything that the child and the template write
 * for the first time; all of that is done while nobody waits for it.
 *
 *     no spare   a request waits; wait() says "fork"; the child is the request's at once
 *     a spare    a request's channel is sent to it, the host is told, and wait() says "fork": the next spare
 *     a spare that dies is replaced at the next request
 *
 * The kernel reaps its children where it keeps their statuses for the host; elsewhere the template does, and tells it.
 */
#pragma once

#include "mp-transport-private.h"

G_BEGIN_DECLS

typedef struct _MpForkServer MpForkServer;

MpForkServer *mp_fork_server_new          (MpTransport   *transport,   /* borrowed */
                                           int            requests_fd, /* taken */
                                           int            host_pid,
                                           GError       **error);
/* In the process that made it; children are left alone */
void          mp_fork_server_free         (MpForkServer  *self);
/* TRUE: fork now.  FALSE: end */
gboolean      mp_fork_server_wait         (MpForkServer  *self);
void          mp_fork_server_made         (MpForkServer  *self,
                                           int            pid); /* -1: fork failed, errno tells */
/* In the child: closes all that is the template's, and leaves it alone for good.  What it returns is the child's
 * channel, or where that will come from, in a record WANTED, once the child is wanted (`is_spare`) */
int           mp_fork_server_become_child (const MpForkServer *self,
                                           gboolean           *is_spare);

G_END_DECLS
