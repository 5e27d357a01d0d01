/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mp-futex-private.h"
#include "mp-life-list-private.h"
#include "mp-memfd-private.h"
#include "mp-participant-private.h"
#include "mp-procfs-private.h"
#include "mp-watch-private.h"

/* How this process becomes a participant of a table, and how it leaves.  All but
 * mp_participant_enter() is for the thread mp-watch that looks after the table.
 */

/* Neighbours on each side: who is watched, and by how many. */
#define N_NEIGHBOURS 2

/* --- The file lock ---------------------------------------------------------- */

/* A forked child lets go of the file lock of its parent: otherwise the parent's
 * would seem to be held as long as the child lives.  The number may stand for
 * something else by now, if the child has closed everything.
 */
static void
forget_inherited_lock (MpTable *table)
{
  struct stat inherited, own;

  if (table->seen_lock_fd > 0 &&
      fstat (table->seen_lock_fd, &inherited) == 0 &&
      fstat (mp_table_get_fd (table), &own) == 0 &&
      inherited.st_dev == own.st_dev && inherited.st_ino == own.st_ino)
    mp_memfd_close (&table->seen_lock_fd);

  table->seen_lock_fd = 0;
}

/* The only sign of life that ends with exec and with nothing else.  Where it
 * cannot be had, the stack's address tells one program from the next.
 */
static gboolean
take_file_lock (MpTable *table,
                guint    slot)
{
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = slot, .l_len = 1 };
  char name[64];
  MP_AUTO_FD fd = -1;

  forget_inherited_lock (table);

  snprintf (name, sizeof name, "/proc/self/fd/%d", mp_table_get_fd (table));
  fd = open (name, O_RDWR | O_CLOEXEC);
  if (fd < 0 || fcntl (fd, F_OFD_SETLK, &lock) != 0)
    return FALSE;

  table->seen_lock_fd = mp_memfd_steal (&fd);
  mp_self_get ()->lock_fds[table->index] = table->seen_lock_fd;
  return TRUE;
}

/*< private >
 * mp_participant_forget_lock:
 *
 * Lets go of this process's own, or of what it inherited.
 */
void
mp_participant_forget_lock (MpTable *table)
{
  int *own = &mp_self_get ()->lock_fds[table->index];

  if (*own > 0)
    mp_memfd_close (&table->seen_lock_fd);
  else
    forget_inherited_lock (table);

  table->seen_lock_fd = 0;
  *own = 0;
}

/* --- Claiming a slot ------------------------------------------------------ */

static void
raise_top (MpTableLayout *layout,
           guint32        top)
{
  guint32 seen = atomic_load (&layout->top);

  while (seen < top && !atomic_compare_exchange_weak (&layout->top, &seen, top))
    ;
}

/* From here on others can know who is in the slot. */
static void
tell_name (MpTable *table,
           guint    slot_index,
           guint32  generation)
{
  MpSlot *slot = &table->layout->slots[slot_index];
  MpProcfsStat stat = { 0 };

  mp_procfs_read_stat (getpid (), 0, &stat);
  atomic_store (&slot->start_time, stat.start_time);
  atomic_store (&slot->image, stat.image);
  atomic_store (&slot->rung, 0);
  atomic_store (&slot->flags, take_file_lock (table, slot_index) ? MP_SLOT_HAS_FILE_LOCK : 0);
  atomic_store (&slot->name, mp_participant_make_identity (generation, (guint32) getpid ()));
}

/* Whoever watched somebody beyond this slot must watch this one now.  Those that are
 * dead or have no name yet do not count, but are told: the death may be news to
 * nobody.
 */
static void
poke_watchers (MpTable *table,
               guint    slot_index)
{
  guint32 top = mp_table_get_top (table);
  guint n_poked = 0;

  for (guint32 i = 1; i < top && n_poked < N_NEIGHBOURS; i++)
    {
      MpSlot *slot = &table->layout->slots[(slot_index + top - i) % top];
      guint32 life = atomic_load (&slot->life);

      if ((life & MP_LIFE_THREAD_MASK) == 0)
        continue;

      atomic_fetch_add (&slot->poke, 1);
      mp_futex_wake (&slot->poke, 1);
      if (mp_participant_has_name (slot, atomic_load (&slot->identity)))
        n_poked++;
    }
}

/* Behind that of the slot, which the kernel thereby marks first. */
static void
register_vigils (MpTable *table,
                 MpSlot  *slot,
                 guint32  life)
{
  for (guint i = 0; i < MP_SLOT_N_VIGILS; i++)
    {
      mp_life_list_insert (table, &slot->vigils[i].life, &slot->life);
      atomic_store (&slot->vigils[i].life, life);
    }
}

/* The kernel knows of the slot before it is ours, and until it is on the list. */
static gboolean
try_claim (MpTable *table,
           guint    slot_index,
           guint64  identity,
           guint32  life)
{
  MpSlot *slot = &table->layout->slots[slot_index];
  gboolean is_ours;

#ifndef MP_FAULT_LATE_REGISTRATION
  mp_life_list_expect (table, &slot->life);
#endif
  is_ours = atomic_compare_exchange_strong (&slot->identity, &identity, identity | life);
  if (is_ours)
    mp_life_list_add (table, &slot->life);

  mp_life_list_settle (table);
  return is_ours;
}

/*< private >
 * mp_participant_claim:
 * @n_tries: (inout): slots that were looked at, 0 at first
 *
 * Takes a slot for this process, on the thread that called
 * mp_life_list_begin().  A table full of dead takes many calls.
 *
 * Returns: this process in owner words, or 0; then all slots are taken if @n_tries is
 *   %MP_PARTICIPANT_MAX_TRIES, and otherwise it goes on when it is called again
 */
guint32
mp_participant_claim (MpTable *table,
                      guint   *n_tries)
{
  MpTableLayout *layout = table->layout;
  guint32 life = (guint32) syscall (SYS_gettid) | MP_LIFE_WAITERS;
  guint n_burials = 0;

  while (*n_tries < MP_PARTICIPANT_MAX_TRIES && n_burials < MP_PARTICIPANT_MAX_BURIALS)
    {
      /* The oldest first, so that generations last long. */
      guint index = atomic_fetch_add (&layout->next, 1) % MP_TABLE_N_SLOTS;
      guint64 identity = atomic_load (&layout->slots[index].identity);

      ++*n_tries;

      /* Perhaps it died before it could poke anybody. */
      if ((identity & MP_LIFE_DIED) != 0)
        {
          n_burials++;
          mp_participant_bury (table, index, identity);
        }

      if ((guint32) identity != 0 || !try_claim (table, index, identity, life))
        continue;

      register_vigils (table, &layout->slots[index], life);
      raise_top (layout, index + 1);
      tell_name (table, index, (guint32) (identity >> 32));
      poke_watchers (table, index);
      return mp_owner_new (index, (guint32) (identity >> 32));
    }

  return 0;
}

/* --- Leaving -------------------------------------------------------------- */

/* Nearly what the kernel does at a death, in its order.  The thread id stays, so that the kernel, if there is a
 * kill before all have been woken, finds the words still to be this thread's, marks them, and wakes who sleeps.
 */
static void
mark_dead (MpSlot  *slot,
           guint32  life)
{
  guint32 seen = life;

#ifdef MP_FAULT_LEAVE_WITHOUT_ID
  guint32 marked = (life & ~MP_LIFE_THREAD_MASK) | MP_LIFE_DIED;
#else
  guint32 marked = life | MP_LIFE_DIED;
#endif

  atomic_compare_exchange_strong (&slot->life, &seen, marked);

  /* From here on others may bury it, and the next one be in the slot. */
  for (guint i = 0; i < MP_SLOT_N_VIGILS; i++)
    {
      seen = life;
      atomic_compare_exchange_strong (&slot->vigils[i].life, &seen, marked);
    }
}

/*< private >
 * mp_participant_leave:
 *
 * The opposite of mp_participant_claim(), on the same thread, which keeps no vigils there any more.
 * Nobody in this process uses anything that belongs to the table; what it still owns there is
 * abandoned, as by a death.
 */
void
mp_participant_leave (MpTable *table,
                      guint32  me)
{
  guint index = mp_owner_get_slot (me);
  MpSlot *slot = &table->layout->slots[index];
  guint64 identity = atomic_load (&slot->identity);

  /* Before the slot is free: the next one in it has the lock on the same byte. */
  mp_participant_forget_lock (table);
  mark_dead (slot, (guint32) identity);
  mp_participant_wake_beside (slot);

  /* From here on its death would be no news: those who watched it look until it is buried.  Others
   * see that it is gone by the file lock alone, and only where there is one.
   */
  mp_life_list_remove (table);
  mp_participant_free_slot (table, index, identity | MP_LIFE_DIED);
}

/* --- For other threads ---------------------------------------------------- */

/*< private >
 * mp_participant_enter:
 *
 * Makes this process a participant, unless it is one.  Starts the thread mp-watch
 * the first time.
 *
 * Returns: this process in owner words of the table, or 0 on error
 */
guint32
mp_participant_enter (MpTable  *table,
                      GError  **error)
{
  guint32 me = mp_participant_get_me (table);

  return G_LIKELY (me != 0) ? me : mp_watch_join (table, error);
}
