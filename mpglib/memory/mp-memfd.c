/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <gio/gio.h>

#include "mp-error.h"
#include "mp-memfd-private.h"

#ifndef MFD_NOEXEC_SEAL
# define MFD_NOEXEC_SEAL 0x0008u
#endif

/*< private >
 * mp_memfd_close:
 *
 * Keeps errno, so that it can be the cleanup of a function that failed.
 */
void
mp_memfd_close (int *fd)
{
  int saved_errno = errno;

  if (*fd >= 0)
    close (*fd);

  *fd = -1;
  errno = saved_errno;
}

static int
create (const char *name)
{
  int fd = memfd_create (name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

  /* Linux before 6.3 does not know the last flag. */
  if (fd < 0 && errno == EINVAL)
    fd = memfd_create (name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

  return fd;
}

/*< private >
 * mp_memfd_new:
 * @name: what /proc shows
 * @size: bytes, none of which has memory yet
 *
 * Returns: a descriptor, closed by exec; or -1
 */
int
mp_memfd_new (const char  *name,
              guint64      size,
              GError     **error)
{
  MP_AUTO_FD fd = create (name);

  if (fd < 0 || ftruncate (fd, (off_t) size) != 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Cannot make %" G_GUINT64_FORMAT " bytes of shared memory: %s",
                   size, g_strerror (saved_errno));
      return -1;
    }

  return mp_memfd_steal (&fd);
}

/* A memfd has no limit of its own: taking what does not exist would not fail, but have
 * the kernel kill processes until there is nothing left to take, maybe those of others.
 */
static gboolean
can_exist (guint64 length)
{
  struct sysinfo system;

  return sysinfo (&system) != 0 || length / system.mem_unit <= (guint64) system.totalram + system.totalswap;
}

gboolean
mp_memfd_can_have (guint64   length,
                   GError  **error)
{
  if (can_exist (length))
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
               "Cannot take %" G_GUINT64_FORMAT " bytes of shared memory: the machine has fewer", length);
  return FALSE;
}

/*< private >
 * mp_memfd_allocate:
 *
 * Takes memory for a part of the file, unless it has some.  Fails with
 * %G_IO_ERROR_NO_SPACE or the like where touching it would end in SIGBUS.
 */
gboolean
mp_memfd_allocate (int       fd,
                   guint64   offset,
                   guint64   length,
                   GError  **error)
{
  int result;

  if (!mp_memfd_can_have (length, error))
    return FALSE;

  do
    result = fallocate (fd, 0, (off_t) offset, (off_t) length);
  while (result != 0 && errno == EINTR);

  if (result != 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Cannot take %" G_GUINT64_FORMAT " bytes of shared memory: %s",
                   length, g_strerror (saved_errno));
      return FALSE;
    }

  return TRUE;
}

/*< private >
 * mp_memfd_drop:
 *
 * Gives the memory of a part of the file back; its bytes are zero from then on.  That may fail, and the
 * memory stays then.
 */
void
mp_memfd_drop (int     fd,
               guint64 offset,
               guint64 length)
{
  int result;

  do
    result = fallocate (fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) offset, (off_t) length);
  while (result != 0 && errno == EINTR);
}

/*< private >
 * mp_memfd_write:
 *
 * Writes to a part of the file that need not have memory.  Fails as mp_memfd_allocate() does.
 */
gboolean
mp_memfd_write (int             fd,
                guint64         offset,
                gconstpointer   bytes,
                gsize           length,
                GError        **error)
{
  const guint8 *next = bytes;

  if (!mp_memfd_can_have (length, error))
    return FALSE;

  while (length > 0)
    {
      gssize n = pwrite (fd, next, length, (off_t) offset);

      if (n < 0 && errno == EINTR)
        continue;

      if (n <= 0)
        {
          int saved_errno = n < 0 ? errno : ENOSPC;

          g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                       "Cannot write %" G_GSIZE_FORMAT " bytes of shared memory: %s", length, g_strerror (saved_errno));
          return FALSE;
        }

      next += n;
      offset += (guint64) n;
      length -= (gsize) n;
    }

  return TRUE;
}

/*< private >
 * mp_memfd_read:
 *
 * Fails with %MP_ERROR_CORRUPTED if the file ends before.
 */
gboolean
mp_memfd_read (int        fd,
               guint64    offset,
               gpointer   bytes,
               gsize      length,
               GError   **error)
{
  guint8 *next = bytes;

  while (length > 0)
    {
      gssize n = pread (fd, next, length, (off_t) offset);

      if (n < 0 && errno == EINTR)
        continue;

      if (n <= 0)
        {
          g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED,
                       "Cannot read %" G_GSIZE_FORMAT " bytes of shared memory: %s",
                       length, n < 0 ? g_strerror (errno) : "they are not there");
          return FALSE;
        }

      next += n;
      offset += (guint64) n;
      length -= (gsize) n;
    }

  return TRUE;
}

gboolean
mp_memfd_seal (int      fd,
               int      seals,
               GError **error)
{
#ifdef MP_FAULT_NO_SEAL_SHRINK
  seals &= ~F_SEAL_SHRINK;
#endif

  if (fcntl (fd, F_ADD_SEALS, seals) != 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Cannot seal shared memory: %s", g_strerror (saved_errno));
      return FALSE;
    }

  return TRUE;
}

/* Huge pages can be sealed too, but come from a pool that may run dry at the
 * first touch; other file systems do not keep what seals promise.
 */
static gboolean
is_plain_memory (int fd)
{
  struct statfs file_system;

  return fstatfs (fd, &file_system) == 0 && file_system.f_type == TMPFS_MAGIC;
}

/*< private >
 * mp_memfd_check:
 * @seals: those without which the file is refused
 * @status: (out): the file's
 *
 * Looks at a descriptor that came from somebody else, before it is mapped.
 */
gboolean
mp_memfd_check (int           fd,
                int           seals,
                struct stat  *status,
                GError      **error)
{
  int found = fcntl (fd, F_GET_SEALS);

  /* First: what is looked at before the seals are there can be changed before they are, and nothing but memory has any,
   * so that no other file system is asked anything, which may be a stranger's program.
   */
  if (found < 0 || (found & seals) != seals)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_REFUSED,
                           "The file received is no shared memory that is sealed, and others could take it away");
      return FALSE;
    }

  if (fstat (fd, status) != 0 || !S_ISREG (status->st_mode) || status->st_size < 0 || !is_plain_memory (fd))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_REFUSED,
                           "The file received is not plain shared memory");
      return FALSE;
    }

  return TRUE;
}
