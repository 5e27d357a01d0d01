/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-lockable.h"
#include "mp-async-wait-private.h"
#include "mp-wait-private.h"

G_BEGIN_DECLS

/* What a lock does, below the rules of the public calls.  `me` is not among the
 * arguments: each finds itself.
 */
typedef enum
{
  MP_LOCKABLE_FAILED,     /* the error is set */
  MP_LOCKABLE_NOT_YET,
  MP_LOCKABLE_ENTERED,
} MpLockableResult;

struct _MpLockableInterface
{
  GTypeInterface parent_iface;

  const char       *what;  /* "The lock could not be acquired" */

  /* Waits.  NOT_YET when the wait is over. */
  MpLockableResult (*enter)          (MpLockable  *self,
                                      MpWait       wait,
                                      GError     **error);

  /* One look; NOT_YET leaves the mark that makes a release ring the bell. */
  MpLockableResult (*enter_or_await) (MpLockable  *self,
                                      GError     **error);
  gboolean         (*leave)          (MpLockable  *self,
                                      GError     **error);
  MpBell          *(*get_bell)       (MpLockable  *self,
                                      MpTable    **table,
                                      GError     **error);

  /* For a condition: gives the lock up wholly, and gets it back as it was.  NULL where
   * a condition cannot use it.
   */
  gboolean         (*suspend)        (MpLockable  *self,
                                      guint32     *depth,
                                      GError     **error);
  void             (*resume)         (MpLockable  *self,
                                      guint32      depth);
  gboolean         (*is_mine)        (MpLockable  *self);
};

/* Beyond the look that every class takes by itself: most are free, and what a wait
 * needs costs more than the lock.
 */
gboolean mp_lockable_wait (MpLockable    *self,
                           gdouble        timeout,
                           GCancellable  *cancellable,
                           GError       **error);

G_END_DECLS
