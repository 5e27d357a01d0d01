/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct MpCancelWatch MpCancelWatch;

/* Of who waits, until its mp_cancel_watch_end(); `func` is called on the thread that cancels, before all handlers of
 * "cancelled", whenever those were connected.  It has a lock that mp_cancel_watch_end() takes, and so takes no other;
 * nothing that it uses needs to stay beyond that. */
struct MpCancelWatch
{
  /*< private >*/
  GCancellable  *cancellable;
  void         (*func) (gpointer data);
  gpointer       data;
  MpCancelWatch *previous;   /* of the same cancellable */
  MpCancelWatch *next;
  guint          generation;
};

void     mp_cancel_watch_begin     (MpCancelWatch *self,
                                    GCancellable  *cancellable,
                                    void         (*func) (gpointer data),
                                    gpointer       data);
void     mp_cancel_watch_end       (MpCancelWatch *self);
gboolean mp_cancel_watch_is_one_of (GCancellable  *cancellable);

/* For fork() */
GMutex  *mp_cancel_watch_get_lock   (void);
void     mp_cancel_watch_forget_all (void);

G_END_DECLS
