/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-packet-io-private.h"
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

static gboolean
may_send (MpTransport           *self,
          const MpTransportBody *body)
{
  return mp_transport_is_clear (self) && body->length <= self->max_peer_body;
}

/*< private >
 * mp_transport_write_body:
 * @body: as for mp_transport_send_body()
 * @packet: (out): room for %MP_TRANSPORT_SHORT_PACKET bytes
 *
 * For who sends it by mp_packet_send_whole(), now or not at all.
 *
 * Returns: the size of the packet; 0: it takes mp_transport_send_body(), or another way
 */
gsize
mp_transport_write_body (MpTransport           *self,
                         const MpTransportBody *body,
                         guint8                *packet)
{
  return self->kind->write_body != NULL && may_send (self, body) ? self->kind->write_body (body, packet) : 0;
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
  guint8 packet[MP_TRANSPORT_SHORT_PACKET];
  gsize size = mp_transport_write_body (self, body, packet);

  if (size > 0)
    return mp_packet_send_whole (self->fd, packet, size) == 0;

  return self->kind->transmit_body != NULL && may_send (self, body) && self->kind->transmit_body (self, body);
}

/*< private >
 * mp_transport_reads_bodies:
 *
 * Returns: whether mp_packet_receive() may be called, and then mp_transport_take_body()
 */
gboolean
mp_transport_reads_bodies (MpTransport *self)
{
  return self->kind->take_body != NULL && mp_transport_is_idle (self);
}

/*< private >
 * mp_transport_take_body:
 * @result: of mp_packet_receive()
 * @received: what that received
 * @wants: whether it is to be taken
 * @body: (out): its memory is the calling thread's until it receives again
 *
 * Whatever else has come is left to mp_transport_receive().
 *
 * Returns: whether a body was received
 */
gboolean
mp_transport_take_body (MpTransport      *self,
                        int               result,
                        MpReceived       *received,
                        MpTransportWants  wants,
                        gconstpointer     user_data,
                        MpTransportBody  *body)
{
  return self->kind->take_body (self, result, received, wants, user_data, body);
}

/*< private >
 * mp_transport_receive_body:
 *
 * Reads once: mp_packet_receive() and mp_transport_take_body().
 */
gboolean
mp_transport_receive_body (MpTransport      *self,
                           MpTransportWants  wants,
                           gconstpointer     user_data,
                           MpTransportBody  *body)
{
  MpReceived received;
  int result;

  if (!mp_transport_reads_bodies (self))
    return FALSE;

  result = mp_packet_receive (self->fd, &received);
  return mp_transport_take_body (self, result, &received, wants, user_data, body);
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
