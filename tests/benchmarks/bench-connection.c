/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <string.h>

#include <mpglib.h>

#include "mp-bench.h"
#include "mp-ring-link-private.h"

/* Connections of a pair, by rings and by sockets alone:
 *
 *   own.connection.pair          mp_connection_send_data() and _receive_into() of 256 bytes in one process
 *   own.connection.256           messages of 256 bytes a second from one process to another, into the caller's memory
 *   own.connection.value.256     GVariants of 255 characters a second
 *   own.connection.message.256   the same as MpMessages, as Python and JavaScript have them
 *   own.connection.64k           messages of 64 KiB a second, as GBytes
 *   own.connection.1m            of 1 MiB
 *   own.connection.1m.into       of 1 MiB, into the caller's memory
 *   own.connection.2m            of 2 MiB, which go by the socket in any case
 *   own.connection.pingpong      there and back, in nanoseconds
 *   own.connection.socket.…      by the socket alone
 */

#define LENGTH 256
#define LARGE  (1024 * 1024)

enum
{
  TAKE_DATA,
  TAKE_VALUES,
  TAKE_MESSAGES,
  TAKE_BYTES,
  TAKE_LARGE,
  ECHO,
};

static MpConnection *connection;
static guint8 data[LENGTH];

/* --- The other end -------------------------------------------------------- */

static void
take (MpConnection *other,
      guint32       what)
{
  static guint8 large_room[LARGE];
  guint8 room[LENGTH];

  if (what == TAKE_VALUES)
    g_variant_unref (mp_connection_receive (other, -1, NULL, NULL));
  else if (what == TAKE_MESSAGES)
    g_object_unref (mp_connection_receive_message (other, -1, NULL, NULL));
  else if (what == TAKE_BYTES)
    g_bytes_unref (mp_connection_receive_bytes (other, 0, -1, NULL, NULL));
  else if (what == TAKE_LARGE)
    mp_connection_receive_into (other, large_room, LARGE, -1, NULL, NULL);
  else
    mp_connection_receive_into (other, room, sizeof room, -1, NULL, NULL);

  if (what == ECHO)
    mp_connection_send_data (other, room, sizeof room, NULL, -1, NULL, NULL);
}

/* Until the connection is closed: does what it is told, and says when that is done. */
static GVariant *
serve (MpMessage     *arguments,
       GCancellable  *cancellable,
       gpointer       user_data,
       GError       **error)
{
  g_autoptr (MpConnection) other = MP_CONNECTION (mp_message_get_attachment (arguments, 0, error));

  mp_bench_pin (1);
  for (;;)
    {
      g_autoptr (GVariant) order = mp_connection_receive (other, -1, NULL, NULL);
      guint32 what;
      guint64 n;

      if (order == NULL)
        return g_variant_new ("()");

      g_variant_get (order, "(ut)", &what, &n);
      for (guint64 i = 0; i < n; i++)
        take (other, what);
      mp_connection_send (other, g_variant_new ("()"), -1, NULL, NULL);
    }
}

/* --- This end ------------------------------------------------------------- */

static void
order (guint32 what,
       guint64 n)
{
  mp_bench_pin (0);
  mp_connection_send (connection, g_variant_new ("(ut)", what, n), -1, NULL, NULL);
}

static void
finish (void)
{
  g_variant_unref (mp_connection_receive (connection, -1, NULL, NULL));
  mp_bench_unpin ();
}

static void
send_data (guint64  n,
           gpointer user_data)
{
  order (TAKE_DATA, n);
  for (guint64 i = 0; i < n; i++)
    mp_connection_send_data (connection, data, LENGTH, NULL, -1, NULL, NULL);
  finish ();
}

static GVariant *
new_value (void)
{
  char text[LENGTH];

  memset (text, 'x', LENGTH - 1);
  text[LENGTH - 1] = '\0';
  return g_variant_new_string (text);
}

static void
send_values (guint64  n,
             gpointer user_data)
{
  order (TAKE_VALUES, n);
  for (guint64 i = 0; i < n; i++)
    mp_connection_send (connection, new_value (), -1, NULL, NULL);
  finish ();
}

static void
send_messages (guint64  n,
               gpointer user_data)
{
  order (TAKE_MESSAGES, n);
  for (guint64 i = 0; i < n; i++)
    {
      g_autoptr (MpMessage) message = mp_message_new (new_value ());

      mp_connection_send_message (connection, message, -1, NULL, NULL);
    }
  finish ();
}

static void
send_bytes (guint64  n,
            gpointer bytes)
{
  order (TAKE_BYTES, n);
  for (guint64 i = 0; i < n; i++)
    mp_connection_send_bytes (connection, bytes, NULL, -1, NULL, NULL);
  finish ();
}

static void
send_large_data (guint64  n,
                 gpointer bytes)
{
  order (TAKE_LARGE, n);
  for (guint64 i = 0; i < n; i++)
    mp_connection_send_data (connection, g_bytes_get_data (bytes, NULL), LARGE, NULL, -1, NULL, NULL);
  finish ();
}

static void
ping (guint64  n,
      gpointer user_data)
{
  guint8 room[LENGTH];

  order (ECHO, n);
  for (guint64 i = 0; i < n; i++)
    {
      mp_connection_send_data (connection, data, LENGTH, NULL, -1, NULL, NULL);
      mp_connection_receive_into (connection, room, sizeof room, -1, NULL, NULL);
    }
  finish ();
}

static void
pairs (guint64  n,
       gpointer user_data)
{
  g_autoptr (MpConnection) first = NULL, second = NULL;
  guint8 room[LENGTH];

  mp_connection_new_pair (TRUE, &first, &second, NULL);
  for (guint64 i = 0; i < n; i++)
    {
      mp_connection_send_data (first, data, LENGTH, NULL, -1, NULL, NULL);
      mp_connection_receive_into (second, room, sizeof room, -1, NULL, NULL);
    }
}

/* -------------------------------------------------------------------------- */

static void
run (const char  *prefix,
     const char  *name,
     MpBenchUnit  unit,
     MpBenchFunc  func,
     gpointer     user_data)
{
  g_autofree char *full = g_strconcat (prefix, name, NULL);

  mp_bench_run (full, unit, func, user_data);
}

static GBytes *
new_bytes (gsize length)
{
  return g_bytes_new_take (g_malloc0 (length), length);
}

static void
run_all (const char *prefix)
{
  g_autoptr (GBytes) middle = new_bytes (64 * 1024), large = new_bytes (LARGE), larger = new_bytes (2 * LARGE);
  g_autoptr (MpMessage) message = mp_message_new (NULL);
  g_autoptr (MpProcess) process = mp_process_new (NULL, "serve", NULL);
  g_autoptr (MpConnection) other = NULL;

  mp_connection_new_pair (TRUE, &connection, &other, NULL);
  mp_message_attach (message, MP_SHAREABLE (other));
  mp_process_set_message (process, message);
  if (!mp_process_start (process, NULL))
    g_error ("The other process cannot be started");

  run (prefix, ".pair", MP_BENCH_NANOSECONDS, pairs, NULL);
  run (prefix, ".256", MP_BENCH_PER_SECOND, send_data, NULL);
  run (prefix, ".value.256", MP_BENCH_PER_SECOND, send_values, NULL);
  run (prefix, ".message.256", MP_BENCH_PER_SECOND, send_messages, NULL);
  run (prefix, ".64k", MP_BENCH_PER_SECOND, send_bytes, middle);
  run (prefix, ".1m", MP_BENCH_PER_SECOND, send_bytes, large);
  run (prefix, ".1m.into", MP_BENCH_PER_SECOND, send_large_data, large);
  run (prefix, ".2m", MP_BENCH_PER_SECOND, send_bytes, larger);
  run (prefix, ".pingpong", MP_BENCH_NANOSECONDS, ping, NULL);

  mp_connection_close (connection);
  mp_connection_close (other);
  mp_process_join (process, -1, NULL, NULL);
  g_clear_object (&connection);
}

int
main (int   argc,
      char *argv[])
{
  mp_register_target ("serve", serve, NULL, NULL);
  mp_init ();
  mp_bench_init (argc, argv);

  run_all ("connection");
  mp_ring_link_set_used (FALSE);
  run_all ("connection.socket");

  return 0;
}
