/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-mapping-private.h"

G_BEGIN_DECLS

/* Locks on memory that processes find by its name, where they have nothing else in common: those
 * of the kernel (F_OFD_SETLK).  It releases them when who has them ends, however that is.  They ask
 * all others to take them, too, and hinder nobody who does not.
 *
 * A lock belongs to a description of the file that is opened for it, so threads have locks of
 * their own.  A forked child closes its copies: a lock ends with the process that took it.
 *
 * Who has one only copies something, as with mp-short-lock; the patience of who waits is the same.
 */
typedef enum
{
  MP_FILE_LOCK_SHARED,      /* any number at once */
  MP_FILE_LOCK_EXCLUSIVE,   /* nobody else */
} MpFileLockMode;

int  mp_file_lock_acquire (MpMapping       *mapping,
                           MpFileLockMode   mode,
                           GError         **error);
void mp_file_lock_release (int              lock);

G_END_DECLS
