/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-cell-private.h"
#include "mp-contents-private.h"
#include "mp-error.h"
#include "mp-list-item-private.h"
#include "mp-named-list-private.h"
#include "mp-patience-private.h"
#include "mp-shareable-list.h"
#include "mp-shared-memory-private.h"
#include "mp-word-private.h"

/**
 * MpShareableList:
 *
 * A list of simple values that processes share: whole numbers, doubles, booleans,
 * strings, bytes, and nothing.
 *
 * Its length never changes, nor does the room that an item has: a string or bytes may be
 * replaced by what is no longer than they were at first, rounded up to 8 bytes, and each
 * item by a number.
 *
 * Items are read and replaced as a whole: nobody sees a half of one, and a process killed
 * while it replaces an item leaves the old one or the new. Several items are not; where
 * they belong together take a [class@Mp.Lock].
 *
 * A list is a [iface@Mp.Shareable], as a [class@Mp.Lock] is: what is said there of handing
 * over and of forks holds here. Without a name nothing of it is left when nobody has it any more.
 *
 * Where processes have nothing to hand it over by, it may bear a name, under which every process
 * of the same user finds it, be it one of Python's `multiprocessing.shared_memory`: it lies in
 * [property@Mp.ShareableList:memory] then, as that lays its lists out. The name stays, with the list, until
 * somebody calls [method@Mp.SharedMemory.unlink] of that memory. Who makes the memory shorter ends nobody: calls
 * fail. What is different:
 *
 * - An access takes some calls of the system, where one to a list without a name takes none.
 * - As in Python, zero bytes at the end of bytes are lost, and an item has room for at most 9,999,991 bytes.
 * - Python's own class knows of no locks: what it reads while another process writes may be half an item, and
 *   others may see half of what it writes. A list that it has made has no room for a journal: who is killed while
 *   writing to that may leave half an item.
 *
 * A list may be used by all threads.
 *
 * Since: 1.0
 */
struct _MpShareableList
{
  GObject parent_instance;

  MpNamedList *named;     /* NULL: it has no name, or cannot be; what follows is of those without one */
  char        *name;      /* until it is constructed */
  MpContents  contents;
  GVariant   *initial;    /* until it is constructed */
  MpListItem *items;      /* in shared memory */
  guint      *n_words;    /* of each item; what others write there is not asked again */
  guint      *places;
  guint       length;
};

static void mp_shareable_list_shareable_init (MpShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MpShareableList, mp_shareable_list, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_shareable_list_shareable_init))

enum
{
  PROP_0,
  PROP_ITEMS,
  PROP_MEMORY,
  PROP_NAME,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* What the object that this thread is just constructing shall have. */
static _Thread_local MpSharedMemory *received;

#define WORD sizeof (guint64)

/* --- Places --------------------------------------------------------------- */

/* Of the halves, in words from the first item on. */
static void
lay_out (MpShareableList *self)
{
  gsize place = self->length * sizeof (MpListItem) / WORD;

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
    size += 2 * (gsize) self->n_words[i] * WORD;

  return size;
}

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

static void
make (MpShareableList *self)
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
  if (get_size (self) / WORD > G_MAXUINT32)
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

static void
make_named (MpShareableList *self)
{
  GError *error = NULL;

  self->named = mp_named_list_new (self->initial, self->name, &error);
  if (self->named == NULL)
    mp_shared_object_refuse (&self->contents.shared, MP_OBJECT_LIST, error);
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
  gsize n_words_of_all = self->contents.size / WORD;
  gsize next = length * sizeof (MpListItem) / WORD;

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

static void
take_received (MpShareableList *self)
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

/* --- Life ----------------------------------------------------------------- */

static void
mp_shareable_list_constructed (GObject *object)
{
  MpShareableList *self = MP_SHAREABLE_LIST (object);

  G_OBJECT_CLASS (mp_shareable_list_parent_class)->constructed (object);

  if (mp_contents_is_receiving ())
    {
      take_received (self);
      return;
    }

  if (received != NULL)
    {
      self->named = mp_named_list_new_of_memory (received);
      received = NULL;
      return;
    }

  if (self->name != NULL)
    {
      make_named (self);
    }
  else
    {
      if (self->initial == NULL)
        self->initial = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE_VARIANT, NULL, 0));
      make (self);
    }
  g_clear_pointer (&self->initial, g_variant_unref);
  g_clear_pointer (&self->name, g_free);
}

static void
mp_shareable_list_finalize (GObject *object)
{
  MpShareableList *self = MP_SHAREABLE_LIST (object);

  if (self->named == NULL)
    mp_contents_clear (&self->contents);
  g_clear_pointer (&self->named, mp_named_list_free);
  g_free (self->n_words);
  g_free (self->places);

  G_OBJECT_CLASS (mp_shareable_list_parent_class)->finalize (object);
}

static void
mp_shareable_list_get_property (GObject    *object,
                                guint       prop_id,
                                GValue     *value,
                                GParamSpec *pspec)
{
  MpShareableList *self = MP_SHAREABLE_LIST (object);

  switch (prop_id)
    {
    case PROP_MEMORY:
      g_value_set_object (value, mp_shareable_list_get_memory (self));
      break;

    case PROP_NAME:
      g_value_set_string (value, mp_shareable_list_get_name (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_shareable_list_set_property (GObject      *object,
                                guint         prop_id,
                                const GValue *value,
                                GParamSpec   *pspec)
{
  MpShareableList *self = MP_SHAREABLE_LIST (object);
  GVariant *items;

  switch (prop_id)
    {
    case PROP_ITEMS:
      items = g_value_get_variant (value);
      if (items != NULL && g_variant_is_container (items) && !g_variant_is_of_type (items, G_VARIANT_TYPE_VARIANT))
        self->initial = g_variant_ref (items);
      else if (items != NULL)
        g_critical ("The items of a shareable list are an array or a tuple, not of the type \"%s\"",
                    g_variant_get_type_string (items));
      break;

    case PROP_NAME:
      self->name = g_value_dup_string (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_shareable_list_class_init (MpShareableListClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_shareable_list_constructed;
  object_class->finalize = mp_shareable_list_finalize;
  object_class->get_property = mp_shareable_list_get_property;
  object_class->set_property = mp_shareable_list_set_property;

  /**
   * MpShareableList:items:
   *
   * What is in the list at first: an array, as `av`, or a tuple. %NULL with a
   * [property@Mp.ShareableList:name]: the list has to be there.
   *
   * Since: 1.0
   */
  properties[PROP_ITEMS] =
    g_param_spec_variant ("items", NULL, NULL,
                          G_VARIANT_TYPE_ANY, NULL,
                          G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpShareableList:memory: (getter get_memory)
   *
   * In which memory a list with a name lies: [method@Mp.SharedMemory.close] gives this process's part
   * of it back, [method@Mp.SharedMemory.unlink] takes the name away. %NULL: it has no name.
   *
   * Since: 1.0
   */
  properties[PROP_MEMORY] =
    g_param_spec_object ("memory", NULL, NULL,
                         MP_TYPE_SHARED_MEMORY,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpShareableList:name: (getter get_name)
   *
   * Under which name other processes find the list, as of [property@Mp.SharedMemory:name]. Empty
   * at construction, with [property@Mp.ShareableList:items]: one that nobody has. %NULL: none.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_shareable_list_init (MpShareableList *self)
{
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND "shareable-list"

static GVariant *
mp_shareable_list_pack (MpShareable  *shareable,
                        MpPacking    *packing,
                        GError      **error)
{
  MpShareableList *self = MP_SHAREABLE_LIST (shareable);

  if (self->named != NULL)
    return mp_shared_memory_pack (MP_SHAREABLE (mp_named_list_get_memory (self->named)), packing, error);

  return mp_contents_pack (&self->contents, packing, error);
}

/* Memory without a name is not where such a list lies. */
static gboolean
is_of_named (GVariant *description)
{
  g_autoptr (GVariant) name = NULL;

  if (!g_variant_is_of_type (description, G_VARIANT_TYPE (MP_SHARED_MEMORY_DESCRIPTION)))
    return FALSE;

  name = g_variant_get_child_value (description, 0);
  return g_variant_n_children (name) == 1;
}

/* Whether there is a list in it, which takes some reading, is told by each call. */
static MpShareable *
unpack_named (MpUnpacking  *unpacking,
              GVariant     *description,
              int          *fds,
              guint         n_fds,
              GError      **error)
{
  g_autoptr (MpShareable) memory = mp_shared_memory_unpack (unpacking, description, fds, n_fds, error);

  if (memory == NULL)
    return NULL;

  received = MP_SHARED_MEMORY (memory);
  return g_object_new (MP_TYPE_SHAREABLE_LIST, NULL);
}

static MpShareable *
mp_shareable_list_unpack (MpUnpacking  *unpacking,
                          GVariant     *description,
                          int          *fds,
                          guint         n_fds,
                          GError      **error)
{
  g_autoptr (MpShareableList) self = NULL;
  MpContents opened;
  guint32 me;

  if (is_of_named (description))
    return unpack_named (unpacking, description, fds, n_fds, error);

  if (!mp_contents_open (&opened, unpacking, MP_OBJECT_LIST, sizeof (MpListLayout), description, fds, n_fds, error))
    return NULL;

  self = mp_contents_new_received (MP_TYPE_SHAREABLE_LIST, &opened, NULL);
  if (mp_shared_object_get (&self->contents.shared, &me, error) == NULL)
    return NULL;

  return MP_SHAREABLE (g_steal_pointer (&self));
}

static char *
mp_shareable_list_to_string (MpShareable *shareable)
{
  MpShareableList *self = MP_SHAREABLE_LIST (shareable);
  const char *name = mp_shareable_list_get_name (self);

  return g_strdup_printf ("<Mp.ShareableList%s%s length=%u>", name != NULL ? " " : "", name != NULL ? name : "",
                          mp_shareable_list_get_length (self));
}

static void
mp_shareable_list_shareable_init (MpShareableInterface *iface)
{
  iface->kind = KIND;
  iface->pack = mp_shareable_list_pack;
  iface->to_string = mp_shareable_list_to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_shareable_list_unpack);
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_shareable_list_new:
 * @items: what is in it: an array, as `av`, or a tuple; sunk if it is floating
 *
 * Makes a list that can be shared. Items are whole numbers (`y`, `n`, `q`, `i`, `u`, `x`,
 * `t`), doubles (`d`), booleans (`b`), strings (`s`) and bytes (`ay`) of up to 10,000,000
 * bytes each, and nothing (`mv` and other maybe types); each may be boxed in a variant.
 *
 * Where that is not possible, for want of memory or because of what is in it, all calls
 * tell why.
 *
 * Returns: (transfer full): the list
 *
 * Since: 1.0
 */
MpShareableList *
mp_shareable_list_new (GVariant *items)
{
  g_autoptr (GVariant) sunk = NULL;

  g_return_val_if_fail (items != NULL, NULL);

  sunk = g_variant_ref_sink (items);
  return g_object_new (MP_TYPE_SHAREABLE_LIST, "items", sunk, NULL);
}

/**
 * mp_shareable_list_new_named:
 * @name: (nullable): see [property@Mp.ShareableList:name]; %NULL: one that nobody has
 * @items: what is in it, as for [ctor@Mp.ShareableList.new]; sunk if it is floating
 *
 * Describes a list with a name, which [method@Mp.ShareableList.open] makes, and tells whether that
 * worked. Others find it when it is whole. An item has up to 9,999,991 bytes.
 *
 * Returns: (transfer full): the list
 *
 * Since: 1.0
 */
MpShareableList *
mp_shareable_list_new_named (const char *name,
                             GVariant   *items)
{
  g_autoptr (GVariant) sunk = NULL;

  g_return_val_if_fail (items != NULL, NULL);

  sunk = g_variant_ref_sink (items);
  return g_object_new (MP_TYPE_SHAREABLE_LIST, "name", name != NULL ? name : "", "items", sunk, NULL);
}

/**
 * mp_shareable_list_new_existing:
 * @name: see [property@Mp.ShareableList:name]
 *
 * Describes a list that [method@Mp.ShareableList.open] finds by its name, or tells why not. The
 * length of a list that is not there is 0.
 *
 * Returns: (transfer full): the list
 *
 * Since: 1.0
 */
MpShareableList *
mp_shareable_list_new_existing (const char *name)
{
  g_return_val_if_fail (name != NULL, NULL);

  return g_object_new (MP_TYPE_SHAREABLE_LIST, "name", name, NULL);
}

/* Of several lists that a program opens, it wants to know which. */
static gboolean
open_named (MpShareableList  *self,
            GError          **error)
{
  g_autoptr (GError) failure = NULL;

  if (mp_named_list_open (self->named, &failure))
    return TRUE;

  if (g_error_matches (failure, MP_ERROR, MP_ERROR_CORRUPTED) && mp_shareable_list_get_name (self) != NULL)
    g_prefix_error (&failure, "Cannot open the list \"%s\": ", mp_shareable_list_get_name (self));
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/**
 * mp_shareable_list_open:
 * @self: a shareable list
 * @error: return location for an error
 *
 * Makes a list with a name, or finds it. All other calls do so too if it was not done; this one is
 * for those who want to know whether it worked.
 *
 * Fails as [method@Mp.SharedMemory.open] does, with %MP_ERROR_CORRUPTED if there is no list in the
 * memory of that name, or not yet, and with the errors that tell that the list could not be made of its
 * first items, see [method@Mp.ShareableList.get_item].
 *
 * Returns: whether it is there
 *
 * Since: 1.0
 */
gboolean
mp_shareable_list_open (MpShareableList  *self,
                        GError          **error)
{
  guint32 me;

  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (self->named != NULL)
    return open_named (self, error);

  return mp_shared_object_get (&self->contents.shared, &me, error) != NULL;
}

/**
 * mp_shareable_list_get_memory:
 * @self: a shareable list
 *
 * Gets [property@Mp.ShareableList:memory].
 *
 * Returns: (transfer none) (nullable): the memory; %NULL if the list has no name, or could not be
 *   made of its first items
 *
 * Since: 1.0
 */
MpSharedMemory *
mp_shareable_list_get_memory (MpShareableList *self)
{
  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), NULL);

  return self->named != NULL ? mp_named_list_get_memory (self->named) : NULL;
}

/**
 * mp_shareable_list_get_name:
 * @self: a shareable list
 *
 * Gets [property@Mp.ShareableList:name].
 *
 * Returns: (nullable): the name; %NULL if the list has none, or could not be made of its first items
 *
 * Since: 1.0
 */
const char *
mp_shareable_list_get_name (MpShareableList *self)
{
  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), NULL);

  return self->named != NULL ? mp_shared_memory_get_name (mp_named_list_get_memory (self->named)) : NULL;
}

/**
 * mp_shareable_list_get_length:
 * @self: a shareable list
 *
 * Gets how many items there are; 0 if the list cannot be opened, of which
 * [method@Mp.ShareableList.open] tells.
 *
 * Returns: the length
 *
 * Since: 1.0
 */
guint
mp_shareable_list_get_length (MpShareableList *self)
{
  g_return_val_if_fail (MP_IS_SHAREABLE_LIST (self), 0);

  return self->named != NULL ? mp_named_list_get_length (self->named) : self->length;
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

  return check_index (self, index, &me, error) ? (self->n_words[index] - 1) * WORD : 0;
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
                   index, (place.n_words - 1) * WORD);
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
