/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Closing what others have sent, and nobody asked for.
 *
 * What somebody has opened is closed by whoever has it last, and that may take as long as he says: a socket with
 * SO_LINGER waits for what was not sent, and a unix socket has such things in its messages.  So nobody who has a lock,
 * or serves others, closes any but what closes at once.  A file of a file system that somebody has made himself waits
 * for his program: that is not known of it without asking him.
 */
void mp_fds_discard           (int   *fds,
                               guint  n_fds);
void mp_discard_socket        (int   *fd);
void mp_discard_shared_socket (int   *fd);

G_END_DECLS
