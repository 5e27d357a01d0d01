/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-greeting-private.h"
#include "mp-pump-private.h"
#include "mp-tls-channel-private.h"
#include "mp-strangers-private.h"
#include "mp-tls-terms-private.h"

G_BEGIN_DECLS

/* TLS that two ends agree on, from the first byte of a connection on, within what is left of %MP_PREAMBLE_DEADLINE.
 *
 *     HELLO    a server waits for the client's first record, on the pump: who is silent, or speaks no TLS, costs no
 *              more than a descriptor and that record
 *     QUEUED   it waits for one of the turns
 *     TURN     GIO has it, on threads of GLib's that wait for the other end
 *     OVER     `done` was or is called
 *
 * GIO's handshakes block a thread of the pool that all of the program shares, of ten at first.  So there are few
 * turns, some for servers and others for clients, lest who does not answer to the program's own connections keeps
 * strangers waiting.  Who gets one, and for how long, MpTlsTurn says.
 *
 * A pump guards all but the turn itself.
 */
typedef struct _MpTlsHandshake MpTlsHandshake;

#define MP_TLS_MAX_HELLO    2048 /* of a client; those of today have some 500 bytes */

/* Once, with the pump's lock held, and not before the start has returned: @channel (transfer full) or why not.  May
 * free the handshake.
 */
typedef void (*MpTlsHandshakeDone) (MpTlsHandshake *self,
                                    MpTlsChannel   *channel,
                                    const GError   *error,
                                    gpointer        data);

MpTlsHandshake *mp_tls_handshake_start_locked (MpPump              *pump,
                                               int                  fd,
                                               MpTlsTerms          *terms,
                                               const MpWhence      *whence,
                                               MpTlsHandshakeDone   done,
                                               gpointer             data,
                                               GError             **error);
void            mp_tls_handshake_free_locked  (MpTlsHandshake      *self);
/* since: monotonic time from which on the other end is waited for */
MpGreetingStanding mp_tls_handshake_look      (MpTlsHandshake      *self,
                                               gint64              *since);
/* How long the other end has let it wait, but for what is on the way, once they have agreed: µs */
gint64          mp_tls_handshake_get_silence  (MpTlsHandshake      *self);
int             mp_tls_handshake_steal_fd     (MpTlsHandshake      *self);
void            mp_tls_handshake_leave        (MpTlsHandshake      *self);

G_END_DECLS
