/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-preamble-private.h"

#include <string.h>

static gsize
take (MpPreamble   *self,
      gsize         end,
      const guint8 *data,
      gsize         size)
{
  gsize n = self->n_taken < end ? MIN (size, end - self->n_taken) : 0;

  if (n > 0)
    memcpy (self->bytes + self->n_taken, data, n);
  self->n_taken += n;

  return n;
}

/*< private >
 * mp_preamble_take_header:
 *
 * Returns: how many of the bytes were taken: none, if the header is there already
 */
gsize
mp_preamble_take_header (MpPreamble   *self,
                         const guint8 *data,
                         gsize         size)
{
  return take (self, MP_PREAMBLE_HEADER, data, size);
}

gboolean
mp_preamble_has_length (const MpPreamble *self)
{
  return self->n_taken >= MP_PREAMBLE_HEADER;
}

/*< private >
 * mp_preamble_get_length:
 *
 * Returns: what the header says, which may be anything
 */
guint32
mp_preamble_get_length (const MpPreamble *self)
{
  guint32 length;

  memcpy (&length, self->bytes, sizeof length);

  return GUINT32_FROM_BE (length);
}

/*< private >
 * mp_preamble_take_body:
 *
 * Only once the header is there, and its length has been found to be at most
 * %MP_PREAMBLE_MAX.
 *
 * Returns: how many of the bytes were taken
 */
gsize
mp_preamble_take_body (MpPreamble   *self,
                       const guint8 *data,
                       gsize         size)
{
  g_assert (mp_preamble_has_length (self) && mp_preamble_get_length (self) <= MP_PREAMBLE_MAX);

  return take (self, MP_PREAMBLE_HEADER + mp_preamble_get_length (self), data, size);
}

gboolean
mp_preamble_is_whole (const MpPreamble *self)
{
  return mp_preamble_get_wanted (self) == 0;
}

/*< private >
 * mp_preamble_get_wanted:
 *
 * Returns: how many bytes may be read without reading beyond the message
 */
gsize
mp_preamble_get_wanted (const MpPreamble *self)
{
  if (!mp_preamble_has_length (self))
    return MP_PREAMBLE_HEADER - self->n_taken;

  return MP_PREAMBLE_HEADER + mp_preamble_get_length (self) - self->n_taken;
}

const guint8 *
mp_preamble_get_body (const MpPreamble *self)
{
  return self->bytes + MP_PREAMBLE_HEADER;
}

void
mp_preamble_reset (MpPreamble *self)
{
  self->n_taken = 0;
}

/*< private >
 * mp_preamble_append:
 *
 * Appends a message to what shall be sent.
 */
void
mp_preamble_append (GByteArray   *output,
                    const guint8 *body,
                    gsize         size)
{
  guint32 length = GUINT32_TO_BE ((guint32) size);

  g_assert (size <= MP_PREAMBLE_MAX);

  g_byte_array_append (output, (const guint8 *) &length, sizeof length);
  g_byte_array_append (output, body, (guint) size);
}
