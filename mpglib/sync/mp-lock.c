/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-lock.h"
#include "mp-lockable-private.h"
#include "mp-owner-lock-private.h"
#include "mp-shared-object-private.h"

/**
 * MpLock:
 *
 * A lock that processes share.
 *
 * One at a time has it, of all threads of all processes that the object was handed
 * to. Who has it cannot take it again. As in Python, anybody may release it, not only
 * who acquired it.
 *
 * ```c
 * if (mp_lock_acquire (lock, -1, NULL, &error))
 *   {
 *     change_what_it_guards ();
 *     mp_lock_release (lock, NULL);
 *   }
 * ```
 *
 * # When its holder dies
 *
 * If the process that holds it is killed, crashes or ends, the next one gets the lock,
 * at once, and is told: [method@Mp.Lock.is_abandoned] is %TRUE for it until it
 * releases. What the lock guards may be half changed then. A lock that one process
 * acquires for another to release counts as held by the one that acquired it.
 *
 * # Handing it over
 *
 * A lock is a [iface@Mp.Shareable]: an argument of a process or a pool, or attached
 * to a [class@Mp.Message]. It lives as long as any process has it, and takes no
 * descriptor of its own. A process that is forked, by whomever, has the locks of its
 * parent too.
 *
 * Making one never fails. If there is no memory for it, acquiring fails with the
 * reason.
 *
 * A lock may be used by all threads.
 *
 * Since: 1.0
 */
struct _MpLock
{
  GObject parent_instance;

  MpSharedObject shared;
  guint          abandoned;   /* atomic; this process, which holds it, in owner words; 0: nobody died with it */
};

static void mp_lock_shareable_init (MpShareableInterface *iface);
static void mp_lock_lockable_init (MpLockableInterface *iface);

/* Of every instance, since nothing is derived from it. */
static gpointer the_class;

/* MP_IS_LOCK(), in two comparisons and no call. */
#define IS_LOCK(self) ((self) != NULL && ((GTypeInstance *) (self))->g_class == the_class)

G_DEFINE_FINAL_TYPE_WITH_CODE (MpLock, mp_lock, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_lock_shareable_init)
                               G_IMPLEMENT_INTERFACE (MP_TYPE_LOCKABLE, mp_lock_lockable_init))

enum
{
  PROP_0,
  PROP_LOCKED,
  PROP_ABANDONED,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* --- Life ----------------------------------------------------------------- */

static void
mp_lock_constructed (GObject *object)
{
  MpLock *self = MP_LOCK (object);

  G_OBJECT_CLASS (mp_lock_parent_class)->constructed (object);

  mp_shared_object_init (&self->shared, MP_OBJECT_LOCK, sizeof (MpLockLayout));
}

static void
mp_lock_finalize (GObject *object)
{
  mp_shared_object_clear (&MP_LOCK (object)->shared);

  G_OBJECT_CLASS (mp_lock_parent_class)->finalize (object);
}

static void
mp_lock_get_property (GObject    *object,
                      guint       prop_id,
                      GValue     *value,
                      GParamSpec *pspec)
{
  MpLock *self = MP_LOCK (object);

  switch (prop_id)
    {
    case PROP_LOCKED:
      g_value_set_boolean (value, mp_lock_is_locked (self));
      break;

    case PROP_ABANDONED:
      g_value_set_boolean (value, mp_lock_is_abandoned (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_lock_class_init (MpLockClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  the_class = klass;
  object_class->constructed = mp_lock_constructed;
  object_class->finalize = mp_lock_finalize;
  object_class->get_property = mp_lock_get_property;

  /**
   * MpLock:locked:
   *
   * Whether somebody has the lock, of whatever process. It is not notified.
   *
   * Since: 1.0
   */
  properties[PROP_LOCKED] =
    g_param_spec_boolean ("locked", NULL, NULL,
                          FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpLock:abandoned:
   *
   * Whether this process has the lock from one that died with it, until it releases.
   * It is not notified.
   *
   * Since: 1.0
   */
  properties[PROP_ABANDONED] =
    g_param_spec_boolean ("abandoned", NULL, NULL,
                          FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_lock_init (MpLock *self)
{
}

/* --- Acquiring and releasing ---------------------------------------------- */

static inline void
set_abandoned (MpLock  *self,
               guint32  by)
{
  if (G_UNLIKELY ((guint) g_atomic_int_get (&self->abandoned) != by))
    g_atomic_int_set (&self->abandoned, by);
}

/* Either way: another process may have released what this one had from the dead. */
static MpLockableResult
note_result (MpLock            *self,
             guint32            me,
             MpOwnerLockResult  result)
{
  if (result == MP_OWNER_LOCK_TIMED_OUT)
    return MP_LOCKABLE_NOT_YET;

  set_abandoned (self, result == MP_OWNER_LOCK_ABANDONED ? me : 0);
  return MP_LOCKABLE_ENTERED;
}

static MpLockableResult
mp_lock_enter (MpLockable  *lockable,
               MpWait       wait,
               GError     **error)
{
  MpLock *self = (MpLock *) lockable;
  guint32 me;
  MpLockLayout *layout = mp_shared_object_get (&self->shared, &me, error);

  if (G_UNLIKELY (layout == NULL))
    return MP_LOCKABLE_FAILED;

  return note_result (self, me, mp_owner_lock_acquire (self->shared.table, &layout->word, me, wait));
}

/* The way of nearly all, without a call: it is free.  FALSE says nothing. */
static inline gboolean
enter_free (MpLock *self)
{
  guint32 me;
  MpLockLayout *layout = mp_shared_object_peek (&self->shared, &me);

  if (layout == NULL || !mp_owner_lock_try (&layout->word, me))
    return FALSE;

  set_abandoned (self, 0);
  return TRUE;
}

/* Others are often done before a wait has begun. */
static gboolean
enter_spinning (MpLock *self)
{
  guint32 me;
  MpLockLayout *layout = mp_shared_object_peek (&self->shared, &me);

  if (layout == NULL || !mp_owner_lock_spin (&layout->word, me))
    return FALSE;

  set_abandoned (self, 0);
  return TRUE;
}

G_GNUC_NO_INLINE
static gboolean
acquire_slowly (MpLock        *self,
                gdouble        timeout,
                GCancellable  *cancellable,
                GError       **error)
{
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  if (timeout != 0 && enter_spinning (self))
    return TRUE;

  return mp_lockable_wait ((MpLockable *) self, timeout, cancellable, error);
}

static MpLockableResult
mp_lock_enter_or_await (MpLockable  *lockable,
                        GError     **error)
{
  MpLock *self = MP_LOCK (lockable);
  guint32 me;
  MpLockLayout *layout = mp_shared_object_get (&self->shared, &me, error);

  if (layout == NULL)
    return MP_LOCKABLE_FAILED;

  return note_result (self, me, mp_owner_lock_acquire_or_await (self->shared.table, &layout->word, me));
}

static gboolean
mp_lock_leave (MpLockable  *lockable,
               GError     **error)
{
  MpLock *self = (MpLock *) lockable;
  guint32 me;
  MpLockLayout *layout = mp_shared_object_get (&self->shared, &me, error);

  if (G_UNLIKELY (layout == NULL))
    return FALSE;

  set_abandoned (self, 0);

  switch (mp_owner_lock_release (&layout->word))
    {
    /* Another that took the mark off may be stopped before it rings. */
    case MP_OWNER_LOCK_RELEASED:
      mp_bell_ring_after_exchange (self->shared.table, &layout->bell);
      return TRUE;

    case MP_OWNER_LOCK_RELEASED_AWAITED:
      mp_bell_ring (self->shared.table, &layout->bell);
      return TRUE;

    case MP_OWNER_LOCK_WAS_FREE:
    default:
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                           "The lock cannot be released: nobody has it; release it once for each time "
                           "that it was acquired");
      return FALSE;
    }
}

/* The way of nearly all, without a call: nobody waits.  FALSE says nothing. */
static inline gboolean
leave_alone (MpLock *self)
{
  guint32 me;
  MpLockLayout *layout = mp_shared_object_peek (&self->shared, &me);

  if (layout == NULL || g_atomic_int_get (&self->abandoned) != 0 ||
      !mp_owner_lock_try_release (&layout->word, me))
    return FALSE;

  mp_bell_ring_after_exchange (self->shared.table, &layout->bell);
  return TRUE;
}

static MpBell *
mp_lock_get_bell (MpLockable  *lockable,
                  MpTable    **table,
                  GError     **error)
{
  MpLock *self = MP_LOCK (lockable);
  guint32 me;
  MpLockLayout *layout = mp_shared_object_get (&self->shared, &me, error);

  *table = self->shared.table;
  return layout != NULL ? &layout->bell : NULL;
}

static gboolean
mp_lock_suspend (MpLockable  *lockable,
                 guint32     *depth,
                 GError     **error)
{
  *depth = 1;
  return mp_lock_leave (lockable, error);
}

static void
mp_lock_resume (MpLockable *lockable,
                guint32     depth)
{
}

/* A lock does not know its thread, and anybody may release it: held by anybody is enough. */
static gboolean
mp_lock_is_mine (MpLockable *lockable)
{
  return mp_lock_is_locked (MP_LOCK (lockable));
}

static void
mp_lock_lockable_init (MpLockableInterface *iface)
{
  iface->what = "The lock could not be acquired";
  iface->enter = mp_lock_enter;
  iface->enter_or_await = mp_lock_enter_or_await;
  iface->leave = mp_lock_leave;
  iface->get_bell = mp_lock_get_bell;
  iface->suspend = mp_lock_suspend;
  iface->resume = mp_lock_resume;
  iface->is_mine = mp_lock_is_mine;
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND "lock"

static GVariant *
mp_lock_pack (MpShareable  *shareable,
              MpPacking    *packing,
              GError      **error)
{
  return mp_shared_object_pack (&MP_LOCK (shareable)->shared, packing, error);
}

static MpShareable *
mp_lock_unpack (MpUnpacking  *unpacking,
                GVariant     *description,
                int          *fds,
                guint         n_fds,
                GError      **error)
{
  MpSharedObject opened;

  if (!mp_shared_object_open (&opened, unpacking, MP_OBJECT_LOCK, sizeof (MpLockLayout),
                              description, fds, n_fds, error))
    return NULL;

  return mp_shared_object_new_received (MP_TYPE_LOCK, &opened, NULL);
}

static char *
mp_lock_to_string (MpShareable *shareable)
{
  MpLock *self = MP_LOCK (shareable);

  return g_strdup_printf ("<Mp.Lock %s%s>", mp_lock_is_locked (self) ? "locked" : "unlocked",
                          mp_lock_is_abandoned (self) ? " abandoned" : "");
}

static void
mp_lock_shareable_init (MpShareableInterface *iface)
{
  iface->kind = KIND;
  iface->pack = mp_lock_pack;
  iface->to_string = mp_lock_to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_lock_unpack);
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_lock_new:
 *
 * Makes a lock that nobody has.
 *
 * Returns: (transfer full): the lock
 *
 * Since: 1.0
 */
MpLock *
mp_lock_new (void)
{
  return g_object_new (MP_TYPE_LOCK, NULL);
}

/**
 * mp_lock_try_acquire:
 * @self: a lock
 *
 * Acquires the lock if it is free.
 *
 * Returns: whether it was acquired
 *
 * Since: 1.0
 */
gboolean
mp_lock_try_acquire (MpLock *self)
{
  g_autoptr (GError) error = NULL;
  MpLockableResult result;

  g_return_val_if_fail (IS_LOCK (self), FALSE);

  if (G_LIKELY (enter_free (self)))
    return TRUE;

  result = mp_lock_enter ((MpLockable *) self, MP_WAIT_ENDS_NOW, &error);
  if (G_UNLIKELY (error != NULL))
    g_warning ("The lock could not be acquired: %s", error->message);

  return result == MP_LOCKABLE_ENTERED;
}

/**
 * mp_lock_try_acquire_intact:
 * @self: a lock
 *
 * Acquires the lock if it is free, but not from a process that died with it: nobody has to
 * ask [method@Mp.Lock.is_abandoned] afterwards. For code that acquires it for
 * each access to something, and calls [method@Mp.Lock.acquire] where this does not do.
 *
 * Returns: whether it was acquired
 *
 * Since: 1.0
 */
gboolean
mp_lock_try_acquire_intact (MpLock *self)
{
  g_return_val_if_fail (IS_LOCK (self), FALSE);

  /* One whose owner died is not free. */
  return enter_free (self);
}

/**
 * mp_lock_acquire:
 * @self: a lock
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @error: return location for an error
 *
 * Waits for the lock. A thread that has it already waits for itself.
 *
 * It blocks the calling thread and iterates no main context. Fails with
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED, and where there is no
 * memory for the lock with the error of the system.
 *
 * Returns: whether it was acquired; if from one that died with it,
 *   [method@Mp.Lock.is_abandoned] tells so
 *
 * Since: 1.0
 */
gboolean
mp_lock_acquire (MpLock        *self,
                 gdouble        timeout,
                 GCancellable  *cancellable,
                 GError       **error)
{
  g_return_val_if_fail (IS_LOCK (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (G_LIKELY (cancellable == NULL && enter_free (self)))
    return TRUE;

  return acquire_slowly (self, timeout, cancellable, error);
}

/**
 * mp_lock_acquire_async:
 * @self: a lock
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @callback: (scope async): called when the wait is over
 * @user_data: data for @callback
 *
 * Acquires the lock when it is free, without blocking.
 *
 * It is acquired in the caller's thread-default main context just before @callback
 * is called there, never before this call returned. An idle wait costs nothing.
 *
 * Since: 1.0
 */
void
mp_lock_acquire_async (MpLock              *self,
                       gdouble              timeout,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  g_return_if_fail (MP_IS_LOCK (self));

  mp_lockable_enter_async (MP_LOCKABLE (self), timeout, cancellable, callback, user_data);
}

/**
 * mp_lock_acquire_finish:
 * @self: a lock
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Mp.Lock.acquire_async], and fails as [method@Mp.Lock.acquire] does.
 *
 * Returns: whether it was acquired
 *
 * Since: 1.0
 */
gboolean
mp_lock_acquire_finish (MpLock        *self,
                        GAsyncResult  *result,
                        GError       **error)
{
  g_return_val_if_fail (MP_IS_LOCK (self), FALSE);

  return mp_lockable_enter_finish (MP_LOCKABLE (self), result, error);
}

/**
 * mp_lock_release:
 * @self: a lock
 * @error: return location for an error
 *
 * Releases the lock, whoever has it. It does not wait.
 *
 * Fails with %MP_ERROR_INVALID_STATE if nobody has it.
 *
 * Returns: whether it was released
 *
 * Since: 1.0
 */
gboolean
mp_lock_release (MpLock  *self,
                 GError **error)
{
  g_return_val_if_fail (IS_LOCK (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return G_LIKELY (leave_alone (self)) ? TRUE : mp_lock_leave ((MpLockable *) self, error);
}

/**
 * mp_lock_is_locked:
 * @self: a lock
 *
 * Tells whether somebody has the lock. By the time it returns that may have changed.
 *
 * Returns: whether it is held by a process that lives
 *
 * Since: 1.0
 */
gboolean
mp_lock_is_locked (MpLock *self)
{
  guint32 me;
  MpLockLayout *layout;

  g_return_val_if_fail (MP_IS_LOCK (self), FALSE);

  layout = mp_shared_object_get (&self->shared, &me, NULL);
  return layout != NULL && mp_owner_lock_is_held (self->shared.table, &layout->word);
}

/**
 * mp_lock_is_abandoned:
 * @self: a lock
 *
 * Gets [property@Mp.Lock:abandoned].
 *
 * Returns: whether this process has the lock from one that died with it
 *
 * Since: 1.0
 */
gboolean
mp_lock_is_abandoned (MpLock *self)
{
  guint abandoned;

  g_return_val_if_fail (MP_IS_LOCK (self), FALSE);

  /* A forked child does not hold what its parent does. */
  abandoned = (guint) g_atomic_int_get (&self->abandoned);
  return abandoned != 0 && abandoned == mp_participant_get_me (self->shared.table);
}
