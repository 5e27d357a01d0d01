/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-layout-private.h"

G_BEGIN_DECLS

/* A piece of memory that processes share: a sealed memfd, mapped.  Its size is
 * address space; memory is taken by mp_segment_allocate() before the first
 * touch, so that lack of it is an error and not a SIGBUS.
 *
 * References are counted by threads; the mapping goes with the last.  The
 * kernel frees the memory when no process has it mapped or open.
 */
typedef struct _MpSegment MpSegment;

/* No segment is larger: a place fits into 32 bits when counted in words. */
#define MP_SEGMENT_MAX_SIZE (G_GUINT64_CONSTANT (1) << 33)

MpSegment             *mp_segment_new        (MpSegmentKind   kind,
                                              const guint8   *table_id,
                                              guint64         size,
                                              guint64         n_allocated,
                                              gpointer        address,
                                              GError        **error);
MpSegment             *mp_segment_open       (int             fd,
                                              MpSegmentKind   kind,
                                              gpointer        address,
                                              GError        **error);
MpSegment             *mp_segment_ref        (MpSegment      *self);
void                   mp_segment_unref      (MpSegment      *self);
void                   mp_segment_vacate     (MpSegment      *self);
gboolean               mp_segment_allocate   (MpSegment      *self,
                                              guint64         offset,
                                              guint64         length,
                                              GError        **error);
const MpSegmentHeader *mp_segment_get_header (MpSegment      *self);
gpointer               mp_segment_get_data   (MpSegment      *self);
guint64                mp_segment_get_size   (MpSegment      *self);
int                    mp_segment_get_fd     (MpSegment      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpSegment, mp_segment_unref)

G_END_DECLS
