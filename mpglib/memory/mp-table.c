/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <gio/gio.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-memfd-private.h"
#include "mp-table-places-private.h"

/* The segment is as large as the struct, in pages of any size up to 64 KiB. */
#define TABLE_SIZE ((sizeof (MpTableLayout) + 0xffff) & ~(gsize) 0xffff)

/* The parent's, until it is needed: most children share nothing.  Guarded by mp_self_lock().  Somebody may
 * close all descriptors meanwhile, or fork just when this one is closed, and the number be another file's.
 */
static int inherited_fd = -1;
static dev_t inherited_device;
static ino_t inherited_file;

static MpTable *
new_locked (GError **error)
{
  MpTable *place = mp_table_take_place_locked (error);
  MpSegment *segment = NULL;

  if (place != NULL)
    segment = mp_segment_new (MP_SEGMENT_TABLE, NULL, TABLE_SIZE, TABLE_SIZE, mp_table_get_address (place), error);

  return segment != NULL ? mp_table_fill_locked (place, segment) : NULL;
}

/* `is_known`: or else it is not opened */
static MpTable *
open_locked (int       fd,
             gboolean  is_known,
             GError  **error)
{
  g_autoptr (MpSegment) anywhere = mp_segment_open (fd, MP_SEGMENT_TABLE, NULL, error);
  MpSegment *segment = NULL;
  MpTable *known, *place;

  if (anywhere == NULL)
    return NULL;

  /* Sealed, so it cannot grow over its neighbour after this. */
  if (mp_segment_get_size (anywhere) != TABLE_SIZE)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED,
                           "The participant table received has the wrong size");
      return NULL;
    }

  known = mp_table_find_locked (mp_segment_get_header (anywhere)->id);
  if (known != NULL)
    return mp_table_ref_locked (known);

  if (is_known)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_STALE,
                           "This process has nothing of that family of shared objects");
      return NULL;
    }

  place = mp_table_take_place_locked (error);
  if (place != NULL)
    segment = mp_segment_open (fd, MP_SEGMENT_TABLE, mp_table_get_address (place), error);

  return segment != NULL ? mp_table_fill_locked (place, segment) : NULL;
}

static void
keep_inherited_locked (int *fd_taken)
{
  struct stat status;

  if (fstat (*fd_taken, &status) != 0)
    return;

  inherited_device = status.st_dev;
  inherited_file = status.st_ino;
  inherited_fd = mp_memfd_steal (fd_taken);
}

/* A number that is another file's by now is forgotten. */
static gboolean
has_inherited_locked (void)
{
  struct stat status;

  if (inherited_fd >= 0 && (fstat (inherited_fd, &status) != 0 ||
                            status.st_dev != inherited_device || status.st_ino != inherited_file))
    inherited_fd = -1;

  return inherited_fd >= 0;
}

/* The one that all belongs to which this process makes. */
static MpTable *
first_locked (GError **error)
{
  MpTable *inherited = NULL;

  if (mp_table_get_n () > 0)
    return mp_table_peek (0);

  if (has_inherited_locked ())
    inherited = open_locked (inherited_fd, FALSE, NULL);
  mp_memfd_close (&inherited_fd);

  return inherited != NULL ? inherited : new_locked (error);
}

/*< private >
 * mp_table_new:
 *
 * Returns: (transfer full): a table without participants
 */
MpTable *
mp_table_new (GError **error)
{
  MpSelf *self = mp_self_get ();
  MpTable *table;

  mp_self_lock (self);
  table = new_locked (error);
  mp_self_unlock (self);

  return table;
}

static MpTable *
try_open_table (int       fd,
                gboolean  is_known,
                GError  **error)
{
  MpSelf *self = mp_self_get ();
  MpTable *table;

  mp_self_lock (self);
  /* A stranger's never becomes the one to which all belongs that this process and its
   * children make.
   */
  table = first_locked (error) != NULL ? open_locked (fd, is_known, error) : NULL;
  mp_self_unlock (self);

  return table;
}

static MpTable *
open_table (int       fd,
            gboolean  is_known,
            GError  **error)
{
  g_autoptr (GError) refusal = NULL;
  MpTable *table = try_open_table (fd, is_known, &refusal);

  if (g_error_matches (refusal, MP_ERROR, MP_ERROR_FULL) && mp_table_await_place ())
    return try_open_table (fd, is_known, error);

  if (refusal != NULL)
    g_propagate_error (error, g_steal_pointer (&refusal));
  return table;
}

/*< private >
 * mp_table_open:
 * @fd: a table received, which stays the caller's
 *
 * Returns: (transfer full): the table, the same for every descriptor of it as long as it is used
 */
MpTable *
mp_table_open (int      fd,
               GError **error)
{
  return open_table (fd, FALSE, error);
}

/*< private >
 * mp_table_open_known:
 *
 * As mp_table_open(), of a family in which this process takes part already; fails with %MP_ERROR_STALE otherwise.
 */
MpTable *
mp_table_open_known (int      fd,
                     GError **error)
{
  return open_table (fd, TRUE, error);
}

/*< private >
 * mp_table_get_default:
 *
 * Returns: (transfer none): the first table of this process, made now if there is
 *   none.  A child opens its parent's before any other, so that all that a program
 *   makes belongs together.
 */
MpTable *
mp_table_get_default (GError **error)
{
  MpSelf *self = mp_self_get ();
  MpTable *table;

  if (G_LIKELY (mp_table_get_n () > 0))
    return mp_table_peek (0);

  mp_self_lock (self);
  table = first_locked (error);
  mp_self_unlock (self);

  return table;
}

/*< private >
 * mp_table_inherit:
 * @fd_taken: the table of the program that made this process
 *
 * For a child, before it has any.  It is opened when it is needed, and must be trusted.  Who
 * is forked from such a child has it too.
 */
void
mp_table_inherit (int *fd_taken)
{
  MpSelf *self = mp_self_get ();

  mp_self_lock (self);
  if (inherited_fd < 0 && mp_table_get_n () == 0)
    keep_inherited_locked (fd_taken);
  mp_self_unlock (self);

  mp_memfd_close (fd_taken);
}

/*< private >
 * mp_table_dup_family_fd:
 *
 * Returns: what a child is to inherit, which the caller closes; or -1
 */
int
mp_table_dup_family_fd (GError **error)
{
  MpSelf *self = mp_self_get ();
  MpTable *table;
  int fd = -1;

  mp_self_lock (self);
  table = !has_inherited_locked () ? first_locked (error) : NULL;
  if (inherited_fd >= 0 || table != NULL)
    fd = mp_fd_duplicate (table != NULL ? mp_table_get_fd (table) : inherited_fd, error);
  mp_self_unlock (self);

  return fd;
}

/*< private >
 * mp_table_get_fd:
 *
 * Returns: a descriptor to send to others; it stays the table's
 */
int
mp_table_get_fd (MpTable *self)
{
  return mp_segment_get_fd (self->segment);
}
