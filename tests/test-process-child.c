/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Processes of native programs, by every start method: what the children have of those who start them. */

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "mp-test.h"
#include "process-targets.h"

static void
assert_knows_key (MpContext  *context,
                  MpAuthKey  *key,
                  MpAuthKey  *given)
{
  g_autoptr (GBytes) bytes = mp_auth_key_get_bytes (key);
  GVariant *secret = g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
  g_autoptr (MpProcess) process = mp_process_new (context, "know-key", g_variant_new ("(@ayb)", secret, FALSE));
  g_autoptr (MpAuthKey) told = NULL;
  g_autoptr (GError) error = NULL;

  if (given != NULL)
    g_assert_true (mp_process_set_auth_key (process, given, NULL));
  told = mp_process_ref_auth_key (process);
  g_assert_true (mp_auth_key_equal (told, key));
  mp_process_start (process, &error);
  g_assert_no_error (error);
  join (process);
  mp_process_check (process, &error);
  g_assert_no_error (error);
  g_assert_false (mp_process_set_auth_key (process, key, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
}

/* One that is its own, or that of who starts it; and so on with those that it starts */
static void
test_auth_key (MpContext *context)
{
  const guint8 secret[65] = { 1, 2, 3 };
  g_autoptr (MpAuthKey) drawn = mp_auth_key_new_own ();
  g_autoptr (MpAuthKey) shortest = mp_auth_key_new_data (secret, 1);
  g_autoptr (MpAuthKey) longest = mp_auth_key_new_data (secret, 64);
  g_autoptr (MpAuthKey) empty = mp_auth_key_new_data (NULL, 0);
  g_autoptr (MpAuthKey) too_long = mp_auth_key_new_data (secret, 65);
  g_autoptr (MpAuthKey) own = NULL;
  g_autoptr (MpProcess) process = mp_process_new (context, "nothing", NULL);
  g_autoptr (GError) error = NULL;

  assert_knows_key (context, drawn, NULL);
  assert_knows_key (context, shortest, shortest);
  assert_knows_key (context, longest, longest);
  assert_knows_key (context, drawn, NULL);

  g_assert_false (mp_process_set_auth_key (process, empty, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_REFUSED);
  g_clear_error (&error);
  g_assert_false (mp_process_set_auth_key (process, too_long, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TOO_BIG);

  g_assert_true (mp_process_set_auth_key (mp_process_get_current (), longest, NULL));
  own = mp_auth_key_new_own ();
  g_assert_true (mp_auth_key_equal (own, longest));
  assert_knows_key (context, longest, NULL);
  g_assert_true (mp_auth_key_make_own (drawn, NULL));
}

static void
test_names (MpContext *context)
{
  g_autoptr (MpProcess) first = mp_process_new (context, "tell-name", NULL);
  g_autoptr (MpProcess) second = mp_process_new (context, "tell-name", NULL);
  g_autofree char *first_name = mp_process_dup_name (first);
  g_autofree char *second_name = mp_process_dup_name (second);

  g_test_message ("Names are numbers of each generation, and two processes may have one");
  g_assert_true (g_regex_match_simple ("^Process-[0-9]+$", first_name, 0, 0));
  g_assert_true (g_regex_match_simple ("^Process-[0-9]+$", second_name, 0, 0));
  g_assert_cmpstr (first_name, !=, second_name);
  g_assert_true (mp_process_start (first, NULL));
  join (first);
  g_assert_true (mp_process_check (first, NULL));

  for (int i = 0; i < 2; i++)
    {
      g_autoptr (MpProcess) twin = mp_process_new (context, "nothing", NULL);

      mp_process_set_name (twin, "twin");
      g_assert_true (mp_process_start (twin, NULL));
      join (twin);
      g_assert_true (mp_process_check (twin, NULL));
    }
}

static void
test_no_function (MpContext *context)
{
  g_autoptr (MpProcess) process = start (context, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_test_message ("Without a target nothing runs, and that is no error");
  join (process);
  g_assert_true (mp_process_check (process, &error));
  g_assert_no_error (error);
}

static void
test_program (void)
{
  g_autofree char *path = g_file_read_link ("/proc/self/exe", NULL);
  const char *argv[] = { path, NULL };
  g_autoptr (MpLauncher) launcher = mp_launcher_new ("native", argv);
  g_autoptr (MpContext) context = mp_context_new (MP_START_METHOD_SPAWN, launcher);
  g_autoptr (MpProcess) process = start (context, "exit", g_variant_new ("(i)", 6));

  g_test_summary ("A program that is named runs the children");
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, 6);
}

static void
test_surroundings (MpContext *context)
{
  struct sigaction ignore = { .sa_handler = SIG_IGN }, saved;
  int leaked = open ("/dev/null", O_RDONLY); /* without CLOEXEC: a careless host's */
  sigset_t usr1, old;
  g_autoptr (GError) error = NULL;

  sigaction (SIGPIPE, &ignore, &saved);
  sigemptyset (&usr1);
  sigaddset (&usr1, SIGUSR1);
  pthread_sigmask (SIG_BLOCK, &usr1, &old);

  for (int i = 0; i < 2; i++) /* the second was forked before it was wanted */
    {
      g_autoptr (MpProcess) process = mp_process_new (context, "look-around", g_variant_new ("(s)", "fine"));

      mp_process_set_name (process, "Looker");
      mp_process_start (process, &error);
      g_assert_no_error (error);
      join (process);
      g_assert_cmpint (mp_process_get_exit_code (process), ==, 0);
    }

  pthread_sigmask (SIG_SETMASK, &old, NULL);
  sigaction (SIGPIPE, &saved, NULL);
  close (leaked);
}

static void
test_nested (MpContext *context)
{
  g_autoptr (MpProcess) process = start (context, "nested", g_variant_new ("(i)", 3));
  g_autoptr (GError) error = NULL;

  join (process);
  mp_process_check (process, &error);
  g_assert_no_error (error);
}

static void
test_connection (MpContext *context)
{
  g_autoptr (MpMessage) arguments = mp_message_new (g_variant_new ("(h)", 0));
  g_autoptr (MpConnection) ours = NULL, theirs = NULL;
  g_autoptr (MpProcess) process = NULL;
  g_autoptr (GVariant) said = NULL, more = NULL;
  g_autoptr (GError) error = NULL;

  g_test_message ("A connection is an argument like any other; a child's orderly end closes it in order");
  mp_connection_new_pair (TRUE, &ours, &theirs, &error);
  g_assert_no_error (error);
  mp_message_attach (arguments, MP_SHAREABLE (theirs));
  process = mp_process_new_with_message (context, "say", arguments);
  mp_process_start (process, &error);
  g_assert_no_error (error);
  mp_connection_close (theirs);

  said = mp_connection_receive (ours, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (said, NULL), ==, "hello");
  more = mp_connection_receive (ours, MP_TEST_DEADLINE, NULL, &error);
  g_assert_null (more);
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  join (process);
}

int
main (int   argc,
      char *argv[])
{
  process_targets_init ();
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (process_warm_up);

  add_with_methods ("/process/names", test_names);
  add_with_methods ("/process/auth-key", test_auth_key);
  add_with_methods ("/process/no-function", test_no_function);
  add_with_methods ("/process/surroundings", test_surroundings);
  add_with_methods ("/process/nested", test_nested);
  add_with_methods ("/process/connection", test_connection);
  mp_test_add ("/process/program", test_program);
  return g_test_run ();
}
