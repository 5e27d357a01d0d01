/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <signal.h>

#include "mp-backend-private.h"
#include "mp-child-private.h"

/* Workers that are child processes. */
struct _MpBackendWorker
{
  MpChild *child;
  gboolean is_starting; /* whoever starts it hears of its end from that */
  const MpBackendEvents *events;
  gpointer data;
};

static void
on_state_changed (MpChild  *child,
                  gpointer  data)
{
  MpBackendWorker *self = data;
  g_autofree char *message = NULL;
  MpBackendEnd end;

  if (self->is_starting)
    return;

  switch (mp_child_get_state (child))
    {
    case MP_CHILD_READY:
      self->events->ready (self->data);
      break;

    case MP_CHILD_ENDED:
      end.exit_code = mp_child_get_exit_code (child);
      message = mp_exit_code_to_string (end.exit_code);
      end.message = message;
      end.failure = mp_child_get_failure (child);
      end.report = mp_child_get_report (child);
      end.has_hung = mp_child_has_hung (child);
      self->events->gone (self->data, &end);
      break;

    case MP_CHILD_NEW:
    case MP_CHILD_STARTING:
    case MP_CHILD_MADE:
      break;
    }
}

static void
on_frame (MpChild  *child,
          MpFrame  *frame,
          gpointer  data)
{
  MpBackendWorker *self = data;

  self->events->frame (self->data, frame);
}

static const MpChildEvents child_events = { on_state_changed, on_frame };

static void
process_free (MpBackendWorker *self)
{
  mp_child_forget_locked (self->child);
  mp_child_unref (self->child);
  g_free (self);
}

static MpBackendWorker *
process_start (MpPump                *pump,
               MpContext             *context,
               const char            *name,
               const MpBackendEvents *events,
               gpointer               data,
               GError               **error)
{
  MpBackendWorker *self = g_new0 (MpBackendWorker, 1);
  MpChildSpec spec = {
    .context = context,
    .role = "pool",
    .name = name,
  };

  self->events = events;
  self->data = data;
  self->child = mp_child_new (pump, &spec, &child_events, self, error);
  if (self->child == NULL)
    {
      g_free (self);
      return NULL;
    }

  self->is_starting = TRUE;
  mp_child_start_locked (self->child);
  self->is_starting = FALSE;
  if (mp_child_get_state (self->child) != MP_CHILD_ENDED)
    return self;

  g_propagate_error (error, g_error_copy (mp_child_get_failure (self->child)));
  process_free (self);
  return NULL;
}

static MpIoStatus
process_send (MpBackendWorker *self,
              MpFrame         *frame,
              GError         **error)
{
  return mp_child_send_locked (self->child, frame, error);
}

static void
process_kill (MpBackendWorker *self)
{
  mp_child_signal_locked (self->child, SIGKILL, NULL);
}

static int
process_get_pid (MpBackendWorker *self)
{
  return mp_child_get_pid (self->child);
}

static const MpBackend process_backend = {
  .start = process_start,
  .send = process_send,
  .kill = process_kill,
  .free = process_free,
  .get_pid = process_get_pid,
};

const MpBackend *
mp_process_backend_get (void)
{
  return &process_backend;
}
