/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <mpglib.h>

#include "mp-bench.h"

/* What a message costs before it goes anywhere. */
static void
wrap_value (guint64  n,
            gpointer user_data)
{
  GVariant *value = user_data;

  for (guint64 i = 0; i < n; i++)
    {
      g_autoptr (MpMessage) message = mp_message_new (value);
      g_autoptr (GVariant) again = mp_message_get_value (message, NULL);

      g_assert_nonnull (again);
    }
}

static void
wrap_bytes (guint64  n,
            gpointer user_data)
{
  GBytes *bytes = user_data;

  for (guint64 i = 0; i < n; i++)
    {
      g_autoptr (MpMessage) message = mp_message_new_bytes (bytes, "raw");
      g_autoptr (GBytes) again = mp_message_get_payload_bytes (message);

      g_assert_nonnull (again);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed ("(%s, %x)", "task", (gint64) 7));
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (256), 256);

  mp_bench_init (argc, argv);
  mp_bench_run ("message.value", MP_BENCH_NANOSECONDS, wrap_value, value);
  mp_bench_run ("message.bytes.256", MP_BENCH_NANOSECONDS, wrap_bytes, bytes);

  return 0;
}
