/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-cancel-watch-private.h"

/* GLib calls the handlers of "cancelled" in the order in which they were connected, so one of the user's that was there
 * before a wait began, and waits for the thread that waits, would keep a handler of the library's from ending that. A
 * hook comes before all of them, whatever cancellable it is; those that are waited with are looked up here.
 */
static GMutex lock;
static GHashTable *watches;  /* of GCancellable to the first MpCancelWatch */
static guint generation;     /* of forked processes */

static gboolean
on_any_cancelled (GSignalInvocationHint *hint,
                  guint                  n_params,
                  const GValue          *params,
                  gpointer               unused)
{
  g_mutex_lock (&lock);
  for (MpCancelWatch *watch = g_hash_table_lookup (watches, g_value_get_object (&params[0]));
       watch != NULL; watch = watch->next)
    watch->func (watch->data);
  g_mutex_unlock (&lock);
  return TRUE;
}

static void
ensure_hook_locked (void)
{
  if (watches != NULL)
    return;

  watches = g_hash_table_new (NULL, NULL);
  g_signal_add_emission_hook (g_signal_lookup ("cancelled", G_TYPE_CANCELLABLE), 0, on_any_cancelled, NULL, NULL);
}

/*< private >
 * mp_cancel_watch_begin:
 *
 * Afterwards the caller looks whether @cancellable was cancelled before. It holds it until mp_cancel_watch_end().
 */
void
mp_cancel_watch_begin (MpCancelWatch *self,
                       GCancellable  *cancellable,
                       void         (*func) (gpointer data),
                       gpointer       data)
{
  *self = (MpCancelWatch) { .cancellable = cancellable, .func = func, .data = data };

  g_mutex_lock (&lock);
  ensure_hook_locked ();
  self->generation = generation;
  self->next = g_hash_table_lookup (watches, cancellable);
  if (self->next != NULL)
    self->next->previous = self;
  g_hash_table_insert (watches, cancellable, self);
  g_mutex_unlock (&lock);
}

static void
remove_locked (MpCancelWatch *self)
{
  if (self->next != NULL)
    self->next->previous = self->previous;

  if (self->previous != NULL)
    self->previous->next = self->next;
  else if (self->next != NULL)
    g_hash_table_insert (watches, self->cancellable, self->next);
  else
    g_hash_table_remove (watches, self->cancellable);
}

/*< private >
 * mp_cancel_watch_end:
 *
 * Unlike g_cancellable_disconnect() it waits for no handler of anybody's.
 */
void
mp_cancel_watch_end (MpCancelWatch *self)
{
  g_mutex_lock (&lock);
  if (self->generation == generation)
    remove_locked (self);
  g_mutex_unlock (&lock);
}

/*< private >
 * mp_cancel_watch_is_one_of:
 *
 * Returns: whether anybody waits with @cancellable
 */
gboolean
mp_cancel_watch_is_one_of (GCancellable *cancellable)
{
  gboolean is;

  g_mutex_lock (&lock);
  is = watches != NULL && g_hash_table_contains (watches, cancellable);
  g_mutex_unlock (&lock);
  return is;
}

GMutex *
mp_cancel_watch_get_lock (void)
{
  return &lock;
}

/* In a forked child, where the threads are not that waited, nor what was in their stacks. */
void
mp_cancel_watch_forget_all (void)
{
  if (watches == NULL || g_hash_table_size (watches) == 0)
    return;

  g_hash_table_remove_all (watches);
  generation++;
}
