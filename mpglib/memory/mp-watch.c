/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mp-clock-private.h"
#include "mp-doorbell-private.h"
#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-participant-private.h"
#include "mp-patience-private.h"
#include "mp-short-lock-private.h"
#include "mp-thread-private.h"
#include "mp-watch-private.h"

/* The thread mp-watch.  Its life is the life of the process: the kernel marks the
 * slots that it claimed when the process ends or calls exec.  While it lives it
 * sleeps, and wakes up for
 *
 *   control       a thread of this process wants it to take part in another table,
 *                 or to look at epochs from now on
 *   vigils        that it keeps for the next two living slots: one of them died, so
 *                 it buries it
 *   poke          of its own slot: look again for who the next two are
 *   doorbell      of its own slot: objects that this process waits for from a main
 *                 loop have rung
 *   epoch         somebody died: what he would have rung for may never ring.  Only
 *                 while this process has doorbells
 *
 * It allocates nothing, takes no locks and blocks all signals, so nothing that
 * others do to this process, short of stopping it, keeps it from its work.
 */

#define STACK_SIZE (128 * 1024)
#define N_NEIGHBOURS 2

/* Between looks at somebody that the kernel is tearing down, or whose vigils are all
 * kept by others, who have been told to look for another neighbour.
 */
#define FIRST_PAUSE_USEC 100
#define LAST_PAUSE_USEC  (5 * G_TIME_SPAN_MILLISECOND)

typedef struct
{
  MpSlot  *slot;
  MpVigil *vigil;     /* kept for it */
  guint64  identity;
} Neighbour;

/* What it knows of one table between two sleeps. */
typedef struct
{
  guint32   me;
  guint32   poke;
  guint32   epoch;
  guint32   doorbell;
  gboolean  has_looked;
  guint     n_tries;          /* of a claim, so far */
  gboolean  must_look_again;
  gboolean  has_more_to_bury;
  guint32   first_to_bury;    /* slots from its own one to where it goes on to bury */
  guint     n_neighbours;
  Neighbour neighbours[N_NEIGHBOURS];
} TableWatch;

typedef struct
{
  MpSelf     *self;
  TableWatch  tables[MP_SELF_MAX_TABLES];
  gint64      pause;
} Watch;

G_STATIC_ASSERT (1 + MP_SELF_MAX_TABLES * (3 + N_NEIGHBOURS) <= MP_FUTEX_MAX_WAITS);

/* --- Taking part ---------------------------------------------------------- */

/* FALSE: goes on when the other tables were looked after. */
static gboolean
claim_in_table (Watch *watch,
                guint  index)
{
  TableWatch *known = &watch->tables[index];
  guint32 bit = 1u << index;

  /* Two threads may have made the same wish, the second when it was granted. */
  if (known->me == 0)
    {
      guint32 me = mp_participant_claim (mp_table_peek (index), &known->n_tries);

      if (me == 0 && known->n_tries < MP_PARTICIPANT_MAX_TRIES)
        return FALSE;

      if (me == 0)
        atomic_fetch_or (&watch->self->refusals, bit);

      *known = (TableWatch) { .me = me };
      atomic_store (&watch->self->me[index], me);
    }

  atomic_fetch_and (&watch->self->wishes, ~bit);
  atomic_fetch_add (&watch->self->n_answers, 1);
  mp_futex_wake (&watch->self->n_answers, MP_FUTEX_WAKE_ALL);
  return TRUE;
}

/* FALSE: there are more to be granted. */
static gboolean
grant_wishes (Watch *watch)
{
  guint32 wishes = atomic_load (&watch->self->wishes);
  gboolean are_granted = TRUE;

  for (guint i = 0; i < MP_SELF_MAX_TABLES; i++)
    if ((wishes & 1u << i) != 0)
      are_granted &= claim_in_table (watch, i);

  return are_granted;
}

/* --- Neighbours ----------------------------------------------------------- */

static gboolean
neighbours_are_unchanged (const TableWatch *known)
{
  for (guint i = 0; i < known->n_neighbours; i++)
    if (atomic_load (&known->neighbours[i].slot->identity) != known->neighbours[i].identity)
      return FALSE;

  return known->has_looked && !known->must_look_again;
}

/* While this thread is awake it is in no queue, so whoever comes next has the vigil
 * for itself.
 */
static void
end_vigils (TableWatch *known)
{
  for (guint i = 0; i < known->n_neighbours; i++)
    atomic_store (&known->neighbours[i].vigil->watcher, 0);

  known->n_neighbours = 0;
}

static MpVigil *
begin_vigil (MpTable *table,
             MpSlot  *slot,
             guint32  life,
             guint32  me)
{
  for (guint i = 0; i < MP_SLOT_N_VIGILS; i++)
    {
      MpVigil *vigil = &slot->vigils[i];
      guint32 watcher = atomic_load (&vigil->watcher);

#ifdef MP_FAULT_SHARED_VIGIL
      watcher = 0;
      atomic_store (&vigil->watcher, 0);
#endif
      if (atomic_load (&vigil->life) == life &&
          !mp_participant_is_alive (table, watcher) &&
          atomic_compare_exchange_strong (&vigil->watcher, &watcher, me))
        return vigil;
    }

  return NULL;
}

/* Whose vigils are not with the kernel yet will poke. */
static void
watch_over (TableWatch *known,
            MpTable    *table,
            MpSlot     *slot,
            guint64     identity)
{
  MpVigil *vigil;

  if (known->n_neighbours == N_NEIGHBOURS || !mp_participant_has_name (slot, identity))
    return;

  vigil = begin_vigil (table, slot, (guint32) identity, known->me);
  if (vigil != NULL)
    known->neighbours[known->n_neighbours++] = (Neighbour) { slot, vigil, identity };
  else
    known->must_look_again = TRUE;
}

/* Some of the dead at a time: the doorbells of main loops wait meanwhile. */
typedef struct
{
  guint32 first;
  guint32 end;
  guint   n_looks;
  guint   n_buried;
} Burials;

static void
bury_some (TableWatch *known,
           MpTable    *table,
           guint32     distance,
           guint       index,
           guint64     identity,
           Burials    *burials)
{
  gboolean is_buried = FALSE;

  if (distance >= burials->first && burials->n_looks < MP_PARTICIPANT_MAX_BURIALS)
    {
      is_buried = mp_participant_bury (table, index, identity);
      burials->n_looks++;
      burials->n_buried += is_buried;
      burials->end = distance + 1;
    }

  known->must_look_again |= !is_buried;
}

/* All slots, beginning behind its own: a wake may have died with another watcher. */
static void
look_at_all_slots (TableWatch *known,
                   MpTable    *table)
{
  guint own = mp_owner_get_slot (known->me);
  guint32 top = mp_table_get_top (table);
  Burials burials = { .first = known->first_to_bury };

  end_vigils (known);
  known->has_looked = TRUE;
  known->must_look_again = FALSE;

  for (guint32 i = 1; i < top; i++)
    {
      guint index = (own + i) % top;
      MpSlot *slot = &table->layout->slots[index];
      guint64 identity = atomic_load (&slot->identity);

      if ((identity & MP_LIFE_DIED) == 0)
        watch_over (known, table, slot, identity);
      else
        bury_some (known, table, i, index, identity, &burials);
    }

  known->first_to_bury = burials.n_looks == MP_PARTICIPANT_MAX_BURIALS ? burials.end : 0;
  known->has_more_to_bury = known->must_look_again && burials.n_buried > 0;
}

/* Each word is read before what it stands for is looked at. */
static void
look_after_table (Watch *watch,
                  guint  index)
{
  MpTable *table = mp_table_peek (index);
  TableWatch *known = &watch->tables[index];
  MpSlot *slot = &table->layout->slots[mp_owner_get_slot (known->me)];
  guint32 poke = atomic_load (&slot->poke);
  guint32 epoch = mp_table_get_epoch (table);
  gboolean epoch_is_new = epoch != known->epoch;

  if (poke != known->poke || epoch_is_new || !neighbours_are_unchanged (known))
    look_at_all_slots (known, table);

  known->poke = poke;
  known->epoch = epoch;
  known->doorbell = atomic_load (&slot->doorbell);
  mp_doorbell_dispatch (table, atomic_exchange (&slot->rung, 0), epoch_is_new);
}

/* --- Sleeping ------------------------------------------------------------- */

static guint
add_waits (const TableWatch *known,
           MpTableLayout    *layout,
           gboolean          with_epoch,
           MpFutexWait      *waits)
{
  MpSlot *slot = &layout->slots[mp_owner_get_slot (known->me)];
  guint n = 0;

  waits[n++] = (MpFutexWait) { &slot->doorbell, known->doorbell };
  waits[n++] = (MpFutexWait) { &slot->poke, known->poke };
  if (with_epoch)
    waits[n++] = (MpFutexWait) { &layout->epoch, known->epoch };

  for (guint i = 0; i < known->n_neighbours; i++)
    waits[n++] = (MpFutexWait) { &known->neighbours[i].vigil->life, (guint32) known->neighbours[i].identity };

  return n;
}

static gint64
get_deadline (Watch    *watch,
              gboolean  must_look_again)
{
  if (!must_look_again)
    {
      watch->pause = FIRST_PAUSE_USEC;
      return MP_DEADLINE_NEVER;
    }

  watch->pause = MIN (watch->pause * 2, LAST_PAUSE_USEC);
  return g_get_monotonic_time () + watch->pause;
}

static void
look_and_sleep (Watch *watch)
{
  MpFutexWait waits[MP_FUTEX_MAX_WAITS];
  guint n_waits = 0;
  gboolean must_look_again = FALSE;
  gboolean must_go_on;
  gboolean has_doorbells;
  guint32 control = atomic_load (&watch->self->control);

  must_go_on = !grant_wishes (watch);
  has_doorbells = atomic_load (&watch->self->n_doorbells) > 0;

  for (guint i = 0; i < mp_table_get_n (); i++)
    {
      TableWatch *known = &watch->tables[i];

      if (known->me == 0)
        continue;

      look_after_table (watch, i);
      must_look_again |= known->must_look_again;
      must_go_on |= known->has_more_to_bury;
      n_waits += add_waits (known, mp_table_peek (i)->layout, has_doorbells, waits + n_waits);
    }

  if (must_go_on)
    return;

  waits[n_waits++] = (MpFutexWait) { &watch->self->control, control };
  mp_futex_wait_many (waits, n_waits, get_deadline (watch, must_look_again));
}

static G_NORETURN void *
watch_main (void *data)
{
  Watch watch = { .self = data, .pause = FIRST_PAUSE_USEC };

  prctl (PR_SET_NAME, "mp-watch");
  mp_participant_begin_life ();
  atomic_store (&watch.self->watch_thread, (guint32) syscall (SYS_gettid));

  for (;;)
    look_and_sleep (&watch);
}

/* --- For other threads ---------------------------------------------------- */

static gboolean
start_thread_locked (MpSelf  *self,
                     GError **error)
{
  int result;

  if (atomic_load (&self->watch_is_started) != 0)
    return TRUE;

  result = mp_thread_start (watch_main, self, STACK_SIZE, NULL);

  if (result != 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_FAILED,
                   "Cannot start the thread that watches over shared memory: %s", g_strerror (result));
      return FALSE;
    }

  atomic_store (&self->watch_is_started, 1);
  return TRUE;
}

/*< private >
 * mp_watch_look_again:
 *
 * Makes the thread look at @self; it need not be there yet.
 */
void
mp_watch_look_again (MpSelf *self)
{
  atomic_fetch_add (&self->control, 1);
  mp_futex_wake (&self->control, 1);
}

/* Who asks first waits this long at least, in microseconds: the thread may have to be started. */
#define FIRST_JOIN_USEC (50 * G_TIME_SPAN_MILLISECOND)

/* That of the program's own family is trusted: only who has to wait for a processor takes long. */
static gint64
get_join_patience (MpTable  *table,
                   gboolean  is_first)
{
  gint64 remaining;

  if (table == mp_table_peek (0))
    return mp_short_lock_get_patience ();

  remaining = mp_patience_get_remaining (mp_short_lock_get_patience ());
  return MAX (remaining, is_first ? FIRST_JOIN_USEC : 0);
}

static gboolean
begin_join (MpSelf    *self,
            MpTable   *table,
            gboolean  *is_first,
            GError   **error)
{
  guint32 bit = 1u << table->index;
  gboolean is_started;

  mp_self_lock (self);
  is_started = start_thread_locked (self, error);
  if (is_started && mp_participant_get_me (table) == 0)
    {
      atomic_fetch_and (&self->refusals, ~bit);
      *is_first = (atomic_fetch_or (&self->wishes, bit) & bit) == 0;
    }
  mp_self_unlock (self);

  if (is_started)
    mp_watch_look_again (self);
  return is_started;
}

static guint32
await_join (MpSelf   *self,
            MpTable  *table,
            gint64    deadline,
            GError  **error)
{
  for (;;)
    {
      guint32 n_answers = atomic_load (&self->n_answers);
      guint32 me = mp_participant_get_me (table);

      if (me != 0)
        return me;

      if ((atomic_load (&self->refusals) & 1u << table->index) != 0)
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
  MpSelf *self = mp_self_get ();
  gboolean is_first = FALSE;
  gint64 begun = g_get_monotonic_time ();
  guint32 me;

  if (!begin_join (self, table, &is_first, error))
    return 0;

  me = await_join (self, table, begun + get_join_patience (table, is_first), error);
  mp_patience_spend (g_get_monotonic_time () - begun);
  return me;
}
