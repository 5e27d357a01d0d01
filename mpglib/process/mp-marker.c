/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-marker-private.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mp-error.h"

static guint generation;

static gboolean
is_channel (int fd)
{
  int domain = 0, type = 0;
  socklen_t length = sizeof (int);

  return getsockopt (fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX
         && getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET;
}

static gboolean
is_pipe (int fd)
{
  struct stat status;

  return fstat (fd, &status) == 0 && S_ISFIFO (status.st_mode);
}

gboolean
mp_marker_take (MpMarker  *marker,
                GError   **error)
{
  const char *value = g_getenv (MP_MARKER_VARIABLE);
  guint version;

  if (value == NULL)
    return FALSE;

  if (sscanf (value, "%u:%u:%d", &version, &marker->generation, &marker->host_pid) != 3 || version != 1
      || !is_channel (MP_MARKER_CHANNEL_FD) || !is_pipe (MP_MARKER_LIFELINE_FD))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED,
                   "The environment says " MP_MARKER_VARIABLE "=%s, but this process was not started by mpglib, "
                   "or something closed its descriptors %d and %d before mp_init()",
                   value, MP_MARKER_CHANNEL_FD, MP_MARKER_LIFELINE_FD);
      g_unsetenv (MP_MARKER_VARIABLE);
      return FALSE;
    }

  g_unsetenv (MP_MARKER_VARIABLE);
  fcntl (MP_MARKER_CHANNEL_FD, F_SETFD, FD_CLOEXEC);
  fcntl (MP_MARKER_LIFELINE_FD, F_SETFD, FD_CLOEXEC);
  generation = marker->generation;
  return TRUE;
}

char *
mp_marker_new (void)
{
  return g_strdup_printf (MP_MARKER_VARIABLE "=1:%u:%d", generation + 1, (int) getpid ());
}

guint
mp_marker_get_generation (void)
{
  return generation;
}
