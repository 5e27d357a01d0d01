/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-fd-stream-private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <glib-unix.h>

/* Who is told of each wait */
typedef struct
{
  void (*on_wait) (gpointer data, gboolean waits);
  gpointer data;
} Watch;

/* --- What comes -------------------------------------------------------------------- */

#define MP_TYPE_FD_INPUT (mp_fd_input_get_type ())
G_DECLARE_FINAL_TYPE (MpFdInput, mp_fd_input, MP, FD_INPUT, GInputStream)

struct _MpFdInput
{
  GInputStream parent_instance;

  int fd;
  gboolean waits; /* where GIO says that it may */
  Watch watch;
  GBytes *ahead;  /* was read before there was a stream; nullable */
  gsize n_taken;  /* of it */
};

static void mp_fd_input_pollable_init (GPollableInputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MpFdInput, mp_fd_input, G_TYPE_INPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM, mp_fd_input_pollable_init))

static void
set_error (int      failed,
           GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (failed), g_strerror (failed));
}

static gboolean
is_ready (int   fd,
          short events)
{
  struct pollfd ready = { fd, events, 0 };

  return poll (&ready, 1, 0) > 0;
}

static void
wait_for (int          fd,
          short        events,
          const Watch *watch)
{
  struct pollfd ready = { fd, events, 0 };

  if (watch->on_wait != NULL)
    watch->on_wait (watch->data, TRUE);
  poll (&ready, 1, -1);
  if (watch->on_wait != NULL)
    watch->on_wait (watch->data, FALSE);
}

static gssize
take_ahead (MpFdInput *self,
            void      *buffer,
            gsize      count)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (self->ahead, &size);
  gsize n = MIN (count, size - self->n_taken);

  memcpy (buffer, data + self->n_taken, n);
  self->n_taken += n;
  if (self->n_taken == size)
    g_clear_pointer (&self->ahead, g_bytes_unref);

  return (gssize) n;
}

static gssize
read_or_wait (MpFdInput  *self,
              void       *buffer,
              gsize       count,
              gboolean    waits,
              GError    **error)
{
  gssize n;

  if (self->ahead != NULL)
    return take_ahead (self, buffer, count);

  for (;;)
    {
      n = recv (self->fd, buffer, count, MSG_DONTWAIT);
      if (n >= 0)
        return n;

      if (errno == EAGAIN && waits)
        wait_for (self->fd, POLLIN, &self->watch);
      else if (errno != EINTR)
        break;
    }

  set_error (errno, error);
  return -1;
}

static gssize
mp_fd_input_read (GInputStream  *stream,
                  void          *buffer,
                  gsize          count,
                  GCancellable  *cancellable,
                  GError       **error)
{
  return read_or_wait (MP_FD_INPUT (stream), buffer, count, MP_FD_INPUT (stream)->waits, error);
}

static gssize
mp_fd_input_read_nonblocking (GPollableInputStream  *stream,
                              void                  *buffer,
                              gsize                  count,
                              GError               **error)
{
  return read_or_wait (MP_FD_INPUT (stream), buffer, count, FALSE, error);
}

static gboolean
mp_fd_input_is_readable (GPollableInputStream *stream)
{
  return MP_FD_INPUT (stream)->ahead != NULL || is_ready (MP_FD_INPUT (stream)->fd, POLLIN);
}

static GSource *
new_source (GObject      *stream,
            int           fd,
            GIOCondition  condition,
            GCancellable *cancellable)
{
  g_autoptr (GSource) ready = g_unix_fd_source_new (fd, condition);

  return g_pollable_source_new_full (stream, ready, cancellable);
}

static GSource *
mp_fd_input_create_source (GPollableInputStream *stream,
                           GCancellable         *cancellable)
{
  return new_source (G_OBJECT (stream), MP_FD_INPUT (stream)->fd, G_IO_IN, cancellable);
}

static void
mp_fd_input_finalize (GObject *object)
{
  g_clear_pointer (&MP_FD_INPUT (object)->ahead, g_bytes_unref);

  G_OBJECT_CLASS (mp_fd_input_parent_class)->finalize (object);
}

static void
mp_fd_input_class_init (MpFdInputClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mp_fd_input_finalize;
  G_INPUT_STREAM_CLASS (klass)->read_fn = mp_fd_input_read;
}

static void
mp_fd_input_pollable_init (GPollableInputStreamInterface *iface)
{
  iface->is_readable = mp_fd_input_is_readable;
  iface->create_source = mp_fd_input_create_source;
  iface->read_nonblocking = mp_fd_input_read_nonblocking;
}

static void
mp_fd_input_init (MpFdInput *self)
{
}

/* --- What goes --------------------------------------------------------------------- */

#define MP_TYPE_FD_OUTPUT (mp_fd_output_get_type ())
G_DECLARE_FINAL_TYPE (MpFdOutput, mp_fd_output, MP, FD_OUTPUT, GOutputStream)

struct _MpFdOutput
{
  GOutputStream parent_instance;

  int fd;
  gboolean waits;
  Watch watch;
};

static void mp_fd_output_pollable_init (GPollableOutputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MpFdOutput, mp_fd_output, G_TYPE_OUTPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM, mp_fd_output_pollable_init))

static gssize
write_or_wait (MpFdOutput  *self,
               const void  *buffer,
               gsize        count,
               gboolean     waits,
               GError     **error)
{
  gssize n;

  for (;;)
    {
      n = send (self->fd, buffer, count, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n >= 0)
        return n;

      if (errno == EAGAIN && waits)
        wait_for (self->fd, POLLOUT, &self->watch);
      else if (errno != EINTR)
        break;
    }

  set_error (errno, error);
  return -1;
}

static gssize
mp_fd_output_write (GOutputStream  *stream,
                    const void     *buffer,
                    gsize           count,
                    GCancellable   *cancellable,
                    GError        **error)
{
  return write_or_wait (MP_FD_OUTPUT (stream), buffer, count, MP_FD_OUTPUT (stream)->waits, error);
}

static gssize
mp_fd_output_write_nonblocking (GPollableOutputStream  *stream,
                                const void             *buffer,
                                gsize                   count,
                                GError                **error)
{
  return write_or_wait (MP_FD_OUTPUT (stream), buffer, count, FALSE, error);
}

static gboolean
mp_fd_output_is_writable (GPollableOutputStream *stream)
{
  return is_ready (MP_FD_OUTPUT (stream)->fd, POLLOUT);
}

static GSource *
mp_fd_output_create_source (GPollableOutputStream *stream,
                            GCancellable          *cancellable)
{
  return new_source (G_OBJECT (stream), MP_FD_OUTPUT (stream)->fd, G_IO_OUT, cancellable);
}

static void
mp_fd_output_class_init (MpFdOutputClass *klass)
{
  G_OUTPUT_STREAM_CLASS (klass)->write_fn = mp_fd_output_write;
}

static void
mp_fd_output_pollable_init (GPollableOutputStreamInterface *iface)
{
  iface->is_writable = mp_fd_output_is_writable;
  iface->create_source = mp_fd_output_create_source;
  iface->write_nonblocking = mp_fd_output_write_nonblocking;
}

static void
mp_fd_output_init (MpFdOutput *self)
{
}

/*< private >
 * mp_fd_stream_new:
 * @fd: a socket that never blocks, which stays the caller's
 * @ahead: (array length=size): bytes that were read from it already
 */
GIOStream *
mp_fd_stream_new (int           fd,
                  const guint8 *ahead,
                  gsize         size)
{
  g_autoptr (MpFdInput) input = g_object_new (MP_TYPE_FD_INPUT, NULL);
  g_autoptr (MpFdOutput) output = g_object_new (MP_TYPE_FD_OUTPUT, NULL);

  input->fd = output->fd = fd;
  input->waits = output->waits = TRUE;
  if (size > 0)
    input->ahead = g_bytes_new (ahead, size);

  return g_simple_io_stream_new (G_INPUT_STREAM (input), G_OUTPUT_STREAM (output));
}

/*< private >
 * mp_fd_stream_set_waiting:
 *
 * Says whether reads and writes wait which GIO does not want to return at once, as it does to end a connection.
 */
void
mp_fd_stream_set_waiting (GIOStream *self,
                          gboolean   waits)
{
  MP_FD_INPUT (g_io_stream_get_input_stream (self))->waits = waits;
  MP_FD_OUTPUT (g_io_stream_get_output_stream (self))->waits = waits;
}

void
mp_fd_stream_set_on_wait (GIOStream  *self,
                          void      (*on_wait) (gpointer data, gboolean waits),
                          gpointer    data)
{
  const Watch watch = { on_wait, data };

  MP_FD_INPUT (g_io_stream_get_input_stream (self))->watch = watch;
  MP_FD_OUTPUT (g_io_stream_get_output_stream (self))->watch = watch;
}

/*< private >
 * mp_fd_stream_detach:
 *
 * Lets go of the descriptor: all fails from then on.
 */
void
mp_fd_stream_detach (GIOStream *self)
{
  MP_FD_INPUT (g_io_stream_get_input_stream (self))->fd = -1;
  MP_FD_OUTPUT (g_io_stream_get_output_stream (self))->fd = -1;
}
