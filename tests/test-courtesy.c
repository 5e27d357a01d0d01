/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Sources of lower priorities have turns, however fast messages come: for each that is got here another one is put,
 * so that something of the library's is always ready.  (Signals of queues leave gaps: they come by way of the thread
 * mp-watch.)
 */

#include <dlfcn.h>

#include "mpglib.h"

#include "mp-courtesy-private.h"
#include "mp-test.h"

#define FOREVER -1.0

/* Turns of others until a flood ends. */
#define N_TURNS 5

/* On the way, so that one is there whoever is slow. */
#define N_ITEMS 64

typedef struct
{
  MpQueue      *queue;
  MpConnection *first;
  MpConnection *second;
  guint         n_items;
  guint         n_turns;   /* of others */
  gboolean      is_over;
} Flood;

static gboolean
on_turn (gpointer data)
{
  Flood *self = data;

  self->n_turns++;
  return G_SOURCE_CONTINUE;
}

/* --- Floods ---------------------------------------------------------------- */

/* Returns: whether it goes on */
static gboolean
note_item (Flood *self)
{
  if (self->n_items++ == 0)
    self->n_turns = 0;
  self->is_over |= self->n_turns >= N_TURNS;
  return !self->is_over;
}

/* Enough for some turns of the loop. */
#define N_VALUES 200000

static void
on_got_many (GObject      *queue,
             GAsyncResult *result,
             gpointer      data)
{
  Flood *self = data;
  g_autoptr (GVariant) values = mp_queue_get_many_finish (self->queue, result, NULL);

  self->n_items = (guint) g_variant_n_children (values);
  self->is_over = TRUE;
}

/* One call that goes on and on. */
static void
begin_many (Flood *self)
{
  gsize *lengths = g_new (gsize, N_VALUES);
  guint8 *bytes = g_malloc0 (N_VALUES);

  for (guint i = 0; i < N_VALUES; i++)
    lengths[i] = 1;
  self->queue = mp_queue_new (0);
  g_assert_cmpuint (mp_queue_put_many_data (self->queue, bytes, N_VALUES, lengths, N_VALUES, NULL, 0, NULL, NULL),
                    ==, N_VALUES);
  mp_queue_get_many_async (self->queue, N_VALUES, FOREVER, NULL, on_got_many, self);
  g_free (lengths);
  g_free (bytes);
}

static void
put (Flood *self)
{
  g_assert_true (mp_queue_put (self->queue, g_variant_new_int32 (1), 0, NULL, NULL));
}

static void
on_got (GObject      *queue,
        GAsyncResult *result,
        gpointer      data)
{
  Flood *self = data;
  g_autoptr (GVariant) value = mp_queue_get_finish (self->queue, result, NULL);

  g_assert_nonnull (value);
  if (!note_item (self))
    return;

  put (self);
  mp_queue_get_async (self->queue, FOREVER, NULL, on_got, self);
}

static void
begin_gets (Flood *self)
{
  self->queue = mp_queue_new (0);
  for (guint i = 0; i < N_ITEMS; i++)
    put (self);
  mp_queue_get_async (self->queue, FOREVER, NULL, on_got, self);
}

static void
send (Flood *self)
{
  g_assert_true (mp_connection_send (self->first, g_variant_new_int32 (1), 0, NULL, NULL));
}

static void
on_received (GObject      *connection,
             GAsyncResult *result,
             gpointer      data)
{
  Flood *self = data;
  g_autoptr (GVariant) value = mp_connection_receive_finish (self->second, result, NULL);

  g_assert_nonnull (value);
  if (!note_item (self))
    return;

  send (self);
  mp_connection_receive_async (self->second, FOREVER, NULL, on_received, self);
}

static void
begin_receives (Flood *self)
{
  g_assert_true (mp_connection_new_pair (TRUE, &self->first, &self->second, NULL));
  for (guint i = 0; i < N_ITEMS; i++)
    send (self);
  mp_connection_receive_async (self->second, FOREVER, NULL, on_received, self);
}

static void
on_message (Flood *self)
{
  if (note_item (self))
    send (self);
}

static void
begin_signals (Flood *self)
{
  g_assert_true (mp_connection_new_pair (TRUE, &self->first, &self->second, NULL));
  g_signal_connect_swapped (self->second, "message-received", G_CALLBACK (on_message), self);
  mp_connection_start_reading (self->second);
  for (guint i = 0; i < N_ITEMS; i++)
    send (self);
}

static void
end (Flood *self)
{
  if (self->second != NULL)
    mp_connection_stop_reading (self->second);
  if (self->queue != NULL)
    mp_queue_close (self->queue);
  g_clear_object (&self->queue);
  g_clear_object (&self->first);
  g_clear_object (&self->second);
}

/* --- Tests ----------------------------------------------------------------- */

typedef void (*Begin) (Flood *self);

static void
test_redraws (gconstpointer data)
{
  Flood flood = { NULL };
  guint id = g_idle_add_full (G_PRIORITY_HIGH_IDLE + 20, on_turn, &flood, NULL);
  guint lowest = g_idle_add_full (G_PRIORITY_LOW, on_turn, &flood, NULL);

  ((Begin) data) (&flood);
  mp_test_run_until_set (&flood.is_over);
  g_source_remove (id);
  g_source_remove (lowest);
  g_assert_cmpuint (flood.n_items, >, N_TURNS);
  g_assert_cmpuint (flood.n_turns, >, 0);
  end (&flood);
}

/* Behind a call that goes on one waits whose time is over. */
static void
test_late (void)
{
  Flood flood = { NULL };
  guint id = g_idle_add (on_turn, &flood);
  g_autoptr (GAsyncResult) late = NULL;
  g_autoptr (GError) error = NULL;

  begin_many (&flood);
  mp_queue_get_async (flood.queue, 0, NULL, mp_test_keep_result, &late);
  mp_test_run_until_set (&flood.is_over);
  g_assert_null (late);
  g_assert_cmpuint (flood.n_turns, >, 0);

  mp_test_count_turns (&late);
  g_assert_null (mp_queue_get_finish (flood.queue, late, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_EMPTY);
  g_source_remove (id);
  end (&flood);
}

/* --- Without a context ----------------------------------------------------- */

typedef struct
{
  GSource  source;
  gboolean ran;
  gboolean rests;
} Busy;

static gboolean *busy_is_gone;

static gboolean
dispatch_busy (GSource     *source,
               GSourceFunc  unused,
               gpointer     unused_data)
{
  Busy *self = (Busy *) source;

  self->rests = !mp_courtesy_may_run (source);
  self->ran |= !self->rests;
  return G_SOURCE_CONTINUE;
}

static void
finalize_busy (GSource *source)
{
  *busy_is_gone = TRUE;
}

static GSourceFuncs busy_funcs = { .dispatch = dispatch_busy, .finalize = finalize_busy };

static Busy *
new_busy (GMainContext *context)
{
  Busy *self = (Busy *) g_source_new (&busy_funcs, sizeof (Busy));

  self->ran = self->rests = FALSE;
  g_source_set_ready_time (&self->source, 0);
  g_source_attach (&self->source, context);
  return self;
}

/* Until it has the lowest priority. */
static Busy *
new_resting (GMainContext *context)
{
  Busy *self = new_busy (context);

  while (!self->rests)
    g_main_context_iteration (context, FALSE);

  g_assert_true (self->ran);
  g_assert_cmpint (g_source_get_priority (&self->source), ==, G_PRIORITY_LOW);
  return self;
}

static gboolean
is_again_usual (gpointer data)
{
  return g_source_get_priority (data) == G_PRIORITY_DEFAULT;
}

/* It has its priority again when others had their turn; also when something is always ready that comes before them. */
static void
test_rest (void)
{
  gboolean is_gone = FALSE;
  Busy *busy;
  guint id, n_turns;
  Flood flood = { NULL };

  busy_is_gone = &is_gone;
  busy = new_resting (NULL);
  mp_test_run_until (is_again_usual, &busy->source);

  id = g_idle_add (on_turn, &flood);
  while (!busy->rests)
    g_main_context_iteration (NULL, FALSE);
  n_turns = flood.n_turns;
  mp_test_run_until (is_again_usual, &busy->source);
  g_assert_cmpuint (flood.n_turns, >, n_turns);
  g_source_remove (id);

  mp_courtesy_destroy (g_main_context_default (), &busy->source);
  g_source_unref (&busy->source);
  g_assert_true (is_gone);
}

/* Longer than a run and a rest together. */
#define LONG (50 * 1000)

static gboolean
work_long (gpointer data)
{
  gint64 end = g_get_monotonic_time () + LONG;

  while (g_get_monotonic_time () < end)
    ;
  return on_turn (data);
}

/* It runs in between, too, when each turn of the loop takes long. */
static void
test_slow_turns (void)
{
  gboolean is_gone = FALSE;
  Flood flood = { NULL };
  guint id = g_timeout_add (0, work_long, &flood);
  Busy *busy;

  busy_is_gone = &is_gone;
  busy = new_resting (NULL);
  for (guint i = 0; i < 2; i++)
    {
      busy->ran = FALSE;
      mp_test_run_until_set (&busy->ran);
    }
  g_source_remove (id);
  mp_courtesy_destroy (g_main_context_default (), &busy->source);
  g_source_unref (&busy->source);
}

#define N_BUSY 200

/* However many they are, each has turns. */
static void
test_many (void)
{
  gboolean is_gone = FALSE;
  Flood flood = { NULL };
  guint id = g_idle_add (on_turn, &flood);
  Busy *busy[N_BUSY];

  busy_is_gone = &is_gone;
  for (guint i = 0; i < N_BUSY; i++)
    busy[i] = new_busy (NULL);
  for (guint round = 0; round < 3; round++)
    for (guint i = 0; i < N_BUSY; i++)
      {
        busy[i]->ran = FALSE;
        mp_test_run_until_set (&busy[i]->ran);
      }
  for (guint i = 0; i < N_BUSY; i++)
    {
      mp_courtesy_destroy (g_main_context_default (), &busy[i]->source);
      g_source_unref (&busy[i]->source);
    }
  g_source_remove (id);
}

/* --- Beside another thread ------------------------------------------------- */

/* The one that is destroyed at the moment in which its rest ends. */
static GSource *crossed;
static GThread *crossing;
static int has_begun;

static gpointer
destroy_crossed (gpointer data)
{
  g_atomic_int_set (&has_begun, TRUE);
  mp_courtesy_destroy (g_main_context_default (), crossed);
  return NULL;
}

/* In place of GLib's, which polls again for a source though it was destroyed. */
void
g_source_set_priority (GSource *source,
                       int      priority)
{
  void (*set_priority) (GSource *source,
                        int      priority) = (void (*) (GSource *, int)) dlsym (RTLD_NEXT, "g_source_set_priority");

  if (source == crossed && crossing == NULL && priority == G_PRIORITY_DEFAULT)
    {
      crossing = g_thread_new ("destroys", destroy_crossed, NULL);
      while (!g_atomic_int_get (&has_begun))
        g_thread_yield ();
      for (guint i = 0; i < 1000 && !g_source_is_destroyed (source); i++)
        g_thread_yield ();
      g_assert_false (g_source_is_destroyed (source));
    }

  set_priority (source, priority);
}

static void
test_crossed (void)
{
  gboolean is_gone = FALSE;
  Busy *busy;

  busy_is_gone = &is_gone;
  busy = new_resting (NULL);
  crossed = &busy->source;
  while (crossing == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_thread_join (crossing);
  g_assert_true (g_source_is_destroyed (crossed));
  g_source_unref (crossed);
  g_assert_true (is_gone);
}

/* Nothing is left of one that rests, be it destroyed, or its context gone. */
static void
test_gone (void)
{
  GMainContext *context = g_main_context_new ();
  gboolean is_gone = FALSE;
  Busy *busy;

  busy_is_gone = &is_gone;
  busy = new_resting (context);
  mp_courtesy_destroy (context, &busy->source);
  g_source_unref (&busy->source);
  g_assert_true (is_gone);
  g_main_context_unref (context);

  context = g_main_context_new ();
  is_gone = FALSE;
  busy = new_resting (context);
  g_source_unref (&busy->source);
  g_main_context_unref (context);
  g_assert_true (is_gone);
}

int
main (int   argc,
      char *argv[])
{
  mp_init ();
  mp_test_init (&argc, &argv);

  mp_test_add_data ("/courtesy/redraws/gets", begin_gets, test_redraws);
  mp_test_add_data ("/courtesy/redraws/many", begin_many, test_redraws);
  mp_test_add_data ("/courtesy/redraws/receives", begin_receives, test_redraws);
  mp_test_add_data ("/courtesy/redraws/signals", begin_signals, test_redraws);
  mp_test_add ("/courtesy/redraws/late", test_late);
  mp_test_add ("/courtesy/rest", test_rest);
  mp_test_add ("/courtesy/slow-turns", test_slow_turns);
  mp_test_add ("/courtesy/many", test_many);
  mp_test_add ("/courtesy/gone", test_gone);
  mp_test_add ("/courtesy/crossed", test_crossed);
  return g_test_run ();
}
