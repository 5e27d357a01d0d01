/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-error.h"
#include "mp-item-private.h"
#include "mp-variant-private.h"

/* Their place is their number: only to be added to. */
static const char *const numbered[] = {
  "raw", "json", "pickle5",
  "=b", "=i", "=u", "=x", "=t", "=d", "=s", "=ay", "=as", "=v", "=mv", "=av", "=a{sv}",
};

G_STATIC_ASSERT (G_N_ELEMENTS (numbered) < MP_ITEM_SPELT);
G_STATIC_ASSERT (MP_ITEM_RAW == 0);

/* --- Putting together ----------------------------------------------------- */

static guint32
get_kind (const char *codec)
{
  guint32 flags;

  if (codec == NULL)
    return MP_ITEM_RAW;

  flags = codec[0] == '=' ? MP_ITEM_VALUE : 0;
  for (guint i = 0; i < G_N_ELEMENTS (numbered); i++)
    if (strcmp (codec, numbered[i]) == 0)
      return i | flags;

  return (MP_ITEM_SPELT + (guint32) strlen (codec)) | flags;
}

static guint32
get_spelt_length (guint32 kind)
{
  guint32 code = kind & MP_ITEM_CODEC_MASK;

  return code > MP_ITEM_SPELT ? code - MP_ITEM_SPELT : 0;
}

static gboolean
check_limit (gsize     length,
             guint32   spelt,
             guint64   limit,
             GError  **error)
{
  guint64 need = 0;

  if (length <= G_MAXUINT32 - MP_ITEM_MAX_CODEC_LENGTH)
    {
      need = mp_ring_measure ((guint32) length + spelt);
      if (need <= limit)
        return TRUE;
    }

  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
               "An item of %" G_GSIZE_FORMAT " bytes is too long for a queue that holds at most %" G_GUINT64_FORMAT
               " bytes: make it with a larger byte-limit, or put the bytes into an Mp.SharedMemory",
               length, limit);
  return FALSE;
}

/*< private >
 * mp_item_get_number:
 * @codec: (nullable): in wire form; %NULL is `raw`
 * @kind: (out): of a record that is the body and nothing else
 *
 * Returns: whether the codec has a number
 */
gboolean
mp_item_get_number (const char *codec,
                    guint32    *kind)
{
  *kind = get_kind (codec);
  return get_spelt_length (*kind) == 0;
}

/*< private >
 * mp_item_check_length:
 * @length: of a body whose codec has a number
 * @limit: bytes that an item may take in the ring
 *
 * Fails with %MP_ERROR_TOO_BIG.
 */
gboolean
mp_item_check_length (gsize     length,
                      guint64   limit,
                      GError  **error)
{
  return check_limit (length, 0, limit, error);
}

/* From here on copying takes longer than to write in two pieces. */
#define LONG 8192

static void
take_in_pieces (MpItem        *self,
                const char    *codec,
                gconstpointer  body,
                guint32        length)
{
  guint32 spelt = get_spelt_length (self->record.kind);

  self->codec = g_strdup (codec);
  self->pieces = (MpRingPieces) { body, self->codec };
  self->record.data = &self->pieces;
  self->record.length = length + spelt;
  self->record.tail_length = spelt;
}

static void
put_together (MpItem        *self,
              const char    *codec,
              gconstpointer  body,
              guint32        length,
              MpItemRoom    *room)
{
  guint32 spelt = get_spelt_length (self->record.kind);
  gsize total = (gsize) length + spelt;
  gboolean fits = room != NULL && total <= sizeof room->bytes;
  guint8 *bytes = fits ? room->bytes : g_malloc (total);

  if (length > 0)
    memcpy (bytes, body, length);
  memcpy (bytes + length, codec, spelt);
  self->record.data = bytes;
  self->record.length = (guint32) total;
  self->held = fits ? NULL : g_bytes_new_take (bytes, total);
}

/*< private >
 * mp_item_init:
 * @codec: (nullable): in wire form; %NULL is `raw`
 * @body: (array length=length): stays the caller's, and where it is
 * @limit: bytes that an item may take in the ring
 * @room: (nullable): as long as the item
 *
 * Fails with %MP_ERROR_TOO_BIG.  Otherwise mp_item_clear() is to be called.
 */
gboolean
mp_item_init (MpItem         *self,
              const char     *codec,
              gconstpointer   body,
              gsize           length,
              guint64         limit,
              MpItemRoom     *room,
              GError        **error)
{
  guint32 kind = get_kind (codec);

  *self = (MpItem) { .record.kind = kind };
  if (!check_limit (length, get_spelt_length (kind), limit, error))
    return FALSE;

  self->record.data = body;
  self->record.length = (guint32) length;
  if (get_spelt_length (kind) > 0 && length >= LONG)
    take_in_pieces (self, codec, body, (guint32) length);
  else if (get_spelt_length (kind) > 0)
    put_together (self, codec, body, (guint32) length, room);
  return TRUE;
}

static gboolean
is_elsewhere (const MpItem  *self,
              gconstpointer  body)
{
  return self->held == NULL && (self->record.data == body || self->codec != NULL);
}

gboolean
mp_item_init_bytes (MpItem      *self,
                    const char  *codec,
                    GBytes      *body,
                    guint64      limit,
                    MpItemRoom  *room,
                    GError     **error)
{
  gsize length;
  gconstpointer data = g_bytes_get_data (body, &length);

  if (!mp_item_init (self, codec, data, length, limit, room, error))
    return FALSE;

  if (is_elsewhere (self, data))
    self->held = g_bytes_ref (body);
  return TRUE;
}

/* What its getter would refuse is told to who puts it, as far as the type tells. */
static gboolean
check_type (const char  *type,
            GError     **error)
{
  if (strlen (type) > MP_VARIANT_MAX_TYPE_LENGTH)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                   "The type of the value has %" G_GSIZE_FORMAT " characters, more than the %d that can be sent",
                   strlen (type), MP_VARIANT_MAX_TYPE_LENGTH);
      return FALSE;
    }

  /* Shorter ones cannot be. */
  if (strlen (type) > MP_VARIANT_MAX_DEPTH && !mp_variant_check_type (type, NULL))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                   "The type of the value is nested too deeply to be sent: \"%.40s…\"", type);
      return FALSE;
    }

  if (strchr (type, 'h') != NULL)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE,
                           "A queue carries no handles: send the value, with what is attached to it, by an "
                           "Mp.Connection, or as an argument of a process");
      return FALSE;
    }

  return TRUE;
}

gboolean
mp_item_init_value (MpItem      *self,
                    GVariant    *value,
                    guint64      limit,
                    MpItemRoom  *room,
                    GError     **error)
{
  g_autoptr (GVariant) sound = mp_variant_ref_sound (value);
  g_autoptr (GBytes) body = NULL;
  char codec[MP_ITEM_MAX_CODEC_LENGTH + 1];

  *self = (MpItem) { 0 };
  if (!check_type (g_variant_get_type_string (sound), error))
    return FALSE;

  codec[0] = '=';
  g_strlcpy (codec + 1, g_variant_get_type_string (sound), sizeof codec - 1);
  body = mp_variant_to_wire (sound);
  return mp_item_init_bytes (self, codec, body, limit, room, error);
}

static gboolean
refuse_attachment (MpMessage  *message,
                   GError    **error)
{
  g_autoptr (MpShareable) attachment = mp_message_get_attachment (message, 0, NULL);

  g_set_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE,
               "A queue carries values and bytes, and no %s: send it by an Mp.Connection, or as an argument of a "
               "process",
               attachment != NULL ? G_OBJECT_TYPE_NAME (attachment) : "shared object");
  return FALSE;
}

gboolean
mp_item_init_message (MpItem      *self,
                      MpMessage   *message,
                      guint64      limit,
                      MpItemRoom  *room,
                      GError     **error)
{
  *self = (MpItem) { 0 };
  if (mp_message_get_n_attachments (message) > 0)
    return refuse_attachment (message, error);

  if (mp_message_get_type_string (message) != NULL &&
      !check_type (mp_message_get_type_string (message), error))
    return FALSE;

  return mp_item_init_bytes (self, mp_message_get_wire_codec (message), mp_message_get_body_bytes (message),
                             limit, room, error);
}

/*< private >
 * mp_item_hold:
 *
 * For an item that was made without room, and is put later: copies what is somebody else's.  Fails with
 * %MP_ERROR_TOO_BIG if there is no memory.
 */
gboolean
mp_item_hold (MpItem  *self,
              GError **error)
{
  gconstpointer *body = self->codec != NULL ? &self->pieces.body : &self->record.data;
  gsize length = self->record.length - self->record.tail_length;
  gpointer copy;

  if (self->held != NULL || length == 0)
    return TRUE;

  copy = g_try_malloc (length);
  if (copy == NULL)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG, "There is no memory for the %" G_GSIZE_FORMAT " bytes of an item",
                   length);
      return FALSE;
    }

  memcpy (copy, *body, length);
  self->held = g_bytes_new_take (copy, length);
  *body = copy;
  return TRUE;
}

void
mp_item_clear (MpItem *self)
{
  g_clear_pointer (&self->held, g_bytes_unref);
  g_clear_pointer (&self->codec, g_free);
}

/* --- Taking apart --------------------------------------------------------- */

static gboolean
check_kind (const MpRingRecord *record)
{
  guint32 code = record->kind & MP_ITEM_CODEC_MASK;

  if ((record->kind & ~(MP_ITEM_CODEC_MASK | MP_ITEM_VALUE)) != 0)
    return FALSE;

  if (code > MP_ITEM_SPELT)
    return code - MP_ITEM_SPELT <= MP_ITEM_MAX_CODEC_LENGTH && code - MP_ITEM_SPELT <= record->length;

  return code < G_N_ELEMENTS (numbered) && (numbered[code][0] == '=') == mp_item_is_value (record);
}

/*< private >
 * mp_item_measure_body:
 * @record: its data may be missing
 *
 * Returns: whether length and kind can be those of an item
 */
gboolean
mp_item_measure_body (const MpRingRecord *record,
                      guint32            *length)
{
  if (!check_kind (record))
    return FALSE;

  *length = record->length - get_spelt_length (record->kind);
  return TRUE;
}

#define RUBBISH "A process has put rubbish into the queue"

/*< private >
 * mp_item_set_corrupted:
 *
 * Returns: %FALSE
 */
gboolean
mp_item_set_corrupted (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, RUBBISH);
  return FALSE;
}

/*< private >
 * mp_item_prefix_corrupted:
 *
 * Of an error that says what is wrong with a body.
 */
void
mp_item_prefix_corrupted (GError **error)
{
  if (error != NULL && g_error_matches (*error, MP_ERROR, MP_ERROR_CORRUPTED))
    g_prefix_error_literal (error, RUBBISH ": ");
}

/*< private >
 * mp_item_read_head:
 * @self: (out caller-allocates): stays where it is, as it may point into itself
 *
 * Returns: whether it has a codec's name, or the type of a value; else %MP_ERROR_CORRUPTED
 */
gboolean
mp_item_read_head (MpItemHead          *self,
                   const MpRingRecord  *record,
                   GError             **error)
{
  guint32 spelt = get_spelt_length (record->kind);

  if (!mp_item_measure_body (record, &self->body_length))
    return mp_item_set_corrupted (error);

  if (spelt == 0)
    {
      self->codec = numbered[record->kind & MP_ITEM_CODEC_MASK];
      return TRUE;
    }

  memcpy (self->spelt, (const guint8 *) record->data + self->body_length, spelt);
  self->spelt[spelt] = '\0';
  self->codec = self->spelt;
  if (strlen (self->spelt) != spelt || (self->spelt[0] == '=') != mp_item_is_value (record))
    return mp_item_set_corrupted (error);

  if (mp_message_check_wire_codec (self->codec, error))
    return TRUE;

  mp_item_prefix_corrupted (error);
  return FALSE;
}
