/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-item-private.h"
#include "mp-queue-private.h"

G_BEGIN_DECLS

/* Getting: for mp-queue-get*.c alone. */

typedef enum
{
  MP_NET_ANY,
  MP_NET_VALUES,
  MP_NET_BYTES,
} MpNetWant;

/* What is wanted. */
typedef struct
{
  MpNetWant want;
  gsize     max_length;   /* of bytes */
  gboolean  leaves_long;  /* what is to be read elsewhere stays */
} MpNetOrder;

#define MP_NET_ANY_LENGTH G_MAXSIZE

/* Items that are short go into memory of the caller's; a long one into its own, from where it is not copied again. */
typedef struct
{
  MpNetOrder order;
  guint8    *data;
  gsize      room;
  guint8    *own;    /* `data`, unless that is the caller's */
  gboolean   is_mute;   /* for somebody who cannot tell of errors */
  gboolean   reads_on;  /* the one that is got need not have been read yet */
} MpNet;

/* Behind what is in memory of the net's own, for who puts something there. */
#define MP_NET_SLACK 16

/* For one item. */
typedef struct
{
  _Alignas (8) guint8 bytes[1024];
} MpNetRoom;

/* For several, of which no more are got at a time than these. */
typedef struct
{
  _Alignas (8) guint8 bytes[8192];
} MpNetLargeRoom;

#define MP_NET_AT_ONCE 64

/* An asynchronous get. */
typedef struct _MpGetting MpGetting;
struct _MpGetting
{
  MpQueueErrand errand;
  MpQueue      *queue;
  MpNet         net;
  MpRingRecord  record;
  guint32       n_read;   /* bytes of it */

  /* Of several; NULL: one is got.  `keep` takes that one, and the other gets more, `most` records: returns how many. */
  void        (*keep)     (MpGetting      *self);
  guint       (*add_more) (MpGetting      *self,
                           MpQueuePrivate *priv,
                           MpRing         *ring,
                           guint32         me,
                           guint           most);
  gboolean      has_first;
  guint         n_there;  /* that were there when the first was got, and may be still: more is for the next call */
};

MpRingResult mp_net_cast     (MpNet               *self,
                              MpQueuePrivate      *priv,
                              MpRing              *ring,
                              guint32              me,
                              MpRingRecord        *records,
                              guint               *n,
                              const MpWait        *wait,
                              GError             **error);
gboolean     mp_net_get_some (MpNet               *self,
                              MpQueue             *queue,
                              MpRingRecord        *records,
                              guint               *n,
                              gdouble              timeout,
                              GCancellable        *cancellable,
                              GError             **error);
GVariant    *mp_net_to_value (MpNet               *self,
                              MpQueuePrivate      *priv,
                              const MpRingRecord  *record,
                              GError             **error);
GBytes      *mp_net_take     (MpNet               *self,
                              const MpRingRecord  *record,
                              guint32              length);

void         mp_getting_init (MpGetting           *self,
                              MpQueue             *queue,
                              MpNetWant            want,
                              gsize                max_length);
void         mp_getting_clear (MpGetting          *self);

static inline MpNet
mp_net_new (MpNetWant  want,
            gsize      max_length,
            gpointer   room,
            gsize      size)
{
  return (MpNet) { { want, max_length, FALSE }, room, size, NULL };
}

static inline void
mp_net_clear (MpNet *self)
{
  g_free (self->own);
}

static inline gboolean
mp_net_get_one (MpNet         *self,
                MpQueue       *queue,
                MpRingRecord  *record,
                gdouble        timeout,
                GCancellable  *cancellable,
                GError       **error)
{
  guint n = 1;

  return mp_net_get_some (self, queue, record, &n, timeout, cancellable, error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MpNet, mp_net_clear)

G_END_DECLS
