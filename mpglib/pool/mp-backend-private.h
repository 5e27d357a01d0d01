/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-context.h"
#include "mp-pump-private.h"
#include "mp-transport-private.h"

G_BEGIN_DECLS

/* What workers are made of.  A pool starts, feeds, stops and kills them through
 * these four functions, and hears of them by three events; it does not know
 * whether they are processes.
 *
 * All of it, events included, happens with the lock of the pool's pump held. No
 * event comes from within the functions, so that whoever calls one need not
 * expect its own state to change under it.
 */
typedef struct _MpBackendWorker MpBackendWorker;

/* How a worker ended. */
typedef struct
{
  int exit_code;         /* -N for signal N, or MP_EXIT_UNKNOWN */
  const char *message;   /* the same for people */
  const GError *failure; /* why it never was ready, or what it reported; nullable */
  GVariant *report;      /* that, if it was the worker who told; nullable, borrowed */
  gboolean has_hung;     /* that was because it took too long */
} MpBackendEnd;

typedef struct
{
  void (*ready) (gpointer data);
  void (*frame) (gpointer data,
                 MpFrame *frame); /* borrowed */
  /* The last event.  All frames that the worker sent came before. */
  void (*gone)  (gpointer data,
                 const MpBackendEnd *end);
} MpBackendEvents;

typedef struct
{
  /* NULL and an error for what can be known at once */
  MpBackendWorker *(*start) (MpPump                *pump,
                             MpContext             *context,
                             const char            *name,
                             const MpBackendEvents *events,
                             gpointer               data,
                             GError               **error);
  /* Takes the frame.  CLOSED: not sent, its end is under way; FAILED: this frame cannot be sent */
  MpIoStatus       (*send)  (MpBackendWorker       *worker,
                             MpFrame               *frame,
                             GError               **error);
  void             (*kill)  (MpBackendWorker       *worker);
  /* No more events.  The worker goes on until it ends by itself. */
  void             (*free)  (MpBackendWorker       *worker);
  /* 0 before it is known */
  int              (*get_pid) (MpBackendWorker     *worker);
} MpBackend;

const MpBackend *mp_process_backend_get (void);

G_END_DECLS
