/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Where listeners are, and what is left there: the files of sockets, and other processes. */

#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-test-listener.h"
#include "mp-test-local-listener.h"
#include "mp-test.h"

/* --- Places ------------------------------------------------------------------------- */

static void
assert_mode (const char *path,
             guint       mode)
{
  struct stat status;

  g_assert_cmpint (lstat (path, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, mode);
  g_assert_cmpuint (status.st_uid, ==, geteuid ());
}

static void
test_private (void)
{
  mode_t old_mask = umask (0);
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autoptr (MpListener) other = open_at (NULL, key);
  g_autofree char *address = mp_listener_get_address (listener);
  g_autofree char *other_address = mp_listener_get_address (other);
  g_autofree char *folder = g_path_get_dirname (address + strlen ("unix:"));

  umask (old_mask);
  g_assert_true (g_str_has_prefix (address + strlen ("unix:"), g_getenv ("XDG_RUNTIME_DIR")));
  g_assert_cmpstr (address, !=, other_address);
  assert_mode (folder, 0700);
  assert_mode (address + strlen ("unix:"), 0600);
  assert_works (listener);
  mp_listener_close (listener);
  g_assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
  assert_works (other);
}

/* Each byte that the kernel has room for. */
static void
test_long_path (void)
{
  gsize room = 107 - strlen (g_getenv ("XDG_RUNTIME_DIR")) - 1;
  g_autofree char *name = g_strnfill (room, 'x');
  g_autofree char *path = new_path (name);
  g_autoptr (MpListener) listener = open_at (path, key);

  g_assert_cmpuint (strlen (path), ==, 107);
  assert_mode (path, 0600);
  assert_works (listener);
}

static void
test_named (void)
{
  g_autofree char *path = new_path ("named");
  g_autofree char *address = g_strconcat ("unix:", path, NULL);
  g_autofree char *in_use = NULL;
  g_autoptr (MpListener) listener = open_at (path, key);

  in_use = mp_listener_get_address (listener);
  g_assert_cmpstr (in_use, ==, address);
  assert_mode (path, 0600);
  assert_cannot_listen (address, key, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  assert_works (listener);

  /* Another one has taken the place: its file stays. */
  g_assert_cmpint (unlink (path), ==, 0);
  {
    g_autoptr (MpListener) other = open_at (path, key);

    mp_listener_close (listener);
    assert_works (other);
  }
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
test_stale (void)
{
  g_autofree char *path = new_path ("stale");
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (MpListener) listener = NULL;
  GPid pid = start_peer ("listen-and-die", path, NULL);
  int fd;

  g_assert_true (WIFSIGNALED (mp_test_wait (pid)));
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  assert_cannot_connect (path, key, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);

  /* Not while somebody else may be doing the same. */
  fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (flock (fd, LOCK_EX), ==, 0);
  assert_cannot_listen (path, key, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  close (fd);

  listener = open_at (path, key);
  assert_works (listener);
}

/* What is no socket, and what listens and is not ours, is never removed. */
static void
test_not_ours (void)
{
  g_autofree char *path = new_path ("file");
  g_autofree char *link = new_path ("link");
  g_autofree char *contents = NULL;
  struct sockaddr_un native = { .sun_family = AF_UNIX };
  int fd;

  g_assert_true (g_file_set_contents (path, "precious", -1, NULL));
  assert_cannot_listen (path, key, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_assert_cmpint (symlink (path, link), ==, 0);
  assert_cannot_listen (link, key, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_assert_true (g_file_test (link, G_FILE_TEST_IS_SYMLINK));
  g_assert_true (g_file_get_contents (path, &contents, NULL, NULL));
  g_assert_cmpstr (contents, ==, "precious");
  unlink (link);
  unlink (path);

  /* A socket of another type, behind which somebody listens. */
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_strlcpy (native.sun_path, path, sizeof native.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &native, sizeof native), ==, 0);
  g_assert_cmpint (listen (fd, 1), ==, 0);
  assert_cannot_listen (path, key, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  assert_cannot_connect (path, key, MP_ERROR, MP_ERROR_REFUSED);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  close (fd);
  unlink (path);
}

static void
test_abstract (void)
{
  g_autofree char *address = g_strdup_printf ("abstract:mp-test-%d", (int) getpid ());
  g_autoptr (MpListener) listener = open_at (address, key);
  g_autoptr (MpListener) again = NULL;

  assert_works (listener);
  assert_cannot_connect (address, NULL, MP_ERROR, MP_ERROR_REFUSED);
  assert_cannot_connect (address, other_key, MP_ERROR, MP_ERROR_AUTHENTICATION);
  assert_cannot_listen (address, key, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  mp_listener_close (listener);
  assert_cannot_connect (address, key, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  assert_cannot_listen (address, NULL, MP_ERROR, MP_ERROR_REFUSED);
  again = open_at (address, key);
}

static gpointer
open_in_thread (gpointer listener)
{
  g_autoptr (GError) error = NULL;

  mp_listener_open (listener, &error);
  g_assert_no_error (error);
  return NULL;
}

static void
on_address (MpListener *listener,
            GParamSpec *pspec,
            gpointer    data)
{
  gpointer *heard = data;

  heard[0] = g_thread_self ();
  heard[1] = mp_listener_get_address (listener);
}

/* What was chosen is notified in the listener's main context, whoever opened it. */
static void
test_address_is_told (void)
{
  g_autofree char *path = new_path ("chosen");
  g_autofree char *given = g_strconcat ("unix:", path, NULL);
  const struct
  {
    const char *wish;
    gboolean is_told;
  } rows[] = { { NULL, TRUE }, { "tcp:127.0.0.1:0", TRUE }, { given, FALSE } };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (rows); i++)
    {
      gboolean goes_before = i >= G_N_ELEMENTS (rows);
      MpListener *listener = mp_listener_new_with_wire (rows[i % G_N_ELEMENTS (rows)].wish, key, MP_WIRE_INSECURE);
      gboolean is_told = rows[i % G_N_ELEMENTS (rows)].is_told && !goes_before;
      g_autofree char *address = NULL;
      gpointer heard[2] = { NULL, NULL };

      g_signal_connect (listener, "notify::address", G_CALLBACK (on_address), heard);
      g_thread_join (g_thread_new ("opener", open_in_thread, listener));
      g_assert_null (heard[0]);
      address = mp_listener_get_address (listener);
      if (goes_before)
        g_assert_finalize_object (listener);
      while (g_main_context_iteration (NULL, FALSE))
        ;
      g_assert_true (heard[0] == (is_told ? g_thread_self () : NULL));
      g_assert_cmpstr (heard[1], ==, is_told ? address : NULL);
      g_free (heard[1]);
      if (!goes_before)
        g_assert_finalize_object (listener);
    }
}

static void
test_addresses (void)
{
  g_autofree char *missing = new_path ("no/folder");

  assert_cannot_listen ("nonsense", key, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  assert_cannot_connect ("nonsense", key, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  assert_cannot_listen (missing, key, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  assert_cannot_connect (missing, key, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

/* --- Other processes ---------------------------------------------------------------- */

/* A process that ends with an open listener leaves no file. */
static void
test_end (void)
{
  g_autofree char *path = new_path ("end");

  assert_exited (start_peer ("listen-and-end", path, NULL));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static int
use_as_stranger (MpListener *listener)
{
  g_autoptr (GError) error = NULL;

  if (mp_listener_is_open (listener))
    return 1;
  if (mp_listener_accept (listener, 0, NULL, &error) != NULL || !g_error_matches (error, MP_ERROR, MP_ERROR_FORKED))
    return 2;
  mp_listener_close (listener);
  g_object_unref (listener);

  /* Its own ones work. */
  listener = open_at (NULL, key);
  assert_works (listener);
  g_object_unref (listener);
  return 0;
}

static void
test_forked (void)
{
  g_autoptr (MpListener) listener = open_at (NULL, key);
  g_autoptr (MpConnection) waiting = connect_to (listener, key);
  g_autoptr (MpConnection) accepted = NULL;
  pid_t pid = fork ();

  if (pid == 0)
    _exit (use_as_stranger (listener));

  assert_exited (pid);
  accepted = accept_one (listener);
  send_int (waiting, 4);
  g_assert_cmpint (receive_int (accepted), ==, 4);
  assert_works (listener);
}

/* The child of a killed listener's process does not keep its address in use. */
static void
test_killed_with_child (void)
{
  g_autofree char *path = new_path ("killed");
  int ready[2], end[2];
  int fds[3];
  g_autoptr (MpListener) listener = NULL;
  char byte;
  GPid pid;

  g_assert_cmpint (pipe2 (ready, O_CLOEXEC), ==, 0);
  g_assert_cmpint (pipe2 (end, O_CLOEXEC), ==, 0);
  fds[0] = ready[1];
  fds[1] = end[0];
  fds[2] = -1;
  pid = start_peer ("listen-fork-and-die", path, fds);
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  g_assert_true (WIFSIGNALED (mp_test_wait (pid)));

  assert_cannot_connect (path, key, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  listener = open_at (path, key);
  assert_works (listener);

  /* The child ends when nobody holds this any more, and then nobody writes there */
  close (end[1]);
  close (ready[1]);
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 0);
  close (ready[0]);
  close (end[0]);
}

int
main (int    argc,
      char **argv)
{
  init_local_listeners (&argc, &argv);

  mp_test_add ("/listener/private", test_private);
  mp_test_add ("/listener/long-path", test_long_path);
  mp_test_add ("/listener/named", test_named);
  mp_test_add ("/listener/stale", test_stale);
  mp_test_add ("/listener/not-ours", test_not_ours);
  mp_test_add ("/listener/abstract", test_abstract);
  mp_test_add ("/listener/address-is-told", test_address_is_told);
  mp_test_add ("/listener/addresses", test_addresses);
  mp_test_add ("/listener/end", test_end);
  mp_test_add ("/listener/forked", test_forked);
  mp_test_add ("/listener/killed-with-child", test_killed_with_child);

  return g_test_run ();
}
