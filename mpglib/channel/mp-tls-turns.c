/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-tls-turns-private.h"

#include <string.h>
#include <sys/prctl.h>

#include "mp-error.h"
#include "mp-fork-private.h"
#include "mp-thread-private.h"

/* What the other end of a turn is given while others wait, besides the time that all is on the way: so many times what
 * the slowest of the last honest ones took, or of what is done here for a turn, for nobody is quick on a busy machine;
 * at least some turns of a processor; but as much as lets those who wait have their turn soon.  In µs.
 */
#define ALLOWANCE      8
#define LEAST_PATIENCE (30 * 1000)
#define SOON           (80 * 1000)

/* So many later that part of what a slow one took is forgotten, and what is assumed of those who were not there yet. */
#define MEMORY 16
#define FIRST  (LEAST_PATIENCE * 2 / ALLOWANCE)

/* Those of one network or user who wait. */
struct _MpTlsTurnGroup
{
  MpWhence whence;
  GQueue turns;   /* who is next is first */
  GList link;     /* in `groups` */
};

typedef struct
{
  GQueue groups;  /* whose turn is next is first */
  guint n_waiting;
  GQueue running;
} Lane;

static const guint n_turns[MP_TLS_N_LANES] = { MP_TLS_SERVER_TURNS, MP_TLS_CLIENT_TURNS };

static GMutex lock; /* a leaf */
static Lane lanes[MP_TLS_N_LANES];
static gint64 slowest = FIRST; /* of the last honest ones */
static gint64 busiest = 0;     /* of what was done here */
static GMainContext *context;  /* of the thread; NULL: there is none */

/* What a stranger forks has neither the thread nor its handshakes. */
static void
forget_all (void)
{
  for (guint i = 0; i < MP_TLS_N_LANES; i++)
    lanes[i] = (Lane) { G_QUEUE_INIT, 0, G_QUEUE_INIT };
  context = NULL;
}

static void __attribute__ ((constructor))
watch_forks (void)
{
  forget_all ();
  mp_fork_add_leaf (&lock, forget_all);
}

/* --- Who waits --------------------------------------------------------------------- */

static MpTlsTurnGroup *
get_group_locked (Lane           *lane,
                  const MpWhence *whence)
{
  MpTlsTurnGroup *group;

  for (GList *l = lane->groups.head; l != NULL; l = l->next)
    {
      group = l->data;
      if (group->whence.family == whence->family &&
          memcmp (group->whence.bytes, whence->bytes, sizeof whence->bytes) == 0)
        return group;
    }

  group = g_new0 (MpTlsTurnGroup, 1);
  group->whence = *whence;
  g_queue_init (&group->turns);
  group->link.data = group;
  g_queue_push_tail_link (&lane->groups, &group->link);
  return group;
}

static void
add_waiting_locked (MpTlsTurn *turn)
{
  Lane *lane = &lanes[turn->lane];

  turn->group = get_group_locked (lane, &turn->whence);
  g_queue_push_tail_link (&turn->group->turns, &turn->link);
  lane->n_waiting++;
}

static void
remove_waiting_locked (MpTlsTurn *turn)
{
  Lane *lane = &lanes[turn->lane];
  MpTlsTurnGroup *group = g_steal_pointer (&turn->group);

  g_queue_unlink (&group->turns, &turn->link);
  lane->n_waiting--;
  if (!g_queue_is_empty (&group->turns))
    return;

  g_queue_unlink (&lane->groups, &group->link);
  g_free (group);
}

static MpTlsTurn *
take_waiting_locked (Lane *lane)
{
  MpTlsTurnGroup *group = g_queue_peek_head (&lane->groups);
  MpTlsTurn *next = g_queue_peek_head (&group->turns);

  g_queue_unlink (&lane->groups, &group->link);
  g_queue_push_tail_link (&lane->groups, &group->link);
  remove_waiting_locked (next);
  return next;
}

/* --- Who has a turn ---------------------------------------------------------------- */

static gboolean
is_busy_locked (void)
{
  for (guint i = 0; i < MP_TLS_N_LANES; i++)
    if (lanes[i].n_waiting > 0 || !g_queue_is_empty (&lanes[i].running))
      return TRUE;

  return FALSE;
}

static MpTlsTurn *
take_next_locked (void)
{
  for (guint i = 0; i < MP_TLS_N_LANES; i++)
    if (lanes[i].n_waiting > 0 && g_queue_get_length (&lanes[i].running) < n_turns[i])
      {
        MpTlsTurn *next = take_waiting_locked (&lanes[i]);

        g_queue_push_tail_link (&lanes[i].running, &next->link);
        next->begun = g_get_monotonic_time ();
        return next;
      }

  return NULL;
}

/* Of one that waits: for others it may be for GLib to find a thread, or for the processor. */
static gint64
get_end_locked (MpTlsTurn *turn)
{
  gint64 share = SOON * MP_TLS_SERVER_TURNS / (MP_TLS_SERVER_TURNS + lanes[turn->lane].n_waiting);
  gint64 patience = MAX (ALLOWANCE * MAX (slowest, busiest), MAX (share, LEAST_PATIENCE));

  return turn->waits_since + MIN (patience + 2 * turn->round_trip, MP_TLS_GRACE) - turn->silence;
}

static guint
count_unwanted_locked (Lane *lane)
{
  guint n_running = g_queue_get_length (&lane->running);

  return lane->n_waiting + (n_running > MP_TLS_LASTING_TURNS ? n_running - MP_TLS_LASTING_TURNS : 0);
}

/* Of strangers alone: the program's own connections have their deadline, and may be to far away. */
static MpTlsTurn *
find_slow_locked (gint64 *when)
{
  Lane *lane = &lanes[MP_TLS_LANE_SERVER];
  MpTlsTurn *slow = NULL;
  guint n_hurried = 0;

  *when = -1;
  for (GList *link = lane->running.head; link != NULL; link = link->next)
    {
      MpTlsTurn *turn = link->data;

      n_hurried += turn->is_hurried;
      if (!turn->is_hurried && turn->waits_since > 0 && (slow == NULL || get_end_locked (turn) < get_end_locked (slow)))
        slow = turn;
    }

  if (slow == NULL || n_hurried >= count_unwanted_locked (lane))
    return NULL;

  *when = get_end_locked (slow);
  return *when <= g_get_monotonic_time () ? slow : NULL;
}

static void
add_silence_locked (MpTlsTurn *turn)
{
  if (turn->waits_since > 0)
    turn->silence += g_get_monotonic_time () - turn->waits_since;
  turn->waits_since = 0;
}

/* As long as the lock is held who waits for the other end takes nothing out of its socket: see
 * mp_tls_turn_set_waiting().
 */
static void
hurry_locked (MpTlsTurn *turn)
{
  turn->is_hurried = turn->hurry (turn->data);
  if (!turn->is_hurried)
    add_silence_locked (turn);
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
        hurry_locked (slow);
      g_mutex_unlock (&lock);

      if (next != NULL)
        next->begin (next->data);
      else if (slow == NULL)
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
    add_waiting_locked (self);
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
    remove_waiting_locked (self);
  g_mutex_unlock (&lock);

  return !had_begun;
}

static void
learn_locked (gint64 *slow,
              gint64  took)
{
  *slow = MAX (took, *slow - *slow / MEMORY);
}

void
mp_tls_turn_set_waiting (MpTlsTurn *self,
                         gboolean   waits)
{
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&lock);
  if (waits && !self->has_waited)
    learn_locked (&busiest, now - self->begun);
  self->has_waited = TRUE;
  add_silence_locked (self);
  if (waits)
    {
      self->waits_since = now;
      if (count_unwanted_locked (&lanes[self->lane]) > 0)
        g_main_context_wakeup (context);
    }
  g_mutex_unlock (&lock);
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

/*< private >
 * mp_tls_turns_learn:
 *
 * A slow one is remembered for a while.
 */
void
mp_tls_turns_learn (gint64 silence)
{
  g_mutex_lock (&lock);
  learn_locked (&slowest, silence);
  g_mutex_unlock (&lock);
}
