/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-preamble-private.h"
#include "mp-proof-private.h"

G_BEGIN_DECLS

/* MPG1: two programs find out that both know a key, and what else they have in common.
 *
 * This is what either of them does about it, as data: bytes of the other end go in,
 * bytes for it come out, and at the end there is a session or an error.  It knows
 * no socket, no clock and no lock.  Whoever has these holds to the limits of
 * mp-preamble-private.h.
 */
#define MP_HANDSHAKE_VERSION 1
#define MP_HANDSHAKE_SUITE   1 /* HMAC-SHA-256 */

typedef enum
{
  MP_HANDSHAKE_HELLO,    /* the other end's first message is awaited */
  MP_HANDSHAKE_PROOF,    /* its second */
  MP_HANDSHAKE_AGREED,
  MP_HANDSHAKE_REFUSED,
} MpHandshakeState;

/* What an end says of itself.  `key` and `binding` stay the caller's. */
typedef struct
{
  MpRole           role;
  MpAuthKey       *key;
  const MpBinding *binding;
  MpFeatures       features;  /* that it wants, or is ready for; MP_FEATURE_TLS goes by itself */
  guint32          max_frame; /* the largest that it takes, at least MP_HELLO_MIN_FRAME */
  gboolean         names_key; /* to a listener that has many: see mp_proof_name_key() */
} MpHandshakeTerms;

/* What must be drawn anew for each. */
typedef struct
{
  guint8 nonce[MP_NONCE_SIZE];
  guint8 session_id[MP_SESSION_ID_SIZE]; /* of a server */
} MpHandshakeChance;

/* What was agreed. */
typedef struct
{
  guint      version;
  MpFeatures features;
  guint32    max_frame; /* the largest that the other end takes */
  guint8     id[MP_SESSION_ID_SIZE];
} MpSession;

typedef struct _MpHandshake MpHandshake;

MpHandshake      *mp_handshake_new             (const MpHandshakeTerms  *terms,
                                                GError                 **error);
MpHandshake      *mp_handshake_new_with        (const MpHandshakeTerms  *terms,
                                                const MpHandshakeChance *chance,
                                                GError                 **error);
void              mp_handshake_free            (MpHandshake             *self);
MpHandshakeState  mp_handshake_get_state       (const MpHandshake       *self);
gsize             mp_handshake_get_wanted      (const MpHandshake       *self);
gboolean          mp_handshake_feed            (MpHandshake             *self,
                                                const guint8            *data,
                                                gsize                    size,
                                                gsize                   *n_taken,
                                                GError                 **error);
void              mp_handshake_end             (MpHandshake             *self,
                                                GError                 **error);
GBytes           *mp_handshake_take_output     (MpHandshake             *self);
const MpSession  *mp_handshake_get_session     (const MpHandshake       *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpHandshake, mp_handshake_free)

G_END_DECLS
