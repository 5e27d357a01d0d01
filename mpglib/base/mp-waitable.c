/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-waitable-private.h"

/**
 * MpWaitable:
 *
 * An object that can be waited for together with others, by [func@Mp.wait_many].
 *
 * The interface's structure is private: only classes of mpglib implement it.
 *
 * Since: 1.0
 */

G_DEFINE_INTERFACE (MpWaitable, mp_waitable, G_TYPE_OBJECT)

static void
mp_waitable_default_init (MpWaitableInterface *iface)
{
}
