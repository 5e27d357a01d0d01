/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-error.h"
#include "mp-list-item-private.h"
#include "mp-list-plan-private.h"

#define WORD sizeof (gint64)

#define MAGIC   "mpg-list"
#define VERSION 1

/* A format has up to 7 digits, and rooms are whole words. */
#define MAX_ROOM 9999992

/* At one item: its place, its content, its format and its code. */
#define LEAST_PER_ITEM (WORD + WORD + MP_LIST_FORMAT_LENGTH + 1)

#define FORMAT_INTEGER "q"
#define FORMAT_DOUBLE  "d"
#define FORMAT_BOOLEAN "xxxxxxx?"
#define FORMAT_NOTHING "xxxxxx?x"

/* Of the word of a boolean. */
#define BOOLEAN_BYTE 7

/* What a content becomes when it is read. */
enum
{
  CODE_NUMBER  = 0,
  CODE_STRING  = 1,
  CODE_BYTES   = 2,
  CODE_NOTHING = 3,
};

/* --- Items ---------------------------------------------------------------- */

static void
set_format (MpListRecord *record,
            const char   *format,
            gint8         code)
{
  memcpy (record->format, format, strlen (format));
  record->code = code;
}

static gboolean
has_format (const MpListRecord *record,
            const char         *format)
{
  char padded[MP_LIST_FORMAT_LENGTH] = { 0 };

  memcpy (padded, format, strlen (format));
  return memcmp (record->format, padded, sizeof padded) == 0;
}

/* Of a text or bytes: as many bytes as there is room for, whatever is in them. */
static void
set_room_format (MpListRecord *record,
                 gsize         room,
                 gint8         code)
{
  char format[24];

  g_snprintf (format, sizeof format, "%" G_GSIZE_FORMAT "s", room);
  set_format (record, format, code);
}

/* Returns: how many bytes a format of a text or bytes says, or 0 if it is no such format */
static gsize
parse_room_format (const MpListRecord *record)
{
  gsize room = 0;
  guint i = 0;

  while (i < MP_LIST_FORMAT_LENGTH - 1 && g_ascii_isdigit (record->format[i]))
    room = 10 * room + (gsize) (record->format[i++] - '0');

  if (i == 0 || record->format[0] == '0' || record->format[i++] != 's')
    return 0;

  while (i < MP_LIST_FORMAT_LENGTH)
    if (record->format[i++] != '\0')
      return 0;

  return room;
}

static gboolean
is_text_or_bytes (MpItemCode item)
{
  return item == MP_ITEM_STRING || item == MP_ITEM_BYTES;
}

static void
describe (MpListRecord *record,
          MpItemCode    item,
          gsize         room)
{
  switch (item)
    {
    case MP_ITEM_INTEGER:
      set_format (record, FORMAT_INTEGER, CODE_NUMBER);
      break;
    case MP_ITEM_DOUBLE:
      set_format (record, FORMAT_DOUBLE, CODE_NUMBER);
      break;
    case MP_ITEM_BOOLEAN:
      set_format (record, FORMAT_BOOLEAN, CODE_NUMBER);
      break;
    case MP_ITEM_STRING:
      set_room_format (record, room, CODE_STRING);
      break;
    case MP_ITEM_BYTES:
      set_room_format (record, room, CODE_BYTES);
      break;
    case MP_ITEM_NOTHING:
    default:
      set_format (record, FORMAT_NOTHING, CODE_NOTHING);
    }
}

static gboolean
set_no_room (guint    index,
             gsize    room,
             GError **error)
{
  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
               "Item %u of the shareable list has room for %" G_GSIZE_FORMAT " bytes, as at first, and no more: "
               "make the list with an item there that is as long as any will be",
               index, room);
  return FALSE;
}

/* At first, there is one byte more than needed, as Python has it: its end is found by that. */
static gboolean
choose_room (MpItemCode   item,
             gsize        length,
             gsize       *room,
             GError     **error)
{
  *room = is_text_or_bytes (item) ? (length / WORD + 1) * WORD : WORD;
  if (*room <= MAX_ROOM)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
               "An item of %" G_GSIZE_FORMAT " bytes is too long: a shareable list with a name takes up to %d",
               length, MAX_ROOM - 1);
  return FALSE;
}

/*< private >
 * mp_list_record_make:
 * @record: (out caller-allocates):
 * @room: of the item; 0: as much as it needs
 *
 * Returns: (transfer full) (nullable): the content, all bytes that change
 */
guint8 *
mp_list_record_make (MpListRecord  *record,
                     guint          index,
                     GVariant      *value,
                     gsize          room,
                     GError       **error)
{
  g_autofree guint64 *words = NULL;
  MpItemCode item;
  guint8 *content;
  gsize length, n_words;

  words = mp_list_item_encode (value, &n_words, error);
  if (words == NULL)
    return NULL;

  item = MP_ITEM_CODE (words[0]);
  length = MP_ITEM_LENGTH (words[0]);
  if (room == 0 && !choose_room (item, length, &room, error))
    return NULL;

  if (length > room)
    {
      set_no_room (index, room, error);
      return NULL;
    }

  *record = (MpListRecord) { .index = index, .length = is_text_or_bytes (item) ? room : WORD };
  describe (record, item, room);
  content = g_malloc0 (record->length);
  if (item == MP_ITEM_BOOLEAN)
    content[BOOLEAN_BYTE] = words[1] != 0;
  else if (length > 0)
    memcpy (content, &words[1], length);

  return content;
}

/*< private >
 * mp_list_record_measure:
 *
 * Looks at format and code alone.
 *
 * Returns: how many bytes the content has, or 0 if it can be none
 */
gsize
mp_list_record_measure (const MpListRecord *record,
                        gsize               room)
{
  gsize length;

  switch (record->code)
    {
    case CODE_NUMBER:
      return has_format (record, FORMAT_INTEGER) || has_format (record, FORMAT_DOUBLE) ||
             has_format (record, FORMAT_BOOLEAN) ? WORD : 0;
    case CODE_NOTHING:
      return has_format (record, FORMAT_NOTHING) ? WORD : 0;
    case CODE_STRING:
    case CODE_BYTES:
      length = parse_room_format (record);
      return length <= room ? length : 0;
    default:
      return 0;
    }
}

/*< private >
 * mp_list_record_check:
 *
 * Returns: whether it may be done what it tells
 */
gboolean
mp_list_record_check (const MpListRecord *record,
                      const MpListPlan   *plan)
{
  gsize room;

  if (record->index >= plan->n_items)
    return FALSE;

  room = mp_list_plan_get_room (plan, (guint) record->index);
  return record->length > 0 && record->length == mp_list_record_measure (record, room);
}

static guint64 *
make_words (MpItemCode     item,
            const guint8  *content,
            gsize          length,
            gsize         *n_words)
{
  guint64 *words;

  *n_words = 1 + (length + WORD - 1) / WORD;
  words = g_new0 (guint64, *n_words);
  words[0] = MP_ITEM_HEAD (item, length);
  memcpy (&words[1], content, length);
  return words;
}

static GVariant *
decode_text_or_bytes (const MpListRecord *record,
                      const guint8       *content,
                      gsize               length)
{
  MpItemCode item = record->code == CODE_STRING ? MP_ITEM_STRING : MP_ITEM_BYTES;
  g_autofree guint64 *words = NULL;
  gsize n_words;

  while (length > 0 && content[length - 1] == 0)
    length--;

  if (item == MP_ITEM_STRING && memchr (content, 0, length) != NULL)
    return NULL;

  words = make_words (item, content, length, &n_words);
  return mp_list_item_decode (words, n_words);
}

/*< private >
 * mp_list_record_decode:
 * @content: nobody else's
 * @length: from mp_list_record_measure()
 *
 * Returns: (transfer full) (nullable): the value, or %NULL if it is none
 */
GVariant *
mp_list_record_decode (const MpListRecord *record,
                       const guint8       *content,
                       gsize               length)
{
  guint64 words[2];

  if (record->code == CODE_STRING || record->code == CODE_BYTES)
    return decode_text_or_bytes (record, content, length);

  words[0] = record->code == CODE_NOTHING ? MP_ITEM_NOTHING
             : record->format[0] == 'q' ? MP_ITEM_INTEGER
             : record->format[0] == 'd' ? MP_ITEM_DOUBLE : MP_ITEM_BOOLEAN;
  memcpy (&words[1], content, WORD);
  if (words[0] == MP_ITEM_BOOLEAN)
    words[1] = content[BOOLEAN_BYTE];

  return mp_list_item_decode (words, G_N_ELEMENTS (words));
}

/* --- Writing all ---------------------------------------------------------- */

typedef struct
{
  GByteArray *places;
  GByteArray *data;
  GByteArray *formats;
  GByteArray *codes;
  gsize       largest;
} Parts;

static void
append_number (GByteArray *part,
               gint64      number)
{
  g_byte_array_append (part, (const guint8 *) &number, sizeof number);
}

/* Of what is written at first; the tail and some more come to it. */
#define MAX_SIZE (G_MAXINT32 - 1000)

static gsize
get_size (const Parts *parts)
{
  return (gsize) parts->places->len + parts->data->len + parts->formats->len + parts->codes->len;
}

static gboolean
append_item (Parts     *parts,
             guint      index,
             GVariant  *value,
             GError   **error)
{
  MpListRecord record;
  g_autofree guint8 *content = mp_list_record_make (&record, index, value, 0, error);

  if (content == NULL)
    return FALSE;

  /* Arrays of bytes count in 32 bits. */
  if (get_size (parts) + record.length > MAX_SIZE)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_TOO_BIG, "The list is too long");
      return FALSE;
    }

  g_byte_array_append (parts->data, content, (guint) record.length);
  append_number (parts->places, parts->data->len);
  g_byte_array_append (parts->formats, (const guint8 *) record.format, sizeof record.format);
  g_byte_array_append (parts->codes, (const guint8 *) &record.code, sizeof record.code);
  parts->largest = MAX (parts->largest, record.length);
  return TRUE;
}

static void
append_part (GByteArray *all,
             GByteArray *part)
{
  g_byte_array_append (all, part->data, part->len);
}

static void
append_tail (GByteArray *all,
             gsize       capacity)
{
  MpListTail tail = { .magic = MAGIC, .version = VERSION, .capacity = capacity };
  guint gap = -all->len % WORD;

  g_byte_array_set_size (all, all->len + gap);
  memset (all->data + all->len - gap, 0, gap);
  g_byte_array_append (all, (const guint8 *) &tail, sizeof tail);
}

static GBytes *
put_together (Parts *parts,
              guint  n_items,
              gsize *size)
{
  GByteArray *all = g_byte_array_new ();

  append_number (all, n_items);
  append_part (all, parts->places);
  append_part (all, parts->data);
  append_part (all, parts->formats);
  append_part (all, parts->codes);
  append_tail (all, parts->largest);
  *size = all->len + parts->largest;
  return g_byte_array_free_to_bytes (all);
}

/*< private >
 * mp_list_plan_encode:
 * @items: an array or a tuple
 * @size: (out): bytes that the list needs: those returned and more, which are zero
 */
GBytes *
mp_list_plan_encode (GVariant  *items,
                     gsize     *size,
                     GError   **error)
{
  gsize n = g_variant_n_children (items);
  Parts parts = { g_byte_array_new (), g_byte_array_new (), g_byte_array_new (), g_byte_array_new (), 0 };
  GBytes *all = NULL;
  gboolean are_sound = TRUE;

  append_number (parts.places, 0);
  for (gsize i = 0; are_sound && i < n; i++)
    {
      g_autoptr (GVariant) item = g_variant_get_child_value (items, i);

      are_sound = append_item (&parts, (guint) i, item, error);
    }

  if (are_sound)
    all = put_together (&parts, (guint) n, size);

  g_byte_array_unref (parts.places);
  g_byte_array_unref (parts.data);
  g_byte_array_unref (parts.formats);
  g_byte_array_unref (parts.codes);
  return all;
}

/* --- Reading where all is ------------------------------------------------- */

static gboolean
set_none (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "There is no shareable list in the shared memory");
  return FALSE;
}

/* Memory can have any size and nothing in it, so room for the places is taken as they come. */
#define PLACES_AT_ONCE 512

static gboolean
append_places (GArray        *places,
               const gint64  *numbers,
               gsize          n)
{
  for (gsize i = 0; i < n; i++)
    {
      gsize last = places->len > 0 ? g_array_index (places, gsize, places->len - 1) : 0;
      gsize place = (gsize) numbers[i];

      if (places->len == 0 ? place != 0
                           : place < last + WORD || place - last > MAX_ROOM || place % WORD != 0)
        return FALSE;

      g_array_append_val (places, place);
    }

  return TRUE;
}

static gsize *
read_places (MpMapping  *mapping,
             guint       n_items,
             GError    **error)
{
  g_autoptr (GArray) places = g_array_new (FALSE, FALSE, sizeof (gsize));
  gint64 numbers[PLACES_AT_ONCE];

  while (places->len < (gsize) n_items + 1)
    {
      gsize n = MIN (G_N_ELEMENTS (numbers), (gsize) n_items + 1 - places->len);

      if (!mp_mapping_read (mapping, WORD + places->len * WORD, numbers, n * WORD, error))
        return NULL;

      if (!append_places (places, numbers, n))
        {
          set_none (error);
          return NULL;
        }
    }

  return (gsize *) (gpointer) g_array_free (g_steal_pointer (&places), FALSE);
}

/* Python's lists have no tail.  One of ours that cannot be is none. */
static gboolean
find_tail (MpListPlan  *self,
           MpMapping   *mapping,
           GError     **error)
{
  gsize size = mp_mapping_get_size (mapping);
  gsize end = self->codes + self->n_items;
  gsize tail_at = (end + WORD - 1) / WORD * WORD;
  gsize largest = 0;
  MpListTail tail;

  if (tail_at > size || size - tail_at < sizeof tail)
    return TRUE;

  if (!mp_mapping_read (mapping, tail_at, &tail, sizeof tail, error))
    return FALSE;

  if (memcmp (tail.magic, MAGIC, sizeof tail.magic) != 0)
    return TRUE;

  for (guint i = 0; i < self->n_items; i++)
    {
      gsize room = mp_list_plan_get_room (self, i);

      largest = MAX (largest, room);
    }

  if (tail.version != VERSION || tail.capacity < largest || tail.capacity > size - tail_at - sizeof tail)
    return set_none (error);

  self->tail = tail_at;
  return TRUE;
}

/*< private >
 * mp_list_plan_read:
 *
 * Reads each number once, and checks it.
 *
 * Fails with %MP_ERROR_CORRUPTED if there is no list.
 */
MpListPlan *
mp_list_plan_read (MpMapping  *mapping,
                   GError    **error)
{
  g_autoptr (MpListPlan) self = g_new0 (MpListPlan, 1);
  gsize size = mp_mapping_get_size (mapping);
  gint64 n_items;

  if (size < 2 * WORD)
    {
      set_none (error);
      return NULL;
    }

  if (!mp_mapping_read (mapping, 0, &n_items, sizeof n_items, error))
    return NULL;

  if (n_items < 0 || n_items > G_MAXINT32 || (gsize) n_items > (size - 2 * WORD) / LEAST_PER_ITEM)
    {
      set_none (error);
      return NULL;
    }

  self->n_items = (guint) n_items;
  self->places = read_places (mapping, self->n_items, error);
  if (self->places == NULL)
    return NULL;

  self->data = (2 + (gsize) self->n_items) * WORD;
  self->formats = self->data + self->places[self->n_items];
  self->codes = self->formats + self->n_items * MP_LIST_FORMAT_LENGTH;
  if (self->codes + self->n_items > size)
    {
      set_none (error);
      return NULL;
    }

  if (!find_tail (self, mapping, error))
    return NULL;

  /* Python makes the memory first and then the list: it is not empty, but not there yet. */
  if (self->n_items == 0 && self->tail == 0 && size != 2 * WORD)
    {
      set_none (error);
      return NULL;
    }

  return g_steal_pointer (&self);
}

void
mp_list_plan_free (MpListPlan *self)
{
  g_free (self->places);
  g_free (self);
}

gsize
mp_list_plan_get_room (const MpListPlan *self,
                       guint             index)
{
  return self->places[index + 1] - self->places[index];
}
