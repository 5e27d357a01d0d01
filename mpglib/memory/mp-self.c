/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-futex-private.h"
#include "mp-self-private.h"

_Atomic (MpSelf *) mp_self_page;

/*< private >
 * mp_self_make_page:
 *
 * Ends the program where the kernel refuses a page, as an allocation does: the
 * library would take a forked child for its parent without it.
 */
MpSelf *
mp_self_make_page (void)
{
  gsize size = (gsize) sysconf (_SC_PAGESIZE);
  MpSelf *page = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  MpSelf *present = NULL;

  if (page == MAP_FAILED || madvise (page, size, MADV_WIPEONFORK) != 0)
    g_error ("Cannot get a page of memory that is wiped on fork: %s", g_strerror (errno));

  atomic_store (&page->is_original, 1);
  if (atomic_compare_exchange_strong (&mp_self_page, &present, page))
    return page;

  munmap (page, size);
  return present;
}

/* Not a GMutex: in a forked child that could be held for ever by a thread that
 * the child does not have.  This one is wiped with what it guards.
 *
 *   0 free, 1 held, 2 held and somebody sleeps
 */
void
mp_self_lock (MpSelf *self)
{
  guint32 seen = 0;

  if (atomic_compare_exchange_strong (&self->lock, &seen, 1))
    return;

  while (atomic_exchange (&self->lock, 2) != 0)
    mp_futex_wait (&self->lock, 2, MP_DEADLINE_NEVER);
}

void
mp_self_unlock (MpSelf *self)
{
  if (atomic_exchange (&self->lock, 0) == 2)
    mp_futex_wake (&self->lock, 1);
}

/*< private >
 * mp_self_check_forked:
 *
 * Fails with %MP_ERROR_FORKED in the child of a fork by others.
 */
gboolean
mp_self_check_forked (GError **error)
{
  if (mp_self_is_original ())
    return TRUE;

  g_set_error_literal (error, MP_ERROR, MP_ERROR_FORKED,
                       "This process was forked from the one that made the object; "
                       "processes and connections cannot be used on both sides of a fork");
  return FALSE;
}

/*< private >
 * mp_self_renew:
 *
 * For the library's own fork, in the child, which is prepared for it: this
 * process is an original too.
 */
void
mp_self_renew (void)
{
  atomic_store (&mp_self_get ()->is_original, 1);
}
