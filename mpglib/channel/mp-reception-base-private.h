/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* For the files of the reception alone:
 *
 *     mp-reception.c            life, and who accepts
 *     mp-reception-open.c       those that listen, for forks and the end of the process
 *     mp-reception-door.c       who comes, and when the next one may
 *     mp-reception-strangers.c  who has come in, until he has proved that he has the key
 */

#pragma once

#include "mp-place-private.h"
#include "mp-reception-private.h"
#include "mp-strangers-private.h"

#include <sys/socket.h>

G_BEGIN_DECLS

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

void mp_reception_leave                  (MpReception                   *self);
void mp_reception_add_to_open            (MpReception                   *self);
void mp_reception_remove_from_open       (MpReception                   *self);

void mp_reception_on_knock               (guint32                        events,
                                          gpointer                       data);
void mp_reception_look_for_room_locked   (MpReception                   *self);

void mp_reception_init_strangers         (MpReception                   *self);
void mp_reception_leave_strangers        (MpReception                   *self);
void mp_reception_clear_strangers_locked (MpReception                   *self);
void mp_reception_let_in_locked          (MpReception                   *self,
                                          int                            fd,
                                          const struct sockaddr_storage *native,
                                          socklen_t                      size);
void mp_reception_refuse_for_want_locked (MpReception                   *self,
                                          int                            fd,
                                          const struct sockaddr_storage *native,
                                          socklen_t                      size);

G_END_DECLS
