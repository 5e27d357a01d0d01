/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <math.h>

#include <glib.h>

G_BEGIN_DECLS

/* What is stored in a value or an array: bytes of a fixed number, which stand for a
 * GVariant of a type of fixed size.  They are what GVariant serialises in this machine's
 * byte order, which is what C has for numbers and structures of them; unless a format
 * names something that GVariant does not have:
 *
 *   format   stored       spoken
 *   b        gint8        n
 *   f        float        d
 *   c        a character  y
 *   u        gunichar     u
 */
typedef enum
{
  MP_NUMBER_NONE,
  MP_NUMBER_INT8,
  MP_NUMBER_UINT8,
  MP_NUMBER_INT16,
  MP_NUMBER_UINT16,
  MP_NUMBER_INT32,
  MP_NUMBER_UINT32,
  MP_NUMBER_INT64,
  MP_NUMBER_UINT64,
  MP_NUMBER_FLOAT,
  MP_NUMBER_DOUBLE,
} MpNumber;

typedef struct
{
  char    *type;     /* GVariant's */
  char    *format;   /* NULL: GVariant's */
  gsize    size;     /* bytes; 0: the element cannot be */
  MpNumber number;
  gboolean is_plain; /* any bytes are a value in normal form */
  GArray  *doubles;  /* where in it doubles lie, as guint16; NULL: nowhere */
} MpElement;

/* The largest. */
#define MP_ELEMENT_MAX_SIZE 4096

/* The bits of a NaN are anybody's, and there are languages, JavaScript is one, whose runtimes
 * take some of them for objects of their own.
 */
static inline gdouble
mp_double_forget_bits (gdouble number)
{
  return isnan (number) ? NAN : number;
}

gboolean  mp_element_init         (MpElement       *self,
                                   const char      *type,
                                   const char      *format,
                                   GError         **error);
void      mp_element_clear        (MpElement       *self);
GVariant *mp_element_read         (const MpElement *self,
                                   gconstpointer    bytes);
gboolean  mp_element_write        (const MpElement *self,
                                   GVariant        *value,
                                   gpointer         bytes,
                                   GError         **error);
GVariant *mp_element_read_many    (const MpElement *self,
                                   gconstpointer    bytes,
                                   gsize            n);
gboolean  mp_element_check_many   (const MpElement *self,
                                   GVariant        *values,
                                   gsize           *n,
                                   GError         **error);
void      mp_element_write_many   (const MpElement *self,
                                   GVariant        *values,
                                   gpointer         bytes);
gboolean  mp_element_read_int64   (const MpElement *self,
                                   gconstpointer    bytes,
                                   gint64          *number,
                                   GError         **error);
gboolean  mp_element_write_int64  (const MpElement *self,
                                   gint64           number,
                                   gpointer         bytes,
                                   GError         **error);
gboolean  mp_element_check_amount (const MpElement *self,
                                   gint64           amount,
                                   GError         **error);
void      mp_element_wrap_int64   (const MpElement *self,
                                   gint64           number,
                                   gpointer         bytes);
gboolean  mp_element_read_double  (const MpElement *self,
                                   gconstpointer    bytes,
                                   gdouble         *number,
                                   GError         **error);
static inline gboolean
mp_element_is_boolean (const MpElement *self)
{
  return self->size == 1 && self->type[0] == 'b';
}

gdouble   mp_element_read_number  (const MpElement *self,
                                   gconstpointer    bytes);
gboolean  mp_element_write_number (const MpElement *self,
                                   gdouble          number,
                                   gpointer         bytes,
                                   GError         **error);
gboolean  mp_element_write_double (const MpElement *self,
                                   gdouble          number,
                                   gpointer         bytes,
                                   GError         **error);

G_END_DECLS
