/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <stdlib.h>

#include "mp-exchange-base-private.h"
#include "mp-fork-private.h"
#include "mp-origin-private.h"

/* Those to say BYE when the process ends in order. */
static GMutex open_lock;
static GQueue open_exchanges;
static guint32 open_origin;

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&open_lock, NULL);
}

void
mp_exchange_add_to_open (MpExchange *self)
{
  static gsize once;

  if (g_once_init_enter (&once))
    {
      atexit (mp_exchange_close_all);
      g_once_init_leave (&once, 1);
    }

  g_mutex_lock (&open_lock);
  /* What a forked process finds in the list is not its own. */
  if (open_origin != self->origin)
    g_queue_init (&open_exchanges);
  open_origin = self->origin;
  g_queue_push_tail_link (&open_exchanges, &self->link);
  g_mutex_unlock (&open_lock);
}

void
mp_exchange_remove_from_open (MpExchange *self)
{
  g_mutex_lock (&open_lock);
  if (self->link.data != NULL)
    g_queue_unlink (&open_exchanges, &self->link);
  self->link.data = NULL;
  g_mutex_unlock (&open_lock);
}

/*< private >
 * mp_exchange_close_all:
 *
 * Says BYE on all that are open: the process is about to end in order.  Does
 * nothing in a process forked by a stranger, whose copies of the locks may be
 * held by threads that it does not have.
 */
void
mp_exchange_close_all (void)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) mp_exchange_unref);

  if (open_origin != mp_origin_get ())
    return;

  g_mutex_lock (&open_lock);
  for (GList *link = open_exchanges.head; link != NULL; link = link->next)
    g_ptr_array_add (all, mp_exchange_ref (link->data));
  g_mutex_unlock (&open_lock);

  for (guint i = 0; i < all->len; i++)
    mp_exchange_close (g_ptr_array_index (all, i));
}
