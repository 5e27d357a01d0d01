/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-process.h"

#include <signal.h>
#include <unistd.h>

#include "mp-child-private.h"
#include "mp-clock-private.h"
#include "mp-context-private.h"
#include "mp-enums.h"
#include "mp-error.h"
#include "mp-identity-private.h"
#include "mp-init.h"
#include "mp-interruptible.h"
#include "mp-origin-private.h"
#include "mp-outbox-private.h"
#include "mp-waiters-private.h"
#include "mp-worker-private.h"

G_STATIC_ASSERT (MP_EXIT_CODE_UNKNOWN == MP_EXIT_UNKNOWN);

/**
 * MpProcess:
 *
 * A process that runs a target: a function, by its name.
 *
 * ```c
 * g_autoptr (MpProcess) process = mp_process_new (NULL, "resize", g_variant_new ("(si)", path, 200));
 *
 * g_signal_connect (process, "exited", G_CALLBACK (on_exited), NULL);
 * if (!mp_process_start (process, &error))
 *   …
 * ```
 *
 * The child is bound to the program: when that ends, in whatever way, the child
 * ends. It has a process group of its own, so Ctrl-C in a terminal is the
 * program's affair; its stdin is empty, its stdout and stderr are the program's.
 *
 * A started process object stays alive until it has ended and its signals have
 * been emitted, also without a reference of the caller's. Signals are emitted in
 * the main context that was the thread-default one where the object was made
 * ([property@Mp.Process:main-context]). Blocking calls do not run that context,
 * but they know of the end at once: after [method@Mp.Process.join] the exit
 * code is there, and the signal follows when the context runs.
 *
 * Any thread may use a process object. In a child forked by other means its
 * methods fail with %MP_ERROR_FORKED.
 *
 * Since: 1.0
 */

struct _MpProcess
{
  GObject parent_instance;

  /* set when it is made */
  MpPump *pump;
  MpContext *context; /* NULL: the default one of the target's language */
  char *target;
  MpMessage *arguments;
  gboolean spread;
  char *identity;
  GMainContext *main_context;
  MpOutbox *outbox;
  gboolean is_current; /* not a child, but this process itself */

  /* guarded by the pump's lock */
  char *name;
  gboolean is_daemon;
  gboolean is_closed;
  gboolean is_alive_by_itself; /* holds a reference of its own: from the start until the end was told */
  gboolean was_ready;
  MpChild *child;              /* NULL before the start */
  MpWaiters *waiters;
  int pid;
  int exit_code;

  /* What is to be told in the main context; guarded likewise */
  gboolean letter_is_posted;
  gboolean state_has_changed;
  gboolean has_started;
  gboolean has_exited;
};

G_DEFINE_FINAL_TYPE (MpProcess, mp_process, G_TYPE_OBJECT)

enum
{
  PROP_0,
  PROP_CONTEXT,
  PROP_TARGET,
  PROP_ARGS,
  PROP_MESSAGE,
  PROP_NAME,
  PROP_DAEMON,
  PROP_MAIN_CONTEXT,
  PROP_STATE,
  PROP_PID,
  PROP_EXIT_CODE,
  PROP_ALIVE,
  N_PROPS
};

enum
{
  STARTED,
  EXITED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

/* Those that have a reference of their own; guarded by the lock of the shared pump, which is every process's */
static GPtrArray *living;
/* Those whose end nobody listens for, and whose own reference is to be dropped by the program's next call; guarded
 * likewise.  In a program that runs its main context it has gone before. */
static GPtrArray *unheard;

/* --- its own reference ------------------------------------------------------------------------------------ */

static gboolean
is_listened_to (MpProcess *self)
{
  static const guint told[] = { PROP_STATE, PROP_EXIT_CODE, PROP_ALIVE };
  guint notify = g_signal_lookup ("notify", G_TYPE_OBJECT);

  if (g_signal_has_handler_pending (self, signals[EXITED], 0, TRUE))
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (told); i++)
    if (g_signal_has_handler_pending (self, notify, g_param_spec_get_name_quark (properties[told[i]]), TRUE))
      return TRUE;
  return FALSE;
}

/* Takes the reference that the object has of itself; the caller drops it without the lock */
static MpProcess *
take_own_reference_locked (MpProcess *self)
{
  if (!self->is_alive_by_itself)
    return NULL;
  self->is_alive_by_itself = FALSE;
  g_ptr_array_remove_fast (unheard, self);
  return self;
}

static void
drop_unheard (MpPump *pump)
{
  g_autoptr (GPtrArray) dropped = g_ptr_array_new_with_free_func (g_object_unref);

  mp_pump_lock (pump);
  while (unheard != NULL && unheard->len > 0)
    g_ptr_array_add (dropped, take_own_reference_locked (g_ptr_array_index (unheard, 0)));
  mp_pump_unlock (pump);
}

/* --- what is told in the main context --------------------------------------------------------------------- */

/* Letters name the object weakly: in a program that never runs its main context the last reference can go. */
static void
deliver (gpointer data)
{
  g_autoptr (MpProcess) self = g_weak_ref_get (data);
  g_autoptr (MpProcess) own_reference = NULL;
  gboolean state_has_changed, has_started, has_exited;
  int exit_code;

  if (self == NULL)
    return;

  mp_pump_lock (self->pump);
  self->letter_is_posted = FALSE;
  state_has_changed = self->state_has_changed;
  has_started = self->has_started;
  has_exited = self->has_exited;
  exit_code = self->exit_code;
  if (has_exited)
    own_reference = take_own_reference_locked (self);
  self->state_has_changed = self->has_started = self->has_exited = FALSE;
  mp_pump_unlock (self->pump);

  if (state_has_changed)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
  if (has_started)
    {
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PID]);
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ALIVE]);
      g_signal_emit (self, signals[STARTED], 0);
    }
  if (has_exited)
    {
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_EXIT_CODE]);
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ALIVE]);
      g_signal_emit (self, signals[EXITED], 0, exit_code);
    }
}

static void
free_weak_ref (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

static void
post_letter_locked (MpProcess *self)
{
  GWeakRef *ref;

  if (self->letter_is_posted)
    return;
  self->letter_is_posted = TRUE;
  ref = g_new0 (GWeakRef, 1);
  g_weak_ref_init (ref, self);
  mp_outbox_post (self->outbox, deliver, ref, free_weak_ref);
}

/* --- what the child does ---------------------------------------------------------------------------------- */

static void
on_state_changed (MpChild  *child,
                  gpointer  data)
{
  MpProcess *self = data;

  self->pid = mp_child_get_pid (child);
  switch (mp_child_get_state (child))
    {
    case MP_CHILD_READY:
      self->was_ready = TRUE;
      self->has_started = TRUE;
      break;
    case MP_CHILD_ENDED:
      self->exit_code = mp_child_get_exit_code (child);
      self->has_exited = TRUE;
      g_ptr_array_remove_fast (living, self);
      if (!is_listened_to (self))
        g_ptr_array_add (unheard, self);
      break;
    default:
      break;
    }
  self->state_has_changed = TRUE;
  post_letter_locked (self);
  mp_waiters_check_locked (self->waiters);
}

static void
on_frame (MpChild  *child,
          MpFrame  *frame,
          gpointer  data)
{
}

static const MpChildEvents process_events = { on_state_changed, on_frame };

static gboolean
is_made (gpointer data)
{
  MpProcess *self = data;

  return mp_child_get_state (self->child) >= MP_CHILD_MADE;
}

static gboolean
is_over (gpointer data)
{
  MpProcess *self = data;

  return mp_child_get_state (self->child) == MP_CHILD_ENDED;
}

/* The failure of a child that never came to run; what its target did is another matter */
static gboolean
check_was_ready_locked (MpProcess  *self,
                        GError    **error)
{
  if (!is_over (self) || self->was_ready || mp_child_get_failure (self->child) == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (mp_child_get_failure (self->child)));
  return FALSE;
}

static gboolean
has_begun (gpointer   data,
           GError   **error)
{
  MpProcess *self = data;

  if (!self->was_ready && !is_over (self))
    return FALSE;
  check_was_ready_locked (self, error);
  return TRUE;
}

static gboolean
has_ended (gpointer   data,
           GError   **error)
{
  MpProcess *self = data;

  if (!is_over (self))
    return FALSE;
  check_was_ready_locked (self, error);
  return TRUE;
}

/* --- the object ------------------------------------------------------------------------------------------- */

static void
mp_process_constructed (GObject *object)
{
  MpProcess *self = MP_PROCESS (object);

  self->pump = mp_pump_ref (mp_pump_get_shared ());
  self->outbox = mp_outbox_get (self->main_context);
  self->waiters = mp_waiters_new (self->pump);
  if (self->name == NULL)
    {
      self->identity = mp_identity_new_child ();
      self->name = g_strdup_printf ("Process-%s", self->identity);
    }
  G_OBJECT_CLASS (mp_process_parent_class)->constructed (object);
}

static void
mp_process_dispose (GObject *object)
{
  MpProcess *self = MP_PROCESS (object);

  /* In a process forked by a stranger the lock may be held by a thread that is not there */
  if (self->child != NULL && mp_pump_get_origin (self->pump) == mp_origin_get ())
    {
      mp_pump_lock (self->pump);
      mp_child_forget_locked (self->child);
      mp_pump_unlock (self->pump);
    }
  g_clear_pointer (&self->child, mp_child_unref);
  G_OBJECT_CLASS (mp_process_parent_class)->dispose (object);
}

static void
mp_process_finalize (GObject *object)
{
  MpProcess *self = MP_PROCESS (object);

  mp_waiters_free_locked (self->waiters); /* nobody waits: a waiting task has a reference */
  mp_outbox_unref (self->outbox);
  mp_pump_unref (self->pump);
  g_clear_pointer (&self->main_context, g_main_context_unref);
  g_clear_object (&self->context);
  g_clear_object (&self->arguments);
  g_free (self->target);
  g_free (self->identity);
  g_free (self->name);
  G_OBJECT_CLASS (mp_process_parent_class)->finalize (object);
}

static void
set_arguments (MpProcess *self,
               GVariant  *arguments)
{
  if (arguments == NULL)
    return;
  g_clear_object (&self->arguments);
  self->arguments = mp_message_new (arguments);
  self->spread = g_variant_is_of_type (arguments, G_VARIANT_TYPE_TUPLE);
}

static void
mp_process_get_property (GObject    *object,
                         guint       id,
                         GValue     *value,
                         GParamSpec *pspec)
{
  MpProcess *self = MP_PROCESS (object);

  switch (id)
    {
    case PROP_CONTEXT:
      g_value_set_object (value, self->context);
      break;
    case PROP_TARGET:
      g_value_set_string (value, self->target);
      break;
    case PROP_ARGS:
      if (self->arguments != NULL)
        g_value_take_variant (value, mp_message_get_value (self->arguments, NULL));
      break;
    case PROP_MESSAGE:
      g_value_set_object (value, self->arguments);
      break;
    case PROP_NAME:
      g_value_take_string (value, mp_process_dup_name (self));
      break;
    case PROP_DAEMON:
      g_value_set_boolean (value, mp_process_get_daemon (self));
      break;
    case PROP_MAIN_CONTEXT:
      g_value_set_boxed (value, mp_outbox_get_context (self->outbox));
      break;
    case PROP_STATE:
      g_value_set_enum (value, mp_process_get_state (self));
      break;
    case PROP_PID:
      g_value_set_int (value, mp_process_get_pid (self));
      break;
    case PROP_EXIT_CODE:
      g_value_set_int (value, mp_process_get_exit_code (self));
      break;
    case PROP_ALIVE:
      g_value_set_boolean (value, mp_process_is_alive (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mp_process_set_property (GObject      *object,
                         guint         id,
                         const GValue *value,
                         GParamSpec   *pspec)
{
  MpProcess *self = MP_PROCESS (object);

  switch (id)
    {
    case PROP_CONTEXT:
      self->context = g_value_dup_object (value);
      break;
    case PROP_TARGET:
      self->target = g_value_dup_string (value);
      break;
    case PROP_ARGS:
      set_arguments (self, g_value_get_variant (value));
      break;
    case PROP_MESSAGE:
      if (g_value_get_object (value) != NULL)
        g_set_object (&self->arguments, g_value_get_object (value));
      break;
    case PROP_NAME:
      if (g_value_get_string (value) != NULL)
        mp_process_set_name (self, g_value_get_string (value));
      break;
    case PROP_DAEMON:
      mp_process_set_daemon (self, g_value_get_boolean (value));
      break;
    case PROP_MAIN_CONTEXT:
      self->main_context = g_value_dup_boxed (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mp_process_class_init (MpProcessClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_process_constructed;
  object_class->dispose = mp_process_dispose;
  object_class->finalize = mp_process_finalize;
  object_class->get_property = mp_process_get_property;
  object_class->set_property = mp_process_set_property;

  /**
   * MpProcess:context:
   *
   * How the child is made; %NULL for the default context of the target's language.
   *
   * Since: 1.0
   */
  properties[PROP_CONTEXT] =
    g_param_spec_object ("context", NULL, NULL, MP_TYPE_CONTEXT,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * MpProcess:target:
   *
   * The name of the function to run; %NULL runs nothing.
   *
   * Since: 1.0
   */
  properties[PROP_TARGET] =
    g_param_spec_string ("target", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * MpProcess:args:
   *
   * What the function is called with: a tuple has one member an argument, any
   * other type is the only argument, %NULL is none.
   *
   * Since: 1.0
   */
  properties[PROP_ARGS] =
    g_param_spec_variant ("args", NULL, NULL, G_VARIANT_TYPE_ANY, NULL,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * MpProcess:message:
   *
   * The arguments as a message, for codecs other than GVariant and for what
   * travels beside the value.
   *
   * Since: 1.0
   */
  properties[PROP_MESSAGE] =
    g_param_spec_object ("message", NULL, NULL, MP_TYPE_MESSAGE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * MpProcess:name: (getter dup_name) (setter set_name)
   *
   * A name for people; `Process-1` and so on if none is given.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
    g_param_spec_string ("name", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);
  /**
   * MpProcess:daemon: (getter get_daemon) (setter set_daemon)
   *
   * Whether [func@Mp.shutdown] terminates the process instead of waiting for it.
   *
   * Since: 1.0
   */
  properties[PROP_DAEMON] =
    g_param_spec_boolean ("daemon", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);
  /**
   * MpProcess:main-context:
   *
   * Where signals are emitted; %NULL for the thread-default context.
   *
   * Since: 1.0
   */
  properties[PROP_MAIN_CONTEXT] =
    g_param_spec_boxed ("main-context", NULL, NULL, G_TYPE_MAIN_CONTEXT,
                        G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * MpProcess:state: (getter get_state)
   *
   * Where in its life the process is.
   *
   * Since: 1.0
   */
  properties[PROP_STATE] =
    g_param_spec_enum ("state", NULL, NULL, MP_TYPE_PROCESS_STATE, MP_PROCESS_STATE_INITIAL,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * MpProcess:pid: (getter get_pid)
   *
   * The process id, 0 before there is one.
   *
   * Since: 1.0
   */
  properties[PROP_PID] =
    g_param_spec_int ("pid", NULL, NULL, 0, G_MAXINT, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * MpProcess:exit-code: (getter get_exit_code)
   *
   * The exit code once the process has ended: -N if signal N ended it,
   * %MP_EXIT_CODE_UNKNOWN if that is not known. 0 before.
   *
   * Since: 1.0
   */
  properties[PROP_EXIT_CODE] =
    g_param_spec_int ("exit-code", NULL, NULL, G_MININT, G_MAXINT, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * MpProcess:alive: (getter is_alive)
   *
   * Whether the process exists.
   *
   * Since: 1.0
   */
  properties[PROP_ALIVE] =
    g_param_spec_boolean ("alive", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);

  /**
   * MpProcess::started:
   * @self: the process
   *
   * The child is ready: its target was found and runs.
   *
   * Since: 1.0
   */
  signals[STARTED] = g_signal_new ("started", MP_TYPE_PROCESS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);
  /**
   * MpProcess::exited:
   * @self: the process
   * @exit_code: as [property@Mp.Process:exit-code]
   *
   * The process has ended, or could not be started after all. Emitted once for
   * every process whose start succeeded or was begun.
   *
   * Since: 1.0
   */
  signals[EXITED] = g_signal_new ("exited", MP_TYPE_PROCESS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_INT);
}

static void
mp_process_init (MpProcess *self)
{
}

/**
 * mp_process_new:
 * @context: (nullable): how the child is made, %NULL for the default context of the target's language
 * @target: (nullable): the name of the function to run
 * @args: (nullable): a tuple with one member an argument, or a value of another type as the only one; a
 *   floating reference is sunk
 *
 * Makes a process object. Nothing runs yet.
 *
 * Returns: (transfer full): a new process object
 *
 * Since: 1.0
 */
MpProcess *
mp_process_new (MpContext  *context,
                const char *target,
                GVariant   *args)
{
  g_return_val_if_fail (context == NULL || MP_IS_CONTEXT (context), NULL);

  return g_object_new (MP_TYPE_PROCESS, "context", context, "target", target, "args", args, NULL);
}

/**
 * mp_process_new_with_message:
 * @context: (nullable): how the child is made, %NULL for the default context of the target's language
 * @target: (nullable): the name of the function to run
 * @arguments: (nullable): what it is called with
 *
 * Like [ctor@Mp.Process.new], for arguments that are not just a value.
 *
 * Returns: (transfer full): a new process object
 *
 * Since: 1.0
 */
MpProcess *
mp_process_new_with_message (MpContext  *context,
                             const char *target,
                             MpMessage  *arguments)
{
  g_return_val_if_fail (context == NULL || MP_IS_CONTEXT (context), NULL);
  g_return_val_if_fail (arguments == NULL || MP_IS_MESSAGE (arguments), NULL);

  return g_object_new (MP_TYPE_PROCESS, "context", context, "target", target, "message", arguments, NULL);
}

/* --- checks ----------------------------------------------------------------------------------------------- */

static gboolean
check_origin (MpProcess  *self,
              GError    **error)
{
  return mp_origin_check (mp_pump_get_origin (self->pump), "This process object", error);
}

static gboolean
check_started_locked (MpProcess  *self,
                      GError    **error)
{
  if (self->is_current)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                 "'%s' is this process: it cannot wait for itself or end itself this way", self->name);
  else if (self->is_closed)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "'%s' is closed", self->name);
  else if (self->child == NULL)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "'%s' was not started: call mp_process_start() first",
                 self->name);
  else
    return TRUE;
  return FALSE;
}

/* --- starting --------------------------------------------------------------------------------------------- */

static gboolean
start_locked (MpProcess  *self,
              GError    **error)
{
  MpContext *context = self->context;
  MpChildSpec spec = {
    .role = "process",
    .name = self->name,
    .identity = self->identity,
    .target = self->target,
    .arguments = self->arguments,
    .spread = self->spread,
  };

  if (self->child != NULL || self->is_current)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "'%s' was started already: make a new process object",
                   self->name);
      return FALSE;
    }
  if (context == NULL)
    context = mp_context_get_for_target (self->target, error);
  if (context == NULL)
    return FALSE;

  spec.context = context;
  self->child = mp_child_new (self->pump, &spec, &process_events, self, error);
  if (self->child == NULL)
    return FALSE;

  if (living == NULL)
    {
      living = g_ptr_array_new ();
      unheard = g_ptr_array_new ();
    }
  g_ptr_array_add (living, self);
  self->is_alive_by_itself = TRUE;
  self->state_has_changed = TRUE;
  post_letter_locked (self);
  g_object_ref (self);
  mp_child_start_locked (self->child);
  return TRUE;
}

/**
 * mp_process_start:
 * @self: a process that was not started
 * @error: return location for an error
 *
 * Starts the process, and returns when the child is made.
 *
 * That takes a few milliseconds, with the first child of a context also the
 * time that its template needs to start. What goes wrong before the target runs
 * is told by [method@Mp.Process.join] and [signal@Mp.Process::exited];
 * [method@Mp.Process.start_async] waits for that.
 *
 * Errors: %MP_ERROR_START_FAILED, %MP_ERROR_NO_TARGET (as far as it can be known
 * here), %MP_ERROR_NOT_INITIALIZED, %MP_ERROR_NOT_SUPPORTED (the start method),
 * %MP_ERROR_INVALID_STATE (started before), %MP_ERROR_FORKED.
 *
 * Returns: %TRUE if the child exists
 *
 * Since: 1.0
 */
gboolean
mp_process_start (MpProcess  *self,
                  GError    **error)
{
  gboolean ok, was_interruptible = mp_thread_get_interruptible ();

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (!check_origin (self, error))
    return FALSE;

  /* Half a start would be of no use to whoever was interrupted, and it is over in a moment */
  mp_thread_set_interruptible (FALSE);
  drop_unheard (self->pump);
  mp_pump_lock (self->pump);
  ok = start_locked (self, error)
       && mp_pump_wait_locked (self->pump, is_made, self, MP_DEADLINE_NEVER, NULL, error)
       && check_was_ready_locked (self, error);
  mp_pump_unlock (self->pump);
  mp_thread_set_interruptible (was_interruptible);
  return ok;
}

/**
 * mp_process_start_async:
 * @self: a process that was not started
 * @cancellable: (nullable): ends the wait, not the child
 * @callback: called when the child is ready
 * @user_data: for @callback
 *
 * Starts the process, and tells when its target runs.
 *
 * Since: 1.0
 */
void
mp_process_start_async (MpProcess           *self,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (MP_IS_PROCESS (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_process_start_async);
  if (!check_origin (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  mp_pump_lock (self->pump);
  if (start_locked (self, &error))
    mp_waiters_add_locked (self->waiters, g_steal_pointer (&task), MP_DEADLINE_NEVER, has_begun, self);
  mp_pump_unlock (self->pump);
  if (error != NULL)
    g_task_return_error (task, error);
}

/**
 * mp_process_start_finish:
 * @self: a process
 * @result: what the callback got
 * @error: return location for an error
 *
 * Errors: as [method@Mp.Process.start], and whatever kept the child from
 * becoming ready: %MP_ERROR_NO_TARGET, %MP_ERROR_START_FAILED, %MP_ERROR_REMOTE (its
 * module could not be loaded).
 *
 * Returns: %TRUE if the target runs, or has run
 *
 * Since: 1.0
 */
gboolean
mp_process_start_finish (MpProcess     *self,
                         GAsyncResult  *result,
                         GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- waiting for the end ---------------------------------------------------------------------------------- */

/**
 * mp_process_join:
 * @self: a process that was started
 * @timeout: seconds; negative waits for ever, 0 only looks
 * @cancellable: (nullable): ends the wait
 * @error: return location for an error
 *
 * Waits until the process has ended. It may be joined many times, by many
 * threads.
 *
 * Errors: %MP_ERROR_TIMED_OUT, %MP_ERROR_INVALID_STATE (not started, or this process
 * itself), %MP_ERROR_INTERRUPTED, %MP_ERROR_FORKED, %G_IO_ERROR_CANCELLED; and if the
 * process ended before its target ran, what kept it from running:
 * %MP_ERROR_START_FAILED, %MP_ERROR_NO_TARGET, %MP_ERROR_REMOTE. How the target ended
 * is told by [property@Mp.Process:exit-code] and [method@Mp.Process.check].
 *
 * Returns: %TRUE if the process has ended after running its target
 *
 * Since: 1.0
 */
gboolean
mp_process_join (MpProcess     *self,
                 gdouble        timeout,
                 GCancellable  *cancellable,
                 GError       **error)
{
  gboolean ok;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (!check_origin (self, error))
    return FALSE;

  mp_pump_lock (self->pump);
  ok = check_started_locked (self, error)
       && mp_pump_wait_locked (self->pump, is_over, self, mp_deadline_from_timeout (timeout), cancellable, error)
       && check_was_ready_locked (self, error);
  mp_pump_unlock (self->pump);
  drop_unheard (self->pump); /* the caller has a reference to this one */
  return ok;
}

/**
 * mp_process_join_async:
 * @self: a process that was started
 * @timeout: seconds; negative waits for ever, 0 only looks
 * @cancellable: (nullable): ends the wait
 * @callback: called when the process has ended
 * @user_data: for @callback
 *
 * Tells when the process has ended; the asynchronous form of
 * [method@Mp.Process.join].
 *
 * Since: 1.0
 */
void
mp_process_join_async (MpProcess           *self,
                       gdouble              timeout,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;

  g_return_if_fail (MP_IS_PROCESS (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mp_process_join_async);
  if (!check_origin (self, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  mp_pump_lock (self->pump);
  if (check_started_locked (self, &error))
    mp_waiters_add_locked (self->waiters, g_steal_pointer (&task), mp_deadline_from_timeout (timeout),
                           has_ended, self);
  mp_pump_unlock (self->pump);
  if (error != NULL)
    g_task_return_error (task, error);
}

/**
 * mp_process_join_finish:
 * @self: a process
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends what [method@Mp.Process.join_async] began.
 *
 * Returns: %TRUE if the process has ended after running its target; errors as [method@Mp.Process.join]
 *
 * Since: 1.0
 */
gboolean
mp_process_join_finish (MpProcess     *self,
                        GAsyncResult  *result,
                        GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- ending it -------------------------------------------------------------------------------------------- */

static gboolean
send_signal (MpProcess  *self,
             int         number,
             GError    **error)
{
  gboolean ok;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (!check_origin (self, error))
    return FALSE;

  mp_pump_lock (self->pump);
  ok = check_started_locked (self, error) && mp_child_signal_locked (self->child, number, error);
  mp_pump_unlock (self->pump);
  return ok;
}

/**
 * mp_process_terminate:
 * @self: a process that was started
 * @error: return location for an error
 *
 * Asks the process to end, by SIGTERM. One that has ended is no error.
 *
 * Objects that it shares with others stay usable for them.
 *
 * Returns: %TRUE if the signal was sent, or nothing was left to be sent to
 *
 * Since: 1.0
 */
gboolean
mp_process_terminate (MpProcess  *self,
                      GError    **error)
{
  return send_signal (self, SIGTERM, error);
}

/**
 * mp_process_kill:
 * @self: a process that was started
 * @error: return location for an error
 *
 * Ends the process, by SIGKILL. One that has ended is no error.
 *
 * Returns: %TRUE if the signal was sent, or nothing was left to be sent to
 *
 * Since: 1.0
 */
gboolean
mp_process_kill (MpProcess  *self,
                 GError    **error)
{
  return send_signal (self, SIGKILL, error);
}

/**
 * mp_process_interrupt:
 * @self: a process that was started
 * @error: return location for an error
 *
 * Does to the process what Ctrl-C does, by SIGINT. One that has ended is no error.
 *
 * Returns: %TRUE if the signal was sent, or nothing was left to be sent to
 *
 * Since: 1.0
 */
gboolean
mp_process_interrupt (MpProcess  *self,
                      GError    **error)
{
  return send_signal (self, SIGINT, error);
}

/**
 * mp_process_close:
 * @self: a process
 * @error: return location for an error
 *
 * Says that the object is not needed any more. Afterwards it can only be asked
 * for its name, state and exit code.
 *
 * Returns: %TRUE, or %FALSE with %MP_ERROR_INVALID_STATE while the process is alive
 *
 * Since: 1.0
 */
gboolean
mp_process_close (MpProcess  *self,
                  GError    **error)
{
  gboolean ok = TRUE;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  if (!check_origin (self, error))
    return FALSE;

  mp_pump_lock (self->pump);
  if (self->is_current || (self->child != NULL && !is_over (self)))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                   "'%s' is still running: join it, or end it first", self->name);
      ok = FALSE;
    }
  else
    {
      self->is_closed = TRUE;
    }
  mp_pump_unlock (self->pump);
  return ok;
}

/* --- looking at it ---------------------------------------------------------------------------------------- */

static MpProcessState
get_state_locked (MpProcess *self)
{
  if (self->is_closed)
    return MP_PROCESS_STATE_CLOSED;
  if (self->is_current)
    return MP_PROCESS_STATE_RUNNING;
  if (self->child == NULL)
    return MP_PROCESS_STATE_INITIAL;
  if (is_over (self))
    return MP_PROCESS_STATE_STOPPED;
  return self->was_ready ? MP_PROCESS_STATE_RUNNING : MP_PROCESS_STATE_STARTING;
}

/**
 * mp_process_get_state: (get-property state)
 * @self: a process
 *
 * Tells where in its life the process is.
 *
 * Returns: where in its life the process is
 *
 * Since: 1.0
 */
MpProcessState
mp_process_get_state (MpProcess *self)
{
  MpProcessState state;

  g_return_val_if_fail (MP_IS_PROCESS (self), MP_PROCESS_STATE_CLOSED);

  mp_pump_lock (self->pump);
  state = get_state_locked (self);
  mp_pump_unlock (self->pump);
  return state;
}

static gboolean
always_false (gpointer data)
{
  return FALSE;
}

/* One look at what the kernel says, so that a death is not seen later than by somebody who asks the kernel */
static void
look_locked (MpProcess *self)
{
  if (self->child != NULL && !is_over (self) && mp_pump_get_origin (self->pump) == mp_origin_get ())
    mp_pump_wait_locked (self->pump, always_false, NULL, MP_DEADLINE_NOW, NULL, NULL);
}

/**
 * mp_process_is_alive: (get-property alive)
 * @self: a process
 *
 * Tells whether the process was started and has not ended.
 *
 * Returns: whether the process was started and has not ended
 *
 * Since: 1.0
 */
gboolean
mp_process_is_alive (MpProcess *self)
{
  gboolean is_alive;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  mp_pump_lock (self->pump);
  look_locked (self);
  is_alive = self->is_current || (self->child != NULL && !is_over (self));
  mp_pump_unlock (self->pump);
  return is_alive;
}

/**
 * mp_process_get_pid: (get-property pid)
 * @self: a process
 *
 * Gives the process id, 0 before there is one.
 *
 * Returns: the process id, 0 before there is one
 *
 * Since: 1.0
 */
int
mp_process_get_pid (MpProcess *self)
{
  int pid;

  g_return_val_if_fail (MP_IS_PROCESS (self), 0);

  mp_pump_lock (self->pump);
  pid = self->pid;
  mp_pump_unlock (self->pump);
  return pid;
}

/**
 * mp_process_get_exit_code: (get-property exit-code)
 * @self: a process
 *
 * Gives the exit code, -N if signal N ended it, %MP_EXIT_CODE_UNKNOWN if that
 * is not known.
 *
 * Returns: the exit code, -N if signal N ended it, %MP_EXIT_CODE_UNKNOWN if that is not known; 0 as long as it
 *   has not ended
 *
 * Since: 1.0
 */
int
mp_process_get_exit_code (MpProcess *self)
{
  int exit_code;

  g_return_val_if_fail (MP_IS_PROCESS (self), 0);

  mp_pump_lock (self->pump);
  look_locked (self);
  exit_code = self->exit_code;
  mp_pump_unlock (self->pump);
  return exit_code;
}

/**
 * mp_process_get_sentinel:
 * @self: a process
 *
 * Gives a descriptor that becomes readable when the process ends, to be waited
 * for together with others.
 *
 * It is a pidfd and stays the library's: do not close it. It is closed when
 * the end of the process has been seen.
 *
 * Returns: the descriptor, or -1 if the process does not exist (yet, or any more)
 *
 * Since: 1.0
 */
int
mp_process_get_sentinel (MpProcess *self)
{
  int fd;

  g_return_val_if_fail (MP_IS_PROCESS (self), -1);

  mp_pump_lock (self->pump);
  fd = self->child != NULL ? mp_child_get_pidfd (self->child) : -1;
  mp_pump_unlock (self->pump);
  return fd;
}

/**
 * mp_process_dup_name: (get-property name)
 * @self: a process
 *
 * Gives the name.
 *
 * Returns: (transfer full): the name
 *
 * Since: 1.0
 */
char *
mp_process_dup_name (MpProcess *self)
{
  char *name;

  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  mp_pump_lock (self->pump);
  name = g_strdup (self->name);
  mp_pump_unlock (self->pump);
  return name;
}

/**
 * mp_process_set_name: (set-property name)
 * @self: a process
 * @name: a name for people; several processes may have the same
 *
 * Names the process. A child that has been started knows the name that it had
 * then.
 *
 * Since: 1.0
 */
void
mp_process_set_name (MpProcess  *self,
                     const char *name)
{
  g_return_if_fail (MP_IS_PROCESS (self));
  g_return_if_fail (name != NULL);

  if (self->pump != NULL)
    mp_pump_lock (self->pump);
  g_free (self->name);
  self->name = g_strdup (name);
  if (self->pump != NULL)
    mp_pump_unlock (self->pump);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}

/**
 * mp_process_get_daemon: (get-property daemon)
 * @self: a process
 *
 * Tells whether [func@Mp.shutdown] terminates the process instead of waiting
 * for it.
 *
 * Returns: whether [func@Mp.shutdown] terminates the process instead of waiting for it
 *
 * Since: 1.0
 */
gboolean
mp_process_get_daemon (MpProcess *self)
{
  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  return g_atomic_int_get (&self->is_daemon);
}

/**
 * mp_process_set_daemon: (set-property daemon)
 * @self: a process that was not started
 * @is_daemon: whether [func@Mp.shutdown] terminates the process instead of waiting for it
 *
 * Sets what becomes of the process at the end of the program.
 *
 * Since: 1.0
 */
void
mp_process_set_daemon (MpProcess *self,
                       gboolean   is_daemon)
{
  g_return_if_fail (MP_IS_PROCESS (self));
  g_return_if_fail (self->child == NULL);

  g_atomic_int_set (&self->is_daemon, is_daemon);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_DAEMON]);
}

/**
 * mp_process_check:
 * @self: a process that was started
 * @error: return location for an error
 *
 * Tells as an error what went wrong in a process that has ended.
 *
 * Errors: what kept the target from running; the target's own error with its
 * domain and code if this process knows the domain, else %MP_ERROR_REMOTE; %MP_ERROR_FAILED
 * naming the exit code or the signal; %MP_ERROR_INVALID_STATE while it has not ended.
 *
 * Returns: %TRUE if the process has ended with exit code 0
 *
 * Since: 1.0
 */
gboolean
mp_process_check (MpProcess  *self,
                  GError    **error)
{
  gboolean ok = FALSE;

  g_return_val_if_fail (MP_IS_PROCESS (self), FALSE);

  mp_pump_lock (self->pump);
  look_locked (self);
  if (!check_started_locked (self, error))
    {
      ;
    }
  else if (!is_over (self))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "'%s' has not ended", self->name);
    }
  else if (mp_child_get_failure (self->child) != NULL)
    {
      g_propagate_error (error, g_error_copy (mp_child_get_failure (self->child)));
    }
  else if (self->exit_code != 0)
    {
      g_autofree char *end = mp_exit_code_to_string (self->exit_code);

      g_set_error (error, MP_ERROR, MP_ERROR_FAILED, "'%s' ended with %s", self->name, end);
    }
  else
    {
      ok = TRUE;
    }
  mp_pump_unlock (self->pump);
  return ok;
}

/**
 * mp_process_get_report:
 * @self: a process
 *
 * Gives the error that the child reported, with all that its language says of it.
 *
 * Returns: (transfer full) (nullable): (sissssay): error domain, code, message; class and traceback in the
 *   child's language; codec and bytes of the error itself, both empty if there is none. %NULL if nothing was
 *   reported
 *
 * Since: 1.0
 */
GVariant *
mp_process_get_report (MpProcess *self)
{
  GVariant *report;

  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  mp_pump_lock (self->pump);
  report = self->child != NULL ? mp_child_get_report (self->child) : NULL;
  if (report != NULL)
    g_variant_ref (report);
  mp_pump_unlock (self->pump);
  return report;
}

static const char *
state_to_string (MpProcessState state)
{
  static const char *names[] = { "initial", "starting", "started", "stopped", "closed" };

  return names[state];
}

/**
 * mp_process_to_string:
 * @self: a process
 *
 * Describes the object in a line, for people.
 *
 * Returns: (transfer full): `<Mp.Process name='Process-1' pid=4711 started>`, for people
 *
 * Since: 1.0
 */
char *
mp_process_to_string (MpProcess *self)
{
  GString *text = g_string_new (NULL);
  MpProcessState state;

  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  mp_pump_lock (self->pump);
  state = get_state_locked (self);
  g_string_append_printf (text, "<Mp.Process name='%s'", self->name);
  if (self->pid > 0)
    g_string_append_printf (text, " pid=%d", self->pid);
  g_string_append_printf (text, " %s", state_to_string (state));
  if (state == MP_PROCESS_STATE_STOPPED)
    {
      g_autofree char *end = mp_exit_code_to_string (self->exit_code);

      g_string_append_printf (text, " (%s)", end);
    }
  if (self->is_daemon)
    g_string_append (text, " daemon");
  g_string_append_c (text, '>');
  mp_pump_unlock (self->pump);
  return g_string_free (text, FALSE);
}

/* --- all of them ------------------------------------------------------------------------------------------ */

/**
 * mp_process_get_current:
 *
 * Gives the object of the process that calls: its name is `MainProcess` in the
 * program that the user started, and what the parent called it in a child.
 *
 * Returns: (transfer none): this process
 *
 * Since: 1.0
 */
MpProcess *
mp_process_get_current (void)
{
  static MpProcess *current;
  static GMutex lock;

  g_mutex_lock (&lock);
  if (current == NULL || mp_pump_get_origin (current->pump) != mp_origin_get ())
    {
      current = g_object_new (MP_TYPE_PROCESS, "name", mp_identity_get_name (), NULL);
      current->is_current = TRUE;
      current->pid = getpid ();
    }
  g_mutex_unlock (&lock);
  return current;
}

static GPtrArray *
ref_living (void)
{
  MpPump *pump = mp_pump_get_shared ();
  GPtrArray *processes = g_ptr_array_new_with_free_func (g_object_unref);

  drop_unheard (pump);
  mp_pump_lock (pump);
  mp_pump_wait_locked (pump, always_false, NULL, MP_DEADLINE_NOW, NULL, NULL);
  for (guint i = 0; living != NULL && i < living->len; i++)
    {
      MpProcess *process = g_ptr_array_index (living, i);

      if (process->pump == pump)
        g_ptr_array_add (processes, g_object_ref (process));
    }
  mp_pump_unlock (pump);
  return processes;
}

/**
 * mp_process_get_children:
 *
 * Lists the processes that this one has started as [class@Mp.Process] and that
 * have not ended.
 *
 * Returns: (transfer full): a list of [class@Mp.Process], as it is now: it does not change any more
 *
 * Since: 1.0
 */
GListModel *
mp_process_get_children (void)
{
  g_autoptr (GPtrArray) processes = ref_living ();
  GListStore *list = g_list_store_new (MP_TYPE_PROCESS);

  g_list_store_splice (list, 0, 0, processes->pdata, processes->len);
  return G_LIST_MODEL (list);
}

/* --- the end of the program ------------------------------------------------------------------------------- */

static GPtrArray *
begin_shutdown (void)
{
  GPtrArray *processes = ref_living ();

  for (guint i = 0; i < processes->len; i++)
    if (mp_process_get_daemon (g_ptr_array_index (processes, i)))
      mp_process_terminate (g_ptr_array_index (processes, i), NULL);
  return processes;
}

/* A process that has ended is all that is wanted, however it did */
static gboolean
check_ended (MpProcess  *process,
             GError     *failure,
             GError    **error)
{
  if (failure == NULL || mp_process_get_state (process) == MP_PROCESS_STATE_STOPPED)
    {
      g_clear_error (&failure);
      return TRUE;
    }
  g_propagate_prefixed_error (error, failure, "Process '%s' has not ended: ", process->name);
  return FALSE;
}

/**
 * mp_shutdown:
 * @timeout: seconds to wait for all together; negative waits for ever
 * @cancellable: (nullable): ends the wait
 * @error: return location for an error
 *
 * Ends the program's children in order: terminates those that are daemons,
 * waits for all others.
 *
 * Call it at the end of the main function. Children that still run when the
 * program ends are killed.
 *
 * Errors: %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED, %G_IO_ERROR_CANCELLED.
 *
 * Returns: %TRUE if all have ended
 *
 * Since: 1.0
 */
gboolean
mp_shutdown (gdouble        timeout,
             GCancellable  *cancellable,
             GError       **error)
{
  g_autoptr (GPtrArray) processes = begin_shutdown ();
  gint64 deadline = mp_deadline_from_timeout (timeout);

  for (guint i = 0; i < processes->len; i++)
    {
      MpProcess *process = g_ptr_array_index (processes, i);
      GError *failure = NULL;

      mp_process_join (process, mp_deadline_to_timeout (deadline), cancellable, &failure);
      if (!check_ended (process, failure, error))
        return FALSE;
    }
  return TRUE;
}

typedef struct
{
  GPtrArray *processes; /* the last is waited for next */
  gint64 deadline;
} Shutdown;

static void
shutdown_free (gpointer data)
{
  Shutdown *self = data;

  g_ptr_array_unref (self->processes);
  g_free (self);
}

static void join_next (GTask *task);

static void
on_joined (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  g_autoptr (GTask) task = data;
  Shutdown *shutdown = g_task_get_task_data (task);
  GError *failure = NULL, *error = NULL;

  mp_process_join_finish (MP_PROCESS (source), result, &failure);
  if (!check_ended (MP_PROCESS (source), failure, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  g_ptr_array_set_size (shutdown->processes, (int) shutdown->processes->len - 1);
  join_next (g_steal_pointer (&task));
}

static void
join_next (GTask *task)
{
  Shutdown *shutdown = g_task_get_task_data (task);

  if (shutdown->processes->len == 0)
    {
      g_task_return_boolean (task, TRUE);
      g_object_unref (task);
      return;
    }
  mp_process_join_async (g_ptr_array_index (shutdown->processes, shutdown->processes->len - 1),
                         mp_deadline_to_timeout (shutdown->deadline), g_task_get_cancellable (task),
                         on_joined, task);
}

/**
 * mp_shutdown_async:
 * @timeout: seconds to wait for all together; negative waits for ever
 * @cancellable: (nullable): ends the wait
 * @callback: called when all have ended
 * @user_data: for @callback
 *
 * Ends the program's children in order; the asynchronous form of
 * [func@Mp.shutdown].
 *
 * Since: 1.0
 */
void
mp_shutdown_async (gdouble              timeout,
                   GCancellable        *cancellable,
                   GAsyncReadyCallback  callback,
                   gpointer             user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Shutdown *shutdown = g_new (Shutdown, 1);

  g_task_set_source_tag (task, mp_shutdown_async);
  shutdown->processes = begin_shutdown ();
  shutdown->deadline = mp_deadline_from_timeout (timeout);
  g_task_set_task_data (task, shutdown, shutdown_free);
  join_next (task);
}

/**
 * mp_shutdown_finish:
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends what [func@Mp.shutdown_async] began.
 *
 * Returns: %TRUE if all have ended; errors as [func@Mp.shutdown]
 *
 * Since: 1.0
 */
gboolean
mp_shutdown_finish (GAsyncResult  *result,
                    GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
