/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A barrier for all threads of this process at once (membarrier(2), "private expedited"): the one that calls it
 * pays some microseconds, and the others need nothing but an order of the compiler's between a store and a load.
 *
 * After mp_process_barrier() each other thread has done whatever stands before some point of its
 * program, visibly, and nothing of what stands after it.
 */
gboolean mp_process_barrier_is_ready (void);
void     mp_process_barrier          (void);

G_END_DECLS
