/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-element-private.h"
#include "mp-error.h"
#include "mp-variant-private.h"

/* --- Kinds ---------------------------------------------------------------- */

static const struct
{
  char       format;
  const char *type;
  MpNumber   number;
  gsize      size;
} formats[] = {
  { 'b', "n", MP_NUMBER_INT8, sizeof (gint8) },
  { 'f', "d", MP_NUMBER_FLOAT, sizeof (float) },
  { 'c', "y", MP_NUMBER_UINT8, sizeof (guint8) },
  { 'u', "u", MP_NUMBER_UINT32, sizeof (guint32) },
};

static MpNumber
get_number (const char *type)
{
  static const char types[] = "ynqiuxtd";
  static const MpNumber numbers[] = {
    MP_NUMBER_UINT8, MP_NUMBER_INT16, MP_NUMBER_UINT16, MP_NUMBER_INT32, MP_NUMBER_UINT32,
    MP_NUMBER_INT64, MP_NUMBER_UINT64, MP_NUMBER_DOUBLE,
  };
  const char *found = strlen (type) == 1 ? strchr (types, type[0]) : NULL;

  return found != NULL ? numbers[found - types] : MP_NUMBER_NONE;
}

static gboolean
set_no_element (GError     **error,
                const char  *what,
                const char  *name,
                const char  *remedy)
{
  g_autofree char *escaped = g_strescape (name, NULL);

  g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
               "No shared memory for elements of the %s \"%.300s\": %s", what, escaped, remedy);
  return FALSE;
}

static gboolean
init_format (MpElement   *self,
             const char  *type,
             const char  *format,
             GError     **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      if (format[0] != formats[i].format || format[1] != '\0')
        continue;

      if (type != NULL && strcmp (type, formats[i].type) != 0)
        return set_no_element (error, "type", type, "those of that format have another");

      self->type = g_strdup (formats[i].type);
      self->format = g_strdup (format);
      self->number = formats[i].number;
      self->is_plain = TRUE;
      self->size = formats[i].size;
      return TRUE;
    }

  return set_no_element (error, "format", format, "formats are \"b\", \"c\", \"f\" and \"u\"; the others have a type");
}

/* In bytes from base on, where the whole begins.  Members of what has a fixed size are not
 * copied when they are asked for, so they lie where they are serialised.
 */
static void
find_doubles (GVariant      *value,
              const guint8  *base,
              GArray       **offsets)
{
  gsize n;
  guint16 offset;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    {
      offset = (guint16) ((const guint8 *) g_variant_get_data (value) - base);
      if (*offsets == NULL)
        *offsets = g_array_new (FALSE, FALSE, sizeof offset);
      g_array_append_val (*offsets, offset);
      return;
    }

  n = g_variant_is_container (value) ? g_variant_n_children (value) : 0;
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      find_doubles (child, base, offsets);
    }
}

static GArray *
get_doubles (const char *type,
             gsize       size)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (size), size);
  g_autoptr (GVariant) zero = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (type), bytes, TRUE));
  GArray *offsets = NULL;

  find_doubles (zero, g_variant_get_data (zero), &offsets);
  return offsets;
}

/*< private >
 * mp_element_init:
 * @self: (out caller-allocates): zero on failure
 * @type: (nullable): anything; %NULL: that of the format
 * @format: (nullable): anything; %NULL: GVariant's
 */
gboolean
mp_element_init (MpElement   *self,
                 const char  *type,
                 const char  *format,
                 GError     **error)
{
  g_autofree char *array_type = NULL;
  gsize size;

  memset (self, 0, sizeof *self);
  if (format != NULL)
    return init_format (self, type, format, error);

  if (type == NULL)
    type = "";

  size = mp_variant_get_fixed_size (type);
  if (size == 0 || size > MP_ELEMENT_MAX_SIZE)
    return set_no_element (error, "type", type,
                           "give a GVariant type of fixed size, such as \"d\", \"i\" or \"(dd)\"");

  array_type = g_strconcat ("a", type, NULL);
  self->type = g_strdup (type);
  self->number = get_number (type);
  self->is_plain = mp_variant_is_plain (array_type, size);
  self->size = size;
  self->doubles = get_doubles (type, size);
  return TRUE;
}

void
mp_element_clear (MpElement *self)
{
  g_clear_pointer (&self->type, g_free);
  g_clear_pointer (&self->format, g_free);
  g_clear_pointer (&self->doubles, g_array_unref);
  self->size = 0;
}

/* --- GVariants ------------------------------------------------------------ */

/* Where they differ from what GVariant serialises. */
static gboolean
is_converted (const MpElement *self)
{
  return self->format != NULL && (self->number == MP_NUMBER_INT8 || self->number == MP_NUMBER_FLOAT);
}

static void
forget_all_bits (const MpElement *self,
                 guint8          *bytes,
                 gsize            n)
{
  gdouble number;

  for (guint8 *end = bytes + n * self->size; self->doubles != NULL && bytes < end; bytes += self->size)
    for (guint i = 0; i < self->doubles->len; i++)
      {
        guint8 *place = bytes + g_array_index (self->doubles, guint16, i);

        memcpy (&number, place, sizeof number);
        number = mp_double_forget_bits (number);
        memcpy (place, &number, sizeof number);
      }
}

/* bytes: of n elements */
static GVariant *
make_sound (const MpElement    *self,
            const GVariantType *type,
            gconstpointer       bytes,
            gsize               n)
{
  guint8 *own = g_memdup2 (bytes, n * self->size);
  g_autoptr (GBytes) copy = g_bytes_new_take (own, n * self->size);
  g_autoptr (GVariant) value = NULL;

  forget_all_bits (self, own, n);
  value = g_variant_ref_sink (g_variant_new_from_bytes (type, copy, self->is_plain));

  return self->is_plain ? g_steal_pointer (&value) : g_variant_get_normal_form (value);
}

static void
store_sound (const MpElement *self,
             GVariant        *value,
             gpointer         bytes)
{
  g_autoptr (GVariant) sound = self->is_plain ? g_variant_ref (value) : g_variant_get_normal_form (value);

  /* GVariant stores nothing of which it does not know the size yet. */
  g_variant_get_size (sound);
  g_variant_store (sound, bytes);
}

static GVariant *
read_converted (const MpElement *self,
                gconstpointer    bytes)
{
  float number;

  if (self->number == MP_NUMBER_INT8)
    return g_variant_ref_sink (g_variant_new_int16 (*(const gint8 *) bytes));

  memcpy (&number, bytes, sizeof number);
  return g_variant_ref_sink (g_variant_new_double (mp_double_forget_bits (number)));
}

/*< private >
 * mp_element_read:
 * @bytes: nobody else's
 *
 * Returns: (transfer full): their value, in normal form whatever they are
 */
GVariant *
mp_element_read (const MpElement *self,
                 gconstpointer    bytes)
{
  if (self->number == MP_NUMBER_DOUBLE)
    return g_variant_ref_sink (g_variant_new_double (mp_double_forget_bits (*(const gdouble *) bytes)));

  if (self->number == MP_NUMBER_INT32)
    return g_variant_ref_sink (g_variant_new_int32 (*(const gint32 *) bytes));

  if (is_converted (self))
    return read_converted (self, bytes);

  return make_sound (self, G_VARIANT_TYPE (self->type), bytes, 1);
}

static gboolean
check_type (const char  *wanted,
            GVariant    *value,
            GError     **error)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE (wanted)))
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_WRONG_TYPE,
               "The value is of the type \"%.300s\", but has to be of the type \"%s\"",
               g_variant_get_type_string (value), wanted);
  return FALSE;
}

static gboolean
set_out_of_range (GError          **error,
                  const MpElement  *self,
                  gint64            number)
{
  g_set_error (error, MP_ERROR, MP_ERROR_OUT_OF_RANGE,
               "%" G_GINT64_FORMAT " does not fit into an element of %" G_GSIZE_FORMAT " bytes of the %s \"%s\"",
               number, self->size, self->format != NULL ? "format" : "type",
               self->format != NULL ? self->format : self->type);
  return FALSE;
}

/*< private >
 * mp_element_write:
 * @bytes: room for one
 */
gboolean
mp_element_write (const MpElement  *self,
                  GVariant         *value,
                  gpointer          bytes,
                  GError          **error)
{
  float number;

  if (!check_type (self->type, value, error))
    return FALSE;

  if (!is_converted (self))
    {
      store_sound (self, value, bytes);
      return TRUE;
    }

  if (self->number == MP_NUMBER_INT8)
    return mp_element_write_int64 (self, g_variant_get_int16 (value), bytes, error);

  number = (float) g_variant_get_double (value);
  memcpy (bytes, &number, sizeof number);
  return TRUE;
}

/* --- Many ----------------------------------------------------------------- */

static GVariant *
read_many_converted (const MpElement *self,
                     gconstpointer    bytes,
                     gsize            n)
{
  const gint8 *small = bytes;
  const float *floats = bytes;
  g_autoptr (GBytes) copy = NULL;
  gint16 *integers;
  gdouble *doubles;

  if (self->number == MP_NUMBER_INT8)
    {
      integers = g_new (gint16, n);
      for (gsize i = 0; i < n; i++)
        integers[i] = small[i];
      copy = g_bytes_new_take (integers, n * sizeof *integers);
      return g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE ("an"), copy, TRUE));
    }

  doubles = g_new (gdouble, n);
  for (gsize i = 0; i < n; i++)
    doubles[i] = mp_double_forget_bits (floats[i]);
  copy = g_bytes_new_take (doubles, n * sizeof *doubles);
  return g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE ("ad"), copy, TRUE));
}

/*< private >
 * mp_element_read_many:
 * @bytes: (transfer none): of @n elements; may be changed by others meanwhile
 *
 * Returns: (transfer full): an array of their values
 */
GVariant *
mp_element_read_many (const MpElement *self,
                      gconstpointer    bytes,
                      gsize            n)
{
  g_autofree char *type = g_strconcat ("a", self->type, NULL);

  if (is_converted (self))
    return read_many_converted (self, bytes, n);

  return make_sound (self, G_VARIANT_TYPE (type), bytes, n);
}

/*< private >
 * mp_element_check_many:
 * @values: an array
 * @n: (out): how many it has
 *
 * Returns: whether mp_element_write_many() can have them
 */
gboolean
mp_element_check_many (const MpElement  *self,
                       GVariant         *values,
                       gsize            *n,
                       GError          **error)
{
  g_autofree char *type = g_strconcat ("a", self->type, NULL);
  gsize length;

  if (!check_type (type, values, error))
    return FALSE;

  *n = g_variant_n_children (values);
  if (self->number != MP_NUMBER_INT8)
    return TRUE;

  for (gsize i = 0; i < *n; i++)
    {
      gint16 number = ((const gint16 *) g_variant_get_fixed_array (values, &length, sizeof number))[i];

      if (number < G_MININT8 || number > G_MAXINT8)
        return set_out_of_range (error, self, number);
    }

  return TRUE;
}

/*< private >
 * mp_element_write_many:
 * @values: from mp_element_check_many()
 * @bytes: room for them
 */
void
mp_element_write_many (const MpElement *self,
                       GVariant        *values,
                       gpointer         bytes)
{
  const gint16 *integers;
  const gdouble *doubles;
  gsize n;

  if (!is_converted (self))
    store_sound (self, values, bytes);
  else if (self->number == MP_NUMBER_INT8)
    {
      integers = g_variant_get_fixed_array (values, &n, sizeof *integers);
      for (gsize i = 0; i < n; i++)
        ((gint8 *) bytes)[i] = (gint8) integers[i];
    }
  else
    {
      doubles = g_variant_get_fixed_array (values, &n, sizeof *doubles);
      for (gsize i = 0; i < n; i++)
        ((float *) bytes)[i] = (float) doubles[i];
    }
}

/* --- Numbers -------------------------------------------------------------- */

static gboolean
set_no_number (GError          **error,
               const MpElement  *self,
               const char       *what)
{
  g_set_error (error, MP_ERROR, MP_ERROR_WRONG_TYPE,
               "An element of the type \"%s\" is not %s", self->type, what);
  return FALSE;
}

/*< private >
 * mp_element_read_int64:
 *
 * Numbers of 64 bits without a sign keep their bits.
 */
gboolean
mp_element_read_int64 (const MpElement  *self,
                       gconstpointer     bytes,
                       gint64           *number,
                       GError          **error)
{
  switch (self->number)
    {
    case MP_NUMBER_INT8:
      *number = *(const gint8 *) bytes;
      return TRUE;
    case MP_NUMBER_UINT8:
      *number = *(const guint8 *) bytes;
      return TRUE;
    case MP_NUMBER_INT16:
      *number = *(const gint16 *) bytes;
      return TRUE;
    case MP_NUMBER_UINT16:
      *number = *(const guint16 *) bytes;
      return TRUE;
    case MP_NUMBER_INT32:
      *number = *(const gint32 *) bytes;
      return TRUE;
    case MP_NUMBER_UINT32:
      *number = *(const guint32 *) bytes;
      return TRUE;
    case MP_NUMBER_INT64:
    case MP_NUMBER_UINT64:
      *number = *(const gint64 *) bytes;
      return TRUE;
    default:
      return set_no_number (error, self, "a whole number");
    }
}

/*< private >
 * mp_element_wrap_int64:
 *
 * What does not fit is cut off.  Does nothing with other elements.
 */
void
mp_element_wrap_int64 (const MpElement *self,
                       gint64           number,
                       gpointer         bytes)
{
  switch (self->number)
    {
    case MP_NUMBER_INT8:
    case MP_NUMBER_UINT8:
      *(guint8 *) bytes = (guint8) number;
      break;
    case MP_NUMBER_INT16:
    case MP_NUMBER_UINT16:
      *(guint16 *) bytes = (guint16) number;
      break;
    case MP_NUMBER_INT32:
    case MP_NUMBER_UINT32:
      *(guint32 *) bytes = (guint32) number;
      break;
    case MP_NUMBER_INT64:
    case MP_NUMBER_UINT64:
      *(gint64 *) bytes = number;
      break;
    default:
      break;
    }
}

/*< private >
 * mp_element_check_amount:
 *
 * Returns: whether one number can be so far from another
 */
gboolean
mp_element_check_amount (const MpElement  *self,
                         gint64            amount,
                         GError          **error)
{
  guint n_bits = 8 * (guint) self->size;

  return n_bits >= 64 || (amount > -((gint64) 1 << n_bits) && amount < (gint64) 1 << n_bits) ||
         set_out_of_range (error, self, amount);
}

gboolean
mp_element_write_int64 (const MpElement  *self,
                        gint64            number,
                        gpointer          bytes,
                        GError          **error)
{
  gint64 kept;

  mp_element_wrap_int64 (self, number, bytes);
  if (!mp_element_read_int64 (self, bytes, &kept, error))
    return FALSE;

  return kept == number || set_out_of_range (error, self, number);
}

gboolean
mp_element_read_double (const MpElement  *self,
                        gconstpointer     bytes,
                        gdouble          *number,
                        GError          **error)
{
  switch (self->number)
    {
    case MP_NUMBER_DOUBLE:
      *number = mp_double_forget_bits (*(const gdouble *) bytes);
      return TRUE;
    case MP_NUMBER_FLOAT:
      *number = mp_double_forget_bits (*(const float *) bytes);
      return TRUE;
    default:
      return set_no_number (error, self, "a floating-point number");
    }
}

/*< private >
 * mp_element_read_number:
 *
 * Returns: the number, rounded if it is a whole one beyond 2^53, or 0 or 1 of a boolean; 0 of
 *   elements that are neither
 */
gdouble
mp_element_read_number (const MpElement *self,
                        gconstpointer    bytes)
{
  gdouble number = 0;
  gint64 whole = 0;

  if (mp_element_is_boolean (self))
    return *(const guint8 *) bytes != 0;

  if (self->number == MP_NUMBER_DOUBLE || self->number == MP_NUMBER_FLOAT)
    {
      mp_element_read_double (self, bytes, &number, NULL);
      return number;
    }

  mp_element_read_int64 (self, bytes, &whole, NULL);
  return self->number == MP_NUMBER_UINT64 ? (gdouble) (guint64) whole : (gdouble) whole;
}

gboolean
mp_element_write_double (const MpElement  *self,
                         gdouble           number,
                         gpointer          bytes,
                         GError          **error)
{
  switch (self->number)
    {
    case MP_NUMBER_DOUBLE:
      *(gdouble *) bytes = number;
      return TRUE;
    case MP_NUMBER_FLOAT:
      *(float *) bytes = (float) number;
      return TRUE;
    default:
      return set_no_number (error, self, "a floating-point number");
    }
}

/* Not to the end: the doubles 2^63 and 2^64 are one more than whole numbers have. */
static gboolean
is_in_range (gdouble number,
             gdouble least,
             gdouble beyond)
{
  return number >= least && number < beyond;
}

/* As round() does, for which programs would need the library of mathematics. */
static gdouble
to_whole (gdouble number)
{
  gdouble whole;

  if (!is_in_range (number, -0x1p53, 0x1p53))    /* it is whole, or none */
    return number;

  whole = (gdouble) (gint64) number;
  if (number - whole >= 0.5)
    return whole + 1;

  return whole - number >= 0.5 ? whole - 1 : whole;
}

static gboolean
write_rounded (const MpElement  *self,
               gdouble           number,
               gpointer          bytes,
               GError          **error)
{
  gdouble whole = to_whole (number);

  if (self->number == MP_NUMBER_UINT64 && is_in_range (whole, 0, 0x1p64))
    return mp_element_write_int64 (self, (gint64) (guint64) whole, bytes, error);

  if (self->number != MP_NUMBER_UINT64 && is_in_range (whole, -0x1p63, 0x1p63))
    return mp_element_write_int64 (self, (gint64) whole, bytes, error);

  g_set_error (error, MP_ERROR, MP_ERROR_OUT_OF_RANGE,
               "The number %g does not fit into the type \"%s\"", number,
               self->format != NULL ? self->format : self->type);
  return FALSE;
}

/*< private >
 * mp_element_write_number:
 *
 * Writes what mp_element_read_number() reads: whole numbers are rounded, and a boolean is true unless
 * the number is 0.
 *
 * Returns: whether it fits
 */
gboolean
mp_element_write_number (const MpElement  *self,
                         gdouble           number,
                         gpointer          bytes,
                         GError          **error)
{
  if (mp_element_is_boolean (self))
    {
      *(guint8 *) bytes = number != 0;
      return TRUE;
    }

  if (self->number == MP_NUMBER_DOUBLE || self->number == MP_NUMBER_FLOAT)
    return mp_element_write_double (self, number, bytes, error);

  return write_rounded (self, number, bytes, error);
}
