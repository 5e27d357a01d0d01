/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-recipe-private.h"

MpRecipe *
mp_recipe_new (const char  *language,
               MpSpawnPlan *plan,
               GVariant    *preparation,
               gdouble      hello_timeout)
{
  MpRecipe *self = g_new0 (MpRecipe, 1);

  g_atomic_ref_count_init (&self->refs);
  self->language = g_strdup (language);
  self->plan = plan;
  self->preparation = preparation;
  self->hello_timeout = hello_timeout;
  return self;
}

MpRecipe *
mp_recipe_ref (MpRecipe *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
mp_recipe_unref (MpRecipe *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  mp_spawn_plan_unref (self->plan);
  g_clear_pointer (&self->preparation, g_variant_unref);
  g_free (self->language);
  g_free (self);
}
