/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What ties children to the life of their host: a pipe of which the host alone has the writing end.  Every child opens
 * the reading end anew, so that it has a description of its own, and asks the kernel for SIGKILL when something
 * happens there; the only thing that can happen is that the host ends.  It works while the child computes, with
 * all signals blocked, and costs the host one descriptor for all children.
 *
 * Until a child has come so far, which may take it long, or for ever, it has such a description from its host, who
 * names it as the one to be killed as soon as it has a pid.  The child need not take that back: whoever still has the
 * description, a process that one of the two forked by itself, has the same child killed at the same time.  A template
 * takes it back, since it ends by itself after its host.
 *
 * A host that forked by itself has given the writing end to a stranger.  Then the child's parent-death signal
 * (spawn) or its template, which watches the host's pidfd, ends it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Host: a reading end for one child, to be closed once it has been tied.  -1 and an error when descriptors have run
 * out */
int      mp_lifeline_open (GError **error);
/* Host: from now on the child that was made with `fd` dies with this process */
void     mp_lifeline_tie  (int      fd,
                           int      pid);
/* Template: when it watches its host, before it forks children: it is not tied any more, and they hold on to the pipe
 * behind `fd` with less work */
void     mp_lifeline_prepare (int      fd);
/* Child: holds on to the pipe behind `fd`; ends the process if the host has gone already */
gboolean mp_lifeline_hold   (int      fd,
                             GError **error);
/* Child that was spawned: dies also with the thread that started it.  Ends the process if that has gone already */
void     mp_lifeline_bind_to_parent (int host_pid);

G_END_DECLS
