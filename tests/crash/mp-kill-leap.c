/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers
 */

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mp-kill-leap.h"

#ifdef __x86_64__

#define BREAKPOINT        0xccl   /* int3, of one byte */
#define BREAKPOINT_LENGTH 1

typedef enum
{
  UNKNOWN,
  BY_REGISTERS,
  BY_CODE,
} Way;

static Way way;

static gboolean
write_register (pid_t   tid,
                gsize   offset,
                guint64 value)
{
  return ptrace (PTRACE_POKEUSER, tid, offset, value) == 0;
}

static gboolean
write_debug_register (pid_t   tid,
                      guint   which,
                      guint64 value)
{
  return write_register (tid, offsetof (struct user, u_debugreg) + which * sizeof (guint64), value);
}

static gboolean
set_registers (pid_t   tid,
               guint64 address)
{
  return write_debug_register (tid, 0, address) && write_debug_register (tid, 7, 1);
}

/*
 * mp_kill_get_address:
 *
 * Returns: the address of the next instruction
 */
guint64
mp_kill_get_address (pid_t tid)
{
  return (guint64) ptrace (PTRACE_PEEKUSER, tid, offsetof (struct user, regs.rip), NULL);
}

/* --- Which way ------------------------------------------------------------ */

static G_GNUC_NO_INLINE void
be_reached (void)
{
  __asm__ volatile ("nop");
}

static void
be_probe (void)
{
  if (ptrace (PTRACE_TRACEME, 0, NULL, NULL) != 0)
    _exit (1);

  raise (SIGSTOP);
  be_reached ();
  raise (SIGSTOP);
  _exit (0);
}

static gboolean
is_stopped_by (pid_t pid,
               int   signal_number)
{
  int status;

  return waitpid (pid, &status, __WALL) == pid && WIFSTOPPED (status) && WSTOPSIG (status) == signal_number;
}

static Way
find_way (void)
{
  pid_t pid = fork ();
  gboolean do_registers_stop;
  int status;

  if (pid == 0)
    be_probe ();

  do_registers_stop = pid > 0 && is_stopped_by (pid, SIGSTOP) && set_registers (pid, (guintptr) be_reached) &&
                      ptrace (PTRACE_CONT, pid, NULL, NULL) == 0 && is_stopped_by (pid, SIGTRAP);
  if (pid > 0)
    {
      kill (pid, SIGKILL);
      while (waitpid (pid, &status, __WALL) == pid && WIFSTOPPED (status))
        ;
    }

  return do_registers_stop ? BY_REGISTERS : BY_CODE;
}

/*
 * mp_kill_can_leap:
 *
 * Finds out at the first call, which no signal may interrupt.
 *
 * Returns: %FALSE if it takes steps to get anywhere here
 */
gboolean
mp_kill_can_leap (void)
{
  if (way == UNKNOWN)
    way = find_way ();

  return TRUE;
}

/* --- Aiming and landing --------------------------------------------------- */

static gboolean
replace_code (MpKillAim *aim,
              pid_t      tid,
              guint64    address)
{
  aim->is_deadly = TRUE;
  errno = 0;
  aim->code = ptrace (PTRACE_PEEKTEXT, tid, address, NULL);
  return errno == 0 && ptrace (PTRACE_POKETEXT, tid, address, (aim->code & ~0xffl) | BREAKPOINT) == 0;
}

/*
 * mp_kill_aim:
 * @address: an instruction; where the code is replaced, not the next one
 *
 * Returns: %FALSE if that is not possible there
 */
gboolean
mp_kill_aim (MpKillAim *aim,
             pid_t      tid,
             guint64    address)
{
  if (!(way == BY_REGISTERS ? set_registers (tid, address) : replace_code (aim, tid, address)))
    return FALSE;

  aim->address = address;
  return TRUE;
}

/*
 * mp_kill_land:
 *
 * When the thread has stopped, wherever that is.
 */
void
mp_kill_land (MpKillAim *aim,
              pid_t      tid)
{
  if (aim->address == 0)
    return;

  if (way == BY_REGISTERS)
    write_debug_register (tid, 7, 0);
  else if (ptrace (PTRACE_POKETEXT, tid, aim->address, aim->code) == 0 &&
           mp_kill_get_address (tid) == aim->address + BREAKPOINT_LENGTH)
    write_register (tid, offsetof (struct user, regs.rip), aim->address);

  aim->address = 0;
}

#else

gboolean
mp_kill_can_leap (void)
{
  return FALSE;
}

gboolean
mp_kill_aim (MpKillAim *aim,
             pid_t      tid,
             guint64    address)
{
  return FALSE;
}

void
mp_kill_land (MpKillAim *aim,
              pid_t      tid)
{
}

guint64
mp_kill_get_address (pid_t tid)
{
  return 0;
}

#endif
