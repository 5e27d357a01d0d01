/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-stream-io-private.h"

G_BEGIN_DECLS

void mp_farewell (MpStreamIo       io,
                  MpStreamRecord  *rest,
                  MpStreamRecord  *last);

G_END_DECLS
