/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-arrival-private.h"

#include <string.h>
#include <sys/socket.h>

#include "mp-connection-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"

/* With what those prove themselves to each other that have no key: everybody knows it, and
 * both look at who the other one is.
 */
#define NO_KEY "mpg1 no key"

/*< private >
 * mp_arrival_new:
 * @fd: (transfer full): the socket
 */
MpArrival *
mp_arrival_new (int              fd,
                const MpSession *session)
{
  MpArrival *self = g_new0 (MpArrival, 1);

  self->fd = fd;
  self->session = *session;

  return self;
}

/*< private >
 * mp_arrival_free:
 *
 * The other end is told that nobody took it, as by any connection that is closed.
 */
void
mp_arrival_free (MpArrival *self)
{
  if (self->fd >= 0)
    {
      MpTransport *transport = mp_transport_new (self->fd);

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
  MpConnection *connection = mp_connection_new_agreed (self->fd, MP_ARRIVAL_MAX_FRAME, self->session.max_frame,
                                                       context);

  self->fd = -1;
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

/*< private >
 * mp_arrival_copy_key:
 * @key: (nullable): a key of the user's
 *
 * Returns: (transfer full): one that no language knows of, so that the engine may have it
 */
MpAuthKey *
mp_arrival_copy_key (MpAuthKey *key)
{
  g_autoptr (GBytes) bytes = NULL;

  if (key == NULL)
    return mp_auth_key_new_data ((const guint8 *) NO_KEY, strlen (NO_KEY));

  bytes = mp_auth_key_get_bytes (key);
  return mp_auth_key_new_data (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

MpHandshake *
mp_arrival_begin_handshake (MpRole      role,
                            MpAuthKey  *key,
                            uid_t       server,
                            uid_t       client,
                            GError    **error)
{
  MpBinding binding;
  MpHandshakeTerms terms = {
    .role = role,
    .key = key,
    .binding = &binding,
    .features = MP_FEATURE_FDS,
    .max_frame = MP_ARRIVAL_MAX_FRAME,
  };

  if (!mp_binding_init_unix (&binding, server, client, error))
    return NULL;

  return mp_handshake_new (&terms, error);
}

/*< private >
 * mp_arrival_check_session:
 *
 * Long bodies go as descriptors, so an end that takes none could not get them.
 *
 * Returns: whether connections can have it; else %MP_ERROR_NOT_SUPPORTED
 */
gboolean
mp_arrival_check_session (const MpSession  *session,
                          GError          **error)
{
  if ((session->features & MP_FEATURE_FDS) != 0)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED, "The other end takes no file descriptors");
  return FALSE;
}
