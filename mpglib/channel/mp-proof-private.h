/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-auth-key-private.h"
#include "mp-binding-private.h"
#include "mp-hello-private.h"

G_BEGIN_DECLS

/* What the ends of an MPG1 handshake prove to each other, as docs/wire-protocol.md
 * has it.  Everything that was said is in the transcript, and each role has a key of
 * its own, so that no proof is good for anything else.
 */
#define MP_SESSION_ID_SIZE 16

typedef struct
{
  guint8 transcript[MP_DIGEST_SIZE];
  guint8 secret[MP_DIGEST_SIZE];
} MpProof;

void mp_proof_init           (MpProof         *self,
                              MpAuthKey       *key,
                              const guint8    *client_hello,
                              const guint8    *server_hello,
                              const MpBinding *binding);
void mp_proof_compute_client (const MpProof   *self,
                              guint8          *mac);
void mp_proof_compute_server (const MpProof   *self,
                              const guint8    *client_mac,
                              const guint8    *session_id,
                              guint8          *mac);
void mp_proof_name_key       (MpAuthKey       *key,
                              guint8          *name);

G_END_DECLS
