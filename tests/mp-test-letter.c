/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <string.h>

#include "mp-fd-private.h"
#include "mp-memfd-private.h"
#include "mp-test-letter.h"

/* Short, about as long as a packet, far longer, too long for a ring, or with a descriptor. */
static gsize
get_length (guint64 number)
{
  const gsize rest = (gsize) (number * 2654435761u % 1000);

  switch (number % 16)
    {
    case 5:
      return 65000 + rest;
    case 11:
      return (number % 128 == 11 ? 1024 * 1024 + 1 : 100000) + 400 * rest;
    default:
      return 8 + rest / 2;
    }
}

static gboolean
has_fd (guint64 number)
{
  return number % 16 == 3;
}

static guint8 *
make_body (guint64  number,
           gsize   *length)
{
  const gsize first = (gsize) (number * 11400714819323198485u >> 56); /* of all its bits */
  guint8 *body;

  *length = get_length (number);
  body = g_malloc (*length);
  for (gsize i = 0; i < *length; i++)
    body[i] = (guint8) (first + i * 7);
  memcpy (body, &number, sizeof number);
  return body;
}

MpMessage *
mp_test_letter_new (guint64  number,
                    gboolean carries_fds)
{
  gsize length;
  guint8 *body = make_body (number, &length);
  g_autoptr (GBytes) bytes = g_bytes_new_take (body, length);
  MpMessage *message = mp_message_new_bytes (bytes, "raw");

  if (carries_fds && has_fd (number))
    {
      int fd = mp_memfd_new ("storm", 0, NULL);

      g_assert_true (mp_memfd_write (fd, 0, &number, sizeof number, NULL));
      g_assert_cmpint (mp_message_attach_fd (message, fd, NULL), ==, 0);
      mp_fd_close (&fd);
    }
  return message;
}

void
mp_test_letter_check (MpMessage *message,
                      guint64    number,
                      gboolean   carries_fds)
{
  gsize length, expected_length;
  const guint8 *body = mp_message_get_payload (message, &length);
  g_autofree guint8 *expected = make_body (number, &expected_length);

  g_assert_cmpmem (body, length, expected, expected_length);
  g_assert_cmpuint (mp_message_get_n_attachments (message), ==, carries_fds && has_fd (number) ? 1 : 0);
  if (carries_fds && has_fd (number))
    {
      int fd = mp_message_get_attached_fd (message, 0, NULL);
      guint64 inside;

      g_assert_true (mp_memfd_read (fd, 0, &inside, sizeof inside, NULL));
      g_assert_cmpuint (inside, ==, number);
      mp_fd_close (&fd);
    }
}

/* Returns FALSE for what is too short to have one. */
gboolean
mp_test_letter_get_number (MpMessage *message,
                           guint64   *number)
{
  gsize length;
  const guint8 *body = mp_message_get_payload (message, &length);

  if (length < sizeof *number)
    return FALSE;

  memcpy (number, body, sizeof *number);
  return TRUE;
}
