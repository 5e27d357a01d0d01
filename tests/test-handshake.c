/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <mpglib.h>

#include "mp-handshake-private.h"
#include "mp-test.h"

/* The handshake of docs/wire-protocol.md: what each end has and draws. */
#define MAX_FRAME    (64u << 20)
#define CLIENT_UID   1000
#define SERVER_UID   1000
#define CLIENT_NONCE 0x11
#define SERVER_NONCE 0x22
#define SESSION_ID   0x33

/* In the order in which they are said. */
enum
{
  CLIENT_HELLO,
  SERVER_HELLO,
  CLIENT_PROOF,
  SERVER_PROOF,
  N_MESSAGES
};

static MpAuthKey *key, *other_key;
static MpBinding binding;
/* Each with its header. */
static GBytes *honest[N_MESSAGES];

/* --- Both ends ----------------------------------------------------------------- */

static MpHandshakeTerms
terms_of (MpRole role)
{
  return (MpHandshakeTerms) {
    .role = role,
    .key = key,
    .binding = &binding,
    .max_frame = MAX_FRAME,
    .names_key = TRUE,
  };
}

static MpHandshake *
new_end (const MpHandshakeTerms *terms)
{
  MpHandshakeChance chance;
  g_autoptr (GError) error = NULL;
  MpHandshake *self;

  memset (chance.nonce, terms->role == MP_ROLE_CLIENT ? CLIENT_NONCE : SERVER_NONCE, sizeof chance.nonce);
  memset (chance.session_id, SESSION_ID, sizeof chance.session_id);
  self = mp_handshake_new_with (terms, &chance, &error);
  g_assert_no_error (error);

  return self;
}

static MpHandshake *
new_of (MpRole role)
{
  MpHandshakeTerms terms = terms_of (role);

  return new_end (&terms);
}

/* Everything at once, as far as it is taken. */
static gboolean
hear (MpHandshake  *self,
      GBytes       *message,
      GError      **error)
{
  gsize size, n_taken;
  const guint8 *data = g_bytes_get_data (message, &size);

  while (size > 0 && mp_handshake_get_wanted (self) > 0)
    {
      if (!mp_handshake_feed (self, data, size, &n_taken, error))
        return FALSE;
      g_assert_cmpuint (n_taken, >, 0);
      data += n_taken;
      size -= n_taken;
    }

  return TRUE;
}

static void
assert_heard (MpHandshake *self,
              GBytes      *message)
{
  g_autoptr (GError) error = NULL;

  hear (self, message, &error);
  g_assert_no_error (error);
}

/* What it says to it. */
static GBytes *
assert_answered (MpHandshake *self,
                 GBytes      *message)
{
  GBytes *output;

  assert_heard (self, message);
  output = mp_handshake_take_output (self);
  g_assert_nonnull (output);

  return output;
}

static gboolean
is_agreed (MpHandshake *self)
{
  gboolean agreed = mp_handshake_get_state (self) == MP_HANDSHAKE_AGREED;

  g_assert_true (agreed == (mp_handshake_get_session (self) != NULL));
  return agreed;
}

/* The whole handshake of two ends.  Returns whether both agreed; then what each got
 * is in the sessions.
 */
static gboolean
shake (const MpHandshakeTerms *client_terms,
       const MpHandshakeTerms *server_terms,
       MpSession              *client_session,
       MpSession              *server_session,
       GError                **error)
{
  g_autoptr (MpHandshake) client = new_end (client_terms);
  g_autoptr (MpHandshake) server = new_end (server_terms);
  MpHandshake *hearer = server;
  GBytes *message = mp_handshake_take_output (client);

  /* Who has heard speaks, and the other one hears */
  while (message != NULL)
    {
      gboolean heard = hear (hearer, message, error);

      g_bytes_unref (message);
      if (!heard)
        return FALSE;
      message = mp_handshake_take_output (hearer);
      hearer = hearer == server ? client : server;
    }

  g_assert_true (is_agreed (client) && is_agreed (server));
  *client_session = *mp_handshake_get_session (client);
  *server_session = *mp_handshake_get_session (server);

  return TRUE;
}

/* One end as it is before it hears a message. */
static MpHandshake *
new_before (guint message)
{
  MpHandshake *self = new_of (message % 2 == 0 ? MP_ROLE_SERVER : MP_ROLE_CLIENT);
  g_autoptr (GBytes) first = mp_handshake_take_output (self);

  if (message >= 2)
    {
      g_autoptr (GBytes) second = assert_answered (self, honest[message - 2]);

      g_assert_true (g_bytes_equal (second, honest[message - 1]));
    }

  return self;
}

/* Changed bytes of message number `message` lead nowhere: when everything else that the
 * end would hear follows, it has not agreed.
 */
static void
assert_useless (guint   message,
                GBytes *changed)
{
  g_autoptr (MpHandshake) self = new_before (message);

  g_assert_false (g_bytes_equal (changed, honest[message]));
  if (hear (self, changed, NULL) && message + 2 < N_MESSAGES)
    hear (self, honest[message + 2], NULL);
  g_assert_false (is_agreed (self));
}

/* --- The example ------------------------------------------------------------------ */

static GBytes *
from_hex (const char *hex)
{
  gsize size = strlen (hex) / 2;
  guint8 *data = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (g_ascii_xdigit_value (hex[2 * i]) << 4 | g_ascii_xdigit_value (hex[2 * i + 1]));

  return g_bytes_new_take (data, size);
}

static void
assert_bytes (GBytes     *bytes,
              const char *hex)
{
  g_autoptr (GBytes) expected = from_hex (hex);
  gsize size, expected_size;
  gconstpointer data = g_bytes_get_data (bytes, &size);
  gconstpointer expected_data = g_bytes_get_data (expected, &expected_size);

  g_assert_cmpmem (data, size, expected_data, expected_size);
}

#define NONCE_11 "1111111111111111111111111111111111111111111111111111111111111111"
#define NONCE_22 "2222222222222222222222222222222222222222222222222222222222222222"

/* As somebody else has computed it, of the text alone. */
static void
test_example (void)
{
  assert_bytes (honest[CLIENT_HELLO],
                "00000040" "4d504731" "43" "01" "01" "00" "00000001" NONCE_11 "9fe8cd88f52eaabf" "04000000"
                "0000000000000000");
  assert_bytes (honest[SERVER_HELLO],
                "00000034" "4d504731" "53" "01" "01" "00" NONCE_22 "04000000" "0000000000000000");
  assert_bytes (honest[CLIENT_PROOF],
                "00000021" "50" "da0dce792b2eed9b9e1558da0a892155d84908f38c0f19bdd0a28a41dddb0e42");
  assert_bytes (honest[SERVER_PROOF],
                "00000031" "50" "2ecfa7e68c44a17046ee1f6757db1ee8851ba015c94ab02126a2a5ff8b5b13fe"
                "33333333333333333333333333333333");
}

/* Another one, of a model in another language: a long key, TLS, and other numbers. */
static void
test_tls_example (void)
{
  guint8 secret[70], exporter[MP_BINDING_EXPORTER_SIZE];
  g_autoptr (MpAuthKey) long_key = NULL;
  MpHandshakeTerms client_terms = terms_of (MP_ROLE_CLIENT), server_terms = terms_of (MP_ROLE_SERVER);
  g_autoptr (MpHandshake) client = NULL;
  g_autoptr (MpHandshake) server = NULL;
  g_autoptr (GBytes) client_hello = NULL;
  g_autoptr (GBytes) server_hello = NULL;
  g_autoptr (GBytes) client_proof = NULL;
  g_autoptr (GBytes) server_proof = NULL;
  MpBinding tls;

  for (guint i = 0; i < sizeof secret; i++)
    secret[i] = (guint8) (100 + i);
  for (guint i = 0; i < sizeof exporter; i++)
    exporter[i] = (guint8) (200 + i);
  long_key = mp_auth_key_new_data (secret, sizeof secret);
  mp_binding_init_tls (&tls, exporter);
  client_terms.key = server_terms.key = long_key;
  client_terms.binding = server_terms.binding = &tls;
  client_terms.names_key = FALSE;
  client_terms.max_frame = 100000;
  server_terms.max_frame = MP_HELLO_MIN_FRAME;
  client = new_end (&client_terms);
  server = new_end (&server_terms);

  client_hello = mp_handshake_take_output (client);
  server_hello = assert_answered (server, client_hello);
  client_proof = assert_answered (client, server_hello);
  server_proof = assert_answered (server, client_proof);
  assert_bytes (client_proof, "00000021" "50" "6dd26e418921ee0fc9f95bc2673b8e71fd4c62750b30d61b71f5b4120437dec2");
  assert_bytes (server_proof,
                "00000031" "50" "cd69702b52eb7a719536d623489ecaf79c11755b0ec51c1faf9bbc2b116fe969"
                "33333333333333333333333333333333");
}

static void
test_session (void)
{
  MpHandshakeTerms client = terms_of (MP_ROLE_CLIENT), server = terms_of (MP_ROLE_SERVER);
  MpSession of_client, of_server;
  g_autoptr (GError) error = NULL;

  client.max_frame = 100000;
  client.features = server.features = MP_FEATURE_FDS;
  g_assert_true (shake (&client, &server, &of_client, &of_server, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (of_client.version, ==, 1);
  g_assert_cmpuint (of_server.version, ==, 1);
  g_assert_cmpuint (of_client.features, ==, MP_FEATURE_FDS);
  g_assert_cmpuint (of_server.features, ==, MP_FEATURE_FDS);
  g_assert_cmpuint (of_client.max_frame, ==, MAX_FRAME);
  g_assert_cmpuint (of_server.max_frame, ==, 100000);
  g_assert_cmpmem (of_client.id, sizeof of_client.id, of_server.id, sizeof of_server.id);

  server.features = 0;
  g_assert_true (shake (&client, &server, &of_client, &of_server, &error));
  g_assert_cmpuint (of_client.features, ==, 0);
  g_assert_cmpuint (of_server.features, ==, 0);
}

/* In pieces of any size, and not a byte is taken beyond a message. */
static void
test_pieces (void)
{
  for (guint message = 0; message < N_MESSAGES; message++)
    for (gsize step = 1; step < 80; step++)
      {
        g_autoptr (MpHandshake) self = new_before (message);
        gsize size, n_taken, total = 0;
        const guint8 *data = g_bytes_get_data (honest[message], &size);
        g_autofree guint8 *more = g_malloc0 (size + 80);
        MpHandshakeState before = mp_handshake_get_state (self);

        memcpy (more, data, size);
        while (mp_handshake_get_state (self) == before)
          {
            g_assert_cmpuint (mp_handshake_get_wanted (self), <=, size - total);
            g_assert_true (mp_handshake_feed (self, more + total, step, &n_taken, NULL));
            total += n_taken;
          }
        g_assert_cmpuint (total, ==, size);
      }
}

/* Each handshake draws its own. */
static void
test_chance (void)
{
  MpHandshakeTerms terms = terms_of (MP_ROLE_CLIENT);
  g_autoptr (MpHandshake) first = mp_handshake_new (&terms, NULL);
  g_autoptr (MpHandshake) second = mp_handshake_new (&terms, NULL);
  g_autoptr (GBytes) first_hello = mp_handshake_take_output (first);
  g_autoptr (GBytes) second_hello = mp_handshake_take_output (second);

  g_assert_false (g_bytes_equal (first_hello, second_hello));
}

/* Who listens in learns a name of the key only if the client says so. */
static void
test_key_name (void)
{
  MpHandshakeTerms terms = terms_of (MP_ROLE_CLIENT);
  g_autoptr (MpHandshake) client = NULL;
  g_autoptr (GBytes) hello = NULL;
  static const guint8 zero[MP_KEY_NAME_SIZE];

  terms.names_key = FALSE;
  client = new_end (&terms);
  hello = mp_handshake_take_output (client);
  g_assert_cmpmem ((const guint8 *) g_bytes_get_data (hello, NULL) + 4 + 44, 8, zero, 8);
}

/* --- Rubbish --------------------------------------------------------------------- */

static void
test_bits (void)
{
  guint n = 0;

  for (guint message = 0; message < N_MESSAGES; message++)
    {
      gsize size = g_bytes_get_size (honest[message]);

      for (gsize bit = 0; bit < size * 8; bit++, n++)
        {
          g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (honest[message], NULL), size);
          g_autoptr (GBytes) changed = NULL;

          data[bit / 8] ^= (guint8) (0x80 >> bit % 8);
          changed = g_bytes_new (data, size);
          assert_useless (message, changed);
        }
    }
  g_test_message ("%u flips", n);
}

static void
test_truncation (void)
{
  for (guint message = 0; message < N_MESSAGES; message++)
    for (gsize size = 0; size < g_bytes_get_size (honest[message]); size++)
      {
        g_autoptr (GBytes) part = g_bytes_new_from_bytes (honest[message], 0, size);
        g_autoptr (MpHandshake) self = new_before (message);
        MpHandshakeState before = mp_handshake_get_state (self);
        g_autoptr (GBytes) output = NULL;
        g_autoptr (GError) error = NULL;

        assert_heard (self, part);
        output = mp_handshake_take_output (self);
        g_assert_null (output);
        g_assert_cmpint (mp_handshake_get_state (self), ==, before);
        g_assert_cmpuint (mp_handshake_get_wanted (self), >, 0);
        mp_handshake_end (self, &error);
        g_assert_nonnull (error);
        g_assert_false (is_agreed (self));
      }
}

/* What is longer is refused at its header, and what is shorter, too. */
static void
test_lengths (void)
{
  static const guint32 edges[] = {
    0, 1, 2, 3, 32, 33, 34, 48, 49, 50, 51, 52, 53, 59, 63, 64, 65, 255, 256, 511, 512, 513, 1024, 0x7fffffff,
    0x80000000, 0xffffffff,
  };

  for (guint message = 0; message < N_MESSAGES; message++)
    for (guint i = 0; i < G_N_ELEMENTS (edges); i++)
      {
        g_autoptr (MpHandshake) self = new_before (message);
        guint32 length = GUINT32_TO_BE (edges[i]);
        gboolean is_right = edges[i] + 4 == g_bytes_get_size (honest[message]) ||
                            (message == SERVER_PROOF && edges[i] == 2);
        g_autoptr (GError) error = NULL;
        gsize n_taken;

        g_assert_true (mp_handshake_feed (self, (const guint8 *) &length, 4, &n_taken, &error) == is_right);
        g_assert_true (is_right || g_error_matches (error, MP_ERROR, MP_ERROR_CORRUPTED));
      }
}

/* A byte of a hello that has another meaning than its bits. */
static void
set_byte (guint message,
          gsize at,
          guint value)
{
  gsize size = g_bytes_get_size (honest[message]);
  g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (honest[message], NULL), size);
  g_autoptr (GBytes) changed = NULL;

  if (data[4 + at] == value)
    return;

  data[4 + at] = (guint8) value;
  changed = g_bytes_new (data, size);
  assert_useless (message, changed);
}

static void
test_bytes (void)
{
  for (guint message = 0; message < N_MESSAGES; message++)
    for (gsize at = 0; at + 4 < g_bytes_get_size (honest[message]); at++)
      for (guint value = 0; value < 256; value++)
        set_byte (message, at, value);
}

/* --- Who is refused ---------------------------------------------------------------- */

static void
assert_fails (const MpHandshakeTerms *client,
              const MpHandshakeTerms *server,
              int                     code)
{
  MpSession ignored[2];
  g_autoptr (GError) error = NULL;

  g_assert_false (shake (client, server, &ignored[0], &ignored[1], &error));
  g_assert_error (error, MP_ERROR, code);
}

static void
test_wrong_key (void)
{
  MpHandshakeTerms client = terms_of (MP_ROLE_CLIENT), server = terms_of (MP_ROLE_SERVER);

  server.key = other_key;
  assert_fails (&client, &server, MP_ERROR_AUTHENTICATION);
}

/* What a stranger learns: a hello, and later that it was not good enough. */
static void
test_refusal (void)
{
  MpHandshakeTerms terms = terms_of (MP_ROLE_CLIENT);
  g_autoptr (MpHandshake) server = new_before (CLIENT_PROOF);
  g_autoptr (MpHandshake) client = new_before (SERVER_PROOF);
  g_autoptr (MpHandshake) stranger = NULL;
  g_autoptr (GBytes) hello = NULL;
  g_autoptr (GBytes) proof = NULL;
  g_autoptr (GBytes) refusal = NULL;
  g_autoptr (GBytes) more = NULL;
  g_autoptr (GError) error = NULL;
  gsize n_taken;

  terms.key = other_key;
  stranger = new_end (&terms);
  hello = mp_handshake_take_output (stranger);
  proof = assert_answered (stranger, honest[SERVER_HELLO]);
  g_assert_false (hear (server, proof, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  refusal = mp_handshake_take_output (server);
  assert_bytes (refusal, "00000002" "4501");
  g_clear_error (&error);

  /* It stays so */
  g_assert_cmpuint (mp_handshake_get_wanted (server), ==, 0);
  g_assert_false (mp_handshake_feed (server, g_bytes_get_data (honest[CLIENT_PROOF], NULL), 4 + 33, &n_taken, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
  g_assert_cmpuint (n_taken, ==, 0);
  g_clear_error (&error);
  more = mp_handshake_take_output (server);
  g_assert_null (more);

  g_assert_false (hear (client, refusal, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  g_assert_false (is_agreed (client));
}

/* Other refusals than the one there is are rubbish, and nothing is said to rubbish. */
static void
test_silence (void)
{
  static const char * const lies[] = { "000000024500", "000000024502", "000000025001", "0000000245ff" };

  for (guint i = 0; i < G_N_ELEMENTS (lies); i++)
    {
      g_autoptr (MpHandshake) client = new_before (SERVER_PROOF);
      g_autoptr (GBytes) lie = from_hex (lies[i]);
      g_autoptr (GBytes) output = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_false (hear (client, lie, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
      output = mp_handshake_take_output (client);
      g_assert_null (output);
    }
}

static void
test_replay (void)
{
  MpHandshakeTerms server_terms = terms_of (MP_ROLE_SERVER), client_terms = terms_of (MP_ROLE_CLIENT);
  g_autoptr (MpHandshake) server = mp_handshake_new (&server_terms, NULL);
  g_autoptr (MpHandshake) client = mp_handshake_new (&client_terms, NULL);
  g_autoptr (GBytes) hello = assert_answered (server, honest[CLIENT_HELLO]);
  g_autoptr (GBytes) proof = assert_answered (client, honest[SERVER_HELLO]);
  g_autoptr (GBytes) client_hello = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_false (hear (server, honest[CLIENT_PROOF], &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  g_clear_error (&error);
  g_assert_false (hear (client, honest[SERVER_PROOF], &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
}

/* Each end gets back what it, or another end of its kind, has said. */
static void
test_reflection (void)
{
  for (guint message = 0; message < N_MESSAGES; message++)
    for (guint said = 0; said < N_MESSAGES; said++)
      if (said != message)
        assert_useless (message, honest[said]);
}

/* A hello of the right kind, but with the nonce of who hears it: only a mirror has that. */
static void
test_own_nonce (void)
{
  for (guint message = CLIENT_HELLO; message <= SERVER_HELLO; message++)
    {
      g_autoptr (MpHandshake) self = new_before (message);
      gsize size = g_bytes_get_size (honest[message]);
      g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (honest[message], NULL), size);
      g_autoptr (GBytes) mirrored = NULL;
      g_autoptr (GError) error = NULL;

      memset (data + 4 + (message == CLIENT_HELLO ? 12 : 8),
              message == CLIENT_HELLO ? SERVER_NONCE : CLIENT_NONCE, MP_NONCE_SIZE);
      mirrored = g_bytes_new (data, size);
      g_assert_false (hear (self, mirrored, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
    }
}

static void
test_wrong_role (void)
{
  for (guint role = MP_ROLE_CLIENT; role <= MP_ROLE_SERVER; role++)
    {
      g_autoptr (MpHandshake) self = new_of (role);
      g_autoptr (GError) error = NULL;

      g_assert_false (hear (self, honest[role == MP_ROLE_CLIENT ? CLIENT_HELLO : SERVER_HELLO], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
      g_assert_nonnull (strstr (error->message, "want to be the"));
    }
}

/* The listener of another protocol is recognised, so that people know what to do. */
static void
test_python_listener (void)
{
  g_autoptr (MpHandshake) client = new_of (MP_ROLE_CLIENT);
  g_autoptr (GBytes) challenge = from_hex ("0000003b" "234348414c4c454e474523");
  g_autoptr (GError) error = NULL;

  g_assert_false (hear (client, challenge, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
  g_assert_nonnull (strstr (error->message, "multiprocessing"));
}

/* What somebody in the middle takes out of an offer, or puts into an answer. */
static void
test_downgrade (void)
{
  static const struct {
    guint message;
    gsize at;
    guint value;
    int code;
  } cases[] = {
    { CLIENT_HELLO, 5, 2, MP_ERROR_CORRUPTED },       /* from 2 to 1 */
    { CLIENT_HELLO, 5, 0, MP_ERROR_CORRUPTED },
    { CLIENT_HELLO, 11, 2, MP_ERROR_NOT_SUPPORTED },  /* suite 2 alone */
    { CLIENT_HELLO, 7, 8, MP_ERROR_CORRUPTED },       /* a feature that must not be passed over */
    { CLIENT_HELLO, 7, 2, MP_ERROR_REFUSED },         /* TLS where there is none */
    { SERVER_HELLO, 5, 0, MP_ERROR_REFUSED },
    { SERVER_HELLO, 5, 2, MP_ERROR_REFUSED },
    { SERVER_HELLO, 6, 0, MP_ERROR_REFUSED },
    { SERVER_HELLO, 6, 2, MP_ERROR_REFUSED },
    { SERVER_HELLO, 7, 1, MP_ERROR_REFUSED },         /* what nobody wanted */
    { SERVER_HELLO, 7, 0x10, MP_ERROR_REFUSED },
    { SERVER_HELLO, 40, 0, MP_ERROR_CORRUPTED },      /* frames of 0 bytes */
    { CLIENT_HELLO, 3, '2', MP_ERROR_CORRUPTED },     /* another protocol */
    { SERVER_HELLO, 3, '2', MP_ERROR_CORRUPTED },
    { CLIENT_HELLO, 4, 'S', MP_ERROR_CORRUPTED },     /* another role */
    { SERVER_HELLO, 4, 'C', MP_ERROR_CORRUPTED },
    { CLIENT_HELLO, 63, 1, MP_ERROR_CORRUPTED },      /* what must be zero */
    { SERVER_HELLO, 51, 1, MP_ERROR_CORRUPTED },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MpHandshake) self = new_before (cases[i].message);
      gsize size = g_bytes_get_size (honest[cases[i].message]);
      g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (honest[cases[i].message], NULL), size);
      g_autoptr (GBytes) changed = NULL;
      g_autoptr (GError) error = NULL;

      data[4 + cases[i].at] = (guint8) cases[i].value;
      changed = g_bytes_new (data, size);
      g_assert_false (hear (self, changed, &error));
      g_assert_error (error, MP_ERROR, cases[i].code);
    }
}

/* A client of a later version that still speaks this one, with more suites and features. */
static void
test_later_client (void)
{
  g_autoptr (MpHandshake) server = new_of (MP_ROLE_SERVER);
  gsize size = g_bytes_get_size (honest[CLIENT_HELLO]);
  g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (honest[CLIENT_HELLO], NULL), size);
  g_autoptr (GBytes) hello = NULL;
  g_autoptr (GBytes) answer = NULL;

  data[4 + 6] = 9;
  data[4 + 7] = 0xf0 | MP_FEATURE_MACS;
  memset (data + 4 + 8, 0xff, 4);
  hello = g_bytes_new (data, size);
  answer = assert_answered (server, hello);
  g_assert_true (g_bytes_equal (answer, honest[SERVER_HELLO]));

}

/* And one that does not. */
static void
test_much_later_client (void)
{
  g_autoptr (MpHandshake) server = new_of (MP_ROLE_SERVER);
  gsize size = g_bytes_get_size (honest[CLIENT_HELLO]);
  g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (honest[CLIENT_HELLO], NULL), size);
  g_autoptr (GBytes) hello = NULL;
  g_autoptr (GError) error = NULL;

  data[4 + 5] = 2;
  data[4 + 6] = 9;
  hello = g_bytes_new (data, size);
  g_assert_false (hear (server, hello, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
}

/* --- Who is in the middle ------------------------------------------------------------- */

static void
init_tcp (MpBinding  *self,
          const char *server,
          guint16     server_port,
          const char *client,
          guint16     client_port)
{
  struct sockaddr_storage ends[2] = { 0 };
  const char *hosts[] = { server, client };
  const guint16 ports[] = { server_port, client_port };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 2; i++)
    {
      struct sockaddr_in *v4 = (struct sockaddr_in *) &ends[i];
      struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) &ends[i];

      if (inet_pton (AF_INET, hosts[i], &v4->sin_addr) == 1)
        ends[i].ss_family = AF_INET;
      else if (inet_pton (AF_INET6, hosts[i], &v6->sin6_addr) == 1)
        ends[i].ss_family = AF_INET6;
      v4->sin_port = g_htons (ports[i]); /* at the same place in both */
    }
  mp_binding_init_tcp (self, (struct sockaddr *) &ends[0], sizeof ends[0],
                       (struct sockaddr *) &ends[1], sizeof ends[1], &error);
  g_assert_no_error (error);
}

static gboolean
is_bound (const MpBinding *client_binding,
          const MpBinding *server_binding)
{
  MpHandshakeTerms client = terms_of (MP_ROLE_CLIENT), server = terms_of (MP_ROLE_SERVER);
  MpSession ignored[2];

  client.binding = client_binding;
  server.binding = server_binding;

  return shake (&client, &server, &ignored[0], &ignored[1], NULL);
}

/* Users 1000 talk, and 2000 is between them. */
static void
test_relay_unix (void)
{
  MpBinding real, of_client, of_server, swapped;

  g_assert_true (mp_binding_init_unix (&real, 1000, 1001, NULL));
  g_assert_true (mp_binding_init_unix (&of_client, 2000, 1001, NULL));
  g_assert_true (mp_binding_init_unix (&of_server, 1000, 2000, NULL));
  g_assert_true (mp_binding_init_unix (&swapped, 1001, 1000, NULL));
  g_assert_true (is_bound (&real, &real));
  g_assert_false (is_bound (&of_client, &of_server));
  g_assert_false (is_bound (&of_client, &real));
  g_assert_false (is_bound (&real, &of_server));
  g_assert_false (is_bound (&real, &swapped));
  g_assert_true (real.is_private);
  g_assert_false (mp_binding_init_unix (&real, (uid_t) -1, 1000, NULL));
  g_assert_false (mp_binding_init_unix (&real, 1000, (uid_t) -1, NULL));
}

static void
test_relay_tls (void)
{
  guint8 exporter[MP_BINDING_EXPORTER_SIZE] = { 1, 2, 3 };
  MpBinding first, second;

  mp_binding_init_tls (&first, exporter);
  g_assert_true (is_bound (&first, &first));
  g_assert_false (first.is_private);
  for (guint i = 0; i < sizeof exporter * 8; i++)
    {
      exporter[i / 8] ^= (guint8) (1 << i % 8);
      mp_binding_init_tls (&second, exporter);
      g_assert_false (is_bound (&first, &second));
      exporter[i / 8] ^= (guint8) (1 << i % 8);
    }
  g_assert_false (is_bound (&first, &binding));
  g_assert_false (is_bound (&binding, &first));
}

/* A relay has two connections, and no two have the same ends. */
static void
test_relay_tcp (void)
{
  MpBinding real, mapped, other, relayed;

  init_tcp (&real, "127.0.0.1", 6000, "127.0.0.1", 40000);
  g_assert_true (is_bound (&real, &real));
  g_assert_true (real.is_private);

  init_tcp (&mapped, "::ffff:127.0.0.1", 6000, "::ffff:127.0.0.1", 40000);
  g_assert_true (is_bound (&real, &mapped));

  init_tcp (&other, "127.0.0.1", 6001, "127.0.0.1", 40000);
  g_assert_false (is_bound (&other, &real));
  init_tcp (&other, "127.0.0.1", 6000, "127.0.0.1", 40001);
  g_assert_false (is_bound (&other, &real));
  init_tcp (&other, "127.0.0.2", 6000, "127.0.0.1", 40000);
  g_assert_false (is_bound (&other, &real));
  init_tcp (&other, "127.0.0.1", 40000, "127.0.0.1", 6000);
  g_assert_false (is_bound (&other, &real));

  mp_binding_init_relayed (&relayed);
  g_assert_true (is_bound (&relayed, &relayed));
  g_assert_false (is_bound (&relayed, &real));
  g_assert_false (is_bound (&real, &relayed));
  g_assert_false (relayed.is_private);

  init_tcp (&other, "192.0.2.1", 6000, "192.0.2.2", 40000);
  g_assert_false (other.is_private);
  init_tcp (&other, "::1", 6000, "::1", 40000);
  g_assert_true (other.is_private);
  init_tcp (&other, "2001:db8::1", 6000, "::1", 40000);
  g_assert_false (other.is_private);
}

/* Neither what is no TCP, nor an address cut short, is taken for something. */
static void
test_no_tcp (void)
{
  struct sockaddr_in v4 = { .sin_family = AF_INET };
  struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
  struct sockaddr other = { .sa_family = AF_UNIX };
  MpBinding ignored;

  g_assert_false (mp_binding_init_tcp (&ignored, (struct sockaddr *) &v4, sizeof v4 - 1,
                                       (struct sockaddr *) &v4, sizeof v4, NULL));
  g_assert_false (mp_binding_init_tcp (&ignored, (struct sockaddr *) &v4, sizeof v4,
                                       (struct sockaddr *) &v6, sizeof v6, NULL));
  g_assert_false (mp_binding_init_tcp (&ignored, (struct sockaddr *) &v6, sizeof v6 - 1,
                                       (struct sockaddr *) &v6, sizeof v6, NULL));
  g_assert_false (mp_binding_init_tcp (&ignored, &other, sizeof other, &other, sizeof other, NULL));
}

/* --- Keys and channels ------------------------------------------------------------------ */

static void
test_weak_key (void)
{
  g_autoptr (MpAuthKey) word = mp_auth_key_new_data ((const guint8 *) "abracadabra", 11);
  g_autoptr (MpAuthKey) empty = mp_auth_key_new_data (NULL, 0);
  MpHandshakeTerms terms = terms_of (MP_ROLE_CLIENT);
  g_autoptr (GError) error = NULL;
  MpBinding far;
  MpHandshake *self;

  terms.key = empty;
  g_assert_null (mp_handshake_new (&terms, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
  g_clear_error (&error);

  terms.key = word;
  self = mp_handshake_new (&terms, &error);
  g_assert_no_error (error);
  mp_handshake_free (self);

  init_tcp (&far, "192.0.2.1", 6000, "192.0.2.2", 40000);
  terms.binding = &far;
  g_assert_null (mp_handshake_new (&terms, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
}

/* Descriptors are wanted in vain where there are none. */
static void
test_no_fds (void)
{
  MpHandshakeTerms client = terms_of (MP_ROLE_CLIENT), server = terms_of (MP_ROLE_SERVER);
  MpBinding loopback;
  MpSession sessions[2];

  init_tcp (&loopback, "127.0.0.1", 6000, "127.0.0.1", 40000);
  client.binding = server.binding = &loopback;
  client.features = server.features = MP_FEATURE_FDS;
  g_assert_true (shake (&client, &server, &sessions[0], &sessions[1], NULL));
  g_assert_cmpuint (sessions[0].features, ==, 0);
  g_assert_cmpuint (sessions[1].features, ==, 0);
}

static void
init (void)
{
  guint8 secret[32];

  for (guint i = 0; i < sizeof secret; i++)
    secret[i] = (guint8) i;
  key = mp_auth_key_new_data (secret, sizeof secret);
  secret[31] ^= 1;
  other_key = mp_auth_key_new_data (secret, sizeof secret);
  mp_binding_init_unix (&binding, SERVER_UID, CLIENT_UID, NULL);

  {
    g_autoptr (MpHandshake) client = new_of (MP_ROLE_CLIENT);
    g_autoptr (MpHandshake) server = new_of (MP_ROLE_SERVER);

    honest[CLIENT_HELLO] = mp_handshake_take_output (client);
    honest[SERVER_HELLO] = assert_answered (server, honest[CLIENT_HELLO]);
    honest[CLIENT_PROOF] = assert_answered (client, honest[SERVER_HELLO]);
    honest[SERVER_PROOF] = assert_answered (server, honest[CLIENT_PROOF]);
    assert_heard (client, honest[SERVER_PROOF]);
    g_assert_true (is_agreed (client) && is_agreed (server));
  }
}

int
main (int   argc,
      char *argv[])
{
  int status;

  mp_test_init (&argc, &argv);
  init ();

  mp_test_add ("/handshake/example", test_example);
  mp_test_add ("/handshake/tls-example", test_tls_example);
  mp_test_add ("/handshake/session", test_session);
  mp_test_add ("/handshake/pieces", test_pieces);
  mp_test_add ("/handshake/chance", test_chance);
  mp_test_add ("/handshake/key-name", test_key_name);
  mp_test_add ("/handshake/bits", test_bits);
  mp_test_add ("/handshake/truncation", test_truncation);
  mp_test_add ("/handshake/lengths", test_lengths);
  mp_test_add ("/handshake/bytes", test_bytes);
  mp_test_add ("/handshake/wrong-key", test_wrong_key);
  mp_test_add ("/handshake/refusal", test_refusal);
  mp_test_add ("/handshake/silence", test_silence);
  mp_test_add ("/handshake/replay", test_replay);
  mp_test_add ("/handshake/reflection", test_reflection);
  mp_test_add ("/handshake/own-nonce", test_own_nonce);
  mp_test_add ("/handshake/wrong-role", test_wrong_role);
  mp_test_add ("/handshake/python-listener", test_python_listener);
  mp_test_add ("/handshake/downgrade", test_downgrade);
  mp_test_add ("/handshake/later-client", test_later_client);
  mp_test_add ("/handshake/much-later-client", test_much_later_client);
  mp_test_add ("/handshake/relay/unix", test_relay_unix);
  mp_test_add ("/handshake/relay/tls", test_relay_tls);
  mp_test_add ("/handshake/relay/tcp", test_relay_tcp);
  mp_test_add ("/handshake/relay/no-tcp", test_no_tcp);
  mp_test_add ("/handshake/weak-key", test_weak_key);
  mp_test_add ("/handshake/no-fds", test_no_fds);

  status = g_test_run ();

  for (guint i = 0; i < N_MESSAGES; i++)
    g_bytes_unref (honest[i]);
  g_object_unref (key);
  g_object_unref (other_key);

  return status;
}
