/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-process-private.h"

#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "mp-engine-private.h"
#include "mp-enums.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-fork-private.h"
#include "mp-identity-private.h"
#include "mp-log-private.h"
#include "mp-origin-private.h"
#include "mp-thread-private.h"

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
 * Any thread may use a process object. In a child forked by other means, by
 * fork(), it can be asked what was known of it then; what would act or wait
 * fails with %MP_ERROR_FORKED, and its signals are emitted in the parent alone.
 *
 * Since: 1.0
 */

G_DEFINE_FINAL_TYPE_WITH_CODE (MpProcess, mp_process, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_WAITABLE, mp_process_waitable_init))

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
/* What is to be told of those that cannot begin, how many that are with the one that is being told, and whether
 * there is a thread that does it; guarded likewise */
static GQueue tales = G_QUEUE_INIT;
static guint n_being_told;
static gboolean is_telling;

/* What is in them is the parent's */
static void
forget_processes (void)
{
  if (living != NULL)
    living = unheard = NULL;
  g_queue_init (&tales);
  n_being_told = 0;
  is_telling = FALSE;
}

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (NULL, forget_processes);
}

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

void
mp_process_drop_unheard (MpPump *pump)
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
  gboolean state_has_changed, has_started, has_ended, has_exited;
  int exit_code;

  if (self == NULL)
    return;

  mp_pump_lock (self->pump);
  self->letter_is_posted = FALSE;
  state_has_changed = self->state_has_changed;
  has_started = self->has_started;
  has_ended = self->has_ended;
  has_exited = self->has_exited;
  exit_code = self->exit_code;
  if (has_ended)
    own_reference = take_own_reference_locked (self);
  self->state_has_changed = self->has_started = self->has_ended = self->has_exited = FALSE;
  mp_pump_unlock (self->pump);

  if (state_has_changed)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
  if (has_started)
    {
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PID]);
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ALIVE]);
      g_signal_emit (self, signals[STARTED], 0);
    }
  if (has_ended)
    {
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_EXIT_CODE]);
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ALIVE]);
    }
  if (has_exited)
    g_signal_emit (self, signals[EXITED], 0, exit_code);
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

/* --- one that cannot begin -------------------------------------------------------------------------------- */

/* Nobody waits for the start of a process whose start() has returned, and somebody may wait for what it was to do:
 * for an item of a queue, or a client of a listener, which never comes.  So the log has it at once, whatever the
 * program's threads do.  A log writer is the program's: it may wait for a thread that waits for mp-engine, so
 * another thread calls it, which has a stack of the usual size. */

static void
tell_all (gpointer data)
{
  MpPump *pump = data;
  char *text;

  mp_pump_lock (pump);
  while ((text = g_queue_pop_head (&tales)) != NULL)
    {
      mp_pump_unlock (pump);
      mp_log_subwarning ("%s", text);
      g_free (text);
      mp_pump_lock (pump);
      n_being_told--;
      mp_pump_changed_locked (pump);
    }
  is_telling = FALSE;
  mp_pump_unlock (pump);
  mp_pump_unref (pump);
}

static void *
tell_main (void *data)
{
  prctl (PR_SET_NAME, "mp-log");
  tell_all (data);
  return NULL;
}

static void
tell_failure_locked (MpProcess *self,
                     MpChild   *child)
{
  const char *name = mp_child_get_name (child), *reason;

  if (self->start_takes_readiness || self->failure_was_told || !mp_child_cannot_begin (child))
    return;
  self->failure_was_told = TRUE;
  reason = mp_child_get_failure (child)->message; /* most name it */
  g_queue_push_tail (&tales, strstr (reason, name) != NULL ? g_strdup (reason)
                                                           : g_strdup_printf ("%s: %s", name, reason));
  n_being_told++;
  if (is_telling)
    return;
  is_telling = TRUE;
  mp_pump_ref (self->pump);
  if (mp_thread_start (tell_main, self->pump, 0, NULL) != 0)
    mp_engine_run (tell_all, self->pump);
}

static gboolean
is_all_told (gpointer data)
{
  return n_being_told == 0;
}

void
mp_process_wait_told (gint64        deadline,
                      GCancellable *cancellable)
{
  MpPump *pump = mp_pump_get_shared ();

  mp_pump_lock (pump);
  if (!is_all_told (NULL))
    mp_pump_wait_locked (pump, is_all_told, NULL, deadline, cancellable, NULL);
  mp_pump_unlock (pump);
}

/* --- what the child does ---------------------------------------------------------------------------------- */

static void
on_state_changed (MpChild  *child,
                  gpointer  data)
{
  MpProcess *self = data;

  self->pid = mp_child_get_pid (child);
  tell_failure_locked (self, child);
  switch (mp_child_get_state (child))
    {
    case MP_CHILD_READY:
      self->was_ready = TRUE;
      self->has_started = TRUE;
      break;
    case MP_CHILD_ENDED:
      self->exit_code = mp_child_get_exit_code (child);
      self->has_ended = TRUE;
      self->has_exited = !mp_process_start_failed_locked (self);
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

static void
on_failed (MpChild  *child,
           gpointer  data)
{
  tell_failure_locked (data, child);
}

const MpChildEvents mp_process_events = { on_state_changed, on_frame, on_failed };

void
mp_process_begin_locked (MpProcess *self)
{
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
}

gboolean
mp_process_is_over (gpointer data)
{
  MpProcess *self = data;

  return mp_child_get_state (self->child) == MP_CHILD_ENDED;
}

gboolean
mp_process_start_failed_locked (MpProcess *self)
{
  if (!mp_process_is_over (self) || mp_child_get_failure (self->child) == NULL)
    return FALSE;
  return self->start_takes_readiness ? !self->was_ready : mp_child_get_pid (self->child) == 0;
}

void
mp_process_look_locked (MpProcess *self)
{
  if (self->child != NULL && !mp_process_is_over (self))
    mp_pump_look_locked (self->pump);
}

GPtrArray *
mp_process_ref_living (void)
{
  MpPump *pump = mp_pump_get_shared ();
  GPtrArray *processes = g_ptr_array_new_with_free_func (g_object_unref);

  mp_process_drop_unheard (pump);
  mp_pump_lock (pump);
  mp_pump_look_locked (pump);
  for (guint i = 0; living != NULL && i < living->len; i++)
    {
      MpProcess *process = g_ptr_array_index (living, i);

      if (process->pump == pump)
        g_ptr_array_add (processes, g_object_ref (process));
    }
  mp_pump_unlock (pump);
  return processes;
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
  g_clear_object (&self->auth_key);
  g_free (self->target);
  g_free (self->identity);
  g_free (self->name);
  mp_fd_close (&self->sentinel);
  G_OBJECT_CLASS (mp_process_parent_class)->finalize (object);
}

static void
set_arguments (MpProcess *self,
               GVariant  *arguments)
{
  g_autoptr (MpMessage) message = NULL;

  if (arguments == NULL)
    return;
  message = mp_message_new (arguments);
  mp_process_set_message (self, message);
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
      {
        g_autoptr (MpMessage) arguments = mp_process_ref_message (self);

        if (arguments != NULL)
          g_value_take_variant (value, mp_message_get_value (arguments, NULL));
        break;
      }
    case PROP_MESSAGE:
      g_value_take_object (value, mp_process_ref_message (self));
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
        mp_process_set_message (self, g_value_get_object (value));
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
   * MpProcess:message: (getter ref_message) (setter set_message)
   *
   * The arguments as a message, for codecs other than GVariant and for what
   * travels beside the value. It can be set until the process is started.
   *
   * Since: 1.0
   */
  properties[PROP_MESSAGE] =
    g_param_spec_object ("message", NULL, NULL, MP_TYPE_MESSAGE,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);
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
   * Where in its life the process is. After a start that failed it is
   * %MP_PROCESS_STATE_STOPPED if a child was asked for; where what it was to be
   * was refused at once (%MP_ERROR_NO_TARGET for an unknown name,
   * %MP_ERROR_NOT_INITIALIZED, %MP_ERROR_NOT_SUPPORTED, arguments that cannot be
   * sent) it is %MP_PROCESS_STATE_INITIAL still, and it may be started again.
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
   * %MP_EXIT_CODE_UNKNOWN if that is not known. 0 before. Of one that could not
   * be made, since its fork server died twice meanwhile, it is that of the latter.
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
   * The process has ended. Emitted once for every process whose start
   * succeeded. A start that fails tells so itself, and nothing more is to be
   * heard of the process: that is one that could not be made
   * ([method@Mp.Process.start]), or that ended before its target ran
   * ([method@Mp.Process.start_async]).
   *
   * Since: 1.0
   */
  signals[EXITED] = g_signal_new ("exited", MP_TYPE_PROCESS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_INT);
}

static void
mp_process_init (MpProcess *self)
{
  self->sentinel = -1;
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

/**
 * mp_process_ref_message: (get-property message)
 * @self: a process
 *
 * Gives what the target is called with.
 *
 * Returns: (transfer full) (nullable): the arguments, %NULL for none
 *
 * Since: 1.0
 */
MpMessage *
mp_process_ref_message (MpProcess *self)
{
  MpMessage *arguments;

  g_return_val_if_fail (MP_IS_PROCESS (self), NULL);

  mp_pump_lock (self->pump);
  arguments = self->arguments != NULL ? g_object_ref (self->arguments) : NULL;
  mp_pump_unlock (self->pump);
  return arguments;
}

/* A tuple is a list of arguments, anything else is one */
static gboolean
is_spread (MpMessage *arguments)
{
  const char *type = arguments != NULL ? mp_message_get_type_string (arguments) : NULL;

  return type != NULL && type[0] == '(';
}

/**
 * mp_process_set_message: (set-property message)
 * @self: a process that was not started
 * @arguments: (nullable): a GVariant tuple with one member an argument, any other GVariant as the only
 *   argument, or what the target's language makes of another codec; %NULL for none
 *
 * Sets what the target is called with, for whoever knows that only at the start.
 *
 * Since: 1.0
 */
void
mp_process_set_message (MpProcess *self,
                        MpMessage *arguments)
{
  g_autoptr (MpMessage) old = NULL;

  g_return_if_fail (MP_IS_PROCESS (self));
  g_return_if_fail (arguments == NULL || MP_IS_MESSAGE (arguments));
  g_return_if_fail (self->child == NULL);

  /* Referenced and let go without the lock: a language may hear of both, and take a lock of its own */
  if (arguments != NULL)
    g_object_ref (arguments);
  if (self->pump != NULL)
    mp_pump_lock (self->pump);
  old = self->arguments;
  self->arguments = arguments;
  self->spread = is_spread (arguments);
  if (self->pump != NULL)
    mp_pump_unlock (self->pump);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MESSAGE]);
}
