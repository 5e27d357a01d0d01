/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Shared memory that a peer hands over, with whatever it likes in the header and behind it.
 *
 * The input says what the memory is, what is written over an honest segment, and what is then done
 * with the arena that it claims to be.
 */

#include "config.h"

#include <string.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-arena-private.h"
#include "mp-memfd-private.h"
#include "mp-participant-private.h"
#include "mp-short-lock-private.h"

#include "fuzz.h"

#define ARENA_SIZE  0x20000
#define TABLE_SIZE  ((sizeof (MpTableLayout) + 0xffff) & ~(gsize) 0xffff)

/* As much of a segment as is not zero at first, and may be spoilt. */
#define WINDOW      0x10000

#define MAX_CHANGES 24
#define MAX_DEEDS   60
#define N_HOLDS     6

/* With who has the lock. */
#define A_MOMENT    20

typedef struct
{
  const uint8_t *next;
  const uint8_t *end;
} Input;

static MpTable *table;
static guint8 *honest[2];      /* by kind - 1 */
static MpHandle honest_handle; /* of an object in there */
static guint64 n_segments;

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

static guint32
read_u32 (Input *input)
{
  guint32 low = read_u16 (input);

  return low | read_u16 (input) << 16;
}

/* Units, records and owners, as those that are right. */
static guint32
read_number (Input *input)
{
  switch (read_byte (input) % 6)
    {
    case 0:
      return read_byte (input);
    case 1:
      return 520 + read_byte (input);
    case 2:
      return 2080 + read_u16 (input) % 1024;
    case 3:
      return mp_participant_enter (table, NULL);
    case 4:
      return G_MAXUINT32 - read_byte (input);
    default:
      return read_u32 (input);
    }
}

/* --- The memory ------------------------------------------------------------------------ */

/* Where the words are that all others hang on, more often than elsewhere. */
static void
change (Input *input,
        int    fd)
{
  static const guint16 windows[] = { sizeof (MpSegmentHeader), 448, 448, WINDOW - 8 };
  guint32 window = windows[read_byte (input) % G_N_ELEMENTS (windows)];
  guint32 offset = read_u16 (input) % window;
  guint32 value;

  if (window > sizeof (MpSegmentHeader))
    offset &= ~3u;
  value = read_number (input);
  g_assert_cmpint (pwrite (fd, &value, sizeof value, offset), ==, sizeof value);
}

/* Its id is another one each time, unless the input has it. */
static int
make_memory (Input         *input,
             MpSegmentKind  kind,
             guint8         how)
{
  guint64 size = kind == MP_SEGMENT_TABLE ? TABLE_SIZE : ARENA_SIZE;
  int fd = mp_memfd_new ("fuzz", how % 16 == 1 ? read_u32 (input) : size, NULL);
  guint n = read_byte (input) % MAX_CHANGES;

  g_assert_cmpint (pwrite (fd, honest[kind - 1], WINDOW, 0), ==, WINDOW);
  n_segments++;
  g_assert_cmpint (pwrite (fd, &n_segments, sizeof n_segments, offsetof (MpSegmentHeader, id)), ==, sizeof n_segments);
  for (guint i = 0; i < n; i++)
    change (input, fd);
  if (how % 16 == 2)
    g_assert_cmpint (ftruncate (fd, read_byte (input)), ==, 0);

  g_assert_true (mp_memfd_seal (fd, how % 16 == 3 ? F_SEAL_GROW : MP_MEMFD_SEALS_SIZE, NULL));
  return fd;
}

/* --- Its use --------------------------------------------------------------------------- */

static void
do_one (MpArena  *arena,
        Input    *input,
        MpHold   *hold)
{
  MpHandle handle = honest_handle;
  g_autoptr (GError) error = NULL;
  gboolean was_done = TRUE;
  MpHold again;

  g_assert_cmpint (pread (mp_arena_get_fd (arena), handle.arena_id, 16, offsetof (MpSegmentHeader, id)), ==, 16);
  switch (read_byte (input) % 6)
    {
    case 0:
      mp_hold_release (hold);
      was_done = mp_arena_alloc (arena, 1 + read_u16 (input) % MP_ARENA_MAX_OBJECT, MP_OBJECT_RAW, hold, &error);
      break;
    case 1:
      handle.unit = read_number (input);
      handle.generation = read_byte (input);
      G_GNUC_FALLTHROUGH;
    case 2:
      mp_hold_release (hold);
      was_done = mp_arena_hold (arena, &handle, MP_OBJECT_RAW, hold, &error);
      break;
    case 3:
      was_done = mp_arena_sweep (arena, &error);
      break;
    case 4:
      if (hold->arena != NULL)
        {
          mp_hold_share (hold, &again);
          mp_hold_release (&again);
        }
      break;
    default:
      if (hold->arena != NULL)
        memset (hold->data, 0x55, mp_hold_get_size (hold));
      break;
    }
  g_assert_true (was_done == (error == NULL));
}

static void
use_arena (MpArena *arena,
           Input   *input)
{
  MpHold holds[N_HOLDS] = { 0 };

  mp_arena_get_n_objects (arena);
  for (guint i = 0; i < MAX_DEEDS && input->next < input->end; i++)
    do_one (arena, input, &holds[read_byte (input) % N_HOLDS]);
  for (guint i = 0; i < N_HOLDS; i++)
    mp_hold_release (&holds[i]);
}

static void
open_all (int    fd,
          Input *input)
{
  g_autoptr (MpSegment) as_table = mp_segment_open (fd, MP_SEGMENT_TABLE, NULL, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (MpArena) arena = mp_arena_open (table, fd, &error);

  g_assert_true ((arena == NULL) == (error != NULL));
  g_assert_null (mp_table_open (fd, NULL));
  g_assert_true (as_table == NULL || mp_segment_get_size (as_table) > 0);
  if (arena != NULL)
    use_arena (arena, input);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  Input input = { data, data + size };
  guint8 how = read_byte (&input);
  int fd;

  if (table == NULL)
    fuzz_warm_up ();

  fd = make_memory (&input, how >= 240 ? MP_SEGMENT_TABLE : MP_SEGMENT_ARENA, how);
  open_all (fd, &input);
  close (fd);

  return 0;
}

/* --- Seeds ------------------------------------------------------------------------------ */

void
fuzz_add_seeds (GPtrArray *seeds)
{
  static const guint8 use[] = {
    0, 0, 100, 0, 1, 2, 2, 3, 3, 4, 0, 4, 0, 5, 1, 5, 2, 0, 200, 3, 3, 1, 1, 16, 0, 0, 0, 1, 0, 1, 2, 0, 0, 0, 0, 0, 3,
  };
  static const guint8 changes[][6] = {
    { 0, 8, 0, 0, 2 }, { 0, 24, 0, 4, 0 }, { 1, 128, 0, 3 }, { 1, 192, 0, 0, 5 }, { 1, 196, 0, 4, 0 },
    { 1, 200, 0, 4, 0 }, { 1, 204, 0, 2, 0, 0 }, { 1, 64, 1, 1, 2 }, { 3, 0, 130, 0, 0 }, { 3, 192, 1, 3 },
  };
  static const guint8 hows[] = { 0, 1, 2, 3, 250 };

  for (guint i = 0; i < G_N_ELEMENTS (hows); i++)
    for (guint j = 0; j <= G_N_ELEMENTS (changes); j++)
      {
        const guint8 n = j < G_N_ELEMENTS (changes) ? 1 : 0;
        GByteArray *seed = g_byte_array_new ();

        g_byte_array_append (seed, &hows[i], 1);
        g_byte_array_append (seed, &n, 1);
        if (n > 0)
          g_byte_array_append (seed, changes[j], sizeof changes[j]);
        g_byte_array_append (seed, use, sizeof use);
        g_ptr_array_add (seeds, seed);
      }
}

/* An arena in which there is something, something free and something held. */
static void
make_honest_arena (void)
{
  g_autoptr (MpArena) arena = mp_arena_new (table, ARENA_SIZE, NULL);
  MpHold holds[4];

  for (guint i = 0; i < G_N_ELEMENTS (holds); i++)
    g_assert_true (mp_arena_alloc (arena, 100 + 200 * i, MP_OBJECT_RAW, &holds[i], NULL));
  mp_hold_release (&holds[1]);
  mp_hold_get_handle (&holds[2], &honest_handle);
  honest[MP_SEGMENT_ARENA - 1] = g_malloc (WINDOW);
  g_assert_cmpint (pread (mp_arena_get_fd (arena), honest[MP_SEGMENT_ARENA - 1], WINDOW, 0), ==, WINDOW);
  for (guint i = 0; i < G_N_ELEMENTS (holds); i++)
    mp_hold_release (&holds[i]);
}

void
fuzz_warm_up (void)
{
  table = mp_table_get_default (NULL);
  mp_participant_enter (table, NULL);
  mp_short_lock_set_patience (A_MOMENT);
  fuzz_hush ();
  make_honest_arena ();
  honest[MP_SEGMENT_TABLE - 1] = g_memdup2 (table->layout, WINDOW);

  /* A table that was opened stays for the life of the process: so there is no place for one. */
  while (mp_table_new (NULL) != NULL)
    continue;
}
