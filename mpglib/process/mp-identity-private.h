/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Who this process is among those of the program: its name, and its numbers by generation ("2:1" is the first child of
 * the second child of the main process); the key that all of them share is in mp-own-key-private.h. */
#pragma once

#include "mp-own-key-private.h"

G_BEGIN_DECLS

const char *mp_identity_get_name  (void); /* "MainProcess" in the first one */
const char *mp_identity_get_numbers (void); /* "" in the first one */
/* Numbers for the next child */
char       *mp_identity_new_child (void);
/* In a child, when it learns who it is */
void        mp_identity_set       (const char     *name,
                                   const char     *numbers,
                                   const MpOwnKey *key);

G_END_DECLS
