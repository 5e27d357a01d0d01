/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-arrival-private.h"
#include "mp-fd-private.h"
#include "mp-test-siege.h"
#include "mp-test.h"

/* What a listener may grow by. */
#define MAX_GROWTH_KIB (32 * 1024)

/* What half of the honest ones may wait for their answer, in µs. */
#define MAX_MEDIAN (250 * 1000)

/* Of what the library keeps for the life of a process once it has needed it: a pump, and an eventfd of a thread. */
#define N_LASTING_FDS 5

/* --- The honest ones ------------------------------------------------------------------ */

char *
hear (int fd)
{
  GString *line = g_string_new (NULL);
  char c;

  for (;;)
    {
      mp_test_poll (fd, POLLIN);
      g_assert_cmpint (read (fd, &c, 1), ==, 1);
      if (c == '\n')
        return g_string_free (line, FALSE);
      g_string_append_c (line, c);
    }
}

static void
start_honest_as (Honest     *self,
                 const char *what,
                 const char *wire,
                 const char *address)
{
  g_autofree char *mode = g_strdup_printf ("%s%s %s", what, wire, address);
  g_autofree char *ready = NULL;
  int said[2], end[2];

  g_assert_cmpint (pipe2 (said, O_CLOEXEC), ==, 0);
  g_assert_cmpint (pipe2 (end, O_CLOEXEC), ==, 0);
  self->pid = mp_test_spawn ("hostile-peer", mode, (const int[]) { said[1], end[0], -1 });
  close (said[1]);
  close (end[0]);
  self->said_fd = said[0];
  self->end_fd = end[1];
  ready = hear (self->said_fd);
  g_assert_true (g_str_has_prefix (ready, "ready"));
  self->address = ready[5] == ' ' ? g_strdup (ready + 6) : NULL;
}

void
start_honest (Honest     *self,
              const char *what,
              const char *address)
{
  start_honest_as (self, what, "", address);
}

char *
end_honest (Honest *self)
{
  char *line;
  int status;

  g_clear_pointer (&self->address, g_free);
  close (self->end_fd);
  line = hear (self->said_fd);
  close (self->said_fd);
  status = mp_test_wait (self->pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  return line;
}

guint
get_memory_kib (GPid        pid,
                const char *key_of_line)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", (int) pid);
  g_autofree char *status = NULL;
  const char *line;

  g_assert_true (g_file_get_contents (path, &status, NULL, NULL));
  line = strstr (status, key_of_line);
  g_assert_nonnull (line);
  return (guint) g_ascii_strtoull (line + strlen (key_of_line), NULL, 10);
}

guint
count_fds_of (GPid pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd", (int) pid);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

/* One that comes, asks and goes. */
static void
ask (Siege *self)
{
  g_autofree char *line = NULL;
  Honest honest;
  guint n_asked;

  start_honest_as (&honest, "ask", self->wire, self->server.address);
  line = end_honest (&honest);
  g_assert_cmpint (sscanf (line, "%u", &n_asked), ==, 1);
  self->n_asked += n_asked;
}

static void
begin (Siege      *self,
       const char *wire,
       const char *address)
{
  g_autofree char *path = g_build_filename (g_getenv ("XDG_RUNTIME_DIR"), "besieged", NULL);

  self->wire = wire;
  start_honest_as (&self->server, "serve", wire, address != NULL ? address : path);
  self->n_asked = 0;
  self->max_median = MAX_MEDIAN;
  self->max_p99 = 4 * MAX_MEDIAN; /* of a hundred answers that is the slowest, on a machine that may be busy */
  ask (self); /* what the first one brings with it stays */
  self->memory_before = get_memory_kib (self->server.pid, "VmRSS:");
  self->fds_before = count_fds_of (self->server.pid);
  start_honest_as (&self->client, "ask", wire, self->server.address);
}

void
siege_begin (Siege      *self,
             const char *address)
{
  begin (self, "", address);
}

void
siege_begin_python (Siege *self)
{
  begin (self, "-python", NULL);
}

void
siege_begin_tls (Siege *self)
{
  begin (self, "-tls", "tcp:127.0.0.1:0");
}

/* Sockets of TCP say farewell for some seconds at most after nobody needs them any more; nothing tells when they
 * are closed.
 */
static void
wait_for_descriptors (Siege *self)
{
  gint64 give_up = g_get_monotonic_time () + (gint64) (MP_TEST_DEADLINE * G_USEC_PER_SEC);

  while (count_fds_of (self->server.pid) > self->fds_before + N_LASTING_FDS)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, give_up);
      g_usleep (5000); /* house: no-sleep: /proc tells of no descriptor that closes */
    }
}

void
siege_end (Siege      *self,
           const char *what,
           guint       n_cases,
           guint       n_let_in)
{
  g_autofree char *of_client = end_honest (&self->client);
  g_autofree char *of_server = NULL;
  guint n_asked, n_accepted, n_echoed, peak;
  gint64 median, p99, longest;

  ask (self);
  peak = get_memory_kib (self->server.pid, "VmHWM:");
  wait_for_descriptors (self);
  of_server = end_honest (&self->server);

  g_assert_cmpint (sscanf (of_client, "%u %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT,
                           &n_asked, &median, &p99, &longest), ==, 4);
  g_assert_cmpint (sscanf (of_server, "%u %u", &n_accepted, &n_echoed), ==, 2);
  g_test_message ("%s: %u cases; honest client: %u answers, median %.1f ms, "
                  "p99 %.1f ms, longest %.1f ms; listener: %u KiB, at most %u KiB more",
                  what, n_cases, n_asked, (double) median / 1000, (double) p99 / 1000,
                  (double) longest / 1000, self->memory_before, peak - self->memory_before);

  g_assert_cmpuint (n_accepted, ==, n_asked + self->n_asked + n_let_in);
  g_assert_cmpuint (n_echoed, >=, n_asked + self->n_asked);
  g_assert_cmpint (median, <, self->max_median);
  g_assert_cmpint (p99, <, self->max_p99);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed */
  g_assert_cmpuint (peak - self->memory_before, <=, MAX_GROWTH_KIB);
#endif
}

/* --- Attempts ------------------------------------------------------------------------- */

void
siege_attempt_all (guint       n,
                   SiegeBegin  begin_one,
                   SiegeGoOn   go_on,
                   gpointer    user_data)
{
  struct pollfd fds[MP_TEST_SIEGE_WINDOW];
  guint next = 0, n_open = 0;

  for (guint i = 0; i < MP_TEST_SIEGE_WINDOW; i++)
    fds[i] = (struct pollfd) { -1, POLLIN, 0 };

  for (;;)
    {
      for (guint i = 0; i < MP_TEST_SIEGE_WINDOW && next < n; i++)
        if (fds[i].fd < 0)
          {
            fds[i].fd = begin_one (i, next++, user_data);
            n_open++;
          }
      if (n_open == 0)
        return;

      alarm (60);
      g_assert_cmpint (poll (fds, MP_TEST_SIEGE_WINDOW, (int) (MP_TEST_DEADLINE * 1000)), >, 0);
      for (guint i = 0; i < MP_TEST_SIEGE_WINDOW; i++)
        if (fds[i].fd >= 0 && fds[i].revents != 0 && !go_on (i))
          {
            fds[i].fd = -1;
            n_open--;
          }
    }
}

/* --- By hand ------------------------------------------------------------------------- */

int
new_socket (void)
{
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  return fd;
}

void
fill_address (struct sockaddr_un *native,
              const char         *path)
{
  *native = (struct sockaddr_un) { .sun_family = AF_UNIX };
  g_strlcpy (native->sun_path, path, sizeof native->sun_path);
}

/* Waits, if the listener's queue is full. */
gboolean
is_tcp (const char *address)
{
  return g_str_has_prefix (address, "tcp:");
}

static int
connect_tcp (const char *address)
{
  struct sockaddr_in native = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  native.sin_port = htons ((guint16) g_ascii_strtoull (strrchr (address, ':') + 1, NULL, 10));
  g_assert_cmpint (connect (fd, (struct sockaddr *) &native, sizeof native), ==, 0);
  return fd;
}

int
connect_raw (const char *address)
{
  struct sockaddr_un native;
  int fd;

  if (is_tcp (address))
    return connect_tcp (address);

  fd = new_socket ();
  fill_address (&native, g_str_has_prefix (address, "unix:") ? address + strlen ("unix:") : address);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &native, sizeof native), ==, 0);
  return fd;
}

MpHandshake *
new_handshake (MpRole     role,
               MpAuthKey *a_key,
               MpFeatures features,
               int        fd)
{
  MpBinding binding;
  MpHandshakeTerms terms = {
    .role = role, .key = a_key, .binding = &binding, .features = features, .max_frame = 1 << 20,
  };

  if (fd < 0)
    mp_binding_init_unix (&binding, geteuid (), geteuid (), NULL);
  else
    g_assert_true (mp_arrival_bind_tcp (&binding, fd, role, NULL));
  return mp_handshake_new (&terms, NULL);
}
