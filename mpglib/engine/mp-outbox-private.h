/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

/* An outbox delivers to one main context: whatever any thread posts runs there, in order, once, from one
 * GSource for all objects of that context.  It is how results leave the engine. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _MpOutbox MpOutbox;

typedef void (*MpOutboxFunc) (gpointer data);

/* The outbox of `context` (NULL: the caller's thread-default one); shared, reference-counted */
MpOutbox *mp_outbox_get         (GMainContext   *context);
MpOutbox *mp_outbox_ref         (MpOutbox       *self);
void      mp_outbox_unref       (MpOutbox       *self);
GMainContext *mp_outbox_get_context (MpOutbox   *self);
/* Any thread, any lock held (takes only its own): `func` then `destroy` run in the context.  If the context
 * is never run again they do not run at all. */
void      mp_outbox_post        (MpOutbox       *self,
                                 MpOutboxFunc    func,
                                 gpointer        data,
                                 GDestroyNotify  destroy);
/* Gives away a reference to be dropped in the context: the engine never drops the last one itself */
void      mp_outbox_drop_object (MpOutbox       *self,
                                 gpointer        object);
/* Ends `task` in its own context (takes the task, and the value or the error) */
void      mp_outbox_return_pointer (GTask       *task,
                                 gpointer        value,
                                 GDestroyNotify  destroy);
void      mp_outbox_return_boolean (GTask       *task,
                                 gboolean        value);
void      mp_outbox_return_error  (GTask        *task,
                                 GError         *error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpOutbox, mp_outbox_unref)

G_END_DECLS
