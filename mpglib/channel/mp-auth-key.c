/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-auth-key-private.h"
#include "mp-error.h"
#include "mp-own-key-private.h"
#include "mp-random-private.h"
#include "mp-secret-private.h"

/* As many as a digest of the handshake has. */
#define RANDOM_SIZE 32

/**
 * MpAuthKey:
 *
 * A secret that two programs share, by which they know each other.
 *
 * Who connects and who listens prove to each other that they have the same key; the
 * key itself is never sent. Any bytes will do, but only long ones that were drawn at
 * random, such as those of [ctor@Mp.AuthKey.new_random], cannot be guessed. Keys of
 * fewer than 16 bytes are for one machine, and are refused in plain sight of others.
 *
 * A key does not change. It is shown nowhere, by no message and in no core dump; it
 * cannot be attached to a message, and its memory is wiped with the last reference.
 * Who hands a key to another program does so on a way of his own that nobody can read.
 *
 * All functions may be called from any thread.
 *
 * Since: 1.0
 */
struct _MpAuthKey
{
  GObject parent_instance;

  gsize length;
  guint8 *data; /* NULL if the length is 0 */
};

enum
{
  PROP_0,
  PROP_SECRET,
  PROP_LENGTH,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (MpAuthKey, mp_auth_key, G_TYPE_OBJECT)

/* Once, while the key is made. */
static void
set_secret (MpAuthKey    *self,
            gconstpointer data,
            gsize         length)
{
  g_assert (self->data == NULL);

  self->length = length;
  if (length == 0)
    return;

  self->data = mp_secret_new (length);
  memcpy (self->data, data, length);
}

static void
mp_auth_key_finalize (GObject *object)
{
  MpAuthKey *self = MP_AUTH_KEY (object);

  if (self->data != NULL)
    mp_secret_free (self->data, self->length);

  G_OBJECT_CLASS (mp_auth_key_parent_class)->finalize (object);
}

static void
mp_auth_key_get_property (GObject    *object,
                          guint       prop_id,
                          GValue     *value,
                          GParamSpec *pspec)
{
  MpAuthKey *self = MP_AUTH_KEY (object);

  switch (prop_id)
    {
    case PROP_LENGTH:
      g_value_set_uint64 (value, self->length);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_auth_key_set_property (GObject      *object,
                          guint         prop_id,
                          const GValue *value,
                          GParamSpec   *pspec)
{
  MpAuthKey *self = MP_AUTH_KEY (object);
  GBytes *secret;

  switch (prop_id)
    {
    case PROP_SECRET:
      secret = g_value_get_boxed (value);
      if (secret != NULL)
        set_secret (self, g_bytes_get_data (secret, NULL), g_bytes_get_size (secret));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_auth_key_class_init (MpAuthKeyClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = mp_auth_key_finalize;
  object_class->get_property = mp_auth_key_get_property;
  object_class->set_property = mp_auth_key_set_property;

  /**
   * MpAuthKey:secret:
   *
   * The bytes. It can be set alone, so that nothing shows it which lists properties;
   * [method@Mp.AuthKey.get_bytes] tells it to who asks.
   *
   * Since: 1.0
   */
  properties[PROP_SECRET] =
    g_param_spec_boxed ("secret", NULL, NULL,
                        G_TYPE_BYTES,
                        G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpAuthKey:length: (getter get_length)
   *
   * The number of bytes.
   *
   * Since: 1.0
   */
  properties[PROP_LENGTH] =
    g_param_spec_uint64 ("length", NULL, NULL,
                         0, G_MAXUINT64, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_auth_key_init (MpAuthKey *self)
{
}

/**
 * mp_auth_key_new:
 * @secret: the secret; it is copied
 *
 * Makes a key of bytes that another program has, too.
 *
 * The caller's own copy stays as it is; wipe it if nobody needs it any more. A key
 * without any bytes can be made, but is refused wherever it is to be used.
 *
 * Returns: a key
 *
 * Since: 1.0
 */
MpAuthKey *
mp_auth_key_new (GBytes *secret)
{
  g_return_val_if_fail (secret != NULL, NULL);

  return g_object_new (MP_TYPE_AUTH_KEY, "secret", secret, NULL);
}

/**
 * mp_auth_key_new_data:
 * @data: (array length=length): the secret; it is copied
 * @length: number of bytes
 *
 * Makes a key as [ctor@Mp.AuthKey.new] does, of an array.
 *
 * Returns: a key
 *
 * Since: 1.0
 */
MpAuthKey *
mp_auth_key_new_data (const guint8 *data,
                      gsize         length)
{
  MpAuthKey *self;

  g_return_val_if_fail (data != NULL || length == 0, NULL);

  self = g_object_new (MP_TYPE_AUTH_KEY, NULL);
  set_secret (self, data, length);

  return self;
}

/**
 * mp_auth_key_new_random:
 *
 * Makes a key that nobody can guess: 32 bytes of the kernel's.
 *
 * [method@Mp.AuthKey.get_bytes] tells them to who has to bring them to the other
 * program.
 *
 * Returns: a key
 *
 * Since: 1.0
 */
MpAuthKey *
mp_auth_key_new_random (void)
{
  MpAuthKey *self = g_object_new (MP_TYPE_AUTH_KEY, NULL);

  self->length = RANDOM_SIZE;
  self->data = mp_secret_new (RANDOM_SIZE);
  mp_random_fill (self->data, RANDOM_SIZE);

  return self;
}

/**
 * mp_auth_key_new_own:
 *
 * Makes the key that this program has and all processes which it starts, and nobody else: 32 random bytes, or what
 * [method@Mp.AuthKey.make_own] said.
 *
 * It is what listeners and clients use that are given none, where there must be one: over TCP, and in the
 * protocol of Python's `multiprocessing`. Whoever hands it to another program makes that one of the family.
 *
 * Returns: the key
 *
 * Since: 1.0
 */
MpAuthKey *
mp_auth_key_new_own (void)
{
  MpOwnKey secret;
  MpAuthKey *self;

  mp_own_key_get (&secret);
  self = mp_auth_key_new_data (secret.bytes, secret.size);
  explicit_bzero (&secret, sizeof secret);

  return self;
}

/*< private >
 * mp_auth_key_to_own:
 * @own: (out caller-allocates): to be wiped by who gets it
 *
 * Gives the key in the form in which a process has its own, or the error of who wants one that cannot be that.
 */
gboolean
mp_auth_key_to_own (MpAuthKey  *self,
                    MpOwnKey   *own,
                    GError    **error)
{
  if (!mp_auth_key_check (self, TRUE, error))
    return FALSE;

  if (self->length > sizeof own->bytes)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                   "A key of %" G_GSIZE_FORMAT " bytes is too long for the program's own, which has %d at most",
                   self->length, MP_OWN_KEY_MAX);
      return FALSE;
    }

  *own = (MpOwnKey) { .size = (guint32) self->length };
  memcpy (own->bytes, self->data, self->length);
  return TRUE;
}

/**
 * mp_auth_key_make_own:
 * @self: a key of 1 to 64 bytes
 * @error: return location for an error
 *
 * Makes it the key of this program, which [ctor@Mp.AuthKey.new_own] gives: of this process, and of those that it
 * starts from now on, and theirs; [method@Mp.Process.set_auth_key] is for one of them alone. Processes that are there
 * already keep the one that they have, as do listeners and connections.
 *
 * So two programs that have the same key meet without giving it to each listener and client.
 *
 * Fails with %MP_ERROR_REFUSED for a key without bytes, and %MP_ERROR_TOO_BIG for one of more than 64, of which HMAC
 * makes 32 anyway.
 *
 * Returns: (skip): %TRUE if it is
 *
 * Since: 1.0
 */
gboolean
mp_auth_key_make_own (MpAuthKey  *self,
                      GError    **error)
{
  MpOwnKey secret = { 0 };

  g_return_val_if_fail (MP_IS_AUTH_KEY (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!mp_auth_key_to_own (self, &secret, error))
    return FALSE;

  mp_own_key_set (&secret);
  explicit_bzero (&secret, sizeof secret);

  return TRUE;
}

/**
 * mp_auth_key_get_length:
 * @self: a key
 *
 * Gets how long the secret is.
 *
 * Returns: the number of bytes
 *
 * Since: 1.0
 */
gsize
mp_auth_key_get_length (MpAuthKey *self)
{
  g_return_val_if_fail (MP_IS_AUTH_KEY (self), 0);

  return self->length;
}

/**
 * mp_auth_key_get_bytes:
 * @self: a key
 *
 * Gets the secret itself, for who has to bring it to another program: to a file that
 * only its owner can read, say.
 *
 * The bytes are the key's own memory, which is wiped when the key and these bytes are
 * no longer in use. Copies that a language makes of them are not.
 *
 * Returns: (transfer full): the secret
 *
 * Since: 1.0
 */
GBytes *
mp_auth_key_get_bytes (MpAuthKey *self)
{
  g_return_val_if_fail (MP_IS_AUTH_KEY (self), NULL);

  return g_bytes_new_with_free_func (self->data, self->length, g_object_unref, g_object_ref (self));
}

/**
 * mp_auth_key_equal:
 * @self: a key
 * @other: another one
 *
 * Compares two keys. How long that takes tells nothing but whether they have the same
 * length.
 *
 * Returns: whether both are the same secret
 *
 * Since: 1.0
 */
gboolean
mp_auth_key_equal (MpAuthKey *self,
                   MpAuthKey *other)
{
  g_return_val_if_fail (MP_IS_AUTH_KEY (self) && MP_IS_AUTH_KEY (other), FALSE);

  return self->length == other->length && mp_digest_is_equal (self->data, other->data, self->length);
}

/**
 * mp_auth_key_to_string:
 * @self: a key
 *
 * Describes the key for people, by its length alone: even a part of a digest would let
 * who reads a log try words until one fits.
 *
 * Returns: (transfer full): a line of text
 *
 * Since: 1.0
 */
char *
mp_auth_key_to_string (MpAuthKey *self)
{
  g_return_val_if_fail (MP_IS_AUTH_KEY (self), NULL);

  return g_strdup_printf ("<Mp.AuthKey of %" G_GSIZE_FORMAT " bytes>", self->length);
}

/* --- Use ---------------------------------------------------------------------- */

/*< private >
 * mp_auth_key_check:
 * @is_local: whether only this machine sees what goes over the channel
 *
 * Who sees a proof, or plays the other end, can try out short keys on it at leisure.
 *
 * Returns: whether the key may be used there; else %MP_ERROR_REFUSED
 */
gboolean
mp_auth_key_check (MpAuthKey  *self,
                   gboolean    is_local,
                   GError    **error)
{
  if (self->length == 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_REFUSED,
                   "An authentication key without any bytes protects nothing; make one with Mp.AuthKey.new_random()");
      return FALSE;
    }

  if (!is_local && self->length < MP_AUTH_KEY_MIN_STRONG)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_REFUSED,
                   "An authentication key of %" G_GSIZE_FORMAT " bytes can be guessed by who sees the connection "
                   "leave this machine, or plays its other end; use at least %d bytes, or TLS with a certificate that "
                   "the client trusts",
                   self->length, MP_AUTH_KEY_MIN_STRONG);
      return FALSE;
    }

  return TRUE;
}

/*< private >
 * mp_auth_key_hmac:
 * @self: one that passed mp_auth_key_check()
 * @digest: (out caller-allocates): %MP_DIGEST_SIZE bytes
 *
 * The only use of a key.
 */
void
mp_auth_key_hmac (MpAuthKey *self,
                  const MpPiece   *pieces,
                  guint            n_pieces,
                  guint8          *digest)
{
  mp_digest_hmac (self->data, self->length, pieces, n_pieces, digest);
}
