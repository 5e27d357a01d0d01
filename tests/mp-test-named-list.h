/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "mpglib.h"
#include "mp-atomic-private.h"

G_BEGIN_DECLS

/* What the tests of lists with a name share. */

MpShareableList *make_list        (const char      *items);
/* As another process opens it. */
MpShareableList *find_list        (MpShareableList *list);
void             unlink_list      (MpShareableList *list);
void             assert_item      (MpShareableList *list,
                                   guint            index,
                                   const char      *text);
void             replace_item     (MpShareableList *list,
                                   guint            index,
                                   const char      *text);
void             warm_up_lists    (void);

/* ['abc', 7, None, True, b'x', 2.5] */
typedef struct
{
  gint64 n_items;
  gint64 places[7];
  char   abc[8];
  gint64 seven;
  guint8 none[8];
  guint8 yes[8];
  char   x[8];
  double half;
  char   formats[6][8];
  gint8  codes[6];
} Python;

#define PYTHON_SIZE (offsetof (Python, codes) + sizeof python.codes)

extern const Python python;

MpSharedMemory  *make_memory      (gconstpointer    bytes,
                                   gsize            length,
                                   gsize            size);
MpShareableList *find_in          (MpSharedMemory  *memory);

/* --- Those who have the lock */

extern MpShareableList *shared_list;
extern MpAtomic32 *progress;

void             set_up_holder    (void);
void             tear_down_holder (void);
int              lock_list        (void);
/* A process that has the lock until progress is 2. */
pid_t            start_holder     (void);
void             expect_timeout   (void);
guint            count_threads    (void);
gboolean         has_threads      (gpointer        data);

G_END_DECLS
