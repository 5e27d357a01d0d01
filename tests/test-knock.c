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

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-test.h"

/* More than the queue of a listener holds that wants a short one. */
#define N_MAX 16

static GThread *asking;      /* who is held up */
static gboolean has_knocked; /* there is a thread that waits to be let in */
static enum { KNOCKED, LET_IN, GREETED } seen;
static int told_fd;          /* an eventfd: who was let in has been found */

static int listening = -1;
static int waiting[N_MAX];   /* those who wait before him */
static guint n_waiting;
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
accept_one (void)
{
  int fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  return fd;
}

static void
accept_all (void)
{
  for (guint i = 1; i < n_waiting; i++)
    close (accept_one ());
  guest = accept_one ();
}

/* The door's lock first, and then the pump's */
static void
hold_up (void)
{
  if (seen == KNOCKED)
    {
      close (accept_one ());
      mp_test_poll (told_fd, POLLIN);
      seen = LET_IN;
    }
  else if (seen == LET_IN)
    {
      accept_all ();
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
fill_queue (const char *path)
{
  struct sockaddr_un native = { .sun_family = AF_UNIX };
  int fd;

  g_strlcpy (native.sun_path, path, sizeof native.sun_path);
  listening = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  g_assert_cmpint (bind (listening, (struct sockaddr *) &native, sizeof native), ==, 0);
  g_assert_cmpint (listen (listening, 1), ==, 0);

  for (n_waiting = 0; n_waiting < N_MAX; n_waiting++)
    {
      fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      if (connect (fd, (struct sockaddr *) &native, sizeof native) != 0)
        break;
      waiting[n_waiting] = fd;
    }
  close (fd);
  g_assert_cmpuint (n_waiting, <, N_MAX);
}

static void
test_at_once (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("XDG_RUNTIME_DIR"), "door", NULL);
  g_autoptr (MpAuthKey) key = mp_auth_key_new_random ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  told_fd = eventfd (0, EFD_CLOEXEC);
  fill_queue (path);
  asking = g_thread_self ();
  mp_connection_open_async (path, key, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &result);
  asking = NULL;
  g_assert_cmpint (seen, ==, GREETED);

  /* Not FULL: he was in */
  close (guest);
  mp_test_await_result (&result);
  g_assert_null (mp_connection_open_finish (result, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);

  mp_fds_close (waiting, n_waiting);
  close (listening);
  close (told_fd);
  unlink (path);
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

  return g_test_run ();
}
#endif
