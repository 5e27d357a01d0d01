/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-listener-base-private.h"

#include "mp-enums.h"
#include "mp-error.h"
#include "mp-origin-private.h"

/**
 * MpListener:
 *
 * Waits at an address for programs that connect with [func@Mp.Connection.open].
 *
 * An address is one of
 *
 * - `unix:PATH`, or a path that begins with a slash: a socket in the file system, which
 *   only the user can connect to. A file that a dead listener of the same user has left is
 *   replaced; anything else that is there never is;
 * - `abstract:NAME`: a name without a file, which all users of the machine see and can take. It needs a key;
 * - none, %NULL: a new socket in a folder of its own, which nobody else can enter.
 *   [property@Mp.Listener:address] says where, for those who shall connect.
 *
 * An address is also `tcp:HOST:PORT`, where HOST is one of this machine's own, as a number, or
 * `localhost`, which is 127.0.0.1; 0.0.0.0 is all those of IPv4, and `[::]` all. Port 0 is any that is
 * free, which [property@Mp.Listener:address] tells once it listens. Without a key TCP is for this
 * program and the processes that it starts: see [ctor@Mp.AuthKey.new_own]. On other addresses than loopback ones all
 * is said over TLS, which the key is bound to: [property@Mp.Listener:tls] is for who has certificates.
 *
 * # Who may connect
 *
 * Both ends prove to each other that they have the same [class@Mp.AuthKey], and neither
 * sends it. Without a key at both ends, each end makes sure that the other one is a process of
 * the same user.
 *
 * That is done on a thread of the library's, for many at a time: whoever connects and says
 * nothing, or rubbish, or has another key, is let go after 5 seconds or at once, and nobody
 * notices but the log and [signal@Mp.Listener::refused]. A connection is there to be accepted when its ends know
 * each other.
 *
 * # Accepting
 *
 * Open the listener, then call [method@Mp.Listener.accept], which waits in the calling
 * thread and needs no main loop, or [method@Mp.Listener.accept_async]; or connect to
 * [signal@Mp.Listener::incoming] and call [method@Mp.Listener.start_accepting].
 *
 * # The end
 *
 * A listener that is closed, or that nobody references, removes its file, and so does a program that
 * ends in order. What a program leaves that is killed is replaced by the next listener there, or,
 * where it was a folder of its own, removed by the next one that has no address. Connections that were
 * accepted go on. In a process that was forked from the listener's, other than by mpglib, the listener
 * is not open: nobody can connect there, what is asked of it fails with %MP_ERROR_FORKED, and its end
 * there leaves the file alone.
 *
 * All functions may be called from any thread.
 *
 * Since: 1.0
 */

enum
{
  PROP_0,
  PROP_ADDRESS,
  PROP_KEY,
  PROP_WIRE,
  PROP_TLS,
  PROP_BACKLOG,
  PROP_LAST_ACCEPTED,
  PROP_MAIN_CONTEXT,
  N_PROPS
};

enum
{
  INCOMING,
  REFUSED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE_WITH_CODE (MpListener, mp_listener, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_WAITABLE, mp_listener_waitable_init))

#define DEFAULT_BACKLOG 64

/* --- Signals ------------------------------------------------------------------------ */

void
mp_listener_emit_incoming (MpListener   *self,
                           MpConnection *connection)
{
  g_signal_emit (self, signals[INCOMING], 0, connection);
}

void
mp_listener_emit_refused (MpListener      *self,
                          const MpRefusal *refusal)
{
  g_signal_emit (self, signals[REFUSED], 0, refusal->name, refusal->error);
}

/* --- Life -------------------------------------------------------------------------- */

static void
on_arrival (gpointer data)
{
  mp_listener_post_locked (data);
}

static void
mp_listener_constructed (GObject *object)
{
  MpListener *self = MP_LISTENER (object);

  G_OBJECT_CLASS (mp_listener_parent_class)->constructed (object);

  if (self->main_context == NULL)
    self->main_context = g_main_context_ref_thread_default ();
  self->outbox = mp_outbox_get (self->main_context);
  self->reception = mp_reception_new (self->wish, self->key, self->wire, self->tls, self->backlog, on_arrival,
                                      self);
}

static void
mp_listener_dispose (GObject *object)
{
  mp_listener_close (MP_LISTENER (object));

  G_OBJECT_CLASS (mp_listener_parent_class)->dispose (object);
}

static void
mp_listener_finalize (GObject *object)
{
  MpListener *self = MP_LISTENER (object);

  mp_reception_unref (self->reception);
  mp_outbox_unref (self->outbox);
  g_main_context_unref (self->main_context);
  g_clear_object (&self->key);
  g_clear_object (&self->tls);
  g_free (self->wish);
  g_free (self->last_accepted);

  G_OBJECT_CLASS (mp_listener_parent_class)->finalize (object);
}

static void
mp_listener_get_property (GObject    *object,
                          guint       prop_id,
                          GValue     *value,
                          GParamSpec *pspec)
{
  MpListener *self = MP_LISTENER (object);

  switch (prop_id)
    {
    case PROP_ADDRESS:
      g_value_take_string (value, mp_listener_get_address (self));
      break;

    case PROP_KEY:
      g_value_set_object (value, self->key);
      break;

    case PROP_WIRE:
      g_value_set_flags (value, self->wire);
      break;

    case PROP_TLS:
      g_value_set_object (value, self->tls);
      break;

    case PROP_BACKLOG:
      g_value_set_uint (value, self->backlog);
      break;

    case PROP_LAST_ACCEPTED:
      g_value_take_string (value, mp_listener_get_last_accepted (self));
      break;

    case PROP_MAIN_CONTEXT:
      g_value_set_boxed (value, self->main_context);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mp_listener_set_property (GObject      *object,
                          guint         prop_id,
                          const GValue *value,
                          GParamSpec   *pspec)
{
  MpListener *self = MP_LISTENER (object);

  switch (prop_id)
    {
    case PROP_ADDRESS:
      self->wish = g_value_dup_string (value);
      break;

    case PROP_KEY:
      self->key = g_value_dup_object (value);
      break;

    case PROP_WIRE:
      self->wire = g_value_get_flags (value);
      break;

    case PROP_TLS:
      self->tls = g_value_dup_object (value);
      break;

    case PROP_BACKLOG:
      self->backlog = g_value_get_uint (value);
      break;

    case PROP_MAIN_CONTEXT:
      self->main_context = g_value_dup_boxed (value);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags at_construction = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  /**
   * MpListener:address: (getter get_address)
   *
   * Where it listens. %NULL chooses a new place in a private folder, and is what the
   * property says until the listener was opened; likewise a port of 0. What was chosen is
   * notified in [property@Mp.Listener:main-context].
   *
   * Since: 1.0
   */
  properties[PROP_ADDRESS] =
    g_param_spec_string ("address", NULL, NULL,
                         NULL,
                         at_construction);

  /**
   * MpListener:key: (getter get_key)
   *
   * What those must know who connect; %NULL lets all processes of the same user connect that have
   * no key either, and nobody else; over TCP and in Python's protocol, those of the same program.
   *
   * Since: 1.0
   */
  properties[PROP_KEY] =
    g_param_spec_object ("key", NULL, NULL,
                         MP_TYPE_AUTH_KEY,
                         at_construction);

  /**
   * MpListener:wire: (getter get_wire)
   *
   * What is spoken there; the same at the end that connects.
   *
   * Since: 1.0
   */
  properties[PROP_WIRE] =
    g_param_spec_flags ("wire", NULL, NULL,
                        MP_TYPE_WIRE_FLAGS, MP_WIRE_DEFAULT,
                        at_construction);

  /**
   * MpListener:tls: (getter get_tls)
   *
   * Which certificates this end shows and takes: with it all connections have TLS. %NULL takes what comes with mpglib
   * where there is TLS, on addresses of a network and with %MP_WIRE_TLS, and needs nothing but the key.
   *
   * Since: 1.0
   */
  properties[PROP_TLS] =
    g_param_spec_object ("tls", NULL, NULL,
                         MP_TYPE_TLS_SETTINGS,
                         at_construction);

  /**
   * MpListener:backlog: (getter get_backlog)
   *
   * How many connections may wait to be accepted, whose ends know each other. Those
   * who come then wait until one was accepted, and give up after 5 seconds. Some that came just before may
   * be added to the number.
   *
   * Since: 1.0
   */
  properties[PROP_BACKLOG] =
    g_param_spec_uint ("backlog", NULL, NULL,
                       1, G_MAXINT, DEFAULT_BACKLOG,
                       at_construction);

  /**
   * MpListener:last-accepted: (getter get_last_accepted)
   *
   * The address of the other end of the connection that was accepted last; %NULL if that
   * has none, as is common with unix sockets, or there was no connection yet. It is not
   * notified.
   *
   * Since: 1.0
   */
  properties[PROP_LAST_ACCEPTED] =
    g_param_spec_string ("last-accepted", NULL, NULL,
                         NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpListener:main-context: (getter get_main_context)
   *
   * Where signals are emitted, also those of the connections that come with them: by
   * default the thread-default main context of whoever made the listener.
   *
   * Since: 1.0
   */
  properties[PROP_MAIN_CONTEXT] =
    g_param_spec_boxed ("main-context", NULL, NULL,
                        G_TYPE_MAIN_CONTEXT,
                        at_construction);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_listener_class_init (MpListenerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mp_listener_constructed;
  object_class->dispose = mp_listener_dispose;
  object_class->finalize = mp_listener_finalize;
  object_class->get_property = mp_listener_get_property;
  object_class->set_property = mp_listener_set_property;

  install_properties (object_class);

  /**
   * MpListener::incoming:
   * @self: the listener
   * @connection: the connection
   *
   * A program has connected, while the listener accepts for this signal: see
   * [method@Mp.Listener.start_accepting]. A connection that no handler keeps is closed.
   *
   * Since: 1.0
   */
  signals[INCOMING] =
    g_signal_new ("incoming",
                  G_TYPE_FROM_CLASS (klass),
                  G_SIGNAL_RUN_LAST,
                  0, NULL, NULL, NULL,
                  G_TYPE_NONE, 1, MP_TYPE_CONNECTION);

  /**
   * MpListener::refused:
   * @self: the listener
   * @who: who has connected, for people: by its address, or its user
   * @error: why it was turned away: %MP_ERROR_AUTHENTICATION if it has not proved to
   *   have the key, %MP_ERROR_TIMED_OUT if it has not come to that in time,
   *   %MP_ERROR_FULL if it had not when too many others came, %MP_ERROR_TOO_BIG if this
   *   process had too few descriptors left, %MP_ERROR_REFUSED if it is
   *   of another user, %MP_ERROR_CORRUPTED and others if it has sent what cannot be
   *
   * Somebody has connected and was turned away, while the listener accepts for
   * signals: see [method@Mp.Listener.start_accepting]. For a log, or for a rule against those
   * who try again and again. What @who and @error say is in part what a stranger has sent.
   *
   * At most 64 are kept for a main context that does not run; older ones are not told of.
   *
   * Since: 1.0
   */
  signals[REFUSED] =
    g_signal_new ("refused",
                  G_TYPE_FROM_CLASS (klass),
                  G_SIGNAL_RUN_LAST,
                  0, NULL, NULL, NULL,
                  G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_ERROR);
}

static void
mp_listener_init (MpListener *self)
{
}

/* --- Opening and closing ------------------------------------------------------------- */

/**
 * mp_listener_new:
 * @address: (nullable): where to listen; %NULL for a new place in a private folder
 * @key: (nullable): what those must know who connect; %NULL for no key, among processes of one user
 *
 * Makes a listener, which does not listen before [method@Mp.Listener.open].
 *
 * Returns: a listener
 *
 * Since: 1.0
 */
MpListener *
mp_listener_new (const char *address,
                 MpAuthKey  *key)
{
  g_return_val_if_fail (key == NULL || MP_IS_AUTH_KEY (key), NULL);

  return g_object_new (MP_TYPE_LISTENER, "address", address, "key", key, NULL);
}

/**
 * mp_listener_new_with_wire:
 * @address: (nullable): where to listen; %NULL for a new place in a private folder
 * @key: (nullable): what those must know who connect; %NULL for no key, among processes of one user
 * @wire: what is spoken there
 *
 * Makes a listener, which does not listen before [method@Mp.Listener.open].
 *
 * Returns: a listener
 *
 * Since: 1.0
 */
MpListener *
mp_listener_new_with_wire (const char  *address,
                           MpAuthKey   *key,
                           MpWireFlags  wire)
{
  g_return_val_if_fail (key == NULL || MP_IS_AUTH_KEY (key), NULL);

  return g_object_new (MP_TYPE_LISTENER, "address", address, "key", key, "wire", wire, NULL);
}

/**
 * mp_listener_new_with_tls:
 * @address: (nullable): where to listen; %NULL for a new place in a private folder
 * @key: (nullable): what those must know who connect; %NULL for no key, as where both ends trust certificates
 * @wire: what is spoken there
 * @tls: (nullable): what this end shows, and takes
 *
 * Makes a listener, which does not listen before [method@Mp.Listener.open].
 *
 * Returns: a listener
 *
 * Since: 1.0
 */
MpListener *
mp_listener_new_with_tls (const char    *address,
                          MpAuthKey     *key,
                          MpWireFlags    wire,
                          MpTlsSettings *tls)
{
  g_return_val_if_fail (key == NULL || MP_IS_AUTH_KEY (key), NULL);
  g_return_val_if_fail (tls == NULL || MP_IS_TLS_SETTINGS (tls), NULL);

  return g_object_new (MP_TYPE_LISTENER, "address", address, "key", key, "wire", wire, "tls", tls, NULL);
}

/* The letter names it weakly: one whose context does not run can go, and listen no more. */
static void
tell_of_address (gpointer data)
{
  g_autoptr (MpListener) self = g_weak_ref_get (data);

  if (self != NULL)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ADDRESS]);
}

static void
weak_ref_free (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

static void
post_address (MpListener *self)
{
  g_autofree char *address = mp_listener_get_address (self);
  GWeakRef *ref;

  if (g_strcmp0 (address, self->wish) == 0)
    return;

  ref = g_new0 (GWeakRef, 1);
  g_weak_ref_init (ref, self);
  mp_outbox_post (self->outbox, tell_of_address, ref, weak_ref_free);
}

/**
 * mp_listener_open:
 * @self: a listener
 * @error: return location for an error
 *
 * Begins to listen. Never waits. From then on programs can connect, also while nobody
 * accepts.
 *
 * Fails with %G_IO_ERROR_INVALID_ARGUMENT for what is no address, %G_IO_ERROR_ADDRESS_IN_USE
 * if somebody listens there, or there is a file that no dead listener of this user has left,
 * %MP_ERROR_NOT_SUPPORTED for the name of a host, which would have to be looked up, %MP_ERROR_REFUSED if the address
 * needs a key or the key has no bytes, or is too short for who could see it there, or a certificate has no private
 * key, %MP_ERROR_NOT_SUPPORTED also if TLS is needed and GIO has none, which the package glib-networking brings,
 * %MP_ERROR_INVALID_STATE if it is open, %MP_ERROR_CLOSED if it was closed, %MP_ERROR_FORKED in another
 * process, %MP_ERROR_START_FAILED if the library's thread or its descriptors cannot be had, and with
 * what the kernel says, as a code of [error@Gio.IOErrorEnum]. After an error it may be tried again.
 *
 * Returns: (skip): %TRUE if it listens
 *
 * Since: 1.0
 */
gboolean
mp_listener_open (MpListener  *self,
                  GError     **error)
{
  g_return_val_if_fail (MP_IS_LISTENER (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!mp_reception_open (self->reception, self->tls, error))
    return FALSE;

  post_address (self);
  return TRUE;
}

/**
 * mp_listener_close:
 * @self: a listener
 *
 * Listens no more and removes the file of its socket. Never waits.
 *
 * Calls that wait for a connection fail with %MP_ERROR_CLOSED, and so do later ones.
 * Connections that nobody has accepted are closed; others go on. Closing again does nothing,
 * nor does it in a process that was forked from the listener's.
 *
 * Since: 1.0
 */
void
mp_listener_close (MpListener *self)
{
  g_return_if_fail (MP_IS_LISTENER (self));

  mp_reception_close (self->reception);
  mp_listener_stop_accepting (self);
}

/**
 * mp_listener_is_open:
 * @self: a listener
 *
 * Tells whether it listens: it was opened, and not closed.
 *
 * Returns: whether it does; in a process that was forked from its own it does not
 *
 * Since: 1.0
 */
gboolean
mp_listener_is_open (MpListener *self)
{
  MpPump *pump;
  gboolean is_open;

  g_return_val_if_fail (MP_IS_LISTENER (self), FALSE);

  pump = mp_reception_get_pump (self->reception);
  mp_pump_lock (pump);
  is_open = mp_pump_get_origin (pump) == mp_origin_get () && mp_reception_is_open_locked (self->reception);
  mp_pump_unlock (pump);

  return is_open;
}

/*< private >
 * mp_listener_check_open:
 *
 * Returns: whether connections can be accepted
 */
gboolean
mp_listener_check_open (MpListener  *self,
                        GError     **error)
{
  MpPump *pump = mp_reception_get_pump (self->reception);
  gboolean is_open, is_closed;

  if (!mp_origin_check (mp_pump_get_origin (pump), "The listener", error))
    return FALSE;

  mp_pump_lock (pump);
  is_open = mp_reception_is_open_locked (self->reception);
  is_closed = mp_reception_is_closed_locked (self->reception);
  mp_pump_unlock (pump);
  if (is_closed)
    g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "The listener was closed");
  else if (!is_open)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "The listener does not listen yet; open it first");

  return is_open;
}

/*< private >
 * mp_listener_get_reception:
 */
MpReception *
mp_listener_get_reception (MpListener *self)
{
  return self->reception;
}

/* --- Asking -------------------------------------------------------------------------- */

/**
 * mp_listener_get_address:
 * @self: a listener
 *
 * Gets where it listens or has listened, in the form that [func@Mp.Connection.open] takes.
 *
 * Returns: (transfer full) (nullable): the address; %NULL if the listener chooses one and
 *   was not opened yet
 *
 * Since: 1.0
 */
char *
mp_listener_get_address (MpListener *self)
{
  g_return_val_if_fail (MP_IS_LISTENER (self), NULL);

  return mp_reception_dup_address (self->reception);
}

/**
 * mp_listener_get_key:
 * @self: a listener
 *
 * Gets what those must know who connect.
 *
 * Returns: (transfer none) (nullable): the key
 *
 * Since: 1.0
 */
MpAuthKey *
mp_listener_get_key (MpListener *self)
{
  g_return_val_if_fail (MP_IS_LISTENER (self), NULL);

  return self->key;
}

/**
 * mp_listener_get_wire:
 * @self: a listener
 *
 * Gets what is spoken there.
 *
 * Returns: the wire
 *
 * Since: 1.0
 */
MpWireFlags
mp_listener_get_wire (MpListener *self)
{
  g_return_val_if_fail (MP_IS_LISTENER (self), MP_WIRE_DEFAULT);

  return self->wire;
}

/**
 * mp_listener_get_tls:
 * @self: a listener
 *
 * Gets which certificates it shows and takes.
 *
 * Returns: (transfer none) (nullable): the settings
 *
 * Since: 1.0
 */
MpTlsSettings *
mp_listener_get_tls (MpListener *self)
{
  g_return_val_if_fail (MP_IS_LISTENER (self), NULL);

  return self->tls;
}

/**
 * mp_listener_get_backlog:
 * @self: a listener
 *
 * Gets how many connections may wait to be accepted.
 *
 * Returns: the number
 *
 * Since: 1.0
 */
guint
mp_listener_get_backlog (MpListener *self)
{
  g_return_val_if_fail (MP_IS_LISTENER (self), 0);

  return self->backlog;
}

/**
 * mp_listener_get_last_accepted:
 * @self: a listener
 *
 * Gets the address of the other end of the connection that was accepted last.
 *
 * Returns: (transfer full) (nullable): the address; %NULL if that has none, as is common with
 *   unix sockets, or there was no connection yet
 *
 * Since: 1.0
 */
char *
mp_listener_get_last_accepted (MpListener *self)
{
  char *address;

  g_return_val_if_fail (MP_IS_LISTENER (self), NULL);

  mp_pump_lock (mp_reception_get_pump (self->reception));
  address = g_strdup (self->last_accepted);
  mp_pump_unlock (mp_reception_get_pump (self->reception));

  return address;
}

/**
 * mp_listener_get_main_context:
 * @self: a listener
 *
 * Gets the main context in which signals are emitted.
 *
 * Returns: (transfer none): the context
 *
 * Since: 1.0
 */
GMainContext *
mp_listener_get_main_context (MpListener *self)
{
  g_return_val_if_fail (MP_IS_LISTENER (self), NULL);

  return self->main_context;
}

/**
 * mp_listener_to_string:
 * @self: a listener
 *
 * Describes the listener for people: whether it listens, and where.
 *
 * Returns: (transfer full): a line of text
 *
 * Since: 1.0
 */
char *
mp_listener_to_string (MpListener *self)
{
  g_autofree char *address = NULL;

  g_return_val_if_fail (MP_IS_LISTENER (self), NULL);

  address = mp_listener_get_address (self);
  return g_strdup_printf ("<Mp.Listener %s%s%s>", mp_listener_is_open (self) ? "open" : "not open",
                          address != NULL ? " at " : "", address != NULL ? address : "");
}
