/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-address-private.h"
#include "mp-fd-private.h"
#include "mp-test.h"

#define A8   "aaaaaaaa"
#define A32  A8 A8 A8 A8
#define A107 A32 A32 A32 A8 "aaa"

/* --- Text ------------------------------------------------------------------------- */

static void
test_parse (void)
{
  static const struct {
    const char *text;
    MpAddressKind kind;
    const char *name;
    guint port;
    const char *printed; /* NULL: the text */
  } cases[] = {
    { "/run/user/1000/peer", MP_ADDRESS_UNIX, "/run/user/1000/peer", 0, "unix:/run/user/1000/peer" },
    { "unix:/tmp/100%:6000", MP_ADDRESS_UNIX, "/tmp/100%:6000", 0, NULL },
    { "unix:peer.sock", MP_ADDRESS_UNIX, "peer.sock", 0, NULL },
    { "unix:naïve name", MP_ADDRESS_UNIX, "naïve name", 0, NULL },
    { "unix:tcp:localhost:1", MP_ADDRESS_UNIX, "tcp:localhost:1", 0, NULL },
    { "unix:" A107, MP_ADDRESS_UNIX, A107, 0, NULL },
    { "abstract:/mpglib/peer", MP_ADDRESS_ABSTRACT, "/mpglib/peer", 0, NULL },
    { "abstract:folder/", MP_ADDRESS_ABSTRACT, "folder/", 0, NULL },
    { "abstract:" A107, MP_ADDRESS_ABSTRACT, A107, 0, NULL },
    { "tcp:localhost:6000", MP_ADDRESS_TCP, "localhost", 6000, NULL },
    { "tcp:127.0.0.1:0", MP_ADDRESS_TCP, "127.0.0.1", 0, NULL },
    { "tcp:0.0.0.0:65535", MP_ADDRESS_TCP, "0.0.0.0", 65535, NULL },
    { "tcp:a-b_c.example.1x:1", MP_ADDRESS_TCP, "a-b_c.example.1x", 1, NULL },
    { "tcp:1.example:1", MP_ADDRESS_TCP, "1.example", 1, NULL },
    { "tcp:[::1]:80", MP_ADDRESS_TCP, "::1", 80, NULL },
    { "tcp:[fe80::1%eth0]:80", MP_ADDRESS_TCP, "fe80::1%eth0", 80, NULL },
    { "tcp:[::ffff:127.0.0.1]:80", MP_ADDRESS_TCP, "::ffff:127.0.0.1", 80, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MpAddress) address = mp_address_parse (cases[i].text, &error);
      g_autoptr (MpAddress) again = NULL;
      g_autofree char *printed = NULL;

      g_assert_no_error (error);
      g_assert_cmpint (address->kind, ==, cases[i].kind);
      g_assert_cmpstr (address->name, ==, cases[i].name);
      g_assert_cmpuint (address->port, ==, cases[i].port);
      printed = mp_address_to_string (address);
      g_assert_cmpstr (printed, ==, cases[i].printed != NULL ? cases[i].printed : cases[i].text);

      again = mp_address_parse (printed, NULL);
      g_assert_cmpint (again->kind, ==, address->kind);
      g_assert_cmpstr (again->name, ==, address->name);
      g_assert_cmpuint (again->port, ==, address->port);
    }
}

/* Each error names the address, and what to write in its place. */
static void
test_refused (void)
{
  static const struct {
    const char *text;
    const char *remedy;
  } cases[] = {
    { "", "unix:PATH, abstract:NAME or tcp:HOST:PORT" },
    { "peer.sock", "unix:PATH, abstract:NAME or tcp:HOST:PORT" },
    { "http://localhost", "unix:PATH, abstract:NAME or tcp:HOST:PORT" },
    { "TCP:localhost:x", "unix:PATH, abstract:NAME or tcp:HOST:PORT" },
    { "localhost:6000", "write tcp: or unix: before it" },
    { "unix:", "no name" },
    { "abstract:", "no name" },
    { "unix:/tmp/", "name of a file" },
    { "/", "name of a file" },
    { "unix:" A107 "a", "shorter path" },
    { "/" A107, "shorter path" },
    { "abstract:" A107 "a", "has 108 bytes" },
    { "unix:/tmp/a\nb", "control characters" },
    { "unix:/tmp/\377", "UTF-8" },
    { "tcp:", "tcp:HOST:PORT" },
    { "tcp:localhost", "tcp:HOST:PORT" },
    { "tcp::6000", "0.0.0.0" },
    { "tcp:localhost:", "0 to 65535" },
    { "tcp:localhost:-1", "0 to 65535" },
    { "tcp:localhost:+1", "0 to 65535" },
    { "tcp:localhost: 1", "0 to 65535" },
    { "tcp:localhost:01", "0 to 65535" },
    { "tcp:localhost:65536", "0 to 65535" },
    { "tcp:localhost:4294967297", "0 to 65535" },
    { "tcp:localhost:6000x", "0 to 65535" },
    { "tcp:::1:6000", "brackets" },
    { "tcp:::1", "brackets" },
    { "tcp:[::1]", "brackets" },
    { "tcp:[::1:6000", "brackets" },
    { "tcp:::1]:6000", "brackets" },
    { "tcp:[[::1]]:6000", "IPv6" },
    { "tcp:[]:6000", "no name" },
    { "tcp:[127.0.0.1]:6000", "no name" },
    { "tcp:[localhost]:6000", "no name" },
    { "tcp:[1:2]:6000", "IPv6" },
    { "tcp:[::1%]:6000", "IPv6" },
    { "tcp:[fe80::1%a b]:6000", "IPv6" },
    { "tcp:[fe80::1%aaaaaaaaaaaaaaaa]:6000", "IPv6" },
    { "tcp:127.1:6000", "all four numbers" },
    { "tcp:2130706433:6000", "all four numbers" },
    { "tcp:127.0.0.01:6000", "all four numbers" },
    { "tcp:127.0.0.0x1:6000", "all four numbers" },
    { "tcp:127.0.0.256:6000", "all four numbers" },
    { "tcp:localhost.:6000", "xn--" },
    { "tcp:-a:6000", "xn--" },
    { "tcp:a-:6000", "xn--" },
    { "tcp:a..b:6000", "xn--" },
    { "tcp:a/b:6000", "xn--" },
    { "tcp:a b:6000", "xn--" },
    { "tcp:naïve.example:6000", "xn--" },
    { "tcp:" A32 A32 ":6000", "xn--" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *shown = g_strescape (cases[i].text, NULL);

      g_assert_null (mp_address_parse (cases[i].text, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, shown));
      if (strstr (error->message, cases[i].remedy) == NULL)
        g_error ("%s", error->message);
    }
}

static void
test_pipe (void)
{
  static const char pipe[] = "\\\\.\\pipe\\Name";
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_address_parse (pipe, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_null (mp_address_new_from_python ((const guint8 *) pipe, strlen (pipe), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
}

/* --- Python -------------------------------------------------------------------------- */

static void
assert_python (const char    *string,
               gsize          length,
               MpAddressKind  kind,
               const char    *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpAddress) address = mp_address_new_from_python ((const guint8 *) string, length, &error);

  if (name == NULL)
    {
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      return;
    }

  g_assert_no_error (error);
  g_assert_cmpint (address->kind, ==, kind);
  g_assert_cmpstr (address->name, ==, name);
}

static void
test_python (void)
{
  g_autoptr (MpAddress) pair = mp_address_new_tcp ("::1", 6000, NULL);
  g_autofree char *text = mp_address_to_string (pair);
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (text, ==, "tcp:[::1]:6000");
  g_assert_null (mp_address_new_tcp ("localhost", 65536, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "('localhost', 65536)"));
  g_clear_error (&error);
  g_assert_null (mp_address_new_tcp ("localhost", -1, NULL));
  g_assert_null (mp_address_new_tcp ("", 6000, NULL));
  g_assert_null (mp_address_new_tcp ("[::1]", 6000, NULL));

  /* What would be an address of another kind as text is a file here */
  assert_python ("tcp:localhost:1", 15, MP_ADDRESS_UNIX, "tcp:localhost:1");
  assert_python ("peer.sock", 9, MP_ADDRESS_UNIX, "peer.sock");
  assert_python ("\0peer", 5, MP_ADDRESS_ABSTRACT, "peer");
  assert_python ("\0pe\0er", 6, 0, NULL);
  assert_python ("peer\0", 5, 0, NULL);
  assert_python ("\0", 1, 0, NULL);
  assert_python ("", 0, 0, NULL);
}

/* --- The kernel ------------------------------------------------------------------------ */

static void
assert_native (const char *text,
               gsize       expected_size)
{
  g_autoptr (MpAddress) address = mp_address_parse (text, NULL);
  g_autoptr (MpAddress) again = NULL;
  g_autofree char *printed = NULL;
  struct sockaddr_storage native;
  socklen_t size;

  g_assert_true (mp_address_to_native (address, &native, &size));
  g_assert_cmpuint (size, ==, expected_size);
  again = mp_address_new_from_native ((struct sockaddr *) &native, size, NULL);
  printed = mp_address_to_string (again);
  g_assert_cmpstr (printed, ==, text);
}

static void
test_native (void)
{
  g_autoptr (MpAddress) name = mp_address_parse ("tcp:localhost:6000", NULL);
  g_autoptr (MpAddress) zone = mp_address_parse ("tcp:[fe80::1%eth0]:6000", NULL);
  struct sockaddr_storage native;
  socklen_t size;

  assert_native ("unix:/tmp/peer", 2 + 9 + 1);
  assert_native ("unix:" A107, sizeof (struct sockaddr_un));
  assert_native ("abstract:peer", 2 + 1 + 4);
  assert_native ("abstract:" A107, sizeof (struct sockaddr_un));
  assert_native ("tcp:192.0.2.1:6000", sizeof (struct sockaddr_in));
  assert_native ("tcp:[2001:db8::1]:6000", sizeof (struct sockaddr_in6));

  /* These must be looked up */
  g_assert_false (mp_address_to_native (name, &native, &size));
  g_assert_false (mp_address_to_native (zone, &native, &size));
}

/* What a socket of this machine says of itself. */
static void
test_bound (void)
{
  static const char * const texts[] = { "abstract:mpglib-test-address", "tcp:127.0.0.1:0", "tcp:[::1]:0" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (MpAddress) address = mp_address_parse (texts[i], NULL);
      g_autoptr (MpAddress) bound = NULL;
      struct sockaddr_storage native;
      socklen_t size;
      int fd;

      mp_address_to_native (address, &native, &size);
      fd = socket (native.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (fd < 0 || bind (fd, (struct sockaddr *) &native, size) < 0)
        {
          g_test_message ("%s cannot be had here", texts[i]);
          mp_fd_close (&fd);
          continue;
        }
      size = sizeof native;
      g_assert_cmpint (getsockname (fd, (struct sockaddr *) &native, &size), ==, 0);
      bound = mp_address_new_from_native ((struct sockaddr *) &native, size, NULL);
      g_assert_cmpint (bound->kind, ==, address->kind);
      g_assert_cmpstr (bound->name, ==, address->name);
      g_assert_true (bound->kind != MP_ADDRESS_TCP || bound->port != 0);
      mp_fd_close (&fd);
    }
}

/* What comes from a peer's side may have any length and any bytes. */
static void
test_strange_native (void)
{
  struct sockaddr_un path = { .sun_family = AF_UNIX };
  struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = g_htons (7) };
  struct sockaddr_in6 local = { .sin6_family = AF_INET6, .sin6_scope_id = 3 };
  struct { struct sockaddr_un path; char more; } longer = { .path = { .sun_family = AF_UNIX, .sun_path = "/a" } };
  struct sockaddr strange = { .sa_family = AF_PACKET };
  g_autoptr (MpAddress) full = NULL;
  g_autoptr (MpAddress) as_inet4 = NULL;
  g_autoptr (MpAddress) scoped = NULL;
  g_autoptr (GError) error = NULL;

  /* No name is no error */
  g_assert_null (mp_address_new_from_native ((struct sockaddr *) &path, 2, &error));
  g_assert_no_error (error);

  /* More than there can be */
  g_assert_null (mp_address_new_from_native ((struct sockaddr *) &longer, sizeof longer, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);

  /* 108 bytes without a zero behind them are more than is taken */
  memset (path.sun_path, 'a', sizeof path.sun_path);
  full = mp_address_new_from_native ((struct sockaddr *) &path, sizeof path, &error);
  g_assert_null (full);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  full = mp_address_new_from_native ((struct sockaddr *) &path, sizeof path - 1, &error);
  g_assert_cmpstr (full->name, ==, A107);

  path.sun_path[0] = '\0';
  path.sun_path[5] = '\n';
  g_assert_null (mp_address_new_from_native ((struct sockaddr *) &path, sizeof path, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_null (strchr (error->message, '\n'));
  g_clear_error (&error);

  g_assert_null (mp_address_new_from_native ((struct sockaddr *) &mapped, sizeof mapped - 1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_null (mp_address_new_from_native (&strange, sizeof strange, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);

  memset (mapped.sin6_addr.s6_addr + 10, 0xff, 2);
  mapped.sin6_addr.s6_addr[12] = 127;
  as_inet4 = mp_address_new_from_native ((struct sockaddr *) &mapped, sizeof mapped, NULL);
  g_assert_cmpstr (as_inet4->name, ==, "127.0.0.0");
  local.sin6_addr.s6_addr[0] = 0xfe;
  local.sin6_addr.s6_addr[1] = 0x80;
  scoped = mp_address_new_from_native ((struct sockaddr *) &local, sizeof local, NULL);
  g_assert_cmpstr (scoped->name, ==, "fe80::%3");
}

/* Whatever is taken is printed as it was written, on one line. */
static void
test_random (void)
{
  static const char * const parts[] = {
    "unix:", "abstract:", "tcp:", "/", ":", "[", "]", "%", ".", "a", "localhost", "::1", "127.0.0.1", "6000", "0",
    "-", "\\", "\n", "\xc3\xaf", "\xff", " ", "x",
  };
  guint n = 0;

  for (guint i = 0; i < 20000; i++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      g_autoptr (MpAddress) address = NULL;
      g_autofree char *printed = NULL;

      for (int left = g_test_rand_int_range (1, 7); left > 0; left--)
        g_string_append (text, parts[g_test_rand_int_range (0, G_N_ELEMENTS (parts))]);
      address = mp_address_parse (text->str, NULL);
      if (address == NULL)
        continue;
      printed = mp_address_to_string (address);
      g_assert_cmpstr (text->str[0] == '/' ? printed + strlen ("unix:") : printed, ==, text->str);
      g_assert_null (strchr (printed, '\n'));
      n++;
    }
  g_test_message ("%u of 20000 are addresses", n);
  g_assert_cmpuint (n, >, 100);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);

  mp_test_add ("/address/parse", test_parse);
  mp_test_add ("/address/refused", test_refused);
  mp_test_add ("/address/pipe", test_pipe);
  mp_test_add ("/address/python", test_python);
  mp_test_add ("/address/native", test_native);
  mp_test_add ("/address/bound", test_bound);
  mp_test_add ("/address/strange-native", test_strange_native);
  mp_test_add ("/address/random", test_random);

  return g_test_run ();
}
