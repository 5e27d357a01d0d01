/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-message-private.h"

G_BEGIN_DECLS

/* What one send means to its receiver: a kind, two numbers, a short name and a
 * message.  How it lies in packets is the business of mp-packet and
 * mp-transport.
 */
typedef enum
{
  MP_FRAME_MESSAGE = 1,    /* a user's message on a Connection */
  MP_FRAME_SHARED = 2,     /* one more holder has this end */
  MP_FRAME_BYE = 3,        /* one holder has closed in order */

  MP_FRAME_BOOTSTRAP = 16, /* parent to child: the first frame of all */
  MP_FRAME_HELLO = 17,     /* child to parent: ready, a{sv} */
  MP_FRAME_FAILED = 18,    /* child to parent: an error report, before or instead of an orderly end; a template's has a
                            * serial, the request that it refuses */
  MP_FRAME_FINISHED = 19,  /* child to parent: serial = exit code it is about to end with */

  MP_FRAME_TASK = 48,      /* serial = task, index = first item, name = target; flags SPREAD, ITEMS */
  MP_FRAME_RESULT = 49,    /* serial = task, index = item */
  MP_FRAME_ERROR = 50,     /* likewise, an error report */
  MP_FRAME_PROGRESS = 51,  /* likewise, (ds) */
  MP_FRAME_CANCEL = 52,    /* serial = task */
  MP_FRAME_STOP = 53,      /* no more tasks: end in order */
  MP_FRAME_WITHDRAWN = 54, /* answer to CANCEL: serial = task, index = first item that will not be started */
} MpFrameKind;

typedef enum
{
  MP_FRAME_NONE = 0,
  MP_FRAME_LARGE = 1 << 0,  /* of the transport's own */
  MP_FRAME_PART = 1 << 1,   /* likewise */
  MP_FRAME_SPREAD = 1 << 2, /* the body is a tuple of arguments, not one argument */
  MP_FRAME_ITEMS = 1 << 3,  /* the body is an array, one call for each element */
} MpFrameFlags;

typedef struct
{
  MpFrameKind  kind;
  MpFrameFlags flags;
  guint64      serial;
  guint64      index;
  char        *name;    /* nullable */
  MpMessage   *message; /* nullable: no body, no attachments */

  /* Instead of a message with nothing attached, where both sides want none: its
   * codec in wire form and its body.  See mp_frame_new_raw().
   */
  char        *codec;
  GBytes      *body;

  /*< private to the transport >*/
  struct _MpParcel *parcel; /* what a first attempt to send has prepared; nullable */
} MpFrame;

MpFrame  *mp_frame_new       (MpFrameKind          kind,
                              guint64              serial,
                              guint64              index,
                              const char          *name,
                              MpMessage           *message);
MpFrame  *mp_frame_new_take  (MpFrameKind          kind,
                              guint64              serial,
                              guint64              index,
                              const char          *name,
                              MpMessage           *message);
MpFrame  *mp_frame_new_raw   (MpFrameKind          kind,
                              char                *codec,
                              GBytes              *body);
void      mp_frame_free      (MpFrame             *frame);
gboolean  mp_frame_has_message (const MpFrame     *frame);
const char *mp_frame_get_wire_codec (MpFrame      *frame);
GBytes   *mp_frame_get_body  (MpFrame             *frame);
MpMessage *mp_frame_get_message (MpFrame          *frame);
gboolean  mp_frame_kind_is_known (guint            kind);
GVariant *mp_frame_dup_value (MpFrame             *frame,
                              const GVariantType  *type,
                              GError             **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpFrame, mp_frame_free)

G_END_DECLS
