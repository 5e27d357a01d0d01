/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "mp-test-stopped.h"

#include <signal.h>

#include "mpglib.h"

#include "mp-owner-lock-private.h"
#include "mp-queue-private.h"
#include "mp-short-lock-private.h"

void
mp_test_stop_while_getting (gpointer queue)
{
  guint32 me = 0;
  MpRing *ring = mp_queue_enter (mp_queue_get_private (queue), &me, NULL);

  g_assert_true (mp_owner_lock_try (&ring->layout->take.lock, me));
  raise (SIGSTOP);
  mp_short_lock_release (&ring->layout->take.lock);
}
