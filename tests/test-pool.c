/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Pools: what is given to them and what comes back, without a main loop. */

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-test.h"
#include "pool-targets.h"

#define DEADLINE MP_TEST_DEADLINE

static void
assert_apply (MpPool     *pool,
              const char *target,
              GVariant   *arguments,
              const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_pool_apply (pool, target, arguments, DEADLINE, NULL, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  text = g_variant_print (value, TRUE);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_apply (void)
{
  MpPool *pool = pool_new (2);

  g_test_summary ("A call gets its arguments, as a tuple or one, and gives back what the function returns.");

  assert_apply (pool, "square", g_variant_new_int64 (12), "int64 144");
  assert_apply (pool, "square", g_variant_new ("(x)", G_GINT64_CONSTANT (-3)), "int64 9");
  assert_apply (pool, "add", g_variant_new_parsed ("(int64 2, int64 3)"), "int64 5");
  assert_apply (pool, "echo", NULL, "()");
  assert_apply (pool, "echo", g_variant_new_parsed ("{'a': <1>, 'b': <'x'>}"), "{'a': <1>, 'b': <'x'>}");
  assert_apply (pool, "nothing", NULL, "@mv nothing");
  pool_finish (pool);
}

static void
test_apply_large (void)
{
  const gsize sizes[] = { 60 * 1024, 70 * 1024, 1024 * 1024, 20 * 1024 * 1024 };
  MpPool *pool = pool_new (1);

  g_test_summary ("Arguments and results of any size arrive whole.");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree guint8 *data = g_malloc (sizes[i]);
      g_autoptr (GVariant) sent = NULL, received = NULL;

      memset (data, (int) i + 1, sizes[i]);
      sent = g_variant_ref_sink (g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, data, sizes[i], 1));
      received = mp_pool_apply (pool, "echo", sent, DEADLINE, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpmem (g_variant_get_data (sent), g_variant_get_size (sent),
                       g_variant_get_data (received), g_variant_get_size (received));
    }
  pool_finish (pool);
}

static void
test_submit (void)
{
  MpPool *pool = pool_new (2);
  MpTaskOptions *options = g_object_new (MP_TYPE_TASK_OPTIONS, "name", "twelve", NULL);
  MpPoolResult *result = mp_pool_submit (pool, "square", g_variant_new_int64 (12), options);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  g_test_summary ("A result tells how its task is, and gives its value as often as one asks.");

  g_assert_true (mp_pool_result_wait (result, DEADLINE, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (mp_pool_result_is_ready (result));
  g_assert_true (mp_pool_result_is_successful (result));
  g_assert_cmpint (mp_pool_result_get_state (result), ==, MP_TASK_STATE_DONE);
  g_assert_cmpfloat (mp_pool_result_get_fraction (result), ==, 1);
  g_assert_cmpuint (mp_pool_result_get_n_items (result), ==, 1);
  g_assert_cmpuint (mp_pool_result_get_n_finished (result), ==, 1);
  g_assert_cmpint (take_int64 (mp_pool_result_get (result, 0, NULL, &error)), ==, 144);
  g_assert_cmpint (take_int64 (mp_pool_result_get (result, 0, NULL, &error)), ==, 144);
  g_assert_cmpint (take_int64 (mp_pool_result_get_item (result, 0, &error)), ==, 144);
  g_assert_null (mp_pool_result_get_report (result));
  g_assert_null (mp_pool_result_get_item (result, 1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);

  text = mp_pool_result_to_string (result);
  g_assert_cmpstr (text, ==, "<Mp.PoolResult twelve state=done>");
  g_assert_finalize_object (result);
  g_assert_finalize_object (options);
  pool_finish (pool);
}

static void
test_submit_message (void)
{
  MpPool *pool = pool_new (1);
  g_autoptr (MpMessage) bytes = mp_message_new_data ((const guint8 *) "[1]", 3, "json");
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("(h)", 0));
  g_autoptr (MpPoolResult) measured = mp_pool_submit_message (pool, "measure", bytes, NULL);
  g_autoptr (MpPoolResult) refused = mp_pool_submit_message (pool, "echo", bytes, NULL);
  g_autoptr (MpPoolResult) read_byte = NULL;
  g_autoptr (GVariant) text = NULL, byte = NULL;
  g_autoptr (GError) error = NULL;
  int ends[2];

  g_test_summary ("Bytes travel with their codec, descriptors with their message.");

  text = mp_pool_result_get (measured, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (text, NULL), ==, "json 3");

  g_assert_null (mp_pool_result_get (refused, DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC);
  g_clear_error (&error);

  g_assert_cmpint (pipe (ends), ==, 0);
  g_assert_cmpint (mp_message_attach_fd (message, ends[0], &error), ==, 0);
  g_assert_cmpint (write (ends[1], "m", 1), ==, 1);
  read_byte = mp_pool_submit_message (pool, "read-byte", message, NULL);
  byte = mp_pool_result_get (read_byte, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_byte (byte), ==, 'm');
  close (ends[0]);
  close (ends[1]);
  pool_finish (pool);
}

static void
test_map (void)
{
  const guint sizes[] = { 0, 1, 2, 7, 1000 };
  const guint chunk_sizes[] = { 0, 1, 3, 2000 };
  MpPool *pool = pool_new (3);

  g_test_summary ("A map has a value for each item, in their order, however it is cut.");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint j = 0; j < G_N_ELEMENTS (chunk_sizes); j++)
      {
        g_autoptr (GError) error = NULL;
        g_autoptr (GVariant) values = mp_pool_map (pool, "square", numbers_new (sizes[i]), chunk_sizes[j],
                                                   DEADLINE, NULL, &error);

        g_assert_no_error (error);
        assert_squares (values, sizes[i]);
      }
  pool_finish (pool);
}

static void
test_map_types (void)
{
  const char *items[] = { "['a', 'bc', '']", "[<1>, <'x'>, <[true]>]", "[(1, 'a'), (2, 'b')]",
                          "{'k': 1, 'l': 2}", "[@ay [0x01], []]",
                          "[<@mv nothing>]", "[0.5, 1.5]" };
  const char *expected[] = { "[<'a'>, <'bc'>, <''>]", "[<1>, <'x'>, <[true]>]", "[<(1, 'a')>, <(2, 'b')>]",
                             "[<{'k', 1}>, <{'l', 2}>]", "[<[byte 0x01]>, <@ay []>]", "[<@mv nothing>]",
                             "[<0.5>, <1.5>]" };
  MpPool *pool = pool_new (2);

  g_test_summary ("Items are the elements of any array; a variant stands for what is in it.");

  for (guint i = 0; i < G_N_ELEMENTS (items); i++)
    for (guint chunk_size = 1; chunk_size <= 2; chunk_size++)
      {
        g_autoptr (GError) error = NULL;
        g_autoptr (GVariant) values = mp_pool_map (pool, "echo", g_variant_new_parsed (items[i]), chunk_size,
                                                   DEADLINE, NULL, &error);
        g_autofree char *text = NULL;

        g_assert_no_error (error);
        text = g_variant_print (values, FALSE);
        g_assert_cmpstr (text, ==, expected[i]);
      }
  pool_finish (pool);
}

static void
test_starmap (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (MpTaskOptions) options = g_object_new (MP_TYPE_TASK_OPTIONS, "starmap", TRUE, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (MpPoolResult) result = NULL;
  g_autoptr (GVariant) values = NULL;
  g_autofree char *text = NULL;

  g_test_summary ("In a starmap each item is a list of arguments.");

  result = mp_pool_submit_map (pool, "add", g_variant_new_parsed ("[(int64 1, int64 2), (3, 4)]"), 0, options);
  values = mp_pool_result_get (result, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  text = g_variant_print (values, TRUE);
  g_assert_cmpstr (text, ==, "[<int64 3>, <int64 7>]");
  pool_finish (pool);
}

static void
test_map_encoded (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (GVariant) array = g_variant_ref_sink (g_variant_new_parsed ("[@ay [1, 2], [], [3]]"));
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (array);
  g_autoptr (MpMessage) items = mp_message_new_bytes (bytes, "pickle5");
  g_autoptr (MpMessage) nonsense = mp_message_new_data ((const guint8 *) "\377\377\377", 3, "pickle5");
  g_autoptr (MpMessage) no_array = mp_message_new (g_variant_new_string ("x"));
  g_autoptr (GError) error = NULL;

  g_test_summary ("Items in another codec come to the function as bytes of that codec.");

  for (guint chunk_size = 1; chunk_size <= 3; chunk_size++)
    {
      g_autoptr (MpPoolResult) result = mp_pool_submit_map_message (pool, "measure", items, chunk_size, NULL);
      g_autoptr (GVariant) values = mp_pool_result_get (result, DEADLINE, NULL, &error);
      g_autofree char *text = NULL;

      g_assert_no_error (error);
      text = g_variant_print (values, FALSE);
      g_assert_cmpstr (text, ==, "[<'pickle5 2'>, <'pickle5 0'>, <'pickle5 1'>]");
    }

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (MpPoolResult) result = NULL;

      result = mp_pool_submit_map_message (pool, "measure", i == 0 ? nonsense : no_array, 0, NULL);
      g_assert_true (mp_pool_result_is_ready (result));
      g_assert_null (mp_pool_result_get (result, 0, NULL, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
      g_clear_error (&error);
    }
  pool_finish (pool);
}

static GPtrArray *
make_items_with_bytes (guint n_items)
{
  GPtrArray *items = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < n_items; i++)
    {
      MpMessage *message = mp_message_new (g_variant_new ("()"));
      guint8 byte = (guint8) i;
      int ends[2];

      g_assert_cmpint (pipe (ends), ==, 0);
      g_assert_cmpint (write (ends[1], &byte, 1), ==, 1);
      g_assert_cmpint (mp_message_attach_fd (message, ends[0], NULL), ==, 0);
      close (ends[0]);
      close (ends[1]);
      g_ptr_array_add (items, message);
    }
  return items;
}

static void
test_map_messages (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (GPtrArray) items = make_items_with_bytes (300);
  g_autoptr (MpMessage) encoded = mp_message_new_data ((const guint8 *) "xy", 2, "json");
  MpMessage *twice[] = { encoded, encoded }, *mixed[] = { encoded, items->pdata[0] };
  g_autoptr (MpPoolResult) result = NULL;
  g_autoptr (MpPoolResult) measured = NULL;
  g_autoptr (MpPoolResult) none = NULL;
  g_autoptr (MpPoolResult) refused = NULL;
  g_autoptr (GVariant) values = NULL;
  g_autoptr (GVariant) lengths = NULL;
  g_autoptr (GVariant) nothing = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Of items that are a message each, each takes along what is attached to it, and no more.");

  result = mp_pool_submit_map_messages (pool, "read-byte", (MpMessage **) items->pdata, items->len, 50, NULL);
  values = mp_pool_result_get (result, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_n_children (values), ==, items->len);
  for (guint i = 0; i < items->len; i++)
    {
      g_autoptr (GVariant) value = NULL;

      g_variant_get_child (values, i, "v", &value);
      g_assert_cmpuint (g_variant_get_byte (value), ==, (guint8) i);
    }

  measured = mp_pool_submit_map_messages (pool, "measure", twice, 2, 2, NULL);
  lengths = mp_pool_result_get (measured, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  text = g_variant_print (lengths, FALSE);
  g_assert_cmpstr (text, ==, "[<'json 2'>, <'json 2'>]");

  none = mp_pool_submit_map_messages (pool, "measure", NULL, 0, 0, NULL);
  nothing = mp_pool_result_get (none, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_n_children (nothing), ==, 0);

  refused = mp_pool_submit_map_messages (pool, "measure", mixed, 2, 0, NULL);
  g_assert_null (mp_pool_result_get (refused, DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC);
  g_clear_error (&error);
  pool_finish (pool);
}

static void
test_nested (void)
{
  MpPool *pool = pool_new (1);

  g_test_summary ("A worker may have a pool of its own.");

  assert_apply (pool, "sum-squares", g_variant_new_int64 (10), "int64 285");
  pool_finish (pool);
}

static void
test_max_tasks (void)
{
  g_autoptr (GHashTable) pids = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  MpPool *pool = g_object_new (MP_TYPE_POOL, "n-workers", 1, "max-tasks-per-worker", 3, NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A worker that has done its share is replaced by a fresh one.");

  g_assert_cmpuint (mp_pool_get_max_tasks_per_worker (pool), ==, 3);
  for (guint i = 0; i < 12; i++)
    {
      gint64 pid = take_int64 (mp_pool_apply (pool, "pid", NULL, DEADLINE, NULL, &error));

      g_assert_no_error (error);
      g_hash_table_add (pids, g_memdup2 (&pid, sizeof pid));
    }
  g_assert_cmpuint (g_hash_table_size (pids), ==, 4);
  pool_finish (pool);
}

static void
test_workers (void)
{
  MpPool *pool = pool_new (3);
  GListModel *workers = mp_pool_get_workers (pool);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) pids = NULL;

  g_test_summary ("The list of workers tells their names, processes and how much they were given.");

  g_assert_true (g_list_model_get_item_type (workers) == MP_TYPE_POOL_WORKER);
  pids = mp_pool_map (pool, "pid", numbers_new (30), 1, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (mp_pool_get_workers (pool) == workers);
  g_assert_cmpuint (g_list_model_get_n_items (workers), ==, 3);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (MpPoolWorker) worker = g_list_model_get_item (workers, i);
      g_autofree char *name = g_strdup_printf ("PoolWorker-%u", i + 1);
      g_autofree char *text = mp_pool_worker_to_string (worker);

      g_assert_cmpstr (mp_pool_worker_get_name (worker), ==, name);
      g_assert_cmpint (mp_pool_worker_get_pid (worker), >=, 0);
      g_assert_true (g_str_has_prefix (text, "<Mp.PoolWorker PoolWorker-"));
    }
  pool_finish (pool);
}

static void
test_forked (void)
{
  MpPool *pool = pool_new (1);
  g_autoptr (GError) error = NULL;
  g_autoptr (MpPoolResult) result = NULL;
  int status;
  pid_t pid;

  g_test_summary ("In a process forked by a stranger the pool says so, and nothing of the parent's is touched.");

  assert_works (pool);
  result = mp_pool_submit (pool, "square", g_variant_new_int64 (4), NULL);
  g_assert_true (mp_pool_result_wait (result, DEADLINE, NULL, &error));

  pid = fork ();
  if (pid == 0)
    {
      MpPoolResult *own;

      if (mp_pool_apply (pool, "square", g_variant_new_int64 (5), -1, NULL, &error) != NULL ||
          !g_error_matches (error, MP_ERROR, MP_ERROR_FORKED))
        _exit (1);
      g_clear_error (&error);
      if (mp_pool_result_get (result, -1, NULL, &error) != NULL ||
          !g_error_matches (error, MP_ERROR, MP_ERROR_FORKED))
        _exit (2);
      own = mp_pool_submit (pool, "square", g_variant_new_int64 (5), NULL);
      if (own == NULL || !mp_pool_result_is_ready (own))
        _exit (3);
      mp_pool_close (pool);
      mp_pool_terminate (pool);
      g_object_unref (own);
      g_object_unref (pool);
      _exit (0);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  assert_apply (pool, "square", g_variant_new_int64 (6), "int64 36");
  pool_finish (pool);
}

static gpointer
hammer (gpointer data)
{
  MpPool *pool = data;

  for (gint64 i = 0; i < 200; i++)
    {
      GVariant *value = mp_pool_apply (pool, "square", g_variant_new_int64 (i), DEADLINE, NULL, NULL);

      g_assert_cmpint (take_int64 (value), ==, i * i);
    }
  return NULL;
}

static void
test_threads (void)
{
  MpPool *pool = pool_new (2);
  GThread *threads[4];

  g_test_summary ("Several threads may wait for one pool, each for its own call.");

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("hammer", hammer, pool);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  pool_finish (pool);
}

int
main (int   argc,
      char *argv[])
{
  pool_targets_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (pool_warm_up);

  mp_test_add ("/pool/apply", test_apply);
  mp_test_add ("/pool/apply-large", test_apply_large);
  mp_test_add ("/pool/submit", test_submit);
  mp_test_add ("/pool/submit-message", test_submit_message);
  mp_test_add ("/pool/map", test_map);
  mp_test_add ("/pool/map-types", test_map_types);
  mp_test_add ("/pool/starmap", test_starmap);
  mp_test_add ("/pool/map-encoded", test_map_encoded);
  mp_test_add ("/pool/map-messages", test_map_messages);
  mp_test_add ("/pool/nested", test_nested);
  mp_test_add ("/pool/max-tasks", test_max_tasks);
  mp_test_add ("/pool/workers", test_workers);
  mp_test_add ("/pool/forked", test_forked);
  mp_test_add ("/pool/threads", test_threads);
  return g_test_run ();
}
