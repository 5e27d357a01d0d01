/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Values, arrays and what has a name in a process that a stranger forks. */

#include <sys/mman.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-test-process.h"
#include "mp-test.h"

#define N_SMALL 1000
#define N_LARGE 100000
#define N_OTHERS 40

/* How far both are. */
typedef struct
{
  MpAtomic32 child;
  MpAtomic32 parent;
} Progress;

typedef struct
{
  Progress     *progress;
  MpArray      *array;
  MpValue      *value;
  const gint32 *address;
} Fixture;

static void
set_up (Fixture *fixture,
        gsize    length)
{
  fixture->progress = mp_test_share (sizeof (Progress));
  fixture->array = mp_array_new ("i", length, NULL);
  fixture->value = mp_value_new ("i", g_variant_new_int32 (1), NULL);
  mp_array_set_int64 (fixture->array, 0, 1, NULL);
  fixture->address = (const gint32 *) mp_array_get_address (fixture->array, NULL);
  g_assert_nonnull (fixture->address);
}

/* The parent lets them go, and whoever needs memory gets theirs. */
static void
let_go (Fixture *fixture)
{
  g_clear_object (&fixture->array);
  g_clear_object (&fixture->value);
  for (guint i = 0; i < N_OTHERS; i++)
    {
      g_autoptr (MpArray) array = mp_array_new ("i", N_SMALL, NULL);
      g_autoptr (MpValue) value = mp_value_new ("i", g_variant_new_int32 (42), NULL);

      mp_array_set_int64 (array, 0, 42, NULL);
    }
  mp_test_set_word (&fixture->progress->parent, 1);
}

static void
tear_down (Fixture *fixture)
{
  munmap (fixture->progress, sizeof (Progress));
}

/* --- Holds ---------------------------------------------------------------- */

static void
hold_and_look (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (GBytes) bytes = NULL;

  g_assert_cmpuint (mp_array_get_address (fixture->array, NULL), ==, (guintptr) fixture->address);
  bytes = mp_array_get_buffer (fixture->array, NULL);
  g_assert_cmpint (mp_value_get_int64 (fixture->value, NULL), ==, 1);
  mp_test_set_word (&fixture->progress->child, 1);
  mp_test_wait_word (&fixture->progress->parent, 1);

  g_assert_cmpint (fixture->address[0], ==, 1);
  g_assert_cmpint (((const gint32 *) g_bytes_get_data (bytes, NULL))[0], ==, 1);
  g_assert_cmpint (mp_array_get_int64 (fixture->array, 0, NULL), ==, 1);
  g_assert_cmpint (mp_value_get_int64 (fixture->value, NULL), ==, 1);
}

/* One call, and they are the child's as well. */
static void
test_held (void)
{
  Fixture fixture;
  pid_t child;

  set_up (&fixture, N_SMALL);
  child = mp_test_fork (hold_and_look, &fixture);
  mp_test_wait_word (&fixture.progress->child, 1);
  let_go (&fixture);
  mp_test_join (child);
  tear_down (&fixture);
}

static void
come_late (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (GError) error = NULL;

  mp_test_wait_word (&fixture->progress->parent, 1);
  g_assert_cmpuint (mp_array_get_address (fixture->array, &error), ==, 0);
  g_assert_error (error, MP_ERROR, MP_ERROR_STALE);
  g_clear_error (&error);
  mp_value_get_int64 (fixture->value, &error);
  g_assert_error (error, MP_ERROR, MP_ERROR_STALE);
}

static void
test_late (void)
{
  Fixture fixture;
  pid_t child;

  set_up (&fixture, N_SMALL);
  child = mp_test_fork (come_late, &fixture);
  let_go (&fixture);
  mp_test_join (child);
  tear_down (&fixture);
}

static void
look_at_large (gpointer data)
{
  Fixture *fixture = data;

  mp_test_wait_word (&fixture->progress->parent, 1);
  g_assert_cmpint (fixture->address[0], ==, 1);
}

/* They have memory of their own, which a fork has too. */
static void
test_large (void)
{
  Fixture fixture;
  pid_t child;

  set_up (&fixture, N_LARGE);
  child = mp_test_fork (look_at_large, &fixture);
  let_go (&fixture);
  mp_test_join (child);
  tear_down (&fixture);
}

/* --- Live values ---------------------------------------------------------- */

static void
on_value (MpValue    *value,
          GParamSpec *pspec,
          gboolean   *was_heard)
{
  *was_heard = TRUE;
}

static gboolean heard;

static void
hear (gpointer data)
{
  MpValue *value = data;

  heard = FALSE;
  g_assert_false (mp_value_get_live (value));
  mp_value_set_live (value, TRUE);
  g_assert_true (mp_value_get_live (value));
  mp_test_run_until_set (&heard);

  heard = FALSE;
  mp_value_set_int64 (value, 5, NULL);
  mp_test_run_until_set (&heard);
  mp_value_set_live (value, FALSE);
  g_assert_false (mp_value_get_live (value));
}

/* What the parent watches the child does not, until it says so. */
static void
test_live (void)
{
  g_autoptr (MpValue) value = mp_value_new ("i", NULL, NULL);

  g_signal_connect (value, "notify::value", G_CALLBACK (on_value), &heard);
  mp_value_set_live (value, TRUE);
  heard = FALSE;
  mp_test_run_until_set (&heard);
  while (g_main_context_iteration (NULL, FALSE));

  heard = FALSE;
  mp_test_join (mp_test_fork (hear, value));
  mp_test_run_until_set (&heard);
  g_assert_true (mp_value_get_live (value));
  g_assert_cmpint (mp_value_get_int64 (value, NULL), ==, 5);
}

static int stop;

static gpointer
look_again_and_again (gpointer value)
{
  while (!g_atomic_int_get (&stop))
    mp_value_get_live (value);
  return NULL;
}

static void
look_once (gpointer value)
{
  g_assert_false (mp_value_get_live (value));
}

/* Whatever another thread does with it when the child is forked. */
static void
test_live_busy (void)
{
  g_autoptr (MpValue) value = mp_value_new ("i", NULL, NULL);
  GThread *thread = g_thread_new ("looker", look_again_and_again, value);

  for (guint i = 0; i < 200; i++)
    mp_test_join (mp_test_fork (look_once, value));

  g_atomic_int_set (&stop, TRUE);
  g_thread_join (thread);
}

/* --- Memory and lists with a name ----------------------------------------- */

static gpointer
read_again_and_again (gpointer list)
{
  while (!g_atomic_int_get (&stop))
    mp_shared_memory_get_size (mp_shareable_list_get_memory (list));
  return NULL;
}

static gpointer
write_again_and_again (gpointer list)
{
  while (!g_atomic_int_get (&stop))
    mp_shareable_list_set_item (list, 0, g_variant_new_int32 (1), NULL);
  return NULL;
}

static void
read_and_drop (gpointer list)
{
  g_autoptr (GVariant) item = mp_shareable_list_get_item (list, 0, NULL);

  g_assert_nonnull (item);
  g_object_unref (list);
}

static void
test_named_busy (void)
{
  g_autoptr (MpShareableList) list = mp_shareable_list_new_named (NULL, g_variant_new ("(x)", (gint64) 1));
  GThread *threads[2];

#ifdef __SANITIZE_ADDRESS__
  g_test_skip ("the allocator of the address sanitizer may be locked in a process forked beside threads");
  return;
#endif

  g_assert_true (mp_shareable_list_open (list, NULL));
  g_atomic_int_set (&stop, FALSE);
  threads[0] = g_thread_new ("reader", read_again_and_again, list);
  threads[1] = g_thread_new ("writer", write_again_and_again, list);

  for (guint i = 0; i < 200; i++)
    mp_test_join (mp_test_fork (read_and_drop, list));

  g_atomic_int_set (&stop, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_true (mp_shared_memory_unlink (mp_shareable_list_get_memory (list), NULL));
}

static void
warm_up (void)
{
  g_autoptr (MpValue) value = g_object_new (MP_TYPE_VALUE, "value-type", "i", "live", TRUE, NULL);

  while (g_main_context_iteration (NULL, FALSE));
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  mp_test_add ("/shared-fork/held", test_held);
  mp_test_add ("/shared-fork/late", test_late);
  mp_test_add ("/shared-fork/large", test_large);
  mp_test_add ("/shared-fork/live", test_live);
  mp_test_add ("/shared-fork/live-busy", test_live_busy);
  mp_test_add ("/shared-fork/named-busy", test_named_busy);
  return g_test_run ();
}
