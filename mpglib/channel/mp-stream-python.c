/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-python-frame-private.h"
#include "mp-stream-format-private.h"

/* Messages of Python's multiprocessing: bytes, of which nothing tells what they are, and no word
 * at the end.
 */
#define CODEC "raw"

G_STATIC_ASSERT (MP_PYTHON_HEADER_MAX <= MP_STREAM_MAX_LEAD);

static gboolean
measure (const guint8  *data,
         gsize          size,
         guint64        max_body,
         guint64       *length,
         GError       **error)
{
  gsize header_size;

  if (!mp_python_header_decode (data, size, max_body, &header_size, length, error))
    return FALSE;

  *length = header_size > 0 ? header_size + *length : 0;
  return TRUE;
}

static gboolean
encode (MpParcel        *parcel,
        MpStreamRecord  *record,
        GError         **error)
{
  if (!mp_parcel_get_packet (parcel, &record->body, &record->body_size, error))
    return FALSE;

  record->owner = g_bytes_ref (parcel->body);
  record->lead_size = mp_python_header_encode (record->body_size, record->lead);
  return TRUE;
}

static gboolean
decode (const guint8  *data,
        gsize          size,
        MpPacket      *packet,
        GError       **error)
{
  gsize header_size;
  guint64 length;

  if (!mp_python_header_decode (data, size, G_MAXUINT64, &header_size, &length, error))
    return FALSE;

  *packet = (MpPacket) {
    .kind = MP_FRAME_MESSAGE,
    .codec = CODEC,
    .codec_length = sizeof CODEC - 1,
    .body_length = length,
    .body = data + header_size,
    .body_size = size - header_size,
  };
  return TRUE;
}

static gboolean
admit (MpParcel  *parcel,
       GError   **error)
{
  if (parcel->attachments != NULL)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE,
                   "Messages of Python's protocol are bytes, to which nothing can be attached; use mpglib's own "
                   "protocol");
      return FALSE;
    }

  if (parcel->codec == NULL || parcel->codec[0] == '=')
    {
      g_set_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC,
                   "Messages of Python's protocol are bytes, and no values; send bytes, or use mpglib's own protocol");
      return FALSE;
    }

  if (parcel->max_part != G_MAXSIZE)
    mp_parcel_set_max_part (parcel, G_MAXSIZE);
  return TRUE;
}

const MpStreamFormat mp_stream_format_python = {
  .measure = measure,
  .encode = encode,
  .decode = decode,
  .admit = admit,
  .has_bye = FALSE,
};
