/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Pools: what is given to them and what comes back, without a main loop. */

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-dispatcher-private.h"
#include "mp-pool-private.h"
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

/* --- what goes wrong -------------------------------------------------------------------------------------- */

static void
test_failures (void)
{
  MpPool *pool = pool_new (1);
  g_autoptr (MpPoolResult) failed = mp_pool_submit (pool, "fail", NULL, NULL);
  g_autoptr (GVariant) report = NULL;
  g_autoptr (GError) error = NULL;
  const char *domain, *message;

  g_test_summary ("A function's error arrives with domain, code and message, and harms nothing.");

  g_assert_null (mp_pool_result_get (failed, DEADLINE, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpstr (error->message, ==, "there is no spoon");
  g_clear_error (&error);
  g_assert_cmpint (mp_pool_result_get_state (failed), ==, MP_TASK_STATE_FAILED);
  g_assert_true (mp_pool_result_is_ready (failed));
  g_assert_false (mp_pool_result_is_successful (failed));
  g_assert_null (mp_pool_result_get_message (failed, NULL));

  report = mp_pool_result_get_report (failed);
  g_assert_cmpstr (g_variant_get_type_string (report), ==, "(sissssay)");
  g_variant_get (report, "(&si&ssssay)", &domain, NULL, &message, NULL, NULL, NULL, NULL);
  g_assert_cmpstr (domain, ==, "g-io-error-quark");
  g_assert_cmpstr (message, ==, "there is no spoon");

  g_assert_null (mp_pool_apply (pool, "no-such-function", NULL, DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_TARGET);
  g_assert_nonnull (strstr (error->message, "no-such-function"));
  g_clear_error (&error);

  assert_works (pool);
  pool_finish (pool);
}

static GError *
fail_of (MpPool     *pool,
         const char *domain)
{
  GError *error = NULL;

  g_assert_null (mp_pool_apply (pool, "fail-of", g_variant_new_string (domain), DEADLINE, NULL, &error));
  g_assert_nonnull (strstr (error->message, "odd thing"));
  return error;
}

static void
test_own_domains (void)
{
  MpPool *pool = pool_new (1);
  g_autofree char *path = g_file_read_link ("/proc/self/exe", NULL);
  const char *argv[] = { path, NULL };
  g_autoptr (MpLauncher) launcher = mp_launcher_new ("native", argv);
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, launcher);
  MpPool *strangers = mp_pool_new (1, context);
  g_autofree char *longest = g_strnfill (128, 'q'), *too_long = g_strnfill (129, 'q');
  g_autoptr (GError) first = NULL, known = NULL, foreign = NULL, long_one = NULL, longer = NULL, odd = NULL;

  g_test_summary ("Errors of a program's own domains are what they are in its workers, at the first time too.");

  g_assert_cmpuint (g_quark_try_string ("mp-test-odd-quark"), ==, 0);
  first = fail_of (pool, "mp-test-odd-quark");
  g_assert_error (first, g_quark_from_string ("mp-test-odd-quark"), 7);

  long_one = fail_of (pool, longest);
  g_assert_error (long_one, g_quark_from_string (longest), 7);
  longer = fail_of (pool, too_long);
  g_assert_error (longer, MP_ERROR, MP_ERROR_REMOTE);
  odd = fail_of (pool, "two words");
  g_assert_error (odd, MP_ERROR, MP_ERROR_REMOTE);
  pool_finish (pool);

  /* Nothing is known of another program. */
  foreign = fail_of (strangers, "mp-test-foreign-quark");
  g_assert_error (foreign, MP_ERROR, MP_ERROR_REMOTE);
  known = fail_of (strangers, "mp-test-odd-quark");
  g_assert_error (known, g_quark_from_string ("mp-test-odd-quark"), 7);
  pool_finish (strangers);
}

static void
test_many_domains (void)
{
  MpPool *pool = pool_new (1);
  guint n_known = 0;

  g_test_summary ("A worker of the program's own cannot fill its table of names.");

  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *domain = g_strdup_printf ("mp-test-domain-%u", i);
      g_autoptr (GError) error = fail_of (pool, domain);

      if (g_quark_try_string (domain) != 0)
        n_known++;
      else
        g_assert_error (error, MP_ERROR, MP_ERROR_REMOTE);
    }
  g_assert_cmpuint (n_known, >, 0);
  g_assert_cmpuint (n_known, <=, 64);
  pool_finish (pool);
}

static void
test_wrong_language (void)
{
  struct { const char *target; const char *says; } rows[] = {
    { "odd:boom", "'odd', which is unknown (known are native, python, gjs): did you mean 'python:odd:boom'?" },
    { "boom", "names no language and so is a native one, but the workers run 'python': did you mean 'python:boom'?" },
    { "odd.sub:boom", "did you mean 'python:odd.sub:boom'?" },
    { "lib.so#boom", "is of language 'native', but the workers run 'python': give a context" },
    { "gjs:file:///x.js#f", "is of language 'gjs', but the workers run 'python': give a context" },
  };
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_DEFAULT, mp_launcher_lookup ("python", NULL));
  MpPool *pool = mp_pool_new (1, context);

  g_test_summary ("A name in no language of the workers' is refused with what may have been meant.");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MpPoolResult) result = mp_pool_submit (pool, rows[i].target, NULL, NULL);
      g_autoptr (GError) error = NULL;

      g_assert_true (mp_pool_result_is_ready (result));
      g_assert_null (mp_pool_result_get (result, 0, NULL, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_NO_TARGET);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, rows[i].says));
    }
  pool_finish (pool);
}

static void
test_map_failures (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (MpPoolResult) result = mp_pool_submit_map (pool, "halve", numbers_new (20), 4, NULL);
  g_autoptr (GVariant) report = NULL;
  g_autofree char *message = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A map fails as its first item did that failed; the others have their values.");

  g_assert_null (mp_pool_result_get (result, DEADLINE, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpstr (error->message, ==, "Item 1: 1 is odd");
  g_clear_error (&error);
  report = mp_pool_result_get_report (result);
  g_assert_nonnull (report);

  for (guint i = 0; i < 20; i += 2)
    g_assert_cmpint (take_int64 (mp_pool_result_get_item (result, i, &error)), ==, i / 2);
  g_assert_null (mp_pool_result_get_item (result, 13, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpstr (error->message, ==, "13 is odd");
  g_clear_pointer (&report, g_variant_unref);
  report = mp_pool_result_get_item_report (result, 13);
  g_variant_get (report, "(sissssay)", NULL, NULL, &message, NULL, NULL, NULL, NULL);
  g_assert_cmpstr (message, ==, "13 is odd");
  g_assert_null (mp_pool_result_get_item_report (result, 12));
  g_assert_null (mp_pool_result_get_item_report (result, 20));
  g_assert_cmpuint (mp_pool_result_get_n_finished (result), ==, 20);
  pool_finish (pool);
}

static void
test_unsendable (void)
{
  MpPool *pool = pool_new (1);
  g_autoptr (GError) error = NULL;
  gint64 pid = take_int64 (mp_pool_apply (pool, "pid", NULL, DEADLINE, NULL, NULL));
  GVariantBuilder builder;

  g_test_summary ("What cannot travel is the error of the task that wanted it to, in both directions.");

  g_assert_null (mp_pool_apply (pool, "nest", NULL, DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
  g_clear_error (&error);

  g_assert_null (mp_pool_apply (pool, "widen", NULL, DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);
  g_assert_nonnull (strstr (error->message, "widen"));
  g_clear_error (&error);

  g_variant_builder_init (&builder, G_VARIANT_TYPE_TUPLE);
  for (guint i = 0; i < 300; i++)
    g_variant_builder_add (&builder, "i", 1);
  g_assert_null (mp_pool_apply (pool, "echo", g_variant_builder_end (&builder), DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);
  g_clear_error (&error);

  /* It is the same worker still */
  g_assert_cmpint (take_int64 (mp_pool_apply (pool, "pid", NULL, DEADLINE, NULL, NULL)), ==, pid);
  pool_finish (pool);
}

/* --- giving up -------------------------------------------------------------------------------------------- */

static void
test_timeout (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  MpPoolResult *result = gate_submit (gate, pool, "gate");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  g_test_summary ("Giving up a wait leaves the task alone.");

  g_assert_false (mp_pool_result_wait (result, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  gate_await (gate);
  g_assert_cmpint (mp_pool_result_get_state (result), ==, MP_TASK_STATE_RUNNING);
  g_assert_null (mp_pool_result_get (result, 0.001, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_null (mp_pool_result_get_message (result, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_cancellable_cancel (cancellable);
  g_assert_null (mp_pool_result_get (result, -1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  gate_open (gate);
  value = mp_pool_result_get (result, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "through");
  g_assert_finalize_object (result);
  gate_free (gate);
  pool_finish (pool);
}

static void
test_apply_timeout (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  const char *items[] = { gate->path, gate->path, gate->path };
  g_autoptr (GError) error = NULL;

  g_test_summary ("Giving up a blocking call cancels it, so that its worker is free again.");

  g_assert_null (mp_pool_apply (pool, "gate", g_variant_new_string (gate->path), 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);
  assert_works (pool);

  g_assert_null (mp_pool_map (pool, "gate", g_variant_new_strv (items, 3), 0, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  assert_works (pool);
  gate_free (gate);
  pool_finish (pool);
}

static void
assert_cancelled (MpPoolResult *result)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_pool_result_get (result, DEADLINE, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (mp_pool_result_get_state (result), ==, MP_TASK_STATE_CANCELLED);
}

static void
test_cancel (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  g_autoptr (MpPoolResult) running = gate_submit (gate, pool, "gate");
  g_autoptr (MpPoolResult) pending = mp_pool_submit (pool, "exit", g_variant_new_int64 (1), NULL);
  g_autoptr (MpPoolResult) map = mp_pool_submit_map (pool, "exit", numbers_new (10), 0, NULL);
  gint64 pid;

  g_test_summary ("What is pending is cancelled at once and never runs; what runs is asked to end.");

  gate_await (gate);
  mp_pool_result_cancel (pending);
  g_assert_true (mp_pool_result_is_ready (pending));
  assert_cancelled (pending);
  mp_pool_result_cancel (map);
  g_assert_true (mp_pool_result_is_ready (map));
  assert_cancelled (map);

  g_assert_false (mp_pool_result_is_ready (running));
  mp_pool_result_cancel (running);
  mp_pool_result_cancel (running);
  assert_cancelled (running);
  mp_pool_result_cancel (running);

  pid = take_int64 (mp_pool_apply (pool, "pid", NULL, DEADLINE, NULL, NULL));
  g_assert_cmpint (take_int64 (mp_pool_apply (pool, "pid", NULL, DEADLINE, NULL, NULL)), ==, pid);
  gate_free (gate);
  pool_finish (pool);
}

static void
test_cancel_stubborn (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  g_autoptr (MpPoolResult) running = gate_submit (gate, pool, "stubborn-gate");
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  g_test_summary ("A function that does not look at its cancellable ends as it ends.");

  gate_await (gate);
  mp_pool_result_cancel (running);
  g_assert_cmpint (mp_pool_result_get_state (running), ==, MP_TASK_STATE_RUNNING);
  gate_open (gate);
  value = mp_pool_result_get (running, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "through");
  assert_works (pool);
  gate_free (gate);
  pool_finish (pool);
}

static void
test_cancel_handlers (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  MpPoolResult *running = gate_submit (gate, pool, "handle-cancellation");
  g_autoptr (GVariant) thread = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Handlers of a function's cancellable have a stack of the usual size, and keep nobody from working.");

  gate_await (gate);
  mp_pool_result_cancel (running);
  gate_await_leave (gate);
  thread = mp_pool_result_get (running, DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (thread, NULL), ==, "mp-cancel");

  g_assert_finalize_object (running);
  assert_works (pool);
  gate_free (gate);
  pool_finish (pool);
}

static void
test_report_amid_complaints (void)
{
  MpPool *pool = pool_new (1);
  MpPump *pump = mp_dispatcher_get_pump (mp_pool_get_dispatcher (pool));
  Gate *first = gate_new ();
  Gate *second = gate_new ();
  MpPoolResult *result = mp_pool_submit (pool, "report-amid-complaints",
                                         g_variant_new ("(ss)", first->path, second->path), NULL);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A thread of a worker's that waits for its parent to listen keeps no other one from reporting.");

  gate_await (first);
  mp_pump_lock (pump); /* nobody listens */
  gate_open (first);
  gate_await (second);
  mp_pump_unlock (pump);
  value = mp_pool_result_get (result, DEADLINE, NULL, &error);
  g_assert_no_error (error);

  g_assert_finalize_object (result);
  gate_free (first);
  gate_free (second);
  pool_finish (pool);
}

static void
test_cancel_chunk (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  const char *items[] = { gate->path, "/nonexistent/1", "/nonexistent/2", "/nonexistent/3" };
  g_autoptr (MpPoolResult) map = mp_pool_submit_map (pool, "stubborn-gate", g_variant_new_strv (items, 4), 4, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;

  g_test_summary ("Items that were sent and not begun are withdrawn; the one that runs keeps its result.");

  gate_await (gate);
  mp_pool_result_cancel (map);
  gate_open (gate);
  assert_cancelled (map);
  value = mp_pool_result_get_item (map, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "through");
  for (guint i = 1; i < 4; i++)
    {
      g_assert_null (mp_pool_result_get_item (map, i, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_error (&error);
    }
  assert_works (pool);
  gate_free (gate);
  pool_finish (pool);
}

/* --- imap ------------------------------------------------------------------------------------------------- */

static void
assert_exhausted (MpResultIterator *iterator)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_result_iterator_next (iterator, DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_assert_true (mp_result_iterator_is_exhausted (iterator));
}

static void
test_imap (void)
{
  MpPool *pool = pool_new (2);
  MpResultIterator *iterator = mp_pool_imap (pool, "square", numbers_new (1000), 3, TRUE, NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("An ordered iteration gives the results in the order of the items, then the end.");

  for (gint64 i = 0; i < 1000; i++)
    {
      g_assert_cmpint (take_int64 (mp_result_iterator_next (iterator, DEADLINE, NULL, &error)), ==, i * i);
      g_assert_no_error (error);
      g_assert_false (mp_result_iterator_is_exhausted (iterator));
    }
  assert_exhausted (iterator);
  assert_exhausted (iterator);
  g_assert_finalize_object (iterator);
  pool_finish (pool);
}

static void
test_imap_unordered (void)
{
  MpPool *pool = pool_new (3);
  g_autoptr (MpResultIterator) iterator = mp_pool_imap (pool, "echo", numbers_new (1000), 0, FALSE, NULL);
  g_autofree guint *n_times = g_new0 (guint, 1000);
  g_autoptr (GError) error = NULL;

  g_test_summary ("An unordered iteration gives each result once.");

  for (guint i = 0; i < 1000; i++)
    n_times[take_int64 (mp_result_iterator_next (iterator, DEADLINE, NULL, &error))]++;
  g_assert_no_error (error);
  for (guint i = 0; i < 1000; i++)
    g_assert_cmpuint (n_times[i], ==, 1);
  assert_exhausted (iterator);
  pool_finish (pool);
}

static void
test_imap_failures (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (MpResultIterator) iterator = mp_pool_imap (pool, "halve", numbers_new (100), 0, TRUE, NULL);

  g_test_summary ("A failed item is an error in its place, and the iteration goes on.");

  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = mp_result_iterator_next (iterator, DEADLINE, NULL, &error);
      g_autoptr (GVariant) report = mp_result_iterator_get_report (iterator);

      if (i % 2 == 0)
        {
          g_assert_no_error (error);
          g_assert_cmpint (g_variant_get_int64 (value), ==, i / 2);
          g_assert_null (report);
        }
      else
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
          g_assert_nonnull (report);
        }
    }
  assert_exhausted (iterator);
  pool_finish (pool);
}

static void
test_imap_pushed (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (MpResultIterator) iterator = mp_pool_imap (pool, "square", NULL, 0, TRUE, NULL);
  g_autoptr (MpMessage) bytes = mp_message_new_data ((const guint8 *) "x", 1, "json");
  g_autoptr (GError) error = NULL;

  g_test_summary ("Items may be pushed while results are taken, as many as one likes.");

  g_assert_null (mp_result_iterator_next (iterator, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  for (gint64 i = 0; i < 3000; i++)
    {
      gint64 first = i - 8; /* so many are under way */

      g_assert_true (mp_result_iterator_push_item (iterator, g_variant_new_int64 (i), &error));
      if (first >= 0)
        g_assert_cmpint (take_int64 (mp_result_iterator_next (iterator, DEADLINE, NULL, &error)), ==, first * first);
      g_assert_no_error (error);
    }

  g_assert_false (mp_result_iterator_push_message (iterator, bytes, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC);
  g_clear_error (&error);
  mp_result_iterator_finish_items (iterator);
  g_assert_false (mp_result_iterator_push_item (iterator, g_variant_new_int64 (1), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);

  for (gint64 i = 2992; i < 3000; i++)
    g_assert_cmpint (take_int64 (mp_result_iterator_next (iterator, DEADLINE, NULL, &error)), ==, i * i);
  assert_exhausted (iterator);
  pool_finish (pool);
}

static void
test_imap_pushed_encoded (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (MpResultIterator) iterator = mp_pool_imap (pool, "measure", NULL, 2, FALSE, NULL);
  g_autoptr (MpMessage) bytes = mp_message_new_data ((const guint8 *) "xy", 2, "json");
  g_autoptr (MpMessage) with_fd = mp_message_new_data ((const guint8 *) "xy", 2, "json");
  g_autoptr (GError) error = NULL;

  g_test_summary ("Pushed items may have another codec, but in chunks nothing attached.");

  for (guint i = 0; i < 5; i++)
    g_assert_true (mp_result_iterator_push_message (iterator, bytes, &error));
  mp_message_attach_fd (with_fd, 0, &error);
  g_assert_no_error (error);
  g_assert_false (mp_result_iterator_push_message (iterator, with_fd, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE);
  g_clear_error (&error);
  mp_result_iterator_finish_items (iterator);

  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (GVariant) value = mp_result_iterator_next (iterator, DEADLINE, NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (g_variant_get_string (value, NULL), ==, "json 2");
    }
  assert_exhausted (iterator);
  pool_finish (pool);
}

static void
test_imap_pushed_attached (void)
{
  MpPool *pool = pool_new (2);
  g_autoptr (MpResultIterator) iterator = mp_pool_imap (pool, "read-byte", NULL, 1, TRUE, NULL);
  g_autoptr (GError) error = NULL;
  const guint n_items = 600;

  g_test_summary ("What is attached to a pushed item goes with it alone.");

  for (guint i = 0; i < n_items; i++)
    {
      g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("()"));
      g_autoptr (GVariant) value = NULL;
      guint8 byte = (guint8) i;
      int ends[2];

      g_assert_cmpint (pipe (ends), ==, 0);
      g_assert_cmpint (write (ends[1], &byte, 1), ==, 1);
      g_assert_cmpint (mp_message_attach_fd (message, ends[0], &error), ==, 0);
      g_assert_no_error (error);
      close (ends[0]);
      close (ends[1]);
      g_assert_true (mp_result_iterator_push_message (iterator, message, &error));
      g_assert_no_error (error);

      /* Some wait in the pool. */
      if (i < 10)
        continue;

      value = mp_result_iterator_next (iterator, DEADLINE, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (g_variant_get_byte (value), ==, (guint8) (i - 10));
    }

  /* They can be given up as well. */
  mp_result_iterator_cancel (iterator);
  g_clear_object (&iterator);
  assert_works (pool);
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
test_imap_dropped (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  const char *items[] = { gate->path, gate->path, gate->path };
  MpResultIterator *iterator = mp_pool_imap (pool, "gate", g_variant_new_strv (items, 3), 1, TRUE, NULL);

  g_test_summary ("Dropping an iterator cancels what is left.");

  gate_await (gate);
  g_assert_finalize_object (iterator);
  assert_works (pool);
  gate_free (gate);
  pool_finish (pool);
}

/* --- the end ---------------------------------------------------------------------------------------------- */

static void
test_close (void)
{
  MpPool *pool = pool_new (2);
  MpPoolResult *result = mp_pool_submit_map (pool, "square", numbers_new (100), 1, NULL);
  MpPoolResult *late, *late_map;
  MpResultIterator *iterator;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) values = NULL;

  g_test_summary ("A closed pool does what it has, refuses what comes, and ends.");

  g_assert_cmpint (mp_pool_get_state (pool), ==, MP_POOL_STATE_RUNNING);
  g_assert_false (mp_pool_join (pool, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);

  iterator = mp_pool_imap (pool, "square", NULL, 0, TRUE, NULL);
  mp_pool_close (pool);
  mp_pool_close (pool);
  g_assert_cmpint (mp_pool_get_state (pool), ==, MP_POOL_STATE_CLOSING);
  late = mp_pool_submit (pool, "square", g_variant_new_int64 (1), NULL);
  late_map = mp_pool_submit_map (pool, "square", numbers_new (0), 0, NULL);
  g_assert_true (mp_pool_result_is_ready (late));
  g_assert_true (mp_pool_result_is_ready (late_map));
  g_assert_null (mp_pool_result_get (late, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_null (mp_pool_result_get (late_map, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (mp_result_iterator_push_item (iterator, g_variant_new_int64 (1), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_clear_error (&error);
  assert_exhausted (iterator);

  g_assert_true (mp_pool_join (pool, DEADLINE, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (mp_pool_get_state (pool), ==, MP_POOL_STATE_ENDED);
  g_assert_true (mp_pool_join (pool, 0, NULL, &error));
  values = mp_pool_result_get (result, 0, NULL, &error);
  g_assert_no_error (error);
  assert_squares (values, 100);

  g_assert_finalize_object (result);
  g_assert_finalize_object (late);
  g_assert_finalize_object (late_map);
  g_assert_finalize_object (iterator);
  g_assert_finalize_object (pool);
}

static void
test_close_unused (void)
{
  MpPool *pool = pool_new (4);
  g_autofree char *text = mp_pool_to_string (pool);

  g_test_summary ("A pool that had no task starts no worker and ends at once.");

  g_assert_cmpstr (text, ==, "<Mp.Pool state=running workers=4>");
  g_assert_cmpuint (g_list_model_get_n_items (mp_pool_get_workers (pool)), ==, 0);
  mp_pool_close (pool);
  g_assert_true (mp_pool_join (pool, 0, NULL, NULL));
  g_assert_finalize_object (pool);

  pool = pool_new (0);
  g_assert_cmpuint (mp_pool_get_n_workers (pool), ==, mp_get_cpu_count ());
  mp_pool_terminate (pool);
  g_assert_true (mp_pool_join (pool, 0, NULL, NULL));
  g_assert_finalize_object (pool);
}

static void
test_terminate (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  g_autoptr (MpPoolResult) running = gate_submit (gate, pool, "stubborn-gate");
  g_autoptr (MpPoolResult) pending = mp_pool_submit (pool, "square", g_variant_new_int64 (1), NULL);
  g_autoptr (MpResultIterator) iterator = mp_pool_imap (pool, "square", numbers_new (3), 0, TRUE, NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A terminated pool cancels everything at once and kills its workers.");

  gate_await (gate);
  mp_pool_terminate (pool);
  g_assert_true (mp_pool_result_is_ready (running));
  assert_cancelled (running);
  assert_cancelled (pending);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_null (mp_result_iterator_next (iterator, 0, NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_error (&error);
    }
  assert_exhausted (iterator);

  g_assert_true (mp_pool_join (pool, DEADLINE, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (mp_pool_get_state (pool), ==, MP_POOL_STATE_ENDED);
  gate_free (gate);
  g_assert_finalize_object (pool);
}

static void
test_last_unref (void)
{
  MpPool *pool = pool_new (1);
  Gate *gate = gate_new ();
  g_autoptr (MpPoolResult) running = gate_submit (gate, pool, "stubborn-gate");
  g_autoptr (MpPoolResult) pending = mp_pool_submit_map (pool, "square", numbers_new (100), 1, NULL);

  g_test_summary ("Dropping a pool terminates it, without waiting; no process is left.");

  gate_await (gate);
  g_assert_finalize_object (pool);
  g_assert_true (mp_pool_result_is_ready (running));
  g_assert_true (mp_pool_result_is_ready (pending));
  assert_cancelled (running);
  assert_cancelled (pending);
  gate_free (gate);
}

static void
test_drop_starting (void)
{
  g_test_summary ("A pool may be dropped while its workers start.");

  for (guint i = 0; i < 20; i++)
    {
      MpPool *pool = pool_new (3);

      g_object_unref (mp_pool_submit (pool, "square", g_variant_new_int64 (1), NULL));
      g_object_unref (pool);
    }
}

static void
test_forgotten_results (void)
{
  MpPool *pool = pool_new (2);
  MpPoolResult *last = NULL;
  gpointer watched = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("A program without a main loop piles up no results that nobody holds.");

  for (guint i = 0; i < 2000; i++)
    {
      g_clear_object (&last);
      last = mp_pool_submit (pool, "square", g_variant_new_int64 (i), NULL);
      if (i == 1) /* which nobody waits for */
        {
          watched = last;
          g_object_add_weak_pointer (watched, &watched);
        }
      if (i % 100 == 0)
        g_assert_true (mp_pool_result_wait (last, DEADLINE, NULL, &error));
    }
  g_assert_true (mp_pool_result_wait (last, DEADLINE, NULL, &error));
  g_assert_null (watched);
  g_assert_finalize_object (last);
  pool_finish (pool);
}

static void
test_context_that_never_runs (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  MpPool *pool = g_object_new (MP_TYPE_POOL, "n-workers", 1, "main-context", context, NULL);
  MpPoolResult *result = mp_pool_submit (pool, "square", g_variant_new_int64 (4), NULL);
  MpPoolResult *other = mp_pool_submit (pool, "square", g_variant_new_int64 (4), NULL);

  g_test_summary ("A pool that could never tell anything goes with all it has when it is dropped.");

  g_assert_true (mp_pool_result_wait (result, DEADLINE, NULL, NULL));
  mp_pool_close (pool);
  g_assert_finalize_object (pool);
  g_assert_finalize_object (result);
  g_assert_finalize_object (other);
}

/* Cancels half of what another thread submits. */
typedef struct
{
  GMutex lock;
  GCond has_more;
  MpPoolResult *results[1000];
  guint n_submitted;
} Race;

static MpPoolResult *
await_submitted (Race  *race,
                 guint  index)
{
  MpPoolResult *result;

  g_mutex_lock (&race->lock);
  while (race->n_submitted <= index)
    g_cond_wait (&race->has_more, &race->lock);
  result = race->results[index];
  g_mutex_unlock (&race->lock);
  return result;
}

static gpointer
cancel_some (gpointer data)
{
  Race *race = data;

  for (guint i = 0; i < G_N_ELEMENTS (race->results); i++)
    {
      MpPoolResult *result = await_submitted (race, i);

      if (g_random_boolean ())
        mp_pool_result_cancel (result);
    }
  return NULL;
}

static void
submit_all (Race   *race,
            MpPool *pool)
{
  for (guint i = 0; i < G_N_ELEMENTS (race->results); i++)
    {
      MpPoolResult *result = mp_pool_submit (pool, "square", g_variant_new_int64 (i), NULL);

      g_mutex_lock (&race->lock);
      race->results[race->n_submitted++] = result;
      g_cond_signal (&race->has_more);
      g_mutex_unlock (&race->lock);
    }
}

static void
test_cancel_races (void)
{
  MpPool *pool = pool_new (2);
  Race race = { .n_submitted = 0 };
  GThread *thread = g_thread_new ("canceller", cancel_some, &race);
  guint n_cancelled = 0;

  g_test_summary ("Whenever a task is cancelled, it has one end, and no other task suffers.");

  submit_all (&race, pool);
  for (guint i = 0; i < G_N_ELEMENTS (race.results); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = mp_pool_result_get (race.results[i], DEADLINE, NULL, &error);

      if (value != NULL)
        g_assert_cmpint (g_variant_get_int64 (value), ==, (gint64) i * i);
      else
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      n_cancelled += value == NULL;
    }
  g_thread_join (thread);
  g_test_message ("%u cancelled", n_cancelled);
  for (guint i = 0; i < G_N_ELEMENTS (race.results); i++)
    g_assert_finalize_object (race.results[i]);
  assert_works (pool);
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
  mp_test_add ("/pool/failures", test_failures);
  mp_test_add ("/pool/own-domains", test_own_domains);
  mp_test_add ("/pool/many-domains", test_many_domains);
  mp_test_add ("/pool/wrong-language", test_wrong_language);
  mp_test_add ("/pool/map-failures", test_map_failures);
  mp_test_add ("/pool/unsendable", test_unsendable);
  mp_test_add ("/pool/timeout", test_timeout);
  mp_test_add ("/pool/apply-timeout", test_apply_timeout);
  mp_test_add ("/pool/cancel", test_cancel);
  mp_test_add ("/pool/cancel-stubborn", test_cancel_stubborn);
  mp_test_add ("/pool/cancel-handlers", test_cancel_handlers);
  mp_test_add ("/pool/cancel-chunk", test_cancel_chunk);
  mp_test_add ("/pool/report-amid-complaints", test_report_amid_complaints);
  mp_test_add ("/pool/imap", test_imap);
  mp_test_add ("/pool/imap-unordered", test_imap_unordered);
  mp_test_add ("/pool/imap-failures", test_imap_failures);
  mp_test_add ("/pool/imap-pushed", test_imap_pushed);
  mp_test_add ("/pool/imap-pushed-encoded", test_imap_pushed_encoded);
  mp_test_add ("/pool/imap-pushed-attached", test_imap_pushed_attached);
  mp_test_add ("/pool/map-messages", test_map_messages);
  mp_test_add ("/pool/imap-dropped", test_imap_dropped);
  mp_test_add ("/pool/close", test_close);
  mp_test_add ("/pool/close-unused", test_close_unused);
  mp_test_add ("/pool/terminate", test_terminate);
  mp_test_add ("/pool/last-unref", test_last_unref);
  mp_test_add ("/pool/drop-starting", test_drop_starting);
  mp_test_add ("/pool/forgotten-results", test_forgotten_results);
  mp_test_add ("/pool/context-that-never-runs", test_context_that_never_runs);
  mp_test_add ("/pool/cancel-races", test_cancel_races);
  mp_test_add ("/pool/nested", test_nested);
  mp_test_add ("/pool/max-tasks", test_max_tasks);
  mp_test_add ("/pool/workers", test_workers);
  mp_test_add ("/pool/forked", test_forked);
  mp_test_add ("/pool/threads", test_threads);
  return g_test_run ();
}
