/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-transport-base-private.h"

/* Messages without attachments in the usual case: no frame, no parcel, no memory taken. */

static gboolean
is_usable (MpTransport *self)
{
  return self->fd >= 0 && self->failure == NULL && self->end == NULL;
}

/*< private >
 * mp_transport_is_clear:
 *
 * Returns: whether nothing is left to be sent, and no end is known
 */
gboolean
mp_transport_is_clear (MpTransport *self)
{
  return is_usable (self) && self->queue.length == 0;
}

/*< private >
 * mp_transport_send_body:
 * @body: of at most %MP_TRANSPORT_INLINE_MAX bytes, with a codec whose type was checked
 *
 * Sends now or not at all.
 *
 * Returns: whether it was sent; if not, mp_transport_send() tells why, or does it
 */
gboolean
mp_transport_send_body (MpTransport           *self,
                        const MpTransportBody *body)
{
  return self->kind->transmit_body != NULL && mp_transport_is_clear (self) &&
         body->length <= self->max_peer_body && self->kind->transmit_body (self, body);
}

/*< private >
 * mp_transport_receive_body:
 * @wants: whether it is to be taken
 * @body: (out): its memory is the calling thread's until it receives again
 *
 * Reads once.  Whatever else that brings is left to mp_transport_receive().
 *
 * Returns: whether a body was received
 */
gboolean
mp_transport_receive_body (MpTransport      *self,
                           MpTransportWants  wants,
                           gconstpointer     user_data,
                           MpTransportBody  *body)
{
  return self->kind->read_body != NULL && mp_transport_is_idle (self) &&
         self->kind->read_body (self, wants, user_data, body);
}

/*< private >
 * mp_transport_is_idle:
 *
 * Returns: whether there is nothing to be received, as far as that is known without the socket, but there may be soon
 */
gboolean
mp_transport_is_idle (MpTransport *self)
{
  return is_usable (self) && self->kept.length == 0 && self->loss == NULL;
}
