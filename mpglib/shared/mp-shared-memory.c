/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>
#include <sys/random.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-mapping-private.h"
#include "mp-origin-private.h"
#include "mp-shareable-private.h"
#include "mp-shared-memory-private.h"

/**
 * MpSharedMemory:
 *
 * Bytes that processes share, for whatever has a format of its own.
 *
 * Hand it to another process as a [iface@Mp.Shareable], and both see what the other
 * writes: by [method@Mp.SharedMemory.get_address] or
 * [method@Mp.SharedMemory.get_buffer] at once, by [method@Mp.SharedMemory.read] and
 * [method@Mp.SharedMemory.write] with a copy. Nobody can make it shorter, and it goes with
 * the last process that has it: nothing is left behind, however they end.
 *
 * Where processes have nothing to hand it over by, it may bear a name, under which every
 * process of the same user finds it, be it of Python's `multiprocessing.shared_memory` or
 * of `shm_open()`. That has a price. A name stays, with the memory, until somebody calls
 * [method@Mp.SharedMemory.unlink], even if all processes are gone. And the system offers no
 * way to protect it: who makes a named one shorter ends, by a SIGBUS, each process that
 * uses an address beyond the new end. [method@Mp.SharedMemory.read] and
 * [method@Mp.SharedMemory.write] fail instead: use these if you got memory with a
 * [property@Mp.SharedMemory:name] from a process that you do not trust. To be handed over it
 * must still have its name, which the receiver opens.
 *
 * All methods but [method@Mp.SharedMemory.close] may be called by all threads at once.
 *
 * Since: 1.0
 */
struct _MpSharedMemory
{
  GObject parent_instance;

  char           *name;
  gboolean        create;
  GBytes         *contents;    /* what is in it when it is made; NULL: zero */
  guint64         size;
  guint           origin;      /* atomic; the process whose threads have lock, or renew it just now */
  GMutex          lock;
  MpMapping      *mapping;     /* guarded by lock, as the rest; NULL: not open yet, or closed */
  MpFileIdentity  identity;    /* of what was open once */
  gboolean        is_closed;
};

static void mp_shared_memory_shareable_init (MpShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MpSharedMemory, mp_shared_memory, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_shared_memory_shareable_init))

enum
{
  PROP_0,
  PROP_CREATE,
  PROP_NAME,
  PROP_SIZE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

#define NAME_PREFIX "mpglib-"
#define MAX_NAME    250

/* What the object that this thread is just constructing shall have. */
static _Thread_local MpMapping *received;

/* --- The lock ------------------------------------------------------------- */

/* In a forked child it may be that of a thread which is not there. */
#define RENEWING (1u << 31)

static void
renew_lock (MpSharedMemory *self,
            guint           origin)
{
  guint renewing = origin | RENEWING;
  guint seen = (guint) g_atomic_int_get (&self->origin);

  while (seen != origin)
    {
      if (seen != renewing && g_atomic_int_compare_and_exchange (&self->origin, seen, renewing))
        {
          g_mutex_init (&self->lock);
          g_atomic_int_set (&self->origin, origin);
        }
      seen = (guint) g_atomic_int_get (&self->origin);
    }
}

static void
lock_memory (MpSharedMemory *self)
{
  guint origin = mp_origin_get ();

  if (G_UNLIKELY ((guint) g_atomic_int_get (&self->origin) != origin))
    renew_lock (self, origin);

  g_mutex_lock (&self->lock);
}

/* --- Life ----------------------------------------------------------------- */

static char *
make_name (void)
{
  guint64 random[2] = { g_get_monotonic_time (), 0 };

  /* The worst that a bad one does is that it exists. */
  if (getrandom (random, sizeof random, 0) != sizeof random)
    g_debug ("No random name for shared memory");

  return g_strdup_printf (NAME_PREFIX "%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", random[0], random[1]);
}

/* What stays true when it is closed. */
static void
note_open (MpSharedMemory *self)
{
  self->size = mp_mapping_get_size (self->mapping);
  if (self->identity.inode == 0)
    mp_mapping_get_identity (self->mapping, &self->identity);
}

static void
mp_shared_memory_constructed (GObject *object)
{
  MpSharedMemory *self = MP_SHARED_MEMORY (object);

  G_OBJECT_CLASS (mp_shared_memory_parent_class)->constructed (object);

  if (received != NULL)
    {
      self->mapping = g_steal_pointer (&received);
      note_open (self);
    }
  else if (self->name == NULL)
    mp_shared_memory_open (self, NULL);
  else if (self->name[0] == '\0' && self->create)
    {
      g_free (self->name);
      self->name = make_name ();
    }
}

static void
mp_shared_memory_finalize (GObject *object)
{
  MpSharedMemory *self = MP_SHARED_MEMORY (object);

  g_clear_pointer (&self->mapping, mp_mapping_unref);
  g_clear_pointer (&self->contents, g_bytes_unref);
  renew_lock (self, mp_origin_get ());
  g_mutex_clear (&self->lock);
  g_free (self->name);

  G_OBJECT_CLASS (mp_shared_memory_parent_class)->finalize (object);
}

static void
mp_shared_memory_get_property (GObject    *object,
                               guint       prop_id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  MpSharedMemory *self = MP_SHARED_MEMORY (object);

  switch (prop_id)
    {
    case PROP_CREATE:
      g_value_set_boolean (value, self->create);
      break;

    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;

    case PROP_SIZE:
      g_value_set_uint64 (value, mp_shared_memory_get_size (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_shared_memory_set_property (GObject      *object,
                               guint         prop_id,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  MpSharedMemory *self = MP_SHARED_MEMORY (object);

  switch (prop_id)
    {
    case PROP_CREATE:
      self->create = g_value_get_boolean (value);
      break;

    case PROP_NAME:
      self->name = g_value_dup_string (value);
      break;

    case PROP_SIZE:
      self->size = g_value_get_uint64 (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_shared_memory_class_init (MpSharedMemoryClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_shared_memory_constructed;
  object_class->finalize = mp_shared_memory_finalize;
  object_class->get_property = mp_shared_memory_get_property;
  object_class->set_property = mp_shared_memory_set_property;

  /**
   * MpSharedMemory:name: (getter get_name)
   *
   * Under which name other processes find the memory: up to 250 bytes without a slash.
   * Empty at construction, with [property@Mp.SharedMemory:create]: one that nobody has.
   * %NULL: none.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpSharedMemory:create:
   *
   * Whether memory of that name is to be made; else it has to be there. Of no meaning
   * without a name.
   *
   * Since: 1.0
   */
  properties[PROP_CREATE] =
    g_param_spec_boolean ("create", NULL, NULL,
                          FALSE,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpSharedMemory:size: (getter get_size)
   *
   * How many bytes there are. Of memory that has to be there it is known once that is
   * open.
   *
   * Since: 1.0
   */
  properties[PROP_SIZE] =
    g_param_spec_uint64 ("size", NULL, NULL,
                         0, G_MAXUINT64, 0,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_shared_memory_init (MpSharedMemory *self)
{
  g_mutex_init (&self->lock);
  self->origin = mp_origin_get ();
}

/* --- Opening -------------------------------------------------------------- */

static gboolean
check_name (const char  *name,
            GError     **error)
{
  g_autofree char *escaped = NULL;

  if (name[0] != '\0' && strlen (name) <= MAX_NAME && strchr (name, '/') == NULL &&
      strcmp (name, ".") != 0 && strcmp (name, "..") != 0)
    return TRUE;

  escaped = g_strescape (name, NULL);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME,
               "\"%.300s\" is no name for shared memory: it has to have from 1 to %d bytes and no slash",
               escaped, MAX_NAME);
  return FALSE;
}

/* It has its name once it is whole. */
static MpMapping *
make_filled (MpSharedMemory  *self,
             GError         **error)
{
  g_autoptr (MpMapping) mapping = mp_mapping_new_nameless (self->size, error);
  gconstpointer bytes;
  gsize length;

  if (mapping == NULL)
    return NULL;

  bytes = g_bytes_get_data (self->contents, &length);
  if (!mp_mapping_write (mapping, 0, bytes, length, error) || !mp_mapping_give_name (mapping, self->name, error))
    return NULL;

  g_clear_pointer (&self->contents, g_bytes_unref);
  return g_steal_pointer (&mapping);
}

static MpMapping *
open_mapping (MpSharedMemory  *self,
              GError         **error)
{
  if (self->size > G_MAXSSIZE)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG, "No memory has %" G_GUINT64_FORMAT " bytes", self->size);
      return NULL;
    }

  if (self->name == NULL)
    return mp_mapping_new (self->size, error);

  if (!check_name (self->name, error))
    return NULL;

  if (self->contents != NULL)
    return make_filled (self, error);

  return self->create ? mp_mapping_new_named (self->name, self->size, error)
                      : mp_mapping_open_named (self->name, error);
}

/*< private >
 * mp_shared_memory_new_filled:
 * @name: see mp_shared_memory_new_named()
 * @contents: what it has at its beginning, from the moment on in which others find it
 * @size: bytes, at least those of @contents; the others are zero
 */
MpSharedMemory *
mp_shared_memory_new_filled (const char *name,
                             GBytes     *contents,
                             gsize       size)
{
  MpSharedMemory *self = mp_shared_memory_new_named (name, size);

  self->contents = g_bytes_ref (contents);
  return self;
}

/*< private >
 * mp_shared_memory_ref_mapping:
 *
 * Another thread may close the memory meanwhile.
 *
 * Returns: (transfer full): what is open, or opened by this
 */
MpMapping *
mp_shared_memory_ref_mapping (MpSharedMemory  *self,
                              GError         **error)
{
  MpMapping *mapping = NULL;

  lock_memory (self);
  if (self->is_closed)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_CLOSED, "The shared memory was closed");
  else if (self->mapping == NULL)
    self->mapping = open_mapping (self, error);

  if (self->mapping != NULL)
    {
      note_open (self);
      mapping = mp_mapping_ref (self->mapping);
    }
  g_mutex_unlock (&self->lock);

  return mapping;
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND "shared-memory"

#define DESCRIPTION_TYPE MP_SHARED_MEMORY_DESCRIPTION

GVariant *
mp_shared_memory_pack (MpShareable  *shareable,
                       MpPacking    *packing,
                       GError      **error)
{
  MpSharedMemory *self = MP_SHARED_MEMORY (shareable);
  g_autoptr (MpMapping) mapping = mp_shared_memory_ref_mapping (self, error);
  int duplicate;

  if (mapping == NULL)
    return NULL;

  duplicate = mp_mapping_check (mapping, error) ? mp_fd_duplicate (mp_mapping_get_fd (mapping), error) : -1;
  if (duplicate < 0)
    return NULL;

  g_array_append_val (packing->fds, duplicate);
  return g_variant_new (DESCRIPTION_TYPE, self->name, (guint64) mp_mapping_get_size (mapping));
}

/* What a peer calls by a name is opened by that name, so that nobody has us use, or unlink,
 * what is not ours; and only if it is still the memory that the peer means.
 */
static MpMapping *
open_received (const char  *name,
               int         *fd,
               guint64      size,
               GError     **error)
{
  g_autoptr (MpMapping) mapping = NULL;

  if (name == NULL)
    return mp_mapping_open (fd, size, error);

  if (!check_name (name, error) || (mapping = mp_mapping_open_named (name, error)) == NULL)
    return NULL;

  if (!mp_mapping_is_of (mapping, *fd))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_STALE, "The name \"%s\" is that of other shared memory by now", name);
      return NULL;
    }

  if (mp_mapping_get_size (mapping) != size)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED,
                   "The shared memory \"%s\" has %" G_GSIZE_FORMAT " bytes, not %" G_GUINT64_FORMAT,
                   name, mp_mapping_get_size (mapping), size);
      return NULL;
    }

  return g_steal_pointer (&mapping);
}

MpShareable *
mp_shared_memory_unpack (MpUnpacking  *unpacking,
                         GVariant     *description,
                         int          *fds,
                         guint         n_fds,
                         GError      **error)
{
  g_autoptr (MpMapping) mapping = NULL;
  const char *name;
  guint64 size;

  if (n_fds != 1 || !g_variant_is_of_type (description, G_VARIANT_TYPE (DESCRIPTION_TYPE)))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "The peer sent shared memory that is none");
      return NULL;
    }

  g_variant_get (description, "(m&st)", &name, &size);
  mapping = open_received (name, &fds[0], size, error);
  if (mapping == NULL)
    return NULL;

  received = g_steal_pointer (&mapping);
  return g_object_new (MP_TYPE_SHARED_MEMORY, "name", name, NULL);
}

static char *
mp_shared_memory_to_string (MpShareable *shareable)
{
  MpSharedMemory *self = MP_SHARED_MEMORY (shareable);

  return g_strdup_printf ("<Mp.SharedMemory%s%s size=%" G_GSIZE_FORMAT ">",
                          self->name != NULL ? " " : "", self->name != NULL ? self->name : "",
                          mp_shared_memory_get_size (self));
}

static void
mp_shared_memory_shareable_init (MpShareableInterface *iface)
{
  iface->kind = KIND;
  iface->pack = mp_shared_memory_pack;
  iface->to_string = mp_shared_memory_to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_kind (KIND, mp_shared_memory_unpack);
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_shared_memory_new:
 * @size: bytes, at least 1
 *
 * Makes memory without a name, all zero.
 *
 * Where there is none all calls tell why.
 *
 * Returns: (transfer full): the memory
 *
 * Since: 1.0
 */
MpSharedMemory *
mp_shared_memory_new (gsize size)
{
  return g_object_new (MP_TYPE_SHARED_MEMORY, "size", (guint64) size, NULL);
}

/**
 * mp_shared_memory_new_named:
 * @name: (nullable): see [property@Mp.SharedMemory:name]; %NULL: one that nobody has
 * @size: bytes, at least 1
 *
 * Describes memory with a name, which [method@Mp.SharedMemory.open] makes, all zero, and
 * tells whether that worked.
 *
 * Returns: (transfer full): the memory
 *
 * Since: 1.0
 */
MpSharedMemory *
mp_shared_memory_new_named (const char *name,
                            gsize       size)
{
  return g_object_new (MP_TYPE_SHARED_MEMORY, "name", name != NULL ? name : "", "create", TRUE,
                       "size", (guint64) size, NULL);
}

/**
 * mp_shared_memory_new_existing:
 * @name: see [property@Mp.SharedMemory:name]
 *
 * Describes memory that [method@Mp.SharedMemory.open] finds by its name, or tells why not.
 *
 * Returns: (transfer full): the memory
 *
 * Since: 1.0
 */
MpSharedMemory *
mp_shared_memory_new_existing (const char *name)
{
  g_return_val_if_fail (name != NULL, NULL);

  return g_object_new (MP_TYPE_SHARED_MEMORY, "name", name, NULL);
}

/**
 * mp_shared_memory_open:
 * @self: shared memory
 * @error: return location for an error
 *
 * Makes the memory, or finds it. All other calls do so too if it was not done; this one
 * is for those who want to know whether it worked.
 *
 * Fails with %G_IO_ERROR_EXISTS if memory of that name is to be made and there is some,
 * with %G_IO_ERROR_NOT_FOUND if it has to be there and is not, with
 * %G_IO_ERROR_INVALID_FILENAME if that is no name, with %MP_ERROR_REFUSED if it is
 * another user's, with %MP_ERROR_OUT_OF_RANGE if the size is 0, with %MP_ERROR_CLOSED
 * after [method@Mp.SharedMemory.close], and with the error of the system if there is no
 * memory. Calls that use its descriptor fail with %MP_ERROR_CLOSED, too, if somebody has closed
 * that, as those do who close all that a process has.
 *
 * Returns: whether it is there
 *
 * Since: 1.0
 */
gboolean
mp_shared_memory_open (MpSharedMemory  *self,
                       GError         **error)
{
  g_autoptr (MpMapping) mapping = NULL;

  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  mapping = mp_shared_memory_ref_mapping (self, error);
  return mapping != NULL;
}

/**
 * mp_shared_memory_close:
 * @self: shared memory
 *
 * Gives this process's part of the memory back. What [method@Mp.SharedMemory.get_buffer]
 * has given stays; an address must not be used any more. Other processes keep theirs,
 * and a name stays. Closing it again does nothing.
 *
 * Since: 1.0
 */
void
mp_shared_memory_close (MpSharedMemory *self)
{
  g_return_if_fail (MP_IS_SHARED_MEMORY (self));

  lock_memory (self);
  self->is_closed = TRUE;
  g_clear_pointer (&self->mapping, mp_mapping_unref);
  g_mutex_unlock (&self->lock);
}

/**
 * mp_shared_memory_unlink:
 * @self: shared memory with a name
 * @error: return location for an error
 *
 * Takes the name away: nobody finds the memory by it any more, and it goes with the last
 * process that has it. May be called after [method@Mp.SharedMemory.close]. Of memory that
 * has to be there and was never open whatever bears the name loses it.
 *
 * Fails with %G_IO_ERROR_NOT_FOUND if nothing has that name any more, or other memory has it
 * by now, with %MP_ERROR_INVALID_STATE if the memory has no name, or was not made yet, and with
 * %G_IO_ERROR_INVALID_FILENAME if that is no name.
 *
 * Returns: whether the name was taken away
 *
 * Since: 1.0
 */
gboolean
mp_shared_memory_unlink (MpSharedMemory  *self,
                         GError         **error)
{
  MpFileIdentity identity;

  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (self->name == NULL)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                           "The shared memory has no name: it goes with the last process that has it");
      return FALSE;
    }

  lock_memory (self);
  identity = self->identity;
  g_mutex_unlock (&self->lock);

  if (identity.inode == 0 && self->create)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                   "The shared memory \"%s\" was not made yet: open it first", self->name);
      return FALSE;
    }

  return check_name (self->name, error) &&
         mp_mapping_remove_name (self->name, identity.inode != 0 ? &identity : NULL, error);
}

/**
 * mp_shared_memory_get_name:
 * @self: shared memory
 *
 * Gets [property@Mp.SharedMemory:name].
 *
 * Returns: (nullable): the name
 *
 * Since: 1.0
 */
const char *
mp_shared_memory_get_name (MpSharedMemory *self)
{
  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), NULL);

  return self->name;
}

/**
 * mp_shared_memory_get_size:
 * @self: shared memory
 *
 * Gets [property@Mp.SharedMemory:size].
 *
 * Returns: bytes
 *
 * Since: 1.0
 */
gsize
mp_shared_memory_get_size (MpSharedMemory *self)
{
  gsize size;

  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), 0);

  lock_memory (self);
  size = self->size;
  g_mutex_unlock (&self->lock);

  return size;
}

/**
 * mp_shared_memory_get_fd:
 * @self: shared memory
 * @error: return location for an error
 *
 * Gets a descriptor of the memory, for `mmap()` or to be sent to programs that do not use
 * this library. It stays the object's, and is closed with it: duplicate it to keep it.
 *
 * Fails as [method@Mp.SharedMemory.open] does.
 *
 * Returns: the descriptor, or -1 with the error set
 *
 * Since: 1.0
 */
int
mp_shared_memory_get_fd (MpSharedMemory  *self,
                         GError         **error)
{
  g_autoptr (MpMapping) mapping = NULL;

  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  mapping = mp_shared_memory_ref_mapping (self, error);
  return mapping != NULL && mp_mapping_check (mapping, error) ? mp_mapping_get_fd (mapping) : -1;
}

/**
 * mp_shared_memory_get_address:
 * @self: shared memory
 * @error: return location for an error
 *
 * Gets where the bytes lie in the memory of this process: at the beginning of a page.
 * They stay there until @self is closed or finalized.
 *
 * Fails as [method@Mp.SharedMemory.open] does.
 *
 * Returns: the address, or 0 with the error set
 *
 * Since: 1.0
 */
guintptr
mp_shared_memory_get_address (MpSharedMemory  *self,
                              GError         **error)
{
  g_autoptr (MpMapping) mapping = NULL;

  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  mapping = mp_shared_memory_ref_mapping (self, error);
  return mapping != NULL ? (guintptr) mp_mapping_get_address (mapping, error) : 0;
}

/**
 * mp_shared_memory_get_buffer:
 * @self: shared memory
 * @error: return location for an error
 *
 * Gets the memory, not a copy: the bytes change when somebody writes to them, and who
 * writes to them writes for all. They stay as long as the #GBytes does.
 *
 * In JavaScript `toArray()` of it is a view that can be written to. Python has `buf`.
 *
 * Fails as [method@Mp.SharedMemory.open] does.
 *
 * Returns: (transfer full): the memory
 *
 * Since: 1.0
 */
GBytes *
mp_shared_memory_get_buffer (MpSharedMemory  *self,
                             GError         **error)
{
  g_autoptr (MpMapping) mapping = NULL;
  gpointer address;
  gsize size;

  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  mapping = mp_shared_memory_ref_mapping (self, error);
  address = mapping != NULL ? mp_mapping_get_address (mapping, error) : NULL;
  if (address == NULL)
    return NULL;

  size = mp_mapping_get_size (mapping);
  return g_bytes_new_with_free_func (address, size, (GDestroyNotify) mp_mapping_unref, g_steal_pointer (&mapping));
}

/**
 * mp_shared_memory_read:
 * @self: shared memory
 * @offset: where, in bytes
 * @length: how many bytes
 * @error: return location for an error
 *
 * Gets a copy of some bytes, which others may change meanwhile.
 *
 * Fails with %MP_ERROR_OUT_OF_RANGE if there are none, with %MP_ERROR_CORRUPTED if
 * somebody made memory with a name shorter, with %G_IO_ERROR_NO_SPACE if there is no memory
 * for the copy, and as [method@Mp.SharedMemory.open] does.
 *
 * Returns: (transfer full): the copy
 *
 * Since: 1.0
 */
GBytes *
mp_shared_memory_read (MpSharedMemory  *self,
                       gsize            offset,
                       gsize            length,
                       GError         **error)
{
  g_autoptr (MpMapping) mapping = NULL;
  g_autofree guint8 *copy = NULL;

  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  mapping = mp_shared_memory_ref_mapping (self, error);
  if (mapping == NULL ||
      !mp_mapping_check (mapping, error) || !mp_mapping_check_part (mapping, offset, length, error))
    return NULL;

  copy = g_try_malloc (MAX (length, 1));
  if (copy == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "There is no memory for a copy of %" G_GSIZE_FORMAT " bytes",
                   length);
      return NULL;
    }

  if (!mp_mapping_read (mapping, offset, copy, length, error))
    return NULL;

  return g_bytes_new_take (g_steal_pointer (&copy), length);
}

/**
 * mp_shared_memory_write:
 * @self: shared memory
 * @offset: where, in bytes
 * @data: (array length=length): what
 * @length: how many bytes
 * @error: return location for an error
 *
 * Copies bytes there.
 *
 * Fails with %MP_ERROR_OUT_OF_RANGE if there is no room, with %MP_ERROR_CORRUPTED if
 * somebody made memory with a name shorter, and as [method@Mp.SharedMemory.open] does.
 *
 * Returns: whether they are there
 *
 * Since: 1.0
 */
gboolean
mp_shared_memory_write (MpSharedMemory  *self,
                        gsize            offset,
                        const guint8    *data,
                        gsize            length,
                        GError         **error)
{
  g_autoptr (MpMapping) mapping = NULL;

  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), FALSE);
  g_return_val_if_fail (data != NULL || length == 0, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  mapping = mp_shared_memory_ref_mapping (self, error);
  return mapping != NULL && mp_mapping_write (mapping, offset, data, length, error);
}

/**
 * mp_shared_memory_write_bytes:
 * @self: shared memory
 * @offset: where, in bytes
 * @bytes: what
 * @error: return location for an error
 *
 * Copies bytes there, as [method@Mp.SharedMemory.write] does.
 *
 * Returns: whether they are there
 *
 * Since: 1.0
 */
gboolean
mp_shared_memory_write_bytes (MpSharedMemory  *self,
                              gsize            offset,
                              GBytes          *bytes,
                              GError         **error)
{
  gconstpointer data;
  gsize length;

  g_return_val_if_fail (MP_IS_SHARED_MEMORY (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  data = g_bytes_get_data (bytes, &length);
  return mp_shared_memory_write (self, offset, data, length, error);
}
