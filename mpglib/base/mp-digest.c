/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-digest-private.h"

/*< private >
 * mp_digest_sha256:
 * @digest: (out caller-allocates): %MP_DIGEST_SIZE bytes
 */
void
mp_digest_sha256 (const MpPiece *pieces,
                  guint          n_pieces,
                  guint8        *digest)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize size = MP_DIGEST_SIZE;

  for (guint i = 0; i < n_pieces; i++)
    g_checksum_update (checksum, pieces[i].data, (gssize) pieces[i].size);
  g_checksum_get_digest (checksum, digest, &size);
}

/*< private >
 * mp_digest_hmac:
 * @key: of any length but 0
 * @digest: (out caller-allocates): %MP_DIGEST_SIZE bytes
 */
void
mp_digest_hmac (const guint8  *key,
                gsize          key_size,
                const MpPiece *pieces,
                guint          n_pieces,
                guint8        *digest)
{
  g_autoptr (GHmac) hmac = g_hmac_new (G_CHECKSUM_SHA256, key, key_size);
  gsize size = MP_DIGEST_SIZE;

  for (guint i = 0; i < n_pieces; i++)
    g_hmac_update (hmac, pieces[i].data, (gssize) pieces[i].size);
  g_hmac_get_digest (hmac, digest, &size);
}

/*< private >
 * mp_digest_is_equal:
 *
 * Looks at every byte, whatever it has found: how long it takes says nothing of
 * where two digests or keys differ.
 */
gboolean
mp_digest_is_equal (const guint8 *first,
                    const guint8 *second,
                    gsize         size)
{
  volatile guint8 difference = 0;

  for (gsize i = 0; i < size; i++)
    difference |= first[i] ^ second[i];

  return difference == 0;
}
