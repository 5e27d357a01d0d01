/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mp-clock-private.h"
#include "mp-futex-private.h"

#ifdef MP_THREAD_SANITIZER
MpAtomic32 mp_atomic_fence_word;
#endif

enum
{
  WAIT_MANY_UNKNOWN,
  WAIT_MANY_PRESENT,
  WAIT_MANY_MISSING,
};

static MpAtomic32 wait_many_state;

/* The kernel's struct futex_waitv, for headers from before 5.16. */
typedef struct
{
  guint64 value;
  guint64 address;
  guint32 flags;
  guint32 reserved;
} KernelWait;

G_STATIC_ASSERT (sizeof (KernelWait) == 24);

#define KERNEL_WAIT_32_BIT 2

#ifndef SYS_futex_waitv
# define SYS_futex_waitv 449
#endif

static long
futex (MpAtomic32            *word,
       int                    operation,
       guint32                value,
       const struct timespec *timeout_or_count,
       MpAtomic32            *word2,
       guint32                value3)
{
  return syscall (SYS_futex, word, operation, value, timeout_or_count, word2, value3);
}

/* The thread sanitizer does not see what the kernel writes: tell it that this
 * thread gives on all that it wrote, as a store with release would.
 */
static void
tell_sanitizer (MpAtomic32 *word)
{
#ifdef MP_THREAD_SANITIZER
  atomic_fetch_add (word, 0);
#endif
}

/* FUTEX_WAKE_OP wakes on a second word too if a comparison holds of its old value, and
 * then at least one, though it be asked for none: so it is one that never holds of
 * words here.
 */
#define OPERATION(operation, operand) \
  FUTEX_OP (FUTEX_OP_ ## operation, operand, FUTEX_OP_CMP_EQ, 0xfff)

/* A number of sleepers that is given where other operations have a timeout. */
static const struct timespec *
count_argument (gsize n_sleepers)
{
  return (const struct timespec *) n_sleepers;
}

/*< private >
 * mp_futex_wake:
 *
 * Returns: how many were woken
 */
guint
mp_futex_wake (MpAtomic32 *word,
               int         n_sleepers)
{
  return (guint) futex (word, FUTEX_WAKE, (guint32) n_sleepers, NULL, NULL, 0);
}

/*< private >
 * mp_futex_add_and_wake:
 * @addend: 0 to 2047
 *
 * Changes @word and wakes one who sleeps on it, in one system call: there is no
 * instruction between the two at which a caller could be killed or stopped.
 *
 * Returns: how many were woken, 0 or 1
 */
guint
mp_futex_add_and_wake (MpAtomic32 *word,
                       guint32     addend)
{
  tell_sanitizer (word);
  return (guint) futex (word, FUTEX_WAKE_OP, 1, count_argument (0), word,
                        (guint32) OPERATION (ADD, addend));
}

/*< private >
 * mp_futex_add_and_wake_all:
 * @addend: 0 to 2047
 *
 * Like mp_futex_add_and_wake(), but wakes all.
 *
 * Returns: how many were woken
 */
guint
mp_futex_add_and_wake_all (MpAtomic32 *word,
                           guint32     addend)
{
  tell_sanitizer (word);
  return (guint) futex (word, FUTEX_WAKE_OP, MP_FUTEX_WAKE_ALL, count_argument (0), word,
                        (guint32) OPERATION (ADD, addend));
}

/*< private >
 * mp_futex_set_and_wake:
 * @value: 0 to 2047
 *
 * Like mp_futex_add_and_wake(), with a store.
 */
void
mp_futex_set_and_wake (MpAtomic32 *word,
                       guint32     value)
{
  tell_sanitizer (word);
  futex (word, FUTEX_WAKE_OP, 1, count_argument (0), word,
         (guint32) OPERATION (SET, value));
}

/*< private >
 * mp_futex_set_bits_and_wake_all:
 * @bits: 0 to 2047
 *
 * Like mp_futex_add_and_wake(), but sets bits and wakes all.
 */
void
mp_futex_set_bits_and_wake_all (MpAtomic32 *word,
                                guint32     bits)
{
  tell_sanitizer (word);
  futex (word, FUTEX_WAKE_OP, MP_FUTEX_WAKE_ALL, count_argument (0), word,
         (guint32) OPERATION (OR, bits));
}

/*< private >
 * mp_futex_clear_and_wake_all:
 * @bits: 0 to 2047
 *
 * Like mp_futex_add_and_wake(), but clears bits and wakes all.
 */
void
mp_futex_clear_and_wake_all (MpAtomic32 *word,
                             guint32     bits)
{
  tell_sanitizer (word);
  futex (word, FUTEX_WAKE_OP, MP_FUTEX_WAKE_ALL, count_argument (0), word,
         (guint32) OPERATION (ANDN, bits));
}

/*< private >
 * mp_futex_wait:
 * @seen: the value to sleep at
 * @deadline: a deadline
 *
 * Returns: %FALSE if the deadline is over
 */
gboolean
mp_futex_wait (MpAtomic32 *word,
               guint32     seen,
               gint64      deadline)
{
  struct timespec until;

  if (deadline == MP_DEADLINE_NEVER)
    {
      futex (word, FUTEX_WAIT, seen, NULL, NULL, 0);
      return TRUE;
    }

  /* FUTEX_WAIT has a span of time, which a signal would begin anew. */
  until = mp_deadline_to_timespec (deadline);
  return futex (word, FUTEX_WAIT_BITSET, seen, &until, NULL, FUTEX_BITSET_MATCH_ANY) == 0 || errno != ETIMEDOUT;
}

/*< private >
 * mp_futex_can_wait_many:
 *
 * Asks the kernel once.
 */
gboolean
mp_futex_can_wait_many (void)
{
  guint32 state = atomic_load_explicit (&wait_many_state, memory_order_relaxed);

  if (G_UNLIKELY (state == WAIT_MANY_UNKNOWN))
    {
      guint32 unknown = WAIT_MANY_UNKNOWN;

      /* No words at all are an invalid argument where the call is known. */
      syscall (SYS_futex_waitv, NULL, 0, 0, NULL, CLOCK_MONOTONIC);
      state = errno == EINVAL ? WAIT_MANY_PRESENT : WAIT_MANY_MISSING;
      if (!atomic_compare_exchange_strong (&wait_many_state, &unknown, state))
        state = unknown;
    }

  return state == WAIT_MANY_PRESENT;
}

/*< private >
 * mp_futex_forbid_wait_many:
 *
 * For tests: behave as on a kernel without it, from now on.
 */
void
mp_futex_forbid_wait_many (void)
{
  atomic_store (&wait_many_state, WAIT_MANY_MISSING);
}

static gboolean
wait_for_slice (const MpFutexWait *wait,
                gint64             deadline)
{
  gint64 slice_end = g_get_monotonic_time () + MP_FUTEX_SLICE_USEC;

  if (deadline != MP_DEADLINE_NEVER && deadline <= slice_end)
    return mp_futex_wait (wait->word, wait->seen, deadline);

  mp_futex_wait (wait->word, wait->seen, slice_end);
  return TRUE;
}

/*< private >
 * mp_futex_wait_many:
 * @waits: words, the most urgent first
 * @n_waits: 1 to %MP_FUTEX_MAX_WAITS
 * @deadline: a deadline
 *
 * Sleeps until one of the words has changed and somebody woke on it.  Where the
 * kernel cannot do that it sleeps on the first, for a slice of time.
 *
 * Returns: %FALSE if the deadline is over
 */
gboolean
mp_futex_wait_many (const MpFutexWait *waits,
                    guint              n_waits,
                    gint64             deadline)
{
  KernelWait vector[MP_FUTEX_MAX_WAITS];
  struct timespec until;

  g_assert (n_waits >= 1 && n_waits <= MP_FUTEX_MAX_WAITS);

  if (!mp_futex_can_wait_many ())
    return wait_for_slice (waits, deadline);

  for (guint i = 0; i < n_waits; i++)
    vector[i] = (KernelWait) {
      .value = waits[i].seen,
      .address = (guintptr) waits[i].word,
      .flags = KERNEL_WAIT_32_BIT,
    };

  if (deadline == MP_DEADLINE_NEVER)
    {
      syscall (SYS_futex_waitv, vector, n_waits, 0, NULL, CLOCK_MONOTONIC);
      return TRUE;
    }

  until = mp_deadline_to_timespec (deadline);
  return syscall (SYS_futex_waitv, vector, n_waits, 0, &until, CLOCK_MONOTONIC) >= 0 || errno != ETIMEDOUT;
}

/*< private >
 * mp_futex_pause:
 *
 * For the rare moment in which what one waits for is being torn down by the
 * kernel, which tells nobody when it is through.
 */
void
mp_futex_pause (gint64 usec)
{
  struct timespec span = { .tv_nsec = usec * 1000 };

  nanosleep (&span, NULL);
}
