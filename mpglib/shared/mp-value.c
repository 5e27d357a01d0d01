/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <math.h>

#include "mp-error.h"
#include "mp-lock-along-private.h"
#include "mp-origin-private.h"
#include "mp-rlock.h"
#include "mp-value-private.h"

/**
 * MpValue:
 *
 * One value of fixed size that processes share.
 *
 * Its type is that of a GVariant: a number, or a structure of them such as `(dd)`, of
 * 4096 bytes at most. Reading and replacing it is whole and at once whatever its size:
 * nobody ever sees a half of an old and a half of a new one, and a process killed while it
 * replaces the value leaves the old one or the new. Neither takes a lock of yours, and
 * neither waits for anybody but one that just copies.
 *
 * What reads *and* writes, as counting does, needs more: [method@Mp.Value.add_int64], or
 * the lock that goes along with the value. That is a lock like any other, and whoever
 * acquires it keeps those away that acquire it too:
 *
 * ```c
 * MpValue *best = mp_value_new ("d", NULL, MP_LOCKABLE (lock));
 *
 * if (mp_lockable_enter (mp_value_get_lock (best), -1, NULL, &error))
 *   {
 *     if (mp_value_get_double (best, &error) < score)
 *       mp_value_set_double (best, score, &error);
 *     mp_lockable_leave (mp_value_get_lock (best), &error);
 *   }
 * ```
 *
 * With [property@Mp.Value:live] set a main loop hears of every change by
 * `notify::value`, and of a number by `notify::number` too: [property@Mp.Value:number]
 * can be bound, as to a progress bar, to show what other processes compute.
 *
 * A value is a [iface@Mp.Shareable], as a [class@Mp.Lock] is: what is said there of
 * handing over and of forks holds here. Its lock goes with it.
 *
 * A value may be used by all threads.
 *
 * Since: 1.0
 */

static void mp_value_shareable_init (MpShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MpValue, mp_value, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_value_shareable_init))

enum
{
  PROP_0,
  PROP_FORMAT,
  PROP_LIVE,
  PROP_LOCK,
  PROP_MAIN_CONTEXT,
  PROP_NUMBER,
  PROP_VALUE,
  PROP_VALUE_TYPE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* Room for all but large structures. */
#define N_STACK_WORDS 16

/* --- The bytes ------------------------------------------------------------ */

/* A word, or two halves. */
static gsize
get_layout_size (gsize element_size)
{
  gsize n_words = (element_size + MP_VALUE_WORD - 1) / MP_VALUE_WORD;

  return sizeof (MpValueLayout) + (n_words > 1 ? 2 * n_words : 1) * MP_VALUE_WORD;
}

/* Room for the words of the value: that on the stack, or more. */
static guint64 *
get_room (MpValue *self,
          guint64 *stack)
{
  return mp_value_get_n_words (self) <= N_STACK_WORDS ? stack : g_new (guint64, mp_value_get_n_words (self));
}

static void
free_room (guint64 *words,
           guint64 *stack)
{
  if (words != stack)
    g_free (words);
}

/* --- Life ----------------------------------------------------------------- */

/* Nobody else knows of it yet. */
static void
fill (MpValue *self)
{
  guint64 stack[N_STACK_WORDS] = { 0 };
  guint64 *words = get_room (self, stack);
  g_autoptr (GError) error = NULL;

  words[mp_value_get_n_words (self) - 1] = 0;
  if (!mp_element_write (&self->element, self->initial, words, &error))
    {
      mp_shared_object_clear (&self->shared);
      mp_shared_object_refuse (&self->shared, MP_OBJECT_VALUE, g_steal_pointer (&error));
    }
  else
    mp_value_store (self, words, NULL);

  free_room (words, stack);
}

static void
mp_value_constructed (GObject *object)
{
  MpValue *self = MP_VALUE (object);
  gboolean is_new = TRUE;
  GError *error = NULL;

  G_OBJECT_CLASS (mp_value_parent_class)->constructed (object);

  if (!mp_element_init (&self->element, self->value_type, self->format, &error))
    mp_shared_object_refuse (&self->shared, MP_OBJECT_VALUE, error);
  else
    is_new = mp_shared_object_init (&self->shared, MP_OBJECT_VALUE, get_layout_size (self->element.size));

  if (is_new && self->initial != NULL && self->shared.table != NULL)
    fill (self);

  /* Whoever has received it, it is for another thread. */
  if (is_new)
    mp_value_get_main_context (self);

  g_clear_pointer (&self->initial, g_variant_unref);
  self->is_constructed = TRUE;
}

static void
mp_value_dispose (GObject *object)
{
  mp_value_set_live (MP_VALUE (object), FALSE);

  G_OBJECT_CLASS (mp_value_parent_class)->dispose (object);
}

static void
mp_value_finalize (GObject *object)
{
  MpValue *self = MP_VALUE (object);

  mp_shared_object_clear (&self->shared);
  mp_element_clear (&self->element);
  g_clear_object (&self->lock);
  g_free (self->value_type);
  g_free (self->format);
  g_clear_pointer (&self->main_context, g_main_context_unref);
  g_free (self->told);
  g_mutex_clear (&self->watch_lock);

  G_OBJECT_CLASS (mp_value_parent_class)->finalize (object);
}

static void
get_value_property (MpValue *self,
                    GValue  *value)
{
  g_autoptr (GError) error = NULL;

  g_value_take_variant (value, mp_value_get_value (self, &error));
  if (error != NULL)
    g_warning ("The shared value could not be read: %s", error->message);
}

static void
set_value_property (MpValue  *self,
                    GVariant *value)
{
  g_autoptr (GError) error = NULL;

  if (value == NULL)
    return;

  if (!self->is_constructed)
    self->initial = g_variant_ref_sink (value);
  else if (!mp_value_set_value (self, value, &error))
    g_warning ("The shared value could not be set: %s", error->message);
}

/* Whoever looks at all properties is not to be warned of a structure. */
static gdouble
get_number_property (MpValue *self)
{
  g_autoptr (GError) error = NULL;
  gdouble number = mp_value_is_number (self) ? mp_value_get_number (self, &error) : NAN;

  if (error != NULL)
    g_warning ("The shared value could not be read: %s", error->message);

  return number;
}

static void
set_number_property (MpValue *self,
                     gdouble  number)
{
  g_autoptr (GError) error = NULL;

  if (!mp_value_set_number (self, number, &error))
    g_warning ("The shared value could not be set: %s", error->message);
}

static void
mp_value_get_property (GObject    *object,
                       guint       prop_id,
                       GValue     *value,
                       GParamSpec *pspec)
{
  MpValue *self = MP_VALUE (object);

  switch (prop_id)
    {
    case PROP_FORMAT:
      g_value_set_string (value, mp_value_get_format (self));
      break;

    case PROP_LIVE:
      g_value_set_boolean (value, mp_value_get_live (self));
      break;

    case PROP_LOCK:
      g_value_set_object (value, self->lock);
      break;

    case PROP_MAIN_CONTEXT:
      g_value_set_boxed (value, mp_value_get_main_context (self));
      break;

    case PROP_NUMBER:
      g_value_set_double (value, get_number_property (self));
      break;

    case PROP_VALUE:
      get_value_property (self, value);
      break;

    case PROP_VALUE_TYPE:
      g_value_set_string (value, mp_value_get_value_type (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_value_set_property (GObject      *object,
                       guint         prop_id,
                       const GValue *value,
                       GParamSpec   *pspec)
{
  MpValue *self = MP_VALUE (object);

  switch (prop_id)
    {
    case PROP_FORMAT:
      self->format = g_value_dup_string (value);
      break;

    case PROP_LIVE:
      mp_value_set_live (self, g_value_get_boolean (value));
      break;

    case PROP_LOCK:
      self->lock = g_value_dup_object (value);
      break;

    case PROP_MAIN_CONTEXT:
      self->main_context = g_value_dup_boxed (value);
      break;

    case PROP_NUMBER:
      set_number_property (self, g_value_get_double (value));
      break;

    case PROP_VALUE:
      set_value_property (self, g_value_get_variant (value));
      break;

    case PROP_VALUE_TYPE:
      self->value_type = g_value_dup_string (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_value_class_init (MpValueClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_value_constructed;
  object_class->dispose = mp_value_dispose;
  object_class->finalize = mp_value_finalize;
  object_class->get_property = mp_value_get_property;
  object_class->set_property = mp_value_set_property;

  /**
   * MpValue:value-type:
   *
   * The GVariant type of the value: one of fixed size, without handles. %NULL: that of
   * [property@Mp.Value:format].
   *
   * With a type that cannot be, all calls fail with %MP_ERROR_NOT_SUPPORTED.
   *
   * Since: 1.0
   */
  properties[PROP_VALUE_TYPE] =
    g_param_spec_string ("value-type", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpValue:format:
   *
   * How the value is stored where GVariant has no such type: `b` (a signed byte, spoken
   * as `n`), `f` (a float of 32 bits, spoken as `d`), `c` (a character of one byte,
   * spoken as `y`), `u` (a Unicode character, spoken as `u`). %NULL: as GVariant does.
   *
   * Since: 1.0
   */
  properties[PROP_FORMAT] =
    g_param_spec_string ("format", NULL, NULL,
                         NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpValue:lock:
   *
   * The lock that goes along with the value, for what reads and writes it as a whole:
   * one of its own, or one that guards other things too. %NULL: none.
   *
   * Since: 1.0
   */
  properties[PROP_LOCK] =
    g_param_spec_object ("lock", NULL, NULL,
                         MP_TYPE_LOCKABLE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpValue:main-context:
   *
   * Where [property@Mp.Value:value] is notified. %NULL at construction: the thread-default
   * one of the thread that makes the object, or that first asks for that of an object that
   * was received.
   *
   * Since: 1.0
   */
  properties[PROP_MAIN_CONTEXT] =
    g_param_spec_boxed ("main-context", NULL, NULL,
                        G_TYPE_MAIN_CONTEXT,
                        G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MpValue:value: (getter get_value) (setter set_value)
   *
   * The value, of the type [property@Mp.Value:value-type]; all zero at first.
   *
   * It is notified while [property@Mp.Value:live] is set, whoever changes it.
   *
   * Since: 1.0
   */
  properties[PROP_VALUE] =
    g_param_spec_variant ("value", NULL, NULL,
                          G_VARIANT_TYPE_ANY, NULL,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MpValue:number: (getter get_number) (setter set_number)
   *
   * The value as a number, for labels, progress bars and whatever else can be bound to a
   * property: whole numbers beyond 2⁵³ are rounded, a boolean is 0 or 1, and what is no
   * number is NaN. A number that is set is rounded where the value is a whole one; what
   * does not fit is a warning, and changes nothing.
   *
   * It is notified with [property@Mp.Value:value], while [property@Mp.Value:live] is set.
   *
   * Since: 1.0
   */
  properties[PROP_NUMBER] =
    g_param_spec_double ("number", NULL, NULL,
                         -INFINITY, INFINITY, 0,
                         G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * MpValue:live: (getter get_live) (setter set_live)
   *
   * Whether [property@Mp.Value:value] is notified when it changes, here or in another
   * process: once for all changes since the last time, if it is not as it was then, in
   * [property@Mp.Value:main-context]. It costs nothing while nothing changes. What is
   * written through [method@Mp.Value.get_address] is not noticed.
   *
   * Since: 1.0
   */
  properties[PROP_LIVE] =
    g_param_spec_boolean ("live", NULL, NULL,
                          FALSE,
                          G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_value_init (MpValue *self)
{
  g_mutex_init (&self->watch_lock);
  self->origin = mp_origin_get ();
}

/*< private >
 * mp_value_notify_content:
 *
 * Tells, in the main context, that it is another one.
 */
void
mp_value_notify_content (MpValue *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_VALUE]);
  if (mp_value_is_number (self))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NUMBER]);
}

/* --- Sharing -------------------------------------------------------------- */

#define KIND "value"

#define DESCRIPTION_TYPE "((ayuu)msms" MP_LOCK_ALONG_TYPE ")" /* object, type, format, lock */

static GVariant *
mp_value_pack (MpShareable  *shareable,
               MpPacking    *packing,
               GError      **error)
{
  MpValue *self = MP_VALUE (shareable);
  g_autoptr (GVariant) object = mp_shared_object_pack (&self->shared, packing, error);
  GVariant *lock;

  if (object == NULL)
    return NULL;

  g_variant_ref_sink (object);
  lock = mp_lock_along_pack (self->lock, packing, error);
  if (lock == NULL)
    return NULL;

  return g_variant_new ("(@(ayuu)msms@" MP_LOCK_ALONG_TYPE ")", object, self->element.type, self->element.format, lock);
}

static MpShareable *
unpack_parts (MpUnpacking  *unpacking,
              GVariant     *object,
              const char   *type,
              const char   *format,
              GVariant     *packed_lock,
              int          *fds,
              guint         n_fds,
              GError      **error)
{
  g_autoptr (MpLockable) lock = NULL;
  MpSharedObject opened;
  MpElement element;
  guint n_before;
  gsize size;

  if (!mp_element_init (&element, type, format, error))
    return NULL;

  size = get_layout_size (element.size);
  mp_element_clear (&element);
  if (!mp_lock_along_split (packed_lock, n_fds, &n_before, error) ||
      !mp_shared_object_open (&opened, unpacking, MP_OBJECT_VALUE, size, object, fds, n_before, error))
    return NULL;

  if (!mp_lock_along_unpack (unpacking, packed_lock, fds + n_before, &lock, error))
    {
      mp_shared_object_clear (&opened);
      return NULL;
    }

  return mp_shared_object_new_received (MP_TYPE_VALUE, &opened,
                                        "value-type", type, "format", format, "lock", lock, NULL);
}

static MpShareable *
mp_value_unpack (MpUnpacking  *unpacking,
                 GVariant     *description,
                 int          *fds,
                 guint         n_fds,
                 GError      **error)
{
  g_autoptr (GVariant) object = NULL;
  g_autoptr (GVariant) lock = NULL;
  const char *type, *format;

  if (!g_variant_is_of_type (description, G_VARIANT_TYPE (DESCRIPTION_TYPE)))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "The peer sent a shared value that is none");
      return NULL;
    }

  g_variant_get (description, "(@(ayuu)m&sm&s@" MP_LOCK_ALONG_TYPE ")", &object, &type, &format, &lock);
  return unpack_parts (unpacking, object, type, format, lock, fds, n_fds, error);
}

static char *
mp_value_to_string (MpShareable *shareable)
{
  MpValue *self = MP_VALUE (shareable);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_value_get_value (self, &error);
  g_autofree char *content = value != NULL ? g_variant_print (value, FALSE)
                                           : g_strdup_printf ("(%s)", error->message);
  g_autofree char *lock = self->lock != NULL ? mp_shareable_to_string (MP_SHAREABLE (self->lock)) : NULL;

  return g_strdup_printf ("<Mp.Value %s %s%s%s>",
                          self->element.format != NULL ? self->element.format : mp_value_get_value_type (self),
                          content, lock != NULL ? " lock=" : "", lock != NULL ? lock : "");
}

static void
mp_value_shareable_init (MpShareableInterface *iface)
{
  iface->kind = KIND;
  iface->pack = mp_value_pack;
  iface->to_string = mp_value_to_string;
}

__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_value_unpack);
}

/* --- Public --------------------------------------------------------------- */

/**
 * mp_value_new:
 * @value_type: a GVariant type of fixed size, such as `i`, `d` or `(dd)`
 * @value: (nullable): what it is at first; sunk if it is floating; %NULL: all zero
 * @lock: (nullable): the lock that goes along with it; %NULL: none
 *
 * Makes a value that can be shared.
 *
 * Where that is not possible, for want of memory or because @value_type has no fixed size,
 * all calls tell why.
 *
 * Returns: (transfer full): the value
 *
 * Since: 1.0
 */
MpValue *
mp_value_new (const char *value_type,
              GVariant   *value,
              MpLockable *lock)
{
  g_autoptr (GVariant) sunk = value != NULL ? g_variant_ref_sink (value) : NULL;

  return g_object_new (MP_TYPE_VALUE, "value-type", value_type, "value", sunk, "lock", lock, NULL);
}

/**
 * mp_value_new_with_format:
 * @format: see [property@Mp.Value:format]
 * @value: (nullable): what it is at first; sunk if it is floating; %NULL: all zero
 * @lock: (nullable): the lock that goes along with it; %NULL: none
 *
 * Makes a value of a type that GVariant does not have, as [ctor@Mp.Value.new] does of
 * the others.
 *
 * Returns: (transfer full): the value
 *
 * Since: 1.0
 */
MpValue *
mp_value_new_with_format (const char *format,
                          GVariant   *value,
                          MpLockable *lock)
{
  g_autoptr (GVariant) sunk = value != NULL ? g_variant_ref_sink (value) : NULL;

  return g_object_new (MP_TYPE_VALUE, "format", format, "value", sunk, "lock", lock, NULL);
}

/**
 * mp_value_get_value_type:
 * @self: a value
 *
 * Gets [property@Mp.Value:value-type].
 *
 * Returns: (nullable): the GVariant type of the value
 *
 * Since: 1.0
 */
const char *
mp_value_get_value_type (MpValue *self)
{
  g_return_val_if_fail (MP_IS_VALUE (self), NULL);

  return self->element.type != NULL ? self->element.type : self->value_type;
}

/**
 * mp_value_get_format:
 * @self: a value
 *
 * Gets [property@Mp.Value:format].
 *
 * Returns: (nullable): how it is stored, if not as GVariant does
 *
 * Since: 1.0
 */
const char *
mp_value_get_format (MpValue *self)
{
  g_return_val_if_fail (MP_IS_VALUE (self), NULL);

  return self->format;
}

/**
 * mp_value_get_size:
 * @self: a value
 *
 * Gets how much memory the value takes.
 *
 * Returns: bytes; 0 if its type cannot be
 *
 * Since: 1.0
 */
gsize
mp_value_get_size (MpValue *self)
{
  g_return_val_if_fail (MP_IS_VALUE (self), 0);

  return self->element.size;
}

/**
 * mp_value_get_lock:
 * @self: a value
 *
 * Gets [property@Mp.Value:lock].
 *
 * Returns: (transfer none) (nullable): the lock that goes along with it
 *
 * Since: 1.0
 */
MpLockable *
mp_value_get_lock (MpValue *self)
{
  g_return_val_if_fail (MP_IS_VALUE (self), NULL);

  return self->lock;
}

/**
 * mp_value_get_value:
 * @self: a value
 * @error: return location for an error
 *
 * Gets the value as it is at this moment.
 *
 * Fails where there is no such value: with %MP_ERROR_NOT_SUPPORTED if its type has no fixed
 * size, with %MP_ERROR_WRONG_TYPE if its first content had another type, and with the
 * error of the system if there was no memory. With more than 8 bytes also with
 * %MP_ERROR_TIMED_OUT if a process was stopped in the very moment in which it changed it:
 * after 10 seconds, in a callback of a main loop after 250 ms.
 *
 * Returns: (transfer full): the value, of the type [property@Mp.Value:value-type]
 *
 * Since: 1.0
 */
GVariant *
mp_value_get_value (MpValue  *self,
                    GError  **error)
{
  guint64 stack[N_STACK_WORDS];
  GVariant *value = NULL;
  guint64 *words;

  g_return_val_if_fail (MP_IS_VALUE (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  words = get_room (self, stack);
  if (mp_value_load (self, words, error))
    value = mp_element_read (&self->element, words);
  free_room (words, stack);

  return value;
}

/* The bytes behind a short value stay zero. */
static gboolean
write_value (MpValue   *self,
             GVariant  *value,
             guint64   *words,
             GError   **error)
{
  if (self->element.size == 0)
    return mp_value_load (self, words, error);

  words[mp_value_get_n_words (self) - 1] = 0;
  return mp_element_write (&self->element, value, words, error) && mp_value_store (self, words, error);
}

/**
 * mp_value_set_value:
 * @self: a value
 * @value: what it becomes; sunk if it is floating
 * @error: return location for an error
 *
 * Replaces the value, as a whole.
 *
 * Fails with %MP_ERROR_WRONG_TYPE if @value is not of the type
 * [property@Mp.Value:value-type], with %MP_ERROR_OUT_OF_RANGE if the format has no room
 * for it, and as [method@Mp.Value.get_value] does.
 *
 * Returns: whether it was replaced
 *
 * Since: 1.0
 */
gboolean
mp_value_set_value (MpValue   *self,
                    GVariant  *value,
                    GError   **error)
{
  g_autoptr (GVariant) sunk = NULL;
  guint64 stack[N_STACK_WORDS];
  guint64 *words;
  gboolean was_set;

  g_return_val_if_fail (MP_IS_VALUE (self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  sunk = g_variant_ref_sink (value);
  words = get_room (self, stack);
  was_set = write_value (self, sunk, words, error);
  free_room (words, stack);

  return was_set;
}

/* --- Memory --------------------------------------------------------------- */

/**
 * mp_value_get_address:
 * @self: a value of at most 8 bytes
 * @error: return location for an error
 *
 * Gets where the value lies in the memory of this process, for those who read it
 * directly. It stays there as long as @self does, but a process that is forked has to call
 * this once more, as with [method@Mp.Array.get_address]. Access it in one piece; changes made
 * there are not notified.
 *
 * Fails with %MP_ERROR_NOT_SUPPORTED if the value is longer: such a one is not at one
 * place. An [class@Mp.Array] of one element is.
 *
 * Returns: the address, or 0 with the error set
 *
 * Since: 1.0
 */
guintptr
mp_value_get_address (MpValue  *self,
                      GError  **error)
{
  MpValueLayout *layout;
  guint32 me;

  g_return_val_if_fail (MP_IS_VALUE (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  layout = mp_shared_object_get (&self->shared, &me, error);
  if (layout == NULL)
    return 0;

  if (!mp_value_is_word (self))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
                           "A value of more than 8 bytes is not at one place: use an Mp.Array of one element");
      return 0;
    }

  return (guintptr) &layout->words[0];
}

/**
 * mp_value_copy:
 * @self: a value
 * @error: return location for an error
 *
 * Makes another value with what @self is at this moment, in shared memory of its own and
 * without a lock.
 *
 * Fails as [method@Mp.Value.get_value] does.
 *
 * Returns: (transfer full): the copy
 *
 * Since: 1.0
 */
MpValue *
mp_value_copy (MpValue  *self,
               GError  **error)
{
  g_autoptr (GVariant) value = NULL;

  g_return_val_if_fail (MP_IS_VALUE (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  value = mp_value_get_value (self, error);
  if (value == NULL)
    return NULL;

  return g_object_new (MP_TYPE_VALUE, "value-type", self->value_type, "format", self->format, "value", value, NULL);
}

/**
 * mp_value_synchronize:
 * @self: a value
 * @lock: (nullable): the lock; %NULL: a new [class@Mp.RLock]
 * @error: return location for an error
 *
 * Makes another object for the same value, with a lock that goes along with it. Those
 * who use @self do not heed it.
 *
 * Fails as [method@Mp.Value.get_value] does.
 *
 * Returns: (transfer full): the object
 *
 * Since: 1.0
 */
MpValue *
mp_value_synchronize (MpValue     *self,
                      MpLockable  *lock,
                      GError     **error)
{
  g_autoptr (MpLockable) own = NULL;
  MpSharedObject opened;

  g_return_val_if_fail (MP_IS_VALUE (self), NULL);
  g_return_val_if_fail (lock == NULL || MP_IS_LOCKABLE (lock), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!mp_shared_object_open_again (&self->shared, &opened, error))
    return NULL;

  own = lock != NULL ? g_object_ref (lock) : MP_LOCKABLE (mp_rlock_new ());
  return mp_shared_object_new_received (MP_TYPE_VALUE, &opened, "value-type", self->value_type,
                                        "format", self->format, "lock", own, NULL);
}
