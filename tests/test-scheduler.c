/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <mpglib.h>

#include "mp-restart-budget-private.h"
#include "mp-scheduler-private.h"

static void
assert_assignment (MpScheduler       *scheduler,
                   gint64             now,
                   MpScheduledWorker *worker,
                   MpScheduledTask   *task,
                   guint64            first,
                   guint64            count)
{
  MpAssignment assignment;

  g_assert_true (mp_scheduler_assign (scheduler, now, &assignment));
  g_assert_true (assignment.worker == worker);
  g_assert_true (assignment.task == task);
  g_assert_cmpuint (assignment.items.first, ==, first);
  g_assert_cmpuint (assignment.items.count, ==, count);
}

static void
assert_nothing_to_assign (MpScheduler *scheduler)
{
  MpAssignment assignment;

  g_assert_false (mp_scheduler_assign (scheduler, 0, &assignment));
}

static void
test_calls (void)
{
  MpScheduler scheduler;
  MpScheduledTask tasks[3];
  MpScheduledWorker workers[2];

  g_test_summary ("Calls go to idle workers in the order in which they were submitted.");

  mp_scheduler_init (&scheduler);
  for (guint i = 0; i < 3; i++)
    {
      mp_scheduled_task_init (&tasks[i], 100 + i, 1, 0);
      mp_scheduler_add_task (&scheduler, &tasks[i]);
    }
  assert_nothing_to_assign (&scheduler);

  mp_scheduler_add_worker (&scheduler, &workers[0]);
  assert_assignment (&scheduler, 0, &workers[0], &tasks[0], 0, 1);
  assert_nothing_to_assign (&scheduler);
  mp_scheduler_add_worker (&scheduler, &workers[1]);
  assert_assignment (&scheduler, 0, &workers[1], &tasks[1], 0, 1);
  assert_nothing_to_assign (&scheduler);

  g_assert_true (mp_scheduler_answer (&scheduler, &workers[1], 101, 0, 0));
  g_assert_true (mp_scheduled_task_has_ended (&tasks[1]));
  g_assert_false (mp_scheduled_task_has_ended (&tasks[0]));
  assert_assignment (&scheduler, 0, &workers[1], &tasks[2], 0, 1);
  g_assert_false (mp_scheduler_has_waiting (&scheduler));

  g_assert_true (mp_scheduler_answer (&scheduler, &workers[0], 100, 0, 0));
  g_assert_true (mp_scheduler_answer (&scheduler, &workers[1], 102, 0, 0));
  assert_nothing_to_assign (&scheduler);
}

static void
test_fixed_chunks (void)
{
  MpScheduler scheduler;
  MpScheduledTask task;
  MpScheduledWorker workers[2];

  g_test_summary ("Chunks have the size that was asked for, but for the last one.");

  mp_scheduler_init (&scheduler);
  mp_scheduled_task_init (&task, 1, 7, 3);
  mp_scheduler_add_task (&scheduler, &task);
  mp_scheduler_add_worker (&scheduler, &workers[0]);
  mp_scheduler_add_worker (&scheduler, &workers[1]);

  assert_assignment (&scheduler, 0, &workers[1], &task, 0, 3);
  assert_assignment (&scheduler, 0, &workers[0], &task, 3, 3);
  for (guint i = 3; i < 6; i++)
    {
      assert_nothing_to_assign (&scheduler);
      g_assert_true (mp_scheduler_answer (&scheduler, &workers[0], 1, i, 0));
    }
  assert_assignment (&scheduler, 0, &workers[0], &task, 6, 1);
}

static void
test_tuned_chunks (void)
{
  MpScheduler scheduler;
  MpScheduledTask task;
  MpScheduledWorker workers[2];

  g_test_summary ("Chunks grow to some milliseconds of work and shrink towards the end.");

  mp_scheduler_init (&scheduler);
  mp_scheduled_task_init (&task, 1, 1002, 0);
  mp_scheduler_add_task (&scheduler, &task);
  mp_scheduler_add_worker (&scheduler, &workers[0]);
  mp_scheduler_add_worker (&scheduler, &workers[1]);

  /* The first items measure: 100 µs */
  assert_assignment (&scheduler, 1000, &workers[1], &task, 0, 1);
  assert_assignment (&scheduler, 1000, &workers[0], &task, 1, 1);
  g_assert_true (mp_scheduler_answer (&scheduler, &workers[0], 1, 1, 1100));
  assert_assignment (&scheduler, 1100, &workers[0], &task, 2, 50);

  /* They become so short that the size is bounded by what is left, a quarter for each of two */
  for (guint i = 2; i < 52; i++)
    g_assert_true (mp_scheduler_answer (&scheduler, &workers[0], 1, i, 1101));
  for (guint i = 0; i < 20; i++)
    {
      MpAssignment assignment;

      g_assert_true (mp_scheduler_assign (&scheduler, 1101, &assignment));
      g_assert_cmpuint (assignment.items.count, <=, (1002 - assignment.items.first + 7) / 8);
      for (guint j = 0; j < assignment.items.count; j++)
        g_assert_true (mp_scheduler_answer (&scheduler, &workers[0], 1, assignment.items.first + j, 1101));
    }
  assert_assignment (&scheduler, 1101, &workers[0], &task, task.next, (1002 - task.next + 7) / 8);
}

static void
test_tuned_long_items (void)
{
  MpScheduler scheduler;
  MpScheduledTask task;
  MpScheduledWorker worker;

  g_test_summary ("Items that take longer than a chunk is to take go one by one.");

  mp_scheduler_init (&scheduler);
  mp_scheduled_task_init (&task, 1, 1000, 0);
  mp_scheduler_add_task (&scheduler, &task);
  mp_scheduler_add_worker (&scheduler, &worker);

  for (guint i = 0; i < 1000; i++)
    {
      assert_assignment (&scheduler, i * 20000, &worker, &task, i, 1);
      g_assert_true (mp_scheduler_answer (&scheduler, &worker, 1, i, i * 20000 + 20000));
    }
  g_assert_true (mp_scheduled_task_has_ended (&task));
}

static void
test_lost_worker (void)
{
  MpScheduler scheduler;
  MpScheduledTask task;
  MpScheduledWorker workers[2];
  MpItemRange dropped;
  guint64 lost;

  g_test_summary ("With a worker only the item is lost that it was running; the rest of its chunk goes to others.");

  mp_scheduler_init (&scheduler);
  mp_scheduled_task_init (&task, 1, 10, 5);
  mp_scheduler_add_task (&scheduler, &task);
  mp_scheduler_add_worker (&scheduler, &workers[0]);
  assert_assignment (&scheduler, 0, &workers[0], &task, 0, 5);
  g_assert_true (mp_scheduler_answer (&scheduler, &workers[0], 1, 0, 0));
  g_assert_true (mp_scheduler_answer (&scheduler, &workers[0], 1, 1, 0));

  g_assert_true (mp_scheduler_remove_worker (&scheduler, &workers[0], &lost, &dropped));
  g_assert_cmpuint (lost, ==, 2);
  g_assert_cmpuint (dropped.count, ==, 0);
  g_assert_cmpuint (task.n_ended, ==, 3);

  mp_scheduler_add_worker (&scheduler, &workers[1]);
  assert_assignment (&scheduler, 0, &workers[1], &task, 3, 2);
  g_assert_true (mp_scheduler_answer (&scheduler, &workers[1], 1, 3, 0));
  g_assert_true (mp_scheduler_answer (&scheduler, &workers[1], 1, 4, 0));
  assert_assignment (&scheduler, 0, &workers[1], &task, 5, 5);

  g_assert_true (mp_scheduler_remove_worker (&scheduler, &workers[1], &lost, &dropped));
  g_assert_cmpuint (lost, ==, 5);
  mp_scheduler_add_worker (&scheduler, &workers[0]);
  assert_assignment (&scheduler, 0, &workers[0], &task, 6, 4);
  for (guint i = 6; i < 10; i++)
    g_assert_true (mp_scheduler_answer (&scheduler, &workers[0], 1, i, 0));
  g_assert_true (mp_scheduled_task_has_ended (&task));

  g_assert_false (mp_scheduler_remove_worker (&scheduler, &workers[0], &lost, &dropped));
  mp_scheduled_task_clear (&task);
}

static void
test_wrong_answers (void)
{
  MpScheduler scheduler;
  MpScheduledTask task;
  MpScheduledWorker worker;
  MpItemRange dropped;

  g_test_summary ("Whatever a worker says that it was not asked is told apart and changes nothing.");

  mp_scheduler_init (&scheduler);
  mp_scheduled_task_init (&task, 1, 4, 2);
  mp_scheduler_add_worker (&scheduler, &worker);
  g_assert_false (mp_scheduler_answer (&scheduler, &worker, 1, 0, 0));
  g_assert_false (mp_scheduler_give_back (&scheduler, &worker, 1, 0, &dropped));

  mp_scheduler_add_task (&scheduler, &task);
  assert_assignment (&scheduler, 0, &worker, &task, 0, 2);
  g_assert_false (mp_scheduler_answer (&scheduler, &worker, 2, 0, 0));
  g_assert_false (mp_scheduler_answer (&scheduler, &worker, 1, 1, 0));
  g_assert_false (mp_scheduler_answer (&scheduler, &worker, 1, G_MAXUINT64, 0));
  g_assert_true (mp_scheduler_answer (&scheduler, &worker, 1, 0, 0));
  g_assert_false (mp_scheduler_answer (&scheduler, &worker, 1, 0, 0));
  g_assert_false (mp_scheduler_give_back (&scheduler, &worker, 1, 0, &dropped));
  g_assert_false (mp_scheduler_give_back (&scheduler, &worker, 1, 3, &dropped));
  g_assert_false (mp_scheduler_give_back (&scheduler, &worker, 1, G_MAXUINT64, &dropped));
  g_assert_cmpuint (task.n_ended, ==, 1);
  g_assert_cmpuint (mp_scheduled_task_get_n_waiting (&task), ==, 2);
}

static void
test_drop (void)
{
  g_autoptr (GArray) dropped = g_array_new (FALSE, FALSE, sizeof (MpItemRange));
  MpScheduler scheduler;
  MpScheduledTask task;
  MpScheduledWorker workers[2];
  MpItemRange rest;
  guint64 lost;

  g_test_summary ("Dropping ends what waits at once, and what comes back then.");

  mp_scheduler_init (&scheduler);
  mp_scheduled_task_init (&task, 1, 20, 5);
  mp_scheduler_add_task (&scheduler, &task);
  mp_scheduler_add_worker (&scheduler, &workers[0]);
  mp_scheduler_add_worker (&scheduler, &workers[1]);
  assert_assignment (&scheduler, 0, &workers[1], &task, 0, 5);
  assert_assignment (&scheduler, 0, &workers[0], &task, 5, 5);

  mp_scheduler_drop_task (&scheduler, &task, dropped);
  g_assert_cmpuint (dropped->len, ==, 1);
  g_assert_cmpuint (g_array_index (dropped, MpItemRange, 0).first, ==, 10);
  g_assert_cmpuint (g_array_index (dropped, MpItemRange, 0).count, ==, 10);
  g_assert_false (mp_scheduler_has_waiting (&scheduler));
  g_assert_false (mp_scheduled_task_has_ended (&task));

  /* One worker acknowledges: it runs item 1 and begins no other */
  g_assert_true (mp_scheduler_answer (&scheduler, &workers[1], 1, 0, 0));
  g_assert_true (mp_scheduler_give_back (&scheduler, &workers[1], 1, 2, &rest));
  g_assert_cmpuint (rest.first, ==, 2);
  g_assert_cmpuint (rest.count, ==, 3);
  g_assert_true (mp_scheduler_answer (&scheduler, &workers[1], 1, 1, 0));
  g_assert_null (workers[1].task);

  /* The other one dies of it */
  g_assert_true (mp_scheduler_remove_worker (&scheduler, &workers[0], &lost, &rest));
  g_assert_cmpuint (lost, ==, 5);
  g_assert_cmpuint (rest.first, ==, 6);
  g_assert_cmpuint (rest.count, ==, 4);
  g_assert_true (mp_scheduled_task_has_ended (&task));
  assert_nothing_to_assign (&scheduler);
}

static void
test_lazy_items (void)
{
  MpScheduler scheduler;
  MpScheduledTask task;
  MpScheduledWorker worker;

  g_test_summary ("A task with lazy input ends when its input has ended, not when it runs dry.");

  mp_scheduler_init (&scheduler);
  mp_scheduled_task_init (&task, 1, 0, 2);
  task.open = TRUE;
  mp_scheduler_add_task (&scheduler, &task);
  mp_scheduler_add_worker (&scheduler, &worker);
  assert_nothing_to_assign (&scheduler);
  g_assert_false (mp_scheduled_task_has_ended (&task));

  mp_scheduler_add_items (&scheduler, &task, 1);
  assert_assignment (&scheduler, 0, &worker, &task, 0, 1);
  mp_scheduler_add_items (&scheduler, &task, 3);
  g_assert_true (mp_scheduler_answer (&scheduler, &worker, 1, 0, 0));
  assert_assignment (&scheduler, 0, &worker, &task, 1, 2);
  task.open = FALSE;
  g_assert_true (mp_scheduler_answer (&scheduler, &worker, 1, 1, 0));
  g_assert_true (mp_scheduler_answer (&scheduler, &worker, 1, 2, 0));
  assert_assignment (&scheduler, 0, &worker, &task, 3, 1);
  g_assert_true (mp_scheduler_answer (&scheduler, &worker, 1, 3, 0));
  g_assert_true (mp_scheduled_task_has_ended (&task));
}

static void
test_empty (void)
{
  MpScheduler scheduler;
  MpScheduledTask task;

  g_test_summary ("A task without items has ended at once.");

  mp_scheduler_init (&scheduler);
  mp_scheduled_task_init (&task, 1, 0, 0);
  mp_scheduler_add_task (&scheduler, &task);
  g_assert_false (mp_scheduler_has_waiting (&scheduler));
  g_assert_true (mp_scheduled_task_has_ended (&task));
}

/* --- a model: random events, every item counted ----------------------------------------------------------- */

#define N_TASKS   6
#define N_WORKERS 5
#define MAX_ITEMS 200

typedef struct
{
  MpScheduler scheduler;
  MpScheduledTask tasks[N_TASKS];
  gboolean dropped[N_TASKS];
  guint n_ends[N_TASKS][MAX_ITEMS];
  gboolean in_hand[N_TASKS][MAX_ITEMS];
  MpScheduledWorker workers[N_WORKERS];
  gboolean alive[N_WORKERS];
  guint64 next[N_WORKERS]; /* what the worker runs, and where its chunk ends */
  guint64 end[N_WORKERS];
  gint64 now;
} Model;

static guint
get_task_number (Model           *model,
                 MpScheduledTask *task)
{
  return (guint) (task - model->tasks);
}

static void
count_ends (Model       *model,
            guint        task,
            MpItemRange  range)
{
  for (guint64 i = range.first; i < range.first + range.count; i++)
    {
      model->n_ends[task][i]++;
      model->in_hand[task][i] = FALSE;
    }
}

static void
count_returned (Model   *model,
                guint    task,
                guint64  first,
                guint64  end)
{
  for (guint64 i = first; i < end; i++)
    model->in_hand[task][i] = FALSE;
}

static void
model_assign (Model *model)
{
  MpAssignment assignment;

  while (mp_scheduler_assign (&model->scheduler, model->now, &assignment))
    {
      guint w = (guint) (assignment.worker - model->workers);
      guint t = get_task_number (model, assignment.task);

      g_assert_true (model->alive[w]);
      g_assert_false (model->dropped[t]);
      g_assert_cmpuint (assignment.items.count, >, 0);
      for (guint64 i = 0; i < assignment.items.count; i++)
        {
          g_assert_false (model->in_hand[t][assignment.items.first + i]);
          g_assert_cmpuint (model->n_ends[t][assignment.items.first + i], ==, 0);
          model->in_hand[t][assignment.items.first + i] = TRUE;
        }
      model->next[w] = assignment.items.first;
      model->end[w] = assignment.items.first + assignment.items.count;
    }
}

static void
model_answer (Model *model,
              guint  w)
{
  MpScheduledTask *task = model->workers[w].task;

  if (task == NULL)
    return;
  g_assert_true (mp_scheduler_answer (&model->scheduler, &model->workers[w], task->serial, model->next[w], model->now));
  count_ends (model, get_task_number (model, task), (MpItemRange) { model->next[w]++, 1 });
}

static void
model_kill (Model *model,
            guint  w)
{
  MpScheduledTask *task = model->workers[w].task;
  MpItemRange dropped;
  guint64 lost;

  model->alive[w] = FALSE;
  if (!mp_scheduler_remove_worker (&model->scheduler, &model->workers[w], &lost, &dropped))
    {
      g_assert_null (task);
      return;
    }
  g_assert_cmpuint (lost, ==, model->next[w]);
  count_ends (model, get_task_number (model, task), (MpItemRange) { lost, 1 });
  count_ends (model, get_task_number (model, task), dropped);
  count_returned (model, get_task_number (model, task), lost + 1, model->end[w]);
}

static void
model_give_back (Model *model,
                 guint  w)
{
  MpScheduledTask *task = model->workers[w].task;
  MpItemRange dropped;
  guint64 first;

  if (task == NULL)
    return;
  first = (guint64) g_test_rand_int_range ((gint32) model->next[w], (gint32) model->end[w] + 1);
  g_assert_true (mp_scheduler_give_back (&model->scheduler, &model->workers[w], task->serial, first, &dropped));
  count_ends (model, get_task_number (model, task), dropped);
  count_returned (model, get_task_number (model, task), first, model->end[w]);
  model->end[w] = first;
}

static void
model_drop (Model *model,
            guint  t)
{
  g_autoptr (GArray) dropped = g_array_new (FALSE, FALSE, sizeof (MpItemRange));

  mp_scheduler_drop_task (&model->scheduler, &model->tasks[t], dropped);
  model->dropped[t] = TRUE;
  for (guint i = 0; i < dropped->len; i++)
    count_ends (model, t, g_array_index (dropped, MpItemRange, i));
}

static gboolean
model_has_ended (Model *model)
{
  for (guint t = 0; t < N_TASKS; t++)
    {
      if (!mp_scheduled_task_has_ended (&model->tasks[t]))
        return FALSE;
    }
  return TRUE;
}

static void
model_step (Model *model)
{
  guint w = (guint) g_test_rand_int_range (0, N_WORKERS);
  gint32 event = g_test_rand_int_range (0, 100);

  model->now += g_test_rand_int_range (0, 300);
  if (!model->alive[w])
    {
      mp_scheduler_add_worker (&model->scheduler, &model->workers[w]);
      model->alive[w] = TRUE;
    }
  else if (event < 85)
    model_answer (model, w);
  else if (event < 93)
    model_kill (model, w);
  else if (event < 99)
    model_give_back (model, w);
  else if (g_test_rand_int_range (0, 4) == 0)
    model_drop (model, (guint) g_test_rand_int_range (0, N_TASKS));
  model_assign (model);
}

static void
test_model (void)
{
  g_test_summary ("Whatever answers, dies, gives back and is dropped: each item ends exactly once.");

  for (guint round = 0; round < 300; round++)
    {
      g_autofree Model *model = g_new0 (Model, 1);

      mp_scheduler_init (&model->scheduler);
      for (guint t = 0; t < N_TASKS; t++)
        {
          int chunk_size = g_test_rand_int_range (-10, 10);

          mp_scheduled_task_init (&model->tasks[t], t, (guint64) g_test_rand_int_range (0, MAX_ITEMS),
                                  (guint) MAX (0, chunk_size));
          mp_scheduler_add_task (&model->scheduler, &model->tasks[t]);
        }

      while (!model_has_ended (model))
        model_step (model);

      for (guint t = 0; t < N_TASKS; t++)
        {
          for (guint64 i = 0; i < model->tasks[t].n_items; i++)
            g_assert_cmpuint (model->n_ends[t][i], ==, 1);
          mp_scheduled_task_clear (&model->tasks[t]);
        }
      g_assert_false (mp_scheduler_has_waiting (&model->scheduler));
    }
}

/* --- restarts --------------------------------------------------------------------------------------------- */

static void
test_restart_fruitful (void)
{
  MpRestartBudget budget = { 0, };

  g_test_summary ("Workers that die with work in hand are replaced for ever.");

  for (guint i = 0; i < 1000; i++)
    {
      mp_restart_budget_worker_ended (&budget, MP_WORKER_END_FRUITFUL, i);
      g_assert_true (mp_restart_budget_may_start (&budget, 0, i));
    }
}

static void
test_restart_killed (void)
{
  MpRestartBudget budget = { 0, };
  const gint64 later = 10 + MP_RESTART_BUDGET_PERIOD;

  g_test_summary ("Workers that are killed without having done anything are replaced some times in a row.");

  for (guint i = 0; i < MP_RESTART_BUDGET_MAX; i++)
    {
      g_assert_true (mp_restart_budget_may_start (&budget, 0, 10));
      mp_restart_budget_worker_ended (&budget, MP_WORKER_END_KILLED, 10);
    }
  g_assert_false (mp_restart_budget_may_start (&budget, 0, 10));
  g_assert_false (mp_restart_budget_may_start (&budget, 3, 10));
  g_assert_true (mp_restart_budget_may_start (&budget, 0, later));

  /* Half of them, then one that worked */
  mp_restart_budget_renew (&budget);
  for (guint i = 0; i < 100; i++)
    {
      mp_restart_budget_worker_ended (&budget, MP_WORKER_END_KILLED, 10);
      mp_restart_budget_worker_ended (&budget, MP_WORKER_END_KILLED, 10);
      mp_restart_budget_worker_ended (&budget, MP_WORKER_END_FRUITFUL, 10);
      g_assert_true (mp_restart_budget_may_start (&budget, 0, 10));
    }

  /* Now and then is not in a row */
  for (guint i = 0; i < 100; i++)
    {
      mp_restart_budget_worker_ended (&budget, MP_WORKER_END_KILLED, i * later);
      g_assert_true (mp_restart_budget_may_start (&budget, 0, i * later));
    }
}

static void
test_restart_failed (void)
{
  MpRestartBudget budget = { 0, };

  g_test_summary ("A worker that cannot start is not replaced until one could, or until there is new work.");

  mp_restart_budget_worker_ended (&budget, MP_WORKER_END_FAILED, 10);
  g_assert_false (mp_restart_budget_may_start (&budget, 0, 10));
  g_assert_false (mp_restart_budget_may_start (&budget, 0, G_MAXINT64));
  g_assert_true (mp_restart_budget_may_start (&budget, 1, 10));

  mp_restart_budget_worker_ready (&budget);
  g_assert_true (mp_restart_budget_may_start (&budget, 0, 10));

  mp_restart_budget_worker_ended (&budget, MP_WORKER_END_FAILED, 10);
  mp_restart_budget_renew (&budget);
  g_assert_true (mp_restart_budget_may_start (&budget, 0, 10));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/scheduler/calls", test_calls);
  g_test_add_func ("/scheduler/fixed-chunks", test_fixed_chunks);
  g_test_add_func ("/scheduler/tuned-chunks", test_tuned_chunks);
  g_test_add_func ("/scheduler/tuned-long-items", test_tuned_long_items);
  g_test_add_func ("/scheduler/lost-worker", test_lost_worker);
  g_test_add_func ("/scheduler/wrong-answers", test_wrong_answers);
  g_test_add_func ("/scheduler/drop", test_drop);
  g_test_add_func ("/scheduler/lazy-items", test_lazy_items);
  g_test_add_func ("/scheduler/empty", test_empty);
  g_test_add_func ("/scheduler/model", test_model);
  g_test_add_func ("/restart-budget/fruitful", test_restart_fruitful);
  g_test_add_func ("/restart-budget/killed", test_restart_killed);
  g_test_add_func ("/restart-budget/failed", test_restart_failed);
  return g_test_run ();
}
