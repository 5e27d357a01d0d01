/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-message.h"

G_BEGIN_DECLS

/* The items of a map: an array that is cut into chunks here and into calls in
 * the worker, or a sequence that grows while it is worked on.
 *
 * As one message they are a GVariant array, each element one item (an element
 * that is a variant stands for what is in it); or, with another codec, a
 * serialised GVariant of type `aay`, each element one item's bytes in that
 * codec.  What is attached belongs to all items; of a sequence that grows, to the
 * one item that it came with, which is a chunk of its own.
 */
typedef struct _MpItems MpItems;

MpItems   *mp_items_new         (MpMessage    *array,
                                 GError      **error);
MpItems   *mp_items_new_growing (void);
void       mp_items_free        (MpItems      *self,
                                 GPtrArray    *spent);

guint64    mp_items_get_length  (MpItems      *self);
gboolean   mp_items_append      (MpItems      *self,
                                 MpMessage    *item,
                                 gboolean      is_alone,
                                 GError      **error);
void       mp_items_release     (MpItems      *self,
                                 guint64       index,
                                 GPtrArray    *spent);
MpMessage *mp_items_get         (MpItems      *self,
                                 guint64       index);
MpMessage *mp_items_slice       (MpItems      *self,
                                 guint64       first,
                                 guint64       count);

G_END_DECLS
