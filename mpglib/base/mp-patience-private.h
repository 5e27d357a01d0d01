/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How long a thread that runs a main loop, and has other things to do, waits for who was
 * stopped while others need what it has.  Not less: an owner that has to wait for a processor
 * is not a stopped one.
 */
#define MP_PATIENCE_OF_LOOPS (250 * G_TIME_SPAN_MILLISECOND)

G_END_DECLS
