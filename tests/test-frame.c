/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <string.h>

#include <mpglib.h>

#include "mp-frame-private.h"
#include "mp-packet-private.h"
#include "mp-test.h"

/* A packet with everything in it. */
static GByteArray *
new_packet (guint8      kind,
            guint32     flags,
            const char *name,
            const char *codec,
            const char *attachments,
            guint16     n_fds,
            const char *body,
            guint64     body_length)
{
  MpPacket packet = {
    .kind = kind,
    .flags = flags,
    .serial = G_GUINT64_CONSTANT (0x0102030405060708),
    .index = 9,
    .body_length = body_length,
    .n_fds = n_fds,
    .name = name,
    .name_length = strlen (name),
    .codec = codec,
    .codec_length = strlen (codec),
    .attachments = (const guint8 *) attachments,
    .attachments_length = strlen (attachments),
  };
  g_autoptr (GError) error = NULL;
  GByteArray *array = g_byte_array_new ();
  gsize size;
  g_autofree guint8 *head = mp_packet_encode_head (&packet, &size, &error);

  g_assert_no_error (error);
  g_byte_array_append (array, head, (guint) size);
  g_byte_array_append (array, (const guint8 *) body, (guint) strlen (body));
  return array;
}

static gboolean
decode (const GByteArray *array,
        MpPacket         *packet)
{
  return mp_packet_decode (array->data, array->len, packet, NULL);
}

static void
assert_refused (const GByteArray *array)
{
  g_autoptr (GError) error = NULL;
  MpPacket packet;

  g_assert_false (mp_packet_decode (array->data, array->len, &packet, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
}

static void
test_round_trip (void)
{
  g_autoptr (GByteArray) array =
    new_packet (MP_FRAME_TASK, MP_FRAME_SPREAD, "naïve", "pickle5", "attached", 3, "the body", 8);
  MpPacket packet;

  g_assert_true (decode (array, &packet));
  g_assert_cmpuint (packet.kind, ==, MP_FRAME_TASK);
  g_assert_cmpuint (packet.flags, ==, MP_FRAME_SPREAD);
  g_assert_cmphex (packet.serial, ==, G_GUINT64_CONSTANT (0x0102030405060708));
  g_assert_cmpuint (packet.index, ==, 9);
  g_assert_cmpuint (packet.body_length, ==, 8);
  g_assert_cmpuint (packet.n_fds, ==, 3);
  g_assert_cmpmem (packet.name, packet.name_length, "naïve", strlen ("naïve"));
  g_assert_cmpmem (packet.codec, packet.codec_length, "pickle5", 7);
  g_assert_cmpmem (packet.attachments, packet.attachments_length, "attached", 8);
  g_assert_cmpmem (packet.body, packet.body_size, "the body", 8);

  /* So that a GVariant needs no copy. */
  g_assert_cmpuint ((gsize) (packet.body - array->data) % 8, ==, 0);
  g_assert_cmpuint ((gsize) (packet.attachments - array->data) % 8, ==, 0);
}

/* The bytes are the contract of docs/wire-protocol.md. */
static void
test_known_bytes (void)
{
  static const guint8 expected[] = {
    0x4d, 0x50, 1, 49,  0, 0, 0, 0,
    8, 7, 6, 5, 4, 3, 2, 1,
    9, 0, 0, 0, 0, 0, 0, 0,
    2, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0,  1, 0,  3, 0,
    0, 0,  0, 0, 0, 0, 0, 0,
    'n', 0, 0, 0, 0, 0, 0, 0,
    'r', 'a', 'w', 0, 0, 0, 0, 0,
    'h', 'i',
  };
  g_autoptr (GByteArray) array = new_packet (MP_FRAME_RESULT, 0, "n", "raw", "", 0, "hi", 2);

  g_assert_cmpmem (array->data, array->len, expected, sizeof expected);
}

static void
test_bare (void)
{
  g_autoptr (GByteArray) stop = new_packet (MP_FRAME_STOP, 0, "", "", "", 0, "", 0);
  g_autoptr (GByteArray) empty_body = new_packet (MP_FRAME_MESSAGE, 0, "", "raw", "", 0, "", 0);
  g_autoptr (GByteArray) large = new_packet (MP_FRAME_MESSAGE, MP_FRAME_LARGE, "", "raw", "", 0, "", 1 << 20);
  MpPacket packet;

  g_assert_true (decode (stop, &packet));
  g_assert_cmpuint (stop->len, ==, MP_PACKET_HEADER_SIZE);
  g_assert_true (decode (empty_body, &packet));
  g_assert_cmpuint (packet.codec_length, ==, 3);
  g_assert_cmpuint (packet.body_size, ==, 0);
  g_assert_true (decode (large, &packet));
  g_assert_cmpuint (packet.body_length, ==, 1 << 20);
}

static void
test_truncated (void)
{
  g_autoptr (GByteArray) array =
    new_packet (MP_FRAME_TASK, 0, "name", "=(is)", "attached", 1, "the body", 8);
  MpPacket packet;

  while (array->len > 0)
    {
      /* A copy of exactly this size, so that a sanitizer sees each step beyond. */
      g_autofree guint8 *copy = NULL;

      g_byte_array_set_size (array, array->len - 1);
      copy = g_memdup2 (array->data, array->len);
      g_assert_false (mp_packet_decode (copy, array->len, &packet, NULL));
    }

  g_byte_array_append (array, (const guint8 *) "", 1);
  assert_refused (array);
}

/* A flipped bit is noticed, or lies where any value is as good: in a number, in
 * the text of a section, or turns one kind or flag into another.
 */
static gboolean
may_differ (gsize byte)
{
  return byte == 3 || (byte >= 4 && byte < 24) || (byte >= 40 && byte < 42) || byte >= MP_PACKET_HEADER_SIZE;
}

static void
test_flipped (void)
{
  g_autoptr (GByteArray) array =
    new_packet (MP_FRAME_TASK, 0, "abcdefgh", "=(issss)", "attached", 1, "the body", 8);
  guint n_refused = 0;

  for (gsize bit = 0; bit < array->len * 8; bit++)
    {
      g_autofree guint8 *copy = g_memdup2 (array->data, array->len);
      MpPacket packet;

      copy[bit / 8] ^= (guint8) (1 << (bit % 8));
      if (mp_packet_decode (copy, array->len, &packet, NULL))
        g_assert_true (may_differ (bit / 8));
      else
        n_refused++;
    }

  /* magic, version, unknown flags, four lengths, zeros, top bits of the name */
  g_assert_cmpuint (n_refused, >, 16 + 8 + 26 + 3 * 8 + 48);
}

/* Edge values in each length, none of which fits the packet. */
static void
test_lengths (void)
{
  static const guint64 values[] = {
    1, 7, 9, 16, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
    G_GUINT64_CONSTANT (0x100000000), G_GUINT64_CONSTANT (0x7fffffffffffffff),
    G_GUINT64_CONSTANT (0xfffffffffffffff8), G_GUINT64_CONSTANT (0xffffffffffffffff),
  };
  static const struct
  {
    gsize offset;
    gsize size;
  } fields[] = { { 24, 8 }, { 32, 4 }, { 36, 2 }, { 38, 2 } };
  g_autoptr (GByteArray) array =
    new_packet (MP_FRAME_TASK, 0, "abcdefgh", "=(issss)", "attached", 1, "the body", 8);

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    for (guint j = 0; j < G_N_ELEMENTS (values); j++)
      {
        guint64 value = GUINT64_TO_LE (values[j]);
        g_autofree guint8 *copy = g_memdup2 (array->data, array->len);
        MpPacket packet;

        memcpy (copy + fields[i].offset, &value, fields[i].size);
        /* A shorter section leaves bytes that would have to be zero, and a
         * value cut to its field may be the right one or none.
         */
        if (memcmp (copy, array->data, array->len) != 0)
          g_assert_false (mp_packet_decode (copy, array->len, &packet, NULL));
      }
}

/* --- The quick way --------------------------------------------------------- */

/* It finds nothing that the other does not find, and the same. */
static gboolean
check_plain (const guint8 *data,
             gsize         size)
{
  MpPacket plain, packet;

  if (!mp_packet_decode_plain (data, size, &plain))
    return FALSE;

  g_assert_true (mp_packet_decode (data, size, &packet, NULL));
  g_assert_cmpuint (packet.kind, ==, MP_FRAME_MESSAGE);
  g_assert_cmpuint (packet.flags, ==, 0);
  g_assert_cmpuint (packet.n_fds, ==, 0);
  g_assert_cmpuint (packet.name_length, ==, 0);
  g_assert_cmpuint (packet.attachments_length, ==, 0);
  g_assert_true (plain.codec == packet.codec && plain.codec_length == packet.codec_length);
  g_assert_true (plain.body == packet.body && plain.body_size == packet.body_size);
  g_assert_cmpuint (plain.body_length, ==, packet.body_length);
  return TRUE;
}

static void
test_plain (void)
{
  g_autoptr (GByteArray) array = new_packet (MP_FRAME_MESSAGE, 0, "", "pickle5", "", 0, "the body", 8);
  g_autoptr (GByteArray) empty = new_packet (MP_FRAME_MESSAGE, 0, "", "raw", "", 0, "", 0);
  g_autoptr (GByteArray) named = new_packet (MP_FRAME_MESSAGE, 0, "name", "raw", "", 0, "x", 1);
  g_autoptr (GByteArray) attached = new_packet (MP_FRAME_MESSAGE, 0, "", "raw", "attached", 1, "x", 1);
  g_autoptr (GByteArray) large = new_packet (MP_FRAME_MESSAGE, MP_FRAME_LARGE, "", "raw", "", 0, "", 1 << 20);
  g_autoptr (GByteArray) other = new_packet (MP_FRAME_RESULT, 0, "", "raw", "", 0, "x", 1);
  g_autoptr (GByteArray) bare = new_packet (MP_FRAME_MESSAGE, 0, "", "", "", 0, "", 0);
  const GByteArray *not_plain[] = { named, attached, large, other, bare };

  g_assert_true (check_plain (array->data, array->len));
  g_assert_true (check_plain (empty->data, empty->len));
  for (guint i = 0; i < G_N_ELEMENTS (not_plain); i++)
    g_assert_false (check_plain (not_plain[i]->data, not_plain[i]->len));

  for (gsize bit = 0; bit < array->len * 8; bit++)
    {
      g_autofree guint8 *copy = g_memdup2 (array->data, array->len);

      copy[bit / 8] ^= (guint8) (1 << (bit % 8));
      /* Serial, index, codec and body may be any. */
      g_assert_true (check_plain (copy, array->len) ==
                     ((bit / 8 >= 8 && bit / 8 < 24) || (bit / 8 >= 48 && bit / 8 != 55)));
    }

  for (gsize size = 0; size < array->len; size++)
    {
      g_autofree guint8 *copy = g_memdup2 (array->data, size);

      g_assert_false (check_plain (copy, size));
    }
}

static void
test_wrong_places (void)
{
  static const struct
  {
    guint8      kind;
    guint32     flags;
    const char *name, *codec, *attachments;
    guint16     n_fds;
    const char *body;
    guint64     body_length;
  } rows[] = {
    { 0, 0, "", "raw", "", 0, "", 0 },                                      /* kinds that are none */
    { 4, 0, "", "raw", "", 0, "", 0 },
    { 255, 0, "", "raw", "", 0, "", 0 },
    { MP_FRAME_MESSAGE, 16, "", "raw", "", 0, "", 0 },                      /* unknown flags */
    { MP_FRAME_MESSAGE, 1u << 31, "", "raw", "", 0, "", 0 },
    { MP_FRAME_MESSAGE, 0, "", "", "", 0, "x", 1 },                         /* no message, but parts of one */
    { MP_FRAME_MESSAGE, 0, "", "", "attached", 0, "", 0 },
    { MP_FRAME_MESSAGE, MP_FRAME_LARGE, "", "", "", 0, "", 5 },
    { MP_FRAME_MESSAGE, 0, "", "raw", "", 1, "", 0 },                       /* descriptors of nothing */
    { MP_FRAME_MESSAGE, MP_FRAME_LARGE, "", "raw", "", 0, "", 0 },          /* large, and nothing */
    { MP_FRAME_MESSAGE, MP_FRAME_LARGE | MP_FRAME_PART, "", "raw", "", 0, "", 5 },
    { MP_FRAME_MESSAGE, MP_FRAME_PART, "", "raw", "", 0, "xx", 2 },         /* a part that is all */
    { MP_FRAME_MESSAGE, MP_FRAME_PART, "", "raw", "", 0, "", 2 },           /* or nothing */
    { MP_FRAME_MESSAGE, MP_FRAME_PART, "", "raw", "", 0, "x", MP_PACKET_MAX_PARTED + G_GUINT64_CONSTANT (1) },
    { MP_FRAME_MESSAGE, MP_FRAME_PART, "name", "", "", 0, "x", 100 },       /* a later part with a name */
    { MP_FRAME_MESSAGE, MP_FRAME_PART, "", "", "", 0, "x", 9 },             /* one beyond its body */
    { MP_FRAME_MESSAGE, MP_FRAME_PART, "", "", "", 0, "", 8 },
    { MP_FRAME_MESSAGE, 0, "\xff\xff", "raw", "", 0, "", 0 },               /* name not UTF-8 */
    { MP_FRAME_SHARED, 0, "", "raw", "", 0, "", 0 },                        /* kinds without a message */
    { MP_FRAME_BYE, 0, "name", "", "", 0, "", 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GByteArray) array = new_packet (rows[i].kind, rows[i].flags, rows[i].name, rows[i].codec,
                                                 rows[i].attachments, rows[i].n_fds,
                                                 rows[i].body, rows[i].body_length);

      g_test_message ("row %u", i);
      assert_refused (array);
    }
}

static void
test_continuation (void)
{
  g_autoptr (GByteArray) later = new_packet (MP_FRAME_MESSAGE, MP_FRAME_PART, "", "", "", 0, "x", 10);
  g_autoptr (GByteArray) no_more = new_packet (MP_FRAME_MESSAGE, MP_FRAME_PART, "", "", "", 0, "", 10);
  MpPacket packet;

  g_assert_true (decode (later, &packet));
  g_assert_true (mp_packet_is_continuation (&packet));
  g_assert_true (decode (no_more, &packet));
  g_assert_true (mp_packet_is_continuation (&packet));
}

static void
test_too_large (void)
{
  g_autofree char *text = g_strnfill (MP_PACKET_MAX_BODY + 1, 'x');
  g_autoptr (GByteArray) body =
    new_packet (MP_FRAME_MESSAGE, 0, "", "raw", "", 0, text, MP_PACKET_MAX_BODY + 1);
  MpPacket packet = { .kind = MP_FRAME_MESSAGE, .codec = "raw", .codec_length = 3 };
  g_autoptr (GError) error = NULL;
  gsize size;

  assert_refused (body);

  packet.name = text;
  packet.name_length = 65535;
  g_assert_null (mp_packet_encode_head (&packet, &size, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);
  g_clear_error (&error);

  packet.name_length = 0;
  packet.n_fds = MP_PACKET_MAX_FDS + 1;
  g_assert_null (mp_packet_encode_head (&packet, &size, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);
}

static void
test_dup_value (void)
{
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("(is)", 3, "x"));
  g_autoptr (MpMessage) bytes = mp_message_new_data ((const guint8 *) "x", 1, "json");
  g_autoptr (MpFrame) frame = mp_frame_new (MP_FRAME_RESULT, 1, 2, NULL, message);
  g_autoptr (MpFrame) of_bytes = mp_frame_new (MP_FRAME_RESULT, 1, 2, NULL, bytes);
  g_autoptr (MpFrame) empty = mp_frame_new (MP_FRAME_RESULT, 1, 2, NULL, NULL);
  g_autoptr (GVariant) value = mp_frame_dup_value (frame, G_VARIANT_TYPE ("(is)"), NULL);
  g_autoptr (GVariant) any = mp_frame_dup_value (frame, G_VARIANT_TYPE_TUPLE, NULL);
  MpFrame *wrong[] = { frame, of_bytes, empty };

  g_assert_nonnull (value);
  g_assert_nonnull (any);

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (mp_frame_dup_value (wrong[i], G_VARIANT_TYPE ("a{sv}"), &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
    }
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);

  mp_test_add ("/frame/round-trip", test_round_trip);
  mp_test_add ("/frame/known-bytes", test_known_bytes);
  mp_test_add ("/frame/bare", test_bare);
  mp_test_add ("/frame/truncated", test_truncated);
  mp_test_add ("/frame/flipped", test_flipped);
  mp_test_add ("/frame/lengths", test_lengths);
  mp_test_add ("/frame/plain", test_plain);
  mp_test_add ("/frame/wrong-places", test_wrong_places);
  mp_test_add ("/frame/continuation", test_continuation);
  mp_test_add ("/frame/too-large", test_too_large);
  mp_test_add ("/frame/dup-value", test_dup_value);

  return g_test_run ();
}
