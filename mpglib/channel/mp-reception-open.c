/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-reception-base-private.h"

#include <stdlib.h>

#include "mp-fd-private.h"
#include "mp-fork-private.h"
#include "mp-origin-private.h"

/* For forks and exits */
static GQueue open_receptions = G_QUEUE_INIT;
static GMutex open_lock; /* a leaf */

static void
leave_arrival (gpointer arrival,
               gpointer unused)
{
  mp_fd_close (&((MpArrival *) arrival)->io.fd);
}

void
mp_reception_leave (MpReception *self)
{
  mp_place_leave (&self->place);
  mp_fd_close (&self->spare_fd);
  mp_reception_leave_strangers (self);
  g_queue_foreach (&self->ready, leave_arrival, NULL);
}

/* What a stranger forks listens to nobody, and keeps nobody's connection open. */
static void
leave_all (void)
{
  for (GList *l = open_receptions.head; l != NULL; l = l->next)
    mp_reception_leave (l->data);
  if (open_receptions.head != NULL)
    g_queue_init (&open_receptions);
}

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&open_lock, leave_all);
}

/* Files are removed once, by whoever takes it out of the list, with the lock. */
void
mp_reception_remove_from_open (MpReception *self)
{
  g_mutex_lock (&open_lock);
  if (self->link.data != NULL)
    {
      g_queue_unlink (&open_receptions, &self->link);
      self->link.data = NULL;
      mp_place_remove_files (&self->place);
    }
  g_mutex_unlock (&open_lock);
}

/*< private >
 * mp_reception_close_all:
 *
 * The process is about to end in order: no file stays behind. Is called at exit in any
 * case.
 */
void
mp_reception_close_all (void)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) mp_reception_unref);

  g_mutex_lock (&open_lock);
  for (GList *l = open_receptions.head; l != NULL; l = l->next)
    if (mp_pump_get_origin (((MpReception *) l->data)->pump) == mp_origin_get ())
      g_ptr_array_add (all, mp_reception_ref (l->data));
  g_mutex_unlock (&open_lock);

  for (guint i = 0; i < all->len; i++)
    mp_reception_close (g_ptr_array_index (all, i));
}

void
mp_reception_add_to_open (MpReception *self)
{
  static gsize once;

  if (g_once_init_enter (&once))
    {
      atexit (mp_reception_close_all);
      g_once_init_leave (&once, 1);
    }

  self->link.data = self;
  g_mutex_lock (&open_lock);
  g_queue_push_tail_link (&open_receptions, &self->link);
  g_mutex_unlock (&open_lock);
}
