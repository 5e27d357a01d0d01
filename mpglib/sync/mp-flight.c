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

typedef struct
{
  MpPump       *pump;
  MpPumpSource *source;
  GList         link;    /* in `departed` */
  int           fd;
  GArray       *holds;   /* of MpHold */
} MpFlight;

/* Guarded by the lock of the pump; the longest on its way first. */
static GQueue departed;

/* Of those that have landed while an arena was busy: the pump waits for nobody, so whoever
 * boards next gives them back.
 */
static GArray *left;
static GMutex left_lock;

static void
forget_parent (void)
{
  g_queue_init (&departed);
  left = NULL;
}

__attribute__ ((constructor))
static void
watch_forks (void)
{
  mp_fork_add_leaf (&left_lock, forget_parent);
}

static void
release_left (void)
{
  GArray *holds;

  g_mutex_lock (&left_lock);
  holds = g_steal_pointer (&left);
  g_mutex_unlock (&left_lock);

  for (guint i = 0; holds != NULL && i < holds->len; i++)
    mp_hold_release (&g_array_index (holds, MpHold, i));
  g_clear_pointer (&holds, g_array_unref);
}

static void
leave (const MpHold *hold)
{
  g_mutex_lock (&left_lock);
  if (left == NULL)
    left = g_array_new (FALSE, FALSE, sizeof (MpHold));
  g_array_append_vals (left, hold, 1);
  g_mutex_unlock (&left_lock);
}

/* --- The sender ----------------------------------------------------------- */

static void
land (MpFlight *self)
{
  for (guint i = 0; i < self->holds->len; i++)
    {
      MpHold *hold = &g_array_index (self->holds, MpHold, i);

      if (!mp_hold_try_release (hold))
        leave (hold);
    }

  mp_fd_close (&self->fd);
  g_array_unref (self->holds);
  g_free (self);
}

/* With the pump's lock held, as the next two. */
static void
end_watch (MpFlight *self)
{
  g_queue_unlink (&departed, &self->link);
  mp_pump_remove_fd_locked (self->pump, self->source);
  land (self);
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
      land (self);
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
      land (self);
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
  self->fd = ends[0];
  self->holds = g_array_new (FALSE, FALSE, sizeof (MpHold));
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

  release_left ();
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
 * Closes it once all objects of the message were made, or dropped.
 */
void
mp_flight_keep (MpUnpacking *unpacking,
                int         *fd_taken)
{
  mp_unpacking_keep (unpacking, GINT_TO_POINTER (*fd_taken + 1), close_end);
  *fd_taken = -1;
}
