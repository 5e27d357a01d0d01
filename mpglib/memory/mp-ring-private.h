/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

#include "mp-layout-private.h"
#include "mp-ring-extents-private.h"
#include "mp-ring-memory-private.h"
#include "mp-ring-pace-private.h"
#include "mp-table-private.h"
#include "mp-wait-private.h"

G_BEGIN_DECLS

/* Records of any length that several processes put into shared memory and several take, in the
 * order in which they were put; each of them may be killed at any instruction.
 *
 * There are two ends, which look alike; what is between them lies in memory that grows and shrinks
 * (mp-ring-memory-private.h).  Each has a short lock for as long as it takes to copy
 * some records, and one word that commits: `count`, whose last bit tells which of two positions
 * holds.
 *
 *   lock     count   the other position, and bytes that are not between the positions of both ends
 *   0        c       anything
 *   X        c       X fills them; then count -> c', in one step with the wake of who sleeps on it
 *   D        c       whatever D has left there when it died: as if it had done nothing
 *   X or D   c'      done
 *
 * So there is nothing to repair.  Who waits for records looks at `count` again and again, and takes its cache
 * line away; so whoever puts has what it begins with in another:
 *
 *   lock     last_count, and what is valid with it
 *   0        as count                                   who gets the lock begins with it
 *   X        anything                                   X writes it when it has committed
 *   D        anything                                   who does not find the lock free reads count, and writes it
 *
 * Who has to wait, for a record or for room, first gets the turn of its side:
 *
 *   turn     the other end
 *   0                              nobody sleeps
 *   X        asleep = 0            X looks, under the lock of the other end;
 *            asleep = need         X sleeps on the count of the other end, or is about to;
 *            -> 0, by who commits  X was woken
 *   D        any                   the next one that wants the turn has it, and looks first: so it does not
 *                                  matter that the wake went to the dead
 *   S -> Y   any                   S is stopped, has the turn, and has left for MP_RING_PATIENCE_USEC what is there for
 *                                  it, so that Y passes over it; S sees that when it goes on, before it sleeps again,
 *                                  or else two sleep: who commits wakes all, and `asleep` is the less of what they need
 *
 * Only who has the turn sleeps on the other end; so a wake is sent only if somebody
 * sleeps, and only if it finds what it needs.  A lock is held by nobody who takes another, and a turn by
 * nobody who takes another turn.
 *
 * Who waits for a turn looks after who has it, without a timer while there is nothing to be seen:
 *
 *   watched     of the other end
 *   2n          nobody is to be woken; who waits looks within MP_RING_PATIENCE_USEC whether there is something that X
 *               could use, and if not, under the lock: -> 2n + 1
 *   2n + 1      those sleep on this word, too; who commits: -> 2n + 2, and all are woken
 *               (and, if they wait for room, on `claimant`, with WAIT)
 *
 * Whoever waits for room claims it, so that no smaller records of others take it again and again:
 *
 *   claimant   claimed   who puts                                  who changes it, with the lock of the end put
 *   0          any       may have all room                         X that waits, and finds too little room:
 *                                                                  claimed -> need, then claimant -> X
 *   X          need      leaves so much to X, unless it is X; sets X, when it has put; or without the lock, when it
 *                        WAIT if it sleeps until that ends         gives up; or whoever found for as long as
 *                                                                  MP_RING_PATIENCE_USEC, by its own clock, that X
 *                                                                  could put, and did not: -> 0; X, if it lives
 *                                                                  and waits, claims anew
 *   D          any       may have all room                         the next one that waits, as from 0
 *
 * Main loops wait by the bell of the other end, and arm it before they look; who commits looks at the bell when it has
 * given the lock back.
 *
 * Nothing in the memory is believed: marks and lengths are read once and checked, and what does not fit
 * is %MP_ERROR_CORRUPTED.
 */
typedef struct
{
  MpTable      *table;
  MpRingLayout *layout;
  MpRingMemory  memory;
  MpRingExtents extents;
  guint64       capacity;
  guint32       most_records;
  guint32       flags;
  guint32       long_length;   /* from here on records lie in extents; tests make it less */
  MpAtomic32    patience[2];   /* of this process, for each side: see mp-ring-wait.c */
  MpAtomic32    is_thin[2];    /* likewise: there was but little room, or were few records, when it looked last */
  MpAtomic64    held_up_since; /* likewise: a claim is left unused, in g_get_monotonic_time(); 0: none is */
  MpRingPace    pace;          /* likewise: how batches are put */
} MpRing;

/* One commit has not more. */
#define MP_RING_BATCH 1023

#define MP_RING_MAX_RECORDS 0x3fffffffu

/* The data of a record that is put, where nobody shall have to put them together. */
typedef struct
{
  gconstpointer body;
  gconstpointer tail;
} MpRingPieces;

typedef struct
{
  gconstpointer data;     /* MpRingPieces, if it has a tail */
  guint32       length;
  guint32       kind;     /* the user's, less than MP_RING_MAX_KIND */
  MpRingExtentName extent;  /* where the data of a long one lies already, see mp_ring_prepare(); or, of a record
                               that was taken and is held, what mp_ring_acknowledge() is to be given */
  gboolean      is_elsewhere;  /* taken, and its data to be read */
  guint32       tail_length;   /* to be put: so many of its last bytes lie elsewhere than those before; 0: none do */
} MpRingRecord;

typedef enum
{
  MP_RING_HOLDS      = 1 << 0,  /* what is taken stays in the taker's hand until that acknowledges it */
  MP_RING_REDELIVERS = 1 << 1,  /* what the dead have held is taken by others, before all else */
  MP_RING_ALL_FLAGS  = MP_RING_HOLDS | MP_RING_REDELIVERS,
} MpRingFlags;

#define MP_RING_MAX_KIND 0x7fffffffu

/* How long who waits may leave what it waits for before others have it. */
#define MP_RING_PATIENCE_USEC (100 * G_TIME_SPAN_MILLISECOND)

/* Looks at length and kind of the next record, under the lock of the end. */
typedef gboolean (*MpRingWants) (const MpRingRecord *record,
                                 gconstpointer       user_data);

/* Where records that are taken go: one behind the other. */
typedef struct
{
  guint8       *data;
  gsize         room;
  MpRingRecord *records;   /* their data is in `data` */
  guint         n_records; /* at most; then how many there are */
  MpRingWants   wants;     /* whether that one is to be taken; NULL: all are */
  gconstpointer user_data;
  gboolean      leaves_long; /* one that is elsewhere is to be read by mp_ring_read_some() */
  guint         n_failed;  /* then: those besides, that were taken and could not be read, and are gone */
  guint64       begin;     /* of what the dead have held: what was put before this position is let be */
  guint64       position;  /* then: of the first of that, also if it was not taken */
} MpRingHaul;

typedef enum
{
  MP_RING_DONE,
  MP_RING_AGAIN,     /* full, empty, or the wait is over */
  MP_RING_NO_ROOM,   /* the haul has none for the first record, whose length is in its place; nothing was taken */
  MP_RING_UNWANTED,  /* nor is the first record wanted, which is in its place but for its data */
  MP_RING_FAILED,    /* the error says why */
} MpRingResult;

gboolean     mp_ring_open     (MpRing              *self,
                               MpTable             *table,
                               MpRingLayout        *layout,
                               guint8              *data,
                               guint64              size,
                               int                  fd,
                               GError             **error);
void         mp_ring_init     (MpRingLayout        *layout,
                               guint64              capacity,
                               guint32              most_records,
                               guint32              chunk_bits,
                               MpRingFlags          flags);
gboolean     mp_ring_prepare  (MpRing              *self,
                               guint32              me,
                               MpRingRecord        *record,
                               GError             **error);
gboolean     mp_ring_prepare_some (MpRing          *self,
                               guint32              me,
                               MpRingRecord        *record,
                               guint32             *n_done,
                               GError             **error);
void         mp_ring_forget   (MpRing              *self,
                               guint32              me,
                               MpRingRecord        *record);
gboolean     mp_ring_read_some (MpRing             *self,
                               guint32              me,
                               MpRingRecord        *record,
                               guint32             *n_read,
                               GError             **error);
void         mp_ring_end_reading (MpRing           *self,
                               guint32              me,
                               MpRingRecord        *record);
MpRingResult mp_ring_try_put  (MpRing              *self,
                               guint32              me,
                               const MpRingRecord  *records,
                               guint                n_records,
                               guint               *n_put,
                               GError             **error);
MpRingResult mp_ring_try_put_claiming (MpRing      *self,
                               guint32              me,
                               const MpRingRecord  *records,
                               guint                n_records,
                               guint               *n_put,
                               gboolean            *has_claim,
                               GError             **error);
void         mp_ring_give_up_claim (MpRing          *self,
                                    guint32          me,
                                    gboolean        *has_claim);
gint64       mp_ring_get_next_look (MpRing          *self);
MpRingResult mp_ring_try_take (MpRing              *self,
                               guint32              me,
                               MpRingHaul          *haul,
                               GError             **error);
MpRingResult mp_ring_put      (MpRing              *self,
                               guint32              me,
                               const MpRingRecord  *records,
                               guint                n_records,
                               guint               *n_put,
                               MpWait               wait,
                               GError             **error);
MpRingResult mp_ring_take     (MpRing              *self,
                               guint32              me,
                               MpRingHaul          *haul,
                               MpWait               wait,
                               GError             **error);
void         mp_ring_give_back (MpRing             *self,
                                guint32             me);
gboolean     mp_ring_acknowledge (MpRing                 *self,
                                  guint32                 me,
                                  const MpRingExtentName *extent);
gboolean     mp_ring_disown   (MpRing                 *self,
                               guint32                 me,
                               const MpRingExtentName *extents,
                               guint                   n,
                               GError                **error);
gboolean     mp_ring_has_orphans (MpRing              *self);
gboolean     mp_ring_look_for_orphans (MpRing         *self,
                                       guint32         me);
gboolean     mp_ring_is_done  (MpRing              *self);
gboolean     mp_ring_wait_done (MpRing             *self,
                                MpWait              wait);
MpRingResult mp_ring_take_lost (MpRing             *self,
                                guint32             me,
                                MpRingHaul         *haul,
                                GError            **error);
gboolean     mp_ring_begin_linger (MpRing          *self,
                                  guint64           need);
void         mp_ring_linger_here (MpRing           *self,
                                  guint64           need);
void         mp_ring_set_spin (gboolean             spins);
gboolean     mp_ring_spin     (MpRing              *self,
                               guint64              need);
guint        mp_ring_count    (MpRing              *self);
guint64      mp_ring_count_room (MpRing            *self,
                                 guint64            need);
gboolean     mp_ring_has_room (MpRing              *self,
                               guint64              need);

/* In `patience` and `is_thin`. */
#define MP_RING_PUTS  0
#define MP_RING_TAKES 1

/*< private >
 * mp_ring_wants_linger:
 * @need: as for mp_ring_linger()
 *
 * For who has a lock to give up first.
 *
 * Returns: whether mp_ring_linger_here() is to be called, which takes its time
 */
static inline gboolean
mp_ring_wants_linger (MpRing  *self,
                      guint64  need)
{
  return G_UNLIKELY (atomic_load_explicit (&self->is_thin[need != 0 ? MP_RING_PUTS : MP_RING_TAKES],
                                           memory_order_relaxed) != 0) &&
         mp_ring_begin_linger (self, need);
}

/*< private >
 * mp_ring_linger:
 * @need: bytes of room, from mp_ring_measure(); 0: for a record
 *
 * Before a put, or a take, that may wait.
 */
static inline void
mp_ring_linger (MpRing  *self,
                guint64  need)
{
  if (mp_ring_wants_linger (self, need))
    mp_ring_linger_here (self, need);
}

/* Of all records that there are at a time, with their heads. */
#define MP_RING_MAX_CAPACITY (G_GUINT64_CONSTANT (1) << 40)
#define MP_RING_MAX_CHUNKS   (1u << 24)

static inline guint64
mp_ring_measure (guint32 length)
{
  return 8 + (((guint64) length + 7) & ~(guint64) 7);
}

/*< private >
 * mp_ring_is_long:
 *
 * Returns: whether mp_ring_prepare() copies it
 */
static inline gboolean
mp_ring_is_long (MpRing             *self,
                 const MpRingRecord *record)
{
  return record->length >= self->long_length && mp_ring_measure (record->length) <= self->capacity;
}

/* Bytes of the file that is shared; of them mp_ring_memory_measure() are to be mapped. */
static inline guint64
mp_ring_measure_file (guint64 capacity,
                      guint32 chunk_bits)
{
  return mp_ring_memory_measure (capacity, chunk_bits) + mp_ring_extents_measure (capacity);
}

G_END_DECLS
