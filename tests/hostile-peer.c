/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The honest programs of the tests of hostile ones: `hostile-peer "WHAT ADDRESS"`.
 *
 *   serve   listens, and gives numbers back
 *   crowd   likewise, to as many as may have descriptors, and says `empty` when the last one has gone
 *   ask     connects, has a number given back and closes, again and again
 *
 * `-python` behind it: in Python's protocol, and with bytes; `-tls`: with TLS.
 *
 * They end when descriptor 4 is closed at its other end, and say on descriptor 3 what came of it.
 */

#include "config.h"

#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include <mpglib.h>

#include "mp-test.h"

/* Between two questions: many clients would be no harm, but would use up the machine. */
#define PAUSE_MSEC 5

static MpAuthKey *
new_key (void)
{
  return mp_auth_key_new_data ((const guint8 *) "only for tests, and long enough", 31);
}

/* A line on descriptor 3, which nothing but the end follows. */
static void G_GNUC_PRINTF (1, 2)
tell (const char *format,
      ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_assert_cmpint (write (3, text, strlen (text)), ==, (gssize) strlen (text));
}

/* --- Serving -------------------------------------------------------------------------- */

static guint n_accepted, n_echoed, n_open;
static gboolean is_crowd;
static MpWireFlags wire;

static void await_number (MpConnection *connection);

/* What was freed goes back to the kernel, so that others see how much that is. */
static gboolean
tell_empty (gpointer data)
{
  malloc_trim (0);
  tell ("empty\n");
  return G_SOURCE_REMOVE;
}

/* The call that comes here may have the last reference. */
static void
lose (MpConnection *connection_taken)
{
  g_object_unref (connection_taken);
  n_open--;
  if (is_crowd && n_open == 0)
    g_idle_add (tell_empty, NULL);
}

static void
on_sent (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  g_autoptr (MpConnection) connection = MP_CONNECTION (source);

  if (mp_connection_send_finish (connection, result, NULL))
    await_number (g_steal_pointer (&connection));
  else
    lose (g_steal_pointer (&connection));
}

static void
on_number (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  g_autoptr (MpConnection) connection = MP_CONNECTION (source);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) number = mp_connection_receive_finish (connection, result, &error);

  /* What is no value waits for who wants bytes. */
  if (g_error_matches (error, MP_ERROR, MP_ERROR_WRONG_CODEC))
    g_bytes_unref (mp_connection_receive_bytes (connection, 0, 0, NULL, NULL));

  if (number == NULL && mp_connection_get_state (connection) != MP_CONNECTION_OPEN)
    {
      lose (g_steal_pointer (&connection));
    }
  else if (number == NULL || !g_variant_is_of_type (number, G_VARIANT_TYPE_INT32))
    {
      await_number (g_steal_pointer (&connection));
    }
  else
    {
      n_echoed++;
      mp_connection_send_async (g_steal_pointer (&connection), number, -1, NULL, on_sent, NULL);
    }
}

/* Takes the reference. */
static void
await_number (MpConnection *connection)
{
  mp_connection_receive_async (connection, -1, NULL, on_number, NULL);
}

static void await_bytes (MpConnection *connection);

static void
on_bytes_sent (GObject      *source,
               GAsyncResult *result,
               gpointer      data)
{
  if (mp_connection_send_bytes_finish (MP_CONNECTION (source), result, NULL))
    await_bytes (MP_CONNECTION (source));
  else
    lose (MP_CONNECTION (source));
}

static void
on_bytes (GObject      *source,
          GAsyncResult *result,
          gpointer      data)
{
  g_autoptr (GBytes) bytes = mp_connection_receive_bytes_finish (MP_CONNECTION (source), result, NULL);

  if (bytes == NULL)
    {
      lose (MP_CONNECTION (source));
      return;
    }

  n_echoed++;
  mp_connection_send_bytes_async (MP_CONNECTION (source), bytes, "raw", -1, NULL, on_bytes_sent, NULL);
}

/* Keeps the reference. */
static void
await_bytes (MpConnection *connection)
{
  mp_connection_receive_bytes_async (connection, 0, -1, NULL, on_bytes, NULL);
}

static void
on_incoming (MpListener   *listener,
             MpConnection *connection)
{
  n_accepted++;
  n_open++;
  g_object_ref (connection);
  if (wire == MP_WIRE_PYTHON)
    await_bytes (connection);
  else
    await_number (connection);
}

static gboolean
on_end (int          fd,
        GIOCondition condition,
        gpointer     is_over)
{
  *(gboolean *) is_over = TRUE;
  return G_SOURCE_REMOVE;
}

static void
raise_limit (void)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  limit.rlim_cur = limit.rlim_max;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
}

static void
serve (const char *address)
{
  g_autoptr (MpAuthKey) key = new_key ();
  g_autoptr (MpListener) listener = mp_listener_new_with_wire (address, key, wire);
  g_autofree char *in_use = NULL;
  g_autoptr (GError) error = NULL;
  gboolean is_over = FALSE;

  mp_listener_open (listener, &error);
  g_assert_no_error (error);
  g_signal_connect (listener, "incoming", G_CALLBACK (on_incoming), NULL);
  mp_listener_start_accepting (listener);
  g_unix_fd_add (4, G_IO_IN | G_IO_HUP, on_end, &is_over);
  in_use = mp_listener_get_address (listener);
  tell ("ready %s\n", in_use);
  while (!is_over || n_open > 0)
    g_main_context_iteration (NULL, TRUE);

  tell ("%u %u\n", n_accepted, n_echoed);
}

/* --- Asking --------------------------------------------------------------------------- */

static void
have_number_back (MpConnection *connection,
                  gint32        number)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;

  mp_connection_send (connection, g_variant_new_int32 (number), MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  answer = mp_connection_receive (connection, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int32 (answer), ==, number);
}

static void
have_bytes_back (MpConnection *connection,
                 gint32        number)
{
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *answer = NULL;
  gsize length;

  mp_connection_send_data (connection, (const guint8 *) &number, sizeof number, "raw", MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  answer = mp_connection_receive_data (connection, 0, MP_TEST_DEADLINE, &length, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (answer, length, &number, sizeof number);
}

/* At the first try; but with TLS one that is far slower than before can be taken for a stranger who says nothing. */
static MpConnection *
open_connection (const char *address,
                 MpAuthKey  *key)
{
  guint n_tries = wire == MP_WIRE_TLS ? 4 : 1;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      MpConnection *connection = mp_connection_open_with_wire (address, key, wire, MP_TEST_DEADLINE, NULL, &error);

      if (connection != NULL)
        return connection;

      if (--n_tries == 0 || !g_error_matches (error, MP_ERROR, MP_ERROR_REFUSED))
        g_error ("Cannot connect: %s", error->message);
    }
}

/* Returns the microseconds that it took. */
static gint64
ask_once (const char *address,
          MpAuthKey  *key,
          gint32      number)
{
  gint64 start = g_get_monotonic_time ();
  g_autoptr (MpConnection) connection = open_connection (address, key);

  if (wire == MP_WIRE_PYTHON)
    have_bytes_back (connection, number);
  else
    have_number_back (connection, number);
  mp_connection_close (connection);

  return g_get_monotonic_time () - start;
}

static int
compare_times (gconstpointer a,
               gconstpointer b)
{
  const gint64 *first = a, *second = b;

  return *first < *second ? -1 : *first > *second;
}

static gboolean
shall_end (void)
{
  struct pollfd end = { .fd = 4, .events = POLLIN };

  return poll (&end, 1, PAUSE_MSEC) != 0;
}

static void
ask (const char *address)
{
  g_autoptr (MpAuthKey) key = new_key ();
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (gint64));

  tell ("ready\n");
  do
    {
      gint64 time = ask_once (address, key, (gint32) times->len);

      g_array_append_val (times, time);
    }
  while (!shall_end ());

  g_array_sort (times, compare_times);
  tell ("%u %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", times->len,
        g_array_index (times, gint64, times->len / 2), g_array_index (times, gint64, times->len * 99 / 100),
        g_array_index (times, gint64, times->len - 1));
}

int
main (int    argc,
      char **argv)
{
  g_auto (GStrv) words = g_strsplit (argv[1], " ", 2);

  wire = g_str_has_suffix (words[0], "-python") ? MP_WIRE_PYTHON
         : g_str_has_suffix (words[0], "-tls")  ? MP_WIRE_TLS
                                                : MP_WIRE_DEFAULT;
  is_crowd = g_str_equal (words[0], "crowd");
  if (is_crowd)
    raise_limit ();
  if (is_crowd || g_str_has_prefix (words[0], "serve"))
    serve (words[1]);
  else
    ask (words[1]);

  return 0;
}
