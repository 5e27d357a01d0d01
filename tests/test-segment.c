/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-memfd-private.h"
#include "mp-segment-private.h"
#include "mp-test-payload.h"

#define SIZE (1 << 20)

static guint
count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

static MpSegment *
new_segment (void)
{
  g_autoptr (GError) error = NULL;
  MpSegment *segment = mp_segment_new (MP_SEGMENT_TABLE, NULL, SIZE, 8192, NULL, &error);

  g_assert_no_error (error);
  return segment;
}

static void
assert_refused (int   fd,
                int   code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpSegment) segment = mp_segment_open (fd, MP_SEGMENT_TABLE, NULL, &error);

  g_assert_null (segment);
  g_assert_error (error, MP_ERROR, code);
}

/* Two mappings of one segment show the same bytes, and close what they opened. */
static void
test_share (void)
{
  guint n_fds = count_fds ();
  MpSegment *first = new_segment ();
  g_autoptr (GError) error = NULL;
  MpSegment *second = mp_segment_open (mp_segment_get_fd (first), MP_SEGMENT_TABLE, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (mp_segment_get_data (first) != mp_segment_get_data (second));
  g_assert_cmpuint (mp_segment_get_size (second), ==, SIZE);
  g_assert_cmpmem (mp_segment_get_header (first), sizeof (MpSegmentHeader),
                   mp_segment_get_header (second), sizeof (MpSegmentHeader));

  ((guint8 *) mp_segment_get_data (first))[5000] = 42;
  g_assert_cmpuint (((guint8 *) mp_segment_get_data (second))[5000], ==, 42);

  g_assert_true (mp_segment_ref (second) == second);
  mp_segment_unref (second);
  mp_segment_unref (first);
  g_assert_cmpuint (((guint8 *) mp_segment_get_data (second))[5000], ==, 42);
  mp_segment_unref (second);
  g_assert_cmpuint (count_fds (), ==, n_fds);
}

/* With truncation a peer could make the next access end in SIGBUS. */
static void
test_cannot_be_truncated (void)
{
  g_autoptr (MpSegment) segment = new_segment ();
  int fd = mp_segment_get_fd (segment);

  g_assert_cmpint (ftruncate (fd, 0), ==, -1);
  g_assert_cmpint (errno, ==, EPERM);
  g_assert_cmpint (ftruncate (fd, SIZE * 2), ==, -1);
  g_assert_cmpint (errno, ==, EPERM);
  g_assert_cmpint (fcntl (fd, F_ADD_SEALS, F_SEAL_WRITE), ==, -1);
  g_assert_cmpint (errno, ==, EPERM);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
}

static void
test_seals_are_asked_for (void)
{
  const int incomplete[] = { 0, F_SEAL_SHRINK, F_SEAL_SHRINK | F_SEAL_GROW, F_SEAL_GROW | F_SEAL_SEAL };
  g_autoptr (MpSegment) segment = new_segment ();

  for (guint i = 0; i < G_N_ELEMENTS (incomplete); i++)
    {
      MP_AUTO_FD fd = mp_memfd_new ("test", SIZE, NULL);

      g_assert_cmpint (pwrite (fd, mp_segment_get_data (segment), 4096, 0), ==, 4096);
      g_assert_cmpint (fcntl (fd, F_ADD_SEALS, incomplete[i]), ==, 0);
      assert_refused (fd, MP_ERROR_REFUSED);
    }
}

typedef struct
{
  const char *name;
  gsize       offset;
  int         code;
} Flip;

/* A header that differs in any field is refused, with the code that tells why. */
static void
test_header (gconstpointer data)
{
  const Flip *flip = data;
  g_autoptr (MpSegment) segment = new_segment ();
  MP_AUTO_FD fd = mp_memfd_new ("test", SIZE, NULL);
  MpSegmentHeader header = *mp_segment_get_header (segment);

  ((guint8 *) &header)[flip->offset] ^= 1;
  g_assert_cmpint (pwrite (fd, &header, sizeof header, 0), ==, sizeof header);
  g_assert_cmpint (fcntl (fd, F_ADD_SEALS, MP_MEMFD_SEALS_SIZE), ==, 0);
  assert_refused (fd, flip->code);
}

static void
test_size_is_compared (void)
{
  g_autoptr (MpSegment) segment = new_segment ();
  MP_AUTO_FD fd = mp_memfd_new ("test", SIZE / 2, NULL);
  MP_AUTO_FD empty = mp_memfd_new ("test", 0, NULL);

  g_assert_cmpint (pwrite (fd, mp_segment_get_data (segment), 4096, 0), ==, 4096);
  g_assert_cmpint (fcntl (fd, F_ADD_SEALS, MP_MEMFD_SEALS_SIZE), ==, 0);
  assert_refused (fd, MP_ERROR_CORRUPTED);

  g_assert_cmpint (fcntl (empty, F_ADD_SEALS, MP_MEMFD_SEALS_SIZE), ==, 0);
  assert_refused (empty, MP_ERROR_CORRUPTED);
}

static void
test_other_files (void)
{
  int pipe_fds[2];
  MP_AUTO_FD file = -1;
  MP_AUTO_FD folder = open ("/", O_RDONLY | O_CLOEXEC);
  g_autofree char *name = NULL;

  assert_refused (folder, MP_ERROR_REFUSED);
  assert_refused (-1, MP_ERROR_REFUSED);

  g_assert_cmpint (pipe2 (pipe_fds, O_CLOEXEC), ==, 0);
  assert_refused (pipe_fds[0], MP_ERROR_REFUSED);
  close (pipe_fds[0]);
  close (pipe_fds[1]);

  file = g_file_open_tmp ("mpglib-XXXXXX", &name, NULL);
  g_assert_cmpint (ftruncate (file, SIZE), ==, 0);
  unlink (name);
  assert_refused (file, MP_ERROR_REFUSED);
}

static void
test_wrong_kind (void)
{
  g_autoptr (MpSegment) segment = new_segment ();
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_segment_open (mp_segment_get_fd (segment), MP_SEGMENT_ARENA, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
}

/* More than there is must be an error when it is asked for, not a signal later. */
static void
test_lack_of_memory (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpSegment) segment = mp_segment_new (MP_SEGMENT_ARENA, NULL, SIZE, 8192, NULL, &error);
  struct stat before, after;
  struct rlimit limit, small;

  g_assert_no_error (error);
  g_assert_cmpint (fstat (mp_segment_get_fd (segment), &before), ==, 0);
  g_assert_cmpint (before.st_blocks * 512, ==, 8192);

  g_assert_true (mp_segment_allocate (segment, 8192, 8192, &error));
  g_assert_cmpint (fstat (mp_segment_get_fd (segment), &after), ==, 0);
  g_assert_cmpint (after.st_blocks * 512, ==, 16384);

  /* A limit stands for a machine that has less. */
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  small = (struct rlimit) { .rlim_cur = SIZE / 2, .rlim_max = limit.rlim_max };
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &small), ==, 0);
  g_assert_null (mp_segment_new (MP_SEGMENT_ARENA, NULL, SIZE, 8192, NULL, &error));
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  g_assert_nonnull (error);
}

static void
test_placed (void)
{
  gpointer window = mmap (NULL, SIZE * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  g_autoptr (GError) error = NULL;
  MpSegment *segment = mp_segment_new (MP_SEGMENT_TABLE, NULL, SIZE, 4096, window, &error);

  g_assert_no_error (error);
  g_assert_true (mp_segment_get_data (segment) == window);
  mp_segment_unref (segment);
  g_assert_cmpint (munmap (window, SIZE * 2), ==, 0);
}

static void
test_payload (void)
{
  static const char text[] = "a long story";
  g_autoptr (GError) error = NULL;
  MP_AUTO_FD fd = mp_test_new_payload (text, sizeof text);
  g_autoptr (GBytes) bytes = NULL;

  g_assert_cmpint (lseek (fd, 7, SEEK_SET), ==, 7); /* opening does not move it */
  bytes = mp_payload_open (fd, sizeof text, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), text, sizeof text);
  g_assert_cmpint (lseek (fd, 0, SEEK_CUR), ==, 7);

  g_assert_cmpint (pwrite (fd, "b", 1, 0), ==, -1);
  g_assert_cmpint (errno, ==, EPERM);
  g_assert_true (mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
  g_assert_cmpint (fallocate (fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), ==, -1);
}

static void
assert_payload_refused (int   fd,
                        gsize size)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_payload_open (fd, size, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
}

static void
test_payload_refused (void)
{
  MP_AUTO_FD complete = mp_test_new_payload ("abc", 3);
  MP_AUTO_FD writable = mp_memfd_new ("test", 3, NULL);
  MP_AUTO_FD sparse = mp_memfd_new ("test", SIZE, NULL);
  MP_AUTO_FD decoy = mp_memfd_new ("test", SIZE, NULL);
  MP_AUTO_FD torn = mp_memfd_new ("test", SIZE, NULL);
  MP_AUTO_FD huge = memfd_create ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

  assert_payload_refused (complete, 2);
  assert_payload_refused (complete, 4);
  assert_payload_refused (complete, 0);

  g_assert_cmpint (pwrite (writable, "abc", 3, 0), ==, 3);
  g_assert_cmpint (fcntl (writable, F_ADD_SEALS, MP_MEMFD_SEALS_SIZE), ==, 0);
  assert_payload_refused (writable, 3);

  g_assert_cmpint (fcntl (sparse, F_ADD_SEALS, MP_MEMFD_SEALS_CONTENT), ==, 0);
  assert_payload_refused (sparse, SIZE);

  /* As many blocks as bytes, but elsewhere. */
  g_assert_cmpint (fallocate (decoy, FALLOC_FL_KEEP_SIZE, SIZE, SIZE), ==, 0);
  g_assert_cmpint (fcntl (decoy, F_ADD_SEALS, MP_MEMFD_SEALS_CONTENT), ==, 0);
  assert_payload_refused (decoy, SIZE);

  g_assert_cmpint (pwrite (torn, "a", 1, 0), ==, 1);
  g_assert_cmpint (pwrite (torn, "b", 1, SIZE - 1), ==, 1);
  g_assert_cmpint (fcntl (torn, F_ADD_SEALS, MP_MEMFD_SEALS_CONTENT), ==, 0);
  assert_payload_refused (torn, SIZE);

  /* Without a reserve of huge pages the file can be made all the same. */
  if (huge >= 0)
    {
      g_assert_cmpint (ftruncate (huge, 2 << 20), ==, 0);
      g_assert_cmpint (fcntl (huge, F_ADD_SEALS, MP_MEMFD_SEALS_CONTENT), ==, 0);
      assert_payload_refused (huge, 2 << 20);
    }
}

/* Of two slices, the first of which has been copied. */
static void
begin_payload (MpPayload *payload,
               GBytes    *bytes)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_payload_fill (payload, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &error));
  g_assert_no_error (error);
  g_assert_false (payload->is_sealed);
}

static GBytes *
new_long_message (void)
{
  const gsize size = 1024 * 1024 + 8;

  return g_bytes_new_take (g_malloc0 (size), size);
}

/* It is not said to have failed, since the kernel lets go of it. */
static void
test_payload_held (void)
{
  g_autoptr (GBytes) bytes = new_long_message (), opened = NULL;
  g_autoptr (GError) error = NULL;
  MpPayload payload = MP_PAYLOAD_INIT;
  gpointer hold;

  begin_payload (&payload, bytes);
  hold = mp_test_hold_payload (&payload);
  begin_payload (&payload, bytes);
  begin_payload (&payload, bytes);
  g_assert_cmpint (munmap (hold, 1024 * 1024), ==, 0);

  g_assert_true (mp_payload_fill (&payload, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &error));
  g_assert_no_error (error);
  g_assert_true (payload.is_sealed);
  opened = mp_payload_open (payload.fd, g_bytes_get_size (bytes), &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, opened));
  mp_payload_clear (&payload);
}

/* Nobody tries for ever. */
static void
test_payload_kept (void)
{
  g_autoptr (GBytes) bytes = new_long_message ();
  g_autoptr (GError) error = NULL;
  MpPayload payload = MP_PAYLOAD_INIT;
  gpointer hold;

  begin_payload (&payload, bytes);
  hold = mp_test_hold_payload (&payload);
  while (mp_payload_fill (&payload, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &error))
    g_assert_false (payload.is_sealed);

  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_assert_cmpint (munmap (hold, 1024 * 1024), ==, 0);
  mp_payload_clear (&payload);
}

/* --- A sender that cuts it short while it is looked at ---------------------- */

typedef struct
{
  int   fd;       /* atomic; -1: it has been cut */
  int   is_over;  /* atomic */
  guint n_spins;
} Cutter;

static void
spin (guint n)
{
  while (n-- > 0)
    mp_cpu_relax ();
}

static gpointer
cut_and_seal (gpointer data)
{
  Cutter *self = data;

  while (!g_atomic_int_get (&self->is_over))
    {
      int fd = g_atomic_int_get (&self->fd);

      if (fd < 0)
        {
          sched_yield ();
          continue;
        }

      spin (self->n_spins);
      g_assert_cmpint (ftruncate (fd, 4096), ==, 0);
      g_assert_cmpint (fcntl (fd, F_ADD_SEALS, MP_MEMFD_SEALS_SIZE), ==, 0);
      g_atomic_int_set (&self->fd, -1);
    }

  return NULL;
}

/* The size that is told is that of the seals: else who reads beyond the end is killed. */
static void
test_cut_meanwhile (void)
{
  guint n = g_strcmp0 (g_getenv ("MP_TEST_LONG"), "1") == 0 ? 300000 : 2000;
  Cutter cutter = { -1, FALSE, 0 };
  GThread *thread = g_thread_new ("cutter", cut_and_seal, &cutter);

  for (guint i = 0; i < n; i++)
    {
      MP_AUTO_FD fd = mp_memfd_new ("test", SIZE, NULL);
      struct stat status;

      cutter.n_spins = i % 61;
      g_atomic_int_set (&cutter.fd, fd);
      spin (i % 67);
      if (mp_memfd_check (fd, MP_MEMFD_SEALS_SIZE, &status, NULL))
        g_assert_cmpint (status.st_size, ==, 4096);
      while (g_atomic_int_get (&cutter.fd) >= 0)
        sched_yield ();
    }
  g_atomic_int_set (&cutter.is_over, TRUE);
  g_thread_join (thread);
}

int
main (int   argc,
      char *argv[])
{
  static const Flip flips[] = {
    { "magic", offsetof (MpSegmentHeader, magic) + 7, MP_ERROR_CORRUPTED },
    { "version", offsetof (MpSegmentHeader, version), MP_ERROR_NOT_SUPPORTED },
    { "fingerprint", offsetof (MpSegmentHeader, fingerprint) + 3, MP_ERROR_NOT_SUPPORTED },
    { "kind", offsetof (MpSegmentHeader, kind) + 1, MP_ERROR_CORRUPTED },
    { "size", offsetof (MpSegmentHeader, size) + 4, MP_ERROR_CORRUPTED },
    { "boot-id", offsetof (MpSegmentHeader, boot_id) + 15, MP_ERROR_CORRUPTED },
  };

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/segment/share", test_share);
  g_test_add_func ("/segment/cannot-be-truncated", test_cannot_be_truncated);
  g_test_add_func ("/segment/seals-are-asked-for", test_seals_are_asked_for);
  for (guint i = 0; i < G_N_ELEMENTS (flips); i++)
    {
      g_autofree char *path = g_strconcat ("/segment/header/", flips[i].name, NULL);

      g_test_add_data_func (path, &flips[i], test_header);
    }
  g_test_add_func ("/segment/size-is-compared", test_size_is_compared);
  g_test_add_func ("/segment/other-files", test_other_files);
  g_test_add_func ("/segment/wrong-kind", test_wrong_kind);
  g_test_add_func ("/segment/lack-of-memory", test_lack_of_memory);
  g_test_add_func ("/segment/placed", test_placed);
  g_test_add_func ("/payload/share", test_payload);
  g_test_add_func ("/payload/refused", test_payload_refused);
  g_test_add_func ("/payload/held", test_payload_held);
  g_test_add_func ("/payload/kept", test_payload_kept);
  g_test_add_func ("/memfd/cut-meanwhile", test_cut_meanwhile);
  return g_test_run ();
}
