/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-waitable.h"

G_BEGIN_DECLS

/* What an object says of itself that can be waited for with others. */
struct _MpWaitableInterface
{
  GTypeInterface parent_iface;

  /* Looks, and never waits.  FALSE without an error: not yet. */
  gboolean (*is_ready) (MpWaitable           *self,
                        GError              **error);
  /* Calls back in the caller's thread-default main context when it may have become
   * ready, or can no more, or when it was cancelled; never before this returns.
   * Who is called back looks again.  The result is a GTask of a boolean; an error,
   * where looking finds none, is why it cannot be awaited.  `blocks`: the thread does
   * nothing else meanwhile.
   */
  void     (*await)    (MpWaitable           *self,
                        gboolean              blocks,
                        GCancellable         *cancellable,
                        GAsyncReadyCallback   callback,
                        gpointer              user_data);
};

G_END_DECLS
