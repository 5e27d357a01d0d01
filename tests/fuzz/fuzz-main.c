/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "../mp-test.h"
#include "fuzz.h"

/* Seconds of mutations. */
#define SHORT_RUN 3
#define LONG_RUN  60

static void
feed (const GByteArray *input)
{
  /* A copy of exactly this size, so that a sanitizer sees each step beyond. */
  g_autofree guint8 *copy = g_memdup2 (input->data, input->len);

  LLVMFuzzerTestOneInput (copy, input->len);
}

static void
add_files (GPtrArray  *inputs,
           const char *name)
{
  g_autofree char *folder = g_test_build_filename (G_TEST_DIST, "fuzz", "corpus", name, NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *file;

  while (dir != NULL && (file = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, file, NULL);
      char *contents;
      gsize size;

      if (g_file_get_contents (path, &contents, &size, NULL))
        g_ptr_array_add (inputs, g_byte_array_new_take ((guint8 *) contents, size));
    }
}

/* --- Mutations -------------------------------------------------------------- */

static void
flip_bit (GByteArray *input)
{
  guint bit = (guint) g_test_rand_int_range (0, (gint32) input->len * 8);

  input->data[bit / 8] ^= (guint8) (1 << (bit % 8));
}

static void
set_edge (GByteArray *input)
{
  static const guint64 edges[] = {
    0, 1, 7, 8, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
    G_GUINT64_CONSTANT (0x7fffffffffffffff), G_GUINT64_CONSTANT (0xffffffffffffffff),
  };
  guint64 value = GUINT64_TO_LE (edges[g_test_rand_int_range (0, G_N_ELEMENTS (edges))]);
  gsize size = (gsize) 1 << g_test_rand_int_range (0, 4);

  if (input->len >= size)
    memcpy (input->data + g_test_rand_int_range (0, (gint32) (input->len - size + 1)), &value, size);
}

static void
cut (GByteArray *input)
{
  g_byte_array_set_size (input, (guint) g_test_rand_int_range (1, (gint32) input->len + 1));
}

static void
remove_range (GByteArray *input)
{
  guint from = (guint) g_test_rand_int_range (0, (gint32) input->len);
  guint n = (guint) g_test_rand_int_range (0, (gint32) MIN (input->len - from, 16) + 1);

  if (n < input->len)
    g_byte_array_remove_range (input, from, n);
}

static void
splice (GByteArray       *input,
        const GByteArray *other)
{
  guint from = (guint) g_test_rand_int_range (0, (gint32) other->len);

  g_byte_array_append (input, other->data + from, other->len - from);
}

static GByteArray *
mutate (GPtrArray *inputs)
{
  const GByteArray *parent = g_ptr_array_index (inputs, g_test_rand_int_range (0, (gint32) inputs->len));
  const GByteArray *other = g_ptr_array_index (inputs, g_test_rand_int_range (0, (gint32) inputs->len));
  GByteArray *child = g_byte_array_new ();
  int n = g_test_rand_int_range (1, 5);

  g_byte_array_append (child, parent->data, parent->len);
  for (int i = 0; i < n && child->len > 0; i++)
    {
      switch (g_test_rand_int_range (0, 6))
        {
        case 0:
        case 1:
          flip_bit (child);
          break;
        case 2:
        case 3:
          set_edge (child);
          break;
        case 4:
          g_test_rand_int_range (0, 2) == 0 ? cut (child) : remove_range (child);
          break;
        default:
          if (other->len > 0 && child->len < 100000)
            splice (child, other);
          break;
        }
    }

  return child;
}

static void
test_fuzz (gconstpointer name)
{
  g_autoptr (GPtrArray) inputs = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  gint64 end = g_get_monotonic_time ();
  guint n = 0;

  end += (g_getenv ("MP_TEST_LONG") != NULL ? LONG_RUN : SHORT_RUN) * G_USEC_PER_SEC;

  fuzz_add_seeds (inputs);
  add_files (inputs, name);
  for (guint i = 0; i < inputs->len; i++)
    feed (g_ptr_array_index (inputs, i));

  for (; g_get_monotonic_time () < end; n++)
    {
      g_autoptr (GByteArray) input = mutate (inputs);

      feed (input);
    }

  g_test_message ("%u inputs, %u of them the seeds", n + inputs->len, inputs->len);
}

/* For libFuzzer and AFL++, which find little without. */
static void
write_seeds (const char *folder)
{
  g_autoptr (GPtrArray) seeds = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);

  fuzz_add_seeds (seeds);
  for (guint i = 0; i < seeds->len; i++)
    {
      const GByteArray *seed = g_ptr_array_index (seeds, i);
      g_autofree char *path = g_strdup_printf ("%s/seed-%u", folder, i);

      g_assert_true (g_file_set_contents (path, (const char *) seed->data, seed->len, NULL));
    }
}

int
main (int   argc,
      char *argv[])
{
  g_autofree char *program = g_path_get_basename (argv[0]);
  g_autofree char *path = NULL;
  const char *name;

  if (argc == 3 && strcmp (argv[1], "--write-seeds") == 0)
    {
      write_seeds (argv[2]);
      return 0;
    }

  g_assert_true (g_str_has_prefix (program, "fuzz-"));
  name = program + strlen ("fuzz-");
  path = g_strconcat ("/fuzz/", name, NULL);

  mp_test_init (&argc, &argv);
  mp_test_add_data (path, name, test_fuzz);

  return g_test_run ();
}
