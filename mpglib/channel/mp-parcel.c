/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-packet-private.h"
#include "mp-parcel-private.h"
#include "mp-variant-private.h"

/* Parts do not get smaller than this, however little a socket takes. */
#define MIN_PART 512

/* A body in a memfd takes none of the socket's buffer, so that nothing would
 * keep a sender from piling them up.  Its packet therefore carries bytes that
 * nobody looks at, in proportion to the body: the kernel makes the sender wait
 * when 200 kB of them (its usual buffer) have not been received, which is about
 * 54 MB of bodies, or four bodies.  It does that for all holders of an end
 * together, and whoever of them is killed; to count it here would take messages
 * that might reach another holder.
 */
#define POSTAGE_RATE 256

static const guint8 *
get_postage (void)
{
  /* Never written to: the kernel shows one page of zeros for all of it. */
  static guint8 postage[MP_PACKET_MAX_BODY];

  return postage;
}

/* What the receiver would refuse, and break the channel for, is not sent. */
static gboolean
check_codec (const char  *wire_codec,
             GError     **error)
{
  if (wire_codec[0] != '=' || mp_variant_check_type (wire_codec + 1, NULL))
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
               "A value of so long or so deeply nested a type cannot travel: \"%.40s…\"", wire_codec + 1);
  return FALSE;
}

static gboolean
pack_attachments (MpParcel   *self,
                  MpMessage  *message,
                  GError    **error)
{
  if (message == NULL)
    return TRUE;

  if (!mp_message_pack_attachments (message, &self->attachments, &self->fds, error))
    return FALSE;

  if (self->attachments != NULL)
    self->attachments_bytes = mp_variant_to_wire (self->attachments);
  return TRUE;
}

/*< private >
 * mp_parcel_new:
 *
 * Packs the attachments, which takes locks of theirs; fails as they do.
 *
 * Returns: (transfer full) (nullable): the parcel
 */
MpParcel *
mp_parcel_new (MpFrame  *frame,
               GError  **error)
{
  MpParcel *self = g_new0 (MpParcel, 1);

  self->payload = (MpPayload) MP_PAYLOAD_INIT;
  self->max_part = MP_PACKET_MAX_BODY;
  self->kind = (guint8) frame->kind;
  self->flags = frame->flags;
  self->serial = frame->serial;
  self->index = frame->index;
  self->name = g_strdup (frame->name);

  if (mp_frame_has_message (frame))
    {
      self->codec = g_strdup (mp_frame_get_wire_codec (frame));
      self->body = g_bytes_ref (mp_frame_get_body (frame));
      if (!check_codec (self->codec, error) || !pack_attachments (self, frame->message, error))
        {
          mp_parcel_free (self);
          return NULL;
        }
    }

  mp_parcel_set_form (self, mp_parcel_get_size (self) > MP_PACKET_MAX_BODY ? MP_PARCEL_LARGE
                                                                            : MP_PARCEL_INLINE);
  return self;
}

/*< private >
 * mp_parcel_free:
 *
 * Attachments that did not go are given back.
 */
void
mp_parcel_free (MpParcel *self)
{
  if (self->fds != NULL)
    {
      mp_message_discard_attachments (self->attachments, (int *) self->fds->data, self->fds->len);
      g_array_unref (self->fds);
    }

  mp_payload_clear (&self->payload);
  g_clear_pointer (&self->attachments, g_variant_unref);
  g_clear_pointer (&self->attachments_bytes, g_bytes_unref);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_free (self->name);
  g_free (self->codec);
  g_free (self->head);
  g_free (self);
}

static void
close_fds (MpParcel *self)
{
  if (self->fds != NULL)
    mp_fds_close ((int *) self->fds->data, self->fds->len);
  g_clear_pointer (&self->fds, g_array_unref);
}

/*< private >
 * mp_parcel_disown:
 *
 * The attachments are not this process's to give back.
 */
void
mp_parcel_disown (MpParcel *self)
{
  close_fds (self);
}

gsize
mp_parcel_get_size (MpParcel *self)
{
  return self->body != NULL ? g_bytes_get_size (self->body) : 0;
}

void
mp_parcel_set_form (MpParcel     *self,
                    MpParcelForm  form)
{
  gsize size = mp_parcel_get_size (self);

  self->form = form;
  g_clear_pointer (&self->head, g_free);
  if (form != MP_PARCEL_LARGE)
    mp_payload_clear (&self->payload);
  if (form == MP_PARCEL_LARGE)
    self->postage = MIN (MP_PACKET_MAX_BODY, size / POSTAGE_RATE);
  if (form == MP_PARCEL_PARTS)
    self->part_size = MIN (self->max_part, (size + 1) / 2);
}

/*< private >
 * mp_parcel_set_max_part:
 * @max_part: bytes of the body that a packet carries, on a channel where there are no memfds
 *
 * Before anything was sent.
 */
void
mp_parcel_set_max_part (MpParcel *self,
                        gsize     max_part)
{
  self->max_part = max_part;
  mp_parcel_set_form (self, mp_parcel_get_size (self) > max_part ? MP_PARCEL_PARTS : MP_PARCEL_INLINE);
}

/*< private >
 * mp_parcel_shrink:
 *
 * For sockets with a small buffer, which takes no packet as large as the last.
 *
 * Returns: whether the next one is smaller
 */
gboolean
mp_parcel_shrink (MpParcel *self)
{
  switch (self->form)
    {
    case MP_PARCEL_INLINE:
      if (mp_parcel_get_size (self) == 0)
        return FALSE;
      mp_parcel_set_form (self, MP_PARCEL_LARGE);
      return TRUE;

    case MP_PARCEL_LARGE:
      if (self->postage == 0)
        return FALSE;
      self->postage /= 2;
      return TRUE;

    case MP_PARCEL_PARTS:
      if (self->part_size / 2 < MIN_PART)
        return FALSE;
      self->part_size /= 2;
      return TRUE;

    case MP_PARCEL_ABANDONED:
    default:
      return FALSE;
    }
}

/*< private >
 * mp_parcel_fill:
 *
 * Copies the next slice of a large body, until its payload is sealed.  Fails as mp_payload_fill() does; then the body
 * may still go in parts.
 */
gboolean
mp_parcel_fill (MpParcel  *self,
                GError   **error)
{
  gsize size;
  const guint8 *bytes = g_bytes_get_data (self->body, &size);

  return mp_payload_fill (&self->payload, bytes, size, error);
}

static gboolean
encode_head (MpParcel *self,
             GError  **error)
{
  gboolean is_continuation = self->form == MP_PARCEL_ABANDONED || self->n_sent > 0;
  MpPacket packet = {
    .kind = self->kind,
    .flags = self->flags,
    .serial = self->serial,
    .index = is_continuation ? self->n_sent : self->index,
    .body_length = mp_parcel_get_size (self),
  };

  if (self->form == MP_PARCEL_LARGE)
    packet.flags |= MP_FRAME_LARGE;
  else if (self->form != MP_PARCEL_INLINE)
    packet.flags |= MP_FRAME_PART;

  if (!is_continuation)
    {
      packet.n_fds = self->fds != NULL ? (guint16) MIN (self->fds->len, G_MAXUINT16) : 0;
      packet.name = self->name;
      packet.name_length = self->name != NULL ? strlen (self->name) : 0;
      packet.codec = self->codec;
      packet.codec_length = self->codec != NULL ? strlen (self->codec) : 0;
      if (self->attachments_bytes != NULL)
        packet.attachments = g_bytes_get_data (self->attachments_bytes, &packet.attachments_length);
    }

  self->head = mp_packet_encode_head (&packet, &self->head_size, error);
  return self->head != NULL;
}

/*< private >
 * mp_parcel_get_packet:
 * @body: (out): the bytes that go behind the head
 *
 * Makes the next packet: `head`, and the bytes given back.  With it go the
 * memfd, if the form is LARGE, and `fds`.
 */
gboolean
mp_parcel_get_packet (MpParcel       *self,
                      const guint8  **body,
                      gsize          *body_size,
                      GError        **error)
{
  gsize size = mp_parcel_get_size (self);

  *body = NULL;
  *body_size = 0;
  if (self->form == MP_PARCEL_INLINE)
    *body_size = size;
  else if (self->form == MP_PARCEL_LARGE)
    *body_size = self->postage;
  else if (self->form == MP_PARCEL_PARTS)
    *body_size = MIN (size - self->n_sent, self->part_size);

  if (self->form == MP_PARCEL_LARGE)
    *body = get_postage ();
  else if (*body_size > 0)
    *body = (const guint8 *) g_bytes_get_data (self->body, NULL) + self->n_sent;

  return self->head != NULL || encode_head (self, error);
}

/*< private >
 * mp_parcel_packet_sent:
 *
 * The kernel has the packet, and with the first one the descriptors.
 *
 * Returns: whether it was the last one
 */
gboolean
mp_parcel_packet_sent (MpParcel *self,
                       gsize     body_size)
{
  g_clear_pointer (&self->head, g_free);
  self->n_sent += body_size;

  close_fds (self);

  return self->form != MP_PARCEL_PARTS || self->n_sent == mp_parcel_get_size (self);
}
