/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-fd-private.h"
#include "mp-python-frame-private.h"
#include "mp-python-wire-private.h"
#include "mp-test.h"

/* How python-wire-peer.py ends. */
#define AUTHENTICATED 0
#define REFUSED       3
#define GONE          4

#define SECRET       "the secret of this process, 32 B"
#define SERVER_NONCE 0x22
#define CLIENT_NONCE 0x11

#define NO_MODERN_PYTHON "there is no Python 3.12 or later in PATH"
#define NO_OLD_PYTHON    "the Python of these tests does not speak MD5 any more"

/* In the order in which they are said. */
enum
{
  SERVER_CHALLENGE,
  CLIENT_RESPONSE,
  SERVER_VERDICT,
  CLIENT_CHALLENGE,
  SERVER_RESPONSE,
  CLIENT_VERDICT,
  N_MESSAGES
};

static MpAuthKey *key, *other_key;
static GBytes *honest[N_MESSAGES];

/* --- Both ends ------------------------------------------------------------------ */

static MpPythonWireTerms
terms_of (MpRole role)
{
  return (MpPythonWireTerms) {
    .role = role,
    .key = key,
    .is_local = TRUE,
    .secret = (const guint8 *) SECRET,
  };
}

static MpPythonWire *
new_end (const MpPythonWireTerms *terms)
{
  guint8 nonce[MP_PYTHON_WIRE_NONCE_SIZE];
  g_autoptr (GError) error = NULL;
  MpPythonWire *self;

  memset (nonce, terms->role == MP_ROLE_CLIENT ? CLIENT_NONCE : SERVER_NONCE, sizeof nonce);
  self = mp_python_wire_new_with (terms, nonce, &error);
  g_assert_no_error (error);

  return self;
}

static MpPythonWire *
new_of (MpRole role)
{
  MpPythonWireTerms terms = terms_of (role);

  return new_end (&terms);
}

static gboolean
is_agreed (MpPythonWire *self)
{
  return mp_python_wire_get_state (self) == MP_PYTHON_WIRE_AGREED;
}

static gboolean
hear (MpPythonWire  *self,
      GBytes        *message,
      GError       **error)
{
  gsize size, n_taken;
  const guint8 *data = g_bytes_get_data (message, &size);

  while (size > 0 && mp_python_wire_get_wanted (self) > 0)
    {
      if (!mp_python_wire_feed (self, data, size, &n_taken, error))
        return FALSE;
      g_assert_cmpuint (n_taken, >, 0);
      data += n_taken;
      size -= n_taken;
    }

  return TRUE;
}

/* What an end says next, one message after the other. */
static GBytes *
take_message (MpPythonWire *self,
              GBytes      **rest)
{
  g_autoptr (GBytes) all = *rest != NULL ? g_steal_pointer (rest) : mp_python_wire_take_output (self);
  const guint8 *data;
  gsize size, end;

  if (all == NULL)
    return NULL;

  data = g_bytes_get_data (all, &size);
  end = 4 + data[3];
  g_assert_cmpuint (end, <=, size);
  if (end < size)
    *rest = g_bytes_new_from_bytes (all, end, size - end);

  return g_bytes_new_from_bytes (all, 0, end);
}

static gboolean
is_said_by_server (guint message)
{
  return message == SERVER_CHALLENGE || message == SERVER_VERDICT || message == SERVER_RESPONSE;
}

/* One end as it is before it hears a message. */
static MpPythonWire *
new_before (guint message)
{
  MpPythonWire *self = new_of (is_said_by_server (message) ? MP_ROLE_CLIENT : MP_ROLE_SERVER);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < message; i++)
    if (is_said_by_server (i) == is_said_by_server (message))
      hear (self, honest[i], &error);
  g_assert_no_error (error);
  {
    g_autoptr (GBytes) output = mp_python_wire_take_output (self);
  }

  return self;
}

static void
assert_useless (guint   message,
                GBytes *changed)
{
  g_autoptr (MpPythonWire) self = new_before (message);
  gboolean goes_on = hear (self, changed, NULL);

  g_assert_false (g_bytes_equal (changed, honest[message]));
  for (guint i = message + 1; i < N_MESSAGES && goes_on; i++)
    if (is_said_by_server (i) == is_said_by_server (message))
      goes_on = hear (self, honest[i], NULL);
  g_assert_false (is_agreed (self));
}

/* --- Headers --------------------------------------------------------------------- */

static void
test_header (void)
{
  /* As Python's struct packs them */
  static const struct {
    guint64 length;
    const char *header;
    gsize size;
  } cases[] = {
    { 0, "\0\0\0\0", 4 },
    { 1, "\0\0\0\1", 4 },
    { 0x1234, "\0\0\x12\x34", 4 },
    { 0x7fffffff, "\x7f\xff\xff\xff", 4 },
    { 0x80000000, "\xff\xff\xff\xff\0\0\0\0\x80\0\0\0", 12 },
    { G_GUINT64_CONSTANT (0x123456789abcdef0), "\xff\xff\xff\xff\x12\x34\x56\x78\x9a\xbc\xde\xf0", 12 },
    { G_MAXUINT64, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      guint8 header[MP_PYTHON_HEADER_MAX];
      gsize size = mp_python_header_encode (cases[i].length, header);
      const guint8 *expected = (const guint8 *) cases[i].header;
      g_autoptr (GError) error = NULL;
      guint64 length;

      g_assert_cmpmem (header, size, expected, cases[i].size);
      for (gsize part = 0; part < size; part++)
        {
          g_autofree guint8 *cut = g_memdup2 (expected, part);
          gsize part_size;

          g_assert_true (mp_python_header_decode (cut, part, G_MAXUINT64, &part_size, &length, NULL));
          g_assert_cmpuint (part_size, ==, 0);
        }
      g_assert_true (mp_python_header_decode (expected, cases[i].size, G_MAXUINT64, &size, &length, NULL));
      g_assert_cmpuint (size, ==, cases[i].size);
      g_assert_cmpuint (length, ==, cases[i].length);
      if (cases[i].length == 0)
        continue;
      g_assert_false (mp_python_header_decode (expected, cases[i].size, cases[i].length - 1, &size, &length, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);
      g_assert_cmpuint (size, ==, 0);
    }
}

static void
test_wrong_header (void)
{
  static const char * const wrong[] = {
    "\xff\xff\xff\xfe\0\0\0\0\0\0\0\0", "\x80\0\0\0\0\0\0\0\0\0\0\0", "\xff\xff\xff\xff\0\0\0\0\x7f\xff\xff\xff",
    "\xff\xff\xff\xff\0\0\0\0\0\0\0\0",
  };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;
      guint64 length;
      gsize size;

      g_assert_false (mp_python_header_decode ((const guint8 *) wrong[i], 12, G_MAXUINT64, &size, &length, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
    }
}

/* --- Alone ------------------------------------------------------------------------ */

/* Two ends of ours; what they say was recorded once and looked at. */
static void
test_honest (void)
{
  static const char * const hex[] = { "0000003b", "00000028", "00000009", "0000003b", "00000028", "00000009" };
  static const char * const beginnings[] = {
    "#CHALLENGE#{sha256}\x22\x22", "{sha256}", "#WELCOME#", "#CHALLENGE#{sha256}\x11\x11", "{sha256}", "#WELCOME#",
  };

  for (guint i = 0; i < N_MESSAGES; i++)
    {
      const guint8 *data = g_bytes_get_data (honest[i], NULL);
      g_autofree char *header = g_strdup_printf ("%02x%02x%02x%02x", data[0], data[1], data[2], data[3]);

      g_assert_cmpstr (header, ==, hex[i]);
      g_assert_cmpmem (data + 4, strlen (beginnings[i]), beginnings[i], strlen (beginnings[i]));
    }
}

static void
test_bits (void)
{
  for (guint message = 0; message < N_MESSAGES; message++)
    {
      gsize size = g_bytes_get_size (honest[message]);

      for (gsize bit = 0; bit < size * 8; bit++)
        {
          g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (honest[message], NULL), size);
          g_autoptr (GBytes) changed = NULL;

          data[bit / 8] ^= (guint8) (0x80 >> bit % 8);
          changed = g_bytes_new (data, size);
          /* The client's challenge is the client's to choose; the server answers it, and the
           * client does not like the answer.  See the bits of that.
           */
          if ((message == CLIENT_CHALLENGE || message == SERVER_CHALLENGE) && bit / 8 >= 4 + 19)
            continue;
          assert_useless (message, changed);
        }
    }
}

/* Who has its challenge changed on the way does not take the response to it. */
static void
test_changed_challenge (void)
{
  for (guint message = SERVER_CHALLENGE; message <= CLIENT_CHALLENGE; message += CLIENT_CHALLENGE)
    {
      g_autoptr (MpPythonWire) answerer = new_before (message);
      g_autoptr (MpPythonWire) challenger = new_before (message + 1);
      gsize size = g_bytes_get_size (honest[message]);
      g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (honest[message], NULL), size);
      g_autoptr (GBytes) changed = NULL;
      g_autoptr (GBytes) response = NULL;
      g_autoptr (GError) error = NULL;

      data[size - 1] ^= 1;
      changed = g_bytes_new (data, size);
      g_assert_true (hear (answerer, changed, NULL));
      response = mp_python_wire_take_output (answerer);
      g_assert_false (hear (challenger, response, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
    }
}

static void
test_truncation (void)
{
  for (guint message = 0; message < N_MESSAGES; message++)
    for (gsize size = 0; size < g_bytes_get_size (honest[message]); size++)
      {
        g_autoptr (GBytes) part = g_bytes_new_from_bytes (honest[message], 0, size);
        g_autoptr (MpPythonWire) self = new_before (message);
        MpPythonWireState before = mp_python_wire_get_state (self);
        g_autoptr (GBytes) output = NULL;
        g_autoptr (GError) error = NULL;

        g_assert_true (hear (self, part, NULL));
        g_assert_cmpint (mp_python_wire_get_state (self), ==, before);
        mp_python_wire_end (self, &error);
        g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
        output = mp_python_wire_take_output (self);
        g_assert_null (output);
      }
}

/* A length that cannot be is refused at once, and nothing is waited for. */
static void
test_lengths (void)
{
  static const guint32 edges[] = {
    0, 1, 8, 9, 10, 16, 19, 20, 30, 31, 32, 39, 40, 41, 50, 51, 59, 60, 255, 256, 257, 512, 513, 0x7fffffff,
    0x80000000, 0xfffffffe, 0xffffffff,
  };

  for (guint message = 0; message < N_MESSAGES; message++)
    for (guint i = 0; i < G_N_ELEMENTS (edges); i++)
      {
        g_autoptr (MpPythonWire) self = new_before (message);
        gboolean is_challenge = message == SERVER_CHALLENGE || message == CLIENT_CHALLENGE;
        gboolean is_right = edges[i] + 4 == g_bytes_get_size (honest[message]) ||
                            (is_challenge && edges[i] >= 51 && edges[i] <= 256);
        guint32 length = GUINT32_TO_BE (edges[i]);
        g_autoptr (GError) error = NULL;
        gsize n_taken;

        g_assert_true (mp_python_wire_feed (self, (const guint8 *) &length, 4, &n_taken, &error) == is_right);
        g_assert_true (is_right == (error == NULL));
      }
}

/* In pieces of any size, and not a byte is taken beyond a message. */
static void
test_pieces (void)
{
  for (guint message = 0; message < N_MESSAGES; message++)
    for (gsize step = 1; step < 70; step++)
      {
        g_autoptr (MpPythonWire) self = new_before (message);
        gsize size, n_taken, total = 0;
        const guint8 *data = g_bytes_get_data (honest[message], &size);
        g_autofree guint8 *more = g_malloc0 (size + 70);
        MpPythonWireState before = mp_python_wire_get_state (self);

        memcpy (more, data, size);
        while (mp_python_wire_get_state (self) == before)
          {
            g_assert_cmpuint (mp_python_wire_get_wanted (self), <=, size - total);
            g_assert_true (mp_python_wire_feed (self, more + total, step, &n_taken, NULL));
            total += n_taken;
          }
        g_assert_cmpuint (total, ==, size);
      }
}

static void
test_replay (void)
{
  for (guint role = MP_ROLE_CLIENT; role <= MP_ROLE_SERVER; role++)
    {
      MpPythonWireTerms terms = terms_of (role);
      g_autoptr (MpPythonWire) self = mp_python_wire_new (&terms, NULL);
      g_autoptr (GError) error = NULL;

      for (guint i = 0; i < N_MESSAGES && error == NULL; i++)
        if (is_said_by_server (i) == (role == MP_ROLE_CLIENT))
          hear (self, honest[i], &error);
      g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
      g_assert_false (is_agreed (self));
    }
}

/* Who connects twice to somebody that does not know the key is challenged in one
 * connection with what it asks in the other, and does not answer.
 */
static void
test_reflection (void)
{
  MpPythonWireTerms terms = terms_of (MP_ROLE_CLIENT);
  g_autoptr (MpPythonWire) second = mp_python_wire_new (&terms, NULL);
  g_autoptr (MpPythonWire) server = NULL;
  g_autoptr (MpPythonWire) stranger = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_false (hear (second, honest[CLIENT_CHALLENGE], &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
  g_clear_error (&error);

  /* Neither does a listener that was challenged by what it, or another of its process, asked */
  server = new_before (CLIENT_CHALLENGE);
  g_assert_false (hear (server, honest[SERVER_CHALLENGE], &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);

  /* To another process it is a challenge like any other */
  terms.secret = (const guint8 *) "the secret of another process...";
  stranger = mp_python_wire_new (&terms, NULL);
  g_assert_true (hear (stranger, honest[CLIENT_CHALLENGE], NULL));
}

/* Neither do other messages than the one that is due lead anywhere. */
static void
test_wrong_order (void)
{
  for (guint message = 0; message < N_MESSAGES; message++)
    for (guint said = 0; said < N_MESSAGES; said++)
      {
        if (g_bytes_equal (honest[said], honest[message]) ||
            (said == CLIENT_CHALLENGE && message == SERVER_CHALLENGE))
          continue;
        assert_useless (message, honest[said]);
      }
}

static void
test_wrong_key (void)
{
  MpPythonWireTerms terms = terms_of (MP_ROLE_CLIENT);
  g_autoptr (MpPythonWire) server = new_of (MP_ROLE_SERVER);
  g_autoptr (MpPythonWire) client = NULL;
  g_autoptr (GBytes) response = NULL;
  g_autoptr (GBytes) challenge = NULL;
  g_autoptr (GBytes) verdict = NULL;
  g_autoptr (GError) error = NULL;
  gsize n_taken;

  terms.key = other_key;
  client = new_end (&terms);
  challenge = mp_python_wire_take_output (server);
  g_assert_true (hear (client, challenge, NULL));
  response = mp_python_wire_take_output (client);
  g_assert_false (hear (server, response, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  g_clear_error (&error);
  verdict = mp_python_wire_take_output (server);
  g_assert_cmpuint (g_bytes_get_size (verdict), ==, 13);
  /* It stays so */
  g_assert_false (mp_python_wire_feed (server, g_bytes_get_data (honest[CLIENT_RESPONSE], NULL), 44, &n_taken, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
  g_assert_cmpuint (n_taken, ==, 0);
  g_clear_error (&error);
  g_assert_false (hear (client, verdict, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  g_assert_false (is_agreed (client) || is_agreed (server));
}

/* Challenges and responses of the older dialect, and of other digests, are not answered. */
static void
test_other_digests (void)
{
  static const struct {
    guint message;
    const char *body;
    gsize size;
    int code;
  } cases[] = {
    { SERVER_CHALLENGE, "#CHALLENGE#aaaaaaaaaaaaaaaaaaaa", 31, MP_ERROR_NOT_SUPPORTED },
    { SERVER_CHALLENGE, "#CHALLENGE#{sha256}aaaaaaaaaaaa", 31, MP_ERROR_NOT_SUPPORTED },
    { SERVER_CHALLENGE, "#CHALLENGE#{sha384}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 59, MP_ERROR_NOT_SUPPORTED },
    { SERVER_CHALLENGE, "#CHALLENGE#{md5}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 59, MP_ERROR_NOT_SUPPORTED },
    { SERVER_CHALLENGE, "#CHALLENGE#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 59, MP_ERROR_NOT_SUPPORTED },
    { SERVER_CHALLENGE, "#challenge#{sha256}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 59, MP_ERROR_CORRUPTED },
    { CLIENT_RESPONSE, "aaaaaaaaaaaaaaaa", 16, MP_ERROR_NOT_SUPPORTED },
    { CLIENT_RESPONSE, "{sha384}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 40, MP_ERROR_AUTHENTICATION },
    { SERVER_VERDICT, "#welcome#", 9, MP_ERROR_CORRUPTED },
    { SERVER_VERDICT, "#FAILURE#", 9, MP_ERROR_AUTHENTICATION },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MpPythonWire) self = new_before (cases[i].message);
      g_autoptr (GByteArray) message = g_byte_array_new ();
      g_autoptr (GBytes) said = NULL;
      g_autoptr (GBytes) output = NULL;
      g_autoptr (GError) error = NULL;

      mp_preamble_append (message, (const guint8 *) cases[i].body, cases[i].size);
      said = g_byte_array_free_to_bytes (g_steal_pointer (&message));
      g_assert_false (hear (self, said, &error));
      g_assert_error (error, MP_ERROR, cases[i].code);
      output = mp_python_wire_take_output (self);
      g_assert_true ((output != NULL) == (cases[i].message == CLIENT_RESPONSE));
    }
}

static void
test_where (void)
{
  g_autoptr (MpAuthKey) empty = mp_auth_key_new_data (NULL, 0);
  g_autoptr (MpAuthKey) strong = mp_auth_key_new_random ();
  MpPythonWireTerms terms = terms_of (MP_ROLE_SERVER);
  g_autoptr (GError) error = NULL;

  terms.key = strong;
  terms.is_local = FALSE;
  g_assert_null (mp_python_wire_new (&terms, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
  g_clear_error (&error);
  terms.is_local = TRUE;
  terms.key = empty;
  g_assert_null (mp_python_wire_new (&terms, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
}

/* --- With Python -------------------------------------------------------------------- */

typedef struct
{
  const char *python; /* the variable that names it */
  const char *role;   /* Python's */
  const char *implementation;
} Peer;

static GPid
spawn_python (const Peer *peer,
              int         fd)
{
  g_autofree char *script = g_test_build_filename (G_TEST_DIST, "python-wire-peer.py", NULL);
  const char *argv[] = {
    g_getenv (peer->python), script, peer->role, peer->implementation, "616272616361646162726100", NULL,
  };
  const int target = 3;
  g_autoptr (GError) error = NULL;
  GPid pid;

  g_spawn_async_with_pipes_and_fds (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                    -1, -1, -1, &fd, &target, 1, &pid, NULL, NULL, NULL, &error);
  g_assert_no_error (error);

  return pid;
}

static void
send_all (int           fd,
          gconstpointer data,
          gsize         size)
{
  const char *at = data;

  while (size > 0)
    {
      gssize n = send (fd, at, size, MSG_NOSIGNAL);

      g_assert_cmpint (n, >, 0);
      at += n;
      size -= (gsize) n;
    }
}

static void
send_output (int           fd,
             MpPythonWire *self)
{
  g_autoptr (GBytes) output = mp_python_wire_take_output (self);
  gsize size;
  gconstpointer data;

  if (output == NULL)
    return;

  data = g_bytes_get_data (output, &size);
  send_all (fd, data, size);
}

/* Reads no more than is wanted, so that the first message stays in the socket. */
static gboolean
authenticate (int            fd,
              MpPythonWire  *self,
              GError       **error)
{
  guint8 data[512];
  gsize n_taken;

  send_output (fd, self);
  while (mp_python_wire_get_wanted (self) > 0)
    {
      gsize wanted = mp_python_wire_get_wanted (self);
      gssize n = recv (fd, data, MIN (wanted, sizeof data), 0);
      gboolean goes_on;

      if (n == 0)
        {
          mp_python_wire_end (self, error);
          return FALSE;
        }
      g_assert_cmpint (n, >, 0);
      goes_on = mp_python_wire_feed (self, data, (gsize) n, &n_taken, error);
      g_assert_true (!goes_on || n_taken == (gsize) n);
      send_output (fd, self);
      if (!goes_on)
        return FALSE;
    }

  return TRUE;
}

/* Gives back the messages that come, until there are no more. */
static guint
echo (int fd)
{
  guint8 header[MP_PYTHON_HEADER_MAX];
  gsize have = 0, header_size = 0;
  guint64 length;
  guint n = 0;

  while (recv (fd, header + have, 1, 0) == 1)
    {
      g_assert_true (mp_python_header_decode (header, ++have, 1 << 20, &header_size, &length, NULL));
      if (header_size == 0)
        continue;
      {
        g_autofree guint8 *body = g_malloc (length + 1);

        if (length > 0)
          g_assert_cmpint (recv (fd, body, length, MSG_WAITALL), ==, (gssize) length);
        send_all (fd, header, mp_python_header_encode (length, header));
        send_all (fd, body, length);
      }
      have = 0;
      n++;
    }

  return n;
}

/* Returns how Python ended. */
static int
meet (const Peer  *peer,
      MpAuthKey   *our_key,
      guint       *n_messages,
      GError     **error)
{
  MpPythonWireTerms terms = terms_of (g_str_equal (peer->role, "client") ? MP_ROLE_SERVER : MP_ROLE_CLIENT);
  g_autoptr (MpPythonWire) self = NULL;
  int fds[2], status;
  GPid pid;

  terms.key = our_key;
  self = mp_python_wire_new (&terms, NULL);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  pid = spawn_python (peer, fds[1]);
  mp_fd_close (&fds[1]);
  *n_messages = authenticate (fds[0], self, error) ? echo (fds[0]) : 0;
  mp_fd_close (&fds[0]);
  status = mp_test_wait (pid);
  g_assert_true (WIFEXITED (status));

  return WEXITSTATUS (status);
}

static gboolean
has_python (const char *variable,
            const char *otherwise)
{
  if (g_getenv (variable) != NULL && *g_getenv (variable) != '\0')
    return TRUE;

  g_test_skip (otherwise);
  return FALSE;
}

static void
test_right_key (gconstpointer data)
{
  g_autoptr (MpAuthKey) ours = mp_auth_key_new_data ((const guint8 *) "abracadabra", 12);
  const Peer *peer = data;
  g_autoptr (GError) error = NULL;
  guint n_messages;

  if (!has_python (peer->python, NO_MODERN_PYTHON))
    return;

  g_assert_cmpint (meet (peer, ours, &n_messages, &error), ==, AUTHENTICATED);
  g_assert_no_error (error);
  g_assert_cmpuint (n_messages, ==, 3);
}

static void
test_other_key (gconstpointer data)
{
  const Peer *peer = data;
  g_autoptr (GError) error = NULL;
  guint n_messages;

  if (!has_python (peer->python, NO_MODERN_PYTHON))
    return;

  g_assert_cmpint (meet (peer, other_key, &n_messages, &error), ==, REFUSED);
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
}

/* A Python that knows MD5 alone is told so by an error, and gets nothing. */
static void
test_old_python (gconstpointer data)
{
  g_autoptr (MpAuthKey) ours = mp_auth_key_new_data ((const guint8 *) "abracadabra", 12);
  const Peer *peer = data;
  g_autoptr (GError) error = NULL;
  guint n_messages;
  int end;

  if (!has_python (peer->python, NO_OLD_PYTHON))
    return;

  end = meet (peer, ours, &n_messages, &error);
  /* A client gets a verdict; a listener finds that the other end has left */
  g_assert_true (end == REFUSED || (end == GONE && g_str_equal (peer->role, "listener")));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
}

static void
init (void)
{
  g_autoptr (MpPythonWire) server = NULL;
  g_autoptr (MpPythonWire) client = NULL;
  GBytes *rests[2] = { NULL, NULL };

  key = mp_auth_key_new_data ((const guint8 *) "abracadabra", 11);
  other_key = mp_auth_key_new_data ((const guint8 *) "abracadabrb", 11);
  server = new_of (MP_ROLE_SERVER);
  client = new_of (MP_ROLE_CLIENT);
  for (guint i = 0; i < N_MESSAGES; i++)
    {
      gboolean by_server = is_said_by_server (i);
      g_autoptr (GError) error = NULL;

      honest[i] = take_message (by_server ? server : client, &rests[by_server]);
      g_assert_nonnull (honest[i]);
      hear (by_server ? client : server, honest[i], &error);
      g_assert_no_error (error);
    }
  g_assert_true (is_agreed (server) && is_agreed (client));
}

int
main (int   argc,
      char *argv[])
{
  static const Peer listener_model = { "MP_TEST_PYTHON", "listener", "model" };
  static const Peer client_model = { "MP_TEST_PYTHON", "client", "model" };
  static const Peer listener = { "MP_TEST_MODERN_PYTHON", "listener", "multiprocessing" };
  static const Peer client = { "MP_TEST_MODERN_PYTHON", "client", "multiprocessing" };
  static const Peer old_listener = { "MP_TEST_OLD_PYTHON", "listener", "multiprocessing" };
  static const Peer old_client = { "MP_TEST_OLD_PYTHON", "client", "multiprocessing" };
  int status;

  mp_test_init (&argc, &argv);
  init ();

  mp_test_add ("/python-wire/header", test_header);
  mp_test_add ("/python-wire/wrong-header", test_wrong_header);
  mp_test_add ("/python-wire/honest", test_honest);
  mp_test_add ("/python-wire/bits", test_bits);
  mp_test_add ("/python-wire/changed-challenge", test_changed_challenge);
  mp_test_add ("/python-wire/truncation", test_truncation);
  mp_test_add ("/python-wire/lengths", test_lengths);
  mp_test_add ("/python-wire/pieces", test_pieces);
  mp_test_add ("/python-wire/replay", test_replay);
  mp_test_add ("/python-wire/reflection", test_reflection);
  mp_test_add ("/python-wire/wrong-order", test_wrong_order);
  mp_test_add ("/python-wire/wrong-key", test_wrong_key);
  mp_test_add ("/python-wire/other-digests", test_other_digests);
  mp_test_add ("/python-wire/where", test_where);
  mp_test_add_data ("/python-wire/model/listener", &listener_model, test_right_key);
  mp_test_add_data ("/python-wire/model/client", &client_model, test_right_key);
  mp_test_add_data ("/python-wire/model/listener/other-key", &listener_model, test_other_key);
  mp_test_add_data ("/python-wire/model/client/other-key", &client_model, test_other_key);
  mp_test_add_data ("/python-wire/multiprocessing/listener", &listener, test_right_key);
  mp_test_add_data ("/python-wire/multiprocessing/client", &client, test_right_key);
  mp_test_add_data ("/python-wire/multiprocessing/listener/other-key", &listener, test_other_key);
  mp_test_add_data ("/python-wire/multiprocessing/client/other-key", &client, test_other_key);
  mp_test_add_data ("/python-wire/old-python/listener", &old_listener, test_old_python);
  mp_test_add_data ("/python-wire/old-python/client", &old_client, test_old_python);

  status = g_test_run ();

  for (guint i = 0; i < N_MESSAGES; i++)
    g_bytes_unref (honest[i]);
  g_object_unref (key);
  g_object_unref (other_key);

  return status;
}
