/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-arrival-private.h"
#include "mp-wire.h"
#include "mp-pump-private.h"
#include "mp-refusals-private.h"
#include "mp-waiters-private.h"

G_BEGIN_DECLS

/* What a listener does without its user: strangers come in, are asked for their proof several
 * at a time, and wait to be accepted if they know the key.  It is plain memory that a pump
 * guards and serves, so no silent stranger holds up a caller, a main loop or another
 * stranger.
 */
typedef struct _MpReception MpReception;

/* With the pump's lock: somebody has arrived whom no wait was for, or was refused */
typedef void (*MpReceptionTell) (gpointer data);

/* One who waits for an arrival: what it gets.  Zeroed before. */
typedef struct
{
  MpReception *reception;
  MpArrival   *arrival;
} MpAcceptance;

MpReception *mp_reception_new                (const char      *address,
                                              MpAuthKey       *key,
                                              MpWireFlags      wire,
                                              MpTlsSettings   *tls,
                                              guint            backlog,
                                              MpReceptionTell  tell,
                                              gpointer         data);
MpReception *mp_reception_ref                (MpReception     *self);
void         mp_reception_unref              (MpReception     *self);
MpPump      *mp_reception_get_pump           (MpReception     *self);
gboolean     mp_reception_open               (MpReception     *self,
                                              MpTlsSettings   *tls,
                                              GError         **error);
void         mp_reception_close              (MpReception     *self);
void         mp_reception_close_all          (void);
gboolean     mp_reception_is_open_locked     (MpReception     *self);
gboolean     mp_reception_is_closed_locked   (MpReception     *self);
char        *mp_reception_dup_address        (MpReception     *self);
guint        mp_reception_get_n_ready_locked (MpReception     *self);
MpArrival   *mp_reception_take_locked        (MpReception     *self);
MpRefusals  *mp_reception_get_refusals_locked (MpReception    *self);
MpWaiters   *mp_reception_get_waiters_locked (MpReception     *self);
/* MpPumpDone and MpWaiterDone of a wait */
gboolean     mp_acceptance_is_over           (gpointer         data);
gboolean     mp_acceptance_has_ended         (gpointer         data,
                                              GError         **error);
void         mp_acceptance_clear             (MpAcceptance    *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpReception, mp_reception_unref)

G_END_DECLS
