/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-tls-turns-private.h"

#include <sys/prctl.h>

#include "mp-error.h"
#include "mp-fork-private.h"
#include "mp-thread-private.h"
#include "mp-tls-handshake-private.h"

typedef struct
{
  GQueue waiting;
  GQueue running; /* who has begun first is first */
} Lane;

static const guint n_turns[MP_TLS_N_LANES] = { MP_TLS_SERVER_TURNS, MP_TLS_CLIENT_TURNS };

static GMutex lock; /* a leaf */
static Lane lanes[MP_TLS_N_LANES];
static GMainContext *context;  /* of the thread; NULL: there is none */

/* What a stranger forks has neither the thread nor its handshakes. */
static void
forget_all (void)
{
  for (guint i = 0; i < MP_TLS_N_LANES; i++)
    lanes[i] = (Lane) { G_QUEUE_INIT, G_QUEUE_INIT };
  context = NULL;
}

static void __attribute__ ((constructor))
watch_forks (void)
{
  forget_all ();
  mp_fork_add_leaf (&lock, forget_all);
}

static gboolean
is_busy_locked (void)
{
  for (guint i = 0; i < MP_TLS_N_LANES; i++)
    if (!g_queue_is_empty (&lanes[i].waiting) || !g_queue_is_empty (&lanes[i].running))
      return TRUE;

  return FALSE;
}

static MpTlsTurn *
take_next_locked (void)
{
  for (guint i = 0; i < MP_TLS_N_LANES; i++)
    if (!g_queue_is_empty (&lanes[i].waiting) && g_queue_get_length (&lanes[i].running) < n_turns[i])
      {
        MpTlsTurn *next = g_queue_peek_head (&lanes[i].waiting);

        g_queue_unlink (&lanes[i].waiting, &next->link);
        g_queue_push_tail_link (&lanes[i].running, &next->link);
        next->begun = g_get_monotonic_time ();
        return next;
      }

  return NULL;
}

/* Of strangers alone: the program's own connections have their deadline, and may be to far away. */
static MpTlsTurn *
find_slow_locked (gint64 *when)
{
  Lane *lane = &lanes[MP_TLS_LANE_SERVER];

  *when = -1;
  if (g_queue_is_empty (&lane->waiting))
    return NULL;

  for (GList *link = lane->running.head; link != NULL; link = link->next)
    {
      MpTlsTurn *turn = link->data;

      if (turn->is_hurried)
        continue;
      if (turn->begun + MP_TLS_GRACE <= g_get_monotonic_time ())
        return turn;

      *when = turn->begun + MP_TLS_GRACE;
      return NULL;
    }

  return NULL;
}

/* Who has a turn may end it meanwhile, on this thread alone. */
static gint64
serve (void)
{
  MpTlsTurn *next, *slow;
  gint64 when;

  for (;;)
    {
      g_mutex_lock (&lock);
      next = take_next_locked ();
      slow = next == NULL ? find_slow_locked (&when) : NULL;
      if (slow != NULL)
        slow->is_hurried = TRUE;
      g_mutex_unlock (&lock);

      if (next != NULL)
        next->begin (next->data);
      else if (slow != NULL)
        slow->hurry (slow->data);
      else
        return when;
    }
}

static int
dispatch_timer (GSource     *source,
                GSourceFunc  callback,
                gpointer     data)
{
  g_source_set_ready_time (source, -1);
  return G_SOURCE_CONTINUE;
}

static gboolean
goes_on (void)
{
  gboolean is_busy;

  g_mutex_lock (&lock);
  is_busy = is_busy_locked ();
  if (!is_busy)
    context = NULL;
  g_mutex_unlock (&lock);

  return is_busy;
}

static void *
run (void *data)
{
  static GSourceFuncs timer_funcs = { .dispatch = dispatch_timer };
  g_autoptr (GMainContext) mine = data;
  g_autoptr (GSource) timer = g_source_new (&timer_funcs, sizeof (GSource));

  prctl (PR_SET_NAME, "mp-tls");
  g_source_attach (timer, mine);
  g_main_context_push_thread_default (mine);
  while (goes_on ())
    {
      g_source_set_ready_time (timer, serve ());
      g_main_context_iteration (mine, TRUE);
    }
  g_main_context_pop_thread_default (mine);
  g_source_destroy (timer);

  return NULL;
}

static gboolean
ensure_thread_locked (GError **error)
{
  int failed;

  if (context != NULL)
    {
      g_main_context_wakeup (context);
      return TRUE;
    }

  context = g_main_context_new ();
  failed = mp_thread_start (run, context, 0, NULL);
  if (failed == 0)
    return TRUE;

  g_main_context_unref (context);
  context = NULL;
  g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "Cannot make a thread for TLS: %s", g_strerror (failed));
  return FALSE;
}

/*< private >
 * mp_tls_turn_queue:
 * @self: stays where it is until it has ended or was cancelled
 */
gboolean
mp_tls_turn_queue (MpTlsTurn  *self,
                   GError    **error)
{
  gboolean is_queued;

  self->link.data = self;
  g_mutex_lock (&lock);
  is_queued = ensure_thread_locked (error);
  if (is_queued)
    g_queue_push_tail_link (&lanes[self->lane].waiting, &self->link);
  g_mutex_unlock (&lock);

  return is_queued;
}

/*< private >
 * mp_tls_turn_cancel:
 *
 * Returns: whether it had not begun, and never will
 */
gboolean
mp_tls_turn_cancel (MpTlsTurn *self)
{
  gboolean had_begun;

  g_mutex_lock (&lock);
  had_begun = self->begun != 0;
  if (!had_begun)
    g_queue_unlink (&lanes[self->lane].waiting, &self->link);
  g_mutex_unlock (&lock);

  return !had_begun;
}

/*< private >
 * mp_tls_turn_end:
 *
 * On the thread.
 */
void
mp_tls_turn_end (MpTlsTurn *self)
{
  g_mutex_lock (&lock);
  g_queue_unlink (&lanes[self->lane].running, &self->link);
  g_mutex_unlock (&lock);
}

/*< private >
 * mp_tls_turn_get_begun:
 *
 * Returns: the monotonic time; 0 if it waits still
 */
gint64
mp_tls_turn_get_begun (MpTlsTurn *self)
{
  gint64 begun;

  g_mutex_lock (&lock);
  begun = self->begun;
  g_mutex_unlock (&lock);

  return begun;
}
