/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include "mp-queue.h"

G_BEGIN_DECLS

#define MP_TYPE_JOINABLE_QUEUE (mp_joinable_queue_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpJoinableQueue, mp_joinable_queue, MP, JOINABLE_QUEUE, MpQueue)

MP_AVAILABLE_IN_1_0
MpJoinableQueue *mp_joinable_queue_new            (guint                 max_size);
MP_AVAILABLE_IN_1_0
gboolean         mp_joinable_queue_get_redelivery (MpJoinableQueue      *self);
MP_AVAILABLE_IN_1_0
gboolean         mp_joinable_queue_task_done      (MpJoinableQueue      *self,
                                                   GError              **error);
MP_AVAILABLE_IN_1_0
gboolean         mp_joinable_queue_join           (MpJoinableQueue      *self,
                                                   gdouble               timeout,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
MP_AVAILABLE_IN_1_0
void             mp_joinable_queue_join_async     (MpJoinableQueue      *self,
                                                   gdouble               timeout,
                                                   GCancellable         *cancellable,
                                                   GAsyncReadyCallback   callback,
                                                   gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean         mp_joinable_queue_join_finish    (MpJoinableQueue      *self,
                                                   GAsyncResult         *result,
                                                   GError              **error);
MP_AVAILABLE_IN_1_0
MpMessage       *mp_joinable_queue_take_lost      (MpJoinableQueue      *self,
                                                   GError              **error);

G_END_DECLS
