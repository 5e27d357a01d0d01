/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 *
 * A user's program, in the language that C and C++ share: a function of its own
 * runs in a child.
 */

#include <stdlib.h>

#include <mpglib.h>

static GVariant *
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

int
main (void)
{
  MpProcess *process;
  GError *error = NULL;

  mp_register_target ("answer", answer, NULL, NULL);
  mp_init ();

  process = mp_process_new (NULL, "answer", NULL);
  if (!mp_process_start (process, &error) || !mp_process_join (process, 30, NULL, &error))
    g_error ("%s", error->message);

  g_print ("exit code %d\n", mp_process_get_exit_code (process));
  g_object_unref (process);

  return 0;
}
