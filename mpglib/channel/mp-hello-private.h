/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The first message of each end of MPG1, all numbers big-endian:
 *
 *     client, 64 bytes                server, 52 bytes
 *      0   4  "MPG1"                   0   4  "MPG1"
 *      4   1  'C'                      4   1  'S'
 *      5   1  lowest version           5   1  version
 *      6   1  highest version          6   1  suite
 *      7   1  features wanted          7   1  features agreed
 *      8   4  suites, bit N - 1        8  32  nonce
 *     12  32  nonce                   40   4  largest frame
 *     44   8  key's name, or zero     44   8  zero
 *     52   4  largest frame
 *     56   8  zero
 */
#define MP_HELLO_CLIENT_SIZE 64
#define MP_HELLO_SERVER_SIZE 52
#define MP_NONCE_SIZE        32
#define MP_KEY_NAME_SIZE     8

/* No end may take less in one frame. */
#define MP_HELLO_MIN_FRAME 65536

typedef enum
{
  MP_FEATURE_FDS = 1 << 0,  /* descriptors travel */
  MP_FEATURE_TLS = 1 << 1,  /* the channel is bound by TLS */
  MP_FEATURE_MACS = 1 << 2, /* a MAC behind each frame, which version 1 does not agree to */
} MpFeatures;

/* Bits of features that a server passes over; the others of which it knows nothing
 * must not be there.
 */
#define MP_FEATURES_FREE 0xf0

typedef struct
{
  guint8  min_version;
  guint8  max_version;
  guint8  features;
  guint32 suites;
  guint8  nonce[MP_NONCE_SIZE];
  guint8  key_name[MP_KEY_NAME_SIZE];
  guint32 max_frame;
} MpClientHello;

typedef struct
{
  guint8  version;
  guint8  suite;
  guint8  features;
  guint8  nonce[MP_NONCE_SIZE];
  guint32 max_frame;
} MpServerHello;

void     mp_client_hello_encode (const MpClientHello  *self,
                                 guint8               *bytes);
gboolean mp_client_hello_decode (const guint8         *bytes,
                                 MpClientHello        *self,
                                 GError              **error);
void     mp_server_hello_encode (const MpServerHello  *self,
                                 guint8               *bytes);
gboolean mp_server_hello_decode (const guint8         *bytes,
                                 MpServerHello        *self,
                                 GError              **error);

G_END_DECLS
