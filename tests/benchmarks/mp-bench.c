/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "mp-bench.h"

/* Every program prints lines `own.NAME value unit`: the median of its samples,
 * and their extremes as own.NAME.lo and .hi, so that a table can set them beside
 * other libraries measured in the same run.  Arguments are parts of the names
 * to measure; without any, all are.
 *
 *   BENCH_MS      length of a sample in milliseconds (150)
 *   BENCH_REPS    samples for each number (5)
 *   BENCH_GAP_MS  rest before each sample (0)
 *   BENCH_PIN     split, same or none: on which CPUs the two processes of a
 *                 measurement run (split)
 */
#define MAX_SAMPLES 64

/* Of what is measured once a time: as many as fit into the samples' time, within these. */
#define MIN_TIMES 20
#define MAX_TIMES 2000

static int n_patterns;
static char **patterns;
static gint64 sample_nsec;
static int n_samples;
static gulong gap_usec;

static int
get_setting (const char *name,
             int         fallback,
             int         lowest,
             int         highest)
{
  const char *text = g_getenv (name);
  int wanted = text != NULL ? atoi (text) : fallback;

  return CLAMP (wanted, lowest, highest);
}

void
mp_bench_init (int   argc,
               char *argv[])
{
  n_patterns = argc - 1;
  patterns = argv + 1;
  sample_nsec = get_setting ("BENCH_MS", 150, 1, 60000) * G_GINT64_CONSTANT (1000000);
  n_samples = get_setting ("BENCH_REPS", 5, 1, MAX_SAMPLES);
  gap_usec = (gulong) get_setting ("BENCH_GAP_MS", 0, 0, 60000) * 1000;
}

/* Keeps the calling thread, which is that of one of two processes, on a CPU of its own:
 * whether they share one changes their numbers tenfold, and the yardsticks say so too.
 */
void
mp_bench_pin (guint side)
{
  const char *pin = g_getenv ("BENCH_PIN");
  guint cpu = g_strcmp0 (pin, "same") == 0 ? 0 : side % g_get_num_processors ();
  cpu_set_t set;

  if (g_strcmp0 (pin, "none") == 0)
    return;

  CPU_ZERO (&set);
  CPU_SET (cpu, &set);
  sched_setaffinity (0, sizeof set, &set);
}

/* Before a fork: a child has the mask of its parent. */
void
mp_bench_unpin (void)
{
  cpu_set_t set;

  CPU_ZERO (&set);
  for (int i = 0; i < CPU_SETSIZE; i++)
    CPU_SET (i, &set);
  sched_setaffinity (0, sizeof set, &set);
}

static gboolean
is_wanted (const char *name)
{
  for (int i = 0; i < n_patterns; i++)
    {
      if (strstr (name, patterns[i]) != NULL)
        return TRUE;
    }

  return n_patterns == 0;
}

/* Nanoseconds of the clock that all processes have. */
gint64
mp_bench_get_time (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * G_GINT64_CONSTANT (1000000000) + now.tv_nsec;
}

/* At least 1, since a fast operation can be done within one tick of the clock. */
static gint64
measure (MpBenchFunc func,
         gpointer    user_data,
         guint64     n)
{
  gint64 start = mp_bench_get_time (), end;

  func (n, user_data);
  end = mp_bench_get_time ();
  return MAX (end - start, 1);
}

/* How often the operation fits into a sample.  Warms everything up, too.  What took long
 * is done once more: it may have been somebody else that did.
 */
static guint64
calibrate (MpBenchFunc func,
           gpointer    user_data)
{
  guint64 n = 1;

  for (;;)
    {
      gint64 nsec = measure (func, user_data, n);

      if (nsec > sample_nsec / 4)
        {
          gint64 again = measure (func, user_data, n);

          nsec = MIN (nsec, again);
        }
      if (nsec > sample_nsec / 4)
        return MAX (n * (guint64) sample_nsec / (guint64) nsec, 1);

      n *= nsec < sample_nsec / 64 ? 8 : 2;
    }
}

static gdouble
convert (gint64      nsec,
         guint64     n,
         MpBenchUnit unit)
{
  gdouble each = (gdouble) nsec / (gdouble) n;

  switch (unit)
    {
    case MP_BENCH_NANOSECONDS:
      return each;
    case MP_BENCH_MICROSECONDS:
      return each / 1000;
    case MP_BENCH_PER_SECOND:
    default:
      return 1e9 / each;
    }
}

static int
compare (gconstpointer a,
         gconstpointer b)
{
  const gdouble *x = a;
  const gdouble *y = b;

  return (*x > *y) - (*x < *y);
}

static void
print_samples (const char  *name,
               gdouble     *samples,
               int          n,
               MpBenchUnit  unit)
{
  static const char *unit_names[] = { "ns", "us", "/s" };
  gdouble median;

  qsort (samples, (gsize) n, sizeof *samples, compare);
  median = (samples[(n - 1) / 2] + samples[n / 2]) / 2;

  g_print ("own.%s %.6g %s\n", name, median, unit_names[unit]);
  g_print ("own.%s.lo %.6g %s\n", name, samples[0], unit_names[unit]);
  g_print ("own.%s.hi %.6g %s\n", name, samples[n - 1], unit_names[unit]);
}

void
mp_bench_run (const char  *name,
              MpBenchUnit  unit,
              MpBenchFunc  func,
              gpointer     user_data)
{
  gdouble samples[MAX_SAMPLES];
  guint64 n;

  if (!is_wanted (name))
    return;

  n = calibrate (func, user_data);
  for (int i = 0; i < n_samples; i++)
    {
      if (gap_usec > 0)
        g_usleep (gap_usec); /* house: no-sleep: leaves the machine to others between two samples */
      samples[i] = convert (measure (func, user_data, n), n, unit);
    }

  print_samples (name, samples, n_samples, unit);
}

/* For what has a part that does not count, such as a process to be killed. */
void
mp_bench_run_once (const char      *name,
                   MpBenchUnit      unit,
                   MpBenchOnceFunc  func,
                   gpointer         user_data)
{
  gdouble samples[MAX_TIMES];
  gint64 end = mp_bench_get_time () + sample_nsec * n_samples;
  int n = 0;

  if (!is_wanted (name))
    return;

  func (user_data); /* warms everything up */
  while (n < MIN_TIMES || (n < MAX_TIMES && mp_bench_get_time () < end))
    samples[n++] = convert (func (user_data), 1, unit);

  print_samples (name, samples, n, unit);
}

/* For what says itself how much it did in the time that it is given, such as many processes together. */
void
mp_bench_run_rate (const char      *name,
                   MpBenchRateFunc  func,
                   gpointer         user_data)
{
  gdouble samples[MAX_SAMPLES];

  if (!is_wanted (name))
    return;

  for (int i = 0; i < n_samples; i++)
    {
      if (gap_usec > 0)
        g_usleep (gap_usec); /* house: no-sleep: leaves the machine to others between two samples */
      samples[i] = func (sample_nsec, user_data);
    }

  print_samples (name, samples, n_samples, MP_BENCH_PER_SECOND);
}
