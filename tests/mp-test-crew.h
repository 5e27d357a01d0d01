/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-doorbell-private.h"
#include "mp-test-process.h"
#include "mp-wait-private.h"

G_BEGIN_DECLS

/* Several that do the same at once, and some that wait. */

#define MP_TEST_CREW_SIZE 4

void   mp_test_crew_processes  (MpTestFunc   func);
void   mp_test_crew_threads    (MpTestFunc   func);

/* A child that waits for something: calls mp_test_tell_ready() just before. */
pid_t  mp_test_fork_waiter     (MpTestFunc   func,
                                gpointer     data);
void   mp_test_tell_ready      (void);

void   mp_test_count           (MpAtomic32  *word);
void   mp_test_wait_count      (MpAtomic32  *word,
                                guint32      n);

/* A wait of this thread that another one of this process ends. */
MpWait mp_test_wait_until_stop (void);
void   mp_test_assert_stops    (MpTestFunc   func);

/* How a main loop waits. */
typedef struct
{
  int         fd;
  MpDoorbell *doorbell;
} MpTestBell;

void   mp_test_bell_init       (MpTestBell  *self,
                                MpTable     *table,
                                MpBell      *bell);
void   mp_test_bell_clear      (MpTestBell  *self);
void   mp_test_bell_arm        (MpTestBell  *self);
void   mp_test_bell_hear       (MpTestBell  *self);

G_END_DECLS
