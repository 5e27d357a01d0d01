/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 *
 * Prints the SHA-256 of every file under some folders, as sha256sum does, computed
 * by a pool of worker processes.
 *
 *     checksums [--workers=N] FOLDER...
 */

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <mpglib.h>

#include "checksums-worker.h"

static gboolean failed;

static void
complain (const char *path,
          const char *reason)
{
  fprintf (stderr, "checksums: %s: %s\n", path, reason);
  failed = TRUE;
}

static int
compare_paths (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

/* Regular files; links are not followed. */
static GPtrArray *
find_files (char **folders)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  FTS *tree = fts_open (folders, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
  FTSENT *entry;

  while ((entry = fts_read (tree)) != NULL)
    {
      if (entry->fts_info == FTS_F)
        g_ptr_array_add (paths, g_strdup (entry->fts_path));
      else if (entry->fts_errno != 0)
        complain (entry->fts_path, g_strerror (entry->fts_errno));
    }
  fts_close (tree);
  g_ptr_array_sort (paths, compare_paths);

  return g_steal_pointer (&paths);
}

/* The line of a name that is more than a line begins with a backslash. */
static void
print_line (const char *path,
            const char *sum)
{
  g_autoptr (GString) name = g_string_new (path);

  g_string_replace (name, "\\", "\\\\", 0);
  g_string_replace (name, "\n", "\\n", 0);
  g_string_replace (name, "\r", "\\r", 0);
  printf ("%s%s  %s\n", strcmp (name->str, path) != 0 ? "\\" : "", sum, name->str);
}

static void
print_result (MpPoolResult *result,
              GPtrArray    *paths)
{
  for (guint i = 0; i < paths->len; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) sum = mp_pool_result_get_item (result, i, &error);

      if (sum != NULL)
        print_line (paths->pdata[i], g_variant_get_string (sum, NULL));
      else
        complain (paths->pdata[i], error->message);
    }
}

static void
show_progress (MpPoolResult *result,
               double        fraction)
{
  static const char bar[] = "########################################";

  fprintf (stderr, "\r[%-40.*s] %3d %%", (int) (fraction * 40), bar, (int) (fraction * 100));
}

static void
compute (GPtrArray *paths,
         int        n_workers)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (MpPool) pool = mp_pool_new (n_workers, NULL);
  g_autoptr (MpPoolResult) result = NULL;
  gboolean has_terminal = isatty (STDERR_FILENO);

  result = mp_pool_submit_map (pool, "checksum",
                               g_variant_new_bytestring_array ((const char * const *) paths->pdata, paths->len),
                               0, NULL);
  if (has_terminal)
    g_signal_connect (result, "progress-changed", G_CALLBACK (show_progress), NULL);
  g_signal_connect_swapped (result, "finished", G_CALLBACK (g_main_loop_quit), loop);
  g_main_loop_run (loop);

  if (has_terminal)
    fputs ("\r\033[K", stderr);
  print_result (result, paths);
}

int
main (int    argc,
      char **argv)
{
  int n_workers = 0;
  g_auto (GStrv) folders = NULL;
  g_autoptr (GPtrArray) paths = NULL;
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  const GOptionEntry options[] = {
    { "workers", 'w', 0, G_OPTION_ARG_INT, &n_workers, "How many processes (one a processor)", "N" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &folders, NULL, "FOLDER..." },
    { NULL }
  };

  /* A worker is this program once more, up to here. */
  mp_register_target ("checksum", checksum, NULL, NULL);
  mp_init ();

  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || folders == NULL || n_workers < 0)
    {
      fprintf (stderr, "checksums: %s\n", error != NULL ? error->message : "which folders? (--help tells more)");
      return 2;
    }

  paths = find_files (folders);
  compute (paths, n_workers);

  return failed ? 1 : 0;
}
