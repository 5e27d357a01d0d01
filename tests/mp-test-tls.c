/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "mp-test-tls.h"

#include <string.h>

#include "mp-test-listener.h"
#include "mp-test.h"

#define KEY "only for tests, and long enough"

MpAuthKey *key, *other_key, *short_key;

void
tls_init_keys (void)
{
  key = mp_auth_key_new_data ((const guint8 *) KEY, strlen (KEY));
  short_key = mp_auth_key_new_data ((const guint8 *) "abc", 3);
  other_key = mp_auth_key_new_random ();
}

GTlsCertificate *
read_certificate (const char *name)
{
  g_autofree char *file = NULL, *path = NULL;
  g_autoptr (GError) error = NULL;
  GTlsCertificate *certificate;

  if (name == NULL)
    return NULL;

  file = g_strconcat (name, ".pem", NULL);
  path = g_test_build_filename (G_TEST_DIST, "tls", file, NULL);
  certificate = g_tls_certificate_new_from_file (path, &error);
  g_assert_no_error (error);
  return certificate;
}

MpTlsSettings *
new_settings (const char *certificate_name,
              const char *trusted_name,
              const char *peer_name)
{
  g_autoptr (GTlsCertificate) certificate = read_certificate (certificate_name);
  g_autoptr (GTlsCertificate) trusted = read_certificate (trusted_name);

  return mp_tls_settings_new (certificate, trusted, peer_name);
}

MpListener *
listen_with (const char    *address,
             MpAuthKey     *a_key,
             MpWireFlags    wire,
             MpTlsSettings *tls)
{
  MpListener *listener = mp_listener_new_with_tls (address, a_key, wire, tls);
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_listener_open (listener, &error));
  g_assert_no_error (error);
  return listener;
}

MpListener *
listen_at (const char *address)
{
  return listen_with (address, key, MP_WIRE_TLS, NULL);
}

MpConnection *
connect_to (const char *address)
{
  g_autoptr (GError) error = NULL;
  MpConnection *connection = mp_connection_open_with_wire (address, key, MP_WIRE_TLS, MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  return connection;
}

void
assert_says (const GError *error,
             const char   *word)
{
  if (strstr (error->message, word) == NULL)
    g_error ("It says nothing of '%s', but: %s", word, error->message);
}

void
assert_cannot_listen (const char    *address,
                      MpAuthKey     *a_key,
                      MpWireFlags    wire,
                      MpTlsSettings *tls,
                      int            code,
                      const char    *word)
{
  g_autoptr (MpListener) listener = mp_listener_new_with_tls (address, a_key, wire, tls);
  g_autoptr (GError) error = NULL;

  g_assert_false (mp_listener_open (listener, &error));
  g_assert_error (error, MP_ERROR, code);
  assert_says (error, word);
}

void
assert_cannot_connect (const char    *address,
                       MpAuthKey     *a_key,
                       MpWireFlags    wire,
                       MpTlsSettings *tls,
                       int            code,
                       const char    *word)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_connection_open_with_tls (address, a_key, wire, tls, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, code);
  assert_says (error, word);
}

void
assert_talk (MpConnection *client,
             MpListener   *listener)
{
  g_autoptr (MpConnection) server = accept_one (listener);

  send_bytes (client, 100);
  assert_receives_bytes (server, 100);
  send_bytes (server, 1000);
  assert_receives_bytes (client, 1000);
}

void
assert_works (MpListener *listener,
              const char *address)
{
  g_autoptr (MpConnection) client = connect_to (address);

  assert_talk (client, listener);
}

void
tls_warm_up (void)
{
  g_autoptr (MpListener) listener = listen_at (LOOPBACK);
  g_autofree char *address = mp_listener_get_address (listener);

  assert_works (listener, address);
}
