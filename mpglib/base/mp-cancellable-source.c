/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-cancel-watch-private.h"
#include "mp-cancellable-source-private.h"

/* GLib's own source is leaked when it ends while another thread is in
 * g_cancellable_cancel() and past it: it is then kept for a handler that has run
 * already (GLib 2.74).  And it is not ready before all handlers are through that
 * were connected before it was made.
 */
typedef struct
{
  GSource       source;
  GCancellable *cancellable;
  GMainContext *context;
  MpCancelWatch watch;
} CancellableSource;

static gboolean
is_cancelled (GSource *source)
{
  return g_cancellable_is_cancelled (((CancellableSource *) source)->cancellable);
}

static gboolean
prepare (GSource *source,
         int     *timeout)
{
  *timeout = -1;
  return is_cancelled (source);
}

static gboolean
dispatch (GSource     *source,
          GSourceFunc  callback,
          gpointer     data)
{
  GCancellableSourceFunc func = (GCancellableSourceFunc) (void (*) (void)) callback;

  return func == NULL || func (((CancellableSource *) source)->cancellable, data);
}

static void
finalize (GSource *source)
{
  CancellableSource *self = (CancellableSource *) source;

  mp_cancel_watch_end (&self->watch);
  g_clear_object (&self->cancellable);
  g_main_context_unref (self->context);
}

static GSourceFuncs funcs = {
  .prepare = prepare,
  .check = is_cancelled,
  .dispatch = dispatch,
  .finalize = finalize,
};

static void
wake_up (gpointer context)
{
  g_main_context_wakeup (context);
}

/*< private >
 * mp_cancellable_source_new:
 * @context: (nullable): where it, or the source that it becomes a child of, will be attached;
 *   %NULL for the global default
 *
 * A source that is ready as long as @cancellable is cancelled, which any thread may do. Its
 * callback is a #GCancellableSourceFunc; without one it does nothing, which is enough for a
 * child source.
 *
 * Returns: (transfer full): the source
 */
GSource *
mp_cancellable_source_new (GCancellable *cancellable,
                           GMainContext *context)
{
  GSource *source = g_source_new (&funcs, sizeof (CancellableSource));
  CancellableSource *self = (CancellableSource *) source;

  if (context == NULL)
    context = g_main_context_default ();

  g_source_set_static_name (source, "mpglib cancellable");
  self->cancellable = g_object_ref (cancellable);
  self->context = g_main_context_ref (context);
  mp_cancel_watch_begin (&self->watch, cancellable, wake_up, context);
  return source;
}
