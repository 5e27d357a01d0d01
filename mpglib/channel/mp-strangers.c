/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include "mp-strangers-private.h"

#include <string.h>

/* What an honest one is given, in times of what the slowest of the last ones took: he may be one of many who come at
 * once to a busy machine.  Who was given too little time teaches nothing, so this must be so much that those who just
 * made it teach that it is to be more.
 */
#define ALLOWANCE 4

/* Between these, in µs.  The least is more than some turns of a busy processor; what a crowd takes of it is what all
 * others wait.
 */
#define LEAST_PATIENCE (40 * 1000)
#define MOST_PATIENCE  ((gint64) (MP_PREAMBLE_REFUSAL_DELAY * G_USEC_PER_SEC))

/* For the first word, which the honest say as soon as they are connected: some turns. */
#define FIRST_WORD (20 * 1000)

/* So many honest ones later that part of what a slow one took is forgotten. */
#define MEMORY 16

/* What was said and not looked at yet is looked at in this turn of the pump. */
#define TURN 1000

void
mp_strangers_init (MpStrangers    *self,
                   MpStrangerLook  look)
{
  self->look = look;
  g_queue_init (&self->groups);
  self->n = 0;
  self->slowest = 0;
}

/* --- Groups ----------------------------------------------------------------------- */

static MpStrangerGroup *
find_group (MpStrangers    *self,
            const MpWhence *whence)
{
  for (GList *l = self->groups.head; l != NULL; l = l->next)
    {
      MpStrangerGroup *group = l->data;

      if (group->whence.family == whence->family &&
          memcmp (group->whence.bytes, whence->bytes, sizeof whence->bytes) == 0)
        return group;
    }

  return NULL;
}

static guint
get_largest_length (MpStrangers *self)
{
  guint most = 0;

  for (GList *l = self->groups.head; l != NULL; l = l->next)
    most = MAX (most, ((MpStrangerGroup *) l->data)->members.length);

  return most;
}

void
mp_strangers_add (MpStrangers    *self,
                  MpStranger     *stranger,
                  const MpWhence *whence)
{
  MpStrangerGroup *group = find_group (self, whence);

  if (group == NULL)
    {
      group = g_new0 (MpStrangerGroup, 1);
      group->whence = *whence;
      g_queue_init (&group->members);
      group->link.data = group;
      g_queue_push_tail_link (&self->groups, &group->link);
    }

  stranger->group = group;
  stranger->link.data = stranger;
  g_queue_push_tail_link (&group->members, &stranger->link);
  self->n++;
}

void
mp_strangers_remove (MpStrangers *self,
                     MpStranger  *stranger)
{
  MpStrangerGroup *group = stranger->group;

  g_queue_unlink (&group->members, &stranger->link);
  self->n--;
  if (group->members.length > 0)
    return;

  g_queue_unlink (&self->groups, &group->link);
  g_free (group);
}

/*< private >
 * mp_strangers_peek:
 *
 * Returns: (nullable): any of them
 */
MpStranger *
mp_strangers_peek (MpStrangers *self)
{
  MpStrangerGroup *group = g_queue_peek_head (&self->groups);

  return group != NULL ? g_queue_peek_head (&group->members) : NULL;
}

void
mp_strangers_foreach (MpStrangers *self,
                      GFunc        func)
{
  for (GList *l = self->groups.head; l != NULL; l = l->next)
    g_queue_foreach (&((MpStrangerGroup *) l->data)->members, func, NULL);
}

/* --- Who gives way ---------------------------------------------------------------- */

/*< private >
 * mp_strangers_learn:
 *
 * A slow one is remembered for a while.
 */
void
mp_strangers_learn (MpStrangers *self,
                    gint64       took)
{
  self->slowest = MAX (took, self->slowest - self->slowest / MEMORY);
}

/* Returns from when on he gives way to others: not before what he has said was looked at. */
static gint64
get_end (MpStrangers *self,
         MpStranger  *stranger)
{
  const gint64 patience = CLAMP (ALLOWANCE * self->slowest, LEAST_PATIENCE, MOST_PATIENCE);
  gint64 since;

  switch (self->look (stranger, &since))
    {
    case MP_GREETING_REFUSED:
      return 0;

    case MP_GREETING_SILENT:
      return since + MAX (patience / 4, FIRST_WORD);

    case MP_GREETING_WAITS:
      return since + patience;

    case MP_GREETING_UNREAD:
    default:
      return G_MAXINT64;
    }
}

/* The oldest of them, if several give way at the same time. */
static MpStranger *
find_first_to_go (MpStrangers     *self,
                  MpStrangerGroup *group,
                  gint64          *end)
{
  MpStranger *first = NULL;

  for (GList *l = group->members.head; l != NULL; l = l->next)
    {
      gint64 its_end = get_end (self, l->data);

      if (first == NULL || its_end < *end)
        {
          first = l->data;
          *end = its_end;
        }
    }

  return first;
}

/* Of equally large groups: somebody who has done nothing wrong must not go because of where he comes from, while there
 * is one in another whose time is over.
 *
 * `own`: (nullable): is preferred where both give way at the same time
 */
static MpStranger *
find_first_of_largest (MpStrangers     *self,
                       MpStrangerGroup *own,
                       gint64          *end)
{
  guint most = get_largest_length (self);
  MpStranger *first = NULL;

  for (GList *l = self->groups.head; l != NULL; l = l->next)
    {
      MpStrangerGroup *group = l->data;
      MpStranger *its_first;
      gint64 its_end;

      if (group->members.length < most)
        continue;

      its_first = find_first_to_go (self, group, &its_end);
      if (first == NULL || its_end < *end || (its_end == *end && group == own))
        {
          first = its_first;
          *end = its_end;
        }
    }

  return first;
}

/*< private >
 * mp_strangers_get_next_time:
 *
 * Somebody of the largest groups must be one who gives way, wherever the next one comes from: it is he whom
 * mp_strangers_find_loser() finds.
 */
gint64
mp_strangers_get_next_time (MpStrangers *self,
                            gint64       now)
{
  gint64 end = G_MAXINT64;

  if (self->n < MP_PREAMBLE_MAX_STRANGERS)
    return 0;

  find_first_of_largest (self, NULL, &end);
  if (end <= now)
    return 0;

  return end < G_MAXINT64 ? end : now + TURN;
}

/*< private >
 * mp_strangers_find_loser:
 * @whence: where the one is from who is let in
 */
MpStranger *
mp_strangers_find_loser (MpStrangers    *self,
                         const MpWhence *whence)
{
  MpStrangerGroup *own = find_group (self, whence);
  gint64 end;

  if (!whence->is_near && own != NULL && own->members.length >= MP_PREAMBLE_MAX_OF_ONE)
    return find_first_to_go (self, own, &end);

  if (self->n < MP_PREAMBLE_MAX_STRANGERS)
    return NULL;

  return find_first_of_largest (self, own, &end);
}
