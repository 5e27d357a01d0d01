/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-greeting-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "mp-error.h"
#include "mp-fd-private.h"

struct _MpGreeting
{
  MpPump *pump;
  int fd;
  MpTransportForm form;
  MpDialogue dialogue;
  gint64 start;             /* monotonic time */
  gint64 heard;             /* the same, of the last message; 0: none */

  MpPumpSource *source;     /* NULL: nothing more is read */
  MpPumpTimer *timer;       /* the deadline, or the tick of a refusal */
  GBytes *refusal;          /* what is said at the tick */
  GError *reason;           /* and why */

  MpGreetingDone done;
  gpointer data;
};

/* With the handshake and the kernel's share: what a stranger may cost. */
G_STATIC_ASSERT (sizeof (MpGreeting) <= MP_PREAMBLE_MAX_MEMORY / 8);

static void
stop_watching (MpGreeting *self)
{
  if (self->source != NULL)
    mp_pump_remove_fd_locked (self->pump, g_steal_pointer (&self->source));
  if (self->timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->timer));
}

static void
finish (MpGreeting *self,
        GError     *taken)
{
  g_autoptr (GError) error = taken;

  stop_watching (self);
  self->done (self, error, self->data);
}

/* Messages are far smaller than the buffer of any socket, so what cannot be sent at once
 * has nobody any more who would read it.
 */
static gboolean
say (MpGreeting  *self,
     GBytes      *message,
     GError     **error)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (message, &size);
  gssize n;

  do
    n = send (self->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);

  if (n == (gssize) size)
    return TRUE;

  mp_dialogue_end (&self->dialogue, error);
  return FALSE;
}

static void
on_tick (guint32  events,
         gpointer data)
{
  MpGreeting *self = data;

  self->timer = NULL;
  say (self, self->refusal, NULL);
  finish (self, g_steal_pointer (&self->reason));
}

/* A wrong proof is answered at a time that tells nothing of how it was wrong.  Nothing is
 * read any more: a peer that has gone would make its socket readable for ever.
 */
static void
refuse_at_tick (MpGreeting *self,
                GBytes     *refusal,
                GError     *reason)
{
  const gint64 tick = (gint64) (MP_PREAMBLE_REFUSAL_DELAY * G_USEC_PER_SEC);
  gint64 age = g_get_monotonic_time () - self->start;

  self->refusal = refusal;
  self->reason = reason;
  stop_watching (self);
  self->timer = mp_pump_add_timer_locked (self->pump, self->start + (age / tick + 1) * tick, on_tick, self);
}

static void
on_deadline (guint32  events,
             gpointer data)
{
  MpGreeting *self = data;

  self->timer = NULL;
  finish (self, g_error_new (MP_ERROR, MP_ERROR_TIMED_OUT,
                             "The other end has not proved within %g seconds that it knows the key: it is stopped, "
                             "too busy, or no program of mpglib", MP_PREAMBLE_DEADLINE));
}

/* A message is one packet, and a packet one message.  Of a stream no more is read than is taken. */
static gboolean
feed (MpGreeting    *self,
      const guint8  *packet,
      gsize          size,
      GError       **error)
{
  guint before = mp_dialogue_get_step (&self->dialogue);
  gsize n_taken;

  if (!mp_dialogue_feed (&self->dialogue, packet, size, &n_taken, error))
    return FALSE;

  if (mp_dialogue_get_step (&self->dialogue) != before)
    self->heard = g_get_monotonic_time ();
  if (n_taken == size && (self->form != MP_TRANSPORT_PACKETS || mp_dialogue_get_step (&self->dialogue) != before))
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "What came is not one message in one packet");
  return FALSE;
}

static void
take_packet (MpGreeting   *self,
             const guint8 *packet,
             gsize         size)
{
  GError *error = NULL;
  gboolean goes_on = feed (self, packet, size, &error);
  MpDialogueOutcome outcome = mp_dialogue_get_outcome (&self->dialogue);
  g_autoptr (GBytes) answer = mp_dialogue_take_output (&self->dialogue);

  /* An answer to a packet that is more than its message is not said */
  if (!goes_on && outcome == MP_DIALOGUE_REFUSED && answer != NULL)
    {
      refuse_at_tick (self, g_steal_pointer (&answer), error);
      return;
    }

  if (goes_on && answer != NULL)
    goes_on = say (self, answer, &error);

  if (!goes_on || outcome == MP_DIALOGUE_AGREED)
    finish (self, error);
}

static void
on_readable (guint32  events,
             gpointer data)
{
  MpGreeting *self = data;
  guint8 packet[MP_PREAMBLE_HEADER + MP_PREAMBLE_MAX];
  gsize wanted = self->form != MP_TRANSPORT_PACKETS ? mp_dialogue_get_wanted (&self->dialogue) : sizeof packet;
  struct iovec piece = { packet, MIN (wanted, sizeof packet) };
  /* Without room for descriptors the kernel opens none here */
  struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
  gssize size = recvmsg (self->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  GError *error = NULL;

  if (size < 0 && (errno == EAGAIN || errno == EINTR))
    return;

  if (size <= 0)
    {
      mp_dialogue_end (&self->dialogue, &error);
      finish (self, error);
    }
  else if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    {
      finish (self, g_error_new (MP_ERROR, MP_ERROR_CORRUPTED,
                                 "What came is longer than any message, or brings descriptors"));
    }
  else
    {
      take_packet (self, packet, (gsize) size);
    }
}

static gboolean
begin (MpGreeting  *self,
       GError     **error)
{
  g_autoptr (GBytes) hello = mp_dialogue_take_output (&self->dialogue);

  if (hello != NULL && !say (self, hello, error))
    return FALSE;

  self->source = mp_pump_add_fd_locked (self->pump, self->fd, EPOLLIN, on_readable, self, error);
  if (self->source == NULL)
    return FALSE;

  self->timer = mp_pump_add_timer_locked (self->pump,
                                          self->start + (gint64) (MP_PREAMBLE_DEADLINE * G_USEC_PER_SEC),
                                          on_deadline, self);
  return TRUE;
}

/*< private >
 * mp_greeting_start_locked:
 * @pump: whose lock is held
 * @fd: (transfer full): a connected socket
 * @form: what is on it, then and later
 * @dialogue: (transfer full): a new one
 *
 * Returns: (transfer full) (nullable): the greeting; %NULL if it is over already, and then
 *   nothing is called
 */
MpGreeting *
mp_greeting_start_locked (MpPump         *pump,
                          int             fd,
                          MpTransportForm form,
                          MpDialogue      dialogue,
                          MpGreetingDone  done,
                          gpointer        data,
                          GError        **error)
{
  MpGreeting *self = g_new0 (MpGreeting, 1);

  self->pump = mp_pump_ref (pump);
  self->fd = fd;
  self->form = form;
  self->dialogue = dialogue;
  self->start = g_get_monotonic_time ();
  self->done = done;
  self->data = data;
  if (begin (self, error))
    return self;

  mp_greeting_free_locked (self);
  return NULL;
}

/*< private >
 * mp_greeting_free_locked:
 *
 * Closes the socket without a word, unless it was stolen.
 */
void
mp_greeting_free_locked (MpGreeting *self)
{
  stop_watching (self);
  mp_fd_close (&self->fd);
  mp_dialogue_clear (&self->dialogue);
  g_clear_pointer (&self->refusal, g_bytes_unref);
  g_clear_error (&self->reason);
  mp_pump_unref (self->pump);
  g_free (self);
}

gint64
mp_greeting_get_start (MpGreeting *self)
{
  return self->start;
}

MpGreetingStanding
mp_greeting_look (MpGreeting *self,
                  gint64     *since)
{
  guint8 byte;
  gssize n = self->source != NULL ? recv (self->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) : 0;

  *since = self->heard > 0 ? self->heard : self->start;
  if (n > 0)
    return MP_GREETING_UNREAD;

  if (n == 0 || errno != EAGAIN)
    return MP_GREETING_REFUSED;

  return self->heard > 0 ? MP_GREETING_WAITS : MP_GREETING_SILENT;
}

int
mp_greeting_steal_fd (MpGreeting *self)
{
  int fd = self->fd;

  g_assert (self->source == NULL);
  self->fd = -1;
  return fd;
}

MpSession
mp_greeting_get_session (MpGreeting *self)
{
  return mp_dialogue_get_session (&self->dialogue);
}

MpTransportForm
mp_greeting_get_form (MpGreeting *self)
{
  return self->form;
}

/*< private >
 * mp_greeting_leave:
 *
 * In a forked child: lets go of the socket, which is the parent's.
 */
void
mp_greeting_leave (MpGreeting *self)
{
  mp_fd_close (&self->fd);
}
