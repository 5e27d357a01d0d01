/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-lockable-private.h"
#include "mp-semaphore.h"
#include "mp-shared-object-private.h"

G_BEGIN_DECLS

/* What tells one kind of semaphore from the other: whether permits have owners. */
typedef struct
{
  MpObjectType     type;
  const char      *name;        /* as in to_string */
  const char      *too_many;    /* the error of one release too many */
  guint            max;
  gsize          (*get_size)       (guint            value);
  void           (*fill)           (gpointer         layout,
                                    guint            value);
  gboolean       (*enter)          (MpSharedObject  *shared,
                                    gpointer         layout,
                                    guint32          me,
                                    MpWait           wait);
  gboolean       (*enter_or_await) (MpSharedObject  *shared,
                                    gpointer         layout,
                                    guint32          me);
  gboolean       (*leave)          (MpSharedObject  *shared,
                                    gpointer         layout,
                                    guint32          me);
  guint          (*get_value)      (MpSharedObject  *shared,
                                    gpointer         layout);
  MpBell        *(*get_bell)       (gpointer         layout);
} MpSemaphoreKind;

MpShareable *mp_semaphore_unpack_kind (GType                  type,
                                       const MpSemaphoreKind *kind,
                                       MpUnpacking           *unpacking,
                                       GVariant              *description,
                                       int                   *fds,
                                       guint                  n_fds,
                                       GError               **error);

G_END_DECLS
