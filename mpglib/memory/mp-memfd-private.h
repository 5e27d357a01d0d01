/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <glib.h>

G_BEGIN_DECLS

/* Files in memory: made, sealed, and looked at when they come from a peer. */

/* Nobody can truncate what others have mapped, nor take the seals off. */
#define MP_MEMFD_SEALS_SIZE (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Nor change a byte of it. */
#define MP_MEMFD_SEALS_CONTENT (MP_MEMFD_SEALS_SIZE | F_SEAL_WRITE)

int      mp_memfd_new      (const char  *name,
                            guint64      size,
                            GError     **error);
gboolean mp_memfd_can_have (guint64      length,
                            GError     **error);
gboolean mp_memfd_allocate (int          fd,
                            guint64      offset,
                            guint64      length,
                            GError     **error);
void     mp_memfd_drop     (int          fd,
                            guint64      offset,
                            guint64      length);
gboolean mp_memfd_write    (int            fd,
                            guint64        offset,
                            gconstpointer  bytes,
                            gsize          length,
                            GError       **error);
gboolean mp_memfd_read     (int          fd,
                            guint64      offset,
                            gpointer     bytes,
                            gsize        length,
                            GError     **error);
gboolean mp_memfd_seal     (int          fd,
                            int          seals,
                            GError     **error);
gboolean mp_memfd_check    (int          fd,
                            int          seals,
                            struct stat *status,
                            GError     **error);
void     mp_memfd_close    (int         *fd);

/* A descriptor that is closed when it goes out of scope, unless stolen. */
#define MP_AUTO_FD __attribute__ ((cleanup (mp_memfd_close))) int

static inline int
mp_memfd_steal (int *fd)
{
  int stolen = *fd;

  *fd = -1;
  return stolen;
}

G_END_DECLS
