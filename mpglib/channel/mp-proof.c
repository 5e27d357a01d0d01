/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-proof-private.h"

#include <string.h>

static void
compute_transcript (MpProof         *self,
                    const guint8    *client_hello,
                    const guint8    *server_hello,
                    const MpBinding *binding)
{
  const guint32 lengths[] = {
    GUINT32_TO_BE (MP_HELLO_CLIENT_SIZE),
    GUINT32_TO_BE (MP_HELLO_SERVER_SIZE),
    GUINT32_TO_BE ((guint32) binding->size),
  };
  const MpPiece pieces[] = {
    MP_PIECE_TEXT ("mpg1 transcript"),
    { &lengths[0], sizeof lengths[0] },
    { client_hello, MP_HELLO_CLIENT_SIZE },
    { &lengths[1], sizeof lengths[1] },
    { server_hello, MP_HELLO_SERVER_SIZE },
    { &lengths[2], sizeof lengths[2] },
    { binding->bytes, binding->size },
  };

  mp_digest_sha256 (pieces, G_N_ELEMENTS (pieces), self->transcript);
}

/*< private >
 * mp_proof_init:
 * @client_hello: %MP_HELLO_CLIENT_SIZE bytes as they were sent
 * @server_hello: %MP_HELLO_SERVER_SIZE bytes likewise
 *
 * Wipe the result when it is of no more use.
 */
void
mp_proof_init (MpProof         *self,
               MpAuthKey       *key,
               const guint8    *client_hello,
               const guint8    *server_hello,
               const MpBinding *binding)
{
  MpClientHello client;
  MpServerHello server;
  const MpPiece pieces[] = {
    MP_PIECE_TEXT ("mpg1 extract"),
    MP_PIECE_ARRAY (client.nonce),
    MP_PIECE_ARRAY (server.nonce),
  };

  /* Both are known to be in order */
  mp_client_hello_decode (client_hello, &client, NULL);
  mp_server_hello_decode (server_hello, &server, NULL);

  compute_transcript (self, client_hello, server_hello, binding);
  mp_auth_key_hmac (key, pieces, G_N_ELEMENTS (pieces), self->secret);
}

static void
derive_key (const MpProof *self,
            const char    *label,
            guint8        *key)
{
  static const guint8 one = 1;
  const MpPiece pieces[] = {
    MP_PIECE_ARRAY (self->transcript),
    { label, strlen (label) },
    { &one, 1 },
  };

  mp_digest_hmac (self->secret, sizeof self->secret, pieces, G_N_ELEMENTS (pieces), key);
}

/*< private >
 * mp_proof_compute_client:
 * @mac: (out caller-allocates): %MP_DIGEST_SIZE bytes
 */
void
mp_proof_compute_client (const MpProof *self,
                         guint8        *mac)
{
  guint8 key[MP_DIGEST_SIZE];
  const MpPiece pieces[] = { MP_PIECE_ARRAY (self->transcript) };

  derive_key (self, "client proof", key);
  mp_digest_hmac (key, sizeof key, pieces, G_N_ELEMENTS (pieces), mac);
  explicit_bzero (key, sizeof key);
}

/*< private >
 * mp_proof_compute_server:
 * @client_mac: the client's proof
 * @session_id: %MP_SESSION_ID_SIZE bytes
 * @mac: (out caller-allocates): %MP_DIGEST_SIZE bytes
 */
void
mp_proof_compute_server (const MpProof *self,
                         const guint8  *client_mac,
                         const guint8  *session_id,
                         guint8        *mac)
{
  guint8 key[MP_DIGEST_SIZE];
  const MpPiece pieces[] = {
    MP_PIECE_ARRAY (self->transcript),
    { client_mac, MP_DIGEST_SIZE },
    { session_id, MP_SESSION_ID_SIZE },
  };

  derive_key (self, "server proof", key);
  mp_digest_hmac (key, sizeof key, pieces, G_N_ELEMENTS (pieces), mac);
  explicit_bzero (key, sizeof key);
}

/*< private >
 * mp_proof_name_key:
 * @name: (out caller-allocates): %MP_KEY_NAME_SIZE bytes
 *
 * The name under which a listener finds one of several keys. It never changes, and is
 * sent in the clear: who listens in can recognise the key's owner by it, and try out
 * words on it.
 */
void
mp_proof_name_key (MpAuthKey *key,
                   guint8    *name)
{
  const MpPiece pieces[] = { MP_PIECE_TEXT ("mpg1 key id") };
  guint8 digest[MP_DIGEST_SIZE];

  mp_auth_key_hmac (key, pieces, G_N_ELEMENTS (pieces), digest);
  memcpy (name, digest, MP_KEY_NAME_SIZE);
}
