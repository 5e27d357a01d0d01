/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-layout-private.h"
#include "mp-table-private.h"

G_BEGIN_DECLS

/* How a main loop waits for an object in shared memory.
 *
 * The object has an MpBell.  Who waits has an MpDoorbell for it: arms it, looks at
 * the object once more, and returns to its loop.  Whoever changes the object calls
 * mp_bell_ring() after, which costs a fence and one load unless somebody waits.
 * It rings the doorbell of the process; the thread mp-watch hears that and calls
 * the function of the MpDoorbell, which writes to an eventfd or the like.  Then
 * nothing rings until it is armed again: once an idle period, not once a record.
 *
 * It may ring though nothing changed, and does so after each death of a
 * participant, since the dead may have changed something and not rung.
 */
typedef struct _MpDoorbell MpDoorbell;

/* Runs on the thread mp-watch: must not allocate, lock, log or wait. */
typedef void (*MpDoorbellFunc) (gpointer user_data);

MpDoorbell *mp_doorbell_new      (MpTable         *table,
                                  MpBell          *bell,
                                  MpDoorbellFunc   func,
                                  gpointer         user_data,
                                  GError         **error);
void        mp_doorbell_free     (MpDoorbell      *self);
gboolean    mp_doorbell_arm      (MpDoorbell      *self,
                                  GError         **error);
void        mp_doorbell_disarm   (MpDoorbell      *self);
void        mp_doorbell_dispatch (MpTable         *table,
                                  guint64          channels,
                                  gboolean         all);
void        mp_bell_ring_waiters (MpTable         *table,
                                  MpBell          *bell,
                                  guint32          gate);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpDoorbell, mp_doorbell_free)

/*< private >
 * mp_bell_ring_after_exchange:
 *
 * As mp_bell_ring(), where the change was an atomic operation of this process in the
 * order of all of them (the default of <stdatomic.h>), or an exchange of that kind came after it: that takes the
 * fence's place.  C11 has no such word for an exchange of another word, but processors do: on x86 it is a full
 * barrier, and on ARM64 a load in that order stays behind a release before it; others have a fence before such loads.
 */
static inline void
mp_bell_ring_after_exchange (MpTable *table,
                             MpBell  *bell)
{
  guint32 gate = atomic_load (&bell->gate);

  if (G_UNLIKELY ((gate & (MP_BELL_WAIT | MP_BELL_MANY)) != 0))
    mp_bell_ring_waiters (table, bell, gate);
}

/*< private >
 * mp_bell_ring:
 *
 * Tells who waits in a main loop that the object changed; call it after the change.
 */
static inline void
mp_bell_ring (MpTable *table,
              MpBell  *bell)
{
  guint32 gate;

  mp_atomic_fence ();
  gate = atomic_load_explicit (&bell->gate, memory_order_relaxed);
  if (G_UNLIKELY ((gate & (MP_BELL_WAIT | MP_BELL_MANY)) != 0))
    mp_bell_ring_waiters (table, bell, gate);
}

G_END_DECLS
