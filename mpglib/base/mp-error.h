/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <glib.h>

#include "mp-version.h"

G_BEGIN_DECLS

/**
 * MP_ERROR:
 *
 * Error domain of mpglib. Its codes are those of [error@Mp.Error].
 *
 * Since: 1.0
 */
#define MP_ERROR (mp_error_quark ())

/**
 * MpError:
 * @MP_ERROR_FAILED: something else went wrong; the message tells what
 * @MP_ERROR_TIMED_OUT: the time given to a wait is over
 * @MP_ERROR_INTERRUPTED: a signal ended the wait of a thread that had asked for it;
 *   wait again with the time that is left
 * @MP_ERROR_CLOSED: the object was closed, here or at the other end, and nothing is left in it
 * @MP_ERROR_EMPTY: nothing to take within the time given
 * @MP_ERROR_FULL: no room within the time given; the item was not queued
 * @MP_ERROR_TOO_BIG: more bytes, items or descriptors than a limit allows; nothing was sent or stored
 * @MP_ERROR_BUFFER_TOO_SHORT: the message is longer than the room that the caller gave
 * @MP_ERROR_INVALID_STATE: the object is not, or no longer, in a state that allows the operation
 * @MP_ERROR_NOT_OWNER: the caller does not hold what it wanted to give back
 * @MP_ERROR_ABANDONED: the participant that held the lock died; what the lock guards may be half changed
 * @MP_ERROR_BROKEN: the barrier is broken: a party died, gave up, or aborted it
 * @MP_ERROR_CORRUPTED: shared memory, a file or a message holds what cannot be there
 * @MP_ERROR_STALE: the handle's object is gone, and its place may hold another one
 * @MP_ERROR_PEER_DIED: the process at the other end died
 * @MP_ERROR_WORKER_LOST: the worker died while it had the task; the death report tells how
 * @MP_ERROR_NOT_SHAREABLE: the object cannot be handed to another process on this way
 * @MP_ERROR_WRONG_CODEC: the payload is there, in a codec that this caller does not read;
 *   it stays where it is
 * @MP_ERROR_NO_TARGET: no function of that name exists where it was to run
 * @MP_ERROR_START_FAILED: the process could not be started, or ended before it was ready
 * @MP_ERROR_NOT_INITIALIZED: the program did not call `mp_init()` first thing in its main function
 * @MP_ERROR_UNSAFE_FORK: the process has threads of others, so a forked child could hang
 * @MP_ERROR_FORKED: the object belongs to the process that this one was forked from
 * @MP_ERROR_AUTHENTICATION: the other end did not prove that it knows the key
 * @MP_ERROR_REFUSED: the other end, or a rule of this one, does not allow it
 * @MP_ERROR_REMOTE: the function that ran in the other process failed; the message is its own
 * @MP_ERROR_NOT_SUPPORTED: this platform, language or kind of object does not offer the operation
 * @MP_ERROR_OUT_OF_RANGE: there is no place of that index, or the number does not fit where it shall be stored
 * @MP_ERROR_WRONG_TYPE: the value has another type than the place where it shall be stored
 *
 * Codes of the error domain `mp_error_quark()`.
 *
 * Each is something that a caller can act on. New codes are appended, never
 * renumbered, so treat an unknown one like %MP_ERROR_FAILED. Cancellation is
 * [error@Gio.IOErrorEnum.CANCELLED].
 *
 * Since: 1.0
 */
typedef enum
{
  MP_ERROR_FAILED,
  MP_ERROR_TIMED_OUT,
  MP_ERROR_INTERRUPTED,
  MP_ERROR_CLOSED,
  MP_ERROR_EMPTY,
  MP_ERROR_FULL,
  MP_ERROR_TOO_BIG,
  MP_ERROR_BUFFER_TOO_SHORT,
  MP_ERROR_INVALID_STATE,
  MP_ERROR_NOT_OWNER,
  MP_ERROR_ABANDONED,
  MP_ERROR_BROKEN,
  MP_ERROR_CORRUPTED,
  MP_ERROR_STALE,
  MP_ERROR_PEER_DIED,
  MP_ERROR_WORKER_LOST,
  MP_ERROR_NOT_SHAREABLE,
  MP_ERROR_WRONG_CODEC,
  MP_ERROR_NO_TARGET,
  MP_ERROR_START_FAILED,
  MP_ERROR_NOT_INITIALIZED,
  MP_ERROR_UNSAFE_FORK,
  MP_ERROR_FORKED,
  MP_ERROR_AUTHENTICATION,
  MP_ERROR_REFUSED,
  MP_ERROR_REMOTE,
  MP_ERROR_NOT_SUPPORTED,
  MP_ERROR_OUT_OF_RANGE,
  MP_ERROR_WRONG_TYPE,
} MpError;

MP_AVAILABLE_IN_1_0
GQuark mp_error_quark (void);

G_END_DECLS
