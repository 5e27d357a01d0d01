/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-tls-handshake-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-fd-stream-private.h"
#include "mp-origin-private.h"
#include "mp-tls-turns-private.h"

/* A record: its type, a version that begins with 3, and the length of the rest. */
#define RECORD_HEADER    5
#define RECORD_HANDSHAKE 22
#define RECORD_VERSION   3

struct _MpTlsHandshake
{
  MpPump *pump;
  MpTlsTerms *terms;
  int fd;
  gint64 start;             /* monotonic time */
  gint64 heard;             /* the same, of what came last of the hello; 0: nothing did */
  MpTlsHandshakeDone done;
  gpointer data;

  MpPumpSource *source;     /* while the hello is awaited */
  MpPumpTimer *timer;       /* the deadline */
  guint8 hello[MP_TLS_MAX_HELLO];
  gsize n_hello;
  gboolean is_queued;       /* and what is below is the turn's until it is over */
  gboolean is_over;
  gboolean is_forgotten;    /* nobody wants to know, but it is not over */

  MpTlsTurn turn;
  GIOStream *base;
  GTlsConnection *connection;
  gboolean was_hurried;
  MpTlsChannel *channel;
  GError *error;
};

/* With MpHandshake, which comes after it. */
G_STATIC_ASSERT (sizeof (MpTlsHandshake) <= MP_PREAMBLE_MAX_MEMORY);

/* --- On the pump ------------------------------------------------------------------- */

static void
stop_watching (MpTlsHandshake *self)
{
  if (self->source != NULL)
    mp_pump_remove_fd_locked (self->pump, g_steal_pointer (&self->source));
  if (self->timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->timer));
}

static void
destroy (MpTlsHandshake *self)
{
  g_clear_pointer (&self->channel, mp_tls_channel_free);
  g_clear_error (&self->error);
  mp_fd_close (&self->fd);
  mp_tls_terms_unref (self->terms);
  mp_pump_unref (self->pump);
  g_free (self);
}

static void
fail (MpTlsHandshake *self,
      GError         *taken)
{
  g_autoptr (GError) error = taken;

  stop_watching (self);
  self->done (self, NULL, error, self->data);
}

static void
on_deadline (guint32  events,
             gpointer data)
{
  MpTlsHandshake *self = data;

  self->timer = NULL;
  fail (self, g_error_new (MP_ERROR, MP_ERROR_TIMED_OUT,
                           "The other end has not agreed on TLS within %g seconds: it is stopped, too busy, or has "
                           "no TLS there", MP_PREAMBLE_DEADLINE));
}

static void
on_over (gpointer data)
{
  MpTlsHandshake *self = data;

  self->is_over = TRUE;
  if (self->is_forgotten)
    {
      destroy (self);
      return;
    }

  stop_watching (self);
  self->done (self, g_steal_pointer (&self->channel), self->error, self->data);
}

/* --- In its turn ------------------------------------------------------------------- */

static void
conclude (MpTlsHandshake *self)
{
  MpPump *pump = mp_pump_ref (self->pump);

  mp_tls_turn_end (&self->turn);
  mp_pump_post (pump, on_over, self);
  mp_pump_unref (pump);
}

static GError *
explain (MpTlsHandshake *self,
         const GError   *reason)
{
  if (self->was_hurried)
    return g_error_new (MP_ERROR, MP_ERROR_FULL, "It did not get on with TLS, and others were waiting");

  if (g_error_matches (reason, G_TLS_ERROR, G_TLS_ERROR_CERTIFICATE_REQUIRED))
    return g_error_new (MP_ERROR, MP_ERROR_AUTHENTICATION, "The other end shows no certificate, and must have one");

  return g_error_new (MP_ERROR, MP_ERROR_REFUSED,
                      "The two ends do not agree on TLS (%s): the other one may have none there, or refuses this one",
                      reason->message);
}

static void
discard_connection (MpTlsHandshake *self)
{
  mp_fd_stream_detach (self->base);
  g_clear_object (&self->connection);
}

/* Older versions have no exporter, and let others take part in what both ends get. */
static gboolean
is_new_enough (GTlsConnection *connection)
{
  return g_tls_connection_get_protocol_version (connection) >= G_TLS_PROTOCOL_VERSION_TLS_1_3;
}

static void
on_handshaken (GObject      *source,
               GAsyncResult *result,
               gpointer      data)
{
  MpTlsHandshake *self = data;
  g_autoptr (GError) reason = NULL;

  if (!g_tls_connection_handshake_finish (self->connection, result, &reason))
    {
      if (self->error == NULL)
        self->error = explain (self, reason);
    }
  else if (!is_new_enough (self->connection))
    {
      self->error = g_error_new (MP_ERROR, MP_ERROR_NOT_SUPPORTED, "The other end has no TLS 1.3");
    }

  if (self->error == NULL)
    self->channel = mp_tls_channel_new (g_steal_pointer (&self->connection), self->base);
  else
    discard_connection (self);
  mp_fd_stream_set_on_wait (self->base, NULL, NULL);
  g_clear_object (&self->base);
  conclude (self);
}

static gboolean
on_certificate (GTlsConnection       *connection,
                GTlsCertificate      *peer,
                GTlsCertificateFlags  flaws,
                gpointer              data)
{
  MpTlsHandshake *self = data;

  g_clear_error (&self->error);
  return mp_tls_terms_accept (self->terms, peer, &self->error);
}

/* Between two machines; within one, it is next to nothing. */
static gint64
get_round_trip (int fd)
{
  struct tcp_info info = { 0 };
  socklen_t size = sizeof info;

  return getsockopt (fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_rtt : 0;
}

static void
on_wait (gpointer turn,
         gboolean waits)
{
  mp_tls_turn_set_waiting (turn, waits);
}

static void
begin_turn (gpointer data)
{
  MpTlsHandshake *self = data;

  self->base = mp_fd_stream_new (self->fd, self->hello, self->n_hello);
  self->turn.round_trip = get_round_trip (self->fd);
  mp_fd_stream_set_on_wait (self->base, on_wait, &self->turn);
  self->connection = mp_tls_terms_begin (self->terms, self->base, &self->error);
  if (self->connection == NULL)
    {
      g_clear_object (&self->base);
      conclude (self);
      return;
    }

  g_signal_connect (self->connection, "accept-certificate", G_CALLBACK (on_certificate), self);
  g_tls_connection_handshake_async (self->connection, G_PRIORITY_DEFAULT, NULL, on_handshaken, self);
}

/* Whoever waits for the socket finds its end.  What came to it just now may not have been read yet. */
static gboolean
hurry_turn (gpointer data)
{
  MpTlsHandshake *self = data;
  char byte;

  if (recv (self->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
    return FALSE;

  self->was_hurried = TRUE;
  shutdown (self->fd, SHUT_RDWR);
  return TRUE;
}

/* --- The client's hello ------------------------------------------------------------ */

static gboolean
queue (MpTlsHandshake  *self,
       GError         **error)
{
  self->turn.lane = mp_tls_terms_get_role (self->terms) == MP_ROLE_SERVER ? MP_TLS_LANE_SERVER : MP_TLS_LANE_CLIENT;
  self->turn.begin = begin_turn;
  self->turn.hurry = hurry_turn;
  self->turn.data = self;
  self->is_queued = mp_tls_turn_queue (&self->turn, error);

  return self->is_queued;
}

/* A longer one goes on in the turn. */
static gsize
get_wanted (MpTlsHandshake *self)
{
  gsize length;

  if (self->n_hello < RECORD_HEADER)
    return RECORD_HEADER;

  length = (gsize) self->hello[3] << 8 | self->hello[4];
  return MIN (RECORD_HEADER + length, MP_TLS_MAX_HELLO);
}

static gboolean
is_tls (MpTlsHandshake *self)
{
  return self->hello[0] == RECORD_HANDSHAKE && (self->n_hello < 2 || self->hello[1] == RECORD_VERSION);
}

/* Returns: whether to read on at once */
static gboolean
read_hello (MpTlsHandshake *self)
{
  GError *error = NULL;
  gssize n = recv (self->fd, self->hello + self->n_hello, get_wanted (self) - self->n_hello, MSG_DONTWAIT);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return FALSE;

  if (n <= 0)
    {
      fail (self, g_error_new (MP_ERROR, MP_ERROR_REFUSED, "It went before it had said anything"));
      return FALSE;
    }

  self->n_hello += (gsize) n;
  self->heard = g_get_monotonic_time ();
  if (!is_tls (self))
    {
      fail (self, g_error_new (MP_ERROR, MP_ERROR_CORRUPTED, "It does not speak TLS, which is wanted here"));
      return FALSE;
    }

  if (self->n_hello < get_wanted (self))
    return TRUE;

  mp_pump_remove_fd_locked (self->pump, g_steal_pointer (&self->source));
  if (!queue (self, &error))
    fail (self, error);
  return FALSE;
}

static void
on_readable (guint32  events,
             gpointer data)
{
  while (read_hello (data))
    ;
}

/* --- Life -------------------------------------------------------------------------- */

static gboolean
begin (MpTlsHandshake  *self,
       GError         **error)
{
  self->timer = mp_pump_add_timer_locked (self->pump,
                                          self->start + (gint64) (MP_PREAMBLE_DEADLINE * G_USEC_PER_SEC),
                                          on_deadline, self);
  if (mp_tls_terms_get_role (self->terms) == MP_ROLE_CLIENT)
    return queue (self, error);

  self->source = mp_pump_add_fd_locked (self->pump, self->fd, EPOLLIN, on_readable, self, error);
  return self->source != NULL;
}

/*< private >
 * mp_tls_handshake_start_locked:
 * @pump: one that is open, whose lock is held
 * @fd: (transfer full): a connected stream socket
 * @terms: say whose side it is
 * @whence: where the other end is from; of the program's own connections anything
 *
 * Returns: (transfer full) (nullable): the handshake; %NULL if it is over already, and then nothing is called
 */
MpTlsHandshake *
mp_tls_handshake_start_locked (MpPump              *pump,
                               int                  fd,
                               MpTlsTerms          *terms,
                               const MpWhence      *whence,
                               MpTlsHandshakeDone   done,
                               gpointer             data,
                               GError             **error)
{
  MpTlsHandshake *self = g_new0 (MpTlsHandshake, 1);

  self->pump = mp_pump_ref (pump);
  self->terms = mp_tls_terms_ref (terms);
  self->fd = fd;
  self->turn.whence = *whence;
  self->start = g_get_monotonic_time ();
  self->done = done;
  self->data = data;
  if (begin (self, error))
    return self;

  mp_tls_handshake_free_locked (self);
  return NULL;
}

/*< private >
 * mp_tls_handshake_free_locked:
 *
 * Closes the socket without a word, unless it was stolen.  One that has its turn comes to an end by itself.
 */
void
mp_tls_handshake_free_locked (MpTlsHandshake *self)
{
  stop_watching (self);
  if (self->is_queued && mp_pump_get_origin (self->pump) != mp_origin_get ())
    {
      /* In a forked process nobody ends it, and it stays */
      mp_fd_close (&self->fd);
      return;
    }

  if (!self->is_queued || self->is_over || mp_tls_turn_cancel (&self->turn))
    {
      destroy (self);
      return;
    }

  self->is_forgotten = TRUE;
  shutdown (self->fd, SHUT_RDWR);
}

/* Who waits for his turn is not to blame, and the deadline is his; who has one is given the time for it besides. */
static MpGreetingStanding
look_at_turn (MpTlsHandshake *self,
              gint64         *since)
{
  gint64 begun = mp_tls_turn_get_begun (&self->turn);

  *since = begun > 0 ? begun + MP_TLS_GRACE : self->start + (gint64) (MP_PREAMBLE_DEADLINE * G_USEC_PER_SEC);
  return MP_GREETING_WAITS;
}

/*< private >
 * mp_tls_handshake_look:
 *
 * As mp_greeting_look() says it of what comes after.
 */
MpGreetingStanding
mp_tls_handshake_look (MpTlsHandshake *self,
                       gint64         *since)
{
  guint8 byte;
  gssize n;

  if (self->is_queued)
    return look_at_turn (self, since);

  *since = self->heard > 0 ? self->heard : self->start;
  n = recv (self->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n > 0)
    return MP_GREETING_UNREAD;

  if (n == 0 || errno != EAGAIN)
    return MP_GREETING_REFUSED;

  return self->heard > 0 ? MP_GREETING_WAITS : MP_GREETING_SILENT;
}

gint64
mp_tls_handshake_get_silence (MpTlsHandshake *self)
{
  g_assert (self->is_over);
  return MAX (self->turn.silence - self->turn.round_trip, 0);
}

int
mp_tls_handshake_steal_fd (MpTlsHandshake *self)
{
  int fd = self->fd;

  g_assert (self->is_over);
  self->fd = -1;
  return fd;
}

/*< private >
 * mp_tls_handshake_leave:
 *
 * In a forked child: lets go of the socket, which is the parent's.
 */
void
mp_tls_handshake_leave (MpTlsHandshake *self)
{
  mp_fd_close (&self->fd);
}
