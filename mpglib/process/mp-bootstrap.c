/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-bootstrap-private.h"

#include <string.h>

#include "mp-error.h"

static const char *role_names[] = {
  [MP_WORKER_ROLE_PROCESS] = "process",
  [MP_WORKER_ROLE_POOL] = "pool",
  [MP_WORKER_ROLE_TEMPLATE] = "template",
};

const char *
mp_worker_role_to_string (MpWorkerRole role)
{
  return role_names[role];
}

gboolean
mp_worker_role_from_string (const char   *name,
                            MpWorkerRole *role)
{
  for (guint i = 0; i < G_N_ELEMENTS (role_names); i++)
    if (strcmp (role_names[i], name) == 0)
      {
        *role = i;
        return TRUE;
      }
  return FALSE;
}

MpFrame *
mp_bootstrap_to_frame (const MpBootstrap *self)
{
  g_autoptr (MpMessage) message = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "version", "u", MP_BOOTSTRAP_VERSION);
  g_variant_dict_insert (&dict, "role", "s", mp_worker_role_to_string (self->role));
  g_variant_dict_insert (&dict, "name", "s", self->name);
  g_variant_dict_insert (&dict, "identity", "s", self->identity);
  g_variant_dict_insert (&dict, "start-method", "s", self->start_method);
  g_variant_dict_insert (&dict, "generation", "u", self->generation);
  g_variant_dict_insert (&dict, "hello-timeout", "d", self->hello_timeout);
  g_variant_dict_insert (&dict, "spread", "b", self->spread);
  g_variant_dict_insert (&dict, "arguments", "b", self->has_arguments);
  g_variant_dict_insert_value (&dict, "key",
                               g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, self->key, MP_KEY_SIZE, 1));
  if (self->target != NULL)
    g_variant_dict_insert (&dict, "target", "s", self->target);
  if (self->preparation != NULL)
    g_variant_dict_insert (&dict, "preparation", "v", self->preparation);

  message = mp_message_new (g_variant_dict_end (&dict));
  return mp_frame_new (MP_FRAME_BOOTSTRAP, 0, 0, NULL, message);
}

static gboolean
read_key (MpBootstrap  *self,
          GVariantDict *dict)
{
  g_autoptr (GVariant) key = g_variant_dict_lookup_value (dict, "key", G_VARIANT_TYPE_BYTESTRING);
  gsize length = 0;
  gconstpointer bytes = key != NULL ? g_variant_get_fixed_array (key, &length, 1) : NULL;

  if (length != MP_KEY_SIZE)
    return FALSE;
  memcpy (self->key, bytes, MP_KEY_SIZE);
  return TRUE;
}

MpBootstrap *
mp_bootstrap_from_frame (MpFrame  *frame,
                         GError  **error)
{
  g_autoptr (GVariant) value = NULL;
  g_autoptr (MpBootstrap) self = g_new0 (MpBootstrap, 1);
  g_autofree char *role = NULL;
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  guint version = 0;

  if (frame->kind != MP_FRAME_BOOTSTRAP)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "The first frame is of kind %d and not a bootstrap",
                   frame->kind);
      return NULL;
    }
  value = mp_frame_dup_value (frame, G_VARIANT_TYPE_VARDICT, error);
  if (value == NULL)
    return NULL;

  g_variant_dict_clear (&dict);
  g_variant_dict_init (&dict, value);
  g_variant_dict_lookup (&dict, "version", "u", &version);
  if (version != MP_BOOTSTRAP_VERSION)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED,
                   "The parent speaks version %u of the bootstrap and this library version %u: both must use the same "
                   "mpglib", version, MP_BOOTSTRAP_VERSION);
      return NULL;
    }
  if (!g_variant_dict_lookup (&dict, "role", "s", &role) || !mp_worker_role_from_string (role, &self->role)
      || !g_variant_dict_lookup (&dict, "name", "s", &self->name)
      || !g_variant_dict_lookup (&dict, "identity", "s", &self->identity)
      || !g_variant_dict_lookup (&dict, "start-method", "s", &self->start_method)
      || !g_variant_dict_lookup (&dict, "generation", "u", &self->generation)
      || !g_variant_dict_lookup (&dict, "spread", "b", &self->spread)
      || !g_variant_dict_lookup (&dict, "arguments", "b", &self->has_arguments)
      || !read_key (self, &dict))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "The bootstrap lacks what it must have");
      return NULL;
    }
  if (!g_variant_dict_lookup (&dict, "hello-timeout", "d", &self->hello_timeout))
    self->hello_timeout = -1;
  g_variant_dict_lookup (&dict, "target", "s", &self->target);
  g_variant_dict_lookup (&dict, "preparation", "v", &self->preparation);
  return g_steal_pointer (&self);
}

void
mp_bootstrap_free (MpBootstrap *self)
{
  g_free (self->name);
  g_free (self->identity);
  g_free (self->start_method);
  g_free (self->target);
  g_clear_pointer (&self->preparation, g_variant_unref);
  explicit_bzero (self->key, sizeof self->key);
  g_free (self);
}
