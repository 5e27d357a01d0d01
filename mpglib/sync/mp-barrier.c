/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-async-wait-private.h"
#include "mp-barrier.h"
#include "mp-blocking-wait-private.h"
#include "mp-error.h"
#include "mp-interrupted-private.h"
#include "mp-outbox-private.h"
#include "mp-rendezvous-private.h"
#include "mp-shared-object-private.h"

/**
 * MpBarrier:
 *
 * Lets a number of parties wait until all of them have come.
 *
 * Each party calls [method@Mp.Barrier.wait]; when the last one has come all go on, and
 * the barrier is ready for the next round. A party is a call: one process may be several.
 *
 * A barrier breaks if a party gives up (by its time or a cancellable), dies while it
 * waits, or calls [method@Mp.Barrier.abort]: then all that wait fail with
 * %MP_ERROR_BROKEN, and those that come, until [method@Mp.Barrier.reset].
 *
 * A barrier is a [iface@Mp.Shareable], as a [class@Mp.Lock] is: what is said there of
 * handing over and of forks holds here.
 *
 * A barrier may be used by all threads.
 *
 * Since: 1.0
 */
struct _MpBarrier
{
  GObject parent_instance;

  MpSharedObject  shared;
  guint           parties;
  MpInterrupted  *interrupted;
  MpBarrierAction action;
  gpointer        action_data;
  GDestroyNotify  action_notify;
};

static void mp_barrier_shareable_init (MpShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MpBarrier, mp_barrier, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_barrier_shareable_init))

enum
{
  PROP_0,
  PROP_PARTIES,
  PROP_N_WAITING,
  PROP_BROKEN,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

#define WHAT "Not all parties of the barrier came"

/* --- Life ----------------------------------------------------------------- */

static GError *
check_parties (guint parties)
{
  if (parties == 0)
    return g_error_new_literal (MP_ERROR, MP_ERROR_INVALID_STATE, "A barrier without parties cannot be waited for");

  if (parties > MP_RENDEZVOUS_MAX_PARTIES)
    return g_error_new (MP_ERROR, MP_ERROR_TOO_BIG,
                        "A barrier can have %u parties, not %u", MP_RENDEZVOUS_MAX_PARTIES, parties);

  return NULL;
}

static void
mp_barrier_constructed (GObject *object)
{
  MpBarrier *self = MP_BARRIER (object);

  GError *error = check_parties (self->parties);

  G_OBJECT_CLASS (mp_barrier_parent_class)->constructed (object);

  if (error != NULL)
    mp_shared_object_refuse (&self->shared, MP_OBJECT_BARRIER, error);
  else if (mp_shared_object_init (&self->shared, MP_OBJECT_BARRIER, mp_rendezvous_get_size (self->parties)) &&
      self->shared.table != NULL)
    mp_rendezvous_init (self->shared.hold.data, self->parties);
}

/* It does not come back to this object, and the others would go on as if it had waited. */
static void
give_up_interrupted (guint32  round,
                     guint32  index,
                     gpointer data)
{
  MpBarrier *self = data;
  MpRendezvousLayout *layout = self->shared.hold.data;
  MpArrival arrival = { .n_parties = self->parties, .index = index, .round = round };

  mp_rendezvous_give_up (layout, &arrival);
  mp_bell_ring (self->shared.table, &layout->bell);
}

static void
mp_barrier_finalize (GObject *object)
{
  MpBarrier *self = MP_BARRIER (object);
  guint32 me = self->shared.table != NULL ? mp_participant_get_me (self->shared.table) : 0;

  mp_barrier_set_action (self, NULL, NULL, NULL);
  mp_interrupted_clear (&self->interrupted, me, give_up_interrupted, self);
  mp_shared_object_clear (&self->shared);

  G_OBJECT_CLASS (mp_barrier_parent_class)->finalize (object);
}

static void
mp_barrier_get_property (GObject    *object,
                         guint       prop_id,
                         GValue     *value,
                         GParamSpec *pspec)
{
  MpBarrier *self = MP_BARRIER (object);

  switch (prop_id)
    {
    case PROP_PARTIES:
      g_value_set_uint (value, mp_barrier_get_parties (self));
      break;

    case PROP_N_WAITING:
      g_value_set_uint (value, mp_barrier_get_n_waiting (self));
      break;

    case PROP_BROKEN:
      g_value_set_boolean (value, mp_barrier_is_broken (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_barrier_set_property (GObject      *object,
                         guint         prop_id,
                         const GValue *value,
                         GParamSpec   *pspec)
{
  switch (prop_id)
    {
    case PROP_PARTIES:
      MP_BARRIER (object)->parties = g_value_get_uint (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_barrier_class_init (MpBarrierClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_barrier_constructed;
  object_class->finalize = mp_barrier_finalize;
  object_class->get_property = mp_barrier_get_property;
  object_class->set_property = mp_barrier_set_property;

  /**
   * MpBarrier:parties:
   *
   * How many must come, 1 to 8000: waiting for others fails with
   * %MP_ERROR_INVALID_STATE or %MP_ERROR_TOO_BIG.
   *
   * Since: 1.0
   */
  properties[PROP_PARTIES] =
    g_param_spec_uint ("parties", NULL, NULL,
                       0, G_MAXUINT, 1,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpBarrier:n-waiting:
   *
   * How many have come in this round. It is not notified.
   *
   * Since: 1.0
   */
  properties[PROP_N_WAITING] =
    g_param_spec_uint ("n-waiting", NULL, NULL,
                       0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpBarrier:broken:
   *
   * Whether waiting fails, until [method@Mp.Barrier.reset]. It is not notified.
   *
   * Since: 1.0
   */
  properties[PROP_BROKEN] =
    g_param_spec_boolean ("broken", NULL, NULL,
                          FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_barrier_init (MpBarrier *self)
{
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND "barrier"

static GVariant *
mp_barrier_pack (MpShareable  *shareable,
                 MpPacking    *packing,
                 GError      **error)
{
  return mp_shared_object_pack (&MP_BARRIER (shareable)->shared, packing, error);
}

/* The number of parties is believed only as far as the object's memory goes. */
static MpShareable *
mp_barrier_unpack (MpUnpacking  *unpacking,
                   GVariant     *description,
                   int          *fds,
                   guint         n_fds,
                   GError      **error)
{
  MpSharedObject opened;
  guint32 parties;

  if (!mp_shared_object_open (&opened, unpacking, MP_OBJECT_BARRIER, mp_rendezvous_get_size (1),
                              description, fds, n_fds, error))
    return NULL;

  parties = mp_rendezvous_check_n (opened.hold.data, mp_shared_object_get_size (&opened));
  if (parties == 0)
    {
      mp_shared_object_clear (&opened);
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "The peer sent a barrier that is none");
      return NULL;
    }

  return mp_shared_object_new_received (MP_TYPE_BARRIER, &opened, "parties", parties, NULL);
}

static char *
mp_barrier_to_string (MpShareable *shareable)
{
  MpBarrier *self = MP_BARRIER (shareable);

  return g_strdup_printf ("<Mp.Barrier %u/%u%s>", mp_barrier_get_n_waiting (self), self->parties,
                          mp_barrier_is_broken (self) ? " broken" : "");
}

static void
mp_barrier_shareable_init (MpShareableInterface *iface)
{
  iface->kind = KIND;
  iface->pack = mp_barrier_pack;
  iface->to_string = mp_barrier_to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_barrier_unpack);
}

/* --- Waiting -------------------------------------------------------------- */

static MpRendezvousLayout *
get_layout (MpBarrier  *self,
            guint32    *me,
            GError    **error)
{
  return mp_shared_object_get (&self->shared, me, error);
}

static gboolean
check_outcome (MpRendezvousResult   outcome,
               GError             **error)
{
  if (outcome == MP_RENDEZVOUS_MET)
    return TRUE;

  if (error != NULL && *error != NULL)    /* that of the action */
    return FALSE;

  g_set_error_literal (error, MP_ERROR, MP_ERROR_BROKEN,
                       "The barrier is broken: a party died, gave up or aborted it, or its action failed");
  return FALSE;
}

static void
ring (MpBarrier          *self,
      MpRendezvousLayout *layout)
{
  mp_bell_ring (self->shared.table, &layout->bell);
}

static gboolean
run_action (MpBarrier  *self,
            GError    **error)
{
  g_autoptr (GError) failure = NULL;

  if (self->action (self, self->action_data, &failure))
    return TRUE;

  if (failure == NULL)    /* it did not say why */
    g_set_error_literal (&failure, MP_ERROR, MP_ERROR_BROKEN, "The barrier is broken: its action failed");
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* For the party with the last index.  The others wait meanwhile: they may give up, or die. */
static MpRendezvousResult
complete (MpBarrier           *self,
          MpRendezvousLayout  *layout,
          const MpArrival     *arrival,
          GError             **error)
{
  MpTable *table = self->shared.table;
  MpRendezvousResult result = mp_rendezvous_look (table, layout, arrival);

  if (result == MP_RENDEZVOUS_TIMED_OUT && self->action != NULL)
    result = run_action (self, error) ? mp_rendezvous_look (table, layout, arrival) : MP_RENDEZVOUS_BROKEN;

  if (result == MP_RENDEZVOUS_TIMED_OUT)
    result = mp_rendezvous_complete (layout, arrival);
  else
    mp_rendezvous_give_up (layout, arrival);

  ring (self, layout);
  return result;
}

/* Comes, and if it is the last one lets all go on. */
static MpRendezvousResult
arrive (MpBarrier           *self,
        MpRendezvousLayout  *layout,
        guint32              me,
        MpArrival           *arrival,
        gboolean            *is_over,
        GError             **error)
{
  MpRendezvousResult result = mp_rendezvous_arrive (self->shared.table, layout, self->parties, me, arrival);

  *is_over = result == MP_RENDEZVOUS_BROKEN;
  if (result == MP_RENDEZVOUS_MET && mp_rendezvous_is_last (arrival))
    {
      *is_over = TRUE;
      result = complete (self, layout, arrival, error);
    }

  return result;
}

static gboolean
has_place (const MpArrival *arrival)
{
  return arrival->index < arrival->n_parties;
}

/* A place in a round that is full is had when that round is over. */
static MpRendezvousResult
meet (MpBarrier           *self,
      MpRendezvousLayout  *layout,
      guint32              me,
      MpWait               wait,
      MpArrival           *arrival,
      GError             **error)
{
  for (;;)
    {
      MpRendezvousResult outcome;
      gboolean is_over = FALSE;

      if (!has_place (arrival))
        outcome = arrive (self, layout, me, arrival, &is_over, error);
      if (!is_over)
        outcome = mp_rendezvous_await (self->shared.table, layout, arrival, wait);
      if (is_over || has_place (arrival) || outcome != MP_RENDEZVOUS_MET)
        return outcome;
    }
}

/**
 * mp_barrier_new:
 * @parties: how many must come, 1 to 8000
 *
 * Makes a barrier. For another number waiting fails with %MP_ERROR_INVALID_STATE or
 * %MP_ERROR_TOO_BIG.
 *
 * Returns: (transfer full): the barrier
 *
 * Since: 1.0
 */
MpBarrier *
mp_barrier_new (guint parties)
{
  return g_object_new (MP_TYPE_BARRIER, "parties", parties, NULL);
}

/**
 * mp_barrier_set_action:
 * @self: a barrier
 * @action: (nullable) (scope notified) (closure user_data) (destroy notify): what is
 *   done when all have come, or %NULL
 * @user_data: data for @action
 * @notify: (nullable): called when @action is not needed any more
 *
 * Has something done once in each round, when all have come and before any goes on.
 *
 * The last one to come does it, in its [method@Mp.Barrier.wait], or in the main context
 * of its [method@Mp.Barrier.wait_async]. If it fails, the barrier breaks, and that call
 * fails with the error of @action, or with %MP_ERROR_BROKEN if it set none. The times of
 * the others run meanwhile.
 *
 * The action is not shared: each process sets its own, since any can be the last. It
 * has to be set before anybody waits with this object.
 *
 * Since: 1.0
 */
void
mp_barrier_set_action (MpBarrier       *self,
                       MpBarrierAction  action,
                       gpointer         user_data,
                       GDestroyNotify   notify)
{
  g_return_if_fail (MP_IS_BARRIER (self));

  if (self->action_notify != NULL)
    self->action_notify (self->action_data);

  self->action = action;
  self->action_data = user_data;
  self->action_notify = notify;
}

/**
 * mp_barrier_wait:
 * @self: a barrier
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @error: return location for an error
 *
 * Waits until all parties have come.
 *
 * It blocks the calling thread and iterates no main context. Fails with
 * %MP_ERROR_BROKEN; with %MP_ERROR_TIMED_OUT and %G_IO_ERROR_CANCELLED, which break the
 * barrier for the others; and with %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]), which does not: the party has come, the others may
 * go on, and the thread's next wait is about the same round. If there is to be none,
 * call [method@Mp.Barrier.abort]. Dropping the object breaks the barrier then, if the
 * round is not over.
 *
 * Returns: which of the parties this was, from 0 on, another number for each; -1 on
 *   failure
 *
 * Since: 1.0
 */
int
mp_barrier_wait (MpBarrier     *self,
                 gdouble        timeout,
                 GCancellable  *cancellable,
                 GError       **error)
{
  MpRendezvousResult outcome = MP_RENDEZVOUS_TIMED_OUT;
  MpRendezvousLayout *layout;
  MpBlockingWait wait;
  MpArrival arrival;
  g_autoptr (GError) failure = NULL;
  gboolean is_interrupted = FALSE;
  guint32 me;

  g_return_val_if_fail (MP_IS_BARRIER (self), -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  layout = get_layout (self, &me, error);
  if (layout == NULL)
    return -1;

  arrival = (MpArrival) { .n_parties = self->parties, .index = self->parties };
  mp_interrupted_take (&self->interrupted, me, &arrival.round, &arrival.index);
  if (mp_blocking_wait_begin (&wait, timeout, cancellable, &failure))
    {
      outcome = meet (self, layout, me, wait.wait, &arrival, error);
      mp_blocking_wait_end (&wait);
      if (outcome == MP_RENDEZVOUS_TIMED_OUT)
        is_interrupted = mp_blocking_wait_fail (&wait, WHAT, &failure);
    }

  if (is_interrupted && has_place (&arrival))
    mp_interrupted_keep (&self->interrupted, me, arrival.round, arrival.index);
  else if (outcome == MP_RENDEZVOUS_TIMED_OUT && !is_interrupted)
    {
      outcome = mp_rendezvous_give_up (layout, &arrival);
      ring (self, layout);
    }

  if (outcome == MP_RENDEZVOUS_TIMED_OUT)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return -1;
    }

  return check_outcome (outcome, error) ? (int) arrival.index : -1;
}

/* --- Waiting in a main loop ----------------------------------------------- */

typedef struct
{
  MpArrival arrival;
  gboolean  has_place;
} Wait;

static gboolean
look (gpointer   object,
      gpointer   data,
      GError   **error)
{
  MpBarrier *self = object;
  Wait *wait = data;
  MpRendezvousResult outcome;
  MpRendezvousLayout *layout;
  guint32 me;

  layout = get_layout (self, &me, error);
  if (layout == NULL)
    return TRUE;

  if (!wait->has_place)
    {
      gboolean is_over;

      outcome = arrive (self, layout, me, &wait->arrival, &is_over, error);
      wait->has_place = outcome == MP_RENDEZVOUS_MET;
      if (is_over)
        {
          check_outcome (outcome, error);
          return TRUE;
        }
    }

  outcome = mp_rendezvous_look (self->shared.table, layout, &wait->arrival);
  if (outcome == MP_RENDEZVOUS_TIMED_OUT)
    return FALSE;

  /* A round that it had no place in is over: the next one has. */
  if (!wait->has_place && outcome == MP_RENDEZVOUS_MET)
    return look (object, data, error);

  check_outcome (outcome, error);
  return TRUE;
}

static gboolean
give_up (gpointer object,
         gpointer data)
{
  MpBarrier *self = object;
  Wait *wait = data;
  MpRendezvousResult outcome = mp_rendezvous_give_up (self->shared.hold.data, &wait->arrival);

  ring (self, self->shared.hold.data);
  return outcome == MP_RENDEZVOUS_MET;
}

/**
 * mp_barrier_wait_async:
 * @self: a barrier
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @callback: (scope async): called when the wait is over
 * @user_data: data for @callback
 *
 * Waits until all parties have come, without blocking. If they have, it succeeds also
 * where the time is over by then, or @cancellable was cancelled.
 *
 * The party comes when the caller's thread-default main context runs; @callback is
 * called there, never before this call returned. An idle wait costs nothing.
 *
 * Since: 1.0
 */
void
mp_barrier_wait_async (MpBarrier           *self,
                       gdouble              timeout,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  MpRendezvousLayout *layout;
  GError *error = NULL;
  GTask *task;
  guint32 me;
  Wait *wait;

  g_return_if_fail (MP_IS_BARRIER (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_barrier_wait_async);
  wait = g_new0 (Wait, 1);
  g_task_set_task_data (task, wait, g_free);

  layout = get_layout (self, &me, &error);
  if (layout == NULL)
    mp_outbox_return_error (task, error);
  else
    mp_async_wait_start (task, self->shared.table, &layout->bell, WHAT, timeout, look, give_up, wait, NULL);
}

/**
 * mp_barrier_wait_finish:
 * @self: a barrier
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Mp.Barrier.wait_async], and fails as [method@Mp.Barrier.wait] does.
 *
 * Returns: which of the parties this was, from 0 on; -1 on failure
 *
 * Since: 1.0
 */
int
mp_barrier_wait_finish (MpBarrier     *self,
                        GAsyncResult  *result,
                        GError       **error)
{
  Wait *wait;

  g_return_val_if_fail (g_task_is_valid (result, self), -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  wait = g_task_get_task_data (G_TASK (result));
  return g_task_propagate_boolean (G_TASK (result), error) ? (int) wait->arrival.index : -1;
}

/* --- Breaking and mending ------------------------------------------------- */

/**
 * mp_barrier_reset:
 * @self: a barrier
 * @error: return location for an error
 *
 * Makes the barrier as new. Parties that wait fail with %MP_ERROR_BROKEN.
 *
 * Fails only where there was no memory for the barrier.
 *
 * Returns: whether it was reset
 *
 * Since: 1.0
 */
gboolean
mp_barrier_reset (MpBarrier  *self,
                  GError    **error)
{
  MpRendezvousLayout *layout;
  guint32 me;

  g_return_val_if_fail (MP_IS_BARRIER (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  layout = get_layout (self, &me, error);
  if (layout == NULL)
    return FALSE;

  mp_rendezvous_reset (layout);
  ring (self, layout);
  return TRUE;
}

/**
 * mp_barrier_abort:
 * @self: a barrier
 * @error: return location for an error
 *
 * Breaks the barrier: all that wait fail with %MP_ERROR_BROKEN, and those that come,
 * until [method@Mp.Barrier.reset].
 *
 * Fails only where there was no memory for the barrier.
 *
 * Returns: whether it is broken
 *
 * Since: 1.0
 */
gboolean
mp_barrier_abort (MpBarrier  *self,
                  GError    **error)
{
  MpRendezvousLayout *layout;
  guint32 me;

  g_return_val_if_fail (MP_IS_BARRIER (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  layout = get_layout (self, &me, error);
  if (layout == NULL)
    return FALSE;

  mp_rendezvous_abort (layout);
  ring (self, layout);
  return TRUE;
}

/**
 * mp_barrier_is_broken:
 * @self: a barrier
 *
 * Gets [property@Mp.Barrier:broken].
 *
 * Returns: whether waiting fails
 *
 * Since: 1.0
 */
gboolean
mp_barrier_is_broken (MpBarrier *self)
{
  MpRendezvousLayout *layout;
  guint32 me;

  g_return_val_if_fail (MP_IS_BARRIER (self), FALSE);

  layout = get_layout (self, &me, NULL);
  return layout != NULL && mp_rendezvous_is_broken (layout);
}

/**
 * mp_barrier_get_parties:
 * @self: a barrier
 *
 * Gets [property@Mp.Barrier:parties].
 *
 * Returns: how many must come
 *
 * Since: 1.0
 */
guint
mp_barrier_get_parties (MpBarrier *self)
{
  g_return_val_if_fail (MP_IS_BARRIER (self), 0);

  return self->parties;
}

/**
 * mp_barrier_get_n_waiting:
 * @self: a barrier
 *
 * Gets [property@Mp.Barrier:n-waiting].
 *
 * Returns: how many have come in this round
 *
 * Since: 1.0
 */
guint
mp_barrier_get_n_waiting (MpBarrier *self)
{
  MpRendezvousLayout *layout;
  guint32 me;

  g_return_val_if_fail (MP_IS_BARRIER (self), 0);

  layout = get_layout (self, &me, NULL);
  return layout != NULL ? mp_rendezvous_n_waiting (self->shared.table, layout, self->parties) : 0;
}
