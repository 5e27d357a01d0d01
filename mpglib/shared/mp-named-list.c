/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <stddef.h>

#include <gio/gio.h>

#include "mp-error.h"
#include "mp-file-lock-private.h"
#include "mp-list-plan-private.h"
#include "mp-named-list-private.h"
#include "mp-shared-memory-private.h"

struct _MpNamedList
{
  MpSharedMemory *memory;
  MpListPlan     *plan;     /* atomic; NULL: not read yet */
};

/* What one call has. */
typedef struct
{
  MpMapping        *mapping;
  const MpListPlan *plan;
} Access;

/* --- Life ----------------------------------------------------------------- */

MpNamedList *
mp_named_list_new_of_memory (MpSharedMemory *memory)
{
  MpNamedList *self = g_new0 (MpNamedList, 1);

  self->memory = g_object_ref (memory);
  return self;
}

/*< private >
 * mp_named_list_new:
 * @items: (nullable): what is in it when it is made; %NULL: it has to be there
 * @name: empty: one that nobody has
 */
MpNamedList *
mp_named_list_new (GVariant    *items,
                   const char  *name,
                   GError     **error)
{
  g_autoptr (MpSharedMemory) memory = NULL;
  g_autoptr (GBytes) contents = NULL;
  gsize size;

  if (items != NULL)
    {
      contents = mp_list_plan_encode (items, &size, error);
      if (contents == NULL)
        return NULL;
    }

  memory = contents != NULL ? mp_shared_memory_new_filled (name, contents, size)
                            : mp_shared_memory_new_existing (name);
  return mp_named_list_new_of_memory (memory);
}

void
mp_named_list_free (MpNamedList *self)
{
  g_object_unref (self->memory);
  g_clear_pointer (&self->plan, mp_list_plan_free);
  g_free (self);
}

MpSharedMemory *
mp_named_list_get_memory (MpNamedList *self)
{
  return self->memory;
}

/* --- Access --------------------------------------------------------------- */

static const MpListPlan *
get_plan (MpNamedList  *self,
          MpMapping    *mapping,
          GError      **error)
{
  MpListPlan *plan = g_atomic_pointer_get (&self->plan);

  if (G_LIKELY (plan != NULL))
    return plan;

  plan = mp_list_plan_read (mapping, error);
  if (plan == NULL)
    return NULL;

  /* Another thread may have been faster. */
  if (!g_atomic_pointer_compare_and_exchange (&self->plan, NULL, plan))
    {
      mp_list_plan_free (plan);
      plan = g_atomic_pointer_get (&self->plan);
    }

  return plan;
}

static void
end_access (Access *access)
{
  g_clear_pointer (&access->mapping, mp_mapping_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Access, end_access)

static gboolean
begin_access (MpNamedList  *self,
              Access       *access,
              GError      **error)
{
  access->mapping = mp_shared_memory_ref_mapping (self->memory, error);
  access->plan = access->mapping != NULL ? get_plan (self, access->mapping, error) : NULL;
  return access->plan != NULL;
}

static gboolean
begin_access_to (MpNamedList  *self,
                 guint         index,
                 Access       *access,
                 GError      **error)
{
  if (!begin_access (self, access, error))
    return FALSE;

  if (index < access->plan->n_items)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_OUT_OF_RANGE,
               "There is no item %u in a list of %u", index, access->plan->n_items);
  return FALSE;
}

/* --- The journal ---------------------------------------------------------- */

#define AT_CONTENT sizeof (MpListTail)

static gboolean
mark_valid (const Access  *access,
            guint8         is_valid,
            GError       **error)
{
  return mp_mapping_write (access->mapping, access->plan->tail + offsetof (MpListTail, is_valid),
                           &is_valid, sizeof is_valid, error);
}

static gboolean
write_down (const Access        *access,
            const MpListRecord  *record,
            const guint8        *content,
            GError             **error)
{
  gsize tail = access->plan->tail;

#ifdef MP_FAULT_NO_LIST_JOURNAL
  return TRUE;
#endif

  return mp_mapping_write (access->mapping, tail + AT_CONTENT, content, record->length, error) &&
         mp_mapping_write (access->mapping, tail + offsetof (MpListTail, record), record, sizeof *record, error) &&
         mark_valid (access, TRUE, error);
}

/* Done twice it is done once. */
static gboolean
carry_out (const Access        *access,
           const MpListRecord  *record,
           const guint8        *content,
           GError             **error)
{
  const MpListPlan *plan = access->plan;
  guint index = (guint) record->index;

  return mp_mapping_write (access->mapping, plan->data + plan->places[index], content, record->length, error) &&
         mp_mapping_write (access->mapping, plan->formats + index * MP_LIST_FORMAT_LENGTH,
                           record->format, sizeof record->format, error) &&
         mp_mapping_write (access->mapping, plan->codes + index, &record->code, sizeof record->code, error);
}

static gboolean
set_rubbish (guint    index,
             GError **error)
{
  g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "Item %u of the shareable list holds rubbish", index);
  return FALSE;
}

static guint8 *
allocate (gsize    length,
          GError **error)
{
  guint8 *bytes = g_try_malloc (length);

  if (bytes == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "There is no memory for an item of %" G_GSIZE_FORMAT " bytes",
                 length);
  return bytes;
}

/* It is only of those who were killed that this is found: whoever lives has the lock. */
static gboolean
look_for_dead (const Access  *access,
               guint8        *is_valid,
               GError       **error)
{
  *is_valid = FALSE;
  return access->plan->tail == 0 ||
         mp_mapping_read (access->mapping, access->plan->tail + offsetof (MpListTail, is_valid),
                          is_valid, sizeof *is_valid, error);
}

static gboolean
finish_for_dead (const Access  *access,
                 GError       **error)
{
  g_autofree guint8 *content = NULL;
  gsize tail = access->plan->tail;
  MpListRecord record;

  if (!mp_mapping_read (access->mapping, tail + offsetof (MpListTail, record), &record, sizeof record, error))
    return FALSE;

  if (!mp_list_record_check (&record, access->plan))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "The journal of the shareable list holds rubbish");
      return FALSE;
    }

  content = allocate (record.length, error);
  return content != NULL &&
         mp_mapping_read (access->mapping, tail + AT_CONTENT, content, record.length, error) &&
         carry_out (access, &record, content, error) &&
         mark_valid (access, FALSE, error);
}

/* With the lock. */
static gboolean
make_whole (const Access  *access,
            GError       **error)
{
  guint8 is_valid;

  return look_for_dead (access, &is_valid, error) && (!is_valid || finish_for_dead (access, error));
}

/* Returns: a lock with which all items are whole, or -1 */
static int
lock_whole (const Access  *access,
            GError       **error)
{
  int lock = mp_file_lock_acquire (access->mapping, error);

  if (lock < 0 || make_whole (access, error))
    return lock;

  mp_file_lock_release (lock);
  return -1;
}

/* --- Items ---------------------------------------------------------------- */

/* Returns: the content, with the lock held */
static guint8 *
read_item (const Access  *access,
           guint          index,
           MpListRecord  *record,
           gsize         *length,
           GError       **error)
{
  const MpListPlan *plan = access->plan;
  g_autofree guint8 *content = NULL;

  if (!mp_mapping_read (access->mapping, plan->formats + index * MP_LIST_FORMAT_LENGTH,
                        record->format, sizeof record->format, error) ||
      !mp_mapping_read (access->mapping, plan->codes + index, &record->code, sizeof record->code, error))
    return NULL;

  *length = mp_list_record_measure (record, mp_list_plan_get_room (plan, index));
  if (*length == 0)
    {
      set_rubbish (index, error);
      return NULL;
    }

  content = allocate (*length, error);
  if (content == NULL ||
      !mp_mapping_read (access->mapping, plan->data + plan->places[index], content, *length, error))
    return NULL;

  return g_steal_pointer (&content);
}

GVariant *
mp_named_list_get_item (MpNamedList  *self,
                        guint         index,
                        GError      **error)
{
  g_auto (Access) access = { 0 };
  g_autofree guint8 *content = NULL;
  MpListRecord record = { 0 };
  GVariant *value;
  gsize length;
  int lock;

  if (!begin_access_to (self, index, &access, error))
    return NULL;

  lock = lock_whole (&access, error);
  if (lock < 0)
    return NULL;

  content = read_item (&access, index, &record, &length, error);
  mp_file_lock_release (lock);
  if (content == NULL)
    return NULL;

  value = mp_list_record_decode (&record, content, length);
  if (value == NULL)
    set_rubbish (index, error);

  return value;
}

/* With the lock.  A list of Python's has no journal. */
static gboolean
write_item (const Access        *access,
            const MpListRecord  *record,
            const guint8        *content,
            GError             **error)
{
  if (access->plan->tail == 0)
    return carry_out (access, record, content, error);

  return write_down (access, record, content, error) &&
         carry_out (access, record, content, error) &&
         mark_valid (access, FALSE, error);
}

gboolean
mp_named_list_set_item (MpNamedList  *self,
                        guint         index,
                        GVariant     *value,
                        GError      **error)
{
  g_auto (Access) access = { 0 };
  g_autofree guint8 *content = NULL;
  MpListRecord record;
  gboolean is_written;
  int lock;

  if (!begin_access_to (self, index, &access, error))
    return FALSE;

  content = mp_list_record_make (&record, index, value, mp_list_plan_get_room (access.plan, index), error);
  if (content == NULL)
    return FALSE;

  lock = lock_whole (&access, error);
  if (lock < 0)
    return FALSE;

  is_written = write_item (&access, &record, content, error);
  mp_file_lock_release (lock);
  return is_written;
}

/* --- The list ------------------------------------------------------------- */

/*< private >
 * mp_named_list_open:
 *
 * Returns: whether the memory is there, and a list in it
 */
gboolean
mp_named_list_open (MpNamedList  *self,
                    GError      **error)
{
  g_auto (Access) access = { 0 };

  return begin_access (self, &access, error);
}

/*< private >
 * mp_named_list_get_length:
 *
 * Stays known when the memory is closed.
 */
guint
mp_named_list_get_length (MpNamedList *self)
{
  const MpListPlan *plan = g_atomic_pointer_get (&self->plan);

  if (plan == NULL && mp_named_list_open (self, NULL))
    plan = g_atomic_pointer_get (&self->plan);

  return plan != NULL ? plan->n_items : 0;
}

gsize
mp_named_list_get_room (MpNamedList  *self,
                        guint         index,
                        GError      **error)
{
  g_auto (Access) access = { 0 };

  return begin_access_to (self, index, &access, error) ? mp_list_plan_get_room (access.plan, index) : 0;
}
