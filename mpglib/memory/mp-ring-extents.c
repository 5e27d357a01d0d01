/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-memfd-private.h"
#include "mp-participant-private.h"
#include "mp-ring-extents-private.h"

#define FILL   0
#define HAND   MP_OWNER_NOTE
#define QUEUED MP_OWNER_WAIT   /* without an owner */
#define NOBODY MP_OWNER_SLOT_MASK   /* who was never alive: there is no such slot */

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
    .n = MP_RING_N_EXTENTS,
  };
}

/*< private >
 * mp_ring_extents_allocate:
 *
 * Takes memory for the words, which are at the beginning of the file.
 */
gboolean
mp_ring_extents_allocate (MpRingExtents  *self,
                          GError        **error)
{
  return mp_memfd_allocate (self->fd, 0, MP_RING_N_EXTENTS * sizeof (MpRingExtent), error);
}

static guint64
get_offset (MpRingExtents          *self,
            const MpRingExtentName *name)
{
  return self->offset + (name->place - 1) * self->stride;
}

/* --- Life ----------------------------------------------------------------- */

/* Some are left for who takes: else nobody could take where many long records are. */
static guint32
count_to_fill (MpRingExtents *self)
{
  return self->n / 4 * 3;
}

/* The first free ones: they are more likely to have memory. */
static gboolean
claim (MpRingExtents    *self,
       guint32           n,
       guint32           me,
       MpRingExtentName *name)
{
  for (guint32 i = 0; i < n; i++)
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
static gboolean
give_back (MpRingExtents          *self,
           const MpRingExtentName *name,
           guint64                 state,
           guint64                 length)
{
  MpAtomic64 *word = &self->extents[name->place - 1].state;
  guint64 kept = name->place <= N_KEPT ? KEPT_LENGTH : 0;

  if (atomic_load (word) != state)
    return FALSE;

  length = MIN (length, self->stride);
  if (kept < length)
    mp_memfd_drop (self->fd, get_offset (self, name) + kept, length - kept);
  return atomic_compare_exchange_strong (word, &state, make_state (name->ticket, 0));
}

static gboolean
claim_one (MpRingExtents     *self,
           guint32            n,
           guint32            me,
           guint32            length,
           MpRingExtentName  *name,
           GError           **error)
{
  *name = (MpRingExtentName) { 0, 0 };
  if (self->fd < 0 || length > self->stride)
    return TRUE;

  if (!mp_ring_extents_allocate (self, error) || !mp_memfd_can_have (length, error))
    return FALSE;

  claim (self, n, me, name);
  return TRUE;
}

/*< private >
 * mp_ring_extents_claim:
 * @length: bytes, all of which mp_ring_extents_write() is to write
 * @name: (out): the extent; its place is 0 if none is free
 *
 * For a record that is to be put.  Whoever does not put it calls mp_ring_extents_forget().
 */
gboolean
mp_ring_extents_claim (MpRingExtents     *self,
                       guint32            me,
                       guint32            length,
                       MpRingExtentName  *name,
                       GError           **error)
{
  return claim_one (self, count_to_fill (self), me, length, name, error);
}

/*< private >
 * mp_ring_extents_write:
 * @offset: in what this process has claimed
 */
gboolean
mp_ring_extents_write (MpRingExtents           *self,
                       const MpRingExtentName  *name,
                       guint32                  offset,
                       gconstpointer            bytes,
                       guint32                  length,
                       GError                 **error)
{
  return mp_memfd_write (self->fd, get_offset (self, name) + offset, bytes, length, error);
}

/*< private >
 * mp_ring_extents_fill_to_hold:
 * @name: (out): the extent; its place is 0 if none is free
 *
 * Writes the bytes of a record that is about to be taken: those may have all extents.
 */
gboolean
mp_ring_extents_fill_to_hold (MpRingExtents     *self,
                              guint32            me,
                              gconstpointer      data,
                              guint32            length,
                              MpRingExtentName  *name,
                              GError           **error)
{
  if (!claim_one (self, self->n, me, length, name, error))
    return FALSE;

  if (name->place == 0 || mp_ring_extents_write (self, name, 0, data, length, error))
    return TRUE;

  mp_ring_extents_forget (self, me, name, length);
  return FALSE;
}

/*< private >
 * mp_ring_extents_drop:
 * @offset: of a part of what is in this process's hand, that nobody will read again
 */
void
mp_ring_extents_drop (MpRingExtents           *self,
                      const MpRingExtentName  *name,
                      guint32                  offset,
                      guint32                  length)
{
  guint64 begin = MAX (offset, name->place <= N_KEPT ? KEPT_LENGTH : 0);
  guint64 end = (guint64) offset + length;

  if (begin < end)
    mp_memfd_drop (self->fd, get_offset (self, name) + begin, end - begin);
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
 * mp_ring_extents_note_place:
 * @name: that this process filled
 * @position: of the first record of the commit in which it is about to be put
 *
 * With the lock of the end put.
 */
void
mp_ring_extents_note_place (MpRingExtents          *self,
                            const MpRingExtentName *name,
                            guint64                 position)
{
  atomic_store_explicit (&self->extents[name->place - 1].position, position, memory_order_relaxed);
}

/*< private >
 * mp_ring_extents_get:
 * @name: as a record has it
 *
 * With the lock of the end take.
 *
 * Returns: (nullable): the extent, if there is one of that name
 */
MpRingExtent *
mp_ring_extents_get (MpRingExtents          *self,
                     const MpRingExtentName *name)
{
  MpRingExtent *extent;

  if (self->fd < 0 || name->place == 0 || name->place > self->n)
    return NULL;

  extent = &self->extents[name->place - 1];
  return get_ticket (atomic_load_explicit (&extent->state, memory_order_relaxed)) == name->ticket ? extent : NULL;
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
  MpRingExtent *extent = mp_ring_extents_get (self, name);

  if (extent == NULL)
    return FALSE;

  atomic_store (&extent->state, make_state (name->ticket, me | HAND));
  return TRUE;
}

/*< private >
 * mp_ring_extents_read:
 *
 * Reads what is in this process's hand.
 */
gboolean
mp_ring_extents_read (MpRingExtents           *self,
                      const MpRingExtentName  *name,
                      guint32                  offset,
                      gpointer                 bytes,
                      guint32                  length,
                      GError                 **error)
{
  return mp_memfd_read (self->fd, get_offset (self, name) + offset, bytes, length, error);
}

/*< private >
 * mp_ring_extents_release:
 * @length: bytes of memory that it may have
 *
 * Makes the extent free again.  First it is none that is held any more: who is killed when it has no memory has not
 * left it to others.
 *
 * Returns: whether it was in this process's hand
 */
gboolean
mp_ring_extents_release (MpRingExtents          *self,
                         guint32                 me,
                         const MpRingExtentName *name,
                         guint64                 length)
{
  guint64 state = make_state (name->ticket, me | HAND);

  if (!atomic_compare_exchange_strong (&self->extents[name->place - 1].state, &state,
                                       make_state (name->ticket, me | FILL)))
    return FALSE;

  give_back (self, name, make_state (name->ticket, me | FILL), length);
  return TRUE;
}

/*< private >
 * mp_ring_extents_disown:
 *
 * Leaves what is in this process's hand to others, as if it had died with it.
 *
 * Returns: whether it was in this process's hand
 */
gboolean
mp_ring_extents_disown (MpRingExtents          *self,
                        guint32                 me,
                        const MpRingExtentName *name)
{
  guint64 state = make_state (name->ticket, me | HAND);

  return atomic_compare_exchange_strong (&self->extents[name->place - 1].state, &state,
                                         make_state (name->ticket, NOBODY | HAND));
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

/* Of the dead, or what it was about to do. */
static gboolean
sweep_one (MpRingExtents    *self,
           guint32           i,
           guint64           state,
           MpRingExtentFind  find,
           gpointer          ring)
{
  MpRingExtentName name = { i + 1, get_ticket (state) };
  gboolean is_there;

  if (!find (ring, &name, atomic_load (&self->extents[i].position), &is_there))
    return FALSE;

  if (is_there)
    atomic_compare_exchange_strong (&self->extents[i].state, &state, make_state (name.ticket, QUEUED));
  else
    give_back (self, &name, state, self->stride);
  return TRUE;
}

/*< private >
 * mp_ring_extents_undo:
 * @owner: died with the lock
 * @position: of the end take
 *
 * With the lock of the end take: frees what @owner had noted in its hand, and not taken.
 *
 * Returns: %FALSE if it could not be told
 */
gboolean
mp_ring_extents_undo (MpRingExtents    *self,
                      guint32           owner,
                      guint64           position,
                      MpRingExtentFind  find,
                      gpointer          ring)
{
  for (guint32 i = 0; i < self->n; i++)
    {
      guint64 state = atomic_load_explicit (&self->extents[i].state, memory_order_relaxed);

      if ((guint32) state == (owner | HAND) && atomic_load (&self->extents[i].position) >= position &&
          !sweep_one (self, i, state, find, ring))
        return FALSE;
    }

  return TRUE;
}

/*< private >
 * mp_ring_extents_sweep:
 * @find: whether there is a record of an extent; returns %FALSE if it cannot tell
 * @has_orphans: (out) (optional): whether the dead have held something, which stays then
 *
 * With the lock of the end take: looks for what the dead have left.
 *
 * Returns: %FALSE if it could not be told
 */
gboolean
mp_ring_extents_sweep (MpRingExtents    *self,
                       MpTable          *table,
                       MpRingExtentFind  find,
                       gpointer          ring,
                       gboolean         *has_orphans)
{
  guint32 epoch = mp_table_get_epoch (table);
  gboolean is_complete = TRUE;

  for (guint32 i = 0; i < self->n; i++)
    {
      guint64 state = atomic_load_explicit (&self->extents[i].state, memory_order_relaxed);
      guint32 owner = get_owner (state);
      MpLife life = owner != 0 ? mp_participant_look (table, owner) : MP_LIFE_ALIVE;

      if (life == MP_LIFE_DEAD && (state & HAND) != 0 && has_orphans != NULL)
        *has_orphans = TRUE;
      else if (life == MP_LIFE_DEAD && !sweep_one (self, i, state, find, ring))
        return FALSE;

      is_complete &= life != MP_LIFE_DYING;
    }

  if (is_complete)
    atomic_store (self->swept_epoch, epoch);
  return TRUE;
}

/* --- Orphans -------------------------------------------------------------- */

/*< private >
 * mp_ring_extents_find_orphan:
 * @begin: what was put before this position does not count
 * @name: (out): the first record that the dead held
 *
 * With the lock of the end take.  Without it others may have it by now.
 *
 * Returns: whether there is one
 */
gboolean
mp_ring_extents_find_orphan (MpRingExtents    *self,
                             MpTable          *table,
                             guint64           begin,
                             MpRingExtentName *name)
{
  guint64 first = G_MAXUINT64;

  name->place = 0;
  for (guint32 i = 0; i < self->n; i++)
    {
      guint64 state = atomic_load_explicit (&self->extents[i].state, memory_order_relaxed);
      guint64 position = atomic_load_explicit (&self->extents[i].position, memory_order_relaxed);

      if ((state & HAND) == 0 || position < begin || position >= first ||
          mp_participant_look (table, get_owner (state)) != MP_LIFE_DEAD)
        continue;

      first = position;
      *name = (MpRingExtentName) { i + 1, get_ticket (state) };
    }

  return name->place != 0;
}

/*< private >
 * mp_ring_extents_are_held:
 * @by_living: whether what the dead held does not count
 */
gboolean
mp_ring_extents_are_held (MpRingExtents *self,
                          MpTable       *table,
                          gboolean       by_living)
{
  for (guint32 i = 0; i < self->n; i++)
    {
      guint64 state = atomic_load (&self->extents[i].state);

      if ((state & HAND) != 0 && (!by_living || mp_participant_look (table, get_owner (state)) != MP_LIFE_DEAD))
        return TRUE;
    }

  return FALSE;
}
