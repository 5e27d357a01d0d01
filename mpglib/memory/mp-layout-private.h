/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <stddef.h>

#include <glib.h>

#include "mp-atomic-private.h"

G_BEGIN_DECLS

/* Everything that lies in memory shared between processes, and nothing else.
 * docs/shared-memory-format.md is the normative text; whoever changes a struct
 * here raises MP_LAYOUT_VERSION, and changes that text and the fingerprint at
 * the end of this file.
 *
 * Integers have the byte order of the machine.  There are no pointers: places
 * are counted from the beginning of the segment.
 */
#define MP_LAYOUT_VERSION 1

/* --- Segments ------------------------------------------------------------- */

#define MP_SEGMENT_MAGIC "MpMemory"

typedef enum
{
  MP_SEGMENT_TABLE = 1,
  MP_SEGMENT_ARENA = 2,
} MpSegmentKind;

/* At the beginning of every segment; not changed after the segment was made. */
typedef struct
{
  guint8  magic[8];        /* MP_SEGMENT_MAGIC */
  guint32 version;         /* MP_LAYOUT_VERSION */
  guint32 kind;            /* MpSegmentKind */
  guint64 fingerprint;     /* MP_LAYOUT_FINGERPRINT */
  guint64 size;            /* bytes, of the whole segment */
  guint8  boot_id[16];     /* of the kernel that the creator ran on; zero: unknown */
  guint8  id[16];          /* random */
  guint8  table_id[16];    /* the id of the participant table that owners in here are slots of */
  guint8  reserved[48];    /* zero */
} MpSegmentHeader;

/* --- Owners --------------------------------------------------------------- */

/* A word that somebody owns: a lock, a permit, a place in a list.
 *
 *   bits 0-12   slot of the owner + 1; 0: nobody
 *   bits 13-29  generation of that slot
 *   bit 30      NOTE, free for the object
 *   bit 31      WAIT: somebody may sleep on the word
 *
 * `me` is this process in such a word, both flags clear.
 */
#define MP_OWNER_SLOT_MASK       0x00001fffu
#define MP_OWNER_GENERATION_MASK 0x0001ffffu
#define MP_OWNER_SHIFT           13
#define MP_OWNER_MASK            0x3fffffffu
#define MP_OWNER_NOTE            0x40000000u
#define MP_OWNER_WAIT            0x80000000u

/* --- Participants --------------------------------------------------------- */

#define MP_TABLE_N_SLOTS 4096

/* What the kernel's robust futexes use of a life word, besides the thread id. */
#define MP_LIFE_THREAD_MASK 0x3fffffffu
#define MP_LIFE_DIED        0x40000000u
#define MP_LIFE_WAITERS     0x80000000u

/* One process.
 *
 *   {life, generation}       state     who changes it
 *   {0, g}                   free      claim: a newcomer, by CAS -> {tid|WAITERS, g}
 *   {tid|WAITERS, g}         alive     death or exec: the kernel -> {WAITERS|DIED, g}
 *                                      leave: the thread itself -> {tid|WAITERS|DIED, g}, by CAS
 *   {tid|WAITERS|DIED, g}    left      as dead; if the thread dies before it is buried: the kernel
 *                                      -> {WAITERS|DIED, g}
 *   {WAITERS|DIED, g}        dead      bury: whoever notices, any number of them at once:
 *                                      wake all on life and on the vigils, see that it is
 *                                      gone (who left need not), bump epoch, wake all on epoch, CAS -> {0, g+1},
 *                                      or -> {WAITERS, g} where 17 bits of g+1 would be 0
 *   {WAITERS, g}             retired   nobody, ever
 *
 * The thread mp-watch of the process has entered `life` in its own robust list
 * before the claim, so there is no instruction at which a claim leaks a slot.
 */

/* The kernel wakes one sleeper of a word that it marks, and that one may be dying
 * itself: of many that die at once each could take the word of another's death
 * with it.  So nobody shares a word with another to watch a neighbour.
 *
 *   watcher   state   who changes it
 *   0         free    a watcher, by CAS -> me; from then on it alone sleeps on `life`
 *   alive     kept    its watcher -> 0, while it does not sleep
 *   dead      free    a watcher, by CAS -> me
 */
typedef struct
{
  MpAtomic32 life;             /* futex; as the slot's, marked by the kernel after it */
  MpAtomic32 watcher;          /* owner word */
} MpVigil;

#define MP_SLOT_N_VIGILS 4

typedef struct
{
  _Alignas (64) union
  {
    MpAtomic64   identity;     /* generation << 32 | life */
    struct
    {
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
      MpAtomic32 life;         /* futex of who waits for this death */
      MpAtomic32 generation;
#else
      MpAtomic32 generation;
      MpAtomic32 life;
#endif
    };
  };
  MpAtomic64   name;           /* generation << 32 | pid; written last: until then it owns and watches nothing */
  MpAtomic64   start_time;     /* of the process, in clock ticks since boot; 0: unknown */
  MpAtomic64   image;          /* address of the stack that exec made; 0: unknown */
  MpAtomic32   flags;          /* MP_SLOT_... */
  MpAtomic32   poke;           /* futex of its mp-watch: look again for whom to watch */
  guint8       reserved0[24];
  MpAtomic64   rung;           /* channels that rang; see MpBell */
  MpAtomic32   doorbell;       /* futex of its mp-watch: look at `rung` */
  guint8       reserved1[20];
  MpVigil      vigils[MP_SLOT_N_VIGILS];
} MpSlot;

/* The participant holds a write lock (F_OFD_SETLK) on the table's byte `slot`. */
#define MP_SLOT_HAS_FILE_LOCK 1u

/* The participant table: all who share the arenas that name it. */
typedef struct
{
  MpSegmentHeader          header;
  _Alignas (64) MpAtomic32 epoch;       /* futex: deaths so far; who sleeps on anything, sleeps on this too */
  _Alignas (64) MpAtomic32 top;         /* slots from here on were never used */
  MpAtomic32               next;        /* where the next claim begins to look: oldest first */
  MpAtomic32               n_buried;    /* for tests and diagnosis */
  MpAtomic32               n_retired;
  MpSlot                   slots[MP_TABLE_N_SLOTS];
} MpTableLayout;

/* --- Doorbells ------------------------------------------------------------ */

#define MP_BELL_N_WAITERS  7
#define MP_BELL_N_CHANNELS 64

/* Who waits for an object from a main loop.
 *
 *   {sequence, flags|owner}  state    who changes it
 *   {s, 0}                   empty    arm: a newcomer, by CAS -> {s+1, me}, writes channel, goes on as idle
 *   {s, owner}               idle     arm: its owner -> {s+1, ARMED|me}; leave: its owner -> {s+1, 0}
 *   {s, ARMED|owner}         armed    ring: any ringer, by CAS -> {s, RUNG|owner};
 *                                     disarm: its owner -> {s+1, me}; arm, leave: as when idle
 *   {s, RUNG|owner}          rung     a ringer that has rung the doorbell, by CAS -> {s, owner};
 *                                     disarm, arm, leave: as when armed
 *   owner dead, any          dead     a newcomer, by CAS -> {s+1, me}; a ringer, by CAS -> {s+1, 0}
 *
 * A ringer marks (armed -> rung), rings the doorbell of the owner, and takes the
 * mark off (rung -> idle).  Others who find the mark ring as well: so nobody
 * waits for a ringer that is stopped between the two.
 */
typedef struct
{
  MpAtomic64 state;
  MpAtomic32 channel;        /* bit of MpSlot.rung that stands for this waiter */
  guint8     reserved[4];
} MpBellWaiter;

#define MP_BELL_ARMED MP_OWNER_WAIT
#define MP_BELL_RUNG  MP_OWNER_NOTE

/* In an object that can be waited for from a main loop.
 *
 *   gate bits 0-29   sequence, bumped by every arm
 *   gate bit 30      MANY: somebody found no place, so ring all participants
 *   gate bit 31      WAIT: somebody may be armed
 *
 * A ringer takes MANY and WAIT off after it has rung, and only if the sequence
 * is the one it began with.
 */
typedef struct
{
  MpAtomic32   gate;
  guint8       reserved[12];
  MpBellWaiter waiters[MP_BELL_N_WAITERS];
} MpBell;

#define MP_BELL_SEQUENCE_MASK 0x3fffffffu
#define MP_BELL_MANY          0x40000000u
#define MP_BELL_WAIT          0x80000000u

/* --- Arenas --------------------------------------------------------------- */

/* Blocks are whole units and begin at one; records are smaller. */
#define MP_ARENA_UNIT           64
#define MP_ARENA_RECORD         16
#define MP_ARENA_N_CLASSES      20
#define MP_ARENA_JOURNAL_LENGTH 16

/* A small object that cannot be freed while somebody holds it.
 *
 *   n_holds   state   who changes it
 *   0         free    alloc, under the arena's lock
 *   > 0       live    hold, release and sweep, under the lock; the last release
 *                     or sweep adds one to `generation`
 */
typedef struct
{
  MpAtomic32 generation;     /* of handles; one of before is stale */
  MpAtomic32 kind;           /* size class << 16 | type of the object */
  MpAtomic32 n_holds;        /* records that name this block */
  MpAtomic32 next_free;      /* unit of the next free block of the class; 0: none */
} MpBlockHead;

/* "This participant holds that block", in the list of the participant. */
typedef struct
{
  MpAtomic32 block;          /* unit */
  MpAtomic32 next;           /* record (place / MP_ARENA_RECORD); 0: none */
  MpAtomic32 previous;
  guint8     reserved[4];
} MpHoldRecord;

/* What one participant holds in one arena.
 *
 *   owner          state      who changes it, under the arena's lock
 *   0              nobody's   the participant, at its first hold -> me
 *   alive          its own    it adds and removes records
 *   dead           to sweep   anybody releases all records, then -> 0.  Who got the
 *                             slot later must do so before its first hold.
 */
typedef struct
{
  MpAtomic32 owner;
  MpAtomic32 first;          /* record; 0: none */
} MpHoldList;

/* A change to come: word number `word` of the arena becomes `value`. */
typedef struct
{
  MpAtomic32 word;
  MpAtomic32 value;
} MpJournalEntry;

/* All words below `lock` are changed only by its owner, and only through the
 * journal:
 *
 *   n_entries   state       who changes it
 *   0           at rest     the owner writes entries, then -> n: this commits
 *   n           committed   the owner, or the next owner if it died, makes the n
 *                           changes, in any number of attempts, then -> 0
 */
typedef struct
{
  MpSegmentHeader          header;
  _Alignas (64) MpAtomic32 lock;             /* owner word */
  MpAtomic32               swept_epoch;      /* of the table, at the last sweep */
  _Alignas (64) MpAtomic32 n_entries;
  MpAtomic32               units_used;       /* those from here on were never used */
  MpAtomic32               units_allocated;  /* those from here on have no memory yet */
  MpAtomic32               free_record;      /* record; 0: none */
  MpAtomic32               next_record;      /* first never used one of the newest piece */
  MpAtomic32               end_record;       /* end of that piece */
  MpAtomic32               n_objects;
  MpAtomic32               free_blocks[MP_ARENA_N_CLASSES];  /* units; 0: none */
  guint8                   reserved[20];
  MpJournalEntry           journal[MP_ARENA_JOURNAL_LENGTH];
  MpHoldList               holds[MP_TABLE_N_SLOTS];          /* by slot */
} MpArenaLayout;

/* What travels: names an object of an arena for ever. */
typedef struct
{
  guint8  arena_id[16];
  guint32 unit;
  guint32 generation;
} MpHandle;

/* --- Objects -------------------------------------------------------------- */

/* Each begins with the word that its sleepers sleep on, and has a bell for those
 * that wait in a main loop.  The states stand in the headers of what works on them.
 */

/* mp-owner-lock-private.h, mp-owner-rlock-private.h */
typedef struct
{
  MpAtomic32 word;       /* owner word */
  MpAtomic32 count;      /* RLock: how often its owner has it; of meaning while held */
  MpAtomic64 thread;     /* RLock: owner word << 32 | serial of the thread; 0: nobody */
  MpBell     bell;
} MpLockLayout;

/* mp-counter-private.h */
typedef struct
{
  MpAtomic32 word;       /* permits << 1 | WAIT */
  guint8     reserved[12];
  MpBell     bell;
} MpCounterLayout;

/* mp-permits-private.h */
#define MP_PERMITS_MAX 16000

typedef struct
{
  MpAtomic32 gate;       /* sequence << 1 | WAIT */
  MpAtomic32 hint;       /* where to look first */
  MpAtomic32 n_permits;  /* not changed after the object was made */
  guint8     reserved[4];
  MpBell     bell;
  MpAtomic32 owners[];   /* owner words, one a permit; 0: it can be had */
} MpPermitsLayout;

/* mp-notes-private.h */
#define MP_NOTES_N_PLACES 256

typedef struct
{
  MpAtomic32 crowd;      /* sequence << 1 | WAIT; for those that found no place */
  MpAtomic32 turn;       /* the place at which the next note is looked for */
  guint8     reserved[8];
  MpBell     bell;
  MpAtomic32 places[MP_NOTES_N_PLACES];  /* owner words */
} MpNotesLayout;

/* mp-flag-private.h */
typedef struct
{
  MpAtomic32 word;       /* bit 0: set; bits 1-30: how often it was cleared; bit 31: WAIT */
  guint8     reserved[12];
  MpBell     bell;
} MpFlagLayout;

/* mp-rendezvous-private.h */
#define MP_RENDEZVOUS_MAX_PARTIES 8000

typedef struct
{
  union
  {
    MpAtomic64 state;    /* outcomes << 32 | word */
    struct
    {
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
      MpAtomic32 word;
      MpAtomic32 outcomes;
#else
      MpAtomic32 outcomes;
      MpAtomic32 word;
#endif
    };
  };
  MpAtomic32 n_parties;  /* not changed after the object was made */
  guint8     reserved[4];
  MpBell     bell;
  MpAtomic64 arrivals[]; /* one a party: round << 32 | owner */
} MpRendezvousLayout;

/* mp-cell-private.h */
typedef struct
{
  MpAtomic32 writer;     /* owner word */
  MpAtomic32 turn;       /* bit 0: the half that counts */
} MpCell;

/* A word; longer values are two halves of a cell. */
typedef struct
{
  MpCell     cell;
  guint8     reserved[8];
  MpBell     bell;
  MpAtomic64 words[];
} MpValueLayout;

/* mp-whole-private.h */
typedef union
{
  MpAtomic64 both;
  struct
  {
    MpAtomic32 writer;   /* owner word */
    MpAtomic32 torn;
  };
} MpWhole;

/* Followed by the elements, at a multiple of 64, unless they are in memory of their own. */
typedef struct
{
  MpWhole    whole;
  guint8     reserved[40];
} MpArrayLayout;

/* An item of a list is a cell.  A half begins with a word that tells what is in it:
 * bits 0-7 one of MpItemCode, bits 8-63 the length in bytes of strings and bytes.
 */
typedef struct
{
  MpCell     cell;
  guint32    n_words;    /* of a half; not changed after the list was made */
  guint32    place;      /* of the first half, in words from the first item on; likewise */
} MpListItem;

/* Followed by the items and their halves, unless they are in memory of their own. */
typedef struct
{
  guint32    n_items;    /* not changed after the list was made */
  guint8     reserved[44];
} MpListLayout;

/* --- Rings ---------------------------------------------------------------- */

/* mp-ring-private.h.  What one side writes does not share a cache line with what the other writes. */
typedef struct
{
  _Alignas (64)
  MpAtomic32 lock;            /* owner word, short; guards this line and the next */
  MpAtomic32 asleep;          /* somebody of the other side sleeps on `count`: what it needs, in 8 bytes; 0: nobody */
  MpAtomic32 other_count;     /* of the other end, as it was seen last */
  MpAtomic32 watched;         /* futex; how often it woke << 1 | somebody waits for the other side's turn */
  MpAtomic64 other_position;  /* likewise */
  MpAtomic64 other_weight;    /* likewise */
  MpAtomic32 last_count;      /* of put: as whoever had the lock has left `count` and what is valid with it */
  MpAtomic32 last_n_spare;    /* likewise */
  MpAtomic64 last_position;   /* likewise */
  MpAtomic64 last_weight;     /* likewise */
  MpAtomic64 last_n_reused;   /* likewise */

  MpAtomic32 count;           /* futex; records so far << 1 | which position holds */
  MpAtomic32 cpu;             /* on which this side ran when it did that; 0: unknown, else + 1 */
  MpAtomic64 position[2];     /* bytes so far */
  MpAtomic64 n_reused[2];     /* of put: chunks, as mp-ring-memory-private.h says */
  MpAtomic32 n_spare[2];      /* likewise */
  MpAtomic64 weight[2];       /* bytes so far, with those of long records, which are elsewhere */

  MpAtomic32 turn;            /* owner word: who of this side may sleep on the other end */
  MpAtomic32 holding;         /* of take: owner word of who notes what it is about to take in its hand; 0: nobody */
  MpAtomic32 claimant;        /* of put: owner word of who waits for room that others leave to it, futex; 0: nobody */
  guint8     reserved1[4];
  MpAtomic64 claimed;         /* of put: how much, in bytes */
  guint8     reserved2[40];

  MpBell     bell;            /* main loops of the other side */
} MpRingEnd;

/* mp-ring-extents-private.h: where a long record lies. */
typedef struct
{
  MpAtomic64 state;           /* ticket << 32 | owner word */
  MpAtomic64 position;        /* of the record, while somebody holds it */
  MpAtomic32 length;          /* likewise */
  MpAtomic32 kind;            /* likewise */
  guint8     reserved[8];
} MpRingExtent;

#define MP_RING_N_EXTENTS 1024

typedef struct
{
  MpRingEnd  put;
  MpRingEnd  take;
  guint64    capacity;        /* bytes of records at a time; not changed after the ring was made */
  guint32    most_records;    /* at a time; likewise */
  guint32    chunk_bits;      /* binary logarithm of the bytes of a chunk of its memory; likewise */
  MpAtomic32 swept_epoch;     /* of the table, at the last sweep of extents */
  guint32    flags;           /* not changed after the ring was made */
  MpAtomic32 has_orphans;     /* somebody died with records in its hand */
  MpAtomic32 acknowledged;    /* sequence << 1 | WAIT */
  guint8     reserved[32];
} MpRingLayout;

/* Followed by a ring, which begins with a cache line.  What is in the ring has memory of its own. */
typedef struct
{
  guint8     reserved[48];
} MpQueueLayout;

/* mp-ring-aside-private.h: what goes beside a ring by a socket.  Followed by the ring, as that of a queue. */
typedef struct
{
  MpAtomic64 n_sent;
  MpAtomic64 n_taken;
  MpAtomic32 n_closings;      /* of ends that take */
  MpAtomic32 n_joined[2];     /* holders of the end that puts, and of the one that takes, besides the first */
  MpAtomic32 n_left[2];       /* holders of either that have gone in order */
  guint8     reserved[12];
} MpRingAsideLayout;

/* --- Sizes ---------------------------------------------------------------- */

G_STATIC_ASSERT (sizeof (MpSegmentHeader) == 128);
G_STATIC_ASSERT (sizeof (MpSlot) == 128);
G_STATIC_ASSERT (offsetof (MpSlot, poke) == 36);
G_STATIC_ASSERT (offsetof (MpSlot, rung) == 64);
G_STATIC_ASSERT (offsetof (MpSlot, doorbell) == 72);
G_STATIC_ASSERT (offsetof (MpSlot, vigils) == 96);
G_STATIC_ASSERT (sizeof (MpVigil) == 8);
G_STATIC_ASSERT (offsetof (MpTableLayout, epoch) == 128);
G_STATIC_ASSERT (offsetof (MpTableLayout, top) == 192);
G_STATIC_ASSERT (offsetof (MpTableLayout, slots) == 256);
G_STATIC_ASSERT (sizeof (MpTableLayout) == 256 + 128 * MP_TABLE_N_SLOTS);
G_STATIC_ASSERT (sizeof (MpBellWaiter) == 16);
G_STATIC_ASSERT (sizeof (MpBell) == 128);
G_STATIC_ASSERT (sizeof (MpBlockHead) == 16);
G_STATIC_ASSERT (sizeof (MpHoldRecord) == MP_ARENA_RECORD);
G_STATIC_ASSERT (sizeof (MpHoldList) == 8);
G_STATIC_ASSERT (sizeof (MpJournalEntry) == 8);
G_STATIC_ASSERT (offsetof (MpArenaLayout, lock) == 128);
G_STATIC_ASSERT (offsetof (MpArenaLayout, n_entries) == 192);
G_STATIC_ASSERT (offsetof (MpArenaLayout, journal) == 320);
G_STATIC_ASSERT (offsetof (MpArenaLayout, holds) == 448);
G_STATIC_ASSERT (sizeof (MpArenaLayout) == 448 + 8 * MP_TABLE_N_SLOTS);
G_STATIC_ASSERT (sizeof (MpHandle) == 24);
G_STATIC_ASSERT (sizeof (MpLockLayout) == 144);
G_STATIC_ASSERT (sizeof (MpCounterLayout) == 144);
G_STATIC_ASSERT (offsetof (MpPermitsLayout, owners) == 144);
G_STATIC_ASSERT (sizeof (MpNotesLayout) == 144 + 4 * MP_NOTES_N_PLACES);
G_STATIC_ASSERT (sizeof (MpFlagLayout) == 144);
G_STATIC_ASSERT (offsetof (MpRendezvousLayout, arrivals) == 144);
G_STATIC_ASSERT (offsetof (MpValueLayout, words) == 144);
G_STATIC_ASSERT (sizeof (MpWhole) == 8);
G_STATIC_ASSERT (sizeof (MpArrayLayout) == 48);
G_STATIC_ASSERT (sizeof (MpListItem) == 16);
G_STATIC_ASSERT (sizeof (MpListLayout) == 48);
G_STATIC_ASSERT (offsetof (MpRingEnd, watched) == 12);
G_STATIC_ASSERT (offsetof (MpRingEnd, last_n_reused) == 56);
G_STATIC_ASSERT (offsetof (MpRingEnd, count) == 64);
G_STATIC_ASSERT (offsetof (MpRingEnd, turn) == 128);
G_STATIC_ASSERT (offsetof (MpRingEnd, claimed) == 144);
G_STATIC_ASSERT (offsetof (MpRingEnd, bell) == 192);
G_STATIC_ASSERT (sizeof (MpRingEnd) == 320);
G_STATIC_ASSERT (sizeof (MpRingExtent) == 32);
G_STATIC_ASSERT (sizeof (MpRingLayout) == 704);
G_STATIC_ASSERT (sizeof (MpQueueLayout) == 48);
G_STATIC_ASSERT (sizeof (MpRingAsideLayout) == sizeof (MpQueueLayout));
G_STATIC_ASSERT (MP_TABLE_N_SLOTS <= MP_OWNER_SLOT_MASK);

/* --- Fingerprint ---------------------------------------------------------- */

/* FNV-1a over numbers instead of bytes; the compiler computes it.  Two builds
 * that lay these structs out differently refuse each other's memory.
 */
#define MP_FINGERPRINT_MIX(hash, number) \
  (((hash) ^ (guint64) (number)) * G_GUINT64_CONSTANT (0x100000001b3))

#define MP_FINGERPRINT_BEGIN    G_GUINT64_CONSTANT (0xcbf29ce484222325)
#define MP_FINGERPRINT_MACHINE  MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_BEGIN, \
                                G_BYTE_ORDER), sizeof (void *))
#define MP_FINGERPRINT_HEADER   MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_MACHINE, \
                                sizeof (MpSegmentHeader)), offsetof (MpSegmentHeader, table_id))
#define MP_FINGERPRINT_SLOT     MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX ( \
                                MP_FINGERPRINT_HEADER, sizeof (MpSlot)), offsetof (MpSlot, poke)), \
                                offsetof (MpSlot, doorbell)), offsetof (MpSlot, vigils))
#define MP_FINGERPRINT_TABLE    MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_SLOT, \
                                sizeof (MpTableLayout)), offsetof (MpTableLayout, top)), \
                                offsetof (MpTableLayout, slots))
#define MP_FINGERPRINT_BELL     MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_TABLE, \
                                sizeof (MpBell)), sizeof (MpBellWaiter))
#define MP_FINGERPRINT_BLOCK    MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_BELL, \
                                sizeof (MpBlockHead)), sizeof (MpHoldRecord)), MP_ARENA_UNIT)
#define MP_FINGERPRINT_ARENA    MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_BLOCK, \
                                sizeof (MpArenaLayout)), offsetof (MpArenaLayout, journal)), \
                                offsetof (MpArenaLayout, holds))
#define MP_FINGERPRINT_SYNC     MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX ( \
                                MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_ARENA, \
                                sizeof (MpLockLayout)), sizeof (MpCounterLayout)), \
                                offsetof (MpPermitsLayout, owners)), sizeof (MpNotesLayout)), \
                                sizeof (MpFlagLayout)), offsetof (MpRendezvousLayout, arrivals))
#define MP_FINGERPRINT_SHARED   MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX ( \
                                MP_FINGERPRINT_SYNC, offsetof (MpValueLayout, words)), sizeof (MpArrayLayout)), \
                                sizeof (MpListItem)), sizeof (MpListLayout))
#define MP_FINGERPRINT_RING     MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_SHARED, \
                                sizeof (MpRingEnd)), offsetof (MpRingEnd, watched)), offsetof (MpRingEnd, claimed))
#define MP_FINGERPRINT_QUEUE    MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_RING, \
                                sizeof (MpRingLayout)), sizeof (MpQueueLayout))
#define MP_FINGERPRINT_ASIDE    MP_FINGERPRINT_MIX (MP_FINGERPRINT_MIX (MP_FINGERPRINT_QUEUE, \
                                sizeof (MpRingAsideLayout)), offsetof (MpRingAsideLayout, n_left))
#define MP_LAYOUT_FINGERPRINT   MP_FINGERPRINT_ASIDE

/* As docs/shared-memory-format.md has it: who sees this fail has changed the
 * format, and changes the text and the version too.
 */
#if G_BYTE_ORDER == G_LITTLE_ENDIAN && GLIB_SIZEOF_VOID_P == 8
G_STATIC_ASSERT (MP_LAYOUT_FINGERPRINT == G_GUINT64_CONSTANT (0xfbaa30cb3c069423));
#endif

G_END_DECLS
