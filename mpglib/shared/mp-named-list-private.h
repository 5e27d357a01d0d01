/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-shared-memory.h"

G_BEGIN_DECLS

/* A list in memory with a name, for whoever finds it by that: Python's
 * multiprocessing.shared_memory, too.
 *
 * Who reads or writes an item has a lock of the kernel's meanwhile.  Before it writes, it writes
 * down what it is about to do: the next one finishes that for a writer that was killed.
 *
 * All functions may be called by all threads.
 */
typedef struct _MpNamedList MpNamedList;

MpNamedList    *mp_named_list_new           (GVariant         *items,
                                             const char       *name,
                                             GError          **error);
MpNamedList    *mp_named_list_new_of_memory (MpSharedMemory   *memory);
void            mp_named_list_free          (MpNamedList      *self);
gboolean        mp_named_list_open          (MpNamedList      *self,
                                             GError          **error);
MpSharedMemory *mp_named_list_get_memory    (MpNamedList      *self);
guint           mp_named_list_get_length    (MpNamedList      *self);
gsize           mp_named_list_get_room      (MpNamedList      *self,
                                             guint             index,
                                             GError          **error);
GVariant       *mp_named_list_get_item      (MpNamedList      *self,
                                             guint             index,
                                             GError          **error);
gboolean        mp_named_list_set_item      (MpNamedList      *self,
                                             guint             index,
                                             GVariant         *value,
                                             GError          **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpNamedList, mp_named_list_free)

G_END_DECLS
