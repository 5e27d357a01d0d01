/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The first frame on a child's channel tells it what it is: BOOTSTRAP, a dictionary a{sv}.  If it says so, a MESSAGE
 * with the arguments follows.  The child trusts both: they come over the socket it inherited, from the process that
 * made it.
 *
 *     version       u   1
 *     role          s   "process", "pool" or "template"
 *     name          s   for people
 *     identity      s   numbers by generation: "2", "2:1"
 *     start-method  s   "spawn" or "forkserver"
 *     key           ay  32 bytes, the program's authentication key
 *     generation    u   as in the marker
 *     target        s   absent for pools
 *     spread        b   the arguments are a tuple of arguments
 *     arguments     b   a MESSAGE follows
 *     preparation   v   the launcher's
 *     family        h   the participant table of the program, to which what the child shares belongs; absent: none
 *     hello-timeout d   for what a pool's worker loads, in seconds; below 0, or absent: no end */
#pragma once

#include "mp-frame-private.h"
#include "mp-own-key-private.h"
#include "mp-worker.h"

G_BEGIN_DECLS

#define MP_BOOTSTRAP_VERSION 1
#define MP_KEY_SIZE          MP_OWN_KEY_SIZE

typedef struct {
  MpWorkerRole role;
  char *name;
  char *identity;
  char *start_method;
  char *target;          /* nullable */
  gboolean spread;
  gboolean has_arguments;
  guint generation;
  gdouble hello_timeout;
  GVariant *preparation; /* nullable */
  int family_fd;         /* of one received; -1: none */
  guint8 key[MP_KEY_SIZE];
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
