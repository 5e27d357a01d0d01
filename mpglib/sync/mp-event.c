/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-async-wait-private.h"
#include "mp-blocking-wait-private.h"
#include "mp-event.h"
#include "mp-flag-private.h"
#include "mp-interrupted-private.h"
#include "mp-outbox-private.h"
#include "mp-shared-object-private.h"

/**
 * MpEvent:
 *
 * Something that is set or not, and that processes can wait for.
 *
 * [method@Mp.Event.set] lets all go on that wait, in every process, and those that
 * come later until [method@Mp.Event.clear]. Nobody that waits misses a set, however
 * soon it is cleared.
 *
 * An event is a [iface@Mp.Shareable], as a [class@Mp.Lock] is: what is said there of
 * handing over and of forks holds here. It belongs to nobody, so the death of one that
 * uses it changes nothing.
 *
 * An event may be used by all threads.
 *
 * Since: 1.0
 */
struct _MpEvent
{
  GObject parent_instance;

  MpSharedObject shared;
  MpInterrupted *interrupted;
};

static void mp_event_shareable_init (MpShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MpEvent, mp_event, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_event_shareable_init))

enum
{
  PROP_0,
  PROP_SIGNALED,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

#define WHAT "The event was not set"

/* --- Life ----------------------------------------------------------------- */

static void
mp_event_constructed (GObject *object)
{
  G_OBJECT_CLASS (mp_event_parent_class)->constructed (object);

  mp_shared_object_init (&MP_EVENT (object)->shared, MP_OBJECT_EVENT, sizeof (MpFlagLayout));
}

static void
mp_event_finalize (GObject *object)
{
  MpEvent *self = MP_EVENT (object);

  mp_shared_object_clear (&self->shared);
  mp_interrupted_clear (&self->interrupted, 0, NULL, NULL);

  G_OBJECT_CLASS (mp_event_parent_class)->finalize (object);
}

static void
mp_event_get_property (GObject    *object,
                       guint       prop_id,
                       GValue     *value,
                       GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_SIGNALED:
      g_value_set_boolean (value, mp_event_is_set (MP_EVENT (object)));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_event_class_init (MpEventClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_event_constructed;
  object_class->finalize = mp_event_finalize;
  object_class->get_property = mp_event_get_property;

  /**
   * MpEvent:signaled:
   *
   * Whether the event is set. It is not notified: wait for it instead.
   *
   * Since: 1.0
   */
  properties[PROP_SIGNALED] =
    g_param_spec_boolean ("signaled", NULL, NULL,
                          FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_event_init (MpEvent *self)
{
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND "event"

static GVariant *
mp_event_pack (MpShareable  *shareable,
               MpPacking    *packing,
               GError      **error)
{
  return mp_shared_object_pack (&MP_EVENT (shareable)->shared, packing, error);
}

static MpShareable *
mp_event_unpack (MpUnpacking  *unpacking,
                 GVariant     *description,
                 int          *fds,
                 guint         n_fds,
                 GError      **error)
{
  MpSharedObject opened;

  if (!mp_shared_object_open (&opened, unpacking, MP_OBJECT_EVENT, sizeof (MpFlagLayout),
                              description, fds, n_fds, error))
    return NULL;

  return mp_shared_object_new_received (MP_TYPE_EVENT, &opened, NULL);
}

static char *
mp_event_to_string (MpShareable *shareable)
{
  return g_strdup_printf ("<Mp.Event %s>", mp_event_is_set (MP_EVENT (shareable)) ? "set" : "unset");
}

static void
mp_event_shareable_init (MpShareableInterface *iface)
{
  iface->kind = KIND;
  iface->pack = mp_event_pack;
  iface->to_string = mp_event_to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_event_unpack);
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_event_new:
 *
 * Makes an event that is not set.
 *
 * Returns: (transfer full): the event
 *
 * Since: 1.0
 */
MpEvent *
mp_event_new (void)
{
  return g_object_new (MP_TYPE_EVENT, NULL);
}

/**
 * mp_event_set:
 * @self: an event
 * @error: return location for an error
 *
 * Sets the event. All that wait for it go on. Setting it again does nothing.
 *
 * Fails only where there was no memory for the event.
 *
 * Returns: whether it is set
 *
 * Since: 1.0
 */
gboolean
mp_event_set (MpEvent  *self,
              GError  **error)
{
  guint32 me;
  MpFlagLayout *layout;

  g_return_val_if_fail (MP_IS_EVENT (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  layout = mp_shared_object_get (&self->shared, &me, error);
  if (layout == NULL)
    return FALSE;

  if (mp_flag_set (&layout->word))
    mp_bell_ring (self->shared.table, &layout->bell);

  return TRUE;
}

/**
 * mp_event_clear:
 * @self: an event
 * @error: return location for an error
 *
 * Makes the event unset: from now on one waits for it again.
 *
 * Fails only where there was no memory for the event.
 *
 * Returns: whether it is unset
 *
 * Since: 1.0
 */
gboolean
mp_event_clear (MpEvent  *self,
                GError  **error)
{
  guint32 me;
  MpFlagLayout *layout;

  g_return_val_if_fail (MP_IS_EVENT (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  layout = mp_shared_object_get (&self->shared, &me, error);
  if (layout == NULL)
    return FALSE;

  if (mp_flag_clear (&layout->word))
    mp_bell_ring (self->shared.table, &layout->bell);

  return TRUE;
}

/**
 * mp_event_is_set:
 * @self: an event
 *
 * Tells whether the event is set. By the time it returns that may have changed.
 *
 * Returns: whether it is set
 *
 * Since: 1.0
 */
gboolean
mp_event_is_set (MpEvent *self)
{
  guint32 me;
  MpFlagLayout *layout;

  g_return_val_if_fail (MP_IS_EVENT (self), FALSE);

  layout = mp_shared_object_get (&self->shared, &me, NULL);
  return layout != NULL && mp_flag_is_set (&layout->word);
}

/**
 * mp_event_wait:
 * @self: an event
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @error: return location for an error
 *
 * Waits until the event is set.
 *
 * If a signal ends the wait the thread's next one begins where it was: what was set and
 * cleared between the two counts.
 *
 * It blocks the calling thread and iterates no main context. Fails with
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED.
 *
 * Returns: whether it was set, even if it is not any more
 *
 * Since: 1.0
 */
gboolean
mp_event_wait (MpEvent       *self,
               gdouble        timeout,
               GCancellable  *cancellable,
               GError       **error)
{
  MpFlagLayout *layout;
  MpBlockingWait wait;
  guint32 me, round, unused;
  gboolean was_set;

  g_return_val_if_fail (MP_IS_EVENT (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  layout = mp_shared_object_get (&self->shared, &me, error);
  if (layout == NULL)
    return FALSE;

  if (!mp_interrupted_take (&self->interrupted, me, &round, &unused))
    round = mp_flag_get_round (&layout->word);

  if (!mp_blocking_wait_begin (&wait, timeout, cancellable, error))
    return FALSE;

  was_set = mp_flag_wait (self->shared.table, &layout->word, round, wait.wait);
  mp_blocking_wait_end (&wait);
  if (!was_set && mp_blocking_wait_fail (&wait, WHAT, error))
    mp_interrupted_keep (&self->interrupted, me, round, 0);

  return was_set;
}

static gboolean
look (gpointer   object,
      gpointer   round,
      GError   **error)
{
  guint32 me;
  MpFlagLayout *layout = mp_shared_object_get (&MP_EVENT (object)->shared, &me, error);

  return layout == NULL || mp_flag_look_or_await (&layout->word, GPOINTER_TO_UINT (round));
}

/**
 * mp_event_wait_async:
 * @self: an event
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @callback: (scope async): called when the wait is over
 * @user_data: data for @callback
 *
 * Waits until the event is set, without blocking.
 *
 * @callback is called in the caller's thread-default main context, never before this
 * call returned; a set that comes after this call counts, however soon it is cleared.
 * An idle wait costs nothing.
 *
 * Since: 1.0
 */
void
mp_event_wait_async (MpEvent             *self,
                     gdouble              timeout,
                     GCancellable        *cancellable,
                     GAsyncReadyCallback  callback,
                     gpointer             user_data)
{
  GError *error = NULL;
  MpFlagLayout *layout;
  GTask *task;
  guint32 me;

  g_return_if_fail (MP_IS_EVENT (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_event_wait_async);

  layout = mp_shared_object_get (&self->shared, &me, &error);
  if (layout == NULL)
    mp_outbox_return_error (task, error);
  else
    mp_async_wait_start (task, self->shared.table, &layout->bell, WHAT, timeout, look, NULL,
                         GUINT_TO_POINTER (mp_flag_get_round (&layout->word)), NULL);
}

/**
 * mp_event_wait_finish:
 * @self: an event
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Mp.Event.wait_async], and fails as [method@Mp.Event.wait] does.
 *
 * Returns: whether it was set, even if it is not any more
 *
 * Since: 1.0
 */
gboolean
mp_event_wait_finish (MpEvent       *self,
                      GAsyncResult  *result,
                      GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
