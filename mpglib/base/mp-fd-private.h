/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

int  mp_fd_duplicate (int      fd,
                      GError **error);
void mp_fd_close     (int     *fd);
gboolean mp_fd_has_option (int fd,
                      int      option,
                      int      expected);
void mp_fds_close    (int     *fds,
                      guint    n_fds);

G_END_DECLS
