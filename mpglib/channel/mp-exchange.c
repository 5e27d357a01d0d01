/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mp-clock-private.h"
#include "mp-error.h"
#include "mp-exchange-private.h"
#include "mp-fd-private.h"
#include "mp-fork-private.h"
#include "mp-interruptible-private.h"
#include "mp-log-private.h"
#include "mp-looping.h"
#include "mp-origin-private.h"
#include "mp-patience-private.h"
#include "mp-short-lock-private.h"
#include "mp-waker-private.h"

typedef struct
{
  GQueue transfers;  /* of MpTransfer, by their links */
  guint n_blocking;  /* for which a thread waits, and does nothing else */
} Lane;

struct _MpExchange
{
  gatomicrefcount ref_count;
  guint32 origin;

  GMutex lock;
  MpPatience patience; /* of whoever has the lock */
  gboolean is_linked;  /* there are, or were, rings */
  guint n_spinning;    /* threads that look at the rings without the lock */
  MpConduit conduit;
  Lane senders;
  Lane receivers;      /* and those who wait for a message without taking it */
  GSource *reader;     /* nullable */
  gboolean is_held_up; /* it comes again by itself: somebody who was stopped has a lock of the ring */
  int epoll_fd;        /* given out by get_fd; -1 until then */
  int kept_fd;         /* an eventfd in it: readable while a message was read already */
  gboolean is_closed;

  GSList *released;    /* readers that were stopped under the lock, to be dropped without */

  const MpExchangeEvents *events;
  gboolean has_ended;  /* nothing more will come, or the owner does not want to know any more */
  gpointer owner;      /* not referenced: it lives while anybody uses it */
  GError *untold_end;  /* to be told without the lock */

  GList link;          /* in `open_exchanges` */
};

/* Those to say BYE when the process ends in order. */
static GMutex open_lock;
static GQueue open_exchanges;
static guint32 open_origin;

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&open_lock, NULL);
}

static void serve_locked  (MpExchange *self,
                           Lane       *lane);
static void serve_lane_locked (MpExchange *self,
                               Lane       *lane);
static void finish_locked (MpExchange *self,
                           MpTransfer *transfer,
                           GError     *error);

/* Others wait for the lock, in main loops too: so nobody who has it waits longer for a process that was stopped than
 * they would themselves.
 */
#define PATIENCE_WITH_LOCK (250 * G_TIME_SPAN_MILLISECOND)

static void
lock (MpExchange *self)
{
  g_mutex_lock (&self->lock);
  if (!self->is_linked)
    return;

  self->patience.spent = mp_thread_get_looping () ? 0 : mp_short_lock_get_patience () - PATIENCE_WITH_LOCK;
  mp_patience_begin (&self->patience);
}

/* A source may hold the last reference of a task, and that of a connection,
 * whose end takes the lock.
 */
static void
unlock (MpExchange *self)
{
  GSList *released = g_steal_pointer (&self->released);
  g_autoptr (GError) untold_end = g_steal_pointer (&self->untold_end);

  if (self->is_linked)
    mp_patience_end (&self->patience);
  g_mutex_unlock (&self->lock);
  if (untold_end != NULL)
    self->events->tell (self->owner, untold_end);
  g_slist_free_full (released, (GDestroyNotify) g_source_unref);
}

/* --- The list of open ones ------------------------------------------------- */

static void
add_to_open (MpExchange *self)
{
  static gsize once;

  if (g_once_init_enter (&once))
    {
      atexit (mp_exchange_close_all);
      g_once_init_leave (&once, 1);
    }

  g_mutex_lock (&open_lock);
  /* What a forked process finds in the list is not its own. */
  if (open_origin != self->origin)
    g_queue_init (&open_exchanges);
  open_origin = self->origin;
  g_queue_push_tail_link (&open_exchanges, &self->link);
  g_mutex_unlock (&open_lock);
}

static void
remove_from_open (MpExchange *self)
{
  g_mutex_lock (&open_lock);
  if (self->link.data != NULL)
    g_queue_unlink (&open_exchanges, &self->link);
  self->link.data = NULL;
  g_mutex_unlock (&open_lock);
}

/*< private >
 * mp_exchange_close_all:
 *
 * Says BYE on all that are open: the process is about to end in order.  Does
 * nothing in a process forked by a stranger, whose copies of the locks may be
 * held by threads that it does not have.
 */
void
mp_exchange_close_all (void)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) mp_exchange_unref);

  if (open_origin != mp_origin_get ())
    return;

  g_mutex_lock (&open_lock);
  for (GList *link = open_exchanges.head; link != NULL; link = link->next)
    g_ptr_array_add (all, mp_exchange_ref (link->data));
  g_mutex_unlock (&open_lock);

  for (guint i = 0; i < all->len; i++)
    mp_exchange_close (g_ptr_array_index (all, i));
}

/* --- Life ------------------------------------------------------------------ */

/*< private >
 * mp_exchange_new:
 * @transport: taken
 * @link: (nullable): taken
 * @owner: what the events are for; not referenced
 */
MpExchange *
mp_exchange_new (MpTransport     *transport,
                 MpRingLink      *link,
                 const MpExchangeEvents *events,
                 gpointer         owner)
{
  MpExchange *self = g_new0 (MpExchange, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  self->origin = mp_origin_get ();
  self->is_linked = link != NULL;
  mp_conduit_init (&self->conduit, transport, link);
  self->epoll_fd = -1;
  self->kept_fd = -1;
  self->events = events;
  self->owner = owner;
  self->link.data = self;
  add_to_open (self);

  return self;
}

MpExchange *
mp_exchange_ref (MpExchange *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
mp_exchange_unref (MpExchange *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  mp_conduit_clear (&self->conduit);
  g_clear_pointer (&self->reader, g_source_unref);
  mp_fd_close (&self->epoll_fd);
  mp_fd_close (&self->kept_fd);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/*< private >
 * mp_exchange_close:
 *
 * Says BYE and closes; transfers that wait fail with %MP_ERROR_CLOSED.  May be
 * called again.
 */
void
mp_exchange_close (MpExchange *self)
{
  if (self->origin != mp_origin_get ())
    return;

  remove_from_open (self);

  lock (self);
  self->is_closed = TRUE;
  self->has_ended = TRUE;
  mp_conduit_close (&self->conduit);
  if (self->n_spinning == 0)
    mp_conduit_drop_rings (&self->conduit);
  serve_locked (self, &self->senders);
  serve_locked (self, &self->receivers);
  mp_fd_close (&self->epoll_fd);
  mp_fd_close (&self->kept_fd);
  if (self->reader != NULL)
    self->released = g_slist_prepend (self->released, g_steal_pointer (&self->reader));
  unlock (self);
}

gboolean
mp_exchange_is_closed (MpExchange *self)
{
  gboolean is_closed;

  lock (self);
  is_closed = self->is_closed;
  unlock (self);

  return is_closed;
}

int
mp_exchange_get_socket (MpExchange *self)
{
  int fd;

  lock (self);
  fd = mp_transport_get_fd (self->conduit.transport);
  unlock (self);

  return fd;
}

/*< private >
 * mp_exchange_share:
 *
 * Returns: a duplicate of the socket for another process, or -1
 */
int
mp_exchange_share (MpExchange *self,
                   GError    **error)
{
  int fd;

  if (!mp_exchange_check_origin (self, error))
    return -1;

  lock (self);
  fd = mp_transport_share (self->conduit.transport, error);
  unlock (self);

  return fd;
}

/* --- A descriptor to poll -------------------------------------------------- */

static gboolean
watch (int epoll_fd,
       int fd)
{
  struct epoll_event event = { .events = EPOLLIN };

  return epoll_ctl (epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* A message that was read and not taken (too long for the caller, of another
 * codec, only waited for) is not in the socket any more.
 */
static void
show_kept_locked (MpExchange *self)
{
  const guint64 one = 1;
  guint64 count;

  if (self->kept_fd < 0)
    return;

  if (mp_conduit_has_received (&self->conduit))
    (void) !write (self->kept_fd, &one, sizeof one);
  else
    (void) !read (self->kept_fd, &count, sizeof count);
}

/*< private >
 * mp_exchange_get_fd:
 *
 * Returns: a descriptor that is readable when a message or the end waits; it
 *   stays the exchange's.  -1 with %MP_ERROR_CLOSED or %MP_ERROR_TOO_BIG.
 */
int
mp_exchange_get_fd (MpExchange *self,
                    GError    **error)
{
  int fd;

  if (!mp_exchange_check_origin (self, error))
    return -1;

  lock (self);
  if (self->is_closed)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "The connection is closed");
    }
  else if (self->epoll_fd < 0)
    {
      self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
      self->kept_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
      if (self->epoll_fd < 0 || self->kept_fd < 0 ||
          !watch (self->epoll_fd, self->kept_fd) ||
          (self->conduit.link != NULL && !watch (self->epoll_fd, mp_ring_link_get_bell (self->conduit.link))) ||
          !watch (self->epoll_fd, mp_transport_get_fd (self->conduit.transport)))
        {
          g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG,
                       "Cannot make a descriptor to poll: %s", g_strerror (errno));
          mp_fd_close (&self->epoll_fd);
          mp_fd_close (&self->kept_fd);
        }
      serve_locked (self, &self->receivers);
    }
  fd = self->epoll_fd;
  unlock (self);

  return fd;
}

/* --- Lanes ----------------------------------------------------------------- */

static Lane *
get_lane (MpExchange       *self,
          const MpTransfer *transfer)
{
  return transfer->kind == MP_TRANSFER_SEND ? &self->senders : &self->receivers;
}

static short
get_events_locked (MpExchange *self,
                   Lane       *lane)
{
  if (lane == &self->senders && mp_transport_get_send_events (self->conduit.transport) != 0)
    return POLLOUT;

  /* Room in the ring is told by its bell; by the socket, that nobody is left who makes it. */
  if (lane == &self->senders)
    return self->conduit.link != NULL ? POLLPRI : 0;

  return mp_transport_get_receive_events (self->conduit.transport);
}

/* With those of the other lane: who blocks serves both. */
static short
get_all_events_locked (MpExchange *self,
                       Lane       *lane)
{
  Lane *other = lane == &self->senders ? &self->receivers : &self->senders;
  short events = get_events_locked (self, lane);

  return g_queue_is_empty (&other->transfers) ? events : (short) (events | get_events_locked (self, other));
}

/* A source is there as long as its transfer is in a lane, without a reference: one that was dropped here might be the
 * last of a context that whoever waited there has given up as soon as it was woken.
 */
static void
wake_locked (MpTransfer *transfer)
{
  if (transfer->is_ending)
    return;

  if (transfer->source != NULL)
    g_source_set_ready_time (transfer->source, 0);
  else if (transfer->waker != NULL)
    mp_waker_wake (transfer->waker);
}

static gboolean
is_blocking (const MpTransfer *transfer)
{
  return transfer->source == NULL || transfer->blocks;
}

static MpTransfer *
get_first_blocking_locked (Lane *lane)
{
  if (lane->n_blocking > 0)
    for (GList *link = lane->transfers.head; link != NULL; link = link->next)
      if (is_blocking (link->data))
        return link->data;

  return NULL;
}

static void
set_events_locked (MpTransfer *transfer,
                   short       events)
{
  /* Setting them wakes the context, so only when they change. */
  if (transfer->fd_tag != NULL && transfer->events != events)
    {
      g_source_modify_unix_fd (transfer->source, transfer->fd_tag, (GIOCondition) events);
      if (transfer->bell_tag != NULL)
        g_source_modify_unix_fd (transfer->source, transfer->bell_tag, events != 0 ? G_IO_IN : 0);
    }
  transfer->events = events;
}

/* Whoever hears the bell serves all for whom it may have rung.  Who has polled it must not find it readable for
 * ever.
 */
static void
hear_locked (MpExchange *self,
             gboolean    was_polled)
{
  guint ways;

  /* What a forked process would hear is its parent's. */
  if (self->conduit.link == NULL || self->is_closed || self->origin != mp_origin_get ())
    return;

  ways = mp_ring_link_hear (self->conduit.link, was_polled || self->epoll_fd >= 0);
  if ((ways & (1u << MP_RING_LINK_IN)) != 0)
    serve_lane_locked (self, &self->receivers);
  if ((ways & (1u << MP_RING_LINK_OUT)) != 0)
    serve_lane_locked (self, &self->senders);
}

/* Has the bell ring when there may be more to do for a lane.
 *
 * Returns: whether one has to look again first
 */
static gboolean
arm_locked (MpExchange *self,
            Lane       *lane)
{
  MpTransfer *first = g_queue_peek_head (&lane->transfers);
  gboolean is_new = FALSE;
  GError *error = NULL;

  if (self->conduit.link == NULL || self->is_closed ||
      (first == NULL && (lane == &self->senders || (self->reader == NULL && self->epoll_fd < 0))))
    return FALSE;

  if (mp_ring_link_arm (self->conduit.link, lane == &self->senders ? MP_RING_LINK_OUT : MP_RING_LINK_IN,
                        &is_new, &error))
    return is_new;

  if (first != NULL)
    finish_locked (self, first, error);
  else
    {
      mp_log_warning ("A connection does not hear of its messages: %s", error->message);
      g_error_free (error);
    }
  return first != NULL;
}

/* Has those poll the descriptors who should. */
static void
appoint_pollers_locked (MpExchange *self,
                        Lane       *lane)
{
  MpTransfer *first = g_queue_peek_head (&lane->transfers);
  MpTransfer *blocking = get_first_blocking_locked (lane);

  if (first != NULL)
    set_events_locked (first, get_events_locked (self, lane));

  if (blocking != NULL && blocking->waker != NULL && !blocking->is_polling)
    mp_waker_wake (blocking->waker);
  else if (blocking != NULL && blocking->source != NULL)
    set_events_locked (blocking, get_all_events_locked (self, lane));
}

static void
enqueue_locked (MpExchange *self,
                MpTransfer *transfer)
{
  Lane *lane = get_lane (self, transfer);

  transfer->link.data = transfer;
  transfer->is_queued = TRUE;
  g_queue_push_tail_link (&lane->transfers, &transfer->link);
  if (is_blocking (transfer))
    lane->n_blocking++;
}

/* Takes the error. */
static void
finish_locked (MpExchange *self,
               MpTransfer *transfer,
               GError     *error)
{
  Lane *lane = get_lane (self, transfer);

  g_queue_unlink (&lane->transfers, &transfer->link);
  transfer->is_queued = FALSE;
  transfer->is_done = TRUE;
  transfer->error = error;
  wake_locked (transfer);

  if (is_blocking (transfer))
    lane->n_blocking--;
}

/* --- Serving --------------------------------------------------------------- */

static void
tell_end_locked (MpExchange *self)
{
  const GError *reason = mp_conduit_get_end (&self->conduit);

  if (reason == NULL || self->has_ended || mp_conduit_has_received (&self->conduit))
    return;

  self->has_ended = TRUE;
  self->events->ended (self->owner);
  self->untold_end = g_error_copy (reason);
}

/* Whether the transfer is done. */
static gboolean
serve_sender_locked (MpExchange *self,
                     MpTransfer *transfer)
{
  GError *error = NULL;
  MpIoStatus status;

  if (!transfer->has_begun)
    status = mp_conduit_send (&self->conduit, transfer->frame, &error);
  else
    status = mp_transport_flush (self->conduit.transport, &error);

  /* Sent, but for parts that wait for room. */
  if (status == MP_IO_DONE && mp_transport_get_n_queued (self->conduit.transport) > 0)
    {
      transfer->has_begun = TRUE;
      status = mp_transport_flush (self->conduit.transport, &error);
    }

  if (status == MP_IO_AGAIN)
    return FALSE;

  finish_locked (self, transfer, error);
  return TRUE;
}

/* Whether a message is what a transfer wants.  If not it stays. */
static gboolean
check_accept (const MpTransfer *transfer,
              MpFrame          *frame,
              GError          **error)
{
  const char *codec = mp_frame_get_wire_codec (frame);
  gsize length = g_bytes_get_size (mp_frame_get_body (frame));
  gboolean is_value = codec[0] == '=';

  if ((transfer->accept == MP_ACCEPT_VALUE && !is_value) || (transfer->accept == MP_ACCEPT_BYTES && is_value))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC,
                   "The message is of the codec \"%s\"; it waits to be received as what it is",
                   is_value ? "gvariant" : codec);
      return FALSE;
    }

  if (transfer->max_length > 0 && length > transfer->max_length)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_BUFFER_TOO_SHORT,
                   "The message has %" G_GSIZE_FORMAT " bytes, not %" G_GSIZE_FORMAT
                   " at most; it waits to be received", length, transfer->max_length);
      return FALSE;
    }

  return TRUE;
}

static MpFrame *
take_frame_locked (MpExchange *self)
{
  MpFrame *frame;
  MpIoStatus status = mp_conduit_receive (&self->conduit, &frame, NULL);

  g_assert (status == MP_IO_DONE);
  return frame;
}

/* A frame that is nobody's message: a peer that is no Connection. */
static gboolean
is_message (const MpFrame *frame)
{
  return frame->kind == MP_FRAME_MESSAGE && mp_frame_has_message (frame);
}

static gboolean
serve_receiver_locked (MpExchange *self,
                       MpTransfer *transfer)
{
  MpFrame *frame;
  GError *error = NULL;
  MpIoStatus status;

  /* Whoever only waits leaves it to others who have this end. */
  if (transfer->kind == MP_TRANSFER_READABLE && mp_conduit_is_ring_next (&self->conduit))
    {
      finish_locked (self, transfer, NULL);
      return TRUE;
    }

  status = mp_conduit_peek (&self->conduit, &frame, &error);
  if (status == MP_IO_AGAIN)
    return FALSE;

  if (transfer->kind == MP_TRANSFER_READABLE)
    {
      /* A loss is to be told by the next receive, so it is one that would not
       * wait; the end likewise.
       */
      if (status == MP_IO_FAILED && mp_conduit_get_end (&self->conduit) == NULL)
        mp_conduit_unget_loss (&self->conduit, g_steal_pointer (&error));
      g_clear_error (&error);
    }
  else if (status == MP_IO_DONE && !is_message (frame))
    {
      mp_frame_free (take_frame_locked (self));
      g_set_error (&error, MP_ERROR, MP_ERROR_CORRUPTED, "The peer sent something that is no message");
    }
  else if (status == MP_IO_DONE && check_accept (transfer, frame, &error))
    {
      transfer->frame = take_frame_locked (self);
    }

  finish_locked (self, transfer, error);
  return TRUE;
}

/* Serves the transfers of a lane, first come, first served, as far as it goes
 * without waiting.
 */
static void
serve_lane_locked (MpExchange *self,
                   Lane       *lane)
{
  MpTransfer *first;

  if (self->origin != mp_origin_get ())
    return;

  do
    while ((first = g_queue_peek_head (&lane->transfers)) != NULL)
      if (!(lane == &self->senders ? serve_sender_locked (self, first) : serve_receiver_locked (self, first)))
        break;
  while (arm_locked (self, lane));

  appoint_pollers_locked (self, lane);
  show_kept_locked (self);
  tell_end_locked (self);

  /* Read by another, for nobody: a sender that found the peer gone, a receiver
   * that did not take it.
   */
  if (self->reader != NULL && !self->is_held_up && g_queue_is_empty (&self->receivers.transfers) &&
      (mp_conduit_has_received (&self->conduit) || mp_conduit_get_end (&self->conduit) != NULL))
    g_source_set_ready_time (self->reader, 0);
}

static void
serve_locked (MpExchange *self,
              Lane       *lane)
{
  hear_locked (self, FALSE);
  serve_lane_locked (self, lane);
}

/* Takes the error.  What has begun to go in parts is taken back. */
static void
withdraw_locked (MpExchange *self,
                 MpTransfer *transfer,
                 GError     *error)
{
  if (transfer->has_begun)
    mp_transport_abandon (self->conduit.transport);

  finish_locked (self, transfer, error);
  serve_locked (self, get_lane (self, transfer));
}

/*< private >
 * mp_transfer_clear:
 */
void
mp_transfer_clear (MpTransfer *transfer)
{
  g_assert (!transfer->is_queued);

  g_clear_pointer (&transfer->frame, mp_frame_free);
  g_clear_error (&transfer->error);
}

/*< private >
 * mp_exchange_check_origin:
 *
 * Returns: whether this process made it, and not one it was forked from; else
 *   %MP_ERROR_FORKED
 */
gboolean
mp_exchange_check_origin (MpExchange *self,
                          GError    **error)
{
  return mp_origin_check (self->origin, "The connection", error);
}

static GError *
new_timed_out (const MpTransfer *transfer)
{
  return g_error_new (MP_ERROR, MP_ERROR_TIMED_OUT,
                      transfer->kind == MP_TRANSFER_SEND ? "No room for the message within the time given"
                                                         : "No message within the time given");
}

/* --- Blocking -------------------------------------------------------------- */

/* Sleeps until there may be something to do for the transfer.  FALSE and an
 * error if it is not to wait any longer.
 */
static gboolean
sleep_unlocked (MpTransfer   *transfer,
                int           fd,
                short         events,
                int           bell,
                gint64        deadline,
                GCancellable *cancellable,
                GError      **error)
{
  struct pollfd fds[4] = {
    { mp_waker_get_fd (transfer->waker), POLLIN, 0 },
    { fd, events, 0 },
    { -1, POLLIN, 0 },
    { bell, POLLIN, 0 },
  };
  GPollFD cancelled;
  struct timespec remaining;
  gboolean is_interrupted;
  int result;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  if (g_cancellable_make_pollfd (cancellable, &cancelled))
    fds[2].fd = cancelled.fd;
  if (deadline >= 0)
    remaining = mp_deadline_to_timespec_remaining (deadline);

  result = ppoll (fds, G_N_ELEMENTS (fds), deadline >= 0 ? &remaining : NULL, mp_thread_get_wait_mask ());

  is_interrupted = result < 0 && errno == EINTR && mp_thread_get_interruptible ();

  if (fds[2].fd >= 0)
    g_cancellable_release_fd (cancellable);
  if (result > 0 && fds[0].revents != 0)
    mp_waker_clear (transfer->waker);
  if (is_interrupted)
    g_set_error (error, MP_ERROR, MP_ERROR_INTERRUPTED, "A signal ended the wait");

  return !is_interrupted;
}

/* Whether no more than time is missing: a body is being copied, which has
 * nothing to do with the peer, and is done whatever time was given to that.
 */
static gboolean
can_go_on_locked (MpExchange *self,
                  MpTransfer *transfer)
{
  return g_queue_peek_head (&self->senders.transfers) == transfer && mp_transport_can_go_on (self->conduit.transport);
}

/* Lets others have a turn. */
static gboolean
pause_locked (MpExchange   *self,
              GCancellable *cancellable,
              GError      **error)
{
  gboolean goes_on;

  unlock (self);
  goes_on = !g_cancellable_set_error_if_cancelled (cancellable, error);
  lock (self);
  return goes_on;
}

/* Lets go of the lock. */
static gboolean
spin_locked (MpExchange    *self,
             MpRingLinkWay  way)
{
  gboolean is_there;

  self->n_spinning++;
  unlock (self);
  is_there = mp_ring_link_spin (self->conduit.link, way);
  lock (self);
  if (--self->n_spinning == 0 && self->is_closed)
    mp_conduit_drop_rings (&self->conduit);
  return is_there;
}

/* Those that receive a value or bytes have spun before: see mp_exchange_try_receive().
 *
 * Returns: whether one has to look before one sleeps
 */
static gboolean
spin_for_locked (MpExchange *self,
                 MpTransfer *transfer)
{
  if (self->conduit.link == NULL || (transfer->kind == MP_TRANSFER_RECEIVE && transfer->accept != MP_ACCEPT_ANY) ||
      get_first_blocking_locked (get_lane (self, transfer)) != transfer)
    return FALSE;

  return spin_locked (self, transfer->kind == MP_TRANSFER_SEND ? MP_RING_LINK_OUT : MP_RING_LINK_IN) ||
         transfer->is_done || self->is_closed;
}

static gboolean
sleep_locked (MpExchange   *self,
              MpTransfer   *transfer,
              gint64        deadline,
              GCancellable *cancellable,
              GError      **error)
{
  Lane *lane = get_lane (self, transfer);
  short events;
  gboolean goes_on;
  int fd, bell = -1;

  if (can_go_on_locked (self, transfer))
    return pause_locked (self, cancellable, error);

  if (mp_deadline_has_passed (deadline))
    {
      g_propagate_error (error, new_timed_out (transfer));
      return FALSE;
    }

  if (spin_for_locked (self, transfer))
    return TRUE;

  transfer->waker = mp_waker_get_mine (error);
  if (transfer->waker == NULL)
    return FALSE;

  transfer->is_polling = get_first_blocking_locked (lane) == transfer;
  if (transfer->is_polling && self->conduit.link != NULL)
    bell = mp_ring_link_get_bell (self->conduit.link);
  fd = transfer->is_polling ? mp_transport_get_fd (self->conduit.transport) : -1;
  events = get_all_events_locked (self, lane);

  unlock (self);
  goes_on = sleep_unlocked (transfer, fd, events, bell, deadline, cancellable, error);
  lock (self);
  hear_locked (self, TRUE);

  transfer->waker = NULL;
  transfer->is_polling = FALSE;
  return goes_on;
}

/*< private >
 * mp_exchange_run:
 * @timeout: seconds; negative waits for ever, 0 does not wait
 *
 * Waits until the transfer is done.  It fails with its own error, or
 * %MP_ERROR_TIMED_OUT, %MP_ERROR_INTERRUPTED or %G_IO_ERROR_CANCELLED, in which
 * cases nothing was sent or taken.
 */
gboolean
mp_exchange_run (MpExchange   *self,
                 MpTransfer   *transfer,
                 gdouble       timeout,
                 GCancellable *cancellable,
                 GError      **error)
{
  gint64 deadline = mp_deadline_from_timeout (timeout);
  GError *reason = NULL;

  if (!mp_exchange_check_origin (self, error) || g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  lock (self);
  enqueue_locked (self, transfer);
  serve_locked (self, get_lane (self, transfer));

  while (!transfer->is_done)
    {
      gboolean goes_on = sleep_locked (self, transfer, deadline, cancellable, &reason);

      /* Also what was begun the other way, which the peer may wait for. */
      serve_locked (self, &self->senders);
      serve_locked (self, &self->receivers);

      /* Done: that counts, whatever else happened. */
      if (transfer->is_done)
        g_clear_error (&reason);
      else if (!goes_on)
        withdraw_locked (self, transfer, g_steal_pointer (&reason));
    }
  unlock (self);

  if (transfer->error == NULL)
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&transfer->error));
  return FALSE;
}

/* --- At once --------------------------------------------------------------- */

/*< private >
 * mp_exchange_try_send:
 *
 * Returns: whether it was sent; if not, mp_exchange_run() has to be asked
 */
gboolean
mp_exchange_try_send (MpExchange           *self,
                      const MpConduitBody  *body)
{
  gboolean was_sent;

  if (!self->is_linked || self->origin != mp_origin_get ())
    return FALSE;

  lock (self);
  was_sent = !self->is_closed && g_queue_is_empty (&self->senders.transfers) &&
             mp_conduit_fits_ring (&self->conduit, body) &&
             mp_conduit_send_body (&self->conduit, body, NULL) == MP_IO_DONE;
  unlock (self);

  return was_sent;
}

typedef struct
{
  MpAccept accept;
  gsize    max_length;
} Wish;

/* Rubbish is taken, and told of. */
static gboolean
is_wanted (const MpRingRecord *record,
           gconstpointer       data)
{
  const Wish *wish = data;
  guint32 length;

  if (!mp_item_measure_body (record, &length))
    return TRUE;

  return (wish->accept == MP_ACCEPT_ANY || mp_item_is_value (record) == (wish->accept == MP_ACCEPT_VALUE)) &&
         (wish->max_length == 0 || length <= wish->max_length);
}

static MpIoStatus
try_receive_locked (MpExchange      *self,
                    const Wish      *wish,
                    MpConduitUsual  *usual,
                    GError         **error)
{
  if (self->is_closed || !g_queue_is_empty (&self->receivers.transfers))
    return MP_IO_AGAIN;

  return mp_conduit_receive_usual (&self->conduit, is_wanted, wish, usual, error);
}

/*< private >
 * mp_exchange_try_receive:
 * @spins: whether it looks some times, as one that waits does before it sleeps
 *
 * Returns: MP_IO_DONE, MP_IO_FAILED, or MP_IO_AGAIN: mp_exchange_run() has to be asked
 */
MpIoStatus
mp_exchange_try_receive (MpExchange      *self,
                         MpAccept         accept,
                         gsize            max_length,
                         gboolean         spins,
                         MpConduitUsual  *usual,
                         GError         **error)
{
  Wish wish = { accept, max_length };
  MpIoStatus status;

  if (!self->is_linked || self->origin != mp_origin_get ())
    return MP_IO_AGAIN;

  lock (self);
  status = try_receive_locked (self, &wish, usual, error);
  if (status == MP_IO_AGAIN && spins && mp_conduit_is_ring_idle (&self->conduit) &&
      g_queue_is_empty (&self->receivers.transfers) && spin_locked (self, MP_RING_LINK_IN))
    status = try_receive_locked (self, &wish, usual, error);
  if (self->epoll_fd >= 0)
    serve_locked (self, &self->receivers);
  unlock (self);

  return status;
}

/* --- Asynchronous ---------------------------------------------------------- */

typedef struct
{
  GSource source;

  MpExchange *exchange;
  MpTransfer transfer;
  GTask *task;
  MpTransferReturn return_func;
  gint64 deadline;
} TransferSource;

static gboolean
on_transfer (GSource     *source,
             GSourceFunc  callback,
             gpointer     data)
{
  TransferSource *self = (TransferSource *) source;
  MpTransfer *transfer = &self->transfer;
  GError *error = NULL;

  lock (self->exchange);
  hear_locked (self->exchange, TRUE);
  if (transfer->blocks)
    serve_locked (self->exchange, &self->exchange->senders);
  if (!transfer->is_done)
    serve_locked (self->exchange, get_lane (self->exchange, transfer));

  if (!transfer->is_done)
    {
      if (g_cancellable_set_error_if_cancelled (g_task_get_cancellable (self->task), &error))
        withdraw_locked (self->exchange, transfer, error);
      else if (can_go_on_locked (self->exchange, transfer))
        g_source_set_ready_time (source, 0);
      else if (mp_deadline_has_passed (self->deadline))
        withdraw_locked (self->exchange, transfer, new_timed_out (transfer));
      else
        g_source_set_ready_time (source, self->deadline);
    }
  unlock (self->exchange);

  if (!transfer->is_done)
    return G_SOURCE_CONTINUE;

  self->return_func (self->task, transfer);
  return G_SOURCE_REMOVE;
}

static void
on_transfer_finalized (GSource *source)
{
  TransferSource *self = (TransferSource *) source;

  /* Its context is gone, and nobody will hear of it. */
  self->transfer.is_ending = TRUE;
  if (self->exchange->origin == mp_origin_get ())
    {
      lock (self->exchange);
      if (self->transfer.is_queued)
        withdraw_locked (self->exchange, &self->transfer, NULL);
      unlock (self->exchange);
    }
  self->transfer.is_queued = FALSE;

  mp_transfer_clear (&self->transfer);
  g_clear_object (&self->task);
  g_clear_pointer (&self->exchange, mp_exchange_unref);
}

static GSourceFuncs transfer_source_funcs = {
  .dispatch = on_transfer,
  .finalize = on_transfer_finalized,
};

static void
add_cancellable (GSource      *source,
                 GCancellable *cancellable)
{
  g_autoptr (GSource) cancelled = NULL;

  if (cancellable == NULL)
    return;

  cancelled = g_cancellable_source_new (cancellable);
  g_source_set_dummy_callback (cancelled);
  g_source_add_child_source (source, cancelled);
}

static void
add_bell_locked (MpExchange *self,
                 MpTransfer *transfer)
{
  if (self->conduit.link != NULL)
    transfer->bell_tag = g_source_add_unix_fd (transfer->source, mp_ring_link_get_bell (self->conduit.link), 0);
}

/*< private >
 * mp_exchange_start:
 * @transfer: taken by value; not to be used afterwards
 * @task: (transfer full): returned from its own main context, never before this
 *   call returns
 */
void
mp_exchange_start (MpExchange       *self,
                   MpTransfer       *transfer,
                   gdouble           timeout,
                   GTask            *task,
                   MpTransferReturn  return_func)
{
  g_autoptr (GSource) source = NULL;
  TransferSource *transfer_source;
  GError *error = NULL;

  if (!mp_exchange_check_origin (self, &error) ||
      g_cancellable_set_error_if_cancelled (g_task_get_cancellable (task), &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      mp_transfer_clear (transfer);
      return;
    }

  source = g_source_new (&transfer_source_funcs, sizeof (TransferSource));
  g_source_set_static_name (source, "mpglib transfer");
  g_source_set_priority (source, g_task_get_priority (task));
  transfer_source = (TransferSource *) source;
  transfer_source->exchange = mp_exchange_ref (self);
  transfer_source->transfer = *transfer;
  transfer_source->transfer.source = source;
  transfer_source->task = task;
  transfer_source->return_func = return_func;
  transfer_source->deadline = mp_deadline_from_timeout (timeout);
  add_cancellable (source, g_task_get_cancellable (task));

  lock (self);
  if (!self->is_closed)
    {
      transfer_source->transfer.fd_tag =
        g_source_add_unix_fd (source, mp_transport_get_fd (self->conduit.transport), 0);
      add_bell_locked (self, &transfer_source->transfer);
    }
  g_source_set_ready_time (source, transfer_source->deadline);
  enqueue_locked (self, &transfer_source->transfer);
  serve_locked (self, get_lane (self, &transfer_source->transfer));
  unlock (self);

  g_source_attach (source, g_task_get_context (task));
}

/* --- A reader -------------------------------------------------------------- */

/*< private >
 * mp_exchange_set_reader:
 * @source: (nullable): a source that polls the socket, and is made ready when a
 *   message waits that was read already, or the end
 */
void
mp_exchange_set_reader (MpExchange *self,
                        GSource    *source)
{
  if (self->origin != mp_origin_get ())
    return;

  lock (self);
  if (self->reader != NULL)
    self->released = g_slist_prepend (self->released, g_steal_pointer (&self->reader));
  if (source != NULL && !self->is_closed)
    self->reader = g_source_ref (source);
  serve_locked (self, &self->receivers);
  unlock (self);
}

/*< private >
 * mp_exchange_get_bell:
 *
 * Returns: a descriptor that a reader's source polls beside the socket, or -1
 */
int
mp_exchange_get_bell (MpExchange *self)
{
  int bell = -1;

  lock (self);
  if (self->conduit.link != NULL && !self->is_closed)
    bell = mp_ring_link_get_bell (self->conduit.link);
  unlock (self);

  return bell;
}

/*< private >
 * mp_exchange_hear:
 *
 * For a reader's source, before it reads.
 */
void
mp_exchange_hear (MpExchange *self)
{
  if (self->origin != mp_origin_get ())
    return;

  lock (self);
  self->is_held_up = FALSE;
  hear_locked (self, TRUE);
  unlock (self);
}

/*< private >
 * mp_exchange_prepare:
 *
 * Packs what is attached to a frame that is to be sent.  Without the lock: what is attached may be the owner.
 */
gboolean
mp_exchange_prepare (MpExchange  *self,
                     MpFrame     *frame,
                     GError     **error)
{
  gboolean goes_by_ring;

  lock (self);
  goes_by_ring = mp_conduit_goes_by_ring (&self->conduit, frame);
  unlock (self);

  return goes_by_ring || mp_transport_prepare (frame, error);
}

/*< private >
 * mp_exchange_pack_rings:
 *
 * Returns: (transfer floating): a description for mp_ring_link_unpack()
 */
GVariant *
mp_exchange_pack_rings (MpExchange  *self,
                        MpPacking   *packing,
                        GError     **error)
{
  GVariant *rings;

  if (!mp_exchange_check_origin (self, error))
    return NULL;

  lock (self);
  rings = self->conduit.link != NULL ? mp_ring_link_pack (self->conduit.link, packing, error)
                                     : g_variant_new_tuple (NULL, 0);
  unlock (self);

  return rings;
}

/*< private >
 * mp_exchange_get_link:
 *
 * Returns: (nullable): what is beside the socket; for tests
 */
MpRingLink *
mp_exchange_get_link (MpExchange *self)
{
  return self->conduit.link;
}

/*< private >
 * mp_exchange_read:
 *
 * Takes a message that no transfer waits for.  FAILED: one was lost; CLOSED:
 * none will come any more, whyever.
 */
MpIoStatus
mp_exchange_read (MpExchange *self,
                  MpFrame   **frame,
                  GError    **error)
{
  MpIoStatus status = MP_IO_AGAIN;

  *frame = NULL;
  if (!mp_exchange_check_origin (self, error))
    return MP_IO_CLOSED;

  lock (self);
  serve_locked (self, &self->receivers);
  if (g_queue_is_empty (&self->receivers.transfers))
    status = mp_conduit_receive (&self->conduit, frame, error);
  if (status == MP_IO_FAILED && mp_conduit_get_end (&self->conduit) != NULL)
    status = MP_IO_CLOSED;
  self->is_held_up = status == MP_IO_FAILED && error != NULL && g_error_matches (*error, MP_ERROR, MP_ERROR_TIMED_OUT);
  show_kept_locked (self);
  tell_end_locked (self);
  unlock (self);

  return status;
}
