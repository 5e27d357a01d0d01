/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* What a listener tells of those whom it turns away. */

#include "config.h"

#include <string.h>

#include <mpglib.h>

#include "mp-refusals-private.h"
#include "mp-test.h"

#define KEY "only for tests, and long enough"

typedef struct
{
  GPtrArray *names;
  GArray *codes;
  guint n_wanted;
} Told;

static MpAuthKey *key, *other_key;

static gboolean
is_all_told (gpointer data)
{
  Told *told = data;

  return told->names->len >= told->n_wanted;
}

static void
on_refused (MpListener *listener,
            const char *who,
            GError     *error,
            Told       *told)
{
  g_assert_true (error->domain == MP_ERROR);
  g_ptr_array_add (told->names, g_strdup (who));
  g_array_append_val (told->codes, error->code);
}

static void
assert_refused (MpListener *listener,
                MpAuthKey  *a_key)
{
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_connection_open (address, a_key, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
}

static MpListener *
listen_at (const char *address,
           Told       *told)
{
  MpListener *listener = mp_listener_new (address, key);
  g_autoptr (GError) error = NULL;

  told->names = g_ptr_array_new_with_free_func (g_free);
  told->codes = g_array_new (FALSE, FALSE, sizeof (int));
  g_signal_connect (listener, "refused", G_CALLBACK (on_refused), told);
  g_assert_true (mp_listener_open (listener, &error));
  g_assert_no_error (error);
  return listener;
}

static void
stop_listening (MpListener *listener,
                Told       *told)
{
  mp_listener_close (listener);
  g_object_unref (listener);
  g_ptr_array_unref (told->names);
  g_array_unref (told->codes);
}

static void
turn_loop (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* Both ends learn of a key that is wrong, and who has it is named. */
static void
test_wrong_key (gconstpointer address)
{
  Told told = { .n_wanted = 2 };
  MpListener *listener = listen_at (address, &told);
  g_autofree char *own = mp_listener_get_address (listener);

  assert_refused (listener, other_key); /* of which nobody wants to know */
  mp_listener_start_accepting (listener);
  assert_refused (listener, other_key);
  assert_refused (listener, other_key);
  g_assert_cmpuint (told.names->len, ==, 0);
  mp_test_run_until (is_all_told, &told);
  turn_loop ();

  g_assert_cmpuint (told.names->len, ==, 2);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmpint (g_array_index (told.codes, int, i), ==, MP_ERROR_AUTHENTICATION);
      g_assert_nonnull (strstr (told.names->pdata[i], address != NULL ? "tcp:127.0.0.1:" : "of user"));
    }

  mp_listener_stop_accepting (listener);
  assert_refused (listener, other_key);
  turn_loop ();
  g_assert_cmpuint (told.names->len, ==, 2);
  stop_listening (listener, &told);
}

#define N_MANY (MP_REFUSALS_MAX + 10)

static void
count_refused (GObject      *source,
               GAsyncResult *result,
               gpointer      n_refused)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_connection_open_finish (result, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_AUTHENTICATION);
  ++*(guint *) n_refused;
}

/* All at a time, since each learns of it after a while, and without the main context of the listener. */
static gpointer
be_refused (gpointer listener)
{
  g_autofree char *address = mp_listener_get_address (listener);
  g_autoptr (GMainContext) context = g_main_context_new ();
  guint n_refused = 0;

  g_main_context_push_thread_default (context);
  for (guint i = 0; i < N_MANY; i++)
    mp_connection_open_async (address, other_key, MP_TEST_DEADLINE, NULL, count_refused, &n_refused);
  while (n_refused < N_MANY)
    g_main_context_iteration (context, TRUE);
  g_main_context_pop_thread_default (context);
  return NULL;
}

/* What nobody hears of is not kept for ever. */
static void
test_many (void)
{
  Told told = { .n_wanted = MP_REFUSALS_MAX };
  MpListener *listener = listen_at (NULL, &told);

  mp_listener_start_accepting (listener);
  g_thread_join (g_thread_new ("refused", be_refused, listener));
  mp_test_run_until (is_all_told, &told);
  turn_loop ();
  g_assert_cmpuint (told.names->len, ==, MP_REFUSALS_MAX);

  /* Nor is what is left when the listener closes. */
  assert_refused (listener, other_key);
  stop_listening (listener, &told);
  turn_loop ();
}

static void
warm_up (void)
{
  test_wrong_key (NULL);
}

int
main (int   argc,
      char *argv[])
{
  mp_test_init (&argc, &argv);
  mp_test_set_warm_up (warm_up);
  key = mp_auth_key_new_data ((const guint8 *) KEY, strlen (KEY));
  other_key = mp_auth_key_new_random ();

  mp_test_add_data ("/listener-refusals/unix", NULL, test_wrong_key);
  mp_test_add_data ("/listener-refusals/tcp", "tcp:127.0.0.1:0", test_wrong_key);
  mp_test_add ("/listener-refusals/many", test_many);

  return g_test_run ();
}
