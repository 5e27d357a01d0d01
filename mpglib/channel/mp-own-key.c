/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-own-key-private.h"

#include <string.h>

#include "mp-fork-private.h"
#include "mp-random-private.h"
#include "mp-secret-private.h"

static GMutex lock; /* a leaf */
static MpOwnKey *own_key; /* a secret; NULL: nobody has asked for it */

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&lock, NULL);
}

static MpOwnKey *
new_locked (void)
{
  return (MpOwnKey *) (gpointer) mp_secret_new (sizeof (MpOwnKey));
}

/*< private >
 * mp_own_key_get:
 * @key: (out caller-allocates): to be wiped by who gets it
 */
void
mp_own_key_get (MpOwnKey *key)
{
  g_mutex_lock (&lock);
  if (own_key == NULL)
    {
      own_key = new_locked ();
      own_key->size = MP_OWN_KEY_SIZE;
      mp_random_fill (own_key->bytes, MP_OWN_KEY_SIZE);
    }
  *key = *own_key;
  g_mutex_unlock (&lock);
}

/*< private >
 * mp_own_key_set:
 *
 * In a child, when it learns who it is, or as the user says.
 */
void
mp_own_key_set (const MpOwnKey *key)
{
  g_mutex_lock (&lock);
  if (own_key == NULL)
    own_key = new_locked ();
  *own_key = *key;
  g_mutex_unlock (&lock);
}
