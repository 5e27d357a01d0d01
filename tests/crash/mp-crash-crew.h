/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-crash-family.h"

G_BEGIN_DECLS

/* Workers that do something again and again until they are killed, at random moments; another one comes then in the
 * place.
 */
#define MP_CRASH_N_WORKERS 6

typedef struct
{
  guint32 (*begin)   (guint i);   /* worker, once; returns what it is in owner words */
  void    (*work)    (void);      /* worker, for ever */
  void    (*look)    (guint i);   /* harness, at one that is stopped, before it is killed */
  void    (*killed)  (void);      /* harness, when the others have gone on; nullable */
  void    (*stalled) (guint i);   /* harness: that one does not, which is an error */
} MpCrashCrew;

void    mp_crash_crew_run    (const MpCrashCrew *crew,
                              guint              n_kills);
guint32 mp_crash_crew_get_me (guint              i);

G_END_DECLS
