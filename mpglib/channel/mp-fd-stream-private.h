/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A socket as GIO's TLS wants what is below it: a stream that can be polled.  The descriptor stays the caller's, who
 * ends a read that waits by shutdown().
 */
GIOStream *mp_fd_stream_new         (int           fd,
                                     const guint8 *ahead,
                                     gsize         size);
void       mp_fd_stream_set_waiting (GIOStream    *self,
                                     gboolean      waits);
/* on_wait: in the thread that reads or writes, before it waits for the other end and afterwards; %NULL: nothing */
void       mp_fd_stream_set_on_wait (GIOStream    *self,
                                     void        (*on_wait) (gpointer data, gboolean waits),
                                     gpointer      data);
void       mp_fd_stream_detach      (GIOStream    *self);

G_END_DECLS
