/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-identity-private.h"

#include "mp-fork-private.h"
#include "mp-log-private.h"
#include "mp-own-key-private.h"

static struct {
  GMutex lock;
  char *name;
  char *numbers;
  guint n_children;
} identity;

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&identity.lock, NULL);
}

const char *
mp_identity_get_name (void)
{
  return identity.name != NULL ? identity.name : "MainProcess";
}

const char *
mp_identity_get_numbers (void)
{
  return identity.numbers != NULL ? identity.numbers : "";
}

char *
mp_identity_new_child (void)
{
  const char *numbers = mp_identity_get_numbers ();
  char *child;

  g_mutex_lock (&identity.lock);
  identity.n_children++;
  child = g_strdup_printf ("%s%s%u", numbers, *numbers != '\0' ? ":" : "", identity.n_children);
  g_mutex_unlock (&identity.lock);
  return child;
}

void
mp_identity_set (const char     *name,
                 const char     *numbers,
                 const MpOwnKey *key)
{
  g_mutex_lock (&identity.lock);
  g_free (identity.name);
  g_free (identity.numbers);
  identity.name = g_strdup (name);
  identity.numbers = g_strdup (numbers);
  identity.n_children = 0;
  g_mutex_unlock (&identity.lock);
  mp_own_key_set (key);
  mp_log_set_process_name (name);
}
