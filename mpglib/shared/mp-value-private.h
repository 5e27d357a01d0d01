/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include "mp-cell-private.h"
#include "mp-change-watch-private.h"
#include "mp-doorbell-private.h"
#include "mp-element-private.h"
#include "mp-shared-object-private.h"
#include "mp-value.h"
#include "mp-word-private.h"

G_BEGIN_DECLS

/* What the files of the value share: mp-value.c has the object, and replaces and hands over what is in it,
 * mp-value-numbers.c does what only a number can do, mp-value-live.c tells of changes.
 *
 * A value of up to 8 bytes is one word, which is read and replaced in one access; a longer one
 * is a cell.
 */
struct _MpValue
{
  GObject parent_instance;

  MpSharedObject shared;
  MpElement      element;
  char          *value_type;    /* as they were wanted */
  char          *format;
  gboolean       is_constructed;
  GVariant      *initial;       /* until it is */
  MpLockable    *lock;
  GMainContext  *main_context;   /* atomic; NULL: received, and nobody has asked for it */
  guint          origin;        /* atomic; the process whose threads have watch_lock, or renew it just now */
  GMutex         watch_lock;
  MpChangeWatch *watch;         /* guarded by watch_lock; NULL: not live */
  guint64       *told;          /* the words that were told last, in the main context; NULL: none since it is live */
};

#define MP_VALUE_WORD sizeof (guint64)

static inline gsize
mp_value_get_n_words (MpValue *self)
{
  return (self->element.size + MP_VALUE_WORD - 1) / MP_VALUE_WORD;
}

static inline gboolean
mp_value_is_word (MpValue *self)
{
  return self->element.size <= MP_VALUE_WORD;
}

/* Or a boolean, which can be had as one. */
static inline gboolean
mp_value_is_number (MpValue *self)
{
  return self->element.number != MP_NUMBER_NONE || mp_element_is_boolean (&self->element);
}

static inline MpCellPlace
mp_value_get_place (MpValue       *self,
                    MpValueLayout *layout)
{
  return (MpCellPlace) { &layout->cell, layout->words, mp_value_get_n_words (self) };
}

/* words: mp_value_get_n_words() of them, which begin with the bytes of the value */
static inline gboolean
mp_value_load (MpValue  *self,
               guint64  *words,
               GError  **error)
{
  guint32 me;
  MpValueLayout *layout = mp_shared_object_get (&self->shared, &me, error);
  MpCellPlace place;

  if (G_UNLIKELY (layout == NULL))
    return FALSE;

  if (G_LIKELY (mp_value_is_word (self)))
    {
      words[0] = mp_word_get (&layout->words[0]);
      return TRUE;
    }

  place = mp_value_get_place (self, layout);
  return mp_cell_read (self->shared.table, &place, me, words, place.n_words, error);
}

static inline gboolean
mp_value_store (MpValue        *self,
                const guint64  *words,
                GError        **error)
{
  guint32 me;
  MpValueLayout *layout = mp_shared_object_get (&self->shared, &me, error);
  MpCellPlace place;

  if (G_UNLIKELY (layout == NULL))
    return FALSE;

  if (G_LIKELY (mp_value_is_word (self)))
    {
      mp_word_set (&layout->words[0], words[0]);
      mp_bell_ring_after_exchange (self->shared.table, &layout->bell);
      return TRUE;
    }

  place = mp_value_get_place (self, layout);
  if (!mp_cell_write (self->shared.table, &place, me, words, place.n_words, error))
    return FALSE;

  mp_bell_ring (self->shared.table, &layout->bell);
  return TRUE;
}

void mp_value_notify_content (MpValue *self);

G_END_DECLS
