/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-lockable.h"
#include "mp-shareable-private.h"

G_BEGIN_DECLS

/* The lock that goes along with a value or an array, wherever that is handed to.  Its
 * descriptors are the last ones.
 */

#define MP_LOCK_ALONG_TYPE "m" MP_SHAREABLE_PACKED_TYPE

GVariant *mp_lock_along_pack   (MpLockable   *lock,
                                MpPacking    *packing,
                                GError      **error);
gboolean  mp_lock_along_split  (GVariant     *packed,
                                guint         n_fds,
                                guint        *n_before,
                                GError      **error);
gboolean  mp_lock_along_unpack (MpUnpacking  *unpacking,
                                GVariant     *packed,
                                int          *fds,
                                MpLockable  **lock,
                                GError      **error);

G_END_DECLS
