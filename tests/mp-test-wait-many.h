/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <pthread.h>

#include <mpglib.h>

#include "mp-test-connection.h"
#include "mp-test.h"

G_BEGIN_DECLS

/* Waits for many, and how they end. */

/* One in a thread of its own. */
typedef struct
{
  GObject *objects[2];
  GCancellable *cancellable;
  gboolean is_interruptible;
  pthread_t thread;
  MpTestWaiter waiter;
} MpTestMany;

guint     mp_test_wait_for_many     (GObject      **objects,
                                     guint          n_objects,
                                     gdouble        timeout,
                                     gpointer       first,
                                     GError       **error);
void      mp_test_assert_wait_fails (GObject      **objects,
                                     guint          n_objects,
                                     gdouble        timeout,
                                     GQuark         domain,
                                     int            code);
GObject **mp_test_finish_wait       (GAsyncResult **result,
                                     guint         *n_ready,
                                     GError       **error);
GThread  *mp_test_start_many        (MpTestMany    *many,
                                     guint          n_asleep);

G_END_DECLS
