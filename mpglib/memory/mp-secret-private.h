/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Memory for what nobody shall find later: it is in no core dump, and wiped when
 * it is given back.
 *
 * A forked child has a copy, on purpose.  Pages that are wiped by a fork
 * (MADV_WIPEONFORK) hold zeros afterwards, and zeros are a key that everybody
 * knows.
 */
guint8 *mp_secret_new  (gsize   size);
void    mp_secret_free (guint8 *secret,
                        gsize   size);

G_END_DECLS
