/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Frames on streams: unix sockets and TCP within this machine. */

#include "config.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-packet-private.h"
#include "mp-pump-private.h"
#include "mp-stream-input-private.h"
#include "mp-test.h"
#include "mp-transport-private.h"

#define MIB ((gsize) 1024 * 1024)

typedef struct
{
  MpTransport *a;
  MpTransport *b;
} Pair;

/* --- Pairs ---------------------------------------------------------------------------- */

static void
make_inet_pair (int fds[2])
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl (INADDR_LOOPBACK) } };
  socklen_t size = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (listener, (struct sockaddr *) &address, size), ==, 0);
  g_assert_cmpint (listen (listener, 1), ==, 0);
  g_assert_cmpint (getsockname (listener, (struct sockaddr *) &address, &size), ==, 0);
  fds[0] = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (connect (fds[0], (struct sockaddr *) &address, size), ==, 0);
  fds[1] = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (fds[1], >=, 0);
  mp_fd_close (&listener);
}

static void
make_sockets (gboolean is_inet,
              int      fds[2])
{
  if (is_inet)
    make_inet_pair (fds);
  else
    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
}

static Pair
new_pair (gboolean is_inet)
{
  int fds[2];

  make_sockets (is_inet, fds);
  return (Pair) { mp_transport_new_stream (fds[0]), mp_transport_new_stream (fds[1]) };
}

static void
free_pair (Pair *pair)
{
  g_clear_pointer (&pair->a, mp_transport_free);
  g_clear_pointer (&pair->b, mp_transport_free);
}

/* One end, and the bare socket of the other. */
static MpTransport *
new_with_socket (int *fd)
{
  int fds[2];

  make_sockets (FALSE, fds);
  *fd = fds[1];
  return mp_transport_new_stream (fds[0]);
}

/* --- Frames --------------------------------------------------------------------------- */

static GBytes *
new_body (guint64 serial,
          gsize   size)
{
  guint8 *data = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) ((serial + i + (i >> 8) + (i >> 16)) & 0xff);
  return g_bytes_new_take (data, size);
}

static MpFrame *
new_frame (guint64 serial,
           gsize   size)
{
  g_autoptr (GBytes) bytes = new_body (serial, size);
  g_autoptr (MpMessage) message = mp_message_new_bytes (bytes, "raw");

  return mp_frame_new (MP_FRAME_MESSAGE, serial, 7, "name", message);
}

static void
assert_frame (MpFrame *frame,
              guint64  serial,
              gsize    size)
{
  g_autoptr (GBytes) expected = new_body (serial, size);

  g_assert_cmpuint (frame->kind, ==, MP_FRAME_MESSAGE);
  g_assert_cmpuint (frame->serial, ==, serial);
  g_assert_cmpuint (frame->index, ==, 7);
  g_assert_cmpuint (frame->flags, ==, 0);
  g_assert_cmpstr (frame->name, ==, "name");
  g_assert_true (g_bytes_equal (mp_frame_get_body (frame), expected));
}

/* Receives what is there; NULL: nothing now. */
static MpFrame *
try_receive (MpTransport *transport)
{
  g_autoptr (GError) error = NULL;
  MpFrame *frame = NULL;
  MpIoStatus status = mp_transport_receive (transport, &frame, &error);

  g_assert_no_error (error);
  g_assert_true (status == MP_IO_DONE || status == MP_IO_AGAIN);
  return frame;
}

static MpFrame *
await_frame (MpTransport *transport)
{
  MpFrame *frame;

  while ((frame = try_receive (transport)) == NULL)
    mp_test_poll (mp_transport_get_fd (transport), POLLIN);
  return frame;
}

static void
assert_receives (MpTransport *transport,
                 guint64      serial,
                 gsize        size)
{
  g_autoptr (MpFrame) frame = await_frame (transport);

  assert_frame (frame, serial, size);
}

static void
assert_receive_ends (MpTransport *transport,
                     MpIoStatus   expected_status,
                     MpError      expected_code)
{
  g_autoptr (GError) error = NULL;
  MpFrame *frame;
  MpIoStatus status;

  while ((status = mp_transport_receive (transport, &frame, &error)) == MP_IO_AGAIN)
    mp_test_poll (mp_transport_get_fd (transport), POLLIN);
  g_assert_cmpint (status, ==, expected_status);
  g_assert_error (error, MP_ERROR, (int) expected_code);
}

/* Sends all of it, while the other end takes it. */
static void
send_through (Pair    *pair,
              guint64  serial,
              gsize    size)
{
  g_autoptr (MpFrame) frame = new_frame (serial, size);
  g_autoptr (MpFrame) received = NULL;
  g_autoptr (GError) error = NULL;
  MpIoStatus status = mp_transport_send (pair->a, frame, &error);

  g_assert_no_error (error);
  g_assert_cmpint (status, ==, MP_IO_DONE);
  while (mp_transport_get_n_queued (pair->a) > 0)
    {
      mp_transport_flush (pair->a, &error);
      g_assert_no_error (error);
      if (received == NULL)
        received = try_receive (pair->b);
    }

  if (received == NULL)
    received = await_frame (pair->b);
  assert_frame (received, serial, size);
}

/* Sends frames until one is half sent.  Returns how many went before it. */
static guint64
fill (MpTransport *transport,
      gsize        size)
{
  for (guint64 serial = 0;; serial++)
    {
      g_autoptr (MpFrame) frame = new_frame (serial, size);
      g_autoptr (GError) error = NULL;
      MpIoStatus status = mp_transport_send (transport, frame, &error);

      g_assert_no_error (error);
      g_assert_cmpint (status, ==, MP_IO_DONE);
      g_assert_cmpuint (serial, <, 10000);
      if (mp_transport_get_n_queued (transport) > 0)
        return serial;
    }
}

static void
await_sent (MpTransport *transport)
{
  g_autoptr (GError) error = NULL;

  while (mp_transport_flush (transport, &error) == MP_IO_AGAIN)
    mp_test_poll (mp_transport_get_fd (transport), POLLOUT);
  g_assert_no_error (error);
}

/* --- Sizes ------------------------------------------------------------------------------ */

static void
test_sizes (gconstpointer is_inet)
{
  static const gsize sizes[] = { 0, 1, 7, 8, 255, 65535, 65536, 65537, MP_STREAM_MAX_PART - 1, MP_STREAM_MAX_PART,
                                 MP_STREAM_MAX_PART + 1, 2 * MP_STREAM_MAX_PART, 5 * MIB + 3 };
  Pair pair = new_pair (is_inet != NULL);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    send_through (&pair, i, sizes[i]);
  for (guint i = 0; i < 3000; i++)
    send_through (&pair, i, i);

  mp_transport_close (pair.a);
  assert_receive_ends (pair.b, MP_IO_CLOSED, MP_ERROR_CLOSED);
  free_pair (&pair);
}

/* Many at once come in one read, and stay there until somebody asks. */
static void
test_many_at_once (void)
{
  Pair pair = new_pair (FALSE);
  short events;

  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (MpFrame) frame = new_frame (i, i);

      g_assert_cmpint (mp_transport_send (pair.a, frame, NULL), ==, MP_IO_DONE);
    }

  for (guint i = 0; i < 100; i++)
    {
      struct pollfd poll_fd = { mp_transport_get_fd (pair.b), POLLIN, 0 };

      assert_receives (pair.b, i, i);
      g_assert_cmpint (poll (&poll_fd, 1, 0), ==, 0);
      g_assert_cmpint (mp_transport_has_received (pair.b), ==, i < 99);
    }

  events = mp_transport_get_send_events (pair.a);
  g_assert_cmpint (events, ==, 0);
  free_pair (&pair);
}

/* What is half sent goes on when there is room. */
static void
test_full (gconstpointer is_inet)
{
  Pair pair = new_pair (is_inet != NULL);
  guint64 n = fill (pair.a, 100000);

  g_assert_cmpint (mp_transport_get_send_events (pair.a), ==, POLLOUT);
  for (guint64 i = 0; i < n; i++)
    assert_receives (pair.b, i, 100000);
  g_assert_null (try_receive (pair.b));
  await_sent (pair.a);
  assert_receives (pair.b, n, 100000);
  g_assert_cmpint (mp_transport_get_send_events (pair.a), ==, 0);
  free_pair (&pair);
}

/* Pushed ones wait in order. */
static void
test_push (void)
{
  Pair pair = new_pair (FALSE);
  guint64 n = fill (pair.a, 100000);

  for (guint i = 1; i <= 50; i++)
    g_assert_cmpint (mp_transport_push (pair.a, new_frame (n + i, 1000 * i), NULL), ==, MP_IO_AGAIN);
  for (guint64 i = 0; i < n; i++)
    assert_receives (pair.b, i, 100000);
  mp_transport_flush (pair.a, NULL);
  assert_receives (pair.b, n, 100000);
  for (guint i = 1; i <= 50; i++)
    {
      mp_transport_flush (pair.a, NULL);
      assert_receives (pair.b, n + i, 1000 * i);
    }
  free_pair (&pair);
}

/* --- What is taken back ------------------------------------------------------------------- */

/* All come that went before, and what is sent afterwards; not the one that was given up, in
 * whatever place.
 */
static void
test_taken_back (gconstpointer data)
{
  gsize size = GPOINTER_TO_SIZE (data);
  Pair pair = new_pair (FALSE);
  g_autoptr (MpFrame) last = new_frame (4711, 10);
  guint64 n = fill (pair.a, size);
  g_autoptr (MpFrame) frame = NULL;

  mp_transport_abandon (pair.a);
  g_assert_cmpint (mp_transport_send (pair.a, last, NULL), ==, MP_IO_AGAIN);
  for (guint64 i = 0; i < n; i++)
    assert_receives (pair.b, i, size);

  while (mp_transport_send (pair.a, last, NULL) == MP_IO_AGAIN)
    g_assert_null (try_receive (pair.b));
  assert_receives (pair.b, 4711, 10);
  g_assert_null (try_receive (pair.b));
  free_pair (&pair);
}

/* --- The end ------------------------------------------------------------------------------ */

static void
test_death (gconstpointer is_inet)
{
  Pair pair = new_pair (is_inet != NULL);
  g_autoptr (MpFrame) frame = new_frame (1, 10);

  g_assert_cmpint (mp_transport_send (pair.a, frame, NULL), ==, MP_IO_DONE);
  g_clear_pointer (&pair.a, mp_transport_free); /* as the kernel does it */
  assert_receives (pair.b, 1, 10);
  assert_receive_ends (pair.b, MP_IO_CLOSED, MP_ERROR_PEER_DIED);
  free_pair (&pair);
}

/* Nothing comes of what was cut. */
static void
test_death_amid_frame (gconstpointer data)
{
  Pair pair = new_pair (FALSE);
  guint64 n = fill (pair.a, GPOINTER_TO_SIZE (data));

  g_clear_pointer (&pair.a, mp_transport_free);
  for (guint64 i = 0; i < n; i++)
    assert_receives (pair.b, i, GPOINTER_TO_SIZE (data));
  assert_receive_ends (pair.b, MP_IO_CLOSED, MP_ERROR_PEER_DIED);
  free_pair (&pair);
}

/* Closing waits for nobody, and yet the other end gets all that was sent, and hears that it is over. */
static void
test_close_when_full (gconstpointer is_inet)
{
  Pair pair = new_pair (is_inet != NULL);
  guint64 n = fill (pair.a, 100000);

  mp_transport_close (pair.a);
  g_assert_cmpint (mp_transport_get_fd (pair.a), ==, -1);
  for (guint64 i = 0; i < n; i++)
    assert_receives (pair.b, i, 100000);
  assert_receive_ends (pair.b, MP_IO_CLOSED, MP_ERROR_CLOSED);
  free_pair (&pair);
}

/* TCP forgets what is on its way when somebody closes who was sent more. */
static void
test_close_with_unread (void)
{
  Pair pair = new_pair (TRUE);
  g_autoptr (MpFrame) request = new_frame (1, 1000);
  guint64 n;

  g_assert_cmpint (mp_transport_send (pair.b, request, NULL), ==, MP_IO_DONE);
  n = fill (pair.a, 100000);
  mp_transport_close (pair.a);
  g_assert_cmpint (mp_transport_send (pair.b, request, NULL), ==, MP_IO_DONE);
  for (guint64 i = 0; i < n; i++)
    assert_receives (pair.b, i, 100000);
  assert_receive_ends (pair.b, MP_IO_CLOSED, MP_ERROR_CLOSED);
  free_pair (&pair);
}

static void
test_sender_learns_end (gconstpointer is_inet)
{
  Pair pair = new_pair (is_inet != NULL);
  g_autoptr (GError) error = NULL;
  MpIoStatus status;

  g_assert_cmpint (mp_transport_push (pair.b, new_frame (1, 10), NULL), ==, MP_IO_DONE);
  mp_transport_close (pair.b);
  do
    {
      g_autoptr (MpFrame) frame = new_frame (2, 10);

      status = mp_transport_send (pair.a, frame, &error);
    }
  while (status == MP_IO_DONE);
  g_assert_cmpint (status, ==, MP_IO_CLOSED);
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  assert_receives (pair.a, 1, 10);
  free_pair (&pair);
}

/* --- What does not travel ------------------------------------------------------------------- */

static void
test_not_shareable (void)
{
  Pair pair = new_pair (FALSE);
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_int32 (1));
  g_autoptr (MpFrame) frame = NULL;
  g_autoptr (GError) error = NULL;
  guint n_fds;

  g_assert_cmpint (mp_message_attach_fd (message, STDIN_FILENO, NULL), >=, 0);
  frame = mp_frame_new (MP_FRAME_MESSAGE, 0, 0, NULL, message);
  n_fds = mp_test_count_fds ();
  g_assert_cmpint (mp_transport_send (pair.a, frame, &error), ==, MP_IO_FAILED);
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE);
  g_assert_nonnull (strstr (error->message, "unix socket"));
  g_clear_error (&error);
  g_assert_cmpuint (mp_test_count_fds (), ==, n_fds);

  g_assert_cmpint (mp_transport_share (pair.a, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE);
  send_through (&pair, 1, 10);
  free_pair (&pair);
}

static void
test_too_long (void)
{
  Pair pair = new_pair (FALSE);
  g_autoptr (MpFrame) frame = new_frame (1, 100001);
  g_autoptr (GError) error = NULL;

  mp_transport_set_max_peer_body (pair.a, 100000);
  g_assert_cmpint (mp_transport_send (pair.a, frame, &error), ==, MP_IO_FAILED);
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);
  send_through (&pair, 1, 100000);

  mp_transport_set_max_peer_body (pair.a, G_MAXUINT64);
  mp_transport_set_max_body (pair.b, 100000);
  g_assert_cmpint (mp_transport_send (pair.a, frame, NULL), ==, MP_IO_DONE);
  assert_receive_ends (pair.b, MP_IO_FAILED, MP_ERROR_TOO_BIG);
  free_pair (&pair);
}

/* --- Bad peers -------------------------------------------------------------------------------- */

/* A record as it should be: the first of a body of `body_length` bytes, of which `n` come. */
static GByteArray *
new_record (MpFrameKind kind,
            guint32     flags,
            guint64     body_length,
            gsize       n,
            guint8      mark)
{
  MpPacket packet = { .kind = (guint8) kind, .flags = flags, .body_length = body_length };
  GByteArray *record = g_byte_array_new ();
  g_autofree guint8 *head = NULL;
  guint64 length;
  gsize size;

  if (body_length > 0)
    {
      packet.codec = "raw";
      packet.codec_length = 3;
    }
  head = mp_packet_encode_head (&packet, &size, NULL);
  length = GUINT64_TO_LE (size + n);
  g_byte_array_append (record, (guint8 *) &length, sizeof length);
  g_byte_array_append (record, head, (guint) size);
  g_byte_array_set_size (record, record->len + (guint) n);
  memset (record->data + record->len - n, 'x', n);
  g_byte_array_append (record, &mark, 1);

  return record;
}

static void
write_bytes (int              fd,
             const guint8    *data,
             gsize            size)
{
  g_assert_cmpint (write (fd, data, size), ==, (gssize) size);
}

static void
assert_refused (GByteArray *record)
{
  g_autoptr (GByteArray) taken = record;
  int fd;
  MpTransport *transport = new_with_socket (&fd);

  write_bytes (fd, taken->data, taken->len);
  assert_receive_ends (transport, MP_IO_FAILED, MP_ERROR_CORRUPTED);
  /* And for good */
  assert_receive_ends (transport, MP_IO_FAILED, MP_ERROR_CORRUPTED);
  mp_transport_free (transport);
  mp_fd_close (&fd);
}

static GByteArray *
with_length (guint64 length)
{
  GByteArray *record = new_record (MP_FRAME_MESSAGE, 0, 10, 10, MP_STREAM_MARK_WHOLE);

  length = GUINT64_TO_LE (length);
  memcpy (record->data, &length, sizeof length);
  return record;
}

static void
test_refused (void)
{
  const guint64 max = MP_PACKET_MAX_HEAD + MP_STREAM_MAX_PART;

  assert_refused (with_length (0));
  assert_refused (with_length (MP_PACKET_HEADER_SIZE - 1));
  assert_refused (with_length (max + 1));
  assert_refused (with_length (G_GUINT64_CONSTANT (1) << 40));
  assert_refused (with_length (G_MAXUINT64));
  assert_refused (with_length (G_MAXUINT64 - 8));
  assert_refused (with_length (66 - 1)); /* the mark is a byte of the body then */
  assert_refused (new_record (MP_FRAME_MESSAGE, 0, 10, 10, 2));
  assert_refused (new_record (MP_FRAME_MESSAGE, 0, 11, 10, MP_STREAM_MARK_WHOLE));
  assert_refused (new_record (MP_FRAME_MESSAGE, MP_FRAME_LARGE, 10, 10, MP_STREAM_MARK_WHOLE));
  assert_refused (new_record (MP_FRAME_SHARED, 0, 0, 0, MP_STREAM_MARK_WHOLE));
  assert_refused (new_record (200, 0, 0, 0, MP_STREAM_MARK_WHOLE));
}

static void
test_after_bye (void)
{
  g_autoptr (GByteArray) bye = new_record (MP_FRAME_BYE, 0, 0, 0, MP_STREAM_MARK_WHOLE);
  g_autoptr (GByteArray) more = new_record (MP_FRAME_MESSAGE, 0, 10, 10, MP_STREAM_MARK_WHOLE);

  g_byte_array_append (bye, more->data, more->len);
  assert_refused (g_steal_pointer (&bye));
}

/* Who announces a GiB and sends little of it takes little. */
static void
test_memory (void)
{
  g_autoptr (GByteArray) record = new_record (MP_FRAME_MESSAGE, MP_FRAME_PART, MP_PACKET_MAX_PARTED, 1000,
                                              MP_STREAM_MARK_WHOLE);
  g_autoptr (GByteArray) rest = new_record (MP_FRAME_MESSAGE, 0, MP_STREAM_MAX_PART, MP_STREAM_MAX_PART,
                                            MP_STREAM_MARK_WHOLE);
  int fd;
  MpTransport *transport = new_with_socket (&fd);
  struct mallinfo2 before, after;

  g_assert_null (try_receive (transport)); /* the thread has its buffer */
  before = mallinfo2 ();
  write_bytes (fd, record->data, record->len);
  write_bytes (fd, rest->data, 2000);
  g_assert_null (try_receive (transport));
  after = mallinfo2 ();
  g_assert_cmpuint (after.uordblks + after.hblkhd, <, before.uordblks + before.hblkhd + 200 * 1024);

  mp_fd_close (&fd);
  assert_receive_ends (transport, MP_IO_CLOSED, MP_ERROR_PEER_DIED);
  mp_transport_free (transport);
}

/* --- Pieces ------------------------------------------------------------------------------------- */

typedef struct
{
  GPtrArray *records;
  guint n_until_refusal;
} Taken;

static gboolean
take (gpointer      data,
      const guint8 *record,
      gsize         size)
{
  Taken *taken = data;

  g_ptr_array_add (taken->records, g_bytes_new (record, size));
  return taken->records->len != taken->n_until_refusal;
}

/* The same records come out, wherever the stream is cut. */
static void
test_pieces (void)
{
  static const gsize sizes[] = { 0, 1, 70, 300, 5, 100000, 3 };
  g_autoptr (GByteArray) stream = g_byte_array_new ();
  g_autoptr (GPtrArray) expected = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GByteArray) record = new_record (MP_FRAME_MESSAGE, 0, sizes[i], sizes[i], MP_STREAM_MARK_WHOLE);

      g_ptr_array_add (expected, g_bytes_new (record->data, record->len));
      g_byte_array_append (stream, record->data, record->len);
    }

  for (gsize step = 1; step < stream->len; step += 1 + step / 20)
    {
      MpStreamInput input = { .format = &mp_stream_format_native, .max_body = G_MAXUINT64 };
      g_autoptr (GPtrArray) records = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
      Taken taken = { records, 0 };
      g_autoptr (GError) error = NULL;

      for (gsize at = 0; at < stream->len;)
        {
          gsize room, n = MIN (step, stream->len - at), n_reserved = 0;
          guint8 *place = mp_stream_input_reserve (&input, &room);

          if (room > 0)
            memcpy (place, stream->data + at, n_reserved = MIN (n, room));
          g_assert_true (mp_stream_input_feed (&input, n_reserved, stream->data + at + n_reserved, n - n_reserved,
                                               take, &taken, &error));
          g_assert_no_error (error);
          at += n;
        }

      g_assert_false (mp_stream_input_is_amid (&input));
      g_assert_cmpuint (records->len, ==, expected->len);
      for (guint i = 0; i < records->len; i++)
        g_assert_true (g_bytes_equal (records->pdata[i], expected->pdata[i]));
    }
}

/* Each byte of a stream changed in each bit: it is refused, or is another message, and nothing else happens. */
static void
test_flipped_bits (void)
{
  g_autoptr (GByteArray) good = new_record (MP_FRAME_MESSAGE, 0, 20, 20, MP_STREAM_MARK_WHOLE);

  for (guint bit = 0; bit < good->len * 8; bit++)
    {
      int fd;
      MpTransport *transport = new_with_socket (&fd);
      g_autoptr (MpFrame) frame = NULL;

      good->data[bit / 8] ^= (guint8) (1 << (bit % 8));
      write_bytes (fd, good->data, good->len);
      good->data[bit / 8] ^= (guint8) (1 << (bit % 8));
      mp_fd_close (&fd);
      if (mp_transport_receive (transport, &frame, NULL) == MP_IO_DONE)
        g_assert_cmpuint (g_bytes_get_size (mp_frame_get_body (frame)), ==, 20);
      mp_transport_free (transport);
    }
}

/* What closes in the background needs the engine. */
static void
warm_up (void)
{
  g_assert_true (mp_pump_open (mp_pump_get_shared (), NULL));
}

int
main (int   argc,
      char *argv[])
{
  gpointer unix_sockets = NULL, inet = GINT_TO_POINTER (1);

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);

  mp_test_add_data ("/stream/sizes/unix", unix_sockets, test_sizes);
  mp_test_add_data ("/stream/sizes/inet", inet, test_sizes);
  mp_test_add ("/stream/many-at-once", test_many_at_once);
  mp_test_add_data ("/stream/full/unix", unix_sockets, test_full);
  mp_test_add_data ("/stream/full/inet", inet, test_full);
  mp_test_add ("/stream/push", test_push);

  mp_test_add_data ("/stream/taken-back/record", GSIZE_TO_POINTER (100000), test_taken_back);
  mp_test_add_data ("/stream/taken-back/parts", GSIZE_TO_POINTER (5 * MIB), test_taken_back);

  mp_test_add_data ("/stream/end/death/unix", unix_sockets, test_death);
  mp_test_add_data ("/stream/end/death/inet", inet, test_death);
  mp_test_add_data ("/stream/end/amid-record", GSIZE_TO_POINTER (100000), test_death_amid_frame);
  mp_test_add_data ("/stream/end/amid-parts", GSIZE_TO_POINTER (5 * MIB), test_death_amid_frame);
  mp_test_add_data ("/stream/end/close-when-full/unix", unix_sockets, test_close_when_full);
  mp_test_add_data ("/stream/end/close-when-full/inet", inet, test_close_when_full);
  mp_test_add ("/stream/end/close-with-unread", test_close_with_unread);
  mp_test_add_data ("/stream/end/sender-learns/unix", unix_sockets, test_sender_learns_end);
  mp_test_add_data ("/stream/end/sender-learns/inet", inet, test_sender_learns_end);

  mp_test_add ("/stream/not-shareable", test_not_shareable);
  mp_test_add ("/stream/too-long", test_too_long);
  mp_test_add ("/stream/peer/refused", test_refused);
  mp_test_add ("/stream/peer/after-bye", test_after_bye);
  mp_test_add ("/stream/peer/memory", test_memory);
  mp_test_add ("/stream/peer/flipped-bits", test_flipped_bits);
  mp_test_add ("/stream/pieces", test_pieces);

  return g_test_run ();
}
