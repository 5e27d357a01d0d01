/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-arena-private.h"
#include "mp-shareable-private.h"

G_BEGIN_DECLS

/* The shared objects of one message on their way to another process: the sender holds them
 * until the receiver does, whatever becomes of the sender's own objects.
 *
 *   state      the sender has                          the message has
 *   boarding   a hold of each, the end of a pipe       the pipe's other end
 *   departed   likewise; the pump looks at the end     likewise, wherever it is
 *   landed     holds that it gives back                nothing: that end was closed
 *
 * The other end is closed when the receiver has made the last object of the message, which have
 * holds of their own, or drops the message; or by the kernel, when it was killed, or when nobody can
 * receive the message any more.  If the sender dies its holds go, and the receiver is told
 * %MP_ERROR_STALE unless it has made its objects; likewise of the longest on its way, if
 * hundreds are, and of an object whose arena was busy just when it was packed.
 */
gboolean mp_flight_board        (MpPacking    *packing,
                                 MpHold       *held,
                                 GError      **error);
void     mp_flight_set_awaiting (gboolean      awaiting);
gboolean mp_flight_await        (guint         most,
                                 gint64        deadline);
void     mp_flight_keep         (MpUnpacking  *unpacking,
                                 int          *fd_taken);
void     mp_flight_release      (MpHold       *hold);

G_END_DECLS
