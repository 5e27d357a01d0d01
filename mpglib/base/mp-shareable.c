/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <unistd.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-patience-private.h"
#include "mp-shareable-private.h"

/**
 * MpShareable:
 *
 * An object that can be handed to another process.
 *
 * Attach it to a [class@Mp.Message] and send that, or give it to a process
 * among its arguments. The receiver gets an object of its own that stands for
 * the same thing; the sender keeps its own.
 *
 * The interface's structure is private: only classes of mpglib implement it.
 *
 * Since: 1.0
 */

G_DEFINE_INTERFACE (MpShareable, mp_shareable, G_TYPE_OBJECT)

/* Kinds and their makers.  Written when the library is loaded, read when an
 * attachment is unpacked; nothing is loaded because of bytes received.
 */
typedef struct
{
  MpShareableUnpack unpack;
  gboolean          is_hold;
} Kind;

static GRWLock kinds_lock;
static GHashTable *kinds; /* static string → Kind; guarded by kinds_lock */

static void
mp_shareable_default_init (MpShareableInterface *iface)
{
}

/**
 * mp_shareable_to_string:
 * @self: an object that can be shared
 *
 * Describes the object for people: its kind and what tells it from others, as
 * in `<Mp.Connection fd=7 readable writable>`. The form may change.
 *
 * May be called from any thread.
 *
 * Returns: (transfer full): the description
 *
 * Since: 1.0
 */
char *
mp_shareable_to_string (MpShareable *self)
{
  MpShareableInterface *iface;
  const char *name;

  g_return_val_if_fail (MP_IS_SHAREABLE (self), NULL);

  iface = MP_SHAREABLE_GET_IFACE (self);
  if (iface->to_string != NULL)
    return iface->to_string (self);

  name = G_OBJECT_TYPE_NAME (self);
  if (g_str_has_prefix (name, "Mp"))
    return g_strdup_printf ("<Mp.%s at %p>", name + 2, self);

  return g_strdup_printf ("<%s at %p>", name, self);
}

static void
register_kind (const char        *name,
               MpShareableUnpack  unpack,
               gboolean           is_hold)
{
  Kind *kind = g_new (Kind, 1);

  kind->unpack = unpack;
  kind->is_hold = is_hold;

  g_rw_lock_writer_lock (&kinds_lock);
  if (kinds == NULL)
    kinds = g_hash_table_new (g_str_hash, g_str_equal);
  g_hash_table_replace (kinds, (gpointer) name, kind);
  g_rw_lock_writer_unlock (&kinds_lock);
}

/*< private >
 * mp_shareable_register_kind:
 * @kind: name on the wire; a static string
 * @unpack: its maker
 *
 * To be called before main, from a constructor of the library: a child may
 * receive an object of a class that it has not used itself.
 */
void
mp_shareable_register_kind (const char        *kind,
                            MpShareableUnpack  unpack)
{
  register_kind (kind, unpack, FALSE);
}

/*< private >
 * mp_shareable_register_hold:
 *
 * As mp_shareable_register_kind(), of objects that hold what lies in shared memory, and
 * whose maker calls nobody and waits for nobody: any thread may make them, as early as is
 * good for what they hold.
 */
void
mp_shareable_register_hold (const char        *kind,
                            MpShareableUnpack  unpack)
{
  register_kind (kind, unpack, TRUE);
}

static Kind
lookup_kind (const char *name)
{
  const Kind *kind = NULL;

  g_rw_lock_reader_lock (&kinds_lock);
  if (kinds != NULL)
    kind = g_hash_table_lookup (kinds, name);
  g_rw_lock_reader_unlock (&kinds_lock);

  return kind != NULL ? *kind : (Kind) { 0 };
}

gboolean
mp_shareable_is_hold (const char *kind)
{
  return lookup_kind (kind).is_hold;
}

void
mp_packing_init (MpPacking *self)
{
  *self = (MpPacking) { .fds = g_array_new (FALSE, FALSE, sizeof (int)) };
}

/* The descriptors are whoever's who has taken the array. */
void
mp_packing_clear (MpPacking *self)
{
  g_clear_pointer (&self->fds, g_array_unref);
  g_clear_pointer (&self->given, g_hash_table_unref);
  if (self->flight != NULL)
    self->depart (g_steal_pointer (&self->flight));
}

/*< private >
 * mp_packing_is_first:
 *
 * Returns: whether nobody asked for @what before
 */
gboolean
mp_packing_is_first (MpPacking     *self,
                     gconstpointer  what)
{
  if (self->given == NULL)
    self->given = g_hash_table_new (NULL, NULL);

  return g_hash_table_add (self->given, (gpointer) what);
}

struct _MpUnpacking
{
  GSList  *kept;
  guint    n_expected;
  gint     process;  /* whose threads have the rest; negative while one renews it */
  GMutex   lock;
  GCond    is_over;
  gboolean has_begun;
  gboolean is_dropped;

  MpPatience patience; /* of who has begun */
};

typedef struct
{
  gpointer what;
  GDestroyNotify destroy;
} Kept;

MpUnpacking *
mp_unpacking_new (void)
{
  MpUnpacking *self = g_atomic_rc_box_new0 (MpUnpacking);

  self->process = getpid ();
  g_mutex_init (&self->lock);
  g_cond_init (&self->is_over);
  return self;
}

MpUnpacking *
mp_unpacking_ref (MpUnpacking *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
kept_free (gpointer data)
{
  Kept *kept = data;

  kept->destroy (kept->what);
  g_free (kept);
}

static void
mp_unpacking_clear (gpointer data)
{
  MpUnpacking *self = data;

  g_slist_free_full (self->kept, kept_free);
  if (self->process == getpid ())
    {
      g_mutex_clear (&self->lock);
      g_cond_clear (&self->is_over);
    }
}

void
mp_unpacking_unref (MpUnpacking *self)
{
  g_atomic_rc_box_release_full (self, mp_unpacking_clear);
}

/*< private >
 * mp_unpacking_keep:
 *
 * For who unpacks an attachment.
 */
void
mp_unpacking_keep (MpUnpacking    *self,
                   gpointer        what_taken,
                   GDestroyNotify  destroy)
{
  Kept *kept = g_new (Kept, 1);

  kept->what = what_taken;
  kept->destroy = destroy;
  self->kept = g_slist_prepend (self->kept, kept);
}

/*< private >
 * mp_unpacking_expect:
 *
 * Another object is to be made that may need what is kept.
 */
void
mp_unpacking_expect (MpUnpacking *self)
{
  self->n_expected++;
}

/*< private >
 * mp_unpacking_note_made:
 *
 * Once all are made nothing is kept any more.
 */
void
mp_unpacking_note_made (MpUnpacking *self)
{
  self->n_expected--;
  if (self->n_expected == 0)
    g_slist_free_full (g_steal_pointer (&self->kept), kept_free);
}

/* In a forked child the lock may be that of a thread which is not there. */
static void
renew (MpUnpacking *self,
       gint         process)
{
  gint seen;

  while ((seen = g_atomic_int_get (&self->process)) != process)
    if (seen != -process && g_atomic_int_compare_and_exchange (&self->process, seen, -process))
      {
        g_mutex_init (&self->lock);
        g_cond_init (&self->is_over);
        self->has_begun = FALSE;
        g_atomic_int_set (&self->process, process);
      }
}

static void
lock_unpacking (MpUnpacking *self)
{
  gint process = getpid ();

  if (G_UNLIKELY (g_atomic_int_get (&self->process) != process))
    renew (self, process);

  g_mutex_lock (&self->lock);
}

/* Who has begun does not wait longer than this for processes, and so is not waited for longer. */
#define LONGEST_WAIT (20 * G_TIME_SPAN_SECOND)

static gboolean
await_end (MpUnpacking *self)
{
  gint64 begun = g_get_monotonic_time ();
  gint64 deadline = begun + mp_patience_get_remaining (LONGEST_WAIT);

  while (self->has_begun && g_cond_wait_until (&self->is_over, &self->lock, deadline))
    ;

  mp_patience_spend (g_get_monotonic_time () - begun);
  return !self->has_begun;
}

/*< private >
 * mp_unpacking_begin:
 *
 * One thread unpacks at a time, until it calls mp_unpacking_end(), and spends the message's
 * patience: all attachments share one.  Others wait as for a lock in shared memory, which
 * may be what the one waits for.
 *
 * Fails with %MP_ERROR_TIMED_OUT.
 */
gboolean
mp_unpacking_begin (MpUnpacking  *self,
                    GError      **error)
{
  gboolean is_free;

  lock_unpacking (self);
  is_free = !self->has_begun || await_end (self);
  self->has_begun = TRUE;
  g_mutex_unlock (&self->lock);

  if (is_free)
    mp_patience_begin (&self->patience);
  else
    g_set_error_literal (error, MP_ERROR, MP_ERROR_TIMED_OUT,
                         "Another thread does not come to the end of unpacking the message: a process that "
                         "changes a shared object may be stopped");
  return is_free;
}

void
mp_unpacking_end (MpUnpacking *self)
{
  mp_patience_end (&self->patience);

  g_mutex_lock (&self->lock);
  self->has_begun = FALSE;
  g_cond_signal (&self->is_over);
  g_mutex_unlock (&self->lock);
}

/*< private >
 * mp_unpacking_drop:
 *
 * What is made from now on is dropped at once: nobody has asked for it.  So it is not worth to take part in anything
 * for which there are few places.
 */
void
mp_unpacking_drop (MpUnpacking *self)
{
  self->is_dropped = TRUE;
}

gboolean
mp_unpacking_is_dropped (MpUnpacking *self)
{
  return self->is_dropped;
}

/* Takes the error.  To who sends, "closed" says that nobody receives it; that an object among what is sent is closed is
 * another thing, for the way is open.
 */
static void
set_pack_error (MpShareable  *self,
                GError       *failure,
                GError      **error)
{
  if (g_error_matches (failure, MP_ERROR, MP_ERROR_CLOSED))
    {
      g_autofree char *string = mp_shareable_to_string (self);

      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                   "%s cannot be handed to another process: %s", string, failure->message);
      g_error_free (failure);
    }
  else
    {
      g_propagate_error (error, failure);
    }
}

/*< private >
 * mp_shareable_pack:
 * @packing: of the message; the object's descriptors are appended to it
 *
 * Returns: (transfer floating) (nullable): a GVariant of
 *   %MP_SHAREABLE_PACKED_TYPE; on failure %NULL with the descriptors as they were
 */
GVariant *
mp_shareable_pack (MpShareable  *self,
                   MpPacking    *packing,
                   GError      **error)
{
  MpShareableInterface *iface = MP_SHAREABLE_GET_IFACE (self);
  GArray *fds = packing->fds;
  guint n_before = fds->len;
  GVariant *description;
  GError *failure = NULL;

  if (iface->pack == NULL)
    {
      g_autofree char *string = mp_shareable_to_string (self);

      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SHAREABLE,
                   "%s cannot be handed to another process", string);
      return NULL;
    }

  description = iface->pack (self, packing, &failure);
  if (description == NULL)
    {
      set_pack_error (self, failure, error);
      mp_fds_close (&g_array_index (fds, int, n_before), fds->len - n_before);
      g_array_set_size (fds, n_before);
      return NULL;
    }

  return g_variant_new ("(suv)", iface->kind, fds->len - n_before, description);
}

/*< private >
 * mp_shareable_unpack:
 * @unpacking: of the message
 * @fds: (array length=n_fds): descriptors that came for it; those used are -1
 *   afterwards, the others stay the caller's
 *
 * Returns: (transfer full) (nullable): the object
 */
MpShareable *
mp_shareable_unpack (MpUnpacking  *unpacking,
                     const char   *kind,
                     GVariant     *description,
                     int          *fds,
                     guint         n_fds,
                     GError      **error)
{
  MpShareableUnpack unpack = lookup_kind (kind).unpack;

  if (unpack == NULL)
    {
      g_autofree char *escaped = g_strescape (kind, NULL);

      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
                   "This mpglib knows no shareable objects of the kind \"%s\"", escaped);
      return NULL;
    }

  return unpack (unpacking, description, fds, n_fds, error);
}
