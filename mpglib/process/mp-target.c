/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-target-private.h"

#include <gmodule.h>
#include <string.h>

#include "mp-error.h"
#include "mp-fork-private.h"
#include "mp-message-private.h"
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
  gsize length = 0;

  while ((name[length] >= 'a' && name[length] <= 'z') || (name[length] >= '0' && name[length] <= '9'))
    length++;
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

/* --- Calls ------------------------------------------------------------------------------------------------ */

/* One that a thread makes */
typedef struct
{
  MpMessage *attached; /* holds what is attached to its result; NULL: nothing yet */
} Call;

static _Thread_local Call *innermost; /* NULL: this thread makes none */

static MpMessage *
get_attached (GError **error)
{
  if (innermost != NULL && innermost->attached == NULL)
    innermost->attached = mp_message_new (NULL);
  if (innermost != NULL)
    return innermost->attached;

  g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                       "This thread runs no native function whose result something could be attached to: in Python "
                       "and JavaScript return the object itself");
  return NULL;
}

/**
 * mp_result_attach:
 * @object: what the caller of the function is to get
 * @error: return location for an error
 *
 * Attaches an object to the result of the function that a pool's worker has just called: the function
 * returns its index as a handle (`h`), alone or within other values, and the caller finds it by
 * [method@Mp.PoolResult.get_message] and [method@Mp.Message.get_attachment].
 *
 * ```c
 * static GVariant *
 * make_counter (MpMessage *arguments, GCancellable *cancellable, gpointer user_data, GError **error)
 * {
 *   g_autoptr (MpValue) counter = mp_value_new ("x", NULL, NULL);
 *
 *   return g_variant_new_handle (mp_result_attach (MP_SHAREABLE (counter), NULL));
 * }
 * ```
 *
 * Call it in the thread in which the function was called. It fails with %MP_ERROR_INVALID_STATE where there is no
 * such function. Functions of Python and JavaScript return objects themselves.
 *
 * Returns: the index, or -1 with the error set
 *
 * Since: 1.0
 */
int
mp_result_attach (MpShareable  *object,
                  GError      **error)
{
  MpMessage *message;

  g_return_val_if_fail (MP_IS_SHAREABLE (object), -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  message = get_attached (error);
  return message != NULL ? (int) mp_message_attach (message, object) : -1;
}

/**
 * mp_result_attach_fd:
 * @fd: an open file descriptor
 * @error: return location for an error
 *
 * Attaches a duplicate of a file descriptor, as [func@Mp.result_attach] does an object; the caller finds it by
 * [method@Mp.Message.get_attached_fd].
 *
 * Fails as [func@Mp.result_attach] and [method@Mp.Message.attach_fd] do.
 *
 * Returns: the index, or -1 with the error set
 *
 * Since: 1.0
 */
int
mp_result_attach_fd (int      fd,
                     GError **error)
{
  MpMessage *message;

  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  message = get_attached (error);
  return message != NULL ? mp_message_attach_fd (message, fd, error) : -1;
}

/* A function may call another one in the same way.  Its result may be NULL; who fails sets the error. */
static GVariant *
run (Call          *call,
     const char    *name,
     MpMessage     *arguments,
     GCancellable  *cancellable,
     GError       **error)
{
  Call *outer = innermost;
  gpointer user_data;
  GVariant *value;
  MpFunc func;

  if (!mp_target_find (name, &func, &user_data, error))
    return NULL;

  innermost = call;
  value = func (arguments, cancellable, user_data, error);
  innermost = outer;
  return value != NULL ? g_variant_take_ref (value) : NULL;
}

MpMessage *
mp_target_call (const char    *name,
                MpMessage     *arguments,
                GCancellable  *cancellable,
                GError       **error)
{
  Call call = { NULL };
  GError *failure = NULL;
  g_autoptr (GVariant) value = run (&call, name, arguments, cancellable, &failure);
  g_autoptr (MpMessage) attached = call.attached;
  MpMessage *result;

  if (failure != NULL)
    {
      g_propagate_error (error, failure);
      return NULL;
    }

  result = mp_message_new (value);
  if (attached != NULL)
    mp_message_share_attachments (result, attached);
  return result;
}

gboolean
mp_target_run (const char  *name,
               MpMessage   *arguments,
               GError     **error)
{
  Call call = { NULL };
  GError *failure = NULL;
  g_autoptr (GVariant) value = run (&call, name, arguments, NULL, &failure);

  g_clear_object (&call.attached);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, failure);
  return FALSE;
}
