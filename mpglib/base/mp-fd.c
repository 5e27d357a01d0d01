/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-fd-private.h"

/*< private >
 * mp_fd_duplicate:
 * @fd: an open descriptor
 *
 * Returns: another descriptor for the same thing, closed on exec and above the
 *   three standard ones; -1 with %MP_ERROR_TOO_BIG when this process or the
 *   system has no more of them, %MP_ERROR_FAILED otherwise
 */
int
mp_fd_duplicate (int      fd,
                 GError **error)
{
  int duplicate = fcntl (fd, F_DUPFD_CLOEXEC, 3);

  if (duplicate < 0)
    {
      int saved_errno = errno;

      g_set_error (error, MP_ERROR,
                   saved_errno == EMFILE ? MP_ERROR_TOO_BIG : MP_ERROR_FAILED,
                   "Cannot duplicate file descriptor %d: %s", fd, g_strerror (saved_errno));
    }

  return duplicate;
}

/*< private >
 * mp_fd_close:
 * @fd: (inout): a descriptor or -1; -1 afterwards
 *
 * Keeps errno, so that it can stand in error paths.
 */
void
mp_fd_close (int *fd)
{
  int saved_errno = errno;

  /* Not again on EINTR: Linux has freed the number by then. */
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
  errno = saved_errno;
}

/*< private >
 * mp_fd_has_option:
 * @option: of those of SOL_SOCKET that are numbers
 *
 * Returns: whether it is a socket, and its option is that
 */
gboolean
mp_fd_has_option (int fd,
                  int option,
                  int expected)
{
  int value;
  socklen_t size = sizeof value;

  return getsockopt (fd, SOL_SOCKET, option, &value, &size) == 0 && value == expected;
}

void
mp_fds_close (int  *fds,
              guint n_fds)
{
  for (guint i = 0; i < n_fds; i++)
    mp_fd_close (&fds[i]);
}
