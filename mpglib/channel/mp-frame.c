/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-frame-private.h"
#include "mp-parcel-private.h"

/*< private >
 * mp_frame_new:
 * @name: (nullable): copied
 * @message: (nullable): referenced
 */
MpFrame *
mp_frame_new (MpFrameKind  kind,
              guint64      serial,
              guint64      index,
              const char  *name,
              MpMessage   *message)
{
  return mp_frame_new_take (kind, serial, index, name,
                            message != NULL ? g_object_ref (message) : NULL);
}

MpFrame *
mp_frame_new_take (MpFrameKind  kind,
                   guint64      serial,
                   guint64      index,
                   const char  *name,
                   MpMessage   *message)
{
  MpFrame *frame = g_new0 (MpFrame, 1);

  frame->kind = kind;
  frame->serial = serial;
  frame->index = index;
  frame->name = g_strdup (name);
  frame->message = message;

  return frame;
}

/*< private >
 * mp_frame_new_raw:
 * @codec: (transfer full): in wire form, proper
 * @body: (transfer full): serialised, if the codec is a GVariant's type
 *
 * Makes a frame with a body and without the message around it, which costs as
 * much as all else together.
 */
MpFrame *
mp_frame_new_raw (MpFrameKind  kind,
                  char        *codec,
                  GBytes      *body)
{
  MpFrame *frame = mp_frame_new_take (kind, 0, 0, NULL, NULL);

  frame->codec = codec;
  frame->body = body;

  return frame;
}

/*< private >
 * mp_frame_free:
 *
 * What was prepared to be sent and was not is given back.
 */
void
mp_frame_free (MpFrame *frame)
{
  g_clear_pointer (&frame->parcel, mp_parcel_free);
  g_clear_object (&frame->message);
  g_clear_pointer (&frame->body, g_bytes_unref);
  g_free (frame->codec);
  g_free (frame->name);
  g_free (frame);
}

gboolean
mp_frame_has_message (const MpFrame *frame)
{
  return frame->message != NULL || frame->body != NULL;
}

/*< private >
 * mp_frame_get_wire_codec:
 *
 * Of a frame that has a message, raw or not.
 */
const char *
mp_frame_get_wire_codec (MpFrame *frame)
{
  return frame->message != NULL ? mp_message_get_wire_codec (frame->message) : frame->codec;
}

/*< private >
 * mp_frame_get_body:
 *
 * Returns: (transfer none): of a frame that has a message, raw or not
 */
GBytes *
mp_frame_get_body (MpFrame *frame)
{
  return frame->message != NULL ? mp_message_get_body_bytes (frame->message) : frame->body;
}

/*< private >
 * mp_frame_get_message:
 *
 * Returns: (transfer none): the message of a frame that has one, made of what is
 *   raw if need be
 */
MpMessage *
mp_frame_get_message (MpFrame *frame)
{
  if (frame->message == NULL)
    frame->message = mp_message_new_received (frame->codec, frame->body, NULL, NULL, 0, NULL);

  return frame->message;
}

gboolean
mp_frame_kind_is_known (guint kind)
{
  switch ((MpFrameKind) kind)
    {
    case MP_FRAME_MESSAGE:
    case MP_FRAME_SHARED:
    case MP_FRAME_BYE:
    case MP_FRAME_BOOTSTRAP:
    case MP_FRAME_HELLO:
    case MP_FRAME_FAILED:
    case MP_FRAME_FINISHED:
    case MP_FRAME_TASK:
    case MP_FRAME_RESULT:
    case MP_FRAME_ERROR:
    case MP_FRAME_PROGRESS:
    case MP_FRAME_CANCEL:
    case MP_FRAME_STOP:
    case MP_FRAME_WITHDRAWN:
      return TRUE;

    default:
      return FALSE;
    }
}

/*< private >
 * mp_frame_dup_value:
 * @type: the type that the kind of frame prescribes; may be indefinite
 *
 * Returns: (transfer full) (nullable): the frame's value; or %NULL with
 *   %MP_ERROR_CORRUPTED if it has none of that type
 */
GVariant *
mp_frame_dup_value (MpFrame             *frame,
                    const GVariantType  *type,
                    GError             **error)
{
  const char *type_string = NULL;

  if (frame->message != NULL)
    type_string = mp_message_get_type_string (frame->message);

  if (type_string == NULL || !g_variant_type_is_subtype_of (G_VARIANT_TYPE (type_string), type))
    {
      g_autofree char *wanted = g_variant_type_dup_string (type);

      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED,
                   "A frame of kind %u came with %s%s instead of a value of type %s",
                   (guint) frame->kind,
                   type_string != NULL ? "a value of type " : "no value",
                   type_string != NULL ? type_string : "", wanted);
      return NULL;
    }

  return mp_message_get_value (frame->message, error);
}
