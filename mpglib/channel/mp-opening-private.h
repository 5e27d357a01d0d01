/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-arrival-private.h"

G_BEGIN_DECLS

/* A connection that is being opened: connect() is over at once on a unix socket, while TCP is dialled; and the
 * rest is the greeting.  The shared pump serves both, and guards all but the first nine.
 *
 *   dialling, or knocking -> [TLS] -> greeting -> arrived, or failed
 *        ^                               |
 *        +------- let go, unheard -------+
 *
 * A listener that has too many strangers lets those go that it has waited for longest (MpStrangers): honest ones,
 * too, which a busy machine has held up.  These come again, MP_OPENING_MAX_TRIES times in all, if the listener has
 * said its hello.  That is no second guess at a key: who has another one is told so, or comes with the same.  Python's
 * wire does not say what ended it, and a path that is relative, since it is too long otherwise, may be another one by
 * now, so there nobody comes again.
 */
typedef struct _MpOpening MpOpening;

#define MP_OPENING_MAX_TRIES 4

MpOpening *mp_opening_new            (const char     *address,
                                      MpAuthKey      *key,
                                      MpWireFlags     wire,
                                      MpTlsSettings  *tls);
void       mp_opening_free           (MpOpening      *self);
gboolean   mp_opening_begin          (MpOpening      *self,
                                      MpTlsSettings  *tls,
                                      GError        **error);
gboolean   mp_opening_wait           (MpOpening      *self,
                                      gdouble         timeout,
                                      GCancellable   *cancellable,
                                      GError        **error);
void       mp_opening_tell           (MpOpening      *self,
                                      GTask          *task,
                                      gdouble         timeout);
MpArrival *mp_opening_steal_arrival  (MpOpening      *self);
void       mp_opening_fail           (MpOpening      *self,
                                      GError        **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpOpening, mp_opening_free)

G_END_DECLS
