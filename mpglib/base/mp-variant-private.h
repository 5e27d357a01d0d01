/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a GVariant from a peer may be at most. */
#define MP_VARIANT_MAX_TYPE_LENGTH 255
#define MP_VARIANT_MAX_DEPTH       64

GVariant *mp_variant_ref_sound     (GVariant    *value);
GVariant *mp_variant_ref_trusted   (GVariant    *value);
gboolean  mp_variant_check_type    (const char  *type_string,
                                    GError     **error);
GBytes   *mp_variant_to_wire       (GVariant    *value);
GVariant *mp_variant_from_wire     (const char  *type_string,
                                    GBytes      *body,
                                    guint        n_handles,
                                    GError     **error);
GVariant *mp_variant_shift_handles (GVariant    *value,
                                    guint        shift);
gboolean  mp_variant_is_plain      (const char  *type_string,
                                    gsize        size);
gsize     mp_variant_get_fixed_size (const char *type_string);

G_END_DECLS
