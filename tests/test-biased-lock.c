/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <mpglib.h>

#include "mp-biased-lock-private.h"
#include "mp-process-barrier-private.h"
#include "mp-test-process.h"

#define N_THREADS 4
#define N_ROUNDS  200
#define N_TIMES   300

typedef struct
{
  MpBiasedLock lock;
  guint        n_inside;  /* guarded by it */
  guint        n;
  MpAtomic32   has_favourite;
  MpAtomic32   n_waiting;
} Place;

static gboolean
kernel_has_barrier (void)
{
  gint64 deadline = g_get_monotonic_time () + 2 * G_TIME_SPAN_SECOND;

  while (!mp_process_barrier_is_ready ())
    {
      if (g_get_monotonic_time () > deadline)
        {
          g_test_skip ("this kernel, or what the program runs under, has no membarrier()");
          return FALSE;
        }
      g_thread_yield ();
    }

  return TRUE;
}

static Place *
new_place (void)
{
  Place *self = g_new0 (Place, 1);

  mp_biased_lock_init (&self->lock);
  return self;
}

static void
free_place (Place *self)
{
  mp_biased_lock_clear (&self->lock);
  g_free (self);
}

static gboolean
is_favourite (Place *self)
{
  MpFavour *favour = atomic_load (&self->lock.favourite);

  return favour != NULL && atomic_load (&favour->thread) == &mp_biased_lock_mark;
}

static void
become_favourite (Place *self)
{
  while (!is_favourite (self))
    {
      mp_biased_lock_acquire (&self->lock);
      mp_biased_lock_release (&self->lock);
    }
}

/* Whoever takes it often does so without the mutex. */
static void
test_favourite (void)
{
  Place *place;

  if (!kernel_has_barrier ())
    return;

  place = new_place ();
  become_favourite (place);
  mp_biased_lock_acquire (&place->lock);
  g_assert_true (g_mutex_trylock (&place->lock.mutex));
  g_mutex_unlock (&place->lock.mutex);
  mp_biased_lock_release (&place->lock);
  g_assert_cmpuint (atomic_load (&place->lock.favours[0].is_in), ==, 0);
  free_place (place);
}

static void
count (Place *place)
{
  mp_biased_lock_acquire (&place->lock);
  g_assert_cmpuint (place->n_inside++, ==, 0);
  place->n++;
  g_assert_cmpuint (--place->n_inside, ==, 0);
  mp_biased_lock_release (&place->lock);
}

static gpointer
count_as_favourite (gpointer data)
{
  Place *place = data;

  become_favourite (place);
  atomic_store (&place->has_favourite, 1);
  for (guint i = 0; i < N_TIMES; i++)
    count (place);
  return NULL;
}

static gpointer
count_beside (gpointer data)
{
  Place *place = data;

  while (atomic_load (&place->has_favourite) == 0)
    g_thread_yield ();
  for (guint i = 0; i < N_TIMES; i++)
    count (place);
  return NULL;
}

/* Two are never in it, also while the favourite loses that. */
static void
test_exclusion (void)
{
  if (!kernel_has_barrier ())
    return;

  for (guint round = 0; round < N_ROUNDS; round++)
    {
      Place *place = new_place ();
      GThread *threads[N_THREADS];

      for (guint i = 0; i < N_THREADS; i++)
        threads[i] = g_thread_new ("count", i == 0 ? count_as_favourite : count_beside, place);
      for (guint i = 0; i < N_THREADS; i++)
        g_thread_join (threads[i]);
      g_assert_cmpuint (place->n, ==, N_THREADS * N_TIMES);
      free_place (place);
    }
}

static gpointer
wait_for_it (gpointer data)
{
  Place *place = data;

  atomic_fetch_add (&place->n_waiting, 1);
  count (place);
  return NULL;
}

/* Who waits for the favourite to let go is told. */
static void
test_told (void)
{
  Place *place;
  GThread *threads[2];

  if (!kernel_has_barrier ())
    return;

  place = new_place ();
  become_favourite (place);
  mp_biased_lock_acquire (&place->lock);
  for (guint i = 0; i < 2; i++)
    threads[i] = g_thread_new ("wait", wait_for_it, place);

  /* They are beyond the barrier, and one of them at least will sleep. */
  while (atomic_load (&place->n_waiting) < 2 || atomic_load (&place->lock.favourite) != NULL)
    g_thread_yield ();
  g_assert_cmpuint (place->n, ==, 0);
  mp_biased_lock_release (&place->lock);

  for (guint i = 0; i < 2; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (place->n, ==, 2);
  free_place (place);
}

static gpointer
be_in_as_favourite (gpointer data)
{
  Place *place = data;

  become_favourite (place);
  mp_biased_lock_acquire (&place->lock);
  g_assert_cmpuint (place->n_inside++, ==, 0);
  atomic_store (&place->has_favourite, 1);

  /* Who comes is beyond the barrier, and in it unless he waits. */
  while (is_favourite (place))
    g_thread_yield ();
  g_assert_cmpuint (place->n, ==, 0);
  g_assert_cmpuint (--place->n_inside, ==, 0);
  mp_biased_lock_release (&place->lock);
  return NULL;
}

/* A former favourite that was stopped between its looks is not in the way of the next one, nor in it beside that. */
static void
test_late (void)
{
  Place *place;
  MpFavour *own;
  GThread *thread;

  if (!kernel_has_barrier ())
    return;

  place = new_place ();
  become_favourite (place);
  own = atomic_load (&place->lock.favourite);
  thread = g_thread_new ("next", be_in_as_favourite, place);
  while (atomic_load (&place->has_favourite) == 0)
    g_thread_yield ();

  atomic_store (&own->is_in, 1);
  count (place);
  g_thread_join (thread);
  g_assert_cmpuint (atomic_load (&own->is_in), ==, 0);
  free_place (place);
}

static void
be_one_of_many (Place *place)
{
  for (guint i = 0; i < 10000; i++)
    count (place);
}

static gpointer
be_one_of_many_and_wait (gpointer data)
{
  Place *place = data;

  be_one_of_many (place);
  atomic_fetch_add (&place->n_waiting, 1);
  while (atomic_load (&place->has_favourite) == 0)
    g_thread_yield ();
  return NULL;
}

/* More threads than it has places for. */
static void
test_many (void)
{
  GThread *threads[MP_BIASED_LOCK_N_FAVOURS + 1];
  Place *place;

  if (!kernel_has_barrier ())
    return;

  place = new_place ();
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      threads[i] = g_thread_new ("many", be_one_of_many_and_wait, place);
      while (atomic_load (&place->n_waiting) <= i)
        g_thread_yield ();

      mp_biased_lock_acquire (&place->lock);
      place->lock.n_disturbed = 0;
      mp_biased_lock_release (&place->lock);
    }

  be_one_of_many (place);
  g_assert_null (atomic_load (&place->lock.favourite));
  atomic_store (&place->has_favourite, 1);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  free_place (place);
}

static gpointer
be_favourite_and_end (gpointer data)
{
  become_favourite (data);
  return NULL;
}

/* One that is gone is in nobody's way. */
static void
test_gone (void)
{
  Place *place;

  if (!kernel_has_barrier ())
    return;

  place = new_place ();
  g_thread_join (g_thread_new ("gone", be_favourite_and_end, place));
  count (place);
  g_assert_cmpuint (place->n, ==, 1);
  become_favourite (place);
  free_place (place);
}

/* Who is disturbed has to take it more often. */
static void
test_disturbed (void)
{
  Place *place;

  if (!kernel_has_barrier ())
    return;

  place = new_place ();
  for (guint i = 1; i <= 5; i++)
    {
      g_thread_join (g_thread_new ("gone", be_favourite_and_end, place));
      mp_biased_lock_acquire (&place->lock);
      g_assert_cmpuint (place->lock.n_disturbed, ==, i);
      g_assert_null (atomic_load (&place->lock.favourite));
      mp_biased_lock_release (&place->lock);
    }

  for (guint i = 0; i < (64 << 5) - 2; i++)
    g_assert_null ((count (place), atomic_load (&place->lock.favourite)));
  free_place (place);
}

/* As if it had been so for long. */
static void
await_next (Place *place)
{
  while (atomic_load (&place->lock.next_since) == 0)
    g_thread_yield ();
  atomic_store (&place->lock.next_since, 1);
}

/* Whoever has waited for long has it before one that lets go of it and takes it again at once. */
static void
test_next (void)
{
  Place *place = new_place ();

  for (guint i = 1; i <= N_ROUNDS; i++)
    {
      GThread *thread;

      mp_biased_lock_acquire (&place->lock);
      thread = g_thread_new ("next", wait_for_it, place);
      await_next (place);
      g_assert_cmpuint (place->n, ==, i - 1);
      mp_biased_lock_release (&place->lock);

      mp_biased_lock_acquire (&place->lock);
      g_assert_cmpuint (place->n, ==, i);
      place->lock.n_in_a_row = 0;
      mp_biased_lock_release (&place->lock);
      g_thread_join (thread);
    }
  free_place (place);
}

/* This thread takes it again: the other one has had it by then. */
static void
end_behind (Place   *place,
            GThread *thread)
{
  mp_biased_lock_acquire (&place->lock);
  g_assert_cmpuint (place->n, ==, 1);
  mp_biased_lock_release (&place->lock);
  g_thread_join (thread);
  free_place (place);
}

/* Also if it waits for that very one, which was the favourite until it looked again. */
static void
test_next_to_favourite (void)
{
  Place *place;
  GThread *thread;

  if (!kernel_has_barrier ())
    return;

  place = new_place ();
  become_favourite (place);
  mp_biased_lock_acquire (&place->lock);
  g_mutex_lock (&place->lock.mutex);
  thread = g_thread_new ("next", wait_for_it, place);
  await_next (place);
  g_mutex_unlock (&place->lock.mutex);
  while (atomic_load (&place->lock.favourite) != NULL)
    g_thread_yield ();

  g_assert_cmpuint (place->n, ==, 0);
  end_behind (place, thread);
}

/* Also if it found nobody at the mutex, but the favourite in. */
static void
test_next_when_told (void)
{
  Place *place;
  GThread *thread;

  if (!kernel_has_barrier ())
    return;

  place = new_place ();
  become_favourite (place);
  mp_biased_lock_acquire (&place->lock);
  thread = g_thread_new ("next", wait_for_it, place);
  while (atomic_load (&place->lock.favourite) != NULL)
    g_thread_yield ();

  /* It sleeps until it is told. */
  g_mutex_lock (&place->lock.mutex);
  g_assert_cmpint (atomic_load (&place->lock.next_since), !=, 0);
  g_mutex_unlock (&place->lock.mutex);
  await_next (place);
  g_assert_cmpuint (place->n, ==, 0);
  mp_biased_lock_release (&place->lock);

  end_behind (place, thread);
}

static void
begin_anew (gpointer unused)
{
  Place *place = new_place ();

  g_assert_true (kernel_has_barrier ());
  g_thread_join (g_thread_new ("gone", be_favourite_and_end, place));
  count (place);
  free_place (place);
}

/* The kernel is asked again for a forked child. */
static void
test_fork (void)
{
  if (kernel_has_barrier ())
    mp_test_join (mp_test_fork (begin_anew, NULL));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/biased-lock/favourite", test_favourite);
  g_test_add_func ("/biased-lock/exclusion", test_exclusion);
  g_test_add_func ("/biased-lock/told", test_told);
  g_test_add_func ("/biased-lock/late", test_late);
  g_test_add_func ("/biased-lock/many", test_many);
  g_test_add_func ("/biased-lock/gone", test_gone);
  g_test_add_func ("/biased-lock/disturbed", test_disturbed);
  g_test_add_func ("/biased-lock/next", test_next);
  g_test_add_func ("/biased-lock/next-to-favourite", test_next_to_favourite);
  g_test_add_func ("/biased-lock/next-when-told", test_next_when_told);
  g_test_add_func ("/biased-lock/fork", test_fork);
  return g_test_run ();
}
