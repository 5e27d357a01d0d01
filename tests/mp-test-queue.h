/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mpglib.h"

G_BEGIN_DECLS

/* What tests of queues have in common. */

void mp_test_put_int        (MpQueue       *queue,
                             int            number);
int  mp_test_get_int        (MpQueue       *queue);
int  mp_test_finish_int     (MpQueue       *queue,
                             GAsyncResult  *result);
void mp_test_clear_results  (GAsyncResult **results,
                             guint          n);
void mp_test_turn_loop      (void);
void mp_test_expect_message (MpQueue       *queue,
                             const char    *codec,
                             const char    *body);

G_END_DECLS
