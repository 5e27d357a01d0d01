/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Who knows the key, is let in, and means harm.  It may have its connection ended, or be told nothing, but the
 * listener's program neither crashes nor grows, and serves an honest client meanwhile.
 *
 *   MP_TEST_LONG=1   many more of all
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-memfd-private.h"
#include "mp-message-private.h"
#include "mp-packet-io-private.h"
#include "mp-packet-private.h"
#include "mp-stream-format-private.h"
#include "mp-test-lingering.h"
#include "mp-test-siege.h"
#include "mp-test.h"

static MpAuthKey *key;
static gboolean is_long;
static guint n_let_in;

/* --- Being let in ---------------------------------------------------------------------- */

/* Returns a socket of which the listener believes that it is a connection's. */
static int
befriend (const char *address)
{
  int fd = connect_raw (address);
  g_autoptr (MpHandshake) handshake = new_handshake (MP_ROLE_CLIENT, key, is_tcp (address) ? 0 : MP_FEATURE_FDS,
                                                     is_tcp (address) ? fd : -1);

  while (mp_handshake_get_state (handshake) != MP_HANDSHAKE_AGREED)
    {
      g_autoptr (GBytes) message = mp_handshake_take_output (handshake);
      guint8 packet[512];
      gsize n_taken;
      gssize n;

      if (message != NULL)
        g_assert_cmpint (send (fd, g_bytes_get_data (message, NULL), g_bytes_get_size (message), MSG_NOSIGNAL), >, 0);
      mp_test_poll (fd, POLLIN);
      n = recv (fd, packet, sizeof packet, 0);
      g_assert_cmpint (n, >, 0);
      g_assert_true (mp_handshake_feed (handshake, packet, (gsize) n, &n_taken, NULL));
      g_assert_cmpint (n, ==, (gssize) n_taken);
    }
  n_let_in++;
  return fd;
}

static void
set_body (MpPacket      *packet,
          const char    *codec,
          gconstpointer  body,
          gsize          size)
{
  packet->codec = codec;
  packet->codec_length = strlen (codec);
  packet->body = body;
  packet->body_size = packet->body_length = size;
}

static GByteArray *
encode (const MpPacket *packet)
{
  GByteArray *bytes = g_byte_array_new ();
  gsize size;
  g_autofree guint8 *head = mp_packet_encode_head (packet, &size, NULL);

  g_assert_nonnull (head);
  g_byte_array_append (bytes, head, (guint) size);
  if (packet->body_size > 0)
    g_byte_array_append (bytes, packet->body, (guint) packet->body_size);
  return bytes;
}

/* Waits for room, since who would not reads is not the one that is tried.  Returns 0 or an errno. */
static int
put_bytes (int           fd,
           const guint8 *data,
           gsize         size,
           const int    *fds,
           guint         n_fds)
{
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (int));
  int result;

  if (n_fds > 0)
    g_array_append_vals (all, fds, n_fds);
  while ((result = mp_packet_send (fd, data, size, NULL, 0, -1, all)) == EAGAIN)
    mp_test_poll (fd, POLLOUT);
  return result;
}

static int
put_packet (int             fd,
            const MpPacket *packet,
            const int      *fds,
            guint           n_fds)
{
  g_autoptr (GByteArray) bytes = encode (packet);

  return put_bytes (fd, bytes->data, bytes->len, fds, n_fds);
}

static int
put_number (int    fd,
            gint32 number)
{
  MpPacket packet = { .kind = MP_FRAME_MESSAGE };
  gint32 body = GINT32_TO_LE (number);

  set_body (&packet, "=i", &body, sizeof body);
  return put_packet (fd, &packet, NULL, 0);
}

/* It is still a connection. */
static void
assert_answers (int    fd,
                gint32 number)
{
  guint8 bytes[200];
  MpPacket packet;
  gint32 answer;
  gssize n;

  g_assert_cmpint (put_number (fd, number), ==, 0);
  mp_test_poll (fd, POLLIN);
  n = recv (fd, bytes, sizeof bytes, 0);
  g_assert_cmpint (n, >, 0);
  g_assert_true (mp_packet_decode (bytes, (gsize) n, &packet, NULL));
  g_assert_cmpuint (packet.body_size, ==, sizeof answer);
  memcpy (&answer, packet.body, sizeof answer);
  g_assert_cmpint (GINT32_FROM_LE (answer), ==, number);
}

/* The listener's program has ended it. */
static void
assert_ends (int fd)
{
  guint8 bytes[4096];
  gssize n;

  do
    {
      mp_test_poll (fd, POLLIN);
      n = recv (fd, bytes, sizeof bytes, 0);
    }
  while (n > 0);
  close (fd);
}

/* --- Frames ---------------------------------------------------------------------------- */

static void
try_bytes (Siege        *siege,
           const guint8 *data,
           gsize         size,
           const int    *fds,
           guint         n_fds)
{
  int fd = befriend (siege->server.address);

  put_bytes (fd, data, size, fds, n_fds);
  close (fd);
}

/* What is wrong with it is found at its receiver, and ends the connection or not. */
static guint
try_variations (Siege          *siege,
                const MpPacket *packet,
                const int      *fds,
                guint           n_fds)
{
  static const struct { guint offset, size; } fields[] = {
    { 0, 2 }, { 2, 1 }, { 3, 1 }, { 4, 4 }, { 8, 8 }, { 16, 8 }, { 24, 8 }, { 32, 4 }, { 36, 2 }, { 38, 2 }, { 40, 2 },
    { 42, 2 },
  };
  static const guint64 edges[] = {
    0, 1, 2, 7, 8, 47, 48, 252, 253, 254, 255, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
    G_GUINT64_CONSTANT (1) << 32, G_GUINT64_CONSTANT (1) << 40, G_MAXINT64, G_MAXUINT64 - 7, G_MAXUINT64,
  };
  g_autoptr (GByteArray) right = encode (packet);
  guint step = is_long ? 1 : 7, n = 0;

  for (guint i = (guint) g_test_rand_int_range (1, 3); i < right->len; i += is_long ? 1 : 3, n++)
    try_bytes (siege, right->data, i, fds, n_fds);

  for (guint i = (guint) g_test_rand_int_range (0, 7); i < right->len * 8; i += step, n++)
    {
      right->data[i / 8] ^= (guint8) (1 << i % 8);
      try_bytes (siege, right->data, right->len, fds, n_fds);
      right->data[i / 8] ^= (guint8) (1 << i % 8);
    }

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    for (guint j = (guint) g_test_rand_int_range (0, 3); j < G_N_ELEMENTS (edges); j += is_long ? 1 : 4, n++)
      {
        g_autoptr (GByteArray) wrong = g_byte_array_new ();
        guint64 edge = GUINT64_TO_LE (edges[j]);

        g_byte_array_append (wrong, right->data, right->len);
        memcpy (wrong->data + fields[i].offset, &edge, fields[i].size);
        try_bytes (siege, wrong->data, wrong->len, fds, n_fds);
      }
  return n;
}

static void
test_frames (void)
{
  g_autoptr (GVariant) attached = g_variant_parse (G_VARIANT_TYPE (MP_MESSAGE_PACKED_TYPE), "[('fd', 1, <()>)]",
                                                   NULL, NULL, NULL);
  MpPacket number = { .kind = MP_FRAME_MESSAGE };
  MpPacket handle = { .kind = MP_FRAME_MESSAGE, .n_fds = 1 };
  MpPacket part = { .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_PART };
  MpPacket bye = { .kind = MP_FRAME_BYE };
  int null_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  Siege siege;
  guint n = 0;

  set_body (&number, "=i", "\1\0\0", 4);
  set_body (&handle, "=h", "\0\0\0", 4);
  handle.attachments = g_variant_get_data (attached);
  handle.attachments_length = g_variant_get_size (attached);
  set_body (&part, "raw", "half", 4);
  part.body_length = 8;

  siege_begin (&siege, NULL);
  n_let_in = 0;
  n += try_variations (&siege, &number, NULL, 0);
  n += try_variations (&siege, &handle, &null_fd, 1);
  n += try_variations (&siege, &part, NULL, 0);
  n += try_variations (&siege, &bye, NULL, 0);
  siege_end (&siege, "wrong frames", n, n_let_in);
  close (null_fd);
}

/* A connection has no business with these, and ends. */
static void
test_kinds (void)
{
  Siege siege;
  guint n = 0;

  siege_begin (&siege, NULL);
  n_let_in = 0;
  for (guint kind = 0; kind < 256; kind += is_long ? 1 : 5)
    {
      MpPacket packet = { .kind = MP_FRAME_TASK, .serial = 1, .name = "os.system", .name_length = 9 };
      g_autoptr (GByteArray) bytes = NULL;
      int fd = befriend (siege.server.address);

      set_body (&packet, "=s", "true", 5);
      bytes = encode (&packet);
      bytes->data[3] = (guint8) kind;
      put_bytes (fd, bytes->data, bytes->len, NULL, 0);
      n++;
      close (fd);
    }
  siege_end (&siege, "frames of others", n, n_let_in);
}

/* --- Floods ---------------------------------------------------------------------------- */

static void
flood (Siege          *siege,
       const MpPacket *packet,
       guint           n)
{
  g_autoptr (GByteArray) bytes = encode (packet);
  int fd = befriend (siege->server.address);

  for (guint i = 0; i < n; i++)
    if (put_bytes (fd, bytes->data, bytes->len, NULL, 0) != 0)
      break;
  close (fd);
}

/* What brings its receiver nothing. */
static void
test_floods (void)
{
  const guint n = is_long ? 1000000 : 20000;
  MpPacket empty = { .kind = MP_FRAME_MESSAGE };
  Siege siege;

  set_body (&empty, "raw", "", 0);
  siege_begin (&siege, NULL);
  n_let_in = 0;
  flood (&siege, &(MpPacket) { .kind = MP_FRAME_BYE }, n);
  flood (&siege, &(MpPacket) { .kind = MP_FRAME_SHARED }, n);
  flood (&siege, &empty, n);
  siege_end (&siege, "floods", 3 * n, n_let_in);
}

#define N_LOUD 30

/* They ask, and take no answers; or ask nothing. */
static void
test_deaf (void)
{
  int fds[2 * N_LOUD];
  guint n = 0;
  Siege siege;

  siege_begin (&siege, NULL);
  n_let_in = 0;
  for (guint i = 0; i < N_LOUD; i++)
    {
      g_autoptr (GByteArray) bytes = encode (&(MpPacket) { .kind = MP_FRAME_MESSAGE, .codec = "=i", .codec_length = 2,
                                             .body = (const guint8 *) "\1\0\0", .body_size = 4, .body_length = 4 });

      fds[2 * i] = befriend (siege.server.address);
      fds[2 * i + 1] = befriend (siege.server.address);
      while (n < 100000 && mp_packet_send (fds[2 * i], bytes->data, bytes->len, NULL, 0, -1, NULL) == 0)
        n++;
    }
  for (guint i = 0; i < 2 * N_LOUD; i++)
    close (fds[i]);
  siege_end (&siege, "deaf ones", n, n_let_in);
}

#define N_ATTACHED 252

/* As many descriptors as go, which nobody wants. */
static void
test_descriptors (void)
{
  const guint n = is_long ? 20000 : 300;
  g_autoptr (GVariantBuilder) builder = g_variant_builder_new (G_VARIANT_TYPE (MP_MESSAGE_PACKED_TYPE));
  g_autoptr (GVariant) attached = NULL;
  MpPacket packet = { .kind = MP_FRAME_MESSAGE, .n_fds = N_ATTACHED };
  int fds[N_ATTACHED];
  Siege siege;
  int fd;

  for (guint i = 0; i < N_ATTACHED; i++)
    {
      fds[i] = i == 0 ? open ("/dev/null", O_RDONLY | O_CLOEXEC) : fds[0];
      g_variant_builder_add (builder, "(suv)", "fd", 1, g_variant_new ("()"));
    }
  attached = g_variant_ref_sink (g_variant_builder_end (builder));
  set_body (&packet, "=s", "none", 5);
  packet.attachments = g_variant_get_data (attached);
  packet.attachments_length = g_variant_get_size (attached);

  siege_begin (&siege, NULL);
  n_let_in = 0;
  fd = befriend (siege.server.address);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (put_packet (fd, &packet, fds, N_ATTACHED), ==, 0);
  assert_answers (fd, 5);
  close (fd);
  close (fds[0]);
  siege_end (&siege, "descriptors", n * N_ATTACHED, n_let_in);
}

#define N_LINGERING 12

/* Likewise, and to close each of them would take an hour. */
static void
test_lingering (void)
{
  g_autoptr (GVariant) attached = g_variant_ref_sink (g_variant_new_parsed ("[('fd', uint32 1, <()>)]"));
  MpPacket packet = { .kind = MP_FRAME_MESSAGE, .n_fds = 1 };
  int others[N_LINGERING];
  Siege siege;
  int fd;

  set_body (&packet, "=s", "none", 5);
  packet.attachments = g_variant_get_data (attached);
  packet.attachments_length = g_variant_get_size (attached);
  siege_begin (&siege, NULL);
  n_let_in = 0;
  fd = befriend (siege.server.address);
  for (guint i = 0; i < N_LINGERING; i++)
    {
      int lingering = mp_test_make_lingering (&others[i]);

      g_assert_cmpint (put_packet (fd, &packet, &lingering, 1), ==, 0);
      mp_fd_close (&lingering);
    }
  assert_answers (fd, 5);
  close (fd);
  siege_end (&siege, "descriptors that take an hour to be closed", N_LINGERING, n_let_in);
  mp_fds_close (others, N_LINGERING);
}

/* --- Promises -------------------------------------------------------------------------- */

#define N_PROMISES 40

/* The first part of a body of a gigabyte, and a little more. */
static void
test_parts (void)
{
  g_autofree guint8 *data = g_malloc0 (MP_PACKET_MAX_BODY);
  MpPacket first = { .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_PART };
  int fds[N_PROMISES];
  Siege siege;

  set_body (&first, "raw", data, 32 * 1024);
  first.body_length = MP_PACKET_MAX_PARTED;
  siege_begin (&siege, NULL);
  n_let_in = 0;
  for (guint i = 0; i < N_PROMISES; i++)
    {
      MpPacket second = { .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_PART, .index = first.body_size };

      second.body = data;
      second.body_size = 32 * 1024;
      second.body_length = first.body_length;
      fds[i] = befriend (siege.server.address);
      g_assert_cmpint (put_packet (fds[i], &first, NULL, 0), ==, 0);
      g_assert_cmpint (put_packet (fds[i], &second, NULL, 0), ==, 0);
    }
  /* A message may come between parts, and tells that they have been read. */
  for (guint i = 0; i < N_PROMISES; i++)
    assert_answers (fds[i], (gint32) i);
  for (guint i = 0; i < N_PROMISES; i++)
    close (fds[i]);
  siege_end (&siege, "parts that do not end", N_PROMISES, n_let_in);
}

typedef struct
{
  const char *what;
  guint64 size;      /* of the file */
  guint64 length;    /* that is told */
  int seals;
  gboolean has_pages;
} Memory;

/* A body in memory that somebody could take away, or that nobody has. */
static void
test_memory (void)
{
  static const Memory memories[] = {
    { "without seals", 100000, 100000, 0, TRUE },
    { "that may shrink", 100000, 100000, F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL, TRUE },
    { "that may be written to", 100000, 100000, MP_MEMFD_SEALS_SIZE, TRUE },
    { "with seals that may be changed", 100000, 100000, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, TRUE },
    { "shorter", 99999, 100000, MP_MEMFD_SEALS_CONTENT, TRUE },
    { "longer", 100001, 100000, MP_MEMFD_SEALS_CONTENT, TRUE },
    { "with a hole", 100000, 100000, MP_MEMFD_SEALS_CONTENT, FALSE },
    { "a tebibyte", G_GUINT64_CONSTANT (1) << 40, G_GUINT64_CONSTANT (1) << 40, MP_MEMFD_SEALS_CONTENT, FALSE },
    { "4 GiB", G_GUINT64_CONSTANT (1) << 32, G_GUINT64_CONSTANT (1) << 32, MP_MEMFD_SEALS_CONTENT, FALSE },
    { "nearly all", 0, G_MAXINT64, MP_MEMFD_SEALS_CONTENT, FALSE },
    { "all", 0, G_MAXUINT64, MP_MEMFD_SEALS_CONTENT, FALSE },
  };
  const guint n = is_long ? 200 : 5;
  g_autofree guint8 *bytes = g_malloc0 (100001);
  Siege siege;

  siege_begin (&siege, NULL);
  n_let_in = 0;
  for (guint i = 0; i < n * G_N_ELEMENTS (memories); i++)
    {
      const Memory *memory = &memories[i % G_N_ELEMENTS (memories)];
      MpPacket packet = { .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_LARGE };
      int fd = befriend (siege.server.address);
      int memory_fd = mp_memfd_new ("hostile", memory->size, NULL);

      if (memory->has_pages)
        g_assert_true (mp_memfd_write (memory_fd, 0, bytes, memory->size, NULL));
      g_assert_cmpint (fcntl (memory_fd, F_ADD_SEALS, memory->seals), ==, 0);
      set_body (&packet, "raw", "postage", 7);
      packet.body_length = memory->length;
      put_packet (fd, &packet, &memory_fd, 1);
      if (i / G_N_ELEMENTS (memories) % 2 == 1)
        (void) !ftruncate (memory_fd, 0); /* while it is looked at */
      close (memory_fd);
      assert_ends (fd);
    }
  siege_end (&siege, "memory that is none", n * G_N_ELEMENTS (memories), n_let_in);
}

/* A value that is none harms nobody but itself. */
static void
test_values (void)
{
  static const struct { const char *codec; const char *body; gsize size; } values[] = {
    { "=s", "no end", 6 }, { "=b", "\2", 1 }, { "=as", "a\0b\0\7", 5 }, { "=i", "", 0 }, { "=v", "\1\0i", 3 },
    { "=h", "\0\0\0", 4 }, { "=(mxmmmh)", "\1\0\0\4\0\0", 7 }, { "pickle5", "cos\nsystem\n", 11 },
  };
  static const char * const no_types[] = {
    "=", "=(", "=r", "=a", "=i)", "gvariant", "JSON",
    "=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaai",
  };
  const guint n = is_long ? 2000 : 20;
  Siege siege;
  int fd;

  siege_begin (&siege, NULL);
  n_let_in = 0;
  for (guint i = 0; i < G_N_ELEMENTS (no_types); i++)
    {
      MpPacket packet = { .kind = MP_FRAME_MESSAGE };

      set_body (&packet, no_types[i], "", 0);
      fd = befriend (siege.server.address);
      put_packet (fd, &packet, NULL, 0);
      assert_ends (fd);
    }

  fd = befriend (siege.server.address);
  for (guint i = 0; i < n * G_N_ELEMENTS (values); i++)
    {
      guint which = i % G_N_ELEMENTS (values);
      MpPacket packet = { .kind = MP_FRAME_MESSAGE };

      set_body (&packet, values[which].codec, values[which].body, values[which].size);
      g_assert_cmpint (put_packet (fd, &packet, NULL, 0), ==, 0);
      assert_answers (fd, (gint32) i);
    }
  close (fd);
  siege_end (&siege, "values that are none", n * G_N_ELEMENTS (values), n_let_in);
}

/* --- Over TCP -------------------------------------------------------------------------- */

#define LOOPBACK "tcp:127.0.0.1:0"

/* As frames lie on a stream. */
static GByteArray *
encode_record (const MpPacket *packet)
{
  GByteArray *record = encode (packet);
  guint64 length = GUINT64_TO_LE ((guint64) record->len);
  const guint8 mark = MP_STREAM_MARK_WHOLE;

  g_byte_array_prepend (record, (const guint8 *) &length, sizeof length);
  g_byte_array_append (record, &mark, 1);
  return record;
}

/* What the other end has closed takes nothing more. */
static void
write_all (int           fd,
           const guint8 *data,
           gsize         size)
{
  while (size > 0)
    {
      gssize n = send (fd, data, size, MSG_NOSIGNAL);

      if (n <= 0)
        return;
      data += n;
      size -= (gsize) n;
    }
}

static void
write_once (Siege        *siege,
            const guint8 *data,
            gsize         size)
{
  int fd = befriend (siege->server.address);

  write_all (fd, data, size);
  close (fd);
}

static guint
write_variations (Siege          *siege,
                  const MpPacket *packet)
{
  static const guint64 edges[] = {
    0, 1, 47, 48, 0xffff, 0x10000, 0x50000, 0x50001, 0x7fffffff, 0xffffffff, G_GUINT64_CONSTANT (1) << 40, G_MAXINT64,
    G_MAXUINT64 - 9, G_MAXUINT64 - 8, G_MAXUINT64,
  };
  g_autoptr (GByteArray) right = encode_record (packet);
  guint n = 0;

  for (guint i = (guint) g_test_rand_int_range (1, 4); i < right->len; i += is_long ? 1 : 4, n++)
    write_once (siege, right->data, i);

  for (guint i = (guint) g_test_rand_int_range (0, 11); i < right->len * 8; i += is_long ? 1 : 11, n++)
    {
      right->data[i / 8] ^= (guint8) (1 << i % 8);
      write_once (siege, right->data, right->len);
      right->data[i / 8] ^= (guint8) (1 << i % 8);
    }

  for (guint i = 0; i < G_N_ELEMENTS (edges); i++, n++)
    {
      g_autoptr (GByteArray) wrong = g_byte_array_new ();
      guint64 edge = GUINT64_TO_LE (edges[i]);

      g_byte_array_append (wrong, right->data, right->len);
      memcpy (wrong->data, &edge, sizeof edge);
      write_once (siege, wrong->data, wrong->len);
    }
  return n;
}

static void
test_tcp_frames (void)
{
  MpPacket number = { .kind = MP_FRAME_MESSAGE };
  MpPacket part = { .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_PART };
  MpPacket large = { .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_LARGE };
  Siege siege;
  guint n = 0;

  set_body (&number, "=i", "\1\0\0", 4);
  set_body (&part, "raw", "half", 4);
  part.body_length = 8;
  set_body (&large, "raw", "postage", 7);
  large.body_length = 70000;

  siege_begin (&siege, LOOPBACK);
  n_let_in = 0;
  n += write_variations (&siege, &number);
  n += write_variations (&siege, &part);
  n += write_variations (&siege, &large);
  n += write_variations (&siege, &(MpPacket) { .kind = MP_FRAME_BYE });
  n += write_variations (&siege, &(MpPacket) { .kind = MP_FRAME_SHARED });
  siege_end (&siege, "wrong frames over TCP", n, n_let_in);
}

/* A body of a gigabyte has begun, and a record in it; no more comes. */
static void
test_tcp_promises (void)
{
  g_autofree guint8 *data = g_malloc0 (MP_PACKET_MAX_BODY);
  MpPacket first = { .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_PART };
  g_autoptr (GByteArray) record = NULL;
  int fds[N_PROMISES];
  Siege siege;

  set_body (&first, "raw", data, MP_PACKET_MAX_BODY);
  first.body_length = MP_PACKET_MAX_PARTED;
  record = encode_record (&first);
  siege_begin (&siege, LOOPBACK);
  n_let_in = 0;
  for (guint i = 0; i < N_PROMISES; i++)
    {
      fds[i] = befriend (siege.server.address);
      write_all (fds[i], record->data, record->len);
      write_all (fds[i], record->data, record->len / 2);
    }
  for (guint i = 0; i < N_PROMISES; i++)
    close (fds[i]);
  siege_end (&siege, "records that do not end", N_PROMISES, n_let_in);
}

int
main (int    argc,
      char **argv)
{
  mp_test_init (&argc, &argv);
  is_long = g_getenv ("MP_TEST_LONG") != NULL;
  key = mp_auth_key_new_data ((const guint8 *) MP_TEST_SIEGE_KEY, strlen (MP_TEST_SIEGE_KEY));

  mp_test_add ("/hostile-friends/frames", test_frames);
  mp_test_add ("/hostile-friends/kinds", test_kinds);
  mp_test_add ("/hostile-friends/floods", test_floods);
  mp_test_add ("/hostile-friends/deaf", test_deaf);
  mp_test_add ("/hostile-friends/descriptors", test_descriptors);
  mp_test_add ("/hostile-friends/lingering", test_lingering);
  mp_test_add ("/hostile-friends/parts", test_parts);
  mp_test_add ("/hostile-friends/memory", test_memory);
  mp_test_add ("/hostile-friends/values", test_values);
  mp_test_add ("/hostile-friends/tcp-frames", test_tcp_frames);
  mp_test_add ("/hostile-friends/tcp-promises", test_tcp_promises);

  return g_test_run ();
}
