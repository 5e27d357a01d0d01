/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-mapping-private.h"

G_BEGIN_DECLS

/* How a list lies in memory with a name: as Python's multiprocessing.shared_memory has its lists,
 * and behind that a tail that only this library writes (shared-memory-format.md, section 8.11).
 * What is read comes from memory that others write to: nothing in it is believed.
 */

/* Where everything is, in bytes from the beginning; checked once and then kept. */
typedef struct
{
  guint  n_items;
  gsize *places;     /* n_items + 1, from `data` on */
  gsize  data;
  gsize  formats;
  gsize  codes;
  gsize  tail;       /* 0: there is none */
} MpListPlan;

#define MP_LIST_FORMAT_LENGTH 8

/* What an item is, but for its content: as it lies in the journal. */
typedef struct
{
  guint64 index;
  guint64 length;                          /* of the content */
  char    format[MP_LIST_FORMAT_LENGTH];   /* as of Python's module struct */
  gint8   code;
  guint8  unused[7];
} MpListRecord;

/* The content of the journal is behind the tail. */
typedef struct
{
  char         magic[8];
  guint32      version;
  guint32      unused;
  guint64      capacity;       /* of that content */
  MpListRecord record;
  guint8       is_valid;       /* what the record tells is to be done */
  guint8       unused_too[7];
} MpListTail;

G_STATIC_ASSERT (sizeof (MpListRecord) == 32);
G_STATIC_ASSERT (sizeof (MpListTail) == 64);

GBytes     *mp_list_plan_encode   (GVariant           *items,
                                   gsize              *size,
                                   GError            **error);
MpListPlan *mp_list_plan_read     (MpMapping          *mapping,
                                   GError            **error);
void        mp_list_plan_free     (MpListPlan         *self);
gsize       mp_list_plan_get_room (const MpListPlan   *self,
                                   guint               index);

guint8     *mp_list_record_make   (MpListRecord       *record,
                                   guint               index,
                                   GVariant           *value,
                                   gsize               room,
                                   GError            **error);
gboolean    mp_list_record_check  (const MpListRecord *record,
                                   const MpListPlan   *plan);
gsize       mp_list_record_measure (const MpListRecord *record,
                                    gsize               room);
GVariant   *mp_list_record_decode (const MpListRecord *record,
                                   const guint8       *content,
                                   gsize               length);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpListPlan, mp_list_plan_free)

G_END_DECLS
