/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What the workers of the pool tests can do, and how tests meet them. */

#pragma once

#include <sys/types.h>

#include <mpglib.h>

G_BEGIN_DECLS

/* First thing in main. */
void      pool_targets_init (void);

/* A gate is a socket.  A worker that runs the target "gate" with the gate's path
 * stands there until it is let through, cancelled or killed; the test gets to
 * know when it has come.
 */
typedef struct
{
  char *path;
  int listener;
  int visitor; /* who stands there; -1: nobody */
} Gate;

Gate     *gate_new          (void);
pid_t     gate_await        (Gate       *gate); /* until a worker stands there: its process */
void      gate_open         (Gate       *gate); /* for who stands there */
/* Until who stands there has left it, let through or not. */
void      gate_await_leave  (Gate       *gate);
void      gate_free         (Gate       *gate);
/* Has a worker go there: by the target "gate" or "stubborn-gate". */
MpPoolResult *gate_submit   (Gate       *gate,
                             MpPool     *pool,
                             const char *target);

MpPool   *pool_new          (guint       n_workers);
/* Closes the pool, and waits until all workers are gone. */
void      pool_finish       (MpPool     *pool);
/* Lets a pool start its template and a worker, so that what the library keeps for
 * good is there before tests look for what they leave.
 */
void      pool_warm_up      (void);

GVariant *numbers_new       (guint       n);     /* ax: 0, 1, 2 … */
gint64    take_int64        (GVariant   *value); /* takes the value */
void      assert_squares    (GVariant   *values, /* av */
                             guint       n);
/* That the pool works: one call. */
void      assert_works      (MpPool     *pool);
void      assert_cancelled  (MpPoolResult *result);
void      assert_exhausted  (MpResultIterator *iterator);

G_END_DECLS
