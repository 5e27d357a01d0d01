/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What listeners without an address leave behind when they are killed, and who removes that. */

#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-private-folder-private.h"
#include "mp-test-process.h"
#include "mp-test.h"

static const char *
get_parent (void)
{
  return g_getenv ("XDG_RUNTIME_DIR");
}

static MpListener *
open_listener (void)
{
  MpListener *listener = mp_listener_new (NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_listener_open (listener, &error));
  g_assert_no_error (error);
  return listener;
}

static char *
get_folder (MpListener *listener)
{
  g_autofree char *address = mp_listener_get_address (listener);

  return g_path_get_dirname (address + strlen ("unix:"));
}

/* Says where it listens, and stops. */
static void
listen_and_stop (gpointer fd)
{
  MpListener *listener = open_listener ();
  g_autofree char *folder = get_folder (listener);

  g_assert_cmpint (write (GPOINTER_TO_INT (fd), folder, strlen (folder)), ==, (gssize) strlen (folder));
  close (GPOINTER_TO_INT (fd));
  raise (SIGSTOP);
}

static pid_t
start_stopped (char **folder)
{
  char text[256] = "";
  int fds[2], status;
  pid_t pid;

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  pid = mp_test_fork (listen_and_stop, GINT_TO_POINTER (fds[1]));
  close (fds[1]);
  g_assert_cmpint (read (fds[0], text, sizeof text - 1), >, 0);
  close (fds[0]);
  g_assert_cmpint (waitpid (pid, &status, WUNTRACED), ==, pid);
  g_assert_true (WIFSTOPPED (status));
  *folder = g_strdup (text);
  g_assert_true (g_file_test (*folder, G_FILE_TEST_IS_DIR));
  return pid;
}

/* The next listener removes it; not before its owner is dead, though. */
static void
test_killed (void)
{
  g_autofree char *folder = NULL;
  g_autofree char *own_folder = NULL;
  pid_t pid = start_stopped (&folder);
  g_autoptr (MpListener) listener = open_listener ();
  g_autoptr (MpListener) next = NULL;

  g_assert_true (g_file_test (folder, G_FILE_TEST_IS_DIR));
  mp_test_kill (pid);
  g_assert_true (g_file_test (folder, G_FILE_TEST_IS_DIR));
  next = open_listener ();
  g_assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
  own_folder = get_folder (listener);
  g_assert_true (g_file_test (own_folder, G_FILE_TEST_IS_DIR));
}

typedef struct
{
  int begun[2];   /* the child says that it lives */
  int end[2];     /* closed when it shall end */
  int ended[2];   /* closed when it has */
} Pipes;

static void
listen_fork_and_die (gpointer data)
{
  const Pipes *pipes = data;
  MpListener *listener = open_listener ();
  char byte;

  g_assert_true (mp_listener_is_open (listener));
  close (pipes->end[1]);
  if (fork () == 0)
    {
      g_assert_cmpint (write (pipes->begun[1], "b", 1), ==, 1);
      _exit ((int) read (pipes->end[0], &byte, 1));
    }
  g_assert_cmpint (read (pipes->begun[0], &byte, 1), ==, 1);
  raise (SIGKILL);
}

static guint
count_folders (void)
{
  g_autoptr (GDir) dir = g_dir_open (get_parent (), 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    n += g_str_has_prefix (name, "mpglib-");
  return n;
}

/* A child that lives does not keep it. */
static void
test_killed_with_child (void)
{
  g_autoptr (MpListener) listener = NULL;
  Pipes pipes;
  char byte;

  g_assert_cmpint (pipe2 (pipes.begun, O_CLOEXEC), ==, 0);
  g_assert_cmpint (pipe2 (pipes.end, O_CLOEXEC), ==, 0);
  g_assert_cmpint (pipe2 (pipes.ended, O_CLOEXEC), ==, 0);
  mp_test_join (mp_test_fork (listen_fork_and_die, &pipes));
  close (pipes.ended[1]);
  g_assert_cmpuint (count_folders (), ==, 1);
  listener = open_listener ();
  g_assert_cmpuint (count_folders (), ==, 1);

  close (pipes.end[1]);
  mp_test_poll (pipes.ended[0], POLLIN | POLLHUP);
  g_assert_cmpint (read (pipes.ended[0], &byte, 1), ==, 0);
  mp_fds_close (pipes.begun, 2);
  close (pipes.end[0]);
  close (pipes.ended[0]);
}

static char *
make_folder (const char *name,
             guint       mode)
{
  char *path = g_build_filename (get_parent (), name, NULL);

  g_assert_cmpint (g_mkdir (path, mode), ==, 0);
  g_assert_cmpint (chmod (path, mode), ==, 0);
  return path;
}

/* What looks like one and is none stays as it is. */
static void
test_not_ours (void)
{
  g_autofree char *open_to_all = make_folder ("mpglib-listener-aaaaaa", 0755);
  g_autofree char *full = make_folder ("mpglib-listener-bbbbbb", 0700);
  g_autofree char *other_name = make_folder ("mpglib-something", 0700);
  g_autofree char *target = make_folder ("target", 0700);
  g_autofree char *link = g_build_filename (get_parent (), "mpglib-listener-cccccc", NULL);
  g_autofree char *file = g_build_filename (full, "precious", NULL);
  g_autofree char *no_socket = g_build_filename (full, MP_PRIVATE_FOLDER_SOCKET, NULL);
  g_autofree char *empty = make_folder ("mpglib-listener-dddddd", 0700);

  g_assert_true (g_file_set_contents (file, "precious", -1, NULL));
  g_assert_true (g_file_set_contents (no_socket, "precious", -1, NULL));
  g_assert_cmpint (symlink (target, link), ==, 0);
  mp_private_folder_sweep (get_parent ());
  g_assert_true (g_file_test (open_to_all, G_FILE_TEST_IS_DIR));
  g_assert_true (g_file_test (other_name, G_FILE_TEST_IS_DIR));
  g_assert_true (g_file_test (file, G_FILE_TEST_IS_REGULAR));
  g_assert_true (g_file_test (no_socket, G_FILE_TEST_IS_REGULAR));
  g_assert_true (g_file_test (link, G_FILE_TEST_IS_SYMLINK));
  g_assert_true (g_file_test (target, G_FILE_TEST_IS_DIR));

  /* Its owner was killed before there was a socket. */
  g_assert_false (g_file_test (empty, G_FILE_TEST_EXISTS));

  g_unlink (file);
  g_unlink (no_socket);
  g_unlink (link);
  g_rmdir (full);
  g_rmdir (open_to_all);
  g_rmdir (other_name);
  g_rmdir (target);
}

/* Nobody's folder goes while somebody sweeps all the time. */
static void
sweep_for_ever (gpointer data)
{
  for (;;)
    mp_private_folder_sweep (get_parent ());
}

static void
test_meanwhile (void)
{
  const guint n = g_getenv ("MP_TEST_LONG") != NULL ? 100000 : 500;
  pid_t pid = mp_test_fork (sweep_for_ever, NULL);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      int lock_fd;
      g_autofree char *folder = mp_private_folder_new (get_parent (), &lock_fd, &error);

      g_assert_no_error (error);
      g_assert_true (g_file_test (folder, G_FILE_TEST_IS_DIR));
      g_assert_cmpint (g_rmdir (folder), ==, 0);
      mp_fd_close (&lock_fd);
    }
  mp_test_kill (pid);
}

/* The shared pump stays for the life of a process. */
static void
warm_up (void)
{
  g_object_unref (open_listener ());
}

int
main (int    argc,
      char **argv)
{
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/private-folder/killed", test_killed);
  mp_test_add ("/private-folder/killed-with-child", test_killed_with_child);
  mp_test_add ("/private-folder/not-ours", test_not_ours);
  mp_test_add ("/private-folder/meanwhile", test_meanwhile);

  return g_test_run ();
}
