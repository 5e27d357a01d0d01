/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The other process of test-connection: `connection-peer MODE`, with its end of
 * a connection as descriptor 3.
 */

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-connection-private.h"

static MpMessage *
receive (MpConnection *connection)
{
  g_autoptr (GError) error = NULL;
  MpMessage *message = mp_connection_receive_message (connection, -1, NULL, &error);

  if (message == NULL && !g_error_matches (error, MP_ERROR, MP_ERROR_CLOSED))
    g_error ("%s", error->message);

  return message;
}

static void
send (MpConnection *connection,
      MpMessage    *message)
{
  g_autoptr (GError) error = NULL;

  if (!mp_connection_send_message (connection, message, -1, NULL, &error))
    g_error ("%s", error->message);
}

/* Sends back whatever comes, until the other end is closed. */
static void
echo (MpConnection *connection)
{
  for (;;)
    {
      g_autoptr (MpMessage) message = receive (connection);

      if (message == NULL)
        return;
      send (connection, message);
    }
}

/* Echoes on a connection that comes attached to the first message. */
static void
echo_on_attached (MpConnection *connection)
{
  g_autoptr (MpMessage) message = receive (connection);
  g_autoptr (GError) error = NULL;
  g_autoptr (MpShareable) attached = mp_message_get_attachment (message, 0, &error);

  if (attached == NULL)
    g_error ("%s", error->message);
  echo (MP_CONNECTION (attached));
}

/* Says one word. */
static void
greet (MpConnection *connection)
{
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new_string ("here"));

  send (connection, message);
}

int
main (int   argc,
      char *argv[])
{
  /* Static, so that it is no leak where it is not dropped. */
  static MpConnection *connection;
  const char *mode = argv[1];

  connection = mp_connection_new_take (3, NULL, TRUE, TRUE, FALSE);
  if (strcmp (mode, "echo") == 0)
    {
      echo (connection);
    }
  else if (strcmp (mode, "echo-on-attached") == 0)
    {
      echo_on_attached (connection);
    }
  else if (strcmp (mode, "exit") == 0)
    {
      /* In order, but without closing or dropping the connection. */
      greet (connection);
      return 0;
    }
  else if (strcmp (mode, "die") == 0)
    {
      greet (connection);
      raise (SIGKILL);
    }
  else if (strcmp (mode, "wait") == 0)
    {
      greet (connection);
      pause ();
    }
  else
    {
      g_error ("No mode %s", mode);
    }

  g_object_unref (connection);
  return 0;
}
