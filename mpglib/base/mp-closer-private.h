/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Threads that close what may take as long as somebody else says. */
typedef void (*MpCloserFunc) (int fd);

void mp_closer_add (const int    *fds_taken,
                    guint         n_fds,
                    MpCloserFunc  close_func);

G_END_DECLS
