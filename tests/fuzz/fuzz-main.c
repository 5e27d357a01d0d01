/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../mp-test.h"
#include "fuzz-coverage.h"
#include "fuzz.h"

/* Seconds of mutations, and that one input may take on a busy machine. */
#define SHORT_RUN 3
#define LONG_RUN  600
#define HANG      60

#define LONGEST 100000

/* --- Inputs ----------------------------------------------------------------- */

static const guint8 *current_input;
static size_t current_size;
static char *crash_path;

/* Whatever is the end of it: the input must not be lost. */
static void
keep_input (int signal_number)
{
  static const char text[] = "The input is in ";
  int fd = current_input != NULL ? open (crash_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;

  signal (signal_number, SIG_DFL);
  if (fd >= 0 && write (fd, current_input, current_size) == (gssize) current_size &&
      write (STDERR_FILENO, text, sizeof text - 1) >= 0 &&
      write (STDERR_FILENO, crash_path, strlen (crash_path)) >= 0)
    (void) !write (STDERR_FILENO, "\n", 1);
  raise (signal_number);
}

static void
watch_for_crashes (const char *program)
{
  crash_path = g_strconcat (program, ".crash", NULL);
  signal (SIGABRT, keep_input);
  signal (SIGTRAP, keep_input);
#ifndef __SANITIZE_ADDRESS__ /* which aborts, when it has told what it knows */
  signal (SIGSEGV, keep_input);
  signal (SIGBUS, keep_input);
  signal (SIGFPE, keep_input);
#endif
}

static void
keep_quiet (const char     *domain,
            GLogLevelFlags  level,
            const char     *text,
            gpointer        data)
{
}

void
fuzz_hush (void)
{
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  g_log_set_handler (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, keep_quiet, NULL);
}

/* Whether it came where none was before. */
static gboolean
feed (const GByteArray *input)
{
  /* A copy of exactly this size, so that a sanitizer sees each step beyond. */
  g_autofree guint8 *copy = g_memdup2 (input->data, input->len);
  gboolean is_new;

  current_input = copy;
  current_size = input->len;
  alarm (HANG);
  coverage_begin ();
  LLVMFuzzerTestOneInput (copy, input->len);
  is_new = coverage_end ();
  current_input = NULL;

  return is_new;
}

static GByteArray *
read_input (const char *path)
{
  char *contents;
  gsize size;

  if (!g_file_get_contents (path, &contents, &size, NULL))
    return NULL;

  return g_byte_array_new_take ((guint8 *) contents, size);
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
      GByteArray *input = read_input (path);

      if (input != NULL)
        g_ptr_array_add (inputs, input);
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

/* One that the code has compared with something. */
static void
set_number (GByteArray *input)
{
  gsize size;
  guint64 value = GUINT64_TO_LE (coverage_pick_number (&size) + (guint64) g_test_rand_int_range (-1, 2));

  if (size > 0 && input->len >= size)
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
append_part (GByteArray       *input,
             const GByteArray *other)
{
  guint from = (guint) g_test_rand_int_range (0, (gint32) other->len);

  g_byte_array_append (input, other->data + from, other->len - from);
}

/* A part of it once more, somewhere. */
static void
repeat (GByteArray *input)
{
  guint from = (guint) g_test_rand_int_range (0, (gint32) input->len);
  guint n = (guint) g_test_rand_int_range (1, (gint32) MIN (input->len - from, 32) + 1);
  guint to = (guint) g_test_rand_int_range (0, (gint32) input->len + 1);
  guint8 part[32];

  memcpy (part, input->data + from, n);
  g_byte_array_set_size (input, input->len + n);
  memmove (input->data + to + n, input->data + to, input->len - n - to);
  memcpy (input->data + to, part, n);
}

/* Half of the time one of those that were found last. */
static const GByteArray *
pick (GPtrArray *inputs)
{
  gint32 first = g_test_rand_bit () ? 0 : (gint32) (inputs->len - MIN (inputs->len, 50));

  return g_ptr_array_index (inputs, g_test_rand_int_range (first, (gint32) inputs->len));
}

static GByteArray *
mutate (GPtrArray *inputs)
{
  const GByteArray *parent = pick (inputs);
  const GByteArray *other = pick (inputs);
  GByteArray *child = g_byte_array_new ();
  int n = g_test_rand_int_range (1, 5);

  g_byte_array_append (child, parent->data, parent->len);
  for (int i = 0; i < n && child->len > 0; i++)
    {
      switch (g_test_rand_int_range (0, 8))
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
        case 5:
          set_number (child);
          break;
        case 6:
          if (child->len < LONGEST)
            repeat (child);
          break;
        default:
          if (other->len > 0 && child->len < LONGEST)
            append_part (child, other);
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
  guint n_seeds, n = 0;

  end += (g_getenv ("MP_TEST_LONG") != NULL ? LONG_RUN : SHORT_RUN) * G_USEC_PER_SEC;

  fuzz_add_seeds (inputs);
  add_files (inputs, name);
  n_seeds = inputs->len;
  for (guint i = 0; i < n_seeds; i++)
    feed (g_ptr_array_index (inputs, i));

  for (; g_get_monotonic_time () < end; n++)
    {
      g_autoptr (GByteArray) input = mutate (inputs);

      if (feed (input))
        g_ptr_array_add (inputs, g_steal_pointer (&input));
    }

  g_test_message ("%u inputs, %u of them seeds; %u led further, to %u steps in all",
                  n + n_seeds, n_seeds, inputs->len - n_seeds, coverage_count ());
}

/* Again, as after a crash. */
static void
test_files (gconstpointer data)
{
  for (const char * const *path = data; *path != NULL; path++)
    {
      g_autoptr (GByteArray) input = read_input (*path);

      g_assert_nonnull (input);
      feed (input);
    }
}

/* For libFuzzer and AFL++, which find little without. */
static void
write_seeds (const char *folder)
{
  g_autoptr (GPtrArray) seeds = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);

  fuzz_warm_up ();
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
  mp_test_set_warm_up (fuzz_warm_up);
  watch_for_crashes (argv[0]);
  if (argc > 1)
    mp_test_add_data (path, argv + 1, test_files);
  else
    mp_test_add_data (path, name, test_fuzz);

  return g_test_run ();
}
