/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-item-private.h"
#include "mp-ring-link-private.h"
#include "mp-transport-private.h"

G_BEGIN_DECLS

/* What an exchange moves messages by: a transport and, beside it, for local pairs, rings.  It keeps the order of both.
 *
 * The functions are as those of the transport of the same names.  What is not here is the transport's to tell.
 */
typedef struct
{
  MpTransport *transport;
  MpRingLink  *link;           /* nullable */

  /*< private >*/
  MpFrame     *next;           /* taken from the ring and not yet asked for; nullable */
  GError      *failure;        /* of the ring: nothing more comes; nullable */
  GError      *untold;         /* what failed once, and was given back; nullable */
  guint        n_since_news;   /* sends since a peer may have gone */
} MpConduit;

typedef enum
{
  MP_ACCEPT_ANY,
  MP_ACCEPT_VALUE,             /* a GVariant */
  MP_ACCEPT_BYTES,             /* bytes of whatever codec */
} MpAccept;

/* What is wanted of the next message; else it stays. */
typedef struct
{
  MpAccept accept;
  gsize    max_length;         /* of the body; 0: any */
  guint8  *into;               /* room for `max_length` bytes; nullable */
} MpConduitWish;

/* Messages up to this length, with the names of their codecs, are taken from a ring without a frame around them. */
#define MP_CONDUIT_USUAL_LENGTH 2048

/* A message without a frame around it; not to be copied, as it may point into itself. */
typedef struct
{
  const guint8       *body;    /* `into`, `room`, or the calling thread's until it receives again */
  gsize               length;
  const char         *codec;   /* in wire form, checked */

  /*< private >*/
  MpItemHead          head;
  _Alignas (8) guint8 room[MP_CONDUIT_USUAL_LENGTH];
} MpConduitUsual;

void          mp_conduit_init          (MpConduit            *self,
                                        MpTransport          *transport_taken,
                                        MpRingLink           *link_taken);
void          mp_conduit_clear         (MpConduit            *self);
void          mp_conduit_close         (MpConduit            *self);
void          mp_conduit_drop_rings    (MpConduit            *self);
int           mp_conduit_share         (MpConduit            *self,
                                        GError              **error);

gboolean      mp_conduit_goes_by_ring  (MpConduit            *self,
                                        MpFrame              *frame,
                                        gsize                *length);
MpIoStatus    mp_conduit_send          (MpConduit            *self,
                                        MpFrame              *frame,
                                        GError              **error);
MpIoStatus    mp_conduit_send_body     (MpConduit            *self,
                                        const MpTransportBody *body,
                                        GError              **error);
gboolean      mp_conduit_fits_ring     (MpConduit            *self,
                                        const MpTransportBody *body);
gsize         mp_conduit_write_packet  (MpConduit            *self,
                                        const MpTransportBody *body,
                                        guint8               *packet);
gboolean      mp_conduit_try_send      (MpConduit            *self,
                                        const MpTransportBody *body);

MpIoStatus    mp_conduit_peek          (MpConduit            *self,
                                        MpFrame             **frame,
                                        GError              **error);
void          mp_conduit_take_peeked   (MpConduit            *self,
                                        MpFrame              *frame);
MpIoStatus    mp_conduit_receive       (MpConduit            *self,
                                        MpFrame             **frame,
                                        GError              **error);
MpIoStatus    mp_conduit_receive_usual (MpConduit            *self,
                                        const MpConduitWish  *wish,
                                        MpConduitUsual       *usual,
                                        GError              **error);
gboolean      mp_conduit_reads_socket  (MpConduit            *self);
MpIoStatus    mp_conduit_take_packet   (MpConduit            *self,
                                        int                   result,
                                        MpReceived           *received,
                                        const MpConduitWish  *wish,
                                        MpConduitUsual       *usual);
void          mp_conduit_unget_loss    (MpConduit            *self,
                                        GError               *loss);
gboolean      mp_conduit_is_ring_next  (MpConduit            *self);
gboolean      mp_conduit_is_idle       (MpConduit            *self);
gboolean      mp_conduit_has_received  (MpConduit            *self);
const GError *mp_conduit_get_end       (MpConduit            *self);

G_END_DECLS
