/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

/* A pump is a lock, a set of descriptors and deadlines, and the work they cause.  Somebody must serve it:
 *
 *     IDLE      nobody waits: the thread mp-engine serves it
 *     LED       a thread blocks on something the pump brings: it serves the pump itself ("leads"), so that no
 *               other thread has to be woken to wake it; mp-engine looks away meanwhile
 *     LED+n     more threads wait: they sleep on `turn`; when the leader has what it wanted it wakes one of them
 *
 *     IDLE → LED    first mp_pump_wait_locked(): the pump's epoll is disarmed in the engine's
 *     LED  → LED    the leader leaves while others wait: one of them is woken and leads
 *     LED  → IDLE   the last leaves: armed again; being level-triggered nothing is missed
 *
 * The lock is one that others get between two events, however many there are: who serves waits for them in line, and
 * leaves the rest of what is ready to its next turn.
 *
 * Everything a pump guards is touched with its lock held, handlers included; whoever holds it never runs user code,
 * emits signals, references or drops objects that a language may know (it is told, and takes a lock of its own),
 * blocks or takes another pump's lock: what another pump must do is posted to it.  User code hears of
 * results through an outbox. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _MpPump       MpPump;
typedef struct _MpPumpSource MpPumpSource;
typedef struct _MpPumpTimer  MpPumpTimer;

typedef void     (*MpPumpFunc) (guint32  events,  /* EPOLLIN … */
                                gpointer data);
typedef void     (*MpPumpJob)  (gpointer data);
typedef gboolean (*MpPumpDone) (gpointer data);

/* Never fails, and has no descriptors before it is opened */
MpPump       *mp_pump_new             (const char      *name);
/* START_FAILED where descriptors cannot be had; may be tried again.  Any thread, no lock needed */
gboolean      mp_pump_open            (MpPump          *self,
                                       GError         **error);
MpPump       *mp_pump_ref             (MpPump          *self);
void          mp_pump_unref           (MpPump          *self);
void          mp_pump_lock            (MpPump          *self);
void          mp_pump_unlock          (MpPump          *self);
/* For a handler that has much to do: whether another thread waits for the lock, so that it leaves the rest to its next
 * call, which comes soon if its descriptor is ready still */
gboolean      mp_pump_gives_way       (MpPump          *self);

/* The descriptor stays the caller's; remove before closing it.  A handler may remove its own or any source.  NULL and
 * START_FAILED: the kernel watches no more. */
MpPumpSource *mp_pump_add_fd_locked   (MpPump          *self,
                                       int              fd,
                                       guint32          events,
                                       MpPumpFunc       func,
                                       gpointer         data,
                                       GError         **error);
void          mp_pump_set_events_locked (MpPump        *self,
                                       MpPumpSource    *source,
                                       guint32          events);
void          mp_pump_remove_fd_locked (MpPump         *self,
                                       MpPumpSource    *source);
/* One shot: the timer is gone when `func` runs, which gets events 0.  deadline: g_get_monotonic_time() µs */
MpPumpTimer  *mp_pump_add_timer_locked (MpPump         *self,
                                       gint64           deadline,
                                       MpPumpFunc       func,
                                       gpointer         data);
void          mp_pump_remove_timer_locked (MpPump      *self,
                                       MpPumpTimer     *timer);
/* Any thread, no lock needed: `job` runs soon with the pump's lock held */
void          mp_pump_post            (MpPump          *self,
                                       MpPumpJob        job,
                                       gpointer         data);
/* Waits, leading or following, until `done` (called with the lock held) says TRUE, as it still does when this returns
 * TRUE.  The lock is let go while it sleeps.  Errors: TIMED_OUT, INTERRUPTED,
 * G_IO_ERROR_CANCELLED, and those of opening.  deadline: µs, or -1 for ever, 0 for one look. */
gboolean      mp_pump_wait_locked     (MpPump          *self,
                                       MpPumpDone       done,
                                       gpointer         data,
                                       gint64           deadline,
                                       GCancellable    *cancellable,
                                       GError         **error);
/* Handles what is there, without waiting; nothing in a process that was forked from the pump's */
void          mp_pump_look_locked     (MpPump          *self);
/* After a state change made outside a handler that a waiter may wait for */
void          mp_pump_changed_locked  (MpPump          *self);

/* The process it works in: see mp_origin_check() */
guint32       mp_pump_get_origin      (MpPump          *self);

/* The pump of processes and templates */
MpPump       *mp_pump_get_shared      (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpPump, mp_pump_unref)

G_END_DECLS
