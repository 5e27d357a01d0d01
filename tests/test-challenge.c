/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Ends of connections that ask each other for a proof of a key. */

#include "config.h"

#include <string.h>
#include <sys/wait.h>

#include <mpglib.h>

#include "mp-digest-private.h"
#include "mp-test.h"

#define SECRET "abracadabra"

static MpAuthKey *key, *other_key;

/* --- Two ends of one program ------------------------------------------------------------ */

typedef struct
{
  MpConnection *ends[2];
} Pair;

static void
pair_clear (Pair *self)
{
  g_clear_object (&self->ends[0]);
  g_clear_object (&self->ends[1]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pair, pair_clear)

static void
make_pair (Pair *self)
{
  g_autoptr (GError) error = NULL;

  mp_connection_new_pair (TRUE, &self->ends[0], &self->ends[1], &error);
  g_assert_no_error (error);
}

static void
say (MpConnection *connection,
     gconstpointer data,
     gsize         size)
{
  g_autoptr (GError) error = NULL;

  mp_connection_send_data (connection, data, size, "raw", MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
}

/* While what was begun before goes on in the main loop. */
static GBytes *
hear (MpConnection *connection)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  GBytes *bytes;

  mp_connection_receive_bytes_async (connection, 0, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  bytes = mp_connection_receive_bytes_finish (connection, result, &error);
  g_assert_no_error (error);
  return bytes;
}

static void
assert_hears (MpConnection *connection,
              const char   *text)
{
  g_autoptr (GBytes) bytes = hear (connection);

  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), text, strlen (text));
}

/* One end asks and the other answers, asynchronously; each has its key and its outcome, -1 for success. */
static void
assert_outcome (MpConnection *asking,
                MpAuthKey    *asked,
                int           asking_code,
                MpConnection *answering,
                MpAuthKey    *answered,
                int           answering_code)
{
  g_autoptr (GAsyncResult) first = NULL, second = NULL;
  g_autoptr (GError) error = NULL;

  mp_connection_answer_challenge_async (answering, answered, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &second);
  mp_connection_deliver_challenge_async (asking, asked, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &first);
  mp_test_await_result (&first);
  mp_test_await_result (&second);
  g_assert_true (mp_connection_deliver_challenge_finish (asking, first, &error) == (asking_code < 0));
  if (asking_code >= 0)
    g_assert_error (error, MP_ERROR, asking_code);
  g_clear_error (&error);
  g_assert_true (mp_connection_answer_challenge_finish (answering, second, &error) == (answering_code < 0));
  if (answering_code >= 0)
    g_assert_error (error, MP_ERROR, answering_code);
}

static void
test_async (void)
{
  g_auto (Pair) pair = { { NULL, NULL } };

  make_pair (&pair);
  assert_outcome (pair.ends[0], key, -1, pair.ends[1], key, -1);
  assert_outcome (pair.ends[1], key, -1, pair.ends[0], key, -1);

  /* Nothing is left over */
  say (pair.ends[0], "after", 5);
  assert_hears (pair.ends[1], "after");
}

static void
test_wrong_key (void)
{
  g_auto (Pair) pair = { { NULL, NULL } };

  make_pair (&pair);
  assert_outcome (pair.ends[0], key, MP_ERROR_AUTHENTICATION, pair.ends[1], other_key, MP_ERROR_AUTHENTICATION);
  assert_outcome (pair.ends[0], key, -1, pair.ends[1], key, -1);
}

static gpointer
answer (gpointer connection)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_connection_answer_challenge (connection, key, MP_TEST_DEADLINE, NULL, &error));
  g_assert_no_error (error);
  return NULL;
}

static void
test_blocking (void)
{
  g_auto (Pair) pair = { { NULL, NULL } };
  GThread *thread;
  g_autoptr (GError) error = NULL;

  make_pair (&pair);
  thread = g_thread_new ("answer", answer, pair.ends[1]);
  g_assert_true (mp_connection_deliver_challenge (pair.ends[0], key, MP_TEST_DEADLINE, NULL, &error));
  g_assert_no_error (error);
  g_thread_join (thread);
}

/* --- What is said ------------------------------------------------------------------------- */

/* As anybody who has the description writes it. */
static void
test_by_hand (void)
{
  static const char asked[] = "#CHALLENGE#{sha256}0123456789abcdefghijklmnopqrstuvwxyz0123";
  g_auto (Pair) pair = { { NULL, NULL } };
  g_autoptr (GAsyncResult) result = NULL, answered = NULL;
  g_autoptr (GBytes) challenge = NULL, response = NULL;
  g_autofree char *hex = NULL;
  g_autoptr (GError) error = NULL;
  guint8 said[40] = "{sha256}";
  MpPiece piece;
  gsize size;

  make_pair (&pair);
  mp_connection_deliver_challenge_async (pair.ends[0], key, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &result);
  challenge = hear (pair.ends[1]);
  piece.data = (const guint8 *) g_bytes_get_data (challenge, &size) + strlen ("#CHALLENGE#");
  piece.size = size - strlen ("#CHALLENGE#");
  g_assert_cmpuint (size, ==, 59);
  mp_digest_hmac ((const guint8 *) SECRET, strlen (SECRET), &piece, 1, said + 8);
  say (pair.ends[1], said, sizeof said);
  assert_hears (pair.ends[1], "#WELCOME#");
  mp_test_await_result (&result);
  g_assert_true (mp_connection_deliver_challenge_finish (pair.ends[0], result, &error));

  say (pair.ends[1], asked, strlen (asked));
  mp_connection_answer_challenge_async (pair.ends[0], key, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &answered);
  response = hear (pair.ends[1]);
  hex = g_compute_hmac_for_data (G_CHECKSUM_SHA256, (const guint8 *) SECRET, strlen (SECRET),
                                 (const guint8 *) asked + 11, strlen (asked) - 11);
  g_assert_cmpuint (g_bytes_get_size (response), ==, 40);
  for (guint i = 0; i < 32; i++)
    {
      g_autofree char *byte = g_strdup_printf ("%02x", ((const guint8 *) g_bytes_get_data (response, NULL))[8 + i]);

      g_assert_true (g_str_has_prefix (hex + 2 * i, byte));
    }
  say (pair.ends[1], "#WELCOME#", 9);
  mp_test_await_result (&answered);
  g_assert_true (mp_connection_answer_challenge_finish (pair.ends[0], answered, &error));
}

typedef struct
{
  const char *path;
  const char *text; /* what comes in the place of a challenge, a response or a verdict */
  int code;
} Rubbish;

static const Rubbish questions[] = {
  { "/challenge/question/rubbish", "#CHALLENGE# with some words that nobody asked for, and more",
    MP_ERROR_NOT_SUPPORTED },
  { "/challenge/question/none", "hello, hello, hello, hello, hello, hello, hello, hello, hello", MP_ERROR_CORRUPTED },
  { "/challenge/question/empty", "", MP_ERROR_CORRUPTED },
  { "/challenge/question/short", "#CHALLENGE#{sha256}0123456789", MP_ERROR_CORRUPTED },
  { "/challenge/question/md5", "#CHALLENGE#01234567890123456789", MP_ERROR_NOT_SUPPORTED },
  { "/challenge/question/sha3", "#CHALLENGE#{sha3_256}0123456789abcdefghijklmnopqrstuvwxyz0123",
    MP_ERROR_NOT_SUPPORTED },
};

static const Rubbish answers[] = {
  { "/challenge/answer/empty", "", MP_ERROR_CORRUPTED },
  { "/challenge/answer/wrong", "{sha256}0123456789abcdef0123456789abcdef", MP_ERROR_AUTHENTICATION },
  { "/challenge/answer/md5", "0123456789abcdef", MP_ERROR_NOT_SUPPORTED },
  { "/challenge/answer/welcome", "#WELCOME#", MP_ERROR_CORRUPTED },
};

static void
test_question (gconstpointer data)
{
  const Rubbish *self = data;
  g_auto (Pair) pair = { { NULL, NULL } };
  g_autoptr (GError) error = NULL;

  make_pair (&pair);
  say (pair.ends[1], self->text, strlen (self->text));
  g_assert_false (mp_connection_answer_challenge (pair.ends[0], key, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, self->code);
  /* Nothing is said to it */
  g_clear_error (&error);
  g_assert_null (mp_connection_receive_bytes (pair.ends[1], 0, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
}

static void
test_answer (gconstpointer data)
{
  const Rubbish *self = data;
  g_auto (Pair) pair = { { NULL, NULL } };
  g_autoptr (GBytes) challenge = NULL;
  g_autoptr (GError) error = NULL;

  make_pair (&pair);
  say (pair.ends[1], self->text, strlen (self->text));
  g_assert_false (mp_connection_deliver_challenge (pair.ends[0], key, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, self->code);
  challenge = hear (pair.ends[1]);
  g_assert_cmpuint (g_bytes_get_size (challenge), ==, 59);
  assert_hears (pair.ends[1], "#FAILURE#");
}

static void
test_never (void)
{
  g_auto (Pair) pair = { { NULL, NULL } };
  g_autoptr (MpAuthKey) empty = mp_auth_key_new_data (NULL, 0);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  make_pair (&pair);
  g_assert_false (mp_connection_answer_challenge (pair.ends[0], key, 0.01, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_assert_nonnull (strstr (error->message, "asked"));
  g_clear_error (&error);

  g_assert_false (mp_connection_deliver_challenge (pair.ends[0], key, 0.01, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TIMED_OUT);
  g_clear_error (&error);

  g_assert_false (mp_connection_deliver_challenge (pair.ends[0], empty, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
  g_clear_error (&error);

  mp_connection_answer_challenge_async (pair.ends[0], key, -1, cancellable, mp_test_keep_result, &result);
  g_cancellable_cancel (cancellable);
  mp_test_await_result (&result);
  g_assert_false (mp_connection_answer_challenge_finish (pair.ends[0], result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  mp_connection_close (pair.ends[1]);
  g_assert_false (mp_connection_answer_challenge (pair.ends[0], key, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
}

/* --- By addresses --------------------------------------------------------------------------- */

static void
meet (Pair        *pair,
      const char  *address,
      MpWireFlags  wire)
{
  g_autoptr (MpListener) listener = mp_listener_new_with_wire (address, key, wire);
  g_autofree char *actual = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_listener_open (listener, &error));
  actual = mp_listener_get_address (listener);
  pair->ends[0] = mp_connection_open_with_wire (actual, key, wire, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  pair->ends[1] = mp_listener_accept (listener, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
}

/* Who asks one end what another one has asked, to pass the answer on, is refused. */
static void
assert_refuses_reflection (Pair *first,
                           Pair *second)
{
  g_autoptr (GAsyncResult) asked = NULL;
  g_autoptr (GBytes) challenge = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  mp_connection_deliver_challenge_async (first->ends[0], other_key, MP_TEST_DEADLINE, NULL, mp_test_keep_result,
                                         &asked);
  challenge = hear (first->ends[1]);
  say (second->ends[1], g_bytes_get_data (challenge, &size), g_bytes_get_size (challenge));
  g_assert_false (mp_connection_answer_challenge (second->ends[0], other_key, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
  g_assert_nonnull (strstr (error->message, "sends back"));

  mp_connection_close (first->ends[1]);
  mp_test_await_result (&asked);
  g_clear_error (&error);
  g_assert_false (mp_connection_deliver_challenge_finish (first->ends[0], asked, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
}

static void
test_reflection (void)
{
  g_auto (Pair) first = { { NULL, NULL } }, second = { { NULL, NULL } };

  meet (&first, NULL, MP_WIRE_DEFAULT);
  meet (&second, "tcp:127.0.0.1:0", MP_WIRE_DEFAULT);
  assert_refuses_reflection (&first, &second);
}

static void
pass_on (MpConnection **connection)
{
  g_auto (Pair) carrier = { { NULL, NULL } };
  g_autoptr (MpMessage) message = mp_message_new (NULL), received = NULL;
  g_autoptr (GError) error = NULL;

  make_pair (&carrier);
  mp_message_attach (message, MP_SHAREABLE (*connection));
  mp_connection_send_message (carrier.ends[0], message, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  received = mp_connection_receive_message (carrier.ends[1], MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_clear_object (connection);
  *connection = MP_CONNECTION (mp_message_get_attachment (received, 0, &error));
  g_assert_no_error (error);
}

/* Also where one process has accepted, and another one, which got the connections from it, asks and answers. */
static void
test_reflection_passed_on (void)
{
  g_auto (Pair) first = { { NULL, NULL } }, second = { { NULL, NULL } };

  meet (&first, NULL, MP_WIRE_DEFAULT);
  meet (&second, NULL, MP_WIRE_DEFAULT);
  pass_on (&first.ends[0]);
  pass_on (&second.ends[0]);
  assert_refuses_reflection (&first, &second);
}

/* --- With Python ----------------------------------------------------------------------------- */

typedef struct
{
  const char *path;
  const char *python;         /* the variable that says where it is */
  const char *implementation; /* what it speaks by */
  gboolean is_wrong;          /* it has another key */
} Peer;

static const Peer peers[] = {
  { "/challenge/model", "MP_TEST_PYTHON", "model", FALSE },
  { "/challenge/model/wrong-key", "MP_TEST_PYTHON", "model", TRUE },
  { "/challenge/multiprocessing", "MP_TEST_MODERN_PYTHON", "multiprocessing", FALSE },
  { "/challenge/multiprocessing/wrong-key", "MP_TEST_MODERN_PYTHON", "multiprocessing", TRUE },
};

static void
test_python (gconstpointer data)
{
  const Peer *peer = data;
  g_autofree char *script = g_test_build_filename (G_TEST_DIST, "python-channel-peer.py", NULL);
  g_autoptr (MpListener) listener = mp_listener_new_with_wire (NULL, key, MP_WIRE_PYTHON);
  g_autoptr (MpConnection) connection = NULL;
  g_autofree char *address = NULL;
  g_autoptr (GError) error = NULL;
  const char *argv[] = {
    g_getenv (peer->python), script, peer->is_wrong ? "wrong" : "challenged", peer->implementation, NULL,
    "6162726163616461627261", NULL,
  };
  GPid pid;
  int status;

  if (argv[0] == NULL)
    {
      g_test_skip ("there is no Python of 3.12 or later here");
      return;
    }

  mp_listener_open (listener, &error);
  g_assert_no_error (error);
  address = mp_listener_get_address (listener);
  argv[4] = strchr (address, ':') + 1;
  g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error);
  g_assert_no_error (error);
  connection = mp_listener_accept (listener, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);

  g_assert_true (mp_connection_deliver_challenge (connection, key, MP_TEST_DEADLINE, NULL, &error) != peer->is_wrong);
  if (peer->is_wrong)
    g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  else
    mp_connection_answer_challenge (connection, key, MP_TEST_DEADLINE, NULL, &error);
  if (!peer->is_wrong)
    g_assert_no_error (error);
  status = mp_test_wait (pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, peer->is_wrong ? 3 : 0);
}

static void
warm_up (void)
{
  g_auto (Pair) pair = { { NULL, NULL } };

  meet (&pair, "tcp:127.0.0.1:0", MP_WIRE_DEFAULT);
  test_async ();
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  key = mp_auth_key_new_data ((const guint8 *) SECRET, strlen (SECRET));
  other_key = mp_auth_key_new_random ();

  mp_test_add ("/challenge/async", test_async);
  mp_test_add ("/challenge/blocking", test_blocking);
  mp_test_add ("/challenge/wrong-key", test_wrong_key);
  mp_test_add ("/challenge/by-hand", test_by_hand);
  for (guint i = 0; i < G_N_ELEMENTS (questions); i++)
    mp_test_add_data (questions[i].path, &questions[i], test_question);
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    mp_test_add_data (answers[i].path, &answers[i], test_answer);
  mp_test_add ("/challenge/never", test_never);
  mp_test_add ("/challenge/reflection", test_reflection);
  mp_test_add ("/challenge/reflection/passed-on", test_reflection_passed_on);
  for (guint i = 0; i < G_N_ELEMENTS (peers); i++)
    mp_test_add_data (peers[i].path, &peers[i], test_python);

  return g_test_run ();
}
