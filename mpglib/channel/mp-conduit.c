/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-conduit-private.h"
#include "mp-error.h"
#include "mp-item-private.h"
#include "mp-packet-io-private.h"
#include "mp-parcel-private.h"
#include "mp-variant-private.h"

/* Of one call, each of them after something came. */
#define MAX_LOOKS 64

/* --- Life ----------------------------------------------------------------- */

/*< private >
 * mp_conduit_init:
 * @link_taken: (nullable): the rings
 */
void
mp_conduit_init (MpConduit   *self,
                 MpTransport *transport_taken,
                 MpRingLink  *link_taken)
{
  *self = (MpConduit) { .transport = transport_taken, .link = link_taken };
  if (link_taken != NULL)
    mp_transport_set_witness (transport_taken, (MpTransportWitness) mp_ring_link_have_left, link_taken);
}

void
mp_conduit_clear (MpConduit *self)
{
  g_clear_pointer (&self->next, mp_frame_free);
  g_clear_error (&self->failure);
  g_clear_error (&self->untold);
  g_clear_pointer (&self->link, mp_ring_link_free);
  g_clear_pointer (&self->transport, mp_transport_free);
}

void
mp_conduit_close (MpConduit *self)
{
  if (self->link != NULL && mp_transport_is_open (self->transport))
    mp_ring_link_leave (self->link);
  mp_transport_close (self->transport);
  if (self->link != NULL)
    mp_ring_link_close (self->link);
  g_clear_pointer (&self->next, mp_frame_free);
}

/*< private >
 * mp_conduit_drop_rings:
 *
 * After mp_conduit_close(): gives back their memory.
 */
void
mp_conduit_drop_rings (MpConduit *self)
{
  mp_transport_set_witness (self->transport, NULL, NULL);
  g_clear_pointer (&self->link, mp_ring_link_free);
}

/*< private >
 * mp_conduit_share:
 *
 * As mp_transport_share().
 */
int
mp_conduit_share (MpConduit  *self,
                  GError    **error)
{
  int fd;

  if (self->link != NULL)
    mp_ring_link_join (self->link);

  fd = mp_transport_share (self->transport, error);
  if (fd < 0 && self->link != NULL)
    mp_ring_link_unjoin (self->link);
  return fd;
}

static MpRingAside *
get_aside (MpConduit     *self,
           MpRingLinkWay  way)
{
  return self->link != NULL && mp_ring_link_has (self->link, way) ? mp_ring_link_get_aside (self->link, way) : NULL;
}

/* --- Sending by the socket ------------------------------------------------ */

/* Its turn comes after all that was put before.  A first attempt has fixed it already. */
static void
set_position (MpFrame *frame,
              guint64  position)
{
  if (frame->parcel != NULL && frame->parcel->head == NULL)
    frame->parcel->serial = position;
  frame->serial = position;
}

/* A message that has gone in part stays counted, though it may be abandoned: a count too many costs a look, and one too
 * few the order.
 */
static MpIoStatus
send_aside (MpConduit    *self,
            MpRingAside  *aside,
            MpFrame      *frame,
            GError      **error)
{
  MpIoStatus status;

  set_position (frame, mp_ring_aside_send (aside));
  status = mp_transport_send (self->transport, frame, error);
  if (status != MP_IO_DONE && mp_transport_get_n_queued (self->transport) == 0)
    mp_ring_aside_unsend (aside);

  return status;
}

/* --- Sending by the ring -------------------------------------------------- */

/* Of a message without attachments, and of what comes without one around it. */
static gboolean
get_body (MpFrame        *frame,
          MpTransportBody *body)
{
  if (!mp_frame_has_message (frame) ||
      (frame->message != NULL && mp_message_get_n_attachments (frame->message) > 0))
    return FALSE;

  body->codec = mp_frame_get_wire_codec (frame);
  body->codec_length = strlen (body->codec);
  body->body = g_bytes_get_data (mp_frame_get_body (frame), &body->length);
  return TRUE;
}

/* Short types are not nested too deeply. */
#define SHORT_CODEC 64

G_STATIC_ASSERT (SHORT_CODEC <= MP_VARIANT_MAX_DEPTH);
G_STATIC_ASSERT (SHORT_CODEC <= MP_ITEM_MAX_CODEC_LENGTH);

/* What the receiver would refuse is left to the transport, which tells the sender. */
static gboolean
may_travel (const MpTransportBody *body)
{
  return G_LIKELY (body->codec_length <= SHORT_CODEC) || body->codec[0] != '=' ||
         mp_variant_check_type (body->codec + 1, NULL);
}

/*< private >
 * mp_conduit_fits_ring:
 * @body: its codec is terminated
 */
gboolean
mp_conduit_fits_ring (MpConduit             *self,
                      const MpTransportBody *body)
{
  return self->link != NULL && mp_ring_link_has (self->link, MP_RING_LINK_OUT) &&
         body->length <= MP_RING_LINK_MAX_BODY && body->codec_length <= MP_ITEM_MAX_CODEC_LENGTH && may_travel (body);
}

/*< private >
 * mp_conduit_goes_by_ring:
 * @length: (out): of the body
 *
 * Returns: whether nothing of the frame is to be prepared for the socket
 */
gboolean
mp_conduit_goes_by_ring (MpConduit *self,
                         MpFrame   *frame,
                         gsize     *length)
{
  MpTransportBody body;

  if (!get_body (frame, &body))
    return FALSE;

  *length = body.length;
  return mp_conduit_fits_ring (self, &body);
}

/* A ring takes messages for a peer that is gone.  Its death may be known before the kernel has closed its sockets: so
 * the socket is asked at the 1st, 2nd, 4th, 8th ... send after such news.
 */
static void
look_for_end (MpConduit *self,
              gboolean   has_news)
{
  self->n_since_news = has_news ? 1 : self->n_since_news + 1;
  if ((self->n_since_news & (self->n_since_news - 1)) == 0)
    mp_transport_look_for_end (self->transport);
}

static MpIoStatus
put_record (MpConduit           *self,
            const MpRingRecord  *record,
            GError             **error)
{
  switch (mp_ring_link_put (self->link, record, error))
    {
    case MP_RING_DONE:
      return MP_IO_DONE;

    case MP_RING_AGAIN:
      mp_transport_look_for_end (self->transport);
      return mp_transport_get_end (self->transport) != NULL ? mp_transport_flush (self->transport, error)
                                                            : MP_IO_AGAIN;

    default:
      return MP_IO_FAILED;
    }
}

static gboolean
is_raw (const MpTransportBody *body)
{
  return body->codec_length == 3 && memcmp (body->codec, "raw", 3) == 0;
}

static MpIoStatus
put_item (MpConduit             *self,
          const MpTransportBody *body,
          GError               **error)
{
  g_auto (MpItem) item = { 0 };
  MpItemRoom room;

  return mp_item_init (&item, body->codec, body->body, body->length, G_MAXUINT32, &room, error)
           ? put_record (self, &item.record, error) : MP_IO_FAILED;
}

/*< private >
 * mp_conduit_send_body:
 *
 * Sends by the ring; it must fit.
 */
MpIoStatus
mp_conduit_send_body (MpConduit            *self,
                      const MpTransportBody *body,
                      GError              **error)
{
  gboolean has_news = mp_ring_aside_has_news (mp_ring_link_get_aside (self->link, MP_RING_LINK_OUT));
  MpIoStatus status = MP_IO_DONE;

  /* Parts that were abandoned have a last word; the end, if it is known, is told. */
  if (G_UNLIKELY (has_news || self->n_since_news > 0))
    look_for_end (self, has_news);
  if (G_UNLIKELY (!mp_transport_is_clear (self->transport) || self->failure != NULL))
    status = mp_transport_flush (self->transport, error);
  if (G_UNLIKELY (status == MP_IO_CLOSED || status == MP_IO_FAILED))
    return status;

  if (G_LIKELY (is_raw (body)))
    return put_record (self, &(MpRingRecord) { body->body, (guint32) body->length, MP_ITEM_RAW }, error);

  return put_item (self, body, error);
}

MpIoStatus
mp_conduit_send (MpConduit  *self,
                 MpFrame    *frame,
                 GError    **error)
{
  MpRingAside *aside = get_aside (self, MP_RING_LINK_OUT);
  MpTransportBody body;

  if (aside == NULL)
    return mp_transport_send (self->transport, frame, error);

  if (get_body (frame, &body) && mp_conduit_fits_ring (self, &body))
    return mp_conduit_send_body (self, &body, error);

  return send_aside (self, aside, frame, error);
}

/* --- Receiving ------------------------------------------------------------ */

/* Rubbish in a ring's words stays there, and would be met for ever; in a record it is gone with that. */
static MpIoStatus
handle_ring_failure (MpConduit  *self,
                     GError     *reason_taken,
                     GError    **error)
{
  if (g_error_matches (reason_taken, MP_ERROR, MP_ERROR_CORRUPTED) && self->failure == NULL)
    self->failure = g_error_copy (reason_taken);

  g_propagate_error (error, reason_taken);
  return MP_IO_FAILED;
}

static MpIoStatus
make_frame (MpConduit           *self,
            const MpRingRecord  *record,
            guint8              *own_taken,
            GError             **error)
{
  MpItemHead head;

  if (!mp_item_read_head (&head, record, error))
    {
      g_free (own_taken);
      return MP_IO_FAILED;
    }

  self->next = mp_frame_new_raw (MP_FRAME_MESSAGE, g_strdup (head.codec),
                                 own_taken != NULL ? g_bytes_new_take (own_taken, head.body_length)
                                                   : g_bytes_new (record->data, head.body_length));
  return MP_IO_DONE;
}

/* Whose turn it is, once the record has been seen. */
typedef struct
{
  MpRingAside  *aside;
  guint64       limit;
} Turn;

static gboolean
is_its_turn (const MpRingRecord *record,
             gconstpointer       data)
{
  const Turn *turn = data;

  return mp_ring_aside_allows (turn->aside, turn->limit);
}

/* Of a record that no proper peer puts there: it is left, so that nobody copies it. */
static MpIoStatus
refuse_long (MpConduit  *self,
             guint32     length,
             GError    **error)
{
  return handle_ring_failure (self, g_error_new (MP_ERROR, MP_ERROR_CORRUPTED,
                                                 "The peer sent a record of %u bytes, where %d are allowed", length,
                                                 MP_RING_LINK_MAX_RECORD), error);
}

/* FALSE: it is not to be taken. */
static gboolean
make_room (guint32   length,
           guint8  **own,
           GError  **error)
{
  g_free (*own);
  *own = g_try_malloc (length);
  if (*own != NULL)
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_TOO_BIG, "There is no memory for the %u bytes of the next message", length);
  return FALSE;
}

/* Where there is none nobody waits for the lock: who has it may be stopped, and whoever puts one rings.
 *
 * Into `next`.  Not if it was put after `limit`, and something may be in the socket: then it was not `its_turn`. */
static MpIoStatus
take_record (MpConduit  *self,
             guint64     limit,
             gboolean   *its_turn,
             GError    **error)
{
  Turn turn = { get_aside (self, MP_RING_LINK_IN), limit };
  _Alignas (8) guint8 usual[MP_CONDUIT_USUAL_LENGTH];
  MpRingRecord record;
  MpRingHaul haul = { usual, sizeof usual, &record, 1, is_its_turn, &turn };
  guint8 *own = NULL;
  GError *reason = NULL;
  MpRingResult result;

  *its_turn = TRUE;
  if (mp_ring_link_count (self->link) == 0)
    return MP_IO_AGAIN;

  while ((result = mp_ring_link_take (self->link, &haul, &reason)) == MP_RING_NO_ROOM)
    {
      if (record.length > MP_RING_LINK_MAX_RECORD)
        {
          g_free (own);
          return refuse_long (self, record.length, error);
        }
      if (!make_room (record.length, &own, error))
        return MP_IO_FAILED;

      haul.data = own;
      haul.room = record.length;
    }

  if (result == MP_RING_DONE)
    return make_frame (self, &record, own, error);

  g_free (own);
  *its_turn = result != MP_RING_UNWANTED;
  return result == MP_RING_AGAIN || !*its_turn ? MP_IO_AGAIN : handle_ring_failure (self, reason, error);
}

/* What has to wait for records comes before those behind it, though others may take the ones that it waits for. */
static gboolean
is_due (MpRingAside *aside,
        guint64      position,
        guint64     *limit)
{
  if (mp_ring_aside_is_due (aside, position))
    return TRUE;

  *limit = MIN (*limit, position);
  return FALSE;
}

/* Without taking anything where that would be too early, since others may have this end too. */
static gboolean
may_be_due (MpConduit   *self,
            MpRingAside *aside,
            guint64     *limit)
{
  guint64 position;

  if (mp_transport_has_received (self->transport))
    return TRUE;

  return mp_packet_look (mp_transport_get_fd (self->transport), &position) && is_due (aside, position, limit);
}

/* From the socket.  AGAIN too if what is there has to wait for records: those before `limit`. */
static MpIoStatus
peek_aside (MpConduit    *self,
            MpRingAside  *aside,
            MpFrame     **frame,
            guint64      *limit,
            GError      **error)
{
  GError *reason = NULL;
  MpIoStatus status = mp_transport_peek (self->transport, frame, &reason);

  if (status == MP_IO_DONE && !is_due (aside, (*frame)->serial, limit))
    status = MP_IO_AGAIN;

  /* What was sent before the end is there to be received. */
  if (mp_transport_get_end (self->transport) != NULL && status != MP_IO_DONE && mp_ring_link_count (self->link) > 0)
    status = MP_IO_AGAIN;

  /* A message was lost, and is told of. */
  if (status == MP_IO_FAILED && mp_transport_get_end (self->transport) == NULL)
    mp_ring_aside_take (aside);

  if (status == MP_IO_AGAIN || status == MP_IO_DONE)
    g_clear_error (&reason);
  else
    g_propagate_error (error, reason);
  return status;
}

/* Looks once at both.  Not `its_turn`: a record came meanwhile, and perhaps a message before it. */
static MpIoStatus
look_at_both (MpConduit    *self,
              MpRingAside  *aside,
              MpFrame     **frame,
              gboolean     *its_turn,
              GError      **error)
{
  guint64 limit = mp_ring_aside_get_limit (aside);
  guint64 last = G_MAXUINT64;
  MpIoStatus status = MP_IO_AGAIN;

  *its_turn = TRUE;
  if (mp_ring_aside_is_used (aside) && may_be_due (self, aside, &limit))
    status = peek_aside (self, aside, frame, &limit, error);
  if (status == MP_IO_AGAIN)
    {
      status = take_record (self, limit, its_turn, error);
      *frame = self->next;
    }
  if (status == MP_IO_AGAIN && *its_turn)
    status = peek_aside (self, aside, frame, &last, error);

  /* Whoever has closed just now may have put something before. */
  if (status == MP_IO_AGAIN && *its_turn && mp_transport_get_end (self->transport) != NULL)
    {
      status = take_record (self, last, its_turn, error);
      *frame = self->next;
    }

  return status;
}

static MpIoStatus
peek_linked (MpConduit    *self,
             MpRingAside  *aside,
             MpFrame     **frame,
             GError      **error)
{
  MpIoStatus status;
  gboolean its_turn;

  if (self->next != NULL)
    {
      *frame = self->next;
      return MP_IO_DONE;
    }

  if (G_UNLIKELY (self->failure != NULL))
    {
      g_propagate_error (error, g_error_copy (self->failure));
      return MP_IO_FAILED;
    }

  /* The record that came is before the next limit: so this is not for ever, unless somebody makes rubbish of it. */
  for (guint i = 0; i < MAX_LOOKS; i++)
    {
      status = look_at_both (self, aside, frame, &its_turn, error);
      if (status != MP_IO_AGAIN || its_turn)
        return status;
    }

  return MP_IO_AGAIN;
}

MpIoStatus
mp_conduit_peek (MpConduit  *self,
                 MpFrame   **frame,
                 GError    **error)
{
  MpRingAside *aside = get_aside (self, MP_RING_LINK_IN);

  *frame = NULL;
  if (G_UNLIKELY (self->untold != NULL))
    {
      g_propagate_error (error, g_steal_pointer (&self->untold));
      return MP_IO_FAILED;
    }

  if (aside == NULL || mp_transport_get_fd (self->transport) < 0)
    return mp_transport_peek (self->transport, frame, error);

  return peek_linked (self, aside, frame, error);
}

/*< private >
 * mp_conduit_take_peeked:
 * @frame: (transfer full): what mp_conduit_peek() gave just now
 *
 * Takes that and nothing else: a second look at shared memory may find something else.
 */
void
mp_conduit_take_peeked (MpConduit *self,
                        MpFrame   *frame)
{
  MpRingAside *aside = get_aside (self, MP_RING_LINK_IN);
  MpFrame *taken;

  if (frame == self->next)
    {
      self->next = NULL;
      return;
    }

  if (aside != NULL)
    mp_ring_aside_take (aside);
  mp_transport_receive (self->transport, &taken, NULL);
  g_assert (taken == frame);
}

MpIoStatus
mp_conduit_receive (MpConduit  *self,
                    MpFrame   **frame,
                    GError    **error)
{
  MpIoStatus status = mp_conduit_peek (self, frame, error);

  if (status == MP_IO_DONE)
    mp_conduit_take_peeked (self, *frame);

  return status;
}

/* --- Without a frame ------------------------------------------------------ */

/*< private >
 * mp_conduit_write_packet:
 *
 * As mp_transport_write_body().
 */
gsize
mp_conduit_write_packet (MpConduit             *self,
                         const MpTransportBody *body,
                         guint8                *packet)
{
  return self->link == NULL && body->codec_length <= SHORT_CODEC
           ? mp_transport_write_body (self->transport, body, packet) : 0;
}

/*< private >
 * mp_conduit_try_send:
 *
 * Returns: whether it was sent; if not, mp_conduit_send() tells why, or does it
 */
gboolean
mp_conduit_try_send (MpConduit             *self,
                     const MpTransportBody *body)
{
  if (self->link == NULL)
    return body->codec_length <= SHORT_CODEC && body->length <= MP_TRANSPORT_INLINE_MAX &&
           mp_transport_send_body (self->transport, body);

  return mp_conduit_fits_ring (self, body) && mp_conduit_send_body (self, body, NULL) == MP_IO_DONE;
}

static gboolean
is_wanted (const MpConduitWish *wish,
           gboolean             is_value,
           gsize                length)
{
  return (wish->accept == MP_ACCEPT_ANY || is_value == (wish->accept == MP_ACCEPT_VALUE)) &&
         (wish->max_length == 0 || length <= wish->max_length);
}

/* What is looked at before a record is taken without a frame. */
typedef struct
{
  MpRingAside         *aside;
  const MpConduitWish *wish;
} Look;

/* Rubbish is taken, and told of. */
static gboolean
is_record_wanted (const MpRingRecord *record,
                  gconstpointer       data)
{
  const Look *look = data;
  guint32 length;

  return mp_ring_aside_allows (look->aside, 0) &&
         (!mp_item_measure_body (record, &length) || is_wanted (look->wish, mp_item_is_value (record), length));
}

/* Behind another body stands the name of its codec, for which the caller has no room. */
static gboolean
is_all_wanted (const MpRingRecord *record,
               gconstpointer       data)
{
  const Look *look = data;
  guint32 length = record->length;

  return mp_ring_aside_allows (look->aside, 0) &&
         (mp_item_is_raw (record) || (mp_item_measure_body (record, &length) && length == record->length)) &&
         is_wanted (look->wish, mp_item_is_value (record), length);
}

static MpRingResult
take_usual (MpConduit           *self,
            const Look          *look,
            MpConduitUsual      *usual,
            MpRingRecord        *record)
{
  const MpConduitWish *wish = look->wish;
  MpRingHaul straight = { wish->into, MIN (wish->max_length, MP_RING_LINK_MAX_RECORD), record, 1, is_all_wanted, look };
  MpRingHaul haul = { usual->room, sizeof usual->room, record, 1, is_record_wanted, look };
  MpRingResult result = MP_RING_UNWANTED;

  if (wish->into != NULL)
    result = mp_ring_link_take (self->link, &straight, NULL);
  if (result == MP_RING_UNWANTED)
    result = mp_ring_link_take (self->link, &haul, NULL);

  return result;
}

/* FALSE: it is rubbish. */
static gboolean
read_head (MpConduitUsual      *usual,
           const MpRingRecord  *record,
           GError             **error)
{
  if (G_UNLIKELY (!mp_item_is_raw (record)))
    return mp_item_read_head (&usual->head, record, error);

  usual->head.codec = "raw";
  usual->head.body_length = record->length;
  return TRUE;
}

static MpIoStatus
receive_from_ring (MpConduit           *self,
                   MpRingAside         *aside,
                   const MpConduitWish *wish,
                   MpConduitUsual      *usual,
                   GError             **error)
{
  const Look look = { aside, wish };
  MpRingRecord record;

  if (self->next != NULL || self->untold != NULL || self->failure != NULL || mp_ring_aside_is_used (aside) ||
      mp_transport_has_received (self->transport) ||
      take_usual (self, &look, usual, &record) != MP_RING_DONE)
    return MP_IO_AGAIN;

  if (!read_head (usual, &record, error))
    return MP_IO_FAILED;

  usual->body = record.data;
  usual->length = usual->head.body_length;
  usual->codec = usual->head.codec;
  return MP_IO_DONE;
}

typedef struct
{
  const MpConduitWish *wish;
  MpConduitUsual      *usual;
} Choice;

/* What is not proper stays, and is found so by others. */
static gboolean
is_body_wanted (const MpTransportBody *body,
                gconstpointer          data)
{
  const Choice *choice = data;
  char *codec = choice->usual->head.spelt;

  if (body->codec_length > SHORT_CODEC || !is_wanted (choice->wish, body->codec[0] == '=', body->length))
    return FALSE;

  memcpy (codec, body->codec, body->codec_length);
  codec[body->codec_length] = '\0';
  return is_raw (body) ||
         (strlen (codec) == body->codec_length && mp_message_check_wire_codec (codec, NULL));
}

/*< private >
 * mp_conduit_reads_socket:
 *
 * Returns: whether mp_packet_receive() may be called, and then mp_conduit_take_packet()
 */
gboolean
mp_conduit_reads_socket (MpConduit *self)
{
  return self->link == NULL && self->untold == NULL && mp_transport_reads_bodies (self->transport);
}

/*< private >
 * mp_conduit_take_packet:
 * @result: of mp_packet_receive()
 *
 * As mp_conduit_receive_usual(), of a packet that was received.
 */
MpIoStatus
mp_conduit_take_packet (MpConduit           *self,
                        int                  result,
                        MpReceived          *received,
                        const MpConduitWish *wish,
                        MpConduitUsual      *usual)
{
  Choice choice = { wish, usual };
  MpTransportBody body;

  if (!mp_transport_take_body (self->transport, result, received, is_body_wanted, &choice, &body))
    return MP_IO_AGAIN;

  usual->body = body.body;
  usual->length = body.length;
  usual->codec = usual->head.spelt;
  return MP_IO_DONE;
}

/*< private >
 * mp_conduit_receive_usual:
 *
 * Receives a message from the ring that is no longer than usual and has nothing attached.  AGAIN says that there is
 * none, whatever else may be received.
 */
MpIoStatus
mp_conduit_receive_usual (MpConduit            *self,
                          const MpConduitWish  *wish,
                          MpConduitUsual       *usual,
                          GError              **error)
{
  MpRingAside *aside = get_aside (self, MP_RING_LINK_IN);

  return aside != NULL ? receive_from_ring (self, aside, wish, usual, error) : MP_IO_AGAIN;
}

/*< private >
 * mp_conduit_is_idle:
 *
 * Returns: whether there is nothing to be received, as far as that is known without the socket, but there may be soon
 */
gboolean
mp_conduit_is_idle (MpConduit *self)
{
  MpRingAside *aside = get_aside (self, MP_RING_LINK_IN);

  if (aside == NULL)
    return self->link == NULL && self->untold == NULL && mp_transport_is_idle (self->transport);

  return mp_transport_get_fd (self->transport) >= 0 && mp_conduit_get_end (self) == NULL &&
         !mp_ring_aside_is_used (aside) && !mp_conduit_has_received (self);
}

/*< private >
 * mp_conduit_unget_loss:
 * @loss: (transfer full): what mp_conduit_peek() failed with, to be said again
 */
void
mp_conduit_unget_loss (MpConduit *self,
                       GError    *loss)
{
  g_clear_error (&self->untold);
  self->untold = loss;
}

/*< private >
 * mp_conduit_is_ring_next:
 *
 * Returns: whether the ring has the next message, and it is still there
 */
gboolean
mp_conduit_is_ring_next (MpConduit *self)
{
  MpRingAside *aside = get_aside (self, MP_RING_LINK_IN);
  guint64 limit = G_MAXUINT64;

  return aside != NULL && self->next == NULL && self->failure == NULL && self->untold == NULL &&
         mp_ring_link_count (self->link) > 0 && (!mp_ring_aside_is_used (aside) || !may_be_due (self, aside, &limit));
}

gboolean
mp_conduit_has_received (MpConduit *self)
{
  return self->next != NULL || self->untold != NULL || mp_transport_has_received (self->transport) ||
         (self->link != NULL && mp_transport_get_fd (self->transport) >= 0 && self->failure == NULL &&
          mp_ring_link_count (self->link) > 0);
}

const GError *
mp_conduit_get_end (MpConduit *self)
{
  return self->failure != NULL ? self->failure : mp_transport_get_end (self->transport);
}
