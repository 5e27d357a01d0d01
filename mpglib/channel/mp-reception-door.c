/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-reception-base-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "mp-fd-private.h"

/* Strangers that are let in before others of the pump have their turn. */
#define MAX_RUN 16

/* For when there are no descriptors. */
#define REST (250 * 1000)

/* Descriptors have the lowest free number, so this one tells how many there are.  Strangers
 * leave some for the program.
 */
static gboolean
is_one_too_many (int fd)
{
  struct rlimit limit;

  return getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         (rlim_t) fd >= limit.rlim_cur / 5 * 4;
}

/* The kernel says again and again that somebody is there, and gives no descriptor for him. */
static void
turn_one_away (MpReception *self)
{
  struct sockaddr_storage native;
  socklen_t size = sizeof native;
  int fd;

  mp_fd_close (&self->spare_fd);
  fd = accept4 (self->place.fd, (struct sockaddr *) &native, &size, SOCK_CLOEXEC);
  if (fd >= 0)
    mp_reception_refuse_for_want_locked (self, fd, &native, size);
  else
    self->rest_end = g_get_monotonic_time () + REST;
  self->spare_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* From where the program's own streams would be.
 *
 * Takes a descriptor; returns the same one where there is no other.
 */
static int
move_up (int low_fd)
{
  int fd = fcntl (low_fd, F_DUPFD_CLOEXEC, 3);

  if (fd < 0)
    return low_fd;

  mp_fd_close (&low_fd);
  return fd;
}

/* FALSE: nobody is there. */
static gboolean
take_one_in (MpReception *self)
{
  struct sockaddr_storage native;
  socklen_t size = sizeof native;
  int fd = accept4 (self->place.fd, (struct sockaddr *) &native, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);

  if (fd < 0)
    {
      if (errno == EINTR || errno == ECONNABORTED)
        return TRUE;

      if (errno != EAGAIN)
        turn_one_away (self);
      return FALSE;
    }

  if (fd <= 2)
    fd = move_up (fd);
  if (fd <= 2 || is_one_too_many (fd))
    mp_reception_refuse_for_want_locked (self, fd, &native, size);
  else
    mp_reception_let_in_locked (self, fd, &native, size);
  return TRUE;
}

/* Returns when the next one can be let in: 0 at once, G_MAXINT64 when somebody was accepted. */
static gint64
get_next_time (MpReception *self)
{
  gint64 now = g_get_monotonic_time ();
  gint64 time;

  if (g_queue_get_length (&self->ready) >= self->backlog)
    return G_MAXINT64;

  time = mp_strangers_get_next_time (&self->strangers, now);
  time = MAX (self->rest_end, time);
  return time > now ? time : 0;
}

static void
on_resume (guint32  events,
           gpointer data)
{
  MpReception *self = data;

  self->resume_timer = NULL;
  mp_reception_look_for_room_locked (self);
}

void
mp_reception_on_knock (guint32  events,
                       gpointer data)
{
  MpReception *self = data;

  for (guint i = 0; i < MAX_RUN && get_next_time (self) == 0; i++)
    if (!take_one_in (self) || mp_pump_gives_way (self->pump))
      break;
  mp_reception_look_for_room_locked (self);
}

/* While there is no room who comes waits in the kernel.  What changes it is the end of a
 * greeting, an accept, or time.
 */
void
mp_reception_look_for_room_locked (MpReception *self)
{
  gint64 time = get_next_time (self);
  gboolean pause = time > 0;

  if (self->source == NULL)
    return;

  if (pause != self->is_pausing)
    mp_pump_set_events_locked (self->pump, self->source, pause ? 0 : EPOLLIN);
  self->is_pausing = pause;

  if (self->resume_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->resume_timer));
  if (pause && time != G_MAXINT64)
    self->resume_timer = mp_pump_add_timer_locked (self->pump, time, on_resume, self);
}
