/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What happens where the kernel has nothing left for a program: objects can be made, starting fails with an error, and
 * nothing waits for what cannot come.  With `--host` as argument this program is one that has nothing yet. */

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-test.h"

/* The next so many are granted, the one after them is not; negative: all */
static int n_watches_left = -1;

/* Takes the place of libc's */
int
epoll_ctl (int                 epoll_fd,
           int                 operation,
           int                 fd,
           struct epoll_event *event)
{
  int (*next) (int, int, int, struct epoll_event *) = dlsym (RTLD_NEXT, "epoll_ctl");

  if (operation == EPOLL_CTL_ADD && g_atomic_int_get (&n_watches_left) >= 0
      && g_atomic_int_add (&n_watches_left, -1) == 0)
    {
      errno = ENOSPC;
      return -1;
    }
  return next (epoll_fd, operation, fd, event);
}

static GVariant *
target_one (MpMessage     *arguments,
            GCancellable  *cancellable,
            gpointer       data,
            GError       **error)
{
  return g_variant_new_int32 (1);
}

/* --- watches ---------------------------------------------------------------------------------------------- */

/* Returns whether it was one watch too much */
static gboolean
start_with_watches (MpContext *context,
                    int        n)
{
  g_autoptr (MpProcess) process = mp_process_new (context, "one", NULL);
  g_autoptr (GError) error = NULL;
  gboolean ok;

  g_atomic_int_set (&n_watches_left, n);
  ok = mp_process_start (process, &error) && mp_process_join (process, MP_TEST_DEADLINE, NULL, &error);
  ok = g_atomic_int_get (&n_watches_left) >= 0 && ok;
  g_atomic_int_set (&n_watches_left, -1);
  if (error != NULL)
    {
      g_assert_error (error, MP_ERROR, MP_ERROR_START_FAILED);
      g_assert_nonnull (strstr (error->message, g_strerror (ENOSPC)));
    }
  return !ok;
}

static gboolean
has_no_child (gpointer unused)
{
  g_autoptr (GListModel) children = mp_process_get_children ();

  return g_list_model_get_n_items (children) == 0;
}

static void
test_watches (gconstpointer method)
{
  int n = 0;

  g_test_summary ("A start that the kernel has no watch for fails, whichever it is");
  for (;; n++)
    {
      g_autoptr (MpContext) context = mp_context_new ((MpStartMethod) GPOINTER_TO_INT (method), NULL);

      if (!start_with_watches (context, n))
        break;
    }
  g_assert_cmpint (n, >=, 2); /* the channel and the pidfd at least */
  mp_test_run_until (has_no_child, NULL);
}

static void
test_pool_watches (void)
{
  int n_failed = 0;

  g_test_summary ("A pool whose workers cannot be watched tells of it by its tasks");
  for (int n = 0; n < 4; n++)
    {
      g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, NULL);
      g_autoptr (MpPool) pool = mp_pool_new (1, context);
      g_autoptr (GVariant) result = NULL;
      g_autoptr (GError) error = NULL;

      g_atomic_int_set (&n_watches_left, n);
      result = mp_pool_apply (pool, "one", NULL, MP_TEST_DEADLINE, NULL, &error);
      g_atomic_int_set (&n_watches_left, -1);
      if (error != NULL)
        {
          g_assert_error (error, MP_ERROR, MP_ERROR_START_FAILED);
          n_failed++;
        }
      g_clear_error (&error);
      mp_pool_close (pool);
      mp_pool_join (pool, MP_TEST_DEADLINE, NULL, &error);
      g_assert_no_error (error);
    }
  g_assert_cmpint (n_failed, >, 0);
}

/* --- descriptors ------------------------------------------------------------------------------------------ */

static int
fail (const char *what,
      GError     *error)
{
  fprintf (stderr, "%s: %s\n", what, error != NULL ? error->message : "no error");
  return 1;
}

static int
host_main (void)
{
  struct rlimit limit, few;
  g_autoptr (MpProcess) process = NULL;
  g_autoptr (MpPool) pool = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;

  g_main_context_default (); /* without the descriptor of that, GLib ends the program */
  getrlimit (RLIMIT_NOFILE, &limit);
  few = limit;
  few.rlim_cur = (rlim_t) dup (STDIN_FILENO);
  close ((int) few.rlim_cur);
  setrlimit (RLIMIT_NOFILE, &few);
  process = mp_process_new (NULL, "one", NULL);
  pool = mp_pool_new (1, NULL);
  if (mp_process_start (process, &error) || !g_error_matches (error, MP_ERROR, MP_ERROR_START_FAILED))
    return fail ("start", error);
  g_clear_error (&error);
  if (mp_pool_apply (pool, "one", NULL, -1, NULL, &error) != NULL
      || !g_error_matches (error, MP_ERROR, MP_ERROR_START_FAILED))
    return fail ("apply", error);
  g_clear_error (&error);

  setrlimit (RLIMIT_NOFILE, &limit);
  if (!mp_process_start (process, &error) || !mp_process_join (process, MP_TEST_DEADLINE, NULL, &error))
    return fail ("start again", error);
  result = mp_pool_apply (pool, "one", NULL, MP_TEST_DEADLINE, NULL, &error);
  if (result == NULL)
    return fail ("apply again", error);
  return 0;
}

static void
test_descriptors (void)
{
  const char *argv[] = { "/proc/self/exe", "--host", NULL };
  g_autoptr (GError) error = NULL;
  GPid host;

  g_test_summary ("A program without descriptors makes objects, and starts what they are for when it has some");
  g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &host, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_test_wait (host), ==, 0);
}

/* Not by a template of the default context: that would stay, and might be seen only after the first comparison */
static void
warm_up (void)
{
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  g_autoptr (MpProcess) process = mp_process_new (context, "one", NULL);

  g_type_ensure (G_TYPE_TASK); /* GLib keeps a thread for tasks, and its descriptors, from the first on */
  g_assert_true (mp_process_start (process, NULL));
  g_assert_true (mp_process_join (process, MP_TEST_DEADLINE, NULL, NULL));
}

int
main (int    argc,
      char **argv)
{
  mp_register_target ("one", target_one, NULL, NULL);
  mp_init ();
  if (argc == 2 && strcmp (argv[1], "--host") == 0)
    return host_main ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  mp_test_add_data ("/exhaustion/watches/spawn", GINT_TO_POINTER (MP_START_METHOD_SPAWN), test_watches);
  mp_test_add_data ("/exhaustion/watches/forkserver", GINT_TO_POINTER (MP_START_METHOD_FORKSERVER), test_watches);
  mp_test_add ("/exhaustion/watches/pool", test_pool_watches);
  mp_test_add ("/exhaustion/descriptors", test_descriptors);
  return g_test_run ();
}
