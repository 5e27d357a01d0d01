/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What two threads do with a connection at once, at each moment at which they can cross: one thread does all of it, the
 * second thing whenever the first holds no lock.  The program is linked with wrappers of GLib's locks. */

#include <mpglib.h>

#include "mp-test-connection.h"
#include "mp-test.h"

typedef void (*Action) (MpConnection *connection);

static __thread guint n_held;
static __thread guint n_moments_left; /* 0: nothing is to come in between */
static MpConnection *crossed;
static Action crossing;

void     __real_g_mutex_lock    (GMutex *mutex);
void     __real_g_mutex_unlock  (GMutex *mutex);
gboolean __real_g_mutex_trylock (GMutex *mutex);
void     __wrap_g_mutex_lock    (GMutex *mutex);
void     __wrap_g_mutex_unlock  (GMutex *mutex);
gboolean __wrap_g_mutex_trylock (GMutex *mutex);

void
__wrap_g_mutex_lock (GMutex *mutex)
{
  __real_g_mutex_lock (mutex);
  n_held++;
}

gboolean
__wrap_g_mutex_trylock (GMutex *mutex)
{
  gboolean is_locked = __real_g_mutex_trylock (mutex);

  n_held += is_locked ? 1 : 0;
  return is_locked;
}

void
__wrap_g_mutex_unlock (GMutex *mutex)
{
  __real_g_mutex_unlock (mutex);
  n_held--;
  if (n_held == 0 && n_moments_left > 0 && --n_moments_left == 0)
    crossing (crossed);
}

/* Returns: whether there was such a moment, the first being 1 */
static gboolean
cross (Action        action,
       Action        other,
       guint         moment,
       MpConnection *connection)
{
  gboolean has_come;

  crossed = connection;
  crossing = other;
  n_moments_left = moment;
  action (connection);
  has_come = n_moments_left == 0;
  n_moments_left = 0;
  return has_come;
}

static void
run_until_idle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* It tells of messages once it reads, and of none when it does no more. */
static void
assert_obeys (MpTestPair *pair)
{
  MpTestEvents events = mp_test_watch (pair->b, &events);

  mp_connection_start_reading (pair->b);
  for (gint32 i = 1; i <= 3; i++)
    {
      events.n_wanted = (guint) i;
      mp_test_send_int (pair->a, i);
      mp_test_run_until (mp_test_events_are_there, &events);
    }

  mp_connection_stop_reading (pair->b);
  mp_test_send_int (pair->a, 4);
  run_until_idle ();
  g_assert_cmpstr (events.text->str, ==, "1 2 3 ");
  g_assert_cmpint (mp_test_receive_int (pair->b), ==, 4);
  g_string_free (events.text, TRUE);
}

static gboolean
cross_once (Action   action,
            Action   other,
            gboolean reads,
            guint    moment)
{
  MpTestPair pair = mp_test_pair_new ();
  gboolean has_come;

  if (reads)
    mp_connection_start_reading (pair.b);
  has_come = cross (action, other, moment, pair.b);
  if (!mp_connection_is_closed (pair.b))
    assert_obeys (&pair);

  run_until_idle ();
  mp_test_pair_free (&pair); /* nobody keeps it */
  return has_come;
}

static void
test_reading (void)
{
  static const struct
  {
    Action action;
    Action other;
    gboolean reads;
  } rows[] = {
    { mp_connection_start_reading, mp_connection_start_reading, FALSE },
    { mp_connection_start_reading, mp_connection_stop_reading, FALSE },
    { mp_connection_start_reading, mp_connection_close, FALSE },
    { mp_connection_stop_reading, mp_connection_start_reading, TRUE },
    { mp_connection_stop_reading, mp_connection_stop_reading, TRUE },
    { mp_connection_stop_reading, mp_connection_close, TRUE },
    { mp_connection_close, mp_connection_start_reading, TRUE },
    { mp_connection_close, mp_connection_start_reading, FALSE },
    { mp_connection_close, mp_connection_stop_reading, TRUE },
    { mp_connection_close, mp_connection_close, TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      guint moment = 1;

      while (cross_once (rows[i].action, rows[i].other, rows[i].reads, moment))
        moment++;
      g_assert_cmpuint (moment, >, 1);
    }
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (mp_test_pair_warm_up);

  mp_test_add ("/connection/crossing/reading", test_reading);

  return g_test_run ();
}
