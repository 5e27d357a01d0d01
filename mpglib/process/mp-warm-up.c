/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-warm-up-private.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "mp-assembly-private.h"
#include "mp-bootstrap-private.h"
#include "mp-connection-private.h"
#include "mp-identity-private.h"
#include "mp-own-key-private.h"
#include "mp-packet-private.h"
#include "mp-parcel-private.h"
#include "mp-table-private.h"
#include "mp-target-private.h"
#include "mp-transport-private.h"

/* A stack as deep as reading a frame takes, and less than a page of any size */
#define DEPTH 3072

/* What a child runs through on its way to its target and to its end, one function for each 64 KiB of code, which is
 * what the kernel maps at a time */
static void (* const way[]) (void) = {
#define CODE(function) (void (*) (void)) (function)
  CODE (fflush),
  CODE (g_hash_table_lookup),
  CODE (g_list_append),
  CODE (g_mutex_lock),
  CODE (g_strndup),
  CODE (mp_assembly_take_packet),
  CODE (mp_connection_close_all),
  CODE (mp_identity_set),
  CODE (mp_message_check_wire_codec),
  CODE (mp_packet_decode),
  CODE (mp_parcel_new),
  CODE (mp_table_inherit),
  CODE (mp_target_run),
  CODE (mp_transport_receive),
  CODE (sendmsg),
#undef CODE
};

static void
look_at_code (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (way); i++)
    (void) *(const volatile char *) (gconstpointer) way[i];
}

static void G_GNUC_NO_INLINE
use_stack (void)
{
  char deep[DEPTH];

  *(volatile char *) deep = 0;
}

/* The heap gives out again what was let go of last */
static void
use_heap (GBytes *bootstrap)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (bootstrap, &size);
  g_autoptr (MpFrame) frame = mp_frame_new_raw (MP_FRAME_BOOTSTRAP, g_strdup ("raw"), g_bytes_new (data, size));
  g_autoptr (MpBootstrap) copy = mp_bootstrap_from_frame (frame, NULL);
  MpTransport *transport = mp_transport_new (-1);

  mp_transport_free (transport);
}

void
mp_warm_up (GBytes *bootstrap)
{
  MpOwnKey key;

  look_at_code ();
  use_stack ();
  use_heap (bootstrap);
  mp_own_key_get (&key); /* a lock beside what the child is told */
  explicit_bzero (&key, sizeof key);
}
