/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <unistd.h>

#include "mp-log-private.h"

int mp_log_threshold = 0;

/* Never freed, so that a message on another thread never sees a freed name.  A
 * process has few names in its life.
 */
static const char *process_name = "MainProcess";
static const char *volatile former_name; /* only kept, so that who looks for leaks finds none */

/* Which GLogLevelFlags let GLib's own filters and colours treat a level rightly. */
static GLogLevelFlags
get_glib_level (MpLogLevel level)
{
  switch (level)
    {
    case MP_LOG_LEVEL_SUBDEBUG:
    case MP_LOG_LEVEL_DEBUG:
      return G_LOG_LEVEL_DEBUG;
    case MP_LOG_LEVEL_INFO:
      return G_LOG_LEVEL_INFO;
    case MP_LOG_LEVEL_SUBWARNING:
      return G_LOG_LEVEL_MESSAGE;
    case MP_LOG_LEVEL_WARNING:
    default:
      return G_LOG_LEVEL_WARNING;
    }
}

/*< private >
 * mp_log_read_threshold:
 *
 * Takes the threshold from G_MESSAGES_DEBUG, unless somebody has set one: with
 * `Mp` or `all` in it everything is written.  Without, the few messages from
 * INFO up still are, since the program may have a log writer of its own.
 *
 * Returns: the threshold that holds
 */
int
mp_log_read_threshold (void)
{
  int threshold = MP_LOG_LEVEL_INFO;

  if (!g_log_writer_default_would_drop (G_LOG_LEVEL_DEBUG, G_LOG_DOMAIN))
    threshold = MP_LOG_LEVEL_SUBDEBUG;

  g_atomic_int_compare_and_exchange (&mp_log_threshold, 0, threshold);

  return g_atomic_int_get (&mp_log_threshold);
}

void
mp_log_set_threshold (MpLogLevel level)
{
  g_atomic_int_set (&mp_log_threshold, (int) level);
}

void
mp_log_set_process_name (const char *name)
{
  /* Never freed, since other threads may read it; and only who is forked from a process with a name has a second */
  former_name = process_name;
  g_atomic_pointer_set (&process_name, g_strdup (name));
}

typedef struct
{
  MpLogLevel  level;
  const char *file;      /* static, as the next two */
  const char *line;
  const char *function;
  char       *message;
} Record;

_Thread_local guint mp_log_n_holds;
_Thread_local GSList *mp_log_held;   /* of Record, the last one first */

static void
write_record (const Record *record)
{
  char level_number[12];
  char pid[12];

  g_snprintf (level_number, sizeof level_number, "%d", (int) record->level);
  /* Asked anew each time: a fork by somebody else changes it. */
  g_snprintf (pid, sizeof pid, "%d", (int) getpid ());

  g_log_structured (G_LOG_DOMAIN, get_glib_level (record->level),
                    "CODE_FILE", record->file,
                    "CODE_LINE", record->line,
                    "CODE_FUNC", record->function,
                    "MP_PROCESS", (const char *) g_atomic_pointer_get (&process_name),
                    "MP_PID", pid,
                    "MP_LEVEL", level_number,
                    "MESSAGE", "%s", record->message);
}

static void
record_free (gpointer data)
{
  Record *self = data;

  g_free (self->message);
  g_free (self);
}

/*< private >
 * mp_log_write_held:
 *
 * Use mp_log_release().
 */
void
mp_log_write_held (void)
{
  GSList *records = g_slist_reverse (g_steal_pointer (&mp_log_held));

  for (GSList *l = records; l != NULL; l = l->next)
    write_record (l->data);
  g_slist_free_full (records, record_free);
}

void
mp_log_write (MpLogLevel  level,
              const char *file,
              const char *line,
              const char *function,
              const char *format,
              ...)
{
  Record record = { level, file, line, function, NULL };
  va_list args;

  va_start (args, format);
  record.message = g_strdup_vprintf (format, args);
  va_end (args);

  if (mp_log_n_holds > 0)
    {
      mp_log_held = g_slist_prepend (mp_log_held, g_memdup2 (&record, sizeof record));
      return;
    }

  write_record (&record);
  g_free (record.message);
}
