/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-pool-result-private.h"

G_BEGIN_DECLS

/* What the files of the result share: mp-pool-result.c has the object, how its task is, and who is
 * told of that; mp-pool-result-outcome.c how one waits for the end, and gets what came of it.
 */

/* Between submission and the delivery of its end the task holds a reference to
 * the object; the object holds one to the task as long as it lives.  So the
 * object never goes in the engine: either the delivery, in the main context, or
 * a call of the user's drops the task's reference.
 */
struct _MpPoolResult
{
  GObject parent_instance;

  MpDispatcher *dispatcher; /* NULL, and no task either: made by g_object_new() */
  MpTask *task; /* guarded by the dispatcher's lock until it has ended */
};

G_END_DECLS
