/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Transports whose peers misbehave. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-packet-io-private.h"
#include "mp-packet-private.h"
#include "mp-test-payload.h"
#include "mp-test-transport.h"
#include "mp-test.h"
#include "mp-transport-private.h"

typedef struct
{
  MpTransport *transport;
  int fd;
} Raw;

static Raw
new_raw (void)
{
  int fds[2];

  g_assert_true (mp_transport_new_pair (fds, NULL));
  return (Raw) { mp_transport_new (fds[0]), fds[1] };
}

static void
raw_send (Raw         *raw,
          const void  *data,
          gsize        size,
          const int   *fds,
          guint        n_fds)
{
  union
  {
    char bytes[CMSG_SPACE (8 * sizeof (int))];
    struct cmsghdr align;
  } control = { 0 };
  struct iovec piece = { (gpointer) data, size };
  struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

  if (n_fds > 0)
    {
      message.msg_control = &control;
      message.msg_controllen = CMSG_SPACE (n_fds * sizeof (int));
      control.align.cmsg_level = SOL_SOCKET;
      control.align.cmsg_type = SCM_RIGHTS;
      control.align.cmsg_len = CMSG_LEN (n_fds * sizeof (int));
      memcpy (CMSG_DATA (&control.align), fds, n_fds * sizeof (int));
    }
  g_assert_cmpint (sendmsg (raw->fd, &message, 0), ==, (gssize) size);
}

static void
raw_send_packet (Raw            *raw,
                 const MpPacket *packet,
                 const int      *fds,
                 guint           n_fds)
{
  gsize size;
  g_autofree guint8 *head = mp_packet_encode_head (packet, &size, NULL);
  g_autoptr (GByteArray) array = g_byte_array_new ();

  g_byte_array_append (array, head, (guint) size);
  if (packet->body_size > 0)
    g_byte_array_append (array, packet->body, (guint) packet->body_size);
  raw_send (raw, array->data, array->len, fds, n_fds);
}

static void
free_raw (Raw *raw)
{
  mp_transport_free (raw->transport);
  close (raw->fd);
}

static void
assert_breaks (const MpPacket *packet,
               const int      *fds,
               guint           n_fds,
               MpError         code)
{
  Raw raw = new_raw ();

  raw_send_packet (&raw, packet, fds, n_fds);
  assert_receive_fails (raw.transport, MP_IO_FAILED, code);

  /* And that is the end of it. */
  raw_send_packet (&raw, &(MpPacket) { .kind = MP_FRAME_STOP }, NULL, 0);
  assert_receive_fails (raw.transport, MP_IO_FAILED, code);
  assert_send_fails (raw.transport, MP_IO_FAILED, code);

  free_raw (&raw);
}

/* Writes until nobody can read any more. */
static gpointer
flood (gpointer data)
{
  int fd = GPOINTER_TO_INT (data);
  const MpPacket packet = { .kind = MP_FRAME_STOP };
  gsize size;
  g_autofree guint8 *head = mp_packet_encode_head (&packet, &size, NULL);

  for (;;)
    {
      struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

      if (send (fd, head, size, MSG_NOSIGNAL) > 0)
        continue;
      if (errno == EPIPE || errno == ECONNRESET)
        return NULL;
      g_assert_cmpint (errno, ==, EAGAIN);
      g_assert_cmpint (poll (&poll_fd, 1, -1), ==, 1);
    }
}

/* A peer that reads nothing more counts as gone, however much it writes. */
static void
test_flood (void)
{
  Raw raw = new_raw ();
  GThread *threads[3];
  MpFrame *frame;
  guint n = 0;

  g_assert_cmpint (shutdown (raw.fd, SHUT_RD), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("flood", flood, GINT_TO_POINTER (raw.fd));

  assert_send_fails (raw.transport, MP_IO_CLOSED, MP_ERROR_PEER_DIED);
  while (mp_transport_receive (raw.transport, &frame, NULL) == MP_IO_DONE)
    {
      mp_frame_free (frame);
      n++;
    }
  g_assert_cmpuint (n, <=, 4096);
  assert_receive_fails (raw.transport, MP_IO_CLOSED, MP_ERROR_PEER_DIED);

  mp_transport_free (raw.transport);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  close (raw.fd);
}

static void
test_garbage (void)
{
  Raw raw = new_raw ();
  g_autofree char *long_text = g_strnfill (150 * 1024, 'x');

  raw_send (&raw, "garbage", 7, NULL, 0);
  assert_receive_fails (raw.transport, MP_IO_FAILED, MP_ERROR_CORRUPTED);
  free_raw (&raw);

  raw = new_raw ();
  raw_send (&raw, long_text, 150 * 1024, NULL, 0);
  assert_receive_fails (raw.transport, MP_IO_FAILED, MP_ERROR_CORRUPTED);
  free_raw (&raw);
}

static void
test_wrong_fds (void)
{
  g_autoptr (GVariant) attachments = g_variant_ref_sink (g_variant_new_parsed ("[('fd', uint32 1, <()>)]"));
  MpPacket plain = { .kind = MP_FRAME_MESSAGE, .codec = "raw", .codec_length = 3 };
  MpPacket attached = plain;
  int fds[] = { 0, 0, 0 };

  attached.attachments = g_variant_get_data (attachments);
  attached.attachments_length = g_variant_get_size (attachments);
  attached.n_fds = 1;

  assert_breaks (&plain, fds, 1, MP_ERROR_CORRUPTED);
  assert_breaks (&attached, fds, 0, MP_ERROR_CORRUPTED);
  assert_breaks (&attached, fds, 2, MP_ERROR_CORRUPTED);
  attached.n_fds = 2;
  assert_breaks (&attached, fds, 2, MP_ERROR_CORRUPTED);
  attached.n_fds = 1;
  attached.attachments_length--;
  assert_breaks (&attached, fds, 1, MP_ERROR_CORRUPTED);
}

static void
test_fds_without_packet (void)
{
  Raw raw = new_raw ();
  int fds[] = { 0, 0 };

  raw_send (&raw, "", 0, fds, 2);
  assert_receive_fails (raw.transport, MP_IO_CLOSED, MP_ERROR_PEER_DIED);

  free_raw (&raw);
}

static void
test_wrong_payload (void)
{
  MpPacket packet = {
    .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_LARGE,
    .codec = "raw", .codec_length = 3, .body_length = 100000,
  };
  g_autofree guint8 *data = g_malloc0 (100000);
  int sealed = mp_test_new_payload (data, 100000);
  int unsealed = memfd_create ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  int holes = memfd_create ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  int other = open ("/dev/zero", O_RDONLY | O_CLOEXEC);

  g_assert_cmpint (write (unsealed, data, 100000), ==, 100000);
  g_assert_cmpint (fcntl (unsealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), ==, 0);
  g_assert_cmpint (ftruncate (holes, 100000), ==, 0);
  g_assert_cmpint (fcntl (holes, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), ==, 0);
  g_assert_cmpint (fcntl (holes, F_ADD_SEALS, F_SEAL_SEAL), ==, 0);

  assert_breaks (&packet, &unsealed, 1, MP_ERROR_REFUSED);
  assert_breaks (&packet, &holes, 1, MP_ERROR_REFUSED);
  assert_breaks (&packet, &other, 1, MP_ERROR_REFUSED);
  packet.body_length = 100001;
  assert_breaks (&packet, &sealed, 1, MP_ERROR_REFUSED);
  packet.body_length = 99999;
  assert_breaks (&packet, &sealed, 1, MP_ERROR_REFUSED);
  packet.body_length = G_MAXUINT64;
  assert_breaks (&packet, &sealed, 1, MP_ERROR_TOO_BIG);

  close (sealed);
  close (unsealed);
  close (holes);
  close (other);
}

static void
test_wrong_parts (void)
{
  const MpPacket first = {
    .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_PART, .serial = 1, .codec = "raw", .codec_length = 3,
    .body_length = 10, .body = (const guint8 *) "abcd", .body_size = 4,
  };
  const MpPacket good = {
    .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_PART, .serial = 1, .index = 4,
    .body_length = 10, .body = (const guint8 *) "efgh", .body_size = 4,
  };
  MpPacket wrong[5] = { good, good, good, good, first };

  wrong[0].index = 5;
  wrong[1].serial = 2;
  wrong[2].body_length = 11;
  wrong[3].kind = MP_FRAME_RESULT;

  assert_breaks (&good, NULL, 0, MP_ERROR_CORRUPTED);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      Raw raw = new_raw ();

      raw_send_packet (&raw, &first, NULL, 0);
      assert_nothing (raw.transport);
      raw_send_packet (&raw, &wrong[i], NULL, 0);
      assert_receive_fails (raw.transport, MP_IO_FAILED, MP_ERROR_CORRUPTED);
      free_raw (&raw);
    }
}

/* Holders that never were. */
static void
test_wrong_counts (void)
{
  Raw raw = new_raw ();

  raw_send_packet (&raw, &(MpPacket) { .kind = MP_FRAME_BYE }, NULL, 0);
  raw_send_packet (&raw, &(MpPacket) { .kind = MP_FRAME_BYE }, NULL, 0);
  assert_nothing (raw.transport);
  shutdown (raw.fd, SHUT_RDWR);
  assert_receive_fails (raw.transport, MP_IO_CLOSED, MP_ERROR_CLOSED);

  free_raw (&raw);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);

  mp_test_add ("/transport/peer/flood", test_flood);
  mp_test_add ("/transport/peer/garbage", test_garbage);
  mp_test_add ("/transport/peer/wrong-fds", test_wrong_fds);
  mp_test_add ("/transport/peer/fds-without-packet", test_fds_without_packet);
  mp_test_add ("/transport/peer/wrong-payload", test_wrong_payload);
  mp_test_add ("/transport/peer/wrong-parts", test_wrong_parts);
  mp_test_add ("/transport/peer/wrong-counts", test_wrong_counts);

  return g_test_run ();
}
