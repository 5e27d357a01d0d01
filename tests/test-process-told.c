/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Children that cannot begin, and who is told.  This program is its own child: with `--waiting MODE`,
 * `--ending METHOD` and `--locking METHOD` as arguments it is one whose child cannot begin. */

#include <poll.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "mp-test.h"
#include "process-targets.h"

#define MISSING "/nonesuch.so#run"
#define RUBBISH "echo rubbish >&3; exec tail -f /dev/null"

/* Where nobody has it any more its template ends, beside the program's end, which a sanitizer takes for a leak */
static MpContext *
new_kept_context (gboolean forkserver)
{
  static MpContext * volatile context;

  context = mp_context_new (forkserver ? MP_START_METHOD_FORKSERVER : MP_START_METHOD_SPAWN, NULL);
  return context;
}

/* Who is waited for */
static gpointer
put_at_end_of_input (gpointer data)
{
  char byte;

  while (read (STDIN_FILENO, &byte, 1) > 0)
    ;
  mp_queue_put (data, g_variant_new_string ("over"), MP_TEST_DEADLINE, NULL, NULL);
  return NULL;
}

/* Waits for what a child would have to do that cannot begin; ends when its input does */
static int
waiting_main (const char *mode)
{
  gboolean forkserver = strstr (mode, "forkserver") != NULL;
  MpContext *context = new_kept_context (forkserver);
  g_autoptr (MpLauncher) launcher = mp_launcher_new ("native", (const char *[]) { "/bin/sh", "-c", RUBBISH, NULL });
  g_autoptr (MpContext) talking = mp_context_new (MP_START_METHOD_SPAWN, launcher);
  g_autoptr (MpProcess) process = strcmp (mode, "rubbish") == 0 ? mp_process_new (talking, "nothing", NULL)
                                                                 : mp_process_new (context, MISSING, NULL);
  g_autoptr (MpQueue) queue = mp_queue_new (0);
  g_autoptr (GVariant) item = NULL;
  g_autoptr (GError) error = NULL;
  GThread *thread;

  if (start_in_form (process, strstr (mode, "async") != NULL, &error) == (strstr (mode, "async") != NULL))
    return 2;
  thread = g_thread_new ("put", put_at_end_of_input, queue);
  item = mp_queue_get (queue, MP_TEST_DEADLINE, NULL, NULL);
  g_thread_join (thread);
  return item != NULL && mp_shutdown (MP_TEST_DEADLINE, NULL, NULL) ? 0 : 1;
}

static char *
read_until (int         fd,
            const char *wanted)
{
  GString *text = g_string_new (NULL);
  char bytes[256];
  ssize_t n;

  do
    {
      mp_test_poll (fd, POLLIN | POLLHUP);
      n = read (fd, bytes, sizeof bytes);
      g_assert_cmpint (n, >=, 0);
      g_string_append_len (text, bytes, n);
    }
  while (n > 0 && (wanted == NULL || strstr (text->str, wanted) == NULL));
  return g_string_free (text, FALSE);
}

static void
test_told_while_waiting (gconstpointer data)
{
  const char *mode = data;
  const char *argv[] = { "/proc/self/exe", "--waiting", mode, NULL };
  g_autofree char *before = NULL, *after = NULL;
  g_autoptr (GError) error = NULL;
  int in, err;
  GPid program;

  g_test_summary ("Who waits for what a child was to do that cannot begin is told, once; who waits for its start is "
                  "not, and has the error");
  g_spawn_async_with_pipes (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &program, &in, NULL,
                            &err, &error);
  g_assert_no_error (error);
  if (strstr (mode, "async") == NULL)
    {
      before = read_until (err, strcmp (mode, "rubbish") == 0 ? ": Process-1: " : "nonesuch.so: ");
      g_assert_nonnull (strstr (before, ": Process-1: "));
    }
  close (in);
  after = read_until (err, NULL);
  g_assert_null (strstr (after, ": Process-1: ")); /* who talks rubbish is told of in other words, too */
  g_assert_cmpint (mp_test_wait (program), ==, 0);
  close (err);
}

static int is_telling, has_told; /* atomic */

/* Is done only when the main thread waits */
static GLogWriterOutput
write_slowly (GLogLevelFlags   level,
              const GLogField *fields,
              gsize            n_fields,
              gpointer         data)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/stat", getpid ());
  gint64 deadline = g_get_monotonic_time () + (gint64) (MP_TEST_DEADLINE * G_USEC_PER_SEC);
  int looks = 0;

  g_atomic_int_set (&is_telling, 1);
  while (looks < 50 && g_get_monotonic_time () < deadline)
    {
      g_autofree char *text = NULL;
      const char *state = g_file_get_contents (path, &text, NULL, NULL) ? strrchr (text, ')') : NULL;

      looks = state != NULL && strncmp (state, ") S", 3) == 0 ? looks + 1 : 0;
    }
  g_atomic_int_set (&has_told, 1);
  return G_LOG_WRITER_HANDLED;
}

static int
ending_main (const char *method)
{
  gboolean forkserver = strcmp (method, "forkserver") == 0;
  MpContext *context = new_kept_context (forkserver);
  g_autoptr (MpProcess) process = mp_process_new (context, MISSING, NULL);

  g_log_set_writer_func (write_slowly, NULL, NULL);
  if (!mp_process_start (process, NULL))
    return 2;
  while (!g_atomic_int_get (&is_telling))
    sched_yield ();
  if (!mp_shutdown (MP_TEST_DEADLINE, NULL, NULL))
    return 3;
  return g_atomic_int_get (&has_told) ? 0 : 1;
}

static GMutex held_while_starting;

static GLogWriterOutput
write_with_lock (GLogLevelFlags   level,
                 const GLogField *fields,
                 gsize            n_fields,
                 gpointer         data)
{
  g_atomic_int_set (&is_telling, 1);
  g_mutex_lock (&held_while_starting);
  g_mutex_unlock (&held_while_starting);
  return G_LOG_WRITER_HANDLED;
}

static int
locking_main (const char *method)
{
  gboolean forkserver = strcmp (method, "forkserver") == 0;
  MpContext *context = new_kept_context (forkserver);
  g_autoptr (MpProcess) first = mp_process_new (context, MISSING, NULL);
  g_autoptr (MpProcess) second = mp_process_new (context, MISSING, NULL);

  alarm ((guint) MP_TEST_DEADLINE);
  g_log_set_writer_func (write_with_lock, NULL, NULL);
  g_mutex_lock (&held_while_starting);
  if (!mp_process_start (first, NULL))
    return 2;
  while (!g_atomic_int_get (&is_telling))
    sched_yield ();
  if (!mp_process_start (second, NULL))
    return 3;
  g_mutex_unlock (&held_while_starting);
  return mp_shutdown (MP_TEST_DEADLINE, NULL, NULL) ? 0 : 1;
}

static void
test_told_beside (gconstpointer method)
{
  const char *argv[] = { "/proc/self/exe", "--locking", method, NULL };
  g_autoptr (GError) error = NULL;
  GPid program;

  g_test_summary ("A log writer may wait for a thread that starts a process");
  g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &program, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_test_wait (program), ==, 0);
}

static void
test_told_before_end (gconstpointer method)
{
  const char *argv[] = { "/proc/self/exe", "--ending", method, NULL };
  g_autoptr (GError) error = NULL;
  GPid program;

  g_test_summary ("The end of the program waits until it has been told of a child that could not begin");
  g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &program, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_test_wait (program), ==, 0);
}

int
main (int   argc,
      char *argv[])
{
  process_targets_init ();
  if (argc == 3 && strcmp (argv[1], "--waiting") == 0)
    return waiting_main (argv[2]);
  if (argc == 3 && strcmp (argv[1], "--locking") == 0)
    return locking_main (argv[2]);
  if (argc == 3 && strcmp (argv[1], "--ending") == 0)
    return ending_main (argv[2]);

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (process_warm_up);

  mp_test_add_data ("/process/told/spawn", "spawn", test_told_while_waiting);
  mp_test_add_data ("/process/told/forkserver", "forkserver", test_told_while_waiting);
  mp_test_add_data ("/process/told/spawn-async", "spawn async", test_told_while_waiting);
  mp_test_add_data ("/process/told/forkserver-async", "forkserver async", test_told_while_waiting);
  mp_test_add_data ("/process/told/rubbish", "rubbish", test_told_while_waiting);
  mp_test_add_data ("/process/told-beside/spawn", "spawn", test_told_beside);
  mp_test_add_data ("/process/told-beside/forkserver", "forkserver", test_told_beside);
  mp_test_add_data ("/process/told-before-end/spawn", "spawn", test_told_before_end);
  mp_test_add_data ("/process/told-before-end/forkserver", "forkserver", test_told_before_end);
  return g_test_run ();
}
