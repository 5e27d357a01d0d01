/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-farewell-private.h"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <errno.h>

#include "mp-discard-private.h"
#include "mp-fd-private.h"
#include "mp-fork-private.h"
#include "mp-pump-private.h"
#include "mp-stream-io-private.h"

/* A socket that nobody here needs any more, and whose other end has not got all yet.
 *
 * TCP throws away what is on its way when somebody closes who has not read all, or is sent more after
 * that.  So what comes is read, and forgotten, until the other end closes or has all.  The
 * engine does that, a while at most.
 */
#define PATIENCE (10 * G_USEC_PER_SEC)

/* When acknowledgements have come that are put off, which nothing tells. */
#define SECOND_LOOK (G_USEC_PER_SEC / 5)

typedef struct
{
  MpStreamIo io;
  MpStreamRecord records[2];
  gsize n_written;     /* of both, when the timer looked last */
  gboolean is_written;
  MpPump *pump;
  MpPumpSource *source;
  MpPumpTimer *timer;
  GList link; /* in `all` */
} Farewell;

/* For forks */
static GQueue all = G_QUEUE_INIT;
static GMutex all_lock; /* a leaf */

static void
leave_all (void)
{
  for (GList *link = all.head; link != NULL; link = link->next)
    mp_fd_close (&((Farewell *) link->data)->io.fd);
  if (all.head != NULL)
    g_queue_init (&all);
}

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&all_lock, leave_all);
}

static void
farewell_free (Farewell *self)
{
  if (self->source != NULL)
    mp_pump_remove_fd_locked (self->pump, self->source);
  if (self->timer != NULL)
    mp_pump_remove_timer_locked (self->pump, self->timer);

  if (self->link.data != NULL)
    {
      g_mutex_lock (&all_lock);
      g_queue_unlink (&all, &self->link);
      g_mutex_unlock (&all_lock);
    }

  for (guint i = 0; i < G_N_ELEMENTS (self->records); i++)
    mp_stream_record_clear (&self->records[i]);
  g_clear_pointer (&self->io.tls, mp_tls_channel_free);
  mp_discard_socket (&self->io.fd);
  g_free (self);
}

/* FALSE: nobody is there any more. */
static gboolean
write_all (Farewell *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->records); i++)
    while (self->records[i].n_written < mp_stream_record_get_size (&self->records[i]))
      {
        int result = mp_stream_write (&self->io, &self->records[i]);

        if (result != 0)
          return result == EAGAIN;
      }

  if (!self->is_written && self->io.tls != NULL)
    mp_tls_channel_end (self->io.tls);
  if (!self->is_written)
    shutdown (self->io.fd, SHUT_WR);
  self->is_written = TRUE;

  return TRUE;
}

/* Whether the other end's kernel has all.  Other sockets than TCP's have nothing on the way. */
static gboolean
has_arrived (Farewell *self)
{
  int domain, n;
  socklen_t size = sizeof domain;

  if (getsockopt (self->io.fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX)
    return TRUE;

  return ioctl (self->io.fd, SIOCOUTQ, &n) != 0 || n == 0;
}

static gboolean
goes_on (Farewell *self)
{
  return write_all (self) && mp_stream_read_away (&self->io) && !(self->is_written && has_arrived (self));
}

/* --- On the engine's thread --------------------------------------------------------- */

static void
watch_again (Farewell *self)
{
  if (!goes_on (self))
    farewell_free (self);
  else
    mp_pump_set_events_locked (self->pump, self->source, self->is_written ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

static void
on_socket (guint32  events,
           gpointer data)
{
  watch_again (data);
}

static void
on_patience_over (guint32  events,
                  gpointer data)
{
  Farewell *self = data;
  gsize n_written = self->records[0].n_written + self->records[1].n_written;

  self->timer = NULL;
  if (n_written == self->n_written)
    {
      farewell_free (self);
      return;
    }

  self->n_written = n_written;
  self->timer = mp_pump_add_timer_locked (self->pump, g_get_monotonic_time () + PATIENCE, on_patience_over, self);
}

static void
on_second_look (guint32  events,
                gpointer data)
{
  Farewell *self = data;

  self->timer = mp_pump_add_timer_locked (self->pump, g_get_monotonic_time () + PATIENCE, on_patience_over, self);
  watch_again (self);
}

static void
begin (gpointer data)
{
  Farewell *self = data;

  self->source = mp_pump_add_fd_locked (self->pump, self->io.fd, EPOLLIN | EPOLLOUT, on_socket, self, NULL);
  if (self->source == NULL)
    {
      farewell_free (self);
      return;
    }

  self->timer = mp_pump_add_timer_locked (self->pump, g_get_monotonic_time () + SECOND_LOOK, on_second_look, self);
}

/* --- In any thread -------------------------------------------------------------------- */

static MpStreamRecord
take (MpStreamRecord *record)
{
  MpStreamRecord taken = *record;

  *record = (MpStreamRecord) { 0 };
  return taken;
}

/*< private >
 * mp_farewell:
 * @io: (transfer full): the socket
 * @rest: (transfer full): what of a record has not gone, if it is open
 * @last: (transfer full): what goes after it, likewise
 *
 * Closes the socket in order, in the background if need be.  Never waits; any lock may be held.
 */
void
mp_farewell (MpStreamIo      io,
             MpStreamRecord *rest,
             MpStreamRecord *last)
{
  Farewell *self = g_new0 (Farewell, 1);

  self->io = io;
  self->records[0] = take (rest);
  self->records[1] = take (last);
  self->pump = mp_pump_get_shared ();
  self->link.data = NULL;

  if (!goes_on (self) || !mp_pump_open (self->pump, NULL))
    {
      farewell_free (self);
      return;
    }

  self->link.data = self;
  g_mutex_lock (&all_lock);
  g_queue_push_tail_link (&all, &self->link);
  g_mutex_unlock (&all_lock);
  mp_pump_post (self->pump, begin, self);
}
