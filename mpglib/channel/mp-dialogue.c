/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-dialogue-private.h"

#include "mp-packet-private.h"

void
mp_dialogue_clear (MpDialogue *self)
{
  g_clear_pointer (&self->handshake, mp_handshake_free);
  g_clear_pointer (&self->python, mp_python_wire_free);
}

MpDialogueOutcome
mp_dialogue_get_outcome (const MpDialogue *self)
{
  if (self->handshake != NULL)
    switch (mp_handshake_get_state (self->handshake))
      {
      case MP_HANDSHAKE_AGREED:
        return MP_DIALOGUE_AGREED;
      case MP_HANDSHAKE_REFUSED:
        return MP_DIALOGUE_REFUSED;
      default:
        return MP_DIALOGUE_GOES_ON;
      }

  switch (mp_python_wire_get_state (self->python))
    {
    case MP_PYTHON_WIRE_AGREED:
      return MP_DIALOGUE_AGREED;
    case MP_PYTHON_WIRE_REFUSED:
      return MP_DIALOGUE_REFUSED;
    default:
      return MP_DIALOGUE_GOES_ON;
    }
}

/*< private >
 * mp_dialogue_get_step:
 *
 * Returns: a number that each whole message changes
 */
guint
mp_dialogue_get_step (const MpDialogue *self)
{
  return self->handshake != NULL ? (guint) mp_handshake_get_state (self->handshake)
                                 : (guint) mp_python_wire_get_state (self->python);
}

/*< private >
 * mp_dialogue_get_wanted:
 *
 * Returns: how many bytes may be read without reading what belongs to what follows
 */
gsize
mp_dialogue_get_wanted (const MpDialogue *self)
{
  return self->handshake != NULL ? mp_handshake_get_wanted (self->handshake)
                                 : mp_python_wire_get_wanted (self->python);
}

gboolean
mp_dialogue_feed (MpDialogue    *self,
                  const guint8  *data,
                  gsize          size,
                  gsize         *n_taken,
                  GError       **error)
{
  return self->handshake != NULL ? mp_handshake_feed (self->handshake, data, size, n_taken, error)
                                 : mp_python_wire_feed (self->python, data, size, n_taken, error);
}

void
mp_dialogue_end (MpDialogue  *self,
                 GError     **error)
{
  if (self->handshake != NULL)
    mp_handshake_end (self->handshake, error);
  else
    mp_python_wire_end (self->python, error);
}

GBytes *
mp_dialogue_take_output (MpDialogue *self)
{
  return self->handshake != NULL ? mp_handshake_take_output (self->handshake)
                                 : mp_python_wire_take_output (self->python);
}

/*< private >
 * mp_dialogue_get_session:
 *
 * Once agreed.  Python's protocol says nothing of how long messages may be.
 */
MpSession
mp_dialogue_get_session (const MpDialogue *self)
{
  if (self->handshake != NULL)
    return *mp_handshake_get_session (self->handshake);

  return (MpSession) { .max_frame = MP_PACKET_MAX_PARTED };
}
