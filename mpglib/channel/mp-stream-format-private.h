/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-packet-private.h"
#include "mp-parcel-private.h"

G_BEGIN_DECLS

/* How frames lie on a stream of bytes: in records, whose first bytes tell their length.
 *
 *     native   length of the packet (64 bits, little-endian), packet, mark
 *     python   length of the body (see mp-python-frame-private.h), body
 *
 * The mark, one byte, is 1.  Is it 0, the sender gave the record up while it went, and the
 * receiver passes over it: so a send that is cancelled amid a record has sent nothing.
 */
#define MP_STREAM_MAX_LEAD 12
#define MP_STREAM_MAX_PART (256 * 1024) /* of a body, in one native record */

#define MP_STREAM_MARK_WHOLE      1
#define MP_STREAM_MARK_TAKEN_BACK 0

/* A record on its way out; what is in it is kept until it has gone. */
typedef struct
{
  guint8    lead[MP_STREAM_MAX_LEAD];
  gsize     lead_size;
  guint8   *head;      /* nullable */
  gsize     head_size;
  GBytes   *owner;     /* of the body; nullable */
  const guint8 *body;
  gsize     body_size;
  guint8    mark;
  gsize     mark_size; /* 0: records of the format have none */
  gsize     n_written;
  gboolean  is_held;   /* TLS has bytes of it that have not gone */
} MpStreamRecord;

typedef struct
{
  gboolean (*measure) (const guint8    *data,     /* what has come of a record */
                       gsize            size,
                       guint64          max_body,
                       guint64         *length,   /* of the whole record; 0: not known yet */
                       GError         **error);
  /* Takes the next bytes of a parcel, as one record */
  gboolean (*encode)  (MpParcel        *parcel,
                       MpStreamRecord  *record,
                       GError         **error);
  /* Says what a whole record is.  DONE and no kind: it was taken back */
  gboolean (*decode)  (const guint8    *data,
                       gsize            size,
                       MpPacket        *packet,
                       GError         **error);
  /* Whether a parcel can go so, and in how large records */
  gboolean (*admit)   (MpParcel        *parcel,
                       GError         **error);
  gboolean  has_bye;  /* an end in order is said */
} MpStreamFormat;

extern const MpStreamFormat mp_stream_format_native;
extern const MpStreamFormat mp_stream_format_python;

void     mp_stream_record_clear     (MpStreamRecord        *self);
gsize    mp_stream_record_get_size  (const MpStreamRecord  *self);
gboolean mp_stream_record_is_open   (const MpStreamRecord  *self);
void     mp_stream_record_say_bye   (MpStreamRecord        *self);

G_END_DECLS
