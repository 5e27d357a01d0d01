/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What strangers say before they are known: a message behind the four bytes of its
 * length, which are big-endian.  MPG1 and Python's protocol have that in common.
 *
 * One message is collected at a time, into memory of a fixed size, and of what
 * comes not a byte is taken beyond it: that belongs to whatever follows.
 */
#define MP_PREAMBLE_HEADER 4
#define MP_PREAMBLE_MAX    512

/* For the whole of what is said so, from the connection to the last byte. */
#define MP_PREAMBLE_DEADLINE 5.0
/* A refusal by a server is sent when this much time has gone by, and sooner only to who gives way to others. */
#define MP_PREAMBLE_REFUSAL_DELAY 0.25
/* Strangers of one listener: all, and those of one uid or network. */
#define MP_PREAMBLE_MAX_STRANGERS 64
#define MP_PREAMBLE_MAX_OF_ONE    8
/* Bytes of memory that one of them may take, with all that is kept of it. */
#define MP_PREAMBLE_MAX_MEMORY 4096

typedef enum
{
  MP_ROLE_CLIENT,
  MP_ROLE_SERVER,
} MpRole;

typedef struct
{
  gsize  n_taken; /* the header's bytes count */
  guint8 bytes[MP_PREAMBLE_HEADER + MP_PREAMBLE_MAX];
} MpPreamble;

gsize         mp_preamble_take_header (MpPreamble       *self,
                                       const guint8     *data,
                                       gsize             size);
gboolean      mp_preamble_has_length  (const MpPreamble *self);
guint32       mp_preamble_get_length  (const MpPreamble *self);
gsize         mp_preamble_take_body   (MpPreamble       *self,
                                       const guint8     *data,
                                       gsize             size);
gboolean      mp_preamble_is_whole    (const MpPreamble *self);
gsize         mp_preamble_get_wanted  (const MpPreamble *self);
const guint8 *mp_preamble_get_body    (const MpPreamble *self);
void          mp_preamble_reset       (MpPreamble       *self);
void          mp_preamble_append      (GByteArray       *output,
                                       const guint8     *body,
                                       gsize             size);

G_END_DECLS
