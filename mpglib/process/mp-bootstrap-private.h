/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The first frame on a child's channel tells it what it is: BOOTSTRAP.  If it says so, a MESSAGE with the arguments
 * follows.  The child trusts both: they come over the socket it inherited, from the process that made it.
 *
 * Its body is plain bytes and no dictionary: a child reads it in memory that it has not touched yet, where the code of
 * GVariant, and of a message around it, would be half of what a child does to become one.  Little-endian:
 *
 *     0   4   version, 1
 *     4   1   role: 0 process, 1 pool, 2 template
 *     5   1   start method: 0 spawn, 1 forkserver
 *     6   1   flags: 1 the arguments are a tuple of arguments, 2 a MESSAGE follows, 4 there is a target,
 *             8 there is a preparation, 16 the first descriptor is the program's participant table,
 *             32 the last descriptor is where a template's requests come from
 *     7   1   0
 *     8   4   generation, as in the marker
 *     12  4   bytes of the key, 1 to 64
 *     16  8   hello-timeout: for what a pool's worker loads, in seconds, a double; below 0: no end
 *     24  64  the program's authentication key, and zeros
 *     88      name, identity ("2:1"), target, type of the preparation: strings that end with a zero; the last two if
 *             they are there.  Then the preparation, aligned to 8, up to the end */
#pragma once

#include "mp-frame-private.h"
#include "mp-own-key-private.h"
#include "mp-worker.h"

G_BEGIN_DECLS

#define MP_BOOTSTRAP_VERSION 1

typedef struct {
  MpWorkerRole role;
  char *name;
  char *identity;
  gboolean is_forked;    /* its start method is forkserver */
  char *target;          /* nullable */
  gboolean spread;
  gboolean has_arguments;
  guint generation;
  gdouble hello_timeout;
  GVariant *preparation; /* nullable */
  int family_fd;         /* of one received; -1: none */
  int requests_fd;       /* of a template; -1: none */
  MpOwnKey key;
} MpBootstrap;

MpFrame     *mp_bootstrap_to_frame   (const MpBootstrap  *self);
MpBootstrap *mp_bootstrap_from_frame (MpFrame            *frame,
                                      GError            **error);
void         mp_bootstrap_free       (MpBootstrap        *self);

const char  *mp_worker_role_to_string   (MpWorkerRole        role);
gboolean     mp_worker_role_from_string (const char         *name,
                                         MpWorkerRole       *role);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpBootstrap, mp_bootstrap_free)

G_END_DECLS
