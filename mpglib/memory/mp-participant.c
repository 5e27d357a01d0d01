/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-memfd-private.h"
#include "mp-participant-private.h"
#include "mp-procfs-private.h"

#ifndef F_OFD_GETLK
# error "file locks of open file descriptions are needed"
#endif

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
    return mp_participant_make_identity (generation - 1, MP_LIFE_WAITERS);

  return mp_participant_make_identity (generation, 0);
}

static void
wake_watchers (MpSlot *slot)
{
  for (guint i = 0; i < MP_SLOT_N_VIGILS; i++)
    if (atomic_load (&slot->vigils[i].watcher) != 0)
      mp_futex_wake (&slot->vigils[i].life, MP_FUTEX_WAKE_ALL);
}

/*< private >
 * mp_participant_wake_beside:
 *
 * Nobody must stay asleep beside a dead slot: of its sleepers the kernel woke one, who may have
 * been on its way out with its time over; of its watchers those on whose vigils it has come by now.
 */
void
mp_participant_wake_beside (MpSlot *slot)
{
  mp_futex_wake (&slot->life, MP_FUTEX_WAKE_ALL);
  wake_watchers (slot);
}

/*< private >
 * mp_participant_free_slot:
 * @identity: the slot's, with %MP_LIFE_DIED
 *
 * Of one that is known to be gone.
 */
void
mp_participant_free_slot (MpTable *table,
                          guint    slot_index,
                          guint64  identity)
{
  MpSlot *slot = &table->layout->slots[slot_index];

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
  mp_participant_wake_beside (&table->layout->slots[slot_index]);

  if (!is_gone (table, slot_index, (guint32) (identity >> 32)))
    return FALSE;

  mp_participant_free_slot (table, slot_index, identity);
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
