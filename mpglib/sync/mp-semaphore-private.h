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

  /* The `n` of the others: how many permits there are, as far as that can be believed. */
  guint32        (*check_n)        (gpointer         layout,
                                    gsize            size);

  /* The ways of nearly all.  FALSE says nothing. */
  gboolean       (*enter_free)     (gpointer         layout,
                                    guint32          n,
                                    guint32          me);
  gboolean       (*leave_own)      (MpSharedObject  *shared,
                                    gpointer         layout,
                                    guint32          n,
                                    guint32          me);

  gboolean       (*enter)          (MpSharedObject  *shared,
                                    gpointer         layout,
                                    guint32          n,
                                    guint32          me,
                                    MpWait           wait);
  gboolean       (*enter_or_await) (MpSharedObject  *shared,
                                    gpointer         layout,
                                    guint32          n,
                                    guint32          me);
  gboolean       (*leave)          (MpSharedObject  *shared,
                                    gpointer         layout,
                                    guint32          n,
                                    guint32          me);
  guint          (*get_value)      (MpSharedObject  *shared,
                                    gpointer         layout,
                                    guint32          n);
  MpBell        *(*get_bell)       (gpointer         layout);
} MpSemaphoreKind;

/* The class of bounded semaphores, of which nothing is derived. */
extern gpointer mp_bounded_semaphore_class;

MpShareable *mp_semaphore_unpack_kind (GType                  type,
                                       const MpSemaphoreKind *kind,
                                       MpUnpacking           *unpacking,
                                       GVariant              *description,
                                       int                   *fds,
                                       guint                  n_fds,
                                       GError               **error);

G_END_DECLS
