/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-error.h"
#include "mp-packet-private.h"

/* Offsets of the header's fields; the table stands in the header file. */
enum
{
  AT_MAGIC = 0,
  AT_VERSION = 2,
  AT_KIND = 3,
  AT_FLAGS = 4,
  AT_SERIAL = 8,
  AT_INDEX = 16,
  AT_BODY_LENGTH = 24,
  AT_ATTACHMENTS_LENGTH = 32,
  AT_NAME_LENGTH = 36,
  AT_CODEC_LENGTH = 38,
  AT_N_FDS = 40,
  AT_ZERO = 42,
};

static guint64
align (guint64 offset)
{
  return (offset + 7) & ~G_GUINT64_CONSTANT (7);
}

/* --- Encoding -------------------------------------------------------------- */

static void
put16 (guint8  *to,
       guint16  value)
{
  value = GUINT16_TO_LE (value);
  memcpy (to, &value, sizeof value);
}

static void
put32 (guint8  *to,
       guint32  value)
{
  value = GUINT32_TO_LE (value);
  memcpy (to, &value, sizeof value);
}

static void
put64 (guint8  *to,
       guint64  value)
{
  value = GUINT64_TO_LE (value);
  memcpy (to, &value, sizeof value);
}

static guint8 *
put_section (guint8       *to,
             gconstpointer data,
             gsize         length)
{
  gsize padding = align (length) - length;

  if (length > 0)
    memcpy (to, data, length);
  memset (to + length, 0, padding);

  return to + length + padding;
}

static guint64
get_head_size (const MpPacket *packet)
{
  return MP_PACKET_HEADER_SIZE + align (packet->name_length) + align (packet->codec_length) +
         align (packet->attachments_length);
}

static void
write_head (const MpPacket *packet,
            guint8         *head)
{
  guint8 *end;

  put16 (head + AT_MAGIC, MP_PACKET_MAGIC);
  head[AT_VERSION] = MP_PACKET_VERSION;
  head[AT_KIND] = packet->kind;
  put32 (head + AT_FLAGS, packet->flags);
  put64 (head + AT_SERIAL, packet->serial);
  put64 (head + AT_INDEX, packet->index);
  put64 (head + AT_BODY_LENGTH, packet->body_length);
  put32 (head + AT_ATTACHMENTS_LENGTH, (guint32) packet->attachments_length);
  put16 (head + AT_NAME_LENGTH, (guint16) packet->name_length);
  put16 (head + AT_CODEC_LENGTH, (guint16) packet->codec_length);
  put16 (head + AT_N_FDS, packet->n_fds);
  memset (head + AT_ZERO, 0, MP_PACKET_HEADER_SIZE - AT_ZERO);

  end = put_section (head + MP_PACKET_HEADER_SIZE, packet->name, packet->name_length);
  end = put_section (end, packet->codec, packet->codec_length);
  end = put_section (end, packet->attachments, packet->attachments_length);
  g_assert (end == head + get_head_size (packet));
}

/*< private >
 * mp_packet_encode_head:
 * @packet: what to encode; all but `body` and `body_size`
 * @size: (out): size of the head
 *
 * Encodes the packet up to its body, whose bytes the caller sends behind it.
 *
 * Fails with %MP_ERROR_TOO_BIG if name, codec and attachments together are
 * larger than a packet allows.
 *
 * Returns: (transfer full) (nullable): the head
 */
guint8 *
mp_packet_encode_head (const MpPacket *packet,
                       gsize          *size,
                       GError        **error)
{
  guint64 head_size = get_head_size (packet);
  guint8 *head;

  if (packet->name_length > G_MAXUINT16 || packet->codec_length > G_MAXUINT16 ||
      packet->attachments_length > G_MAXUINT32 || packet->n_fds > MP_PACKET_MAX_FDS ||
      head_size > MP_PACKET_MAX_HEAD)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                   "A message can carry attachments of %d bytes and %d file descriptors, not %"
                   G_GUINT64_FORMAT " and %u",
                   MP_PACKET_MAX_HEAD - MP_PACKET_HEADER_SIZE, MP_PACKET_MAX_FDS,
                   head_size - MP_PACKET_HEADER_SIZE, (guint) packet->n_fds);
      return NULL;
    }

  head = g_malloc (head_size);
  write_head (packet, head);
  *size = head_size;
  return head;
}

/* --- Decoding -------------------------------------------------------------- */

static guint16
get16 (const guint8 *from)
{
  guint16 value;

  memcpy (&value, from, sizeof value);
  return GUINT16_FROM_LE (value);
}

static guint32
get32 (const guint8 *from)
{
  guint32 value;

  memcpy (&value, from, sizeof value);
  return GUINT32_FROM_LE (value);
}

static guint64
get64 (const guint8 *from)
{
  guint64 value;

  memcpy (&value, from, sizeof value);
  return GUINT64_FROM_LE (value);
}

static gboolean
is_zero (const guint8 *data,
         gsize         size)
{
  for (gsize i = 0; i < size; i++)
    if (data[i] != 0)
      return FALSE;

  return TRUE;
}

static gboolean
refuse (GError     **error,
        const char  *what)
{
  g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "Refused a packet from the peer: %s", what);
  return FALSE;
}

static gboolean
decode_header (const guint8  *data,
               MpPacket      *packet,
               GError       **error)
{
  if (get16 (data + AT_MAGIC) != MP_PACKET_MAGIC)
    return refuse (error, "it is not one of mpglib");

  if (data[AT_VERSION] != MP_PACKET_VERSION)
    return refuse (error, "its version is unknown");

  if (!is_zero (data + AT_ZERO, MP_PACKET_HEADER_SIZE - AT_ZERO))
    return refuse (error, "what must be zero is not");

  *packet = (MpPacket) {
    .kind = data[AT_KIND],
    .flags = get32 (data + AT_FLAGS),
    .serial = get64 (data + AT_SERIAL),
    .index = get64 (data + AT_INDEX),
    .body_length = get64 (data + AT_BODY_LENGTH),
    .n_fds = get16 (data + AT_N_FDS),
    .attachments_length = get32 (data + AT_ATTACHMENTS_LENGTH),
    .name_length = get16 (data + AT_NAME_LENGTH),
    .codec_length = get16 (data + AT_CODEC_LENGTH),
  };

  if (!mp_frame_kind_is_known (packet->kind))
    return refuse (error, "its kind is unknown");

  if ((packet->flags & ~(guint32) MP_PACKET_FLAGS) != 0)
    return refuse (error, "it has unknown flags");

  if (packet->n_fds > MP_PACKET_MAX_FDS)
    return refuse (error, "it has too many descriptors");

  return TRUE;
}

/* Steps over a section, whose length lies within the packet, and its padding. */
static gboolean
decode_section (const guint8  *data,
                gsize          size,
                guint64       *offset,
                gsize          length,
                gconstpointer *section)
{
  guint64 end = align (*offset + length);

  if (end > size || !is_zero (data + *offset + length, end - *offset - length))
    return FALSE;

  *section = data + *offset;
  *offset = end;
  return TRUE;
}

static gboolean
decode_sections (const guint8  *data,
                 gsize          size,
                 gsize          max_body,
                 MpPacket      *packet,
                 GError       **error)
{
  guint64 offset = MP_PACKET_HEADER_SIZE;
  gconstpointer name, codec, attachments;

  if (!decode_section (data, size, &offset, packet->name_length, &name) ||
      !decode_section (data, size, &offset, packet->codec_length, &codec) ||
      !decode_section (data, size, &offset, packet->attachments_length, &attachments))
    return refuse (error, "its sections do not fit into it");

  packet->name = name;
  packet->codec = codec;
  packet->attachments = attachments;
  packet->body = data + offset;
  packet->body_size = size - offset;

  if (packet->body_size > max_body)
    return refuse (error, "it is too large");

  if (packet->name_length > 0 && !g_utf8_validate_len (packet->name, packet->name_length, NULL))
    return refuse (error, "its name is not UTF-8");

  return TRUE;
}

/* Whether the body is where the flags say. */
static gboolean
check_body (const MpPacket *packet,
            GError        **error)
{
  if ((packet->flags & MP_FRAME_LARGE) != 0 && (packet->flags & MP_FRAME_PART) != 0)
    return refuse (error, "its body cannot be in two places");

  if ((packet->flags & MP_FRAME_PART) != 0 && packet->body_length > MP_PACKET_MAX_PARTED)
    return refuse (error, "its body is too large to come in parts");

  if ((packet->flags & MP_FRAME_LARGE) != 0)
    {
      if (packet->body_length == 0)
        return refuse (error, "it has no body to be large");
    }
  else if (mp_packet_is_continuation (packet))
    {
      if (packet->index == 0 || packet->index > packet->body_length ||
          packet->body_size > packet->body_length - packet->index)
        return refuse (error, "it lies outside of its body");
    }
  else if ((packet->flags & MP_FRAME_PART) != 0)
    {
      if (packet->body_size == 0 || packet->body_size >= packet->body_length)
        return refuse (error, "it is not a part of its body");
    }
  else if (packet->body_size != packet->body_length)
    {
      return refuse (error, "its body does not have the length that it says");
    }

  return TRUE;
}

/* Whether what goes with the body goes with this one. */
static gboolean
check_kind (const MpPacket *packet,
            GError        **error)
{
  gboolean has_message = packet->codec_length != 0;

  if (!has_message && (packet->attachments_length != 0 || packet->n_fds != 0))
    return refuse (error, "it has attachments of no message");

  if (!has_message && packet->body_length != 0 && !mp_packet_is_continuation (packet))
    return refuse (error, "it has a body without a codec");

  if (mp_packet_is_continuation (packet) && packet->name_length != 0)
    return refuse (error, "a later part has no name");

  if (packet->attachments_length == 0 && packet->n_fds != 0)
    return refuse (error, "it has descriptors of no attachment");

  if (packet->kind == MP_FRAME_SHARED || packet->kind == MP_FRAME_BYE)
    {
      if (has_message || packet->name_length != 0 || packet->flags != 0 || packet->index != 0 ||
          packet->serial != 0)
        return refuse (error, "its kind carries nothing");
    }

  return TRUE;
}

/*< private >
 * mp_packet_decode:
 * @data: (array length=size): a packet, whole
 * @packet: (out): what it says; its sections are those of @data
 *
 * Takes nothing on trust and takes no memory.  What the attachments hold is
 * left to who unpacks them.
 *
 * Returns: whether it is a packet; else %MP_ERROR_CORRUPTED
 */
gboolean
mp_packet_decode (const guint8 *data,
                  gsize         size,
                  MpPacket     *packet,
                  GError      **error)
{
  return mp_packet_decode_long (data, size, MP_PACKET_MAX_BODY, packet, error);
}

/*< private >
 * mp_packet_decode_long:
 * @max_body: how long the part of the body may be that lies in the packet
 *
 * As mp_packet_decode(), for channels with other packets than sockets have.
 */
gboolean
mp_packet_decode_long (const guint8  *data,
                       gsize          size,
                       gsize          max_body,
                       MpPacket      *packet,
                       GError       **error)
{
  if (size < MP_PACKET_HEADER_SIZE)
    return refuse (error, "it is shorter than its header");

  return decode_header (data, packet, error) &&
         decode_sections (data, size, max_body, packet, error) &&
         check_body (packet, error) &&
         check_kind (packet, error);
}

/*< private >
 * mp_packet_get_serial:
 * @header: %MP_PACKET_HEADER_SIZE bytes
 *
 * Returns: what stands in the place of the serial, whatever it is
 */
guint64
mp_packet_get_serial (const guint8 *header)
{
  return get64 (header + AT_SERIAL);
}

/* A message without flags, up to the serial. */
#define PLAIN_BEGINNING (MP_PACKET_MAGIC | MP_PACKET_VERSION << 16 | (guint64) MP_FRAME_MESSAGE << 24)

G_STATIC_ASSERT (AT_FLAGS + sizeof (guint32) == sizeof (guint64));
G_STATIC_ASSERT (AT_NAME_LENGTH + sizeof (guint16) == AT_CODEC_LENGTH);
G_STATIC_ASSERT (AT_ATTACHMENTS_LENGTH + 6 == AT_CODEC_LENGTH && AT_CODEC_LENGTH + sizeof (guint16) == AT_N_FDS);
G_STATIC_ASSERT (AT_N_FDS + sizeof (guint64) == MP_PACKET_HEADER_SIZE);

/*< private >
 * mp_packet_write_plain:
 * @head: (array length=room): where to write it
 *
 * Writes what mp_packet_encode_head() does for the most usual of all packets, a message in one piece, with a codec and
 * nothing else, in little time.
 *
 * Returns: the size of the head; 0: it does not fit
 */
gsize
mp_packet_write_plain (const char *codec,
                       gsize       codec_length,
                       gsize       body_length,
                       guint8     *head,
                       gsize       room)
{
  gsize size = MP_PACKET_HEADER_SIZE + align (codec_length);

  if (codec_length > G_MAXUINT16 || size > room)
    return 0;

  put64 (head + AT_MAGIC, PLAIN_BEGINNING);
  put64 (head + AT_SERIAL, 0);
  put64 (head + AT_INDEX, 0);
  put64 (head + AT_BODY_LENGTH, body_length);
  put64 (head + AT_ATTACHMENTS_LENGTH, (guint64) codec_length << 48);
  put64 (head + AT_N_FDS, 0);
  if (codec_length > 0)
    put64 (head + size - sizeof (guint64), 0);
  memcpy (head + MP_PACKET_HEADER_SIZE, codec, codec_length);
  return size;
}

/*< private >
 * mp_packet_decode_plain:
 * @packet: (out): its kind, codec and body; the rest is not set
 *
 * Tells the most usual of all packets, a message in one piece, with a codec and nothing else, in little time.
 *
 * Returns: whether it is one, and mp_packet_decode() would find nothing wrong with it
 */
gboolean
mp_packet_decode_plain (const guint8 *data,
                        gsize         size,
                        MpPacket     *packet)
{
  gsize codec_size;

  if (size < MP_PACKET_HEADER_SIZE || get64 (data + AT_MAGIC) != PLAIN_BEGINNING ||
      get32 (data + AT_ATTACHMENTS_LENGTH) != 0 || get16 (data + AT_NAME_LENGTH) != 0 ||
      get64 (data + AT_N_FDS) != 0)
    return FALSE;

  packet->codec_length = get16 (data + AT_CODEC_LENGTH);
  codec_size = align (packet->codec_length);
  if (packet->codec_length == 0 || size - MP_PACKET_HEADER_SIZE < codec_size)
    return FALSE;

  packet->kind = MP_FRAME_MESSAGE;
  packet->codec = (const char *) data + MP_PACKET_HEADER_SIZE;
  packet->body = data + MP_PACKET_HEADER_SIZE + codec_size;
  packet->body_size = size - MP_PACKET_HEADER_SIZE - codec_size;
  packet->body_length = get64 (data + AT_BODY_LENGTH);
  return packet->body_size == packet->body_length && packet->body_size <= MP_PACKET_MAX_BODY &&
         is_zero ((const guint8 *) packet->codec + packet->codec_length, codec_size - packet->codec_length);
}
