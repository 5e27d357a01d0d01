/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-own-key-private.h"

#include <string.h>

#include "mp-fork-private.h"
#include "mp-random-private.h"

static GMutex lock; /* a leaf */
static gboolean is_there;
static guint8 own_key[MP_OWN_KEY_SIZE];

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&lock, NULL);
}

/*< private >
 * mp_own_key_get:
 * @key: (out caller-allocates): %MP_OWN_KEY_SIZE bytes
 */
void
mp_own_key_get (guint8 *key)
{
  g_mutex_lock (&lock);
  if (!is_there)
    mp_random_fill (own_key, sizeof own_key);
  is_there = TRUE;
  memcpy (key, own_key, sizeof own_key);
  g_mutex_unlock (&lock);
}

/*< private >
 * mp_own_key_set:
 *
 * In a child, when it learns who it is.
 */
void
mp_own_key_set (const guint8 *key)
{
  g_mutex_lock (&lock);
  memcpy (own_key, key, sizeof own_key);
  is_there = TRUE;
  g_mutex_unlock (&lock);
}
