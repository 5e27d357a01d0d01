/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mp-test.h"
#include "process-targets.h"

const MpStartMethod methods[2] = { MP_START_METHOD_SPAWN, MP_START_METHOD_FORKSERVER };

/* --- targets ---------------------------------------------------------------------------------------------- */

static GVariant *
target_nothing (MpMessage     *arguments,
                GCancellable  *cancellable,
                gpointer       data,
                GError       **error)
{
  return NULL;
}

static GVariant *
target_fail (MpMessage     *arguments,
             GCancellable  *cancellable,
             gpointer       data,
             GError       **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "there is no spoon");
  return NULL;
}

/* (i): exit with that code */
static GVariant *
target_exit (MpMessage     *arguments,
             GCancellable  *cancellable,
             gpointer       data,
             GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  int code;

  g_variant_get (value, "(i)", &code);
  exit (code);
}

/* (i): end by that signal */
static GVariant *
target_raise (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       data,
              GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  struct rlimit none = { 0, 0 };
  int number;

  setrlimit (RLIMIT_CORE, &none);
  g_variant_get (value, "(i)", &number);
  signal (number, SIG_DFL);
  raise (number);
  return NULL;
}

static GVariant *
target_compute (MpMessage     *arguments,
                GCancellable  *cancellable,
                gpointer       data,
                GError       **error)
{
  sigset_t all;

  /* All signals blocked but the one to end it with, no system call: what comes, comes from the kernel */
  sigfillset (&all);
  sigdelset (&all, SIGTERM);
  sigprocmask (SIG_SETMASK, &all, NULL);
  for (volatile guint64 i = 0;; i++)
    ;
  return NULL;
}

/* (s): "fine" if the surroundings are what a child is promised; else tells by the exit code what is not */
static GVariant *
target_look_around (MpMessage     *arguments,
                    GCancellable  *cancellable,
                    gpointer       data,
                    GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  struct sigaction action;
  sigset_t mask;
  char byte;

  if (value == NULL || !g_variant_is_of_type (value, G_VARIANT_TYPE ("(s)")))
    exit (10);
  if (read (STDIN_FILENO, &byte, 1) != 0)
    exit (11); /* stdin is not empty */
  sigprocmask (SIG_BLOCK, NULL, &mask);
  if (sigismember (&mask, SIGTERM) || sigismember (&mask, SIGUSR1))
    exit (12);
  sigaction (SIGPIPE, NULL, &action);
  if (action.sa_handler != SIG_DFL)
    exit (13);
  sigaction (SIGCHLD, NULL, &action);
  if (action.sa_handler != SIG_DFL)
    exit (18); /* a template's own affair */
  if (getpgrp () == getpgid (getppid ()) && getpgrp () != getpid ())
    exit (14);
  if (g_getenv ("MPGLIB_CHILD") != NULL)
    exit (15); /* the marker was not consumed */
  /* stdio, the channel, the lifeline, the participant table: what the host had open is not here */
  for (int fd = 3, n = 0; fd < 256; fd++)
    if (fcntl (fd, F_GETFD) >= 0)
      {
        if (++n > 3 || (fcntl (fd, F_GETFD) & FD_CLOEXEC) == 0)
          exit (16);
      }
  if (strcmp (mp_worker_get_name (mp_worker_get_current ()), "Looker") != 0)
    exit (17);
  return NULL;
}

/* The connection that is the only argument: say something, and end without closing it */
static GVariant *
target_say (MpMessage     *arguments,
            GCancellable  *cancellable,
            gpointer       data,
            GError       **error)
{
  MpConnection *connection = MP_CONNECTION (mp_message_get_attachment (arguments, 0, error));

  if (connection != NULL)
    mp_connection_send (connection, g_variant_new_string ("hello"), MP_TEST_DEADLINE, NULL, error);
  return NULL;
}

/* Starts the same again, in its child: generations */
static GVariant *
target_nested (MpMessage     *arguments,
               GCancellable  *cancellable,
               gpointer       data,
               GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  g_autoptr (MpProcess) process = NULL;
  int depth;

  g_variant_get (value, "(i)", &depth);
  if (depth == 0)
    return NULL;
  process = mp_process_new (NULL, "nested", g_variant_new ("(i)", depth - 1));
  if (!mp_process_start (process, error) || !mp_process_join (process, MP_TEST_DEADLINE, NULL, error)
      || !mp_process_check (process, error))
    return NULL;
  return g_variant_new_int32 (depth);
}

static GVariant *
target_sleep (MpMessage     *arguments,
              GCancellable  *cancellable,
              gpointer       data,
              GError       **error)
{
  for (;;)
    pause ();
  return NULL;
}

/* That it and its own children are named as of their generations */
static GVariant *
target_tell_name (MpMessage     *arguments,
                  GCancellable  *cancellable,
                  gpointer       data,
                  GError       **error)
{
  g_autoptr (MpProcess) child = mp_process_new (NULL, "nothing", NULL);
  g_autofree char *name = mp_process_dup_name (mp_process_get_current ());
  g_autofree char *child_name = mp_process_dup_name (child);
  g_autofree char *expected = g_strdup_printf ("%s:1", name);

  if (strcmp (name, mp_worker_get_name (mp_worker_get_current ())) != 0)
    exit (10);
  if (strcmp (child_name, expected) != 0)
    exit (11);
  if (mp_process_get_pid (mp_process_get_current ()) != getpid ())
    exit (12);
  return NULL;
}

/* That it has the key, and who it starts too */
static GVariant *
target_know_key (MpMessage     *arguments,
                 GCancellable  *cancellable,
                 gpointer       data,
                 GError       **error)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, NULL);
  g_autoptr (GVariant) secret = g_variant_get_child_value (value, 0);
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (secret);
  g_autoptr (MpAuthKey) expected = mp_auth_key_new (bytes);
  g_autoptr (MpAuthKey) own = mp_process_ref_auth_key (mp_process_get_current ());
  g_autoptr (MpProcess) child = NULL;
  gboolean is_last;

  if (!mp_auth_key_equal (own, expected))
    exit (10);
  g_variant_get_child (value, 1, "b", &is_last);
  if (is_last)
    return NULL;
  child = mp_process_new (NULL, "know-key", g_variant_new ("(@ayb)", secret, TRUE));
  if (mp_process_start (child, error) && mp_process_join (child, MP_TEST_DEADLINE, NULL, error))
    mp_process_check (child, error);
  return NULL;
}

void
process_targets_init (void)
{
  mp_register_target ("know-key", target_know_key, NULL, NULL);
  mp_register_target ("nothing", target_nothing, NULL, NULL);
  mp_register_target ("fail", target_fail, NULL, NULL);
  mp_register_target ("exit", target_exit, NULL, NULL);
  mp_register_target ("raise", target_raise, NULL, NULL);
  mp_register_target ("compute", target_compute, NULL, NULL);
  mp_register_target ("look-around", target_look_around, NULL, NULL);
  mp_register_target ("sleep", target_sleep, NULL, NULL);
  mp_register_target ("tell-name", target_tell_name, NULL, NULL);
  mp_register_target ("nested", target_nested, NULL, NULL);
  mp_register_target ("say", target_say, NULL, NULL);
  mp_init ();
}

/* --- helpers ---------------------------------------------------------------------------------------------- */

/* A template is kept by its context, so every test has contexts of its own: none is left behind. */
static void
run_with_methods (gconstpointer data)
{
  MethodTest test = (MethodTest) data;

  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    {
      g_autoptr (MpContext) context = mp_context_new (methods[i], NULL);

      test (context);
      g_assert_finalize_object (g_steal_pointer (&context));
    }
}

void
add_with_methods (const char *path,
                  MethodTest  test)
{
  mp_test_add_data (path, test, run_with_methods);
}

MpProcess *
start (MpContext  *context,
       const char *target,
       GVariant   *arguments)
{
  g_autoptr (MpProcess) process = mp_process_new (context, target, arguments);
  g_autoptr (GError) error = NULL;

  mp_process_start (process, &error);
  g_assert_no_error (error);
  return g_steal_pointer (&process);
}

void
join (MpProcess *process)
{
  g_autoptr (GError) error = NULL;

  mp_process_join (process, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
}

void
end_process (MpProcess *process)
{
  mp_process_kill (process, NULL);
  join (process);
}

gboolean
start_in_form (MpProcess  *process,
               gboolean    is_async,
               GError    **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  if (!is_async)
    return mp_process_start (process, error);
  mp_process_start_async (process, NULL, mp_test_keep_result, &result);
  mp_test_await_result (&result);
  return mp_process_start_finish (process, result, error);
}

void
run_without_loop (MpContext *context)
{
  MpProcess *process = start (context, "nothing", NULL);

  g_test_message ("In a program that runs no main loop, a joined process is let go");
  join (process);
  g_assert_finalize_object (process);
}

void
process_warm_up (void)
{
  g_type_ensure (G_TYPE_TASK); /* GLib keeps a thread for tasks, and its descriptors, from the first on */
  run_with_methods (run_without_loop);
}

/* --- the template ----------------------------------------------------------------------------------------- */

int
get_parent (int pid)
{
  g_autofree char *file = g_strdup_printf ("/proc/%d/stat", pid);
  g_autofree char *content = NULL;
  int parent = 0;

  g_assert_true (g_file_get_contents (file, &content, NULL, NULL));
  g_assert_cmpint (sscanf (strrchr (content, ')'), ") %*c %d", &parent), ==, 1);
  return parent;
}

/* After a start: it has said that the child is made, and forks the spare before it rests */
void
wait_until_rests (int template_)
{
  g_autofree char *file = g_strdup_printf ("/proc/%d/stat", template_);
  char state = '\0';

  while (state != 'S')
    {
      g_autofree char *content = NULL;

      g_assert_true (g_file_get_contents (file, &content, NULL, NULL));
      g_assert_cmpint (sscanf (strrchr (content, ')'), ") %c", &state), ==, 1);
      g_thread_yield ();
    }
}
