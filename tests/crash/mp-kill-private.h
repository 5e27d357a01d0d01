/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Instructions that change nothing which another process could see.
 *
 * Of two deaths with only such ones between them others cannot tell which one it was.  Those of GLib and GObject are
 * such: they write where only their own process does, since nobody hands them shared memory to write to, and ask the
 * kernel for something by functions of the C library, whose instructions are none of them.
 */
gboolean mp_kill_is_private (guint64 address);

G_END_DECLS
