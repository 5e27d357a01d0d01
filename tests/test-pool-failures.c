/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Pools: what goes wrong in what they are given. */

#include <string.h>

#include "mp-test.h"
#include "pool-targets.h"

#define DEADLINE MP_TEST_DEADLINE

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

int
main (int   argc,
      char *argv[])
{
  pool_targets_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (pool_warm_up);

  mp_test_add ("/pool/failures", test_failures);
  mp_test_add ("/pool/own-domains", test_own_domains);
  mp_test_add ("/pool/many-domains", test_many_domains);
  mp_test_add ("/pool/wrong-language", test_wrong_language);
  mp_test_add ("/pool/map-failures", test_map_failures);
  mp_test_add ("/pool/unsendable", test_unsendable);
  return g_test_run ();
}
