/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-tls-settings.h"

/**
 * MpTlsSettings:
 *
 * Which certificates an end of a connection shows and takes, for [property@Mp.Listener:tls] and
 * [func@Mp.Connection.open_with_tls].
 *
 * They are not needed for TLS: with nothing but a [class@Mp.AuthKey], which both ends must have, a connection is as
 * safe. The key is bound to the TLS below it, so that nobody in between, whatever his certificate, can
 * pass the proofs on. What certificates add:
 *
 * - a client that trusts a certificate tells its key's proof to nobody else, so that also a short key cannot be
 *   tried out by who plays the listener;
 * - where both ends have a certificate and trust one, no key is needed;
 * - they may be what there is already.
 *
 * [property@Mp.TlsSettings:trusted] is either the very certificate of the other end, or that of an authority that has
 * issued it. In the latter case it must also be for the name of the host that the client connects to, or for
 * [property@Mp.TlsSettings:peer-name]. In both it must not have expired. No list of authorities that comes
 * with the system is asked.
 *
 * Objects of this class do not change, and can be used by any thread.
 *
 * Since: 1.0
 */
struct _MpTlsSettings
{
  GObject parent_instance;

  GTlsCertificate *certificate;
  GTlsCertificate *trusted;
  char *peer_name;
};

enum
{
  PROP_0,
  PROP_CERTIFICATE,
  PROP_TRUSTED,
  PROP_PEER_NAME,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (MpTlsSettings, mp_tls_settings, G_TYPE_OBJECT)

static void
mp_tls_settings_finalize (GObject *object)
{
  MpTlsSettings *self = MP_TLS_SETTINGS (object);

  g_clear_object (&self->certificate);
  g_clear_object (&self->trusted);
  g_free (self->peer_name);

  G_OBJECT_CLASS (mp_tls_settings_parent_class)->finalize (object);
}

static void
mp_tls_settings_get_property (GObject    *object,
                              guint       prop_id,
                              GValue     *value,
                              GParamSpec *pspec)
{
  MpTlsSettings *self = MP_TLS_SETTINGS (object);

  switch (prop_id)
    {
    case PROP_CERTIFICATE:
      g_value_set_object (value, self->certificate);
      break;

    case PROP_TRUSTED:
      g_value_set_object (value, self->trusted);
      break;

    case PROP_PEER_NAME:
      g_value_set_string (value, self->peer_name);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_tls_settings_set_property (GObject      *object,
                              guint         prop_id,
                              const GValue *value,
                              GParamSpec   *pspec)
{
  MpTlsSettings *self = MP_TLS_SETTINGS (object);

  switch (prop_id)
    {
    case PROP_CERTIFICATE:
      self->certificate = g_value_dup_object (value);
      break;

    case PROP_TRUSTED:
      self->trusted = g_value_dup_object (value);
      break;

    case PROP_PEER_NAME:
      self->peer_name = g_value_dup_string (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_tls_settings_class_init (MpTlsSettingsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags at_construction = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->finalize = mp_tls_settings_finalize;
  object_class->get_property = mp_tls_settings_get_property;
  object_class->set_property = mp_tls_settings_set_property;

  /**
   * MpTlsSettings:certificate: (getter get_certificate)
   *
   * What this end shows, with its private key; %NULL for none, and for a listener one that comes with mpglib, whose
   * private key everybody knows: it proves nothing.
   *
   * Since: 1.0
   */
  properties[PROP_CERTIFICATE] =
    g_param_spec_object ("certificate", NULL, NULL,
                         G_TYPE_TLS_CERTIFICATE,
                         at_construction);

  /**
   * MpTlsSettings:trusted: (getter get_trusted)
   *
   * The certificate that the other end must show, or that must have issued it; %NULL takes any from who has the
   * key. A listener that trusts one lets nobody in without.
   *
   * Since: 1.0
   */
  properties[PROP_TRUSTED] =
    g_param_spec_object ("trusted", NULL, NULL,
                         G_TYPE_TLS_CERTIFICATE,
                         at_construction);

  /**
   * MpTlsSettings:peer-name: (getter get_peer_name)
   *
   * The name that a certificate must be for which [property@Mp.TlsSettings:trusted] has issued; %NULL for the host
   * that a client connects to. For listeners, and on unix sockets, %NULL takes any name.
   *
   * Since: 1.0
   */
  properties[PROP_PEER_NAME] =
    g_param_spec_string ("peer-name", NULL, NULL,
                         NULL,
                         at_construction);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_tls_settings_init (MpTlsSettings *self)
{
}

/**
 * mp_tls_settings_new:
 * @certificate: (nullable): what this end shows, with its private key
 * @trusted: (nullable): the certificate of the other end, or of who has issued that
 * @peer_name: (nullable): the name that the other end's must be for, if it is not that of the host
 *
 * Makes settings of TLS. A certificate without a private key is refused by who shall use it.
 *
 * Returns: the settings
 *
 * Since: 1.0
 */
MpTlsSettings *
mp_tls_settings_new (GTlsCertificate *certificate,
                     GTlsCertificate *trusted,
                     const char      *peer_name)
{
  g_return_val_if_fail (certificate == NULL || G_IS_TLS_CERTIFICATE (certificate), NULL);
  g_return_val_if_fail (trusted == NULL || G_IS_TLS_CERTIFICATE (trusted), NULL);

  return g_object_new (MP_TYPE_TLS_SETTINGS, "certificate", certificate, "trusted", trusted, "peer-name", peer_name,
                       NULL);
}

/**
 * mp_tls_settings_get_certificate:
 * @self: settings
 *
 * Gets what this end shows.
 *
 * Returns: (transfer none) (nullable): the certificate
 *
 * Since: 1.0
 */
GTlsCertificate *
mp_tls_settings_get_certificate (MpTlsSettings *self)
{
  g_return_val_if_fail (MP_IS_TLS_SETTINGS (self), NULL);

  return self->certificate;
}

/**
 * mp_tls_settings_get_trusted:
 * @self: settings
 *
 * Gets what the other end must show, or who must have issued that.
 *
 * Returns: (transfer none) (nullable): the certificate
 *
 * Since: 1.0
 */
GTlsCertificate *
mp_tls_settings_get_trusted (MpTlsSettings *self)
{
  g_return_val_if_fail (MP_IS_TLS_SETTINGS (self), NULL);

  return self->trusted;
}

/**
 * mp_tls_settings_get_peer_name:
 * @self: settings
 *
 * Gets the name that the other end's certificate must be for.
 *
 * Returns: (nullable): the name
 *
 * Since: 1.0
 */
const char *
mp_tls_settings_get_peer_name (MpTlsSettings *self)
{
  g_return_val_if_fail (MP_IS_TLS_SETTINGS (self), NULL);

  return self->peer_name;
}

/**
 * mp_tls_settings_to_string:
 * @self: settings
 *
 * Describes the settings for people, by what there is, and no name.
 *
 * Returns: (transfer full): a line of text
 *
 * Since: 1.0
 */
char *
mp_tls_settings_to_string (MpTlsSettings *self)
{
  g_return_val_if_fail (MP_IS_TLS_SETTINGS (self), NULL);

  return g_strdup_printf ("<Mp.TlsSettings %s certificate, trusts %s>",
                          self->certificate != NULL ? "with a" : "without a",
                          self->trusted != NULL ? "one" : "who has the key");
}
