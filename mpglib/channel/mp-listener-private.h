/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-listener.h"
#include "mp-reception-private.h"
#include "mp-waitable.h"

G_BEGIN_DECLS

MpReception *mp_listener_get_reception (MpListener          *self);
/* That it can be accepted from; FALSE with an error otherwise */
gboolean     mp_listener_check_open    (MpListener          *self,
                                        GError             **error);
void         mp_listener_waitable_init (MpWaitableInterface *iface);

G_END_DECLS
