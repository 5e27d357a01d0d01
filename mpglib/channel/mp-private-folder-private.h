/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Folders of the mode 0700, each for one socket.  Who has made one keeps a lock on it, by a descriptor that his
 * children do not have: so one that is not locked was left by somebody who was killed, and whoever makes
 * the next one removes it.
 */

/* In a private folder. */
#define MP_PRIVATE_FOLDER_SOCKET "socket"

char *mp_private_folder_new   (const char  *parent,
                               int         *lock_fd,
                               GError     **error);
void  mp_private_folder_sweep (const char  *parent);

G_END_DECLS
