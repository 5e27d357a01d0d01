/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What is given to pools: submit, apply, map and imap in all forms.  All come
 * down to an MpTask in the dispatcher; they differ in who waits for it.
 */

#include "config.h"

#include "mp-clock-private.h"
#include "mp-context-private.h"
#include "mp-error.h"
#include "mp-pool-private.h"
#include "mp-pool-result-private.h"
#include "mp-result-iterator-private.h"

/* --- tasks ------------------------------------------------------------------------------------------------ */

static MpMessage *
new_arguments (GVariant *arguments)
{
  return mp_message_new (arguments != NULL ? arguments : g_variant_new ("()"));
}

/* A tuple is a list of arguments, anything else is one argument. */
static gboolean
is_spread (MpMessage *arguments)
{
  const char *type_string = mp_message_get_type_string (arguments);

  return type_string != NULL && type_string[0] == '(';
}

static MpTask *
new_call (const char    *target,
          MpMessage     *arguments,
          MpTaskOptions *options)
{
  MpTask *task = mp_task_new_call (target, arguments);

  mp_message_unpack (arguments);
  task->spread = is_spread (arguments);
  if (options != NULL)
    task->name = g_strdup (mp_task_options_get_name (options));
  return task;
}

static MpTask *
new_map (const char    *target,
         MpItems       *items,
         guint          chunk_size,
         MpTaskOptions *options)
{
  MpTask *task = mp_task_new_map (target, items, chunk_size);

  if (options != NULL)
    {
      task->spread = mp_task_options_get_starmap (options);
      task->name = g_strdup (mp_task_options_get_name (options));
    }
  return task;
}

/* Items that are none are an error of the task's, not of who asks for it: the
 * map has none then.
 */
static MpTask *
new_map_of_message (const char     *target,
                    MpMessage      *items,
                    guint           chunk_size,
                    MpTaskOptions  *options,
                    GError        **error)
{
  MpItems *cut = mp_items_new (items, error);

  mp_message_unpack (items);
  return new_map (target, cut != NULL ? cut : mp_items_new_growing (), chunk_size, options);
}

/* In chunks the handles of several items would collide: so each goes alone if there are any. */
static guint
choose_chunk_size (MpMessage * const *items,
                   guint              n_items,
                   guint              chunk_size)
{
  for (guint i = 0; i < n_items; i++)
    if (mp_message_get_n_attachments (items[i]) > 0)
      return 1;

  return chunk_size;
}

static MpTask *
new_map_of_messages (const char         *target,
                     MpMessage * const  *items,
                     guint               n_items,
                     guint               chunk_size,
                     MpTaskOptions      *options,
                     GError            **error)
{
  MpItems *all = mp_items_new_growing ();
  guint actual_size = choose_chunk_size (items, n_items, chunk_size);

  for (guint i = 0; i < n_items; i++)
    {
      mp_message_unpack (items[i]);
      if (!mp_items_append (all, items[i], actual_size == 1, error))
        {
          g_prefix_error (error, "Item %u: ", i);
          mp_items_free (all, NULL);
          return new_map (target, mp_items_new_growing (), 1, options);
        }
    }
  return new_map (target, all, actual_size, options);
}

/* Returns with the lock held, or FALSE: this is another process than the pool's. */
static gboolean
submit_and_lock (MpPool       *self,
                 MpTask       *task,
                 const GError *refusal)
{
  MpDispatcher *dispatcher = mp_pool_get_dispatcher (self);
  g_autoptr (GError) error = NULL;

  if (!mp_dispatcher_check_origin (dispatcher, &error))
    {
      mp_dispatcher_refuse (task, error);
      return FALSE;
    }

  if (refusal == NULL && !mp_context_check_target (mp_pool_get_context (self), task->target, &error))
    refusal = error;
  mp_pool_tidy_up (self);
  mp_dispatcher_lock (dispatcher);
  mp_dispatcher_submit_locked (dispatcher, task, refusal);
  return TRUE;
}

static void
submit (MpPool       *self,
        MpTask       *task,
        const GError *refusal)
{
  if (submit_and_lock (self, task, refusal))
    mp_dispatcher_unlock (mp_pool_get_dispatcher (self));
}

static MpPoolResult *
submit_for_result (MpPool       *self,
                   MpTask       *task,
                   const GError *refusal)
{
  MpPoolResult *result = mp_pool_result_new (mp_pool_get_dispatcher (self), task);

  submit (self, task, refusal);
  return result;
}

static gboolean
is_target (const char *target)
{
  return target != NULL && target[0] != '\0';
}

/* --- submit ----------------------------------------------------------------------------------------------- */

/**
 * mp_pool_submit:
 * @self: a pool
 * @target: the function, as in the class's description
 * @arguments: (nullable): what to call it with. A tuple is a list of arguments, %NULL is the empty
 *   one, any other value is one argument. A floating reference is sunk.
 * @options: (nullable): how to treat the task
 *
 * Has a worker call a function. Never waits, and has always a result: a pool that
 * takes no more tasks gives one that failed with %MP_ERROR_CLOSED.
 *
 * Returns: (transfer full): what becomes of it
 *
 * Since: 1.0
 */
MpPoolResult *
mp_pool_submit (MpPool        *self,
                const char    *target,
                GVariant      *arguments,
                MpTaskOptions *options)
{
  g_autoptr (MpMessage) message = NULL;
  g_autoptr (MpTask) task = NULL;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (is_target (target), NULL);
  g_return_val_if_fail (options == NULL || MP_IS_TASK_OPTIONS (options), NULL);

  message = new_arguments (arguments);
  task = new_call (target, message, options);
  return submit_for_result (self, task, NULL);
}

/**
 * mp_pool_submit_message:
 * @self: a pool
 * @target: the function, as in the class's description
 * @arguments: what to call it with: any codec that the workers know, with whatever is attached.
 *   Do not change it until the task has ended.
 * @options: (nullable): how to treat the task
 *
 * Has a worker call a function: see [method@Mp.Pool.submit].
 *
 * Returns: (transfer full): what becomes of it
 *
 * Since: 1.0
 */
MpPoolResult *
mp_pool_submit_message (MpPool        *self,
                        const char    *target,
                        MpMessage     *arguments,
                        MpTaskOptions *options)
{
  g_autoptr (MpTask) task = NULL;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (is_target (target), NULL);
  g_return_val_if_fail (MP_IS_MESSAGE (arguments), NULL);
  g_return_val_if_fail (options == NULL || MP_IS_TASK_OPTIONS (options), NULL);

  task = new_call (target, arguments, options);
  task->arguments_are_lent = TRUE;
  return submit_for_result (self, task, NULL);
}

/**
 * mp_pool_submit_map:
 * @self: a pool
 * @target: the function, as in the class's description
 * @items: an array of any type: one call for each element. An element that is a variant stands for
 *   what is in it. A floating reference is sunk.
 * @chunk_size: how many items a worker gets at a time; 0 lets the pool measure and choose
 * @options: (nullable): how to treat the task, e.g. [property@Mp.TaskOptions:starmap]
 *
 * Has the workers call a function for each item of an array. Never waits, and
 * has always a result, as [method@Mp.Pool.submit].
 *
 * Items are begun in their order. A worker that dies takes the one item with it
 * that it was running; the rest of its chunk goes to others.
 *
 * Returns: (transfer full): what becomes of it
 *
 * Since: 1.0
 */
MpPoolResult *
mp_pool_submit_map (MpPool        *self,
                    const char    *target,
                    GVariant      *items,
                    guint          chunk_size,
                    MpTaskOptions *options)
{
  g_autoptr (MpMessage) message = NULL;

  g_return_val_if_fail (items != NULL && g_variant_is_of_type (items, G_VARIANT_TYPE_ARRAY), NULL);

  message = mp_message_new (items);
  return mp_pool_submit_map_message (self, target, message, chunk_size, options);
}

/**
 * mp_pool_submit_map_message:
 * @self: a pool
 * @target: the function, as in the class's description
 * @items: the items: a GVariant array as for [method@Mp.Pool.submit_map]; or bytes in another codec
 *   that are a serialised GVariant of type `aay`, each element the bytes of one item in that codec.
 *   What is attached goes with every item: if that is much, see
 *   [method@Mp.Pool.submit_map_messages].
 * @chunk_size: how many items a worker gets at a time; 0 lets the pool measure and choose
 * @options: (nullable): how to treat the task
 *
 * Has the workers call a function for each item of an array: see
 * [method@Mp.Pool.submit_map]. The result has failed with %MP_ERROR_CORRUPTED if
 * @items is not what it should be.
 *
 * Returns: (transfer full): what becomes of it
 *
 * Since: 1.0
 */
MpPoolResult *
mp_pool_submit_map_message (MpPool        *self,
                            const char    *target,
                            MpMessage     *items,
                            guint          chunk_size,
                            MpTaskOptions *options)
{
  g_autoptr (MpTask) task = NULL;
  g_autoptr (GError) error = NULL;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (is_target (target), NULL);
  g_return_val_if_fail (MP_IS_MESSAGE (items), NULL);
  g_return_val_if_fail (options == NULL || MP_IS_TASK_OPTIONS (options), NULL);

  task = new_map_of_message (target, items, chunk_size, options, &error);
  return submit_for_result (self, task, error);
}

/**
 * mp_pool_submit_map_messages:
 * @self: a pool
 * @target: the function, as in the class's description
 * @items: (array length=n_items): the items: GVariants, or bytes in one other codec, with whatever is
 *   attached. Do not change them until the task has ended.
 * @n_items: how many there are
 * @chunk_size: how many items a worker gets at a time; 0 lets the pool measure and choose. If
 *   something is attached to one of them it is always 1.
 * @options: (nullable): how to treat the task
 *
 * Has the workers call a function for each item: see [method@Mp.Pool.submit_map].
 * What is attached to an item goes with that one alone, so that each may have shared
 * objects of its own. The result has failed with %MP_ERROR_WRONG_CODEC if @items
 * have several codecs.
 *
 * Returns: (transfer full): what becomes of it
 *
 * Since: 1.0
 */
MpPoolResult *
mp_pool_submit_map_messages (MpPool             *self,
                             const char         *target,
                             MpMessage * const  *items,
                             guint               n_items,
                             guint               chunk_size,
                             MpTaskOptions      *options)
{
  g_autoptr (MpTask) task = NULL;
  g_autoptr (GError) error = NULL;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (is_target (target), NULL);
  g_return_val_if_fail (items != NULL || n_items == 0, NULL);
  g_return_val_if_fail (options == NULL || MP_IS_TASK_OPTIONS (options), NULL);

  task = new_map_of_messages (target, items, n_items, chunk_size, options, &error);
  return submit_for_result (self, task, error);
}

/* --- blocking: the task is the caller's own --------------------------------------------------------------- */

static gboolean
has_ended (gpointer task)
{
  return mp_task_has_ended (task);
}

static GVariant *
dup_value (MpDispatcher  *dispatcher,
           MpTask        *task,
           GError       **error)
{
  g_autoptr (MpMessage) message = mp_dispatcher_dup_result (dispatcher, task, NULL, error);

  return message != NULL ? mp_message_get_value (message, error) : NULL;
}

/* Whoever gives up has nothing to get hold of the task by, so that it ends too. */
static GVariant *
run (MpPool        *self,
     MpTask        *task,
     gdouble        timeout,
     GCancellable  *cancellable,
     GError       **error)
{
  MpDispatcher *dispatcher = mp_pool_get_dispatcher (self);
  gboolean ok;

  if (mp_pool_wants_results (self))
    g_object_unref (mp_pool_result_new (dispatcher, task));
  if (!submit_and_lock (self, task, NULL))
    return dup_value (dispatcher, task, error);

  ok = mp_pump_wait_locked (mp_dispatcher_get_pump (dispatcher), has_ended, task,
                            mp_deadline_from_timeout (timeout), cancellable, error);
  if (!ok)
    mp_dispatcher_cancel_locked (dispatcher, task);
  mp_dispatcher_unlock (dispatcher);

  return ok ? dup_value (dispatcher, task, error) : NULL;
}

/**
 * mp_pool_apply:
 * @self: a pool
 * @target: the function, as in the class's description
 * @arguments: (nullable): what to call it with, as for [method@Mp.Pool.submit]
 * @timeout: seconds to wait; negative waits for ever
 * @cancellable: (nullable): ends the wait and cancels the call
 * @error: return location for an error
 *
 * Has a worker call a function and waits for what it returns, blocking the
 * calling thread. The thread's main context is not run meanwhile.
 *
 * Fails as [method@Mp.PoolResult.get]. When the wait fails the call is cancelled;
 * who wants to wait again submits it.
 *
 * Returns: (transfer full): the function's value
 *
 * Since: 1.0
 */
GVariant *
mp_pool_apply (MpPool        *self,
               const char    *target,
               GVariant      *arguments,
               gdouble        timeout,
               GCancellable  *cancellable,
               GError       **error)
{
  g_autoptr (MpMessage) message = NULL;
  g_autoptr (MpTask) task = NULL;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (is_target (target), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  message = new_arguments (arguments);
  task = new_call (target, message, NULL);
  return run (self, task, timeout, cancellable, error);
}

/**
 * mp_pool_map:
 * @self: a pool
 * @target: the function, as in the class's description
 * @items: an array of any type, as for [method@Mp.Pool.submit_map]
 * @chunk_size: how many items a worker gets at a time; 0 lets the pool measure and choose
 * @timeout: seconds to wait; negative waits for ever
 * @cancellable: (nullable): ends the wait and cancels the map
 * @error: return location for an error
 *
 * Has the workers call a function for each item of an array and waits for all
 * they return, blocking the calling thread. The thread's main context is not run
 * meanwhile.
 *
 * Fails as [method@Mp.PoolResult.get]. When the wait fails the map is cancelled;
 * who wants to wait again submits it.
 *
 * Returns: (transfer full): an array of variants (`av`) with the value of each item, in the order of
 *   the items
 *
 * Since: 1.0
 */
GVariant *
mp_pool_map (MpPool        *self,
             const char    *target,
             GVariant      *items,
             guint          chunk_size,
             gdouble        timeout,
             GCancellable  *cancellable,
             GError       **error)
{
  g_autoptr (MpMessage) message = NULL;
  g_autoptr (MpTask) task = NULL;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (is_target (target), NULL);
  g_return_val_if_fail (items != NULL && g_variant_is_of_type (items, G_VARIANT_TYPE_ARRAY), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  message = mp_message_new (items);
  task = new_map_of_message (target, message, chunk_size, NULL, NULL);
  return run (self, task, timeout, cancellable, error);
}

/* --- asynchronous ----------------------------------------------------------------------------------------- */

/* What an asynchronous call waits for. */
typedef struct
{
  MpDispatcher *dispatcher;
  MpTask *task;
} Run;

/* Whoever gave up has nothing to get hold of the task by, so that it ends too. */
static void
run_cancel (Run *self)
{
  if (!mp_dispatcher_check_origin (self->dispatcher, NULL))
    return;

  mp_dispatcher_lock (self->dispatcher);
  mp_dispatcher_cancel_locked (self->dispatcher, self->task);
  mp_dispatcher_unlock (self->dispatcher);
}

static void
run_free (gpointer data)
{
  Run *self = data;

  run_cancel (self);
  mp_task_unref (self->task);
  mp_dispatcher_unref (self->dispatcher);
  g_free (self);
}

static gboolean
is_over (gpointer   data,
         GError   **error)
{
  return mp_task_has_ended (((Run *) data)->task);
}

static void
run_async (MpPool              *self,
           MpTask              *task,
           gdouble              timeout,
           GCancellable        *cancellable,
           GAsyncReadyCallback  callback,
           gpointer             user_data,
           gpointer             source_tag,
           const char          *name)
{
  MpDispatcher *dispatcher = mp_pool_get_dispatcher (self);
  GTask *waiter = g_task_new (self, cancellable, callback, user_data);
  Run *state = g_new (Run, 1);

  state->dispatcher = mp_dispatcher_ref (dispatcher);
  state->task = mp_task_ref (task);
  g_task_set_task_data (waiter, state, run_free);
  g_task_set_name (waiter, name);
  g_task_set_source_tag (waiter, source_tag);

  if (mp_pool_wants_results (self))
    g_object_unref (mp_pool_result_new (dispatcher, task));
  if (!submit_and_lock (self, task, NULL))
    {
      mp_outbox_return_boolean (waiter, TRUE);
      return;
    }

  mp_task_add_waiter (task, mp_dispatcher_get_pump (dispatcher), waiter,
                      mp_deadline_from_timeout (timeout), is_over, state);
  mp_dispatcher_unlock (dispatcher);
}

static GVariant *
run_finish (GAsyncResult  *result,
            GError       **error)
{
  Run *state = g_task_get_task_data (G_TASK (result));

  if (g_task_propagate_boolean (G_TASK (result), error))
    return dup_value (state->dispatcher, state->task, error);

  run_cancel (state);
  return NULL;
}

/**
 * mp_pool_apply_async:
 * @self: a pool
 * @target: the function, as in the class's description
 * @arguments: (nullable): what to call it with, as for [method@Mp.Pool.submit]
 * @timeout: seconds to wait; negative waits for ever
 * @cancellable: (nullable): ends the wait and cancels the call
 * @callback: (scope async): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Has a worker call a function and waits for what it returns: see
 * [method@Mp.Pool.apply]. The pool lives at least as long.
 *
 * Since: 1.0
 */
void
mp_pool_apply_async (MpPool              *self,
                     const char          *target,
                     GVariant            *arguments,
                     gdouble              timeout,
                     GCancellable        *cancellable,
                     GAsyncReadyCallback  callback,
                     gpointer             user_data)
{
  g_autoptr (MpMessage) message = NULL;
  g_autoptr (MpTask) task = NULL;

  g_return_if_fail (MP_IS_POOL (self));
  g_return_if_fail (is_target (target));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  message = new_arguments (arguments);
  task = new_call (target, message, NULL);
  run_async (self, task, timeout, cancellable, callback, user_data, mp_pool_apply_async, G_STRFUNC);
}

/**
 * mp_pool_apply_finish:
 * @self: a pool
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends what [method@Mp.Pool.apply_async] began.
 *
 * Returns: (transfer full): the function's value; errors are those of [method@Mp.Pool.apply]
 *
 * Since: 1.0
 */
GVariant *
mp_pool_apply_finish (MpPool        *self,
                      GAsyncResult  *result,
                      GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, mp_pool_apply_async), NULL);

  return run_finish (result, error);
}

/**
 * mp_pool_map_async:
 * @self: a pool
 * @target: the function, as in the class's description
 * @items: an array of any type, as for [method@Mp.Pool.submit_map]
 * @chunk_size: how many items a worker gets at a time; 0 lets the pool measure and choose
 * @timeout: seconds to wait; negative waits for ever
 * @cancellable: (nullable): ends the wait and cancels the map
 * @callback: (scope async): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Has the workers call a function for each item of an array and waits for all
 * they return: see [method@Mp.Pool.map]. The pool lives at least as long.
 *
 * Since: 1.0
 */
void
mp_pool_map_async (MpPool              *self,
                   const char          *target,
                   GVariant            *items,
                   guint                chunk_size,
                   gdouble              timeout,
                   GCancellable        *cancellable,
                   GAsyncReadyCallback  callback,
                   gpointer             user_data)
{
  g_autoptr (MpMessage) message = NULL;
  g_autoptr (MpTask) task = NULL;

  g_return_if_fail (MP_IS_POOL (self));
  g_return_if_fail (is_target (target));
  g_return_if_fail (items != NULL && g_variant_is_of_type (items, G_VARIANT_TYPE_ARRAY));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  message = mp_message_new (items);
  task = new_map_of_message (target, message, chunk_size, NULL, NULL);
  run_async (self, task, timeout, cancellable, callback, user_data, mp_pool_map_async, G_STRFUNC);
}

/**
 * mp_pool_map_finish:
 * @self: a pool
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends what [method@Mp.Pool.map_async] began.
 *
 * Returns: (transfer full): an array of variants (`av`); errors are those of [method@Mp.Pool.map]
 *
 * Since: 1.0
 */
GVariant *
mp_pool_map_finish (MpPool        *self,
                    GAsyncResult  *result,
                    GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, mp_pool_map_async), NULL);

  return run_finish (result, error);
}

/* --- imap ------------------------------------------------------------------------------------------------- */

static MpResultIterator *
submit_for_iteration (MpPool       *self,
                      MpTask       *task,
                      gboolean      ordered,
                      const GError *refusal)
{
  MpResultIterator *iterator;

  task->is_iterated = TRUE;
  task->is_ordered = ordered;
  iterator = mp_result_iterator_new (mp_pool_get_dispatcher (self), task);
  submit (self, task, refusal);
  return iterator;
}

/**
 * mp_pool_imap:
 * @self: a pool
 * @target: the function, as in the class's description
 * @items: (nullable): an array of any type, as for [method@Mp.Pool.submit_map]; %NULL if the items
 *   are to be pushed with [method@Mp.ResultIterator.push_item]
 * @chunk_size: how many items a worker gets at a time; 0 lets the pool measure and choose
 * @ordered: whether the results come in the order of the items, or as they are ready
 * @options: (nullable): how to treat the task, e.g. [property@Mp.TaskOptions:starmap]
 *
 * Has the workers call a function for each item, to take the results one by one.
 * Never waits.
 *
 * Returns: (transfer full): the results
 *
 * Since: 1.0
 */
MpResultIterator *
mp_pool_imap (MpPool        *self,
              const char    *target,
              GVariant      *items,
              guint          chunk_size,
              gboolean       ordered,
              MpTaskOptions *options)
{
  g_autoptr (MpMessage) message = NULL;

  g_return_val_if_fail (items == NULL || g_variant_is_of_type (items, G_VARIANT_TYPE_ARRAY), NULL);

  message = items != NULL ? mp_message_new (items) : NULL;
  return mp_pool_imap_message (self, target, message, chunk_size, ordered, options);
}

/**
 * mp_pool_imap_message:
 * @self: a pool
 * @target: the function, as in the class's description
 * @items: (nullable): the items, as for [method@Mp.Pool.submit_map_message]; %NULL if they are to be
 *   pushed with [method@Mp.ResultIterator.push_message]
 * @chunk_size: how many items a worker gets at a time; 0 lets the pool measure and choose
 * @ordered: whether the results come in the order of the items, or as they are ready
 * @options: (nullable): how to treat the task
 *
 * Has the workers call a function for each item, to take the results one by one:
 * see [method@Mp.Pool.imap]. Items that are not what they should be leave nothing
 * to iterate over.
 *
 * Returns: (transfer full): the results
 *
 * Since: 1.0
 */
MpResultIterator *
mp_pool_imap_message (MpPool        *self,
                      const char    *target,
                      MpMessage     *items,
                      guint          chunk_size,
                      gboolean       ordered,
                      MpTaskOptions *options)
{
  g_autoptr (MpTask) task = NULL;
  g_autoptr (GError) error = NULL;

  g_return_val_if_fail (MP_IS_POOL (self), NULL);
  g_return_val_if_fail (is_target (target), NULL);
  g_return_val_if_fail (items == NULL || MP_IS_MESSAGE (items), NULL);
  g_return_val_if_fail (options == NULL || MP_IS_TASK_OPTIONS (options), NULL);

  if (items != NULL)
    {
      task = new_map_of_message (target, items, chunk_size, options, &error);
      return submit_for_iteration (self, task, ordered, error);
    }

  task = new_map (target, mp_items_new_growing (), chunk_size, options);
  task->scheduled.open = TRUE;
  return submit_for_iteration (self, task, ordered, NULL);
}
