/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Shared objects on their way: who holds them, and until when. */

#include <sys/mman.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-arena-private.h"
#include "mp-flight-private.h"
#include "mp-patience-private.h"
#include "mp-pump-private.h"
#include "mp-ring-link-private.h"
#include "mp-shareable-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-process.h"
#include "mp-test.h"

#define FOREVER (-1.0)

static guint
get_n_objects (void)
{
  return mp_arena_get_n_objects (mp_arena_get_default (NULL));
}

/* The library's thread gives them back, and tells nobody. */
static void
wait_for_n_objects (guint n)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) (MP_TEST_DEADLINE * G_TIME_SPAN_SECOND);

  while (get_n_objects () != n)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_thread_yield ();
    }
}

static void
open_pair (MpConnection **ours,
           MpConnection **theirs)
{
  g_autoptr (GError) error = NULL;

  mp_connection_new_pair (FALSE, theirs, ours, &error);
  g_assert_no_error (error);
}

static void
send_and_drop (MpConnection *connection,
               GObject      *object_taken)
{
  g_autoptr (GObject) object = object_taken;
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_handle (0));
  g_autoptr (GError) error = NULL;

  mp_message_attach (message, MP_SHAREABLE (object));
  mp_connection_send_message (connection, message, FOREVER, NULL, &error);
  g_assert_no_error (error);
}

/* --- Tests ---------------------------------------------------------------- */

static void
test_arrives (void)
{
  g_autoptr (MpConnection) ours = NULL, theirs = NULL;
  g_autoptr (MpMessage) message = NULL;
  g_autoptr (MpValue) value = NULL;
  g_autoptr (GError) error = NULL;
  guint n_before = get_n_objects ();

  open_pair (&ours, &theirs);
  send_and_drop (ours, G_OBJECT (mp_value_new ("i", g_variant_new_int32 (7), NULL)));
  g_assert_cmpuint (get_n_objects (), ==, n_before + 1);

  message = mp_connection_receive_message (theirs, FOREVER, NULL, &error);
  g_assert_no_error (error);
  value = (MpValue *) mp_message_get_attachment (message, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_value_get_int64 (value, &error), ==, 7);

  /* It is the receiver's alone by now, or soon. */
  g_clear_object (&value);
  g_clear_object (&message);
  wait_for_n_objects (n_before);
}

/* Once all objects are made the flight ends, though the message is kept. */
static void
test_kept_message (void)
{
  g_autoptr (MpConnection) ours = NULL, theirs = NULL;
  g_autoptr (MpMessage) message = NULL;
  g_autoptr (MpShareable) lock = NULL;
  gint64 deadline = mp_test_deadline ();
  guint n_before = get_n_objects ();
  guint n_fds;

  open_pair (&ours, &theirs);
  send_and_drop (ours, G_OBJECT (mp_lock_new ()));
  message = mp_connection_receive_message (theirs, FOREVER, NULL, NULL);
  n_fds = mp_test_count_fds ();
  lock = mp_message_get_attachment (message, 0, NULL);
  while (mp_test_count_fds () > n_fds - 2)    /* both ends of the pipe */
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_thread_yield ();
    }

  g_clear_object (&lock);
  g_clear_object (&message);
  wait_for_n_objects (n_before);
}

static void
test_dropped_message (void)
{
  g_autoptr (MpConnection) ours = NULL, theirs = NULL;
  g_autoptr (MpMessage) message = NULL;
  guint n_before = get_n_objects ();

  open_pair (&ours, &theirs);
  send_and_drop (ours, G_OBJECT (mp_lock_new ()));
  message = mp_connection_receive_message (theirs, FOREVER, NULL, NULL);
  g_assert_cmpuint (get_n_objects (), ==, n_before + 1);
  g_clear_object (&message);
  wait_for_n_objects (n_before);
}

/* Nobody will ever read it. */
static void
test_never_received (void)
{
  g_autoptr (MpConnection) ours = NULL, theirs = NULL;
  guint n_before = get_n_objects ();

  open_pair (&ours, &theirs);
  send_and_drop (ours, G_OBJECT (mp_array_new ("d", 10, NULL)));
  g_assert_cmpuint (get_n_objects (), ==, n_before + 1);
  mp_connection_close (theirs);
  mp_connection_close (ours);
  wait_for_n_objects (n_before);
}

/* The first object of a message brings what the others need, though it is none any more. */
static void
test_first_is_stale (void)
{
  g_autoptr (MpUnpacking) unpacking = mp_unpacking_new ();
  g_autoptr (GVariant) first_packed = NULL, second_packed = NULL, first_description = NULL, second_description = NULL;
  g_autoptr (MpLock) first = mp_lock_new (), second = mp_lock_new (), made = NULL;
  g_autoptr (GError) error = NULL;
  guint n_before = get_n_objects ();
  MpPacking packing;
  GArray *fds;

  mp_packing_init (&packing);
  first_packed = g_variant_ref_sink (mp_shareable_pack (MP_SHAREABLE (first), &packing, &error));
  second_packed = g_variant_ref_sink (mp_shareable_pack (MP_SHAREABLE (second), &packing, &error));
  g_assert_no_error (error);
  fds = g_steal_pointer (&packing.fds);
  mp_packing_clear (&packing);
  g_assert_cmpuint (fds->len, ==, 3);
  g_clear_object (&first);
  close (g_array_index (fds, int, 2));
  g_array_index (fds, int, 2) = -1;
  wait_for_n_objects (n_before - 1);

  g_variant_get (first_packed, "(&suv)", NULL, NULL, &first_description);
  g_variant_get (second_packed, "(&suv)", NULL, NULL, &second_description);
  g_assert_null (mp_shareable_unpack (unpacking, "lock", first_description, (int *) (gpointer) fds->data, 3, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_STALE);
  g_clear_error (&error);
  made = (MpLock *) mp_shareable_unpack (unpacking, "lock", second_description, NULL, 0, &error);
  g_assert_no_error (error);
  g_assert_true (mp_lock_try_acquire (second));
  g_assert_false (mp_lock_try_acquire (made));

  close (g_array_index (fds, int, 0));
  close (g_array_index (fds, int, 1));
  g_array_unref (fds);
}

static int
pack_lock (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (GVariant) packed = NULL;
  MpPacking packing;
  GArray *fds;
  int end;

  mp_packing_init (&packing);
  packed = g_variant_ref_sink (mp_shareable_pack (MP_SHAREABLE (lock), &packing, NULL));
  fds = g_steal_pointer (&packing.fds);
  mp_packing_clear (&packing);
  close (g_array_index (fds, int, 0));
  close (g_array_index (fds, int, 1));
  end = g_array_index (fds, int, 2);
  g_array_unref (fds);
  return end;
}

/* A receiver that keeps all the ends does not take all descriptors. */
static void
test_hoarded (void)
{
  enum { N = 300, MOST = 256 };
  g_autoptr (GArray) ends = g_array_new (FALSE, FALSE, sizeof (int));
  guint n_before = get_n_objects ();
  guint n_fds = mp_test_count_fds ();

  for (guint i = 0; i < N; i++)
    {
      int end = pack_lock ();

      g_array_append_val (ends, end);
    }

  wait_for_n_objects (n_before + MOST);
  g_assert_cmpuint (mp_test_count_fds (), <=, n_fds + N + MOST);

  for (guint i = 0; i < N; i++)
    close (g_array_index (ends, int, i));
  wait_for_n_objects (n_before);
}

typedef struct
{
  MpArenaLayout *layout;
  MpAtomic32    *has_lock;
  pid_t          child;
} Stopping;

static void
stop_in_arena (gpointer data)
{
  Stopping *stopping = data;
  MpTable *table = mp_table_get_default (NULL);
  guint32 me = mp_participant_enter (table, NULL);

  g_assert_true (mp_short_lock_acquire (table, &stopping->layout->lock, NULL, me, NULL));
  mp_test_set_word (stopping->has_lock, 1);
  pause ();
}

static void
begin_stopping (Stopping *stopping)
{
  stopping->has_lock = mp_test_share (sizeof (MpAtomic32));
  stopping->layout = mmap (NULL, sizeof (MpArenaLayout), PROT_READ | PROT_WRITE, MAP_SHARED,
                           mp_arena_get_fd (mp_arena_get_default (NULL)), 0);
  g_assert_true (stopping->layout != MAP_FAILED);
  stopping->child = mp_test_fork (stop_in_arena, stopping);
  mp_test_wait_word (stopping->has_lock, 1);
}

static void
end_stopping (Stopping *stopping)
{
  mp_test_kill (stopping->child);
  munmap (stopping->layout, sizeof (MpArenaLayout));
  munmap (stopping->has_lock, sizeof (MpAtomic32));
}

/* Who packs may have a lock, and waits for nobody then; nothing goes without a hold for that. */
static void
test_stopped_in_arena (void)
{
  g_autoptr (MpLock) lock = mp_lock_new ();
  g_autoptr (GVariant) packed = NULL;
  MpPatience none = MP_PATIENCE_SPENT;
  Stopping stopping;
  MpPacking packing;

  begin_stopping (&stopping);
  mp_packing_init (&packing);
  mp_patience_begin (&none);
  packed = g_variant_ref_sink (mp_shareable_pack (MP_SHAREABLE (lock), &packing, NULL));
  mp_patience_end (&none);

  g_assert_nonnull (packed);
  g_assert_cmpuint (packing.fds->len, ==, 3);
  for (guint i = 0; i < packing.fds->len; i++)
    close (g_array_index (packing.fds, int, i));
  mp_packing_clear (&packing);
  end_stopping (&stopping);
}

static void
on_live_value (MpValue    *value,
               GParamSpec *pspec,
               int        *seen)
{
  *seen = (int) mp_value_get_int64 (value, NULL);
}

static gboolean
has_seen_five (gpointer seen)
{
  return *(int *) seen == 5;
}

/* A main loop watches a value, and does not any more: who has no patience at all waits for nobody there. */
static void
test_live_in_stopped_arena (void)
{
  g_autoptr (MpValue) value = mp_value_new ("i", NULL, NULL);
  MpPatience none = MP_PATIENCE_SPENT;
  Stopping stopping;
  int seen = 0;

  g_signal_connect (value, "notify::value", G_CALLBACK (on_live_value), &seen);
  begin_stopping (&stopping);
  mp_patience_begin (&none);
  mp_value_set_live (value, TRUE);
  g_assert_true (mp_value_get_live (value));
  mp_value_set_int64 (value, 5, NULL);
  mp_test_run_until (has_seen_five, &seen);
  mp_value_set_live (value, FALSE);
  mp_patience_end (&none);
  end_stopping (&stopping);
}

static void
unpack_in_child (gpointer unpacking)
{
  g_assert_true (mp_unpacking_begin (unpacking, NULL));
  mp_unpacking_end (unpacking);
}

typedef struct
{
  MpUnpacking *unpacking;
  GAsyncQueue *has_begun;
  GAsyncQueue *may_end;
} Unpacker;

static gpointer
unpack (gpointer data)
{
  Unpacker *self = data;

  g_assert_true (mp_unpacking_begin (self->unpacking, NULL));
  g_async_queue_push (self->has_begun, self);
  g_async_queue_pop (self->may_end);
  mp_unpacking_end (self->unpacking);
  return NULL;
}

/* A forked child does not wait for a thread of its parent's. */
static void
test_forked_amid_unpacking (void)
{
  g_autoptr (MpUnpacking) unpacking = mp_unpacking_new ();
  Unpacker unpacker = { unpacking, g_async_queue_new (), g_async_queue_new () };
  GThread *thread = g_thread_new ("unpacker", unpack, &unpacker);

  g_async_queue_pop (unpacker.has_begun);
  mp_test_join (mp_test_fork (unpack_in_child, unpacking));
  g_async_queue_push (unpacker.may_end, &unpacker);
  g_thread_join (thread);
  g_async_queue_unref (unpacker.has_begun);
  g_async_queue_unref (unpacker.may_end);
}

#define N_LOCKS 6

/* Returns the object that the thread got of the first attachment: the same in all threads. */
static gpointer
get_locks (gpointer message)
{
  MpShareable *first = NULL;

  for (guint i = N_LOCKS; i > 0; i--)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MpShareable) lock = mp_message_get_attachment (message, i - 1, &error);

      g_assert_no_error (error);
      g_assert_true (MP_IS_LOCK (lock));
      first = lock;
    }

  return first;
}

static MpMessage *
receive_locks (void)
{
  g_autoptr (MpConnection) ours = NULL, theirs = NULL;
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  MpMessage *received;

  for (guint i = 0; i < N_LOCKS; i++)
    {
      g_autoptr (MpLock) lock = mp_lock_new ();

      mp_message_attach (message, MP_SHAREABLE (lock));
    }

  open_pair (&ours, &theirs);
  mp_connection_send_message (ours, message, FOREVER, NULL, NULL);
  received = mp_connection_receive_message (theirs, FOREVER, NULL, NULL);
  g_assert_nonnull (received);
  return received;
}

static void
test_asked_by_threads (void)
{
  guint n_before = get_n_objects ();

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (MpMessage) message = receive_locks ();
      GThread *threads[4];
      gpointer first = NULL;

      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        threads[j] = g_thread_new ("getter", get_locks, message);
      for (guint j = 0; j < G_N_ELEMENTS (threads); j++)
        {
          gpointer own = g_thread_join (threads[j]);

          g_assert_true (first == NULL || first == own);
          first = own;
        }
    }

  wait_for_n_objects (n_before);
}

static gpointer
await (gpointer landed)
{
  g_assert_true (mp_flight_await (0, g_get_monotonic_time () + (gint64) (MP_TEST_DEADLINE * G_TIME_SPAN_SECOND)));
  g_assert_true (g_atomic_int_get ((int *) landed));
  return NULL;
}

static void
test_awaited (void)
{
  guint n_before = get_n_objects ();
  int landed = FALSE;
  GThread *waiter;
  int other, end;

  other = pack_lock ();
  g_assert_true (mp_flight_await (0, 0));

  mp_flight_set_awaiting (TRUE);
  end = pack_lock ();
  mp_flight_set_awaiting (FALSE);
  g_assert_false (mp_flight_await (0, 0));

  waiter = g_thread_new ("awaits", await, &landed);
  g_atomic_int_set (&landed, TRUE);
  close (end);
  g_thread_join (waiter);
  g_assert_true (mp_flight_await (0, 0));

  close (other);
  wait_for_n_objects (n_before);
}

static guint
count_pipes (void)
{
  g_autoptr (GDir) folder = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (path, NULL);

      n += target != NULL && g_str_has_prefix (target, "pipe:");
    }
  return n;
}

static void
look_for_pipes (gpointer n)
{
  g_assert_cmpuint (count_pipes (), ==, GPOINTER_TO_UINT (n));
}

/* The ends at which the parent looks are not for a forked child. */
static void
test_forked_in_flight (void)
{
  enum { N = 3 };
  g_autoptr (MpConnection) ours = NULL, theirs = NULL;
  guint n_pipes = count_pipes ();
  guint n_before = get_n_objects ();

  open_pair (&ours, &theirs);
  for (guint i = 0; i < N; i++)
    send_and_drop (ours, G_OBJECT (mp_lock_new ()));
  g_assert_cmpuint (count_pipes (), ==, n_pipes + N);
  mp_test_join (mp_test_fork (look_for_pipes, GUINT_TO_POINTER (n_pipes)));
  g_assert_cmpuint (get_n_objects (), ==, n_before + N);

  for (guint i = 0; i < N; i++)
    g_object_unref (mp_connection_receive_message (theirs, FOREVER, NULL, NULL));
  wait_for_n_objects (n_before);
}

static int n_heard;   /* atomic */

/* As an application's may: it needs the lock of the library's pump. */
static GLogWriterOutput
call_into_library (GLogLevelFlags   level,
                   const GLogField *fields,
                   gsize            n_fields,
                   gpointer         unused)
{
  if ((level & G_LOG_LEVEL_WARNING) == 0)
    return g_log_writer_default (level, fields, n_fields, NULL);

  mp_pump_lock (mp_pump_get_shared ());
  mp_pump_unlock (mp_pump_get_shared ());
  g_atomic_int_inc (&n_heard);
  g_main_context_wakeup (NULL);
  return G_LOG_WRITER_HANDLED;
}

static gboolean
has_heard (gpointer unused)
{
  return g_atomic_int_get (&n_heard) > 0;
}

static void
break_block (MpHold *hold)
{
  MpBlockHead *block = (MpBlockHead *) hold->data - 1;

  atomic_store (&block->n_holds, 0);
}

static void
test_warning (void)
{
  g_autoptr (MpArena) arena = mp_arena_new (mp_table_get_default (NULL), 4 << 20, NULL);
  g_autoptr (GError) error = NULL;
  GLogLevelFlags fatal = g_log_set_always_fatal (G_LOG_FATAL_MASK);
  MpPacking packing;
  MpHold hold;
  GArray *fds;

  g_assert_true (mp_arena_alloc (arena, 64, MP_OBJECT_RAW, &hold, NULL));
  mp_packing_init (&packing);
  g_assert_true (mp_flight_board (&packing, &hold, &error));
  fds = g_steal_pointer (&packing.fds);
  mp_packing_clear (&packing);
  break_block (&hold);
  mp_hold_release (&hold);
  g_assert_cmpint (g_atomic_int_get (&n_heard), ==, 0);

  close (g_array_index (fds, int, 0));
  g_array_unref (fds);
  mp_test_run_until (has_heard, NULL);
  g_assert_cmpint (g_atomic_int_get (&n_heard), ==, 1);
  g_log_set_always_fatal (fatal);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  g_log_set_writer_func (call_into_library, NULL, NULL);

  mp_test_init (&argc, &argv);
  /* What is counted here are the objects that are sent. */
  mp_ring_link_set_used (FALSE);
  mp_test_set_warm_up (test_arrives);
  mp_test_add ("/flight/arrives", test_arrives);
  mp_test_add ("/flight/kept-message", test_kept_message);
  mp_test_add ("/flight/dropped-message", test_dropped_message);
  mp_test_add ("/flight/never-received", test_never_received);
  mp_test_add ("/flight/first-is-stale", test_first_is_stale);
  mp_test_add ("/flight/asked-by-threads", test_asked_by_threads);
  mp_test_add ("/flight/awaited", test_awaited);
  mp_test_add ("/flight/hoarded", test_hoarded);
  mp_test_add ("/flight/stopped-in-arena", test_stopped_in_arena);
  mp_test_add ("/flight/live-in-stopped-arena", test_live_in_stopped_arena);
  mp_test_add ("/flight/forked-amid-unpacking", test_forked_amid_unpacking);
  mp_test_add ("/flight/forked-in-flight", test_forked_in_flight);
  mp_test_add ("/flight/warning", test_warning);
  return g_test_run ();
}
