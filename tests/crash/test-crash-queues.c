/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Processes that put and get, and are killed at random moments, while each item is accounted for: none is lost, none
 * comes twice, none is damaged or out of order, nobody waits for ever, and what the dead had in their hands is told of
 * once, or comes to others, where the queue promises that.
 */

#include <string.h>

#include <mpglib.h>

#include "mp-crash-crew.h"
#include "mp-futex-private.h"
#include "mp-queue-private.h"
#include "../mp-test.h"

#define N_SIDE       (MP_CRASH_N_WORKERS / 2)
#define N_KILLS      300
#define N_KILLS_LONG 10000
#define MAX_ITEMS    (1 << 26)
#define MAX_BATCH    4
#define MAX_LENGTH   600
#define LONG_LENGTH  70000 /* an extent */
#define NARROW_LIMIT 20000

/* Waits for what may never come. */
#define A_MOMENT 0.002

typedef enum
{
  PLAIN,        /* what the dead have in their hands is gone */
  NARROW,       /* likewise, and there is room for so many bytes; some items need nearly all of it */
  REPORTING,    /* is told of */
  REDELIVERING, /* comes to others */
  N_QUEUES
} Kind;

/* Of an item, in one word. */
#define BEGUN       0x1u    /* to be put */
#define PUT         0x2u
#define DONE_BEGUN  0x4u    /* to be acknowledged */
#define DONE        0x8u
#define KIND_SHIFT  4
#define GOT         0x100u  /* times that */
#define GOT_MASK    0xff00u
#define LOST        0x10000u
#define LOST_MASK   0xff0000u

/* What a worker does just now. */
typedef enum
{
  NOTHING,
  PUTTING,
  GETTING,
  HOLDING,
} Doing;

typedef struct
{
  MpAtomic32 doing;   /* Doing | kind << 8 */
} Worker;

typedef struct
{
  MpAtomic32 n_items;
  MpAtomic32 n_corrupt;
  MpAtomic32 n_disordered;
  MpAtomic32 n_after_done;
  MpAtomic32 n_failed;
  char       wrong[256];   /* what was corrupt, at last */
  Worker     workers[MP_CRASH_N_WORKERS];
  MpAtomic32 items[MAX_ITEMS];
} Shared;

/* The beginning of each item; the rest follows from it. */
typedef struct
{
  guint32 number;
  guint32 putter;
  guint32 length;
  guint32 check;
} Head;

static Shared *shared;
static MpQueue *queues[N_QUEUES];
static guint n_hands[N_QUEUES];   /* victims that may have had something of that in their hands */
static guint n_put_victims;

/* Of a worker. */
static Worker *self;
static GRand *chance;
static guint my_place;
static gboolean is_putter;
static guint32 last_seen[N_QUEUES][N_SIDE];

/* --- Items ---------------------------------------------------------------- */

static guint32
get_check (const Head *head)
{
  return (head->number * 2654435761u) ^ (head->putter * 40503u) ^ (head->length << 7);
}

static guint8
get_byte (const Head *head,
          guint32     i)
{
  return (guint8) (head->check + i * 7);
}

static guint32
choose_length (Kind kind)
{
  return g_rand_int_range (chance, 0, 64) == 0
           ? (kind != NARROW ? LONG_LENGTH : NARROW_LIMIT - MAX_LENGTH)
           : (guint32) g_rand_int_range (chance, sizeof (Head), MAX_LENGTH);
}

static guint32
make_item (guint8 *bytes,
           Kind    kind)
{
  Head head = { atomic_fetch_add (&shared->n_items, 1), my_place, choose_length (kind), 0 };

  g_assert_cmpuint (head.number, <, MAX_ITEMS);
  head.check = get_check (&head);
  memcpy (bytes, &head, sizeof head);
  for (guint32 i = sizeof head; i < head.length; i++)
    bytes[i] = get_byte (&head, i);
  atomic_fetch_or (&shared->items[head.number], BEGUN | (guint32) kind << KIND_SHIFT);
  return head.length;
}

/* Returns: FALSE */
static gboolean
note_corrupt (Kind        kind,
              const Head *head,
              gsize       length,
              const char *what,
              guint32     found)
{
  atomic_fetch_add (&shared->n_corrupt, 1);
  g_snprintf (shared->wrong, sizeof shared->wrong,
              "queue %u: item %u of putter %u, %u bytes of which %" G_GSIZE_FORMAT " came: %s %x, got by %s",
              kind, head->number, head->putter, head->length, length, what, found,
              self != NULL ? "a worker" : "the parent");
  return FALSE;
}

static gboolean
read_item (Kind          kind,
           const guint8 *bytes,
           gsize         length,
           Head         *head)
{
  *head = (Head) { 0 };
  memcpy (head, bytes, MIN (length, sizeof *head));
  if (head->check != get_check (head) || head->length != length || head->number >= MAX_ITEMS ||
      head->putter >= N_SIDE)
    return note_corrupt (kind, head, length, "its head has the check", head->check);

  for (guint32 i = sizeof *head; i < head->length; i++)
    if (bytes[i] != get_byte (head, i))
      return note_corrupt (kind, head, length, "wrong from here on:", i);

  return TRUE;
}

/* Returns: its number, or G_MAXUINT32 */
static guint32
note_got (Kind          kind,
          const guint8 *bytes,
          gsize         length)
{
  Head head;
  guint32 before;

  if (!read_item (kind, bytes, length, &head))
    return G_MAXUINT32;

  before = atomic_fetch_add (&shared->items[head.number], GOT);
  if ((before & BEGUN) == 0 || (before >> KIND_SHIFT & 0xf) != (guint32) kind)
    note_corrupt (kind, &head, length, "it should not be there:", before);
  if ((before & DONE) != 0)
    atomic_fetch_add (&shared->n_after_done, 1);

  /* What one has put comes in its order, but for what comes again. */
  if (kind != REDELIVERING && self != NULL)
    {
      if (last_seen[kind][head.putter] > head.number)
        atomic_fetch_add (&shared->n_disordered, 1);
      last_seen[kind][head.putter] = head.number;
    }
  return head.number;
}

/* --- What the workers do -------------------------------------------------- */

static void
linger (void)
{
  for (gint n = g_rand_int_range (chance, 0, 200); n > 0; n--)
    mp_cpu_relax ();
  if (g_rand_int_range (chance, 0, 8) == 0)
    mp_futex_pause (g_rand_int_range (chance, 1, 100));
}

/* One of each side waits for ever, so that the others are there to end that. */
static gdouble
choose_timeout (void)
{
  return my_place == 0 ? -1 : g_rand_int_range (chance, 0, 4) == 0 ? 0 : A_MOMENT;
}

static void
do_now (Doing doing,
        Kind  kind)
{
  atomic_store (&self->doing, (guint32) doing | (guint32) kind << 8);
}

static void
note_failure (const GError *error)
{
  if (!g_error_matches (error, MP_ERROR, MP_ERROR_FULL) && !g_error_matches (error, MP_ERROR, MP_ERROR_EMPTY))
    atomic_fetch_add (&shared->n_failed, 1);
}

static void
put_some (Kind kind)
{
  static guint8 bytes[MAX_BATCH * LONG_LENGTH];
  guint n = (guint) g_rand_int_range (chance, 1, MAX_BATCH + 1), n_put;
  g_autoptr (GError) error = NULL;
  gsize lengths[MAX_BATCH], used = 0;
  guint32 numbers[MAX_BATCH];

  for (guint i = 0; i < n; i++)
    {
      lengths[i] = make_item (bytes + used, kind);
      memcpy (&numbers[i], bytes + used, sizeof numbers[i]);
      used += lengths[i];
    }

  do_now (PUTTING, kind);
  n_put = n > 1 ? mp_queue_put_many_data (queues[kind], bytes, used, lengths, n, NULL, choose_timeout (), NULL, &error)
                : (guint) mp_queue_put_data (queues[kind], bytes, used, "spelt", choose_timeout (), NULL, &error);
  for (guint i = 0; i < n_put; i++)
    atomic_fetch_or (&shared->items[numbers[i]], PUT);
  for (guint i = n_put; i < n; i++)
    atomic_fetch_and (&shared->items[numbers[i]], ~BEGUN);
  do_now (NOTHING, kind);
  if (error != NULL)
    note_failure (error);
}

static void
acknowledge (Kind    kind,
             guint32 number)
{
  if (kind < REPORTING || number == G_MAXUINT32)
    return;

  atomic_fetch_or (&shared->items[number], DONE_BEGUN);
  if (!mp_joinable_queue_task_done (MP_JOINABLE_QUEUE (queues[kind]), NULL))
    atomic_fetch_add (&shared->n_failed, 1);
  atomic_fetch_or (&shared->items[number], DONE);
}

static void
get_some (Kind kind)
{
  static guint8 bytes[MAX_BATCH * LONG_LENGTH];
  guint n = (guint) g_rand_int_range (chance, 1, MAX_BATCH + 1);
  g_autoptr (GError) error = NULL;
  guint32 numbers[MAX_BATCH];
  gsize lengths[MAX_BATCH];
  const guint8 *next = bytes;

  do_now (GETTING, kind);
  n = mp_queue_get_many_into (queues[kind], bytes, sizeof bytes, lengths, n, choose_timeout (), NULL, &error);
  for (guint i = 0; i < n; i++)
    {
      numbers[i] = note_got (kind, next, lengths[i]);
      next += lengths[i];
    }
  do_now (HOLDING, kind);
  linger ();
  for (guint i = 0; i < n; i++)
    acknowledge (kind, numbers[i]);
  do_now (NOTHING, kind);
  if (error != NULL)
    note_failure (error);
}

static guint32
begin_to_work (guint i)
{
  self = &shared->workers[i];
  my_place = i % N_SIDE;
  is_putter = i < N_SIDE;
  chance = g_rand_new ();
  do_now (NOTHING, PLAIN);
  return mp_participant_enter (mp_table_get_default (NULL), NULL);
}

static void
put_or_get_some (void)
{
  Kind kind = (Kind) g_rand_int_range (chance, 0, N_QUEUES);

  if (is_putter)
    put_some (kind);
  else
    get_some (kind);
  linger ();
}

/* --- What is lost and found ----------------------------------------------- */

static void
look_what_it_does (guint i)
{
  guint32 doing = atomic_load (&shared->workers[i].doing);

  if ((doing & 0xff) == PUTTING)
    n_put_victims++;
  if ((doing & 0xff) == GETTING || (doing & 0xff) == HOLDING)
    n_hands[doing >> 8]++;
}

static void
fail_stalled (guint i)
{
  guint32 doing = atomic_load (&shared->workers[i].doing);

  g_error ("worker %u stalls: it does %u at queue %u, which has %u items", i, doing & 0xff, doing >> 8,
           mp_queue_get_length (queues[doing >> 8]));
}

static void
collect_lost (void)
{
  g_autoptr (MpMessage) item = NULL;

  while ((item = mp_joinable_queue_take_lost (MP_JOINABLE_QUEUE (queues[REPORTING]), NULL)) != NULL)
    {
      gsize length;
      const guint8 *bytes = mp_message_get_payload (item, &length);
      Head head;

      if (read_item (REPORTING, bytes, length, &head))
        atomic_fetch_add (&shared->items[head.number], LOST);
      g_clear_object (&item);
    }
}

/* What is left, by one that outlives all. */
static void
drain (Kind kind)
{
  static guint8 bytes[LONG_LENGTH];
  g_autoptr (GError) error = NULL;
  gssize length;

  while ((length = mp_queue_get_into (queues[kind], bytes, sizeof bytes, 0, NULL, &error)) >= 0)
    acknowledge (kind, note_got (kind, bytes, (gsize) length));
  g_assert_error (error, MP_ERROR, MP_ERROR_EMPTY);
}

typedef struct
{
  guint n_put;
  guint n_half;      /* put, but nobody was told so: their putter died */
  guint n_missing;
  guint n_twice;
  guint n_lost;      /* told of */
  guint n_again;     /* times that */
} Account;

static void
account_for (Account *accounts,
             guint32  item)
{
  Account *account = &accounts[item >> KIND_SHIFT & 0xf];
  Kind kind = (Kind) (item >> KIND_SHIFT & 0xf);
  guint n_got = (item & GOT_MASK) / GOT, n_told = (item & LOST_MASK) / LOST;

  if ((item & BEGUN) == 0)
    return;

  account->n_put += (item & PUT) != 0;
  account->n_half += (item & PUT) == 0 && n_got + n_told > 0;
  account->n_lost += n_told;
  switch (kind)
    {
    case PLAIN:
    case NARROW:
      account->n_missing += (item & PUT) != 0 && n_got == 0;
      account->n_twice += n_got > 1;
      break;

    case REPORTING:
      account->n_missing += (item & PUT) != 0 && n_told == 0 && (item & DONE_BEGUN) == 0;
      account->n_twice += n_got > 1 || n_told > 1 || (n_told > 0 && (item & DONE) != 0);
      break;

    case REDELIVERING:
    default:
      account->n_missing += (item & PUT) != 0 && (item & DONE_BEGUN) == 0;
      account->n_again += n_got > 1 ? n_got - 1 : 0;
    }
}

static void
check_accounts (void)
{
  Account accounts[N_QUEUES] = { { 0 } };
  guint n_half = 0;

  for (guint i = 0; i < atomic_load (&shared->n_items); i++)
    account_for (accounts, atomic_load (&shared->items[i]));

  for (guint i = 0; i < N_QUEUES; i++)
    {
      n_half += accounts[i].n_half;
      g_test_message ("queue %u: %u put, %u of whom nobody was told; %u missing, %u twice, %u told of, %u again; "
                      "%u victims that got", i, accounts[i].n_put, accounts[i].n_half, accounts[i].n_missing,
                      accounts[i].n_twice, accounts[i].n_lost, accounts[i].n_again, n_hands[i]);
      g_assert_cmpuint (accounts[i].n_twice, ==, 0);
    }
  g_test_message ("%u items; %u victims that put", atomic_load (&shared->n_items), n_put_victims);

  /* Of a plain queue only what a victim had just got can be missing. */
  g_assert_cmpuint (accounts[PLAIN].n_missing, <=, MAX_BATCH * n_hands[PLAIN]);
  g_assert_cmpuint (accounts[NARROW].n_missing, <=, MAX_BATCH * n_hands[NARROW]);
  g_assert_cmpuint (accounts[REPORTING].n_missing, ==, 0);
  g_assert_cmpuint (accounts[REDELIVERING].n_missing, ==, 0);
  g_assert_cmpuint (accounts[REPORTING].n_lost, <=, MAX_BATCH * n_hands[REPORTING]);
  g_assert_cmpuint (accounts[REDELIVERING].n_again, <=, MAX_BATCH * n_hands[REDELIVERING]);
  g_assert_cmpuint (n_half, <=, MAX_BATCH * n_put_victims);

  g_assert_cmpstr (shared->wrong, ==, "");
  g_assert_cmpuint (atomic_load (&shared->n_corrupt), ==, 0);
  g_assert_cmpuint (atomic_load (&shared->n_disordered), ==, 0);
  g_assert_cmpuint (atomic_load (&shared->n_after_done), ==, 0);
  g_assert_cmpuint (atomic_load (&shared->n_failed), ==, 0);
}

static void
test_queues (void)
{
  static const MpCrashCrew crew = {
    .begin = begin_to_work, .work = put_or_get_some, .look = look_what_it_does, .killed = collect_lost,
    .stalled = fail_stalled,
  };

  shared = mp_test_share (sizeof *shared);
  queues[PLAIN] = g_object_new (MP_TYPE_QUEUE, "max-size", 50, NULL);
  queues[NARROW] = g_object_new (MP_TYPE_QUEUE, "byte-limit", (guint64) NARROW_LIMIT, NULL);
  queues[REPORTING] = g_object_new (MP_TYPE_JOINABLE_QUEUE, "max-size", 50, NULL);
  queues[REDELIVERING] = g_object_new (MP_TYPE_JOINABLE_QUEUE, "max-size", 50, "redelivery", TRUE, NULL);
  mp_crash_crew_run (&crew, mp_crash_get_n_rounds (N_KILLS, N_KILLS_LONG));
  for (guint i = 0; i < N_QUEUES; i++)
    drain ((Kind) i);
  for (guint i = REPORTING; i < N_QUEUES; i++)
    g_assert_true (mp_joinable_queue_join (MP_JOINABLE_QUEUE (queues[i]), MP_TEST_DEADLINE, NULL, NULL));
  collect_lost ();
  check_accounts ();
  for (guint i = 0; i < N_QUEUES; i++)
    g_clear_object (&queues[i]);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_crash_read_arguments (&argc, &argv);
  g_test_add_func ("/crash/queues", test_queues);
  return g_test_run ();
}
