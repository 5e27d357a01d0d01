/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-mapping-private.h"
#include "mp-shareable-private.h"
#include "mp-shared-memory.h"

G_BEGIN_DECLS

/* For objects that lie in shared memory with a name. */

#define MP_SHARED_MEMORY_DESCRIPTION "(mst)" /* name, size */

MpSharedMemory *mp_shared_memory_new_filled  (const char      *name,
                                              GBytes          *contents,
                                              gsize            size);
MpMapping      *mp_shared_memory_ref_mapping (MpSharedMemory  *self,
                                              GError         **error);
GVariant       *mp_shared_memory_pack        (MpShareable     *shareable,
                                              MpPacking       *packing,
                                              GError         **error);
MpShareable    *mp_shared_memory_unpack      (MpUnpacking     *unpacking,
                                              GVariant        *description,
                                              int             *fds,
                                              guint            n_fds,
                                              GError         **error);

G_END_DECLS
