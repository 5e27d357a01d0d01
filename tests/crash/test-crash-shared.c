/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* As test-crash.c, for what mpglib/shared is made of: values that are replaced as a
 * whole, long pieces that may be torn, and the objects themselves.
 */

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-arena-private.h"
#include "mp-cell-private.h"
#include "mp-clock-private.h"
#include "mp-crash-family.h"
#include "mp-list-plan-private.h"
#include "mp-owner-lock-private.h"
#include "mp-shared-memory-private.h"
#include "mp-whole-private.h"

#define N_WORDS 6

#define N_OBJECTS  5
#define N_ELEMENTS 64
#define N_ROWS     3

/* Of the new elements. */
#define SLICE_BEGIN  7
#define SLICE_LENGTH 40

typedef struct
{
  MpCell     cell;
  MpAtomic64 halves[2 * N_WORDS];
  MpWhole    whole;
  MpAtomic64 elements[N_WORDS];
  MpAtomic64 number;    /* what was there before the operation */
  MpAtomic32 n_torn;    /* what somebody read was neither the old nor the new one */
  MpAtomic32 n_read;
} Shared;

static Shared *shared;
static MpTable *table;
static MpValue *value;
static MpValue *pair;
static MpArray *array;
static MpArray *rows;           /* of elements that are longer than any store */
static MpShareableList *list;
static MpShareableList *named;
static MpShareableList *being_named;   /* what the victim makes */
static gsize tail;                     /* of `named` */

/* What they are before the operation, and after; made before it, so that that is not stepped. */
static GVariant *new_pair;
static GVariant *old_elements, *new_elements, *new_slice;
static GVariant *old_rows, *new_rows, *new_row;
static GVariant *old_item, *new_item, *new_number;

static guint32
get_me (void)
{
  return mp_participant_get_me (table);
}

static guint64
get_number (void)
{
  return atomic_load (&shared->number);
}

static void
begin_round (void)
{
  atomic_store (&shared->n_torn, 0);
  atomic_store (&shared->n_read, 0);
}

static void
reset (void)
{
  memset ((void *) shared, 0, sizeof *shared);
}

/* --- Cells ---------------------------------------------------------------- */

static MpCellPlace
get_place (void)
{
  return (MpCellPlace) { &shared->cell, shared->halves, N_WORDS };
}

static void
write_cell (guint64 what)
{
  MpCellPlace place = get_place ();
  guint64 words[N_WORDS];

  for (guint i = 0; i < N_WORDS; i++)
    words[i] = what;
  mp_cell_write (table, &place, get_me (), words, N_WORDS, NULL);
}

/* All words of one writing? */
static gboolean
read_cell (guint64 *what)
{
  MpCellPlace place = get_place ();
  guint64 words[N_WORDS];

  mp_cell_read (table, &place, get_me (), words, N_WORDS, NULL);
  *what = words[0];
  for (guint i = 1; i < N_WORDS; i++)
    if (words[i] != words[0])
      return FALSE;
  return TRUE;
}

static void
prepare_cell (void)
{
  write_cell (atomic_fetch_add (&shared->number, 10) + 10);
  mp_crash_begin_round (NULL);
}

static void
write_next (void)
{
  write_cell (get_number () + 1);
}

static void
sleep_to_write (guint i)
{
  mp_crash_arrive (i);
  write_cell (get_number () + 2);
}

static gboolean harness_writes;

/* The harness stands for a writer that takes its time. */
static void
prepare_cell_writing (void)
{
  prepare_cell ();
  mp_owner_lock_acquire (table, &shared->cell.writer, get_me (), MP_WAIT_NEVER_ENDS);
  harness_writes = TRUE;
}

static void
prepare_cell_sleepers (void)
{
  prepare_cell_writing ();
  mp_crash_send_to_sleep (sleep_to_write);
}

static void
let_write (void)
{
  if (harness_writes)
    mp_owner_lock_release (&shared->cell.writer);
  harness_writes = FALSE;
}

static void
die_writing (gpointer unused)
{
  mp_owner_lock_acquire (table, &shared->cell.writer, mp_participant_enter (table, NULL), MP_WAIT_NEVER_ENDS);
  for (guint i = 0; i < 2 * N_WORDS; i++)
    if ((i < N_WORDS) != ((atomic_load (&shared->cell.turn) & 1) == 0))
      atomic_store (&shared->halves[i], 99 + i);
}

static void
prepare_cell_corpse (void)
{
  prepare_cell ();
  mp_test_join (mp_test_fork (die_writing, NULL));
}

/* Nobody stands in the way of the others, who are done or may go on. */
static guint
check_cell (void)
{
  guint64 found;

  let_write ();
  if (!mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    return mp_crash_finish (STALL);

  if (!read_cell (&found) || found < get_number () || found > get_number () + 2)
    return mp_crash_finish (TORN);

  write_cell (get_number () + 5);
  if (!read_cell (&found) || found != get_number () + 5 || atomic_load (&shared->n_torn) != 0)
    return mp_crash_finish (TORN);

  return mp_crash_finish (mp_crash_none_is_dead (table) ? 0 : NOT_BURIED);
}

static void
read_once (void)
{
  guint64 found;

  if (!read_cell (&found))
    atomic_fetch_add (&shared->n_torn, 1);
  atomic_fetch_add (&shared->n_read, 1);
}

static void
write_twice (void)
{
  write_cell (get_number () + 1);
  write_cell (get_number () + 2);
}

static void
expect_read (void)
{
  if (atomic_load (&shared->n_read) == 0)
    atomic_fetch_add (&shared->n_torn, 1);
}

/* --- Wholes --------------------------------------------------------------- */

static void
write_elements (guint64 what,
                guint   n)
{
  mp_whole_begin (table, &shared->whole, get_me (), NULL);
  for (guint i = 0; i < n; i++)
    atomic_store (&shared->elements[i], what);
  mp_whole_end (&shared->whole, n == N_WORDS);
}

static gboolean
elements_agree (void)
{
  for (guint i = 1; i < N_WORDS; i++)
    if (atomic_load (&shared->elements[i]) != atomic_load (&shared->elements[0]))
      return FALSE;
  return TRUE;
}

static void
prepare_elements (void)
{
  write_elements (atomic_fetch_add (&shared->number, 10) + 10, N_WORDS);
  mp_crash_begin_round (NULL);
}

static void
write_all_elements (void)
{
  write_elements (get_number () + 1, N_WORDS);
}

static void
sleep_to_write_one (guint i)
{
  mp_crash_arrive (i);
  mp_whole_begin (table, &shared->whole, get_me (), NULL);
  mp_whole_end (&shared->whole, FALSE);
}

static void
prepare_elements_sleepers (void)
{
  prepare_elements ();
  mp_whole_begin (table, &shared->whole, get_me (), NULL);
  harness_writes = TRUE;
  mp_crash_send_to_sleep (sleep_to_write_one);
}

static void
let_write_elements (void)
{
  if (harness_writes)
    mp_whole_end (&shared->whole, FALSE);
  harness_writes = FALSE;
}

static void
die_tearing (gpointer unused)
{
  mp_whole_begin (table, &shared->whole, mp_participant_enter (table, NULL), NULL);
  atomic_store (&shared->elements[0], 99);
}

static void
prepare_elements_corpse (void)
{
  prepare_elements ();
  mp_test_join (mp_test_fork (die_tearing, NULL));
}

/* One that writes nothing, after one that tore them. */
static void
write_no_element (void)
{
  write_elements (0, 0);
}

static void
look_at_elements (void)
{
  if (!elements_agree () && !mp_whole_is_torn (table, &shared->whole))
    atomic_fetch_add (&shared->n_torn, 1);
}

/* Who finds elements that do not agree has been told, however many wrote since. */
static guint
check_elements (void)
{
  let_write_elements ();
  if (!mp_crash_sleepers_are_done (MP_CRASH_N_SLEEPERS))
    return mp_crash_finish (STALL);

  if (atomic_load (&shared->n_torn) != 0 ||
      (!elements_agree () && !mp_whole_is_torn (table, &shared->whole)))
    return mp_crash_finish (NOT_TOLD);

  write_elements (get_number () + 1, 0);
  if (!elements_agree () && !mp_whole_is_torn (table, &shared->whole))
    return mp_crash_finish (NOT_TOLD);

  write_elements (get_number () + 5, N_WORDS);
  if (!elements_agree () || mp_whole_is_torn (table, &shared->whole))
    return mp_crash_finish (TORN);

  return mp_crash_finish (mp_crash_none_is_dead (table) ? 0 : NOT_BURIED);
}

/* --- Objects -------------------------------------------------------------- */

static gint64
get_pair (gint64 *second)
{
  g_autoptr (GVariant) found = mp_value_get_value (pair, NULL);
  gint64 first;

  g_variant_get (found, "(xx)", &first, second);
  return first;
}

static void
set_pair (gint64 what)
{
  mp_value_set_value (pair, g_variant_new ("(xx)", what, what), NULL);
}

static void
prepare_objects (void)
{
  mp_value_set_int64 (value, 1, NULL);
  set_pair (1);
  mp_array_set_slice (array, 0, old_elements, NULL);
  mp_array_set_slice (rows, 0, old_rows, NULL);
  mp_shareable_list_set_item (list, 1, old_item, NULL);
  mp_crash_begin_round (NULL);
}

/* Its own holds of them, as the first operation takes. */
static void
enter_objects (void)
{
  gint64 second;

  mp_crash_enter ();
  mp_value_get_int64 (value, NULL);
  get_pair (&second);
  mp_array_get_address (array, NULL);
  mp_array_get_address (rows, NULL);
  mp_shareable_list_get_item_size (list, 0, NULL);
}

static void
set_value (void)
{
  mp_value_set_int64 (value, 2, NULL);
}

static void
add_to_value (void)
{
  mp_value_add_int64 (value, 1, NULL);
}

static void
replace_pair (void)
{
  mp_value_set_value (pair, new_pair, NULL);
}

static void
set_slice (void)
{
  mp_array_set_slice (array, SLICE_BEGIN, new_slice, NULL);
}

static void
write_slice (void)
{
  mp_array_write (array, SLICE_BEGIN, g_variant_get_data (new_slice), g_variant_get_size (new_slice), NULL);
}

static void
set_row (void)
{
  mp_array_set_element (rows, 1, new_row, NULL);
}

static void
set_item (void)
{
  mp_shareable_list_set_item (list, 1, new_item, NULL);
}

static void
attach (void)
{
  g_autoptr (MpValue) same = mp_value_synchronize (value, NULL, NULL);

  mp_value_set_int64 (same, 2, NULL);
}

static void
make (void)
{
  g_autoptr (MpArray) other = mp_array_new ("x", 10, NULL);

  mp_array_set_int64 (other, 1, 5, NULL);
}

/* Old, new, or known to be neither; and as new once all of it is overwritten. */
static gboolean
is_told (MpArray  *checked,
         GVariant *before,
         GVariant *after)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) found = mp_array_get_slice (checked, 0, mp_array_get_length (checked), &error);

  if (found == NULL && !g_error_matches (error, MP_ERROR, MP_ERROR_ABANDONED))
    return FALSE;

  return (found == NULL || g_variant_equal (found, before) || g_variant_equal (found, after)) &&
         mp_array_set_slice (checked, 0, after, NULL) &&
         mp_array_is_consistent (checked);
}

static gboolean
is_old_or_new_item (void)
{
  g_autoptr (GVariant) found = mp_shareable_list_get_item (list, 1, NULL);

  return found != NULL && (g_variant_equal (found, old_item) || g_variant_equal (found, new_item)) &&
         mp_shareable_list_set_item (list, 1, new_item, NULL);
}

/* Old or new; what the victim had is free again; and all of it works. */
static guint
check_objects (void)
{
  MpArena *arena = mp_arena_get_default (NULL);
  guint n_objects;
  gint64 first, second;

  first = mp_value_get_int64 (value, NULL);
  if (first != 1 && first != 2)
    return mp_crash_finish (TORN);

  first = get_pair (&second);
  if (first != second || (first != 1 && first != 2))
    return mp_crash_finish (TORN);

  if (!is_old_or_new_item ())
    return mp_crash_finish (TORN);

  if (!is_told (array, old_elements, new_elements) || !is_told (rows, old_rows, new_rows))
    return mp_crash_finish (NOT_TOLD);

  if (!mp_crash_none_is_dead (table))
    return mp_crash_finish (NOT_BURIED);

  mp_value_set_int64 (value, 3, NULL);
  set_pair (3);
  mp_arena_sweep (arena, NULL);
  n_objects = mp_arena_get_n_objects (arena);
  return mp_crash_finish (mp_value_get_int64 (value, NULL) != 3 || get_pair (&second) != 3 ? TORN
                          : n_objects != N_OBJECTS ? LEAKED : 0);
}

/* --- Lists with a name ---------------------------------------------------- */

/* The item is the only one: a list with a name begins with its number, its two places and it. */
#define AT_ITEM (3 * sizeof (gint64))

static void
prepare_named (void)
{
  mp_shareable_list_set_item (named, 0, old_item, NULL);
  mp_crash_begin_round (NULL);
}

static void
write_named (gsize         offset,
             gconstpointer bytes,
             gsize         length)
{
  mp_shared_memory_write (mp_shareable_list_get_memory (named), offset, bytes, length, NULL);
}

/* It had written down what it was about to do, and had begun. */
static void
prepare_named_corpse (void)
{
  MpListRecord record;
  g_autofree guint8 *content = NULL;

  prepare_named ();
  content = mp_list_record_make (&record, 0, new_number, mp_shareable_list_get_item_size (named, 0, NULL), NULL);
  write_named (tail + sizeof (MpListTail), content, record.length);
  write_named (tail + offsetof (MpListTail, record), &record, sizeof record);
  write_named (tail + offsetof (MpListTail, is_valid), "\1", 1);
  write_named (AT_ITEM, "torn", 4);
}

/* All of it changes: the content, and what that is. */
static void
set_named (void)
{
  mp_shareable_list_set_item (named, 0, new_number, NULL);
}

static void
set_named_again (void)
{
  mp_shareable_list_set_item (named, 0, new_item, NULL);
}

static void
get_named (void)
{
  g_autoptr (GVariant) item = mp_shareable_list_get_item (named, 0, NULL);
}

/* The number, or what else it may be. */
static guint
check_named_against (GVariant *other)
{
  g_autoptr (GVariant) found = mp_shareable_list_get_item (named, 0, NULL);
  g_autoptr (GVariant) again = NULL;

  if (found == NULL || (!g_variant_equal (found, new_number) && !g_variant_equal (found, other)))
    return mp_crash_finish (TORN);

  if (!mp_shareable_list_set_item (named, 0, old_item, NULL))
    return mp_crash_finish (STALL);

  again = mp_shareable_list_get_item (named, 0, NULL);
  return mp_crash_finish (again != NULL && g_variant_equal (again, old_item) ? 0 : TORN);
}

static guint
check_named (void)
{
  return check_named_against (old_item);
}

static guint
check_finished (void)
{
  return check_named_against (new_number);
}

static guint
check_finished_and_set (void)
{
  return check_named_against (new_item);
}

static char *
get_name_of_victim (void)
{
  return g_strdup_printf ("mpglib-test-crash-%d", getpid ());
}

static void
prepare_being_named (void)
{
  g_autofree char *name = get_name_of_victim ();

  being_named = mp_shareable_list_new_named (name, g_variant_new ("(@s)", old_item));
  mp_crash_begin_round (NULL);
}

static void
open_being_named (void)
{
  mp_shareable_list_open (being_named, NULL);
}

/* Nothing, or all of it. */
static guint
check_being_named (void)
{
  g_autofree char *name = get_name_of_victim ();
  g_autoptr (MpShareableList) found = mp_shareable_list_new_existing (name);
  g_autoptr (GVariant) item = NULL;
  g_autoptr (GError) error = NULL;

  g_clear_object (&being_named);
  item = mp_shareable_list_get_item (found, 0, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return mp_crash_finish (0);

  mp_shared_memory_unlink (mp_shareable_list_get_memory (found), NULL);
  return mp_crash_finish (item != NULL && g_variant_equal (item, old_item) ? 0 : TORN);
}

/* --- Cases ---------------------------------------------------------------- */

static const MpKillCase kill_cases[] = {
  { "cell/write", prepare_cell, mp_crash_enter, write_next, .check = check_cell },
  { "cell/write-contended", prepare_cell_writing, mp_crash_enter, write_next,
    .blocked = let_write, .check = check_cell },
  { "cell/write-sleepers", prepare_cell_sleepers, mp_crash_enter, write_next,
    .blocked = let_write, .check = check_cell },
  { "cell/write-from-dead", prepare_cell_corpse, mp_crash_enter, write_next, .check = check_cell },
  { "cell/read", prepare_cell, mp_crash_enter, read_once, .check = check_cell },
  { "cell/written-meanwhile", prepare_cell, mp_crash_enter, read_once,
    .interfere = write_twice, .last = expect_read, .check = check_cell },
  { "cell/read-meanwhile", prepare_cell, mp_crash_enter, write_next,
    .interfere = read_once, .check = check_cell },

  { "whole/write", prepare_elements, mp_crash_enter, write_all_elements, .check = check_elements },
  { "whole/write-sleepers", prepare_elements_sleepers, mp_crash_enter, write_all_elements,
    .blocked = let_write_elements, .check = check_elements },
  { "whole/write-from-dead", prepare_elements_corpse, mp_crash_enter, write_all_elements, .check = check_elements },
  { "whole/read-meanwhile", prepare_elements_corpse, mp_crash_enter, write_no_element,
    .interfere = look_at_elements, .check = check_elements },

  { "value/set", prepare_objects, enter_objects, set_value, .check = check_objects },
  { "value/add", prepare_objects, enter_objects, add_to_value, .check = check_objects },
  { "value/replace", prepare_objects, enter_objects, replace_pair, .check = check_objects },
  { "value/attach", prepare_objects, enter_objects, attach, .check = check_objects },
  { "array/slice", prepare_objects, enter_objects, set_slice, .check = check_objects },
  { "array/write", prepare_objects, enter_objects, write_slice, .check = check_objects },
  { "array/long-element", prepare_objects, enter_objects, set_row, .check = check_objects },
  { "list/set", prepare_objects, enter_objects, set_item, .check = check_objects },
  { "array/make", prepare_objects, enter_objects, make, .check = check_objects },

  { "named-list/set", prepare_named, NULL, set_named, .check = check_named },
  { "named-list/set-after-dead", prepare_named_corpse, NULL, set_named_again, .check = check_finished_and_set },
  { "named-list/get-after-dead", prepare_named_corpse, NULL, get_named, .check = check_finished },
  { "named-list/make", prepare_being_named, NULL, open_being_named, .check = check_being_named },
};

/* An array of numbers, of which those from `begin` to `end` are 2 and the others 1. */
static GVariant *
make_elements (guint n,
               guint begin,
               guint end)
{
  gint64 numbers[N_ELEMENTS];

  g_assert (n <= N_ELEMENTS);
  for (guint i = 0; i < n; i++)
    numbers[i] = i >= begin && i < end ? 2 : 1;
  return g_variant_ref_sink (g_variant_new_fixed_array (G_VARIANT_TYPE_INT64, numbers, n, sizeof numbers[0]));
}

/* No store has so many bytes, nor needs a type so short many instructions to be compared. */
#define ROW_TYPE "(xxxxxxxxxxxxxxxx)"

static GVariant *
make_row (gint64 number)
{
  gint64 numbers[16];

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    numbers[i] = number;
  return g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE (ROW_TYPE), g_memdup2 (numbers, sizeof numbers),
                                                      sizeof numbers, TRUE, g_free, NULL));
}

static GVariant *
make_rows (GVariant *second)
{
  g_autoptr (GVariant) other = make_row (1);
  GVariant *children[N_ROWS] = { other, second, other };

  return g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE (ROW_TYPE), children, N_ROWS));
}

static GVariant *
make_item (char letter)
{
  g_autofree char *text = g_strnfill (200, letter);

  return g_variant_ref_sink (g_variant_new_string (text));
}

/* Serialised, so that no victim does that. */
static void
make_contents (void)
{
  g_autoptr (GVariant) old_row = make_row (1);

  new_pair = g_variant_ref_sink (g_variant_new ("(xx)", G_GINT64_CONSTANT (2), G_GINT64_CONSTANT (2)));
  old_elements = make_elements (N_ELEMENTS, 0, 0);
  new_elements = make_elements (N_ELEMENTS, SLICE_BEGIN, SLICE_BEGIN + SLICE_LENGTH);
  new_slice = make_elements (SLICE_LENGTH, 0, SLICE_LENGTH);
  new_row = make_row (2);
  old_rows = make_rows (old_row);
  new_rows = make_rows (new_row);
  old_item = make_item ('o');
  new_item = make_item ('n');
  new_number = g_variant_ref_sink (g_variant_new_int64 (7));
  g_variant_get_data (new_pair);
  g_variant_get_data (old_rows);
  g_variant_get_data (new_rows);
}

static void
make_objects (void)
{
  value = mp_value_new ("x", NULL, NULL);
  pair = mp_value_new ("(xx)", NULL, NULL);
  array = mp_array_new ("x", N_ELEMENTS, NULL);
  rows = mp_array_new (ROW_TYPE, N_ROWS, NULL);
  list = mp_shareable_list_new (g_variant_new ("(x@s)", G_GINT64_CONSTANT (1), old_item));
}

static void
make_named (void)
{
  g_autoptr (MpMapping) mapping = NULL;
  g_autoptr (MpListPlan) plan = NULL;
  g_autoptr (GError) error = NULL;

  named = mp_shareable_list_new_named (NULL, g_variant_new ("(@s)", old_item));
  mapping = mp_shared_memory_ref_mapping (mp_shareable_list_get_memory (named), &error);
  g_assert_no_error (error);
  plan = mp_list_plan_read (mapping, &error);
  g_assert_no_error (error);
  tail = plan->tail;

  /* What is left to others is what this program has open. */
  g_assert_true (mp_shareable_list_open (named, &error));
  mp_shared_memory_unlink (mp_shareable_list_get_memory (named), NULL);
}

int
main (int   argc,
      char *argv[])
{
  /* Objects take tens of thousands of instructions, most of them GObject's. */
  static const MpCrashHooks hooks = {
    .begin_round = begin_round,
    .reset = reset,
    .max_usec = 600 * G_TIME_SPAN_MILLISECOND,
  };
  g_autoptr (GError) error = NULL;
  int result;

  mp_crash_read_arguments (&argc, &argv);
  shared = mp_test_share (sizeof *shared);
  table = mp_table_get_default (&error);
  g_assert_no_error (error);
  mp_owner_lock_set_spin (0);

  make_contents ();
  make_objects ();
  make_named ();
  mp_crash_set_up (&hooks);
  result = mp_crash_run (kill_cases, G_N_ELEMENTS (kill_cases));
  mp_crash_tear_down ();
  return result;
}
