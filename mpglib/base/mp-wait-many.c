/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "mp-cancellable-source-private.h"
#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-interruptible-private.h"
#include "mp-patience-private.h"
#include "mp-waitable-private.h"

/* Waiting for the first of many objects.
 *
 * Each object is awaited by its own means, all of them in one main context: that
 * of the caller, or a private one, for a thread that blocks.  Whoever is called
 * back looks at all objects.  When that has ended the wait, or the time or the
 * cancellable has, what is still awaited is called off, and the wait is over when
 * the last of it has come back: nothing of it is left in the context.
 */

typedef struct
{
  struct _Wait *wait;
  GObject *object;
  GSource *source;     /* nullable: of an object that has one */
} Slot;

typedef struct _Wait
{
  GArray *slots;       /* of Slot */
  gboolean blocks;
  GCancellable *stop;
  guint n_awaited;     /* that will call back */
  gboolean is_decided;
  GPtrArray *ready;    /* of those of the slots, in their order */
  GError *error;
  GSource *clock;      /* nullable */
  GSource *cancelled;  /* nullable */
  GTask *task;         /* nullable: a thread waits */
  GCancellable *cancellable; /* nullable */
} Wait;

static void await (Slot *slot);

/* --- What an object is like ------------------------------------------------ */

static gboolean
socket_is_ready (GSocket  *socket,
                 GError  **error)
{
  if (!g_socket_is_closed (socket))
    return g_socket_condition_check (socket, G_IO_IN) != 0;

  g_set_error_literal (error, MP_ERROR, MP_ERROR_CLOSED, "A socket that is waited for is closed");
  return FALSE;
}

/* One that is closed would poll its number, which may be another file's by now. */
static gboolean
stream_is_ready (GPollableInputStream  *stream,
                 GError               **error)
{
  if (!g_input_stream_is_closed (G_INPUT_STREAM (stream)))
    return g_pollable_input_stream_is_readable (stream);

  g_set_error_literal (error, MP_ERROR, MP_ERROR_CLOSED, "A stream that is waited for is closed");
  return FALSE;
}

static gboolean
is_ready (GObject  *object,
          GError  **error)
{
  if (MP_IS_WAITABLE (object))
    return MP_WAITABLE_GET_IFACE (object)->is_ready (MP_WAITABLE (object), error);

  if (G_IS_SOCKET (object))
    return socket_is_ready (G_SOCKET (object), error);

  if (G_IS_POLLABLE_INPUT_STREAM (object) && g_pollable_input_stream_can_poll (G_POLLABLE_INPUT_STREAM (object)))
    return stream_is_ready (G_POLLABLE_INPUT_STREAM (object), error);

  g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED, "An object of the type %s cannot be waited for",
               G_OBJECT_TYPE_NAME (object));
  return FALSE;
}

static GSource *
new_source (GObject *object)
{
  return G_IS_SOCKET (object) ? g_socket_create_source (G_SOCKET (object), G_IO_IN, NULL)
                              : g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (object), NULL);
}

/* --- Deciding -------------------------------------------------------------- */

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;

  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
wait_free (Wait *self)
{
  for (guint i = 0; i < self->slots->len; i++)
    g_object_unref (g_array_index (self->slots, Slot, i).object);
  g_array_unref (self->slots);
  g_object_unref (self->stop);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->ready, g_ptr_array_unref);
  g_clear_error (&self->error);
  g_free (self);
}

static gpointer
steal_ready (Wait  *self,
             guint *n_ready)
{
  *n_ready = self->ready->len;
  return g_ptr_array_free (g_steal_pointer (&self->ready), FALSE);
}

static void
complete (Wait *self)
{
  g_autoptr (GTask) task = g_steal_pointer (&self->task);

  if (self->error != NULL)
    g_task_return_error (task, g_steal_pointer (&self->error));
  else
    g_task_return_boolean (task, TRUE);
}

static void
end_if_all_are_back (Wait *self)
{
  if (self->is_decided && self->n_awaited == 0 && self->task != NULL)
    complete (self); /* with which the wait may be gone */
}

/* Takes the error. */
static void
decide (Wait   *self,
        GError *error)
{
  self->is_decided = TRUE;
  self->error = error;
  clear_source (&self->clock);
  clear_source (&self->cancelled);
  for (guint i = 0; i < self->slots->len; i++)
    clear_source (&g_array_index (self->slots, Slot, i).source);
  g_cancellable_cancel (self->stop);
}

static gboolean
look_at_each (Wait    *self,
              GError **error)
{
  for (guint i = 0; i < self->slots->len; i++)
    {
      GObject *object = g_array_index (self->slots, Slot, i).object;
      GError *reason = NULL;

      if (is_ready (object, &reason))
        {
          g_ptr_array_add (self->ready, object);
        }
      else if (reason != NULL)
        {
          g_ptr_array_set_size (self->ready, 0);
          g_propagate_error (error, reason);
          return TRUE;
        }
    }

  return self->ready->len > 0;
}

/* Whether there is nothing to wait for any more.  However many objects somebody who is stopped keeps, he is waited for
 * once.
 */
static gboolean
look (Wait    *self,
      GError **error)
{
  MpPatience patience = { 0 };
  gboolean is_over;

  mp_patience_begin (&patience);
  is_over = look_at_each (self, error);
  mp_patience_end (&patience);
  return is_over;
}

static void
on_may_be_ready (Wait *self)
{
  GError *error = NULL;

  if (!self->is_decided && look (self, &error))
    decide (self, error);
}

/* --- Awaiting -------------------------------------------------------------- */

static void
on_back (GObject      *object,
         GAsyncResult *result,
         gpointer      data)
{
  Slot *slot = data;
  Wait *self = slot->wait;
  GError *error = NULL;

  self->n_awaited--;
  on_may_be_ready (self);
  if (!self->is_decided)
    {
      g_task_propagate_boolean (G_TASK (result), &error);
      if (error != NULL) /* it cannot be awaited: there are no descriptors left, for one */
        decide (self, error);
      else /* another one was faster */
        await (slot);
    }
  end_if_all_are_back (self);
}

static gboolean
on_source (Wait *self)
{
  on_may_be_ready (self);
  end_if_all_are_back (self);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_socket (GSocket      *socket,
           GIOCondition  condition,
           gpointer      data)
{
  return on_source (data);
}

static gboolean
on_stream (GObject  *stream,
           gpointer  data)
{
  return on_source (data);
}

static void
await (Slot *slot)
{
  Wait *self = slot->wait;

  if (MP_IS_WAITABLE (slot->object))
    {
      self->n_awaited++;
      MP_WAITABLE_GET_IFACE (slot->object)->await (MP_WAITABLE (slot->object), self->blocks, self->stop,
                                                   on_back, slot);
      return;
    }

  slot->source = new_source (slot->object);
  g_source_set_callback (slot->source,
                         G_IS_SOCKET (slot->object) ? G_SOURCE_FUNC (on_socket) : G_SOURCE_FUNC (on_stream),
                         self, NULL);
  g_source_attach (slot->source, g_main_context_get_thread_default ());
}

static GError *
new_timed_out (void)
{
  return g_error_new_literal (MP_ERROR, MP_ERROR_TIMED_OUT, "None of the objects was ready in time");
}

static gboolean
on_time_over (gpointer data)
{
  Wait *self = data;

  decide (self, new_timed_out ());
  end_if_all_are_back (self);
  return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled (GCancellable *cancellable,
              gpointer      data)
{
  Wait *self = data;
  GError *error = NULL;

  if (!g_cancellable_set_error_if_cancelled (cancellable, &error))
    return G_SOURCE_CONTINUE;

  decide (self, error);
  end_if_all_are_back (self);
  return G_SOURCE_REMOVE;
}

static void
await_all (Wait *self)
{
  MpPatience patience = { 0 };

  mp_patience_begin (&patience);
  for (guint i = 0; i < self->slots->len; i++)
    await (&g_array_index (self->slots, Slot, i));
  mp_patience_end (&patience);
}

static void
begin (Wait   *self,
       gint64  deadline)
{
  GMainContext *context = g_main_context_get_thread_default ();

  if (deadline != MP_DEADLINE_NEVER)
    {
      self->clock = g_timeout_source_new (0);
      g_source_set_ready_time (self->clock, deadline);
      g_source_set_callback (self->clock, on_time_over, self, NULL);
      g_source_attach (self->clock, context);
    }
  if (self->cancellable != NULL)
    {
      self->cancelled = mp_cancellable_source_new (self->cancellable, context);
      g_source_set_callback (self->cancelled, G_SOURCE_FUNC (on_cancelled), self, NULL);
      g_source_attach (self->cancelled, context);
    }
  await_all (self);
}

static Wait *
wait_new (GObject * const *objects,
          guint            n_objects,
          GCancellable    *cancellable)
{
  Wait *self = g_new0 (Wait, 1);

  self->slots = g_array_sized_new (FALSE, TRUE, sizeof (Slot), n_objects);
  for (guint i = 0; i < n_objects; i++)
    {
      Slot slot = { self, g_object_ref (objects[i]), NULL };

      g_array_append_val (self->slots, slot);
    }
  self->ready = g_ptr_array_new ();
  self->stop = g_cancellable_new ();
  g_set_object (&self->cancellable, cancellable);

  return self;
}

/* --- In a thread ----------------------------------------------------------- */

G_STATIC_ASSERT (sizeof (GPollFD) == sizeof (struct pollfd));

/* One round of a main context, in which signals are let in as in any wait.
 * FALSE: one has come for a thread that is interruptible.
 */
static gboolean
iterate (GMainContext *context,
         GArray       *fds)
{
  int priority, timeout, n;
  struct timespec limit;
  gboolean is_interrupted;

  g_main_context_prepare (context, &priority);
  while ((n = g_main_context_query (context, priority, &timeout, (GPollFD *) (gpointer) fds->data,
                                    (int) fds->len)) > (int) fds->len)
    g_array_set_size (fds, (guint) n);

  limit = (struct timespec) { timeout / 1000, (long) (timeout % 1000) * 1000000 };
  is_interrupted = ppoll ((struct pollfd *) (gpointer) fds->data, (nfds_t) n, timeout < 0 ? NULL : &limit,
                          mp_thread_get_wait_mask ()) < 0 &&
                   errno == EINTR && mp_thread_get_interruptible ();

  if (g_main_context_check (context, priority, (GPollFD *) (gpointer) fds->data, n))
    g_main_context_dispatch (context);

  return !is_interrupted;
}

/* GLib ends the program where it has no descriptor for a context. */
static GMainContext *
new_context (GError **error)
{
  int fd = eventfd (0, EFD_CLOEXEC);

  if (fd >= 0)
    {
      mp_fd_close (&fd);
      return g_main_context_new ();
    }

  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG, "No descriptor is left to wait with: %s", g_strerror (errno));
  return NULL;
}

static void
run (Wait   *self,
     gint64  deadline)
{
  g_autoptr (GMainContext) context = new_context (&self->error);
  g_autoptr (GArray) fds = NULL;

  if (context == NULL)
    return;

  fds = g_array_new (FALSE, TRUE, sizeof (GPollFD));
  g_main_context_push_thread_default (context);
  begin (self, deadline);
  while (!self->is_decided || self->n_awaited > 0)
    if (!iterate (context, fds) && !self->is_decided)
      decide (self, g_error_new_literal (MP_ERROR, MP_ERROR_INTERRUPTED, "A signal ended the wait"));
  g_main_context_pop_thread_default (context);
}

/**
 * mp_wait_many:
 * @objects: (array length=n_objects) (element-type GObject): what to wait for
 * @n_objects: how many there are
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @n_ready: (out): how many are ready
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Waits until at least one of the objects is ready:
 *
 * - a [class@Mp.Connection], when a receive would not wait, because of a message or the
 *   end;
 * - a [class@Mp.Queue], when there is an item;
 * - a [class@Mp.Listener], when there is a connection to be accepted;
 * - a [class@Mp.Process], when it has ended;
 * - a [class@Mp.Descriptor], a [class@Gio.Socket] or a [iface@Gio.PollableInputStream], when
 *   it can be read from, is at its end, or something is wrong with it.
 *
 * Nothing is taken: another thread or process may be faster, so take with a
 * timeout of 0. No thread and no clock looks after the objects meanwhile, however many
 * they are. What is ready when this is called is told at once.
 *
 * Fails with %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED while none is ready;
 * with %MP_ERROR_CLOSED when one of them is, or gets, closed in this process, from whatever thread (sockets and
 * streams of GIO do not tell that: one that is waited for must not be closed before its wait is over); with
 * %MP_ERROR_NOT_SUPPORTED for an object of another kind or a connection that only
 * sends; with %MP_ERROR_INVALID_STATE for a process that was not started or a listener that was not opened; and with
 * %MP_ERROR_TOO_BIG when this process has no more descriptors to wait with.
 *
 * Returns: (transfer container) (array length=n_ready) (element-type GObject): those that
 *   are ready, in the order in which they were given
 *
 * Since: 1.0
 */
GObject **
mp_wait_many (GObject * const *objects,
              guint            n_objects,
              gdouble          timeout,
              guint           *n_ready,
              GCancellable    *cancellable,
              GError         **error)
{
  gint64 deadline = mp_deadline_from_timeout (timeout);
  GObject **ready = NULL;
  GError *reason = NULL;
  Wait *wait;

  g_return_val_if_fail (objects != NULL || n_objects == 0, NULL);
  g_return_val_if_fail (n_ready != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  *n_ready = 0;
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;

  wait = wait_new (objects, n_objects, cancellable);
  wait->blocks = TRUE;
  if (look (wait, &reason))
    wait->error = reason;
  else if (mp_deadline_has_passed (deadline))
    wait->error = new_timed_out ();
  else
    run (wait, deadline);

  if (wait->error != NULL)
    g_propagate_error (error, g_steal_pointer (&wait->error));
  else
    ready = steal_ready (wait, n_ready);
  wait_free (wait);
  return ready;
}

/* --- In a main context ----------------------------------------------------- */

/**
 * mp_wait_many_async:
 * @objects: (array length=n_objects) (element-type GObject): what to wait for
 * @n_objects: how many there are
 * @timeout: seconds to wait; negative for ever, 0 not at all
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [func@Mp.wait_many].
 *
 * Since: 1.0
 */
void
mp_wait_many_async (GObject * const     *objects,
                    guint                n_objects,
                    gdouble              timeout,
                    GCancellable        *cancellable,
                    GAsyncReadyCallback  callback,
                    gpointer             user_data)
{
  gint64 deadline = mp_deadline_from_timeout (timeout);
  g_autoptr (GTask) task = NULL;
  MpPatience patience = { 0 };
  GError *error = NULL;
  Wait *wait;

  g_return_if_fail (objects != NULL || n_objects == 0);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_wait_many_async);
  g_task_set_check_cancellable (task, FALSE); /* what is ready is ready */
  wait = wait_new (objects, n_objects, cancellable);
  g_task_set_task_data (task, wait, (GDestroyNotify) wait_free);

  mp_patience_begin (&patience);
  if (g_cancellable_set_error_if_cancelled (cancellable, &error))
    g_task_return_error (task, error);
  else if (!look (wait, &error))
    {
      wait->task = g_steal_pointer (&task); /* until it is over */
      begin (wait, deadline);
    }
  else if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  mp_patience_end (&patience);
}

/**
 * mp_wait_many_finish:
 * @result: what the callback got
 * @n_ready: (out): how many are ready
 * @error: return location for an error
 *
 * Finishes [func@Mp.wait_many_async].
 *
 * Returns: (transfer container) (array length=n_ready) (element-type GObject): those that
 *   are ready, in the order in which they were given
 *
 * Since: 1.0
 */
GObject **
mp_wait_many_finish (GAsyncResult  *result,
                     guint         *n_ready,
                     GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, mp_wait_many_async), NULL);
  g_return_val_if_fail (n_ready != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  *n_ready = 0;
  if (!g_task_propagate_boolean (G_TASK (result), error))
    return NULL;

  return steal_ready (g_task_get_task_data (G_TASK (result)), n_ready);
}
