/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-arena-base-private.h"
#include "mp-error.h"

/* Address space of an arena.  Memory is taken as it fills. */
#if GLIB_SIZEOF_VOID_P >= 8
# define DEFAULT_RESERVATION (G_GUINT64_CONSTANT (1) << 30)
#else
# define DEFAULT_RESERVATION (G_GUINT64_CONSTANT (1) << 26)
#endif

#define MAX_ARENAS 256

/* Those of this process, to find one by the id in a handle. */
static _Atomic (MpArena *) arenas[MAX_ARENAS];

static MpArena *
find_locked (const guint8 *id)
{
  for (guint i = 0; i < MAX_ARENAS; i++)
    {
      MpArena *arena = atomic_load (&arenas[i]);

      if (arena != NULL && memcmp (mp_segment_get_header (arena->segment)->id, id, 16) == 0)
        return arena;
    }

  return NULL;
}

/* One that cannot be listed works as well, but is mapped again when it is opened again. */
static MpArena *
add_locked (MpTable   *table,
            MpSegment *segment_taken)
{
  MpArena *self = g_new0 (MpArena, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->table = mp_table_ref_locked (table);
  self->segment = segment_taken;
  self->layout = mp_segment_get_data (segment_taken);

  for (guint i = 0; i < MAX_ARENAS; i++)
    {
      MpArena *none = NULL;

      if (atomic_compare_exchange_strong (&arenas[i], &none, self))
        break;
    }

  return self;
}

/*< private >
 * mp_arena_new:
 * @reservation: bytes of address space, a multiple of 64 KiB, or 0 for the default
 */
MpArena *
mp_arena_new (MpTable  *table,
              guint64   reservation,
              GError  **error)
{
  MpSelf *process = mp_self_get ();
  guint64 begin = MP_ARENA_FIRST_UNIT * MP_ARENA_UNIT;
  guint64 size = reservation != 0 ? reservation : DEFAULT_RESERVATION;
  MpSegment *segment;
  MpArenaLayout *layout;
  MpArena *self;

  segment = mp_segment_new (MP_SEGMENT_ARENA, mp_table_get_id (table), size, begin, NULL, error);
  if (segment == NULL)
    return NULL;

  layout = mp_segment_get_data (segment);
  atomic_store (&layout->units_used, MP_ARENA_FIRST_UNIT);
  atomic_store (&layout->units_allocated, MP_ARENA_FIRST_UNIT);
  atomic_store (&layout->swept_epoch, mp_table_get_epoch (table));

  mp_self_lock (process);
  self = add_locked (table, segment);
  mp_self_unlock (process);

  return self;
}

static MpSegment *
open_segment (MpTable  *table,
              int       fd,
              GError  **error)
{
  g_autoptr (MpSegment) segment = mp_segment_open (fd, MP_SEGMENT_ARENA, NULL, error);

  if (segment == NULL)
    return NULL;

  if (memcmp (mp_segment_get_header (segment)->table_id, mp_table_get_id (table), 16) != 0)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED,
                           "The shared memory received belongs to another family of processes");
      return NULL;
    }

  if (mp_segment_get_size (segment) < sizeof (MpArenaLayout))
    {
      mp_arena_set_corrupted (error);
      return NULL;
    }

  return g_steal_pointer (&segment);
}

/*< private >
 * mp_arena_open:
 * @fd: an arena received, which stays the caller's
 *
 * Returns: (transfer full): the arena, the same for every descriptor of it
 */
MpArena *
mp_arena_open (MpTable  *table,
               int       fd,
               GError  **error)
{
  MpSelf *process = mp_self_get ();
  MpSegment *segment = open_segment (table, fd, error);
  MpArena *self;

  if (segment == NULL)
    return NULL;

  mp_self_lock (process);
  self = find_locked (mp_segment_get_header (segment)->id);
  if (self != NULL)
    mp_arena_ref (self);
  else
    self = add_locked (table, g_steal_pointer (&segment));
  mp_self_unlock (process);

  g_clear_pointer (&segment, mp_segment_unref);
  return self;
}

/*< private >
 * mp_arena_find:
 * @id: 16 bytes, as in a handle
 *
 * Returns: (transfer full) (nullable): the arena, if this process has it
 */
MpArena *
mp_arena_find (const guint8 *id)
{
  MpSelf *process = mp_self_get ();
  MpArena *self;

  mp_self_lock (process);
  self = find_locked (id);
  if (self != NULL)
    mp_arena_ref (self);
  mp_self_unlock (process);

  return self;
}

/*< private >
 * mp_arena_get_default:
 *
 * Returns: (transfer none): where this process makes its objects; it stays
 */
MpArena *
mp_arena_get_default (GError **error)
{
  static _Atomic (MpArena *) default_arena;
  MpArena *present = atomic_load (&default_arena);
  MpTable *table = mp_table_get_default (error);
  MpArena *made;

  if (G_LIKELY (present != NULL) || table == NULL)
    return present;

  made = mp_arena_new (table, 0, error);
  if (made == NULL || atomic_compare_exchange_strong (&default_arena, &present, made))
    return made;

  mp_arena_unref (made);
  return present;
}

MpArena *
mp_arena_ref (MpArena *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
mp_arena_unref (MpArena *self)
{
  MpSelf *process = mp_self_get ();
  gboolean is_last;

  /* Under the lock, so that nobody finds it on its way out. */
  mp_self_lock (process);
  is_last = g_atomic_ref_count_dec (&self->ref_count);
  for (guint i = 0; is_last && i < MAX_ARENAS; i++)
    if (atomic_load (&arenas[i]) == self)
      atomic_store (&arenas[i], NULL);
  if (is_last)
    mp_table_unref_locked (self->table);
  mp_self_unlock (process);

  if (!is_last)
    return;

  mp_segment_unref (self->segment);
  g_free (self);
}

int
mp_arena_get_fd (MpArena *self)
{
  return mp_segment_get_fd (self->segment);
}

MpTable *
mp_arena_get_table (MpArena *self)
{
  return self->table;
}

guint
mp_arena_get_n_objects (MpArena *self)
{
  return atomic_load (&self->layout->n_objects);
}
