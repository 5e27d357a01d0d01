/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Where the thread mp-watch leaves word for a main context.  It may neither allocate
 * nor lock, so who rang is pushed on a list without locks, and an eventfd, one a
 * context, wakes the loop.  Everything else happens in the context.
 *
 *   in list   left   state of a caller
 *   FALSE     FALSE  waits
 *   TRUE      FALSE  rang: the context will call it
 *   TRUE      TRUE   rang, and has left since: the context will free it
 *
 * Callers that want one thing each of what comes to the same place may stand in line there: the first of a
 * context is served, and when it leaves the next one is rung.
 */
typedef struct _MpPorch       MpPorch;
typedef struct _MpPorchCaller MpPorchCaller;

typedef void (*MpPorchFunc) (MpPorchCaller *caller);

struct _MpPorchCaller
{
  MpPorch       *porch;
  MpPorchCaller *next;
  int            is_in_list;   /* atomic */
  gboolean       has_left;
  gconstpointer  place;        /* where it stands in line; NULL: nowhere */
  GQueue        *line;
  GList          link;
  MpPorchFunc    call;
  MpPorchFunc    free;
};

gboolean mp_porch_caller_enter (MpPorchCaller  *caller,
                                GMainContext   *context,
                                MpPorchFunc     call,
                                MpPorchFunc     free_func,
                                GError        **error);
void     mp_porch_caller_ring  (MpPorchCaller  *caller);
void     mp_porch_caller_leave (MpPorchCaller  *caller);
void     mp_porch_caller_line_up (MpPorchCaller *caller,
                                 gconstpointer   place);

/* In the context.  Who stands in no line has nobody before it. */
static inline MpPorchCaller *
mp_porch_caller_get_first (MpPorchCaller *caller)
{
  return caller->line == NULL ? caller : g_queue_peek_head (caller->line);
}

static inline gboolean
mp_porch_caller_is_first (MpPorchCaller *caller)
{
  return mp_porch_caller_get_first (caller) == caller;
}

G_END_DECLS
