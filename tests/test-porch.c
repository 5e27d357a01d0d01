/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <glib.h>

#include "mp-porch-private.h"
#include "mp-test.h"

typedef struct
{
  MpPorchCaller caller;
  guint         n_called;
  gboolean      is_freed;
} Caller;

static Caller first, next;

static void
count_call (MpPorchCaller *caller)
{
  ((Caller *) caller)->n_called++;
}

static void
note_freed (MpPorchCaller *caller)
{
  ((Caller *) caller)->is_freed = TRUE;
}

static void
enter (Caller      *self,
       MpPorchFunc  free_func)
{
  g_autoptr (GError) error = NULL;

  *self = (Caller) { 0 };
  g_assert_true (mp_porch_caller_enter (&self->caller, g_main_context_default (), count_call, free_func, &error));
  g_assert_no_error (error);
}

static gboolean
was_called (gpointer caller)
{
  return ((Caller *) caller)->n_called > 0;
}

static void
test_call (void)
{
  enter (&first, note_freed);
  mp_porch_caller_ring (&first.caller);
  mp_test_run_until (was_called, &first);
  mp_porch_caller_leave (&first.caller);
  g_assert_true (first.is_freed);
}

static void
enter_next (MpPorchCaller *caller)
{
  note_freed (caller);
  enter (&next, note_freed);
}

/* Something of the program's, which is freed with the last one, may wait for something else. */
static void
test_enter_while_dropped (void)
{
  enter (&first, enter_next);
  mp_porch_caller_ring (&first.caller);
  mp_porch_caller_leave (&first.caller);
  g_assert_true (first.is_freed);

  mp_porch_caller_ring (&next.caller);
  mp_test_run_until (was_called, &next);
  mp_porch_caller_leave (&next.caller);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  mp_test_add ("/porch/call", test_call);
  mp_test_add ("/porch/enter-while-dropped", test_enter_while_dropped);
  return g_test_run ();
}
