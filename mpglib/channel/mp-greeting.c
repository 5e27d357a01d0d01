/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-greeting-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "mp-discard-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"

struct _MpGreeting
{
  MpPump *pump;
  MpStreamIo io;            /* of packets, too, which have no TLS */
  MpTransportForm form;
  MpDialogue dialogue;
  guint first_step;
  gboolean was_left;        /* by the other end, which had said something, but not why */
  gint64 start;             /* monotonic time of the connection */
  gint64 began;             /* the same, of this */
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

/* The other end says nothing more.  A server of TLS 1.3 looks at a client's certificate when the client has done its
 * part already, so what that hears is the end.
 */
static void
set_end_error (MpGreeting  *self,
               GError     **error)
{
  self->was_left = mp_greeting_has_begun (self); /* which is not to be asked any more after the dialogue's end */
  if (self->io.tls == NULL || self->was_left)
    mp_dialogue_end (&self->dialogue, error);
  else
    g_set_error (error, MP_ERROR, MP_ERROR_REFUSED,
                 "The other end agreed on TLS, and then closed the connection without a word: it may refuse the "
                 "certificate of this end, or want one, or be too busy");
}

static gsize
send_plain (int           fd,
            const guint8 *data,
            gsize         size)
{
  gssize n;

  do
    n = send (fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);

  return (gsize) MAX (n, 0);
}

/* Messages are far smaller than the buffer of any socket, so what cannot be sent at once
 * has nobody any more who would read it.
 */
static gboolean
say (MpGreeting  *self,
     GBytes      *message,
     GError     **error)
{
  gsize size, n;
  const guint8 *data = g_bytes_get_data (message, &size);

  if (self->io.tls != NULL)
    mp_tls_channel_write (self->io.tls, data, size, &n);
  else
    n = send_plain (self->io.fd, data, size);

  if (n == size)
    return TRUE;

  set_end_error (self, error);
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

/*< private >
 * mp_greeting_say_refusal:
 *
 * Before its tick, if it has been refused and is let go for others: else the other end would take itself for one that
 * was too slow, and come again.
 *
 * Returns: (transfer none) (nullable): why it has been refused; %NULL if it has not
 */
const GError *
mp_greeting_say_refusal (MpGreeting *self)
{
  if (self->refusal != NULL)
    say (self, self->refusal, NULL);

  return self->reason;
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

/* Returns: whether to go on; else the greeting may be gone */
static gboolean
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
      return FALSE;
    }

  if (goes_on && answer != NULL)
    goes_on = say (self, answer, &error);

  if (goes_on && outcome != MP_DIALOGUE_AGREED)
    return TRUE;

  finish (self, error);
  return FALSE;
}

static void
end_dialogue (MpGreeting *self)
{
  GError *error = NULL;

  set_end_error (self, &error);
  finish (self, error);
}

/* Without room for descriptors the kernel opens none here, and would close them: so one looks before. */
static gssize
receive_plain (int      fd,
               guint8  *packet,
               gsize    room,
               int     *flags)
{
  struct iovec piece = { packet, room };
  struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
  gssize size = recvmsg (fd, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

  *flags = message.msg_flags;
  if (size <= 0 || (*flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return size;

  piece.iov_len = (gsize) size;
  return recvmsg (fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
}

static void
read_plain (MpGreeting *self,
            guint8     *packet,
            gsize       room)
{
  int flags;
  gssize size = receive_plain (self->io.fd, packet, room, &flags);

  if (size < 0 && (errno == EAGAIN || errno == EINTR))
    return;

  if (size >= 0 && (flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    finish (self, g_error_new (MP_ERROR, MP_ERROR_CORRUPTED,
                               "What came is longer than any message, or brings descriptors"));
  else if (size <= 0)
    end_dialogue (self);
  else
    take_packet (self, packet, (gsize) size);
}

/* Returns: whether there may be more, which TLS has taken out of the socket */
static gboolean
read_with_tls (MpGreeting *self,
               guint8     *packet,
               gsize       room)
{
  gsize size;
  int result = mp_tls_channel_read (self->io.tls, packet, room, &size);

  if (size > 0)
    return take_packet (self, packet, size);

  if (result != EAGAIN)
    end_dialogue (self);
  return FALSE;
}

static gsize
get_wanted (MpGreeting *self,
            gsize       room)
{
  gsize wanted = mp_dialogue_get_wanted (&self->dialogue);

  return MIN (wanted, room);
}

static void
on_readable (guint32  events,
             gpointer data)
{
  MpGreeting *self = data;
  guint8 packet[MP_PREAMBLE_HEADER + MP_PREAMBLE_MAX];

  if (self->form == MP_TRANSPORT_PACKETS)
    read_plain (self, packet, sizeof packet);
  else if (self->io.tls == NULL)
    read_plain (self, packet, get_wanted (self, sizeof packet));
  else
    while (read_with_tls (self, packet, get_wanted (self, sizeof packet)))
      ;
}

static gboolean
begin (MpGreeting  *self,
       GError     **error)
{
  g_autoptr (GBytes) hello = mp_dialogue_take_output (&self->dialogue);

  if (hello != NULL && !say (self, hello, error))
    return FALSE;

  self->source = mp_pump_add_fd_locked (self->pump, self->io.fd, EPOLLIN, on_readable, self, error);
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
 * @io: (transfer full): a connected socket
 * @form: what is on it, then and later
 * @dialogue: (transfer full): a new one
 * @start: monotonic time of the connection
 *
 * Returns: (transfer full) (nullable): the greeting; %NULL if it is over already, and then
 *   nothing is called
 */
MpGreeting *
mp_greeting_start_locked (MpPump         *pump,
                          MpStreamIo      io,
                          MpTransportForm form,
                          MpDialogue      dialogue,
                          gint64          start,
                          MpGreetingDone  done,
                          gpointer        data,
                          GError        **error)
{
  MpGreeting *self = g_new0 (MpGreeting, 1);

  self->pump = mp_pump_ref (pump);
  self->io = io;
  self->form = form;
  self->dialogue = dialogue;
  self->first_step = mp_dialogue_get_step (&dialogue);
  self->start = start;
  self->began = g_get_monotonic_time ();
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
  g_clear_pointer (&self->io.tls, mp_tls_channel_free);
  mp_discard_socket (&self->io.fd);
  mp_dialogue_clear (&self->dialogue);
  g_clear_pointer (&self->refusal, g_bytes_unref);
  g_clear_error (&self->reason);
  mp_pump_unref (self->pump);
  g_free (self);
}

/*< private >
 * mp_greeting_has_begun:
 *
 * Returns: whether the other end has said anything that belongs to the dialogue
 */
gboolean
mp_greeting_has_begun (MpGreeting *self)
{
  return mp_dialogue_get_step (&self->dialogue) != self->first_step;
}

/*< private >
 * mp_greeting_was_left:
 *
 * Returns: whether the other end has begun the dialogue, and closed the connection amid it without saying why
 */
gboolean
mp_greeting_was_left (MpGreeting *self)
{
  return self->was_left;
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
  gssize n = self->source != NULL ? recv (self->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) : 0;

  *since = self->heard > 0 ? self->heard : self->began;
  if (n > 0)
    return MP_GREETING_UNREAD;

  if (n == 0 || errno != EAGAIN)
    return MP_GREETING_REFUSED;

  /* Who has agreed on TLS was no less quick than others with his first word; this one comes after it */
  return self->heard > 0 || self->io.tls != NULL ? MP_GREETING_WAITS : MP_GREETING_SILENT;
}

MpStreamIo
mp_greeting_steal_io (MpGreeting *self)
{
  MpStreamIo io = self->io;

  g_assert (self->source == NULL);
  self->io = (MpStreamIo) { -1, NULL };
  return io;
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
  mp_fd_close (&self->io.fd);
}
