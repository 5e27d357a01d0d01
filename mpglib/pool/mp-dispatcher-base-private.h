/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-crew-private.h"
#include "mp-dispatcher-private.h"
#include "mp-late-results-private.h"

G_BEGIN_DECLS

/* What the parts of the dispatcher have in common.  All functions are to be called with
 * the pump's lock but for those that say otherwise.
 */

/* What the outbox holds.  It can be made void, since the outbox of a context that
 * never runs holds what it has for ever.
 */
typedef struct
{
  gatomicrefcount refs;
  MpDispatcher *dispatcher; /* atomic: a reference, until it is delivered or made void */
} MpNewsLetter;

struct _MpDispatcher
{
  gatomicrefcount refs;
  /* constant */
  MpPump *pump;
  MpOutbox *outbox;
  MpOutboxFunc deliver;
  guint max_tasks_per_worker; /* 0: no end */
  gboolean is_own;     /* the workers are this very program */

  /* guarded by the pump */
  gpointer owner;
  GWeakRef weak_owner; /* the same, to be had without the lock */
  MpPoolState state;
  gboolean is_started; /* there was a first task */
  guint64 last_serial;
  MpScheduler scheduler;
  MpCrew crew;
  GQueue tasks;        /* MpTask, not ended: a reference each */
  MpWaiters *joiners;
  GQueue news_tasks;   /* MpTask with news: a reference each */
  MpNews news;
  gboolean workers_are_watched; /* somebody has a list of them */
  MpLateResults late;
  GPtrArray *spent; /* GObject, which languages may know: for the user's threads to let go of */
  MpNewsLetter *letter;  /* on its way to the main context, because of news */
};

extern const MpCrewEvents mp_dispatcher_crew_events;

/* Of the scheduler's, which knows only what it needs of it */
static inline MpTask *
mp_crew_worker_get_task (MpCrewWorker *worker)
{
  return (MpTask *) worker->scheduled.task;
}

/* --- news */
void     mp_news_letter_unref                        (gpointer            letter);
void     mp_dispatcher_announce_workers_locked       (MpDispatcher       *self);
void     mp_dispatcher_announce_lost_worker_locked   (MpDispatcher       *self,
                                                      MpCrewWorker       *worker,
                                                      const MpBackendEnd *end);
void     mp_dispatcher_set_state_locked              (MpDispatcher       *self,
                                                      MpPoolState         state);
void     mp_dispatcher_begin_task_locked             (MpDispatcher       *self,
                                                      MpTask             *task);
/* Without the lock, too */
gboolean mp_dispatcher_state_is_watched              (gpointer            result);

/* --- tasks */
void     mp_dispatcher_look_after_task_locked        (MpDispatcher       *self,
                                                      MpTask             *task);

/* --- answers */
void     mp_dispatcher_on_frame_locked               (MpCrewWorker       *worker,
                                                      MpFrame            *frame,
                                                      gpointer            data);
void     mp_dispatcher_look_after_worker_locked      (MpDispatcher       *self,
                                                      MpCrewWorker       *worker);
void     mp_crew_worker_set_fraction                 (MpCrewWorker       *worker,
                                                      MpTask             *task,
                                                      gdouble             fraction);

/* --- workers; end: NULL when it has to go */
void     mp_dispatcher_dismiss_worker_locked         (MpDispatcher       *self,
                                                      MpCrewWorker       *worker,
                                                      const MpBackendEnd *end);

/* --- acting, after every event */
void     mp_dispatcher_settle_locked                 (MpDispatcher       *self);

G_END_DECLS
