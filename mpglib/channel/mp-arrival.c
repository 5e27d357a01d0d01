/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-arrival-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "mp-connection-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-random-private.h"

/* With what those prove themselves to each other that have no key: everybody knows it, and
 * both look at who the other one is.
 */
#define NO_KEY "mpg1 no key"

/*< private >
 * mp_arrival_new:
 * @io: (transfer full): the socket
 */
MpArrival *
mp_arrival_new (MpStreamIo       io,
                MpTransportForm  form,
                const MpSession *session)
{
  MpArrival *self = g_new0 (MpArrival, 1);

  self->io = io;
  self->form = form;
  self->session = *session;

  return self;
}

static MpTransport *
take_transport (MpArrival *self)
{
  MpStreamIo io = self->io;

  self->io = (MpStreamIo) { -1, NULL };
  return mp_transport_new_of_form (self->form, io.fd, io.tls);
}

/*< private >
 * mp_arrival_free:
 *
 * The other end is told that nobody took it, as by any connection that is closed.
 */
void
mp_arrival_free (MpArrival *self)
{
  if (self->io.fd >= 0)
    {
      MpTransport *transport = take_transport (self);

      mp_transport_close (transport);
      mp_transport_free (transport);
    }
  g_free (self->peer);
  g_free (self);
}

/*< private >
 * mp_arrival_to_connection:
 * @self: (transfer full): an arrival
 * @context: (nullable): where the connection shall emit its signals; %NULL for the
 *   caller's thread-default one
 *
 * In a thread of the user's.
 */
MpConnection *
mp_arrival_to_connection (MpArrival    *self,
                          GMainContext *context)
{
  gboolean has_tls = self->io.tls != NULL;
  MpTransport *transport = take_transport (self);
  MpConnection *connection;

  mp_transport_set_max_body (transport, self->form == MP_TRANSPORT_PACKETS ? MP_ARRIVAL_MAX_FRAME
                                                                            : MP_ARRIVAL_MAX_STREAM_FRAME);
  if (self->form != MP_TRANSPORT_PYTHON)
    mp_transport_set_max_peer_body (transport, self->session.max_frame);
  if (has_tls)
    mp_transport_look_ahead (transport);
  connection = mp_connection_new_agreed (transport, context);
  connection->is_by_address = TRUE;
  connection->is_in_sight = self->is_in_sight;
  mp_arrival_free (self);

  return connection;
}

/*< private >
 * mp_arrival_get_peer_uid:
 *
 * Returns: the effective uid that the other end had when it listened or connected; -1 if
 *   the kernel does not say it
 */
uid_t
mp_arrival_get_peer_uid (int fd)
{
  struct ucred credentials;
  socklen_t size = sizeof credentials;

  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return (uid_t) -1;

  return credentials.uid;
}

/* Where nothing but a key tells who is there */
static gboolean
needs_key (const char  *address,
           MpWireFlags  wire)
{
  return (wire & MP_WIRE_PYTHON) != 0 || (address != NULL && g_str_has_prefix (address, "tcp:"));
}

/*< private >
 * mp_arrival_check_wire:
 * @has_settings: whether there are some of TLS
 *
 * Returns: whether it is one that there can be; else %MP_ERROR_REFUSED
 */
gboolean
mp_arrival_check_wire (MpWireFlags   wire,
                       gboolean      has_settings,
                       GError      **error)
{
  gboolean has_tls = has_settings || (wire & MP_WIRE_TLS) != 0;

  if (has_tls && (wire & MP_WIRE_INSECURE) != 0)
    g_set_error (error, MP_ERROR, MP_ERROR_REFUSED, "A wire with TLS is not INSECURE; choose one of them");
  else if (has_tls && (wire & MP_WIRE_PYTHON) != 0)
    g_set_error (error, MP_ERROR, MP_ERROR_REFUSED, "Python's protocol has no TLS; choose one of them");
  else
    return TRUE;

  return FALSE;
}

static gboolean
trusts_certificates (MpTlsSettings *tls)
{
  return tls != NULL && mp_tls_settings_get_certificate (tls) != NULL && mp_tls_settings_get_trusted (tls) != NULL;
}

/*< private >
 * mp_arrival_choose_key:
 * @key: (nullable): a key of the user's
 * @address: (nullable): what it is for
 * @tls: (nullable): where both ends show certificates and look at them, no key is needed
 * @has_key: (out): whether there is one: the user's, or the program's own where it needs one
 *
 * Returns: (transfer full): one that no language knows of, so that the engine may have it
 */
MpAuthKey *
mp_arrival_choose_key (MpAuthKey   *key,
                       const char  *address,
                       MpWireFlags  wire,
                       MpTlsSettings *tls,
                       gboolean    *has_key)
{
  g_autoptr (GBytes) bytes = NULL;

  *has_key = key != NULL || (needs_key (address, wire) && !trusts_certificates (tls));
  if (key == NULL && *has_key)
    return mp_auth_key_new_own ();

  if (key == NULL)
    return mp_auth_key_new_data ((const guint8 *) NO_KEY, strlen (NO_KEY));

  bytes = mp_auth_key_get_bytes (key);
  return mp_auth_key_new_data (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/*< private >
 * mp_arrival_bind_tcp:
 * @fd: a connected socket of TCP
 *
 * What both ends of it know of it.
 */
gboolean
mp_arrival_bind_tcp (MpBinding  *binding,
                     int         fd,
                     MpRole      role,
                     GError    **error)
{
  struct sockaddr_storage own, other;
  socklen_t own_size = sizeof own, other_size = sizeof other;

  if (getsockname (fd, (struct sockaddr *) &own, &own_size) != 0 ||
      getpeername (fd, (struct sockaddr *) &other, &other_size) != 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_REFUSED, "The connection was lost: %s", g_strerror (errno));
      return FALSE;
    }

  if (role == MP_ROLE_SERVER)
    return mp_binding_init_tcp (binding, (struct sockaddr *) &own, own_size,
                                (struct sockaddr *) &other, other_size, error);

  return mp_binding_init_tcp (binding, (struct sockaddr *) &other, other_size,
                              (struct sockaddr *) &own, own_size, error);
}

/*< private >
 * mp_arrival_bind_tls:
 * @binding: what the ends know of the socket; what they know of its TLS takes its place
 */
gboolean
mp_arrival_bind_tls (MpBinding   *binding,
                     MpStreamIo   io,
                     MpTlsTerms  *terms,
                     GError     **error)
{
  g_autoptr (GByteArray) exporter = mp_tls_channel_get_exporter (io.tls, error);
  gboolean is_private = binding->is_private || mp_tls_terms_hide_proofs (terms);

  if (exporter == NULL)
    return FALSE;

  if (exporter->len != MP_BINDING_EXPORTER_SIZE)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED, "GIO's TLS is bound by %u bytes, and RFC 9266 says %d",
                   exporter->len, MP_BINDING_EXPORTER_SIZE);
      return FALSE;
    }

  mp_binding_init_tls (binding, exporter->data);
  binding->is_private = is_private;
  return TRUE;
}

MpHandshake *
mp_arrival_begin_handshake (MpRole            role,
                            MpAuthKey        *key,
                            const MpBinding  *binding,
                            GError          **error)
{
  MpHandshakeTerms terms = {
    .role = role,
    .key = key,
    .binding = binding,
    .features = MP_FEATURE_FDS,
    .max_frame = binding->kind == MP_BINDING_UNIX ? MP_ARRIVAL_MAX_FRAME : MP_ARRIVAL_MAX_STREAM_FRAME,
  };

  return mp_handshake_new (&terms, error);
}

/*< private >
 * mp_arrival_get_secret:
 *
 * Returns: what this process knows its own challenges by. One that was forked from it has the same
 */
const guint8 *
mp_arrival_get_secret (void)
{
  static guint8 secret[MP_PYTHON_WIRE_SECRET_SIZE];
  static gsize once;

  if (g_once_init_enter (&once))
    {
      mp_random_fill (secret, sizeof secret);
      g_once_init_leave (&once, 1);
    }

  return secret;
}

/*< private >
 * mp_arrival_begin_python:
 *
 * The same for Python's protocol, which is not bound to what the channel is.
 */
MpPythonWire *
mp_arrival_begin_python (MpRole            role,
                         MpAuthKey        *key,
                         const MpBinding  *binding,
                         GError          **error)
{
  MpPythonWireTerms terms = {
    .role = role,
    .key = key,
    .is_local = binding->is_private,
    .secret = mp_arrival_get_secret (),
  };

  return mp_python_wire_new (&terms, error);
}

/*< private >
 * mp_arrival_check_session:
 *
 * Within a machine long bodies go as descriptors, so an end that takes none could not get them.
 *
 * Returns: whether connections can have it; else %MP_ERROR_NOT_SUPPORTED
 */
gboolean
mp_arrival_check_session (const MpSession  *session,
                          MpTransportForm   form,
                          GError          **error)
{
  if (form != MP_TRANSPORT_PACKETS || (session->features & MP_FEATURE_FDS) != 0)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED, "The other end takes no file descriptors");
  return FALSE;
}
