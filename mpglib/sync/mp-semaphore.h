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

#define MP_TYPE_SEMAPHORE (mp_semaphore_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (MpSemaphore, mp_semaphore, MP, SEMAPHORE, GObject)

struct _MpSemaphoreClass
{
  GObjectClass parent_class;

  /*< private >*/
  gconstpointer kind;
  gpointer      reserved[7];
};

MP_AVAILABLE_IN_1_0
MpSemaphore *mp_semaphore_new            (guint                 value);

MP_AVAILABLE_IN_1_0
gboolean     mp_semaphore_try_acquire    (MpSemaphore          *self);
MP_AVAILABLE_IN_1_0
gboolean     mp_semaphore_acquire        (MpSemaphore          *self,
                                          gdouble               timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
void         mp_semaphore_acquire_async  (MpSemaphore          *self,
                                          gdouble               timeout,
                                          GCancellable         *cancellable,
                                          GAsyncReadyCallback   callback,
                                          gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean     mp_semaphore_acquire_finish (MpSemaphore          *self,
                                          GAsyncResult         *result,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
gboolean     mp_semaphore_release        (MpSemaphore          *self,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
guint        mp_semaphore_get_value      (MpSemaphore          *self);

G_END_DECLS
