/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-reception-base-private.h"

#include <netinet/in.h>
#include <string.h>

#include "mp-discard-private.h"
#include "mp-error.h"
#include "mp-greeting-private.h"
#include "mp-inet-private.h"
#include "mp-log-private.h"
#include "mp-tls-handshake-private.h"
#include "mp-tls-turns-private.h"

typedef struct
{
  MpStranger base;
  MpReception *reception;
  MpTlsHandshake *tls_handshake; /* before the greeting, where there is one; else NULL */
  MpGreeting *greeting;
  MpBinding binding;             /* of the socket */
  gint64 start;                  /* monotonic time */
  gint64 silence;                /* in the handshake of TLS */
  char *name; /* for the log */
  char *peer;
} Stranger;

static MpGreetingStanding
look_at_stranger (MpStranger *stranger,
                  gint64     *since)
{
  Stranger *self = (Stranger *) stranger;

  return self->tls_handshake != NULL ? mp_tls_handshake_look (self->tls_handshake, since)
                                     : mp_greeting_look (self->greeting, since);
}

static void
stranger_free (Stranger *self)
{
  mp_strangers_remove (&self->reception->strangers, &self->base);
  g_clear_pointer (&self->tls_handshake, mp_tls_handshake_free_locked);
  g_clear_pointer (&self->greeting, mp_greeting_free_locked);
  g_free (self->name);
  g_free (self->peer);
  g_free (self);
}

static void
leave_stranger (gpointer data,
                gpointer unused)
{
  Stranger *stranger = data;

  if (stranger->tls_handshake != NULL)
    mp_tls_handshake_leave (stranger->tls_handshake);
  if (stranger->greeting != NULL)
    mp_greeting_leave (stranger->greeting);
}

void
mp_reception_init_strangers (MpReception *self)
{
  mp_strangers_init (&self->strangers, look_at_stranger);
}

/* In a process that was forked from its own. */
void
mp_reception_leave_strangers (MpReception *self)
{
  mp_strangers_foreach (&self->strangers, leave_stranger);
}

void
mp_reception_clear_strangers_locked (MpReception *self)
{
  MpStranger *stranger;

  while ((stranger = mp_strangers_peek (&self->strangers)) != NULL)
    stranger_free ((Stranger *) stranger);
}

/* Who waits in a call comes first, then the signal. */
static void
welcome (MpReception *self,
         MpArrival   *arrival)
{
  g_queue_push_tail (&self->ready, arrival);
  mp_waiters_check_locked (self->waiters);
  if (!g_queue_is_empty (&self->ready))
    self->tell (self->data);
}

static void
refuse (MpReception  *self,
        const char   *name,
        const GError *error)
{
  mp_log_info ("A listener has refused %s: %s", name, error->message);
  mp_refusals_add (&self->refusals, name, error);
  if (self->refusals.are_wanted)
    self->tell (self->data);
}

static void
on_greeted (MpGreeting   *greeting,
            const GError *error,
            gpointer      data)
{
  Stranger *stranger = data;
  MpReception *self = stranger->reception;
  g_autoptr (GError) failure = error != NULL ? g_error_copy (error) : NULL;
  MpTransportForm form = mp_greeting_get_form (greeting);
  MpArrival *arrival = NULL;
  MpSession session;

  if (failure == NULL)
    session = mp_greeting_get_session (greeting);
  if (failure == NULL && mp_arrival_check_session (&session, form, &failure))
    {
      arrival = mp_arrival_new (mp_greeting_steal_io (greeting), form, &session);
      arrival->peer = g_steal_pointer (&stranger->peer);
      arrival->is_in_sight = !stranger->binding.is_private && arrival->io.tls == NULL;
      mp_strangers_learn (&self->strangers, g_get_monotonic_time () - mp_greeting_get_start (greeting));
      if (arrival->io.tls != NULL)
        mp_tls_turns_learn (stranger->silence);
    }
  else
    {
      refuse (self, stranger->name, failure);
    }

  stranger_free (stranger);
  if (arrival != NULL)
    welcome (self, arrival);
  mp_reception_look_for_room_locked (self);
}

static char *
describe_peer (const struct sockaddr_storage *native,
               socklen_t                      size)
{
  MpAddress *address = mp_address_new_from_native ((const struct sockaddr *) native, size, NULL);
  char *text = address != NULL ? mp_address_to_string (address) : NULL;

  g_clear_pointer (&address, mp_address_free);
  return text;
}

/* Networks as providers give them to one customer: /24 and /56. */
static MpWhence
get_whence (MpReception                   *self,
            int                            fd,
            const struct sockaddr_storage *native)
{
  MpWhence whence = { .family = native->ss_family };
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  uid_t uid;

  switch (self->place.address->kind == MP_ADDRESS_TCP ? native->ss_family : AF_UNIX)
    {
    case AF_INET:
      memcpy (&v4, native, sizeof v4);
      memcpy (whence.bytes, &v4.sin_addr, 3);
      whence.is_near = mp_inet_is_loopback ((const struct sockaddr *) native);
      break;

    case AF_INET6:
      memcpy (&v6, native, sizeof v6);
      if (IN6_IS_ADDR_V4MAPPED (&v6.sin6_addr))
        memcpy (whence.bytes, v6.sin6_addr.s6_addr + 12, 3);
      else
        memcpy (whence.bytes, &v6.sin6_addr, 7);
      whence.is_near = mp_inet_is_loopback ((const struct sockaddr *) native);
      break;

    default:
      uid = mp_arrival_get_peer_uid (fd);
      whence.family = AF_UNIX;
      memcpy (whence.bytes, &uid, sizeof uid);
      whence.is_near = uid == self->uid;
      break;
    }

  return whence;
}

static gboolean
bind_channel (MpReception  *self,
              int           fd,
              MpBinding    *binding,
              GError      **error)
{
  if (self->place.address->kind == MP_ADDRESS_TCP)
    return mp_arrival_bind_tcp (binding, fd, MP_ROLE_SERVER, error);

  return mp_binding_init_unix (binding, self->uid, mp_arrival_get_peer_uid (fd), error);
}

static MpTransportForm
get_form (MpReception *self)
{
  if ((self->wire & MP_WIRE_PYTHON) != 0)
    return MP_TRANSPORT_PYTHON;

  return self->place.address->kind == MP_ADDRESS_TCP || self->has_tls ? MP_TRANSPORT_STREAM : MP_TRANSPORT_PACKETS;
}

/* Takes the socket. */
static gboolean
greet (MpReception  *self,
       Stranger     *stranger,
       MpStreamIo    io,
       GError      **error)
{
  MpTransportForm form = get_form (self);
  MpDialogue dialogue = { NULL, NULL };

  if (io.tls != NULL && !mp_arrival_bind_tls (&stranger->binding, io, self->terms, error))
    ;
  else if (form == MP_TRANSPORT_PYTHON)
    dialogue.python = mp_arrival_begin_python (MP_ROLE_SERVER, self->key, &stranger->binding, error);
  else
    dialogue.handshake = mp_arrival_begin_handshake (MP_ROLE_SERVER, self->key, &stranger->binding, error);
  if (dialogue.handshake == NULL && dialogue.python == NULL)
    {
      g_clear_pointer (&io.tls, mp_tls_channel_free);
      mp_discard_socket (&io.fd);
      return FALSE;
    }

  stranger->greeting = mp_greeting_start_locked (self->pump, io, form, dialogue, stranger->start, on_greeted, stranger,
                                                 error);
  return stranger->greeting != NULL;
}

static void
turn_away (Stranger     *stranger,
           const GError *error)
{
  refuse (stranger->reception, stranger->name, error);
  stranger_free (stranger);
}

static void
on_tls_agreed (MpTlsHandshake *handshake,
               MpTlsChannel   *channel,
               const GError   *error,
               gpointer        data)
{
  Stranger *stranger = data;
  MpReception *self = stranger->reception;
  g_autoptr (GError) failure = error != NULL ? g_error_copy (error) : NULL;
  MpStreamIo io = { -1, channel };

  if (failure == NULL)
    {
      io.fd = mp_tls_handshake_steal_fd (handshake);
      stranger->silence = mp_tls_handshake_get_silence (handshake);
    }
  g_clear_pointer (&stranger->tls_handshake, mp_tls_handshake_free_locked);
  if (failure != NULL || !greet (self, stranger, io, &failure))
    turn_away (stranger, failure);
  mp_reception_look_for_room_locked (self);
}

/* Both ends find the same, for one connects to what the other one listens at. */
static gboolean
wants_tls (MpReception *self,
           int          fd)
{
  struct sockaddr_storage own;
  socklen_t size = sizeof own;

  if (self->has_tls || self->terms == NULL)
    return self->has_tls;

  return getsockname (fd, (struct sockaddr *) &own, &size) != 0 || !mp_inet_is_loopback ((struct sockaddr *) &own);
}

/* Takes the socket. */
static gboolean
talk (MpReception  *self,
      Stranger     *stranger,
      int           fd,
      GError      **error)
{
  if (!bind_channel (self, fd, &stranger->binding, error))
    {
      mp_discard_socket (&fd);
      return FALSE;
    }

  if (!wants_tls (self, fd))
    return greet (self, stranger, (MpStreamIo) { fd, NULL }, error);

  stranger->tls_handshake = mp_tls_handshake_start_locked (self->pump, fd, self->terms, &stranger->base.group->whence,
                                                           on_tls_agreed, stranger, error);
  return stranger->tls_handshake != NULL;
}

static char *
name_stranger (MpReception *self,
               int          fd,
               const char  *peer)
{
  if (self->place.address->kind == MP_ADDRESS_TCP)
    return g_strdup_printf ("a program at %s", peer != NULL ? peer : "an address that cannot be written");

  return g_strdup_printf ("a process of user %u", (guint) mp_arrival_get_peer_uid (fd));
}

/* For another one who would be kept waiting. */
static void
drop (Stranger *stranger)
{
  g_autoptr (GError) error =
    g_error_new_literal (MP_ERROR, MP_ERROR_FULL, "It had not proved to have the key when others came");
  const GError *reason = stranger->greeting != NULL ? mp_greeting_say_refusal (stranger->greeting) : NULL;

  refuse (stranger->reception, stranger->name, reason != NULL ? reason : error);
  stranger_free (stranger);
}

void
mp_reception_let_in_locked (MpReception                   *self,
                            int                            fd,
                            const struct sockaddr_storage *native,
                            socklen_t                      size)
{
  MpWhence whence = get_whence (self, fd, native);
  g_autofree char *peer = describe_peer (native, size);
  g_autofree char *name = name_stranger (self, fd, peer);
  g_autoptr (GError) error = NULL;
  Stranger *stranger, *loser;

  if (self->is_private && !whence.is_near)
    {
      g_set_error (&error, MP_ERROR, MP_ERROR_REFUSED, "The listener is for those of user %u alone", (guint) self->uid);
      refuse (self, name, error);
      mp_discard_socket (&fd);
      return;
    }

  if (self->place.address->kind == MP_ADDRESS_TCP)
    mp_inet_tune (fd);
  loser = (Stranger *) mp_strangers_find_loser (&self->strangers, &whence);
  if (loser != NULL)
    drop (loser);
  stranger = g_new0 (Stranger, 1);
  stranger->reception = self;
  stranger->name = g_steal_pointer (&name);
  stranger->peer = g_steal_pointer (&peer);
  stranger->start = g_get_monotonic_time ();
  mp_strangers_add (&self->strangers, &stranger->base, &whence);
  if (!talk (self, stranger, fd, &error))
    turn_away (stranger, error);
}

/* Takes the socket. */
void
mp_reception_refuse_for_want_locked (MpReception                   *self,
                                     int                            fd,
                                     const struct sockaddr_storage *native,
                                     socklen_t                      size)
{
  g_autofree char *peer = describe_peer (native, size);
  g_autofree char *name = name_stranger (self, fd, peer);
  g_autoptr (GError) error = g_error_new_literal (MP_ERROR, MP_ERROR_TOO_BIG,
                                                  "This process has no descriptor left for it");

  mp_discard_socket (&fd);
  refuse (self, name, error);
}
