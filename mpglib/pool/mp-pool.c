/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-clock-private.h"
#include "mp-courtesy-private.h"
#include "mp-enums.h"
#include "mp-init.h"
#include "mp-pool-private.h"
#include "mp-pool-result-private.h"
#include "mp-pool-worker-private.h"

/**
 * MpPool:
 *
 * Worker processes that run functions, several at a time.
 *
 * A function is named by its *target*: `square` is what the program registered
 * with [func@Mp.register_target], `./libwork.so#square` a function of a module,
 * `python:package.module:function` and `gjs:file:///path/work.js#square` are of
 * other languages. Which language the workers run is a matter of the pool's
 * [property@Mp.Pool:context].
 *
 * ```c
 * g_autoptr (MpPool) pool = mp_pool_new (0, NULL);
 * g_autoptr (GVariant) squares = mp_pool_map (pool, "square", g_variant_new_parsed ("[1, 2, 3]"), 0, -1, NULL, &error);
 * ```
 *
 * Arguments and results are GVariants, which all languages read, or messages of
 * any codec. Each task has exactly one end, and whoever waits for it learns which:
 * see [enum@Mp.TaskState]. A worker that dies takes with it the call that it was
 * running and nothing else, and is replaced.
 *
 * The workers are started when the first task comes. Closing the pool lets it
 * work off what it has; terminating it, which dropping the last reference does
 * too, kills the workers and cancels the rest. Neither waits:
 * [method@Mp.Pool.join] does.
 *
 * Methods may be called from any thread. Blocking ones do not run the thread's
 * main context. Signals and notifications come in the pool's
 * [property@Mp.Pool:main-context].
 *
 * Since: 1.0
 */

/* The object is a front: all that happens is the dispatcher's doing, which knows
 * the pool only as long as it is there.
 */
struct _MpPool
{
  GObject parent_instance;

  /* constant */
  MpDispatcher *dispatcher;
  MpContext *context;
  GMainContext *main_context;
  guint n_workers;
  guint max_tasks_per_worker;

  GListStore *workers; /* MpPoolWorker, from when it was asked for; changes in the main context */
  guint tidy_up_at;    /* number of tasks with news; guarded by the dispatcher's lock */
};

enum
{
  PROP_0,
  PROP_N_WORKERS,
  PROP_CONTEXT,
  PROP_MAX_TASKS_PER_WORKER,
  PROP_MAIN_CONTEXT,
  PROP_STATE,
  N_PROPS
};

enum
{
  TASK_FINISHED,
  WORKER_LOST,
  N_SIGNALS
};

#define TIDY_UP_MIN 64

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (MpPool, mp_pool, G_TYPE_OBJECT)

/* --- news ------------------------------------------------------------------------------------------------- */

static void
deliver_tasks_locked (MpDispatcher *dispatcher,
                      MpPool       *pool)
{
  GQueue *tasks = mp_dispatcher_peek_task_news_locked (dispatcher);
  MpPortion portion = mp_portion_begin ();
  guint n = g_queue_get_length (tasks);
  gboolean goes_on = n > 0;

  /* Those that come meanwhile have their turn in the next turn of the main loop */
  while (goes_on)
    {
      g_autoptr (MpTask) task = mp_task_ref (g_queue_peek_head (tasks));
      g_autoptr (MpPoolResult) ended = NULL;

      /* Before it is told: if that runs a loop of its own, the rest is told there */
      if (g_queue_get_length (tasks) > 1)
        mp_dispatcher_announce_rest_locked (dispatcher);
      mp_dispatcher_unlock (dispatcher);
      goes_on = mp_pool_result_deliver (dispatcher, task, &portion, &ended);
      if (ended != NULL && pool != NULL)
        g_signal_emit (pool, signals[TASK_FINISHED], 0, ended);
      g_clear_object (&ended);
      g_clear_pointer (&task, mp_task_unref);

      mp_dispatcher_lock (dispatcher);
      goes_on = goes_on && --n > 0 && !g_queue_is_empty (tasks) && mp_portion_goes_on (&portion);
    }
}

static void
deliver_lost_workers (MpPool *pool,
                      GQueue *workers)
{
  MpLostWorker *worker;

  while ((worker = g_queue_pop_head (workers)) != NULL)
    {
      if (pool != NULL)
        g_signal_emit (pool, signals[WORKER_LOST], 0, worker->pid, worker->exit_code, worker->message);
      mp_lost_worker_free (worker);
    }
}

static void
update_workers (MpPool *self)
{
  g_autoptr (GArray) workers = NULL;

  mp_dispatcher_lock (self->dispatcher);
  workers = mp_dispatcher_list_workers_locked (self->dispatcher);
  mp_dispatcher_unlock (self->dispatcher);

  mp_pool_worker_list_update (self->workers, workers);
}

/* In the main context. */
static void
deliver (gpointer data)
{
  MpDispatcher *dispatcher = data;
  g_autoptr (MpPool) pool = mp_dispatcher_ref_owner (dispatcher);
  gboolean state_is_new;
  MpNews news;

  mp_dispatcher_lock (dispatcher);
  news = mp_dispatcher_take_news_locked (dispatcher);
  mp_dispatcher_unlock (dispatcher);

  if (pool != NULL && pool->workers != NULL && news.workers_changed)
    update_workers (pool);
  deliver_lost_workers (pool, &news.lost);

  mp_dispatcher_lock (dispatcher);
  deliver_tasks_locked (dispatcher, pool);
  state_is_new = mp_dispatcher_take_state_news_locked (dispatcher);
  mp_dispatcher_unlock (dispatcher);

  if (pool != NULL && state_is_new)
    g_object_notify_by_pspec (G_OBJECT (pool), properties[PROP_STATE]);
}

/* Nobody has asked it to tell, nor can: only its task holds it. */
static gboolean
is_forgotten (MpTask *task)
{
  GObject *result = task->result;

  return g_atomic_int_get (&result->ref_count) == 1 && !mp_pool_result_is_watched (MP_POOL_RESULT (result));
}

/* Nobody has asked it to tell, and the pool it is of is gone. */
static gboolean
is_unwatched (MpTask *task)
{
  return !mp_pool_result_is_watched (MP_POOL_RESULT (task->result));
}

static GPtrArray *
take_results_locked (MpDispatcher *dispatcher,
                     gboolean    (*condition) (MpTask *task))
{
  GPtrArray *results = g_ptr_array_new_with_free_func (g_object_unref);
  GList *next;

  for (GList *l = mp_dispatcher_peek_task_news_locked (dispatcher)->head; l != NULL; l = next)
    {
      MpTask *task = l->data;

      next = l->next;
      if (mp_task_has_ended (task) && condition (task))
        {
          g_ptr_array_add (results, g_steal_pointer (&task->result));
          mp_dispatcher_take_task_news_locked (dispatcher, task);
        }
    }

  return results;
}

/*< private >
 * mp_pool_tidy_up:
 *
 * Lets go of results that wait to be told of, but to nobody: a program that
 * never runs its main context would pile them up.  Now and then, when there are
 * twice as many as the last time.
 */
void
mp_pool_tidy_up (MpPool *self)
{
  g_autoptr (GPtrArray) forgotten = NULL;
  GQueue *tasks;
  guint n_left;

  mp_dispatcher_lock (self->dispatcher);
  tasks = mp_dispatcher_peek_task_news_locked (self->dispatcher);
  if (g_queue_get_length (tasks) >= self->tidy_up_at)
    {
      forgotten = take_results_locked (self->dispatcher, is_forgotten);
      n_left = g_queue_get_length (tasks);
      self->tidy_up_at = MAX (TIDY_UP_MIN, 2 * n_left);
    }
  mp_dispatcher_unlock (self->dispatcher);
}

/*< private >
 * mp_pool_wants_results:
 *
 * Returns: whether somebody listens to #MpPool::task-finished, so that calls need
 *   a result that nobody holds
 */
gboolean
mp_pool_wants_results (MpPool *self)
{
  return g_signal_has_handler_pending (self, signals[TASK_FINISHED], 0, TRUE);
}

MpDispatcher *
mp_pool_get_dispatcher (MpPool *self)
{
  return self->dispatcher;
}

/* --- the object ------------------------------------------------------------------------------------------- */

static void
mp_pool_constructed (GObject *object)
{
  MpPool *self = MP_POOL (object);
  g_autoptr (MpOutbox) outbox = mp_outbox_get (self->main_context);

  G_OBJECT_CLASS (mp_pool_parent_class)->constructed (object);

  if (self->context == NULL)
    self->context = g_object_ref (mp_context_get_default ());
  if (self->n_workers == 0)
    self->n_workers = mp_get_cpu_count ();

  self->tidy_up_at = TIDY_UP_MIN;
  self->dispatcher = mp_dispatcher_new (self->context, self->n_workers, self->max_tasks_per_worker, outbox, deliver);
  mp_dispatcher_lock (self->dispatcher);
  mp_dispatcher_set_owner_locked (self->dispatcher, self);
  mp_dispatcher_unlock (self->dispatcher);
}

/* Never waits: workers are killed, and reaped by the engine. */
static void
mp_pool_dispose (GObject *object)
{
  MpPool *self = MP_POOL (object);
  g_autoptr (GPtrArray) unwatched = NULL;

  if (mp_dispatcher_check_origin (self->dispatcher, NULL))
    {
      mp_dispatcher_lock (self->dispatcher);
      mp_dispatcher_abandon_locked (self->dispatcher);
      unwatched = take_results_locked (self->dispatcher, is_unwatched);
      mp_dispatcher_hush_locked (self->dispatcher);
      mp_dispatcher_unlock (self->dispatcher);
    }

  G_OBJECT_CLASS (mp_pool_parent_class)->dispose (object);
}

static void
mp_pool_finalize (GObject *object)
{
  MpPool *self = MP_POOL (object);

  /* What belongs to another process is left alone */
  if (mp_dispatcher_check_origin (self->dispatcher, NULL))
    mp_dispatcher_unref (self->dispatcher);
  g_clear_object (&self->workers);
  g_clear_object (&self->context);
  g_clear_pointer (&self->main_context, g_main_context_unref);

  G_OBJECT_CLASS (mp_pool_parent_class)->finalize (object);
}

static void
mp_pool_get_property (GObject    *object,
                      guint       prop_id,
                      GValue     *value,
                      GParamSpec *pspec)
{
  MpPool *self = MP_POOL (object);

  switch (prop_id)
    {
    case PROP_N_WORKERS:
      g_value_set_uint (value, self->n_workers);
      break;

    case PROP_CONTEXT:
      g_value_set_object (value, self->context);
      break;

    case PROP_MAX_TASKS_PER_WORKER:
      g_value_set_uint (value, self->max_tasks_per_worker);
      break;

    case PROP_MAIN_CONTEXT:
      g_value_set_boxed (value, mp_outbox_get_context (mp_dispatcher_get_outbox (self->dispatcher)));
      break;

    case PROP_STATE:
      g_value_set_enum (value, mp_pool_get_state (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_pool_set_property (GObject      *object,
                      guint         prop_id,
                      const GValue *value,
                      GParamSpec   *pspec)
{
  MpPool *self = MP_POOL (object);

  switch (prop_id)
    {
    case PROP_N_WORKERS:
      self->n_workers = g_value_get_uint (value);
      break;

    case PROP_CONTEXT:
      self->context = g_value_dup_object (value);
      break;

    case PROP_MAX_TASKS_PER_WORKER:
      self->max_tasks_per_worker = g_value_get_uint (value);
      break;

    case PROP_MAIN_CONTEXT:
      self->main_context = g_value_dup_boxed (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_pool_class_init (MpPoolClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_pool_constructed;
  object_class->dispose = mp_pool_dispose;
  object_class->finalize = mp_pool_finalize;
  object_class->get_property = mp_pool_get_property;
  object_class->set_property = mp_pool_set_property;

  /**
   * MpPool:n-workers:
   *
   * How many workers there are. 0 stands for as many as the processors that this
   * process may use, see [func@Mp.get_cpu_count].
   *
   * Since: 1.0
   */
  properties[PROP_N_WORKERS] =
    g_param_spec_uint ("n-workers", NULL, NULL,
                       0, 65536, 0,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpPool:context:
   *
   * What workers are and how they are started; %NULL stands for
   * [func@Mp.Context.get_default].
   *
   * Since: 1.0
   */
  properties[PROP_CONTEXT] =
    g_param_spec_object ("context", NULL, NULL,
                         MP_TYPE_CONTEXT,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpPool:max-tasks-per-worker:
   *
   * After how many calls, or chunks of a map, a worker ends and is replaced by a
   * fresh one; 0 for never.
   *
   * Since: 1.0
   */
  properties[PROP_MAX_TASKS_PER_WORKER] =
    g_param_spec_uint ("max-tasks-per-worker", NULL, NULL,
                       0, G_MAXUINT, 0,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpPool:main-context:
   *
   * The main context in which the signals of the pool and its results are
   * emitted; %NULL stands for the thread-default one of who makes the pool.
   *
   * Since: 1.0
   */
  properties[PROP_MAIN_CONTEXT] =
    g_param_spec_boxed ("main-context", NULL, NULL,
                        G_TYPE_MAIN_CONTEXT,
                        G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpPool:state:
   *
   * Where the pool is in its life.
   *
   * Since: 1.0
   */
  properties[PROP_STATE] =
    g_param_spec_enum ("state", NULL, NULL,
                       MP_TYPE_POOL_STATE, MP_POOL_STATE_RUNNING,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);

  /**
   * MpPool::task-finished:
   * @self: the pool
   * @result: its result
   *
   * A task has ended, well or not; follows [signal@Mp.PoolResult::finished].
   * Iterated maps are not told of.
   *
   * Since: 1.0
   */
  signals[TASK_FINISHED] =
    g_signal_new ("task-finished", G_TYPE_FROM_CLASS (klass),
                  G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, MP_TYPE_POOL_RESULT);

  /**
   * MpPool::worker-lost:
   * @self: the pool
   * @pid: the worker's process id; 0 if there never was a process
   * @exit_code: its exit code, -N if signal N killed it, or the fork server before it was made,
   *   %MP_EXIT_CODE_UNKNOWN if that is not known
   * @message: how it ended, or why it never was ready, for people
   *
   * A worker ended that was not told to, or could not be made. The call that it
   * was running, if any, has failed; the worker is replaced.
   *
   * Since: 1.0
   */
  signals[WORKER_LOST] =
    g_signal_new ("worker-lost", G_TYPE_FROM_CLASS (klass),
                  G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 3, G_TYPE_INT, G_TYPE_INT, G_TYPE_STRING);
}

static void
mp_pool_init (MpPool *self)
{
}

/**
 * mp_pool_new:
 * @n_workers: how many workers; 0 for as many as processors may be used
 * @context: (nullable): what they are and how they are started; %NULL is the default context
 *
 * Makes a pool. Its workers are started when it gets its first task.
 *
 * Returns: (transfer full): the pool
 *
 * Since: 1.0
 */
MpPool *
mp_pool_new (guint      n_workers,
             MpContext *context)
{
  g_return_val_if_fail (context == NULL || MP_IS_CONTEXT (context), NULL);

  return g_object_new (MP_TYPE_POOL,
                       "n-workers", n_workers,
                       "context", context,
                       NULL);
}

/**
 * mp_pool_get_n_workers:
 * @self: a pool
 *
 * Gets [property@Mp.Pool:n-workers].
 *
 * Returns: the number of workers
 *
 * Since: 1.0
 */
guint
mp_pool_get_n_workers (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), 0);

  return self->n_workers;
}

/**
 * mp_pool_get_context:
 * @self: a pool
 *
 * Gets [property@Mp.Pool:context].
 *
 * Returns: (transfer none): the context
 *
 * Since: 1.0
 */
MpContext *
mp_pool_get_context (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), NULL);

  return self->context;
}

/**
 * mp_pool_get_max_tasks_per_worker:
 * @self: a pool
 *
 * Gets [property@Mp.Pool:max-tasks-per-worker].
 *
 * Returns: the number of calls and chunks, or 0
 *
 * Since: 1.0
 */
guint
mp_pool_get_max_tasks_per_worker (MpPool *self)
{
  g_return_val_if_fail (MP_IS_POOL (self), 0);

  return self->max_tasks_per_worker;
}

/**
 * mp_pool_get_state:
 * @self: a pool
 *
 * Gets [property@Mp.Pool:state]. In a process forked from the one that made the
 * pool it is %MP_POOL_STATE_ENDED.
 *
 * Returns: the state
 *
 * Since: 1.0
 */
MpPoolState
mp_pool_get_state (MpPool *self)
{
  MpPoolState state;

  g_return_val_if_fail (MP_IS_POOL (self), MP_POOL_STATE_ENDED);

  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return MP_POOL_STATE_ENDED;

  mp_dispatcher_lock (self->dispatcher);
  state = mp_dispatcher_get_state_locked (self->dispatcher);
  mp_dispatcher_unlock (self->dispatcher);
  return state;
}

/**
 * mp_pool_get_workers:
 * @self: a pool
 *
 * Gets the workers, a list of [class@Mp.PoolWorker].
 *
 * The list is the same object each time, and changes in the pool's
 * [property@Mp.Pool:main-context]; call this there. It is up to date when this
 * returns, unless another thread runs the main context.
 *
 * Returns: (transfer none): the list
 *
 * Since: 1.0
 */
GListModel *
mp_pool_get_workers (MpPool *self)
{
  GMainContext *context;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);

  if (self->workers == NULL)
    self->workers = g_list_store_new (MP_TYPE_POOL_WORKER);

  context = mp_outbox_get_context (mp_dispatcher_get_outbox (self->dispatcher));
  if (mp_dispatcher_check_origin (self->dispatcher, NULL) && g_main_context_acquire (context))
    {
      update_workers (self);
      g_main_context_release (context);
    }

  return G_LIST_MODEL (self->workers);
}

/* --- the end ---------------------------------------------------------------------------------------------- */

/**
 * mp_pool_close:
 * @self: a pool
 *
 * Has the pool take no more tasks, do those it has, and then end its workers in
 * order. Maps whose items are pushed get no more of them. Does not wait:
 * [method@Mp.Pool.join] does.
 *
 * A worker that does not end within 5 seconds of being told to is killed.
 *
 * Since: 1.0
 */
void
mp_pool_close (MpPool *self)
{
  g_return_if_fail (MP_IS_POOL (self));

  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return;

  mp_dispatcher_lock (self->dispatcher);
  mp_dispatcher_close_locked (self->dispatcher);
  mp_dispatcher_unlock (self->dispatcher);
}

/**
 * mp_pool_terminate:
 * @self: a pool
 *
 * Cancels all tasks, those that run as well, and kills the workers. Does not wait:
 * [method@Mp.Pool.join] does.
 *
 * Since: 1.0
 */
void
mp_pool_terminate (MpPool *self)
{
  g_return_if_fail (MP_IS_POOL (self));

  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return;

  mp_dispatcher_lock (self->dispatcher);
  mp_dispatcher_terminate_locked (self->dispatcher);
  mp_dispatcher_unlock (self->dispatcher);
}

/**
 * mp_pool_join:
 * @self: a pool that was closed or terminated
 * @timeout: seconds to wait; 0 only looks, negative waits for ever
 * @cancellable: (nullable): ends the wait
 * @error: return location for an error
 *
 * Waits until all workers are gone, blocking the calling thread. The thread's
 * main context is not run meanwhile.
 *
 * Fails with %MP_ERROR_INVALID_STATE when the pool still takes tasks, with
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED, %G_IO_ERROR_CANCELLED and, in a
 * process forked from the one that made the pool, %MP_ERROR_FORKED.
 *
 * Returns: %TRUE when all workers are gone
 *
 * Since: 1.0
 */
gboolean
mp_pool_join (MpPool        *self,
              gdouble        timeout,
              GCancellable  *cancellable,
              GError       **error)
{
  gboolean ok;

  g_return_val_if_fail (MP_IS_POOL (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!mp_dispatcher_check_origin (self->dispatcher, error))
    return FALSE;

  mp_dispatcher_lock (self->dispatcher);
  ok = mp_dispatcher_join_locked (self->dispatcher, mp_deadline_from_timeout (timeout), cancellable, error);
  mp_dispatcher_unlock (self->dispatcher);
  return ok;
}

/**
 * mp_pool_join_async:
 * @self: a pool that was closed or terminated
 * @timeout: seconds to wait; 0 only looks, negative waits for ever
 * @cancellable: (nullable): ends the wait
 * @callback: (scope async): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Waits until all workers are gone: see [method@Mp.Pool.join].
 *
 * Since: 1.0
 */
void
mp_pool_join_async (MpPool              *self,
                    gdouble              timeout,
                    GCancellable        *cancellable,
                    GAsyncReadyCallback  callback,
                    gpointer             user_data)
{
  GError *error = NULL;
  GTask *task;

  g_return_if_fail (MP_IS_POOL (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_pool_join_async);
  if (!mp_dispatcher_check_origin (self->dispatcher, &error))
    {
      mp_outbox_return_error (task, error);
      return;
    }

  mp_dispatcher_lock (self->dispatcher);
  mp_dispatcher_join_async_locked (self->dispatcher, task, mp_deadline_from_timeout (timeout));
  mp_dispatcher_unlock (self->dispatcher);
}

/**
 * mp_pool_join_finish:
 * @self: a pool
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends what [method@Mp.Pool.join_async] began.
 *
 * Returns: %TRUE when all workers are gone; errors are those of [method@Mp.Pool.join]
 *
 * Since: 1.0
 */
gboolean
mp_pool_join_finish (MpPool        *self,
                     GAsyncResult  *result,
                     GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, mp_pool_join_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mp_pool_to_string:
 * @self: a pool
 *
 * Describes the pool for people. The form may change.
 *
 * Returns: (transfer full): the description
 *
 * Since: 1.0
 */
char *
mp_pool_to_string (MpPool *self)
{
  g_autoptr (GEnumClass) states = g_type_class_ref (MP_TYPE_POOL_STATE);

  g_return_val_if_fail (MP_IS_POOL (self), NULL);

  return g_strdup_printf ("<Mp.Pool state=%s workers=%u>",
                          g_enum_get_value (states, (int) mp_pool_get_state (self))->value_nick, self->n_workers);
}
