/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whom a listener has turned away, until somebody is told of it.  Who is refused again
 * and again takes no memory: the oldest are forgotten.  Not a lock of its own.
 */
#define MP_REFUSALS_MAX 64

typedef struct
{
  char *name;    /* for people */
  GError *error;
} MpRefusal;

typedef struct
{
  gboolean are_wanted; /* somebody will be told */
  GQueue   queue;      /* of MpRefusal */
} MpRefusals;

void       mp_refusals_add   (MpRefusals   *self,
                              const char   *name,
                              const GError *error);
MpRefusal *mp_refusals_take  (MpRefusals   *self);
void       mp_refusals_clear (MpRefusals   *self);
void       mp_refusal_free   (MpRefusal    *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpRefusal, mp_refusal_free)

G_END_DECLS
