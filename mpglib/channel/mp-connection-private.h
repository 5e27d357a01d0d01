/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-connection.h"
#include "mp-exchange-private.h"
#include "mp-outbox-private.h"
#include "mp-waitable-private.h"

G_BEGIN_DECLS

struct _MpConnection
{
  GObject parent_instance;

  /* Read-only once constructed */
  MpExchange *exchange; /* NULL: made by g_object_new(), and never open */
  MpOutbox *outbox;
  GMainContext *main_context;
  gboolean readable;
  gboolean writable;
  gboolean is_by_address; /* and not of a pair */
  gboolean is_in_sight; /* of others, over a network without TLS */

  int state;            /* MpConnectionState; atomic */
};

MpConnection *mp_connection_new_take       (int                  fd,
                                            MpRingLink          *link_taken,
                                            gboolean             readable,
                                            gboolean             writable,
                                            gboolean             is_shared);
MpConnection *mp_connection_new_agreed     (MpTransport         *transport,
                                            GMainContext        *main_context);
void          mp_connection_close_all      (void);

/* For its files alone */
void          mp_connection_waitable_init  (MpWaitableInterface *iface);
void          mp_connection_emit_received  (MpConnection        *self,
                                            MpMessage           *message);
gboolean      mp_connection_check_usable   (MpConnection        *self,
                                            MpTransferKind       kind,
                                            GError             **error);
GTask        *mp_connection_new_task       (MpConnection        *self,
                                            GCancellable        *cancellable,
                                            GAsyncReadyCallback  callback,
                                            gpointer             user_data,
                                            gpointer             tag);
MpIoStatus    mp_connection_receive_at_once (MpConnection       *self,
                                            const MpConduitWish *wish,
                                            gdouble              timeout,
                                            GCancellable        *cancellable,
                                            MpConduitUsual      *usual,
                                            GError             **error);
MpFrame      *mp_connection_receive_frame  (MpConnection        *self,
                                            MpAccept             accept,
                                            gsize                max_length,
                                            gdouble              timeout,
                                            GCancellable        *cancellable,
                                            GError             **error);
void          mp_connection_start_receive  (MpConnection        *self,
                                            MpAccept             accept,
                                            gsize                max_length,
                                            gdouble              timeout,
                                            GTask               *task_taken,
                                            MpTransferReturn     return_func);
void          mp_connection_return_boolean (GTask               *task,
                                            MpTransfer          *transfer);
gboolean      mp_connection_finish_boolean (MpConnection        *self,
                                            GAsyncResult        *result,
                                            gpointer             tag,
                                            GError             **error);

G_END_DECLS
