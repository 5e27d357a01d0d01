/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-report-private.h"

#include <string.h>

#include "mp-error.h"

static GVariant *
new_report (const char *domain,
            int         code,
            const char *message,
            const char *type,
            const char *traceback,
            const char *codec,
            GBytes     *payload)
{
  gsize length = 0;
  gconstpointer data = payload != NULL ? g_bytes_get_data (payload, &length) : NULL;
  /* What a function raises with is its own affair; what travels is UTF-8 */
  g_autofree char *valid_message = g_utf8_make_valid (message != NULL ? message : "", -1);
  g_autofree char *valid_type = g_utf8_make_valid (type != NULL ? type : "", -1);
  g_autofree char *valid_traceback = g_utf8_make_valid (traceback != NULL ? traceback : "", -1);

  return g_variant_new ("(sissss@ay)", domain, code, valid_message, valid_type, valid_traceback,
                        codec != NULL ? codec : "",
                        g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, data, length, 1));
}

GVariant *
mp_report_new (const GError *error)
{
  return new_report (g_quark_to_string (error->domain), error->code, error->message, NULL, NULL, NULL, NULL);
}

GVariant *
mp_report_new_remote (MpError     code,
                      const char *type,
                      const char *message,
                      const char *traceback,
                      const char *codec,
                      GBytes     *payload)
{
  return new_report (g_quark_to_string (MP_ERROR), (int) code, message, type, traceback, codec, payload);
}

/* A domain is in the table from when it is first named.  Those that everybody may test for are there before, so that
 * the first error is not another one than the second. */
static void
name_common_domains (void)
{
  static GQuark (* const domains[]) (void) = {
    mp_error_quark, g_io_error_quark, g_file_error_quark, g_convert_error_quark, g_dbus_error_quark,
    g_key_file_error_quark, g_markup_error_quark, g_number_parser_error_quark, g_option_error_quark,
    g_regex_error_quark, g_resolver_error_quark, g_resource_error_quark, g_shell_error_quark,
    g_spawn_error_quark, g_spawn_exit_error_quark, /* house: no-glib-threads: names only */
    g_tls_error_quark, g_variant_parse_error_quark,
  };
  static gsize once;

  if (g_once_init_enter (&once))
    {
      for (guint i = 0; i < G_N_ELEMENTS (domains); i++)
        domains[i] ();
      g_once_init_leave (&once, 1);
    }
}

/* Names of quarks are for ever: as many as a program can be thought to have */
#define MOST_OWN_DOMAINS 64
#define LONGEST_OWN_DOMAIN 128

static gboolean
is_name (const char *domain)
{
  gsize length = strlen (domain);

  for (gsize i = 0; i < length; i++)
    {
      if (!g_ascii_isgraph (domain[i]))
        return FALSE;
    }
  return length > 0 && length <= LONGEST_OWN_DOMAIN;
}

/* A peer's strings do not fill the table of quarks: only domains that this process has anyway, and those that are
 * this program's own, whether or not this process has had an error of theirs.  Whoever looks for such an error names
 * the domain only afterwards. */
static GQuark
find_domain (const char *domain,
             gboolean    is_own)
{
  static int n_own; /* atomic */
  GQuark quark;

  name_common_domains ();
  quark = g_quark_try_string (domain);
  if (quark != 0 || !is_own || !is_name (domain) || g_atomic_int_get (&n_own) >= MOST_OWN_DOMAINS)
    return quark;

  g_atomic_int_inc (&n_own);
  return g_quark_from_string (domain);
}

GError *
mp_report_to_error (GVariant   *report,
                    gboolean    is_own,
                    const char *prefix)
{
  const char *domain, *message, *type;
  g_autoptr (GString) text = g_string_new (NULL);
  GQuark quark;
  gint32 code;

  g_variant_get (report, "(&si&s&sssay)", &domain, &code, &message, &type, NULL, NULL, NULL);

  if (prefix != NULL)
    g_string_append_printf (text, "%s: ", prefix);
  if (*type != '\0')
    g_string_append_printf (text, *message != '\0' ? "%s: " : "%s", type);
  g_string_append (text, message);

  quark = find_domain (domain, is_own);
  if (quark == 0)
    return g_error_new_literal (MP_ERROR, MP_ERROR_REMOTE, text->str);
  return g_error_new_literal (quark, code, text->str);
}
