/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <mpglib.h>

GVariant *checksum (MpMessage     *arguments,
                    GCancellable  *cancellable,
                    gpointer       user_data,
                    GError       **error);
