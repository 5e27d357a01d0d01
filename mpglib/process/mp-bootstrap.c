/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-bootstrap-private.h"

#include <string.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-table-private.h"

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

/* Both ways without a hash table in between: a child does this in memory that it has not touched yet, where it is half
 * of what it does to become one. */
static void
add (GVariantBuilder *builder,
     const char      *key,
     GVariant        *value)
{
  g_variant_builder_add_value (builder, g_variant_new_dict_entry (g_variant_new_string (key),
                                                                  g_variant_new_variant (value)));
}

static GVariant *
to_variant (const MpBootstrap *self,
            gboolean           has_family)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "version", g_variant_new_uint32 (MP_BOOTSTRAP_VERSION));
  add (&builder, "role", g_variant_new_string (mp_worker_role_to_string (self->role)));
  add (&builder, "name", g_variant_new_string (self->name));
  add (&builder, "identity", g_variant_new_string (self->identity));
  add (&builder, "start-method", g_variant_new_string (self->start_method));
  add (&builder, "generation", g_variant_new_uint32 (self->generation));
  add (&builder, "hello-timeout", g_variant_new_double (self->hello_timeout));
  add (&builder, "spread", g_variant_new_boolean (self->spread));
  add (&builder, "arguments", g_variant_new_boolean (self->has_arguments));
  add (&builder, "key", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, self->key, MP_KEY_SIZE, 1));
  if (self->target != NULL)
    add (&builder, "target", g_variant_new_string (self->target));
  if (self->preparation != NULL)
    add (&builder, "preparation", g_variant_new_variant (self->preparation));
  if (has_family)
    add (&builder, "family", g_variant_new_handle (0));

  return g_variant_builder_end (&builder);
}

/* Whoever is forked has what the template has. */
static gboolean
needs_family (const MpBootstrap *self)
{
  return self->role == MP_WORKER_ROLE_TEMPLATE || strcmp (self->start_method, "forkserver") != 0;
}

/* Without a family the child makes one of its own, which is as good until there are too many. */
static MpMessage *
to_message (const MpBootstrap *self)
{
  g_autoptr (GError) error = NULL;
  int family = needs_family (self) ? mp_table_dup_family_fd (&error) : -1;
  g_autoptr (MpMessage) message = mp_message_new (to_variant (self, family >= 0));
  gboolean is_attached = family >= 0 && mp_message_attach_fd (message, family, &error) == 0;

  mp_fd_close (&family);
  if (error == NULL)
    return g_steal_pointer (&message);

  g_debug ("'%s' does not get the participant table: %s", self->name, error->message);
  return is_attached ? g_steal_pointer (&message) : mp_message_new (to_variant (self, FALSE));
}

MpFrame *
mp_bootstrap_to_frame (const MpBootstrap *self)
{
  g_autoptr (MpMessage) message = to_message (self);

  return mp_frame_new (MP_FRAME_BOOTSTRAP, 0, 0, NULL, message);
}

static gboolean
read_string (GVariant  *value,
             char     **string)
{
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) || *string != NULL)
    return FALSE;
  *string = g_variant_dup_string (value, NULL);
  return TRUE;
}

static gboolean
read_boolean (GVariant *value,
              gboolean *boolean)
{
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return FALSE;
  *boolean = g_variant_get_boolean (value);
  return TRUE;
}

static gboolean
read_number (GVariant *value,
             guint    *number)
{
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    return FALSE;
  *number = g_variant_get_uint32 (value);
  return TRUE;
}

static gboolean
read_key (GVariant *value,
          guint8   *key)
{
  gsize length = 0;
  gconstpointer bytes = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    bytes = g_variant_get_fixed_array (value, &length, 1);
  if (length != MP_KEY_SIZE)
    return FALSE;
  memcpy (key, bytes, MP_KEY_SIZE);
  return TRUE;
}

/* What a bootstrap must have; returns whether it is that, and proper */
static gboolean
read_needed (MpBootstrap *self,
             const char  *key,
             GVariant    *value)
{
  if (strcmp (key, "role") == 0)
    return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
           && mp_worker_role_from_string (g_variant_get_string (value, NULL), &self->role);
  if (strcmp (key, "name") == 0)
    return read_string (value, &self->name);
  if (strcmp (key, "identity") == 0)
    return read_string (value, &self->identity);
  if (strcmp (key, "start-method") == 0)
    return read_string (value, &self->start_method);
  if (strcmp (key, "generation") == 0)
    return read_number (value, &self->generation);
  if (strcmp (key, "spread") == 0)
    return read_boolean (value, &self->spread);
  if (strcmp (key, "arguments") == 0)
    return read_boolean (value, &self->has_arguments);
  return strcmp (key, "key") == 0 && read_key (value, self->key);
}

#define N_NEEDED 8

static void
read_family (MpBootstrap *self,
             MpFrame     *frame,
             GVariant    *value)
{
  if (self->family_fd < 0 && frame->message != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_HANDLE))
    self->family_fd = mp_message_get_attached_fd (frame->message, (guint) g_variant_get_handle (value), NULL);
}

static void
read_other (MpBootstrap *self,
            MpFrame     *frame,
            const char  *key,
            GVariant    *value)
{
  if (strcmp (key, "family") == 0)
    read_family (self, frame, value);
  else if (strcmp (key, "hello-timeout") == 0 && g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    self->hello_timeout = g_variant_get_double (value);
  else if (strcmp (key, "target") == 0)
    read_string (value, &self->target);
  else if (strcmp (key, "preparation") == 0 && g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT)
           && self->preparation == NULL)
    self->preparation = g_variant_get_variant (value);
}

/* Returns the version */
static guint
read_all (MpBootstrap *self,
          MpFrame     *frame,
          GVariant    *dictionary,
          guint       *n_needed)
{
  GVariantIter iter;
  guint version = 0;

  *n_needed = 0;
  g_variant_iter_init (&iter, dictionary);
  for (;;)
    {
      g_autoptr (GVariant) value = NULL;
      const char *key;

      if (!g_variant_iter_next (&iter, "{&sv}", &key, &value))
        return version;
      if (strcmp (key, "version") == 0)
        read_number (value, &version);
      else if (read_needed (self, key, value))
        (*n_needed)++;
      else
        read_other (self, frame, key, value);
    }
}

MpBootstrap *
mp_bootstrap_from_frame (MpFrame  *frame,
                         GError  **error)
{
  g_autoptr (GVariant) value = NULL;
  g_autoptr (MpBootstrap) self = g_new0 (MpBootstrap, 1);
  guint version, n_needed;

  if (frame->kind != MP_FRAME_BOOTSTRAP)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "The first frame is of kind %d and not a bootstrap",
                   frame->kind);
      return NULL;
    }
  value = mp_frame_dup_value (frame, G_VARIANT_TYPE_VARDICT, error);
  if (value == NULL)
    return NULL;

  self->hello_timeout = -1;
  self->family_fd = -1;
  version = read_all (self, frame, value, &n_needed);
  if (version != MP_BOOTSTRAP_VERSION)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED,
                   "The parent speaks version %u of the bootstrap and this library version %u: both must use the same "
                   "mpglib", version, MP_BOOTSTRAP_VERSION);
      return NULL;
    }
  /* A key may have come twice in the place of another */
  if (n_needed != N_NEEDED || self->name == NULL || self->identity == NULL || self->start_method == NULL)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "The bootstrap lacks what it must have");
      return NULL;
    }
  return g_steal_pointer (&self);
}

void
mp_bootstrap_free (MpBootstrap *self)
{
  g_free (self->name);
  g_free (self->identity);
  g_free (self->start_method);
  g_free (self->target);
  mp_fd_close (&self->family_fd);
  g_clear_pointer (&self->preparation, g_variant_unref);
  explicit_bzero (self->key, sizeof self->key);
  g_free (self);
}
