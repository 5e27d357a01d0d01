/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* A process object: what the files of MpProcess share.  It belongs to three parties: the program, which holds
 * references and calls from any thread; the engine, which tells by events of the child, with the lock of the shared
 * pump; and the main context, where a letter emits what has come about. */
#pragma once

#include "mp-child-private.h"
#include "mp-outbox-private.h"
#include "mp-process.h"
#include "mp-waitable-private.h"
#include "mp-waiters-private.h"

G_BEGIN_DECLS

struct _MpProcess
{
  GObject parent_instance;

  /* set when it is made */
  MpPump *pump;
  MpContext *context; /* NULL: the default one of the target's language */
  char *target;
  char *identity;
  GMainContext *main_context;
  MpOutbox *outbox;
  gboolean is_current; /* not a child, but this process itself */

  /* guarded by the pump's lock */
  MpMessage *arguments;
  gboolean spread; /* they are a tuple of arguments */
  MpAuthKey *auth_key; /* the child's own; NULL: that of this process */
  char *name;
  gboolean is_daemon;
  gboolean is_closed;
  gboolean is_alive_by_itself; /* holds a reference of its own: from the start until the end was told */
  gboolean was_ready;
  gboolean start_takes_readiness; /* started by start_async */
  gboolean failure_was_told;      /* of one that cannot begin, in the log */
  gboolean start_was_interrupted; /* the next call of start goes on with it */
  MpChild *child;              /* NULL before the start */
  MpWaiters *waiters;
  int pid;
  int exit_code;
  int sentinel; /* for who asked; -1 */

  /* What is to be told in the main context; guarded likewise */
  gboolean letter_is_posted;
  gboolean state_has_changed;
  gboolean has_started;
  gboolean has_ended;
  gboolean has_exited;             /* and its start had not failed */
};

extern const MpChildEvents mp_process_events;

void       mp_process_waitable_init        (MpWaitableInterface *iface);

/* It has a child: it stays alive by itself from now on, and the main context is told */
void       mp_process_begin_locked         (MpProcess   *self);
/* The references of their own of those that have ended and that nobody listens to are dropped here */
void       mp_process_drop_unheard         (MpPump      *pump);
/* All that have a child, referenced */
GPtrArray *mp_process_ref_living           (void);
/* Waits until the log has what was to be told of those that cannot begin: the program may be about to end.  Unlike
 * other waits it has no error: there is nobody who could do anything about it */
void       mp_process_wait_told            (gint64        deadline,
                                            GCancellable *cancellable);
/* One look at what the kernel says, so that a death is not seen later than by somebody who asks the kernel */
void       mp_process_look_locked          (MpProcess   *self);
gboolean   mp_process_is_over              (gpointer     self);
/* Whether the call that started it tells, or would tell, of a failure: it has ended without existing, or, if it was
 * waited for that, without becoming ready */
gboolean   mp_process_start_failed_locked  (MpProcess   *self);
gboolean   mp_process_check_origin         (MpProcess   *self,
                                            GError     **error);
gboolean   mp_process_check_started_locked (MpProcess   *self,
                                            GError     **error);

G_END_DECLS
