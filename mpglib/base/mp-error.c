/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"

/**
 * mp_error_quark:
 *
 * Gets the error domain of mpglib. May be called from any thread.
 *
 * Returns: the quark of the string `mp-error-quark`
 *
 * Since: 1.0
 */
G_DEFINE_QUARK (mp-error-quark, mp_error)
