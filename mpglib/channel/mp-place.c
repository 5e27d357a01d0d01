/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-place-private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gio/gio.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-inet-private.h"
#include "mp-private-folder-private.h"
#include "mp-random-private.h"

/* What the kernel keeps of who has connected and was not looked at yet.  They are taken out as soon as there is room
 * for strangers, some thousands a second.  Of unix sockets these are fewer, since who finds no place waits for one in
 * turn; who comes by TCP is not heard then, and tries again after a second.
 */
#define N_WAITING_UNIX 512
#define N_WAITING_TCP  1024

static gboolean
fail (MpPlace     *self,
      const char  *what,
      int          failed,
      GError     **error)
{
  g_autofree char *address = mp_address_to_string (self->address);

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failed), "Cannot listen at %s: %s: %s",
               address, what, g_strerror (failed));
  return FALSE;
}

static gboolean
fail_in_use (MpPlace     *self,
             const char  *why,
             GError     **error)
{
  g_autofree char *address = mp_address_to_string (self->address);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, "Cannot listen at %s: %s", address, why);
  return FALSE;
}

/* --- The socket ----------------------------------------------------------------- */

static int
new_socket (MpPlace *self)
{
  int fd = socket (AF_UNIX, self->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int low_fd = fd;

  if (fd < 0 || fd > 2)
    return fd;

  fd = fcntl (low_fd, F_DUPFD_CLOEXEC, 3);
  mp_fd_close (&low_fd);
  return fd;
}

/* Without asking the umask: the file of a socket gets the mode that the socket has. */
static gboolean
bind_and_listen (MpPlace                *self,
                 const struct sockaddr  *native,
                 socklen_t               size,
                 GError                **error)
{
  self->fd = new_socket (self);
  if (self->fd >= 0 && fchmod (self->fd, 0600) == 0 && bind (self->fd, native, size) == 0 &&
      listen (self->fd, N_WAITING_UNIX) == 0)
    return TRUE;

  if (errno == EADDRINUSE)
    fail_in_use (self, "another process has this name", error);
  else
    fail (self, "the socket cannot be made", errno, error);
  mp_fd_close (&self->fd);
  return FALSE;
}

static gboolean
open_here (MpPlace  *self,
           GError  **error)
{
  struct sockaddr_storage native;
  socklen_t size;

  mp_address_to_native (self->address, &native, &size);
  return bind_and_listen (self, (struct sockaddr *) &native, size, error);
}

/* --- Private folders ------------------------------------------------------------- */

static gboolean
open_in_folder_of (MpPlace     *self,
                   const char  *parent,
                   GError     **error)
{
  g_autofree char *folder = mp_private_folder_new (parent, &self->folder_fd, error);
  g_autofree char *path = NULL;

  if (folder == NULL)
    return FALSE;

  path = g_build_filename (folder, MP_PRIVATE_FOLDER_SOCKET, NULL);
  g_clear_pointer (&self->address, mp_address_free);
  self->address = mp_address_parse (path, error);
  if (self->address == NULL || !open_here (self, error))
    {
      rmdir (folder);
      mp_fd_close (&self->folder_fd);
      return FALSE;
    }

  self->folder = g_steal_pointer (&folder);
  mp_private_folder_sweep (parent);
  return TRUE;
}

/* The kernel has room for 107 bytes of a path, which a folder for temporary files may
 * have by itself.
 */
static gboolean
open_private (MpPlace  *self,
              GError  **error)
{
  const char *runtime = g_getenv ("XDG_RUNTIME_DIR");

  if (runtime != NULL && g_path_is_absolute (runtime) && open_in_folder_of (self, runtime, NULL))
    return TRUE;

  return open_in_folder_of (self, g_get_tmp_dir (), NULL) || open_in_folder_of (self, "/tmp", error);
}

/* --- Files with a name that somebody chose ------------------------------------------ */

/* A folder, and the names in it of the socket and of what becomes it. */
typedef struct
{
  int folder_fd;
  const char *name;
  char temporary[sizeof ".mp-" + 16];
} Names;

static gboolean
open_folder (MpPlace  *self,
             Names    *names,
             GError  **error)
{
  g_autofree char *folder = g_path_get_dirname (self->address->name);
  const char *slash = strrchr (self->address->name, '/');
  guint64 number;

  mp_random_fill (&number, sizeof number);
  g_snprintf (names->temporary, sizeof names->temporary, ".mp-%016" G_GINT64_MODIFIER "x", number);
  names->name = slash != NULL ? slash + 1 : self->address->name;
  names->folder_fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (names->folder_fd >= 0)
    return TRUE;

  return fail (self, "the folder cannot be opened", errno, error);
}

/* By way of the folder's descriptor, so that it fits, however long the path is. */
static gboolean
open_temporary (MpPlace  *self,
                Names    *names,
                GError  **error)
{
  struct sockaddr_un native = { .sun_family = AF_UNIX };

  g_snprintf (native.sun_path, sizeof native.sun_path, "/proc/self/fd/%d/%s", names->folder_fd, names->temporary);
  return bind_and_listen (self, (struct sockaddr *) &native, sizeof native, error);
}

/* 0: somebody listens; else an errno. */
static int
probe (MpPlace *self)
{
  struct sockaddr_storage native;
  socklen_t size;
  int failed;
  int fd = new_socket (self);

  if (fd < 0)
    return errno;

  mp_address_to_native (self->address, &native, &size);
  failed = connect (fd, (struct sockaddr *) &native, size) == 0 ? 0 : errno;
  mp_fd_close (&fd);
  return failed;
}

/* With the folder's lock.  Nobody but who has that takes away a file that is not his own, and
 * no file is there before somebody listens: so what refuses was left by the dead.
 */
static gboolean
replace_stale (MpPlace  *self,
               Names    *names,
               GError  **error)
{
  struct stat status;

  if (fstatat (names->folder_fd, names->name, &status, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? fail_in_use (self, "another process is just leaving it; try again", error)
                           : fail (self, "the file there cannot be looked at", errno, error);

  if (!S_ISSOCK (status.st_mode))
    return fail_in_use (self, "what is there is no socket; remove it, or choose another address", error);

  if (status.st_uid != geteuid ())
    return fail_in_use (self, "the socket there is another user's; choose another address", error);

  if (probe (self) != ECONNREFUSED)
    return fail_in_use (self, "another process listens there; end it, or choose another address", error);

  if (renameat (names->folder_fd, names->temporary, names->folder_fd, names->name) == 0)
    return TRUE;

  return fail (self, "the file that a dead process has left there cannot be replaced", errno, error);
}

/* The lock of a folder is free but for a moment; somebody else may hold it for ever. */
static gboolean
put_into_place (MpPlace  *self,
                Names    *names,
                GError  **error)
{
  if (linkat (names->folder_fd, names->temporary, names->folder_fd, names->name, 0) == 0)
    {
      unlinkat (names->folder_fd, names->temporary, 0);
      return TRUE;
    }

  if (errno != EEXIST)
    return fail (self, "the file cannot be made", errno, error);

  /* A listener in a private folder holds its lock for ever, too */
  if (flock (names->folder_fd, LOCK_EX | LOCK_NB) != 0)
    return fail_in_use (self, probe (self) == 0
                                ? "another process listens there; end it, or choose another address"
                                : "there is a file, and somebody holds a lock on its folder; try again", error);

  return replace_stale (self, names, error);
}

static gboolean
open_with_file (MpPlace  *self,
                GError  **error)
{
  Names names;
  gboolean is_open;

  if (!open_folder (self, &names, error))
    return FALSE;

  is_open = open_temporary (self, &names, error) && put_into_place (self, &names, error);
  if (!is_open && self->fd >= 0)
    {
      unlinkat (names.folder_fd, names.temporary, 0);
      mp_fd_close (&self->fd);
    }
  mp_fd_close (&names.folder_fd); /* and its lock */

  return is_open;
}

/* --- TCP ------------------------------------------------------------------------- */

/* The one name that needs no looking up. */
#define THIS_MACHINE   "localhost"
#define LOOPBACK       "127.0.0.1"

static gboolean
bind_tcp (MpPlace                 *self,
          struct sockaddr_storage *native,
          socklen_t                size)
{
  const int yes = 1, no = 0;

  self->fd = mp_inet_new_socket (native->ss_family);
  if (self->fd < 0)
    return FALSE;

  /* Connections of a listener that was there before may not be quite over */
  setsockopt (self->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  /* [::] is all of this machine's addresses, however it is set up */
  if (native->ss_family == AF_INET6)
    setsockopt (self->fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);

  return bind (self->fd, (struct sockaddr *) native, size) == 0 && listen (self->fd, N_WAITING_TCP) == 0;
}

/* What the kernel has chosen, if the port was 0. */
static gboolean
name_place (MpPlace  *self,
            GError  **error)
{
  struct sockaddr_storage native;
  socklen_t size = sizeof native;
  MpAddress *address;

  if (getsockname (self->fd, (struct sockaddr *) &native, &size) != 0)
    return fail (self, "its name cannot be had", errno, error);

  address = mp_address_new_from_native ((struct sockaddr *) &native, size, error);
  if (address == NULL)
    return FALSE;

  mp_address_free (self->address);
  self->address = address;
  self->is_remote = !mp_inet_is_loopback ((struct sockaddr *) &native);
  return TRUE;
}

static gboolean
open_tcp (MpPlace  *self,
          GError  **error)
{
  const char *host = strcmp (self->address->name, THIS_MACHINE) == 0 ? LOOPBACK : self->address->name;
  g_autofree char *address = mp_address_to_string (self->address);
  struct sockaddr_storage native;
  socklen_t size;

  if (!mp_inet_read_number (host, self->address->port, &native, &size))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
                   "Cannot listen at %s: names of hosts are looked up by those who connect; write one of this "
                   "machine's addresses as a number, or 0.0.0.0 or [::] for all", address);
      return FALSE;
    }

  if (!bind_tcp (self, &native, size))
    {
      if (errno == EADDRINUSE)
        fail_in_use (self, "another process listens there; end it, or choose another port, or 0 for any", error);
      else if (errno == EADDRNOTAVAIL)
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                     "Cannot listen at %s: this machine has no such address; write one that it has, or 0.0.0.0 or [::] "
                     "for all", address);
      else
        fail (self, "the socket cannot be made", errno, error);
      mp_fd_close (&self->fd);
      return FALSE;
    }

  if (name_place (self, error))
    return TRUE;

  mp_fd_close (&self->fd);
  return FALSE;
}

/* --- Any ------------------------------------------------------------------------- */

static void
remember_file (MpPlace *self)
{
  struct stat status = { 0 };

  self->path = g_canonicalize_filename (self->address->name, NULL); /* the program may go to another folder */
  self->has_file = lstat (self->path, &status) == 0;
  self->device = status.st_dev;
  self->inode = status.st_ino;
}

/*< private >
 * mp_place_open:
 * @self: zeroed but for its descriptors, which are -1
 * @address: (nullable): where; %NULL for a private place that has not been before
 * @type: of a unix socket
 *
 * Never waits.
 *
 * Returns: whether somebody can connect from now on
 */
gboolean
mp_place_open (MpPlace     *self,
               const char  *address,
               int          type,
               GError     **error)
{
  gboolean is_open;

  self->type = type;
  if (address == NULL)
    {
      is_open = open_private (self, error);
    }
  else
    {
      self->address = mp_address_parse (address, error);
      if (self->address == NULL)
        return FALSE;

      is_open = self->address->kind == MP_ADDRESS_UNIX ? open_with_file (self, error) :
                self->address->kind == MP_ADDRESS_ABSTRACT ? open_here (self, error) :
                open_tcp (self, error);
    }

  if (is_open && self->address->kind == MP_ADDRESS_UNIX)
    remember_file (self);
  if (!is_open)
    g_clear_pointer (&self->address, mp_address_free);

  return is_open;
}

/*< private >
 * mp_place_remove_files:
 *
 * While the socket listens still: so nobody takes the file for one that was left.
 */
void
mp_place_remove_files (MpPlace *self)
{
  struct stat status;

  if (self->has_file && lstat (self->path, &status) == 0 &&
      status.st_dev == self->device && status.st_ino == self->inode)
    unlink (self->path);
  self->has_file = FALSE;

  if (self->folder != NULL)
    rmdir (self->folder);
  g_clear_pointer (&self->folder, g_free);
  mp_fd_close (&self->folder_fd);
}

/*< private >
 * mp_place_close:
 *
 * Nobody can connect any more, whoever else has the socket.
 */
void
mp_place_close (MpPlace *self)
{
  if (self->fd >= 0)
    shutdown (self->fd, SHUT_RDWR);
  mp_fd_close (&self->fd);
}

/*< private >
 * mp_place_leave:
 *
 * In a forked child: lets go of what is the parent's.
 */
void
mp_place_leave (MpPlace *self)
{
  mp_fd_close (&self->fd);
  mp_fd_close (&self->folder_fd);
}

/*< private >
 * mp_place_clear:
 *
 * What is left of a closed one, or of a parent's.
 */
void
mp_place_clear (MpPlace *self)
{
  mp_place_leave (self);
  g_clear_pointer (&self->address, mp_address_free);
  g_clear_pointer (&self->folder, g_free);
  g_clear_pointer (&self->path, g_free);
}
