/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <poll.h>

#include "mp-exchange-base-private.h"
#include "mp-log-private.h"
#include "mp-origin-private.h"
#include "mp-waker-private.h"

/* Who waits in which lane, and who of them is woken by what. */

MpLane *
mp_exchange_get_lane (MpExchange       *self,
                      const MpTransfer *transfer)
{
  return transfer->kind == MP_TRANSFER_SEND ? &self->senders : &self->receivers;
}

static short
get_events_locked (MpExchange *self,
                   MpLane     *lane)
{
  if (lane == &self->senders && mp_transport_get_send_events (self->conduit.transport) != 0)
    return POLLOUT;

  /* Room in the ring is told by its bell; by the socket, that nobody is left who makes it. */
  if (lane == &self->senders)
    return self->conduit.link != NULL ? POLLPRI : 0;

  return mp_transport_get_receive_events (self->conduit.transport);
}

/* With those of the other lane: who blocks serves both. */
short
mp_exchange_get_all_events_locked (MpExchange *self,
                                   MpLane     *lane)
{
  MpLane *other = lane == &self->senders ? &self->receivers : &self->senders;
  short events = get_events_locked (self, lane);

  return g_queue_is_empty (&other->transfers) ? events : (short) (events | get_events_locked (self, other));
}

static gboolean
is_in_context (const MpTransfer *transfer,
               GMainContext     *context)
{
  return transfer->source != NULL && transfer->context == context;
}

static void
attach_locked (MpTransfer *transfer)
{
  if (!transfer->is_loose)
    return;

  transfer->is_loose = FALSE;
  g_source_attach (transfer->source, transfer->context);
}

/*< private >
 * mp_exchange_attach_loose_locked:
 *
 * Sources of a context are called in the order in which they were attached: so before that of the last one in a lane,
 * which is not to be loose, those of its context that are before it.  Loose ones have none of theirs behind them that
 * are not.
 */
void
mp_exchange_attach_loose_locked (MpExchange *self,
                                 MpTransfer *last)
{
  GList *link;

  for (link = last->link.prev; link != NULL; link = link->prev)
    if (is_in_context (link->data, last->context) && !((MpTransfer *) link->data)->is_loose)
      break;

  if (link == NULL)
    link = g_queue_peek_head_link (&mp_exchange_get_lane (self, last)->transfers);
  for (; link->data != last; link = link->next)
    if (is_in_context (link->data, last->context))
      attach_locked (link->data);
}

/* --- Contexts ----------------------------------------------------------------------- */

/* A context that does not run must not keep the others from what comes: so the first of each polls, wherever it is in
 * the lane, and serves those before it.
 */

/*< private >
 * mp_exchange_note_context_locked:
 * @transfer: in its lane; its context is known
 */
void
mp_exchange_note_context_locked (MpExchange *self,
                                 MpTransfer *transfer)
{
  MpLane *lane = mp_exchange_get_lane (self, transfer);

  if (lane->firsts == NULL)
    lane->firsts = g_hash_table_new (NULL, NULL);

  transfer->is_first = !g_hash_table_contains (lane->firsts, transfer->context);
  if (transfer->is_first)
    g_hash_table_insert (lane->firsts, transfer->context, transfer);
}

/* To the next one of its context. */
static void
pass_on_locked (MpLane     *lane,
                MpTransfer *transfer)
{
  GList *link = transfer->link.next;

  if (!transfer->is_first)
    return;

  while (link != NULL && !is_in_context (link->data, transfer->context))
    link = link->next;

  transfer->is_first = FALSE;
  if (link == NULL)
    {
      g_hash_table_remove (lane->firsts, transfer->context);
      return;
    }

  ((MpTransfer *) link->data)->is_first = TRUE;
  g_hash_table_insert (lane->firsts, transfer->context, link->data);
}

/* A source is there as long as its transfer is in a lane, without a reference: one that was dropped here might be the
 * last of a context that whoever waited there has given up as soon as it was woken.
 */
static void
wake_locked (MpTransfer *transfer)
{
  if (transfer->is_ending)
    return;

  if (transfer->source != NULL)
    {
      g_source_set_ready_time (transfer->source, 0);
      attach_locked (transfer);
    }
  else if (transfer->waker != NULL)
    mp_waker_wake (transfer->waker);
}

static gboolean
is_blocking (const MpTransfer *transfer)
{
  return transfer->source == NULL || transfer->blocks;
}

MpTransfer *
mp_exchange_get_first_blocking_locked (MpLane *lane)
{
  if (lane->n_blocking > 0)
    for (GList *link = lane->transfers.head; link != NULL; link = link->next)
      if (is_blocking (link->data))
        return link->data;

  return NULL;
}

/* Not to a source that another thread may be destroying with its context: that of the context does it. */
static void
add_descriptors_locked (MpExchange *self,
                        MpTransfer *transfer,
                        short       events)
{
  if (transfer->context != NULL &&
      (!g_main_context_is_owner (transfer->context) || g_source_is_destroyed (transfer->source)))
    {
      wake_locked (transfer);
      return;
    }

  transfer->fd_tag = g_source_add_unix_fd (transfer->source, mp_transport_get_fd (self->conduit.transport),
                                           (GIOCondition) events);
  if (self->conduit.link != NULL)
    transfer->bell_tag = g_source_add_unix_fd (transfer->source, mp_ring_link_get_bell (self->conduit.link), G_IO_IN);
}

/* Who has not been appointed has no descriptors: a context has all of them in one list, through which it goes for
 * each that comes and goes.
 */
static void
set_events_locked (MpExchange *self,
                   MpTransfer *transfer,
                   short       events)
{
  if (transfer->source != NULL && transfer->fd_tag == NULL && events != 0 && !self->is_closed)
    add_descriptors_locked (self, transfer, events);
  else if (transfer->fd_tag != NULL && transfer->events != events)
    {
      /* Setting them wakes the context, so only when they change. */
      g_source_modify_unix_fd (transfer->source, transfer->fd_tag, (GIOCondition) events);
      if (transfer->bell_tag != NULL)
        g_source_modify_unix_fd (transfer->source, transfer->bell_tag, events != 0 ? G_IO_IN : 0);
    }
  transfer->events = events;
}

/*< private >
 * mp_exchange_stop_polling_locked:
 *
 * Until it is appointed anew.
 */
void
mp_exchange_stop_polling_locked (MpExchange *self,
                                 MpTransfer *transfer)
{
  set_events_locked (self, transfer, 0);
}

/* Whoever hears the bell serves all for whom it may have rung.  Who has polled it must not find it readable for
 * ever.
 */
void
mp_exchange_hear_locked (MpExchange *self,
                         gboolean    was_polled)
{
  guint ways;

  /* What a forked process would hear is its parent's. */
  if (self->conduit.link == NULL || self->is_closed || self->origin != mp_origin_get ())
    return;

  ways = mp_ring_link_hear (self->conduit.link, was_polled || self->epoll_fd >= 0);
  if ((ways & (1u << MP_RING_LINK_IN)) != 0)
    mp_exchange_serve_lane_locked (self, &self->receivers);
  if ((ways & (1u << MP_RING_LINK_OUT)) != 0)
    mp_exchange_serve_lane_locked (self, &self->senders);
}

/* Has the bell ring when there may be more to do for a lane.
 *
 * Returns: whether one has to look again first
 */
gboolean
mp_exchange_arm_locked (MpExchange *self,
                        MpLane     *lane)
{
  MpTransfer *first = g_queue_peek_head (&lane->transfers);
  gboolean is_new = FALSE;
  GError *error = NULL;

  if (self->conduit.link == NULL || self->is_closed ||
      (first == NULL && (lane == &self->senders || (self->reader == NULL && self->epoll_fd < 0))))
    return FALSE;

  if (mp_ring_link_arm (self->conduit.link, lane == &self->senders ? MP_RING_LINK_OUT : MP_RING_LINK_IN,
                        &is_new, &error))
    return is_new;

  if (first != NULL)
    mp_exchange_finish_locked (self, first, error);
  else
    {
      mp_log_warning ("A connection does not hear of its messages: %s", error->message);
      g_error_free (error);
    }
  return first != NULL;
}

static void
appoint_firsts_locked (MpExchange *self,
                       MpLane     *lane)
{
  short events = get_events_locked (self, lane);
  GHashTableIter iter;
  gpointer first;

  g_hash_table_iter_init (&iter, lane->firsts);
  while (g_hash_table_iter_next (&iter, NULL, &first))
    if (!((MpTransfer *) first)->blocks && !((MpTransfer *) first)->is_ending)
      {
        attach_locked (first);
        set_events_locked (self, first, events);
      }
}

/* Has those poll the descriptors who should. */
void
mp_exchange_appoint_pollers_locked (MpExchange *self,
                                    MpLane     *lane)
{
  MpTransfer *first = g_queue_peek_head (&lane->transfers);
  MpTransfer *blocking = mp_exchange_get_first_blocking_locked (lane);

  if (first != NULL)
    {
      attach_locked (first);
      set_events_locked (self, first, get_events_locked (self, lane));
    }

  if (lane->firsts != NULL && g_hash_table_size (lane->firsts) > 1)
    appoint_firsts_locked (self, lane);

  if (blocking != NULL && blocking->waker != NULL && !blocking->is_polling)
    mp_waker_wake (blocking->waker);
  else if (blocking != NULL && blocking->source != NULL)
    set_events_locked (self, blocking, mp_exchange_get_all_events_locked (self, lane));
}

void
mp_exchange_enqueue_locked (MpExchange *self,
                            MpTransfer *transfer)
{
  MpLane *lane = mp_exchange_get_lane (self, transfer);

  transfer->link.data = transfer;
  transfer->is_queued = TRUE;
  g_queue_push_tail_link (&lane->transfers, &transfer->link);
  if (is_blocking (transfer))
    lane->n_blocking++;
}

/* Takes the error. */
void
mp_exchange_finish_locked (MpExchange *self,
                           MpTransfer *transfer,
                           GError     *error)
{
  MpLane *lane = mp_exchange_get_lane (self, transfer);

  pass_on_locked (lane, transfer);
  g_queue_unlink (&lane->transfers, &transfer->link);
  transfer->is_queued = FALSE;
  transfer->is_done = TRUE;
  transfer->error = error;
  wake_locked (transfer);

  if (is_blocking (transfer))
    lane->n_blocking--;
}
