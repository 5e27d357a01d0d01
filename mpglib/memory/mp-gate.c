/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#include "config.h"

#include "mp-gate-private.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

guint32
mp_gate_look (MpGate *self)
{
  return atomic_load (&self->word);
}

gboolean
mp_gate_sleep (MpGate  *self,
               guint32  seen,
               gint64   deadline)
{
  struct timespec until;

  if (deadline >= 0)
    {
      until.tv_sec = deadline / G_USEC_PER_SEC;
      until.tv_nsec = deadline % G_USEC_PER_SEC * 1000;
    }
  /* WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC, which WAIT does not */
  return syscall (SYS_futex, &self->word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seen,
                  deadline >= 0 ? &until : NULL, NULL, FUTEX_BITSET_MATCH_ANY) == 0
         || errno != EINTR;
}

void
mp_gate_open (MpGate *self)
{
  atomic_fetch_add (&self->word, 1);
  syscall (SYS_futex, &self->word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
}
