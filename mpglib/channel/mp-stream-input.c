/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-stream-input-private.h"

/* How much more memory is taken than came, or as much as came. */
#define STEP (64 * 1024)

/*< private >
 * mp_stream_input_reserve:
 * @room: (out): bytes that may be written there
 *
 * Bytes of a record that is known to be long can be read to where they belong.
 * mp_stream_input_feed() must be told how many were, also if none.
 *
 * Returns: (nullable): where
 */
guint8 *
mp_stream_input_reserve (MpStreamInput *self,
                         gsize         *room)
{
  guint old_size;

  *room = 0;
  if (self->length == 0)
    return NULL;

  old_size = self->pending->len;
  *room = self->room = MIN (self->length - old_size, MAX (STEP, old_size));
  g_byte_array_set_size (self->pending, old_size + (guint) *room);

  return self->pending->data + old_size;
}

static gboolean
measure (MpStreamInput  *self,
         const guint8   *data,
         gsize           size,
         guint64        *length,
         GError        **error)
{
  return self->format->measure (data, size, self->max_body, length, error);
}

static void
keep (MpStreamInput *self,
      const guint8  *data,
      gsize          size)
{
  if (self->pending == NULL)
    self->pending = g_byte_array_sized_new ((guint) size);
  g_byte_array_append (self->pending, data, (guint) size);
}

/* Bytes that belong to the record which has begun: of its lead until that tells the length, then of the rest. */
static gsize
take_pending (MpStreamInput  *self,
              const guint8   *data,
              gsize           size,
              GError        **error)
{
  gsize wanted = self->length > 0 ? self->length - self->pending->len : 1;
  gsize n = MIN (size, wanted);

  keep (self, data, n);
  if (self->length == 0 && !measure (self, self->pending->data, self->pending->len, &self->length, error))
    return 0;

  return n;
}

static gboolean
end_pending (MpStreamInput  *self,
             MpStreamTake    take,
             gpointer        user_data)
{
  g_autoptr (GByteArray) record = NULL;

  if (self->length == 0 || self->pending->len < self->length)
    return TRUE;

  record = g_steal_pointer (&self->pending);
  self->length = 0;
  return take (user_data, record->data, record->len);
}

static void
settle (MpStreamInput *self,
        gsize          n_written)
{
  if (self->room > 0)
    g_byte_array_set_size (self->pending, self->pending->len - (guint) (self->room - n_written));
  self->room = 0;
}

/*< private >
 * mp_stream_input_feed:
 * @n_reserved: bytes that were written to what mp_stream_input_reserve() gave
 * @data: (array length=size): what came after them
 *
 * Returns: whether it goes on; else with an error for what is no record, or without one as
 *   @take has said
 */
gboolean
mp_stream_input_feed (MpStreamInput  *self,
                      gsize           n_reserved,
                      const guint8   *data,
                      gsize           size,
                      MpStreamTake    take,
                      gpointer        user_data,
                      GError        **error)
{
  settle (self, n_reserved);
  if (!end_pending (self, take, user_data))
    return FALSE;

  while (size > 0)
    {
      guint64 n = 0;

      if (self->pending != NULL)
        {
          n = take_pending (self, data, size, error);
          if (n == 0 || !end_pending (self, take, user_data))
            return FALSE;
        }
      else if (!measure (self, data, size, &n, error))
        {
          return FALSE;
        }
      else if (n == 0 || n > size)
        {
          keep (self, data, size);
          self->length = n;
          n = size;
        }
      else if (!take (user_data, data, n))
        {
          return FALSE;
        }

      data += n;
      size -= n;
    }

  return TRUE;
}

/*< private >
 * mp_stream_input_is_amid:
 *
 * Returns: whether a record has begun, and not all of it has come
 */
gboolean
mp_stream_input_is_amid (MpStreamInput *self)
{
  return self->pending != NULL;
}

void
mp_stream_input_clear (MpStreamInput *self)
{
  g_clear_pointer (&self->pending, g_byte_array_unref);
  self->length = 0;
  self->room = 0;
}
