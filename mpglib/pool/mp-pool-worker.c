/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-enums.h"
#include "mp-pool-worker-private.h"

/**
 * MpPoolWorker:
 *
 * A worker of a pool, as [method@Mp.Pool.get_workers] lists it.
 *
 * It changes in the pool's [property@Mp.Pool:main-context] only, so that lists
 * and expressions of GTK can show it.
 *
 * Since: 1.0
 */
struct _MpPoolWorker
{
  GObject parent_instance;

  MpWorkerInfo info;
  char *name;
};

enum
{
  PROP_0,
  PROP_NAME,
  PROP_PID,
  PROP_STATE,
  PROP_N_TASKS,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (MpPoolWorker, mp_pool_worker, G_TYPE_OBJECT)

static void
mp_pool_worker_finalize (GObject *object)
{
  MpPoolWorker *self = MP_POOL_WORKER (object);

  g_free (self->name);

  G_OBJECT_CLASS (mp_pool_worker_parent_class)->finalize (object);
}

static void
mp_pool_worker_get_property (GObject    *object,
                             guint       prop_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  MpPoolWorker *self = MP_POOL_WORKER (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    case PROP_PID:
      g_value_set_int (value, self->info.pid);
      break;

    case PROP_STATE:
      g_value_set_enum (value, self->info.state);
      break;

    case PROP_N_TASKS:
      g_value_set_uint (value, self->info.n_tasks);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_pool_worker_class_init (MpPoolWorkerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = mp_pool_worker_finalize;
  object_class->get_property = mp_pool_worker_get_property;

  /**
   * MpPoolWorker:name:
   *
   * The worker's name, such as `PoolWorker-1`.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL,
                         NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpPoolWorker:pid:
   *
   * The worker's process, 0 while there is none yet.
   *
   * Since: 1.0
   */
  properties[PROP_PID] =
    g_param_spec_int ("pid", NULL, NULL,
                      0, G_MAXINT, 0,
                      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpPoolWorker:state:
   *
   * What the worker does.
   *
   * Since: 1.0
   */
  properties[PROP_STATE] =
    g_param_spec_enum ("state", NULL, NULL,
                       MP_TYPE_POOL_WORKER_STATE, MP_POOL_WORKER_STATE_STARTING,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpPoolWorker:n-tasks:
   *
   * How many calls or chunks of a map the worker was given so far.
   *
   * Since: 1.0
   */
  properties[PROP_N_TASKS] =
    g_param_spec_uint ("n-tasks", NULL, NULL,
                       0, G_MAXUINT, 0,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_pool_worker_init (MpPoolWorker *self)
{
}

static MpPoolWorker *
mp_pool_worker_new (const MpWorkerInfo *info)
{
  MpPoolWorker *self = g_object_new (MP_TYPE_POOL_WORKER, NULL);

  self->info = *info;
  self->name = g_strdup_printf ("PoolWorker-%u", info->number);
  return self;
}

static void
set_info (MpPoolWorker       *self,
          const MpWorkerInfo *info)
{
  GObject *object = G_OBJECT (self);
  MpWorkerInfo old = self->info;

  self->info = *info;
  g_object_freeze_notify (object);
  if (info->pid != old.pid)
    g_object_notify_by_pspec (object, properties[PROP_PID]);
  if (info->state != old.state)
    g_object_notify_by_pspec (object, properties[PROP_STATE]);
  if (info->n_tasks != old.n_tasks)
    g_object_notify_by_pspec (object, properties[PROP_N_TASKS]);
  g_object_thaw_notify (object);
}

/* Both lists are in the order of the workers' numbers. */
static guint
update_one (GListStore *list,
            guint       position,
            GArray     *workers,
            guint      *next)
{
  g_autoptr (MpPoolWorker) worker = g_list_model_get_item (G_LIST_MODEL (list), position);
  const MpWorkerInfo *info = *next < workers->len ? &g_array_index (workers, MpWorkerInfo, *next) : NULL;
  MpWorkerInfo gone = worker->info;

  if (info != NULL && info->number == worker->info.number)
    {
      (*next)++;
      set_info (worker, info);
      return position + 1;
    }

  gone.state = MP_POOL_WORKER_STATE_GONE;
  g_list_store_remove (list, position);
  set_info (worker, &gone);
  return position;
}

/*< private >
 * mp_pool_worker_list_update:
 * @workers: (element-type MpWorkerInfo): how things are
 *
 * Makes @list, of MpPoolWorker, say so.
 */
void
mp_pool_worker_list_update (GListStore *list,
                            GArray     *workers)
{
  guint position = 0, next = 0;

  while (position < g_list_model_get_n_items (G_LIST_MODEL (list)))
    position = update_one (list, position, workers, &next);

  for (; next < workers->len; next++)
    {
      g_autoptr (MpPoolWorker) worker = mp_pool_worker_new (&g_array_index (workers, MpWorkerInfo, next));

      g_list_store_append (list, worker);
    }
}

/**
 * mp_pool_worker_get_name:
 * @self: a worker
 *
 * Gets [property@Mp.PoolWorker:name].
 *
 * Returns: the name
 *
 * Since: 1.0
 */
const char *
mp_pool_worker_get_name (MpPoolWorker *self)
{
  g_return_val_if_fail (MP_IS_POOL_WORKER (self), NULL);

  return self->name != NULL ? self->name : ""; /* made by g_object_new() */
}

/**
 * mp_pool_worker_get_pid:
 * @self: a worker
 *
 * Gets [property@Mp.PoolWorker:pid].
 *
 * Returns: the process id, or 0
 *
 * Since: 1.0
 */
int
mp_pool_worker_get_pid (MpPoolWorker *self)
{
  g_return_val_if_fail (MP_IS_POOL_WORKER (self), 0);

  return self->info.pid;
}

/**
 * mp_pool_worker_get_state:
 * @self: a worker
 *
 * Gets [property@Mp.PoolWorker:state].
 *
 * Returns: the state
 *
 * Since: 1.0
 */
MpPoolWorkerState
mp_pool_worker_get_state (MpPoolWorker *self)
{
  g_return_val_if_fail (MP_IS_POOL_WORKER (self), MP_POOL_WORKER_STATE_GONE);

  return self->info.state;
}

/**
 * mp_pool_worker_get_n_tasks:
 * @self: a worker
 *
 * Gets [property@Mp.PoolWorker:n-tasks].
 *
 * Returns: the number of calls and chunks
 *
 * Since: 1.0
 */
guint
mp_pool_worker_get_n_tasks (MpPoolWorker *self)
{
  g_return_val_if_fail (MP_IS_POOL_WORKER (self), 0);

  return self->info.n_tasks;
}

/**
 * mp_pool_worker_to_string:
 * @self: a worker
 *
 * Describes the worker for people. The form may change.
 *
 * Returns: (transfer full): the description
 *
 * Since: 1.0
 */
char *
mp_pool_worker_to_string (MpPoolWorker *self)
{
  g_autoptr (GEnumClass) states = g_type_class_ref (MP_TYPE_POOL_WORKER_STATE);

  g_return_val_if_fail (MP_IS_POOL_WORKER (self), NULL);

  return g_strdup_printf ("<Mp.PoolWorker %s pid=%d state=%s>", mp_pool_worker_get_name (self), self->info.pid,
                          g_enum_get_value (states, (int) self->info.state)->value_nick);
}
