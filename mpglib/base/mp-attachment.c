/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* One thing that is attached to a message: how it is made of what the peer sent, and how it goes. */

#include "config.h"

#include "mp-attachment-private.h"
#include "mp-discard-private.h"
#include "mp-fd-private.h"

MpAttachment *
mp_attachment_new (MpShareable *object)
{
  MpAttachment *self = g_new0 (MpAttachment, 1);

  self->is_fd = object == NULL;
  self->object = object != NULL ? g_object_ref (object) : NULL;
  return self;
}

/* Takes the descriptors out of `fds`. */
MpAttachment *
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
  self->is_fd = g_str_equal (kind, MP_ATTACHMENT_FD_KIND);
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
gboolean
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

void
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
