/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* A value that is a number. */

#include "config.h"

#include "mp-error.h"
#include "mp-value-private.h"

/* So that those that are no words are refused before any room is needed. */
static gboolean
check_number (MpValue  *self,
              GError  **error)
{
  guint64 unused = 0;

  if (G_LIKELY (self->element.number != MP_NUMBER_NONE))
    return TRUE;

  if (self->element.size == 0)
    return mp_value_load (self, &unused, error);

  g_set_error (error, MP_ERROR, MP_ERROR_WRONG_TYPE,
               "A shared value of the type \"%s\" is not a number", self->element.type);
  return FALSE;
}

/**
 * mp_value_get_int64:
 * @self: a value of a whole number
 * @error: return location for an error
 *
 * Gets the number, faster than [method@Mp.Value.get_value] does. Of the type `t` the
 * bits are kept: what is beyond [const@GLib.MAXINT64] is negative here.
 *
 * Fails with %MP_ERROR_WRONG_TYPE if the value is no whole number, and as
 * [method@Mp.Value.get_value] does.
 *
 * Returns: the number, or 0 with the error set
 *
 * Since: 1.0
 */
gint64
mp_value_get_int64 (MpValue  *self,
                    GError  **error)
{
  gint64 number = 0;
  guint64 word;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  if (check_number (self, error) && mp_value_load (self, &word, error))
    mp_element_read_int64 (&self->element, &word, &number, error);

  return number;
}

/**
 * mp_value_set_int64:
 * @self: a value of a whole number
 * @number: what it becomes; of the type `t` its bits are meant
 * @error: return location for an error
 *
 * Replaces the number, faster than [method@Mp.Value.set_value] does.
 *
 * Fails with %MP_ERROR_OUT_OF_RANGE if the number does not fit into the type, with
 * %MP_ERROR_WRONG_TYPE if that is not one of whole numbers, and as
 * [method@Mp.Value.get_value] does.
 *
 * Returns: whether it was replaced
 *
 * Since: 1.0
 */
gboolean
mp_value_set_int64 (MpValue  *self,
                    gint64    number,
                    GError  **error)
{
  guint64 word = 0;

  g_return_val_if_fail (MP_IS_VALUE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return check_number (self, error) &&
         mp_element_write_int64 (&self->element, number, &word, error) &&
         mp_value_store (self, &word, error);
}

/**
 * mp_value_get_number:
 * @self: a value of a number, or a boolean
 * @error: return location for an error
 *
 * Gets the number, whatever type it has; a boolean is 0 or 1. For whoever only looks at it,
 * as a label does, or has no other numbers: whole numbers beyond 2⁵³ are rounded.
 *
 * Fails with %MP_ERROR_WRONG_TYPE if the value is neither, and as
 * [method@Mp.Value.get_value] does.
 *
 * Returns: the number, or 0 with the error set
 *
 * Since: 1.0
 */
gdouble
mp_value_get_number (MpValue  *self,
                     GError  **error)
{
  gdouble number = 0;
  guint64 word;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  if ((mp_value_is_number (self) || check_number (self, error)) && mp_value_load (self, &word, error))
    number = mp_element_read_number (&self->element, &word);

  return number;
}

/**
 * mp_value_set_number:
 * @self: a value of a number, or a boolean
 * @number: what it becomes
 * @error: return location for an error
 *
 * Replaces the number, whatever type it has. Where that is one of whole numbers it is
 * rounded, halves away from 0; a boolean is true unless the number is 0.
 *
 * Fails with %MP_ERROR_OUT_OF_RANGE if the number does not fit into the type, and as
 * [method@Mp.Value.get_number] does.
 *
 * Returns: whether it was replaced
 *
 * Since: 1.0
 */
gboolean
mp_value_set_number (MpValue  *self,
                     gdouble   number,
                     GError  **error)
{
  guint64 word = 0;

  g_return_val_if_fail (MP_IS_VALUE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return (mp_value_is_number (self) || check_number (self, error)) &&
         mp_element_write_number (&self->element, number, &word, error) &&
         mp_value_store (self, &word, error);
}

/* sum: the word that the value became */
static gboolean
add_whole (MpValue  *self,
           gint64    amount,
           guint64  *sum,
           GError  **error)
{
  MpValueLayout *layout;
  gint64 number;
  guint64 seen;
  guint32 me;

  if (!check_number (self, error) ||
      !mp_element_check_amount (&self->element, amount, error) ||
      (layout = mp_shared_object_get (&self->shared, &me, error)) == NULL)
    return FALSE;

  seen = mp_word_get (&layout->words[0]);
  do
    {
      if (!mp_element_read_int64 (&self->element, &seen, &number, error))
        return FALSE;
      mp_element_wrap_int64 (&self->element, (gint64) ((guint64) number + (guint64) amount), sum);
    }
  while (!mp_word_replace (&layout->words[0], &seen, *sum));

  mp_bell_ring_after_exchange (self->shared.table, &layout->bell);
  return TRUE;
}

/**
 * mp_value_add_int64:
 * @self: a value of a whole number
 * @amount: what is added; may be negative
 * @error: return location for an error
 *
 * Adds to the number in one step, so that nothing is lost though many add at once and no
 * lock is held. A number that would be too large or too small begins again at the other
 * end, as numbers in C do.
 *
 * Fails with %MP_ERROR_OUT_OF_RANGE if no two numbers of the type are so far from each
 * other, with %MP_ERROR_WRONG_TYPE if the value is no whole number, and as
 * [method@Mp.Value.get_value] does.
 *
 * Returns: the sum, or 0 with the error set
 *
 * Since: 1.0
 */
gint64
mp_value_add_int64 (MpValue  *self,
                    gint64    amount,
                    GError  **error)
{
  guint64 sum = 0;
  gint64 number = 0;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  if (add_whole (self, amount, &sum, error))
    mp_element_read_int64 (&self->element, &sum, &number, NULL);

  return number;
}

/**
 * mp_value_add_whole:
 * @self: a value of a whole number
 * @amount: what is added; may be negative
 * @error: return location for an error
 *
 * Adds to the number as [method@Mp.Value.add_int64] does, and gives the sum as it is, of
 * the type `t` too, and to languages whose numbers have less than 64 bits.
 *
 * Fails as [method@Mp.Value.add_int64] does.
 *
 * Returns: (transfer full): the sum, of the type [property@Mp.Value:value-type]
 *
 * Since: 1.0
 */
GVariant *
mp_value_add_whole (MpValue  *self,
                    gint64    amount,
                    GError  **error)
{
  guint64 sum = 0;

  g_return_val_if_fail (MP_IS_VALUE (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return add_whole (self, amount, &sum, error) ? mp_element_read (&self->element, &sum) : NULL;
}

/**
 * mp_value_get_double:
 * @self: a value of a floating-point number
 * @error: return location for an error
 *
 * Gets the number, faster than [method@Mp.Value.get_value] does.
 *
 * Fails with %MP_ERROR_WRONG_TYPE if the value is no floating-point number, and as
 * [method@Mp.Value.get_value] does.
 *
 * Returns: the number, or 0 with the error set
 *
 * Since: 1.0
 */
gdouble
mp_value_get_double (MpValue  *self,
                     GError  **error)
{
  gdouble number = 0;
  guint64 word;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  if (check_number (self, error) && mp_value_load (self, &word, error))
    mp_element_read_double (&self->element, &word, &number, error);

  return number;
}

/**
 * mp_value_set_double:
 * @self: a value of a floating-point number
 * @number: what it becomes
 * @error: return location for an error
 *
 * Replaces the number, faster than [method@Mp.Value.set_value] does.
 *
 * Fails as [method@Mp.Value.get_double] does.
 *
 * Returns: whether it was replaced
 *
 * Since: 1.0
 */
gboolean
mp_value_set_double (MpValue  *self,
                     gdouble   number,
                     GError  **error)
{
  guint64 word = 0;

  g_return_val_if_fail (MP_IS_VALUE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return check_number (self, error) &&
         mp_element_write_double (&self->element, number, &word, error) &&
         mp_value_store (self, &word, error);
}

/**
 * mp_value_add_double:
 * @self: a value of a floating-point number
 * @amount: what is added; may be negative
 * @error: return location for an error
 *
 * Adds to the number in one step, as [method@Mp.Value.add_int64] does.
 *
 * Fails as [method@Mp.Value.get_double] does.
 *
 * Returns: the sum, or 0 with the error set
 *
 * Since: 1.0
 */
gdouble
mp_value_add_double (MpValue  *self,
                     gdouble   amount,
                     GError  **error)
{
  MpValueLayout *layout;
  gdouble number = 0;
  guint64 seen, sum = 0;
  guint32 me;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  if (!check_number (self, error) || (layout = mp_shared_object_get (&self->shared, &me, error)) == NULL)
    return 0;

  seen = mp_word_get (&layout->words[0]);
  do
    if (!mp_element_read_double (&self->element, &seen, &number, error) ||
        !mp_element_write_double (&self->element, number + amount, &sum, error))
      return 0;
  while (!mp_word_replace (&layout->words[0], &seen, sum));

  mp_bell_ring_after_exchange (self->shared.table, &layout->bell);
  mp_element_read_double (&self->element, &sum, &number, NULL);
  return number;
}
