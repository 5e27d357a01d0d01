/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-dialogue-private.h"
#include "mp-pump-private.h"
#include "mp-stream-io-private.h"
#include "mp-transport-private.h"

G_BEGIN_DECLS

/* A dialogue on its way, within %MP_PREAMBLE_DEADLINE of the connection: one packet for each message where the
 * socket has packets, and no byte beyond a message where it is a stream.  It is served by a
 * pump whose lock guards all of it.  Both roles are alike but for the refusals, which a
 * server says at a tick.
 */
typedef struct _MpGreeting MpGreeting;

/* Once, with the pump's lock held, and not before mp_greeting_start_locked() has returned:
 * `error` is NULL if both ends agreed.  May free the greeting.
 */
typedef void (*MpGreetingDone) (MpGreeting   *self,
                                const GError *error,
                                gpointer      data);

/* How far the other end has come, as who must choose sees it. */
typedef enum
{
  MP_GREETING_REFUSED, /* only to be told so; or it has gone */
  MP_GREETING_SILENT,  /* has said nothing yet */
  MP_GREETING_WAITS,   /* has said something, and more is waited for */
  MP_GREETING_UNREAD,  /* has said something that was not looked at yet */
} MpGreetingStanding;

MpGreeting      *mp_greeting_start_locked (MpPump          *pump,
                                           MpStreamIo       io,
                                           MpTransportForm  form,
                                           MpDialogue       dialogue,
                                           gint64           start,
                                           MpGreetingDone   done,
                                           gpointer         data,
                                           GError         **error);
void             mp_greeting_free_locked  (MpGreeting      *self);
gint64           mp_greeting_get_start    (MpGreeting      *self);
/* since: monotonic time from which on the other end is waited for */
MpGreetingStanding mp_greeting_look       (MpGreeting      *self,
                                           gint64          *since);
gboolean         mp_greeting_has_begun    (MpGreeting      *self);
gboolean         mp_greeting_was_left     (MpGreeting      *self);
const GError    *mp_greeting_say_refusal  (MpGreeting      *self);
MpStreamIo       mp_greeting_steal_io     (MpGreeting      *self);
MpSession        mp_greeting_get_session  (MpGreeting      *self);
MpTransportForm  mp_greeting_get_form     (MpGreeting      *self);
void             mp_greeting_leave        (MpGreeting      *self);

G_END_DECLS
