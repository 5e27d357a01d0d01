/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-memfd-private.h"
#include "mp-participant-private.h"
#include "mp-procfs-private.h"
#include "mp-watch-private.h"

/* Neighbours on each side: who is watched, and by how many. */
#define N_NEIGHBOURS 2

#ifndef F_OFD_GETLK
# error "file locks of open file descriptions are needed"
#endif

/* The kernel's struct robust_list_head.  One thread of a process, the one that
 * is the life of it, has this list; all of it is private memory.
 */
static struct
{
  MpLifeNode *first;
  glong       offset;
  MpLifeNode *pending;
} robust_list;

#define ROBUST_LIST_END ((MpLifeNode *) &robust_list)

/* The kernel reads the list when the thread is killed, between any two
 * instructions: each store is made, and in this order.
 */
#define STORE_IN_ORDER(place, value) \
  G_STMT_START { \
    atomic_signal_fence (memory_order_seq_cst); \
    *(MpLifeNode * volatile *) &(place) = (value); \
    atomic_signal_fence (memory_order_seq_cst); \
  } G_STMT_END

static guint64
make_identity (guint32 generation,
               guint32 life)
{
  return (guint64) generation << 32 | life;
}

/* --- Is it gone? ---------------------------------------------------------- */

/* The lock that the participant holds on its byte of the table is free. */
static gboolean
file_lock_is_free (MpTable *table,
                   guint    slot)
{
  int fd = mp_self_get ()->lock_fds[table->index];
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = slot, .l_len = 1 };

  if (fd <= 0 || (atomic_load (&table->layout->slots[slot].flags) & MP_SLOT_HAS_FILE_LOCK) == 0)
    return FALSE;

  return fcntl (fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

/* An address that is not told reads as 0 or 1. */
static gboolean
images_differ (guint64 before,
               guint64 now)
{
  return before > 1 && now > 1 && before != now;
}

static gboolean
has_exited (int pid_fd)
{
  struct pollfd poll_fd = { .fd = pid_fd, .events = POLLIN };

  return poll (&poll_fd, 1, 0) > 0;
}

/* Another process has the number, or the same process another program. */
static gboolean
is_somebody_else (const MpSlot *slot,
                  pid_t         pid)
{
  guint64 start_time = atomic_load (&slot->start_time);
  MpProcfsStat stat;

  if (start_time == 0 || !mp_procfs_read_stat (pid, 0, &stat))
    return FALSE;

  return stat.start_time != start_time || images_differ (atomic_load (&slot->image), stat.image);
}

/* The life word says that one thread of the process is gone.  The others may run
 * some microseconds longer, and must not find what they own in other hands.  To
 * wait for the pidfd alone would be right too, but comes only after the address
 * space was torn down, and never for a process that called exec.
 */
static gboolean
is_gone (MpTable *table,
         guint    slot_index,
         guint32  generation)
{
  MpSlot *slot = &table->layout->slots[slot_index];
  guint64 name = atomic_load (&slot->name);
  pid_t pid = (pid_t) (guint32) name;
  MP_AUTO_FD pid_fd = -1;

  /* Died before it told its name, so before it could own anything. */
  if ((guint32) (name >> 32) != generation)
    return TRUE;

  /* Where a filter of system calls forbids it, /proc has to do. */
  pid_fd = (int) syscall (SYS_pidfd_open, pid, 0);
  if (pid_fd < 0 && (errno == ESRCH || errno == EINVAL))
    return TRUE;

  return (pid_fd >= 0 && has_exited (pid_fd)) ||
         is_somebody_else (slot, pid) ||
         mp_procfs_all_are_exiting (pid) ||
         file_lock_is_free (table, slot_index);
}

/* --- Death ---------------------------------------------------------------- */

/*< private >
 * mp_participant_broadcast:
 *
 * Wakes everybody that sleeps on anything which participants of the table share:
 * a wake that a killed process did not send, or took with it, is sent again.
 */
void
mp_participant_broadcast (MpTable *table)
{
#ifndef MP_FAULT_NO_BROADCAST
  atomic_fetch_add (&table->layout->epoch, 1);
  mp_futex_wake (&table->layout->epoch, MP_FUTEX_WAKE_ALL);
#endif
}

/* 17 bits of the generation stand in owner words.  When they have all been used
 * an old word could mean a new participant, so the slot is given up.
 */
static guint64
next_identity (guint64 identity)
{
  guint32 generation = (guint32) (identity >> 32) + 1;

  if ((generation & MP_OWNER_GENERATION_MASK) == 0)
    return make_identity (generation - 1, MP_LIFE_WAITERS);

  return make_identity (generation, 0);
}

static void
wake_watchers (MpSlot *slot)
{
  for (guint i = 0; i < MP_SLOT_N_VIGILS; i++)
    if (atomic_load (&slot->vigils[i].watcher) != 0)
      mp_futex_wake (&slot->vigils[i].life, MP_FUTEX_WAKE_ALL);
}

/*< private >
 * mp_participant_bury:
 * @identity: the slot's, with %MP_LIFE_DIED
 *
 * Tells all of a death and frees the slot.  Any number of participants may do it
 * at once, and be killed in it: the next one begins anew.
 *
 * Returns: %FALSE if the dead is not quite gone
 */
gboolean
mp_participant_bury (MpTable *table,
                     guint    slot_index,
                     guint64  identity)
{
  MpSlot *slot = &table->layout->slots[slot_index];

  /* Nobody must stay asleep beside a dead slot: of its sleepers the kernel woke one,
   * who may have been on its way out with its time over; of its watchers those on
   * whose vigils it has come by now.
   */
  mp_futex_wake (&slot->life, MP_FUTEX_WAKE_ALL);
  wake_watchers (slot);

  if (!is_gone (table, slot_index, (guint32) (identity >> 32)))
    return FALSE;

  /* Before the slot is free: who is killed here leaves it to be done again. */
  mp_participant_broadcast (table);

#ifdef MP_FAULT_TWO_WORD_COMMIT
  atomic_store (&slot->life, (guint32) next_identity (identity));
  identity = identity >> 32 << 32 | (guint32) next_identity (identity);
#endif
  if (atomic_compare_exchange_strong (&slot->identity, &identity, next_identity (identity)))
    {
      atomic_fetch_add (&table->layout->n_buried, 1);
      if ((guint32) next_identity (identity) != 0)
        atomic_fetch_add (&table->layout->n_retired, 1);
    }

  return TRUE;
}

/*< private >
 * mp_participant_look:
 * @owner: an owner word; its flags do not matter
 *
 * Whoever finds an owner dead buries it.
 *
 * Returns: %MP_LIFE_DEAD if what it owns may be taken; after %MP_LIFE_DYING look
 *   again some microseconds later
 */
MpLife
mp_participant_look (MpTable *table,
                     guint32  owner)
{
  guint slot = mp_owner_get_slot (owner);
  guint64 identity;

  if (G_LIKELY (mp_participant_is_alive (table, owner)))
    return MP_LIFE_ALIVE;

  /* Nobody writes such a word, and nobody will come and clear it. */
  if (slot >= MP_TABLE_N_SLOTS)
    return MP_LIFE_DEAD;

  identity = atomic_load (&table->layout->slots[slot].identity);
  if ((guint32) (identity >> 32 & MP_OWNER_GENERATION_MASK) != mp_owner_get_generation (owner))
    return MP_LIFE_DEAD;  /* buried, so it was found gone */

  if ((identity & MP_LIFE_DIED) == 0)
    return (identity & MP_LIFE_THREAD_MASK) != 0 ? MP_LIFE_ALIVE : MP_LIFE_DEAD;

  if (mp_participant_bury (table, slot, identity) ||
      atomic_load (&table->layout->slots[slot].identity) != identity)
    return MP_LIFE_DEAD;

  return MP_LIFE_DYING;
}

/* --- Claiming a slot ------------------------------------------------------ */

/*< private >
 * mp_participant_begin_life:
 *
 * Makes the calling thread the life of this process: when it ends, the kernel
 * marks every slot that it claims.  It must not end before the process, and must
 * never use robust mutexes of the C library, whose list this replaces.
 */
void
mp_participant_begin_life (void)
{
  robust_list.first = ROBUST_LIST_END;
  robust_list.pending = NULL;
  robust_list.offset = mp_table_get_life_offset ();

  if (syscall (SYS_set_robust_list, &robust_list, sizeof robust_list) != 0)
    g_error ("Cannot register this process for notice of its death: %s", g_strerror (errno));
}

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
  atomic_store (&slot->name, make_identity (generation, (guint32) getpid ()));
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
  MpLifeNode *previous = mp_table_get_life_node (table, &slot->life);

  for (guint i = 0; i < MP_SLOT_N_VIGILS; i++)
    {
      MpLifeNode *node = mp_table_get_life_node (table, &slot->vigils[i].life);

      STORE_IN_ORDER (node->next, previous->next);
      STORE_IN_ORDER (previous->next, node);
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
  MpLifeNode *node = mp_table_get_life_node (table, &slot->life);
  gboolean is_ours;

#ifndef MP_FAULT_LATE_REGISTRATION
  STORE_IN_ORDER (robust_list.pending, node);
#endif
  is_ours = atomic_compare_exchange_strong (&slot->identity, &identity, identity | life);
  if (is_ours)
    {
      STORE_IN_ORDER (node->next, robust_list.first);
      STORE_IN_ORDER (robust_list.first, node);
    }

  STORE_IN_ORDER (robust_list.pending, NULL);
  return is_ours;
}

/*< private >
 * mp_participant_claim:
 * @n_tries: (inout): slots that were looked at, 0 at first
 *
 * Takes a slot for this process, on the thread that called
 * mp_participant_begin_life().  A table full of dead takes many calls.
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
