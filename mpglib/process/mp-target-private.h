/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */
#pragma once

#include "mp-target.h"

G_BEGIN_DECLS

/* Target names: `square` (registered), `path.so#symbol` (module), `python:module:qualname`, `gjs:uri#export` */
const char *mp_target_get_language (const char *name); /* "native", "python", "gjs", … (interned) */
gboolean    mp_target_is_registered (const char *name);
/* Finds a native target, loading its module.  MP_ERROR_NO_TARGET names the target and what is there instead */
gboolean    mp_target_find         (const char     *name,
                                    MpFunc         *func,
                                    gpointer       *user_data,
                                    GError        **error);
/* Calls it; never NULL without an error: nothing becomes `mv` with nothing in it */
MpMessage  *mp_target_call         (const char     *name,
                                    MpMessage      *arguments,
                                    GCancellable   *cancellable,
                                    GError        **error);
/* Likewise, where nobody wants the result */
gboolean    mp_target_run          (const char     *name,
                                    MpMessage      *arguments,
                                    GError        **error);

G_END_DECLS
