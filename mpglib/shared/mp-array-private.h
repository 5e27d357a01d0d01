/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-array.h"
#include "mp-contents-private.h"
#include "mp-element-private.h"
#include "mp-error.h"
#include "mp-whole-private.h"

G_BEGIN_DECLS

struct _MpArray
{
  GObject parent_instance;

  MpContents  contents;
  MpElement   element;
  char       *element_type;   /* as they were wanted */
  char       *format;
  guint64     length;
  MpLockable *lock;
};

static inline MpArrayLayout *
mp_array_get_layout (MpArray  *self,
                     guint32  *me,
                     GError  **error)
{
  return mp_shared_object_get (&self->contents.shared, me, error);
}

/* To read: of an array that is as its writers wanted it. */
static inline gboolean
mp_array_check_whole (MpArray  *self,
                      GError  **error)
{
  guint32 me;
  MpArrayLayout *layout = mp_array_get_layout (self, &me, error);

  if (G_UNLIKELY (layout == NULL))
    return FALSE;

  if (G_LIKELY (!mp_whole_is_torn (self->contents.shared.table, &layout->whole)))
    return TRUE;

  g_set_error_literal (error, MP_ERROR, MP_ERROR_ABANDONED,
                       "A process died while it wrote the array: overwrite all of it, "
                       "or look at it through its buffer and mark it consistent");
  return FALSE;
}

G_END_DECLS
