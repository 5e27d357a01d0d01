/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#include "config.h"

#include "mp-origin-private.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mp-error.h"

/* MADV_WIPEONFORK wants a private anonymous page of its own; it also covers children made by a bare clone
 * system call, which pthread_atfork() does not. */
static _Atomic guint32 *origin_word;

static gpointer
map_page (gpointer unused)
{
  gsize size = (gsize) sysconf (_SC_PAGESIZE);
  void *page = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (page == MAP_FAILED || madvise (page, size, MADV_WIPEONFORK) < 0)
    g_error ("mpglib: no page that is wiped on fork: %s", g_strerror (errno));
  return page;
}

guint32
mp_origin_get (void)
{
  static GOnce once = G_ONCE_INIT;
  guint32 origin;

  if (origin_word == NULL)
    origin_word = g_once (&once, map_page, NULL);

  origin = atomic_load_explicit (origin_word, memory_order_relaxed);
  if (G_UNLIKELY (origin == 0))
    {
      origin = (guint32) getpid ();
      atomic_store_explicit (origin_word, origin, memory_order_relaxed);
    }
  return origin;
}

gboolean
mp_origin_check (guint32      origin,
                 const char  *what,
                 GError     **error)
{
  if (G_LIKELY (origin == mp_origin_get ()))
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_FORKED,
               "%s belongs to process %u, which this process was forked from; make a new one here",
               what, origin);
  return FALSE;
}
