/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-fork-server-private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-report-private.h"

typedef struct {
  guint64 serial;
  int pid;
  int pidfd;
} Forked;

struct _MpForkServer {
  MpTransport *transport;
  gboolean channel_is_open;
  int epoll_fd;
  int host_fd;          /* pidfd of the host */
  GHashTable *children; /* pidfd → Forked */

  /* The request that mp_fork_server_wait() returned with */
  guint64 serial;
  int channel;
};

static void
forked_free (gpointer data)
{
  Forked *self = data;

  mp_fd_close (&self->pidfd);
  g_free (self);
}

static gboolean
watch (MpForkServer *self,
       int           fd)
{
  struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

  return epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

MpForkServer *
mp_fork_server_new (MpTransport  *transport,
                    int           host_pid,
                    GError      **error)
{
  MpForkServer *self = g_new0 (MpForkServer, 1);

  self->transport = transport;
  self->channel_is_open = TRUE;
  self->channel = -1;
  self->children = g_hash_table_new_full (NULL, NULL, NULL, forked_free);
  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  self->host_fd = (int) syscall (SYS_pidfd_open, host_pid, 0);
  if (self->epoll_fd < 0 || self->host_fd < 0
      || !watch (self, self->host_fd) || !watch (self, mp_transport_get_fd (transport)))
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
  mp_fd_close (&self->epoll_fd);
  mp_fd_close (&self->host_fd);
  mp_fd_close (&self->channel);
  g_hash_table_unref (self->children);
  g_free (self);
}

/* --- telling the host ------------------------------------------------------------------------------------- */

/* The host reads all the time.  If it does not, the template waits: it has nothing else to do but see it die */
static void
send_frame (MpForkServer *self,
            MpFrame      *frame)
{
  if (!self->channel_is_open)
    {
      mp_frame_free (frame);
      return;
    }
  if (mp_transport_push (self->transport, frame, NULL) == MP_IO_CLOSED)
    self->channel_is_open = FALSE;
  while (self->channel_is_open && mp_transport_get_n_queued (self->transport) > 0)
    {
      struct pollfd waits[] = {
        { .fd = mp_transport_get_fd (self->transport), .events = mp_transport_get_send_events (self->transport) },
        { .fd = self->host_fd, .events = POLLIN },
      };

      if (poll (waits, G_N_ELEMENTS (waits), -1) > 0 && waits[1].revents != 0)
        return;
      if (mp_transport_flush (self->transport, NULL) == MP_IO_CLOSED)
        self->channel_is_open = FALSE;
    }
}

static void
refuse (MpForkServer *self,
        const GError *error)
{
  g_autoptr (MpMessage) message = mp_message_new (mp_report_new (error));

  send_frame (self, mp_frame_new (MP_FRAME_FAILED, self->serial, 0, NULL, message));
  mp_fd_close (&self->channel);
}

/* --- children that ended ---------------------------------------------------------------------------------- */

static void
reap (MpForkServer *self,
      Forked       *child)
{
  int status;

  if (waitpid (child->pid, &status, WNOHANG) == child->pid)
    send_frame (self, mp_frame_new (MP_FRAME_EXITED, child->serial, (guint64) (guint) status, NULL, NULL));
  g_hash_table_remove (self->children, GINT_TO_POINTER (child->pidfd)); /* closing it ends the watch */
}

static void
kill_children (MpForkServer *self)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->children);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    syscall (SYS_pidfd_send_signal, ((Forked *) value)->pidfd, SIGKILL, NULL, 0);
}

/* --- requests --------------------------------------------------------------------------------------------- */

/* A thread that does not exist in the child may hold any lock there: memory, locale, GObject's types */
static gboolean
check_single_thread (GError **error)
{
  struct stat status;

  if (stat ("/proc/self/task", &status) < 0 || status.st_nlink <= 3)
    return TRUE;
  g_set_error (error, MP_ERROR, MP_ERROR_UNSAFE_FORK,
               "The template process has %u threads and must not fork: something that is loaded before the main "
               "function, or preloaded, starts threads; use the start method spawn",
               (guint) status.st_nlink - 2);
  return FALSE;
}

/* Returns whether to fork */
static gboolean
take_request (MpForkServer *self,
              MpFrame      *frame)
{
  g_autoptr (GError) error = NULL;

  if (frame->kind != MP_FRAME_FORK || frame->message == NULL)
    return FALSE;
  self->serial = frame->serial;
  self->channel = mp_message_get_attached_fd (frame->message, 0, &error);
  if (self->channel >= 0 && check_single_thread (&error))
    return TRUE;
  refuse (self, error);
  return FALSE;
}

static gboolean
read_channel (MpForkServer *self)
{
  while (self->channel_is_open)
    {
      g_autoptr (MpFrame) frame = NULL;

      switch (mp_transport_receive (self->transport, &frame, NULL))
        {
        case MP_IO_DONE:
          if (take_request (self, frame))
            return TRUE;
          break;
        case MP_IO_AGAIN:
          return FALSE;
        case MP_IO_CLOSED:
        case MP_IO_FAILED:
        default:
          epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, mp_transport_get_fd (self->transport), NULL);
          self->channel_is_open = FALSE;
        }
    }
  return FALSE;
}

gboolean
mp_fork_server_wait (MpForkServer *self)
{
  while (self->channel_is_open || g_hash_table_size (self->children) > 0)
    {
      struct epoll_event event;

      if (read_channel (self))
        return TRUE;
      if (!self->channel_is_open && g_hash_table_size (self->children) == 0)
        break;
      if (epoll_wait (self->epoll_fd, &event, 1, -1) < 1)
        continue;
      if (event.data.fd == self->host_fd)
        {
          kill_children (self);
          return FALSE;
        }
      if (event.data.fd != mp_transport_get_fd (self->transport))
        {
          Forked *child = g_hash_table_lookup (self->children, GINT_TO_POINTER (event.data.fd));

          if (child != NULL)
            reap (self, child);
        }
    }
  return FALSE;
}

void
mp_fork_server_made (MpForkServer *self,
                     int           pid)
{
  int failed = errno, pidfd = pid > 0 ? (int) syscall (SYS_pidfd_open, pid, 0) : -1;
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_handle (0));
  g_autoptr (GError) error = NULL;
  Forked *child;

  if (pidfd < 0 || mp_message_attach_fd (message, pidfd, &error) < 0)
    {
      if (pid > 0)
        {
          kill (pid, SIGKILL); /* ours and unreaped: the pid is its own */
          waitpid (pid, NULL, 0);
        }
      if (error == NULL)
        g_set_error (&error, MP_ERROR, MP_ERROR_START_FAILED, "The template process cannot fork: %s",
                     g_strerror (pid > 0 ? errno : failed));
      mp_fd_close (&pidfd);
      refuse (self, error);
      return;
    }

  child = g_new (Forked, 1);
  child->serial = self->serial;
  child->pid = pid;
  child->pidfd = pidfd;
  g_hash_table_insert (self->children, GINT_TO_POINTER (pidfd), child);
  mp_fd_close (&self->channel);
  send_frame (self, mp_frame_new (MP_FRAME_FORKED, self->serial, (guint64) pid, NULL, message));
  if (!watch (self, pidfd))
    reap (self, child);
}

int
mp_fork_server_become_child (MpForkServer *self)
{
  int channel = self->channel;

  self->channel = -1;
  mp_fork_server_free (self);
  return channel;
}
