/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-backend-private.h"
#include "mp-pool-state.h"
#include "mp-restart-budget-private.h"
#include "mp-scheduler-private.h"

G_BEGIN_DECLS

/* The workers of a pool: started, stopped in order or by force, replaced within
 * the restart budget.  Their number is what was asked for, apart from those that
 * are on their way out.
 *
 *     STARTING ──ready──▶ IDLE ◀──────▶ BUSY
 *        │                 │ stop, kill  │ kill
 *        │ kill            ▼             ▼
 *        └───────────▶ STOPPING ◀────────┘      gone, from any state: freed
 *
 * Guarded by the pool's pump, like everything inside a pool.
 */
typedef struct _MpCrew MpCrew;

typedef struct
{
  MpScheduledWorker scheduled; /* first, so that one is the other; from when it is ready on */
  MpCrew *crew;
  guint number;
  MpPoolWorkerState state;     /* IDLE and BUSY are the dispatcher's to set */
  gboolean was_ready;
  gboolean is_scheduled;       /* the scheduler knows it */
  gboolean is_fruitful;        /* it answered or lost an item */
  gboolean was_cancelled;      /* its chunk is to be given back: it has been told */
  guint n_tasks;               /* chunks that it was given */
  gdouble fraction;            /* of the item it runs */
  char *offence;               /* why it was killed, if for what it sent */

  /*< private >*/
  MpBackendWorker *handle;
  MpPumpTimer *stop_timer;
  GList link;
} MpCrewWorker;

typedef struct
{
  void (*ready) (MpCrewWorker       *worker,
                 gpointer            data);
  void (*frame) (MpCrewWorker       *worker,
                 MpFrame            *frame,
                 gpointer            data);
  /* Still in the crew; `changed` follows when it is not */
  void (*gone)  (MpCrewWorker       *worker,
                 const MpBackendEnd *end,
                 gpointer            data);
  void (*changed) (gpointer          data);
} MpCrewEvents;

struct _MpCrew
{
  const MpBackend *backend;
  MpPump *pump;
  MpContext *context;
  guint n_wanted;
  const MpCrewEvents *events;
  gpointer data;

  GQueue workers;
  guint n_starting;
  guint n_ready;    /* IDLE or BUSY */
  guint n_made;     /* so far, for their names */
  MpRestartBudget budget;
  GError *failure;  /* of the last worker that came to nothing */
};

void         mp_crew_init              (MpCrew             *self,
                                        const MpBackend    *backend,
                                        MpPump             *pump,
                                        MpContext          *context,
                                        guint               n_wanted,
                                        const MpCrewEvents *events,
                                        gpointer            data);
void         mp_crew_clear             (MpCrew             *self);
gboolean     mp_crew_fill              (MpCrew             *self);
gboolean     mp_crew_is_hopeless       (MpCrew             *self);
gboolean     mp_crew_is_empty          (MpCrew             *self);
void         mp_crew_kill_all          (MpCrew             *self);

void         mp_crew_worker_set_state  (MpCrewWorker       *self,
                                        MpPoolWorkerState   state);
char        *mp_crew_worker_describe   (MpCrewWorker       *self);
int          mp_crew_worker_get_pid    (MpCrewWorker       *self);
MpIoStatus   mp_crew_worker_send       (MpCrewWorker       *self,
                                        MpFrame            *frame,
                                        GError            **error);
void         mp_crew_worker_stop       (MpCrewWorker       *self);
void         mp_crew_worker_kill       (MpCrewWorker       *self);

G_END_DECLS
