/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "mp-address-private.h"
#include "mp-arrival-private.h"
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

/* A connection that is being opened: connect() is over at once on a unix socket, while TCP is dialled; and the
 * rest is the greeting.  The shared pump serves both, and guards all but the first eight.
 */
typedef struct
{
  MpPump *pump;
  char *address;        /* as the caller wrote it */
  gboolean has_key;
  gboolean is_given;    /* and is not the program's own */
  MpAuthKey *key;       /* which no language knows */
  MpWireFlags wire;
  MpTlsTerms *terms;    /* NULL: plain, for all that is known yet */
  MpTlsTerms *usual_terms; /* for another machine; nullable */
  gint64 start;         /* monotonic time of the connection */
  MpBinding binding;    /* of the socket */
  MpDial *dial;         /* while it goes on */
  MpKnock *knock;       /* likewise */
  MpTlsHandshake *tls_handshake; /* likewise */
  MpGreeting *greeting; /* likewise */
  MpWaiters *waiters;
  gboolean was_answered; /* by who did not agree, after all */
  MpArrival *arrival;
  GError *error;
} Opening;

static void
opening_free (gpointer data)
{
  Opening *self = data;

  mp_pump_lock (self->pump);
  mp_waiters_free_locked (self->waiters);
  g_clear_pointer (&self->dial, mp_dial_free_locked);
  g_clear_pointer (&self->knock, mp_knock_free_locked);
  g_clear_pointer (&self->tls_handshake, mp_tls_handshake_free_locked);
  g_clear_pointer (&self->greeting, mp_greeting_free_locked);
  mp_pump_unlock (self->pump);
  g_object_unref (self->key);
  g_clear_pointer (&self->terms, mp_tls_terms_unref);
  g_clear_pointer (&self->usual_terms, mp_tls_terms_unref);
  g_clear_pointer (&self->arrival, mp_arrival_free);
  g_clear_error (&self->error);
  mp_pump_unref (self->pump);
  g_free (self->address);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Opening, opening_free)

static Opening *
opening_new (const char     *address,
             MpAuthKey      *key,
             MpWireFlags     wire,
             MpTlsSettings  *tls)
{
  Opening *self = g_new0 (Opening, 1);

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
is_python (Opening *self)
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
check_listener (Opening    *self,
                MpAddress  *address,
                uid_t       server,
                GError    **error)
{
  if (address->kind == MP_ADDRESS_ABSTRACT && !self->has_key)
    g_set_error (error, MP_ERROR, MP_ERROR_REFUSED,
                 "an abstract name can be taken by other users, so both ends need a key");
  else if ((address->kind == MP_ADDRESS_ABSTRACT || !self->has_key) && server != geteuid ())
    g_set_error (error, MP_ERROR, MP_ERROR_REFUSED, "user %u listens there, and this is a process of user %u%s",
                 (guint) server, (guint) geteuid (), !self->has_key ? "; to others one connects with a key" : "");
  else
    return TRUE;

  return FALSE;
}

/* --- The greeting ------------------------------------------------------------------ */

/* Something has come about that ends it, or one that waits for it. */
static void
end_locked (Opening *self)
{
  mp_waiters_check_locked (self->waiters);
  mp_pump_changed_locked (self->pump);
}

static void
on_greeted (MpGreeting   *greeting,
            const GError *error,
            gpointer      data)
{
  Opening *self = data;
  MpTransportForm form = mp_greeting_get_form (greeting);
  MpSession session;

  if (error != NULL)
    {
      self->error = g_error_copy (error);
      self->was_answered = mp_greeting_has_begun (greeting);
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
greet_locked (Opening          *self,
              MpStreamIo        io,
              MpTransportForm   form,
              GError          **error)
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
  Opening *self = data;
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
talk_locked (Opening          *self,
             int               fd,
             MpTransportForm   form,
             GError          **error)
{
  self->start = g_get_monotonic_time ();
  if (self->terms == NULL)
    return greet_locked (self, (MpStreamIo) { fd, NULL }, form, error);

  self->tls_handshake = mp_tls_handshake_start_locked (self->pump, fd, self->terms, &(MpWhence) { 0 }, on_tls_agreed,
                                                       self, error);
  return self->tls_handshake != NULL;
}

static MpTransportForm
get_unix_form (Opening *self)
{
  return is_python (self) ? MP_TRANSPORT_PYTHON :
         self->terms != NULL ? MP_TRANSPORT_STREAM : MP_TRANSPORT_PACKETS;
}

/* Takes the socket, which is connected. */
static gboolean
meet_locked (Opening    *self,
             MpAddress  *address,
             int         fd,
             GError    **error)
{
  uid_t server = mp_arrival_get_peer_uid (fd);

  if (check_listener (self, address, server, error) &&
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
  Opening *self = data;
  g_autoptr (MpAddress) address = mp_address_parse (self->address, NULL);

  self->knock = NULL;
  if (fd < 0)
    explain_connect (failed, &self->error);
  else
    meet_locked (self, address, fd, &self->error);
  if (self->error != NULL)
    end_locked (self);
}

static gboolean
knock (Opening    *self,
       MpAddress  *address,
       int         type,
       GError    **error)
{
  gboolean goes_on;

  if (!mp_pump_open (self->pump, error))
    return FALSE;

  mp_pump_lock (self->pump);
  self->knock = mp_knock_start_locked (self->pump, address, type, on_let_in, self);
  goes_on = self->knock != NULL; /* without the lock it may be over already */
  mp_pump_unlock (self->pump);
  if (!goes_on)
    explain_connect (EAGAIN, error);
  return goes_on;
}

static gboolean
begin_unix (Opening    *self,
            MpAddress  *address,
            GError    **error)
{
  int type = get_unix_form (self) == MP_TRANSPORT_PACKETS ? SOCK_SEQPACKET : SOCK_STREAM;
  gboolean goes_on = FALSE;
  int fd = connect_to (address, type);

  if (fd < 0 && errno == EAGAIN)
    return knock (self, address, type, error);

  if (fd < 0)
    {
      explain_connect (errno, error);
      return FALSE;
    }

  mp_pump_lock (self->pump);
  goes_on = meet_locked (self, address, fd, error);
  mp_pump_unlock (self->pump);

  return goes_on;
}

static gboolean
may_turn_to_tls (Opening *self)
{
  return self->terms == NULL && (self->wire & (MP_WIRE_INSECURE | MP_WIRE_PYTHON)) == 0;
}

/* By itself where other machines are, as the listener finds, too. */
static void
choose_tls (Opening  *self,
            int       fd,
            GError  **error)
{
  struct sockaddr_storage server;
  socklen_t size = sizeof server;

  if (!may_turn_to_tls (self) || (getpeername (fd, (struct sockaddr *) &server, &size) == 0 &&
                                  mp_inet_is_loopback ((struct sockaddr *) &server)))
    return;

  self->terms = self->usual_terms != NULL ? g_steal_pointer (&self->usual_terms)
                                          : mp_tls_terms_new (NULL, MP_ROLE_CLIENT, NULL, error);
}

static void
on_dialled (MpDial       *dial,
            int           fd,
            const GError *error,
            gpointer      data)
{
  Opening *self = data;

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
begin_tcp (Opening    *self,
           MpAddress  *address,
           GError    **error)
{
  if (address->port == 0)
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
  if (may_turn_to_tls (self) && !is_surely_here (address))
    self->usual_terms = mp_tls_terms_new (NULL, MP_ROLE_CLIENT, NULL, NULL);

  mp_pump_lock (self->pump);
  self->dial = mp_dial_start_locked (self->pump, address, !is_python (self), on_dialled, self);
  mp_pump_unlock (self->pump);

  return TRUE;
}

static gboolean
begin (Opening        *self,
       MpTlsSettings  *tls,
       GError        **error)
{
  g_autoptr (MpAddress) address = mp_address_parse (self->address, error);

  if (address == NULL || !mp_arrival_check_wire (self->wire, tls != NULL, error))
    return FALSE;

  if (tls != NULL || (self->wire & MP_WIRE_TLS) != 0)
    {
      self->terms = mp_tls_terms_new (tls, MP_ROLE_CLIENT, address->kind == MP_ADDRESS_TCP ? address->name : NULL,
                                      error);
      if (self->terms == NULL || !mp_pump_open (self->pump, error))
        return FALSE;
    }

  return address->kind == MP_ADDRESS_TCP ? begin_tcp (self, address, error) : begin_unix (self, address, error);
}

/* --- The end ----------------------------------------------------------------------- */

static gboolean
is_over (gpointer data)
{
  Opening *self = data;

  return self->arrival != NULL || self->error != NULL;
}

static gboolean
has_ended (gpointer   data,
           GError   **error)
{
  Opening *self = data;

  if (self->error != NULL)
    g_propagate_error (error, g_error_copy (self->error));

  return is_over (self);
}

/* Errors say where, and of a refusal what the caller may have forgotten. */
static void
complete_error (Opening  *self,
                GError  **error)
{
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

static MpConnection *
open_and_wait (const char    *address,
               MpAuthKey     *key,
               MpWireFlags    wire,
               MpTlsSettings *tls,
               gdouble        timeout,
               GCancellable  *cancellable,
               GError       **error)
{
  g_autoptr (Opening) opening = opening_new (address, key, wire, tls);
  g_autoptr (GError) failure = NULL;
  gboolean ok = begin (opening, tls, &failure);

  if (ok)
    {
      mp_pump_lock (opening->pump);
      ok = mp_pump_wait_locked (opening->pump, is_over, opening, mp_deadline_from_timeout (timeout),
                                cancellable, &failure);
      mp_pump_unlock (opening->pump);
    }

  if (ok && opening->error == NULL)
    return mp_arrival_to_connection (g_steal_pointer (&opening->arrival), NULL);

  if (ok)
    failure = g_steal_pointer (&opening->error);
  complete_error (opening, &failure);
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

static void
open_and_tell (const char          *address,
               MpAuthKey           *key,
               MpWireFlags          wire,
               MpTlsSettings       *tls,
               gdouble              timeout,
               GCancellable        *cancellable,
               GAsyncReadyCallback  callback,
               gpointer             user_data,
               gpointer             tag)
{
  g_autoptr (MpPump) pump = NULL;
  Opening *opening;
  GError *error = NULL;
  GTask *task;

  g_return_if_fail (address != NULL);
  g_return_if_fail (key == NULL || MP_IS_AUTH_KEY (key));
  g_return_if_fail (tls == NULL || MP_IS_TLS_SETTINGS (tls));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  opening = opening_new (address, key, wire, tls);
  pump = mp_pump_ref (opening->pump);
  task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_source_tag (task, tag);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, opening, opening_free);
  if (!begin (opening, tls, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  /* The wait takes the task, which may end, and the opening with it, as soon as the lock is free */
  mp_pump_lock (pump);
  mp_waiters_add_locked (opening->waiters, task, mp_deadline_from_timeout (timeout), has_ended, opening);
  mp_pump_unlock (pump);
}

static MpConnection *
finish_open (GAsyncResult  *result,
             gpointer       tag,
             GError       **error)
{
  g_autoptr (GError) failure = NULL;
  Opening *opening;

  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, tag), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  opening = g_task_get_task_data (G_TASK (result));
  if (g_task_propagate_boolean (G_TASK (result), &failure))
    return mp_arrival_to_connection (g_steal_pointer (&opening->arrival), g_task_get_context (G_TASK (result)));

  complete_error (opening, &failure);
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

/**
 * mp_connection_open:
 * @address: where somebody listens, as [property@Mp.Listener:address] says
 * @key: (nullable): the key that the listener has; %NULL if it has none and is a process of the same user, or, over
 *   TCP, of the same program: see [ctor@Mp.AuthKey.new_own]
 * @timeout: seconds to wait; negative for as long as it can take, which is 5 seconds, and 5 more on a unix socket where
 *   too many wait to be let in, and for TCP until the name
 *   of the host was found, and up to 10 seconds more for each address that it has
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Connects to a [class@Mp.Listener] of another program. Both prove to each other that they
 * have the key, before anything else is said. Blocks the calling thread and iterates no
 * main context.
 *
 * Nobody needs to call [method@Mp.Listener.accept] for that: what is sent then can be received
 * when somebody does.
 *
 * Fails with
 *
 * - %G_IO_ERROR_INVALID_ARGUMENT: that is no address;
 * - %G_IO_ERROR_CONNECTION_REFUSED: nobody listens there; %G_IO_ERROR_NOT_FOUND: likewise, and a unix socket's file
 *   is not there either, yet or any more;
 * - %MP_ERROR_AUTHENTICATION: the listener has another key, or one where this end has none;
 * - %G_IO_ERROR_HOST_NOT_FOUND: the name of the host cannot be looked up; %G_IO_ERROR_HOST_UNREACHABLE and
 *   %G_IO_ERROR_NETWORK_UNREACHABLE: there is no way to it;
 * - %MP_ERROR_REFUSED: another user listens there, which only a key allows; the listener
 *   closed the connection without a word; or the two ends do not agree on TLS, which is there by
 *   itself where the listener is on another machine;
 * - %MP_ERROR_FULL: too many wait there to be let in, and have done so for 5 seconds;
 * - %MP_ERROR_TIMED_OUT: the listener did not answer in time: it is stopped, too busy, or none;
 * - %MP_ERROR_CORRUPTED, %MP_ERROR_NOT_SUPPORTED: what listens there is of another kind or version;
 * - %MP_ERROR_INTERRUPTED (see [func@Mp.thread_set_interruptible]), %G_IO_ERROR_CANCELLED, and others of
 *   [error@Gio.IOErrorEnum], as the kernel says, such as %G_IO_ERROR_PERMISSION_DENIED.
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_connection_open (const char    *address,
                    MpAuthKey     *key,
                    gdouble        timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  return mp_connection_open_with_wire (address, key, MP_WIRE_DEFAULT, timeout, cancellable, error);
}

/**
 * mp_connection_open_async:
 * @address: where somebody listens
 * @key: (nullable): the key that the listener has
 * @timeout: seconds to wait; negative for as long as it can take: see [func@Mp.Connection.open]
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [func@Mp.Connection.open].
 *
 * Since: 1.0
 */
void
mp_connection_open_async (const char          *address,
                          MpAuthKey           *key,
                          gdouble              timeout,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  open_and_tell (address, key, MP_WIRE_DEFAULT, NULL, timeout, cancellable, callback, user_data,
                 mp_connection_open_async);
}

/**
 * mp_connection_open_finish:
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [func@Mp.Connection.open_async].
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_connection_open_finish (GAsyncResult  *result,
                           GError       **error)
{
  return finish_open (result, mp_connection_open_async, error);
}

/**
 * mp_connection_open_with_wire:
 * @address: where somebody listens, as [property@Mp.Listener:address] says
 * @key: (nullable): the key that the listener has; %NULL if it has none and is a process of the same user
 * @wire: what is spoken with it: the same as the listener's [property@Mp.Listener:wire]
 * @timeout: seconds to wait, as in [func@Mp.Connection.open]
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Connects as [func@Mp.Connection.open] does, and fails as that does, to a listener with another wire.
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_connection_open_with_wire (const char    *address,
                              MpAuthKey     *key,
                              MpWireFlags    wire,
                              gdouble        timeout,
                              GCancellable  *cancellable,
                              GError       **error)
{
  return mp_connection_open_with_tls (address, key, wire, NULL, timeout, cancellable, error);
}

/**
 * mp_connection_open_with_wire_async:
 * @address: where somebody listens
 * @key: (nullable): the key that the listener has
 * @wire: what is spoken with it
 * @timeout: seconds to wait
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [func@Mp.Connection.open_with_wire].
 *
 * Since: 1.0
 */
void
mp_connection_open_with_wire_async (const char          *address,
                                    MpAuthKey           *key,
                                    MpWireFlags          wire,
                                    gdouble              timeout,
                                    GCancellable        *cancellable,
                                    GAsyncReadyCallback  callback,
                                    gpointer             user_data)
{
  open_and_tell (address, key, wire, NULL, timeout, cancellable, callback, user_data,
                 mp_connection_open_with_wire_async);
}

/**
 * mp_connection_open_with_wire_finish:
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [func@Mp.Connection.open_with_wire_async].
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_connection_open_with_wire_finish (GAsyncResult  *result,
                                     GError       **error)
{
  return finish_open (result, mp_connection_open_with_wire_async, error);
}

/**
 * mp_connection_open_with_tls:
 * @address: where somebody listens, as [property@Mp.Listener:address] says
 * @key: (nullable): the key that the listener has; %NULL if it has none, since both ends show certificates and trust
 *   the other one's, or is of the same program
 * @wire: what is spoken with it: the same as the listener's [property@Mp.Listener:wire]
 * @tls: (nullable): what this end shows, and takes; %NULL as [func@Mp.Connection.open_with_wire]
 * @timeout: seconds to wait, as in [func@Mp.Connection.open]
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Connects as [func@Mp.Connection.open] does, and if there are settings always with TLS. The listener has it, too, if
 * it is on another machine, or has settings of its own, or %MP_WIRE_TLS.
 *
 * Fails as that does, and with %MP_ERROR_AUTHENTICATION if the listener's certificate is not what is trusted,
 * %MP_ERROR_REFUSED if the two ends do not agree on TLS, as when the listener has none there, or refuses what this end
 * shows, or a certificate has no private key, and %MP_ERROR_NOT_SUPPORTED if GIO has no TLS, which is in the
 * package glib-networking.
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_connection_open_with_tls (const char     *address,
                             MpAuthKey      *key,
                             MpWireFlags     wire,
                             MpTlsSettings  *tls,
                             gdouble         timeout,
                             GCancellable   *cancellable,
                             GError        **error)
{
  g_return_val_if_fail (address != NULL, NULL);
  g_return_val_if_fail (key == NULL || MP_IS_AUTH_KEY (key), NULL);
  g_return_val_if_fail (tls == NULL || MP_IS_TLS_SETTINGS (tls), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return open_and_wait (address, key, wire, tls, timeout, cancellable, error);
}

/**
 * mp_connection_open_with_tls_async:
 * @address: where somebody listens
 * @key: (nullable): the key that the listener has
 * @wire: what is spoken with it
 * @tls: (nullable): what this end shows, and takes
 * @timeout: seconds to wait
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [func@Mp.Connection.open_with_tls].
 *
 * Since: 1.0
 */
void
mp_connection_open_with_tls_async (const char          *address,
                                   MpAuthKey           *key,
                                   MpWireFlags          wire,
                                   MpTlsSettings       *tls,
                                   gdouble              timeout,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data)
{
  open_and_tell (address, key, wire, tls, timeout, cancellable, callback, user_data,
                 mp_connection_open_with_tls_async);
}

/**
 * mp_connection_open_with_tls_finish:
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [func@Mp.Connection.open_with_tls_async].
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_connection_open_with_tls_finish (GAsyncResult  *result,
                                    GError       **error)
{
  return finish_open (result, mp_connection_open_with_tls_async, error);
}
