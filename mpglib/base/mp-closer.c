/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <pthread.h>
#include <string.h>

#include "mp-closer-private.h"

/* Jobs are in a stack that is taken as a whole, and of which the rest is put back: no lock, which a fork might find
 * taken.  A thread may be held up for ever by what it closes, so as long as there are jobs there is another one that is
 * free, if there may be so many: whoever adds a job, puts some back, or goes about one sees to that.  A free one ends
 * when it finds none.
 */

/* At most that many are held up; the rest stays open until one of them goes on. */
#define MAX_THREADS 64

typedef struct _Job Job;
struct _Job
{
  Job *next;
  MpCloserFunc close_func;
  guint n_fds;
  int fds[];
};

/* Atomic */
static Job *jobs;
static int n_threads;
static int n_free; /* of those threads */

static void
put_back (Job *first,
          Job *last)
{
  do
    last->next = g_atomic_pointer_get (&jobs);
  while (!g_atomic_pointer_compare_and_exchange (&jobs, last->next, first));
}

static Job *
take (void)
{
  Job *job = g_atomic_pointer_exchange (&jobs, NULL);
  Job *last;

  if (job == NULL || job->next == NULL)
    return job;

  for (last = job->next; last->next != NULL; last = last->next)
    ;
  put_back (job->next, last);
  return job;
}

static gboolean
enter (void)
{
  if (g_atomic_int_add (&n_threads, 1) < MAX_THREADS)
    return TRUE;

  g_atomic_int_add (&n_threads, -1);
  return FALSE;
}

static gpointer work (gpointer data);

static void
ensure_free (void)
{
  GThread *thread = NULL;

  if (g_atomic_pointer_get (&jobs) == NULL || !g_atomic_int_compare_and_exchange (&n_free, 0, 1))
    return;

  if (enter ())
    {
      thread = g_thread_try_new ("mp-discard", work, NULL, NULL);
      if (thread == NULL)
        g_atomic_int_add (&n_threads, -1);
    }

  if (thread != NULL)
    g_thread_unref (thread);
  else
    g_atomic_int_add (&n_free, -1);
}

static void
do_job (Job *job)
{
  g_atomic_int_add (&n_free, -1);
  ensure_free ();
  for (guint i = 0; i < job->n_fds; i++)
    job->close_func (job->fds[i]);
  g_free (job);
  g_atomic_int_add (&n_free, 1);
}

/* What is added while it is on its way out is found by it, if whoever adds it finds it there still. */
static gboolean
may_leave (void)
{
  g_atomic_int_add (&n_free, -1);
  g_atomic_int_add (&n_threads, -1);
  if (g_atomic_pointer_get (&jobs) == NULL || !enter ())
    return TRUE;

  g_atomic_int_add (&n_free, 1);
  return FALSE;
}

static gpointer
work (gpointer data)
{
  do
    {
      Job *job;

      while ((job = take ()) != NULL)
        do_job (job);
    }
  while (!may_leave ());

  return NULL;
}

/* The threads are the parent's. */
static void
forget_threads (void)
{
  if (n_threads != 0)
    n_threads = n_free = 0;
}

static void __attribute__ ((constructor))
watch_forks (void)
{
  pthread_atfork (NULL, NULL, forget_threads);
}

/*< private >
 * mp_closer_add:
 * @fds_taken: of one sender: what holds one of them up holds up those behind it
 * @close_func: closes one, on another thread
 *
 * Where no thread can be started they stay open until the next one is.
 */
void
mp_closer_add (const int    *fds_taken,
               guint         n_fds,
               MpCloserFunc  close_func)
{
  Job *job = g_malloc (sizeof (Job) + n_fds * sizeof (int));

  job->close_func = close_func;
  job->n_fds = n_fds;
  memcpy (job->fds, fds_taken, n_fds * sizeof (int));
  put_back (job, job);
  ensure_free ();
}
