/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* A child: one process started by this one, seen from here.  The engine-side half of a Process and of a pool's
 * worker; a plain structure guarded by the lock of the pump given to it.
 *
 *     NEW       made by mp_child_new()
 *     STARTING  mp_child_start_locked(): the engine executes it, or a template was asked to fork it
 *     MADE      it exists: pid and pidfd are known
 *     READY     it said HELLO: the target was found and begins to run
 *     ENDED     it is gone: the exit code is known (or MP_EXIT_UNKNOWN), or it could not be made at all
 *
 *     NEW → STARTING → MADE → READY → ENDED, from every state straight to ENDED
 *
 * ENDED without having been READY leaves a failure (START_FAILED, NO_TARGET, …): who started it learns why.
 * There is a failure too when a target reported an error before it ended.
 * A child has the context's hello-timeout to come from STARTING to MADE, and again to READY.
 * Events come when the pump is served, never from within a call here.
 * Frames that the child sends and the library does not use itself come out by events->frame, before ENDED. */
#pragma once

#include <signal.h>

#include "mp-context.h"
#include "mp-own-key-private.h"
#include "mp-pump-private.h"
#include "mp-recipe-private.h"
#include "mp-transport-private.h"

G_BEGIN_DECLS

#define MP_EXIT_UNKNOWN G_MININT

typedef enum {
  MP_CHILD_NEW,
  MP_CHILD_STARTING,
  MP_CHILD_MADE,
  MP_CHILD_READY,
  MP_CHILD_ENDED,
} MpChildState;

typedef struct _MpChild MpChild;

/* All are called with the pump's lock held; `data` is the owner's */
typedef struct {
  void (*state_changed) (MpChild *child, gpointer data);                 /* to MADE, READY, ENDED */
  void (*frame)         (MpChild *child, MpFrame *frame, gpointer data); /* borrowed */
  void (*failed)        (MpChild *child, gpointer data);                 /* nullable: it has reported an error */
} MpChildEvents;

typedef struct {
  MpContext  *context;   /* or, for a template: */
  MpRecipe   *recipe;
  const char *role;      /* "process", "pool", "template" */
  const char *name;      /* for people: "Process-1" */
  const char *identity;  /* mp_identity_new_child(), or NULL for a new one */
  const char *target;    /* nullable */
  MpMessage  *arguments; /* nullable */
  gboolean    spread;    /* the arguments are a tuple of arguments */
  const MpOwnKey *key;   /* what it is to have as its own; NULL: that of this process */
} MpChildSpec;

/* NULL and an error for what can be known at once: a target of another language, mp_init() never called, …
 * With arguments it is to be called without a lock, and to be let go likewise if it is not started: they are packed
 * and serialised here. */
MpChild      *mp_child_new            (MpPump              *pump,
                                       const MpChildSpec   *spec,
                                       const MpChildEvents *events,
                                       gpointer             data,
                                       GError             **error);
/* Of a template, before it is started: where its requests will come from */
void          mp_child_take_requests  (MpChild             *self,
                                       int                  fd);
MpChild      *mp_child_ref            (MpChild             *self);
void          mp_child_unref          (MpChild             *self);
void          mp_child_start_locked   (MpChild             *self);
/* The owner goes: no more events */
void          mp_child_forget_locked  (MpChild             *self);

MpPump       *mp_child_get_pump       (MpChild             *self);
MpChildState  mp_child_get_state      (MpChild             *self);
const char   *mp_child_get_name       (MpChild             *self);
int           mp_child_get_pid        (MpChild             *self); /* 0 before MADE */
int           mp_child_get_pidfd      (MpChild             *self); /* -1 before MADE and after ENDED */
int           mp_child_get_exit_code  (MpChild             *self); /* -N for signal N; valid when ENDED */
const GError *mp_child_get_failure    (MpChild             *self); /* nullable */
/* Whether that keeps it from its target, though it was made; not of one that its owner has ended.  It may live on, as
 * long as something of what it loaded holds it up */
gboolean      mp_child_cannot_begin   (MpChild             *self);
gboolean      mp_child_has_hung       (MpChild             *self); /* that was because it was not ready in time */
GVariant     *mp_child_get_report     (MpChild             *self); /* nullable; see mp-report-private.h */
/* "exit code 3", "signal 9 (SIGKILL)", "an unknown status" */
char         *mp_exit_code_to_string  (int                  exit_code);

/* These signals come from outside.  Others are a process's own doing, and what killed it before it was ready will kill
 * the next one */
static inline gboolean
mp_exit_code_is_from_outside (int exit_code)
{
  return exit_code == -SIGHUP || exit_code == -SIGINT || exit_code == -SIGKILL || exit_code == -SIGTERM;
}

/* Takes the frame.  CLOSED when the child's channel is: its end is under way */
MpIoStatus    mp_child_send_locked    (MpChild             *self,
                                       MpFrame             *frame,
                                       GError             **error);
guint         mp_child_get_n_unsent_locked (MpChild        *self);
/* Says no more to the child: it sees the end of its channel */
void          mp_child_hang_up_locked (MpChild             *self);
/* A child already gone is no error; one not made yet gets it when it is */
gboolean      mp_child_signal_locked  (MpChild             *self,
                                       int                  signal,
                                       GError             **error);

/* What becomes of a request: the starter or the template tells.  pidfd is taken; error too, and ends the child */
void          mp_child_made_locked    (MpChild             *self,
                                       int                  pid,
                                       int                  pidfd,
                                       GError              *error);
/* Likewise of a template, which may be asked to forget the request once the child has ended */
void          mp_child_forked_locked  (MpChild             *self,
                                       guint64              request,
                                       int                  pid,
                                       int                  pidfd,
                                       GError              *error);
/* The template does not answer; the error is taken, and ends the child */
void          mp_child_hung_locked    (MpChild             *self,
                                       GError              *error);
/* Its status, from the template that reaped it; the template has gone, or has not got it, and cannot tell */
void          mp_child_exited_locked  (MpChild             *self,
                                       int                  wait_status);
void          mp_child_lost_template_locked (MpChild       *self);
/* The template died without an answer, with that exit code: once, another one is asked */
void          mp_child_ask_again_locked (MpChild           *self,
                                       int                  exit_code);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpChild, mp_child_unref)

G_END_DECLS
