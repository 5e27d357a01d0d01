/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* A value that is live: who hears of its changes, and where. */

#include "config.h"

#include <string.h>

#include "mp-origin-private.h"
#include "mp-value-private.h"

/* In a forked child the lock may be that of a thread which is not there, and the parent's watch
 * counts for nothing: nobody hears it.
 */
#define RENEWING (1u << 31)

static void
renew_watch (MpValue *self,
             guint    origin)
{
  guint renewing = origin | RENEWING;
  guint seen = (guint) g_atomic_int_get (&self->origin);

  while (seen != origin)
    {
      if (seen != renewing && g_atomic_int_compare_and_exchange (&self->origin, seen, renewing))
        {
          g_mutex_init (&self->watch_lock);
          self->watch = NULL;
          self->told = NULL;
          g_atomic_int_set (&self->origin, origin);
        }
      seen = (guint) g_atomic_int_get (&self->origin);
    }
}

static void
lock_watch (MpValue *self)
{
  guint origin = mp_origin_get ();

  if (G_UNLIKELY ((guint) g_atomic_int_get (&self->origin) != origin))
    renew_watch (self, origin);

  g_mutex_lock (&self->watch_lock);
}

/**
 * mp_value_get_main_context:
 * @self: a value
 *
 * Gets [property@Mp.Value:main-context].
 *
 * Returns: (transfer none): where changes are notified
 *
 * Since: 1.0
 */
GMainContext *
mp_value_get_main_context (MpValue *self)
{
  GMainContext *context;

  g_return_val_if_fail (MP_IS_VALUE (self), NULL);

  context = g_atomic_pointer_get (&self->main_context);
  if (context != NULL)
    return context;

  context = g_main_context_ref_thread_default ();
  if (!g_atomic_pointer_compare_and_exchange (&self->main_context, NULL, context))
    g_main_context_unref (context);

  return g_atomic_pointer_get (&self->main_context);
}

/* A bell rings for more than changes: for a death, too. */
static gboolean
is_news (MpValue *self)
{
  gsize size = mp_value_get_n_words (self) * sizeof (guint64);
  g_autofree guint64 *words = g_malloc (size);
  gboolean is_new;

  if (!mp_value_load (self, words, NULL))
    return TRUE;

  lock_watch (self);
  is_new = self->told == NULL || memcmp (self->told, words, size) != 0;
  g_free (self->told);
  self->told = g_steal_pointer (&words);
  g_mutex_unlock (&self->watch_lock);

  return is_new;
}

static void
notify_value (gpointer object)
{
  if (is_news (object))
    mp_value_notify_content (object);
}

/**
 * mp_value_get_live:
 * @self: a value
 *
 * Gets [property@Mp.Value:live].
 *
 * Returns: whether changes are notified
 *
 * Since: 1.0
 */
gboolean
mp_value_get_live (MpValue *self)
{
  gboolean live;

  g_return_val_if_fail (MP_IS_VALUE (self), FALSE);

  lock_watch (self);
  live = self->watch != NULL;
  g_mutex_unlock (&self->watch_lock);

  return live;
}

static MpChangeWatch *
watch (MpValue  *self,
       GError  **error)
{
  guint32 me;
  MpValueLayout *layout = mp_shared_object_get (&self->shared, &me, error);

  if (layout == NULL)
    return NULL;

  return mp_change_watch_new (self, &self->shared, &layout->bell, mp_value_get_main_context (self), notify_value,
                              error);
}

/**
 * mp_value_set_live:
 * @self: a value
 * @live: whether changes are notified
 *
 * Sets [property@Mp.Value:live]. Once it is set the value is notified for a first time,
 * too, for it may have changed meanwhile.
 *
 * In a process that is forked no value is live until this one says so there.
 *
 * Since: 1.0
 */
void
mp_value_set_live (MpValue  *self,
                   gboolean  live)
{
  g_autoptr (GError) error = NULL;
  gboolean changes;

  g_return_if_fail (MP_IS_VALUE (self));

  lock_watch (self);
  changes = !live != (self->watch == NULL);
  if (changes)
    g_clear_pointer (&self->told, g_free);
  if (changes && live)
    self->watch = watch (self, &error);
  else if (changes)
    g_clear_pointer (&self->watch, mp_change_watch_end);
  g_mutex_unlock (&self->watch_lock);

  /* Whoever hears it may ask the value. */
  if (error != NULL)
    g_warning ("The shared value cannot be watched: %s", error->message);
  else if (changes)
    g_object_notify (G_OBJECT (self), "live");
}
