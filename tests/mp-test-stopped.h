/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* For mp_test_fork_stopped(): a process that stops itself while it gets from a queue; it goes on, and comes back. */
void mp_test_stop_while_getting (gpointer queue);

G_END_DECLS
