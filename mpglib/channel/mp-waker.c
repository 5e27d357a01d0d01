/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-origin-private.h"
#include "mp-waker-private.h"

struct _MpWaker
{
  int fd;
  guint32 origin; /* a forked process must not use its parent's eventfd */
};

static void
mp_waker_free (gpointer data)
{
  MpWaker *self = data;

  mp_fd_close (&self->fd);
  g_free (self);
}

/*< private >
 * mp_waker_get_mine:
 *
 * Returns: (transfer none) (nullable): the calling thread's waker; or %NULL with
 *   %MP_ERROR_TOO_BIG if no descriptor can be had
 */
MpWaker *
mp_waker_get_mine (GError **error)
{
  static GPrivate wakers = G_PRIVATE_INIT (mp_waker_free);
  MpWaker *self = g_private_get (&wakers);
  int fd;

  if (self != NULL && self->origin == mp_origin_get ())
    return self;

  fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                   "Cannot make a descriptor to wait with: %s", g_strerror (errno));
      return NULL;
    }

  self = g_new (MpWaker, 1);
  self->fd = fd;
  self->origin = mp_origin_get ();
  g_private_replace (&wakers, self);

  return self;
}

int
mp_waker_get_fd (MpWaker *self)
{
  return self->fd;
}

/*< private >
 * mp_waker_wake:
 *
 * The caller sees to it that the thread is still there, by a lock under which it
 * said that it sleeps.
 */
void
mp_waker_wake (MpWaker *self)
{
  const guint64 one = 1;

  /* Nothing to do if it fails: then it is full, and the thread awake anyway. */
  while (write (self->fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

void
mp_waker_clear (MpWaker *self)
{
  guint64 count;

  while (read (self->fd, &count, sizeof count) < 0 && errno == EINTR)
    ;
}
