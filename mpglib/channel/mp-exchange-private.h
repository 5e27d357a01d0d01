/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <gio/gio.h>

#include "mp-conduit-private.h"
#include "mp-hold-up-private.h"

G_BEGIN_DECLS

/* Lets threads and main contexts wait for one transport.
 *
 * Each send, receive or wait is a transfer.  It stands in one of two lanes,
 * served first come, first served, whoever waits for it: a thread in a blocking
 * call, or a GSource in some main context.  One lock guards both lanes and the
 * transport and is never held while anybody sleeps.
 *
 * Whoever is awake, for whatever reason, serves the whole lane, and a thread
 * that blocks serves both: transfers of others that get done are marked, and
 * their owners woken.  So a thread that waits for an answer also sends what it
 * began to send asynchronously, and a context that is not run keeps nobody
 * waiting.  Of a lane only its first transfer, and
 * its first blocking one, poll the descriptor; the others sleep until they are
 * woken, so that a message wakes one thread and not all.
 */
typedef struct _MpExchange MpExchange;

typedef enum
{
  MP_TRANSFER_SEND,
  MP_TRANSFER_RECEIVE,
  MP_TRANSFER_READABLE, /* takes nothing: done when a receive would not wait */
} MpTransferKind;

typedef struct
{
  MpTransferKind kind;
  MpAccept       accept;
  gsize          max_length; /* of the body; 0: any */
  gboolean       blocks;     /* asynchronous, but a thread does nothing else meanwhile */
  MpFrame       *frame;      /* to be sent, or received */
  GError        *error;      /* of a transfer that failed */

  /*< private >*/
  gboolean       is_queued;
  gboolean       is_done;
  gboolean       has_begun;  /* a first part is sent */
  GList          link;
  MpHoldUp       hold_up;
  struct _MpWaker *waker;    /* of a thread that sleeps for it; nullable */
  gboolean       is_polling; /* that thread polls the descriptor */
  gboolean       has_spun;   /* since it slept */
  GSource       *source;     /* of an asynchronous one; nullable */
  gboolean       is_ending;  /* it is being finalised */
  GMainContext  *context;    /* of the source; NULL before it may be attached */
  gboolean       is_first;   /* of its context in the lane, so it polls, too */
  gboolean       is_loose;   /* it is not attached yet: nothing but its turn can wake it */
  gpointer       fd_tag;     /* NULL: it never had to poll */
  gpointer       bell_tag;   /* of the rings beside the socket; nullable */
  short          events;     /* that it polls for */
} MpTransfer;

/* Called in the transfer's main context when it is done: returns the task's
 * result, or `transfer->error`.
 */
typedef void (*MpTransferReturn) (GTask      *task,
                                  MpTransfer *transfer);

/* Called once each when nothing more will come, by a thread that uses the owner.
 * What references objects is done by the second: a language may hear of that,
 * and take a lock of its own, for which another thread may hold it that wants
 * the exchange's.
 */
typedef struct
{
  void (*ended) (gpointer      owner);  /* with the lock held */
  void (*tell)  (gpointer      owner,   /* soon after, without it */
                 const GError *reason);
} MpExchangeEvents;

MpExchange *mp_exchange_new            (MpTransport       *transport,
                                        MpRingLink        *link,
                                        const MpExchangeEvents *events,
                                        gpointer           owner);
MpExchange *mp_exchange_ref            (MpExchange        *self);
void        mp_exchange_unref          (MpExchange        *self);
void        mp_exchange_close          (MpExchange        *self);
void        mp_exchange_close_all      (void);
gboolean    mp_exchange_check_origin   (MpExchange        *self,
                                        GError           **error);
gboolean    mp_exchange_is_closed      (MpExchange        *self);
int         mp_exchange_get_socket     (MpExchange        *self);
int         mp_exchange_get_fd         (MpExchange        *self,
                                        GError           **error);
int         mp_exchange_share          (MpExchange        *self,
                                        GError           **error);

GVariant   *mp_exchange_pack_rings     (MpExchange        *self,
                                        MpPacking         *packing,
                                        GError           **error);
MpRingLink *mp_exchange_get_link       (MpExchange        *self);
gboolean    mp_exchange_prepare        (MpExchange        *self,
                                        MpFrame           *frame,
                                        GError           **error);

/* What can be done at once, without a transfer. */
gboolean    mp_exchange_try_send       (MpExchange        *self,
                                        const MpTransportBody *body,
                                        gboolean           may_wait);
MpIoStatus  mp_exchange_try_receive    (MpExchange        *self,
                                        const MpConduitWish *wish,
                                        gboolean           spins,
                                        MpConduitUsual    *usual,
                                        GError           **error);

gboolean    mp_exchange_run            (MpExchange        *self,
                                        MpTransfer        *transfer,
                                        gdouble            timeout,
                                        GCancellable      *cancellable,
                                        GError           **error);
void        mp_exchange_start          (MpExchange        *self,
                                        MpTransfer        *transfer,
                                        gdouble            timeout,
                                        GTask             *task,
                                        MpTransferReturn   return_func);

/* For who wants every message that no transfer waits for. */
void        mp_exchange_add_reader     (MpExchange        *self,
                                        GSource           *source,
                                        GMainContext      *context);
GSource    *mp_exchange_steal_reader   (MpExchange        *self);
int         mp_exchange_get_bell       (MpExchange        *self);
void        mp_exchange_hear           (MpExchange        *self);
MpIoStatus  mp_exchange_read           (MpExchange        *self,
                                        MpFrame          **frame,
                                        GError           **error);

void        mp_transfer_clear          (MpTransfer        *transfer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpExchange, mp_exchange_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MpTransfer, mp_transfer_clear)

G_END_DECLS
