/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* As test-crash.c, for what moves the messages of a local pair: rings, and the socket beside them.  Whoever sends or
 * receives at one end is killed at every instruction.  Another one at that end goes on, the survivor at the other end
 * hears all that was sent, whole, once and in order, with no more than what wakes a main loop, and in the end that
 * somebody has died.
 */

#include "config.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <mpglib.h>

#include "mp-conduit-private.h"
#include "mp-crash-family.h"
#include "mp-fd-private.h"
#include "mp-owner-lock-private.h"
#include "mp-patience-private.h"

#define MAX_FRAMES 8

typedef struct
{
  MpAtomic32 n_sent;  /* of which the victim knows */
  MpAtomic32 got;     /* bits of what it knows to have received */
  MpAtomic32 n_wrong; /* messages that were not what they should be */
} Shared;

static Shared *shared;

/* The survivor's end; and that of the victim, which the harness has, too. */
static MpConduit own, other;

/* The number of the plan that may come next to the survivor, and to the harness at the victim's end. */
static guint next_own, next_other;

/* And which ones have come to them, in bits. */
static guint32 got_own, got_other;

/* Of what is sent in a round, one letter for each: a record of the ring, an extent of it; and by the socket a
 * packet, long or short, with a descriptor, and memory of its own.
 */
static const char *plan;
static MpFrame *frames[MAX_FRAMES];

/* --- Messages ------------------------------------------------------------- */

static gsize
get_length (char kind)
{
  switch (kind)
    {
    case 'r':
      return 40;
    case 'e':
      return 70000;
    case 'p':
      return 62000;
    case 'm':
      return MP_RING_LINK_MAX_BODY + 8;
    default:
      return 8;
    }
}

static guint8
get_byte (guint number)
{
  return (guint8) (number * 37 + 1);
}

static gboolean
has_fd (char kind)
{
  return kind == 'f' || kind == 'p';
}

/* Is the same in each round, since to make it takes longer than all else. */
static GBytes *
get_body (guint number,
          char  kind)
{
  static GBytes *bodies[MAX_FRAMES + 2];
  GBytes **body = &bodies[number];
  guint8 *bytes;

  g_assert_cmpuint (number, <, G_N_ELEMENTS (bodies));
  if (*body == NULL || g_bytes_get_size (*body) != get_length (kind))
    {
      g_clear_pointer (body, g_bytes_unref);
      bytes = g_malloc (get_length (kind));
      memset (bytes, get_byte (number), get_length (kind));
      *body = g_bytes_new_take (bytes, get_length (kind));
    }

  return *body;
}

static MpFrame *
new_frame (guint number,
           char  kind)
{
  GBytes *body = get_body (number, kind);
  MpMessage *message;

  if (!has_fd (kind))
    return mp_frame_new_raw (MP_FRAME_MESSAGE, g_strdup ("raw"), g_bytes_ref (body));

  message = mp_message_new_bytes (body, "raw");
  mp_message_attach_fd (message, STDIN_FILENO, NULL);
  return mp_frame_new_take (MP_FRAME_MESSAGE, 0, 0, NULL, message);
}

/* All bytes are the same: nothing is made to compare with, for that took most of the time of a point. */
static gboolean
is_body (GBytes *body,
         guint   number,
         char    kind)
{
  gsize length;
  const guint8 *bytes = g_bytes_get_data (body, &length);

  return length == get_length (kind) && bytes[0] == get_byte (number) && memcmp (bytes, bytes + 1, length - 1) == 0;
}

static gboolean
is_frame (MpFrame *frame,
          guint    number,
          char     kind)
{
  MpMessage *message = mp_frame_get_message (frame);

  return frame->kind == MP_FRAME_MESSAGE && is_body (mp_frame_get_body (frame), number, kind) &&
         mp_message_get_n_attachments (message) == (has_fd (kind) ? 1 : 0);
}

/* After the plan by both ways: in little, unless memory was part of it. */
static char
get_kind (guint number)
{
  if (number < strlen (plan))
    return plan[number];

  return number % 2 == 0 ? 'r' : strchr (plan, 'm') != NULL ? 'm' : 'f';
}

/* Never has to wait: so little is sent.  What is long is written in several goes. */
static gboolean
send_frame (MpConduit  *conduit,
            MpFrame    *frame,
            GError    **error)
{
  MpIoStatus status;
  gsize length;

  if (!mp_conduit_goes_by_ring (conduit, frame, &length) && !mp_transport_prepare (frame, error))
    return FALSE;

  do
    status = mp_conduit_send (conduit, frame, error);
  while (status == MP_IO_AGAIN && mp_transport_can_go_on (conduit->transport));

  return status == MP_IO_DONE;
}

static gboolean
send_new (MpConduit  *conduit,
          guint       number,
          GError    **error)
{
  g_autoptr (MpFrame) frame = new_frame (number, get_kind (number));

  return send_frame (conduit, frame, error);
}

/* As a main loop does: nothing is looked at unless a descriptor says so.  AGAIN: nothing has said it for too long. */
static MpIoStatus
receive_waiting (MpConduit  *conduit,
                 MpFrame   **frame,
                 GError    **error)
{
  for (;;)
    {
      MpIoStatus status = mp_conduit_receive (conduit, frame, error);
      struct pollfd fds[] = {
        { mp_ring_link_get_bell (conduit->link), POLLIN, 0 },
        { mp_transport_get_fd (conduit->transport), POLLIN, 0 },
      };
      gboolean is_new = FALSE;
      int n;

      if (status != MP_IO_AGAIN || !mp_ring_link_arm (conduit->link, MP_RING_LINK_IN, &is_new, error))
        return status;

      if (is_new)
        continue;

      while ((n = poll (fds, G_N_ELEMENTS (fds), (int) (MP_CRASH_STALL_USEC / 1000))) < 0 && errno == EINTR)
        ;
      if (n == 0)
        return MP_IO_AGAIN;

      mp_ring_link_hear (conduit->link, fds[0].revents != 0);
    }
}

/* Returns whether it came, whole. */
static gboolean
await_number (MpConduit  *conduit,
              guint       number,
              GError    **error)
{
  g_autoptr (MpFrame) frame = NULL;

  return receive_waiting (conduit, &frame, error) == MP_IO_DONE && is_frame (frame, number, get_kind (number));
}

/* --- Rounds --------------------------------------------------------------- */

static void
begin_round (void)
{
  atomic_store (&shared->n_sent, 0);
  atomic_store (&shared->got, 0);
  atomic_store (&shared->n_wrong, 0);
}

static void
make_ends (void)
{
  MpRingLink *first = NULL, *second = NULL;
  int fds[2], shared_fd;

  g_assert_true (mp_transport_new_pair (fds, NULL));
  g_assert_true (mp_ring_link_new_pair (TRUE, &first, &second));
  mp_conduit_init (&own, mp_transport_new (fds[0]), first);
  mp_conduit_init (&other, mp_transport_new (fds[1]), second);

  /* The end has one more holder: the victim, to which it is the same number. */
  shared_fd = mp_conduit_share (&other, NULL);
  g_assert_cmpint (shared_fd, >=, 0);
  mp_fd_close (&shared_fd);
}

static void
clear_ends (void)
{
  if (own.transport == NULL)
    return;

  mp_conduit_close (&own);
  mp_conduit_clear (&own);
  mp_conduit_close (&other);
  mp_conduit_clear (&other);
  for (guint i = 0; i < MAX_FRAMES; i++)
    g_clear_pointer (&frames[i], mp_frame_free);
}

static void
prepare (const char *the_plan)
{
  clear_ends ();
  make_ends ();
  plan = the_plan;
  next_own = next_other = 0;
  got_own = got_other = 0;
  for (guint i = 0; i < strlen (plan); i++)
    frames[i] = new_frame (i, plan[i]);
  mp_crash_begin_round (NULL);
}

/* The bell of the survivor is armed.  The death of the victim before must have rung it already. */
static void
fall_asleep (void)
{
  struct pollfd bell = { mp_ring_link_get_bell (own.link), POLLIN, 0 };
  gboolean is_new;
  MpFrame *frame;

  /* That the end has one more holder. */
  g_assert_cmpint (mp_conduit_receive (&own, &frame, NULL), ==, MP_IO_AGAIN);
  g_assert_true (mp_crash_none_is_dead (mp_crash_get_table ()));
  do
    {
      mp_ring_link_hear (own.link, TRUE);
      g_assert_true (mp_ring_link_arm (own.link, MP_RING_LINK_IN, &is_new, NULL));
    }
  while (is_new || poll (&bell, 1, 0) != 0);
}

static void
prepare_sending (const char *the_plan)
{
  prepare (the_plan);
  for (guint i = 0; i < strlen (plan); i++)
    g_assert_true (mp_transport_prepare (frames[i], NULL));
  fall_asleep ();
}

static void
prepare_receiving (const char *the_plan)
{
  prepare (the_plan);
  for (guint i = 0; i < strlen (plan); i++)
    g_assert_true (send_frame (&own, frames[i], NULL));
}

static void
prepare_sending_record (void)
{
  prepare_sending ("r");
}

static void
prepare_sending_records (void)
{
  prepare_sending ("rrr");
}

static void
prepare_sending_extent (void)
{
  prepare_sending ("e");
}

static void
prepare_sending_packet (void)
{
  prepare_sending ("p");
}

static void
prepare_sending_memory (void)
{
  prepare_sending ("m");
}

static void
prepare_sending_fd (void)
{
  prepare_sending ("f");
}

static void
prepare_sending_mixed (void)
{
  prepare_sending ("rperfmer");
}

static void
prepare_receiving_record (void)
{
  prepare_receiving ("r");
}

static void
prepare_receiving_extent (void)
{
  prepare_receiving ("e");
}

static void
prepare_receiving_packet (void)
{
  prepare_receiving ("p");
}

static void
prepare_receiving_memory (void)
{
  prepare_receiving ("m");
}

static void
prepare_receiving_mixed (void)
{
  prepare_receiving ("rperfmer");
}

/* What is not sent before, but when the victim sleeps. */
static void
prepare_waiting (void)
{
  prepare ("r");
}

static void
prepare_waiting_for_packet (void)
{
  prepare ("p");
}

static void
send_planned (void)
{
  for (guint i = 0; i < strlen (plan); i++)
    send_frame (&own, frames[i], NULL);
}

/* --- The victim ----------------------------------------------------------- */

static void
send_all (void)
{
  for (guint i = 0; i < strlen (plan); i++)
    if (send_frame (&other, frames[i], NULL))
      atomic_fetch_add (&shared->n_sent, 1);
    else
      atomic_fetch_add (&shared->n_wrong, 1);
}

/* None comes before an earlier one.  Which one it is is seen at its ends; the whole of it is compared by those who
 * are not stepped.
 */
static void
note (MpFrame *frame)
{
  guint32 got = atomic_load (&shared->got);
  gsize length;
  const guint8 *bytes = g_bytes_get_data (mp_frame_get_body (frame), &length);

  for (guint i = 0; i < strlen (plan); i++)
    if (length == get_length (plan[i]) && bytes[0] == get_byte (i) && bytes[length - 1] == get_byte (i))
      {
        if (got >> i != 0)
          atomic_fetch_add (&shared->n_wrong, 1);
        atomic_store (&shared->got, got | 1u << i);
        return;
      }

  atomic_fetch_add (&shared->n_wrong, 1);
}

static void
receive_all (void)
{
  for (guint i = 0; i < strlen (plan); i++)
    {
      MpFrame *frame;

      if (mp_conduit_receive (&other, &frame, NULL) == MP_IO_DONE)
        note (frame);
      else
        atomic_fetch_add (&shared->n_wrong, 1);
    }
}

/* Beside others. */
static void
receive_some (void)
{
  MpFrame *frame;

  while (mp_conduit_receive (&other, &frame, NULL) == MP_IO_DONE)
    note (frame);
}

static void
receive_usual (void)
{
  const MpConduitWish wish = { .accept = MP_ACCEPT_BYTES };
  MpConduitUsual usual;

  if (mp_conduit_receive_usual (&other, &wish, &usual, NULL) == MP_IO_DONE)
    atomic_store (&shared->got, 1);
  else
    atomic_fetch_add (&shared->n_wrong, 1);
}

static void
receive_one_waiting (void)
{
  MpFrame *frame;

  if (receive_waiting (&other, &frame, NULL) == MP_IO_DONE)
    note (frame);
  else
    atomic_fetch_add (&shared->n_wrong, 1);
}

static void
arm_both (void)
{
  gboolean is_new;

  mp_ring_link_arm (other.link, MP_RING_LINK_IN, &is_new, NULL);
  mp_ring_link_arm (other.link, MP_RING_LINK_OUT, &is_new, NULL);
}

static void
close_end (void)
{
  mp_conduit_close (&other);
}

/* --- Others meanwhile ----------------------------------------------------- */

/* All that is there, if it is of the plan and in order. */
static gboolean
receive_in_order (MpConduit *conduit,
                  guint     *next,
                  guint32   *got)
{
  MpFrame *frame;

  while (mp_conduit_receive (conduit, &frame, NULL) == MP_IO_DONE)
    {
      while (*next < strlen (plan) && !is_frame (frame, *next, plan[*next]))
        ++*next;
      mp_frame_free (frame);
      if (*next == strlen (plan))
        return FALSE;

      *got |= 1u << (*next)++;
    }

  return TRUE;
}

static void
receive_at_own_end (void)
{
  if (!receive_in_order (&own, &next_own, &got_own))
    atomic_fetch_add (&shared->n_wrong, 1);
}

static void
receive_at_other_end (void)
{
  if (!receive_in_order (&other, &next_other, &got_other))
    atomic_fetch_add (&shared->n_wrong, 1);
}

/* The victim is stopped, perhaps with the lock: to wait for it would change nothing. */
static void
receive_in_a_hurry (void)
{
  MpPatience none = MP_PATIENCE_SPENT;

  mp_patience_begin (&none);
  receive_at_other_end ();
  mp_patience_end (&none);
}

/* What was sent is heard, though who did it has stopped and not died. */
static void
expect_heard (void)
{
  struct pollfd fds[] = {
    { mp_ring_link_get_bell (own.link), POLLIN, 0 },
    { mp_transport_get_fd (own.transport), POLLIN, 0 },
  };
  int n;

  if (atomic_load (&shared->n_sent) == 0)
    return;

  while ((n = poll (fds, G_N_ELEMENTS (fds), (int) (MP_CRASH_STALL_USEC / 1000))) < 0 && errno == EINTR)
    ;
  if (n == 0)
    atomic_fetch_add (&shared->n_wrong, 1);
}

/* --- Checks --------------------------------------------------------------- */

/* What happens once in very many times has to say more of itself than a bit. */
static gboolean
send_across (MpConduit  *from,
             MpConduit  *to,
             guint       number)
{
  g_autoptr (GError) error = NULL;
  gboolean was_sent = send_new (from, number, &error);

  if (was_sent && await_number (to, number, &error))
    return TRUE;

  g_printerr ("# message %u %s the victim's end was not %s: %s\n", number, to == &other ? "to" : "from",
              was_sent ? "received" : "sent", error != NULL ? error->message : "no error");
  return FALSE;
}

/* Both ends go on: each sends two more, by both ways. */
static gboolean
go_on (void)
{
  guint first = (guint) strlen (plan);

  for (guint i = first; i < first + 2; i++)
    if (!send_across (&other, &own, i) || !send_across (&own, &other, i))
      return FALSE;

  return TRUE;
}

/* The other one at that end closes in order; so it is the victim's death that is told, unless it had closed. */
static guint
check_end (gboolean may_have_closed)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) error_of_sender = NULL;
  g_autoptr (MpFrame) frame = NULL;
  g_autoptr (MpFrame) unsent = new_frame (0, 'r');
  MpIoStatus status;

  mp_conduit_close (&other);
  status = receive_waiting (&own, &frame, &error);
  if (status == MP_IO_AGAIN)
    {
      g_printerr ("# the end was not heard of\n");
      return STALL;
    }

  if (status != MP_IO_CLOSED ||
      !(g_error_matches (error, MP_ERROR, MP_ERROR_PEER_DIED) ||
        (may_have_closed && g_error_matches (error, MP_ERROR, MP_ERROR_CLOSED))))
    return NOT_TOLD;

  return mp_conduit_send (&own, unsent, &error_of_sender) == MP_IO_CLOSED ? 0 : NOT_TOLD;
}

static guint
finish (gboolean may_have_closed)
{
  if (atomic_load (&shared->n_wrong) != 0)
    return mp_crash_finish (TORN);

  if (!go_on ())
    return mp_crash_finish (STALL);

  if (!mp_crash_none_is_dead (mp_crash_get_table ()))
    return mp_crash_finish (NOT_BURIED);

  return mp_crash_finish (check_end (may_have_closed));
}

/* Of the plan, from the first one on: what the victim knew to be sent, and perhaps one more. */
static guint
check_sent (void)
{
  guint n_known = atomic_load (&shared->n_sent);

  while (next_own < n_known)
    if (!await_number (&own, next_own, NULL))
      return mp_crash_finish (STALL);
    else
      got_own |= 1u << next_own++;

  receive_at_own_end ();
  if (got_own != (1u << next_own) - 1 || next_own > n_known + 1)
    return mp_crash_finish (TORN);

  return finish (FALSE);
}

/* The others come to whoever is left, but for one that the victim may have had in its hand. */
static guint
check_received (void)
{
  guint32 got = atomic_load (&shared->got), all = (1u << strlen (plan)) - 1;

  receive_at_other_end ();
  if ((got & got_other) != 0 || __builtin_popcount (all & ~(got | got_other)) > 1)
    return mp_crash_finish (TORN);

  return finish (FALSE);
}

static guint
check_armed (void)
{
  return finish (FALSE);
}

static guint
check_closed (void)
{
  return finish (TRUE);
}

/* --- Cases ---------------------------------------------------------------- */

static const MpKillCase kill_cases[] = {
  { "conduit/send", prepare_sending_record, mp_crash_enter, send_all, .check = check_sent },
  { "conduit/send-extent", prepare_sending_extent, mp_crash_enter, send_all, .check = check_sent },
  { "conduit/send-packet", prepare_sending_packet, mp_crash_enter, send_all, .check = check_sent },
  { "conduit/send-memory", prepare_sending_memory, mp_crash_enter, send_all, .check = check_sent },
  { "conduit/send-fd", prepare_sending_fd, mp_crash_enter, send_all, .check = check_sent },
  { "conduit/send-mixed", prepare_sending_mixed, mp_crash_enter, send_all, .check = check_sent },
  { "conduit/send-stopped", prepare_sending_records, mp_crash_enter, send_all, .last = expect_heard,
    .check = check_sent },
  { "conduit/send-heard", prepare_sending_mixed, mp_crash_enter, send_all, .interfere = receive_at_own_end,
    .check = check_sent },
  { "conduit/receive", prepare_receiving_record, mp_crash_enter, receive_all, .check = check_received },
  { "conduit/receive-usual", prepare_receiving_record, mp_crash_enter, receive_usual, .check = check_received },
  { "conduit/receive-extent", prepare_receiving_extent, mp_crash_enter, receive_all, .check = check_received },
  { "conduit/receive-packet", prepare_receiving_packet, mp_crash_enter, receive_all, .check = check_received },
  { "conduit/receive-memory", prepare_receiving_memory, mp_crash_enter, receive_all, .check = check_received },
  { "conduit/receive-mixed", prepare_receiving_mixed, mp_crash_enter, receive_all, .check = check_received },
  { "conduit/receive-beside", prepare_receiving_mixed, mp_crash_enter, receive_some,
    .interfere = receive_in_a_hurry, .check = check_received },
  { "conduit/receive-waiting", prepare_waiting, mp_crash_enter, receive_one_waiting, .blocked = send_planned,
    .check = check_received },
  { "conduit/receive-packet-waiting", prepare_waiting_for_packet, mp_crash_enter, receive_one_waiting,
    .blocked = send_planned, .check = check_received },
  { "conduit/arm", prepare_waiting, mp_crash_enter, arm_both, .check = check_armed },
  { "conduit/close", prepare_waiting, mp_crash_enter, close_end, .check = check_closed },
};

int
main (int   argc,
      char *argv[])
{
  static const MpCrashHooks hooks = {
    .begin_round = begin_round,
    .reset = clear_ends,
    .max_usec = 300 * G_TIME_SPAN_MILLISECOND,
  };
  int result;

  mp_crash_read_arguments (&argc, &argv);
  shared = mp_test_share (sizeof *shared);
  mp_owner_lock_set_spin (0);
  mp_ring_set_spin (FALSE);
  mp_crash_set_up (&hooks);
  result = mp_crash_run (kill_cases, G_N_ELEMENTS (kill_cases));
  clear_ends ();
  mp_crash_tear_down ();
  return result;
}
