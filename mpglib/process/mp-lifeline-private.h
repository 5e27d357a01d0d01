/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What ties children to the life of their host: a pipe of which the host alone has the writing end.  Every child opens
 * the reading end anew, so that it has a description of its own, and asks the kernel for SIGKILL when something
 * happens there; the only thing that can happen is that the host ends.  It works while the child computes, with
 * all signals blocked, and costs the host one descriptor for all children.
 *
 * A host that forked by itself has given the writing end to a stranger.  Then the child's parent-death signal
 * (spawn) or its template, which watches the host's pidfd, ends it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Host: the reading end, to be duplicated into children.  -1 and an error when descriptors have run out */
int      mp_lifeline_get_fd (GError **error);
/* Template: before it forks children, which hold on to the pipe behind `fd` with less work then */
void     mp_lifeline_prepare (int      fd);
/* Child: holds on to the pipe behind `fd`; ends the process if the host has gone already */
gboolean mp_lifeline_hold   (int      fd,
                             GError **error);
/* Child that was spawned: dies also with the thread that started it.  Ends the process if that has gone already */
void     mp_lifeline_bind_to_parent (int host_pid);

G_END_DECLS
