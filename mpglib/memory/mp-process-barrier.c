/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mp-atomic-private.h"
#include "mp-origin-private.h"
#include "mp-process-barrier-private.h"
#include "mp-thread-private.h"

#define STACK_SIZE (64 * 1024)

/* Both are origins: a forked child begins anew. */
static MpAtomic32 asked;
static MpAtomic32 ready;

static int
call (int command)
{
  return (int) syscall (SYS_membarrier, command, 0, 0);
}

static void *
register_process (void *unused)
{
  if (call (MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0)
    atomic_store (&ready, mp_origin_get ());

  return NULL;
}

/*< private >
 * mp_process_barrier_is_ready:
 *
 * The first call has it made ready: the kernel may take tens of milliseconds for that, so a thread
 * of its own does it.
 *
 * Returns: whether mp_process_barrier() may be called; %FALSE for ever where the kernel, or a filter of system
 *   calls, does not allow it
 */
gboolean
mp_process_barrier_is_ready (void)
{
  guint32 origin = mp_origin_get ();
  guint32 seen = atomic_load (&asked);

  if (G_LIKELY (atomic_load (&ready) == origin))
    return TRUE;

  if (seen != origin && atomic_compare_exchange_strong (&asked, &seen, origin))
    mp_thread_start (register_process, NULL, STACK_SIZE, NULL);

  return FALSE;
}

/*< private >
 * mp_process_barrier:
 *
 * Only where it is ready.
 */
void
mp_process_barrier (void)
{
  if (G_LIKELY (call (MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0))
    return;

  /* A filter of system calls came after it was ready.  No store stays within a processor for so long. */
  atomic_store (&ready, 0);
  g_usleep (G_TIME_SPAN_MILLISECOND);
}
