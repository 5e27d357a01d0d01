/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The levels of Python's multiprocessing, with its numbers: the five that the
 * library logs at, from the calls of finalizers to warnings.
 */
typedef enum
{
  MP_LOG_LEVEL_SUBDEBUG = 5,
  MP_LOG_LEVEL_DEBUG = 10,
  MP_LOG_LEVEL_INFO = 20,
  MP_LOG_LEVEL_SUBWARNING = 25,
  MP_LOG_LEVEL_WARNING = 30,
} MpLogLevel;

/* A message is a record of g_log_structured() in the domain Mp, with the
 * fields MP_PROCESS (name of the process), MP_PID and MP_LEVEL (the number
 * above) besides GLib's own.  One that nobody wants costs a load and a compare;
 * its arguments are not evaluated.
 *
 * Like all of GLib's logging it takes locks and allocates: never call it
 * between fork and exec, in a signal handler or on the thread mp-watch.
 *
 * A log writer is the application's, and may call the library: so what is said with a lock
 * of the library's held is kept until the thread lets go of it, by mp_log_hold() and
 * mp_log_release().
 */
#define mp_log(level, ...) \
  G_STMT_START { \
    if (G_UNLIKELY (mp_log_is_wanted (level))) \
      mp_log_write ((level), __FILE__, G_STRINGIFY (__LINE__), G_STRFUNC, __VA_ARGS__); \
  } G_STMT_END

#define mp_log_subdebug(...)   mp_log (MP_LOG_LEVEL_SUBDEBUG, __VA_ARGS__)
#define mp_log_debug(...)      mp_log (MP_LOG_LEVEL_DEBUG, __VA_ARGS__)
#define mp_log_info(...)       mp_log (MP_LOG_LEVEL_INFO, __VA_ARGS__)
#define mp_log_subwarning(...) mp_log (MP_LOG_LEVEL_SUBWARNING, __VA_ARGS__)
#define mp_log_warning(...)    mp_log (MP_LOG_LEVEL_WARNING, __VA_ARGS__)

/* The lowest level that is written.  0 until the first message asks for it. */
extern int mp_log_threshold;

int  mp_log_read_threshold   (void);
void mp_log_set_threshold    (MpLogLevel  level);
void mp_log_set_process_name (const char *name);
void mp_log_write            (MpLogLevel  level,
                              const char *file,
                              const char *line,
                              const char *function,
                              const char *format,
                              ...) G_GNUC_PRINTF (5, 6);

extern _Thread_local guint mp_log_n_holds;
extern _Thread_local GSList *mp_log_held;

void mp_log_write_held (void);

static inline void
mp_log_hold (void)
{
  mp_log_n_holds++;
}

static inline void
mp_log_release (void)
{
  mp_log_n_holds--;
  if (G_UNLIKELY (mp_log_held != NULL) && mp_log_n_holds == 0)
    mp_log_write_held ();
}

static inline gboolean
mp_log_is_wanted (MpLogLevel level)
{
  int threshold = g_atomic_int_get (&mp_log_threshold);

  if (G_UNLIKELY (threshold == 0))
    threshold = mp_log_read_threshold ();

  return (int) level >= threshold;
}

G_END_DECLS
