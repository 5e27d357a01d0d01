/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* For the files of the child alone:
 *
 *     mp-child.c            life, and what is known of it
 *     mp-child-channel.c    the frames it sends and is sent
 *     mp-child-start.c      to be made, and to become ready
 *     mp-child-end.c        signals, and how its end and its status are learnt
 */

#pragma once

#include "mp-bootstrap-private.h"
#include "mp-child-private.h"
#include "mp-context-private.h"

G_BEGIN_DECLS

struct _MpChild {
  gatomicrefcount refs;
  MpPump *pump;
  MpStartMethod method;
  MpTemplate *template_;   /* forkserver: until the child has ended */
  MpRecipe *recipe;        /* spawn: until it is executed */
  MpBootstrap *bootstrap;
  MpFrame *arguments;      /* until it is sent; nullable */
  MpFrame *arguments_again; /* forkserver: for a second template, until the child is made; nullable */
  char *program;           /* for messages */
  char *language;
  gboolean is_own;         /* this very program is what runs there */
  gdouble hello_timeout;

  /* guarded by the pump's lock */
  const MpChildEvents *events;
  gpointer data;
  MpChildState state;
  gboolean said_hello;     /* maybe before the starter told that it is made */
  gboolean has_finished;   /* it told the code it is going to exit with */
  int finished_code;
  guint64 request;         /* of the template, once it has made the child */
  gboolean template_is_lost;
  gboolean pidfd_is_over;  /* the process is gone, its status is awaited */
  gboolean was_asked_again; /* its first template died before it had answered */
  gboolean has_hung;       /* it was killed because it was not ready in time */
  gboolean was_ended;      /* its owner sent it a signal: that it ended is no failure */
  int pending_signal;
  int pid;
  int pidfd;
  int exit_code;
  GError *failure;
  GVariant *report;

  MpTransport *transport;
  MpPumpSource *channel_source;
  guint32 channel_events;
  MpPumpSource *pidfd_source;
  MpPumpTimer *hello_timer;
  MpPumpTimer *status_timer;
  MpPumpTimer *silence_timer;
};

void     mp_child_set_state_locked     (MpChild       *self,
                                        MpChildState   state);

gboolean mp_child_open_channel_locked  (MpChild       *self,
                                        int           *channel,
                                        GError       **error);
void     mp_child_close_channel_locked (MpChild       *self);
/* Returns whether more may come at once */
gboolean mp_child_read_frame_locked    (MpChild       *self);

void     mp_child_say_ready_locked     (MpChild       *self);

/* Not in its owner's name: if it ends so before it is ready, that is a failure */
gboolean mp_child_send_signal_locked   (MpChild       *self,
                                        int            number,
                                        GError       **error);
/* Hears of its end from its pidfd */
gboolean mp_child_watch_locked         (MpChild       *self,
                                        GError       **error);
/* Once, whoever comes first */
void     mp_child_end_locked           (MpChild       *self,
                                        int            exit_code);

G_END_DECLS
