/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-host-private.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#define LETTERS_AND_DIGITS G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS

/* Limits of RFC 1035 */
#define MAX_HOST  253
#define MAX_LABEL 63

static gboolean
is_inet4 (const char *host)
{
  struct in_addr ignored;

  return inet_pton (AF_INET, host, &ignored) == 1;
}

/* An address of IPv6, maybe with a zone: fe80::1%eth0 */
static gboolean
is_inet6 (const char *host)
{
  const char *zone = strchr (host, '%');
  g_autofree char *address = g_strndup (host, zone != NULL ? (gsize) (zone - host) : strlen (host));
  struct in6_addr ignored;
  gsize length = zone != NULL ? strlen (zone + 1) : 1;

  if (inet_pton (AF_INET6, address, &ignored) != 1)
    return FALSE;

  return length > 0 && length < IF_NAMESIZE &&
         (zone == NULL || strspn (zone + 1, LETTERS_AND_DIGITS "-_.") == length);
}

static gboolean
is_label (const char *label)
{
  gsize length = strlen (label);

  return length > 0 && length <= MAX_LABEL &&
         strspn (label, LETTERS_AND_DIGITS "-_") == length &&
         label[0] != '-' && label[length - 1] != '-';
}

/* Resolvers take 127.1, 0x7f.1 and 2130706433 for addresses, each in its own way. */
static gboolean
looks_like_number (const char *label)
{
  return (label[0] != '\0' && strspn (label, G_CSET_DIGITS) == strlen (label)) ||
         g_ascii_strncasecmp (label, "0x", 2) == 0;
}

static gboolean
is_name (const char *host)
{
  g_auto (GStrv) labels = g_strsplit (host, ".", -1);
  guint n = g_strv_length (labels);

  if (n == 0 || strlen (host) > MAX_HOST || looks_like_number (labels[n - 1]))
    return FALSE;

  for (guint i = 0; i < n; i++)
    if (!is_label (labels[i]))
      return FALSE;

  return TRUE;
}

/*< private >
 * mp_host_find_fault:
 * @host: a name, or an address of IPv4 or IPv6
 *
 * Whether a host means the same everywhere. Nothing is looked up.
 *
 * Returns: (nullable): the end of a sentence about an address, or %NULL: it is proper
 */
const char *
mp_host_find_fault (const char *host)
{
  if (host[0] == '\0')
    return "names no host; write 127.0.0.1 for this machine alone, or 0.0.0.0 for all that can reach it";

  if (strchr (host, ':') != NULL)
    return is_inet6 (host) ? NULL : "has a host that is no address of IPv6";

  if (is_inet4 (host) || is_name (host))
    return NULL;

  if (looks_like_number (strrchr (host, '.') != NULL ? strrchr (host, '.') + 1 : host))
    return "has a host that is no full address of IPv4; write all four numbers, without zeros before them";

  return "has a host that is no name; those in other scripts are written with xn--";
}
