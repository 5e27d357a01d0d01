/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <gio/gio.h>

#include "mp-file-lock-private.h"
#include "mp-fork-private.h"
#include "mp-patience-private.h"
#include "mp-short-lock-private.h"
#include "mp-thread-private.h"

/* The kernel's wait has no deadline, so another thread does it.  That stays when nobody wants its
 * lock any more, until the wait ends; whoever comes meanwhile wants it again.  So there are no more
 * of them than threads that waited at once.
 */
typedef struct
{
  MpFileIdentity file;
  int            fd;
  int            failure;     /* errno */
  gboolean       is_wanted;
  gboolean       is_over;
  GCond          over;
} Wait;

static GMutex lock;
static GArray *descriptions;  /* of int; guarded by lock, as is what follows */
static GPtrArray *waits;

/* --- Forks ---------------------------------------------------------------- */

/* Locks of the parent's would not end with it as long as this process had a copy.  Its threads
 * are not here.
 */
static void
forget_parent (void)
{
  if (descriptions->len == 0 && waits->len == 0)
    return;

  for (guint i = 0; i < descriptions->len; i++)
    close (g_array_index (descriptions, int, i));

  g_array_set_size (descriptions, 0);
  g_ptr_array_set_size (waits, 0);
}

__attribute__ ((constructor))
static void
watch_forks (void)
{
  descriptions = g_array_new (FALSE, FALSE, sizeof (int));
  waits = g_ptr_array_new ();
  mp_fork_add_leaf (&lock, forget_parent);
}

/* --- Descriptions --------------------------------------------------------- */

/* No fork comes between having one and noting it. */
static int
open_description (MpMapping  *mapping,
                  GError    **error)
{
  int fd;

  g_mutex_lock (&lock);
  fd = mp_mapping_reopen (mapping, error);
  if (fd >= 0)
    g_array_append_val (descriptions, fd);
  g_mutex_unlock (&lock);

  return fd;
}

/* With the lock held. */
static void
forget_description (int fd)
{
  guint i = 0;

  while (g_array_index (descriptions, int, i) != fd)
    i++;
  g_array_remove_index_fast (descriptions, i);
  close (fd);
}

static void
close_description (int fd)
{
  g_mutex_lock (&lock);
  forget_description (fd);
  g_mutex_unlock (&lock);
}

/* Returns: 0, or the errno */
static int
set_lock (int   fd,
          int   command,
          short type)
{
  struct flock whole = { .l_type = type, .l_whence = SEEK_SET };

  while (fcntl (fd, command, &whole) != 0)
    if (errno != EINTR)
      return errno;

  return 0;
}

static gboolean
set_failure (int          failure,
             const char  *what,
             GError     **error)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failure), "Cannot %s a lock of shared memory: %s",
               what, g_strerror (failure));
  return FALSE;
}

/* --- Waiting -------------------------------------------------------------- */

/* With the lock held; its description stays. */
static void
free_wait (Wait *self)
{
  g_ptr_array_remove_fast (waits, self);
  g_cond_clear (&self->over);
  g_free (self);
}

/* Takes no lock but that one: a fork stops it only where no other is held. */
static gpointer
wait_for_lock (gpointer data)
{
  Wait *self = data;
  int failure = set_lock (self->fd, F_OFD_SETLKW, F_WRLCK);

  g_mutex_lock (&lock);
  self->failure = failure;
  self->is_over = TRUE;
  if (self->is_wanted)
    {
      g_cond_signal (&self->over);
    }
  else
    {
      forget_description (self->fd);
      free_wait (self);
    }
  g_mutex_unlock (&lock);

  return NULL;
}

/* With the lock held. */
static Wait *
find_unwanted (const MpFileIdentity *file)
{
  for (guint i = 0; i < waits->len; i++)
    {
      Wait *wait = g_ptr_array_index (waits, i);

      if (!wait->is_wanted && wait->file.inode == file->inode && wait->file.device == file->device)
        return wait;
    }

  return NULL;
}

/* Returns: (nullable): a wait that is begun; @fd is taken in any case */
static Wait *
begin_wait (MpMapping  *mapping,
            int         fd,
            GError    **error)
{
  MpFileIdentity file;
  Wait *self;
  int failure;

  mp_mapping_get_identity (mapping, &file);
  g_mutex_lock (&lock);
  self = find_unwanted (&file);
  if (self != NULL)
    {
      self->is_wanted = TRUE;
      forget_description (fd);
      g_mutex_unlock (&lock);
      return self;
    }

  self = g_new0 (Wait, 1);
  *self = (Wait) { .file = file, .fd = fd, .is_wanted = TRUE };
  g_cond_init (&self->over);
  g_ptr_array_add (waits, self);
  g_mutex_unlock (&lock);

  failure = mp_thread_start (wait_for_lock, self, 0, NULL);
  if (failure == 0)
    return self;

  set_failure (failure, "wait for", error);
  g_mutex_lock (&lock);
  forget_description (fd);
  free_wait (self);
  g_mutex_unlock (&lock);
  return NULL;
}

/* Returns: the description with the lock, or -1 */
static int
end_wait (Wait    *self,
          gint64   deadline,
          int     *failure)
{
  int fd = -1;

  g_mutex_lock (&lock);
  while (!self->is_over && g_cond_wait_until (&self->over, &lock, deadline))
    ;

  *failure = self->is_over ? self->failure : EAGAIN;
  if (self->is_over)
    {
      fd = self->fd;
      free_wait (self);
    }
  else
    {
      self->is_wanted = FALSE;
    }
  g_mutex_unlock (&lock);

  return fd;
}

/* --- Use ------------------------------------------------------------------ */

/* @fd: taken; Returns: a description with the lock, or -1 */
static int
wait_patiently (MpMapping  *mapping,
                int         fd,
                GError    **error)
{
  gint64 remaining = mp_patience_get_remaining (mp_short_lock_get_patience ());
  gint64 begun = g_get_monotonic_time ();
  Wait *wait;
  int failure;

  if (remaining == 0)
    {
      close_description (fd);
      mp_short_lock_set_held (error);
      return -1;
    }

  wait = begin_wait (mapping, fd, error);
  if (wait == NULL)
    return -1;

  fd = end_wait (wait, begun + remaining, &failure);
  mp_patience_spend (g_get_monotonic_time () - begun);
  if (failure == 0)
    return fd;

  if (fd < 0)
    {
      mp_short_lock_set_held (error);
      return -1;
    }

  close_description (fd);
  set_failure (failure, "take", error);
  return -1;
}

/*< private >
 * mp_file_lock_acquire:
 *
 * Fails with %MP_ERROR_TIMED_OUT.
 *
 * Returns: the lock, for mp_file_lock_release(), or -1
 */
int
mp_file_lock_acquire (MpMapping  *mapping,
                      GError    **error)
{
  int fd = open_description (mapping, error);
  int failure;

  if (fd < 0)
    return -1;

  failure = set_lock (fd, F_OFD_SETLK, F_WRLCK);
  if (failure == 0)
    return fd;

  if (failure == EAGAIN || failure == EACCES)
    return wait_patiently (mapping, fd, error);

  close_description (fd);
  set_failure (failure, "take", error);
  return -1;
}

/* By itself first: what was started a moment ago may have a copy until it is another program. */
void
mp_file_lock_release (int fd)
{
  set_lock (fd, F_OFD_SETLK, F_UNLCK);
  close_description (fd);
}
