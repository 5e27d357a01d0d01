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
  GList         link;    /* in `departed` */
  int           fd;
  GArray       *holds;   /* of MpHold */
  gint64        delay;
  gboolean      is_awaited;
} MpFlight;

/* Guarded by the lock of the pump; the longest on its way first. */
static GQueue departed;

/* Of this thread's flights those that begin now are. */
static _Thread_local gboolean is_awaiting;
static int n_awaited;   /* atomic */

static void
forget_parent (void)
{
  g_queue_init (&departed);
  g_atomic_int_set (&n_awaited, 0);
}

__attribute__ ((constructor))
static void
watch_forks (void)
{
  mp_fork_add_leaf (NULL, forget_parent);
}

/* --- The sender ----------------------------------------------------------- */

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
  mp_fd_close (&self->fd);
  g_array_unref (self->holds);
  g_free (self);
}

/* With the pump's lock held, as the rest. */
static void
land (guint32  events,
      gpointer data)
{
  MpFlight *self = data;

  end_awaiting (self);
  mp_fd_close (&self->fd);
  for (guint i = self->holds->len; i > 0; i--)
    if (mp_hold_try_release (&g_array_index (self->holds, MpHold, i - 1)))
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
  g_queue_unlink (&departed, &self->link);
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

  /* Without an event that is asked for: the kernel tells the end of a pipe in any case. */
  self->source = mp_pump_add_fd_locked (self->pump, self->fd, 0, on_landed, self, &error);
  if (self->source == NULL)
    {
      g_warning ("Shared objects on their way cannot be kept: %s", error->message);
      land (0, self);
      return;
    }

  g_queue_push_tail_link (&departed, &self->link);
  if (departed.length > MOST_DEPARTED)
    end_watch (departed.head->data);
}

static void
depart (gpointer data)
{
  MpFlight *self = data;
  g_autoptr (GError) error = NULL;

  self->pump = mp_pump_get_shared ();
  if (mp_pump_open (self->pump, &error))
    mp_pump_post (self->pump, begin_watch, self);
  else
    {
      g_warning ("Shared objects on their way cannot be kept: %s", error->message);
      for (guint i = 0; i < self->holds->len; i++)
        mp_hold_release (&g_array_index (self->holds, MpHold, i));
      flight_free (self);
    }
}

static MpFlight *
flight_new (MpPacking  *packing,
            GError    **error)
{
  int ends[2];
  MpFlight *self;

  if (pipe2 (ends, O_CLOEXEC | O_NONBLOCK) != 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                   "Shared objects cannot be handed over: no pipe that tells when they have arrived: %s",
                   g_strerror (saved_errno));
      return NULL;
    }

  self = g_new0 (MpFlight, 1);
  self->link.data = self;
  self->delay = FIRST_DELAY;
  self->fd = ends[0];
  self->holds = g_array_new (FALSE, FALSE, sizeof (MpHold));
  self->is_awaited = is_awaiting;
  if (is_awaiting)
    g_atomic_int_inc (&n_awaited);
  g_array_append_val (packing->fds, ends[1]);
  return self;
}

/*< private >
 * mp_flight_board:
 * @hold_taken: of an object that is being packed; taken, on failure too
 *
 * For the first object of a message this appends a descriptor to those of @packing.
 */
gboolean
mp_flight_board (MpPacking  *packing,
                 MpHold     *hold_taken,
                 GError    **error)
{
  MpFlight *flight;

  if (packing->flight == NULL)
    {
      packing->flight = flight_new (packing, error);
      packing->depart = depart;
    }

  flight = packing->flight;
  if (flight == NULL)
    {
      mp_hold_release (hold_taken);
      return FALSE;
    }

  g_array_append_vals (flight->holds, hold_taken, 1);
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
have_landed (gpointer data)
{
  return g_atomic_int_get (&n_awaited) == 0;
}

/*< private >
 * mp_flight_await:
 * @deadline: in microseconds of the monotonic time
 *
 * For a process that is about to end, with which its holds go.
 *
 * Returns: whether all have landed
 */
gboolean
mp_flight_await (gint64 deadline)
{
  gboolean landed = have_landed (NULL);
  MpPump *pump;

  if (landed)
    return TRUE;

  pump = mp_pump_get_shared ();
  mp_pump_lock (pump);
  landed = mp_pump_wait_locked (pump, have_landed, NULL, deadline, NULL, NULL);
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
