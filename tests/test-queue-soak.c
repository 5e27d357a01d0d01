/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Many items, many queues, few descriptors.
 *
 *   MP_TEST_LONG=1   10,000,000 items, and 1,000 queues
 */

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mpglib.h"

#include "mp-queue-private.h"
#include "mp-test-process.h"
#include "mp-test-shared.h"
#include "mp-test.h"

#define N_PROCS   8
#define SLACK_KIB 8192   /* of resident memory: caches of the C library, and what is made once */

static gboolean is_long;

static guint
scale (guint n,
       guint n_long)
{
  return is_long ? n_long : n;
}

static guint64
get_resident_kib (void)
{
  g_autofree char *text = NULL;
  guint64 pages;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  pages = g_ascii_strtoull (strchr (text, ' '), NULL, 10);
  return pages * (guint64) sysconf (_SC_PAGESIZE) / 1024;
}

/* --- Many items ----------------------------------------------------------- */

#define MAX_LENGTH  1000
#define LONG_LENGTH 100000
#define BATCH       16

static MpQueue *queue;
static guint n_items;

/* Of each item the number says the rest. */
static gsize
get_length (guint64 number)
{
  return number % 4096 == 0 ? LONG_LENGTH : sizeof number + 2 * sizeof (guint32) + number * 7919 % MAX_LENGTH;
}

static guint32
add_up (const guint8 *bytes,
        gsize         length)
{
  guint32 sum = 2166136261u;

  for (gsize i = 0; i < length; i++)
    sum = (sum ^ bytes[i]) * 16777619u;
  return sum;
}

static gsize
make_item (guint8  *bytes,
           guint64  number)
{
  gsize length = get_length (number);
  guint32 sum;

  memcpy (bytes, &number, sizeof number);
  memset (bytes + sizeof number + sizeof sum, (int) (number * 31), length - sizeof number - sizeof sum);
  sum = add_up (bytes + sizeof number + sizeof sum, MIN (length - sizeof number - sizeof sum, 256)) ^ (guint32) number;
  memcpy (bytes + sizeof number, &sum, sizeof sum);
  return length;
}

static void
check_item (const guint8 *bytes,
            gsize         length,
            guint64       number)
{
  static guint8 expected[LONG_LENGTH];

  g_assert_cmpmem (bytes, length, expected, make_item (expected, number));
}

/* In all ways. */
static void
put_items (gpointer unused)
{
  static guint8 bytes[BATCH * LONG_LENGTH];
  g_autoptr (GError) error = NULL;
  gsize lengths[BATCH];

  for (guint64 number = 0; number < n_items;)
    {
      guint n = (guint) MIN (1 + number % BATCH, n_items - number), n_put;
      gsize used = 0;

      for (guint i = 0; i < n; i++)
        {
          lengths[i] = make_item (bytes + used, number + i);
          used += lengths[i];
        }
      n_put = n == 1 ? (guint) mp_queue_put_data (queue, bytes, used, number % 3 == 0 ? "spelt" : NULL, -1, NULL,
                                                  &error)
                     : mp_queue_put_many_data (queue, bytes, used, lengths, n, NULL, -1, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (n_put, ==, n);
      number += n;
    }
}

static guint64
get_items (guint64 number,
           guint8 *buffer,
           gsize   size)
{
  g_autoptr (GError) error = NULL;
  gsize lengths[BATCH], used = 0;
  guint n;

  if (number % 5 == 0)
    {
      g_autofree guint8 *bytes = mp_queue_get_payload (queue, 0, -1, &lengths[0], NULL, &error);

      g_assert_no_error (error);
      check_item (bytes, lengths[0], number);
      return number + 1;
    }

  n = mp_queue_get_many_into (queue, buffer, size, lengths, BATCH, -1, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < n; i++)
    {
      check_item (buffer + used, lengths[i], number + i);
      used += lengths[i];
    }
  return number + n;
}

static void
soak (guint n)
{
  static guint8 buffer[BATCH * LONG_LENGTH];
  pid_t putter;

  n_items = n;
  putter = mp_test_fork (put_items, NULL);
  for (guint64 number = 0; number < n_items;)
    number = get_items (number, buffer, sizeof buffer);
  mp_test_join (putter);
}

static void
test_soak (void)
{
  guint64 before, after;

  queue = g_object_new (MP_TYPE_QUEUE, "byte-limit", (guint64) 4 * 1024 * 1024, NULL);
  soak (20000);   /* what is made once */
  before = get_resident_kib ();
  soak (scale (200000, 10000000));
  after = get_resident_kib ();
  g_test_message ("%u items; %" G_GUINT64_FORMAT " KiB before, %" G_GUINT64_FORMAT " after", n_items, before, after);
  g_assert_cmpuint (after, <=, before + SLACK_KIB);
  g_assert_true (mp_queue_is_empty (queue));
  g_clear_object (&queue);
}

/* --- Many queues ---------------------------------------------------------- */

static GPtrArray *queues;

/* Each puts one into each, and gets one of each: whosoever it is. */
static void
use_all (gpointer place)
{
  guint32 mine = GPOINTER_TO_UINT (place), found;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < queues->len; i++)
    {
      mp_queue_put_data (queues->pdata[i], (const guint8 *) &mine, sizeof mine, NULL, -1, NULL, &error);
      g_assert_no_error (error);
    }
  for (guint i = 0; i < queues->len; i++)
    {
      g_assert_cmpint (mp_queue_get_into (queues->pdata[i], (guint8 *) &found, sizeof found, MP_TEST_DEADLINE, NULL,
                                          &error), ==, sizeof found);
      g_assert_no_error (error);
      g_assert_cmpuint (found, <, N_PROCS);
    }
}

static void
use_queues (guint n)
{
  pid_t pids[N_PROCS];

  queues = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (queues, mp_queue_new (0));
  for (guint i = 0; i < N_PROCS; i++)
    pids[i] = mp_test_fork (use_all, GUINT_TO_POINTER (i));
  for (guint i = 0; i < N_PROCS; i++)
    mp_test_join (pids[i]);
  for (guint i = 0; i < n; i++)
    g_assert_true (mp_queue_is_empty (queues->pdata[i]));
  g_clear_pointer (&queues, g_ptr_array_unref);
}

static void
test_many_queues (void)
{
  guint64 before, after;
  struct rlimit old, limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &old), ==, 0);
  limit = (struct rlimit) { old.rlim_max, old.rlim_max };
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  use_queues (20);   /* what is made once */
  before = get_resident_kib ();
  use_queues (scale (100, 1000));
  after = get_resident_kib ();
  g_test_message ("%" G_GUINT64_FORMAT " KiB before, %" G_GUINT64_FORMAT " after", before, after);
  g_assert_cmpuint (after, <=, before + SLACK_KIB);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &old), ==, 0);
}

/* --- Few descriptors ------------------------------------------------------ */

#define N_FEW 64

/* As many as the process may have; then queues tell that there are none, and go on when there are again. */
static void
run_out (gpointer unused)
{
  struct rlimit limit = { N_FEW, N_FEW };
  MpQueue *few[N_FEW] = { NULL };
  g_autoptr (GError) error = NULL;
  guint n = 0;

  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  while (error == NULL && n < N_FEW)
    {
      few[n] = mp_queue_new (0);
      mp_queue_put_data (few[n++], (const guint8 *) "x", 1, NULL, 0, NULL, &error);
    }
  g_assert_nonnull (error);
  g_assert_null (mp_queue_get_bytes (few[n - 1], 0, -1, NULL, NULL));
  g_assert_cmpuint (n, >, 8);

  /* Those that are there do not mind. */
  for (guint i = 0; i + 1 < n; i++)
    {
      guint8 byte;

      g_assert_cmpint (mp_queue_get_into (few[i], &byte, 1, 0, NULL, NULL), ==, 1);
    }
  g_object_unref (few[n - 1]);
  g_object_unref (few[0]);
  few[0] = mp_queue_new (0);
  g_clear_error (&error);
  g_assert_true (mp_queue_put_data (few[0], (const guint8 *) "x", 1, NULL, 0, NULL, &error));
  for (guint i = 0; i + 1 < n; i++)
    g_object_unref (few[i]);
}

static void
test_few_descriptors (void)
{
  mp_test_join (mp_test_fork (run_out, NULL));
}

/* What belongs to nobody in particular, too. */
static void
be_nobody (gpointer unused)
{
  if (geteuid () == 0)
    g_assert_cmpint (setresuid (65534, 65534, 65534), ==, 0);
  run_out (NULL);
}

static void
test_unprivileged (void)
{
  mp_test_join (mp_test_fork (be_nobody, NULL));
}

static void
warm_up (void)
{
  use_queues (2);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  is_long = g_strcmp0 (g_getenv ("MP_TEST_LONG"), "1") == 0;

  mp_test_add ("/queue-soak/items", test_soak);
  mp_test_add ("/queue-soak/queues", test_many_queues);
  mp_test_add ("/queue-soak/few-descriptors", test_few_descriptors);
  mp_test_add ("/queue-soak/unprivileged", test_unprivileged);
  return g_test_run ();
}
