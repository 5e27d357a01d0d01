/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-discard-private.h"
#include "mp-error.h"
#include "mp-message-base-private.h"
#include "mp-variant-private.h"

/**
 * MpMessage:
 *
 * What travels between processes: a body, and the objects and file descriptors
 * attached to it.
 *
 * The body is either a [struct@GLib.Variant], which every language reads, or
 * bytes with the name of their codec (`raw`, `json`, `pickle5` …), which only a
 * receiver that knows the codec reads. A handle (`h`) in a GVariant body is the
 * index of an attachment:
 *
 * ```c
 * g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("(sh)", "log", 0));
 *
 * mp_message_attach (message, MP_SHAREABLE (connection));
 * mp_connection_send_message (other, message, -1, NULL, &error);
 * ```
 *
 * A message may be sent any number of times; what is attached is duplicated for
 * each receiver. It may be handed from thread to thread, but is used by one at
 * a time. A received one, such as the result of a pool's task, may be read by
 * several.
 *
 * Since: 1.0
 */

enum
{
  PROP_0,
  PROP_VALUE,
  PROP_PAYLOAD_BYTES,
  PROP_CODEC,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (MpMessage, mp_message, G_TYPE_OBJECT)

/*< private >
 * mp_message_is_codec_name:
 *
 * Returns: whether bytes may have a codec of that name
 */
gboolean
mp_message_is_codec_name (const char *name)
{
  gsize length = 0;

  /* Without GLib's table, a page that a forked child would have to look at for this */
  while ((name[length] >= 'a' && name[length] <= 'z') || (name[length] >= '0' && name[length] <= '9')
         || name[length] == '-' || name[length] == '.')
    length++;

  return length > 0 && length <= MP_MESSAGE_MAX_CODEC_LENGTH && name[length] == '\0' &&
         strcmp (name, "gvariant") != 0;
}

/* A message made of nothing says nothing: the empty maybe. */
static void
ensure_body (MpMessage *self)
{
  if (self->body == NULL && self->value == NULL) /* a received one has a body */
    self->value = mp_variant_ref_sound (g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL));
}

static void
mp_message_constructed (GObject *object)
{
  MpMessage *self = MP_MESSAGE (object);

  G_OBJECT_CLASS (mp_message_parent_class)->constructed (object);

  if (self->value != NULL && (self->body != NULL || self->codec != NULL))
    {
      g_critical ("A message has either a value, or bytes and a codec");
      g_clear_pointer (&self->body, g_bytes_unref);
      g_clear_pointer (&self->codec, g_free);
    }

  if (self->body != NULL && self->codec == NULL)
    self->codec = g_strdup ("raw");
}

static void
mp_message_finalize (GObject *object)
{
  MpMessage *self = MP_MESSAGE (object);

  g_clear_pointer (&self->attachments, g_ptr_array_unref);
  g_clear_pointer (&self->value, g_variant_unref);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_free (self->codec);
  g_free (self->wire_codec);

  G_OBJECT_CLASS (mp_message_parent_class)->finalize (object);
}

static void
mp_message_get_property (GObject    *object,
                         guint       prop_id,
                         GValue     *value,
                         GParamSpec *pspec)
{
  MpMessage *self = MP_MESSAGE (object);

  switch (prop_id)
    {
    case PROP_PAYLOAD_BYTES:
      g_value_set_boxed (value, mp_message_get_body_bytes (self));
      break;

    case PROP_CODEC:
      g_value_set_string (value, mp_message_get_codec (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_message_set_property (GObject      *object,
                         guint         prop_id,
                         const GValue *value,
                         GParamSpec   *pspec)
{
  MpMessage *self = MP_MESSAGE (object);
  const char *codec;

  switch (prop_id)
    {
    case PROP_VALUE:
      if (g_value_get_variant (value) != NULL)
        self->value = mp_variant_ref_sound (g_value_get_variant (value));
      break;

    case PROP_PAYLOAD_BYTES:
      self->body = g_value_dup_boxed (value);
      break;

    case PROP_CODEC:
      codec = g_value_get_string (value);
      g_return_if_fail (codec == NULL || mp_message_is_codec_name (codec));
      self->codec = g_strdup (codec);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_message_class_init (MpMessageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_message_constructed;
  object_class->finalize = mp_message_finalize;
  object_class->get_property = mp_message_get_property;
  object_class->set_property = mp_message_set_property;

  /**
   * MpMessage:value:
   *
   * The body as a GVariant, if it is to be one. Without it and
   * [property@Mp.Message:payload-bytes] the body is the empty maybe (`mv`), which stands
   * for None and null. Read it with [method@Mp.Message.get_value].
   *
   * Since: 1.0
   */
  properties[PROP_VALUE] =
    g_param_spec_variant ("value", NULL, NULL,
                          G_VARIANT_TYPE_ANY, NULL,
                          G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpMessage:payload-bytes:
   *
   * The body as bytes, if it is to be those, with [property@Mp.Message:codec]
   * naming what they are.
   *
   * Since: 1.0
   */
  properties[PROP_PAYLOAD_BYTES] =
    g_param_spec_boxed ("payload-bytes", NULL, NULL,
                        G_TYPE_BYTES,
                        G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpMessage:codec:
   *
   * The codec of the body: `gvariant`, or for bytes the name that was given with
   * them, by default `raw`. A name has 1 to 32 characters of `a` to `z`, `0` to
   * `9`, `-` and `.`.
   *
   * Since: 1.0
   */
  properties[PROP_CODEC] =
    g_param_spec_string ("codec", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_message_init (MpMessage *self)
{
}

/**
 * mp_message_new:
 * @value: (nullable): the body; %NULL is the empty maybe (`mv`). A floating
 *   reference is sunk.
 *
 * Makes a message with a GVariant for a body.
 *
 * Handles (`h`) in it are indices of attachments, as
 * [method@Mp.Message.attach] gives them. The receiver refuses types whose
 * string is longer than 255 bytes and values nested deeper than 64.
 *
 * Returns: (transfer full): the message
 *
 * Since: 1.0
 */
MpMessage *
mp_message_new (GVariant *value)
{
  MpMessage *self = g_object_new (MP_TYPE_MESSAGE, NULL);

  if (value != NULL)
    self->value = mp_variant_ref_sound (value);

  return self;
}

/**
 * mp_message_new_data:
 * @data: (array length=length) (nullable): the body
 * @length: its length in bytes
 * @codec: (nullable): the codec's name, as [property@Mp.Message:codec] says;
 *   %NULL is `raw`
 *
 * Makes a message with bytes for a body. They are copied.
 *
 * Returns: (transfer full): the message
 *
 * Since: 1.0
 */
MpMessage *
mp_message_new_data (const guint8 *data,
                     gsize         length,
                     const char   *codec)
{
  g_autoptr (GBytes) bytes = NULL;

  g_return_val_if_fail (data != NULL || length == 0, NULL);

  bytes = g_bytes_new (data, length);
  return mp_message_new_bytes (bytes, codec);
}

/**
 * mp_message_new_bytes:
 * @bytes: the body
 * @codec: (nullable): the codec's name, as [property@Mp.Message:codec] says;
 *   %NULL is `raw`
 *
 * Makes a message with bytes for a body. They are not copied.
 *
 * Returns: (transfer full): the message
 *
 * Since: 1.0
 */
MpMessage *
mp_message_new_bytes (GBytes     *bytes,
                      const char *codec)
{
  MpMessage *self;

  g_return_val_if_fail (bytes != NULL, NULL);
  g_return_val_if_fail (codec == NULL || mp_message_is_codec_name (codec), NULL);

  self = g_object_new (MP_TYPE_MESSAGE, NULL);
  self->body = g_bytes_ref (bytes);
  self->codec = g_strdup (codec != NULL ? codec : "raw");

  return self;
}

/* Of a received message.  Several threads may ask for the value of a result at
 * a time: one's is kept.
 */
static GVariant *
check_body (MpMessage  *self,
            GError    **error)
{
  GVariant *value = mp_variant_from_wire (self->wire_codec + 1, self->body, mp_message_get_n_attachments (self), error);

  if (value != NULL && !g_atomic_pointer_compare_and_exchange (&self->value, NULL, value))
    {
      g_variant_unref (value);
      value = g_atomic_pointer_get (&self->value);
    }
  return value;
}

/**
 * mp_message_get_value:
 * @self: a message
 * @error: return location for an error
 *
 * Gets a GVariant body. That of a received message is checked when it is first
 * asked for.
 *
 * Fails with %MP_ERROR_WRONG_CODEC when the body is bytes, and with
 * %MP_ERROR_CORRUPTED when the peer sent what is not a GVariant in normal form,
 * is nested too deeply, or has a handle without an attachment. The body can
 * still be read with [method@Mp.Message.get_payload] then.
 *
 * Returns: (transfer full): the value
 *
 * Since: 1.0
 */
GVariant *
mp_message_get_value (MpMessage  *self,
                      GError    **error)
{
  GVariant *value;

  g_return_val_if_fail (MP_IS_MESSAGE (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  ensure_body (self);

  value = g_atomic_pointer_get (&self->value);
  if (value == NULL && self->codec == NULL)
    value = check_body (self, error);
  else if (value == NULL)
    g_set_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC,
                 "The message holds bytes of the codec \"%s\", not a GVariant", self->codec);

  return value != NULL ? g_variant_ref (value) : NULL;
}

/*< private >
 * mp_message_open_taken:
 * @message_taken: (transfer full) (nullable): %NULL with the error set
 *
 * Returns: (transfer full): its value, as mp_message_get_value()
 */
GVariant *
mp_message_open_taken (MpMessage  *message_taken,
                       GError    **error)
{
  g_autoptr (MpMessage) message = message_taken;

  return message != NULL ? mp_message_get_value (message, error) : NULL;
}

/*< private >
 * mp_message_check_value:
 *
 * Costs a walk through a received GVariant that nobody has asked for yet, so not
 * to be done with a lock held that others need. Any thread may.
 *
 * Returns: whether the body is what it seems: %FALSE with %MP_ERROR_CORRUPTED for
 *   a GVariant that is none
 */
gboolean
mp_message_check_value (MpMessage  *self,
                        GError    **error)
{
  g_autoptr (GVariant) value = NULL;

  if (self->codec != NULL)
    return TRUE;

  value = mp_message_get_value (self, error);
  return value != NULL;
}

/**
 * mp_message_get_type_string:
 * @self: a message
 *
 * Gets the type of a GVariant body, without checking the body: together with
 * [method@Mp.Message.get_payload] it is what a decoder of another language
 * needs.
 *
 * Returns: (nullable): the type string, or %NULL for a body of bytes
 *
 * Since: 1.0
 */
const char *
mp_message_get_type_string (MpMessage *self)
{
  g_return_val_if_fail (MP_IS_MESSAGE (self), NULL);

  return self->codec == NULL ? mp_message_get_wire_codec (self) + 1 : NULL;
}

/**
 * mp_message_get_payload:
 * @self: a message
 * @length: (out): length in bytes
 *
 * Gets the body as bytes, whatever its codec: as they were given, or the
 * GVariant serialised, little-endian.
 *
 * In a received message these are the bytes that the peer sent, unchecked.
 *
 * Returns: (transfer none) (array length=length): the bytes, owned by the message;
 *   never %NULL
 *
 * Since: 1.0
 */
const guint8 *
mp_message_get_payload (MpMessage *self,
                        gsize     *length)
{
  const guint8 *data;

  g_return_val_if_fail (MP_IS_MESSAGE (self), NULL);
  g_return_val_if_fail (length != NULL, NULL);

  data = g_bytes_get_data (mp_message_get_body_bytes (self), length);
  return data != NULL ? data : (const guint8 *) "";
}

/**
 * mp_message_get_payload_bytes:
 * @self: a message
 *
 * Gets the body as bytes, like [method@Mp.Message.get_payload], without copying
 * them in any language.
 *
 * Returns: (transfer full): the bytes
 *
 * Since: 1.0
 */
GBytes *
mp_message_get_payload_bytes (MpMessage *self)
{
  g_return_val_if_fail (MP_IS_MESSAGE (self), NULL);

  return g_bytes_ref (mp_message_get_body_bytes (self));
}

/**
 * mp_message_get_codec:
 * @self: a message
 *
 * Gets the name of the body's codec, `gvariant` for a GVariant.
 *
 * Returns: the name
 *
 * Since: 1.0
 */
const char *
mp_message_get_codec (MpMessage *self)
{
  g_return_val_if_fail (MP_IS_MESSAGE (self), NULL);

  return self->codec != NULL ? self->codec : "gvariant";
}

/**
 * mp_message_to_string:
 * @self: a message
 *
 * Describes the message for people, without its contents. The form may change.
 *
 * Returns: (transfer full): the description
 *
 * Since: 1.0
 */
char *
mp_message_to_string (MpMessage *self)
{
  const char *type_string;
  GString *string;

  g_return_val_if_fail (MP_IS_MESSAGE (self), NULL);

  type_string = mp_message_get_type_string (self);
  string = g_string_new (NULL);
  g_string_printf (string, "<Mp.Message %s %" G_GSIZE_FORMAT " bytes",
                   type_string != NULL ? type_string : self->codec,
                   g_bytes_get_size (mp_message_get_body_bytes (self)));
  if (mp_message_get_n_attachments (self) > 0)
    g_string_append_printf (string, ", %u attached", mp_message_get_n_attachments (self));
  g_string_append_c (string, '>');

  return g_string_free (string, FALSE);
}

/*< private >
 * mp_message_check_wire_codec:
 * @wire_codec: what a peer sent
 *
 * Returns: whether it is a codec's name or a GVariant's type; else
 *   %MP_ERROR_CORRUPTED
 */
gboolean
mp_message_check_wire_codec (const char  *wire_codec,
                             GError     **error)
{
  if (wire_codec[0] == '=')
    return mp_variant_check_type (wire_codec + 1, error);

  if (mp_message_is_codec_name (wire_codec))
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "The peer sent a body without a proper codec");
  return FALSE;
}

const char *
mp_message_get_wire_codec (MpMessage *self)
{
  if (self->codec != NULL)
    return self->codec;

  ensure_body (self);
  if (self->wire_codec == NULL)
    self->wire_codec = g_strconcat ("=", g_variant_get_type_string (self->value), NULL);

  return self->wire_codec;
}

/*< private >
 * mp_message_get_body_bytes:
 *
 * Returns: (transfer none): the body as it travels
 */
GBytes *
mp_message_get_body_bytes (MpMessage *self)
{
  ensure_body (self);
  if (self->body == NULL)
    self->body = mp_variant_to_wire (self->value);

  return self->body;
}

/*< private >
 * mp_message_new_received:
 * @wire_codec: what the peer says the body is
 * @body: the body; does not change any more
 * @attachments: (nullable): a GVariant of %MP_MESSAGE_PACKED_TYPE, in normal form
 * @fds: (array length=n_fds): descriptors of the attachments: taken, also on
 *   failure
 *
 * Returns: (transfer full) (nullable): the message; or %MP_ERROR_CORRUPTED
 */
MpMessage *
mp_message_new_received (const char  *wire_codec,
                         GBytes      *body,
                         GVariant    *attachments,
                         int         *fds,
                         guint        n_fds,
                         GError     **error)
{
  g_autoptr (MpMessage) self = g_object_new (MP_TYPE_MESSAGE, NULL);
  gboolean is_sound;

  is_sound = mp_message_check_wire_codec (wire_codec, error);
  if (is_sound && attachments != NULL)
    is_sound = mp_message_take_attachments (self, attachments, fds, n_fds, error);
  else if (is_sound && n_fds > 0)
    {
      is_sound = FALSE;
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED,
                   "The peer sent file descriptors without an attachment");
    }

  mp_fds_discard (fds, n_fds);
  if (!is_sound)
    return NULL;

  if (wire_codec[0] == '=')
    self->wire_codec = g_strdup (wire_codec);
  else
    self->codec = g_strdup (wire_codec);
  self->body = g_bytes_ref (body);

  return g_steal_pointer (&self);
}
