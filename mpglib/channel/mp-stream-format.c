/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-stream-format-private.h"

#include <string.h>

#include "mp-error.h"

#define LEAD_SIZE  8
#define MARK_SIZE  1
#define MAX_PACKET (MP_PACKET_MAX_HEAD + MP_STREAM_MAX_PART)

/* --- Records ----------------------------------------------------------------- */

/*< private >
 * mp_stream_record_clear:
 *
 * What has not gone of it does not go any more.
 */
void
mp_stream_record_clear (MpStreamRecord *self)
{
  g_free (self->head);
  g_clear_pointer (&self->owner, g_bytes_unref);
  *self = (MpStreamRecord) { 0 };
}

gsize
mp_stream_record_get_size (const MpStreamRecord *self)
{
  return self->lead_size + self->head_size + self->body_size + self->mark_size;
}

gboolean
mp_stream_record_is_open (const MpStreamRecord *self)
{
  return self->lead_size > 0;
}

static void
set_lead (MpStreamRecord *self)
{
  guint64 length = GUINT64_TO_LE ((guint64) (self->head_size + self->body_size));

  memcpy (self->lead, &length, LEAD_SIZE);
  self->lead_size = LEAD_SIZE;
  self->mark = MP_STREAM_MARK_WHOLE;
  self->mark_size = MARK_SIZE;
}

/*< private >
 * mp_stream_record_say_bye:
 *
 * Makes the last record of an end that is closed in order.
 */
void
mp_stream_record_say_bye (MpStreamRecord *self)
{
  MpPacket packet = { .kind = MP_FRAME_BYE };

  self->head = mp_packet_encode_head (&packet, &self->head_size, NULL);
  set_lead (self);
}

/* --- The native format ----------------------------------------------------------- */

static gboolean
refuse (GError     **error,
        const char  *what)
{
  g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "Refused a packet from the peer: %s", what);
  return FALSE;
}

static gboolean
measure (const guint8  *data,
         gsize          size,
         guint64        max_body,
         guint64       *length,
         GError       **error)
{
  guint64 packet_length;

  *length = 0;
  if (size < LEAD_SIZE)
    return TRUE;

  memcpy (&packet_length, data, LEAD_SIZE);
  packet_length = GUINT64_FROM_LE (packet_length);
  if (packet_length < MP_PACKET_HEADER_SIZE || packet_length > MAX_PACKET)
    return refuse (error, "it has a length that none has");

  *length = LEAD_SIZE + packet_length + MARK_SIZE;
  return TRUE;
}

static gboolean
encode (MpParcel        *parcel,
        MpStreamRecord  *record,
        GError         **error)
{
  if (!mp_parcel_get_packet (parcel, &record->body, &record->body_size, error))
    return FALSE;

  record->head = g_steal_pointer (&parcel->head);
  record->head_size = parcel->head_size;
  if (record->body_size > 0)
    record->owner = g_bytes_ref (parcel->body);
  set_lead (record);

  return TRUE;
}

static gboolean
check_packet (const MpPacket  *packet,
              GError         **error)
{
  if ((packet->flags & MP_FRAME_LARGE) != 0 || packet->n_fds > 0)
    return refuse (error, "it has descriptors, which do not travel here");

  if (packet->kind == MP_FRAME_SHARED)
    return refuse (error, "an end of a stream has one holder");

  return TRUE;
}

static gboolean
decode (const guint8  *data,
        gsize          size,
        MpPacket      *packet,
        GError       **error)
{
  guint8 mark = data[size - MARK_SIZE];

  if (mark == MP_STREAM_MARK_TAKEN_BACK)
    {
      *packet = (MpPacket) { 0 };
      return TRUE;
    }

  if (mark != MP_STREAM_MARK_WHOLE)
    return refuse (error, "it ends in a mark that is unknown");

  return mp_packet_decode_long (data + LEAD_SIZE, size - LEAD_SIZE - MARK_SIZE, MP_STREAM_MAX_PART, packet, error) &&
         check_packet (packet, error);
}

static gboolean
admit (MpParcel  *parcel,
       GError   **error)
{
  if (parcel->fds != NULL && parcel->fds->len > 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE,
                   "What is attached to the message is memory or a descriptor of this machine, which does not go over "
                   "a network; send a copy of what is in it, or use a unix socket");
      return FALSE;
    }

  if (mp_parcel_get_size (parcel) > MP_PACKET_MAX_PARTED)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                   "A message over a network has %d bytes at most, not %" G_GSIZE_FORMAT "; send it in pieces",
                   MP_PACKET_MAX_PARTED, mp_parcel_get_size (parcel));
      return FALSE;
    }

  if (parcel->form == MP_PARCEL_LARGE || parcel->max_part != MP_STREAM_MAX_PART)
    mp_parcel_set_max_part (parcel, MP_STREAM_MAX_PART);
  return TRUE;
}

const MpStreamFormat mp_stream_format_native = {
  .measure = measure,
  .encode = encode,
  .decode = decode,
  .admit = admit,
  .has_bye = TRUE,
};
