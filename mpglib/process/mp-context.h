/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */
#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include "mp-launcher.h"

G_BEGIN_DECLS

#define MP_TYPE_CONTEXT (mp_context_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpContext, mp_context, MP, CONTEXT, GObject)

MP_AVAILABLE_IN_1_0
MpContext     *mp_context_get_default        (void);
MP_AVAILABLE_IN_1_0
MpContext     *mp_context_new                (MpStartMethod        start_method,
                                              MpLauncher          *launcher);
MP_AVAILABLE_IN_1_0
MpStartMethod  mp_context_get_start_method   (MpContext           *self);
MP_AVAILABLE_IN_1_0
MpLauncher    *mp_context_get_launcher       (MpContext           *self);
MP_AVAILABLE_IN_1_0
void           mp_context_set_launcher       (MpContext           *self,
                                              MpLauncher          *launcher);
MP_AVAILABLE_IN_1_0
char         **mp_context_dup_environment    (MpContext           *self);
MP_AVAILABLE_IN_1_0
void           mp_context_set_environment    (MpContext           *self,
                                              const char * const  *environment);
MP_AVAILABLE_IN_1_0
char          *mp_context_dup_working_directory (MpContext        *self);
MP_AVAILABLE_IN_1_0
void           mp_context_set_working_directory (MpContext        *self,
                                              const char          *directory);
MP_AVAILABLE_IN_1_0
gdouble        mp_context_get_hello_timeout  (MpContext           *self);
MP_AVAILABLE_IN_1_0
void           mp_context_set_hello_timeout  (MpContext           *self,
                                              gdouble              seconds);
MP_AVAILABLE_IN_1_0
char          *mp_context_to_string          (MpContext           *self);

G_END_DECLS
