/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-target-private.h"

#include <gmodule.h>
#include <string.h>

#include "mp-error.h"
#include "mp-fork-private.h"
#include "mp-worker-private.h"

typedef struct {
  MpFunc func;
  gpointer user_data;
  GDestroyNotify notify;
} Target;

static GHashTable *targets; /* name → Target */
static GHashTable *modules; /* path → GModule; they stay for ever */
static GHashTable *functions; /* name → MpFunc, of modules: a pool's worker calls the same one again and again */
static GMutex targets_lock; /* for all */

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&targets_lock, NULL);
}

static void
target_free (gpointer data)
{
  Target *self = data;

  if (self->notify != NULL)
    self->notify (self->user_data);
  g_free (self);
}

/**
 * mp_register_target:
 * @name: the name under which children are told to run the function; no colon and no `#` in it
 * @func: (scope notified) (closure user_data) (destroy notify): the function
 * @user_data: passed to @func
 * @notify: called when another function takes the name
 *
 * Makes a function of this program a target: something that a child process
 * can be told to run.
 *
 * A child made by exec runs the program's main function again, up to
 * [func@Mp.init]; so register all targets before that call, always the same
 * ones. @user_data has the value that it has when the child registers the
 * function, not the one it has in the parent.
 *
 * Any thread may call this.
 *
 * Since: 1.0
 */
void
mp_register_target (const char     *name,
                    MpFunc          func,
                    gpointer        user_data,
                    GDestroyNotify  notify)
{
  Target *target, *replaced;

  g_return_if_fail (name != NULL && *name != '\0' && strpbrk (name, ":#") == NULL);
  g_return_if_fail (func != NULL);

  target = g_new (Target, 1);
  target->func = func;
  target->user_data = user_data;
  target->notify = notify;

  g_mutex_lock (&targets_lock);
  if (targets == NULL)
    targets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  replaced = g_hash_table_lookup (targets, name);
  g_hash_table_replace (targets, g_strdup (name), target);
  g_mutex_unlock (&targets_lock);
  g_clear_pointer (&replaced, target_free); /* the caller's own code, so without the lock */
}

const char *
mp_target_get_language (const char *name)
{
  gsize length = strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789");

  if (length > 0 && name[length] == ':')
    {
      g_autofree char *language = g_strndup (name, length);

      return g_intern_string (language);
    }
  return "native";
}

gboolean
mp_target_is_registered (const char *name)
{
  gboolean found;

  g_mutex_lock (&targets_lock);
  found = targets != NULL && g_hash_table_contains (targets, name);
  g_mutex_unlock (&targets_lock);
  return found;
}

static gboolean
find_registered (const char *name,
                 MpFunc     *func,
                 gpointer   *user_data)
{
  Target *target;

  g_mutex_lock (&targets_lock);
  target = targets != NULL ? g_hash_table_lookup (targets, name) : NULL;
  if (target != NULL)
    {
      *func = target->func;
      *user_data = target->user_data;
    }
  g_mutex_unlock (&targets_lock);
  return target != NULL;
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

static char *
list_registered (void)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer key;

  g_mutex_lock (&targets_lock);
  if (targets != NULL)
    {
      g_hash_table_iter_init (&iter, targets);
      while (g_hash_table_iter_next (&iter, &key, NULL))
        g_ptr_array_add (names, g_strdup (key));
    }
  g_mutex_unlock (&targets_lock);

  if (names->len == 0)
    return g_strdup ("none");
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (", ", (char **) names->pdata);
}

static GModule *
look_up_module (const char *path)
{
  GModule *module;

  g_mutex_lock (&targets_lock);
  module = modules != NULL ? g_hash_table_lookup (modules, path) : NULL;
  g_mutex_unlock (&targets_lock);
  return module;
}

static void
keep_module (const char *path,
             GModule    *module)
{
  g_mutex_lock (&targets_lock);
  if (modules == NULL)
    modules = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_replace (modules, g_strdup (path), module);
  g_mutex_unlock (&targets_lock);
}

/* A module stays loaded: its code may have left threads, types and pointers behind.  It may also hang when it is
 * loaded, in one of its constructors. */
static GModule *
load_module (const char *path)
{
  MpWorker *worker = mp_worker_get_current ();
  g_autofree char *what = g_strdup_printf ("The module '%s'", path);
  GModule *module;

  if (worker != NULL)
    mp_worker_begin_loading (worker, what, NULL);
  module = g_module_open (path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  if (worker != NULL)
    mp_worker_end_loading (worker);

  if (module != NULL)
    {
      g_module_make_resident (module);
      keep_module (path, module);
    }
  return module;
}

static MpFunc
look_up_function (const char *name)
{
  gpointer func;

  g_mutex_lock (&targets_lock);
  func = functions != NULL ? g_hash_table_lookup (functions, name) : NULL;
  g_mutex_unlock (&targets_lock);
  return (MpFunc) func;
}

static void
keep_function (const char *name,
               MpFunc      func)
{
  g_mutex_lock (&targets_lock);
  if (functions == NULL)
    functions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_replace (functions, g_strdup (name), (gpointer) func);
  g_mutex_unlock (&targets_lock);
}

static gboolean
load_function (const char  *name,
               const char  *hash,
               MpFunc      *func,
               GError     **error)
{
  g_autofree char *path = g_strndup (name, (gsize) (hash - name));
  GModule *module = look_up_module (path);

  if (module == NULL)
    module = load_module (path);
  if (module == NULL)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NO_TARGET, "Target '%s': cannot load the module: %s",
                   name, g_module_error ());
      return FALSE;
    }
  if (!g_module_symbol (module, hash + 1, (gpointer *) func) || *func == NULL)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NO_TARGET,
                   "Target '%s': the module has no function '%s' (it must be exported and not static)",
                   name, hash + 1);
      return FALSE;
    }
  keep_function (name, *func);
  return TRUE;
}

gboolean
mp_target_find (const char  *name,
                MpFunc      *func,
                gpointer    *user_data,
                GError     **error)
{
  const char *hash = strrchr (name, '#');
  const char *language = mp_target_get_language (name);

  if (strcmp (language, "native") != 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NO_TARGET,
                   "Target '%s' is of language '%s', this worker runs native code", name, language);
      return FALSE;
    }
  if (hash != NULL)
    {
      *user_data = NULL;
      *func = look_up_function (name);
      return *func != NULL || load_function (name, hash, func, error);
    }
  if (!find_registered (name, func, user_data))
    {
      g_autofree char *known = list_registered ();

      g_set_error (error, MP_ERROR, MP_ERROR_NO_TARGET,
                   "No target '%s' is registered here (registered: %s): call mp_register_target() before "
                   "mp_init(), or name a function of a module as 'path.so#function'", name, known);
      return FALSE;
    }
  return TRUE;
}

GVariant *
mp_target_call (const char    *name,
                MpMessage     *arguments,
                GCancellable  *cancellable,
                GError       **error)
{
  GError *failure = NULL;
  gpointer user_data;
  GVariant *result;
  MpFunc func;

  if (!mp_target_find (name, &func, &user_data, error))
    return NULL;

  result = func (arguments, cancellable, user_data, &failure);
  if (failure != NULL)
    {
      if (result != NULL)
        g_variant_unref (g_variant_take_ref (result));
      g_propagate_error (error, failure);
      return NULL;
    }
  if (result == NULL)
    result = g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
  return g_variant_take_ref (result);
}
