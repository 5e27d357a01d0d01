/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mp-memfd-private.h"
#include "mp-procfs-private.h"

/* The kernel's flag of a task on its way out, in field 9. */
#define TASK_EXITING 0x4u

/* Numbers of fields as in proc(5). */
enum
{
  FIELD_STATE = 3,
  FIELD_FLAGS = 9,
  FIELD_START_TIME = 22,
  FIELD_START_STACK = 28,
};

static gboolean
parse_stat (const char   *text,
            MpProcfsStat *stat)
{
  const char *at = strrchr (text, ')');  /* the name before it may hold anything */
  int field = FIELD_STATE;

  *stat = (MpProcfsStat) { 0 };
  if (at == NULL)
    return FALSE;

  for (at += 2; *at != '\0'; at++)
    {
      if (field == FIELD_STATE)
        stat->is_exiting = *at == 'Z' || *at == 'X';
      else if (field == FIELD_FLAGS)
        stat->is_exiting |= (strtoul (at, NULL, 10) & TASK_EXITING) != 0;
      else if (field == FIELD_START_TIME)
        stat->start_time = strtoull (at, NULL, 10);
      else if (field == FIELD_START_STACK)
        {
          stat->image = strtoull (at, NULL, 10);
          return TRUE;
        }

      at = strchr (at, ' ');
      if (at == NULL)
        return FALSE;
      field++;
    }

  return FALSE;
}

/*< private >
 * mp_procfs_read_stat:
 * @tid: a thread of the process, or 0 for the whole
 *
 * Returns: %FALSE if there is no such process or /proc cannot be read
 */
gboolean
mp_procfs_read_stat (pid_t         pid,
                     pid_t         tid,
                     MpProcfsStat *stat)
{
  char name[64], text[1024];
  MP_AUTO_FD fd = -1;
  gssize length;

  if (tid != 0)
    snprintf (name, sizeof name, "/proc/%d/task/%d/stat", pid, tid);
  else
    snprintf (name, sizeof name, "/proc/%d/stat", pid);

  fd = open (name, O_RDONLY | O_CLOEXEC);
  length = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
  if (length <= 0)
    return FALSE;

  text[length] = '\0';
  return parse_stat (text, stat);
}

static gboolean
is_running (pid_t       pid,
            const char *tid)
{
  MpProcfsStat stat;

  return tid[0] != '.' && mp_procfs_read_stat (pid, atoi (tid), &stat) && !stat.is_exiting;
}

/*< private >
 * mp_procfs_all_are_exiting:
 *
 * Returns: %TRUE if no thread of the process will run user code again
 */
gboolean
mp_procfs_all_are_exiting (pid_t pid)
{
  char name[64];
  _Alignas (struct dirent64) char entries[2048];
  MP_AUTO_FD fd = -1;
  long length;

  snprintf (name, sizeof name, "/proc/%d/task", pid);
  fd = open (name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return access ("/proc/self/task", F_OK) == 0;

  /* opendir() would allocate. */
  while ((length = syscall (SYS_getdents64, fd, entries, sizeof entries)) > 0)
    {
      const struct dirent64 *entry;

      for (long at = 0; at < length; at += entry->d_reclen)
        {
          entry = (const struct dirent64 *) (entries + at);
          if (is_running (pid, entry->d_name))
            return FALSE;
        }
    }

  return length == 0;
}
