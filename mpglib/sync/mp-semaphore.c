/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-counter-private.h"
#include "mp-error.h"
#include "mp-semaphore-private.h"

/**
 * MpSemaphore:
 *
 * A number of permits that processes share.
 *
 * [method@Mp.Semaphore.acquire] takes one, and waits while there are none;
 * [method@Mp.Semaphore.release] gives one. Who gives one need not have taken it, so a
 * semaphore can count what one process makes and another takes away.
 *
 * The permits belong to nobody: what a process had taken when it died stays taken. If
 * those that take are those that give back, use a [class@Mp.BoundedSemaphore], which
 * gives back the permits of the dead.
 *
 * A semaphore is a [iface@Mp.Shareable], as a [class@Mp.Lock] is: what is said there of
 * handing over and of forks holds here.
 *
 * A semaphore may be used by all threads.
 *
 * Since: 1.0
 */
typedef struct
{
  MpSharedObject shared;
  guint          initial;
  guint32        n;        /* for the functions of MpSemaphoreKind */
} MpSemaphorePrivate;

static void mp_semaphore_shareable_init (MpShareableInterface *iface);
static void mp_semaphore_lockable_init (MpLockableInterface *iface);

G_DEFINE_TYPE_WITH_CODE (MpSemaphore, mp_semaphore, G_TYPE_OBJECT,
                         G_ADD_PRIVATE (MpSemaphore)
                         G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_semaphore_shareable_init)
                         G_IMPLEMENT_INTERFACE (MP_TYPE_LOCKABLE, mp_semaphore_lockable_init))

enum
{
  PROP_0,
  PROP_VALUE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static gpointer the_class;

/* MP_IS_SEMAPHORE(), in two or three comparisons and no call. */
#define IS_SEMAPHORE(self) \
  ((self) != NULL && (get_class (self) == the_class || get_class (self) == mp_bounded_semaphore_class || \
                      MP_IS_SEMAPHORE (self)))

static inline gpointer
get_class (gpointer self)
{
  return ((GTypeInstance *) self)->g_class;
}

static inline MpSemaphorePrivate *
get_private (gpointer self)
{
  return mp_semaphore_get_instance_private (self);
}

static inline const MpSemaphoreKind *
get_kind (gpointer self)
{
  return ((MpSemaphoreClass *) get_class (self))->kind;
}

/* --- Permits of nobody ---------------------------------------------------- */

static gsize
counter_get_size (guint value)
{
  return sizeof (MpCounterLayout);
}

static void
counter_fill (gpointer layout,
              guint    value)
{
  mp_counter_init (&((MpCounterLayout *) layout)->word, value);
}

static guint32
counter_check_n (gpointer layout,
                 gsize    size)
{
  return 0;
}

static inline gboolean
counter_enter_free (gpointer layout,
                    guint32  n,
                    guint32  me)
{
  return mp_counter_try_take (&((MpCounterLayout *) layout)->word);
}

static inline gboolean
counter_leave_own (MpSharedObject *shared,
                   gpointer        layout,
                   guint32         n,
                   guint32         me)
{
  MpCounterLayout *counter = layout;

  if (!mp_counter_try_give (&counter->word))
    return FALSE;

  mp_bell_ring_after_exchange (shared->table, &counter->bell);
  return TRUE;
}

static gboolean
counter_enter (MpSharedObject *shared,
               gpointer        layout,
               guint32         n,
               guint32         me,
               MpWait          wait)
{
  return mp_counter_take (shared->table, &((MpCounterLayout *) layout)->word, wait);
}

static gboolean
counter_enter_or_await (MpSharedObject *shared,
                        gpointer        layout,
                        guint32         n,
                        guint32         me)
{
  return mp_counter_take_or_await (&((MpCounterLayout *) layout)->word);
}

static gboolean
counter_leave (MpSharedObject *shared,
               gpointer        layout,
               guint32         n,
               guint32         me)
{
  MpCounterLayout *counter = layout;
  MpCounterGive result = mp_counter_give (&counter->word);

  /* Another that took the mark off may be stopped before it rings. */
  if (result == MP_COUNTER_GIVEN_AWAITED)
    mp_bell_ring (shared->table, &counter->bell);
  else
    mp_bell_ring_after_exchange (shared->table, &counter->bell);

  return result != MP_COUNTER_FULL;
}

static guint
counter_get_value (MpSharedObject *shared,
                   gpointer        layout,
                   guint32         n)
{
  return mp_counter_get (&((MpCounterLayout *) layout)->word);
}

static MpBell *
counter_get_bell (gpointer layout)
{
  return &((MpCounterLayout *) layout)->bell;
}

static const MpSemaphoreKind counter_kind = {
  .type = MP_OBJECT_SEMAPHORE,
  .name = "Semaphore",
  .too_many = "The semaphore has as many permits as it can have",
  .max = MP_COUNTER_MAX,
  .get_size = counter_get_size,
  .fill = counter_fill,
  .check_n = counter_check_n,
  .enter_free = counter_enter_free,
  .leave_own = counter_leave_own,
  .enter = counter_enter,
  .enter_or_await = counter_enter_or_await,
  .leave = counter_leave,
  .get_value = counter_get_value,
  .get_bell = counter_get_bell,
};

/* --- Life ----------------------------------------------------------------- */

static void
mp_semaphore_constructed (GObject *object)
{
  MpSemaphorePrivate *priv = get_private (object);
  const MpSemaphoreKind *kind = get_kind (object);

  G_OBJECT_CLASS (mp_semaphore_parent_class)->constructed (object);

  if (priv->initial > kind->max)
    mp_shared_object_refuse (&priv->shared, kind->type,
                             g_error_new (MP_ERROR, MP_ERROR_TOO_BIG,
                                          "A %s can have %u permits, not %u", kind->name, kind->max, priv->initial));
  else if (mp_shared_object_init (&priv->shared, kind->type, kind->get_size (priv->initial)) &&
      priv->shared.table != NULL)
    kind->fill (priv->shared.hold.data, priv->initial);

  if (priv->shared.table != NULL)
    priv->n = kind->check_n (priv->shared.hold.data, mp_shared_object_get_size (&priv->shared));
}

static void
mp_semaphore_finalize (GObject *object)
{
  mp_shared_object_clear (&get_private (object)->shared);

  G_OBJECT_CLASS (mp_semaphore_parent_class)->finalize (object);
}

static void
mp_semaphore_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_VALUE:
      g_value_set_uint (value, mp_semaphore_get_value (MP_SEMAPHORE (object)));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_semaphore_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  switch (prop_id)
    {
    case PROP_VALUE:
      get_private (object)->initial = g_value_get_uint (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_semaphore_class_init (MpSemaphoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  the_class = klass;
  klass->kind = &counter_kind;
  object_class->constructed = mp_semaphore_constructed;
  object_class->finalize = mp_semaphore_finalize;
  object_class->get_property = mp_semaphore_get_property;
  object_class->set_property = mp_semaphore_set_property;

  /**
   * MpSemaphore:value:
   *
   * How many permits can be had; at construction, how many there are. It is not
   * notified.
   *
   * A bounded semaphore can have 16000 at most, another 1073741823: with more all its
   * calls fail with %MP_ERROR_TOO_BIG.
   *
   * Since: 1.0
   */
  properties[PROP_VALUE] =
    g_param_spec_uint ("value", NULL, NULL,
                       0, G_MAXUINT, 1,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_semaphore_init (MpSemaphore *self)
{
}

/* --- Acquiring and releasing ---------------------------------------------- */

static inline MpLockableResult
get_result (gboolean entered)
{
  return entered ? MP_LOCKABLE_ENTERED : MP_LOCKABLE_NOT_YET;
}

static MpLockableResult
mp_semaphore_enter (MpLockable  *self,
                    MpWait       wait,
                    GError     **error)
{
  MpSemaphorePrivate *priv = get_private (self);
  guint32 me;
  gpointer layout = mp_shared_object_get (&priv->shared, &me, error);

  if (G_UNLIKELY (layout == NULL))
    return MP_LOCKABLE_FAILED;

  return get_result (get_kind (self)->enter (&priv->shared, layout, priv->n, me, wait));
}

/* Without a call but for kinds of others.  FALSE says nothing. */
static inline gboolean
enter_free (MpSemaphore *self)
{
  MpSemaphorePrivate *priv = get_private (self);
  const MpSemaphoreKind *kind = get_kind (self);
  guint32 me;
  gpointer layout = mp_shared_object_peek (&priv->shared, &me);

  if (layout == NULL)
    return FALSE;

  return G_LIKELY (kind == &counter_kind) ? counter_enter_free (layout, 0, me)
                                          : kind->enter_free (layout, priv->n, me);
}

static inline gboolean
leave_own (MpSemaphore *self)
{
  MpSemaphorePrivate *priv = get_private (self);
  const MpSemaphoreKind *kind = get_kind (self);
  guint32 me;
  gpointer layout = mp_shared_object_peek (&priv->shared, &me);

  if (layout == NULL)
    return FALSE;

  return G_LIKELY (kind == &counter_kind) ? counter_leave_own (&priv->shared, layout, 0, me)
                                          : kind->leave_own (&priv->shared, layout, priv->n, me);
}

static MpLockableResult
mp_semaphore_enter_or_await (MpLockable  *self,
                             GError     **error)
{
  MpSemaphorePrivate *priv = get_private (self);
  guint32 me;
  gpointer layout = mp_shared_object_get (&priv->shared, &me, error);

  if (layout == NULL)
    return MP_LOCKABLE_FAILED;

  return get_result (get_kind (self)->enter_or_await (&priv->shared, layout, priv->n, me));
}

static gboolean
mp_semaphore_leave (MpLockable  *self,
                    GError     **error)
{
  MpSemaphorePrivate *priv = get_private (self);
  guint32 me;
  gpointer layout = mp_shared_object_get (&priv->shared, &me, error);

  if (G_UNLIKELY (layout == NULL))
    return FALSE;

  if (G_LIKELY (get_kind (self)->leave (&priv->shared, layout, priv->n, me)))
    return TRUE;

  g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE, get_kind (self)->too_many);
  return FALSE;
}

static MpBell *
mp_semaphore_get_bell (MpLockable  *self,
                       MpTable    **table,
                       GError     **error)
{
  MpSemaphorePrivate *priv = get_private (self);
  guint32 me;
  gpointer layout = mp_shared_object_get (&priv->shared, &me, error);

  *table = priv->shared.table;
  return layout != NULL ? get_kind (self)->get_bell (layout) : NULL;
}

static void
mp_semaphore_lockable_init (MpLockableInterface *iface)
{
  iface->what = "The semaphore could not be acquired";
  iface->enter = mp_semaphore_enter;
  iface->enter_or_await = mp_semaphore_enter_or_await;
  iface->leave = mp_semaphore_leave;
  iface->get_bell = mp_semaphore_get_bell;
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND "semaphore"

static GVariant *
mp_semaphore_pack (MpShareable  *self,
                   MpPacking    *packing,
                   GError      **error)
{
  return mp_shared_object_pack (&get_private (self)->shared, packing, error);
}

/*< private >
 * mp_semaphore_unpack_kind:
 *
 * The makers of both kinds.
 */
MpShareable *
mp_semaphore_unpack_kind (GType                   type,
                          const MpSemaphoreKind  *kind,
                          MpUnpacking            *unpacking,
                          GVariant               *description,
                          int                    *fds,
                          guint                   n_fds,
                          GError                **error)
{
  MpSharedObject opened;

  if (!mp_shared_object_open (&opened, unpacking, kind->type, kind->get_size (0), description, fds, n_fds, error))
    return NULL;

  return mp_shared_object_new_received (type, &opened, NULL);
}

static MpShareable *
mp_semaphore_unpack (MpUnpacking  *unpacking,
                     GVariant     *description,
                     int          *fds,
                     guint         n_fds,
                     GError      **error)
{
  return mp_semaphore_unpack_kind (MP_TYPE_SEMAPHORE, &counter_kind, unpacking, description, fds, n_fds, error);
}

static char *
mp_semaphore_to_string (MpShareable *self)
{
  return g_strdup_printf ("<Mp.%s value=%u>", get_kind (self)->name, mp_semaphore_get_value (MP_SEMAPHORE (self)));
}

static void
mp_semaphore_shareable_init (MpShareableInterface *iface)
{
  iface->kind = KIND;
  iface->pack = mp_semaphore_pack;
  iface->to_string = mp_semaphore_to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_semaphore_unpack);
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_semaphore_new:
 * @value: how many permits there are
 *
 * Makes a semaphore.
 *
 * Returns: (transfer full): the semaphore
 *
 * Since: 1.0
 */
MpSemaphore *
mp_semaphore_new (guint value)
{
  return g_object_new (MP_TYPE_SEMAPHORE, "value", value, NULL);
}

/**
 * mp_semaphore_try_acquire:
 * @self: a semaphore
 *
 * Takes a permit if there is one.
 *
 * Returns: whether it was taken
 *
 * Since: 1.0
 */
gboolean
mp_semaphore_try_acquire (MpSemaphore *self)
{
  g_autoptr (GError) error = NULL;
  MpLockableResult result;

  g_return_val_if_fail (IS_SEMAPHORE (self), FALSE);

  if (G_LIKELY (enter_free (self)))
    return TRUE;

  result = mp_semaphore_enter ((MpLockable *) self, MP_WAIT_ENDS_NOW, &error);
  if (G_UNLIKELY (error != NULL))
    g_warning ("The semaphore could not be acquired: %s", error->message);

  return result == MP_LOCKABLE_ENTERED;
}

/**
 * mp_semaphore_acquire:
 * @self: a semaphore
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @error: return location for an error
 *
 * Takes a permit, and waits while there are none.
 *
 * It blocks the calling thread and iterates no main context. Fails with
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED (see
 * [func@Mp.thread_set_interruptible]) and %G_IO_ERROR_CANCELLED, and where there is no
 * memory for the semaphore with the error of the system.
 *
 * Returns: whether it was taken
 *
 * Since: 1.0
 */
gboolean
mp_semaphore_acquire (MpSemaphore   *self,
                      gdouble        timeout,
                      GCancellable  *cancellable,
                      GError       **error)
{
  g_return_val_if_fail (IS_SEMAPHORE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (G_LIKELY (cancellable == NULL && enter_free (self)))
    return TRUE;

  return mp_lockable_enter ((MpLockable *) self, timeout, cancellable, error);
}

/**
 * mp_semaphore_acquire_async:
 * @self: a semaphore
 * @timeout: seconds; negative waits for ever, 0 does not wait
 * @cancellable: (nullable): ends the wait when it is cancelled
 * @callback: (scope async): called when the wait is over
 * @user_data: data for @callback
 *
 * Takes a permit when there is one, without blocking.
 *
 * It is taken in the caller's thread-default main context just before @callback is
 * called there, never before this call returned. An idle wait costs nothing.
 *
 * Since: 1.0
 */
void
mp_semaphore_acquire_async (MpSemaphore         *self,
                            gdouble              timeout,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_return_if_fail (MP_IS_SEMAPHORE (self));

  mp_lockable_enter_async (MP_LOCKABLE (self), timeout, cancellable, callback, user_data);
}

/**
 * mp_semaphore_acquire_finish:
 * @self: a semaphore
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@Mp.Semaphore.acquire_async], and fails as
 * [method@Mp.Semaphore.acquire] does.
 *
 * Returns: whether it was taken
 *
 * Since: 1.0
 */
gboolean
mp_semaphore_acquire_finish (MpSemaphore   *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (MP_IS_SEMAPHORE (self), FALSE);

  return mp_lockable_enter_finish (MP_LOCKABLE (self), result, error);
}

/**
 * mp_semaphore_release:
 * @self: a semaphore
 * @error: return location for an error
 *
 * Gives a permit. It does not wait.
 *
 * Fails with %MP_ERROR_INVALID_STATE if there would be too many: more than a bounded
 * semaphore had at first, or more than can be counted.
 *
 * Returns: whether it was given
 *
 * Since: 1.0
 */
gboolean
mp_semaphore_release (MpSemaphore  *self,
                      GError      **error)
{
  g_return_val_if_fail (IS_SEMAPHORE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return G_LIKELY (leave_own (self)) ? TRUE : mp_semaphore_leave ((MpLockable *) self, error);
}

/**
 * mp_semaphore_get_value:
 * @self: a semaphore
 *
 * Gets [property@Mp.Semaphore:value]. By the time it returns that may have changed.
 *
 * Returns: how many permits can be had
 *
 * Since: 1.0
 */
guint
mp_semaphore_get_value (MpSemaphore *self)
{
  MpSemaphorePrivate *priv;
  gpointer layout;
  guint32 me;

  g_return_val_if_fail (MP_IS_SEMAPHORE (self), 0);

  priv = get_private (self);
  layout = mp_shared_object_get (&priv->shared, &me, NULL);
  return layout != NULL ? get_kind (self)->get_value (&priv->shared, layout, priv->n) : 0;
}
