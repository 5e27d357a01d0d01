/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* A message whose attachments lie in arenas of a peer that has them locked, one arena each:
 * what it costs the main loop that gets it, and drops it.
 */

#include <sys/mman.h>
#include <unistd.h>

#include "mpglib.h"
#include "mp-arena-private.h"
#include "mp-fd-private.h"
#include "mp-message-private.h"
#include "mp-pump-private.h"
#include "mp-short-lock-private.h"
#include "mp-test-process.h"
#include "mp-test.h"

#define MAX_ARENAS 40
#define RESERVATION (4 << 20)

/* Of one lock: 250 ms.  All of them would take four times this. */
#define LONGEST (MAX_ARENAS * 250 / 4 * G_TIME_SPAN_MILLISECOND)

/* --- Arenas, and who has them ---------------------------------------------- */

typedef struct
{
  MpArena       *arena;
  MpArenaLayout *layout;
  MpHold         hold;
} Place;

typedef struct
{
  guint       n;
  Place       places[MAX_ARENAS];
  pid_t       child;
  pid_t       parent;
  MpAtomic32 *owner;   /* the child in owner words */
  MpAtomic32 *order;   /* to the child */
} Peer;

enum
{
  WAIT,
  LET_GO,
};

/* Lets go of one arena after another while the parent sleeps for it. */
static void
live (gpointer data)
{
  Peer *peer = data;

  mp_test_set_word (peer->owner, mp_participant_enter (mp_table_get_default (NULL), NULL));
  mp_test_wait_word (peer->order, LET_GO);
  for (guint i = 0; i < peer->n; i++)
    {
      mp_test_wait_asleep (peer->parent);
      mp_short_lock_release (&peer->places[i].layout->lock);
    }
  pause ();
}

static void
open_place (Place *place)
{
  g_autoptr (GError) error = NULL;

  place->arena = mp_arena_new (mp_table_get_default (NULL), RESERVATION, &error);
  g_assert_no_error (error);
  g_assert_true (mp_arena_alloc (place->arena, sizeof (MpLockLayout), MP_OBJECT_LOCK, &place->hold, NULL));
  place->layout = mmap (NULL, sizeof (MpArenaLayout), PROT_READ | PROT_WRITE, MAP_SHARED,
                        mp_arena_get_fd (place->arena), 0);
  g_assert_true (place->layout != MAP_FAILED);
}

static void
peer_begin (Peer  *peer,
            guint  n)
{
  peer->n = n;
  for (guint i = 0; i < n; i++)
    open_place (&peer->places[i]);

  peer->owner = mp_test_share (2 * sizeof (MpAtomic32));
  peer->order = peer->owner + 1;
  peer->parent = getpid ();
  peer->child = mp_test_fork (live, peer);
  while (atomic_load (peer->owner) == 0)
    g_thread_yield ();
}

static void
peer_lock_all (Peer *peer)
{
  for (guint i = 0; i < peer->n; i++)
    atomic_store (&peer->places[i].layout->lock, atomic_load (peer->owner));
}

static void
peer_end (Peer *peer)
{
  mp_test_kill (peer->child);
  for (guint i = 0; i < peer->n; i++)
    {
      Place *place = &peer->places[i];
      gint64 deadline = mp_test_deadline ();

      mp_hold_release (&place->hold);
      /* What could not be released at once goes soon. */
      while (mp_arena_get_n_objects (place->arena) > 0)
        {
          g_assert_cmpint (g_get_monotonic_time (), <, deadline);
          g_thread_yield ();
        }
      munmap (place->layout, sizeof (MpArenaLayout));
      mp_arena_unref (place->arena);
    }
  munmap (peer->owner, 2 * sizeof (MpAtomic32));
}

/* --- What it sends ---------------------------------------------------------- */

static GVariant *
describe (Place *place)
{
  MpHandle handle;

  mp_hold_get_handle (&place->hold, &handle);
  return g_variant_new ("(suv)", "lock", 2,
                        g_variant_new ("(@ayuu)",
                                       g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, handle.arena_id, 16, 1),
                                       handle.unit, handle.generation));
}

static MpMessage *
receive (Peer *peer)
{
  g_autoptr (GVariant) attachments = NULL;
  g_autoptr (GBytes) body = g_bytes_new (NULL, 0);
  g_autoptr (GError) error = NULL;
  MpMessage *message;
  GVariantBuilder builder;
  int fds[2 * MAX_ARENAS];

  g_variant_builder_init (&builder, G_VARIANT_TYPE (MP_MESSAGE_PACKED_TYPE));
  for (guint i = 0; i < peer->n; i++)
    {
      g_variant_builder_add_value (&builder, describe (&peer->places[i]));
      fds[2 * i] = mp_fd_duplicate (mp_arena_get_fd (peer->places[i].arena), &error);
      fds[2 * i + 1] = mp_fd_duplicate (mp_table_get_fd (mp_arena_get_table (peer->places[i].arena)), &error);
    }
  attachments = g_variant_ref_sink (g_variant_builder_end (&builder));
  g_assert_no_error (error);

  message = mp_message_new_received ("raw", body, attachments, fds, 2 * peer->n, &error);
  g_assert_no_error (error);
  return message;
}

/* --- A main loop that gets it ------------------------------------------------- */

typedef struct
{
  MpMessage *message;
  GPtrArray *objects;
  gboolean   is_over;
} Visit;

static void
visit (GSourceFunc  func,
       Visit       *data)
{
  g_idle_add (func, data);
  mp_test_run_until_set (&data->is_over);
}

static gboolean
ask_and_drop (gpointer data)
{
  Visit *self = data;
  gint64 begun = g_get_monotonic_time ();

  for (guint i = 0; i < mp_message_get_n_attachments (self->message); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (mp_message_get_attachment (self->message, i, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
    }
  g_clear_object (&self->message);
  g_assert_cmpint (g_get_monotonic_time () - begun, <, LONGEST);

  self->is_over = TRUE;
  return G_SOURCE_REMOVE;
}

static void
test_asked (void)
{
  Peer peer = { 0 };
  Visit data = { 0 };

  peer_begin (&peer, MAX_ARENAS);
  data.message = receive (&peer);
  peer_lock_all (&peer);
  visit (ask_and_drop, &data);
  peer_end (&peer);
}

static gboolean
drop (gpointer data)
{
  Visit *self = data;
  gint64 begun = g_get_monotonic_time ();

  g_clear_object (&self->message);
  g_assert_cmpint (g_get_monotonic_time () - begun, <, LONGEST);

  self->is_over = TRUE;
  return G_SOURCE_REMOVE;
}

static void
test_unasked (void)
{
  Peer peer = { 0 };
  Visit data = { 0 };

  peer_begin (&peer, MAX_ARENAS);
  data.message = receive (&peer);
  peer_lock_all (&peer);
  visit (drop, &data);
  peer_end (&peer);
}

static gboolean
drop_objects (gpointer data)
{
  Visit *self = data;
  gint64 begun = g_get_monotonic_time ();

  g_clear_pointer (&self->objects, g_ptr_array_unref);
  g_assert_cmpint (g_get_monotonic_time () - begun, <, LONGEST);

  self->is_over = TRUE;
  return G_SOURCE_REMOVE;
}

/* They are released when the arenas are free again. */
static void
test_objects (void)
{
  Peer peer = { 0 };
  Visit data = { 0 };

  peer_begin (&peer, MAX_ARENAS);
  data.message = receive (&peer);
  data.objects = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < peer.n; i++)
    g_ptr_array_add (data.objects, mp_message_get_attachment (data.message, i, NULL));
  g_clear_object (&data.message);
  peer_lock_all (&peer);
  visit (drop_objects, &data);
  peer_end (&peer);
}

/* What it does not see it is told, and the other way round. */
static void
test_other_loops (void)
{
  Peer peer = { 0 };
  Visit data = { 0 };

  peer_begin (&peer, 1);
  data.message = receive (&peer);
  data.objects = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (data.objects, mp_message_get_attachment (data.message, 0, NULL));
  g_clear_object (&data.message);
  data.message = receive (&peer);
  peer_lock_all (&peer);

  /* Longer than any test, where it waits as other threads do. */
  mp_short_lock_set_patience (G_TIME_SPAN_DAY);
  g_assert_false (mp_thread_get_looping ());
  mp_thread_set_looping (TRUE);
  g_assert_true (mp_thread_get_looping ());
  ask_and_drop (&data);
  drop_objects (&data);
  mp_thread_set_looping (FALSE);
  g_assert_false (mp_thread_get_looping ());

  mp_short_lock_set_patience (10 * G_TIME_SPAN_SECOND);
  peer_end (&peer);
}

/* --- An honest one ------------------------------------------------------------ */

static gboolean
ask (gpointer data)
{
  Visit *self = data;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < mp_message_get_n_attachments (self->message); i++)
    {
      g_autoptr (MpShareable) lock = mp_message_get_attachment (self->message, i, &error);

      g_assert_no_error (error);
      g_assert_true (mp_lock_try_acquire (MP_LOCK (lock)));
    }
  g_clear_object (&self->message);

  self->is_over = TRUE;
  return G_SOURCE_REMOVE;
}

static void
test_briefly_busy (void)
{
  Peer peer = { 0 };
  Visit data = { 0 };

  peer_begin (&peer, 2);
  data.message = receive (&peer);
  peer_lock_all (&peer);
  mp_test_set_word (peer.order, LET_GO);
  visit (ask, &data);
  peer_end (&peer);
}

/* --- The library's thread ------------------------------------------------------ */

typedef struct
{
  Peer     *peer;
  GMutex    lock;
  GCond     came;
  gboolean  is_over;
  gboolean  was_acquired;
} Job;

static void
acquire_on_engine (gpointer data)
{
  Job *job = data;
  MpTable *table = mp_table_get_default (NULL);
  gboolean was_acquired = mp_short_lock_acquire (table, &job->peer->places[0].layout->lock, NULL,
                                                 mp_participant_enter (table, NULL), NULL);

  g_mutex_lock (&job->lock);
  job->was_acquired = was_acquired;
  job->is_over = TRUE;
  g_cond_signal (&job->came);
  g_mutex_unlock (&job->lock);
}

/* With a patience longer than any test. */
static void
test_engine (void)
{
  MpPump *pump = mp_pump_get_shared ();
  Peer peer = { 0 };
  Job job = { .peer = &peer };

  g_mutex_init (&job.lock);
  g_cond_init (&job.came);
  peer_begin (&peer, 1);
  peer_lock_all (&peer);
  mp_short_lock_set_patience (G_TIME_SPAN_DAY);
  g_assert_true (mp_pump_open (pump, NULL));
  mp_pump_post (pump, acquire_on_engine, &job);

  g_mutex_lock (&job.lock);
  while (!job.is_over)
    if (!g_cond_wait_until (&job.came, &job.lock, mp_test_deadline ()))
      g_error ("mp-engine waits for a short lock");
  g_mutex_unlock (&job.lock);
  g_assert_false (job.was_acquired);

  mp_short_lock_set_patience (10 * G_TIME_SPAN_SECOND);
  g_mutex_clear (&job.lock);
  g_cond_clear (&job.came);
  peer_end (&peer);
}

static void
warm_up (void)
{
  g_object_unref (mp_lock_new ());
  g_assert_true (mp_pump_open (mp_pump_get_shared (), NULL));
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();

  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  mp_test_add ("/patience/asked", test_asked);
  mp_test_add ("/patience/unasked", test_unasked);
  mp_test_add ("/patience/objects", test_objects);
  mp_test_add ("/patience/other-loops", test_other_loops);
  mp_test_add ("/patience/briefly-busy", test_briefly_busy);
  mp_test_add ("/patience/engine", test_engine);
  return g_test_run ();
}
