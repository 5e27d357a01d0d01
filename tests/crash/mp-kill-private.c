/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <link.h>
#include <string.h>

#include "mp-kill-private.h"

#define MAX_RANGES 8

typedef struct
{
  guint64 begin, end;
} Range;

typedef struct
{
  Range ranges[MAX_RANGES];
  guint n;
} Ranges;

static gboolean
is_of_glib (const char *name)
{
  const char *base = strrchr (name, '/');

  return base != NULL && (g_str_has_prefix (base, "/libglib-2.0.so") || g_str_has_prefix (base, "/libgobject-2.0.so"));
}

static int
add_code (struct dl_phdr_info *library,
          size_t               size,
          void                *data)
{
  Ranges *ranges = data;

  for (guint i = 0; is_of_glib (library->dlpi_name) && i < library->dlpi_phnum && ranges->n < MAX_RANGES; i++)
    {
      const ElfW (Phdr) *header = &library->dlpi_phdr[i];
      guint64 begin = library->dlpi_addr + header->p_vaddr;

      if (header->p_type == PT_LOAD && (header->p_flags & PF_X) != 0)
        ranges->ranges[ranges->n++] = (Range) { begin, begin + header->p_memsz };
    }

  return 0;
}

/*
 * mp_kill_is_private:
 * @address: of code, which is where it is in this process
 */
gboolean
mp_kill_is_private (guint64 address)
{
  static Ranges ranges;

  if (ranges.n == 0)
    dl_iterate_phdr (add_code, &ranges);

  for (guint i = 0; i < ranges.n; i++)
    if (address >= ranges.ranges[i].begin && address < ranges.ranges[i].end)
      return TRUE;

  return FALSE;
}
