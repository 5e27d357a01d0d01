/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "mp-fd-private.h"
#include "mp-flight-private.h"
#include "mp-fork-private.h"
#include "mp-log-private.h"
#include "mp-looping.h"
#include "mp-pump-private.h"

/* Each takes a descriptor, and a receiver that keeps its end could have them all. */
#define MOST_DEPARTED 256

/* The pump waits for nobody: where an arena is busy it looks again later. */
#define FIRST_DELAY G_TIME_SPAN_MILLISECOND
#define LAST_DELAY  G_TIME_SPAN_SECOND

typedef struct
{
  MpPump       *pump;
  MpPumpSource *source;
  GList         link;          /* in `departed` */
  GList         of_process;    /* in `flights` */
  gboolean      is_whole;      /* guarded by `lock`: no more objects will board */
  int           fd;            /* -1: none of a message, see mp_flight_release() */
  GArray       *holds;         /* of MpHold */
  gint64        delay;
  gboolean      is_awaited;
} MpFlight;

/* Guarded by the lock of the pump; the longest on its way first. */
static GQueue departed;
static GQueue awaited;   /* of these there are no more than mp_flight_await() lets there be */

/* Of this thread's flights those that begin now are. */
static _Thread_local gboolean is_awaiting;
static int n_awaited;   /* atomic */

/* All, for who is forked from this process. */
static GMutex lock;
static GQueue flights;

/* --- Life ----------------------------------------------------------------- */

static MpFlight *
flight_new (int fd_taken)
{
  MpFlight *self = g_new0 (MpFlight, 1);

  self->link.data = self->of_process.data = self;
  self->delay = FIRST_DELAY;
  self->fd = fd_taken;
  self->holds = g_array_new (FALSE, FALSE, sizeof (MpHold));

  g_mutex_lock (&lock);
  g_queue_push_tail_link (&flights, &self->of_process);
  g_mutex_unlock (&lock);
  return self;
}

static void
end_awaiting (MpFlight *self)
{
  if (self->is_awaited)
    g_atomic_int_add (&n_awaited, -1);
  self->is_awaited = FALSE;
}

static void
flight_free (MpFlight *self)
{
  end_awaiting (self);
  g_mutex_lock (&lock);
  g_queue_unlink (&flights, &self->of_process);
  g_mutex_unlock (&lock);

  mp_fd_close (&self->fd);
  g_array_unref (self->holds);
  g_free (self);
}

/* The holds are the parent's, and so are the ends of the pipes.  What a thread was just
 * boarding cannot be looked into.
 */
static void
forget_parent (void)
{
  GQueue of_parent = flights;

  if (departed.head == NULL && awaited.head == NULL && flights.head == NULL && g_atomic_int_get (&n_awaited) == 0)
    return;

  g_queue_init (&departed);
  g_queue_init (&awaited);
  g_atomic_int_set (&n_awaited, 0);
  g_queue_init (&flights);
  for (GList *link = of_parent.head, *next; link != NULL; link = next)
    {
      MpFlight *self = link->data;

      next = link->next;
      mp_fd_close (&self->fd);
      if (!self->is_whole)
        continue;

      for (guint i = 0; i < self->holds->len; i++)
        mp_hold_try_release (&g_array_index (self->holds, MpHold, i), NULL);
      g_array_unref (self->holds);
      g_free (self);
    }
}

__attribute__ ((constructor))
static void
watch_forks (void)
{
  mp_fork_add_leaf (&lock, forget_parent);
}

/* --- Landing -------------------------------------------------------------- */

/* With the pump's lock held, as the rest. */
static gboolean
try_release (MpHold *hold)
{
  g_autoptr (GError) error = NULL;
  gboolean is_done = mp_hold_try_release (hold, &error);

  if (error != NULL)
    mp_log_warning ("A shared object cannot be released: %s", error->message);
  return is_done;
}

static void
land (guint32  events,
      gpointer data)
{
  MpFlight *self = data;

  end_awaiting (self);
  mp_fd_close (&self->fd);
  for (guint i = self->holds->len; i > 0; i--)
    if (try_release (&g_array_index (self->holds, MpHold, i - 1)))
      g_array_remove_index_fast (self->holds, i - 1);

  if (self->holds->len == 0)
    {
      flight_free (self);
      return;
    }

  mp_pump_add_timer_locked (self->pump, g_get_monotonic_time () + self->delay, land, self);
  self->delay = MIN (2 * self->delay, LAST_DELAY);
}

static void
end_watch (MpFlight *self)
{
  g_queue_unlink (self->is_awaited ? &awaited : &departed, &self->link);
  mp_pump_remove_fd_locked (self->pump, self->source);
  land (0, self);
}

static void
on_landed (guint32  events,
           gpointer data)
{
  end_watch (data);
}

static void
begin_watch (gpointer data)
{
  MpFlight *self = data;
  g_autoptr (GError) error = NULL;

  if (self->fd < 0)
    {
      land (0, self);
      return;
    }

  /* Without an event that is asked for: the kernel tells the end of a pipe in any case. */
  self->source = mp_pump_add_fd_locked (self->pump, self->fd, 0, on_landed, self, &error);
  if (self->source == NULL)
    {
      mp_log_warning ("Shared objects on their way cannot be kept: %s", error->message);
      land (0, self);
      return;
    }

  g_queue_push_tail_link (self->is_awaited ? &awaited : &departed, &self->link);
  if (departed.length > MOST_DEPARTED)
    end_watch (departed.head->data);
}

static void
depart (gpointer data)
{
  MpFlight *self = data;

  g_mutex_lock (&lock);
  self->is_whole = TRUE;
  g_mutex_unlock (&lock);
  mp_pump_post (self->pump, begin_watch, self);
}

/*< private >
 * mp_flight_release:
 *
 * Releases it, now or soon: nobody waits for that, whatever the thread has to do.
 */
void
mp_flight_release (MpHold *hold)
{
  g_autoptr (GError) error = NULL;
  MpPump *pump;
  MpFlight *self;

  if (mp_hold_try_release (hold, &error))
    {
      if (error != NULL)
        mp_log_warning ("A shared object cannot be released: %s", error->message);
      return;
    }

  pump = mp_pump_get_shared ();
  if (!mp_pump_open (pump, NULL))
    {
      mp_hold_release (hold);
      return;
    }

  self = flight_new (-1);
  self->pump = pump;
  g_array_append_vals (self->holds, hold, 1);
  *hold = (MpHold) { 0 };
  depart (self);
}

/* --- The sender ----------------------------------------------------------- */

static MpFlight *
open_flight (int     *end,
             GError **error)
{
  MpPump *pump = mp_pump_get_shared ();
  MpFlight *self;
  int ends[2];

  if (!mp_pump_open (pump, error))
    return NULL;

  if (pipe2 (ends, O_CLOEXEC | O_NONBLOCK) != 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Shared objects cannot be handed over: no pipe that tells when they have arrived: %s",
                   g_strerror (saved_errno));
      return NULL;
    }

  self = flight_new (ends[0]);
  self->pump = pump;
  self->is_awaited = is_awaiting;
  if (is_awaiting)
    g_atomic_int_inc (&n_awaited);
  *end = ends[1];
  return self;
}

/*< private >
 * mp_flight_board:
 * @held: of an object that is being packed
 *
 * For the first object of a message this appends a descriptor to those of @packing.
 *
 * Who packs may have the lock of a pump, and waits for nobody.
 */
gboolean
mp_flight_board (MpPacking  *packing,
                 MpHold     *held,
                 GError    **error)
{
  MpFlight *flight = packing->flight;
  MpHold hold;
  int end = -1;

  if (flight == NULL)
    flight = open_flight (&end, error);
  if (flight == NULL)
    return FALSE;

  mp_hold_share (held, &hold);
  g_array_append_val (flight->holds, hold);
  if (end >= 0)
    {
      g_array_append_val (packing->fds, end);
      packing->flight = flight;
      packing->depart = depart;
    }

  return TRUE;
}

/*< private >
 * mp_flight_set_awaiting:
 * @awaiting: whether mp_flight_await() shall wait for what this thread packs from now on
 */
void
mp_flight_set_awaiting (gboolean awaiting)
{
  is_awaiting = awaiting;
}

static gboolean
have_landed (gpointer most)
{
  return g_atomic_int_get (&n_awaited) <= GPOINTER_TO_INT (most);
}

/*< private >
 * mp_flight_await:
 * @most: of those that are awaited so many may still be on their way
 * @deadline: in microseconds of the monotonic time
 *
 * For a process that is about to end, with which its holds go, or that is about to send more: each
 * takes a descriptor.
 *
 * Returns: whether no more are
 */
gboolean
mp_flight_await (guint  most,
                 gint64 deadline)
{
  gboolean landed = have_landed (GUINT_TO_POINTER (most));
  MpPump *pump;

  if (landed)
    return TRUE;

  pump = mp_pump_get_shared ();
  mp_pump_lock (pump);
  landed = mp_pump_wait_locked (pump, have_landed, GUINT_TO_POINTER (most), deadline, NULL, NULL);
  mp_pump_unlock (pump);

  return landed;
}

/* --- The receiver --------------------------------------------------------- */

static void
close_end (gpointer data)
{
  int fd = GPOINTER_TO_INT (data) - 1;

  mp_fd_close (&fd);
}

/*< private >
 * mp_flight_keep:
 * @fd_taken: what mp_flight_board() has appended
 *
 * Closes it when the message goes, whose objects were made, or dropped, then.
 */
void
mp_flight_keep (MpUnpacking *unpacking,
                int         *fd_taken)
{
  mp_unpacking_keep (unpacking, GINT_TO_POINTER (*fd_taken + 1), close_end);
  *fd_taken = -1;
}
