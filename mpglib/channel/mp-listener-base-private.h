/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* For the files of the listener alone:
 *
 *     mp-listener.c           life, opening and closing, what it can be asked
 *     mp-listener-accept.c    the next connection
 *     mp-listener-incoming.c  connections as signals
 *     mp-listener-wait.c      together with other objects
 */

#pragma once

#include "mp-listener-private.h"
#include "mp-outbox-private.h"

G_BEGIN_DECLS

struct _MpListener
{
  GObject parent_instance;

  /* Read-only once constructed */
  char *wish;
  MpAuthKey *key;
  MpWireFlags wire;
  MpTlsSettings *tls;
  guint backlog;
  GMainContext *main_context;
  MpOutbox *outbox;
  MpReception *reception;

  /* Guarded by the reception's pump */
  struct _Acceptor *acceptor;
  char *last_accepted;
};

MpConnection *mp_listener_take_locked   (MpListener       *self,
                                         MpArrival        *arrival,
                                         GMainContext     *context);
void          mp_listener_post_locked   (MpListener       *self);
void          mp_listener_emit_incoming (MpListener       *self,
                                         MpConnection     *connection);
void          mp_listener_emit_refused  (MpListener       *self,
                                         const MpRefusal  *refusal);

G_END_DECLS
