/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gio/gio.h>

#include "mp-error.h"
#include "mp-memfd-private.h"
#include "mp-payload-private.h"

static gboolean
set_map_error (gsize    size,
               GError **error)
{
  int saved_errno = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
               "Cannot map a message of %" G_GSIZE_FORMAT " bytes: %s", size, g_strerror (saved_errno));
  return FALSE;
}

/*< private >
 * mp_payload_begin:
 * @size: bytes, at least 1
 * @data: (out): where to write them
 *
 * Whatever happens next, mp_payload_finish() must follow.
 *
 * Returns: a descriptor, or -1
 */
int
mp_payload_begin (gsize     size,
                  guint8  **data,
                  GError  **error)
{
  MP_AUTO_FD fd = mp_memfd_new ("mp-payload", size, error);
  gpointer mapping;

  if (fd < 0 || !mp_memfd_allocate (fd, 0, size, error))
    return -1;

  mapping = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapping == MAP_FAILED)
    {
      set_map_error (size, error);
      return -1;
    }

  *data = mapping;
  return mp_memfd_steal (&fd);
}

/*< private >
 * mp_payload_finish:
 * @data: as mp_payload_begin() gave it; not to be used again
 *
 * Makes the bytes unchangeable.  The descriptor stays the caller's, also on
 * failure.
 */
gboolean
mp_payload_finish (int      fd,
                   guint8  *data,
                   gsize    size,
                   GError **error)
{
  /* No memory can be sealed while it can be written to through a mapping. */
  munmap (data, size);
  return mp_memfd_seal (fd, MP_MEMFD_SEALS_CONTENT, error);
}

/*< private >
 * mp_payload_new:
 *
 * Returns: a descriptor of sealed memory with a copy of @bytes, or -1
 */
int
mp_payload_new (const guint8  *bytes,
                gsize          size,
                GError       **error)
{
  guint8 *data;
  MP_AUTO_FD fd = mp_payload_begin (size, &data, error);

  if (fd < 0)
    return -1;

  memcpy (data, bytes, size);
  return mp_payload_finish (fd, data, size, error) ? mp_memfd_steal (&fd) : -1;
}

typedef struct
{
  gpointer data;
  gsize    size;
} Mapping;

static void
mapping_free (gpointer data)
{
  Mapping *mapping = data;

  munmap (mapping->data, mapping->size);
  g_free (mapping);
}

/* Where the first hole is, or the end.  Blocks do not tell, as there may be some
 * beyond the end.  A descriptor of its own is asked, since lseek() moves, and one
 * that was received has its position together with the sender's; where none is to
 * be had the answer is as good, and the sender's to live with.
 */
static off_t
find_hole (int fd)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  MP_AUTO_FD own = open (path, O_RDONLY | O_CLOEXEC);

  return lseek (own >= 0 ? own : fd, 0, SEEK_HOLE);
}

/*< private >
 * mp_payload_open:
 * @fd: a descriptor received, which stays the caller's
 * @size: the bytes that were announced, already checked against the receiver's limit
 *
 * Fails with %MP_ERROR_REFUSED unless it is sealed memory of that size, all of
 * it in being.
 *
 * Returns: (transfer full): the message
 */
GBytes *
mp_payload_open (int      fd,
                 gsize    size,
                 GError **error)
{
  struct stat status;
  gpointer data;
  Mapping *mapping;

  if (!mp_memfd_check (fd, MP_MEMFD_SEALS_CONTENT, &status, error))
    return NULL;

  /* A hole takes memory when it is read: at the receiver's cost, by SIGBUS.  None
   * can be made any more, since the seals were looked at before.
   */
  if (size == 0 || (guint64) status.st_size != size || find_hole (fd) != status.st_size)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_REFUSED,
                   "The message received does not have the %" G_GSIZE_FORMAT " bytes that were announced", size);
      return NULL;
    }

  /* Before Linux 6.7 a shared mapping of what is sealed against writing is
   * refused, even one that only reads.
   */
  data = mmap (NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED)
    {
      set_map_error (size, error);
      return NULL;
    }

  mapping = g_new (Mapping, 1);
  *mapping = (Mapping) { data, size };
  return g_bytes_new_with_free_func (data, size, mapping_free, mapping);
}
