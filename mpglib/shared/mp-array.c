/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-array-private.h"
#include "mp-error.h"
#include "mp-lock-along-private.h"
#include "mp-rlock.h"

/**
 * MpArray:
 *
 * Elements of fixed size, side by side in memory that processes share.
 *
 * Their type is that of a GVariant: a number, or a structure of them such as `(dd)`, of
 * 4096 bytes at most. They lie as a C array does, so the fastest way to them is a pointer:
 * [method@Mp.Array.get_address], or [method@Mp.Array.get_buffer] where a language has
 * better things to make of bytes. The length never changes.
 *
 * Elements of 1, 2, 4 or 8 bytes are read and written in one piece; longer ones, and
 * several, are not: others may see them half written. For these, and for what reads and
 * writes, there is the lock that goes along with the array, a lock like any other: acquire
 * [property@Mp.Array:lock] around what belongs together.
 *
 * A process that dies while it writes a slice, or a long element, leaves a part of it
 * written. Then [method@Mp.Array.get_element] and the like fail with
 * %MP_ERROR_ABANDONED until somebody overwrites the whole array, or looks at it and says
 * [method@Mp.Array.mark_consistent]. What a process does through a pointer nobody sees;
 * but if it died with the lock, who acquires that next finds it `abandoned`.
 *
 * An array is a [iface@Mp.Shareable], as a [class@Mp.Lock] is: what is said there of
 * handing over and of forks holds here. Its lock goes with it. Arrays of up to 64 KiB share
 * memory with other objects; each larger one takes a descriptor in every process that
 * has it.
 *
 * An array may be used by all threads.
 *
 * Since: 1.0
 */

static void mp_array_shareable_init (MpShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MpArray, mp_array, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_array_shareable_init))

enum
{
  PROP_0,
  PROP_ELEMENT_TYPE,
  PROP_FORMAT,
  PROP_LENGTH,
  PROP_LOCK,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* --- Life ----------------------------------------------------------------- */

static gboolean
check_length (const MpElement  *element,
              guint64           length,
              GError          **error)
{
  if (length <= G_MAXSSIZE / element->size)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
               "No memory can hold %" G_GUINT64_FORMAT " elements of %" G_GSIZE_FORMAT " bytes",
               length, element->size);
  return FALSE;
}

static void
mp_array_constructed (GObject *object)
{
  MpArray *self = MP_ARRAY (object);
  GError *error = NULL;

  G_OBJECT_CLASS (mp_array_parent_class)->constructed (object);

  if (mp_element_init (&self->element, self->element_type, self->format, &error) &&
      check_length (&self->element, self->length, &error))
    mp_contents_init (&self->contents, MP_OBJECT_ARRAY, sizeof (MpArrayLayout), self->length * self->element.size);
  else
    mp_shared_object_refuse (&self->contents.shared, MP_OBJECT_ARRAY, error);
}

static void
mp_array_finalize (GObject *object)
{
  MpArray *self = MP_ARRAY (object);

  mp_contents_clear (&self->contents);
  mp_element_clear (&self->element);
  g_free (self->element_type);
  g_free (self->format);
  g_clear_object (&self->lock);

  G_OBJECT_CLASS (mp_array_parent_class)->finalize (object);
}

static void
mp_array_get_property (GObject    *object,
                       guint       prop_id,
                       GValue     *value,
                       GParamSpec *pspec)
{
  MpArray *self = MP_ARRAY (object);

  switch (prop_id)
    {
    case PROP_ELEMENT_TYPE:
      g_value_set_string (value, mp_array_get_element_type (self));
      break;

    case PROP_FORMAT:
      g_value_set_string (value, self->format);
      break;

    case PROP_LENGTH:
      g_value_set_uint64 (value, self->length);
      break;

    case PROP_LOCK:
      g_value_set_object (value, self->lock);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_array_set_property (GObject      *object,
                       guint         prop_id,
                       const GValue *value,
                       GParamSpec   *pspec)
{
  MpArray *self = MP_ARRAY (object);

  switch (prop_id)
    {
    case PROP_ELEMENT_TYPE:
      self->element_type = g_value_dup_string (value);
      break;

    case PROP_FORMAT:
      self->format = g_value_dup_string (value);
      break;

    case PROP_LENGTH:
      self->length = g_value_get_uint64 (value);
      break;

    case PROP_LOCK:
      self->lock = g_value_dup_object (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_array_class_init (MpArrayClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_array_constructed;
  object_class->finalize = mp_array_finalize;
  object_class->get_property = mp_array_get_property;
  object_class->set_property = mp_array_set_property;

  /**
   * MpArray:element-type:
   *
   * The GVariant type of an element: one of fixed size, without handles. %NULL: that of
   * [property@Mp.Array:format].
   *
   * With a type that cannot be, all calls fail with %MP_ERROR_NOT_SUPPORTED.
   *
   * Since: 1.0
   */
  properties[PROP_ELEMENT_TYPE] =
    g_param_spec_string ("element-type", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpArray:format:
   *
   * How elements are stored where GVariant has no such type, as in
   * [property@Mp.Value:format].
   *
   * Since: 1.0
   */
  properties[PROP_FORMAT] =
    g_param_spec_string ("format", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpArray:length: (getter get_length)
   *
   * How many elements there are.
   *
   * Since: 1.0
   */
  properties[PROP_LENGTH] =
    g_param_spec_uint64 ("length", NULL, NULL,
                         0, G_MAXUINT64, 0,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpArray:lock:
   *
   * The lock that goes along with the array: one of its own, or one that guards other
   * things too. %NULL: none. The calls below do not acquire it.
   *
   * Since: 1.0
   */
  properties[PROP_LOCK] =
    g_param_spec_object ("lock", NULL, NULL,
                         MP_TYPE_LOCKABLE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_array_init (MpArray *self)
{
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND "array"

#define CONTENTS_TYPE    "((ayuu)tb)"
#define DESCRIPTION_TYPE "(" CONTENTS_TYPE "msmst" MP_LOCK_ALONG_TYPE ")" /* contents, type, format, length, lock */

static GVariant *
mp_array_pack (MpShareable  *shareable,
               MpPacking    *packing,
               GError      **error)
{
  MpArray *self = MP_ARRAY (shareable);
  g_autoptr (GVariant) contents = mp_contents_pack (&self->contents, packing, error);
  GVariant *lock;

  if (contents == NULL)
    return NULL;

  g_variant_ref_sink (contents);
  lock = mp_lock_along_pack (self->lock, packing, error);
  if (lock == NULL)
    return NULL;

  return g_variant_new ("(@" CONTENTS_TYPE "msmst@" MP_LOCK_ALONG_TYPE ")", contents,
                        self->element.type, self->element.format, self->length, lock);
}

static gboolean
set_corrupted (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "The peer sent a shared array that is none");
  return FALSE;
}

static gboolean
check_contents (const MpContents  *contents,
                const char        *type,
                const char        *format,
                guint64            length,
                GError           **error)
{
  MpElement element;
  gboolean is_sound;

  if (!mp_element_init (&element, type, format, error))
    return FALSE;

  is_sound = length <= G_MAXSSIZE / element.size && length * element.size == contents->size;
  mp_element_clear (&element);
  return is_sound || set_corrupted (error);
}

static MpShareable *
unpack_parts (MpUnpacking  *unpacking,
              GVariant     *contents,
              const char   *type,
              const char   *format,
              guint64       length,
              GVariant     *packed_lock,
              int          *fds,
              guint         n_fds,
              GError      **error)
{
  g_autoptr (MpLockable) lock = NULL;
  MpContents opened;
  guint n_before;

  if (!mp_lock_along_split (packed_lock, n_fds, &n_before, error) ||
      !mp_contents_open (&opened, unpacking, MP_OBJECT_ARRAY, sizeof (MpArrayLayout), contents,
                         fds, n_before, error))
    return NULL;

  if (!check_contents (&opened, type, format, length, error) ||
      !mp_lock_along_unpack (unpacking, packed_lock, fds + n_before, &lock, error))
    {
      mp_contents_clear (&opened);
      return NULL;
    }

  return mp_contents_new_received (MP_TYPE_ARRAY, &opened, "element-type", type, "format", format,
                                   "length", length, "lock", lock, NULL);
}

static MpShareable *
mp_array_unpack (MpUnpacking  *unpacking,
                 GVariant     *description,
                 int          *fds,
                 guint         n_fds,
                 GError      **error)
{
  g_autoptr (GVariant) contents = NULL;
  g_autoptr (GVariant) lock = NULL;
  const char *type, *format;
  guint64 length;

  if (!g_variant_is_of_type (description, G_VARIANT_TYPE (DESCRIPTION_TYPE)))
    {
      set_corrupted (error);
      return NULL;
    }

  g_variant_get (description, "(@" CONTENTS_TYPE "m&sm&st@" MP_LOCK_ALONG_TYPE ")",
                 &contents, &type, &format, &length, &lock);
  return unpack_parts (unpacking, contents, type, format, length, lock, fds, n_fds, error);
}

static char *
mp_array_to_string (MpShareable *shareable)
{
  MpArray *self = MP_ARRAY (shareable);
  g_autofree char *lock = self->lock != NULL ? mp_shareable_to_string (MP_SHAREABLE (self->lock)) : NULL;

  return g_strdup_printf ("<Mp.Array %s length=%" G_GUINT64_FORMAT "%s%s%s>",
                          self->format != NULL ? self->format : mp_array_get_element_type (self),
                          self->length, self->contents.shared.table == NULL ? " without memory" :
                                        mp_array_is_consistent (self) ? "" : " torn",
                          lock != NULL ? " lock=" : "", lock != NULL ? lock : "");
}

static void
mp_array_shareable_init (MpShareableInterface *iface)
{
  iface->kind = KIND;
  iface->pack = mp_array_pack;
  iface->to_string = mp_array_to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_array_unpack);
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_array_new:
 * @element_type: a GVariant type of fixed size, such as `i`, `d` or `(dd)`
 * @length: how many elements there are
 * @lock: (nullable): the lock that goes along with it; %NULL: none
 *
 * Makes an array that can be shared, all zero.
 *
 * Where that is not possible, for want of memory or because @element_type has no fixed
 * size, all calls tell why.
 *
 * Returns: (transfer full): the array
 *
 * Since: 1.0
 */
MpArray *
mp_array_new (const char *element_type,
              gsize       length,
              MpLockable *lock)
{
  return g_object_new (MP_TYPE_ARRAY, "element-type", element_type, "length", (guint64) length, "lock", lock, NULL);
}

/**
 * mp_array_new_with_format:
 * @format: see [property@Mp.Value:format]
 * @length: how many elements there are
 * @lock: (nullable): the lock that goes along with it; %NULL: none
 *
 * Makes an array of a type that GVariant does not have, such as floats of 32 bits, as
 * [ctor@Mp.Array.new] does of the others.
 *
 * Returns: (transfer full): the array
 *
 * Since: 1.0
 */
MpArray *
mp_array_new_with_format (const char *format,
                          gsize       length,
                          MpLockable *lock)
{
  return g_object_new (MP_TYPE_ARRAY, "format", format, "length", (guint64) length, "lock", lock, NULL);
}

/**
 * mp_array_new_from_elements:
 * @elements: an array of a type of fixed size, such as `ai`; sunk if it is floating
 * @lock: (nullable): the lock that goes along with it; %NULL: none
 *
 * Makes an array with these elements.
 *
 * Returns: (transfer full): the array
 *
 * Since: 1.0
 */
MpArray *
mp_array_new_from_elements (GVariant   *elements,
                            MpLockable *lock)
{
  g_autoptr (GVariant) sunk = NULL;
  g_autofree char *type = NULL;
  MpArray *self;

  g_return_val_if_fail (elements != NULL && g_variant_is_of_type (elements, G_VARIANT_TYPE_ARRAY), NULL);

  sunk = g_variant_ref_sink (elements);
  type = g_variant_type_dup_string (g_variant_type_element (g_variant_get_type (sunk)));
  self = mp_array_new (type, g_variant_n_children (sunk), lock);

  /* What cannot be tells so later. */
  mp_array_set_slice (self, 0, sunk, NULL);
  return self;
}

/**
 * mp_array_get_element_type:
 * @self: an array
 *
 * Gets [property@Mp.Array:element-type].
 *
 * Returns: (nullable): the GVariant type of an element
 *
 * Since: 1.0
 */
const char *
mp_array_get_element_type (MpArray *self)
{
  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);

  return self->element.type != NULL ? self->element.type : self->element_type;
}

/**
 * mp_array_get_format:
 * @self: an array
 *
 * Gets [property@Mp.Array:format].
 *
 * Returns: (nullable): how elements are stored, if not as GVariant does
 *
 * Since: 1.0
 */
const char *
mp_array_get_format (MpArray *self)
{
  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);

  return self->format;
}

/**
 * mp_array_get_element_size:
 * @self: an array
 *
 * Gets how much memory an element takes.
 *
 * Returns: bytes; 0 if the type cannot be
 *
 * Since: 1.0
 */
gsize
mp_array_get_element_size (MpArray *self)
{
  g_return_val_if_fail (MP_IS_ARRAY (self), 0);

  return self->element.size;
}

/**
 * mp_array_get_length:
 * @self: an array
 *
 * Gets [property@Mp.Array:length].
 *
 * Returns: how many elements there are
 *
 * Since: 1.0
 */
gsize
mp_array_get_length (MpArray *self)
{
  g_return_val_if_fail (MP_IS_ARRAY (self), 0);

  return self->length;
}

/**
 * mp_array_get_lock:
 * @self: an array
 *
 * Gets [property@Mp.Array:lock].
 *
 * Returns: (transfer none) (nullable): the lock that goes along with it
 *
 * Since: 1.0
 */
MpLockable *
mp_array_get_lock (MpArray *self)
{
  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);

  return self->lock;
}

/* --- Wholeness ------------------------------------------------------------ */

/**
 * mp_array_is_consistent:
 * @self: an array
 *
 * Tells whether no process died while it wrote several elements by a call of this class,
 * or a long one.
 *
 * Returns: whether the array is as its writers wanted it
 *
 * Since: 1.0
 */
gboolean
mp_array_is_consistent (MpArray *self)
{
  MpArrayLayout *layout;
  guint32 me;

  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);

  layout = mp_array_get_layout (self, &me, NULL);
  return layout != NULL && !mp_whole_is_torn (self->contents.shared.table, &layout->whole);
}

/**
 * mp_array_get_state_address:
 * @self: an array
 * @error: return location for an error
 *
 * Gets where a word of 64 bits lies that is 0 as long as nobody writes several elements, or
 * a long one, and nobody died doing so. For bindings that read elements by
 * [method@Mp.Array.get_address]: after each look at an element they look at the word, and
 * ask [method@Mp.Array.is_consistent] if it is not 0. Nobody but the library writes to it.
 *
 * It stays there as long as @self does.
 *
 * Fails as [method@Mp.Array.get_address] does.
 *
 * Returns: the address, or 0 with the error set
 *
 * Since: 1.0
 */
guintptr
mp_array_get_state_address (MpArray  *self,
                            GError  **error)
{
  MpArrayLayout *layout;
  guint32 me;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  layout = mp_array_get_layout (self, &me, error);
  return layout != NULL ? (guintptr) &layout->whole : 0;
}

/**
 * mp_array_mark_consistent:
 * @self: an array
 * @error: return location for an error
 *
 * Says that the array can be used again though a process died while it wrote: its
 * elements are right, or have been put right through [method@Mp.Array.get_buffer].
 *
 * Fails as [method@Mp.Array.set_slice] does.
 *
 * Returns: whether it is marked
 *
 * Since: 1.0
 */
gboolean
mp_array_mark_consistent (MpArray  *self,
                          GError  **error)
{
  MpArrayLayout *layout;
  guint32 me;

  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  layout = mp_array_get_layout (self, &me, error);
  if (layout == NULL)
    return FALSE;

  if (!mp_whole_begin (self->contents.shared.table, &layout->whole, me, error))
    return FALSE;

  mp_whole_end (&layout->whole, TRUE);
  return TRUE;
}

/* --- Memory --------------------------------------------------------------- */

/**
 * mp_array_get_address:
 * @self: an array
 * @error: return location for an error
 *
 * Gets where the elements lie in the memory of this process: side by side, from a
 * multiple of 64 on. They stay there as long as @self does.
 *
 * An address does not hold the array in a process that is forked: there the array is the
 * child's own only after its first call of a method of @self, as of this one. Until then the
 * parent may let go of it, and other objects get its memory.
 *
 * Fails as [method@Mp.Array.get_element] does, but never with %MP_ERROR_ABANDONED.
 *
 * Returns: the address, or 0 with the error set
 *
 * Since: 1.0
 */
guintptr
mp_array_get_address (MpArray  *self,
                      GError  **error)
{
  guint32 me;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  return mp_array_get_layout (self, &me, error) != NULL ? (guintptr) self->contents.data : 0;
}

/* Another object for the same elements. */
static MpArray *
make_again (MpArray     *self,
            MpLockable  *lock,
            GError     **error)
{
  MpContents opened;

  if (!mp_contents_open_again (&self->contents, &opened, error))
    return NULL;

  return mp_contents_new_received (MP_TYPE_ARRAY, &opened, "element-type", self->element_type,
                                   "format", self->format, "length", self->length, "lock", lock, NULL);
}

/**
 * mp_array_get_buffer:
 * @self: an array
 * @error: return location for an error
 *
 * Gets the memory of the elements, not a copy: the bytes change when somebody writes to
 * the array, and who writes to them writes to the array. They stay as long as the
 * #GBytes does; in a process that is forked get others, see [method@Mp.Array.get_address].
 *
 * In JavaScript `toArray()` of it is a view that can be written to. Python's `memoryview()`
 * takes the array itself.
 *
 * Fails as [method@Mp.Array.get_address] does.
 *
 * Returns: (transfer full): the memory
 *
 * Since: 1.0
 */
GBytes *
mp_array_get_buffer (MpArray  *self,
                     GError  **error)
{
  MpArray *again;
  guint32 me;

  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (mp_array_get_layout (self, &me, error) == NULL)
    return NULL;

  /* Not a reference to self: who keeps the bytes beside self, as garbage collectors do,
   * would keep both for ever.
   */
  again = make_again (self, NULL, error);
  if (again == NULL)
    return NULL;

  return g_bytes_new_with_free_func (again->contents.data, again->contents.size, g_object_unref, again);
}

/**
 * mp_array_copy:
 * @self: an array
 * @error: return location for an error
 *
 * Makes another array with the elements of @self, in shared memory of its own and without
 * a lock.
 *
 * Fails as [method@Mp.Array.get_element] does.
 *
 * Returns: (transfer full): the copy
 *
 * Since: 1.0
 */
MpArray *
mp_array_copy (MpArray  *self,
               GError  **error)
{
  g_autoptr (MpArray) copy = NULL;
  guint32 me;

  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!mp_array_check_whole (self, error))
    return NULL;

  copy = g_object_new (MP_TYPE_ARRAY, "element-type", self->element_type, "format", self->format,
                       "length", self->length, NULL);
  if (mp_array_get_layout (copy, &me, error) == NULL)
    return NULL;

  memcpy (copy->contents.data, self->contents.data, self->contents.size);
  return g_steal_pointer (&copy);
}

/**
 * mp_array_synchronize:
 * @self: an array
 * @lock: (nullable): the lock; %NULL: a new [class@Mp.RLock]
 * @error: return location for an error
 *
 * Makes another object for the same elements, with a lock that goes along with it. Those
 * who use @self do not heed it.
 *
 * Fails as [method@Mp.Array.get_address] does.
 *
 * Returns: (transfer full): the object
 *
 * Since: 1.0
 */
MpArray *
mp_array_synchronize (MpArray     *self,
                      MpLockable  *lock,
                      GError     **error)
{
  g_autoptr (MpLockable) own = NULL;

  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);
  g_return_val_if_fail (lock == NULL || MP_IS_LOCKABLE (lock), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  own = lock != NULL ? g_object_ref (lock) : MP_LOCKABLE (mp_rlock_new ());
  return make_again (self, own, error);
}
