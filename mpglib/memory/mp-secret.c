/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-secret-private.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/*< private >
 * mp_secret_new:
 * @size: bytes, not 0
 *
 * Whole pages, since the kernel leaves nothing smaller out of a core dump. Like
 * g_malloc() it ends the program when there is no memory.
 *
 * Returns: (transfer full): memory, to be given back with mp_secret_free()
 */
guint8 *
mp_secret_new (gsize size)
{
  guint8 *secret = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (secret == MAP_FAILED)
    g_error ("mpglib gets no memory for a secret of %" G_GSIZE_FORMAT " bytes: %s", size, g_strerror (errno));
  /* Where the kernel does not know how, the secret is as safe as all other memory */
  (void) madvise (secret, size, MADV_DONTDUMP);

  return secret;
}

void
mp_secret_free (guint8 *secret,
                gsize   size)
{
  explicit_bzero (secret, size);
  munmap (secret, size);
}
