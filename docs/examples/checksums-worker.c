/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 *
 * What the workers of checksums.c do. It is also built as a module, whose function
 * programs of other languages can name: libchecksums-worker.so#checksum
 */

#include "checksums-worker.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static gboolean
fail (int      error_number,
      GError **error)
{
  g_set_error_literal (error, G_FILE_ERROR, g_file_error_from_errno (error_number), g_strerror (error_number));
  return FALSE;
}

static gboolean
add_file (GChecksum   *sum,
          int          fd,
          GError     **error)
{
  guint8 buffer[65536];
  ssize_t length;

  while ((length = read (fd, buffer, sizeof buffer)) > 0)
    g_checksum_update (sum, buffer, length);

  return length == 0 || fail (errno, error);
}

/* ay -> s: a path, which can be any bytes; the SHA-256 of the file */
GVariant *
checksum (MpMessage     *arguments,
          GCancellable  *cancellable,
          gpointer       user_data,
          GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *path = NULL;
  const char *bytes;
  gboolean ok;
  gsize length;
  int fd;

  if (value == NULL)
    return NULL;
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_FAILED, "A path is 'ay', not '%s'", g_variant_get_type_string (value));
      return NULL;
    }

  /* Not every language ends its byte strings with a zero. */
  bytes = g_variant_get_fixed_array (value, &length, 1);
  path = g_strndup (bytes, length);

  fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    {
      fail (errno, error);
      return NULL;
    }
  ok = add_file (sum, fd, error);
  close (fd);

  return ok ? g_variant_new_string (g_checksum_get_string (sum)) : NULL;
}
