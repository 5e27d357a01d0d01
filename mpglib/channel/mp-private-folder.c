/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-private-folder-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gio.h>

#include "mp-fd-private.h"

#define PREFIX   "mpglib-listener-"
#define TEMPLATE PREFIX "XXXXXX"

/* Attempts, each of which fails only if somebody sweeps at that very moment. */
#define N_ATTEMPTS 10

/* Names that are looked at in a folder that may be that of all users for their temporary files. */
#define MAX_NAMES 1000

/* It is ours, whatever links lead to where it is, and still there. */
static gboolean
is_private (int folder_fd)
{
  struct stat status;

  return fstat (folder_fd, &status) == 0 && S_ISDIR (status.st_mode) && status.st_nlink > 0 &&
         status.st_uid == geteuid () && (status.st_mode & 07777) == 0700;
}

/* Returns a descriptor that has the lock, or -1.  `is_new`: where the file system knows no locks it does without,
 * since then nobody else can have one either.
 */
static int
lock_folder (int         parent_fd,
             const char *name,
             gboolean    is_new)
{
  int low_fd, fd = openat (parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd >= 0 && fd <= 2)
    {
      low_fd = fd;
      fd = fcntl (low_fd, F_DUPFD_CLOEXEC, 3);
      mp_fd_close (&low_fd);
    }

  if (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) != 0 && (!is_new || errno == EWOULDBLOCK))
    mp_fd_close (&fd);

  /* After that: who has removed it had the lock. */
  if (fd >= 0 && !is_private (fd))
    mp_fd_close (&fd);
  return fd;
}

/*< private >
 * mp_private_folder_new:
 * @parent: an absolute path
 * @lock_fd: (out): the lock, which is to be closed when the folder was removed, and by forked children
 *
 * Never waits.
 *
 * Returns: (nullable): the path of a new folder
 */
char *
mp_private_folder_new (const char  *parent,
                       int         *lock_fd,
                       GError     **error)
{
  for (guint i = 0; i < N_ATTEMPTS; i++)
    {
      g_autofree char *folder = g_build_filename (parent, TEMPLATE, NULL);

      if (mkdtemp (folder) == NULL)
        break;

      *lock_fd = lock_folder (AT_FDCWD, folder, TRUE);
      if (*lock_fd >= 0)
        return g_steal_pointer (&folder);

      rmdir (folder);
      errno = EBUSY;
    }

  {
    int failed = errno;

    *lock_fd = -1;
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failed),
                 "Cannot make a private folder for the listener's socket in %s: %s", parent, g_strerror (failed));
    return NULL;
  }
}

/* With its lock, and without more than there can be in it: what else is there stays, and so does the folder. */
static void
remove_folder (int         parent_fd,
               const char *name,
               int         fd)
{
  struct stat status;

  if (fstatat (fd, MP_PRIVATE_FOLDER_SOCKET, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK (status.st_mode))
    unlinkat (fd, MP_PRIVATE_FOLDER_SOCKET, 0);
  unlinkat (parent_fd, name, AT_REMOVEDIR);
}

/*< private >
 * mp_private_folder_sweep:
 *
 * Removes those whose owners were killed.
 */
void
mp_private_folder_sweep (const char *parent)
{
  DIR *dir = opendir (parent);
  struct dirent *entry;

  if (dir == NULL)
    return;

  for (guint i = 0; i < MAX_NAMES && (entry = readdir (dir)) != NULL; i++)
    {
      int fd;

      if (!g_str_has_prefix (entry->d_name, PREFIX) || strlen (entry->d_name) != strlen (TEMPLATE))
        continue;

      fd = lock_folder (dirfd (dir), entry->d_name, FALSE);
      if (fd >= 0)
        remove_folder (dirfd (dir), entry->d_name, fd);
      mp_fd_close (&fd);
    }
  closedir (dir);
}
