/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The thread that gives GIO's handshakes their turns, and has the main context that they want.  It is there while there
 * are any, and never waits for one of them.
 */
typedef struct
{
  guint    lane;          /* MP_TLS_LANE_… */
  void   (*begin)   (gpointer data); /* on the thread; mp_tls_turn_end() says when it is over */
  void   (*hurry)   (gpointer data); /* likewise: others wait, and it shall come to an end */
  gpointer data;

  /*< private >*/
  GList    link;
  gint64   begun;         /* monotonic time; 0: it waits */
  gboolean is_hurried;
} MpTlsTurn;

enum
{
  MP_TLS_LANE_SERVER,
  MP_TLS_LANE_CLIENT,
  MP_TLS_N_LANES
};

gboolean mp_tls_turn_queue     (MpTlsTurn  *self,
                                GError    **error);
gboolean mp_tls_turn_cancel    (MpTlsTurn  *self);
void     mp_tls_turn_end       (MpTlsTurn  *self);
gint64   mp_tls_turn_get_begun (MpTlsTurn  *self);

G_END_DECLS
