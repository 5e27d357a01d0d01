/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-queue-private.h"
#include "mp-ring-link-private.h"

/* Of messages that were sent and not received, each way.  What has once got memory keeps it as long as the ring is
 * there, since giving it back and taking it again would cost several times as much as copying a long message twice.
 */
#define CAPACITY (4 * 1024 * 1024)

/* For each way, if it is there: how many descriptors are its, and what mp_queue_store_pack() gave.  Without a
 * link it is the unit.
 */
#define DESCRIPTION_TYPE "(m(uv)m(uv))"

/* --- Making --------------------------------------------------------------- */

/* With its descriptor: a wait must not fail for want of one. */
static MpRingLink *
new_empty (GError **error)
{
  int bell_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  MpRingLink *self;

  if (bell_fd < 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG, "Cannot wait for a connection: %s", g_strerror (errno));
      return NULL;
    }

  self = g_new0 (MpRingLink, 1);
  self->bell_fd = bell_fd;
  for (guint i = 0; i < MP_RING_LINK_N_WAYS; i++)
    self->ways[i].link = self;

  return self;
}

static void
begin_way (MpRingWay *way)
{
  way->is_there = TRUE;
  way->store.ring.memory.n_kept = way->store.ring.memory.n_chunks;
  mp_ring_aside_init (&way->aside, &way->store.ring, mp_queue_store_get_head (&way->store));
}

/* A way from one end to the other of this process. */
static gboolean
make_way (MpRingLink *from,
          MpRingLink *to)
{
  MpRingWay *out = &from->ways[MP_RING_LINK_OUT], *in = &to->ways[MP_RING_LINK_IN];
  guint32 me;

  mp_queue_store_init (&out->store, MP_OBJECT_CONNECTION, 0, CAPACITY, 0);
  if (mp_queue_store_get_ring (&out->store, &me, NULL) == NULL ||
      !mp_queue_store_open_again (&out->store, &in->store, NULL))
    {
      mp_queue_store_clear (&out->store);
      return FALSE;
    }

  begin_way (out);
  begin_way (in);
  return TRUE;
}

static gboolean is_unused;

/*< private >
 * mp_ring_link_set_used:
 *
 * For tests: whether new pairs have rings.
 */
void
mp_ring_link_set_used (gboolean is_used)
{
  is_unused = !is_used;
}

/*< private >
 * mp_ring_link_new_pair:
 * @duplex: both ways; otherwise only from the second to the first
 *
 * Fails where there is no memory, or no descriptor: then the sockets carry all.
 *
 * Returns: whether both were made
 */
gboolean
mp_ring_link_new_pair (gboolean      duplex,
                       MpRingLink  **first,
                       MpRingLink  **second)
{
  *first = is_unused ? NULL : new_empty (NULL);
  *second = *first != NULL ? new_empty (NULL) : NULL;
  if (*second != NULL && make_way (*second, *first) && (!duplex || make_way (*first, *second)))
    return TRUE;

  g_clear_pointer (first, mp_ring_link_free);
  g_clear_pointer (second, mp_ring_link_free);
  return FALSE;
}

/*< private >
 * mp_ring_link_close:
 *
 * After the socket was closed: so that who sends to this end looks whether anybody is left.  Nobody waits any more.
 */
void
mp_ring_link_close (MpRingLink *self)
{
  guint32 me;

  if (self->ways[MP_RING_LINK_IN].is_there &&
      mp_queue_store_get_ring (&self->ways[MP_RING_LINK_IN].store, &me, NULL) != NULL)
    mp_ring_aside_close (&self->ways[MP_RING_LINK_IN].aside);

  for (guint i = 0; i < MP_RING_LINK_N_WAYS; i++)
    g_clear_pointer (&self->ways[i].doorbell, mp_doorbell_free);
  mp_fd_close (&self->bell_fd);
}

void
mp_ring_link_free (MpRingLink *self)
{
  for (guint i = 0; i < MP_RING_LINK_N_WAYS; i++)
    {
      g_clear_pointer (&self->ways[i].doorbell, mp_doorbell_free);
      if (self->ways[i].is_there)
        mp_queue_store_clear (&self->ways[i].store);
    }

  mp_fd_close (&self->bell_fd);
  g_free (self);
}

/* --- Holders -------------------------------------------------------------- */

typedef void (*CountFunc) (MpRingAside    *aside,
                           MpRingAsideEnd  end);

/* This end puts into one ring and takes from the other. */
static void
count_holder (MpRingLink *self,
              CountFunc   count)
{
  if (self->ways[MP_RING_LINK_OUT].is_there)
    count (&self->ways[MP_RING_LINK_OUT].aside, MP_RING_ASIDE_PUTS);
  if (self->ways[MP_RING_LINK_IN].is_there)
    count (&self->ways[MP_RING_LINK_IN].aside, MP_RING_ASIDE_TAKES);
}

/*< private >
 * mp_ring_link_join:
 *
 * Before this end gets one more holder; mp_ring_link_unjoin() if it does not.
 */
void
mp_ring_link_join (MpRingLink *self)
{
  count_holder (self, mp_ring_aside_join);
}

void
mp_ring_link_unjoin (MpRingLink *self)
{
  count_holder (self, mp_ring_aside_unjoin);
}

/*< private >
 * mp_ring_link_leave:
 *
 * Before this holder closes the socket, in order.
 */
void
mp_ring_link_leave (MpRingLink *self)
{
  count_holder (self, mp_ring_aside_leave);
}

/*< private >
 * mp_ring_link_have_left:
 *
 * When the socket is at its end.
 *
 * Returns: whether all holders of the other end have gone in order
 */
gboolean
mp_ring_link_have_left (MpRingLink *self)
{
  return self->ways[MP_RING_LINK_IN].is_there
           ? mp_ring_aside_have_left (&self->ways[MP_RING_LINK_IN].aside, MP_RING_ASIDE_PUTS)
           : mp_ring_aside_have_left (&self->ways[MP_RING_LINK_OUT].aside, MP_RING_ASIDE_TAKES);
}

/* --- Sharing -------------------------------------------------------------- */

static GVariant *
pack_way (MpRingWay  *way,
          MpPacking  *packing,
          GError    **error)
{
  guint n_before = packing->fds->len;
  GVariant *store;

  if (!way->is_there)
    return g_variant_new_maybe (G_VARIANT_TYPE ("(uv)"), NULL);

  store = mp_queue_store_pack (&way->store, packing, error);
  if (store == NULL)
    return NULL;

  return g_variant_new_maybe (NULL, g_variant_new ("(uv)", packing->fds->len - n_before, store));
}

/*< private >
 * mp_ring_link_pack:
 *
 * Returns: (transfer floating): a description for mp_ring_link_unpack()
 */
GVariant *
mp_ring_link_pack (MpRingLink  *self,
                   MpPacking   *packing,
                   GError     **error)
{
  GVariant *ways[MP_RING_LINK_N_WAYS] = { NULL };

  for (guint i = 0; i < MP_RING_LINK_N_WAYS; i++)
    {
      ways[i] = pack_way (&self->ways[i], packing, error);
      if (ways[i] != NULL)
        continue;

      if (i > 0)
        g_variant_unref (g_variant_ref_sink (ways[0]));
      return NULL;
    }

  return g_variant_new_tuple (ways, MP_RING_LINK_N_WAYS);
}

static gboolean
set_corrupted (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "The peer sent a connection that is none");
  return FALSE;
}

static gboolean
unpack_way (MpRingWay    *way,
            MpUnpacking  *unpacking,
            GVariant     *description,
            int         **fds,
            guint        *n_fds,
            GError      **error)
{
  g_autoptr (GVariant) way_description = g_variant_get_maybe (description);
  g_autoptr (GVariant) store = NULL;
  guint32 n;

  if (way_description == NULL)
    return TRUE;

  g_variant_get (way_description, "(uv)", &n, &store);
  if (n > *n_fds)
    return set_corrupted (error);

  if (!mp_queue_store_open (&way->store, unpacking, MP_OBJECT_CONNECTION, store, *fds, n, error))
    return FALSE;

  *fds += n;
  *n_fds -= n;
  begin_way (way);
  return (way->store.ring.flags & MP_RING_HOLDS) == 0 || set_corrupted (error);
}

/*< private >
 * mp_ring_link_unpack:
 * @self: (out) (nullable): %NULL if there is a socket alone
 * @fds: those that came with it
 */
gboolean
mp_ring_link_unpack (MpRingLink  **self,
                     MpUnpacking  *unpacking,
                     GVariant     *description,
                     int          *fds,
                     guint         n_fds,
                     GError      **error)
{
  g_autoptr (MpRingLink) link = NULL;
  gboolean is_any = FALSE;

  *self = NULL;
  if (g_variant_is_of_type (description, G_VARIANT_TYPE_UNIT))
    return n_fds == 0 || set_corrupted (error);

  if (!g_variant_is_of_type (description, G_VARIANT_TYPE (DESCRIPTION_TYPE)))
    return set_corrupted (error);

  link = new_empty (error);
  if (link == NULL)
    return FALSE;

  for (guint i = 0; i < MP_RING_LINK_N_WAYS; i++)
    {
      g_autoptr (GVariant) way = g_variant_get_child_value (description, i);

      if (!unpack_way (&link->ways[i], unpacking, way, &fds, &n_fds, error))
        return FALSE;
      is_any |= link->ways[i].is_there;
    }

  if (n_fds > 0)
    return set_corrupted (error);

  if (is_any)
    *self = g_steal_pointer (&link);
  return TRUE;
}

/* --- Waiting -------------------------------------------------------------- */

/* On the thread mp-watch.  It is said before it is told: whoever has read the descriptor sees it. */
static void
on_rung (gpointer user_data)
{
  const guint64 one = 1;
  MpRingWay *way = user_data;

  g_atomic_int_set (&way->has_rung, TRUE);
  (void) !write (way->link->bell_fd, &one, sizeof one);
}

/*< private >
 * mp_ring_link_get_bell:
 *
 * Returns: a descriptor that is readable when a way that is armed may have changed
 */
int
mp_ring_link_get_bell (MpRingLink *self)
{
  return self->bell_fd;
}

static gboolean
ensure_doorbell (MpRingWay  *way,
                 GError **error)
{
  MpQueueSide side = way == &way->link->ways[MP_RING_LINK_IN] ? MP_QUEUE_ITEMS : MP_QUEUE_SPACE;
  MpRing *ring = &way->store.ring;

  if (way->doorbell == NULL)
    way->doorbell = mp_doorbell_new (ring->table, mp_queue_get_bell (ring, side), on_rung, way, error);

  return way->doorbell != NULL;
}

/*< private >
 * mp_ring_link_arm:
 * @is_new: (out): whether one has to look once more before one sleeps
 *
 * Has the bell tell when a record comes, or, for the other way, when there is room again.
 */
gboolean
mp_ring_link_arm (MpRingLink     *self,
                  MpRingLinkWay   which,
                  gboolean       *is_new,
                  GError        **error)
{
  MpRingWay *way = &self->ways[which];
  guint32 me;

  *is_new = way->is_there && !way->is_armed;
  if (!*is_new)
    return TRUE;

  if (mp_queue_store_get_ring (&way->store, &me, error) == NULL ||
      !ensure_doorbell (way, error) || !mp_doorbell_arm (way->doorbell, error))
    return FALSE;

  way->is_armed = TRUE;
  return TRUE;
}

/*< private >
 * mp_ring_link_hear:
 * @was_polled: whether the bell may be readable without having rung
 *
 * Returns: a bit for each way for which it rang: whoever waits there has to look, and arm again
 */
guint
mp_ring_link_hear (MpRingLink *self,
                   gboolean    was_polled)
{
  guint64 count;
  guint ways = 0;

  for (guint i = 0; i < MP_RING_LINK_N_WAYS; i++)
    was_polled |= g_atomic_int_get (&self->ways[i].has_rung);

  if (!was_polled || self->bell_fd < 0)
    return 0;

  (void) !read (self->bell_fd, &count, sizeof count);
  for (guint i = 0; i < MP_RING_LINK_N_WAYS; i++)
    if (g_atomic_int_exchange (&self->ways[i].has_rung, FALSE))
      {
        self->ways[i].is_armed = FALSE;
        ways |= 1u << i;
      }

  return ways;
}

/*< private >
 * mp_ring_link_spin:
 *
 * @length: for %MP_RING_LINK_OUT, of the body that is to be put
 *
 * May be called beside all others, as long as the link is there.
 *
 * Returns: whether a record is there, or room for that body
 */
gboolean
mp_ring_link_spin (MpRingLink    *self,
                   MpRingLinkWay  way,
                   gsize          length)
{
  return self->ways[way].is_there &&
         mp_ring_spin (&self->ways[way].store.ring, mp_ring_link_measure (way, length));
}

/*< private >
 * mp_ring_link_linger:
 *
 * As mp_ring_link_spin(), but before anything was tried, and not for long.
 */
void
mp_ring_link_linger (MpRingLink    *self,
                     MpRingLinkWay  way,
                     gsize          length)
{
  mp_ring_linger_here (&self->ways[way].store.ring, mp_ring_link_measure (way, length));
}
