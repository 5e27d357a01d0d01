/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* For the kinds of transport alone, which differ in how frames lie on their socket. */

#pragma once

#include "mp-assembly-private.h"
#include "mp-parcel-private.h"
#include "mp-transport-private.h"

G_BEGIN_DECLS

typedef struct
{
  gsize      size;       /* of what begins with a MpTransport */

  /* Whether a parcel that was just packed can go this way; may change its form. */
  gboolean   (*admit)      (MpTransport  *self,
                            MpParcel     *parcel,
                            GError      **error);
  /* DONE: all of it has gone.  The parcel may have begun to go also with any other status. */
  MpIoStatus (*transmit)   (MpTransport  *self,
                            MpParcel     *parcel,
                            GError      **error);
  /* Whether the peer has something of a parcel that it will wait for the rest of. */
  gboolean   (*has_begun)  (MpTransport  *self,
                            MpParcel     *parcel);
  /* Gives up one that has begun.  TRUE: there is more to transmit, which says so. */
  gboolean   (*take_back)  (MpTransport  *self,
                            MpParcel     *parcel);
  /* Sends what must go before any other parcel; nullable. */
  MpIoStatus (*finish)     (MpTransport  *self,
                            GError      **error);
  /* Reads once, whatever that brings: DONE, AGAIN, or what ends it all. */
  MpIoStatus (*read_ahead) (MpTransport  *self,
                            GError      **error);
  /* As mp_transport_write_body(), _send_body() and _take_body(); nullable, all of them. */
  gsize      (*write_body) (const MpTransportBody *body,
                            guint8                *packet);
  gboolean   (*transmit_body) (MpTransport           *self,
                               const MpTransportBody *body);
  gboolean   (*take_body)  (MpTransport          *self,
                            int                   result,
                            MpReceived           *received,
                            MpTransportWants      wants,
                            gconstpointer         user_data,
                            MpTransportBody      *body);
  int        (*share)      (MpTransport  *self,
                            GError      **error);
  /* Says BYE and closes. */
  void       (*leave)      (MpTransport  *self);
  /* Frees what is its own; nullable. */
  void       (*clear)      (MpTransport  *self);
} MpTransportKind;

struct _MpTransport
{
  const MpTransportKind *kind;
  int fd;                /* -1 once closed */
  guint32 origin;        /* the process that made this; a forked one leaves the socket alone */
  guint64 max_body;
  guint64 max_peer_body;

  /* Sending */
  GQueue queue;          /* of MpParcel; the first may be half sent */
  gboolean wants_room;   /* the last attempt to send gave AGAIN */
  gboolean can_go_on;    /* because it has done enough for one call */

  /* Receiving */
  GQueue kept;           /* of MpFrame, read and not yet asked for */
  guint64 n_bytes_read;
  MpAssembly assembly;
  GError *loss;          /* a message was lost; to be said once */
  guint64 lost_serial;   /* of the frame that was lost last */

  /* The peer */
  gboolean is_shared;    /* other processes have this end too */
  gint64 n_peer_holders; /* may be too low for a moment: a BYE can overtake a SHARED */
  MpTransportWitness witness; /* nullable */
  gpointer witness_data;
  GError *end;           /* nothing more comes; nullable */
  GError *failure;       /* it sent what cannot be; nullable */
};

MpTransport *mp_transport_new_of_kind    (const MpTransportKind  *kind,
                                          int                     fd);
MpIoStatus   mp_transport_check_usable   (MpTransport            *self,
                                          GError                **error);
MpIoStatus   mp_transport_check_sendable (MpTransport            *self,
                                          GError                **error);
MpIoStatus   mp_transport_learn_end      (MpTransport            *self,
                                          GError                **error);
void         mp_transport_set_end        (MpTransport            *self,
                                          gboolean                is_orderly);
void         mp_transport_set_failure    (MpTransport            *self,
                                          GError                 *failure);
void         mp_transport_set_loss       (MpTransport            *self,
                                          const MpPacket         *packet,
                                          const char             *reason);
gboolean     mp_transport_check_body     (MpTransport            *self,
                                          const MpPacket         *packet,
                                          GError                **error);
void         mp_transport_close_socket   (MpTransport            *self);
void         mp_transport_take_packet    (MpTransport            *self,
                                          const MpPacket         *packet,
                                          int                    *fds,
                                          guint                   n_fds);

G_END_DECLS
