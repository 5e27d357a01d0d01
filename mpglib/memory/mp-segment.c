/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <gio/gio.h>

#include "mp-error.h"
#include "mp-memfd-private.h"
#include "mp-segment-private.h"

struct _MpSegment
{
  gatomicrefcount  ref_count;
  MpSegmentHeader  header;      /* a copy: that of the file can be written to by every participant */
  gpointer         data;
  gboolean         is_placed;   /* mapped where the caller said, in address space of his */
  int              fd;
};

static const char * const kind_names[] = {
  [MP_SEGMENT_TABLE] = "mp-table",
  [MP_SEGMENT_ARENA] = "mp-arena",
};

/* --- Identity ------------------------------------------------------------- */

/* Reads 32 hexadecimal digits, dashes between them passed over. */
static gboolean
parse_uuid (const char *text,
            guint8      id[16])
{
  for (guint i = 0; i < 32; text++)
    {
      int digit = g_ascii_xdigit_value (*text);

      if (*text == '-')
        continue;
      if (digit < 0)
        return FALSE;

      id[i / 2] = (guint8) (i % 2 == 0 ? digit << 4 : id[i / 2] | digit);
      i++;
    }

  return TRUE;
}

/* Zero where /proc is not there: then the check is left out. */
static void
read_boot_id (guint8 id[16])
{
  char text[64] = "";
  MP_AUTO_FD fd = open ("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

  if (fd < 0 || read (fd, text, sizeof text - 1) <= 0 || !parse_uuid (text, id))
    memset (id, 0, 16);
}

static gboolean
fill_header (MpSegmentHeader  *header,
             MpSegmentKind     kind,
             const guint8     *table_id,
             guint64           size,
             GError          **error)
{
  *header = (MpSegmentHeader) {
    .version = MP_LAYOUT_VERSION,
    .kind = kind,
    .fingerprint = MP_LAYOUT_FINGERPRINT,
    .size = size,
  };
  memcpy (header->magic, MP_SEGMENT_MAGIC, sizeof header->magic);
  read_boot_id (header->boot_id);

  if (getrandom (header->id, sizeof header->id, 0) != (gssize) sizeof header->id)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                   "Cannot get random bytes: %s", g_strerror (errno));
      return FALSE;
    }

  memcpy (header->table_id, table_id ? table_id : header->id, sizeof header->table_id);
  return TRUE;
}

static gboolean
is_zero (const guint8 id[16])
{
  static const guint8 zero[16];

  return memcmp (id, zero, sizeof zero) == 0;
}

static gboolean
check_header (const MpSegmentHeader  *header,
              MpSegmentKind           kind,
              guint64                 size,
              GError                **error)
{
  guint8 boot_id[16];

  if (memcmp (header->magic, MP_SEGMENT_MAGIC, sizeof header->magic) != 0)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED,
                           "The shared memory received was not made by mpglib");
      return FALSE;
    }

  if (header->version != MP_LAYOUT_VERSION || header->fingerprint != MP_LAYOUT_FINGERPRINT)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
                   "The shared memory received has layout %u/%016" G_GINT64_MODIFIER "x, this build of mpglib "
                   "has %u/%016" G_GINT64_MODIFIER "x: use the same version in all processes",
                   header->version, header->fingerprint, MP_LAYOUT_VERSION, MP_LAYOUT_FINGERPRINT);
      return FALSE;
    }

  if (header->kind != (guint32) kind || header->size != size)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED,
                   "The shared memory received is of kind %u and %" G_GUINT64_FORMAT " bytes, "
                   "not of kind %u and %" G_GUINT64_FORMAT " bytes",
                   header->kind, header->size, (guint) kind, size);
      return FALSE;
    }

  read_boot_id (boot_id);
  if (!is_zero (boot_id) && !is_zero (header->boot_id) && memcmp (boot_id, header->boot_id, sizeof boot_id) != 0)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED,
                           "The shared memory received was made before this machine was started");
      return FALSE;
    }

  return TRUE;
}

/* --- Mapping -------------------------------------------------------------- */

static gpointer
map (int        fd,
     guint64    size,
     gpointer   address,
     GError   **error)
{
  gpointer data = MAP_FAILED;

  if (size <= G_MAXSIZE)
    data = mmap (address, (gsize) size, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_NORESERVE | (address != NULL ? MAP_FIXED : 0), fd, 0);
  else
    errno = ENOMEM;

  if (data == MAP_FAILED)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                   "Cannot map %" G_GUINT64_FORMAT " bytes of shared memory: %s", size, g_strerror (errno));
      return NULL;
    }

  return data;
}

static MpSegment *
new_mapped (int                     fd_taken,
            const MpSegmentHeader  *header,
            gpointer                address,
            GError                **error)
{
  MP_AUTO_FD fd = fd_taken;
  gpointer data = map (fd, header->size, address, error);
  MpSegment *self;

  if (data == NULL)
    return NULL;

  self = g_new0 (MpSegment, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->header = *header;
  self->data = data;
  self->is_placed = address != NULL;
  self->fd = mp_memfd_steal (&fd);
  return self;
}

/*< private >
 * mp_segment_new:
 * @table_id: (nullable): 16 bytes, the participant table that the segment belongs to;
 *   %NULL for a table
 * @size: bytes of address space, a multiple of the page size
 * @n_allocated: bytes at the beginning that get memory at once
 * @address: (nullable): where to map it, over whatever is mapped there
 *
 * Everything but the header is zero.
 */
MpSegment *
mp_segment_new (MpSegmentKind   kind,
                const guint8   *table_id,
                guint64         size,
                guint64         n_allocated,
                gpointer        address,
                GError        **error)
{
  MP_AUTO_FD fd = -1;
  MpSegmentHeader header;
  MpSegment *self;

  g_assert (n_allocated >= sizeof header && n_allocated <= size && size <= MP_SEGMENT_MAX_SIZE);

  if (!fill_header (&header, kind, table_id, size, error))
    return NULL;

  fd = mp_memfd_new (kind_names[kind], size, error);
  if (fd < 0 ||
      !mp_memfd_allocate (fd, 0, n_allocated, error) ||
      !mp_memfd_seal (fd, MP_MEMFD_SEALS_SIZE, error))
    return NULL;

  self = new_mapped (mp_memfd_steal (&fd), &header, address, error);
  if (self != NULL)
    memcpy (self->data, &header, sizeof header);

  return self;
}

/* The copy is what is checked and used. */
static gboolean
read_header (int               fd,
             MpSegmentHeader  *header,
             GError          **error)
{
  if (pread (fd, header, sizeof *header, 0) != (gssize) sizeof *header)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED,
                           "The shared memory received has no header");
      return FALSE;
    }

  return TRUE;
}

/*< private >
 * mp_segment_open:
 * @fd: a descriptor received, which stays the caller's
 * @kind: what it must hold
 * @address: (nullable): where to map it
 *
 * Fails with %MP_ERROR_REFUSED if it is not sealed memory, %MP_ERROR_CORRUPTED
 * if it holds something else, %MP_ERROR_NOT_SUPPORTED if another version of the
 * library made it.
 */
MpSegment *
mp_segment_open (int             fd,
                 MpSegmentKind   kind,
                 gpointer        address,
                 GError        **error)
{
  MpSegmentHeader header;
  struct stat status;
  int own_fd;

  if (!mp_memfd_check (fd, MP_MEMFD_SEALS_SIZE, &status, error))
    return NULL;

  if ((guint64) status.st_size > MP_SEGMENT_MAX_SIZE)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                   "The shared memory received is larger than %" G_GUINT64_FORMAT " bytes", MP_SEGMENT_MAX_SIZE);
      return NULL;
    }

  if (!read_header (fd, &header, error) ||
      !check_header (&header, kind, (guint64) status.st_size, error))
    return NULL;

#ifdef MP_FAULT_DOUBLE_FETCH
  read_header (fd, &header, error);
#endif

  own_fd = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  if (own_fd < 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                   "Cannot keep the shared memory received: %s", g_strerror (errno));
      return NULL;
    }

  return new_mapped (own_fd, &header, address, error);
}

MpSegment *
mp_segment_ref (MpSegment *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/*< private >
 * mp_segment_vacate:
 *
 * Unmaps it and closes its descriptor, for who has the last reference and may not free memory.
 */
void
mp_segment_vacate (MpSegment *self)
{
  /* Address space of the caller stays taken, so that nothing else gets there. */
  if (self->is_placed)
    mmap (self->data, self->header.size, PROT_NONE,
          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  else
    munmap (self->data, self->header.size);

  self->data = NULL;
  mp_memfd_close (&self->fd);
}

void
mp_segment_unref (MpSegment *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  if (self->data != NULL)
    mp_segment_vacate (self);
  g_free (self);
}

/*< private >
 * mp_segment_allocate:
 *
 * Takes memory for a part of the segment.  May be asked again for the same part.
 */
gboolean
mp_segment_allocate (MpSegment  *self,
                     guint64     offset,
                     guint64     length,
                     GError    **error)
{
  g_assert (offset <= self->header.size && length <= self->header.size - offset);

  return mp_memfd_allocate (self->fd, offset, length, error);
}

const MpSegmentHeader *
mp_segment_get_header (MpSegment *self)
{
  return &self->header;
}

gpointer
mp_segment_get_data (MpSegment *self)
{
  return self->data;
}

guint64
mp_segment_get_size (MpSegment *self)
{
  return self->header.size;
}

/*< private >
 * mp_segment_get_fd:
 *
 * Returns: a descriptor to send to others; it stays the segment's
 */
int
mp_segment_get_fd (MpSegment *self)
{
  return self->fd;
}
