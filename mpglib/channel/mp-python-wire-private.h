/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-auth-key-private.h"
#include "mp-preamble-private.h"

G_BEGIN_DECLS

/* How Python's multiprocessing finds out that both ends know a key, in the dialect of
 * Python 3.12 and later with SHA-256; older ones speak MD5, which is refused.
 *
 * First the server challenges the client, then the client the server:
 *
 *     challenge   "#CHALLENGE#" | "{sha256}" | bytes, 40 of ours
 *     response    "{sha256}" | HMAC (key, "{sha256}" | bytes)
 *     verdict     "#WELCOME#" or "#FAILURE#"
 *
 * Data only, as mp-handshake-private.h.  Both roles of a challenge are the same there, and
 * nothing tells of the channel, so a response can be had from whoever knows the key
 * and passed on.  Therefore this is for channels within one machine; and of our own
 * challenges each can be recognised, so that an end that gets one made by its own role
 * in this process does not answer.
 */
#define MP_PYTHON_WIRE_SECRET_SIZE 32
#define MP_PYTHON_WIRE_NONCE_SIZE  24

typedef enum
{
  MP_PYTHON_WIRE_CHALLENGE, /* the other end's challenge is awaited */
  MP_PYTHON_WIRE_VERDICT,   /* its verdict about our response */
  MP_PYTHON_WIRE_RESPONSE,  /* its response to our challenge */
  MP_PYTHON_WIRE_AGREED,
  MP_PYTHON_WIRE_REFUSED,
} MpPythonWireState;

typedef struct
{
  MpRole        role;
  MpAuthKey    *key;
  gboolean      is_local; /* no other machine sees what goes over the channel */
  const guint8 *secret;   /* of this process, drawn once, to recognise its challenges by */
  gboolean      is_half;  /* a server challenges alone, and a client answers alone */
  gboolean      may_be_own; /* who asks may be in this process, with another connection's end */
} MpPythonWireTerms;

typedef struct _MpPythonWire MpPythonWire;

MpPythonWire      *mp_python_wire_new         (const MpPythonWireTerms  *terms,
                                               GError                  **error);
MpPythonWire      *mp_python_wire_new_with    (const MpPythonWireTerms  *terms,
                                               const guint8             *nonce,
                                               GError                  **error);
void               mp_python_wire_free        (MpPythonWire             *self);
MpPythonWireState  mp_python_wire_get_state   (const MpPythonWire       *self);
gboolean           mp_python_wire_has_key      (const MpPythonWire       *self,
                                                MpAuthKey                *key);
gsize              mp_python_wire_get_wanted  (const MpPythonWire       *self);
gboolean           mp_python_wire_feed        (MpPythonWire             *self,
                                               const guint8             *data,
                                               gsize                     size,
                                               gsize                    *n_taken,
                                               GError                  **error);
void               mp_python_wire_end         (MpPythonWire             *self,
                                               GError                  **error);
GBytes            *mp_python_wire_take_output (MpPythonWire             *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpPythonWire, mp_python_wire_free)

G_END_DECLS
