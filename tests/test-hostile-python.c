/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* As test-hostile-peers.c, in Python's protocol: who connects says anything but what he should, and is not let in.
 *
 *   MP_TEST_LONG=1   each bit and each length, and many at random
 */

#include "config.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-python-wire-private.h"
#include "mp-test-siege.h"
#include "mp-test.h"

#define N_RANDOM_LONG 20000

/* The messages of a client, in their order, and how long they are. */
typedef enum
{
  RESPONSE,
  CHALLENGE,
  VERDICT,
  N_MESSAGES
} Message;

static const guint lengths[N_MESSAGES] = { 4 + 40, 4 + 59, 4 + 9 };

/* A server says its challenge, and perhaps that this is no right response. */
#define CHALLENGE_SIZE (4 + 59)
#define VERDICT_SIZE   (4 + 9)

typedef enum
{
  TRUNCATED,   /* the first n bytes */
  FLIPPED,     /* bit n */
  LENGTH,      /* the n-th edge in the place of the length */
  RANDOM,      /* n bytes anywhere */
  REPLAYED,    /* what was once right */
  REFLECTED,   /* what the server has said first */
  OTHER_ROLE,  /* what the server would say there */
  EARLY,       /* what comes after that */
  OTHER_KEY,
  MD5,         /* in the older dialect */
  AS_IT_IS,
} Change;

typedef struct
{
  Message message;
  Change change;
  guint n;
} Variation;

typedef struct
{
  Variation variation;
  MpPythonWire *wire;
  GByteArray *heard;
  guint n_said;
  int fd;
} Attempt;

static const guint32 edges[] = {
  0, 1, 2, 9, 19, 20, 39, 41, 58, 60, 127, 128, 255, 256, 257, 511, 512, 513, 0xffff, 0x10000, 0x7fffffff,
  0x80000000, 0xfffffffe, 0xffffffff, 0x28000000,
};

static MpAuthKey *key, *other_key;
static gboolean is_long;

/* Of a client that was let in once. */
static GBytes *recorded[N_MESSAGES];

/* --- Messages ------------------------------------------------------------------------- */

static MpPythonWire *
new_client (MpAuthKey *a_key)
{
  MpPythonWireTerms terms = {
    .role = MP_ROLE_CLIENT, .key = a_key, .is_local = TRUE,
    .secret = (const guint8 *) "the secret of this process, 32 B",
  };
  g_autoptr (GError) error = NULL;
  MpPythonWire *self = mp_python_wire_new (&terms, &error);

  g_assert_no_error (error);
  return self;
}

/* What the client says to it. */
static GBytes *
answer (MpPythonWire *self,
        const guint8 *data,
        gsize         size)
{
  gsize n_taken;

  while (size > 0 && mp_python_wire_get_wanted (self) > 0 && mp_python_wire_feed (self, data, size, &n_taken, NULL))
    {
      data += n_taken;
      size -= n_taken;
    }

  return mp_python_wire_take_output (self);
}

static GByteArray *
new_framed (const char *text)
{
  GByteArray *message = g_byte_array_new ();

  mp_preamble_append (message, (const guint8 *) text, strlen (text));
  return message;
}

static GByteArray *
change_message (const Attempt *self,
                GBytes        *right)
{
  const Variation *variation = &self->variation;
  g_autoptr (GByteArray) message = g_byte_array_new ();
  guint32 length;

  g_byte_array_append (message, g_bytes_get_data (right, NULL), (guint) g_bytes_get_size (right));
  switch (variation->change)
    {
    case TRUNCATED:
      g_byte_array_set_size (message, variation->n);
      break;

    case FLIPPED:
      message->data[variation->n / 8] ^= (guint8) (1 << variation->n % 8);
      break;

    case LENGTH:
      length = GUINT32_TO_BE (edges[variation->n]);
      if (memcmp (message->data, &length, sizeof length) == 0)
        length ^= 1;
      memcpy (message->data, &length, sizeof length);
      break;

    case RANDOM:
      for (guint i = 0; i < variation->n; i++)
        message->data[g_test_rand_int_range (0, (gint32) message->len)] ^= (guint8) g_test_rand_int_range (1, 256);
      if (memcmp (message->data, g_bytes_get_data (right, NULL), message->len) == 0) /* twice the same */
        message->data[message->len - 1] ^= 1;
      break;

    case REPLAYED:
      g_byte_array_set_size (message, 0);
      g_byte_array_append (message, g_bytes_get_data (recorded[variation->message], NULL),
                           (guint) g_bytes_get_size (recorded[variation->message]));
      break;

    case REFLECTED:
      g_byte_array_set_size (message, 0);
      g_byte_array_append (message, self->heard->data, CHALLENGE_SIZE);
      break;

    case OTHER_ROLE:
      return new_framed ("#WELCOME#");

    case EARLY:
      g_byte_array_set_size (message, 0);
      g_byte_array_append (message, g_bytes_get_data (recorded[variation->message + 1], NULL),
                           (guint) g_bytes_get_size (recorded[variation->message + 1]));
      break;

    case MD5:
      return new_framed ("0123456789abcdef");

    default:
      break;
    }

  return g_steal_pointer (&message);
}

/* --- Attempts ------------------------------------------------------------------------- */

static void
attempt_begin (Attempt         *self,
               const Variation *variation,
               const char      *path)
{
  struct sockaddr_un native;

  fill_address (&native, path);
  self->variation = *variation;
  self->wire = new_client (variation->change == OTHER_KEY ? other_key : key);
  self->heard = g_byte_array_new ();
  self->n_said = 0;
  self->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (connect (self->fd, (struct sockaddr *) &native, sizeof native), ==, 0);
}

/* Who has not proved that he has the key hears nothing that needs it. */
static void
attempt_end (Attempt *self)
{
  gsize size = self->heard->len;
  gboolean is_right = size <= CHALLENGE_SIZE;

  if (size == CHALLENGE_SIZE + VERDICT_SIZE)
    is_right = memcmp (self->heard->data + CHALLENGE_SIZE + 4, "#FAILURE#", 9) == 0;
  if (!is_right && self->variation.message == RESPONSE)
    g_error ("message %u, change %u, %u: heard %" G_GSIZE_FORMAT " bytes", self->variation.message,
             self->variation.change, self->variation.n, size);

  close (self->fd);
  self->fd = -1;
  g_byte_array_unref (self->heard);
  mp_python_wire_free (self->wire);
}

/* After what is wrong nothing more comes: of a stream nobody knows that it is torn before it ends. */
static void
attempt_say (Attempt *self,
             GBytes  *right)
{
  g_autoptr (GByteArray) message = NULL;

  if (self->n_said != self->variation.message)
    {
      send (self->fd, g_bytes_get_data (right, NULL), g_bytes_get_size (right), MSG_NOSIGNAL);
      self->n_said++;
      return;
    }

  message = change_message (self, right);
  send (self->fd, message->data, message->len, MSG_NOSIGNAL);
  self->n_said = N_MESSAGES;
  shutdown (self->fd, SHUT_WR);
}

/* A challenge may come behind a verdict. */
static void
attempt_say_all (Attempt *self,
                 GBytes  *all)
{
  gsize at = 0, size = g_bytes_get_size (all);

  while (self->n_said < N_MESSAGES && at < size)
    {
      gsize length = lengths[self->n_said];
      g_autoptr (GBytes) right = g_bytes_new_from_bytes (all, at, length);

      attempt_say (self, right);
      at += length;
    }
}

static void
attempt_go_on (Attempt *self)
{
  guint8 piece[512];
  gssize n = recv (self->fd, piece, sizeof piece, 0);
  g_autoptr (GBytes) says = NULL;

  if (n <= 0)
    {
      attempt_end (self);
      return;
    }

  g_byte_array_append (self->heard, piece, (guint) n);
  says = answer (self->wire, piece, (gsize) n);
  if (says != NULL)
    attempt_say_all (self, says);
}

static Attempt attempts[MP_TEST_SIEGE_WINDOW];

typedef struct
{
  GArray *variations;
  const char *path;
} Attack;

static int
begin_one (guint    place,
           guint    number,
           gpointer user_data)
{
  const Attack *attack = user_data;

  attempt_begin (&attempts[place], &g_array_index (attack->variations, Variation, number), attack->path);
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
             const char *path)
{
  Attack attack = { variations, path };

  siege_attempt_all (variations->len, begin_one, go_on, &attack);
}

/* --- Variations ----------------------------------------------------------------------- */

static void
add (GArray  *variations,
     Message  message,
     Change   change,
     guint    first,
     guint    end)
{
  for (guint i = first; i < end; i += is_long ? 1 : 1 + end / 100)
    {
      Variation variation = { message, change, i };

      g_array_append_val (variations, variation);
    }
}

/* A challenge is as good as any other if its random part is another one, so that is left alone. */
static GArray *
list_variations (void)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (Variation));

  for (Message message = RESPONSE; message < N_MESSAGES; message++)
    {
      add (all, message, TRUNCATED, 0, lengths[message]);
      add (all, message, LENGTH, 0, G_N_ELEMENTS (edges));
      add (all, message, REFLECTED, 0, 1);
      add (all, message, MD5, 0, 1);
    }
  add (all, RESPONSE, FLIPPED, 0, 8 * lengths[RESPONSE]);
  add (all, CHALLENGE, FLIPPED, 0, 8 * (4 + 19));
  add (all, VERDICT, FLIPPED, 0, 8 * lengths[VERDICT]);
  add (all, RESPONSE, REPLAYED, 0, 1);
  add (all, RESPONSE, OTHER_ROLE, 0, 1);
  add (all, CHALLENGE, OTHER_ROLE, 0, 1);
  add (all, RESPONSE, EARLY, 0, 1);
  add (all, CHALLENGE, EARLY, 0, 1);
  add (all, RESPONSE, OTHER_KEY, 0, 1);
  for (guint i = 0; is_long && i < N_RANDOM_LONG; i++)
    {
      Variation variation = { RESPONSE, RANDOM, (guint) g_test_rand_int_range (1, 9) };

      g_array_append_val (all, variation);
    }

  return all;
}

/* One that is let in, and what it has said. */
static void
record (const char *path)
{
  Attempt self;
  static const Variation right = { N_MESSAGES, AS_IT_IS, 0 };
  guint8 piece[512];
  guint n = 0;

  attempt_begin (&self, &right, path);
  while (n < N_MESSAGES)
    {
      gssize size;
      g_autoptr (GBytes) says = NULL;

      mp_test_poll (self.fd, POLLIN);
      size = recv (self.fd, piece, sizeof piece, 0);
      g_assert_cmpint (size, >, 0);
      says = answer (self.wire, piece, (gsize) size);
      for (gsize at = 0; says != NULL && at < g_bytes_get_size (says); at += lengths[n++])
        recorded[n] = g_bytes_new_from_bytes (says, at, lengths[n]);
      if (says != NULL)
        attempt_say_all (&self, says);
    }
  g_assert_cmpint (mp_python_wire_get_state (self.wire), ==, MP_PYTHON_WIRE_AGREED);
  self.variation.message = VERDICT;
  attempt_end (&self);
}

static void
test_clients (void)
{
  g_autoptr (GArray) variations = list_variations ();
  Siege siege;
  const char *path;

  siege_begin_python (&siege);
  path = siege.server.address + strlen ("unix:");
  record (path);
  attempt_all (variations, path);
  siege_end (&siege, "hostile clients in Python's protocol", variations->len, 1);
  for (guint i = 0; i < N_MESSAGES; i++)
    g_bytes_unref (recorded[i]);
}

int
main (int    argc,
      char **argv)
{
  mp_test_init (&argc, &argv);
  is_long = g_getenv ("MP_TEST_LONG") != NULL;
  key = mp_auth_key_new_data ((const guint8 *) MP_TEST_SIEGE_KEY, strlen (MP_TEST_SIEGE_KEY));
  other_key = mp_auth_key_new_random ();

  mp_test_add ("/hostile-python/clients", test_clients);

  return g_test_run ();
}
