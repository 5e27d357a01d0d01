/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Memory of processes without any structure of ours in it: a sealed memfd, or a file of
 * the system's that bears a name; mapped when its address is asked for.
 *
 * Memory that bears a name cannot be sealed: whoever may open it can truncate it, and a
 * touch of what is gone ends in SIGBUS.  mp_mapping_read() and mp_mapping_write() fail
 * instead.
 *
 * References are counted by threads; the mapping goes with the last.
 */
typedef struct _MpMapping MpMapping;

/* Which file it is, whatever bears its name. */
typedef struct
{
  guint64 device;
  guint64 inode;     /* 0: none */
} MpFileIdentity;

MpMapping *mp_mapping_new          (gsize          size,
                                    GError       **error);
MpMapping *mp_mapping_new_sparse   (gsize          size,
                                    guint64        n_behind,
                                    GError       **error);
MpMapping *mp_mapping_new_named    (const char    *name,
                                    gsize          size,
                                    GError       **error);
MpMapping *mp_mapping_open_named   (const char    *name,
                                    GError       **error);
MpMapping *mp_mapping_new_nameless (gsize          size,
                                    GError       **error);
gboolean   mp_mapping_give_name    (MpMapping     *self,
                                    const char    *name,
                                    GError       **error);
int        mp_mapping_reopen       (MpMapping     *self,
                                    GError       **error);
MpMapping *mp_mapping_open         (int           *fd_taken,
                                    gsize          size,
                                    GError       **error);
MpMapping *mp_mapping_open_sparse  (int           *fd_taken,
                                    gsize          size,
                                    GError       **error);
gboolean   mp_mapping_check        (MpMapping     *self,
                                    GError       **error);
gboolean   mp_mapping_is_of        (MpMapping     *self,
                                    int            fd);
void       mp_mapping_get_identity (MpMapping     *self,
                                    MpFileIdentity *identity);
gboolean   mp_mapping_remove_name  (const char           *name,
                                    const MpFileIdentity *identity,
                                    GError              **error);
MpMapping *mp_mapping_ref          (MpMapping     *self);
void       mp_mapping_unref        (MpMapping     *self);
gsize      mp_mapping_get_size     (MpMapping     *self);
int        mp_mapping_get_fd       (MpMapping     *self);
gpointer   mp_mapping_get_address  (MpMapping     *self,
                                    GError       **error);
gboolean   mp_mapping_check_part   (MpMapping     *self,
                                    gsize          offset,
                                    gsize          length,
                                    GError       **error);
gboolean   mp_mapping_read         (MpMapping     *self,
                                    gsize          offset,
                                    gpointer       bytes,
                                    gsize          length,
                                    GError       **error);
gboolean   mp_mapping_write        (MpMapping     *self,
                                    gsize          offset,
                                    gconstpointer  bytes,
                                    gsize          length,
                                    GError       **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpMapping, mp_mapping_unref)

G_END_DECLS
