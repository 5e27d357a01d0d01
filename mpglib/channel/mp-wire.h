/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <glib.h>

G_BEGIN_DECLS

/**
 * MpWireFlags:
 * @MP_WIRE_DEFAULT: mpglib's own protocol, where nobody else can listen in: over a network with TLS
 * @MP_WIRE_INSECURE: without TLS also over a network, where whoever carries the connection can read all of it, and
 *   change it. Both ends still prove that they have the key, which must have at least 16 bytes
 * @MP_WIRE_PYTHON: the protocol of Python's `multiprocessing.connection`, of Python 3.12 and later, for
 *   programs that use that alone. It carries bytes, by the functions that say so: nothing is known of what they
 *   are, nothing can be attached, and a death at the other end looks like its end. Within one machine only; a send
 *   that is cancelled when a part of its message has gone is sent nevertheless
 * @MP_WIRE_TLS: with TLS also where it is not there by itself, which is on unix sockets and loopback addresses
 *
 * What a [class@Mp.Listener] and its clients speak with each other.
 *
 * Since: 1.0
 */
typedef enum /*< flags >*/
{
  MP_WIRE_DEFAULT = 0,
  MP_WIRE_INSECURE = 1 << 0,
  MP_WIRE_PYTHON = 1 << 1,
  MP_WIRE_TLS = 1 << 2,
} MpWireFlags;

G_END_DECLS
