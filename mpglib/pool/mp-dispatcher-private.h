/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-backend-private.h"
#include "mp-outbox-private.h"
#include "mp-pool-state.h"
#include "mp-task-private.h"

G_BEGIN_DECLS

/* The inside of a pool: it does what the scheduler decides, and tells the
 * scheduler what came of it.  Tasks go in, workers are started, fed, stopped,
 * killed and replaced, and every task comes to exactly one end.
 *
 * A plain structure that outlives the MpPool for as long as results of it are
 * about.  All of it is guarded by its pump, and runs on whatever thread leads
 * that: so it touches no object that a user may see, but collects its news
 * until somebody delivers them in the pool's main context.
 */
typedef struct _MpDispatcher MpDispatcher;

/* A worker as others may see it. */
typedef struct
{
  guint number;
  int pid;
  MpPoolWorkerState state;
  guint n_tasks;
} MpWorkerInfo;

/* A worker that ended without having been told to. */
typedef struct
{
  int pid;
  int exit_code;
  char *message;
} MpLostWorker;

/* What is to be told in the main context, besides what is new of tasks. */
typedef struct
{
  GQueue lost; /* MpLostWorker */
  gboolean state_changed;
  gboolean workers_changed;
} MpNews;

MpDispatcher *mp_dispatcher_new               (MpContext        *context,
                                               guint             n_workers,
                                               guint             max_tasks_per_worker,
                                               MpOutbox         *outbox,
                                               MpOutboxFunc      deliver);
MpDispatcher *mp_dispatcher_ref               (MpDispatcher     *self);
void          mp_dispatcher_unref             (MpDispatcher     *self);
void          mp_dispatcher_lock              (MpDispatcher     *self);
void          mp_dispatcher_unlock            (MpDispatcher     *self);
MpPump       *mp_dispatcher_get_pump          (MpDispatcher     *self);
MpOutbox     *mp_dispatcher_get_outbox        (MpDispatcher     *self);
gboolean      mp_dispatcher_check_origin      (MpDispatcher     *self,
                                               GError          **error);

/* The MpPool, which is not referenced; NULL when it is no more. */
void          mp_dispatcher_set_owner_locked  (MpDispatcher     *self,
                                               gpointer          owner);
gpointer      mp_dispatcher_ref_owner         (MpDispatcher     *self);

MpNews        mp_dispatcher_take_news_locked  (MpDispatcher     *self);
gboolean      mp_dispatcher_take_state_news_locked (MpDispatcher *self);
void          mp_dispatcher_announce_rest_locked (MpDispatcher  *self);
void          mp_dispatcher_announce_task_locked (MpDispatcher  *self,
                                               MpTask           *task);
GQueue       *mp_dispatcher_peek_task_news_locked (MpDispatcher *self);
void          mp_dispatcher_take_task_news_locked (MpDispatcher *self,
                                               MpTask           *task);
void          mp_lost_worker_free             (MpLostWorker     *self);

MpPoolState   mp_dispatcher_get_state_locked  (MpDispatcher     *self);
GArray       *mp_dispatcher_list_workers_locked (MpDispatcher   *self);

void          mp_dispatcher_submit_locked     (MpDispatcher     *self,
                                               MpTask           *task,
                                               const GError     *refusal);
void          mp_dispatcher_refuse            (MpTask           *task,
                                               const GError     *error);
gboolean      mp_dispatcher_append_locked     (MpDispatcher     *self,
                                               MpTask           *task,
                                               MpMessage        *item,
                                               GError          **error);
void          mp_dispatcher_finish_locked     (MpDispatcher     *self,
                                               MpTask           *task);
void          mp_dispatcher_cancel_locked     (MpDispatcher     *self,
                                               MpTask           *task);

MpMessage    *mp_dispatcher_dup_item          (MpDispatcher     *self,
                                               MpTask           *task,
                                               guint64           index,
                                               gpointer          result,
                                               GError          **error);
MpMessage    *mp_dispatcher_dup_result        (MpDispatcher     *self,
                                               MpTask           *task,
                                               gpointer          result,
                                               GError          **error);

void          mp_dispatcher_close_locked      (MpDispatcher     *self);
void          mp_dispatcher_terminate_locked  (MpDispatcher     *self);
void          mp_dispatcher_abandon_locked    (MpDispatcher     *self);
void          mp_dispatcher_hush_locked       (MpDispatcher     *self);
gboolean      mp_dispatcher_join_locked       (MpDispatcher     *self,
                                               gint64            deadline,
                                               GCancellable     *cancellable,
                                               GError          **error);
void          mp_dispatcher_join_async_locked (MpDispatcher     *self,
                                               GTask            *task,
                                               gint64            deadline);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpDispatcher, mp_dispatcher_unref)

G_END_DECLS
