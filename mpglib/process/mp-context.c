/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-context-private.h"

#include <math.h>
#include <string.h>

#include "mp-enums.h"
#include "mp-error.h"
#include "mp-fork-private.h"
#include "mp-launcher-private.h"
#include "mp-pump-private.h"
#include "mp-target-private.h"

#define DEFAULT_HELLO_TIMEOUT 30.0

/**
 * MpContext:
 *
 * How and with what surroundings children are made: start method, launcher,
 * environment, working directory, deadline.
 *
 * Most programs never need one: children are made in the default context,
 * [func@Mp.Context.get_default]. Make one to have workers of another language:
 *
 * ```c
 * MpLauncher *python = mp_launcher_lookup ("python", NULL);
 * g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_DEFAULT, python);
 * g_autoptr (MpPool) pool = mp_pool_new (4, context);
 * ```
 *
 * With %MP_START_METHOD_FORKSERVER a context has a template process, started
 * with its first child; changes of the environment and the directory concern
 * children of templates started afterwards. Any thread may use a context.
 *
 * Since: 1.0
 */

struct _MpContext {
  GObject parent_instance;

  /* guarded by the lock of all contexts */
  MpStartMethod start_method;
  MpLauncher *launcher;
  char **environment;    /* NULL: the process's own */
  char *working_directory;
  gdouble hello_timeout;
  MpTemplate *template_; /* NULL until a child is forked */
  MpSpawnPlan *plan;     /* by which the template was last asked; NULL where something of it changed since */
};

/* One for all, so that a fork finds none held by another thread.  A leaf */
static GMutex contexts_lock;

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&contexts_lock, NULL);
}

G_DEFINE_FINAL_TYPE (MpContext, mp_context, G_TYPE_OBJECT)

enum {
  PROP_0,
  PROP_START_METHOD,
  PROP_LAUNCHER,
  PROP_ENVIRONMENT,
  PROP_WORKING_DIRECTORY,
  PROP_HELLO_TIMEOUT,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
mp_context_constructed (GObject *object)
{
  MpContext *self = MP_CONTEXT (object);

  if (self->launcher == NULL)
    self->launcher = g_object_ref (mp_launcher_lookup ("native", NULL));
  G_OBJECT_CLASS (mp_context_parent_class)->constructed (object);
}

static void
mp_context_finalize (GObject *object)
{
  MpContext *self = MP_CONTEXT (object);

  if (self->template_ != NULL)
    {
      mp_template_hang_up (self->template_);
      mp_template_unref (self->template_);
    }
  g_clear_pointer (&self->plan, mp_spawn_plan_unref);
  g_clear_object (&self->launcher);
  g_strfreev (self->environment);
  g_free (self->working_directory);
  G_OBJECT_CLASS (mp_context_parent_class)->finalize (object);
}

static void
mp_context_get_property (GObject    *object,
                         guint       id,
                         GValue     *value,
                         GParamSpec *pspec)
{
  MpContext *self = MP_CONTEXT (object);

  switch (id)
    {
    case PROP_START_METHOD:
      g_value_set_enum (value, mp_context_get_start_method (self));
      break;
    case PROP_LAUNCHER:
      g_value_set_object (value, mp_context_get_launcher (self));
      break;
    case PROP_ENVIRONMENT:
      g_value_take_boxed (value, mp_context_dup_environment (self));
      break;
    case PROP_WORKING_DIRECTORY:
      g_value_take_string (value, mp_context_dup_working_directory (self));
      break;
    case PROP_HELLO_TIMEOUT:
      g_value_set_double (value, mp_context_get_hello_timeout (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mp_context_set_property (GObject      *object,
                         guint         id,
                         const GValue *value,
                         GParamSpec   *pspec)
{
  MpContext *self = MP_CONTEXT (object);

  switch (id)
    {
    case PROP_START_METHOD:
      self->start_method = g_value_get_enum (value);
      break;
    case PROP_LAUNCHER:
      if (g_value_get_object (value) != NULL)
        mp_context_set_launcher (self, g_value_get_object (value));
      break;
    case PROP_ENVIRONMENT:
      mp_context_set_environment (self, g_value_get_boxed (value));
      break;
    case PROP_WORKING_DIRECTORY:
      mp_context_set_working_directory (self, g_value_get_string (value));
      break;
    case PROP_HELLO_TIMEOUT:
      mp_context_set_hello_timeout (self, g_value_get_double (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mp_context_class_init (MpContextClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_context_constructed;
  object_class->finalize = mp_context_finalize;
  object_class->get_property = mp_context_get_property;
  object_class->set_property = mp_context_set_property;

  /**
   * MpContext:start-method: (getter get_start_method)
   *
   * How children are made.
   *
   * Since: 1.0
   */
  properties[PROP_START_METHOD] =
    g_param_spec_enum ("start-method", NULL, NULL, MP_TYPE_START_METHOD, MP_START_METHOD_DEFAULT,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * MpContext:launcher: (getter get_launcher) (setter set_launcher)
   *
   * The launcher of the language that children run; the native one if none is given.
   *
   * Since: 1.0
   */
  properties[PROP_LAUNCHER] =
    g_param_spec_object ("launcher", NULL, NULL, MP_TYPE_LAUNCHER,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);
  /**
   * MpContext:environment: (getter dup_environment) (setter set_environment)
   *
   * The children's whole environment, `NAME=value` strings; %NULL for the one
   * that this process has when a child is started.
   *
   * Since: 1.0
   */
  properties[PROP_ENVIRONMENT] =
    g_param_spec_boxed ("environment", NULL, NULL, G_TYPE_STRV,
                        G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);
  /**
   * MpContext:working-directory: (getter dup_working_directory) (setter set_working_directory)
   *
   * The children's working directory; %NULL for this process's.
   *
   * Since: 1.0
   */
  properties[PROP_WORKING_DIRECTORY] =
    g_param_spec_string ("working-directory", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);
  /**
   * MpContext:hello-timeout: (getter get_hello_timeout) (setter set_hello_timeout)
   *
   * Seconds within which a child must have become ready; 30 if nothing else is
   * said. Negative: it may take for ever.
   *
   * They are counted from the start until the child exists, which with
   * %MP_START_METHOD_FORKSERVER includes the start of the template if there is
   * none, and anew from then until it is ready: until its target was found, for
   * which its module is loaded. A child that takes longer is killed, as is a
   * template that does not answer, and its start fails with
   * %MP_ERROR_START_FAILED. A worker of a pool has the same time for each module
   * that it loads for a task.
   *
   * Since: 1.0
   */
  properties[PROP_HELLO_TIMEOUT] =
    g_param_spec_double ("hello-timeout", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, DEFAULT_HELLO_TIMEOUT,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_context_init (MpContext *self)
{
  self->hello_timeout = DEFAULT_HELLO_TIMEOUT;
}

/**
 * mp_context_new:
 * @start_method: how children are made
 * @launcher: (nullable): the launcher of the language that they run, %NULL for native code
 *
 * Makes a context of its own.
 *
 * Returns: (transfer full): a new context
 *
 * Since: 1.0
 */
MpContext *
mp_context_new (MpStartMethod  start_method,
                MpLauncher    *launcher)
{
  g_return_val_if_fail (launcher == NULL || MP_IS_LAUNCHER (launcher), NULL);

  return g_object_new (MP_TYPE_CONTEXT, "start-method", start_method, "launcher", launcher, NULL);
}

/**
 * mp_context_get_default:
 *
 * Returns the context that is used where none is given.
 *
 * Its launcher is the native one; in a Python or JavaScript program the
 * override sets that of the language.
 *
 * Returns: (transfer none): the default context
 *
 * Since: 1.0
 */
MpContext *
mp_context_get_default (void)
{
  static MpContext *context;
  static gsize once;

  if (g_once_init_enter (&once))
    {
      context = mp_context_new (MP_START_METHOD_DEFAULT, NULL);
      g_once_init_leave (&once, 1);
    }
  return context;
}

/* --- what children need ----------------------------------------------------------------------------------- */

MpContext *
mp_context_get_for_target (const char  *target,
                           GError     **error)
{
  static GHashTable *contexts; /* language → MpContext */
  MpContext *context = mp_context_get_default ();
  g_autoptr (MpContext) made = NULL;
  const char *language;
  MpLauncher *launcher;

  if (target == NULL)
    return context;
  language = mp_target_get_language (target);
  if (g_str_equal (mp_launcher_get_language (mp_context_get_launcher (context)), language))
    return context;
  launcher = mp_launcher_lookup (language, error);
  if (launcher == NULL)
    return NULL;

  g_mutex_lock (&contexts_lock);
  context = contexts != NULL ? g_hash_table_lookup (contexts, language) : NULL;
  g_mutex_unlock (&contexts_lock);
  if (context != NULL)
    return context;

  /* Without the lock: it references the launcher, of which a language may hear, and take a lock of its own */
  made = mp_context_new (MP_START_METHOD_DEFAULT, launcher);
  g_mutex_lock (&contexts_lock);
  if (contexts == NULL)
    contexts = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
  context = g_hash_table_lookup (contexts, language);
  if (context == NULL)
    {
      context = g_steal_pointer (&made);
      g_hash_table_insert (contexts, (gpointer) language, context); /* interned */
    }
  g_mutex_unlock (&contexts_lock);
  return context;
}

/* Whoever gave the name may have meant a language, or not have thought of any */
static void
set_wrong_language (const char  *target,
                    const char  *workers,
                    GError     **error)
{
  const char *language = mp_target_get_language (target);
  gboolean has_prefix = g_str_has_prefix (target, language) && target[strlen (language)] == ':';
  g_autofree char *known = mp_launcher_list_languages ();
  g_autofree char *guess = NULL;

  if (strcmp (workers, "native") != 0)
    guess = g_strdup_printf (": did you mean '%s:%s'?", workers, target);

  if (!mp_launcher_is_known (language))
    g_set_error (error, MP_ERROR, MP_ERROR_NO_TARGET,
                 "Target '%s' is of language '%s', which is unknown (known are %s)%s", target, language, known,
                 guess != NULL ? guess : "");
  else if (!has_prefix && strchr (target, '#') == NULL)
    g_set_error (error, MP_ERROR, MP_ERROR_NO_TARGET,
                 "Target '%s' names no language and so is a native one, but the workers run '%s'%s", target, workers,
                 guess != NULL ? guess : "");
  else
    g_set_error (error, MP_ERROR, MP_ERROR_NO_TARGET,
                 "Target '%s' is of language '%s', but the workers run '%s': give a context with "
                 "mp_launcher_lookup (\"%s\")", target, language, workers, language);
}

gboolean
mp_context_check_target (MpContext   *self,
                         const char  *target,
                         GError     **error)
{
  MpLauncher *launcher = mp_context_get_launcher (self);
  const char *language = mp_launcher_get_language (launcher);
  MpFunc func;
  gpointer data;

  if (target == NULL)
    return TRUE;

  if (!g_str_equal (mp_target_get_language (target), language))
    {
      set_wrong_language (target, language, error);
      return FALSE;
    }
  if (!mp_launcher_is_native (launcher) || mp_launcher_get_argv (launcher) != NULL
      || strchr (target, '#') != NULL)
    return TRUE;

  if (!mp_launcher_get_initialized ())
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_INITIALIZED,
                   "Target '%s' is a function of this program, which has not called mp_init(): call it first thing "
                   "in main(), after mp_register_target(). A script names a function of a module instead: "
                   "'path.so#function'", target);
      return FALSE;
    }
  /* A child registers the same targets as this process */
  return mp_target_find (target, &func, &data, error);
}

gboolean
mp_context_resolve_method (MpContext      *self,
                           MpStartMethod  *method,
                           GError        **error)
{
  MpLauncher *launcher = mp_context_get_launcher (self);
  gboolean has_template = mp_launcher_get_has_template (launcher);

  *method = mp_context_get_start_method (self);
  if (*method == MP_START_METHOD_DEFAULT)
    *method = has_template ? MP_START_METHOD_FORKSERVER : MP_START_METHOD_SPAWN;
  if (*method == MP_START_METHOD_FORKSERVER && !has_template)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
                   "Workers of language '%s' cannot be forked by a template: use the start method spawn",
                   mp_launcher_get_language (launcher));
      return FALSE;
    }
  return TRUE;
}

static MpSpawnPlan *
new_plan (MpContext *self)
{
  g_auto (GStrv) argv = mp_launcher_dup_argv (mp_context_get_launcher (self));
  g_auto (GStrv) environment = mp_context_dup_environment (self);
  g_autofree char *directory = mp_context_dup_working_directory (self);

  return mp_spawn_plan_new ((const char * const *) argv, (const char * const *) environment, directory);
}

/* A plan is a copy of the whole environment, and a template that runs has no use for one */
static MpSpawnPlan *
ref_plan_of_running_template (MpContext *self)
{
  MpSpawnPlan *plan = NULL;

  g_mutex_lock (&contexts_lock);
  if (self->plan != NULL && self->template_ != NULL && mp_template_is_own (self->template_)
      && mp_template_is_running (self->template_))
    plan = mp_spawn_plan_ref (self->plan);
  g_mutex_unlock (&contexts_lock);
  return plan;
}

/* References none of the objects: it is also called by the engine, for workers of pools */
MpRecipe *
mp_context_new_recipe (MpContext     *self,
                       MpStartMethod  method)
{
  MpLauncher *launcher = mp_context_get_launcher (self);
  MpSpawnPlan *plan = method == MP_START_METHOD_FORKSERVER ? ref_plan_of_running_template (self) : NULL;

  return mp_recipe_new (mp_launcher_get_language (launcher), plan != NULL ? plan : new_plan (self),
                        mp_launcher_get_preparation (launcher), mp_context_get_hello_timeout (self));
}

MpTemplate *
mp_context_ref_template (MpContext *self,
                         MpRecipe  *recipe)
{
  MpTemplate *template_;

  g_mutex_lock (&contexts_lock);
  if (self->template_ == NULL || !mp_template_is_own (self->template_)) /* a parent's is let alone */
    self->template_ = mp_template_new ();
  template_ = mp_template_ref (self->template_);
  g_clear_pointer (&self->plan, mp_spawn_plan_unref);
  self->plan = mp_spawn_plan_ref (recipe->plan);
  g_mutex_unlock (&contexts_lock);

  mp_template_set_recipe (template_, recipe);
  return template_;
}

/* --- accessors -------------------------------------------------------------------------------------------- */

/**
 * mp_context_get_start_method: (get-property start-method)
 * @self: a context
 *
 * Tells how children are made.
 *
 * Returns: how children are made
 *
 * Since: 1.0
 */
MpStartMethod
mp_context_get_start_method (MpContext *self)
{
  g_return_val_if_fail (MP_IS_CONTEXT (self), MP_START_METHOD_DEFAULT);

  return self->start_method;
}

/**
 * mp_context_get_launcher: (get-property launcher)
 * @self: a context
 *
 * Gives the launcher of the language that children run.
 *
 * Returns: (transfer none): the launcher of the language that children run
 *
 * Since: 1.0
 */
MpLauncher *
mp_context_get_launcher (MpContext *self)
{
  MpLauncher *launcher;

  g_return_val_if_fail (MP_IS_CONTEXT (self), NULL);

  g_mutex_lock (&contexts_lock);
  launcher = self->launcher;
  g_mutex_unlock (&contexts_lock);
  return launcher;
}

/**
 * mp_context_set_launcher: (set-property launcher)
 * @self: a context
 * @launcher: a launcher
 *
 * Sets the launcher of children from now on. The one before stays alive with
 * the program, since children may be on their way.
 *
 * Since: 1.0
 */
void
mp_context_set_launcher (MpContext  *self,
                         MpLauncher *launcher)
{
  g_return_if_fail (MP_IS_CONTEXT (self));
  g_return_if_fail (MP_IS_LAUNCHER (launcher));

  g_object_ref (launcher); /* without the lock: a language may hear of it, and take one of its own */
  g_mutex_lock (&contexts_lock);
  self->launcher = launcher;
  g_clear_pointer (&self->plan, mp_spawn_plan_unref);
  g_mutex_unlock (&contexts_lock);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LAUNCHER]);
}

/**
 * mp_context_dup_environment: (get-property environment)
 * @self: a context
 *
 * Gives the children's environment, or %NULL for this process's.
 *
 * Returns: (transfer full) (nullable) (array zero-terminated=1): the children's environment, or
 *   %NULL for this process's
 *
 * Since: 1.0
 */
char **
mp_context_dup_environment (MpContext *self)
{
  char **environment;

  g_return_val_if_fail (MP_IS_CONTEXT (self), NULL);

  g_mutex_lock (&contexts_lock);
  environment = g_strdupv (self->environment);
  g_mutex_unlock (&contexts_lock);
  return environment;
}

/**
 * mp_context_set_environment: (set-property environment)
 * @self: a context
 * @environment: (nullable) (array zero-terminated=1): `NAME=value` strings, or %NULL
 *
 * Sets the children's whole environment.
 *
 * Since: 1.0
 */
void
mp_context_set_environment (MpContext          *self,
                            const char * const *environment)
{
  g_return_if_fail (MP_IS_CONTEXT (self));

  g_mutex_lock (&contexts_lock);
  g_strfreev (self->environment);
  self->environment = g_strdupv ((char **) environment);
  g_clear_pointer (&self->plan, mp_spawn_plan_unref);
  g_mutex_unlock (&contexts_lock);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ENVIRONMENT]);
}

/**
 * mp_context_dup_working_directory: (get-property working-directory)
 * @self: a context
 *
 * Gives the children's working directory, or %NULL for this process's.
 *
 * Returns: (transfer full) (nullable): the children's working directory, or %NULL for this process's
 *
 * Since: 1.0
 */
char *
mp_context_dup_working_directory (MpContext *self)
{
  char *directory;

  g_return_val_if_fail (MP_IS_CONTEXT (self), NULL);

  g_mutex_lock (&contexts_lock);
  directory = g_strdup (self->working_directory);
  g_mutex_unlock (&contexts_lock);
  return directory;
}

/**
 * mp_context_set_working_directory: (set-property working-directory)
 * @self: a context
 * @directory: (nullable) (type filename): a directory, or %NULL
 *
 * Sets the children's working directory.
 *
 * Since: 1.0
 */
void
mp_context_set_working_directory (MpContext  *self,
                                  const char *directory)
{
  g_return_if_fail (MP_IS_CONTEXT (self));

  g_mutex_lock (&contexts_lock);
  g_free (self->working_directory);
  self->working_directory = g_strdup (directory);
  g_clear_pointer (&self->plan, mp_spawn_plan_unref);
  g_mutex_unlock (&contexts_lock);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_WORKING_DIRECTORY]);
}

/**
 * mp_context_get_hello_timeout: (get-property hello-timeout)
 * @self: a context
 *
 * Tells the seconds within which a child must have become ready, negative for
 * no limit.
 *
 * Returns: seconds within which a child must have become ready, negative for no limit
 *
 * Since: 1.0
 */
gdouble
mp_context_get_hello_timeout (MpContext *self)
{
  gdouble seconds;

  g_return_val_if_fail (MP_IS_CONTEXT (self), 0);

  g_mutex_lock (&contexts_lock);
  seconds = self->hello_timeout;
  g_mutex_unlock (&contexts_lock);
  return seconds;
}

/**
 * mp_context_set_hello_timeout: (set-property hello-timeout)
 * @self: a context
 * @seconds: seconds, negative for no limit
 *
 * Sets within what time a child must have become ready; see
 * [property@Mp.Context:hello-timeout]. The default is 30 seconds.
 *
 * Since: 1.0
 */
void
mp_context_set_hello_timeout (MpContext *self,
                              gdouble    seconds)
{
  g_return_if_fail (MP_IS_CONTEXT (self));
  g_return_if_fail (!isnan (seconds));

  g_mutex_lock (&contexts_lock);
  self->hello_timeout = seconds;
  g_mutex_unlock (&contexts_lock);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_HELLO_TIMEOUT]);
}

/**
 * mp_context_to_string:
 * @self: a context
 *
 * Describes the object in a line, for people.
 *
 * Returns: (transfer full): `<Mp.Context python forkserver>`, for people
 *
 * Since: 1.0
 */
char *
mp_context_to_string (MpContext *self)
{
  MpStartMethod method;

  g_return_val_if_fail (MP_IS_CONTEXT (self), NULL);

  if (!mp_context_resolve_method (self, &method, NULL))
    method = MP_START_METHOD_DEFAULT;
  return g_strdup_printf ("<Mp.Context %s %s>", mp_launcher_get_language (mp_context_get_launcher (self)),
                          method == MP_START_METHOD_SPAWN ? "spawn" :
                          method == MP_START_METHOD_FORKSERVER ? "forkserver" : "default");
}
