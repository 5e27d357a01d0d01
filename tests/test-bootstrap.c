/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <string.h>

#include <mpglib.h>

#include "mp-bootstrap-private.h"
#include "mp-test.h"

/* What a child is told first of all: it comes out as it went in, and a body that is cut or changed is refused or read
 * as something else, never beyond its end. */

static MpBootstrap *
new_bootstrap (gboolean is_full)
{
  MpBootstrap *self = g_new0 (MpBootstrap, 1);

  self->role = MP_WORKER_ROLE_POOL;
  self->name = g_strdup ("Größe-7");
  self->identity = g_strdup ("2:1");
  self->is_forked = TRUE;
  self->generation = 0x01020304;
  self->hello_timeout = 2.5;
  self->family_fd = self->requests_fd = -1;
  self->key.size = 32;
  memset (self->key.bytes, 0x5a, 32);
  if (is_full)
    {
      self->target = g_strdup ("module:function");
      self->spread = TRUE;
      self->has_arguments = TRUE;
      self->preparation = g_variant_ref_sink (g_variant_new ("(sxas)", "path", G_GINT64_CONSTANT (-5), NULL));
    }
  return self;
}

static GBytes *
to_bytes (const MpBootstrap *self)
{
  g_autoptr (MpFrame) frame = mp_bootstrap_to_frame (self);

  g_assert_cmpint (frame->kind, ==, MP_FRAME_BOOTSTRAP);
  g_assert_cmpstr (mp_frame_get_wire_codec (frame), ==, "raw");
  return g_bytes_ref (mp_frame_get_body (frame));
}

/* From memory that ends where the body ends, so that tools see who reads on */
static MpBootstrap *
read_body (gconstpointer   data,
           gsize           size,
           GError        **error)
{
  g_autoptr (MpFrame) frame = mp_frame_new_raw (MP_FRAME_BOOTSTRAP, g_strdup ("raw"), g_bytes_new (data, size));

  return mp_bootstrap_from_frame (frame, error);
}

static void
assert_same (const MpBootstrap *a,
             const MpBootstrap *b)
{
  g_assert_cmpint (a->role, ==, b->role);
  g_assert_cmpstr (a->name, ==, b->name);
  g_assert_cmpstr (a->identity, ==, b->identity);
  g_assert_cmpstr (a->target, ==, b->target);
  g_assert_true (a->is_forked == b->is_forked);
  g_assert_true (a->spread == b->spread);
  g_assert_true (a->has_arguments == b->has_arguments);
  g_assert_cmpuint (a->generation, ==, b->generation);
  g_assert_cmpfloat (a->hello_timeout, ==, b->hello_timeout);
  g_assert_cmpmem (&a->key, sizeof a->key, &b->key, sizeof b->key);
  g_assert_cmpint (b->family_fd, ==, -1);
  g_assert_true ((a->preparation == NULL) == (b->preparation == NULL));
  if (a->preparation != NULL)
    g_assert_cmpvariant (a->preparation, b->preparation);
}

static void
test_round_trip (gconstpointer is_full)
{
  g_autoptr (MpBootstrap) told = new_bootstrap (GPOINTER_TO_INT (is_full));
  g_autoptr (GBytes) body = to_bytes (told);
  g_autoptr (GError) error = NULL;
  g_autoptr (MpBootstrap) heard = read_body (g_bytes_get_data (body, NULL), g_bytes_get_size (body), &error);

  g_assert_no_error (error);
  assert_same (told, heard);
}

/* What a program has serialised itself and got wrong counts as GVariant reads it */
static void
test_unsound_preparation (void)
{
  g_autoptr (MpBootstrap) told = new_bootstrap (FALSE), heard = NULL;
  g_autoptr (GBytes) body = NULL;
  g_autoptr (GError) error = NULL;

  told->preparation = g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE ("as"), "\xff\xfe", 2, FALSE, NULL,
                                                                   NULL));
  g_assert_false (g_variant_is_normal_form (told->preparation));
  body = to_bytes (told);
  heard = read_body (g_bytes_get_data (body, NULL), g_bytes_get_size (body), &error);
  g_assert_no_error (error);
  assert_same (told, heard);
}

/* Of a value that may have any length nothing shows where it ends */
static void
test_cut (void)
{
  g_autoptr (MpBootstrap) told = new_bootstrap (FALSE);
  g_autoptr (GBytes) body = to_bytes (told);

  for (gsize size = 0; size < g_bytes_get_size (body); size++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (read_body (g_bytes_get_data (body, NULL), size, &error));
      g_assert_error (error, MP_ERROR, (size == 0 ? MP_ERROR_START_FAILED : MP_ERROR_CORRUPTED));
    }
}

static void
test_more (void)
{
  g_autoptr (MpBootstrap) told = new_bootstrap (FALSE);
  g_autoptr (GBytes) body = to_bytes (told);
  g_autofree guint8 *longer = g_malloc0 (g_bytes_get_size (body) + 1);
  g_autoptr (GError) error = NULL;

  memcpy (longer, g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  g_assert_null (read_body (longer, g_bytes_get_size (body) + 1, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CORRUPTED);
}

static void
test_changed (void)
{
  g_autoptr (MpBootstrap) told = new_bootstrap (TRUE);
  g_autoptr (GBytes) body = to_bytes (told);
  gsize size = g_bytes_get_size (body);
  g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (body, NULL), size);

  for (gsize i = 0; i < size; i++)
    for (guint bit = 0; bit < 8; bit++)
      {
        g_autoptr (GError) error = NULL;
        g_autoptr (MpBootstrap) heard = NULL;

        data[i] ^= (guint8) (1 << bit);
        heard = read_body (data, size - i % 3, &error);
        g_assert_true ((heard == NULL) == (error != NULL));
        if (heard != NULL && heard->preparation != NULL)
          g_free (g_variant_print (heard->preparation, TRUE));
        data[i] ^= (guint8) (1 << bit);
      }
}

static void
test_version (void)
{
  const guint32 next = GUINT32_TO_LE (MP_BOOTSTRAP_VERSION + 1);
  g_autoptr (MpBootstrap) told = new_bootstrap (TRUE);
  g_autoptr (GBytes) body = to_bytes (told);
  g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  g_autoptr (GError) error = NULL;

  memcpy (data, &next, sizeof next);
  g_assert_null (read_body (data, g_bytes_get_size (body), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_START_FAILED);
  g_assert_nonnull (strstr (error->message, "the same mpglib"));
}

static void
test_other_frames (void)
{
  g_autoptr (MpFrame) hello = mp_frame_new (MP_FRAME_HELLO, 0, 0, NULL, NULL);
  g_autoptr (MpFrame) empty = mp_frame_new (MP_FRAME_BOOTSTRAP, 0, 0, NULL, NULL);

  g_assert_null (mp_bootstrap_from_frame (hello, NULL));
  g_assert_null (mp_bootstrap_from_frame (empty, NULL));
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);

  g_test_add_data_func ("/bootstrap/round-trip", GINT_TO_POINTER (FALSE), test_round_trip);
  g_test_add_data_func ("/bootstrap/round-trip-of-all", GINT_TO_POINTER (TRUE), test_round_trip);
  g_test_add_func ("/bootstrap/unsound-preparation", test_unsound_preparation);
  g_test_add_func ("/bootstrap/cut", test_cut);
  g_test_add_func ("/bootstrap/more", test_more);
  g_test_add_func ("/bootstrap/changed", test_changed);
  g_test_add_func ("/bootstrap/version", test_version);
  g_test_add_func ("/bootstrap/other-frames", test_other_frames);

  return g_test_run ();
}
