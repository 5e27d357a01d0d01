/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-pump-private.h"
#include "mp-worker-private.h"

G_BEGIN_DECLS

/* A pool's worker, inside: takes chunks from the channel to the parent and hands
 * out their items one by one, each to be answered before the next.
 *
 * While there is nothing to do the worker's thread waits for the channel itself.
 * While it runs an item the engine reads what comes: mostly that the item is to
 * be cancelled.
 *
 * There is one in a worker process, from its first task to its end.
 */
typedef struct _MpWorkerLoop MpWorkerLoop;

/* One call. */
typedef struct
{
  guint64 serial;
  guint64 index;
  char *target;
  gboolean spread;
  MpMessage *arguments;
  GCancellable *cancellable;
} MpCall;

MpWorkerLoop *mp_worker_loop_get    (MpWorker      *worker);
MpCall       *mp_worker_loop_next   (MpWorkerLoop  *self,
                                     GError       **error);
void          mp_worker_loop_answer (MpWorkerLoop  *self,
                                     MpCall        *call,
                                     MpMessage     *result);
void          mp_worker_loop_fail   (MpWorkerLoop  *self,
                                     MpCall        *call,
                                     GVariant      *report);
void          mp_worker_loop_report (gdouble        fraction,
                                     const char    *message);
void          mp_call_free          (MpCall        *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpCall, mp_call_free)

G_END_DECLS
