/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <sys/un.h>

#include <mpglib.h>

#include "mp-handshake-private.h"

G_BEGIN_DECLS

/* Honest programs, which are served while hostile ones do their worst. */

/* The key of all honest ones. */
#define MP_TEST_SIEGE_KEY "only for tests, and long enough"

/* A process of hostile-peer, which says a line when it is ready, and one at its end. */
typedef struct
{
  GPid pid;
  int said_fd;
  int end_fd;
  char *address;       /* where it listens; NULL: nowhere */
} Honest;

/* A listener that gives numbers back, and a client that asks it all the time. */
typedef struct
{
  Honest server;
  Honest client;
  const char *wire;    /* behind what the honest ones do */
  guint n_asked;       /* by other honest ones */
  gint64 max_median;   /* what half of the answers may take, in µs; siege_end() looks at it */
  gint64 max_p99;      /* what of a hundred answers 99 may take, in µs; siege_end() looks at it */
  guint memory_before;
  guint fds_before;
} Siege;

/* address: nullable */
void         siege_begin   (Siege              *self,
                            const char         *address);
/* In Python's protocol. */
void         siege_begin_python (Siege         *self);
/* By TCP, and with TLS. */
void         siege_begin_tls    (Siege         *self);

/* All have been answered who are honest, at their first try, nobody was let in besides but so many, and what the
 * others have cost is gone.
 */
void         siege_end     (Siege              *self,
                            const char         *what,
                            guint               n_cases,
                            guint               n_let_in);

/* By themselves: */
void         start_honest  (Honest             *self,
                            const char         *what,
                            const char         *address);
/* A line that it says. */
char        *hear          (int                 fd);
/* Ends it; returns its last line. */
char        *end_honest    (Honest             *self);
/* What /proc/PID/status has behind these words. */
guint        get_memory_kib (GPid               pid,
                             const char        *key_of_line);
guint        count_fds_of  (GPid                pid);

/* Attempts at a time: fewer than a listener talks to, so that none pushes out another one. */
#define MP_TEST_SIEGE_WINDOW 48

/* Makes attempts, several at a time, since refusals come late.  `begin` makes one in a place, and returns its socket;
 * `go_on` is called when that has something to say, and returns FALSE when it is over.
 */
typedef int      (*SiegeBegin) (guint          place,
                                guint          number,
                                gpointer       user_data);
typedef gboolean (*SiegeGoOn)  (guint          place);

void         siege_attempt_all (guint          n,
                                SiegeBegin     begin,
                                SiegeGoOn      go_on,
                                gpointer       user_data);

int          new_socket    (void);
void         fill_address  (struct sockaddr_un *native,
                            const char         *path);
/* Waits, if the listener's queue is full. */
int          connect_raw   (const char         *address);
gboolean     is_tcp        (const char         *address);
/* fd: of a connection over TCP; or -1 */
MpHandshake *new_handshake (MpRole              role,
                            MpAuthKey          *a_key,
                            MpFeatures          features,
                            int                 fd);

G_END_DECLS
