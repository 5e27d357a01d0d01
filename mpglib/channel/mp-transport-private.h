/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* Frames over one end of a socket.  Never blocks, knows no thread
 * and takes no lock: whoever owns it (a Connection, a pump) serialises the calls
 * and waits for the descriptor.  There are two kinds, for packets and for streams.
 *
 * SOCK_SEQPACKET, within one machine: bodies up to MP_TRANSPORT_INLINE_MAX travel in the packet.  Larger ones travel
 * in a write-sealed memfd whose descriptor goes with the packet.  Such a packet
 * takes as much of the socket's buffer as fits its body, so that the buffer
 * bounds also what lies outside of it: about 54 MB, or four bodies, are on the
 * way at most.  Where no descriptor can be had (EMFILE, ENFILE, ETOOMANYREFS, no
 * memory for a memfd) the body goes in parts.  A large body is copied in slices:
 * AGAIN may mean "call again at once", for which POLLOUT stands just as well
 * unless one cannot wait (mp_transport_can_go_on()).
 *
 * SOCK_STREAM: no descriptors travel, and bodies go with their frames, those above 256 KiB
 * in parts.  What is read before somebody asks for it is kept, so an end cannot be shared.
 * What a socket does not take while it is closed goes later, by way of the engine.
 *
 * Ends of packets may have several holders (a Connection passed to another process): SHARED
 * counts one up, BYE one down.  End of file with no holder left is an orderly
 * end (MP_IO_CLOSED with MP_ERROR_CLOSED), otherwise the peer died
 * (MP_ERROR_PEER_DIED).  An end that has several holders, or whose peer has,
 * sends nothing in parts, which several receivers would tear apart.
 *
 * A receiver that has no descriptors left (EMFILE) loses the message; receive
 * says so once with FAILED and MP_ERROR_TOO_BIG, and goes on with the next.  A
 * packet that no proper peer sends ends it all: FAILED with MP_ERROR_CORRUPTED
 * (MP_ERROR_TOO_BIG for a body above the limit) from then on.
 */

#pragma once

#include "mp-frame-private.h"
#include "mp-tls-channel-private.h"

G_BEGIN_DECLS

#define MP_TRANSPORT_INLINE_MAX (64 * 1024)
#define MP_TRANSPORT_MAX_BODY   (G_GUINT64_CONSTANT (1) << 40)
#define MP_TRANSPORT_MAX_FDS    252

typedef enum
{
  MP_IO_DONE,
  MP_IO_AGAIN,  /* nothing done; wait for mp_transport_get_*_events() */
  MP_IO_CLOSED, /* nothing more will come or can be sent; error says CLOSED or PEER_DIED */
  MP_IO_FAILED, /* error set; on send the frame was not sent, and others may be, unless CORRUPTED */
} MpIoStatus;

/* What is on the socket */
typedef enum
{
  MP_TRANSPORT_PACKETS,
  MP_TRANSPORT_STREAM,
  MP_TRANSPORT_PYTHON, /* messages of Python's protocol on a stream */
} MpTransportForm;

typedef struct _MpTransport MpTransport;

/* What mp_packet_receive() has received. */
typedef struct _MpReceived MpReceived;

/* A message of a connection without attachments, where there is no frame around it. */
typedef struct
{
  const char   *codec;         /* in wire form */
  gsize         codec_length;  /* it need not be terminated */
  gconstpointer body;
  gsize         length;
} MpTransportBody;

/* A packet up to about this length is put together before it is sent: that costs less than to have the kernel gather
 * head and body.
 */
#define MP_TRANSPORT_SHORT_PACKET 1024

typedef gboolean (*MpTransportWants) (const MpTransportBody *body,
                                      gconstpointer          user_data);

gboolean     mp_transport_new_pair           (int           fds[2],
                                              GError      **error);
MpTransport *mp_transport_new                (int           fd);
MpTransport *mp_transport_new_stream         (int           fd);
MpTransport *mp_transport_new_of_form        (MpTransportForm form,
                                              int           fd,
                                              MpTlsChannel *tls);
void         mp_transport_free               (MpTransport  *self);
int          mp_transport_get_fd             (MpTransport  *self);
void         mp_transport_set_max_body       (MpTransport  *self,
                                              guint64       bytes);
void         mp_transport_set_max_peer_body  (MpTransport  *self,
                                              guint64       bytes);
void         mp_transport_set_raw            (MpTransport  *self,
                                              gboolean      is_raw);
MpIoStatus   mp_transport_send               (MpTransport  *self,
                                              MpFrame      *frame,
                                              GError      **error);
gboolean     mp_transport_prepare            (MpFrame      *frame,
                                              GError      **error);
MpIoStatus   mp_transport_push               (MpTransport  *self,
                                              MpFrame      *frame,
                                              GError      **error);
MpIoStatus   mp_transport_flush              (MpTransport  *self,
                                              GError      **error);
guint        mp_transport_get_n_queued       (MpTransport  *self);
void         mp_transport_abandon            (MpTransport  *self);
MpIoStatus   mp_transport_receive            (MpTransport  *self,
                                              MpFrame     **frame,
                                              GError      **error);
MpIoStatus   mp_transport_peek               (MpTransport  *self,
                                              MpFrame     **frame,
                                              GError      **error);
gboolean     mp_transport_send_body          (MpTransport  *self,
                                              const MpTransportBody *body);
gsize        mp_transport_write_body         (MpTransport  *self,
                                              const MpTransportBody *body,
                                              guint8       *packet);
gboolean     mp_transport_receive_body       (MpTransport  *self,
                                              MpTransportWants wants,
                                              gconstpointer user_data,
                                              MpTransportBody *body);
gboolean     mp_transport_reads_bodies       (MpTransport  *self);
gboolean     mp_transport_take_body          (MpTransport  *self,
                                              int           result,
                                              MpReceived   *received,
                                              MpTransportWants wants,
                                              gconstpointer user_data,
                                              MpTransportBody *body);
gboolean     mp_transport_is_idle            (MpTransport  *self);
gboolean     mp_transport_is_clear           (MpTransport  *self);
guint64      mp_transport_get_lost_serial    (MpTransport  *self);
void         mp_transport_unget_loss         (MpTransport  *self,
                                              GError       *loss);
gboolean     mp_transport_has_received       (MpTransport  *self);
void         mp_transport_look_ahead         (MpTransport  *self);
const GError *mp_transport_get_end           (MpTransport  *self);
void         mp_transport_look_for_end       (MpTransport  *self);
short        mp_transport_get_send_events    (MpTransport  *self);
gboolean     mp_transport_can_go_on          (MpTransport  *self);
short        mp_transport_get_receive_events (MpTransport  *self);
void         mp_transport_close              (MpTransport  *self);
int          mp_transport_share              (MpTransport  *self,
                                              GError      **error);
void         mp_transport_set_shared         (MpTransport  *self);
gboolean     mp_transport_is_open            (MpTransport  *self);

/* Returns: whether all holders of the other end have gone in order, when it is at its end */
typedef gboolean (*MpTransportWitness) (gpointer user_data);

void         mp_transport_set_witness        (MpTransport        *self,
                                              MpTransportWitness  witness,
                                              gpointer            user_data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpTransport, mp_transport_free)

G_END_DECLS
