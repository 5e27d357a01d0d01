/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#include "config.h"

#include "mp-fork-private.h"

#include <pthread.h>
#include <sys/single_threaded.h>

#include "mp-cancel-watch-private.h"
#include "mp-descriptor-private.h"
#include "mp-origin-private.h"

#define MAX_LEAVES 24

typedef struct {
  GMutex *lock;
  void (*in_child) (void);
} Leaf;

static Leaf leaves[MAX_LEAVES];
static guint n_leaves;
static GMutex fork_lock; /* one fork at a time: of two each would wait for the other's locks */
static gboolean is_locked;

void
mp_fork_add_leaf (GMutex  *lock,
                  void   (*in_child) (void))
{
  g_assert (n_leaves < MAX_LEAVES);
  leaves[n_leaves++] = (Leaf) { lock, in_child };
}

/* With one thread there is nobody who could have a lock.  A template is such a process, and each lock that was taken
 * would be a page to be copied, there and in the child. */
static void
before (void)
{
  if (__libc_single_threaded)
    return;
  g_mutex_lock (&fork_lock);
  is_locked = TRUE;
  mp_pump_before_fork ();
  mp_engine_before_fork ();
  for (guint i = 0; i < n_leaves; i++)
    if (leaves[i].lock != NULL)
      g_mutex_lock (leaves[i].lock);
}

static void
after (void)
{
  if (!is_locked)
    return;
  is_locked = FALSE;
  for (guint i = n_leaves; i > 0; i--)
    if (leaves[i - 1].lock != NULL)
      g_mutex_unlock (leaves[i - 1].lock);
  mp_engine_after_fork ();
  mp_pump_after_fork ();
  g_mutex_unlock (&fork_lock);
}

static void
in_child (void)
{
  mp_origin_begin ();
  mp_engine_forget_parent ();
  mp_pump_forget_parent ();
  after ();
  for (guint i = 0; i < n_leaves; i++)
    if (leaves[i].in_child != NULL)
      leaves[i].in_child ();
}

static void __attribute__ ((constructor))
watch_forks (void)
{
  /* Whose layer does not know of this one */
  mp_fork_add_leaf (mp_cancel_watch_get_lock (), mp_cancel_watch_forget_all);
  mp_fork_add_leaf (mp_descriptor_get_lock (), mp_descriptor_forget_waits);
  pthread_atfork (before, after, in_child);
}
