/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <sys/prctl.h>
#include <unistd.h>

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-flight-private.h"
#include "mp-items-private.h"
#include "mp-log-private.h"
#include "mp-origin-private.h"
#include "mp-report-private.h"
#include "mp-target-private.h"
#include "mp-thread-private.h"
#include "mp-worker-loop-private.h"

/* Reports of progress are sent at most so often. */
#define PROGRESS_INTERVAL (20 * 1000)

/* The parent takes what has come as soon as it runs, unless somebody was stopped who has the memory. */
#define LANDING_TIME (4 * G_TIME_SPAN_SECOND)
#define MOST_ON_THEIR_WAY 128

/* Items that belong together: what one TASK frame brings. */
typedef struct
{
  guint64 serial;
  guint64 first;
  guint64 next; /* the first one that was not handed out */
  guint64 end;
  char *target;
  gboolean spread;
  MpItems *items;       /* NULL: a single call */
  MpMessage *arguments; /* of that */
} Chunk;

struct _MpWorkerLoop
{
  MpTransport *transport; /* the worker's */

  MpPump *pump; /* guards all below */
  MpPumpSource *source; /* NULL: the channel has been left */
  guint32 events;
  GQueue chunks;  /* Chunk; the first one is at hand */
  MpCall *call;   /* handed out and not answered; its user's */
  gboolean is_stopped; /* no more chunks come */
  gboolean is_closed;  /* nobody reads answers any more */
  GError *failure;     /* the channel broke */
  GCancellable *cancellable; /* of the last call */
  GPtrArray *spent; /* GObject: for the worker's thread to let go of without the lock */

  gdouble fraction;
  char *text;
  gboolean progress_is_due; /* not sent yet */
  gint64 progress_sent_at;
  MpPumpTimer *progress_timer;
};

static MpWorkerLoop *the_loop;

/* What came with it the functions have got, and the language knows. */
static void
chunk_free (Chunk     *self,
            GPtrArray *spent)
{
  if (self->items != NULL)
    mp_items_free (self->items, spent);
  if (self->arguments != NULL)
    g_ptr_array_add (spent, self->arguments);
  g_free (self->target);
  g_free (self);
}

void
mp_call_free (MpCall *self)
{
  g_clear_object (&self->arguments);
  g_clear_object (&self->cancellable);
  g_free (self->target);
  g_free (self);
}

/* --- the channel ------------------------------------------------------------------------------------------ */

static void
update_events_locked (MpWorkerLoop *self)
{
  guint32 events;

  if (self->source == NULL)
    return;

  events = (guint32) mp_transport_get_receive_events (self->transport); /* poll's bits are epoll's */
  if (mp_transport_get_n_queued (self->transport) > 0)
    events |= (guint32) mp_transport_get_send_events (self->transport);
  if (events != self->events)
    mp_pump_set_events_locked (self->pump, self->source, events);
  self->events = events;
}

static void
leave_channel_locked (MpWorkerLoop *self)
{
  if (self->source != NULL)
    mp_pump_remove_fd_locked (self->pump, g_steal_pointer (&self->source));
  if (self->progress_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->progress_timer));
}

static void
close_locked (MpWorkerLoop *self,
              GError       *failure)
{
  self->is_closed = TRUE;
  self->failure = failure;
  leave_channel_locked (self);
}

/* FALSE: this frame cannot be sent.  One that can goes out when there is room. */
static gboolean
push_locked (MpWorkerLoop  *self,
             MpFrame       *frame,
             GError       **error)
{
  MpIoStatus status;

  if (self->is_closed)
    {
      mp_frame_free (frame);
      return TRUE;
    }

  status = mp_transport_push (self->transport, frame, error);
  if (status == MP_IO_CLOSED)
    {
      if (error != NULL)
        g_clear_error (error);
      close_locked (self, NULL);
      return TRUE;
    }

  update_events_locked (self);
  return status != MP_IO_FAILED;
}

static gboolean
is_flushed (gpointer data)
{
  MpWorkerLoop *self = data;

  return self->is_closed || mp_transport_get_n_queued (self->transport) == 0;
}

/* Whoever has more to send than the parent takes waits for it.  A signal does not
 * end this: an answer is sent or the process dies.
 */
static void
flush_locked (MpWorkerLoop *self)
{
  while (!is_flushed (self))
    mp_pump_wait_locked (self->pump, is_flushed, self, MP_DEADLINE_NEVER, NULL, NULL);
}

/* --- what the parent says --------------------------------------------------------------------------------- */

static void
take_chunk_locked (MpWorkerLoop *self,
                   MpFrame      *frame)
{
  Chunk *chunk = g_new0 (Chunk, 1);
  GError *error = NULL;

  chunk->serial = frame->serial;
  chunk->first = chunk->next = frame->index;
  chunk->end = chunk->first + 1;
  chunk->target = g_steal_pointer (&frame->name);
  chunk->spread = (frame->flags & MP_FRAME_SPREAD) != 0;

  if ((frame->flags & MP_FRAME_ITEMS) == 0)
    chunk->arguments = g_object_ref (frame->message);
  else
    {
      chunk->items = mp_items_new (frame->message, &error);
      if (chunk->items != NULL)
        chunk->end = chunk->first + mp_items_get_length (chunk->items);
    }

  if (error == NULL)
    g_queue_push_tail (&self->chunks, chunk);
  else
    {
      chunk_free (chunk, self->spent);
      close_locked (self, error);
    }
}

typedef struct
{
  MpWorkerLoop *loop;
  GCancellable *cancellable;
} Cancellation;

/* On a thread that is there for this alone: handlers are the user's.  They may do
 * what they like, for as long as they like, and with as much stack as anywhere.
 */
static void *
cancel_call (void *data)
{
  Cancellation *self = data;

  prctl (PR_SET_NAME, "mp-cancel");
  g_cancellable_cancel (self->cancellable);

  mp_pump_lock (self->loop->pump);
  g_ptr_array_add (self->loop->spent, self->cancellable);
  mp_pump_unlock (self->loop->pump);
  g_free (self);
  return NULL;
}

static void
cancel_call_locked (MpWorkerLoop *self)
{
  Cancellation *cancellation = g_new (Cancellation, 1);
  int failed;

  cancellation->loop = self;
  cancellation->cancellable = g_object_ref (self->call->cancellable);
  failed = mp_thread_start (cancel_call, cancellation, 0, NULL);
  if (failed == 0)
    return;

  mp_log_warning ("A call cannot be cancelled, as no thread can be started for that: %s", g_strerror (failed));
  g_ptr_array_add (self->spent, cancellation->cancellable);
  g_free (cancellation);
}

/* Items of the task that have not been handed out never will be: the parent gets
 * to know from where on.
 */
static void
withdraw_locked (MpWorkerLoop *self,
                 Chunk        *chunk)
{
  if (chunk->next == chunk->end)
    return;

  chunk->end = chunk->next;
  push_locked (self, mp_frame_new (MP_FRAME_WITHDRAWN, chunk->serial, chunk->end, NULL, NULL), NULL);
}

static void
cancel_locked (MpWorkerLoop *self,
               guint64       serial)
{
  for (GList *l = self->chunks.head; l != NULL; l = l->next)
    {
      Chunk *chunk = l->data;

      if (chunk->serial == serial)
        withdraw_locked (self, chunk);
    }

  if (self->call != NULL && self->call->serial == serial)
    cancel_call_locked (self);
}

static void
handle_frame_locked (MpWorkerLoop *self,
                     MpFrame      *frame)
{
  switch ((int) frame->kind)
    {
    case MP_FRAME_TASK:
      if (frame->message != NULL && frame->name != NULL)
        take_chunk_locked (self, frame);
      break;

    case MP_FRAME_CANCEL:
      cancel_locked (self, frame->serial);
      break;

    case MP_FRAME_STOP:
      self->is_stopped = TRUE;
      break;

    default:
      mp_log_warning ("The pool sent a frame of kind %d, which is not for workers", (int) frame->kind);
    }
}

static gboolean
read_frame_locked (MpWorkerLoop *self)
{
  g_autoptr (MpFrame) frame = NULL;
  GError *error = NULL;

  if (self->source == NULL)
    return FALSE;

  switch (mp_transport_receive (self->transport, &frame, &error))
    {
    case MP_IO_DONE:
      handle_frame_locked (self, frame);
      return TRUE;

    case MP_IO_AGAIN:
      return FALSE;

    case MP_IO_CLOSED:
      g_error_free (error);
      close_locked (self, NULL);
      return FALSE;

    case MP_IO_FAILED:
    default:
      close_locked (self, error);
      return FALSE;
    }
}

static void
on_channel (guint32  events,
            gpointer data)
{
  MpWorkerLoop *self = data;
  GError *error = NULL;

  /* A channel that is closed shows when it is read.  An answer that was lost here would be waited for for ever */
  if (mp_transport_get_n_queued (self->transport) > 0 &&
      mp_transport_flush (self->transport, &error) == MP_IO_FAILED)
    close_locked (self, g_steal_pointer (&error));
  g_clear_error (&error);
  while (read_frame_locked (self))
    ;
  update_events_locked (self);
}

/* --- the loop --------------------------------------------------------------------------------------------- */

/*< private >
 * mp_worker_loop_get:
 * @worker: this process, which has said that it is ready
 *
 * Returns: (transfer none): its loop, which has the channel from now on
 */
MpWorkerLoop *
mp_worker_loop_get (MpWorker *worker)
{
  g_autoptr (GError) error = NULL;
  MpWorkerLoop *self;

  if (the_loop != NULL)
    return the_loop;

  self = g_new0 (MpWorkerLoop, 1);
  self->transport = mp_worker_get_transport (worker);
  self->pump = mp_pump_new ("a pool's worker");
  self->spent = g_ptr_array_new_with_free_func (g_object_unref);
  self->events = (guint32) mp_transport_get_receive_events (self->transport);
  mp_pump_lock (self->pump);
  self->source = mp_pump_add_fd_locked (self->pump, mp_transport_get_fd (self->transport), self->events,
                                        on_channel, self, &error);
  mp_pump_unlock (self->pump);
  if (self->source == NULL)
    g_error ("A worker of a pool cannot work: %s", error->message);
  mp_worker_set_pump (worker, self->pump);
  g_atomic_pointer_set (&the_loop, self);
  return self;
}

/* An item that was cancelled by now is not begun, even if the engine did not come
 * to read of it.  The first one of a chunk has just come.
 */
static void
look_for_cancellation_locked (MpWorkerLoop *self)
{
  Chunk *chunk = g_queue_peek_head (&self->chunks);

  if (chunk != NULL && chunk->next > chunk->first)
    mp_pump_look_locked (self->pump);
}

/* Forgets chunks of which nothing is left. */
static Chunk *
peek_chunk_locked (MpWorkerLoop *self)
{
  Chunk *chunk;

  while ((chunk = g_queue_peek_head (&self->chunks)) != NULL && chunk->next == chunk->end)
    chunk_free (g_queue_pop_head (&self->chunks), self->spent);
  return chunk;
}

static gboolean
can_go_on (gpointer data)
{
  MpWorkerLoop *self = data;

  return peek_chunk_locked (self) != NULL || self->is_stopped || self->is_closed;
}

/* One that nobody has cancelled, nor kept, serves for the next call too. */
static GCancellable *
get_cancellable_locked (MpWorkerLoop *self)
{
  GObject *object = G_OBJECT (self->cancellable);

  if (object == NULL || g_atomic_int_get (&object->ref_count) > 1 ||
      g_cancellable_is_cancelled (self->cancellable))
    {
      g_clear_object (&self->cancellable);
      self->cancellable = g_cancellable_new ();
    }

  return g_object_ref (self->cancellable);
}

static MpCall *
take_call_locked (MpWorkerLoop *self,
                  Chunk        *chunk)
{
  MpCall *call = g_new0 (MpCall, 1);

  call->serial = chunk->serial;
  call->index = chunk->next++;
  call->target = g_strdup (chunk->target);
  call->spread = chunk->spread;
  call->cancellable = get_cancellable_locked (self);
  if (chunk->items != NULL)
    call->arguments = mp_items_get (chunk->items, call->index - chunk->first);
  else
    call->arguments = g_object_ref (chunk->arguments);
  return call;
}

static void
answer_unanswered_locked (MpWorkerLoop *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) message = NULL;
  MpCall *call = self->call;

  if (call == NULL)
    return;

  error = g_error_new (MP_ERROR, MP_ERROR_FAILED, "The call of \"%s\" was left without an answer", call->target);
  message = mp_message_new (mp_report_new (error));
  self->call = NULL;
  self->progress_is_due = FALSE;
  push_locked (self, mp_frame_new (MP_FRAME_ERROR, call->serial, call->index, NULL, message), NULL);
}

static const char copy_ends[] =
  "mpglib: a function of a pool's worker has forked, and the copy returned from it, too; it ends here. End it with "
  "_exit() in the function.\n";

/* What it has of the channel is the worker's, and so is the call.  Nothing of it may wait for a lock, which
 * a thread that is not there may have.
 */
static void
end_copy (MpWorkerLoop *self)
{
  if (mp_pump_get_origin (self->pump) == mp_origin_get ())
    return;

  if (write (STDERR_FILENO, copy_ends, sizeof copy_ends - 1) < 0)
    _exit (1);
  _exit (0);
}

/*< private >
 * mp_worker_loop_next:
 *
 * Waits for the next item.
 *
 * Returns: (transfer full) (nullable): the call to make, which stays at hand until
 *   it is answered; or %MP_ERROR_CLOSED when there will be none and the channel
 *   has been left to others
 */
MpCall *
mp_worker_loop_next (MpWorkerLoop  *self,
                     GError       **error)
{
  g_autoptr (GPtrArray) spent = NULL;
  MpCall *call = NULL;
  gboolean is_end = FALSE;
  Chunk *chunk;

  end_copy (self);
  mp_pump_lock (self->pump);
  answer_unanswered_locked (self);
  look_for_cancellation_locked (self);
  if (mp_pump_wait_locked (self->pump, can_go_on, self, MP_DEADLINE_NEVER, NULL, error))
    {
      chunk = peek_chunk_locked (self);
      if (chunk != NULL && !self->is_closed)
        call = self->call = take_call_locked (self, chunk);
      else
        {
          flush_locked (self);
          leave_channel_locked (self);
          is_end = TRUE;
          g_set_error (error, MP_ERROR, self->failure == NULL ? MP_ERROR_CLOSED : MP_ERROR_CORRUPTED, "%s",
                       self->failure == NULL ? "There are no more tasks" : self->failure->message);
        }
    }
  spent = g_steal_pointer (&self->spent);
  self->spent = g_ptr_array_new_with_free_func (g_object_unref);
  mp_pump_unlock (self->pump);

  if (is_end)
    mp_flight_await (0, g_get_monotonic_time () + LANDING_TIME);

  return call;
}

/* --- progress --------------------------------------------------------------------------------------------- */

static void
send_progress_locked (MpWorkerLoop *self)
{
  g_autoptr (MpMessage) message = mp_message_new (g_variant_new ("(ds)", self->fraction, self->text));

  self->progress_is_due = FALSE;
  self->progress_sent_at = g_get_monotonic_time ();
  push_locked (self, mp_frame_new (MP_FRAME_PROGRESS, self->call->serial, self->call->index, NULL, message), NULL);
}

static void on_progress_timer (guint32  events,
                               gpointer data);

/* What was reported too soon after another report is sent when it is time, if
 * nothing newer has come; not while the parent does not even take what it has.
 */
static void
pace_progress_locked (MpWorkerLoop *self)
{
  gint64 now = g_get_monotonic_time ();

  if (self->progress_timer != NULL || self->source == NULL)
    return;

  if (now >= self->progress_sent_at + PROGRESS_INTERVAL && mp_transport_get_n_queued (self->transport) == 0)
    send_progress_locked (self);
  else
    self->progress_timer = mp_pump_add_timer_locked (self->pump, now + PROGRESS_INTERVAL, on_progress_timer, self);
}

static void
on_progress_timer (guint32  events,
                   gpointer data)
{
  MpWorkerLoop *self = data;

  self->progress_timer = NULL;
  if (self->progress_is_due)
    pace_progress_locked (self);
}

/*< private >
 * mp_worker_loop_report:
 *
 * Tells the pool how far the call at hand is, if this is a worker and there is
 * one.
 */
void
mp_worker_loop_report (gdouble     fraction,
                       const char *message)
{
  MpWorkerLoop *self = g_atomic_pointer_get (&the_loop);

  if (self == NULL || mp_pump_get_origin (self->pump) != mp_origin_get ())
    return;

  mp_pump_lock (self->pump);
  if (self->call != NULL)
    {
      self->fraction = fraction;
      g_free (self->text);
      self->text = g_utf8_make_valid (message != NULL ? message : "", -1);
      self->progress_is_due = TRUE;
      pace_progress_locked (self);
    }
  mp_pump_unlock (self->pump);
}

/* --- answers ---------------------------------------------------------------------------------------------- */

/* All that is attached is packed, and held, before any lock is taken.  Without the message: who lets the
 * frame go has a lock, and a language may know the message.
 */
static MpFrame *
make_answer (MpFrameKind    kind,
             MpCall        *call,
             MpMessage     *message,
             GError       **error)
{
  g_autoptr (MpFrame) frame = mp_frame_new (kind, call->serial, call->index, NULL, message);
  gboolean is_packed;

  mp_flight_await (MOST_ON_THEIR_WAY, g_get_monotonic_time () + LANDING_TIME);
  mp_flight_set_awaiting (TRUE);
  is_packed = mp_transport_prepare (frame, error);
  mp_flight_set_awaiting (FALSE);
  if (!is_packed)
    return NULL;

  g_clear_object (&frame->message);
  return g_steal_pointer (&frame);
}

/* Instead of what cannot be sent. */
static MpFrame *
make_excuse (MpCall       *call,
             const char   *what,
             const GError *reason)
{
  g_autoptr (GError) error = g_error_copy (reason);
  g_autoptr (MpMessage) message = NULL;

  g_prefix_error (&error, "The %s of \"%s\" cannot be sent: ", what, call->target);
  message = mp_message_new (mp_report_new (error));
  return mp_frame_new (MP_FRAME_ERROR, call->serial, call->index, NULL, message);
}

static void
answer (MpWorkerLoop *self,
        MpCall       *call,
        MpFrameKind   kind,
        MpMessage    *message)
{
  const char *what = kind == MP_FRAME_RESULT ? "result" : "error";
  g_autoptr (GError) error = NULL;
  MpFrame *frame;

  end_copy (self);
  frame = make_answer (kind, call, message, &error);
  mp_pump_lock (self->pump);
  if (self->call == call)
    {
      if (self->progress_is_due)
        send_progress_locked (self);
      self->call = NULL;
      if (frame == NULL || !push_locked (self, g_steal_pointer (&frame), &error))
        push_locked (self, make_excuse (call, what, error), NULL);
      flush_locked (self);
    }
  mp_pump_unlock (self->pump);
  g_clear_pointer (&frame, mp_frame_free);
}

/*< private >
 * mp_worker_loop_answer:
 * @call: a call; one that is not at hand any more has been answered
 * @result: what it returned
 */
void
mp_worker_loop_answer (MpWorkerLoop *self,
                       MpCall       *call,
                       MpMessage    *result)
{
  answer (self, call, MP_FRAME_RESULT, result);
}

/*< private >
 * mp_worker_loop_fail:
 * @call: a call; one that is not at hand any more has been answered
 * @report: why it failed. A floating reference is sunk.
 */
void
mp_worker_loop_fail (MpWorkerLoop *self,
                     MpCall       *call,
                     GVariant     *report)
{
  g_autoptr (MpMessage) message = mp_message_new (report);

  answer (self, call, MP_FRAME_ERROR, message);
}

/* --- native workers --------------------------------------------------------------------------------------- */

static void
make_call (MpWorkerLoop *loop,
           MpCall       *call)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpMessage) result = mp_target_call (call->target, call->arguments, call->cancellable, &error);

  if (result != NULL)
    mp_worker_loop_answer (loop, call, result);
  else
    mp_worker_loop_fail (loop, call, mp_report_new (error));
}

static int
run_native_worker (MpWorker *worker)
{
  g_autoptr (GError) error = NULL;
  MpWorkerLoop *loop;
  MpCall *call;

  if (!mp_worker_ready (worker, NULL))
    return 1;

  loop = mp_worker_loop_get (worker);
  while ((call = mp_worker_loop_next (loop, &error)) != NULL)
    {
      make_call (loop, call);
      mp_call_free (call);
    }
  return g_error_matches (error, MP_ERROR, MP_ERROR_CLOSED) ? 0 : 1;
}

/* The layer below calls what it does not know. */
static void __attribute__ ((constructor))
register_native_role (void)
{
  mp_worker_register_role (MP_WORKER_ROLE_POOL, run_native_worker);
}
