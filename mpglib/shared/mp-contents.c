/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-contents-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"

#define DESCRIPTION_TYPE "((ayuu)tb)" /* object, bytes of the contents, whether they are elsewhere */

/* What the object that this thread is just constructing shall have. */
static _Thread_local MpContents *received;

static void
init_received (MpContents   *self,
               MpObjectType  type)
{
  MpContents *opened = g_steal_pointer (&received);

  mp_shared_object_init (&self->shared, type, 0);
  self->mapping = opened->mapping;
  self->size = opened->size;
  self->data = opened->data;
}

/* With memory of its own, if `mapping_taken` is not NULL. */
static gboolean
take_mapping (MpContents    *self,
              MpMapping     *mapping_taken,
              GError       **error)
{
  self->mapping = mapping_taken;
  self->data = mapping_taken != NULL ? mp_mapping_get_address (mapping_taken, error) : NULL;
  return self->data != NULL;
}

static void
init_new (MpContents   *self,
          MpObjectType  type,
          gsize         head_size,
          gsize         size)
{
  gboolean is_large = self->mapping != NULL;

  self->size = size;
  mp_shared_object_init (&self->shared, type, is_large ? head_size : head_size + size);
  if (!is_large && self->shared.table != NULL)
    self->data = (guint8 *) self->shared.hold.data + head_size;
}

/*< private >
 * mp_contents_init:
 * @head_size: bytes of the object before the contents
 * @size: bytes of the contents, all zero then
 *
 * For `constructed`: makes the object, or takes what mp_contents_new_received() has.
 *
 * Returns: whether it is a new one
 */
gboolean
mp_contents_init (MpContents   *self,
                  MpObjectType  type,
                  gsize         head_size,
                  gsize         size)
{
  GError *error = NULL;

  if (received != NULL)
    {
      init_received (self, type);
      return FALSE;
    }

  if (size > MP_ARENA_MAX_OBJECT - head_size && !take_mapping (self, mp_mapping_new (size, &error), &error))
    mp_shared_object_refuse (&self->shared, type, error);
  else
    init_new (self, type, head_size, size);
  return TRUE;
}

/*< private >
 * mp_contents_init_sparse:
 *
 * @n_behind: bytes that are not mapped
 *
 * As mp_contents_init(), but the contents are in memory of their own, of which mp_memfd_allocate() takes what
 * is to be touched.
 */
gboolean
mp_contents_init_sparse (MpContents   *self,
                         MpObjectType  type,
                         gsize         head_size,
                         gsize         size,
                         guint64       n_behind)
{
  GError *error = NULL;

  if (received != NULL)
    {
      init_received (self, type);
      return FALSE;
    }

  if (take_mapping (self, mp_mapping_new_sparse (size, n_behind, &error), &error))
    init_new (self, type, head_size, size);
  else
    mp_shared_object_refuse (&self->shared, type, error);
  return TRUE;
}

/*< private >
 * mp_contents_is_receiving:
 *
 * Returns: whether mp_contents_init() will take something received
 */
gboolean
mp_contents_is_receiving (void)
{
  return received != NULL;
}

void
mp_contents_clear (MpContents *self)
{
  mp_shared_object_clear (&self->shared);
  g_clear_pointer (&self->mapping, mp_mapping_unref);
}

/* --- Sharing -------------------------------------------------------------- */

/*< private >
 * mp_contents_pack:
 *
 * Returns: (transfer floating): a description for mp_contents_open()
 */
GVariant *
mp_contents_pack (MpContents  *self,
                  MpPacking   *packing,
                  GError     **error)
{
  GVariant *object = mp_shared_object_pack (&self->shared, packing, error);
  int duplicate;

  if (object == NULL)
    return NULL;

  if (self->mapping != NULL)
    {
      duplicate = mp_mapping_check (self->mapping, error) ? mp_fd_duplicate (mp_mapping_get_fd (self->mapping), error)
                                                          : -1;
      if (duplicate < 0)
        {
          g_variant_unref (g_variant_ref_sink (object));
          return NULL;
        }
      g_array_append_val (packing->fds, duplicate);
    }

  return g_variant_new ("(@(ayuu)tb)", object, (guint64) self->size, self->mapping != NULL);
}

static gboolean
set_corrupted (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED,
                       "The peer sent a shared object whose contents are not there");
  return FALSE;
}

static gboolean
open_elsewhere (MpContents     *self,
                int            *fds,
                guint           n_fds,
                gboolean        is_sparse,
                GError        **error)
{
  if (n_fds == 0)
    return set_corrupted (error);

  return take_mapping (self, is_sparse
                               ? mp_mapping_open_sparse (&fds[n_fds - 1], self->size, error)
                               : mp_mapping_open (&fds[n_fds - 1], self->size, error), error);
}

static gboolean
open_contents (MpContents    *self,
               MpUnpacking   *unpacking,
               MpObjectType   type,
               gsize          head_size,
               GVariant      *description,
               int           *fds,
               guint          n_fds,
               gboolean       is_sparse,
               GError       **error)
{
  g_autoptr (GVariant) object = NULL;
  gboolean is_elsewhere, is_there;
  guint64 size;

  *self = (MpContents) { 0 };
  if (!g_variant_is_of_type (description, G_VARIANT_TYPE (DESCRIPTION_TYPE)))
    return set_corrupted (error);

  g_variant_get (description, "(@(ayuu)tb)", &object, &size, &is_elsewhere);
  if (size > G_MAXSSIZE ||
      (!is_elsewhere && (size > MP_ARENA_MAX_OBJECT || is_sparse)))
    return set_corrupted (error);

  if (!mp_shared_object_open (&self->shared, unpacking, type, is_elsewhere ? head_size : head_size + (gsize) size,
                              object, fds, is_elsewhere && n_fds > 0 ? n_fds - 1 : n_fds, error))
    return FALSE;

  self->size = (gsize) size;
  self->data = (guint8 *) self->shared.hold.data + head_size;
  is_there = !is_elsewhere || open_elsewhere (self, fds, n_fds, is_sparse, error);
  if (!is_there)
    mp_contents_clear (self);
  return is_there;
}

/*< private >
 * mp_contents_open:
 * @self: (out caller-allocates): what mp_contents_new_received() takes
 * @fds: what came with it
 *
 * Nothing that came is believed: the memory must be there, and nobody able to take it
 * away.
 */
gboolean
mp_contents_open (MpContents    *self,
                  MpUnpacking   *unpacking,
                  MpObjectType   type,
                  gsize          head_size,
                  GVariant      *description,
                  int           *fds,
                  guint          n_fds,
                  GError       **error)
{
  return open_contents (self, unpacking, type, head_size, description, fds, n_fds, FALSE, error);
}

/*< private >
 * mp_contents_open_sparse:
 *
 * As mp_contents_open(), for contents of mp_contents_init_sparse(): they need not be there.
 */
gboolean
mp_contents_open_sparse (MpContents    *self,
                         MpUnpacking   *unpacking,
                         MpObjectType   type,
                         gsize          head_size,
                         GVariant      *description,
                         int           *fds,
                         guint          n_fds,
                         GError       **error)
{
  return open_contents (self, unpacking, type, head_size, description, fds, n_fds, TRUE, error);
}

/*< private >
 * mp_contents_open_again:
 * @again: (out caller-allocates): the same for another object of this process
 */
gboolean
mp_contents_open_again (MpContents  *self,
                        MpContents  *again,
                        GError     **error)
{
  *again = (MpContents) { 0 };
  if (!mp_shared_object_open_again (&self->shared, &again->shared, error))
    return FALSE;

  again->mapping = self->mapping != NULL ? mp_mapping_ref (self->mapping) : NULL;
  again->size = self->size;
  again->data = self->data;
  return TRUE;
}

/*< private >
 * mp_contents_new_received:
 * @gtype: a class that calls mp_contents_init()
 * @opened: from mp_contents_open(); taken
 * @first_property: (nullable): as of g_object_new()
 */
gpointer
mp_contents_new_received (GType        gtype,
                          MpContents  *opened,
                          const char  *first_property,
                          ...)
{
  gpointer object;
  va_list arguments;

  received = opened;
  va_start (arguments, first_property);
  object = mp_shared_object_new_received_valist (gtype, &opened->shared, first_property, arguments);
  va_end (arguments);

  return object;
}
