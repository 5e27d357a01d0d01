/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Two processes with very many connections between them, all of which are open and echo.
 *
 *   MP_TEST_LONG=1   10,000 of them
 */

#include "config.h"

#include <malloc.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-test-siege.h"
#include "mp-test.h"

#define N        600
#define N_LONG   10000
#define N_ROUNDS 3

/* Descriptors that a process has besides; and a listener leaves a fifth of all that there may be. */
#define N_OTHERS 100

/* What may be more when they have come and gone a second time, and what each may take. */
#define MAX_LEFT_KIB 1024
#define MAX_EACH_KIB 32

static MpAuthKey *key;

/* As many as there may be, up to `n`. */
static guint
get_number (guint n)
{
  struct rlimit limit;
  guint most;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  limit.rlim_cur = limit.rlim_max;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  most = (guint) (MIN (limit.rlim_max, 1 << 20) / 5 * 4 - N_OTHERS);
  if (n > most)
    g_test_message ("%u connections instead of %u: a process may have %u descriptors", most, n, (guint) limit.rlim_max);

  return MIN (n, most);
}

static MpConnection *
connect_one (const char *path)
{
  g_autoptr (GError) error = NULL;
  MpConnection *connection = mp_connection_open (path, key, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  return connection;
}

/* All are asked before the first one has to answer. */
static void
echo (GPtrArray *connections,
      gint32     first)
{
  for (guint i = 0; i < connections->len; i++)
    {
      g_autoptr (GError) error = NULL;

      mp_connection_send (connections->pdata[i], g_variant_new_int32 (first + (gint32) i), MP_TEST_DEADLINE, NULL,
                          &error);
      g_assert_no_error (error);
    }

  for (guint i = 0; i < connections->len; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) number = mp_connection_receive (connections->pdata[i], MP_TEST_DEADLINE, NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpint (g_variant_get_int32 (number), ==, first + (gint32) i);
    }
}

/* They come, ask and go.  Returns what each costs its other end, in KiB. */
static double
come_and_go (Honest     *server,
             const char *path,
             guint       n)
{
  g_autoptr (GPtrArray) connections = g_ptr_array_new_with_free_func (g_object_unref);
  g_autofree char *line = NULL;
  guint before = get_memory_kib (server->pid, "VmRSS:"), after;
  gint64 start = g_get_monotonic_time ();
  gint64 opened;

  for (guint i = 0; i < n; i++)
    {
      alarm (60);
      g_ptr_array_add (connections, connect_one (path));
    }
  opened = g_get_monotonic_time ();
  for (gint32 i = 0; i < N_ROUNDS; i++)
    {
      alarm (100);
      echo (connections, i * 1000000);
    }

  g_test_message ("%u connections: opened in %.2f s, %u times echoed in %.2f s", n, (double) (opened - start) / 1e6,
                  N_ROUNDS, (double) (g_get_monotonic_time () - opened) / 1e6);
  after = get_memory_kib (server->pid, "VmRSS:");
  g_ptr_array_set_size (connections, 0);
  line = hear (server->said_fd);
  g_assert_cmpstr (line, ==, "empty");
  malloc_trim (0);

  return (double) (after - MIN (before, after)) / n;
}

/* What serves those who connect stays for the life of a process. */
static void
warm_up (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("XDG_RUNTIME_DIR"), "warm-up", NULL);
  Honest server;

  start_honest (&server, "crowd", path);
  come_and_go (&server, path, 2);
  g_free (end_honest (&server));
}

static void
test_many (void)
{
  const guint n = get_number (g_getenv ("MP_TEST_LONG") != NULL ? N_LONG : N);
  g_autofree char *path = g_build_filename (g_getenv ("XDG_RUNTIME_DIR"), "many", NULL);
  g_autofree char *line = NULL;
  guint memory_before, memory_after, own_before, own_after, fds_before;
  Honest server;
  double each, again;

  /* The first ones bring with them what stays, and no heap gives everything back. */
  start_honest (&server, "crowd", path);
  each = come_and_go (&server, path, n);
  memory_before = get_memory_kib (server.pid, "VmRSS:");
  own_before = get_memory_kib (getpid (), "VmRSS:");
  fds_before = count_fds_of (server.pid);

  again = come_and_go (&server, path, n);
  each = MAX (each, again);
  memory_after = get_memory_kib (server.pid, "VmRSS:");
  own_after = get_memory_kib (getpid (), "VmRSS:");
  g_test_message ("each: %.1f KiB; listener: %u KiB before, %u after; client: %u and %u", each, memory_before,
                  memory_after, own_before, own_after);
  g_assert_cmpuint (count_fds_of (server.pid), ==, fds_before);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed */
  g_assert_cmpfloat (each, <=, MAX_EACH_KIB);
  g_assert_cmpuint (memory_after, <=, memory_before + MAX_LEFT_KIB);
  g_assert_cmpuint (own_after, <=, own_before + MAX_LEFT_KIB);
#endif
  line = end_honest (&server);
}

int
main (int    argc,
      char **argv)
{
  mp_test_init (&argc, &argv);
  key = mp_auth_key_new_data ((const guint8 *) MP_TEST_SIEGE_KEY, strlen (MP_TEST_SIEGE_KEY));

  mp_test_set_warm_up (warm_up);
  mp_test_add ("/many-connections/echo", test_many);

  return g_test_run ();
}
