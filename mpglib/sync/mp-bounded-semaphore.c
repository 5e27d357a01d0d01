/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-bounded-semaphore.h"
#include "mp-permits-private.h"
#include "mp-semaphore-private.h"

/**
 * MpBoundedSemaphore:
 *
 * A semaphore that never has more permits than at first, and that knows who has them.
 *
 * Permits that a process had when it died can be had again. So it is what guards a
 * number of places that those who take them also give back. Releasing more than was
 * acquired fails; a release gives back one of the calling process's own, or if it has
 * none, one that somebody else has.
 *
 * There can be 16000 permits at most: with more all calls fail with %MP_ERROR_TOO_BIG.
 *
 * Since: 1.0
 */
struct _MpBoundedSemaphore
{
  MpSemaphore parent_instance;
};

static void mp_bounded_semaphore_shareable_init (MpShareableInterface *iface);

static MpShareableInterface *parent_shareable;
gpointer mp_bounded_semaphore_class;

G_DEFINE_FINAL_TYPE_WITH_CODE (MpBoundedSemaphore, mp_bounded_semaphore, MP_TYPE_SEMAPHORE,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_bounded_semaphore_shareable_init))

/* --- Permits with owners -------------------------------------------------- */

static gsize
permits_get_size (guint value)
{
  return mp_permits_get_size (value);
}

static void
permits_fill (gpointer layout,
              guint    value)
{
  mp_permits_init (layout, value);
}

/* Others wrote it: it is believed only as far as the object's memory goes. */
static guint32
permits_check_n (gpointer layout,
                 gsize    size)
{
  return mp_permits_check_n (layout, size);
}

static gboolean
permits_enter_free (gpointer layout,
                    guint32  n,
                    guint32  me)
{
  return mp_permits_try_take (layout, n, me);
}

/* Another that took the mark off may be stopped before it rings. */
static void
ring (MpSharedObject  *shared,
      MpPermitsLayout *permits,
      MpPermitsGive    result)
{
  if (G_UNLIKELY (result == MP_PERMITS_GIVEN_AWAITED))
    mp_bell_ring (shared->table, &permits->bell);
  else
    mp_bell_ring_after_exchange (shared->table, &permits->bell);
}

static gboolean
permits_leave_own (MpSharedObject *shared,
                   gpointer        layout,
                   guint32         n,
                   guint32         me)
{
  MpPermitsLayout *permits = layout;

  if (!mp_permits_try_give (permits, n, me))
    return FALSE;

  ring (shared, permits, mp_permits_tell (permits));
  return TRUE;
}

static gboolean
permits_enter (MpSharedObject *shared,
               gpointer        layout,
               guint32         n,
               guint32         me,
               MpWait          wait)
{
  return mp_permits_take (shared->table, layout, n, me, wait) != MP_PERMITS_NONE;
}

static gboolean
permits_enter_or_await (MpSharedObject *shared,
                        gpointer        layout,
                        guint32         n,
                        guint32         me)
{
  return mp_permits_take_or_await (shared->table, layout, n, me) != MP_PERMITS_NONE;
}

static gboolean
permits_leave (MpSharedObject *shared,
               gpointer        layout,
               guint32         n,
               guint32         me)
{
  MpPermitsLayout *permits = layout;
  MpPermitsGive result = mp_permits_give (permits, n, me);

  ring (shared, permits, result);
  return result != MP_PERMITS_ALL_THERE;
}

static guint
permits_get_value (MpSharedObject *shared,
                   gpointer        layout,
                   guint32         n)
{
  return mp_permits_get (shared->table, layout, n);
}

static MpBell *
permits_get_bell (gpointer layout)
{
  return &((MpPermitsLayout *) layout)->bell;
}

static const MpSemaphoreKind permits_kind = {
  .type = MP_OBJECT_BOUNDED_SEMAPHORE,
  .name = "BoundedSemaphore",
  .too_many = "The semaphore was released more often than it was acquired: release it once for each time, "
              "or use an Mp.Semaphore, which has no bound",
  .max = MP_PERMITS_MAX,
  .get_size = permits_get_size,
  .fill = permits_fill,
  .check_n = permits_check_n,
  .enter_free = permits_enter_free,
  .leave_own = permits_leave_own,
  .enter = permits_enter,
  .enter_or_await = permits_enter_or_await,
  .leave = permits_leave,
  .get_value = permits_get_value,
  .get_bell = permits_get_bell,
};

static void
mp_bounded_semaphore_class_init (MpBoundedSemaphoreClass *klass)
{
  mp_bounded_semaphore_class = klass;
  MP_SEMAPHORE_CLASS (klass)->kind = &permits_kind;
}

static void
mp_bounded_semaphore_init (MpBoundedSemaphore *self)
{
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND "bounded-semaphore"

static MpShareable *
mp_bounded_semaphore_unpack (MpUnpacking  *unpacking,
                             GVariant     *description,
                             int          *fds,
                             guint         n_fds,
                             GError      **error)
{
  return mp_semaphore_unpack_kind (MP_TYPE_BOUNDED_SEMAPHORE, &permits_kind, unpacking, description, fds, n_fds, error);
}

static void
mp_bounded_semaphore_shareable_init (MpShareableInterface *iface)
{
  parent_shareable = g_type_interface_peek_parent (iface);
  iface->kind = KIND;
  iface->pack = parent_shareable->pack;
  iface->to_string = parent_shareable->to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_bounded_semaphore_unpack);
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_bounded_semaphore_new:
 * @value: how many permits there are, at most 16000
 *
 * Makes a bounded semaphore.
 *
 * Returns: (transfer full): the semaphore
 *
 * Since: 1.0
 */
MpBoundedSemaphore *
mp_bounded_semaphore_new (guint value)
{
  return g_object_new (MP_TYPE_BOUNDED_SEMAPHORE, "value", value, NULL);
}
