/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <string.h>

#include <mpglib.h>

#include "mp-test-connection.h"
#include "mp-test.h"
#include "mp-variant-private.h"

#define MIB ((gsize) 1024 * 1024)

static void
test_value (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed ("{'a': <1>, 'b': <'two'>}"));
  g_autoptr (GVariant) received = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_connection_send (pair.a, value, -1, NULL, &error));
  received = mp_connection_receive (pair.b, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpvariant (received, value);

  mp_test_send_int (pair.b, 5);
  g_assert_cmpint (mp_test_receive_int (pair.a), ==, 5);

  mp_test_pair_free (&pair);
}

static void
test_data (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (MpMessage) message = NULL;
  g_autofree guint8 *data = NULL;
  g_autofree guint8 *empty = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_assert_true (mp_connection_send_data (pair.a, (const guint8 *) "abc", 3, NULL, -1, NULL, &error));
  g_assert_true (mp_connection_send_data (pair.a, NULL, 0, "raw", -1, NULL, &error));
  g_assert_true (mp_connection_send_data (pair.a, (const guint8 *) "{}", 2, "json", -1, NULL, &error));
  g_assert_no_error (error);

  data = mp_connection_receive_data (pair.b, 0, -1, &length, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (data, length, "abc", 3);
  empty = mp_connection_receive_data (pair.b, 0, -1, &length, NULL, &error);
  g_assert_nonnull (empty);
  g_assert_cmpuint (length, ==, 0);
  message = mp_connection_receive_message (pair.b, -1, NULL, &error);
  g_assert_cmpstr (mp_message_get_codec (message), ==, "json");

  mp_test_pair_free (&pair);
}

static void
test_bytes (void)
{
  static const gsize sizes[] = { 0, 1, 64 * 1024, 64 * 1024 + 1, 3 * MIB };
  MpTestPair pair = mp_test_pair_new ();

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) bytes = mp_test_new_bytes (sizes[i]);
      g_autoptr (GBytes) received = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_true (mp_connection_send_bytes (pair.a, bytes, NULL, -1, NULL, &error));
      received = mp_connection_receive_bytes (pair.b, sizes[i], -1, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (received, bytes));
    }

  mp_test_pair_free (&pair);
}

/* It is not the end that sends which was closed: that goes on. */
static void
test_closed_attachment (void)
{
  MpTestPair pair = mp_test_pair_new ();
  MpTestPair other = mp_test_pair_new ();
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("(h)", 0));
  g_autoptr (GError) error = NULL;

  mp_message_attach (message, MP_SHAREABLE (other.a));
  mp_connection_close (other.a);
  g_assert_false (mp_connection_send_message (pair.a, message, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_assert_nonnull (strstr (error->message, " cannot be handed to another process: "));
  g_assert_cmpint (mp_connection_get_state (pair.a), ==, MP_CONNECTION_OPEN);

  mp_test_send_int (pair.a, 1);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 1);
  g_clear_object (&message);
  mp_test_pair_free (&other);
  mp_test_pair_free (&pair);
}

/* The sender hears of it, whichever way it goes, and not the other one. */
static void
test_handles (void)
{
  g_autoptr (MpConnection) near = NULL, far = NULL;
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("(sh)", "file", 0));
  g_autoptr (GError) error = NULL;
  GAsyncResult *result = NULL;

  g_assert_true (mp_connection_new_pair (TRUE, &near, &far, NULL));
  g_assert_false (mp_connection_send (near, g_variant_new_handle (0), 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE);
  g_clear_error (&error);
  g_assert_false (mp_connection_send_message (near, message, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE);
  g_clear_error (&error);
  mp_connection_send_async (near, g_variant_new_handle (0), 0, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  g_assert_false (mp_connection_send_finish (near, result, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE);
  g_object_unref (result);

  g_assert_false (mp_connection_poll (far, 0));
}

/* Types of any length that may travel, and no others. */
static void
test_long_types (void)
{
  static const guint lengths[] = { 1, 61, 62, 63, 64, 253, 254 };
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autofree char *members = g_strnfill (lengths[i], 'y');
      g_autofree char *type = g_strdup_printf ("(%s)", members);
      g_autofree char *data = g_strnfill (lengths[i], '7');
      g_autoptr (GVariant) value = NULL;
      g_autoptr (GVariant) received = NULL;
      gboolean may_travel = lengths[i] + 2 <= 255;

      value = g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE (type), data, lengths[i], TRUE, NULL, NULL));
      g_assert_true (mp_connection_send (pair.a, value, -1, NULL, &error) == may_travel);
      if (may_travel)
        {
          received = mp_connection_receive (pair.b, -1, NULL, &error);
          g_assert_no_error (error);
          g_assert_true (g_variant_equal (received, value));
        }
      else
        g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);
    }

  mp_test_pair_free (&pair);
}

/* Who sends a value learns that its receiver would refuse it, whichever way it goes. */
static void
test_deep_types (void)
{
  MpTestPair pair = mp_test_pair_new ();

  for (guint depth = MP_VARIANT_MAX_DEPTH - 1; depth < 100; depth++)
    {
      g_autofree char *type = g_strnfill (depth, 'a');
      g_autoptr (GVariant) value = NULL, received = NULL;
      g_autoptr (GError) error = NULL;

      type[depth - 1] = 'i';
      value = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE (type), NULL, 0));
      if (mp_connection_send (pair.a, value, 0, NULL, &error))
        received = mp_connection_receive (pair.b, 0, NULL, &error);
      if (depth <= MP_VARIANT_MAX_DEPTH)
        g_assert_cmpvariant (received, value);
      else
        g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);
    }

  mp_test_pair_free (&pair);
}

/* What is not what was asked for is not lost. */
static void
test_stays (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_assert_true (mp_connection_send_data (pair.a, (const guint8 *) "abc", 3, "json", -1, NULL, NULL));
  mp_test_send_int (pair.a, 7);

  g_assert_null (mp_connection_receive (pair.b, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC);
  g_clear_error (&error);
  g_assert_null (mp_connection_receive_data (pair.b, 2, -1, &length, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_BUFFER_TOO_SHORT);
  g_clear_error (&error);
  bytes = mp_connection_receive_bytes (pair.b, 3, -1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), 3, "abc", 3);

  g_assert_null (mp_connection_receive_bytes (pair.b, 0, -1, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 7);

  mp_test_pair_free (&pair);
}

/* --- Into the caller's memory ----------------------------------------------- */

/* Only the room that was given is written to. */
static void
test_into (void)
{
  static const gsize sizes[] = { 0, 1, 64 * 1024, 64 * 1024 + 1, 3 * MIB };
  MpTestPair pair = mp_test_pair_new ();
  g_autofree guint8 *buffer = g_malloc (3 * MIB + 2);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) bytes = mp_test_new_bytes (sizes[i]);
      g_autoptr (GError) error = NULL;
      gsize room = MAX (sizes[i], 1);

      memset (buffer, 0xee, room + 2);
      g_assert_true (mp_connection_send_bytes (pair.a, bytes, "x", -1, NULL, &error));
      g_assert_cmpint (mp_connection_receive_into (pair.b, buffer + 1, room, -1, NULL, &error), ==,
                       (gssize) sizes[i]);
      g_assert_no_error (error);
      g_assert_cmpmem (buffer + 1, sizes[i], g_bytes_get_data (bytes, NULL), sizes[i]);
      g_assert_cmpuint (buffer[0], ==, 0xee);
      g_assert_cmpuint (buffer[room + 1], ==, 0xee);
    }

  mp_test_pair_free (&pair);
}

/* A part of what is there goes into a part of what there is room for. */
static void
test_into_part (void)
{
  MpTestPair pair = mp_test_pair_new ();
  const guint8 *digits = (const guint8 *) "0123456789";
  char buffer[] = "..........";
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_connection_send_data (pair.a, digits + 2, 5, NULL, -1, NULL, &error));
  g_assert_cmpint (mp_connection_receive_into (pair.b, (guint8 *) buffer + 1, 9, -1, NULL, &error), ==, 5);
  g_assert_no_error (error);
  g_assert_cmpstr (buffer, ==, ".23456....");

  mp_test_pair_free (&pair);
}

/* Behind the message the memory is as it was, whatever is told of it. */
static void
test_into_larger (void)
{
  static const char *const codecs[] = { NULL, "json", "x", "a-name-of-thirty-two-characters." };
  static const gsize sizes[] = { 0, 5, 3000, 50 * 1024 };
  MpTestPair pair = mp_test_pair_new ();
  g_autofree guint8 *buffer = g_malloc (60 * 1024);

  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
    for (guint j = 0; j < G_N_ELEMENTS (sizes); j++)
      {
        g_autoptr (GBytes) bytes = mp_test_new_bytes (sizes[j]);
        g_autoptr (GError) error = NULL;

        memset (buffer, 0xee, 60 * 1024);
        g_assert_true (mp_connection_send_bytes (pair.a, bytes, codecs[i], -1, NULL, &error));
        g_assert_cmpint (mp_connection_receive_into (pair.b, buffer, 60 * 1024, -1, NULL, &error), ==,
                         (gssize) sizes[j]);
        g_assert_no_error (error);
        g_assert_cmpmem (buffer, sizes[j], g_bytes_get_data (bytes, NULL), sizes[j]);
        for (gsize k = sizes[j]; k < 60 * 1024; k++)
          g_assert_cmpuint (buffer[k], ==, 0xee);
      }

  mp_test_pair_free (&pair);
}

/* What does not fit, or is no bytes, stays, and the memory is as it was. */
static void
test_into_fails (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GError) error = NULL;
  guint8 buffer[4] = "...";

  g_assert_cmpint (mp_connection_receive_into (pair.b, buffer, 3, 0.001, NULL, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  mp_connection_send_data (pair.a, (const guint8 *) "abcd", 4, NULL, -1, NULL, NULL);
  mp_test_send_int (pair.a, 7);
  g_assert_cmpint (mp_connection_receive_into (pair.b, buffer, 3, -1, NULL, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_BUFFER_TOO_SHORT);
  g_clear_error (&error);
  g_assert_cmpstr ((const char *) buffer, ==, "...");
  g_assert_cmpint (mp_connection_receive_into (pair.b, buffer, 4, -1, NULL, &error), ==, 4);
  g_assert_cmpmem (buffer, 4, "abcd", 4);
  g_assert_cmpint (mp_connection_receive_into (pair.b, buffer, 4, -1, NULL, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC);
  g_clear_error (&error);
  g_assert_cmpint (mp_test_receive_int (pair.b), ==, 7);

  mp_connection_close (pair.a);
  g_assert_cmpint (mp_connection_receive_into (pair.b, buffer, 4, -1, NULL, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);

  mp_test_pair_free (&pair);
}

static void
test_into_async (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autoptr (GAsyncResult) short_result = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  guint8 buffers[2][4] = { "...", "..." };

  mp_connection_receive_into_async (pair.b, buffers[0], 2, -1, NULL, mp_test_keep_result, &short_result);
  mp_connection_receive_into_async (pair.b, buffers[1], 3, -1, NULL, mp_test_keep_result, &result);
  mp_connection_send_data (pair.a, (const guint8 *) "abc", 3, NULL, -1, NULL, NULL);
  mp_test_await_result (&short_result);
  mp_test_await_result (&result);

  g_assert_cmpint (mp_connection_receive_into_finish (pair.b, short_result, &error), ==, -1);
  g_assert_error (error, MP_ERROR, MP_ERROR_BUFFER_TOO_SHORT);
  g_clear_error (&error);
  g_assert_cmpint (mp_connection_receive_into_finish (pair.b, result, &error), ==, 3);
  g_assert_no_error (error);
  g_assert_cmpstr ((const char *) buffers[0], ==, "...");
  g_assert_cmpstr ((const char *) buffers[1], ==, "abc");

  g_clear_object (&short_result);
  g_clear_object (&result);
  mp_test_pair_free (&pair);
}

/* --- Ends ------------------------------------------------------------------- */

static void
test_one_way (void)
{
  g_autoptr (MpConnection) reader = NULL;
  g_autoptr (MpConnection) writer = NULL;

  g_assert_true (mp_connection_new_pair (FALSE, &reader, &writer, NULL));
  g_assert_true (mp_connection_get_readable (reader) && !mp_connection_get_writable (reader));
  g_assert_true (!mp_connection_get_readable (writer) && mp_connection_get_writable (writer));
  mp_test_send_int (writer, 1);
  g_assert_cmpint (mp_test_receive_int (reader), ==, 1);
  mp_test_assert_send_fails (reader, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  mp_test_assert_receive_fails (writer, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  g_assert_false (mp_connection_poll (writer, 0));
}

static void
test_to_string (void)
{
  g_autoptr (MpConnection) reader = NULL;
  g_autoptr (MpConnection) writer = NULL;
  g_autofree char *open = NULL;
  g_autofree char *closed = NULL;

  g_assert_true (mp_connection_new_pair (FALSE, &reader, &writer, NULL));
  open = mp_shareable_to_string (MP_SHAREABLE (reader));
  g_assert_true (g_regex_match_simple ("^<Mp\\.Connection fd=\\d+ readable>$", open, 0, 0));
  mp_connection_close (reader);
  closed = mp_shareable_to_string (MP_SHAREABLE (reader));
  g_assert_cmpstr (closed, ==, "<Mp.Connection closed>");
}

/* One made by g_object_new() is closed. */
static void
test_bare (void)
{
  g_autoptr (MpConnection) bare = g_object_new (MP_TYPE_CONNECTION, NULL);

  g_assert_true (mp_connection_is_closed (bare));
  mp_test_assert_receive_fails (bare, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_assert_send_fails (bare, MP_ERROR, MP_ERROR_CLOSED);
  mp_connection_start_reading (bare);
  mp_connection_close (bare);
}

/* Languages whose objects go late have that to close what they hold, and references are left. */
static void
test_disposed (void)
{
  g_autoptr (MpConnection) first = NULL;
  g_autoptr (MpConnection) second = NULL;
  g_autofree char *text = NULL;

  g_assert_true (mp_connection_new_pair (TRUE, &first, &second, NULL));
  g_object_run_dispose (G_OBJECT (first));
  g_assert_true (mp_connection_is_closed (first));
  g_assert_cmpint (mp_connection_get_state (first), ==, MP_CONNECTION_CLOSED);
  text = mp_shareable_to_string (MP_SHAREABLE (first));
  g_assert_cmpstr (text, ==, "<Mp.Connection closed>");
  mp_test_assert_receive_fails (first, MP_ERROR, MP_ERROR_CLOSED);
  mp_test_assert_send_fails (first, MP_ERROR, MP_ERROR_CLOSED);
  mp_connection_close (first);
  mp_test_assert_receive_fails (second, MP_ERROR, MP_ERROR_CLOSED);

  /* Also where the other end was first. */
  g_assert_cmpint (mp_connection_get_state (second), ==, MP_CONNECTION_PEER_CLOSED);
  g_object_run_dispose (G_OBJECT (second));
  g_assert_cmpint (mp_connection_get_state (second), ==, MP_CONNECTION_CLOSED);
}

/* --- Threads ---------------------------------------------------------------- */

#define N_THREADS 4
#define N_EACH    2000

typedef struct
{
  MpConnection *connection;
  gint32 first;
  int *seen;
} Share;

static gpointer
send_share (gpointer data)
{
  Share *share = data;

  for (gint32 i = 0; i < N_EACH; i++)
    mp_test_send_int (share->connection, share->first + i);
  return NULL;
}

static gpointer
receive_share (gpointer data)
{
  Share *share = data;

  for (;;)
    {
      gint32 number = mp_test_receive_int (share->connection);

      if (number < 0)
        return NULL;
      g_atomic_int_inc (&share->seen[number]);
    }
}

/* Each message goes to one of those who wait, whole. */
static void
test_threads (void)
{
  MpTestPair pair = mp_test_pair_new ();
  g_autofree int *seen = g_new0 (int, N_THREADS * N_EACH);
  Share shares[N_THREADS];
  Share receiving = { pair.b, 0, seen };
  GThread *senders[N_THREADS];
  GThread *receivers[N_THREADS];

  for (int i = 0; i < N_THREADS; i++)
    {
      shares[i] = (Share) { pair.a, i * N_EACH, seen };
      senders[i] = g_thread_new ("sender", send_share, &shares[i]);
    }
  for (int i = 0; i < N_THREADS; i++)
    receivers[i] = g_thread_new ("receiver", receive_share, &receiving);

  for (int i = 0; i < N_THREADS; i++)
    g_thread_join (senders[i]);
  for (int i = 0; i < N_THREADS; i++)
    mp_test_send_int (pair.a, -1);
  for (int i = 0; i < N_THREADS; i++)
    g_thread_join (receivers[i]);

  for (int i = 0; i < N_THREADS * N_EACH; i++)
    g_assert_cmpint (seen[i], ==, 1);

  mp_test_pair_free (&pair);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  mp_test_connection_init ();

  mp_test_add ("/connection/value", test_value);
  mp_test_add ("/connection/data", test_data);
  mp_test_add ("/connection/bytes", test_bytes);
  mp_test_add ("/connection/closed-attachment", test_closed_attachment);
  mp_test_add ("/connection/handles", test_handles);
  mp_test_add ("/connection/long-types", test_long_types);
  mp_test_add ("/connection/deep-types", test_deep_types);
  mp_test_add ("/connection/stays", test_stays);
  mp_test_add ("/connection/into/room", test_into);
  mp_test_add ("/connection/into/part", test_into_part);
  mp_test_add ("/connection/into/larger", test_into_larger);
  mp_test_add ("/connection/into/fails", test_into_fails);
  mp_test_add ("/connection/into/async", test_into_async);
  mp_test_add ("/connection/one-way", test_one_way);
  mp_test_add ("/connection/to-string", test_to_string);
  mp_test_add ("/connection/bare", test_bare);
  mp_test_add ("/connection/disposed", test_disposed);
  mp_test_add ("/connection/threads", test_threads);

  return g_test_run ();
}
