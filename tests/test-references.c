/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Where objects that a language knows are referenced and let go.  A language is told of both by a toggle reference,
 * and takes a lock of its own then (Python's GIL), which another thread may hold that wants one of the library's.  So
 * nothing of that kind happens on mp-engine, nor with a lock held.  This program is its own child. */

#include "mpglib.h"
#include "mp-engine-private.h"
#include "mp-pump-private.h"
#include "mp-test.h"

/* --- a language ------------------------------------------------------------------------------------------- */

typedef struct {
  GMutex lock;
  GCond cond;
  gboolean was_locked;
} Attempt;

/* What a thread of the language may want meanwhile: a lock of the library's */
static void
lock_shared_pump (void)
{
  mp_pump_lock (mp_pump_get_shared ());
  mp_pump_unlock (mp_pump_get_shared ());
}

static gpointer lock_owner;

static void
look_at_context (void)
{
  mp_context_get_launcher (lock_owner);
}

static void
look_at_connection (void)
{
  mp_connection_get_fd (lock_owner, NULL);
}

static void (*try_lock) (void) = lock_shared_pump;

static gpointer
make_attempt (gpointer data)
{
  Attempt *attempt = data;

  try_lock ();
  g_mutex_lock (&attempt->lock);
  attempt->was_locked = TRUE;
  g_cond_signal (&attempt->cond);
  g_mutex_unlock (&attempt->lock);
  return NULL;
}

/* As a language would: waits for a thread that wants the lock */
static void
check_place (const char *what)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) (MP_TEST_DEADLINE / 2 * G_USEC_PER_SEC);
  Attempt attempt = { .was_locked = FALSE };
  GThread *thread;

  if (mp_engine_is_current ())
    g_error ("%s on the thread mp-engine", what);

  thread = g_thread_new ("language", make_attempt, &attempt);
  g_mutex_lock (&attempt.lock);
  while (!attempt.was_locked)
    if (!g_cond_wait_until (&attempt.cond, &attempt.lock, deadline))
      g_error ("%s with a lock of the library held", what);
  g_mutex_unlock (&attempt.lock);
  g_thread_join (thread);
}

static void
on_toggle (gpointer  n_toggles,
           GObject  *object,
           gboolean  is_last)
{
  check_place (is_last ? "An object is let go" : "An object is referenced");
  ++*(int *) n_toggles;
}

static void
on_gone (gpointer  is_gone,
         GObject  *object)
{
  check_place ("An object ends");
  *(gboolean *) is_gone = TRUE;
}

/* The object is the language's alone */
static void
adopt (gpointer  object,
       int      *n_toggles)
{
  g_object_add_toggle_ref (object, on_toggle, n_toggles);
  g_object_unref (object);
  *n_toggles = 0;
}

/* --- tests ------------------------------------------------------------------------------------------------ */

static GVariant *
target_nothing (MpMessage     *arguments,
                GCancellable  *cancellable,
                gpointer       data,
                GError       **error)
{
  return NULL;
}

static gboolean
has_no_child (gpointer unused)
{
  g_autoptr (GListModel) children = mp_process_get_children ();

  return g_list_model_get_n_items (children) == 0;
}

static void
run_process (MpContext *context,
             MpMessage *arguments)
{
  g_autoptr (MpProcess) process = mp_process_new (context, "nothing", NULL);
  g_autoptr (GError) error = NULL;

  if (arguments != NULL)
    mp_process_set_message (process, arguments);
  mp_process_start (process, &error);
  g_assert_no_error (error);
  mp_process_join (process, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  mp_test_run_until (has_no_child, NULL);
}

/* A template lives on for a while without its context, and must not keep what that had */
static void
test_launcher (gconstpointer method)
{
  MpLauncher *launcher = g_object_new (MP_TYPE_LAUNCHER, "language", "native", "has-template", TRUE, NULL);
  MpContext *context = mp_context_new ((MpStartMethod) GPOINTER_TO_INT (method), launcher);
  gboolean is_gone = FALSE;
  int n_toggles = 0;

  g_object_weak_ref (G_OBJECT (launcher), on_gone, &is_gone);
  adopt (launcher, &n_toggles);
  run_process (context, NULL);
  g_object_unref (context);
  g_object_remove_toggle_ref (G_OBJECT (launcher), on_toggle, &n_toggles);
  g_assert_true (is_gone);
}

static void
test_set_launcher (void)
{
  MpLauncher *launcher = g_object_new (MP_TYPE_LAUNCHER, "language", "native", "has-template", TRUE, NULL);
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  int n_toggles = 0;

  adopt (launcher, &n_toggles);
  try_lock = look_at_context;
  lock_owner = context;
  mp_context_set_launcher (context, launcher);
  g_assert_cmpint (n_toggles, ==, 1);
  try_lock = lock_shared_pump;
  g_object_remove_toggle_ref (G_OBJECT (launcher), on_toggle, &n_toggles);
}

static void
test_message (gconstpointer method)
{
  g_autoptr (MpContext) context = mp_context_new ((MpStartMethod) GPOINTER_TO_INT (method), NULL);
  MpMessage *message = mp_message_new (g_variant_new ("(s)", "argument"));
  gboolean is_gone = FALSE;
  int n_toggles = 0;

  g_object_weak_ref (G_OBJECT (message), on_gone, &is_gone);
  adopt (message, &n_toggles);
  run_process (context, message);
  g_assert_cmpint (n_toggles, ==, 2);
  g_object_remove_toggle_ref (G_OBJECT (message), on_toggle, &n_toggles);
  g_assert_true (is_gone);
}

static void
test_process (gconstpointer method)
{
  g_autoptr (MpContext) context = mp_context_new ((MpStartMethod) GPOINTER_TO_INT (method), NULL);
  MpProcess *process = mp_process_new (context, "nothing", NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  int n_toggles = 0;

  adopt (process, &n_toggles);
  mp_process_start_async (process, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  g_assert_true (mp_process_start_finish (process, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);
  mp_test_run_until (has_no_child, NULL);
  mp_process_join (process, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (n_toggles, >, 0);
  g_object_remove_toggle_ref (G_OBJECT (process), on_toggle, &n_toggles);
}

static void
test_connection (void)
{
  g_autoptr (MpConnection) peer = NULL;
  MpConnection *connection;
  g_autoptr (GError) error = NULL;
  int n_toggles = 0;

  mp_connection_new_pair (TRUE, &connection, &peer, &error);
  g_assert_no_error (error);
  adopt (connection, &n_toggles);
  try_lock = look_at_connection;
  lock_owner = connection;
  mp_connection_close (peer);
  g_assert_null (mp_connection_receive (connection, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  try_lock = lock_shared_pump;
  g_object_remove_toggle_ref (G_OBJECT (connection), on_toggle, &n_toggles);
}

static void
look_at_pool (void)
{
  mp_pool_get_state (lock_owner);
}

static void
test_pool (gconstpointer is_map)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  g_autoptr (MpPool) pool = mp_pool_new (1, context);
  MpMessage *message = mp_message_new (g_variant_new_parsed ("['argument', 'another one']"));
  g_autoptr (MpPoolResult) result = NULL;
  g_autoptr (GError) error = NULL;
  int n_toggles = 0;

  adopt (message, &n_toggles);
  lock_owner = pool;
  try_lock = look_at_pool;
  if (GPOINTER_TO_INT (is_map))
    result = mp_pool_submit_map_message (pool, "nothing", message, 0, NULL);
  else
    result = mp_pool_submit_message (pool, "nothing", message, NULL);
  mp_pool_result_wait (result, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&result);
  mp_pool_close (pool);
  mp_pool_join (pool, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  try_lock = lock_shared_pump;
  g_object_remove_toggle_ref (G_OBJECT (message), on_toggle, &n_toggles);
}

/* Not by a template of the default context: that would stay, and might be seen only after the first comparison */
static void
warm_up (void)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, NULL);

  g_type_ensure (G_TYPE_TASK); /* GLib keeps a thread for tasks, and its descriptors, from the first on */
  run_process (context, NULL);
}

int
main (int    argc,
      char **argv)
{
  const struct {
    const char *name;
    MpStartMethod method;
  } methods[] = { { "spawn", MP_START_METHOD_SPAWN }, { "forkserver", MP_START_METHOD_FORKSERVER } };

  mp_register_target ("nothing", target_nothing, NULL, NULL);
  mp_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      g_autofree char *launcher = g_strconcat ("/references/launcher/", methods[i].name, NULL);
      g_autofree char *message = g_strconcat ("/references/message/", methods[i].name, NULL);
      g_autofree char *process = g_strconcat ("/references/process/", methods[i].name, NULL);

      mp_test_add_data (launcher, GINT_TO_POINTER (methods[i].method), test_launcher);
      mp_test_add_data (message, GINT_TO_POINTER (methods[i].method), test_message);
      mp_test_add_data (process, GINT_TO_POINTER (methods[i].method), test_process);
    }
  mp_test_add ("/references/set-launcher", test_set_launcher);
  mp_test_add ("/references/connection", test_connection);
  mp_test_add_data ("/references/pool/call", GINT_TO_POINTER (FALSE), test_pool);
  mp_test_add_data ("/references/pool/map", GINT_TO_POINTER (TRUE), test_pool);
  return g_test_run ();
}
