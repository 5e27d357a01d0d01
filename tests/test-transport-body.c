/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-packet-private.h"
#include "mp-test.h"
#include "mp-transport-private.h"

/* Messages without a frame around them are as those with one, to which all else is left. */

typedef struct
{
  MpTransport *transport;
  int fd;               /* the other end */
} Raw;

static Raw
new_raw (void)
{
  int fds[2];

  g_assert_true (mp_transport_new_pair (fds, NULL));
  return (Raw) { mp_transport_new (fds[0]), fds[1] };
}

static void
free_raw (Raw *raw)
{
  g_clear_pointer (&raw->transport, mp_transport_free);
  mp_fd_close (&raw->fd);
}

static void
raw_send (Raw            *raw,
          const MpPacket *packet,
          const int      *passed)
{
  union
  {
    char bytes[CMSG_SPACE (sizeof (int))];
    struct cmsghdr align;
  } control = { 0 };
  gsize size;
  g_autofree guint8 *head = mp_packet_encode_head (packet, &size, NULL);
  struct iovec pieces[2] = { { head, size }, { (gpointer) packet->body, packet->body_size } };
  struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };

  if (passed != NULL)
    {
      message.msg_control = &control;
      message.msg_controllen = sizeof control.bytes;
      control.align.cmsg_level = SOL_SOCKET;
      control.align.cmsg_type = SCM_RIGHTS;
      control.align.cmsg_len = CMSG_LEN (sizeof (int));
      memcpy (CMSG_DATA (&control.align), passed, sizeof (int));
    }
  g_assert_cmpint (sendmsg (raw->fd, &message, 0), ==, (gssize) (size + packet->body_size));
}

static MpPacket
new_packet (const char *codec,
            const char *body)
{
  return (MpPacket) {
    .kind = MP_FRAME_MESSAGE,
    .codec = codec,
    .codec_length = strlen (codec),
    .body = (const guint8 *) body,
    .body_size = strlen (body),
    .body_length = strlen (body),
  };
}

static gboolean
wants_all (const MpTransportBody *body,
           gconstpointer          user_data)
{
  return TRUE;
}

static gboolean
wants_codec (const MpTransportBody *body,
             gconstpointer          codec)
{
  return body->codec_length == strlen (codec) && memcmp (body->codec, codec, body->codec_length) == 0;
}

static gboolean
receive_body (Raw *raw)
{
  MpTransportBody body;

  return mp_transport_receive_body (raw->transport, wants_all, NULL, &body);
}

static void
assert_no_body (Raw *raw)
{
  g_assert_false (receive_body (raw));
}

static void
assert_receives (Raw        *raw,
                 const char *codec,
                 const char *text)
{
  g_autoptr (MpFrame) frame = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;
  gconstpointer data;

  g_assert_cmpint (mp_transport_receive (raw->transport, &frame, &error), ==, MP_IO_DONE);
  g_assert_no_error (error);
  g_assert_cmpstr (mp_frame_get_wire_codec (frame), ==, codec);
  data = g_bytes_get_data (mp_frame_get_body (frame), &length);
  g_assert_cmpmem (data, length, text, strlen (text));
}

static void
assert_fails (Raw        *raw,
              MpIoStatus  status,
              MpError     code)
{
  g_autoptr (GError) error = NULL;
  MpFrame *frame;

  g_assert_cmpint (mp_transport_receive (raw->transport, &frame, &error), ==, status);
  g_assert_error (error, MP_ERROR, (int) code);
}

/* --- Receiving ------------------------------------------------------------ */

static void
test_received (void)
{
  Raw raw = new_raw ();
  MpPacket packet = new_packet ("json", "{}");
  MpTransportBody body;

  assert_no_body (&raw);
  raw_send (&raw, &packet, NULL);
  g_assert_true (mp_transport_receive_body (raw.transport, wants_all, NULL, &body));
  g_assert_cmpmem (body.codec, body.codec_length, "json", 4);
  g_assert_cmpmem (body.body, body.length, "{}", 2);
  assert_no_body (&raw);

  free_raw (&raw);
}

/* And those behind it wait until it is taken. */
static void
test_unwanted (void)
{
  Raw raw = new_raw ();
  MpPacket unwanted = new_packet ("json", "{}"), wanted = new_packet ("raw", "abc");
  MpTransportBody body;

  raw_send (&raw, &unwanted, NULL);
  raw_send (&raw, &wanted, NULL);
  g_assert_false (mp_transport_receive_body (raw.transport, wants_codec, "raw", &body));
  g_assert_true (mp_transport_has_received (raw.transport));
  g_assert_false (mp_transport_receive_body (raw.transport, wants_codec, "raw", &body));
  assert_receives (&raw, "json", "{}");
  g_assert_true (mp_transport_receive_body (raw.transport, wants_codec, "raw", &body));
  g_assert_cmpmem (body.body, body.length, "abc", 3);

  free_raw (&raw);
}

static void
test_left_to_frames (void)
{
  Raw raw = new_raw ();
  MpPacket named = new_packet ("raw", "named"), last = new_packet ("raw", "last");

  named.name = "n";
  named.name_length = 1;
  raw_send (&raw, &named, NULL);
  assert_no_body (&raw);
  assert_receives (&raw, "raw", "named");

  /* A part of a body is not one. */
  raw_send (&raw, &(MpPacket) { .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_PART, .codec = "raw", .codec_length = 3,
                                .body = (const guint8 *) "ab", .body_size = 2, .body_length = 4 }, NULL);
  raw_send (&raw, &(MpPacket) { .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_PART, .index = 2,
                                .body = (const guint8 *) "cd", .body_size = 2, .body_length = 4 }, NULL);
  assert_no_body (&raw);
  assert_no_body (&raw);
  assert_receives (&raw, "raw", "abcd");

  /* The count of holders is kept. */
  raw_send (&raw, &(MpPacket) { .kind = MP_FRAME_BYE }, NULL);
  assert_no_body (&raw);
  raw_send (&raw, &last, NULL);
  g_assert_true (receive_body (&raw));
  mp_fd_close (&raw.fd);
  assert_no_body (&raw);
  g_assert_false (mp_transport_is_idle (raw.transport));
  assert_fails (&raw, MP_IO_CLOSED, MP_ERROR_CLOSED);

  free_raw (&raw);
}

static void
assert_refused (const MpPacket *packet,
                const int      *passed,
                MpError         code)
{
  Raw raw = new_raw ();
  MpPacket proper = new_packet ("raw", "abc");

  mp_transport_set_max_body (raw.transport, 5);
  raw_send (&raw, packet, passed);
  raw_send (&raw, &proper, NULL);
  assert_no_body (&raw);
  assert_no_body (&raw);
  assert_fails (&raw, MP_IO_FAILED, code);

  free_raw (&raw);
}

static void
test_refused (void)
{
  MpPacket longest = new_packet ("raw", "12345"), too_long = new_packet ("raw", "123456");
  MpPacket wrong_length = new_packet ("raw", "123");
  Raw raw = new_raw ();
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  mp_transport_set_max_body (raw.transport, 5);
  raw_send (&raw, &longest, NULL);
  g_assert_true (receive_body (&raw));
  free_raw (&raw);

  wrong_length.body_length = 4;
  assert_refused (&too_long, NULL, MP_ERROR_TOO_BIG);
  assert_refused (&wrong_length, NULL, MP_ERROR_CORRUPTED);
  assert_refused (&longest, &fd, MP_ERROR_CORRUPTED);
  mp_fd_close (&fd);
}

/* --- Sending -------------------------------------------------------------- */

static gboolean
send_body (MpTransport *transport,
           const char  *codec,
           const char  *text,
           gsize        length)
{
  const MpTransportBody body = { codec, strlen (codec), text, length };

  return mp_transport_send_body (transport, &body);
}

static void
assert_sent_as_by_frame (Raw        *raw,
                         const char *codec,
                         const char *text,
                         gsize       length)
{
  g_autoptr (MpFrame) frame = mp_frame_new_raw (MP_FRAME_MESSAGE, g_strdup (codec), g_bytes_new (text, length));
  g_autofree guint8 *by_body = g_malloc (MP_PACKET_MAX_SIZE), *by_frame = g_malloc (MP_PACKET_MAX_SIZE);
  gssize n;

  g_assert_true (send_body (raw->transport, codec, text, length));
  n = recv (raw->fd, by_body, MP_PACKET_MAX_SIZE, MSG_DONTWAIT);
  g_assert_cmpint (n, >, 0);
  g_assert_cmpint (mp_transport_send (raw->transport, frame, NULL), ==, MP_IO_DONE);
  g_assert_cmpint (recv (raw->fd, by_frame, MP_PACKET_MAX_SIZE, MSG_DONTWAIT), ==, n);
  g_assert_true (memcmp (by_body, by_frame, (gsize) n) == 0);
}

/* The bytes are those of a frame, whatever the length and the codec. */
static void
test_sent (void)
{
  static const gsize lengths[] = { 0, 1, 7, 8, 959, 960, 961, 967, 968, 969, 1024, MP_TRANSPORT_INLINE_MAX };
  static const char *const codecs[] = { "json", "raw", "pickle-5", "=(tsayv)", "=a{sv}" };
  Raw raw = new_raw ();
  g_autofree char *text = g_malloc (MP_TRANSPORT_INLINE_MAX);

  for (gsize i = 0; i < MP_TRANSPORT_INLINE_MAX; i++)
    text[i] = (char) (i % 251);

  for (guint k = 0; k < G_N_ELEMENTS (codecs); k++)
    for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
      assert_sent_as_by_frame (&raw, codecs[k], text, lengths[i]);

  free_raw (&raw);
}

static void
test_not_sent (void)
{
  Raw raw = new_raw ();
  guint8 byte;

  mp_transport_set_max_peer_body (raw.transport, 3);
  g_assert_false (send_body (raw.transport, "raw", "1234", 4));
  g_assert_cmpint (recv (raw.fd, &byte, 1, MSG_DONTWAIT), <, 0);
  g_assert_cmpint (errno, ==, EAGAIN);

  /* Full: nothing of it has gone, and others find that out for themselves. */
  while (send_body (raw.transport, "raw", "123", 3))
    ;
  g_assert_cmpint (errno, ==, EAGAIN);
  g_assert_null (mp_transport_get_end (raw.transport));

  mp_fd_close (&raw.fd);
  g_assert_false (send_body (raw.transport, "raw", "123", 3));
  mp_transport_close (raw.transport);
  g_assert_false (send_body (raw.transport, "raw", "123", 3));

  free_raw (&raw);
}

/* What waits goes first. */
static void
test_not_before_others (void)
{
  Raw raw = new_raw ();
  g_autofree guint8 *packet = g_malloc (MP_PACKET_MAX_SIZE);
  g_autoptr (MpFrame) frame = NULL;

  while (send_body (raw.transport, "raw", "123", 3))
    ;
  frame = mp_frame_new_raw (MP_FRAME_MESSAGE, g_strdup ("raw"), g_bytes_new ("waits", 5));
  g_assert_cmpint (mp_transport_push (raw.transport, g_steal_pointer (&frame), NULL), ==, MP_IO_AGAIN);
  while (recv (raw.fd, packet, MP_PACKET_MAX_SIZE, MSG_DONTWAIT) > 0)
    ;
  g_assert_false (send_body (raw.transport, "raw", "123", 3));
  g_assert_cmpint (mp_transport_flush (raw.transport, NULL), ==, MP_IO_DONE);
  g_assert_true (send_body (raw.transport, "raw", "123", 3));

  free_raw (&raw);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);

  mp_test_add ("/transport-body/received", test_received);
  mp_test_add ("/transport-body/unwanted", test_unwanted);
  mp_test_add ("/transport-body/left-to-frames", test_left_to_frames);
  mp_test_add ("/transport-body/refused", test_refused);
  mp_test_add ("/transport-body/sent", test_sent);
  mp_test_add ("/transport-body/not-sent", test_not_sent);
  mp_test_add ("/transport-body/not-before-others", test_not_before_others);

  return g_test_run ();
}
