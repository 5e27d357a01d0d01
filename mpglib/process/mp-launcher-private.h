/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-launcher.h"

G_BEGIN_DECLS

/* What to execute: the property, or for native workers this very program if it called mp_init(), else the worker
 * program of the library */
char       **mp_launcher_dup_argv    (MpLauncher *self);
gboolean     mp_launcher_is_native   (MpLauncher *self);
/* Whether the workers are this very program */
gboolean     mp_launcher_is_own      (MpLauncher *self);

gboolean     mp_launcher_is_known    (const char *language);
/* For people, separated by commas */
char        *mp_launcher_list_languages (void);

/* Whether mp_init() ran in this process */
void         mp_launcher_set_initialized (void);
gboolean     mp_launcher_get_initialized (void);

G_END_DECLS
