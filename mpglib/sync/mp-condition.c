/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-async-wait-private.h"
#include "mp-blocking-wait-private.h"
#include "mp-condition.h"
#include "mp-error.h"
#include "mp-lockable-private.h"
#include "mp-notes-private.h"
#include "mp-outbox-private.h"
#include "mp-rlock.h"
#include "mp-shared-object-private.h"

/**
 * MpCondition:
 *
 * Lets processes wait until others have changed something that a lock guards.
 *
 * Who has the lock and finds that it must wait calls [method@Mp.Condition.wait]: that
 * gives the lock up, sleeps until it is notified, and has the lock again when it
 * returns. Who changes something calls [method@Mp.Condition.notify_one] or
 * [method@Mp.Condition.notify_all], with the lock held.
 *
 * ```c
 * mp_condition_acquire (condition, -1, NULL, NULL);
 * while (!is_there ())
 *   mp_condition_wait (condition, -1, NULL, NULL);
 * take_it ();
 * mp_condition_release (condition, NULL);
 * ```
 *
 * Look again after every wait, as there: a wait may end for nothing, when a process
 * died or more than 256 wait.
 *
 * # In main loops
 *
 * If no lock is given a condition has an [class@Mp.RLock], whose owner is a thread. Tasks
 * of one main loop run in one thread, so it does not keep them apart: asynchronous code
 * is to give the condition a [class@Mp.Lock].
 *
 * # Deaths
 *
 * A notification whose receiver was killed is given to another that waits. If a
 * process dies between its change and the notification nobody is notified; whoever
 * gets the lock next is told that it was abandoned, and should then call
 * [method@Mp.Condition.notify_all].
 *
 * A condition is a [iface@Mp.Shareable], as a [class@Mp.Lock] is, and takes its lock
 * with it.
 *
 * Since: 1.0
 */
struct _MpCondition
{
  GObject parent_instance;

  MpSharedObject shared;
  MpLockable    *lock;
};

static void mp_condition_shareable_init (MpShareableInterface *iface);
static void mp_condition_lockable_init (MpLockableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MpCondition, mp_condition, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_condition_shareable_init)
                               G_IMPLEMENT_INTERFACE (MP_TYPE_LOCKABLE, mp_condition_lockable_init))

enum
{
  PROP_0,
  PROP_LOCK,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

#define WHAT "The condition was not notified"

/* --- Life ----------------------------------------------------------------- */

static gboolean
can_be_suspended (MpLockable *lock)
{
  return MP_LOCKABLE_GET_IFACE (lock)->suspend != NULL && !MP_IS_CONDITION (lock);
}

static void
mp_condition_constructed (GObject *object)
{
  MpCondition *self = MP_CONDITION (object);

  G_OBJECT_CLASS (mp_condition_parent_class)->constructed (object);

  mp_shared_object_init (&self->shared, MP_OBJECT_CONDITION, sizeof (MpNotesLayout));
  if (self->lock == NULL)
    self->lock = MP_LOCKABLE (mp_rlock_new ());
}

static void
mp_condition_finalize (GObject *object)
{
  MpCondition *self = MP_CONDITION (object);

  mp_shared_object_clear (&self->shared);
  g_clear_object (&self->lock);

  G_OBJECT_CLASS (mp_condition_parent_class)->finalize (object);
}

static void
mp_condition_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_LOCK:
      g_value_set_object (value, MP_CONDITION (object)->lock);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_condition_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  MpCondition *self = MP_CONDITION (object);
  MpLockable *lock;

  switch (prop_id)
    {
    case PROP_LOCK:
      lock = g_value_get_object (value);
      if (lock == NULL || can_be_suspended (lock))
        g_set_object (&self->lock, lock);
      else
        g_critical ("The lock of a condition is a Mp.Lock or Mp.RLock, not a %s", G_OBJECT_TYPE_NAME (lock));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_condition_class_init (MpConditionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_condition_constructed;
  object_class->finalize = mp_condition_finalize;
  object_class->get_property = mp_condition_get_property;
  object_class->set_property = mp_condition_set_property;

  /**
   * MpCondition:lock:
   *
   * The lock: a [class@Mp.Lock] or [class@Mp.RLock]; if none was given, an
   * [class@Mp.RLock] of its own.
   *
   * Since: 1.0
   */
  properties[PROP_LOCK] =
    g_param_spec_object ("lock", NULL, NULL,
                         MP_TYPE_LOCKABLE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_condition_init (MpCondition *self)
{
}

/* --- The lock ------------------------------------------------------------- */

static MpLockable *
get_lock (MpLockable *self)
{
  return MP_CONDITION (self)->lock;
}

static MpLockableResult
mp_condition_enter (MpLockable  *self,
                    MpWait       wait,
                    GError     **error)
{
  MpLockable *lock = get_lock (self);

  return MP_LOCKABLE_GET_IFACE (lock)->enter (lock, wait, error);
}

static MpLockableResult
mp_condition_enter_or_await (MpLockable  *self,
                             GError     **error)
{
  MpLockable *lock = get_lock (self);

  return MP_LOCKABLE_GET_IFACE (lock)->enter_or_await (lock, error);
}

static gboolean
mp_condition_leave (MpLockable  *self,
                    GError     **error)
{
  MpLockable *lock = get_lock (self);

  return MP_LOCKABLE_GET_IFACE (lock)->leave (lock, error);
}

static MpBell *
mp_condition_get_bell (MpLockable  *self,
                       MpTable    **table,
                       GError     **error)
{
  MpLockable *lock = get_lock (self);

  return MP_LOCKABLE_GET_IFACE (lock)->get_bell (lock, table, error);
}

static void
mp_condition_lockable_init (MpLockableInterface *iface)
{
  iface->what = "The lock of the condition could not be acquired";
  iface->enter = mp_condition_enter;
  iface->enter_or_await = mp_condition_enter_or_await;
  iface->leave = mp_condition_leave;
  iface->get_bell = mp_condition_get_bell;
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND             "condition"
#define DESCRIPTION_TYPE "(v" MP_SHAREABLE_PACKED_TYPE ")" /* the condition, its lock */

static GVariant *
mp_condition_pack (MpShareable  *shareable,
                   MpPacking    *packing,
                   GError      **error)
{
  MpCondition *self = MP_CONDITION (shareable);
  g_autoptr (GVariant) own = mp_shared_object_pack (&self->shared, packing, error);
  GVariant *lock = NULL;

  if (own == NULL)
    return NULL;

  g_variant_ref_sink (own);
  lock = mp_shareable_pack (MP_SHAREABLE (self->lock), packing, error);
  return lock != NULL ? g_variant_new ("(v@" MP_SHAREABLE_PACKED_TYPE ")", own, lock) : NULL;
}

static MpLockable *
unpack_lock (MpUnpacking  *unpacking,
             const char   *kind,
             GVariant     *description,
             int          *fds,
             guint         n_fds,
             GError      **error)
{
  g_autoptr (MpShareable) object = mp_shareable_unpack (unpacking, kind, description, fds, n_fds, error);

  if (object == NULL)
    return NULL;

  if (MP_IS_LOCKABLE (object) && can_be_suspended (MP_LOCKABLE (object)))
    return MP_LOCKABLE (g_steal_pointer (&object));

  g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED,
                       "The peer sent a condition whose lock is none");
  return NULL;
}

static MpShareable *
mp_condition_unpack (MpUnpacking  *unpacking,
                     GVariant     *description,
                     int          *fds,
                     guint         n_fds,
                     GError      **error)
{
  g_autoptr (GVariant) own = NULL, lock_description = NULL;
  g_autoptr (MpLockable) lock = NULL;
  const char *kind;
  guint32 n_lock_fds;
  MpSharedObject opened;
  MpCondition *self;

  if (!g_variant_is_of_type (description, G_VARIANT_TYPE (DESCRIPTION_TYPE)))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "The peer sent a condition that is none");
      return NULL;
    }

  g_variant_get (description, "(v(&suv))", &own, &kind, &n_lock_fds, &lock_description);
  n_lock_fds = MIN (n_lock_fds, n_fds);
  if (!mp_shared_object_open (&opened, unpacking, MP_OBJECT_CONDITION, sizeof (MpNotesLayout), own,
                              fds, n_fds - n_lock_fds, error))
    return NULL;

  lock = unpack_lock (unpacking, kind, lock_description, fds + n_fds - n_lock_fds, n_lock_fds, error);
  if (lock == NULL)
    {
      mp_shared_object_clear (&opened);
      return NULL;
    }

  self = mp_shared_object_new_received (MP_TYPE_CONDITION, &opened, "lock", lock, NULL);
  return MP_SHAREABLE (self);
}

static char *
mp_condition_to_string (MpShareable *shareable)
{
  g_autofree char *lock = mp_shareable_to_string (MP_SHAREABLE (MP_CONDITION (shareable)->lock));

  return g_strdup_printf ("<Mp.Condition lock=%s>", lock);
}

static void
mp_condition_shareable_init (MpShareableInterface *iface)
{
  iface->kind = KIND;
  iface->pack = mp_condition_pack;
  iface->to_string = mp_condition_to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_condition_unpack);
}

/* --- Waiting -------------------------------------------------------------- */

/* What a wait needs of the lock is what a notification needs: to have it. */
static MpNotesLayout *
get_notes (MpCondition  *self,
           const char   *what,
           guint32      *me,
           GError      **error)
{
  MpNotesLayout *notes = mp_shared_object_get (&self->shared, me, error);

  if (notes == NULL || MP_LOCKABLE_GET_IFACE (self->lock)->is_mine (self->lock))
    return notes;

  g_set_error (error, MP_ERROR, MP_ERROR_NOT_OWNER,
               "The condition cannot be %s: acquire its lock first", what);
  return NULL;
}

static void
notify (MpCondition   *self,
        MpNotesLayout *notes,
        guint          n)
{
  if (mp_notes_notify (self->shared.table, notes, n) > 0)
    mp_bell_ring (self->shared.table, &notes->bell);
}

/* From here on notifications are not missed, and the lock is others'. */
static gboolean
begin_wait (MpCondition    *self,
            MpNotesLayout  *notes,
            guint32         me,
            MpNote         *note,
            guint32        *depth,
            GError        **error)
{
  if (mp_notes_enter (self->shared.table, notes, me, note))
    mp_bell_ring (self->shared.table, &notes->bell);

  if (MP_LOCKABLE_GET_IFACE (self->lock)->suspend (self->lock, depth, error))
    return TRUE;

  /* The lock was another's to release, and who has it now may have notified us. */
  if (mp_notes_leave (notes, note))
    notify (self, notes, 1);

  return FALSE;
}

/**
 * mp_condition_new:
 * @lock: (nullable): a [class@Mp.Lock] or [class@Mp.RLock]; %NULL for a new
 *   [class@Mp.RLock]
 *
 * Makes a condition. Several may have the same lock.
 *
 * Returns: (transfer full): the condition
 *
 * Since: 1.0
 */
MpCondition *
mp_condition_new (MpLockable *lock)
{
  g_return_val_if_fail (lock == NULL || MP_IS_LOCKABLE (lock), NULL);

  return g_object_new (MP_TYPE_CONDITION, "lock", lock, NULL);
}

/**
 * mp_condition_get_lock:
 * @self: a condition
 *
 * Gets [property@Mp.Condition:lock].
 *
 * Returns: (transfer none): the lock
 *
 * Since: 1.0
 */
MpLockable *
mp_condition_get_lock (MpCondition *self)
{
  g_return_val_if_fail (MP_IS_CONDITION (self), NULL);

  return self->lock;
}

/**
 * mp_condition_try_acquire:
 * @self: a condition
 *
 * Acquires the condition's lock if that is possible at once.
 *
 * Returns: whether it was acquired
 *
 * Since: 1.0
 */
gboolean
mp_condition_try_acquire (MpCondition *self)
{
  g_return_val_if_fail (MP_IS_CONDITION (self), FALSE);

  return mp_lockable_try_enter (self->lock);
}

/**
 * mp_condition_acquire:
 * @self: a condition
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @error: return location for an error
 *
 * Waits for the condition's lock; see [method@Mp.Lockable.enter].
 *
 * Returns: whether it was acquired
 *
 * Since: 1.0
 */
gboolean
mp_condition_acquire (MpCondition   *self,
                      gdouble        timeout,
                      GCancellable  *cancellable,
                      GError       **error)
{
  g_return_val_if_fail (MP_IS_CONDITION (self), FALSE);

  return mp_lockable_enter (self->lock, timeout, cancellable, error);
}

/**
 * mp_condition_acquire_async:
 * @self: a condition
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @callback: (scope async): called when the wait is over
 * @user_data: data for @callback
 *
 * Acquires the condition's lock when that is possible, without blocking; see
 * [method@Mp.Lockable.enter_async].
 *
 * Since: 1.0
 */
void
mp_condition_acquire_async (MpCondition         *self,
                            gdouble              timeout,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_return_if_fail (MP_IS_CONDITION (self));

  mp_lockable_enter_async (MP_LOCKABLE (self), timeout, cancellable, callback, user_data);
}

/**
 * mp_condition_acquire_finish:
 * @self: a condition
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Mp.Condition.acquire_async].
 *
 * Returns: whether it was acquired
 *
 * Since: 1.0
 */
gboolean
mp_condition_acquire_finish (MpCondition   *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (MP_IS_CONDITION (self), FALSE);

  return mp_lockable_enter_finish (MP_LOCKABLE (self), result, error);
}

/**
 * mp_condition_release:
 * @self: a condition
 * @error: return location for an error
 *
 * Releases the condition's lock; see [method@Mp.Lockable.leave].
 *
 * Returns: whether it was released
 *
 * Since: 1.0
 */
gboolean
mp_condition_release (MpCondition  *self,
                      GError      **error)
{
  g_return_val_if_fail (MP_IS_CONDITION (self), FALSE);

  return mp_lockable_leave (self->lock, error);
}

/**
 * mp_condition_wait:
 * @self: a condition
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @error: return location for an error
 *
 * Gives the lock up, waits until it is notified, and acquires the lock again.
 *
 * The lock is held again also after a failure, unless that is %MP_ERROR_NOT_OWNER: the
 * caller did not have it. For the lock it waits as long as that takes: neither the time
 * nor @cancellable nor a signal ends that.
 *
 * It blocks the calling thread and iterates no main context. Fails with
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED.
 *
 * Returns: whether it was notified
 *
 * Since: 1.0
 */
gboolean
mp_condition_wait (MpCondition   *self,
                   gdouble        timeout,
                   GCancellable  *cancellable,
                   GError       **error)
{
  MpLockableInterface *iface;
  MpNotesLayout *notes;
  MpBlockingWait wait;
  gboolean was_notified;
  guint32 me, depth;
  MpNote note;

  g_return_val_if_fail (MP_IS_CONDITION (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  notes = get_notes (self, "waited for", &me, error);
  if (notes == NULL || !mp_blocking_wait_begin (&wait, timeout, cancellable, error))
    return FALSE;

  if (!begin_wait (self, notes, me, &note, &depth, error))
    {
      mp_blocking_wait_end (&wait);
      return FALSE;
    }

  mp_notes_wait (self->shared.table, notes, me, &note, wait.wait);
  mp_blocking_wait_end (&wait);

  /* Until the lock is held again the note lies in its place: if this process dies
   * before, another inherits it.
   */
  iface = MP_LOCKABLE_GET_IFACE (self->lock);
  iface->enter (self->lock, MP_WAIT_NEVER_ENDS, NULL);
  iface->resume (self->lock, depth);
  was_notified = mp_notes_leave (notes, &note);
  if (!was_notified)
    mp_blocking_wait_fail (&wait, WHAT, error);

  return was_notified;
}

/* --- Waiting in a main loop ----------------------------------------------- */

/* First for a note, then for the lock. */
typedef struct
{
  MpNote    note;
  guint32   me;
  guint32   depth;
  GError   *error;
} Wait;

static void
wait_free (gpointer data)
{
  Wait *wait = data;

  g_clear_error (&wait->error);
  g_free (wait);
}

static gboolean
look_for_note (gpointer   object,
               gpointer   data,
               GError   **error)
{
  MpCondition *self = object;
  MpNotesLayout *notes = self->shared.hold.data;
  Wait *wait = data;

  return mp_notes_look (self->shared.table, notes, wait->me, &wait->note);
}

static void
on_lock (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  g_autoptr (GTask) task = data;
  MpCondition *self = g_task_get_source_object (task);
  Wait *wait = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  gboolean has_lock = mp_lockable_enter_finish (MP_LOCKABLE (source), result, &error);

  /* A note that came at the last moment counts. */
  if (mp_notes_leave (self->shared.hold.data, &wait->note))
    g_clear_error (&wait->error);

  if (has_lock)
    MP_LOCKABLE_GET_IFACE (self->lock)->resume (self->lock, wait->depth);
  else if (wait->error == NULL)
    wait->error = g_steal_pointer (&error);

  if (wait->error != NULL)
    g_task_return_error (task, g_steal_pointer (&wait->error));
  else
    g_task_return_boolean (task, TRUE);
}

static void
on_note (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  GTask *task = data;
  MpCondition *self = MP_CONDITION (source);
  Wait *wait = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    wait->error = g_steal_pointer (&error);

  mp_lockable_enter_async (self->lock, -1, NULL, on_lock, task);
}

/**
 * mp_condition_wait_async:
 * @self: a condition
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @callback: (scope async): called when the wait is over
 * @user_data: data for @callback
 *
 * Gives the lock up, and acquires it again when it was notified, without blocking.
 *
 * The lock is given up before this call returns, and held again when @callback is
 * called in the caller's thread-default main context, never before this call returned;
 * there an [class@Mp.RLock] belongs to the thread that runs the context. What
 * [method@Mp.Condition.wait] says of failures holds here too. An idle wait costs
 * nothing.
 *
 * Since: 1.0
 */
void
mp_condition_wait_async (MpCondition         *self,
                         gdouble              timeout,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  GError *error = NULL;
  MpNotesLayout *notes;
  GTask *task;
  Wait *wait;

  g_return_if_fail (MP_IS_CONDITION (self));

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, mp_condition_wait_async);
  wait = g_new0 (Wait, 1);
  g_task_set_task_data (task, wait, wait_free);

  notes = get_notes (self, "waited for", &wait->me, &error);
  if (notes == NULL || !begin_wait (self, notes, wait->me, &wait->note, &wait->depth, &error))
    {
      mp_outbox_return_error (task, error);
      return;
    }

  mp_async_wait_start (g_task_new (self, cancellable, on_note, task), self->shared.table, &notes->bell,
                       WHAT, timeout, look_for_note, NULL, wait, NULL);
}

/**
 * mp_condition_wait_finish:
 * @self: a condition
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Mp.Condition.wait_async], and fails as [method@Mp.Condition.wait] does.
 *
 * Returns: whether it was notified
 *
 * Since: 1.0
 */
gboolean
mp_condition_wait_finish (MpCondition   *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- Notifying ------------------------------------------------------------ */

/**
 * mp_condition_notify_one:
 * @self: a condition
 * @error: return location for an error
 *
 * Lets one that waits go on, if any does, when the caller releases the lock.
 *
 * Fails with %MP_ERROR_NOT_OWNER if the caller does not have the lock.
 *
 * Returns: %TRUE, also if nobody waits
 *
 * Since: 1.0
 */
gboolean
mp_condition_notify_one (MpCondition  *self,
                         GError      **error)
{
  return mp_condition_notify_many (self, 1, error);
}

/**
 * mp_condition_notify_many:
 * @self: a condition
 * @n: how many at most
 * @error: return location for an error
 *
 * Lets some that wait go on; see [method@Mp.Condition.notify_one].
 *
 * Returns: %TRUE, also if nobody waits
 *
 * Since: 1.0
 */
gboolean
mp_condition_notify_many (MpCondition  *self,
                          guint         n,
                          GError      **error)
{
  MpNotesLayout *notes;
  guint32 me;

  g_return_val_if_fail (MP_IS_CONDITION (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  notes = get_notes (self, "notified", &me, error);
  if (notes == NULL)
    return FALSE;

  notify (self, notes, n);
  return TRUE;
}

/**
 * mp_condition_notify_all:
 * @self: a condition
 * @error: return location for an error
 *
 * Lets all that wait go on; see [method@Mp.Condition.notify_one].
 *
 * Returns: %TRUE, also if nobody waits
 *
 * Since: 1.0
 */
gboolean
mp_condition_notify_all (MpCondition  *self,
                         GError      **error)
{
  return mp_condition_notify_many (self, G_MAXUINT, error);
}
