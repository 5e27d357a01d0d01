/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-memfd-private.h"
#include "mp-participant-private.h"
#include "mp-ring-extents-private.h"

#define FILL   0
#define HAND   MP_OWNER_NOTE
#define QUEUED MP_OWNER_WAIT   /* without an owner */

/* These keep their memory when they are empty, as much of it as this. */
#define N_KEPT      8
#define KEPT_LENGTH (1024 * 1024)

/* At offsets that huge pages divide. */
#define ALIGNMENT G_GUINT64_CONSTANT (0x200000)

static guint64
make_state (guint32 ticket,
            guint32 owner)
{
  return (guint64) ticket << 32 | owner;
}

static guint32
get_ticket (guint64 state)
{
  return (guint32) (state >> 32);
}

static guint32
get_owner (guint64 state)
{
  return (guint32) state & MP_OWNER_MASK;
}

static guint64
get_stride (guint64 capacity)
{
  return (MIN (capacity, G_MAXUINT32) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

/*< private >
 * mp_ring_extents_measure:
 *
 * Returns: the bytes of all extents, none of which has memory
 */
guint64
mp_ring_extents_measure (guint64 capacity)
{
  return MP_RING_N_EXTENTS * get_stride (capacity);
}

/*< private >
 * mp_ring_extents_open:
 * @offset: in the file, behind all else
 */
void
mp_ring_extents_open (MpRingExtents *self,
                      MpRingExtent  *extents,
                      MpAtomic32    *swept_epoch,
                      int            fd,
                      guint64        offset,
                      guint64        capacity)
{
  *self = (MpRingExtents) {
    .extents = extents,
    .swept_epoch = swept_epoch,
    .fd = fd,
    .offset = offset,
    .stride = get_stride (capacity),
  };
}

static guint64
get_offset (MpRingExtents          *self,
            const MpRingExtentName *name)
{
  return self->offset + (name->place - 1) * self->stride;
}

/* --- Life ----------------------------------------------------------------- */

/* The first free ones: they are more likely to have memory. */
static gboolean
claim (MpRingExtents    *self,
       guint32           me,
       MpRingExtentName *name)
{
  for (guint32 i = 0; i < MP_RING_N_EXTENTS; i++)
    {
      guint64 state = atomic_load_explicit (&self->extents[i].state, memory_order_relaxed);

      if ((guint32) state != 0 ||
          !atomic_compare_exchange_strong (&self->extents[i].state, &state,
                                           make_state (get_ticket (state) + 1, me | FILL)))
        continue;

      *name = (MpRingExtentName) { i + 1, get_ticket (state) + 1 };
      return TRUE;
    }

  return FALSE;
}

/* Whose it is in that state, and has not more than `length` bytes of memory. */
static void
give_back (MpRingExtents          *self,
           const MpRingExtentName *name,
           guint64                 state,
           guint64                 length)
{
  guint64 kept = name->place <= N_KEPT ? KEPT_LENGTH : 0;

  if (kept < length)
    mp_memfd_drop (self->fd, get_offset (self, name) + kept, length - kept);
  atomic_compare_exchange_strong (&self->extents[name->place - 1].state, &state, make_state (name->ticket, 0));
}

/*< private >
 * mp_ring_extents_fill:
 * @name: (out): the extent; its place is 0 if none is free
 *
 * Writes the bytes of a record that is to be put.  Whoever does not put it calls mp_ring_extents_forget().
 */
gboolean
mp_ring_extents_fill (MpRingExtents     *self,
                      guint32            me,
                      gconstpointer      data,
                      guint32            length,
                      MpRingExtentName  *name,
                      GError           **error)
{
  *name = (MpRingExtentName) { 0, 0 };
  if (self->fd < 0 || length > self->stride)
    return TRUE;

  if (!mp_memfd_allocate (self->fd, 0, MP_RING_N_EXTENTS * sizeof (MpRingExtent), error))
    return FALSE;

  if (!claim (self, me, name) || mp_memfd_write (self->fd, get_offset (self, name), data, length, error))
    return TRUE;

  mp_ring_extents_forget (self, me, name, length);
  return FALSE;
}

void
mp_ring_extents_forget (MpRingExtents          *self,
                        guint32                 me,
                        const MpRingExtentName *name,
                        guint32                 length)
{
  give_back (self, name, make_state (name->ticket, me | FILL), length);
}

/*< private >
 * mp_ring_extents_take:
 * @name: as a record has it
 *
 * With the lock of the end take: whoever takes the record notes it in his hand before he commits that.
 *
 * Returns: whether there is such an extent
 */
gboolean
mp_ring_extents_take (MpRingExtents          *self,
                      guint32                 me,
                      const MpRingExtentName *name)
{
  MpAtomic64 *state;

  if (self->fd < 0 || name->place == 0 || name->place > MP_RING_N_EXTENTS)
    return FALSE;

  state = &self->extents[name->place - 1].state;
  if (get_ticket (atomic_load_explicit (state, memory_order_relaxed)) != name->ticket)
    return FALSE;

  atomic_store (state, make_state (name->ticket, me | HAND));
  return TRUE;
}

/*< private >
 * mp_ring_extents_read:
 *
 * Reads what was taken, and makes the extent free again.
 */
gboolean
mp_ring_extents_read (MpRingExtents           *self,
                      guint32                  me,
                      const MpRingExtentName  *name,
                      gpointer                 bytes,
                      guint32                  length,
                      GError                 **error)
{
  gboolean was_read = mp_memfd_read (self->fd, get_offset (self, name), bytes, length, error);

  give_back (self, name, make_state (name->ticket, me | HAND), length);
  return was_read;
}

/* --- Death ---------------------------------------------------------------- */

/*< private >
 * mp_ring_extents_is_due:
 *
 * Returns: whether somebody died since the last sweep
 */
gboolean
mp_ring_extents_is_due (MpRingExtents *self,
                        MpTable       *table)
{
  return self->fd >= 0 &&
         atomic_load_explicit (self->swept_epoch, memory_order_relaxed) != mp_table_get_epoch (table);
}

static gboolean
sweep_one (MpRingExtents    *self,
           guint32           i,
           guint64           state,
           MpRingExtentFind  find,
           gpointer          ring)
{
  MpRingExtentName name = { i + 1, get_ticket (state) };
  gboolean is_there;

  if (!find (ring, &name, &is_there))
    return FALSE;

  if (is_there)
    atomic_compare_exchange_strong (&self->extents[i].state, &state, make_state (name.ticket, QUEUED));
  else
    give_back (self, &name, state, self->stride);
  return TRUE;
}

/*< private >
 * mp_ring_extents_sweep:
 * @find: whether there is a record of an extent; returns %FALSE if it cannot tell
 *
 * With the lock of the end take: looks for what the dead have left.
 *
 * Returns: %FALSE if it could not be told
 */
gboolean
mp_ring_extents_sweep (MpRingExtents    *self,
                       MpTable          *table,
                       MpRingExtentFind  find,
                       gpointer          ring)
{
  guint32 epoch = mp_table_get_epoch (table);
  gboolean is_complete = TRUE;

  for (guint32 i = 0; i < MP_RING_N_EXTENTS; i++)
    {
      guint64 state = atomic_load_explicit (&self->extents[i].state, memory_order_relaxed);
      guint32 owner = get_owner (state);
      MpLife life = owner != 0 ? mp_participant_look (table, owner) : MP_LIFE_ALIVE;

      if (life == MP_LIFE_DEAD && !sweep_one (self, i, state, find, ring))
        return FALSE;

      is_complete &= life != MP_LIFE_DYING;
    }

  if (is_complete)
    atomic_store (self->swept_epoch, epoch);
  return TRUE;
}
