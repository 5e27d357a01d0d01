/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-assembly-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-payload-private.h"
#include "mp-variant-private.h"

static gboolean
refuse (GError     **error,
        const char  *what)
{
  g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "Refused a packet from the peer: %s", what);
  return FALSE;
}

gboolean
mp_assembly_is_open (MpAssembly *self)
{
  return self->frame != NULL;
}

/*< private >
 * mp_assembly_skip:
 *
 * A first part was lost: passes over the others.
 */
void
mp_assembly_skip (MpAssembly *self)
{
  mp_assembly_clear (self);
  self->is_skipping = TRUE;
}

void
mp_assembly_clear (MpAssembly *self)
{
  if (self->fds != NULL)
    {
      mp_message_discard_attachments (self->attachments, (int *) self->fds->data, self->fds->len);
      g_clear_pointer (&self->fds, g_array_unref);
    }

  g_clear_pointer (&self->frame, mp_frame_free);
  g_clear_pointer (&self->codec, g_free);
  g_clear_pointer (&self->attachments, g_variant_unref);
  g_clear_pointer (&self->body, g_byte_array_unref);
  self->body_length = 0;
}

static MpFrame *
new_frame (const MpPacket *packet)
{
  g_autofree char *name = NULL;
  MpFrame *frame;

  if (packet->name_length > 0)
    name = g_strndup (packet->name, packet->name_length);

  frame = mp_frame_new_take ((MpFrameKind) packet->kind, packet->serial, packet->index, name, NULL);
  frame->flags = packet->flags & ~(MpFrameFlags) (MP_FRAME_LARGE | MP_FRAME_PART);
  return frame;
}

/* Terminates the codec; what it says is checked by the message. */
static char *
dup_codec (const MpPacket  *packet,
           GError         **error)
{
  if (memchr (packet->codec, '\0', packet->codec_length) != NULL)
    {
      refuse (error, "its codec has a zero in it");
      return NULL;
    }

  return g_strndup (packet->codec, packet->codec_length);
}

static gboolean
decode_attachments (const MpPacket  *packet,
                    GVariant       **attachments,
                    GError         **error)
{
  g_autoptr (GBytes) bytes = NULL;

  *attachments = NULL;
  if (packet->attachments_length == 0)
    return TRUE;

  bytes = g_bytes_new (packet->attachments, packet->attachments_length);
  *attachments = mp_variant_from_wire (MP_MESSAGE_PACKED_TYPE, bytes, 0, error);
  return *attachments != NULL;
}

static gboolean
begin_parts (MpAssembly      *self,
             const MpPacket  *packet,
             int             *fds,
             guint            n_fds,
             GError         **error)
{
  if (self->frame != NULL || self->is_skipping)
    return refuse (error, "it begins a body while another one is not complete");

  self->frame = new_frame (packet);
  self->fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_array_append_vals (self->fds, fds, n_fds);
  for (guint i = 0; i < n_fds; i++)
    fds[i] = -1;

  self->codec = dup_codec (packet, error);
  if (self->codec == NULL || !decode_attachments (packet, &self->attachments, error))
    return FALSE;

  self->body_length = packet->body_length;
  self->body = g_byte_array_new ();
  g_byte_array_append (self->body, packet->body, (guint) packet->body_size);
  return TRUE;
}

static MpFrame *
finish_parts (MpAssembly  *self,
              GError     **error)
{
  g_autoptr (GBytes) body = g_byte_array_free_to_bytes (g_steal_pointer (&self->body));
  g_autoptr (GArray) fds = g_steal_pointer (&self->fds);
  g_autoptr (MpFrame) frame = g_steal_pointer (&self->frame);

  frame->message = mp_message_new_received (self->codec, body, self->attachments,
                                            (int *) fds->data, fds->len, error);
  mp_assembly_clear (self);

  return frame->message != NULL ? g_steal_pointer (&frame) : NULL;
}

/* A later part.  No frame and no error: more is to come, or nothing more. */
static gboolean
continue_parts (MpAssembly      *self,
                const MpPacket  *packet,
                MpFrame        **frame,
                GError         **error)
{
  if (self->is_skipping)
    {
      self->is_skipping = packet->body_size != 0 && packet->index + packet->body_size < packet->body_length;
      return TRUE;
    }

  if (self->frame == NULL || (guint) self->frame->kind != packet->kind ||
      self->frame->serial != packet->serial || self->body_length != packet->body_length ||
      self->body->len != packet->index)
    return refuse (error, "it continues a body that did not begin");

  if (packet->body_size == 0)
    {
      mp_assembly_clear (self);
      return TRUE;
    }

  g_byte_array_append (self->body, packet->body, (guint) packet->body_size);
  if (self->body->len < self->body_length)
    return TRUE;

  *frame = finish_parts (self, error);
  return *frame != NULL;
}

static GBytes *
get_body (const MpPacket  *packet,
          int              payload_fd,
          GError         **error)
{
  if ((packet->flags & MP_FRAME_LARGE) == 0)
    return g_bytes_new (packet->body, packet->body_size);

  return mp_payload_open (payload_fd, packet->body_length, error);
}

static MpFrame *
assemble_whole (MpAssembly      *self,
                const MpPacket  *packet,
                int             *fds,
                guint            n_fds,
                GError         **error)
{
  g_autoptr (MpFrame) frame = new_frame (packet);
  guint n_payloads = (packet->flags & MP_FRAME_LARGE) != 0 ? 1 : 0;
  g_autofree char *codec = NULL;
  g_autoptr (GVariant) attachments = NULL;
  g_autoptr (GBytes) body = NULL;

  if (packet->codec_length == 0)
    return g_steal_pointer (&frame);

  codec = dup_codec (packet, error);
  if (codec == NULL || !decode_attachments (packet, &attachments, error))
    return NULL;

  body = get_body (packet, n_fds > 0 ? fds[0] : -1, error);
  if (body == NULL)
    return NULL;

  if (self->is_raw && attachments == NULL)
    {
      if (!mp_message_check_wire_codec (codec, error))
        return NULL;

      frame->codec = g_steal_pointer (&codec);
      frame->body = g_steal_pointer (&body);
      return g_steal_pointer (&frame);
    }

  frame->message = mp_message_new_received (codec, body, attachments,
                                            fds + n_payloads, n_fds - n_payloads, error);
  return frame->message != NULL ? g_steal_pointer (&frame) : NULL;
}

/*< private >
 * mp_assembly_take_packet:
 * @packet: a decoded packet
 * @fds: (array length=n_fds): descriptors that came with it, as many as it says;
 *   those used are -1 afterwards
 * @frame: (out) (nullable): the frame, if the packet was its last one
 *
 * Fails with %MP_ERROR_CORRUPTED or %MP_ERROR_REFUSED for what no proper peer
 * sends, and with others if this process could not take what came.
 */
gboolean
mp_assembly_take_packet (MpAssembly      *self,
                         const MpPacket  *packet,
                         int             *fds,
                         guint            n_fds,
                         MpFrame        **frame,
                         GError         **error)
{
  *frame = NULL;

  if (mp_packet_is_continuation (packet))
    return continue_parts (self, packet, frame, error);

  if ((packet->flags & MP_FRAME_PART) != 0)
    return begin_parts (self, packet, fds, n_fds, error);

  *frame = assemble_whole (self, packet, fds, n_fds, error);
  return *frame != NULL;
}
