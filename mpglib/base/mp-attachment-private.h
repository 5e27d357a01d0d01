/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-message.h"
#include "mp-shareable-private.h"

G_BEGIN_DECLS

/* The kind of a plain descriptor, which is no object. */
#define MP_ATTACHMENT_FD_KIND "fd"

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

MpAttachment *mp_attachment_new        (MpShareable  *object);
MpAttachment *mp_attachment_new_packed (MpUnpacking  *unpacking,
                                        const char   *kind,
                                        GVariant     *description,
                                        int          *fds,
                                        guint         n_fds);
gboolean      mp_attachment_unpack     (MpAttachment *self,
                                        GError      **error);
void          mp_attachment_free       (MpAttachment *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpAttachment, mp_attachment_free)

G_END_DECLS
