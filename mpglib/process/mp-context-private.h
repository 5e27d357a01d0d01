/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-context.h"
#include "mp-recipe-private.h"
#include "mp-template-private.h"

G_BEGIN_DECLS

/* The default context, or the one of the language that `target` (nullable) is of */
MpContext     *mp_context_get_for_target  (const char     *target,
                                           GError        **error);
/* Whether a child of this context can run `target` (nullable: unknown yet), as far as that can be known here */
gboolean       mp_context_check_target    (MpContext      *self,
                                           const char     *target,
                                           GError        **error);
/* SPAWN or FORKSERVER, or NOT_SUPPORTED by the launcher */
gboolean       mp_context_resolve_method  (MpContext      *self,
                                           MpStartMethod  *method,
                                           GError        **error);
/* As things are now */
MpRecipe      *mp_context_new_recipe      (MpContext      *self,
                                           MpStartMethod   method);
/* The fork server, told how its next process is to be made */
MpTemplate    *mp_context_ref_template    (MpContext      *self,
                                           MpRecipe       *recipe);

G_END_DECLS
