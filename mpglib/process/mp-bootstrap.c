/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-bootstrap-private.h"

#include <string.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-table-private.h"
#include "mp-variant-private.h"

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

/* --- writing ---------------------------------------------------------------------------------------------- */

enum
{
  FLAG_SPREAD = 1 << 0,
  FLAG_ARGUMENTS = 1 << 1,
  FLAG_TARGET = 1 << 2,
  FLAG_PREPARATION = 1 << 3,
  FLAG_FAMILY = 1 << 4,
  FLAG_REQUESTS = 1 << 5,
  ALL_FLAGS = (1 << 6) - 1,
};

/* As it lies in the body; strings and preparation follow */
typedef struct
{
  guint32 version;
  guint8 role;
  guint8 is_forked;
  guint8 flags;
  guint8 zero;
  guint32 generation;
  guint32 key_size;
  guint64 hello_timeout; /* the bits of a double */
  guint8 key[MP_OWN_KEY_MAX];
} Fixed;

G_STATIC_ASSERT (sizeof (Fixed) == 88);

static guint64
bits_of (gdouble number)
{
  guint64 bits;

  memcpy (&bits, &number, sizeof bits);
  return GUINT64_TO_LE (bits);
}

static gdouble
number_of (guint64 bits)
{
  gdouble number;

  bits = GUINT64_FROM_LE (bits);
  memcpy (&number, &bits, sizeof number);
  return number;
}

static void
append_string (GByteArray *body,
               const char *string)
{
  g_byte_array_append (body, (const guint8 *) string, (guint) strlen (string) + 1);
}

static void
append_preparation (GByteArray *body,
                    GVariant   *preparation)
{
  static const guint8 zeros[8];
  g_autoptr (GVariant) sound = mp_variant_ref_sound (preparation);
  g_autoptr (GBytes) bytes = mp_variant_to_wire (sound);

  append_string (body, g_variant_get_type_string (sound));
  g_byte_array_append (body, zeros, -body->len % 8);
  g_byte_array_append (body, g_bytes_get_data (bytes, NULL), (guint) g_bytes_get_size (bytes));
}

static GBytes *
to_bytes (const MpBootstrap *self,
          guint              descriptor_flags)
{
  GByteArray *body = g_byte_array_sized_new (256);
  Fixed fixed = {
    .version = GUINT32_TO_LE (MP_BOOTSTRAP_VERSION),
    .role = (guint8) self->role,
    .is_forked = self->is_forked ? 1 : 0,
    .flags = (guint8) ((self->spread ? FLAG_SPREAD : 0) | (self->has_arguments ? FLAG_ARGUMENTS : 0)
                       | (self->target != NULL ? FLAG_TARGET : 0)
                       | (self->preparation != NULL ? FLAG_PREPARATION : 0) | descriptor_flags),
    .generation = GUINT32_TO_LE (self->generation),
    .hello_timeout = bits_of (self->hello_timeout),
    .key_size = GUINT32_TO_LE (self->key.size),
  };

  memcpy (fixed.key, self->key.bytes, sizeof fixed.key);
  g_byte_array_append (body, (const guint8 *) &fixed, sizeof fixed);
  append_string (body, self->name);
  append_string (body, self->identity);
  if (self->target != NULL)
    append_string (body, self->target);
  if (self->preparation != NULL)
    append_preparation (body, self->preparation);
  explicit_bzero (fixed.key, sizeof fixed.key);
  return g_byte_array_free_to_bytes (body);
}

/* Whoever is forked has what the template has. */
static gboolean
needs_family (const MpBootstrap *self)
{
  return self->role == MP_WORKER_ROLE_TEMPLATE || !self->is_forked;
}

static gboolean
attach (MpMessage  *message,
        int         fd,
        GError    **error)
{
  return fd < 0 || mp_message_attach_fd (message, fd, error) >= 0;
}

static MpFrame *
to_frame_with_descriptors (const MpBootstrap *self,
                           int                family,
                           GError           **error)
{
  guint flags = (family >= 0 ? FLAG_FAMILY : 0) | (self->requests_fd >= 0 ? FLAG_REQUESTS : 0);
  g_autoptr (GBytes) body = to_bytes (self, flags);
  g_autoptr (MpMessage) message = flags != 0 ? mp_message_new_bytes (body, NULL) : NULL;

  if (message != NULL && attach (message, family, error) && attach (message, self->requests_fd, error))
    return mp_frame_new (MP_FRAME_BOOTSTRAP, 0, 0, NULL, message);
  return NULL;
}

/* Without a family the child makes one of its own, which is as good until there are too many. */
MpFrame *
mp_bootstrap_to_frame (const MpBootstrap *self)
{
  g_autoptr (GError) error = NULL;
  int family = needs_family (self) ? mp_table_dup_family_fd (&error) : -1;
  MpFrame *frame = to_frame_with_descriptors (self, family, error == NULL ? &error : NULL);

  mp_fd_close (&family);
  if (error != NULL)
    g_debug ("'%s' does not get all descriptors: %s", self->name, error->message);
  return frame != NULL ? frame : mp_frame_new_raw (MP_FRAME_BOOTSTRAP, g_strdup ("raw"), to_bytes (self, 0));
}

/* --- reading ---------------------------------------------------------------------------------------------- */

typedef struct
{
  const char *at;
  gsize left;
} Rest;

/* NULL: there is none, or it does not end */
static char *
read_string (Rest *rest)
{
  const char *string = rest->at, *end = memchr (rest->at, '\0', rest->left);
  gsize length;

  if (end == NULL)
    return NULL;
  length = (gsize) (end - string) + 1;
  rest->at += length;
  rest->left -= length;
  return g_memdup2 (string, length);
}

static gboolean
read_preparation (MpBootstrap *self,
                  GBytes      *body,
                  Rest        *rest)
{
  g_autofree char *type = read_string (rest);
  gsize padding = -(g_bytes_get_size (body) - rest->left) % 8;
  g_autoptr (GBytes) bytes = NULL;

  if (type == NULL || !mp_variant_check_type (type, NULL) || padding > rest->left)
    return FALSE;
  bytes = g_bytes_new_from_bytes (body, (gsize) (rest->at - (const char *) g_bytes_get_data (body, NULL)) + padding,
                                  rest->left - padding);
  self->preparation = mp_variant_from_wire (type, bytes, 0, NULL);
  return self->preparation != NULL;
}

static gboolean
read_rest (MpBootstrap *self,
           GBytes      *body,
           guint8       flags)
{
  gsize size;
  const char *data = g_bytes_get_data (body, &size);
  Rest rest = { data + sizeof (Fixed), size - sizeof (Fixed) };

  self->name = read_string (&rest);
  self->identity = self->name != NULL ? read_string (&rest) : NULL;
  if (self->identity == NULL)
    return FALSE;
  if ((flags & FLAG_TARGET) != 0 && (self->target = read_string (&rest)) == NULL)
    return FALSE;
  return (flags & FLAG_PREPARATION) != 0 ? read_preparation (self, body, &rest) : rest.left == 0;
}

static gboolean
read_key (MpBootstrap *self,
          const Fixed *fixed)
{
  self->key.size = GUINT32_FROM_LE (fixed->key_size);
  if (self->key.size == 0 || self->key.size > sizeof fixed->key)
    return FALSE;

  for (gsize i = self->key.size; i < sizeof fixed->key; i++)
    if (fixed->key[i] != 0)
      return FALSE;

  memcpy (self->key.bytes, fixed->key, sizeof fixed->key);
  return TRUE;
}

static gboolean
read_body (MpBootstrap *self,
           MpFrame     *frame,
           GBytes      *body,
           const Fixed *fixed)
{
  if (fixed->role > MP_WORKER_ROLE_TEMPLATE || fixed->is_forked > 1 || (fixed->flags & ~ALL_FLAGS) != 0
      || fixed->zero != 0 || !read_key (self, fixed))
    return FALSE;

  self->role = fixed->role;
  self->is_forked = fixed->is_forked != 0;
  self->spread = (fixed->flags & FLAG_SPREAD) != 0;
  self->has_arguments = (fixed->flags & FLAG_ARGUMENTS) != 0;
  self->generation = GUINT32_FROM_LE (fixed->generation);
  self->hello_timeout = number_of (fixed->hello_timeout);
  if ((fixed->flags & FLAG_FAMILY) != 0 && frame->message != NULL)
    self->family_fd = mp_message_get_attached_fd (frame->message, 0, NULL);
  if ((fixed->flags & FLAG_REQUESTS) != 0 && frame->message != NULL)
    self->requests_fd = mp_message_get_attached_fd (frame->message, (fixed->flags & FLAG_FAMILY) != 0 ? 1 : 0, NULL);
  return read_rest (self, body, fixed->flags);
}

MpBootstrap *
mp_bootstrap_from_frame (MpFrame  *frame,
                         GError  **error)
{
  GBytes *body = mp_frame_has_message (frame) ? mp_frame_get_body (frame) : NULL;
  g_autoptr (MpBootstrap) self = g_new0 (MpBootstrap, 1);
  gsize size = body != NULL ? g_bytes_get_size (body) : 0;
  Fixed fixed = { 0, };

  self->family_fd = self->requests_fd = -1;
  if (frame->kind != MP_FRAME_BOOTSTRAP)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "The first frame is of kind %d and not a bootstrap",
                   frame->kind);
      return NULL;
    }
  if (size > 0)
    memcpy (&fixed, g_bytes_get_data (body, NULL), MIN (size, sizeof fixed));
  if (GUINT32_FROM_LE (fixed.version) != MP_BOOTSTRAP_VERSION)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED,
                   "The parent speaks version %u of the bootstrap and this library version %u: both must use the same "
                   "mpglib", GUINT32_FROM_LE (fixed.version), MP_BOOTSTRAP_VERSION);
      return NULL;
    }
  if (g_bytes_get_size (body) < sizeof fixed || !read_body (self, frame, body, &fixed))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "The bootstrap lacks what it must have");
      return NULL;
    }
  explicit_bzero (fixed.key, sizeof fixed.key);
  return g_steal_pointer (&self);
}

void
mp_bootstrap_free (MpBootstrap *self)
{
  g_free (self->name);
  g_free (self->identity);
  g_free (self->target);
  mp_fd_close (&self->family_fd);
  mp_fd_close (&self->requests_fd);
  g_clear_pointer (&self->preparation, g_variant_unref);
  explicit_bzero (&self->key, sizeof self->key);
  g_free (self);
}
