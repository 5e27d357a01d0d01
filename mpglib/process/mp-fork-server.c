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
#include "mp-report-private.h"

typedef struct
{
  guint64 serial; /* 0: the spare */
  int pid;
  int pidfd;
} Forked;

struct _MpForkServer
{
  MpTransport *transport;
  gboolean channel_is_open;
  int epoll_fd;
  int host_fd;             /* pidfd of the host */
  int threads_fd;          /* the folder of its own threads */
  GHashTable *children;    /* pidfd → Forked */

  /* What mp_fork_server_wait() wants a child for: a request, or nothing yet */
  guint64 serial;          /* 0: to be the spare */
  int channel;             /* the child's channel; or the end of a pair by which the spare will get it */

  Forked *spare;           /* among the children; NULL: none */
  MpTransport *to_spare;
  int to_spare_fd;         /* the other end of the pair, while the spare is forked */
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
  self->channel = self->to_spare_fd = -1;
  self->children = g_hash_table_new_full (NULL, NULL, NULL, forked_free);
  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  self->host_fd = (int) syscall (SYS_pidfd_open, host_pid, 0);
  self->threads_fd = open ("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* without /proc: -1 */
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
  mp_fd_close (&self->threads_fd);
  mp_fd_close (&self->channel);
  mp_fd_close (&self->to_spare_fd);
  g_clear_pointer (&self->to_spare, mp_transport_free);
  g_hash_table_unref (self->children);
  g_free (self);
}

/* --- telling the host ------------------------------------------------------------------------------------- */

/* The host needs no more children, or cannot be understood: then it sees the end, and asks another template.  What
 * nobody waits for goes; children that run stay */
static void
leave_channel (MpForkServer *self)
{
  if (!self->channel_is_open)
    return;
  self->channel_is_open = FALSE;
  epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, mp_transport_get_fd (self->transport), NULL);
  mp_transport_close (self->transport);
  if (self->spare != NULL)
    syscall (SYS_pidfd_send_signal, self->spare->pidfd, SIGKILL, NULL, 0);
}

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
    leave_channel (self);
  while (self->channel_is_open && mp_transport_get_n_queued (self->transport) > 0)
    {
      struct pollfd waits[] = {
        { .fd = mp_transport_get_fd (self->transport), .events = mp_transport_get_send_events (self->transport) },
        { .fd = self->host_fd, .events = POLLIN },
      };

      if (poll (waits, G_N_ELEMENTS (waits), -1) > 0 && waits[1].revents != 0)
        return;
      if (mp_transport_flush (self->transport, NULL) == MP_IO_CLOSED)
        leave_channel (self);
    }
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

  if (self->serial != 0)
    send_frame (self, mp_frame_new (MP_FRAME_FAILED, self->serial, 0, NULL, message));
  mp_fd_close (&self->channel);
}

/* A frame with one descriptor */
static MpFrame *
new_frame_with_fd (MpFrameKind   kind,
                   guint64       serial,
                   guint64       index,
                   int           fd,
                   GError      **error)
{
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_handle (0));

  if (mp_message_attach_fd (message, fd, error) < 0)
    return NULL;
  return mp_frame_new (kind, serial, index, NULL, message);
}

/* --- children that ended ---------------------------------------------------------------------------------- */

static void
drop_spare (MpForkServer *self)
{
  self->spare = NULL;
  g_clear_pointer (&self->to_spare, mp_transport_free);
}

static void
reap (MpForkServer *self,
      Forked       *child)
{
  int status, pid = waitpid (child->pid, &status, WNOHANG);

  if (pid == 0)
    return;
  if (child == self->spare)
    drop_spare (self);
  else if (pid > 0) /* else somebody else reaped it, and the host does without the status */
    send_frame (self, mp_frame_new (MP_FRAME_EXITED, child->serial, (guint64) (guint) status, NULL, NULL));
  /* The host has the same pidfd open: closing ours would not end the watch */
  epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, child->pidfd, NULL);
  g_hash_table_remove (self->children, GINT_TO_POINTER (child->pidfd));
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

  if (self->spare != NULL || !self->channel_is_open || !check_single_thread (self, NULL)
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
  MpFrame *give = NULL, *tell = NULL;
  gboolean given = FALSE;

  if (self->spare == NULL)
    return FALSE;
  give = new_frame_with_fd (MP_FRAME_FORK, self->serial, 0, self->channel, NULL);
  tell = new_frame_with_fd (MP_FRAME_FORKED, self->serial, (guint64) self->spare->pid, self->spare->pidfd, NULL);
  if (give != NULL && tell != NULL)
    given = mp_transport_push (self->to_spare, g_steal_pointer (&give), NULL) == MP_IO_DONE;
  if (given)
    {
      self->spare->serial = self->serial;
      drop_spare (self);
      mp_fd_close (&self->channel);
      send_frame (self, g_steal_pointer (&tell));
    }
  g_clear_pointer (&give, mp_frame_free);
  g_clear_pointer (&tell, mp_frame_free);
  return given;
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
  if (self->channel >= 0 && give_to_spare (self))
    return want_spare (self);
  if (self->channel >= 0 && check_single_thread (self, &error))
    return TRUE;
  refuse (self, error);
  return FALSE;
}

/* A request without its channel, for which there was no descriptor: others may go */
static void
refuse_lost (MpForkServer *self,
             const GError *loss)
{
  self->serial = mp_transport_get_lost_serial (self->transport);
  refuse (self, loss);
}

static gboolean
read_channel (MpForkServer *self)
{
  while (self->channel_is_open)
    {
      g_autoptr (MpFrame) frame = NULL;
      g_autoptr (GError) error = NULL;

      switch (mp_transport_receive (self->transport, &frame, &error))
        {
        case MP_IO_DONE:
          if (take_request (self, frame))
            return TRUE;
          break;
        case MP_IO_AGAIN:
          return FALSE;
        case MP_IO_FAILED:
          if (mp_transport_get_end (self->transport) != NULL)
            leave_channel (self);
          else
            refuse_lost (self, error);
          break;
        case MP_IO_CLOSED:
        default:
          leave_channel (self);
        }
    }
  return FALSE;
}

gboolean
mp_fork_server_wait (MpForkServer *self)
{
  gboolean has_served = self->serial != 0;

  /* After the child of a request comes the first spare */
  if (has_served && want_spare (self))
    return TRUE;

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

static Forked *
add_child (MpForkServer *self,
           int           pid,
           int           pidfd)
{
  Forked *child = g_new (Forked, 1);

  child->serial = self->serial;
  child->pid = pid;
  child->pidfd = pidfd;
  g_hash_table_insert (self->children, GINT_TO_POINTER (pidfd), child);
  if (!watch (self, pidfd))
    g_critical ("The template cannot watch its child %d: %s", pid, g_strerror (errno));
  return child;
}

void
mp_fork_server_made (MpForkServer *self,
                     int           pid)
{
  int failed = errno, pidfd = pid > 0 ? (int) syscall (SYS_pidfd_open, pid, 0) : -1;
  g_autoptr (GError) error = NULL;
  MpFrame *tell = NULL;

  if (pidfd >= 0 && self->serial != 0)
    tell = new_frame_with_fd (MP_FRAME_FORKED, self->serial, (guint64) pid, pidfd, &error);
  else if (pidfd < 0)
    g_set_error (&error, MP_ERROR, MP_ERROR_START_FAILED, "The template process cannot fork: %s",
                 g_strerror (pid > 0 ? errno : failed));

  if (error != NULL)
    {
      if (pid > 0)
        {
          kill (pid, SIGKILL); /* ours and unreaped: the pid is its own */
          waitpid (pid, NULL, 0);
        }
      mp_fd_close (&pidfd);
      mp_fd_close (&self->to_spare_fd);
      refuse (self, error);
      return;
    }

  mp_fd_close (&self->channel);
  if (tell != NULL)
    {
      add_child (self, pid, pidfd);
      send_frame (self, tell);
    }
  else
    {
      self->spare = add_child (self, pid, pidfd);
      self->to_spare = mp_transport_new (self->to_spare_fd);
      self->to_spare_fd = -1;
    }
}

int
mp_fork_server_become_child (MpForkServer *self,
                             gboolean     *is_spare)
{
  int channel = self->channel;

  *is_spare = self->serial == 0;
  self->channel = -1;
  mp_fork_server_free (self);
  return channel;
}
