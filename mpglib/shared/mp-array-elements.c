/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The elements of an array, one by one and several at a time. */

#include "config.h"

#include <string.h>

#include "mp-array-private.h"
#include "mp-error.h"
#include "mp-word-private.h"

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
  MpArrayLayout *layout = mp_array_get_layout (self, &me, error);

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
  if (G_UNLIKELY (!mp_array_check_whole (self, error)) || G_UNLIKELY (!check_place (self, index, 1, error)))
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
  MpArrayLayout *layout = mp_array_get_layout (self, &me, error);

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

  return G_LIKELY (self->element.size > 0) || mp_array_get_layout (self, &me, error) != NULL;
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

  if (!mp_array_check_whole (self, error) || !check_place (self, begin, length, error))
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
