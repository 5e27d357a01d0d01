/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */
#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>
#include "mp-version.h"

G_BEGIN_DECLS

/**
 * MpStartMethod:
 * @MP_START_METHOD_DEFAULT: the best one the launcher offers: fork server where there is one, else spawn
 * @MP_START_METHOD_SPAWN: a fresh process by exec
 * @MP_START_METHOD_FORKSERVER: forked on request by a template process that was made by exec and has one thread
 *
 * How a child process is made.
 *
 * Since: 1.0
 */
typedef enum {
  MP_START_METHOD_DEFAULT,
  MP_START_METHOD_SPAWN,
  MP_START_METHOD_FORKSERVER,
} MpStartMethod;

#define MP_TYPE_LAUNCHER (mp_launcher_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpLauncher, mp_launcher, MP, LAUNCHER, GObject)

MP_AVAILABLE_IN_1_0
MpLauncher         *mp_launcher_lookup           (const char          *language,
                                                  GError             **error);
MP_AVAILABLE_IN_1_0
MpLauncher         *mp_launcher_new              (const char          *language,
                                                  const char * const  *argv);
MP_AVAILABLE_IN_1_0
void                mp_register_launcher         (MpLauncher          *launcher);
MP_AVAILABLE_IN_1_0
const char         *mp_launcher_get_language     (MpLauncher          *self);
MP_AVAILABLE_IN_1_0
const char * const *mp_launcher_get_argv         (MpLauncher          *self);
MP_AVAILABLE_IN_1_0
gboolean            mp_launcher_get_has_template (MpLauncher          *self);
MP_AVAILABLE_IN_1_0
GVariant           *mp_launcher_get_preparation  (MpLauncher          *self);
MP_AVAILABLE_IN_1_0
void                mp_launcher_set_preparation  (MpLauncher          *self,
                                                  GVariant            *preparation);
MP_AVAILABLE_IN_1_0
char               *mp_launcher_to_string        (MpLauncher          *self);

G_END_DECLS
