/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-knock-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "mp-discard-private.h"
#include "mp-fd-private.h"
#include "mp-fork-private.h"
#include "mp-thread-private.h"

/* Those of this process who knock at one address, and the thread that waits there for them. */
typedef struct
{
  struct sockaddr_storage native;
  socklen_t size;
  int type;
  int fd;            /* what the thread connects just now */
  GQueue knocks;     /* of MpKnock, the first one first */
  GList link;        /* in `doors` */
} Door;

struct _MpKnock
{
  MpPump *pump;
  MpKnockDone done;
  gpointer data;
  gint64 deadline;   /* monotonic time */

  Door *door;        /* NULL: it is told; guarded by `door_lock` */
  GList link;        /* in its `knocks` */

  /* From then on of the pump: */
  gboolean is_unwanted;
  int fd;
  int failed;
};

static GQueue doors = G_QUEUE_INIT;
static GMutex door_lock; /* a leaf */

/* --- Forks ------------------------------------------------------------------------ */

/* The threads are the parent's. */
static void
leave_all (void)
{
  if (g_queue_is_empty (&doors))
    return;

  for (GList *l = doors.head; l != NULL; l = l->next)
    mp_fd_close (&((Door *) l->data)->fd);
  g_queue_init (&doors);
}

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&door_lock, leave_all);
}

/* --- Telling ---------------------------------------------------------------------- */

static void
knock_free (MpKnock *self)
{
  mp_discard_socket (&self->fd);
  mp_pump_unref (self->pump);
  g_free (self);
}

static void
on_told (gpointer data)
{
  MpKnock *self = data;
  int fd = self->fd;

  if (!self->is_unwanted)
    {
      self->fd = -1;
      self->done (fd, self->failed, self->data);
    }
  knock_free (self);
}

/* Only one can have the socket; why there is none, concerns all, but for time. */
static void
take_locked (Door   *self,
             int    *fd,
             int     failed,
             GQueue *told)
{
  gint64 now = g_get_monotonic_time ();
  MpKnock *knock;

  while ((knock = g_queue_peek_head (&self->knocks)) != NULL)
    {
      if (failed == EAGAIN && knock->deadline > now)
        return;

      g_queue_unlink (&self->knocks, &knock->link);
      knock->door = NULL;
      knock->failed = failed;
      g_queue_push_tail_link (told, &knock->link);
      if (failed != 0)
        continue;

      knock->fd = *fd;
      *fd = -1;
      return;
    }
}

static void
tell (GQueue *told)
{
  MpKnock *knock;

  while ((knock = g_queue_peek_head (told)) != NULL)
    {
      g_queue_unlink (told, &knock->link);
      mp_pump_post (knock->pump, on_told, knock);
    }
}

/* --- Waiting ---------------------------------------------------------------------- */

static int
new_socket (int type)
{
  int low_fd, fd = socket (AF_UNIX, type | SOCK_CLOEXEC, 0);

  if (fd < 0 || fd > 2)
    return fd;

  low_fd = fd;
  fd = mp_fd_duplicate (low_fd, NULL);
  mp_fd_close (&low_fd);
  return fd;
}

static void
set_patience (int    fd,
              gint64 usec)
{
  struct timeval limit = { .tv_sec = usec / G_USEC_PER_SEC, .tv_usec = usec % G_USEC_PER_SEC };

  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* Blocks.  Returns 0, or an errno. */
static int
wait_at (Door   *self,
         gint64  deadline)
{
  gint64 now = g_get_monotonic_time ();

  if (self->fd < 0)
    return EMFILE;

  if (deadline <= now)
    return EAGAIN;

  set_patience (self->fd, deadline - now);
  if (connect (self->fd, (struct sockaddr *) &self->native, self->size) != 0)
    return errno == EINTR ? EAGAIN : errno;

  set_patience (self->fd, 0);
  return fcntl (self->fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0 ? 0 : errno;
}

/* One socket after the other, until nobody knocks any more. */
static void *
wait_for_all (void *data)
{
  Door *self = data;
  GQueue told = G_QUEUE_INIT;
  MpKnock *first;
  gint64 deadline;
  int failed;

  prctl (PR_SET_NAME, "mp-knock");
  g_mutex_lock (&door_lock);
  while ((first = g_queue_peek_head (&self->knocks)) != NULL)
    {
      deadline = first->deadline;
      if (self->fd < 0)
        self->fd = new_socket (self->type);
      g_mutex_unlock (&door_lock);
      failed = wait_at (self, deadline);
      g_mutex_lock (&door_lock);
      take_locked (self, &self->fd, failed, &told);
      mp_fd_close (&self->fd);
      g_mutex_unlock (&door_lock);
      tell (&told);
      g_mutex_lock (&door_lock);
    }
  g_queue_unlink (&doors, &self->link);
  g_mutex_unlock (&door_lock);
  g_free (self);
  return NULL;
}

/* --- Knocking --------------------------------------------------------------------- */

static Door *
find_door_locked (const struct sockaddr_storage *native,
                  socklen_t                      size,
                  int                            type)
{
  for (GList *l = doors.head; l != NULL; l = l->next)
    {
      Door *door = l->data;

      if (door->size == size && door->type == type && memcmp (&door->native, native, size) == 0)
        return door;
    }

  return NULL;
}

static Door *
open_door_locked (const struct sockaddr_storage *native,
                  socklen_t                      size,
                  int                            type)
{
  Door *self = g_new0 (Door, 1);

  self->native = *native;
  self->size = size;
  self->type = type;
  self->fd = -1;
  g_queue_init (&self->knocks);
  self->link.data = self;
  if (mp_thread_start (wait_for_all, self, 0, NULL) != 0)
    {
      g_free (self);
      return NULL;
    }

  g_queue_push_tail_link (&doors, &self->link);
  return self;
}

MpKnock *
mp_knock_start_locked (MpPump          *pump,
                       const MpAddress *address,
                       int              type,
                       MpKnockDone      done,
                       gpointer         data)
{
  MpKnock *self = g_new0 (MpKnock, 1);
  struct sockaddr_storage native;
  gboolean is_waiting;
  socklen_t size;

  mp_address_to_native (address, &native, &size);
  self->pump = mp_pump_ref (pump);
  self->done = done;
  self->data = data;
  self->deadline = g_get_monotonic_time () + (gint64) (MP_KNOCK_PATIENCE * G_USEC_PER_SEC);
  self->fd = -1;
  self->link.data = self;

  g_mutex_lock (&door_lock);
  self->door = find_door_locked (&native, size, type);
  if (self->door == NULL)
    self->door = open_door_locked (&native, size, type);
  is_waiting = self->door != NULL; /* it has none any more once it was let in, which may be at once */
  if (is_waiting)
    g_queue_push_tail_link (&self->door->knocks, &self->link);
  g_mutex_unlock (&door_lock);

  if (is_waiting)
    return self;

  knock_free (self);
  return NULL;
}

/*< private >
 * mp_knock_free_locked:
 *
 * Nobody wants to know any more; nothing is called.  The thread may go on until it is let in, or its time is over.
 */
void
mp_knock_free_locked (MpKnock *self)
{
  gboolean is_told;

  g_mutex_lock (&door_lock);
  is_told = self->door == NULL;
  if (!is_told)
    g_queue_unlink (&self->door->knocks, &self->link);
  g_mutex_unlock (&door_lock);

  if (is_told)
    self->is_unwanted = TRUE;
  else
    knock_free (self);
}
