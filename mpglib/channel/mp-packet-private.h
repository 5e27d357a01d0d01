/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-frame-private.h"

G_BEGIN_DECLS

/* The layout of one packet, apart from how packets come and go.
 *
 * A packet is a header, then name, codec, attachment descriptions and body.
 * Each of these begins at a multiple of 8 bytes, so that a GVariant lies
 * aligned; what is skipped is zero.  The packet ends with the body.
 *
 *     offset  size  field (little-endian)
 *          0     2  magic 0x504d ("MP")
 *          2     1  version, 1
 *          3     1  kind, MpFrameKind
 *          4     4  flags, MpFrameFlags
 *          8     8  serial: whom the frame is about (task, request)
 *         16     8  index: which item of it
 *         24     8  length of the body in bytes, wherever it lies
 *         32     4  length of the attachment descriptions, a GVariant a(suv)
 *         36     2  length of the name, UTF-8, not terminated
 *         38     2  length of the codec, likewise; 0: there is no message
 *         40     2  number of descriptors that travel for the attachments
 *         42     6  zero
 *
 * MP_FRAME_LARGE: the body lies in a write-sealed memfd, whose descriptor is
 * the first of the packet's and is not counted above.  In its place the packet
 * has postage: bytes that nobody looks at, see mp-parcel.c.
 *
 * MP_FRAME_PART: the packet carries a part of the body.  The first one has the
 * frame's own index and all sections.  Later ones have the kind, the serial and
 * the length of the whole body, no other section, and for an index the place of
 * their bytes in the body; one without bytes says that the rest does not come.
 *
 * Normative text: docs/wire-protocol.md.
 */
#define MP_PACKET_MAGIC       0x504d
#define MP_PACKET_VERSION     1
#define MP_PACKET_HEADER_SIZE 48
#define MP_PACKET_FLAGS       (MP_FRAME_LARGE | MP_FRAME_PART | MP_FRAME_SPREAD | MP_FRAME_ITEMS)

/* Before the body, and of the body. */
#define MP_PACKET_MAX_HEAD    (64 * 1024)
#define MP_PACKET_MAX_BODY    (64 * 1024)
#define MP_PACKET_MAX_SIZE    (MP_PACKET_MAX_HEAD + MP_PACKET_MAX_BODY)
#define MP_PACKET_MAX_FDS     252

/* A body in parts: the receiver takes memory of its own for it. */
#define MP_PACKET_MAX_PARTED  (1024 * 1024 * 1024)

typedef struct
{
  guint8        kind;
  guint32       flags;
  guint64       serial;
  guint64       index;
  guint64       body_length; /* of the whole body */
  guint16       n_fds;

  /* Borrowed, in a decoded packet from its buffer; not terminated. */
  const char   *name;
  gsize         name_length;
  const char   *codec;
  gsize         codec_length;
  const guint8 *attachments;
  gsize         attachments_length;

  /* The part of the body that lies in this packet, or postage; not used by
   * encoding.
   */
  const guint8 *body;
  gsize         body_size;
} MpPacket;

gsize    mp_packet_write_plain (const char     *codec,
                                gsize           codec_length,
                                gsize           body_length,
                                guint8         *head,
                                gsize           room);
guint8  *mp_packet_encode_head (const MpPacket *packet,
                                gsize          *size,
                                GError        **error);
gboolean mp_packet_decode      (const guint8   *data,
                                gsize           size,
                                MpPacket       *packet,
                                GError        **error);
gboolean mp_packet_decode_long (const guint8   *data,
                                gsize           size,
                                gsize           max_body,
                                MpPacket       *packet,
                                GError        **error);
gboolean mp_packet_decode_plain (const guint8  *data,
                                gsize           size,
                                MpPacket       *packet);
guint64  mp_packet_get_serial  (const guint8   *header);

/* A later part of a body, as told above. */
static inline gboolean
mp_packet_is_continuation (const MpPacket *packet)
{
  return (packet->flags & MP_FRAME_PART) != 0 && packet->codec_length == 0;
}

G_END_DECLS
