/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What a stranger can make an end of MPG1 do.
 *
 * The first byte says which end hears the rest, and in pieces of which size.  Nonces
 * are always the same, so the only bytes that lead to an agreement are those that an
 * end with the key has said.
 */

#include "config.h"

#include <string.h>

#include <mpglib.h>

#include "mp-handshake-private.h"

#include "fuzz.h"

#define ROLE_BIT 0x01

static MpAuthKey *key;
static MpBinding binding;
/* What leads to an agreement, by the role of who hears it. */
static GPtrArray *honest[2];

static MpHandshake *
new_end (MpRole     role,
         MpFeatures features)
{
  MpHandshakeTerms terms = {
    .role = role, .key = key, .binding = &binding, .features = features, .max_frame = MP_HELLO_MIN_FRAME,
  };
  MpHandshakeChance chance;

  memset (&chance, role == MP_ROLE_CLIENT ? 0x11 : 0x22, sizeof chance);

  return mp_handshake_new_with (&terms, &chance, NULL);
}

/* --- What ends with the key say ---------------------------------------------------- */

static void
say (MpHandshake *speaker,
     MpHandshake *hearer,
     GByteArray  *record)
{
  g_autoptr (GBytes) message = mp_handshake_take_output (speaker);
  gsize size, n_taken;
  const guint8 *data = g_bytes_get_data (message, &size);

  g_byte_array_append (record, data, (guint) size);
  g_assert_true (mp_handshake_feed (hearer, data, size, &n_taken, NULL));
}

static void
record (MpFeatures of_client,
        MpFeatures of_server)
{
  g_autoptr (MpHandshake) client = new_end (MP_ROLE_CLIENT, of_client);
  g_autoptr (MpHandshake) server = new_end (MP_ROLE_SERVER, of_server);
  GByteArray *by_client = g_byte_array_new ();
  GByteArray *by_server = g_byte_array_new ();

  for (guint i = 0; i < 2; i++)
    {
      say (client, server, by_client);
      say (server, client, by_server);
    }
  g_assert_nonnull (mp_handshake_get_session (client));
  g_assert_nonnull (mp_handshake_get_session (server));
  g_ptr_array_add (honest[MP_ROLE_SERVER], by_client);
  g_ptr_array_add (honest[MP_ROLE_CLIENT], by_server);
}

static void
init (void)
{
  if (key != NULL)
    return;

  key = mp_auth_key_new_data ((const guint8 *) "a key for the fuzzer", 20);
  mp_binding_init_unix (&binding, 1000, 1000, NULL);
  for (guint role = 0; role < G_N_ELEMENTS (honest); role++)
    honest[role] = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  /* The ends that hear want descriptors */
  record (MP_FEATURE_FDS, MP_FEATURE_FDS);
  record (0, MP_FEATURE_FDS);
  record (MP_FEATURE_FDS, 0);
}

/* --- What a stranger says ------------------------------------------------------------ */

static gboolean
is_honest (MpRole         role,
           const uint8_t *data,
           size_t         size)
{
  for (guint i = 0; i < honest[role]->len; i++)
    {
      const GByteArray *one = g_ptr_array_index (honest[role], i);

      if (one->len == size && memcmp (one->data, data, size) == 0)
        return TRUE;
    }

  return FALSE;
}

static void
hear (MpHandshake   *self,
      MpRole         role,
      const uint8_t *data,
      size_t         size,
      size_t         step)
{
  g_autoptr (GError) error = NULL;
  gboolean goes_on = TRUE;
  size_t total = 0;

  while (goes_on && total < size && mp_handshake_get_wanted (self) > 0)
    {
      gsize n_taken;

      goes_on = mp_handshake_feed (self, data + total, MIN (step, size - total), &n_taken, &error);
      g_assert_true (goes_on == (error == NULL));
      g_assert_cmpuint (n_taken, <=, MIN (step, size - total));
      total += n_taken;
    }

  g_assert_true (goes_on == (mp_handshake_get_state (self) != MP_HANDSHAKE_REFUSED));
  if (mp_handshake_get_session (self) != NULL)
    g_assert_true (is_honest (role, data, total));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  g_autoptr (MpHandshake) self = NULL;
  g_autoptr (GBytes) output = NULL;
  MpRole role;

  if (size == 0)
    return 0;

  init ();
  role = (data[0] & ROLE_BIT) != 0 ? MP_ROLE_SERVER : MP_ROLE_CLIENT;
  self = new_end (role, MP_FEATURE_FDS);
  hear (self, role, data + 1, size - 1, 1 + (data[0] >> 1));

  /* A hello, an answer or a refusal: never more */
  output = mp_handshake_take_output (self);
  g_assert_true (output == NULL || g_bytes_get_size (output) <= 2 * (MP_PREAMBLE_HEADER + MP_HELLO_CLIENT_SIZE));

  return 0;
}

void
fuzz_add_seeds (GPtrArray *seeds)
{
  static const guint8 steps[] = { 0, 5, 0x7f };

  init ();
  for (guint role = 0; role < G_N_ELEMENTS (honest); role++)
    for (guint i = 0; i < honest[role]->len; i++)
      {
        const GByteArray *one = g_ptr_array_index (honest[role], i);
        const guint8 first = (guint8) (steps[i] << 1 | (role == MP_ROLE_SERVER ? ROLE_BIT : 0));
        GByteArray *seed = g_byte_array_new ();

        g_byte_array_append (seed, &first, 1);
        g_byte_array_append (seed, one->data, one->len);
        g_ptr_array_add (seeds, seed);
      }
}

void
fuzz_warm_up (void)
{
}
