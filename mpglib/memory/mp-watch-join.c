/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-participant-private.h"
#include "mp-patience-private.h"
#include "mp-short-lock-private.h"
#include "mp-watch-private.h"

/* What other threads ask of mp-watch: only the thread that is the life of this process
 * in a table can take part in it and leave it.
 */

/*< private >
 * mp_watch_leave_locked:
 * @table: which nobody uses or finds any more
 *
 * Has the thread leave the table, and vacate its place; with mp_self_lock().  Waits for nothing.
 */
void
mp_watch_leave_locked (MpTable *table)
{
  MpSelfWatch *self = mp_table_get_watch (table);
  guint32 bit = mp_table_get_bit (table);

  /* In this order: a wish ends when what it led to can be seen. */
  if ((atomic_load (&self->wishes) & bit) == 0 && mp_participant_get_me (table) == 0)
    {
      mp_table_vacate (table);
      return;
    }

  atomic_fetch_or (&self->farewells, bit);
  mp_watch_look_again (self);
}

/* Who asks first waits this long at least, in microseconds: the thread may have to be started.  Not anew for each of
 * many families in one message.
 */
#define FIRST_JOIN_USEC (50 * G_TIME_SPAN_MILLISECOND)

/* That of the program's own family is trusted: only who has to wait for a processor takes long. */
static gint64
get_join_patience (MpTable  *table,
                   gboolean  is_first,
                   gint64   *lent)
{
  gint64 remaining;

  *lent = 0;
  if (table == mp_table_peek (0))
    return mp_short_lock_get_patience ();

  remaining = mp_patience_get_remaining (mp_short_lock_get_patience ());
  if (is_first && remaining < FIRST_JOIN_USEC)
    *lent = mp_patience_lend (FIRST_JOIN_USEC);

  return MAX (remaining, *lent);
}

static gboolean
begin_join (MpSelfWatch  *self,
            MpTable      *table,
            gboolean     *is_first,
            GError      **error)
{
  guint32 bit = mp_table_get_bit (table);
  MpSelf *process = mp_self_get ();
  gboolean is_started;

  mp_self_lock (process);
  is_started = mp_watch_start_locked (self, error);
  if (is_started && mp_participant_get_me (table) == 0)
    {
      atomic_fetch_and (&self->refusals, ~bit);
      *is_first = (atomic_fetch_or (&self->wishes, bit) & bit) == 0;
    }
  mp_self_unlock (process);

  if (is_started)
    mp_watch_look_again (self);
  return is_started;
}

static guint32
await_join (MpSelfWatch  *self,
            MpTable      *table,
            gint64        deadline,
            GError      **error)
{
  for (;;)
    {
      guint32 n_answers = atomic_load (&self->n_answers);
      guint32 me = mp_participant_get_me (table);

      if (me != 0)
        return me;

      if ((atomic_load (&self->refusals) & mp_table_get_bit (table)) != 0)
        {
          g_set_error (error, MP_ERROR, MP_ERROR_FULL,
                       "%u processes share these objects already, and no more can", MP_TABLE_N_SLOTS);
          return 0;
        }

      if (mp_deadline_has_passed (deadline))
        {
          g_set_error_literal (error, MP_ERROR, MP_ERROR_TIMED_OUT,
                               "To join those who share an object takes long: the table of its processes is full of "
                               "dead ones; this goes on, so try again");
          return 0;
        }

      mp_futex_wait (&self->n_answers, n_answers, deadline);
    }
}

/*< private >
 * mp_watch_join:
 *
 * Has the thread take a slot of the table, for which the caller waits as long as it has
 * patience.  Use mp_participant_enter().
 *
 * Returns: this process in owner words of the table, or 0 on error:
 *   %MP_ERROR_FULL if all slots are taken, %MP_ERROR_TIMED_OUT if that is not known yet
 */
guint32
mp_watch_join (MpTable  *table,
               GError  **error)
{
  MpSelfWatch *self = mp_table_get_watch (table);
  gboolean is_first = FALSE;
  gint64 begun = g_get_monotonic_time ();
  gint64 patience, lent, waited;
  guint32 me;

  if (!begin_join (self, table, &is_first, error))
    return 0;

  patience = get_join_patience (table, is_first, &lent);
  me = await_join (self, table, begun + patience, error);
  waited = g_get_monotonic_time () - begun;
  mp_patience_spend (waited);
  mp_patience_give_back (MAX (lent - waited, 0));
  return me;
}
