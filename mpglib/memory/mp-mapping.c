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
#include "mp-mapping-private.h"
#include "mp-memfd-private.h"

struct _MpMapping
{
  gatomicrefcount ref_count;
  gsize           size;
  int             fd;
  MpFileIdentity  identity;  /* whose number that was at first */
  gpointer        address;   /* atomic; NULL until it is asked for */
};

static gboolean
set_errno_error (GError     **error,
                 const char  *what,
                 const char  *name)
{
  int saved_errno = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
               "Cannot %s shared memory%s%s%s: %s",
               what, name != NULL ? " \"" : "", name != NULL ? name : "", name != NULL ? "\"" : "",
               g_strerror (saved_errno));
  return FALSE;
}

/* --- Which file it is ----------------------------------------------------- */

static MpFileIdentity
identify (int fd)
{
  struct stat status;

  return fstat (fd, &status) == 0 ? (MpFileIdentity) { status.st_dev, status.st_ino } : (MpFileIdentity) { 0 };
}

static gboolean
is_same (const MpFileIdentity *one,
         const MpFileIdentity *other)
{
  return one->inode != 0 && one->inode == other->inode && one->device == other->device;
}

static gboolean
is_of (int                   fd,
       const MpFileIdentity *identity)
{
  MpFileIdentity own = identify (fd);

  return is_same (&own, identity);
}

/* Whoever closes all descriptors of a process, as many do that become daemons, closes ours, too, and the next file
 * that is opened may have the number.
 */
static gboolean
set_closed (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CLOSED, "Somebody has closed the descriptor of the shared memory");
  return FALSE;
}

/*< private >
 * mp_mapping_check:
 *
 * For who is about to use the descriptor; mp_mapping_write() and mp_mapping_reopen() look by themselves.
 *
 * Fails with %MP_ERROR_CLOSED.
 */
gboolean
mp_mapping_check (MpMapping  *self,
                  GError    **error)
{
  return is_of (self->fd, &self->identity) || set_closed (error);
}

/* --- Life ----------------------------------------------------------------- */

static MpMapping *
mapping_new (int   *fd,
             gsize  size)
{
  MpMapping *self = g_new0 (MpMapping, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->size = size;
  self->fd = mp_memfd_steal (fd);
  self->identity = identify (self->fd);
  return self;
}

static gboolean
check_size (gsize    size,
            GError **error)
{
  if (size > 0 && size <= G_MAXSSIZE)
    return TRUE;

  g_set_error (error, MP_ERROR, size == 0 ? MP_ERROR_OUT_OF_RANGE : MP_ERROR_TOO_BIG,
               "Shared memory cannot have %" G_GSIZE_FORMAT " bytes", size);
  return FALSE;
}

/*< private >
 * mp_mapping_new:
 * @size: bytes, which are zero
 *
 * Takes the memory at once, so that its lack is an error here.
 */
MpMapping *
mp_mapping_new (gsize    size,
                GError **error)
{
  MP_AUTO_FD fd = -1;

  if (!check_size (size, error))
    return NULL;

  fd = mp_memfd_new ("mp-memory", size, error);
  if (fd < 0 ||
      !mp_memfd_seal (fd, MP_MEMFD_SEALS_SIZE, error) ||
      !mp_memfd_allocate (fd, 0, size, error))
    return NULL;

  return mapping_new (&fd, size);
}

/*< private >
 * mp_mapping_new_sparse:
 * @size: bytes, which are zero
 * @n_behind: bytes that the file has behind them, which are not mapped
 *
 * Takes no memory: whoever wants to touch some of it calls mp_memfd_allocate() before.
 */
MpMapping *
mp_mapping_new_sparse (gsize     size,
                       guint64   n_behind,
                       GError  **error)
{
  MP_AUTO_FD fd = -1;

  if (!check_size (size, error))
    return NULL;

  fd = mp_memfd_new ("mp-memory", size + n_behind, error);
  return fd >= 0 && mp_memfd_seal (fd, MP_MEMFD_SEALS_SIZE, error) ? mapping_new (&fd, size) : NULL;
}

/*< private >
 * mp_mapping_new_named:
 * @name: without slashes
 *
 * Fails with %G_IO_ERROR_EXISTS if there is one of that name.  Only the user who made
 * it may open it.
 */
MpMapping *
mp_mapping_new_named (const char  *name,
                      gsize        size,
                      GError     **error)
{
  MP_AUTO_FD fd = -1;

  if (!check_size (size, error))
    return NULL;

  fd = shm_open (name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    {
      set_errno_error (error, "make", name);
      return NULL;
    }

  if (ftruncate (fd, (off_t) size) != 0)
    set_errno_error (error, "size", name);
  else if (mp_memfd_allocate (fd, 0, size, error))
    return mapping_new (&fd, size);

  shm_unlink (name);
  return NULL;
}

/* Where shm_open() has its names. */
#define NAMES "/dev/shm"

static char *
get_own_path (MpMapping *self)
{
  return g_strdup_printf ("/proc/self/fd/%d", self->fd);
}

/*< private >
 * mp_mapping_new_nameless:
 * @size: bytes, which are zero
 *
 * Makes what mp_mapping_give_name() has others find once it is filled: they never see a part of
 * it, and whoever is killed before leaves nothing.
 */
MpMapping *
mp_mapping_new_nameless (gsize    size,
                         GError **error)
{
  MP_AUTO_FD fd = -1;

  if (!check_size (size, error))
    return NULL;

  fd = open (NAMES, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate (fd, (off_t) size) != 0)
    {
      set_errno_error (error, "make", NULL);
      return NULL;
    }

  return mp_memfd_allocate (fd, 0, size, error) ? mapping_new (&fd, size) : NULL;
}

/*< private >
 * mp_mapping_give_name:
 * @self: from mp_mapping_new_nameless()
 * @name: without slashes
 *
 * Fails with %G_IO_ERROR_EXISTS if there is one of that name.
 */
gboolean
mp_mapping_give_name (MpMapping   *self,
                      const char  *name,
                      GError     **error)
{
  g_autofree char *own_path = get_own_path (self);
  g_autofree char *path = g_strconcat (NAMES "/", name, NULL);

  return linkat (AT_FDCWD, own_path, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ||
         set_errno_error (error, "name", name);
}

/*< private >
 * mp_mapping_reopen:
 *
 * Returns: a descriptor of the same memory that has nothing in common with any other one: neither
 *   locks nor, after a fork, its end; or -1
 */
int
mp_mapping_reopen (MpMapping  *self,
                   GError    **error)
{
  g_autofree char *path = get_own_path (self);
  /* What has the number by now may be something that waits when it is opened. */
  MP_AUTO_FD fd = open (path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

  if (fd < 0)
    {
      set_errno_error (error, "open", NULL);
      return -1;
    }

  if (is_of (fd, &self->identity))
    return mp_memfd_steal (&fd);

  set_closed (error);
  return -1;
}

/* Somebody else may have made the name first, in the hope that we come. */
static gboolean
check_named (int           fd,
             const char   *name,
             struct stat  *status,
             GError      **error)
{
  if (fstat (fd, status) != 0)
    return set_errno_error (error, "look at", name);

  if (S_ISREG (status->st_mode) && status->st_size > 0 && status->st_uid == geteuid ())
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_REFUSED,
               "The shared memory \"%s\" is empty, or somebody else's", name);
  return FALSE;
}

/*< private >
 * mp_mapping_open_named:
 *
 * Fails with %G_IO_ERROR_NOT_FOUND if there is none.
 */
MpMapping *
mp_mapping_open_named (const char  *name,
                       GError     **error)
{
  MP_AUTO_FD fd = shm_open (name, O_RDWR | O_CLOEXEC, 0);
  struct stat status;

  if (fd < 0)
    {
      set_errno_error (error, "open", name);
      return NULL;
    }

  return check_named (fd, name, &status, error) ? mapping_new (&fd, (gsize) status.st_size) : NULL;
}

/* In the units of st_blocks. */
static guint64
count_blocks (guint64 size)
{
  return (size + 511) / 512;
}

static gboolean
check_received (int           fd,
                gsize         size,
                gboolean      may_be_more,
                struct stat  *status,
                GError      **error)
{
  if (!mp_memfd_check (fd, MP_MEMFD_SEALS_SIZE, status, error))
    return FALSE;

  if (size > 0 && ((guint64) status->st_size == size || (may_be_more && (guint64) status->st_size > size)))
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED,
               "The shared memory received has %" G_GINT64_FORMAT " bytes, not %" G_GSIZE_FORMAT,
               (gint64) status->st_size, size);
  return FALSE;
}

/*< private >
 * mp_mapping_open:
 * @fd_taken: what a peer sent; taken on success
 * @size: what the peer says it has
 *
 * Memory that others can make shorter is refused, and memory that is not there yet: whoever
 * touches it would have to find it, as much as the peer likes.
 */
MpMapping *
mp_mapping_open (int     *fd_taken,
                 gsize    size,
                 GError **error)
{
  struct stat status;

  if (!check_received (*fd_taken, size, FALSE, &status, error))
    return NULL;

  if ((guint64) status.st_blocks < count_blocks (size))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_REFUSED,
                           "The shared memory received is not all there: parts of it have no memory yet");
      return NULL;
    }

  return mapping_new (fd_taken, size);
}

/*< private >
 * mp_mapping_open_sparse:
 *
 * As mp_mapping_open(), but for memory of mp_mapping_new_sparse(), whatever is behind what is mapped.
 */
MpMapping *
mp_mapping_open_sparse (int     *fd_taken,
                        gsize    size,
                        GError **error)
{
  struct stat status;

  return check_received (*fd_taken, size, TRUE, &status, error) ? mapping_new (fd_taken, size) : NULL;
}

/*< private >
 * mp_mapping_is_of:
 *
 * Returns: whether it is the memory of the descriptor
 */
gboolean
mp_mapping_is_of (MpMapping *self,
                  int        fd)
{
  return is_of (fd, &self->identity);
}

void
mp_mapping_get_identity (MpMapping      *self,
                         MpFileIdentity *identity)
{
  *identity = self->identity;
}

/*< private >
 * mp_mapping_remove_name:
 * @identity: (nullable): whose name it is
 *
 * Those that have the memory open keep it.  Fails with %G_IO_ERROR_NOT_FOUND if the name is
 * nobody's, or another's.
 */
gboolean
mp_mapping_remove_name (const char           *name,
                        const MpFileIdentity *identity,
                        GError              **error)
{
  MP_AUTO_FD fd = -1;

  if (identity == NULL)
    return shm_unlink (name) == 0 || set_errno_error (error, "remove", name);

  /* Whatever has the name by now: that of a pipe would wait for who writes to it. */
  fd = shm_open (name, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd < 0)
    return set_errno_error (error, "remove", name);

  if (!is_of (fd, identity))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   "The name \"%s\" is that of other shared memory by now", name);
      return FALSE;
    }

  return shm_unlink (name) == 0 || set_errno_error (error, "remove", name);
}

MpMapping *
mp_mapping_ref (MpMapping *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
mp_mapping_unref (MpMapping *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  if (self->address != NULL)
    munmap (self->address, self->size);
  if (is_of (self->fd, &self->identity))
    mp_memfd_close (&self->fd);
  g_free (self);
}

/* --- Use ------------------------------------------------------------------ */

gsize
mp_mapping_get_size (MpMapping *self)
{
  return self->size;
}

int
mp_mapping_get_fd (MpMapping *self)
{
  return self->fd;
}

/*< private >
 * mp_mapping_get_address:
 *
 * Returns: (nullable): where it is mapped, until the last reference goes
 */
gpointer
mp_mapping_get_address (MpMapping  *self,
                        GError    **error)
{
  gpointer address = g_atomic_pointer_get (&self->address);

  if (G_LIKELY (address != NULL))
    return address;

  if (!mp_mapping_check (self, error))
    return NULL;

  address = mmap (NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
  if (address == MAP_FAILED)
    {
      set_errno_error (error, "map", NULL);
      return NULL;
    }

  /* Another thread may have been faster. */
  if (!g_atomic_pointer_compare_and_exchange (&self->address, NULL, address))
    {
      munmap (address, self->size);
      address = g_atomic_pointer_get (&self->address);
    }

  return address;
}

/*< private >
 * mp_mapping_check_part:
 *
 * Returns: whether there are that many bytes
 */
gboolean
mp_mapping_check_part (MpMapping  *self,
                       gsize       offset,
                       gsize       length,
                       GError    **error)
{
  if (offset <= self->size && length <= self->size - offset)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_OUT_OF_RANGE,
               "There are no %" G_GSIZE_FORMAT " bytes at %" G_GSIZE_FORMAT " in shared memory of %" G_GSIZE_FORMAT,
               length, offset, self->size);
  return FALSE;
}

static gboolean
set_shorter (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "Somebody has made the shared memory shorter");
  return FALSE;
}

/*< private >
 * mp_mapping_read:
 *
 * Fails with %MP_ERROR_CORRUPTED if somebody took a part of the memory away.
 */
gboolean
mp_mapping_read (MpMapping  *self,
                 gsize       offset,
                 gpointer    bytes,
                 gsize       length,
                 GError    **error)
{
  guint8 *end = bytes;

  if (!mp_mapping_check_part (self, offset, length, error))
    return FALSE;

  while (length > 0)
    {
      gssize n = pread (self->fd, end, length, (off_t) offset);

      if (n < 0 && errno == EINTR)
        continue;

      if (n < 0)
        return set_errno_error (error, "read", NULL);

      if (n == 0)
        return set_shorter (error);

      end += n;
      offset += (gsize) n;
      length -= (gsize) n;
    }

  return TRUE;
}

/* Otherwise writing would make it longer again, for nobody's use. */
static gboolean
check_end (MpMapping  *self,
           gsize       end,
           GError    **error)
{
  struct stat status = { 0 };
  MpFileIdentity identity;

  fstat (self->fd, &status);
  identity = (MpFileIdentity) { status.st_dev, status.st_ino };
  if (!is_same (&identity, &self->identity))
    return set_closed (error);

  return (guint64) status.st_size >= end || set_shorter (error);
}

/*< private >
 * mp_mapping_write:
 *
 * Fails with %MP_ERROR_CORRUPTED if somebody took a part of the memory away.
 */
gboolean
mp_mapping_write (MpMapping      *self,
                  gsize           offset,
                  gconstpointer   bytes,
                  gsize           length,
                  GError        **error)
{
  const guint8 *next = bytes;

  if (!mp_mapping_check_part (self, offset, length, error) || !check_end (self, offset + length, error))
    return FALSE;

  while (length > 0)
    {
      gssize n = pwrite (self->fd, next, length, (off_t) offset);

      if (n < 0 && errno == EINTR)
        continue;

      if (n < 0)
        return set_errno_error (error, "write", NULL);

      next += n;
      offset += (gsize) n;
      length -= (gsize) n;
    }

  return TRUE;
}
