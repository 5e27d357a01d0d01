/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-opening-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "mp-address-private.h"
#include "mp-clock-private.h"
#include "mp-dial-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-greeting-private.h"
#include "mp-inet-private.h"
#include "mp-knock-private.h"
#include "mp-pump-private.h"
#include "mp-tls-handshake-private.h"
#include "mp-waiters-private.h"

struct _MpOpening
{
  MpPump *pump;
  char *address;        /* as the caller wrote it */
  MpAddress *place;     /* what it means, wherever the program goes; NULL: nothing */
  gboolean has_key;
  gboolean is_given;    /* and is not the program's own */
  MpAuthKey *key;       /* which no language knows */
  MpWireFlags wire;
  MpTlsTerms *terms;    /* NULL: plain, for all that is known yet */
  MpTlsTerms *usual_terms; /* for another machine; nullable */
  gboolean has_turned_to_tls; /* with these */
  gint64 start;         /* monotonic time of the connection */
  MpBinding binding;    /* of the socket */
  MpDial *dial;         /* while it goes on */
  MpKnock *knock;       /* likewise */
  MpTlsHandshake *tls_handshake; /* likewise */
  MpGreeting *greeting; /* likewise */
  guint n_tries;        /* that ended unheard */
  MpWaiters *waiters;
  gboolean was_answered; /* by who did not agree, after all */
  MpArrival *arrival;
  GError *error;
};

static void
stop_locked (MpOpening *self)
{
  g_clear_pointer (&self->dial, mp_dial_free_locked);
  g_clear_pointer (&self->knock, mp_knock_free_locked);
  g_clear_pointer (&self->tls_handshake, mp_tls_handshake_free_locked);
  g_clear_pointer (&self->greeting, mp_greeting_free_locked);
}

void
mp_opening_free (MpOpening *self)
{
  mp_pump_lock (self->pump);
  mp_waiters_free_locked (self->waiters);
  stop_locked (self);
  mp_pump_unlock (self->pump);
  g_object_unref (self->key);
  g_clear_pointer (&self->terms, mp_tls_terms_unref);
  g_clear_pointer (&self->usual_terms, mp_tls_terms_unref);
  g_clear_pointer (&self->arrival, mp_arrival_free);
  g_clear_error (&self->error);
  mp_pump_unref (self->pump);
  g_clear_pointer (&self->place, mp_address_free);
  g_free (self->address);
  g_free (self);
}

/*< private >
 * mp_opening_new:
 *
 * Nothing is done before mp_opening_begin().
 */
MpOpening *
mp_opening_new (const char    *address,
                MpAuthKey     *key,
                MpWireFlags    wire,
                MpTlsSettings *tls)
{
  MpOpening *self = g_new0 (MpOpening, 1);

  self->pump = mp_pump_ref (mp_pump_get_shared ());
  self->address = g_strdup (address);
  self->key = mp_arrival_choose_key (key, address, wire, tls, &self->has_key);
  self->is_given = key != NULL;
  self->wire = wire;
  mp_pump_lock (self->pump);
  self->waiters = mp_waiters_new (self->pump);
  mp_pump_unlock (self->pump);

  return self;
}

static gboolean
is_python (MpOpening *self)
{
  return (self->wire & MP_WIRE_PYTHON) != 0;
}

/* --- The socket -------------------------------------------------------------------- */

static void
explain_connect (int      failed,
                 GError **error)
{
  switch (failed)
    {
    case ENOENT:
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   "nobody listens there, where there is no file; start the program that listens, or correct the "
                   "address");
      break;

    case EAGAIN:
      g_set_error (error, MP_ERROR, MP_ERROR_FULL,
                   "too many wait there to be let in, since the program that listens is stopped or too busy; "
                   "try again later");
      break;

    case EPROTOTYPE:
      g_set_error (error, MP_ERROR, MP_ERROR_REFUSED,
                   "what listens there is no program of mpglib, or has another wire");
      break;

    default:
      mp_inet_explain_connect (failed, error);
      break;
    }
}

/* Never waits.  Returns -1 with errno if it is not connected. */
static int
connect_to (MpAddress *address,
            int        type)
{
  struct sockaddr_storage native;
  socklen_t size;
  int failed, low_fd, fd = socket (AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd >= 0 && fd <= 2)
    {
      low_fd = fd;
      fd = mp_fd_duplicate (low_fd, NULL);
      mp_fd_close (&low_fd);
    }

  mp_address_to_native (address, &native, &size);
  if (fd >= 0 && connect (fd, (struct sockaddr *) &native, size) == 0)
    return fd;

  failed = errno;
  mp_fd_close (&fd);
  errno = failed;
  return -1;
}

/* Before anything is said: without a key, or where everybody can take the name, it must be the same
 * user who listens.
 */
static gboolean
check_listener (MpOpening *self,
                uid_t      server,
                GError   **error)
{
  gboolean is_abstract = self->place->kind == MP_ADDRESS_ABSTRACT;

  if (is_abstract && !self->has_key)
    g_set_error (error, MP_ERROR, MP_ERROR_REFUSED,
                 "an abstract name can be taken by other users, so both ends need a key");
  else if ((is_abstract || !self->has_key) && server != geteuid ())
    g_set_error (error, MP_ERROR, MP_ERROR_REFUSED, "user %u listens there, and this is a process of user %u%s",
                 (guint) server, (guint) geteuid (), !self->has_key ? "; to others one connects with a key" : "");
  else
    return TRUE;

  return FALSE;
}

/* --- The greeting ------------------------------------------------------------------ */

/* Something has come about that ends it, or one that waits for it. */
static void
end_locked (MpOpening *self)
{
  mp_waiters_check_locked (self->waiters);
  mp_pump_changed_locked (self->pump);
}

static gboolean try_again_locked (MpOpening *self);

static void
on_greeted (MpGreeting   *greeting,
            const GError *error,
            gpointer      data)
{
  MpOpening *self = data;
  MpTransportForm form = mp_greeting_get_form (greeting);
  MpSession session;

  if (error != NULL && mp_greeting_was_left (greeting) && try_again_locked (self))
    {
      mp_greeting_free_locked (greeting);
      return;
    }

  if (error != NULL)
    {
      self->error = g_error_copy (error);
      self->was_answered = mp_greeting_has_begun (greeting) && !mp_greeting_was_left (greeting);
    }
  else
    {
      session = mp_greeting_get_session (greeting);
      if (mp_arrival_check_session (&session, form, &self->error))
        self->arrival = mp_arrival_new (mp_greeting_steal_io (greeting), form, &session);
    }

  if (self->arrival != NULL)
    self->arrival->is_in_sight = !self->binding.is_private && self->arrival->io.tls == NULL;
  self->greeting = NULL;
  mp_greeting_free_locked (greeting);
  end_locked (self);
}

/* Takes the socket. */
static gboolean
greet_locked (MpOpening      *self,
              MpStreamIo      io,
              MpTransportForm form,
              GError        **error)
{
  MpDialogue dialogue = { NULL, NULL };

  if (io.tls != NULL && !mp_arrival_bind_tls (&self->binding, io, self->terms, error))
    ;
  else if (form == MP_TRANSPORT_PYTHON)
    dialogue.python = mp_arrival_begin_python (MP_ROLE_CLIENT, self->key, &self->binding, error);
  else
    dialogue.handshake = mp_arrival_begin_handshake (MP_ROLE_CLIENT, self->key, &self->binding, error);
  if (dialogue.handshake == NULL && dialogue.python == NULL)
    {
      g_clear_pointer (&io.tls, mp_tls_channel_free);
      mp_fd_close (&io.fd);
      return FALSE;
    }

  self->greeting = mp_greeting_start_locked (self->pump, io, form, dialogue, self->start, on_greeted, self, error);
  return self->greeting != NULL;
}

static void
on_tls_agreed (MpTlsHandshake *handshake,
               MpTlsChannel   *channel,
               const GError   *error,
               gpointer        data)
{
  MpOpening *self = data;
  MpStreamIo io = { -1, channel };

  if (error != NULL)
    self->error = g_error_copy (error);
  else
    io.fd = mp_tls_handshake_steal_fd (handshake);
  g_clear_pointer (&self->tls_handshake, mp_tls_handshake_free_locked);
  if (self->error != NULL || !greet_locked (self, io, MP_TRANSPORT_STREAM, &self->error))
    end_locked (self);
}

/* Takes the socket. */
static gboolean
talk_locked (MpOpening      *self,
             int             fd,
             MpTransportForm form,
             GError        **error)
{
  self->start = g_get_monotonic_time ();
  if (self->terms == NULL)
    return greet_locked (self, (MpStreamIo) { fd, NULL }, form, error);

  self->tls_handshake = mp_tls_handshake_start_locked (self->pump, fd, self->terms, &(MpWhence) { 0 }, on_tls_agreed,
                                                       self, error);
  return self->tls_handshake != NULL;
}

static MpTransportForm
get_unix_form (MpOpening *self)
{
  return is_python (self) ? MP_TRANSPORT_PYTHON :
         self->terms != NULL ? MP_TRANSPORT_STREAM : MP_TRANSPORT_PACKETS;
}

/* Takes the socket, which is connected. */
static gboolean
meet_locked (MpOpening *self,
             int        fd,
             GError   **error)
{
  uid_t server = mp_arrival_get_peer_uid (fd);

  if (check_listener (self, server, error) &&
      mp_binding_init_unix (&self->binding, server, geteuid (), error))
    return talk_locked (self, fd, get_unix_form (self), error);

  mp_fd_close (&fd);
  return FALSE;
}

static void
on_let_in (int      fd,
           int      failed,
           gpointer data)
{
  MpOpening *self = data;

  self->knock = NULL;
  if (fd < 0)
    explain_connect (failed, &self->error);
  else
    meet_locked (self, fd, &self->error);
  if (self->error != NULL)
    end_locked (self);
}

static int
get_unix_type (MpOpening *self)
{
  return get_unix_form (self) == MP_TRANSPORT_PACKETS ? SOCK_SEQPACKET : SOCK_STREAM;
}

static gboolean
knock_locked (MpOpening *self)
{
  self->knock = mp_knock_start_locked (self->pump, self->place, get_unix_type (self), on_let_in, self);
  return self->knock != NULL;
}

/* The kernel looks for the file, in whatever file system that is, so nobody waits for the pump meanwhile. */
static gboolean
begin_unix (MpOpening *self,
            GError   **error)
{
  int fd = connect_to (self->place, get_unix_type (self));
  int failed = errno;
  gboolean goes_on = FALSE;

  if (fd < 0 && failed == EAGAIN && !mp_pump_open (self->pump, error))
    return FALSE;

  mp_pump_lock (self->pump);
  if (fd >= 0)
    goes_on = meet_locked (self, fd, error);
  else if (failed == EAGAIN)
    goes_on = knock_locked (self);
  mp_pump_unlock (self->pump);

  if (fd < 0 && !goes_on)
    explain_connect (failed, error);
  return goes_on;
}

static gboolean
may_turn_to_tls (MpOpening *self)
{
  return self->terms == NULL && (self->wire & (MP_WIRE_INSECURE | MP_WIRE_PYTHON)) == 0;
}

/* By itself where other machines are, as the listener finds, too. */
static void
choose_tls (MpOpening *self,
            int        fd,
            GError   **error)
{
  struct sockaddr_storage server;
  socklen_t size = sizeof server;

  if (!may_turn_to_tls (self) || (getpeername (fd, (struct sockaddr *) &server, &size) == 0 &&
                                  mp_inet_is_loopback ((struct sockaddr *) &server)))
    return;

  self->has_turned_to_tls = TRUE;
  self->terms = self->usual_terms != NULL ? g_steal_pointer (&self->usual_terms)
                                          : mp_tls_terms_new (NULL, MP_ROLE_CLIENT, NULL, error);
}

static void
on_dialled (MpDial       *dial,
            int           fd,
            const GError *error,
            gpointer      data)
{
  MpOpening *self = data;

  self->dial = NULL;
  if (fd < 0)
    {
      self->error = g_error_copy (error);
    }
  else
    {
      mp_inet_tune (fd);
      choose_tls (self, fd, &self->error);
      if (self->error != NULL || !mp_arrival_bind_tcp (&self->binding, fd, MP_ROLE_CLIENT, &self->error))
        mp_fd_close (&fd);
      else
        talk_locked (self, fd, is_python (self) ? MP_TRANSPORT_PYTHON : MP_TRANSPORT_STREAM, &self->error);
    }

  mp_dial_free_locked (dial);
  if (self->error != NULL)
    end_locked (self);
}

static void
dial_locked (MpOpening *self)
{
  self->dial = mp_dial_start_locked (self->pump, self->place, !is_python (self), on_dialled, self);
}

static gboolean
is_surely_here (MpAddress *address)
{
  struct sockaddr_storage native;
  socklen_t size;

  return strcmp (address->name, "localhost") == 0 ||
         (mp_inet_read_number (address->name, address->port, &native, &size) &&
          mp_inet_is_loopback ((struct sockaddr *) &native));
}

static gboolean
begin_tcp (MpOpening *self,
           GError   **error)
{
  if (self->place->port == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "The address '%s' has no port to connect to; ask the listener for its address", self->address);
      return FALSE;
    }

  if (!mp_pump_open (self->pump, error))
    return FALSE;

  /* GIO looks for its modules on the disk, which nobody should wait for who waits for the pump; if there are none,
   * that is an error where they are needed
   */
  if (may_turn_to_tls (self) && !is_surely_here (self->place))
    self->usual_terms = mp_tls_terms_new (NULL, MP_ROLE_CLIENT, NULL, NULL);

  mp_pump_lock (self->pump);
  dial_locked (self);
  mp_pump_unlock (self->pump);

  return TRUE;
}

static const char *
get_host (MpOpening *self)
{
  return self->place->kind == MP_ADDRESS_TCP ? self->place->name : NULL;
}

/*< private >
 * mp_opening_begin:
 * @tls: (nullable): that of mp_opening_new()
 *
 * Returns: whether it goes on; else it has failed
 */
gboolean
mp_opening_begin (MpOpening     *self,
                  MpTlsSettings *tls,
                  GError       **error)
{
  self->place = mp_address_parse (self->address, error);
  if (self->place == NULL || !mp_arrival_check_wire (self->wire, tls != NULL, error))
    return FALSE;

  /* It may be looked for later, and in a thread. */
  mp_address_make_absolute (self->place);

  if (tls != NULL || (self->wire & MP_WIRE_TLS) != 0)
    {
      self->terms = mp_tls_terms_new (tls, MP_ROLE_CLIENT, get_host (self), error);
      if (self->terms == NULL || !mp_pump_open (self->pump, error))
        return FALSE;
    }

  return self->place->kind == MP_ADDRESS_TCP ? begin_tcp (self, error) : begin_unix (self, error);
}

/* FALSE: it ends with the error that it had.  Whoever serves the pump must not wait, so that a thread knocks. */
static gboolean
try_again_locked (MpOpening *self)
{
  if (is_python (self) || !mp_address_is_absolute (self->place) || ++self->n_tries == MP_OPENING_MAX_TRIES)
    return FALSE;

  self->greeting = NULL;
  if (self->place->kind != MP_ADDRESS_TCP)
    return knock_locked (self);

  /* The name may be that of this machine, too. */
  if (self->has_turned_to_tls)
    self->usual_terms = g_steal_pointer (&self->terms);
  dial_locked (self);
  return TRUE;
}

/* --- The end ----------------------------------------------------------------------- */

static gboolean
is_over (gpointer data)
{
  MpOpening *self = data;

  return self->arrival != NULL || self->error != NULL;
}

static gboolean
has_ended (gpointer   data,
           GError   **error)
{
  MpOpening *self = data;

  if (self->error != NULL)
    g_propagate_error (error, g_error_copy (self->error));

  return is_over (self);
}

/*< private >
 * mp_opening_wait:
 *
 * Returns: whether there is an arrival; without one this has failed, or the wait has
 */
gboolean
mp_opening_wait (MpOpening    *self,
                 gdouble       timeout,
                 GCancellable *cancellable,
                 GError      **error)
{
  gboolean is_done;

  mp_pump_lock (self->pump);
  is_done = mp_pump_wait_locked (self->pump, is_over, self, mp_deadline_from_timeout (timeout), cancellable, error);
  mp_pump_unlock (self->pump);

  return is_done && has_ended (self, error) && self->error == NULL;
}

/*< private >
 * mp_opening_tell:
 * @task: (transfer full): which has this as its data
 *
 * Completes the task with a boolean when this is over.
 */
void
mp_opening_tell (MpOpening *self,
                 GTask     *task,
                 gdouble    timeout)
{
  g_autoptr (MpPump) pump = mp_pump_ref (self->pump); /* without the lock the task may be gone, and this with it */

  mp_pump_lock (pump);
  mp_waiters_add_locked (self->waiters, task, mp_deadline_from_timeout (timeout), has_ended, self);
  mp_pump_unlock (pump);
}

/*< private >
 * mp_opening_steal_arrival:
 *
 * Returns: (transfer full): of one that did not fail
 */
MpArrival *
mp_opening_steal_arrival (MpOpening *self)
{
  return g_steal_pointer (&self->arrival);
}

/*< private >
 * mp_opening_fail:
 * @error: (inout): of this or of a wait for it
 *
 * Ends what goes on still, since a wait's time may be over, and who holds its result would get in.  Completes the
 * error: it says where that was, and of a refusal what the caller may have forgotten.
 */
void
mp_opening_fail (MpOpening *self,
                 GError   **error)
{
  mp_pump_lock (self->pump);
  stop_locked (self);
  mp_pump_unlock (self->pump);

  if (error == NULL || *error == NULL || g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
      g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT))
    return;

  if (!self->is_given && self->was_answered && g_error_matches (*error, MP_ERROR, MP_ERROR_AUTHENTICATION))
    {
      g_clear_error (error);
      g_set_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION,
                   self->has_key ? "No key was given, and the listener has another one than this program has by "
                                   "itself; give the key that it has"
                                 : "The listener wants a key, or sees another user than this end does; give the key "
                                   "that it has");
    }
  g_prefix_error (error, "Cannot connect to %s: ", self->address);
}
