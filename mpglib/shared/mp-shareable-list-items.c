/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The items of a list. */

#include "config.h"

#include "mp-cell-private.h"
#include "mp-error.h"
#include "mp-patience-private.h"
#include "mp-shareable-list-base-private.h"

static MpCellPlace
get_place (MpShareableList *self,
           guint            index)
{
  return (MpCellPlace) {
    &self->items[index].cell,
    (MpAtomic64 *) self->contents.data + self->places[index],
    self->n_words[index],
  };
}

static gboolean
check_index (MpShareableList  *self,
             guint             index,
             guint32          *me,
             GError          **error)
{
  if (mp_shared_object_get (&self->contents.shared, me, error) == NULL)
    return FALSE;

  if (index < self->length)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_OUT_OF_RANGE,
               "There is no item %u in a list of %u", index, self->length);
  return FALSE;
}

/**
 * mp_shareable_list_get_item_size:
 * @self: a shareable list
 * @index: which, from 0 on
 * @error: return location for an error
 *
 * Gets how long a string or bytes can be there.
 *
 * Fails as [method@Mp.ShareableList.get_item] does.
 *
 * Returns: bytes, or 0 with the error set
 *
 * Since: 1.0
 */
gsize
mp_shareable_list_get_item_size (MpShareableList  *self,
                                 guint             index,
                                 GError          **error)
{
  guint32 me;

  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  if (self->named != NULL)
    return mp_named_list_get_room (self->named, index, error);

  return check_index (self, index, &me, error) ? (self->n_words[index] - 1) * MP_LIST_WORD : 0;
}

/* Its length first, since there may be room for much more.  It may be replaced between. */
static guint64 *
read_words (MpShareableList  *self,
            guint             index,
            guint32           me,
            gsize            *n_words,
            GError          **error)
{
  MpTable *table = self->contents.shared.table;
  MpCellPlace place = get_place (self, index);
  g_autofree guint64 *words = NULL;
  guint64 head;

  if (!mp_cell_read (table, &place, me, &head, 1, error))
    return NULL;

  do
    {
      *n_words = mp_list_item_measure (head, place.n_words);
      g_free (words);
      words = g_new (guint64, *n_words);
      if (!mp_cell_read (table, &place, me, words, *n_words, error))
        return NULL;
      head = words[0];
    }
  while (mp_list_item_measure (head, place.n_words) > *n_words);

  return g_steal_pointer (&words);
}

/**
 * mp_shareable_list_get_item:
 * @self: a shareable list
 * @index: which, from 0 on
 * @error: return location for an error
 *
 * Gets an item as it is at this moment.
 *
 * Fails with %MP_ERROR_OUT_OF_RANGE if there is no such item, with %MP_ERROR_CORRUPTED
 * if another process has written rubbish there, with %MP_ERROR_TIMED_OUT if one was stopped
 * in the very moment in which it changed the item (after 10 seconds, in a callback of a main
 * loop after 250 ms), with %MP_ERROR_WRONG_TYPE, %MP_ERROR_TOO_BIG and
 * %MP_ERROR_OUT_OF_RANGE if the list could not be made of its first items, with the
 * error of the system if there was no memory for it, and, of a list with a name, as
 * [method@Mp.ShareableList.open] does, or with the error of the system if this process may not
 * open another descriptor.
 *
 * Returns: (transfer full): the item: `x`, `d`, `b`, `s`, `ay`, or `mv` for nothing
 *
 * Since: 1.0
 */
GVariant *
mp_shareable_list_get_item (MpShareableList  *self,
                            guint             index,
                            GError          **error)
{
  g_autofree guint64 *words = NULL;
  GVariant *value;
  gsize n_words;
  guint32 me;

  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (self->named != NULL)
    return mp_named_list_get_item (self->named, index, error);

  if (!check_index (self, index, &me, error))
    return NULL;

  words = read_words (self, index, me, &n_words, error);
  if (words == NULL)
    return NULL;

  value = mp_list_item_decode (words, n_words);
  if (value == NULL)
    g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "Item %u of the shareable list holds rubbish", index);

  return value;
}

/**
 * mp_shareable_list_set_item:
 * @self: a shareable list
 * @index: which, from 0 on
 * @value: what it becomes, as for [ctor@Mp.ShareableList.new]; sunk if it is floating
 * @error: return location for an error
 *
 * Replaces an item, as a whole.
 *
 * Fails with %MP_ERROR_TOO_BIG if there is no room for it, with %MP_ERROR_WRONG_TYPE if a
 * list does not take such values, and as [method@Mp.ShareableList.get_item] does.
 *
 * Returns: whether it was replaced
 *
 * Since: 1.0
 */
gboolean
mp_shareable_list_set_item (MpShareableList  *self,
                            guint             index,
                            GVariant         *value,
                            GError          **error)
{
  g_autoptr (GVariant) sunk = NULL;
  g_autofree guint64 *words = NULL;
  MpCellPlace place;
  gsize n_words;
  guint32 me;

  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  sunk = g_variant_ref_sink (value);
  if (self->named != NULL)
    return mp_named_list_set_item (self->named, index, sunk, error);

  if (!check_index (self, index, &me, error) || (words = mp_list_item_encode (sunk, &n_words, error)) == NULL)
    return FALSE;

  place = get_place (self, index);
  if (n_words > place.n_words)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                   "Item %u of the shareable list has room for %" G_GSIZE_FORMAT " bytes, as at first, and no more: "
                   "make the list with an item there that is as long as any will be",
                   index, (place.n_words - 1) * MP_LIST_WORD);
      return FALSE;
    }

  return mp_cell_write (self->contents.shared.table, &place, me, words, n_words, error);
}

static gboolean
add_all (MpShareableList  *self,
         GVariantBuilder  *builder,
         GError          **error)
{
  guint length = mp_shareable_list_get_length (self);

  for (guint i = 0; i < length; i++)
    {
      g_autoptr (GVariant) item = mp_shareable_list_get_item (self, i, error);

      if (item == NULL)
        return FALSE;
      g_variant_builder_add (builder, "v", item);
    }

  return TRUE;
}

/**
 * mp_shareable_list_get_items:
 * @self: a shareable list
 * @error: return location for an error
 *
 * Gets all items, one after the other: others may replace some meanwhile.
 *
 * Fails as [method@Mp.ShareableList.get_item] does, and waits no longer than that for all of them together.
 *
 * Returns: (transfer full): an `av` of them
 *
 * Since: 1.0
 */
GVariant *
mp_shareable_list_get_items (MpShareableList  *self,
                             GError          **error)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));
  MpPatience patience = { 0 };
  gboolean is_complete;

  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!mp_shareable_list_open (self, error))
    return NULL;

  mp_patience_begin (&patience);
  is_complete = add_all (self, &builder, error);
  mp_patience_end (&patience);

  return is_complete ? g_variant_ref_sink (g_variant_builder_end (&builder)) : NULL;
}
