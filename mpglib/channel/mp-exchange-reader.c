/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-exchange-base-private.h"
#include "mp-origin-private.h"

/* For who wants every message that no transfer waits for. */

/*< private >
 * mp_exchange_add_reader:
 * @source: a source that polls the socket, and is made ready when a message waits
 *   that was read already, or the end
 * @context: where it is attached, unless there is a reader, or none is of use any more
 *
 * Whether there is one, and whether it is attached, is one thing to all threads.
 */
void
mp_exchange_add_reader (MpExchange   *self,
                        GSource      *source,
                        GMainContext *context)
{
  if (self->origin != mp_origin_get ())
    return;

  mp_exchange_lock (self);
  if (self->reader == NULL && !self->is_closed)
    {
      self->reader = g_source_ref (source);
      g_source_attach (source, context);
      mp_exchange_serve_locked (self, &self->receivers);
    }
  mp_exchange_unlock (self);
}

/*< private >
 * mp_exchange_steal_reader:
 *
 * Returns: (transfer full) (nullable): the reader, to be destroyed; there is none any more
 */
GSource *
mp_exchange_steal_reader (MpExchange *self)
{
  GSource *reader;

  if (self->origin != mp_origin_get ())
    return NULL;

  mp_exchange_lock (self);
  reader = g_steal_pointer (&self->reader);
  if (reader != NULL)
    mp_exchange_serve_locked (self, &self->receivers);
  mp_exchange_unlock (self);

  return reader;
}

/*< private >
 * mp_exchange_get_bell:
 *
 * Returns: a descriptor that a reader's source polls beside the socket, or -1
 */
int
mp_exchange_get_bell (MpExchange *self)
{
  int bell = -1;

  mp_exchange_lock (self);
  if (self->conduit.link != NULL && !self->is_closed)
    bell = mp_ring_link_get_bell (self->conduit.link);
  mp_exchange_unlock (self);

  return bell;
}

/*< private >
 * mp_exchange_hear:
 *
 * For a reader's source, before it reads.
 */
void
mp_exchange_hear (MpExchange *self)
{
  if (self->origin != mp_origin_get ())
    return;

  mp_exchange_lock (self);
  self->is_held_up = FALSE;
  mp_exchange_hear_locked (self, TRUE);
  mp_exchange_unlock (self);
}

/*< private >
 * mp_exchange_read:
 *
 * Takes a message that no transfer waits for.  FAILED: one was lost; CLOSED:
 * none will come any more, whyever.
 */
MpIoStatus
mp_exchange_read (MpExchange *self,
                  MpFrame   **frame,
                  GError    **error)
{
  MpIoStatus status = MP_IO_AGAIN;

  *frame = NULL;
  if (!mp_exchange_check_origin (self, error))
    return MP_IO_CLOSED;

  mp_exchange_lock (self);
  mp_exchange_serve_locked (self, &self->receivers);
  if (g_queue_is_empty (&self->receivers.transfers))
    status = mp_conduit_receive (&self->conduit, frame, error);
  if (status == MP_IO_FAILED && mp_conduit_get_end (&self->conduit) != NULL)
    status = MP_IO_CLOSED;
  self->is_held_up = status == MP_IO_FAILED && error != NULL && g_error_matches (*error, MP_ERROR, MP_ERROR_TIMED_OUT);
  mp_exchange_show_kept_locked (self);
  mp_exchange_tell_end_locked (self);
  mp_exchange_unlock (self);

  return status;
}
