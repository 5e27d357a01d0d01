/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <poll.h>

#include "mp-cancellable-source-private.h"
#include "mp-descriptor-private.h"
#include "mp-error.h"
#include "mp-fd-private.h"
#include "mp-shareable-private.h"
#include "mp-waitable-private.h"

/**
 * MpDescriptor:
 *
 * A file descriptor as an object: of a socket, a pipe, a file or whatever else
 * the kernel has one for.
 *
 * As an object it can be handed to another process, in a message, among the
 * arguments of a process, or with a result ([iface@Mp.Shareable]), and be
 * waited for together with others ([func@Mp.wait_many]). It has a descriptor of its own:
 * whoever made it keeps theirs, and the receiver gets one more for the same thing. So what
 * is said of the thing itself is said for all: what one has read is gone for the
 * others, and whether reading blocks, or where in a file one is, is the same for
 * all. The other side of a socket or pipe sees the end when all have closed theirs.
 *
 * The descriptor is closed with the object, or before by [method@Mp.Descriptor.close]. Any thread may use the object.
 *
 * Since: 1.0
 */

struct _MpDescriptor
{
  GObject parent_instance;

  /* Guarded by the lock: */
  int      fd;          /* -1: closed, or made by g_object_new() */
  gboolean is_closed;
  GQueue   waits;       /* of WaitSource, by their links */
  guint    generation;  /* whose waits those are */
};

/* One for all, which a fork finds free. Of other locks only GLib's of a main context is taken with it held. */
static GMutex lock;
static guint generation;  /* counts the forks that there were waits at */
static guint n_waits;

static void mp_descriptor_shareable_init (MpShareableInterface *iface);
static void mp_descriptor_waitable_init (MpWaitableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MpDescriptor, mp_descriptor, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MP_TYPE_SHAREABLE, mp_descriptor_shareable_init)
                               G_IMPLEMENT_INTERFACE (MP_TYPE_WAITABLE, mp_descriptor_waitable_init))

static void
mp_descriptor_finalize (GObject *object)
{
  mp_fd_close (&MP_DESCRIPTOR (object)->fd);

  G_OBJECT_CLASS (mp_descriptor_parent_class)->finalize (object);
}

static void
mp_descriptor_class_init (MpDescriptorClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mp_descriptor_finalize;
}

static void
mp_descriptor_init (MpDescriptor *self)
{
  self->fd = -1;
}

/*< private >
 * mp_descriptor_get_lock:
 */
GMutex *
mp_descriptor_get_lock (void)
{
  return &lock;
}

/*< private >
 * mp_descriptor_forget_waits:
 *
 * In a forked child, where those of the parent's are nobody's, and a lock of their contexts may be held for ever.
 */
void
mp_descriptor_forget_waits (void)
{
  if (n_waits == 0)
    return;

  n_waits = 0;
  generation++;
}

static MpDescriptor *
new_take (int fd)
{
  MpDescriptor *self = g_object_new (MP_TYPE_DESCRIPTOR, NULL);

  self->fd = fd;
  return self;
}

static gboolean
check_open_locked (MpDescriptor  *self,
                   GError       **error)
{
  if (self->is_closed)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_CLOSED, "The descriptor was closed");
  else if (self->fd < 0)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE, "The object has no descriptor");

  return self->fd >= 0;
}

static gboolean
check_open (MpDescriptor  *self,
            GError       **error)
{
  gboolean is_open;

  g_mutex_lock (&lock);
  is_open = check_open_locked (self, error);
  g_mutex_unlock (&lock);

  return is_open;
}

/* Duplicates it; the caller's to close. */
static int
duplicate (MpDescriptor  *self,
           GError       **error)
{
  int fd;

  g_mutex_lock (&lock);
  fd = check_open_locked (self, error) ? mp_fd_duplicate (self->fd, error) : -1;
  g_mutex_unlock (&lock);

  return fd;
}

static int
get_fd (MpDescriptor *self)
{
  int fd;

  g_mutex_lock (&lock);
  fd = self->fd;
  g_mutex_unlock (&lock);

  return fd;
}

/* --- Sharing --------------------------------------------------------------- */

#define DESCRIPTION_TYPE "()"

static GVariant *
mp_descriptor_pack (MpShareable  *shareable,
                    MpPacking    *packing,
                    GError      **error)
{
  int fd = duplicate (MP_DESCRIPTOR (shareable), error);

  if (fd < 0)
    return NULL;

  g_array_append_val (packing->fds, fd);
  return g_variant_new (DESCRIPTION_TYPE);
}

static MpShareable *
mp_descriptor_unpack (MpUnpacking  *unpacking,
                      GVariant     *description,
                      int          *fds,
                      guint         n_fds,
                      GError      **error)
{
  int fd;

  if (!g_variant_is_of_type (description, G_VARIANT_TYPE (DESCRIPTION_TYPE)) || n_fds != 1)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_CORRUPTED, "What is said to be a descriptor is none");
      return NULL;
    }

  fd = fds[0];
  fds[0] = -1;
  return MP_SHAREABLE (new_take (fd));
}

static char *
mp_descriptor_to_string (MpShareable *shareable)
{
  int fd = get_fd (MP_DESCRIPTOR (shareable));

  return fd >= 0 ? g_strdup_printf ("<Mp.Descriptor fd=%d>", fd) : g_strdup ("<Mp.Descriptor closed>");
}

static void
mp_descriptor_shareable_init (MpShareableInterface *iface)
{
  iface->kind = MP_DESCRIPTOR_KIND;
  iface->pack = mp_descriptor_pack;
  iface->to_string = mp_descriptor_to_string;
}

static void __attribute__ ((constructor))
register_kind (void)
{
  mp_shareable_register_kind (MP_DESCRIPTOR_KIND, mp_descriptor_unpack);
}

/* --- Waiting --------------------------------------------------------------- */

/* Polls the number until the descriptor is closed: another file may get it then. Its callback gets the task, which
 * keeps the object and the context.
 */
typedef struct
{
  GSource       source;
  MpDescriptor *descriptor;
  GList         link;        /* in the waits of the descriptor */
  guint         generation;
  gpointer      tag;         /* nullable: of the number */
} WaitSource;

/* Whoever closes is still about it, or does not find the source any more: it may end now, and its context too. */
static gboolean
dispatch (GSource     *source,
          GSourceFunc  callback,
          gpointer     task)
{
  WaitSource *self = (WaitSource *) source;

  g_mutex_lock (&lock);
  if (self->generation == generation)
    {
      g_queue_unlink (&self->descriptor->waits, &self->link);
      n_waits--;
    }
  g_mutex_unlock (&lock);

  return callback (task);
}

static GSourceFuncs wait_source_funcs = { .dispatch = dispatch };

static void
add_wait_locked (MpDescriptor *self,
                 WaitSource   *wait)
{
  if (self->generation != generation)
    {
      g_queue_init (&self->waits);
      self->generation = generation;
    }

  wait->descriptor = self;
  wait->generation = generation;
  wait->link.data = wait;
  g_queue_push_tail_link (&self->waits, &wait->link);
  n_waits++;

  if (self->fd >= 0)
    wait->tag = g_source_add_unix_fd (&wait->source, self->fd, G_IO_IN);
  else
    g_source_set_ready_time (&wait->source, 0);
}

/* What is about to poll the number is woken, and does not look at what it finds. */
static void
end_waits_locked (MpDescriptor *self)
{
  if (self->generation != generation)
    return;

  for (GList *link = self->waits.head; link != NULL; link = link->next)
    {
      WaitSource *wait = link->data;

      if (wait->tag != NULL)
        g_source_remove_unix_fd (&wait->source, wait->tag);
      wait->tag = NULL;
      g_source_set_ready_time (&wait->source, 0);
    }
}

/* Without the lock, since who polls a file of FUSE waits for another program. If the number is another file's by now
 * the descriptor is closed.
 */
static gboolean
mp_descriptor_is_ready (MpWaitable  *waitable,
                        GError     **error)
{
  MpDescriptor *self = MP_DESCRIPTOR (waitable);
  struct pollfd poll_fd = { get_fd (self), POLLIN, 0 };
  gboolean is_ready = poll (&poll_fd, 1, 0) > 0;

  return check_open (self, error) && is_ready;
}

static gboolean
on_may_be_ready (gpointer task)
{
  g_task_return_boolean (task, TRUE);
  return G_SOURCE_REMOVE;
}

static void
mp_descriptor_await (MpWaitable          *waitable,
                     gboolean             blocks,
                     GCancellable        *cancellable,
                     GAsyncReadyCallback  callback,
                     gpointer             user_data)
{
  GTask *task = g_task_new (waitable, cancellable, callback, user_data);
  g_autoptr (GSource) source = g_source_new (&wait_source_funcs, sizeof (WaitSource));

  g_task_set_check_cancellable (task, FALSE);
  g_source_set_static_name (source, "mpglib descriptor");
  if (cancellable != NULL)
    {
      g_autoptr (GSource) cancelled = mp_cancellable_source_new (cancellable, g_task_get_context (task));

      g_source_add_child_source (source, cancelled);
    }
  g_source_set_callback (source, on_may_be_ready, task, g_object_unref);

  g_mutex_lock (&lock);
  add_wait_locked (MP_DESCRIPTOR (waitable), (WaitSource *) source);
  g_source_attach (source, g_task_get_context (task));
  g_mutex_unlock (&lock);
}

static void
mp_descriptor_waitable_init (MpWaitableInterface *iface)
{
  iface->is_ready = mp_descriptor_is_ready;
  iface->await = mp_descriptor_await;
}

/* --- Public ---------------------------------------------------------------- */

/**
 * mp_descriptor_duplicate:
 * @fd: an open file descriptor
 * @error: return location for an error
 *
 * Makes an object with a duplicate of the descriptor, which is closed on exec.
 *
 * Fails with %MP_ERROR_TOO_BIG when this process has no more descriptors, and with
 * %MP_ERROR_FAILED when @fd is not open.
 *
 * Returns: (transfer full): the object
 *
 * Since: 1.0
 */
MpDescriptor *
mp_descriptor_duplicate (int      fd,
                         GError **error)
{
  int copy;

  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  copy = mp_fd_duplicate (fd, error);
  return copy >= 0 ? new_take (copy) : NULL;
}

/**
 * mp_descriptor_duplicate_socket:
 * @socket: an open socket
 * @error: return location for an error
 *
 * Makes an object with a duplicate of the socket's descriptor. The socket stays
 * what it is.
 *
 * Fails with %MP_ERROR_CLOSED when the socket is closed, and with %MP_ERROR_TOO_BIG when
 * this process has no more descriptors.
 *
 * Returns: (transfer full): the object
 *
 * Since: 1.0
 */
MpDescriptor *
mp_descriptor_duplicate_socket (GSocket  *socket,
                                GError  **error)
{
  g_return_val_if_fail (G_IS_SOCKET (socket), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!g_socket_is_closed (socket))
    return mp_descriptor_duplicate (g_socket_get_fd (socket), error);

  g_set_error_literal (error, MP_ERROR, MP_ERROR_CLOSED, "The socket is closed");
  return NULL;
}

/**
 * mp_descriptor_get_fd:
 * @self: a descriptor
 *
 * Gets the number of the file descriptor, which stays the object's, and is open as
 * long as that is there and was not closed. Where another thread may close it meanwhile,
 * [method@Mp.Descriptor.dup_fd] gives one of one's own.
 *
 * Returns: the number; -1 if it was closed, and for an object that was not made by
 *   [func@Mp.Descriptor.duplicate] and its like
 *
 * Since: 1.0
 */
int
mp_descriptor_get_fd (MpDescriptor *self)
{
  g_return_val_if_fail (MP_IS_DESCRIPTOR (self), -1);

  return get_fd (self);
}

/**
 * mp_descriptor_dup_fd:
 * @self: a descriptor
 * @error: return location for an error
 *
 * Makes another file descriptor for the same thing, which is the caller's to
 * close. It is closed on exec.
 *
 * Fails with %MP_ERROR_TOO_BIG when this process has no more descriptors.
 *
 * Returns: the number, or -1
 *
 * Since: 1.0
 */
int
mp_descriptor_dup_fd (MpDescriptor  *self,
                      GError       **error)
{
  g_return_val_if_fail (MP_IS_DESCRIPTOR (self), -1);
  g_return_val_if_fail (error == NULL || *error == NULL, -1);

  return duplicate (self, error);
}

/**
 * mp_descriptor_open_socket:
 * @self: a descriptor of a socket
 * @error: return location for an error
 *
 * Makes a [class@Gio.Socket] with a duplicate of the descriptor.
 *
 * GIO's sockets are never blocking for the kernel, so this one is not for anybody who has
 * it any more. (A `GSocket` waits by itself, and does so for whoever asks.)
 *
 * Fails with %MP_ERROR_TOO_BIG when this process has no more descriptors, and with an error of
 * GIO when it is none of a socket.
 *
 * Returns: (transfer full): the socket
 *
 * Since: 1.0
 */
GSocket *
mp_descriptor_open_socket (MpDescriptor  *self,
                           GError       **error)
{
  GSocket *socket;
  int fd;

  g_return_val_if_fail (MP_IS_DESCRIPTOR (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  fd = duplicate (self, error);
  if (fd < 0)
    return NULL;

  socket = g_socket_new_from_fd (fd, error);
  if (socket == NULL)
    mp_fd_close (&fd);
  return socket;
}

/**
 * mp_descriptor_close:
 * @self: a descriptor
 *
 * Closes the object's descriptor, where the end of the object is too late: in languages whose objects go when they are
 * collected, the other side of a socket or a pipe would wait for its end. What was made of it, sent, or is to be
 * received keeps its own.
 *
 * What is done with the object afterwards fails with %MP_ERROR_CLOSED, and so do waits for it that are under way
 * ([func@Mp.wait_many]); to send it fails with %MP_ERROR_INVALID_STATE. May be called from any thread, and again.
 * Whoever reads or polls by the number itself ([method@Mp.Descriptor.get_fd]) is not told.
 *
 * Since: 1.0
 */
void
mp_descriptor_close (MpDescriptor *self)
{
  int fd;

  g_return_if_fail (MP_IS_DESCRIPTOR (self));

  g_mutex_lock (&lock);
  fd = self->fd;
  self->fd = -1;
  self->is_closed = TRUE;
  end_waits_locked (self);
  g_mutex_unlock (&lock);

  mp_fd_close (&fd);
}
