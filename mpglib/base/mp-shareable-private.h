/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-shareable.h"

G_BEGIN_DECLS

/* Attachments of one message while they are packed.  What several of them need, such
 * as the memory in which they lie, is given to the receiver once, by the first of
 * them: attachments are unpacked in their order.
 */
typedef struct
{
  GArray         *fds;     /* of int: what the objects append is the caller's to send and close */
  GHashTable     *given;
  gpointer        flight;  /* what keeps the objects on their way, and what it does once all are packed */
  GDestroyNotify  depart;
} MpPacking;

void     mp_packing_init     (MpPacking     *self);
void     mp_packing_clear    (MpPacking     *self);
gboolean mp_packing_is_first (MpPacking     *self,
                              gconstpointer  what);

/* Its twin: attachments of one received message.  What several of them need stays as long
 * as one of them is still to be made, so that none depends on whether another was, or lives.
 */
typedef struct _MpUnpacking MpUnpacking;

MpUnpacking *mp_unpacking_new   (void);
MpUnpacking *mp_unpacking_ref   (MpUnpacking    *self);
void         mp_unpacking_unref (MpUnpacking    *self);
void         mp_unpacking_keep  (MpUnpacking    *self,
                                 gpointer        what_taken,
                                 GDestroyNotify  destroy);
void         mp_unpacking_expect (MpUnpacking   *self);
void         mp_unpacking_note_made (MpUnpacking *self);
/* What is waited meanwhile is spent of the message's patience. */
gboolean     mp_unpacking_begin (MpUnpacking    *self,
                                 GError        **error);
void         mp_unpacking_end   (MpUnpacking    *self);
void         mp_unpacking_drop  (MpUnpacking    *self);
gboolean     mp_unpacking_is_dropped (MpUnpacking *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpUnpacking, mp_unpacking_unref)

/* That of a descriptor, which has no holders that know of each other. */
#define MP_DESCRIPTOR_KIND "descriptor"

/* What an object turns into on its way to another process: the name under
 * which the receiving library finds its maker, a description for that maker,
 * and descriptors, of which the description's owner gives away duplicates.
 */
struct _MpShareableInterface
{
  GTypeInterface parent_iface;

  const char *kind;

  /* Returns the description and appends descriptors to those of `packing`.
   * On failure those appended already are the caller's to close.
   */
  GVariant *(*pack)      (MpShareable  *self,
                          MpPacking    *packing,
                          GError      **error);
  char     *(*to_string) (MpShareable  *self);
};

/* Makes the object again.  The description and the descriptors come from a
 * peer: whatever they hold is checked.  Descriptors that it keeps it takes out
 * of `fds` by setting them to -1; the caller closes the others.
 */
typedef MpShareable *(*MpShareableUnpack) (MpUnpacking  *unpacking,
                                           GVariant     *description,
                                           int          *fds,
                                           guint         n_fds,
                                           GError      **error);

/* One attachment on the wire: kind, number of its descriptors, description. */
#define MP_SHAREABLE_PACKED_TYPE "(suv)"

void         mp_shareable_register_kind (const char         *kind,
                                         MpShareableUnpack   unpack);
void         mp_shareable_register_hold (const char         *kind,
                                         MpShareableUnpack   unpack);
gboolean     mp_shareable_is_hold       (const char         *kind);
GVariant    *mp_shareable_pack          (MpShareable        *self,
                                         MpPacking          *packing,
                                         GError            **error);
MpShareable *mp_shareable_unpack        (MpUnpacking        *unpacking,
                                         const char         *kind,
                                         GVariant           *description,
                                         int                *fds,
                                         guint               n_fds,
                                         GError            **error);

G_END_DECLS
