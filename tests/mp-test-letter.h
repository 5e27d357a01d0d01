/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <mpglib.h>

G_BEGIN_DECLS

/* Messages of all kinds that can be told from any other and from what is torn: short ones, some about as long as a
 * packet, some far longer, some longer than what goes by a ring, some with a descriptor.
 */
MpMessage *mp_test_letter_new        (guint64    number,
                                      gboolean   carries_fds);
void       mp_test_letter_check      (MpMessage *message,
                                      guint64    number,
                                      gboolean   carries_fds);
gboolean   mp_test_letter_get_number (MpMessage *message,
                                      guint64   *number);

G_END_DECLS
