/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-python-frame-private.h"

#include <string.h>

#include "mp-error.h"

#define SHORT_SIZE 4
#define LONG       (-1)

/*< private >
 * mp_python_header_encode:
 * @header: (out caller-allocates): %MP_PYTHON_HEADER_MAX bytes
 *
 * Returns: how many of them are the header
 */
gsize
mp_python_header_encode (guint64  length,
                         guint8  *header)
{
  gint32 first = GINT32_TO_BE (length > G_MAXINT32 ? LONG : (gint32) length);

  memcpy (header, &first, SHORT_SIZE);
  if (length <= G_MAXINT32)
    return SHORT_SIZE;

  length = GUINT64_TO_BE (length);
  memcpy (header + SHORT_SIZE, &length, sizeof length);

  return MP_PYTHON_HEADER_MAX;
}

static gboolean
refuse (GError     **error,
        const char  *what)
{
  g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "Refused a message of Python's protocol: %s", what);
  return FALSE;
}

/*< private >
 * mp_python_header_decode:
 * @data: what has come, from the first byte of the message on
 * @limit: how long a message may be
 * @header_size: (out): the size of the header, 0 if not all of it is there
 * @length: (out): the length of the body behind it
 *
 * Returns: whether it is a header, or may become one; else %MP_ERROR_CORRUPTED, or
 *   %MP_ERROR_TOO_BIG
 */
gboolean
mp_python_header_decode (const guint8  *data,
                         gsize          size,
                         guint64        limit,
                         gsize         *header_size,
                         guint64       *length,
                         GError       **error)
{
  gint32 first;

  *header_size = 0;
  *length = 0;
  if (size < SHORT_SIZE)
    return TRUE;

  memcpy (&first, data, SHORT_SIZE);
  first = GINT32_FROM_BE (first);
  if (first < LONG)
    return refuse (error, "its length is negative");
  if (first == LONG && size < MP_PYTHON_HEADER_MAX)
    return TRUE;

  *length = (guint64) first;
  if (first == LONG)
    {
      memcpy (length, data + SHORT_SIZE, sizeof *length);
      *length = GUINT64_FROM_BE (*length);
      if (*length <= G_MAXINT32)
        return refuse (error, "its length is written in the longer form without need");
    }

  if (*length > limit)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                   "A message of %" G_GUINT64_FORMAT " bytes was announced, and at most %" G_GUINT64_FORMAT
                   " are taken", *length, limit);
      return FALSE;
    }

  *header_size = first == LONG ? MP_PYTHON_HEADER_MAX : SHORT_SIZE;

  return TRUE;
}
