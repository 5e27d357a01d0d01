/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-spawn-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-marker-private.h"

MpSpawnPlan *
mp_spawn_plan_new (const char * const *argv,
                   const char * const *environment,
                   const char         *directory)
{
  MpSpawnPlan *self = g_new0 (MpSpawnPlan, 1);
  g_autofree char *marker = mp_marker_new ();
  const char *value = strchr (marker, '=') + 1;

  g_atomic_ref_count_init (&self->refs);
  self->argv = g_strdupv ((char **) argv);
  self->environment = environment != NULL ? g_strdupv ((char **) environment) : g_get_environ ();
  self->environment = g_environ_setenv (self->environment, MP_MARKER_VARIABLE, value, TRUE);
  self->directory = g_strdup (directory);
  return self;
}

MpSpawnPlan *
mp_spawn_plan_ref (MpSpawnPlan *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
mp_spawn_plan_unref (MpSpawnPlan *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_strfreev (self->argv);
  g_strfreev (self->environment);
  g_free (self->directory);
  g_free (self);
}

/* The two descriptors are put at 3 and 4, so they must not come from there */
static int
out_of_the_way (int fd)
{
  return fcntl (fd, F_DUPFD_CLOEXEC, MP_MARKER_LIFELINE_FD + 1);
}

static int
run_posix_spawn (MpSpawnPlan *plan,
                 int          channel,
                 int          lifeline,
                 pid_t       *pid)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  int failed;

  sigemptyset (&none);
  sigfillset (&all);
  posix_spawnattr_init (&attributes);
  posix_spawnattr_setflags (&attributes,
                            POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setsigmask (&attributes, &none);
  posix_spawnattr_setsigdefault (&attributes, &all);
  posix_spawnattr_setpgroup (&attributes, 0);

  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_addopen (&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2 (&actions, channel, MP_MARKER_CHANNEL_FD);
  posix_spawn_file_actions_adddup2 (&actions, lifeline, MP_MARKER_LIFELINE_FD);
  posix_spawn_file_actions_addclosefrom_np (&actions, MP_MARKER_LIFELINE_FD + 1);
  if (plan->directory != NULL)
    posix_spawn_file_actions_addchdir_np (&actions, plan->directory);

  failed = posix_spawnp (pid, plan->argv[0], &actions, &attributes, plan->argv, plan->environment);
  posix_spawn_file_actions_destroy (&actions);
  posix_spawnattr_destroy (&attributes);
  return failed;
}

static void
set_spawn_error (MpSpawnPlan  *plan,
                 int           failed,
                 GError      **error)
{
  if (failed == ENOENT && plan->directory != NULL && !g_file_test (plan->directory, G_FILE_TEST_IS_DIR))
    g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED,
                 "Cannot start '%s': its working directory '%s' does not exist", plan->argv[0], plan->directory);
  else if (failed == ENOENT)
    g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED,
                 "Cannot start '%s': there is no such program; is it installed, and in PATH?", plan->argv[0]);
  else
    g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "Cannot start '%s': %s",
                 plan->argv[0], g_strerror (failed));
}

int
mp_spawn (MpSpawnPlan  *plan,
          int           channel,
          int           lifeline,
          GError      **error)
{
  int failed, moved_channel = out_of_the_way (channel), moved_lifeline = out_of_the_way (lifeline);
  pid_t pid = -1;

  if (moved_channel < 0 || moved_lifeline < 0)
    failed = errno;
  else
    failed = run_posix_spawn (plan, moved_channel, moved_lifeline, &pid);

  if (moved_channel >= 0)
    close (moved_channel);
  if (moved_lifeline >= 0)
    close (moved_lifeline);
  if (failed != 0)
    {
      set_spawn_error (plan, failed, error);
      return -1;
    }
  return pid;
}
