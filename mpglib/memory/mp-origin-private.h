/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

/* Which process an object belongs to.  The word lies in a page that the kernel wipes in a forked child, so a
 * child notices by one load that it is another process, however it was forked. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Never 0; the same for the whole life of a process image, another one in a forked child */
guint32  mp_origin_get   (void);
/* For a child that was just forked, where all of the first mp_origin_get() but a look at the page is done with one
 * page fault less */
void     mp_origin_begin (void);
/* FALSE and MP_ERROR_FORKED, naming `what`, if `origin` is another process's */
gboolean mp_origin_check (guint32      origin,
                          const char  *what,
                          GError     **error);

G_END_DECLS
