/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-version.h"

G_BEGIN_DECLS

#define MP_TYPE_SHAREABLE (mp_shareable_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_INTERFACE (MpShareable, mp_shareable, MP, SHAREABLE, GObject)

MP_AVAILABLE_IN_1_0
char *mp_shareable_to_string (MpShareable *self);

G_END_DECLS
