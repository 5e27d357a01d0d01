/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <sys/types.h>

#include "mp-address-private.h"

G_BEGIN_DECLS

/* Where a listener listens: its socket, and the file of it, if it has one.
 *
 * A file appears when somebody listens behind it, and not before, so whoever finds one
 * where nobody does knows that it was left by the dead.  It goes when the place is left, if it is
 * still the same one.
 */
typedef struct
{
  int        type;      /* of unix sockets: SOCK_SEQPACKET or SOCK_STREAM */
  int        fd;        /* -1: nobody listens */
  MpAddress *address;
  gboolean   is_remote; /* other machines can connect */
  char      *folder;    /* nullable: private, made for this socket */
  int        folder_fd; /* its lock, see mp-private-folder-private.h; -1: none */
  char      *path;      /* nullable: where the file is, whatever folder the program is in */
  gboolean   has_file;
  dev_t      device;    /* of the file */
  ino_t      inode;
} MpPlace;

gboolean mp_place_open         (MpPlace     *self,
                                const char  *address,
                                int          type,
                                GError     **error);
void     mp_place_remove_files (MpPlace     *self);
void     mp_place_close        (MpPlace     *self);
void     mp_place_leave        (MpPlace     *self);
void     mp_place_clear        (MpPlace     *self);

G_END_DECLS
