/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Messages that nobody waits for, each told by a signal. */

#include "config.h"

#include "mp-connection-private.h"
#include "mp-courtesy-private.h"
#include "mp-error.h"
#include "mp-hold-up-private.h"
#include "mp-log-private.h"

/* Messages that a reader emits before other sources of its context have a turn. */
#define MAX_READ_RUN 32

typedef struct
{
  GSource source;

  MpConnection *connection;
  gpointer socket_tag;
  gpointer bell_tag;   /* nullable */
  gboolean is_paused;
  MpHoldUp hold_up;
  gboolean has_warned; /* of that */
} ReaderSource;

static void
set_polling (ReaderSource *self,
             gboolean      polls)
{
  self->is_paused = !polls;
  g_source_modify_unix_fd (&self->source, self->socket_tag, polls ? G_IO_IN : 0);
  if (self->bell_tag != NULL)
    g_source_modify_unix_fd (&self->source, self->bell_tag, polls ? G_IO_IN : 0);
}

/* Somebody who was stopped has a lock that is needed: what polls would find the same again at once. */
static void
pause_until (ReaderSource *self,
             gint64        time)
{
  set_polling (self, FALSE);
  g_source_set_ready_time (&self->source, time);
}

/* After as long as a thread would wait, and warn of. */
#define PAUSE G_USEC_PER_SEC

/* Returns: whether it waits for whoever has the lock */
static gboolean
hold_on (ReaderSource *self,
         MpIoStatus    status,
         GError      **error)
{
  if (mp_hold_up_note (&self->hold_up, status == MP_IO_FAILED, error))
    {
      pause_until (self, self->hold_up.next_try);
      return TRUE;
    }

  if (self->hold_up.since == 0)
    {
      self->has_warned = FALSE;
      return FALSE;
    }

  if (!self->has_warned)
    mp_log_warning ("%s", (*error)->message);
  self->has_warned = TRUE;
  pause_until (self, g_get_monotonic_time () + PAUSE);
  return TRUE;
}

static MpIoStatus
read_for_a_moment (ReaderSource  *self,
                   MpFrame      **frame,
                   GError       **error)
{
  MpPatience patience;
  MpIoStatus status;

  mp_hold_up_begin_look (&self->hold_up, &patience);
  status = mp_exchange_read (self->connection->exchange, frame, error);
  mp_patience_end (&patience);
  return status;
}

static gboolean
on_readable (GSource     *source,
             GSourceFunc  callback,
             gpointer     data)
{
  MpConnection *self = ((ReaderSource *) source)->connection;

  if (!mp_courtesy_may_run (source))
    return G_SOURCE_CONTINUE;

  if (((ReaderSource *) source)->is_paused)
    set_polling ((ReaderSource *) source, TRUE);
  g_source_set_ready_time (source, -1);
  mp_exchange_hear (self->exchange);

  for (guint i = 0; i < MAX_READ_RUN; i++)
    {
      g_autoptr (MpFrame) frame = NULL;
      g_autoptr (GError) error = NULL;
      MpIoStatus status = read_for_a_moment ((ReaderSource *) source, &frame, &error);

      if (hold_on ((ReaderSource *) source, status, &error) || status == MP_IO_AGAIN)
        return G_SOURCE_CONTINUE;

      if (status == MP_IO_CLOSED)
        {
          mp_connection_stop_reading (self);
          return G_SOURCE_REMOVE;
        }

      if (status == MP_IO_FAILED)
        mp_log_warning ("%s", error->message);
      else if (frame->kind != MP_FRAME_MESSAGE || !mp_frame_has_message (frame))
        mp_log_warning ("The peer of a connection sent something that is no message");
      else
        mp_connection_emit_received (self, mp_frame_get_message (frame));

      /* A handler may have stopped the reading. */
      if (g_source_is_destroyed (source))
        return G_SOURCE_REMOVE;
    }

  g_source_set_ready_time (source, 0);
  return G_SOURCE_CONTINUE;
}

static void
on_reader_finalized (GSource *source)
{
  g_object_unref (((ReaderSource *) source)->connection);
}

static GSourceFuncs reader_source_funcs = {
  .dispatch = on_readable,
  .finalize = on_reader_finalized,
};

static GSource *
new_reader (MpConnection *self)
{
  GSource *source = g_source_new (&reader_source_funcs, sizeof (ReaderSource));
  int bell = mp_exchange_get_bell (self->exchange);

  ((ReaderSource *) source)->connection = g_object_ref (self);
  g_source_set_static_name (source, "mpglib connection");
  ((ReaderSource *) source)->socket_tag =
    g_source_add_unix_fd (source, mp_exchange_get_socket (self->exchange), G_IO_IN);
  if (bell >= 0)
    ((ReaderSource *) source)->bell_tag = g_source_add_unix_fd (source, bell, G_IO_IN);
  return source;
}

/**
 * mp_connection_start_reading:
 * @self: a connection
 *
 * Emits [signal@Mp.Connection::message-received] for each message that comes, in
 * [property@Mp.Connection:main-context], and [signal@Mp.Connection::peer-closed]
 * when none will come any more.
 *
 * Receives that are called meanwhile have precedence. Until the end of the
 * connection, or [method@Mp.Connection.stop_reading] or
 * [method@Mp.Connection.close], the connection stays alive. Starting again does
 * nothing. On an end that only sends, the end is all that can be heard of. May be
 * called from any thread.
 *
 * Since: 1.0
 */
void
mp_connection_start_reading (MpConnection *self)
{
  g_autoptr (GSource) source = NULL;

  g_return_if_fail (MP_IS_CONNECTION (self));

  if (self->exchange == NULL || mp_exchange_is_closed (self->exchange))
    return;

  source = new_reader (self); /* without a lock: it references the connection */
  mp_exchange_add_reader (self->exchange, source, self->main_context);
}

/**
 * mp_connection_stop_reading:
 * @self: a connection
 *
 * Stops what [method@Mp.Connection.start_reading] has started. Called from the
 * connection's main context, no signal follows; messages that come wait to be
 * received. May be called from any thread.
 *
 * Since: 1.0
 */
void
mp_connection_stop_reading (MpConnection *self)
{
  g_autoptr (GSource) source = NULL;

  g_return_if_fail (MP_IS_CONNECTION (self));

  if (self->exchange == NULL)
    return;

  source = mp_exchange_steal_reader (self->exchange);
  if (source != NULL)
    mp_courtesy_destroy (self->main_context, source);
}
