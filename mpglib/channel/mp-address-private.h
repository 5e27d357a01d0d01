/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <sys/socket.h>

#include <glib.h>

G_BEGIN_DECLS

/* Where one listens, as people write it and as the kernel has it.
 *
 *     unix:PATH        a socket in the file system; PATH alone, if it begins with a slash
 *     abstract:NAME    a name of Linux's abstract namespace, without a file
 *     tcp:HOST:PORT    HOST is a name, an address of IPv4, or one of IPv6 in brackets
 *
 * Nothing is escaped, so there is one way to write an address, and none that means
 * two.  Python's forms are told apart by their type, not by their text: a pair is a
 * host and a port, a string is a path, and one that begins with a zero is abstract.
 */
typedef enum
{
  MP_ADDRESS_UNIX,
  MP_ADDRESS_ABSTRACT,
  MP_ADDRESS_TCP,
} MpAddressKind;

typedef struct
{
  MpAddressKind kind;
  char         *name; /* path, abstract name without the zero, or host without brackets */
  guint16       port; /* of TCP; 0: any that is free */
} MpAddress;

MpAddress *mp_address_parse           (const char             *text,
                                       GError                **error);
MpAddress *mp_address_new_tcp         (const char             *host,
                                       gint64                  port,
                                       GError                **error);
MpAddress *mp_address_new_from_python (const guint8           *string,
                                       gsize                   length,
                                       GError                **error);
MpAddress *mp_address_new_from_native (const struct sockaddr  *native,
                                       socklen_t               size,
                                       GError                **error);
void       mp_address_free            (MpAddress              *self);
void       mp_address_make_absolute   (MpAddress              *self);
gboolean   mp_address_is_absolute     (const MpAddress        *self);
char      *mp_address_to_string       (const MpAddress        *self);
gboolean   mp_address_to_native       (const MpAddress         *self,
                                       struct sockaddr_storage *native,
                                       socklen_t               *size);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MpAddress, mp_address_free)

G_END_DECLS
