/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Closing the socket of a stranger, who may have sent descriptors that nobody asked for.
 *
 * What he has opened is closed by whoever has it last, and that may take as long as he says: a socket with SO_LINGER
 * waits for what was not sent, a file system of his own for his program.  So a socket that brings descriptors is given
 * to a thread of its own, and nobody who has a lock, or serves others, waits.
 */
void mp_discard_socket (int *fd);

G_END_DECLS
