/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-launcher-private.h"

#include <string.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-fork-private.h"

/**
 * MpLauncher:
 *
 * How a language's worker processes are started.
 *
 * A launcher is what makes a language a citizen of mpglib: the command line of
 * its worker program, whether that program can be a template that forks (see
 * [class@Mp.Worker]), and what is to be told to each worker before its work.
 * Three languages are known from the start and found by
 * [func@Mp.Launcher.lookup]:
 *
 * - `native`: functions of C and Vala. A program that calls [func@Mp.init] is
 *   its own worker; for any other program `mpglib-worker` runs functions of
 *   modules (`path.so#function`).
 * - `python`: functions of Python modules (`python:package.module:function`).
 * - `gjs`: exports of JavaScript modules (`gjs:file:///…/tasks.js#cube`).
 *
 * A launcher may be used by all threads; its properties are set when it is
 * made, except for the preparation.
 *
 * Since: 1.0
 */

struct _MpLauncher {
  GObject parent_instance;

  char *language;
  char **argv;
  gboolean has_template;

  GVariant *preparation; /* guarded by the lock of all preparations */
};

G_DEFINE_FINAL_TYPE (MpLauncher, mp_launcher, G_TYPE_OBJECT)

enum {
  PROP_0,
  PROP_LANGUAGE,
  PROP_ARGV,
  PROP_HAS_TEMPLATE,
  PROP_PREPARATION,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static GHashTable *launchers; /* language → MpLauncher */
static GMutex launchers_lock;
static GMutex preparations_lock;
static gboolean initialized;

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&launchers_lock, NULL);
  mp_fork_add_leaf (&preparations_lock, NULL);
}

static void
mp_launcher_finalize (GObject *object)
{
  MpLauncher *self = MP_LAUNCHER (object);

  g_free (self->language);
  g_strfreev (self->argv);
  g_clear_pointer (&self->preparation, g_variant_unref);
  G_OBJECT_CLASS (mp_launcher_parent_class)->finalize (object);
}

static void
mp_launcher_get_property (GObject    *object,
                          guint       id,
                          GValue     *value,
                          GParamSpec *pspec)
{
  MpLauncher *self = MP_LAUNCHER (object);

  switch (id)
    {
    case PROP_LANGUAGE:
      g_value_set_string (value, self->language);
      break;
    case PROP_ARGV:
      g_value_set_boxed (value, self->argv);
      break;
    case PROP_HAS_TEMPLATE:
      g_value_set_boolean (value, self->has_template);
      break;
    case PROP_PREPARATION:
      g_value_take_variant (value, mp_launcher_get_preparation (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mp_launcher_set_property (GObject      *object,
                          guint         id,
                          const GValue *value,
                          GParamSpec   *pspec)
{
  MpLauncher *self = MP_LAUNCHER (object);

  switch (id)
    {
    case PROP_LANGUAGE:
      self->language = g_value_dup_string (value);
      break;
    case PROP_ARGV:
      self->argv = g_value_dup_boxed (value);
      break;
    case PROP_HAS_TEMPLATE:
      self->has_template = g_value_get_boolean (value);
      break;
    case PROP_PREPARATION:
      mp_launcher_set_preparation (self, g_value_get_variant (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mp_launcher_class_init (MpLauncherClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = mp_launcher_finalize;
  object_class->get_property = mp_launcher_get_property;
  object_class->set_property = mp_launcher_set_property;

  /**
   * MpLauncher:language: (getter get_language)
   *
   * The language of the workers, which is the prefix of their targets.
   *
   * Since: 1.0
   */
  properties[PROP_LANGUAGE] =
    g_param_spec_string ("language", NULL, NULL, "native",
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * MpLauncher:argv: (getter get_argv)
   *
   * The worker program and its arguments; the first is looked up in `PATH`.
   * %NULL for native workers: this program, or `mpglib-worker`.
   *
   * Since: 1.0
   */
  properties[PROP_ARGV] =
    g_param_spec_boxed ("argv", NULL, NULL, G_TYPE_STRV,
                        G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * MpLauncher:has-template: (getter get_has_template)
   *
   * Whether the worker program can also be a template that forks workers
   * (%MP_START_METHOD_FORKSERVER).
   *
   * Since: 1.0
   */
  properties[PROP_HAS_TEMPLATE] =
    g_param_spec_boolean ("has-template", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * MpLauncher:preparation: (getter get_preparation) (setter set_preparation)
   *
   * What every worker is told before its work; its form is the language's own
   * (a GVariant of any type, or %NULL).
   *
   * Since: 1.0
   */
  properties[PROP_PREPARATION] =
    g_param_spec_variant ("preparation", NULL, NULL, G_VARIANT_TYPE_ANY, NULL,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_launcher_init (MpLauncher *self)
{
}

/**
 * mp_launcher_new:
 * @language: the language, lower case letters and digits
 * @argv: (array zero-terminated=1): the worker program and its arguments
 *
 * Makes a launcher without a template: all its workers are started by exec.
 *
 * Returns: (transfer full): a new launcher
 *
 * Since: 1.0
 */
MpLauncher *
mp_launcher_new (const char         *language,
                 const char * const *argv)
{
  g_return_val_if_fail (language != NULL, NULL);
  g_return_val_if_fail (argv != NULL && argv[0] != NULL, NULL);

  return g_object_new (MP_TYPE_LAUNCHER, "language", language, "argv", argv, NULL);
}

/* --- the known ones --------------------------------------------------------------------------------------- */

/* From the build tree the environment says where things are; installed, the build did */
static const char *
find_program (const char *variable,
              const char *installed)
{
  const char *path = g_getenv (variable);

  return path != NULL && *path != '\0' ? path : installed;
}

static MpLauncher *
new_known (const char *language)
{
  if (strcmp (language, "native") == 0)
    return g_object_new (MP_TYPE_LAUNCHER, "language", language, "has-template", TRUE, NULL);
  if (strcmp (language, "python") == 0)
    {
      const char *argv[] = { find_program ("MPGLIB_PYTHON", MP_PYTHON), "-m", "mpglib.worker", NULL };

      return g_object_new (MP_TYPE_LAUNCHER, "language", language, "argv", argv, "has-template", TRUE, NULL);
    }
  if (strcmp (language, "gjs") == 0)
    {
      const char *argv[] = { find_program ("MPGLIB_GJS", MP_GJS), "-m",
                             find_program ("MPGLIB_GJS_WORKER", MP_GJS_WORKER), NULL };

      return g_object_new (MP_TYPE_LAUNCHER, "language", language, "argv", argv, NULL);
    }
  return NULL;
}

static const char * const built_in_languages[] = { "native", "python", "gjs", NULL };

static GHashTable *
get_launchers_locked (void)
{
  if (launchers == NULL)
    launchers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return launchers;
}

gboolean
mp_launcher_is_known (const char *language)
{
  gboolean is_registered;

  g_mutex_lock (&launchers_lock);
  is_registered = g_hash_table_contains (get_launchers_locked (), language);
  g_mutex_unlock (&launchers_lock);
  return is_registered || g_strv_contains (built_in_languages, language);
}

/* "native, python, gjs", and those that were registered */
char *
mp_launcher_list_languages (void)
{
  GString *list;
  GHashTableIter iter;
  gpointer language;

  list = g_string_new (NULL);
  for (guint i = 0; built_in_languages[i] != NULL; i++)
    g_string_append_printf (list, "%s%s", i > 0 ? ", " : "", built_in_languages[i]);

  g_mutex_lock (&launchers_lock);
  g_hash_table_iter_init (&iter, get_launchers_locked ());
  while (g_hash_table_iter_next (&iter, &language, NULL))
    if (!g_strv_contains (built_in_languages, language))
      g_string_append_printf (list, ", %s", (const char *) language);
  g_mutex_unlock (&launchers_lock);
  return g_string_free (list, FALSE);
}

/**
 * mp_launcher_lookup:
 * @language: `native`, `python`, `gjs`, or another one that was registered
 * @error: return location for an error
 *
 * Finds the launcher of a language.
 *
 * Any thread may call this. It does not look whether the language is installed:
 * starting a worker tells.
 *
 * Returns: (transfer none): the launcher, or %NULL with %MP_ERROR_NOT_SUPPORTED
 *
 * Since: 1.0
 */
MpLauncher *
mp_launcher_lookup (const char  *language,
                    GError     **error)
{
  MpLauncher *self;

  g_return_val_if_fail (language != NULL, NULL);

  g_mutex_lock (&launchers_lock);
  self = g_hash_table_lookup (get_launchers_locked (), language);
  if (self == NULL)
    {
      self = new_known (language);
      if (self != NULL)
        g_hash_table_insert (launchers, g_strdup (language), self);
    }
  g_mutex_unlock (&launchers_lock);

  if (self == NULL)
    {
      g_autofree char *known = mp_launcher_list_languages ();

      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
                   "There is no launcher for the language '%s': known are %s; mp_register_launcher() makes others "
                   "known", language, known);
    }
  return self;
}

/**
 * mp_register_launcher:
 * @launcher: a launcher
 *
 * Makes @launcher the one of its language, in place of the one there was.
 *
 * Contexts that have taken the other one keep it. Any thread may call this.
 *
 * Since: 1.0
 */
void
mp_register_launcher (MpLauncher *launcher)
{
  g_autoptr (MpLauncher) replaced = NULL; /* let go without the lock: a language may hear of it */

  g_return_if_fail (MP_IS_LAUNCHER (launcher));

  g_object_ref (launcher);
  g_mutex_lock (&launchers_lock);
  replaced = g_hash_table_lookup (get_launchers_locked (), launcher->language);
  g_hash_table_replace (launchers, g_strdup (launcher->language), launcher);
  g_mutex_unlock (&launchers_lock);
}

/* --- what they start -------------------------------------------------------------------------------------- */

void
mp_launcher_set_initialized (void)
{
  g_atomic_int_set (&initialized, TRUE);
}

gboolean
mp_launcher_get_initialized (void)
{
  return g_atomic_int_get (&initialized);
}

gboolean
mp_launcher_is_native (MpLauncher *self)
{
  return strcmp (self->language, "native") == 0;
}

gboolean
mp_launcher_is_own (MpLauncher *self)
{
  return mp_launcher_is_native (self) && self->argv == NULL && mp_launcher_get_initialized ();
}

/* The program's file by name, for a process list that tells; by the link of /proc where it was replaced or removed
 * since it was started. */
static char *
find_own_program (void)
{
  g_autofree char *path = g_file_read_link ("/proc/self/exe", NULL);

  if (path != NULL && access (path, X_OK) == 0)
    return g_steal_pointer (&path);
  return g_strdup ("/proc/self/exe");
}

char **
mp_launcher_dup_argv (MpLauncher *self)
{
  char **argv;

  if (self->argv != NULL && self->argv[0] != NULL)
    return g_strdupv (self->argv);

  argv = g_new0 (char *, 2);
  if (mp_launcher_is_native (self) && mp_launcher_get_initialized ())
    argv[0] = find_own_program ();
  else
    argv[0] = g_strdup (find_program ("MPGLIB_WORKER", MP_LIBEXECDIR "/mpglib-worker"));
  return argv;
}

/* --- accessors -------------------------------------------------------------------------------------------- */

/**
 * mp_launcher_get_language: (get-property language)
 * @self: a launcher
 *
 * Gives the language of the workers.
 *
 * Returns: the language of the workers
 *
 * Since: 1.0
 */
const char *
mp_launcher_get_language (MpLauncher *self)
{
  g_return_val_if_fail (MP_IS_LAUNCHER (self), NULL);

  return self->language;
}

/**
 * mp_launcher_get_argv: (get-property argv)
 * @self: a launcher
 *
 * Gives the worker program and its arguments, or %NULL where that is found
 * when a worker is started.
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1): the worker program and its
 *   arguments, or %NULL where that is found when a worker is started
 *
 * Since: 1.0
 */
const char * const *
mp_launcher_get_argv (MpLauncher *self)
{
  g_return_val_if_fail (MP_IS_LAUNCHER (self), NULL);

  return (const char * const *) self->argv;
}

/**
 * mp_launcher_get_has_template: (get-property has-template)
 * @self: a launcher
 *
 * Tells whether workers can be forked by a template.
 *
 * Returns: whether workers can be forked by a template
 *
 * Since: 1.0
 */
gboolean
mp_launcher_get_has_template (MpLauncher *self)
{
  g_return_val_if_fail (MP_IS_LAUNCHER (self), FALSE);

  return self->has_template;
}

/**
 * mp_launcher_get_preparation: (get-property preparation)
 * @self: a launcher
 *
 * Tells what every worker is told before its work.
 *
 * Returns: (transfer full) (nullable): what every worker is told before its work
 *
 * Since: 1.0
 */
GVariant *
mp_launcher_get_preparation (MpLauncher *self)
{
  GVariant *preparation;

  g_return_val_if_fail (MP_IS_LAUNCHER (self), NULL);

  g_mutex_lock (&preparations_lock);
  preparation = self->preparation != NULL ? g_variant_ref (self->preparation) : NULL;
  g_mutex_unlock (&preparations_lock);
  return preparation;
}

/**
 * mp_launcher_set_preparation: (set-property preparation)
 * @self: a launcher
 * @preparation: (nullable): a value of any type
 *
 * Sets what every worker started from now on is told before its work. A
 * floating reference is sunk. Any thread may call this.
 *
 * Since: 1.0
 */
void
mp_launcher_set_preparation (MpLauncher *self,
                             GVariant   *preparation)
{
  g_autoptr (GVariant) old = NULL;

  g_return_if_fail (MP_IS_LAUNCHER (self));

  g_mutex_lock (&preparations_lock);
  old = self->preparation;
  self->preparation = preparation != NULL ? g_variant_ref_sink (preparation) : NULL;
  g_mutex_unlock (&preparations_lock);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PREPARATION]);
}

/**
 * mp_launcher_to_string:
 * @self: a launcher
 *
 * Describes the object in a line, for people.
 *
 * Returns: (transfer full): `<Mp.Launcher python: python3 -m mpglib.worker>`, for people
 *
 * Since: 1.0
 */
char *
mp_launcher_to_string (MpLauncher *self)
{
  g_auto (GStrv) argv = NULL;
  g_autofree char *command = NULL;

  g_return_val_if_fail (MP_IS_LAUNCHER (self), NULL);

  argv = mp_launcher_dup_argv (self);
  command = g_strjoinv (" ", argv);
  return g_strdup_printf ("<Mp.Launcher %s: %s>", self->language, command);
}
