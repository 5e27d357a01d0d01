/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Where the items of a list without a name lie: one that is made, or that a peer sent. */

#include "config.h"

#include "mp-error.h"
#include "mp-shareable-list-base-private.h"
#include "mp-word-private.h"

/* Of the halves, in words from the first item on. */
static void
lay_out (MpShareableList *self)
{
  gsize place = self->length * sizeof (MpListItem) / MP_LIST_WORD;

  self->places = g_new (guint, self->length);
  for (guint i = 0; i < self->length; i++)
    {
      self->places[i] = (guint) place;
      place += 2 * (gsize) self->n_words[i];
    }
}

static gsize
get_size (MpShareableList *self)
{
  gsize size = self->length * sizeof (MpListItem);

  for (guint i = 0; i < self->length; i++)
    size += 2 * (gsize) self->n_words[i] * MP_LIST_WORD;

  return size;
}

/* --- Making --------------------------------------------------------------- */

/* Of its first content, and of a number. */
static guint
get_room (gsize n_words)
{
  return MAX ((guint) n_words, 2);
}

static GPtrArray *
encode_all (GVariant  *items,
            GArray    *n_words,
            GError   **error)
{
  g_autoptr (GPtrArray) encoded = g_ptr_array_new_with_free_func (g_free);
  gsize n = g_variant_n_children (items);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) item = g_variant_get_child_value (items, i);
      gsize length;
      guint64 *words = mp_list_item_encode (item, &length, error);

      if (words == NULL)
        return NULL;
      g_ptr_array_add (encoded, words);
      g_array_append_val (n_words, length);
    }

  return g_steal_pointer (&encoded);
}

/* Nobody else knows of it yet. */
static void
fill (MpShareableList *self,
      GPtrArray       *encoded,
      GArray          *n_words)
{
  MpListLayout *layout = self->contents.shared.hold.data;

  layout->n_items = self->length;
  for (guint i = 0; i < self->length; i++)
    {
      MpAtomic64 *half = (MpAtomic64 *) self->contents.data + self->places[i];
      const guint64 *words = g_ptr_array_index (encoded, i);

      self->items[i].n_words = self->n_words[i];
      self->items[i].place = self->places[i];
      for (gsize word = 0; word < g_array_index (n_words, gsize, i); word++)
        mp_word_set (&half[word], words[word]);
    }
}

/*< private >
 * mp_shareable_list_make:
 *
 * Makes one without a name, of its first content.
 */
void
mp_shareable_list_make (MpShareableList *self)
{
  g_autoptr (GArray) n_words = g_array_new (FALSE, FALSE, sizeof (gsize));
  g_autoptr (GPtrArray) encoded = NULL;
  GError *error = NULL;

  encoded = encode_all (self->initial, n_words, &error);
  if (encoded == NULL)
    {
      mp_shared_object_refuse (&self->contents.shared, MP_OBJECT_LIST, error);
      return;
    }

  self->length = encoded->len;
  self->n_words = g_new (guint, self->length);
  for (guint i = 0; i < self->length; i++)
    self->n_words[i] = get_room (g_array_index (n_words, gsize, i));

  /* Places are counted in 32 bits. */
  if (get_size (self) / MP_LIST_WORD > G_MAXUINT32)
    {
      mp_shared_object_refuse (&self->contents.shared, MP_OBJECT_LIST,
                               g_error_new (MP_ERROR, MP_ERROR_TOO_BIG, "The list is too long"));
      return;
    }

  lay_out (self);
  mp_contents_init (&self->contents, MP_OBJECT_LIST, sizeof (MpListLayout), get_size (self));
  self->items = self->contents.data;
  if (self->contents.shared.table != NULL)
    fill (self, encoded, n_words);
}

/* --- Receiving ------------------------------------------------------------ */

/* One look at each number, which is then checked and kept.  The places are as lay_out() makes
 * them: no two items have one in common, or a list of some megabytes could stand for many
 * gigabytes.
 */
static gboolean
read_items (MpShareableList *self,
            guint            length)
{
  gsize n_words_of_all = self->contents.size / MP_LIST_WORD;
  gsize next = length * sizeof (MpListItem) / MP_LIST_WORD;

  if (length > self->contents.size / sizeof (MpListItem))
    return FALSE;

  self->n_words = g_new (guint, length);
  self->places = g_new (guint, length);
  self->items = self->contents.data;
  for (guint i = 0; i < length; i++)
    {
      guint32 n_words, place;

      mp_word_load (&self->items[i].n_words, sizeof n_words, &n_words);
      mp_word_load (&self->items[i].place, sizeof place, &place);
      if (n_words < 2 || place != next || (n_words_of_all - next) / 2 < n_words)
        return FALSE;

      self->n_words[i] = n_words;
      self->places[i] = place;
      next += 2 * (gsize) n_words;
    }

  self->length = length;
  return TRUE;
}

static gboolean
set_corrupted (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "The peer sent a shareable list that is none");
  return FALSE;
}

/*< private >
 * mp_shareable_list_take_received:
 *
 * Takes that one which mp_contents_new_received() hands over.
 */
void
mp_shareable_list_take_received (MpShareableList *self)
{
  GError *error = NULL;
  MpListLayout *layout;
  guint32 length;

  mp_contents_init (&self->contents, MP_OBJECT_LIST, 0, 0);
  layout = self->contents.shared.hold.data;
  mp_word_load (&layout->n_items, sizeof length, &length);
  if (read_items (self, length))
    return;

  set_corrupted (&error);
  mp_contents_clear (&self->contents);
  self->contents = (MpContents) { 0 };
  mp_shared_object_refuse (&self->contents.shared, MP_OBJECT_LIST, error);
}
