/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Which worker runs which items of which task: bookkeeping alone, without I/O,
 * clock or lock, so that it can be tested by itself.  Whoever acts on it (the
 * dispatcher) guards it.
 *
 * A task is a sequence of items, one call each; a single call is a task of one
 * item.  An item is in exactly one place:
 *
 *     WAITING   no worker has it
 *     IN HAND   it belongs to the chunk of one worker
 *     ENDED     answered, lost with its worker, or dropped
 *
 *     WAITING → IN HAND   assign
 *     WAITING → ENDED     drop_task
 *     IN HAND → ENDED     answer; remove_worker, for the item being run
 *     IN HAND → WAITING   give_back; remove_worker, for those not begun.
 *                         Of a dropped task they go to ENDED instead.
 *
 * A worker has one chunk at a time and answers its items in order, so that the
 * first unanswered one is the one it was running when it died, and no other.
 */

typedef struct
{
  guint64 first;
  guint64 count;
} MpItemRange;

/* Embedded in what the dispatcher keeps of a task. */
typedef struct
{
  guint64 serial;
  guint64 n_items;
  guint chunk_size; /* 0: tuned by the time that items take */
  gboolean open;    /* more items may be added */

  /*< private >*/
  guint64 next;     /* this and later ones have never been assigned */
  GArray *returned; /* MpItemRange: assigned once, waiting again; NULL while there are none */
  guint64 n_returned;
  guint64 n_ended;
  gint64 item_time; /* nanoseconds, measured; 0: not yet */
  gboolean dropped;
  gboolean queued;
  GList link;       /* in MpScheduler.tasks, exactly while items wait */
} MpScheduledTask;

/* Embedded in what the dispatcher keeps of a worker. */
typedef struct
{
  MpScheduledTask *task; /* whose items it has in hand; NULL: none */

  /*< private >*/
  guint64 first;         /* of the chunk */
  guint64 next;          /* the first unanswered item */
  guint64 end;
  gint64 since;
  gboolean idle;
  GList link;            /* in MpScheduler.idle_workers */
} MpScheduledWorker;

typedef struct
{
  GQueue tasks;        /* with items that wait, in the order of their turn */
  GQueue idle_workers; /* the last one to become idle first: its caches are warm */
  guint n_workers;
} MpScheduler;

typedef struct
{
  MpScheduledWorker *worker;
  MpScheduledTask *task;
  MpItemRange items;
} MpAssignment;

void     mp_scheduled_task_init       (MpScheduledTask    *self,
                                       guint64             serial,
                                       guint64             n_items,
                                       guint               chunk_size);
void     mp_scheduled_task_clear      (MpScheduledTask    *self);
gboolean mp_scheduled_task_has_ended  (MpScheduledTask    *self);
guint64  mp_scheduled_task_get_n_waiting (MpScheduledTask *self);

void     mp_scheduler_init            (MpScheduler        *self);
gboolean mp_scheduler_has_waiting     (MpScheduler        *self);

void     mp_scheduler_add_task        (MpScheduler        *self,
                                       MpScheduledTask    *task);
void     mp_scheduler_add_items       (MpScheduler        *self,
                                       MpScheduledTask    *task,
                                       guint64             n_items);
void     mp_scheduler_drop_task       (MpScheduler        *self,
                                       MpScheduledTask    *task,
                                       GArray             *dropped);

void     mp_scheduler_add_worker      (MpScheduler        *self,
                                       MpScheduledWorker  *worker);
gboolean mp_scheduler_remove_worker   (MpScheduler        *self,
                                       MpScheduledWorker  *worker,
                                       guint64            *lost,
                                       MpItemRange        *dropped);
void     mp_scheduler_retire_worker   (MpScheduler        *self,
                                       MpScheduledWorker  *worker);

gboolean mp_scheduler_assign          (MpScheduler        *self,
                                       gint64              now,
                                       MpAssignment       *assignment);
gboolean mp_scheduler_answer          (MpScheduler        *self,
                                       MpScheduledWorker  *worker,
                                       guint64             serial,
                                       guint64             index,
                                       gint64              now);
gboolean mp_scheduler_give_back       (MpScheduler        *self,
                                       MpScheduledWorker  *worker,
                                       guint64             serial,
                                       guint64             index,
                                       MpItemRange        *dropped);

G_END_DECLS
