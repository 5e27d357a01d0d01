/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The host's side of a fork server: one for each context, a plain structure shared by the context and the children it
 * was asked for.  The process that forks is a child itself (role "template", always spawned), served by the shared
 * pump.
 *
 *     no process    no child was asked for yet, or the process has ended: the next request starts one
 *     a process     requests are sent at once; while it starts they wait in its socket
 *
 * A request is for a child in STARTING.  Its answers are FAILED, or LEFT, or MADE and later ENDED or LEFT.  It is kept
 * until the child's end is known.  When the process ends, children whose requests have no answer ask again, once, with
 * new channels; children that exist are told, go on, and are watched by their pidfds alone.  When the context goes, the
 * process is hung up on; it ends when its last child has. */
#pragma once

#include "mp-child-private.h"
#include "mp-recipe-private.h"

G_BEGIN_DECLS

typedef struct _MpTemplate MpTemplate;

MpTemplate *mp_template_new     (void);
MpTemplate *mp_template_ref     (MpTemplate *self);
void        mp_template_unref   (MpTemplate *self);
/* Whether this process made it, and not one that it was forked from */
gboolean    mp_template_is_own  (MpTemplate *self);
/* Whether there is a process; it may end at any time.  Any thread */
gboolean    mp_template_is_running (MpTemplate *self);
/* How the next process is to be made */
void        mp_template_set_recipe (MpTemplate *self,
                                 MpRecipe   *recipe);
/* Asks for a child whose channel is `channel` (taken).  Any thread, the lock of the child's pump held. */
void        mp_template_fork    (MpTemplate *self,
                                 MpChild    *child,
                                 int         channel);
/* The child has ended: nothing more is to be said of its request.  Any thread, the lock of the child's pump held. */
void        mp_template_forget  (MpTemplate *self,
                                 MpChild    *child,
                                 guint64     request);
/* The child's time is over: ends it with an error unless there is an answer, and the process that did not give one.
 * Any thread, the lock of the child's pump held. */
void        mp_template_give_up (MpTemplate *self,
                                 MpChild    *child);
/* Any thread */
void        mp_template_hang_up (MpTemplate *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpTemplate, mp_template_unref)

G_END_DECLS
