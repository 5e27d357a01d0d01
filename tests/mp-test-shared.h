/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the tests of shared objects share. */

/* Clears the error. */
void     mp_test_expect_error (gboolean   failed,
                               GError   **error,
                               GQuark     domain,
                               int        code);
void     assert_variant       (GVariant   *value_taken,
                               const char *text);
/* What a peer makes of the object. */
gpointer mp_test_pass_on      (gpointer   shared,
                               GError   **error);

G_END_DECLS
