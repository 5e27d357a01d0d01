/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include "mp-worker.h"

G_BEGIN_DECLS

#define MP_TYPE_WORKER_TASK (mp_worker_task_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpWorkerTask, mp_worker_task, MP, WORKER_TASK, GObject)

MP_AVAILABLE_IN_1_0
MpWorkerTask *mp_worker_next_task           (MpWorker      *self,
                                             GError       **error);

MP_AVAILABLE_IN_1_0
const char   *mp_worker_task_get_target     (MpWorkerTask  *self);
MP_AVAILABLE_IN_1_0
MpMessage    *mp_worker_task_get_message    (MpWorkerTask  *self);
MP_AVAILABLE_IN_1_0
gboolean      mp_worker_task_get_spread     (MpWorkerTask  *self);
MP_AVAILABLE_IN_1_0
GCancellable *mp_worker_task_get_cancellable (MpWorkerTask *self);
MP_AVAILABLE_IN_1_0
gboolean      mp_worker_task_is_cancelled   (MpWorkerTask  *self);

MP_AVAILABLE_IN_1_0
void          mp_worker_task_return_value   (MpWorkerTask  *self,
                                             GVariant      *value);
MP_AVAILABLE_IN_1_0
void          mp_worker_task_return_message (MpWorkerTask  *self,
                                             MpMessage     *message);
MP_AVAILABLE_IN_1_0
void          mp_worker_task_return_error   (MpWorkerTask  *self,
                                             const GError  *error);
MP_AVAILABLE_IN_1_0
void          mp_worker_task_return_failure (MpWorkerTask  *self,
                                             MpError        code,
                                             const char    *type,
                                             const char    *message,
                                             const char    *traceback,
                                             const char    *codec,
                                             const guint8  *payload,
                                             gsize          length);
MP_AVAILABLE_IN_1_0
char         *mp_worker_task_to_string      (MpWorkerTask  *self);

MP_AVAILABLE_IN_1_0
void          mp_progress_report            (gdouble        fraction,
                                             const char    *message);

G_END_DECLS
