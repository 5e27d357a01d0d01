/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The other program of the tests of listeners: `listener-peer "WHAT ADDRESS"`.  Descriptor 3, where it
 * has one, is a pipe on which it says that it is ready; descriptor 4 one that is closed
 * when it shall end.
 */

#include "config.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-test.h"

static MpAuthKey *
new_key (void)
{
  return mp_auth_key_new_data ((const guint8 *) "only for tests, and long enough", 31);
}

static void
say_ready (void)
{
  g_assert_cmpint (write (3, "r", 1), ==, 1);
}

static void
wait_for_the_end (void)
{
  char byte;

  g_assert_cmpint (read (4, &byte, 1), ==, 0);
}

/* Sends a number and gets the next one. */
static MpConnection *
ask (const char *address)
{
  g_autoptr (MpAuthKey) key = new_key ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;
  MpConnection *connection = mp_connection_open (address, key, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  mp_connection_send (connection, g_variant_new_int32 (41), MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  answer = mp_connection_receive (connection, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_variant_get_int32 (answer), ==, 42);

  return connection;
}

static MpListener *
listen_at (const char *address)
{
  g_autoptr (MpAuthKey) key = new_key ();
  g_autoptr (GError) error = NULL;
  MpListener *listener = mp_listener_new (address, key);

  mp_listener_open (listener, &error);
  g_assert_no_error (error);

  return listener;
}

static MpListener *volatile left_open;   /* at the end; or the compiler would leave it out */

int
main (int    argc,
      char **argv)
{
  g_auto (GStrv) words = g_strsplit (argv[1], " ", 2);
  const char *what = words[0], *address = words[1];

  if (g_str_equal (what, "ask"))
    {
      g_autoptr (MpConnection) connection = ask (address);
    }
  else if (g_str_equal (what, "ask-and-die"))
    {
      g_autoptr (MpConnection) connection = ask (address);

      raise (SIGKILL);
    }
  else if (g_str_equal (what, "listen-and-die"))
    {
      g_autoptr (MpListener) listener = listen_at (address);

      raise (SIGKILL);
    }
  else if (g_str_equal (what, "listen-and-end"))
    {
      left_open = listen_at (address);
    }
  else if (g_str_equal (what, "listen-fork-and-die"))
    {
      g_autoptr (MpListener) listener = listen_at (address);

      if (fork () == 0)
        {
          say_ready ();
          wait_for_the_end ();
          _exit (0);
        }
      raise (SIGKILL);
    }

  return 0;
}
