/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-hello-private.h"

#include <string.h>

#include "mp-error.h"

/* Offsets; the table stands in the header file. */
enum
{
  AT_MAGIC = 0,
  AT_ROLE = 4,

  AT_MIN_VERSION = 5,
  AT_MAX_VERSION = 6,
  AT_WANTED = 7,
  AT_SUITES = 8,
  AT_CLIENT_NONCE = 12,
  AT_KEY_NAME = 44,
  AT_CLIENT_MAX_FRAME = 52,
  AT_CLIENT_ZERO = 56,

  AT_VERSION = 5,
  AT_SUITE = 6,
  AT_AGREED = 7,
  AT_SERVER_NONCE = 8,
  AT_SERVER_MAX_FRAME = 40,
  AT_SERVER_ZERO = 44,
};

#define ZERO_SIZE 8

static const guint8 magic[] = { 'M', 'P', 'G', '1' };

static void
put32 (guint8  *to,
       guint32  value)
{
  value = GUINT32_TO_BE (value);
  memcpy (to, &value, sizeof value);
}

static guint32
get32 (const guint8 *from)
{
  guint32 value;

  memcpy (&value, from, sizeof value);
  return GUINT32_FROM_BE (value);
}

static gboolean
refuse (GError     **error,
        const char  *what)
{
  g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "Refused the first message of the other end: %s", what);
  return FALSE;
}

/* What both hellos have. */
static gboolean
check (const guint8  *bytes,
       char           role,
       gsize          at_zero,
       guint32        max_frame,
       GError       **error)
{
  static const guint8 zero[ZERO_SIZE];

  if (memcmp (bytes + AT_MAGIC, magic, sizeof magic) != 0)
    return refuse (error, "it is not one of mpglib");

  if (bytes[AT_ROLE] != role)
    return refuse (error, "both ends want to be the same, client or server");

  if (memcmp (bytes + at_zero, zero, sizeof zero) != 0)
    return refuse (error, "what must be zero is not");

  if (max_frame < MP_HELLO_MIN_FRAME)
    return refuse (error, "it takes no frames of the least size");

  return TRUE;
}

/*< private >
 * mp_client_hello_encode:
 * @bytes: (out caller-allocates): %MP_HELLO_CLIENT_SIZE bytes
 */
void
mp_client_hello_encode (const MpClientHello *self,
                        guint8              *bytes)
{
  memset (bytes, 0, MP_HELLO_CLIENT_SIZE);
  memcpy (bytes + AT_MAGIC, magic, sizeof magic);
  bytes[AT_ROLE] = 'C';
  bytes[AT_MIN_VERSION] = self->min_version;
  bytes[AT_MAX_VERSION] = self->max_version;
  bytes[AT_WANTED] = self->features;
  put32 (bytes + AT_SUITES, self->suites);
  memcpy (bytes + AT_CLIENT_NONCE, self->nonce, MP_NONCE_SIZE);
  memcpy (bytes + AT_KEY_NAME, self->key_name, MP_KEY_NAME_SIZE);
  put32 (bytes + AT_CLIENT_MAX_FRAME, self->max_frame);
}

gboolean
mp_client_hello_decode (const guint8   *bytes,
                        MpClientHello  *self,
                        GError        **error)
{
  *self = (MpClientHello) {
    .min_version = bytes[AT_MIN_VERSION],
    .max_version = bytes[AT_MAX_VERSION],
    .features = bytes[AT_WANTED],
    .suites = get32 (bytes + AT_SUITES),
    .max_frame = get32 (bytes + AT_CLIENT_MAX_FRAME),
  };
  memcpy (self->nonce, bytes + AT_CLIENT_NONCE, MP_NONCE_SIZE);
  memcpy (self->key_name, bytes + AT_KEY_NAME, MP_KEY_NAME_SIZE);

  if (!check (bytes, 'C', AT_CLIENT_ZERO, self->max_frame, error))
    return FALSE;

  if (self->min_version == 0 || self->min_version > self->max_version)
    return refuse (error, "it speaks no version at all");

  if ((self->features & ~(MP_FEATURES_FREE | MP_FEATURE_FDS | MP_FEATURE_TLS | MP_FEATURE_MACS)) != 0)
    return refuse (error, "it wants features that cannot be passed over");

  return TRUE;
}

/*< private >
 * mp_server_hello_encode:
 * @bytes: (out caller-allocates): %MP_HELLO_SERVER_SIZE bytes
 */
void
mp_server_hello_encode (const MpServerHello *self,
                        guint8              *bytes)
{
  memset (bytes, 0, MP_HELLO_SERVER_SIZE);
  memcpy (bytes + AT_MAGIC, magic, sizeof magic);
  bytes[AT_ROLE] = 'S';
  bytes[AT_VERSION] = self->version;
  bytes[AT_SUITE] = self->suite;
  bytes[AT_AGREED] = self->features;
  memcpy (bytes + AT_SERVER_NONCE, self->nonce, MP_NONCE_SIZE);
  put32 (bytes + AT_SERVER_MAX_FRAME, self->max_frame);
}

/*< private >
 * mp_server_hello_decode:
 *
 * Whether version, suite and features are among those that were offered is for who
 * offered them to say.
 */
gboolean
mp_server_hello_decode (const guint8   *bytes,
                        MpServerHello  *self,
                        GError        **error)
{
  *self = (MpServerHello) {
    .version = bytes[AT_VERSION],
    .suite = bytes[AT_SUITE],
    .features = bytes[AT_AGREED],
    .max_frame = get32 (bytes + AT_SERVER_MAX_FRAME),
  };
  memcpy (self->nonce, bytes + AT_SERVER_NONCE, MP_NONCE_SIZE);

  return check (bytes, 'S', AT_SERVER_ZERO, self->max_frame, error);
}
