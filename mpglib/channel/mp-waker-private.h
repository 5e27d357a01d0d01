/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Wakes one thread that sleeps in poll(2): an eventfd of that thread's, which
 * it makes when it first sleeps and keeps.
 */
typedef struct _MpWaker MpWaker;

MpWaker *mp_waker_get_mine (GError  **error);
int      mp_waker_get_fd   (MpWaker  *self);
void     mp_waker_wake     (MpWaker  *self);
void     mp_waker_clear    (MpWaker  *self);

G_END_DECLS
