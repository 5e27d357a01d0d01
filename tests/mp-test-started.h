/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <mpglib.h>

G_BEGIN_DECLS

/* Children of a test that are this very program, started by MpProcess. */

extern const MpStartMethod mp_test_methods[2];

/* Of a test that mp_test_add_methods() has added */
#define MP_TEST_METHOD(data) (*(const MpStartMethod *) (data))

/* A test for each method of starting, PATH/spawn and PATH/forkserver. */
void       mp_test_add_methods      (const char    *path,
                                     GTestDataFunc  func);

/* Runs a target that exists there; its message has the value, and n_objects shareables. */
MpProcess *mp_test_start            (MpStartMethod  method,
                                     const char    *target,
                                     GVariant      *value,
                                     gpointer      *objects,
                                     guint          n_objects);
/* Takes the process, which ends without an error. */
void       mp_test_join_process     (MpProcess     *process);
gpointer   mp_test_get_attachment   (MpMessage     *message,
                                     guint          index);

/* --- A child that does as it is told */

void       mp_test_say              (MpConnection  *connection,
                                     const char    *word);
/* NULL at the end of the connection, or when the time is over */
char      *mp_test_hear             (MpConnection  *connection,
                                     gdouble        timeout);

typedef struct
{
  MpProcess *process;
  MpConnection *connection;
} MpTestServant;

/* Runs the target "obey", whose message has the other end of the connection and the objects. */
MpTestServant mp_test_servant_start (MpStartMethod  method,
                                     gpointer      *objects,
                                     guint          n_objects);
void       mp_test_servant_expect   (MpTestServant *self,
                                     const char    *answer);
void       mp_test_servant_order    (MpTestServant *self,
                                     const char    *order,
                                     const char    *answer);
void       mp_test_servant_join     (MpTestServant *self);
void       mp_test_servant_kill     (MpTestServant *self);

G_END_DECLS
