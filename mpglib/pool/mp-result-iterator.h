/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#if !defined (MP_INSIDE) && !defined (MP_COMPILATION)
# error "Only <mpglib.h> can be included directly."
#endif

#include "mp-message.h"

G_BEGIN_DECLS

#define MP_TYPE_RESULT_ITERATOR (mp_result_iterator_get_type ())

MP_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (MpResultIterator, mp_result_iterator, MP, RESULT_ITERATOR, GObject)

MP_AVAILABLE_IN_1_0
GVariant  *mp_result_iterator_next                (MpResultIterator     *self,
                                                   gdouble               timeout,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
MP_AVAILABLE_IN_1_0
void       mp_result_iterator_next_async          (MpResultIterator     *self,
                                                   gdouble               timeout,
                                                   GCancellable         *cancellable,
                                                   GAsyncReadyCallback   callback,
                                                   gpointer              user_data);
MP_AVAILABLE_IN_1_0
GVariant  *mp_result_iterator_next_finish         (MpResultIterator     *self,
                                                   GAsyncResult         *result,
                                                   GError              **error);
MP_AVAILABLE_IN_1_0
MpMessage *mp_result_iterator_next_message        (MpResultIterator     *self,
                                                   gdouble               timeout,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
MP_AVAILABLE_IN_1_0
void       mp_result_iterator_next_message_async  (MpResultIterator     *self,
                                                   gdouble               timeout,
                                                   GCancellable         *cancellable,
                                                   GAsyncReadyCallback   callback,
                                                   gpointer              user_data);
MP_AVAILABLE_IN_1_0
MpMessage *mp_result_iterator_next_message_finish (MpResultIterator     *self,
                                                   GAsyncResult         *result,
                                                   GError              **error);
MP_AVAILABLE_IN_1_0
gboolean   mp_result_iterator_is_exhausted        (MpResultIterator     *self);
MP_AVAILABLE_IN_1_0
GVariant  *mp_result_iterator_get_report          (MpResultIterator     *self);

MP_AVAILABLE_IN_1_0
gboolean   mp_result_iterator_push_item           (MpResultIterator     *self,
                                                   GVariant             *item,
                                                   GError              **error);
MP_AVAILABLE_IN_1_0
gboolean   mp_result_iterator_push_message        (MpResultIterator     *self,
                                                   MpMessage            *item,
                                                   GError              **error);
MP_AVAILABLE_IN_1_0
void       mp_result_iterator_finish_items        (MpResultIterator     *self);
MP_AVAILABLE_IN_1_0
void       mp_result_iterator_cancel              (MpResultIterator     *self);
MP_AVAILABLE_IN_1_0
char      *mp_result_iterator_to_string           (MpResultIterator     *self);

G_END_DECLS
