/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-arrival-private.h"
#include "mp-clock-private.h"
#include "mp-connection-private.h"
#include "mp-error.h"

/* One half of Python's protocol, in messages of a connection that is there already: one end challenges, the other
 * answers.  What either says is in MpPythonWire, whose messages have their length before them.
 */
#define MAX_MESSAGE 256

typedef struct
{
  MpPythonWire *wire;
  GBytes *pending;  /* the next to be sent; nullable */
  GError *refusal;  /* to be told when that was sent; nullable */
  gint64 deadline;  /* of an asynchronous one */
} Talk;

static void
talk_free (gpointer data)
{
  Talk *self = data;

  mp_python_wire_free (self->wire);
  g_clear_pointer (&self->pending, g_bytes_unref);
  g_clear_error (&self->refusal);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Talk, talk_free)

static Talk *
talk_new (MpConnection  *connection,
          MpRole         role,
          MpAuthKey     *key,
          GError       **error)
{
  MpPythonWireTerms terms = {
    .role = role,
    .key = key,
    .is_local = !connection->is_in_sight,
    .secret = mp_arrival_get_secret (),
    .is_half = TRUE,
    .may_be_own = !connection->is_by_address,
  };
  MpPythonWire *wire = mp_python_wire_new (&terms, error);
  Talk *self;

  if (wire == NULL)
    return NULL;

  self = g_new0 (Talk, 1);
  self->wire = wire;

  return self;
}

/* Returns: (transfer none) (nullable): a message without its length */
static GBytes *
get_message (Talk *self)
{
  g_autoptr (GBytes) output = self->pending == NULL ? mp_python_wire_take_output (self->wire) : NULL;

  if (output != NULL)
    self->pending = g_bytes_new_from_bytes (output, MP_PREAMBLE_HEADER,
                                            g_bytes_get_size (output) - MP_PREAMBLE_HEADER);

  return self->pending;
}

static void
feed (Talk   *self,
      GBytes *message)
{
  g_autoptr (GByteArray) input = g_byte_array_new ();
  gsize size, n_taken;
  gconstpointer body = g_bytes_get_data (message, &size);

  mp_preamble_append (input, body, size);
  mp_python_wire_feed (self->wire, input->data, input->len, &n_taken, &self->refusal);
}

/* When there is nothing to be sent.  With the error, if it failed. */
static gboolean
is_over (Talk    *self,
         GError **error)
{
  if (self->refusal != NULL)
    g_propagate_error (error, g_steal_pointer (&self->refusal));

  return mp_python_wire_get_state (self->wire) >= MP_PYTHON_WIRE_AGREED;
}

static GError *
name_failure (Talk   *self,
              GError *taken)
{
  gboolean is_asked = mp_python_wire_get_state (self->wire) != MP_PYTHON_WIRE_CHALLENGE;

  if (!g_error_matches (taken, MP_ERROR, MP_ERROR_TIMED_OUT))
    return taken;

  g_error_free (taken);
  return g_error_new (MP_ERROR, MP_ERROR_TIMED_OUT,
                      is_asked ? "The other end has not answered in the time given"
                               : "The other end has not asked for a proof of the key in the time given");
}

/* --- Blocking ------------------------------------------------------------------------ */

static gboolean
say (MpConnection  *connection,
     Talk          *self,
     gint64         deadline,
     GCancellable  *cancellable,
     GError       **error)
{
  gdouble timeout = mp_deadline_to_timeout (deadline);

  if (!mp_connection_send_bytes (connection, self->pending, NULL, timeout, cancellable, error))
    return FALSE;

  g_clear_pointer (&self->pending, g_bytes_unref);
  return TRUE;
}

static gboolean
hear (MpConnection  *connection,
      Talk          *self,
      gint64         deadline,
      GCancellable  *cancellable,
      GError       **error)
{
  g_autoptr (GBytes) message = mp_connection_receive_bytes (connection, MAX_MESSAGE,
                                                            mp_deadline_to_timeout (deadline), cancellable, error);

  if (message == NULL)
    return FALSE;

  feed (self, message);
  return TRUE;
}

static gboolean
converse (MpConnection  *connection,
          Talk          *self,
          gint64         deadline,
          GCancellable  *cancellable,
          GError       **error)
{
  for (;;)
    if (get_message (self) != NULL)
      {
        if (!say (connection, self, deadline, cancellable, error))
          return FALSE;
      }
    else if (is_over (self, error))
      {
        return mp_python_wire_get_state (self->wire) == MP_PYTHON_WIRE_AGREED;
      }
    else if (!hear (connection, self, deadline, cancellable, error))
      {
        return FALSE;
      }
}

/* A signal ends the wait, and who wants that calls again: there it goes on where it was, since the other end has heard
 * what was said.
 */
static GQuark
get_kept_quark (MpRole role)
{
  return role == MP_ROLE_SERVER ? g_quark_from_static_string ("mp-kept-challenge")
                                : g_quark_from_static_string ("mp-kept-answer");
}

static Talk *
begin_or_go_on (MpConnection  *connection,
                MpRole         role,
                MpAuthKey     *key,
                GError       **error)
{
  g_autoptr (Talk) kept = g_object_steal_qdata (G_OBJECT (connection), get_kept_quark (role));

  if (kept != NULL && mp_python_wire_has_key (kept->wire, key))
    return g_steal_pointer (&kept);

  return talk_new (connection, role, key, error);
}

static gboolean
authenticate (MpConnection  *connection,
              MpRole         role,
              MpAuthKey     *key,
              gdouble        timeout,
              GCancellable  *cancellable,
              GError       **error)
{
  gint64 deadline = mp_deadline_from_timeout (timeout);
  g_autoptr (Talk) self = begin_or_go_on (connection, role, key, error);
  GError *failure = NULL;

  if (self == NULL)
    return FALSE;

  if (converse (connection, self, deadline, cancellable, &failure))
    return TRUE;

  failure = name_failure (self, failure);
  if (g_error_matches (failure, MP_ERROR, MP_ERROR_INTERRUPTED))
    g_object_set_qdata_full (G_OBJECT (connection), get_kept_quark (role), g_steal_pointer (&self), talk_free);
  g_propagate_error (error, failure);
  return FALSE;
}

/* --- Asynchronous -------------------------------------------------------------------- */

static void step (GTask *task);

static void
fail (GTask  *task,
      GError *taken)
{
  g_task_return_error (task, name_failure (g_task_get_task_data (task), taken));
  g_object_unref (task);
}

static void
on_said (GObject      *connection,
         GAsyncResult *result,
         gpointer      task)
{
  Talk *self = g_task_get_task_data (task);
  GError *error = NULL;

  if (!mp_connection_send_bytes_finish (MP_CONNECTION (connection), result, &error))
    {
      fail (task, error);
      return;
    }

  g_clear_pointer (&self->pending, g_bytes_unref);
  step (task);
}

static void
on_heard (GObject      *connection,
          GAsyncResult *result,
          gpointer      task)
{
  GError *error = NULL;
  g_autoptr (GBytes) message = mp_connection_receive_bytes_finish (MP_CONNECTION (connection), result, &error);

  if (message == NULL)
    {
      fail (task, error);
      return;
    }

  feed (g_task_get_task_data (task), message);
  step (task);
}

static void
end (GTask  *task,
     GError *taken)
{
  if (taken != NULL)
    g_task_return_error (task, taken);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
step (GTask *task)
{
  MpConnection *connection = g_task_get_source_object (task);
  GCancellable *cancellable = g_task_get_cancellable (task);
  Talk *self = g_task_get_task_data (task);
  gdouble timeout = mp_deadline_to_timeout (self->deadline);
  GMainContext *context = g_task_get_context (task);
  GError *error = NULL;

  if (get_message (self) == NULL && is_over (self, &error))
    {
      end (task, error);
      return;
    }

  /* Callbacks of it need not have it as the thread's default */
  g_main_context_push_thread_default (context);
  if (self->pending != NULL)
    mp_connection_send_bytes_async (connection, self->pending, NULL, timeout, cancellable, on_said, task);
  else
    mp_connection_receive_bytes_async (connection, MAX_MESSAGE, timeout, cancellable, on_heard, task);
  g_main_context_pop_thread_default (context);
}

static void
authenticate_soon (MpConnection        *connection,
                   MpRole               role,
                   MpAuthKey           *key,
                   gdouble              timeout,
                   GCancellable        *cancellable,
                   GAsyncReadyCallback  callback,
                   gpointer             user_data,
                   gpointer             tag)
{
  GTask *task = g_task_new (connection, cancellable, callback, user_data);
  GError *error = NULL;
  Talk *self = talk_new (connection, role, key, &error);

  g_task_set_source_tag (task, tag);
  g_task_set_check_cancellable (task, FALSE);
  if (self == NULL)
    {
      end (task, error);
      return;
    }

  self->deadline = mp_deadline_from_timeout (timeout);
  g_task_set_task_data (task, self, talk_free);
  step (task);
}

/* --- The functions ------------------------------------------------------------------- */

/**
 * mp_connection_deliver_challenge:
 * @self: a connection
 * @key: what the other end shall know
 * @timeout: seconds to wait for the answer; negative for ever
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Asks the other end for a proof that it knows the key, which that gives by
 * [method@Mp.Connection.answer_challenge]. Neither end sends the key. It is what `deliver_challenge()` of Python's
 * `multiprocessing.connection` does, in the dialect with SHA-256 of Python 3.12 and later, and over a connection with
 * the wire %MP_WIRE_PYTHON that can be at the other end.
 *
 * Connections of a listener have shown already that both ends know its key: this is for another one besides, as
 * for what only some may ask. The proof is for the end of this connection, and nothing else: who passes it on to
 * somebody with the key passes. Nobody else may receive or send on this end meanwhile.
 *
 * Fails with %MP_ERROR_AUTHENTICATION if the other end has another key, and is told so, %MP_ERROR_NOT_SUPPORTED if
 * it knows MD5 alone, %MP_ERROR_CORRUPTED if it says something else, %MP_ERROR_REFUSED if the key has no bytes, or
 * anybody could listen in, on %MP_WIRE_INSECURE, and as [method@Mp.Connection.send] and
 * [method@Mp.Connection.receive] do. After %MP_ERROR_INTERRUPTED it may be called again with the same key, and
 * goes on; after all others the connection had better be closed.
 *
 * Returns: (skip): %TRUE if the other end knows the key
 *
 * Since: 1.0
 */
gboolean
mp_connection_deliver_challenge (MpConnection  *self,
                                 MpAuthKey     *key,
                                 gdouble        timeout,
                                 GCancellable  *cancellable,
                                 GError       **error)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (MP_IS_AUTH_KEY (key), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return authenticate (self, MP_ROLE_SERVER, key, timeout, cancellable, error);
}

/**
 * mp_connection_deliver_challenge_async:
 * @self: a connection
 * @key: what the other end shall know
 * @timeout: seconds to wait for the answer; negative for ever
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Connection.deliver_challenge].
 *
 * Since: 1.0
 */
void
mp_connection_deliver_challenge_async (MpConnection        *self,
                                       MpAuthKey           *key,
                                       gdouble              timeout,
                                       GCancellable        *cancellable,
                                       GAsyncReadyCallback  callback,
                                       gpointer             user_data)
{
  g_return_if_fail (MP_IS_CONNECTION (self));
  g_return_if_fail (MP_IS_AUTH_KEY (key));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  authenticate_soon (self, MP_ROLE_SERVER, key, timeout, cancellable, callback, user_data,
                     mp_connection_deliver_challenge_async);
}

/**
 * mp_connection_deliver_challenge_finish:
 * @self: a connection
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.deliver_challenge_async].
 *
 * Returns: (skip): %TRUE if the other end knows the key
 *
 * Since: 1.0
 */
gboolean
mp_connection_deliver_challenge_finish (MpConnection  *self,
                                        GAsyncResult  *result,
                                        GError       **error)
{
  return mp_connection_finish_boolean (self, result, mp_connection_deliver_challenge_async, error);
}

/**
 * mp_connection_answer_challenge:
 * @self: a connection
 * @key: what this end proves that it knows
 * @timeout: seconds to wait for the challenge, and for what the other end says to the answer; negative for ever
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Proves to the other end that this one knows the key, when it asks by [method@Mp.Connection.deliver_challenge]
 * or as `deliver_challenge()` of Python's `multiprocessing.connection` does, of Python 3.12 and later. Each end may
 * ask and answer, one after the other.
 *
 * Fails with %MP_ERROR_AUTHENTICATION if the other end has another key, %MP_ERROR_REFUSED also if it asks over a
 * connection that was made by an address what this process has asked elsewhere, since somebody could pass the answer
 * on, and else as [method@Mp.Connection.deliver_challenge] does.
 *
 * Returns: (skip): %TRUE if the other end was convinced
 *
 * Since: 1.0
 */
gboolean
mp_connection_answer_challenge (MpConnection  *self,
                                MpAuthKey     *key,
                                gdouble        timeout,
                                GCancellable  *cancellable,
                                GError       **error)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (MP_IS_AUTH_KEY (key), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return authenticate (self, MP_ROLE_CLIENT, key, timeout, cancellable, error);
}

/**
 * mp_connection_answer_challenge_async:
 * @self: a connection
 * @key: what this end proves that it knows
 * @timeout: seconds to wait; negative for ever
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [method@Mp.Connection.answer_challenge].
 *
 * Since: 1.0
 */
void
mp_connection_answer_challenge_async (MpConnection        *self,
                                      MpAuthKey           *key,
                                      gdouble              timeout,
                                      GCancellable        *cancellable,
                                      GAsyncReadyCallback  callback,
                                      gpointer             user_data)
{
  g_return_if_fail (MP_IS_CONNECTION (self));
  g_return_if_fail (MP_IS_AUTH_KEY (key));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  authenticate_soon (self, MP_ROLE_CLIENT, key, timeout, cancellable, callback, user_data,
                     mp_connection_answer_challenge_async);
}

/**
 * mp_connection_answer_challenge_finish:
 * @self: a connection
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [method@Mp.Connection.answer_challenge_async].
 *
 * Returns: (skip): %TRUE if the other end was convinced
 *
 * Since: 1.0
 */
gboolean
mp_connection_answer_challenge_finish (MpConnection  *self,
                                       GAsyncResult  *result,
                                       GError       **error)
{
  return mp_connection_finish_boolean (self, result, mp_connection_answer_challenge_async, error);
}
