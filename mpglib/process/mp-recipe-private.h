/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* How a child is made, as its context and launcher were when it was asked for.  Plain data, and never changed: the
 * engine keeps and drops it where it could not a GObject, whose references a language may hear of. */
#pragma once

#include "mp-spawn-private.h"

G_BEGIN_DECLS

typedef struct {
  gatomicrefcount refs;
  char *language;
  MpSpawnPlan *plan;
  GVariant *preparation; /* nullable */
  gdouble hello_timeout; /* seconds; negative: none */
} MpRecipe;

/* Takes the plan and the preparation */
MpRecipe *mp_recipe_new   (const char  *language,
                           MpSpawnPlan *plan,
                           GVariant    *preparation,
                           gdouble      hello_timeout);
MpRecipe *mp_recipe_ref   (MpRecipe    *self);
void      mp_recipe_unref (MpRecipe    *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpRecipe, mp_recipe_unref)

G_END_DECLS
