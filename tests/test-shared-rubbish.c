/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What a peer may send in place of values, arrays, lists and memory, and what it may write
 * into those that it has.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-arena-private.h"
#include "mp-shareable-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-process.h"
#include "mp-test-shared.h"
#include "mp-test.h"

#define LARGE 100000
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* --- Descriptions --------------------------------------------------------- */

static gpointer
unpack (const char *kind,
        GVariant   *description,
        int         fd)
{
  g_autoptr (MpUnpacking) unpacking = mp_unpacking_new ();
  g_autoptr (GVariant) sunk = g_variant_ref_sink (description);
  g_autoptr (GError) error = NULL;
  int fds[1] = { fd };
  gpointer object = mp_shareable_unpack (unpacking, kind, sunk, fds, fd >= 0 ? 1 : 0, &error);

  g_assert_true ((object == NULL) == (error != NULL));
  if (fds[0] >= 0)
    close (fds[0]);
  return object;
}

static int
make_sparse_memory (gsize size,
                    int   seals)
{
  int fd = memfd_create ("test", MFD_ALLOW_SEALING | MFD_CLOEXEC);

  g_assert_cmpint (ftruncate (fd, (off_t) size), ==, 0);
  g_assert_cmpint (fcntl (fd, F_ADD_SEALS, seals), ==, 0);
  return fd;
}

static int
make_memory (gsize size,
             int   seals)
{
  int fd = make_sparse_memory (size, seals);

  g_assert_true (size == 0 || fallocate (fd, 0, 0, (off_t) size) == 0);
  return fd;
}

static void
test_rubbish (void)
{
  g_autoptr (MpSharedMemory) sound = NULL;

  sound = unpack ("shared-memory", g_variant_new ("(mst)", NULL, (guint64) 5000),
                  make_memory (5000, SEALS));
  g_assert_nonnull (sound);
  g_assert_null (unpack ("shared-memory", g_variant_new ("(mst)", NULL, (guint64) 5000),
                         make_sparse_memory (5000, SEALS)));
  g_assert_null (unpack ("shared-memory", g_variant_new ("(mst)", NULL, (guint64) 5000),
                         make_memory (5000, F_SEAL_GROW)));
  g_assert_null (unpack ("shared-memory", g_variant_new ("(mst)", NULL, (guint64) 5001),
                         make_memory (5000, SEALS)));
  g_assert_null (unpack ("shared-memory", g_variant_new ("(mst)", NULL, (guint64) 0),
                         make_memory (0, SEALS)));
  g_assert_null (unpack ("shared-memory", g_variant_new ("(mst)", "../etc", (guint64) 5000),
                         make_memory (5000, SEALS)));
  g_assert_null (unpack ("shared-memory", g_variant_new ("(mst)", NULL, (guint64) 5000), -1));
  g_assert_null (unpack ("shared-memory", g_variant_new ("(mst)", NULL, (guint64) 4096),
                         open ("/dev/zero", O_RDWR | O_CLOEXEC)));
  g_assert_null (unpack ("shared-memory", g_variant_new_int32 (1), -1));
  g_assert_null (unpack ("value", g_variant_new_int32 (1), -1));
  g_assert_null (unpack ("array", g_variant_new_int32 (1), -1));
  g_assert_null (unpack ("shareable-list", g_variant_new_int32 (1), -1));
}

static void
close_all (MpPacking *packing)
{
  for (guint i = 0; i < packing->fds->len; i++)
    if (g_array_index (packing->fds, int, i) >= 0)
      close (g_array_index (packing->fds, int, i));
  mp_packing_clear (packing);
}

/* Takes what was packed apart, and has one part of it replaced. */
static GVariant *
pack_with (gpointer     shared,
           MpPacking   *packing,
           guint        index,
           GVariant    *part)
{
  g_autoptr (GVariant) packed = g_variant_ref_sink (mp_shareable_pack (shared, packing, NULL));
  g_autoptr (GVariant) boxed = g_variant_get_child_value (packed, 2);
  g_autoptr (GVariant) description = g_variant_get_variant (boxed);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_TUPLE);
  for (guint i = 0; i < g_variant_n_children (description); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (description, i);

      g_variant_builder_add_value (&builder, i == index ? part : child);
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
refuse (gpointer    shared,
        const char *kind,
        guint       index,
        GVariant   *part)
{
  g_autoptr (MpUnpacking) unpacking = mp_unpacking_new ();
  g_autoptr (GVariant) description = NULL;
  g_autoptr (GError) error = NULL;
  MpPacking packing;
  gpointer object;

  mp_packing_init (&packing);
  description = pack_with (shared, &packing, index, part);
  object = mp_shareable_unpack (unpacking, kind, description, (int *) (gpointer) packing.fds->data, packing.fds->len,
                                &error);
  g_assert_null (object);
  g_assert_nonnull (error);
  close_all (&packing);
}

static void
test_lies (void)
{
  g_autoptr (MpValue) value = mp_value_new ("i", NULL, NULL);
  g_autoptr (MpArray) array = mp_array_new ("i", 10, NULL);
  g_autoptr (MpArray) large = mp_array_new ("i", LARGE, NULL);

  /* It is larger than its place. */
  refuse (value, "value", 1, g_variant_new ("ms", "((xxxxxxxxxxxxxxxx)(xxxxxxxxxxxxxxxx))"));
  refuse (value, "value", 1, g_variant_new ("ms", "s"));
  refuse (value, "value", 2, g_variant_new ("ms", "f"));
  refuse (array, "array", 3, g_variant_new_uint64 (11));
  refuse (array, "array", 3, g_variant_new_uint64 (G_MAXUINT64));
  refuse (array, "array", 1, g_variant_new ("ms", "x"));
  refuse (large, "array", 3, g_variant_new_uint64 (LARGE + 1));
}

/* A list of megabytes would stand for gigabytes. */
static void
test_one_place (void)
{
  g_autofree char *text = g_strnfill (MP_ARENA_MAX_OBJECT, 'x');
  g_autoptr (MpShareableList) list = mp_shareable_list_new (g_variant_new ("(sss)", text, text, text));
  g_autoptr (MpUnpacking) unpacking = mp_unpacking_new ();
  g_autoptr (GVariant) description = NULL;
  g_autoptr (GError) error = NULL;
  const gsize size = 3 * sizeof (MpListItem);
  MpListItem *items;
  MpPacking packing;

  mp_packing_init (&packing);
  description = pack_with (list, &packing, G_MAXUINT, NULL);
  items = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
                g_array_index (packing.fds, int, packing.fds->len - 1), 0);
  g_assert_true (items != MAP_FAILED);
  g_assert_cmpuint (items[2].n_words, ==, items[1].n_words);
  items[2].place = items[1].place;
  munmap (items, size);

  mp_test_expect_error (mp_shareable_unpack (unpacking, "shareable-list", description,
                                             (int *) (gpointer) packing.fds->data, packing.fds->len, &error) == NULL,
                        &error, MP_ERROR, MP_ERROR_CORRUPTED);
  close_all (&packing);
}

/* A name is anybody's word: what bears it is opened, and must be what came. */
static void
test_names (void)
{
  g_autoptr (MpSharedMemory) first = mp_shared_memory_new_named (NULL, 5000);
  g_autoptr (MpSharedMemory) second = NULL;
  g_autoptr (MpSharedMemory) third = mp_shared_memory_new_named ("mpglib-test-third", 5000);
  g_autoptr (MpSharedMemory) same = NULL;
  g_autoptr (GError) error = NULL;
  const char *name = mp_shared_memory_get_name (first);

  g_assert_true (mp_shared_memory_open (first, NULL));
  g_assert_null (unpack ("shared-memory", g_variant_new ("(mst)", name, (guint64) 5000), make_memory (5000, 0)));
  g_assert_null (unpack ("shared-memory", g_variant_new ("(mst)", "mpglib-test-nobody", (guint64) 5000),
                         make_memory (5000, 0)));
  same = mp_test_pass_on (first, &error);
  g_assert_no_error (error);
  mp_shared_memory_close (same);

  /* It is another's by now. */
  g_assert_true (mp_shared_memory_unlink (first, &error));
  second = mp_shared_memory_new_named (name, 5000);
  g_assert_true (mp_shared_memory_open (second, &error));
  mp_test_expect_error (mp_test_pass_on (first, &error) == NULL, &error, MP_ERROR, MP_ERROR_STALE);
  mp_test_expect_error (!mp_shared_memory_unlink (first, &error), &error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  mp_test_expect_error (!mp_shared_memory_unlink (same, &error), &error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_true (mp_shared_memory_unlink (second, &error));
  mp_test_expect_error (!mp_shared_memory_unlink (third, &error), &error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

/* Who opens a pipe waits for who writes to it. */
static void
test_name_of_pipe (void)
{
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_new_named (NULL, 100);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  g_assert_true (mp_shared_memory_open (memory, NULL));
  path = g_strconcat ("/dev/shm/", mp_shared_memory_get_name (memory), NULL);
  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  mp_test_expect_error (!mp_shared_memory_unlink (memory, &error), &error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpint (unlink (path), ==, 0);
}

/* Taking it would not fail, but have the kernel kill. */
static void
test_memory_nobody_has (void)
{
  const gsize size = (gsize) 1 << 50;
  g_autoptr (MpSharedMemory) memory = mp_shared_memory_new (size);
  g_autoptr (MpArray) array = mp_array_new ("d", size / 8, NULL);
  g_autoptr (GError) error = NULL;

  mp_test_expect_error (!mp_shared_memory_open (memory, &error), &error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  mp_test_expect_error (mp_array_get_address (array, &error) == 0, &error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_assert_null (unpack ("shared-memory", g_variant_new ("(mst)", NULL, (guint64) size),
                         make_sparse_memory (size, SEALS)));
}

#define N_RUBBISH 300

/* The object of a description, wherever it is in it. */
static guint32
find_unit (GVariant *description)
{
  g_autoptr (GVariant) first = g_variant_get_child_value (description, 0);
  guint32 unit;

  if (!g_variant_is_of_type (first, G_VARIANT_TYPE ("(ayuu)")))
    return find_unit (first);

  g_variant_get (first, "(@ayuu)", NULL, &unit, NULL);
  return unit;
}

/* Where it lies, for one that should not write there. */
typedef struct
{
  guint8  *memory;
  gsize    length;
  guint32 *words;
  gsize    size;
} Place;

static Place
map_object (gpointer shared,
            gsize    size)
{
  g_autoptr (GVariant) packed = NULL;
  g_autoptr (GVariant) boxed = NULL;
  g_autoptr (GVariant) description = NULL;
  MpPacking packing;
  guint8 *memory;
  gsize offset;

  mp_packing_init (&packing);
  packed = g_variant_ref_sink (mp_shareable_pack (shared, &packing, NULL));
  boxed = g_variant_get_child_value (packed, 2);
  description = g_variant_get_variant (boxed);
  offset = (gsize) find_unit (description) * 64 + 16;
  memory = mmap (NULL, offset + size, PROT_READ | PROT_WRITE, MAP_SHARED, g_array_index (packing.fds, int, 0), 0);
  g_assert_true (memory != MAP_FAILED);
  close_all (&packing);
  return (Place) { memory, offset + size, (guint32 *) (gpointer) (memory + offset), size };
}

/* Some words become rubbish, or zero again, which is a state like others. */
static void
write_rubbish (const Place *place)
{
  for (guint i = 0; i < 4; i++)
    place->words[g_test_rand_int_range (0, (gint32) (place->size / 4))] =
      g_test_rand_bit () ? (guint32) g_test_rand_int () : 0;
}

/* Whatever it is that they say, they say something. */
static void
use_all (MpValue         *value,
         MpArray         *array,
         MpShareableList *list)
{
  g_autoptr (GVariant) all = NULL;
  g_autoptr (GVariant) pair = mp_value_get_value (value, NULL);
  g_autoptr (GVariant) slice = mp_array_get_slice (array, 0, 2, NULL);
  g_autoptr (GError) error = NULL;

  all = mp_shareable_list_get_items (list, &error);
  g_assert_true ((all == NULL) == (error != NULL));
  mp_value_set_value (value, g_variant_new_parsed ("(@x 1, @x 2)"), NULL);
  mp_array_set_slice (array, 0, g_variant_new_parsed ("[(true, 1.5)]"), NULL);
  mp_shareable_list_set_item (list, 1, g_variant_new_string ("new"), NULL);
}

static void
test_rubbish_contents (void)
{
  g_autoptr (MpValue) value = mp_value_new ("(xx)", NULL, NULL);
  g_autoptr (MpArray) array = mp_array_new ("(bd)", 2, NULL);
  g_autoptr (MpShareableList) list = mp_shareable_list_new (g_variant_new_parsed ("(1, 'text', 2.5)"));
  Place places[] = {
    map_object (value, 144 + 32),
    map_object (array, 48 + 32),
    map_object (list, 48 + 3 * 16 + 3 * 32),
  };

  mp_short_lock_set_patience (G_TIME_SPAN_MILLISECOND);
  for (guint i = 0; i < N_RUBBISH; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MpShareableList) same = NULL;

      for (guint place = 0; place < G_N_ELEMENTS (places); place++)
        write_rubbish (&places[place]);
      use_all (value, array, list);

      same = mp_test_pass_on (list, &error);
      g_assert_true ((same == NULL) == (error != NULL));
      if (same != NULL)
        use_all (value, array, same);
    }
  mp_short_lock_set_patience (10 * G_TIME_SPAN_SECOND);

  for (guint place = 0; place < G_N_ELEMENTS (places); place++)
    munmap (places[place].memory, places[place].length);
}

/* --- A writer that is stopped --------------------------------------------- */

typedef struct
{
  MpAtomic32 has_lock;
} Stopped;

typedef struct
{
  MpAtomic32 *writer;
  Stopped    *stopped;
} Stopping;

/* It is stopped where it copies; the lock is all that the others see of that. */
static void
stop_while_writing (gpointer data)
{
  Stopping *stopping = data;
  MpTable *table = mp_table_get_default (NULL);
  guint32 me = mp_participant_enter (table, NULL);

  g_assert_true (mp_short_lock_acquire (table, stopping->writer, NULL, me, NULL));
  mp_test_set_word (&stopping->stopped->has_lock, 1);
  pause ();
}

typedef struct
{
  MpValue  *value;
  gboolean  was_refused;
} Attempt;

static gboolean
replace_in_loop (gpointer data)
{
  Attempt *attempt = data;
  g_autoptr (GError) error = NULL;

  mp_test_expect_error (!mp_value_set_value (attempt->value, g_variant_new_parsed ("(@x 1, @x 2)"), &error), &error,
                        MP_ERROR, MP_ERROR_TIMED_OUT);
  attempt->was_refused = TRUE;
  return G_SOURCE_REMOVE;
}

/* With a patience longer than any test a main loop goes on nevertheless. */
static void
test_stopped_writer (void)
{
  g_autoptr (MpValue) value = mp_value_new ("(xx)", NULL, NULL);
  g_autoptr (GError) error = NULL;
  Place place = map_object (value, 144 + 32);
  Stopping stopping = { (MpAtomic32 *) (gpointer) place.words, mp_test_share (sizeof (Stopped)) };
  Attempt attempt = { value, FALSE };
  pid_t child = mp_test_fork (stop_while_writing, &stopping);

  mp_test_wait_word (&stopping.stopped->has_lock, 1);
  mp_short_lock_set_patience (G_TIME_SPAN_DAY);
  g_idle_add (replace_in_loop, &attempt);
  mp_test_run_until_set (&attempt.was_refused);

  mp_test_kill (child);
  g_assert_true (mp_value_set_value (value, g_variant_new_parsed ("(@x 3, @x 4)"), &error));
  g_assert_no_error (error);

  mp_short_lock_set_patience (10 * G_TIME_SPAN_SECOND);
  munmap (place.memory, place.length);
  munmap (stopping.stopped, sizeof (Stopped));
}

static void
warm_up (void)
{
  g_autoptr (MpValue) value = mp_value_new ("i", NULL, NULL);
  g_autoptr (MpValue) same = mp_test_pass_on (value, NULL);

  mp_value_set_int64 (same, 1, NULL);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  mp_test_add ("/shared-rubbish/descriptions", test_rubbish);
  mp_test_add ("/shared-rubbish/lies", test_lies);
  mp_test_add ("/shared-rubbish/one-place", test_one_place);
  mp_test_add ("/shared-rubbish/names", test_names);
  mp_test_add ("/shared-rubbish/name-of-pipe", test_name_of_pipe);
  mp_test_add ("/shared-rubbish/nobody-has", test_memory_nobody_has);
  mp_test_add ("/shared-rubbish/contents", test_rubbish_contents);
  mp_test_add ("/shared-rubbish/stopped-writer", test_stopped_writer);
  return g_test_run ();
}
