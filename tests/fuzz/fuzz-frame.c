/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What a peer can make the receiving side do: packets are decoded, frames made of
 * them, values and attachments taken out.
 *
 * The input is a row of packets, each behind two bytes of its length.
 */

#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-assembly-private.h"
#include "mp-fd-private.h"
#include "mp-packet-private.h"

#include "../mp-test-payload.h"
#include "fuzz-look.h"
#include "fuzz.h"

/* A body of this size is in the memfd that comes with a large packet. */
#define PAYLOAD "=ai would be a body"

/* --- Receiving --------------------------------------------------------------- */

/* As many descriptors as the packet says; that it is so is checked elsewhere. */
static guint
open_fds (const MpPacket *packet,
          int            *fds)
{
  guint n = 0;

  if ((packet->flags & MP_FRAME_LARGE) != 0)
    fds[n++] = mp_test_new_payload (PAYLOAD, sizeof PAYLOAD - 1);
  for (guint i = 0; i < packet->n_fds; i++)
    fds[n++] = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  return n;
}

static gboolean
receive (MpAssembly    *assembly,
         const guint8  *data,
         gsize          size)
{
  g_autoptr (MpFrame) frame = NULL;
  g_autoptr (GError) error = NULL;
  MpPacket packet, plain;
  int fds[MP_PACKET_MAX_FDS + 1];
  gboolean is_plain = mp_packet_decode_plain (data, size, &plain);
  gboolean goes_on;
  guint n_fds;

  if (!mp_packet_decode (data, size, &packet, NULL))
    {
      g_assert_false (is_plain);
      return FALSE;
    }

  n_fds = open_fds (&packet, fds);
  goes_on = mp_assembly_take_packet (assembly, &packet, fds, n_fds, &frame, &error);
  g_assert_true (goes_on == (error == NULL));
  mp_fds_close (fds, n_fds);
  if (frame != NULL)
    look_at_frame (frame);

  return goes_on;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  MpAssembly assembly = { .is_raw = size % 2 == 1 };
  size_t offset = 0;

  while (offset + 2 <= size)
    {
      size_t length = data[offset] | (size_t) data[offset + 1] << 8;

      offset += 2;
      length = MIN (length, size - offset);
      if (!receive (&assembly, data + offset, length))
        break;
      offset += length;
    }

  mp_assembly_clear (&assembly);
  return 0;
}

/* --- Seeds -------------------------------------------------------------------- */

static void
add_packet (GByteArray     *input,
            const MpPacket *packet)
{
  gsize head_size;
  g_autofree guint8 *head = mp_packet_encode_head (packet, &head_size, NULL);
  gsize size = head_size + packet->body_size;
  const guint8 length[] = { size & 0xff, size >> 8 };

  g_byte_array_append (input, length, sizeof length);
  g_byte_array_append (input, head, (guint) head_size);
  if (packet->body_size > 0)
    g_byte_array_append (input, packet->body, (guint) packet->body_size);
}

static void
set_body (MpPacket   *packet,
          const char *codec,
          const void *body,
          gsize       size)
{
  packet->codec = codec;
  packet->codec_length = strlen (codec);
  packet->body = body;
  packet->body_size = packet->body_length = size;
}

static void
add_value (GPtrArray  *seeds,
           const char *text,
           const char *attachments)
{
  g_autoptr (GVariant) value = g_variant_parse (NULL, text, NULL, NULL, NULL);
  g_autofree char *codec = g_strconcat ("=", g_variant_get_type_string (value), NULL);
  g_autoptr (GVariant) packed = NULL;
  MpPacket packet = { .kind = MP_FRAME_TASK, .serial = 7, .name = "name", .name_length = 4 };
  GByteArray *input = g_byte_array_new ();

  set_body (&packet, codec, g_variant_get_data (value), g_variant_get_size (value));
  if (attachments != NULL)
    {
      packed = g_variant_parse (G_VARIANT_TYPE (MP_MESSAGE_PACKED_TYPE), attachments, NULL, NULL, NULL);
      packet.attachments = g_variant_get_data (packed);
      packet.attachments_length = g_variant_get_size (packed);
      packet.n_fds = 1;
    }
  add_packet (input, &packet);
  g_ptr_array_add (seeds, input);
}

static void
add_parts (GPtrArray *seeds)
{
  GByteArray *input = g_byte_array_new ();
  MpPacket first = { .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_PART };
  MpPacket second = first;

  set_body (&first, "json", "[1, ", 4);
  first.body_length = 6;
  set_body (&second, "", "2]", 2);
  second.body_length = 6;
  second.index = 4;
  add_packet (input, &first);
  add_packet (input, &second);
  g_ptr_array_add (seeds, input);
}

static void
add_large (GPtrArray *seeds)
{
  GByteArray *input = g_byte_array_new ();
  MpPacket packet = { .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_LARGE };

  set_body (&packet, "raw", "postage", 7);
  packet.body_length = sizeof PAYLOAD - 1;
  add_packet (input, &packet);
  g_ptr_array_add (seeds, input);
}

static void
add_bare (GPtrArray *seeds)
{
  GByteArray *input = g_byte_array_new ();

  add_packet (input, &(MpPacket) { .kind = MP_FRAME_SHARED });
  add_packet (input, &(MpPacket) { .kind = MP_FRAME_CANCEL, .serial = 3 });
  add_packet (input, &(MpPacket) { .kind = MP_FRAME_BYE });
  g_ptr_array_add (seeds, input);
}

void
fuzz_add_seeds (GPtrArray *seeds)
{
  add_value (seeds, "{'a': <1>, 'b': <[<true>, <'text'>, <@mv nothing>]>}", NULL);
  add_value (seeds, "([(1, 'x', [1.5, 2.5])], byte 0x07, {uint16 1: 'y'})", NULL);
  add_value (seeds, "[1.5, 2.5]", NULL);
  add_value (seeds, "[(byte 0x01, ()), (0x02, ())]", NULL);
  add_value (seeds, "handle 0", "[('fd', 1, <()>)]");
  add_value (seeds, "<handle 0>", "[('connection', 1, <(true, true)>)]");
  add_value (seeds, "()", "[('unknown', 1, <{'a': <1>}>)]");
  add_parts (seeds);
  add_large (seeds);
  add_bare (seeds);
}

void
fuzz_warm_up (void)
{
}
