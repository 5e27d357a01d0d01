/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The marker tells a program that it was started as a child: an environment variable and two descriptors at fixed
 * numbers.  It is consumed by the first look, so that programs that the child starts do not see it; generations are
 * counted, so that a program that starts itself ends. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define MP_MARKER_VARIABLE    "MPGLIB_CHILD"
#define MP_MARKER_CHANNEL_FD  3 /* SEQPACKET socket to the parent */
#define MP_MARKER_LIFELINE_FD 4 /* pipe whose other end the host holds */
#define MP_MARKER_GENERATIONS 64

typedef struct {
  guint generation; /* 1 for a child of the first process */
  int host_pid;     /* the process that started this one */
} MpMarker;

/* TRUE once, in a child.  FALSE without error: this is no child.  FALSE with error: the marker is there, but not
 * what it speaks of. */
gboolean mp_marker_take           (MpMarker  *marker,
                                   GError   **error);
/* "MPGLIB_CHILD=…" for a child of this process */
char    *mp_marker_new            (void);
/* The generation of this process: 0 for one that nobody started through mpglib */
guint    mp_marker_get_generation (void);

G_END_DECLS
