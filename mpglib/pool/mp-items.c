/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-items-private.h"
#include "mp-message-private.h"
#include "mp-variant-private.h"

struct _MpItems
{
  char *codec;        /* of the items; NULL for GVariants */
  MpMessage *message; /* with the attachments; NULL if there are none */
  GVariant *array;    /* NULL if it grows */
  GPtrArray *grown;   /* GVariant, NULL where released; an ay each if there is a codec */
  GHashTable *attached; /* index of one that grew -> MpMessage with what is attached to it; NULL if there are none */
  guint64 n_gone;     /* items before the first one in `grown` */
  guint n_released;   /* at the beginning of `grown` */
};

/* Released items at the beginning are given up when there are so many, and more
 * than others: an endless sequence takes no more memory than what is under way.
 */
#define RELEASED_MIN 256

static GVariant *
get_encoded_array (MpMessage  *message,
                   GError    **error)
{
  return mp_variant_from_wire ("aay", mp_message_get_body_bytes (message), 0, error);
}

/* That of a program's own message may still be doubted by GVariant. */
static GVariant *
get_array (MpMessage  *message,
           GError    **error)
{
  g_autoptr (GVariant) array = mp_message_get_value (message, error);

  return array != NULL ? mp_variant_ref_trusted (array) : NULL;
}

/*< private >
 * mp_items_new:
 * @array: the items, from the program or from a peer
 *
 * Returns: (transfer full) (nullable): the items; or %MP_ERROR_CORRUPTED when
 *   @array does not hold what it should
 */
MpItems *
mp_items_new (MpMessage  *array,
              GError    **error)
{
  MpItems *self = g_new0 (MpItems, 1);
  gboolean is_encoded = mp_message_get_type_string (array) == NULL;

  /* It is the engine that lets go of it: a language that knows the message would hear of that */
  if (mp_message_get_n_attachments (array) > 0)
    self->message = g_object_ref (array);
  self->codec = is_encoded ? g_strdup (mp_message_get_codec (array)) : NULL;
  self->array = is_encoded ? get_encoded_array (array, error) : get_array (array, error);
  if (self->array != NULL && g_variant_is_of_type (self->array, G_VARIANT_TYPE_ARRAY))
    return self;

  if (self->array != NULL)
    g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "The items of a map are a value of type \"%s\", not an array",
                 g_variant_get_type_string (self->array));
  mp_items_free (self, NULL);
  return NULL;
}

static void
clear_item (gpointer item)
{
  g_clear_pointer ((GVariant **) &item, g_variant_unref);
}

MpItems *
mp_items_new_growing (void)
{
  MpItems *self = g_new0 (MpItems, 1);

  self->grown = g_ptr_array_new_with_free_func (clear_item);
  return self;
}

static void
spend (GPtrArray *spent,
       MpMessage *message_taken)
{
  if (message_taken == NULL)
    return;

  if (spent != NULL)
    g_ptr_array_add (spent, message_taken);
  else
    g_object_unref (message_taken);
}

/*< private >
 * mp_items_free:
 * @spent: (nullable): what was attached goes there, for a thread to let go of it that has no lock; %NULL:
 *   this is one
 */
void
mp_items_free (MpItems   *self,
               GPtrArray *spent)
{
  GHashTableIter iter;
  gpointer message;

  if (self->attached != NULL)
    g_hash_table_iter_init (&iter, self->attached);
  while (self->attached != NULL && g_hash_table_iter_next (&iter, NULL, &message))
    spend (spent, g_object_ref (message));
  spend (spent, g_steal_pointer (&self->message));

  g_clear_pointer (&self->array, g_variant_unref);
  g_clear_pointer (&self->grown, g_ptr_array_unref);
  g_clear_pointer (&self->attached, g_hash_table_unref);
  g_free (self->codec);
  g_free (self);
}

guint64
mp_items_get_length (MpItems *self)
{
  return self->grown != NULL ? self->n_gone + self->grown->len : g_variant_n_children (self->array);
}

static GVariant *
get_item_as_variant (MpMessage  *item,
                     gboolean    is_encoded,
                     GError    **error)
{
  if (!is_encoded)
    return mp_message_get_value (item, error);

  return g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING,
                                                       mp_message_get_body_bytes (item), TRUE));
}

/* Not the program's message itself, for it is the engine that lets go of it. */
static void
keep_attachments (MpItems   *self,
                  MpMessage *item,
                  guint64    index)
{
  MpMessage *kept = mp_message_new (NULL);

  mp_message_share_attachments (kept, item);
  if (self->attached == NULL)
    self->attached = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_object_unref);
  g_hash_table_insert (self->attached, g_memdup2 (&index, sizeof index), kept);
}

/*< private >
 * mp_items_append:
 * @item: one more item of what grows
 * @is_alone: whether no other item goes in the same frame with it
 *
 * Returns: %FALSE with %MP_ERROR_WRONG_CODEC when the items before it have
 *   another codec, and with %MP_ERROR_NOT_SHAREABLE when something is attached to
 *   one that is not alone: in one frame the handles of several would collide
 */
gboolean
mp_items_append (MpItems    *self,
                 MpMessage  *item,
                 gboolean    is_alone,
                 GError    **error)
{
  gboolean is_encoded = mp_message_get_type_string (item) == NULL;
  const char *codec = is_encoded ? mp_message_get_codec (item) : NULL;
  GVariant *variant;

  g_assert (self->grown != NULL);

  if (mp_items_get_length (self) > 0 && g_strcmp0 (codec, self->codec) != 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC,
                   "The item's codec is \"%s\", that of the items before it \"%s\"", mp_message_get_codec (item),
                   self->codec != NULL ? self->codec : "gvariant");
      return FALSE;
    }

  if (mp_message_get_n_attachments (item) > 0 && !is_alone)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE,
                   "An item with shared objects or descriptors has to go to a worker alone: "
                   "begin the map with a chunk size of 1");
      return FALSE;
    }

  variant = get_item_as_variant (item, is_encoded, error);
  if (variant == NULL)
    return FALSE;

  if (mp_items_get_length (self) == 0)
    self->codec = g_strdup (codec);
  if (mp_message_get_n_attachments (item) > 0)
    keep_attachments (self, item, mp_items_get_length (self));
  g_ptr_array_add (self->grown, variant);
  return TRUE;
}

/*< private >
 * mp_items_release:
 *
 * The item is not needed any more.
 *
 * @spent: as for mp_items_free()
 */
void
mp_items_release (MpItems   *self,
                  guint64    index,
                  GPtrArray *spent)
{
  gpointer message = NULL;

  if (self->grown == NULL)
    return;

  if (self->attached != NULL)
    message = g_hash_table_lookup (self->attached, &index);
  if (message != NULL)
    {
      spend (spent, g_object_ref (message));
      g_hash_table_remove (self->attached, &index);
    }
  g_clear_pointer ((GVariant **) &g_ptr_array_index (self->grown, index - self->n_gone), g_variant_unref);
  while (self->n_released < self->grown->len && g_ptr_array_index (self->grown, self->n_released) == NULL)
    self->n_released++;

  if (self->n_released >= RELEASED_MIN && self->n_released > self->grown->len / 2)
    {
      g_ptr_array_remove_range (self->grown, 0, self->n_released);
      self->n_gone += self->n_released;
      self->n_released = 0;
    }
}

static GVariant *
get_element (MpItems *self,
             guint64  index)
{
  if (self->grown != NULL)
    return g_variant_ref (g_ptr_array_index (self->grown, index - self->n_gone));

  return g_variant_get_child_value (self->array, index);
}

/* part: what begins with the item of that index */
static MpMessage *
share_attachments (MpItems   *self,
                   guint64    index,
                   MpMessage *part)
{
  MpMessage *attached = self->message;

  if (self->attached != NULL)
    attached = g_hash_table_lookup (self->attached, &index);
  if (attached != NULL)
    mp_message_share_attachments (part, attached);

  return part;
}

/*< private >
 * mp_items_get:
 *
 * Returns: (transfer full): what one call gets
 */
MpMessage *
mp_items_get (MpItems *self,
              guint64  index)
{
  g_autoptr (GVariant) element = get_element (self, index);

  if (self->codec != NULL)
    {
      g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (element);

      return share_attachments (self, index, mp_message_new_bytes (bytes, self->codec));
    }

  if (g_variant_is_of_type (element, G_VARIANT_TYPE_VARIANT))
    {
      g_autoptr (GVariant) inner = g_variant_get_variant (element);

      return share_attachments (self, index, mp_message_new (inner));
    }

  return share_attachments (self, index, mp_message_new (element));
}

/* Elements that are numbers of one width are cut out of the array, without
 * looking at each.
 */
static GVariant *
slice_plain (MpItems *self,
             guint64  first,
             guint64  count)
{
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (self->array);
  g_autoptr (GBytes) part = NULL;
  gsize width = g_bytes_get_size (bytes) / g_variant_n_children (self->array);

  part = g_bytes_new_from_bytes (bytes, first * width, count * width);
  return g_variant_new_from_bytes (g_variant_get_type (self->array), part, TRUE);
}

static GVariant *
slice_elements (MpItems *self,
                guint64  first,
                guint64  count)
{
  g_autoptr (GPtrArray) elements = g_ptr_array_new_full ((guint) count, (GDestroyNotify) g_variant_unref);
  gboolean is_mixed = self->grown != NULL && self->codec == NULL;

  for (guint64 i = first; i < first + count; i++)
    {
      GVariant *element = get_element (self, i);

      if (is_mixed)
        {
          g_autoptr (GVariant) inner = g_steal_pointer (&element);

          element = g_variant_ref_sink (g_variant_new_variant (inner));
        }
      g_ptr_array_add (elements, element);
    }

  return g_variant_new_array (g_variant_get_type (elements->pdata[0]), (GVariant **) elements->pdata, elements->len);
}

static gboolean
is_plain (GVariant *array)
{
  return mp_variant_is_plain (g_variant_get_type_string (array), g_variant_get_size (array));
}

/*< private >
 * mp_items_slice:
 * @count: how many; at least one
 *
 * Returns: (transfer full): a chunk of the items, as one message
 */
MpMessage *
mp_items_slice (MpItems *self,
                guint64  first,
                guint64  count)
{
  g_autoptr (GVariant) part = NULL;
  g_autoptr (GBytes) bytes = NULL;

  g_assert (count > 0 && first + count <= mp_items_get_length (self));

  if (self->array != NULL && is_plain (self->array))
    part = g_variant_ref_sink (slice_plain (self, first, count));
  else
    part = g_variant_ref_sink (slice_elements (self, first, count));

  if (self->codec == NULL)
    return share_attachments (self, first, mp_message_new (part));

  bytes = mp_variant_to_wire (part);
  return share_attachments (self, first, mp_message_new_bytes (bytes, self->codec));
}
