/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What workers send is looked at by who asks for it, and by nobody else: the
 * workers of this program give back damaged values, and each check is counted.
 */

#include <dlfcn.h>
#include <string.h>

#include "mp-message-private.h"
#include "mp-target-private.h"
#include "mp-test.h"
#include "mp-worker-loop-private.h"
#include "pool-targets.h"

#define DEADLINE MP_TEST_DEADLINE
#define N_LOCKS 6

/* --- workers that give back nonsense ---------------------------------------------------------------------- */

/* x -> as: a damaged one if the number is odd */
static MpMessage *
spoil (MpCall *call)
{
  g_autoptr (GVariant) number = mp_message_get_value (call->arguments, NULL);
  g_autoptr (GBytes) body = NULL;

  if (g_variant_get_int64 (number) % 2 == 0)
    body = g_bytes_new_static ("a\0\2", 3);
  else
    body = g_bytes_new_static ("a\0\7", 3);
  return mp_message_new_received ("=as", body, NULL, NULL, 0, NULL);
}

/* anything -> raw bytes, with locks attached */
static MpMessage *
give_locks (void)
{
  MpMessage *message = mp_message_new_data (NULL, 0, NULL);

  for (guint i = 0; i < N_LOCKS; i++)
    {
      g_autoptr (MpLock) lock = mp_lock_new ();

      mp_message_attach (message, MP_SHAREABLE (lock));
    }
  return message;
}

static MpMessage *
call_target (MpCall  *call,
             GError **error)
{
  if (g_str_equal (call->target, "spoil"))
    return spoil (call);

  if (g_str_equal (call->target, "locks"))
    return give_locks ();

  return mp_target_call (call->target, call->arguments, call->cancellable, error);
}

static int
run_worker (MpWorker *worker)
{
  MpWorkerLoop *loop;
  MpCall *call;

  mp_worker_ready (worker, NULL);
  loop = mp_worker_loop_get (worker);
  while ((call = mp_worker_loop_next (loop, NULL)) != NULL)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MpMessage) result = call_target (call, &error);

      if (result != NULL)
        mp_worker_loop_answer (loop, call, result);
      else
        g_error ("%s", error->message);
      mp_call_free (call);
    }
  return 0;
}

/* --- counting --------------------------------------------------------------------------------------------- */

static MpPool *the_pool;
static guint n_checks;    /* of damaged or undamaged values of type "as" */
static GThread *checked_by;

static gpointer
get_state (gpointer pool)
{
  mp_pool_get_state (pool);
  return NULL;
}

/* Another thread gets at the pool meanwhile; if not, this hangs. */
static void
assert_pool_is_free (void)
{
  g_thread_join (g_thread_new ("other", get_state, the_pool));
}

/* Instead of GLib's. */
gboolean
g_variant_is_normal_form (GVariant *value)
{
  gboolean (*is_normal_form) (GVariant *) = (gboolean (*) (GVariant *)) dlsym (RTLD_NEXT, "g_variant_is_normal_form");

  if (the_pool != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY))
    {
      g_atomic_int_inc (&n_checks);
      g_atomic_pointer_set (&checked_by, g_thread_self ());
      assert_pool_is_free ();
    }
  return is_normal_form (value);
}

static MpPool *
begin (guint n_workers)
{
  n_checks = 0;
  return the_pool = pool_new (n_workers);
}

static void
end (void)
{
  pool_finish (g_steal_pointer (&the_pool));
}

/* --- the tests -------------------------------------------------------------------------------------------- */

static void
assert_damaged (const GError *error,
                const char   *where)
{
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
  g_assert_true (g_str_has_prefix (error->message, where));
  g_assert_nonnull (strstr (error->message, "not in normal form"));
}

static void
test_when (void)
{
  MpPool *pool = begin (1);
  MpPoolResult *result = mp_pool_submit (pool, "spoil", g_variant_new_int64 (0), NULL);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) again = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A result is checked when it is asked for, once, in that thread, while the pool is free.");

  g_assert_true (mp_pool_result_wait (result, DEADLINE, NULL, &error));
  g_assert_true (mp_pool_result_is_successful (result));
  g_assert_cmpuint (n_checks, ==, 0);

  value = mp_pool_result_get (result, 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_n_children (value), ==, 1);
  g_assert_cmpuint (n_checks, ==, 1);
  g_assert_true (checked_by == g_thread_self ());

  again = mp_pool_result_get (result, 0, NULL, &error);
  g_assert_true (again == value);
  g_assert_cmpuint (n_checks, ==, 1);
  g_assert_finalize_object (result);
  end ();
}

static void
append_state (MpPoolResult *result,
              GParamSpec   *pspec,
              GString      *log)
{
  const char *names[] = { "pending", "running", "done", "failed" };

  g_string_append_printf (log, "%s ", names[mp_pool_result_get_state (result)]);
}

static void
append_finished (MpPoolResult *result,
                 GString      *log)
{
  g_string_append (log, "finished ");
}

static gboolean
has_told_twice (gpointer log)
{
  return strstr (((GString *) log)->str, "finished failed") != NULL;
}

static void
test_damaged (void)
{
  MpPool *pool = begin (1);
  MpPoolResult *result = mp_pool_submit (pool, "spoil", g_variant_new_int64 (1), NULL);
  g_autoptr (GString) log = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A damaged result is told as done, and as failed from when it was asked for.");

  g_signal_connect (result, "notify::state", G_CALLBACK (append_state), log);
  g_signal_connect (result, "finished", G_CALLBACK (append_finished), log);
  while (strstr (log->str, "finished") == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (mp_pool_result_is_successful (result));
  g_assert_cmpuint (n_checks, ==, 0);

  for (guint i = 0; i < 3; i++)
    {
      if (i == 2)
        g_assert_null (mp_pool_result_get_message (result, &error));
      else
        g_assert_null (mp_pool_result_get (result, 0, NULL, &error));
      assert_damaged (error, "Refused");
      g_clear_error (&error);
      g_assert_cmpint (mp_pool_result_get_state (result), ==, MP_TASK_STATE_FAILED);
      g_assert_null (mp_pool_result_get_report (result));
    }
  g_assert_false (has_told_twice (log));
  mp_test_run_until (has_told_twice, log);
  g_assert_true (g_str_has_suffix (log->str, "done finished failed "));

  g_assert_finalize_object (result);
  assert_works (pool);
  end ();
}

static void
test_damaged_of_map (void)
{
  MpPool *pool = begin (1);
  MpPoolResult *result = mp_pool_submit_map (pool, "spoil", numbers_new (6), 2, NULL);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A map with damaged results fails as its first one, in whatever order they are found.");

  g_assert_true (mp_pool_result_wait (result, DEADLINE, NULL, &error));
  g_assert_null (mp_pool_result_get_item (result, 5, &error));
  assert_damaged (error, "Refused");
  g_clear_error (&error);
  g_assert_cmpint (mp_pool_result_get_state (result), ==, MP_TASK_STATE_FAILED);

  g_assert_null (mp_pool_result_get (result, 0, NULL, &error));
  assert_damaged (error, "Item 1: Refused");
  g_clear_error (&error);
  g_assert_null (mp_pool_result_get_item (result, 3, &error));
  g_clear_error (&error);
  g_assert_null (mp_pool_result_get (result, 0, NULL, &error));
  assert_damaged (error, "Item 1: Refused");
  g_clear_error (&error);

  value = mp_pool_result_get_item (result, 4, &error);
  g_assert_no_error (error);
  g_assert_finalize_object (result);
  end ();
}

static void
test_damaged_early (void)
{
  MpPool *pool = begin (1);
  Gate *gate = gate_new ();
  GVariantBuilder builder;
  MpPoolResult *result, *blocker;
  g_autoptr (GError) error = NULL;

  g_test_summary ("What is found in a map that goes on counts when it ends.");

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("ax"));
  for (guint i = 0; i < 3; i++)
    g_variant_builder_add (&builder, "x", (gint64) i);
  result = mp_pool_submit_map (pool, "spoil", g_variant_builder_end (&builder), 2, NULL);
  blocker = gate_submit (gate, pool, "gate");
  while (mp_pool_result_get_n_finished (result) < 2)
    g_main_context_iteration (NULL, TRUE);
  g_assert_null (mp_pool_result_get_item (result, 1, &error));
  assert_damaged (error, "Refused");

  gate_await (gate);
  gate_open (gate);
  g_assert_true (mp_pool_result_wait (result, DEADLINE, NULL, NULL));
  g_assert_cmpint (mp_pool_result_get_state (result), ==, MP_TASK_STATE_FAILED);
  g_assert_true (mp_pool_result_wait (blocker, DEADLINE, NULL, NULL));
  g_assert_finalize_object (result);
  g_assert_finalize_object (blocker);
  gate_free (gate);
  end ();
}

static void
test_iterated (void)
{
  MpPool *pool = begin (2);
  MpResultIterator *results = mp_pool_imap (pool, "spoil", numbers_new (5), 1, TRUE, NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A damaged result is an error in its place of an iteration, which goes on.");

  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (GVariant) value = mp_result_iterator_next (results, DEADLINE, NULL, &error);

      if (i % 2 == 0)
        g_assert_no_error (error);
      else
        assert_damaged (error, "Refused");
      g_clear_error (&error);
      g_assert_cmpuint (n_checks, ==, i + 1);
      g_assert_null (mp_result_iterator_get_report (results));
    }
  g_assert_null (mp_result_iterator_next (results, DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_assert_finalize_object (results);
  end ();
}

static void
test_apply (void)
{
  MpPool *pool = begin (1);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Calls that hand out a value check it in the caller's thread.");

  g_assert_null (mp_pool_apply (pool, "spoil", g_variant_new_int64 (1), DEADLINE, NULL, &error));
  assert_damaged (error, "Refused");
  g_clear_error (&error);

  mp_pool_map_async (pool, "spoil", numbers_new (3), 1, DEADLINE, NULL,
                     mp_test_keep_result, &result);
  mp_test_await_result (&result);
  g_assert_cmpuint (n_checks, ==, 1);
  g_assert_null (mp_pool_map_finish (pool, result, &error));
  assert_damaged (error, "Item 1: Refused");
  g_assert_true (checked_by == g_thread_self ());
  g_clear_object (&result);
  end ();
}

static gpointer
get (gpointer data)
{
  MpPoolResult *result = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) values = mp_pool_result_get (result, DEADLINE, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_n_children (values), ==, 2);
  return NULL;
}

static void
test_threads (void)
{
  MpPool *pool = begin (1);
  g_autoptr (GVariant) items = g_variant_ref_sink (g_variant_new_parsed ("[@x 0, 2]"));

  g_test_summary ("Several threads may ask for the value of one result at a time.");

  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (MpPoolResult) result = mp_pool_submit_map (pool, "spoil", items, 1, NULL);
      GThread *threads[4];

      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        threads[j] = g_thread_new ("getter", get, result);
      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        g_thread_join (threads[j]);
    }
  end ();
}

/* Returns the object that the thread got of the first attachment: the same in all threads. */
static gpointer
get_locks (gpointer data)
{
  MpPoolResult *result = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) message = mp_pool_result_get_message (result, &error);
  MpShareable *first = NULL;

  g_assert_no_error (error);
  for (guint i = N_LOCKS; i > 0; i--)
    {
      g_autoptr (MpShareable) lock = mp_message_get_attachment (message, i - 1, &error);

      g_assert_no_error (error);
      g_assert_true (MP_IS_LOCK (lock));
      first = lock;
    }
  return first;
}

static void
test_attachments (void)
{
  MpPool *pool = begin (1);

  g_test_summary ("Several threads may ask for what is attached to one result at a time.");

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (MpPoolResult) result = mp_pool_submit (pool, "locks", NULL, NULL);
      GThread *threads[4];
      gpointer first = NULL;

      g_assert_true (mp_pool_result_wait (result, DEADLINE, NULL, NULL));
      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        threads[j] = g_thread_new ("getter", get_locks, result);
      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        {
          gpointer own = g_thread_join (threads[j]);

          g_assert_true (first == NULL || first == own);
          first = own;
        }
    }
  end ();
}

static GVariant *
never_called (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       user_data,
              GError       **error)
{
  g_assert_not_reached ();
}

/* The first shared object of a process makes what stays. */
static void
warm_up (void)
{
  g_object_unref (mp_lock_new ());
  pool_warm_up ();
}

int
main (int   argc,
      char *argv[])
{
  mp_worker_register_role (MP_WORKER_ROLE_POOL, run_worker);
  mp_register_target ("spoil", never_called, NULL, NULL);
  mp_register_target ("locks", never_called, NULL, NULL);
  pool_targets_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/pool/check/when", test_when);
  mp_test_add ("/pool/check/damaged", test_damaged);
  mp_test_add ("/pool/check/damaged-of-map", test_damaged_of_map);
  mp_test_add ("/pool/check/damaged-early", test_damaged_early);
  mp_test_add ("/pool/check/iterated", test_iterated);
  mp_test_add ("/pool/check/apply", test_apply);
  mp_test_add ("/pool/check/threads", test_threads);
  mp_test_add ("/pool/check/attachments", test_attachments);
  return g_test_run ();
}
