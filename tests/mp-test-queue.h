/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mpglib.h"

G_BEGIN_DECLS

/* What tests of queues have in common. */

void      mp_test_put_int        (MpQueue       *queue,
                                  int            number);
int       mp_test_get_int        (MpQueue       *queue);
int       mp_test_finish_int     (MpQueue       *queue,
                                  GAsyncResult  *result);
void      mp_test_clear_results  (GAsyncResult **results,
                                  guint          n);
void      mp_test_expect_message (MpQueue       *queue,
                                  const char    *codec,
                                  const char    *body);
void      mp_test_expect_string  (MpQueue       *queue,
                                  const char    *expected);
/* `n` of them, as an array for mp_queue_put_many(). */
GVariant *mp_test_make_numbers   (int            first,
                                  int            n);
/* Takes the numbers. */
void      mp_test_expect_numbers (GVariant      *numbers,
                                  int            first,
                                  guint          n);
/* What queues need once, for mp_test_set_warm_up(): waiting in a main loop, and a way to another process. */
void      mp_test_warm_up_queue  (void);

G_END_DECLS
