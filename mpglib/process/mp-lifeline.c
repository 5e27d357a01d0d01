/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-lifeline-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-fork-private.h"
#include "mp-origin-private.h"

static struct {
  GMutex lock;
  guint32 origin; /* a forked child makes a pipe of its own */
  int read_end;
} host;

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&host.lock, NULL);
}

int
mp_lifeline_get_fd (GError **error)
{
  int ends[2], fd;

  g_mutex_lock (&host.lock);
  if (host.origin != mp_origin_get ())
    {
      /* The writing end is kept for ever, by nobody else: it closes when this process ends */
      if (pipe2 (ends, O_CLOEXEC) < 0)
        {
          g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "Cannot make the lifeline of children: %s",
                       g_strerror (errno));
          host.read_end = -1;
        }
      else
        {
          host.origin = mp_origin_get ();
          host.read_end = ends[0];
        }
    }
  fd = host.read_end;
  g_mutex_unlock (&host.lock);
  return fd;
}

G_NORETURN static void
end_with_host (void)
{
  kill (getpid (), SIGKILL);
  _exit (137); /* not reached */
}

/* Of a template, for the children that it forks: its folder, where the pipe has that name.  -1: none */
static int descriptors = -1;
static char name_there[12];

void
mp_lifeline_prepare (int fd)
{
  if (descriptors < 0)
    descriptors = open ("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
  snprintf (name_there, sizeof name_there, "%d", fd);
}

/* A file description of its own.  By the descriptors of the template, while that lives: each process that looks into
 * its own folder of /proc has the kernel make one, and take it away when it ends. */
static int
open_anew (int fd)
{
  char path[sizeof "/proc/self/fd/" + 12];
  int own = -1;

  if (descriptors >= 0)
    {
      own = openat (descriptors, name_there, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
      mp_fd_close (&descriptors);
    }
  if (own < 0)
    {
      snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
      own = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    }
  return own;
}

gboolean
mp_lifeline_hold (int      fd,
                  GError **error)
{
  struct pollfd look;
  int own = open_anew (fd);

  if (own < 0
      || fcntl (own, F_SETSIG, SIGKILL) < 0
      || fcntl (own, F_SETOWN, getpid ()) < 0
      || fcntl (own, F_SETFL, O_ASYNC | O_NONBLOCK) < 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "Cannot hold on to the host's lifeline (descriptor %d): %s",
                   fd, g_strerror (errno));
      return FALSE;
    }
  close (fd);

  /* The host may have ended before the kernel knew that we care */
  look.fd = own;
  look.events = POLLIN;
  if (poll (&look, 1, 0) > 0)
    end_with_host ();
  return TRUE;
}

void
mp_lifeline_bind_to_parent (int host_pid)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (getppid () != host_pid)
    end_with_host ();
}
