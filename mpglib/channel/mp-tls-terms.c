/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-tls-terms-private.h"

#include <string.h>

#include "mp-error.h"

struct _MpTlsTerms
{
  gatomicrefcount refs;
  MpRole role;
  GTlsCertificate *certificate;  /* nullable */
  gboolean is_own;               /* the certificate is the user's */
  GTlsCertificate *trusted;      /* nullable */
  char *peer_name;               /* nullable */
};

/* A server must show something.  This is for those who have nothing, with a private key that everybody knows: who an
 * end is then tells the key of the proofs alone, which are bound to the secrets of the very connection.
 */
static const char built_in[] =
  "-----BEGIN CERTIFICATE-----\n"
  "MIIBYzCCAQmgAwIBAgICEAAwCgYIKoZIzj0EAwIwITEfMB0GA1UEAwwWbXBnbGli\n"
  "LCBwcm92ZXMgbm90aGluZzAgFw0yMDAxMDEwMDAwMDBaGA85OTk5MTIzMTIzNTk1\n"
  "OVowITEfMB0GA1UEAwwWbXBnbGliLCBwcm92ZXMgbm90aGluZzBZMBMGByqGSM49\n"
  "AgEGCCqGSM49AwEHA0IABMdvPvC7nrAbEwypbPfCLbssRfR8rjvW2X8pOiQ5bUTi\n"
  "fvuQKB75T9mXnPj5CyxqQeTlaiKKFCjtPAArK9A3js2jLzAtMAwGA1UdEwEB/wQC\n"
  "MAAwHQYDVR0OBBYEFBljRMRipnqpqqu9dUWSKeOLAR6jMAoGCCqGSM49BAMCA0gA\n"
  "MEUCIQCWBQzFZ0R7PmcdRQ0L8A7vsEC7q6LS1Womu/NVCFSP3QIgCv+EjyvBeF/f\n"
  "suoClA9Qb8X+5GvEasOKtN8MbXYsuAs=\n"
  "-----END CERTIFICATE-----\n"
  "-----BEGIN PRIVATE KEY-----\n"
  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgw8xyc5CfiJmOclXp\n"
  "DYHj194MW/QKjoCg9J3/kSr3ETehRANCAATHbz7wu56wGxMMqWz3wi27LEX0fK47\n"
  "1tl/KTokOW1E4n77kCge+U/Zl5z4+QssakHk5WoiihQo7TwAKyvQN47N\n"
  "-----END PRIVATE KEY-----\n";

/*< private >
 * mp_tls_check_backend:
 *
 * Returns: whether GIO has TLS here; else %MP_ERROR_NOT_SUPPORTED with what helps
 */
gboolean
mp_tls_check_backend (GError **error)
{
  if (g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
               "GIO has no TLS here; install the package glib-networking, or look whether GIO_MODULE_DIR or "
               "GIO_USE_TLS keeps GIO from it");
  return FALSE;
}

/* --- Copies ------------------------------------------------------------------------ */

static GTlsCertificate *
refuse_certificate (GError     **error,
                    const char  *why)
{
  g_set_error (error, MP_ERROR, MP_ERROR_REFUSED, "The certificate cannot be used: %s", why);
  return NULL;
}

/* With those who have issued it, as far as the user's knows them. */
static void
append_chain (GString         *pem,
              GTlsCertificate *certificate)
{
  for (; certificate != NULL; certificate = g_tls_certificate_get_issuer (certificate))
    {
      g_autofree char *one = NULL;

      g_object_get (certificate, "certificate-pem", &one, NULL);
      g_string_append (pem, one != NULL ? one : "");
    }
}

/* Of keys that are in a device one has the name. */
static GTlsCertificate *
copy_by_name (GTlsCertificate  *original,
              GError          **error)
{
  g_autofree char *name = NULL, *key_name = NULL;
  g_autoptr (GError) reason = NULL;
  GTlsCertificate *copy;

  g_object_get (original, "pkcs11-uri", &name, "private-key-pkcs11-uri", &key_name, NULL);
  if (name == NULL)
    return refuse_certificate (error, "it has no private key; read it with that, as of "
                                      "Gio.TlsCertificate.new_from_files()");

  copy = g_tls_certificate_new_from_pkcs11_uris (name, key_name, &reason);
  return copy != NULL ? copy : refuse_certificate (error, reason->message);
}

static GTlsCertificate *
copy_with_key (GTlsCertificate  *original,
               GError          **error)
{
  g_autoptr (GString) pem = g_string_new (NULL);
  g_autoptr (GError) reason = NULL;
  g_autofree char *key = NULL;
  GTlsCertificate *copy;

  g_object_get (original, "private-key-pem", &key, NULL);
  if (key == NULL)
    return copy_by_name (original, error);

  append_chain (pem, original);
  g_string_append (pem, key);
  copy = g_tls_certificate_new_from_pem (pem->str, (gssize) pem->len, &reason);
  explicit_bzero (key, strlen (key));
  explicit_bzero (pem->str, pem->len);

  return copy != NULL ? copy : refuse_certificate (error, reason->message);
}

static GTlsCertificate *
copy_without_key (GTlsCertificate  *original,
                  GError          **error)
{
  g_autofree char *pem = NULL;
  g_autoptr (GError) reason = NULL;
  GTlsCertificate *copy;

  g_object_get (original, "certificate-pem", &pem, NULL);
  copy = pem != NULL ? g_tls_certificate_new_from_pem (pem, -1, &reason) : NULL;

  return copy != NULL ? copy : refuse_certificate (error, reason != NULL ? reason->message : "it has no text");
}

/* --- Life -------------------------------------------------------------------------- */

static gboolean
take_settings (MpTlsTerms     *self,
               MpTlsSettings  *settings,
               GError        **error)
{
  GTlsCertificate *certificate = mp_tls_settings_get_certificate (settings);
  GTlsCertificate *trusted = mp_tls_settings_get_trusted (settings);

  if (certificate != NULL)
    self->certificate = copy_with_key (certificate, error);
  self->is_own = self->certificate != NULL;
  if (self->is_own != (certificate != NULL))
    return FALSE;

  if (trusted != NULL)
    self->trusted = copy_without_key (trusted, error);
  if (mp_tls_settings_get_peer_name (settings) != NULL)
    {
      g_free (self->peer_name);
      self->peer_name = g_strdup (mp_tls_settings_get_peer_name (settings));
    }

  return (self->trusted != NULL) == (trusted != NULL);
}

/*< private >
 * mp_tls_terms_new:
 * @settings: (nullable): the user's
 * @host: (nullable): whom a client wants to reach
 *
 * In a thread of the user's.
 *
 * Returns: the terms, or %NULL with %MP_ERROR_NOT_SUPPORTED without a backend of GIO's, or %MP_ERROR_REFUSED for a
 *   certificate that cannot be used
 */
MpTlsTerms *
mp_tls_terms_new (MpTlsSettings  *settings,
                  MpRole          role,
                  const char     *host,
                  GError        **error)
{
  g_autoptr (MpTlsTerms) self = g_new0 (MpTlsTerms, 1);

  g_atomic_ref_count_init (&self->refs);
  self->role = role;
  self->peer_name = g_strdup (host);
  if (!mp_tls_check_backend (error) || (settings != NULL && !take_settings (self, settings, error)))
    return NULL;

  if (self->certificate == NULL && role == MP_ROLE_SERVER)
    self->certificate = g_tls_certificate_new_from_pem (built_in, -1, error);
  if (self->certificate == NULL && role == MP_ROLE_SERVER)
    return NULL;

  return g_steal_pointer (&self);
}

MpTlsTerms *
mp_tls_terms_ref (MpTlsTerms *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
mp_tls_terms_unref (MpTlsTerms *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  g_clear_object (&self->certificate);
  g_clear_object (&self->trusted);
  g_free (self->peer_name);
  g_free (self);
}

MpRole
mp_tls_terms_get_role (MpTlsTerms *self)
{
  return self->role;
}

/*< private >
 * mp_tls_terms_need_no_key:
 *
 * Returns: whether both ends know each other by their certificates: one that shows its own and asks for the other's
 *   can only talk to one that does likewise
 */
gboolean
mp_tls_terms_need_no_key (MpTlsTerms *self)
{
  return self->is_own && self->trusted != NULL;
}

/*< private >
 * mp_tls_terms_hide_proofs:
 *
 * Returns: whether nobody but the right end gets to see proofs of the key before he has proved that he has it: the
 *   client proves first, and knows here to whom; a server with a certificate of its own can be known
 */
gboolean
mp_tls_terms_hide_proofs (MpTlsTerms *self)
{
  return self->role == MP_ROLE_CLIENT ? self->trusted != NULL : self->is_own;
}

/* --- Use --------------------------------------------------------------------------- */

/*< private >
 * mp_tls_terms_begin:
 * @base: the stream below
 *
 * Returns: (transfer full) (nullable): a connection before its handshake
 */
GTlsConnection *
mp_tls_terms_begin (MpTlsTerms  *self,
                    GIOStream   *base,
                    GError     **error)
{
  GTlsBackend *backend = g_tls_backend_get_default ();
  gboolean is_server = self->role == MP_ROLE_SERVER;
  GType type = is_server ? g_tls_backend_get_server_connection_type (backend)
                         : g_tls_backend_get_client_connection_type (backend);
  GTlsConnection *connection;

  /* Without a data base: that of the system has authorities that vouch for half the world */
  connection = g_initable_new (type, NULL, error, "base-io-stream", base, "database", NULL,
                               "require-close-notify", FALSE, NULL);
  if (connection == NULL)
    return NULL;

  if (self->certificate != NULL)
    g_tls_connection_set_certificate (connection, self->certificate);
  if (is_server)
    g_object_set (connection, "authentication-mode",
                  self->trusted != NULL ? G_TLS_AUTHENTICATION_REQUIRED : G_TLS_AUTHENTICATION_NONE, NULL);

  return connection;
}

static gboolean
is_in_time (GTlsCertificate *certificate)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autoptr (GDateTime) begin = g_tls_certificate_get_not_valid_before (certificate);
  g_autoptr (GDateTime) end = g_tls_certificate_get_not_valid_after (certificate);

  return begin != NULL && end != NULL && g_date_time_compare (begin, now) <= 0 && g_date_time_compare (now, end) < 0;
}

static const char *
describe_flaws (GTlsCertificateFlags flaws)
{
  if ((flaws & G_TLS_CERTIFICATE_UNKNOWN_CA) != 0)
    return "it is not the one that is trusted, nor issued by it";
  if ((flaws & G_TLS_CERTIFICATE_EXPIRED) != 0)
    return "it has expired";
  if ((flaws & G_TLS_CERTIFICATE_NOT_ACTIVATED) != 0)
    return "it is for a time to come; is the clock right?";
  if ((flaws & G_TLS_CERTIFICATE_BAD_IDENTITY) != 0)
    return "it is for another name";
  if ((flaws & G_TLS_CERTIFICATE_INSECURE) != 0)
    return "its algorithm is too weak";

  return "it is not valid";
}

/* The name counts only where somebody else has decided who gets which. */
static GTlsCertificateFlags
find_flaws (MpTlsTerms      *self,
            GTlsCertificate *peer)
{
  g_autoptr (GSocketConnectable) name = NULL;

  if (g_tls_certificate_is_same (peer, self->trusted))
    return is_in_time (peer) ? 0 : G_TLS_CERTIFICATE_EXPIRED;

  if (self->peer_name != NULL)
    name = g_network_address_new (self->peer_name, 0);
  return g_tls_certificate_verify (peer, name, self->trusted);
}

/*< private >
 * mp_tls_terms_accept:
 * @peer: what the other end shows
 *
 * Returns: whether that is what is wanted; else %MP_ERROR_AUTHENTICATION
 */
gboolean
mp_tls_terms_accept (MpTlsTerms       *self,
                     GTlsCertificate  *peer,
                     GError          **error)
{
  GTlsCertificateFlags flaws = self->trusted != NULL ? find_flaws (self, peer) : 0;

  if (flaws == 0)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION, "The certificate of the other end is refused: %s",
               describe_flaws (flaws));
  return FALSE;
}
