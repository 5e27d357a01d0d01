/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-futex-private.h"
#include "mp-notes-private.h"
#include "mp-participant-private.h"
#include "mp-sleep-private.h"

#define WAIT     1u
#define SEQUENCE 2u

#define NOTE MP_OWNER_NOTE

/* How long a waiter looks before it sleeps: about what a wake costs. */
#define SPIN_USEC 20

static MpAtomic32 spins = 1;

void
mp_notes_set_spin (gboolean spin)
{
  atomic_store (&spins, spin);
}

static gboolean
change_place (MpNotesLayout *notes,
              guint          place,
              guint32        seen,
              guint32        next)
{
  return atomic_compare_exchange_strong (&notes->places[place], &seen, next);
}

/* --- Entering ------------------------------------------------------------- */

static gboolean
take_place (MpTable       *table,
            MpNotesLayout *notes,
            guint          place,
            guint32        me,
            guint         *n_notified)
{
  guint32 seen = atomic_load (&notes->places[place]);

  if (seen != 0)
    {
      if (mp_participant_look (table, seen) != MP_LIFE_DEAD)
        return FALSE;

      /* Those who waited beside the dead may not have got to it yet. */
      if ((seen & NOTE) != 0)
        *n_notified += mp_notes_notify (table, notes, 1);
    }

  return change_place (notes, place, seen, me);
}

static guint32
join_crowd (MpNotesLayout *notes)
{
  guint32 crowd = atomic_load (&notes->crowd);

  while ((crowd & WAIT) == 0 && !atomic_compare_exchange_strong (&notes->crowd, &crowd, crowd | WAIT))
    ;

  return crowd | WAIT;
}

/*< private >
 * mp_notes_enter:
 * @note: (out caller-allocates): where notifications will come
 *
 * To be called with the lock held; notifications after it is released are not missed.
 *
 * Returns: whether it handed a note of the dead on to another: then ring the object's bell
 */
gboolean
mp_notes_enter (MpTable       *table,
                MpNotesLayout *notes,
                guint32        me,
                MpNote        *note)
{
  guint32 turn = atomic_load_explicit (&notes->turn, memory_order_relaxed);
  guint n_notified = 0;

  note->epoch = mp_table_get_epoch (table);
  note->crowd = 0;
  for (guint i = 0; i < MP_NOTES_N_PLACES; i++)
    {
      note->place = (turn + i) % MP_NOTES_N_PLACES;
      if (take_place (table, notes, note->place, me, &n_notified))
        return n_notified > 0;
    }

  note->place = MP_NOTES_N_PLACES;
  note->crowd = join_crowd (notes);
  return n_notified > 0;
}

/*< private >
 * mp_notes_leave:
 *
 * To be called with the lock held.
 *
 * Returns: whether a notification came, perhaps at the last moment
 */
gboolean
mp_notes_leave (MpNotesLayout *notes,
                const MpNote  *note)
{
  if (note->place == MP_NOTES_N_PLACES)
    return atomic_load (&notes->crowd) != note->crowd;

  return (atomic_exchange (&notes->places[note->place], 0) & NOTE) != 0;
}

/* --- Waiting -------------------------------------------------------------- */

/* A waiter in a place first notes itself, and then clears the dead one's; one of the
 * crowd takes the place with the note in it.
 *
 * Returns: FALSE if another was faster
 */
static gboolean
inherit (MpNotesLayout *notes,
         guint          from,
         guint32        seen,
         guint32        me,
         MpNote        *note)
{
  if (note->place == MP_NOTES_N_PLACES)
    {
      if (!change_place (notes, from, seen, me | NOTE))
        return FALSE;

      note->place = from;
      return TRUE;
    }

  if (change_place (notes, note->place, me, me | NOTE))
    change_place (notes, from, seen, 0);

  return TRUE;
}

/* From those that died since it was last looked at. */
static gboolean
inherit_any (MpTable       *table,
             MpNotesLayout *notes,
             guint32        me,
             MpNote        *note)
{
  guint32 epoch = mp_table_get_epoch (table);
  gboolean somebody_is_dying = FALSE;

#ifdef MP_FAULT_NO_INHERITANCE
  note->epoch = epoch;
#endif

  if (G_LIKELY (epoch == note->epoch))
    return FALSE;

  for (guint i = 0; i < MP_NOTES_N_PLACES; i++)
    {
      guint32 seen = atomic_load (&notes->places[i]);
      MpLife life;

      if ((seen & NOTE) == 0 || i == note->place)
        continue;

      life = mp_participant_look (table, seen);
      if (life == MP_LIFE_DEAD && inherit (notes, i, seen, me, note))
        return TRUE;

      somebody_is_dying |= life == MP_LIFE_DYING;
    }

  if (!somebody_is_dying)
    note->epoch = epoch;

  return FALSE;
}

static gboolean
has_note (MpNotesLayout *notes,
          const MpNote  *note)
{
  if (note->place == MP_NOTES_N_PLACES)
    return atomic_load (&notes->crowd) != note->crowd;

  return (atomic_load (&notes->places[note->place]) & NOTE) != 0;
}

/*< private >
 * mp_notes_look:
 *
 * For who waits for the object's bell.
 *
 * Returns: whether a notification came
 */
gboolean
mp_notes_look (MpTable       *table,
               MpNotesLayout *notes,
               guint32        me,
               MpNote        *note)
{
  return has_note (notes, note) || inherit_any (table, notes, me, note);
}

static gboolean
spin_for_note (MpNotesLayout *notes,
               const MpNote  *note)
{
  gint64 end = g_get_monotonic_time () + SPIN_USEC;

  if (atomic_load_explicit (&spins, memory_order_relaxed) == 0)
    return FALSE;

  do
    for (guint i = 0; i < 16; i++)
      {
        if (has_note (notes, note))
          return TRUE;
        mp_cpu_relax ();
      }
  while (g_get_monotonic_time () < end);

  return FALSE;
}

static void
sleep_for_note (MpTable       *table,
                MpNotesLayout *notes,
                guint32        me,
                const MpNote  *note,
                guint32        epoch,
                MpWait         wait)
{
  /* Somebody with a note is dying, and may be dead any moment. */
  if (note->epoch != epoch)
    mp_futex_pause (MP_SLEEP_DYING_USEC);
  else if (note->place == MP_NOTES_N_PLACES)
    mp_sleep_on (table, &notes->crowd, note->crowd, epoch, 0, wait);
  else
    mp_sleep_on (table, &notes->places[note->place], me, epoch, 0, wait);
}

/*< private >
 * mp_notes_wait:
 *
 * To be called after the lock was released.  After it acquire the lock again, and
 * call mp_notes_leave(), which tells for certain.
 *
 * Returns: whether a notification came
 */
gboolean
mp_notes_wait (MpTable       *table,
               MpNotesLayout *notes,
               guint32        me,
               MpNote        *note,
               MpWait         wait)
{
  if (wait.deadline != MP_DEADLINE_NOW && spin_for_note (notes, note))
    return TRUE;

  for (;;)
    {
      guint32 epoch = mp_table_get_epoch (table);
      gboolean is_over = mp_wait_is_over (wait);

      if (mp_notes_look (table, notes, me, note))
        return TRUE;

      if (is_over)
        return FALSE;

      sleep_for_note (table, notes, me, note, epoch, wait);
    }
}

/* --- Notifying ------------------------------------------------------------ */

static gboolean
notify_place (MpTable       *table,
              MpNotesLayout *notes,
              guint          place)
{
  guint32 seen = atomic_load (&notes->places[place]);
  MpLife life;

  if (seen == 0 || (seen & NOTE) != 0)
    return FALSE;

  life = mp_participant_look (table, seen);
  if (life != MP_LIFE_ALIVE)
    {
      if (life == MP_LIFE_DEAD)
        change_place (notes, place, seen, 0);
      return FALSE;
    }

  if (!change_place (notes, place, seen, seen | NOTE))
    return FALSE;

  /* All may have looked already whether it had a note. */
  if (!mp_participant_is_alive (table, seen))
    {
      change_place (notes, place, seen | NOTE, seen);
      return FALSE;
    }

  mp_futex_wake (&notes->places[place], 1);
  return TRUE;
}

static gboolean
notify_crowd (MpNotesLayout *notes)
{
  guint32 crowd = atomic_load (&notes->crowd);

  while ((crowd & WAIT) != 0)
    if (atomic_compare_exchange_strong (&notes->crowd, &crowd, (crowd + SEQUENCE) & ~WAIT))
      {
        mp_futex_wake (&notes->crowd, MP_FUTEX_WAKE_ALL);
        return TRUE;
      }

  return FALSE;
}

/*< private >
 * mp_notes_notify:
 * @n: how many at most
 *
 * To be called with the lock held.
 *
 * Returns: how many were notified, the crowd being one: unless 0, ring the object's bell
 */
guint
mp_notes_notify (MpTable       *table,
                 MpNotesLayout *notes,
                 guint          n)
{
  guint32 turn = atomic_load_explicit (&notes->turn, memory_order_relaxed);
  guint n_notified = 0;

  for (guint i = 0; i < MP_NOTES_N_PLACES && n_notified < n; i++)
    {
      guint place = (turn + i) % MP_NOTES_N_PLACES;

      if (!notify_place (table, notes, place))
        continue;

      n_notified++;
      atomic_store_explicit (&notes->turn, place + 1, memory_order_relaxed);
    }

  return n_notified < n && notify_crowd (notes) ? n_notified + 1 : n_notified;
}
