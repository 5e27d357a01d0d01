/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>
#include <pthread.h>

G_BEGIN_DECLS

typedef void *(*MpThreadFunc) (void *data);

int mp_thread_start (MpThreadFunc  func,
                     void         *data,
                     gsize         stack_size,
                     pthread_t    *thread);

G_END_DECLS
