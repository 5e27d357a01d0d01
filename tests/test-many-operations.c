/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Many operations of one object that wait in a main loop. */

#include <dlfcn.h>
#include <unistd.h>

#include "mpglib.h"

#include "mp-test-connection.h"
#include "mp-test-queue.h"
#include "mp-test.h"

#define FOREVER -1.0
#define LONG    1000.0

/* --- Operations ----------------------------------------------------------- */

/* What one waits at. */
typedef struct
{
  MpQueue      *queue;   /* or */
  MpConnection *here;
  MpConnection *there;
} Place;

typedef struct _Line Line;

typedef struct
{
  Line     *line;
  guint     index;
  gboolean  has_ended;
} Operation;

/* They get the numbers from 0 on, in the order in which they began, until it is closed. */
struct _Line
{
  Place         place;
  Operation    *operations;
  guint         n;
  guint         n_begun;
  guint         n_ended;
  guint         n_got;
  guint         n_cancelled;
  guint         n_awaited;
  gboolean      has_order;
  void        (*on_first) (Line *line);
  GCancellable *cancellable;
  guint         n_since_turn;
  guint         most_since_turn;
};

/* In a process that a callback has forked off. */
static gboolean is_child;

static void
note_end (Operation *self,
          GVariant  *value,
          GError    *error)
{
  Line *line = self->line;

  if (is_child)
    _exit (1);
  g_assert_false (self->has_ended);
  self->has_ended = TRUE;
  if (line->has_order)
    g_assert_cmpuint (self->index, ==, line->n_ended);

  line->n_ended++;
  line->n_since_turn++;
  line->most_since_turn = MAX (line->most_since_turn, line->n_since_turn);

  if (value != NULL)
    g_assert_cmpint (g_variant_get_int32 (value), ==, (gint32) line->n_got++);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    line->n_cancelled++;
  else
    g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);

  if (self->index == 0 && line->on_first != NULL)
    line->on_first (line);
}

static void
on_got (GObject      *object,
        GAsyncResult *result,
        gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_queue_get_finish (MP_QUEUE (object), result, &error);

  note_end (data, value, error);
}

static void
on_received (GObject      *object,
             GAsyncResult *result,
             gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_connection_receive_finish (MP_CONNECTION (object), result, &error);

  note_end (data, value, error);
}

static void
begin_one (Line         *line,
           gdouble       timeout,
           GCancellable *cancellable)
{
  Operation *operation = &line->operations[line->n_begun];

  g_assert_cmpuint (line->n_begun, <, line->n);
  operation->line = line;
  operation->index = line->n_begun++;
  if (line->place.queue != NULL)
    mp_queue_get_async (line->place.queue, timeout, cancellable, on_got, operation);
  else
    mp_connection_receive_async (line->place.here, timeout, cancellable, on_received, operation);
}

static void
begin_all (Line  *line,
           guint  n)
{
  while (line->n_begun < n)
    begin_one (line, FOREVER, NULL);
  mp_test_turn_loop ();
}

static gboolean
has_ended (gpointer data)
{
  Line *line = data;

  if (is_child)
    _exit (0);
  return line->n_ended >= line->n_awaited;
}

static void
await_ends (Line  *line,
            guint  n)
{
  line->n_awaited = n;
  mp_test_run_until (has_ended, line);
  g_assert_cmpuint (line->n_ended, ==, n);
}

static void
close_place (Line *line)
{
  if (line->place.queue != NULL)
    mp_queue_close (line->place.queue);
  else
    mp_connection_close (line->place.here);
}

static void
add_items (Line   *line,
           gint32  first,
           gint32  n)
{
  for (gint32 i = first; i < first + n; i++)
    if (line->place.queue != NULL)
      mp_test_put_int (line->place.queue, i);
    else
      mp_test_send_int (line->place.there, i);
}

static Line *
line_new (gconstpointer place,
          guint         n)
{
  Line *line = g_new0 (Line, 1);

  if (g_str_equal (place, "queue"))
    line->place.queue = mp_queue_new (0);
  else
    {
      MpTestPair pair = mp_test_pair_new ();

      line->place.here = pair.a;
      line->place.there = pair.b;
    }
  line->operations = g_new0 (Operation, n);
  line->n = n;
  line->has_order = TRUE;
  line->cancellable = g_cancellable_new ();
  return line;
}

static void
line_free (Line *line)
{
  g_assert_cmpuint (line->n_begun, ==, line->n);
  g_assert_cmpuint (line->n_ended, ==, line->n);
  mp_test_turn_loop ();
  g_assert_cmpuint (line->n_ended, ==, line->n);

  g_clear_object (&line->place.queue);
  g_clear_object (&line->place.here);
  g_clear_object (&line->place.there);
  g_object_unref (line->cancellable);
  g_free (line->operations);
  g_free (line);
}

/* --- What a main loop has to do with them --------------------------------- */

static guint
count_sources (void)
{
  GSource *newest = g_idle_source_new ();
  guint top = g_source_attach (newest, NULL);
  guint n = 0;

  g_source_destroy (newest);
  g_source_unref (newest);
  for (guint id = 1; id < top; id++)
    n += g_main_context_find_source_by_id (NULL, id) != NULL;
  return n;
}

/* However many wait, a turn of the main loop looks at no more. */
static void
test_sources (gconstpointer place)
{
  Line *line = line_new (place, 1000);
  guint n_sources;

  begin_all (line, 10);
  n_sources = count_sources ();

  begin_all (line, 1000);
  g_assert_cmpuint (count_sources (), ==, n_sources);

  /* Nor when another has become the first. */
  add_items (line, 0, 100);
  await_ends (line, 100);
  mp_test_turn_loop ();
  g_assert_cmpuint (count_sources (), ==, n_sources);

  close_place (line);
  await_ends (line, 1000);
  line_free (line);
}

static int n_descriptors; /* atomic; that sources were given */

/* Found before GLib's. */
gpointer
g_source_add_unix_fd (GSource      *source,
                      int           fd,
                      GIOCondition  events)
{
  gpointer (*next) (GSource *, int, GIOCondition) = dlsym (RTLD_NEXT, "g_source_add_unix_fd");

  g_atomic_int_inc (&n_descriptors);
  return next (source, fd, events);
}

/* With a time there is a source for each, but none of them polls before it is the first. */
static void
test_descriptors (void)
{
  Line *line = line_new ("connection", 1000);
  int n;

  begin_one (line, LONG, line->cancellable);
  mp_test_turn_loop ();
  n = g_atomic_int_get (&n_descriptors);
  g_assert_cmpint (n, >, 0);
  while (line->n_begun < 1000)
    begin_one (line, LONG, line->cancellable);
  mp_test_turn_loop ();
  g_assert_cmpint (g_atomic_int_get (&n_descriptors), ==, n);

  add_items (line, 0, 100);
  await_ends (line, 100);
  n = g_atomic_int_get (&n_descriptors);
  close_place (line);
  await_ends (line, 1000);
  g_assert_cmpint (g_atomic_int_get (&n_descriptors), ==, n);
  line_free (line);
}

static gboolean
begin_turn (gpointer data)
{
  Line *line = data;

  line->n_since_turn = 0;
  return G_SOURCE_CONTINUE;
}

/* Not one a turn, nor all of them. */
static void
test_portions (void)
{
  const guint n = 4000;
  Line *line = line_new ("queue", n);
  guint ticker;

  begin_all (line, n);
  ticker = g_timeout_add_full (G_PRIORITY_DEFAULT, 0, begin_turn, line, NULL);
  close_place (line);
  await_ends (line, n);
  g_assert_cmpuint (line->most_since_turn, >, 1);
  g_assert_cmpuint (line->most_since_turn, <, n / 4);

  g_source_remove (ticker);
  line_free (line);
}

/* --- What others do meanwhile --------------------------------------------- */

/* That of which a transfer is begun. */
static MpConnection *watched;
static GThread *looking;
static int has_begun, has_looked;

static gpointer
look_at_watched (gpointer data)
{
  g_atomic_int_set (&has_begun, TRUE);
  mp_connection_stop_reading (watched);
  g_atomic_int_set (&has_looked, TRUE);
  return NULL;
}

/* Likewise.  GLib takes the context's lock for what is attached, and none for what is not: who changes it just then
 * may wake nobody, or add a descriptor that is not polled.
 */
guint
g_source_attach (GSource      *source,
                 GMainContext *context)
{
  guint (*next) (GSource *, GMainContext *) = dlsym (RTLD_NEXT, "g_source_attach");

  if (watched != NULL && looking == NULL)
    {
      looking = g_thread_new ("looks", look_at_watched, NULL);
      while (!g_atomic_int_get (&has_begun))
        g_thread_yield ();
      for (guint i = 0; i < 1000 && !g_atomic_int_get (&has_looked); i++)
        g_thread_yield ();
      g_assert_false (g_atomic_int_get (&has_looked));
    }

  return next (source, context);
}

/* Nobody has the connection's lock while the source of what begins becomes its context's. */
static void
test_begun_alone (void)
{
  Line *line = line_new ("connection", 1);

  watched = line->place.here;
  begin_one (line, FOREVER, NULL);
  g_assert_nonnull (looking);
  g_thread_join (looking);
  watched = NULL;

  close_place (line);
  await_ends (line, 1);
  line_free (line);
}

/* --- What comes of them --------------------------------------------------- */

static void
test_order (gconstpointer place)
{
  const guint n = 20000;
  Line *line = line_new (place, n);

  begin_all (line, n);
  for (guint i = 0; i < n / 2; i += 100)
    {
      add_items (line, (gint32) i, 100);
      await_ends (line, i + 100);
    }
  g_assert_cmpuint (line->n_got, ==, n / 2);

  close_place (line);
  g_assert_cmpuint (line->n_ended, ==, n / 2);
  await_ends (line, n);
  g_assert_cmpuint (line->n_got, ==, n / 2);
  line_free (line);
}

/* Those that have a time or a cancellable do not end before others. */
static void
test_mixed (gconstpointer place)
{
  const guint n = 300;
  Line *line = line_new (place, n);

  for (guint i = 0; i < n; i++)
    begin_one (line, i % 3 == 1 ? LONG : FOREVER, i % 5 == 4 ? line->cancellable : NULL);
  mp_test_turn_loop ();
  add_items (line, 0, 100);
  await_ends (line, 100);

  close_place (line);
  await_ends (line, n);
  g_assert_cmpuint (line->n_got, ==, 100);
  line_free (line);
}

static void
await_others (Line *line)
{
  await_ends (line, line->n);
}

/* In a loop that the callback of the first one runs. */
static void
test_recursion (gconstpointer place)
{
  Line *line = line_new (place, 300);

  line->on_first = await_others;
  begin_all (line, 300);
  close_place (line);
  mp_test_run_until (has_ended, line);
  await_ends (line, 300);
  line_free (line);
}

static void
cancel_and_begin (Line *line)
{
  g_cancellable_cancel (line->cancellable);
  begin_one (line, FOREVER, NULL);
  begin_one (line, LONG, NULL);
}

/* The callback of the first one cancels others, and begins new ones. */
static void
test_ended_by_another (gconstpointer place)
{
  Line *line = line_new (place, 302);

  line->on_first = cancel_and_begin;
  line->has_order = FALSE;
  while (line->n_begun < 300)
    begin_one (line, FOREVER, line->n_begun % 2 == 0 ? NULL : line->cancellable);
  mp_test_turn_loop ();
  add_items (line, 0, 1);
  await_ends (line, 1 + 150);
  g_assert_cmpuint (line->n_cancelled, ==, 150);

  add_items (line, 1, 10);
  close_place (line);
  await_ends (line, 302);
  line_free (line);
}

static GPid child;

static void
fork_off (Line *line)
{
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  is_child = child == 0;
}

/* A child that the callback of the first one forks off lets the others be, though their turn is the same. */
static void
test_fork (void)
{
  Line *line = line_new ("queue", 300);

  line->on_first = fork_off;
  begin_all (line, 300);
  close_place (line);
  await_ends (line, 300);
  g_assert_cmpint (mp_test_wait (child), ==, 0);
  line_free (line);
}

static gpointer
look (gpointer connection)
{
  mp_connection_poll (connection, 0);
  return NULL;
}

/* It was a thread that saw to the first one: so the next one, of whose loop it is not, polls from then on. */
static void
test_next_by_thread (void)
{
  Line *line = line_new ("connection", 3);

  begin_all (line, 3);
  add_items (line, 0, 1);
  g_thread_join (g_thread_new ("looks", look, line->place.here));
  await_ends (line, 1);
  mp_test_turn_loop ();
  add_items (line, 1, 2);
  await_ends (line, 3);
  g_assert_cmpuint (line->n_got, ==, 3);
  line_free (line);
}

static gpointer
close_here (gpointer connection)
{
  mp_connection_close (connection);
  return NULL;
}

static void
test_closed_by_thread (void)
{
  Line *line = line_new ("connection", 300);

  begin_all (line, 300);
  g_thread_join (g_thread_new ("closes", close_here, line->place.here));
  g_assert_cmpuint (line->n_ended, ==, 0);
  await_ends (line, 300);
  line_free (line);
}

/* What stays for the life of the process. */
static void
warm_up (void)
{
  Line *line = line_new ("queue", 1);

  begin_all (line, 1);
  close_place (line);
  await_ends (line, 1);
  line_free (line);
}

int
main (int    argc,
      char **argv)
{
  mp_test_init (&argc, &argv);
  mp_test_connection_init ();
  mp_test_set_warm_up (warm_up);

  mp_test_add_data ("/many-operations/queue/sources", "queue", test_sources);
  mp_test_add_data ("/many-operations/connection/sources", "connection", test_sources);
  mp_test_add ("/many-operations/connection/descriptors", test_descriptors);
  mp_test_add ("/many-operations/connection/begun-alone", test_begun_alone);
  mp_test_add ("/many-operations/queue/portions", test_portions);
  mp_test_add_data ("/many-operations/queue/order", "queue", test_order);
  mp_test_add_data ("/many-operations/connection/order", "connection", test_order);
  mp_test_add_data ("/many-operations/queue/mixed", "queue", test_mixed);
  mp_test_add_data ("/many-operations/connection/mixed", "connection", test_mixed);
  mp_test_add_data ("/many-operations/queue/recursion", "queue", test_recursion);
  mp_test_add_data ("/many-operations/connection/recursion", "connection", test_recursion);
  mp_test_add_data ("/many-operations/queue/ended-by-another", "queue", test_ended_by_another);
  mp_test_add_data ("/many-operations/connection/ended-by-another", "connection", test_ended_by_another);
  mp_test_add ("/many-operations/queue/fork", test_fork);
  mp_test_add ("/many-operations/connection/next-by-thread", test_next_by_thread);
  mp_test_add ("/many-operations/connection/closed-by-thread", test_closed_by_thread);

  return g_test_run ();
}
