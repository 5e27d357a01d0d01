/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-opening-private.h"

static MpConnection *
open_and_wait (const char    *address,
               MpAuthKey     *key,
               MpWireFlags    wire,
               MpTlsSettings *tls,
               gdouble        timeout,
               GCancellable  *cancellable,
               GError       **error)
{
  g_autoptr (MpOpening) opening = mp_opening_new (address, key, wire, tls);
  g_autoptr (GError) failure = NULL;

  if (mp_opening_begin (opening, tls, &failure) && mp_opening_wait (opening, timeout, cancellable, &failure))
    return mp_arrival_to_connection (mp_opening_steal_arrival (opening), NULL);

  mp_opening_fail (opening, &failure);
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

static void
open_and_tell (const char          *address,
               MpAuthKey           *key,
               MpWireFlags          wire,
               MpTlsSettings       *tls,
               gdouble              timeout,
               GCancellable        *cancellable,
               GAsyncReadyCallback  callback,
               gpointer             user_data,
               gpointer             tag)
{
  MpOpening *opening;
  GError *error = NULL;
  GTask *task;

  g_return_if_fail (address != NULL);
  g_return_if_fail (key == NULL || MP_IS_AUTH_KEY (key));
  g_return_if_fail (tls == NULL || MP_IS_TLS_SETTINGS (tls));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  opening = mp_opening_new (address, key, wire, tls);
  task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_source_tag (task, tag);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, opening, (GDestroyNotify) mp_opening_free);
  if (!mp_opening_begin (opening, tls, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  mp_opening_tell (opening, task, timeout);
}

static MpConnection *
finish_open (GAsyncResult  *result,
             gpointer       tag,
             GError       **error)
{
  g_autoptr (GError) failure = NULL;
  MpOpening *opening;

  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, tag), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  opening = g_task_get_task_data (G_TASK (result));
  if (g_task_propagate_boolean (G_TASK (result), &failure))
    return mp_arrival_to_connection (mp_opening_steal_arrival (opening), g_task_get_context (G_TASK (result)));

  mp_opening_fail (opening, &failure);
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

/**
 * mp_connection_open:
 * @address: where somebody listens, as [property@Mp.Listener:address] says; a relative path is meant from the folder
 *   in which the program is now
 * @key: (nullable): the key that the listener has; %NULL if it has none and is a process of the same user, or, over
 *   TCP, of the same program: see [ctor@Mp.AuthKey.new_own]
 * @timeout: seconds to wait; negative for as long as it can take, which is 5 seconds, and 5 more on a unix socket where
 *   too many wait to be let in, and for TCP until the name of the host was found, and up to 10 seconds more for each
 *   address that it has; all that up to four times with a listener that lets this go unheard, since too many come there
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Connects to a [class@Mp.Listener] of another program. Both prove to each other that they
 * have the key, before anything else is said. Blocks the calling thread and iterates no
 * main context.
 *
 * Nobody needs to call [method@Mp.Listener.accept] for that: what is sent then can be received
 * when somebody does.
 *
 * Fails with
 *
 * - %G_IO_ERROR_INVALID_ARGUMENT: that is no address;
 * - %G_IO_ERROR_CONNECTION_REFUSED: nobody listens there; %G_IO_ERROR_NOT_FOUND: likewise, and a unix socket's file
 *   is not there either, yet or any more;
 * - %MP_ERROR_AUTHENTICATION: the listener has another key, or one where this end has none; or it has closed the
 *   connection without a proof, four times where that may be since too many come there;
 * - %G_IO_ERROR_HOST_NOT_FOUND: the name of the host cannot be looked up; %G_IO_ERROR_HOST_UNREACHABLE and
 *   %G_IO_ERROR_NETWORK_UNREACHABLE: there is no way to it;
 * - %MP_ERROR_REFUSED: another user listens there, which only a key allows; the listener
 *   closed the connection without a word; or the two ends do not agree on TLS, which is there by
 *   itself where the listener is on another machine;
 * - %MP_ERROR_FULL: too many wait there to be let in, and have done so for 5 seconds;
 * - %MP_ERROR_TIMED_OUT: the listener did not answer in time: it is stopped, too busy, or none;
 * - %MP_ERROR_CORRUPTED, %MP_ERROR_NOT_SUPPORTED: what listens there is of another kind or version;
 * - %MP_ERROR_INTERRUPTED (see [func@Mp.thread_set_interruptible]), %G_IO_ERROR_CANCELLED, and others of
 *   [error@Gio.IOErrorEnum], as the kernel says, such as %G_IO_ERROR_PERMISSION_DENIED.
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_connection_open (const char    *address,
                    MpAuthKey     *key,
                    gdouble        timeout,
                    GCancellable  *cancellable,
                    GError       **error)
{
  return mp_connection_open_with_wire (address, key, MP_WIRE_DEFAULT, timeout, cancellable, error);
}

/**
 * mp_connection_open_async:
 * @address: where somebody listens
 * @key: (nullable): the key that the listener has
 * @timeout: seconds to wait; negative for as long as it can take: see [func@Mp.Connection.open]
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [func@Mp.Connection.open].
 *
 * Since: 1.0
 */
void
mp_connection_open_async (const char          *address,
                          MpAuthKey           *key,
                          gdouble              timeout,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  open_and_tell (address, key, MP_WIRE_DEFAULT, NULL, timeout, cancellable, callback, user_data,
                 mp_connection_open_async);
}

/**
 * mp_connection_open_finish:
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [func@Mp.Connection.open_async].
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_connection_open_finish (GAsyncResult  *result,
                           GError       **error)
{
  return finish_open (result, mp_connection_open_async, error);
}

/**
 * mp_connection_open_with_wire:
 * @address: where somebody listens, as [property@Mp.Listener:address] says
 * @key: (nullable): the key that the listener has; %NULL if it has none and is a process of the same user
 * @wire: what is spoken with it: the same as the listener's [property@Mp.Listener:wire]
 * @timeout: seconds to wait, as in [func@Mp.Connection.open]
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Connects as [func@Mp.Connection.open] does, and fails as that does, to a listener with another wire.
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_connection_open_with_wire (const char    *address,
                              MpAuthKey     *key,
                              MpWireFlags    wire,
                              gdouble        timeout,
                              GCancellable  *cancellable,
                              GError       **error)
{
  return mp_connection_open_with_tls (address, key, wire, NULL, timeout, cancellable, error);
}

/**
 * mp_connection_open_with_wire_async:
 * @address: where somebody listens
 * @key: (nullable): the key that the listener has
 * @wire: what is spoken with it
 * @timeout: seconds to wait
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [func@Mp.Connection.open_with_wire].
 *
 * Since: 1.0
 */
void
mp_connection_open_with_wire_async (const char          *address,
                                    MpAuthKey           *key,
                                    MpWireFlags          wire,
                                    gdouble              timeout,
                                    GCancellable        *cancellable,
                                    GAsyncReadyCallback  callback,
                                    gpointer             user_data)
{
  open_and_tell (address, key, wire, NULL, timeout, cancellable, callback, user_data,
                 mp_connection_open_with_wire_async);
}

/**
 * mp_connection_open_with_wire_finish:
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [func@Mp.Connection.open_with_wire_async].
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_connection_open_with_wire_finish (GAsyncResult  *result,
                                     GError       **error)
{
  return finish_open (result, mp_connection_open_with_wire_async, error);
}

/**
 * mp_connection_open_with_tls:
 * @address: where somebody listens, as [property@Mp.Listener:address] says
 * @key: (nullable): the key that the listener has; %NULL if it has none, since both ends show certificates and trust
 *   the other one's, or is of the same program
 * @wire: what is spoken with it: the same as the listener's [property@Mp.Listener:wire]
 * @tls: (nullable): what this end shows, and takes; %NULL as [func@Mp.Connection.open_with_wire]
 * @timeout: seconds to wait, as in [func@Mp.Connection.open]
 * @cancellable: (nullable): to end the wait
 * @error: return location for an error
 *
 * Connects as [func@Mp.Connection.open] does, and if there are settings always with TLS. The listener has it, too, if
 * it is on another machine, or has settings of its own, or %MP_WIRE_TLS.
 *
 * Fails as that does, and with %MP_ERROR_AUTHENTICATION if the listener's certificate is not what is trusted,
 * %MP_ERROR_REFUSED if the two ends do not agree on TLS, as when the listener has none there, or refuses what this end
 * shows, or a certificate has no private key, and %MP_ERROR_NOT_SUPPORTED if GIO has no TLS, which is in the
 * package glib-networking.
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_connection_open_with_tls (const char     *address,
                             MpAuthKey      *key,
                             MpWireFlags     wire,
                             MpTlsSettings  *tls,
                             gdouble         timeout,
                             GCancellable   *cancellable,
                             GError        **error)
{
  g_return_val_if_fail (address != NULL, NULL);
  g_return_val_if_fail (key == NULL || MP_IS_AUTH_KEY (key), NULL);
  g_return_val_if_fail (tls == NULL || MP_IS_TLS_SETTINGS (tls), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return open_and_wait (address, key, wire, tls, timeout, cancellable, error);
}

/**
 * mp_connection_open_with_tls_async:
 * @address: where somebody listens
 * @key: (nullable): the key that the listener has
 * @wire: what is spoken with it
 * @tls: (nullable): what this end shows, and takes
 * @timeout: seconds to wait
 * @cancellable: (nullable): to end the wait
 * @callback: (scope async) (closure user_data): called in the caller's thread-default main context
 * @user_data: data for @callback
 *
 * Asynchronous form of [func@Mp.Connection.open_with_tls].
 *
 * Since: 1.0
 */
void
mp_connection_open_with_tls_async (const char          *address,
                                   MpAuthKey           *key,
                                   MpWireFlags          wire,
                                   MpTlsSettings       *tls,
                                   gdouble              timeout,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data)
{
  open_and_tell (address, key, wire, tls, timeout, cancellable, callback, user_data,
                 mp_connection_open_with_tls_async);
}

/**
 * mp_connection_open_with_tls_finish:
 * @result: what the callback got
 * @error: return location for an error
 *
 * Finishes [func@Mp.Connection.open_with_tls_async].
 *
 * Returns: (transfer full): the connection
 *
 * Since: 1.0
 */
MpConnection *
mp_connection_open_with_tls_finish (GAsyncResult  *result,
                                    GError       **error)
{
  return finish_open (result, mp_connection_open_with_tls_async, error);
}
