/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-enums.h"
#include "mp-pool-result-base-private.h"

/**
 * MpPoolResult:
 *
 * What becomes of a task that was given to a pool: of a single call, or of a
 * map with all its items.
 *
 * It can be waited for, blocking or not, and it tells by signals how the task
 * goes on. The signals are emitted in the pool's
 * [property@Mp.Pool:main-context]. The pool keeps the object alive until it has
 * told of the task's end, so handlers may be connected and the object forgotten:
 *
 * ```c
 * g_autoptr (MpPoolResult) result = mp_pool_submit (pool, "thumbnail", g_variant_new ("(s)", path), NULL);
 *
 * g_signal_connect (result, "finished", G_CALLBACK (on_thumbnail), window);
 * ```
 *
 * Methods may be called from any thread. What they return is the present state;
 * signals and notifications follow, in order, each change at most once, several
 * changes since the last turn of the main loop together.
 *
 * A result tells nothing any more that ended while nobody listened to it, if it
 * was waited for by [method@Mp.PoolResult.get] or [method@Mp.PoolResult.wait], or
 * if its pool was dropped.
 *
 * One that was made by g_object_new(), and not by a pool, fails with %MP_ERROR_INVALID_STATE.
 *
 * Since: 1.0
 */

enum
{
  PROP_0,
  PROP_NAME,
  PROP_STATE,
  PROP_FRACTION,
  PROP_TEXT,
  PROP_N_ITEMS,
  PROP_N_FINISHED,
  PROP_MAIN_CONTEXT,
  N_PROPS
};

enum
{
  FINISHED,
  PROGRESS_CHANGED,
  ITEM_FINISHED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (MpPoolResult, mp_pool_result, G_TYPE_OBJECT)

static void
mp_pool_result_finalize (GObject *object)
{
  MpPoolResult *self = MP_POOL_RESULT (object);

  g_clear_pointer (&self->task, mp_task_unref);
  g_clear_pointer (&self->dispatcher, mp_dispatcher_unref);

  G_OBJECT_CLASS (mp_pool_result_parent_class)->finalize (object);
}

static void
mp_pool_result_get_property (GObject    *object,
                             guint       prop_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  MpPoolResult *self = MP_POOL_RESULT (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, mp_pool_result_get_name (self));
      break;

    case PROP_STATE:
      g_value_set_enum (value, mp_pool_result_get_state (self));
      break;

    case PROP_FRACTION:
      g_value_set_double (value, mp_pool_result_get_fraction (self));
      break;

    case PROP_TEXT:
      g_value_take_string (value, mp_pool_result_get_text (self));
      break;

    case PROP_N_ITEMS:
      g_value_set_uint (value, mp_pool_result_get_n_items (self));
      break;

    case PROP_N_FINISHED:
      g_value_set_uint (value, mp_pool_result_get_n_finished (self));
      break;

    case PROP_MAIN_CONTEXT:
      if (self->dispatcher != NULL)
        g_value_set_boxed (value, mp_outbox_get_context (mp_dispatcher_get_outbox (self->dispatcher)));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_pool_result_class_init (MpPoolResultClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = mp_pool_result_finalize;
  object_class->get_property = mp_pool_result_get_property;

  /**
   * MpPoolResult:name:
   *
   * What people know the task by, as [property@Mp.TaskOptions:name] gave it.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL,
                         NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpPoolResult:state:
   *
   * Where the task is. A map is running from its first item on; it has failed as
   * its first item (by index) did that failed, and is cancelled if an item of it
   * was cancelled.
   *
   * Whether what a worker sent is a value at all is found out by who asks for it
   * first, in that thread, since it takes as long as reading it does. So
   * %MP_TASK_STATE_DONE says that the function returned; it becomes
   * %MP_TASK_STATE_FAILED, with a notification of its own, if what came of that
   * turns out to be damaged.
   *
   * Since: 1.0
   */
  properties[PROP_STATE] =
    g_param_spec_enum ("state", NULL, NULL,
                       MP_TYPE_TASK_STATE, MP_TASK_STATE_PENDING,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpPoolResult:fraction:
   *
   * How much of the task is done, from 0 to 1: what the task reports with
   * [func@Mp.progress_report], and of a map the items that have ended.
   *
   * Since: 1.0
   */
  properties[PROP_FRACTION] =
    g_param_spec_double ("fraction", NULL, NULL,
                         0, 1, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpPoolResult:text:
   *
   * What the task said last with [func@Mp.progress_report]. It and
   * [property@Mp.PoolResult:fraction] have the names of the properties of a
   * GtkProgressBar.
   *
   * Since: 1.0
   */
  properties[PROP_TEXT] =
    g_param_spec_string ("text", NULL, NULL,
                         NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpPoolResult:n-items:
   *
   * The number of calls: of a map its items, otherwise 1.
   *
   * Since: 1.0
   */
  properties[PROP_N_ITEMS] =
    g_param_spec_uint ("n-items", NULL, NULL,
                       0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpPoolResult:n-finished:
   *
   * The number of calls that have ended, well or not.
   *
   * Since: 1.0
   */
  properties[PROP_N_FINISHED] =
    g_param_spec_uint ("n-finished", NULL, NULL,
                       0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpPoolResult:main-context:
   *
   * The main context in which signals are emitted: the pool's.
   *
   * Since: 1.0
   */
  properties[PROP_MAIN_CONTEXT] =
    g_param_spec_boxed ("main-context", NULL, NULL,
                        G_TYPE_MAIN_CONTEXT,
                        G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);

  /**
   * MpPoolResult::finished:
   * @self: the result
   *
   * The task has ended, well or not. Emitted once, last of all signals, but for
   * what [property@Mp.PoolResult:state] says of damaged results.
   *
   * Since: 1.0
   */
  signals[FINISHED] =
    g_signal_new ("finished", G_TYPE_FROM_CLASS (klass),
                  G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 0);

  /**
   * MpPoolResult::progress-changed:
   * @self: the result
   * @fraction: [property@Mp.PoolResult:fraction]
   * @text: (nullable): [property@Mp.PoolResult:text]
   *
   * The task has come further. Only the latest state is told.
   *
   * Since: 1.0
   */
  signals[PROGRESS_CHANGED] =
    g_signal_new ("progress-changed", G_TYPE_FROM_CLASS (klass),
                  G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 2, G_TYPE_DOUBLE, G_TYPE_STRING);

  /**
   * MpPoolResult::item-finished:
   * @self: the result of a map
   * @index: which item
   *
   * An item of a map has ended, well or not. Emitted for each, in the order in
   * which they ended; [method@Mp.PoolResult.get_item] has its result.
   *
   * Since: 1.0
   */
  signals[ITEM_FINISHED] =
    g_signal_new ("item-finished", G_TYPE_FROM_CLASS (klass),
                  G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_UINT);
}

static void
mp_pool_result_init (MpPoolResult *self)
{
}

/*< private >
 * mp_pool_result_new:
 * @task: a task that is about to be submitted
 *
 * Makes what its user holds of @task.
 */
MpPoolResult *
mp_pool_result_new (MpDispatcher *dispatcher,
                    MpTask       *task)
{
  MpPoolResult *self = g_object_new (MP_TYPE_POOL_RESULT, NULL);

  self->dispatcher = mp_dispatcher_ref (dispatcher);
  self->task = mp_task_ref (task);
  task->result = g_object_ref (self);
  return self;
}

/* --- telling ---------------------------------------------------------------------------------------------- */

/*< private >
 * mp_pool_result_is_watched:
 *
 * Returns: whether anybody listens to any signal
 */
gboolean
mp_pool_result_is_watched (MpPoolResult *self)
{
  guint notify_id = g_signal_lookup ("notify", G_TYPE_OBJECT);

  for (guint i = 0; i < N_SIGNALS; i++)
    {
      if (g_signal_has_handler_pending (self, signals[i], 0, TRUE))
        return TRUE;
    }

  /* "notify" always has GObject's own handler */
  return g_signal_handler_find (self, G_SIGNAL_MATCH_ID, notify_id, 0, NULL, NULL, NULL) != 0;
}

/* What is told of a task together, after its items. */
typedef struct
{
  gboolean state_is_new;
  gboolean progress_is_new;
  gboolean has_ended; /* and nobody was told before */
  gdouble fraction;
  char *text;
} TaskNews;

static TaskNews
take_task_news_locked (MpTask *task)
{
  TaskNews news = {
    .state_is_new = task->state_is_new,
    .progress_is_new = task->progress_is_new,
    .has_ended = mp_task_has_ended (task) && !task->end_was_delivered,
    .fraction = mp_task_get_fraction (task),
    .text = g_strdup (task->text),
  };

  task->state_is_new = task->progress_is_new = FALSE;
  return news;
}

/* Each is taken when it is told, and the task stays on the list meanwhile: if that runs a
 * loop of its own, the rest is told there, in order.  Gives the lock away in between.
 *
 * Returns: whether all have been told
 */
static gboolean
tell_items_locked (MpPoolResult *self,
                   MpDispatcher *dispatcher,
                   MpTask       *task,
                   MpPortion    *portion)
{
  gboolean is_first = TRUE;

  if (!g_signal_has_handler_pending (self, signals[ITEM_FINISHED], 0, TRUE))
    mp_task_drop_news (task);

  mp_task_begin_news (task);
  while (task->result != NULL && mp_task_has_news (task))
    {
      guint index;

      if (!is_first && !mp_portion_goes_on (portion))
        return FALSE;

      is_first = FALSE;
      index = (guint) mp_task_take_news (task);
      mp_dispatcher_announce_rest_locked (dispatcher);
      mp_dispatcher_unlock (dispatcher);
      g_signal_emit (self, signals[ITEM_FINISHED], 0, index);
      mp_dispatcher_lock (dispatcher);
    }

  return TRUE;
}

static void
tell (MpPoolResult *self,
      TaskNews     *news)
{
  GObject *object = G_OBJECT (self);

  g_object_freeze_notify (object);
  if (news->progress_is_new || news->has_ended)
    {
      g_object_notify_by_pspec (object, properties[PROP_FRACTION]);
      g_object_notify_by_pspec (object, properties[PROP_TEXT]);
      g_object_notify_by_pspec (object, properties[PROP_N_FINISHED]);
    }
  if (news->state_is_new)
    g_object_notify_by_pspec (object, properties[PROP_STATE]);
  g_object_thaw_notify (object);

  if (news->progress_is_new)
    g_signal_emit (self, signals[PROGRESS_CHANGED], 0, news->fraction, news->text);
  if (news->has_ended)
    g_signal_emit (self, signals[FINISHED], 0);
}

/* Off the list and without its result in one step: a task on the list has one.
 *
 * Returns: (transfer full) (nullable): the task's reference, if it has ended
 */
static MpPoolResult *
take_task_locked (MpDispatcher *dispatcher,
                  MpTask       *task)
{
  mp_dispatcher_take_task_news_locked (dispatcher, task);
  if (mp_task_has_ended (task))
    {
      task->end_was_delivered = TRUE;
      if (task->is_map)
        mp_task_drop_news (task);
      return g_steal_pointer (&task->result);
    }

  /* Those of its items that came meanwhile: others have their turn before */
  if (task->is_map && task->news->len > task->n_news_taken)
    mp_dispatcher_announce_task_locked (dispatcher, task);
  return NULL;
}

/*< private >
 * mp_pool_result_deliver:
 * @task: a task with news
 * @portion: what is told in this turn of the main loop
 * @ended: (out) (transfer full) (nullable): the result, when @task has ended
 *
 * Takes @task off the list of those with news and tells, in the main context,
 * what is new of it.
 *
 * Returns: %FALSE if that is too much for this turn: the task is still on the list
 */
gboolean
mp_pool_result_deliver (MpDispatcher  *dispatcher,
                        MpTask        *task,
                        MpPortion     *portion,
                        MpPoolResult **ended)
{
  g_autoptr (MpMessage) arguments = NULL;
  g_autoptr (MpPoolResult) self = NULL, last = NULL;
  TaskNews news;

  mp_dispatcher_lock (dispatcher);
  if (task->result != NULL)
    self = g_object_ref (task->result);
  if (self != NULL && task->is_map && !tell_items_locked (self, dispatcher, task, portion))
    {
      mp_dispatcher_unlock (dispatcher);
      return FALSE;
    }
  news = take_task_news_locked (task);
  if (task->result == NULL)
    {
      /* A thread that waited has seen the end meanwhile, and spared the delivery; or it
       * was told in a loop that a handler ran
       */
      mp_dispatcher_take_task_news_locked (dispatcher, task);
      mp_dispatcher_unlock (dispatcher);
      g_free (news.text);
      return TRUE;
    }
  last = take_task_locked (dispatcher, task);
  if (last != NULL)
    arguments = g_steal_pointer (&task->arguments);
  mp_dispatcher_unlock (dispatcher);

  tell (self, &news);
  g_free (news.text);
  if (news.has_ended)
    *ended = g_steal_pointer (&self);
  return TRUE;
}

/* --- cancelling ------------------------------------------------------------------------------------------- */

/**
 * mp_pool_result_cancel:
 * @self: a result
 *
 * Asks for the end of the task. Does not wait, and may be called at any time.
 *
 * What no worker has begun ends at once and is never run. A call that runs is
 * asked to end: its function's cancellable is cancelled. A function that does
 * not look at that goes on, and the task ends with what it returns.
 *
 * Since: 1.0
 */
void
mp_pool_result_cancel (MpPoolResult *self)
{
  g_return_if_fail (MP_IS_POOL_RESULT (self));

  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return;

  mp_dispatcher_lock (self->dispatcher);
  mp_dispatcher_cancel_locked (self->dispatcher, self->task);
  mp_dispatcher_unlock (self->dispatcher);
}

/* --- how it is -------------------------------------------------------------------------------------------- */

/**
 * mp_pool_result_is_ready:
 * @self: a result
 *
 * Tells whether there is anything to wait for.
 *
 * Returns: whether the task has ended, well or not
 *
 * Since: 1.0
 */
gboolean
mp_pool_result_is_ready (MpPoolResult *self)
{
  return mp_pool_result_get_state (self) > MP_TASK_STATE_RUNNING;
}

/**
 * mp_pool_result_is_successful:
 * @self: a result
 *
 * Tells whether [method@Mp.PoolResult.get] has a value, rather than an error, and
 * need not wait for it. A value that nobody has asked for yet may still turn out
 * to be damaged: see [property@Mp.PoolResult:state].
 *
 * Returns: whether the task has ended well
 *
 * Since: 1.0
 */
gboolean
mp_pool_result_is_successful (MpPoolResult *self)
{
  return mp_pool_result_get_state (self) == MP_TASK_STATE_DONE;
}

/**
 * mp_pool_result_get_name:
 * @self: a result
 *
 * Gets [property@Mp.PoolResult:name].
 *
 * Returns: (nullable): the name
 *
 * Since: 1.0
 */
const char *
mp_pool_result_get_name (MpPoolResult *self)
{
  g_return_val_if_fail (MP_IS_POOL_RESULT (self), NULL);

  return self->task != NULL ? self->task->name : NULL;
}

/**
 * mp_pool_result_get_state:
 * @self: a result
 *
 * Gets [property@Mp.PoolResult:state]. In a process forked from the one that made
 * the pool, and of a result that no pool has made, it is %MP_TASK_STATE_FAILED.
 *
 * Returns: the state
 *
 * Since: 1.0
 */
MpTaskState
mp_pool_result_get_state (MpPoolResult *self)
{
  MpTaskState state;

  g_return_val_if_fail (MP_IS_POOL_RESULT (self), MP_TASK_STATE_FAILED);

  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return MP_TASK_STATE_FAILED;

  mp_dispatcher_lock (self->dispatcher);
  state = mp_task_get_state (self->task);
  mp_dispatcher_unlock (self->dispatcher);
  return state;
}

/**
 * mp_pool_result_get_fraction:
 * @self: a result
 *
 * Gets [property@Mp.PoolResult:fraction].
 *
 * Returns: from 0 to 1
 *
 * Since: 1.0
 */
gdouble
mp_pool_result_get_fraction (MpPoolResult *self)
{
  gdouble fraction;

  g_return_val_if_fail (MP_IS_POOL_RESULT (self), 0);

  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return 0;

  mp_dispatcher_lock (self->dispatcher);
  fraction = mp_task_get_fraction (self->task);
  mp_dispatcher_unlock (self->dispatcher);
  return fraction;
}

/**
 * mp_pool_result_get_text:
 * @self: a result
 *
 * Gets [property@Mp.PoolResult:text].
 *
 * Returns: (transfer full) (nullable): what the task said last
 *
 * Since: 1.0
 */
char *
mp_pool_result_get_text (MpPoolResult *self)
{
  char *text;

  g_return_val_if_fail (MP_IS_POOL_RESULT (self), NULL);

  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return NULL;

  mp_dispatcher_lock (self->dispatcher);
  text = g_strdup (self->task->text);
  mp_dispatcher_unlock (self->dispatcher);
  return text;
}

/**
 * mp_pool_result_get_n_items:
 * @self: a result
 *
 * Gets [property@Mp.PoolResult:n-items].
 *
 * Returns: the number of calls
 *
 * Since: 1.0
 */
guint
mp_pool_result_get_n_items (MpPoolResult *self)
{
  g_return_val_if_fail (MP_IS_POOL_RESULT (self), 0);

  return self->task != NULL ? (guint) self->task->scheduled.n_items : 0;
}

/**
 * mp_pool_result_get_n_finished:
 * @self: a result
 *
 * Gets [property@Mp.PoolResult:n-finished].
 *
 * Returns: the number of calls that have ended
 *
 * Since: 1.0
 */
guint
mp_pool_result_get_n_finished (MpPoolResult *self)
{
  guint n;

  g_return_val_if_fail (MP_IS_POOL_RESULT (self), 0);

  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return 0;

  mp_dispatcher_lock (self->dispatcher);
  n = (guint) self->task->scheduled.n_ended;
  mp_dispatcher_unlock (self->dispatcher);
  return n;
}

/**
 * mp_pool_result_to_string:
 * @self: a result
 *
 * Describes the result for people. The form may change.
 *
 * Returns: (transfer full): the description
 *
 * Since: 1.0
 */
char *
mp_pool_result_to_string (MpPoolResult *self)
{
  g_autoptr (GEnumClass) states = g_type_class_ref (MP_TYPE_TASK_STATE);
  GString *string;

  g_return_val_if_fail (MP_IS_POOL_RESULT (self), NULL);

  if (self->task == NULL)
    return g_strdup ("<Mp.PoolResult of no pool>");

  string = g_string_new (NULL);
  g_string_printf (string, "<Mp.PoolResult %s state=%s",
                   self->task->name != NULL ? self->task->name : self->task->target,
                   g_enum_get_value (states, (int) mp_pool_result_get_state (self))->value_nick);
  if (self->task->is_map)
    g_string_append_printf (string, " finished=%u/%u", mp_pool_result_get_n_finished (self),
                            mp_pool_result_get_n_items (self));
  g_string_append_c (string, '>');
  return g_string_free (string, FALSE);
}
