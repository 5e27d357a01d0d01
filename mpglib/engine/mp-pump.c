/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#include "config.h"

#include "mp-pump-private.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "mp-engine-private.h"
#include "mp-cancel-watch-private.h"
#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-fair-lock-private.h"
#include "mp-fd-private.h"
#include "mp-fork-private.h"
#include "mp-gate-private.h"
#include "mp-interruptible-private.h"
#include "mp-log-private.h"
#include "mp-origin-private.h"

struct _MpPumpSource {
  int fd;
  MpPumpFunc func; /* NULL: removed while events are being dispatched */
  gpointer data;
};

struct _MpPumpTimer {
  gint64 deadline;
  MpPumpFunc func;
  gpointer data;
};

typedef struct {
  MpPumpJob func;
  gpointer data;
} Post;

struct _MpPump {
  gatomicrefcount refs;
  guint32 origin;
  GList link;              /* in `pumps` */
  const char *name;
  gboolean is_open;        /* atomic; set with the lock of the posts: */
  int epoll_fd;
  int wake_fd;             /* posts are there, or the leader is to look again */
  int timer_fd;
  MpPumpSource wake_source;
  MpPumpSource timer_source;

  MpFairLock lock;         /* for what the pump's users guard with it, and: */
  gboolean led;            /* a thread sleeps in poll() on epoll_fd for this pump */
  gboolean armed;          /* mp-engine watches epoll_fd */
  guint n_followers;
  gboolean dispatching;
  gboolean gives_way;      /* meanwhile: who serves leaves the rest to its next turn, if others want the lock */
  gboolean is_cut;         /* it has done so, and fetches one event at a time until there is none */
  guint n_sources;
  GPtrArray *removed;      /* sources to free when dispatching is over */
  GQueue timers;           /* by deadline */
  gint64 timer_fd_deadline; /* 0: it is not set; never later than the first timer's, for that would be missed */

  MpGate turn;             /* where followers sleep: opened when there is something to look at */

  GMutex post_lock;        /* for the posts; a leaf */
  GQueue posts;
};

/* All that there are, for forks */
static GQueue pumps = G_QUEUE_INIT;
static GMutex pumps_lock; /* a leaf */

static void on_wake  (guint32 events, gpointer data);
static void on_timer (guint32 events, gpointer data);

MpPump *
mp_pump_new (const char *name)
{
  MpPump *self = g_new0 (MpPump, 1);

  g_atomic_ref_count_init (&self->refs);
  self->origin = mp_origin_get ();
  self->name = g_intern_string (name);
  self->epoll_fd = self->wake_fd = self->timer_fd = -1;
  self->armed = TRUE;
  self->removed = g_ptr_array_new_with_free_func (g_free);
  mp_fair_lock_init (&self->lock);
  g_mutex_init (&self->post_lock);
  g_queue_init (&self->timers);
  g_queue_init (&self->posts);
  self->wake_source = (MpPumpSource) { .func = on_wake, .data = self };
  self->timer_source = (MpPumpSource) { .func = on_timer, .data = self };
  self->link.data = self;
  g_mutex_lock (&pumps_lock);
  g_queue_push_tail_link (&pumps, &self->link);
  g_mutex_unlock (&pumps_lock);
  return self;
}

static gboolean
watch (MpPump       *self,
       int           fd,
       guint32       events,
       MpPumpSource *source)
{
  struct epoll_event event = { .events = events, .data.ptr = source };

  source->fd = fd;
  return epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void
close_descriptors (MpPump *self)
{
  mp_fd_close (&self->epoll_fd);
  mp_fd_close (&self->wake_fd);
  mp_fd_close (&self->timer_fd);
}

/* What was posted or set before is looked for by the first who serves */
static gboolean
open_descriptors (MpPump  *self,
                  GError **error)
{
  const struct itimerspec at_once = { .it_value.tv_nsec = 1 };

  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  self->wake_fd = eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK);
  self->timer_fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (self->epoll_fd >= 0 && self->wake_fd >= 0 && self->timer_fd >= 0
      && watch (self, self->wake_fd, EPOLLIN, &self->wake_source)
      && watch (self, self->timer_fd, EPOLLIN, &self->timer_source)
      && timerfd_settime (self->timer_fd, TFD_TIMER_ABSTIME, &at_once, NULL) == 0)
    return mp_engine_add_pump (self->epoll_fd, self, error);

  g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "The descriptors of %s cannot be had: %s", self->name,
               g_strerror (errno));
  return FALSE;
}

gboolean
mp_pump_open (MpPump  *self,
              GError **error)
{
  if (G_LIKELY (g_atomic_int_get (&self->is_open)))
    return TRUE;

  g_mutex_lock (&self->post_lock);
  if (!self->is_open)
    {
      if (open_descriptors (self, error))
        g_atomic_int_set (&self->is_open, TRUE);
      else
        close_descriptors (self);
    }
  g_mutex_unlock (&self->post_lock);
  return g_atomic_int_get (&self->is_open);
}

MpPump *
mp_pump_ref (MpPump *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

gboolean
mp_pump_try_ref (MpPump *self)
{
  for (;;)
    {
      int refs = g_atomic_int_get (&self->refs);

      if (refs <= 0)
        return FALSE;
      if (g_atomic_int_compare_and_exchange (&self->refs, refs, refs + 1))
        return TRUE;
    }
}

void
mp_pump_unref (MpPump *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  /* In a forked child the epoll is the parent's too: leave its lists alone, only close our copies */
  if (self->origin == mp_origin_get ())
    {
      g_mutex_lock (&pumps_lock);
      g_queue_unlink (&pumps, &self->link);
      g_mutex_unlock (&pumps_lock);
      if (self->is_open)
        mp_engine_remove_pump (self->epoll_fd, self);
    }
  close_descriptors (self);
  g_queue_clear_full (&self->timers, g_free);
  g_queue_clear_full (&self->posts, g_free);
  g_ptr_array_unref (self->removed);
  mp_fair_lock_clear (&self->lock);
  g_mutex_clear (&self->post_lock);
  g_free (self);
}

void
mp_pump_lock (MpPump *self)
{
  mp_fair_lock_acquire (&self->lock);
  mp_log_hold ();
}

/* For who serves */
static void
lock_in_turn (MpPump *self)
{
  mp_fair_lock_take_turn (&self->lock);
  mp_log_hold ();
}

void
mp_pump_unlock (MpPump *self)
{
  mp_fair_lock_release (&self->lock);
  mp_log_release ();
}

gboolean
mp_pump_gives_way (MpPump *self)
{
  return self->gives_way && mp_fair_lock_is_wanted (&self->lock);
}

guint32
mp_pump_get_origin (MpPump *self)
{
  return self->origin;
}

/* --- descriptors ------------------------------------------------------------------------------------------ */

MpPumpSource *
mp_pump_add_fd_locked (MpPump    *self,
                       int        fd,
                       guint32    events,
                       MpPumpFunc func,
                       gpointer   data,
                       GError   **error)
{
  MpPumpSource *source;

  if (!mp_pump_open (self, error))
    return NULL;

  source = g_new (MpPumpSource, 1);
  source->func = func;
  source->data = data;
  if (watch (self, fd, events, source))
    {
      self->n_sources++;
      return source;
    }

  g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "%s cannot watch one descriptor more: %s", self->name,
               g_strerror (errno));
  g_free (source);
  return NULL;
}

void
mp_pump_set_events_locked (MpPump       *self,
                           MpPumpSource *source,
                           guint32       events)
{
  struct epoll_event event = { .events = events, .data.ptr = source };

  if (epoll_ctl (self->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) < 0)
    g_critical ("%s cannot change the watch of descriptor %d: %s", self->name, source->fd, g_strerror (errno));
}

void
mp_pump_remove_fd_locked (MpPump       *self,
                          MpPumpSource *source)
{
  if (self->origin == mp_origin_get ())
    epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
  self->n_sources--;
  source->func = NULL;
  if (self->dispatching) /* its event may be in the batch at hand */
    g_ptr_array_add (self->removed, source);
  else
    g_free (source);
}

/* --- deadlines -------------------------------------------------------------------------------------------- */

/* Once for nothing costs less than setting it anew with each timer that is taken back; but not where there is none left
 * to wake for */
static void
set_timer_fd (MpPump *self)
{
  MpPumpTimer *first = g_queue_peek_head (&self->timers);
  gint64 deadline = first != NULL ? MAX (first->deadline, 1) : 0;
  struct itimerspec when = { .it_value.tv_sec = deadline / G_USEC_PER_SEC,
                             .it_value.tv_nsec = deadline % G_USEC_PER_SEC * 1000 };

  if (!g_atomic_int_get (&self->is_open) || deadline == self->timer_fd_deadline
      || (deadline != 0 && self->timer_fd_deadline != 0 && self->timer_fd_deadline < deadline))
    return;
  timerfd_settime (self->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
  self->timer_fd_deadline = deadline;
}

static int
compare_timers (gconstpointer a,
                gconstpointer b,
                gpointer      unused)
{
  gint64 x = ((const MpPumpTimer *) a)->deadline, y = ((const MpPumpTimer *) b)->deadline;

  return x < y ? -1 : x > y;
}

MpPumpTimer *
mp_pump_add_timer_locked (MpPump     *self,
                          gint64      deadline,
                          MpPumpFunc  func,
                          gpointer    data)
{
  MpPumpTimer *timer = g_new (MpPumpTimer, 1);

  timer->deadline = deadline;
  timer->func = func;
  timer->data = data;
  g_queue_insert_sorted (&self->timers, timer, compare_timers, NULL);
  if (g_queue_peek_head (&self->timers) == timer)
    set_timer_fd (self);
  return timer;
}

void
mp_pump_remove_timer_locked (MpPump      *self,
                             MpPumpTimer *timer)
{
  gboolean was_first = g_queue_peek_head (&self->timers) == timer;

  g_queue_remove (&self->timers, timer);
  g_free (timer);
  if (was_first && self->origin == mp_origin_get ())
    set_timer_fd (self);
}

static void
on_timer (guint32  events,
          gpointer data)
{
  MpPump *self = data;
  gint64 now = g_get_monotonic_time ();
  guint64 count;

  if (read (self->timer_fd, &count, sizeof count) < 0 && errno != EAGAIN)
    g_critical ("%s cannot read its timer: %s", self->name, g_strerror (errno));
  self->timer_fd_deadline = 0;

  /* One at least: somebody may want the lock whenever it comes here */
  do
    {
      MpPumpTimer *first = g_queue_peek_head (&self->timers);

      if (first == NULL || first->deadline > now)
        break;
      g_queue_pop_head (&self->timers);
      first->func (0, first->data);
      g_free (first);
    }
  while (!mp_pump_gives_way (self));
  set_timer_fd (self);
}

/* --- posts ------------------------------------------------------------------------------------------------ */

static void
wake_leader (MpPump *self)
{
  guint64 one = 1;

  if (!g_atomic_int_get (&self->is_open))
    return;
  if (write (self->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
    g_critical ("%s cannot be woken: %s", self->name, g_strerror (errno));
}

void
mp_pump_post (MpPump    *self,
              MpPumpJob  func,
              gpointer   data)
{
  Post *post = g_new (Post, 1);
  gboolean was_empty;

  post->func = func;
  post->data = data;
  g_mutex_lock (&self->post_lock);
  was_empty = g_queue_is_empty (&self->posts);
  g_queue_push_tail (&self->posts, post);
  g_mutex_unlock (&self->post_lock);
  if (was_empty)
    wake_leader (self);
}

static guint
count_posts (MpPump *self)
{
  guint n;

  g_mutex_lock (&self->post_lock);
  n = g_queue_get_length (&self->posts);
  g_mutex_unlock (&self->post_lock);
  return n;
}

/* Returns: whether there was one */
static gboolean
run_post (MpPump *self)
{
  Post *post;

  g_mutex_lock (&self->post_lock);
  post = g_queue_pop_head (&self->posts);
  g_mutex_unlock (&self->post_lock);
  if (post == NULL)
    return FALSE;
  post->func (post->data);
  g_free (post);
  return TRUE;
}

/* Those that are posted meanwhile come after the descriptors */
static void
on_wake (guint32  events,
         gpointer data)
{
  MpPump *self = data;
  guint64 count;

  /* While a thread leads, only that thread takes the wake away: it has something to look at */
  if (!self->led && read (self->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
    g_critical ("%s cannot read its eventfd: %s", self->name, g_strerror (errno));

  for (guint left = count_posts (self); left > 0 && run_post (self); left--)
    if (mp_pump_gives_way (self))
      break;
  if (count_posts (self) > 0)
    wake_leader (self);
}

/* --- serving ---------------------------------------------------------------------------------------------- */

static void
wake_followers (MpPump *self)
{
  if (self->n_followers > 0)
    mp_gate_open (&self->turn);
}

#define MOST_EVENTS 32

/* Events are fetched with the lock held: between fetching and locking a source could be removed.  After a cut only one
 * is: the kernel puts those that are fetched behind the others, and so it comes to each of them.
 *
 * `left`: events that may come yet
 *
 * Returns: whether there may be more */
static gboolean
serve_some_locked (MpPump *self,
                   guint  *left)
{
  struct epoll_event events[MOST_EVENTS];
  int most = self->is_cut ? 1 : MOST_EVENTS, n = epoll_wait (self->epoll_fd, events, most, 0);

  if (n < 0 && errno != EINTR)
    g_error ("%s cannot go on: somebody closed its descriptors (%s)", self->name, g_strerror (errno));
  *left -= MIN (*left, (guint) MAX (n, 0));
  if (n == 0)
    self->is_cut = FALSE;
  for (int i = 0; i < n; i++)
    {
      MpPumpSource *source = events[i].data.ptr;

      if (source->func != NULL)
        source->func (events[i].events, source->data);
      if (mp_pump_gives_way (self))
        {
          self->is_cut = TRUE;
          return FALSE;
        }
    }
  return n == most && *left > 0;
}

/* All that are ready now, unless it gives way: those that are so again and again keep it no longer than the others */
static void
serve_locked (MpPump   *self,
              gboolean  gives_way)
{
  const guint most = self->n_sources + 2; /* with its own two */
  guint left = most;

  if (!g_atomic_int_get (&self->is_open))
    return;
  self->dispatching = TRUE;
  self->gives_way = gives_way;
  while (serve_some_locked (self, &left))
    ;
  self->dispatching = self->gives_way = FALSE;
  g_ptr_array_set_size (self->removed, 0);
  wake_followers (self);
  if (self->led && left < most)
    wake_leader (self); /* what was handled here may be what it sleeps for */
}

void
mp_pump_serve (MpPump *self)
{
  lock_in_turn (self);
  if (self->armed)
    serve_locked (self, TRUE);
  mp_pump_unlock (self);
}

void
mp_pump_changed_locked (MpPump *self)
{
  wake_followers (self);
  if (self->led)
    wake_leader (self);
}

static void
arm (MpPump   *self,
     gboolean  armed)
{
  if (self->armed == armed || !g_atomic_int_get (&self->is_open))
    return;
  self->armed = armed;
  mp_engine_arm_pump (self->epoll_fd, self, armed);
}

void
mp_pump_look_locked (MpPump *self)
{
  if (self->origin == mp_origin_get ())
    serve_locked (self, FALSE);
}

/* Both return FALSE when a signal ended the sleep; called and left with the lock held.  A cancellation that came
 * before it could be noticed by what they sleep on is looked for last. */
static gboolean
lead (MpPump       *self,
      gint64        deadline,
      GCancellable *cancellable)
{
  struct pollfd descriptor = { .fd = self->epoll_fd, .events = POLLIN };
  struct timespec left;
  int n;

  if (deadline != MP_DEADLINE_NEVER)
    left = mp_deadline_to_timespec_remaining (deadline);
  self->led = TRUE;
  arm (self, FALSE);
  mp_pump_unlock (self);
  if (g_cancellable_is_cancelled (cancellable))
    n = 0;
  else
    n = ppoll (&descriptor, 1, deadline == MP_DEADLINE_NEVER ? NULL : &left, mp_thread_get_wait_mask ());
  if (n < 0 && errno != EINTR)
    g_error ("%s cannot wait: %s", self->name, g_strerror (errno));
  lock_in_turn (self);
  self->led = FALSE;
  if (n > 0)
    serve_locked (self, TRUE);
  return n >= 0;
}

static gboolean
follow (MpPump       *self,
        gint64        deadline,
        GCancellable *cancellable)
{
  const sigset_t *mask = mp_thread_get_wait_mask ();
  guint32 seen = mp_gate_look (&self->turn);
  guint n_signals = mp_thread_get_n_signals ();
  gboolean slept = TRUE;
  sigset_t saved;

  self->n_followers++;
  mp_pump_unlock (self);
  if (!g_cancellable_is_cancelled (cancellable))
    {
      /* A signal that comes between the two changes the gate, so that it is not slept at. */
      mp_thread_watch_signals (mp_gate_get_word (&self->turn));
      if (mask != NULL)
        pthread_sigmask (SIG_SETMASK, mask, &saved);
      slept = mp_gate_sleep (&self->turn, seen, deadline);
      if (mask != NULL)
        pthread_sigmask (SIG_SETMASK, &saved, NULL);
      mp_thread_watch_signals (NULL);
      slept = slept && n_signals == mp_thread_get_n_signals ();
    }
  mp_pump_lock (self);
  self->n_followers--;
  return slept;
}

static void
look_again (gpointer data)
{
  MpPump *self = data;

  /* Without the lock, which the thread that cancels may hold: both sleepers look again */
  mp_gate_open (&self->turn);
  wake_leader (self);
}

static gboolean
check_goes_on (gboolean       was_interrupted,
               gint64         deadline,
               GCancellable  *cancellable,
               GError       **error)
{
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (was_interrupted && mp_thread_get_interruptible ())
    g_set_error (error, MP_ERROR, MP_ERROR_INTERRUPTED, "A signal ended the wait");
  else if (mp_deadline_has_passed (deadline))
    g_set_error (error, MP_ERROR, MP_ERROR_TIMED_OUT, "The time given to the wait is over");
  else
    return TRUE;
  return FALSE;
}

/* A cancellation wakes it */
static gboolean
sleep_until_done (MpPump        *self,
                  MpPumpDone     done,
                  gpointer       data,
                  gint64         deadline,
                  GCancellable  *cancellable,
                  GError       **error)
{
  gboolean ok = TRUE, interrupted = FALSE;

  if (deadline == 0)
    serve_locked (self, FALSE);

  while (ok && !done (data))
    {
      ok = check_goes_on (interrupted, deadline, cancellable, error);
      if (ok && self->led)
        interrupted = !follow (self, deadline, cancellable);
      else if (ok)
        interrupted = !lead (self, deadline, cancellable);
    }

  /* Hand the lead to a follower, or the pump back to the engine */
  if (!self->led)
    {
      if (self->n_followers > 0)
        wake_followers (self);
      else
        arm (self, TRUE);
    }
  return ok;
}

gboolean
mp_pump_wait_locked (MpPump        *self,
                     MpPumpDone     done,
                     gpointer       data,
                     gint64         deadline,
                     GCancellable  *cancellable,
                     GError       **error)
{
  MpCancelWatch watch;
  gboolean ok;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (done (data))
    return TRUE;
  if (!mp_pump_open (self, error))
    return FALSE;
  if (cancellable == NULL)
    return sleep_until_done (self, done, data, deadline, NULL, error);

  mp_cancel_watch_begin (&watch, cancellable, look_again, self);
  ok = sleep_until_done (self, done, data, deadline, cancellable, error);
  mp_cancel_watch_end (&watch);
  return ok;
}

/* --- the shared pump -------------------------------------------------------------------------------------- */

static MpPump *shared;
static GMutex shared_lock;

MpPump *
mp_pump_get_shared (void)
{
  MpPump *self = g_atomic_pointer_get (&shared);

  if (G_LIKELY (self != NULL && self->origin == mp_origin_get ()))
    return self;

  g_mutex_lock (&shared_lock);
  if (shared == NULL || shared->origin != mp_origin_get ())
    g_atomic_pointer_set (&shared, mp_pump_new ("the pump of processes"));
  self = shared;
  g_mutex_unlock (&shared_lock);
  return self;
}

/* --- forks ------------------------------------------------------------------------------------------------ */

static GPtrArray *locked; /* while a fork is on its way */

/* One that is being made now is nobody's yet who could fork with it.  The list is not kept locked: a pump may end
 * with the lock of another held. */
static void
collect_pumps (void)
{
  locked = g_ptr_array_new ();
  g_mutex_lock (&pumps_lock);
  for (GList *l = pumps.head; l != NULL; l = l->next)
    if (mp_pump_try_ref (l->data))
      g_ptr_array_add (locked, l->data);
  g_mutex_unlock (&pumps_lock);
}

void
mp_pump_before_fork (void)
{
  collect_pumps ();
  for (guint i = 0; i < locked->len; i++)
    {
      mp_fair_lock_before_fork (&((MpPump *) g_ptr_array_index (locked, i))->lock);
      mp_log_hold ();
    }
  g_mutex_lock (&shared_lock);
  g_mutex_lock (&pumps_lock);
  for (guint i = 0; i < locked->len; i++)
    g_mutex_lock (&((MpPump *) g_ptr_array_index (locked, i))->post_lock);
}

void
mp_pump_forget_parent (void)
{
  if (pumps.head != NULL)
    g_queue_init (&pumps);
  if (shared != NULL)
    g_atomic_pointer_set (&shared, NULL);
}

void
mp_pump_after_fork (void)
{
  g_autoptr (GPtrArray) pumps_locked = g_steal_pointer (&locked);

  for (guint i = pumps_locked->len; i > 0; i--)
    g_mutex_unlock (&((MpPump *) g_ptr_array_index (pumps_locked, i - 1))->post_lock);
  g_mutex_unlock (&pumps_lock);
  g_mutex_unlock (&shared_lock);
  for (guint i = pumps_locked->len; i > 0; i--)
    {
      mp_fair_lock_after_fork (&((MpPump *) g_ptr_array_index (pumps_locked, i - 1))->lock);
      mp_log_release ();
    }
  g_ptr_array_foreach (pumps_locked, (GFunc) (void (*) (void)) mp_pump_unref, NULL);
}
