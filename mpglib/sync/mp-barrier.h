/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-version.h"

G_BEGIN_DECLS

#define MP_TYPE_BARRIER (mp_barrier_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpBarrier, mp_barrier, MP, BARRIER, GObject)

/**
 * MpBarrierAction:
 * @barrier: the barrier
 * @user_data: data given with the function
 * @error: return location for an error
 *
 * What one party does when all have come, before any goes on.
 *
 * Returns: whether it was done; if not, the barrier breaks
 *
 * Since: 1.0
 */
typedef gboolean (*MpBarrierAction) (MpBarrier  *barrier,
                                     gpointer    user_data,
                                     GError    **error);

MP_AVAILABLE_IN_1_0
MpBarrier *mp_barrier_new           (guint                 parties);

MP_AVAILABLE_IN_1_0
void       mp_barrier_set_action    (MpBarrier            *self,
                                     MpBarrierAction       action,
                                     gpointer              user_data,
                                     GDestroyNotify        notify);

MP_AVAILABLE_IN_1_0
int        mp_barrier_wait          (MpBarrier            *self,
                                     gdouble               timeout,
                                     GCancellable         *cancellable,
                                     GError              **error);
MP_AVAILABLE_IN_1_0
void       mp_barrier_wait_async    (MpBarrier            *self,
                                     gdouble               timeout,
                                     GCancellable         *cancellable,
                                     GAsyncReadyCallback   callback,
                                     gpointer              user_data);
MP_AVAILABLE_IN_1_0
int        mp_barrier_wait_finish   (MpBarrier            *self,
                                     GAsyncResult         *result,
                                     GError              **error);
MP_AVAILABLE_IN_1_0
gboolean   mp_barrier_reset         (MpBarrier            *self,
                                     GError              **error);
MP_AVAILABLE_IN_1_0
gboolean   mp_barrier_abort         (MpBarrier            *self,
                                     GError              **error);
MP_AVAILABLE_IN_1_0
gboolean   mp_barrier_is_broken     (MpBarrier            *self);
MP_AVAILABLE_IN_1_0
guint      mp_barrier_get_parties   (MpBarrier            *self);
MP_AVAILABLE_IN_1_0
guint      mp_barrier_get_n_waiting (MpBarrier            *self);

G_END_DECLS
