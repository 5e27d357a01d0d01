/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-task-options.h"

/**
 * MpTaskOptions:
 *
 * How a pool is to treat a task.
 *
 * Options are read when the task is submitted; later changes concern only later
 * tasks.
 *
 * Since: 1.0
 */
struct _MpTaskOptions
{
  GObject parent_instance;

  char *name;
  gboolean starmap;
};

enum
{
  PROP_0,
  PROP_NAME,
  PROP_STARMAP,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (MpTaskOptions, mp_task_options, G_TYPE_OBJECT)

static void
mp_task_options_finalize (GObject *object)
{
  MpTaskOptions *self = MP_TASK_OPTIONS (object);

  g_free (self->name);

  G_OBJECT_CLASS (mp_task_options_parent_class)->finalize (object);
}

static void
mp_task_options_get_property (GObject    *object,
                              guint       prop_id,
                              GValue     *value,
                              GParamSpec *pspec)
{
  MpTaskOptions *self = MP_TASK_OPTIONS (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    case PROP_STARMAP:
      g_value_set_boolean (value, self->starmap);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_task_options_set_property (GObject      *object,
                              guint         prop_id,
                              const GValue *value,
                              GParamSpec   *pspec)
{
  MpTaskOptions *self = MP_TASK_OPTIONS (object);

  switch (prop_id)
    {
    case PROP_NAME:
      mp_task_options_set_name (self, g_value_get_string (value));
      break;

    case PROP_STARMAP:
      mp_task_options_set_starmap (self, g_value_get_boolean (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_task_options_class_init (MpTaskOptionsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = mp_task_options_finalize;
  object_class->get_property = mp_task_options_get_property;
  object_class->set_property = mp_task_options_set_property;

  /**
   * MpTaskOptions:name:
   *
   * What people are to know the task by, in messages and lists.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MpTaskOptions:starmap:
   *
   * Whether each item of a map is a tuple (or, in another codec, a sequence) of
   * arguments, as in `f (a, b)`, and not one argument.
   *
   * Since: 1.0
   */
  properties[PROP_STARMAP] =
    g_param_spec_boolean ("starmap", NULL, NULL,
                          FALSE,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_task_options_init (MpTaskOptions *self)
{
}

/**
 * mp_task_options_new:
 *
 * Makes options that say nothing special.
 *
 * Returns: (transfer full): the options
 *
 * Since: 1.0
 */
MpTaskOptions *
mp_task_options_new (void)
{
  return g_object_new (MP_TYPE_TASK_OPTIONS, NULL);
}

/**
 * mp_task_options_get_name:
 * @self: options
 *
 * Gets [property@Mp.TaskOptions:name].
 *
 * Returns: (nullable): the name
 *
 * Since: 1.0
 */
const char *
mp_task_options_get_name (MpTaskOptions *self)
{
  g_return_val_if_fail (MP_IS_TASK_OPTIONS (self), NULL);

  return self->name;
}

/**
 * mp_task_options_set_name:
 * @self: options
 * @name: (nullable): a name
 *
 * Sets [property@Mp.TaskOptions:name].
 *
 * Since: 1.0
 */
void
mp_task_options_set_name (MpTaskOptions *self,
                          const char    *name)
{
  g_return_if_fail (MP_IS_TASK_OPTIONS (self));

  if (g_strcmp0 (name, self->name) == 0)
    return;

  g_free (self->name);
  self->name = g_strdup (name);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}

/**
 * mp_task_options_get_starmap:
 * @self: options
 *
 * Gets [property@Mp.TaskOptions:starmap].
 *
 * Returns: whether items are tuples of arguments
 *
 * Since: 1.0
 */
gboolean
mp_task_options_get_starmap (MpTaskOptions *self)
{
  g_return_val_if_fail (MP_IS_TASK_OPTIONS (self), FALSE);

  return self->starmap;
}

/**
 * mp_task_options_set_starmap:
 * @self: options
 * @starmap: whether items are tuples of arguments
 *
 * Sets [property@Mp.TaskOptions:starmap].
 *
 * Since: 1.0
 */
void
mp_task_options_set_starmap (MpTaskOptions *self,
                             gboolean       starmap)
{
  g_return_if_fail (MP_IS_TASK_OPTIONS (self));

  starmap = !!starmap;
  if (self->starmap == starmap)
    return;

  self->starmap = starmap;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STARMAP]);
}

/**
 * mp_task_options_to_string:
 * @self: options
 *
 * Describes the options for people. The form may change.
 *
 * Returns: (transfer full): the description
 *
 * Since: 1.0
 */
char *
mp_task_options_to_string (MpTaskOptions *self)
{
  g_return_val_if_fail (MP_IS_TASK_OPTIONS (self), NULL);

  return g_strdup_printf ("<Mp.TaskOptions%s%s%s>", self->name != NULL ? " name=" : "",
                          self->name != NULL ? self->name : "", self->starmap ? " starmap" : "");
}
