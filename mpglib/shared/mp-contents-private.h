/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-mapping-private.h"
#include "mp-shared-object-private.h"

G_BEGIN_DECLS

/* A shared object with contents of any length: behind its head, in the memory that all
 * small objects are in, or, if that has no room for it, in memory of their own.
 */
typedef struct
{
  MpSharedObject shared;
  MpMapping     *mapping;   /* NULL: behind the head */
  gsize          size;      /* bytes of the contents */
  gpointer       data;      /* the contents */
} MpContents;

gboolean    mp_contents_init         (MpContents   *self,
                                      MpObjectType  type,
                                      gsize         head_size,
                                      gsize         size);
gboolean    mp_contents_init_sparse  (MpContents   *self,
                                      MpObjectType  type,
                                      gsize         head_size,
                                      gsize         size,
                                      guint64       n_behind);
void        mp_contents_clear        (MpContents   *self);
GVariant   *mp_contents_pack         (MpContents   *self,
                                      MpPacking    *packing,
                                      GError      **error);
gboolean    mp_contents_open         (MpContents   *self,
                                      MpUnpacking  *unpacking,
                                      MpObjectType  type,
                                      gsize         head_size,
                                      GVariant     *description,
                                      int          *fds,
                                      guint         n_fds,
                                      GError      **error);
gboolean    mp_contents_open_sparse  (MpContents   *self,
                                      MpUnpacking  *unpacking,
                                      MpObjectType  type,
                                      gsize         head_size,
                                      GVariant     *description,
                                      int          *fds,
                                      guint         n_fds,
                                      GError      **error);
gboolean    mp_contents_is_receiving (void);
gboolean    mp_contents_open_again   (MpContents   *self,
                                      MpContents   *again,
                                      GError      **error);
gpointer    mp_contents_new_received (GType         gtype,
                                      MpContents   *opened,
                                      const char   *first_property,
                                      ...);

G_END_DECLS
