/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-child-base-private.h"

#include <signal.h>
#include <sys/epoll.h>

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-log-private.h"
#include "mp-report-private.h"

/* How long a child may live on without a channel where it is of no use without one, in seconds */
#define SILENCE_TIMEOUT 2.0

void
mp_child_close_channel_locked (MpChild *self)
{
  if (self->channel_source != NULL)
    mp_pump_remove_fd_locked (self->pump, g_steal_pointer (&self->channel_source));
}

static void
update_channel_events_locked (MpChild *self)
{
  guint32 events;

  if (self->channel_source == NULL)
    return;
  events = EPOLLIN | (guint32) mp_transport_get_receive_events (self->transport);
  if (mp_transport_get_n_queued (self->transport) > 0)
    events |= (guint32) mp_transport_get_send_events (self->transport); /* poll's bits are epoll's */
  if (events != self->channel_events)
    mp_pump_set_events_locked (self->pump, self->channel_source, events);
  self->channel_events = events;
}

static void
keep_report_locked (MpChild *self,
                    MpFrame *frame)
{
  g_autoptr (GVariant) report = NULL;

  if (self->failure != NULL)
    return;
  report = mp_frame_dup_value (frame, G_VARIANT_TYPE (MP_REPORT_TYPE), NULL);
  if (report == NULL)
    return;
  self->report = g_steal_pointer (&report);
  self->failure = mp_report_to_error (self->report, self->is_own, mp_child_get_name (self));
  if (self->events != NULL && self->events->failed != NULL)
    self->events->failed (self, self->data);
}

static void
handle_frame_locked (MpChild *self,
                     MpFrame *frame)
{
  switch (frame->kind)
    {
    case MP_FRAME_HELLO:
      self->said_hello = TRUE;
      if (self->state == MP_CHILD_MADE)
        mp_child_say_ready_locked (self);
      break;
    case MP_FRAME_FINISHED:
      self->has_finished = TRUE;
      self->finished_code = (int) (gint64) frame->serial;
      if (self->bootstrap->role == MP_WORKER_ROLE_PROCESS && self->state == MP_CHILD_READY)
        mp_child_close_channel_locked (self); /* nothing follows but its end, which the pidfd tells */
      break;
    case MP_FRAME_FAILED:
      if (frame->serial == 0)
        {
          keep_report_locked (self, frame);
          break;
        }
      /* a template's answer to a request */
      G_GNUC_FALLTHROUGH;
    default:
      if (self->events != NULL)
        self->events->frame (self, frame, self->data);
    }
}

/* A child whose frames make no sense is not to be trusted with anything any more */
static void
condemn_locked (MpChild      *self,
                const GError *error)
{
  mp_log_subwarning ("'%s' (pid %d) is killed, its channel is broken: %s", mp_child_get_name (self), self->pid,
                     error != NULL ? error->message : "a frame cannot be sent");
  if (self->failure == NULL && error != NULL)
    self->failure = g_error_copy (error);
  mp_child_close_channel_locked (self);
  mp_child_send_signal_locked (self, SIGKILL, NULL);
}

static void
on_silence_timeout (guint32  events,
                    gpointer data)
{
  MpChild *self = data;

  self->silence_timer = NULL;
  mp_child_send_signal_locked (self, SIGKILL, NULL);
}

/* A process may close its channel and go on with its target; a worker, or one that still starts, is nothing without */
static void
lose_channel_locked (MpChild *self)
{
  mp_child_close_channel_locked (self);
  if (self->bootstrap->role == MP_WORKER_ROLE_PROCESS && self->state == MP_CHILD_READY)
    return;
  if (self->silence_timer == NULL)
    self->silence_timer = mp_pump_add_timer_locked (self->pump, mp_deadline_from_timeout (SILENCE_TIMEOUT),
                                                    on_silence_timeout, self);
}

/* Returns whether more may come at once */
gboolean
mp_child_read_frame_locked (MpChild *self)
{
  g_autoptr (MpFrame) frame = NULL;
  g_autoptr (GError) error = NULL;

  if (self->channel_source == NULL)
    return FALSE;
  switch (mp_transport_receive (self->transport, &frame, &error))
    {
    case MP_IO_DONE:
      handle_frame_locked (self, frame);
      return TRUE;
    case MP_IO_AGAIN:
      return FALSE;
    case MP_IO_CLOSED:
      lose_channel_locked (self);
      return FALSE;
    case MP_IO_FAILED:
    default:
      condemn_locked (self, error);
      return FALSE;
    }
}

static void
on_channel (guint32  events,
            gpointer data)
{
  g_autoptr (MpChild) self = mp_child_ref (data);
  g_autoptr (GError) error = NULL;

  /* A frame that cannot be sent at all is one that nobody will ever answer; a channel that is closed shows when it is
   * read */
  if (self->channel_source != NULL && mp_transport_get_n_queued (self->transport) > 0
      && mp_transport_flush (self->transport, &error) == MP_IO_FAILED)
    condemn_locked (self, error);
  for (int i = 0; i < 256 && mp_child_read_frame_locked (self); i++) /* others have their turn */
    ;
  update_channel_events_locked (self);
}

gboolean
mp_child_open_channel_locked (MpChild  *self,
                              int      *channel,
                              GError  **error)
{
  int ends[2];

  if (!mp_transport_new_pair (ends, error))
    return FALSE;
  self->transport = mp_transport_new (ends[0]);
  *channel = ends[1];
  self->channel_events = EPOLLIN;
  self->channel_source = mp_pump_add_fd_locked (self->pump, ends[0], EPOLLIN, on_channel, self, error);
  return self->channel_source != NULL;
}

MpIoStatus
mp_child_send_locked (MpChild  *self,
                      MpFrame  *frame,
                      GError  **error)
{
  gboolean was_queued;
  MpIoStatus status;

  if (self->channel_source == NULL)
    {
      mp_frame_free (frame);
      g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "'%s' is at its end", mp_child_get_name (self));
      return MP_IO_CLOSED;
    }
  was_queued = mp_transport_get_n_queued (self->transport) > 0;
  status = mp_transport_push (self->transport, frame, error);
  /* It may be one before it that cannot be sent, whose owner would wait for ever */
  if (status == MP_IO_FAILED && was_queued)
    condemn_locked (self, error != NULL ? *error : NULL);
  update_channel_events_locked (self);
  return status;
}

guint
mp_child_get_n_unsent_locked (MpChild *self)
{
  return self->channel_source != NULL ? mp_transport_get_n_queued (self->transport) : 0;
}

void
mp_child_hang_up_locked (MpChild *self)
{
  mp_child_close_channel_locked (self);
  g_clear_pointer (&self->transport, mp_transport_free);
}
