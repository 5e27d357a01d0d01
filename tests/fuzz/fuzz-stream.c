/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Frames on a stream of bytes, as a peer may write them: records are found, packets decoded, frames made of
 * them.  In which pieces the bytes come makes no difference.
 *
 * The first byte of the input says in which; the rest is the stream.
 */

#include "config.h"

#include <string.h>

#include <mpglib.h>

#include "mp-assembly-private.h"
#include "mp-stream-format-private.h"
#include "mp-stream-input-private.h"

#include "fuzz-look.h"
#include "fuzz.h"

/* Bit 7 of the first byte: read to where they belong, as far as that is known. */
#define RESERVES 0x80

typedef struct
{
  MpStreamInput input;
  MpAssembly assembly;
  guint n_records;
  guint n_frames;
  guint32 sum;          /* of all records */
  gboolean is_refused;
} Receiver;

/* --- Receiving ---------------------------------------------------------------------------- */

static gboolean
refuse (Receiver *self,
        GError   *error)
{
  g_assert_nonnull (error);
  g_error_free (error);
  self->is_refused = TRUE;
  return FALSE;
}

static gboolean
take_record (gpointer      data,
             const guint8 *record,
             gsize         size)
{
  Receiver *self = data;
  g_autoptr (MpFrame) frame = NULL;
  GError *error = NULL;
  MpPacket packet;

  self->n_records++;
  for (gsize i = 0; i < size; i++)
    self->sum = self->sum * 31 + record[i];

  if (!mp_stream_format_native.decode (record, size, &packet, &error))
    return refuse (self, error);

  if (packet.kind == 0)
    return TRUE;

  if (!mp_assembly_take_packet (&self->assembly, &packet, NULL, 0, &frame, &error))
    return refuse (self, error);

  if (frame != NULL)
    {
      self->n_frames++;
      look_at_frame (frame);
    }
  return TRUE;
}

/* As many as there are are read to where they belong; the rest is a piece of its own. */
static gboolean
feed_piece (Receiver      *self,
            const uint8_t *data,
            size_t         size,
            gboolean       reserves)
{
  g_autofree guint8 *piece = NULL;
  GError *error = NULL;
  gsize n_reserved = 0;
  guint8 *room = NULL;

  if (reserves)
    {
      room = mp_stream_input_reserve (&self->input, &n_reserved);
      n_reserved = MIN (n_reserved, size);
      if (n_reserved > 0)
        memcpy (room, data, n_reserved);
    }

  /* Of exactly this size, so that a sanitizer sees each step beyond. */
  piece = g_memdup2 (data + n_reserved, size - n_reserved);
  if (mp_stream_input_feed (&self->input, n_reserved, piece, size - n_reserved, take_record, self, &error))
    {
      g_assert_no_error (error);
      return TRUE;
    }

  if (error != NULL)
    refuse (self, error);
  g_assert_true (self->is_refused);
  return FALSE;
}

static Receiver
receive (const uint8_t *data,
         size_t         size,
         size_t         step,
         gboolean       reserves)
{
  Receiver self = { .input = { .format = &mp_stream_format_native, .max_body = 1 << 20 } };

  for (size_t offset = 0; offset < size; offset += step)
    if (!feed_piece (&self, data + offset, MIN (step, size - offset), reserves))
      break;

  mp_stream_input_clear (&self.input);
  mp_assembly_clear (&self.assembly);
  return self;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  Receiver whole, parted;

  if (size == 0)
    return 0;

  whole = receive (data + 1, size - 1, MAX (size, 1), FALSE);
  parted = receive (data + 1, size - 1, 1 + (data[0] & ~RESERVES), (data[0] & RESERVES) != 0);
  g_assert_cmpuint (whole.n_records, ==, parted.n_records);
  g_assert_cmpuint (whole.n_frames, ==, parted.n_frames);
  g_assert_cmpuint (whole.sum, ==, parted.sum);
  g_assert_true (whole.is_refused == parted.is_refused);

  return 0;
}

/* --- Seeds --------------------------------------------------------------------------------- */

static void
add_record (GByteArray     *stream,
            const MpPacket *packet,
            guint8          mark)
{
  gsize head_size;
  g_autofree guint8 *head = mp_packet_encode_head (packet, &head_size, NULL);
  guint64 length = GUINT64_TO_LE ((guint64) (head_size + packet->body_size));

  g_byte_array_append (stream, (const guint8 *) &length, sizeof length);
  g_byte_array_append (stream, head, (guint) head_size);
  if (packet->body_size > 0)
    g_byte_array_append (stream, packet->body, (guint) packet->body_size);
  g_byte_array_append (stream, &mark, 1);
}

static void
set_body (MpPacket   *packet,
          const char *codec,
          const char *body)
{
  packet->codec = codec;
  packet->codec_length = strlen (codec);
  packet->body = (const guint8 *) body;
  packet->body_size = packet->body_length = strlen (body);
}

/* A message, one that was taken back, one in parts, and the end. */
static void
add_seed (GPtrArray *seeds,
          guint8     first)
{
  GByteArray *stream = g_byte_array_new ();
  MpPacket value = { .kind = MP_FRAME_MESSAGE };
  MpPacket bytes = { .kind = MP_FRAME_TASK, .serial = 3, .name = "name", .name_length = 4 };
  MpPacket part = { .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_PART };
  MpPacket rest = part;

  set_body (&value, "=i", "four");
  set_body (&bytes, "json", "[1, 2, 3]");
  set_body (&part, "raw", "half of");
  part.body_length = 9;
  set_body (&rest, "", "it");
  rest.body_length = 9;
  rest.index = 7;

  g_byte_array_append (stream, &first, 1);
  add_record (stream, &value, MP_STREAM_MARK_WHOLE);
  add_record (stream, &bytes, MP_STREAM_MARK_TAKEN_BACK);
  add_record (stream, &part, MP_STREAM_MARK_WHOLE);
  add_record (stream, &bytes, MP_STREAM_MARK_WHOLE);
  add_record (stream, &rest, MP_STREAM_MARK_WHOLE);
  add_record (stream, &(MpPacket) { .kind = MP_FRAME_BYE }, MP_STREAM_MARK_WHOLE);
  g_ptr_array_add (seeds, stream);
}

void
fuzz_add_seeds (GPtrArray *seeds)
{
  static const guint8 firsts[] = { 0, 6, 60, RESERVES, RESERVES | 9, RESERVES | 100 };

  for (guint i = 0; i < G_N_ELEMENTS (firsts); i++)
    add_seed (seeds, firsts[i]);
}

void
fuzz_warm_up (void)
{
}
