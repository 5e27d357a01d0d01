/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-reception-base-private.h"

#include <fcntl.h>
#include <sys/epoll.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-inet-private.h"
#include "mp-origin-private.h"

/* --- Life -------------------------------------------------------------------------- */

/*< private >
 * mp_reception_new:
 * @address: (nullable): where
 * @key: (nullable): the user's
 * @wire: what is spoken there
 * @tls: (nullable): the user's settings, of which mp_reception_open() gets the same
 * @backlog: how many may wait to be accepted
 */
MpReception *
mp_reception_new (const char      *address,
                  MpAuthKey       *key,
                  MpWireFlags      wire,
                  MpTlsSettings   *tls,
                  guint            backlog,
                  MpReceptionTell  tell,
                  gpointer         data)
{
  MpReception *self = g_new0 (MpReception, 1);

  g_atomic_ref_count_init (&self->refs);
  self->pump = mp_pump_new ("a listener");
  self->wish = g_strdup (address);
  self->key = mp_arrival_choose_key (key, address, wire, tls, &self->has_key);
  self->wire = wire;
  self->has_tls = tls != NULL || (wire & MP_WIRE_TLS) != 0;
  self->backlog = backlog;
  self->tell = tell;
  self->data = data;
  self->place.fd = self->place.folder_fd = self->spare_fd = -1;
  mp_reception_init_strangers (self);
  g_queue_init (&self->ready);
  self->waiters = mp_waiters_new (self->pump);

  return self;
}

MpReception *
mp_reception_ref (MpReception *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

static void
free_contents (MpReception *self)
{
  mp_reception_clear_strangers_locked (self);
  g_queue_clear_full (&self->ready, (GDestroyNotify) mp_arrival_free);
  mp_refusals_clear (&self->refusals);
  mp_fd_close (&self->spare_fd);
}

void
mp_reception_unref (MpReception *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  mp_pump_lock (self->pump);
  if (mp_pump_get_origin (self->pump) != mp_origin_get ())
    mp_reception_leave (self);
  mp_waiters_free_locked (self->waiters);
  free_contents (self);
  mp_place_clear (&self->place);
  mp_pump_unlock (self->pump);
  mp_pump_unref (self->pump);
  g_object_unref (self->key);
  g_clear_pointer (&self->terms, mp_tls_terms_unref);
  g_free (self->wish);
  g_free (self);
}

MpPump *
mp_reception_get_pump (MpReception *self)
{
  return self->pump;
}

static gboolean
check_openable (MpReception  *self,
                GError      **error)
{
  if (self->is_closed)
    g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "The listener is closed; make a new one");
  else if (self->place.fd >= 0)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "The listener is open already");
  else
    return mp_auth_key_check (self->key, TRUE, error);

  return FALSE;
}

static gboolean
refuse_place (MpReception *self,
              const char  *why,
              GError     **error)
{
  g_autofree char *address = mp_address_to_string (self->place.address);

  g_set_error (error, MP_ERROR, MP_ERROR_REFUSED, "Cannot listen at %s %s", address, why);
  return FALSE;
}

/* Everybody can see an abstract name, and take it; and whoever connects by TCP can be anybody. */
static gboolean
check_place (MpReception  *self,
             GError      **error)
{
  MpAddressKind kind = self->place.address->kind;

  self->is_private = kind == MP_ADDRESS_ABSTRACT || (kind == MP_ADDRESS_UNIX && !self->has_key);
  if (kind == MP_ADDRESS_ABSTRACT && !self->has_key)
    return refuse_place (self, "without a key, for other users can take such a name, too; give both ends a key, or "
                         "use a unix socket with a file", error);

  if (self->place.is_remote && (self->wire & MP_WIRE_PYTHON) != 0)
    return refuse_place (self, "in Python's protocol, which does not notice who stands between two machines; use it "
                         "within one machine, or mpglib's own protocol", error);

  /* Other machines are talked to with TLS, or where the user trusts what is in between */
  return !self->place.is_remote ||
         mp_auth_key_check (self->key, self->terms != NULL && mp_tls_terms_hide_proofs (self->terms), error);
}

static gboolean
open_locked (MpReception  *self,
             GError      **error)
{
  int type = (self->wire & MP_WIRE_PYTHON) != 0 || self->has_tls ? SOCK_STREAM : SOCK_SEQPACKET;

  if (!check_openable (self, error) || !mp_place_open (&self->place, self->wish, type, error))
    return FALSE;

  self->uid = geteuid ();
  self->spare_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  if (check_place (self, error))
    self->source = mp_pump_add_fd_locked (self->pump, self->place.fd, EPOLLIN, mp_reception_on_knock, self, error);
  if (self->source != NULL)
    {
      mp_reception_add_to_open (self);
      return TRUE;
    }

  mp_place_remove_files (&self->place);
  mp_place_close (&self->place);
  mp_place_clear (&self->place);
  mp_fd_close (&self->spare_fd);
  return FALSE;
}

static gboolean
wants_remote (MpReception *self)
{
  g_autoptr (MpAddress) address = self->wish != NULL ? mp_address_parse (self->wish, NULL) : NULL;
  struct sockaddr_storage native;
  socklen_t size;

  return address != NULL && address->kind == MP_ADDRESS_TCP &&
         mp_inet_read_number (address->name, address->port, &native, &size) &&
         !mp_inet_is_loopback ((struct sockaddr *) &native);
}

/* Without the lock, since the settings are objects that a language may know. */
static gboolean
make_terms (MpReception    *self,
            MpTlsSettings  *tls,
            MpTlsTerms    **terms,
            GError        **error)
{
  if (!mp_arrival_check_wire (self->wire, tls != NULL, error))
    return FALSE;

  if (!self->has_tls && ((self->wire & (MP_WIRE_INSECURE | MP_WIRE_PYTHON)) != 0 || !wants_remote (self)))
    return TRUE;

  *terms = mp_tls_terms_new (tls, MP_ROLE_SERVER, NULL, error);
  return *terms != NULL;
}

/*< private >
 * mp_reception_open:
 * @tls: (nullable): the settings that mp_reception_new() got
 */
gboolean
mp_reception_open (MpReception    *self,
                   MpTlsSettings  *tls,
                   GError        **error)
{
  g_autoptr (MpTlsTerms) terms = NULL;
  gboolean is_open;

  if (!mp_origin_check (mp_pump_get_origin (self->pump), "The listener", error) ||
      !make_terms (self, tls, &terms, error))
    return FALSE;

  mp_pump_lock (self->pump);
  if (self->terms == NULL)
    self->terms = g_steal_pointer (&terms);
  is_open = open_locked (self, error);
  mp_pump_unlock (self->pump);

  return is_open;
}

static void
close_locked (MpReception *self)
{
  self->is_closed = TRUE;
  if (self->source != NULL)
    mp_pump_remove_fd_locked (self->pump, g_steal_pointer (&self->source));
  if (self->resume_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->resume_timer));
  mp_reception_remove_from_open (self);
  mp_place_close (&self->place);
  free_contents (self);
  mp_waiters_check_locked (self->waiters);
  mp_pump_changed_locked (self->pump);
}

/*< private >
 * mp_reception_close:
 *
 * The address stays known.  Does nothing in a process that was forked from its own.
 */
void
mp_reception_close (MpReception *self)
{
  if (mp_pump_get_origin (self->pump) != mp_origin_get ())
    return;

  mp_pump_lock (self->pump);
  if (!self->is_closed)
    close_locked (self);
  mp_pump_unlock (self->pump);
}

/* --- Who accepts ------------------------------------------------------------------- */

gboolean
mp_reception_is_open_locked (MpReception *self)
{
  return self->place.fd >= 0;
}

gboolean
mp_reception_is_closed_locked (MpReception *self)
{
  return self->is_closed;
}

/*< private >
 * mp_reception_dup_address:
 *
 * Returns: (transfer full) (nullable): where it listens, or has listened; before that, where
 *   it is wanted
 */
char *
mp_reception_dup_address (MpReception *self)
{
  char *address;

  mp_pump_lock (self->pump);
  address = self->place.address != NULL ? mp_address_to_string (self->place.address) : g_strdup (self->wish);
  mp_pump_unlock (self->pump);

  return address;
}

guint
mp_reception_get_n_ready_locked (MpReception *self)
{
  return g_queue_get_length (&self->ready);
}

MpArrival *
mp_reception_take_locked (MpReception *self)
{
  MpArrival *arrival = g_queue_pop_head (&self->ready);

  if (arrival != NULL)
    mp_reception_look_for_room_locked (self);

  return arrival;
}

/*< private >
 * mp_reception_get_refusals_locked:
 *
 * Returns: (transfer none): whom it has turned away, if that is wanted
 */
MpRefusals *
mp_reception_get_refusals_locked (MpReception *self)
{
  return &self->refusals;
}

MpWaiters *
mp_reception_get_waiters_locked (MpReception *self)
{
  return self->waiters;
}

gboolean
mp_acceptance_is_over (gpointer data)
{
  MpAcceptance *self = data;

  if (self->arrival == NULL)
    self->arrival = mp_reception_take_locked (self->reception);

  return self->arrival != NULL || self->reception->is_closed;
}

gboolean
mp_acceptance_has_ended (gpointer   data,
                         GError   **error)
{
  MpAcceptance *self = data;

  if (!mp_acceptance_is_over (self))
    return FALSE;

  if (self->arrival == NULL)
    g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "The listener was closed");
  return TRUE;
}

void
mp_acceptance_clear (MpAcceptance *self)
{
  g_clear_pointer (&self->arrival, mp_arrival_free);
  g_clear_pointer (&self->reception, mp_reception_unref);
}
