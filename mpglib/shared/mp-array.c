/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-array.h"
#include "mp-contents-private.h"
#include "mp-element-private.h"
#include "mp-error.h"
#include "mp-lock-along-private.h"
#include "mp-rlock.h"
#include "mp-whole-private.h"
#include "mp-word-private.h"

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
struct _MpArray
{
  GObject parent_instance;

  MpContents  contents;
  MpElement   element;
  char       *element_type;   /* as they were wanted */
  char       *format;
  guint64     length;
  MpLockable *lock;
};

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

static inline MpArrayLayout *
get_layout (MpArray  *self,
            guint32  *me,
            GError  **error)
{
  return mp_shared_object_get (&self->contents.shared, me, error);
}

/* To read: of an array that is as its writers wanted it. */
static inline gboolean
check_whole (MpArray  *self,
             GError  **error)
{
  guint32 me;
  MpArrayLayout *layout = get_layout (self, &me, error);

  if (G_UNLIKELY (layout == NULL))
    return FALSE;

  if (G_LIKELY (!mp_whole_is_torn (self->contents.shared.table, &layout->whole)))
    return TRUE;

  g_set_error_literal (error, MP_ERROR, MP_ERROR_ABANDONED,
                       "A process died while it wrote the array: overwrite all of it, "
                       "or look at it through its buffer and mark it consistent");
  return FALSE;
}

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

  layout = get_layout (self, &me, NULL);
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

  layout = get_layout (self, &me, error);
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

  layout = get_layout (self, &me, error);
  if (layout == NULL)
    return FALSE;

  if (!mp_whole_begin (self->contents.shared.table, &layout->whole, me, error))
    return FALSE;

  mp_whole_end (&layout->whole, TRUE);
  return TRUE;
}

/* --- Elements ------------------------------------------------------------- */

static gboolean
set_no_place (MpArray  *self,
              gsize     begin,
              gsize     length,
              GError  **error)
{
  if (length == 1)
    g_set_error (error, MP_ERROR, MP_ERROR_OUT_OF_RANGE,
                 "There is no element %" G_GSIZE_FORMAT " in an array of %" G_GUINT64_FORMAT, begin, self->length);
  else
    g_set_error (error, MP_ERROR, MP_ERROR_OUT_OF_RANGE,
                 "There are no %" G_GSIZE_FORMAT " elements at %" G_GSIZE_FORMAT " in an array of %" G_GUINT64_FORMAT,
                 length, begin, self->length);
  return FALSE;
}

static inline gboolean
check_place (MpArray  *self,
             gsize     begin,
             gsize     length,
             GError  **error)
{
  if (G_LIKELY (begin <= self->length && length <= self->length - begin))
    return TRUE;

  return set_no_place (self, begin, length, error);
}

static inline gpointer
get_place (MpArray *self,
           gsize    index)
{
  return (guint8 *) self->contents.data + index * self->element.size;
}

/* Several at once: mp_whole_end() has to follow. */
static MpWhole *
begin_slice (MpArray  *self,
             gsize     begin,
             gsize     length,
             GError  **error)
{
  guint32 me;
  MpArrayLayout *layout = get_layout (self, &me, error);

  if (layout == NULL || !check_place (self, begin, length, error) ||
      !mp_whole_begin (self->contents.shared.table, &layout->whole, me, error))
    return NULL;

  return &layout->whole;
}

/* One that cannot be written at once. */
static gboolean
write_long (MpArray        *self,
            MpArrayLayout  *layout,
            guint32         me,
            gsize           index,
            gconstpointer   bytes,
            GError        **error)
{
  if (!mp_whole_begin (self->contents.shared.table, &layout->whole, me, error))
    return FALSE;

  memcpy (get_place (self, index), bytes, self->element.size);
  mp_whole_end (&layout->whole, self->length == 1);
  return TRUE;
}

/* bytes: room for an element, aligned as a guint64 */
static inline gboolean
load (MpArray   *self,
      gsize      index,
      gpointer   bytes,
      GError   **error)
{
  if (G_UNLIKELY (!check_whole (self, error)) || G_UNLIKELY (!check_place (self, index, 1, error)))
    return FALSE;

  mp_word_load (get_place (self, index), self->element.size, bytes);
  return TRUE;
}

static inline gboolean
is_word (MpArray *self)
{
  gsize size = self->element.size;

  return size == 1 || size == 2 || size == 4 || size == 8;
}

static inline gboolean
store (MpArray        *self,
       gsize           index,
       gconstpointer   bytes,
       GError        **error)
{
  guint32 me;
  MpArrayLayout *layout = get_layout (self, &me, error);

  if (G_UNLIKELY (layout == NULL) || G_UNLIKELY (!check_place (self, index, 1, error)))
    return FALSE;

  if (G_UNLIKELY (!is_word (self)))
    return write_long (self, layout, me, index, bytes, error);

  mp_word_store (get_place (self, index), self->element.size, bytes);
  return TRUE;
}

/* In the array's place, if there is no array. */
static gboolean
check_there (MpArray  *self,
             GError  **error)
{
  guint32 me;

  return G_LIKELY (self->element.size > 0) || get_layout (self, &me, error) != NULL;
}

/**
 * mp_array_get_element:
 * @self: an array
 * @index: which, from 0 on
 * @error: return location for an error
 *
 * Gets an element.
 *
 * Fails with %MP_ERROR_OUT_OF_RANGE if there is no such element, with
 * %MP_ERROR_ABANDONED if a process died while it wrote the array, with
 * %MP_ERROR_NOT_SUPPORTED if the type has no fixed size, and with the error of the system
 * if there was no memory.
 *
 * Returns: (transfer full): the element, of the type [property@Mp.Array:element-type]
 *
 * Since: 1.0
 */
GVariant *
mp_array_get_element (MpArray  *self,
                      gsize     index,
                      GError  **error)
{
  guint64 bytes[MP_ELEMENT_MAX_SIZE / sizeof (guint64)];

  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return load (self, index, bytes, error) ? mp_element_read (&self->element, bytes) : NULL;
}

/**
 * mp_array_set_element:
 * @self: an array
 * @index: which, from 0 on
 * @value: what it becomes; sunk if it is floating
 * @error: return location for an error
 *
 * Replaces an element.
 *
 * Fails with %MP_ERROR_WRONG_TYPE if @value is not of the type
 * [property@Mp.Array:element-type], with %MP_ERROR_OUT_OF_RANGE if there is no such
 * element or the format has no room for the value, and as [method@Mp.Array.get_element]
 * does, but never with %MP_ERROR_ABANDONED. Slices and elements that are not of 1, 2, 4 or
 * 8 bytes wait for others that write such; that fails with %MP_ERROR_TIMED_OUT if one was
 * stopped in the midst of it: after 10 seconds, in a callback of a main loop after 250 ms.
 *
 * Returns: whether it was replaced
 *
 * Since: 1.0
 */
gboolean
mp_array_set_element (MpArray   *self,
                      gsize      index,
                      GVariant  *value,
                      GError   **error)
{
  guint64 bytes[MP_ELEMENT_MAX_SIZE / sizeof (guint64)];
  g_autoptr (GVariant) sunk = NULL;

  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  sunk = g_variant_ref_sink (value);
  return check_there (self, error) &&
         mp_element_write (&self->element, sunk, bytes, error) &&
         store (self, index, bytes, error);
}

/**
 * mp_array_get_slice:
 * @self: an array
 * @begin: the first element, from 0 on
 * @length: how many
 * @error: return location for an error
 *
 * Gets a copy of some elements. Others may change them meanwhile: acquire the lock
 * if they belong together.
 *
 * Fails as [method@Mp.Array.get_element] does.
 *
 * Returns: (transfer full): an array of @length elements, as `ad`
 *
 * Since: 1.0
 */
GVariant *
mp_array_get_slice (MpArray  *self,
                    gsize     begin,
                    gsize     length,
                    GError  **error)
{
  g_return_val_if_fail (MP_IS_ARRAY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!check_whole (self, error) || !check_place (self, begin, length, error))
    return NULL;

  return mp_element_read_many (&self->element, get_place (self, begin), length);
}

/**
 * mp_array_set_slice:
 * @self: an array
 * @begin: the first element, from 0 on
 * @values: what they become: an array, as `ad`; sunk if it is floating
 * @error: return location for an error
 *
 * Replaces some elements. Slices follow each other, but others may see this one half
 * written: acquire the lock if they belong together.
 *
 * Fails as [method@Mp.Array.set_element] does.
 *
 * Returns: whether they were replaced
 *
 * Since: 1.0
 */
gboolean
mp_array_set_slice (MpArray   *self,
                    gsize      begin,
                    GVariant  *values,
                    GError   **error)
{
  g_autoptr (GVariant) sunk = NULL;
  MpWhole *whole;
  gsize length;

  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);
  g_return_val_if_fail (values != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  sunk = g_variant_ref_sink (values);
  if (!check_there (self, error) ||
      !mp_element_check_many (&self->element, sunk, &length, error) ||
      (whole = begin_slice (self, begin, length, error)) == NULL)
    return FALSE;

  mp_element_write_many (&self->element, sunk, get_place (self, begin));
  mp_whole_end (whole, length == self->length);
  return TRUE;
}

/**
 * mp_array_write:
 * @self: an array
 * @begin: the first element, from 0 on
 * @data: (array length=length): elements, as they are stored
 * @length: how many bytes: those of whole elements
 * @error: return location for an error
 *
 * Replaces some elements by bytes, as [method@Mp.Array.set_slice] does by values.
 *
 * Fails with %MP_ERROR_OUT_OF_RANGE if @length is no multiple of
 * [method@Mp.Array.get_element_size], and as [method@Mp.Array.set_slice] does.
 *
 * Returns: whether they were replaced
 *
 * Since: 1.0
 */
gboolean
mp_array_write (MpArray       *self,
                gsize          begin,
                const guint8  *data,
                gsize          length,
                GError       **error)
{
  MpWhole *whole;
  gsize n;

  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);
  g_return_val_if_fail (data != NULL || length == 0, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!check_there (self, error))
    return FALSE;

  n = length / self->element.size;
  if (n * self->element.size != length)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_OUT_OF_RANGE,
                   "%" G_GSIZE_FORMAT " bytes are no whole elements of %" G_GSIZE_FORMAT, length, self->element.size);
      return FALSE;
    }

  whole = begin_slice (self, begin, n, error);
  if (whole == NULL)
    return FALSE;

  if (length > 0)
    memcpy (get_place (self, begin), data, length);
  mp_whole_end (whole, n == self->length);
  return TRUE;
}

/* --- Numbers -------------------------------------------------------------- */

static inline gboolean
check_number (MpArray  *self,
              GError  **error)
{
  if (G_LIKELY (self->element.number != MP_NUMBER_NONE))
    return TRUE;

  if (check_there (self, error))
    g_set_error (error, MP_ERROR, MP_ERROR_WRONG_TYPE,
                 "Elements of the type \"%s\" are not numbers", self->element.type);
  return FALSE;
}

/**
 * mp_array_get_int64:
 * @self: an array of whole numbers
 * @index: which, from 0 on
 * @error: return location for an error
 *
 * Gets a number, faster than [method@Mp.Array.get_element] does. Of the type `t` the
 * bits are kept: what is beyond [const@GLib.MAXINT64] is negative here.
 *
 * Fails with %MP_ERROR_WRONG_TYPE if elements are no whole numbers, and as
 * [method@Mp.Array.get_element] does.
 *
 * Returns: the number, or 0 with the error set
 *
 * Since: 1.0
 */
gint64
mp_array_get_int64 (MpArray  *self,
                    gsize     index,
                    GError  **error)
{
  gint64 number = 0;
  guint64 word;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  if (check_number (self, error) && load (self, index, &word, error))
    mp_element_read_int64 (&self->element, &word, &number, error);

  return number;
}

/**
 * mp_array_set_int64:
 * @self: an array of whole numbers
 * @index: which, from 0 on
 * @number: what it becomes; of the type `t` its bits are meant
 * @error: return location for an error
 *
 * Replaces a number, faster than [method@Mp.Array.set_element] does.
 *
 * Fails with %MP_ERROR_WRONG_TYPE if elements are no whole numbers, with
 * %MP_ERROR_OUT_OF_RANGE if the number does not fit or there is no such element, and as
 * [method@Mp.Array.set_element] does.
 *
 * Returns: whether it was replaced
 *
 * Since: 1.0
 */
gboolean
mp_array_set_int64 (MpArray  *self,
                    gsize     index,
                    gint64    number,
                    GError  **error)
{
  guint64 word;

  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return check_number (self, error) &&
         mp_element_write_int64 (&self->element, number, &word, error) &&
         store (self, index, &word, error);
}

/**
 * mp_array_get_number:
 * @self: an array of numbers, or of booleans
 * @index: which, from 0 on
 * @error: return location for an error
 *
 * Gets a number, whatever type it has; a boolean is 0 or 1. For whoever only looks at it, or
 * has no other numbers: whole numbers beyond 2⁵³ are rounded.
 *
 * Fails with %MP_ERROR_WRONG_TYPE if elements are neither, and as
 * [method@Mp.Array.get_element] does.
 *
 * Returns: the number, or 0 with the error set
 *
 * Since: 1.0
 */
gdouble
mp_array_get_number (MpArray  *self,
                     gsize     index,
                     GError  **error)
{
  gdouble number = 0;
  guint64 word;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  if ((mp_element_is_boolean (&self->element) || check_number (self, error)) && load (self, index, &word, error))
    number = mp_element_read_number (&self->element, &word);

  return number;
}

/**
 * mp_array_get_double:
 * @self: an array of floating-point numbers
 * @index: which, from 0 on
 * @error: return location for an error
 *
 * Gets a number, faster than [method@Mp.Array.get_element] does.
 *
 * Fails with %MP_ERROR_WRONG_TYPE if elements are no floating-point numbers, and as
 * [method@Mp.Array.get_element] does.
 *
 * Returns: the number, or 0 with the error set
 *
 * Since: 1.0
 */
gdouble
mp_array_get_double (MpArray  *self,
                     gsize     index,
                     GError  **error)
{
  gdouble number = 0;
  guint64 word;

  g_return_val_if_fail (MP_IS_ARRAY (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  if (check_number (self, error) && load (self, index, &word, error))
    mp_element_read_double (&self->element, &word, &number, error);

  return number;
}

/**
 * mp_array_set_double:
 * @self: an array of floating-point numbers
 * @index: which, from 0 on
 * @number: what it becomes
 * @error: return location for an error
 *
 * Replaces a number, faster than [method@Mp.Array.set_element] does.
 *
 * Fails with %MP_ERROR_WRONG_TYPE if elements are no floating-point numbers, and as
 * [method@Mp.Array.set_element] does.
 *
 * Returns: whether it was replaced
 *
 * Since: 1.0
 */
gboolean
mp_array_set_double (MpArray  *self,
                     gsize     index,
                     gdouble   number,
                     GError  **error)
{
  guint64 word;

  g_return_val_if_fail (MP_IS_ARRAY (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return check_number (self, error) &&
         mp_element_write_double (&self->element, number, &word, error) &&
         store (self, index, &word, error);
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

  return get_layout (self, &me, error) != NULL ? (guintptr) self->contents.data : 0;
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

  if (get_layout (self, &me, error) == NULL)
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

  if (!check_whole (self, error))
    return NULL;

  copy = g_object_new (MP_TYPE_ARRAY, "element-type", self->element_type, "format", self->format,
                       "length", self->length, NULL);
  if (get_layout (copy, &me, error) == NULL)
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
