/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <unistd.h>

#include "mp-auth-key-private.h"
#include "mp-connection.h"
#include "mp-handshake-private.h"
#include "mp-packet-private.h"
#include "mp-python-wire-private.h"
#include "mp-stream-io-private.h"
#include "mp-tls-terms-private.h"
#include "mp-transport-private.h"
#include "mp-wire.h"

G_BEGIN_DECLS

/* The largest body that connections between programs take: on unix sockets, what a length of MPG1 can
 * say, and on streams what goes in parts.
 */
#define MP_ARRIVAL_MAX_FRAME        G_MAXUINT32
#define MP_ARRIVAL_MAX_STREAM_FRAME MP_PACKET_MAX_PARTED

/* A connection whose ends know each other, before there is an object for it. */
typedef struct
{
  MpStreamIo io;
  MpTransportForm form;
  gboolean  is_in_sight; /* over a network without TLS */
  char     *peer;    /* nullable: the address of who connected, if that has one */
  MpSession session;
} MpArrival;

MpArrival    *mp_arrival_new             (MpStreamIo         io,
                                          MpTransportForm    form,
                                          const MpSession   *session);
void          mp_arrival_free            (MpArrival         *self);
MpConnection *mp_arrival_to_connection   (MpArrival         *self,
                                          GMainContext      *context);

/* What both ends do alike. */
uid_t         mp_arrival_get_peer_uid    (int                fd);
gboolean      mp_arrival_bind_tcp        (MpBinding         *binding,
                                          int                fd,
                                          MpRole             role,
                                          GError           **error);
gboolean      mp_arrival_bind_tls        (MpBinding         *binding,
                                          MpStreamIo         io,
                                          MpTlsTerms        *terms,
                                          GError           **error);
gboolean      mp_arrival_check_wire      (MpWireFlags        wire,
                                          gboolean           has_settings,
                                          GError           **error);
MpAuthKey    *mp_arrival_choose_key      (MpAuthKey         *key,
                                          const char        *address,
                                          MpWireFlags        wire,
                                          MpTlsSettings     *tls,
                                          gboolean          *has_key);
MpHandshake  *mp_arrival_begin_handshake (MpRole             role,
                                          MpAuthKey         *key,
                                          const MpBinding   *binding,
                                          GError           **error);
const guint8 *mp_arrival_get_secret      (void);
MpPythonWire *mp_arrival_begin_python    (MpRole             role,
                                          MpAuthKey         *key,
                                          const MpBinding   *binding,
                                          GError           **error);
gboolean      mp_arrival_check_session   (const MpSession   *session,
                                          MpTransportForm    form,
                                          GError           **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpArrival, mp_arrival_free)

G_END_DECLS
