/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Who says the hello of TLS to a listener, has it sign the answer and wait for his, and says no more: again and again,
 * as many times at once as a listener lets in.  Meanwhile an honest client is served.
 *
 *   MP_TEST_LONG=1   twenty times as many
 */

#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-preamble-private.h"
#include "mp-test-listener.h"
#include "mp-test-siege.h"
#include "mp-test.h"

/* Of strangers, with an honest one besides. */
#define N_CROWD (MP_PREAMBLE_MAX_STRANGERS - 4)

static MpAuthKey *key;
static guint n_times = 1;

/* --- Strangers ------------------------------------------------------------------------ */

static void
begin_one (struct pollfd *place,
           const Siege   *siege,
           guint          network,
           GBytes        *hello)
{
  struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK + (network << 8)) };
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  to.sin_port = htons ((guint16) g_ascii_strtoull (strrchr (siege->server.address, ':') + 1, NULL, 10));
  g_assert_cmpint (bind (fd, (struct sockaddr *) &from, sizeof from), ==, 0);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &to, sizeof to), ==, 0);
  send (fd, g_bytes_get_data (hello, NULL), g_bytes_get_size (hello), MSG_NOSIGNAL);
  *place = (struct pollfd) { fd, POLLRDHUP, 0 };
}

/* The honest one is of network 0. */
static guint
get_network (guint place,
             guint n_networks)
{
  return n_networks > 0 ? 1 + place % n_networks : 0;
}

/* Whoever is sent away comes again at once. */
static void
besiege (const Siege *siege,
         guint        n_open,
         guint        n_networks,
         guint        n)
{
  g_autoptr (GBytes) hello = record_hello (key);
  struct pollfd fds[N_CROWD];
  guint n_begun = 0;

  for (; n_begun < n_open; n_begun++)
    begin_one (&fds[n_begun], siege, get_network (n_begun, n_networks), hello);

  while (n_begun < n)
    {
      alarm (60);
      g_assert_cmpint (poll (fds, n_open, (int) (MP_TEST_DEADLINE * 1000)), >, 0);
      for (guint i = 0; i < n_open; i++)
        if (fds[i].revents != 0)
          {
            close (fds[i].fd);
            begin_one (&fds[i], siege, get_network (i, n_networks), hello);
            n_begun++;
          }
    }

  for (guint i = 0; i < n_open; i++)
    close (fds[i].fd);
}

typedef struct
{
  const char *path;
  const char *what;
  guint n_open;
  guint n_networks;
  guint n;           /* in all */
  gint64 max_median; /* µs */
} Case;

/* Nobody can tell an honest one from others of his network: there he waits for those who came before him. */
static const Case cases[] = {
  { "/hostile-tls/one-network", "hellos of one network", MP_PREAMBLE_MAX_OF_ONE, 1, 300, 250000 },
  { "/hostile-tls/networks", "hellos of seven networks", 7 * MP_PREAMBLE_MAX_OF_ONE, 7, 800, 250000 },
  { "/hostile-tls/same-network", "hellos of the honest one's network", N_CROWD, 0, 800, 2000000 },
};

static void
test_hellos (gconstpointer data)
{
  const Case *self = data;
  Siege siege;

  siege_begin_tls (&siege);
  siege.max_median = self->max_median;
  siege.max_p99 = 4 * self->max_median; /* of so few answers that is the slowest, on a machine that may be busy */
  besiege (&siege, self->n_open, self->n_networks, self->n * n_times);
  siege_end (&siege, self->what, self->n * n_times, 0);
}

/* --- Main ----------------------------------------------------------------------------- */

static void
warm_up (void)
{
  g_bytes_unref (record_hello (key));
}

int
main (int    argc,
      char **argv)
{
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  if (g_getenv ("MP_TEST_LONG") != NULL)
    n_times = 20;
  key = mp_auth_key_new_data ((const guint8 *) MP_TEST_SIEGE_KEY, strlen (MP_TEST_SIEGE_KEY));

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    mp_test_add_data (cases[i].path, &cases[i], test_hellos);

  return g_test_run ();
}
