/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-python-wire-private.h"

#include <string.h>

#include "mp-error.h"
#include "mp-random-private.h"

#define LABEL   "#CHALLENGE#"
#define DIGEST  "{sha256}"
#define WELCOME "#WELCOME#"
#define FAILURE "#FAILURE#"

#define LENGTH(text) (sizeof (text) - 1)

/* What is between the digest's name and the end of a challenge. */
#define MARK_SIZE   16
#define RANDOM_SIZE (MP_PYTHON_WIRE_NONCE_SIZE + MARK_SIZE)
#define MIN_RANDOM  32

#define CHALLENGE_SIZE     (LENGTH (LABEL) + LENGTH (DIGEST) + RANDOM_SIZE)
#define MIN_CHALLENGE_SIZE (LENGTH (LABEL) + LENGTH (DIGEST) + MIN_RANDOM)
#define MAX_CHALLENGE_SIZE 256
#define RESPONSE_SIZE      (LENGTH (DIGEST) + MP_DIGEST_SIZE)

/* Those of the older dialect. */
#define MD5_CHALLENGE_SIZE (LENGTH (LABEL) + 20)
#define MD5_RESPONSE_SIZE  16

struct _MpPythonWire
{
  MpPythonWireState state;
  MpRole role;
  gboolean is_half;
  gboolean may_be_own;
  MpAuthKey *key;
  guint8 secret[MP_PYTHON_WIRE_SECRET_SIZE];
  guint8 challenge[CHALLENGE_SIZE];

  MpPreamble input;
  GByteArray *output;
};

/* Half of it; the rest is for the socket and for what is to be sent. */
G_STATIC_ASSERT (sizeof (MpPythonWire) <= MP_PREAMBLE_MAX_MEMORY / 2);

/* --- Saying ------------------------------------------------------------------- */

static void
say (MpPythonWire *self,
     gconstpointer body,
     gsize         size)
{
  mp_preamble_append (self->output, body, size);
}

static gboolean
refuse (MpPythonWire  *self,
        GError       **error,
        MpError        code,
        const char    *why)
{
  /* Who waits for a verdict gets one, so that a program in Python knows what is wrong */
  if (self->state == MP_PYTHON_WIRE_RESPONSE && code != MP_ERROR_CLOSED)
    say (self, FAILURE, LENGTH (FAILURE));
  self->state = MP_PYTHON_WIRE_REFUSED;
  g_set_error_literal (error, MP_ERROR, code, why);

  return FALSE;
}

/* By which a process knows its own challenges. To all others it is random. */
static void
compute_mark (MpPythonWire *self,
              MpRole        role,
              const guint8 *nonce,
              guint8       *mark)
{
  const guint8 byte = (guint8) role;
  const MpPiece pieces[] = { { &byte, 1 }, { nonce, MP_PYTHON_WIRE_NONCE_SIZE } };
  guint8 digest[MP_DIGEST_SIZE];

  mp_digest_hmac (self->secret, sizeof self->secret, pieces, G_N_ELEMENTS (pieces), digest);
  memcpy (mark, digest, MARK_SIZE);
}

static void
prepare_challenge (MpPythonWire *self,
                   const guint8 *nonce)
{
  guint8 *at = self->challenge;

  at = (guint8 *) memcpy (at, LABEL, LENGTH (LABEL)) + LENGTH (LABEL);
  at = (guint8 *) memcpy (at, DIGEST, LENGTH (DIGEST)) + LENGTH (DIGEST);
  at = (guint8 *) memcpy (at, nonce, MP_PYTHON_WIRE_NONCE_SIZE) + MP_PYTHON_WIRE_NONCE_SIZE;
  compute_mark (self, self->role, nonce, at);
}

static void
say_challenge (MpPythonWire *self)
{
  say (self, self->challenge, sizeof self->challenge);
  self->state = MP_PYTHON_WIRE_RESPONSE;
}

/* --- Beginning ---------------------------------------------------------------- */

/*< private >
 * mp_python_wire_new:
 *
 * A server has something to say at once, see mp_python_wire_take_output().
 *
 * Returns: (transfer full) (nullable): the protocol; or %NULL with %MP_ERROR_REFUSED if
 *   it must not be used on this channel, or not with this key
 */
MpPythonWire *
mp_python_wire_new (const MpPythonWireTerms  *terms,
                    GError                  **error)
{
  guint8 nonce[MP_PYTHON_WIRE_NONCE_SIZE];

  mp_random_fill (nonce, sizeof nonce);

  return mp_python_wire_new_with (terms, nonce, error);
}

/*< private >
 * mp_python_wire_new_with:
 * @nonce: %MP_PYTHON_WIRE_NONCE_SIZE bytes, for tests alone; else they are drawn
 */
MpPythonWire *
mp_python_wire_new_with (const MpPythonWireTerms  *terms,
                         const guint8             *nonce,
                         GError                  **error)
{
  MpPythonWire *self;

  if (!terms->is_local)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_REFUSED,
                   "Python's protocol does not notice who stands between two machines; "
                   "use it within one machine, or mpglib's own protocol");
      return NULL;
    }

  if (!mp_auth_key_check (terms->key, terms->is_local, error))
    return NULL;

  self = g_new0 (MpPythonWire, 1);
  self->role = terms->role;
  self->is_half = terms->is_half;
  self->may_be_own = terms->may_be_own;
  self->key = g_object_ref (terms->key);
  self->output = g_byte_array_new ();
  memcpy (self->secret, terms->secret, sizeof self->secret);
  prepare_challenge (self, nonce);
  if (self->role == MP_ROLE_SERVER)
    say_challenge (self);

  return self;
}

void
mp_python_wire_free (MpPythonWire *self)
{
  g_object_unref (self->key);
  g_byte_array_unref (self->output);
  explicit_bzero (self, sizeof *self);
  g_free (self);
}

/* --- Hearing ------------------------------------------------------------------ */

static void
compute_response (MpPythonWire *self,
                  const guint8 *challenge,
                  gsize         size,
                  guint8       *response)
{
  const MpPiece pieces[] = { { challenge + LENGTH (LABEL), size - LENGTH (LABEL) } };

  memcpy (response, DIGEST, LENGTH (DIGEST));
  mp_auth_key_hmac (self->key, pieces, G_N_ELEMENTS (pieces), response + LENGTH (DIGEST));
}

/* Whether an end with the same role, in this process, has made the challenge: so it
 * waits for the response that this end is asked for.  An end that only answers asks in neither.
 */
static gboolean
is_own_challenge (MpPythonWire *self,
                  const guint8 *challenge,
                  gsize         size)
{
  const guint8 *nonce = challenge + LENGTH (LABEL) + LENGTH (DIGEST);
  guint8 mark[MARK_SIZE];

  if (size != CHALLENGE_SIZE || self->may_be_own)
    return FALSE;

  for (MpRole role = MP_ROLE_CLIENT; role <= MP_ROLE_SERVER; role++)
    {
      compute_mark (self, role, nonce, mark);
      if ((role == self->role || self->is_half) &&
          mp_digest_is_equal (nonce + MP_PYTHON_WIRE_NONCE_SIZE, mark, sizeof mark))
        return TRUE;
    }

  return FALSE;
}

static gboolean
take_challenge (MpPythonWire  *self,
                const guint8  *body,
                gsize          size,
                GError       **error)
{
  guint8 response[RESPONSE_SIZE];

  if (memcmp (body, LABEL, LENGTH (LABEL)) != 0)
    return refuse (self, error, MP_ERROR_CORRUPTED, "The other end does not speak Python's protocol");

  if (memcmp (body + LENGTH (LABEL), DIGEST, LENGTH (DIGEST)) != 0)
    return refuse (self, error, MP_ERROR_NOT_SUPPORTED, "The other end wants another digest than SHA-256");

  if (is_own_challenge (self, body, size))
    return refuse (self, error, MP_ERROR_REFUSED, "The other end sends back what this process has sent");

  compute_response (self, body, size, response);
  say (self, response, sizeof response);
  self->state = MP_PYTHON_WIRE_VERDICT;

  return TRUE;
}

static gboolean
take_verdict (MpPythonWire  *self,
              const guint8  *body,
              GError       **error)
{
  if (memcmp (body, FAILURE, LENGTH (FAILURE)) == 0)
    return refuse (self, error, MP_ERROR_AUTHENTICATION, "The other end refused the key: it has another one");

  if (memcmp (body, WELCOME, LENGTH (WELCOME)) != 0)
    return refuse (self, error, MP_ERROR_CORRUPTED, "The other end says neither yes nor no to the key");

  if (self->role == MP_ROLE_CLIENT && !self->is_half)
    say_challenge (self);
  else
    self->state = MP_PYTHON_WIRE_AGREED;

  return TRUE;
}

static gboolean
take_response (MpPythonWire  *self,
               const guint8  *body,
               GError       **error)
{
  guint8 response[RESPONSE_SIZE];
  gboolean is_right;

  compute_response (self, self->challenge, sizeof self->challenge, response);
  is_right = mp_digest_is_equal (body, response, sizeof response);
  explicit_bzero (response, sizeof response);
  if (!is_right)
    return refuse (self, error, MP_ERROR_AUTHENTICATION, "The other end does not know the key");

  say (self, WELCOME, LENGTH (WELCOME));
  self->state = self->role == MP_ROLE_SERVER && !self->is_half ? MP_PYTHON_WIRE_CHALLENGE : MP_PYTHON_WIRE_AGREED;

  return TRUE;
}

/* What is too long is not waited for. */
static gboolean
check_length (MpPythonWire  *self,
              GError       **error)
{
  guint32 length = mp_preamble_get_length (&self->input);
  gboolean is_right, is_md5;

  if (self->state == MP_PYTHON_WIRE_CHALLENGE)
    {
      is_right = length >= MIN_CHALLENGE_SIZE && length <= MAX_CHALLENGE_SIZE;
      is_md5 = length == MD5_CHALLENGE_SIZE;
    }
  else
    {
      is_right = length == (self->state == MP_PYTHON_WIRE_VERDICT ? LENGTH (WELCOME) : RESPONSE_SIZE);
      is_md5 = self->state == MP_PYTHON_WIRE_RESPONSE && length == MD5_RESPONSE_SIZE;
    }

  if (is_md5)
    return refuse (self, error, MP_ERROR_NOT_SUPPORTED,
                   "The other end knows MD5 alone, like Python before 3.12; use a later Python there");

  return is_right ||
         refuse (self, error, MP_ERROR_CORRUPTED, "The other end does not speak Python's protocol");
}

static gboolean
take_message (MpPythonWire  *self,
              GError       **error)
{
  const guint8 *body = mp_preamble_get_body (&self->input);
  gsize size = mp_preamble_get_length (&self->input);

  mp_preamble_reset (&self->input);
  if (self->state == MP_PYTHON_WIRE_CHALLENGE)
    return take_challenge (self, body, size, error);

  return self->state == MP_PYTHON_WIRE_VERDICT ? take_verdict (self, body, error)
                                               : take_response (self, body, error);
}

MpPythonWireState
mp_python_wire_get_state (const MpPythonWire *self)
{
  return self->state;
}

gboolean
mp_python_wire_has_key (const MpPythonWire *self,
                        MpAuthKey          *key)
{
  return mp_auth_key_equal (self->key, key);
}

/*< private >
 * mp_python_wire_get_wanted:
 *
 * Returns: how many bytes may be read without reading what belongs to the messages
 *   that follow; 0 when it is over
 */
gsize
mp_python_wire_get_wanted (const MpPythonWire *self)
{
  return self->state >= MP_PYTHON_WIRE_AGREED ? 0 : mp_preamble_get_wanted (&self->input);
}

/*< private >
 * mp_python_wire_feed:
 * @n_taken: (out): how many of the bytes belong to this message; after that there may
 *   be something to send, and the others want to be fed anew or, when all is agreed,
 *   belong to the first message
 *
 * Takes bytes of the other end's, in pieces of any size.
 *
 * Returns: whether it goes on or has come to an agreement; else why not:
 *   %MP_ERROR_CORRUPTED, %MP_ERROR_NOT_SUPPORTED, %MP_ERROR_REFUSED or
 *   %MP_ERROR_AUTHENTICATION, and there may be a last thing to send
 */
gboolean
mp_python_wire_feed (MpPythonWire  *self,
                     const guint8  *data,
                     gsize          size,
                     gsize         *n_taken,
                     GError       **error)
{
  *n_taken = 0;
  if (self->state == MP_PYTHON_WIRE_AGREED)
    return TRUE;
  if (self->state == MP_PYTHON_WIRE_REFUSED)
    return refuse (self, error, MP_ERROR_REFUSED, "The authentication has failed already");

  *n_taken = mp_preamble_take_header (&self->input, data, size);
  if (!mp_preamble_has_length (&self->input))
    return TRUE;
  if (!check_length (self, error))
    return FALSE;

  *n_taken += mp_preamble_take_body (&self->input, data + *n_taken, size - *n_taken);

  return !mp_preamble_is_whole (&self->input) || take_message (self, error);
}

/*< private >
 * mp_python_wire_end:
 * @error: what that means
 *
 * Tells an unfinished authentication that the other end has closed the connection.
 */
void
mp_python_wire_end (MpPythonWire  *self,
                    GError       **error)
{
  refuse (self, error, MP_ERROR_CLOSED, "The other end left before both had proved that they know the key");
}

/*< private >
 * mp_python_wire_take_output:
 *
 * Returns: (transfer full) (nullable): what is to be sent now: nothing, or messages. A
 *   refusal by a server is sent at the next tick of %MP_PREAMBLE_REFUSAL_DELAY.
 */
GBytes *
mp_python_wire_take_output (MpPythonWire *self)
{
  GBytes *output;

  if (self->output->len == 0)
    return NULL;

  output = g_bytes_new (self->output->data, self->output->len);
  g_byte_array_set_size (self->output, 0);

  return output;
}
