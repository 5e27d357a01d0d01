/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-fork-server-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-fork-record-private.h"
#include "mp-pidfd-private.h"
#include "mp-report-private.h"

typedef struct _Forked
{
  struct _Forked *next, *previous;
  guint64 serial; /* 0: the spare */
  int pid;
  int pidfd;
} Forked;

struct _MpForkServer
{
  MpTransport *transport;  /* for reports */
  int requests_fd;         /* -1: the host has no more */
  int epoll_fd;
  int host_fd;             /* pidfd of the host */
  int threads_fd;          /* the folder of its own threads */
  Forked *children;        /* the last one first */

  /* Where the kernel keeps a status for the host, it is let reap as well, so that the host need not wait for the
   * template.  But not while one is forked: that must stay until its pidfd is opened, and begins with what there was
   * before. */
  gboolean reaps;
  struct sigaction on_child;

  /* What mp_fork_server_wait() wants a child for: a request, or nothing yet */
  guint64 serial;          /* 0: to be the spare */
  int channel;             /* the child's channel; or the end of a pair by which the spare will get it */

  Forked *spare;           /* among the children; NULL: none */
  int to_spare_fd;         /* the other end of the pair */
};

/* `whose`: what its event is told by: one of the children, or which of its own descriptors it is */
static gboolean
watch (MpForkServer *self,
       int           fd,
       gpointer      whose)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = whose };

  return epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static Forked *
add_child (MpForkServer *self,
           int           pid,
           int           pidfd)
{
  Forked *child = g_new (Forked, 1);

  *child = (Forked) { .next = self->children, .serial = self->serial, .pid = pid, .pidfd = pidfd };
  if (child->next != NULL)
    child->next->previous = child;
  self->children = child;
  if (!watch (self, pidfd, child))
    g_critical ("The template cannot watch its child %d: %s", pid, g_strerror (errno));
  return child;
}

/* The host has the same pidfd open: closing ours would not end the watch */
static void
remove_child (MpForkServer *self,
              Forked       *child)
{
  *(child->previous != NULL ? &child->previous->next : &self->children) = child->next;
  if (child->next != NULL)
    child->next->previous = child->previous;
  epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, child->pidfd, NULL);
  close (child->pidfd);
  g_free (child);
}

MpForkServer *
mp_fork_server_new (MpTransport  *transport,
                    int           requests_fd,
                    int           host_pid,
                    GError      **error)
{
  MpForkServer *self = g_new0 (MpForkServer, 1);

  self->transport = transport;
  self->requests_fd = requests_fd;
  self->channel = self->to_spare_fd = -1;
  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  self->host_fd = (int) syscall (SYS_pidfd_open, host_pid, 0);
  sigaction (SIGCHLD, NULL, &self->on_child); /* house: no-global-reaping: a template is nobody else's process */
  self->reaps = !mp_pidfd_keeps_status ();
  self->threads_fd = open ("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* without /proc: -1 */
  if (self->epoll_fd < 0 || self->host_fd < 0
      || !watch (self, self->host_fd, &self->host_fd) || !watch (self, self->requests_fd, &self->requests_fd))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "The template cannot watch process %d: %s",
                   host_pid, g_strerror (errno));
      mp_fork_server_free (self);
      return NULL;
    }
  /* The host may have ended, and its pid be another's, before the pidfd was opened */
  if (getppid () != host_pid)
    kill (getpid (), SIGKILL);
  return self;
}

void
mp_fork_server_free (MpForkServer *self)
{
  mp_fd_close (&self->requests_fd);
  mp_fd_close (&self->epoll_fd);
  mp_fd_close (&self->host_fd);
  mp_fd_close (&self->threads_fd);
  mp_fd_close (&self->channel);
  mp_fd_close (&self->to_spare_fd);
  while (self->children != NULL)
    remove_child (self, self->children);
  g_free (self);
}

/* --- telling the host ------------------------------------------------------------------------------------- */

/* The host needs no more children, or cannot be understood: then it sees the end, and asks another template.  What
 * nobody waits for goes; children that run stay.  The descriptor may be a stranger's too, that was forked here by what
 * is preloaded: closing ours would not end the watch */
static void
leave_requests (MpForkServer *self)
{
  if (self->requests_fd < 0)
    return;
  epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, self->requests_fd, NULL);
  mp_fd_close (&self->requests_fd);
  mp_transport_close (self->transport);
  if (self->spare != NULL)
    syscall (SYS_pidfd_send_signal, self->spare->pidfd, SIGKILL, NULL, 0);
}

/* The host reads all the time.  If it does not, the template waits: it has nothing else to do but see it die.  FALSE:
 * it has died, or gone */
static gboolean
wait_for_room (MpForkServer *self,
               int           fd,
               short         events)
{
  struct pollfd waits[] = {
    { .fd = fd, .events = events },
    { .fd = self->host_fd, .events = POLLIN },
  };

  return poll (waits, G_N_ELEMENTS (waits), -1) < 0 || waits[1].revents == 0;
}

static void
tell (MpForkServer  *self,
      MpForkWord     word,
      guint64        serial,
      int            number,
      int            descriptor,
      GError       **error)
{
  MpForkRecord record = { .word = word, .number = number, .serial = serial };
  MpIoStatus status = MP_IO_CLOSED;

  do
    {
      if (self->requests_fd >= 0)
        status = mp_fork_record_send (self->requests_fd, &record, descriptor, error);
    }
  while (status == MP_IO_AGAIN && wait_for_room (self, self->requests_fd, POLLOUT));
  if (status == MP_IO_CLOSED)
    leave_requests (self);
}

static void
send_report (MpForkServer *self,
             MpFrame      *frame)
{
  MpIoStatus status = mp_transport_push (self->transport, frame, NULL);

  while (status < MP_IO_CLOSED && mp_transport_get_n_queued (self->transport) > 0
         && wait_for_room (self, mp_transport_get_fd (self->transport), mp_transport_get_send_events (self->transport)))
    status = mp_transport_flush (self->transport, NULL);
  if (status == MP_IO_CLOSED)
    leave_requests (self);
}

static gboolean
is_for_a_start (const GError *error)
{
  return g_error_matches (error, MP_ERROR, MP_ERROR_START_FAILED)
         || g_error_matches (error, MP_ERROR, MP_ERROR_UNSAFE_FORK);
}

static void
refuse (MpForkServer *self,
        const GError *reason)
{
  g_autoptr (GError) error = is_for_a_start (reason)
    ? g_error_copy (reason)
    : g_error_new (MP_ERROR, MP_ERROR_START_FAILED, "The template process (pid %d) cannot fork: %s", getpid (),
                   reason->message);
  g_autoptr (MpMessage) message = mp_message_new (mp_report_new (error));

  if (self->serial != 0 && self->requests_fd >= 0)
    send_report (self, mp_frame_new (MP_FRAME_FAILED, self->serial, 0, NULL, message));
  mp_fd_close (&self->channel);
}

/* --- children that ended ---------------------------------------------------------------------------------- */

static void
drop_spare (MpForkServer *self)
{
  self->spare = NULL;
  mp_fd_close (&self->to_spare_fd);
}

static void
reap (MpForkServer *self,
      Forked       *child)
{
  guint64 serial = child->serial;
  siginfo_t info = { 0, };
  /* By the pidfd: where the kernel reaps, the pid may be that of another one by now */
  gboolean has_status = waitid (P_PIDFD, (id_t) child->pidfd, &info, WEXITED | WNOHANG) == 0;

  if (has_status && info.si_pid == 0)
    return;
  if (child == self->spare)
    drop_spare (self);
  remove_child (self, child);
  if (serial == 0 || !self->reaps)
    return;
  if (has_status)
    tell (self, MP_FORK_ENDED, serial,
          info.si_code == CLD_EXITED ? W_EXITCODE (info.si_status, 0) : W_EXITCODE (0, info.si_status), -1, NULL);
  else /* somebody else reaped it: the host does without the status */
    tell (self, MP_FORK_LEFT, serial, 0, -1, NULL);
}

/* Of 0: all of them */
static void
kill_children (MpForkServer *self,
               guint64       serial)
{
  for (Forked *child = self->children; child != NULL; child = child->next)
    if (serial == 0 || child->serial == serial)
      syscall (SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
}

/* What the host cannot be told of is of no use to anybody */
static void
tell_made (MpForkServer *self,
           Forked       *child)
{
  g_autoptr (GError) error = NULL;

  tell (self, self->reaps ? MP_FORK_MADE : MP_FORK_LEFT, child->serial, child->pid, child->pidfd, &error);
  if (error == NULL)
    return;
  syscall (SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
  refuse (self, error);
}

/* --- requests --------------------------------------------------------------------------------------------- */

/* A thread that does not exist in the child may hold any lock there: memory, locale, GObject's types */
static gboolean
check_single_thread (MpForkServer  *self,
                     GError       **error)
{
  struct stat status;

  if (fstat (self->threads_fd, &status) < 0 || status.st_nlink <= 3)
    return TRUE;
  g_set_error (error, MP_ERROR, MP_ERROR_UNSAFE_FORK,
               "The template process has %u threads and must not fork: something that is loaded before the main "
               "function, or preloaded, starts threads; use the start method spawn",
               (guint) status.st_nlink - 2);
  return FALSE;
}

static gboolean
want_spare (MpForkServer *self)
{
  int pair[2];

  if (self->spare != NULL || self->requests_fd < 0 || !check_single_thread (self, NULL)
      || !mp_transport_new_pair (pair, NULL))
    return FALSE;
  self->serial = 0;
  self->channel = pair[1];
  self->to_spare_fd = pair[0];
  return TRUE;
}

/* The request's channel goes to the spare; FALSE if there is none that takes it */
static gboolean
give_to_spare (MpForkServer *self)
{
  MpForkRecord record = { .word = MP_FORK_WANTED, .serial = self->serial };
  Forked *child = self->spare;

  if (child == NULL || mp_fork_record_send (self->to_spare_fd, &record, self->channel, NULL) != MP_IO_DONE)
    return FALSE;

  child->serial = self->serial;
  self->spare = NULL;
  tell_made (self, child); /* first of all: it is waited for */
  mp_fd_close (&self->to_spare_fd);
  mp_fd_close (&self->channel);
  return TRUE;
}

/* Returns whether to fork.  A request comes without its channel where there was no descriptor for it: others may go */
static gboolean
take_request (MpForkServer *self,
              guint64       serial,
              int           channel)
{
  g_autoptr (GError) error = NULL;

  self->serial = serial;
  self->channel = channel;
  if (channel >= 0 && give_to_spare (self))
    return want_spare (self);
  if (channel < 0)
    g_set_error (&error, MP_ERROR, MP_ERROR_START_FAILED,
                 "The template process (pid %d) has no file descriptors left", getpid ());
  else if (check_single_thread (self, &error))
    return TRUE;
  refuse (self, error);
  return FALSE;
}

/* Returns whether to fork */
static gboolean
read_requests (MpForkServer *self)
{
  MpForkRecord record;
  int descriptor;

  switch (mp_fork_record_receive (self->requests_fd, &record, &descriptor))
    {
    case MP_IO_DONE:
      if (record.word == MP_FORK_WANTED)
        return take_request (self, record.serial, descriptor);
      mp_fd_close (&descriptor);
      if (record.word == MP_FORK_UNWANTED)
        kill_children (self, record.serial);
      return FALSE;
    case MP_IO_AGAIN:
      return FALSE;
    case MP_IO_CLOSED:
    case MP_IO_FAILED:
    default:
      leave_requests (self);
      return FALSE;
    }
}

/* The events of those that have ended before are there, too */
static void
let_kernel_reap (MpForkServer *self)
{
  const struct sigaction ignore = { .sa_handler = SIG_IGN };

  if (!self->reaps)
    sigaction (SIGCHLD, &ignore, NULL); /* house: no-global-reaping: likewise */
}

static gboolean
wait_for_request (MpForkServer *self)
{
  while (self->requests_fd >= 0 || self->children != NULL)
    {
      struct epoll_event event;

      if (epoll_wait (self->epoll_fd, &event, 1, -1) < 1)
        continue;
      if (event.data.ptr == &self->host_fd)
        {
          kill_children (self, 0);
          return FALSE;
        }
      if (event.data.ptr != &self->requests_fd)
        reap (self, event.data.ptr);
      else if (read_requests (self))
        return TRUE;
    }
  return FALSE;
}

gboolean
mp_fork_server_wait (MpForkServer *self)
{
  /* After the child of a request comes the first spare */
  gboolean is_wanted = self->serial != 0 && want_spare (self);

  if (!is_wanted)
    {
      let_kernel_reap (self);
      is_wanted = wait_for_request (self);
    }
  if (is_wanted && !self->reaps)
    sigaction (SIGCHLD, &self->on_child, NULL); /* house: no-global-reaping: likewise */
  return is_wanted;
}

void
mp_fork_server_made (MpForkServer *self,
                     int           pid)
{
  int failed = errno, pidfd = pid > 0 ? (int) syscall (SYS_pidfd_open, pid, 0) : -1;
  g_autoptr (GError) error = NULL;

  if (pidfd < 0)
    {
      g_set_error (&error, MP_ERROR, MP_ERROR_START_FAILED, "The template process cannot fork: %s",
                   g_strerror (pid > 0 ? errno : failed));
      if (pid > 0)
        {
          kill (pid, SIGKILL); /* ours and unreaped: the pid is its own */
          waitpid (pid, NULL, 0);
        }
      if (self->serial == 0)
        mp_fd_close (&self->to_spare_fd);
      refuse (self, error);
      return;
    }

  mp_fd_close (&self->channel);
  if (self->serial != 0)
    tell_made (self, add_child (self, pid, pidfd));
  else
    self->spare = add_child (self, pid, pidfd);
}

/* What is the template's in memory stays as it is: whatever was freed here, its page would be copied for that */
int
mp_fork_server_become_child (const MpForkServer *self,
                             gboolean           *is_spare)
{
  const int descriptors[] = { self->requests_fd, self->epoll_fd, self->host_fd, self->threads_fd, self->to_spare_fd };

  for (guint i = 0; i < G_N_ELEMENTS (descriptors); i++)
    if (descriptors[i] >= 0)
      close (descriptors[i]);
  for (Forked *child = self->children; child != NULL; child = child->next)
    close (child->pidfd);

  *is_spare = self->serial == 0;
  return self->channel;
}
