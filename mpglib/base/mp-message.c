/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-discard-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-message-private.h"
#include "mp-patience-private.h"
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

/* Attached here: an object or a descriptor.  Received: packed (kind,
 * description, descriptors), until somebody asks for it or the message goes.
 * Borrowed: another message has it.
 */
typedef struct
{
  gboolean is_fd;
  gboolean is_hold;      /* packed, and lies in shared memory */
  gint was_asked_for;    /* a descriptor; atomic */
  MpShareable *object;
  MpUnpacking *unpacking; /* NULL unless packed */
  char *kind;            /* NULL unless packed */
  GVariant *description; /* NULL unless packed */
  int *fds;
  guint n_fds;
  MpMessage *lender;     /* NULL unless borrowed */
  guint lender_index;
} MpAttachment;

struct _MpMessage
{
  GObject parent_instance;

  char *codec;            /* name of the codec; NULL for a GVariant */
  char *wire_codec;       /* "=TYPE", made when needed; NULL for other codecs */
  GVariant *value;        /* checked, if received; NULL until asked for */
  GBytes *body;           /* serialised; NULL until asked for */
  GPtrArray *attachments; /* of MpAttachment; NULL while there are none */
  guint n_unpacked;       /* those before were asked for, or were in the way; of who has their unpacking */
};

/* At once: it takes some milliseconds. */
#define MOST_HELD 4096

/* The kind of a plain descriptor, which is no object. */
#define KIND_FD "fd"

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

static MpAttachment *
mp_attachment_new (MpShareable *object)
{
  MpAttachment *self = g_new0 (MpAttachment, 1);

  self->is_fd = object == NULL;
  self->object = object != NULL ? g_object_ref (object) : NULL;
  return self;
}

/* Takes the descriptors out of `fds`. */
static MpAttachment *
mp_attachment_new_packed (MpUnpacking *unpacking,
                          const char  *kind,
                          GVariant    *description,
                          int         *fds,
                          guint        n_fds)
{
  MpAttachment *self = mp_attachment_new (NULL);

  self->unpacking = mp_unpacking_ref (unpacking);
  self->is_hold = mp_shareable_is_hold (kind);
  if (self->is_hold)
    mp_unpacking_expect (unpacking);
  self->is_fd = g_str_equal (kind, KIND_FD);
  self->kind = g_strdup (kind);
  self->description = g_variant_ref (description);
  self->n_fds = n_fds;
  self->fds = g_new (int, n_fds);
  for (guint i = 0; i < n_fds; i++)
    {
      self->fds[i] = fds[i];
      fds[i] = -1;
    }
  return self;
}

/* Makes the object that was packed by the peer.  A failure leaves it packed,
 * without the descriptors that the maker had taken already.
 */
static gboolean
mp_attachment_unpack (MpAttachment *self,
                      GError      **error)
{
  MpShareable *object;

  if (self->object != NULL)
    return TRUE;

  object = mp_shareable_unpack (self->unpacking, self->kind, self->description, self->fds, self->n_fds, error);
  g_atomic_pointer_set (&self->object, object);
  if (object == NULL)
    return FALSE;

  if (self->is_hold)
    mp_unpacking_note_made (self->unpacking);
  return TRUE;
}

/* Nobody wanted it.  Making and dropping the object tells its other holders that
 * this one is gone, where closing a descriptor alone would look like a death; to those
 * of a descriptor nobody tells anything.
 */
static void
mp_attachment_drop (MpAttachment *self)
{
  mp_unpacking_drop (self->unpacking);
  if (self->object == NULL && self->n_fds > 0 && !g_str_equal (self->kind, MP_DESCRIPTOR_KIND))
    mp_attachment_unpack (self, NULL);
  g_clear_object (&self->object);
}

static void
mp_attachment_free (MpAttachment *self)
{
  /* All attachments of a message go at once, and share its patience; no other thread has them. */
  if (self->unpacking != NULL && !self->is_fd && mp_unpacking_begin (self->unpacking, NULL))
    {
      mp_attachment_drop (self);
      mp_unpacking_end (self->unpacking);
    }

  /* What was attached here, or given to somebody, is theirs, and stays as they made it. */
  if (self->kind != NULL && !g_atomic_int_get (&self->was_asked_for))
    mp_fds_discard (self->fds, self->n_fds);
  else
    mp_fds_close (self->fds, self->n_fds);
  g_clear_object (&self->object);
  g_clear_pointer (&self->description, g_variant_unref);
  g_clear_pointer (&self->unpacking, mp_unpacking_unref);
  g_clear_object (&self->lender);
  g_free (self->kind);
  g_free (self->fds);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpAttachment, mp_attachment_free)

static guint
add_attachment_take (MpMessage    *self,
                     MpAttachment *attachment)
{
  if (self->attachments == NULL)
    self->attachments = g_ptr_array_new_with_free_func ((GDestroyNotify) mp_attachment_free);

  g_ptr_array_add (self->attachments, attachment);
  return self->attachments->len - 1;
}

static MpAttachment *
get_attachment (MpMessage  *self,
                guint       index,
                GError    **error)
{
  if (self->attachments != NULL && index < self->attachments->len)
    return g_ptr_array_index (self->attachments, index);

  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "The message has no attachment %u", index);
  return NULL;
}

/* Of an attachment that is one. */
static int
get_fd (MpAttachment *attachment)
{
  while (attachment->lender != NULL)
    attachment = g_ptr_array_index (attachment->lender->attachments, attachment->lender_index);

  g_atomic_int_set (&attachment->was_asked_for, TRUE);
  return attachment->fds[0];
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

/**
 * mp_message_attach:
 * @self: a message
 * @object: what the receiver is to get
 *
 * Attaches an object. The message holds a reference; what the receiver gets is
 * made when the message is sent, and stands for the same thing. If the object was
 * closed by then, sending fails with %MP_ERROR_INVALID_STATE.
 *
 * Returns: the index, for a handle (`h`) in the body and for
 *   [method@Mp.Message.get_attachment]
 *
 * Since: 1.0
 */
guint
mp_message_attach (MpMessage   *self,
                   MpShareable *object)
{
  g_return_val_if_fail (MP_IS_MESSAGE (self), 0);
  g_return_val_if_fail (MP_IS_SHAREABLE (object), 0);

  return add_attachment_take (self, mp_attachment_new (object));
}

/**
 * mp_message_attach_fd:
 * @self: a message
 * @fd: an open file descriptor
 * @error: return location for an error
 *
 * Attaches a file descriptor. The message holds a duplicate, so that the
 * caller's may be closed at once.
 *
 * Fails with %MP_ERROR_TOO_BIG when this process has no more descriptors and
 * with %MP_ERROR_FAILED when @fd is not open; the message is as before then.
 *
 * Returns: the index, for a handle (`h`) in the body and for
 *   [method@Mp.Message.get_attached_fd]; -1 on failure
 *
 * Since: 1.0
 */
int
mp_message_attach_fd (MpMessage  *self,
                      int         fd,
                      GError    **error)
{
  MpAttachment *attachment;
  int duplicate;

  g_return_val_if_fail (MP_IS_MESSAGE (self), -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  duplicate = mp_fd_duplicate (fd, error);
  if (duplicate < 0)
    return -1;

  attachment = mp_attachment_new (NULL);
  attachment->fds = g_memdup2 (&duplicate, sizeof duplicate);
  attachment->n_fds = 1;

  return (int) add_attachment_take (self, attachment);
}

/**
 * mp_message_get_n_attachments:
 * @self: a message
 *
 * Gets the number of attachments, objects and descriptors together.
 *
 * Returns: the number
 *
 * Since: 1.0
 */
guint
mp_message_get_n_attachments (MpMessage *self)
{
  g_return_val_if_fail (MP_IS_MESSAGE (self), 0);

  return self->attachments != NULL ? self->attachments->len : 0;
}

/* In their order: see MpPacking.  What is wrong with one of them is told to who asks
 * for that one.
 */
static void
unpack_before (MpMessage *self,
               guint      index)
{
  for (; self->n_unpacked < index; self->n_unpacked++)
    {
      MpAttachment *attachment = g_ptr_array_index (self->attachments, self->n_unpacked);

      if (!attachment->is_fd)
        mp_attachment_unpack (attachment, NULL);
    }
}

/* Several threads may have one result of a pool, and ask for what is attached at a time.
 *
 * Returns: (transfer none) (nullable): the object, which stays the attachment's
 */
static MpShareable *
make_attachment (MpMessage  *self,
                 guint       index,
                 GError    **error)
{
  MpAttachment *attachment = g_ptr_array_index (self->attachments, index);
  MpShareable *object = g_atomic_pointer_get (&attachment->object);

  if (object != NULL)
    return object;

  if (attachment->lender != NULL)
    return make_attachment (attachment->lender, attachment->lender_index, error);

  if (!mp_unpacking_begin (attachment->unpacking, error))
    return NULL;

  unpack_before (self, index);
  mp_attachment_unpack (attachment, error);
  object = attachment->object;
  mp_unpacking_end (attachment->unpacking);

  return object;
}

/*< private >
 * mp_message_hold_attachments:
 *
 * Makes what is in shared memory now, so that it stays there even if the sender does not.
 * What is wrong with it is told to who asks for it; who asks makes the rest, too, if somebody
 * has sent more than anybody has use for.
 *
 * Returns: %FALSE if something of it was in other hands just now, so that it has to be tried again
 */
gboolean
mp_message_hold_attachments (MpMessage *self)
{
  guint n_attachments = mp_message_get_n_attachments (self);
  guint n = MIN (n_attachments, MOST_HELD);
  MpUnpacking *unpacking = NULL;
  gboolean is_busy = FALSE;

  for (guint i = 0; i < n; i++)
    {
      MpAttachment *attachment = g_ptr_array_index (self->attachments, i);
      g_autoptr (GError) error = NULL;

      if (!attachment->is_hold)
        continue;

      /* All have the same. */
      if (unpacking == NULL && !mp_unpacking_begin (attachment->unpacking, NULL))
        return FALSE;

      unpacking = attachment->unpacking;
      if (!mp_attachment_unpack (attachment, &error))
        is_busy |= g_error_matches (error, MP_ERROR, MP_ERROR_TIMED_OUT);
    }

  if (unpacking != NULL)
    mp_unpacking_end (unpacking);
  return !is_busy;
}

/**
 * mp_message_get_attachment:
 * @self: a message
 * @index: an index, as in a handle (`h`) of the body
 * @error: return location for an error
 *
 * Gets an attached object. In a received message it is made when first asked
 * for; asking again gives the same object.
 *
 * Fails with %MP_ERROR_INVALID_STATE when there is no attachment @index or it
 * is a plain descriptor, %MP_ERROR_NOT_SUPPORTED when this library knows no
 * such objects, %MP_ERROR_CORRUPTED when what the peer sent does not make
 * one, and %MP_ERROR_TIMED_OUT when a process that changes the same shared
 * memory does not come to its end, because it is stopped; it may be asked for
 * again then.
 *
 * Several threads may call it at a time.
 *
 * Returns: (transfer full): the object
 *
 * Since: 1.0
 */
MpShareable *
mp_message_get_attachment (MpMessage  *self,
                           guint       index,
                           GError    **error)
{
  MpAttachment *attachment;
  MpShareable *object;

  g_return_val_if_fail (MP_IS_MESSAGE (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  attachment = get_attachment (self, index, error);
  if (attachment == NULL)
    return NULL;

  if (attachment->is_fd)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                   "Attachment %u is a file descriptor, not an object", index);
      return NULL;
    }

  object = make_attachment (self, index, error);
  return object != NULL ? g_object_ref (object) : NULL;
}

/**
 * mp_message_get_attached_fd:
 * @self: a message
 * @index: an index, as in a handle (`h`) of the body
 * @error: return location for an error
 *
 * Gets a duplicate of an attached file descriptor, closed on exec. The caller
 * closes it; the message keeps its own until it is dropped.
 *
 * Fails with %MP_ERROR_INVALID_STATE when there is no attachment @index or it
 * is an object, and with %MP_ERROR_TOO_BIG when this process has no more
 * descriptors.
 *
 * Returns: the descriptor, or -1
 *
 * Since: 1.0
 */
int
mp_message_get_attached_fd (MpMessage  *self,
                            guint       index,
                            GError    **error)
{
  MpAttachment *attachment;

  g_return_val_if_fail (MP_IS_MESSAGE (self), -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  attachment = get_attachment (self, index, error);
  if (attachment == NULL)
    return -1;

  if (!attachment->is_fd)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                   "Attachment %u is an object, not a file descriptor", index);
      return -1;
    }

  return mp_fd_duplicate (get_fd (attachment), error);
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

/* Hands each description its share of the descriptors. */
static gboolean
take_attachments (MpMessage  *self,
                  GVariant   *attachments,
                  int        *fds,
                  guint       n_fds,
                  GError    **error)
{
  g_autoptr (MpUnpacking) unpacking = mp_unpacking_new ();
  GVariantIter iter;
  const char *kind;
  guint32 n_own, used = 0;
  GVariant *packed;

  g_variant_iter_init (&iter, attachments);
  while (g_variant_iter_loop (&iter, "(&su@v)", &kind, &n_own, &packed))
    {
      g_autoptr (GVariant) description = g_variant_get_variant (packed);

      if (n_own > n_fds - used || (strcmp (kind, KIND_FD) == 0 && n_own != 1))
        {
          g_variant_unref (packed);
          g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED,
                       "The peer sent an attachment without its file descriptors");
          return FALSE;
        }

      add_attachment_take (self, mp_attachment_new_packed (unpacking, kind, description, fds + used, n_own));
      used += n_own;
    }

  if (used != n_fds)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED,
                   "The peer sent file descriptors without an attachment");
      return FALSE;
    }

  return TRUE;
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
    is_sound = take_attachments (self, attachments, fds, n_fds, error);
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

/*< private >
 * mp_message_share_attachments:
 * @self: a message without attachments
 *
 * Makes the attachments of @other those of @self too: messages that are parts
 * of one, with handles that mean the same in all of them.
 */
void
mp_message_share_attachments (MpMessage *self,
                              MpMessage *other)
{
  g_assert (self->attachments == NULL);

  if (other->attachments != NULL)
    self->attachments = g_ptr_array_ref (other->attachments);
}

/*< private >
 * mp_message_borrow_attachments:
 * @self: a message that is made of several
 * @other: one of them, to which nothing is attached any more
 *
 * Adds the attachments of @other to those that @self has.  They are made when
 * somebody asks either for them.
 */
void
mp_message_borrow_attachments (MpMessage *self,
                               MpMessage *other)
{
  for (guint i = 0; i < mp_message_get_n_attachments (other); i++)
    {
      MpAttachment *attachment = mp_attachment_new (NULL);

      attachment->is_fd = ((MpAttachment *) g_ptr_array_index (other->attachments, i))->is_fd;
      attachment->lender = g_object_ref (other);
      attachment->lender_index = i;
      add_attachment_take (self, attachment);
    }
}

static GVariant *
pack_attachment (MpMessage  *self,
                 guint       index,
                 MpPacking  *packing,
                 GError    **error)
{
  MpAttachment *attachment = g_ptr_array_index (self->attachments, index);
  MpPatience none = MP_PATIENCE_SPENT;
  int duplicate;

  if (!attachment->is_fd)
    {
      MpShareable *object;

      mp_patience_begin (&none);
      object = make_attachment (self, index, error);
      mp_patience_end (&none);

      return object != NULL ? mp_shareable_pack (object, packing, error) : NULL;
    }

  duplicate = mp_fd_duplicate (get_fd (attachment), error);
  if (duplicate < 0)
    return NULL;

  g_array_append_val (packing->fds, duplicate);
  return g_variant_new ("(suv)", KIND_FD, 1, g_variant_new ("()"));
}

/*< private >
 * mp_message_unpack:
 *
 * Makes all that is attached to a received message, for who will pack it again, with a lock
 * perhaps.  What cannot be made is found out by packing it.
 */
void
mp_message_unpack (MpMessage *self)
{
  for (guint i = 0; i < mp_message_get_n_attachments (self); i++)
    if (!((MpAttachment *) g_ptr_array_index (self->attachments, i))->is_fd)
      make_attachment (self, i, NULL);
}

/*< private >
 * mp_message_pack_attachments:
 * @descriptions: (out) (nullable): a GVariant of %MP_MESSAGE_PACKED_TYPE, not
 *   floating; %NULL if nothing is attached
 * @fds: (out) (nullable) (element-type int): duplicates of their descriptors
 *
 * Packed attachments already count as held by somebody else: they must be sent,
 * or given back with mp_message_discard_attachments().
 *
 * May be called with a lock, so it does not wait for what is still packed: see mp_message_unpack().
 *
 * Returns: whether all attachments can be shared
 */
gboolean
mp_message_pack_attachments (MpMessage  *self,
                             GVariant  **descriptions,
                             GArray    **fds,
                             GError    **error)
{
  MpPacking packing;
  GVariantBuilder builder;
  guint i;

  *descriptions = NULL;
  *fds = NULL;
  if (mp_message_get_n_attachments (self) == 0)
    return TRUE;

  mp_packing_init (&packing);
  g_variant_builder_init (&builder, G_VARIANT_TYPE (MP_MESSAGE_PACKED_TYPE));
  for (i = 0; i < self->attachments->len; i++)
    {
      GVariant *packed = pack_attachment (self, i, &packing, error);

      if (packed == NULL)
        break;
      g_variant_builder_add_value (&builder, packed);
    }

  *descriptions = g_variant_ref_sink (g_variant_builder_end (&builder));
  if (i < self->attachments->len)
    {
      mp_message_discard_attachments (*descriptions, (int *) packing.fds->data, packing.fds->len);
      g_clear_pointer (descriptions, g_variant_unref);
    }
  else
    *fds = g_steal_pointer (&packing.fds);

  mp_packing_clear (&packing);
  return *fds != NULL;
}

/*< private >
 * mp_message_discard_attachments:
 * @descriptions: (nullable): of packed attachments that nobody will receive
 * @fds: (array length=n_fds): their descriptors: taken
 */
void
mp_message_discard_attachments (GVariant *descriptions,
                                int      *fds,
                                guint     n_fds)
{
  MpMessage *message = g_object_new (MP_TYPE_MESSAGE, NULL);
  MpPatience none = MP_PATIENCE_SPENT;

  if (descriptions != NULL)
    take_attachments (message, descriptions, fds, n_fds, NULL);
  mp_fds_close (fds, n_fds);

  /* With a lock perhaps. */
  mp_patience_begin (&none);
  g_object_unref (message);
  mp_patience_end (&none);
}
