/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-atomic-private.h"

G_BEGIN_DECLS

/* What this process knows of itself.  It lies in a page that the kernel wipes in
 * a forked child, however it was forked: by fork(), by clone() without the C
 * library, from a signal handler, by a library that knows nothing of us.  So a
 * child never takes itself for its parent, and asking costs one load.
 *
 * Objects with a process or a socket behind them begin every operation with
 * mp_self_check_forked(), or with mp_origin_check() if they may be made anew in
 * the child.  Objects in shared memory take the child as another participant and
 * go on.
 */

/* Tables that one process takes part in at once.  One thread mp-watch sleeps on the words of some of them, as
 * many as the kernel lets it; those beyond have another thread, once there are that many.
 */
#define MP_SELF_N_WATCHES      4
#define MP_SELF_TABLES_A_WATCH 16
#define MP_SELF_MAX_TABLES     (MP_SELF_N_WATCHES * MP_SELF_TABLES_A_WATCH)

/* Doorbells of one process: chunks, and doorbells in a chunk. */
#define MP_SELF_N_CHUNKS     256
#define MP_SELF_CHUNK_LENGTH 1024

/* Tables have a bit each, the first of the thread's the lowest. */
typedef struct
{
  MpAtomic32 thread;           /* its id, once it runs */
  MpAtomic32 is_started;
  MpAtomic32 control;          /* futex of the thread: look here again */
  MpAtomic32 wishes;           /* tables it shall take part in */
  MpAtomic32 farewells;        /* tables it shall leave */
  MpAtomic32 n_answers;        /* futex of who made a wish, or waits for a place */
  MpAtomic32 refusals;         /* tables that have no free slot */
  MpAtomic32 dispatching;      /* index + 1 of the doorbell whose function runs */
} MpSelfWatch;

typedef struct
{
  MpAtomic32 is_original;      /* 1: not the child of a fork that the library knows nothing of */
  MpAtomic32 origin;           /* mp_origin_get(); 0: not asked for yet */
  MpAtomic32 lock;             /* mp_self_lock() */

  /* mp-watch.c */
  MpSelfWatch watches[MP_SELF_N_WATCHES];
  MpAtomic32 me[MP_SELF_MAX_TABLES];  /* this process in owner words; 0: not yet */
  int        lock_fds[MP_SELF_MAX_TABLES];  /* 0: none */

  /* mp-doorbell.c */
  MpAtomic32 n_doorbells;
  MpAtomic32 top_doorbell;     /* those from here on were never used */
  guint32    free_doorbell;    /* index + 1 of the first free one below; guarded by `lock` */
  _Atomic (gpointer) chunks[MP_SELF_N_CHUNKS];
} MpSelf;

G_STATIC_ASSERT (sizeof (MpSelf) <= 4096);

extern _Atomic (MpSelf *) mp_self_page;

MpSelf  *mp_self_make_page    (void);
void     mp_self_lock         (MpSelf  *self);
void     mp_self_unlock       (MpSelf  *self);
gboolean mp_self_check_forked (GError **error);
void     mp_self_renew        (void);

static inline MpSelf *
mp_self_get (void)
{
  MpSelf *self = atomic_load_explicit (&mp_self_page, memory_order_acquire);

  return G_LIKELY (self != NULL) ? self : mp_self_make_page ();
}

/*< private >
 * mp_self_is_original:
 *
 * Returns: %FALSE in the child of a fork by others, since this library was first used
 */
static inline gboolean
mp_self_is_original (void)
{
  return G_LIKELY (atomic_load_explicit (&mp_self_get ()->is_original, memory_order_relaxed) != 0);
}

static inline gboolean
mp_self_forked (void)
{
  return !mp_self_is_original ();
}

G_END_DECLS
