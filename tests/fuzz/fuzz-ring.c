/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* A ring in which somebody writes what he likes: whoever uses it comes to an end with everything, and
 * reads and writes nowhere else.
 *
 * The input is which ring it is, and a row of deeds of its user and of the one who spoils it.
 */

#include "config.h"

#include <string.h>
#include <sys/mman.h>

#include <mpglib.h>

#include "mp-memfd-private.h"
#include "mp-participant-private.h"
#include "mp-ring-end-private.h"
#include "mp-ring-private.h"
#include "mp-short-lock-private.h"

#include "fuzz.h"

#define MAX_DEEDS  200
#define LONGEST    700   /* of a record */
#define LONG       200   /* from here on they lie in extents */
#define MAX_RECORDS 4

/* Of the largest one */
#define MAX_MEMORY (1u << 20)

/* Of waits, and of the patience with those who have a lock: no longer than it takes to see that they end. */
#define A_MOMENT 20

typedef struct
{
  const uint8_t *next;
  const uint8_t *end;
} Input;

typedef struct
{
  MpRing ring;
  MpRingExtentName held[MAX_RECORDS];  /* what was taken last, to be acknowledged */
} User;

static MpTable *table;
static MpRingLayout *layout;
static guint8 *memory;
static int memory_fd = -1;
static guint8 bytes[LONGEST];

static guint8
read_byte (Input *input)
{
  return input->next < input->end ? *input->next++ : 0;
}

static guint32
read_u16 (Input *input)
{
  guint32 low = read_byte (input);

  return low | (guint32) read_byte (input) << 8;
}

static guint64
read_u64 (Input *input)
{
  guint64 value = 0;

  for (guint i = 0; i < 8; i++)
    value |= (guint64) read_byte (input) << (8 * i);
  return value;
}

static guint32
get_me (void)
{
  return mp_participant_enter (table, NULL);
}

/* --- Who spoils it --------------------------------------------------------------------- */

/* Numbers that could be right as well. */
static guint64
read_number (Input *input)
{
  guint8 kind = read_byte (input);

  switch (kind % 8)
    {
    case 0:
      return 0;
    case 1:
      return read_byte (input);
    case 2:
      return read_u16 (input);
    case 3:
      return G_MAXUINT64 - read_byte (input);
    case 4:
      return get_me () | (read_byte (input) % 2 == 0 ? 0 : MP_OWNER_NOTE);
    case 5:
      return G_GUINT64_CONSTANT (1) << (read_byte (input) % 64);
    case 6:
      return (guint64) read_byte (input) << 32 | 0x1003; /* an owner that nobody is */
    default:
      return read_u64 (input);
    }
}

static void
write_in (Input  *input,
          guint8 *place,
          gsize   size)
{
  gsize offset = read_u16 (input) * 4 % (size - 8);
  guint64 value = read_number (input);

  if (offset % 8 == 4 || read_byte (input) % 2 == 0)
    memcpy (place + offset, &value, 4);
  else
    memcpy (place + offset, &value, 8);
}

/* What was a commit without records, or one of some that are not there. */
static void
move_end (Input *input)
{
  MpRingEnd *end = read_byte (input) % 2 == 0 ? &layout->put : &layout->take;
  guint32 count = atomic_load (&end->count) + read_u16 (input);

  atomic_store (&end->position[count & 1], mp_ring_end_get_position (end) + (read_u16 (input) & ~7u));
  atomic_store (&end->weight[count & 1], read_u16 (input));
  atomic_store (&end->count, count);
}

/* --- Who uses it ----------------------------------------------------------------------- */

static void
put (User  *user,
     Input *input)
{
  MpRingRecord records[MAX_RECORDS] = { 0 };
  guint n = 1 + read_byte (input) % MAX_RECORDS, n_put;
  g_autoptr (GError) error = NULL;
  MpRingResult result;

  for (guint i = 0; i < n; i++)
    {
      records[i] = (MpRingRecord) { bytes, read_u16 (input) % LONGEST, read_byte (input) };
      mp_ring_prepare (&user->ring, get_me (), &records[i], NULL);
    }

  result = mp_ring_put (&user->ring, get_me (), records, n, &n_put,
                        MP_WAIT_UNTIL (g_get_monotonic_time () + (read_byte (input) % 4 == 0 ? A_MOMENT : 0)), &error);
  g_assert_true ((result == MP_RING_FAILED) == (error != NULL));
  g_assert_cmpuint (n_put, <=, n);
  for (guint i = n_put; i < n; i++)
    mp_ring_forget (&user->ring, get_me (), &records[i]);
}

static gboolean
is_wanted (const MpRingRecord *record,
           gconstpointer       data)
{
  return record->kind % 7 != *(const guint8 *) data;
}

static void
check_haul (User             *user,
            const MpRingHaul *haul,
            MpRingResult      result,
            const GError     *error)
{
  gsize total = 0;

  g_assert_true ((result == MP_RING_FAILED) == (error != NULL));
  memset (user->held, 0, sizeof user->held);
  if (result != MP_RING_DONE)
    return;

  for (guint i = 0; i < haul->n_records; i++)
    {
      g_assert_true (haul->records[i].data == haul->data + total);
      g_assert_cmpuint (haul->records[i].kind, <=, MP_RING_MAX_KIND);
      total += haul->records[i].length;
      user->held[i] = haul->records[i].extent;
    }
  g_assert_cmpuint (total, <=, haul->room);
}

static void
take (User     *user,
      Input    *input,
      gboolean  from_the_lost)
{
  MpRingRecord records[MAX_RECORDS];
  g_autofree guint8 *room = NULL;
  guint8 unwanted = read_byte (input);
  gsize size = read_u16 (input) % (MAX_RECORDS * LONGEST);
  MpRingHaul haul = {
    .room = size, .records = records, .n_records = 1 + unwanted % MAX_RECORDS,
    .wants = unwanted < 128 ? is_wanted : NULL, .user_data = &unwanted,
  };
  g_autoptr (GError) error = NULL;
  MpRingResult result;

  /* Of exactly this size, so that a sanitizer sees each step beyond. */
  haul.data = room = g_malloc (MAX (size, 1));
  if (from_the_lost)
    result = mp_ring_take_lost (&user->ring, get_me (), &haul, &error);
  else
    result = mp_ring_take (&user->ring, get_me (), &haul,
                           MP_WAIT_UNTIL (g_get_monotonic_time () + (unwanted % 5 == 0 ? A_MOMENT : 0)), &error);
  check_haul (user, &haul, result, error);
}

static void
acknowledge (User *user)
{
  for (guint i = 0; i < MAX_RECORDS; i++)
    if (user->held[i].place != 0)
      mp_ring_acknowledge (&user->ring, get_me (), &user->held[i]);
  memset (user->held, 0, sizeof user->held);
}

static void
look (User  *user,
      Input *input)
{
  mp_ring_count (&user->ring);
  mp_ring_has_room (&user->ring, mp_ring_measure (read_u16 (input)));
  mp_ring_has_orphans (&user->ring);
  mp_ring_is_done (&user->ring);
  mp_ring_wait_done (&user->ring, MP_WAIT_ENDS_NOW);
  mp_ring_give_back (&user->ring, get_me ());
}

static gboolean
open_ring (User    *user,
           guint64  size)
{
  g_autoptr (GError) error = NULL;
  MpRing ring;
  gboolean is_open = mp_ring_open (&ring, table, layout, memory, size, memory_fd, &error);

  g_assert_true (is_open == (error == NULL));
  if (!is_open)
    return FALSE;

  user->ring = ring;
  user->ring.long_length = LONG;
  return TRUE;
}

/* --- Both ------------------------------------------------------------------------------ */

static void
do_one (User    *user,
        Input   *input,
        guint64  size)
{
  switch (read_byte (input) % 12)
    {
    case 0:
    case 1:
      write_in (input, (guint8 *) layout, sizeof *layout);
      break;
    case 2:
      write_in (input, memory, user->ring.memory.size);
      break;
    case 3:
      write_in (input, memory, size);
      break;
    case 4:
      move_end (input);
      break;
    case 5:
      open_ring (user, size); /* what it says of itself now may be impossible: then what it said before holds */
      break;
    case 6:
    case 7:
      put (user, input);
      break;
    case 8:
    case 9:
      take (user, input, FALSE);
      break;
    case 10:
      acknowledge (user);
      take (user, input, TRUE);
      break;
    default:
      look (user, input);
      break;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  Input input = { data, data + size };
  guint32 chunk_bits = MP_RING_MIN_CHUNK_BITS + read_byte (&input) % 8;
  guint64 capacity = 64 + read_u16 (&input) % 16384 / 8 * 8;
  guint32 most_records = 1 + read_byte (&input);
  MpRingFlags flags = read_byte (&input) & MP_RING_ALL_FLAGS;
  guint64 memory_size = mp_ring_memory_measure (capacity, chunk_bits);
  User user;

  g_assert_cmpuint (memory_size, <=, MAX_MEMORY);
  if (memory == NULL)
    fuzz_warm_up ();

  memset (layout, 0, sizeof *layout);
  mp_memfd_drop (memory_fd, 0, mp_ring_measure_file (capacity, chunk_bits));
  mp_ring_init (layout, capacity, most_records, chunk_bits, flags);
  memset (&user, 0, sizeof user);
  if (!open_ring (&user, memory_size))
    return 0;

  for (guint i = 0; i < MAX_DEEDS && input.next < input.end; i++)
    do_one (&user, &input, memory_size);

  return 0;
}

/* Puts some, takes some, all that there is to do; without and with rubbish in between. */
static void
add_seed (GPtrArray    *seeds,
          guint8        chunk_bits,
          guint8        flags,
          const guint8 *spoiling,
          guint         n_spoiling)
{
  static const guint8 use[] = {
    6, 3, 10, 0, 1, 0, 1, 2, 44, 1, 3, 90, 2, 4, 1,
    11, 9, 0, 8, 200, 255, 255, 10, 200, 255, 8, 6, 0, 44, 1, 1, 0, 8, 5, 255, 8, 8, 201, 255, 8,
  };
  const guint8 head[] = { chunk_bits, 0, 16, 100, flags };
  GByteArray *seed = g_byte_array_new ();

  g_byte_array_append (seed, head, sizeof head);
  g_byte_array_append (seed, use, sizeof use);
  if (n_spoiling > 0)
    g_byte_array_append (seed, spoiling, n_spoiling);
  g_byte_array_append (seed, use, sizeof use);
  g_byte_array_append (seed, use, sizeof use);
  g_ptr_array_add (seeds, seed);
}

void
fuzz_add_seeds (GPtrArray *seeds)
{
  static const guint8 spoilings[][8] = {
    { 0, 16, 0, 1, 200, 0 },          /* count of put */
    { 0, 96, 0, 7, 1, 1, 1, 1 },      /* count of take */
    { 4, 0, 9, 0, 16, 1, 255, 255 },
    { 4, 1, 1, 0, 255, 255, 0, 0 },
    { 2, 0, 0, 4, 0, 0 },             /* of an extent: mine */
    { 0, 88, 0, 4, 0, 0 },            /* holding */
    { 5, 5, 5, 5, 5, 5, 5, 5 },
    { 0, 18, 0, 1, 3, 0 },            /* positions where no record can be */
    { 0, 20, 0, 1, 3, 0 },
    { 0, 98, 0, 1, 3, 0 },
    { 0, 100, 0, 1, 3, 0 },
  };

  for (guint8 flags = 0; flags < 4; flags++)
    for (guint8 bits = 0; bits < 4; bits += 3)
      {
        add_seed (seeds, bits, flags, NULL, 0);
        for (guint i = 0; i < G_N_ELEMENTS (spoilings); i++)
          add_seed (seeds, bits, flags, spoilings[i], sizeof spoilings[i]);
      }
}

void
fuzz_warm_up (void)
{
  table = mp_table_get_default (NULL);
  get_me ();
  mp_short_lock_set_patience (A_MOMENT);
  layout = mmap (NULL, sizeof *layout, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_assert_true (layout != MAP_FAILED);
  memory_fd = mp_memfd_new ("fuzz", MP_RING_N_EXTENTS * (G_GUINT64_CONSTANT (1) << 30), NULL);
  g_assert_cmpint (memory_fd, >=, 0);
  memory = mmap (NULL, MAX_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
  g_assert_true (memory != MAP_FAILED);
}
