/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-address-private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <gio/gio.h>

#include "mp-error.h"
#include "mp-host-private.h"

#define UNIX     "unix:"
#define ABSTRACT "abstract:"
#define TCP      "tcp:"

#define FORMS "unix:PATH, abstract:NAME or tcp:HOST:PORT"

/* A path ends with a zero there, and an abstract name begins with one. */
#define MAX_NAME (sizeof (((struct sockaddr_un *) NULL)->sun_path) - 1)
#define AT_NAME  offsetof (struct sockaddr_un, sun_path)

static MpAddress *
new_address (MpAddressKind kind,
             const char   *name,
             guint16       port)
{
  MpAddress *self = g_new0 (MpAddress, 1);

  self->kind = kind;
  self->name = g_strdup (name);
  self->port = port;

  return self;
}

void
mp_address_free (MpAddress *self)
{
  g_free (self->name);
  g_free (self);
}

/*< private >
 * mp_address_is_absolute:
 *
 * Returns: whether it means the same after the program has gone to another folder
 */
gboolean
mp_address_is_absolute (const MpAddress *self)
{
  return self->kind != MP_ADDRESS_UNIX || self->name[0] == '/';
}

/*< private >
 * mp_address_make_absolute:
 *
 * Has it mean the same from now on, if the folder has a path, and the kernel has room for that.
 */
void
mp_address_make_absolute (MpAddress *self)
{
  char folder[MAX_NAME + 1];
  char *path;

  if (mp_address_is_absolute (self))
    return;

  /* Not g_get_current_dir(), which makes something up where the folder is gone. */
  if (getcwd (folder, sizeof folder) == NULL || folder[0] != '/')
    return;

  path = g_strconcat (folder, G_DIR_SEPARATOR_S, self->name, NULL);
  if (strlen (path) > MAX_NAME)
    {
      g_free (path);
      return;
    }

  g_free (self->name);
  self->name = path;
}

static MpAddress *
refuse (const char  *text,
        const char  *why,
        GError     **error)
{
  g_autofree char *shown = g_strescape (text, NULL);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "The address '%s' %s", shown, why);

  return NULL;
}

/* --- Sockets with names --------------------------------------------------------- */

/* Whether each program and each language can have the text, and a line of a log. */
static gboolean
is_plain_text (const char *text,
               gsize       length)
{
  if (!g_utf8_validate_len (text, length, NULL))
    return FALSE;

  for (gsize i = 0; i < length; i++)
    if (g_ascii_iscntrl (text[i]))
      return FALSE;

  return TRUE;
}

static MpAddress *
new_named (MpAddressKind  kind,
           const char    *name,
           const char    *text,
           GError       **error)
{
  gsize length = strlen (name);

  if (length == 0)
    return refuse (text, "has no name after its kind; write " FORMS, error);

  if (!is_plain_text (name, length))
    return refuse (text, "is not UTF-8, or has control characters; give the socket another name", error);

  if (length > MAX_NAME)
    {
      g_autofree char *why =
        g_strdup_printf ("has %" G_GSIZE_FORMAT " bytes, and the kernel has room for %" G_GSIZE_FORMAT
                         "; use a folder with a shorter path", length, MAX_NAME);

      return refuse (text, why, error);
    }

  if (kind == MP_ADDRESS_UNIX && name[length - 1] == '/')
    return refuse (text, "is a folder; add the name of a file in it", error);

  return new_address (kind, name, 0);
}

/* --- TCP ------------------------------------------------------------------------ */

static MpAddress *
new_tcp (const char  *host,
         gint64       port,
         const char  *text,
         GError     **error)
{
  const char *why = mp_host_find_fault (host);

  if (why != NULL)
    return refuse (text, why, error);

  if (port < 0 || port > G_MAXUINT16)
    return refuse (text, "has no port from 0 to 65535 behind its host; write tcp:HOST:PORT", error);

  return new_address (MP_ADDRESS_TCP, host, (guint16) port);
}

/*< private >
 * mp_address_new_tcp:
 * @host: a name or a number, without brackets
 *
 * Python's pair.
 *
 * Returns: (transfer full) (nullable): an address; else %G_IO_ERROR_INVALID_ARGUMENT
 */
MpAddress *
mp_address_new_tcp (const char  *host,
                    gint64       port,
                    GError     **error)
{
  g_autofree char *text = g_strdup_printf ("('%s', %" G_GINT64_FORMAT ")", host, port);

  return new_tcp (host, port, text, error);
}

/* -1: it is none. One number is written in one way. */
static gint64
parse_port (const char *text)
{
  gsize length = strspn (text, "0123456789");

  if (length == 0 || length > 5 || text[length] != '\0' || (length > 1 && text[0] == '0'))
    return -1;

  return g_ascii_strtoll (text, NULL, 10);
}

static MpAddress *
parse_tcp (const char  *rest,
           const char  *text,
           GError     **error)
{
  const char *colon = strrchr (rest, ':');
  g_autofree char *host = NULL;

  if (colon == NULL || colon == rest)
    return refuse (text, "needs a host and a port; write tcp:HOST:PORT, with 0.0.0.0 for all of this machine's",
                   error);

  host = g_strndup (rest, (gsize) (colon - rest));
  if (host[0] == '[' && g_str_has_suffix (host, "]") && strchr (host, ':') != NULL)
    {
      memmove (host, host + 1, strlen (host));
      host[strlen (host) - 1] = '\0';
    }
  else if (strchr (host, ':') != NULL)
    {
      return refuse (text, "has more colons than it should; put an address of IPv6 into brackets: tcp:[::1]:PORT",
                     error);
    }

  return new_tcp (host, parse_port (colon + 1), text, error);
}

/* --- Text ------------------------------------------------------------------------ */

static MpAddress *
refuse_form (const char  *text,
             GError     **error)
{
  const char *colon = strrchr (text, ':');

  if (g_str_has_prefix (text, "\\\\"))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
                   "The address '%s' is a named pipe of another platform; write " FORMS, text);
      return NULL;
    }

  if (colon != NULL && parse_port (colon + 1) >= 0)
    return refuse (text, "may be a host and a port or a file; write tcp: or unix: before it", error);

  return refuse (text, "does not say what it is; write " FORMS, error);
}

/*< private >
 * mp_address_parse:
 *
 * Returns: (transfer full) (nullable): the address; else %G_IO_ERROR_INVALID_ARGUMENT,
 *   or %MP_ERROR_NOT_SUPPORTED
 */
MpAddress *
mp_address_parse (const char  *text,
                  GError     **error)
{
  if (!is_plain_text (text, strlen (text)))
    return refuse (text, "is not UTF-8, or has control characters", error);

  if (text[0] == '/')
    return new_named (MP_ADDRESS_UNIX, text, text, error);

  if (g_str_has_prefix (text, UNIX))
    return new_named (MP_ADDRESS_UNIX, text + strlen (UNIX), text, error);

  if (g_str_has_prefix (text, ABSTRACT))
    return new_named (MP_ADDRESS_ABSTRACT, text + strlen (ABSTRACT), text, error);

  if (g_str_has_prefix (text, TCP))
    return parse_tcp (text + strlen (TCP), text, error);

  return refuse_form (text, error);
}

/*< private >
 * mp_address_to_string:
 *
 * Returns: (transfer full): what mp_address_parse() makes the same address of
 */
char *
mp_address_to_string (const MpAddress *self)
{
  switch (self->kind)
    {
    case MP_ADDRESS_UNIX:
      return g_strconcat (UNIX, self->name, NULL);

    case MP_ADDRESS_ABSTRACT:
      return g_strconcat (ABSTRACT, self->name, NULL);

    case MP_ADDRESS_TCP:
    default:
      return g_strdup_printf (strchr (self->name, ':') != NULL ? TCP "[%s]:%u" : TCP "%s:%u",
                              self->name, (guint) self->port);
    }
}

/*< private >
 * mp_address_new_from_python:
 * @string: (array length=length): what Python has for a string, in its encoding of file names
 *
 * Returns: (transfer full) (nullable): the address; else %G_IO_ERROR_INVALID_ARGUMENT,
 *   or %MP_ERROR_NOT_SUPPORTED
 */
MpAddress *
mp_address_new_from_python (const guint8  *string,
                            gsize          length,
                            GError       **error)
{
  gboolean is_abstract = length > 0 && string[0] == '\0';
  g_autofree char *name = g_strndup ((const char *) string + is_abstract, length - is_abstract);

  if (strlen (name) != length - is_abstract)
    return refuse (name, "has a zero in it; give the socket another name", error);

  if (g_str_has_prefix (name, "\\\\"))
    return refuse_form (name, error);

  return new_named (is_abstract ? MP_ADDRESS_ABSTRACT : MP_ADDRESS_UNIX, name, name, error);
}

/* --- What the kernel has ---------------------------------------------------------- */

static MpAddress *
from_unix (const struct sockaddr  *native,
           socklen_t               size,
           GError                **error)
{
  const char *at = (const char *) native + AT_NAME;
  gsize length = size - AT_NAME;

  /* A path may, and need not, end with a zero */
  if (at[0] != '\0')
    length = strnlen (at, length);

  return mp_address_new_from_python ((const guint8 *) at, length, error);
}

static MpAddress *
from_inet (const struct sockaddr  *native,
           socklen_t               size,
           GError                **error)
{
  char host[INET6_ADDRSTRLEN];
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  g_autofree char *scoped = NULL;

  if (native->sa_family == AF_INET)
    {
      memcpy (&v4, native, MIN (size, sizeof v4));
      inet_ntop (AF_INET, &v4.sin_addr, host, sizeof host);
      return mp_address_new_tcp (host, g_ntohs (v4.sin_port), error);
    }

  memcpy (&v6, native, MIN (size, sizeof v6));
  if (IN6_IS_ADDR_V4MAPPED (&v6.sin6_addr))
    inet_ntop (AF_INET, v6.sin6_addr.s6_addr + 12, host, sizeof host);
  else
    inet_ntop (AF_INET6, &v6.sin6_addr, host, sizeof host);
  scoped = v6.sin6_scope_id != 0 ? g_strdup_printf ("%s%%%u", host, v6.sin6_scope_id) : g_strdup (host);

  return mp_address_new_tcp (scoped, g_ntohs (v6.sin6_port), error);
}

/*< private >
 * mp_address_new_from_native:
 * @size: as the kernel said
 *
 * Returns: (transfer full) (nullable): the address; %NULL without an error, if the
 *   socket has none; else %G_IO_ERROR_INVALID_ARGUMENT for one that cannot be written
 */
MpAddress *
mp_address_new_from_native (const struct sockaddr  *native,
                            socklen_t               size,
                            GError                **error)
{
  if (native->sa_family == AF_UNIX && size <= AT_NAME)
    return NULL;

  if (native->sa_family == AF_UNIX && size <= sizeof (struct sockaddr_un))
    return from_unix (native, size, error);

  if ((native->sa_family == AF_INET && size >= sizeof (struct sockaddr_in)) ||
      (native->sa_family == AF_INET6 && size >= sizeof (struct sockaddr_in6)))
    return from_inet (native, size, error);

  g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED, "The socket is neither a unix socket nor one of TCP");

  return NULL;
}

static void
to_unix (const MpAddress         *self,
         struct sockaddr_storage *native,
         socklen_t               *size)
{
  char *at = (char *) native + AT_NAME;
  gsize length = strlen (self->name);

  native->ss_family = AF_UNIX;
  memcpy (self->kind == MP_ADDRESS_ABSTRACT ? at + 1 : at, self->name, length);
  *size = (socklen_t) (AT_NAME + length + 1);
}

static gboolean
to_inet (const MpAddress         *self,
         struct sockaddr_storage *native,
         socklen_t               *size)
{
  struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = g_htons (self->port) };
  struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = g_htons (self->port) };

  if (inet_pton (AF_INET, self->name, &v4.sin_addr) == 1)
    {
      memcpy (native, &v4, sizeof v4);
      *size = sizeof v4;
      return TRUE;
    }

  if (inet_pton (AF_INET6, self->name, &v6.sin6_addr) != 1)
    return FALSE;

  memcpy (native, &v6, sizeof v6);
  *size = sizeof v6;

  return TRUE;
}

/*< private >
 * mp_address_to_native:
 * @native: (out caller-allocates)
 * @size: (out)
 *
 * Returns: whether that is the address; %FALSE: the host has a name, or a zone, that
 *   must be looked up first
 */
gboolean
mp_address_to_native (const MpAddress         *self,
                      struct sockaddr_storage *native,
                      socklen_t               *size)
{
  memset (native, 0, sizeof *native);
  *size = 0;

  if (self->kind == MP_ADDRESS_TCP)
    return to_inet (self, native, size);

  to_unix (self, native, size);

  return TRUE;
}
