/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "mp-engine-private.h"
#include "mp-pump-private.h"
#include "mp-test.h"
#include "mp-worker-private.h"
#include "pool-targets.h"

#define TARGET(name) \
  static GVariant * \
  name (MpMessage     *arguments, \
        GCancellable  *cancellable, \
        gpointer       user_data, \
        GError       **error)

/* The only argument, whether it came alone or in a tuple. */
static GVariant *
get_argument (MpMessage *arguments)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_message_get_value (arguments, &error);

  g_assert_no_error (error);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_TUPLE))
    return g_variant_get_child_value (value, 0);

  return g_steal_pointer (&value);
}

/* x -> x */
TARGET (target_square)
{
  g_autoptr (GVariant) number = get_argument (arguments);

  return g_variant_new_int64 (g_variant_get_int64 (number) * g_variant_get_int64 (number));
}

/* x, x -> x */
TARGET (target_add)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, error);
  gint64 a, b;

  g_variant_get (value, "(xx)", &a, &b);
  return g_variant_new_int64 (a + b);
}

/* What came comes back. */
TARGET (target_echo)
{
  return mp_message_get_value (arguments, error);
}

TARGET (target_nothing)
{
  return NULL;
}

/* anything -> s: "CODEC LENGTH" */
TARGET (target_measure)
{
  gsize length;

  mp_message_get_payload (arguments, &length);
  return g_variant_new_take_string (g_strdup_printf ("%s %" G_GSIZE_FORMAT, mp_message_get_codec (arguments), length));
}

/* (h): reads a byte from the attached descriptor -> y */
TARGET (target_read_byte)
{
  int fd = mp_message_get_attached_fd (arguments, 0, error);
  guint8 byte;

  if (fd < 0)
    return NULL;

  g_assert_cmpint (read (fd, &byte, 1), ==, 1);
  close (fd);
  return g_variant_new_byte (byte);
}

TARGET (target_fail)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "there is no spoon");
  return NULL;
}

/* s: fails with an error of that domain */
TARGET (target_fail_of)
{
  g_autoptr (GVariant) domain = get_argument (arguments);

  g_set_error (error, g_quark_from_string (g_variant_get_string (domain, NULL)), 7, "odd thing");
  return NULL;
}

/* x -> x, but odd ones fail */
TARGET (target_halve)
{
  g_autoptr (GVariant) number = get_argument (arguments);

  if (g_variant_get_int64 (number) % 2 == 0)
    return g_variant_new_int64 (g_variant_get_int64 (number) / 2);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%" G_GINT64_FORMAT " is odd",
               g_variant_get_int64 (number));
  return NULL;
}

/* x: ends the process with that code */
TARGET (target_exit)
{
  g_autoptr (GVariant) code = get_argument (arguments);

  exit ((int) g_variant_get_int64 (code));
}

static void
die_of (int signal_number)
{
  struct rlimit none = { 0, 0 };

  setrlimit (RLIMIT_CORE, &none);
  signal (signal_number, SIG_DFL);
  raise (signal_number);
}

/* x: ends the process by that signal */
TARGET (target_raise)
{
  g_autoptr (GVariant) number = get_argument (arguments);

  die_of ((int) g_variant_get_int64 (number));
  return NULL;
}

/* x -> x: the square, but 7 is deadly */
TARGET (target_square_but_seven)
{
  g_autoptr (GVariant) number = get_argument (arguments);

  if (g_variant_get_int64 (number) == 7)
    die_of (SIGKILL);
  return g_variant_new_int64 (g_variant_get_int64 (number) * g_variant_get_int64 (number));
}

TARGET (target_pid)
{
  return g_variant_new_int64 (getpid ());
}

static int
go_to_gate (GVariant *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, g_variant_get_string (path, NULL), sizeof address.sun_path);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  return fd;
}

/* s */
TARGET (target_gate)
{
  g_autoptr (GVariant) path = get_argument (arguments);
  struct pollfd descriptors[] = {
    { .fd = go_to_gate (path), .events = POLLIN },
    { .fd = g_cancellable_get_fd (cancellable), .events = POLLIN },
  };

  while (poll (descriptors, 2, -1) < 0)
    ;
  close (descriptors[0].fd);
  g_cancellable_release_fd (cancellable);
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;

  return g_variant_new_string ("through");
}

typedef struct
{
  GMutex lock;
  GCond changed;
  char *thread;         /* where the handler runs; NULL: it has not begun */
  gboolean may_go;
} Handler;

/* Needs more stack than threads of the library's own have. */
static void
handle_cancellation (GCancellable *cancellable,
                     Handler      *handler)
{
  volatile char stack[1024 * 1024];
  char name[16];

  for (gsize i = 0; i < sizeof stack; i += 4096)
    stack[i] = 1;
  prctl (PR_GET_NAME, name);

  g_mutex_lock (&handler->lock);
  handler->thread = g_strdup (name);
  g_cond_broadcast (&handler->changed);
  while (!handler->may_go)
    g_cond_wait (&handler->changed, &handler->lock);
  g_mutex_unlock (&handler->lock);
}

static void
let_go (gpointer data)
{
  Handler *handler = data;

  g_mutex_lock (&handler->lock);
  handler->may_go = TRUE;
  g_cond_broadcast (&handler->changed);
  g_mutex_unlock (&handler->lock);
}

/* s: stands at that gate until it is cancelled; the engine lets the handler of that go -> s: the thread
 * that it ran on
 */
TARGET (target_handle_cancellation)
{
  g_autoptr (GVariant) path = get_argument (arguments);
  static Handler handler;
  gulong id;
  int fd;

  id = g_cancellable_connect (cancellable, G_CALLBACK (handle_cancellation), &handler, NULL);
  fd = go_to_gate (path);

  g_mutex_lock (&handler.lock);
  while (handler.thread == NULL)
    g_cond_wait (&handler.changed, &handler.lock);
  g_mutex_unlock (&handler.lock);
  mp_engine_run (let_go, &handler);

  g_cancellable_disconnect (cancellable, id); /* waits for it */
  close (fd);
  return g_variant_new_take_string (g_steal_pointer (&handler.thread));
}

static gpointer
complain (gpointer data)
{
  g_autofree char *text = g_strnfill (60000, 'x');

  for (guint i = 0; i < 10; i++)
    mp_worker_report (mp_worker_get_current (), MP_ERROR_REMOTE, NULL, text, NULL, NULL, NULL, 0);
  return NULL;
}

static gboolean
is_writable (int fd)
{
  struct pollfd descriptor = { .fd = fd, .events = POLLOUT };

  return poll (&descriptor, 1, 0) > 0;
}

/* (ss): goes through the first gate, says more than the channel takes, and goes to the second gate when it could
 * report progress all the same
 */
TARGET (target_report_amid_complaints)
{
  g_autoptr (GVariant) value = mp_message_get_value (arguments, NULL);
  g_autoptr (GVariant) first = g_variant_get_child_value (value, 0);
  g_autoptr (GVariant) second = g_variant_get_child_value (value, 1);
  struct pollfd gate = { .fd = go_to_gate (first), .events = POLLIN };
  int channel = mp_transport_get_fd (mp_worker_get_transport (mp_worker_get_current ()));
  GThread *thread;

  poll (&gate, 1, -1);
  close (gate.fd);

  thread = g_thread_new ("complain", complain, NULL);
  while (is_writable (channel))
    g_thread_yield ();
  mp_progress_report (0.5, "in spite of all");

  close (go_to_gate (second));
  g_thread_join (thread);
  return g_variant_new_string ("done");
}

/* s: like a gate, but deaf to cancellation */
TARGET (target_stubborn_gate)
{
  g_autoptr (GVariant) path = get_argument (arguments);
  struct pollfd descriptor = { .fd = go_to_gate (path), .events = POLLIN };

  while (poll (&descriptor, 1, -1) < 0)
    ;
  close (descriptor.fd);
  return g_variant_new_string ("through");
}

/* s: stands at that gate, or goes on if it is empty */
TARGET (target_gate_or_go)
{
  g_autoptr (GVariant) path = get_argument (arguments);

  if (g_variant_get_string (path, NULL)[0] != '\0')
    return target_gate (arguments, cancellable, user_data, error);

  return g_variant_new_string ("gone on");
}

/* x -> x: the square, after some work */
TARGET (target_square_slowly)
{
  g_autoptr (GVariant) number = get_argument (arguments);
  gint64 end = g_get_monotonic_time () + 300;

  while (g_get_monotonic_time () < end)
    ;
  return g_variant_new_int64 (g_variant_get_int64 (number) * g_variant_get_int64 (number));
}

/* x: the sum of the squares below it, by a pool of the worker's own */
TARGET (target_sum_squares)
{
  g_autoptr (GVariant) number = get_argument (arguments);
  guint n = (guint) g_variant_get_int64 (number);
  g_autoptr (MpPool) pool = pool_new (2);
  g_autoptr (GVariant) squares = mp_pool_map (pool, "square", numbers_new (n), 0, MP_TEST_DEADLINE, NULL, error);
  gint64 sum = 0;

  if (squares == NULL)
    return NULL;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GVariant) square = g_variant_get_child_value (squares, i);

      sum += take_int64 (g_variant_get_variant (square));
    }
  return g_variant_new_int64 (sum);
}

/* x: reports so often, as fast as it can */
TARGET (target_report)
{
  g_autoptr (GVariant) number = get_argument (arguments);
  gint64 n = g_variant_get_int64 (number);

  for (gint64 i = 1; i <= n; i++)
    {
      g_autofree char *text = g_strdup_printf ("step %" G_GINT64_FORMAT, i);

      mp_progress_report ((gdouble) i / (gdouble) n, text);
    }
  return g_variant_new_int64 (n);
}

/* s: reports half, then stands at the gate */
TARGET (target_report_at_gate)
{
  mp_progress_report (0.5, "half way");
  return target_gate (arguments, cancellable, user_data, error);
}

/* A value that its receiver refuses. */
TARGET (target_nest)
{
  GVariant *value = g_variant_new_int64 (1);

  for (guint i = 0; i < 100; i++)
    value = g_variant_new_variant (value);
  return value;
}

/* A value whose type is too long to travel. */
TARGET (target_widen)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_TUPLE);
  for (guint i = 0; i < 300; i++)
    g_variant_builder_add (&builder, "i", 1);
  return g_variant_builder_end (&builder);
}

void
pool_targets_init (void)
{
  const struct {
    const char *name;
    MpFunc func;
  } targets[] = {
    { "square", target_square },
    { "add", target_add },
    { "echo", target_echo },
    { "nothing", target_nothing },
    { "measure", target_measure },
    { "read-byte", target_read_byte },
    { "fail", target_fail },
    { "fail-of", target_fail_of },
    { "halve", target_halve },
    { "exit", target_exit },
    { "raise", target_raise },
    { "square-but-seven", target_square_but_seven },
    { "pid", target_pid },
    { "gate", target_gate },
    { "stubborn-gate", target_stubborn_gate },
    { "handle-cancellation", target_handle_cancellation },
    { "report-amid-complaints", target_report_amid_complaints },
    { "gate-or-go", target_gate_or_go },
    { "square-slowly", target_square_slowly },
    { "sum-squares", target_sum_squares },
    { "report", target_report },
    { "report-at-gate", target_report_at_gate },
    { "nest", target_nest },
    { "widen", target_widen },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (targets); i++)
    mp_register_target (targets[i].name, targets[i].func, NULL, NULL);
  mp_init ();
}

/* --- in the test ------------------------------------------------------------------------------------------ */

Gate *
gate_new (void)
{
  static guint n_gates;
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  Gate *gate = g_new (Gate, 1);

  gate->path = g_strdup_printf ("%s/gate-%u", g_getenv ("TMPDIR"), n_gates++);
  gate->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gate->visitor = -1;
  g_strlcpy (address.sun_path, gate->path, sizeof address.sun_path);
  g_assert_cmpint (bind (gate->listener, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (gate->listener, 128), ==, 0);
  return gate;
}

pid_t
gate_await (Gate *gate)
{
  struct ucred peer;
  socklen_t length = sizeof peer;

  g_assert_cmpint (gate->visitor, <, 0);
  gate->visitor = accept4 (gate->listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (gate->visitor, >=, 0);
  g_assert_cmpint (getsockopt (gate->visitor, SOL_SOCKET, SO_PEERCRED, &peer, &length), ==, 0);
  return peer.pid;
}

void
gate_open (Gate *gate)
{
  close (gate->visitor);
  gate->visitor = -1;
}

void
gate_await_leave (Gate *gate)
{
  char byte;

  g_assert_cmpint (read (gate->visitor, &byte, 1), <=, 0);
  gate_open (gate);
}

MpPoolResult *
gate_submit (Gate       *gate,
             MpPool     *pool,
             const char *target)
{
  return mp_pool_submit (pool, target, g_variant_new_string (gate->path), NULL);
}

void
gate_free (Gate *gate)
{
  g_assert_cmpint (g_unlink (gate->path), ==, 0);
  close (gate->listener);
  if (gate->visitor >= 0)
    close (gate->visitor);
  g_free (gate->path);
  g_free (gate);
}

MpPool *
pool_new (guint n_workers)
{
  return mp_pool_new (n_workers, NULL);
}

void
pool_finish (MpPool *pool)
{
  g_autoptr (GError) error = NULL;

  mp_pool_close (pool);
  mp_pool_join (pool, MP_TEST_DEADLINE, NULL, &error);
  g_assert_no_error (error);
  g_assert_finalize_object (pool);
}

void
pool_warm_up (void)
{
  g_autoptr (GError) error = NULL;
  MpPool *pool = pool_new (1);
  GVariant *value = mp_pool_apply (pool, "square", g_variant_new_int64 (3), MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (take_int64 (value), ==, 9);
  pool_finish (pool);

  /* The first deadline makes a descriptor */
  mp_pump_lock (mp_pump_get_shared ());
  mp_pump_remove_timer_locked (mp_pump_get_shared (),
                               mp_pump_add_timer_locked (mp_pump_get_shared (), G_MAXINT64, NULL, NULL));
  mp_pump_unlock (mp_pump_get_shared ());

  /* GLib starts a thread of its own with the first GTask */
  g_object_unref (g_task_new (NULL, NULL, NULL, NULL));
}

GVariant *
numbers_new (guint n)
{
  g_autofree gint64 *numbers = g_new (gint64, n + 1);

  for (guint i = 0; i < n; i++)
    numbers[i] = i;
  return g_variant_new_fixed_array (G_VARIANT_TYPE_INT64, numbers, n, sizeof numbers[0]);
}

gint64
take_int64 (GVariant *value)
{
  g_autoptr (GVariant) taken = value;

  g_assert_nonnull (taken);
  return g_variant_get_int64 (taken);
}

void
assert_squares (GVariant *values,
                guint     n)
{
  g_assert_nonnull (values);
  g_assert_cmpstr (g_variant_get_type_string (values), ==, "av");
  g_assert_cmpuint (g_variant_n_children (values), ==, n);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GVariant) variant = g_variant_get_child_value (values, i);

      g_assert_cmpint (take_int64 (g_variant_get_variant (variant)), ==, (gint64) i * i);
    }
}

void
assert_works (MpPool *pool)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = mp_pool_apply (pool, "square", g_variant_new_int64 (4), MP_TEST_DEADLINE, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (take_int64 (value), ==, 16);
}

void
assert_cancelled (MpPoolResult *result)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_pool_result_get (result, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (mp_pool_result_get_state (result), ==, MP_TASK_STATE_CANCELLED);
}

void
assert_exhausted (MpResultIterator *iterator)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_result_iterator_next (iterator, MP_TEST_DEADLINE, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_CLOSED);
  g_assert_true (mp_result_iterator_is_exhausted (iterator));
}
