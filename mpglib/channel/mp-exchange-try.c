/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-exchange-base-private.h"
#include "mp-origin-private.h"

/* What can be done at once, by a ring, without a transfer. */

/*< private >
 * mp_exchange_try_send:
 *
 * Returns: whether it was sent; if not, mp_exchange_run() has to be asked
 */
gboolean
mp_exchange_try_send (MpExchange           *self,
                      const MpConduitBody  *body)
{
  gboolean was_sent;

  if (!self->is_linked || self->origin != mp_origin_get ())
    return FALSE;

  mp_exchange_lock (self);
  was_sent = !self->is_closed && g_queue_is_empty (&self->senders.transfers) &&
             mp_conduit_fits_ring (&self->conduit, body) &&
             mp_conduit_send_body (&self->conduit, body, NULL) == MP_IO_DONE;
  mp_exchange_unlock (self);

  return was_sent;
}

typedef struct
{
  MpAccept accept;
  gsize    max_length;
} Wish;

/* Rubbish is taken, and told of. */
static gboolean
is_wanted (const MpRingRecord *record,
           gconstpointer       data)
{
  const Wish *wish = data;
  guint32 length;

  if (!mp_item_measure_body (record, &length))
    return TRUE;

  return (wish->accept == MP_ACCEPT_ANY || mp_item_is_value (record) == (wish->accept == MP_ACCEPT_VALUE)) &&
         (wish->max_length == 0 || length <= wish->max_length);
}

static MpIoStatus
try_receive_locked (MpExchange      *self,
                    const Wish      *wish,
                    MpConduitUsual  *usual,
                    GError         **error)
{
  if (self->is_closed || !g_queue_is_empty (&self->receivers.transfers))
    return MP_IO_AGAIN;

  return mp_conduit_receive_usual (&self->conduit, is_wanted, wish, usual, error);
}

/*< private >
 * mp_exchange_try_receive:
 * @spins: whether it looks some times, as one that waits does before it sleeps
 *
 * Returns: MP_IO_DONE, MP_IO_FAILED, or MP_IO_AGAIN: mp_exchange_run() has to be asked
 */
MpIoStatus
mp_exchange_try_receive (MpExchange      *self,
                         MpAccept         accept,
                         gsize            max_length,
                         gboolean         spins,
                         MpConduitUsual  *usual,
                         GError         **error)
{
  Wish wish = { accept, max_length };
  MpIoStatus status;

  if (!self->is_linked || self->origin != mp_origin_get ())
    return MP_IO_AGAIN;

  mp_exchange_lock (self);
  status = try_receive_locked (self, &wish, usual, error);
  if (status == MP_IO_AGAIN && spins && mp_conduit_is_ring_idle (&self->conduit) &&
      g_queue_is_empty (&self->receivers.transfers) && mp_exchange_spin_locked (self, MP_RING_LINK_IN))
    status = try_receive_locked (self, &wish, usual, error);
  if (self->epoll_fd >= 0)
    mp_exchange_serve_locked (self, &self->receivers);
  mp_exchange_unlock (self);

  return status;
}
