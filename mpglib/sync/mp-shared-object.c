/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-flight-private.h"
#include "mp-shared-object-private.h"

#define DESCRIPTION_TYPE "(ayuu)" /* arena, unit, generation */

/* What the object that this thread is just constructing shall be. */
static _Thread_local MpSharedObject *received;

static void
set_table (MpSharedObject *self,
           MpTable        *table)
{
  self->table = table;
  self->me = mp_participant_find_me (table);
}

/*< private >
 * mp_shared_object_init:
 * @size: bytes, all zero then
 *
 * For `constructed`: makes the object, in the memory where this process makes all of
 * them, or takes what mp_shared_object_new_received() has.
 *
 * Returns: whether it is a new one
 */
gboolean
mp_shared_object_init (MpSharedObject *self,
                       MpObjectType    type,
                       gsize           size)
{
  MpArena *arena;

  if (received != NULL)
    {
      *self = *received;
      received = NULL;
      return FALSE;
    }

  arena = mp_arena_get_default (&self->error);
  self->type = type;
  if (arena != NULL && mp_arena_alloc (arena, size, type, &self->hold, &self->error))
    set_table (self, mp_arena_get_table (arena));

  return TRUE;
}

/*< private >
 * mp_shared_object_refuse:
 * @error_taken: what each operation shall fail with
 *
 * Instead of mp_shared_object_init(), for a new object that cannot be.
 */
void
mp_shared_object_refuse (MpSharedObject *self,
                         MpObjectType    type,
                         GError         *error_taken)
{
  self->me = NULL;
  self->table = NULL;
  self->type = type;
  self->error = error_taken;
}

void
mp_shared_object_clear (MpSharedObject *self)
{
  mp_flight_release (&self->hold);
  g_clear_error (&self->error);
}

/*< private >
 * mp_shared_object_enter:
 *
 * Use mp_shared_object_get().
 *
 * Returns: this process in owner words, or 0 with the error set
 */
guint32
mp_shared_object_enter (MpSharedObject  *self,
                        GError         **error)
{
  guint32 me;

  if (self->table == NULL)
    {
      g_propagate_error (error, g_error_copy (self->error));
      return 0;
    }

  me = mp_participant_enter (self->table, error);
  return me != 0 && mp_hold_ensure (&self->hold, error) ? me : 0;
}

/* --- Sharing -------------------------------------------------------------- */

static gboolean
append_fd (GArray  *fds,
           int      fd,
           GError **error)
{
  int duplicate = mp_fd_duplicate (fd, error);

  if (duplicate < 0)
    return FALSE;

  g_array_append_val (fds, duplicate);
  return TRUE;
}

/*< private >
 * mp_shared_object_pack:
 *
 * The descriptors of memory and participants go with the first object of a message
 * that lies there; and behind those of the first of all objects what tells when the
 * receiver has them.
 */
GVariant *
mp_shared_object_pack (MpSharedObject  *self,
                       MpPacking       *packing,
                       GError         **error)
{
  MpArena *arena;
  MpHandle handle;
  gboolean is_first;

  if (mp_shared_object_enter (self, error) == 0)
    return NULL;

  arena = self->hold.arena;
  is_first = mp_packing_is_first (packing, arena);
  if (is_first &&
      (!append_fd (packing->fds, mp_arena_get_fd (arena), error) ||
       !append_fd (packing->fds, mp_table_get_fd (self->table), error)))
    return NULL;

  mp_hold_get_handle (&self->hold, &handle);
  /* The pipe's end is the third descriptor of an object, or none. */
  if ((is_first || packing->flight != NULL) && !mp_flight_board (packing, &self->hold, error))
    return NULL;

  return g_variant_new ("(@ayuu)",
                        g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, handle.arena_id, sizeof handle.arena_id, 1),
                        handle.unit, handle.generation);
}

/*< private >
 * mp_shared_object_new_received:
 * @gtype: a class that calls mp_shared_object_init()
 * @opened: from mp_shared_object_open(); taken
 * @first_property: (nullable): as of g_object_new()
 */
gpointer
mp_shared_object_new_received (GType           gtype,
                               MpSharedObject *opened,
                               const char     *first_property,
                               ...)
{
  gpointer object;
  va_list arguments;

  va_start (arguments, first_property);
  object = mp_shared_object_new_received_valist (gtype, opened, first_property, arguments);
  va_end (arguments);

  return object;
}

gpointer
mp_shared_object_new_received_valist (GType           gtype,
                                      MpSharedObject *opened,
                                      const char     *first_property,
                                      va_list         arguments)
{
  g_assert (received == NULL);
  received = opened;
  return g_object_new_valist (gtype, first_property, arguments);
}

static gboolean
set_corrupted (GError **error)
{
  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED,
                       "The peer sent a shared object that is none");
  return FALSE;
}

static gboolean
read_handle (GVariant  *description,
             MpHandle  *handle,
             GError   **error)
{
  g_autoptr (GVariant) id = NULL;
  gconstpointer bytes;
  gsize length;

  if (!g_variant_is_of_type (description, G_VARIANT_TYPE (DESCRIPTION_TYPE)))
    return set_corrupted (error);

  g_variant_get (description, "(@ayuu)", &id, &handle->unit, &handle->generation);
  bytes = g_variant_get_fixed_array (id, &length, 1);
  if (length != sizeof handle->arena_id)
    return set_corrupted (error);

  memcpy (handle->arena_id, bytes, length);
  return TRUE;
}

/* The descriptors come with the first object that lies there, which may be stale. */
static MpArena *
find_arena (MpUnpacking     *unpacking,
            const MpHandle  *handle,
            int             *fds,
            guint            n_fds,
            GError         **error)
{
  g_autoptr (MpTable) table = NULL;
  MpArena *arena;

  if (n_fds == 0)
    {
      arena = mp_arena_find (handle->arena_id);
      if (arena == NULL)
        set_corrupted (error);
      return arena;
    }

  if (n_fds != 2 && n_fds != 3)
    {
      set_corrupted (error);
      return NULL;
    }

  if (n_fds == 3)
    mp_flight_keep (unpacking, &fds[2]);

  table = mp_unpacking_is_dropped (unpacking) ? mp_table_open_known (fds[1], error) : mp_table_open (fds[1], error);
  arena = table != NULL ? mp_arena_open (table, fds[0], error) : NULL;
  if (arena != NULL)
    mp_unpacking_keep (unpacking, mp_arena_ref (arena), (GDestroyNotify) mp_arena_unref);

  return arena;
}

/*< private >
 * mp_shared_object_open:
 * @self: (out caller-allocates): what mp_shared_object_new_received() takes
 * @size: bytes that the object must have
 *
 * Takes a hold of what another process has made.  Nothing that came is believed: the
 * handle's place must hold an object of that type and size.
 *
 * Fails with %MP_ERROR_STALE if nobody holds the object any more.
 */
gboolean
mp_shared_object_open (MpSharedObject  *self,
                       MpUnpacking     *unpacking,
                       MpObjectType     type,
                       gsize            size,
                       GVariant        *description,
                       int             *fds,
                       guint            n_fds,
                       GError         **error)
{
  g_autoptr (MpArena) arena = NULL;
  MpHandle handle;

  *self = (MpSharedObject) { .type = type };
  if (!read_handle (description, &handle, error))
    return FALSE;

  arena = find_arena (unpacking, &handle, fds, n_fds, error);
  if (arena == NULL || !mp_arena_hold (arena, &handle, type, &self->hold, error))
    return FALSE;

  if (mp_hold_get_size (&self->hold) < size)
    {
      mp_hold_release (&self->hold);
      return set_corrupted (error);
    }

  set_table (self, mp_arena_get_table (arena));
  return TRUE;
}

/*< private >
 * mp_shared_object_open_again:
 * @again: (out caller-allocates): what mp_shared_object_new_received() takes
 *
 * Shares the hold, for another object of this process or for who uses the layout
 * when this one may be gone.  Waits for nobody, but in a forked child at the first use.
 */
gboolean
mp_shared_object_open_again (MpSharedObject  *self,
                             MpSharedObject  *again,
                             GError         **error)
{
  *again = (MpSharedObject) { .type = self->type };
  if (mp_shared_object_enter (self, error) == 0)
    return FALSE;

  mp_hold_share (&self->hold, &again->hold);
  set_table (again, self->table);
  return TRUE;
}

/*< private >
 * mp_shared_object_get_size:
 *
 * Returns: bytes from the layout's first on that are the object's
 */
gsize
mp_shared_object_get_size (MpSharedObject *self)
{
  return mp_hold_get_size (&self->hold);
}
