/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-fork-private.h"
#include "mp-interrupted-private.h"
#include "mp-owner-rlock-private.h"

struct _MpInterrupted
{
  MpInterrupted *next;
  guint64        thread;   /* of a process too, so a forked child finds none of its parent's */
  guint32        round;
  guint32        index;
};

/* Of all lists. */
static GMutex lock;

__attribute__ ((constructor))
static void
watch_forks (void)
{
  mp_fork_add_leaf (&lock, NULL);
}

/*< private >
 * mp_interrupted_keep:
 * @me: this process in owner words
 *
 * For the calling thread.
 */
void
mp_interrupted_keep (MpInterrupted **list,
                     guint32         me,
                     guint32         round,
                     guint32         index)
{
  MpInterrupted *self = g_new (MpInterrupted, 1);

  self->thread = mp_owner_rlock_get_thread (me);
  self->round = round;
  self->index = index;

  g_mutex_lock (&lock);
  self->next = *list;
  g_atomic_pointer_set (list, self);
  g_mutex_unlock (&lock);
}

static MpInterrupted *
steal_locked (MpInterrupted **list,
              guint64         thread)
{
  for (MpInterrupted **place = list; *place != NULL; place = &(*place)->next)
    if ((*place)->thread == thread)
      {
        MpInterrupted *found = *place;

        g_atomic_pointer_set (place, found->next);
        return found;
      }

  return NULL;
}

/*< private >
 * mp_interrupted_take:
 * @me: this process in owner words
 *
 * One load, where nobody was interrupted.
 *
 * Returns: whether the calling thread has something to go on with
 */
gboolean
mp_interrupted_take (MpInterrupted **list,
                     guint32         me,
                     guint32        *round,
                     guint32        *index)
{
  MpInterrupted *found;

  if (G_LIKELY (g_atomic_pointer_get (list) == NULL))
    return FALSE;

  g_mutex_lock (&lock);
  found = steal_locked (list, mp_owner_rlock_get_thread (me));
  g_mutex_unlock (&lock);
  if (found == NULL)
    return FALSE;

  *round = found->round;
  *index = found->index;
  g_free (found);
  return TRUE;
}

/*< private >
 * mp_interrupted_clear:
 * @me: this process in owner words, or 0
 * @func: (nullable): called for each thread of it that has something to go on with
 *
 * For `finalize`: nobody waits any more.
 */
void
mp_interrupted_clear (MpInterrupted   **list,
                      guint32           me,
                      MpInterruptedFunc func,
                      gpointer          data)
{
  while (*list != NULL)
    {
      MpInterrupted *first = *list;

      *list = first->next;
      if (func != NULL && (guint32) (first->thread >> 32) == me)
        func (first->round, first->index, data);
      g_free (first);
    }
}
