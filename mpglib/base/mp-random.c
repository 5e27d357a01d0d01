/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-random-private.h"

#include <errno.h>
#include <sys/random.h>

/*< private >
 * mp_random_fill:
 *
 * Fills memory with bytes that nobody can guess: for keys and nonces. A kernel
 * that gives none ends the program, since whatever stood in for them would be
 * known to somebody.
 */
void
mp_random_fill (gpointer to,
                gsize    size)
{
  guint8 *at = to;

  while (size > 0)
    {
      gssize n = getrandom (at, size, 0);

      if (n < 0 && errno != EINTR)
        g_error ("mpglib gets no random bytes from the kernel: %s", g_strerror (errno));

      if (n > 0)
        {
          at += n;
          size -= (gsize) n;
        }
    }
}
