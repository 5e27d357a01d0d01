/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The worker of programs that cannot be their own: it runs functions of modules, `path.so#function`. */

#include <glib.h>

#include "mpglib.h"

int
main (int    argc,
      char **argv)
{
  mp_init ();

  g_printerr ("%s is started by programs that use mpglib, to run functions of modules for them; there is nothing "
              "to be done with it by hand.\n", argv[0]);
  return 2;
}
