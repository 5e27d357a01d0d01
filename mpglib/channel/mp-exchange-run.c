/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <poll.h>

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-exchange-base-private.h"
#include "mp-interruptible-private.h"
#include "mp-waker-private.h"

/* Transfers for which a thread waits. */

/* Sleeps until there may be something to do for the transfer.  FALSE and an
 * error if it is not to wait any longer.
 */
static gboolean
sleep_unlocked (MpTransfer   *transfer,
                int           fd,
                short         events,
                int           bell,
                gint64        deadline,
                GCancellable *cancellable,
                GError      **error)
{
  struct pollfd fds[4] = {
    { mp_waker_get_fd (transfer->waker), POLLIN, 0 },
    { fd, events, 0 },
    { -1, POLLIN, 0 },
    { bell, POLLIN, 0 },
  };
  GPollFD cancelled;
  struct timespec remaining;
  gboolean is_interrupted;
  int result;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  if (g_cancellable_make_pollfd (cancellable, &cancelled))
    fds[2].fd = cancelled.fd;
  if (deadline >= 0)
    remaining = mp_deadline_to_timespec_remaining (deadline);

  result = ppoll (fds, G_N_ELEMENTS (fds), deadline >= 0 ? &remaining : NULL, mp_thread_get_wait_mask ());

  is_interrupted = result < 0 && errno == EINTR && mp_thread_get_interruptible ();

  if (fds[2].fd >= 0)
    g_cancellable_release_fd (cancellable);
  if (result > 0 && fds[0].revents != 0)
    mp_waker_clear (transfer->waker);
  if (is_interrupted)
    g_set_error (error, MP_ERROR, MP_ERROR_INTERRUPTED, "A signal ended the wait");

  return !is_interrupted;
}

/* Lets others have a turn. */
static gboolean
pause_locked (MpExchange   *self,
              GCancellable *cancellable,
              GError      **error)
{
  gboolean goes_on;

  mp_exchange_unlock (self);
  goes_on = !g_cancellable_set_error_if_cancelled (cancellable, error);
  mp_exchange_lock (self);
  return goes_on;
}

/* Without the lock the rings stay where they are, whoever closes the connection. */
static void
begin_spinning (MpExchange *self)
{
  self->n_spinning++;
  mp_exchange_unlock (self);
}

static void
end_spinning (MpExchange *self)
{
  mp_exchange_lock (self);
  if (--self->n_spinning == 0 && self->is_closed)
    mp_conduit_drop_rings (&self->conduit);
}

/* Lets go of the lock. */
gboolean
mp_exchange_spin_locked (MpExchange    *self,
                         MpRingLinkWay  way,
                         gsize          length)
{
  gboolean is_there;

  begin_spinning (self);
  is_there = mp_ring_link_spin (self->conduit.link, way, length);
  end_spinning (self);
  return is_there;
}

/* Likewise. */
void
mp_exchange_linger_locked (MpExchange    *self,
                           MpRingLinkWay  way,
                           gsize          length)
{
  begin_spinning (self);
  mp_ring_link_linger (self->conduit.link, way, length);
  end_spinning (self);
}

/* Those that receive have spun before: see mp_exchange_try_receive().
 *
 * Only once before a sleep: what the ring shows need not be what keeps the transfer waiting.
 *
 * Returns: whether one has to look before one sleeps
 */
static gboolean
spin_for_locked (MpExchange *self,
                 MpTransfer *transfer)
{
  gsize length = 0;

  if (self->conduit.link == NULL || transfer->has_spun || transfer->kind == MP_TRANSFER_RECEIVE ||
      (transfer->kind == MP_TRANSFER_SEND && !mp_conduit_goes_by_ring (&self->conduit, transfer->frame, &length)) ||
      g_queue_peek_head (&mp_exchange_get_lane (self, transfer)->transfers) != transfer)
    return FALSE;

  transfer->has_spun = TRUE;
  return mp_exchange_spin_locked (self, transfer->kind == MP_TRANSFER_SEND ? MP_RING_LINK_OUT : MP_RING_LINK_IN,
                                  length) ||
         transfer->is_done || self->is_closed;
}

static gboolean
sleep_locked (MpExchange   *self,
              MpTransfer   *transfer,
              gint64        deadline,
              GCancellable *cancellable,
              GError      **error)
{
  MpLane *lane = mp_exchange_get_lane (self, transfer);
  short events;
  gboolean goes_on;
  int fd, bell = -1;

  if (mp_exchange_can_go_on_locked (self, transfer))
    return pause_locked (self, cancellable, error);

  if (mp_deadline_has_passed (deadline))
    {
      g_propagate_error (error, mp_transfer_new_timed_out (transfer));
      return FALSE;
    }

  if (spin_for_locked (self, transfer))
    return TRUE;

  transfer->waker = mp_waker_get_mine (error);
  if (transfer->waker == NULL)
    return FALSE;

  transfer->is_polling = mp_exchange_get_first_blocking_locked (lane) == transfer;
  if (transfer->is_polling && self->conduit.link != NULL)
    bell = mp_ring_link_get_bell (self->conduit.link);
  fd = transfer->is_polling ? mp_transport_get_fd (self->conduit.transport) : -1;
  events = mp_exchange_get_all_events_locked (self, lane);

  mp_exchange_unlock (self);
  goes_on = sleep_unlocked (transfer, fd, events, bell, deadline, cancellable, error);
  mp_exchange_lock (self);
  mp_exchange_hear_locked (self, TRUE);

  transfer->waker = NULL;
  transfer->is_polling = FALSE;
  transfer->has_spun = FALSE;
  return goes_on;
}

/*< private >
 * mp_exchange_run:
 * @timeout: seconds; negative waits for ever, 0 does not wait
 *
 * Waits until the transfer is done.  It fails with its own error, or
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED or %G_IO_ERROR_CANCELLED, in which
 * cases nothing was sent or taken.
 */
gboolean
mp_exchange_run (MpExchange   *self,
                 MpTransfer   *transfer,
                 gdouble       timeout,
                 GCancellable *cancellable,
                 GError      **error)
{
  gint64 deadline = mp_deadline_from_timeout (timeout);
  GError *reason = NULL;

  if (!mp_exchange_check_origin (self, error) || g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  mp_exchange_lock (self);
  mp_exchange_enqueue_locked (self, transfer);
  mp_exchange_serve_locked (self, mp_exchange_get_lane (self, transfer));

  while (!transfer->is_done)
    {
      gboolean goes_on = sleep_locked (self, transfer, deadline, cancellable, &reason);

      /* Also what was begun the other way, which the peer may wait for. */
      mp_exchange_serve_locked (self, &self->senders);
      mp_exchange_serve_locked (self, &self->receivers);

      /* Done: that counts, whatever else happened. */
      if (transfer->is_done)
        g_clear_error (&reason);
      else if (!goes_on)
        mp_exchange_withdraw_locked (self, transfer, g_steal_pointer (&reason));
    }
  mp_exchange_unlock (self);

  if (transfer->error == NULL)
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&transfer->error));
  return FALSE;
}
