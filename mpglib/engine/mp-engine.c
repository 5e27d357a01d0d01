/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

#include "config.h"

#include "mp-engine-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-fork-private.h"
#include "mp-origin-private.h"
#include "mp-patience-private.h"
#include "mp-thread-private.h"

#define STACK_SIZE (256 * 1024)

typedef struct {
  MpEngineJob func;
  gpointer data;
} Job;

typedef struct {
  guint32 origin;    /* the process it runs in */
  pthread_t thread;
  int epoll_fd;
  int wake_fd;       /* jobs are there */

  GMutex lock;       /* for the fields below; a leaf: nothing is called under it */
  GQueue jobs;
  GHashTable *pumps; /* epoll fd of a pump → pump; an event names the fd, so a pump that went is not found */
} Engine;

static Engine *engine;
static GMutex engine_lock;
static _Thread_local gboolean engine_is_current;

static void
run_jobs (Engine *self)
{
  guint64 count;

  if (read (self->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
    g_critical ("mp-engine cannot read its eventfd: %s", g_strerror (errno));

  for (;;)
    {
      Job *job;

      g_mutex_lock (&self->lock);
      job = g_queue_pop_head (&self->jobs);
      g_mutex_unlock (&self->lock);
      if (job == NULL)
        return;
      job->func (job->data);
      g_free (job);
    }
}

static void
serve_pump (Engine *self,
            int     epoll_fd)
{
  MpPump *pump;

  g_mutex_lock (&self->lock);
  pump = g_hash_table_lookup (self->pumps, GINT_TO_POINTER (epoll_fd));
  if (pump != NULL && !mp_pump_try_ref (pump))
    pump = NULL;
  g_mutex_unlock (&self->lock);

  if (pump != NULL)
    {
      mp_pump_serve (pump);
      mp_pump_unref (pump);
    }
}

static void *
engine_main (void *data)
{
  Engine *self = data;

  engine_is_current = TRUE;
  mp_patience_hurry_thread ();
  prctl (PR_SET_NAME, "mp-engine");

  for (;;)
    {
      struct epoll_event events[16];
      int n = epoll_wait (self->epoll_fd, events, G_N_ELEMENTS (events), -1);

      for (int i = 0; i < n; i++)
        {
          if (events[i].data.fd == self->wake_fd)
            run_jobs (self);
          else
            serve_pump (self, events[i].data.fd);
        }
    }
  return NULL;
}

static int
open_descriptors (Engine *self)
{
  struct epoll_event event = { .events = EPOLLIN };

  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  self->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  event.data.fd = self->wake_fd;
  if (self->epoll_fd < 0 || self->wake_fd < 0
      || epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, self->wake_fd, &event) < 0)
    return errno;
  return 0;
}

static void
engine_free (Engine *self)
{
  mp_fd_close (&self->epoll_fd);
  mp_fd_close (&self->wake_fd);
  g_mutex_clear (&self->lock);
  g_hash_table_unref (self->pumps);
  g_free (self);
}

static Engine *
engine_new (GError **error)
{
  Engine *self = g_new0 (Engine, 1);
  int failed;

  self->origin = mp_origin_get ();
  g_mutex_init (&self->lock);
  g_queue_init (&self->jobs);
  self->pumps = g_hash_table_new (NULL, NULL);
  failed = open_descriptors (self);
  if (failed == 0)
    failed = mp_thread_start (engine_main, self, STACK_SIZE, &self->thread);
  if (failed == 0)
    return self;

  g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "The library's thread mp-engine cannot be started: %s",
               g_strerror (failed));
  engine_free (self);
  return NULL;
}

/* A process forked by a stranger has no thread mp-engine, and shares the epoll with its parent: it gets an engine
 * of its own, and what the old one served answers MP_ERROR_FORKED. */
static Engine *
engine_ensure (GError **error)
{
  Engine *self = g_atomic_pointer_get (&engine);

  if (G_LIKELY (self != NULL && self->origin == mp_origin_get ()))
    return self;

  g_mutex_lock (&engine_lock);
  self = engine;
  if (self == NULL || self->origin != mp_origin_get ())
    {
      self = engine_new (error);
      if (self != NULL)
        g_atomic_pointer_set (&engine, self);
    }
  g_mutex_unlock (&engine_lock);
  return self;
}

static Engine *
engine_get (void)
{
  return g_atomic_pointer_get (&engine);
}

gboolean
mp_engine_is_current (void)
{
  return engine_is_current;
}

void
mp_engine_run (MpEngineJob func,
               gpointer    data)
{
  Engine *self = engine_get ();
  Job *job = g_new (Job, 1);
  gboolean was_empty;
  guint64 one = 1;

  job->func = func;
  job->data = data;
  g_mutex_lock (&self->lock);
  was_empty = g_queue_is_empty (&self->jobs);
  g_queue_push_tail (&self->jobs, job);
  g_mutex_unlock (&self->lock);

  if (was_empty && write (self->wake_fd, &one, sizeof one) < 0)
    g_critical ("mp-engine cannot be woken: %s", g_strerror (errno));
}

gboolean
mp_engine_add_pump (int      epoll_fd,
                    MpPump  *pump,
                    GError **error)
{
  Engine *self = engine_ensure (error);
  struct epoll_event event = { .events = EPOLLIN, .data.fd = epoll_fd };

  if (self == NULL)
    return FALSE;
  g_mutex_lock (&self->lock);
  g_hash_table_insert (self->pumps, GINT_TO_POINTER (epoll_fd), pump);
  g_mutex_unlock (&self->lock);
  if (epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, epoll_fd, &event) == 0)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_START_FAILED, "The library's thread mp-engine cannot watch one thing more: %s",
               g_strerror (errno));
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->pumps, GINT_TO_POINTER (epoll_fd));
  g_mutex_unlock (&self->lock);
  return FALSE;
}

void
mp_engine_arm_pump (int      epoll_fd,
                    MpPump  *pump,
                    gboolean armed)
{
  Engine *self = engine_get ();
  struct epoll_event event = { .events = armed ? EPOLLIN : 0, .data.fd = epoll_fd };

  if (epoll_ctl (self->epoll_fd, EPOLL_CTL_MOD, epoll_fd, &event) < 0)
    g_critical ("mp-engine lost a pump: %s", g_strerror (errno));
}

void
mp_engine_remove_pump (int     epoll_fd,
                       MpPump *pump)
{
  Engine *self = engine_get ();

  epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, epoll_fd, NULL);
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->pumps, GINT_TO_POINTER (epoll_fd));
  g_mutex_unlock (&self->lock);
}

/* --- forks ------------------------------------------------------------------------------------------------ */

static Engine *locked; /* while a fork is on its way */

void
mp_engine_before_fork (void)
{
  g_mutex_lock (&engine_lock);
  locked = engine;
  if (locked != NULL)
    g_mutex_lock (&locked->lock);
}

void
mp_engine_after_fork (void)
{
  if (locked != NULL)
    g_mutex_unlock (&locked->lock);
  locked = NULL;
  g_mutex_unlock (&engine_lock);
}

/* It has no thread here */
void
mp_engine_forget_parent (void)
{
  if (engine != NULL)
    g_atomic_pointer_set (&engine, NULL);
}
