/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <poll.h>

#include "mp-exchange-base-private.h"
#include "mp-origin-private.h"
#include "mp-packet-io-private.h"

/* What can be done at once, without a transfer. */

/* Before a first attempt of who may wait.  Lets go of the lock if that takes time.
 *
 * `length`: of what is to be put
 */
static inline void
linger_locked (MpExchange    *self,
               MpRingLinkWay  way,
               gsize          length)
{
  if (self->conduit.link != NULL && G_UNLIKELY (mp_ring_link_wants_linger (self->conduit.link, way, length)))
    mp_exchange_linger_locked (self, way, length);
}

/* The system calls of the usual case are made here, not deep below: see mp-packet-io-private.h. */
static G_ALWAYS_INLINE inline gboolean
send_locked (MpExchange            *self,
             const MpTransportBody *body)
{
  guint8 packet[MP_TRANSPORT_SHORT_PACKET];
  gsize size = self->conduit.link == NULL ? mp_conduit_write_packet (&self->conduit, body, packet) : 0;

  return size > 0 ? mp_packet_send_whole (mp_transport_get_fd (self->conduit.transport), packet, size) == 0
                  : mp_conduit_try_send (&self->conduit, body);
}

/*< private >
 * mp_exchange_try_send:
 * @may_wait: whether somebody does who cannot send at once
 *
 * Returns: whether it was sent; if not, mp_exchange_run() has to be asked
 */
gboolean
mp_exchange_try_send (MpExchange            *self,
                      const MpTransportBody *body,
                      gboolean               may_wait)
{
  gboolean was_sent;

  if (self->origin != mp_origin_get ())
    return FALSE;

  mp_exchange_lock (self);
  if (may_wait && body->length <= MP_RING_LINK_MAX_BODY)
    linger_locked (self, MP_RING_LINK_OUT, body->length);
  was_sent = !self->is_closed && self->senders.transfers.length == 0 &&
             send_locked (self, body);
  mp_exchange_unlock (self);

  return was_sent;
}

/* --- Looking at the socket ------------------------------------------------ */

/* For about as long as it takes to be woken.  Where it was in vain it is done at every 2nd, 4th ... wait only. */
#define LOOK_USEC    50
#define MAX_RARENESS 10

/* From one look to the next nothing takes so long, unless somebody else has the CPU: maybe the other side. */
#define GAP_USEC     5

/* Another thread may close it meanwhile, and get its number for something else: nothing is done but to look.
 *
 * Returns: whether something is there
 */
static gboolean
look_at (int       fd,
         gboolean *was_good)
{
  gint64 begin = g_get_monotonic_time (), last = begin, now;
  struct pollfd entry = { fd, POLLIN, 0 };
  gboolean is_alone = TRUE;

  do
    {
      gboolean is_there = poll (&entry, 1, 0) > 0;

      now = g_get_monotonic_time ();
      is_alone &= now - last <= GAP_USEC;
      *was_good = is_there && is_alone;
      if (is_there)
        return TRUE;
      last = now;
    }
  while (is_alone && now - begin < LOOK_USEC);

  return FALSE;
}

/* Lets go of the lock. */
static gboolean
look_locked (MpExchange *self)
{
  int fd = mp_transport_get_fd (self->conduit.transport);
  gboolean is_there, was_good;

  if (self->n_looks_left_out < (1u << self->rareness) - 1)
    {
      self->n_looks_left_out++;
      return FALSE;
    }

  mp_exchange_unlock (self);
  is_there = look_at (fd, &was_good);
  mp_exchange_lock (self);

  self->n_looks_left_out = 0;
  self->rareness = was_good ? 0 : MIN (self->rareness + 1, MAX_RARENESS);
  return is_there;
}

/* --- Receiving ------------------------------------------------------------ */

/* Likewise. */
static G_ALWAYS_INLINE inline MpIoStatus
receive_locked (MpExchange           *self,
                const MpConduitWish  *wish,
                MpConduitUsual       *usual,
                GError              **error)
{
  MpReceived received;
  int result;

  if (self->is_closed || self->receivers.transfers.length > 0)
    return MP_IO_AGAIN;

  if (self->conduit.link != NULL || !mp_conduit_reads_socket (&self->conduit))
    return mp_conduit_receive_usual (&self->conduit, wish, usual, error);

  result = mp_packet_receive (mp_transport_get_fd (self->conduit.transport), &received);
  return mp_conduit_take_packet (&self->conduit, result, &received, wish, usual);
}

/* As one that waits does before it sleeps. */
static gboolean
spin_locked (MpExchange *self)
{
  if (self->is_closed || !mp_conduit_is_idle (&self->conduit) || self->receivers.transfers.length > 0)
    return FALSE;

  return self->conduit.link != NULL ? mp_exchange_spin_locked (self, MP_RING_LINK_IN, 0) : look_locked (self);
}

/*< private >
 * mp_exchange_try_receive:
 * @spins: whether it looks some times, as one that waits does before it sleeps
 *
 * Returns: MP_IO_DONE, MP_IO_FAILED, or MP_IO_AGAIN: mp_exchange_run() has to be asked
 */
MpIoStatus
mp_exchange_try_receive (MpExchange           *self,
                         const MpConduitWish  *wish,
                         gboolean              spins,
                         MpConduitUsual       *usual,
                         GError              **error)
{
  MpIoStatus status;
  guint n_looks = 0;

  if (self->origin != mp_origin_get ())
    return MP_IO_AGAIN;

  mp_exchange_lock (self);
  if (spins)
    linger_locked (self, MP_RING_LINK_IN, 0);
  do
    status = receive_locked (self, wish, usual, error);
  while (status == MP_IO_AGAIN && spins && n_looks++ == 0 && spin_locked (self));
  if (self->epoll_fd >= 0)
    mp_exchange_serve_locked (self, &self->receivers);
  mp_exchange_unlock (self);

  return status;
}
