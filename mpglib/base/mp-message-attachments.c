/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What is attached to a message: by who sends it, and as it is taken out by who receives it. */

#include "config.h"

#include <string.h>

#include "mp-attachment-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-message-base-private.h"
#include "mp-patience-private.h"

/* At once: it takes some milliseconds. */
#define MOST_HELD 4096

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

/*< private >
 * mp_message_take_attachments:
 * @self: a message that nobody else has
 * @attachments: a GVariant of %MP_MESSAGE_PACKED_TYPE, in normal form
 * @fds: (array length=n_fds): their descriptors: those that are taken become -1
 *
 * Hands each description its share of the descriptors.
 *
 * Returns: whether they suit each other; else %MP_ERROR_CORRUPTED
 */
gboolean
mp_message_take_attachments (MpMessage  *self,
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

      if (n_own > n_fds - used || (strcmp (kind, MP_ATTACHMENT_FD_KIND) == 0 && n_own != 1))
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
  return g_variant_new ("(suv)", MP_ATTACHMENT_FD_KIND, 1, g_variant_new ("()"));
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
    mp_message_take_attachments (message, descriptions, fds, n_fds, NULL);
  mp_fds_close (fds, n_fds);

  /* With a lock perhaps. */
  mp_patience_begin (&none);
  g_object_unref (message);
  mp_patience_end (&none);
}
