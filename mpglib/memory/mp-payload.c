/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gio/gio.h>

#include "mp-error.h"
#include "mp-memfd-private.h"
#include "mp-payload-private.h"

/* Copied in one go: well below a millisecond. */
#define SLICE (1024 * 1024)

/* The kernel seals no memory of which it has a page in hand itself, to move it or to look whether it is used.  It waits
 * for a moment, up to 75 ms, and then refuses.
 */
#define MAX_REFUSALS 32

static gboolean
is_held_by_kernel (MpPayload *self)
{
  return errno == EBUSY && ++self->n_refused < MAX_REFUSALS;
}

static gboolean
seal (MpPayload  *self,
      GError    **error)
{
  if (fcntl (self->fd, F_ADD_SEALS, MP_MEMFD_SEALS_CONTENT) == 0)
    self->is_sealed = TRUE;
  else if (!is_held_by_kernel (self))
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Cannot seal a message of %" G_GSIZE_FORMAT " bytes: %s", self->n_written, g_strerror (saved_errno));
      return FALSE;
    }

  return TRUE;
}

static gboolean
copy (MpPayload     *self,
      const guint8  *bytes,
      gsize          size,
      GError       **error)
{
  gsize end = self->n_written + MIN (size - self->n_written, SLICE);

  while (self->n_written < end)
    {
      gssize n = write (self->fd, bytes + self->n_written, end - self->n_written);

      if (n > 0)
        self->n_written += (gsize) n;
      else if (n == 0 || errno != EINTR)
        {
          g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                       "No memory for a message of %" G_GSIZE_FORMAT " bytes: %s", size, g_strerror (errno));
          return FALSE;
        }
    }

  return TRUE;
}

/*< private >
 * mp_payload_fill:
 * @bytes: (array length=size): the whole message, the same each time
 * @size: at least 1
 *
 * Copies the next slice, and seals the last one: to be called until `is_sealed`, and between any two calls others may
 * have their turn.  Fails where no memfd or no memory can be had, or the kernel does not let go of it.
 */
gboolean
mp_payload_fill (MpPayload     *self,
                 const guint8  *bytes,
                 gsize          size,
                 GError       **error)
{
  if (self->is_sealed)
    return TRUE;

  if (self->fd < 0)
    {
      self->fd = mp_memfd_new ("mp-payload", 0, error);
      if (self->fd < 0)
        return FALSE;
    }

  if (!copy (self, bytes, size, error))
    return FALSE;

  return self->n_written < size || seal (self, error);
}

void
mp_payload_clear (MpPayload *self)
{
  mp_memfd_close (&self->fd);
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
   * refused, even one that only reads.  A language may give the bytes out as an array
   * that can be written to, as JavaScript does: what is written is this process's own.
   */
  data = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
  if (data == MAP_FAILED)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Cannot map a message of %" G_GSIZE_FORMAT " bytes: %s", size, g_strerror (saved_errno));
      return NULL;
    }

  mapping = g_new (Mapping, 1);
  *mapping = (Mapping) { data, size };
  return g_bytes_new_with_free_func (data, size, mapping_free, mapping);
}
