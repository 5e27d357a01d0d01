/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <gio/gio.h>

#include "mp-arena-private.h"
#include "mp-participant-private.h"
#include "mp-shareable-private.h"

G_BEGIN_DECLS

/* What every object in shared memory is for its GObject: a hold, and this process as
 * a participant.
 *
 * Making one never fails to the caller's eyes: an object for which there was no memory,
 * or that cannot be as it was wanted, tells so in each of its operations.  In a forked
 * child it becomes the child's own at the first operation.
 */
typedef struct
{
  MpHold            hold;
  const MpAtomic32 *me;       /* mp_participant_find_me(); NULL: there is no object */
  MpTable          *table;
  MpObjectType      type;
  GError           *error;    /* why there is no object */
} MpSharedObject;

gboolean  mp_shared_object_init         (MpSharedObject  *self,
                                         MpObjectType     type,
                                         gsize            size);
void      mp_shared_object_refuse       (MpSharedObject  *self,
                                         MpObjectType     type,
                                         GError          *error_taken);
void      mp_shared_object_clear        (MpSharedObject  *self);
guint32   mp_shared_object_enter        (MpSharedObject  *self,
                                         GError         **error);
GVariant *mp_shared_object_pack         (MpSharedObject  *self,
                                         MpPacking       *packing,
                                         GError         **error);
gboolean  mp_shared_object_open         (MpSharedObject  *self,
                                         MpUnpacking     *unpacking,
                                         MpObjectType     type,
                                         gsize            size,
                                         GVariant        *description,
                                         int             *fds,
                                         guint            n_fds,
                                         GError         **error);
gpointer  mp_shared_object_new_received (GType            gtype,
                                         MpSharedObject  *opened,
                                         const char      *first_property,
                                         ...);
gpointer  mp_shared_object_new_received_valist (GType           gtype,
                                                MpSharedObject *opened,
                                                const char     *first_property,
                                                va_list         arguments);
gboolean  mp_shared_object_open_again   (MpSharedObject  *self,
                                         MpSharedObject  *again,
                                         GError         **error);
gsize     mp_shared_object_get_size     (MpSharedObject  *self);

/*< private >
 * mp_shared_object_peek:
 * @me: (out): this process in owner words
 *
 * Two loads and their comparison.
 *
 * Returns: the object's layout, or %NULL if it is not known that this process has it
 */
static inline gpointer
mp_shared_object_peek (MpSharedObject *self,
                       guint32        *me)
{
  if (G_UNLIKELY (self->me == NULL))
    return NULL;

  *me = mp_participant_read_me (self->me);
  return G_LIKELY (*me != 0 && *me == self->hold.owner) ? self->hold.data : NULL;
}

/*< private >
 * mp_shared_object_get:
 * @me: (out): this process in owner words
 *
 * Returns: the object's layout, or %NULL with the error set
 */
static inline gpointer
mp_shared_object_get (MpSharedObject  *self,
                      guint32         *me,
                      GError         **error)
{
  gpointer layout = mp_shared_object_peek (self, me);

  if (G_LIKELY (layout != NULL))
    return layout;

  *me = mp_shared_object_enter (self, error);
  return *me != 0 ? self->hold.data : NULL;
}

G_END_DECLS
