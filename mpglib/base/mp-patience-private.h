/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How long a thread waits in all for those who have what others need only for a moment, and
 * were stopped just then: MP_PATIENCE_OF_LOOPS in a callback of a main loop, which has other things to do;
 * not less, since an owner that has to wait for a processor is not a stopped one.  An asynchronous call need not
 * wait there, but for a moment, since it can look again.
 *
 * What belongs together shares one patience.  A hostile message may have a hundred attachments
 * that each take all of it.
 */
typedef struct _MpPatience MpPatience;

struct _MpPatience
{
  gint64      most;   /* usec; 0: as much as the thread has */
  gint64      spent;  /* usec */
  gint64      lent;   /* usec, of it by mp_patience_lend() */
  MpPatience *outer;
};

#define MP_PATIENCE_OF_LOOPS (250 * G_TIME_SPAN_MILLISECOND)

/* Never waits. */
#define MP_PATIENCE_SPENT { .spent = G_MAXINT64 / 2 }

extern _Thread_local MpPatience *mp_patience_innermost;

void   mp_patience_hurry_thread  (void);
gint64 mp_patience_get_remaining (gint64      most);
gint64 mp_patience_lend          (gint64      usec);
void   mp_patience_give_back     (gint64      usec);
void   mp_patience_spend         (gint64      usec);

/*< private >
 * mp_patience_begin:
 * @self: zero at first, but for `most`; of one thread at a time
 *
 * What the calling thread waits until mp_patience_end() is spent of @self, too.
 */
static inline void
mp_patience_begin (MpPatience *self)
{
  self->outer = mp_patience_innermost;
  mp_patience_innermost = self;
}

static inline void
mp_patience_end (MpPatience *self)
{
  g_assert (mp_patience_innermost == self);
  mp_patience_innermost = self->outer;
}

G_END_DECLS
