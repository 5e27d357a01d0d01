/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "mp-test-started.h"

#include "mp-test.h"

const MpStartMethod mp_test_methods[2] = { MP_START_METHOD_SPAWN, MP_START_METHOD_FORKSERVER };

void
mp_test_add_methods (const char    *path,
                     GTestDataFunc  func)
{
  for (guint i = 0; i < G_N_ELEMENTS (mp_test_methods); i++)
    {
      const char *name = mp_test_methods[i] == MP_START_METHOD_SPAWN ? "spawn" : "forkserver";
      g_autofree char *full = g_strdup_printf ("%s/%s", path, name);

      mp_test_add_data (full, &mp_test_methods[i], func);
    }
}

MpProcess *
mp_test_start (MpStartMethod  method,
               const char    *target,
               GVariant      *value,
               gpointer      *objects,
               guint          n_objects)
{
  g_autoptr (MpContext) context = mp_context_new (method, NULL);
  g_autoptr (MpMessage) message = mp_message_new (value);
  g_autoptr (GError) error = NULL;
  MpProcess *process = mp_process_new (context, target, NULL);

  for (guint i = 0; i < n_objects; i++)
    mp_message_attach (message, MP_SHAREABLE (objects[i]));
  mp_process_set_message (process, message);
  mp_process_start (process, &error);
  g_assert_no_error (error);
  return process;
}

void
mp_test_join_process (MpProcess *process)
{
  g_autoptr (MpProcess) taken = process;
  g_autoptr (GError) error = NULL;

  mp_process_join (taken, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (mp_process_get_exit_code (taken), ==, 0);
}

gpointer
mp_test_get_attachment (MpMessage *message,
                        guint      index)
{
  g_autoptr (GError) error = NULL;
  MpShareable *object = mp_message_get_attachment (message, index, &error);

  g_assert_no_error (error);
  return object;
}

void
mp_test_say (MpConnection *connection,
             const char   *word)
{
  g_autoptr (GError) error = NULL;

  mp_connection_send (connection, g_variant_new_string (word), MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
}

char *
mp_test_hear (MpConnection *connection,
              gdouble       timeout)
{
  g_autoptr (GVariant) word = mp_connection_receive (connection, timeout, NULL, NULL);

  return word != NULL ? g_variant_dup_string (word, NULL) : NULL;
}

MpTestServant
mp_test_servant_start (MpStartMethod  method,
                       gpointer      *objects,
                       guint          n_objects)
{
  g_autoptr (MpConnection) theirs = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) all = g_ptr_array_new ();
  MpTestServant self;

  mp_connection_new_pair (TRUE, &self.connection, &theirs, &error);
  g_assert_no_error (error);
  g_ptr_array_add (all, theirs);
  for (guint i = 0; i < n_objects; i++)
    g_ptr_array_add (all, objects[i]);
  self.process = mp_test_start (method, "obey", NULL, all->pdata, all->len);
  mp_connection_close (theirs);
  return self;
}

void
mp_test_servant_expect (MpTestServant *self,
                        const char    *expected)
{
  g_autofree char *answer = mp_test_hear (self->connection, MP_TEST_DEADLINE);

  g_assert_cmpstr (answer, ==, expected);
}

void
mp_test_servant_order (MpTestServant *self,
                       const char    *order,
                       const char    *answer)
{
  mp_test_say (self->connection, order);
  mp_test_servant_expect (self, answer);
}

void
mp_test_servant_join (MpTestServant *self)
{
  g_autoptr (GError) error = NULL;

  mp_connection_close (self->connection);
  mp_process_join (self->process, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&self->connection);
  g_clear_object (&self->process);
}

void
mp_test_servant_kill (MpTestServant *self)
{
  mp_process_kill (self->process, NULL);
  mp_test_servant_join (self);
}
