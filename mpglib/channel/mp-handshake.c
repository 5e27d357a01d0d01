/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-handshake-private.h"

#include <string.h>

#include "mp-error.h"
#include "mp-random-private.h"

/* The second messages: 'P' and the client's proof; 'P', the server's proof and the
 * session's ID; or 'E' and why not.
 */
#define CLIENT_PROOF_SIZE (1 + MP_DIGEST_SIZE)
#define SERVER_PROOF_SIZE (1 + MP_DIGEST_SIZE + MP_SESSION_ID_SIZE)
#define REFUSAL_SIZE      2

#define PROOF                   'P'
#define REFUSAL                 'E'
#define AUTHENTICATION_FAILED   1

/* The challenge with which a listener of Python's protocol begins. */
#define PYTHON_CHALLENGE_SIZE 59
/* The first two bytes of what a client of TLS says, which are a length here. */
#define TLS_RECORD 0x1603

struct _MpHandshake
{
  MpHandshakeState state;
  MpRole role;
  MpAuthKey *key;
  MpBinding binding;
  MpFeatures features;
  MpHandshakeChance chance;

  MpPreamble input;
  GByteArray *output;

  guint8 client_hello[MP_HELLO_CLIENT_SIZE];
  guint8 server_hello[MP_HELLO_SERVER_SIZE];
  MpProof proof;
  guint8 client_mac[MP_DIGEST_SIZE];

  MpSession session;
};

/* Half of it; the rest is for the socket and for what is to be sent. */
G_STATIC_ASSERT (sizeof (MpHandshake) <= MP_PREAMBLE_MAX_MEMORY / 2);

/* --- Beginning ---------------------------------------------------------------- */

static void
say (MpHandshake  *self,
     const guint8 *body,
     gsize         size)
{
  mp_preamble_append (self->output, body, size);
}

static void
say_client_hello (MpHandshake            *self,
                  const MpHandshakeTerms *terms)
{
  MpClientHello hello = {
    .min_version = MP_HANDSHAKE_VERSION,
    .max_version = MP_HANDSHAKE_VERSION,
    .features = self->features,
    .suites = 1u << (MP_HANDSHAKE_SUITE - 1),
    .max_frame = terms->max_frame,
  };

  memcpy (hello.nonce, self->chance.nonce, MP_NONCE_SIZE);
  if (terms->names_key)
    mp_proof_name_key (self->key, hello.key_name);
  mp_client_hello_encode (&hello, self->client_hello);
  say (self, self->client_hello, sizeof self->client_hello);
}

/* The server's hello but for what the client has a say in. */
static void
prepare_server_hello (MpHandshake            *self,
                      const MpHandshakeTerms *terms)
{
  MpServerHello hello = {
    .version = MP_HANDSHAKE_VERSION,
    .suite = MP_HANDSHAKE_SUITE,
    .max_frame = terms->max_frame,
  };

  memcpy (hello.nonce, self->chance.nonce, MP_NONCE_SIZE);
  mp_server_hello_encode (&hello, self->server_hello);
}

static MpFeatures
choose_features (const MpHandshakeTerms *terms)
{
  MpFeatures features = terms->features & MP_FEATURE_FDS;

  /* Descriptors are a thing of one kernel, and of its sockets */
  if (terms->binding->kind != MP_BINDING_UNIX)
    features = 0;

  return terms->binding->kind == MP_BINDING_TLS ? features | MP_FEATURE_TLS : features;
}

/*< private >
 * mp_handshake_new:
 *
 * A client has something to say at once, see mp_handshake_take_output().
 *
 * Returns: (transfer full) (nullable): a handshake; or %NULL with %MP_ERROR_REFUSED if
 *   the key must not be used on this channel
 */
MpHandshake *
mp_handshake_new (const MpHandshakeTerms  *terms,
                  GError                 **error)
{
  MpHandshakeChance chance;

  mp_random_fill (&chance, sizeof chance);

  return mp_handshake_new_with (terms, &chance, error);
}

/*< private >
 * mp_handshake_new_with:
 * @chance: for tests alone, which must know what comes out; else all of it is drawn
 */
MpHandshake *
mp_handshake_new_with (const MpHandshakeTerms   *terms,
                       const MpHandshakeChance  *chance,
                       GError                  **error)
{
  MpHandshake *self;

  g_assert (terms->max_frame >= MP_HELLO_MIN_FRAME);

  if (!mp_auth_key_check (terms->key, terms->binding->is_private, error))
    return NULL;

  self = g_new0 (MpHandshake, 1);
  self->role = terms->role;
  self->key = g_object_ref (terms->key);
  self->binding = *terms->binding;
  self->features = choose_features (terms);
  self->chance = *chance;
  self->output = g_byte_array_new ();
  if (self->role == MP_ROLE_CLIENT)
    say_client_hello (self, terms);
  else
    prepare_server_hello (self, terms);

  return self;
}

void
mp_handshake_free (MpHandshake *self)
{
  g_object_unref (self->key);
  g_byte_array_unref (self->output);
  explicit_bzero (self, sizeof *self);
  g_free (self);
}

/* --- Refusing ----------------------------------------------------------------- */

static gboolean
refuse (MpHandshake  *self,
        GError      **error,
        MpError       code,
        const char   *why)
{
  self->state = MP_HANDSHAKE_REFUSED;
  explicit_bzero (&self->proof, sizeof self->proof);
  g_set_error_literal (error, MP_ERROR, code, why);

  return FALSE;
}

static gboolean
refuse_client_length (MpHandshake  *self,
                      guint32       length,
                      GError      **error)
{
  if (self->state == MP_HANDSHAKE_HELLO && length == MP_HELLO_SERVER_SIZE)
    return refuse (self, error, MP_ERROR_CORRUPTED, "Both ends of the connection want to be the server");

  if (self->state == MP_HANDSHAKE_HELLO && length >> 16 == TLS_RECORD)
    return refuse (self, error, MP_ERROR_CORRUPTED, "What connected speaks TLS, which is not wanted here");

  return refuse (self, error, MP_ERROR_CORRUPTED, "What connected does not speak mpglib's protocol");
}

static gboolean
refuse_server_length (MpHandshake  *self,
                      guint32       length,
                      GError      **error)
{
  if (self->state == MP_HANDSHAKE_HELLO && length == MP_HELLO_CLIENT_SIZE)
    return refuse (self, error, MP_ERROR_CORRUPTED, "Both ends of the connection want to be the client");

  if (self->state == MP_HANDSHAKE_HELLO && length == PYTHON_CHALLENGE_SIZE)
    return refuse (self, error, MP_ERROR_CORRUPTED,
                   "The listener speaks the protocol of Python's multiprocessing; choose the wire PYTHON for "
                   "this end, or for none");

  return refuse (self, error, MP_ERROR_CORRUPTED, "The listener does not speak mpglib's protocol");
}

/* Every message has its length, so that of another one is not even waited for. */
static gboolean
check_length (MpHandshake  *self,
              GError      **error)
{
  guint32 length = mp_preamble_get_length (&self->input);
  gboolean is_hello = self->state == MP_HANDSHAKE_HELLO;

  if (self->role == MP_ROLE_SERVER)
    return length == (is_hello ? MP_HELLO_CLIENT_SIZE : CLIENT_PROOF_SIZE) ||
           refuse_client_length (self, length, error);

  return length == (is_hello ? MP_HELLO_SERVER_SIZE : SERVER_PROOF_SIZE) ||
         (!is_hello && length == REFUSAL_SIZE) ||
         refuse_server_length (self, length, error);
}

/* --- The server ---------------------------------------------------------------- */

static gboolean
check_offer (MpHandshake         *self,
             const MpClientHello *hello,
             GError             **error)
{
  if (hello->min_version > MP_HANDSHAKE_VERSION)
    return refuse (self, error, MP_ERROR_NOT_SUPPORTED,
                   "The client speaks only later versions of the protocol; update mpglib here");

  if ((hello->suites & 1u << (MP_HANDSHAKE_SUITE - 1)) == 0)
    return refuse (self, error, MP_ERROR_NOT_SUPPORTED, "The client offers no suite that is known here");

  if ((hello->features & MP_FEATURE_TLS) != (self->features & MP_FEATURE_TLS))
    return refuse (self, error, MP_ERROR_REFUSED, "One end of the connection has TLS and the other one has not");

  if (mp_digest_is_equal (hello->nonce, self->chance.nonce, MP_NONCE_SIZE))
    return refuse (self, error, MP_ERROR_REFUSED, "The client sends back what was sent to it");

  return TRUE;
}

static gboolean
take_client_hello (MpHandshake   *self,
                   const guint8  *body,
                   GError       **error)
{
  MpServerHello answer;
  MpClientHello hello;

  if (!mp_client_hello_decode (body, &hello, error))
    {
      self->state = MP_HANDSHAKE_REFUSED;
      return FALSE;
    }

  if (!check_offer (self, &hello, error))
    return FALSE;

  mp_server_hello_decode (self->server_hello, &answer, NULL);
  answer.features = hello.features & self->features;
  mp_server_hello_encode (&answer, self->server_hello);
  memcpy (self->client_hello, body, sizeof self->client_hello);
  mp_proof_init (&self->proof, self->key, self->client_hello, self->server_hello, &self->binding);
  self->session = (MpSession) {
    .version = answer.version,
    .features = answer.features,
    .max_frame = hello.max_frame,
  };

  say (self, self->server_hello, sizeof self->server_hello);
  self->state = MP_HANDSHAKE_PROOF;

  return TRUE;
}

static gboolean
take_client_proof (MpHandshake   *self,
                   const guint8  *body,
                   GError       **error)
{
  static const guint8 refusal[REFUSAL_SIZE] = { REFUSAL, AUTHENTICATION_FAILED };
  guint8 answer[SERVER_PROOF_SIZE] = { PROOF };

  mp_proof_compute_client (&self->proof, self->client_mac);
  if (body[0] != PROOF || !mp_digest_is_equal (body + 1, self->client_mac, MP_DIGEST_SIZE))
    {
      say (self, refusal, sizeof refusal);
      return refuse (self, error, MP_ERROR_AUTHENTICATION,
                     "The client does not know the key, or somebody is between it and this listener");
    }

  memcpy (self->session.id, self->chance.session_id, MP_SESSION_ID_SIZE);
  memcpy (answer + 1 + MP_DIGEST_SIZE, self->session.id, MP_SESSION_ID_SIZE);
  mp_proof_compute_server (&self->proof, self->client_mac, self->session.id, answer + 1);
  say (self, answer, sizeof answer);
  self->state = MP_HANDSHAKE_AGREED;

  return TRUE;
}

/* --- The client ---------------------------------------------------------------- */

static gboolean
check_answer (MpHandshake         *self,
              const MpServerHello *hello,
              GError             **error)
{
  if (hello->version != MP_HANDSHAKE_VERSION || hello->suite != MP_HANDSHAKE_SUITE)
    return refuse (self, error, MP_ERROR_REFUSED,
                   "The listener chose a version or a suite that was not offered to it");

  if ((hello->features & ~(guint) self->features) != 0)
    return refuse (self, error, MP_ERROR_REFUSED, "The listener agreed to features that nobody wanted");

  if ((hello->features & MP_FEATURE_TLS) != (self->features & MP_FEATURE_TLS))
    return refuse (self, error, MP_ERROR_REFUSED, "One end of the connection has TLS and the other one has not");

  if (mp_digest_is_equal (hello->nonce, self->chance.nonce, MP_NONCE_SIZE))
    return refuse (self, error, MP_ERROR_REFUSED, "The listener sends back what was sent to it");

  return TRUE;
}

static gboolean
take_server_hello (MpHandshake   *self,
                   const guint8  *body,
                   GError       **error)
{
  guint8 proof[CLIENT_PROOF_SIZE] = { PROOF };
  MpServerHello hello;

  if (!mp_server_hello_decode (body, &hello, error))
    {
      self->state = MP_HANDSHAKE_REFUSED;
      return FALSE;
    }

  if (!check_answer (self, &hello, error))
    return FALSE;

  memcpy (self->server_hello, body, sizeof self->server_hello);
  mp_proof_init (&self->proof, self->key, self->client_hello, self->server_hello, &self->binding);
  mp_proof_compute_client (&self->proof, self->client_mac);
  self->session = (MpSession) {
    .version = hello.version,
    .features = hello.features,
    .max_frame = hello.max_frame,
  };

  memcpy (proof + 1, self->client_mac, MP_DIGEST_SIZE);
  say (self, proof, sizeof proof);
  self->state = MP_HANDSHAKE_PROOF;

  return TRUE;
}

static gboolean
take_server_proof (MpHandshake   *self,
                   const guint8  *body,
                   gsize          size,
                   GError       **error)
{
  const guint8 *session_id = body + 1 + MP_DIGEST_SIZE;
  guint8 mac[MP_DIGEST_SIZE];

  if (size == REFUSAL_SIZE && body[0] == REFUSAL && body[1] == AUTHENTICATION_FAILED)
    return refuse (self, error, MP_ERROR_AUTHENTICATION,
                   "The listener refused the key: it has another one or none, or somebody is between it and "
                   "this client");

  if (size != SERVER_PROOF_SIZE || body[0] != PROOF)
    return refuse (self, error, MP_ERROR_CORRUPTED, "The listener says neither yes nor no to the key");

  mp_proof_compute_server (&self->proof, self->client_mac, session_id, mac);
  if (!mp_digest_is_equal (body + 1, mac, sizeof mac))
    return refuse (self, error, MP_ERROR_AUTHENTICATION,
                   "The listener does not know the key, or somebody is between it and this client");

  memcpy (self->session.id, session_id, MP_SESSION_ID_SIZE);
  self->state = MP_HANDSHAKE_AGREED;

  return TRUE;
}

/* --- Both ---------------------------------------------------------------------- */

static gboolean
take_message (MpHandshake  *self,
              GError      **error)
{
  const guint8 *body = mp_preamble_get_body (&self->input);
  gsize size = mp_preamble_get_length (&self->input);
  gboolean is_hello = self->state == MP_HANDSHAKE_HELLO;

  mp_preamble_reset (&self->input);
  if (self->role == MP_ROLE_SERVER)
    return is_hello ? take_client_hello (self, body, error) : take_client_proof (self, body, error);

  return is_hello ? take_server_hello (self, body, error) : take_server_proof (self, body, size, error);
}

static gboolean
is_over (const MpHandshake *self)
{
  return self->state == MP_HANDSHAKE_AGREED || self->state == MP_HANDSHAKE_REFUSED;
}

MpHandshakeState
mp_handshake_get_state (const MpHandshake *self)
{
  return self->state;
}

/*< private >
 * mp_handshake_get_wanted:
 *
 * Returns: how many bytes may be read from a stream without reading what belongs to
 *   the frames that follow; 0 when it is over
 */
gsize
mp_handshake_get_wanted (const MpHandshake *self)
{
  return is_over (self) ? 0 : mp_preamble_get_wanted (&self->input);
}

/*< private >
 * mp_handshake_feed:
 * @n_taken: (out): how many of the bytes belong to this message; after that there may
 *   be something to send, and the others want to be fed anew or, when all is agreed,
 *   are the first frame's
 *
 * Takes bytes of the other end's. Packets and streams are fed alike, in pieces of any
 * size.
 *
 * The error is for this end and its log; what the other end may know of it is in the
 * output, and else the connection is closed without a word.
 *
 * Returns: whether the handshake goes on or has come to an agreement; else why not:
 *   %MP_ERROR_CORRUPTED, %MP_ERROR_NOT_SUPPORTED, %MP_ERROR_REFUSED or
 *   %MP_ERROR_AUTHENTICATION
 */
gboolean
mp_handshake_feed (MpHandshake   *self,
                   const guint8  *data,
                   gsize          size,
                   gsize         *n_taken,
                   GError       **error)
{
  *n_taken = 0;
  if (self->state == MP_HANDSHAKE_AGREED)
    return TRUE;
  if (self->state == MP_HANDSHAKE_REFUSED)
    return refuse (self, error, MP_ERROR_REFUSED, "The handshake has failed already");

  *n_taken = mp_preamble_take_header (&self->input, data, size);
  if (!mp_preamble_has_length (&self->input))
    return TRUE;
  if (!check_length (self, error))
    return FALSE;

  *n_taken += mp_preamble_take_body (&self->input, data + *n_taken, size - *n_taken);

  return !mp_preamble_is_whole (&self->input) || take_message (self, error);
}

/*< private >
 * mp_handshake_end:
 * @error: what that means
 *
 * Tells an unfinished handshake that the other end has closed the connection.
 */
void
mp_handshake_end (MpHandshake  *self,
                  GError      **error)
{
  if (self->role == MP_ROLE_SERVER)
    refuse (self, error, MP_ERROR_CLOSED, "The client left before it had proved that it knows the key");
  else if (self->state == MP_HANDSHAKE_HELLO)
    refuse (self, error, MP_ERROR_REFUSED,
            "The listener closed the connection without a word: it may be too busy, of a version without "
            "one in common with this, with TLS where this end has none or the other way round, or not of mpglib");
  else
    refuse (self, error, MP_ERROR_AUTHENTICATION,
            "The listener closed the connection without a proof that it knows the key");
}

/*< private >
 * mp_handshake_take_output:
 *
 * Returns: (transfer full) (nullable): what is to be sent now, in one packet where
 *   there are packets: nothing, or one message. A refusal is sent at the next tick of
 *   %MP_PREAMBLE_REFUSAL_DELAY.
 */
GBytes *
mp_handshake_take_output (MpHandshake *self)
{
  GBytes *output;

  if (self->output->len == 0)
    return NULL;

  output = g_bytes_new (self->output->data, self->output->len);
  g_byte_array_set_size (self->output, 0);

  return output;
}

/*< private >
 * mp_handshake_get_session:
 *
 * Returns: (nullable): what was agreed, as long as the handshake lives; %NULL before
 *   that and after a refusal
 */
const MpSession *
mp_handshake_get_session (const MpHandshake *self)
{
  return self->state == MP_HANDSHAKE_AGREED ? &self->session : NULL;
}
