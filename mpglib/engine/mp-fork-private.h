/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 The mpglib developers */

/* What a process finds that a stranger forks from this one (fork() in a program with threads).  Only the thread that
 * forked is there; a lock that another one held would be held for ever.  So fork() takes all locks first, in order,
 * and both processes give them back: what they guard is whole in the child, objects of the parent's can be asked for
 * what was known of them, and objects can be made.  That is all: mp_origin_check() refuses what only the parent can do.
 *
 *     pumps         all that there are; nothing else is held by who takes one
 *     engine        what makes and serves them
 *     leaves        locks under which no other of the library's is taken
 *
 * A process with one thread takes none: nobody else could have one.
 *
 * GLib's own locks are not among them, so the library's threads take those only with one of these held.
 * Locks of single objects that only their own methods take (MpExchange) stay out of it: those look at the origin
 * before they lock. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* From constructors of the library.  Both may be NULL; `in_child` forgets what is the parent's, no lock is held.  It
 * writes nothing where there is nothing to forget: in a template's child each page that is written to is copied */
void mp_fork_add_leaf (GMutex  *lock,
                       void   (*in_child) (void));

/* In their files: what fork() does with their locks */
void mp_pump_before_fork     (void);
void mp_pump_after_fork      (void);
void mp_engine_before_fork   (void);
void mp_engine_after_fork    (void);
/* In the child, which may have the locks still */
void mp_pump_forget_parent   (void);
void mp_engine_forget_parent (void);

G_END_DECLS
