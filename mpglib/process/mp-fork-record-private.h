/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What a host, a template and its spare say to each other of a child: a packet of 16 bytes, and at most one descriptor
 * with it, on a socket of its own.  It is said for each start, while somebody waits, by processes that have just been
 * forked and find all memory to be copied: so it takes no memory, no message and no transport.
 *
 *     WANTED    host to template, template to spare: a child, whose channel comes with it
 *     UNWANTED  host to template: it is to be killed
 *     MADE      template to host: number is the pid; the pidfd comes with it
 *     LEFT      the same, and the last word about it: the kernel reaps it, and tells the host its status.  After MADE:
 *               it has ended, and somebody else has reaped it
 *     ENDED     template to host: number is the wait status
 *
 * A receiver that has no descriptors left gets the record without. */
#pragma once

#include "mp-transport-private.h"

G_BEGIN_DECLS

typedef enum {
  MP_FORK_WANTED = 1,
  MP_FORK_UNWANTED,
  MP_FORK_MADE,
  MP_FORK_LEFT,
  MP_FORK_ENDED,
} MpForkWord;

typedef struct {
  guint32 word;
  gint32 number;
  guint64 serial; /* of the request, not 0 */
} MpForkRecord;

/* Over one end of mp_transport_new_pair().
 * DONE, AGAIN, CLOSED; FAILED with an error: it cannot be sent at all.  The descriptor, or -1, stays the caller's */
MpIoStatus mp_fork_record_send    (int                  fd,
                                   const MpForkRecord  *record,
                                   int                  descriptor,
                                   GError             **error);
/* DONE, AGAIN, CLOSED; FAILED: what came is no record.  `descriptor` is the caller's, or -1 */
MpIoStatus mp_fork_record_receive (int                  fd,
                                   MpForkRecord        *record,
                                   int                 *descriptor);

G_END_DECLS
