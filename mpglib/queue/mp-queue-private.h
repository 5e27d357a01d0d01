/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-async-wait-private.h"
#include "mp-blocking-wait-private.h"
#include "mp-change-watch-private.h"
#include "mp-hold-up-private.h"
#include "mp-queue-store-private.h"
#include "mp-queue.h"
#include "mp-waitable-private.h"

G_BEGIN_DECLS

/* Of the functions that do not wait, in seconds: less than anybody would want to cancel, or do something else in. */
#define MP_QUEUE_MAX_PATIENCE 0.001

/* Of the asynchronous functions, in a turn of the main loop; values take most time, half a microsecond each. */
#define MP_QUEUE_ITEMS_A_TURN 512

/* What tells one kind of queue from the other. */
typedef struct
{
  const char *name;                   /* as in to_string */
  gint64    (*tell_lost) (MpQueue *self);  /* NULL: it never loses anything; returns when to call it again */
} MpQueueKind;

typedef enum
{
  MP_QUEUE_ITEMS,     /* what getters wait for: they hear the bell of those that put */
  MP_QUEUE_SPACE,     /* what putters wait for */
  MP_QUEUE_N_SIDES
} MpQueueSide;

/* What a main loop is told of: both sides, and what is lost. */
#define MP_QUEUE_LOST      MP_QUEUE_N_SIDES
#define MP_QUEUE_N_WATCHES (MP_QUEUE_N_SIDES + 1)

typedef struct
{
  MpQueueStore   store;
  MpRingFlags    flags;          /* with which it is to be made */
  int            is_closed;      /* atomic; not opened any more */
  int            is_live;        /* atomic */
  int            n_untold;       /* atomic; items that are none, and were taken by calls that could not tell of them */
  int            has_done[MP_QUEUE_N_SIDES];  /* atomic: a get, or a put, since it was told last, if it is live */
  MpHoldUpLine   lines[MP_QUEUE_N_SIDES];   /* of waits in main loops, whose places these are, too */
  GMainContext  *main_context;   /* atomic; NULL: received, and nobody has asked for it */

  /* What belongs to this process alone: a forked child has none of its parent's. */
  guint          origin;         /* atomic; the process whose it is, or that makes its own just now */
  GMutex         lock;
  GQueue         waits;          /* of MpQueueWait: threads that wait */
  MpChangeWatch *watches[MP_QUEUE_N_WATCHES];
  GArray        *held;           /* of MpRingExtentName: what was got of a queue that holds, the oldest first */
} MpQueuePrivate;

/* A wait of the calling thread, in its stack; closing the queue ends it, too. */
typedef struct
{
  MpBlockingWait blocking;
  GList          link;
} MpQueueWait;

/* What an asynchronous call has to do: the beginning of its task's data. */
typedef struct _MpQueueErrand MpQueueErrand;
struct _MpQueueErrand
{
  MpQueueSide  side;
  MpRingResult (*try_once) (MpQueueErrand   *self,
                            MpQueuePrivate  *priv,
                            MpRing          *ring,
                            guint32          me,
                            GError         **error);
  gboolean     has_given_up;   /* its time was over, or it was cancelled */
  gboolean     was_held_up;    /* then, so that nobody knows what there was */
  gboolean     has_claim;      /* others leave it room */
  gboolean     goes_on;        /* it waits for nothing: others have their turn, and then it does more */
  MpHoldUp     hold_up;
};

extern gpointer mp_queue_class;

void            mp_queue_waitable_init (MpWaitableInterface *iface);
gboolean        mp_queue_has_item      (MpQueuePrivate     *self,
                                        MpRing             *ring,
                                        guint32             me);
MpQueuePrivate *mp_queue_get_private   (MpQueue            *self);
MpShareable    *mp_queue_unpack_kind   (GType               type,
                                        gboolean            holds,
                                        MpUnpacking        *unpacking,
                                        GVariant           *description,
                                        int                *fds,
                                        guint               n_fds,
                                        GError            **error);
gboolean        mp_queue_set_closed    (GError            **error);
void            mp_queue_set_not_yet   (MpQueueSide         side,
                                        GError            **error);

void            mp_queue_lock_own      (MpQueuePrivate     *self);
gboolean        mp_queue_wait_begin    (MpQueuePrivate     *self,
                                        MpQueueWait        *wait,
                                        MpQueueSide         side,
                                        gdouble             timeout,
                                        GCancellable       *cancellable,
                                        GError            **error);
void            mp_queue_wait_end      (MpQueuePrivate     *self,
                                        MpQueueWait        *wait);
void            mp_queue_wait_fail     (MpQueuePrivate     *self,
                                        MpQueueWait        *wait,
                                        MpQueueSide         side,
                                        GError            **error);
void            mp_queue_end_waits     (MpQueuePrivate     *self);

void            mp_queue_start_async    (GTask              *task_taken,
                                        gdouble             timeout);
MpRingResult    mp_queue_hold_on       (MpQueueErrand      *errand,
                                        MpRingResult        result,
                                        GError            **error);
void            mp_queue_unclaim       (MpQueuePrivate     *self,
                                        MpQueueErrand      *errand);
gpointer        mp_queue_finish        (MpQueue            *self,
                                        GAsyncResult       *result,
                                        gpointer            tag,
                                        GError            **error);
MpBell         *mp_queue_get_bell      (MpRing             *ring,
                                        MpQueueSide         side);

void            mp_queue_install_signals (MpQueueClass     *klass);
void            mp_queue_watch_lost      (guint             signal);
void            mp_queue_end_watches   (MpQueuePrivate     *self);

void            mp_queue_note_held     (MpQueuePrivate     *self,
                                        const MpRingRecord *records,
                                        guint               n);
void            mp_queue_drop_held     (MpQueuePrivate     *self,
                                        const MpRingRecord *record);
void            mp_queue_disown        (MpQueuePrivate     *self);
void            mp_queue_give_back     (MpQueueStore       *store,
                                        GArray             *names_taken);
gboolean        mp_queue_acknowledge   (MpQueuePrivate     *self,
                                        GError            **error);

/* MP_IS_QUEUE(), without a call but for derived classes. */
#define MP_QUEUE_IS_ONE(self) \
  ((self) != NULL && (((GTypeInstance *) (self))->g_class == mp_queue_class || MP_IS_QUEUE (self)))

/*< private >
 * mp_queue_enter:
 *
 * Returns: the ring, or %NULL with the error set
 */
static inline MpRing *
mp_queue_enter (MpQueuePrivate  *self,
                guint32         *me,
                GError         **error)
{
  if (G_UNLIKELY (g_atomic_int_get (&self->is_closed)))
    {
      mp_queue_set_closed (error);
      return NULL;
    }

  return mp_queue_store_get_ring (&self->store, me, error);
}

/* Of what is no item and was taken: the next call that gets something tells. */
static inline gboolean
mp_queue_has_untold (MpQueuePrivate *self)
{
  return G_UNLIKELY (g_atomic_int_get (&self->n_untold) > 0);
}

/* After a get, or a put: so who is told of more and took something is told again. */
static inline void
mp_queue_note_done (MpQueuePrivate *self,
                    MpQueueSide     side)
{
  if (G_UNLIKELY (g_atomic_int_get (&self->is_live)))
    g_atomic_int_set (&self->has_done[side], TRUE);
}

G_END_DECLS
