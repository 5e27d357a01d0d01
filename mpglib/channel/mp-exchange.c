/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-exchange-base-private.h"
#include "mp-fd-private.h"
#include "mp-origin-private.h"

/* Others wait for the lock, in main loops too: so nobody who has it waits longer for a process that was stopped than
 * they would themselves.
 */
#define PATIENCE_WITH_LOCK (250 * G_TIME_SPAN_MILLISECOND)

void
mp_exchange_lock (MpExchange *self)
{
  mp_biased_lock_acquire (&self->lock);
  if (!self->is_linked)
    return;

  self->patience.spent = 0;
  mp_patience_begin (&self->patience);
}

void
mp_exchange_unlock (MpExchange *self)
{
  g_autoptr (GError) untold_end = g_steal_pointer (&self->untold_end);

  if (self->is_linked)
    mp_patience_end (&self->patience);
  mp_biased_lock_release (&self->lock);

  if (untold_end != NULL)
    self->events->tell (self->owner, untold_end);
}

/* In a process that was forked from its own: a thread that is not here may have the lock, and for ever. */
static gboolean
is_foreign (MpExchange *self)
{
  return self->origin != mp_origin_get ();
}

/* --- Life ------------------------------------------------------------------ */

/*< private >
 * mp_exchange_new:
 * @transport: taken
 * @link: (nullable): taken
 * @owner: what the events are for; not referenced
 */
MpExchange *
mp_exchange_new (MpTransport     *transport,
                 MpRingLink      *link,
                 const MpExchangeEvents *events,
                 gpointer         owner)
{
  MpExchange *self = g_new0 (MpExchange, 1);

  g_atomic_ref_count_init (&self->ref_count);
  mp_biased_lock_init (&self->lock);
  self->origin = mp_origin_get ();
  self->is_linked = link != NULL;
  self->patience.most = PATIENCE_WITH_LOCK;
  mp_conduit_init (&self->conduit, transport, link);
  self->epoll_fd = -1;
  self->kept_fd = -1;
  self->events = events;
  self->owner = owner;
  self->link.data = self;
  mp_exchange_add_to_open (self);

  return self;
}

MpExchange *
mp_exchange_ref (MpExchange *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
mp_exchange_unref (MpExchange *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  mp_conduit_clear (&self->conduit);
  g_clear_pointer (&self->senders.firsts, g_hash_table_unref);
  g_clear_pointer (&self->receivers.firsts, g_hash_table_unref);
  g_clear_pointer (&self->reader, g_source_unref);
  mp_fd_close (&self->epoll_fd);
  mp_fd_close (&self->kept_fd);
  if (!is_foreign (self))
    mp_biased_lock_clear (&self->lock);
  g_free (self);
}

/*< private >
 * mp_exchange_close:
 *
 * Says BYE and closes; transfers that wait fail with %MP_ERROR_CLOSED.  No reader
 * can be added any more; one that is there finds the end.  May be called again.
 */
void
mp_exchange_close (MpExchange *self)
{
  if (is_foreign (self))
    return;

  mp_exchange_remove_from_open (self);

  mp_exchange_lock (self);
  self->is_closed = TRUE;
  self->has_ended = TRUE;
  mp_conduit_close (&self->conduit);
  if (self->n_spinning == 0)
    mp_conduit_drop_rings (&self->conduit);
  mp_exchange_serve_locked (self, &self->senders);
  mp_exchange_serve_locked (self, &self->receivers);
  mp_fd_close (&self->epoll_fd);
  mp_fd_close (&self->kept_fd);
  mp_exchange_unlock (self);
}

/*< private >
 * mp_exchange_is_closed:
 *
 * Returns: whether it is of no use here: it was closed, or is another process's
 */
gboolean
mp_exchange_is_closed (MpExchange *self)
{
  gboolean is_closed;

  if (is_foreign (self))
    return TRUE;

  mp_exchange_lock (self);
  is_closed = self->is_closed;
  mp_exchange_unlock (self);

  return is_closed;
}

/*< private >
 * mp_exchange_get_socket:
 *
 * Returns: its descriptor; -1 where it was closed, or is another process's
 */
int
mp_exchange_get_socket (MpExchange *self)
{
  int fd;

  if (is_foreign (self))
    return -1;

  mp_exchange_lock (self);
  fd = mp_transport_get_fd (self->conduit.transport);
  mp_exchange_unlock (self);

  return fd;
}

/*< private >
 * mp_exchange_share:
 *
 * Returns: a duplicate of the socket for another process, or -1
 */
int
mp_exchange_share (MpExchange *self,
                   GError    **error)
{
  int fd;

  if (!mp_exchange_check_origin (self, error))
    return -1;

  mp_exchange_lock (self);
  fd = mp_conduit_share (&self->conduit, error);
  mp_exchange_unlock (self);

  return fd;
}

/*< private >
 * mp_exchange_check_origin:
 *
 * Returns: whether this process made it, and not one it was forked from; else
 *   %MP_ERROR_FORKED
 */
gboolean
mp_exchange_check_origin (MpExchange *self,
                          GError    **error)
{
  return mp_origin_check (self->origin, "The connection", error);
}

/*< private >
 * mp_exchange_prepare:
 *
 * Packs what is attached to a frame that is to be sent.  Without the lock: what is attached may be the owner.
 */
gboolean
mp_exchange_prepare (MpExchange  *self,
                     MpFrame     *frame,
                     GError     **error)
{
  gboolean goes_by_ring;
  gsize length;

  mp_exchange_lock (self);
  goes_by_ring = mp_conduit_goes_by_ring (&self->conduit, frame, &length);
  mp_exchange_unlock (self);

  return goes_by_ring || mp_transport_prepare (frame, error);
}

/*< private >
 * mp_exchange_pack_rings:
 *
 * Returns: (transfer floating): a description for mp_ring_link_unpack()
 */
GVariant *
mp_exchange_pack_rings (MpExchange  *self,
                        MpPacking   *packing,
                        GError     **error)
{
  GVariant *rings;

  if (!mp_exchange_check_origin (self, error))
    return NULL;

  mp_exchange_lock (self);
  rings = self->conduit.link != NULL ? mp_ring_link_pack (self->conduit.link, packing, error)
                                     : g_variant_new_tuple (NULL, 0);
  mp_exchange_unlock (self);

  return rings;
}

/*< private >
 * mp_exchange_get_link:
 *
 * Returns: (nullable): what is beside the socket; for tests
 */
MpRingLink *
mp_exchange_get_link (MpExchange *self)
{
  return self->conduit.link;
}
