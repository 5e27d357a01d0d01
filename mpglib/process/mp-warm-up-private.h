/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What a child that was forked before it is wanted does meanwhile.  Each page that it looks at or writes to for the
 * first time is a page fault, and those are most of what it does once it is wanted; so it has them now, while nobody
 * waits for it.  It does no work for that, and has nothing to show for it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* `bootstrap`: the body of one that is like those that children get */
void mp_warm_up (GBytes *bootstrap);

G_END_DECLS
