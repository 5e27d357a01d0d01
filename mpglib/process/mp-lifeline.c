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

static int
get_read_end (GError **error)
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

/* Of a template, for the children that it forks: its folder, where the pipe has that name.  -1: none */
static int descriptors = -1;
static char name_there[12];

void
mp_lifeline_prepare (int fd)
{
  if (descriptors < 0)
    descriptors = open ("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
  snprintf (name_there, sizeof name_there, "%d", fd);
  fcntl (fd, F_SETFL, O_NONBLOCK); /* no more O_ASYNC, whether the host has tied this process yet or not */
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

/* That something happens there kills whoever owns the description: nobody yet */
static gboolean
make_deadly (int fd)
{
  return fcntl (fd, F_SETSIG, SIGKILL) == 0 && fcntl (fd, F_SETFL, O_ASYNC | O_NONBLOCK) == 0;
}

/* Where there is no /proc the child gets what all have, which must not be tied to one of them.  It goes on O_ASYNC
 * before there is a child: a template that is quicker than its host takes that off, once and for all. */
int
mp_lifeline_open (GError **error)
{
  int end = get_read_end (error), own = end < 0 ? -1 : open_anew (end);

  if (end < 0)
    return -1;
  if (own >= 0 && make_deadly (own))
    return own;

  mp_fd_close (&own);
  own = fcntl (end, F_DUPFD_CLOEXEC, 0);
  if (own < 0)
    g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "Cannot give a child its lifeline: %s", g_strerror (errno));
  return own;
}

/* It may be gone already, or nothing is deadly there: then this changes nothing */
void
mp_lifeline_tie (int fd,
                 int pid)
{
  fcntl (fd, F_SETOWN, pid);
}

G_NORETURN static void
end_with_host (void)
{
  kill (getpid (), SIGKILL);
  _exit (137); /* not reached */
}

gboolean
mp_lifeline_hold (int      fd,
                  GError **error)
{
  struct pollfd look;
  int own = open_anew (fd);

  if (own < 0 || fcntl (own, F_SETOWN, getpid ()) < 0 || !make_deadly (own))
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
