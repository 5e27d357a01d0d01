/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* For the files of the exchange alone:
 *
 *     mp-exchange.c         life, and what has to do with no transfer
 *     mp-exchange-open.c    those to say BYE at the end of the process
 *     mp-exchange-lane.c    who waits, and who of them is woken by what
 *     mp-exchange-serve.c   doing what they want
 *     mp-exchange-try.c     at once, without a transfer
 *     mp-exchange-run.c     transfers for which a thread waits
 *     mp-exchange-start.c   asynchronous ones
 *     mp-exchange-reader.c  what no transfer waits for
 *     mp-exchange-fd.c      a descriptor for others to poll
 */

#pragma once

#include "mp-biased-lock-private.h"
#include "mp-exchange-private.h"
#include "mp-patience-private.h"

G_BEGIN_DECLS

typedef struct
{
  GQueue transfers;  /* of MpTransfer, by their links */
  GHashTable *firsts; /* of GMainContext to the first of its asynchronous ones; NULL: there were none */
  guint n_blocking;  /* for which a thread waits, and does nothing else */
  MpHoldUpLine hold_up;
} MpLane;

struct _MpExchange
{
  gatomicrefcount ref_count;
  guint32 origin;

  MpBiasedLock lock;
  MpPatience patience; /* of whoever has the lock */
  gboolean is_linked;  /* there are, or were, rings */
  guint n_spinning;    /* threads that look at the rings without the lock */
  guint rareness;      /* of looks at the socket before a sleep, see mp-exchange-try.c */
  guint n_looks_left_out;
  MpConduit conduit;
  MpLane senders;
  MpLane receivers;    /* and those who wait for a message without taking it */
  GSource *reader;     /* nullable; keeps the owner alive, so it is not dropped with the lock held */
  gboolean is_held_up; /* it comes again by itself: somebody who was stopped has a lock of the ring */
  int epoll_fd;        /* given out by get_fd; -1 until then */
  int kept_fd;         /* an eventfd in it: readable while a message was read already */
  gboolean is_closed;

  const MpExchangeEvents *events;
  gboolean has_ended;  /* nothing more will come, or the owner does not want to know any more */
  gpointer owner;      /* not referenced: it lives while anybody uses it */
  GError *untold_end;  /* to be told without the lock */

  GList link;          /* in the list of open ones */
};

void        mp_exchange_lock                      (MpExchange       *self);
void        mp_exchange_unlock                    (MpExchange       *self);

void        mp_exchange_add_to_open               (MpExchange       *self);
void        mp_exchange_remove_from_open          (MpExchange       *self);

void        mp_exchange_show_kept_locked          (MpExchange       *self);

MpLane     *mp_exchange_get_lane                  (MpExchange       *self,
                                                   const MpTransfer *transfer);
MpTransfer *mp_exchange_get_first_blocking_locked (MpLane           *lane);
short       mp_exchange_get_all_events_locked     (MpExchange       *self,
                                                   MpLane           *lane);
void        mp_exchange_hear_locked               (MpExchange       *self,
                                                   gboolean          was_polled);
gboolean    mp_exchange_arm_locked                (MpExchange       *self,
                                                   MpLane           *lane);
void        mp_exchange_appoint_pollers_locked    (MpExchange       *self,
                                                   MpLane           *lane);
void        mp_exchange_attach_loose_locked       (MpExchange       *self,
                                                   MpTransfer       *last);
void        mp_exchange_stop_polling_locked       (MpExchange       *self,
                                                   MpTransfer       *transfer);
void        mp_exchange_enqueue_locked            (MpExchange       *self,
                                                   MpTransfer       *transfer);
void        mp_exchange_note_context_locked       (MpExchange       *self,
                                                   MpTransfer       *transfer);
void        mp_exchange_finish_locked             (MpExchange       *self,
                                                   MpTransfer       *transfer,
                                                   GError           *error_taken);

void        mp_exchange_serve_lane_locked         (MpExchange       *self,
                                                   MpLane           *lane);
void        mp_exchange_serve_locked              (MpExchange       *self,
                                                   MpLane           *lane);
void        mp_exchange_withdraw_locked           (MpExchange       *self,
                                                   MpTransfer       *transfer,
                                                   GError           *error_taken);
void        mp_exchange_tell_end_locked           (MpExchange       *self);
gboolean    mp_exchange_can_go_on_locked          (MpExchange       *self,
                                                   MpTransfer       *transfer);

gboolean    mp_exchange_spin_locked               (MpExchange       *self,
                                                   MpRingLinkWay     way,
                                                   gsize             length);
void        mp_exchange_linger_locked             (MpExchange       *self,
                                                   MpRingLinkWay     way,
                                                   gsize             length);

GError     *mp_transfer_new_timed_out             (MpTransfer *transfer);

G_END_DECLS
