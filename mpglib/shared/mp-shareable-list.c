/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-shareable-list-base-private.h"
#include "mp-shared-memory-private.h"

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

/* --- Life ----------------------------------------------------------------- */

static void
make_named (MpShareableList *self)
{
  GError *error = NULL;

  self->named = mp_named_list_new (self->initial, self->name, &error);
  if (self->named == NULL)
    mp_shared_object_refuse (&self->contents.shared, MP_OBJECT_LIST, error);
}

static void
mp_shareable_list_constructed (GObject *object)
{
  MpShareableList *self = MP_SHAREABLE_LIST (object);

  G_OBJECT_CLASS (mp_shareable_list_parent_class)->constructed (object);

  if (mp_contents_is_receiving ())
    {
      mp_shareable_list_take_received (self);
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
      mp_shareable_list_make (self);
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
