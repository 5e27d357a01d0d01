/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-contents-private.h"
#include "mp-list-item-private.h"
#include "mp-named-list-private.h"
#include "mp-shareable-list.h"

G_BEGIN_DECLS

/* What the files of the list share: mp-shareable-list.c has the object, mp-shareable-list-places.c where the
 * items of one without a name lie, mp-shareable-list-items.c reads and replaces them.
 */
struct _MpShareableList
{
  GObject parent_instance;

  MpNamedList *named;     /* NULL: it has no name, or cannot be; what follows is of those without one */
  char        *name;      /* until it is constructed */
  MpContents  contents;
  GVariant   *initial;    /* until it is constructed */
  MpListItem *items;      /* in shared memory */
  guint      *n_words;    /* of each item; what others write there is not asked again */
  guint      *places;
  guint       length;
};

#define MP_LIST_WORD sizeof (guint64)

void mp_shareable_list_make          (MpShareableList *self);
void mp_shareable_list_take_received (MpShareableList *self);

G_END_DECLS
