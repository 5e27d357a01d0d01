/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-error.h"
#include "mp-message-private.h"
#include "mp-task-private.h"
#include "mp-variant-private.h"

/* What was taken from the beginning of an array is given up when it is so much,
 * and more than the rest.
 */
#define TAKEN_MIN 256

/* --- ends of items ---------------------------------------------------------------------------------------- */

static MpFailure *
mp_failure_new_take (GError   *error,
                     GVariant *report)
{
  MpFailure *self = g_new (MpFailure, 1);

  self->error = error;
  self->report = report != NULL ? g_variant_ref_sink (report) : NULL;
  return self;
}

static void
mp_failure_free (MpFailure *self)
{
  g_clear_pointer (&self->report, g_variant_unref);
  g_error_free (self->error);
  g_free (self);
}

static void
clear_end (gpointer data)
{
  MpItemEnd *end = data;

  if (end->state == MP_TASK_STATE_DONE)
    g_clear_object (&end->result);
  else
    g_clear_pointer (&end->failure, mp_failure_free);
}

static MpItemEnd *
get_end (MpTask  *self,
         guint64  index)
{
  return &g_array_index (self->ends, MpItemEnd, index - self->first_end);
}

/* --- tasks ------------------------------------------------------------------------------------------------ */

static MpTask *
mp_task_new (const char *target,
             guint64     n_items,
             guint       chunk_size)
{
  MpTask *self = g_new0 (MpTask, 1);

  mp_scheduled_task_init (&self->scheduled, 0, n_items, chunk_size);
  g_atomic_ref_count_init (&self->refs);
  self->target = g_strdup (target);
  self->ends = g_array_sized_new (FALSE, TRUE, sizeof (MpItemEnd), (guint) n_items);
  g_array_set_clear_func (self->ends, clear_end);
  g_array_set_size (self->ends, (guint) n_items);
  self->link.data = self;
  self->news_link.data = self;
  return self;
}

MpTask *
mp_task_new_call (const char *target,
                  MpMessage  *arguments)
{
  MpTask *self = mp_task_new (target, 1, 1);

  self->arguments = g_object_ref (arguments);
  return self;
}

/*< private >
 * mp_task_new_map:
 * @items: (transfer full): one call each
 */
MpTask *
mp_task_new_map (const char *target,
                 MpItems    *items,
                 guint       chunk_size)
{
  MpTask *self = mp_task_new (target, mp_items_get_length (items), chunk_size);

  self->is_map = TRUE;
  self->items = items;
  self->news = g_array_new (FALSE, FALSE, sizeof (guint64));
  return self;
}

MpTask *
mp_task_ref (MpTask *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
mp_task_unref (MpTask *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  g_assert (self->result == NULL);
  mp_scheduled_task_clear (&self->scheduled);
  g_clear_object (&self->arguments);
  if (self->items != NULL)
    mp_items_free (self->items, NULL);
  g_clear_pointer (&self->spent, g_ptr_array_unref);
  g_clear_error (&self->given_up);
  g_clear_pointer (&self->failure, mp_failure_free);
  g_clear_pointer (&self->flaw, mp_failure_free);
  g_clear_pointer (&self->news, g_array_unref);
  g_clear_pointer (&self->waiters, mp_waiters_free_locked); /* nobody is left that would take the lock */
  g_array_unref (self->ends);
  g_free (self->name);
  g_free (self->target);
  g_free (self->text);
  g_free (self);
}

MpTaskState
mp_task_get_state (MpTask *self)
{
  if (self->end_state != MP_TASK_STATE_PENDING)
    return self->end_state;

  return self->begun ? MP_TASK_STATE_RUNNING : MP_TASK_STATE_PENDING;
}

gboolean
mp_task_has_ended (MpTask *self)
{
  return self->end_state != MP_TASK_STATE_PENDING;
}

/*< private >
 * mp_task_get_fraction:
 *
 * Returns: how much of the task is done, from 0 to 1
 */
gdouble
mp_task_get_fraction (MpTask *self)
{
  if (self->end_state == MP_TASK_STATE_DONE)
    return 1;

  if (self->scheduled.n_items == 0)
    return 0;

  return MIN (1, ((gdouble) self->scheduled.n_ended + self->fraction_running) / (gdouble) self->scheduled.n_items);
}

/*< private >
 * mp_task_describe_item:
 *
 * Returns: (transfer full): what to call an item in a message to people
 */
char *
mp_task_describe_item (MpTask  *self,
                       guint64  index)
{
  GString *string = g_string_new (NULL);

  if (self->is_map)
    g_string_append_printf (string, "item %" G_GUINT64_FORMAT " of ", index);
  if (self->name != NULL)
    g_string_append_printf (string, "task \"%s\" (target \"%s\")", self->name, self->target);
  else
    g_string_append_printf (string, "task %" G_GUINT64_FORMAT " (target \"%s\")", self->scheduled.serial, self->target);

  return g_string_free (string, FALSE);
}

static void
announce_end (MpTask  *self,
              guint64  index)
{
  if (self->is_map && !self->is_ordered)
    g_array_append_val (self->news, index);
  if (self->items != NULL)
    mp_items_release (self->items, index, self->spent);
}

/*< private >
 * mp_task_end_item:
 * @result: (transfer full): the call's result
 *
 * Notes that an item, which has ended in the scheduler, is DONE.
 */
void
mp_task_end_item (MpTask    *self,
                  guint64    index,
                  MpMessage *result)
{
  MpItemEnd *end = get_end (self, index);

  g_assert (end->state == MP_TASK_STATE_PENDING);

  end->state = MP_TASK_STATE_DONE;
  end->result = result;
  announce_end (self, index);
}

/*< private >
 * mp_task_fail_item:
 * @error: (transfer full): why
 * @report: (nullable): what the function said
 *
 * Notes that an item, which has ended in the scheduler, is not DONE.
 */
void
mp_task_fail_item (MpTask      *self,
                   guint64      index,
                   MpTaskState  state,
                   GError      *error,
                   GVariant    *report)
{
  MpItemEnd *end = get_end (self, index);

  g_assert (end->state == MP_TASK_STATE_PENDING);

  self->n_failed++;
  end->state = state;
  end->failure = mp_failure_new_take (error, report);
  announce_end (self, index);
}

/* A map that was cancelled is CANCELLED whatever else went wrong in it. */
static MpItemEnd *
find_failed_item (MpTask  *self,
                  guint64 *index)
{
  MpItemEnd *found = NULL;

  for (guint i = 0; i < self->ends->len; i++)
    {
      MpItemEnd *end = &g_array_index (self->ends, MpItemEnd, i);

      if (end->state == MP_TASK_STATE_DONE)
        continue;

      if (found == NULL || (end->state == MP_TASK_STATE_CANCELLED && found->state != MP_TASK_STATE_CANCELLED))
        {
          found = end;
          *index = i;
        }
    }

  return found;
}

static void
summarize (MpTask *self)
{
  MpItemEnd *failed;

  self->end_state = MP_TASK_STATE_DONE;
  if (self->n_failed == 0)
    return;

  failed = find_failed_item (self, &self->failed_index);

  self->end_state = failed->state;
  self->failure = mp_failure_new_take (g_error_copy (failed->failure->error), failed->failure->report);
  if (self->is_map && failed->state != MP_TASK_STATE_CANCELLED)
    g_prefix_error (&self->failure->error, "Item %" G_GUINT64_FORMAT ": ", self->failed_index);
}

/* A result that is none counts as a failure, if it is the first one. */
static void
take_flaw (MpTask *self)
{
  if (self->flaw == NULL || self->flawed_index >= mp_task_count_unfailed (self))
    return;

  g_clear_pointer (&self->failure, mp_failure_free);
  self->failure = g_steal_pointer (&self->flaw);
  self->failed_index = self->flawed_index;
  self->end_state = MP_TASK_STATE_FAILED;
}

/*< private >
 * mp_task_end:
 *
 * Draws the sum, now that all items have ended, and lets go what is no more
 * needed.
 */
void
mp_task_end (MpTask *self)
{
  g_assert (mp_scheduled_task_has_ended (&self->scheduled) && !mp_task_has_ended (self));

  if (self->is_iterated)
    self->end_state = MP_TASK_STATE_DONE;
  else
    {
      summarize (self);
      take_flaw (self);
    }

  self->fraction_running = 0;
  if (self->items != NULL)
    mp_items_free (g_steal_pointer (&self->items), self->spent);
  if (!self->arguments_are_lent)
    g_clear_object (&self->arguments);
  mp_task_check_waiters (self);
}

/*< private >
 * mp_task_fail_if_empty:
 *
 * A map without items that nobody was to begin with has failed all the same.
 */
void
mp_task_fail_if_empty (MpTask       *self,
                       const GError *error)
{
  if (self->is_iterated || self->failure != NULL)
    return;

  self->end_state = MP_TASK_STATE_FAILED;
  self->failure = mp_failure_new_take (g_error_copy (error), NULL);
  self->failed_index = 0;
}

/*< private >
 * mp_task_append:
 *
 * Adds an item to a map that grows; the scheduler is told by the caller.
 */
gboolean
mp_task_append (MpTask     *self,
                MpMessage  *item,
                GError    **error)
{
  if (!mp_items_append (self->items, item, self->scheduled.chunk_size == 1, error))
    return FALSE;

  g_array_set_size (self->ends, self->ends->len + 1);
  return TRUE;
}

/* --- results ---------------------------------------------------------------------------------------------- */

/* What workers send is checked by who asks for it, in a thread of the user's and
 * without the lock: that may take as long as reading it does.  So a task is DONE
 * when its workers have answered, and FAILED from when an answer was found to be
 * none.  The ends of items stay as they are: who asks again finds the same.
 */

static gboolean
set_failure (const MpFailure  *failure,
             GError          **error)
{
  if (error != NULL)
    *error = g_error_copy (failure->error);

  return FALSE;
}

/*< private >
 * mp_task_check_item:
 * @index: an item that has ended
 *
 * Needs no lock: nothing of an item changes that has ended.
 *
 * Returns: %FALSE with %MP_ERROR_CORRUPTED if the result of the item is none
 */
gboolean
mp_task_check_item (MpTask   *self,
                    guint64   index,
                    GError  **error)
{
  MpItemEnd *end = get_end (self, index);

  return end->state != MP_TASK_STATE_DONE || mp_message_check_value (end->result, error);
}

/*< private >
 * mp_task_spoil:
 * @error: what mp_task_check_item() found
 *
 * Notes that the result of an item is none. Needs the lock.
 *
 * Returns: whether the task is in another state now
 */
gboolean
mp_task_spoil (MpTask       *self,
               guint64       index,
               const GError *error)
{
  MpTaskState state = self->end_state;

  if (self->is_iterated || (self->flaw != NULL && self->flawed_index <= index))
    return FALSE;

  g_clear_pointer (&self->flaw, mp_failure_free);
  self->flaw = mp_failure_new_take (g_error_copy (error), NULL);
  self->flawed_index = index;
  if (self->is_map)
    g_prefix_error (&self->flaw->error, "Item %" G_GUINT64_FORMAT ": ", index);
  if (mp_task_has_ended (self))
    take_flaw (self);
  return self->end_state != state;
}

/*< private >
 * mp_task_count_unfailed:
 *
 * Needs the lock.
 *
 * Returns: of a task that has ended the number of items at the beginning that
 *   would make it fail otherwise if the result of one was none
 */
guint64
mp_task_count_unfailed (MpTask *self)
{
  if (self->failure == NULL)
    return self->ends->len;

  return self->end_state == MP_TASK_STATE_CANCELLED ? 0 : self->failed_index;
}

/*< private >
 * mp_task_copy_failure:
 *
 * Needs the lock.
 *
 * Returns: %FALSE with why a task failed that has ended; %TRUE if it did not
 */
gboolean
mp_task_copy_failure (MpTask  *self,
                      GError **error)
{
  return self->failure == NULL || set_failure (self->failure, error);
}

gboolean
mp_task_has_item_ended (MpTask  *self,
                        guint64  index)
{
  return get_end (self, index)->state != MP_TASK_STATE_PENDING;
}

/*< private >
 * mp_task_dup_item:
 *
 * Returns: (transfer full) (nullable): the result of an item that has ended
 */
MpMessage *
mp_task_dup_item (MpTask   *self,
                  guint64   index,
                  GError  **error)
{
  MpItemEnd *end = get_end (self, index);

  if (end->state == MP_TASK_STATE_DONE)
    return g_object_ref (end->result);

  set_failure (end->failure, error);
  return NULL;
}

/*< private >
 * mp_task_dup_item_report:
 *
 * Returns: (transfer full) (nullable): what the function said that failed with an item that has ended
 */
GVariant *
mp_task_dup_item_report (MpTask  *self,
                         guint64  index)
{
  MpItemEnd *end = get_end (self, index);

  if (end->state == MP_TASK_STATE_DONE || end->failure->report == NULL)
    return NULL;

  return g_variant_ref (end->failure->report);
}

/* Handles become those of the message of all. */
static MpMessage *
collect_values (MpTask  *self,
                GError **error)
{
  g_autoptr (GPtrArray) values = g_ptr_array_new_full (self->ends->len, (GDestroyNotify) g_variant_unref);
  g_autoptr (MpMessage) message = NULL;
  guint n_attached = 0;

  for (guint i = 0; i < self->ends->len; i++)
    {
      MpMessage *result = get_end (self, i)->result;
      g_autoptr (GVariant) value = mp_message_get_value (result, error);
      g_autoptr (GVariant) shifted = NULL;

      if (value == NULL)
        {
          g_prefix_error (error, "Item %u: ", i);
          return NULL;
        }
      shifted = mp_variant_shift_handles (value, n_attached);
      n_attached += mp_message_get_n_attachments (result);
      g_ptr_array_add (values, g_variant_ref_sink (g_variant_new_variant (shifted)));
    }

  message = mp_message_new (g_variant_new_array (G_VARIANT_TYPE_VARIANT, (GVariant **) values->pdata, values->len));
  for (guint i = 0; i < self->ends->len && n_attached > 0; i++)
    mp_message_borrow_attachments (message, get_end (self, i)->result);
  return g_steal_pointer (&message);
}

static MpMessage *
collect_encoded (MpTask      *self,
                 const char  *codec,
                 GError     **error)
{
  g_autoptr (GVariant) array = NULL;
  g_autoptr (GBytes) bytes = NULL;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aay"));
  for (guint i = 0; i < self->ends->len; i++)
    {
      MpMessage *result = get_end (self, i)->result;

      if (g_strcmp0 (mp_message_get_codec (result), codec) != 0)
        {
          g_set_error (error, MP_ERROR, MP_ERROR_WRONG_CODEC,
                       "Results of several codecs are to be had one by one only: item %u is \"%s\", others are \"%s\"",
                       i, mp_message_get_codec (result), codec);
          g_variant_builder_clear (&builder);
          return NULL;
        }
      g_variant_builder_add_value (&builder,
                                   g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING,
                                                             mp_message_get_body_bytes (result), TRUE));
    }

  array = g_variant_ref_sink (g_variant_builder_end (&builder));
  bytes = g_variant_get_data_as_bytes (array);
  return mp_message_new_bytes (bytes, codec);
}

/*< private >
 * mp_task_collect_result:
 *
 * Needs no lock: nothing of an item changes that has ended.
 *
 * Returns: (transfer full) (nullable): the result of a task that has ended well; of
 *   a map all results in one message, like items are
 */
MpMessage *
mp_task_collect_result (MpTask  *self,
                        GError **error)
{
  const char *codec;

  if (!self->is_map)
    return mp_task_dup_item (self, 0, error);

  codec = self->ends->len > 0 ? mp_message_get_codec (get_end (self, 0)->result) : "gvariant";
  if (g_strcmp0 (codec, "gvariant") == 0)
    return collect_values (self, error);

  return collect_encoded (self, codec, error);
}

/* --- iteration -------------------------------------------------------------------------------------------- */

/*< private >
 * mp_task_has_next:
 *
 * Returns: whether a result is there to be taken
 */
gboolean
mp_task_has_next (MpTask *self)
{
  if (!self->is_ordered)
    return self->n_news_taken < self->news->len;

  return self->cursor < self->scheduled.n_items && get_end (self, self->cursor)->state != MP_TASK_STATE_PENDING;
}

gboolean
mp_task_is_exhausted (MpTask *self)
{
  return !self->scheduled.open && self->cursor == self->scheduled.n_items;
}

static gboolean
is_taken (const MpItemEnd *end)
{
  return end->state != MP_TASK_STATE_PENDING && end->result == NULL;
}

static void
give_up_taken_news (MpTask *self)
{
  if (self->n_news_taken < TAKEN_MIN || self->n_news_taken <= self->news->len / 2)
    return;

  g_array_remove_range (self->news, 0, self->n_news_taken);
  self->n_news_taken = 0;
}

static void
give_up_taken (MpTask *self)
{
  guint n = 0;

  give_up_taken_news (self);
  if (self->cursor - self->first_end < TAKEN_MIN || self->cursor - self->first_end <= self->ends->len / 2)
    return;

  while (n < self->ends->len && is_taken (&g_array_index (self->ends, MpItemEnd, n)))
    n++;
  if (n < TAKEN_MIN)
    return;

  g_array_remove_range (self->ends, 0, n);
  self->first_end += n;
}

/*< private >
 * mp_task_take_next:
 *
 * Returns: (transfer full) (nullable): the result that mp_task_has_next() said
 *   is there, or %NULL with the failure that is in its place
 */
MpMessage *
mp_task_take_next (MpTask  *self,
                   GError **error)
{
  g_autoptr (MpMessage) result = NULL;
  guint64 index;
  MpItemEnd *end;

  if (self->is_ordered)
    index = self->cursor;
  else
    index = g_array_index (self->news, guint64, self->n_news_taken++);
  self->cursor++;

  end = get_end (self, index);
  g_clear_pointer (&self->failure, mp_failure_free);
  if (end->state == MP_TASK_STATE_DONE)
    result = g_steal_pointer (&end->result);
  else
    {
      self->failure = g_steal_pointer (&end->failure);
      set_failure (self->failure, error);
    }

  give_up_taken (self);
  return g_steal_pointer (&result);
}

/*< private >
 * mp_task_tell_end:
 *
 * Returns: (transfer full): what takes the place of a result after the last one
 */
GError *
mp_task_tell_end (MpTask *self)
{
  self->end_was_told = TRUE;
  return g_error_new_literal (MP_ERROR, MP_ERROR_CLOSED, "There are no more results");
}

/* --- telling ---------------------------------------------------------------------------------------------- */

/*< private >
 * mp_task_begin_news:
 * @self: a map that is not iterated
 *
 * Before its items are told, and what is new of the task after them.  Those that
 * come meanwhile are told the next time: that would never come to its end where
 * they come faster than they are told.
 */
void
mp_task_begin_news (MpTask *self)
{
  if (self->n_news_due == 0)
    self->n_news_due = self->news->len - self->n_news_taken;
}

/*< private >
 * mp_task_has_news:
 *
 * Returns: whether an item is to be told before what is new of the task; its end is the last
 */
gboolean
mp_task_has_news (MpTask *self)
{
  if (mp_task_has_ended (self))
    mp_task_begin_news (self);

  return self->n_news_due > 0;
}

/*< private >
 * mp_task_take_news:
 *
 * Returns: the item that mp_task_has_news() said is there
 */
guint64
mp_task_take_news (MpTask *self)
{
  guint64 index = g_array_index (self->news, guint64, self->n_news_taken++);

  self->n_news_due--;
  give_up_taken_news (self);
  return index;
}

/*< private >
 * mp_task_drop_news:
 *
 * The ends of items so far need not be told, or have been.
 */
void
mp_task_drop_news (MpTask *self)
{
  g_array_unref (self->news);
  self->news = g_array_new (FALSE, FALSE, sizeof (guint64));
  self->n_news_taken = self->n_news_due = 0;
}

/* --- waiting ---------------------------------------------------------------------------------------------- */

/*< private >
 * mp_task_add_waiter:
 * @waiter: (transfer full): ends when @done says so; keeps @self alive
 * @data: for @done; @waiter keeps it alive
 */
void
mp_task_add_waiter (MpTask       *self,
                    MpPump       *pump,
                    GTask        *waiter,
                    gint64        deadline,
                    MpWaiterDone  done,
                    gpointer      data)
{
  if (self->waiters == NULL)
    self->waiters = mp_waiters_new (pump);

  mp_waiters_add_locked (self->waiters, waiter, deadline, done, data);
}

/*< private >
 * mp_task_check_waiters:
 *
 * To be called when there is something that one may wait for.
 */
void
mp_task_check_waiters (MpTask *self)
{
  if (self->waiters != NULL)
    mp_waiters_check_locked (self->waiters);
}
