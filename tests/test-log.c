/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-log-private.h"
#include "mp-pump-private.h"

/* The fields of the last message that reached the writer, and how many did. */
static GHashTable *last_fields;
static guint n_written;
static MpPump *pump;   /* that the writer uses; NULL: none */

static GLogWriterOutput
remember_fields (GLogLevelFlags   log_level,
                 const GLogField *fields,
                 gsize            n_fields,
                 gpointer         user_data)
{
  n_written++;
  if (pump != NULL)
    {
      mp_pump_lock (pump);
      mp_pump_unlock (pump);
    }
  g_hash_table_remove_all (last_fields);
  for (gsize i = 0; i < n_fields; i++)
    {
      g_assert_cmpint (fields[i].length, ==, -1);
      g_hash_table_insert (last_fields, g_strdup (fields[i].key), g_strdup (fields[i].value));
    }

  return G_LOG_WRITER_HANDLED;
}

static const char *
get_field (const char *key)
{
  return g_hash_table_lookup (last_fields, key);
}

static void
test_fields (void)
{
  g_autofree char *pid = g_strdup_printf ("%d", (int) getpid ());

  g_test_summary ("A message names its process, place and level in fields of its own.");

  mp_log_set_threshold (MP_LOG_LEVEL_INFO);
  mp_log_info ("process %d begins", 7);

  g_assert_cmpstr (get_field ("MESSAGE"), ==, "process 7 begins");
  g_assert_cmpstr (get_field ("GLIB_DOMAIN"), ==, "Mp");
  g_assert_cmpstr (get_field ("PRIORITY"), ==, "6");
  g_assert_cmpstr (get_field ("MP_PROCESS"), ==, "MainProcess");
  g_assert_cmpstr (get_field ("MP_PID"), ==, pid);
  g_assert_cmpstr (get_field ("MP_LEVEL"), ==, "20");
  g_assert_cmpstr (get_field ("CODE_FUNC"), ==, G_STRFUNC);
  g_assert_true (g_str_has_suffix (get_field ("CODE_FILE"), "test-log.c"));
  g_assert_nonnull (get_field ("CODE_LINE"));
}

static void
test_process_name (void)
{
  char name[] = "Process-3";

  g_test_summary ("The name is copied, and a new one holds from the next message on.");

  mp_log_set_threshold (MP_LOG_LEVEL_INFO);
  mp_log_set_process_name (name);
  memset (name, 'x', strlen (name));
  mp_log_info ("named");
  g_assert_cmpstr (get_field ("MP_PROCESS"), ==, "Process-3");

  mp_log_set_process_name ("MainProcess");
  mp_log_info ("named again");
  g_assert_cmpstr (get_field ("MP_PROCESS"), ==, "MainProcess");
}

static int n_evaluated;

static int
evaluate (void)
{
  return ++n_evaluated;
}

static void
test_threshold (void)
{
  const struct
  {
    MpLogLevel  level;
    const char *priority;
  } levels[] = {
    { MP_LOG_LEVEL_SUBDEBUG, "7" },
    { MP_LOG_LEVEL_DEBUG, "7" },
    { MP_LOG_LEVEL_INFO, "6" },
    { MP_LOG_LEVEL_SUBWARNING, "5" },
    { MP_LOG_LEVEL_WARNING, "4" },
  };

  g_test_summary ("What is below the threshold is not written, nor are its arguments evaluated.");

  for (gsize threshold = 0; threshold < G_N_ELEMENTS (levels); threshold++)
    {
      mp_log_set_threshold (levels[threshold].level);

      for (gsize i = 0; i < G_N_ELEMENTS (levels); i++)
        {
          gboolean wanted = i >= threshold;

          n_written = 0;
          n_evaluated = 0;
          mp_log (levels[i].level, "message %d", evaluate ());
          g_assert_cmpuint (n_written, ==, wanted ? 1 : 0);
          g_assert_cmpint (n_evaluated, ==, wanted ? 1 : 0);
          if (wanted)
            g_assert_cmpstr (get_field ("PRIORITY"), ==, levels[i].priority);
        }
    }
}

static void
test_fork (void)
{
  pid_t child;
  int status;

  g_test_summary ("A process that somebody forked logs under its own pid.");

  mp_log_set_threshold (MP_LOG_LEVEL_INFO);
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      char pid[12];

      g_snprintf (pid, sizeof pid, "%d", (int) getpid ());
      mp_log_info ("forked");
      _exit (g_str_equal (get_field ("MP_PID"), pid) ? 0 : 1);
    }

  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
}

/* Each in a program of its own, since GLib too reads the environment once. */
static void
test_environment (void)
{
  const struct
  {
    const char *messages_debug;
    MpLogLevel  threshold;
  } cases[] = {
    { NULL, MP_LOG_LEVEL_INFO },
    { "Gio", MP_LOG_LEVEL_INFO },
    { "Gio Mp", MP_LOG_LEVEL_SUBDEBUG },
    { "all", MP_LOG_LEVEL_SUBDEBUG },
  };

  g_test_summary ("G_MESSAGES_DEBUG with Mp or all in it asks for everything.");

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/log/subprocess/threshold-is-%d", (int) cases[i].threshold);

      if (cases[i].messages_debug != NULL)
        g_setenv ("G_MESSAGES_DEBUG", cases[i].messages_debug, TRUE);
      else
        g_unsetenv ("G_MESSAGES_DEBUG");

      g_test_trap_subprocess (path, 0, G_TEST_SUBPROCESS_DEFAULT);
      g_test_trap_assert_passed ();
    }

  g_unsetenv ("G_MESSAGES_DEBUG");
}

static void
check_threshold (gconstpointer data)
{
  g_assert_cmpint (mp_log_read_threshold (), ==, GPOINTER_TO_INT (data));

  mp_log_set_threshold (MP_LOG_LEVEL_WARNING);
  g_assert_cmpint (mp_log_read_threshold (), ==, MP_LOG_LEVEL_WARNING);
}

static void
test_held (void)
{
  guint n_before = n_written;

  g_test_summary ("What is said under a lock of the library's is written when that is free: writers call into it.");

  mp_log_set_threshold (MP_LOG_LEVEL_INFO);
  pump = mp_pump_new ("a pump");
  mp_pump_lock (pump);
  mp_log_info ("first");
  mp_log_info ("second");
  g_assert_cmpuint (n_written, ==, n_before);
  mp_pump_unlock (pump);
  g_assert_cmpuint (n_written, ==, n_before + 2);
  g_assert_cmpstr (get_field ("MESSAGE"), ==, "second");

  mp_log_info ("third");
  g_assert_cmpuint (n_written, ==, n_before + 3);
  g_clear_pointer (&pump, mp_pump_unref);
}

int
main (int   argc,
      char *argv[])
{
  int status;

  g_test_init (&argc, &argv, NULL);
  last_fields = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_log_set_writer_func (remember_fields, NULL, NULL);

  g_test_add_func ("/log/fields", test_fields);
  g_test_add_func ("/log/process-name", test_process_name);
  g_test_add_func ("/log/threshold", test_threshold);
  g_test_add_func ("/log/fork", test_fork);
  g_test_add_func ("/log/held", test_held);
  g_test_add_func ("/log/environment", test_environment);
  g_test_add_data_func ("/log/subprocess/threshold-is-5", GINT_TO_POINTER (5), check_threshold);
  g_test_add_data_func ("/log/subprocess/threshold-is-20", GINT_TO_POINTER (20), check_threshold);

  status = g_test_run ();
  g_clear_pointer (&last_fields, g_hash_table_unref);
  return status;
}
