/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-exchange-base-private.h"
#include "mp-fd-private.h"

/* A descriptor for others to poll. */

static gboolean
watch (int epoll_fd,
       int fd)
{
  struct epoll_event event = { .events = EPOLLIN };

  return epoll_ctl (epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* A message that was read and not taken (too long for the caller, of another
 * codec, only waited for) is not in the socket any more.
 */
void
mp_exchange_show_kept_locked (MpExchange *self)
{
  const guint64 one = 1;
  guint64 count;

  if (self->kept_fd < 0)
    return;

  if (mp_conduit_has_received (&self->conduit))
    (void) !write (self->kept_fd, &one, sizeof one);
  else
    (void) !read (self->kept_fd, &count, sizeof count);
}

/*< private >
 * mp_exchange_get_fd:
 *
 * Returns: a descriptor that is readable when a message or the end waits; it
 *   stays the exchange's.  -1 with %MP_ERROR_CLOSED or %MP_ERROR_TOO_BIG.
 */
int
mp_exchange_get_fd (MpExchange *self,
                    GError    **error)
{
  int fd;

  if (!mp_exchange_check_origin (self, error))
    return -1;

  mp_exchange_lock (self);
  if (self->is_closed)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "The connection is closed");
    }
  else if (self->epoll_fd < 0)
    {
      self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
      self->kept_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
      if (self->epoll_fd < 0 || self->kept_fd < 0 ||
          !watch (self->epoll_fd, self->kept_fd) ||
          (self->conduit.link != NULL && !watch (self->epoll_fd, mp_ring_link_get_bell (self->conduit.link))) ||
          !watch (self->epoll_fd, mp_transport_get_fd (self->conduit.transport)))
        {
          g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                       "Cannot make a descriptor to poll: %s", g_strerror (errno));
          mp_fd_close (&self->epoll_fd);
          mp_fd_close (&self->kept_fd);
        }
      mp_exchange_serve_locked (self, &self->receivers);
    }
  fd = self->epoll_fd;
  mp_exchange_unlock (self);

  return fd;
}
