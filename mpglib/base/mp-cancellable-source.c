/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-cancellable-source-private.h"

/* GLib's own source is leaked when it ends while another thread is in
 * g_cancellable_cancel() and past it: it is then kept for a handler that has run
 * already (GLib 2.74).  This one knows its context from the beginning, so that what
 * the handler needs of it is not the source.
 */
typedef struct
{
  GSource       source;
  GCancellable *cancellable;
  gulong        handler;
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

/* Not by g_cancellable_disconnect(), which waits for handlers that run. */
static void
finalize (GSource *source)
{
  CancellableSource *self = (CancellableSource *) source;

  g_clear_signal_handler (&self->handler, self->cancellable);
  g_clear_object (&self->cancellable);
}

static GSourceFuncs funcs = {
  .prepare = prepare,
  .check = is_cancelled,
  .dispatch = dispatch,
  .finalize = finalize,
};

static void
on_cancelled (GCancellable *cancellable,
              gpointer      context)
{
  g_main_context_wakeup (context);
}

static void
unref_context (gpointer  context,
               GClosure *closure)
{
  g_main_context_unref (context);
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
  self->handler = g_signal_connect_data (cancellable, "cancelled", G_CALLBACK (on_cancelled),
                                         g_main_context_ref (context), unref_context, 0);
  return source;
}
