/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "mp-connection-private.h"
#include "mp-enums.h"
#include "mp-error.h"
#include "mp-exchange-private.h"
#include "mp-fd-private.h"
#include "mp-outbox-private.h"
#include "mp-reception-private.h"
#include "mp-shareable-private.h"

/**
 * MpConnection:
 *
 * One end of a connection between two processes, or within one.
 *
 * A connection carries messages: each is received whole, as it was sent, in
 * order. Make a pair with [func@Mp.Connection.new_pair], keep one end and hand
 * the other one to another process: as an argument, or over another connection,
 * since a connection is a [iface@Mp.Shareable] itself. Programs that did not start each
 * other meet by an address: one has a [class@Mp.Listener] there, and the others call
 * [func@Mp.Connection.open]. Passing it duplicates it:
 * both processes have that end then, and each message goes to one of them.
 *
 * # Waiting
 *
 * Whatever may wait has a blocking form, which waits in the calling thread and
 * iterates no main context, and an asynchronous one, which completes in the
 * caller's thread-default main context, never before the call returned. A
 * timeout is in seconds; a negative one waits for ever, 0 does not wait. Sends
 * are done in the order in which they were called, and so are receives, however
 * many threads and main contexts call. While a call blocks it also does what was
 * begun before, either way. An operation that was cancelled or timed out has sent
 * and taken nothing.
 *
 * To get each message as a signal, call [method@Mp.Connection.start_reading].
 *
 * # Sizes
 *
 * Messages of up to 1 MiB without attachments go through shared memory, if the connection is one of a
 * pair; others up to 64 KiB go through the socket, and larger ones in memory that
 * is sealed against changes, without a copy at the receiver. A sender waits when
 * the receiver has 4 MiB in shared memory, some 50 MiB of large ones, or a few messages, to receive yet.
 *
 * # The end
 *
 * After [method@Mp.Connection.close] at the other end, or the orderly end of all
 * processes that have it, what was sent before can still be received, then
 * receiving and sending fail with %MP_ERROR_CLOSED. If the last of them was
 * killed or crashed it is %MP_ERROR_PEER_DIED. A connection that nobody
 * references is closed.
 *
 * A connection may be used by all threads of a process. In a process that was
 * forked from it, other than by mpglib, all operations fail with
 * %MP_ERROR_FORKED.
 *
 * Since: 1.0
 */

enum
{
  PROP_0,
  PROP_READABLE,
  PROP_WRITABLE,
  PROP_STATE,
  PROP_MAIN_CONTEXT,
  N_PROPS
};

enum
{
  MESSAGE_RECEIVED,
  PEER_CLOSED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

static void mp_connection_shareable_init (MpShareableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MpConnection, mp_connection, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_connection_shareable_init)
                               G_IMPLEMENT_INTERFACE (MP_TYPE_WAITABLE, mp_connection_waitable_init))

/* --- Life ------------------------------------------------------------------ */

typedef struct
{
  MpConnection *connection;
  GError *reason;
} Ending;

static void
ending_free (gpointer data)
{
  Ending *ending = data;

  g_object_unref (ending->connection);
  g_clear_error (&ending->reason);
  g_free (ending);
}

static void
emit_ending (gpointer data)
{
  Ending *ending = data;

  g_object_notify_by_pspec (G_OBJECT (ending->connection), properties[PROP_STATE]);
  if (ending->reason != NULL)
    g_signal_emit (ending->connection, signals[PEER_CLOSED], 0, ending->reason);
}

static gboolean
has_listeners (MpConnection *self)
{
  static gsize notify_id;

  if (g_once_init_enter (&notify_id))
    g_once_init_leave (&notify_id, g_signal_lookup ("notify", G_TYPE_OBJECT));

  return g_signal_has_handler_pending (self, signals[PEER_CLOSED], 0, TRUE) ||
         g_signal_has_handler_pending (self, (guint) notify_id, g_quark_from_static_string ("state"), TRUE);
}

/* In a program that runs no main context nothing must pile up there, so what
 * nobody listens to is not posted.
 */
static void
post_ending (MpConnection *self,
             const GError *reason)
{
  Ending *ending;

  if (!has_listeners (self))
    return;

  ending = g_new (Ending, 1);
  ending->connection = g_object_ref (self);
  ending->reason = reason != NULL ? g_error_copy (reason) : NULL;
  mp_outbox_post (self->outbox, emit_ending, ending, ending_free);
}

static void
on_ended (gpointer owner)
{
  MpConnection *self = owner;

  g_atomic_int_compare_and_exchange (&self->state, MP_CONNECTION_OPEN, MP_CONNECTION_PEER_CLOSED);
}

static void
on_tell (gpointer      owner,
         const GError *reason)
{
  post_ending (owner, reason);
}

static const MpExchangeEvents exchange_events = { on_ended, on_tell };

static MpConnection *
open_with (MpConnection *self,
           MpTransport  *transport,
           MpRingLink   *link,
           gboolean      readable,
           gboolean      writable)
{
  mp_transport_set_raw (transport, TRUE);
  self->readable = readable;
  self->writable = writable;
  self->state = MP_CONNECTION_OPEN;
  self->exchange = mp_exchange_new (transport, link, &exchange_events, self);

  return self;
}

/*< private >
 * mp_connection_new_take:
 * @fd: a socket, one end of a pair; taken
 * @link_taken: (nullable): the rings beside it
 * @is_shared: another process may have the end too
 */
MpConnection *
mp_connection_new_take (int         fd,
                        MpRingLink *link_taken,
                        gboolean    readable,
                        gboolean    writable,
                        gboolean    is_shared)
{
  MpTransport *transport = mp_transport_new (fd);

  if (is_shared)
    mp_transport_set_shared (transport);

  return open_with (g_object_new (MP_TYPE_CONNECTION, NULL), transport, link_taken, readable, writable);
}

/*< private >
 * mp_connection_new_agreed:
 * @transport: one whose ends know each other; taken
 * @main_context: (nullable): that of the signals; %NULL for the thread-default one
 */
MpConnection *
mp_connection_new_agreed (MpTransport  *transport,
                          GMainContext *main_context)
{
  return open_with (g_object_new (MP_TYPE_CONNECTION, "main-context", main_context, NULL), transport, NULL, TRUE, TRUE);
}

/*< private >
 * mp_connection_close_all:
 *
 * Closes all connections and listeners of this process, which is about to end in order,
 * so that nobody takes that for a death.  Is called at exit in any case.
 */
void
mp_connection_close_all (void)
{
  mp_reception_close_all ();
  mp_exchange_close_all ();
}

static void
mp_connection_constructed (GObject *object)
{
  MpConnection *self = MP_CONNECTION (object);

  G_OBJECT_CLASS (mp_connection_parent_class)->constructed (object);

  if (self->main_context == NULL)
    self->main_context = g_main_context_ref_thread_default ();
  self->outbox = mp_outbox_get (self->main_context);
}

static void
mp_connection_dispose (GObject *object)
{
  MpConnection *self = MP_CONNECTION (object);

  if (self->exchange != NULL)
    mp_exchange_close (self->exchange);
  g_atomic_int_set (&self->state, MP_CONNECTION_CLOSED); /* for who has a reference still */

  G_OBJECT_CLASS (mp_connection_parent_class)->dispose (object);
}

static void
mp_connection_finalize (GObject *object)
{
  MpConnection *self = MP_CONNECTION (object);

  g_clear_pointer (&self->exchange, mp_exchange_unref);
  g_clear_pointer (&self->outbox, mp_outbox_unref);
  g_clear_pointer (&self->main_context, g_main_context_unref);

  G_OBJECT_CLASS (mp_connection_parent_class)->finalize (object);
}

static void
mp_connection_get_property (GObject    *object,
                            guint       prop_id,
                            GValue     *value,
                            GParamSpec *pspec)
{
  MpConnection *self = MP_CONNECTION (object);

  switch (prop_id)
    {
    case PROP_READABLE:
      g_value_set_boolean (value, self->readable);
      break;

    case PROP_WRITABLE:
      g_value_set_boolean (value, self->writable);
      break;

    case PROP_STATE:
      g_value_set_enum (value, mp_connection_get_state (self));
      break;

    case PROP_MAIN_CONTEXT:
      g_value_set_boxed (value, self->main_context);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_connection_set_property (GObject      *object,
                            guint         prop_id,
                            const GValue *value,
                            GParamSpec   *pspec)
{
  MpConnection *self = MP_CONNECTION (object);

  switch (prop_id)
    {
    case PROP_MAIN_CONTEXT:
      self->main_context = g_value_dup_boxed (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_connection_class_init (MpConnectionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_connection_constructed;
  object_class->dispose = mp_connection_dispose;
  object_class->finalize = mp_connection_finalize;
  object_class->get_property = mp_connection_get_property;
  object_class->set_property = mp_connection_set_property;

  /**
   * MpConnection:readable:
   *
   * Whether messages can be received.
   *
   * Since: 1.0
   */
  properties[PROP_READABLE] =
    g_param_spec_boolean ("readable", NULL, NULL,
                          FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpConnection:writable:
   *
   * Whether messages can be sent.
   *
   * Since: 1.0
   */
  properties[PROP_WRITABLE] =
    g_param_spec_boolean ("writable", NULL, NULL,
                          FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpConnection:state:
   *
   * Whether either end was closed.
   *
   * The end of the other one is noticed by the next operation; by a connection
   * that reads ([method@Mp.Connection.start_reading]) at once. Changes are
   * notified in [property@Mp.Connection:main-context].
   *
   * Since: 1.0
   */
  properties[PROP_STATE] =
    g_param_spec_enum ("state", NULL, NULL,
                       MP_TYPE_CONNECTION_STATE, MP_CONNECTION_CLOSED,
                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpConnection:main-context:
   *
   * Where signals are emitted: by default the thread-default main context of
   * whoever made or received the connection.
   *
   * Since: 1.0
   */
  properties[PROP_MAIN_CONTEXT] =
    g_param_spec_boxed ("main-context", NULL, NULL,
                        G_TYPE_MAIN_CONTEXT,
                        G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);

  /**
   * MpConnection::message-received:
   * @self: the connection
   * @message: the message
   *
   * A message came, while the connection reads. See
   * [method@Mp.Connection.start_reading].
   *
   * Since: 1.0
   */
  signals[MESSAGE_RECEIVED] =
    g_signal_new ("message-received",
                  G_TYPE_FROM_CLASS (klass),
                  G_SIGNAL_RUN_LAST,
                  0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, MP_TYPE_MESSAGE);

  /**
   * MpConnection::peer-closed:
   * @self: the connection
   * @reason: %MP_ERROR_CLOSED if the other end was closed, %MP_ERROR_PEER_DIED if
   *   the process there was killed or crashed, %MP_ERROR_CORRUPTED and others if
   *   it sent what cannot be
   *
   * No message will come any more. Is emitted once, after the last message was
   * received, when that is noticed.
   *
   * Since: 1.0
   */
  signals[PEER_CLOSED] =
    g_signal_new ("peer-closed",
                  G_TYPE_FROM_CLASS (klass),
                  G_SIGNAL_RUN_LAST,
                  0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
mp_connection_init (MpConnection *self)
{
  self->state = MP_CONNECTION_CLOSED;
}

/* --- Sharing --------------------------------------------------------------- */

#define KIND             "connection"
#define DESCRIPTION_TYPE "(bbv)" /* readable, writable, rings */

static GVariant *
mp_connection_pack (MpShareable  *shareable,
                    MpPacking    *packing,
                    GError      **error)
{
  MpConnection *self = MP_CONNECTION (shareable);
  GVariant *rings;
  int fd;

  if (self->exchange == NULL)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "The connection is closed");
      return NULL;
    }

  rings = mp_exchange_pack_rings (self->exchange, packing, error);
  if (rings == NULL)
    return NULL;

  fd = mp_exchange_share (self->exchange, error);
  if (fd < 0)
    {
      g_variant_unref (g_variant_ref_sink (rings));
      return NULL;
    }

  g_array_append_val (packing->fds, fd);
  return g_variant_new (DESCRIPTION_TYPE, self->readable, self->writable, rings);
}

static MpShareable *
mp_connection_unpack (MpUnpacking  *unpacking,
                      GVariant     *description,
                      int          *fds,
                      guint         n_fds,
                      GError      **error)
{
  g_autoptr (MpRingLink) link = NULL;
  g_autoptr (GVariant) rings = NULL;
  gboolean readable, writable, has_rings;
  MpConnection *self;
  int fd;

  if (n_fds < 1 || !g_variant_is_of_type (description, G_VARIANT_TYPE (DESCRIPTION_TYPE)) ||
      !mp_fd_has_option (fds[n_fds - 1], SO_DOMAIN, AF_UNIX) ||
      !mp_fd_has_option (fds[n_fds - 1], SO_TYPE, SOCK_SEQPACKET))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CORRUPTED, "The peer sent a connection that is none");
      return NULL;
    }

  g_variant_get (description, DESCRIPTION_TYPE, &readable, &writable, &rings);
  if (!mp_ring_link_unpack (&link, unpacking, rings, fds, n_fds - 1, error))
    return NULL;

  fd = fds[n_fds - 1];
  fds[n_fds - 1] = -1;
  has_rings = link != NULL;
  self = mp_connection_new_take (fd, g_steal_pointer (&link), readable, writable, TRUE);
  /* A pair without rings, for which there was no memory, looks the same: then it is taken for the worse */
  self->is_by_address = !has_rings;
  return MP_SHAREABLE (self);
}

static char *
mp_connection_to_string (MpShareable *shareable)
{
  MpConnection *self = MP_CONNECTION (shareable);

  if (mp_connection_is_closed (self))
    return g_strdup ("<Mp.Connection closed>");

  if (!mp_exchange_check_origin (self->exchange, NULL))
    return g_strdup ("<Mp.Connection of another process>");

  return g_strdup_printf ("<Mp.Connection fd=%d%s%s>", mp_exchange_get_socket (self->exchange),
                          self->readable ? " readable" : "", self->writable ? " writable" : "");
}

static void
mp_connection_shareable_init (MpShareableInterface *iface)
{
  iface->kind = KIND;
  iface->pack = mp_connection_pack;
  iface->to_string = mp_connection_to_string;
}

/* Who receives a connection may not have used one before. */
__attribute__ ((constructor))
static void
register_kind (void)
{
  mp_shareable_register_hold (KIND, mp_connection_unpack);
}

/* --- Making, closing, asking ------------------------------------------------ */

/**
 * mp_connection_new_pair:
 * @duplex: whether both ends send and receive; otherwise @first only receives
 *   and @second only sends
 * @first: (out) (transfer full): one end
 * @second: (out) (transfer full): the other end
 * @error: return location for an error
 *
 * Makes two connections with each other.
 *
 * Fails with %MP_ERROR_TOO_BIG when this process or the system has no more file
 * descriptors.
 *
 * Returns: (skip): %TRUE if both were made
 *
 * Since: 1.0
 */
gboolean
mp_connection_new_pair (gboolean       duplex,
                        MpConnection **first,
                        MpConnection **second,
                        GError       **error)
{
  MpRingLink *links[2] = { NULL, NULL };
  int fds[2];

  g_return_val_if_fail (first != NULL && second != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  *first = NULL;
  *second = NULL;
  if (!mp_transport_new_pair (fds, error))
    return FALSE;

  /* Where they cannot be had the socket carries all. */
  mp_ring_link_new_pair (duplex, &links[0], &links[1]);
  *first = mp_connection_new_take (fds[0], links[0], TRUE, duplex, FALSE);
  *second = mp_connection_new_take (fds[1], links[1], duplex, TRUE, FALSE);
  return TRUE;
}

/**
 * mp_connection_get_readable:
 * @self: a connection
 *
 * Tells whether messages can be received.
 *
 * Returns: whether they can
 *
 * Since: 1.0
 */
gboolean
mp_connection_get_readable (MpConnection *self)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);

  return self->readable;
}

/**
 * mp_connection_get_writable:
 * @self: a connection
 *
 * Tells whether messages can be sent.
 *
 * Returns: whether they can
 *
 * Since: 1.0
 */
gboolean
mp_connection_get_writable (MpConnection *self)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);

  return self->writable;
}

/**
 * mp_connection_get_state:
 * @self: a connection
 *
 * Tells whether either end was closed; see [property@Mp.Connection:state]. May
 * be called from any thread.
 *
 * Returns: the state
 *
 * Since: 1.0
 */
MpConnectionState
mp_connection_get_state (MpConnection *self)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), MP_CONNECTION_CLOSED);

  return (MpConnectionState) g_atomic_int_get (&self->state);
}

/**
 * mp_connection_get_main_context:
 * @self: a connection
 *
 * Gets the main context in which signals are emitted.
 *
 * Returns: (transfer none): the context
 *
 * Since: 1.0
 */
GMainContext *
mp_connection_get_main_context (MpConnection *self)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), NULL);

  return self->main_context;
}

/**
 * mp_connection_get_fd:
 * @self: a connection
 * @error: return location for an error
 *
 * Gets a file descriptor that can be polled together with others: it is readable
 * exactly while a message waits to be received, or the end of the connection.
 * It is for polling only, and stays the connection's, until that is closed.
 *
 * It may become readable for a moment without a message, when processes that
 * have the other end come or go; so receive with a timeout of 0.
 *
 * Fails with %MP_ERROR_CLOSED when this end was closed, and with
 * %MP_ERROR_TOO_BIG when this process has no more file descriptors.
 *
 * Returns: the descriptor, or -1
 *
 * Since: 1.0
 */
int
mp_connection_get_fd (MpConnection *self,
                      GError      **error)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  if (self->exchange == NULL)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "The connection is closed");
      return -1;
    }

  return mp_exchange_get_fd (self->exchange, error);
}

/**
 * mp_connection_close:
 * @self: a connection
 *
 * Closes this end; other processes that have it too keep theirs. Never waits.
 *
 * What the other end has not received yet it still can receive. Operations that
 * wait here fail with %MP_ERROR_CLOSED, and so do later ones. Closing again does
 * nothing. May be called from any thread.
 *
 * Since: 1.0
 */
void
mp_connection_close (MpConnection *self)
{
  g_return_if_fail (MP_IS_CONNECTION (self));

  if (self->exchange == NULL)
    return;

  mp_connection_stop_reading (self);
  mp_exchange_close (self->exchange);
  mp_connection_stop_reading (self); /* which another thread may have started meanwhile */
  if (g_atomic_int_exchange (&self->state, MP_CONNECTION_CLOSED) != MP_CONNECTION_CLOSED)
    post_ending (self, NULL);
}

/**
 * mp_connection_is_closed:
 * @self: a connection
 *
 * Tells whether this end was closed.
 *
 * Returns: whether it was
 *
 * Since: 1.0
 */
gboolean
mp_connection_is_closed (MpConnection *self)
{
  return mp_connection_get_state (self) == MP_CONNECTION_CLOSED;
}

/* --- For sending and receiving ---------------------------------------------- */

gboolean
mp_connection_check_usable (MpConnection    *self,
                            MpTransferKind   kind,
                            GError         **error)
{
  if (self->exchange == NULL)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "The connection is closed");
      return FALSE;
    }

  if (kind == MP_TRANSFER_SEND ? self->writable : self->readable)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED, "This end of the connection only %s",
               kind == MP_TRANSFER_SEND ? "receives" : "sends");
  return FALSE;
}

GTask *
mp_connection_new_task (MpConnection        *self,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data,
                        gpointer             tag)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  /* What was sent or taken stays so, also if it is cancelled meanwhile. */
  g_task_set_check_cancellable (task, FALSE);
  return task;
}

/* For sends and waits. */
void
mp_connection_return_boolean (GTask      *task,
                              MpTransfer *transfer)
{
  if (transfer->error != NULL)
    g_task_return_error (task, g_steal_pointer (&transfer->error));
  else
    g_task_return_boolean (task, TRUE);
}

gboolean
mp_connection_finish_boolean (MpConnection  *self,
                              GAsyncResult  *result,
                              gpointer       tag,
                              GError       **error)
{
  g_return_val_if_fail (MP_IS_CONNECTION (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, tag), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

void
mp_connection_emit_received (MpConnection *self,
                             MpMessage    *message)
{
  g_signal_emit (self, signals[MESSAGE_RECEIVED], 0, message);
}
