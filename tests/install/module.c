/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 *
 * A user's module, with a function for programs of any language: the installed
 * mpglib-worker runs it.
 */

#include <stdlib.h>

#include <mpglib.h>

GVariant *answer (MpMessage     *arguments,
                  GCancellable  *cancellable,
                  gpointer       user_data,
                  GError       **error);

GVariant *
answer (MpMessage     *arguments,
        GCancellable  *cancellable,
        gpointer       user_data,
        GError       **error)
{
  (void) arguments;
  (void) cancellable;
  (void) user_data;
  (void) error;

  exit (42);
}
