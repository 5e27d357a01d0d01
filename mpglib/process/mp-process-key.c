/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The key that a child has as its own, where it is not that of who started it */

#include "config.h"

#include "mp-process-private.h"

#include <string.h>

#include "mp-auth-key-private.h"
#include "mp-error.h"

/**
 * mp_process_set_auth_key:
 * @self: a process that was not started, or that calls
 * @key: a key of 1 to 64 bytes
 * @error: return location for an error
 *
 * Gives the process a key of its own, which [ctor@Mp.AuthKey.new_own] gives there, and in all processes that it
 * starts. Without it that is the key of who starts it. So a process does not get in where the rest of the program
 * does: at listeners that were given no key, over TCP and in the protocol of Python's `multiprocessing`.
 *
 * For the process that calls, [func@Mp.Process.get_current], it is [method@Mp.AuthKey.make_own].
 *
 * Fails with %MP_ERROR_REFUSED for a key without bytes, %MP_ERROR_TOO_BIG for one of more than 64, and
 * %MP_ERROR_INVALID_STATE for a process that was started.
 *
 * Returns: (skip): %TRUE if it has the key
 *
 * Since: 1.0
 */
gboolean
mp_process_set_auth_key (MpProcess  *self,
                         MpAuthKey  *key,
                         GError    **error)
{
  g_autoptr (MpAuthKey) old = NULL;
  MpOwnKey secret = { 0 };
  gboolean is_early;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (MP_IS_AUTH_KEY (key), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (self->is_current)
    return mp_auth_key_make_own (key, error);
  if (!mp_process_check_origin (self, error) || !mp_auth_key_to_own (key, &secret, error))
    return FALSE;
  explicit_bzero (&secret, sizeof secret); /* it was looked at, no more */

  g_object_ref (key);
  mp_pump_lock (self->pump);
  is_early = self->child == NULL && !self->is_closed;
  old = is_early ? g_steal_pointer (&self->auth_key) : key;
  if (is_early)
    self->auth_key = key;
  else
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                 "'%s' was started already, with the key that it has: set it before", self->name);
  mp_pump_unlock (self->pump);
  return is_early;
}

/**
 * mp_process_ref_auth_key:
 * @self: a process
 *
 * Gives the key that the process has as its own, or will have: what [method@Mp.Process.set_auth_key] said, else that
 * of this process ([ctor@Mp.AuthKey.new_own]). That is the one of now: if it was replaced since the process was started
 * ([method@Mp.AuthKey.make_own]), the process has the one of then.
 *
 * Returns: (transfer full): the key
 *
 * Since: 1.0
 */
MpAuthKey *
mp_process_ref_auth_key (MpProcess *self)
{
  MpAuthKey *key;

  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  mp_pump_lock (self->pump);
  key = self->auth_key != NULL ? g_object_ref (self->auth_key) : NULL;
  mp_pump_unlock (self->pump);
  return key != NULL ? key : mp_auth_key_new_own ();
}
