/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-bench.h"

/* Start a process that does nothing, and wait for its end: own.process.<start method> beside spawn.* and
 * py*.process.* of the yardsticks.  The template is there already, as the yardsticks' is.
 *
 * What the kernel and the dynamic linker take of that for a program with so many libraries is measured beside it,
 * without mpglib doing anything: own.process.linked.posix_spawn and .forkserver are what the yardsticks of the same
 * names do, with this program in the place of theirs. */

#define END "--end"

static GVariant *
do_nothing (MpMessage     *arguments,
            GCancellable  *cancellable,
            gpointer       user_data,
            GError       **error)
{
  return NULL;
}

static void
start_and_join (guint64  n,
                gpointer user_data)
{
  for (guint64 i = 0; i < n; i++)
    {
      g_autoptr (MpProcess) process = mp_process_new (user_data, "nothing", NULL);
      g_autoptr (GError) error = NULL;

      if (!mp_process_start (process, &error) || !mp_process_join (process, -1, NULL, &error)
          || !mp_process_check (process, &error))
        g_error ("%s", error->message);
    }
}

static void
reap (pid_t pid)
{
  int status;

  if (pid < 0 || waitpid (pid, &status, 0) != pid || status != 0)
    g_error ("A child cannot be had");
}

static void
spawn_linked (guint64  n,
              gpointer user_data)
{
  char *argv[] = { user_data, (char *) END, NULL };

  for (guint64 i = 0; i < n; i++)
    {
      pid_t pid;

      if (posix_spawn (&pid, user_data, NULL, NULL, argv, environ) != 0)
        g_error ("%s cannot be started", argv[0]);
      reap (pid);
    }
}

/* A byte asks for a child, a byte tells that it has ended */
G_NORETURN static void
serve (int fd)
{
  char byte;

  while (read (fd, &byte, 1) == 1)
    {
      pid_t pid = fork ();

      if (pid == 0)
        _exit (0);
      reap (pid);
      if (write (fd, &byte, 1) != 1)
        break;
    }
  _exit (0);
}

static int
start_server (void)
{
  int ends[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    g_error ("No pair of sockets");
  if (fork () == 0)
    {
      close (ends[0]);
      serve (ends[1]);
    }
  close (ends[1]);
  return ends[0];
}

static void
fork_linked (guint64  n,
             gpointer user_data)
{
  char byte = 0;

  for (guint64 i = 0; i < n; i++)
    if (write (GPOINTER_TO_INT (user_data), &byte, 1) != 1 || read (GPOINTER_TO_INT (user_data), &byte, 1) != 1)
      g_error ("The fork server has gone");
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (MpContext) spawn = NULL, forkserver = NULL;
  g_autofree char *program = NULL;
  int server;

  if (argc == 2 && strcmp (argv[1], END) == 0)
    return 0;

  mp_register_target ("nothing", do_nothing, NULL, NULL);
  mp_init ();
  mp_bench_init (argc, argv);
  program = g_file_read_link ("/proc/self/exe", NULL);
  server = start_server ();

  spawn = mp_context_new (MP_START_METHOD_SPAWN, NULL);
  forkserver = mp_context_new (MP_START_METHOD_FORKSERVER, NULL);
  mp_bench_run ("process.spawn", MP_BENCH_MICROSECONDS, start_and_join, spawn);
  mp_bench_run ("process.forkserver", MP_BENCH_MICROSECONDS, start_and_join, forkserver);
  mp_bench_run ("process.linked.posix_spawn", MP_BENCH_MICROSECONDS, spawn_linked, program);
  mp_bench_run ("process.linked.forkserver", MP_BENCH_MICROSECONDS, fork_linked, GINT_TO_POINTER (server));
  close (server);

  return 0;
}
