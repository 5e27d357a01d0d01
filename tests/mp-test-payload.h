/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <sys/mman.h>

#include "mp-memfd-private.h"
#include "mp-payload-private.h"

G_BEGIN_DECLS

/* Returns: a descriptor of sealed memory with a copy of @bytes */
static inline int
mp_test_new_payload (gconstpointer bytes,
                     gsize         size)
{
  MpPayload payload = MP_PAYLOAD_INIT;

  while (!payload.is_sealed)
    if (!mp_payload_fill (&payload, bytes, size, NULL))
      g_error ("no payload of %" G_GSIZE_FORMAT " bytes", size);

  return payload.fd;
}

/* As long as it is mapped so, the kernel refuses to seal it, as it does while it has a page of it in hand. */
static inline gpointer
mp_test_hold_payload (const MpPayload *payload)
{
  gpointer data = mmap (NULL, payload->n_written, PROT_READ | PROT_WRITE, MAP_SHARED, payload->fd, 0);

  g_assert_true (data != MAP_FAILED);
  return data;
}

G_END_DECLS
