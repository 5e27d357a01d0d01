/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-items-private.h"
#include "mp-scheduler-private.h"
#include "mp-task-state.h"
#include "mp-waiters-private.h"

G_BEGIN_DECLS

/* A task on the parent's side: one call, or a map of many.  A plain structure,
 * so that the engine may drop the last reference; guarded by its pool's pump.
 *
 * What its user holds is an MpPoolResult or an MpResultIterator, or nothing (a
 * blocking call).
 */
typedef struct _MpTask MpTask;

/* Why an item ended without a result. */
typedef struct
{
  GError *error;
  GVariant *report; /* what the failed function said, see mp-report-private.h; nullable */
} MpFailure;

/* The end of one item. */
typedef struct
{
  MpTaskState state; /* PENDING: it has not ended */
  union {
    MpMessage *result;  /* DONE */
    MpFailure *failure; /* else; both NULL when somebody took it */
  };
} MpItemEnd;

struct _MpTask
{
  MpScheduledTask scheduled; /* first, so that one is the other */
  gatomicrefcount refs;
  char *name;
  char *target;
  gboolean spread;  /* the arguments are a tuple, an argument each */
  gboolean is_map;

  /*< private >*/
  MpMessage *arguments;    /* of a single call, until it has ended */
  gboolean arguments_are_lent; /* by the user: to be dropped in a thread of the user's */
  MpItems *items;          /* of a map, until it has ended */
  GPtrArray *spent;        /* what is to be let go of by who has no lock: the dispatcher's; NULL: not submitted */
  gboolean begun;          /* a worker had an item in hand */
  GArray *ends;            /* MpItemEnd of the items from `first_end` on */
  guint64 first_end;
  MpTaskState end_state;   /* PENDING until all items have ended */
  guint64 n_failed;        /* items */
  GError *given_up;        /* why what is not begun was ended, if nobody cancelled it */
  MpFailure *failure;      /* the task's, when it did not end well: that of its first item that did not */
  guint64 failed_index;    /* which item that was */
  MpFailure *flaw;         /* of the first item with a result that was found to be none */
  guint64 flawed_index;
  MpWaiters *waiters;      /* NULL until somebody waits asynchronously */
  GList link;              /* in the dispatcher's list of unfinished tasks */

  /* progress */
  gdouble fraction_running; /* sum over the items in hand */
  char *text;

  /* for the news: see mp-dispatcher-private.h */
  gpointer result;         /* MpPoolResult: a reference until its end was delivered */
  GArray *news;            /* guint64: items that ended since the last delivery; or, of an
                              iterated task, those that nobody has taken yet */
  guint n_news_taken;      /* at its begin */
  guint n_news_due;        /* after those: what is told before anything else of the task */
  gboolean progress_is_new;
  gboolean state_is_new;
  gboolean is_listed;
  gboolean end_was_delivered;
  GList news_link;

  /* of an iterated task; `failure` is that of the item taken last */
  gboolean is_iterated;
  gboolean is_ordered;
  guint64 cursor;          /* items taken; in order: the next one to take */
  gboolean end_was_told;
};

MpTask     *mp_task_new_call         (const char   *target,
                                      MpMessage    *arguments);
MpTask     *mp_task_new_map          (const char   *target,
                                      MpItems      *items,
                                      guint         chunk_size);
MpTask     *mp_task_ref              (MpTask       *self);
void        mp_task_unref            (MpTask       *self);

MpTaskState mp_task_get_state        (MpTask       *self);
gboolean    mp_task_has_ended        (MpTask       *self);
gdouble     mp_task_get_fraction     (MpTask       *self);
char       *mp_task_describe_item    (MpTask       *self,
                                      guint64       index);

void        mp_task_end_item         (MpTask       *self,
                                      guint64       index,
                                      MpMessage    *result);
void        mp_task_fail_item        (MpTask       *self,
                                      guint64       index,
                                      MpTaskState   state,
                                      GError       *error,
                                      GVariant     *report);
void        mp_task_end              (MpTask       *self);
void        mp_task_fail_if_empty    (MpTask       *self,
                                      const GError *error);

/* What no worker has brought about */
GError     *mp_task_new_cancelled    (void);
void        mp_task_fail_range       (MpTask       *task,
                                      MpItemRange   range,
                                      MpTaskState   state,
                                      const GError *error);
void        mp_task_cancel_range     (MpTask       *task,
                                      MpItemRange   range);
void        mp_task_end_dropped      (MpTask       *task,
                                      MpItemRange   range);
void        mp_task_drop_waiting     (MpScheduler  *scheduler,
                                      MpTask       *task,
                                      MpTaskState   state,
                                      const GError *error);

gboolean    mp_task_append           (MpTask       *self,
                                      MpMessage    *item,
                                      GError      **error);
gboolean    mp_task_has_item_ended   (MpTask       *self,
                                      guint64       index);
gboolean    mp_task_check_item       (MpTask       *self,
                                      guint64       index,
                                      GError      **error);
gboolean    mp_task_spoil            (MpTask       *self,
                                      guint64       index,
                                      const GError *error);
guint64     mp_task_count_unfailed   (MpTask       *self);
gboolean    mp_task_copy_failure     (MpTask       *self,
                                      GError      **error);
MpMessage  *mp_task_dup_item         (MpTask       *self,
                                      guint64       index,
                                      GError      **error);
GVariant   *mp_task_dup_item_report  (MpTask       *self,
                                      guint64       index);
MpMessage  *mp_task_collect_result   (MpTask       *self,
                                      GError      **error);

gboolean    mp_task_has_next         (MpTask       *self);
gboolean    mp_task_is_exhausted     (MpTask       *self);
MpMessage  *mp_task_take_next        (MpTask       *self,
                                      GError      **error);
GError     *mp_task_tell_end         (MpTask       *self);

void        mp_task_begin_news       (MpTask       *self);
gboolean    mp_task_has_news         (MpTask       *self);
guint64     mp_task_take_news        (MpTask       *self);
void        mp_task_drop_news        (MpTask       *self);

void        mp_task_add_waiter       (MpTask       *self,
                                      MpPump       *pump,
                                      GTask        *waiter,
                                      gint64        deadline,
                                      MpWaiterDone  done,
                                      gpointer      data);
void        mp_task_check_waiters    (MpTask       *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpTask, mp_task_unref)

G_END_DECLS
