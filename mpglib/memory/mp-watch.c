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
#include "mp-life-list-private.h"
#include "mp-participant-private.h"
#include "mp-thread-private.h"
#include "mp-watch-private.h"

/* The thread mp-watch.  Its life is the life of the process: the kernel marks the
 * slots that it claimed when the process ends or calls exec.  There is another one for
 * each MP_SELF_TABLES_A_WATCH tables.  While it lives it sleeps, and wakes up for
 *
 *   control       a thread of this process wants it to take part in another table, to
 *                 leave one, or to look at epochs from now on
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
  MpSelf      *process;
  MpSelfWatch *self;
  guint        first_table;
  TableWatch   tables[MP_SELF_TABLES_A_WATCH];
  gint64       pause;
} Watch;

G_STATIC_ASSERT (1 + MP_SELF_TABLES_A_WATCH * (3 + N_NEIGHBOURS) <= MP_FUTEX_MAX_WAITS);
G_STATIC_ASSERT (MP_SELF_TABLES_A_WATCH <= 32);

static MpTable *
get_table (Watch *watch,
           guint  index)
{
  return mp_table_peek (watch->first_table + index);
}

static void
answer (MpSelfWatch *self)
{
  atomic_fetch_add (&self->n_answers, 1);
  mp_futex_wake (&self->n_answers, MP_FUTEX_WAKE_ALL);
}

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
      guint32 me = mp_participant_claim (get_table (watch, index), &known->n_tries);

      if (me == 0 && known->n_tries < MP_PARTICIPANT_MAX_TRIES)
        return FALSE;

      if (me == 0)
        atomic_fetch_or (&watch->self->refusals, bit);

      *known = (TableWatch) { .me = me };
      atomic_store (&watch->process->me[watch->first_table + index], me);
    }

  atomic_fetch_and (&watch->self->wishes, ~bit);
  answer (watch->self);
  return TRUE;
}

/* FALSE: there are more to be granted. */
static gboolean
grant_wishes (Watch *watch)
{
  guint32 wishes = atomic_load (&watch->self->wishes);
  gboolean are_granted = TRUE;

  for (guint i = 0; i < MP_SELF_TABLES_A_WATCH; i++)
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
  MpTable *table = get_table (watch, index);
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

/* --- Leaving -------------------------------------------------------------- */

/* Who made a wish may have lost patience. */
static void
leave_table (Watch *watch,
             guint  index)
{
  MpTable *table = get_table (watch, index);
  TableWatch *known = &watch->tables[index];
  guint32 bit = 1u << index;

  atomic_fetch_and (&watch->self->wishes, ~bit);
  end_vigils (known);

  if (known->me != 0)
    mp_participant_leave (table, known->me);

  *known = (TableWatch) { 0 };
  atomic_store (&watch->process->me[table->index], 0);
  mp_table_vacate (table);

  /* Last: until then nobody takes the place to be lost. */
  atomic_fetch_and (&watch->self->farewells, ~bit);
  answer (watch->self);
}

static void
say_farewells (Watch *watch)
{
  guint32 farewells = atomic_load (&watch->self->farewells);

  for (guint i = 0; i < MP_SELF_TABLES_A_WATCH; i++)
    if ((farewells & 1u << i) != 0)
      leave_table (watch, i);
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

  say_farewells (watch);
  must_go_on = !grant_wishes (watch);
  has_doorbells = atomic_load (&watch->process->n_doorbells) > 0;

  for (guint i = 0; i < MP_SELF_TABLES_A_WATCH; i++)
    {
      TableWatch *known = &watch->tables[i];

      if (known->me == 0)
        continue;

      look_after_table (watch, i);
      must_look_again |= known->must_look_again;
      must_go_on |= known->has_more_to_bury;
      n_waits += add_waits (known, get_table (watch, i)->layout, has_doorbells, waits + n_waits);
    }

  if (must_go_on)
    return;

  waits[n_waits++] = (MpFutexWait) { &watch->self->control, control };
  mp_futex_wait_many (waits, n_waits, get_deadline (watch, must_look_again));
}

static G_NORETURN void *
watch_main (void *data)
{
  MpSelf *process = mp_self_get ();
  MpSelfWatch *self = data;
  guint number = self - process->watches;
  Watch watch = {
    .process = process, .self = self, .first_table = number * MP_SELF_TABLES_A_WATCH, .pause = FIRST_PAUSE_USEC,
  };

  prctl (PR_SET_NAME, "mp-watch");
  mp_life_list_begin (number);
  atomic_store (&self->thread, (guint32) syscall (SYS_gettid));

  for (;;)
    look_and_sleep (&watch);
}

/* --- For other threads ---------------------------------------------------- */

/*< private >
 * mp_watch_start_locked:
 *
 * With mp_self_lock().  The thread looks at @self when it runs.
 */
gboolean
mp_watch_start_locked (MpSelfWatch  *self,
                       GError      **error)
{
  int result;

  if (atomic_load (&self->is_started) != 0)
    return TRUE;

  result = mp_thread_start (watch_main, self, STACK_SIZE, NULL);

  if (result != 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_FAILED,
                   "Cannot start the thread that watches over shared memory: %s", g_strerror (result));
      return FALSE;
    }

  atomic_store (&self->is_started, 1);
  return TRUE;
}

/*< private >
 * mp_watch_look_again:
 *
 * Makes the thread look at @self; it need not be there yet.
 */
void
mp_watch_look_again (MpSelfWatch *self)
{
  atomic_fetch_add (&self->control, 1);
  mp_futex_wake (&self->control, 1);
}

void
mp_watch_look_again_all (MpSelf *self)
{
  for (guint i = 0; i < MP_SELF_N_WATCHES; i++)
    mp_watch_look_again (&self->watches[i]);
}
