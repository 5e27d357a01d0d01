/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-frame-private.h"
#include "mp-payload-private.h"

G_BEGIN_DECLS

/* A frame made ready to be sent: its attachments are packed, its body is
 * serialised, and it knows how far it has gone.  Which way the body takes may
 * change until the first packet has gone:
 *
 *     INLINE     in the packet
 *     LARGE      in a write-sealed memfd; filled slice by slice, so that no call
 *                takes long
 *     PARTS      in several packets, where no descriptor can be had
 *     ABANDONED  parts went, the rest does not come: one empty part is left to
 *                say so
 */
typedef enum
{
  MP_PARCEL_INLINE,
  MP_PARCEL_LARGE,
  MP_PARCEL_PARTS,
  MP_PARCEL_ABANDONED,
} MpParcelForm;

typedef struct _MpParcel
{
  MpParcelForm form;
  guint8       kind;
  guint32      flags;
  guint64      serial;
  guint64      index;
  char        *name;
  char        *codec;        /* NULL: no message */
  GBytes      *body;         /* NULL: no message */
  GVariant    *attachments;  /* nullable, packed */
  GBytes      *attachments_bytes;
  GArray      *fds;          /* of the attachments; nullable */

  MpPayload    payload;      /* LARGE: the body, in a memfd */
  gsize        postage;      /* LARGE: bytes that stand in the packet for the body */
  gsize        max_part;     /* bytes of the body that one packet carries */
  gsize        part_size;    /* PARTS: bytes of the body in one packet, fewer than it has */
  gsize        n_sent;       /* PARTS: bytes of the body sent */

  guint8      *head;         /* of the next packet; NULL: to be encoded */
  gsize        head_size;
} MpParcel;

MpParcel     *mp_parcel_new         (MpFrame        *frame,
                                     GError        **error);
void          mp_parcel_free        (MpParcel       *self);
void          mp_parcel_disown      (MpParcel       *self);
void          mp_parcel_set_form    (MpParcel       *self,
                                     MpParcelForm    form);
void          mp_parcel_set_max_part (MpParcel     *self,
                                     gsize           max_part);
gboolean      mp_parcel_shrink      (MpParcel       *self);
gsize         mp_parcel_get_size    (MpParcel       *self);
gboolean      mp_parcel_fill        (MpParcel       *self,
                                     GError        **error);
gboolean      mp_parcel_get_packet  (MpParcel       *self,
                                     const guint8  **body,
                                     gsize          *body_size,
                                     GError        **error);
gboolean      mp_parcel_packet_sent (MpParcel       *self,
                                     gsize           body_size);

G_END_DECLS
