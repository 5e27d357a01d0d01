/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-version.h"

G_BEGIN_DECLS

#define MP_TYPE_TASK_OPTIONS (mp_task_options_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpTaskOptions, mp_task_options, MP, TASK_OPTIONS, GObject)

MP_AVAILABLE_IN_1_0
MpTaskOptions *mp_task_options_new         (void);
MP_AVAILABLE_IN_1_0
const char    *mp_task_options_get_name    (MpTaskOptions *self);
MP_AVAILABLE_IN_1_0
void           mp_task_options_set_name    (MpTaskOptions *self,
                                            const char    *name);
MP_AVAILABLE_IN_1_0
gboolean       mp_task_options_get_starmap (MpTaskOptions *self);
MP_AVAILABLE_IN_1_0
void           mp_task_options_set_starmap (MpTaskOptions *self,
                                            gboolean       starmap);
MP_AVAILABLE_IN_1_0
char          *mp_task_options_to_string   (MpTaskOptions *self);

G_END_DECLS
