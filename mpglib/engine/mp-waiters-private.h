/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

/* The asynchronous twin of mp_pump_wait_locked(): tasks that end when something a pump guards has come about, when
 * their time is over or when they are cancelled, whichever is first, each once and in its own context. */
#pragma once

#include "mp-pump-private.h"

G_BEGIN_DECLS

typedef struct _MpWaiters MpWaiters;

/* TRUE when the wait is over; with `error` set the task fails, otherwise it returns the boolean TRUE */
typedef gboolean (*MpWaiterDone) (gpointer   data,
                                  GError   **error);

MpWaiters *mp_waiters_new          (MpPump        *pump);
/* All tasks that are left fail with MP_ERROR_CLOSED */
void       mp_waiters_free_locked  (MpWaiters     *self);
/* Takes the task; its cancellable counts.  `data` lives as long as the waiters; the task keeps alive what it needs */
void       mp_waiters_add_locked   (MpWaiters     *self,
                                    GTask         *task,
                                    gint64         deadline,
                                    MpWaiterDone   done,
                                    gpointer       data);
/* After every change that one may wait for */
void       mp_waiters_check_locked (MpWaiters     *self);

G_END_DECLS
