/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */
#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include "mp-error.h"
#include "mp-message.h"

G_BEGIN_DECLS

/**
 * MpWorkerRole:
 * @MP_WORKER_ROLE_PROCESS: runs one target, then ends
 * @MP_WORKER_ROLE_POOL: runs tasks until it is told to stop
 * @MP_WORKER_ROLE_TEMPLATE: forks on request
 *
 * What a child process was started for.
 *
 * Since: 1.0
 */
typedef enum {
  MP_WORKER_ROLE_PROCESS,
  MP_WORKER_ROLE_POOL,
  MP_WORKER_ROLE_TEMPLATE,
} MpWorkerRole;

#define MP_TYPE_WORKER (mp_worker_get_type ())

/* This process, seen by a language's runtime in a child.  Whoever brings a language to mpglib uses it:
 *
 *   worker = mp_worker_open ();              consumes the marker; NULL if this process is no child
 *   if role is TEMPLATE:
 *     preload; while (mp_worker_wait_fork (worker)) { pid = fork ();   by the language's own fork
 *       if (pid == 0) { mp_worker_forked_child (worker); break; } mp_worker_forked_parent (worker, pid); }
 *     (FALSE from wait_fork: the host has gone, end)
 *   prepare with mp_worker_get_preparation ()
 *   if role is PROCESS: find the target; mp_worker_ready (); run it with get_arguments ();
 *     mp_worker_report () if it threw; mp_worker_finish (exit code); end with that code
 *   if role is POOL: mp_worker_ready (); while ((task = mp_worker_next_task ())) run, mp_worker_task_return… */
MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpWorker, mp_worker, MP, WORKER, GObject)

MP_AVAILABLE_IN_1_0
MpWorker     *mp_worker_open              (GError       **error);
MP_AVAILABLE_IN_1_0
MpWorker     *mp_worker_get_current       (void);
MP_AVAILABLE_IN_1_0
MpWorkerRole  mp_worker_get_role          (MpWorker      *self);
MP_AVAILABLE_IN_1_0
const char   *mp_worker_get_name          (MpWorker      *self);
MP_AVAILABLE_IN_1_0
const char   *mp_worker_get_target        (MpWorker      *self);
MP_AVAILABLE_IN_1_0
MpMessage    *mp_worker_get_arguments     (MpWorker      *self);
MP_AVAILABLE_IN_1_0
gboolean      mp_worker_get_spread        (MpWorker      *self);
MP_AVAILABLE_IN_1_0
GVariant     *mp_worker_get_preparation   (MpWorker      *self);
MP_AVAILABLE_IN_1_0
char         *mp_worker_to_string         (MpWorker      *self);
MP_AVAILABLE_IN_1_0
gboolean      mp_worker_wait_fork         (MpWorker      *self);
MP_AVAILABLE_IN_1_0
void          mp_worker_forked_parent     (MpWorker      *self,
                                           int            pid);
MP_AVAILABLE_IN_1_0
gboolean      mp_worker_forked_child      (MpWorker      *self,
                                           GError       **error);
MP_AVAILABLE_IN_1_0
gboolean      mp_worker_ready             (MpWorker      *self,
                                           GError       **error);
MP_AVAILABLE_IN_1_0
void          mp_worker_begin_loading     (MpWorker      *self,
                                           const char    *what,
                                           const char    *remedy);
MP_AVAILABLE_IN_1_0
void          mp_worker_end_loading       (MpWorker      *self);
MP_AVAILABLE_IN_1_0
void          mp_worker_report            (MpWorker      *self,
                                           MpError        code,
                                           const char    *type,
                                           const char    *message,
                                           const char    *traceback,
                                           const char    *codec,
                                           const guint8  *payload,
                                           gsize          length);
MP_AVAILABLE_IN_1_0
void          mp_worker_finish            (MpWorker      *self,
                                           int            exit_code);

G_END_DECLS
