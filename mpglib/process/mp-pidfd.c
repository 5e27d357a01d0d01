/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-pidfd-private.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-fd-private.h"

/* The first form of the kernel's struct pidfd_info, which headers of older systems lack */
typedef struct
{
  guint64 mask;
  guint64 unused[6];
  guint32 more_unused;
  gint32 exit_code;
} Info;

G_STATIC_ASSERT (sizeof (Info) == 64);

#define GET_INFO _IOWR (0xFF, 11, Info)
#define INFO_EXIT (1 << 3)

gboolean
mp_pidfd_get_status (int  pidfd,
                     int *wait_status)
{
  Info info = { .mask = INFO_EXIT };

  if (ioctl (pidfd, GET_INFO, &info) < 0 || (info.mask & INFO_EXIT) == 0)
    return FALSE;
  *wait_status = info.exit_code;
  return TRUE;
}

gboolean
mp_pidfd_keeps_status (void)
{
  const int code = 42;
  pid_t pid = fork ();
  gboolean keeps;
  int pidfd, status;

  if (pid == 0)
    _exit (code);
  if (pid < 0)
    return FALSE;
  pidfd = (int) syscall (SYS_pidfd_open, pid, 0);
  waitpid (pid, NULL, 0);
  keeps = pidfd >= 0 && mp_pidfd_get_status (pidfd, &status) && WIFEXITED (status) && WEXITSTATUS (status) == code;
  mp_fd_close (&pidfd);
  return keeps;
}
