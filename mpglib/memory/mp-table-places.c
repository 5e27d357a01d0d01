/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <gio/gio.h>

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-participant-private.h"
#include "mp-patience-private.h"
#include "mp-short-lock-private.h"
#include "mp-table-places-private.h"
#include "mp-watch-private.h"

/* One table, and room to the next. */
#define STRIDE (1 << 20)

G_STATIC_ASSERT (sizeof (MpTableLayout) <= STRIDE);

enum
{
  TABLE_FREE,
  TABLE_USED,
  TABLE_LEAVING,
  TABLE_LEFT,
};

/* The state of an entry is written when all else is in it, and before anything of it goes: so a
 * forked child finds whole entries, whatever its parent's threads were doing.
 */
static MpTable tables[MP_SELF_MAX_TABLES];
static MpAtomic32 n_tables;  /* places from there on were never used */
static guint64 idle_sequence; /* guarded by mp_self_lock() */

/* Two windows of address space: the tables, and private memory of the same shape. */
static guint8 *table_window;
static guint8 *shadow_window;

guint
mp_table_get_n (void)
{
  return atomic_load_explicit (&n_tables, memory_order_acquire);
}

MpTable *
mp_table_peek (guint index)
{
  return index < mp_table_get_n () ? &tables[index] : NULL;
}

/* --- Places --------------------------------------------------------------- */

static guint8 *
reserve_window (int      protection,
                GError **error)
{
  gpointer window = mmap (NULL, (gsize) STRIDE * MP_SELF_MAX_TABLES, protection,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  if (window == MAP_FAILED)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                   "Cannot reserve address space for shared memory: %s", g_strerror (errno));
      return NULL;
    }

  return window;
}

static gboolean
ensure_windows_locked (GError **error)
{
  if (table_window == NULL)
    table_window = reserve_window (PROT_NONE, error);

  if (table_window != NULL && shadow_window == NULL)
    shadow_window = reserve_window (PROT_READ | PROT_WRITE, error);

  return table_window != NULL && shadow_window != NULL;
}

MpTable *
mp_table_find_locked (const guint8 *id)
{
  for (guint i = 0; i < mp_table_get_n (); i++)
    if (atomic_load (&tables[i].state) == TABLE_USED && memcmp (mp_table_get_id (&tables[i]), id, 16) == 0)
      return &tables[i];

  return NULL;
}

/* The lowest, so that few threads have something to watch. */
static MpTable *
find_place_locked (void)
{
  for (guint i = 0; i < MP_SELF_MAX_TABLES; i++)
    {
      guint32 state = atomic_load (&tables[i].state);

      if (state == TABLE_FREE || state == TABLE_LEFT)
        return &tables[i];
    }

  return NULL;
}

MpTable *
mp_table_take_place_locked (GError **error)
{
  MpTable *place = find_place_locked ();

  if (place == NULL)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_FULL,
                   "A process can take part in %u families of shared objects at once, not more: let go of "
                   "objects that came from other programs", MP_SELF_MAX_TABLES);
      return NULL;
    }

  if (!ensure_windows_locked (error))
    return NULL;

  g_clear_pointer (&place->segment, mp_segment_unref);
  place->index = place - tables;
  return place;
}

gpointer
mp_table_get_address (MpTable *place)
{
  return table_window + (gsize) STRIDE * place->index;
}

/*< private >
 * mp_table_fill_locked:
 *
 * Returns: (transfer full): the table that lies in the place
 */
MpTable *
mp_table_fill_locked (MpTable   *place,
                      MpSegment *segment_taken)
{
  place->layout = mp_segment_get_data (segment_taken);
  place->segment = segment_taken;
  place->seen_lock_fd = 0;
  place->n_refs = 1;
  atomic_store (&place->state, TABLE_USED);

  if (place->index >= mp_table_get_n ())
    atomic_store (&n_tables, place->index + 1);
  return place;
}

/* --- References ----------------------------------------------------------- */

MpTable *
mp_table_ref_locked (MpTable *self)
{
  self->n_refs++;
  return self;
}

static MpTable *
find_longest_idle_locked (guint *n_idle)
{
  MpTable *longest = NULL;

  *n_idle = 0;
  for (guint i = 1; i < mp_table_get_n (); i++)
    {
      if (atomic_load (&tables[i].state) != TABLE_USED || tables[i].n_refs > 0)
        continue;

      ++*n_idle;
      if (longest == NULL || tables[i].idle_since < longest->idle_since)
        longest = &tables[i];
    }

  return longest;
}

/* Waits for nothing. */
static gboolean
leave_longest_idle_locked (guint n_may_stay)
{
  guint n = 0;
  MpTable *idle = find_longest_idle_locked (&n);

  if (n <= n_may_stay)
    return FALSE;

  atomic_store (&idle->state, TABLE_LEAVING);
  mp_watch_leave_locked (idle);
  return TRUE;
}

/*< private >
 * mp_table_unref_locked:
 *
 * With mp_self_lock().  Waits for nothing.
 */
void
mp_table_unref_locked (MpTable *self)
{
  if (--self->n_refs > 0)
    return;

  self->idle_since = idle_sequence++;
  leave_longest_idle_locked (MP_TABLE_MAX_IDLE);
}

void
mp_table_unref (MpTable *self)
{
  MpSelf *process = mp_self_get ();

  mp_self_lock (process);
  mp_table_unref_locked (self);
  mp_self_unlock (process);
}

/*< private >
 * mp_table_vacate:
 *
 * The end of leaving it, when this process is no participant any more.  Allocates and locks
 * nothing: for mp-watch.
 */
void
mp_table_vacate (MpTable *self)
{
  mp_participant_forget_lock (self);
  mp_segment_vacate (self->segment);
  atomic_store (&self->state, TABLE_LEFT);
}

/* --- When there is none ----------------------------------------------------- */

/* Of one that is left the place gets free in no time, unless the thread has no processor.  What
 * the parent of a forked child was leaving stays as it was.
 */
static MpSelfWatch *
find_farewell_locked (guint32 *n_answers)
{
  for (guint i = 0; i < MP_SELF_MAX_TABLES; i++)
    {
      MpSelfWatch *watch = mp_table_get_watch (&tables[i]);

      *n_answers = atomic_load (&watch->n_answers);
      if ((atomic_load (&watch->farewells) & mp_table_get_bit (&tables[i])) != 0)
        return watch;
    }

  return NULL;
}

static MpSelfWatch *
find_or_begin_farewell_locked (guint32 *n_answers)
{
  MpSelfWatch *watch = find_farewell_locked (n_answers);

  if (watch == NULL && leave_longest_idle_locked (0))
    watch = find_farewell_locked (n_answers);
  return watch;
}

/*< private >
 * mp_table_await_place:
 *
 * After %MP_ERROR_FULL: waits for the place of one that nobody uses, as long as the caller has patience.
 *
 * Returns: whether it may be worth another try
 */
gboolean
mp_table_await_place (void)
{
  MpSelf *self = mp_self_get ();
  gint64 begun = g_get_monotonic_time ();
  gint64 deadline = begun + mp_patience_get_remaining (mp_short_lock_get_patience ());
  MpSelfWatch *watch;
  gboolean has_place;

  do
    {
      guint32 n_answers = 0;

      mp_self_lock (self);
      has_place = find_place_locked () != NULL;
      watch = has_place ? NULL : find_or_begin_farewell_locked (&n_answers);
      has_place |= find_place_locked () != NULL;
      mp_self_unlock (self);

      if (watch != NULL)
        mp_futex_wait (&watch->n_answers, n_answers, deadline);
    }
  while (watch != NULL && !mp_deadline_has_passed (deadline));

  mp_patience_spend (g_get_monotonic_time () - begun);
  return has_place;
}

/* --- Shadows -------------------------------------------------------------- */

/*< private >
 * mp_table_get_shadow:
 *
 * Returns: memory of this process alone, as far from @word as that of any other word from it
 */
gpointer
mp_table_get_shadow (MpTable    *self,
                     MpAtomic32 *word)
{
  return shadow_window + ((guint8 *) word - table_window);
}

/*< private >
 * mp_table_has_shadow:
 *
 * Returns: whether @shadow is that of a word in this table
 */
gboolean
mp_table_has_shadow (MpTable  *self,
                     gpointer  shadow)
{
  guint8 *first = shadow_window + (gsize) STRIDE * self->index;

  return (guint8 *) shadow >= first && (guint8 *) shadow < first + STRIDE;
}

glong
mp_table_get_shadow_offset (void)
{
  return (glong) (table_window - shadow_window);
}
