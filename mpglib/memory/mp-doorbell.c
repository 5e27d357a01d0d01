/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <sys/mman.h>

#include <gio/gio.h>

#include "mp-doorbell-private.h"
#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-origin-private.h"
#include "mp-participant-private.h"
#include "mp-watch-private.h"

#define ALL_CHANNELS G_MAXUINT64

enum
{
  DOORBELL_FREE,
  DOORBELL_QUIET,   /* its function does not run */
  DOORBELL_ARMED,   /* mp-watch may take it back to quiet, and runs its function once */
};

/* One that this process waits with.  They lie in chunks that stay where they are
 * as long as the process lives, so that mp-watch can look at them without a lock.
 * A forked child begins without any: the list of chunks is wiped.
 */
struct _MpDoorbell
{
  MpAtomic32                state;
  guint32                   index;
  guint32                   next_free;    /* index + 1; guarded by the lock of MpSelf */
  guint32                   origin;
  _Atomic (MpTable *)       table;        /* looked at by all threads mp-watch, first of all */
  MpBell                   *bell;
  _Atomic (MpBellWaiter *)  waiter;       /* NULL: found no place, rung with all others */
  MpDoorbellFunc            func;
  gpointer                  user_data;
};

/* --- Waiter words --------------------------------------------------------- */

static guint32
get_owner (guint64 state)
{
  return (guint32) state & MP_OWNER_MASK;
}

static guint64
with_flags (guint64 state,
            guint32 flags)
{
  return (state & ~(guint64) (MP_BELL_ARMED | MP_BELL_RUNG)) | flags;
}

/* The next arming: what a slow ringer still wants to change is the one before. */
static guint64
next_sequence (guint64 state,
               guint32 owner,
               guint32 flags)
{
  return ((state >> 32) + 1) << 32 | owner | flags;
}

/* --- Ringing -------------------------------------------------------------- */

/* What a ringer leaves in the object while it rings. */
#ifdef MP_FAULT_NO_MARK
# define RING_MARK 0
#else
# define RING_MARK MP_BELL_RUNG
#endif

static void
ring_slot (MpTable *table,
           guint    slot_index,
           guint64  channels)
{
  MpSlot *slot = &table->layout->slots[slot_index];

  atomic_fetch_or (&slot->rung, channels);
  mp_futex_add_and_wake (&slot->doorbell, 1);
}

static void
ring_waiter (MpTable      *table,
             MpBellWaiter *waiter)
{
  guint64 state = atomic_load (&waiter->state);
  guint32 channel;

  if ((state & (MP_BELL_ARMED | MP_BELL_RUNG)) == 0)
    return;

  if (!mp_participant_is_alive (table, get_owner (state)))
    {
      /* Only what is buried is cleared: its slot may be another's already. */
      if (mp_participant_look (table, get_owner (state)) == MP_LIFE_DEAD)
        atomic_compare_exchange_strong (&waiter->state, &state, next_sequence (state, 0, 0));
      return;
    }

  channel = atomic_load (&waiter->channel) % MP_BELL_N_CHANNELS;

  /* Armed anew meanwhile: then its owner looks at the object after our change. */
  if ((state & MP_BELL_ARMED) != 0 &&
      !atomic_compare_exchange_strong (&waiter->state, &state, with_flags (state, RING_MARK)) &&
      (state & MP_BELL_RUNG) == 0)
    return;

  ring_slot (table, mp_owner_get_slot (get_owner (state)), G_GUINT64_CONSTANT (1) << channel);

  state = with_flags (state, MP_BELL_RUNG);
  atomic_compare_exchange_strong (&waiter->state, &state, with_flags (state, 0));
}

static void
ring_everybody (MpTable *table)
{
  guint32 top = mp_table_get_top (table);

  for (guint32 i = 0; i < top; i++)
    if ((atomic_load (&table->layout->slots[i].life) & MP_LIFE_THREAD_MASK) != 0)
      ring_slot (table, i, ALL_CHANNELS);
}

/*< private >
 * mp_bell_ring_waiters:
 * @gate: what the gate of @bell was, after the change that this is about
 *
 * Use mp_bell_ring().
 */
void
mp_bell_ring_waiters (MpTable *table,
                      MpBell  *bell,
                      guint32  gate)
{
  for (guint i = 0; i < MP_BELL_N_WAITERS; i++)
    ring_waiter (table, &bell->waiters[i]);

  if ((gate & MP_BELL_MANY) != 0)
    ring_everybody (table);

  /* Unless somebody armed meanwhile, whom we may have missed. */
  atomic_compare_exchange_strong (&bell->gate, &gate, gate & MP_BELL_SEQUENCE_MASK);
}

/* --- Hearing -------------------------------------------------------------- */

static MpDoorbell *
peek_doorbell (MpSelf  *self,
               guint32  index)
{
  MpDoorbell *chunk = atomic_load (&self->chunks[index / MP_SELF_CHUNK_LENGTH]);

  return &chunk[index % MP_SELF_CHUNK_LENGTH];
}

/* Another object on the same channel may have rung. */
static gboolean
was_rung (MpDoorbell *doorbell)
{
  MpBellWaiter *waiter = atomic_load (&doorbell->waiter);

  return waiter == NULL || (atomic_load (&waiter->state) & MP_BELL_ARMED) == 0;
}

static void
hear (MpSelf   *self,
      MpTable  *table,
      guint32   index,
      gboolean  all)
{
  MpSelfWatch *watch = mp_table_get_watch (table);
  MpDoorbell *doorbell = peek_doorbell (self, index);
  guint32 armed = DOORBELL_ARMED;

  /* mp_doorbell_free() waits as long as this is said of its doorbell. */
  atomic_store (&watch->dispatching, index + 1);

  if (atomic_load (&doorbell->state) == DOORBELL_ARMED &&
      atomic_load (&doorbell->table) == table &&
      (all || was_rung (doorbell)) &&
      atomic_compare_exchange_strong (&doorbell->state, &armed, DOORBELL_QUIET))
    doorbell->func (doorbell->user_data);

  atomic_store (&watch->dispatching, 0);
}

/*< private >
 * mp_doorbell_dispatch:
 * @channels: that rang
 * @all: somebody died: let all look at their objects
 *
 * For mp-watch.
 */
void
mp_doorbell_dispatch (MpTable  *table,
                      guint64   channels,
                      gboolean  all)
{
  MpSelf *self = mp_self_get ();
  guint32 top;

  if (all)
    channels = ALL_CHANNELS;
  if (channels == 0)
    return;

  top = atomic_load (&self->top_doorbell);
  for (guint channel = 0; channel < MP_BELL_N_CHANNELS; channel++)
    if ((channels >> channel & 1) != 0)
      for (guint32 index = channel; index < top; index += MP_BELL_N_CHANNELS)
        hear (self, table, index, all);
}

/* --- Doorbells of this process -------------------------------------------- */

/* Not from the allocator: a forked child has no use for it and cannot free it. */
static gboolean
add_chunk_locked (MpSelf  *self,
                  guint    chunk,
                  GError **error)
{
  gpointer memory = mmap (NULL, sizeof (MpDoorbell) * MP_SELF_CHUNK_LENGTH, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (memory == MAP_FAILED)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                   "Cannot wait for another object: %s", g_strerror (errno));
      return FALSE;
    }

  atomic_store (&self->chunks[chunk], memory);
  return TRUE;
}

static MpDoorbell *
take_free_locked (MpSelf  *self,
                  GError **error)
{
  guint32 index = atomic_load (&self->top_doorbell);
  guint chunk = index / MP_SELF_CHUNK_LENGTH;
  MpDoorbell *doorbell;

  if (self->free_doorbell != 0)
    {
      doorbell = peek_doorbell (self, self->free_doorbell - 1);
      self->free_doorbell = doorbell->next_free;
      return doorbell;
    }

  if (chunk == MP_SELF_N_CHUNKS)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_FULL,
                   "A process can wait for %u objects at once, not more", MP_SELF_N_CHUNKS * MP_SELF_CHUNK_LENGTH);
      return NULL;
    }

  if (atomic_load (&self->chunks[chunk]) == NULL && !add_chunk_locked (self, chunk, error))
    return NULL;

  doorbell = peek_doorbell (self, index);
  doorbell->index = index;
  atomic_store (&self->top_doorbell, index + 1);
  return doorbell;
}

/*< private >
 * mp_doorbell_new:
 * @bell: that of the object; mapped until mp_doorbell_free()
 * @func: called on the thread mp-watch, once after each mp_doorbell_arm()
 *
 * Makes this process a participant of @table.
 */
MpDoorbell *
mp_doorbell_new (MpTable         *table,
                 MpBell          *bell,
                 MpDoorbellFunc   func,
                 gpointer         user_data,
                 GError         **error)
{
  MpSelf *self = mp_self_get ();
  MpDoorbell *doorbell;

  if (mp_participant_enter (table, error) == 0)
    return NULL;

  mp_self_lock (self);
  doorbell = take_free_locked (self, error);
  mp_self_unlock (self);

  if (doorbell == NULL)
    return NULL;

  doorbell->origin = mp_origin_get ();
  atomic_store (&doorbell->table, table);
  doorbell->bell = bell;
  doorbell->func = func;
  doorbell->user_data = user_data;
  atomic_store (&doorbell->waiter, NULL);
  atomic_store (&doorbell->state, DOORBELL_QUIET);

  /* From the first on the threads look at epochs too. */
  if (atomic_fetch_add (&self->n_doorbells, 1) == 0)
    mp_watch_look_again_all (self);

  return doorbell;
}

static void
leave_place (MpDoorbell *self)
{
  MpBellWaiter *waiter = atomic_exchange (&self->waiter, NULL);

  /* Nobody but its owner gives a living owner's place away. */
  if (waiter != NULL)
    atomic_store (&waiter->state, next_sequence (atomic_load (&waiter->state), 0, 0));
}

/*< private >
 * mp_doorbell_free:
 *
 * When it returns, the function does not run and will not.  Must not be called
 * from the function.
 */
void
mp_doorbell_free (MpDoorbell *self)
{
  MpSelf *process = mp_self_get ();

  /* A forked child has a copy of its parent's, whose place in the object it is. */
  if (self->origin != mp_origin_get ())
    return;

  atomic_store (&self->state, DOORBELL_FREE);
  while (atomic_load (&mp_table_get_watch (self->table)->dispatching) == self->index + 1)
    mp_futex_pause (20);

  leave_place (self);
  atomic_fetch_sub (&process->n_doorbells, 1);

  mp_self_lock (process);
  self->next_free = process->free_doorbell;
  process->free_doorbell = self->index + 1;
  mp_self_unlock (process);
}

static gboolean
try_place (MpDoorbell   *self,
           MpBellWaiter *waiter,
           guint32       me)
{
  guint64 state = atomic_load (&waiter->state);

  if (get_owner (state) != 0 && mp_participant_look (self->table, get_owner (state)) != MP_LIFE_DEAD)
    return FALSE;

  if (!atomic_compare_exchange_strong (&waiter->state, &state, next_sequence (state, me, 0)))
    return FALSE;

  atomic_store (&waiter->channel, self->index % MP_BELL_N_CHANNELS);
  return TRUE;
}

static MpBellWaiter *
find_place (MpDoorbell *self,
            guint32     me)
{
  MpBellWaiter *waiter = atomic_load (&self->waiter);

  for (guint i = 0; waiter == NULL && i < MP_BELL_N_WAITERS; i++)
    if (try_place (self, &self->bell->waiters[i], me))
      waiter = &self->bell->waiters[i];

  return waiter;
}

static void
open_gate (MpBell  *bell,
           guint32  flags)
{
  guint32 gate = atomic_load (&bell->gate);
  guint32 opened;

  do
    opened = ((gate + 1) & MP_BELL_SEQUENCE_MASK) | (gate & MP_BELL_MANY) | flags;
  while (!atomic_compare_exchange_weak (&bell->gate, &gate, opened));
}

/*< private >
 * mp_doorbell_arm:
 *
 * After this the function is called once when the object changes.  Look at the
 * object after it returned: what changed before does not ring.  An eventfd that
 * the function writes to is to be emptied before, not after.
 *
 * Fails with %MP_ERROR_FORKED in the child of a fork by others, which must make a
 * doorbell of its own.
 */
gboolean
mp_doorbell_arm (MpDoorbell  *self,
                 GError     **error)
{
  guint32 me = mp_participant_get_me (self->table);
  MpBellWaiter *waiter;

  if (self->origin != mp_origin_get () || me == 0)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_FORKED,
                           "This process was forked from the one that began to wait for the object");
      return FALSE;
    }

  /* Armed here before it is armed there: a ring in between must be heard, even
   * if it was meant for another.
   */
  waiter = find_place (self, me);
  atomic_store (&self->waiter, waiter);
  atomic_store (&self->state, DOORBELL_ARMED);
  if (waiter != NULL)
    atomic_store (&waiter->state, next_sequence (atomic_load (&waiter->state), me, MP_BELL_ARMED));

  open_gate (self->bell, waiter != NULL ? MP_BELL_WAIT : MP_BELL_WAIT | MP_BELL_MANY);
  mp_atomic_fence ();
  return TRUE;
}

/*< private >
 * mp_doorbell_disarm:
 *
 * The function is not called any more, unless it is being called just now.  The
 * place in the object is kept for the next time.
 */
void
mp_doorbell_disarm (MpDoorbell *self)
{
  MpBellWaiter *waiter;
  guint32 armed = DOORBELL_ARMED;

  if (self->origin != mp_origin_get ())
    return;

  atomic_compare_exchange_strong (&self->state, &armed, DOORBELL_QUIET);

  waiter = atomic_load (&self->waiter);
  if (waiter != NULL)
    atomic_store (&waiter->state,
                  next_sequence (atomic_load (&waiter->state), mp_participant_get_me (self->table), 0));
}
