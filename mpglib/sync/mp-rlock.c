/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-rlock.h"
#include "mp-lockable-private.h"
#include "mp-owner-rlock-private.h"
#include "mp-shared-object-private.h"

/**
 * MpRLock:
 *
 * A lock that processes share, and that its owner may acquire again.
 *
 * One thread at a time has it, of all processes that the object was handed to. It may
 * acquire it any number of times, and has it until it released it as often. Nobody
 * else can release it.
 *
 * In a main loop the owner is the thread that runs it: what
 * [method@Mp.RLock.acquire_async] acquires belongs to the thread of the callback, for
 * all code that runs there. So tasks of one main loop do not exclude each other by it:
 * let them use a [class@Mp.Lock].
 *
 * What [class@Mp.Lock] says of the death of a holder and of handing it over holds here
 * too, but [method@Mp.RLock.is_abandoned] is %TRUE until the last release.
 *
 * Since: 1.0
 */
struct _MpRLock
{
  GObject parent_instance;

  MpSharedObject shared;
  guint          abandoned;   /* atomic; this process, which holds it, in owner words; 0: nobody died with it */
};

static void mp_rlock_shareable_init (MpShareableInterface *iface);
static void mp_rlock_lockable_init (MpLockableInterface *iface);

/* Of every instance, since nothing is derived from it. */
static gpointer the_class;

/* MP_IS_RLOCK(), in two comparisons and no call. */
#define IS_RLOCK(self) ((self) != NULL && ((GTypeInstance *) (self))->g_class == the_class)

G_DEFINE_FINAL_TYPE_WITH_CODE (MpRLock, mp_rlock, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_rlock_shareable_init)
                               G_IMPLEMENT_INTERFACE (MP_TYPE_LOCKABLE, mp_rlock_lockable_init))

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
mp_rlock_constructed (GObject *object)
{
  MpRLock *self = MP_RLOCK (object);

  G_OBJECT_CLASS (mp_rlock_parent_class)->constructed (object);

  mp_shared_object_init (&self->shared, MP_OBJECT_RLOCK, sizeof (MpLockLayout));
}

static void
mp_rlock_finalize (GObject *object)
{
  mp_shared_object_clear (&MP_RLOCK (object)->shared);

  G_OBJECT_CLASS (mp_rlock_parent_class)->finalize (object);
}

static void
mp_rlock_get_property (GObject    *object,
                       guint       prop_id,
                       GValue     *value,
                       GParamSpec *pspec)
{
  MpRLock *self = MP_RLOCK (object);

  switch (prop_id)
    {
    case PROP_LOCKED:
      g_value_set_boolean (value, mp_rlock_is_locked (self));
      break;

    case PROP_ABANDONED:
      g_value_set_boolean (value, mp_rlock_is_abandoned (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_rlock_class_init (MpRLockClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  the_class = klass;
  object_class->constructed = mp_rlock_constructed;
  object_class->finalize = mp_rlock_finalize;
  object_class->get_property = mp_rlock_get_property;

  /**
   * MpRLock:locked:
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
   * MpRLock:abandoned:
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
mp_rlock_init (MpRLock *self)
{
}

/* --- Acquiring and releasing ---------------------------------------------- */

static inline void
set_abandoned (MpRLock  *self,
               guint32   by)
{
  if (G_UNLIKELY ((guint) g_atomic_int_get (&self->abandoned) != by))
    g_atomic_int_set (&self->abandoned, by);
}

/* What this thread acquires once more it has as it had it. */
static MpLockableResult
note_result (MpRLock           *self,
             MpLockLayout      *layout,
             guint32            me,
             MpOwnerLockResult  result)
{
  if (result == MP_OWNER_LOCK_TIMED_OUT)
    return MP_LOCKABLE_NOT_YET;

  if (mp_owner_rlock_get_count (layout) == 1)
    set_abandoned (self, result == MP_OWNER_LOCK_ABANDONED ? me : 0);

  return MP_LOCKABLE_ENTERED;
}

static MpLockableResult
mp_rlock_enter (MpLockable  *lockable,
                MpWait       wait,
                GError     **error)
{
  MpRLock *self = (MpRLock *) lockable;
  guint32 me;
  MpLockLayout *layout = mp_shared_object_get (&self->shared, &me, error);

  if (G_UNLIKELY (layout == NULL))
    return MP_LOCKABLE_FAILED;

  return note_result (self, layout, me, mp_owner_rlock_acquire (self->shared.table, layout, me, wait));
}

/* The ways of nearly all, without a call: it is this thread's, or free.  FALSE says nothing. */
static inline gboolean
enter_own (MpRLock *self)
{
  guint32 me;
  MpLockLayout *layout = mp_shared_object_peek (&self->shared, &me);

  return layout != NULL && mp_owner_rlock_try_again (layout, mp_owner_rlock_peek_thread (me));
}

static inline gboolean
enter_free (MpRLock *self)
{
  guint32 me;
  MpLockLayout *layout = mp_shared_object_peek (&self->shared, &me);

  if (layout == NULL || !mp_owner_rlock_try (layout, me, mp_owner_rlock_peek_thread (me)))
    return FALSE;

  set_abandoned (self, 0);
  return TRUE;
}

/* Others are often done before a wait has begun. */
static gboolean
enter_spinning (MpRLock *self)
{
  guint32 me;
  MpLockLayout *layout = mp_shared_object_peek (&self->shared, &me);

  if (layout == NULL || mp_owner_rlock_is_mine (layout, me) || !mp_owner_lock_spin (&layout->word, me))
    return FALSE;

  mp_owner_rlock_begin (layout, mp_owner_rlock_get_thread (me));
  set_abandoned (self, 0);
  return TRUE;
}

G_GNUC_NO_INLINE
static gboolean
acquire_slowly (MpRLock       *self,
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

/* All but acquiring once more, which needs no frame on the stack if this is the end of it. */
G_GNUC_NO_INLINE
static gboolean
acquire_first (MpRLock       *self,
               gdouble        timeout,
               GCancellable  *cancellable,
               GError       **error)
{
  g_return_val_if_fail (IS_RLOCK (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (G_LIKELY (cancellable == NULL && enter_free (self)))
    return TRUE;

  return acquire_slowly (self, timeout, cancellable, error);
}

static MpLockableResult
mp_rlock_enter_or_await (MpLockable  *lockable,
                         GError     **error)
{
  MpRLock *self = MP_RLOCK (lockable);
  guint32 me;
  MpLockLayout *layout = mp_shared_object_get (&self->shared, &me, error);

  if (layout == NULL)
    return MP_LOCKABLE_FAILED;

  return note_result (self, layout, me, mp_owner_rlock_acquire_or_await (self->shared.table, layout, me));
}

static MpLockLayout *
get_own (MpRLock  *self,
         guint32  *me,
         GError  **error)
{
  MpLockLayout *layout = mp_shared_object_get (&self->shared, me, error);

  if (layout != NULL && !mp_owner_rlock_is_mine (layout, *me))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_NOT_OWNER,
                           "The lock cannot be released: this thread does not have it; only the thread that acquired "
                           "it can release it; use an Mp.Lock if others are to");
      return NULL;
    }

  return layout;
}

static void
note_release (MpRLock            *self,
              MpLockLayout       *layout,
              MpOwnerLockRelease  release)
{
  /* Another that took the mark off may be stopped before it rings. */
  if (release == MP_OWNER_LOCK_RELEASED_AWAITED)
    mp_bell_ring (self->shared.table, &layout->bell);
  else
    mp_bell_ring_after_exchange (self->shared.table, &layout->bell);
}

G_GNUC_NO_INLINE
static gboolean
release_to_others (MpRLock      *self,
                   MpLockLayout *layout)
{
  note_release (self, layout, mp_owner_lock_release (&layout->word));
  return TRUE;
}

/* The ways of nearly all, without a call.  FALSE says nothing. */
static inline gboolean
leave_one_of_many (MpRLock *self)
{
  guint32 me;
  MpLockLayout *layout = mp_shared_object_peek (&self->shared, &me);

  return layout != NULL && mp_owner_rlock_is_mine (layout, me) && mp_owner_rlock_try_leave (layout);
}

static inline gboolean
leave_last (MpRLock *self)
{
  guint32 me;
  MpLockLayout *layout = mp_shared_object_peek (&self->shared, &me);

  if (layout == NULL || !mp_owner_rlock_is_mine (layout, me) || mp_owner_rlock_get_count (layout) != 1 ||
      G_UNLIKELY (g_atomic_int_get (&self->abandoned) != 0))
    return FALSE;

  if (G_UNLIKELY (!mp_owner_rlock_end (layout, me)))
    return release_to_others (self, layout);

  mp_bell_ring_after_exchange (self->shared.table, &layout->bell);
  return TRUE;
}

static gboolean
mp_rlock_leave (MpLockable  *lockable,
                GError     **error)
{
  MpRLock *self = (MpRLock *) lockable;
  guint32 me;
  MpLockLayout *layout = get_own (self, &me, error);

  if (G_UNLIKELY (layout == NULL))
    return FALSE;

  if (G_UNLIKELY (g_atomic_int_get (&self->abandoned) != 0) &&
      mp_owner_rlock_get_count (layout) == 1)
    set_abandoned (self, 0);

  note_release (self, layout, mp_owner_rlock_release (layout, me));
  return TRUE;
}

/* As acquire_first(). */
G_GNUC_NO_INLINE
static gboolean
release_last (MpRLock  *self,
              GError  **error)
{
  g_return_val_if_fail (IS_RLOCK (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return G_LIKELY (leave_last (self)) ? TRUE : mp_rlock_leave ((MpLockable *) self, error);
}

static MpBell *
mp_rlock_get_bell (MpLockable  *lockable,
                   MpTable    **table,
                   GError     **error)
{
  MpRLock *self = MP_RLOCK (lockable);
  guint32 me;
  MpLockLayout *layout = mp_shared_object_get (&self->shared, &me, error);

  *table = self->shared.table;
  return layout != NULL ? &layout->bell : NULL;
}

static gboolean
mp_rlock_suspend (MpLockable  *lockable,
                  guint32     *depth,
                  GError     **error)
{
  MpRLock *self = MP_RLOCK (lockable);
  guint32 me;
  MpLockLayout *layout = get_own (self, &me, error);

  if (layout == NULL)
    return FALSE;

  set_abandoned (self, 0);
  note_release (self, layout, mp_owner_rlock_release_all (layout, me, depth));
  return TRUE;
}

static void
mp_rlock_resume (MpLockable *lockable,
                 guint32     depth)
{
  mp_owner_rlock_restore (MP_RLOCK (lockable)->shared.hold.data, depth);
}

static gboolean
mp_rlock_lockable_is_mine (MpLockable *lockable)
{
  return mp_rlock_is_mine (MP_RLOCK (lockable));
}

static void
mp_rlock_lockable_init (MpLockableInterface *iface)
{
  iface->what = "The lock could not be acquired";
  iface->enter = mp_rlock_enter;
  iface->enter_or_await = mp_rlock_enter_or_await;
  iface->leave = mp_rlock_leave;
  iface->get_bell = mp_rlock_get_bell;
  iface->suspend = mp_rlock_suspend;
  iface->resume = mp_rlock_resume;
  iface->is_mine = mp_rlock_lockable_is_mine;
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND "rlock"

static GVariant *
mp_rlock_pack (MpShareable  *shareable,
               MpPacking    *packing,
               GError      **error)
{
  return mp_shared_object_pack (&MP_RLOCK (shareable)->shared, packing, error);
}

static MpShareable *
mp_rlock_unpack (MpUnpacking  *unpacking,
                 GVariant     *description,
                 int          *fds,
                 guint         n_fds,
                 GError      **error)
{
  MpSharedObject opened;

  if (!mp_shared_object_open (&opened, unpacking, MP_OBJECT_RLOCK, sizeof (MpLockLayout),
                              description, fds, n_fds, error))
    return NULL;

  return mp_shared_object_new_received (MP_TYPE_RLOCK, &opened, NULL);
}

static char *
mp_rlock_to_string (MpShareable *shareable)
{
  MpRLock *self = MP_RLOCK (shareable);

  return g_strdup_printf ("<Mp.RLock %s%s%s>", mp_rlock_is_locked (self) ? "locked" : "unlocked",
                          mp_rlock_is_mine (self) ? " by this thread" : "",
                          mp_rlock_is_abandoned (self) ? " abandoned" : "");
}

static void
mp_rlock_shareable_init (MpShareableInterface *iface)
{
  iface->kind = KIND;
  iface->pack = mp_rlock_pack;
  iface->to_string = mp_rlock_to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_rlock_unpack);
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_rlock_new:
 *
 * Makes a lock that nobody has.
 *
 * Returns: (transfer full): the lock
 *
 * Since: 1.0
 */
MpRLock *
mp_rlock_new (void)
{
  return g_object_new (MP_TYPE_RLOCK, NULL);
}

/**
 * mp_rlock_try_acquire:
 * @self: a lock
 *
 * Acquires the lock if it is free, or this thread's already.
 *
 * Returns: whether it was acquired
 *
 * Since: 1.0
 */
gboolean
mp_rlock_try_acquire (MpRLock *self)
{
  g_autoptr (GError) error = NULL;
  MpLockableResult result;

  g_return_val_if_fail (IS_RLOCK (self), FALSE);

  if (G_LIKELY (enter_own (self) || enter_free (self)))
    return TRUE;

  result = mp_rlock_enter ((MpLockable *) self, MP_WAIT_ENDS_NOW, &error);
  if (G_UNLIKELY (error != NULL))
    g_warning ("The lock could not be acquired: %s", error->message);

  return result == MP_LOCKABLE_ENTERED;
}

/**
 * mp_rlock_try_acquire_intact:
 * @self: a lock
 *
 * Acquires the lock if it is free, but not from a process that died with it: nobody has to
 * ask [method@Mp.RLock.is_abandoned] afterwards. The thread that has it so already acquires
 * it again. For code that acquires it for each access to something, and calls
 * [method@Mp.RLock.acquire] where this does not do.
 *
 * Returns: whether it was acquired
 *
 * Since: 1.0
 */
gboolean
mp_rlock_try_acquire_intact (MpRLock *self)
{
  g_return_val_if_fail (IS_RLOCK (self), FALSE);

  return G_LIKELY (g_atomic_int_get (&self->abandoned) == 0) && (enter_own (self) || enter_free (self));
}

/**
 * mp_rlock_acquire:
 * @self: a lock
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @error: return location for an error
 *
 * Waits for the lock, or acquires it once more if this thread has it.
 *
 * It blocks the calling thread and iterates no main context. Fails with
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED, and where there is no
 * memory for the lock with the error of the system.
 *
 * Returns: whether it was acquired; if from one that died with it,
 *   [method@Mp.RLock.is_abandoned] tells so
 *
 * Since: 1.0
 */
gboolean
mp_rlock_acquire (MpRLock        *self,
                  gdouble        timeout,
                  GCancellable  *cancellable,
                  GError       **error)
{
  if (G_LIKELY (IS_RLOCK (self) && cancellable == NULL && enter_own (self)))
    return TRUE;

  return acquire_first (self, timeout, cancellable, error);
}

/**
 * mp_rlock_acquire_async:
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
mp_rlock_acquire_async (MpRLock              *self,
                        gdouble              timeout,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  g_return_if_fail (MP_IS_RLOCK (self));

  mp_lockable_enter_async (MP_LOCKABLE (self), timeout, cancellable, callback, user_data);
}

/**
 * mp_rlock_acquire_finish:
 * @self: a lock
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Mp.RLock.acquire_async], and fails as [method@Mp.RLock.acquire] does.
 *
 * Returns: whether it was acquired
 *
 * Since: 1.0
 */
gboolean
mp_rlock_acquire_finish (MpRLock        *self,
                         GAsyncResult  *result,
                         GError       **error)
{
  g_return_val_if_fail (MP_IS_RLOCK (self), FALSE);

  return mp_lockable_enter_finish (MP_LOCKABLE (self), result, error);
}

/**
 * mp_rlock_release:
 * @self: a lock
 * @error: return location for an error
 *
 * Takes one acquisition back; the last one releases the lock. It does not wait.
 *
 * Fails with %MP_ERROR_NOT_OWNER if the calling thread does not have it.
 *
 * Returns: whether it was released
 *
 * Since: 1.0
 */
gboolean
mp_rlock_release (MpRLock  *self,
                  GError **error)
{
  return G_LIKELY (IS_RLOCK (self) && leave_one_of_many (self)) ? TRUE : release_last (self, error);
}

/**
 * mp_rlock_is_locked:
 * @self: a lock
 *
 * Tells whether somebody has the lock. By the time it returns that may have changed.
 *
 * Returns: whether it is held by a process that lives
 *
 * Since: 1.0
 */
gboolean
mp_rlock_is_locked (MpRLock *self)
{
  guint32 me;
  MpLockLayout *layout;

  g_return_val_if_fail (MP_IS_RLOCK (self), FALSE);

  layout = mp_shared_object_get (&self->shared, &me, NULL);
  return layout != NULL && mp_owner_lock_is_held (self->shared.table, &layout->word);
}

/**
 * mp_rlock_is_mine:
 * @self: a lock
 *
 * Tells whether the calling thread has the lock.
 *
 * Returns: whether it has it
 *
 * Since: 1.0
 */
gboolean
mp_rlock_is_mine (MpRLock *self)
{
  guint32 me;
  MpLockLayout *layout;

  g_return_val_if_fail (MP_IS_RLOCK (self), FALSE);

  layout = mp_shared_object_get (&self->shared, &me, NULL);
  return layout != NULL && mp_owner_rlock_is_mine (layout, me);
}

/**
 * mp_rlock_is_abandoned:
 * @self: a lock
 *
 * Gets [property@Mp.RLock:abandoned].
 *
 * Returns: whether this process has the lock from one that died with it
 *
 * Since: 1.0
 */
gboolean
mp_rlock_is_abandoned (MpRLock *self)
{
  guint abandoned;

  g_return_val_if_fail (MP_IS_RLOCK (self), FALSE);

  /* A forked child does not hold what its parent does. */
  abandoned = (guint) g_atomic_int_get (&self->abandoned);
  return abandoned != 0 && abandoned == mp_participant_get_me (self->shared.table);
}
