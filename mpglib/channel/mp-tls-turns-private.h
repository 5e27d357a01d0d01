/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <gio/gio.h>

#include "mp-strangers-private.h"

G_BEGIN_DECLS

/* The thread that gives GIO's handshakes their turns, and has the main context that they want.  It is there while there
 * are any, and never waits for one of them.
 *
 * To say a hello, and then nothing, costs a stranger nothing, and a server a signature and the thread that waits for
 * the answer.  Therefore
 *
 *   the networks, or users, that strangers are from have the turns one after the other, so who floods keeps hardly
 *   anybody waiting but his own;
 *   while others wait, or there are more turns than MP_TLS_LASTING_TURNS, one ends when the other end has been silent
 *   for some times as long as the honest ones were last, or as it takes here what is done for one, and the time that
 *   words are on the way besides, which the kernel knows.
 *
 * Honest are those who had the key afterwards: anybody can agree on TLS, and be slow with it.
 */
typedef struct _MpTlsTurnGroup MpTlsTurnGroup;

typedef struct
{
  guint    lane;          /* MP_TLS_LANE_… */
  MpWhence whence;
  gint64   round_trip;    /* µs that words and their answers are on the way; may be set when it begins */
  void   (*begin)   (gpointer data); /* on the thread; mp_tls_turn_end() says when it is over */
  gboolean (*hurry) (gpointer data); /* likewise, with a lock: it shall end; FALSE: the other end is not silent */
  gpointer data;

  /*< private >*/
  MpTlsTurnGroup *group;  /* while it waits */
  GList    link;
  gint64   begun;         /* monotonic time; 0: it has not */
  gint64   waits_since;   /* for the other end; 0: it does not */
  gint64   silence;       /* µs that it has waited so before */
  gboolean has_waited;
  gboolean is_hurried;
} MpTlsTurn;

enum
{
  MP_TLS_LANE_SERVER,
  MP_TLS_LANE_CLIENT,
  MP_TLS_N_LANES
};

#define MP_TLS_SERVER_TURNS  8
#define MP_TLS_LASTING_TURNS 4
#define MP_TLS_CLIENT_TURNS  2

/* What a turn has at most while others wait, in µs. */
#define MP_TLS_GRACE ((gint64) (MP_PREAMBLE_REFUSAL_DELAY * G_USEC_PER_SEC))

gboolean mp_tls_turn_queue     (MpTlsTurn  *self,
                                GError    **error);
gboolean mp_tls_turn_cancel    (MpTlsTurn  *self);
/* From any thread: whether it waits for the other end. */
void     mp_tls_turn_set_waiting (MpTlsTurn *self,
                                gboolean    waits);
void     mp_tls_turn_end       (MpTlsTurn  *self);
gint64   mp_tls_turn_get_begun (MpTlsTurn  *self);
/* Of one who had the key. */
void     mp_tls_turns_learn    (gint64      silence);

G_END_DECLS
