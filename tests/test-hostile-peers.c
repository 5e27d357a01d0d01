/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Who connects to a listener, or listens where one connects, and does anything but what he should.
 * Nobody of these gets in; meanwhile an honest client is served, and the listener grows no larger.
 *
 *   MP_TEST_LONG=1   100,000 cases, a thousand silent peers
 */

#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib-unix.h>
#include <mpglib.h>

#include "mp-discard-private.h"
#include "mp-fd-private.h"
#include "mp-handshake-private.h"
#include "mp-packet-io-private.h"
#include "mp-test-listener.h"
#include "mp-test-lingering.h"
#include "mp-test-siege.h"
#include "mp-test.h"

#define N_CASES_LONG  100000
#define N_SILENT      150
#define N_SILENT_LONG 1000

static MpAuthKey *key, *other_key;
static gboolean is_long;
static int null_fd;

/* --- Variations ----------------------------------------------------------------------- */

/* What becomes of a message. */
typedef enum
{
  TRUNCATED,   /* the first n bytes */
  FLIPPED,     /* bit n */
  LENGTH,      /* the n-th edge in the place of the length */
  EXTENDED,    /* n bytes more */
  TORN,        /* in two packets, the first one of n bytes */
  DOUBLED,     /* twice in one packet */
  WITH_FDS,    /* n descriptors come with it */
  REPLAYED,    /* what was once right */
  REFLECTED,   /* what the other end has said last */
  OTHER_ROLE,  /* what the other end would say */
  OTHER_KEY,
  NO_FDS,      /* right in itself, but such a session is of no use */
  RANDOM,      /* n bytes anywhere */
  AS_IT_IS,
  N_CHANGES,
} Change;

typedef struct
{
  guint phase;   /* 0: the hello is not as it should be; 1: the proof */
  Change change;
  guint n;
} Variation;

static const guint32 edges[] = {
  0, 1, 2, 3, 4, 32, 51, 53, 63, 65, 255, 256, 257, 511, 512, 513, 0x7fff, 0x8000, 0xffff, 0x10000,
  0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x34000000, 0x40000000, 0x21000000, 0x31000000,
};

static void
add_all (GArray *variations,
         guint   phase,
         Change  change,
         guint   first,
         guint   end)
{
  for (guint i = first; i < end; i++)
    {
      Variation variation = { phase, change, i };

      g_array_append_val (variations, variation);
    }
}

/* Of messages of so many bytes, with those of the length. */
static GArray *
list_variations (gsize hello_size,
                 gsize proof_size)
{
  GArray *variations = g_array_new (FALSE, FALSE, sizeof (Variation));

  for (guint phase = 0; phase < 2; phase++)
    {
      guint size = (guint) (phase == 0 ? hello_size : proof_size);

      add_all (variations, phase, TRUNCATED, 1, size);
      add_all (variations, phase, FLIPPED, 0, size * 8);
      add_all (variations, phase, LENGTH, 0, G_N_ELEMENTS (edges));
      add_all (variations, phase, EXTENDED, 1, 20);
      add_all (variations, phase, EXTENDED, 60000, 60002);
      add_all (variations, phase, TORN, 1, size);
      add_all (variations, phase, DOUBLED, 0, 1);
      add_all (variations, phase, WITH_FDS, 1, 4);
      add_all (variations, phase, WITH_FDS, 250, 254);
      add_all (variations, phase, REPLAYED, 0, 1);
      add_all (variations, phase, REFLECTED, 0, 1);
      add_all (variations, phase, OTHER_ROLE, 0, 1);
      add_all (variations, phase, OTHER_KEY, 0, 1);
    }

  return variations;
}

static void
change_anywhere (GByteArray *message,
                 guint       n)
{
  for (guint i = 0; i < n; i++)
    message->data[g_test_rand_int_range (0, (gint32) message->len)] = (guint8) g_test_rand_int_range (0, 256);
}

static void
change_message (const Variation *variation,
                GByteArray      *message)
{
  guint32 length;

  switch (variation->change)
    {
    case TRUNCATED:
      g_byte_array_set_size (message, MIN (variation->n, message->len - 1));
      break;

    case FLIPPED:
      message->data[variation->n / 8 % message->len] ^= (guint8) (1 << variation->n % 8);
      break;

    case LENGTH:
      length = GUINT32_TO_BE (edges[variation->n]);
      if (memcmp (message->data, &length, 4) == 0)
        length ^= 1;
      memcpy (message->data, &length, 4);
      break;

    case EXTENDED:
      length = message->len;
      g_byte_array_set_size (message, length + variation->n);
      memset (message->data + length, 0, variation->n);
      break;

    case DOUBLED:
      length = message->len;
      g_byte_array_set_size (message, 2 * length);
      memcpy (message->data + length, message->data, length);
      break;

    case RANDOM:
      change_anywhere (message, variation->n);
      break;

    default:
      break;
    }
}

/* FALSE: it is over already. */
static gboolean
send_message (int              fd,
              const Variation *variation,
              GBytes          *said)
{
  g_autoptr (GByteArray) message = g_bytes_unref_to_array (g_bytes_ref (said)); /* a copy, since `said` stays */
  g_autoptr (GArray) fds = NULL;
  gsize first;

  change_message (variation, message);
  if (variation->change == RANDOM && memcmp (message->data, g_bytes_get_data (said, NULL), message->len) == 0)
    message->data[message->len - 1] ^= 1;

  if (variation->change == WITH_FDS)
    {
      fds = g_array_new (FALSE, FALSE, sizeof (int));
      for (guint i = 0; i < variation->n; i++)
        g_array_append_val (fds, null_fd);
    }
  first = variation->change == TORN ? MIN (variation->n, message->len - 1) : message->len;
  if (mp_packet_send (fd, message->data, first, NULL, 0, -1, fds) != 0)
    return FALSE;

  return first == message->len ||
         mp_packet_send (fd, message->data + first, message->len - first, NULL, 0, -1, NULL) == 0;
}

/* What one end has answered to what the other said. */
static GBytes *
answer (MpHandshake *handshake,
        GBytes      *said)
{
  gsize n_taken;

  mp_handshake_feed (handshake, g_bytes_get_data (said, NULL), g_bytes_get_size (said), &n_taken, NULL);
  return mp_handshake_take_output (handshake);
}

/* The messages of two ends that agreed once: of the client, and of the server. */
static GBytes *recorded[2][2];

static void
record (void)
{
  g_autoptr (MpHandshake) client = new_handshake (MP_ROLE_CLIENT, key, MP_FEATURE_FDS, -1);
  g_autoptr (MpHandshake) server = new_handshake (MP_ROLE_SERVER, key, MP_FEATURE_FDS, -1);

  for (guint phase = 0; phase < 2; phase++)
    {
      recorded[MP_ROLE_CLIENT][phase] =
        phase == 0 ? mp_handshake_take_output (client) : answer (client, recorded[MP_ROLE_SERVER][0]);
      recorded[MP_ROLE_SERVER][phase] = answer (server, recorded[MP_ROLE_CLIENT][phase]);
    }
  g_assert_nonnull (mp_handshake_get_session (server));
}

/* Says it, or what the variation has in its place. */
static gboolean
say (int              fd,
     const Variation *variation,
     guint            phase,
     MpRole           role,
     GBytes          *right,
     GBytes          *heard)
{
  static const Variation as_it_is = { 0, AS_IT_IS, 0 };

  if (variation->change == REPLAYED && phase >= variation->phase)
    return send_message (fd, variation, recorded[role][phase]);

  if (variation->phase != phase)
    return send_message (fd, &as_it_is, right);

  if (variation->change == OTHER_ROLE || (variation->change == REFLECTED && heard == NULL))
    return send_message (fd, variation, recorded[1 - role][phase]);

  return send_message (fd, variation, variation->change == REFLECTED ? heard : right);
}

static GBytes *
receive (int fd)
{
  guint8 packet[1024];
  gssize n = recv (fd, packet, sizeof packet, 0);

  return n > 0 ? g_bytes_new (packet, (gsize) n) : NULL;
}

/* --- Hostile clients ------------------------------------------------------------------ */

/* One attempt; `fd` is -1 where there is none. */
typedef struct
{
  Variation variation;
  MpHandshake *handshake;
  int fd;
  gboolean is_stream;
  GByteArray *heard;
} Attempt;

/* Of a stream nobody knows that it is torn before it ends. */
static void
attempt_say (Attempt *self,
             guint    phase,
             GBytes  *right,
             GBytes  *heard)
{
  say (self->fd, &self->variation, phase, MP_ROLE_CLIENT, right, heard);
  if (self->is_stream && self->variation.change == TRUNCATED && self->variation.phase == phase)
    shutdown (self->fd, SHUT_WR);
}

static void
attempt_begin (Attempt         *self,
               const Variation *variation,
               const char      *address)
{
  gboolean has_fds = !is_tcp (address) && variation->change != NO_FDS;
  g_autoptr (GBytes) hello = NULL;

  self->variation = *variation;
  self->fd = connect_raw (address);
  self->handshake = new_handshake (MP_ROLE_CLIENT, variation->change == OTHER_KEY ? other_key : key,
                                   has_fds ? MP_FEATURE_FDS : 0, is_tcp (address) ? self->fd : -1);
  self->heard = g_byte_array_new ();
  self->is_stream = is_tcp (address);
  hello = mp_handshake_take_output (self->handshake);
  attempt_say (self, 0, hello, NULL);
}

/* The server's hello, and a refusal: never more, and nothing that only who has the key can say. */
static void
attempt_end (Attempt *self)
{
  const gsize hello = MP_PREAMBLE_HEADER + MP_HELLO_SERVER_SIZE;
  static const guint8 refusal[] = { 0, 0, 0, 2, 'E', 1 };
  gsize size = self->heard->len;
  gboolean is_right;

  is_right = size == 0 || (size >= hello && memcmp (self->heard->data + MP_PREAMBLE_HEADER, "MPG1S", 5) == 0);
  if (self->variation.change == NO_FDS)
    is_right &= size == hello + MP_PREAMBLE_HEADER + 49;
  else if (size > hello)
    is_right &= size == hello + sizeof refusal && memcmp (self->heard->data + hello, refusal, sizeof refusal) == 0;
  if (!is_right)
    g_error ("phase %u, change %u, %u: heard %" G_GSIZE_FORMAT " bytes", self->variation.phase,
             self->variation.change, self->variation.n, size);

  close (self->fd);
  self->fd = -1;
  g_byte_array_unref (self->heard);
  mp_handshake_free (self->handshake);
}

static void
attempt_go_on (Attempt *self)
{
  g_autoptr (GBytes) piece = receive (self->fd);
  g_autoptr (GBytes) heard = NULL;
  g_autoptr (GBytes) proof = NULL;

  if (piece == NULL)
    {
      attempt_end (self);
      return;
    }

  g_byte_array_append (self->heard, g_bytes_get_data (piece, NULL), (guint) g_bytes_get_size (piece));
  if (mp_handshake_get_state (self->handshake) != MP_HANDSHAKE_HELLO)
    return;

  heard = g_bytes_new (self->heard->data, self->heard->len);
  proof = answer (self->handshake, piece);
  if (proof != NULL)
    attempt_say (self, 1, proof, heard);
}

static Attempt attempts[MP_TEST_SIEGE_WINDOW];

typedef struct
{
  GArray *variations;
  const char *address;
} Attack;

static int
begin_one (guint    place,
           guint    number,
           gpointer user_data)
{
  const Attack *attack = user_data;

  attempt_begin (&attempts[place], &g_array_index (attack->variations, Variation, number), attack->address);
  return attempts[place].fd;
}

static gboolean
go_on (guint place)
{
  attempt_go_on (&attempts[place]);
  return attempts[place].fd >= 0;
}

static void
attempt_all (GArray     *variations,
             const char *address)
{
  Attack attack = { variations, address };

  siege_attempt_all (variations->len, begin_one, go_on, &attack);
}

/* Each n-th one, or all of them and at random what no list has. */
static GArray *
choose (GArray *all,
        guint   step,
        guint   n_long)
{
  GArray *chosen = g_array_new (FALSE, FALSE, sizeof (Variation));

  for (guint i = (guint) g_test_rand_int_range (0, (gint32) step); i < all->len; i += is_long ? 1 : step)
    g_array_append_val (chosen, g_array_index (all, Variation, i));
  while (is_long && chosen->len < n_long)
    {
      Variation variation = { (guint) g_test_rand_int_range (0, 2), RANDOM, (guint) g_test_rand_int_range (1, 9) };

      g_array_append_val (chosen, variation);
    }

  return chosen;
}

static void
test_clients (void)
{
  const gsize hello = MP_PREAMBLE_HEADER + MP_HELLO_CLIENT_SIZE;
  g_autoptr (GArray) all = list_variations (hello, MP_PREAMBLE_HEADER + 33);
  g_autoptr (GArray) chosen = NULL;
  Siege siege;

  add_all (all, 0, NO_FDS, 0, 1);
  chosen = choose (all, 3, N_CASES_LONG / 2);
  siege_begin (&siege, NULL);
  attempt_all (chosen, siege.server.address);
  siege_end (&siege, "hostile clients", chosen->len, 0);
}

/* On a stream messages come in any pieces, and what follows a right proof is the first frame. */
static gboolean
is_of_streams (const Variation *variation)
{
  switch (variation->change)
    {
    case TORN:
    case WITH_FDS:
      return FALSE;

    case EXTENDED:
    case DOUBLED:
      return variation->phase == 0;

    default:
      return TRUE;
    }
}

static void
remove_those_of_packets (GArray *variations)
{
  for (guint i = variations->len; i-- > 0;)
    if (!is_of_streams (&g_array_index (variations, Variation, i)))
      g_array_remove_index_fast (variations, i);
}

static void
test_tcp_clients (void)
{
  const gsize hello = MP_PREAMBLE_HEADER + MP_HELLO_CLIENT_SIZE;
  g_autoptr (GArray) all = list_variations (hello, MP_PREAMBLE_HEADER + 33);
  g_autoptr (GArray) chosen = choose (all, 4, N_CASES_LONG / 2);
  Siege siege;

  remove_those_of_packets (chosen);
  siege_begin (&siege, "tcp:127.0.0.1:0");
  attempt_all (chosen, siege.server.address);
  siege_end (&siege, "hostile clients over TCP", chosen->len, 0);
}

/* What is no MPG1 at all, and too much of everything. */
static void
test_garbage (void)
{
  const guint n = is_long ? 20000 : 300;
  g_autofree guint8 *bytes = g_malloc (200000);
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  Siege siege;

  for (guint i = 0; i < MP_PACKET_MAX_ALL_FDS; i++)
    g_array_append_val (fds, null_fd);

  siege_begin (&siege, NULL);
  for (guint i = 0; i < n; i++)
    {
      int fd = connect_raw (siege.server.address);
      gsize size = (gsize) g_test_rand_int_range (1, i % 50 == 0 ? 200000 : 600);

      for (gsize j = 0; j < MIN (size, 1000); j++)
        bytes[j] = (guint8) g_test_rand_int_range (0, 256);
      if (i % 5 == 0)
        memcpy (bytes, "\0\0\0\73#CHALLENGE#{sha256}", 23);
      mp_packet_send (fd, bytes, size, NULL, 0, -1, i % 3 == 0 ? fds : NULL);
      if (i % 2 == 0)
        mp_test_poll (fd, POLLIN);
      close (fd);
    }
  siege_end (&siege, "garbage", n, 0);
}

/* They say nothing, or half a hello. */
static void
test_silent (void)
{
  const guint n = is_long ? N_SILENT_LONG : N_SILENT;
  g_autofree int *fds = g_new (int, n);
  struct rlimit limit;
  Siege siege;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  if (limit.rlim_cur < n + 100)
    limit.rlim_cur = MIN (n + 100, limit.rlim_max);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);

  siege_begin (&siege, NULL);
  for (guint i = 0; i < n; i++)
    {
      fds[i] = connect_raw (siege.server.address);
      if (i % 2 == 0)
        g_assert_cmpint (send (fds[i], "\0\0\0\100MPG1C\1\1", 11, MSG_NOSIGNAL), ==, 11);
    }

  /* All of them but as many as may be there are let go for those who came later, and those in the end. */
  for (guint i = 0; i < n; i++)
    {
      mp_test_poll (fds[i], POLLIN);
      close (fds[i]);
    }
  siege_end (&siege, "silent peers", n, 0);
}

/* --- Floods ---------------------------------------------------------------------------- */

/* What those do who connect again and again, as fast as the machine does it. */
typedef enum
{
  KEEP,          /* nothing */
  LEAVE,         /* close */
  HELLO,         /* a right hello, and then nothing */
  WRONG_PROOF,
} Manner;

/* So many of a flood are open at a time. */
#define N_FLOOD 500

static void
flood_once (const char *address,
            Manner      manner,
            int        *fd)
{
  g_autoptr (MpHandshake) handshake = NULL;
  g_autoptr (GBytes) hello = NULL;

  mp_fd_close (fd);
  *fd = connect_raw (address);
  if (manner == LEAVE)
    mp_fd_close (fd);
  if (manner < HELLO)
    return;

  handshake = new_handshake (MP_ROLE_CLIENT, other_key, is_tcp (address) ? 0 : MP_FEATURE_FDS,
                             is_tcp (address) ? *fd : -1);
  hello = mp_handshake_take_output (handshake);
  send (*fd, g_bytes_get_data (hello, NULL), g_bytes_get_size (hello), MSG_NOSIGNAL);
  if (manner == WRONG_PROOF)
    send (*fd, g_bytes_get_data (recorded[MP_ROLE_CLIENT][1], NULL), g_bytes_get_size (recorded[MP_ROLE_CLIENT][1]),
          MSG_NOSIGNAL);
}

static void
be_flood (const char *address,
          Manner      manner,
          guint       n)
{
  int fds[N_FLOOD];

  alarm (n / 100);
  for (guint i = 0; i < N_FLOOD; i++)
    fds[i] = -1;
  for (guint i = 0; i < n; i++)
    flood_once (address, manner, &fds[i % N_FLOOD]);
  _exit (0);
}

static void
check_flood (const char *address,
             Manner      manner,
             const char *what)
{
  const guint n = is_long ? 200000 : 4000;
  Siege siege;
  int status;
  pid_t pid;

  alarm (60 + n / 100);
  siege_begin (&siege, address);
  /* Without an end to the flood it is only told */
  siege.max_median = siege.max_p99 = (gint64) (MP_TEST_DEADLINE * G_USEC_PER_SEC);
  pid = fork ();
  if (pid == 0)
    be_flood (siege.server.address, manner, n);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  siege_end (&siege, what, n, 0);
}

/* --- Descriptors that take their time ------------------------------------------------- */

#define N_LINGERING 12

/* FALSE: it has been turned away for what came before. */
/* At once, behind what is proper, behind nothing, and behind what is not. */
static void
bring_lingering (const char *address,
                 guint       manner,
                 int        *other)
{
  int lingering = mp_test_make_lingering (other), fd = connect_raw (address);
  g_autoptr (MpHandshake) handshake = new_handshake (MP_ROLE_CLIENT, other_key, MP_FEATURE_FDS, -1);
  g_autoptr (GBytes) hello = mp_handshake_take_output (handshake), none = g_bytes_new_static ("", 0);
  gboolean was_sent;

  if (manner == 1)
    send (fd, g_bytes_get_data (hello, NULL), g_bytes_get_size (hello), MSG_NOSIGNAL);
  if (manner == 2)
    send (fd, "", 0, MSG_NOSIGNAL);
  if (manner == 3)
    send (fd, "x", 1, MSG_NOSIGNAL);
  was_sent = mp_test_send_with_fd (fd, manner == 2 ? none : hello, lingering);
  mp_fds_discard (&lingering, was_sent ? 0 : 1);
  mp_fd_close (&lingering);
  mp_fd_close (&fd);
}

/* Nobody who serves others closes them. */
static void
test_lingering (void)
{
  int others[N_LINGERING];
  Siege siege;

  alarm (120);
  siege_begin (&siege, NULL);
  for (guint i = 0; i < N_LINGERING; i++)
    bring_lingering (siege.server.address, i % 4, &others[i]);
  siege_end (&siege, "descriptors that take an hour to be closed", N_LINGERING, 0);
  mp_fds_close (others, N_LINGERING);
}

static void
test_floods (void)
{
  check_flood (NULL, KEEP, "a flood of silent ones");
  check_flood (NULL, LEAVE, "a flood of those who leave");
  check_flood (NULL, HELLO, "a flood of hellos");
  check_flood (NULL, WRONG_PROOF, "a flood of wrong proofs");
  check_flood ("tcp:127.0.0.1:0", KEEP, "a flood of silent ones over TCP");
  check_flood ("tcp:127.0.0.1:0", HELLO, "a flood of hellos over TCP");
}

/* --- Hostile listeners ---------------------------------------------------------------- */

static int
listen_raw (const char *path)
{
  struct sockaddr_un native;
  int fd = new_socket ();

  fill_address (&native, path);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &native, sizeof native), ==, 0);
  g_assert_cmpint (listen (fd, 8), ==, 0);
  return fd;
}

static GBytes *
await_message (int fd)
{
  mp_test_poll (fd, POLLIN);
  return receive (fd);
}

/* Plays the listener, as far as the client goes with it. */
static void
receive_client (int              fd,
                gboolean         is_stream,
                const Variation *variation)
{
  g_autoptr (MpHandshake) handshake =
    new_handshake (MP_ROLE_SERVER, variation->change == OTHER_KEY ? other_key : key,
                   is_stream || variation->change == NO_FDS ? 0 : MP_FEATURE_FDS, is_stream ? fd : -1);

  for (guint phase = 0; phase < 2; phase++)
    {
      g_autoptr (GBytes) heard = await_message (fd);
      g_autoptr (GBytes) right = NULL;

      if (heard == NULL)
        return;

      right = answer (handshake, heard);
      if (right == NULL || !say (fd, variation, phase, MP_ROLE_SERVER, right, heard))
        return;

      /* Of a stream nobody knows that it is torn before it ends. */
      if (is_stream && phase == variation->phase && variation->change == TRUNCATED)
        return;
    }
}

/* Whatever it was, the client says that it is not connected, and why. */
static void
expect_refusal (const Variation *variation,
                GAsyncResult    *result)
{
  g_autoptr (GError) error = NULL;
  MpConnection *connection = mp_connection_open_finish (result, &error);

  if (connection != NULL || error->domain != MP_ERROR ||
      !(error->code == MP_ERROR_AUTHENTICATION || error->code == MP_ERROR_CORRUPTED ||
        error->code == MP_ERROR_NOT_SUPPORTED || error->code == MP_ERROR_REFUSED))
    g_error ("phase %u, change %u, %u: %s", variation->phase, variation->change, variation->n,
             error != NULL ? error->message : "the client has believed it");
}

typedef struct
{
  const Variation *variation;
  gboolean is_stream;
} Host;

static gboolean
on_client (int          listening,
           GIOCondition condition,
           gpointer     data)
{
  Host *self = data;
  int fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  receive_client (fd, self->is_stream, self->variation);
  close (fd);
  return G_SOURCE_CONTINUE;
}

/* Who was not heard comes again, and it is the same with him then. */
static GAsyncResult *
connect_and_receive (const char      *address,
                     int              listening,
                     const Variation *variation)
{
  Host host = { variation, is_tcp (address) };
  guint source = g_unix_fd_add (listening, G_IO_IN, on_client, &host);
  GAsyncResult *result = NULL;

  mp_connection_open_async (address, key, MP_TEST_DEADLINE, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  g_source_remove (source);
  return result;
}

static void
check_listeners (GArray     *variations,
                 const char *address,
                 int         listening,
                 const char *what)
{
  static const Variation right = { 2, AS_IT_IS, 0 };
  g_autoptr (MpConnection) connection = NULL;
  GAsyncResult *result;

  for (guint i = 0; i < variations->len; i++)
    {
      const Variation *variation = &g_array_index (variations, Variation, i);

      alarm (60);
      result = connect_and_receive (address, listening, variation);
      expect_refusal (variation, result);
      g_object_unref (result);
    }

  /* It is no wonder that nobody gets in where nobody can. */
  result = connect_and_receive (address, listening, &right);
  connection = mp_connection_open_finish (result, NULL);
  g_assert_nonnull (connection);
  g_object_unref (result);
  g_test_message ("%s: %u cases", what, variations->len);
}

static GArray *
list_of_listeners (void)
{
  return list_variations (MP_PREAMBLE_HEADER + MP_HELLO_SERVER_SIZE, MP_PREAMBLE_HEADER + 49);
}

static void
test_listeners (void)
{
  g_autoptr (GArray) all = list_of_listeners ();
  g_autoptr (GArray) chosen = NULL;
  g_autofree char *path = g_build_filename (g_getenv ("XDG_RUNTIME_DIR"), "hostile", NULL);
  int listening = listen_raw (path);

  add_all (all, 0, NO_FDS, 0, 1);
  chosen = choose (all, 1, N_CASES_LONG / 2);
  check_listeners (chosen, path, listening, "hostile listeners");
  close (listening);
  unlink (path);
}

static void
test_tcp_listeners (void)
{
  g_autoptr (GArray) all = list_of_listeners ();
  g_autoptr (GArray) chosen = NULL;
  g_autofree char *address = NULL;
  int listening = listen_tcp (&address);

  remove_those_of_packets (all);
  chosen = choose (all, 1, N_CASES_LONG / 4);
  check_listeners (chosen, address, listening, "hostile listeners over TCP");
  close (listening);
}

/* --- Relays --------------------------------------------------------------------------- */

/* Passes on what two that know the key say to each other. */
static void
pass_on (int client,
         int server)
{
  for (guint i = 0; i < 4; i++)
    {
      g_autoptr (GBytes) message = await_message (i % 2 == 0 ? client : server);

      if (message == NULL)
        return;

      send (i % 2 == 0 ? server : client, g_bytes_get_data (message, NULL), g_bytes_get_size (message), MSG_NOSIGNAL);
    }
}

static void
be_relay (const char *path_of_listener,
          const char *path,
          int         ready_fd)
{
  int listening, client, server;

  if (setuid (12345) != 0)
    _exit (1);

  listening = listen_raw (path);
  close (ready_fd);
  client = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);
  server = connect_raw (path_of_listener);
  pass_on (client, server);
  _exit (0);
}

/* As another user: what each end sees of the other is not what that sees of itself. */
static void
test_relay (void)
{
  const char *folder = g_getenv ("XDG_RUNTIME_DIR");
  g_autofree char *path = g_build_filename (folder, "relay", NULL);
  g_autoptr (GError) error = NULL;
  Siege siege;
  int ready[2], status;
  pid_t pid;

  if (geteuid () != 0)
    {
      g_test_skip ("only root can be another user");
      return;
    }

  siege_begin (&siege, NULL);
  g_assert_cmpint (chmod (folder, 0777), ==, 0);
  g_assert_cmpint (chmod (siege.server.address + strlen ("unix:"), 0666), ==, 0);
  g_assert_cmpint (pipe2 (ready, O_CLOEXEC), ==, 0);
  pid = fork ();
  if (pid == 0)
    be_relay (siege.server.address, path, ready[1]);
  close (ready[1]);
  mp_test_poll (ready[0], POLLIN | POLLHUP);
  close (ready[0]);

  g_assert_null (mp_connection_open (path, key, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  siege_end (&siege, "a relay", 1, 0);
  g_assert_cmpint (chmod (folder, 0700), ==, 0);
  unlink (path);
}

/* --- Main ----------------------------------------------------------------------------- */

/* What serves those who connect stays for the life of a process. */
static void
warm_up (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("XDG_RUNTIME_DIR"), "warm-up", NULL);
  static const Variation right = { 2, AS_IT_IS, 0 };
  int listening = listen_raw (path);

  g_object_unref (connect_and_receive (path, listening, &right));
  close (listening);
  unlink (path);
}

int
main (int    argc,
      char **argv)
{
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  is_long = g_getenv ("MP_TEST_LONG") != NULL;
  key = mp_auth_key_new_data ((const guint8 *) MP_TEST_SIEGE_KEY, strlen (MP_TEST_SIEGE_KEY));
  other_key = mp_auth_key_new_random ();
  null_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  record ();

  mp_test_add ("/hostile-peers/clients", test_clients);
  mp_test_add ("/hostile-peers/tcp-clients", test_tcp_clients);
  mp_test_add ("/hostile-peers/garbage", test_garbage);
  mp_test_add ("/hostile-peers/silent", test_silent);
  mp_test_add ("/hostile-peers/lingering", test_lingering);
  mp_test_add ("/hostile-peers/floods", test_floods);
  mp_test_add ("/hostile-peers/listeners", test_listeners);
  mp_test_add ("/hostile-peers/tcp-listeners", test_tcp_listeners);
  mp_test_add ("/hostile-peers/relay", test_relay);

  return g_test_run ();
}
