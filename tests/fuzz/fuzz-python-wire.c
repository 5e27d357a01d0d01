/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What a stranger can make an end of Python's protocol do.
 *
 * The first byte says which end hears the rest, and in pieces of which size.  Challenges
 * of ours are always the same, so only who has the key can know the response; that
 * must be somewhere in what led to an agreement.  What follows an agreement, or a
 * refusal, is taken for headers of messages.
 */

#include "config.h"

#include <string.h>

#include <mpglib.h>

#include "mp-python-frame-private.h"
#include "mp-python-wire-private.h"

#include "fuzz.h"

#define ROLE_BIT 0x01
#define LIMIT    (64u << 20)

/* "{sha256}" and a digest */
#define RESPONSE_SIZE 40

static MpAuthKey *key;
/* What leads to an agreement, by the role of who hears it, and the response in it. */
static GByteArray *honest[2];
static guint8 responses[2][RESPONSE_SIZE];

static MpPythonWire *
new_end (MpRole role)
{
  static const guint8 secrets[2][MP_PYTHON_WIRE_SECRET_SIZE] = { { 1 }, { 2 } };
  MpPythonWireTerms terms = { .role = role, .key = key, .is_local = TRUE, .secret = secrets[role] };
  guint8 nonce[MP_PYTHON_WIRE_NONCE_SIZE];

  memset (nonce, role == MP_ROLE_CLIENT ? 0x11 : 0x22, sizeof nonce);

  return mp_python_wire_new_with (&terms, nonce, NULL);
}

/* --- What ends with the key say ----------------------------------------------------- */

static gboolean
say (MpPythonWire *speaker,
     MpPythonWire *hearer,
     GByteArray   *record)
{
  g_autoptr (GBytes) output = mp_python_wire_take_output (speaker);
  gsize size, n_taken;
  const guint8 *data;

  if (output == NULL)
    return FALSE;

  data = g_bytes_get_data (output, &size);
  g_byte_array_append (record, data, (guint) size);
  while (size > 0)
    {
      g_assert_true (mp_python_wire_feed (hearer, data, size, &n_taken, NULL));
      g_assert_cmpuint (n_taken, >, 0);
      data += n_taken;
      size -= n_taken;
    }

  return TRUE;
}

static void
init (void)
{
  g_autoptr (MpPythonWire) client = NULL;
  g_autoptr (MpPythonWire) server = NULL;

  if (key != NULL)
    return;

  key = mp_auth_key_new_data ((const guint8 *) "a key for the fuzzer", 20);
  client = new_end (MP_ROLE_CLIENT);
  server = new_end (MP_ROLE_SERVER);
  honest[MP_ROLE_SERVER] = g_byte_array_new ();
  honest[MP_ROLE_CLIENT] = g_byte_array_new ();
  while (say (server, client, honest[MP_ROLE_CLIENT]) | say (client, server, honest[MP_ROLE_SERVER]))
    continue;
  g_assert_cmpint (mp_python_wire_get_state (client), ==, MP_PYTHON_WIRE_AGREED);
  g_assert_cmpint (mp_python_wire_get_state (server), ==, MP_PYTHON_WIRE_AGREED);

  /* The client's is the first that it says; the server's the last */
  memcpy (responses[MP_ROLE_SERVER], honest[MP_ROLE_SERVER]->data + 4, RESPONSE_SIZE);
  memcpy (responses[MP_ROLE_CLIENT],
          honest[MP_ROLE_CLIENT]->data + honest[MP_ROLE_CLIENT]->len - RESPONSE_SIZE, RESPONSE_SIZE);
}

/* --- What a stranger says -------------------------------------------------------------- */

static size_t
hear (MpPythonWire  *self,
      MpRole         role,
      const uint8_t *data,
      size_t         size,
      size_t         step)
{
  g_autoptr (GError) error = NULL;
  gboolean goes_on = TRUE;
  size_t total = 0;

  while (goes_on && total < size && mp_python_wire_get_wanted (self) > 0)
    {
      gsize n_taken;

      goes_on = mp_python_wire_feed (self, data + total, MIN (step, size - total), &n_taken, &error);
      g_assert_true (goes_on == (error == NULL));
      g_assert_cmpuint (n_taken, <=, MIN (step, size - total));
      total += n_taken;
    }

  g_assert_true (goes_on == (mp_python_wire_get_state (self) != MP_PYTHON_WIRE_REFUSED));
  if (mp_python_wire_get_state (self) == MP_PYTHON_WIRE_AGREED)
    g_assert_nonnull (memmem (data, total, responses[role], RESPONSE_SIZE));

  return total;
}

static void
look_at_headers (const uint8_t *data,
                 size_t         size)
{
  guint8 again[MP_PYTHON_HEADER_MAX];
  gsize header_size;
  guint64 length;

  while (mp_python_header_decode (data, size, LIMIT, &header_size, &length, NULL) && header_size > 0)
    {
      g_assert_cmpuint (length, <=, LIMIT);
      g_assert_cmpuint (mp_python_header_encode (length, again), ==, header_size);
      g_assert_true (memcmp (again, data, header_size) == 0);
      data += header_size;
      size -= header_size;
      if (length > size)
        break;
      data += length;
      size -= length;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  g_autoptr (MpPythonWire) self = NULL;
  g_autoptr (GBytes) output = NULL;
  MpRole role;
  size_t heard;

  if (size == 0)
    return 0;

  init ();
  role = (data[0] & ROLE_BIT) != 0 ? MP_ROLE_SERVER : MP_ROLE_CLIENT;
  self = new_end (role);
  heard = 1 + hear (self, role, data + 1, size - 1, 1 + (data[0] >> 1));
  look_at_headers (data + heard, size - heard);
  output = mp_python_wire_take_output (self);

  return 0;
}

void
fuzz_add_seeds (GPtrArray *seeds)
{
  static const guint8 messages[] = { 0, 0, 0, 2, 'h', 'i', 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0 };

  init ();
  for (guint8 first = 0; first < 24; first++)
    {
      const GByteArray *one = honest[(first & ROLE_BIT) != 0 ? MP_ROLE_SERVER : MP_ROLE_CLIENT];
      GByteArray *seed = g_byte_array_new ();

      g_byte_array_append (seed, &first, 1);
      g_byte_array_append (seed, one->data, one->len);
      g_byte_array_append (seed, messages, sizeof messages);
      g_ptr_array_add (seeds, seed);
    }
}

void
fuzz_warm_up (void)
{
}
