/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-message-private.h"
#include "mp-ring-private.h"

G_BEGIN_DECLS

/* What lies in a record of a queue: the body, and behind it its codec in wire form, unless that is one of those
 * that have a number.  The body is first, so that a GVariant is aligned where it is copied to.
 *
 *   kind   bits 0-15   below MP_ITEM_SPELT: the number of the codec
 *                      else: that many bytes of it, less MP_ITEM_SPELT, stand behind the body
 *          bit 16      MP_ITEM_VALUE: the body is a GVariant, so that one can tell without its data
 *          others      zero
 *
 * Nothing of it is believed.
 */
#define MP_ITEM_CODEC_MASK 0xffffu
#define MP_ITEM_RAW        0u
#define MP_ITEM_SPELT      0x0100u
#define MP_ITEM_VALUE      0x10000u

/* `=` and a type. */
#define MP_ITEM_MAX_CODEC_LENGTH 256

/* To be put.  Either the body is somebody else's, or it is held.  Stays where it is: its record may point into it. */
typedef struct
{
  MpRingRecord record;
  GBytes      *held;     /* nullable */
  MpRingPieces pieces;   /* of a long one that has a spelt codec, and is not put together */
  char        *codec;    /* likewise; else NULL */
} MpItem;

/* Where a short value with a spelt codec is put together if it fits. */
typedef struct
{
  _Alignas (8) guint8 bytes[1000];
} MpItemRoom;

/* That was taken. */
typedef struct
{
  const char *codec;          /* in wire form, checked; `spelt` or static */
  guint32     body_length;
  char        spelt[MP_ITEM_MAX_CODEC_LENGTH + 1];
} MpItemHead;

gboolean mp_item_get_number    (const char          *codec,
                                guint32             *kind);
gboolean mp_item_check_length  (gsize                length,
                                guint64              limit,
                                GError             **error);
gboolean mp_item_init          (MpItem              *self,
                                const char          *codec,
                                gconstpointer        body,
                                gsize                length,
                                guint64              limit,
                                MpItemRoom          *room,
                                GError             **error);
gboolean mp_item_init_bytes    (MpItem              *self,
                                const char          *codec,
                                GBytes              *body,
                                guint64              limit,
                                MpItemRoom          *room,
                                GError             **error);
gboolean mp_item_init_value    (MpItem              *self,
                                GVariant            *value,
                                guint64              limit,
                                MpItemRoom          *room,
                                GError             **error);
gboolean mp_item_init_message  (MpItem              *self,
                                MpMessage           *message,
                                guint64              limit,
                                MpItemRoom          *room,
                                GError             **error);
gboolean mp_item_hold          (MpItem              *self,
                                GError             **error);
void     mp_item_clear         (MpItem              *self);
gboolean mp_item_measure_body  (const MpRingRecord  *record,
                                guint32             *length);
gboolean mp_item_set_corrupted (GError             **error);
void     mp_item_prefix_corrupted (GError          **error);
gboolean mp_item_read_head     (MpItemHead          *self,
                                const MpRingRecord  *record,
                                GError             **error);

static inline gboolean
mp_item_is_value (const MpRingRecord *record)
{
  return (record->kind & MP_ITEM_VALUE) != 0;
}

/* Bytes without a meaning of their own are as good as a GVariant of the type `ay`, and look the same. */
static inline gboolean
mp_item_is_raw (const MpRingRecord *record)
{
  return record->kind == MP_ITEM_RAW;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MpItem, mp_item_clear)

G_END_DECLS
