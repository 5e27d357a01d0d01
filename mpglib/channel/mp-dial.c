/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-dial-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <gio/gio.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-inet-private.h"
#include "mp-thread-private.h"

/* For one address; a host that drops what comes would hold up the others for minutes. */
#define PATIENCE (10 * G_USEC_PER_SEC)

typedef struct
{
  struct sockaddr_storage native;
  socklen_t size;
} Place;

/* What is on a thread of its own, and belongs to that. */
typedef struct
{
  MpPump *pump;
  char *host;
  guint16 port;
  GCancellable *cancellable;
  MpDial *dial;        /* NULL: nobody wants to know any more; guarded by the pump */
  GArray *places;      /* of Place: what was found */
  GError *error;
} Lookup;

struct _MpDial
{
  MpPump *pump;
  gboolean may_leave;
  MpDialDone done;
  gpointer data;

  Lookup *lookup;      /* while it goes on */
  GArray *places;      /* of Place */
  guint n_tried;
  GError *error;       /* of the last one */

  int fd;              /* of the one that is being tried */
  MpPumpSource *source;
  MpPumpTimer *timer;
};

static void try_next (MpDial *self);

/* --- Looking up -------------------------------------------------------------------- */

static void
lookup_free (Lookup *self)
{
  mp_pump_unref (self->pump);
  g_object_unref (self->cancellable);
  g_array_unref (self->places);
  g_clear_error (&self->error);
  g_free (self->host);
  g_free (self);
}

static void
on_found (gpointer data)
{
  Lookup *lookup = data;
  MpDial *self = lookup->dial;

  if (self != NULL)
    {
      self->lookup = NULL;
      g_clear_pointer (&self->places, g_array_unref);
      self->places = g_array_ref (lookup->places);
      self->error = g_steal_pointer (&lookup->error);
      try_next (self);
    }

  lookup_free (lookup);
}

static void
add_place (Lookup       *self,
           GInetAddress *host)
{
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (host, self->port);
  gssize size = g_socket_address_get_native_size (address);
  Place place = { .size = (socklen_t) size };

  if (size > 0 && (gsize) size <= sizeof place.native &&
      g_socket_address_to_native (address, &place.native, sizeof place.native, NULL))
    g_array_append_val (self->places, place);
}

static void *
look_up (void *data)
{
  Lookup *self = data;
  MpPump *pump = mp_pump_ref (self->pump);
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  g_autoptr (GError) error = NULL;
  GList *hosts;

  prctl (PR_SET_NAME, "mp-resolve");
  hosts = g_resolver_lookup_by_name (resolver, self->host, self->cancellable, &error);
  for (GList *link = hosts; link != NULL; link = link->next)
    add_place (self, link->data);
  g_resolver_free_addresses (hosts);
  if (error != NULL)
    g_set_error (&self->error, G_IO_ERROR, G_IO_ERROR_HOST_NOT_FOUND, "the name of the host cannot be looked up: %s",
                 error->message);

  mp_pump_post (pump, on_found, self);
  mp_pump_unref (pump);
  return NULL;
}

static void
begin_lookup (MpDial          *self,
              const MpAddress *address)
{
  Lookup *lookup = g_new0 (Lookup, 1);
  int failed;

  lookup->pump = mp_pump_ref (self->pump);
  lookup->host = g_strdup (address->name);
  lookup->port = address->port;
  lookup->cancellable = g_cancellable_new ();
  lookup->places = g_array_new (FALSE, FALSE, sizeof (Place));
  lookup->dial = self;
  self->lookup = lookup;

  failed = mp_thread_start (look_up, lookup, 0, NULL);
  if (failed == 0)
    return;

  g_set_error (&lookup->error, MP_ERROR, MP_ERROR_START_FAILED, "Cannot make a thread to look the host up: %s",
               g_strerror (failed));
  mp_pump_post (self->pump, on_found, lookup);
}

/* --- Connecting -------------------------------------------------------------------- */

static void
stop_trying (MpDial *self)
{
  if (self->source != NULL)
    mp_pump_remove_fd_locked (self->pump, g_steal_pointer (&self->source));
  if (self->timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->timer));
}

static void
set_failure (MpDial *self,
             int     failed)
{
  g_clear_error (&self->error);
  mp_inet_explain_connect (failed, &self->error);
  stop_trying (self);
  mp_fd_close (&self->fd);
}

static void
on_connected (guint32  events,
              gpointer data)
{
  MpDial *self = data;
  int failed = 0, fd;
  socklen_t size = sizeof failed;

  if (getsockopt (self->fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0)
    failed = errno;
  if (failed != 0)
    {
      set_failure (self, failed);
      try_next (self);
      return;
    }

  stop_trying (self);
  fd = self->fd;
  self->fd = -1;
  self->done (self, fd, NULL, self->data);
}

static void
on_patience_over (guint32  events,
                  gpointer data)
{
  MpDial *self = data;

  self->timer = NULL;
  set_failure (self, ETIMEDOUT);
  try_next (self);
}

/* Whether it may yet be connected, which is told later. */
static gboolean
try_place (MpDial      *self,
           const Place *place)
{
  if (!self->may_leave && !mp_inet_is_loopback ((const struct sockaddr *) &place->native))
    {
      g_clear_error (&self->error);
      mp_inet_refuse_remote (&self->error);
      return FALSE;
    }

  self->fd = mp_inet_new_socket (place->native.ss_family);
  if (self->fd < 0 ||
      (connect (self->fd, (const struct sockaddr *) &place->native, place->size) != 0 && errno != EINPROGRESS))
    {
      set_failure (self, errno);
      return FALSE;
    }

  g_clear_error (&self->error);
  self->source = mp_pump_add_fd_locked (self->pump, self->fd, EPOLLOUT, on_connected, self, &self->error);
  if (self->source == NULL)
    {
      mp_fd_close (&self->fd);
      return FALSE;
    }

  self->timer = mp_pump_add_timer_locked (self->pump, g_get_monotonic_time () + PATIENCE, on_patience_over, self);
  return TRUE;
}

static void
try_next (MpDial *self)
{
  while (self->n_tried < self->places->len)
    if (try_place (self, &g_array_index (self->places, Place, self->n_tried++)))
      return;

  if (self->error == NULL)
    g_set_error (&self->error, G_IO_ERROR, G_IO_ERROR_HOST_NOT_FOUND, "the host has no address");
  self->done (self, -1, self->error, self->data);
}

static void
on_begun (guint32  events,
          gpointer data)
{
  MpDial *self = data;

  self->timer = NULL;
  try_next (self);
}

/* --- Life -------------------------------------------------------------------------- */

/*< private >
 * mp_dial_start_locked:
 * @may_leave: whether it may be another machine
 *
 * Nothing is told before it returns.
 */
MpDial *
mp_dial_start_locked (MpPump          *pump,
                      const MpAddress *address,
                      gboolean         may_leave,
                      MpDialDone       done,
                      gpointer         data)
{
  MpDial *self = g_new0 (MpDial, 1);
  Place place;

  self->pump = mp_pump_ref (pump);
  self->may_leave = may_leave;
  self->done = done;
  self->data = data;
  self->fd = -1;
  self->places = g_array_new (FALSE, FALSE, sizeof (Place));
  if (mp_inet_read_number (address->name, address->port, &place.native, &place.size))
    {
      g_array_append_val (self->places, place);
      self->timer = mp_pump_add_timer_locked (pump, g_get_monotonic_time (), on_begun, self);
    }
  else
    {
      begin_lookup (self, address);
    }

  return self;
}

/*< private >
 * mp_dial_free_locked:
 *
 * Gives up, if it goes on.
 */
void
mp_dial_free_locked (MpDial *self)
{
  stop_trying (self);
  mp_fd_close (&self->fd);
  if (self->lookup != NULL)
    {
      self->lookup->dial = NULL;
      g_cancellable_cancel (self->lookup->cancellable);
    }
  g_array_unref (self->places);
  g_clear_error (&self->error);
  mp_pump_unref (self->pump);
  g_free (self);
}
