/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-handshake-private.h"
#include "mp-python-wire-private.h"

G_BEGIN_DECLS

/* Either of the protocols by which two ends find out that both know a key, for who carries
 * their bytes and does not care which it is.  One of the two is there.
 */
typedef struct
{
  MpHandshake  *handshake;
  MpPythonWire *python;
} MpDialogue;

/* Their states in common */
typedef enum
{
  MP_DIALOGUE_GOES_ON,
  MP_DIALOGUE_AGREED,
  MP_DIALOGUE_REFUSED,
} MpDialogueOutcome;

void              mp_dialogue_clear        (MpDialogue        *self);
MpDialogueOutcome mp_dialogue_get_outcome  (const MpDialogue  *self);
guint             mp_dialogue_get_step     (const MpDialogue  *self);
gsize             mp_dialogue_get_wanted   (const MpDialogue  *self);
gboolean          mp_dialogue_feed         (MpDialogue        *self,
                                            const guint8      *data,
                                            gsize              size,
                                            gsize             *n_taken,
                                            GError           **error);
void              mp_dialogue_end          (MpDialogue        *self,
                                            GError           **error);
GBytes           *mp_dialogue_take_output  (MpDialogue        *self);
MpSession         mp_dialogue_get_session  (const MpDialogue  *self);

G_END_DECLS
