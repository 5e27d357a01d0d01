/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Descriptors that take their time, and how they are brought. */

/* A socket that whoever closes it last waits for an hour for, since nobody reads at the other end. */
int      mp_test_make_lingering (int    *other);
/* FALSE: there is nobody who would read it. */
gboolean mp_test_send_with_fd   (int     fd,
                                 GBytes *bytes,
                                 int     attached);

G_END_DECLS
