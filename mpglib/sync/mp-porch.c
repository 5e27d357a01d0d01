/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mp-courtesy-private.h"
#include "mp-fd-private.h"
#include "mp-fork-private.h"
#include "mp-origin-private.h"
#include "mp-porch-private.h"

struct _MpPorch
{
  GSource                    source;
  guint32                    origin;
  GMainContext              *context;
  int                        fd;
  guint                      n_callers;   /* this and the queue are used in the context only */
  MpPorchCaller             *first;       /* who is to be called, the oldest first */
  MpPorchCaller             *last;
  GHashTable                *lines;       /* by place; NULL: there were none */
  MpPorchCaller             *list;        /* atomic; who rang, the newest first */
};

/* One a context, found by it; a forked child has none of its parent's. */
static GMutex porches_lock;
static GHashTable *porches;

static gboolean
is_foreign (MpPorch *self)
{
  return self->origin != mp_origin_get ();
}

/* --- Calling -------------------------------------------------------------- */

static MpPorchCaller *
reverse (MpPorchCaller *list)
{
  MpPorchCaller *reversed = NULL;

  while (list != NULL)
    {
      MpPorchCaller *next = list->next;

      list->next = reversed;
      reversed = list;
      list = next;
    }

  return reversed;
}

/* Who rang since the last time comes behind those that wait for their turn. */
static void
let_in (MpPorch *self)
{
  MpPorchCaller *list = g_atomic_pointer_exchange (&self->list, NULL);
  MpPorchCaller *last = list;

  if (list == NULL)
    return;

  list = reverse (list);
  if (self->last != NULL)
    self->last->next = list;
  else
    self->first = list;
  self->last = last;
}

static MpPorchCaller *
take_first (MpPorch *self)
{
  MpPorchCaller *caller = self->first;

  if (caller == NULL)
    return NULL;

  self->first = caller->next;
  if (self->first == NULL)
    self->last = NULL;

  return caller;
}

/* Off the list first: it may ring again while it is called. */
static void
call_one (MpPorchCaller *caller)
{
  g_atomic_int_set (&caller->is_in_list, FALSE);
  if (caller->has_left)
    caller->free (caller);
  else
    caller->call (caller);
}

/* A call may run a loop of its own, in which the others have their turn: so each is taken when it is called, and the
 * source stays ready as long as there are others.
 *
 * Returns: whether there may be more; if not, the porch may be gone, or this be a child that was forked by the call
 */
static gboolean
call_next (MpPorch *self)
{
  MpPorchCaller *caller;

  let_in (self);
  caller = take_first (self);
  g_source_set_ready_time (&self->source, self->first != NULL ? 0 : -1);
  if (caller == NULL)
    return FALSE;

  call_one (caller);
  return !g_source_is_destroyed (&self->source) && !is_foreign (self);
}

static gboolean
call_some (GSource     *source,
           GSourceFunc  unused,
           gpointer     unused_data)
{
  MpPorch *self = (MpPorch *) source;
  MpPortion portion;
  guint64 n;

  /* In a forked child: the eventfd is the parent's, and what is in it. */
  if (is_foreign (self))
    return G_SOURCE_REMOVE;

  if (!mp_courtesy_may_run (source))
    return G_SOURCE_CONTINUE;

  if (read (self->fd, &n, sizeof n) < 0 && errno != EAGAIN)
    g_critical ("mpglib cannot read an eventfd: %s", g_strerror (errno));

  portion = mp_portion_begin ();
  while (call_next (self) && mp_portion_goes_on (&portion))
    ;

  return G_SOURCE_CONTINUE;
}

static void
porch_finalize (GSource *source)
{
  MpPorch *self = (MpPorch *) source;

  mp_fd_close (&self->fd);
}

static GSourceFuncs porch_funcs = {
  .dispatch = call_some,
  .finalize = porch_finalize,
};

/* --- Porches -------------------------------------------------------------- */

static MpPorch *
porch_new (GMainContext  *context,
           GError       **error)
{
  int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  MpPorch *self;

  if (fd < 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                   "Cannot wait in a main loop: %s", g_strerror (errno));
      return NULL;
    }

  self = (MpPorch *) g_source_new (&porch_funcs, sizeof (MpPorch));
  self->origin = mp_origin_get ();
  self->context = context;
  self->fd = fd;
  self->n_callers = 0;
  self->first = NULL;
  self->last = NULL;
  self->lines = NULL;
  self->list = NULL;
  g_source_set_static_name (&self->source, "mpglib shared objects");
  g_source_set_can_recurse (&self->source, TRUE);
  g_source_add_unix_fd (&self->source, fd, G_IO_IN);
  g_source_attach (&self->source, context);
  return self;
}

/* The parent's sources are in contexts that are copies too: they stay where they are. */
static void
forget_porches (void)
{
  if (porches != NULL)
    porches = NULL;
}

__attribute__ ((constructor))
static void
watch_forks (void)
{
  mp_fork_add_leaf (&porches_lock, forget_porches);
}

static MpPorch *
find_porch (GMainContext  *context,
            GError       **error)
{
  MpPorch *self;

  g_mutex_lock (&porches_lock);
  if (porches == NULL)
    porches = g_hash_table_new (NULL, NULL);
  self = g_hash_table_lookup (porches, context);
  if (self == NULL || is_foreign (self))
    {
      self = porch_new (context, error);
      if (self != NULL)
        g_hash_table_replace (porches, context, self);
    }
  g_mutex_unlock (&porches_lock);

  return self;
}

/* With its last caller, so that a context can go.  Those that rang have left; who begins to wait while one of them is
 * freed, since something of the program's is freed with it, finds another porch.
 */
static void
drop_porch (MpPorch *self)
{
  MpPorchCaller *caller;

  g_mutex_lock (&porches_lock);
  if (porches != NULL && g_hash_table_lookup (porches, self->context) == self)
    g_hash_table_remove (porches, self->context);
  g_mutex_unlock (&porches_lock);

  let_in (self);
  while ((caller = take_first (self)) != NULL)
    call_one (caller);

  g_clear_pointer (&self->lines, g_hash_table_unref);
  mp_courtesy_destroy (self->context, &self->source);
  g_source_unref (&self->source);
}

/* --- Callers -------------------------------------------------------------- */

/*< private >
 * mp_porch_caller_enter:
 * @call: called in @context after each mp_porch_caller_ring(), or several
 * @free_func: called in @context when the caller has left and nothing knows it any more
 *
 * To be called in @context, with a caller that is zero.  If it fails, leave all the same.
 */
gboolean
mp_porch_caller_enter (MpPorchCaller  *caller,
                       GMainContext   *context,
                       MpPorchFunc     call,
                       MpPorchFunc     free_func,
                       GError        **error)
{
  caller->call = call;
  caller->free = free_func;
  caller->porch = find_porch (context, error);
  if (caller->porch == NULL)
    return FALSE;

  caller->porch->n_callers++;
  return TRUE;
}

/*< private >
 * mp_porch_caller_ring:
 *
 * On any thread: neither allocates nor locks.
 */
void
mp_porch_caller_ring (MpPorchCaller *caller)
{
  MpPorch *self = caller->porch;
  guint64 one = 1;

  if (!g_atomic_int_compare_and_exchange (&caller->is_in_list, FALSE, TRUE))
    return;

  do
    caller->next = g_atomic_pointer_get (&self->list);
  while (!g_atomic_pointer_compare_and_exchange (&self->list, caller->next, caller));

  /* Full is as good: the loop is awake. */
  if (write (self->fd, &one, sizeof one) < 0)
    return;
}

/*< private >
 * mp_porch_caller_line_up:
 * @place: the same for all that stand in one line
 *
 * In the context, after mp_porch_caller_enter(): it is the last of those that stand there.
 */
void
mp_porch_caller_line_up (MpPorchCaller *caller,
                         gconstpointer  place)
{
  MpPorch *self = caller->porch;

  if (self->lines == NULL)
    self->lines = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_queue_free);

  caller->place = place;
  caller->line = g_hash_table_lookup (self->lines, place);
  if (caller->line == NULL)
    {
      caller->line = g_queue_new ();
      g_hash_table_insert (self->lines, (gpointer) place, caller->line);
    }

  caller->link.data = caller;
  g_queue_push_tail_link (caller->line, &caller->link);
}

static void
leave_line (MpPorchCaller *caller)
{
  gboolean was_first = mp_porch_caller_is_first (caller);

  if (caller->line == NULL)
    return;

  g_queue_unlink (caller->line, &caller->link);
  if (g_queue_is_empty (caller->line))
    g_hash_table_remove (caller->porch->lines, caller->place);
  else if (was_first)
    mp_porch_caller_ring (g_queue_peek_head (caller->line));
  caller->line = NULL;
}

/*< private >
 * mp_porch_caller_leave:
 *
 * In the context; nobody may ring it any more.  It is freed now or, if it has rung,
 * when its turn has come.
 */
void
mp_porch_caller_leave (MpPorchCaller *caller)
{
  MpPorch *self = caller->porch;

  leave_line (caller);
  caller->has_left = TRUE;
  if (!g_atomic_int_get (&caller->is_in_list))
    caller->free (caller);

  if (self != NULL && --self->n_callers == 0)
    drop_porch (self);
}
