/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Values, arrays, lists and memory between processes.  This program is its own child. */

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-test-shared.h"
#include "mp-test-started.h"
#include "mp-test.h"

#define N_CHILDREN 3
#define N_ROUNDS   2000
#define LARGE      100000
#define SEALS      (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* --- A child that runs a function with shared objects --------------------- */

static MpProcess *
start_child (MpStartMethod  method,
             const char    *target,
             gpointer       shared)
{
  return mp_test_start (method, target, g_variant_new ("(h)", 0), &shared, 1);
}

static void
run_child (MpStartMethod  method,
           const char    *target,
           gpointer       shared)
{
  mp_test_join_process (start_child (method, target, shared));
}

static void
assert_variant (GVariant   *value_taken,
                const char *text)
{
  g_autoptr (GVariant) value = value_taken;
  g_autofree char *printed = NULL;

  g_assert_nonnull (value);
  printed = g_variant_print (value, FALSE);
  g_assert_cmpstr (printed, ==, text);
}

/* --- Values --------------------------------------------------------------- */

static void
test_value_types (void)
{
  static const struct
  {
    const char *type, *format, *first, *then;
    gsize size;
  } rows[] = {
    { "b", NULL, "true", "false", 1 },
    { "y", NULL, "0x07", "0xff", 1 },
    { "n", NULL, "-7", "32767", 2 },
    { "q", NULL, "7", "65535", 2 },
    { "i", NULL, "-7", "2147483647", 4 },
    { "u", NULL, "7", "4294967295", 4 },
    { "x", NULL, "-7", "9223372036854775807", 8 },
    { "t", NULL, "7", "18446744073709551615", 8 },
    { "d", NULL, "-7.5", "1048576.0", 8 },
    { "n", "b", "-128", "127", 1 },
    { "d", "f", "-7.5", "0.25", 4 },
    { "y", "c", "0x41", "0x42", 1 },
    { "u", "u", "65", "128512", 4 },
    { "(dd)", NULL, "(1.0, 2.0)", "(-3.0, 4.5)", 16 },
    { "(ybd)", NULL, "(0x01, true, 2.0)", "(0xff, false, 4.5)", 16 },
    { "(yyy)", NULL, "(0x01, 0x02, 0x03)", "(0xff, 0xfe, 0xfd)", 3 },
    { "(x(yq)i)", NULL, "(1, (0x02, 3), 4)", "(-1, (0x05, 6), -7)", 16 },
    { "()", NULL, "()", "()", 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GVariant) first = g_variant_parse (G_VARIANT_TYPE (rows[i].type), rows[i].first, NULL, NULL, NULL);
      g_autoptr (GVariant) then = g_variant_parse (G_VARIANT_TYPE (rows[i].type), rows[i].then, NULL, NULL, NULL);
      g_autoptr (MpValue) value = rows[i].format != NULL ? mp_value_new_with_format (rows[i].format, first, NULL)
                                                         : mp_value_new (rows[i].type, first, NULL);
      g_autoptr (MpValue) same = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_cmpuint (mp_value_get_size (value), ==, rows[i].size);
      g_assert_cmpstr (mp_value_get_value_type (value), ==, rows[i].type);
      assert_variant (mp_value_get_value (value, NULL), rows[i].first);
      same = mp_test_pass_on (value, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (mp_value_get_value_type (same), ==, rows[i].type);
      g_assert_cmpstr (mp_value_get_format (same), ==, rows[i].format);
      g_assert_true (mp_value_set_value (same, then, &error));
      assert_variant (mp_value_get_value (value, NULL), rows[i].then);
    }
}

static void
test_value_refuses (void)
{
  static const char * const types[] = { "s", "as", "ai", "mi", "v", "h", "(dh)", "", "x?", "ii", "a{si}" };
  g_autoptr (MpValue) small = mp_value_new_with_format ("b", NULL, NULL);
  g_autoptr (MpValue) integer = mp_value_new ("i", NULL, NULL);
  g_autoptr (MpValue) wrong = mp_value_new ("i", g_variant_new_string ("one"), NULL);
  g_autoptr (MpValue) formless = mp_value_new_with_format ("z", NULL, NULL);
  g_autoptr (MpValue) pair = mp_value_new ("(dd)", NULL, NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autoptr (MpValue) value = mp_value_new (types[i], NULL, NULL);
      g_autofree char *text = mp_shareable_to_string (MP_SHAREABLE (value));

      mp_test_expect_error (mp_value_get_value (value, &error) == NULL, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
      mp_test_expect_error (!mp_value_set_value (value, g_variant_new_int32 (1), &error), &error,
                            MP_ERROR, MP_ERROR_NOT_SUPPORTED);
      mp_value_add_int64 (value, 1, &error);
      mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
    }

  mp_test_expect_error (mp_value_get_value (wrong, &error) == NULL, &error, MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_test_expect_error (mp_value_get_value (formless, &error) == NULL, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  mp_test_expect_error (!mp_value_set_value (integer, g_variant_new_double (1), &error), &error,
                        MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_test_expect_error (!mp_value_set_value (small, g_variant_new_int16 (128), &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_value_set_int64 (integer, G_GINT64_CONSTANT (1) << 31, &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_value_set_double (integer, 1, &error), &error, MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_value_get_int64 (pair, &error);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_test_expect_error (mp_value_get_address (pair, &error) == 0, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  assert_variant (mp_value_get_value (integer, NULL), "0");
}

static GVariant *
count (MpMessage     *arguments,
       GCancellable  *cancellable,
       gpointer       data,
       GError       **error)
{
  g_autoptr (MpValue) value = mp_test_get_attachment (arguments, 0);

  for (guint i = 0; i < N_ROUNDS; i++)
    if (mp_value_add_int64 (value, 1, error) == 0)
      return NULL;

  return NULL;
}

static void
test_value_counts (void)
{
  for (guint method = 0; method < G_N_ELEMENTS (mp_test_methods); method++)
    {
      g_autoptr (MpValue) value = mp_value_new ("u", NULL, NULL);
      MpProcess *children[N_CHILDREN];

      for (guint i = 0; i < N_CHILDREN; i++)
        children[i] = start_child (mp_test_methods[method], "count", value);
      for (guint i = 0; i < N_CHILDREN; i++)
        mp_test_join_process (children[i]);
      g_assert_cmpint (mp_value_get_int64 (value, NULL), ==, N_CHILDREN * N_ROUNDS);
    }
}

static void
test_value_wraps (void)
{
  g_autoptr (MpValue) byte = mp_value_new ("y", g_variant_new_byte (250), NULL);
  g_autoptr (MpValue) real = mp_value_new ("d", g_variant_new_double (0.5), NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mp_value_add_int64 (byte, 10, NULL), ==, 4);
  g_assert_cmpint (mp_value_add_int64 (byte, -5, NULL), ==, 255);
  mp_value_add_int64 (byte, 256, &error);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_value_add_int64 (byte, -256, &error);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  g_assert_cmpint (mp_value_get_int64 (byte, NULL), ==, 255);
  g_assert_cmpfloat (mp_value_add_double (real, 1.25, NULL), ==, 1.75);
  g_assert_cmpfloat (*(gdouble *) mp_value_get_address (real, NULL), ==, 1.75);
}

/* Whatever their type is. */
static void
test_value_numbers (void)
{
  const struct
  {
    const char *type;
    const char *format;
    gdouble     number;
  }
  rows[] = {
    { "y", NULL, 255 }, { "n", NULL, -32768 }, { "q", NULL, 65535 }, { "i", NULL, -5 }, { "u", NULL, 4294967295.0 },
    { "x", NULL, -9007199254740991.0 }, { "t", NULL, 9007199254740991.0 }, { NULL, "b", -128 },
  };
  g_autoptr (MpValue) real = mp_value_new ("d", g_variant_new_double (0.5), NULL);
  g_autoptr (MpValue) flag = mp_value_new ("b", NULL, NULL);
  g_autoptr (MpValue) pair = mp_value_new ("(bb)", NULL, NULL);
  g_autoptr (MpValue) largest = mp_value_new ("t", g_variant_new_uint64 (G_MAXUINT64 - 2), NULL);
  g_autoptr (MpArray) array = mp_array_new ("t", 2, NULL);
  g_autoptr (GVariant) sum = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MpValue) value = rows[i].format != NULL ? mp_value_new_with_format (rows[i].format, NULL, NULL)
                                                         : mp_value_new (rows[i].type, NULL, NULL);

      g_assert_true (mp_value_set_int64 (value, (gint64) rows[i].number, NULL));
      g_assert_cmpfloat (mp_value_get_number (value, NULL), ==, rows[i].number);
    }

  g_assert_cmpfloat (mp_value_get_number (real, NULL), ==, 0.5);
  g_assert_cmpfloat (mp_value_get_number (flag, NULL), ==, 0);
  mp_value_set_value (flag, g_variant_new_boolean (TRUE), NULL);
  g_assert_cmpfloat (mp_value_get_number (flag, NULL), ==, 1);
  *(guint8 *) mp_value_get_address (flag, NULL) = 7;
  g_assert_cmpfloat (mp_value_get_number (flag, NULL), ==, 1);
  g_assert_cmpfloat (mp_value_get_number (pair, &error), ==, 0);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_WRONG_TYPE);

  g_assert_cmpfloat (mp_value_get_number (largest, NULL), ==, 18446744073709551615.0);
  sum = mp_value_add_whole (largest, 1, NULL);
  g_assert_cmpuint (g_variant_get_uint64 (sum), ==, G_MAXUINT64 - 1);
  g_assert_null (mp_value_add_whole (real, 1, &error));
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_WRONG_TYPE);

  mp_array_set_int64 (array, 1, -1, NULL);
  g_assert_cmpfloat (mp_array_get_number (array, 1, NULL), ==, 18446744073709551615.0);
  mp_array_get_number (array, 2, &error);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
}

/* Both numbers are the same whenever somebody looks. */
static GVariant *
replace_pair (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       data,
              GError       **error)
{
  g_autoptr (MpValue) value = mp_test_get_attachment (arguments, 0);

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (GVariant) pair = NULL;
      gint64 first, second;

      if (!mp_value_set_value (value, g_variant_new ("(xx)", (gint64) i, (gint64) i), error))
        return NULL;
      pair = mp_value_get_value (value, error);
      if (pair == NULL)
        return NULL;
      g_variant_get (pair, "(xx)", &first, &second);
      g_assert_cmpint (first, ==, second);
    }

  return NULL;
}

static void
test_value_whole (void)
{
  g_autoptr (MpValue) value = mp_value_new ("(xx)", NULL, NULL);
  MpProcess *children[N_CHILDREN];

  for (guint i = 0; i < N_CHILDREN; i++)
    children[i] = start_child (MP_START_METHOD_FORKSERVER, "replace_pair", value);
  for (guint i = 0; i < N_CHILDREN; i++)
    mp_test_join_process (children[i]);
}

/* With the lock that came along. */
static GVariant *
raise_in_steps (MpMessage     *arguments,
                GCancellable  *cancellable,
                gpointer       data,
                GError       **error)
{
  g_autoptr (MpValue) value = mp_test_get_attachment (arguments, 0);
  MpLockable *lock = mp_value_get_lock (value);

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      gdouble number;

      if (!mp_lockable_enter (lock, MP_TEST_DEADLINE, NULL, error))
        return NULL;
      number = mp_value_get_double (value, error);
      mp_value_set_double (value, number + 1, error);
      if (!mp_lockable_leave (lock, error))
        return NULL;
    }

  return NULL;
}

static void
test_value_lock (void)
{
  g_autoptr (MpRLock) lock = mp_rlock_new ();
  g_autoptr (MpValue) value = mp_value_new ("d", NULL, MP_LOCKABLE (lock));
  g_autoptr (MpValue) raw = mp_value_new ("d", NULL, NULL);
  g_autoptr (MpValue) guarded = mp_value_synchronize (raw, NULL, NULL);
  g_autoptr (MpValue) copy = NULL;
  MpProcess *children[2 * N_CHILDREN];

  g_assert_true (mp_value_get_lock (value) == MP_LOCKABLE (lock));
  g_assert_true (MP_IS_RLOCK (mp_value_get_lock (guarded)));
  for (guint i = 0; i < 2 * N_CHILDREN; i++)
    children[i] = start_child (mp_test_methods[i % 2], "raise_in_steps", i < N_CHILDREN ? value : guarded);
  for (guint i = 0; i < 2 * N_CHILDREN; i++)
    mp_test_join_process (children[i]);

  g_assert_cmpfloat (mp_value_get_double (value, NULL), ==, N_CHILDREN * N_ROUNDS);
  g_assert_cmpfloat (mp_value_get_double (raw, NULL), ==, N_CHILDREN * N_ROUNDS);

  copy = mp_value_copy (value, NULL);
  g_assert_null (mp_value_get_lock (copy));
  mp_value_set_double (value, 0, NULL);
  g_assert_cmpfloat (mp_value_get_double (copy, NULL), ==, N_CHILDREN * N_ROUNDS);
}

static GVariant *
count_nothing (MpMessage     *arguments,
               GCancellable  *cancellable,
               gpointer       data,
               GError       **error)
{
  g_autoptr (MpValue) value = mp_test_get_attachment (arguments, 0);

  mp_value_add_int64 (value, 0, error);
  return NULL;
}

typedef struct
{
  MpValue *value;
  GThread *thread;
  guint    n;
  gint64   last;
} Heard;

static void
on_value (MpValue    *value,
          GParamSpec *pspec,
          Heard      *heard)
{
  g_assert_true (g_thread_self () == heard->thread);
  heard->n++;
  heard->last = mp_value_get_int64 (value, NULL);
}

static gboolean
is_told (gpointer data)
{
  return ((Heard *) data)->last == N_ROUNDS;
}

static gboolean
is_told_five (gpointer data)
{
  return ((Heard *) data)->last == 5;
}

static gboolean
was_heard (gpointer data)
{
  return ((Heard *) data)->n > 0;
}

static void
test_value_live (void)
{
  g_autoptr (MpValue) value = mp_value_new ("u", NULL, NULL);
  Heard heard = { value, g_thread_self (), 0 };
  MpProcess *child;
  guint n;

  g_signal_connect (value, "notify::value", G_CALLBACK (on_value), &heard);
  mp_value_set_live (value, TRUE);
  g_assert_true (mp_value_get_live (value));
  g_assert_cmpuint (heard.n, ==, 0);
  mp_test_run_until (was_heard, &heard);

  /* Of the last change too, and not of each. */
  child = start_child (MP_START_METHOD_FORKSERVER, "count", value);
  mp_test_run_until (is_told, &heard);
  mp_test_join_process (child);
  g_assert_cmpuint (heard.n, >, 1);

  /* The last of the child's may still be told: the handler has read it when it was told another one. */
  mp_value_set_int64 (value, 5, NULL);
  mp_test_run_until (is_told_five, &heard);

  /* Nothing changed, though it was written, and though the bell rings for a death. */
  n = heard.n;
  mp_value_set_int64 (value, 5, NULL);
  run_child (MP_START_METHOD_SPAWN, "count_nothing", value);
  while (g_main_context_iteration (NULL, FALSE));
  g_assert_cmpuint (heard.n, ==, n);

  /* Not any more. */
  mp_value_set_live (value, FALSE);
  n = heard.n;
  mp_value_set_int64 (value, 6, NULL);
  while (g_main_context_iteration (NULL, FALSE));
  g_assert_cmpuint (heard.n, ==, n);
}

static void
change_integer (MpValue *value)
{
  mp_value_set_int64 (value, 5, NULL);
}

static void
add_integer (MpValue *value)
{
  mp_value_add_int64 (value, 5, NULL);
}

static void
change_double (MpValue *value)
{
  mp_value_set_double (value, 5, NULL);
}

static void
add_double (MpValue *value)
{
  mp_value_add_double (value, 5, NULL);
}

static void
change_boolean (MpValue *value)
{
  mp_value_set_value (value, g_variant_new_boolean (TRUE), NULL);
}

static void
change_pair (MpValue *value)
{
  mp_value_set_value (value, g_variant_new ("(dd)", 1.5, 2.5), NULL);
}

/* Whatever it is that changes it. */
static void
test_value_live_kinds (void)
{
  static const struct
  {
    const char  *type;
    void       (*change) (MpValue *value);
  } rows[] = {
    { "i", change_integer }, { "t", add_integer }, { "d", change_double }, { "d", add_double },
    { "b", change_boolean }, { "(dd)", change_pair },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MpValue) value = mp_value_new (rows[i].type, NULL, NULL);
      Heard heard = { value, g_thread_self (), 0 };

      g_signal_connect (value, "notify::value", G_CALLBACK (on_value), &heard);
      mp_value_set_live (value, TRUE);
      mp_test_run_until (was_heard, &heard);
      while (g_main_context_iteration (NULL, FALSE));

      heard.n = 0;
      rows[i].change (value);
      mp_test_run_until (was_heard, &heard);
    }
}

/* It is live when it goes. */
static void
test_value_live_goes (void)
{
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (MpValue) value = g_object_new (MP_TYPE_VALUE, "value-type", "i", "live", TRUE, NULL);

      if (i > 0)
        while (g_main_context_iteration (NULL, FALSE));
      if (i > 1)
        mp_value_set_int64 (value, 1, NULL);
    }
  while (g_main_context_iteration (NULL, FALSE));
}

static void
on_warning (const char     *domain,
            GLogLevelFlags  level,
            const char     *message,
            gpointer        value)
{
  g_assert_false (mp_value_get_live (value));
  g_object_set_data (value, "warned", value);
}

/* Who hears that it cannot be may ask it. */
static void
test_value_live_refused (void)
{
  g_autoptr (MpValue) value = mp_value_new ("s", NULL, NULL);
  guint handler = g_log_set_handler ("Mp", G_LOG_LEVEL_WARNING | G_LOG_FLAG_FATAL, on_warning, value);
  GLogLevelFlags fatal = g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);

  mp_value_set_live (value, TRUE);
  g_log_set_always_fatal (fatal);
  g_log_remove_handler ("Mp", handler);
  g_assert_nonnull (g_object_get_data (G_OBJECT (value), "warned"));
  g_assert_false (mp_value_get_live (value));
}

static void
count_notification (GObject    *object,
                    GParamSpec *pspec,
                    guint      *n)
{
  ++*n;
}

static gboolean
is_seven (gpointer meter)
{
  return mp_value_get_double (meter, NULL) == 7;
}

static gboolean
is_counted (gpointer meter)
{
  return mp_value_get_double (meter, NULL) == N_ROUNDS;
}

/* Anything with a double shows what another process counts; a second value stands for the bar. */
static void
test_value_bound (void)
{
  g_autoptr (MpValue) value = mp_value_new ("u", NULL, NULL);
  g_autoptr (MpValue) meter = mp_value_new ("d", NULL, NULL);
  g_autoptr (MpValue) pair = mp_value_new ("(dd)", NULL, NULL);
  Heard heard = { pair, g_thread_self (), 0 };
  guint n = 0;

  mp_value_set_int64 (value, 7, NULL);
  g_object_bind_property (value, "number", meter, "number", G_BINDING_SYNC_CREATE);
  g_assert_true (is_seven (meter));
  mp_value_set_int64 (value, 0, NULL);
  mp_value_set_live (value, TRUE);
  run_child (MP_START_METHOD_FORKSERVER, "count", value);
  mp_test_run_until (is_counted, meter);
  g_object_set (value, "number", 6.5, NULL);
  mp_test_run_until (is_seven, meter);
  mp_value_set_live (value, FALSE);

  /* What is no number is not notified as one. */
  g_signal_connect (pair, "notify::number", G_CALLBACK (count_notification), &n);
  g_signal_connect (pair, "notify::value", G_CALLBACK (count_notification), &heard.n);
  mp_value_set_live (pair, TRUE);
  mp_test_run_until (was_heard, &heard);
  g_assert_cmpuint (n, ==, 0);
  mp_value_set_live (pair, FALSE);
}

static void
test_value_any_number (void)
{
  static const struct
  {
    const char *type;
    gdouble     number;
    gdouble     kept;     /* NaN: it does not fit */
  } rows[] = {
    { "d", 1.25, 1.25 }, { "d", -INFINITY, -INFINITY }, { "b", 0.5, 1 }, { "b", 0, 0 },
    { "y", 254.5, 255 }, { "y", 255.5, NAN }, { "y", -0.6, NAN }, { "n", -32768, -32768 }, { "n", 32768, NAN },
    { "q", 65535, 65535 }, { "i", -2.5, -3 }, { "i", 0x1p31, NAN }, { "u", 0x1p32, NAN }, { "u", -1, NAN },
    { "x", -0x1p63, -0x1p63 }, { "x", 0x1p63, NAN }, { "x", 0x1p53, 0x1p53 }, { "x", NAN, NAN },
    { "t", 0x1p63, 0x1p63 }, { "t", 0x1p64, NAN }, { "t", -1, NAN }, { "i", INFINITY, NAN },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MpValue) value = mp_value_new (rows[i].type, NULL, NULL);
      g_autoptr (GError) error = NULL;
      gdouble number;

      g_assert_cmpint (mp_value_set_number (value, rows[i].number, &error), ==, !isnan (rows[i].kept));
      if (isnan (rows[i].kept))
        g_assert_error (error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
      g_object_get (value, "number", &number, NULL);
      g_assert_true (number == (isnan (rows[i].kept) ? 0 : rows[i].kept));
    }
}

/* Those that ask for all properties hear no warning. */
static void
test_value_no_number (void)
{
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (MpValue) value = mp_value_new (i == 0 ? "(dd)" : "s", NULL, NULL);
      g_autoptr (GError) error = NULL;
      gdouble number = 0;

      g_object_get (value, "number", &number, NULL);
      g_assert_true (isnan (number));
      g_assert_false (mp_value_set_number (value, 1, &error));
      g_assert_true (g_error_matches (error, MP_ERROR, i == 0 ? MP_ERROR_WRONG_TYPE : MP_ERROR_NOT_SUPPORTED));
      g_test_expect_message ("Mp", G_LOG_LEVEL_WARNING, "The shared value could not be set:*");
      g_object_set (value, "number", 1.0, NULL);
      g_test_assert_expected_messages ();
    }
}

static void
test_value_property (void)
{
  g_autoptr (MpValue) value = g_object_new (MP_TYPE_VALUE, "value", g_variant_new_int32 (4), "value-type", "i", NULL);
  g_autoptr (GVariant) got = NULL;
  g_autofree char *text = mp_shareable_to_string (MP_SHAREABLE (value));

  g_assert_cmpstr (text, ==, "<Mp.Value i 4>");
  g_object_set (value, "value", g_variant_new_int32 (9), NULL);
  g_object_get (value, "value", &got, NULL);
  g_assert_cmpint (g_variant_get_int32 (got), ==, 9);
}

/* --- Arrays --------------------------------------------------------------- */

static GVariant *
square (MpMessage     *arguments,
        GCancellable  *cancellable,
        gpointer       data,
        GError       **error)
{
  g_autoptr (MpArray) array = mp_test_get_attachment (arguments, 0);
  gdouble *numbers = (gdouble *) mp_array_get_address (array, error);

  for (gsize i = 0; numbers != NULL && i < mp_array_get_length (array); i++)
    numbers[i] *= numbers[i];
  return NULL;
}

static void
check_squares (gsize length)
{
  for (guint method = 0; method < G_N_ELEMENTS (mp_test_methods); method++)
    {
      g_autoptr (MpArray) array = mp_array_new ("d", length, NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (MpArray) copy = NULL;

      for (gsize i = 0; i < length; i++)
        mp_array_set_double (array, i, (gdouble) i, &error);
      g_assert_no_error (error);
      copy = mp_array_copy (array, &error);
      run_child (mp_test_methods[method], "square", array);
      for (gsize i = 0; i < length; i++)
        {
          g_assert_cmpfloat (mp_array_get_double (array, i, &error), ==, (gdouble) i * (gdouble) i);
          g_assert_cmpfloat (mp_array_get_double (copy, i, &error), ==, (gdouble) i);
        }
      g_assert_no_error (error);
    }
}

static void
test_array_small (void)
{
  check_squares (10);
}

static void
test_array_large (void)
{
  check_squares (LARGE);
}

static void
test_array_elements (void)
{
  g_autoptr (MpArray) points = mp_array_new ("(dd)", 3, NULL);
  g_autoptr (MpArray) floats = mp_array_new_with_format ("f", 3, NULL);
  g_autoptr (MpArray) small = mp_array_new_with_format ("b", 3, NULL);
  g_autoptr (MpArray) none = mp_array_new ("i", 0, NULL);
  g_autoptr (MpArray) given = mp_array_new_from_elements (g_variant_new_parsed ("[1, 2, 3]"), NULL);
  g_autoptr (MpArray) same = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = mp_shareable_to_string (MP_SHAREABLE (given));

  g_assert_cmpstr (text, ==, "<Mp.Array i length=3>");
  g_assert_true (mp_array_set_element (points, 1, g_variant_new ("(dd)", 1.5, 2.5), &error));
  assert_variant (mp_array_get_slice (points, 0, 3, NULL), "[(0.0, 0.0), (1.5, 2.5), (0.0, 0.0)]");
  assert_variant (mp_array_get_element (points, 1, NULL), "(1.5, 2.5)");
  g_assert_true (mp_array_set_slice (floats, 1, g_variant_new_parsed ("[0.5, 1.5]"), &error));
  assert_variant (mp_array_get_slice (floats, 0, 3, NULL), "[0.0, 0.5, 1.5]");
  g_assert_cmpfloat (((float *) mp_array_get_address (floats, NULL))[2], ==, 1.5);
  g_assert_true (mp_array_set_slice (small, 0, g_variant_new_parsed ("@an [-128, 0, 127]"), &error));
  assert_variant (mp_array_get_slice (small, 0, 3, NULL), "[-128, 0, 127]");
  assert_variant (mp_array_get_slice (none, 0, 0, NULL), "[]");

  same = mp_test_pass_on (small, &error);
  g_assert_cmpint (mp_array_get_int64 (same, 0, &error), ==, -128);
  g_assert_no_error (error);

  g_assert_true (mp_array_write (given, 1, (const guint8 *) "\7\0\0\0\10\0\0\0", 8, &error));
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
  assert_variant (mp_array_get_slice (given, 0, 3, NULL), "[1, 7, 8]");
#endif
  mp_test_expect_error (!mp_array_write (given, 0, (const guint8 *) "12345", 5, &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_array_write (given, 3, (const guint8 *) "1234", 4, &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_array_set_slice (small, 0, g_variant_new_parsed ("@an [1, 128]"), &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  g_assert_cmpint (mp_array_get_int64 (small, 0, NULL), ==, -128);
  mp_test_expect_error (mp_array_get_element (given, 3, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (mp_array_get_element (none, 0, &error) == NULL, &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (mp_array_get_slice (given, 2, G_MAXSIZE, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_array_set_slice (given, 2, g_variant_new_parsed ("[1, 2]"), &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_array_set_slice (given, 0, g_variant_new_parsed ("[1.0]"), &error), &error,
                        MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_array_get_double (given, 0, &error);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_WRONG_TYPE);
}

static void
test_array_refuses (void)
{
  g_autoptr (MpArray) wrong = mp_array_new ("s", 3, NULL);
  g_autoptr (MpArray) endless = mp_array_new ("d", G_MAXSIZE / 4, NULL);
  g_autoptr (MpArray) strings = mp_array_new_from_elements (g_variant_new_parsed ("['a']"), NULL);
  g_autoptr (GError) error = NULL;

  mp_test_expect_error (mp_array_get_slice (wrong, 0, 1, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  mp_test_expect_error (!mp_array_set_int64 (wrong, 0, 1, &error), &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  mp_test_expect_error (mp_array_get_buffer (wrong, &error) == NULL, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  mp_test_expect_error (mp_array_copy (wrong, &error) == NULL, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  mp_test_expect_error (mp_array_synchronize (wrong, NULL, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  mp_test_expect_error (mp_array_get_address (endless, &error) == 0, &error, MP_ERROR, MP_ERROR_TOO_BIG);
  mp_test_expect_error (mp_array_get_address (strings, &error) == 0, &error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  g_assert_false (mp_array_is_consistent (wrong));
}

static guint64
get_bits (gdouble number)
{
  guint64 bits;

  memcpy (&bits, &number, sizeof bits);
  return bits;
}

/* All that GVariants have of numbers, as one who reads their bytes finds it. */
static void
assert_usual (GVariant *value_taken)
{
  g_autoptr (GVariant) value = value_taken;
  const guint8 *bytes = g_variant_get_data (value);
  guint64 bits;

  g_assert_cmpuint (g_variant_get_size (value), >=, sizeof bits);
  memcpy (&bits, bytes + g_variant_get_size (value) - sizeof bits, sizeof bits);
  g_assert_cmphex (bits, ==, get_bits (NAN));
}

/* A peer chose the bits of the NaNs: a runtime might take them for what they are not. */
static void
test_foreign_nan (void)
{
  g_autoptr (MpArray) array = mp_array_new ("d", 1, NULL);
  g_autoptr (MpArray) floats = mp_array_new_with_format ("f", 1, NULL);
  g_autoptr (MpArray) pairs = mp_array_new ("(b(yd))", 2, NULL);
  g_autoptr (MpValue) value = mp_value_new ("d", NULL, NULL);
  const guint64 bits = G_GUINT64_CONSTANT (0xfffe414141414141);
  const guint32 float_bits = 0xfff14141;
  const guint64 usual = get_bits (NAN);
  gdouble foreign;
  g_autoptr (MpShareableList) list = NULL;

  memcpy (&foreign, &bits, sizeof bits);
  list = mp_shareable_list_new (g_variant_new ("(d)", foreign));
  memcpy ((gpointer) mp_array_get_address (array, NULL), &bits, sizeof bits);
  memcpy ((gpointer) mp_array_get_address (floats, NULL), &float_bits, sizeof float_bits);
  memcpy ((gpointer) (mp_array_get_address (pairs, NULL) + 2 * 24 - sizeof bits), &bits, sizeof bits);
  memcpy ((gpointer) mp_value_get_address (value, NULL), &bits, sizeof bits);

  g_assert_cmphex (get_bits (mp_array_get_double (array, 0, NULL)), ==, usual);
  g_assert_cmphex (get_bits (mp_array_get_double (floats, 0, NULL)), ==, usual);
  g_assert_cmphex (get_bits (mp_value_get_double (value, NULL)), ==, usual);
  assert_usual (mp_array_get_element (array, 0, NULL));
  assert_usual (mp_array_get_slice (array, 0, 1, NULL));
  assert_usual (mp_array_get_element (floats, 0, NULL));
  assert_usual (mp_array_get_slice (floats, 0, 1, NULL));
  assert_usual (mp_array_get_element (pairs, 1, NULL));
  assert_usual (mp_array_get_slice (pairs, 0, 2, NULL));
  assert_usual (mp_value_get_value (value, NULL));
  assert_usual (mp_shareable_list_get_item (list, 0, NULL));
  g_assert_cmphex (get_bits (mp_value_add_double (value, 1, NULL)), ==, usual);
}

static void
test_array_buffer (void)
{
  static const gsize lengths[] = { 5, LARGE };

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      MpArray *array = mp_array_new ("i", lengths[i], NULL);
      MpArray *twin = mp_array_synchronize (array, NULL, NULL);
      g_autoptr (GBytes) bytes = mp_array_get_buffer (array, NULL);
      const gint32 *numbers;
      gsize size;

      numbers = g_bytes_get_data (bytes, &size);
      g_assert_cmpuint (size, ==, lengths[i] * sizeof (gint32));
      g_assert_cmpuint ((guintptr) numbers % 64, ==, 0);
      mp_array_set_int64 (twin, lengths[i] - 1, 7, NULL);
      g_object_add_weak_pointer (G_OBJECT (array), (gpointer *) &array);
      g_object_unref (array);
      g_assert_null (array);    /* the bytes do without it */
      g_object_unref (twin);
      g_assert_cmpint (numbers[lengths[i] - 1], ==, 7);
    }
}

/* The child dies in the midst of its slice: the pages behind are not there for it. */
static GVariant *
die_while_writing (MpMessage     *arguments,
                   GCancellable  *cancellable,
                   gpointer       data,
                   GError       **error)
{
  g_autoptr (MpArray) array = mp_test_get_attachment (arguments, 0);
  guintptr address = mp_array_get_address (array, error);
  g_autofree gint32 *numbers = g_new (gint32, LARGE);

  for (guint i = 0; i < LARGE; i++)
    numbers[i] = 1;
  mprotect ((gpointer) (address + 4096 * 8), 4096, PROT_READ);
  mp_array_set_slice (array, 0, g_variant_new_fixed_array (G_VARIANT_TYPE_INT32, numbers, LARGE, sizeof *numbers),
                      error);
  return NULL;
}

static void
test_array_torn (void)
{
  g_autoptr (MpArray) array = mp_array_new ("i", LARGE, NULL);
  g_autoptr (MpProcess) child = start_child (MP_START_METHOD_FORKSERVER, "die_while_writing", array);
  g_autofree gint32 *zero = g_new0 (gint32, LARGE);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  mp_process_join (child, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_process_get_exit_code (child), <, 0);

  g_assert_false (mp_array_is_consistent (array));
  text = mp_shareable_to_string (MP_SHAREABLE (array));
  g_assert_nonnull (strstr (text, "torn"));
  mp_array_get_int64 (array, 0, &error);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_ABANDONED);
  mp_test_expect_error (mp_array_get_slice (array, 0, 1, &error) == NULL, &error, MP_ERROR, MP_ERROR_ABANDONED);

  /* A part is not all; a look at all is. */
  g_assert_true (mp_array_set_slice (array, 0, g_variant_new_parsed ("[5]"), &error));
  g_assert_false (mp_array_is_consistent (array));
  g_assert_true (mp_array_mark_consistent (array, &error));
  g_assert_cmpint (mp_array_get_int64 (array, 0, &error), ==, 5);
  g_assert_no_error (error);
}

/* --- Lists ---------------------------------------------------------------- */

static GVariant *
replace_items (MpMessage     *arguments,
               GCancellable  *cancellable,
               gpointer       data,
               GError       **error)
{
  g_autoptr (MpShareableList) list = mp_test_get_attachment (arguments, 0);

  mp_shareable_list_set_item (list, 0, g_variant_new_string ("child"), error);
  mp_shareable_list_set_item (list, 1, g_variant_new_parsed ("@mx nothing"), error);
  return NULL;
}

static void
test_list (void)
{
  g_autoptr (MpShareableList) list = NULL;
  g_autoptr (GError) error = NULL;

  list = mp_shareable_list_new (g_variant_new_parsed ("('parent', 7, -1.5, true, b'ab', @mv nothing, <uint16 9>)"));
  assert_variant (mp_shareable_list_get_items (list, &error),
                  "[<'parent'>, <int64 7>, <-1.5>, <true>, <b'ab'>, <@mv nothing>, <int64 9>]");
  for (guint method = 0; method < G_N_ELEMENTS (mp_test_methods); method++)
    {
      mp_shareable_list_set_item (list, 0, g_variant_new_string (""), &error);
      run_child (mp_test_methods[method], "replace_items", list);
      assert_variant (mp_shareable_list_get_item (list, 0, &error), "'child'");
      assert_variant (mp_shareable_list_get_item (list, 1, &error), "nothing");
    }
  g_assert_no_error (error);

  g_assert_cmpuint (mp_shareable_list_get_item_size (list, 0, NULL), ==, 8);
  g_assert_true (mp_shareable_list_set_item (list, 0, g_variant_new_string ("12345678"), &error));
  mp_test_expect_error (!mp_shareable_list_set_item (list, 0, g_variant_new_string ("123456789"), &error), &error,
                        MP_ERROR, MP_ERROR_TOO_BIG);
  assert_variant (mp_shareable_list_get_item (list, 0, &error), "'12345678'");
  mp_test_expect_error (!mp_shareable_list_set_item (list, 0, g_variant_new_parsed ("(1, 2)"), &error), &error,
                        MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_test_expect_error (!mp_shareable_list_set_item (list, 0, g_variant_new_uint64 (G_MAXUINT64), &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (mp_shareable_list_get_item (list, 7, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
}

static void
test_list_large (void)
{
  g_autofree char *text = g_strnfill (1000000, 'x');
  g_autoptr (MpShareableList) list = mp_shareable_list_new (g_variant_new ("(sis)", text, 1, text));
  g_autoptr (MpShareableList) empty = mp_shareable_list_new (g_variant_new ("()"));
  g_autoptr (MpShareableList) wrong = mp_shareable_list_new (g_variant_new_parsed ("[[1, 2]]"));
  g_autofree char *too_long = g_strnfill (10000001, 'x');
  g_autoptr (MpShareableList) too_large = mp_shareable_list_new (g_variant_new ("(s)", too_long));
  g_autoptr (MpShareableList) same = NULL;
  g_autoptr (GVariant) item = NULL;
  g_autoptr (GError) error = NULL;

  same = mp_test_pass_on (list, &error);
  g_assert_no_error (error);
  item = mp_shareable_list_get_item (same, 2, NULL);
  g_assert_cmpstr (g_variant_get_string (item, NULL), ==, text);
  assert_variant (mp_shareable_list_get_items (empty, NULL), "[]");
  mp_test_expect_error (mp_shareable_list_get_items (wrong, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_WRONG_TYPE);
  mp_test_expect_error (mp_shareable_list_get_items (too_large, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_TOO_BIG);
}

/* --- Memory --------------------------------------------------------------- */

static GVariant *
write_memory (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       data,
              GError       **error)
{
  g_autoptr (MpSharedMemory) memory = mp_test_get_attachment (arguments, 0);

  mp_shared_memory_write (memory, 4, (const guint8 *) "child", 5, error);
  return NULL;
}

static void
assert_bytes (MpSharedMemory *memory,
              gsize           offset,
              const char     *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = mp_shared_memory_read (memory, offset, strlen (text), &error);
  gsize length;
  gconstpointer data;

  g_assert_no_error (error);
  data = g_bytes_get_data (bytes, &length);
  g_assert_cmpmem (data, length, text, strlen (text));
}

static void
test_memory (void)
{
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_new (10000);
  g_autoptr (MpSharedMemory) none = mp_shared_memory_new (0);
  g_autoptr (MpSharedMemory) endless = mp_shared_memory_new (G_MAXSIZE);
  g_autoptr (GBytes) buffer = NULL;
  g_autoptr (GError) error = NULL;

  for (guint method = 0; method < G_N_ELEMENTS (mp_test_methods); method++)
    {
      memset ((gpointer) mp_shared_memory_get_address (memory, NULL), 0, 10000);
      run_child (mp_test_methods[method], "write_memory", memory);
      assert_bytes (memory, 4, "child");
    }

  g_assert_cmpint (fcntl (mp_shared_memory_get_fd (memory, NULL), F_GET_SEALS) & SEALS, ==, SEALS);
  g_assert_cmpint (ftruncate (mp_shared_memory_get_fd (memory, NULL), 0), <, 0);
  mp_test_expect_error (mp_shared_memory_read (memory, 9999, 2, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (mp_shared_memory_read (memory, G_MAXSIZE, 2, &error) == NULL, &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_shared_memory_write (memory, 9999, (const guint8 *) "ab", 2, &error), &error,
                        MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_shared_memory_unlink (memory, &error), &error, MP_ERROR, MP_ERROR_INVALID_STATE);
  mp_test_expect_error (!mp_shared_memory_open (none, &error), &error, MP_ERROR, MP_ERROR_OUT_OF_RANGE);
  mp_test_expect_error (!mp_shared_memory_open (endless, &error), &error, MP_ERROR, MP_ERROR_TOO_BIG);

  buffer = mp_shared_memory_get_buffer (memory, NULL);
  mp_shared_memory_close (memory);
  mp_shared_memory_close (memory);
  mp_test_expect_error (mp_shared_memory_get_fd (memory, &error) < 0, &error, MP_ERROR, MP_ERROR_CLOSED);
  g_assert_cmpint (((const char *) g_bytes_get_data (buffer, NULL))[4], ==, 'c');
}

static void
test_memory_named (void)
{
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_new_named (NULL, 100);
  g_autoptr (MpSharedMemory) again = NULL;
  g_autoptr (MpSharedMemory) other = NULL;
  g_autoptr (MpSharedMemory) slash = mp_shared_memory_new_named ("a/b", 100);
  g_autoptr (MpSharedMemory) dots = mp_shared_memory_new_existing ("..");
  g_autoptr (GError) error = NULL;
  const char *name = mp_shared_memory_get_name (memory);

  g_assert_true (mp_shared_memory_open (memory, &error));
  g_assert_no_error (error);
  again = mp_shared_memory_new_named (name, 100);
  other = mp_shared_memory_new_existing (name);
  mp_test_expect_error (!mp_shared_memory_open (again, &error), &error, G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_assert_true (mp_shared_memory_open (other, &error));
  g_assert_cmpuint (mp_shared_memory_get_size (other), ==, 100);
  mp_shared_memory_write (other, 0, (const guint8 *) "other", 5, &error);
  g_assert_no_error (error);
  assert_bytes (memory, 0, "other");
  run_child (MP_START_METHOD_SPAWN, "write_memory", memory);
  assert_bytes (other, 4, "child");

  mp_test_expect_error (!mp_shared_memory_open (slash, &error), &error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
  mp_test_expect_error (!mp_shared_memory_open (dots, &error), &error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME);
  mp_shared_memory_close (memory);
  g_assert_true (mp_shared_memory_unlink (memory, &error));
  mp_test_expect_error (!mp_shared_memory_unlink (other, &error), &error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  assert_bytes (other, 4, "child");
}

/* By calls it is an error, not a SIGBUS. */
static void
test_memory_truncated (void)
{
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_new_named (NULL, 10000);
  g_autoptr (MpSharedMemory) same = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_shared_memory_open (memory, NULL));
  same = mp_test_pass_on (memory, &error);
  g_assert_no_error (error);
  g_assert_cmpint (ftruncate (mp_shared_memory_get_fd (same, NULL), 4000), ==, 0);
  mp_test_expect_error (mp_shared_memory_read (memory, 5000, 2, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_CORRUPTED);
  mp_test_expect_error (!mp_shared_memory_write (memory, 5000, (const guint8 *) "ab", 2, &error), &error,
                        MP_ERROR, MP_ERROR_CORRUPTED);
  g_clear_object (&same);
  same = mp_test_pass_on (memory, &error);
  mp_test_expect_error (same == NULL, &error, MP_ERROR, MP_ERROR_CORRUPTED);
  g_assert_true (mp_shared_memory_unlink (memory, &error));
}

/* --- Tasks of a pool ------------------------------------------------------- */

/* The amount is an argument; the lock and the value are attached. */
static GVariant *
add_amount (MpMessage     *arguments,
            GCancellable  *cancellable,
            gpointer       data,
            GError       **error)
{
  g_autoptr (MpLock) lock = mp_test_get_attachment (arguments, 0);
  g_autoptr (MpValue) value = mp_test_get_attachment (arguments, 1);
  g_autoptr (GVariant) amount = mp_message_get_value (arguments, error);

  if (!mp_lock_acquire (lock, -1, NULL, error))
    return NULL;
  mp_value_set_int64 (value, mp_value_get_int64 (value, NULL) + g_variant_get_int32 (amount), NULL);
  return mp_lock_release (lock, error) ? g_variant_new_boolean (TRUE) : NULL;
}

static void
test_pool (void)
{
  const gint32 amounts[] = { 1, 2, 3, 4 };
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (MpValue) value = mp_value_new ("x", NULL, NULL);
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  g_autoptr (MpPool) pool = mp_pool_new (2, context);
  g_autoptr (MpMessage) one = mp_message_new (g_variant_new_int32 (5));
  g_autoptr (MpMessage) many = mp_message_new (g_variant_new_fixed_array (G_VARIANT_TYPE_INT32, amounts,
                                                                         G_N_ELEMENTS (amounts), sizeof (gint32)));
  g_autoptr (MpPoolResult) added = NULL;
  g_autoptr (MpPoolResult) all_added = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GVariant) results = NULL;
  g_autoptr (GError) error = NULL;

  mp_message_attach (one, MP_SHAREABLE (lock));
  mp_message_attach (one, MP_SHAREABLE (value));
  mp_message_attach (many, MP_SHAREABLE (lock));
  mp_message_attach (many, MP_SHAREABLE (value));

  added = mp_pool_submit_message (pool, "add_amount", one, NULL);
  result = mp_pool_result_get (added, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  all_added = mp_pool_submit_map_message (pool, "add_amount", many, 1, NULL);
  results = mp_pool_result_get (all_added, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_value_get_int64 (value, NULL), ==, 15);

  mp_pool_close (pool);
  g_assert_true (mp_pool_join (pool, MP_TEST_DEADLINE, NULL, &error));
  g_assert_no_error (error);
}

/* A value, the lock that goes along, and a pipe's end in which there is a letter. */
static GVariant *
make_value (MpMessage     *arguments,
            GCancellable  *cancellable,
            gpointer       data,
            GError       **error)
{
  g_autoptr (GVariant) number = mp_message_get_value (arguments, error);
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (MpValue) value = mp_value_new ("i", number, MP_LOCKABLE (lock));
  int ends[2], first, second;

  g_assert_cmpint (pipe (ends), ==, 0);
  g_assert_cmpint (write (ends[1], "a", 1), ==, 1);
  first = mp_result_attach (MP_SHAREABLE (value), error);
  second = mp_result_attach_fd (ends[0], error);
  close (ends[0]);
  close (ends[1]);
  return g_variant_new ("(hh)", first, second);
}

static void
check_made (MpPoolResult *result,
            guint         item)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) message = mp_pool_result_get_item_message (result, item, &error);
  g_autoptr (MpValue) value = NULL;
  char letter = 0;
  int end;

  g_assert_no_error (error);
  g_assert_cmpuint (mp_message_get_n_attachments (message), ==, 2);
  value = mp_test_get_attachment (message, 0);
  g_assert_cmpint (mp_value_get_int64 (value, &error), ==, item);
  g_assert_true (mp_lockable_try_enter (mp_value_get_lock (value)));
  g_assert_true (mp_lockable_leave (mp_value_get_lock (value), &error));
  end = mp_message_get_attached_fd (message, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (read (end, &letter, 1), ==, 1);
  g_assert_cmpint (letter, ==, 'a');
  close (end);
}

static void
check_all_made (MpMessage *all,
                guint      n)
{
  g_autofree char *text = NULL;
  g_autoptr (GVariant) values = NULL;
  g_autoptr (GError) error = NULL;

  values = mp_message_get_value (all, &error);
  g_assert_no_error (error);
  text = g_variant_print (values, FALSE);
  g_assert_true (g_str_has_prefix (text, "[<(handle 0, handle 1)>, <(handle 2, handle 3)>,"));
  g_assert_cmpuint (mp_message_get_n_attachments (all), ==, 2 * n);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (MpValue) value = mp_test_get_attachment (all, 2 * i);
      int end = mp_message_get_attached_fd (all, 2 * i + 1, &error);

      g_assert_no_error (error);
      g_assert_cmpint (mp_value_get_int64 (value, &error), ==, i);
      g_assert_null (mp_message_get_attachment (all, 2 * i + 1, NULL));
      close (end);
    }
}

/* The message of a map's results is a message like others. */
static void
check_sent_on (MpMessage *all,
               guint      n)
{
  g_autoptr (MpConnection) ours = NULL;
  g_autoptr (MpConnection) theirs = NULL;
  g_autoptr (MpMessage) received = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_connection_new_pair (TRUE, &ours, &theirs, &error));
  g_assert_true (mp_connection_send_message (ours, all, MP_TEST_DEADLINE, NULL, &error));
  received = mp_connection_receive_message (theirs, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  check_all_made (received, n);
}

/* Taken only when the workers that made them have ended. */
static void
test_results (void)
{
  enum { N = 4 };
  const gint32 numbers[N] = { 0, 1, 2, 3 };
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  g_autoptr (MpPool) pool = g_object_new (MP_TYPE_POOL, "n-workers", 2, "context", context,
                                          "max-tasks-per-worker", 1, NULL);
  g_autoptr (MpPoolResult) results = NULL;
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (MpMessage) all = NULL;
  g_autoptr (GError) error = NULL;

  results = mp_pool_submit_map (pool, "make_value",
                                g_variant_new_fixed_array (G_VARIANT_TYPE_INT32, numbers, N, sizeof (gint32)), 1, NULL);
  mp_pool_close (pool);
  g_assert_true (mp_pool_join (pool, MP_TEST_DEADLINE, NULL, &error));
  g_assert_no_error (error);
  all = mp_pool_result_get_message (results, &error);
  g_assert_no_error (error);
  check_all_made (all, N);
  check_sent_on (all, N);
  for (guint i = 0; i < N; i++)
    check_made (results, i);

  g_assert_cmpint (mp_result_attach (MP_SHAREABLE (lock), &error), ==, -1);
  mp_test_expect_error (TRUE, &error, MP_ERROR, MP_ERROR_INVALID_STATE);
  mp_test_expect_error (mp_result_attach_fd (0, &error) == -1, &error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

/* --- Descriptors ---------------------------------------------------------- */

static void
test_many (void)
{
  enum { N = 1000 };
  g_autoptr (GPtrArray) objects = g_ptr_array_new_with_free_func (g_object_unref);
  guint n_fds = mp_test_count_fds ();

  for (guint i = 0; i < N; i++)
    {
      g_ptr_array_add (objects, mp_value_new ("d", NULL, NULL));
      g_ptr_array_add (objects, mp_array_new ("d", 100, NULL));
      g_ptr_array_add (objects, mp_shareable_list_new (g_variant_new ("(si)", "text", 1)));
    }

  g_assert_cmpuint (mp_test_count_fds (), <=, n_fds + 4);
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("count", count, NULL, NULL);
  mp_register_target ("count_nothing", count_nothing, NULL, NULL);
  mp_register_target ("replace_pair", replace_pair, NULL, NULL);
  mp_register_target ("raise_in_steps", raise_in_steps, NULL, NULL);
  mp_register_target ("square", square, NULL, NULL);
  mp_register_target ("die_while_writing", die_while_writing, NULL, NULL);
  mp_register_target ("replace_items", replace_items, NULL, NULL);
  mp_register_target ("write_memory", write_memory, NULL, NULL);
  mp_register_target ("add_amount", add_amount, NULL, NULL);
  mp_register_target ("make_value", make_value, NULL, NULL);
  mp_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (test_value_counts);
  mp_test_add ("/value/types", test_value_types);
  mp_test_add ("/value/refuses", test_value_refuses);
  mp_test_add ("/value/counts", test_value_counts);
  mp_test_add ("/value/wraps", test_value_wraps);
  mp_test_add ("/value/numbers", test_value_numbers);
  mp_test_add ("/value/any-number", test_value_any_number);
  mp_test_add ("/value/no-number", test_value_no_number);
  mp_test_add ("/value/bound", test_value_bound);
  mp_test_add ("/value/whole", test_value_whole);
  mp_test_add ("/value/lock", test_value_lock);
  mp_test_add ("/value/live", test_value_live);
  mp_test_add ("/value/live-kinds", test_value_live_kinds);
  mp_test_add ("/value/live-goes", test_value_live_goes);
  mp_test_add ("/value/live-refused", test_value_live_refused);
  mp_test_add ("/value/property", test_value_property);
  mp_test_add ("/array/small", test_array_small);
  mp_test_add ("/array/large", test_array_large);
  mp_test_add ("/array/elements", test_array_elements);
  mp_test_add ("/array/refuses", test_array_refuses);
  mp_test_add ("/array/buffer", test_array_buffer);
  mp_test_add ("/array/foreign-nan", test_foreign_nan);
  mp_test_add ("/array/torn", test_array_torn);
  mp_test_add ("/list/items", test_list);
  mp_test_add ("/list/large", test_list_large);
  mp_test_add ("/memory/anonymous", test_memory);
  mp_test_add ("/memory/named", test_memory_named);
  mp_test_add ("/memory/truncated", test_memory_truncated);
  mp_test_add ("/shared/pool", test_pool);
  mp_test_add ("/shared/results", test_results);
  mp_test_add ("/shared/many", test_many);
  return g_test_run ();
}
