/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-reception-private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "mp-discard-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-fork-private.h"
#include "mp-greeting-private.h"
#include "mp-inet-private.h"
#include "mp-log-private.h"
#include "mp-origin-private.h"
#include "mp-place-private.h"
#include "mp-strangers-private.h"
#include "mp-tls-handshake-private.h"
#include "mp-tls-turns-private.h"

/* Strangers that are let in before others of the pump have their turn. */
#define MAX_RUN 16

/* For when there are no descriptors. */
#define REST (250 * 1000)

typedef struct
{
  MpStranger base;
  MpReception *reception;
  MpTlsHandshake *tls_handshake; /* before the greeting, where there is one; else NULL */
  MpGreeting *greeting;
  MpBinding binding;             /* of the socket */
  gint64 start;                  /* monotonic time */
  gint64 silence;                /* in the handshake of TLS */
  char *name; /* for the log */
  char *peer;
} Stranger;

struct _MpReception
{
  gatomicrefcount refs;
  MpPump *pump;
  char *wish;               /* nullable: the address that the user wants */
  MpAuthKey *key;           /* which no language knows */
  gboolean has_key;
  MpWireFlags wire;
  gboolean has_tls;         /* always, and not only where other machines are */
  guint backlog;
  MpReceptionTell tell;
  gpointer data;

  /* Guarded by the pump: */
  MpPlace place;
  MpTlsTerms *terms;        /* NULL: nobody comes from where TLS is wanted */
  gboolean is_closed;
  gboolean is_private;      /* only for processes of the user */
  uid_t uid;                /* when it began to listen */
  MpPumpSource *source;
  gboolean is_pausing;      /* the kernel keeps who comes */
  MpPumpTimer *resume_timer;
  gint64 rest_end;          /* monotonic time: not even strangers can be turned away before */
  int spare_fd;             /* for a moment when there are no others left */
  MpStrangers strangers;
  GQueue ready;             /* of MpArrival */
  MpRefusals refusals;
  MpWaiters *waiters;

  GList link;               /* in `open_receptions` */
};

/* For forks and exits */
static GQueue open_receptions = G_QUEUE_INIT;
static GMutex open_lock; /* a leaf */

static void look_for_room (MpReception *self);

/* --- Forks and exits ------------------------------------------------------------- */

static void
leave_arrival (gpointer arrival,
               gpointer unused)
{
  mp_fd_close (&((MpArrival *) arrival)->io.fd);
}

static void
leave_stranger (gpointer data,
                gpointer unused)
{
  Stranger *stranger = data;

  if (stranger->tls_handshake != NULL)
    mp_tls_handshake_leave (stranger->tls_handshake);
  if (stranger->greeting != NULL)
    mp_greeting_leave (stranger->greeting);
}

static void
leave (MpReception *self)
{
  mp_place_leave (&self->place);
  mp_fd_close (&self->spare_fd);
  mp_strangers_foreach (&self->strangers, leave_stranger);
  g_queue_foreach (&self->ready, leave_arrival, NULL);
}

/* What a stranger forks listens to nobody, and keeps nobody's connection open. */
static void
leave_all (void)
{
  for (GList *l = open_receptions.head; l != NULL; l = l->next)
    leave (l->data);
  if (open_receptions.head != NULL)
    g_queue_init (&open_receptions);
}

static void __attribute__ ((constructor))
watch_forks (void)
{
  mp_fork_add_leaf (&open_lock, leave_all);
}

/* Files are removed once, by whoever takes it out of the list, with the lock. */
static void
remove_from_open (MpReception *self)
{
  g_mutex_lock (&open_lock);
  if (self->link.data != NULL)
    {
      g_queue_unlink (&open_receptions, &self->link);
      self->link.data = NULL;
      mp_place_remove_files (&self->place);
    }
  g_mutex_unlock (&open_lock);
}

/*< private >
 * mp_reception_close_all:
 *
 * The process is about to end in order: no file stays behind. Is called at exit in any
 * case.
 */
void
mp_reception_close_all (void)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) mp_reception_unref);

  g_mutex_lock (&open_lock);
  for (GList *l = open_receptions.head; l != NULL; l = l->next)
    if (mp_pump_get_origin (((MpReception *) l->data)->pump) == mp_origin_get ())
      g_ptr_array_add (all, mp_reception_ref (l->data));
  g_mutex_unlock (&open_lock);

  for (guint i = 0; i < all->len; i++)
    mp_reception_close (g_ptr_array_index (all, i));
}

static void
add_to_open (MpReception *self)
{
  static gsize once;

  if (g_once_init_enter (&once))
    {
      atexit (mp_reception_close_all);
      g_once_init_leave (&once, 1);
    }

  self->link.data = self;
  g_mutex_lock (&open_lock);
  g_queue_push_tail_link (&open_receptions, &self->link);
  g_mutex_unlock (&open_lock);
}

/* --- Strangers ------------------------------------------------------------------- */

static MpGreetingStanding
look_at_stranger (MpStranger *stranger,
                  gint64     *since)
{
  Stranger *self = (Stranger *) stranger;

  return self->tls_handshake != NULL ? mp_tls_handshake_look (self->tls_handshake, since)
                                     : mp_greeting_look (self->greeting, since);
}

static void
stranger_free (Stranger *self)
{
  mp_strangers_remove (&self->reception->strangers, &self->base);
  g_clear_pointer (&self->tls_handshake, mp_tls_handshake_free_locked);
  g_clear_pointer (&self->greeting, mp_greeting_free_locked);
  g_free (self->name);
  g_free (self->peer);
  g_free (self);
}

/* Who waits in a call comes first, then the signal. */
static void
welcome (MpReception *self,
         MpArrival   *arrival)
{
  g_queue_push_tail (&self->ready, arrival);
  mp_waiters_check_locked (self->waiters);
  if (!g_queue_is_empty (&self->ready))
    self->tell (self->data);
}

static void
refuse (MpReception  *self,
        const char   *name,
        const GError *error)
{
  mp_log_info ("A listener has refused %s: %s", name, error->message);
  mp_refusals_add (&self->refusals, name, error);
  if (self->refusals.are_wanted)
    self->tell (self->data);
}

static void
on_greeted (MpGreeting   *greeting,
            const GError *error,
            gpointer      data)
{
  Stranger *stranger = data;
  MpReception *self = stranger->reception;
  g_autoptr (GError) failure = error != NULL ? g_error_copy (error) : NULL;
  MpTransportForm form = mp_greeting_get_form (greeting);
  MpArrival *arrival = NULL;
  MpSession session;

  if (failure == NULL)
    session = mp_greeting_get_session (greeting);
  if (failure == NULL && mp_arrival_check_session (&session, form, &failure))
    {
      arrival = mp_arrival_new (mp_greeting_steal_io (greeting), form, &session);
      arrival->peer = g_steal_pointer (&stranger->peer);
      arrival->is_in_sight = !stranger->binding.is_private && arrival->io.tls == NULL;
      mp_strangers_learn (&self->strangers, g_get_monotonic_time () - mp_greeting_get_start (greeting));
      if (arrival->io.tls != NULL)
        mp_tls_turns_learn (stranger->silence);
    }
  else
    {
      refuse (self, stranger->name, failure);
    }

  stranger_free (stranger);
  if (arrival != NULL)
    welcome (self, arrival);
  look_for_room (self);
}

static char *
describe_peer (const struct sockaddr_storage *native,
               socklen_t                      size)
{
  MpAddress *address = mp_address_new_from_native ((const struct sockaddr *) native, size, NULL);
  char *text = address != NULL ? mp_address_to_string (address) : NULL;

  g_clear_pointer (&address, mp_address_free);
  return text;
}

/* Networks as providers give them to one customer: /24 and /56. */
static MpWhence
get_whence (MpReception                   *self,
            int                            fd,
            const struct sockaddr_storage *native)
{
  MpWhence whence = { .family = native->ss_family };
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  uid_t uid;

  switch (self->place.address->kind == MP_ADDRESS_TCP ? native->ss_family : AF_UNIX)
    {
    case AF_INET:
      memcpy (&v4, native, sizeof v4);
      memcpy (whence.bytes, &v4.sin_addr, 3);
      whence.is_near = mp_inet_is_loopback ((const struct sockaddr *) native);
      break;

    case AF_INET6:
      memcpy (&v6, native, sizeof v6);
      if (IN6_IS_ADDR_V4MAPPED (&v6.sin6_addr))
        memcpy (whence.bytes, v6.sin6_addr.s6_addr + 12, 3);
      else
        memcpy (whence.bytes, &v6.sin6_addr, 7);
      whence.is_near = mp_inet_is_loopback ((const struct sockaddr *) native);
      break;

    default:
      uid = mp_arrival_get_peer_uid (fd);
      whence.family = AF_UNIX;
      memcpy (whence.bytes, &uid, sizeof uid);
      whence.is_near = uid == self->uid;
      break;
    }

  return whence;
}

static gboolean
bind_channel (MpReception  *self,
              int           fd,
              MpBinding    *binding,
              GError      **error)
{
  if (self->place.address->kind == MP_ADDRESS_TCP)
    return mp_arrival_bind_tcp (binding, fd, MP_ROLE_SERVER, error);

  return mp_binding_init_unix (binding, self->uid, mp_arrival_get_peer_uid (fd), error);
}

static MpTransportForm
get_form (MpReception *self)
{
  if ((self->wire & MP_WIRE_PYTHON) != 0)
    return MP_TRANSPORT_PYTHON;

  return self->place.address->kind == MP_ADDRESS_TCP || self->has_tls ? MP_TRANSPORT_STREAM : MP_TRANSPORT_PACKETS;
}

/* Takes the socket. */
static gboolean
greet (MpReception  *self,
       Stranger     *stranger,
       MpStreamIo    io,
       GError      **error)
{
  MpTransportForm form = get_form (self);
  MpDialogue dialogue = { NULL, NULL };

  if (io.tls != NULL && !mp_arrival_bind_tls (&stranger->binding, io, self->terms, error))
    ;
  else if (form == MP_TRANSPORT_PYTHON)
    dialogue.python = mp_arrival_begin_python (MP_ROLE_SERVER, self->key, &stranger->binding, error);
  else
    dialogue.handshake = mp_arrival_begin_handshake (MP_ROLE_SERVER, self->key, &stranger->binding, error);
  if (dialogue.handshake == NULL && dialogue.python == NULL)
    {
      g_clear_pointer (&io.tls, mp_tls_channel_free);
      mp_discard_socket (&io.fd);
      return FALSE;
    }

  stranger->greeting = mp_greeting_start_locked (self->pump, io, form, dialogue, stranger->start, on_greeted, stranger,
                                                 error);
  return stranger->greeting != NULL;
}

static void
turn_away (Stranger     *stranger,
           const GError *error)
{
  refuse (stranger->reception, stranger->name, error);
  stranger_free (stranger);
}

static void
on_tls_agreed (MpTlsHandshake *handshake,
               MpTlsChannel   *channel,
               const GError   *error,
               gpointer        data)
{
  Stranger *stranger = data;
  MpReception *self = stranger->reception;
  g_autoptr (GError) failure = error != NULL ? g_error_copy (error) : NULL;
  MpStreamIo io = { -1, channel };

  if (failure == NULL)
    {
      io.fd = mp_tls_handshake_steal_fd (handshake);
      stranger->silence = mp_tls_handshake_get_silence (handshake);
    }
  g_clear_pointer (&stranger->tls_handshake, mp_tls_handshake_free_locked);
  if (failure != NULL || !greet (self, stranger, io, &failure))
    turn_away (stranger, failure);
  look_for_room (self);
}

/* Both ends find the same, for one connects to what the other one listens at. */
static gboolean
wants_tls (MpReception *self,
           int          fd)
{
  struct sockaddr_storage own;
  socklen_t size = sizeof own;

  if (self->has_tls || self->terms == NULL)
    return self->has_tls;

  return getsockname (fd, (struct sockaddr *) &own, &size) != 0 || !mp_inet_is_loopback ((struct sockaddr *) &own);
}

/* Takes the socket. */
static gboolean
talk (MpReception  *self,
      Stranger     *stranger,
      int           fd,
      GError      **error)
{
  if (!bind_channel (self, fd, &stranger->binding, error))
    {
      mp_discard_socket (&fd);
      return FALSE;
    }

  if (!wants_tls (self, fd))
    return greet (self, stranger, (MpStreamIo) { fd, NULL }, error);

  stranger->tls_handshake = mp_tls_handshake_start_locked (self->pump, fd, self->terms, &stranger->base.group->whence,
                                                           on_tls_agreed, stranger, error);
  return stranger->tls_handshake != NULL;
}

static char *
name_stranger (MpReception *self,
               int          fd,
               const char  *peer)
{
  if (self->place.address->kind == MP_ADDRESS_TCP)
    return g_strdup_printf ("a program at %s", peer != NULL ? peer : "an address that cannot be written");

  return g_strdup_printf ("a process of user %u", (guint) mp_arrival_get_peer_uid (fd));
}

/* For another one who would be kept waiting. */
static void
drop (Stranger *stranger)
{
  g_autoptr (GError) error =
    g_error_new_literal (MP_ERROR, MP_ERROR_FULL, "It had not proved to have the key when others came");

  refuse (stranger->reception, stranger->name, error);
  stranger_free (stranger);
}

static void
let_in (MpReception                   *self,
        int                            fd,
        const struct sockaddr_storage *native,
        socklen_t                      size)
{
  MpWhence whence = get_whence (self, fd, native);
  g_autofree char *peer = describe_peer (native, size);
  g_autofree char *name = name_stranger (self, fd, peer);
  g_autoptr (GError) error = NULL;
  Stranger *stranger, *loser;

  if (self->is_private && !whence.is_near)
    {
      g_set_error (&error, MP_ERROR, MP_ERROR_REFUSED, "The listener is for those of user %u alone", (guint) self->uid);
      refuse (self, name, error);
      mp_discard_socket (&fd);
      return;
    }

  if (self->place.address->kind == MP_ADDRESS_TCP)
    mp_inet_tune (fd);
  loser = (Stranger *) mp_strangers_find_loser (&self->strangers, &whence);
  if (loser != NULL)
    drop (loser);
  stranger = g_new0 (Stranger, 1);
  stranger->reception = self;
  stranger->name = g_steal_pointer (&name);
  stranger->peer = g_steal_pointer (&peer);
  stranger->start = g_get_monotonic_time ();
  mp_strangers_add (&self->strangers, &stranger->base, &whence);
  if (!talk (self, stranger, fd, &error))
    turn_away (stranger, error);
}

/* --- Who comes -------------------------------------------------------------------- */

/* Descriptors have the lowest free number, so this one tells how many there are.  Strangers
 * leave some for the program.
 */
static gboolean
is_one_too_many (int fd)
{
  struct rlimit limit;

  return getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         (rlim_t) fd >= limit.rlim_cur / 5 * 4;
}

/* Takes the socket. */
static void
refuse_for_want (MpReception                   *self,
                 int                            fd,
                 const struct sockaddr_storage *native,
                 socklen_t                      size)
{
  g_autofree char *peer = describe_peer (native, size);
  g_autofree char *name = name_stranger (self, fd, peer);
  g_autoptr (GError) error = g_error_new_literal (MP_ERROR, MP_ERROR_TOO_BIG,
                                                  "This process has no descriptor left for it");

  mp_discard_socket (&fd);
  refuse (self, name, error);
}

/* The kernel says again and again that somebody is there, and gives no descriptor for him. */
static void
turn_one_away (MpReception *self)
{
  struct sockaddr_storage native;
  socklen_t size = sizeof native;
  int fd;

  mp_fd_close (&self->spare_fd);
  fd = accept4 (self->place.fd, (struct sockaddr *) &native, &size, SOCK_CLOEXEC);
  if (fd >= 0)
    refuse_for_want (self, fd, &native, size);
  else
    self->rest_end = g_get_monotonic_time () + REST;
  self->spare_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* From where the program's own streams would be.
 *
 * Takes a descriptor; returns the same one where there is no other.
 */
static int
move_up (int low_fd)
{
  int fd = fcntl (low_fd, F_DUPFD_CLOEXEC, 3);

  if (fd < 0)
    return low_fd;

  mp_fd_close (&low_fd);
  return fd;
}

/* FALSE: nobody is there. */
static gboolean
take_one_in (MpReception *self)
{
  struct sockaddr_storage native;
  socklen_t size = sizeof native;
  int fd = accept4 (self->place.fd, (struct sockaddr *) &native, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);

  if (fd < 0)
    {
      if (errno == EINTR || errno == ECONNABORTED)
        return TRUE;

      if (errno != EAGAIN)
        turn_one_away (self);
      return FALSE;
    }

  if (fd <= 2)
    fd = move_up (fd);
  if (fd <= 2 || is_one_too_many (fd))
    refuse_for_want (self, fd, &native, size);
  else
    let_in (self, fd, &native, size);
  return TRUE;
}

/* Returns when the next one can be let in: 0 at once, G_MAXINT64 when somebody was accepted. */
static gint64
get_next_time (MpReception *self)
{
  gint64 now = g_get_monotonic_time ();
  gint64 time;

  if (g_queue_get_length (&self->ready) >= self->backlog)
    return G_MAXINT64;

  time = mp_strangers_get_next_time (&self->strangers, now);
  time = MAX (self->rest_end, time);
  return time > now ? time : 0;
}

static void
on_resume (guint32  events,
           gpointer data)
{
  MpReception *self = data;

  self->resume_timer = NULL;
  look_for_room (self);
}

static void
on_knock (guint32  events,
          gpointer data)
{
  MpReception *self = data;

  for (guint i = 0; i < MAX_RUN && get_next_time (self) == 0; i++)
    if (!take_one_in (self))
      break;
  look_for_room (self);
}

/* While there is no room who comes waits in the kernel.  What changes it is the end of a
 * greeting, an accept, or time.
 */
static void
look_for_room (MpReception *self)
{
  gint64 time = get_next_time (self);
  gboolean pause = time > 0;

  if (self->source == NULL)
    return;

  if (pause != self->is_pausing)
    mp_pump_set_events_locked (self->pump, self->source, pause ? 0 : EPOLLIN);
  self->is_pausing = pause;

  if (self->resume_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->resume_timer));
  if (pause && time != G_MAXINT64)
    self->resume_timer = mp_pump_add_timer_locked (self->pump, time, on_resume, self);
}

/* --- Life -------------------------------------------------------------------------- */

/*< private >
 * mp_reception_new:
 * @address: (nullable): where
 * @key: (nullable): the user's
 * @wire: what is spoken there
 * @tls: (nullable): the user's settings, of which mp_reception_open() gets the same
 * @backlog: how many may wait to be accepted
 */
MpReception *
mp_reception_new (const char      *address,
                  MpAuthKey       *key,
                  MpWireFlags      wire,
                  MpTlsSettings   *tls,
                  guint            backlog,
                  MpReceptionTell  tell,
                  gpointer         data)
{
  MpReception *self = g_new0 (MpReception, 1);

  g_atomic_ref_count_init (&self->refs);
  self->pump = mp_pump_new ("a listener");
  self->wish = g_strdup (address);
  self->key = mp_arrival_choose_key (key, address, wire, tls, &self->has_key);
  self->wire = wire;
  self->has_tls = tls != NULL || (wire & MP_WIRE_TLS) != 0;
  self->backlog = backlog;
  self->tell = tell;
  self->data = data;
  self->place.fd = self->place.folder_fd = self->spare_fd = -1;
  mp_strangers_init (&self->strangers, look_at_stranger);
  g_queue_init (&self->ready);
  self->waiters = mp_waiters_new (self->pump);

  return self;
}

MpReception *
mp_reception_ref (MpReception *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

static void
free_contents (MpReception *self)
{
  MpStranger *stranger;

  while ((stranger = mp_strangers_peek (&self->strangers)) != NULL)
    stranger_free ((Stranger *) stranger);
  g_queue_clear_full (&self->ready, (GDestroyNotify) mp_arrival_free);
  mp_refusals_clear (&self->refusals);
  mp_fd_close (&self->spare_fd);
}

void
mp_reception_unref (MpReception *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  mp_pump_lock (self->pump);
  if (mp_pump_get_origin (self->pump) != mp_origin_get ())
    leave (self);
  mp_waiters_free_locked (self->waiters);
  free_contents (self);
  mp_place_clear (&self->place);
  mp_pump_unlock (self->pump);
  mp_pump_unref (self->pump);
  g_object_unref (self->key);
  g_clear_pointer (&self->terms, mp_tls_terms_unref);
  g_free (self->wish);
  g_free (self);
}

MpPump *
mp_reception_get_pump (MpReception *self)
{
  return self->pump;
}

static gboolean
check_openable (MpReception  *self,
                GError      **error)
{
  if (self->is_closed)
    g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "The listener is closed; make a new one");
  else if (self->place.fd >= 0)
    g_set_error (error, MP_ERROR, MP_ERROR_INVALID_STATE, "The listener is open already");
  else
    return mp_auth_key_check (self->key, TRUE, error);

  return FALSE;
}

static gboolean
refuse_place (MpReception *self,
              const char  *why,
              GError     **error)
{
  g_autofree char *address = mp_address_to_string (self->place.address);

  g_set_error (error, MP_ERROR, MP_ERROR_REFUSED, "Cannot listen at %s %s", address, why);
  return FALSE;
}

/* Everybody can see an abstract name, and take it; and whoever connects by TCP can be anybody. */
static gboolean
check_place (MpReception  *self,
             GError      **error)
{
  MpAddressKind kind = self->place.address->kind;

  self->is_private = kind == MP_ADDRESS_ABSTRACT || (kind == MP_ADDRESS_UNIX && !self->has_key);
  if (kind == MP_ADDRESS_ABSTRACT && !self->has_key)
    return refuse_place (self, "without a key, for other users can take such a name, too; give both ends a key, or "
                         "use a unix socket with a file", error);

  if (self->place.is_remote && (self->wire & MP_WIRE_PYTHON) != 0)
    return refuse_place (self, "in Python's protocol, which does not notice who stands between two machines; use it "
                         "within one machine, or mpglib's own protocol", error);

  /* Other machines are talked to with TLS, or where the user trusts what is in between */
  return !self->place.is_remote ||
         mp_auth_key_check (self->key, self->terms != NULL && mp_tls_terms_hide_proofs (self->terms), error);
}

static gboolean
open_locked (MpReception  *self,
             GError      **error)
{
  int type = (self->wire & MP_WIRE_PYTHON) != 0 || self->has_tls ? SOCK_STREAM : SOCK_SEQPACKET;

  if (!check_openable (self, error) || !mp_place_open (&self->place, self->wish, type, error))
    return FALSE;

  self->uid = geteuid ();
  self->spare_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  if (check_place (self, error))
    self->source = mp_pump_add_fd_locked (self->pump, self->place.fd, EPOLLIN, on_knock, self, error);
  if (self->source != NULL)
    {
      add_to_open (self);
      return TRUE;
    }

  mp_place_remove_files (&self->place);
  mp_place_close (&self->place);
  mp_place_clear (&self->place);
  mp_fd_close (&self->spare_fd);
  return FALSE;
}

static gboolean
wants_remote (MpReception *self)
{
  g_autoptr (MpAddress) address = self->wish != NULL ? mp_address_parse (self->wish, NULL) : NULL;
  struct sockaddr_storage native;
  socklen_t size;

  return address != NULL && address->kind == MP_ADDRESS_TCP &&
         mp_inet_read_number (address->name, address->port, &native, &size) &&
         !mp_inet_is_loopback ((struct sockaddr *) &native);
}

/* Without the lock, since the settings are objects that a language may know. */
static gboolean
make_terms (MpReception    *self,
            MpTlsSettings  *tls,
            MpTlsTerms    **terms,
            GError        **error)
{
  if (!mp_arrival_check_wire (self->wire, tls != NULL, error))
    return FALSE;

  if (!self->has_tls && ((self->wire & (MP_WIRE_INSECURE | MP_WIRE_PYTHON)) != 0 || !wants_remote (self)))
    return TRUE;

  *terms = mp_tls_terms_new (tls, MP_ROLE_SERVER, NULL, error);
  return *terms != NULL;
}

/*< private >
 * mp_reception_open:
 * @tls: (nullable): the settings that mp_reception_new() got
 */
gboolean
mp_reception_open (MpReception    *self,
                   MpTlsSettings  *tls,
                   GError        **error)
{
  g_autoptr (MpTlsTerms) terms = NULL;
  gboolean is_open;

  if (!mp_origin_check (mp_pump_get_origin (self->pump), "The listener", error) ||
      !make_terms (self, tls, &terms, error))
    return FALSE;

  mp_pump_lock (self->pump);
  if (self->terms == NULL)
    self->terms = g_steal_pointer (&terms);
  is_open = open_locked (self, error);
  mp_pump_unlock (self->pump);

  return is_open;
}

static void
close_locked (MpReception *self)
{
  self->is_closed = TRUE;
  if (self->source != NULL)
    mp_pump_remove_fd_locked (self->pump, g_steal_pointer (&self->source));
  if (self->resume_timer != NULL)
    mp_pump_remove_timer_locked (self->pump, g_steal_pointer (&self->resume_timer));
  remove_from_open (self);
  mp_place_close (&self->place);
  free_contents (self);
  mp_waiters_check_locked (self->waiters);
  mp_pump_changed_locked (self->pump);
}

/*< private >
 * mp_reception_close:
 *
 * The address stays known.  Does nothing in a process that was forked from its own.
 */
void
mp_reception_close (MpReception *self)
{
  if (mp_pump_get_origin (self->pump) != mp_origin_get ())
    return;

  mp_pump_lock (self->pump);
  if (!self->is_closed)
    close_locked (self);
  mp_pump_unlock (self->pump);
}

/* --- Who accepts ------------------------------------------------------------------- */

gboolean
mp_reception_is_open_locked (MpReception *self)
{
  return self->place.fd >= 0;
}

gboolean
mp_reception_is_closed_locked (MpReception *self)
{
  return self->is_closed;
}

/*< private >
 * mp_reception_dup_address:
 *
 * Returns: (transfer full) (nullable): where it listens, or has listened; before that, where
 *   it is wanted
 */
char *
mp_reception_dup_address (MpReception *self)
{
  char *address;

  mp_pump_lock (self->pump);
  address = self->place.address != NULL ? mp_address_to_string (self->place.address) : g_strdup (self->wish);
  mp_pump_unlock (self->pump);

  return address;
}

guint
mp_reception_get_n_ready_locked (MpReception *self)
{
  return g_queue_get_length (&self->ready);
}

MpArrival *
mp_reception_take_locked (MpReception *self)
{
  MpArrival *arrival = g_queue_pop_head (&self->ready);

  if (arrival != NULL)
    look_for_room (self);

  return arrival;
}

/*< private >
 * mp_reception_get_refusals_locked:
 *
 * Returns: (transfer none): whom it has turned away, if that is wanted
 */
MpRefusals *
mp_reception_get_refusals_locked (MpReception *self)
{
  return &self->refusals;
}

MpWaiters *
mp_reception_get_waiters_locked (MpReception *self)
{
  return self->waiters;
}

gboolean
mp_acceptance_is_over (gpointer data)
{
  MpAcceptance *self = data;

  if (self->arrival == NULL)
    self->arrival = mp_reception_take_locked (self->reception);

  return self->arrival != NULL || self->reception->is_closed;
}

gboolean
mp_acceptance_has_ended (gpointer   data,
                         GError   **error)
{
  MpAcceptance *self = data;

  if (!mp_acceptance_is_over (self))
    return FALSE;

  if (self->arrival == NULL)
    g_set_error (error, MP_ERROR, MP_ERROR_CLOSED, "The listener was closed");
  return TRUE;
}

void
mp_acceptance_clear (MpAcceptance *self)
{
  g_clear_pointer (&self->arrival, mp_arrival_free);
  g_clear_pointer (&self->reception, mp_reception_unref);
}
