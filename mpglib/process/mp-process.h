/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mp-auth-key.h"
#include "mp-context.h"
#include "mp-message.h"

G_BEGIN_DECLS

/**
 * MpProcessState:
 * @MP_PROCESS_STATE_INITIAL: not started yet
 * @MP_PROCESS_STATE_STARTING: being made, or preparing itself
 * @MP_PROCESS_STATE_RUNNING: its target runs
 * @MP_PROCESS_STATE_STOPPED: it has ended, or could not be started
 * @MP_PROCESS_STATE_CLOSED: [method@Mp.Process.close] was called
 *
 * The life of a process.
 *
 * Since: 1.0
 */
typedef enum
{
  MP_PROCESS_STATE_INITIAL,
  MP_PROCESS_STATE_STARTING,
  MP_PROCESS_STATE_RUNNING,
  MP_PROCESS_STATE_STOPPED,
  MP_PROCESS_STATE_CLOSED,
} MpProcessState;

/**
 * MP_EXIT_CODE_UNKNOWN:
 *
 * The exit code of a process of which only is known that it has ended: somebody
 * else reaped it, or who knew died too.
 *
 * Since: 1.0
 */
#define MP_EXIT_CODE_UNKNOWN (-2147483647 - 1)

#define MP_TYPE_PROCESS (mp_process_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpProcess, mp_process, MP, PROCESS, GObject)

MP_AVAILABLE_IN_1_0
MpProcess      *mp_process_new           (MpContext            *context,
                                          const char           *target,
                                          GVariant             *args);
MP_AVAILABLE_IN_1_0
MpProcess      *mp_process_new_with_message (MpContext         *context,
                                          const char           *target,
                                          MpMessage            *arguments);
MP_AVAILABLE_IN_1_0
MpMessage      *mp_process_ref_message   (MpProcess            *self);
MP_AVAILABLE_IN_1_0
void            mp_process_set_message   (MpProcess            *self,
                                          MpMessage            *arguments);
MP_AVAILABLE_IN_1_0
MpAuthKey      *mp_process_ref_auth_key  (MpProcess            *self);
MP_AVAILABLE_IN_1_0
gboolean        mp_process_set_auth_key  (MpProcess            *self,
                                          MpAuthKey            *key,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
gboolean        mp_process_start         (MpProcess            *self,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
void            mp_process_start_async   (MpProcess            *self,
                                          GCancellable         *cancellable,
                                          GAsyncReadyCallback   callback,
                                          gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean        mp_process_start_finish  (MpProcess            *self,
                                          GAsyncResult         *result,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
gboolean        mp_process_join          (MpProcess            *self,
                                          gdouble               timeout,
                                          GCancellable         *cancellable,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
void            mp_process_join_async    (MpProcess            *self,
                                          gdouble               timeout,
                                          GCancellable         *cancellable,
                                          GAsyncReadyCallback   callback,
                                          gpointer              user_data);
MP_AVAILABLE_IN_1_0
gboolean        mp_process_join_finish   (MpProcess            *self,
                                          GAsyncResult         *result,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
gboolean        mp_process_terminate     (MpProcess            *self,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
gboolean        mp_process_kill          (MpProcess            *self,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
gboolean        mp_process_interrupt     (MpProcess            *self,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
gboolean        mp_process_close         (MpProcess            *self,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
gboolean        mp_process_is_alive      (MpProcess            *self);
MP_AVAILABLE_IN_1_0
MpProcessState  mp_process_get_state     (MpProcess            *self);
MP_AVAILABLE_IN_1_0
int             mp_process_get_pid       (MpProcess            *self);
MP_AVAILABLE_IN_1_0
int             mp_process_get_exit_code (MpProcess            *self);
MP_AVAILABLE_IN_1_0
int             mp_process_get_sentinel  (MpProcess            *self);
MP_AVAILABLE_IN_1_0
char           *mp_process_dup_name      (MpProcess            *self);
MP_AVAILABLE_IN_1_0
void            mp_process_set_name      (MpProcess            *self,
                                          const char           *name);
MP_AVAILABLE_IN_1_0
gboolean        mp_process_get_daemon    (MpProcess            *self);
MP_AVAILABLE_IN_1_0
void            mp_process_set_daemon    (MpProcess            *self,
                                          gboolean              is_daemon);
MP_AVAILABLE_IN_1_0
GVariant       *mp_process_get_report    (MpProcess            *self);
MP_AVAILABLE_IN_1_0
gboolean        mp_process_check         (MpProcess            *self,
                                          GError              **error);
MP_AVAILABLE_IN_1_0
MpProcess      *mp_process_get_current   (void);
MP_AVAILABLE_IN_1_0
GListModel     *mp_process_get_children  (void);
MP_AVAILABLE_IN_1_0
char           *mp_process_to_string     (MpProcess            *self);

G_END_DECLS
