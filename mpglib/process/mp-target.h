/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */
#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include "mp-message.h"

G_BEGIN_DECLS

/**
 * MpFunc:
 * @arguments: what the caller passed
 * @cancellable: (nullable): cancelled when the caller cancels the task, on a thread for that: see
 *   [method@Mp.WorkerTask.get_cancellable]
 * @user_data: (closure): what was registered with the target
 * @error: return location for an error
 *
 * A target: a function that runs in a child process.
 *
 * Returns: (nullable) (transfer full): the result (a floating reference is sunk), or %NULL: with @error set the
 *   call failed, without it the result is nothing (the maybe type `mv` with nothing in it)
 *
 * Since: 1.0
 */
typedef GVariant *(*MpFunc) (MpMessage     *arguments,
                             GCancellable  *cancellable,
                             gpointer       user_data,
                             GError       **error);

MP_AVAILABLE_IN_1_0
void mp_register_target (const char     *name,
                         MpFunc          func,
                         gpointer        user_data,
                         GDestroyNotify  notify);

MP_AVAILABLE_IN_1_0
int  mp_result_attach    (MpShareable  *object,
                          GError      **error);
MP_AVAILABLE_IN_1_0
int  mp_result_attach_fd (int           fd,
                          GError      **error);

G_END_DECLS
