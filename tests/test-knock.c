/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Who knocks where too many wait, and is let in before he knows that he has knocked: each time he has let go of a lock
 * he is held up here until the other threads are as far as they can come.
 */

#include "config.h"

#ifdef __SANITIZE_THREAD__
#include <stdio.h>

int
main (void)
{
  printf ("1..0 # SKIP tsan-glib.c has g_mutex_unlock() already, by which threads are held up here\n");
  return 0;
}
#else

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-test.h"

/* More than the queue of a listener holds that wants a short one. */
#define N_MAX 16

static GThread *asking;      /* who is held up */
static gboolean has_knocked; /* there is a thread that waits to be let in */
static enum { KNOCKED, LET_IN, GREETED } seen;
static int told_fd;          /* an eventfd: who was let in has been found */

/* A listener that lets nobody in of himself */
typedef struct
{
  int listening;
  int waiting[N_MAX];        /* those who wait before all others */
  guint n_waiting;
} Place;

static Place place;
static int guest;            /* the listener's end of his */

/* --- The threads ---------------------------------------------------------------------- */

int
pthread_create (pthread_t            *thread,
                const pthread_attr_t *attributes,
                void               *(*func) (void *),
                void                 *data)
{
  int (*next) (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *) =
    (int (*) (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *)) dlsym (RTLD_NEXT, "pthread_create");

  if (asking == g_thread_self ())
    has_knocked = TRUE;
  return next (thread, attributes, func, data);
}

static int
accept_one (const Place *from)
{
  int fd;

  mp_test_poll (from->listening, POLLIN);
  fd = accept4 (from->listening, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  return fd;
}

/* Returns: the end of who came behind those that wait */
static int
accept_until_last (const Place *from,
                   guint        n_accepted)
{
  for (guint i = n_accepted; i < from->n_waiting; i++)
    close (accept_one (from));
  return accept_one (from);
}

/* The door's lock first, and then the pump's */
static void
hold_up (void)
{
  if (seen == KNOCKED)
    {
      close (accept_one (&place));
      mp_test_poll (told_fd, POLLIN);
      seen = LET_IN;
    }
  else if (seen == LET_IN)
    {
      guest = accept_until_last (&place, 1);
      mp_test_poll (guest, POLLIN);
      seen = GREETED;
    }
}

/* The second time that it lets go of the lock, it has been let in. */
static void
follow_knocking_thread (void)
{
  static guint n;
  const guint64 one = 1;

  if (++n == 2)
    g_assert_cmpint (write (told_fd, &one, sizeof one), ==, sizeof one);
}

static gboolean
is_knocking_thread (void)
{
  char name[16] = "";

  return prctl (PR_GET_NAME, name) == 0 && g_str_equal (name, "mp-knock");
}

void
g_mutex_unlock (GMutex *mutex)
{
  static void (*next) (GMutex *);

  if (g_atomic_pointer_get (&next) == NULL)
    g_atomic_pointer_set (&next, (void (*) (GMutex *)) dlsym (RTLD_NEXT, "g_mutex_unlock"));
  next (mutex);
  if (asking == NULL)
    return;

  if (is_knocking_thread ())
    follow_knocking_thread ();
  else if (asking == g_thread_self () && has_knocked)
    hold_up ();
}

/* --- Knocking ------------------------------------------------------------------------- */

static void
place_open (Place      *self,
            const char *path)
{
  struct sockaddr_un native = { .sun_family = AF_UNIX };
  int fd;

  g_strlcpy (native.sun_path, path, sizeof native.sun_path);
  self->listening = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  g_assert_cmpint (bind (self->listening, (struct sockaddr *) &native, sizeof native), ==, 0);
  g_assert_cmpint (listen (self->listening, 1), ==, 0);

  for (self->n_waiting = 0; self->n_waiting < N_MAX; self->n_waiting++)
    {
      fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      if (connect (fd, (struct sockaddr *) &native, sizeof native) != 0)
        break;
      self->waiting[self->n_waiting] = fd;
    }
  close (fd);
  g_assert_cmpuint (self->n_waiting, <, N_MAX);
}

static void
place_close (Place      *self,
             const char *path)
{
  mp_fds_close (self->waiting, self->n_waiting);
  close (self->listening);
  unlink (path);
}

static void
assert_refused (GAsyncResult **result)
{
  g_autoptr (GError) error = NULL;

  mp_test_await_result (result);
  g_assert_null (mp_connection_open_finish (*result, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
}

static void
test_at_once (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("XDG_RUNTIME_DIR"), "door", NULL);
  g_autoptr (MpAuthKey) key = mp_auth_key_new_random ();
  g_autoptr (GAsyncResult) result = NULL;

  told_fd = eventfd (0, EFD_CLOEXEC);
  place_open (&place, path);
  asking = g_thread_self ();
  mp_connection_open_async (path, key, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &result);
  asking = NULL;
  g_assert_cmpint (seen, ==, GREETED);

  /* Not FULL: he was in */
  close (guest);
  assert_refused (&result);

  place_close (&place, path);
  close (told_fd);
}

/* Two listeners of one name, in two folders, and the program goes elsewhere before anybody is let in. */
static void
test_elsewhere (void)
{
  g_autofree char *before = g_get_current_dir ();
  g_autoptr (MpAuthKey) key = mp_auth_key_new_random ();
  Place places[2];
  char *paths[2];
  GAsyncResult *results[4] = { NULL };

  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *name = g_strdup_printf ("folder-%u", i);
      g_autofree char *folder = g_build_filename (g_getenv ("XDG_RUNTIME_DIR"), name, NULL);

      g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
      g_assert_cmpint (chdir (folder), ==, 0);
      paths[i] = g_build_filename (folder, "door", NULL);
      place_open (&places[i], paths[i]);
      for (guint j = 0; j < 2; j++)
        mp_connection_open_async ("unix:door", key, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &results[2 * i + j]);
    }
  g_assert_cmpint (chdir (before), ==, 0);

  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *folder = g_path_get_dirname (paths[i]);

      close (accept_until_last (&places[i], 0));
      close (accept_one (&places[i]));
      assert_refused (&results[2 * i]);
      assert_refused (&results[2 * i + 1]);
      place_close (&places[i], paths[i]);
      g_assert_cmpint (rmdir (folder), ==, 0);
      g_free (paths[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    g_object_unref (results[i]);
}

static void
warm_up (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("XDG_RUNTIME_DIR"), "nobody", NULL);
  g_autoptr (MpAuthKey) key = mp_auth_key_new_random ();
  g_autoptr (MpListener) listener = mp_listener_new (path, key);
  g_autoptr (MpConnection) connection = NULL;

  g_assert_true (mp_listener_open (listener, NULL));
  connection = mp_connection_open (path, key, MP_TEST_DEADLINE, NULL, NULL);
  g_assert_nonnull (connection);
}

int
main (int    argc,
      char **argv)
{
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add ("/knock/at-once", test_at_once);
  mp_test_add ("/knock/elsewhere", test_elsewhere);

  return g_test_run ();
}
#endif
