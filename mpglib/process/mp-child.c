/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-child-base-private.h"

#include <string.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-identity-private.h"
#include "mp-launcher-private.h"
#include "mp-marker-private.h"
#include "mp-worker-private.h"

/* --- life ------------------------------------------------------------------------------------------------- */

static MpBootstrap *
new_bootstrap (const MpChildSpec *spec,
               const MpRecipe    *recipe,
               MpStartMethod      method)
{
  MpBootstrap *bootstrap = g_new0 (MpBootstrap, 1);

  mp_worker_role_from_string (spec->role, &bootstrap->role);
  bootstrap->name = g_strdup (spec->name);
  bootstrap->identity = spec->identity != NULL ? g_strdup (spec->identity) : mp_identity_new_child ();
  bootstrap->is_forked = method == MP_START_METHOD_FORKSERVER;
  bootstrap->target = g_strdup (spec->target);
  bootstrap->spread = spec->spread;
  bootstrap->has_arguments = spec->arguments != NULL;
  bootstrap->generation = mp_marker_get_generation () + 1;
  bootstrap->hello_timeout = recipe->hello_timeout;
  bootstrap->family_fd = bootstrap->requests_fd = -1;
  bootstrap->preparation = recipe->preparation != NULL ? g_variant_ref (recipe->preparation) : NULL;
  if (spec->key != NULL)
    bootstrap->key = *spec->key;
  else
    mp_own_key_get (&bootstrap->key);
  return bootstrap;
}

/* Programs that start themselves without end are stopped here: while their main module is being loaded, and by
 * their number of generations */
static gboolean
check_may_start (const MpChildSpec  *spec,
                 GError            **error)
{
  if (mp_worker_is_starting ())
    {
      g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED,
                   "'%s' cannot be started while this process itself is being started: its main module starts "
                   "processes when it is loaded. Put the program's own work under `if __name__ == '__main__':`, or "
                   "where loading the module does not run it", spec->name);
      return FALSE;
    }
  if (mp_marker_get_generation () >= MP_MARKER_GENERATIONS)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED,
                   "'%s' would be process of generation %u: a program seems to start itself without end",
                   spec->name, mp_marker_get_generation () + 1);
      return FALSE;
    }
  return TRUE;
}

/* Without the message: the engine may be who lets the frame go, and a language may know the message */
static MpFrame *
prepare_arguments (const MpChildSpec  *spec,
                   GError            **error)
{
  g_autoptr (MpFrame) frame = mp_frame_new (MP_FRAME_MESSAGE, 0, 0, NULL, spec->arguments);

  if (!mp_transport_prepare (frame, error))
    {
      g_prefix_error (error, "The arguments of '%s' cannot be sent: ", spec->name);
      return NULL;
    }
  g_clear_object (&frame->message);
  return g_steal_pointer (&frame);
}

static gboolean
set_arguments (MpChild            *self,
               const MpChildSpec  *spec,
               GError            **error)
{
  if (spec->arguments == NULL)
    return TRUE;
  mp_message_unpack (spec->arguments);
  self->arguments = prepare_arguments (spec, error);
  if (self->arguments == NULL)
    return FALSE;
  if (self->method == MP_START_METHOD_FORKSERVER)
    self->arguments_again = prepare_arguments (spec, error);
  return self->method == MP_START_METHOD_SPAWN || self->arguments_again != NULL;
}

MpChild *
mp_child_new (MpPump               *pump,
              const MpChildSpec    *spec,
              const MpChildEvents  *events,
              gpointer              data,
              GError              **error)
{
  MpStartMethod method = MP_START_METHOD_SPAWN;
  g_autoptr (MpRecipe) recipe = NULL;
  g_autoptr (MpChild) self = NULL;

  if (!check_may_start (spec, error))
    return NULL;
  if (spec->context != NULL
      && (!mp_context_check_target (spec->context, spec->target, error)
          || !mp_context_resolve_method (spec->context, &method, error)))
    return NULL;

  if (!mp_pump_open (pump, error)
      || (method == MP_START_METHOD_FORKSERVER && !mp_pump_open (mp_pump_get_shared (), error)))
    return NULL;
  recipe = spec->context != NULL ? mp_context_new_recipe (spec->context, method) : mp_recipe_ref (spec->recipe);
  self = g_new0 (MpChild, 1);
  g_atomic_ref_count_init (&self->refs);
  self->pump = mp_pump_ref (pump);
  self->method = method;
  self->pidfd = -1;
  self->bootstrap = new_bootstrap (spec, recipe, method);
  self->program = g_strdup (recipe->plan->argv[0]);
  self->language = g_strdup (recipe->language);
  self->is_own = spec->context != NULL && mp_launcher_is_own (mp_context_get_launcher (spec->context));
  self->hello_timeout = recipe->hello_timeout;
  self->events = events;
  self->data = data;
  if (method == MP_START_METHOD_FORKSERVER)
    self->template_ = mp_context_ref_template (spec->context, recipe);
  else
    self->recipe = g_steal_pointer (&recipe);
  return set_arguments (self, spec, error) ? g_steal_pointer (&self) : NULL;
}

void
mp_child_take_requests (MpChild *self,
                        int      fd)
{
  self->bootstrap->requests_fd = fd;
}

MpChild *
mp_child_ref (MpChild *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
mp_child_unref (MpChild *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  g_clear_pointer (&self->transport, mp_transport_free);
  g_clear_pointer (&self->template_, mp_template_unref);
  g_clear_pointer (&self->recipe, mp_recipe_unref);
  g_clear_pointer (&self->bootstrap, mp_bootstrap_free);
  g_clear_pointer (&self->arguments, mp_frame_free);
  g_clear_pointer (&self->arguments_again, mp_frame_free);
  g_clear_error (&self->failure);
  g_clear_pointer (&self->report, g_variant_unref);
  mp_fd_close (&self->pidfd);
  g_free (self->program);
  g_free (self->language);
  mp_pump_unref (self->pump);
  g_free (self);
}

void
mp_child_forget_locked (MpChild *self)
{
  self->events = NULL;
  self->data = NULL;
}

void
mp_child_set_state_locked (MpChild      *self,
                           MpChildState  state)
{
  if (self->state >= state)
    return;
  self->state = state;
  if (self->events != NULL && state >= MP_CHILD_MADE)
    self->events->state_changed (self, self->data);
  mp_pump_changed_locked (self->pump);
}

/* --- accessors -------------------------------------------------------------------------------------------- */

MpPump *
mp_child_get_pump (MpChild *self)
{
  return self->pump;
}

MpChildState
mp_child_get_state (MpChild *self)
{
  return self->state;
}

const char *
mp_child_get_name (MpChild *self)
{
  return self->bootstrap->name;
}

int
mp_child_get_pid (MpChild *self)
{
  return self->pid;
}

int
mp_child_get_pidfd (MpChild *self)
{
  return self->pidfd;
}

int
mp_child_get_exit_code (MpChild *self)
{
  return self->exit_code;
}

const GError *
mp_child_get_failure (MpChild *self)
{
  return self->failure;
}

gboolean
mp_child_cannot_begin (MpChild *self)
{
  return self->failure != NULL && self->state >= MP_CHILD_MADE && self->pid != 0
         && !self->said_hello && !self->was_ended;
}

gboolean
mp_child_has_hung (MpChild *self)
{
  return self->has_hung;
}

GVariant *
mp_child_get_report (MpChild *self)
{
  return self->report;
}

char *
mp_exit_code_to_string (int exit_code)
{
  const char *name;

  if (exit_code == MP_EXIT_UNKNOWN)
    return g_strdup ("an unknown status");
  if (exit_code >= 0)
    return g_strdup_printf ("exit code %d", exit_code);
  name = sigabbrev_np (-exit_code);
  return name != NULL ? g_strdup_printf ("signal %d (SIG%s)", -exit_code, name)
                      : g_strdup_printf ("signal %d", -exit_code);
}
