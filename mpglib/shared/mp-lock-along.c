/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-lock-along-private.h"

/*< private >
 * mp_lock_along_pack:
 * @lock: (nullable): the lock, if there is one
 *
 * Call it after the object has packed itself.
 *
 * Returns: (transfer floating): what mp_lock_along_unpack() takes
 */
GVariant *
mp_lock_along_pack (MpLockable  *lock,
                    MpPacking   *packing,
                    GError     **error)
{
  GVariant *packed = NULL;

  if (lock != NULL && (packed = mp_shareable_pack (MP_SHAREABLE (lock), packing, error)) == NULL)
    return NULL;

  return g_variant_new_maybe (G_VARIANT_TYPE (MP_SHAREABLE_PACKED_TYPE), packed);
}

/*< private >
 * mp_lock_along_split:
 * @packed: of %MP_LOCK_ALONG_TYPE
 * @n_before: (out): how many descriptors are not the lock's
 */
gboolean
mp_lock_along_split (GVariant  *packed,
                     guint      n_fds,
                     guint     *n_before,
                     GError   **error)
{
  g_autoptr (GVariant) lock = g_variant_get_maybe (packed);
  guint n_of_lock = 0;

  if (lock != NULL)
    g_variant_get (lock, "(&suv)", NULL, &n_of_lock, NULL);

  if (n_of_lock > n_fds)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED,
                           "The peer sent a lock without its descriptors");
      return FALSE;
    }

  *n_before = n_fds - n_of_lock;
  return TRUE;
}

/*< private >
 * mp_lock_along_unpack:
 * @fds: the lock's
 * @lock: (out) (transfer full) (nullable): the lock, if there is one
 */
gboolean
mp_lock_along_unpack (MpUnpacking  *unpacking,
                      GVariant     *packed,
                      int          *fds,
                      MpLockable  **lock,
                      GError      **error)
{
  g_autoptr (GVariant) maybe = g_variant_get_maybe (packed);
  g_autoptr (GVariant) description = NULL;
  MpShareable *shareable;
  const char *kind;
  guint n_fds;

  *lock = NULL;
  if (maybe == NULL)
    return TRUE;

  g_variant_get (maybe, "(&suv)", &kind, &n_fds, &description);
  shareable = mp_shareable_unpack (unpacking, kind, description, fds, n_fds, error);
  if (shareable == NULL)
    return FALSE;

  if (!MP_IS_LOCKABLE (shareable))
    {
      g_object_unref (shareable);
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "The peer sent a lock that is none");
      return FALSE;
    }

  *lock = MP_LOCKABLE (shareable);
  return TRUE;
}
