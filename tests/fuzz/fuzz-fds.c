/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Packets with descriptors of all kinds, through a socket to who receives them.
 *
 * The input is a row of packets, each behind the number of its descriptors, what each of them
 * is, and two bytes of its length.
 */

#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-memfd-private.h"
#include "mp-packet-io-private.h"
#include "mp-packet-private.h"
#include "mp-shareable-private.h"
#include "mp-short-lock-private.h"
#include "mp-transport-private.h"

#include "../mp-test-payload.h"
#include "fuzz-look.h"
#include "fuzz.h"

#define PAYLOAD "=ai would be a body"

/* With who has a lock. */
#define A_MOMENT 20

/* What can be sent; descriptors in an input are numbers of these. */
static GArray *pool;
static GPtrArray *objects;
static GPtrArray *seeds_of_objects; /* their descriptors are in the pool */

/* --- Both ends -------------------------------------------------------------------------- */

/* Without waiting: what does not fit is not sent. */
static void
send_packet (int           fd,
             const guint8 *data,
             gsize         size,
             const guint8 *kinds,
             guint         n_kinds)
{
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));

  for (guint i = 0; i < MIN (n_kinds, MP_PACKET_MAX_ALL_FDS); i++)
    g_array_append_val (fds, g_array_index (pool, int, kinds[i] % pool->len));
  mp_packet_send (fd, data, size, NULL, 0, -1, fds);
}

/* FALSE: nothing more comes. */
static gboolean
receive_all (MpTransport *transport)
{
  for (;;)
    {
      g_autoptr (MpFrame) frame = NULL;
      g_autoptr (GError) error = NULL;
      MpIoStatus status = mp_transport_receive (transport, &frame, &error);

      g_assert_true ((status == MP_IO_DONE) == (frame != NULL));
      g_assert_true ((status == MP_IO_FAILED || status == MP_IO_CLOSED) == (error != NULL));
      if (frame != NULL)
        look_at_frame (frame);
      if (status == MP_IO_AGAIN)
        return TRUE;
      if (mp_transport_get_end (transport) != NULL)
        return FALSE;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  MpTransport *transport;
  size_t offset = 0;
  int fds[2];

  if (pool == NULL)
    fuzz_warm_up ();

  g_assert_true (mp_transport_new_pair (fds, NULL));
  transport = mp_transport_new (fds[1]);
  while (offset + 3 <= size)
    {
      const guint8 *kinds = data + offset + 1;
      guint n_kinds = data[offset];
      size_t length;

      offset += 1 + n_kinds;
      if (offset + 2 > size)
        break;

      length = data[offset] | (size_t) data[offset + 1] << 8;
      offset += 2;
      length = MIN (length, size - offset);
      send_packet (fds[0], data + offset, length, kinds, n_kinds);
      offset += length;
      if (!receive_all (transport))
        break;
    }

  mp_fd_close (&fds[0]);
  while (receive_all (transport))
    continue;
  mp_transport_free (transport);

  return 0;
}

/* --- What there is to send --------------------------------------------------------------- */

static guint
add_fd (int fd)
{
  g_assert_cmpint (fd, >=, 0);
  g_array_append_val (pool, fd);
  return pool->len - 1;
}

static void
add_pair (int fds[2])
{
  add_fd (fds[0]);
  add_fd (fds[1]);
}

static void
add_memory (gsize    size,
            gboolean has_pages,
            int      seals)
{
  const guint8 page[4096] = { 0 };
  int fd = mp_memfd_new ("fuzz", size, NULL);

  g_assert_true (!has_pages || mp_memfd_write (fd, 0, page, size, NULL));
  if (seals != 0)
    g_assert_true (mp_memfd_seal (fd, seals, NULL));
  add_fd (fd);
}

/* The first one is a payload as it must be. */
static void
fill_pool (void)
{
  const gsize size = sizeof PAYLOAD - 1;
  int fds[2];

  add_fd (mp_test_new_payload (PAYLOAD, size));
  add_memory (size, TRUE, 0);
  add_memory (size, TRUE, MP_MEMFD_SEALS_SIZE);
  add_memory (size, FALSE, MP_MEMFD_SEALS_CONTENT);
  add_memory (size - 1, TRUE, MP_MEMFD_SEALS_CONTENT);
  add_memory (size + 1, TRUE, MP_MEMFD_SEALS_CONTENT);
  add_memory ((gsize) 1 << 40, FALSE, MP_MEMFD_SEALS_CONTENT);
  add_memory (0, FALSE, MP_MEMFD_SEALS_SIZE);
  add_fd (open ("/dev/null", O_RDWR | O_CLOEXEC));
  add_fd (open ("/dev/zero", O_RDWR | O_CLOEXEC));
  add_fd (open ("/dev/full", O_RDWR | O_CLOEXEC));
  add_fd (open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  add_fd (open ("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  add_fd (open ("/proc/self/exe", O_PATH | O_CLOEXEC));
  add_fd (open ("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  add_fd (eventfd (0, EFD_CLOEXEC));
  add_fd (epoll_create1 (EPOLL_CLOEXEC));
  add_fd ((int) syscall (SYS_pidfd_open, getpid (), 0));
  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  add_pair (fds);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), ==, 0);
  add_pair (fds);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  add_pair (fds);
  add_fd (socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  add_fd (socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
}

/* --- Seeds -------------------------------------------------------------------------------- */

static void
add_packet (GByteArray     *input,
            const MpPacket *packet,
            const guint8   *kinds,
            guint8          n_kinds)
{
  gsize head_size;
  g_autofree guint8 *head = mp_packet_encode_head (packet, &head_size, NULL);
  gsize size = head_size + packet->body_size;
  const guint8 length[] = { size & 0xff, size >> 8 };

  g_byte_array_append (input, &n_kinds, 1);
  g_byte_array_append (input, kinds, n_kinds);
  g_byte_array_append (input, length, sizeof length);
  g_byte_array_append (input, head, (guint) head_size);
  if (packet->body_size > 0)
    g_byte_array_append (input, packet->body, (guint) packet->body_size);
}

static GByteArray *
add_seed (GPtrArray *seeds)
{
  GByteArray *seed = g_byte_array_new ();

  g_ptr_array_add (seeds, seed);
  return seed;
}

/* A message with an empty body and what `packed` says. */
static void
add_attached (GPtrArray    *seeds,
              GVariant     *packed,
              const guint8 *kinds,
              guint         n_kinds)
{
  MpPacket packet = { .kind = MP_FRAME_MESSAGE, .codec = "=()", .codec_length = 3, .body = (const guint8 *) "" };

  packet.body_size = packet.body_length = 1;
  packet.attachments = g_variant_get_data (packed);
  packet.attachments_length = g_variant_get_size (packed);
  packet.n_fds = (guint16) n_kinds;
  add_packet (add_seed (seeds), &packet, kinds, (guint8) n_kinds);
}

static void
add_object (GPtrArray   *seeds,
            MpShareable *object)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) packed = NULL;
  g_autoptr (GVariant) all = NULL;
  guint8 kinds[16];
  MpPacking packing;

  mp_packing_init (&packing);
  packed = g_variant_ref_sink (mp_shareable_pack (object, &packing, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (packing.fds->len, <=, sizeof kinds);
  for (guint i = 0; i < packing.fds->len; i++)
    kinds[i] = (guint8) add_fd (fcntl (g_array_index (packing.fds, int, i), F_DUPFD_CLOEXEC, 3));
  all = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE (MP_SHAREABLE_PACKED_TYPE), &packed, 1));
  add_attached (seeds, all, kinds, packing.fds->len);
  mp_fds_close ((int *) (gpointer) packing.fds->data, packing.fds->len);
  g_array_set_size (packing.fds, 0);
  mp_packing_clear (&packing);
}

static void
add_large (GPtrArray *seeds,
           guint8     kind)
{
  MpPacket packet = { .kind = MP_FRAME_MESSAGE, .flags = MP_FRAME_LARGE, .codec = "raw", .codec_length = 3 };

  packet.body = (const guint8 *) "postage";
  packet.body_size = 7;
  packet.body_length = sizeof PAYLOAD - 1;
  add_packet (add_seed (seeds), &packet, &kind, 1);
}

/* More than are said, and more than anybody says. */
static void
add_many (GPtrArray *seeds)
{
  MpPacket packet = { .kind = MP_FRAME_BYE };
  guint8 kinds[255] = { 0 };

  add_packet (add_seed (seeds), &packet, kinds, 1);
  add_packet (add_seed (seeds), &packet, kinds, sizeof kinds);
}

static void
make_objects (void)
{
  objects = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (objects, mp_lock_new ());
  g_ptr_array_add (objects, mp_rlock_new ());
  g_ptr_array_add (objects, mp_semaphore_new (1));
  g_ptr_array_add (objects, mp_bounded_semaphore_new (1));
  g_ptr_array_add (objects, mp_condition_new (NULL));
  g_ptr_array_add (objects, mp_event_new ());
  g_ptr_array_add (objects, mp_barrier_new (2));
  g_ptr_array_add (objects, mp_value_new ("(xx)", NULL, NULL));
  g_ptr_array_add (objects, mp_array_new ("i", 10, NULL));
  g_ptr_array_add (objects, mp_array_new ("d", 100000, NULL));
  g_ptr_array_add (objects, mp_shareable_list_new (g_variant_new_parsed ("(1, 'text', 2.5)")));
  g_ptr_array_add (objects, mp_shared_memory_new (5000));
  g_ptr_array_add (objects, mp_queue_new (10));
  g_ptr_array_add (objects, mp_joinable_queue_new (10));
}

void
fuzz_add_seeds (GPtrArray *seeds)
{
  static const char * const texts[] = {
    "[('fd', 1, <()>)]", "[('connection', 1, <(true, true)>)]", "[('unknown', 1, <{'a': <1>}>)]",
    "[('shared-memory', 1, <(@ms nothing, @t 19)>)]", "[('shared-memory', 1, <(@ms 'name', @t 19)>)]",
  };

  for (guint8 kind = 0; kind < pool->len; kind++)
    {
      add_large (seeds, kind);
      for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
        {
          g_autoptr (GVariant) packed = g_variant_parse (G_VARIANT_TYPE (MP_MESSAGE_PACKED_TYPE), texts[i], NULL,
                                                         NULL, NULL);

          add_attached (seeds, packed, &kind, 1);
        }
    }
  add_many (seeds);
  for (guint i = 0; i < seeds_of_objects->len; i++)
    g_ptr_array_add (seeds, g_byte_array_ref (g_ptr_array_index (seeds_of_objects, i)));
}

void
fuzz_warm_up (void)
{
  pool = g_array_new (FALSE, FALSE, sizeof (int));
  mp_short_lock_set_patience (A_MOMENT);
  fuzz_hush ();
  fill_pool ();
  make_objects ();
  seeds_of_objects = g_ptr_array_new ();
  for (guint i = 0; i < objects->len; i++)
    add_object (seeds_of_objects, g_ptr_array_index (objects, i));
}
