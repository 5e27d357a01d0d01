/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* TLS with somebody in between, who is noticed or carries what he cannot read, and with an end that is none of ours. */

#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-arrival-private.h"
#include "mp-fd-private.h"
#include "mp-fd-stream-private.h"
#include "mp-test-listener.h"
#include "mp-test-tls.h"
#include "mp-test.h"

/* --- Somebody in between ---------------------------------------------------------------------- */

typedef struct
{
  int listening;
  MpListener *listener;
  GThread *thread;
  int control[2];  /* what is written there ends it, or spoils what comes next */
} Relay;

static gboolean
accept_any (GTlsConnection       *connection,
            GTlsCertificate      *peer,
            GTlsCertificateFlags  flaws,
            gpointer              data)
{
  return TRUE;
}

static GIOStream *
to_stream (int fd)
{
  g_autoptr (GSocket) native = g_socket_new_from_fd (fd, NULL);

  return G_IO_STREAM (g_socket_connection_factory_create_connection (native));
}

static void
pass_all (GIOStream *from,
          GIOStream *to)
{
  guint8 data[16384];
  gssize n;

  while ((n = g_input_stream_read (g_io_stream_get_input_stream (from), data, sizeof data, NULL, NULL)) > 0)
    if (!g_output_stream_write_all (g_io_stream_get_output_stream (to), data, (gsize) n, NULL, NULL, NULL))
      break;
  g_io_stream_close (from, NULL, NULL);
  g_io_stream_close (to, NULL, NULL);
}

static gpointer
pass_back (gpointer data)
{
  GIOStream **ends = data;

  pass_all (ends[1], ends[0]);
  return NULL;
}

/* Has a TLS with each end, and passes on unchanged what both say. */
static gpointer
relay_tls (gpointer data)
{
  Relay *self = data;
  g_autoptr (GTlsCertificate) certificate = read_certificate ("stranger");
  g_autoptr (GIOStream) front = to_stream (accept4 (self->listening, NULL, NULL, SOCK_CLOEXEC));
  g_autoptr (GIOStream) back = to_stream (connect_tcp (self->listener));
  g_autoptr (GIOStream) server = g_tls_server_connection_new (front, certificate, NULL);
  g_autoptr (GIOStream) client = g_tls_client_connection_new (back, NULL, NULL);
  GIOStream *ends[2] = { server, client };
  GThread *thread;

  g_signal_connect (client, "accept-certificate", G_CALLBACK (accept_any), NULL);
  g_assert_true (g_tls_connection_handshake (G_TLS_CONNECTION (server), NULL, NULL));
  g_assert_true (g_tls_connection_handshake (G_TLS_CONNECTION (client), NULL, NULL));
  thread = g_thread_new ("back", pass_back, ends);
  pass_all (server, client);
  g_thread_join (thread);
  return NULL;
}

static void
test_relay (void)
{
  g_autoptr (MpListener) listener = listen_at (LOOPBACK);
  g_autofree char *address = NULL;
  Relay self = { listen_tcp (&address), listener, NULL, { -1, -1 } };
  GThread *thread = g_thread_new ("relay", relay_tls, &self);

  assert_cannot_connect (address, key, MP_WIRE_TLS, NULL, MP_ERROR_AUTHENTICATION, "between");
  g_thread_join (thread);
  close (self.listening);
}

/* Carries the bytes; changes one after it was told 'x', and goes without a word after 'q'. */
static gpointer
carry (gpointer data)
{
  Relay *self = data;
  struct pollfd fds[3] = { { accept4 (self->listening, NULL, NULL, SOCK_CLOEXEC), POLLIN, 0 },
                           { connect_tcp (self->listener), POLLIN, 0 },
                           { self->control[0], POLLIN, 0 } };
  gboolean goes_on = TRUE, spoils = FALSE;

  while (goes_on && poll (fds, 3, (int) (MP_TEST_DEADLINE * 1000)) > 0)
    {
      guint8 bytes[4096];

      if (fds[2].revents != 0)
        {
          goes_on = read (self->control[0], bytes, 1) == 1 && bytes[0] == 'x';
          spoils = TRUE;
          continue;
        }

      for (guint i = 0; i < 2; i++)
        if (fds[i].revents != 0)
          {
            gssize n = recv (fds[i].fd, bytes, sizeof bytes, 0);

            if (spoils && n > 0)
              bytes[n / 2] ^= 1;
            goes_on = goes_on && n > 0 && send (fds[1 - i].fd, bytes, (gsize) n, MSG_NOSIGNAL) == n;
          }
    }

  close (fds[0].fd);
  close (fds[1].fd);
  return NULL;
}

static Relay *
begin_carrying (MpListener  *listener,
                char       **address)
{
  Relay *self = g_new0 (Relay, 1);

  self->listening = listen_tcp (address);
  self->listener = listener;
  g_assert_cmpint (pipe2 (self->control, O_CLOEXEC), ==, 0);
  self->thread = g_thread_new ("carry", carry, self);
  return self;
}

static void
tell (Relay *self,
      char   what)
{
  g_assert_cmpint (write (self->control[1], &what, 1), ==, 1);
}

static void
end_carrying (Relay *self)
{
  g_thread_join (self->thread);
  close (self->listening);
  mp_fds_close (self->control, 2);
  g_free (self);
}

/* Who only carries what both ends say to each other is no harm, until he stops. */
static void
test_cut (void)
{
  g_autoptr (MpListener) listener = listen_at (LOOPBACK);
  g_autofree char *address = NULL;
  Relay *relay = begin_carrying (listener, &address);
  g_autoptr (MpConnection) client = connect_to (address);
  g_autoptr (MpConnection) server = accept_one (listener);

  send_bytes (client, 100);
  assert_receives_bytes (server, 100);
  tell (relay, 'q');
  assert_ended (client, MP_ERROR_PEER_DIED);
  assert_ended (server, MP_ERROR_PEER_DIED);
  end_carrying (relay);
}

static void
test_changed (void)
{
  g_autoptr (MpListener) listener = listen_at (LOOPBACK);
  g_autofree char *address = NULL;
  Relay *relay = begin_carrying (listener, &address);
  g_autoptr (MpConnection) client = connect_to (address);
  g_autoptr (MpConnection) server = accept_one (listener);

  send_bytes (client, 100);
  assert_receives_bytes (server, 100);
  tell (relay, 'x');
  send_bytes (client, 100);
  assert_ended (server, MP_ERROR_CORRUPTED);
  mp_connection_close (server);
  mp_connection_close (client);
  end_carrying (relay);
}

/* --- An end of somebody else's ----------------------------------------------------------------- */

static void
say_and_hear (MpHandshake *handshake,
              GIOStream   *stream,
              GBytes      *last_words)
{
  while (mp_handshake_get_state (handshake) != MP_HANDSHAKE_AGREED)
    {
      guint8 data[64];
      gsize wanted = mp_handshake_get_wanted (handshake);
      gssize n = g_input_stream_read (g_io_stream_get_input_stream (stream), data, MIN (sizeof data, wanted),
                                      NULL, NULL);
      g_autoptr (GByteArray) said = g_byte_array_new ();
      GBytes *output;
      gsize n_taken;

      g_assert_cmpint (n, >, 0);
      g_assert_true (mp_handshake_feed (handshake, data, (gsize) n, &n_taken, NULL));
      output = mp_handshake_take_output (handshake);
      if (output == NULL)
        continue;

      g_byte_array_append (said, g_bytes_get_data (output, NULL), (guint) g_bytes_get_size (output));
      g_bytes_unref (output);
      if (mp_handshake_get_state (handshake) == MP_HANDSHAKE_AGREED)
        g_byte_array_append (said, g_bytes_get_data (last_words, NULL), (guint) g_bytes_get_size (last_words));
      g_assert_true (g_output_stream_write_all (g_io_stream_get_output_stream (stream), said->data, said->len,
                                                NULL, NULL, NULL));
    }
}

/* A listener that is none of ours: its proof and its first message are one record of TLS. */
static gpointer
say_all_at_once (gpointer data)
{
  static const guint8 message[67] = {
    58, [8] = 'M', 'P', 1, 1, [8 + 24] = 2, [8 + 38] = 3, [8 + 48] = 'r', 'a', 'w', [8 + 56] = 'h', 'i', 1,
  };
  Relay *self = data;
  g_autoptr (GBytes) last_words = g_bytes_new_static (message, sizeof message);
  g_autoptr (GTlsCertificate) certificate = read_certificate ("stranger");
  g_autoptr (GIOStream) plain = to_stream (accept4 (self->listening, NULL, NULL, SOCK_CLOEXEC));
  g_autoptr (GIOStream) stream = g_tls_server_connection_new (plain, certificate, NULL);
  g_autoptr (GByteArray) exporter = g_byte_array_new ();
  g_autoptr (MpHandshake) handshake = NULL;
  MpBinding binding;
  char byte;

  g_assert_true (g_tls_connection_handshake (G_TLS_CONNECTION (stream), NULL, NULL));
  g_assert_true (g_tls_connection_get_channel_binding_data (G_TLS_CONNECTION (stream),
                                                            G_TLS_CHANNEL_BINDING_TLS_EXPORTER, exporter, NULL));
  mp_binding_init_tls (&binding, exporter->data);
  handshake = mp_arrival_begin_handshake (MP_ROLE_SERVER, key, &binding, NULL);
  say_and_hear (handshake, stream, last_words);

  /* Until it was heard */
  g_input_stream_read (g_io_stream_get_input_stream (stream), &byte, 1, NULL, NULL);
  return NULL;
}

static void
on_the_message (MpConnection *connection,
                MpMessage    *message,
                gpointer      flag)
{
  *(gboolean *) flag = TRUE;
}

/* What came with the handshake's last word is not in the socket any more, which nobody would look at again. */
static void
test_at_once (void)
{
  g_autofree char *address = NULL;
  Relay self = { listen_tcp (&address), NULL, NULL, { -1, -1 } };
  GThread *thread = g_thread_new ("at-once", say_all_at_once, &self);
  g_autoptr (MpConnection) client = connect_to (address);
  gboolean has_come = FALSE;

  g_signal_connect (client, "message-received", G_CALLBACK (on_the_message), &has_come);
  mp_connection_start_reading (client);
  mp_test_run_until_set (&has_come);
  mp_connection_close (client);
  g_thread_join (thread);
  close (self.listening);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  tls_init_keys ();
  mp_test_set_warm_up (tls_warm_up);

  mp_test_add ("/tls/relay", test_relay);
  mp_test_add ("/tls/cut", test_cut);
  mp_test_add ("/tls/changed", test_changed);
  mp_test_add ("/tls/at-once", test_at_once);

  return g_test_run ();
}
