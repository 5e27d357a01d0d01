/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

/* The compiler has the library call these functions, which it names, in each block of code
 * (-fsanitize-coverage=trace-pc) and before each comparison (trace-cmp).
 */

#include "config.h"

#include <string.h>

#include "fuzz-coverage.h"

#define N_STEPS (1u << 16)

/* How often this input took each step, up to 255; and for all inputs before a bit for each order of
 * magnitude of that.
 */
static guint8 now[N_STEPS];
static guint8 before[N_STEPS];
static guint n_steps;

/* The comparisons of late, so that there is room for what a new input meets. */
#define N_NUMBERS 256

typedef struct
{
  guint64 value;
  gsize size;
} Number;

static Number numbers[N_NUMBERS];
static guint n_numbers;

/* Of the thread that feeds the input alone: what others do does not depend on that. */
static __thread gboolean is_counting;
static __thread guintptr last_place;

void
coverage_begin (void)
{
  last_place = 0;
  is_counting = TRUE;
}

static guint8
get_magnitude (guint8 count)
{
  return (guint8) (1u << (g_bit_storage (count) - 1));
}

gboolean
coverage_end (void)
{
  gboolean is_more = FALSE;

  is_counting = FALSE;
  for (guint i = 0; i < N_STEPS; i++)
    {
      guint8 magnitude;

      if (G_LIKELY (now[i] == 0))
        continue;

      magnitude = get_magnitude (now[i]);
      n_steps += before[i] == 0;
      is_more |= (before[i] & magnitude) == 0;
      before[i] |= magnitude;
      now[i] = 0;
    }

  return is_more;
}

guint
coverage_count (void)
{
  return n_steps;
}

guint64
coverage_pick_number (gsize *size)
{
  const Number *number;

  *size = 0;
  if (n_numbers == 0)
    return 0;

  number = &numbers[g_test_rand_int_range (0, (gint32) MIN (n_numbers, N_NUMBERS))];
  *size = number->size;
  return number->value;
}

/* --- What the compiler calls ------------------------------------------------------- */

void __sanitizer_cov_trace_pc         (void);
void __sanitizer_cov_trace_cmp1       (guint8   a,
                                       guint8   b);
void __sanitizer_cov_trace_cmp2       (guint16  a,
                                       guint16  b);
void __sanitizer_cov_trace_cmp4       (guint32  a,
                                       guint32  b);
void __sanitizer_cov_trace_cmp8       (guint64  a,
                                       guint64  b);
void __sanitizer_cov_trace_const_cmp1 (guint8   constant,
                                       guint8   b);
void __sanitizer_cov_trace_const_cmp2 (guint16  constant,
                                       guint16  b);
void __sanitizer_cov_trace_const_cmp4 (guint32  constant,
                                       guint32  b);
void __sanitizer_cov_trace_const_cmp8 (guint64  constant,
                                       guint64  b);
void __sanitizer_cov_trace_switch     (guint64  value,
                                       gpointer data);
void __sanitizer_cov_trace_cmpf       (float    a,
                                       float    b);
void __sanitizer_cov_trace_cmpd       (double   a,
                                       double   b);

void
__sanitizer_cov_trace_pc (void)
{
  guintptr place = (guintptr) __builtin_return_address (0);
  guint step = (guint) (place ^ last_place) % N_STEPS;

  if (!is_counting)
    return;

  now[step] = (guint8) MIN (now[step] + 1, 255);
  last_place = place >> 1;
}

static void
note_number (guint64 value,
             gsize   size)
{
  if (is_counting && value > 1)
    numbers[n_numbers++ % N_NUMBERS] = (Number) { value, size };
}

void
__sanitizer_cov_trace_cmp1 (guint8 a,
                            guint8 b)
{
}

void
__sanitizer_cov_trace_cmp2 (guint16 a,
                            guint16 b)
{
  note_number (a, sizeof a);
  note_number (b, sizeof b);
}

void
__sanitizer_cov_trace_cmp4 (guint32 a,
                            guint32 b)
{
  note_number (a, sizeof a);
  note_number (b, sizeof b);
}

void
__sanitizer_cov_trace_cmp8 (guint64 a,
                            guint64 b)
{
  note_number (a, sizeof a);
  note_number (b, sizeof b);
}

void
__sanitizer_cov_trace_const_cmp1 (guint8 constant,
                                  guint8 b)
{
  note_number (constant, sizeof constant);
}

void
__sanitizer_cov_trace_const_cmp2 (guint16 constant,
                                  guint16 b)
{
  note_number (constant, sizeof constant);
}

void
__sanitizer_cov_trace_const_cmp4 (guint32 constant,
                                  guint32 b)
{
  note_number (constant, sizeof constant);
}

void
__sanitizer_cov_trace_const_cmp8 (guint64 constant,
                                  guint64 b)
{
  note_number (constant, sizeof constant);
}

/* data: of the cases, their number, their bits, and they themselves */
void
__sanitizer_cov_trace_switch (guint64  value,
                              gpointer data)
{
  const guint64 *cases = data;

  for (guint64 i = 0; i < MIN (cases[0], 8); i++)
    note_number (cases[2 + i], MIN (cases[1] / 8, sizeof value));
}

void
__sanitizer_cov_trace_cmpf (float a,
                            float b)
{
}

void
__sanitizer_cov_trace_cmpd (double a,
                            double b)
{
}
