/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <sys/socket.h>

#include <glib.h>

#include "mp-greeting-private.h"

G_BEGIN_DECLS

/* Those who have connected to a listener and are not known yet: who is among them, and who gives way when there are
 * too many.  Plain memory without sockets, locks or clocks.
 *
 * Nobody can tell an honest one from another before he has proved that he has the key; but the honest are quick.  So
 * who must go is, in this order,
 *
 *   one who was refused, and waits to be told so, or who has gone;
 *   the one who should have said something longest ago; for the first word there is less time.
 *
 * How long the honest take is learned from those who had the key.  What somebody has said and nobody has looked at
 * is no fault of his.
 *
 * Of a user or network other than the listener's own there may be MP_PREAMBLE_MAX_OF_ONE, and one more pushes out one
 * of them at once.  When there are MP_PREAMBLE_MAX_STRANGERS of all, one of the largest group goes, so who floods
 * pushes out nobody but his own; but nobody goes before his time, and meanwhile those who come are left to the
 * kernel: else many honest ones who come at the same moment would push each other out.
 */

/* Of whom there may be so many: a user of this machine, or a network. */
typedef struct
{
  sa_family_t family;
  guint8 bytes[7];
  gboolean is_near; /* the listener's own user, or somebody on a loopback address */
} MpWhence;

typedef struct
{
  MpWhence whence;
  GQueue members;  /* the oldest first */
  GList link;      /* in `groups` */
} MpStrangerGroup;

typedef struct
{
  MpStrangerGroup *group;
  GList link;      /* in `members` */
} MpStranger;

/* How far he has come, and since when he is waited for. */
typedef MpGreetingStanding (*MpStrangerLook) (MpStranger *stranger,
                                              gint64     *since);

typedef struct
{
  MpStrangerLook look;
  GQueue groups;
  guint n;
  gint64 slowest;  /* of the last honest ones: µs from when they were let in */
} MpStrangers;

void        mp_strangers_init          (MpStrangers      *self,
                                        MpStrangerLook    look);
void        mp_strangers_add           (MpStrangers      *self,
                                        MpStranger       *stranger,
                                        const MpWhence   *whence);
void        mp_strangers_remove        (MpStrangers      *self,
                                        MpStranger       *stranger);
MpStranger *mp_strangers_peek          (MpStrangers      *self);
void        mp_strangers_foreach       (MpStrangers      *self,
                                        GFunc             func);
/* One who had the key took so long. */
void        mp_strangers_learn         (MpStrangers      *self,
                                        gint64            took);
/* When one more can be let in: 0 at once. */
gint64      mp_strangers_get_next_time (MpStrangers      *self,
                                        gint64            now);
/* Who has to go for one more; NULL: nobody. */
MpStranger *mp_strangers_find_loser    (MpStrangers      *self,
                                        const MpWhence   *whence);

G_END_DECLS
