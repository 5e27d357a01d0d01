/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What the tests of shared objects do in children. */

#pragma once

#include <mpglib.h>

G_BEGIN_DECLS

#define N_CHILDREN 3
#define N_ROUNDS   2000

/* In main, when the test's own targets are registered. */
void       shared_targets_init (void);

/* Run a target with a shared object. */
MpProcess *start_child         (MpStartMethod  method,
                                const char    *target,
                                gpointer       shared);
void       run_child           (MpStartMethod  method,
                                const char    *target,
                                gpointer       shared);
/* Each of them runs the target "count", which adds 1 to a value N_ROUNDS times.  A test, and what warms up. */
void       count_with_children (void);

G_END_DECLS
