/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include "mp-context.h"
#include "mp-pool-result.h"
#include "mp-pool-state.h"
#include "mp-result-iterator.h"
#include "mp-task-options.h"

G_BEGIN_DECLS

#define MP_TYPE_POOL (mp_pool_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpPool, mp_pool, MP, POOL, GObject)

MP_AVAILABLE_IN_1_0
MpPool           *mp_pool_new                (guint                 n_workers,
                                              MpContext            *context);
MP_AVAILABLE_IN_1_0
guint             mp_pool_get_n_workers      (MpPool               *self);
MP_AVAILABLE_IN_1_0
MpContext        *mp_pool_get_context        (MpPool               *self);
MP_AVAILABLE_IN_1_0
guint             mp_pool_get_max_tasks_per_worker (MpPool         *self);
MP_AVAILABLE_IN_1_0
MpPoolState       mp_pool_get_state          (MpPool               *self);
MP_AVAILABLE_IN_1_0
GListModel       *mp_pool_get_workers        (MpPool               *self);

MP_AVAILABLE_IN_1_0
MpPoolResult     *mp_pool_submit             (MpPool               *self,
                                              const char           *target,
                                              GVariant             *arguments,
                                              MpTaskOptions        *options);
MP_AVAILABLE_IN_1_0
MpPoolResult     *mp_pool_submit_message     (MpPool               *self,
                                              const char           *target,
                                              MpMessage            *arguments,
                                              MpTaskOptions        *options);
MP_AVAILABLE_IN_1_0
MpPoolResult     *mp_pool_submit_map         (MpPool               *self,
                                              const char           *target,
                                              GVariant             *items,
                                              guint                 chunk_size,
                                              MpTaskOptions        *options);
MP_AVAILABLE_IN_1_0
MpPoolResult     *mp_pool_submit_map_message (MpPool               *self,
                                              const char           *target,
                                              MpMessage            *items,
                                              guint                 chunk_size,
                                              MpTaskOptions        *options);
MP_AVAILABLE_IN_1_0
MpPoolResult     *mp_pool_submit_map_messages (MpPool              *self,
                                              const char           *target,
                                              MpMessage * const    *items,
                                              guint                 n_items,
                                              guint                 chunk_size,
                                              MpTaskOptions        *options);

MP_AVAILABLE_IN_1_0
GVariant         *mp_pool_apply              (MpPool               *self,
                                              const char           *target,
                                              GVariant             *arguments,
                                              gdouble               timeout,
                                              GCancellable         *cancellable,
                                              GError              **error);
MP_AVAILABLE_IN_1_0
void              mp_pool_apply_async        (MpPool               *self,
                                              const char           *target,
                                              GVariant             *arguments,
                                              gdouble               timeout,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);
MP_AVAILABLE_IN_1_0
GVariant         *mp_pool_apply_finish       (MpPool               *self,
                                              GAsyncResult         *result,
                                              GError              **error);
MP_AVAILABLE_IN_1_0
GVariant         *mp_pool_map                (MpPool               *self,
                                              const char           *target,
                                              GVariant             *items,
                                              guint                 chunk_size,
                                              gdouble               timeout,
                                              GCancellable         *cancellable,
                                              GError              **error);
MP_AVAILABLE_IN_1_0
void              mp_pool_map_async          (MpPool               *self,
                                              const char           *target,
                                              GVariant             *items,
                                              guint                 chunk_size,
                                              gdouble               timeout,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);
MP_AVAILABLE_IN_1_0
GVariant         *mp_pool_map_finish         (MpPool               *self,
                                              GAsyncResult         *result,
                                              GError              **error);
MP_AVAILABLE_IN_1_0
MpResultIterator *mp_pool_imap               (MpPool               *self,
                                              const char           *target,
                                              GVariant             *items,
                                              guint                 chunk_size,
                                              gboolean              ordered,
                                              MpTaskOptions        *options);
MP_AVAILABLE_IN_1_0
MpResultIterator *mp_pool_imap_message       (MpPool               *self,
                                              const char           *target,
                                              MpMessage            *items,
                                              guint                 chunk_size,
                                              gboolean              ordered,
                                              MpTaskOptions        *options);

MP_AVAILABLE_IN_1_0
void              mp_pool_close              (MpPool               *self);
MP_AVAILABLE_IN_1_0
void              mp_pool_terminate          (MpPool               *self);
MP_AVAILABLE_IN_1_0
gboolean          mp_pool_join               (MpPool               *self,
                                              gdouble               timeout,
                                              GCancellable         *cancellable,
                                              GError              **error);
MP_AVAILABLE_IN_1_0
void              mp_pool_join_async         (MpPool               *self,
                                              gdouble               timeout,
                                              GCancellable         *cancellable,
                                              GAsyncReadyCallback   callback,
                                              gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean          mp_pool_join_finish        (MpPool               *self,
                                              GAsyncResult         *result,
                                              GError              **error);
MP_AVAILABLE_IN_1_0
char             *mp_pool_to_string          (MpPool               *self);

G_END_DECLS
